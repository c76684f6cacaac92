//! ClearCache: forget the tokens in the authorization cache.

use super::types::status_response;
use crate::message::empty_messages;
use crate::words::AcceptedStatus;

empty_messages! {
    /// We ask a station to forget its cache.
    ClearCacheRequest;
}

status_response! {
    /// The station's answer.
    ClearCacheResponse, AcceptedStatus
}
