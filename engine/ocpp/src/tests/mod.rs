//! Tests of frames: JSON against serde_json, faults and their answers, repairs, redaction, recorded frames.

mod frames;
mod json;
mod recorded;
mod redaction;
