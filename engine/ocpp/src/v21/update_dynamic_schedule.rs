//! UpdateDynamicSchedule: another limit in a dynamic profile.

use crate::figure::Figure;
use crate::member::structures;
use crate::v201::status_response;
use crate::words::AcceptedStatus;

structures! {
    /// We set a limit.
    UpdateDynamicScheduleRequest {
        /// In which profile.
        charging_profile_id: i32 = required "chargingProfileId",
        /// What holds from now on.
        schedule_update: Box<ChargingScheduleUpdate> = required "scheduleUpdate",
    }

    /// What holds in a dynamic profile, in the unit of its schedule. `L2` and `L3` are of those phases; without them it is
    /// of all, or of L1.
    ChargingScheduleUpdate {
        /// At most so much into the EV.
        limit: Option<Figure> = optional "limit",
        /// On L2.
        limit_l2: Option<Figure> = optional "limit_L2",
        /// On L3.
        limit_l3: Option<Figure> = optional "limit_L3",
        /// At most so much out of the EV; 0 or below.
        discharge_limit: Option<Figure> = optional "dischargeLimit",
        /// On L2.
        discharge_limit_l2: Option<Figure> = optional "dischargeLimit_L2",
        /// On L3.
        discharge_limit_l3: Option<Figure> = optional "dischargeLimit_L3",
        /// As near as can be to so much.
        setpoint: Option<Figure> = optional "setpoint",
        /// On L2.
        setpoint_l2: Option<Figure> = optional "setpoint_L2",
        /// On L3.
        setpoint_l3: Option<Figure> = optional "setpoint_L3",
        /// As near as can be to so much reactive power, or current.
        setpoint_reactive: Option<Figure> = optional "setpointReactive",
        /// On L2.
        setpoint_reactive_l2: Option<Figure> = optional "setpointReactive_L2",
        /// On L3.
        setpoint_reactive_l3: Option<Figure> = optional "setpointReactive_L3",
    }
}

status_response! {
    /// The station's answer.
    UpdateDynamicScheduleResponse, AcceptedStatus
}
