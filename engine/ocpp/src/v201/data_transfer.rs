//! DataTransfer: what vendors add, in both directions.

use super::types::StatusInfo;
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::DataTransferStatus;
use crate::writer::Writer;

/// A vendor's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTransferRequest {
    /// Whose message it is; at most 255 characters.
    pub vendor_id: String,
    /// Which message; at most 50 characters.
    pub message_id: Option<String>,
    /// Its content: JSON text of any kind.
    pub data: Option<String>,
}

impl Message for DataTransferRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            vendor_id: fields.text_expected("vendorId", 255),
            message_id: fields.text("messageId", 50),
            data: fields.json_text("data"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.text_optional("messageId", self.message_id.as_ref(), 50);
        out.json_optional("data", self.data.as_ref());
        out.text_required("vendorId", &self.vendor_id, 255);
    }
}

/// The answer to a vendor's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTransferResponse {
    /// What came of it.
    pub status: DataTransferStatus,
    /// Why.
    pub status_info: Option<StatusInfo>,
    /// Content: JSON text of any kind.
    pub data: Option<String>,
}

impl DataTransferResponse {
    /// Status alone.
    #[must_use]
    pub const fn new(status: DataTransferStatus) -> Self {
        Self { status, status_info: None, data: None }
    }
}

impl Message for DataTransferResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            status: fields.word_expected("status"),
            status_info: StatusInfo::optional(fields)?,
            data: fields.json_text("data"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
        StatusInfo::write_optional(self.status_info.as_ref(), out);
        out.json_optional("data", self.data.as_ref());
    }
}
