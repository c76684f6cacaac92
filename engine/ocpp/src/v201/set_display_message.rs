//! SetDisplayMessage: put a message on the display.

use super::device::Component;
use super::types::{MessageContent, ReportedTransaction, status_response};
use crate::member::structures;
use crate::time::StationTime;
use crate::words::words;

words! {
    /// Which message comes first.
    MessagePriority {
        /// Always this one.
        AlwaysFront = "AlwaysFront",
        /// Before the others, for once.
        InFront = "InFront",
        /// In turn.
        NormalCycle = "NormalCycle",
    }
}

words! {
    /// In which state of the station.
    MessageState {
        /// An EV charges.
        Charging = "Charging",
        /// Something is broken.
        Faulted = "Faulted",
        /// Nothing goes on.
        Idle = "Idle",
        /// Out of service.
        Unavailable = "Unavailable",
    } since_v21 {
        /// An EV gives energy.
        Discharging = "Discharging",
        /// A transaction rests.
        Suspended = "Suspended",
    }
}

words! {
    /// What came of a message.
    DisplayMessageStatus {
        /// It will be shown.
        Accepted = "Accepted",
        /// Not in this format.
        NotSupportedMessageFormat = "NotSupportedMessageFormat",
        /// It will not.
        Rejected = "Rejected",
        /// Not with this priority.
        NotSupportedPriority = "NotSupportedPriority",
        /// Not in this state.
        NotSupportedState = "NotSupportedState",
        /// There is no such transaction.
        UnknownTransaction = "UnknownTransaction",
    } since_v21 {
        /// Not in this language.
        LanguageNotSupported = "LanguageNotSupported",
    }
}

structures! {
    /// We put a message on.
    SetDisplayMessageRequest {
        /// The message.
        message: MessageInfo = required "message",
    }

    /// A message on a display.
    MessageInfo {
        /// Which display; `None` is the main one.
        display: Option<Component> = optional "display",
        /// Its number; one of the same number is replaced.
        id: u32 = required "id",
        /// Whether it comes first.
        priority: MessagePriority = required "priority",
        /// In which state; `None` is any.
        state: Option<MessageState> = optional "state",
        /// From when; absent is at once.
        start_date_time: StationTime = optional "startDateTime",
        /// Until when; absent is until it is cleared.
        end_date_time: StationTime = optional "endDateTime",
        /// Only while this transaction runs.
        transaction_id: Option<ReportedTransaction> = optional "transactionId",
        /// The text.
        message: MessageContent = required "message",
        /// The text in other languages; at most 4.
        message_extra: Vec<MessageContent> = optional "messageExtra" [since_v21().items(4)],
    }
}

status_response! {
    /// The station's answer.
    SetDisplayMessageResponse, DisplayMessageStatus
}
