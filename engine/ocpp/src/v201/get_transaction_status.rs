//! GetTransactionStatus: does a transaction go on, and is anything about it still to come?

use super::types::ReportedTransaction;
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::writer::Writer;

/// We ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetTransactionStatusRequest {
    /// The transaction, by the station's id; `None` asks for messages of any.
    pub transaction_id: Option<ReportedTransaction>,
}

impl Message for GetTransactionStatusRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { transaction_id: ReportedTransaction::optional(fields) })
    }

    fn write(&self, out: &mut Writer) {
        ReportedTransaction::write_optional(self.transaction_id.as_ref(), out);
    }
}

/// The station's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GetTransactionStatusResponse {
    /// Whether the transaction goes on; `None` where none was asked for, or it was not said.
    pub ongoing_indicator: Option<bool>,
    /// Whether messages wait to be sent; `None` where it was not said.
    pub messages_in_queue: Option<bool>,
}

impl Message for GetTransactionStatusResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            ongoing_indicator: fields.flag("ongoingIndicator"),
            messages_in_queue: fields.flag_expected("messagesInQueue"),
        })
    }

    fn write(&self, out: &mut Writer) {
        if let Some(is_ongoing) = self.ongoing_indicator {
            out.flag("ongoingIndicator", is_ongoing);
        }
        out.flag_required("messagesInQueue", self.messages_in_queue);
    }
}
