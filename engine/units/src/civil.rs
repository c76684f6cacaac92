//! Civil time: hours, days and months in a site's zone. Nothing else in the engine knows a calendar.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A zone of the IANA database, such as `Europe/Helsinki`. Its name says all: zones are equal by it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    zone: jiff::tz::TimeZone,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl Zone {
    /// UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: jiff::tz::TimeZone::UTC }
    }

    /// The name in the IANA database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What clocks and calendars in the zone show at `instant`.
    #[must_use]
    pub fn civil(&self, instant: Timestamp) -> Civil {
        let zoned = self.zoned(instant);
        Civil {
            date: CivilDate { year: zoned.year(), month: zoned.month(), day: zoned.day() },
            hour: zoned.hour(),
            minute: zoned.minute(),
            second: zoned.second(),
            weekday: zoned.weekday().to_monday_zero_offset(),
            offset_minutes: zoned.offset().seconds() / 60,
        }
    }

    /// The month that holds `instant`.
    #[must_use]
    pub fn month(&self, instant: Timestamp) -> CivilMonth {
        let date = self.civil(instant).date;
        CivilMonth { year: date.year, month: date.month }
    }

    /// The instant at which `date` begins in the zone; where midnight is skipped, the first instant after it.
    #[must_use]
    pub fn start_of_day(&self, date: CivilDate) -> Timestamp {
        self.instant(date, 0, 0)
    }

    /// The instant at which `month` begins in the zone.
    #[must_use]
    pub fn start_of_month(&self, month: CivilMonth) -> Timestamp {
        self.start_of_day(CivilDate { year: month.year, month: month.month, day: 1 })
    }

    /// The instant of `hour:minute` on `date`: the first pass of a repeated hour, the moment after a skipped one.
    #[must_use]
    pub fn instant(&self, date: CivilDate, hour: i8, minute: i8) -> Timestamp {
        let Ok(civil) = jiff::civil::DateTime::new(date.year, date.month, date.day, hour, minute, 0, 0)
        else {
            return Timestamp::MAX;
        };
        self.zone
            .to_ambiguous_timestamp(civil)
            .compatible()
            .map_or(Timestamp::MAX, |instant| Timestamp::from_milliseconds(instant.as_millisecond()))
    }

    /// `instant` as people write it, with the offset: `2026-01-31 19:30:00 +02:00`.
    #[must_use]
    pub fn print(&self, instant: Timestamp) -> String {
        self.zoned(instant).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    fn zoned(&self, instant: Timestamp) -> jiff::ZonedDateTime {
        jiff::Timestamp::from_millisecond(instant.milliseconds())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned_datetime(self.zone.clone())
    }
}

/// Why a text is not a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a time zone of the IANA database, such as Europe/Helsinki")]
pub struct UnknownZone {
    name: String,
}

impl FromStr for Zone {
    type Err = UnknownZone;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "UTC" {
            return Ok(Self::utc());
        }
        // The bundled database, never the machine's: the same inputs give the same outputs everywhere.
        jiff::tz::TimeZoneDatabase::bundled()
            .get(name)
            .map(|zone| Self { name: name.to_owned(), zone })
            .map_err(|_| UnknownZone { name: name.chars().take(64).collect() })
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

/// What a clock and a calendar show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// The date.
    pub date: CivilDate,
    /// 0 to 23.
    pub hour: i8,
    /// 0 to 59.
    pub minute: i8,
    /// 0 to 59.
    pub second: i8,
    /// 0 is Monday, 6 is Sunday.
    pub weekday: i8,
    /// Minutes east of UTC.
    pub offset_minutes: i32,
}

/// A date of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CivilDate {
    /// The year.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
    /// 1 to 31.
    pub day: i8,
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Why a text is not a date or month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a date such as 2026-01-31 or a month such as 2026-01")]
pub struct ParseCivilError {
    text: String,
}

impl FromStr for CivilDate {
    type Err = ParseCivilError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::civil::Date>()
            .map(|date| Self { year: date.year(), month: date.month(), day: date.day() })
            .map_err(|_| ParseCivilError { text: text.chars().take(64).collect() })
    }
}

impl TryFrom<String> for CivilDate {
    type Error = ParseCivilError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CivilDate> for String {
    fn from(date: CivilDate) -> Self {
        date.to_string()
    }
}

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CivilMonth {
    /// The year.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
}

impl CivilMonth {
    /// The month after.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }
}

impl fmt::Display for CivilMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for CivilMonth {
    type Err = ParseCivilError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first: CivilDate =
            format!("{text}-01").parse().map_err(|_| ParseCivilError { text: text.to_owned() })?;
        Ok(Self { year: first.year, month: first.month })
    }
}

impl TryFrom<String> for CivilMonth {
    type Error = ParseCivilError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CivilMonth> for String {
    fn from(month: CivilMonth) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn helsinki() -> Zone {
        "Europe/Helsinki".parse().unwrap()
    }

    #[test]
    fn m6_the_repeated_autumn_hour_shows_twice_with_two_offsets() {
        let first: Timestamp = "2026-10-25T00:30:00Z".parse().unwrap();
        let second: Timestamp = "2026-10-25T01:30:00Z".parse().unwrap();
        assert_eq!(helsinki().print(first), "2026-10-25 03:30:00 +03:00");
        assert_eq!(helsinki().print(second), "2026-10-25 03:30:00 +02:00");
    }

    #[test]
    fn m6_the_spring_night_is_an_hour_short() {
        let zone = helsinki();
        let start = zone.start_of_day("2026-03-29".parse().unwrap());
        let end = zone.start_of_day("2026-03-30".parse().unwrap());
        assert_eq!(end.since(start), crate::TimeSpan::from_hours(23));
    }

    #[test]
    fn m6_a_month_ends_at_local_midnight() {
        let zone = helsinki();
        let last: Timestamp = "2026-01-31T21:59:59.999Z".parse().unwrap();
        assert_eq!(zone.month(last).to_string(), "2026-01");
        let first = zone.start_of_month("2026-02".parse().unwrap());
        assert_eq!(first.to_string(), "2026-01-31T22:00:00.000Z");
        assert_eq!("2026-12".parse::<CivilMonth>().unwrap().next().to_string(), "2027-01");
    }

    #[test]
    fn an_unknown_zone_is_named() {
        assert_eq!(
            "Europe/Helsinky".parse::<Zone>().unwrap_err().to_string(),
            "`Europe/Helsinky` is not a time zone of the IANA database, such as Europe/Helsinki"
        );
    }
}
