//! Tests of the whole house: what holds between crates and across files, rather than inside one of them.
//!
//! Start with `tests/run`, the whole test command. The targets here are `architecture` (which crate may know which),
//! `dependencies` (licences, bans and duplicates of what others wrote) and `tidy` (house rules over the text of the
//! repository). [`Graph`] and [`files`] are what they read.
//!
//! # Invariants
//!
//! - Nothing here changes a file, uses the network or needs a built program.
//! - A failing rule names the file and line, what is wrong, and the way out.
//!
//! # Not here
//!
//! No tests of one crate's behaviour: those are beside the code. No scenarios: those are data, replayed by `twin`.

mod graph;
mod repository;

pub use graph::{Graph, Kinds, Package};
pub use repository::{SourceFile, files, root};
