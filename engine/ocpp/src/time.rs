//! Time as a station writes it.

use std::fmt;

use units::civil::Zone;
use units::{ReportedAt, TimeSpan, Timestamp};

/// A time as it stands in a frame. Never an error: what cannot be read is kept as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StationTime {
    /// An instant with its zone.
    At(ReportedAt),
    /// Date and time of day without zone: only with the station's zone is it an instant.
    Civil(CivilTime),
    /// Something that is no time, as it came.
    Unreadable(String),
    /// Nothing was given.
    #[default]
    Absent,
}

impl StationTime {
    /// Reads any text.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::Absent;
        }
        let unreadable = || Self::Unreadable(text.chars().take(64).collect());
        if let Some(instant) = instant_from(text) {
            return Self::At(ReportedAt(instant));
        }
        match instant_from(&format!("{text}Z")) {
            Some(as_if_utc) => Self::Civil(CivilTime { as_if_utc }),
            None => unreadable(),
        }
    }

    /// The instant, a time without zone taken as one of `zone` (the first pass of a repeated hour).
    #[must_use]
    pub fn instant_in(&self, zone: &Zone) -> Option<ReportedAt> {
        match self {
            Self::At(instant) => Some(*instant),
            Self::Civil(civil) => Some(civil.instant_in(zone)),
            Self::Unreadable(_) | Self::Absent => None,
        }
    }

    /// The instant, where it came with its zone.
    #[must_use]
    pub const fn instant(&self) -> Option<ReportedAt> {
        match self {
            Self::At(instant) => Some(*instant),
            Self::Civil(_) | Self::Unreadable(_) | Self::Absent => None,
        }
    }
}

impl From<Timestamp> for StationTime {
    fn from(instant: Timestamp) -> Self {
        Self::At(ReportedAt(instant))
    }
}

impl From<ReportedAt> for StationTime {
    fn from(instant: ReportedAt) -> Self {
        Self::At(instant)
    }
}

/// Date and time of day to the millisecond, of no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CivilTime {
    /// The instant at which a clock set to UTC shows this time.
    as_if_utc: Timestamp,
}

impl CivilTime {
    /// The instant at which clocks of `zone` show this time: the first pass of a repeated hour, the moment after a
    /// skipped one.
    #[must_use]
    pub fn instant_in(self, zone: &Zone) -> ReportedAt {
        let civil = Zone::utc().civil(self.as_if_utc);
        let within_minute = self.as_if_utc.milliseconds().rem_euclid(60_000);
        ReportedAt(
            zone.instant(civil.date, civil.hour, civil.minute) + TimeSpan::from_milliseconds(within_minute),
        )
    }
}

impl fmt::Display for CivilTime {
    /// `2026-01-31T17:30:00.000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_if_utc.to_string().trim_end_matches('Z'))
    }
}

/// An instant with zone; those beyond what a [`Timestamp`] holds are not read, since it would move them.
fn instant_from(text: &str) -> Option<Timestamp> {
    let instant: Timestamp = text.parse().ok()?;
    (instant != Timestamp::from_milliseconds(i64::MIN) && instant != Timestamp::MAX).then_some(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_whatever_their_form() {
        let at = |text: &str| StationTime::from(text.parse::<Timestamp>().unwrap());
        for (text, want) in [
            ("2026-07-23T08:21:46.000Z", at("2026-07-23T08:21:46Z")),
            ("2023-04-15T11:04:45.659+00:00", at("2023-04-15T11:04:45.659Z")),
            ("2024-04-26T14:35:02+02", at("2024-04-26T12:35:02Z")),
            (" 2026-07-23T08:21:46Z ", at("2026-07-23T08:21:46Z")),
            ("", StationTime::Absent),
            ("0", StationTime::Unreadable("0".to_owned())),
            ("0001-01-01T00:00:00Z", StationTime::Unreadable("0001-01-01T00:00:00Z".to_owned())),
            ("2022-07-10T3:11:55Z", StationTime::Unreadable("2022-07-10T3:11:55Z".to_owned())),
        ] {
            assert_eq!(StationTime::read(text), want, "{text}");
        }
    }

    #[test]
    fn a_time_without_zone_becomes_an_instant_only_with_the_stations_zone() {
        let time = StationTime::read("2023-10-19T15:28:07.25");
        assert_eq!(time.instant(), None);
        let helsinki: Zone = "Europe/Helsinki".parse().unwrap();
        let instant = time.instant_in(&helsinki).unwrap();
        assert_eq!(instant.to_string(), "2023-10-19T12:28:07.250Z");
        let StationTime::Civil(civil) = time else { panic!("civil") };
        assert_eq!(civil.to_string(), "2023-10-19T15:28:07.250");
    }
}
