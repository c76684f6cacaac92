//! The backend's calls in OCPP 1.6, and what the station answers.

use std::fmt::Write as _;

use serde_json::Value;
use units::IdToken;

use crate::station::config::Purpose;
use crate::station::connector::Offer;
use crate::station::orders::{Answer, Availability, Obeyed, ScheduleUnit};
use crate::station::outbox::{BootReason, Call};
use crate::station::profile::Filter;
use crate::station::profile_text::{ProfileText, Refusal};
use crate::station::settings::{self, Change, Form};
use crate::station::wire::{connector_at, decimal, quoted, text_at, whole_at};
use crate::station::{Deferred, Station, StopReason, TransactionName};

/// Obeys a call, and tells what goes back.
pub fn obey(station: &mut Station, action: &str, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    match action {
        "SetChargingProfile" => set_charging_profile(station, payload),
        "ClearChargingProfile" => clear_charging_profile(station, payload),
        "GetCompositeSchedule" => composite_schedule(station, payload),
        "RemoteStartTransaction" => remote_start(station, payload, effects),
        "RemoteStopTransaction" => remote_stop(station, payload, effects),
        "ChangeConfiguration" => change_configuration(station, payload),
        "GetConfiguration" => get_configuration(station, payload),
        "ChangeAvailability" => change_availability(station, payload),
        "Reset" => match text_at(payload, "type") {
            Some("Soft") => reset(effects, StopReason::SoftReset),
            Some("Hard") => reset(effects, StopReason::HardReset),
            _ => Answer::Error("PropertyConstraintViolation"),
        },
        "UnlockConnector" => unlock(station, payload),
        "ClearCache" => {
            station.known_tokens.clear();
            Answer::status("Accepted")
        }
        "DataTransfer" => Answer::status("UnknownVendorId"),
        "TriggerMessage" => trigger(station, payload, effects),
        "CancelReservation"
        | "GetDiagnostics"
        | "GetLocalListVersion"
        | "ReserveNow"
        | "SendLocalList"
        | "UpdateFirmware" => Answer::Error("NotSupported"),
        _ => Answer::Error("NotImplemented"),
    }
}

fn set_charging_profile(station: &mut Station, payload: &Value) -> Answer {
    let (Some(connector), Some(text)) =
        (connector_at(payload, "connectorId"), payload.get("csChargingProfiles"))
    else {
        return Answer::Error("FormationViolation");
    };
    match ProfileText::read_v16(text).and_then(|text| station.install(connector, text)) {
        Ok(()) => Answer::status("Accepted"),
        Err(Refusal::Rejected) => Answer::status("Rejected"),
        Err(Refusal::Formation) => Answer::Error("FormationViolation"),
    }
}

fn clear_charging_profile(station: &mut Station, payload: &Value) -> Answer {
    let purpose = match text_at(payload, "chargingProfilePurpose") {
        Some("ChargePointMaxProfile") => Some(Purpose::ChargePointMaxProfile),
        Some("TxDefaultProfile") => Some(Purpose::TxDefaultProfile),
        Some("TxProfile") => Some(Purpose::TxProfile),
        Some(_) => return Answer::Error("PropertyConstraintViolation"),
        None => None,
    };
    let filter = Filter {
        id: whole_at(payload, "id"),
        connector: connector_at(payload, "connectorId"),
        purpose,
        stack_level: whole_at(payload, "stackLevel").and_then(|level| u32::try_from(level).ok()),
    };
    Answer::status(if station.clear_profiles(filter) == 0 { "Unknown" } else { "Accepted" })
}

fn composite_schedule(station: &Station, payload: &Value) -> Answer {
    let number = connector_at(payload, "connectorId");
    let duration = whole_at(payload, "duration").filter(|seconds| (0..=10_000_000).contains(seconds));
    let (Some(number), Some(seconds)) = (number, duration) else {
        return Answer::Error("FormationViolation");
    };
    if number > station.connectors() {
        return Answer::status("Rejected");
    }
    let (unit, unit_name) = match text_at(payload, "chargingRateUnit") {
        Some("W") => (ScheduleUnit::Watts, "W"),
        Some(_) | None => (ScheduleUnit::Amperes, "A"),
    };
    let mut periods = String::new();
    for (start, limit) in station.composite(number, seconds, unit) {
        let separator = if periods.is_empty() { "" } else { "," };
        let _ = write!(periods, "{separator}{{\"startPeriod\":{start},\"limit\":{}}}", decimal(limit));
    }
    let start = station.stamp();
    Answer::Result(format!(
        "{{\"status\":\"Accepted\",\"connectorId\":{number},\"scheduleStart\":\"{start}\",\
         \"chargingSchedule\":{{\"duration\":{seconds},\"startSchedule\":\"{start}\",\
         \"chargingRateUnit\":\"{unit_name}\",\"chargingSchedulePeriod\":[{periods}]}}}}"
    ))
}

fn remote_start(station: &Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    let Some(token) = text_at(payload, "idTag").and_then(|text| text.parse::<IdToken>().ok()) else {
        return Answer::Error("FormationViolation");
    };
    let Some(connector) = station.free_for_start(connector_at(payload, "connectorId")) else {
        return Answer::status("Rejected");
    };
    let profile = payload
        .get("chargingProfile")
        .map(|text| ProfileText::read_v16(text).and_then(|text| station.read_profile(connector, text)));
    let profile = match profile {
        Some(Ok(profile)) if profile.purpose == Purpose::TxProfile => Some(Box::new(profile)),
        Some(Err(Refusal::Formation)) => return Answer::Error("FormationViolation"),
        Some(Ok(_) | Err(Refusal::Rejected)) => return Answer::status("Rejected"),
        None => None,
    };
    effects.push(Deferred::RemoteStart { connector, offer: Offer { profile, ..Offer::card(token) } });
    Answer::status("Accepted")
}

fn remote_stop(station: &Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    let connector = whole_at(payload, "transactionId")
        .and_then(|id| station.connector_of_transaction(&TransactionName::Backend(id)));
    let Some(connector) = connector else { return Answer::status("Rejected") };
    effects.push(Deferred::Stop { connector, reason: StopReason::Remote });
    Answer::status("Accepted")
}

fn change_configuration(station: &mut Station, payload: &Value) -> Answer {
    let (Some(key), Some(value)) = (text_at(payload, "key"), text_at(payload, "value")) else {
        return Answer::Error("FormationViolation");
    };
    let Some(row) = settings::row_of_key(key) else { return Answer::status("NotSupported") };
    Answer::status(match station.change_setting(row, value) {
        Change::Accepted => "Accepted",
        Change::Rejected => "Rejected",
    })
}

fn get_configuration(station: &Station, payload: &Value) -> Answer {
    let asked: Vec<&str> = payload
        .get("key")
        .and_then(Value::as_array)
        .map(|keys| keys.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut known = String::new();
    for (row, value) in station.settings.iter() {
        let Some(name) = row.key else { continue };
        if !asked.is_empty() && !asked.contains(&name) {
            continue;
        }
        let separator = if known.is_empty() { "" } else { "," };
        let (is_read_only, value) = (row.form == Form::ReadOnly, quoted(value));
        let _ =
            write!(known, "{separator}{{\"key\":\"{name}\",\"readonly\":{is_read_only},\"value\":{value}}}");
    }
    let is_unknown = |name: &&&str| settings::row_of_key(name).is_none();
    let unknown: Vec<_> = asked.iter().filter(is_unknown).map(|name| quoted(name)).collect();
    let unknown =
        if unknown.is_empty() { String::new() } else { format!(",\"unknownKey\":[{}]", unknown.join(",")) };
    Answer::Result(format!("{{\"configurationKey\":[{known}]{unknown}}}"))
}

fn change_availability(station: &mut Station, payload: &Value) -> Answer {
    let to = match text_at(payload, "type") {
        Some("Operative") => Availability::Operative,
        Some("Inoperative") => Availability::Inoperative,
        _ => return Answer::Error("PropertyConstraintViolation"),
    };
    let number = connector_at(payload, "connectorId");
    let Some(number) = number.filter(|number| *number <= station.connectors()) else {
        return Answer::status("Rejected");
    };
    Answer::status(match station.change_availability(number, to) {
        Obeyed::Now => "Accepted",
        Obeyed::Later => "Scheduled",
    })
}

fn unlock(station: &mut Station, payload: &Value) -> Answer {
    let number = connector_at(payload, "connectorId").filter(|number| station.held(*number).is_some());
    let Some(number) = number else { return Answer::status("NotSupported") };
    station.end_transaction(number, StopReason::UnlockCommand, None);
    Answer::status("Unlocked")
}

fn trigger(station: &Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    let Some(concerned) = station.concerned(connector_at(payload, "connectorId")) else {
        return Answer::status("Rejected");
    };
    let concerned = concerned.into_iter();
    match text_at(payload, "requestedMessage") {
        Some("BootNotification") => effects.push(Deferred::Send(Call::Boot(BootReason::Triggered))),
        Some("Heartbeat") => effects.push(Deferred::Send(Call::Heartbeat)),
        Some("StatusNotification") => effects.extend(concerned.map(Deferred::TellStatus)),
        Some("MeterValues") => effects.extend(concerned.map(Deferred::TellMeterValues)),
        Some(_) => return Answer::status("NotImplemented"),
        None => return Answer::Error("FormationViolation"),
    }
    Answer::status("Accepted")
}

fn reset(effects: &mut Vec<Deferred>, reason: StopReason) -> Answer {
    effects.push(Deferred::Reset(reason));
    Answer::status("Accepted")
}
