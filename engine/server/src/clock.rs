//! The engine's clock: it starts at the wall clock's time and never goes back. Later jumps of the wall clock are told.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use units::{TimeSpan, Timestamp};

/// A monotonic clock.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// True time.
    Real(wire::clock::Clock),
    /// Time of its own, for a demo.
    Scaled(wire::clock::Clock),
    /// Time stands still until a test moves it.
    #[cfg(test)]
    ByHand(&'static crate::paused::Hand),
}

impl Clock {
    /// True time from the wall clock's present on.
    #[must_use]
    pub fn real() -> Self {
        Self::Real(wire::clock::Clock::new(wall(), Instant::now(), 1))
    }

    /// A clock of its own, for a demo: it has no wall clock beside it.
    #[must_use]
    pub const fn scaled(ticking: wire::clock::Clock) -> Self {
        Self::Scaled(ticking)
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Real(ticking) | Self::Scaled(ticking) => ticking.now(),
            #[cfg(test)]
            Self::ByHand(hand) => hand.now(),
        }
    }

    /// Whether an instant has come.
    #[must_use]
    pub fn has_reached(&self, instant: Timestamp) -> bool {
        match self {
            Self::Real(_) | Self::Scaled(_) => instant <= self.now(),
            #[cfg(test)]
            Self::ByHand(hand) => hand.has_reached(instant),
        }
    }

    /// Waits for an instant; for ever where there is none.
    pub async fn reach(&self, instant: Option<Timestamp>) {
        match (self, instant) {
            (Self::Real(ticking) | Self::Scaled(ticking), Some(at)) => {
                tokio::time::sleep_until(ticking.reached_at(at)).await;
            }
            (Self::Real(_) | Self::Scaled(_), None) => std::future::pending().await,
            #[cfg(test)]
            (Self::ByHand(hand), _) => hand.rest().await,
        }
    }

    /// Waits until the wall clock is to be looked at again; for ever where there is none.
    pub async fn look_at_wall(&self) {
        match self {
            Self::Real(_) => tokio::time::sleep(WALL_LOOK_EVERY).await,
            Self::Scaled(_) => std::future::pending().await,
            #[cfg(test)]
            Self::ByHand(_) => std::future::pending().await,
        }
    }

    /// Wall minus engine; zero for a clock of its own.
    #[must_use]
    pub fn wall_offset(&self) -> TimeSpan {
        match self {
            Self::Real(_) => wall().since(self.now()),
            Self::Scaled(_) => TimeSpan::ZERO,
            #[cfg(test)]
            Self::ByHand(_) => TimeSpan::ZERO,
        }
    }
}

/// The offset that is told, where it moved by at least this since it was last told.
pub const WALL_JUMP: TimeSpan = TimeSpan::from_seconds(1);
/// How often the wall clock is looked at.
const WALL_LOOK_EVERY: Duration = Duration::from_secs(5);

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
