//! OCPP-J text as the station reads and writes it: its own reading of the standard, apart from the engine's codec, so
//! that a mistake in one shows against the other.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;
use units::{Amperes, TimeSpan, Timestamp, Watts};

use super::ConnectorNumber;
use super::config::{Purpose, RateUnits};
use super::profile::{Kind, Period, Profile, Rate};
use crate::number::round;

/// A frame from the backend.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A call.
    Call { id: String, action: String, payload: Value },
    /// The answer to a call of ours.
    CallResult { id: String, payload: Value },
    /// The refusal of a call of ours.
    CallError { id: String },
    /// None of these.
    Unreadable,
}

impl Incoming {
    /// Reads any text.
    pub fn read(text: &str) -> Self {
        let Ok(Value::Array(mut parts)) = serde_json::from_str::<Value>(text) else {
            return Self::Unreadable;
        };
        let kind = parts.first().and_then(Value::as_i64);
        let Some(id) = parts.get(1).and_then(Value::as_str).map(str::to_owned) else {
            return Self::Unreadable;
        };
        match (kind, parts.len()) {
            (Some(2), 4) => match (parts.pop(), parts.pop()) {
                (Some(payload), Some(Value::String(action))) => Self::Call { id, action, payload },
                _ => Self::Unreadable,
            },
            (Some(3), 3) => parts.pop().map_or(Self::Unreadable, |payload| Self::CallResult { id, payload }),
            (Some(4), 3..) => Self::CallError { id },
            _ => Self::Unreadable,
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
    Value::from(text).to_string()
}

/// A count of thousandths as a decimal number without needless zeros.
pub fn decimal(thousandths: i64) -> String {
    let mut out = String::with_capacity(12);
    push_decimal(&mut out, thousandths);
    out
}

fn push_decimal(out: &mut String, thousandths: i64) {
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

/// One sampledValue, a count of thousandths; `phase` and `unit` as the standard names them.
pub fn sampled_value(
    out: &mut String,
    thousandths: i64,
    context: &str,
    measurand: &str,
    phase: Option<&str>,
    unit: &str,
) {
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str("{\"value\":\"");
    push_decimal(out, thousandths);
    for part in ["\",\"context\":\"", context, "\",\"measurand\":\"", measurand] {
        out.push_str(part);
    }
    if let Some(phase) = phase {
        out.push_str("\",\"phase\":\"");
        out.push_str(phase);
    }
    for part in ["\",\"location\":\"Outlet\",\"unit\":\"", unit, "\"}"] {
        out.push_str(part);
    }
}

/// The text member of an answer, such as `status` or `idTagInfo.status`.
pub fn text_at<'a>(payload: &'a Value, pointer: &str) -> Option<&'a str> {
    payload.pointer(pointer).and_then(Value::as_str)
}

/// The whole number at a pointer.
pub fn whole_at(payload: &Value, pointer: &str) -> Option<i64> {
    payload.pointer(pointer).and_then(Value::as_i64)
}

/// The connector number at a pointer.
pub fn connector_at(payload: &Value, pointer: &str) -> Option<ConnectorNumber> {
    whole_at(payload, pointer).and_then(|number| ConnectorNumber::try_from(number).ok())
}

/// csChargingProfiles as it stands in a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileText {
    charging_profile_id: i64,
    /// Bound to this transaction.
    pub transaction_id: Option<i64>,
    stack_level: u32,
    charging_profile_purpose: Purpose,
    charging_profile_kind: KindText,
    recurrency_kind: Option<RecurrencyText>,
    valid_from: Option<String>,
    valid_to: Option<String>,
    charging_schedule: ScheduleText,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum KindText {
    Absolute,
    Recurring,
    Relative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum RecurrencyText {
    Daily,
    Weekly,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScheduleText {
    duration: Option<i64>,
    start_schedule: Option<String>,
    charging_rate_unit: UnitText,
    charging_schedule_period: Vec<PeriodText>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum UnitText {
    A,
    W,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PeriodText {
    start_period: i64,
    limit: f64,
    number_phases: Option<i64>,
}

/// Why a station does not take a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The text is not a profile: CALLERROR.
    Formation,
    /// It is one that this station rejects.
    Rejected,
}

impl ProfileText {
    /// Reads the JSON of a profile.
    pub fn read(value: &Value) -> Result<Self, Refusal> {
        Self::deserialize(value).map_err(|_| Refusal::Formation)
    }

    /// The profile for `connector`, received at `received_at`.
    pub fn into_profile(
        self,
        connector: ConnectorNumber,
        units: RateUnits,
        received_at: Timestamp,
    ) -> Result<Profile, Refusal> {
        let schedule = self.charging_schedule;
        let is_unit_allowed = match (schedule.charging_rate_unit, units) {
            (UnitText::A, RateUnits::Amperes | RateUnits::Both) => true,
            (UnitText::W, RateUnits::Watts | RateUnits::Both) => true,
            (UnitText::A, RateUnits::Watts) | (UnitText::W, RateUnits::Amperes) => false,
        };
        if !is_unit_allowed {
            return Err(Refusal::Rejected);
        }
        let kind = match (self.charging_profile_kind, self.recurrency_kind) {
            (KindText::Absolute, _) => Kind::Absolute,
            (KindText::Relative, _) => Kind::Relative,
            (KindText::Recurring, Some(RecurrencyText::Weekly)) => {
                Kind::Recurring(TimeSpan::from_hours(24 * 7))
            }
            (KindText::Recurring, Some(RecurrencyText::Daily) | None) => {
                Kind::Recurring(TimeSpan::from_hours(24))
            }
        };
        let periods: Vec<_> = schedule
            .charging_schedule_period
            .iter()
            .map(|period| period.read(schedule.charging_rate_unit))
            .collect();
        let is_ordered = periods.windows(2).all(|pair| pair[0].start < pair[1].start);
        if periods.first().is_none_or(|first| first.start != TimeSpan::ZERO) || !is_ordered {
            return Err(Refusal::Rejected);
        }
        Ok(Profile {
            id: self.charging_profile_id,
            connector,
            stack_level: self.stack_level,
            purpose: self.charging_profile_purpose,
            kind,
            valid_from: instant(self.valid_from.as_deref())?,
            valid_to: instant(self.valid_to.as_deref())?,
            start: instant(schedule.start_schedule.as_deref())?,
            duration: schedule.duration.map(seconds),
            periods,
            received_at,
        })
    }
}

impl PeriodText {
    fn read(&self, unit: UnitText) -> Period {
        let thousandths = round(self.limit * 1_000.0).clamp(0, 1_000_000_000_000);
        let rate = match unit {
            UnitText::A => Rate::Current(Amperes::from_milliamperes(thousandths)),
            UnitText::W => Rate::Power(Watts::from_milliwatts(thousandths)),
        };
        Period {
            start: seconds(self.start_period),
            rate,
            phases: self.number_phases.unwrap_or(3).clamp(1, 3),
        }
    }
}

/// Held within a century, so that sums of instants stay in range.
fn seconds(count: i64) -> TimeSpan {
    TimeSpan::from_seconds(count.clamp(0, 3_200_000_000))
}

fn instant(text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    text.map(|text| text.parse().map_err(|_| Refusal::Formation)).transpose()
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
