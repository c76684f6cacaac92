//! OCPP 2.0.1 on one side, the domain's messages on the other.

pub(crate) mod orders;

use charging::site::EvState;
use ocpp::frame::MessageId;
use ocpp::json::Json;
use ocpp::v201::{
    AcceptedStatus, AuthorizationStatus, AuthorizeResponse, BootNotificationRequest,
    BootNotificationResponse, ChargingProfile, ChargingProfileKind, ChargingProfilePurpose, ChargingSchedule,
    ChargingState, ClearChargingProfileRequest, ClearChargingProfileStatus, ConnectorNumber, ConnectorStatus,
    CsmsAction, CsmsRequest, CsmsResponse, DataTransferResponse, DataTransferStatus, Evse, EvseNumber,
    GetVariableData, GetVariableStatus, GetVariablesRequest, HeartbeatResponse, IdToken, IdTokenInfo,
    IdTokenType, Location, Measurand, MessageTrigger, MeterValue, MeterValuesRequest, MeterValuesResponse,
    ReadingContext, Reason, RegistrationStatus, ReportedTransaction, RequestStartTransactionRequest,
    RequestStopTransactionRequest, SampledValue, ScheduleLimits, SetChargingProfileRequest, SetVariableData,
    SetVariableStatus, SetVariablesRequest, StationRequest, StationResponse, StatusNotificationRequest,
    StatusNotificationResponse, TransactionEventKind, TransactionEventRequest, TransactionEventResponse,
    TriggerMessageRequest, TriggerMessageStatus, TriggerReason,
};
use ocpp::{Decoded, EncodeError, PayloadError, StationTime};
use units::TimeSpan;
use units::civil::Zone;

use crate::message::{
    Activity, Answer, Boot, Call, Claimed, Conductor, EvTold, Event, EventKind, Figure, MeterValues, Named,
    Outcome, Presented, Registration, Request, Sample, Setting, Status, TransactionMessage, Verdict,
};
use crate::record::ReportedId;
use crate::wire::{
    Manner, Profile, RawCall, SCHEDULE_STARTED_AGO, STACK_LEVEL, Unread, accepted_or_refused, live_limits,
    names_watts_only, raw_start, reading_context, refused_as_limit, refused_setting,
    refused_start_with_profile, schedule_limits,
};

/// The component and the variable that tell which unit limits may come in.
const LIMIT_UNIT: [&str; 2] = ["SmartChargingCtrlr", "RateUnit"];
/// How transactions are measured.
const SAMPLED_DATA: &str = "SampledDataCtrlr";
/// An EVSE's connector that is asked for its status: the standard wants one named.
const CONNECTOR_ASKED: ConnectorNumber = ConnectorNumber(1);
/// Calls that inform us and want no more than an empty answer; their contents are not handled yet.
const INFORMING: [&str; 13] = [
    "ClearedChargingLimit",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyReport",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
];

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
        Err(_) if INFORMING.contains(&action) => Ok(Decoded { value: Request::Informs, quirks: Vec::new() }),
        Err(error) => Err(match action {
            "TransactionEvent" => Unread::Transaction(TransactionMessage::Event),
            "MeterValues" => Unread::Transaction(TransactionMessage::MeterValues),
            _ => Unread::Refused(ocpp::v201::answer_to_payload(id, &error)),
        }),
    }
}

/// The CALLRESULT to a station's call.
pub(crate) fn answer(id: &MessageId, answer: &Answer) -> Result<String, EncodeError> {
    let event = |verdict: Option<Verdict>| TransactionEventResponse {
        id_token_info: verdict.map(id_token_info),
        ..TransactionEventResponse::default()
    };
    let response: StationResponse = match answer {
        Answer::Boot { registration, now, interval } => BootNotificationResponse {
            current_time: StationTime::from(*now),
            interval: *interval,
            status: match registration {
                Registration::Accepted => RegistrationStatus::Accepted,
                Registration::Pending => RegistrationStatus::Pending,
            },
            status_info: None,
        }
        .into(),
        Answer::Heartbeat { now } => HeartbeatResponse { current_time: StationTime::from(*now) }.into(),
        Answer::Authorise(verdict) => {
            AuthorizeResponse { id_token_info: id_token_info(*verdict), certificate_status: None }.into()
        }
        // The station numbers its transactions itself.
        Answer::Start { verdict, .. } => event(Some(*verdict)).into(),
        Answer::Transaction { verdict } => event(*verdict).into(),
        Answer::MeterValues => MeterValuesResponse::default().into(),
        // What only informs is answered with nothing, as a status is.
        Answer::Status | Answer::Informs => StatusNotificationResponse::default().into(),
        Answer::VendorUnknown => DataTransferResponse::new(DataTransferStatus::UnknownVendorId).into(),
    };
    response.encode(id)
}

/// Our call, or why it cannot be said.
pub(crate) fn call(call: &Call, manner: &Manner) -> Result<CsmsRequest, String> {
    Ok(match call {
        Call::SetLive { evse, transaction, limit, limit_expired, lifetime } => {
            let limits = live_limits([*limit, *limit_expired], *lifetime, manner);
            let begin = StationTime::from(manner.station_now - SCHEDULE_STARTED_AGO);
            let kind = ChargingProfileKind::Absolute;
            profile(*evse, Profile::Live, Some(named(transaction)), kind, begin, limits).into()
        }
        // Relative: it must hold whatever the station's clock shows.
        Call::SetFallback { evse, limit } => {
            let limits = schedule_limits(&[(TimeSpan::ZERO, *limit)], manner);
            let kind = ChargingProfileKind::Relative;
            profile(*evse, Profile::Fallback, None, kind, StationTime::Absent, limits).into()
        }
        Call::ClearLimits => ClearChargingProfileRequest::default().into(),
        // Only a transaction's event bears what a transaction is configured to measure.
        Call::Measure { evse, activity: Activity::Transaction } => {
            trigger(MessageTrigger::TransactionEvent, Some(Evse::new(EvseNumber(*evse))))
        }
        Call::Measure { evse, activity: Activity::Idle } => {
            trigger(MessageTrigger::MeterValues, Some(Evse::new(EvseNumber(*evse))))
        }
        Call::AskStatus { evse } => {
            let evse = Evse { id: EvseNumber(*evse), connector_id: Some(CONNECTOR_ASKED) };
            trigger(MessageTrigger::StatusNotification, Some(evse))
        }
        Call::Probe => trigger(MessageTrigger::Heartbeat, None),
        Call::Configure { setting, value } => SetVariablesRequest {
            set_variable_data: vec![SetVariableData::new(SAMPLED_DATA, variable_of(*setting), value.clone())],
        }
        .into(),
        Call::AskLimitUnit => GetVariablesRequest {
            get_variable_data: vec![GetVariableData::new(LIMIT_UNIT[0], LIMIT_UNIT[1])],
        }
        .into(),
        Call::Start { evse, token, number } => RequestStartTransactionRequest {
            evse_id: Some(EvseNumber(*evse)),
            group_id_token: None,
            id_token: IdToken::new(token.as_str(), IdTokenType::Central),
            remote_start_id: i32::try_from(*number)
                .map_err(|_| format!("the start's number {number} does not fit 31 bits"))?,
            charging_profile: None,
        }
        .into(),
        Call::Stop { transaction } => {
            RequestStopTransactionRequest { transaction_id: named(transaction) }.into()
        }
        Call::Ask(ask) => return Err(format!("{ask:?} goes out by its own way")),
        Call::Raw { action, .. } => return Err(format!("{action} goes out as it was written")),
    })
}

/// What a station's answer to `call` means.
pub(crate) fn outcome(call: &Call, payload: &Json<'_>) -> Result<Outcome, PayloadError> {
    let action = match call {
        Call::SetLive { .. } | Call::SetFallback { .. } => CsmsAction::SetChargingProfile,
        Call::ClearLimits => CsmsAction::ClearChargingProfile,
        Call::Measure { .. } | Call::AskStatus { .. } | Call::Probe => CsmsAction::TriggerMessage,
        Call::Configure { .. } => CsmsAction::SetVariables,
        Call::AskLimitUnit => CsmsAction::GetVariables,
        Call::Start { .. } => CsmsAction::RequestStartTransaction,
        Call::Stop { .. } => CsmsAction::RequestStopTransaction,
        Call::Ask(_) | Call::Raw { .. } => return Ok(Outcome::Accepted),
    };
    let accepted =
        |status: &AcceptedStatus| accepted_or_refused(*status == AcceptedStatus::Accepted, status.as_str());
    Ok(match CsmsResponse::decode(action, payload)?.value {
        CsmsResponse::SetChargingProfile(response) => accepted(&response.status),
        // Unknown: there was nothing to clear.
        CsmsResponse::ClearChargingProfile(response) => match response.status {
            ClearChargingProfileStatus::Accepted | ClearChargingProfileStatus::Unknown => Outcome::Accepted,
            ClearChargingProfileStatus::Other(word) => Outcome::Rejected(word),
        },
        CsmsResponse::TriggerMessage(response) => {
            accepted_or_refused(response.status == TriggerMessageStatus::Accepted, response.status.as_str())
        }
        // FIELD section 6, trap 16: an answer per variable, and RebootRequired is a success.
        CsmsResponse::SetVariables(response) => {
            let is_set = |status: &SetVariableStatus| {
                matches!(status, SetVariableStatus::Accepted | SetVariableStatus::RebootRequired)
            };
            let mut statuses = response.set_variable_result.iter().map(|result| &result.attribute_status);
            match statuses.find(|status| !is_set(status)) {
                Some(refused) => Outcome::Rejected(refused.as_str().to_owned()),
                None if response.set_variable_result.is_empty() => {
                    Outcome::Rejected("no variable was answered".to_owned())
                }
                None => Outcome::Accepted,
            }
        }
        CsmsResponse::GetVariables(response) => match response.get_variable_result.first() {
            Some(result) if result.attribute_status == GetVariableStatus::Accepted => Outcome::LimitUnits {
                takes_watts_only: result.attribute_value.as_deref().is_some_and(names_watts_only),
            },
            Some(result) => Outcome::Rejected(result.attribute_status.as_str().to_owned()),
            None => Outcome::Rejected("no variable was answered".to_owned()),
        },
        CsmsResponse::RequestStartTransaction(response) => accepted(&response.status),
        CsmsResponse::RequestStopTransaction(response) => accepted(&response.status),
        CsmsResponse::ChangeAvailability(_)
        | CsmsResponse::ClearCache(_)
        | CsmsResponse::DataTransfer(_)
        | CsmsResponse::GetBaseReport(_)
        | CsmsResponse::GetCompositeSchedule(_)
        | CsmsResponse::GetTransactionStatus(_)
        | CsmsResponse::Reset(_)
        | CsmsResponse::UnlockConnector(_) => Outcome::Accepted,
    })
}

/// Whether an operator's own call would change what an EVSE may draw (S1).
pub(crate) fn examine_raw(action: &str, payload: &Json<'_>) -> Result<RawCall, PayloadError> {
    Ok(match CsmsRequest::decode(action, payload)?.value {
        CsmsRequest::SetChargingProfile(_) | CsmsRequest::ClearChargingProfile(_) => refused_as_limit(action),
        CsmsRequest::SetVariables(request) => {
            let names = request.set_variable_data.iter().map(|set| {
                let (component, variable) = (&set.component.name, &set.variable.name);
                format!("{component}.{variable}")
            });
            names.into_iter().find_map(|name| refused_setting(&name)).unwrap_or(RawCall::Plain)
        }
        CsmsRequest::RequestStartTransaction(request) => match request.charging_profile {
            Some(_) => refused_start_with_profile(),
            None => raw_start(request.evse_id.map(|evse| evse.0), request.id_token.token()),
        },
        CsmsRequest::ChangeAvailability(_)
        | CsmsRequest::ClearCache(_)
        | CsmsRequest::DataTransfer(_)
        | CsmsRequest::GetBaseReport(_)
        | CsmsRequest::GetCompositeSchedule(_)
        | CsmsRequest::GetTransactionStatus(_)
        | CsmsRequest::GetVariables(_)
        | CsmsRequest::RequestStopTransaction(_)
        | CsmsRequest::Reset(_)
        | CsmsRequest::TriggerMessage(_)
        | CsmsRequest::UnlockConnector(_) => RawCall::Plain,
    })
}

fn understood(request: StationRequest, zone: &Zone) -> Request {
    match request {
        StationRequest::Authorize(request) => Request::Authorise { token: request.id_token.token().ok() },
        StationRequest::BootNotification(request) => Request::Boot(boot(request)),
        StationRequest::DataTransfer(_) => Request::Vendor,
        StationRequest::Heartbeat(_) => Request::Heartbeat,
        StationRequest::NotifyEvent(_)
        | StationRequest::NotifyReport(_)
        | StationRequest::SecurityEventNotification(_) => Request::Informs,
        StationRequest::MeterValues(request) => Request::MeterValues(meter_values(&request, zone)),
        StationRequest::StatusNotification(request) => Request::Status(status(&request, zone)),
        StationRequest::TransactionEvent(request) => Request::Event(event(&request, zone)),
    }
}

fn boot(request: BootNotificationRequest) -> Boot {
    let station = request.charging_station;
    Boot {
        vendor: station.vendor_name,
        model: station.model,
        firmware: station.firmware_version.unwrap_or_default(),
        serial: station.serial_number.unwrap_or_default(),
    }
}

fn status(request: &StatusNotificationRequest, zone: &Zone) -> Status {
    Status {
        evse: request.evse_id.0,
        connector: request.connector_id.map_or(CONNECTOR_ASKED.0, |connector| connector.0),
        ev: match &request.connector_status {
            ConnectorStatus::Available | ConnectorStatus::Reserved => EvTold::State(EvState::Absent),
            ConnectorStatus::Occupied => EvTold::Present,
            ConnectorStatus::Unavailable | ConnectorStatus::Faulted => EvTold::State(EvState::Faulted),
            ConnectorStatus::Other(_) => EvTold::Nothing,
        },
        text: request.connector_status.as_str().chars().take(50).collect(),
        at: request.timestamp.instant_in(zone),
    }
}

fn event(request: &TransactionEventRequest, zone: &Zone) -> Event {
    let info = &request.transaction_info;
    let kind = match &request.event_type {
        TransactionEventKind::Started => EventKind::Started,
        TransactionEventKind::Ended => EventKind::Ended,
        TransactionEventKind::Updated | TransactionEventKind::Other(_) => EventKind::Updated,
    };
    let token = request.id_token.as_ref().map(|token| {
        let token = token.token().ok();
        // A token in the last event may be another's who ended it, unless it was shown to begin.
        let is_to_charge = kind != EventKind::Ended || request.trigger_reason == TriggerReason::Authorized;
        if is_to_charge { Presented::ToCharge(token) } else { Presented::ToEnd(token) }
    });
    let is_unplugged = kind == EventKind::Ended && info.stopped_reason == Some(Reason::EvDisconnected);
    Event {
        kind,
        transaction: (!info.transaction_id.is_missing())
            .then(|| ReportedId(info.transaction_id.as_str().to_owned())),
        seq_no: request.seq_no,
        evse: request.evse.map(|evse| evse.id.0).filter(|&number| number > 0),
        at: request.timestamp.instant_in(zone),
        is_offline: request.offline,
        token,
        ev: if is_unplugged {
            Some(EvState::Absent)
        } else {
            info.charging_state.as_ref().and_then(ev_state)
        },
        // OCPP 2.0.1, stoppedReason: "May only be omitted when the Reason is Local".
        reason: info
            .stopped_reason
            .as_ref()
            .map_or("Local".to_owned(), |reason| reason.as_str().chars().take(50).collect()),
        samples: samples(&request.meter_value, zone),
        reservation: request.reservation_id.and_then(|id| u32::try_from(id).ok()),
    }
}

fn ev_state(state: &ChargingState) -> Option<EvState> {
    match state {
        ChargingState::Charging => Some(EvState::Charging),
        ChargingState::EvConnected => Some(EvState::Connected),
        ChargingState::SuspendedEv => Some(EvState::SuspendedEv),
        ChargingState::SuspendedEvse => Some(EvState::SuspendedEvse),
        ChargingState::Idle => Some(EvState::Absent),
        ChargingState::Other(_) => None,
    }
}

fn meter_values(request: &MeterValuesRequest, zone: &Zone) -> MeterValues {
    MeterValues {
        evse: request.evse_id.0,
        transaction: Claimed::Missing,
        samples: samples(&request.meter_value, zone),
    }
}

fn samples(values: &[MeterValue], zone: &Zone) -> Vec<Sample> {
    values.iter().flat_map(|value| samples_of(value, zone)).collect()
}

/// Values at the outlet; those at the inlet only where the outlet's are missing. Registers of several contexts, such as
/// begin and end, become a sample each.
fn samples_of(value: &MeterValue, zone: &Zone) -> Vec<Sample> {
    let at = value.timestamp.instant_in(zone);
    let is_asked_for = value.sampled_value.iter().any(|one| *one.context() == ReadingContext::Trigger);
    let mut samples = vec![Sample { at, is_asked_for, ..Sample::default() }];
    for location in [Location::Inlet, Location::Outlet] {
        for sampled in value.sampled_value.iter().filter(|sampled| *sampled.location() == location) {
            let Some(figure) = figure(sampled) else { continue };
            let conductor = Conductor::of(sampled.line(), sampled.phase.is_some());
            let place = samples.iter().position(|sample| can_take(sample, figure)).unwrap_or_else(|| {
                samples.push(Sample { at, ..Sample::default() });
                samples.len() - 1
            });
            samples[place].take(figure, conductor);
        }
    }
    samples
}

/// A sample has one register, of one context.
fn can_take(sample: &Sample, figure: Figure) -> bool {
    match (figure, sample.register) {
        (Figure::Register(_, new), Some((_, known))) => new == known,
        (
            Figure::Register(..)
            | Figure::Current(_)
            | Figure::Offered(_)
            | Figure::Power(_)
            | Figure::Voltage(_),
            _,
        ) => true,
    }
}

fn figure(sampled: &SampledValue) -> Option<Figure> {
    match sampled.measurand() {
        Measurand::EnergyActiveImportRegister => {
            sampled.as_energy().map(|register| Figure::Register(register, reading_context(sampled.context())))
        }
        Measurand::CurrentImport => sampled.as_current().map(Figure::Current),
        Measurand::CurrentOffered => sampled.as_current().map(Figure::Offered),
        // FIELD section 4c, 39: power without a unit may be in W or in kW.
        Measurand::PowerActiveImport if sampled.is_unit_assumed() => None,
        Measurand::PowerActiveImport => sampled.as_power().map(Figure::Power),
        Measurand::Voltage => sampled.as_voltage().map(Figure::Voltage),
        Measurand::CurrentExport
        | Measurand::EnergyActiveExportRegister
        | Measurand::EnergyReactiveExportRegister
        | Measurand::EnergyReactiveImportRegister
        | Measurand::EnergyActiveExportInterval
        | Measurand::EnergyActiveImportInterval
        | Measurand::EnergyActiveNet
        | Measurand::EnergyReactiveExportInterval
        | Measurand::EnergyReactiveImportInterval
        | Measurand::EnergyReactiveNet
        | Measurand::EnergyApparentNet
        | Measurand::EnergyApparentImport
        | Measurand::EnergyApparentExport
        | Measurand::Frequency
        | Measurand::PowerActiveExport
        | Measurand::PowerFactor
        | Measurand::PowerOffered
        | Measurand::PowerReactiveExport
        | Measurand::PowerReactiveImport
        | Measurand::StateOfCharge
        | Measurand::Other(_) => None,
    }
}

fn id_token_info(verdict: Verdict) -> IdTokenInfo {
    let status = match verdict {
        Verdict::Accepted => AuthorizationStatus::Accepted,
        Verdict::Unknown => AuthorizationStatus::Unknown,
        Verdict::Blocked => AuthorizationStatus::Blocked,
        Verdict::Expired => AuthorizationStatus::Expired,
        Verdict::NotNow { .. } => AuthorizationStatus::NotAtThisTime,
    };
    let cache_expiry_date_time = match verdict {
        Verdict::NotNow { until } => StationTime::from(until),
        Verdict::Accepted | Verdict::Unknown | Verdict::Blocked | Verdict::Expired => StationTime::Absent,
    };
    IdTokenInfo { cache_expiry_date_time, ..IdTokenInfo::new(status) }
}

fn profile(
    evse: u16,
    profile: Profile,
    transaction: Option<ReportedTransaction>,
    kind: ChargingProfileKind,
    begin: StationTime,
    limits: ScheduleLimits,
) -> SetChargingProfileRequest {
    SetChargingProfileRequest {
        evse_id: EvseNumber(evse),
        charging_profile: ChargingProfile {
            id: profile.id(evse),
            stack_level: STACK_LEVEL,
            charging_profile_purpose: match profile {
                Profile::Live => ChargingProfilePurpose::TxProfile,
                Profile::Fallback => ChargingProfilePurpose::TxDefaultProfile,
            },
            charging_profile_kind: kind,
            recurrency_kind: None,
            valid_from: StationTime::Absent,
            valid_to: StationTime::Absent,
            transaction_id: transaction,
            charging_schedule: vec![ChargingSchedule {
                id: profile.id(evse),
                start_schedule: begin,
                duration: None,
                limits,
                min_charging_rate: None,
            }],
        },
    }
}

/// A transaction that began on a link of OCPP 1.6 is known by our number.
fn named(transaction: &Named) -> ReportedTransaction {
    match transaction {
        Named::Ours(id) => ReportedTransaction::new(id.to_string()),
        Named::Theirs(id) => ReportedTransaction::new(id.0.as_str()),
    }
}

fn trigger(requested_message: MessageTrigger, evse: Option<Evse>) -> CsmsRequest {
    TriggerMessageRequest { evse, requested_message }.into()
}

const fn variable_of(setting: Setting) -> &'static str {
    match setting {
        Setting::MeasureInterval => "TxUpdatedInterval",
        Setting::Measured => "TxUpdatedMeasurands",
        Setting::MeasuredAtStart => "TxStartedMeasurands",
        Setting::MeasuredAtEnd => "TxEndedMeasurands",
    }
}
