//! UnlockConnector: let go of a cable.

use super::types::{ConnectorNumber, EvseNumber, status_response};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

/// We ask to unlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlockConnectorRequest {
    /// The EVSE, from 1.
    pub evse_id: EvseNumber,
    /// Its connector, from 1.
    pub connector_id: ConnectorNumber,
}

impl Message for UnlockConnectorRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            evse_id: EvseNumber::required(fields, "evseId")?,
            connector_id: ConnectorNumber(
                fields.whole_required("connectorId", "a connector number from 0 to 65535")?,
            ),
        })
    }

    fn write(&self, out: &mut Writer) {
        if self.evse_id == EvseNumber::STATION {
            out.refuse("evseId", EncodeFault::Rule { rule: "starts at 1 when unlocking" });
        }
        self.evse_id.write(out);
        if self.connector_id.0 == 0 {
            out.refuse("connectorId", EncodeFault::Rule { rule: "starts at 1 when unlocking" });
        }
        out.number("connectorId", self.connector_id.0);
    }
}

words! {
    /// What came of unlocking.
    UnlockStatus {
        /// Unlocked.
        Unlocked = "Unlocked",
        /// It did not unlock.
        UnlockFailed = "UnlockFailed",
        /// A transaction that was authorized is going on: it has to be stopped first.
        OngoingAuthorizedTransaction = "OngoingAuthorizedTransaction",
        /// There is no such connector.
        UnknownConnector = "UnknownConnector",
    }
}

status_response! {
    /// The station's answer.
    UnlockConnectorResponse, UnlockStatus
}
