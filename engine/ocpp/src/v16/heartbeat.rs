//! Heartbeat: a station is alive and wants the time.

use super::Message;
use crate::fields::{Fields, PayloadError};
use crate::time::StationTime;
use crate::writer::Writer;

/// A station is alive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeartbeatRequest {}

impl Message for HeartbeatRequest {
    fn read(_fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {})
    }

    fn write(&self, _out: &mut Writer) {}
}

/// Our answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatResponse {
    /// Our time, to which the station sets its clock.
    pub current_time: StationTime,
}

impl Message for HeartbeatResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { current_time: fields.time_expected("currentTime") })
    }

    fn write(&self, out: &mut Writer) {
        out.time("currentTime", &self.current_time);
    }
}
