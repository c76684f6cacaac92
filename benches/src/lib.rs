//! What is measured, and how: cases of a named size, CPU time instead of the clock on the wall, a fingerprint of the
//! result beside every figure.
//!
//! Start with `README.md`: question, command, figures, budgets. [`decision`] shares out one site's current, [`site`]
//! runs the whole control loop of one, [`engine`] drives a backend with the frames of many stations. [`horizon`] plans a day. [`durable`] loads a real
//! server, [`replay`] is a month for the twin. [`cpu`], [`child`] and [`fingerprint`] are the instruments.
//!
//! # Invariants
//!
//! - The same case gives the same fingerprint on every machine: a figure without the same fingerprint compares nothing.
//! - Time is CPU time of the thread or process that works. Making the input is not measured.
//! - Each case runs small in the ordinary tests. No test asserts a time.
//!
//! # Not here
//!
//! No rule and no physics: stations draw what they are offered, and accept whatever they are told.

pub mod child;
pub mod cpu;
pub mod decision;
pub mod durable;
pub mod engine;
pub mod evs;
pub mod fingerprint;
pub mod horizon;
pub mod replay;
pub mod site;
