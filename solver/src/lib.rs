//! Linear programs with names: modelled, solved by an exchangeable back end, and checked before anyone sees the answer.
//!
//! Start with [`Model`]: columns within ranges, rows that bound sums of them, each with a name. [`solve`] finds the
//! column values that make an [`Objective`] best and says how that went ([`Ending`]); [`solve_from`] does so from the
//! corner where something like it ended before, and [`solve_staged`] for
//! several objectives, the first before all (lexicographic). What a back end calls an answer is a [`Solution`] only
//! once its [`Proof`] was made here.
//!
//! ```
//! use solver::{Backend, Ending, Limits, Model, Objective, Relation, solve};
//!
//! let mut model = Model::new();
//! let bread = model.add_column("loaves of bread", 0.0..=8.0);
//! let cake = model.add_column("cakes", 0.0..=f64::INFINITY);
//! model.add_row("flour in the cupboard", [(bread, 1.0), (cake, 2.0)], Relation::AtMost, 10.0);
//! let worth = Objective::maximise([(bread, 2.0), (cake, 3.0)]);
//! let Ending::Optimal(best) = solve(&model, &worth, Backend::FOR_LINEAR, Limits::default())? else {
//!     panic!("there is flour");
//! };
//! assert!((best.value(bread) - 8.0).abs() < 1e-6 && (best.value(cake) - 1.0).abs() < 1e-6);
//! # Ok::<(), solver::ModelProblem>(())
//! ```
//!
//! # Invariants
//!
//! - No [`Solution`] leaves that breaks a row, a range or an integer column by more than [`TOLERANCE`]; one called optimal
//!   by a back end with shadow prices is within [`TOLERANCE`] of what those prices prove to be possible.
//! - The same model, objective, back end and limits end the same way, to the last bit: limits count iterations and nodes,
//!   never seconds.
//! - Nonsense (a number that is none, an empty range, a column of another model) is a [`ModelProblem`] that names it.
//!
//! # Not here
//!
//! No clock, no files, no threads, no chance. No word of charging: what a row protects is for its name to say. That there is *no* answer ([`Ending::Infeasible`], [`Ending::Unbounded`]) is the
//! back end's word; what is built on it must be safe if that is wrong.

mod backend;
mod check;
mod model;
mod solve;
mod staged;
mod start;

pub use backend::{Backend, Limits};
pub use check::{Duality, Proof, TOLERANCE};
pub use model::{Column, Model, ModelProblem, Objective, Relation, Row};
pub use solve::{Ending, Solution, solve};
pub use staged::{Stage, StagedEnding, solve_staged};
pub use start::{Corner, Standing, solve_from};
