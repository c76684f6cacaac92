//! The production shell over real sockets on loopback: bad input, links, storms, a full disk, restarts, real processes.

#![expect(clippy::unwrap_used, reason = "a test's own steps: what fails here fails the test")]

mod alarms;
mod api;
mod audit;
mod bad_input;
mod browser;
mod clients;
mod demo;
mod disk;
mod kill;
mod links;
mod meters;
mod page;
mod restart;
mod security;
mod station;
mod support;
mod tls;
mod transaction;
mod upkeep;
