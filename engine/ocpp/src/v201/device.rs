//! The device model: components, their variables, and the attributes of those.

use std::fmt;

use super::types::Evse;
use crate::fields::{Fields, PayloadError};
use crate::redact;
use crate::words::words;
use crate::writer::Writer;

/// A part of a station. Names compare without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name; at most 50 characters.
    pub name: String,
    /// Which of several; at most 50 characters.
    pub instance: Option<String>,
    /// The EVSE it belongs to; `None` is the station.
    pub evse: Option<Evse>,
}

/// Something of a component that has a value. Names compare without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name; at most 50 characters.
    pub name: String,
    /// Which of several; at most 50 characters.
    pub instance: Option<String>,
}

words! {
    /// Which value of a variable.
    AttributeType {
        /// The one that is; the default of the standard.
        Actual = "Actual",
        /// The one wanted.
        Target = "Target",
        /// The lowest that may be set.
        MinSet = "MinSet",
        /// The highest that may be set.
        MaxSet = "MaxSet",
    }
}

impl Component {
    /// A component of the station, of which there is one.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), instance: None, evse: None }
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            name: fields.text_expected("name", 50),
            instance: fields.text("instance", 50),
            evse: Evse::optional(fields),
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.object("component", |out| {
            out.text_required("name", &self.name, 50);
            out.text_optional("instance", self.instance.as_ref(), 50);
            Evse::write_optional(self.evse, out);
        });
    }
}

impl Variable {
    /// A variable of which there is one.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), instance: None }
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { name: fields.text_expected("name", 50), instance: fields.text("instance", 50) })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.object("variable", |out| {
            out.text_required("name", &self.name, 50);
            out.text_optional("instance", self.instance.as_ref(), 50);
        });
    }

    /// `value` as `Debug` may show it.
    pub(crate) fn shown<'v>(&self, value: &'v str) -> impl fmt::Debug + 'v {
        if redact::is_secret_key(&self.name) { redact::WITHHELD } else { value }
    }
}

/// Which variable of which component is meant.
pub(crate) fn read_place(fields: &mut Fields<'_>) -> Result<(Component, Variable), PayloadError> {
    Ok((
        fields.object_expected("component", Component::read)?,
        fields.object_expected("variable", Variable::read)?,
    ))
}
