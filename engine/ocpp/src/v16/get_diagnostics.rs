//! GetDiagnostics: a station uploads what it knows of itself.

use units::TimeSpan;

use crate::member::structures;
use crate::time::StationTime;

structures! {
    /// We ask for diagnostics.
    GetDiagnosticsRequest {
        /// The directory they go to, an address.
        location: String = required "location" [uri()],
        /// How often it is tried; `None` leaves it to the station.
        retries: Option<u32> = optional "retries",
        /// How long between tries; `None` leaves it to the station.
        retry_interval: Option<TimeSpan> = optional "retryInterval",
        /// Nothing that is older; absent is from the begin.
        start_time: StationTime = optional "startTime",
        /// Nothing that is newer; absent is to the end.
        stop_time: StationTime = optional "stopTime",
    }

    /// The station's answer.
    GetDiagnosticsResponse {
        /// The name of the file that will come; at most 255 characters, `None` where there is nothing to send.
        file_name: Option<String> = optional "fileName" [chars(255)],
    }
}
