//! The production shell: sockets, wall clock, files and people around the two sans-IO roots `csms` and `office`.
//!
//! Start with [`run::Server::start`], which opens the database, restores the roots and listens; [`engine`] is the one
//! owner of both roots and carries out the commit protocol; [`ocpp_listener`] speaks WebSocket with stations, over
//! [`tls`] or without, once the [`door`] has let them in, [`http`]
//! and [`web`] with people and programs. [`meters`] are read by it, as site files say. [`demo`] furnishes a server with a housing company, [`admin`] is a client of
//! the API.
//!
//! # Invariants
//!
//! - One thread owns `Csms` and `Office`; it decides nothing of its own.
//! - An effect leaves only after the record it rests on is committed; a shed waits for nothing.
//! - Back-pressure is on the socket: a station is not read faster than its frames are handled.
//! - A link that fails, is refused or replaced disturbs no other link; who is refused learns nothing.
//! - No password is kept, logged or compared in the clear, and none is hashed where frames wait.
//! - `Host` and `Origin` are checked and a token asked for before anything is answered; secrets are stored hashed.
//! - A scaled clock exists only in [`demo`].
//!
//! # Not here
//!
//! No rule of currents, money or OCPP: what an input means is known by the roots. No TLS for pages and API: a proxy in
//! front speaks it.

pub mod admin;
pub mod alarms;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod demo;
pub mod door;
pub mod engine;
mod explain;
mod frame_history;
pub mod frame_log;
mod furnished;
mod handshake;
pub mod http;
pub mod meters;
pub mod ocpp_listener;
mod outbox;
pub mod password;
#[cfg(test)]
mod paused;
mod planning;
pub mod quirk_file;
pub mod run;
mod secret;
mod site_import;
pub mod tls;
pub mod uploads;
pub mod web;
mod x509;

/// Prints a line for the person who started the program. Nobody may be reading any more: a closed pipe ends nothing.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}
