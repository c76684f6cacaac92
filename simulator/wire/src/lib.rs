//! The plant over real sockets: virtual stations speak OCPP over WebSockets to a running server, and virtual grid meters
//! post their readings over HTTP.
//!
//! Start with [`plant::Plant`] (a site's stations, EVs, base load and meters against a URL: the demo and soak) or with
//! [`load::run`] (N stations in a closed loop, for benches). [`station::StationClient`] is one socket, for tests that
//! want to say each frame themselves.
//!
//! # Invariants
//!
//! - What a station says and does is decided by `::plant`; this crate carries text and time, and decides nothing.
//! - A socket that breaks is opened again; a frame that could not be sent is left to the station's own queue.
//! - One [`clock::Clock`] serves the whole plant, so that physics and messages agree.
//!
//! # Not here
//!
//! No server, no physics, no scenario: the caller hands over stations and stays. No TLS.

pub mod clock;
pub mod http;
pub mod load;
pub mod plant;
pub mod station;
