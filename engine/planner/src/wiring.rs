//! How EVSEs are wired, by regression of what a meter shows on the EVSEs' own steps.
//!
//! # The mathematics
//!
//! For each pair `k` of samples that follow each other, and each line `p` of the meter's circuit:
//!
//! ```text
//! sets        j   a terminal of an EVSE that stepped
//! data        Δ_kp  what the meter moved by, A          X_kj  what the draw at terminal j moved by, A
//! stated      S_jp  1 where terminal j is stated to be on line p, else 0
//! unknown     W_jp  how much of terminal j's current flows on line p
//!
//! least squares, drawn towards what is stated:   min Σ_k (Δ_kp − Σ_j X_kj W_jp)² + λ Σ_j (W_jp − S_jp)²
//!             W_p = S_p + V_p,   V_p = (XᵀX + λ I)⁻¹ Xᵀ (Δ_p − X S_p)
//!             s_p² the mean square of what the fit leaves, at least (0.5 A)²
//! ```
//!
//! The base load's own steps are errors without a distribution. Those pairs that the fit leaves most of all are left out,
//! and the fit is made once more.
//!
//! Of one EVSE's terminals the samples alone, whatever the others are on, then say, with `C` its block of the inverse:
//!
//! ```text
//! J = C⁻¹ − λ I,   B = C⁻¹ W − λ S = C⁻¹ V + J S
//! cost of a wiring A (a matrix of 0 and 1):   Q(A) = Σ_p (A_pᵀ J A_p − 2 A_pᵀ B_p) / s_p²
//! errors      z = ½ √(Q(S) − Q(A)): for a terminal of which Σ X² = E it is √(E / 2) / s, W's distance by W's error
//! ```
//!
//! A doubt is raised where another wiring is better by five errors and hardly worse than any weights. Terminals that step
//! alike, and EVSEs that only step together, are not told apart: `J` has nothing to say of them, and what is stated stands.
//! By Chebyshev's inequality the confidence is at least `1 − 1 / z²` whatever the distribution.
//!
//! Only where currents of one line add up: on IT 230 V they do not, and nothing is concluded.

use charging::network::{EvseIndex, Wiring};
use charging::wiring::{SAMPLES_APART_MAX, WiringDoubt, WiringQuestion, WiringSample};
use nalgebra::DMatrix;
use units::{Amperes, EvseId, PerPhase, Phase};

use crate::number::{amperes, float, whole};

/// λ, A²: what is stated weighs as much as one step of two amperes.
const STATED_WEIGHT: f64 = 4.0;
/// No fit is better than what meters and draws between two readings allow, A.
const ERROR_LEAST: f64 = 0.5;
/// A step that counts as evidence, A.
const STEP_LEAST: f64 = 3.0;
/// So many of them are needed.
const STEPS_NEEDED: u32 = 3;
/// Beyond so many errors a doubt is raised.
const ERRORS_NEEDED: f64 = 5.0;
/// Wirings whose costs differ by less are equally good.
const TIE: f64 = 4.0;
/// What the better wiring leaves unexplained, of what it explains better.
const MISFIT: f64 = 0.25;
/// Pairs that the fit leaves more of than this many times the middle one are the base load's own.
const OUTLIER: f64 = 4.0;

/// What the samples say against how EVSEs are stated to be wired.
#[must_use]
pub fn wirings(question: &WiringQuestion) -> Vec<(EvseId, WiringDoubt)> {
    let terminals = terminals_of(question);
    let pairs: Vec<Pair> = question
        .samples
        .windows(2)
        .filter(|pair| pair[1].at.since(pair[0].at) <= SAMPLES_APART_MAX)
        .map(|pair| Pair::between(&pair[0], &pair[1], &terminals))
        .collect();
    if terminals.is_empty() || pairs.is_empty() {
        return Vec::new();
    }
    let Some(first) = fit(&pairs, &terminals) else { return Vec::new() };
    let kept = without_outliers(pairs, &first);
    let Some(fit) = fit(&kept, &terminals) else { return Vec::new() };
    let doubt = |(evse, id, stated): &(EvseIndex, EvseId, Wiring)| {
        let own: Vec<usize> = (0..terminals.len()).filter(|place| terminals[*place].evse == *evse).collect();
        let has_stepped = |pair: &&Pair| own.iter().any(|place| pair.drawn[*place].abs() >= STEP_LEAST);
        let steps = u32::try_from(kept.iter().filter(has_stepped).count()).unwrap_or(u32::MAX);
        if steps < STEPS_NEEDED {
            return None;
        }
        let numbers: Vec<usize> = own.iter().map(|place| terminals[*place].number).collect();
        let (seems, errors) = Evidence::of(&own, &fit)?.against(*stated, &numbers)?;
        let confidence_permille = whole((1.0 - 1.0 / (errors * errors)) * 1_000.0);
        Some((id.clone(), WiringDoubt { stated: *stated, seems, steps, confidence_permille }))
    };
    question.evses.iter().filter_map(doubt).collect()
}

/// A terminal of an EVSE, with the line that it is stated to be on.
#[derive(Debug, Clone, Copy)]
struct Terminal {
    evse: EvseIndex,
    /// 0, 1 or 2.
    number: usize,
    stated: Phase,
}

/// What moved between two samples, A.
#[derive(Debug, Clone)]
struct Pair {
    metered: [f64; 3],
    drawn: Vec<f64>,
}

impl Pair {
    fn between(before: &WiringSample, after: &WiringSample, terminals: &[Terminal]) -> Self {
        let moved = |after: PerPhase<Amperes>, before: PerPhase<Amperes>| {
            let moved = after - before;
            [amperes(moved.l1), amperes(moved.l2), amperes(moved.l3)]
        };
        let of = |terminal: &Terminal| {
            moved(after.drawn_by(terminal.evse), before.drawn_by(terminal.evse))[terminal.number]
        };
        Self { metered: moved(after.metered, before.metered), drawn: terminals.iter().map(of).collect() }
    }
}

/// The terminals that stepped at all: of the others nothing can be learned.
fn terminals_of(question: &WiringQuestion) -> Vec<Terminal> {
    let mut terminals = Vec::new();
    for &(evse, _, wiring) in &question.evses {
        let lines = match wiring {
            Wiring::OnePhase(_) | Wiring::TwoPhase(_) | Wiring::ThreePhase(_) => wiring.lines(),
            Wiring::LineToLine(_) => &[],
        };
        for (phase, &stated) in Phase::ALL.into_iter().zip(lines) {
            let drawn = question.samples.iter().map(|sample| sample.drawn_by(evse)[phase]);
            let (lowest, highest) = (drawn.clone().min(), drawn.max());
            let range = highest.zip(lowest).map_or(Amperes::ZERO, |(highest, lowest)| highest - lowest);
            if amperes(range) >= STEP_LEAST {
                terminals.push(Terminal { evse, number: phase.index(), stated });
            }
        }
    }
    terminals
}

/// A fit of all lines.
#[derive(Debug)]
struct Fit {
    /// W − S, terminals by lines.
    moved: DMatrix<f64>,
    /// S, terminals by lines.
    stated: DMatrix<f64>,
    /// (XᵀX + λ I)⁻¹.
    inverse: DMatrix<f64>,
    /// s², by lines, A².
    error: [f64; 3],
    /// What the fit leaves of each pair, over all lines, A².
    left: Vec<f64>,
}

fn fit(pairs: &[Pair], terminals: &[Terminal]) -> Option<Fit> {
    let moved = DMatrix::from_fn(pairs.len(), terminals.len(), |pair, terminal| pairs[pair].drawn[terminal]);
    let metered = DMatrix::from_fn(pairs.len(), 3, |pair, line| pairs[pair].metered[line]);
    let stated = DMatrix::from_fn(terminals.len(), 3, |terminal, line| {
        if terminals[terminal].stated.index() == line { 1.0 } else { 0.0 }
    });
    let mut normal = moved.tr_mul(&moved);
    for place in 0..terminals.len() {
        normal[(place, place)] += STATED_WEIGHT;
    }
    let inverse = normal.cholesky()?.inverse();
    let weights = &inverse * moved.tr_mul(&(&metered - &moved * &stated));
    let left = &metered - &moved * (&stated + &weights);
    let freedom = (count(pairs.len()) - count(terminals.len())).max(1.0);
    let error =
        [0, 1, 2].map(|line| (left.column(line).norm_squared() / freedom).max(ERROR_LEAST * ERROR_LEAST));
    let left = left.row_iter().map(|row| row.norm_squared()).collect();
    Some(Fit { moved: weights, stated, inverse, error, left })
}

fn count(number: usize) -> f64 {
    float(i64::try_from(number).unwrap_or(i64::MAX))
}

fn without_outliers(pairs: Vec<Pair>, fit: &Fit) -> Vec<Pair> {
    let mut sorted = fit.left.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0).max(ERROR_LEAST * ERROR_LEAST);
    let is_kept = |(_, left): &(Pair, &f64)| **left <= middle * OUTLIER * OUTLIER;
    pairs.into_iter().zip(&fit.left).filter(is_kept).map(|(pair, _)| pair).collect()
}

/// What the samples alone say of one EVSE's terminals: all others' freedom is taken into account, what is stated is not.
struct Evidence {
    /// J.
    information: DMatrix<f64>,
    /// B, terminals by lines.
    pull: DMatrix<f64>,
    error: [f64; 3],
}

impl Evidence {
    fn of(own: &[usize], fit: &Fit) -> Option<Self> {
        let size = own.len();
        let block = DMatrix::from_fn(size, size, |row, column| fit.inverse[(own[row], own[column])]);
        let all = block.try_inverse()?;
        let pick = |of: &DMatrix<f64>| DMatrix::from_fn(size, 3, |row, line| of[(own[row], line)]);
        let (moved, stated) = (pick(&fit.moved), pick(&fit.stated));
        let information = &all - DMatrix::identity(size, size) * STATED_WEIGHT;
        // All pulls to W, of which the statement pulls λ S.
        let pull = &all * moved + &information * stated;
        Some(Self { information, pull, error: fit.error })
    }

    /// The wiring that beats `stated`, and by how many errors.
    fn against(&self, stated: Wiring, numbers: &[usize]) -> Option<(Wiring, f64)> {
        let cost = |wiring: &Wiring| self.cost(&indicator(*wiring, numbers));
        let candidates = candidates(stated);
        let best = candidates.iter().map(cost).min_by(f64::total_cmp)?;
        // Of those that are as good the first: terminals that step alike have no order.
        let seems = candidates.into_iter().find(|wiring| cost(wiring) - best <= TIE)?;
        let gain = cost(&stated) - cost(&seems);
        let misfit = cost(&seems) - self.least_cost()?;
        let errors = gain.max(0.0).sqrt() / 2.0;
        (errors >= ERRORS_NEEDED && misfit <= gain * MISFIT).then_some((seems, errors))
    }

    fn cost(&self, on: &DMatrix<f64>) -> f64 {
        let each = (0..3).map(|line| {
            let on = on.column(line);
            ((on.transpose() * &self.information * on)[(0, 0)] - 2.0 * on.dot(&self.pull.column(line)))
                / self.error[line]
        });
        each.sum()
    }

    /// Of any weights, a wiring or none.
    fn least_cost(&self) -> Option<f64> {
        let inverse = self.information.clone().pseudo_inverse(1e-6).ok()?;
        Some(self.cost(&(inverse * &self.pull)))
    }
}

/// 1 where a terminal is on a line.
fn indicator(wiring: Wiring, numbers: &[usize]) -> DMatrix<f64> {
    let lines = wiring.lines();
    DMatrix::from_fn(numbers.len(), 3, |row, line| {
        let is_on = lines.get(numbers[row]).is_some_and(|of| of.index() == line);
        if is_on { 1.0 } else { 0.0 }
    })
}

/// All wirings of the kind, those in the order of the phases first.
fn candidates(like: Wiring) -> Vec<Wiring> {
    let turned = |by: usize, turn: usize| [0, 1, 2].map(|place| Phase::ALL[(by + place * turn) % 3]);
    let orders = || [1, 2].into_iter().flat_map(move |turn| (0..3).map(move |by| turned(by, turn)));
    match like {
        Wiring::OnePhase(_) => Phase::ALL.map(Wiring::OnePhase).to_vec(),
        Wiring::TwoPhase(_) => orders().map(|[first, second, _]| Wiring::TwoPhase([first, second])).collect(),
        Wiring::ThreePhase(_) => orders().map(Wiring::ThreePhase).collect(),
        Wiring::LineToLine(_) => Vec::new(),
    }
}
