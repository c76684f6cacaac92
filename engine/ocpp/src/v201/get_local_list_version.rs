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
        /// Its version; 0 is none. `None` where it is missing or unreadable.
        version_number: Option<i32> = required "versionNumber",
    }
}
