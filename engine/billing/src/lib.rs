//! Money: from a sealed CDR to the cent that an owner is paid, as pure functions over plain values.
//!
//! Start with [`cdr::Cdr`], the one record that charging hands to billing, and [`directory::Directory`], the one
//! thing that billing hands to charging.
//!
//! # Invariants
//!
//! - Integers only; an amount is exact until one rounding per document line, by the rule named on the line.
//! - A CDR with an unresolved doubt is never priced: nothing is guessed into an invoice.
//!
//! # Not here
//!
//! No OCPP, no control, no clock, no I/O; no addresses, languages or document formats.

#![deny(clippy::float_arithmetic)]

pub mod cdr;
pub mod contract;
pub mod directory;
pub mod fees;
pub mod finding;
pub mod invoice;
pub mod ledger;
pub mod pricing;
pub mod settlement;
pub mod tariff;
pub mod vat;

#[cfg(test)]
mod tests;
