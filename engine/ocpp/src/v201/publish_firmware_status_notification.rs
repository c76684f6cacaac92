//! PublishFirmwareStatusNotification: how handing firmware on goes.

use super::types::StatusInfo;
use crate::member::structures;
use crate::message::empty_messages;
use crate::words::words;

words! {
    /// How it goes.
    PublishFirmwareStatus {
        /// Nothing is going on; only where it was asked.
        Idle = "Idle",
        /// It will be taken later.
        DownloadScheduled = "DownloadScheduled",
        /// It is coming.
        Downloading = "Downloading",
        /// It is there.
        Downloaded = "Downloaded",
        /// Stations may have it.
        Published = "Published",
        /// It could not be had.
        DownloadFailed = "DownloadFailed",
        /// It waits.
        DownloadPaused = "DownloadPaused",
        /// It is not what it should be.
        InvalidChecksum = "InvalidChecksum",
        /// It is what it should be.
        ChecksumVerified = "ChecksumVerified",
        /// It is there, and stations cannot have it.
        PublishFailed = "PublishFailed",
    }
}

structures! {
    /// A controller tells how it goes.
    PublishFirmwareStatusNotificationRequest {
        /// How.
        status: PublishFirmwareStatus = required "status",
        /// Where stations may have it; at most 512 characters each, in OCPP 2.1 2000.
        location: Vec<String> = optional "location" [chars(512).chars_v21(2000)],
        /// Our number of the order; `None` only where we asked for the message.
        request_id: Option<u32> = optional "requestId",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo" [since_v21()],
    }
}

empty_messages! {
    /// Our answer: it is kept.
    PublishFirmwareStatusNotificationResponse;
}
