//! TriggerMessage: make a station send a message now.

use super::types::{Evse, status_response};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::{TriggerMessageStatus, words};
use crate::writer::Writer;

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
    }
}

/// We ask for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerMessageRequest {
    /// Of what; `None` is of all or does not apply.
    pub evse: Option<Evse>,
    /// Which.
    pub requested_message: MessageTrigger,
}

impl Message for TriggerMessageRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            evse: fields.object("evse", Evse::read)?,
            requested_message: fields.word_required("requestedMessage")?,
        })
    }

    fn write(&self, out: &mut Writer) {
        Evse::write_optional(self.evse, out);
        out.word("requestedMessage", &self.requested_message);
    }
}

status_response! {
    /// The station's answer, before the message itself.
    TriggerMessageResponse, TriggerMessageStatus
}
