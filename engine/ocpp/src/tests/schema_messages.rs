//! Random messages of the official schemas, of every action and version: each is read without a quirk, and written again
//! as it came. A text that a schema allows and we would not send is a bound of ours that is too narrow; one that we would
//! send and it does not allow is found by the same schema, applied to what was written.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::schemas::{Schema, assert_valid, schemas};
use crate::{EncodeError, Quirk, Version, v16, v21, v201};

/// Checks messages of all actions of a module, in a version, with the ending of its requests' schemas.
macro_rules! check_all {
    ($module:ident, $version:expr, $request:literal, $random:expr) => {
        let (version, random) = ($version, $random);
        if let Some(schemas) = schemas(version) {
            for action in $module::StationAction::ALL {
                check(version, &format!("{action}{}", $request), schemas, random, |payload| {
                    let read = $module::StationRequest::decode_in(version, action.name(), payload).unwrap();
                    (read.quirks, read.value.payload_in(version))
                });
                check(version, &format!("{action}Response"), schemas, random, |payload| {
                    let read = $module::StationResponse::decode_in(version, *action, payload).unwrap();
                    (read.quirks, read.value.payload_in(version))
                });
            }
            for action in $module::CsmsAction::ALL {
                check(version, &format!("{action}{}", $request), schemas, random, |payload| {
                    let read = $module::CsmsRequest::decode_in(version, action.name(), payload).unwrap();
                    (read.quirks, read.value.payload_in(version))
                });
                check(version, &format!("{action}Response"), schemas, random, |payload| {
                    let read = $module::CsmsResponse::decode_in(version, *action, payload).unwrap();
                    (read.quirks, read.value.payload_in(version))
                });
            }
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_of_ocpp_1_6_are_read_and_written_as_they_came(seed in any::<u64>()) {
        check_all!(v16, Version::V16, "", &mut Random(seed));
    }

    #[test]
    fn random_messages_of_ocpp_2_0_1_are_read_and_written_as_they_came(seed in any::<u64>()) {
        check_all!(v201, Version::V201, "Request", &mut Random(seed));
    }

    #[test]
    fn random_messages_of_ocpp_2_1_are_read_and_written_as_they_came(seed in any::<u64>()) {
        check_all!(v201, Version::V21, "Request", &mut Random(seed));
        check_all!(v21, Version::V21, "Request", &mut Random(seed));
    }
}

#[test]
fn every_action_of_the_standard_is_handled_or_known_not_to_be() {
    let is_16 = |name: &str| v16::StationAction::named(name).is_ok() || v16::CsmsAction::named(name).is_ok();
    let is_201 =
        |name: &str| v201::StationAction::named(name).is_ok() || v201::CsmsAction::named(name).is_ok();
    let is_21 = |name: &str| v21::StationAction::named(name).is_ok() || v21::CsmsAction::named(name).is_ok();
    let is_handled = |version, name: &str| match version {
        Version::V16 => is_16(name),
        Version::V201 => is_201(name),
        Version::V21 => is_201(name) || is_21(name),
    };
    for version in [Version::V16, Version::V201, Version::V21] {
        let Some(schemas) = schemas(version) else { return };
        for name in schemas.keys().filter(|name| !name.ends_with("Response")) {
            let name = name.strip_suffix("Request").unwrap_or(name);
            let is_declined = version == Version::V21 && v21::UNSUPPORTED.contains(&name);
            assert_ne!(is_handled(version, name), is_declined, "{version}: {name}");
        }
    }
}

fn check(
    version: Version,
    name: &str,
    schemas: &std::collections::BTreeMap<String, Schema>,
    random: &mut Random,
    read: impl FnOnce(&crate::json::Json<'_>) -> (Vec<Quirk>, Result<String, EncodeError>),
) {
    let schema = schemas.get(name).unwrap_or_else(|| panic!("no official schema {name} of {version}"));
    let mut message = object(&schema.text, &schema.text, random);
    keep_rules(&mut message);
    let text = message.to_string();
    let (quirks, written) = read(&crate::json::parse(&text, 32).unwrap());
    assert_eq!(quirks, vec![], "{name}: {text}");
    let written = written.unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_valid(version, name, &written);
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(without_custom_data(written), without_custom_data(message), "{name}: {text}");
}

fn object(schema: &Value, root: &Value, random: &mut Random) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut members = Map::new();
    for (name, property) in schema["properties"].as_object().cloned().unwrap_or_default() {
        if name == "customData" {
            if random.below(8) == 0 {
                members.insert(name, json!({ "vendorId": "org.example", "idToken": 7, "more": [null] }));
            }
        } else if required.contains(&Value::from(name.as_str())) || random.below(2) == 0 {
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
        // Errata of the schemas of OCPP 1.6, which stations use as well: read with a quirk, never sent.
        let errata = [json!("Celcius"), json!("Hertz")];
        let words: Vec<&Value> = words.iter().filter(|word| !errata.contains(word)).collect();
        return words[random.below(words.len())].clone();
    }
    match schema["type"].as_str() {
        Some("object") => object(schema, root, random),
        Some("array") => {
            let fewest = usize::try_from(schema["minItems"].as_u64().unwrap_or(1)).unwrap();
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
        Some("string") if schema["format"] == "uri" => Value::from(format!("ftp://x/{}", random.below(100))),
        // A figure without a unit's bounds: text that is one.
        Some("string") if name == "value" && schema["maxLength"].is_null() => {
            Value::from(format!("{}.{}", random.below(1_000), random.below(10)))
        }
        Some("string") => {
            // Without a length: addresses, and times of day.
            let most = usize::try_from(schema["maxLength"].as_u64().unwrap_or(300)).unwrap();
            let length = if random.below(8) == 0 { most } else { 1 + random.below(most.min(40)) };
            let text: String = (0..length).map(|_| TEXT[random.below(TEXT.len())]).collect();
            // Blanks alone are no word.
            Value::from(if text.trim().is_empty() { "x".to_owned() } else { text })
        }
        Some("integer") => {
            let most = schema["maximum"].as_f64().map(|most| format!("{most}").parse::<i64>().unwrap());
            let drawn = integer(name, random);
            Value::from(most.map_or(drawn, |most| drawn % (most + 1)))
        }
        Some("number") if name == "limit" || name == "minChargingRate" => {
            serde_json::from_str(&format!("{}.{}", random.below(100), 1 + random.below(9))).unwrap()
        }
        Some("number") => {
            let sign = if schema["maximum"] == 0.0 { "-" } else { "" };
            serde_json::from_str(&format!("{sign}{}.{:05}1", random.below(1_000_000), random.below(100_000)))
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
        "evseId" | "evseIds" | "connectorId" => 1 + whole(65_535),
        "numberPhases" | "phaseToUse" | "numberOfPhasesUsed" => 1 + whole(3),
        "chargingPriority" => whole(19) - 9,
        "severity" | "securityProfile" => whole(10),
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
            let is_start = members.contains_key("remoteStartId") || members.contains_key("idTag");
            for name in ["chargingProfile", "csChargingProfiles"] {
                match members.get_mut(name) {
                    Some(Value::Object(profile)) if profile.contains_key("chargingProfileKind") => {
                        keep_rules_of_profile(profile, is_start);
                    }
                    Some(Value::Array(profiles)) => {
                        for profile in profiles.iter_mut().filter_map(Value::as_object_mut) {
                            keep_rules_of_profile(profile, is_start);
                        }
                    }
                    Some(_) | None => {}
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn keep_rules_of_profile(profile: &mut Map<String, Value>, is_start: bool) {
    profile.insert("chargingProfilePurpose".to_owned(), json!("TxProfile"));
    profile.insert("chargingProfileKind".to_owned(), json!("Absolute"));
    profile.remove("recurrencyKind");
    if is_start {
        profile.remove("transactionId");
    } else {
        let is_16 = profile.contains_key("chargingProfileId");
        profile.insert("transactionId".to_owned(), if is_16 { json!(7) } else { json!("tx-1") });
    }
    let start = |schedule: &mut Value| schedule["startSchedule"] = json!("2026-07-23T08:21:46.000Z");
    let schedule = &mut profile["chargingSchedule"];
    match schedule.as_array_mut() {
        Some(schedules) => schedules.iter_mut().for_each(start),
        None => start(schedule),
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
