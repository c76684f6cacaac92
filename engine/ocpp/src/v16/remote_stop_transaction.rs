//! RemoteStopTransaction: stop a transaction.

use super::Message;
use super::types::ReportedTransaction;
use crate::fields::{Fields, PayloadError};
use crate::words::AcceptedStatus;
use crate::writer::Writer;

/// We ask for a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStopTransactionRequest {
    /// The transaction.
    pub transaction_id: ReportedTransaction,
}

impl Message for RemoteStopTransactionRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        match ReportedTransaction::read(fields) {
            ReportedTransaction::Missing => Err(PayloadError::Missing { field: "transactionId" }),
            transaction_id @ (ReportedTransaction::Number(_) | ReportedTransaction::Unreadable(_)) => {
                Ok(Self { transaction_id })
            }
        }
    }

    fn write(&self, out: &mut Writer) {
        self.transaction_id.write(out);
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStopTransactionResponse {
    /// Whether it is taken.
    pub status: AcceptedStatus,
}

impl Message for RemoteStopTransactionResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
