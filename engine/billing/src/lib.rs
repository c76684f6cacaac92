//! Money: from a sealed CDR to the cent that an owner is paid, as pure functions over plain values.
//!
//! Start with [`cdr::Cdr`], the one record that charging hands to billing, and [`directory::Directory`], the one thing
//! that billing hands to charging. A CDR without doubt is a [`finding::Billable`]; with its [`tariff::Tariff`] it is
//! [priced](pricing::price) to one amount, [sold](invoice::ChargingLine) under a [`contract::Contract`], documented as
//! a [`invoice::Statement`] or a [`invoice::Receipt`], posted to the [`ledger::Ledger`] and
//! [settled](settlement::settle) with the site's owner less the operator's [`fees`].
//!
//! # Invariants
//!
//! - Integers only; an amount is exact until one rounding per document line, by the rule named on the line.
//! - A CDR with an unresolved doubt is never priced (M2), and a tariff that says nothing about some of its energy
//!   refuses it: nothing is guessed into an invoice.
//! - The energies of the charging periods sum to end register less start register, however a session is cut (M3).
//! - VAT is computed once per document, seller and rate; the shares of those who bear it sum to it.
//! - An entry of the ledger sums to zero or cannot be built; nothing is posted twice (M1); balances are sums (M4).
//! - Dated data (tariffs, contracts, VAT, price lists) refuse what lies before their first date.
//!
//! # Not here
//!
//! No OCPP, no control, no clock, no I/O; no addresses, languages, document formats, number series or payment
//! providers. Prices by time or parking time, and restrictions by energy, power or duration, are refused when a tariff
//! is made; spot-linked prices and a guest's hold are unknown.

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
