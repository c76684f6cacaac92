//! What meters say: register maps, telegrams and payloads become figures, and figures become currents that may be believed.
//!
//! Start with [`judge::Judge`], which every reading passes whatever way it came; [`registers`], [`telegram`] and
//! [`payload`] are the three ways into [`figures::Figures`]. Which meter is read how is stated in the site's
//! configuration: [`charging::network::source`].
//!
//! # Invariants
//!
//! - Integers only: what a device prints or packs as a float is read by its decimal digits.
//! - A figure that cannot be is a [`judge::Fault`], never a guess: control is told to doubt the meter (S5).
//! - A current that is derived is at least as high as any that can flow, and says that it is derived.
//! - What comes from a device is bounded before it is kept.
//!
//! # Not here
//!
//! No socket, no clock, no chance: the shell reads devices and says when. No staleness, no base load and no contradiction
//! with what EVSEs draw: control knows those.

#![deny(clippy::float_arithmetic)]

pub mod figures;
pub mod judge;
pub mod payload;
pub mod registers;
pub mod retry;
pub mod telegram;
