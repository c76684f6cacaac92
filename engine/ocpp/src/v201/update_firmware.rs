//! UpdateFirmware: a station takes new firmware.

use units::TimeSpan;

use super::types::status_response;
use crate::maintenance::UpdateFirmwareStatus;
use crate::member::structures;
use crate::time::StationTime;

structures! {
    /// We order an update.
    UpdateFirmwareRequest {
        /// How often it is tried; `None` leaves it to the station.
        retries: Option<u32> = optional "retries",
        /// How long between tries; `None` leaves it to the station.
        retry_interval: Option<TimeSpan> = optional "retryInterval",
        /// Our number of the update.
        request_id: i32 = required "requestId",
        /// The firmware.
        firmware: Firmware = required "firmware",
    }

    /// New firmware.
    Firmware {
        /// Its address; at most 512 characters, in OCPP 2.1 2000.
        location: String = required "location" [chars(512).chars_v21(2000)],
        /// When to fetch it.
        retrieve_date_time: StationTime = required "retrieveDateTime",
        /// When to install it; absent is at once.
        install_date_time: StationTime = optional "installDateTime",
        /// Whose signature it is, PEM; at most 5500 characters.
        signing_certificate: Option<String> = optional "signingCertificate" [chars(5500)],
        /// The signature, base64; at most 800 characters.
        signature: Option<String> = optional "signature" [chars(800)],
    }
}

status_response! {
    /// The station's answer.
    UpdateFirmwareResponse, UpdateFirmwareStatus
}
