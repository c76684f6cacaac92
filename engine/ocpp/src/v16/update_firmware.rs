//! UpdateFirmware: a station takes new firmware.

use units::TimeSpan;

use crate::member::structures;
use crate::message::empty_messages;
use crate::time::StationTime;

structures! {
    /// We order an update.
    UpdateFirmwareRequest {
        /// The firmware's address.
        location: String = required "location" [uri()],
        /// How often it is tried; `None` leaves it to the station.
        retries: Option<u32> = optional "retries",
        /// When to fetch it.
        retrieve_date: StationTime = required "retrieveDate",
        /// How long between tries; `None` leaves it to the station.
        retry_interval: Option<TimeSpan> = optional "retryInterval",
    }
}

empty_messages! {
    /// The station's answer: it will.
    UpdateFirmwareResponse;
}
