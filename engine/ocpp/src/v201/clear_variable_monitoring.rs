//! ClearVariableMonitoring: variables are watched no longer.

use super::types::StatusInfo;
use crate::member::structures;
use crate::words::words;

words! {
    /// What came of clearing a monitor.
    ClearMonitoringStatus {
        /// It is gone.
        Accepted = "Accepted",
        /// It stays: it is the vendor's.
        Rejected = "Rejected",
        /// There was none of this number.
        NotFound = "NotFound",
    }
}

structures! {
    /// We take monitors out.
    ClearVariableMonitoringRequest {
        /// The monitors' numbers.
        id: Vec<u32> = required "id",
    }

    /// The station's answer.
    ClearVariableMonitoringResponse {
        /// One per monitor.
        clear_monitoring_result: Vec<ClearMonitoringResult> = required "clearMonitoringResult",
    }

    /// What came of one monitor.
    ClearMonitoringResult {
        /// What came of it.
        status: ClearMonitoringStatus = required "status",
        /// The monitor's number; `None` where it is missing or unreadable.
        id: Option<u32> = required "id",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
    }
}
