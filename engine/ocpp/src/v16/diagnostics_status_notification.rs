//! DiagnosticsStatusNotification: how an upload of diagnostics goes.

use crate::member::structures;
use crate::message::empty_messages;
use crate::words::words;

words! {
    /// How it goes.
    DiagnosticsStatus {
        /// Nothing is going on; only where it was asked.
        Idle = "Idle",
        /// It is there.
        Uploaded = "Uploaded",
        /// It failed.
        UploadFailed = "UploadFailed",
        /// It is coming.
        Uploading = "Uploading",
    }
}

structures! {
    /// A station tells how an upload goes.
    DiagnosticsStatusNotificationRequest {
        /// How.
        status: DiagnosticsStatus = required "status",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    DiagnosticsStatusNotificationResponse;
}
