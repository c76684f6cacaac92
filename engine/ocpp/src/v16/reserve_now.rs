//! ReserveNow: an EVSE is kept for somebody.

use super::types::{ConnectorId, IdTag};
use crate::maintenance::ReservationStatus;
use crate::member::structures;
use crate::time::StationTime;

structures! {
    /// We reserve.
    ReserveNowRequest {
        /// The connector; 0 is any.
        connector_id: ConnectorId = required "connectorId",
        /// Until when.
        expiry_date: StationTime = required "expiryDate",
        /// For whom.
        id_tag: IdTag = required "idTag",
        /// Or for all of this group.
        parent_id_tag: Option<IdTag> = optional "parentIdTag",
        /// Our number of the reservation; one of the same number is replaced.
        reservation_id: i32 = required "reservationId",
    }

    /// The station's answer.
    ReserveNowResponse {
        /// What came of it.
        status: ReservationStatus = required "status",
    }
}
