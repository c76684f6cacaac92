//! Reset: restart a station.

use super::Message;
use crate::fields::{Fields, PayloadError};
use crate::words::{AcceptedStatus, words};
use crate::writer::Writer;

words! {
    /// How to restart.
    ResetType {
        /// At once, like a power cycle.
        Hard = "Hard",
        /// After its transactions were stopped.
        Soft = "Soft",
    }
}

/// We ask for a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetRequest {
    /// How.
    pub kind: ResetType,
}

impl Message for ResetRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { kind: fields.word_required("type")? })
    }

    fn write(&self, out: &mut Writer) {
        out.word("type", &self.kind);
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetResponse {
    /// Whether it is taken.
    pub status: AcceptedStatus,
}

impl Message for ResetResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
