//! NotifyChargingLimit: somebody else limits a station.

use super::profile::{ChargingLimitSource, ChargingSchedule};
use super::types::EvseNumber;
use crate::member::structures;
use crate::message::empty_messages;

structures! {
    /// A station tells of a limit that is not ours.
    NotifyChargingLimitRequest {
        /// The limit over time, where it is known.
        charging_schedule: Vec<ChargingSchedule> = optional "chargingSchedule",
        /// The EVSE; `None` is the station.
        evse_id: Option<EvseNumber> = optional "evseId",
        /// Whose it is.
        charging_limit: ChargingLimit = required "chargingLimit",
    }

    /// A limit that is not ours.
    ChargingLimit {
        /// Whose it is.
        charging_limit_source: ChargingLimitSource = required "chargingLimitSource",
        /// It is for generation on the spot.
        is_local_generation: Option<bool> = optional "isLocalGeneration" [since_v21()],
        /// The grid depends on it.
        is_grid_critical: Option<bool> = optional "isGridCritical",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    NotifyChargingLimitResponse;
}
