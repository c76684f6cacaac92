//! Reset: restart a station, or an EVSE.

use super::types::{EvseNumber, status_response};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::{ScheduledStatus, words};
use crate::writer::Writer;

words! {
    /// When to restart.
    ResetType {
        /// At once: transactions are ended.
        Immediate = "Immediate",
        /// When no transaction is left.
        OnIdle = "OnIdle",
    } since_v21 {
        /// At once: transactions go on after it.
        ImmediateAndResume = "ImmediateAndResume",
    }
}

/// We ask for a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetRequest {
    /// When.
    pub kind: ResetType,
    /// Of which EVSE; `None` is the station.
    pub evse_id: Option<EvseNumber>,
}

impl Message for ResetRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { kind: fields.word_required("type")?, evse_id: EvseNumber::optional(fields) })
    }

    fn write(&self, out: &mut Writer) {
        out.word("type", &self.kind);
        EvseNumber::write_optional(self.evse_id, out);
    }
}

status_response! {
    /// The station's answer.
    ResetResponse, ScheduledStatus
}
