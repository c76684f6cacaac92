//! OCPP on the wire: frames of OCPP-J and the messages of OCPP 1.6, read tolerantly and written strictly.
//!
//! Start with [`frame::decode`], then [`v16::StationRequest::decode`]. A text goes through three steps, each with its own
//! closed error: text to [`frame::Frame`] ([`frame::FrameError`]), payload to a typed message ([`PayloadError`]), typed
//! message to text ([`EncodeError`]). [`v16::answer_to_frame`] and [`v16::answer_to_payload`] make the CALLERROR for the
//! first two. [`redact()`] makes of any text what may be logged.
//!
//! A later version of OCPP is a sibling of [`v16`]; frames, quirks, times, and the readers and writers of members serve
//! both. `requirements.md` and `requirements-2.0.1.md` list which rule of the standard is enforced where.
//!
//! # Invariants
//!
//! - No text makes a decoder panic, recurse beyond a bound, or hold more than a small multiple of the frame.
//! - Figures are exact: they are read from their digits, never through floating point.
//! - Whatever is tolerated is named by a [`Quirk`]; a frame without quirks is one that the standard allows.
//! - Nothing is guessed: what is missing or unreadable is visibly so in the type ([`StationTime`],
//!   [`v16::ReportedTransaction`], `Option`, `Other`).
//! - What is encoded is what the standard allows: field lengths, whole seconds, limits with one decimal, no nulls,
//!   instants in UTC with milliseconds.
//!
//! # Not here
//!
//! Sockets, sites, sessions, matching of answers to calls, time-outs, retries, and what any message means for control or
//! money. Quirks are reported here, and judged by the caller.

#![deny(clippy::float_arithmetic)]

mod fields;
mod figure;
pub mod frame;
pub mod json;
mod message;
pub mod quirk;
mod redact;
mod repair;
mod sample;
mod schedule;
pub mod time;
pub mod v16;
pub mod v201;
mod version;
mod words;
mod writer;

pub use fields::PayloadError;
pub use figure::Figure;
pub use frame::{Frame, FrameError, Limits, MessageId};
pub use quirk::{Decoded, Quirk};
pub use redact::{is_secret_key, redact, reference};
pub use time::{CivilTime, StationTime};
pub use version::Version;
pub use writer::{EncodeError, EncodeFault};

#[cfg(test)]
mod tests;
