//! What the station has to say: one call outstanding, transaction messages queued in order until they are answered.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde_json::Value;
use units::{IdToken, TimeSpan, Timestamp};

use super::config::Quirk;
use super::connector::EnergyFrom;
use super::profile::Profile;
use super::wire::{self, quoted, text_at, whole_at};
use super::{ConnectorNumber, ConnectorStatus, Link, Registration, Station, StationOutput, StopReason};

/// Between tries of a BootNotification that got no usable answer.
const BOOT_RETRY: TimeSpan = TimeSpan::from_seconds(30);

/// A call of the station.
#[derive(Debug, Clone)]
pub enum Call {
    Boot,
    Heartbeat,
    Status {
        connector: ConnectorNumber,
        status: ConnectorStatus,
        at: String,
    },
    Authorize {
        connector: ConnectorNumber,
        token: IdToken,
        profile: Option<Box<Profile>>,
    },
    /// Values outside a transaction; lost while offline.
    MeterValues {
        connector: ConnectorNumber,
        values: String,
        at: String,
    },
    /// A message that is kept until it is answered.
    Transactional(Transactional),
}

/// A message about a transaction, named by the station's own number.
#[derive(Debug, Clone)]
pub enum Transactional {
    Start { local: u64 },
    MeterValues { local: u64, values: String, at: String },
    Stop { local: u64, meter_stop: i64, at: String, reason: StopReason, token: Option<IdToken> },
}

/// What messages about a transaction need, kept until its last one is answered.
#[derive(Debug, Clone)]
pub struct TransactionRecord {
    pub connector: ConnectorNumber,
    pub token: IdToken,
    pub meter_start: i64,
    pub at: String,
    /// The backend's id.
    pub id: Option<i64>,
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
    prefix: u32,
    sent: u64,
}

impl Outbox {
    pub const fn new(prefix: u32) -> Self {
        Self {
            calls: VecDeque::new(),
            transactional: VecDeque::new(),
            outstanding: None,
            records: BTreeMap::new(),
            retry_at: Timestamp::EPOCH,
            refusals: 0,
            prefix,
            sent: 0,
        }
    }

    pub fn push(&mut self, call: Call) {
        match call {
            Call::Transactional(message) => self.transactional.push_back(message),
            Call::Boot
            | Call::Heartbeat
            | Call::Status { .. }
            | Call::Authorize { .. }
            | Call::MeterValues { .. } => self.calls.push_back(call),
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

    fn next_id(&mut self) -> String {
        self.sent += 1;
        format!("{:08x}-{}", self.prefix, self.sent)
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
            Some(Call::Boot)
        } else if let Some(call) = self.outbox.calls.pop_front() {
            Some(call)
        } else if self.outbox.retry_at <= self.now {
            self.outbox.transactional.pop_front().map(Call::Transactional)
        } else {
            None
        };
        let Some(call) = call else { return };
        let (action, payload) = self.render(&call);
        let id = self.outbox.next_id();
        self.outputs.push_back(StationOutput::Frame(wire::call(&id, action, &payload)));
        let expires_at = self.now + self.config.call_timeout;
        self.outbox.outstanding = Some(Outstanding { id, call, expires_at });
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
    pub(super) fn answered(&mut self, id: &str, payload: &Value) {
        let Some(outstanding) = self.outbox.outstanding.take_if(|outstanding| outstanding.id == id) else {
            return;
        };
        match outstanding.call {
            Call::Boot => self.boot_answered(payload),
            Call::Heartbeat => self.set_clock(text_at(payload, "/currentTime")),
            Call::Status { .. } | Call::MeterValues { .. } => {}
            Call::Authorize { connector, token, profile } => {
                if self.is_accepted(&token, payload) {
                    self.authorised(connector, token, profile, EnergyFrom::Start);
                }
            }
            Call::Transactional(message) => {
                self.outbox.refusals = 0;
                self.transactional_answered(message, payload);
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
                if self.outbox.refusals < self.keys.count("TransactionMessageAttempts") {
                    self.retry(message, self.outbox.refusals);
                } else {
                    self.outbox.refusals = 0;
                    self.forget_if_stop(&message);
                }
            }
            call @ (Call::Boot
            | Call::Heartbeat
            | Call::Status { .. }
            | Call::Authorize { .. }
            | Call::MeterValues { .. }) => self.give_up(call),
        }
    }

    /// "The interval increases by the number of preceding tries" (OCPP 1.6 section 3.7.1).
    fn retry(&mut self, message: Transactional, tries: i64) {
        self.outbox.transactional.push_front(message);
        let interval = TimeSpan::from_seconds(self.keys.count("TransactionMessageRetryInterval"));
        self.outbox.retry_at = self.now + interval * tries;
    }

    fn give_up(&mut self, call: Call) {
        match call {
            Call::Boot => self.boot_due = Some(self.now + BOOT_RETRY),
            Call::Status { connector, .. } => {
                if let Some(connector) = self.connectors.iter_mut().find(|held| held.number == connector) {
                    connector.told = None;
                }
            }
            Call::Heartbeat | Call::Authorize { .. } | Call::MeterValues { .. } | Call::Transactional(_) => {}
        }
    }

    fn boot_answered(&mut self, payload: &Value) {
        self.set_clock(text_at(payload, "/currentTime"));
        let interval = whole_at(payload, "/interval").filter(|seconds| *seconds > 0);
        match text_at(payload, "/status") {
            Some("Accepted") => {
                self.registration = Registration::Accepted;
                self.was_accepted = true;
                if let Some(seconds) = interval {
                    self.keys.change("HeartbeatInterval", &seconds.to_string());
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

    fn transactional_answered(&mut self, message: Transactional, payload: &Value) {
        match message {
            Transactional::Start { local } => {
                let Some(record) = self.outbox.records.get_mut(&local) else { return };
                record.id = whole_at(payload, "/transactionId");
                let (connector, token) = (record.connector, record.token.clone());
                let is_accepted = self.is_accepted(&token, payload);
                self.start_answered(connector, local, is_accepted);
            }
            Transactional::MeterValues { .. } => {}
            stop @ Transactional::Stop { .. } => self.forget_if_stop(&stop),
        }
    }

    fn forget_if_stop(&mut self, message: &Transactional) {
        match message {
            Transactional::Stop { local, .. } => {
                let is_said_again = self.outbox.transactional.iter().any(|queued| queued.local() == *local);
                if !is_said_again {
                    self.outbox.records.remove(local);
                }
            }
            Transactional::Start { .. } | Transactional::MeterValues { .. } => {}
        }
    }

    /// Reads idTagInfo, and keeps the token in the cache or takes it out.
    fn is_accepted(&mut self, token: &IdToken, payload: &Value) -> bool {
        let is_accepted = text_at(payload, "/idTagInfo/status") == Some("Accepted");
        if !is_accepted {
            self.known_tokens.remove(token);
        } else if self.keys.flag("AuthorizationCacheEnabled") {
            self.known_tokens.insert(token.clone());
        }
        is_accepted
    }

    fn render(&self, call: &Call) -> (&'static str, String) {
        match call {
            Call::Boot => {
                let config = &self.config;
                let payload = format!(
                    "{{\"chargePointVendor\":{},\"chargePointModel\":{},\"firmwareVersion\":{}}}",
                    quoted(&config.vendor),
                    quoted(&config.model),
                    quoted(&config.firmware)
                );
                ("BootNotification", payload)
            }
            Call::Heartbeat => ("Heartbeat", "{}".to_owned()),
            Call::Status { connector, status, at } => {
                let error = match status {
                    ConnectorStatus::Faulted => "InternalError",
                    ConnectorStatus::Available
                    | ConnectorStatus::Preparing
                    | ConnectorStatus::Charging
                    | ConnectorStatus::SuspendedEv
                    | ConnectorStatus::SuspendedEvse
                    | ConnectorStatus::Finishing
                    | ConnectorStatus::Unavailable => "NoError",
                };
                let status = status.name();
                let payload = format!(
                    "{{\"connectorId\":{connector},\"errorCode\":\"{error}\",\"status\":\"{status}\",\"timestamp\":\"{at}\"}}"
                );
                ("StatusNotification", payload)
            }
            Call::Authorize { token, .. } => {
                ("Authorize", format!("{{\"idTag\":{}}}", quoted(token.as_str())))
            }
            Call::MeterValues { connector, values, at } => {
                ("MeterValues", meter_values(*connector, None, values, at))
            }
            Call::Transactional(message) => self.render_transactional(message),
        }
    }

    fn render_transactional(&self, message: &Transactional) -> (&'static str, String) {
        let record = self.outbox.records.get(&message.local());
        let id = self.reported_id(record);
        match message {
            Transactional::Start { .. } => {
                let payload = record.map_or_else(String::new, |record| {
                    let token = quoted(record.token.as_str());
                    format!(
                        "{{\"connectorId\":{},\"idTag\":{token},\"meterStart\":{},\"timestamp\":\"{}\"}}",
                        record.connector, record.meter_start, record.at
                    )
                });
                ("StartTransaction", payload)
            }
            Transactional::MeterValues { values, at, .. } => {
                let connector = record.map_or(0, |record| record.connector);
                ("MeterValues", meter_values(connector, Some(id), values, at))
            }
            Transactional::Stop { meter_stop, at, reason, token, .. } => {
                let mut payload = format!(
                    "{{\"transactionId\":{id},\"meterStop\":{meter_stop},\"timestamp\":\"{at}\",\"reason\":\"{}\"",
                    reason.name()
                );
                if let Some(token) = token {
                    let _ = write!(payload, ",\"idTag\":{}", quoted(token.as_str()));
                }
                payload.push('}');
                ("StopTransaction", payload)
            }
        }
    }

    /// −1 where the backend never gave an id (errata of OCPP 1.6).
    fn reported_id(&self, record: Option<&TransactionRecord>) -> i64 {
        for quirk in &self.config.quirks {
            if let Quirk::TransactionId(id) = quirk {
                return *id;
            }
        }
        record.and_then(|record| record.id).unwrap_or(-1)
    }
}

impl Transactional {
    const fn local(&self) -> u64 {
        match self {
            Self::Start { local } | Self::MeterValues { local, .. } | Self::Stop { local, .. } => *local,
        }
    }
}

fn meter_values(connector: ConnectorNumber, transaction: Option<i64>, values: &str, at: &str) -> String {
    let mut payload = String::with_capacity(values.len() + 120);
    let _ = write!(payload, "{{\"connectorId\":{connector},");
    if let Some(id) = transaction {
        let _ = write!(payload, "\"transactionId\":{id},");
    }
    for part in ["\"meterValue\":[{\"timestamp\":\"", at, "\",\"sampledValue\":[", values, "]}]}"] {
        payload.push_str(part);
    }
    payload
}
