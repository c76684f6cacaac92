//! PublishFirmware: a local controller hands firmware on to its stations.

use units::TimeSpan;

use super::types::status_response;
use crate::member::structures;
use crate::words::AcceptedStatus;

structures! {
    /// We order it.
    PublishFirmwareRequest {
        /// The firmware's address; at most 512 characters, in OCPP 2.1 2000.
        location: String = required "location" [chars(512).chars_v21(2000)],
        /// How often it is tried; `None` leaves it to the controller.
        retries: Option<u32> = optional "retries",
        /// MD5 of the firmware, in hexadecimal digits; at most 32 characters.
        checksum: String = required "checksum" [chars(32)],
        /// Our number of the order.
        request_id: u32 = required "requestId",
        /// How long between tries; `None` leaves it to the controller.
        retry_interval: Option<TimeSpan> = optional "retryInterval",
    }
}

status_response! {
    /// The controller's answer.
    PublishFirmwareResponse, AcceptedStatus
}
