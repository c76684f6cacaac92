//! DataTransfer: what vendors add, in both directions.

use super::Message;
use crate::fields::{Fields, PayloadError};
use crate::words::DataTransferStatus;
use crate::writer::Writer;

/// A vendor's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTransferRequest {
    /// Whose message it is; at most 255 characters.
    pub vendor_id: String,
    /// Which message; at most 50 characters.
    pub message_id: Option<String>,
    /// Its content, of any length.
    pub data: Option<String>,
}

impl Message for DataTransferRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            vendor_id: fields.text_expected("vendorId", 255),
            message_id: fields.text("messageId", 50),
            data: fields.text_or_empty("data", usize::MAX),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.text_required("vendorId", &self.vendor_id, 255);
        out.text_optional("messageId", self.message_id.as_ref(), 50);
        out.text_optional("data", self.data.as_ref(), usize::MAX);
    }
}

/// The answer to a vendor's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTransferResponse {
    /// What came of it.
    pub status: DataTransferStatus,
    /// Content, of any length.
    pub data: Option<String>,
}

impl Message for DataTransferResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status"), data: fields.text_or_empty("data", usize::MAX) })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
        out.text_optional("data", self.data.as_ref(), usize::MAX);
    }
}
