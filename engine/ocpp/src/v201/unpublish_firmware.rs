//! UnpublishFirmware: a local controller hands firmware on no longer.

use crate::member::structures;
use crate::words::words;

words! {
    /// What came of it.
    UnpublishFirmwareStatus {
        /// A station is taking it.
        DownloadOngoing = "DownloadOngoing",
        /// There is none such.
        NoFirmware = "NoFirmware",
        /// Stations cannot have it any more.
        Unpublished = "Unpublished",
    }
}

structures! {
    /// We order it.
    UnpublishFirmwareRequest {
        /// MD5 of the firmware, in hexadecimal digits; at most 32 characters.
        checksum: String = required "checksum" [chars(32)],
    }

    /// The controller's answer.
    UnpublishFirmwareResponse {
        /// What came of it.
        status: UnpublishFirmwareStatus = required "status",
    }
}
