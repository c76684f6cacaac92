//! UnlockConnector: let go of a cable.

use super::Message;
use super::types::ConnectorId;
use crate::fields::{Fields, PayloadError};
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

/// We ask to unlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlockConnectorRequest {
    /// The connector, from 1.
    pub connector_id: ConnectorId,
}

impl Message for UnlockConnectorRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { connector_id: ConnectorId::required(fields)? })
    }

    fn write(&self, out: &mut Writer) {
        if self.connector_id == ConnectorId::STATION {
            out.refuse("connectorId", EncodeFault::Rule { rule: "starts at 1 when unlocking" });
        }
        self.connector_id.write(out);
    }
}

words! {
    /// What came of unlocking.
    UnlockStatus {
        /// Unlocked.
        Unlocked = "Unlocked",
        /// It did not unlock.
        UnlockFailed = "UnlockFailed",
        /// There is no lock, or no such connector.
        NotSupported = "NotSupported",
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlockConnectorResponse {
    /// What came of it.
    pub status: UnlockStatus,
}

impl Message for UnlockConnectorResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
