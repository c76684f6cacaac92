//! OCPP 1.6 on one side, the domain's messages on the other. Nothing else in this crate knows a word of 1.6.

pub(crate) mod orders;

use charging::site::EvState;
use ocpp::frame::MessageId;
use ocpp::json::Json;
use ocpp::v16::{
    AcceptedStatus, AuthorizationStatus, AuthorizeResponse, BootNotificationRequest,
    BootNotificationResponse, ChangeConfigurationRequest, ChargePointStatus, ChargingProfile,
    ChargingProfileKind, ChargingProfilePurpose, ChargingProfileStatus, ChargingSchedule,
    ClearChargingProfileRequest, ClearChargingProfileStatus, ConfigurationStatus, ConnectorId, CsmsAction,
    CsmsRequest, CsmsResponse, DataTransferResponse, DataTransferStatus, GetConfigurationRequest,
    HeartbeatResponse, IdTag, IdTagInfo, Location, Measurand, MessageTrigger, MeterValue, MeterValuesRequest,
    MeterValuesResponse, ReadingContext, RegistrationStatus, RemoteStartTransactionRequest,
    RemoteStopTransactionRequest, ReportedTransaction, SampledValue, SetChargingProfileRequest,
    StartTransactionRequest, StartTransactionResponse, StationRequest, StationResponse,
    StatusNotificationRequest, StatusNotificationResponse, StopTransactionRequest, StopTransactionResponse,
    TriggerMessageRequest, TriggerMessageStatus,
};
use ocpp::{Decoded, EncodeError, PayloadError, StationTime};
use units::civil::Zone;
use units::{Amperes, TimeSpan};

use crate::message::{
    Answer, Boot, Call, Claimed, Conductor, EvTold, Figure, MeterValues, Named, Outcome, Registration,
    Request, Sample, Setting, Start, Status, Stop, TransactionMessage, Verdict,
};
use crate::wire::{
    Manner, Profile, RawCall, SCHEDULE_STARTED_AGO, STACK_LEVEL, Unread, accepted_or_refused, live_limits,
    names_watts_only, raw_start, reading_context, refused_as_limit, refused_setting,
    refused_start_with_profile, schedule_limits,
};

/// The key that tells which unit limits may come in.
const LIMIT_UNIT_KEY: &str = "ChargingScheduleAllowedChargingRateUnit";
/// Calls that inform us and want no more than an empty answer; their contents are not handled yet.
const INFORMING: [&str; 5] = [
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "SecurityEventNotification",
    "SignedFirmwareStatusNotification",
];

/// The CALLRESULT to a station's call.
pub(crate) fn answer(id: &MessageId, answer: &Answer) -> Result<String, EncodeError> {
    let response: StationResponse = match answer {
        Answer::Boot { registration, now, interval } => BootNotificationResponse {
            current_time: StationTime::from(*now),
            interval: *interval,
            status: match registration {
                Registration::Accepted => RegistrationStatus::Accepted,
                Registration::Pending => RegistrationStatus::Pending,
            },
        }
        .into(),
        Answer::Heartbeat { now } => HeartbeatResponse { current_time: StationTime::from(*now) }.into(),
        Answer::Authorise(verdict) => AuthorizeResponse { id_tag_info: id_tag_info(*verdict) }.into(),
        Answer::Start { transaction, verdict } => StartTransactionResponse {
            id_tag_info: id_tag_info(*verdict),
            transaction_id: ReportedTransaction::from(*transaction),
        }
        .into(),
        Answer::Transaction { verdict } => {
            StopTransactionResponse { id_tag_info: verdict.map(id_tag_info) }.into()
        }
        Answer::MeterValues => MeterValuesResponse::default().into(),
        // What only informs is answered with nothing, as a status is.
        Answer::Status | Answer::Informs => StatusNotificationResponse::default().into(),
        Answer::VendorUnknown => {
            DataTransferResponse { status: DataTransferStatus::UnknownVendorId, data: None }.into()
        }
    };
    response.encode(id)
}

/// Our call, or why it cannot be said.
pub(crate) fn call(call: &Call, manner: &Manner) -> Result<CsmsRequest, String> {
    Ok(match call {
        Call::SetLive { evse, transaction, limit, limit_expired, lifetime } => {
            live_limit(*evse, named(transaction)?, [*limit, *limit_expired], *lifetime, manner).into()
        }
        Call::SetFallback { evse, limit } => standing_fallback(*evse, *limit, manner).into(),
        Call::ClearLimits => ClearChargingProfileRequest {
            id: None,
            connector_id: None,
            charging_profile_purpose: None,
            stack_level: None,
        }
        .into(),
        Call::Measure { evse, .. } => trigger(MessageTrigger::MeterValues, Some(*evse)),
        Call::AskStatus { evse } => trigger(MessageTrigger::StatusNotification, Some(*evse)),
        Call::Probe => trigger(MessageTrigger::Heartbeat, None),
        Call::Configure { setting, value } => {
            ChangeConfigurationRequest { key: key_of(*setting)?.to_owned(), value: value.clone() }.into()
        }
        Call::AskLimitUnit => GetConfigurationRequest { key: vec![LIMIT_UNIT_KEY.to_owned()] }.into(),
        Call::Start { evse, token, .. } => RemoteStartTransactionRequest {
            connector_id: Some(ConnectorId(*evse)),
            id_tag: IdTag::from(token),
            charging_profile: None,
        }
        .into(),
        Call::Stop { transaction } => {
            RemoteStopTransactionRequest { transaction_id: named(transaction)? }.into()
        }
        Call::Ask(ask) => return Err(format!("{ask:?} goes out by its own way")),
        Call::Raw { action, .. } => return Err(format!("{action} goes out as it was written")),
    })
}

/// A transaction of a station that numbered it itself, in another version, is none that 1.6 could name.
fn named(transaction: &Named) -> Result<ReportedTransaction, String> {
    match transaction {
        Named::Ours(id) => Ok(ReportedTransaction::from(*id)),
        Named::Theirs(id) => Err(format!("OCPP 1.6 has no name for the station's transaction {id}")),
    }
}

/// What a station's answer to `call` means.
pub(crate) fn outcome(call: &Call, payload: &Json<'_>) -> Result<Outcome, PayloadError> {
    let action = match call {
        Call::SetLive { .. } | Call::SetFallback { .. } => CsmsAction::SetChargingProfile,
        Call::ClearLimits => CsmsAction::ClearChargingProfile,
        Call::Measure { .. } | Call::AskStatus { .. } | Call::Probe => CsmsAction::TriggerMessage,
        Call::Configure { .. } => CsmsAction::ChangeConfiguration,
        Call::AskLimitUnit => CsmsAction::GetConfiguration,
        Call::Start { .. } => CsmsAction::RemoteStartTransaction,
        Call::Stop { .. } => CsmsAction::RemoteStopTransaction,
        Call::Ask(_) | Call::Raw { .. } => return Ok(Outcome::Accepted),
    };
    Ok(match CsmsResponse::decode(action, payload)?.value {
        CsmsResponse::SetChargingProfile(response) => {
            accepted_or_refused(response.status == ChargingProfileStatus::Accepted, response.status.as_str())
        }
        // Unknown: there was nothing to clear.
        CsmsResponse::ClearChargingProfile(response) => match response.status {
            ClearChargingProfileStatus::Accepted | ClearChargingProfileStatus::Unknown => Outcome::Accepted,
            ClearChargingProfileStatus::Other(word) => Outcome::Rejected(word),
        },
        CsmsResponse::TriggerMessage(response) => {
            accepted_or_refused(response.status == TriggerMessageStatus::Accepted, response.status.as_str())
        }
        // FIELD section 6, trap 16: RebootRequired is a success.
        CsmsResponse::ChangeConfiguration(response) => match response.status {
            ConfigurationStatus::Accepted | ConfigurationStatus::RebootRequired => Outcome::Accepted,
            ConfigurationStatus::Rejected
            | ConfigurationStatus::NotSupported
            | ConfigurationStatus::Other(_) => Outcome::Rejected(response.status.as_str().to_owned()),
        },
        CsmsResponse::GetConfiguration(response) => {
            let found =
                response.configuration_key.iter().find(|pair| pair.key.eq_ignore_ascii_case(LIMIT_UNIT_KEY));
            Outcome::LimitUnits {
                takes_watts_only: found.and_then(|pair| pair.value.as_deref()).is_some_and(names_watts_only),
            }
        }
        CsmsResponse::RemoteStartTransaction(response) => {
            accepted_or_refused(response.status == AcceptedStatus::Accepted, response.status.as_str())
        }
        CsmsResponse::RemoteStopTransaction(response) => {
            accepted_or_refused(response.status == AcceptedStatus::Accepted, response.status.as_str())
        }
        CsmsResponse::ChangeAvailability(_)
        | CsmsResponse::ClearCache(_)
        | CsmsResponse::DataTransfer(_)
        | CsmsResponse::GetCompositeSchedule(_)
        | CsmsResponse::Reset(_)
        | CsmsResponse::UnlockConnector(_) => Outcome::Accepted,
    })
}

/// Whether an operator's own call would change what an EVSE may draw (S1).
pub(crate) fn examine_raw(action: &str, payload: &Json<'_>) -> Result<RawCall, PayloadError> {
    Ok(match CsmsRequest::decode(action, payload)?.value {
        CsmsRequest::SetChargingProfile(_) | CsmsRequest::ClearChargingProfile(_) => refused_as_limit(action),
        CsmsRequest::ChangeConfiguration(request) => refused_setting(&request.key).unwrap_or(RawCall::Plain),
        CsmsRequest::RemoteStartTransaction(request) => match request.charging_profile {
            Some(_) => refused_start_with_profile(),
            None => raw_start(request.connector_id.map(|connector| connector.0), request.id_tag.token()),
        },
        CsmsRequest::ChangeAvailability(_)
        | CsmsRequest::ClearCache(_)
        | CsmsRequest::DataTransfer(_)
        | CsmsRequest::GetCompositeSchedule(_)
        | CsmsRequest::GetConfiguration(_)
        | CsmsRequest::RemoteStopTransaction(_)
        | CsmsRequest::Reset(_)
        | CsmsRequest::TriggerMessage(_)
        | CsmsRequest::UnlockConnector(_) => RawCall::Plain,
    })
}

/// What a station calls.
pub(crate) fn request(
    id: &MessageId,
    action: &str,
    payload: &Json<'_>,
    zone: &Zone,
) -> Result<Decoded<Request>, Unread> {
    if let Some(progress) = orders::progress(action, payload) {
        return Ok(Decoded { value: Request::Upkeep(progress), quirks: Vec::new() });
    }
    match StationRequest::decode(action, payload) {
        Ok(Decoded { value, quirks }) => Ok(Decoded { value: understood(value, zone), quirks }),
        Err(PayloadError::UnsupportedAction { .. }) if INFORMING.contains(&action) => {
            Ok(Decoded { value: Request::Informs, quirks: Vec::new() })
        }
        Err(error) => Err(match action {
            "StartTransaction" => Unread::Transaction(TransactionMessage::Start),
            "StopTransaction" => Unread::Transaction(TransactionMessage::Stop),
            "MeterValues" => Unread::Transaction(TransactionMessage::MeterValues),
            _ => Unread::Refused(ocpp::v16::answer_to_payload(id, &error)),
        }),
    }
}

fn understood(request: StationRequest, zone: &Zone) -> Request {
    match request {
        StationRequest::Authorize(request) => Request::Authorise { token: request.id_tag.token().ok() },
        StationRequest::BootNotification(request) => Request::Boot(boot(request)),
        StationRequest::DataTransfer(_) => Request::Vendor,
        StationRequest::Heartbeat(_) => Request::Heartbeat,
        StationRequest::MeterValues(request) => Request::MeterValues(meter_values(request, zone)),
        StationRequest::StartTransaction(request) => Request::Start(start(&request, zone)),
        StationRequest::StatusNotification(request) => Request::Status(status(&request, zone)),
        StationRequest::StopTransaction(request) => Request::Stop(stop(request, zone)),
    }
}

fn boot(request: BootNotificationRequest) -> Boot {
    Boot {
        vendor: request.charge_point_vendor,
        model: request.charge_point_model,
        firmware: request.firmware_version.unwrap_or_default(),
        serial: request.charge_point_serial_number.or(request.charge_box_serial_number).unwrap_or_default(),
    }
}

fn status(request: &StatusNotificationRequest, zone: &Zone) -> Status {
    Status {
        evse: request.connector_id.0,
        connector: 1,
        ev: ev_state(&request.status).map_or(EvTold::Nothing, EvTold::State),
        text: request.status.as_str().chars().take(50).collect(),
        at: request.timestamp.instant_in(zone),
    }
}

fn ev_state(status: &ChargePointStatus) -> Option<EvState> {
    match status {
        ChargePointStatus::Available | ChargePointStatus::Reserved => Some(EvState::Absent),
        ChargePointStatus::Preparing | ChargePointStatus::Finishing => Some(EvState::Connected),
        ChargePointStatus::Charging => Some(EvState::Charging),
        ChargePointStatus::SuspendedEV => Some(EvState::SuspendedEv),
        ChargePointStatus::SuspendedEVSE => Some(EvState::SuspendedEvse),
        ChargePointStatus::Unavailable | ChargePointStatus::Faulted => Some(EvState::Faulted),
        ChargePointStatus::Other(_) => None,
    }
}

fn start(request: &StartTransactionRequest, zone: &Zone) -> Start {
    Start {
        evse: request.connector_id.0,
        token: request.id_tag.token().ok(),
        register: request.meter_start,
        at: request.timestamp.instant_in(zone),
        // Some send 0 for none.
        reservation: request.reservation_id.and_then(|id| u32::try_from(id).ok()).filter(|&id| id > 0),
    }
}

fn stop(request: StopTransactionRequest, zone: &Zone) -> Stop {
    Stop {
        transaction: claimed(&request.transaction_id),
        token: request.id_tag.and_then(|tag| tag.token().ok()),
        register: request.meter_stop,
        at: request.timestamp.instant_in(zone),
        // OCPP 1.6 section 6.45: absent is Local.
        reason: request
            .reason
            .map_or("Local".to_owned(), |reason| reason.as_str().chars().take(50).collect()),
        samples: request.transaction_data.iter().map(|value| sample(value, zone)).collect(),
    }
}

fn meter_values(request: MeterValuesRequest, zone: &Zone) -> MeterValues {
    MeterValues {
        evse: request.connector_id.0,
        transaction: claimed(&request.transaction_id),
        samples: request.meter_value.iter().map(|value| sample(value, zone)).collect(),
    }
}

fn claimed(transaction: &ReportedTransaction) -> Claimed {
    match (transaction.id(), transaction) {
        (Some(id), _) => Claimed::Id(id),
        (None, ReportedTransaction::Number(number)) => Claimed::Odd(number.to_string()),
        (None, ReportedTransaction::Unreadable(text)) => Claimed::Odd(text.clone()),
        (None, ReportedTransaction::Missing) => Claimed::Missing,
    }
}

/// Values at the outlet; those at the inlet only where the outlet's are missing. The neutral and differences between
/// lines say nothing of a line's current.
fn sample(value: &MeterValue, zone: &Zone) -> Sample {
    let mut sample = Sample { at: value.timestamp.instant_in(zone), ..Sample::default() };
    for location in [Location::Inlet, Location::Outlet] {
        for sampled in value.sampled_value.iter().filter(|sampled| *sampled.location() == location) {
            sample.is_asked_for |= *sampled.context() == ReadingContext::Trigger;
            if let Some(figure) = figure(sampled) {
                sample.take(figure, Conductor::of(sampled.line(), sampled.phase.is_some()));
            }
        }
    }
    sample
}

fn figure(sampled: &SampledValue) -> Option<Figure> {
    match sampled.measurand() {
        Measurand::EnergyActiveImportRegister => {
            sampled.as_energy().map(|register| Figure::Register(register, reading_context(sampled.context())))
        }
        Measurand::CurrentImport => sampled.as_current().map(Figure::Current),
        Measurand::CurrentOffered => sampled.as_current().map(Figure::Offered),
        Measurand::PowerActiveImport => sampled.as_power().map(Figure::Power),
        Measurand::Voltage => sampled.as_voltage().map(Figure::Voltage),
        Measurand::CurrentExport
        | Measurand::EnergyActiveExportRegister
        | Measurand::EnergyReactiveExportRegister
        | Measurand::EnergyReactiveImportRegister
        | Measurand::EnergyActiveExportInterval
        | Measurand::EnergyActiveImportInterval
        | Measurand::EnergyReactiveExportInterval
        | Measurand::EnergyReactiveImportInterval
        | Measurand::Frequency
        | Measurand::PowerActiveExport
        | Measurand::PowerFactor
        | Measurand::PowerOffered
        | Measurand::PowerReactiveExport
        | Measurand::PowerReactiveImport
        | Measurand::FanSpeed
        | Measurand::StateOfCharge
        | Measurand::Temperature
        | Measurand::Other(_) => None,
    }
}

fn id_tag_info(verdict: Verdict) -> IdTagInfo {
    let status = match verdict {
        Verdict::Accepted => AuthorizationStatus::Accepted,
        Verdict::Unknown => AuthorizationStatus::Invalid,
        Verdict::Blocked | Verdict::NotNow { .. } => AuthorizationStatus::Blocked,
        Verdict::Expired => AuthorizationStatus::Expired,
    };
    let expiry_date = match verdict {
        Verdict::NotNow { until } => StationTime::from(until),
        Verdict::Accepted | Verdict::Unknown | Verdict::Blocked | Verdict::Expired => StationTime::Absent,
    };
    IdTagInfo { expiry_date, ..IdTagInfo::new(status) }
}

fn live_limit(
    evse: u16,
    transaction: ReportedTransaction,
    limits: [Amperes; 2],
    lifetime: TimeSpan,
    manner: &Manner,
) -> SetChargingProfileRequest {
    let schedule = ChargingSchedule {
        duration: None,
        start_schedule: StationTime::from(manner.station_now - SCHEDULE_STARTED_AGO),
        limits: live_limits(limits, lifetime, manner),
        min_charging_rate: None,
    };
    SetChargingProfileRequest {
        connector_id: ConnectorId(evse),
        charging_profile: ChargingProfile {
            charging_profile_id: Profile::Live.id(evse),
            transaction_id: transaction,
            stack_level: STACK_LEVEL,
            charging_profile_purpose: ChargingProfilePurpose::TxProfile,
            charging_profile_kind: ChargingProfileKind::Absolute,
            recurrency_kind: None,
            valid_from: StationTime::Absent,
            valid_to: StationTime::Absent,
            charging_schedule: schedule,
        },
    }
}

/// Relative: it must hold whatever the station's clock shows.
fn standing_fallback(evse: u16, limit: Amperes, manner: &Manner) -> SetChargingProfileRequest {
    SetChargingProfileRequest {
        connector_id: ConnectorId(evse),
        charging_profile: ChargingProfile {
            charging_profile_id: Profile::Fallback.id(evse),
            transaction_id: ReportedTransaction::Missing,
            stack_level: STACK_LEVEL,
            charging_profile_purpose: ChargingProfilePurpose::TxDefaultProfile,
            charging_profile_kind: ChargingProfileKind::Relative,
            recurrency_kind: None,
            valid_from: StationTime::Absent,
            valid_to: StationTime::Absent,
            charging_schedule: ChargingSchedule {
                duration: None,
                start_schedule: StationTime::Absent,
                limits: schedule_limits(&[(TimeSpan::ZERO, limit)], manner),
                min_charging_rate: None,
            },
        },
    }
}

fn trigger(requested_message: MessageTrigger, connector: Option<u16>) -> CsmsRequest {
    TriggerMessageRequest { requested_message, connector_id: connector.map(ConnectorId) }.into()
}

fn key_of(setting: Setting) -> Result<&'static str, String> {
    match setting {
        Setting::MeasureInterval => Ok("MeterValueSampleInterval"),
        Setting::Measured => Ok("MeterValuesSampledData"),
        Setting::MeasuredAtStart | Setting::MeasuredAtEnd => {
            Err("in OCPP 1.6 start and stop bear a register of themselves".to_owned())
        }
    }
}
