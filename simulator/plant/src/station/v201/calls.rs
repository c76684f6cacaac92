//! The backend's calls in OCPP 2.0.1, and what the station answers.

use std::fmt::Write as _;

use serde_json::Value;
use units::IdToken;

use super::{evse_at, variables};
use crate::station::config::{Purpose, Quirk};
use crate::station::connector::Offer;
use crate::station::orders::{Answer, Availability, Obeyed, ScheduleUnit};
use crate::station::outbox::{BootReason, Call};
use crate::station::profile::Filter;
use crate::station::profile_text::{ProfileText, Refusal};
use crate::station::wire::{connector_at, decimal, quoted, text_at, whole_at};
use crate::station::{Deferred, Station, StopReason, TransactionName};

/// Obeys a call, and tells what goes back.
pub fn obey(station: &mut Station, action: &str, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    match action {
        "SetChargingProfile" => set_charging_profile(station, payload),
        "ClearChargingProfile" => clear_charging_profile(station, payload),
        "GetCompositeSchedule" => composite_schedule(station, payload),
        "RequestStartTransaction" => request_start(station, payload, effects),
        "RequestStopTransaction" => request_stop(station, payload, effects),
        "GetTransactionStatus" => transaction_status(station, payload),
        "SetVariables" => variables::set(station, payload),
        "GetVariables" => variables::get(station, payload),
        "GetBaseReport" => base_report(station, payload, effects),
        "ChangeAvailability" => change_availability(station, payload),
        "Reset" => reset(station, payload, effects),
        "UnlockConnector" => unlock(station, payload),
        "ClearCache" => {
            station.known_tokens.clear();
            Answer::status("Accepted")
        }
        "DataTransfer" => Answer::status("UnknownVendorId"),
        "TriggerMessage" => trigger(station, payload, effects),
        "CancelReservation"
        | "GetLocalListVersion"
        | "GetLog"
        | "GetReport"
        | "ReserveNow"
        | "SendLocalList"
        | "UpdateFirmware" => Answer::Error("NotSupported"),
        _ => Answer::Error("NotImplemented"),
    }
}

fn set_charging_profile(station: &mut Station, payload: &Value) -> Answer {
    if station.has(Quirk::RejectsByFormerSchema) {
        return Answer::Error("FormationViolation");
    }
    let (Some(evse), Some(text)) = (connector_at(payload, "evseId"), payload.get("chargingProfile")) else {
        return Answer::Error("FormatViolation");
    };
    let installed = ProfileText::read_v201(text).and_then(|text| {
        if text.purpose == Purpose::TxProfile && text.transaction.is_none() {
            return Err(Refusal::Rejected);
        }
        station.install(evse, text)
    });
    match installed {
        Ok(()) => Answer::status("Accepted"),
        Err(Refusal::Rejected) => rejected("InvalidProfile"),
        Err(Refusal::Formation) => Answer::Error("FormatViolation"),
    }
}

fn clear_charging_profile(station: &mut Station, payload: &Value) -> Answer {
    let purpose = match text_at(payload, "chargingProfileCriteria/chargingProfilePurpose") {
        Some("ChargingStationMaxProfile") => Some(Purpose::ChargePointMaxProfile),
        Some("TxDefaultProfile") => Some(Purpose::TxDefaultProfile),
        Some("TxProfile") => Some(Purpose::TxProfile),
        Some("ChargingStationExternalConstraints") => return Answer::status("Unknown"),
        Some(_) => return Answer::Error("PropertyConstraintViolation"),
        None => None,
    };
    let filter = Filter {
        id: whole_at(payload, "chargingProfileId"),
        connector: connector_at(payload, "chargingProfileCriteria/evseId"),
        purpose,
        stack_level: whole_at(payload, "chargingProfileCriteria/stackLevel")
            .and_then(|level| u32::try_from(level).ok()),
    };
    Answer::status(if station.clear_profiles(filter) == 0 { "Unknown" } else { "Accepted" })
}

fn composite_schedule(station: &Station, payload: &Value) -> Answer {
    let number = connector_at(payload, "evseId");
    let duration = whole_at(payload, "duration").filter(|seconds| (0..=10_000_000).contains(seconds));
    let (Some(number), Some(seconds)) = (number, duration) else {
        return Answer::Error("FormatViolation");
    };
    if number > station.connectors() {
        return rejected("UnknownEvse");
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
    Answer::Result(format!(
        "{{\"status\":\"Accepted\",\"schedule\":{{\"evseId\":{number},\"duration\":{seconds},\
         \"scheduleStart\":\"{}\",\"chargingRateUnit\":\"{unit_name}\",\"chargingSchedulePeriod\":[{periods}]}}}}",
        station.stamp()
    ))
}

fn request_start(station: &Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    let token = text_at(payload, "idToken/idToken").and_then(|text| text.parse::<IdToken>().ok());
    let kind = text_at(payload, "idToken/type").and_then(token_kind);
    let (Some(token), Some(kind), Some(remote_start)) = (token, kind, whole_at(payload, "remoteStartId"))
    else {
        return Answer::Error("FormatViolation");
    };
    let Some(connector) = station.free_for_start(connector_at(payload, "evseId")) else {
        return rejected("NoFreeEvse");
    };
    let profile = payload
        .get("chargingProfile")
        .map(|text| ProfileText::read_v201(text).and_then(|text| station.read_profile(connector, text)));
    let profile = match profile {
        Some(Ok(profile)) if profile.purpose == Purpose::TxProfile => Some(Box::new(profile)),
        Some(Err(Refusal::Formation)) => return Answer::Error("FormatViolation"),
        Some(Ok(_) | Err(Refusal::Rejected)) => return rejected("InvalidProfile"),
        None => None,
    };
    let offer = Offer { token, kind, profile, remote_start: Some(remote_start) };
    effects.push(Deferred::RemoteStart { connector, offer });
    match station.running_name(connector) {
        Some(TransactionName::Station(name)) => {
            Answer::Result(format!("{{\"status\":\"Accepted\",\"transactionId\":{}}}", quoted(name)))
        }
        Some(TransactionName::Backend(_)) | None => Answer::status("Accepted"),
    }
}

fn request_stop(station: &Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    let Some(name) = text_at(payload, "transactionId") else { return Answer::Error("FormatViolation") };
    let name = TransactionName::Station(name.to_owned());
    let Some(connector) = station.connector_of_transaction(&name) else { return rejected("TxNotFound") };
    effects.push(Deferred::Stop { connector, reason: StopReason::Remote });
    Answer::status("Accepted")
}

fn transaction_status(station: &Station, payload: &Value) -> Answer {
    let Some(name) = text_at(payload, "transactionId") else {
        let is_queued = station.queued_transaction_messages() > 0;
        return Answer::Result(format!("{{\"messagesInQueue\":{is_queued}}}"));
    };
    let name = TransactionName::Station(name.to_owned());
    let is_ongoing = station.connector_of_transaction(&name).is_some();
    let is_queued = station.outbox.has_queued(&name);
    Answer::Result(format!("{{\"ongoingIndicator\":{is_ongoing},\"messagesInQueue\":{is_queued}}}"))
}

fn base_report(station: &Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    let Some(request) = whole_at(payload, "requestId") else { return Answer::Error("FormatViolation") };
    match text_at(payload, "reportBase") {
        Some("ConfigurationInventory" | "FullInventory") => {}
        Some("SummaryInventory") => return Answer::status("NotSupported"),
        Some(_) | None => return Answer::Error("PropertyConstraintViolation"),
    }
    let pages = 0..variables::pages();
    let report = |page| Deferred::Send(Call::Report { request, page, at: station.stamp() });
    effects.extend(pages.map(report));
    Answer::status("Accepted")
}

fn change_availability(station: &mut Station, payload: &Value) -> Answer {
    let to = match text_at(payload, "operationalStatus") {
        Some("Operative") => Availability::Operative,
        Some("Inoperative") => Availability::Inoperative,
        _ => return Answer::Error("PropertyConstraintViolation"),
    };
    let number = evse_at(payload).unwrap_or(0);
    if number > station.connectors() {
        return rejected("UnknownEvse");
    }
    Answer::status(match station.change_availability(number, to) {
        Obeyed::Now => "Accepted",
        Obeyed::Later => "Scheduled",
    })
}

fn reset(station: &mut Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    if whole_at(payload, "evseId").is_some() {
        return rejected("UnsupportedParam");
    }
    let is_busy = (1..=station.connectors()).any(|number| station.transaction(number).is_some());
    match text_at(payload, "type") {
        Some("OnIdle") if is_busy => {
            station.resets_when_idle = true;
            Answer::status("Scheduled")
        }
        Some("Immediate" | "OnIdle") => {
            effects.push(Deferred::Reset(StopReason::SoftReset));
            Answer::status("Accepted")
        }
        Some(_) | None => Answer::Error("PropertyConstraintViolation"),
    }
}

fn unlock(station: &Station, payload: &Value) -> Answer {
    let evse = connector_at(payload, "evseId").filter(|number| station.held(*number).is_some());
    let connector = connector_at(payload, "connectorId").filter(|number| *number == 1);
    let (Some(evse), Some(_)) = (evse, connector) else { return Answer::status("UnknownConnector") };
    let is_authorised = station.transaction(evse).is_some_and(|running| running.token.is_some());
    Answer::status(if is_authorised { "OngoingAuthorizedTransaction" } else { "Unlocked" })
}

fn trigger(station: &Station, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
    let Some(concerned) = station.concerned(evse_at(payload)) else { return rejected("UnknownEvse") };
    match text_at(payload, "requestedMessage") {
        Some("BootNotification") => effects.push(Deferred::Send(Call::Boot(BootReason::Triggered))),
        Some("Heartbeat") => effects.push(Deferred::Send(Call::Heartbeat)),
        Some("StatusNotification") => effects.extend(concerned.into_iter().map(Deferred::TellStatus)),
        Some("MeterValues") => effects.extend(concerned.into_iter().map(Deferred::TellMeterValues)),
        Some("TransactionEvent") => {
            let running: Vec<_> =
                concerned.into_iter().filter(|number| station.transaction(*number).is_some()).collect();
            if running.is_empty() {
                return rejected("NoTransaction");
            }
            effects.extend(running.into_iter().map(Deferred::TellTransaction));
        }
        Some(_) => return Answer::status("NotImplemented"),
        None => return Answer::Error("FormatViolation"),
    }
    Answer::status("Accepted")
}

fn rejected(reason: &str) -> Answer {
    Answer::Result(format!("{{\"status\":\"Rejected\",\"statusInfo\":{{\"reasonCode\":\"{reason}\"}}}}"))
}

/// The types of tokens.
fn token_kind(text: &str) -> Option<&'static str> {
    ["Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization"]
        .into_iter()
        .find(|kind| *kind == text)
}
