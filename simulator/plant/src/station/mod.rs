//! A virtual charging station that speaks OCPP 1.6J, sans-IO.
//!
//! Give it inputs ([`Station::link_up`], [`Station::frame`], [`Station::plug_in`] …), drain
//! [`Station::poll_output`] after each, and call [`Station::tick`] at [`Station::next_deadline`]. What it truly does is
//! told by its accessors, as of the last input or tick.

mod config;

use units::{Amperes, IdToken, PerPhase, StationId, TimeSpan, Timestamp, WattHours};

pub use config::{
    AfterPowerLoss, Authorization, ClockSync, OfflineMeterValues, OfflineStart, ProfilesAtBoot, Purpose,
    Quirk, RateUnits, StationClockConfig, StationConfig,
};

use crate::ev::Ev;

/// The number of a connector of a station, from 1.
pub type ConnectorNumber = u16;

/// What a station wants from the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StationOutput {
    /// A frame for the backend, on the present link.
    Frame(String),
    /// The station drops its link (it reboots). The caller need not call [`Station::link_down`].
    DropLink,
    /// The station is up after a boot and wants a link; [`Station::link_up`] follows when there is one.
    WantsLink,
}

/// What a token presented before or after the plug is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented {
    /// None: the EV waits for a tap or a remote start.
    Nothing,
    /// This token, at the moment of plugging in.
    Token(IdToken),
}

/// StatusNotification's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorStatus {
    /// No EV, no reservation.
    Available,
    /// An EV or a token, but no transaction yet.
    Preparing,
    /// The EV asks for energy and is offered it.
    Charging,
    /// Offered, but the EV does not ask.
    SuspendedEv,
    /// The EV is offered nothing.
    SuspendedEvse,
    /// The transaction is over, the EV still plugged in.
    Finishing,
    /// Out of service by ChangeAvailability.
    Unavailable,
    /// Locked up.
    Faulted,
}

/// A virtual charging station.
#[derive(Debug, Clone)]
pub struct Station {
    config: StationConfig,
    seed: u64,
    now: Timestamp,
    outputs: std::collections::VecDeque<StationOutput>,
}

impl Station {
    /// A station that is powered, booted and without link at `now`.
    #[must_use]
    pub fn new(config: StationConfig, seed: u64, now: Timestamp) -> Self {
        Self { config, seed, now, outputs: std::collections::VecDeque::new() }
    }

    /// A link to the backend is up.
    pub fn link_up(&mut self, now: Timestamp) {
        self.tick(now);
    }

    /// The link is lost; calls on the way are lost with it.
    pub fn link_down(&mut self, now: Timestamp) {
        self.tick(now);
    }

    /// A frame from the backend.
    pub fn frame(&mut self, now: Timestamp, _text: &str) {
        self.tick(now);
    }

    /// An EV is plugged in at `connector`.
    pub fn plug_in(&mut self, now: Timestamp, _connector: ConnectorNumber, _ev: Ev, _presented: Presented) {
        self.tick(now);
    }

    /// The EV leaves; a running transaction ends with reason EVDisconnected.
    pub fn unplug(&mut self, now: Timestamp, _connector: ConnectorNumber) -> Option<Ev> {
        self.tick(now);
        None
    }

    /// A token is presented at `connector`: it starts a transaction, or stops the one it started.
    pub fn tap(&mut self, now: Timestamp, _connector: ConnectorNumber, _token: IdToken) {
        self.tick(now);
    }

    /// Power is lost and comes back: the station drops its link and boots.
    pub fn reboot(&mut self, now: Timestamp) {
        self.tick(now);
    }

    /// Lets time pass up to `now`.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// The next output, in order.
    pub fn poll_output(&mut self) -> Option<StationOutput> {
        self.outputs.pop_front()
    }

    /// When a tick is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The station's id.
    #[must_use]
    pub const fn id(&self) -> &StationId {
        &self.config.id
    }

    /// How many connectors it has, numbered from 1.
    #[must_use]
    pub fn connectors(&self) -> ConnectorNumber {
        ConnectorNumber::try_from(self.config.evses.len()).unwrap_or(ConnectorNumber::MAX)
    }

    /// Truth: what flows through each terminal of `connector`.
    #[must_use]
    pub fn current(&self, _connector: ConnectorNumber) -> PerPhase<Amperes> {
        PerPhase::default()
    }

    /// Truth: what the pilot offers, per phase; 0 where no energy is released.
    #[must_use]
    pub fn offered(&self, _connector: ConnectorNumber) -> Amperes {
        Amperes::ZERO
    }

    /// Truth: the limit the station applies to `connector`, per phase, whether or not energy is released.
    #[must_use]
    pub fn limit(&self, _connector: ConnectorNumber) -> Amperes {
        Amperes::ZERO
    }

    /// Truth: the lifetime register.
    #[must_use]
    pub fn register(&self, _connector: ConnectorNumber) -> WattHours {
        WattHours::ZERO
    }

    /// Truth: the EV at `connector`.
    #[must_use]
    pub fn ev(&self, _connector: ConnectorNumber) -> Option<&Ev> {
        None
    }

    /// Truth: what the running transaction is.
    #[must_use]
    pub fn transaction(&self, _connector: ConnectorNumber) -> Option<TransactionTruth> {
        None
    }

    /// The status of `connector` as the station sees it.
    #[must_use]
    pub fn status(&self, _connector: ConnectorNumber) -> ConnectorStatus {
        ConnectorStatus::Available
    }

    /// The station's own clock.
    #[must_use]
    pub fn clock(&self, now: Timestamp) -> Timestamp {
        now + TimeSpan::ZERO
    }

    /// Messages about transactions that the backend has not yet acknowledged.
    #[must_use]
    pub fn queued_transaction_messages(&self) -> usize {
        0
    }
}

/// A running transaction as it truly is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionTruth {
    /// The backend's id, once it answered.
    pub id: Option<i64>,
    /// The token it was started with.
    pub token: IdToken,
    /// When it truly started.
    pub started_at: Timestamp,
    /// The register then.
    pub register_at_start: WattHours,
}
