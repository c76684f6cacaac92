//! Calls of upkeep in OCPP 1.6.

use ocpp::json::Json;
use ocpp::v16::{
    AvailabilityType, ChangeAvailabilityRequest, ChangeConfigurationRequest, ClearCacheRequest, ConnectorId,
    CsmsAction, CsmsRequest, CsmsResponse, GetConfigurationRequest, ResetRequest, ResetType,
    UnlockConnectorRequest,
};
use serde_json::{Value, json};

use crate::message::Progress;
use crate::upkeep::{Ask, ListEntry, ListUpdate, LogKind, ResetHow, SettingKey, Told, Verdict};
use crate::wire::Manner;

/// A request by its action, with its payload as JSON text; or why it cannot be said.
pub(crate) fn call(ask: &Ask, manner: &Manner) -> Result<(&'static str, String), String> {
    let request: CsmsRequest = match ask {
        Ask::Reset(how) => {
            let kind = match how {
                ResetHow::Soft => ResetType::Soft,
                ResetHow::Hard => ResetType::Hard,
            };
            ResetRequest { kind }.into()
        }
        Ask::Unlock { evse } => UnlockConnectorRequest { connector_id: ConnectorId(*evse) }.into(),
        Ask::Availability { evse, is_operative } => ChangeAvailabilityRequest {
            connector_id: ConnectorId(evse.unwrap_or(0)),
            kind: if *is_operative { AvailabilityType::Operative } else { AvailabilityType::Inoperative },
        }
        .into(),
        Ask::ClearCache => ClearCacheRequest::default().into(),
        Ask::Get(key) => GetConfigurationRequest { key: vec![name_of(key)?] }.into(),
        Ask::Set(key, value) => {
            ChangeConfigurationRequest { key: name_of(key)?, value: value.clone() }.into()
        }
        Ask::Firmware { url, number, signed: Some(signed) } => {
            let at = manner.station_now.to_string();
            let payload = json!({"requestId": number, "firmware": {
                "location": url, "retrieveDateTime": at,
                "signingCertificate": signed.certificate, "signature": signed.signature,
            }});
            return Ok(("SignedUpdateFirmware", payload.to_string()));
        }
        Ask::Firmware { url, signed: None, .. } => {
            let at = manner.station_now.to_string();
            return Ok(("UpdateFirmware", json!({"location": url, "retrieveDate": at}).to_string()));
        }
        Ask::Log { url, number, kind, from, until } => return Ok(log(url, *number, *kind, [*from, *until])),
        Ask::NetworkProfile { .. } => {
            return Err("OCPP 1.6 has no message that tells of another backend".to_owned());
        }
        Ask::ListVersion => return Ok(("GetLocalListVersion", "{}".to_owned())),
        Ask::SendList { version, update, entries } => {
            let update = match update {
                ListUpdate::Full => "Full",
                ListUpdate::Differential => "Differential",
            };
            let entries: Vec<Value> = entries.iter().map(entry).collect();
            let payload =
                json!({"listVersion": version, "updateType": update, "localAuthorizationList": entries});
            return Ok(("SendLocalList", payload.to_string()));
        }
        Ask::Reserve { number, evse, token, until } => {
            let payload = json!({
                "connectorId": evse, "expiryDate": until.to_string(), "idTag": token.as_str(), "reservationId": number,
            });
            return Ok(("ReserveNow", payload.to_string()));
        }
        Ask::CancelReservation { number } => {
            return Ok(("CancelReservation", json!({"reservationId": number}).to_string()));
        }
    };
    let payload = request.payload().map_err(|error| error.to_string())?;
    Ok((request.action().name(), payload))
}

fn log(
    url: &str,
    number: u32,
    kind: LogKind,
    [from, until]: [Option<units::Timestamp>; 2],
) -> (&'static str, String) {
    let [from, until] = [from, until].map(|at| at.map(|at| Value::from(at.to_string())));
    let span = |names: [&str; 2]| -> serde_json::Map<String, Value> {
        let named = names.into_iter().zip([from.clone(), until.clone()]);
        named.filter_map(|(name, at)| Some((name.to_owned(), at?))).collect()
    };
    match kind {
        LogKind::Diagnostics => {
            let mut payload = span(["startTime", "stopTime"]);
            payload.insert("location".to_owned(), url.into());
            ("GetDiagnostics", Value::from(payload).to_string())
        }
        // The security whitepaper's, section 4.
        LogKind::Security => {
            let mut log = span(["oldestTimestamp", "latestTimestamp"]);
            log.insert("remoteLocation".to_owned(), url.into());
            ("GetLog", json!({"log": log, "logType": "SecurityLog", "requestId": number}).to_string())
        }
    }
}

fn entry(entry: &ListEntry) -> Value {
    match entry {
        ListEntry::Accepted(token, None) => {
            json!({"idTag": token.as_str(), "idTagInfo": {"status": "Accepted"}})
        }
        ListEntry::Accepted(token, Some(until)) => {
            json!({"idTag": token.as_str(), "idTagInfo": {"status": "Accepted", "expiryDate": until.to_string()}})
        }
        ListEntry::Removed(token) => json!({"idTag": token.as_str()}),
    }
}

fn name_of(key: &SettingKey) -> Result<String, String> {
    match key {
        SettingKey::Key { key } => Ok(key.clone()),
        SettingKey::Variable { .. } => Err(format!("OCPP 1.6 has no variable {key}")),
    }
}

/// What an answer means; `status` is its word, where it has one.
pub(crate) fn told(ask: &Ask, status: Option<&str>, payload: &Json<'_>) -> Told {
    match ask {
        Ask::Get(SettingKey::Key { key }) => setting(key, payload),
        // Its answer says nothing: what follows is told.
        Ask::Firmware { signed: None, .. } => Told::new(Verdict::Done, "asked"),
        Ask::Log { kind: LogKind::Diagnostics, .. } => {
            match payload.get("fileName").and_then(Json::as_text).filter(|name| !name.is_empty()) {
                Some(name) => Told { value: Some(name.to_owned()), ..Told::new(Verdict::Done, "asked") },
                None => Told::new(Verdict::Refused, "it has no diagnostics to send"),
            }
        }
        Ask::ListVersion => match payload.get("listVersion").map(ToString::to_string) {
            Some(version) => Told { value: Some(version), ..Told::new(Verdict::Done, "told") },
            None => Told::new(Verdict::Refused, "it told no version"),
        },
        Ask::Firmware { signed: Some(_), .. }
        | Ask::Log { kind: LogKind::Security, .. }
        | Ask::Get(SettingKey::Variable { .. })
        | Ask::Reset(_)
        | Ask::Unlock { .. }
        | Ask::Availability { .. }
        | Ask::ClearCache
        | Ask::Set(..)
        | Ask::NetworkProfile { .. }
        | Ask::SendList { .. }
        | Ask::Reserve { .. }
        | Ask::CancelReservation { .. } => {
            status.map_or_else(|| Told::new(Verdict::Refused, "it answered without a status"), Told::status)
        }
    }
}

fn setting(key: &str, payload: &Json<'_>) -> Told {
    let response = match CsmsResponse::decode(CsmsAction::GetConfiguration, payload) {
        Ok(ocpp::Decoded { value: CsmsResponse::GetConfiguration(response), .. }) => response,
        Ok(_) => return Told::new(Verdict::Refused, "it answered something else"),
        Err(error) => return Told::new(Verdict::Refused, error.to_string()),
    };
    let mut pairs = response.configuration_key.into_iter();
    match pairs.find(|pair| pair.key.eq_ignore_ascii_case(key)) {
        Some(pair) => {
            let verdict = if pair.readonly { Verdict::ReadOnly } else { Verdict::Done };
            Told { value: pair.value, ..Told::new(verdict, if pair.readonly { "read-only" } else { "told" }) }
        }
        None if response.unknown_key.iter().any(|unknown| unknown.eq_ignore_ascii_case(key)) => {
            Told::new(Verdict::NotSupported, "unknown key")
        }
        // Neither known nor unknown is not "no such key": some stations answer a question with nothing.
        None => Told::new(Verdict::Refused, "it did not tell"),
    }
}

/// What a station tells of something that upkeep asked for.
pub(crate) fn progress(action: &str, payload: &Json<'_>) -> Option<Progress> {
    let status = || payload.get("status").and_then(Json::as_text).map(ToOwned::to_owned);
    match action {
        "FirmwareStatusNotification" | "SignedFirmwareStatusNotification" => status().map(Progress::Firmware),
        "DiagnosticsStatusNotification" | "LogStatusNotification" => status().map(Progress::Log),
        _ => None,
    }
}
