//! The control loop of one site: events in, commands out (CONTROL section 4).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use units::{Amperes, CircuitId, EvseId, MeterId, PerPhase, StationId, TimeSpan, Timestamp};

use crate::allocation::{AmpereSeconds, Certificate, MaxMin};
use crate::ceiling::{
    EvseTraits, ExpiryTrust, Learned, LinkState, REACTION_DEFAULT, SKEW_TRUSTED, SentLimit,
};
use crate::metering::{Member, Metering, REPORT_AGE_MAX, Reading, Steadiness};
use crate::network::{CircuitIndex, EvseConfig, EvseIndex, Network, SiteCurrents};
use crate::plan::Plan;

use decide::AtWorst;

pub use crate::ceiling::EvseRecord;
pub use view::{LimitedBy, Remark};

mod decide;
mod view;

/// How long a live limit holds without renewal.
pub const LIFETIME: TimeSpan = TimeSpan::from_minutes(5);
/// A decision falls at the latest this long after an input that changed something.
const DECIDE_AT_LEAST_EVERY: TimeSpan = TimeSpan::from_seconds(10);
/// And at most this often, unless a row is over its headroom.
const DECIDE_AT_MOST_EVERY: TimeSpan = TimeSpan::from_seconds(1);
/// Measurements of EVSEs come one by one: what they teach is gathered for so long.
const GATHER: TimeSpan = TimeSpan::from_seconds(5);
/// A metered current that moved by less than this since the last decision changes nothing: a quarter of the least reserve.
const METER_NOISE: Amperes = Amperes::from_milliamperes(500);
/// From a limit until the draw under it shows: up to 30 s of an on-board charger (DESIGN section 7).
const DRAW_SHOWS_WITHIN: TimeSpan = TimeSpan::from_seconds(30);
/// Readings of an EVSE that are kept to bracket the readings of a meter.
const REPORTS_KEPT: usize = 4;

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
    /// The station says that no transaction runs at the EVSE: from now on it starts one only as its traits say.
    Idle(EvseId),
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
    /// Whether the station's clock is trusted: off by at most 30 s. Until told, it is not, and no expiry counts.
    Clock(StationId, ExpiryTrust),
    /// The station's clock was set: what its schedules say of now, nobody knows.
    ClockSet(StationId),
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
    /// The limit last sent, per phase, where one was; none while the link is up and it is in doubt what is in force.
    pub limit: Option<Amperes>,
    /// What it may draw at worst, per site phase.
    pub ceiling: PerPhase<Amperes>,
    /// What it was last measured to draw, per site phase.
    pub drawn: PerPhase<Amperes>,
    /// The highest current that it can be told, per phase.
    pub current_max: Amperes,
    /// What stops it from having more, in words: `feeder A L2 is full`, `the EV takes no more`.
    pub limited_by: String,
    /// The same as a value.
    pub reason: LimitedBy,
    /// Learned facts and standing doubts.
    pub remarks: Vec<Remark>,
}

/// A circuit as control sees it: for pages and the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CircuitState {
    /// The circuit.
    pub circuit: CircuitId,
    /// Its name for people.
    pub name: String,
    /// The circuit above.
    pub parent: Option<CircuitId>,
    /// What it may carry, per phase.
    pub rating: PerPhase<Amperes>,
    /// Rating less reserve: what base load and EVSEs may draw together.
    pub usable: PerPhase<Amperes>,
    /// What its meter last showed, where it has one.
    pub metered: Option<PerPhase<Amperes>>,
    /// The meter must not be believed now.
    pub is_stale: bool,
    /// Base current at the highest.
    pub base: PerPhase<Amperes>,
    /// What the EVSEs below draw, as last measured.
    pub drawn: PerPhase<Amperes>,
    /// What the EVSEs below may draw at worst.
    pub ceilings: PerPhase<Amperes>,
}

/// The control loop of one site.
#[derive(Debug)]
pub struct Site {
    network: Network,
    evses: Vec<EvseState>,
    meters: BTreeMap<MeterId, MeterState>,
    allocator: MaxMin,
    plan: Option<Plan>,
    /// By row: what EVSEs might draw together when the meter was last fresh.
    headroom_fresh: Vec<Option<Amperes>>,
    /// By row: what sessions might draw by the highest base, when that was last asked for and nothing was in motion.
    sure: Vec<Option<(Timestamp, Amperes)>>,
    ticket: Ticket,
    changed: BTreeSet<EvseIndex>,
    alarms: BTreeSet<SiteAlarm>,
    decided_at: Option<Timestamp>,
    /// When the next decision is wanted.
    wake: Option<Timestamp>,
}

#[derive(Debug)]
struct MeterState {
    circuit: CircuitIndex,
    metering: Metering,
    /// The EVSEs on the circuit and below it.
    members: Vec<EvseIndex>,
    /// What it showed at the last decision.
    decided_on: Option<PerPhase<Amperes>>,
}

/// An EVSE's record, and what need not survive a restart.
#[derive(Debug)]
struct EvseState {
    id: EvseId,
    traits: EvseTraits,
    record: EvseRecord,
    link: LinkState,
    /// Since when the link is as it is.
    link_since: Timestamp,
    clock: ExpiryTrust,
    /// The last readings in this transaction, oldest first.
    reports: VecDeque<Report>,
    /// Readings taken before are none of them: what lowered the current since then is not known.
    reports_from: Timestamp,
    /// The limits that may have been in force since the oldest report, with the instant each was sent, oldest first.
    limits: VecDeque<(Timestamp, Amperes)>,
    /// The live limit that the station has not answered yet.
    outstanding: Option<Ticket>,
    fallback: FallbackState,
    /// Since when a lower limit than the newest may be in force; none where the station accepted the newest, or its link
    /// was up all the time.
    doubted_since: Option<Timestamp>,
    /// The newest live limit must be sent again: refused, unanswered, or the link was down.
    needs_resend: bool,
    /// Not before this instant.
    resend_at: Option<Timestamp>,
    /// Refusals in a row of limits that there was an EV for.
    rejections: u32,
    /// The EV left: the transaction is over at the station, although that was not told yet.
    has_left: bool,
    raised_at: Option<Timestamp>,
    lowered_at: Option<Timestamp>,
    measure_asked_at: Option<Timestamp>,
    demand: Demand,
    /// Since when the newest limit has been its limit.
    offered_since: Option<Timestamp>,
    /// When an EV that takes nothing last got a turn.
    turn_began_at: Option<Timestamp>,
    /// Since when no transaction runs.
    idle_since: Timestamp,
    arrived: Timestamp,
    on_since: Option<Timestamp>,
    /// For how long it had current since it began to wait.
    turn_had: TimeSpan,
    deficit: AmpereSeconds,
    certificate: Option<Certificate>,
}

#[derive(Debug, Clone, Copy)]
struct Report {
    taken_at: Timestamp,
    drawn: SiteCurrents,
}

/// What an EVSE drew at an instant between two of its readings.
#[derive(Debug, Clone, Copy)]
struct Bracket {
    lower: PerPhase<Amperes>,
    /// None where only its hardware bounds it.
    upper: Option<PerPhase<Amperes>>,
    steadiness: Steadiness,
}

/// Where the sending of the standing fallback stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FallbackState {
    /// To be sent, not before the instant.
    Due(Timestamp),
    /// Sent.
    Asked(Ticket),
    /// Accepted since the last boot.
    Accepted,
}

/// What a session can use, learned from what it draws.
#[derive(Debug, Clone, Copy, Default)]
struct Demand {
    /// The most it is offered; none before anything was learned.
    cap: Option<Amperes>,
    /// Readings in a row clearly below the offer, and the highest of them.
    below: u32,
    highest: Amperes,
    /// When the cap was last changed.
    changed_at: Option<Timestamp>,
}

impl Site {
    /// A site of which nothing is known yet: every EVSE counts as never seen.
    #[must_use]
    pub fn new(network: Network, now: Timestamp) -> Self {
        let evses = network.evses().iter().map(|evse| EvseState::new(&evse.config, now)).collect();
        let meters =
            network.circuit_indices().filter_map(|circuit| MeterState::new(&network, circuit)).collect();
        Self {
            evses,
            meters,
            allocator: MaxMin::new(),
            plan: None,
            headroom_fresh: vec![None; network.rows().len()],
            sure: vec![None; network.rows().len()],
            ticket: Ticket(1),
            changed: BTreeSet::new(),
            alarms: BTreeSet::new(),
            decided_at: None,
            wake: Some(now),
            network,
        }
    }

    /// Takes back the records of EVSEs after a restart (S8): ceilings, not the last limits sent. A shed waits for no
    /// record: lower limits may be in force than any that is recorded. Records of EVSEs that the site no longer has are
    /// ignored.
    pub fn restore(&mut self, now: Timestamp, records: Vec<(EvseId, EvseRecord)>) {
        self.inherit(now, records);
        for state in &mut self.evses {
            state.doubted_since = state.record.is_in_transaction.then_some(now);
            state.reports_from = now + REACTION_DEFAULT;
        }
    }

    /// Takes over the records of EVSEs from the site that this one replaces: all that was sent is in them. Records of
    /// EVSEs that the site no longer has are ignored.
    pub fn inherit(&mut self, now: Timestamp, records: Vec<(EvseId, EvseRecord)>) {
        for (id, mut record) in records {
            let Some(index) = self.network.evse_by_id(&id) else { continue };
            record.distrust_lifetimes(now, LIFETIME);
            let sent = record.sent.iter().chain(&record.held).map(|sent| sent.ticket.0).max();
            self.ticket.0 = self.ticket.0.max(sent.unwrap_or(0) + 1);
            let state = self.evse_mut(index);
            state.needs_resend = record.is_in_transaction;
            state.record = record;
            // Who has current keeps its turn to the end of the slice.
            state.on_since = state.has_current().then_some(now);
        }
        self.wake = Some(now);
    }

    /// The network it stands on.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Takes an event. Events of EVSEs and meters that the site does not have change nothing.
    pub fn apply(&mut self, now: Timestamp, event: SiteEvent) {
        match event {
            SiteEvent::LinkUp(station) => self.each_of(&station, now, EvseState::link_up),
            SiteEvent::LinkDown(station) => self.each_of(&station, now, EvseState::link_down),
            SiteEvent::Booted(station) => self.each_of(&station, now, EvseState::booted),
            SiteEvent::Clock(station, trust) => self.each_of(&station, now, |state, _| state.clock = trust),
            SiteEvent::ClockSet(station) => self.each_of(&station, now, EvseState::clock_set),
            SiteEvent::StartAllowed(evse) => self.one(&evse, now, |state, now| state.record.allow_start(now)),
            SiteEvent::TransactionStarted(evse) => {
                if let Some(index) = self.network.evse_by_id(&evse) {
                    let since = self.evse(index).may_draw_since(now);
                    let above = self.meters.values_mut().filter(|meter| meter.members.contains(&index));
                    above.for_each(|meter| meter.metering.draw_begins(since));
                }
                self.one(&evse, now, EvseState::begin_transaction);
            }
            SiteEvent::TransactionEnded(evse) => {
                self.alarms.remove(&SiteAlarm::LimitRefused { evse: evse.clone() });
                self.one(&evse, now, EvseState::end_transaction);
            }
            SiteEvent::EvState(evse, ev) => {
                if self.state(&evse).is_some_and(|state| state.record.ev != ev) {
                    self.one(&evse, now, |state, now| state.ev_changed(ev, now));
                }
            }
            SiteEvent::Idle(evse) => {
                if self.state(&evse).is_some_and(|state| state.link == LinkState::Returned) {
                    self.one(&evse, now, |state, _| state.link = LinkState::Up);
                }
            }
            SiteEvent::Measured(evse, measurement) => self.measured(now, &evse, &measurement),
            SiteEvent::Answered(ticket, answer) => self.answered(now, ticket, answer),
            SiteEvent::GridReading { meter, taken_at, current } => {
                self.grid_reading(now, &meter, Reading { taken_at, current });
            }
            SiteEvent::PlanReady(plan) => {
                if plan.check(now, self.plan.as_ref()).is_ok() {
                    self.plan = Some(plan);
                    self.want_decision(now);
                }
            }
            SiteEvent::Decommissioned(evse, is_out) => {
                self.one(&evse, now, |state, _| state.record.is_decommissioned = is_out);
            }
        }
    }

    /// Whether a transaction may start at `evse`: every row must carry what it may draw until its limit is set (S1).
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn may_start(&self, now: Timestamp, evse: &EvseId) -> Result<(), StartRefusal> {
        let Some(index) = self.network.evse_by_id(evse) else {
            return Err(StartRefusal::UnknownEvse(evse.clone()));
        };
        let state = self.evse(index);
        if state.record.is_decommissioned {
            return Err(StartRefusal::Decommissioned(evse.clone()));
        }
        let mut allowed = state.record.clone();
        allowed.allow_start(now);
        let ceiling = allowed.level(now, &state.traits, state.link, state.clock);
        let free = self.free_rows(now);
        for &(row, coefficient) in self.network.loads_at_worst(index).iter() {
            let present = self.contribution(index, row, coefficient, now);
            let drawn = coefficient.of_ceil(ceiling);
            let headroom = free[row.place()];
            // What it may have begun alone is counted already, and what we accept begins for sure.
            if drawn > Amperes::ZERO && (drawn - present).max(Amperes::ZERO) > headroom {
                let row = self.network.row(row).name.clone();
                return Err(StartRefusal::NoHeadroom { evse: evse.clone(), row, headroom, ceiling });
            }
        }
        Ok(())
    }

    /// When [`Site::decide`] is wanted.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Timestamp> {
        self.wake
    }

    /// The records that may have changed since the last call: to be committed before any raise or renewal leaves.
    pub fn take_changed(&mut self) -> impl Iterator<Item = (&EvseId, &EvseRecord)> {
        let changed = std::mem::take(&mut self.changed);
        let states = changed.into_iter().map(|index| self.evse(index));
        states.map(|state| (&state.id, &state.record))
    }

    /// The alarms that stand.
    #[must_use]
    pub const fn alarms(&self) -> &BTreeSet<SiteAlarm> {
        &self.alarms
    }

    fn measured(&mut self, now: Timestamp, evse: &EvseId, measurement: &Measurement) {
        let Some(index) = self.network.evse_by_id(evse) else { return };
        let reported = measurement.current.map(|current| current.unwrap_or(Amperes::ZERO));
        let drawn = self.network.site_currents(index, reported);
        let state = self.evse_mut(index);
        if state.is_repeated(measurement) {
            return;
        }
        // What flowed before a transaction ended says nothing of what flows now, and an idle station may never measure again.
        if !state.record.is_in_transaction && measurement.taken_at <= state.idle_since {
            return;
        }
        let lesson = state.measured(measurement, drawn, now);
        // S8: what lifts the ceiling must survive a restart.
        if lesson.is_row_changed || state.draws_above_its_level(now) {
            self.changed.insert(index);
        }
        if lesson.is_newly_disobedient {
            self.alarms.insert(SiteAlarm::Disobedient { evse: evse.clone() });
        }
        self.anchor_meters(now);
        self.want_decision_within(GATHER, now);
    }

    fn answered(&mut self, now: Timestamp, ticket: Ticket, answer: DispatchAnswer) {
        let of_ticket = |state: &EvseState| {
            state.outstanding == Some(ticket)
                || state.fallback == FallbackState::Asked(ticket)
                || state.record.sent.iter().any(|sent| sent.ticket == ticket)
        };
        let Some(place) = self.evses.iter().position(of_ticket) else { return };
        let index = EvseIndex::new(place);
        let state = self.evse_mut(index);
        state.answered(ticket, answer, now);
        let alarm = SiteAlarm::LimitRefused { evse: state.id.clone() };
        // Who refuses counts at its worst until it accepts a limit, and is named while there is one to accept.
        let is_refusing = state.record.is_refusing && state.record.is_in_transaction;
        if is_refusing {
            self.alarms.insert(alarm);
        } else {
            self.alarms.remove(&alarm);
        }
        self.changed.insert(index);
        self.want_decision(now);
    }

    fn grid_reading(&mut self, now: Timestamp, meter: &MeterId, reading: Reading) {
        let Some(state) = self.meters.get_mut(meter) else { return };
        // Doubts show as staleness, in the alarms and on the page.
        let _ = state.metering.read(reading);
        let limit = self.network.circuit(state.circuit).rows.map(|row| self.network.row(row).limit());
        let is_over =
            reading.current.zip_with(limit, |current, limit| current - limit).highest() > Amperes::ZERO;
        let moved = state
            .decided_on
            .map(|before| before.zip_with(reading.current, |then, now| (now - then).magnitude()).highest());
        self.anchor_meters(now);
        if is_over {
            self.wake = Some(now);
        } else if moved.is_none_or(|moved| moved > METER_NOISE) {
            self.want_decision(now);
        }
    }

    /// Makes the newest meter readings that every reporting EVSE has followed by its own into anchors.
    fn anchor_meters(&mut self, now: Timestamp) {
        let ready: Vec<(MeterId, Timestamp)> = self
            .meters
            .iter()
            .filter_map(|(id, meter)| {
                let oldest = meter.metering.oldest_waiting()?;
                let mut last_reports =
                    meter.members.iter().filter_map(|&index| self.evse(index).holds_back(now));
                // One that has not reported since keeps them all waiting.
                let reported_until =
                    last_reports.try_fold(now, |until, at| (at >= oldest).then_some(until.min(at)))?;
                Some((id.clone(), meter.metering.anchor_candidate(reported_until)?))
            })
            .collect();
        for (id, instant) in ready {
            let Some(members) = self.meters.get(&id).map(|meter| self.members_at(now, meter, instant)) else {
                continue;
            };
            if let Some(meter) = self.meters.get_mut(&id) {
                // A contradiction shows as staleness.
                let _ = meter.metering.anchor(instant, members);
            }
        }
    }

    /// Each EVSE below the meter that is no idler, as known now.
    fn members(&self, now: Timestamp, meter: &MeterState, worst: &[AtWorst]) -> Vec<Member> {
        let instant = meter.metering.latest().map_or(now, |latest| latest.taken_at);
        let members = meter.members.iter().map(|&index| (index, &worst[index.place()]));
        members
            .filter(|(index, worst)| self.evse(*index).record.is_in_transaction || worst.is_anything())
            .map(|(index, worst)| self.member(index, instant, worst))
            .collect()
    }

    /// An EVSE as known now, at the instant of its meter's latest reading.
    fn member(&self, index: EvseIndex, instant: Timestamp, worst: &AtWorst) -> Member {
        let state = self.evse(index);
        let allowed = self.ceiling_on_lines(index, &worst.told_at_most(state.told_by(instant)));
        let member = Member { allowed, steadiness: Steadiness::Moving, ..Member::idle(index) };
        if !state.record.is_in_transaction {
            return member;
        }
        let lower = state.lower_since(instant);
        let likely = state.likely_at(instant).unwrap_or(allowed);
        Member { lower, likely, ..member }
    }

    /// Each EVSE below `meter` that was no idler, its draw as bracketed by its readings around `instant`.
    fn members_at(&self, now: Timestamp, meter: &MeterState, instant: Timestamp) -> Vec<Member> {
        let members = meter.members.iter().map(|&index| (index, self.at_worst(index, now)));
        members
            .filter(|(index, worst)| !self.evse(*index).was_idle_at(instant) || worst.is_anything())
            .map(|(index, worst)| {
                let member = self.member(index, instant, &worst);
                let state = self.evse(index);
                let drawn = state.drawn_at(instant);
                let likely = match drawn {
                    Some(Bracket { lower, steadiness: Steadiness::Steady, .. }) => lower,
                    Some(_) | None => member.likely,
                };
                let allowed = match state.is_told_more_since(instant - DRAW_SHOWS_WITHIN) {
                    true => member.allowed.zip_with(likely, Amperes::min),
                    false => member.allowed,
                };
                let rising = member.allowed - allowed;
                let unmeasured =
                    Bracket { lower: PerPhase::default(), upper: None, steadiness: Steadiness::Moving };
                let Bracket { lower, upper, steadiness } = drawn.unwrap_or(unmeasured);
                let fell = upper.map_or(rising, |upper| upper - likely);
                let unsettled = rising.zip_with(fell, Amperes::max);
                let upper = upper.unwrap_or_else(|| self.hardware_on_lines(index));
                Member { lower, upper, likely, unsettled, allowed, steadiness, ..member }
            })
            .collect()
    }

    /// What an EVSE draws at the very most, on the lines of the site.
    fn hardware_on_lines(&self, index: EvseIndex) -> PerPhase<Amperes> {
        let traits = &self.evse(index).traits;
        let lines = self.network.lines_loaded(index, traits.terminals);
        lines.map(|is_loaded| if is_loaded { traits.hardware_maximum } else { Amperes::ZERO })
    }

    fn want_decision(&mut self, now: Timestamp) {
        self.want_decision_within(DECIDE_AT_MOST_EVERY, now);
    }

    fn want_decision_within(&mut self, apart: TimeSpan, now: Timestamp) {
        let at = self.decided_at.map_or(now, |last| (last + apart).max(now));
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    fn each_of(&mut self, station: &StationId, now: Timestamp, change: impl Fn(&mut EvseState, Timestamp)) {
        let mut is_known = false;
        for place in 0..self.evses.len() {
            let index = EvseIndex::new(place);
            if self.evse(index).id.station == *station {
                change(self.evse_mut(index), now);
                self.changed.insert(index);
                is_known = true;
            }
        }
        if is_known {
            self.want_decision(now);
        }
    }

    fn one(&mut self, evse: &EvseId, now: Timestamp, change: impl Fn(&mut EvseState, Timestamp)) {
        let Some(index) = self.network.evse_by_id(evse) else { return };
        change(self.evse_mut(index), now);
        self.changed.insert(index);
        self.want_decision(now);
    }

    fn state(&self, evse: &EvseId) -> Option<&EvseState> {
        self.network.evse_by_id(evse).map(|index| self.evse(index))
    }

    fn evse(&self, index: EvseIndex) -> &EvseState {
        &self.evses[index.place()]
    }

    fn evse_mut(&mut self, index: EvseIndex) -> &mut EvseState {
        &mut self.evses[index.place()]
    }
}

impl MeterState {
    fn new(network: &Network, circuit: CircuitIndex) -> Option<(MeterId, Self)> {
        let config = network.circuit(circuit).meter.as_ref()?;
        let rating = network.circuit(circuit).rows.map(|row| network.row(row).rating);
        let loads_circuit = |&index: &EvseIndex| {
            network.loads_at_worst(index).iter().any(|&(row, _)| network.row(row).circuit == circuit)
        };
        let members = network.evse_indices().filter(loads_circuit).collect();
        let metering = Metering::new(config.timeout, rating, network.supply());
        Some((config.id.clone(), Self { circuit, metering, members, decided_on: None }))
    }
}

impl EvseState {
    fn new(config: &EvseConfig, now: Timestamp) -> Self {
        let traits = EvseTraits::of(config);
        let mut record = EvseRecord::unseen(&traits);
        record.is_decommissioned = !config.is_in_use;
        Self {
            id: config.id.clone(),
            record,
            traits,
            link: LinkState::Down,
            link_since: now,
            clock: ExpiryTrust::Untrusted,
            reports: VecDeque::new(),
            reports_from: Timestamp::EPOCH,
            limits: VecDeque::new(),
            outstanding: None,
            fallback: FallbackState::Due(now),
            doubted_since: None,
            needs_resend: false,
            resend_at: None,
            rejections: 0,
            has_left: false,
            raised_at: None,
            lowered_at: None,
            measure_asked_at: None,
            demand: Demand::default(),
            offered_since: None,
            turn_began_at: None,
            idle_since: now,
            arrived: now,
            on_since: None,
            turn_had: TimeSpan::ZERO,
            deficit: AmpereSeconds::ZERO,
            certificate: None,
        }
    }

    fn link_up(&mut self, now: Timestamp) {
        self.link = LinkState::Returned;
        self.link_since = now;
        self.record.is_seen = true;
        self.needs_resend = self.record.is_in_transaction;
        self.resend_at = None;
        let is_as_told = |newest: &SentLimit| newest.accepted_at.is_some() && now < newest.expires_at;
        if self.doubted_since.is_some() || !self.record.newest().is_none_or(is_as_told) {
            self.doubted_since = Some(now);
        }
        if self.record.fallback_confirmed.is_none() {
            self.fallback = FallbackState::Due(now);
        }
    }

    fn link_down(&mut self, now: Timestamp) {
        self.link = LinkState::Down;
        self.link_since = now;
        self.outstanding = None;
        if let FallbackState::Asked(_) = self.fallback {
            self.fallback = FallbackState::Due(Timestamp::EPOCH);
        }
    }

    /// The live limit in force may have expired by the new clock, or may hold for longer than it should.
    fn clock_set(&mut self, now: Timestamp) {
        if self.record.newest().is_some() {
            self.doubted_since = self.doubted_since.or(Some(now));
            self.needs_resend = true;
            self.resend_at = None;
        }
    }

    fn booted(&mut self, now: Timestamp) {
        self.record.is_seen = true;
        self.record.booted(now, &self.traits);
        self.doubted_since = self.record.is_in_transaction.then_some(now);
        self.needs_resend = self.record.is_in_transaction;
        self.resend_at = None;
        self.fallback = FallbackState::Due(now);
        self.demand = Demand::default();
        self.reports.clear();
        self.reports_from = self.reports_from.max(now);
    }

    fn begin_transaction(&mut self, now: Timestamp) {
        self.record.begin_transaction(&self.traits);
        self.forget_session(now);
        // What it drew before its transaction is known.
        let nothing = SiteCurrents { at_least: PerPhase::default(), at_most: PerPhase::default() };
        self.reports.push_back(Report { taken_at: now, drawn: nothing });
    }

    fn end_transaction(&mut self, now: Timestamp) {
        self.record.end_transaction(&self.traits);
        // After a boot or a lost link it refused what was for a transaction that was over.
        self.record.is_refusing &= self.doubted_since.is_none();
        self.forget_session(now);
        self.idle_since = now;
    }

    fn forget_session(&mut self, now: Timestamp) {
        self.reports.clear();
        self.limits.clear();
        self.outstanding = None;
        self.doubted_since = None;
        self.needs_resend = false;
        self.resend_at = None;
        self.rejections = 0;
        self.has_left = false;
        self.raised_at = None;
        self.lowered_at = None;
        self.measure_asked_at = None;
        self.demand = Demand::default();
        self.record.learned =
            Learned { is_satisfied: self.record.ev == EvState::SuspendedEv, ..Learned::default() };
        self.offered_since = None;
        self.turn_began_at = None;
        self.arrived = now;
        self.record.waiting_since = None;
        self.on_since = None;
        self.turn_had = TimeSpan::ZERO;
        self.deficit = AmpereSeconds::ZERO;
        self.certificate = None;
    }

    fn ev_changed(&mut self, ev: EvState, now: Timestamp) {
        let resumes = ev == EvState::Charging && self.record.ev != EvState::Charging;
        self.record.ev = ev;
        self.has_left = self.record.is_in_transaction && ev == EvState::Absent;
        if ev == EvState::SuspendedEv {
            // It charged at this limit before: it has had enough. What it was not known to have says nothing.
            let limit = self.surely_offered(now);
            self.record.learned.has_tried_all |=
                self.record.learned.charged_at.is_some_and(|charged_at| limit >= Some(charged_at));
        }
        self.record.learned.is_satisfied = match ev {
            EvState::SuspendedEv => true,
            EvState::Charging | EvState::Absent => false,
            EvState::Connected | EvState::SuspendedEvse | EvState::Faulted => {
                self.record.learned.is_satisfied
            }
        };
        if ev == EvState::Absent {
            self.ev_left(now);
        }
        if resumes {
            self.record.learned.has_tried_all = false;
            self.record.occupy_all(&self.traits);
            self.demand = Demand { changed_at: Some(now), ..Demand::default() };
        }
    }

    /// The limit that is in force beyond doubt: accepted, and not run out by any clock that is trusted.
    fn surely_offered(&self, now: Timestamp) -> Option<Amperes> {
        let newest = self.record.newest().filter(|_| self.doubted_since.is_none())?;
        let is_in_force = newest.accepted_at.is_some() && now + SKEW_TRUSTED < newest.expires_at;
        is_in_force.then_some(newest.limit)
    }

    /// What was learned of an EV that left says nothing of the next one, whether or not the end of its transaction was
    /// told.
    fn ev_left(&mut self, now: Timestamp) {
        self.record.occupy_all(&self.traits);
        self.record.learned = Learned::default();
        self.demand = Demand::default();
        self.reports.clear();
        self.reports_from = self.reports_from.max(now);
    }

    fn measured(
        &mut self,
        measurement: &Measurement,
        drawn: SiteCurrents,
        now: Timestamp,
    ) -> crate::ceiling::Lesson {
        if measurement.taken_at >= self.reports_from {
            if self.reports.len() == REPORTS_KEPT {
                self.reports.pop_front();
            }
            self.reports.push_back(Report { taken_at: measurement.taken_at, drawn });
        }
        let before = self.record.learned;
        let occupied = self.record.occupied;
        let mut lesson = self.record.measured(measurement, &self.traits);
        // What another EV left free, or was before a boot, frees nothing now.
        if measurement.taken_at < self.reports_from {
            self.record.occupied = self.record.occupied.zip_with(occupied, |now, before| now || before);
        }
        let highest = measurement.current.map(|current| current.unwrap_or(Amperes::ZERO)).highest();
        let under_offer = |offer: &SentLimit| offer.accepted_at.map(|at| measurement.taken_at.since(at));
        let offer = self.record.held.filter(|_| self.record.sent.is_empty());
        if let Some((offer, span)) = offer.and_then(|offer| Some((offer, under_offer(&offer)?)))
            && span >= REACTION_DEFAULT
        {
            // An EV that stops below its minimum takes a while to.
            if highest > Amperes::from_amperes(1) && span >= DRAW_SHOWS_WITHIN {
                self.record.learned.charged_at = Some(
                    self.record.learned.charged_at.map_or(offer.limit, |lowest| lowest.min(offer.limit)),
                );
            }
            self.demand.learn(highest, offer.limit, &self.traits, now);
        }
        lesson.is_row_changed |= before != self.record.learned;
        lesson
    }

    /// The same as its last one, told again: one measurement is no second witness of disobedience, phases or demand.
    fn is_repeated(&self, measurement: &Measurement) -> bool {
        let drawn = measurement.current.map(|current| current.unwrap_or(Amperes::ZERO));
        self.reports.back().is_some_and(|last| last.taken_at == measurement.taken_at)
            && self.record.measured_at[1] == measurement.taken_at
            && self.record.measured[1] == drawn
    }

    /// Since when it may draw at most where its transaction is told of at `now`: a station that was out of reach tells
    /// late.
    fn may_draw_since(&self, now: Timestamp) -> Timestamp {
        if now.since(self.link_since) <= TOLD_AFTER_LINK { Timestamp::EPOCH } else { now - TOLD_WITHIN }
    }

    /// Its last two measurements hold its ceiling up, and not its limits.
    fn draws_above_its_level(&self, now: Timestamp) -> bool {
        let level = self.record.level(now, &self.traits, self.link, self.clock);
        let [before, last] = self.record.measured;
        before.zip_with(last, Amperes::max).iter().any(|(terminal, &measured)| {
            measured > if self.record.occupied[terminal] { level } else { Amperes::ZERO }
        })
    }

    fn answered(&mut self, ticket: Ticket, answer: DispatchAnswer, now: Timestamp) {
        if self.fallback == FallbackState::Asked(ticket) {
            self.fallback = match answer {
                DispatchAnswer::Accepted => FallbackState::Accepted,
                DispatchAnswer::Rejected | DispatchAnswer::None => FallbackState::Due(now + RETRY_AFTER),
            };
            if answer == DispatchAnswer::Accepted {
                self.record.fallback_confirmed = Some(self.traits.fallback);
            }
            return;
        }
        self.record.answered(ticket, answer, now);
        if self.outstanding != Some(ticket) {
            return;
        }
        self.outstanding = None;
        match answer {
            DispatchAnswer::Accepted => {
                self.rejections = 0;
                self.doubted_since = None;
                self.needs_resend = false;
            }
            DispatchAnswer::Rejected => {
                self.rejections += u32::from(!self.has_left);
                self.record.is_refusing |= self.rejections >= REJECTIONS_MAX;
                self.needs_resend = true;
                self.resend_at = Some(now + RETRY_AFTER);
            }
            DispatchAnswer::None => {
                self.doubted_since = self.doubted_since.or(Some(now));
                self.needs_resend = true;
                self.resend_at = Some(now + RETRY_AFTER);
            }
        }
    }

    /// The limit last sent, unless the station is there and it is in doubt what is in force.
    fn limit_believed(&self) -> Option<Amperes> {
        let is_in_doubt = self.doubted_since.is_some() && self.link.is_up();
        self.record.newest().filter(|_| !is_in_doubt).map(|newest| newest.limit)
    }

    /// The last reading, where it is still believed.
    fn drawn_now(&self, now: Timestamp) -> Option<SiteCurrents> {
        let last = self.reports.back()?;
        let is_believed = self.is_drawing() && now.since(last.taken_at) <= REPORT_AGE_MAX;
        is_believed.then_some(last.drawn)
    }

    fn is_drawing(&self) -> bool {
        let is_over =
            matches!(self.record.ev, EvState::SuspendedEv | EvState::SuspendedEvse | EvState::Absent);
        self.record.is_in_transaction && !is_over
    }

    /// What it draws at least from `instant` on: the lower of the readings around it and of all limits told since.
    fn lower_since(&self, instant: Timestamp) -> PerPhase<Amperes> {
        let nothing = PerPhase::default();
        let Some(before) = self.reports.iter().rev().find(|report| report.taken_at <= instant) else {
            return nothing;
        };
        // A link that is gone, or came back since, may mean that power was gone.
        let is_old = instant.since(before.taken_at) > REPORT_AGE_MAX || before.taken_at < self.link_since;
        if !self.is_drawing() || is_old {
            return nothing;
        }
        let later = self.reports.iter().filter(|report| report.taken_at >= instant);
        let drawn = later
            .fold(before.drawn.at_least, |lower, report| lower.zip_with(report.drawn.at_least, Amperes::min));
        // The limit that should have been in force then counts as well: an EV that is late may follow it at any moment.
        let has_shown = |&&(sent_at, _): &&(Timestamp, Amperes)| sent_at + REACTION_DEFAULT < before.taken_at;
        let shown = self.limits.iter().take_while(has_shown).count();
        let may_follow = usize::from(!self.record.is_disobedient);
        let told = self.limits.iter().skip(shown.saturating_sub(may_follow)).map(|&(_, limit)| limit).min();
        drawn.map(|lower| told.map_or(lower, |told| lower.min(told)))
    }

    /// What it most likely drew at `instant`: its last reading however old, but no more than the limit that had taken
    /// effect by then; nothing where no transaction runs, unknown before the first reading.
    fn likely_at(&self, instant: Timestamp) -> Option<PerPhase<Amperes>> {
        if !self.record.is_in_transaction {
            return Some(PerPhase::default());
        }
        let drawn = self.reports.back()?.drawn.at_most;
        let in_effect = self.limits.iter().rev().find(|&&(sent_at, _)| sent_at + REACTION_DEFAULT <= instant);
        Some(drawn.map(|drawn| in_effect.map_or(drawn, |&(_, limit)| drawn.min(limit))))
    }

    /// No transaction runs, nor did at `instant`.
    fn was_idle_at(&self, instant: Timestamp) -> bool {
        !self.record.is_in_transaction && instant >= self.idle_since
    }

    /// What it drew at `instant`: at least the lower of its readings before and after, and of every limit that may
    /// have been in force between them, and at most the higher reading. None where there are not both readings.
    fn drawn_at(&self, instant: Timestamp) -> Option<Bracket> {
        let nothing = PerPhase::default();
        if !self.record.is_in_transaction {
            let idle = Bracket { lower: nothing, upper: Some(nothing), steadiness: Steadiness::Steady };
            return self.was_idle_at(instant).then_some(idle);
        }
        let before = self.reports.iter().rev().find(|report| report.taken_at <= instant)?;
        let after = self.reports.iter().find(|report| report.taken_at >= instant)?;
        let in_force = |&&(sent_at, _): &&(Timestamp, Amperes)| {
            sent_at + REACTION_DEFAULT >= before.taken_at && sent_at <= after.taken_at
        };
        let limits = || self.limits.iter().filter(in_force).map(|&(_, limit)| limit);
        let lower = before.drawn.at_least.zip_with(after.drawn.at_least, Amperes::min);
        let moved = (before.drawn.at_most - after.drawn.at_least).map(Amperes::magnitude).highest();
        let has_changed = limits().min() != limits().max();
        let is_steady = !has_changed && moved <= Amperes::from_amperes(1);
        let lower = limits().min().map_or(lower, |limit| lower.map(|lower| lower.min(limit)));
        // What it drew when its transaction was told of is assumed, and not measured.
        let is_measured = before.taken_at > self.arrived;
        Some(Bracket {
            lower,
            upper: is_measured.then(|| before.drawn.at_most.zip_with(after.drawn.at_most, Amperes::max)),
            steadiness: if is_steady { Steadiness::Steady } else { Steadiness::Moving },
        })
    }

    /// It was told more than it had been told before, after `instant`.
    fn is_told_more_since(&self, instant: Timestamp) -> bool {
        let mut before = Amperes::ZERO;
        self.limits.iter().any(|&(sent_at, limit)| {
            let is_more = limit > std::mem::replace(&mut before, limit);
            is_more && sent_at > instant
        })
    }

    /// The most that it may have been told by `instant`, where it was told anything since and what was before is known:
    /// a limit that left later allowed nothing then.
    fn told_by(&self, instant: Timestamp) -> Option<Amperes> {
        let mut in_record = self.record.held.iter().chain(&self.record.sent);
        if in_record.all(|sent| sent.sent_at <= instant) {
            return None;
        }
        let in_effect = self.limits.iter().rposition(|&(sent_at, _)| sent_at + REACTION_DEFAULT <= instant);
        let noted = self.limits.iter().skip(in_effect.unwrap_or(0)).copied();
        let in_record =
            self.record.held.iter().chain(&self.record.sent).map(|sent| (sent.sent_at, sent.limit));
        let told = noted.chain(in_record).filter(|&(sent_at, _)| sent_at <= instant).map(|(_, limit)| limit);
        let is_first = self.record.held.is_none();
        let fallback = self.record.fallback_confirmed.unwrap_or(self.traits.hardware_maximum);
        told.max().or(is_first.then_some(fallback))
    }

    /// Notes a limit that goes out, and forgets those that were no longer in force at the oldest report.
    fn note_limit(&mut self, now: Timestamp, limit: Amperes) {
        let oldest = self.reports.front().map_or(now, |report| report.taken_at);
        let in_effect = self.limits.partition_point(|&(sent_at, _)| sent_at + REACTION_DEFAULT < oldest);
        self.limits.drain(..in_effect.saturating_sub(1));
        self.limits.push_back((now, limit));
    }

    /// The instant up to which this EVSE has reported, where anchors must wait for it.
    fn holds_back(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.reports.back()?;
        let is_reporting = self.record.is_in_transaction && now.since(last.taken_at) <= REPORT_AGE_MAX;
        is_reporting.then_some(last.taken_at)
    }
}

/// A station in reach tells of a transaction within this: its longest retry of a message, twice.
const TOLD_WITHIN: TimeSpan = TimeSpan::from_minutes(2);
/// What was queued while out of reach is told within this after the link is up.
const TOLD_AFTER_LINK: TimeSpan = TimeSpan::from_minutes(10);
/// After a refusal or no answer a limit is sent again this much later.
const RETRY_AFTER: TimeSpan = TimeSpan::from_seconds(5);
/// So many refusals in a row, and the EVSE counts at its worst.
const REJECTIONS_MAX: u32 = 3;

impl EvseTraits {
    fn of(config: &EvseConfig) -> Self {
        let wired = config.wiring.phases();
        Self {
            hardware_maximum: config.current_max,
            minimum: config.current_min.ceil_to(config.step),
            fallback: config.fallback,
            limit_expired: config.limit_expired,
            terminals: PerPhase::new(true, wired > 1, wired > 2),
            is_fallback_proven: config.is_fallback_proven,
            starts_only_with_us: !config.starts_alone,
            fallback_survives_boot: config.fallback_survives_boot,
        }
    }
}

impl Demand {
    /// Offer = learned draw + one ampere (at least the minimum): the ampere is the standing probe. An EV that takes
    /// the whole offer wants more, and every five minutes the offer is lifted by three amperes to see.
    fn learn(&mut self, highest: Amperes, offer: Amperes, traits: &EvseTraits, now: Timestamp) {
        let margin = Amperes::from_milliamperes(1_200);
        if highest + Amperes::from_milliamperes(600) >= offer {
            if self.cap.is_some_and(|cap| offer >= cap) {
                *self = Self { changed_at: Some(now), ..Self::default() };
            }
            self.below = 0;
            self.highest = Amperes::ZERO;
            return;
        }
        if highest + margin > offer {
            return;
        }
        self.below += 1;
        self.highest = self.highest.max(highest);
        if self.below >= 2 {
            let ampere = Amperes::from_amperes(1);
            self.cap = Some((self.highest.ceil_to(ampere) + ampere).max(traits.minimum));
            self.changed_at = Some(now);
            self.below = 0;
            self.highest = Amperes::ZERO;
        }
    }

    /// What to offer at most now.
    fn offer(&self, now: Timestamp) -> Option<Amperes> {
        const PROBE_EVERY: TimeSpan = TimeSpan::from_minutes(5);
        let is_probe = self.changed_at.is_some_and(|at| now.since(at) >= PROBE_EVERY);
        self.cap.map(|cap| if is_probe { cap + Amperes::from_amperes(3) } else { cap })
    }
}
