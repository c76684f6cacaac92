//! Planning: what would be good over the hours to come, worked out outside of the engine (CONTROL section 6).
//!
//! Start with [`PlanProblem`], what is known and expected of a site, and [`lp_horizon`], which makes a
//! [`Plan`](charging::plan::Plan) of it: a linear program over the slots, checked, then whole steps. [`clairvoyant`] is the
//! same program with the truth in place of a forecast, and fractions of an ampere: no strategy delivers more. [`lp_now`]
//! shares one moment out by linear programs alone, to prove what [`MaxMin`](charging::allocation::MaxMin) does in integers.
//! What energy and power cost there, and what is expected beside EVs, is told by [`charging::terms`]: [`PlanProblem::under`].
//! [`forecast`] learns what to expect. [`wirings`] says how EVSEs seem to be wired, by what meters show of their steps.
//!
//! # Invariants
//!
//! - A plan's caps hold on every row in every slot of the problem, in integers, with each cap 0 A or on its session's step
//!   from its minimum to its maximum; the engine trusts none of that (S6).
//! - Physical rows never make a problem infeasible: headroom counts as 0 A and more, and energy may go missing at a price.
//! - The same problem and limits give the same plan.
//! - Nonsense is a [`PlanFailure`] that names the thing, the value and what would be right.
//!
//! # Not here
//!
//! No clock, no files, no threads: a shell runs this in a worker. No decision: the
//! engine takes a plan, or leaves it. Floats live inside and reach nobody: integers with units come in and go out.

mod clairvoyant;
pub mod forecast;
mod horizon;
mod model;
mod now;
mod number;
mod problem;
mod request;
pub mod sample;
mod steps;
mod terms;
mod wiring;

pub use clairvoyant::{Bound, clairvoyant};
pub use horizon::{Forecast, PlanLimits, Planned, Replanner, lp_horizon, plain_objective, urgent_first};
pub use now::lp_now;
pub use problem::{
    Contractual, Costs, PlanFailure, PlanProblem, PlanRow, PlanSession, PowerFee, PowerLimit, SLOTS_MAX,
    SiteLoad,
};
pub use request::{Typical, plan};
pub use terms::Priced;
pub use wiring::wirings;
