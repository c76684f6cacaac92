//! The device model: components, their variables, and the attributes of those.

use std::fmt;

use super::types::Evse;
use crate::fields::{Fields, PayloadError};
use crate::member::structures;
use crate::message::Message;
use crate::redact;
use crate::words::words;
use crate::writer::Writer;

structures! {
    /// A part of a station. Names compare without case.
    Component {
        /// Its name; at most 50 characters.
        name: String = required "name" [chars(50)],
        /// Which of several; at most 50 characters.
        instance: Option<String> = optional "instance" [chars(50)],
        /// The EVSE it belongs to; `None` is the station.
        evse: Option<Evse> = optional "evse",
    }

    /// Something of a component that has a value. Names compare without case.
    Variable {
        /// Its name; at most 50 characters.
        name: String = required "name" [chars(50)],
        /// Which of several; at most 50 characters.
        instance: Option<String> = optional "instance" [chars(50)],
    }

    /// A variable of a component, or all of the component's.
    ComponentVariable {
        /// The component.
        component: Component = required "component",
        /// The variable; `None` is all.
        variable: Option<Variable> = optional "variable",
    }
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

    pub(crate) fn write_member(&self, out: &mut Writer) {
        out.object("component", |out| self.write(out));
    }
}

impl Variable {
    /// A variable of which there is one.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), instance: None }
    }

    pub(crate) fn write_member(&self, out: &mut Writer) {
        out.object("variable", |out| self.write(out));
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
