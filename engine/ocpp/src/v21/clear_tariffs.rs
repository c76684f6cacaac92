//! ClearTariffs: tariffs hold no longer.

use crate::member::structures;
use crate::v201::{EvseNumber, StatusInfo};
use crate::words::words;

words! {
    /// What came of it.
    TariffClearStatus {
        /// It holds no longer.
        Accepted = "Accepted",
        /// It holds.
        Rejected = "Rejected",
        /// There is none such.
        NoTariff = "NoTariff",
    }
}

structures! {
    /// We take tariffs out.
    ClearTariffsRequest {
        /// Which, at most 60 characters each; empty is all.
        tariff_ids: Vec<String> = optional "tariffIds" [chars(60)],
        /// At which EVSE; `None` is all.
        evse_id: Option<EvseNumber> = optional "evseId",
    }

    /// The station's answer.
    ClearTariffsResponse {
        /// One per tariff.
        clear_tariffs_result: Vec<ClearTariffsResult> = required "clearTariffsResult",
    }

    /// What came of one tariff.
    ClearTariffsResult {
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// Its id; at most 60 characters.
        tariff_id: Option<String> = optional "tariffId" [chars(60)],
        /// What came of it.
        status: TariffClearStatus = required "status",
    }
}
