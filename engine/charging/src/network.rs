//! The network of a site: circuits, their rows, and the EVSEs that load them (CONTROL section 1).
//!
//! Start with [`SiteConfig`], what an operator states, and [`Network::build`], which checks all of it at once.
//! A [`Network`] never changes but for what is doubted of its wirings; another configuration is another network.

pub mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use units::civil::Zone;
use units::{Amperes, CircuitId, EvseId, MeterId, PerPhase, Phase, SiteId, TimeSpan, Volts};

use self::source::MeterSource;
use crate::plan::Strategy;

/// No statement about a current may be larger: ten times the largest low-voltage supply there is. It keeps every
/// later sum far from the end of an `i64`.
const CURRENT_PLAUSIBLE_MAX: Amperes = Amperes::from_amperes(100_000);

/// What an operator states about a site, parsed into our types and not yet checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteConfig {
    /// The site.
    pub id: SiteId,
    /// Its name for people.
    pub name: String,
    /// Its civil time.
    pub zone: Zone,
    /// How the utility supplies it.
    pub supply: Supply,
    /// What a one-phase EVSE is fed with: line to neutral on [`Supply::Tn400`], line to line on [`Supply::It230`];
    /// 100 V to 500 V, in both cases normally 230 V.
    pub voltage_nominal: Volts,
    /// All circuits, in any order; exactly one has no parent.
    pub circuits: Vec<CircuitConfig>,
    /// All EVSEs, in any order.
    pub evses: Vec<EvseConfig>,
    /// How they share.
    #[serde(default, skip_serializing_if = "Strategy::is_default")]
    pub strategy: Strategy,
}

/// How the utility supplies a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Supply {
    /// Three lines and a neutral, 400 V between lines: a one-phase EVSE loads one line.
    Tn400,
    /// Three lines without a neutral, 230 V between lines (IT or TT): a one-phase EVSE sits between two lines and
    /// loads both. Line currents are added arithmetically, which overstates them by at most 15 %.
    It230,
}

/// What an operator states about a circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitConfig {
    /// Unique within the site.
    pub id: CircuitId,
    /// Its name for people; rows are named after it. Empty means the id.
    pub name: String,
    /// The circuit that feeds it; none for the grid connection.
    pub parent: Option<CircuitId>,
    /// What it may carry per phase; above 0 A.
    pub rating: PerPhase<Amperes>,
    /// What is never handed out, per phase; 0 A up to below the rating. Default: max(2 A, 3 % of the rating) plus
    /// the meter's accuracy class in % of the rating.
    #[serde(default)]
    pub reserve: Option<Amperes>,
    /// The meter that measures all that flows through the circuit, where there is one.
    #[serde(default)]
    pub meter: Option<MeterConfig>,
    /// The highest current of everything on the circuit and below it that is not an EVSE; 0 A or more. Without a
    /// meter it is the circuit's base current.
    pub worst_base: PerPhase<Amperes>,
    /// What the EVSEs may draw together while the meter is stale; 0 A or more, at most rating − reserve − worst
    /// base, which is the default.
    #[serde(default)]
    pub static_headroom: Option<PerPhase<Amperes>>,
}

/// What an operator states about a circuit's meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterConfig {
    /// The meter.
    pub id: MeterId,
    /// After this long without a reading the meter is stale; above 0, default 30 s.
    #[serde(default = "meter_timeout_default")]
    pub timeout: TimeSpan,
    /// Accuracy class in thousandths of the rating (class 1 is 10); 0 to 100, default 10.
    #[serde(default = "meter_accuracy_default")]
    pub accuracy_permille: i64,
    /// How it is read; default: its readings are posted.
    #[serde(default)]
    pub source: MeterSource,
}

const fn meter_timeout_default() -> TimeSpan {
    TimeSpan::from_seconds(30)
}

const fn meter_accuracy_default() -> i64 {
    10
}

/// What an operator states about an EVSE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvseConfig {
    /// Unique within the site.
    pub id: EvseId,
    /// The circuit it hangs on.
    pub circuit: CircuitId,
    /// Its name for people. Empty means the id.
    pub name: String,
    /// Which lines its terminals are on.
    pub wiring: Wiring,
    /// The hardware maximum per phase: what it may draw when nothing else is known.
    pub current_max: Amperes,
    /// The pilot minimum per phase; above 0 A, default 6 A (IEC 61851-1).
    #[serde(default = "current_min_default")]
    pub current_min: Amperes,
    /// Limits are multiples of this; above 0 A, default 1 A.
    #[serde(default = "step_default")]
    pub step: Amperes,
    /// The standing TxDefault per phase: what transactions get that start without us. 0 A or at least the minimum,
    /// on the step; default 0 A.
    #[serde(default)]
    pub fallback: Amperes,
    /// What a live limit falls back to when we are silent, per phase. 0 A or at least the minimum, on the step;
    /// default 0 A.
    #[serde(default)]
    pub limit_expired: Amperes,
    /// Priority class of its sessions; the smallest is served first, default 1.
    #[serde(default = "class_default")]
    pub class: u8,
    /// Share of its sessions within their class; 1 to 1 000 000, default 1.
    #[serde(default = "weight_default")]
    pub weight: u32,
    /// Whether an EV on this EVSE charges on after a pause at 0 A; default yes.
    #[serde(default = "yes")]
    pub survives_pause: bool,
    /// Whether the station can be held at 0 A at all. One that hangs there needs `fallback` and `limit_expired` at
    /// its minimum or above; default yes.
    #[serde(default = "yes")]
    pub accepts_zero: bool,
    /// Whether it can start a transaction without our acceptance while online (free, or by its local list);
    /// default no.
    #[serde(default)]
    pub starts_alone: bool,
    /// Whether a drill has shown that the fallback inside a live limit takes over when we are silent (CONTROL
    /// section 3); default no. Without it the EVSE counts at its hardware maximum.
    #[serde(default)]
    pub is_fallback_proven: bool,
    /// Whether its TxDefault is known to survive a boot; default no.
    #[serde(default)]
    pub fallback_survives_boot: bool,
    /// Whether a person looked at its terminals: what meters say against its wiring is no doubt any more; default no.
    #[serde(default)]
    pub is_wiring_checked: bool,
    /// Whether it is in use: not decommissioned, breaker closed; default yes. One out of use draws nothing.
    #[serde(default = "yes")]
    pub is_in_use: bool,
}

const fn current_min_default() -> Amperes {
    Amperes::from_amperes(6)
}

const fn step_default() -> Amperes {
    Amperes::from_amperes(1)
}

const fn class_default() -> u8 {
    1
}

const fn weight_default() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

impl EvseConfig {
    /// An EVSE with every default.
    #[must_use]
    pub fn new(id: EvseId, circuit: CircuitId, wiring: Wiring, current_max: Amperes) -> Self {
        Self {
            id,
            circuit,
            name: String::new(),
            wiring,
            current_max,
            current_min: current_min_default(),
            step: step_default(),
            fallback: Amperes::ZERO,
            limit_expired: Amperes::ZERO,
            class: class_default(),
            weight: weight_default(),
            survives_pause: true,
            accepts_zero: true,
            starts_alone: false,
            is_fallback_proven: false,
            fallback_survives_boot: false,
            is_wiring_checked: false,
            is_in_use: true,
        }
    }
}

/// Which lines of the site the terminals of an EVSE are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Wiring {
    /// TN: one line and neutral. Written `L2`.
    OnePhase(Phase),
    /// TN: terminals L1 and L2, in this order, and neutral. Written `L1L2`.
    TwoPhase([Phase; 2]),
    /// Terminals L1, L2 and L3, in this order. Written `L2L3L1`.
    ThreePhase([Phase; 3]),
    /// IT: one-phase between two lines, loading both. Written `L1-L3`.
    LineToLine([Phase; 2]),
}

impl Wiring {
    /// The lines in the order of the terminals.
    #[must_use]
    pub fn lines(&self) -> &[Phase] {
        match self {
            Self::OnePhase(line) => std::slice::from_ref(line),
            Self::TwoPhase(lines) | Self::LineToLine(lines) => lines,
            Self::ThreePhase(lines) => lines,
        }
    }

    /// How many of the EV's phases it feeds: 1, 2 or 3. Between two lines an EV sees one phase.
    #[must_use]
    pub const fn phases(&self) -> i64 {
        match self {
            Self::OnePhase(_) | Self::LineToLine(_) => 1,
            Self::TwoPhase(_) => 2,
            Self::ThreePhase(_) => 3,
        }
    }

    /// Whether an EVSE of this wiring on `supply` could be wired as `other`.
    pub(crate) fn may_be(&self, other: &Self, supply: Supply) -> bool {
        self.phases() == other.phases() && other.suits(supply) && !other.names_a_line_twice()
    }

    fn names_a_line_twice(&self) -> bool {
        let lines = self.lines();
        lines.iter().enumerate().any(|(place, line)| lines[..place].contains(line))
    }

    const fn suits(&self, supply: Supply) -> bool {
        match (self, supply) {
            (Self::OnePhase(_) | Self::TwoPhase(_), Supply::Tn400) => true,
            (Self::LineToLine(_), Supply::It230) | (Self::ThreePhase(_), _) => true,
            (Self::OnePhase(_) | Self::TwoPhase(_), Supply::It230) | (Self::LineToLine(_), Supply::Tn400) => {
                false
            }
        }
    }
}

impl fmt::Display for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnePhase(line) => write!(f, "{line}"),
            Self::TwoPhase([a, b]) => write!(f, "{a}{b}"),
            Self::ThreePhase([a, b, c]) => write!(f, "{a}{b}{c}"),
            Self::LineToLine([a, b]) => write!(f, "{a}-{b}"),
        }
    }
}

/// Why a text is not a wiring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a wiring such as L2, L1L2, L2L3L1 or, between two lines, L1-L3")]
pub struct ParseWiringError {
    text: String,
}

impl FromStr for Wiring {
    type Err = ParseWiringError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines = |text: &str| {
            let line = |pair: &[u8]| match pair {
                b"L1" => Some(Phase::L1),
                b"L2" => Some(Phase::L2),
                b"L3" => Some(Phase::L3),
                _ => None,
            };
            text.as_bytes().chunks(2).map(line).collect::<Option<Vec<Phase>>>()
        };
        let parsed = match text.split_once('-') {
            Some((from, to)) => match (lines(from).as_deref(), lines(to).as_deref()) {
                (Some(&[a]), Some(&[b])) => Some(Self::LineToLine([a, b])),
                _ => None,
            },
            None => match lines(text).as_deref() {
                Some(&[a]) => Some(Self::OnePhase(a)),
                Some(&[a, b]) => Some(Self::TwoPhase([a, b])),
                Some(&[a, b, c]) => Some(Self::ThreePhase([a, b, c])),
                _ => None,
            },
        };
        parsed.ok_or_else(|| ParseWiringError { text: text.chars().take(64).collect() })
    }
}

impl TryFrom<String> for Wiring {
    type Error = ParseWiringError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Wiring> for String {
    fn from(wiring: Wiring) -> Self {
        wiring.to_string()
    }
}

macro_rules! dense_index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The index of the `place`-th of its kind, from 0.
            ///
            /// # Panics
            ///
            /// Beyond 2^32 places.
            #[must_use]
            pub fn new(place: usize) -> Self {
                let place = u32::try_from(place);
                assert!(place.is_ok(), "more than 2^32 places");
                Self(place.unwrap_or(u32::MAX))
            }

            /// The place, from 0.
            #[must_use]
            pub fn place(self) -> usize {
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
        }
    };
}

dense_index! {
    /// A circuit of a [`Network`]; a parent has a smaller index than its children, the grid connection has 0.
    CircuitIndex
}
dense_index! {
    /// An EVSE of a [`Network`], in the order of its configuration.
    EvseIndex
}
dense_index! {
    /// A row of a [`Network`]: three per circuit, L1 first.
    RowIndex
}

/// How much of an EVSE's current per phase flows in a row, in thousandths; 0 or more, 1 000 is all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coefficient(u32);

impl Coefficient {
    /// All of it.
    pub const ONE: Self = Self(1_000);

    /// From thousandths, 0 to 1 000 000.
    ///
    /// # Panics
    ///
    /// Above 1 000 000.
    #[must_use]
    pub const fn from_thousandths(count: u32) -> Self {
        assert!(count <= 1_000_000, "a coefficient is 0 to 1 000");
        Self(count)
    }

    /// Thousandths, 0 to 1 000 000.
    #[must_use]
    pub fn thousandths(self) -> i64 {
        i64::from(self.0)
    }

    /// What `current` per phase of the EVSE puts on the row, rounded up to 1 mA.
    #[must_use]
    pub fn of_ceil(self, current: Amperes) -> Amperes {
        match self.thousandths() {
            1_000 => current,
            thousandths => current.ratio_ceil(thousandths, 1_000),
        }
    }
}

/// What an EVSE loads: rows with their coefficients, shared and never changed.
pub type Loads = Arc<[(RowIndex, Coefficient)]>;

/// A checked site: a tree of circuits with three rows each, and the EVSEs on them.
#[derive(Debug, Clone)]
pub struct Network {
    id: SiteId,
    name: String,
    zone: Zone,
    supply: Supply,
    voltage_nominal: Volts,
    circuits: Vec<Circuit>,
    rows: Vec<Row>,
    evses: Vec<Evse>,
    circuit_by_id: BTreeMap<CircuitId, CircuitIndex>,
    evse_by_id: BTreeMap<EvseId, EvseIndex>,
    circuit_by_meter: BTreeMap<MeterId, CircuitIndex>,
}

/// A circuit of a checked site.
#[derive(Debug, Clone)]
pub struct Circuit {
    /// Its id.
    pub id: CircuitId,
    /// Its name for people.
    pub name: String,
    /// The circuit that feeds it; none for the grid connection.
    pub parent: Option<CircuitIndex>,
    /// Its meter. Only a circuit with one has a measured base current.
    pub meter: Option<MeterConfig>,
    /// Its rows.
    pub rows: PerPhase<RowIndex>,
}

/// One conductor of one circuit.
#[derive(Debug, Clone)]
pub struct Row {
    /// The circuit.
    pub circuit: CircuitIndex,
    /// The conductor.
    pub phase: Phase,
    /// The row of the feeding circuit on the same conductor.
    pub parent: Option<RowIndex>,
    /// What it may carry; above 0 A.
    pub rating: Amperes,
    /// What is never handed out; 0 A up to below the rating.
    pub reserve: Amperes,
    /// The stated highest current that is not of EVSEs; 0 A or more.
    pub worst_base: Amperes,
    /// What EVSEs may draw together while the meter is stale; 0 A or more.
    pub static_headroom: Amperes,
    /// For people: `main L2`.
    pub name: String,
}

impl Row {
    /// Rating − reserve: what base current and EVSEs may draw together; above 0 A.
    #[must_use]
    pub fn limit(&self) -> Amperes {
        self.rating - self.reserve
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An EVSE of a checked site.
#[derive(Debug, Clone)]
pub struct Evse {
    /// What is stated about it.
    pub config: EvseConfig,
    /// The circuit it hangs on.
    pub circuit: CircuitIndex,
    /// How it seems to be wired, where meters contradict what is stated: it loads the lines of both.
    seems: Option<Wiring>,
    /// What it loads, by the set of terminals in use (bit 0 is L1).
    loads: [Loads; 8],
    /// The lines it loads, likewise.
    lines: [PerPhase<bool>; 8],
}

/// What an EVSE's measured current is on the lines of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteCurrents {
    /// At least this flows, for each line. Positive is import.
    pub at_least: PerPhase<Amperes>,
    /// At most this flows, for each line. Positive is import.
    pub at_most: PerPhase<Amperes>,
}

/// One thing that is wrong with a [`SiteConfig`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{thing}: {field} is {value}; {wanted}")]
pub struct NetworkProblem {
    /// What has it.
    pub thing: Thing,
    /// Which field of it.
    pub field: &'static str,
    /// What its judgement rests on.
    pub rests_on: RestsOn,
    /// What it says, with unit.
    pub value: String,
    /// What would be right, with numbers.
    pub wanted: String,
}

/// What a problem is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// The site.
    Site(SiteId),
    /// A circuit.
    Circuit(CircuitId),
    /// An EVSE.
    Evse(EvseId),
    /// A row, with its name: what many things add up to.
    Row(String),
}

/// What must be known for a problem to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestsOn {
    /// The field, and the names of the site's things.
    Itself,
    /// Other fields of the thing too, or the site's supply; of a row, fields of every thing.
    Others,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(id) => write!(f, "site {id}"),
            Self::Circuit(id) => write!(f, "circuit {id}"),
            Self::Evse(id) => write!(f, "EVSE {id}"),
            Self::Row(name) => write!(f, "row {name}"),
        }
    }
}

impl Network {
    /// The network that `config` describes.
    ///
    /// # Errors
    ///
    /// Every problem there is, in the order of the configuration; S4 is judged once the circuits form a tree.
    pub fn build(config: SiteConfig) -> Result<Self, Vec<NetworkProblem>> {
        let mut problems = Problems::default();
        problems.check_site(&config);
        for circuit in &config.circuits {
            problems.check_circuit(circuit);
        }
        let order = problems.check_tree(&config.circuits);
        for evse in &config.evses {
            problems.check_evse(evse, &config);
        }
        problems.check_names(&config);
        let Some(order) = order else { return Err(problems.found) };
        let network = Self::assemble(config, &order);
        problems.check_bases(&network);
        problems.check_s4(&network);
        if problems.found.is_empty() { Ok(network) } else { Err(problems.found) }
    }

    /// The site.
    #[must_use]
    pub const fn id(&self) -> &SiteId {
        &self.id
    }

    /// The site's name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The site's civil time.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// How the utility supplies the site.
    #[must_use]
    pub const fn supply(&self) -> Supply {
        self.supply
    }

    /// What a one-phase EVSE is fed with: line to neutral on TN, line to line on IT.
    #[must_use]
    pub const fn voltage_nominal(&self) -> Volts {
        self.voltage_nominal
    }

    /// What each ampere of an EVSE's limit stands for in watts, with `phases` (1, 2 or 3) in use: the sum of the
    /// voltages that drive it, rounded down. On IT three phases make √3 times the voltage between lines.
    #[must_use]
    pub const fn voltage_total_floor(&self, phases: i64) -> Volts {
        match (self.supply, phases) {
            (Supply::It230, 3) => self.voltage_nominal.ratio_floor(1_732, 1_000),
            (Supply::It230 | Supply::Tn400, _) => self.voltage_nominal.ratio_floor(phases, 1),
        }
    }

    /// All circuits, a parent before its children.
    #[must_use]
    pub fn circuits(&self) -> &[Circuit] {
        &self.circuits
    }

    /// All rows, three per circuit.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// All EVSEs, in the order of the configuration.
    #[must_use]
    pub fn evses(&self) -> &[Evse] {
        &self.evses
    }

    /// The indices of all rows.
    pub fn row_indices(&self) -> impl Iterator<Item = RowIndex> + use<> {
        (0..self.rows.len()).map(RowIndex::new)
    }

    /// The indices of all circuits.
    pub fn circuit_indices(&self) -> impl Iterator<Item = CircuitIndex> + use<> {
        (0..self.circuits.len()).map(CircuitIndex::new)
    }

    /// The indices of all EVSEs.
    pub fn evse_indices(&self) -> impl Iterator<Item = EvseIndex> + use<> {
        (0..self.evses.len()).map(EvseIndex::new)
    }

    /// The circuit at `index` of this network.
    #[must_use]
    pub fn circuit(&self, index: CircuitIndex) -> &Circuit {
        &self.circuits[index.place()]
    }

    /// The row at `index` of this network.
    #[must_use]
    pub fn row(&self, index: RowIndex) -> &Row {
        &self.rows[index.place()]
    }

    /// The EVSE at `index` of this network.
    #[must_use]
    pub fn evse(&self, index: EvseIndex) -> &Evse {
        &self.evses[index.place()]
    }

    /// The circuit called `id`.
    #[must_use]
    pub fn circuit_by_id(&self, id: &CircuitId) -> Option<CircuitIndex> {
        self.circuit_by_id.get(id).copied()
    }

    /// The EVSE called `id`.
    #[must_use]
    pub fn evse_by_id(&self, id: &EvseId) -> Option<EvseIndex> {
        self.evse_by_id.get(id).copied()
    }

    /// The circuit that meter `id` measures.
    #[must_use]
    pub fn circuit_by_meter(&self, id: &MeterId) -> Option<CircuitIndex> {
        self.circuit_by_meter.get(id).copied()
    }

    /// The rows that EVSE `evse` loads with `terminals_in_use`, on its own circuit and on all that feed it.
    ///
    /// A set that names none of its wired terminals counts as all of them: what draws nothing has proven nothing.
    /// One-phase wirings have a single set. On IT a three-phase EVSE with two terminals in use loads those two
    /// lines; with one, the way back is unknown and all three count.
    #[must_use]
    pub fn loads(&self, evse: EvseIndex, terminals_in_use: PerPhase<bool>) -> &Loads {
        &self.evse(evse).loads[terminal_set(terminals_in_use)]
    }

    /// The rows that EVSE `evse` loads with all its terminals in use.
    #[must_use]
    pub fn loads_at_worst(&self, evse: EvseIndex) -> &Loads {
        self.loads(evse, PerPhase::splat(true))
    }

    /// The lines that EVSE `evse` loads with `terminals_in_use` (see [`Network::loads`]).
    #[must_use]
    pub fn lines_loaded(&self, evse: EvseIndex, terminals_in_use: PerPhase<bool>) -> PerPhase<bool> {
        self.evse(evse).lines[terminal_set(terminals_in_use)]
    }

    /// What currents `measured` at the terminals of EVSE `evse` are on the lines of the site.
    ///
    /// Current reported on a terminal without a wire counts on every wire, since it must flow somewhere. Where the
    /// way back is unknown (IT, three-phase wiring, one terminal) the other lines carry between nothing and all.
    ///
    /// Where its wiring is doubted, a line carries at least and at most what either wiring has it carry.
    #[must_use]
    pub fn site_currents(&self, evse: EvseIndex, measured: PerPhase<Amperes>) -> SiteCurrents {
        let evse = self.evse(evse);
        let stated = self.currents_as(evse.config.wiring, measured);
        let Some(seems) = evse.seems else { return stated };
        let seems = self.currents_as(seems, measured);
        SiteCurrents {
            at_least: stated.at_least.zip_with(seems.at_least, Ord::min),
            at_most: stated.at_most.zip_with(seems.at_most, Ord::max),
        }
    }

    /// What stands against what is stated of `evse`'s wiring: from now on it loads what it is stated to load, and what it
    /// seems to load.
    pub(crate) fn doubt_wiring(&mut self, evse: EvseIndex, seems: Wiring) {
        let Evse { config, circuit, .. } = self.evse(evse);
        let (stated, circuit) = (self.lines_by_terminals(config.wiring), *circuit);
        let seeming = self.lines_by_terminals(seems);
        let both = |set: usize| stated[set].zip_with(seeming[set], |stated, seeming| stated || seeming);
        let lines = std::array::from_fn(both);
        let loads = self.loads_of(circuit, lines);
        let evse = &mut self.evses[evse.place()];
        (evse.seems, evse.lines, evse.loads) = (Some(seems), lines, loads);
    }

    fn currents_as(&self, wiring: Wiring, measured: PerPhase<Amperes>) -> SiteCurrents {
        let mut lines = PerPhase::splat(Amperes::ZERO);
        match wiring {
            Wiring::OnePhase(line) => lines[line] = measured.l1 + measured.l2 + measured.l3,
            Wiring::TwoPhase([first, second]) => {
                lines[first] = measured.l1 + measured.l3;
                lines[second] = measured.l2 + measured.l3;
            }
            Wiring::ThreePhase([first, second, third]) => {
                lines[first] = measured.l1;
                lines[second] = measured.l2;
                lines[third] = measured.l3;
                let drawing = measured.iter().filter(|(_, current)| **current != Amperes::ZERO).count();
                if self.supply == Supply::It230 && drawing == 1 {
                    let everywhere = PerPhase::splat(farthest_from_zero(measured));
                    return SiteCurrents {
                        at_least: lines.zip_with(everywhere, Ord::min),
                        at_most: lines.zip_with(everywhere, Ord::max),
                    };
                }
            }
            Wiring::LineToLine([first, second]) => {
                let current = farthest_from_zero(measured);
                lines[first] = current;
                lines[second] = current;
            }
        }
        SiteCurrents { at_least: lines, at_most: lines }
    }

    fn assemble(config: SiteConfig, order: &[usize]) -> Self {
        let mut network = Self {
            id: config.id,
            name: config.name,
            zone: config.zone,
            supply: config.supply,
            voltage_nominal: config.voltage_nominal,
            circuits: Vec::with_capacity(order.len()),
            rows: Vec::with_capacity(order.len() * 3),
            evses: Vec::with_capacity(config.evses.len()),
            circuit_by_id: BTreeMap::new(),
            evse_by_id: BTreeMap::new(),
            circuit_by_meter: BTreeMap::new(),
        };
        for &place in order {
            network.add_circuit(&config.circuits[place]);
        }
        for evse in config.evses {
            network.add_evse(evse);
        }
        network
    }

    fn add_circuit(&mut self, config: &CircuitConfig) {
        let index = CircuitIndex::new(self.circuits.len());
        let parent = config.parent.as_ref().and_then(|id| self.circuit_by_id(id));
        let name = if config.name.is_empty() { config.id.to_string() } else { config.name.clone() };
        let first_row = self.rows.len();
        for phase in Phase::ALL {
            let rating = config.rating[phase];
            let reserve = config.reserve.unwrap_or_else(|| reserve_default(rating, config.meter.as_ref()));
            let worst_base = config.worst_base[phase];
            self.rows.push(Row {
                circuit: index,
                phase,
                parent: parent.map(|parent| self.circuit(parent).rows[phase]),
                rating,
                reserve,
                worst_base,
                static_headroom: config.static_headroom.map_or_else(
                    || (rating - reserve - worst_base).max(Amperes::ZERO),
                    |stated| stated[phase],
                ),
                name: format!("{name} {phase}"),
            });
        }
        self.circuits.push(Circuit {
            id: config.id.clone(),
            name,
            parent,
            meter: config.meter.clone(),
            rows: PerPhase::from_fn(|phase| RowIndex::new(first_row + phase.index())),
        });
        self.circuit_by_id.insert(config.id.clone(), index);
        if let Some(meter) = &config.meter {
            self.circuit_by_meter.insert(meter.id.clone(), index);
        }
    }

    /// Leaves out an EVSE whose circuit is unknown: a problem is on record, and S4 is still judged for the others.
    fn add_evse(&mut self, config: EvseConfig) {
        let Some(circuit) = self.circuit_by_id(&config.circuit) else { return };
        let lines = self.lines_by_terminals(config.wiring);
        let loads = self.loads_of(circuit, lines);
        let index = EvseIndex::new(self.evses.len());
        self.evse_by_id.insert(config.id.clone(), index);
        self.evses.push(Evse { config, circuit, seems: None, loads, lines });
    }

    /// The lines that a wiring loads, by the set of terminals in use.
    fn lines_by_terminals(&self, wiring: Wiring) -> [PerPhase<bool>; 8] {
        std::array::from_fn(|set| {
            let terminals = PerPhase::from_fn(|terminal| set >> terminal.index() & 1 == 1);
            lines_loaded(wiring, self.supply, terminals)
        })
    }

    fn loads_of(&self, circuit: CircuitIndex, lines: [PerPhase<bool>; 8]) -> [Loads; 8] {
        lines.map(|lines| {
            self.rows_from(circuit)
                .filter(|row| lines[self.row(*row).phase])
                .map(|row| (row, Coefficient::ONE))
                .collect()
        })
    }

    /// The rows of `circuit` and of all circuits that feed it, from the nearest to the grid connection.
    fn rows_from(&self, circuit: CircuitIndex) -> impl Iterator<Item = RowIndex> {
        std::iter::successors(Some(circuit), |circuit| self.circuit(*circuit).parent)
            .flat_map(|circuit| Phase::ALL.map(|phase| self.circuit(circuit).rows[phase]))
    }
}

/// CONTROL section 1: max(2 A, 3 % of the rating) plus the meter's accuracy class in % of the rating, rounded up.
fn reserve_default(rating: Amperes, meter: Option<&MeterConfig>) -> Amperes {
    let accuracy = meter.map_or(0, |meter| meter.accuracy_permille);
    Amperes::from_amperes(2).max(rating.ratio_ceil(30, 1_000)) + rating.ratio_ceil(accuracy, 1_000)
}

fn terminal_set(terminals_in_use: PerPhase<bool>) -> usize {
    terminals_in_use.iter().map(|(terminal, in_use)| usize::from(*in_use) << terminal.index()).sum()
}

fn lines_loaded(wiring: Wiring, supply: Supply, terminals_in_use: PerPhase<bool>) -> PerPhase<bool> {
    let wired = wiring.lines();
    let used: Vec<Phase> = match wiring {
        Wiring::OnePhase(_) | Wiring::LineToLine(_) => wired.to_vec(),
        Wiring::TwoPhase(_) | Wiring::ThreePhase(_) => wired
            .iter()
            .zip(Phase::ALL)
            .filter(|(_, terminal)| terminals_in_use[*terminal])
            .map(|(line, _)| *line)
            .collect(),
    };
    let is_way_back_unknown = supply == Supply::It230 && used.len() == 1;
    let loaded = if used.is_empty() || is_way_back_unknown { wired } else { &used };
    PerPhase::from_fn(|phase| loaded.contains(&phase))
}

fn farthest_from_zero(currents: PerPhase<Amperes>) -> Amperes {
    let PerPhase { l1, l2, l3 } = currents;
    [l1, l2, l3].into_iter().max_by_key(|current| current.magnitude()).unwrap_or(Amperes::ZERO)
}

/// The problems found so far; one method per kind of thing.
#[derive(Default)]
struct Problems {
    found: Vec<NetworkProblem>,
}

impl Problems {
    /// A problem that rests on more than the field.
    fn note(
        &mut self,
        thing: &Thing,
        field: &'static str,
        value: impl fmt::Display,
        wanted: impl fmt::Display,
    ) {
        self.push(thing, field, RestsOn::Others, value, wanted);
    }

    /// A problem that the field and the things' names show by themselves.
    fn note_alone(
        &mut self,
        thing: &Thing,
        field: &'static str,
        value: impl fmt::Display,
        wanted: impl fmt::Display,
    ) {
        self.push(thing, field, RestsOn::Itself, value, wanted);
    }

    fn push(
        &mut self,
        thing: &Thing,
        field: &'static str,
        rests_on: RestsOn,
        value: impl fmt::Display,
        wanted: impl fmt::Display,
    ) {
        let (value, wanted) = (value.to_string(), wanted.to_string());
        self.found.push(NetworkProblem { thing: thing.clone(), field, rests_on, value, wanted });
    }

    fn check_site(&mut self, site: &SiteConfig) {
        let range = Volts::from_volts(100)..=Volts::from_volts(500);
        if !range.contains(&site.voltage_nominal) {
            self.note_alone(
                &Thing::Site(site.id.clone()),
                "voltage_nominal",
                site.voltage_nominal,
                "it must be from 100 V to 500 V, normally 230 V",
            );
        }
        if site.circuits.is_empty() {
            self.note_alone(
                &Thing::Site(site.id.clone()),
                "circuits",
                "empty",
                "a grid connection is needed",
            );
        }
    }

    fn check_circuit(&mut self, circuit: &CircuitConfig) {
        let thing = Thing::Circuit(circuit.id.clone());
        let plausible = Amperes::ZERO..=CURRENT_PLAUSIBLE_MAX;
        for (phase, &rating) in circuit.rating.iter() {
            if rating <= Amperes::ZERO || rating > CURRENT_PLAUSIBLE_MAX {
                let wanted = format!("it must be above 0 A and at most {CURRENT_PLAUSIBLE_MAX}");
                self.note(&thing, "rating", format_args!("{rating} on {phase}"), wanted);
            }
        }
        if let Some(reserve) = circuit.reserve
            && (reserve < Amperes::ZERO || reserve >= circuit.rating.lowest())
        {
            let wanted = format!("it must be from 0 A to below the rating of {}", circuit.rating.lowest());
            self.note(&thing, "reserve", reserve, wanted);
        }
        for (phase, &base) in circuit.worst_base.iter() {
            if !plausible.contains(&base) {
                let wanted = format!("it must be from 0 A to {CURRENT_PLAUSIBLE_MAX}");
                self.note(&thing, "worst_base", format_args!("{base} on {phase}"), wanted);
            }
        }
        if let Some(meter) = &circuit.meter {
            if meter.timeout <= TimeSpan::ZERO {
                self.note(&thing, "meter timeout", meter.timeout, "it must be above 0 s, normally 30 s");
            }
            if !(0..=100).contains(&meter.accuracy_permille) {
                let wanted = "it must be from 0 ‰ to 100 ‰ of the rating (class 1 is 10 ‰)";
                self.note(&thing, "meter accuracy", format_args!("{} ‰", meter.accuracy_permille), wanted);
            }
        }
        for (phase, &rating) in circuit.rating.iter() {
            let Some(stated) = circuit.static_headroom.map(|stated| stated[phase]) else { continue };
            let reserve = circuit.reserve.unwrap_or_else(|| reserve_default(rating, circuit.meter.as_ref()));
            let left = rating - reserve - circuit.worst_base[phase];
            if stated < Amperes::ZERO || stated > left {
                let base = circuit.worst_base[phase];
                let wanted = format!(
                    "it must be from 0 A to {left} (rating {rating} − reserve {reserve} − worst base {base})"
                );
                self.note(&thing, "static_headroom", format_args!("{stated} on {phase}"), wanted);
            }
        }
    }

    /// The places of the circuits, each after its parent; none where they do not form one tree.
    fn check_tree(&mut self, circuits: &[CircuitConfig]) -> Option<Vec<usize>> {
        let before = self.found.len();
        let mut place_by_id = BTreeMap::new();
        for (place, circuit) in circuits.iter().enumerate() {
            if place_by_id.insert(&circuit.id, place).is_some() {
                self.note_alone(&Thing::Circuit(circuit.id.clone()), "id", "used twice", "it must be unique");
            }
        }
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (place, circuit) in circuits.iter().enumerate() {
            let parent = circuit.parent.as_ref().map(|id| place_by_id.get(id).copied().ok_or(id));
            match parent.transpose() {
                Ok(parent) => children.entry(parent).or_default().push(place),
                Err(id) => {
                    let thing = Thing::Circuit(circuit.id.clone());
                    self.note_alone(
                        &thing,
                        "parent",
                        format_args!("`{id}`"),
                        "it must be a circuit of this site",
                    );
                }
            }
        }
        let roots = children.get(&None).cloned().unwrap_or_default();
        if roots.len() > 1 {
            let names: Vec<&str> = roots.iter().map(|&place| circuits[place].id.as_str()).collect();
            let wanted = format!("only the grid connection has none; also without: {}", names.join(", "));
            for &place in &roots[1..] {
                let thing = Thing::Circuit(circuits[place].id.clone());
                self.note_alone(&thing, "parent", "not given", &wanted);
            }
        }
        let mut order = roots;
        let mut next = 0;
        while let Some(&place) = order.get(next) {
            order.extend(children.get(&Some(place)).into_iter().flatten());
            next += 1;
        }
        let reached: BTreeSet<usize> = order.iter().copied().collect();
        self.check_cycles(circuits, &place_by_id, &reached);
        (self.found.len() == before && !circuits.is_empty()).then_some(order)
    }

    /// Names each circuit that feeds itself, once per circle.
    fn check_cycles(
        &mut self,
        circuits: &[CircuitConfig],
        place_by_id: &BTreeMap<&CircuitId, usize>,
        reached: &BTreeSet<usize>,
    ) {
        let mut seen = reached.clone();
        for start in 0..circuits.len() {
            let mut path = Vec::new();
            let mut place = Some(start);
            while let Some(here) = place.filter(|here| seen.insert(*here)) {
                path.push(here);
                place = circuits[here].parent.as_ref().and_then(|id| place_by_id.get(id).copied());
            }
            let Some(circle) = place.and_then(|back| path.iter().position(|here| *here == back)) else {
                continue;
            };
            let mut names: Vec<&str> =
                path[circle..].iter().map(|&place| circuits[place].id.as_str()).collect();
            names.push(names[0]);
            self.note_alone(
                &Thing::Circuit(circuits[path[circle]].id.clone()),
                "parent",
                format_args!("a circle: {}", names.join(" under ")),
                "every circuit must lead to the grid connection",
            );
        }
    }

    fn check_evse(&mut self, evse: &EvseConfig, site: &SiteConfig) {
        let thing = Thing::Evse(evse.id.clone());
        if !site.circuits.iter().any(|circuit| circuit.id == evse.circuit) {
            let value = format!("`{}`", evse.circuit);
            self.note_alone(&thing, "circuit", value, "it must be a circuit of this site");
        }
        if evse.wiring.names_a_line_twice() {
            self.note_alone(&thing, "wiring", evse.wiring, "each line may be named once");
        }
        if !evse.wiring.suits(site.supply) {
            let wanted = match site.supply {
                Supply::Tn400 => "on TN 400 V it must be such as L2, L1L2 or L2L3L1",
                Supply::It230 => "on IT 230 V it must be such as L1-L3 or L1L2L3",
            };
            self.note(&thing, "wiring", evse.wiring, wanted);
        }
        if !(1..=1_000_000).contains(&evse.weight) {
            self.note(&thing, "weight", evse.weight, "it must be from 1 to 1000000");
        }
        if evse.step <= Amperes::ZERO || evse.step > evse.current_max.max(Amperes::from_milliamperes(1)) {
            let wanted = "it must be above 0 A and at most the maximum, normally 1 A or 0.1 A";
            self.note(&thing, "step", evse.step, wanted);
            return;
        }
        if evse.current_max <= Amperes::ZERO || evse.current_max > CURRENT_PLAUSIBLE_MAX {
            let wanted = format!("it must be above 0 A and at most {CURRENT_PLAUSIBLE_MAX}");
            self.note(&thing, "current_max", evse.current_max, wanted);
            return;
        }
        if evse.current_min <= Amperes::ZERO || evse.current_min > evse.current_max {
            let wanted = format!("it must be above 0 A and at most the maximum of {}", evse.current_max);
            self.note(&thing, "current_min", evse.current_min, wanted);
            return;
        }
        let lowest = evse.current_min.ceil_to(evse.step);
        let highest = evse.current_max.floor_to(evse.step);
        if lowest > highest {
            let wanted = format!(
                "a multiple must lie between the minimum of {} and the maximum of {}",
                evse.current_min, evse.current_max
            );
            self.note(&thing, "step", evse.step, wanted);
            return;
        }
        for (field, limit) in [("fallback", evse.fallback), ("limit_expired", evse.limit_expired)] {
            let is_on_step = limit == limit.floor_to(evse.step) && (lowest..=highest).contains(&limit);
            if is_on_step || (limit == Amperes::ZERO && evse.accepts_zero) {
                continue;
            }
            let zero = if evse.accepts_zero { "0 A or " } else { "" };
            let wanted = format!("it must be {zero}from {lowest} to {highest} in steps of {}", evse.step);
            self.note(&thing, field, limit, wanted);
        }
    }

    /// EVSEs and meters are each named once.
    fn check_names(&mut self, site: &SiteConfig) {
        let mut evses = BTreeSet::new();
        for evse in &site.evses {
            if !evses.insert(&evse.id) {
                self.note_alone(&Thing::Evse(evse.id.clone()), "id", "used twice", "it must be unique");
            }
        }
        let mut meters = BTreeMap::new();
        for circuit in &site.circuits {
            let Some(meter) = &circuit.meter else { continue };
            if let Some(other) = meters.insert(&meter.id, &circuit.id) {
                let thing = Thing::Circuit(circuit.id.clone());
                let wanted = format!("that meter measures circuit {other}");
                self.note_alone(&thing, "meter", format_args!("`{}`", meter.id), wanted);
            }
        }
    }

    /// What a circuit's worst base is, the circuits that feed it carry as well.
    fn check_bases(&mut self, network: &Network) {
        for row in network.rows() {
            let Some(parent) = row.parent.map(|parent| network.row(parent)) else { continue };
            if row.worst_base > parent.worst_base {
                let wanted = format!("it must be at most that of {parent}, {}", parent.worst_base);
                self.note(&Thing::Row(row.to_string()), "worst_base", row.worst_base, wanted);
            }
        }
    }

    /// S4: Σ `limit_expired` of active sessions + Σ TxDefault of idle EVSEs + stated worst base ≤ rating − reserve
    /// on every row. Any mix of active and idle may come, so each EVSE counts the higher of the two.
    fn check_s4(&mut self, network: &Network) {
        let mut drawn = vec![Amperes::ZERO; network.rows().len()];
        for (index, evse) in network.evse_indices().zip(network.evses()) {
            let silent = evse.config.fallback.max(evse.config.limit_expired);
            let is_plausible = (Amperes::ZERO..=CURRENT_PLAUSIBLE_MAX).contains(&silent);
            if !evse.config.is_in_use || !is_plausible {
                continue;
            }
            for &(row, coefficient) in network.loads_at_worst(index).iter() {
                drawn[row.place()] += coefficient.of_ceil(silent);
            }
        }
        for (row, silent) in network.rows().iter().zip(drawn) {
            let worst = silent + row.worst_base;
            // A rating that is no rating is on record.
            if worst > row.limit() && row.rating > Amperes::ZERO {
                self.note(
                    &Thing::Row(row.to_string()),
                    "fallback (S4)",
                    format_args!("{silent} of silent EVSEs + {} worst base = {worst}", row.worst_base),
                    format_args!(
                        "it must be at most {} (rating {} − reserve {})",
                        row.limit(),
                        row.rating,
                        row.reserve
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
