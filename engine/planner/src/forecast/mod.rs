//! Forecasts: what is expected of base load, of stays and of photovoltaics, by what was seen before.
//!
//! Each learns one value at a time, says what it expects with a band of its own error, and keeps count of how far off it was
//! beside a naive forecast of the same: [`Track`]. They are hints for plans; no limit rests on them (S5, S6).

mod base;
mod site;
mod stays;
mod sun;

pub use base::{BaseForecast, Expected};
pub use site::{RowError, SiteForecast};
pub use stays::{ExpectedStay, Stay, StayForecast};
pub use sun::SunForecast;

/// How far off a forecast was, beside a naive one: sums over all that was forecast and came to be known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Track {
    count: u64,
    own: f64,
    naive: f64,
}

impl Track {
    fn note(&mut self, value: f64, own: f64, naive: f64) {
        self.count += 1;
        self.own += (value - own).abs();
        self.naive += (value - naive).abs();
    }

    /// How many forecasts were held against what came.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean absolute error in thousandths of that of the naive forecast, rounded up: below 1 000 it is better. None where
    /// nothing was compared yet, or the naive one was never wrong.
    #[must_use]
    pub fn per_mille_of_naive(&self) -> Option<i64> {
        (self.naive > 0.0).then(|| crate::number::round((self.own / self.naive * 1e3).ceil()))
    }

    /// The mean absolute error, in thousandths of the unit, rounded up; 0 where nothing was compared yet.
    #[must_use]
    pub fn mean_thousandths(&self) -> i64 {
        if self.count == 0 { 0 } else { crate::number::round((self.own / counted(self.count) * 1e3).ceil()) }
    }
}

fn counted(count: u64) -> f64 {
    crate::number::float(i64::try_from(count).unwrap_or(i64::MAX))
}
