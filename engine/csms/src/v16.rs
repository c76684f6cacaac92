//! OCPP 1.6 on one side, the domain's messages on the other. Nothing else in this crate knows a word of 1.6.

pub(crate) mod orders;

use charging::site::EvState;
use ocpp::frame::MessageId;
use ocpp::json::Json;
use ocpp::v16::{
    AcceptedStatus, AuthorizationData, AuthorizationStatus, AuthorizeResponse, BootNotificationRequest,
    BootNotificationResponse, ChangeConfigurationRequest, ChargePointErrorCode, ChargePointStatus,
    ChargingProfile, ChargingProfileKind, ChargingProfilePurpose, ChargingProfileStatus, ChargingSchedule,
    ClearChargingProfileRequest, ClearChargingProfileStatus, ConfigurationStatus, ConnectorId, CsmsAction,
    CsmsRequest, CsmsResponse, DataTransferResponse, DataTransferStatus, GetConfigurationRequest,
    HeartbeatResponse, IdTag, IdTagInfo, Location, Measurand, MessageTrigger, MeterValue, MeterValuesRequest,
    MeterValuesResponse, ReadingContext, RegistrationStatus, RemoteStartTransactionRequest,
    RemoteStopTransactionRequest, ReportedTransaction, SampledValue, SetChargingProfileRequest,
    SignCertificateResponse, StartTransactionRequest, StartTransactionResponse, StationRequest,
    StationResponse, StatusNotificationRequest, StatusNotificationResponse, StopTransactionRequest,
    StopTransactionResponse, TriggerMessageRequest, TriggerMessageStatus,
};
use ocpp::{Decoded, EncodeError, PayloadError, StationTime};
use units::civil::Zone;
use units::{Amperes, TimeSpan};

use crate::baseline::Setting;
use crate::message::{
    Answer, Boot, Call, Claimed, Conductor, EvTold, Fault, Figure, MeterValues, Named, Outcome, Refusal,
    Registration, Request, Sample, Start, Status, Stop, Told, TransactionMessage, Verdict,
};
use crate::notice::{Notice, Subject};
use crate::wire::{
    Examined, Manner, Profile, RawCall, SCHEDULE_STARTED_AGO, Unread, accepted_or_refused, live_limits,
    raw_start, reading_context, refused_as_limit, refused_setting, refused_start_with_profile,
    schedule_limits,
};

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
        Answer::Refused(_) => SignCertificateResponse { status: AcceptedStatus::Rejected }.into(),
        // No station of OCPP 1.6 is asked by an EV.
        Answer::EvNeeds { .. } | Answer::EvScheduleTaken => StatusNotificationResponse::default().into(),
        Answer::VendorUnknown => {
            DataTransferResponse { status: DataTransferStatus::UnknownVendorId, data: None }.into()
        }
    };
    response.encode(id)
}

/// Our call, or why it cannot be said.
pub(crate) fn call(call: &Call, manner: &Manner<'_>) -> Result<CsmsRequest, String> {
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
            let key = key_of(*setting).ok_or_else(|| format!("OCPP 1.6 has no key for {setting:?}"))?;
            ChangeConfigurationRequest { key: key.to_owned(), value: value.clone() }.into()
        }
        Call::Read { settings } => GetConfigurationRequest {
            key: settings.iter().filter_map(|&setting| key_of(setting)).map(ToOwned::to_owned).collect(),
        }
        .into(),
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
        Call::Read { .. } => CsmsAction::GetConfiguration,
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
            ConfigurationStatus::Accepted => Outcome::Accepted,
            ConfigurationStatus::RebootRequired => Outcome::AcceptedFromBoot,
            ConfigurationStatus::Rejected
            | ConfigurationStatus::NotSupported
            | ConfigurationStatus::Other(_) => Outcome::Rejected(response.status.as_str().to_owned()),
        },
        CsmsResponse::GetConfiguration(response) => {
            let known = response.configuration_key.into_iter().filter_map(|pair| {
                let setting = setting_of(&pair.key)?;
                Some(Told { setting, value: pair.value, is_known: true, is_read_only: pair.readonly })
            });
            let unknown = response.unknown_key.iter().filter_map(|key| {
                Some(Told { setting: setting_of(key)?, value: None, is_known: false, is_read_only: false })
            });
            Outcome::Settings(known.chain(unknown).collect())
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
        | CsmsResponse::UnlockConnector(_)
        | CsmsResponse::CancelReservation(_)
        | CsmsResponse::CertificateSigned(_)
        | CsmsResponse::DeleteCertificate(_)
        | CsmsResponse::ExtendedTriggerMessage(_)
        | CsmsResponse::GetDiagnostics(_)
        | CsmsResponse::GetInstalledCertificateIds(_)
        | CsmsResponse::GetLocalListVersion(_)
        | CsmsResponse::GetLog(_)
        | CsmsResponse::InstallCertificate(_)
        | CsmsResponse::ReserveNow(_)
        | CsmsResponse::SendLocalList(_)
        | CsmsResponse::SignedUpdateFirmware(_)
        | CsmsResponse::UpdateFirmware(_) => Outcome::Accepted,
    })
}

/// Whether an operator's own call would change what an EVSE may draw (S1).
pub(crate) fn examine_raw(action: &str, payload: &Json<'_>) -> Result<Examined, PayloadError> {
    let Decoded { value, quirks } = CsmsRequest::decode(action, payload)?;
    let written = value.payload();
    Ok(Examined { call: of_control(action, value), quirks, written })
}

fn of_control(action: &str, request: CsmsRequest) -> RawCall {
    match request {
        CsmsRequest::SetChargingProfile(_) | CsmsRequest::ClearChargingProfile(_) => refused_as_limit(action),
        CsmsRequest::ChangeConfiguration(request) => refused_setting(&request.key).unwrap_or(RawCall::Plain),
        CsmsRequest::RemoteStartTransaction(request) => match request.charging_profile {
            Some(_) => refused_start_with_profile(),
            None => raw_start(request.connector_id.map(|connector| connector.0), request.id_tag.token()),
        },
        CsmsRequest::SendLocalList(request) => {
            let admits = |entry: &AuthorizationData| {
                entry.id_tag_info.as_ref().is_some_and(|info| info.status == AuthorizationStatus::Accepted)
            };
            let admits = request.local_authorization_list.iter().any(admits);
            if admits { RawCall::AdmittingList } else { RawCall::Plain }
        }
        // A reservation bears no limit, and neither does the rest.
        CsmsRequest::CancelReservation(_)
        | CsmsRequest::CertificateSigned(_)
        | CsmsRequest::DeleteCertificate(_)
        | CsmsRequest::ExtendedTriggerMessage(_)
        | CsmsRequest::GetDiagnostics(_)
        | CsmsRequest::GetInstalledCertificateIds(_)
        | CsmsRequest::GetLocalListVersion(_)
        | CsmsRequest::GetLog(_)
        | CsmsRequest::InstallCertificate(_)
        | CsmsRequest::ReserveNow(_)
        | CsmsRequest::SignedUpdateFirmware(_)
        | CsmsRequest::UpdateFirmware(_)
        | CsmsRequest::ChangeAvailability(_)
        | CsmsRequest::ClearCache(_)
        | CsmsRequest::DataTransfer(_)
        | CsmsRequest::GetCompositeSchedule(_)
        | CsmsRequest::GetConfiguration(_)
        | CsmsRequest::RemoteStopTransaction(_)
        | CsmsRequest::Reset(_)
        | CsmsRequest::TriggerMessage(_)
        | CsmsRequest::UnlockConnector(_) => RawCall::Plain,
    }
}

/// What a station calls.
pub(crate) fn request(
    id: &MessageId,
    action: &str,
    payload: &Json<'_>,
    zone: &Zone,
) -> Result<Decoded<Request>, Unread> {
    match StationRequest::decode(action, payload) {
        Ok(Decoded { value, quirks }) => {
            Ok(Decoded { value: understood(value, zone).telling(orders::progress(action, payload)), quirks })
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
        StationRequest::DiagnosticsStatusNotification(told) => {
            kept(Notice::new(Subject::Log, told.status.as_str()))
        }
        StationRequest::FirmwareStatusNotification(told) => {
            kept(Notice::new(Subject::Firmware, told.status.as_str()))
        }
        StationRequest::SignedFirmwareStatusNotification(told) => kept(Notice {
            number: told.request_id.map(i64::from),
            ..Notice::new(Subject::Firmware, told.status.as_str())
        }),
        StationRequest::LogStatusNotification(told) => kept(Notice {
            number: told.request_id.map(i64::from),
            ..Notice::new(Subject::Log, told.status.as_str())
        }),
        StationRequest::SecurityEventNotification(told) => kept(Notice {
            reported: told.timestamp.instant_in(zone),
            detail: told.tech_info,
            ..Notice::new(Subject::Security, &told.kind)
        }),
        StationRequest::SignCertificate(_) => Request::Notices {
            notices: vec![Notice::new(Subject::Signature, "ChargePointCertificate")],
            answer: Answer::Refused(Refusal::Signature),
            progress: None,
        },
    }
}

fn kept(notice: Notice) -> Request {
    Request::Notices { notices: vec![notice], answer: Answer::Informs, progress: None }
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
        fault: fault(request),
        at: request.timestamp.instant_in(zone),
    }
}

fn fault(request: &StatusNotificationRequest) -> Option<Fault> {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().chars().take(100).collect();
    (request.error_code != ChargePointErrorCode::NoError).then(|| Fault {
        code: request.error_code.as_str().chars().take(50).collect(),
        vendor_code: text(&request.vendor_error_code),
        words: text(&request.info),
    })
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
    manner: &Manner<'_>,
) -> SetChargingProfileRequest {
    let (kind, start_schedule) = if manner.is_relative() {
        (ChargingProfileKind::Relative, StationTime::Absent)
    } else {
        (ChargingProfileKind::Absolute, StationTime::from(manner.station_now - SCHEDULE_STARTED_AGO))
    };
    let (purpose, transaction_id) = match manner.live_profile() {
        Profile::Live => (ChargingProfilePurpose::TxProfile, transaction),
        Profile::Fallback => (ChargingProfilePurpose::TxDefaultProfile, ReportedTransaction::Missing),
    };
    let schedule = ChargingSchedule {
        duration: None,
        start_schedule,
        limits: live_limits(limits, lifetime, manner),
        min_charging_rate: None,
    };
    SetChargingProfileRequest {
        connector_id: ConnectorId(evse),
        charging_profile: ChargingProfile {
            charging_profile_id: manner.live_profile().id(evse),
            transaction_id,
            stack_level: manner.stack_level(),
            charging_profile_purpose: purpose,
            charging_profile_kind: kind,
            recurrency_kind: None,
            valid_from: StationTime::Absent,
            valid_to: StationTime::Absent,
            charging_schedule: schedule,
        },
    }
}

/// Relative: it must hold whatever the station's clock shows.
fn standing_fallback(evse: u16, limit: Amperes, manner: &Manner<'_>) -> SetChargingProfileRequest {
    SetChargingProfileRequest {
        connector_id: ConnectorId(evse),
        charging_profile: ChargingProfile {
            charging_profile_id: Profile::Fallback.id(evse),
            transaction_id: ReportedTransaction::Missing,
            stack_level: manner.stack_level(),
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

/// The key of a setting; in OCPP 1.6 start and stop bear a register of themselves.
pub(crate) const fn key_of(setting: Setting) -> Option<&'static str> {
    Some(match setting {
        Setting::LimitUnits => "ChargingScheduleAllowedChargingRateUnit",
        Setting::StackLevelMost => "ChargeProfileMaxStackLevel",
        Setting::PeriodsMost => "ChargingScheduleMaxPeriods",
        Setting::ProfilesMost => "MaxChargingProfilesInstalled",
        Setting::Features => "SupportedFeatureProfiles",
        Setting::MeasureInterval => "MeterValueSampleInterval",
        Setting::Measured => "MeterValuesSampledData",
        Setting::MeasuredAtStart | Setting::MeasuredAtEnd => return None,
        Setting::PingInterval => "WebSocketPingInterval",
        Setting::LocalPreAuthorise => "LocalPreAuthorize",
        Setting::LocalAuthoriseOffline => "LocalAuthorizeOffline",
        Setting::OfflineUnknown => "AllowOfflineTxForUnknownId",
        Setting::StopsOnInvalidToken => "StopTransactionOnInvalidId",
    })
}

fn setting_of(key: &str) -> Option<Setting> {
    let is_its = |setting: &&Setting| key_of(**setting).is_some_and(|known| known.eq_ignore_ascii_case(key));
    Setting::ALL.iter().find(is_its).copied()
}
