//! CancelReservation: an EVSE is kept for nobody any more.

use super::types::status_response;
use crate::member::structures;
use crate::words::AcceptedStatus;

structures! {
    /// We end a reservation.
    CancelReservationRequest {
        /// Our number of it.
        reservation_id: u32 = required "reservationId",
    }
}

status_response! {
    /// The station's answer: whether there was one.
    CancelReservationResponse, AcceptedStatus
}
