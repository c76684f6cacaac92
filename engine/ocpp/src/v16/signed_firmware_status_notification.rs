//! SignedFirmwareStatusNotification: how an update of signed firmware goes (security whitepaper).

use crate::maintenance::FirmwareStatus;
use crate::member::structures;
use crate::message::empty_messages;

structures! {
    /// A station tells how its update goes.
    SignedFirmwareStatusNotificationRequest {
        /// How.
        status: FirmwareStatus = required "status",
        /// Our number of the update; `None` only where we asked for the message, or the station updates by itself.
        request_id: Option<i32> = optional "requestId",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    SignedFirmwareStatusNotificationResponse;
}
