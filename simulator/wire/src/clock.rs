//! The plant's clock: true time, or time that runs faster for a demo.

use std::time::{Duration, Instant};

use units::{TimeSpan, Timestamp};

/// A monotonic clock that began at an instant and runs `speed` times as fast as the machine's.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Timestamp,
    started: Instant,
    speed: u32,
}

impl Clock {
    /// The clock showed `origin` at `started` and runs at `speed` (1 is true time; 0 is taken as 1).
    #[must_use]
    pub fn new(origin: Timestamp, started: Instant, speed: u32) -> Self {
        Self { origin, started, speed: speed.max(1) }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let real = self.started.elapsed().as_millis();
        let span = i64::try_from(real).unwrap_or(i64::MAX).saturating_mul(i64::from(self.speed));
        self.origin + TimeSpan::from_milliseconds(span)
    }

    /// When `instant` is reached on the machine's clock; the past is `started` at the earliest.
    #[must_use]
    pub fn reached_at(&self, instant: Timestamp) -> tokio::time::Instant {
        let span = instant.since(self.origin).milliseconds().max(0);
        let speed = i64::from(self.speed);
        let real = span.saturating_add(speed - 1) / speed;
        let real = Duration::from_millis(u64::try_from(real).unwrap_or(0)).min(FURTHEST);
        tokio::time::Instant::from_std(self.started + real)
    }
}

/// No timer is set further ahead than this; whoever waits looks again then.
const FURTHEST: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_clock_reaches_an_instant_sooner() {
        let started = Instant::now();
        let clock = Clock::new(Timestamp::EPOCH, started, 20);
        let at = clock.reached_at(Timestamp::EPOCH + TimeSpan::from_seconds(60));
        assert_eq!(at, tokio::time::Instant::from_std(started + Duration::from_secs(3)));
        let past = clock.reached_at(Timestamp::EPOCH - TimeSpan::from_seconds(1));
        assert_eq!(past, tokio::time::Instant::from_std(started));
    }

    #[test]
    fn a_scaled_clock_never_shows_an_instant_before_the_timer_for_it() {
        let clock = Clock::new(Timestamp::EPOCH, Instant::now() - Duration::from_millis(1_001), 7);
        assert!(clock.now() >= Timestamp::EPOCH + TimeSpan::from_milliseconds(7_007));
    }
}
