//! PullDynamicScheduleUpdate: a station asks for the limit of a dynamic profile.

use super::update_dynamic_schedule::ChargingScheduleUpdate;
use crate::member::structures;
use crate::v201::StatusInfo;
use crate::words::AcceptedStatus;

structures! {
    /// A station asks.
    PullDynamicScheduleUpdateRequest {
        /// Of which profile.
        charging_profile_id: i32 = required "chargingProfileId",
    }

    /// Our answer.
    PullDynamicScheduleUpdateResponse {
        /// What holds from now on.
        schedule_update: Option<Box<ChargingScheduleUpdate>> = optional "scheduleUpdate",
        /// Whether there is such a profile.
        status: AcceptedStatus = required "status",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
    }
}
