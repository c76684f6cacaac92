//! One moment, shared out by linear programs alone.
//!
//! Weighted max–min is lexicographic: the lowest level λ_i = x_i / w_i is as high as can be, then the next lowest, and so on.
//! Round by round: the highest level that all who are not settled reach; then who cannot rise above it is settled there.
//! Who can rise is found by making Σ u_i as great as can be, with u_i ≤ [`NUDGE`] what i has above the level: whoever has
//! some can rise and is left out; once nobody has any, the others are stuck, for if one could rise alone the sum would not
//! be 0.
//!
//! Slow, and knows nothing of heaps, events or integers: that is what makes it a proof of the filling that does.

use charging::allocation::Problem;
use solver::{Backend, Column, Ending, Limits, Model, Objective, Relation, solve};
use units::Amperes;

use crate::number::{amperes, amperes_floor, float};
use crate::problem::PlanFailure;

/// How far above the level whoever can rise is asked to rise, A.
const NUDGE: f64 = 1.0;
/// Whoever has less above the level is stuck there, A.
const DUST: f64 = 1e-6;
/// So much may what was found before give way, A, that floating point leaves it possible. A thousand of them are dust.
const GRACE: f64 = 1e-9;

/// What weighted max–min gives the sessions of `problem` for which `is_admitted` is true, before whole steps: rounded down
/// to 1 mA, in the order of the sessions; 0 A for the others. The bounds are whole steps, as in
/// [`MaxMin::shares_before_steps`](charging::allocation::MaxMin::shares_before_steps), whose answer it is to 1 mA.
///
/// # Errors
///
/// Where the minimums of those admitted do not fit the rows, or solving ends without an answer that holds.
///
/// # Panics
///
/// Where `is_admitted` is not as long as the problem's sessions, or a session's step or weight is 0.
pub fn lp_now(
    problem: &Problem,
    is_admitted: &[bool],
    backend: Backend,
) -> Result<Vec<Amperes>, PlanFailure> {
    assert_eq!(is_admitted.len(), problem.sessions.len(), "each session is admitted or not");
    let mut moment = Moment::of(problem, is_admitted, backend);
    while moment.sharers.iter().any(|sharer| sharer.settled.is_none()) {
        let level = moment.highest_level()?;
        moment.settle(level)?;
    }
    let mut shares = vec![Amperes::ZERO; problem.sessions.len()];
    for sharer in &moment.sharers {
        shares[sharer.place] = amperes_floor(sharer.settled.unwrap_or(0.0) + DUST);
    }
    Ok(shares)
}

/// An admitted session.
struct Sharer {
    place: usize,
    weight: f64,
    lowest: f64,
    highest: f64,
    /// Its share, once it cannot rise.
    settled: Option<f64>,
}

struct Moment {
    sharers: Vec<Sharer>,
    /// By row that can bind: coefficients of sharers, and headroom, A.
    rows: Vec<(Vec<(usize, f64)>, f64)>,
    backend: Backend,
}

impl Moment {
    fn of(problem: &Problem, is_admitted: &[bool], backend: Backend) -> Self {
        let admitted = problem.sessions.iter().enumerate().filter(|(place, _)| is_admitted[*place]);
        let sharers: Vec<Sharer> = admitted
            .map(|(place, session)| Sharer {
                place,
                weight: f64::from(session.weight),
                lowest: amperes(session.min.ceil_to(session.step)),
                highest: amperes(session.max.floor_to(session.step)),
                settled: None,
            })
            .collect();
        let mut rows: Vec<(Vec<(usize, f64)>, f64)> = problem
            .headroom
            .iter()
            .map(|headroom| (Vec::new(), amperes((*headroom).max(Amperes::ZERO))))
            .collect();
        for (number, sharer) in sharers.iter().enumerate() {
            for (row, coefficient) in problem.sessions[sharer.place].loads.iter() {
                rows[row.place()].0.push((number, float(coefficient.thousandths()) / 1e3));
            }
        }
        rows.retain(|(terms, headroom)| {
            terms.iter().map(|(sharer, share)| share * sharers[*sharer].highest).sum::<f64>() > *headroom
        });
        Self { sharers, rows, backend }
    }

    /// The columns of the shares, with what every program has: bounds and rows.
    fn model(&self) -> (Model, Vec<Column>) {
        let mut model = Model::new();
        let shares: Vec<Column> = self
            .sharers
            .iter()
            .map(|sharer| {
                let range = match sharer.settled {
                    Some(share) => share - GRACE..=share,
                    None => sharer.lowest..=sharer.highest,
                };
                model.add_column(format!("share {}", sharer.place), range)
            })
            .collect();
        for (row, (terms, headroom)) in self.rows.iter().enumerate() {
            let terms = terms.iter().map(|&(sharer, coefficient)| (shares[sharer], coefficient));
            model.add_row(format!("row {row}"), terms, Relation::AtMost, *headroom);
        }
        (model, shares)
    }

    /// The highest level that all who are not settled reach.
    fn highest_level(&self) -> Result<f64, PlanFailure> {
        let (mut model, shares) = self.model();
        let level = model.add_column("level", 0.0..=f64::INFINITY);
        for (sharer, &share) in
            self.sharers.iter().zip(&shares).filter(|(sharer, _)| sharer.settled.is_none())
        {
            let name = format!("share {} reaches the level", sharer.place);
            model.add_row(name, [(share, 1.0), (level, -sharer.weight)], Relation::AtLeast, 0.0);
        }
        let solution = self.best(&model, &Objective::maximise([(level, 1.0)]))?;
        Ok(solution.value(level))
    }

    /// Settles, at `level`, all who cannot rise above it.
    fn settle(&mut self, level: f64) -> Result<(), PlanFailure> {
        let mut doubtful: Vec<usize> =
            (0..self.sharers.len()).filter(|&sharer| self.sharers[sharer].settled.is_none()).collect();
        loop {
            let (mut model, shares) = self.model();
            let mut nudges = Vec::new();
            for (number, sharer) in
                self.sharers.iter().enumerate().filter(|(_, sharer)| sharer.settled.is_none())
            {
                // A little below, so that what floating point found stays possible.
                let reached = (level * sharer.weight).min(sharer.highest) - GRACE;
                let mut terms = vec![(shares[number], 1.0)];
                if doubtful.contains(&number) {
                    let nudge = model.add_column(format!("nudge {}", sharer.place), 0.0..=NUDGE);
                    terms.push((nudge, -1.0));
                    nudges.push((number, nudge));
                }
                let name = format!("share {} keeps the level", sharer.place);
                model.add_row(name, terms, Relation::AtLeast, reached);
            }
            let most = Objective::maximise(nudges.iter().map(|&(_, nudge)| (nudge, 1.0)));
            let solution = self.best(&model, &most)?;
            let before = doubtful.len();
            doubtful = nudges
                .into_iter()
                .filter(|(_, nudge)| solution.value(*nudge) <= DUST)
                .map(|(number, _)| number)
                .collect();
            if doubtful.is_empty() {
                let words = format!("all shares can rise above {level} A, which was to be the highest level");
                return Err(PlanFailure::NoAnswer { words });
            }
            if doubtful.len() == before {
                break;
            }
        }
        for number in doubtful {
            let sharer = &mut self.sharers[number];
            sharer.settled = Some((level * sharer.weight).clamp(sharer.lowest, sharer.highest));
        }
        Ok(())
    }

    fn best(&self, model: &Model, objective: &Objective) -> Result<solver::Solution, PlanFailure> {
        match solve(model, objective, self.backend, Limits::default())? {
            Ending::Optimal(solution) => Ok(solution),
            ending @ (Ending::Stopped { .. }
            | Ending::Infeasible
            | Ending::Unbounded
            | Ending::Failed { .. }) => {
                Err(PlanFailure::NoAnswer { words: format!("{} ended {ending:?}", self.backend) })
            }
        }
    }
}
