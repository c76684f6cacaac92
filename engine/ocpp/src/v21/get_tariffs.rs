//! GetTariffs: which tariffs a station holds.

use crate::member::{Secret, structures};
use crate::time::StationTime;
use crate::v201::{EvseNumber, StatusInfo};
use crate::words::words;

words! {
    /// Whether there are any.
    TariffGetStatus {
        /// They are listed.
        Accepted = "Accepted",
        /// It does not tell.
        Rejected = "Rejected",
        /// There are none.
        NoTariff = "NoTariff",
    }
}

words! {
    /// Whose tariff it is.
    TariffKind {
        /// Everybody's.
        DefaultTariff = "DefaultTariff",
        /// Somebody's.
        DriverTariff = "DriverTariff",
    }
}

structures! {
    /// We ask for tariffs.
    GetTariffsRequest {
        /// At which EVSE; 0 is all.
        evse_id: EvseNumber = required "evseId",
    }

    /// The station's answer.
    GetTariffsResponse {
        /// Whether there are any.
        status: TariffGetStatus = required "status",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// Those there are.
        tariff_assignments: Vec<TariffAssignment> = optional "tariffAssignments",
    }

    /// Where a tariff holds.
    TariffAssignment {
        /// Its id; at most 60 characters.
        tariff_id: String = required "tariffId" [chars(60)],
        /// Whose it is.
        tariff_kind: TariffKind = required "tariffKind",
        /// From when.
        valid_from: StationTime = optional "validFrom",
        /// At which EVSEs.
        evse_ids: Vec<EvseNumber> = optional "evseIds",
        /// For whom; at most 255 characters each.
        id_tokens: Vec<Secret> = optional "idTokens" [chars(255)],
    }
}
