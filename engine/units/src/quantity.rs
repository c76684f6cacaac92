//! Physical quantities as integer thousandths.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::TimeSpan;

/// One integer quantity: an `i64` count of thousandths of its name, with only the operators that keep the unit.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $symbol:literal, $from_whole:ident, $from_thousandths:ident, $thousandths:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// From a whole count of the unit.
            #[must_use]
            pub const fn $from_whole(count: i64) -> Self {
                Self(count * 1000)
            }

            /// From a count of thousandths of the unit.
            #[must_use]
            pub const fn $from_thousandths(count: i64) -> Self {
                Self(count)
            }

            /// The count of thousandths of the unit.
            #[must_use]
            pub const fn $thousandths(self) -> i64 {
                self.0
            }

            /// The largest multiple of `step` that is not above `self`.
            ///
            /// # Panics
            ///
            /// Where `step` is not positive.
            #[must_use]
            pub const fn floor_to(self, step: Self) -> Self {
                assert!(step.0 > 0, "a step must be positive");
                Self(self.0.div_euclid(step.0) * step.0)
            }

            /// The smallest multiple of `step` that is not below `self`.
            ///
            /// # Panics
            ///
            /// Where `step` is not positive.
            #[must_use]
            pub const fn ceil_to(self, step: Self) -> Self {
                assert!(step.0 > 0, "a step must be positive");
                Self(-((-self.0).div_euclid(step.0) * step.0))
            }

            /// `self` divided by `divisor`, rounded toward negative infinity.
            #[must_use]
            pub const fn div_floor(self, divisor: i64) -> Self {
                Self(self.0.div_euclid(divisor))
            }

            /// `self · numerator / denominator`, rounded toward negative infinity.
            #[must_use]
            pub const fn ratio_floor(self, numerator: i64, denominator: i64) -> Self {
                Self((self.0 * numerator).div_euclid(denominator))
            }

            /// `self · numerator / denominator`, rounded toward positive infinity.
            #[must_use]
            pub const fn ratio_ceil(self, numerator: i64, denominator: i64) -> Self {
                Self(-((-self.0 * numerator).div_euclid(denominator)))
            }

            /// `self` without its sign.
            #[must_use]
            pub const fn magnitude(self) -> Self {
                Self(self.0.abs())
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Mul<i64> for $name {
            type Output = Self;
            fn mul(self, count: i64) -> Self {
                Self(self.0 * count)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::ZERO, Add::add)
            }
        }

        impl FromStr for $name {
            type Err = ParseQuantityError;
            /// Reads a bare decimal number in the unit itself, without a symbol.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                thousandths_from(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_thousandths(f, self.0, $symbol)
            }
        }
    };
}
quantity! {
    /// Electric current, a count of milliamperes. Positive is import: into the site, into the EV.
    Amperes, "A", from_amperes, from_milliamperes, milliamperes
}

quantity! {
    /// Electric potential, a count of millivolts.
    Volts, "V", from_volts, from_millivolts, millivolts
}

quantity! {
    /// Active power, a count of milliwatts. Positive is import.
    Watts, "W", from_watts, from_milliwatts, milliwatts
}

quantity! {
    /// Energy, a count of milliwatt-hours. Positive is import.
    WattHours, "Wh", from_watt_hours, from_milliwatt_hours, milliwatt_hours
}

impl Amperes {
    /// Power of this current at `volts` with power factor one, rounded toward negative infinity to 1 mW.
    #[must_use]
    pub const fn at_voltage_floor(self, volts: Volts) -> Watts {
        Watts((self.0 * volts.0).div_euclid(1000))
    }
}

impl Watts {
    /// The current that carries this power at `volts`, rounded down to 1 mA.
    ///
    /// # Panics
    ///
    /// Where `volts` is not positive.
    #[must_use]
    pub const fn current_at_floor(self, volts: Volts) -> Amperes {
        assert!(volts.0 > 0, "current from power needs a positive voltage");
        Amperes((self.0 * 1000).div_euclid(volts.0))
    }

    /// The current that carries this power at `volts`, rounded up to 1 mA.
    ///
    /// # Panics
    ///
    /// Where `volts` is not positive.
    #[must_use]
    pub const fn current_at_ceil(self, volts: Volts) -> Amperes {
        assert!(volts.0 > 0, "current from power needs a positive voltage");
        Amperes(-((-self.0 * 1000).div_euclid(volts.0)))
    }

    /// Energy of this power over `span`, rounded toward negative infinity to 1 mWh.
    #[must_use]
    pub const fn over_floor(self, span: TimeSpan) -> WattHours {
        WattHours((self.0 * span.milliseconds()).div_euclid(3_600_000))
    }
}

impl WattHours {
    /// Whole watt-hours, rounded toward negative infinity.
    #[must_use]
    pub const fn watt_hours_floor(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// Why a text is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a decimal number with at most three decimals within ±9·10^12")]
pub struct ParseQuantityError {
    text: String,
}

/// Thousandths from a decimal text, exactly: `"12.5"` is 12 500. Exponents are read, more than three decimals are
/// cut toward zero, since stations print figures such as `1234.56789`.
fn thousandths_from(text: &str) -> Result<i64, ParseQuantityError> {
    let fail = || ParseQuantityError { text: text.chars().take(64).collect() };
    let trimmed = text.trim();
    let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| fail())?),
        None => (trimmed, 0),
    };
    if !(-30..=30).contains(&exponent) {
        return Err(fail());
    }
    let (is_negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return Err(fail());
    }
    // Move the decimal point by the exponent and by the three places of a thousandth.
    let point = i64::try_from(whole.len()).map_err(|_| fail())? + i64::from(exponent) + 3;
    let length = whole.len() + fraction.len();
    let kept = usize::try_from(point).unwrap_or(0);
    if kept > length.max(60) {
        return Err(fail());
    }
    let figures = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat(b'0')).take(kept);
    let append = |count: i64, figure: u8| count.checked_mul(10)?.checked_add(i64::from(figure - b'0'));
    let magnitude = figures.into_iter().try_fold(0_i64, append).ok_or_else(fail)?;
    if magnitude > 9_000_000_000_000_000 {
        return Err(fail());
    }
    Ok(if is_negative { -magnitude } else { magnitude })
}

fn write_thousandths(f: &mut fmt::Formatter<'_>, count: i64, symbol: &str) -> fmt::Result {
    let sign = if count < 0 { "-" } else { "" };
    let whole = count.unsigned_abs() / 1000;
    let rest = count.unsigned_abs() % 1000;
    if rest == 0 {
        return write!(f, "{sign}{whole} {symbol}");
    }
    let decimals = format!("{rest:03}");
    write!(f, "{sign}{whole}.{} {symbol}", decimals.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_texts_are_read_exactly() {
        for (text, milli) in [
            ("12.5", 12_500),
            ("0", 0),
            ("-0.001", -1),
            ("+7", 7_000),
            (".5", 500),
            ("5.", 5_000),
            ("1e3", 1_000_000),
            ("1.5E-2", 15),
            ("1234.56789", 1_234_567),
            (" 16 ", 16_000),
            ("0e9", 0),
        ] {
            assert_eq!(text.parse::<Amperes>().map(Amperes::milliamperes), Ok(milli), "{text}");
        }
        for text in ["", ".", "-", "12,5", "NaN", "inf", "1e99", "0x10", "99999999999999999999"] {
            assert!(text.parse::<Amperes>().is_err(), "{text}");
        }
    }

    #[test]
    fn limits_round_down_and_minimums_round_up_to_a_step() {
        let step = Amperes::from_amperes(1);
        assert_eq!(Amperes::from_milliamperes(6_999).floor_to(step), Amperes::from_amperes(6));
        assert_eq!(Amperes::from_milliamperes(6_001).ceil_to(step), Amperes::from_amperes(7));
        assert_eq!(Amperes::from_milliamperes(-1).floor_to(step), Amperes::from_amperes(-1));
    }

    #[test]
    fn power_and_current_convert_with_a_stated_direction() {
        let volts = Volts::from_volts(230);
        assert_eq!(Amperes::from_amperes(16).at_voltage_floor(volts), Watts::from_watts(3_680));
        assert_eq!(Watts::from_watts(1_000).current_at_floor(volts), Amperes::from_milliamperes(4_347));
        assert_eq!(Watts::from_watts(1_000).current_at_ceil(volts), Amperes::from_milliamperes(4_348));
        let hour = TimeSpan::from_seconds(3_600);
        assert_eq!(Watts::from_watts(11_000).over_floor(hour), WattHours::from_watt_hours(11_000));
    }

    #[test]
    fn quantities_print_without_needless_zeros() {
        assert_eq!(Amperes::from_milliamperes(-12_500).to_string(), "-12.5 A");
        assert_eq!(WattHours::from_watt_hours(3).to_string(), "3 Wh");
    }
}
