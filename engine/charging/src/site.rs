//! The control loop of one site: events in, commands out (CONTROL section 4).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use units::{Amperes, CircuitId, EvseId, MeterId, PerPhase, StationId, TimeSpan, Timestamp};

use crate::allocation::{Chosen, Rule};
use crate::ceiling::{EvseTraits, ExpiryTrust, LinkState, REACTION_DEFAULT};
use crate::metering::{Member, Metering, Reading, Steadiness};
use crate::network::{CircuitIndex, EvseIndex, Network, Supply};
use crate::plan::{Plan, PlannerName, Strategy, Wish};
use crate::terms::Commanded;
use crate::wiring::{WiringDoubt, WiringQuestion, WiringSample, WiringSamples};

use decide::AtWorst;
use evse::{Answered, Bracket, EvseState, FallbackState};

pub use crate::ceiling::EvseRecord;
pub use explain::{Departure, Explanation, Intent, More, NAMED_MAX, RowShare};
pub use situation::{CommandedRow, SessionNow, Situation};
pub use view::{LimitedBy, Remark};

mod commanded;
mod decide;
mod evse;
mod explain;
mod situation;
mod view;

/// How long a live limit holds without renewal.
pub const LIFETIME: TimeSpan = TimeSpan::from_minutes(5);
/// A decision falls at the latest this long after an input that changed something.
const DECIDE_AT_LEAST_EVERY: TimeSpan = TimeSpan::from_seconds(10);
/// After so many steps of EVSEs below a meter it is asked how they are wired.
const WIRING_ASKED_AFTER: u32 = 3;
/// And at most this often, unless a row is over its headroom.
const DECIDE_AT_MOST_EVERY: TimeSpan = TimeSpan::from_seconds(1);
/// Measurements come one by one: what they teach is gathered for so long, where nothing must be shed for it.
const GATHER: TimeSpan = TimeSpan::from_seconds(5);
/// What changes no limit is looked at this late: an EVSE that draws as before and an accepted renewal, where nothing waits for
/// them, and a reading that leaves room for what everybody has, where that is all that they can use.
const CALM_LOOKED_AT_WITHIN: TimeSpan = TimeSpan::from_seconds(30);
/// A metered current that moved by less than this since the last decision changes nothing: a quarter of the least reserve.
const METER_NOISE: Amperes = Amperes::from_milliamperes(500);
/// From a limit until the draw under it shows: up to 30 s of an on-board charger (DESIGN section 7).
const DRAW_SHOWS_WITHIN: TimeSpan = TimeSpan::from_seconds(30);

/// What happened at a site, in the words of control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteEvent {
    /// A station may be called: its link is up, and where it boots on it the boot is answered.
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
    /// The transaction is over, since then by our clock as best known.
    TransactionEnded(EvseId, Timestamp),
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
    /// What a meter shows cannot be, whoever reads it says.
    MeterDoubted(MeterId),
    /// What meters say against how an EVSE is wired.
    WiringDoubted(EvseId, WiringDoubt),
    /// A plan came.
    PlanReady(Plan),
    /// What the driver of the session at the EVSE wants; it is for planners, and no promise.
    Wished(EvseId, Wish),
    /// Another strategy from now on. What is in force, proven or waited for stays as it is.
    Strategy(Strategy),
    /// What others command circuits to carry at most, in place of all that was commanded before. Commands for circuits that
    /// the site does not have change nothing.
    Commanded(Vec<Commanded>),
    /// The EVSE is taken out for good (true), or back (false).
    Decommissioned(EvseId, bool),
    /// Whether the station's clock is trusted: off by at most 30 s. Until told, it is not, and no expiry counts.
    Clock(StationId, ExpiryTrust),
    /// The station's clock was set: what its schedules say of now, nobody knows.
    ClockSet(StationId),
    /// What is known of the station beside its configuration. Until told, what the configuration says holds.
    Habits(StationId, Habits),
}

/// What is known of a station beside its configuration: of its model, or since it showed so. It only ever makes control
/// more careful than the configuration does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// Its live limits bind it, and fall back by themselves when we are silent. Where they do not, its EVSEs count at their
    /// hardware maximum (CONTROL section 2).
    pub limits_bind: bool,
    /// It takes a standing fallback outside of transactions.
    pub takes_fallback: bool,
    /// It goes on after having been held at 0 A. Where it does not, its EVSEs are told and count their minimum instead:
    /// only for a site that meets S4 so.
    pub bears_zero: bool,
    /// Online it starts a transaction only with our acceptance.
    pub starts_only_with_us: bool,
    /// Its live limits leave its standing fallback in place. Where they do not, that is told anew after each transaction.
    pub keeps_fallback: bool,
}

impl Default for Habits {
    /// As the standard wants it.
    fn default() -> Self {
        Self {
            limits_bind: true,
            takes_fallback: true,
            bears_zero: true,
            starts_only_with_us: true,
            keeps_fallback: true,
        }
    }
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
    /// A meter is silent, frozen, impossible or contradictory, or was within the last ten minutes: one that is so every other
    /// minute is one alarm.
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
    /// Meters say that an EVSE is wired otherwise than stated: it counts on the lines of both, until a person resolves it.
    WiringDoubted {
        /// The EVSE.
        evse: EvseId,
        /// What stands against it.
        doubt: WiringDoubt,
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
    /// Base current at the highest: what raises must leave room for.
    pub base: PerPhase<Amperes>,
    /// Base current most likely: what is shared out beside it.
    pub base_likely: PerPhase<Amperes>,
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
    allocator: Chosen,
    plan: Option<Plan>,
    /// What others command circuits to carry at most; what is over stays until it is replaced.
    commands: Vec<Commanded>,
    /// By row: what EVSEs might draw together when the meter was last fresh.
    headroom_fresh: Vec<Option<Amperes>>,
    /// By row: what sessions might draw by the highest base, when that was last asked for and nothing was in motion.
    sure: Vec<Option<(Timestamp, Amperes)>>,
    ticket: Ticket,
    changed: BTreeSet<EvseIndex>,
    alarms: BTreeSet<SiteAlarm>,
    /// What the last decision came to.
    calm: Calm,
    decided_at: Option<Timestamp>,
    /// When the next decision is wanted.
    wake: Option<Timestamp>,
}

/// Whether a decision that nothing calls for would say the same as the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calm {
    /// Something is on its way, or waits.
    None,
    /// Nothing is, but renewals; every meter is fresh, and every row has room for all ceilings.
    Settled,
    /// And everybody has all that they can use: more room changes nothing either.
    All,
}

#[derive(Debug)]
struct MeterState {
    circuit: CircuitIndex,
    metering: Metering,
    /// The EVSEs on the circuit and below it.
    members: Vec<EvseIndex>,
    /// What it showed beside what they drew.
    wiring: WiringSamples,
    /// What it showed at the last decision.
    decided_on: Option<PerPhase<Amperes>>,
    /// What the last decision left on its rows, beside the base, all ceilings and the raises that it sent.
    left: PerPhase<Amperes>,
    /// When it was last found stale.
    stale_at: Option<Timestamp>,
}

impl Site {
    /// A site of which nothing is known yet: every EVSE counts as never seen.
    #[must_use]
    pub fn new(network: Network, now: Timestamp) -> Self {
        let evses = network.evses().iter().map(|evse| EvseState::new(&evse.config, now)).collect();
        let meters =
            network.circuit_indices().filter_map(|circuit| MeterState::new(&network, circuit, now)).collect();
        Self {
            evses,
            meters,
            allocator: Chosen::default(),
            plan: None,
            commands: Vec::new(),
            headroom_fresh: vec![None; network.rows().len()],
            sure: vec![None; network.rows().len()],
            ticket: Ticket(1),
            changed: BTreeSet::new(),
            alarms: BTreeSet::new(),
            calm: Calm::None,
            decided_at: None,
            wake: Some(now),
            network,
        }
    }

    /// The same, sharing out by `rule`; default [`Rule::MaxMin`].
    #[must_use]
    pub fn sharing_by(mut self, rule: Rule) -> Self {
        self.allocator.rule = rule;
        self
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
            let doubt = record.wiring_doubt.take();
            let state = self.evse_mut(index);
            state.needs_resend = record.is_in_transaction;
            state.record = record;
            // Who has current keeps its turn to the end of the slice.
            state.on_since = state.has_current().then_some(now);
            // One that was resolved since does not stand any more.
            doubt.into_iter().for_each(|doubt| self.wiring_doubted(now, &id, doubt));
        }
        self.wake = Some(now);
    }

    /// The plan in use, where there is one; it may be over.
    #[must_use]
    pub const fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
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
            SiteEvent::Habits(station, habits) => {
                let of_station: Vec<EvseTraits> = self
                    .network
                    .evses()
                    .iter()
                    .filter(|evse| evse.config.id.station == station)
                    .map(|evse| EvseTraits::of(&evse.config, habits))
                    .collect();
                let mut traits = of_station.into_iter();
                self.each_of(&station, now, |state, now| {
                    traits.next().into_iter().for_each(|traits| state.traits_change(traits, now));
                });
            }
            SiteEvent::StartAllowed(evse) => self.one(&evse, now, |state, now| state.record.allow_start(now)),
            SiteEvent::TransactionStarted(evse) => {
                if let Some(index) = self.network.evse_by_id(&evse) {
                    let since = self.evse(index).may_draw_since(now);
                    let above = self.meters.values_mut().filter(|meter| meter.members.contains(&index));
                    above.for_each(|meter| meter.metering.draw_begins(since));
                }
                self.one(&evse, now, EvseState::begin_transaction);
            }
            SiteEvent::TransactionEnded(evse, ended_at) => {
                self.alarms.remove(&SiteAlarm::LimitRefused { evse: evse.clone() });
                self.one(&evse, now, |state, now| state.end_transaction(now, ended_at));
            }
            SiteEvent::EvState(evse, ev) => {
                if self.state(&evse).is_some_and(|state| state.record.ev != ev) {
                    let apart = match ev {
                        // All its phases count again (S1).
                        EvState::Charging | EvState::Absent => DECIDE_AT_MOST_EVERY,
                        EvState::Connected
                        | EvState::SuspendedEv
                        | EvState::SuspendedEvse
                        | EvState::Faulted => GATHER,
                    };
                    self.one_within(apart, &evse, now, |state, now| state.ev_changed(ev, now));
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
            SiteEvent::WiringDoubted(evse, doubt) => self.wiring_doubted(now, &evse, doubt),
            SiteEvent::MeterDoubted(meter) => {
                if let Some(state) = self.meters.get_mut(&meter) {
                    state.metering.doubt();
                    self.want_decision(now);
                }
            }
            SiteEvent::PlanReady(plan) => {
                if plan.check(now, self.plan.as_ref()).is_ok() {
                    self.plan = Some(plan);
                    self.want_decision(now);
                }
            }
            SiteEvent::Wished(evse, wish) => self.one(&evse, now, |state, _| state.record.wish = wish),
            SiteEvent::Strategy(Strategy { allocator, planner }) => {
                self.allocator.rule = allocator;
                if planner == PlannerName::None {
                    self.plan = None;
                }
                self.want_decision(now);
            }
            SiteEvent::Commanded(commands) => {
                self.commands = commands;
                self.want_decision(now);
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

    /// What is to be asked of wirings, where enough was seen since the last question.
    pub fn take_wiring_question(&mut self) -> Option<WiringQuestion> {
        let asked = self.meters.iter_mut().find_map(|(id, meter)| {
            let samples = meter.wiring.ask_after(WIRING_ASKED_AFTER)?;
            Some((id.clone(), samples))
        });
        let (meter, samples) = asked?;
        let stepped: BTreeSet<EvseIndex> =
            samples.iter().flat_map(|sample| sample.drawn.iter().map(|(evse, _)| *evse)).collect();
        let stated = |index: EvseIndex| {
            let config = &self.network.evse(index).config;
            (index, config.id.clone(), config.wiring)
        };
        Some(WiringQuestion { meter, evses: stepped.into_iter().map(stated).collect(), samples })
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
        let ceiling = |state: &EvseState| state.record.ceiling(now, &state.traits, state.link, state.clock);
        let before = ceiling(state);
        let drawn_before = state.reports.back().map(|report| report.drawn.at_most);
        let offer_before = state.demand.offer(now);
        let lesson = state.measured(measurement, drawn, now);
        let lifts_ceiling = (ceiling(state) - before).highest() > Amperes::ZERO;
        let has_moved = drawn_before.is_none_or(|before| has_moved(before, drawn.at_most));
        let is_as_before = !has_moved && !lesson.is_row_changed && offer_before == state.demand.offer(now);
        // S8: what holds the ceiling up must survive a restart.
        if lesson.is_row_changed || state.draws_above_its_level(now) {
            self.changed.insert(index);
        }
        if lesson.is_newly_disobedient {
            self.alarms.insert(SiteAlarm::Disobedient { evse: evse.clone() });
        }
        let has_anchored = self.anchor_meters(now);
        let apart = match (lifts_ceiling, is_as_before) {
            (true, _) => DECIDE_AT_MOST_EVERY,
            (false, false) => GATHER,
            (false, true) if has_anchored && self.calm == Calm::None => DECIDE_AT_LEAST_EVERY,
            (false, true) => CALM_LOOKED_AT_WITHIN,
        };
        self.want_decision_within(apart, now);
    }

    /// Takes what meters say against a wiring for a doubt: the worse of what is stated and what seems counts from now on.
    /// The first doubt of an EVSE stands, with its evidence, until the site is stated otherwise.
    fn wiring_doubted(&mut self, now: Timestamp, evse: &EvseId, doubt: WiringDoubt) {
        let Some(index) = self.network.evse_by_id(evse) else { return };
        let config = &self.network.evse(index).config;
        let stands = config.wiring == doubt.stated
            && doubt.seems != doubt.stated
            && config.wiring.may_be(&doubt.seems, self.network.supply())
            && !config.is_wiring_checked;
        let state = self.evse_mut(index);
        if !stands || state.record.wiring_doubt.is_some() {
            return;
        }
        state.record.wiring_doubt = Some(doubt.clone());
        // They were taken to the lines by what was stated alone.
        state.reports.clear();
        self.changed.insert(index);
        self.network.doubt_wiring(index, doubt.seems);
        self.alarms.insert(SiteAlarm::WiringDoubted { evse: evse.clone(), doubt });
        self.want_decision(now);
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
        let answered = state.answered(ticket, answer, now);
        let alarm = SiteAlarm::LimitRefused { evse: state.id.clone() };
        // Who refuses counts at its worst until it accepts a limit, and is named while there is one to accept.
        let is_refusing = state.record.is_refusing && state.record.is_in_transaction;
        if is_refusing {
            self.alarms.insert(alarm);
        } else {
            self.alarms.remove(&alarm);
        }
        self.changed.insert(index);
        match answered {
            Answered::Renewal if self.calm == Calm::None => {
                self.want_decision_within(DECIDE_AT_LEAST_EVERY, now);
            }
            Answered::Renewal => self.want_decision_within(CALM_LOOKED_AT_WITHIN, now),
            Answered::Change => self.want_decision_by(now + REACTION_DEFAULT),
            Answered::Otherwise => self.want_decision(now),
        }
    }

    fn grid_reading(&mut self, now: Timestamp, meter: &MeterId, reading: Reading) {
        let Some(state) = self.meters.get_mut(meter) else { return };
        // Doubts show as staleness, in the alarms and on the page.
        let _ = state.metering.read(reading);
        let limit = self.network.circuit(state.circuit).rows.map(|row| self.network.row(row).limit());
        let is_over =
            reading.current.zip_with(limit, |current, limit| current - limit).highest() > Amperes::ZERO;
        let has_moved = state.decided_on.is_none_or(|before| has_moved(before, reading.current));
        let fits = state.decided_on.is_some_and(|before| {
            let rise = reading.current.zip_with(before, |shown, before| shown - before);
            rise.zip_with(state.left, |rise, left| rise - left).highest() <= Amperes::ZERO
        });
        self.anchor_meters(now);
        if is_over {
            self.wake = Some(now);
        } else if has_moved {
            let apart = match fits {
                true if self.calm == Calm::All => CALM_LOOKED_AT_WITHIN,
                true => GATHER,
                false => DECIDE_AT_MOST_EVERY,
            };
            self.want_decision_within(apart, now);
        }
    }

    /// Makes the newest meter readings that every reporting EVSE has followed by its own into anchors. True where there were
    /// any.
    fn anchor_meters(&mut self, now: Timestamp) -> bool {
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
        let has_any = !ready.is_empty();
        for (id, instant) in ready {
            let Some(meter) = self.meters.get(&id) else { continue };
            let (members, sample) =
                (self.members_at(now, meter, instant), self.wiring_sample(meter, instant));
            if let Some(meter) = self.meters.get_mut(&id) {
                sample.into_iter().for_each(|sample| meter.wiring.take(sample));
                // A contradiction shows as staleness.
                let _ = meter.metering.anchor(instant, members);
            }
        }
        has_any
    }

    /// What the meter showed at `instant`, and what each EVSE below it drew; none where that is not known of all of them, nor on
    /// IT, where lines carry sums of currents that are out of step.
    fn wiring_sample(&self, meter: &MeterState, instant: Timestamp) -> Option<WiringSample> {
        if self.network.supply() == Supply::It230 {
            return None;
        }
        let metered = meter.metering.waiting_at(instant)?.current;
        let mut drawn = Vec::new();
        for &index in &meter.members {
            let at_terminals = self.evse(index).drawn_at_terminals(instant)?;
            if at_terminals != PerPhase::default() {
                drawn.push((index, at_terminals));
            }
        }
        Some(WiringSample { at: instant, metered, drawn })
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
        self.want_decision_by(self.decided_at.map_or(now, |last| (last + apart).max(now)));
    }

    fn want_decision_by(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    fn each_of(
        &mut self,
        station: &StationId,
        now: Timestamp,
        mut change: impl FnMut(&mut EvseState, Timestamp),
    ) {
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
        self.one_within(DECIDE_AT_MOST_EVERY, evse, now, change);
    }

    fn one_within(
        &mut self,
        apart: TimeSpan,
        evse: &EvseId,
        now: Timestamp,
        change: impl Fn(&mut EvseState, Timestamp),
    ) {
        let Some(index) = self.network.evse_by_id(evse) else { return };
        change(self.evse_mut(index), now);
        self.changed.insert(index);
        self.want_decision_within(apart, now);
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

/// A current differs from another by more than noise on a phase.
fn has_moved(before: PerPhase<Amperes>, now: PerPhase<Amperes>) -> bool {
    before.zip_with(now, |before, now| (now - before).magnitude()).highest() > METER_NOISE
}

impl MeterState {
    fn new(network: &Network, circuit: CircuitIndex, now: Timestamp) -> Option<(MeterId, Self)> {
        let config = network.circuit(circuit).meter.as_ref()?;
        let rating = network.circuit(circuit).rows.map(|row| network.row(row).rating);
        let loads_circuit = |&index: &EvseIndex| {
            network.loads_at_worst(index).iter().any(|&(row, _)| network.row(row).circuit == circuit)
        };
        let members = network.evse_indices().filter(loads_circuit).collect();
        let metering = Metering::new(now, config.timeout, rating, network.supply());
        Some((
            config.id.clone(),
            Self {
                circuit,
                metering,
                members,
                wiring: WiringSamples::default(),
                decided_on: None,
                left: PerPhase::default(),
                stale_at: None,
            },
        ))
    }
}
