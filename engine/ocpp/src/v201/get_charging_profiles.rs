//! GetChargingProfiles: which profiles a station holds.

use super::profile::{ChargingLimitSource, ChargingProfilePurpose};
use super::types::{EvseNumber, status_response};
use crate::member::structures;
use crate::words::words;

words! {
    /// Whether there are any.
    GetChargingProfileStatus {
        /// They follow with ReportChargingProfiles.
        Accepted = "Accepted",
        /// There are none.
        NoProfiles = "NoProfiles",
    }
}

structures! {
    /// We ask for profiles.
    GetChargingProfilesRequest {
        /// Our number of the request.
        request_id: i32 = required "requestId",
        /// The EVSE; 0 is those of the station as a whole, `None` is all.
        evse_id: Option<EvseNumber> = optional "evseId",
        /// What they have in common.
        charging_profile: ChargingProfileCriterion = required "chargingProfile",
    }

    /// What the profiles asked for have in common: all that is given.
    ChargingProfileCriterion {
        /// The purpose.
        charging_profile_purpose: Option<ChargingProfilePurpose> = optional "chargingProfilePurpose",
        /// The stack level.
        stack_level: Option<u32> = optional "stackLevel",
        /// Their ids; then nothing else is given.
        charging_profile_id: Vec<i32> = optional "chargingProfileId",
        /// Whose they are; at most 4.
        charging_limit_source: Vec<ChargingLimitSource> = optional "chargingLimitSource" [items(4)],
    }
}

status_response! {
    /// The station's answer.
    GetChargingProfilesResponse, GetChargingProfileStatus
}
