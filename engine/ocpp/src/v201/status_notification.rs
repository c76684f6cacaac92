//! StatusNotification: what a connector is doing.

use super::types::{ConnectorNumber, EvseNumber};
use crate::fields::{Fields, PayloadError};
use crate::message::{Message, empty_messages};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::Writer;

words! {
    /// What a connector is doing. Whether energy flows is said in TransactionEvent.
    ConnectorStatus {
        /// Free.
        Available = "Available",
        /// An EV or a transaction is there.
        Occupied = "Occupied",
        /// Reserved.
        Reserved = "Reserved",
        /// Out of service.
        Unavailable = "Unavailable",
        /// Out of order.
        Faulted = "Faulted",
    }
}

/// A station reports a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNotificationRequest {
    /// Since when, by the station's clock.
    pub timestamp: StationTime,
    /// What it is doing.
    pub connector_status: ConnectorStatus,
    /// The EVSE.
    pub evse_id: EvseNumber,
    /// Its connector; `None` where it was not said.
    pub connector_id: Option<ConnectorNumber>,
}

impl Message for StatusNotificationRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            timestamp: fields.time_expected("timestamp"),
            connector_status: fields.word_required("connectorStatus")?,
            evse_id: EvseNumber::required(fields, "evseId")?,
            connector_id: fields.whole_expected("connectorId").map(ConnectorNumber),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.time("timestamp", &self.timestamp);
        out.word("connectorStatus", &self.connector_status);
        self.evse_id.write(out);
        out.whole_required("connectorId", self.connector_id.map(|connector| connector.0));
    }
}

empty_messages! {
    /// Our answer.
    StatusNotificationResponse;
}
