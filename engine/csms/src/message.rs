//! What stations and we tell each other, in OCPP's terms but in no version's words.

use billing::cdr::ReadingContext;
use charging::site::EvState;
use units::{
    Amperes, IdToken, PerPhase, ReportedAt, TimeSpan, Timestamp, TransactionId, Volts, WattHours, Watts,
};

/// A station's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Boot(Boot),
    Heartbeat,
    Status(Status),
    Authorise {
        token: Option<IdToken>,
    },
    Start(Start),
    Stop(Stop),
    MeterValues(MeterValues),
    /// Something that needs no more than an empty answer.
    Informs,
    /// A vendor's own message.
    Vendor,
}

/// Who the station is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Boot {
    pub vendor: String,
    pub model: String,
    pub firmware: String,
    pub serial: String,
}

/// The status of a connector; connector 0 is the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub connector: u16,
    /// `None` where the word says nothing about the EV.
    pub ev: Option<EvState>,
    /// The station's word.
    pub text: String,
    pub at: Option<ReportedAt>,
}

/// A transaction began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub connector: u16,
    /// `None` where it is missing or no token.
    pub token: Option<IdToken>,
    pub register: Option<WattHours>,
    pub at: Option<ReportedAt>,
}

/// A transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    pub transaction: Claimed,
    pub token: Option<IdToken>,
    pub register: Option<WattHours>,
    pub at: Option<ReportedAt>,
    pub reason: String,
    pub samples: Vec<Sample>,
}

/// Values of a connector's meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeterValues {
    pub connector: u16,
    pub transaction: Claimed,
    pub samples: Vec<Sample>,
}

/// The transaction that a station names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// A number that can be one of ours.
    Id(TransactionId),
    /// A number or text that cannot, as it came: −1, 0, 2^63−1 (FIELD section 4c).
    Odd(String),
    /// Nothing.
    Missing,
}

/// What was measured at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub at: Option<ReportedAt>,
    /// The EVSE's register of imported energy.
    pub register: Option<(WattHours, ReadingContext)>,
    /// Current per terminal.
    pub current: PerPhase<Option<Amperes>>,
    /// Current without a phase.
    pub current_total: Option<Amperes>,
    /// What the EVSE offers, per phase.
    pub offered: Option<Amperes>,
    /// Active power per terminal.
    pub power: PerPhase<Option<Watts>>,
    /// Active power over all.
    pub power_total: Option<Watts>,
    /// Voltage per terminal, to neutral.
    pub measured_voltage: PerPhase<Option<Volts>>,
}

/// What we answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Boot { registration: Registration, now: Timestamp, interval: TimeSpan },
    Heartbeat { now: Timestamp },
    Authorise(Verdict),
    Start { transaction: TransactionId, verdict: Verdict },
    Stop { verdict: Option<Verdict> },
    MeterValues,
    Status,
    Informs,
    VendorUnknown,
}

/// Whether a station belongs to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registration {
    Accepted,
    Pending,
}

/// What we say of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Unknown,
    Blocked,
    Expired,
    /// Not here, or not now: a station must not remember it beyond `until`.
    NotNow {
        until: Timestamp,
    },
}

/// What a transaction message is, where it could not be read: it is answered all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionMessage {
    Start,
    Stop,
    MeterValues,
}

/// Our call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// The live limit of a transaction, with the fallback that follows it.
    SetLive {
        connector: u16,
        transaction: TransactionId,
        limit: Amperes,
        limit_expired: Amperes,
        lifetime: TimeSpan,
    },
    /// The standing fallback.
    SetFallback { connector: u16, limit: Amperes },
    /// Whatever others left in the station.
    ClearLimits,
    /// Meter values, now.
    Measure { connector: u16 },
    /// The connector's status, now.
    AskStatus { connector: u16 },
    /// Any sign of life.
    Probe,
    /// A setting.
    Configure { setting: Setting, value: String },
    /// Which unit limits may come in.
    AskLimitUnit,
    /// A transaction from afar.
    Start { connector: u16, token: IdToken },
    /// Its end from afar.
    Stop { transaction: TransactionId },
    /// An operator's own words: action and payload as JSON text.
    Raw { action: Box<str>, payload: Box<str> },
}

/// A setting of a station that we need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setting {
    /// How often a transaction is measured.
    MeasureInterval,
    /// What is measured then.
    Measured,
}

/// How a station took a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    /// Refused, with the station's word.
    Rejected(String),
    /// The answer to [`Call::AskLimitUnit`].
    LimitUnits {
        takes_watts_only: bool,
    },
}
