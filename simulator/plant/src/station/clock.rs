//! The station's own clock.

use units::{TimeSpan, Timestamp};

use super::config::{ClockSync, StationClockConfig};

/// Shows `set_at + ahead + (now − set_at) · (1 + drift)`.
#[derive(Debug, Clone)]
pub struct StationClock {
    drift_ppm: i64,
    sync: ClockSync,
    set_at: Timestamp,
    ahead: TimeSpan,
}

impl StationClock {
    pub const fn new(config: StationClockConfig, now: Timestamp) -> Self {
        Self { drift_ppm: config.drift_ppm, sync: config.sync, set_at: now, ahead: config.offset }
    }

    /// The backend says it is `told` at true time `now`.
    pub fn set(&mut self, now: Timestamp, told: Timestamp) {
        match self.sync {
            ClockSync::ByAnswers => {
                self.ahead = told.since(now);
                self.set_at = now;
            }
            ClockSync::Never => {}
        }
    }

    /// The clock is `jump` further ahead from now on and gains `drift_ppm`; it takes the backend's time as `sync` says.
    pub fn disturb(&mut self, now: Timestamp, jump: TimeSpan, drift_ppm: i64, sync: ClockSync) {
        self.ahead = self.shows(now).since(now) + jump;
        *self = Self { drift_ppm, sync, set_at: now, ahead: self.ahead };
    }

    /// What the clock shows at true time `now`.
    pub fn shows(&self, now: Timestamp) -> Timestamp {
        let elapsed = now.since(self.set_at);
        now + self.ahead + scaled(elapsed, self.drift_ppm, 1_000_000)
    }

    /// The first true millisecond at which the clock shows `shown` or later.
    pub fn true_time_of(&self, shown: Timestamp) -> Timestamp {
        let elapsed = shown.since(self.set_at + self.ahead);
        let mut now = self.set_at + scaled(elapsed, 1_000_000, 1_000_000 + self.drift_ppm);
        // Two roundings down lie between the two directions.
        for _ in 0..3 {
            if self.shows(now) < shown {
                now += TimeSpan::from_milliseconds(1);
            }
        }
        now
    }
}

/// `span · numerator / denominator`, rounded down, without overflow for any two printable instants.
fn scaled(span: TimeSpan, numerator: i64, denominator: i64) -> TimeSpan {
    let product = i128::from(span.milliseconds()) * i128::from(numerator);
    TimeSpan::from_milliseconds(
        i64::try_from(product.div_euclid(i128::from(denominator))).unwrap_or(i64::MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_seconds(second)
    }

    #[test]
    fn it_drifts_from_its_offset_until_it_is_set() {
        let config = StationClockConfig {
            offset: TimeSpan::from_seconds(60),
            drift_ppm: 100,
            sync: ClockSync::ByAnswers,
        };
        let mut clock = StationClock::new(config, at(0));
        assert_eq!(clock.shows(at(0)), at(60));
        assert_eq!(clock.shows(at(100_000)), at(100_070));
        clock.set(at(100_000), at(100_000));
        assert_eq!(clock.shows(at(100_000)), at(100_000));
        assert_eq!(clock.shows(at(110_000)), at(110_001));
        let never = StationClockConfig { sync: ClockSync::Never, ..config };
        let mut clock = StationClock::new(never, at(0));
        clock.set(at(10), at(10));
        assert_eq!(clock.shows(at(0)), at(60));
    }

    #[test]
    fn a_disturbed_clock_jumps_from_what_it_showed_and_drifts_anew() {
        let config = StationClockConfig { drift_ppm: 100, ..StationClockConfig::default() };
        let mut clock = StationClock::new(config, at(0));
        clock.disturb(at(100_000), TimeSpan::from_seconds(-60), 0, ClockSync::Never);
        assert_eq!(clock.shows(at(100_000)), at(100_010 - 60));
        assert_eq!(clock.shows(at(200_000)), at(200_010 - 60));
        clock.set(at(200_000), at(200_000));
        assert_eq!(clock.shows(at(200_000)), at(200_010 - 60), "it takes no time from the backend");
    }

    #[test]
    fn the_true_time_of_a_shown_time_is_the_first_that_shows_it() {
        for drift_ppm in [-500, 0, 77, 500] {
            let config =
                StationClockConfig { offset: TimeSpan::from_seconds(-7), drift_ppm, sync: ClockSync::Never };
            let clock = StationClock::new(config, at(50));
            for shown in [at(43), at(1_000), at(86_400)] {
                let now = clock.true_time_of(shown);
                assert!(clock.shows(now) >= shown, "{drift_ppm} ppm, {shown}");
                assert!(
                    clock.shows(now - TimeSpan::from_milliseconds(1)) < shown,
                    "{drift_ppm} ppm, {shown}"
                );
            }
        }
    }
}
