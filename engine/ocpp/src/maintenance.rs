//! Firmware, logs and reservations, as several versions say alike.

use crate::member::structures;
use crate::time::StationTime;
use crate::words::words;

words! {
    /// How an update of the firmware goes.
    FirmwareStatus {
        /// The new firmware is there.
        Downloaded = "Downloaded",
        /// It could not be had.
        DownloadFailed = "DownloadFailed",
        /// It is coming.
        Downloading = "Downloading",
        /// It will be taken later.
        DownloadScheduled = "DownloadScheduled",
        /// It waits.
        DownloadPaused = "DownloadPaused",
        /// Nothing is going on; only where it was asked.
        Idle = "Idle",
        /// The old firmware still runs.
        InstallationFailed = "InstallationFailed",
        /// It is being installed.
        Installing = "Installing",
        /// It runs.
        Installed = "Installed",
        /// The station restarts for it.
        InstallRebooting = "InstallRebooting",
        /// It will be installed later.
        InstallScheduled = "InstallScheduled",
        /// What was installed is not what it should be.
        InstallVerificationFailed = "InstallVerificationFailed",
        /// It is not signed by whom it should be.
        InvalidSignature = "InvalidSignature",
        /// It is signed by whom it should be.
        SignatureVerified = "SignatureVerified",
    }
}

words! {
    /// What came of an order to update the firmware.
    UpdateFirmwareStatus {
        /// It will be done.
        Accepted = "Accepted",
        /// It will not.
        Rejected = "Rejected",
        /// It will be done, and the update before it will not.
        AcceptedCanceled = "AcceptedCanceled",
        /// The X.509 certificate of the signature is not valid.
        InvalidCertificate = "InvalidCertificate",
        /// The X.509 certificate of the signature was revoked.
        RevokedCertificate = "RevokedCertificate",
    }
}

words! {
    /// Which log.
    LogType {
        /// For diagnostics.
        DiagnosticsLog = "DiagnosticsLog",
        /// Of security events.
        SecurityLog = "SecurityLog",
    } since_v21 {
        /// Of a data collector.
        DataCollectorLog = "DataCollectorLog",
    }
}

structures! {
    /// Where a log goes, and what of it.
    LogParameters {
        /// The address; at most 512 characters, in OCPP 2.1 2000.
        remote_location: String = required "remoteLocation" [chars(512).chars_v21(2000)],
        /// Nothing that is older; absent is from the begin.
        oldest_timestamp: StationTime = optional "oldestTimestamp",
        /// Nothing that is newer; absent is to the end.
        latest_timestamp: StationTime = optional "latestTimestamp",
    }
}

words! {
    /// What came of asking for a log.
    LogStatus {
        /// It will be sent.
        Accepted = "Accepted",
        /// It will not.
        Rejected = "Rejected",
        /// It will be sent, and the one before it will not.
        AcceptedCanceled = "AcceptedCanceled",
    }
}

words! {
    /// What came of a reservation.
    ReservationStatus {
        /// It is kept.
        Accepted = "Accepted",
        /// The EVSE is faulted.
        Faulted = "Faulted",
        /// The EVSE is in use.
        Occupied = "Occupied",
        /// It cannot reserve.
        Rejected = "Rejected",
        /// The EVSE is out of service.
        Unavailable = "Unavailable",
    }
}

words! {
    /// Whether a local list replaces the one that is there or changes it.
    UpdateType {
        /// It changes it.
        Differential = "Differential",
        /// It replaces it.
        Full = "Full",
    }
}
