//! CostUpdated: what a transaction costs so far, for the display.

use super::types::ReportedTransaction;
use crate::figure::Figure;
use crate::member::structures;
use crate::message::empty_messages;

structures! {
    /// We tell the cost.
    CostUpdatedRequest {
        /// The cost with taxes, in the station's currency.
        total_cost: Figure = required "totalCost",
        /// The transaction.
        transaction_id: ReportedTransaction = required "transactionId",
    }
}

empty_messages! {
    /// The station's answer.
    CostUpdatedResponse;
}
