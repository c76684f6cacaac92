//! The law of limits: circuits and EVSEs as rows, measurement, ceilings, allocation and dispatch by proof.
//!
//! Start with [`site::Site`], the control loop of one site: it decides what may be sent now. [`network`] is what it
//! stands on, [`allocation`] shares out the headroom, [`metering`] says how much headroom there is, [`ceiling`] what
//! each EVSE may draw at worst, and [`plan`] what would be good, if it can be had; [`terms`] tell what
//! energy costs, and what others command.
//!
//! # Invariants
//!
//! - Integers only. `now` is an argument and never decreases. The same events give the same commands.
//! - S1: no limit above an EVSE's present ceiling is commanded, and no start allowed, unless every row holds with
//!   all ceilings. S2: a raise waits until the sheds that pay for it are proven.
//! - Nothing here trusts a plan, an acknowledgement or a stale meter.
//!
//! # Not here
//!
//! No OCPP, no transactions' money, no records, no clock, no randomness.

#![deny(clippy::float_arithmetic)]

pub mod allocation;
pub mod ceiling;
pub mod metering;
pub mod network;
pub mod plan;
#[doc(hidden)]
pub mod sample;
pub mod site;
pub mod terms;
pub mod wiring;
