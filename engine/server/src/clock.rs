//! The engine's clock: it starts at the wall clock's time and never goes back. Later jumps of the wall clock are told.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use units::{TimeSpan, Timestamp};

/// A monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    ticking: wire::clock::Clock,
    follows_wall: bool,
}

impl Clock {
    /// True time from the wall clock's present on.
    #[must_use]
    pub fn real() -> Self {
        Self { ticking: wire::clock::Clock::new(wall(), Instant::now(), 1), follows_wall: true }
    }

    /// A clock of its own, for a demo: it has no wall clock beside it.
    #[must_use]
    pub const fn scaled(ticking: wire::clock::Clock) -> Self {
        Self { ticking, follows_wall: false }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ticking.now()
    }

    /// When an instant is reached, for timers.
    #[must_use]
    pub fn reached_at(&self, instant: Timestamp) -> tokio::time::Instant {
        self.ticking.reached_at(instant)
    }

    /// Wall minus engine; zero for a scaled clock.
    #[must_use]
    pub fn wall_offset(&self) -> TimeSpan {
        if self.follows_wall { wall().since(self.now()) } else { TimeSpan::ZERO }
    }
}

/// The offset that is told, where it moved by at least this since it was last told.
pub const WALL_JUMP: TimeSpan = TimeSpan::from_seconds(1);
/// How often the wall clock is looked at.
pub const WALL_LOOK_EVERY: Duration = Duration::from_secs(5);

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back_and_starts_near_the_wall() {
        let clock = Clock::real();
        let mut last = clock.now();
        for _ in 0..1_000 {
            let now = clock.now();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
        assert!(clock.wall_offset().milliseconds().abs() < 1_000, "{}", clock.wall_offset());
    }
}
