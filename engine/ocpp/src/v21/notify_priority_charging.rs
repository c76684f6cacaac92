//! NotifyPriorityCharging: a driver asked to come before others, or no longer.

use crate::member::structures;
use crate::message::empty_messages;
use crate::v201::ReportedTransaction;

structures! {
    /// A station tells.
    NotifyPriorityChargingRequest {
        /// Which transaction.
        transaction_id: ReportedTransaction = required "transactionId",
        /// Whether it comes before others; `None` where it is missing or unreadable.
        activated: Option<bool> = required "activated",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    NotifyPriorityChargingResponse;
}
