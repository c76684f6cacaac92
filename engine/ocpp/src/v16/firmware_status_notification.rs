//! FirmwareStatusNotification: how an update of unsigned firmware goes.

use crate::member::structures;
use crate::message::empty_messages;
use crate::words::words;

words! {
    /// How it goes.
    PlainFirmwareStatus {
        /// The new firmware is there.
        Downloaded = "Downloaded",
        /// It could not be had.
        DownloadFailed = "DownloadFailed",
        /// It is coming.
        Downloading = "Downloading",
        /// Nothing is going on; only where it was asked.
        Idle = "Idle",
        /// The old firmware still runs.
        InstallationFailed = "InstallationFailed",
        /// It is being installed.
        Installing = "Installing",
        /// It runs.
        Installed = "Installed",
    }
}

structures! {
    /// A station tells how its update goes.
    FirmwareStatusNotificationRequest {
        /// How.
        status: PlainFirmwareStatus = required "status",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    FirmwareStatusNotificationResponse;
}
