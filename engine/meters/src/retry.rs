//! How long to wait before a device is tried again.

use units::TimeSpan;

/// The first wait.
const WAIT_FIRST: TimeSpan = TimeSpan::from_seconds(1);
/// No wait is longer: a device that is back is found within this.
const WAIT_LONGEST: TimeSpan = TimeSpan::from_seconds(60);

/// Waits that double from one second to a minute, and begin again once the device was heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    failures: u32,
}

impl Retry {
    /// It failed again: wait this long.
    pub fn failed(&mut self) -> TimeSpan {
        let doubled = WAIT_FIRST * (1_i64 << self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
        doubled.min(WAIT_LONGEST)
    }

    /// It was heard.
    pub fn heard(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_begin_again_once_the_device_was_heard() {
        let mut retry = Retry::default();
        let waits: Vec<i64> = (0..9).map(|_| retry.failed().seconds_floor()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        retry.heard();
        assert_eq!(retry.failed(), TimeSpan::from_seconds(1));
    }
}
