//! Just enough of OCPP-J to watch a wire: what a frame is, its message id, its action. Independent of the engine's
//! decoder, and cheap, because every frame is looked at.

use std::borrow::Cow;

use plant::station::TransactionName;
use serde::Deserialize;
use serde::de::IgnoredAny;
use units::{Amperes, TimeSpan};
use xxhash_rust::xxh3::xxh3_64;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head<'a> {
    /// A request.
    Call {
        /// The message id.
        id: &'a str,
        /// OCPP's action.
        action: &'a str,
    },
    /// An answer.
    Result {
        /// The message id of the request.
        id: &'a str,
    },
    /// A refusal.
    Error {
        /// The message id of the request.
        id: &'a str,
        /// OCPP's error code.
        code: &'a str,
    },
    /// Something else.
    Other,
}

/// Reads the head of a frame.
#[must_use]
pub fn head(text: &str) -> Head<'_> {
    let Some(rest) = text.trim_start().strip_prefix('[') else { return Head::Other };
    let rest = rest.trim_start();
    let kind = rest.as_bytes().first().copied();
    let Some((id, rest)) = quoted(rest) else { return Head::Other };
    match kind {
        Some(b'2') => match quoted(rest) {
            Some((action, _)) => Head::Call { id, action },
            None => Head::Other,
        },
        Some(b'3') => Head::Result { id },
        Some(b'4') => Head::Error { id, code: quoted(rest).map_or("", |(code, _)| code) },
        Some(_) | None => Head::Other,
    }
}

/// The text between the next two quotation marks, and what follows. Ids and actions hold no escapes.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = at_quote(text)?;
    at_quote(rest)
}

/// What stands before and after the next quotation mark. It is near: a plain loop finds it sooner than a search made for
/// long texts.
fn at_quote(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == b'"')?;
    Some((&text[..at], &text[at + 1..]))
}

/// A hash of what follows the message id: a retry may come under a new one.
#[must_use]
pub fn payload_hash(text: &str) -> u64 {
    let after_action = quoted(text).and_then(|(_, rest)| quoted(rest)).map(|(_, rest)| rest);
    xxh3_64(after_action.unwrap_or(text).as_bytes())
}

/// A SetChargingProfile as it stands on the wire, in either version of OCPP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSent {
    /// The connector, in OCPP 2.0.1 the EVSE; 0 is the whole station.
    pub connector: u16,
    /// chargingProfilePurpose.
    pub purpose: &'static str,
    /// transactionId.
    pub transaction: Option<TransactionName>,
    /// chargingRateUnit is A.
    pub is_amperes: bool,
    /// Start of each period after the first, and its limit.
    pub periods: Vec<(TimeSpan, Amperes)>,
}

/// Reads a SetChargingProfile.
///
/// # Errors
///
/// What is missing or wrong.
pub fn profile_sent(text: &str) -> Result<ProfileSent, String> {
    let (_, _, _, payload): (IgnoredAny, IgnoredAny, IgnoredAny, Payload<'_>) =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let (purpose, transaction, schedule) = match (payload.cs_charging_profiles, payload.charging_profile) {
        (Some(profile), None) => {
            (profile.charging_profile_purpose, profile.transaction_id, profile.charging_schedule)
        }
        (None, Some(profile)) => {
            let [schedule] = profile.charging_schedule;
            (profile.charging_profile_purpose, profile.transaction_id, schedule)
        }
        (Some(_), Some(_)) | (None, None) => return Err("neither or both versions' profile".to_owned()),
    };
    let read = |period: Period| {
        let limit: Amperes = period.limit.to_string().parse().ok()?;
        Some((TimeSpan::from_seconds(period.start_period), limit))
    };
    let periods = schedule.charging_schedule_period.into_iter().map(read);
    Ok(ProfileSent {
        connector: payload.connector_id,
        purpose: PURPOSES
            .into_iter()
            .find(|known| *known == purpose)
            .ok_or_else(|| format!("unknown purpose {purpose}"))?,
        transaction: transaction.map(|name| match name {
            Named::Number(number) => TransactionName::Backend(number),
            Named::Text(text) => TransactionName::Station(text.into_owned()),
        }),
        is_amperes: schedule.charging_rate_unit == "A",
        periods: periods.collect::<Option<_>>().ok_or("a limit that is no current")?,
    })
}

const PURPOSES: [&str; 4] =
    ["TxProfile", "TxDefaultProfile", "ChargePointMaxProfile", "ChargingStationMaxProfile"];

/// What a SetChargingProfile bears: `csChargingProfiles` in OCPP 1.6, `chargingProfile` in 2.0.1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(alias = "evseId")]
    connector_id: u16,
    #[serde(borrow)]
    cs_charging_profiles: Option<Profile<'a, Schedule<'a>>>,
    charging_profile: Option<Profile<'a, [Schedule<'a>; 1]>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile<'a, S> {
    #[serde(borrow)]
    charging_profile_purpose: Cow<'a, str>,
    #[serde(borrow)]
    transaction_id: Option<Named<'a>>,
    charging_schedule: S,
}

/// A transaction: a number in OCPP 1.6, text in 2.0.1.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named<'a> {
    Number(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schedule<'a> {
    #[serde(borrow)]
    charging_rate_unit: Cow<'a, str>,
    charging_schedule_period: Vec<Period>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Period {
    start_period: i64,
    limit: serde_json::Number,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_without_decoding_the_payload() {
        assert_eq!(
            head(r#"[2,"17","MeterValues",{"connectorId":1}]"#),
            Head::Call { id: "17", action: "MeterValues" }
        );
        assert_eq!(head(r#"[3,"17",{}]"#), Head::Result { id: "17" });
        assert_eq!(
            head(r#" [4, "17", "GenericError", "", {}]"#),
            Head::Error { id: "17", code: "GenericError" }
        );
        assert_eq!(head("nonsense"), Head::Other);
        assert_eq!(head("[9,\"a\",\"b\"]"), Head::Other);
    }

    #[test]
    fn a_profile_is_read_with_its_periods() {
        let text = r#"[2,"1","SetChargingProfile",{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,
            "transactionId":7,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute",
            "chargingSchedule":{"startSchedule":"2026-01-01T00:00:00Z","chargingRateUnit":"A",
            "chargingSchedulePeriod":[{"startPeriod":0,"limit":12.5},{"startPeriod":360,"limit":0}]}}}]"#;
        let profile = profile_sent(text).unwrap();
        assert_eq!(profile.connector, 1);
        assert_eq!(profile.transaction, Some(TransactionName::Backend(7)));
        assert!(profile.is_amperes);
        assert_eq!(
            profile.periods,
            [
                (TimeSpan::ZERO, Amperes::from_milliamperes(12_500)),
                (TimeSpan::from_seconds(360), Amperes::ZERO)
            ]
        );
        let in_2_0_1 = r#"[2,"1","SetChargingProfile",{"evseId":1,"chargingProfile":{"id":11,"stackLevel":0,
            "chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute","transactionId":"T-1",
            "chargingSchedule":[{"id":11,"startSchedule":"2026-01-01T00:00:00Z","chargingRateUnit":"A",
            "chargingSchedulePeriod":[{"startPeriod":0,"limit":12.5},{"startPeriod":360,"limit":0}]}]}}]"#;
        let transaction = Some(TransactionName::Station("T-1".to_owned()));
        assert_eq!(profile_sent(in_2_0_1).unwrap(), ProfileSent { transaction, ..profile });
        assert!(profile_sent("[2,\"1\",\"SetChargingProfile\",{}]").is_err());
    }
}
