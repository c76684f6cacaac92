//! Allocation against hand-computed tables, naive references and simulated days.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what a test relies on fails loudly")]

mod exactness;
mod naive;
mod rules;
mod tables;
mod turns;
