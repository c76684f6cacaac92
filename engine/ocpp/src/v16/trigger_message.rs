//! TriggerMessage: make a station send a message now.

use super::Message;
use super::types::ConnectorId;
use crate::fields::{Fields, PayloadError};
use crate::words::{TriggerMessageStatus, words};
use crate::writer::Writer;

words! {
    /// Which message.
    MessageTrigger {
        /// BootNotification.
        BootNotification = "BootNotification",
        /// DiagnosticsStatusNotification.
        DiagnosticsStatusNotification = "DiagnosticsStatusNotification",
        /// FirmwareStatusNotification.
        FirmwareStatusNotification = "FirmwareStatusNotification",
        /// Heartbeat.
        Heartbeat = "Heartbeat",
        /// MeterValues.
        MeterValues = "MeterValues",
        /// StatusNotification.
        StatusNotification = "StatusNotification",
    }
}

/// We ask for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerMessageRequest {
    /// Which.
    pub requested_message: MessageTrigger,
    /// Of which connector; `None` is of all or does not apply.
    pub connector_id: Option<ConnectorId>,
}

impl Message for TriggerMessageRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            requested_message: fields.word_required("requestedMessage")?,
            connector_id: ConnectorId::optional(fields),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word("requestedMessage", &self.requested_message);
        if let Some(connector) = self.connector_id {
            connector.write(out);
        }
    }
}

/// The station's answer, before the message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerMessageResponse {
    /// What came of it.
    pub status: TriggerMessageStatus,
}

impl Message for TriggerMessageResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
