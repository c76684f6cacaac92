//! NotifyAllowedEnergyTransfer: how energy may go into the EV of a transaction, or out of it.

use crate::member::structures;
use crate::v201::{EnergyTransferMode, ReportedTransaction, status_response};
use crate::words::AcceptedStatus;

structures! {
    /// We tell.
    NotifyAllowedEnergyTransferRequest {
        /// Of which transaction.
        transaction_id: ReportedTransaction = required "transactionId",
        /// How it may go.
        allowed_energy_transfer: Vec<EnergyTransferMode> = required "allowedEnergyTransfer",
    }
}

status_response! {
    /// The station's answer.
    NotifyAllowedEnergyTransferResponse, AcceptedStatus
}
