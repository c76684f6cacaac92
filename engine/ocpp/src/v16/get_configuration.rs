//! GetConfiguration: read configuration keys.

use std::fmt;

use super::Message;
use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::redact;
use crate::writer::Writer;

/// We ask for keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetConfigurationRequest {
    /// The keys, at most 50 characters each; empty is all of them.
    pub key: Vec<String>,
}

impl Message for GetConfigurationRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { key: fields.texts("key", 50) })
    }

    fn write(&self, out: &mut Writer) {
        if !self.key.is_empty() {
            out.texts("key", &self.key, 50);
        }
    }
}

/// One key with its value. `Debug` hides the values of keys that hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key; at most 50 characters.
    pub key: String,
    /// Whether it cannot be set; taken as settable where it was not said.
    pub readonly: bool,
    /// Its value; at most 500 characters, may be empty; `None` where it is not set or not shown.
    pub value: Option<String>,
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value =
            if redact::is_secret_key(&self.key) { Some(redact::WITHHELD) } else { self.value.as_deref() };
        f.debug_struct("KeyValue")
            .field("key", &self.key)
            .field("readonly", &self.readonly)
            .field("value", &value)
            .finish()
    }
}

/// The station's answer. With neither keys nor unknown keys it said nothing: that is not "no such key".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetConfigurationResponse {
    /// The keys known.
    pub configuration_key: Vec<KeyValue>,
    /// The keys unknown; at most 50 characters each.
    pub unknown_key: Vec<String>,
}

impl Message for GetConfigurationResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let configuration_key = fields.list("configurationKey", |fields| {
            Ok(KeyValue {
                key: fields.text_expected("key", 50),
                readonly: fields.flag("readonly").unwrap_or_else(|| {
                    fields.note(Quirk::MissingField { field: "readonly" });
                    false
                }),
                value: fields.text_or_empty("value", 500),
            })
        })?;
        Ok(Self { configuration_key, unknown_key: fields.texts("unknownKey", 50) })
    }

    fn write(&self, out: &mut Writer) {
        if !self.configuration_key.is_empty() {
            out.list("configurationKey", &self.configuration_key, |out, pair| {
                out.text_required("key", &pair.key, 50);
                out.flag("readonly", pair.readonly);
                out.text_optional("value", pair.value.as_ref(), 500);
            });
        }
        if !self.unknown_key.is_empty() {
            out.texts("unknownKey", &self.unknown_key, 50);
        }
    }
}
