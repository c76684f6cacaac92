//! OCPP 1.6 on one side, the domain's messages on the other. Nothing else in this crate knows a word of 1.6.

use std::borrow::Cow;

use billing::cdr::ReadingContext;
use charging::site::EvState;
use ocpp::frame::{self, Frame, FrameError, MessageId};
use ocpp::json::{self, Json};
use ocpp::v16::{
    AcceptedStatus, AuthorizationStatus, AuthorizeResponse, BootNotificationRequest,
    BootNotificationResponse, ChangeConfigurationRequest, ChargePointStatus, ChargingProfile,
    ChargingProfileKind, ChargingProfilePurpose, ChargingProfileStatus, ChargingSchedule,
    ChargingSchedulePeriod, ClearChargingProfileRequest, ClearChargingProfileStatus, ConfigurationStatus,
    ConnectorId, CsmsAction, CsmsRequest, CsmsResponse, DataTransferResponse, DataTransferStatus, ErrorCode,
    GetConfigurationRequest, HeartbeatResponse, IdTag, IdTagInfo, Location, Measurand, MessageTrigger,
    MeterValue, MeterValuesRequest, MeterValuesResponse, RegistrationStatus, RemoteStartTransactionRequest,
    RemoteStopTransactionRequest, ReportedTransaction, SampledValue, ScheduleLimits,
    SetChargingProfileRequest, StartTransactionRequest, StartTransactionResponse, StationRequest,
    StationResponse, StatusNotificationRequest, StatusNotificationResponse, StopTransactionRequest,
    StopTransactionResponse, TriggerMessageRequest, TriggerMessageStatus,
};
use ocpp::{Decoded, Limits, PayloadError, Quirk, StationTime};
use units::civil::Zone;
use units::{Amperes, IdToken, Phase, TimeSpan, Timestamp, TransactionId, Volts};

use crate::message::{
    Answer, Boot, Call, Claimed, MeterValues, Outcome, Registration, Request, Sample, Setting, Start, Status,
    Stop, TransactionMessage, Verdict,
};

/// One profile id per connector and purpose: `connector · 10 + purpose` (CONTROL section 3).
const PROFILES_PER_CONNECTOR: i32 = 10;
/// The live limit's place among a connector's profiles.
const PROFILE_LIVE: i32 = 1;
/// The standing fallback's place among a connector's profiles.
const PROFILE_FALLBACK: i32 = 2;
/// Several stations accept no other level (FIELD section 4b, 10 and 11).
const STACK_LEVEL: u32 = 0;
/// A live schedule begins this long ago, so that no station waits for its start.
const SCHEDULE_STARTED_AGO: TimeSpan = TimeSpan::from_seconds(60);
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

/// What a text from a station is.
pub(crate) enum Incoming<'a> {
    Call {
        id: MessageId,
        action: Cow<'a, str>,
        request: Result<Decoded<Request>, Unread>,
    },
    Answer {
        message: Option<u64>,
        answer: Result<Json<'a>, CallFault>,
    },
    /// No frame, with the CALLERROR that answers it where one can.
    Broken {
        reply: Option<String>,
    },
}

/// Why a call is not a request.
pub(crate) enum Unread {
    /// A transaction message that cannot be understood is answered and kept all the same.
    Transaction(TransactionMessage),
    /// Everything else is refused: the CALLERROR.
    Refused(String),
}

/// A station's CALLERROR.
pub(crate) struct CallFault {
    pub code: String,
    pub description: String,
}

/// Reads a text from a station; `zone` is what times without a zone are in.
pub(crate) fn read<'a>(text: &'a str, limits: &Limits, zone: &Zone) -> Incoming<'a> {
    match frame::decode(text, limits) {
        Ok(Decoded { value: Frame::Call { id, action, payload }, quirks }) => {
            let request = request_from(&id, &action, &payload, quirks, zone);
            Incoming::Call { id, action, request }
        }
        Ok(Decoded { value: Frame::CallResult { id, payload }, .. }) => {
            Incoming::Answer { message: id.as_str().parse().ok(), answer: Ok(payload) }
        }
        Ok(Decoded { value: Frame::CallError { id, code, description, .. }, .. }) => Incoming::Answer {
            message: id.as_str().parse().ok(),
            answer: Err(CallFault { code, description }),
        },
        Err(error) => broken(&error),
    }
}

/// The CALLRESULT to a station's call.
pub(crate) fn answer(id: &MessageId, answer: &Answer) -> String {
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
        Answer::Stop { verdict } => StopTransactionResponse { id_tag_info: verdict.map(id_tag_info) }.into(),
        Answer::MeterValues => MeterValuesResponse::default().into(),
        Answer::Status => StatusNotificationResponse::default().into(),
        Answer::Informs => return frame::encode_call_result(id, "{}"),
        Answer::VendorUnknown => {
            DataTransferResponse { status: DataTransferStatus::UnknownVendorId, data: None }.into()
        }
    };
    response.encode(id).unwrap_or_else(|error| {
        frame::encode_call_error(id, ErrorCode::InternalError.as_str(), &error.to_string())
    })
}

/// The refusal of whatever an unknown station calls besides its boot.
pub(crate) fn refusal_of_unknown(id: &MessageId) -> String {
    frame::encode_call_error(id, ErrorCode::SecurityError.as_str(), "the station is not registered")
}

/// How limits are written for one station.
pub(crate) struct Manner {
    /// What the station's clock shows now.
    pub station_now: Timestamp,
    /// For stations that take watts only: the lowest voltage to count with (CONTROL section 2).
    pub watts_at: Option<Volts>,
}

/// The CALL of ours, or why it cannot be said.
pub(crate) fn call(message: u64, call: &Call, manner: &Manner) -> Result<String, String> {
    let request: CsmsRequest = match call {
        Call::SetLive { connector, transaction, limit, limit_expired, lifetime } => {
            live_limit(*connector, *transaction, [*limit, *limit_expired], *lifetime, manner).into()
        }
        Call::SetFallback { connector, limit } => standing_fallback(*connector, *limit, manner).into(),
        Call::ClearLimits => ClearChargingProfileRequest {
            id: None,
            connector_id: None,
            charging_profile_purpose: None,
            stack_level: None,
        }
        .into(),
        Call::Measure { connector } => trigger(MessageTrigger::MeterValues, Some(*connector)),
        Call::AskStatus { connector } => trigger(MessageTrigger::StatusNotification, Some(*connector)),
        Call::Probe => trigger(MessageTrigger::Heartbeat, None),
        Call::Configure { setting, value } => {
            ChangeConfigurationRequest { key: key_of(*setting).to_owned(), value: value.clone() }.into()
        }
        Call::AskLimitUnit => GetConfigurationRequest { key: vec![LIMIT_UNIT_KEY.to_owned()] }.into(),
        Call::Start { connector, token } => RemoteStartTransactionRequest {
            connector_id: Some(ConnectorId(*connector)),
            id_tag: IdTag::from(token),
            charging_profile: None,
        }
        .into(),
        Call::Stop { transaction } => {
            RemoteStopTransactionRequest { transaction_id: ReportedTransaction::from(*transaction) }.into()
        }
        Call::Raw { action, payload } => {
            return Ok(frame::encode_call(&MessageId::numbered(message), action, payload));
        }
    };
    request.encode(&MessageId::numbered(message)).map_err(|error| error.to_string())
}

/// What a station's answer to `call` means.
pub(crate) fn outcome(call: &Call, payload: &Json<'_>) -> Outcome {
    let action = match call {
        Call::SetLive { .. } | Call::SetFallback { .. } => CsmsAction::SetChargingProfile,
        Call::ClearLimits => CsmsAction::ClearChargingProfile,
        Call::Measure { .. } | Call::AskStatus { .. } | Call::Probe => CsmsAction::TriggerMessage,
        Call::Configure { .. } => CsmsAction::ChangeConfiguration,
        Call::AskLimitUnit => CsmsAction::GetConfiguration,
        Call::Start { .. } => CsmsAction::RemoteStartTransaction,
        Call::Stop { .. } => CsmsAction::RemoteStopTransaction,
        Call::Raw { .. } => return Outcome::Accepted,
    };
    let response = match CsmsResponse::decode(action, payload) {
        Ok(decoded) => decoded.value,
        Err(error) => return Outcome::Rejected(error.to_string()),
    };
    let accepted_or = |is_accepted: bool, word: &str| {
        if is_accepted { Outcome::Accepted } else { Outcome::Rejected(word.to_owned()) }
    };
    match response {
        CsmsResponse::SetChargingProfile(response) => {
            accepted_or(response.status == ChargingProfileStatus::Accepted, response.status.as_str())
        }
        // Unknown: there was nothing to clear.
        CsmsResponse::ClearChargingProfile(response) => match response.status {
            ClearChargingProfileStatus::Accepted | ClearChargingProfileStatus::Unknown => Outcome::Accepted,
            ClearChargingProfileStatus::Other(word) => Outcome::Rejected(word),
        },
        CsmsResponse::TriggerMessage(response) => {
            accepted_or(response.status == TriggerMessageStatus::Accepted, response.status.as_str())
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
            accepted_or(response.status == AcceptedStatus::Accepted, response.status.as_str())
        }
        CsmsResponse::RemoteStopTransaction(response) => {
            accepted_or(response.status == AcceptedStatus::Accepted, response.status.as_str())
        }
        CsmsResponse::ChangeAvailability(_)
        | CsmsResponse::ClearCache(_)
        | CsmsResponse::DataTransfer(_)
        | CsmsResponse::GetCompositeSchedule(_)
        | CsmsResponse::Reset(_)
        | CsmsResponse::UnlockConnector(_) => Outcome::Accepted,
    }
}

/// What an operator's own call is to control.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RawCall {
    /// Nothing.
    Plain,
    /// A start: it goes the way of all starts.
    Start { connector: u16, token: IdToken },
    /// Not as asked (S1), with the reason and the way out.
    Refused(String),
}

/// Checks an operator's own call: its form, and whether it would change what an EVSE may draw (S1).
pub(crate) fn examine_raw(action: &str, payload: &str) -> RawCall {
    let json = match json::parse(payload, Limits::default().depth) {
        Ok(json @ Json::Object(_)) => json,
        Ok(_) => return RawCall::Refused("the payload is not a JSON object".to_owned()),
        Err(error) => return RawCall::Refused(format!("the payload is {error}")),
    };
    let request = match CsmsRequest::decode(action, &json) {
        Ok(decoded) => decoded.value,
        Err(PayloadError::UnknownAction { .. }) => {
            return RawCall::Refused(format!("`{action}` is no OCPP 1.6 action of ours"));
        }
        // A reservation or a local list says who may start; neither bears a limit.
        Err(PayloadError::UnsupportedAction { action: "SendLocalList" }) => {
            return RawCall::Refused(
                "S1: a local list lets transactions start without our acceptance; put the tokens into the directory"
                    .to_owned(),
            );
        }
        Err(PayloadError::UnsupportedAction { .. }) => return RawCall::Plain,
        Err(error) => return RawCall::Refused(error.to_string()),
    };
    match request {
        CsmsRequest::SetChargingProfile(_) | CsmsRequest::ClearChargingProfile(_) => {
            RawCall::Refused(format!(
                "S1: {action} bears limits, which only the site's control sets; change the EVSE's configuration instead"
            ))
        }
        CsmsRequest::ChangeConfiguration(request) => match limit_bearing(&request.key) {
            Some(reason) => RawCall::Refused(format!("S1: the setting {} {reason}", request.key)),
            None => RawCall::Plain,
        },
        CsmsRequest::RemoteStartTransaction(request) => raw_start(&request),
        CsmsRequest::ChangeAvailability(_)
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

fn raw_start(request: &RemoteStartTransactionRequest) -> RawCall {
    if request.charging_profile.is_some() {
        return RawCall::Refused(
            "S1: a start bears no profile of its own; control sets the limit".to_owned(),
        );
    }
    match (request.connector_id, request.id_tag.token()) {
        (Some(ConnectorId(connector)), Ok(token)) if connector > 0 => RawCall::Start { connector, token },
        (Some(_), Err(error)) => RawCall::Refused(error.to_string()),
        (Some(_) | None, _) => RawCall::Refused("S1: a start names the connector, from 1".to_owned()),
    }
}

/// Why a setting is control's own business.
fn limit_bearing(key: &str) -> Option<&'static str> {
    const RATES: [&str; 12] = [
        "maxcurrent",
        "currentmax",
        "currentlimit",
        "maxpower",
        "powerlimit",
        "chargerate",
        "chargingrate",
        "chargecurrent",
        "chargingcurrent",
        "maxamp",
        "ratedcurrent",
        "loadbalanc",
    ];
    const STARTS: [&str; 5] =
        ["localpreauthorize", "authorizationcacheenabled", "allowofflinetx", "freemode", "freevend"];
    let key: String = key.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    if key.contains("chargingrateunit") {
        return None;
    }
    if RATES.iter().any(|word| key.contains(word)) {
        return Some("bears limits, which only the site's control sets");
    }
    STARTS.iter().any(|word| key.contains(word)).then_some(
        "lets transactions start without our acceptance; state `starts_alone` in the site's configuration first",
    )
}

fn names_watts_only(units: &str) -> bool {
    let units = units.to_ascii_lowercase();
    let mut words = units.split([',', ' ', ';']).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(|word| matches!(word, "power" | "w" | "watt" | "watts"))
}

fn broken<'a>(error: &FrameError) -> Incoming<'a> {
    Incoming::Broken { reply: ocpp::v16::answer_to_frame(error) }
}

fn request_from(
    id: &MessageId,
    action: &str,
    payload: &Json<'_>,
    mut quirks: Vec<Quirk>,
    zone: &Zone,
) -> Result<Decoded<Request>, Unread> {
    match StationRequest::decode(action, payload) {
        Ok(decoded) => {
            quirks.extend(decoded.quirks);
            Ok(Decoded { value: request(decoded.value, zone), quirks })
        }
        Err(PayloadError::UnsupportedAction { .. }) if INFORMING.contains(&action) => {
            Ok(Decoded { value: Request::Informs, quirks })
        }
        Err(error) => Err(match action {
            "StartTransaction" => Unread::Transaction(TransactionMessage::Start),
            "StopTransaction" => Unread::Transaction(TransactionMessage::Stop),
            "MeterValues" => Unread::Transaction(TransactionMessage::MeterValues),
            _ => Unread::Refused(ocpp::v16::answer_to_payload(id, &error)),
        }),
    }
}

fn request(request: StationRequest, zone: &Zone) -> Request {
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
        connector: request.connector_id.0,
        ev: ev_state(&request.status),
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
        connector: request.connector_id.0,
        token: request.id_tag.token().ok(),
        register: request.meter_start,
        at: request.timestamp.instant_in(zone),
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
        connector: request.connector_id.0,
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
            take(&mut sample, sampled);
        }
    }
    sample
}

fn take(sample: &mut Sample, sampled: &SampledValue) {
    let line = sampled.line();
    let is_total = sampled.phase.is_none();
    match sampled.measurand() {
        Measurand::EnergyActiveImportRegister if is_total => {
            if let Some(register) = sampled.as_energy() {
                sample.register = Some((register, reading_context(sampled)));
            }
        }
        Measurand::CurrentImport => match (line, sampled.as_current()) {
            (Some(line), Some(current)) => sample.current[line] = Some(current),
            (None, Some(current)) if is_total => sample.current_total = Some(current),
            (None | Some(_), _) => {}
        },
        Measurand::CurrentOffered => {
            if let Some(offered) = sampled.as_current() {
                sample.offered = Some(sample.offered.map_or(offered, |other: Amperes| other.max(offered)));
            }
        }
        Measurand::PowerActiveImport => match (line, sampled.as_power()) {
            (Some(line), Some(power)) => sample.power[line] = Some(power),
            (None, Some(power)) if is_total => sample.power_total = Some(power),
            (None | Some(_), _) => {}
        },
        Measurand::Voltage => match (line, sampled.as_voltage()) {
            (Some(line), Some(volts)) => sample.measured_voltage[line] = Some(volts),
            (None, Some(volts)) if is_total => {
                for line in Phase::ALL {
                    sample.measured_voltage[line].get_or_insert(volts);
                }
            }
            (None | Some(_), _) => {}
        },
        Measurand::EnergyActiveImportRegister
        | Measurand::CurrentExport
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
        | Measurand::Other(_) => {}
    }
}

/// The registers of begin and end come with start and stop; a sample is never either.
fn reading_context(sampled: &SampledValue) -> ReadingContext {
    if *sampled.context() == ocpp::v16::ReadingContext::SampleClock {
        ReadingContext::Clock
    } else {
        ReadingContext::Periodic
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

/// Two periods: the limit for its lifetime from now, then what holds when we are silent; no duration, since what
/// follows an expired profile is not specified (CONTROL section 3).
fn live_limit(
    connector: u16,
    transaction: TransactionId,
    [limit, limit_expired]: [Amperes; 2],
    lifetime: TimeSpan,
    manner: &Manner,
) -> SetChargingProfileRequest {
    let periods = [(TimeSpan::ZERO, limit), (SCHEDULE_STARTED_AGO + lifetime, limit_expired)];
    let schedule = ChargingSchedule {
        duration: None,
        start_schedule: StationTime::from(manner.station_now - SCHEDULE_STARTED_AGO),
        limits: schedule_limits(&periods, manner),
        min_charging_rate: None,
    };
    SetChargingProfileRequest {
        connector_id: ConnectorId(connector),
        charging_profile: ChargingProfile {
            charging_profile_id: i32::from(connector) * PROFILES_PER_CONNECTOR + PROFILE_LIVE,
            transaction_id: ReportedTransaction::from(transaction),
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
fn standing_fallback(connector: u16, limit: Amperes, manner: &Manner) -> SetChargingProfileRequest {
    SetChargingProfileRequest {
        connector_id: ConnectorId(connector),
        charging_profile: ChargingProfile {
            charging_profile_id: i32::from(connector) * PROFILES_PER_CONNECTOR + PROFILE_FALLBACK,
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

/// A limit in W is the total over phases; as long as the phases in use are not proven it may all flow in one.
fn schedule_limits(periods: &[(TimeSpan, Amperes)], manner: &Manner) -> ScheduleLimits {
    match manner.watts_at {
        None => ScheduleLimits::Amperes(
            periods.iter().map(|&(start, limit)| ChargingSchedulePeriod::new(start, limit)).collect(),
        ),
        Some(volts) => ScheduleLimits::Watts(
            periods
                .iter()
                .map(|&(start, limit)| ChargingSchedulePeriod::new(start, limit.at_voltage_floor(volts)))
                .collect(),
        ),
    }
}

fn trigger(requested_message: MessageTrigger, connector: Option<u16>) -> CsmsRequest {
    TriggerMessageRequest { requested_message, connector_id: connector.map(ConnectorId) }.into()
}

const fn key_of(setting: Setting) -> &'static str {
    match setting {
        Setting::MeasureInterval => "MeterValueSampleInterval",
        Setting::Measured => "MeterValuesSampledData",
    }
}

/// What a station is to measure in a transaction.
pub(crate) const MEASURED: &str =
    "Energy.Active.Import.Register,Current.Import,Current.Offered,Power.Active.Import,Voltage";
