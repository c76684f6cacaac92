//! A virtual charging station that speaks OCPP 1.6J, sans-IO.
//!
//! Give it inputs ([`Station::link_up`], [`Station::frame`], [`Station::plug_in`] …), drain
//! [`Station::poll_output`] after each, and call [`Station::tick`] at [`Station::next_deadline`]. What it truly does is
//! told by its accessors, as of the last input or tick.

mod calls;
mod clock;
mod config;
mod connector;
mod keys;
mod outbox;
mod profile;
mod wire;

use std::collections::{BTreeSet, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::{Amperes, IdToken, PerPhase, StationId, TimeSpan, Timestamp, WattHours};

pub use config::{
    AfterPowerLoss, Authorization, ClockSync, OfflineMeterValues, OfflineStart, ProfilesAtBoot, Purpose,
    Quirk, RateUnits, StationClockConfig, StationConfig,
};

use self::clock::StationClock;
use self::connector::{Authorised, Connector, EnergyFrom, RegisterForm, Running};
use self::keys::Keys;
use self::outbox::{Call, Outbox, TransactionRecord, Transactional};
use self::profile::{Profile, Profiles};
use self::wire::Incoming;
use crate::ev::Ev;
use crate::evse::Supply;

/// A Soft reset waits so long for its StopTransactions to go out.
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

impl ConnectorStatus {
    /// As the standard writes it.
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
    /// The backend's id, once it answered.
    pub id: Option<i64>,
    /// The token it was started with.
    pub token: IdToken,
    /// When it truly started.
    pub started_at: Timestamp,
    /// The register then.
    pub register_at_start: WattHours,
}

/// StopTransaction's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopReason {
    DeAuthorized,
    EvDisconnected,
    HardReset,
    Local,
    PowerLoss,
    Remote,
    SoftReset,
    UnlockCommand,
}

impl StopReason {
    const fn name(self) -> &'static str {
        match self {
            Self::DeAuthorized => "DeAuthorized",
            Self::EvDisconnected => "EVDisconnected",
            Self::HardReset => "HardReset",
            Self::Local => "Local",
            Self::PowerLoss => "PowerLoss",
            Self::Remote => "Remote",
            Self::SoftReset => "SoftReset",
            Self::UnlockCommand => "UnlockCommand",
        }
    }
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
    RemoteStart { connector: ConnectorNumber, token: IdToken, profile: Option<Box<Profile>> },
    Stop { connector: ConnectorNumber, reason: StopReason },
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
    heartbeat_due: Option<Timestamp>,
    clock_aligned_due: Option<Timestamp>,
    reset_at: Option<(Timestamp, StopReason)>,
    connectors: Vec<Connector>,
    keys: Keys,
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
            heartbeat_due: None,
            clock_aligned_due: None,
            reset_at: None,
            connectors: connectors.collect(),
            keys: Keys::new(&config),
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
        if self.was_accepted && self.has(Quirk::NoBootOnReconnect) {
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
            Incoming::CallResult { id, payload } => self.answered(&id, &payload),
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
        if held.authorised.is_some() {
            self.begin_if_possible(connector);
        }
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
        if is_powered && !is_hung && self.keys.flag("StopTransactionOnEVSideDisconnect") {
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
            return Some(until);
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
        let connectors = self.connectors.iter().filter_map(Connector::next_deadline);
        own.into_iter().flatten().chain(connectors).min()
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
            id: self.outbox.records.get(&running.local).and_then(|record| record.id),
            token: running.token.clone(),
            started_at: running.started_at,
            register_at_start: running.register_at_start,
        })
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
            self.heartbeat_due = self.keys.interval("HeartbeatInterval").map(|interval| self.now + interval);
        }
        self.settle();
    }

    /// After each input and each instant: statuses are told, and the next call goes out.
    fn settle(&mut self) {
        if self.power == Power::On {
            self.tell_statuses();
        }
        self.pump();
    }

    fn advance_evses(&mut self) {
        for connector in &mut self.connectors {
            connector.evse.advance(self.now);
        }
    }

    fn expire_authorisations(&mut self) {
        for connector in &mut self.connectors {
            let _expired = connector.authorised.take_if(|authorised| authorised.expires_at <= self.now);
        }
    }

    fn samples_due(&mut self) {
        for index in 0..self.connectors.len() {
            if self.connectors[index].sample_due.is_none_or(|due| due > self.now) {
                continue;
            }
            let interval = self.keys.interval("MeterValueSampleInterval");
            let connector = &mut self.connectors[index];
            connector.schedule_sample(self.now, interval);
            let number = connector.number;
            self.sample(number, "Sample.Periodic", "MeterValuesSampledData");
        }
        if self.clock_aligned_due.is_some_and(|due| due <= self.now) {
            for number in 1..=self.connectors() {
                self.sample(number, "Sample.Clock", "MeterValuesAlignedData");
            }
            self.schedule_clock_aligned();
        }
    }

    fn sample(&mut self, number: ConnectorNumber, context: &str, measurands_key: &str) {
        let Some(connector) = self.held(number) else { return };
        let is_silent = connector.is_hung
            || self.link == Link::Down
                && (connector.running.is_none()
                    || self.config.offline_meter_values == OfflineMeterValues::Dropped);
        let form = self.register_form();
        let values = connector.sampled(self.keys.text(measurands_key), context, form);
        if is_silent || values.is_empty() {
            return;
        }
        let at = self.stamp();
        let call = match &connector.running {
            Some(running) => {
                Call::Transactional(Transactional::MeterValues { local: running.local, values, at })
            }
            None => Call::MeterValues { connector: number, values, at },
        };
        self.outbox.push(call);
    }

    fn schedule_clock_aligned(&mut self) {
        self.clock_aligned_due = self.keys.interval("ClockAlignedDataInterval").map(|interval| {
            let next = self.clock.shows(self.now).floor_to(interval) + interval;
            self.clock.true_time_of(next).max(self.now + TimeSpan::from_milliseconds(1))
        });
    }

    /// The first beat comes at a random share of the interval, so that stations do not beat together.
    fn schedule_heartbeat(&mut self) {
        self.heartbeat_due = self
            .keys
            .interval("HeartbeatInterval")
            .map(|interval| self.now + interval.ratio_floor(self.rng.random_range(500..=1_000), 1_000));
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
        let at = self.stamp();
        self.outbox.push(Call::Status { connector: 0, status: ConnectorStatus::Available, at });
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
                Call::Authorize { connector, token, profile } => {
                    self.authorise_offline(connector, token, profile)
                }
                Call::Boot
                | Call::Heartbeat
                | Call::Status { .. }
                | Call::MeterValues { .. }
                | Call::Transactional(_) => {}
            }
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

    fn go_down(&mut self, reason: StopReason) {
        if self.link == Link::Up {
            self.outputs.push_back(StationOutput::DropLink);
        }
        self.lose_link();
        let until = self.now + self.config.boot_time.max(TimeSpan::from_milliseconds(1));
        self.power = Power::Booting { until, reason, lost_at: self.now };
        self.reset_at = None;
        self.heartbeat_due = None;
        self.deferred.clear();
        self.reevaluate.clear();
        self.registration = Registration::None;
        self.was_accepted = false;
        let now = self.now;
        for connector in &mut self.connectors {
            connector.authorised = None;
            connector.boundary = None;
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
        let interval = self.keys.interval("MeterValueSampleInterval");
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

    // Tokens and transactions.

    fn present(&mut self, number: ConnectorNumber, token: IdToken) {
        if self.power != Power::On {
            return;
        }
        let Some(connector) = self.held(number) else { return };
        if connector.is_hung || !connector.is_operative {
            return;
        }
        if let Some(running) = &connector.running {
            if running.token == token {
                self.end_transaction(number, StopReason::Local, Some(token));
            }
            return;
        }
        if self.link == Link::Down || self.registration != Registration::Accepted {
            self.authorise_offline(number, token, None);
        } else if self.keys.flag("LocalPreAuthorize") && self.known_tokens.contains(&token) {
            self.authorised(number, token, None, EnergyFrom::Start);
        } else {
            match self.config.authorization {
                Authorization::BeforeStart => {
                    self.outbox.push(Call::Authorize { connector: number, token, profile: None });
                }
                Authorization::ByStart => self.authorised(number, token, None, EnergyFrom::Answer),
            }
        }
    }

    fn authorise_offline(&mut self, number: ConnectorNumber, token: IdToken, profile: Option<Box<Profile>>) {
        let is_known = self.known_tokens.contains(&token);
        let is_allowed = self.keys.flag("LocalAuthorizeOffline")
            && (is_known || self.keys.flag("AllowOfflineTxForUnknownId"));
        if is_allowed {
            self.authorised(number, token, profile, EnergyFrom::Start);
        }
    }

    /// A token may start at a connector: at once where an EV is, else it waits for the cable.
    fn authorised(
        &mut self,
        number: ConnectorNumber,
        token: IdToken,
        profile: Option<Box<Profile>>,
        energy: EnergyFrom,
    ) {
        let waits = self.keys.interval("ConnectionTimeOut").unwrap_or(TimeSpan::from_seconds(60));
        let expires_at = self.now + waits;
        if let Some(connector) = self.held_mut(number)
            && connector.running.is_none()
        {
            connector.authorised = Some(Authorised { token, expires_at, profile, energy });
            self.begin_if_possible(number);
        }
    }

    fn begin_if_possible(&mut self, number: ConnectorNumber) {
        let (now, started_shown, at) = (self.now, self.clock.shows(self.now), self.stamp());
        let local = self.transactions_started + 1;
        let interval = self.keys.interval("MeterValueSampleInterval");
        let Some(connector) = self.held_mut(number) else { return };
        let can_begin = connector.running.is_none()
            && connector.evse.ev().is_some()
            && connector.is_operative
            && !connector.is_hung;
        let Some(Authorised { token, profile, energy, .. }) = connector.authorised.take_if(|_| can_begin)
        else {
            return;
        };
        connector.evse.advance(now);
        let register_at_start = connector.evse.register();
        connector.running = Some(Running {
            local,
            token: token.clone(),
            started_at: now,
            started_shown,
            register_at_start,
            energy,
            was_paused: false,
        });
        connector.is_finishing = false;
        connector.schedule_sample(now, interval);
        self.transactions_started = local;
        let meter_start = register_at_start.watt_hours_floor();
        let record = TransactionRecord { connector: number, token, meter_start, at, id: None };
        self.outbox.records.insert(local, record);
        self.outbox.push(Call::Transactional(Transactional::Start { local }));
        if let Some(profile) = profile.and_then(|profile| self.admit(*profile).ok()) {
            self.profiles.set(profile);
        }
        self.apply_limits();
        self.drive_supply(number);
    }

    /// StartTransaction was answered.
    fn start_answered(&mut self, number: ConnectorNumber, local: u64, is_accepted: bool) {
        let stops = self.keys.flag("StopTransactionOnInvalidId");
        let Some(running) = self.held_mut(number).and_then(|held| held.running.as_mut()) else { return };
        if running.local != local {
            return;
        }
        if is_accepted {
            running.energy = EnergyFrom::Start;
        } else if stops {
            self.end_transaction(number, StopReason::DeAuthorized, None);
        } else {
            running.energy = EnergyFrom::Answer;
        }
        self.apply_limits();
        self.drive_supply(number);
    }

    fn end_transaction(&mut self, number: ConnectorNumber, reason: StopReason, token: Option<IdToken>) {
        let at = self.stamp();
        self.end_transaction_at(number, reason, token, at);
    }

    fn end_transaction_at(
        &mut self,
        number: ConnectorNumber,
        reason: StopReason,
        token: Option<IdToken>,
        at: String,
    ) {
        let now = self.now;
        let Some(connector) = self.held_mut(number) else { return };
        let Some(running) = connector.running.take() else { return };
        connector.evse.set_supply(now, Supply::Withheld);
        connector.sample_due = None;
        connector.authorised = None;
        connector.is_finishing = connector.evse.ev().is_some();
        if std::mem::take(&mut connector.becomes_inoperative) {
            connector.is_operative = false;
        }
        let register = connector.evse.register().watt_hours_floor();
        let meter_stop = if self.has(Quirk::MeterStopUnknown) {
            -1
        } else if self.has(Quirk::MeterStopOneBelow) {
            register - 1
        } else {
            register
        };
        let stop = Transactional::Stop { local: running.local, meter_stop, at, reason, token };
        if self.has(Quirk::DuplicatesStopTransaction) {
            self.outbox.push(Call::Transactional(stop.clone()));
        }
        self.outbox.push(Call::Transactional(stop));
        // "A TxProfile SHALL be deleted when the transaction is finished" (OCPP 1.6 section 3.13.1).
        self.profiles.retain(|profile| profile.purpose != Purpose::TxProfile || profile.connector != number);
        self.apply_limits();
    }

    // Limits.

    fn limits_due(&mut self) {
        let mut is_due = false;
        while self.reevaluate.first().is_some_and(|due| *due <= self.now) {
            self.reevaluate.pop_first();
            is_due = true;
        }
        is_due |=
            self.connectors.iter().any(|held| held.boundary.is_some_and(|boundary| boundary <= self.now));
        if is_due {
            self.apply_limits();
        }
    }

    /// Drives all pilots by the profiles as they merge now.
    fn apply_limits(&mut self) {
        let sharers = self.sharers();
        let shown = self.clock.shows(self.now);
        let is_holding = self.link == Link::Down && self.has(Quirk::HoldsLimitWhileOffline);
        for index in 0..self.connectors.len() {
            let context = self.connectors[index].context(sharers);
            if is_holding {
                self.connectors[index].boundary = None;
                continue;
            }
            let merged = self.profiles.limit_at(shown, &context);
            let boundary = self
                .profiles
                .next_boundary(shown, &context)
                .map(|at| self.clock.true_time_of(at).max(self.now + TimeSpan::from_milliseconds(1)));
            let limit = self.applied_limit(context.connector, merged);
            let hangs = self.has(Quirk::HangsAtZero);
            let connector = &mut self.connectors[index];
            connector.boundary = boundary;
            connector.evse.set_limit(self.now, limit);
            if connector.evse.quantised() == Amperes::ZERO
                && let Some(running) = &mut connector.running
            {
                running.was_paused = true;
                connector.is_hung |= hangs;
            }
            if connector.is_hung {
                connector.evse.set_supply(self.now, Supply::Withheld);
            }
        }
    }

    /// Closes or opens the contactor of a connector.
    fn drive_supply(&mut self, number: ConnectorNumber) {
        let now = self.now;
        let Some(connector) = self.held_mut(number) else { return };
        let is_released = !connector.is_hung
            && connector.running.as_ref().is_some_and(|running| running.energy == EnergyFrom::Start);
        connector.evse.set_supply(now, if is_released { Supply::Released } else { Supply::Withheld });
    }

    /// Among how many connectors a cap of the station is shared.
    fn sharers(&self) -> i64 {
        let running = self.connectors.iter().filter(|connector| connector.running.is_some()).count();
        i64::try_from(running.max(1)).unwrap_or(i64::MAX)
    }

    // Small parts.

    fn tell_statuses(&mut self) {
        if self.link != Link::Up || self.registration != Registration::Accepted {
            return;
        }
        for index in 0..self.connectors.len() {
            let status = self.connectors[index].status();
            if self.connectors[index].told != Some(status) {
                self.connectors[index].told = Some(status);
                let (connector, at) = (self.connectors[index].number, self.stamp());
                self.outbox.push(Call::Status { connector, status, at });
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

    /// The connector whose running transaction the backend knows by this id.
    fn connector_of_transaction(&self, id: i64) -> Option<ConnectorNumber> {
        self.connectors
            .iter()
            .find(|connector| {
                connector.running.as_ref().is_some_and(|running| {
                    self.outbox.records.get(&running.local).and_then(|record| record.id) == Some(id)
                })
            })
            .map(|connector| connector.number)
    }
}
