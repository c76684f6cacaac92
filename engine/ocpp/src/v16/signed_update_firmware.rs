//! SignedUpdateFirmware: a station takes new firmware that it can check (security whitepaper).

use units::TimeSpan;

use crate::maintenance::UpdateFirmwareStatus;
use crate::member::structures;
use crate::time::StationTime;

structures! {
    /// We order an update.
    SignedUpdateFirmwareRequest {
        /// How often it is tried; `None` leaves it to the station.
        retries: Option<u32> = optional "retries",
        /// How long between tries; `None` leaves it to the station.
        retry_interval: Option<TimeSpan> = optional "retryInterval",
        /// Our number of the update.
        request_id: i32 = required "requestId",
        /// The firmware.
        firmware: SignedFirmware = required "firmware",
    }

    /// New firmware.
    SignedFirmware {
        /// Its address; at most 512 characters.
        location: String = required "location" [chars(512)],
        /// When to fetch it.
        retrieve_date_time: StationTime = required "retrieveDateTime",
        /// When to install it; absent is at once.
        install_date_time: StationTime = optional "installDateTime",
        /// Whose signature it is, PEM; at most 5500 characters.
        signing_certificate: String = required "signingCertificate" [chars(5500)],
        /// The signature, base64; at most 800 characters.
        signature: String = required "signature" [chars(800)],
    }

    /// The station's answer.
    SignedUpdateFirmwareResponse {
        /// What came of it.
        status: UpdateFirmwareStatus = required "status",
    }
}
