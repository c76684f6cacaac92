//! Between integers with units and floats: nothing else converts.

use units::{Amperes, TimeSpan, UnitPrice, Volts, WattHours, Watts};

/// Exact below 2^53, far above any quantity that is let in.
#[expect(clippy::as_conversions, reason = "the standard library has no lossy conversion but this")]
pub const fn float(count: i64) -> f64 {
    count as f64
}

pub const fn amperes(current: Amperes) -> f64 {
    float(current.milliamperes()) / 1e3
}

pub const fn hours(span: TimeSpan) -> f64 {
    float(span.milliseconds()) / 3.6e6
}

pub const fn kilowatts(power: Watts) -> f64 {
    float(power.milliwatts()) / 1e6
}

pub const fn kilowatt_hours(energy: WattHours) -> f64 {
    float(energy.milliwatt_hours()) / 1e6
}

/// Kilowatts to the ampere per phase.
pub const fn kilowatts_per_ampere(voltage_total: Volts) -> f64 {
    float(voltage_total.millivolts()) / 1e6
}

/// In the major unit of its currency.
pub const fn price(price: UnitPrice) -> f64 {
    float(price.millionths()) / 1e6
}

/// Rounds down to 1 mA; what floating point left below a whole mA counts as that mA.
pub fn amperes_floor(current: f64) -> Amperes {
    Amperes::from_milliamperes(whole(current.mul_add(1e3, 1e-3).floor()))
}

/// Rounds up to 1 mA; what floating point left above a whole mA does not count.
pub fn amperes_ceil(current: f64) -> Amperes {
    Amperes::from_milliamperes(whole(current.mul_add(1e3, -1e-3).ceil()))
}

/// Rounds down to 1 mWh; what floating point left below a whole mWh counts as that mWh.
pub fn watt_hours_floor(kilowatt_hours: f64) -> WattHours {
    WattHours::from_milliwatt_hours(whole(kilowatt_hours.mul_add(1e6, 1e-3).floor()))
}

/// Rounds up to 1 mW.
pub fn watts_ceil(kilowatts: f64) -> Watts {
    Watts::from_milliwatts(whole(kilowatts.mul_add(1e6, -1e-3).ceil()))
}

/// Rounds to the nearest.
pub fn round(count: f64) -> i64 {
    whole(count.round())
}

/// Rounds towards zero.
#[expect(clippy::as_conversions, reason = "saturates; the standard library has no checked conversion")]
pub const fn whole(count: f64) -> i64 {
    count as i64
}
