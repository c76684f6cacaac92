//! SendLocalList: whom a station admits by itself.

use super::types::{IdTag, IdTagInfo};
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
        /// The station has no local list.
        NotSupported = "NotSupported",
        /// A change of another version than the station has.
        VersionMismatch = "VersionMismatch",
    }
}

structures! {
    /// We send a list, or a change of one.
    SendLocalListRequest {
        /// The version after it.
        list_version: i32 = required "listVersion",
        /// The entries.
        local_authorization_list: Vec<AuthorizationData> = optional "localAuthorizationList",
        /// Whether it replaces the list or changes it.
        update_type: UpdateType = required "updateType",
    }

    /// An entry.
    AuthorizationData {
        /// Who.
        id_tag: IdTag = required "idTag",
        /// Whether it may charge; `None` takes the entry out, and only in a change.
        id_tag_info: Option<IdTagInfo> = optional "idTagInfo",
    }

    /// The station's answer.
    SendLocalListResponse {
        /// What came of it.
        status: SendLocalListStatus = required "status",
    }
}
