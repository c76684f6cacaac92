//! Tests of frames: JSON against serde_json, faults and their answers, repairs, redaction, recorded frames; and what the
//! tests of each version share.

mod frames;
mod json;
mod recorded;
mod redaction;
pub(crate) mod schemas;
pub(crate) mod strategies;
