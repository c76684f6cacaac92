//! SetDefaultTariff: what energy costs at a station where nothing else is said.

use super::tariff::Tariff;
use crate::member::structures;
use crate::v201::{EvseNumber, status_response};
use crate::words::words;

words! {
    /// What came of it.
    TariffSetStatus {
        /// It holds.
        Accepted = "Accepted",
        /// It does not.
        Rejected = "Rejected",
        /// It has more elements than the station can hold.
        TooManyElements = "TooManyElements",
        /// It has a condition that the station does not know.
        ConditionNotSupported = "ConditionNotSupported",
        /// Another tariff has its id.
        DuplicateTariffId = "DuplicateTariffId",
    }
}

structures! {
    /// We set a tariff.
    SetDefaultTariffRequest {
        /// At which EVSE; 0 is all.
        evse_id: EvseNumber = required "evseId",
        /// The tariff.
        tariff: Box<Tariff> = required "tariff",
    }
}

status_response! {
    /// The station's answer.
    SetDefaultTariffResponse, TariffSetStatus
}
