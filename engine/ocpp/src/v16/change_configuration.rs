//! ChangeConfiguration: set one configuration key.

use std::fmt;

use super::Message;
use crate::fields::{Fields, PayloadError};
use crate::redact;
use crate::words::words;
use crate::writer::Writer;

/// We set a key. `Debug` hides the values of keys that hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ChangeConfigurationRequest {
    /// The key; at most 50 characters.
    pub key: String,
    /// Its new value; at most 500 characters, may be empty.
    pub value: String,
}

impl fmt::Debug for ChangeConfigurationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if redact::is_secret_key(&self.key) { redact::WITHHELD } else { &self.value };
        f.debug_struct("ChangeConfigurationRequest").field("key", &self.key).field("value", &value).finish()
    }
}

impl Message for ChangeConfigurationRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { key: fields.text_required("key", 50)?, value: fields.text_required("value", 500)? })
    }

    fn write(&self, out: &mut Writer) {
        out.text_required("key", &self.key, 50);
        out.text("value", &self.value, 500);
    }
}

words! {
    /// What came of setting a key.
    ConfigurationStatus {
        /// Set.
        Accepted = "Accepted",
        /// Known, not set.
        Rejected = "Rejected",
        /// Set, and in force after a reboot: a success.
        RebootRequired = "RebootRequired",
        /// Unknown key.
        NotSupported = "NotSupported",
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeConfigurationResponse {
    /// What came of it.
    pub status: ConfigurationStatus,
}

impl Message for ChangeConfigurationResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
