//! SendLocalList: whom a station admits by itself.

use super::types::{IdToken, IdTokenInfo, status_response};
use crate::maintenance::UpdateType;
use crate::member::structures;
use crate::words::words;

words! {
    /// What came of a local list.
    SendLocalListStatus {
        /// Taken.
        Accepted = "Accepted",
        /// Not taken.
        Failed = "Failed",
        /// A change of another version than the station has.
        VersionMismatch = "VersionMismatch",
    }
}

structures! {
    /// We send a list, or a change of one.
    SendLocalListRequest {
        /// The entries.
        local_authorization_list: Vec<AuthorizationData> = optional "localAuthorizationList",
        /// The version after it.
        version_number: i32 = required "versionNumber",
        /// Whether it replaces the list or changes it.
        update_type: UpdateType = required "updateType",
    }

    /// An entry.
    AuthorizationData {
        /// Who.
        id_token: IdToken = required "idToken",
        /// Whether it may charge; `None` takes the entry out, and only in a change.
        id_token_info: Option<IdTokenInfo> = optional "idTokenInfo",
    }
}

status_response! {
    /// The station's answer.
    SendLocalListResponse, SendLocalListStatus
}
