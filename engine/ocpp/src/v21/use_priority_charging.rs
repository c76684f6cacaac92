//! UsePriorityCharging: a transaction comes before others, or no longer.

use crate::member::structures;
use crate::v201::{ReportedTransaction, status_response};
use crate::words::words;

words! {
    /// What came of it.
    PriorityChargingStatus {
        /// It is so.
        Accepted = "Accepted",
        /// It is not.
        Rejected = "Rejected",
        /// There is no profile for it.
        NoProfile = "NoProfile",
    }
}

structures! {
    /// We order it.
    UsePriorityChargingRequest {
        /// Which transaction.
        transaction_id: ReportedTransaction = required "transactionId",
        /// Whether it comes before others.
        activate: bool = required "activate",
    }
}

status_response! {
    /// The station's answer.
    UsePriorityChargingResponse, PriorityChargingStatus
}
