//! ReservationStatusUpdate: a reservation ended by itself.

use crate::member::structures;
use crate::message::empty_messages;
use crate::words::words;

words! {
    /// How it ended.
    ReservationUpdateStatus {
        /// Its time is over.
        Expired = "Expired",
        /// Something else ended it.
        Removed = "Removed",
    } since_v21 {
        /// It was used, and no transaction began.
        NoTransaction = "NoTransaction",
    }
}

structures! {
    /// A station tells that a reservation ended.
    ReservationStatusUpdateRequest {
        /// Our number of it; `None` where it is missing or unreadable.
        reservation_id: Option<u32> = required "reservationId",
        /// How.
        reservation_update_status: ReservationUpdateStatus = required "reservationUpdateStatus",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    ReservationStatusUpdateResponse;
}
