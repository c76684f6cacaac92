//! What may come in, what may go out: the engine's whole world as data.

use std::fmt;
use std::sync::Arc;

use billing::cdr::Cdr;
use billing::directory::Directory;
use charging::network::{EvseConfig, SiteConfig};
use charging::plan::{Plan, PlannerName, Strategy, Wish};
use charging::site::{SiteAlarm, Situation, StartRefusal};
use charging::terms::Terms;
use charging::wiring::{WiringDoubt, WiringQuestion};
pub use ocpp::Version;
use serde::{Deserialize, Serialize};
use units::{
    Amperes, EvseId, IdToken, LinkId, MeterId, PerPhase, RecordSeq, ReportedAt, RequestId, SiteId, StationId,
    TimeSpan, Timestamp,
};

use crate::query::{Query, QueryAnswer};
use crate::record::Record;
use crate::security::{Lowering, PasswordChange, SecurityProfile};
use crate::upkeep::UpkeepCommand;

/// One thing that happened, handed to [`crate::Csms::handle`].
#[derive(Debug, Clone)]
pub enum Input {
    /// What the store held at the start. Comes first, once: the latest row of every site, station and EVSE and of the
    /// counters; sessions that are open; transactions that are not sealed, or were sealed in the last 32 days (a repeated
    /// message is told from a new one by them); MeterValues and Evidence of transactions that are not sealed. More does
    /// no harm. Facts come in the order in which they were committed.
    Restored(Vec<Record>),
    /// Who may use which EVSE at what price, as published by `office`.
    Directory(Arc<Directory>),
    /// A station's WebSocket is open. A newer link of the same station replaces the older one.
    LinkUp {
        /// The new link; its number is higher than that of every earlier link.
        link: LinkId,
        /// The station named in the URL.
        station: StationId,
        /// What is spoken on it, as the handshake agreed.
        version: Version,
        /// What the station proved. A link that proves less than its station must is dropped.
        security: SecurityProfile,
    },
    /// A link is gone. Where a newer link of the station exists this changes nothing.
    LinkDown {
        /// The link.
        link: LinkId,
    },
    /// A text frame came from a station.
    Frame {
        /// The link it came on.
        link: LinkId,
        /// The shell's number for the frame in the frame log; it rises over the whole life of the installation.
        frame: u64,
        /// The frame as it came.
        text: Box<str>,
    },
    /// A grid or circuit meter was read.
    GridReading {
        /// The meter, as named in a site's circuits.
        meter: MeterId,
        /// When the meter says it measured.
        at: ReportedAt,
        /// Current per phase; positive is import.
        current: PerPhase<Amperes>,
    },
    /// A grid or circuit meter was read, and what it shows cannot be (S5).
    MeterDoubted {
        /// The meter.
        meter: MeterId,
    },
    /// A deadline of [`crate::Csms::next_deadline`] may have passed.
    Tick,
    /// What was found out by an [`Effect::AskWiring`]: doubts, which are checked before they count.
    WiringAnswered {
        /// The site.
        site: SiteId,
        /// Of which EVSEs, with the evidence.
        doubts: Vec<(EvseId, WiringDoubt)>,
    },
    /// A plan is ready, late, or nonsense: it is checked before use (S6).
    PlanReady {
        /// The site it is for.
        site: SiteId,
        /// The plan.
        plan: Plan,
    },
    /// There is no plan, or none in time: what was in use stays in use for as long as it lasts (S6).
    PlanFailed {
        /// The site it was for.
        site: SiteId,
        /// Why, for people.
        reason: Box<str>,
    },
    /// An operator, or the API, wants something done.
    Command {
        /// Echoed in the answer.
        request: RequestId,
        /// Who asks, for the audit.
        actor: Box<str>,
        /// What is wanted.
        command: Command,
    },
    /// Somebody asks what is known.
    Query {
        /// Echoed in the answer.
        request: RequestId,
        /// The question.
        query: Query,
    },
    /// The store cannot commit, or can again.
    Storage(StorageHealth),
    /// What models of stations are known to do, anew.
    Quirks(Arc<crate::quirks::Table>),
    /// The wall clock differs from the engine's clock by this much from now on (wall minus engine).
    WallClock(TimeSpan),
}

/// Whether records can be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageHealth {
    /// Batches fail and are retried unchanged.
    Failing,
    /// The last batch was committed.
    Well,
}

/// What an operator may ask of the sites.
#[derive(Debug, Clone)]
pub enum Command {
    /// Creates a site or replaces its configuration. Stations named in it are adopted.
    ConfigureSite(Box<SiteConfig>),
    /// Adds EVSEs to a site; their stations are adopted.
    AddEvses {
        /// The site.
        site: SiteId,
        /// What is added, all of it or nothing.
        evses: Vec<EvseConfig>,
    },
    /// Sends any OCPP call to a station; its answer comes back as [`CommandAnswer::Station`]. Calls that bear limits
    /// become a request to dispatch or a refusal that names the row (S1).
    Call {
        /// The station.
        station: StationId,
        /// The OCPP action.
        action: Box<str>,
        /// The payload, JSON text.
        payload: Box<str>,
    },
    /// Starts a transaction from afar, for a token that the directory knows.
    Start {
        /// The EVSE.
        evse: EvseId,
        /// For whom.
        token: IdToken,
    },
    /// Stops the EVSE's transaction from afar.
    Stop {
        /// The EVSE.
        evse: EvseId,
    },
    /// Sets what a station must prove on its links. One that is open and proved less is dropped.
    Secure {
        /// The station; it need not be in a site yet.
        station: StationId,
        /// The least it must prove.
        profile: SecurityProfile,
        /// What becomes of its password.
        password: PasswordChange,
        /// Whether a lower profile than before is meant.
        lowering: Lowering,
    },
    /// Somebody knows of an alarm that stands, named by its text.
    Acknowledge {
        /// As [`crate::query::AlarmView::text`].
        alarm: String,
    },
    /// Lets a site share out by another strategy from now on.
    Share {
        /// The site.
        site: SiteId,
        /// By which.
        strategy: Strategy,
    },
    /// Tells what energy and power cost at a site, and what others command there, in place of all that was told before. What
    /// costs something is a hint for who plans; what is commanded holds in every decision.
    Terms {
        /// The site.
        site: SiteId,
        /// By the wall clock.
        terms: Box<Terms>,
    },
    /// Tells what the driver of the transaction at an EVSE wants: a hint for who plans, until the transaction ends.
    Wish {
        /// The EVSE.
        evse: EvseId,
        /// What is wanted, by the wall clock; nothing takes back what was told.
        wish: Wish,
    },
    /// Takes an EVSE out of the tree's sums for good, or brings it back.
    Decommission {
        /// The EVSE.
        evse: EvseId,
        /// True to take out.
        is_decommissioned: bool,
    },
    /// Something of upkeep: jobs, templates, local lists, reservations.
    Upkeep(UpkeepCommand),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum CommandAnswer {
    /// Done and committed.
    Done,
    /// Done and committed: the number of what was made, or how many it concerns.
    Numbered(u64),
    /// The station's answer: the CALLRESULT's payload as JSON text.
    Station(Box<str>),
    /// The station answered with an error.
    StationError {
        /// OCPP's error code.
        code: Box<str>,
        /// The station's words.
        description: Box<str>,
    },
    /// No answer: the reason (offline, late, link lost), for people.
    NoAnswer(Box<str>),
    /// Not done: every reason, for people.
    Refused(Vec<String>),
}

/// One effect, with the record that must be committed before it may leave.
#[derive(Debug, Clone)]
pub struct Output {
    /// The shell releases the effect once this record is committed; `RecordSeq(0)` waits for nothing (a shed).
    pub after: RecordSeq,
    /// The effect.
    pub effect: Effect,
}

/// What the shell is asked to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Commit this record. Sequence numbers rise by one, from 1 in each run. The records of one input are committed
    /// together or not at all: a transaction is never sealed without its CDR.
    Persist {
        /// Its place.
        seq: RecordSeq,
        /// The record.
        record: Box<Record>,
    },
    /// Send a text frame.
    SendFrame {
        /// The link.
        link: LinkId,
        /// The frame.
        text: Box<str>,
    },
    /// Throw a call of ours away if it has not left yet: it was given up, and a limit that leaves after the shed that
    /// followed it would undo the shed. Waits for no record; without effect where the call has left.
    Withdraw {
        /// The link.
        link: LinkId,
        /// The call's message id, as in its frame.
        message: u64,
    },
    /// Drop a link: TCP, without a Close frame.
    CloseLink {
        /// The link.
        link: LinkId,
        /// Why, for the log.
        reason: CloseReason,
    },
    /// The answer to a command.
    Answer {
        /// The request.
        request: RequestId,
        /// How it ended.
        answer: CommandAnswer,
    },
    /// The answer to a query.
    QueryAnswer {
        /// The request.
        request: RequestId,
        /// What is known.
        answer: Box<QueryAnswer>,
    },
    /// A CDR was sealed; `office` prices it. It was persisted as a record too.
    SealedCdr(Box<Cdr>),
    /// An unknown station knocked.
    Sighted(Sighting),
    /// S1: no row may carry a start now; the station was told so, which a driver sees only as a refusal.
    StartRefused(StartRefusal),
    /// A station sent what is no frame; told the first time, and ever more rarely when it goes on.
    FrameUnreadable {
        /// Who.
        station: StationId,
        /// What is wrong, for people.
        reason: String,
    },
    /// Somebody should plan for a site, and hand in [`Input::PlanReady`] or [`Input::PlanFailed`].
    PlanWanted(Box<PlanWanted>),
    /// Find out how EVSEs are wired, by what a meter showed of their steps. Late or never costs only the knowledge.
    AskWiring {
        /// The site.
        site: SiteId,
        /// What was seen.
        question: Box<WiringQuestion>,
    },
    /// Something a person must look at began.
    AlarmRaised(Alarm),
    /// It is over.
    AlarmCleared(Alarm),
}

/// What is to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanWanted {
    /// The site.
    pub site: SiteId,
    /// By whom.
    pub planner: PlannerName,
    /// What is known, by the engine's clock.
    pub situation: Situation,
    /// What energy and power cost, by the engine's clock.
    pub terms: Terms,
}

/// Why a link is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// A newer link of the same station replaced it.
    Replaced,
    /// Nothing was heard for too long.
    Silent,
    /// The station is in no site.
    UnknownStation,
    /// The station must prove more than it did on this link.
    TooInsecure,
}

/// An unknown station that knocked: what `office` keeps in the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The name in the URL.
    pub station: StationId,
    /// When.
    pub at: Timestamp,
}

/// Something a person must look at. Text is for people; the order of variants is the order of display.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Alarm {
    /// The control loop of a site says so.
    Site {
        /// The site.
        site: SiteId,
        /// What.
        alarm: SiteAlarm,
    },
    /// Nobody has planned for a site for a while, although somebody should: it shares out without a plan.
    NoPlan {
        /// The site.
        site: SiteId,
    },
    /// The prices that were told for a site end within six hours, and EVs are planned for: those of a day before stand for what
    /// is missing.
    PricesEnd {
        /// The site.
        site: SiteId,
    },
    /// Records cannot be committed: stations get no acknowledgements.
    StorageFailing,
    /// A station has been offline for longer than ten minutes.
    StationOffline {
        /// The station.
        station: StationId,
    },
    /// More stations failed than a job may have fail: it waits for an operator.
    JobStopped {
        /// Its number.
        job: u64,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site { site, alarm } => match alarm {
                SiteAlarm::Overload { circuit } => {
                    write!(
                        out,
                        "site {site}: circuit {circuit} is above its rating and nothing is left to shed"
                    )
                }
                SiteAlarm::MeterStale { meter } => write!(out, "site {site}: meter {meter} is stale"),
                SiteAlarm::Disobedient { evse } => {
                    write!(out, "site {site}: EVSE {evse} draws above its limit")
                }
                SiteAlarm::LimitRefused { evse } => {
                    write!(out, "site {site}: EVSE {evse} refuses its limits")
                }
                SiteAlarm::WiringDoubted { evse, doubt } => {
                    let WiringDoubt { stated, seems, steps, confidence_permille } = doubt;
                    write!(
                        out,
                        "site {site}: EVSE {evse} is stated to be wired {stated} and seems to be {seems} (by {steps} steps, \
                         sure to {confidence_permille} ‰): it counts on the lines of both; correct `wiring`, or state \
                         `is_wiring_checked`"
                    )
                }
            },
            Self::PricesEnd { site } => write!(
                out,
                "site {site}: the prices that were told end within six hours, and those of a day before stand for the next; \
                 tell more with PUT /api/v1/sites/{site}/terms"
            ),
            Self::NoPlan { site } => {
                write!(out, "site {site}: no plan has come for a while, and it shares out without one")
            }
            Self::StorageFailing => out.write_str("records cannot be committed"),
            Self::StationOffline { station } => write!(out, "station {station} is offline"),
            Self::JobStopped { job } => write!(
                out,
                "job {job} has stopped, since too many stations failed: look why, then resume it or cancel it"
            ),
        }
    }
}
