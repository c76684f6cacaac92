//! The one place where floats and integers meet.

/// `count` as a float; exact up to 2^53, which no current, energy or span of the plant reaches.
#[expect(
    clippy::as_conversions,
    reason = "the standard library has no lossless conversion; the range is stated"
)]
pub fn float(count: i64) -> f64 {
    count as f64
}

/// `value` rounded down to an integer; saturates at the ends of `i64`, and not-a-number is 0.
#[expect(clippy::as_conversions, reason = "a saturating float cast is what is meant")]
pub fn floor(value: f64) -> i64 {
    value.floor() as i64
}

/// `value` rounded up to an integer; saturates at the ends of `i64`, and not-a-number is 0.
#[expect(clippy::as_conversions, reason = "a saturating float cast is what is meant")]
pub fn ceil(value: f64) -> i64 {
    value.ceil() as i64
}

/// `value` rounded to the nearest integer; saturates at the ends of `i64`, and not-a-number is 0.
#[expect(clippy::as_conversions, reason = "a saturating float cast is what is meant")]
pub fn round(value: f64) -> i64 {
    value.round() as i64
}
