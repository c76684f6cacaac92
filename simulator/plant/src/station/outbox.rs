//! What the station has to say: one call outstanding, transaction messages queued in order until they are answered.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use units::{IdToken, TimeSpan, Timestamp};

use super::config::{OcppVersion, Quirk};
use super::connector::{ChargingState, Connector, EnergyFrom, Occasion, Offer};
use super::settings::Setting;
use super::wire::{self, text_at, whole_at};
use super::{
    ConnectorNumber, ConnectorStatus, Link, Registration, Station, StationOutput, StopReason,
    TransactionName, v16, v201,
};

/// Between tries of a BootNotification that got no usable answer.
const BOOT_RETRY: TimeSpan = TimeSpan::from_seconds(30);

/// A call of the station, in no version's words.
#[derive(Debug, Clone)]
pub enum Call {
    Boot(BootReason),
    Heartbeat,
    Status {
        connector: ConnectorNumber,
        status: ConnectorStatus,
        at: String,
    },
    Authorize {
        connector: ConnectorNumber,
        offer: Offer,
    },
    /// Values outside a transaction; lost while offline.
    MeterValues {
        connector: ConnectorNumber,
        values: String,
        at: String,
    },
    /// A page of the report on all variables, from 0.
    Report {
        request: i64,
        page: usize,
        at: String,
    },
    /// A message that is kept until it is answered.
    Transactional(Transactional),
}

/// Why a station boots, or says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootReason {
    PowerUp,
    RemoteReset,
    Triggered,
}

/// A message about a transaction, as things stood when it was due.
#[derive(Debug, Clone)]
pub struct Transactional {
    /// The station's own number of the transaction.
    pub local: u64,
    /// How many messages of the transaction came before it.
    pub place: u64,
    pub at: String,
    pub is_offline: bool,
    pub state: ChargingState,
    pub fact: Fact,
}

/// What it tells.
#[derive(Debug, Clone)]
pub enum Fact {
    Began {
        cause: Cause,
        token: Option<IdToken>,
    },
    Values {
        occasion: Occasion,
        values: String,
    },
    /// Said by OCPP 2.0.1 alone.
    Changed {
        cause: Cause,
        token: Option<IdToken>,
    },
    Ended {
        meter_stop: i64,
        reason: StopReason,
        token: Option<IdToken>,
    },
}

/// Why a transaction began or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Authorized,
    CablePluggedIn,
    RemoteStart,
    ChargingState,
    /// The authorization ended, and the transaction goes on.
    Withdrawn(StopReason),
}

/// What messages about a transaction need, kept until its last one is answered.
#[derive(Debug, Clone)]
pub struct TransactionRecord {
    pub connector: ConnectorNumber,
    /// The type of its token in OCPP 2.0.1.
    pub kind: &'static str,
    pub remote_start: Option<i64>,
    pub meter_start: i64,
    pub name: Option<TransactionName>,
    /// How many messages were made.
    pub told: u64,
    pub is_over: bool,
}

#[derive(Debug, Clone)]
struct Outstanding {
    id: String,
    call: Call,
    expires_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Outbox {
    calls: VecDeque<Call>,
    transactional: VecDeque<Transactional>,
    outstanding: Option<Outstanding>,
    pub records: BTreeMap<u64, TransactionRecord>,
    retry_at: Timestamp,
    /// How often the first transaction message was refused.
    refusals: i64,
    /// What all its ids and names begin with.
    prefix: String,
    sent: u64,
}

impl Outbox {
    pub fn new(prefix: u32) -> Self {
        Self {
            calls: VecDeque::new(),
            transactional: VecDeque::new(),
            outstanding: None,
            records: BTreeMap::new(),
            retry_at: Timestamp::EPOCH,
            refusals: 0,
            prefix: format!("{prefix:08x}-"),
            sent: 0,
        }
    }

    pub fn push(&mut self, call: Call) {
        match call {
            Call::Transactional(message) => self.transactional.push_back(message),
            Call::Boot(_)
            | Call::Heartbeat
            | Call::Status { .. }
            | Call::Authorize { .. }
            | Call::MeterValues { .. }
            | Call::Report { .. } => self.calls.push_back(call),
        }
    }

    /// Messages about transactions that are not yet answered.
    pub fn transactional_len(&self) -> usize {
        let is_on_its_way = self
            .outstanding
            .as_ref()
            .is_some_and(|outstanding| matches!(outstanding.call, Call::Transactional(_)));
        self.transactional.len() + usize::from(is_on_its_way)
    }

    /// The link is lost: what is kept returns to its place, the rest is handed back.
    pub fn interrupt(&mut self) -> Vec<Call> {
        let mut lost: Vec<_> = Vec::new();
        match self.outstanding.take().map(|outstanding| outstanding.call) {
            Some(Call::Transactional(message)) => self.transactional.push_front(message),
            Some(call) => lost.push(call),
            None => {}
        }
        lost.extend(self.calls.drain(..));
        self.retry_at = Timestamp::EPOCH;
        lost
    }

    /// The last message about a transaction goes out twice.
    pub fn say_last_again(&mut self) {
        if let Some(last) = self.transactional.back().cloned() {
            self.transactional.push_back(last);
        }
    }

    /// seqNo of each transaction begins anew.
    pub fn restart_sequences(&mut self) {
        for record in self.records.values_mut() {
            record.told = 0;
        }
    }

    /// Whether something of a transaction still waits to be said.
    pub fn has_queued(&self, name: &TransactionName) -> bool {
        self.transactional.iter().any(|message| {
            self.records.get(&message.local).and_then(|record| record.name.as_ref()) == Some(name)
        })
    }

    /// The name of a transaction that the station names itself.
    pub fn own_name(&self, local: u64) -> TransactionName {
        TransactionName::Station(format!("{}{local}", self.prefix))
    }

    fn next_id(&mut self) -> String {
        self.sent += 1;
        let mut id = String::with_capacity(self.prefix.len() + 20);
        let _ = write!(id, "{}{}", self.prefix, self.sent);
        id
    }
}

impl Station {
    /// Sends what may be sent: nothing while a call is outstanding, only BootNotification before acceptance.
    pub(super) fn pump(&mut self) {
        if self.outbox.outstanding.is_some() || self.link != Link::Up {
            return;
        }
        let call = if self.registration != Registration::Accepted {
            if self.boot_due.is_none_or(|due| due > self.now) {
                return;
            }
            self.boot_due = None;
            Some(Call::Boot(self.boot_reason))
        } else if let Some(call) = self.outbox.calls.pop_front() {
            Some(call)
        } else if self.outbox.retry_at <= self.now {
            self.next_transactional().map(Call::Transactional)
        } else {
            None
        };
        let Some(call) = call else { return };
        let (action, payload) = match self.config.version {
            OcppVersion::V16 => v16::render(self, &call),
            OcppVersion::V201 => v201::render(self, &call),
        };
        let id = self.outbox.next_id();
        self.outputs.push_back(StationOutput::Frame(wire::call(&id, action, &payload)));
        let expires_at = self.now + self.config.call_timeout;
        self.outbox.outstanding = Some(Outstanding { id, call, expires_at });
        self.heartbeat_waits();
    }

    fn next_transactional(&mut self) -> Option<Transactional> {
        if self.has(Quirk::EventsOutOfOrder) {
            self.outbox.transactional.pop_back()
        } else {
            self.outbox.transactional.pop_front()
        }
    }

    /// Puts a message about a transaction on its way, as things stand.
    pub(super) fn tell_transaction(&mut self, number: ConnectorNumber, local: u64, at: String, fact: Fact) {
        let is_offline = self.link == Link::Down || self.registration != Registration::Accepted;
        let state = match fact {
            // Told a moment before the plug is gone.
            Fact::Ended { reason: StopReason::EvDisconnected, .. } => ChargingState::Idle,
            Fact::Began { .. } | Fact::Values { .. } | Fact::Changed { .. } | Fact::Ended { .. } => {
                self.held(number).map_or(ChargingState::Idle, Connector::charging_state)
            }
        };
        let Some(record) = self.outbox.records.get_mut(&local) else { return };
        let place = record.told;
        record.told += 1;
        record.is_over |= matches!(fact, Fact::Ended { .. });
        if let Some(running) = self.held_mut(number).and_then(|held| held.running.as_mut())
            && running.local == local
        {
            running.told = Some(state);
        }
        let message = Transactional { local, place, at, is_offline, state, fact };
        self.outbox.push(Call::Transactional(message));
    }

    /// When the outbox wants a tick.
    pub(super) fn outbox_deadline(&self) -> Option<Timestamp> {
        if self.link != Link::Up {
            return None;
        }
        if let Some(outstanding) = &self.outbox.outstanding {
            return Some(outstanding.expires_at);
        }
        if self.registration != Registration::Accepted {
            return self.boot_due;
        }
        (!self.outbox.transactional.is_empty()).then_some(self.outbox.retry_at)
    }

    /// Gives up an outstanding call whose time has come.
    pub(super) fn expire_outstanding(&mut self) {
        let is_over =
            self.outbox.outstanding.as_ref().is_some_and(|outstanding| outstanding.expires_at <= self.now);
        if !is_over {
            return;
        }
        match self.outbox.outstanding.take().map(|outstanding| outstanding.call) {
            // Sent again under a new message id, as often as it takes.
            Some(Call::Transactional(message)) => self.retry(message, 1),
            Some(call) => self.give_up(call),
            None => {}
        }
    }

    /// CALLRESULT.
    pub(super) fn answered(&mut self, id: &str, payload: &RawValue) {
        let Some(outstanding) = self.outbox.outstanding.take_if(|outstanding| outstanding.id == id) else {
            return;
        };
        match outstanding.call {
            Call::Boot(_) => self.boot_answered(&value(payload)),
            Call::Heartbeat => self.set_clock(current_time(payload).as_deref()),
            Call::Status { .. } | Call::MeterValues { .. } | Call::Report { .. } => {}
            Call::Authorize { connector, offer } => {
                if self.verdict(&offer.token, &value(payload)) == Verdict::Accepted {
                    self.authorised(connector, offer, EnergyFrom::Start);
                }
            }
            Call::Transactional(message) => {
                self.outbox.refusals = 0;
                self.transactional_answered(&message, payload);
            }
        }
    }

    /// CALLERROR.
    pub(super) fn refused(&mut self, id: &str) {
        let Some(outstanding) = self.outbox.outstanding.take_if(|outstanding| outstanding.id == id) else {
            return;
        };
        match outstanding.call {
            Call::Transactional(message) => {
                self.outbox.refusals += 1;
                if self.outbox.refusals < self.settings.count(Setting::MessageAttempts) {
                    self.retry(message, self.outbox.refusals);
                } else {
                    self.outbox.refusals = 0;
                    self.forget_if_over(message.local);
                }
            }
            call @ (Call::Boot(_)
            | Call::Heartbeat
            | Call::Status { .. }
            | Call::Authorize { .. }
            | Call::MeterValues { .. }
            | Call::Report { .. }) => self.give_up(call),
        }
    }

    /// "The interval increases by the number of preceding tries" (OCPP 1.6 section 3.7.1).
    fn retry(&mut self, message: Transactional, tries: i64) {
        self.outbox.transactional.push_front(message);
        let interval = TimeSpan::from_seconds(self.settings.count(Setting::MessageRetryInterval));
        self.outbox.retry_at = self.now + interval * tries;
    }

    fn give_up(&mut self, call: Call) {
        match call {
            Call::Boot(_) => self.boot_due = Some(self.now + BOOT_RETRY),
            Call::Status { connector, .. } => {
                if let Some(connector) = self.connectors.iter_mut().find(|held| held.number == connector) {
                    connector.told = None;
                }
            }
            Call::Heartbeat
            | Call::Authorize { .. }
            | Call::MeterValues { .. }
            | Call::Report { .. }
            | Call::Transactional(_) => {}
        }
    }

    fn boot_answered(&mut self, payload: &Value) {
        self.set_clock(text_at(payload, "currentTime"));
        let interval = whole_at(payload, "interval").filter(|seconds| *seconds > 0);
        match text_at(payload, "status") {
            Some("Accepted") => {
                self.registration = Registration::Accepted;
                self.was_accepted = true;
                if let Some(seconds) = interval {
                    self.settings.set(Setting::HeartbeatInterval, seconds.to_string());
                }
                self.registered();
            }
            answer => {
                self.registration = match answer {
                    Some("Pending") => Registration::Pending,
                    Some(_) | None => Registration::Rejected,
                };
                let retry = interval.map_or(BOOT_RETRY, TimeSpan::from_seconds);
                self.boot_due = Some(self.now + retry);
            }
        }
    }

    fn transactional_answered(&mut self, message: &Transactional, payload: &RawValue) {
        let Some(record) = self.outbox.records.get_mut(&message.local) else { return };
        let connector = record.connector;
        match &message.fact {
            Fact::Began { token, .. } => {
                if record.name.is_none() {
                    record.name = whole_at(&value(payload), "transactionId").map(TransactionName::Backend);
                }
                self.token_judged(connector, message.local, token.as_ref(), &value(payload));
            }
            Fact::Changed { cause: Cause::Authorized | Cause::RemoteStart, token } => {
                self.token_judged(connector, message.local, token.as_ref(), &value(payload));
            }
            Fact::Changed { .. } | Fact::Values { .. } | Fact::Ended { .. } => {}
        }
        self.forget_if_over(message.local);
    }

    fn token_judged(
        &mut self,
        number: ConnectorNumber,
        local: u64,
        token: Option<&IdToken>,
        payload: &Value,
    ) {
        match token.map(|token| self.verdict(token, payload)) {
            Some(Verdict::Accepted) => self.start_answered(number, local, true),
            Some(Verdict::Refused) => self.start_answered(number, local, false),
            Some(Verdict::None) | None => {}
        }
    }

    /// A transaction of which all is said and answered needs no record.
    fn forget_if_over(&mut self, local: u64) {
        let is_over = self.outbox.records.get(&local).is_some_and(|record| record.is_over);
        if is_over && !self.outbox.transactional.iter().any(|queued| queued.local == local) {
            self.outbox.records.remove(&local);
        }
    }

    /// Reads what the backend thinks of a token, and keeps it in the cache or takes it out.
    fn verdict(&mut self, token: &IdToken, payload: &Value) -> Verdict {
        let status = match self.config.version {
            OcppVersion::V16 => Some(text_at(payload, "idTagInfo/status").unwrap_or("")),
            OcppVersion::V201 => text_at(payload, "idTokenInfo/status"),
        };
        match status {
            Some("Accepted") => {
                if self.settings.flag(Setting::AuthorizationCache) {
                    self.known_tokens.insert(token.clone());
                }
                Verdict::Accepted
            }
            Some(_) => {
                self.known_tokens.remove(token);
                Verdict::Refused
            }
            None => Verdict::None,
        }
    }

    /// The name of a transaction as its messages after the first give it.
    pub(super) fn reported_name(&self, local: u64) -> Option<TransactionName> {
        for quirk in &self.config.quirks {
            if let Quirk::TransactionId(id) = quirk {
                return Some(TransactionName::Backend(*id));
            }
        }
        self.outbox.records.get(&local).and_then(|record| record.name.clone())
    }
}

/// What the backend thinks of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Refused,
    /// It does not say.
    None,
}

/// The payload of an answer.
fn value(payload: &RawValue) -> Value {
    // What was read as JSON once is JSON.
    serde_json::from_str(payload.get()).unwrap_or_default()
}

/// What an answer to a Heartbeat tells: most of all that a station hears.
fn current_time(payload: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'a> {
        #[serde(borrow)]
        current_time: Option<Cow<'a, str>>,
    }
    serde_json::from_str::<Told<'_>>(payload.get()).ok()?.current_time
}
