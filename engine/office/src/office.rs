use crate::contract::{Input, Output};
use units::{TimeSpan, Timestamp};

/// How often at most a new version of the directory is published.
pub const PUBLISH_INTERVAL: TimeSpan = TimeSpan::from_seconds(1);

/// The business as one value.
#[derive(Debug, Default)]
pub struct Office {}

impl Office {
    /// An office that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Takes in one input. `now` never decreases.
    pub fn handle(&mut self, _now: Timestamp, _input: Input) {}
    /// The next effect, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }
    /// When a [`Input::Tick`] is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
}
