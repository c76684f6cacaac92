//! ExtendedTriggerMessage: make a station send a message now (security whitepaper).

use super::types::ConnectorId;
use crate::member::structures;
use crate::words::{TriggerMessageStatus, words};

words! {
    /// Which message.
    ExtendedMessageTrigger {
        /// BootNotification.
        BootNotification = "BootNotification",
        /// LogStatusNotification.
        LogStatusNotification = "LogStatusNotification",
        /// SignedFirmwareStatusNotification.
        FirmwareStatusNotification = "FirmwareStatusNotification",
        /// Heartbeat.
        Heartbeat = "Heartbeat",
        /// MeterValues.
        MeterValues = "MeterValues",
        /// SignCertificate.
        SignChargePointCertificate = "SignChargePointCertificate",
        /// StatusNotification.
        StatusNotification = "StatusNotification",
    }
}

structures! {
    /// We ask for a message.
    ExtendedTriggerMessageRequest {
        /// Which.
        requested_message: ExtendedMessageTrigger = required "requestedMessage",
        /// Of which connector; `None` is of all or does not apply.
        connector_id: Option<ConnectorId> = optional "connectorId",
    }

    /// The station's answer, before the message itself.
    ExtendedTriggerMessageResponse {
        /// What came of it.
        status: TriggerMessageStatus = required "status",
    }
}
