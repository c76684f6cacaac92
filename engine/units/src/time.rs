//! Instants and spans as integer milliseconds.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An instant: UTC milliseconds since 1970-01-01, from the engine's own monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The years 1900 to 9999, which is what RFC 3339 and the civil calendar can print.
const PRINTABLE_MS: std::ops::RangeInclusive<i64> = -2_208_988_800_000..=253_402_207_199_999;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The last instant that can be printed.
    pub const MAX: Self = Self(*PRINTABLE_MS.end());

    /// From UTC milliseconds since 1970-01-01, held within the years 1900 to 9999.
    #[must_use]
    pub const fn from_milliseconds(count: i64) -> Self {
        if count < *PRINTABLE_MS.start() {
            Self(*PRINTABLE_MS.start())
        } else if count > *PRINTABLE_MS.end() {
            Self(*PRINTABLE_MS.end())
        } else {
            Self(count)
        }
    }

    /// UTC milliseconds since 1970-01-01.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// The span since `earlier`, negative where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> TimeSpan {
        TimeSpan(self.0 - earlier.0)
    }

    /// The latest multiple of `period` since the epoch that is not after `self`.
    ///
    /// # Panics
    ///
    /// Where `period` is not positive.
    #[must_use]
    pub const fn floor_to(self, period: TimeSpan) -> Self {
        assert!(period.0 > 0, "a period must be positive");
        Self(self.0.div_euclid(period.0) * period.0)
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-01-31T17:30:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an RFC 3339 instant such as 2026-01-31T17:30:00Z")]
pub struct ParseTimestampError {
    text: String,
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;
    /// Reads RFC 3339 with an offset; an instant without one is refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Self::from_milliseconds(instant.as_millisecond()))
            .map_err(|_| ParseTimestampError { text: text.chars().take(64).collect() })
    }
}

/// An instant as a station or a meter claims it: evidence, never control's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReportedAt(pub Timestamp);

impl fmt::Display for ReportedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A length of time in milliseconds; negative is toward the past.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeSpan(i64);

impl TimeSpan {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// From milliseconds.
    #[must_use]
    pub const fn from_milliseconds(count: i64) -> Self {
        Self(count)
    }

    /// From seconds.
    #[must_use]
    pub const fn from_seconds(count: i64) -> Self {
        Self(count * 1_000)
    }

    /// From minutes.
    #[must_use]
    pub const fn from_minutes(count: i64) -> Self {
        Self(count * 60_000)
    }

    /// From hours.
    #[must_use]
    pub const fn from_hours(count: i64) -> Self {
        Self(count * 3_600_000)
    }

    /// Milliseconds.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded toward negative infinity.
    #[must_use]
    pub const fn seconds_floor(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// `self · numerator / denominator`, rounded toward negative infinity.
    #[must_use]
    pub const fn ratio_floor(self, numerator: i64, denominator: i64) -> Self {
        Self((self.0 * numerator).div_euclid(denominator))
    }
}

impl fmt::Display for TimeSpan {
    /// Seconds with as many decimals as needed: `5 s`, `0.25 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 1_000, self.0.unsigned_abs() % 1_000);
        if rest == 0 {
            return write!(f, "{sign}{whole} s");
        }
        write!(f, "{sign}{whole}.{} s", format!("{rest:03}").trim_end_matches('0'))
    }
}

impl Add<TimeSpan> for Timestamp {
    type Output = Self;
    fn add(self, span: TimeSpan) -> Self {
        Self::from_milliseconds(self.0.saturating_add(span.0))
    }
}

impl Sub<TimeSpan> for Timestamp {
    type Output = Self;
    fn sub(self, span: TimeSpan) -> Self {
        Self::from_milliseconds(self.0.saturating_sub(span.0))
    }
}

impl AddAssign<TimeSpan> for Timestamp {
    fn add_assign(&mut self, span: TimeSpan) {
        *self = *self + span;
    }
}

impl Add for TimeSpan {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for TimeSpan {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<i64> for TimeSpan {
    type Output = Self;
    fn mul(self, count: i64) -> Self {
        Self(self.0 * count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_and_read_back() {
        let instant: Timestamp = "2026-01-31T19:30:00.25+02:00".parse().unwrap();
        assert_eq!(instant.to_string(), "2026-01-31T17:30:00.250Z");
        assert!("2026-01-31T19:30:00".parse::<Timestamp>().is_err(), "a zone is needed");
    }

    #[test]
    fn instants_beyond_the_calendar_are_held_at_its_edge() {
        assert_eq!(Timestamp::from_milliseconds(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX + TimeSpan::from_hours(1), Timestamp::MAX);
    }
}
