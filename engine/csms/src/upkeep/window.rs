//! The hours in which stations may be worked at, by the clock of their site.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use units::civil::Zone;
use units::{TimeSpan, Timestamp};

/// Hours of every day, `from` included, `until` not; over midnight where `until` is the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it opens.
    pub from: TimeOfDay,
    /// When it closes.
    pub until: TimeOfDay,
}

/// What a clock on the wall shows, in hours and minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

/// A text that is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of day such as 02:30")]
pub struct NoTimeOfDay(String);

impl FromStr for TimeOfDay {
    type Err = NoTimeOfDay;

    fn from_str(text: &str) -> Result<Self, NoTimeOfDay> {
        let fault = || NoTimeOfDay(text.chars().take(20).collect());
        let (hour, minute) = text.split_once(':').ok_or_else(fault)?;
        let number = |text: &str, limit: i8| {
            let is_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i8>().ok().filter(|&number| is_digits && number < limit).ok_or_else(fault)
        };
        Ok(Self { hour: number(hour, 24)?, minute: number(minute, 60)? })
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NoTimeOfDay;

    fn try_from(text: String) -> Result<Self, NoTimeOfDay> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Window {
    /// Whether it is open in `zone` at `at`; with the same time at both ends always.
    #[must_use]
    pub fn is_open(&self, zone: &Zone, at: Timestamp) -> bool {
        let civil = zone.civil(at);
        let shown = TimeOfDay { hour: civil.hour, minute: civil.minute };
        if self.from < self.until {
            self.from <= shown && shown < self.until
        } else {
            self.from <= shown || shown < self.until
        }
    }

    /// The first instant after `at` at which it opens.
    #[must_use]
    pub fn opens_after(&self, zone: &Zone, at: Timestamp) -> Timestamp {
        let day = TimeSpan::from_hours(24);
        // A day of 25 hours may hold the next opening, and the day after it the one of a skipped hour.
        let days = [at, at + day, at + day + day];
        let opens = days.map(|of| zone.instant(zone.civil(of).date, self.from.hour, self.from.minute));
        opens.into_iter().find(|&opens| opens > at).unwrap_or(at + day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, until: &str) -> Window {
        Window { from: from.parse().unwrap(), until: until.parse().unwrap() }
    }

    fn helsinki() -> Zone {
        "Europe/Helsinki".parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_is_open_by_the_clock_of_the_site_also_over_midnight() {
        for (from, until, instant, is_open) in [
            ("01:00", "05:00", "2026-01-14T23:00:00Z", true),
            ("01:00", "05:00", "2026-01-14T22:59:59Z", false),
            ("01:00", "05:00", "2026-01-15T03:00:00Z", false),
            ("22:00", "04:00", "2026-01-14T20:00:00Z", true),
            ("22:00", "04:00", "2026-01-15T01:59:00Z", true),
            ("22:00", "04:00", "2026-01-15T02:00:00Z", false),
            ("00:00", "00:00", "2026-01-15T11:00:00Z", true),
        ] {
            assert_eq!(window(from, until).is_open(&helsinki(), at(instant)), is_open, "{from} {instant}");
        }
    }

    #[test]
    fn a_window_opens_on_both_nights_of_the_clock_change() {
        for (from, now, opens) in [
            ("01:00", "2026-01-15T12:00:00Z", "2026-01-15T23:00:00Z"),
            ("01:00", "2026-01-15T23:00:00Z", "2026-01-16T23:00:00Z"),
            // 03:00 becomes 04:00: half past three is skipped, and stands for half past four.
            ("03:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
            // 04:00 becomes 03:00: the first half past three counts.
            ("03:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("03:30", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ] {
            assert_eq!(window(from, "06:00").opens_after(&helsinki(), at(now)), at(opens), "{from} {now}");
        }
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for text in ["", "24:00", "1:00", "01:60", "01-00", "+1:00", "01:00:00"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
        assert_eq!("02:05".parse::<TimeOfDay>().unwrap().to_string(), "02:05");
    }
}
