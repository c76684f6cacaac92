//! The root value: inputs are routed from here, outputs drained.

use std::collections::VecDeque;

use units::{TimeSpan, Timestamp};

use crate::contract::{Input, Output};

/// What an installation decides about stations in general.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What happens to stations that are named in no site.
    pub unknown_stations: UnknownStations,
    /// How often a silent station says that it lives; the stations' intervals are spread below it. Default 300 s.
    pub heartbeat: TimeSpan,
    /// The interval of meter values in a transaction that stations are configured to. Default 60 s.
    pub meter_values: TimeSpan,
}

/// What happens to stations that are named in no site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownStations {
    /// They are kept waiting, and shown.
    Lobby,
    /// Their links are closed, and they are shown.
    Refuse,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unknown_stations: UnknownStations::Lobby,
            heartbeat: TimeSpan::from_seconds(300),
            meter_values: TimeSpan::from_seconds(60),
        }
    }
}

/// All sites of one process.
#[derive(Debug, Default)]
pub struct Csms {
    policy: Policy,
    outputs: VecDeque<Output>,
}

impl Csms {
    /// Without sites, with the default policy.
    #[must_use]
    pub fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    /// Without sites.
    #[must_use]
    pub fn with_policy(policy: Policy) -> Self {
        Self { policy, outputs: VecDeque::new() }
    }

    /// Takes one input. `now` is UTC by the engine's clock and never goes back. Drain the outputs before the next.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        let _ = (now, input, &self.policy);
    }

    /// The next effect, in order; `None` when the input is dealt with.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When the next [`Input::Tick`] is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
}
