//! The physical world of the digital twin: batteries, EVs, EVSEs, virtual charging stations, grid meters, base load,
//! circuits, fuses and people. Sans-IO and deterministic.
//!
//! Start with [`Station`](station::Station): it speaks OCPP 1.6J or 2.0.1 text on one side and holds [`Evse`](evse::Evse)s and
//! [`Ev`](ev::Ev)s on the other. The same value serves the twin under virtual time and a WebSocket under real time.
//! Around it stand [`GridMeter`](meter::GridMeter), [`BaseLoad`](base_load::BaseLoad),
//! [`CircuitTree`](circuit::CircuitTree), [`Fuse`](fuse::Fuse) and [`people`].
//!
//! # Invariants
//!
//! - Time is an argument and never decreases; the same seed and inputs give the same outputs, byte for byte.
//! - Currents are piecewise constant between deadlines, so registers are exact integrals, held as integers.
//! - Floats live inside (state of charge, sampling); what leaves is an integer quantity of `units`.
//! - Nothing here trusts or knows the engine: the station has its own reading of both versions of OCPP.
//!
//! # Not here
//!
//! No clock, no sockets, no engine, no rule of control: the plant obeys, or disobeys as configured, and tells the truth
//! only through its accessors.

pub mod base_load;
pub mod battery;
pub mod building;
pub mod circuit;
pub mod ev;
pub mod evse;
pub mod fuse;
pub mod meter;
mod number;
pub mod people;
pub mod station;
