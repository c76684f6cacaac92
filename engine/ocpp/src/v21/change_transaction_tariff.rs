//! ChangeTransactionTariff: a transaction costs something else from now on.

use super::tariff::Tariff;
use crate::member::structures;
use crate::v201::{ReportedTransaction, status_response};
use crate::words::words;

words! {
    /// What came of it.
    TariffChangeStatus {
        /// It holds.
        Accepted = "Accepted",
        /// It does not.
        Rejected = "Rejected",
        /// It has more elements than the station can hold.
        TooManyElements = "TooManyElements",
        /// It has a condition that the station does not know.
        ConditionNotSupported = "ConditionNotSupported",
        /// There is no such transaction.
        TxNotFound = "TxNotFound",
        /// It is in another currency.
        NoCurrencyChange = "NoCurrencyChange",
    }
}

structures! {
    /// We change it.
    ChangeTransactionTariffRequest {
        /// The tariff.
        tariff: Box<Tariff> = required "tariff",
        /// Of which transaction.
        transaction_id: ReportedTransaction = required "transactionId",
    }
}

status_response! {
    /// The station's answer.
    ChangeTransactionTariffResponse, TariffChangeStatus
}
