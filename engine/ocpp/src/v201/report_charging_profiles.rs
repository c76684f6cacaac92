//! ReportChargingProfiles: the profiles that a station holds.

use super::profile::{ChargingLimitSource, ChargingProfile};
use super::types::EvseNumber;
use crate::member::structures;
use crate::message::empty_messages;

structures! {
    /// A station reports profiles.
    ReportChargingProfilesRequest {
        /// Our number of the request; `None` where it is missing or unreadable.
        request_id: Option<i32> = required "requestId",
        /// Whose they are.
        charging_limit_source: ChargingLimitSource = required "chargingLimitSource",
        /// The profiles.
        charging_profile: Vec<ChargingProfile> = required "chargingProfile",
        /// Whether another part follows; `None` is no.
        tbc: Option<bool> = optional "tbc",
        /// The EVSE; 0 is the station.
        evse_id: EvseNumber = required "evseId",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    ReportChargingProfilesResponse;
}
