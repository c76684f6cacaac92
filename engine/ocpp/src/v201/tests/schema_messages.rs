//! Random messages of the official schemas: each is read without a quirk, and written again as it came.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::Version;
use crate::json;
use crate::tests::schemas::{Schema, schemas};
use crate::v201::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_of_the_official_schemas_are_read_and_written_as_they_came(seed in any::<u64>()) {
        let Some(schemas) = schemas(Version::V201) else { return Ok(()) };
        let mut random = Random(seed);
        for action in StationAction::ALL {
            let request = message(&schemas[&format!("{action}Request")], &mut random);
            check(&request, |payload| {
                let read = StationRequest::decode(action.name(), payload).unwrap();
                (read.quirks, read.value.payload())
            });
            let response = message(&schemas[&format!("{action}Response")], &mut random);
            check(&response, |payload| {
                let read = StationResponse::decode(*action, payload).unwrap();
                (read.quirks, read.value.payload())
            });
        }
        for action in CsmsAction::ALL {
            let request = message(&schemas[&format!("{action}Request")], &mut random);
            check(&request, |payload| {
                let read = CsmsRequest::decode(action.name(), payload).unwrap();
                (read.quirks, read.value.payload())
            });
            let response = message(&schemas[&format!("{action}Response")], &mut random);
            check(&response, |payload| {
                let read = CsmsResponse::decode(*action, payload).unwrap();
                (read.quirks, read.value.payload())
            });
        }
    }
}

#[test]
fn every_action_of_the_standard_is_handled_or_known_not_to_be() {
    let Some(schemas) = schemas(Version::V201) else { return };
    for name in schemas.keys().filter_map(|name| name.strip_suffix("Request")) {
        let is_handled = StationAction::named(name).is_ok() || CsmsAction::named(name).is_ok();
        assert_ne!(is_handled, super::super::UNSUPPORTED.contains(&name), "{name}");
    }
    for name in super::super::UNSUPPORTED {
        assert!(schemas.contains_key(&format!("{name}Request")), "{name}");
    }
}

fn check(
    message: &Value,
    read: impl FnOnce(&crate::json::Json<'_>) -> (Vec<crate::Quirk>, Result<String, crate::EncodeError>),
) {
    let text = message.to_string();
    let (quirks, written) = read(&json::parse(&text, 32).unwrap());
    assert_eq!(quirks, vec![], "{text}");
    let written: Value =
        serde_json::from_str(&written.unwrap_or_else(|error| panic!("{error}: {text}"))).unwrap();
    assert_eq!(written, without_custom_data(message.clone()), "{text}");
}

/// A message of the schema that keeps the rules which a schema cannot say.
fn message(schema: &Schema, random: &mut Random) -> Value {
    let mut value = object(&schema.text, &schema.text, random);
    keep_rules(&mut value);
    value
}

fn object(schema: &Value, root: &Value, random: &mut Random) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut members = Map::new();
    for (name, property) in schema["properties"].as_object().cloned().unwrap_or_default() {
        if name == "customData" {
            if random.below(8) == 0 {
                members.insert(name, json!({ "vendorId": "org.example", "idToken": 7, "more": [null] }));
            }
        // The sales tariff of ISO 15118 is not read.
        } else if name != "salesTariff"
            && (required.contains(&Value::from(name.as_str())) || random.below(2) == 0)
        {
            let value = value(&name, &property, root, random);
            members.insert(name, value);
        }
    }
    Value::Object(members)
}

fn value(name: &str, schema: &Value, root: &Value, random: &mut Random) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let definition = reference.rsplit('/').next().unwrap();
        return value(name, &root["definitions"][definition], root, random);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[random.below(words.len())].clone();
    }
    match schema["type"].as_str() {
        Some("object") => object(schema, root, random),
        Some("array") => {
            let fewest = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).unwrap();
            let most = usize::try_from(schema["maxItems"].as_u64().unwrap_or(9)).unwrap().min(fewest + 2);
            let count = fewest + random.below(most - fewest + 1);
            (0..count).map(|_| value(name, &schema["items"], root, random)).collect()
        }
        Some("string") if schema["format"] == "date-time" => Value::from(format!(
            "20{:02}-02-28T23:59:{:02}.{:03}Z",
            random.below(100),
            random.below(60),
            random.below(1000)
        )),
        Some("string") => {
            let most = usize::try_from(schema["maxLength"].as_u64().unwrap()).unwrap();
            let length = if random.below(8) == 0 { most } else { 1 + random.below(most.min(40)) };
            Value::from((0..length).map(|_| TEXT[random.below(TEXT.len())]).collect::<String>())
        }
        Some("integer") => Value::from(integer(name, random)),
        Some("number") if name == "limit" || name == "minChargingRate" => {
            serde_json::from_str(&format!("{}.{}", random.below(100), 1 + random.below(9))).unwrap()
        }
        Some("number") => {
            serde_json::from_str(&format!("{}.{:05}1", random.below(1_000_000), random.below(100_000)))
                .unwrap()
        }
        Some("boolean") => Value::from(random.below(2) == 0),
        None => [json!("text"), json!(7.5), json!({ "a": [1, "b"] }), json!(true)][random.below(4)].clone(),
        Some(other) => panic!("{name}: {other}"),
    }
}

const TEXT: [char; 12] = ['a', 'B', '7', ' ', '"', '\\', '\n', 'ä', '€', '𝄞', '-', '.'];

fn integer(name: &str, random: &mut Random) -> i64 {
    let whole = |below: usize| i64::try_from(random.below(below)).unwrap();
    let mut whole = whole;
    match name {
        "evseId" | "connectorId" => 1 + whole(65_535),
        "numberPhases" | "phaseToUse" | "numberOfPhasesUsed" => 1 + whole(3),
        "chargingPriority" => whole(19) - 9,
        "multiplier" => whole(13) - 6,
        "id" => whole(65_536),
        _ => whole(0x8000_0000),
    }
}

/// What the standard says in words: profiles and schedules make sense, a second language needs a first.
fn keep_rules(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(keep_rules),
        Value::Object(members) => {
            members.values_mut().for_each(keep_rules);
            if !members.contains_key("language1") || members.get("language1") == members.get("language2") {
                members.remove("language2");
            }
            if members.get("numberPhases") != Some(&Value::from(1)) {
                members.remove("phaseToUse");
            }
            if let Some(Value::Array(periods)) = members.get_mut("chargingSchedulePeriod") {
                for (at, period) in periods.iter_mut().enumerate() {
                    period["startPeriod"] = Value::from(at * 900);
                }
            }
            // Whether a start or a change of limits, the profile is one of a transaction that may begin at once.
            let is_start = members.contains_key("remoteStartId");
            if let Some(Value::Object(profile)) = members.get_mut("chargingProfile") {
                profile.insert("chargingProfilePurpose".to_owned(), json!("TxProfile"));
                profile.insert("chargingProfileKind".to_owned(), json!("Absolute"));
                profile.remove("recurrencyKind");
                if is_start {
                    profile.remove("transactionId");
                } else {
                    profile.insert("transactionId".to_owned(), json!("tx-1"));
                }
                for schedule in profile["chargingSchedule"].as_array_mut().unwrap() {
                    schedule["startSchedule"] = json!("2026-07-23T08:21:46.000Z");
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The message without what is passed over, and without flags that say what is so by default.
fn without_custom_data(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_custom_data).collect(),
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, value)| {
                let is_default = ["offline", "tbc", "persistent", "constant"].contains(&name.as_str())
                    && value.as_bool() == Some(false);
                name != "customData" && !is_default
            })
            .map(|(name, value)| (name, without_custom_data(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}
