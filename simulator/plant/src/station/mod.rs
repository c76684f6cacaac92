//! A virtual charging station that speaks OCPP-J 1.6 or 2.0.1, sans-IO.
//!
//! Give it inputs ([`Station::link_up`], [`Station::frame`], [`Station::plug_in`] …), drain
//! [`Station::poll_output`] after each, and call [`Station::tick`] at [`Station::next_deadline`]. What it truly does is
//! told by its accessors, as of the last input or tick.
//!
//! What a station does stands here and in `transactions`, `limits`, `orders` and `outbox`; how it says it, and how it
//! reads what it is told, in `v16` and `v201`.

mod clock;
mod config;
mod connector;
mod limits;
mod orders;
mod outbox;
mod profile;
mod profile_text;
mod settings;
mod transactions;
mod v16;
mod v201;
mod wire;

use std::collections::{BTreeSet, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::{Amperes, IdToken, PerPhase, StationId, TimeSpan, Timestamp, WattHours};

pub use config::{
    AfterPowerLoss, Authorization, ClockSync, OcppVersion, OfflineMeterValues, OfflineStart, ProfilesAtBoot,
    Purpose, Quirk, RateUnits, StationClockConfig, StationConfig, TxStart, TxStop,
};

use self::clock::StationClock;
use self::connector::{Connector, Occasion, Offer, PowerForm, RegisterForm, sooner};
use self::outbox::{BootReason, Call, Cause, Fact, Outbox};
use self::profile::Profiles;
use self::settings::{Setting, Settings};
use self::wire::Incoming;
use crate::ev::Ev;
use crate::evse::Supply;

/// A clock is to be set at least this often (OCPP 1.6 section 4.6, 2.0.1 G02).
const BEATS_AT_LEAST_EVERY: TimeSpan = TimeSpan::from_hours(24);
/// A reset that lets transactions end waits so long for their last messages to go out.
const SOFT_RESET_GRACE: TimeSpan = TimeSpan::from_seconds(5);

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

/// What a connector is, in the words of OCPP 1.6; OCPP 2.0.1 tells fewer.
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

impl ConnectorStatus {
    /// As OCPP 1.6 writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Preparing => "Preparing",
            Self::Charging => "Charging",
            Self::SuspendedEv => "SuspendedEV",
            Self::SuspendedEvse => "SuspendedEVSE",
            Self::Finishing => "Finishing",
            Self::Unavailable => "Unavailable",
            Self::Faulted => "Faulted",
        }
    }
}

/// A running transaction as it truly is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionTruth {
    /// The station's own number of it, from 1.
    pub number: u64,
    /// What station and backend call it, once that is known.
    pub name: Option<TransactionName>,
    /// The token, once there is one.
    pub token: Option<IdToken>,
    /// When it truly started.
    pub started_at: Timestamp,
    /// The register then.
    pub register_at_start: WattHours,
}

/// What station and backend call a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionName {
    /// The backend's number (OCPP 1.6).
    Backend(i64),
    /// The station's own text (OCPP 2.0.1).
    Station(String),
}

/// Why a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopReason {
    DeAuthorized,
    EvDisconnected,
    HardReset,
    Local,
    PowerLoss,
    Remote,
    SoftReset,
    /// No EV came in time.
    Timeout,
    UnlockCommand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    Up,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    /// Off or booting; what ends the running transactions, and the clock when power went.
    Booting {
        until: Timestamp,
        reason: StopReason,
        lost_at: Timestamp,
    },
}

/// What the last BootNotification was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    None,
    Pending,
    Rejected,
    Accepted,
}

/// What waits until the answer to a call is out.
#[derive(Debug, Clone)]
enum Deferred {
    Answer(String),
    Send(Call),
    TellStatus(ConnectorNumber),
    TellMeterValues(ConnectorNumber),
    /// Within the running transaction, by OCPP 2.0.1.
    TellTransaction(ConnectorNumber),
    RemoteStart {
        connector: ConnectorNumber,
        offer: Offer,
    },
    Stop {
        connector: ConnectorNumber,
        reason: StopReason,
    },
    Reset(StopReason),
}

/// A virtual charging station.
#[derive(Debug, Clone)]
pub struct Station {
    config: StationConfig,
    rng: ChaCha8Rng,
    now: Timestamp,
    clock: StationClock,
    power: Power,
    link: Link,
    registration: Registration,
    /// Whether a BootNotification was ever accepted since the last boot.
    was_accepted: bool,
    boot_due: Option<Timestamp>,
    boot_reason: BootReason,
    heartbeat_due: Option<Timestamp>,
    /// However much it has to say, it beats by then.
    beats_by: Timestamp,
    clock_aligned_due: Option<Timestamp>,
    reset_at: Option<(Timestamp, StopReason)>,
    /// A reset waits for the last transaction to end.
    resets_when_idle: bool,
    connectors: Vec<Connector>,
    settings: Settings,
    profiles: Profiles,
    /// When changed profiles reach the pilots.
    reevaluate: BTreeSet<Timestamp>,
    /// The authorization cache.
    known_tokens: BTreeSet<IdToken>,
    outbox: Outbox,
    transactions_started: u64,
    /// In order of time, since all wait equally long.
    deferred: VecDeque<(Timestamp, Deferred)>,
    outputs: VecDeque<StationOutput>,
}

impl Station {
    /// A station that is powered, booted and without link at `now`.
    ///
    /// # Panics
    ///
    /// Where it has no connector, or more than 65 535.
    #[must_use]
    pub fn new(config: StationConfig, seed: u64, now: Timestamp) -> Self {
        assert!(!config.evses.is_empty(), "station {} needs a connector", config.id);
        assert!(ConnectorNumber::try_from(config.evses.len()).is_ok(), "station {} has too many", config.id);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let connectors =
            (1..).zip(&config.evses).map(|(number, evse)| Connector::new(number, evse.clone(), now));
        let mut station = Self {
            outbox: Outbox::new(rng.random()),
            rng,
            now,
            clock: StationClock::new(config.clock, now),
            power: Power::On,
            link: Link::Down,
            registration: Registration::None,
            was_accepted: false,
            boot_due: Some(now),
            boot_reason: BootReason::PowerUp,
            heartbeat_due: None,
            beats_by: Timestamp::MAX,
            clock_aligned_due: None,
            reset_at: None,
            resets_when_idle: false,
            connectors: connectors.collect(),
            settings: Settings::new(&config),
            profiles: Profiles::default(),
            reevaluate: BTreeSet::new(),
            known_tokens: BTreeSet::new(),
            transactions_started: 0,
            deferred: VecDeque::new(),
            outputs: VecDeque::new(),
            config,
        };
        station.schedule_clock_aligned();
        station.apply_limits();
        station
    }

    /// A link to the backend is up. While the station boots it is dropped again.
    pub fn link_up(&mut self, now: Timestamp) {
        self.run_until(now);
        if self.power != Power::On {
            self.outputs.push_back(StationOutput::DropLink);
            return;
        }
        self.lose_link();
        self.link = Link::Up;
        let boots_on_reconnect = match self.config.version {
            OcppVersion::V16 => !self.has(Quirk::NoBootOnReconnect),
            // A boot is told once (OCPP 2.0.1 part 2, B01).
            OcppVersion::V201 => false,
        };
        if self.was_accepted && !boots_on_reconnect {
            self.registration = Registration::Accepted;
            self.registered();
        } else {
            self.registration = Registration::None;
            self.boot_due = Some(self.now);
        }
        self.apply_limits();
        self.settle();
    }

    /// The link is lost; calls on the way are lost with it.
    pub fn link_down(&mut self, now: Timestamp) {
        self.run_until(now);
        self.lose_link();
        self.settle();
    }

    /// A frame from the backend. Without a link it is not heard.
    pub fn frame(&mut self, now: Timestamp, text: &str) {
        self.run_until(now);
        if self.link != Link::Up || self.power != Power::On {
            return;
        }
        match Incoming::read(text) {
            // A station that was rejected neither sends nor answers (OCPP 1.6 section 4.2).
            Incoming::Call { .. } if self.registration == Registration::Rejected => {}
            Incoming::Call { id, action, payload } => self.called(&id, &action, &payload),
            Incoming::CallResult { id, payload } => self.answered(&id, payload),
            Incoming::CallError { id } => self.refused(&id),
            Incoming::Unreadable => {}
        }
        self.run_deferred();
        self.settle();
    }

    /// An EV is plugged in at `connector`. One that was there leaves first.
    ///
    /// # Panics
    ///
    /// Where the connector does not exist.
    pub fn plug_in(&mut self, now: Timestamp, connector: ConnectorNumber, ev: Ev, presented: Presented) {
        self.unplug(now, connector);
        let at = self.now;
        let free_start = self.config.free_start.clone();
        let Some(held) = self.held_mut(connector) else {
            panic!("station has no connector {connector}");
        };
        held.evse.plug_in(at, ev);
        self.plugged_in(connector);
        match (presented, free_start) {
            (Presented::Token(token), _) | (Presented::Nothing, Some(token)) => {
                self.present(connector, token)
            }
            (Presented::Nothing, None) => {}
        }
        self.settle();
    }

    /// The EV leaves; a running transaction ends with reason EVDisconnected.
    pub fn unplug(&mut self, now: Timestamp, connector: ConnectorNumber) -> Option<Ev> {
        self.run_until(now);
        self.held(connector).and_then(|held| held.evse.ev())?;
        let is_hung = self.held(connector).is_some_and(|held| held.is_hung);
        let is_powered = self.power == Power::On;
        if is_powered && !is_hung && self.settings.flag(Setting::StopOnEvSideDisconnect) {
            self.end_transaction(connector, StopReason::EvDisconnected, None);
            // The end is told as Finishing before the plug is gone, as stations do.
            self.tell_statuses();
        }
        let at = self.now;
        let ev = self.held_mut(connector).and_then(|held| {
            held.is_finishing = false;
            held.evse.unplug(at)
        });
        self.settle();
        ev
    }

    /// A token is presented at `connector`: it starts a transaction, or stops the one it started.
    pub fn tap(&mut self, now: Timestamp, connector: ConnectorNumber, token: IdToken) {
        self.run_until(now);
        self.present(connector, token);
        self.settle();
    }

    /// Power is lost and comes back: the station drops its link and boots.
    pub fn reboot(&mut self, now: Timestamp) {
        self.run_until(now);
        self.go_down(StopReason::PowerLoss);
        self.settle();
    }

    /// Power is lost until [`Self::power_on`]: the station drops its link.
    pub fn power_off(&mut self, now: Timestamp) {
        self.run_until(now);
        self.go_down(StopReason::PowerLoss);
        if let Power::Booting { until, .. } = &mut self.power {
            *until = Timestamp::MAX;
        }
        self.settle();
    }

    /// Power is back: the station boots. Without effect where it has power.
    pub fn power_on(&mut self, now: Timestamp) {
        self.run_until(now);
        let boots_until = self.now + self.config.boot_time.max(TimeSpan::from_milliseconds(1));
        if let Power::Booting { until, .. } = &mut self.power
            && *until == Timestamp::MAX
        {
            *until = boots_until;
        }
    }

    /// Gets something wrong from now on.
    pub fn misbehave(&mut self, now: Timestamp, quirk: Quirk) {
        self.run_until(now);
        self.config.quirks.push(quirk);
        self.apply_limits();
        self.settle();
    }

    /// Gets it right again.
    pub fn behave(&mut self, now: Timestamp, quirk: Quirk) {
        self.run_until(now);
        if let Some(place) = self.config.quirks.iter().position(|known| *known == quirk) {
            self.config.quirks.remove(place);
        }
        self.apply_limits();
        self.settle();
    }

    /// The station's clock jumps and drifts from now on.
    pub fn disturb_clock(&mut self, now: Timestamp, jump: TimeSpan, drift_ppm: i64, sync: ClockSync) {
        self.run_until(now);
        self.clock.disturb(self.now, jump, drift_ppm, sync);
        self.schedule_clock_aligned();
        self.apply_limits();
        self.settle();
    }

    /// Lets time pass up to `now`.
    pub fn tick(&mut self, now: Timestamp) {
        self.run_until(now);
    }

    /// The next output, in order.
    pub fn poll_output(&mut self) -> Option<StationOutput> {
        self.outputs.pop_front()
    }

    /// When a tick is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if let Power::Booting { until, .. } = self.power {
            let up = Some(until).filter(|until| *until < Timestamp::MAX);
            return up.into_iter().chain(self.connectors.iter().filter_map(|held| held.boundary)).min();
        }
        let is_talking = self.link == Link::Up && self.registration == Registration::Accepted;
        let own = [
            self.outbox_deadline(),
            self.heartbeat_due.filter(|_| is_talking),
            self.clock_aligned_due,
            self.reset_at.map(|(at, _)| at),
            self.reevaluate.first().copied(),
            self.deferred.front().map(|(due, _)| *due),
        ];
        let own = own.into_iter().fold(None, sooner);
        self.connectors.iter().map(Connector::next_deadline).fold(own, sooner)
    }

    /// The station's id.
    #[must_use]
    pub const fn id(&self) -> &StationId {
        &self.config.id
    }

    /// What the station is.
    #[must_use]
    pub const fn config(&self) -> &StationConfig {
        &self.config
    }

    /// How many connectors it has, numbered from 1.
    #[must_use]
    pub fn connectors(&self) -> ConnectorNumber {
        self.connectors.last().map_or(0, |connector| connector.number)
    }

    /// Truth: what flows through each terminal of `connector`.
    #[must_use]
    pub fn current(&self, connector: ConnectorNumber) -> PerPhase<Amperes> {
        self.held(connector).map(|held| held.evse.current()).unwrap_or_default()
    }

    /// Truth: what the pilot offers, per phase; 0 where no energy is released.
    #[must_use]
    pub fn offered(&self, connector: ConnectorNumber) -> Amperes {
        self.held(connector).map(|held| held.evse.offered()).unwrap_or_default()
    }

    /// Truth: the limit the station applies to `connector`, per phase, whether or not energy is released.
    /// Off or booting, it is what would be applied if it came up now: schedules run on.
    #[must_use]
    pub fn limit(&self, connector: ConnectorNumber) -> Amperes {
        self.held(connector).map(|held| held.evse.quantised()).unwrap_or_default()
    }

    /// Truth: the lifetime register.
    #[must_use]
    pub fn register(&self, connector: ConnectorNumber) -> WattHours {
        self.held(connector).map(|held| held.evse.register()).unwrap_or_default()
    }

    /// Truth: the EV at `connector`.
    #[must_use]
    pub fn ev(&self, connector: ConnectorNumber) -> Option<&Ev> {
        self.held(connector).and_then(|held| held.evse.ev())
    }

    /// Truth: what the running transaction is.
    #[must_use]
    pub fn transaction(&self, connector: ConnectorNumber) -> Option<TransactionTruth> {
        let running = self.held(connector)?.running.as_ref()?;
        Some(TransactionTruth {
            number: running.local,
            name: self.outbox.records.get(&running.local).and_then(|record| record.name.clone()),
            token: running.token.clone(),
            started_at: running.started_at,
            register_at_start: running.register_at_start,
        })
    }

    /// What station and backend call the transaction with this number of the station's own, over or not: known once the
    /// backend told it, and until all messages about the transaction are acknowledged.
    #[must_use]
    pub fn transaction_name(&self, number: u64) -> Option<&TransactionName> {
        self.outbox.records.get(&number)?.name.as_ref()
    }

    /// The status of `connector` as the station sees it.
    #[must_use]
    pub fn status(&self, connector: ConnectorNumber) -> ConnectorStatus {
        self.held(connector).map_or(ConnectorStatus::Unavailable, Connector::status)
    }

    /// What the station's own clock shows at true time `now`.
    #[must_use]
    pub fn clock(&self, now: Timestamp) -> Timestamp {
        self.clock.shows(now)
    }

    /// Messages about transactions that the backend has not yet acknowledged.
    #[must_use]
    pub fn queued_transaction_messages(&self) -> usize {
        self.outbox.transactional_len()
    }

    // Time.

    fn run_until(&mut self, now: Timestamp) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.work();
        }
        self.now = self.now.max(now);
        self.advance_evses();
    }

    /// Does what is due at this instant.
    fn work(&mut self) {
        self.advance_evses();
        if let Power::Booting { until, reason, lost_at } = self.power {
            if until <= self.now {
                self.come_up(reason, lost_at);
            }
            self.limits_due();
            self.settle();
            return;
        }
        self.run_deferred();
        if let Some((_, reason)) = self.reset_at.filter(|(at, _)| *at <= self.now) {
            self.go_down(reason);
            return;
        }
        self.expire_outstanding();
        self.limits_due();
        self.expire_authorisations();
        self.samples_due();
        if self.heartbeat_due.is_some_and(|due| due <= self.now) {
            if self.link == Link::Up {
                self.outbox.push(Call::Heartbeat);
            }
            self.beats_by = self.now + BEATS_AT_LEAST_EVERY;
            self.heartbeat_waits();
        }
        self.settle();
    }

    /// After each input and each instant: statuses are told, and the next call goes out.
    fn settle(&mut self) {
        if self.power == Power::On {
            self.tell_statuses();
            self.tell_charging_states();
            self.reset_if_idle();
        }
        self.pump();
    }

    fn advance_evses(&mut self) {
        for connector in &mut self.connectors {
            connector.evse.advance(self.now);
        }
    }

    fn expire_authorisations(&mut self) {
        for index in 0..self.connectors.len() {
            let connector = &mut self.connectors[index];
            let number = connector.number;
            let _expired = connector.authorised.take_if(|authorised| authorised.expires_at <= self.now);
            let due = connector.running.as_ref().and_then(|running| running.cable_due);
            if due.is_some_and(|due| due <= self.now) {
                self.end_transaction(number, StopReason::Timeout, None);
            }
        }
    }

    fn samples_due(&mut self) {
        for index in 0..self.connectors.len() {
            if self.connectors[index].sample_due.is_none_or(|due| due > self.now) {
                continue;
            }
            let interval = self.settings.interval(Setting::SampleInterval);
            let connector = &mut self.connectors[index];
            connector.schedule_sample(self.now, interval);
            let number = connector.number;
            self.sample(number, Occasion::Periodic, Setting::SampledMeasurands);
        }
        if self.clock_aligned_due.is_some_and(|due| due <= self.now) {
            for number in 1..=self.connectors() {
                self.sample(number, Occasion::Clock, Setting::AlignedMeasurands);
            }
            self.schedule_clock_aligned();
        }
    }

    /// Tells the figures of a connector: within its transaction where one runs.
    fn sample(&mut self, number: ConnectorNumber, occasion: Occasion, measurands: Setting) {
        let Some(connector) = self.held(number) else { return };
        let is_silent = connector.is_hung
            || self.link == Link::Down
                && (connector.running.is_none()
                    || self.config.offline_meter_values == OfflineMeterValues::Dropped);
        let values = self.sampled(connector, occasion, measurands);
        if is_silent || values.is_empty() {
            return;
        }
        let at = self.stamp();
        match &connector.running {
            Some(running) => {
                self.tell_transaction(number, running.local, at, Fact::Values { occasion, values });
            }
            None => self.outbox.push(Call::MeterValues { connector: number, values, at }),
        }
    }

    /// The list of sampledValue in the version's words.
    fn sampled(&self, connector: &Connector, occasion: Occasion, measurands: Setting) -> String {
        let mut out = String::with_capacity(900);
        let (measurands, form) = (self.settings.text(measurands), self.register_form());
        match self.config.version {
            OcppVersion::V16 => {
                connector.sampled(measurands, form, |sample| v16::sampled_value(&mut out, occasion, sample));
            }
            OcppVersion::V201 => {
                let power = if self.has(Quirk::PowerWithoutUnit) {
                    PowerForm::KilowattsWithoutUnit
                } else {
                    PowerForm::Watts
                };
                connector.sampled(measurands, form, |sample| {
                    v201::sampled_value(&mut out, occasion, sample, power);
                });
            }
        }
        out
    }

    fn schedule_clock_aligned(&mut self) {
        self.clock_aligned_due = self.settings.interval(Setting::AlignedInterval).map(|interval| {
            let next = self.clock.shows(self.now).floor_to(interval) + interval;
            self.clock.true_time_of(next).max(self.now + TimeSpan::from_milliseconds(1))
        });
    }

    /// The first beat comes at a random share of the interval, so that stations do not beat together.
    fn schedule_heartbeat(&mut self) {
        self.heartbeat_due = self
            .settings
            .interval(Setting::HeartbeatInterval)
            .map(|interval| self.now + interval.ratio_floor(self.rng.random_range(500..=1_000), 1_000));
        self.beats_by = self.now + BEATS_AT_LEAST_EVERY;
    }

    /// `HeartbeatInterval` is one of inactivity (OCPP 1.6 section 9.1.10; 2.0.1, `OCPPCommCtrlr`): with each call the next beat
    /// waits anew.
    fn heartbeat_waits(&mut self) {
        let interval = self.settings.interval(Setting::HeartbeatInterval);
        self.heartbeat_due =
            self.heartbeat_due.and(interval).map(|interval| (self.now + interval).min(self.beats_by));
    }

    fn set_clock(&mut self, told: Option<&str>) {
        if let Some(told) = told.and_then(|text| text.parse().ok()) {
            self.clock.set(self.now, told);
            self.schedule_clock_aligned();
            self.apply_limits();
        }
    }

    // Link and power.

    /// The station may talk as it likes.
    fn registered(&mut self) {
        for connector in &mut self.connectors {
            connector.told = None;
        }
        match self.config.version {
            OcppVersion::V16 => {
                let at = self.stamp();
                self.outbox.push(Call::Status { connector: 0, status: ConnectorStatus::Available, at });
            }
            // There a status is that of a connector.
            OcppVersion::V201 => {}
        }
        self.schedule_heartbeat();
    }

    fn lose_link(&mut self) {
        if self.link == Link::Down {
            return;
        }
        self.link = Link::Down;
        self.deferred.retain(|(_, deferred)| !matches!(deferred, Deferred::Answer(_)));
        for lost in self.outbox.interrupt() {
            match lost {
                Call::Authorize { connector, offer } => self.authorise_offline(connector, offer),
                Call::Boot(_)
                | Call::Heartbeat
                | Call::Status { .. }
                | Call::MeterValues { .. }
                | Call::Report { .. }
                | Call::Transactional(_) => {}
            }
        }
        if self.has(Quirk::SequenceRestarts) {
            self.outbox.restart_sequences();
        }
        if self.has(Quirk::ForgetsProfilesOnReconnect) {
            self.profiles = Profiles::default();
            self.apply_limits();
        }
    }

    fn begin_reset(&mut self, reason: StopReason) {
        if reason == StopReason::SoftReset {
            for number in 1..=self.connectors() {
                self.end_transaction(number, reason, None);
            }
            self.reset_at = Some((self.now + SOFT_RESET_GRACE, reason));
        } else {
            self.reset_at = Some((self.now, reason));
        }
    }

    /// A reset that waits for idleness comes when no transaction runs.
    fn reset_if_idle(&mut self) {
        let is_idle = self.connectors.iter().all(|connector| connector.running.is_none());
        if self.resets_when_idle && is_idle {
            self.resets_when_idle = false;
            self.begin_reset(StopReason::SoftReset);
        }
    }

    fn go_down(&mut self, reason: StopReason) {
        if self.link == Link::Up {
            self.outputs.push_back(StationOutput::DropLink);
        }
        self.lose_link();
        let until = self.now + self.config.boot_time.max(TimeSpan::from_milliseconds(1));
        self.power = Power::Booting { until, reason, lost_at: self.now };
        self.reset_at = None;
        self.resets_when_idle = false;
        self.boot_reason = match reason {
            StopReason::SoftReset | StopReason::HardReset => BootReason::RemoteReset,
            StopReason::DeAuthorized
            | StopReason::EvDisconnected
            | StopReason::Local
            | StopReason::PowerLoss
            | StopReason::Remote
            | StopReason::Timeout
            | StopReason::UnlockCommand => BootReason::PowerUp,
        };
        self.heartbeat_due = None;
        self.deferred.clear();
        self.reevaluate.clear();
        self.registration = Registration::None;
        self.was_accepted = false;
        let now = self.now;
        for connector in &mut self.connectors {
            connector.authorised = None;
            connector.sample_due = None;
            connector.evse.set_supply(now, Supply::Withheld);
        }
    }

    fn come_up(&mut self, reason: StopReason, lost_at: Timestamp) {
        self.power = Power::On;
        if self.config.profiles_at_boot == ProfilesAtBoot::Forgotten {
            self.profiles.retain(|profile| profile.purpose == Purpose::TxProfile);
        }
        let is_resuming = reason == StopReason::PowerLoss
            && self.config.after_power_loss == AfterPowerLoss::ResumesTransaction;
        let stopped_at = self.print(lost_at);
        let interval = self.settings.interval(Setting::SampleInterval);
        let now = self.now;
        for number in 1..=self.connectors() {
            let Some(connector) = self.held_mut(number) else { continue };
            connector.is_hung = false;
            if is_resuming && connector.running.is_some() && connector.evse.ev().is_some() {
                connector.schedule_sample(now, interval);
            } else {
                self.end_transaction_at(number, reason, None, stopped_at.clone());
            }
        }
        self.apply_limits();
        for number in 1..=self.connectors() {
            self.drive_supply(number);
        }
        self.schedule_clock_aligned();
        self.boot_due = Some(self.now);
        self.outputs.push_back(StationOutput::WantsLink);
    }

    // Small parts.

    fn tell_statuses(&mut self) {
        if self.link != Link::Up || self.registration != Registration::Accepted {
            return;
        }
        for index in 0..self.connectors.len() {
            let status = self.connectors[index].status();
            let word = match self.config.version {
                OcppVersion::V16 => status.name(),
                OcppVersion::V201 => v201::status_word(status),
            };
            if self.connectors[index].told != Some(word) {
                self.connectors[index].told = Some(word);
                let (connector, at) = (self.connectors[index].number, self.stamp());
                self.outbox.push(Call::Status { connector, status, at });
            }
        }
    }

    /// OCPP 2.0.1 tells within the transaction what became of the energy, also what it tells later.
    fn tell_charging_states(&mut self) {
        match self.config.version {
            OcppVersion::V16 => return,
            OcppVersion::V201 => {}
        }
        for index in 0..self.connectors.len() {
            let connector = &self.connectors[index];
            let Some(running) = &connector.running else { continue };
            if running.told != Some(connector.charging_state()) && !connector.is_hung {
                let (number, local) = (connector.number, running.local);
                let fact = Fact::Changed { cause: Cause::ChargingState, token: None };
                self.tell_transaction(number, local, self.stamp(), fact);
            }
        }
    }

    /// This instant as the station prints it.
    fn stamp(&self) -> String {
        self.print(self.now)
    }

    fn print(&self, now: Timestamp) -> String {
        let shown = self.clock.shows(now);
        for quirk in &self.config.quirks {
            if let Quirk::TimestampsWithoutZone { minutes_east } = quirk {
                let local = shown + TimeSpan::from_minutes(i64::from(*minutes_east));
                return local.to_string().trim_end_matches('Z').to_owned();
            }
        }
        shown.to_string()
    }

    fn register_form(&self) -> RegisterForm {
        if self.has(Quirk::KilowattHours) {
            RegisterForm::KilowattHours
        } else if self.has(Quirk::KilowattHoursLabelledWh) {
            RegisterForm::KilowattHoursLabelledWh
        } else {
            RegisterForm::WattHours
        }
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.config.quirks.contains(&quirk)
    }

    fn held(&self, number: ConnectorNumber) -> Option<&Connector> {
        usize::from(number).checked_sub(1).and_then(|index| self.connectors.get(index))
    }

    fn held_mut(&mut self, number: ConnectorNumber) -> Option<&mut Connector> {
        usize::from(number).checked_sub(1).and_then(|index| self.connectors.get_mut(index))
    }

    /// The connector whose running transaction has this name.
    fn connector_of_transaction(&self, name: &TransactionName) -> Option<ConnectorNumber> {
        self.connectors
            .iter()
            .find(|connector| {
                connector.running.as_ref().is_some_and(|running| {
                    self.outbox.records.get(&running.local).and_then(|record| record.name.as_ref())
                        == Some(name)
                })
            })
            .map(|connector| connector.number)
    }
}
