//! Calls of upkeep in OCPP 2.0.1.

use ocpp::json::Json;
use ocpp::v201::{
    ChangeAvailabilityRequest, ClearCacheRequest, Component, ConnectorNumber, CsmsAction, CsmsRequest,
    CsmsResponse, Evse, EvseNumber, GetVariableData, GetVariableStatus, GetVariablesRequest,
    OperationalStatus, ResetRequest, ResetType, SetVariableData, SetVariablesRequest, UnlockConnectorRequest,
    Variable,
};
use serde_json::{Value, json};

use crate::message::Progress;
use crate::upkeep::{Ask, ListEntry, ListUpdate, LogKind, ResetHow, SettingKey, Told, Verdict};
use crate::wire::Manner;

/// How long a station waits for an answer of the backend that it is told of, in s.
const MESSAGE_TIMEOUT_S: u16 = 30;

/// A request by its action, with its payload as JSON text; or why it cannot be said.
pub(crate) fn call(ask: &Ask, manner: &Manner) -> Result<(&'static str, String), String> {
    let request: CsmsRequest = match ask {
        Ask::Reset(how) => {
            let kind = match how {
                ResetHow::Soft => ResetType::OnIdle,
                ResetHow::Hard => ResetType::Immediate,
            };
            ResetRequest { kind, evse_id: None }.into()
        }
        Ask::Unlock { evse } => {
            UnlockConnectorRequest { evse_id: EvseNumber(*evse), connector_id: ConnectorNumber(1) }.into()
        }
        Ask::Availability { evse, is_operative } => ChangeAvailabilityRequest {
            evse: evse.map(|evse| Evse::new(EvseNumber(evse))),
            operational_status: if *is_operative {
                OperationalStatus::Operative
            } else {
                OperationalStatus::Inoperative
            },
        }
        .into(),
        Ask::ClearCache => ClearCacheRequest::default().into(),
        Ask::Get(key) => {
            let (component, variable) = place_of(key)?;
            let get = GetVariableData { attribute_type: None, component, variable };
            GetVariablesRequest { get_variable_data: vec![get] }.into()
        }
        Ask::Set(key, value) => {
            let (component, variable) = place_of(key)?;
            let set =
                SetVariableData { attribute_type: None, attribute_value: value.clone(), component, variable };
            SetVariablesRequest { set_variable_data: vec![set] }.into()
        }
        Ask::Firmware { url, number, signed } => {
            let at = manner.station_now.to_string();
            let mut firmware = json!({"location": url, "retrieveDateTime": at});
            if let (Some(signed), Some(members)) = (signed, firmware.as_object_mut()) {
                members.insert("signingCertificate".to_owned(), signed.certificate.as_str().into());
                members.insert("signature".to_owned(), signed.signature.as_str().into());
            }
            let payload = json!({"requestId": number, "firmware": firmware});
            return Ok(("UpdateFirmware", payload.to_string()));
        }
        Ask::Log { url, number, kind, from, until } => {
            let mut log = serde_json::Map::new();
            log.insert("remoteLocation".to_owned(), Value::from(url.as_str()));
            for (name, at) in [("oldestTimestamp", from), ("latestTimestamp", until)] {
                log.extend(at.map(|at| (name.to_owned(), Value::from(at.to_string()))));
            }
            let kind = match kind {
                LogKind::Diagnostics => "DiagnosticsLog",
                LogKind::Security => "SecurityLog",
            };
            return Ok(("GetLog", json!({"log": log, "logType": kind, "requestId": number}).to_string()));
        }
        Ask::NetworkProfile { slot, url, security_profile } => {
            let payload = json!({"configurationSlot": slot, "connectionData": {
                "messageTimeout": MESSAGE_TIMEOUT_S, "ocppCsmsUrl": url, "ocppInterface": "Wired0",
                "ocppTransport": "JSON", "ocppVersion": "OCPP20", "securityProfile": security_profile,
            }});
            return Ok(("SetNetworkProfile", payload.to_string()));
        }
        Ask::ListVersion => return Ok(("GetLocalListVersion", "{}".to_owned())),
        Ask::SendList { version, update, entries } => {
            let update = match update {
                ListUpdate::Full => "Full",
                ListUpdate::Differential => "Differential",
            };
            let mut payload = json!({"updateType": update, "versionNumber": version});
            // The standard wants at least one entry where there is a list.
            if let (false, Some(members)) = (entries.is_empty(), payload.as_object_mut()) {
                members.insert("localAuthorizationList".to_owned(), entries.iter().map(entry).collect());
            }
            return Ok(("SendLocalList", payload.to_string()));
        }
        Ask::Reserve { number, evse, token, until } => {
            let payload = json!({
                "id": number, "evseId": evse, "expiryDateTime": until.to_string(), "idToken": id_token(token),
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

fn entry(entry: &ListEntry) -> Value {
    match entry {
        ListEntry::Accepted(token, None) => {
            json!({"idToken": id_token(token), "idTokenInfo": {"status": "Accepted"}})
        }
        ListEntry::Accepted(token, Some(until)) => json!({
            "idToken": id_token(token),
            "idTokenInfo": {"status": "Accepted", "cacheExpiryDateTime": until.to_string()},
        }),
        ListEntry::Removed(token) => json!({"idToken": id_token(token)}),
    }
}

/// Tokens here have no kind: what drivers hold to a reader is an RFID of four, seven or ten bytes in hexadecimal digits, and
/// everything else was made up by us.
fn id_token(token: &units::IdToken) -> Value {
    let text = token.as_str();
    let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let kind = match text.len() {
        8 | 14 | 20 if is_hexadecimal => "ISO14443",
        _ => "Central",
    };
    json!({"idToken": text, "type": kind})
}

fn place_of(key: &SettingKey) -> Result<(Component, Variable), String> {
    match key {
        SettingKey::Variable { component, variable, instance, evse } => {
            let evse = evse.map(|evse| Evse::new(EvseNumber(evse)));
            Ok((
                Component { evse, ..Component::new(component.clone()) },
                Variable { instance: instance.clone(), ..Variable::new(variable.clone()) },
            ))
        }
        SettingKey::Key { key } => Err(format!("OCPP 2.0.1 has no configuration key {key}")),
    }
}

/// What an answer means; `status` is its word, where it has one.
pub(crate) fn told(ask: &Ask, status: Option<&str>, payload: &Json<'_>) -> Told {
    match ask {
        Ask::Get(_) => variable(payload),
        // FIELD section 6, trap 16: an answer per variable.
        Ask::Set(..) => match CsmsResponse::decode(CsmsAction::SetVariables, payload) {
            Ok(ocpp::Decoded { value: CsmsResponse::SetVariables(response), .. }) => {
                match response.set_variable_result.first() {
                    Some(result) => {
                        with_reason(result.attribute_status.as_str(), result.attribute_status_info.as_ref())
                    }
                    None => Told::new(Verdict::Refused, "no variable was answered"),
                }
            }
            Ok(_) => Told::new(Verdict::Refused, "it answered something else"),
            Err(error) => Told::new(Verdict::Refused, error.to_string()),
        },
        Ask::Log { .. } => {
            let told = status
                .map_or_else(|| Told::new(Verdict::Refused, "it answered without a status"), Told::status);
            Told { value: payload.get("filename").and_then(Json::as_text).map(ToOwned::to_owned), ..told }
        }
        Ask::ListVersion => match payload.get("versionNumber").map(ToString::to_string) {
            Some(version) => Told { value: Some(version), ..Told::new(Verdict::Done, "told") },
            None => Told::new(Verdict::Refused, "it told no version"),
        },
        Ask::Firmware { .. }
        | Ask::Reset(_)
        | Ask::Unlock { .. }
        | Ask::Availability { .. }
        | Ask::ClearCache
        | Ask::NetworkProfile { .. }
        | Ask::SendList { .. }
        | Ask::Reserve { .. }
        | Ask::CancelReservation { .. } => {
            status.map_or_else(|| Told::new(Verdict::Refused, "it answered without a status"), Told::status)
        }
    }
}

fn variable(payload: &Json<'_>) -> Told {
    let response = match CsmsResponse::decode(CsmsAction::GetVariables, payload) {
        Ok(ocpp::Decoded { value: CsmsResponse::GetVariables(response), .. }) => response,
        Ok(_) => return Told::new(Verdict::Refused, "it answered something else"),
        Err(error) => return Told::new(Verdict::Refused, error.to_string()),
    };
    match response.get_variable_result.into_iter().next() {
        Some(result) if result.attribute_status == GetVariableStatus::Accepted => Told {
            value: Some(result.attribute_value.unwrap_or_default()),
            ..Told::new(Verdict::Done, "told")
        },
        Some(result) => with_reason(result.attribute_status.as_str(), result.attribute_status_info.as_ref()),
        None => Told::new(Verdict::Refused, "no variable was answered"),
    }
}

/// A refusal of what nobody can set says so in its reason only (OCPP 2.0.1 part 2, appendix 1).
fn with_reason(status: &str, info: Option<&ocpp::v201::StatusInfo>) -> Told {
    let told = Told::status(status);
    match info {
        Some(info) if info.reason_code.eq_ignore_ascii_case("ReadOnly") => {
            Told::new(Verdict::ReadOnly, "ReadOnly")
        }
        Some(info) => Told { word: format!("{status}: {}", info.reason_code), ..told },
        None => told,
    }
}

/// What a station tells of something that upkeep asked for.
pub(crate) fn progress(action: &str, payload: &Json<'_>) -> Option<Progress> {
    let text = |name: &str| payload.get(name).and_then(Json::as_text).map(ToOwned::to_owned);
    match action {
        "FirmwareStatusNotification" => text("status").map(Progress::Firmware),
        "LogStatusNotification" => text("status").map(Progress::Log),
        "ReservationStatusUpdate" => {
            let number = payload.get("reservationId")?.to_string().parse().ok()?;
            text("reservationUpdateStatus").map(|word| Progress::ReservationEnded { number, word })
        }
        _ => None,
    }
}
