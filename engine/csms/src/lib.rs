//! The sans-IO root of the sites: stations' links, transactions, control and what is known of it all, as one value.
//!
//! Start with [`Csms`]: `handle(now, input)`, then `poll_output()` until `None`, then the next input; `next_deadline()`
//! says when an [`Input::Tick`] is wanted. [`contract`] lists all that may come in and go out, [`record`] what is
//! committed, [`query`] what can be asked.
//!
//! Inside: `link` knows which link a station speaks on and what was heard, `call` queues our calls, `message` says in
//! OCPP's own terms (not a version's) what stations and we tell each other, `wire` carries that to and from the wire of
//! the version that a link speaks (`v16`, `v201`), `station` answers stations, `session`, `event` and `evidence` make
//! transactions and sealed CDRs of what they say, `control` carries it to each site's control loop and carries the
//! commands back. `planning` says when a site is planned for, `reasons` keeps the history of what limits each EVSE. `security` knows what each station must prove on its links, [`quirks`] what its model is known to do, [`baseline`]
//! how it is to be set, [`facts`] what it shows by what it does, [`quality`] how good its connection is, and [`findings`] what
//! a person should know of all that; [`notice`] keeps what stations tell besides transactions. [`upkeep`] does what operators want done at
//! many stations, and keeps stations as they want them.
//!
//! # Invariants
//!
//! - The same inputs give the same outputs, byte for byte. `now` is an argument and never decreases.
//! - An output leaves only after the records it rests on are committed ([`Output::after`]); a shed waits for nothing.
//! - A transaction message of a known station always gets its CALLRESULT, and what it said is kept.
//! - Nobody speaks in a station's name on a link that proved less than the station must.
//! - Transaction ids are scoped per station: no station touches another's transaction.
//! - One call of ours is outstanding per station; none goes out before its BootNotification on this link is answered, or
//!   a registered station has gone without one for ten seconds.
//! - After a restart the state rows equal those of an engine that never stopped (S8); only the block of message ids
//!   reserved at the time is skipped, and registers are compared with currents anew.
//!
//! # Not here
//!
//! No sockets, files, clock or randomness; no password, only what is kept of it; no prices and no invoices (`office`);
//! no rule of currents (`charging`), and no word of one OCPP version outside its translator.

#![deny(clippy::float_arithmetic)]

mod activity;
pub mod baseline;
mod call;
mod command;
pub mod contract;
mod control;
mod core;
mod csms;
mod event;
mod evidence;
pub mod facts;
pub mod findings;
mod link;
mod mains;
mod measure;
mod message;
pub mod notice;
mod outbox;
mod planning;
pub mod quality;
pub mod query;
pub mod quirks;
mod reasons;
pub mod record;
mod restore;
mod security;
mod session;
mod station;
#[cfg(test)]
mod tests;
pub mod upkeep;
mod v16;
mod v201;
mod wire;

pub use contract::{
    Alarm, CloseReason, Command, CommandAnswer, Effect, Input, Output, PlanWanted, Sighting, StorageHealth,
    Version,
};
pub use csms::{Csms, Policy, UnknownStations};
pub use query::{Query, QueryAnswer};
pub use record::Record;
pub use security::{Lowering, NoSecurityProfile, PasswordChange, SecurityProfile};
