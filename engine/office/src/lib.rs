//! The sans-IO root of the business: who may charge where at what price, and what becomes of each sealed CDR down to
//! the cent that an owner is paid.
//!
//! Start with [`Office`]: `handle(now, input)`, then `poll_output()` until `None`, then the next input;
//! `next_deadline()` says when an [`Input::Tick`] is wanted. [`contract`] lists all that may come in and go out,
//! [`record`] what is committed, [`query`] what can be asked.
//!
//! Inside: `registry` holds owners, accounts, tokens, tariffs and access, and makes the directory of them; `books` holds
//! charging lines, findings, documents and the ledger's sums.
//!
//! # Invariants
//!
//! - The same inputs give the same outputs, byte for byte. `now` is an argument and never decreases.
//! - M1: a CDR is billed once or written off, however often it comes; what is held is visible.
//! - Each priced CDR is on the ledger at once, and the ledger sums to zero always.
//! - A month that is closed does not change: what comes late is billed later, with its true dates.
//! - An output leaves only after the records it rests on are committed ([`Output::after`]).
//!
//! # Not here
//!
//! No sockets, files, clock or randomness; no OCPP, no control; no addresses, languages or document formats; no
//! payment provider.

#![deny(clippy::float_arithmetic)]

mod books;
pub mod contract;
mod office;
mod outbox;
pub mod query;
pub mod record;
mod registry;

pub use books::ledger_class;
pub use contract::{
    ClosedMonth, Command, CommandAnswer, Effect, Input, Output, Refusal, Restored, StorageHealth,
};
pub use office::{Office, PUBLISH_INTERVAL};
pub use query::{Query, QueryAnswer};
pub use record::Record;
