//! Authorize: may this token charge here?

use super::Message;
use super::types::{IdTag, IdTagInfo};
use crate::fields::{Fields, PayloadError};
use crate::writer::Writer;

/// A station asks whether a token may charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// The token.
    pub id_tag: IdTag,
}

impl Message for AuthorizeRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { id_tag: IdTag::required(fields)? })
    }

    fn write(&self, out: &mut Writer) {
        self.id_tag.write(out, "idTag");
    }
}

/// Our answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeResponse {
    /// What we say of the token.
    pub id_tag_info: IdTagInfo,
}

impl Message for AuthorizeResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { id_tag_info: IdTagInfo::expected(fields)? })
    }

    fn write(&self, out: &mut Writer) {
        self.id_tag_info.write_member(out);
    }
}
