//! Heartbeat: a station is alive and wants the time; the same as in OCPP 1.6.

pub use crate::v16::{HeartbeatRequest, HeartbeatResponse};
