//! OCPP 2.0.1 in the mouth and ears of the station.

mod calls;
mod variables;

use std::fmt::Write as _;

pub use calls::obey;
use units::IdToken;

use super::config::Quirk;
use super::connector::{ChargingState, Occasion, PowerForm, Sample};
use super::outbox::{BootReason, Call, Cause, Fact, TransactionRecord, Transactional};
use super::settings::{POWER, POWER_OFFERED, REGISTER, Setting};
use super::wire::{push_decimal, quoted};
use super::{ConnectorNumber, ConnectorStatus, Station, StopReason, TransactionName};

/// The action and payload of a call.
pub fn render(station: &Station, call: &Call) -> (&'static str, String) {
    match call {
        Call::Boot(reason) => {
            let config = &station.config;
            let payload = format!(
                "{{\"reason\":\"{}\",\"chargingStation\":{{\"vendorName\":{},\"model\":{},\"firmwareVersion\":{}}}}}",
                boot_reason_name(*reason),
                quoted(&config.vendor),
                quoted(&config.model),
                quoted(&config.firmware)
            );
            ("BootNotification", payload)
        }
        Call::Heartbeat => ("Heartbeat", "{}".to_owned()),
        Call::Status { connector, status, at } => {
            let payload = format!(
                "{{\"timestamp\":\"{at}\",\"connectorStatus\":\"{}\",\"evseId\":{connector},\"connectorId\":1}}",
                status_word(*status)
            );
            ("StatusNotification", payload)
        }
        Call::Authorize { offer, .. } => {
            ("Authorize", format!("{{\"idToken\":{}}}", id_token(&offer.token, offer.kind)))
        }
        Call::MeterValues { connector, values, at } => {
            let payload = format!("{{\"evseId\":{connector},\"meterValue\":{}}}", meter_value(at, values));
            ("MeterValues", payload)
        }
        Call::Report { request, page, at } => {
            ("NotifyReport", variables::report(&station.settings, *request, *page, at))
        }
        Call::Transactional(message) => ("TransactionEvent", transaction_event(station, message)),
    }
}

fn transaction_event(station: &Station, message: &Transactional) -> String {
    let record = station.outbox.records.get(&message.local);
    let mut stopped = None;
    let (event, trigger, token, values) = match &message.fact {
        Fact::Began { cause, token } => {
            let begin = record.map_or(0, |record| record.meter_start);
            let values = bound_register(station, Setting::StartedMeasurands, Occasion::Begin, begin);
            ("Started", cause_trigger(*cause), token.as_ref(), values)
        }
        Fact::Values { occasion, values } => {
            ("Updated", occasion_trigger(*occasion), None, Some(values.clone()))
        }
        Fact::Changed { cause, token } => ("Updated", cause_trigger(*cause), token.as_ref(), None),
        Fact::Ended { meter_stop, reason, token } => {
            let values = bound_register(station, Setting::EndedMeasurands, Occasion::End, *meter_stop);
            stopped = Some(stopped_name(*reason));
            ("Ended", stop_trigger(*reason), token.as_ref(), values)
        }
    };
    let at = &message.at;
    let mut out = String::with_capacity(400 + values.as_ref().map_or(0, String::len));
    let _ = write!(
        out,
        "{{\"eventType\":\"{event}\",\"timestamp\":\"{at}\",\"triggerReason\":\"{trigger}\",\"seqNo\":{}",
        message.place
    );
    if message.is_offline {
        out.push_str(",\"offline\":true");
    }
    let id = transaction_id(station, message, record);
    let _ = write!(
        out,
        ",\"transactionInfo\":{{\"transactionId\":{},\"chargingState\":\"{}\"",
        quoted(&id),
        state_name(message.state)
    );
    if let Some(stopped) = stopped {
        let _ = write!(out, ",\"stoppedReason\":\"{stopped}\"");
    }
    if let Some(remote_start) = record.and_then(|record| record.remote_start).filter(|_| event != "Ended") {
        let _ = write!(out, ",\"remoteStartId\":{remote_start}");
    }
    out.push('}');
    let tells_evse = event == "Started" || !station.has(Quirk::EvseOnlyInFirstEvent);
    if let Some(record) = record.filter(|_| tells_evse) {
        let _ = write!(out, ",\"evse\":{{\"id\":{},\"connectorId\":1}}", record.connector);
    }
    if let Some(token) = token.filter(|_| !station.has(Quirk::NoTokenInEvents)) {
        let kind = record.map_or("ISO14443", |record| record.kind);
        let _ = write!(out, ",\"idToken\":{}", id_token(token, kind));
    }
    if let Some(values) = values {
        let _ = write!(out, ",\"meterValue\":{}", meter_value(at, &values));
    }
    out.push('}');
    out
}

/// The name of the transaction; a liar tells its true one only at the start.
fn transaction_id(station: &Station, message: &Transactional, record: Option<&TransactionRecord>) -> String {
    let name = match message.fact {
        Fact::Began { .. } => record.and_then(|record| record.name.clone()),
        Fact::Values { .. } | Fact::Changed { .. } | Fact::Ended { .. } => {
            station.reported_name(message.local)
        }
    };
    match name {
        Some(TransactionName::Station(text)) => text,
        Some(TransactionName::Backend(number)) => number.to_string(),
        None => String::new(),
    }
}

/// The register at the start or the end of a transaction, where it is configured and known.
fn bound_register(
    station: &Station,
    measurands: Setting,
    occasion: Occasion,
    watt_hours: i64,
) -> Option<String> {
    if station.settings.text(measurands).is_empty() || watt_hours < 0 {
        return None;
    }
    let (thousandths, unit) = station.register_form().figure(watt_hours);
    let mut out = String::with_capacity(160);
    let sample = Sample { measurand: REGISTER, thousandths, phase: None, unit };
    sampled_value(&mut out, occasion, sample, PowerForm::Watts);
    Some(out)
}

fn meter_value(at: &str, values: &str) -> String {
    format!("[{{\"timestamp\":\"{at}\",\"sampledValue\":[{values}]}}]")
}

/// Appends one sampledValue.
pub fn sampled_value(out: &mut String, occasion: Occasion, sample: Sample<'_>, power: PowerForm) {
    if !out.is_empty() {
        out.push(',');
    }
    let is_power = sample.measurand == POWER || sample.measurand == POWER_OFFERED;
    let (thousandths, unit) = match power {
        PowerForm::KilowattsWithoutUnit if is_power => (sample.thousandths / 1_000, None),
        PowerForm::Watts | PowerForm::KilowattsWithoutUnit => (sample.thousandths, Some(sample.unit)),
    };
    out.push_str("{\"value\":");
    push_decimal(out, thousandths);
    for part in [",\"context\":\"", occasion.context(), "\",\"measurand\":\"", sample.measurand] {
        out.push_str(part);
    }
    if let Some(phase) = sample.phase {
        out.push_str("\",\"phase\":\"");
        out.push_str(phase);
    }
    out.push_str("\",\"location\":\"Outlet\"");
    if let Some(unit) = unit {
        for part in [",\"unitOfMeasure\":{\"unit\":\"", unit, "\"}"] {
            out.push_str(part);
        }
    }
    out.push('}');
}

fn id_token(token: &IdToken, kind: &str) -> String {
    format!("{{\"idToken\":{},\"type\":\"{kind}\"}}", quoted(token.as_str()))
}

/// The EVSE that a member `evse` names.
fn evse_at(payload: &serde_json::Value) -> Option<ConnectorNumber> {
    super::wire::connector_at(payload, "evse/id")
}

/// connectorStatus: what happens in a transaction is not told by it.
pub const fn status_word(status: ConnectorStatus) -> &'static str {
    match status {
        ConnectorStatus::Available => "Available",
        ConnectorStatus::Preparing
        | ConnectorStatus::Charging
        | ConnectorStatus::SuspendedEv
        | ConnectorStatus::SuspendedEvse
        | ConnectorStatus::Finishing => "Occupied",
        ConnectorStatus::Unavailable => "Unavailable",
        ConnectorStatus::Faulted => "Faulted",
    }
}

const fn boot_reason_name(reason: BootReason) -> &'static str {
    match reason {
        BootReason::PowerUp => "PowerUp",
        BootReason::RemoteReset => "RemoteReset",
        BootReason::Triggered => "Triggered",
    }
}

const fn state_name(state: ChargingState) -> &'static str {
    match state {
        ChargingState::Idle => "Idle",
        ChargingState::EvConnected => "EVConnected",
        ChargingState::Charging => "Charging",
        ChargingState::SuspendedEv => "SuspendedEV",
        ChargingState::SuspendedEvse => "SuspendedEVSE",
    }
}

const fn cause_trigger(cause: Cause) -> &'static str {
    match cause {
        Cause::Authorized => "Authorized",
        Cause::CablePluggedIn => "CablePluggedIn",
        Cause::RemoteStart => "RemoteStart",
        Cause::ChargingState => "ChargingStateChanged",
        Cause::Withdrawn(reason) => stop_trigger(reason),
    }
}

const fn occasion_trigger(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Clock => "MeterValueClock",
        Occasion::Trigger => "Trigger",
        Occasion::Periodic | Occasion::Begin | Occasion::End => "MeterValuePeriodic",
    }
}

const fn stop_trigger(reason: StopReason) -> &'static str {
    match reason {
        StopReason::DeAuthorized => "Deauthorized",
        StopReason::EvDisconnected => "EVCommunicationLost",
        StopReason::HardReset | StopReason::SoftReset => "ResetCommand",
        StopReason::Local => "StopAuthorized",
        StopReason::PowerLoss => "AbnormalCondition",
        StopReason::Remote => "RemoteStop",
        StopReason::Timeout => "EVConnectTimeout",
        StopReason::UnlockCommand => "UnlockCommand",
    }
}

/// stoppedReason.
const fn stopped_name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::DeAuthorized => "DeAuthorized",
        StopReason::EvDisconnected => "EVDisconnected",
        StopReason::HardReset | StopReason::SoftReset => "ImmediateReset",
        StopReason::Local => "Local",
        StopReason::PowerLoss => "PowerLoss",
        StopReason::Remote => "Remote",
        StopReason::Timeout => "Timeout",
        StopReason::UnlockCommand => "Other",
    }
}
