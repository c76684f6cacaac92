//! ChangeAvailability: take a connector, an EVSE, or the station, out of service or back.

use super::types::{Evse, status_response};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::{OperationalStatus, ScheduledStatus};
use crate::writer::Writer;

/// We ask for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeAvailabilityRequest {
    /// Of what; `None` is the station with all its EVSEs.
    pub evse: Option<Evse>,
    /// What it should be.
    pub operational_status: OperationalStatus,
}

impl Message for ChangeAvailabilityRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            evse: fields.object("evse", Evse::read)?,
            operational_status: fields.word_required("operationalStatus")?,
        })
    }

    fn write(&self, out: &mut Writer) {
        Evse::write_optional(self.evse, out);
        out.word("operationalStatus", &self.operational_status);
    }
}

status_response! {
    /// The station's answer.
    ChangeAvailabilityResponse, ScheduledStatus
}
