//! ClearedChargingLimit: somebody else limits a station no longer.

use super::profile::ChargingLimitSource;
use super::types::EvseNumber;
use crate::member::structures;
use crate::message::empty_messages;

structures! {
    /// A station tells that a limit is gone.
    ClearedChargingLimitRequest {
        /// Whose it was.
        charging_limit_source: ChargingLimitSource = required "chargingLimitSource",
        /// The EVSE; `None` is the station.
        evse_id: Option<EvseNumber> = optional "evseId",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    ClearedChargingLimitResponse;
}
