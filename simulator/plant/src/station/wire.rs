//! OCPP-J text as the station reads and writes it: its own reading of the standard, apart from the engine's codec, so
//! that a mistake in one shows against the other.

use std::fmt::Write as _;

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::ConnectorNumber;

/// A frame from the backend.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A call.
    Call { id: String, action: String, payload: Value },
    /// The answer to a call of ours: JSON, to be read by who asked.
    CallResult { id: String, payload: &'a RawValue },
    /// The refusal of a call of ours.
    CallError { id: String },
    /// None of these.
    Unreadable,
}

impl<'a> Incoming<'a> {
    /// Reads any text.
    pub fn read(text: &'a str) -> Self {
        let kind = text.bytes().find(u8::is_ascii_digit);
        let read = match kind {
            Some(b'2') => serde_json::from_str(text)
                .map(|(kind, id, action, payload)| (kind, Self::Call { id, action, payload })),
            Some(b'3') => {
                serde_json::from_str(text).map(|(kind, id, payload)| (kind, Self::CallResult { id, payload }))
            }
            Some(b'4') => serde_json::from_str(text).map(
                |(kind, id, _, _, _): (u8, String, IgnoredAny, IgnoredAny, IgnoredAny)| {
                    (kind, Self::CallError { id })
                },
            ),
            Some(_) | None => return Self::Unreadable,
        };
        match read {
            Ok((2..=4, frame)) => frame,
            Ok(_) | Err(_) => Self::Unreadable,
        }
    }
}

/// CALL.
pub fn call(id: &str, action: &str, payload: &str) -> String {
    let mut frame = String::with_capacity(payload.len() + action.len() + id.len() + 12);
    frame.push_str("[2,");
    frame.push_str(&quoted(id));
    for part in [",\"", action, "\",", payload, "]"] {
        frame.push_str(part);
    }
    frame
}

/// CALLRESULT.
pub fn call_result(id: &str, payload: &str) -> String {
    format!("[3,{},{payload}]", quoted(id))
}

/// CALLERROR.
pub fn call_error(id: &str, code: &str, description: &str) -> String {
    format!("[4,{},\"{code}\",{},{{}}]", quoted(id), quoted(description))
}

/// `text` as a JSON string.
pub fn quoted(text: &str) -> String {
    // A text can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// A count of thousandths as a decimal number without needless zeros.
pub fn decimal(thousandths: i64) -> String {
    let mut out = String::with_capacity(12);
    push_decimal(&mut out, thousandths);
    out
}

/// Appends a count of thousandths as [`decimal`] writes it.
pub fn push_decimal(out: &mut String, thousandths: i64) {
    let (whole, rest) = (thousandths.unsigned_abs() / 1_000, thousandths.unsigned_abs() % 1_000);
    if thousandths < 0 {
        out.push('-');
    }
    let _ = write!(out, "{whole}");
    if rest > 0 {
        let _ = write!(out, ".{rest:03}");
        let length = out.trim_end_matches('0').len();
        out.truncate(length);
    }
}

/// The text at a path of members, such as `status` or `idTagInfo/status`.
pub fn text_at<'a>(payload: &'a Value, path: &str) -> Option<&'a str> {
    member_at(payload, path).and_then(Value::as_str)
}

/// The whole number at a path.
pub fn whole_at(payload: &Value, path: &str) -> Option<i64> {
    member_at(payload, path).and_then(Value::as_i64)
}

/// The connector number at a path.
pub fn connector_at(payload: &Value, path: &str) -> Option<ConnectorNumber> {
    whole_at(payload, path).and_then(|number| ConnectorNumber::try_from(number).ok())
}

fn member_at<'a>(payload: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(payload, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_short() {
        for (thousandths, text) in
            [(0, "0"), (1, "0.001"), (-1_500, "-1.5"), (16_000, "16"), (100_010, "100.01"), (120, "0.12")]
        {
            assert_eq!(decimal(thousandths), text);
        }
    }
}
