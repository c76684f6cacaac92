//! NotifyDisplayMessages: the messages that a station shows.

use super::set_display_message::MessageInfo;
use crate::member::structures;
use crate::message::empty_messages;

structures! {
    /// A station reports messages.
    NotifyDisplayMessagesRequest {
        /// The messages.
        message_info: Vec<MessageInfo> = optional "messageInfo",
        /// Our number of the request; `None` where it is missing or unreadable.
        request_id: Option<i32> = required "requestId",
        /// Whether another part follows; `None` is no.
        tbc: Option<bool> = optional "tbc",
    }
}

empty_messages! {
    /// Our answer: it is kept.
    NotifyDisplayMessagesResponse;
}
