//! GetDisplayMessages: which messages a station shows.

use super::set_display_message::{MessagePriority, MessageState};
use super::types::status_response;
use crate::member::structures;
use crate::words::words;

words! {
    /// Whether there are any.
    GetDisplayMessagesStatus {
        /// They follow with NotifyDisplayMessages.
        Accepted = "Accepted",
        /// There are none.
        Unknown = "Unknown",
    }
}

structures! {
    /// We ask for messages.
    GetDisplayMessagesRequest {
        /// Their numbers; empty is all.
        id: Vec<u32> = optional "id",
        /// Our number of the request.
        request_id: i32 = required "requestId",
        /// Only those of this priority.
        priority: Option<MessagePriority> = optional "priority",
        /// Only those for this state.
        state: Option<MessageState> = optional "state",
    }
}

status_response! {
    /// The station's answer.
    GetDisplayMessagesResponse, GetDisplayMessagesStatus
}
