//! ClearDisplayMessage: take a message off the display.

use super::types::status_response;
use crate::member::structures;
use crate::words::words;

words! {
    /// What came of clearing a message.
    ClearMessageStatus {
        /// It is gone.
        Accepted = "Accepted",
        /// There was none of this number.
        Unknown = "Unknown",
    } since_v21 {
        /// It stays.
        Rejected = "Rejected",
    }
}

structures! {
    /// We take a message off.
    ClearDisplayMessageRequest {
        /// The message's number.
        id: u32 = required "id",
    }
}

status_response! {
    /// The station's answer.
    ClearDisplayMessageResponse, ClearMessageStatus
}
