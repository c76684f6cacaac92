//! Studies: plain functions from a scenario to a report.
//!
//! Start with [`replay()`] and [`ReplayReport`]. [`replay_all`] runs many side by side, [`decide`] one without a wire;
//! [`expect`] judges a report by what its scenario's `expect.toml` says; [`calibrate`] compares the plant's generators with
//! what was recorded; [`sessions()`] replays recorded sessions as OCPP transactions through the whole engine; [`fuzz`]
//! draws sites, people and faults by seed; [`compare`] runs strategies side by side and says how far they are from the best
//! that could have been.
//!
//! # Invariants
//!
//! - Same scenario and seed, same report, byte for byte: `event_hash` tells.
//! - A report holds plain values only: it can be printed, compared and sent.
//!
//! # Not here
//!
//! No files, no clock, no drawing; no rule of control or money: the twin runs the engine, its checkers judge.

pub mod audit;
pub mod calibrate;
pub mod compare;
pub mod expect;
pub mod fuzz;
mod replay;
pub mod report;
pub mod sessions;

pub use replay::{
    Decisions, decide, decide_with_progress, replay, replay_all, replay_with_progress, report, span_words,
};
pub use report::{Fidelity, ReplayReport};
pub use sessions::{SessionRow, SessionsReport, sessions};
