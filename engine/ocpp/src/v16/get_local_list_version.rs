//! GetLocalListVersion: which local list a station has.

use crate::member::structures;
use crate::message::empty_messages;

empty_messages! {
    /// We ask for the version.
    GetLocalListVersionRequest;
}

structures! {
    /// The station's answer.
    GetLocalListVersionResponse {
        /// Its version; 0 is an empty list, −1 where the station has none. `None` where it is missing or unreadable.
        list_version: Option<i32> = required "listVersion",
    }
}
