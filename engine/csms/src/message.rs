//! What stations and we tell each other, in OCPP's terms but in no version's words.

use billing::cdr::ReadingContext;
use charging::site::EvState;
use units::{
    Amperes, IdToken, PerPhase, Phase, ReportedAt, TimeSpan, Timestamp, TransactionId, Volts, WattHours,
    Watts,
};

use crate::baseline::Setting;
use crate::notice::Notice;
use crate::record::ReportedId;
use crate::upkeep::Ask;

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
    Event(Event),
    MeterValues(MeterValues),
    /// Something besides transactions: it is kept, and answered so.
    Notices {
        notices: Vec<Notice>,
        answer: Answer,
        /// How far something is that upkeep asked for.
        progress: Option<Progress>,
    },
    /// What an EV wants, and where.
    EvNeeds {
        evse: u16,
        needs: Notice,
    },
    /// Something that needs no more than an empty answer.
    Informs,
    /// A vendor's own message.
    Vendor,
}

/// How far something is that upkeep asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A download or an installation, in the station's word.
    Firmware(String),
    /// An upload, in the station's word.
    Log(String),
    /// A reservation is over, in the station's word.
    ReservationEnded { number: u32, word: String },
}

impl Request {
    /// The same, which also tells how far something is that upkeep asked for.
    pub fn telling(mut self, told: Option<Progress>) -> Self {
        if let Self::Notices { progress, .. } = &mut self {
            *progress = told;
        }
        self
    }
}

/// Who the station is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Boot {
    pub vendor: String,
    pub model: String,
    pub firmware: String,
    pub serial: String,
}

/// The status of an EVSE's connector; EVSE 0 is the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub evse: u16,
    /// Which of the EVSE's.
    pub connector: u16,
    pub ev: EvTold,
    /// The station's word.
    pub text: String,
    pub fault: Option<Fault>,
    pub at: Option<ReportedAt>,
}

/// What a status says of the EV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EvTold {
    /// Nothing.
    Nothing,
    /// One is there; what it does is told elsewhere.
    Present,
    State(EvState),
}

impl EvTold {
    /// An EV is there.
    pub const fn is_plugged(self) -> bool {
        self.rank() == 2
    }

    /// It says that no transaction runs. One that is present may be in any.
    pub const fn is_idle(self) -> bool {
        match self {
            Self::State(EvState::Absent | EvState::Connected) => true,
            Self::State(
                EvState::Charging | EvState::SuspendedEv | EvState::SuspendedEvse | EvState::Faulted,
            )
            | Self::Present
            | Self::Nothing => false,
        }
    }

    /// Which of an EVSE's connectors speaks for it: the highest.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Nothing | Self::State(EvState::Faulted) => 0,
            Self::State(EvState::Absent) => 1,
            Self::Present
            | Self::State(
                EvState::Connected | EvState::Charging | EvState::SuspendedEv | EvState::SuspendedEvse,
            ) => 2,
        }
    }
}

/// A transaction that we number began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub evse: u16,
    /// `None` where it is missing or no token.
    pub token: Option<IdToken>,
    pub register: Option<WattHours>,
    pub at: Option<ReportedAt>,
    /// The reservation that it began by.
    pub reservation: Option<u32>,
}

/// A transaction that we number ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    pub transaction: Claimed,
    pub token: Option<IdToken>,
    pub register: Option<WattHours>,
    pub at: Option<ReportedAt>,
    pub reason: String,
    pub samples: Vec<Sample>,
}

/// Something happened to a transaction that the station numbers. Events may come in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub kind: EventKind,
    /// `None` where it named none.
    pub transaction: Option<ReportedId>,
    /// The event's place among those of its transaction; `None` where it cannot be read.
    pub seq_no: Option<u32>,
    /// `None` where it is not told; 0 is none.
    pub evse: Option<u16>,
    pub at: Option<ReportedAt>,
    /// It happened while the station had no link.
    pub is_offline: bool,
    pub token: Option<Presented>,
    pub ev: Option<EvState>,
    /// Why it ended.
    pub reason: String,
    pub samples: Vec<Sample>,
    /// What the station reckons that the transaction cost.
    pub cost: Option<Box<Notice>>,
    /// The reservation that it began by.
    pub reservation: Option<u32>,
}

/// Which part of a transaction's life an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Started,
    Updated,
    Ended,
}

/// A token that was presented in a transaction; `None` where it is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presented {
    /// To charge.
    ToCharge(Option<IdToken>),
    /// To end the transaction, which may be another one's.
    ToEnd(Option<IdToken>),
}

/// Values of an EVSE's meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeterValues {
    pub evse: u16,
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

/// One figure of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The register of imported energy.
    Register(WattHours, ReadingContext),
    Current(Amperes),
    Offered(Amperes),
    Power(Watts),
    /// To neutral.
    Voltage(Volts),
}

/// Between which conductors something is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conductor {
    Line(Phase),
    /// All of them, or it does not matter.
    Total,
    /// The neutral, or a difference between lines: it says nothing of a line.
    Other,
}

impl Conductor {
    /// From a line, where it is a single one, and whether any conductor was named.
    pub fn of(line: Option<Phase>, is_named: bool) -> Self {
        match line {
            Some(line) => Self::Line(line),
            None if is_named => Self::Other,
            None => Self::Total,
        }
    }
}

/// What was measured at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub at: Option<ReportedAt>,
    /// It says that it was measured because we asked.
    pub is_asked_for: bool,
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

impl Sample {
    /// Takes a figure in; of several alike the last counts, of offers the highest.
    pub fn take(&mut self, figure: Figure, conductor: Conductor) {
        match (figure, conductor) {
            // Some repeat the register of the begin beside the present one, last (recorded frames s101 to s103).
            (Figure::Register(_, ReadingContext::Begin), Conductor::Total) if self.register.is_some() => {}
            (Figure::Register(register, context), Conductor::Total) => {
                self.register = Some((register, context));
            }
            (Figure::Current(current), Conductor::Line(line)) => self.current[line] = Some(current),
            (Figure::Current(current), Conductor::Total) => self.current_total = Some(current),
            (Figure::Offered(offered), _) => {
                self.offered = Some(self.offered.map_or(offered, |other| other.max(offered)));
            }
            (Figure::Power(power), Conductor::Line(line)) => self.power[line] = Some(power),
            (Figure::Power(power), Conductor::Total) => self.power_total = Some(power),
            (Figure::Voltage(volts), Conductor::Line(line)) => self.measured_voltage[line] = Some(volts),
            (Figure::Voltage(volts), Conductor::Total) => {
                for line in Phase::ALL {
                    self.measured_voltage[line].get_or_insert(volts);
                }
            }
            (Figure::Register(..), Conductor::Line(_) | Conductor::Other)
            | (Figure::Current(_) | Figure::Power(_) | Figure::Voltage(_), Conductor::Other) => {}
        }
    }
}

/// What we answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Boot {
        registration: Registration,
        now: Timestamp,
        interval: TimeSpan,
    },
    Heartbeat {
        now: Timestamp,
    },
    Authorise(Verdict),
    Start {
        transaction: TransactionId,
        verdict: Verdict,
    },
    /// To whatever else is told of a transaction; a verdict where a token was presented.
    Transaction {
        verdict: Option<Verdict>,
    },
    MeterValues,
    Status,
    Informs,
    VendorUnknown,
    /// To what an EV wants: whether a limit of ours follows.
    EvNeeds {
        is_limited: bool,
    },
    /// To what an EV means to draw: it was understood.
    EvScheduleTaken,
    /// What we cannot do.
    Refused(Refusal),
}

/// What we cannot do for a station, and say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Sign its certificate: no authority is configured.
    Signature,
    /// Give an EV its contract certificate.
    EvCertificate,
    /// Say whether a certificate was revoked.
    CertificateStatus,
    /// Say so of several.
    ChainStatus(Vec<ocpp::v21::CertificateStatusRequestInfo>),
    /// Give the limit of a dynamic profile: there is none of ours.
    DynamicSchedule,
    /// Say whose VAT number it is.
    VatNumber { number: String, evse: Option<u16> },
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
    Event,
    MeterValues,
}

/// Our call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// The live limit of a transaction, with the fallback that follows it.
    SetLive { evse: u16, transaction: Named, limit: Amperes, limit_expired: Amperes, lifetime: TimeSpan },
    /// The standing fallback.
    SetFallback { evse: u16, limit: Amperes },
    /// Whatever others left in the station.
    ClearLimits,
    /// What the EVSE's meter shows, now.
    Measure { evse: u16, activity: Activity },
    /// The EVSE's status, now.
    AskStatus { evse: u16 },
    /// Any sign of life.
    Probe,
    /// A setting.
    Configure { setting: Setting, value: String },
    /// What settings are.
    Read { settings: Vec<Setting> },
    /// A transaction from afar; `number` is ours, for each such call another one.
    Start { evse: u16, token: IdToken, number: u32 },
    /// Its end from afar.
    Stop { transaction: Named },
    /// A call of upkeep.
    Ask(Box<Ask>),
    /// An operator's own words: action and payload as JSON text.
    Raw { action: Box<str>, payload: Box<str> },
}

/// A transaction, by the id that its station knows it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// Our number.
    Ours(TransactionId),
    /// The station's own.
    Theirs(ReportedId),
}

/// What an EVSE does when it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    Transaction,
    Idle,
}

/// How a station took a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    /// Accepted, and it holds from the next boot on.
    AcceptedFromBoot,
    /// Refused, with the station's word.
    Rejected(String),
    /// The answer to [`Call::Read`].
    Settings(Vec<Told>),
}

/// What a station told of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub setting: Setting,
    pub value: Option<String>,
    /// The station has it.
    pub is_known: bool,
    pub is_read_only: bool,
}

/// What is wrong with an EVSE, or with the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// OCPP's code.
    pub code: String,
    /// The vendor's, empty where none was told.
    pub vendor_code: String,
    /// The vendor's words.
    pub words: String,
}
