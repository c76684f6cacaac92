//! NotifyReport: a part of the device model that we asked for.

use std::fmt;

use super::device::{AttributeType, Component, Variable, read_place};
use crate::fields::{Fields, PayloadError};
use crate::figure::Figure;
use crate::member::structures;
use crate::message::{Message, empty_messages};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

/// A station reports variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyReportRequest {
    /// Our number of the report; `None` where it is missing or unreadable.
    pub request_id: Option<i32>,
    /// When the message was made, by the station's clock.
    pub generated_at: StationTime,
    /// The variables.
    pub report_data: Vec<ReportData>,
    /// Whether another part follows.
    pub tbc: bool,
    /// The number of this part, from 0; `None` where it is missing or unreadable.
    pub seq_no: Option<u32>,
}

/// One variable. `Debug` hides the values of variables that hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportData {
    /// Of which component.
    pub component: Component,
    /// The variable.
    pub variable: Variable,
    /// Its values; at most 4.
    pub variable_attribute: Vec<VariableAttribute>,
    /// What values it may have.
    pub variable_characteristics: Option<VariableCharacteristics>,
}

words! {
    /// Who may read and set a value.
    Mutability {
        /// It can be read.
        ReadOnly = "ReadOnly",
        /// It can be set.
        WriteOnly = "WriteOnly",
        /// Both; the default of the standard.
        ReadWrite = "ReadWrite",
    }
}

/// One value of a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariableAttribute {
    /// Which; `None` is the actual one.
    pub kind: Option<AttributeType>,
    /// The value, may be empty; at most 2500 characters. `None` where it cannot be read.
    pub value: Option<String>,
    /// Who may read and set it; `None` is both.
    pub mutability: Option<Mutability>,
    /// Whether it outlives a restart.
    pub persistent: bool,
    /// Whether it never changes.
    pub constant: bool,
}

words! {
    /// What values look like.
    DataType {
        /// Any text.
        Text = "string",
        /// A decimal number.
        Decimal = "decimal",
        /// A whole number.
        Integer = "integer",
        /// An instant.
        DateTime = "dateTime",
        /// `true` or `false`.
        Boolean = "boolean",
        /// One of a list.
        OptionList = "OptionList",
        /// Several of a list, in order.
        SequenceList = "SequenceList",
        /// Several of a list.
        MemberList = "MemberList",
    }
}

structures! {
    /// What values a variable may have.
    VariableCharacteristics {
        /// The unit; at most 16 characters.
        unit: Option<String> = optional "unit" [chars(16)],
        /// What they look like.
        data_type: DataType = required "dataType",
        /// The lowest.
        min_limit: Option<Figure> = optional "minLimit",
        /// The highest, or the longest text.
        max_limit: Option<Figure> = optional "maxLimit",
        /// How many a list may have; only in OCPP 2.1.
        max_elements: Option<u32> = optional "maxElements" [since_v21()],
        /// Those of a list, with commas between; at most 1000 characters.
        values_list: Option<String> = optional "valuesList" [chars(1000)],
        /// Whether it can be watched; `None` where it was not said.
        supports_monitoring: Option<bool> = required "supportsMonitoring",
    }
}

impl fmt::Debug for ReportData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<_> = self
            .variable_attribute
            .iter()
            .map(|attribute| attribute.value.as_deref().map(|value| self.variable.shown(value)))
            .collect();
        f.debug_struct("ReportData")
            .field("component", &self.component)
            .field("variable", &self.variable)
            .field("values", &values)
            .field("variable_characteristics", &self.variable_characteristics)
            .finish_non_exhaustive()
    }
}

impl Message for NotifyReportRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            request_id: fields.whole_expected("requestId"),
            generated_at: fields.time_expected("generatedAt"),
            report_data: fields.list("reportData", ReportData::read)?,
            tbc: fields.flag("tbc").unwrap_or(false),
            seq_no: fields.whole_expected("seqNo"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.whole_required("requestId", self.request_id);
        out.time("generatedAt", &self.generated_at);
        out.list_optional("reportData", &self.report_data, |out, report| report.write(out));
        out.flag_if_set("tbc", self.tbc);
        out.whole_required("seqNo", self.seq_no);
    }
}

impl ReportData {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let (component, variable) = read_place(fields)?;
        Ok(Self {
            component,
            variable,
            variable_attribute: fields.list_expected("variableAttribute", VariableAttribute::read)?,
            variable_characteristics: fields
                .object("variableCharacteristics", VariableCharacteristics::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        self.component.write_member(out);
        self.variable.write_member(out);
        if self.variable_attribute.len() > 4 {
            out.refuse("variableAttribute", EncodeFault::Rule { rule: "is there at most 4 times" });
        }
        out.list_required("variableAttribute", &self.variable_attribute, |out, attribute| {
            attribute.write(out)
        });
        if let Some(characteristics) = &self.variable_characteristics {
            out.object("variableCharacteristics", |out| characteristics.write(out));
        }
    }
}

impl VariableAttribute {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            kind: fields.word("type"),
            value: fields.text_or_empty("value", 2500),
            mutability: fields.word("mutability"),
            persistent: fields.flag("persistent").unwrap_or(false),
            constant: fields.flag("constant").unwrap_or(false),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word_optional("type", self.kind.as_ref());
        out.text_optional("value", self.value.as_ref(), 2500);
        out.word_optional("mutability", self.mutability.as_ref());
        out.flag_if_set("persistent", self.persistent);
        out.flag_if_set("constant", self.constant);
    }
}

empty_messages! {
    /// Our answer: they are kept.
    NotifyReportResponse;
}
