//! Checkers: they watch a run from outside, on the truth of the plant and the text on the wire, and judge it by the
//! rules of CONTROL and MONEY. They share no code with what they judge.
//!
//! [`Watch`] is told what happens while it happens. [`currents`] judges S1, [`limits`] S2 to S5, [`waits`] S7, [`restart`]
//! S8, [`belief`] what the engine holds true, [`recovery`] how soon service is back, [`money`] and `idle` M1 to M6 and M8
//! once the run is over. S6 has no eye of its own: nonsense plans are thrown in, and nothing of S1 to S5 may change.
//!
//! Nobody foresees a station that disobeys, a wiring that is not as stated, or a meter that tells too little: there the
//! checkers judge what CONTROL promises, which is that a metered overload sheds until it holds or nothing is left, and that
//! who disobeys counts at its worst from the second reading on.
//!
//! M7 waits for payment providers: there are none yet.

pub mod belief;
pub mod currents;
mod idle;
pub mod limits;
pub mod money;
pub mod recovery;
pub mod restart;
mod story;
#[cfg(test)]
mod tests;
pub mod waits;

use std::collections::BTreeMap;
use std::sync::Arc;

use charging::network::{CircuitConfig, SiteConfig, Supply, Wiring};
use plant::meter::MeterFault;
use plant::station::TransactionName;
use units::{Amperes, EvseId, PerPhase, TimeSpan, Timestamp};

pub use currents::Reaction;
pub use story::{Note, Story};

use crate::scenario::Scenario;
use crate::truth::Truth;

/// What a checker judges by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Rows.
    S1,
    /// Shed before raise.
    S2,
    /// Limits on the step.
    S3,
    /// Fallbacks.
    S4,
    /// Stale meters.
    S5,
    /// Nonsense plans.
    S6,
    /// Waiting.
    S7,
    /// Restart.
    S8,
    /// Each CDR once.
    M1,
    /// Registers.
    M2,
    /// Cuts.
    M3,
    /// Settlement.
    M4,
    /// Pricing.
    M5,
    /// Civil time.
    M6,
    /// Idle time.
    M8,
    /// Ledger.
    Ledger,
    /// What the engine holds true.
    Belief,
    /// What a restart would restore.
    Restored,
    /// After the last fault.
    Recovery,
    /// Energy.
    Energy,
    /// Fuses.
    Fuse,
}

impl Rule {
    /// All, in order of name.
    pub const ALL: [Self; 21] = [
        Self::S1,
        Self::S2,
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S8,
        Self::M1,
        Self::M2,
        Self::M3,
        Self::M4,
        Self::M5,
        Self::M6,
        Self::M8,
        Self::Ledger,
        Self::Belief,
        Self::Restored,
        Self::Recovery,
        Self::Energy,
        Self::Fuse,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::S4 => "S4",
            Self::S5 => "S5",
            Self::S6 => "S6",
            Self::S7 => "S7",
            Self::S8 => "S8",
            Self::M1 => "M1",
            Self::M2 => "M2",
            Self::M3 => "M3",
            Self::M4 => "M4",
            Self::M5 => "M5",
            Self::M6 => "M6",
            Self::M8 => "M8",
            Self::Ledger => "ledger at zero",
            Self::Belief => "belief is confirmed",
            Self::Restored => "restored equals uncrashed",
            Self::Recovery => "recovery in time",
            Self::Energy => "energy conserved",
            Self::Fuse => "no fuse trips",
        }
    }

    /// What it means, in one line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::S1 => "no row above its rating, but for a base step that is shed in time",
            Self::S2 => "no raise on the wire while the shed that pays for it is not in force",
            Self::S3 => "each limit sent is 0 or at least the minimum, on the step",
            Self::S4 => "what holds when we are silent fits every row, and an expiry never raises",
            Self::S5 => "no raise while a meter above the EVSE is stale",
            Self::S6 => "late, stale and senseless plans change nothing of S1 to S5",
            Self::S7 => "no session waits longer than its class's bound",
            Self::S8 => "a restart restores ceilings and loses nothing acknowledged",
            Self::M1 => "each transaction is billed once, or held, or written off",
            Self::M2 => "energy billed is the difference of the plant's registers",
            Self::M3 => "cutting a session changes its price by no more than the rounding",
            Self::M4 => {
                "charged = collected + open + written off, and the payout's equation, per owner and month"
            }
            Self::M5 => "a naive pricer gives the same amounts",
            Self::M6 => "months begin at the site's midnight",
            Self::M8 => "no EV is said to decline while its EVSE offers too little, is faulted or offline",
            Self::Ledger => "the ledger's postings sum to zero",
            Self::Belief => "what the engine holds true of a quiet station is true",
            Self::Restored => "an engine restored from the records equals the one that lives",
            Self::Recovery => "full service is back in time after the last fault",
            Self::Energy => "registers equal the integrals of currents, and circuits add up",
            Self::Fuse => "no gG fuse of the circuits' ratings would have tripped",
        }
    }
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// Which.
    pub rule: Rule,
    /// When.
    pub at: Timestamp,
    /// What, with the numbers.
    pub text: String,
    /// The minute before, in plain words.
    pub story: Vec<String>,
}

/// Firings of one rule that are kept in full; more are counted.
const KEPT_PER_RULE: u64 = 5;

/// What a run's checkers found.
#[derive(Debug, Default)]
pub struct Verdicts {
    firings: Vec<Firing>,
    fired: BTreeMap<Rule, u64>,
    checked: BTreeMap<Rule, u64>,
}

impl Verdicts {
    /// There was something to check.
    pub fn check(&mut self, rule: Rule) {
        *self.checked.entry(rule).or_default() += 1;
    }

    /// A rule was broken.
    pub fn fire(&mut self, rule: Rule, at: Timestamp, text: String, story: &Story) {
        let fired = self.fired.entry(rule).or_default();
        *fired += 1;
        if *fired <= KEPT_PER_RULE {
            self.firings.push(Firing { rule, at, text, story: story.tell(at) });
        }
    }

    /// Those that are kept in full, in order.
    #[must_use]
    pub fn firings(&self) -> &[Firing] {
        &self.firings
    }

    /// Every rule with how often it was checked and how often broken.
    #[must_use]
    pub fn all(&self) -> Vec<(Rule, u64, u64)> {
        let told = |rule| {
            let (checked, fired) = self.counts(rule);
            (rule, checked, fired)
        };
        Rule::ALL.into_iter().map(told).collect()
    }

    /// How often a rule was checked, and how often it was broken.
    #[must_use]
    pub fn counts(&self, rule: Rule) -> (u64, u64) {
        let count = |counts: &BTreeMap<Rule, u64>| counts.get(&rule).copied().unwrap_or(0);
        (count(&self.checked), count(&self.fired))
    }
}

/// An EVSE as the plant truly holds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlantEvse {
    /// The limit the station applies, per phase.
    pub limit: Amperes,
    /// A transaction runs and an EV is plugged in: the limit may be drawn.
    pub may_draw: bool,
    /// The phases that the EV can load, 0 to 3.
    pub phases: u8,
    /// The most that the EV draws, per phase.
    pub ev_max: Amperes,
    /// The least that the EV charges with, per phase.
    pub ev_min: Amperes,
    /// The EV would charge if it were offered as much.
    pub wants_energy: bool,
    /// The station's link is up.
    pub is_reachable: bool,
    /// It is locked up.
    pub is_faulted: bool,
    /// Nothing is wrong with it that lets it offer more than it is told.
    pub follows_limits: bool,
    /// What it answers to a limit tells what it offers, and comes while it is waited for.
    pub confirms_limits: bool,
}

/// How things truly were when a meter measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampled {
    /// When.
    pub at: Timestamp,
    /// Base load of the circuit, here and below.
    pub base: PerPhase<Amperes>,
    /// Base load and EVSEs, here and below.
    pub total: PerPhase<Amperes>,
    /// What was wrong with the meter.
    pub fault: MeterFault,
}

/// An EVSE as its configuration states it, and what was seen of it.
#[derive(Debug, Clone)]
pub struct WatchedEvse {
    id: EvseId,
    circuit: usize,
    current_max: Amperes,
    current_min: Amperes,
    step: Amperes,
    /// As stated; the truth may be otherwise.
    wiring: Wiring,
    wiring_true: Wiring,
    is_wired_right: bool,
    plant: PlantEvse,
    /// What it draws on its highest terminal.
    drawn: Amperes,
    /// Since when it has drawn more than one and the same limit, in reach.
    above_since: Option<Timestamp>,
    /// It has drawn more than it was told for so long that the engine must know.
    is_known_wayward: bool,
    /// Since when it follows limits again, where nobody could know that it did not.
    follows_since: Option<Timestamp>,
    /// Its power went while it drew; nobody was told, and the engine holds it to draw on.
    went_dark: bool,
    /// When it drew again after that.
    resumed_at: Option<Timestamp>,
    /// It disobeyed once: the engine may count it at its worst until a person clears it.
    has_disobeyed: bool,
    /// When a frame of its station last vanished.
    frame_lost_at: Option<Timestamp>,
    /// Since when its station owes the answer to a limit.
    unanswered_since: Option<Timestamp>,
    /// Since when its link is as it is.
    link_since: Timestamp,
    /// Since when its transaction is as it is.
    transaction_since: Timestamp,
    /// When it was last told another live limit.
    limit_sent_at: Option<Timestamp>,
    /// When the clock of its station was last disturbed.
    clock_set_at: Option<Timestamp>,
    /// At the last look the engine held another limit in force than had left for it.
    was_untold: bool,
    class: u8,
    survives_pause: bool,
    /// Control counts it by its limits, not by its hardware.
    is_counted_by_limit: bool,
    barred: idle::Barred,
    wait: Option<waits::Wait>,
    /// Live limits that left the engine and are not known to be in force, oldest first.
    on_the_wire: Vec<(Timestamp, Amperes)>,
    /// The last live limit sent in the present transaction.
    live: Option<Amperes>,
    /// The transaction that the last live limit named.
    live_of: Option<TransactionName>,
    /// What the last live limit falls back to.
    expired: Amperes,
    /// The standing fallback, as last sent.
    fallback: Amperes,
}

/// A circuit as its configuration states it.
#[derive(Debug, Clone)]
pub struct WatchedCircuit {
    name: String,
    /// Itself and the circuits above.
    path: Arc<[usize]>,
    rating: PerPhase<Amperes>,
    reserve: Amperes,
    worst_base: PerPhase<Amperes>,
    static_headroom: PerPhase<Amperes>,
    meter: Option<limits::WatchedMeter>,
}

impl WatchedCircuit {
    fn new(stated: &CircuitConfig, name: String, path: Arc<[usize]>) -> Self {
        let reserve = reserve(stated);
        Self {
            name,
            path,
            rating: stated.rating,
            reserve,
            worst_base: stated.worst_base,
            static_headroom: static_headroom(stated, reserve),
            meter: stated
                .meter
                .as_ref()
                .map(|meter| limits::WatchedMeter::new(meter.id.clone(), meter.timeout)),
        }
    }
}

/// CONTROL section 1: default max(2 A, 3 % of rating) + the meter's accuracy class in % of rating.
fn reserve(stated: &CircuitConfig) -> Amperes {
    let rating = stated.rating.lowest();
    let accuracy = stated.meter.as_ref().map_or(0, |meter| meter.accuracy_permille);
    let default =
        Amperes::from_amperes(2).max(rating.ratio_ceil(3, 100)) + rating.ratio_ceil(accuracy, 1_000);
    stated.reserve.unwrap_or(default)
}

fn static_headroom(stated: &CircuitConfig, reserve: Amperes) -> PerPhase<Amperes> {
    let left = |phase| stated.rating[phase] - reserve - stated.worst_base[phase];
    stated.static_headroom.unwrap_or(PerPhase::from_fn(left))
}

/// All checkers of a run.
#[derive(Debug)]
pub struct Watch {
    /// What was found.
    pub verdicts: Verdicts,
    /// What happened lately.
    pub story: Story,
    evses: Vec<WatchedEvse>,
    circuits: Vec<WatchedCircuit>,
    currents: currents::Currents,
    engine: Engine,
    /// Currents of one line may flow at an angle to each other.
    is_it: bool,
    /// Between meter values in a transaction.
    meter_interval: TimeSpan,
    /// How long a commit takes.
    commit: TimeSpan,
    /// Since when records can be committed; none while they cannot.
    storage_well_since: Option<Timestamp>,
    /// When the last fault has healed.
    healed_at: Option<Timestamp>,
    /// How far the clock of the engine's machine, by which bills go, is ahead of true time.
    wall_ahead: TimeSpan,
    /// What that clock showed twice, since it was set back.
    wall_twice: Vec<(Timestamp, Timestamp)>,
}

/// Whether the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Up { since: Timestamp },
    Down,
}

impl Watch {
    /// Checkers of a run of `scenario`, whose `truth` begins now.
    #[must_use]
    pub fn new(scenario: &Scenario, truth: &Truth) -> Self {
        let config = &scenario.site.config;
        let circuits: Vec<WatchedCircuit> = truth
            .circuits()
            .iter()
            .enumerate()
            .filter_map(|(place, circuit)| {
                let stated = config.circuits.iter().find(|stated| stated.id == circuit.id)?;
                Some(WatchedCircuit::new(stated, circuit.name.clone(), truth.path(place).collect()))
            })
            .collect();
        let evses = config
            .evses
            .iter()
            .zip(truth.evses())
            .map(|(stated, evse)| WatchedEvse {
                id: stated.id.clone(),
                circuit: evse.circuit,
                current_max: stated.current_max,
                current_min: stated.current_min,
                step: stated.step,
                wiring: stated.wiring,
                wiring_true: evse.wiring,
                is_wired_right: stated.wiring == evse.wiring,
                plant: PlantEvse::default(),
                above_since: None,
                is_known_wayward: false,
                follows_since: None,
                went_dark: false,
                resumed_at: None,
                drawn: Amperes::ZERO,
                has_disobeyed: false,
                frame_lost_at: None,
                unanswered_since: None,
                link_since: scenario.starts_at,
                transaction_since: scenario.starts_at,
                limit_sent_at: None,
                clock_set_at: None,
                was_untold: false,
                class: stated.class,
                survives_pause: stated.survives_pause,
                is_counted_by_limit: stated.is_fallback_proven,
                barred: idle::Barred::default(),
                wait: None,
                on_the_wire: Vec::new(),
                live: None,
                live_of: None,
                expired: Amperes::ZERO,
                fallback: stated.fallback,
            })
            .collect();
        let mut story = Story::default();
        story.name(
            truth.evses().iter().map(|evse| evse.id.to_string()).collect(),
            truth.circuits().iter().map(|circuit| circuit.name.clone()).collect(),
        );
        let currents = currents::Currents::new(circuits.len(), Reaction::of(scenario));
        Self {
            verdicts: Verdicts::default(),
            story,
            evses,
            circuits,
            currents,
            engine: Engine::Up { since: scenario.starts_at },
            is_it: scenario.site.config.supply == Supply::It230,
            meter_interval: scenario.stations.meter_interval,
            commit: scenario.timing.commit,
            storage_well_since: Some(scenario.starts_at),
            healed_at: recovery::healed_at(scenario),
            wall_ahead: TimeSpan::ZERO,
            wall_twice: Vec::new(),
        }
    }

    /// An operator has stated another rating of the circuit at `place`.
    pub fn rating_restated(&mut self, now: Timestamp, truth: &Truth, config: &SiteConfig, place: usize) {
        let id = &truth.circuits()[place].id;
        let Some(stated) = config.circuits.iter().find(|stated| stated.id == *id) else { return };
        let circuit = &mut self.circuits[place];
        circuit.rating = stated.rating;
        circuit.reserve = reserve(stated);
        circuit.static_headroom = static_headroom(stated, circuit.reserve);
        self.rating_changed(now, truth, place);
    }

    /// A frame between the engine and the station of these EVSEs vanished.
    pub fn frame_lost(&mut self, now: Timestamp, evses: &[usize]) {
        for &evse in evses {
            self.evses[evse].frame_lost_at = Some(now);
        }
    }

    /// The power of these EVSEs goes.
    pub fn goes_dark(&mut self, evses: &[usize]) {
        for &evse in evses {
            self.evses[evse].went_dark = self.evses[evse].drawn > Amperes::ZERO;
        }
    }

    /// How the station and EV at an EVSE now are.
    pub fn plant(&mut self, now: Timestamp, index: usize, plant: PlantEvse) {
        let evse = &mut self.evses[index];
        if evse.plant.is_reachable != plant.is_reachable {
            evse.link_since = now;
            evse.unanswered_since = None;
            evse.went_dark &= !plant.is_reachable;
        }
        if evse.plant.may_draw && !plant.may_draw {
            evse.on_the_wire.clear();
        }
        // What was told to a transaction that was over says nothing of the next.
        if evse.plant.may_draw != plant.may_draw {
            evse.live = None;
        }
        // What is in force is no longer on the wire, nor is what was sent before it.
        if let Some(place) = evse.on_the_wire.iter().position(|(_, limit)| *limit == plant.limit) {
            evse.on_the_wire.drain(..=place);
        }
        let had_followed = evse.plant.follows_limits;
        evse.barred.note(now + self.wall_ahead, &plant, evse.current_min);
        evse.plant = plant;
        evse.has_disobeyed |= !plant.follows_limits;
        if plant.follows_limits != had_followed {
            evse.follows_since = (plant.follows_limits && !evse.is_known_wayward).then_some(now);
        }
        if plant.follows_limits {
            evse.above_since = None;
            evse.is_known_wayward = false;
        }
    }

    /// The engine's process died.
    pub fn engine_down(&mut self, now: Timestamp) {
        self.engine = Engine::Down;
        self.story.note(now, Note::Text("the engine's process dies".to_owned()));
    }

    /// The engine's process runs again.
    pub fn engine_up(&mut self, now: Timestamp) {
        self.engine = Engine::Up { since: now };
        self.lengthen_waits();
        self.story.note(now, Note::Text("the engine runs again, restored from its records".to_owned()));
    }

    /// The circuits from one up to the grid connection.
    fn path(&self, circuit: usize) -> Arc<[usize]> {
        Arc::clone(&self.circuits[circuit].path)
    }
}
