//! The truth of the plant: currents per circuit and phase at every instant, kept by changes.
//!
//! Sets: circuits c with parent p(c); EVSEs e at circuit c(e), base loads at circuits. Total of c is its own base and
//! EVSEs plus the totals of its children. Every change of one current is added along the path to the grid connection, so
//! totals are exact and cost the depth of the tree. [`Truth::recount`] sums anew, for the checker of conservation.

use charging::network::{SiteConfig, Wiring};
use plant::fuse::{Characteristic, Fuse};
use units::{Amperes, CircuitId, EvseId, PerPhase, Phase, TimeSpan, Timestamp, Volts};

/// What flows.
#[derive(Debug, Clone)]
pub struct Truth {
    circuits: Vec<TruthCircuit>,
    evses: Vec<TruthEvse>,
    voltage: Volts,
}

/// A circuit as it truly is.
#[derive(Debug, Clone)]
pub struct TruthCircuit {
    /// Its id.
    pub id: CircuitId,
    /// Its name for people.
    pub name: String,
    /// The circuit above; parents come first.
    pub parent: Option<usize>,
    /// What it may carry.
    pub rating: PerPhase<Amperes>,
    /// Base load taken right here.
    base_own: PerPhase<Amperes>,
    /// Base load here and below.
    base: PerPhase<Amperes>,
    /// Base load and EVSEs here and below.
    total: PerPhase<Amperes>,
    fuse: PerPhase<Fuse>,
}

/// An EVSE as it truly is.
#[derive(Debug, Clone)]
pub struct TruthEvse {
    /// Its id.
    pub id: EvseId,
    /// The circuit it hangs on.
    pub circuit: usize,
    /// How it is wired.
    pub wiring: Wiring,
    terminals: PerPhase<Amperes>,
    site: PerPhase<Amperes>,
    since: Timestamp,
    /// ∫ Σ terminals dt, in mA·ms.
    milliampere_ms: i128,
}

impl Truth {
    /// A site in which nothing flows yet.
    #[must_use]
    pub fn new(config: &SiteConfig, now: Timestamp) -> Self {
        let mut circuits: Vec<TruthCircuit> = Vec::new();
        let mut waiting: Vec<&charging::network::CircuitConfig> = config.circuits.iter().collect();
        // Parents first; a checked configuration is a tree, so each round places at least one.
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|circuit| {
                let parent = match &circuit.parent {
                    None => None,
                    Some(id) => match circuits.iter().position(|placed| placed.id == *id) {
                        None => return true,
                        found => found,
                    },
                };
                let name =
                    if circuit.name.is_empty() { circuit.id.to_string() } else { circuit.name.clone() };
                circuits.push(TruthCircuit {
                    id: circuit.id.clone(),
                    name,
                    parent,
                    rating: circuit.rating,
                    base_own: PerPhase::default(),
                    base: PerPhase::default(),
                    total: PerPhase::default(),
                    fuse: circuit.rating.map(|rated| Fuse::new(Characteristic::Gg, rated, now)),
                });
                false
            });
            assert!(waiting.len() < before, "the circuits of site {} are no tree", config.id);
        }
        let evses = config
            .evses
            .iter()
            .map(|evse| {
                let circuit = circuits.iter().position(|circuit| circuit.id == evse.circuit);
                assert!(circuit.is_some(), "EVSE {} hangs on no circuit", evse.id);
                TruthEvse {
                    id: evse.id.clone(),
                    circuit: circuit.unwrap_or(0),
                    wiring: evse.wiring,
                    terminals: PerPhase::default(),
                    site: PerPhase::default(),
                    since: now,
                    milliampere_ms: 0,
                }
            })
            .collect();
        Self { circuits, evses, voltage: config.voltage_nominal }
    }

    /// The current at the terminals of an EVSE is this from `now` on. Tells how it differs on the site's lines.
    pub fn set_evse(
        &mut self,
        now: Timestamp,
        index: usize,
        terminals: PerPhase<Amperes>,
    ) -> Option<PerPhase<Amperes>> {
        let evse = &mut self.evses[index];
        if evse.terminals == terminals {
            return None;
        }
        evse.accrue(now);
        evse.terminals = terminals;
        let site = on_lines(evse.wiring, terminals);
        let change = site - evse.site;
        evse.site = site;
        let mut at = Some(evse.circuit);
        while let Some(place) = at {
            let circuit = &mut self.circuits[place];
            circuit.total += change;
            circuit.heat(now);
            at = circuit.parent;
        }
        Some(change)
    }

    /// The base load taken at a circuit is this from `now` on. Tells how it differs.
    pub fn set_base(
        &mut self,
        now: Timestamp,
        index: usize,
        current: PerPhase<Amperes>,
    ) -> Option<PerPhase<Amperes>> {
        let change = current - self.circuits[index].base_own;
        if change == PerPhase::default() {
            return None;
        }
        self.circuits[index].base_own = current;
        let mut at = Some(index);
        while let Some(place) = at {
            let circuit = &mut self.circuits[place];
            circuit.base += change;
            circuit.total += change;
            circuit.heat(now);
            at = circuit.parent;
        }
        Some(change)
    }

    /// The circuits, parents before children.
    #[must_use]
    pub fn circuits(&self) -> &[TruthCircuit] {
        &self.circuits
    }

    /// A circuit may carry this from now on. Its fuse stays as it is.
    pub fn set_rating(&mut self, index: usize, rating: PerPhase<Amperes>) {
        self.circuits[index].rating = rating;
    }

    /// The circuits, to let their fuses' clocks run.
    pub fn circuits_mut(&mut self) -> &mut [TruthCircuit] {
        &mut self.circuits
    }

    /// The EVSEs, in the order of the configuration.
    #[must_use]
    pub fn evses(&self) -> &[TruthEvse] {
        &self.evses
    }

    /// The place of a circuit.
    #[must_use]
    pub fn circuit_index(&self, id: &CircuitId) -> Option<usize> {
        self.circuits.iter().position(|circuit| circuit.id == *id)
    }

    /// The circuits from an EVSE's own up to the grid connection.
    pub fn path(&self, circuit: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(circuit), |&place| self.circuits[place].parent)
    }

    /// Energy that the currents of an EVSE carried until `now`, in mWh, rounded down: ∫ Σ terminals · V dt.
    #[must_use]
    pub fn energy_mwh(&self, index: usize, now: Timestamp) -> i64 {
        let evse = &self.evses[index];
        let flowing = evse.sum_ma() * i128::from(now.since(evse.since).milliseconds());
        let nanojoules = (evse.milliampere_ms + flowing) * i128::from(self.voltage.millivolts());
        i64::try_from(nanojoules / 3_600_000_000).unwrap_or(i64::MAX)
    }

    /// The totals summed anew from EVSEs and base loads alone, in the order of circuits.
    #[must_use]
    pub fn recount(&self) -> Vec<PerPhase<Amperes>> {
        let mut sums: Vec<PerPhase<Amperes>> = self.circuits.iter().map(|circuit| circuit.base_own).collect();
        for evse in &self.evses {
            sums[evse.circuit] += on_lines(evse.wiring, evse.terminals);
        }
        for place in (0..self.circuits.len()).rev() {
            if let Some(parent) = self.circuits[place].parent {
                let own = sums[place];
                sums[parent] += own;
            }
        }
        sums
    }
}

impl TruthCircuit {
    /// Base load and EVSEs, here and below.
    #[must_use]
    pub const fn total(&self) -> PerPhase<Amperes> {
        self.total
    }

    /// Base load here and below.
    #[must_use]
    pub const fn base(&self) -> PerPhase<Amperes> {
        self.base
    }

    /// When the fuse of a phase tripped, if it did by `now`.
    pub fn tripped_at(&mut self, phase: Phase, now: Timestamp) -> Option<Timestamp> {
        self.fuse[phase].advance(now);
        self.fuse[phase].tripped_at()
    }

    fn heat(&mut self, now: Timestamp) {
        for phase in Phase::ALL {
            self.fuse[phase].flow(now, self.total[phase]);
        }
    }
}

impl TruthEvse {
    /// At the terminals.
    #[must_use]
    pub const fn terminals(&self) -> PerPhase<Amperes> {
        self.terminals
    }

    /// On the site's lines.
    #[must_use]
    pub const fn site(&self) -> PerPhase<Amperes> {
        self.site
    }

    fn sum_ma(&self) -> i128 {
        let PerPhase { l1, l2, l3 } = self.terminals;
        i128::from((l1 + l2 + l3).milliamperes())
    }

    fn accrue(&mut self, now: Timestamp) {
        self.milliampere_ms += self.sum_ma() * i128::from(now.since(self.since).milliseconds());
        self.since = now;
    }
}

/// What `current` on each of the first `phases` terminals is on the site's lines.
#[must_use]
pub fn at_limit(wiring: Wiring, current: Amperes, phases: u8) -> PerPhase<Amperes> {
    let terminal = |place: u8| if place < phases { current } else { Amperes::ZERO };
    on_lines(wiring, PerPhase::new(terminal(0), terminal(1), terminal(2)))
}

/// Currents at terminals as they load the site's lines. Between two lines, both carry the one current.
#[must_use]
pub fn on_lines(wiring: Wiring, terminals: PerPhase<Amperes>) -> PerPhase<Amperes> {
    let mut lines = PerPhase::default();
    match wiring {
        Wiring::OnePhase(line) => lines[line] = terminals.l1,
        Wiring::TwoPhase([a, b]) => {
            lines[a] = terminals.l1;
            lines[b] = terminals.l2;
        }
        Wiring::ThreePhase([a, b, c]) => {
            lines[a] = terminals.l1;
            lines[b] = terminals.l2;
            lines[c] = terminals.l3;
        }
        Wiring::LineToLine([a, b]) => {
            lines[a] = terminals.l1;
            lines[b] = terminals.l1;
        }
    }
    lines
}

/// Means and highest values of currents per step of time.
#[derive(Debug, Clone)]
pub struct Series {
    starts_at: Timestamp,
    step: TimeSpan,
    since: Timestamp,
    current: Amperes,
    /// ∫ current dt of the running step, mA·ms.
    integral: i64,
    highest: Amperes,
    means: Vec<Amperes>,
    peaks: Vec<Amperes>,
}

impl Series {
    /// An empty series of steps of `step` from `starts_at`.
    #[must_use]
    pub const fn new(starts_at: Timestamp, step: TimeSpan) -> Self {
        Self {
            starts_at,
            step,
            since: starts_at,
            current: Amperes::ZERO,
            integral: 0,
            highest: Amperes::ZERO,
            means: Vec::new(),
            peaks: Vec::new(),
        }
    }

    /// The current is this from `now` on.
    pub fn set(&mut self, now: Timestamp, current: Amperes) {
        self.advance(now);
        self.current = current;
        self.highest = self.highest.max(current);
    }

    /// Closes the series at `end`: means and highest values, one per step.
    #[must_use]
    pub fn finish(mut self, end: Timestamp) -> (Vec<Amperes>, Vec<Amperes>) {
        self.advance(end);
        if self.since > self.step_start() {
            self.close_step(self.since.since(self.step_start()));
        }
        (self.means, self.peaks)
    }

    fn step_start(&self) -> Timestamp {
        let done = i64::try_from(self.means.len()).unwrap_or(i64::MAX);
        self.starts_at + self.step * done
    }

    fn advance(&mut self, now: Timestamp) {
        while now > self.since {
            let step_end = self.step_start() + self.step;
            let until = now.min(step_end);
            self.integral += self.current.milliamperes() * until.since(self.since).milliseconds();
            self.since = until;
            if until == step_end {
                self.close_step(self.step);
            }
        }
    }

    fn close_step(&mut self, length: TimeSpan) {
        let mean = self.integral / length.milliseconds().max(1);
        self.means.push(Amperes::from_milliamperes(mean));
        self.peaks.push(self.highest);
        self.integral = 0;
        self.highest = self.current;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_seconds(count)
    }

    #[test]
    fn a_series_keeps_means_and_highest_values_per_step() {
        let mut series = Series::new(second(0), TimeSpan::from_seconds(10));
        series.set(second(5), Amperes::from_amperes(8));
        series.set(second(6), Amperes::from_amperes(2));
        series.set(second(25), Amperes::ZERO);
        let (means, peaks) = series.finish(second(28));
        let milli = |values: Vec<Amperes>| values.into_iter().map(Amperes::milliamperes).collect::<Vec<_>>();
        assert_eq!(milli(means), [1_600, 2_000, 1_250]);
        assert_eq!(milli(peaks), [8_000, 2_000, 2_000]);
    }

    #[test]
    fn wiring_decides_which_lines_a_current_loads() {
        let amperes = Amperes::from_amperes;
        let terminals = PerPhase::new(amperes(10), amperes(8), Amperes::ZERO);
        for (wiring, expected) in [
            ("L1L2L3", [10, 8, 0]),
            ("L2L3L1", [0, 10, 8]),
            ("L3L1L2", [8, 0, 10]),
            ("L2", [0, 10, 0]),
            ("L3L1", [8, 0, 10]),
            ("L1-L3", [10, 0, 10]),
        ] {
            let lines = on_lines(wiring.parse().unwrap(), terminals);
            assert_eq!([lines.l1, lines.l2, lines.l3], expected.map(amperes), "{wiring}");
        }
    }
}
