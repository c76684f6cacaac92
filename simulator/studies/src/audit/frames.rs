//! What a stored frame says of a transaction, read anew: nothing here is shared with the engine's decoders, so that what
//! both find is found twice.

use serde_json::Value;
use units::{Timestamp, WattHours};

/// A frame, as far as bills rest on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FrameSaid {
    pub kind: Option<Kind>,
    /// The EVSE's number.
    pub evse: Option<u64>,
    /// In upper case, without blanks around it.
    pub token: Option<String>,
    /// When the station says that it happened.
    pub at: Option<Timestamp>,
    /// The register of the begin.
    pub begin: Option<WattHours>,
    /// The register of the end.
    pub end: Option<WattHours>,
    /// Registers of samples, with their instants.
    pub samples: Vec<(Option<Timestamp>, WattHours)>,
}

/// What a frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    Stop,
    /// Values, or an update.
    Between,
}

/// Reads a frame; `None` where it is no JSON as it stands.
pub(super) fn read(text: &str) -> Option<FrameSaid> {
    let frame: Value = serde_json::from_str(text).ok()?;
    let (action, payload) = (frame.get(2)?.as_str()?, frame.get(3)?);
    let said = match action {
        "StartTransaction" => FrameSaid {
            kind: Some(Kind::Start),
            evse: payload["connectorId"].as_u64(),
            token: token(&payload["idTag"]),
            at: instant(&payload["timestamp"]),
            begin: watt_hours(&payload["meterStart"], "Wh", 0),
            ..FrameSaid::default()
        },
        "StopTransaction" => FrameSaid {
            kind: Some(Kind::Stop),
            at: instant(&payload["timestamp"]),
            end: watt_hours(&payload["meterStop"], "Wh", 0),
            samples: samples(&payload["transactionData"]),
            ..FrameSaid::default()
        },
        "MeterValues" => FrameSaid {
            kind: Some(Kind::Between),
            samples: samples(&payload["meterValue"]),
            ..FrameSaid::default()
        },
        "TransactionEvent" => event(payload),
        _ => FrameSaid::default(),
    };
    Some(said)
}

/// OCPP 2.0.1's one message for all three.
fn event(payload: &Value) -> FrameSaid {
    let kind = match payload["eventType"].as_str() {
        Some("Started") => Kind::Start,
        Some("Ended") => Kind::Stop,
        _ => Kind::Between,
    };
    let of_context = |context: &str| {
        let mut registers = sampled(&payload["meterValue"])
            .filter(|(_, value)| value["context"].as_str() == Some(context))
            .filter_map(|(_, value)| register(value));
        registers.next()
    };
    FrameSaid {
        kind: Some(kind),
        evse: payload["evse"]["id"].as_u64(),
        token: token(&payload["idToken"]["idToken"]),
        at: instant(&payload["timestamp"]),
        begin: of_context("Transaction.Begin"),
        end: of_context("Transaction.End").filter(|_| kind == Kind::Stop),
        samples: samples(&payload["meterValue"]),
    }
}

fn samples(values: &Value) -> Vec<(Option<Timestamp>, WattHours)> {
    sampled(values).filter_map(|(at, value)| Some((at, register(value)?))).collect()
}

fn sampled(values: &Value) -> impl Iterator<Item = (Option<Timestamp>, &Value)> {
    // One station sends an object where a list belongs.
    let values: Vec<&Value> = match values {
        Value::Array(values) => values.iter().collect(),
        Value::Object(_) => vec![values],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    values.into_iter().flat_map(|value| {
        let at = instant(&value["timestamp"]);
        value["sampledValue"].as_array().into_iter().flatten().map(move |sampled| (at, sampled))
    })
}

/// The register of imported energy over all phases, where the value is one.
fn register(sampled: &Value) -> Option<WattHours> {
    let is_register = sampled.get("measurand").is_none_or(|name| name == "Energy.Active.Import.Register");
    if !is_register || sampled.get("phase").is_some() {
        return None;
    }
    let of_measure = &sampled["unitOfMeasure"];
    let unit = sampled["unit"].as_str().or(of_measure["unit"].as_str()).unwrap_or("Wh");
    watt_hours(&sampled["value"], unit, of_measure["multiplier"].as_i64().unwrap_or(0))
}

/// A number, or a text that is one, in a unit of energy times a power of ten.
fn watt_hours(value: &Value, unit: &str, power_of_ten: i64) -> Option<WattHours> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let thousands = match unit {
        "Wh" => 3,
        "kWh" => 6,
        _ => return None,
    };
    scaled(&text, thousands + power_of_ten).map(WattHours::from_milliwatt_hours)
}

/// A decimal number times a power of ten, as a whole number, what is smaller cut off.
fn scaled(text: &str, power_of_ten: i64) -> Option<i64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shift = exponent.parse::<i64>().ok()? + power_of_ten - i64::try_from(part.len()).ok()?;
    let number: i128 = all.parse().ok()?;
    let factor = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?);
    let number = match (shift >= 0, factor) {
        (true, factor) => number.checked_mul(factor?)?,
        (false, Some(factor)) => number / factor,
        (false, None) => 0,
    };
    i64::try_from(sign * number).ok()
}

fn token(value: &Value) -> Option<String> {
    value.as_str().map(|text| text.trim().to_uppercase()).filter(|text| !text.is_empty())
}

/// A time with a zone; one without is for the station's site to place, and nothing is held against it.
fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        let table = [
            ("702201.2", 3, Some(702_201_200)),
            ("12272.427", 6, Some(12_272_427_000)),
            ("2e+01", 3, None),
            ("2e1", 3, Some(20_000)),
            ("-1", 3, Some(-1_000)),
            ("0.0001", 3, Some(0)),
            ("1e-400", 3, Some(0)),
            ("9e99", 3, None),
            ("", 3, None),
            ("1,5", 3, None),
        ];
        for (text, power, want) in table {
            // An explicit plus in the exponent is a number as well.
            let want = if text == "2e+01" { Some(20_000) } else { want };
            assert_eq!(scaled(text, power), want, "{text}");
        }
    }

    #[test]
    fn both_versions_say_the_same() {
        let wh = |count| Some(WattHours::from_watt_hours(count));
        let start = read(r#"[2,"1","StartTransaction",{"connectorId":2,"idTag":" b5 ","meterStart":12,"timestamp":"2026-01-15T12:00:00Z"}]"#).unwrap();
        let started = read(r#"[2,"1","TransactionEvent",{"eventType":"Started","timestamp":"2026-01-15T12:00:00Z","evse":{"id":2},"idToken":{"idToken":"B5","type":"ISO14443"},"meterValue":[{"timestamp":"2026-01-15T12:00:00Z","sampledValue":[{"value":0.012,"context":"Transaction.Begin","unitOfMeasure":{"unit":"kWh"}}]}]}]"#).unwrap();
        assert_eq!((start.kind, start.evse, start.begin), (Some(Kind::Start), Some(2), wh(12)));
        assert_eq!(started.begin, wh(12));
        assert_eq!((&started.token, started.at, started.kind), (&start.token, start.at, start.kind));
        let ended = read(r#"[2,"1","TransactionEvent",{"eventType":"Ended","meterValue":[{"timestamp":"2026-01-15T12:00:00Z","sampledValue":[{"value":5,"context":"Sample.Periodic"},{"value":1.2,"context":"Transaction.End","unitOfMeasure":{"multiplier":1}}]}]}]"#).unwrap();
        assert_eq!((ended.kind, ended.end), (Some(Kind::Stop), wh(12)));
    }
}
