//! VatNumberValidation: whether a VAT number is one.

use super::notify_settlement::Address;
use crate::member::structures;
use crate::v201::{EvseNumber, StatusInfo};
use crate::words::AcceptedStatus;

structures! {
    /// A station asks.
    VatNumberValidationRequest {
        /// The number; at most 20 characters.
        vat_number: String = required "vatNumber" [chars(20)],
        /// At which EVSE.
        evse_id: Option<EvseNumber> = optional "evseId",
    }

    /// Our answer.
    VatNumberValidationResponse {
        /// Whose it is.
        company: Option<Box<Address>> = optional "company",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// The number; at most 20 characters.
        vat_number: String = required "vatNumber" [chars(20).or_empty()],
        /// At which EVSE.
        evse_id: Option<EvseNumber> = optional "evseId",
        /// Whether it is one.
        status: AcceptedStatus = required "status",
    }
}
