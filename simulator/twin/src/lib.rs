//! The digital twin: the very same engine as in production, driven under virtual time by a plant of virtual stations,
//! cars, meters and a building, and judged from outside.
//!
//! Start with [`Scenario`], the value that says all a run depends on, and [`World::run`], which turns it into an
//! [`Outcome`]. [`decisions`] runs the same value without a wire, in less detail and faster, and by any strategy of
//! [`planning`]. [`scenario_file`] reads scenarios, [`site_file`] reads sites (the server uses it too) with
//! [`tariff_file`], [`charging_site`] reads the peers' sites, [`watch`] holds the checkers of the rules S1 to M6.
//!
//! # Invariants
//!
//! - Same scenario and seed, same run, byte for byte: [`Outcome::event_hash`].
//! - The store obeys the commit protocol: what waits for a record leaves after its commit, and a crash forgets what was
//!   not committed.
//! - Checkers see the plant's truth and the text on the wire only, and share no code with what they judge.
//! - A file with mistakes yields all of them at once, each with field, value, unit and way out.
//!
//! # Not here
//!
//! No files, no environment, no sockets, no clock: text and values come in, values go out. No physics (`plant`), no rule
//! of control or money (`charging`, `billing`).

pub mod business;
pub mod charging_site;
pub mod decisions;
pub mod document;
pub mod fault;
pub mod fault_file;
mod frame_text;
pub mod fuzz;
pub mod journal;
mod meter_file;
mod nonsense;
pub mod outcome;
pub mod people;
pub mod planning;
mod queue;
pub mod recorder;
#[cfg(test)]
mod sample;
pub mod scenario;
pub mod scenario_file;
pub mod site_file;
mod store;
pub mod tariff_file;
pub mod truth;
pub mod watch;
pub mod world;

pub use document::Problem;
pub use outcome::Outcome;
pub use planning::Strategy;
pub use scenario::Scenario;
pub use store::Durable;
pub use world::World;
