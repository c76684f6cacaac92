//! ClearCache: forget the tokens in the authorization cache.

use super::Message;
use crate::fields::{Fields, PayloadError};
use crate::words::AcceptedStatus;
use crate::writer::Writer;

/// We ask a station to forget its cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClearCacheRequest {}

impl Message for ClearCacheRequest {
    fn read(_fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {})
    }

    fn write(&self, _out: &mut Writer) {}
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearCacheResponse {
    /// Whether it is taken.
    pub status: AcceptedStatus,
}

impl Message for ClearCacheResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
