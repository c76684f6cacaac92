//! The device model: settings as variables of components.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::station::Station;
use crate::station::orders::Answer;
use crate::station::settings::{self, Change, Form, Row, Settings, Variable};
use crate::station::wire::{quoted, text_at};

/// Variables in one NotifyReport.
const PAGE: usize = 12;

/// How many NotifyReports tell all variables.
pub fn pages() -> usize {
    settings::variables().count().div_ceil(PAGE)
}

/// NotifyReport's payload for a page, from 0.
pub fn report(settings: &Settings, request: i64, page: usize, at: &str) -> String {
    let mut told = String::new();
    for (row, variable) in settings::variables().skip(page * PAGE).take(PAGE) {
        let separator = if told.is_empty() { "" } else { "," };
        let mutability = if row.form == Form::ReadOnly { "ReadOnly" } else { "ReadWrite" };
        let kind = match row.form {
            Form::Count => "integer",
            Form::Flag => "boolean",
            Form::Measurands | Form::Register => "MemberList",
            Form::ReadOnly | Form::Text => "string",
        };
        let _ = write!(
            told,
            "{separator}{{\"component\":{{\"name\":\"{}\"}},\"variable\":{{\"name\":\"{}\"{}}},\
             \"variableAttribute\":[{{\"value\":{},\"mutability\":\"{mutability}\"}}],\
             \"variableCharacteristics\":{{\"dataType\":\"{kind}\",\"supportsMonitoring\":false}}}}",
            variable.component,
            variable.name,
            variable.instance.map_or_else(String::new, |instance| format!(",\"instance\":\"{instance}\"")),
            quoted(settings.text(row.setting))
        );
    }
    let is_more = page + 1 < pages();
    format!(
        "{{\"requestId\":{request},\"generatedAt\":\"{at}\",\"seqNo\":{page},\"tbc\":{is_more},\"reportData\":[{told}]}}"
    )
}

/// GetVariables: each is answered for itself.
pub fn get(station: &Station, payload: &Value) -> Answer {
    let Some(asked) = payload.get("getVariableData").and_then(Value::as_array) else {
        return Answer::Error("FormatViolation");
    };
    let results: Vec<Value> = asked
        .iter()
        .map(|item| {
            let mut result = named(item);
            match find(item) {
                Ok(row) => {
                    result["attributeStatus"] = "Accepted".into();
                    result["attributeValue"] = station.settings.text(row.setting).into();
                }
                Err(status) => result["attributeStatus"] = status.into(),
            }
            result
        })
        .collect();
    Answer::Result(json!({ "getVariableResult": results }).to_string())
}

/// SetVariables: each is answered for itself.
pub fn set(station: &mut Station, payload: &Value) -> Answer {
    let Some(asked) = payload.get("setVariableData").and_then(Value::as_array) else {
        return Answer::Error("FormatViolation");
    };
    let results: Vec<Value> = asked
        .iter()
        .map(|item| {
            let mut result = named(item);
            let status = match (find(item), text_at(item, "attributeValue")) {
                (Ok(row), Some(value)) => match station.change_setting(row, value) {
                    Change::Accepted => "Accepted",
                    Change::Rejected => "Rejected",
                },
                (Ok(_), None) => "Rejected",
                (Err(status), _) => status,
            };
            result["attributeStatus"] = status.into();
            result
        })
        .collect();
    Answer::Result(json!({ "setVariableResult": results }).to_string())
}

/// The component and variable of a result are those of the question.
fn named(item: &Value) -> Value {
    json!({ "component": item["component"], "variable": item["variable"] })
}

/// The setting that an item names, whatever the case of its letters, or the status that says why there is none.
fn find(item: &Value) -> Result<&'static Row, &'static str> {
    let is =
        |known: &str, path: &str| text_at(item, path).is_some_and(|asked| asked.eq_ignore_ascii_case(known));
    if text_at(item, "attributeType").is_some_and(|kind| kind != "Actual") {
        return Err("NotSupportedAttributeType");
    }
    let of_component = |(_, variable): &(&Row, Variable)| is(variable.component, "component/name");
    if !settings::variables().any(|row| of_component(&row)) {
        return Err("UnknownComponent");
    }
    let is_named = |variable: Variable| {
        is(variable.name, "variable/name")
            && match variable.instance {
                Some(instance) => is(instance, "variable/instance"),
                None => text_at(item, "variable/instance").is_none(),
            }
    };
    settings::variables()
        .find(|row| of_component(row) && is_named(row.1))
        .map(|(row, _)| row)
        .ok_or("UnknownVariable")
}
