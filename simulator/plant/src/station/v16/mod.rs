//! OCPP 1.6 in the mouth and ears of the station.

mod calls;

use std::fmt::Write as _;

pub use calls::obey;

use super::connector::{Occasion, Sample};
use super::outbox::{Call, Fact, Transactional};
use super::wire::{push_decimal, quoted};
use super::{ConnectorNumber, ConnectorStatus, Station, StopReason, TransactionName};

/// The action and payload of a call.
pub fn render(station: &Station, call: &Call) -> (&'static str, String) {
    match call {
        Call::Boot(_) => {
            let config = &station.config;
            let payload = format!(
                "{{\"chargePointVendor\":{},\"chargePointModel\":{},\"firmwareVersion\":{}}}",
                quoted(&config.vendor),
                quoted(&config.model),
                quoted(&config.firmware)
            );
            ("BootNotification", payload)
        }
        Call::Heartbeat => ("Heartbeat", "{}".to_owned()),
        Call::Status { connector, status, at } => {
            let error = match status {
                ConnectorStatus::Faulted => "InternalError",
                ConnectorStatus::Available
                | ConnectorStatus::Preparing
                | ConnectorStatus::Charging
                | ConnectorStatus::SuspendedEv
                | ConnectorStatus::SuspendedEvse
                | ConnectorStatus::Finishing
                | ConnectorStatus::Unavailable => "NoError",
            };
            let status = status.name();
            let payload = format!(
                "{{\"connectorId\":{connector},\"errorCode\":\"{error}\",\"status\":\"{status}\",\"timestamp\":\"{at}\"}}"
            );
            ("StatusNotification", payload)
        }
        Call::Authorize { offer, .. } => {
            ("Authorize", format!("{{\"idTag\":{}}}", quoted(offer.token.as_str())))
        }
        Call::MeterValues { connector, values, at } => {
            ("MeterValues", meter_values(*connector, None, values, at))
        }
        Call::Report { .. } => unreachable!("OCPP 1.6 asks for no report"),
        Call::Transactional(message) => transactional(station, message),
    }
}

fn transactional(station: &Station, message: &Transactional) -> (&'static str, String) {
    let record = station.outbox.records.get(&message.local);
    let at = &message.at;
    match &message.fact {
        Fact::Began { token, .. } => {
            let payload = record.map_or_else(String::new, |record| {
                let token = token.as_ref().map_or("", |token| token.as_str());
                format!(
                    "{{\"connectorId\":{},\"idTag\":{},\"meterStart\":{},\"timestamp\":\"{at}\"}}",
                    record.connector,
                    quoted(token),
                    record.meter_start
                )
            });
            ("StartTransaction", payload)
        }
        Fact::Values { values, .. } => {
            let connector = record.map_or(0, |record| record.connector);
            ("MeterValues", meter_values(connector, Some(reported_id(station, message.local)), values, at))
        }
        Fact::Changed { .. } => unreachable!("OCPP 1.6 has no message for a changed transaction"),
        Fact::Ended { meter_stop, reason, token } => {
            let mut payload = format!(
                "{{\"transactionId\":{},\"meterStop\":{meter_stop},\"timestamp\":\"{at}\",\"reason\":\"{}\"",
                reported_id(station, message.local),
                reason_name(*reason)
            );
            if let Some(token) = token {
                let _ = write!(payload, ",\"idTag\":{}", quoted(token.as_str()));
            }
            payload.push('}');
            ("StopTransaction", payload)
        }
    }
}

/// −1 where the backend never gave an id (errata of OCPP 1.6).
fn reported_id(station: &Station, local: u64) -> i64 {
    match station.reported_name(local) {
        Some(TransactionName::Backend(id)) => id,
        Some(TransactionName::Station(_)) | None => -1,
    }
}

fn meter_values(connector: ConnectorNumber, transaction: Option<i64>, values: &str, at: &str) -> String {
    let mut payload = String::with_capacity(values.len() + 120);
    let _ = write!(payload, "{{\"connectorId\":{connector},");
    if let Some(id) = transaction {
        let _ = write!(payload, "\"transactionId\":{id},");
    }
    for part in ["\"meterValue\":[{\"timestamp\":\"", at, "\",\"sampledValue\":[", values, "]}]}"] {
        payload.push_str(part);
    }
    payload
}

/// Appends one sampledValue.
pub fn sampled_value(out: &mut String, occasion: Occasion, sample: Sample<'_>) {
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str("{\"value\":\"");
    push_decimal(out, sample.thousandths);
    for part in ["\",\"context\":\"", occasion.context(), "\",\"measurand\":\"", sample.measurand] {
        out.push_str(part);
    }
    if let Some(phase) = sample.phase {
        out.push_str("\",\"phase\":\"");
        out.push_str(phase);
    }
    for part in ["\",\"location\":\"Outlet\",\"unit\":\"", sample.unit, "\"}"] {
        out.push_str(part);
    }
}

/// StopTransaction's reason.
const fn reason_name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::DeAuthorized => "DeAuthorized",
        StopReason::EvDisconnected => "EVDisconnected",
        StopReason::HardReset => "HardReset",
        StopReason::Local => "Local",
        StopReason::PowerLoss => "PowerLoss",
        StopReason::Remote => "Remote",
        StopReason::SoftReset => "SoftReset",
        StopReason::Timeout => "Other",
        StopReason::UnlockCommand => "UnlockCommand",
    }
}
