//! Studies: plain functions from a scenario to a report.
//!
//! Start with [`replay`] and [`ReplayReport`]. [`replay_seeds`] runs many seeds side by side.
//!
//! # Invariants
//!
//! - Same scenario and seed, same report, byte for byte: `event_hash` tells.
//! - A report holds plain values only: it can be printed, compared and sent.
//!
//! # Not here
//!
//! No files, no clock, no drawing; no rule of control or money: the twin runs the engine, its checkers judge.

pub mod report;

pub use report::ReplayReport;
