//! SetVariables: change variables of the device model.

use std::fmt;

use super::device::{AttributeType, Component, Variable, read_place};
use super::types::StatusInfo;
use crate::fields::{Fields, PayloadError};
use crate::member::{Bounds, chars};
use crate::message::Message;
use crate::words::words;
use crate::writer::Writer;

const VALUE: Bounds = chars(1000).chars_v21(2500);

/// We change variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetVariablesRequest {
    /// One for each.
    pub set_variable_data: Vec<SetVariableData>,
}

/// One variable with its new value. `Debug` hides the values of variables that hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct SetVariableData {
    /// Which value; `None` is the actual one.
    pub attribute_type: Option<AttributeType>,
    /// The new value, may be empty; at most 1000 characters, in OCPP 2.1 2500.
    pub attribute_value: String,
    /// Of which component.
    pub component: Component,
    /// The variable.
    pub variable: Variable,
}

impl SetVariableData {
    /// The actual value of a variable of the station.
    #[must_use]
    pub fn new(component: &str, variable: &str, value: impl Into<String>) -> Self {
        Self {
            attribute_type: None,
            attribute_value: value.into(),
            component: Component::new(component),
            variable: Variable::new(variable),
        }
    }
}

impl fmt::Debug for SetVariableData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetVariableData")
            .field("attribute_type", &self.attribute_type)
            .field("attribute_value", &self.variable.shown(&self.attribute_value))
            .field("component", &self.component)
            .field("variable", &self.variable)
            .finish()
    }
}

impl Message for SetVariablesRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let set_variable_data = fields.list_expected("setVariableData", |fields| {
            let (component, variable) = read_place(fields)?;
            Ok(SetVariableData {
                attribute_type: fields.word("attributeType"),
                attribute_value: fields.text_required("attributeValue", VALUE.chars_in(fields.version()))?,
                component,
                variable,
            })
        })?;
        Ok(Self { set_variable_data })
    }

    fn write(&self, out: &mut Writer) {
        out.list_required("setVariableData", &self.set_variable_data, |out, set| {
            out.word_optional("attributeType", set.attribute_type.as_ref());
            out.text("attributeValue", &set.attribute_value, VALUE.chars_in(out.version()));
            set.component.write_member(out);
            set.variable.write_member(out);
        });
    }
}

words! {
    /// What came of changing a variable.
    SetVariableStatus {
        /// Changed.
        Accepted = "Accepted",
        /// Refused.
        Rejected = "Rejected",
        /// There is no such component.
        UnknownComponent = "UnknownComponent",
        /// The component has no such variable.
        UnknownVariable = "UnknownVariable",
        /// The variable has no such attribute.
        NotSupportedAttributeType = "NotSupportedAttributeType",
        /// Changed from the next start on: a success.
        RebootRequired = "RebootRequired",
    }
}

/// The station's answer: one for each variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetVariablesResponse {
    /// What came of each.
    pub set_variable_result: Vec<SetVariableResult>,
}

/// What came of one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetVariableResult {
    /// Which value; `None` is the actual one.
    pub attribute_type: Option<AttributeType>,
    /// What came of it.
    pub attribute_status: SetVariableStatus,
    /// Why.
    pub attribute_status_info: Option<StatusInfo>,
    /// Of which component.
    pub component: Component,
    /// The variable.
    pub variable: Variable,
}

impl Message for SetVariablesResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let set_variable_result = fields.list_expected("setVariableResult", |fields| {
            let (component, variable) = read_place(fields)?;
            Ok(SetVariableResult {
                attribute_type: fields.word("attributeType"),
                attribute_status: fields.word_expected("attributeStatus"),
                attribute_status_info: fields.object("attributeStatusInfo", StatusInfo::read)?,
                component,
                variable,
            })
        })?;
        Ok(Self { set_variable_result })
    }

    fn write(&self, out: &mut Writer) {
        out.list_required("setVariableResult", &self.set_variable_result, |out, result| {
            out.word_optional("attributeType", result.attribute_type.as_ref());
            out.word("attributeStatus", &result.attribute_status);
            StatusInfo::write_optional_as(result.attribute_status_info.as_ref(), out, "attributeStatusInfo");
            result.component.write_member(out);
            result.variable.write_member(out);
        });
    }
}
