//! NotifyWebPaymentStarted: a driver is about to pay on a page. It goes to the station, which waits.

use units::TimeSpan;

use crate::member::structures;
use crate::message::empty_messages;
use crate::v201::EvseNumber;

structures! {
    /// We tell that somebody pays.
    NotifyWebPaymentStartedRequest {
        /// At which EVSE; 0 is not known yet.
        evse_id: EvseNumber = required "evseId",
        /// How long the station waits.
        timeout: TimeSpan = required "timeout",
    }
}

empty_messages! {
    /// The station's answer.
    NotifyWebPaymentStartedResponse;
}
