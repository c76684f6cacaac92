//! OCPP 2.0.1 on one side, the domain's messages on the other.

pub(crate) mod orders;

use charging::site::EvState;
use ocpp::frame::MessageId;
use ocpp::json::Json;
use ocpp::v21::{ProfileInDetail, ScheduleInDetail};
use ocpp::v201::{
    AcceptedStatus, AuthorizationData, AuthorizationStatus, AuthorizeResponse, BootNotificationRequest,
    BootNotificationResponse, ChargingProfile, ChargingProfileKind, ChargingProfilePurpose, ChargingSchedule,
    ChargingState, ClearChargingProfileRequest, ClearChargingProfileStatus, ConnectorNumber, ConnectorStatus,
    CsmsAction, CsmsRequest, CsmsResponse, DataTransferResponse, DataTransferStatus, EnergyTransferMode,
    Evse, EvseNumber, GetVariableData, GetVariableStatus, GetVariablesRequest, HeartbeatResponse, IdToken,
    IdTokenInfo, IdTokenType, Location, Measurand, MessageTrigger, MeterValue, MeterValuesRequest,
    MeterValuesResponse, ReadingContext, Reason, RegistrationStatus, ReportedTransaction,
    RequestStartTransactionRequest, RequestStopTransactionRequest, SampledValue, ScheduleLimits,
    SetChargingProfileRequest, SetVariableData, SetVariableResult, SetVariableStatus, SetVariablesRequest,
    StationRequest, StationResponse, StatusNotificationRequest, StatusNotificationResponse,
    TransactionEventKind, TransactionEventRequest, TransactionEventResponse, TriggerMessageRequest,
    TriggerMessageStatus, TriggerReason,
};
use ocpp::{Decoded, EncodeError, PayloadError, StationTime, Version};
use units::civil::Zone;
use units::{TimeSpan, Timestamp};

use crate::baseline::Setting;
use crate::message::{
    Activity, Answer, Boot, Call, Claimed, Conductor, EvTold, Event, EventKind, Fault, Figure, MeterValues,
    Named, Outcome, Presented, Registration, Request, Sample, Status, Told, TransactionMessage, Verdict,
};
use crate::record::ReportedId;
use crate::wire::{
    Examined, Manner, Profile, RawCall, SCHEDULE_STARTED_AGO, Unread, accepted_or_refused, is_of_21,
    live_limits, raw_start, reading_context, refused_as_limit, refused_setting, refused_start_with_profile,
    schedule_limits,
};

/// An EVSE's connector that is asked for its status: the standard wants one named.
const CONNECTOR_ASKED: ConnectorNumber = ConnectorNumber(1);
mod notices;

/// What a station calls.
pub(crate) fn request(
    version: Version,
    id: &MessageId,
    action: &str,
    payload: &Json<'_>,
    zone: &Zone,
) -> Result<Decoded<Request>, Unread> {
    if version == Version::V21 && is_of_21(action) {
        return match ocpp::v21::StationRequest::decode(action, payload) {
            Ok(Decoded { value, quirks }) => {
                Ok(Decoded { value: notices::told_in_21(&value, payload, zone), quirks })
            }
            Err(error) => Err(Unread::Refused(ocpp::v201::answer_to_payload(id, &error))),
        };
    }
    match StationRequest::decode_in(version, action, payload) {
        Ok(Decoded { value, quirks }) => Ok(Decoded {
            value: understood(value, payload, zone).telling(orders::progress(action, payload)),
            quirks,
        }),
        Err(error) => Err(match action {
            "TransactionEvent" => Unread::Transaction(TransactionMessage::Event),
            "MeterValues" => Unread::Transaction(TransactionMessage::MeterValues),
            _ => Unread::Refused(ocpp::v201::answer_to_payload(id, &error)),
        }),
    }
}

/// The CALLRESULT to a station's call.
pub(crate) fn answer(
    version: Version,
    now: Timestamp,
    id: &MessageId,
    answer: &Answer,
) -> Result<String, EncodeError> {
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
        Answer::Authorise(verdict) => AuthorizeResponse::from(id_token_info(*verdict)).into(),
        // The station numbers its transactions itself.
        Answer::Start { verdict, .. } => event(Some(*verdict)).into(),
        Answer::Transaction { verdict } => event(*verdict).into(),
        Answer::MeterValues => MeterValuesResponse::default().into(),
        // What only informs is answered with nothing, as a status is.
        Answer::Status | Answer::Informs => StatusNotificationResponse::default().into(),
        Answer::VendorUnknown => DataTransferResponse::new(DataTransferStatus::UnknownVendorId).into(),
        Answer::EvNeeds { is_limited } => notices::needs_response(*is_limited).into(),
        Answer::EvScheduleTaken => notices::schedule_response().into(),
        Answer::Refused(refusal) => return notices::refusal(refusal, now, id),
    };
    response.encode_in(version, id)
}

/// Our call, or why it cannot be said.
pub(crate) fn call(call: &Call, manner: &Manner<'_>) -> Result<CsmsRequest, String> {
    Ok(match call {
        Call::SetLive { evse, transaction, limit, limit_expired, lifetime } => {
            let limits = live_limits([*limit, *limit_expired], *lifetime, manner);
            let (kind, begin) = if manner.is_relative() {
                (ChargingProfileKind::Relative, StationTime::Absent)
            } else {
                let begin = StationTime::from(manner.station_now - SCHEDULE_STARTED_AGO);
                (ChargingProfileKind::Absolute, begin)
            };
            let live = manner.live_profile();
            let transaction = (live == Profile::Live).then(|| named(transaction));
            profile(*evse, live, manner.stack_level(), transaction, kind, begin, limits).into()
        }
        // Relative: it must hold whatever the station's clock shows.
        Call::SetFallback { evse, limit } => {
            let limits = schedule_limits(&[(TimeSpan::ZERO, *limit)], manner);
            let (kind, level) = (ChargingProfileKind::Relative, manner.stack_level());
            profile(*evse, Profile::Fallback, level, None, kind, StationTime::Absent, limits).into()
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
        Call::Configure { setting, value } => {
            let [component, variable] =
                variable_of(*setting).ok_or_else(|| format!("OCPP 2.0.1 has no variable for {setting:?}"))?;
            SetVariablesRequest {
                set_variable_data: vec![SetVariableData::new(component, variable, value.clone())],
            }
            .into()
        }
        Call::Read { settings } => GetVariablesRequest {
            get_variable_data: settings
                .iter()
                .filter_map(|&setting| variable_of(setting))
                .map(|[component, variable]| GetVariableData::new(component, variable))
                .collect(),
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
pub(crate) fn outcome(version: Version, call: &Call, payload: &Json<'_>) -> Result<Outcome, PayloadError> {
    let action = match call {
        Call::SetLive { .. } | Call::SetFallback { .. } => CsmsAction::SetChargingProfile,
        Call::ClearLimits => CsmsAction::ClearChargingProfile,
        Call::Measure { .. } | Call::AskStatus { .. } | Call::Probe => CsmsAction::TriggerMessage,
        Call::Configure { .. } => CsmsAction::SetVariables,
        Call::Read { .. } => CsmsAction::GetVariables,
        Call::Start { .. } => CsmsAction::RequestStartTransaction,
        Call::Stop { .. } => CsmsAction::RequestStopTransaction,
        Call::Ask(_) | Call::Raw { .. } => return Ok(Outcome::Accepted),
    };
    let accepted =
        |status: &AcceptedStatus| accepted_or_refused(*status == AcceptedStatus::Accepted, status.as_str());
    Ok(match CsmsResponse::decode_in(version, action, payload)?.value {
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
                None => {
                    let waits = |result: &SetVariableResult| {
                        result.attribute_status == SetVariableStatus::RebootRequired
                    };
                    let waits = response.set_variable_result.iter().any(waits);
                    if waits { Outcome::AcceptedFromBoot } else { Outcome::Accepted }
                }
            }
        }
        CsmsResponse::GetVariables(response) => {
            let told = response.get_variable_result.into_iter().filter_map(|result| {
                let setting = setting_of(&result.component.name, &result.variable.name)?;
                let is_known = result.attribute_status == GetVariableStatus::Accepted;
                let value = result.attribute_value.filter(|_| is_known);
                Some(Told { setting, value, is_known, is_read_only: false })
            });
            Outcome::Settings(told.collect())
        }
        CsmsResponse::RequestStartTransaction(response) => accepted(&response.status),
        CsmsResponse::RequestStopTransaction(response) => accepted(&response.status),
        CsmsResponse::ChangeAvailability(_)
        | CsmsResponse::ClearCache(_)
        | CsmsResponse::DataTransfer(_)
        | CsmsResponse::GetBaseReport(_)
        | CsmsResponse::GetCompositeSchedule(_)
        | CsmsResponse::GetTransactionStatus(_)
        | CsmsResponse::Reset(_)
        | CsmsResponse::UnlockConnector(_)
        | CsmsResponse::CancelReservation(_)
        | CsmsResponse::CertificateSigned(_)
        | CsmsResponse::ClearDisplayMessage(_)
        | CsmsResponse::ClearVariableMonitoring(_)
        | CsmsResponse::CostUpdated(_)
        | CsmsResponse::CustomerInformation(_)
        | CsmsResponse::DeleteCertificate(_)
        | CsmsResponse::GetChargingProfiles(_)
        | CsmsResponse::GetDisplayMessages(_)
        | CsmsResponse::GetInstalledCertificateIds(_)
        | CsmsResponse::GetLocalListVersion(_)
        | CsmsResponse::GetLog(_)
        | CsmsResponse::GetMonitoringReport(_)
        | CsmsResponse::GetReport(_)
        | CsmsResponse::InstallCertificate(_)
        | CsmsResponse::PublishFirmware(_)
        | CsmsResponse::ReserveNow(_)
        | CsmsResponse::SendLocalList(_)
        | CsmsResponse::SetDisplayMessage(_)
        | CsmsResponse::SetMonitoringBase(_)
        | CsmsResponse::SetMonitoringLevel(_)
        | CsmsResponse::SetNetworkProfile(_)
        | CsmsResponse::SetVariableMonitoring(_)
        | CsmsResponse::UnpublishFirmware(_)
        | CsmsResponse::UpdateFirmware(_) => Outcome::Accepted,
    })
}

/// Whether an operator's own call would change what an EVSE may draw (S1).
pub(crate) fn examine_raw(
    version: Version,
    action: &str,
    payload: &Json<'_>,
) -> Result<Examined, PayloadError> {
    let Decoded { value, quirks } = CsmsRequest::decode_in(version, action, payload)?;
    let written = value.payload_in(version);
    Ok(Examined { call: of_control(action, value), quirks, written })
}

/// The same of a call that OCPP 2.1 only has.
pub(crate) fn examine_raw_21(action: &str, payload: &Json<'_>) -> Result<Examined, PayloadError> {
    use ocpp::v21::CsmsRequest;
    let Decoded { value, quirks } = CsmsRequest::decode(action, payload)?;
    let written = value.payload();
    let call = match value {
        // A profile of priority may lie above all others.
        CsmsRequest::UpdateDynamicSchedule(_) | CsmsRequest::UsePriorityCharging(_) => {
            refused_as_limit(action)
        }
        CsmsRequest::NotifyAllowedEnergyTransfer(request) => {
            let gives = |mode: &EnergyTransferMode| match mode {
                EnergyTransferMode::Dc
                | EnergyTransferMode::AcSinglePhase
                | EnergyTransferMode::AcTwoPhase
                | EnergyTransferMode::AcThreePhase
                | EnergyTransferMode::DcAcdp
                | EnergyTransferMode::Wpt
                | EnergyTransferMode::Other(_) => false,
                EnergyTransferMode::AcBpt
                | EnergyTransferMode::AcBptDer
                | EnergyTransferMode::AcDer
                | EnergyTransferMode::DcBpt
                | EnergyTransferMode::DcAcdpBpt => true,
            };
            if request.allowed_energy_transfer.iter().any(gives) {
                RawCall::Refused("S1: what flows out of EVs has no ceiling; allow import alone".to_owned())
            } else {
                RawCall::Plain
            }
        }
        CsmsRequest::ChangeTransactionTariff(_)
        | CsmsRequest::ClearTariffs(_)
        | CsmsRequest::GetTariffs(_)
        | CsmsRequest::NotifyWebPaymentStarted(_)
        | CsmsRequest::SetDefaultTariff(_) => RawCall::Plain,
    };
    Ok(Examined { call, quirks, written })
}

fn of_control(action: &str, request: CsmsRequest) -> RawCall {
    match request {
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
        CsmsRequest::SendLocalList(request) => {
            let admits = |entry: &AuthorizationData| {
                entry.id_token_info.as_ref().is_some_and(|info| info.status == AuthorizationStatus::Accepted)
            };
            let admits = request.local_authorization_list.iter().any(admits);
            if admits { RawCall::AdmittingList } else { RawCall::Plain }
        }
        CsmsRequest::SetVariableMonitoring(request)
            if request.set_monitoring_data.iter().any(|data| data.periodic_event_stream.is_some()) =>
        {
            RawCall::Refused("streams of events are not taken: leave periodicEventStream out".to_owned())
        }
        // A reservation bears no limit, and neither does the rest.
        CsmsRequest::CancelReservation(_)
        | CsmsRequest::CertificateSigned(_)
        | CsmsRequest::ClearDisplayMessage(_)
        | CsmsRequest::ClearVariableMonitoring(_)
        | CsmsRequest::CostUpdated(_)
        | CsmsRequest::CustomerInformation(_)
        | CsmsRequest::DeleteCertificate(_)
        | CsmsRequest::GetChargingProfiles(_)
        | CsmsRequest::GetDisplayMessages(_)
        | CsmsRequest::GetInstalledCertificateIds(_)
        | CsmsRequest::GetLocalListVersion(_)
        | CsmsRequest::GetLog(_)
        | CsmsRequest::GetMonitoringReport(_)
        | CsmsRequest::GetReport(_)
        | CsmsRequest::InstallCertificate(_)
        | CsmsRequest::PublishFirmware(_)
        | CsmsRequest::ReserveNow(_)
        | CsmsRequest::SetDisplayMessage(_)
        | CsmsRequest::SetMonitoringBase(_)
        | CsmsRequest::SetMonitoringLevel(_)
        | CsmsRequest::SetNetworkProfile(_)
        | CsmsRequest::SetVariableMonitoring(_)
        | CsmsRequest::UnpublishFirmware(_)
        | CsmsRequest::UpdateFirmware(_)
        | CsmsRequest::ChangeAvailability(_)
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
    }
}

fn understood(request: StationRequest, payload: &Json<'_>, zone: &Zone) -> Request {
    if let Some(told) = notices::told(&request, payload, zone) {
        return told;
    }
    match request {
        StationRequest::Authorize(request) => Request::Authorise { token: request.id_token.token().ok() },
        StationRequest::BootNotification(request) => Request::Boot(boot(request)),
        StationRequest::DataTransfer(_) => Request::Vendor,
        StationRequest::Heartbeat(_) => Request::Heartbeat,
        StationRequest::MeterValues(request) => Request::MeterValues(meter_values(&request, zone)),
        StationRequest::StatusNotification(request) => Request::Status(status(&request, zone)),
        StationRequest::TransactionEvent(request) => Request::Event(event(&request, zone)),
        StationRequest::NotifyEvent(_)
        | StationRequest::NotifyReport(_)
        | StationRequest::SecurityEventNotification(_)
        | StationRequest::ClearedChargingLimit(_)
        | StationRequest::FirmwareStatusNotification(_)
        | StationRequest::Get15118EVCertificate(_)
        | StationRequest::GetCertificateStatus(_)
        | StationRequest::LogStatusNotification(_)
        | StationRequest::NotifyChargingLimit(_)
        | StationRequest::NotifyCustomerInformation(_)
        | StationRequest::NotifyDisplayMessages(_)
        | StationRequest::NotifyEVChargingNeeds(_)
        | StationRequest::NotifyEVChargingSchedule(_)
        | StationRequest::NotifyMonitoringReport(_)
        | StationRequest::PublishFirmwareStatusNotification(_)
        | StationRequest::ReportChargingProfiles(_)
        | StationRequest::ReservationStatusUpdate(_)
        | StationRequest::SignCertificate(_) => Request::Informs,
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
        fault: (request.connector_status == ConnectorStatus::Faulted).then(|| Fault {
            code: "Faulted".to_owned(),
            vendor_code: String::new(),
            words: String::new(),
        }),
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
        cost: notices::cost(request, zone).map(Box::new),
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
        | Measurand::CurrentExportMinimum
        | Measurand::CurrentExportOffered
        | Measurand::CurrentImportMinimum
        | Measurand::CurrentImportOffered
        | Measurand::DisplayBatteryEnergyCapacity
        | Measurand::DisplayChargingComplete
        | Measurand::DisplayInletHot
        | Measurand::DisplayMaximumSoc
        | Measurand::DisplayMinimumSoc
        | Measurand::DisplayPresentSoc
        | Measurand::DisplayRemainingTimeToMaximumSoc
        | Measurand::DisplayRemainingTimeToMinimumSoc
        | Measurand::DisplayRemainingTimeToTargetSoc
        | Measurand::DisplayTargetSoc
        | Measurand::EnergyActiveImportCableLoss
        | Measurand::EnergyActiveImportLocalGeneration
        | Measurand::EnergyActiveSetpointInterval
        | Measurand::EnergyRequestBulk
        | Measurand::EnergyRequestMaximum
        | Measurand::EnergyRequestMaximumV2x
        | Measurand::EnergyRequestMinimum
        | Measurand::EnergyRequestMinimumV2x
        | Measurand::EnergyRequestTarget
        | Measurand::PowerActiveResidual
        | Measurand::PowerActiveSetpoint
        | Measurand::PowerExportMinimum
        | Measurand::PowerExportOffered
        | Measurand::PowerImportMinimum
        | Measurand::PowerImportOffered
        | Measurand::VoltageMaximum
        | Measurand::VoltageMinimum
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
    stack_level: u32,
    transaction: Option<ReportedTransaction>,
    kind: ChargingProfileKind,
    begin: StationTime,
    limits: ScheduleLimits,
) -> SetChargingProfileRequest {
    SetChargingProfileRequest {
        evse_id: EvseNumber(evse),
        charging_profile: ChargingProfile {
            id: profile.id(evse),
            stack_level,
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
                sales_tariff: None,
                in_detail: ScheduleInDetail::default(),
            }],
            in_detail: ProfileInDetail::default(),
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
    TriggerMessageRequest { evse, requested_message, custom_trigger: None }.into()
}

/// The component and the variable of a setting.
pub(crate) const fn variable_of(setting: Setting) -> Option<[&'static str; 2]> {
    Some(match setting {
        Setting::LimitUnits => ["SmartChargingCtrlr", "RateUnit"],
        Setting::StackLevelMost => ["SmartChargingCtrlr", "ProfileStackLevel"],
        Setting::PeriodsMost => ["SmartChargingCtrlr", "PeriodsPerSchedule"],
        Setting::ProfilesMost => ["SmartChargingCtrlr", "Entries"],
        // Each component tells of itself.
        Setting::Features => return None,
        Setting::MeasureInterval => ["SampledDataCtrlr", "TxUpdatedInterval"],
        Setting::Measured => ["SampledDataCtrlr", "TxUpdatedMeasurands"],
        Setting::MeasuredAtStart => ["SampledDataCtrlr", "TxStartedMeasurands"],
        Setting::MeasuredAtEnd => ["SampledDataCtrlr", "TxEndedMeasurands"],
        Setting::PingInterval => ["OCPPCommCtrlr", "WebSocketPingInterval"],
        Setting::LocalPreAuthorise => ["AuthCtrlr", "LocalPreAuthorize"],
        Setting::LocalAuthoriseOffline => ["AuthCtrlr", "LocalAuthorizeOffline"],
        Setting::OfflineUnknown => ["AuthCtrlr", "OfflineTxForUnknownIdEnabled"],
        Setting::StopsOnInvalidToken => ["TxCtrlr", "StopTxOnInvalidId"],
    })
}

fn setting_of(component: &str, variable: &str) -> Option<Setting> {
    let is_its = |setting: &&Setting| {
        variable_of(**setting).is_some_and(|[of, name]| {
            of.eq_ignore_ascii_case(component) && name.eq_ignore_ascii_case(variable)
        })
    };
    Setting::ALL.iter().find(is_its).copied()
}
