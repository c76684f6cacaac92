//! GetLog: a station uploads a log.

use units::TimeSpan;

use super::types::StatusInfo;
use crate::maintenance::{LogParameters, LogStatus, LogType};
use crate::member::structures;

structures! {
    /// We ask for a log.
    GetLogRequest {
        /// Where it goes, and what of it.
        log: LogParameters = required "log",
        /// Which.
        log_type: LogType = required "logType",
        /// Our number of the upload.
        request_id: i32 = required "requestId",
        /// How often it is tried; `None` leaves it to the station.
        retries: Option<u32> = optional "retries",
        /// How long between tries; `None` leaves it to the station.
        retry_interval: Option<TimeSpan> = optional "retryInterval",
    }

    /// The station's answer.
    GetLogResponse {
        /// What came of it.
        status: LogStatus = required "status",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// The name of the file that will come; at most 255 characters.
        filename: Option<String> = optional "filename" [chars(255)],
    }
}
