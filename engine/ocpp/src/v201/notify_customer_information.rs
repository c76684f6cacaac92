//! NotifyCustomerInformation: what a station holds of a person.

use crate::member::{Secret, structures};
use crate::message::empty_messages;
use crate::time::StationTime;

structures! {
    /// A station reports what it holds.
    NotifyCustomerInformationRequest {
        /// Text of the station's own form; at most 512 characters.
        data: Secret = required "data" [chars(512)],
        /// Whether another part follows; `None` is no.
        tbc: Option<bool> = optional "tbc",
        /// The number of this part, from 0; `None` where it is missing or unreadable.
        seq_no: Option<u32> = required "seqNo",
        /// When the message was made, by the station's clock.
        generated_at: StationTime = required "generatedAt",
        /// Our number of the request; `None` where it is missing or unreadable.
        request_id: Option<u32> = required "requestId",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    NotifyCustomerInformationResponse;
}
