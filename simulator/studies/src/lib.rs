//! Studies: plain functions from a scenario to a report.
//!
//! Start with [`replay()`] and [`ReplayReport`]. [`replay_all`] runs many side by side; [`expect`] judges a report by what
//! its scenario's `expect.toml` says.
//!
//! # Invariants
//!
//! - Same scenario and seed, same report, byte for byte: `event_hash` tells.
//! - A report holds plain values only: it can be printed, compared and sent.
//!
//! # Not here
//!
//! No files, no clock, no drawing; no rule of control or money: the twin runs the engine, its checkers judge.

pub mod expect;
mod replay;
pub mod report;

pub use replay::{replay, replay_all, replay_with_progress, report, span_words};
pub use report::ReplayReport;
