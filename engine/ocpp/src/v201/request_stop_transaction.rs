//! RequestStopTransaction: end a transaction.

use super::types::{ReportedTransaction, status_response};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::AcceptedStatus;
use crate::writer::Writer;

/// We ask for an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestStopTransactionRequest {
    /// The transaction, by the station's id.
    pub transaction_id: ReportedTransaction,
}

impl Message for RequestStopTransactionRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { transaction_id: ReportedTransaction::expected(fields) })
    }

    fn write(&self, out: &mut Writer) {
        self.transaction_id.write(out);
    }
}

status_response! {
    /// The station's answer.
    RequestStopTransactionResponse, AcceptedStatus
}
