//! SetMonitoringLevel: how bad an event must be to be told.

use super::types::status_response;
use crate::member::structures;
use crate::words::AcceptedStatus;

structures! {
    /// We choose.
    SetMonitoringLevelRequest {
        /// From 0, the worst alone, to 9, all.
        severity: u8 = required "severity",
    }
}

status_response! {
    /// The station's answer.
    SetMonitoringLevelResponse, AcceptedStatus
}
