//! Quantities, per-phase values, money, time and identifiers: the words every other crate speaks.
//!
//! Start with [`Amperes`] and its siblings in [`quantity`], [`PerPhase`] in [`phase`], [`Money`] in [`money`],
//! [`Timestamp`] in [`time`] and the identifiers in [`id`].
//!
//! # Invariants
//!
//! - A quantity is an `i64` count of thousandths of its name; no floating point exists here.
//! - Every operator that divides says in its name how it rounds.
//! - Arithmetic that would overflow panics, in release builds too: a wrong current or cent is worse than a stop.
//! - Civil time exists only in [`civil`], always with a zone.
//!
//! # Not here
//!
//! No clock, no randomness, no I/O, and nothing that knows what an EVSE or a tariff is.

#![deny(clippy::float_arithmetic)]

pub mod civil;
pub mod id;
pub mod money;
pub mod phase;
pub mod quantity;
pub mod time;

pub use id::{
    AccountId, CdrId, CircuitId, EvseId, IdToken, LinkId, MeterId, OwnerId, RecordSeq, RequestId, SessionId,
    SiteId, StationId, TariffId, TransactionId,
};
pub use money::{Currency, Money, PreciseAmount, Rounding, UnitPrice};
pub use phase::{PerPhase, Phase};
pub use quantity::{Amperes, ParseQuantityError, Volts, WattHours, Watts};
pub use time::{ReportedAt, TimeSpan, Timestamp};
