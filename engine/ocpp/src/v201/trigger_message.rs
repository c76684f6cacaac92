//! TriggerMessage: make a station send a message now.

use super::types::{Evse, status_response};
use crate::member::structures;
use crate::words::{TriggerMessageStatus, words};

words! {
    /// Which message.
    MessageTrigger {
        /// BootNotification.
        BootNotification = "BootNotification",
        /// LogStatusNotification.
        LogStatusNotification = "LogStatusNotification",
        /// FirmwareStatusNotification.
        FirmwareStatusNotification = "FirmwareStatusNotification",
        /// Heartbeat.
        Heartbeat = "Heartbeat",
        /// MeterValues.
        MeterValues = "MeterValues",
        /// SignCertificate for the station.
        SignChargingStationCertificate = "SignChargingStationCertificate",
        /// SignCertificate for ISO 15118.
        SignV2gCertificate = "SignV2GCertificate",
        /// StatusNotification; of one connector.
        StatusNotification = "StatusNotification",
        /// TransactionEvent, Updated.
        TransactionEvent = "TransactionEvent",
        /// SignCertificate for both.
        SignCombinedCertificate = "SignCombinedCertificate",
        /// PublishFirmwareStatusNotification.
        PublishFirmwareStatusNotification = "PublishFirmwareStatusNotification",
    } since_v21 {
        /// SignCertificate for ISO 15118-20.
        SignV2g20Certificate = "SignV2G20Certificate",
        /// One of the vendor's own.
        CustomTrigger = "CustomTrigger",
    }
}

structures! {
    /// We ask for a message.
    TriggerMessageRequest {
        /// Of which EVSE or connector; `None` is of all or does not apply.
        evse: Option<Evse> = optional "evse",
        /// Which.
        requested_message: MessageTrigger = required "requestedMessage",
        /// Which of the vendor's own; at most 50 characters.
        custom_trigger: Option<String> = optional "customTrigger" [since_v21().chars(50)],
    }
}

status_response! {
    /// The station's answer, before the message itself.
    TriggerMessageResponse, TriggerMessageStatus
}
