//! FirmwareStatusNotification: how an update of firmware goes.

use super::types::StatusInfo;
use crate::maintenance::FirmwareStatus;
use crate::member::structures;
use crate::message::empty_messages;

structures! {
    /// A station tells how its update goes.
    FirmwareStatusNotificationRequest {
        /// How.
        status: FirmwareStatus = required "status",
        /// Our number of the update; `None` only where we asked for the message, or the station updates by itself.
        request_id: Option<i32> = optional "requestId",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo" [since_v21()],
    }
}

empty_messages! {
    /// Our answer: it is kept.
    FirmwareStatusNotificationResponse;
}
