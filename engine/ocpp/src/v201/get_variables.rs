//! GetVariables: read variables of the device model.

use std::fmt;

use super::device::{AttributeType, Component, Variable, read_place};
use super::types::StatusInfo;
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::words;
use crate::writer::Writer;

/// We ask for variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetVariablesRequest {
    /// One for each.
    pub get_variable_data: Vec<GetVariableData>,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetVariableData {
    /// Which value; `None` is the actual one.
    pub attribute_type: Option<AttributeType>,
    /// Of which component.
    pub component: Component,
    /// The variable.
    pub variable: Variable,
}

impl GetVariableData {
    /// The actual value of a variable of the station.
    #[must_use]
    pub fn new(component: &str, variable: &str) -> Self {
        Self { attribute_type: None, component: Component::new(component), variable: Variable::new(variable) }
    }
}

impl Message for GetVariablesRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let get_variable_data = fields.list_expected("getVariableData", |fields| {
            let (component, variable) = read_place(fields)?;
            Ok(GetVariableData { attribute_type: fields.word("attributeType"), component, variable })
        })?;
        Ok(Self { get_variable_data })
    }

    fn write(&self, out: &mut Writer) {
        out.list_required("getVariableData", &self.get_variable_data, |out, get| {
            out.word_optional("attributeType", get.attribute_type.as_ref());
            get.component.write_member(out);
            get.variable.write_member(out);
        });
    }
}

words! {
    /// What came of reading a variable.
    GetVariableStatus {
        /// The value is there.
        Accepted = "Accepted",
        /// Refused.
        Rejected = "Rejected",
        /// There is no such component.
        UnknownComponent = "UnknownComponent",
        /// The component has no such variable.
        UnknownVariable = "UnknownVariable",
        /// The variable has no such attribute.
        NotSupportedAttributeType = "NotSupportedAttributeType",
    }
}

/// The station's answer: one for each variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetVariablesResponse {
    /// What came of each.
    pub get_variable_result: Vec<GetVariableResult>,
}

/// What came of one variable. `Debug` hides the values of variables that hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct GetVariableResult {
    /// What came of it.
    pub attribute_status: GetVariableStatus,
    /// Why.
    pub attribute_status_info: Option<StatusInfo>,
    /// Which value; `None` is the actual one.
    pub attribute_type: Option<AttributeType>,
    /// The value, may be empty; at most 2500 characters. `None` where it was not said.
    pub attribute_value: Option<String>,
    /// Of which component.
    pub component: Component,
    /// The variable.
    pub variable: Variable,
}

impl fmt::Debug for GetVariableResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.attribute_value.as_deref().map(|value| self.variable.shown(value));
        f.debug_struct("GetVariableResult")
            .field("attribute_status", &self.attribute_status)
            .field("attribute_status_info", &self.attribute_status_info)
            .field("attribute_type", &self.attribute_type)
            .field("attribute_value", &value)
            .field("component", &self.component)
            .field("variable", &self.variable)
            .finish()
    }
}

impl Message for GetVariablesResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let get_variable_result = fields.list_expected("getVariableResult", |fields| {
            let (component, variable) = read_place(fields)?;
            Ok(GetVariableResult {
                attribute_status: fields.word_expected("attributeStatus"),
                attribute_status_info: fields.object("attributeStatusInfo", StatusInfo::read)?,
                attribute_type: fields.word("attributeType"),
                attribute_value: fields.text_or_empty("attributeValue", 2500),
                component,
                variable,
            })
        })?;
        Ok(Self { get_variable_result })
    }

    fn write(&self, out: &mut Writer) {
        out.list_required("getVariableResult", &self.get_variable_result, |out, result| {
            out.word("attributeStatus", &result.attribute_status);
            StatusInfo::write_optional_as(result.attribute_status_info.as_ref(), out, "attributeStatusInfo");
            out.word_optional("attributeType", result.attribute_type.as_ref());
            out.text_optional("attributeValue", result.attribute_value.as_ref(), 2500);
            result.component.write_member(out);
            result.variable.write_member(out);
        });
    }
}
