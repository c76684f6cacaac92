//! CancelReservation: an EVSE is kept for nobody any more.

use crate::member::structures;
use crate::words::AcceptedStatus;

structures! {
    /// We end a reservation.
    CancelReservationRequest {
        /// Our number of it.
        reservation_id: i32 = required "reservationId",
    }

    /// The station's answer.
    CancelReservationResponse {
        /// Whether there was one.
        status: AcceptedStatus = required "status",
    }
}
