//! NotifyEVChargingSchedule: what an EV means to draw (ISO 15118).

use super::profile::ChargingSchedule;
use super::types::{EvseNumber, status_response};
use crate::member::structures;
use crate::time::StationTime;
use crate::words::AcceptedStatus;

structures! {
    /// A station passes on an EV's schedule.
    NotifyEVChargingScheduleRequest {
        /// Where the periods count from, by the station's clock.
        time_base: StationTime = required "timeBase",
        /// The schedule.
        charging_schedule: ChargingSchedule = required "chargingSchedule",
        /// Where.
        evse_id: EvseNumber = required "evseId",
        /// Which of the schedules offered the EV chose.
        selected_charging_schedule_id: Option<u32> = optional "selectedChargingScheduleId" [since_v21()],
        /// The EV keeps to the tolerance of the schedule.
        power_tolerance_acceptance: Option<bool> = optional "powerToleranceAcceptance" [since_v21()],
    }
}

status_response! {
    /// Our answer: whether it was understood, not whether we agree.
    NotifyEVChargingScheduleResponse, AcceptedStatus
}
