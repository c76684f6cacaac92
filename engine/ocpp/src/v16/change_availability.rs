//! ChangeAvailability: take a connector, or the station, out of service or back.

use super::Message;
use super::types::ConnectorId;
use crate::fields::{Fields, PayloadError};
use crate::words::{OperationalStatus, ScheduledStatus};
use crate::writer::Writer;

/// We ask for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeAvailabilityRequest {
    /// The connector; 0 is the station and all its connectors.
    pub connector_id: ConnectorId,
    /// What it should be.
    pub kind: OperationalStatus,
}

impl Message for ChangeAvailabilityRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { connector_id: ConnectorId::required(fields)?, kind: fields.word_required("type")? })
    }

    fn write(&self, out: &mut Writer) {
        self.connector_id.write(out);
        out.word("type", &self.kind);
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeAvailabilityResponse {
    /// What came of it.
    pub status: ScheduledStatus,
}

impl Message for ChangeAvailabilityResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
