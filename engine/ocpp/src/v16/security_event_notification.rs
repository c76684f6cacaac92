//! SecurityEventNotification: something happened that may matter to security (security whitepaper).

use crate::member::structures;
use crate::message::empty_messages;
use crate::time::StationTime;

structures! {
    /// A station reports an event.
    SecurityEventNotificationRequest {
        /// Which event, from a list that vendors add to; at most 50 characters, empty where it was not said.
        kind: String = required "type" [chars(50)],
        /// When, by the station's clock.
        timestamp: StationTime = required "timestamp",
        /// More about it; at most 255 characters.
        tech_info: Option<String> = optional "techInfo" [chars(255)],
    }
}

empty_messages! {
    /// Our answer: it is kept.
    SecurityEventNotificationResponse;
}
