//! LogStatusNotification: how the upload of a log goes.

use super::types::StatusInfo;
use crate::member::structures;
use crate::message::empty_messages;
use crate::words::words;

words! {
    /// How it goes.
    UploadLogStatus {
        /// The receiver did not understand.
        BadMessage = "BadMessage",
        /// Nothing is going on; only where it was asked.
        Idle = "Idle",
        /// The receiver does not do it.
        NotSupportedOperation = "NotSupportedOperation",
        /// The receiver did not allow it.
        PermissionDenied = "PermissionDenied",
        /// It is there.
        Uploaded = "Uploaded",
        /// It failed.
        UploadFailure = "UploadFailure",
        /// It is coming.
        Uploading = "Uploading",
        /// It ends for another one.
        AcceptedCanceled = "AcceptedCanceled",
    }
}

structures! {
    /// A station tells how an upload goes.
    LogStatusNotificationRequest {
        /// How.
        status: UploadLogStatus = required "status",
        /// Our number of the upload; `None` only where we asked for the message.
        request_id: Option<i32> = optional "requestId",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo" [since_v21()],
    }
}

empty_messages! {
    /// Our answer: it is kept.
    LogStatusNotificationResponse;
}
