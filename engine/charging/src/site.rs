//! The control loop of one site: events in, commands out (CONTROL section 4).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use units::{Amperes, CircuitId, EvseId, MeterId, PerPhase, StationId, TimeSpan, Timestamp};

use crate::plan::Plan;

/// What happened at a site, in the words of control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteEvent {
    /// A station's link is up.
    LinkUp(StationId),
    /// A station's link is gone.
    LinkDown(StationId),
    /// A station booted: what does not survive a boot is gone.
    Booted(StationId),
    /// We told the station that a transaction may start at this EVSE (Authorize or RemoteStart accepted). Ask
    /// [`Site::may_start`] first.
    StartAllowed(EvseId),
    /// A transaction runs.
    TransactionStarted(EvseId),
    /// The transaction ended.
    TransactionEnded(EvseId),
    /// What the station says of the EV.
    EvState(EvseId, EvState),
    /// A measurement at the EVSE.
    Measured(EvseId, Measurement),
    /// How a station answered a command, or that it did not.
    Answered(Ticket, DispatchAnswer),
    /// A meter was read.
    GridReading {
        /// The meter.
        meter: MeterId,
        /// When it measured, by our clock as best known.
        taken_at: Timestamp,
        /// Per phase; positive is import.
        current: PerPhase<Amperes>,
    },
    /// A plan came.
    PlanReady(Plan),
    /// The EVSE is taken out for good (true), or back (false).
    Decommissioned(EvseId, bool),
}

/// What is at an EVSE, as the station tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EvState {
    /// Nothing is plugged in.
    Absent,
    /// Plugged in; energy does not flow, or it is not known whether.
    Connected,
    /// Energy flows.
    Charging,
    /// The EV takes nothing although it could.
    SuspendedEv,
    /// The EVSE offers nothing.
    SuspendedEvse,
    /// The EVSE reports a fault or is out of order.
    Faulted,
}

/// Currents at an EVSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// When it was taken, by our clock as best known.
    pub taken_at: Timestamp,
    /// Current at the EVSE's terminals L1, L2, L3; positive into the EV; `None` where not reported.
    pub current: PerPhase<Option<Amperes>>,
    /// What the EVSE says it offers.
    pub offered: Option<Amperes>,
}

/// The number of one command, to match the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub u64);

/// How a station answered a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispatchAnswer {
    /// Accepted: no evidence by itself (CONTROL section 2).
    Accepted,
    /// Refused, or answered with an error.
    Rejected,
    /// Not answered in time, abandoned, or the link went down.
    None,
}

/// Something to send to a station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Where.
    pub evse: EvseId,
    /// Echoed in [`SiteEvent::Answered`].
    pub ticket: Ticket,
    /// What.
    pub kind: CommandKind,
}

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandKind {
    /// The live limit, as a profile with two periods: `limit` now, `limit_expired` after `lifetime`.
    SetLive {
        /// Per phase; 0 or at least the minimum, on the station's step (S3).
        limit: Amperes,
        /// What holds when we are silent for `lifetime`; never above `limit` (S4).
        limit_expired: Amperes,
        /// How long `limit` holds.
        lifetime: TimeSpan,
        /// A shed overtakes everything and waits for no record.
        urgency: Urgency,
    },
    /// The standing fallback for transactions that start without us.
    SetFallback {
        /// Per phase; 0 is allowed.
        limit: Amperes,
    },
    /// Ask for a measurement now, to prove a limit.
    Measure,
}

/// How a live limit compares to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Lower: goes first, waits for no record.
    Shed,
    /// The same limit for another lifetime.
    Renewal,
    /// Higher: waits until its record is committed.
    Raise,
}

/// Something at a site that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SiteAlarm {
    /// A metered phase is above its rating and nothing is left to shed.
    Overload {
        /// The circuit.
        circuit: CircuitId,
    },
    /// A meter is silent, frozen, impossible or contradictory.
    MeterStale {
        /// The meter.
        meter: MeterId,
    },
    /// An EVSE draws above its limit: it is counted at its worst.
    Disobedient {
        /// The EVSE.
        evse: EvseId,
    },
    /// An EVSE refuses its limits: it is counted at its worst.
    LimitRefused {
        /// The EVSE.
        evse: EvseId,
    },
}

/// Why no transaction may start now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartRefusal {
    /// The site does not know the EVSE.
    #[error("EVSE {0} is not part of the site")]
    UnknownEvse(EvseId),
    /// The EVSE is out of service.
    #[error("EVSE {0} is decommissioned")]
    Decommissioned(EvseId),
    /// S1: the row could not carry what the EVSE may draw at worst.
    #[error("{row} has {headroom} left, EVSE {evse} may draw {ceiling}")]
    NoHeadroom {
        /// The EVSE.
        evse: EvseId,
        /// The row, for people.
        row: String,
        /// What is left on it.
        headroom: Amperes,
        /// What the EVSE may draw until its limit is set.
        ceiling: Amperes,
    },
}

/// An EVSE as control sees it: for pages and the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvseView {
    /// The EVSE.
    pub evse: EvseId,
    /// Its name for people.
    pub name: String,
    /// The circuit it hangs on.
    pub circuit: CircuitId,
    /// What the station says of the EV.
    pub ev: EvState,
    /// A transaction runs.
    pub is_in_transaction: bool,
    /// The limit last sent, per phase, where one was.
    pub limit: Option<Amperes>,
    /// What it may draw at worst, per site phase.
    pub ceiling: PerPhase<Amperes>,
    /// What it was last measured to draw, per site phase.
    pub drawn: PerPhase<Amperes>,
    /// What stops it from having more, in words: `feeder A L2 is full`, `the EV takes no more`.
    pub limited_by: String,
    /// Learned facts and standing doubts, in words.
    pub remarks: Vec<String>,
}
