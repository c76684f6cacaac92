//! Between the domain's messages and the wire of whichever version a link speaks. What the versions say alike is here,
//! what each says in its own words in `v16` and `v201`.

use std::borrow::Cow;

use billing::cdr::ReadingContext;
use ocpp::frame::{self, Frame, MessageId, MessageKind};
use ocpp::json::{self, Json};
use ocpp::v201::{ChargingSchedulePeriod, ScheduleLimits};
use ocpp::{Decoded, EncodeError, Limits, PayloadError, Quirk, Version};
use units::civil::Zone;
use units::{Amperes, IdToken, TimeSpan, Timestamp, Volts};

use crate::message::{Answer, Call, Outcome, Request, TransactionMessage};
use crate::quirks::{LimitPurpose, Quirks};
use crate::upkeep::{Told, Verdict};
use crate::{v16, v201};

/// One profile id per EVSE and purpose: `EVSE · 10 + purpose` (CONTROL section 3).
const PROFILES_PER_EVSE: i32 = 10;
/// A live schedule begins this long ago, so that no station waits for its start, nor loses it when its clock is set back.
pub(crate) const SCHEDULE_STARTED_AGO: TimeSpan = TimeSpan::from_hours(1);
/// Both versions have it (OCPP 1.6 Security Whitepaper; OCPP 2.0.1 part 4 section 4.3).
const SECURITY_ERROR: &str = "SecurityError";

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
    /// The station could not read our answer to a call of its own.
    AnswerRefused,
    /// What awaits no answer: nothing of the kind is wanted from stations.
    Unanswered,
    /// No frame, with the CALLERROR that answers it where one can.
    Broken {
        reason: String,
        reply: Option<String>,
        /// The call of ours that it would answer.
        answers: Option<u64>,
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
pub(crate) fn read<'a>(version: Version, text: &'a str, limits: &Limits, zone: &Zone) -> Incoming<'a> {
    match frame::decode_in(version, text, limits) {
        Ok(Decoded { value: Frame::Call { id, action, payload }, mut quirks }) => {
            let request = match version {
                Version::V16 => v16::request(&id, &action, &payload, zone),
                Version::V201 | Version::V21 => v201::request(version, &id, &action, &payload, zone),
            };
            let request = request.map(|decoded| {
                quirks.extend(decoded.quirks);
                Decoded { value: decoded.value, quirks }
            });
            Incoming::Call { id, action, request }
        }
        Ok(Decoded { value: Frame::CallResult { id, payload }, .. }) => {
            Incoming::Answer { message: id.as_str().parse().ok(), answer: Ok(payload) }
        }
        Ok(Decoded { value: Frame::CallError { id, code, description, .. }, .. }) => Incoming::Answer {
            message: id.as_str().parse().ok(),
            answer: Err(CallFault { code, description }),
        },
        Ok(Decoded { value: Frame::CallResultError { .. }, .. }) => Incoming::AnswerRefused,
        Ok(Decoded { value: Frame::Send { .. }, .. }) => Incoming::Unanswered,
        Err(error) => Incoming::Broken {
            reason: error.fault.to_string(),
            answers: match error.kind {
                Some(MessageKind::CallResult | MessageKind::CallError) => {
                    error.id.as_ref().and_then(|id| id.as_str().parse().ok())
                }
                Some(MessageKind::Call | MessageKind::CallResultError | MessageKind::Send) | None => None,
            },
            reply: match version {
                Version::V16 => ocpp::v16::answer_to_frame(&error),
                Version::V201 | Version::V21 => ocpp::v201::answer_to_frame(&error),
            },
        },
    }
}

/// The CALLRESULT to a station's call.
pub(crate) fn answer(version: Version, now: Timestamp, id: &MessageId, answer: &Answer) -> String {
    let text = match version {
        Version::V16 => v16::answer(id, answer),
        Version::V201 | Version::V21 => v201::answer(version, now, id, answer),
    };
    text.unwrap_or_else(|error| frame::encode_call_error(id, "InternalError", &error.to_string()))
}

/// The refusal of whatever an unknown station calls besides its boot (FIELD section 6, trap 1).
pub(crate) fn refusal_of_unknown(id: &MessageId) -> String {
    frame::encode_call_error(id, SECURITY_ERROR, "the station is not registered")
}

/// How limits are written for one station.
pub(crate) struct Manner<'a> {
    /// What the station's clock shows now.
    pub station_now: Timestamp,
    /// For stations that take watts only: the lowest voltage to count with (CONTROL section 2).
    pub watts_at: Option<Volts>,
    /// What its model is known to take.
    pub quirks: &'a Quirks,
}

impl Manner<'_> {
    /// Several stations accept no other level than 0 (FIELD section 4b, 10 and 11).
    pub fn stack_level(&self) -> u32 {
        self.quirks.stack_level.unwrap_or(0)
    }

    /// Which of our profiles bears a live limit, and so under which purpose.
    pub fn live_profile(&self) -> Profile {
        match self.quirks.limit_purpose {
            Some(LimitPurpose::TxDefaultProfile) => Profile::Fallback,
            Some(LimitPurpose::TxProfile) | None => Profile::Live,
        }
    }

    /// Its live schedules begin with the transaction, and hold until they are replaced.
    pub fn is_relative(&self) -> bool {
        self.quirks.is_one_period()
    }
}

/// The CALL of ours, or why it cannot be said.
pub(crate) fn call(
    version: Version,
    message: u64,
    call: &Call,
    manner: &Manner<'_>,
) -> Result<String, String> {
    let id = MessageId::numbered(message);
    match (version, call) {
        (_, Call::Raw { action, payload }) => Ok(frame::encode_call(&id, action, payload)),
        (Version::V16, Call::Ask(ask)) => {
            v16::orders::call(ask, manner).map(|(action, payload)| frame::encode_call(&id, action, &payload))
        }
        (Version::V201 | Version::V21, Call::Ask(ask)) => {
            v201::orders::call(ask, manner).map(|(action, payload)| frame::encode_call(&id, action, &payload))
        }
        (Version::V16, call) => {
            v16::call(call, manner).and_then(|call| call.encode(&id).map_err(|error| error.to_string()))
        }
        (Version::V201 | Version::V21, call) => v201::call(call, manner)
            .and_then(|call| call.encode_in(version, &id).map_err(|error| error.to_string())),
    }
}

/// What a station's answer to `call` means.
pub(crate) fn outcome(version: Version, call: &Call, payload: &Json<'_>) -> Outcome {
    let outcome = match version {
        Version::V16 => v16::outcome(call, payload),
        Version::V201 | Version::V21 => v201::outcome(version, call, payload),
    };
    outcome.unwrap_or_else(|error| Outcome::Rejected(error.to_string()))
}

/// The action of a CALL of ours, whose id has no need of escapes.
pub(crate) fn action_of(call: &str) -> &str {
    call.split('"').nth(3).unwrap_or_default()
}

/// The CALLRESULTERROR that tells a station that its answer to our call cannot be read: from OCPP 2.1 on
/// (part 4, "CALLRESULTERROR"). Where the answer can be read, or the version has no such message, nothing.
pub(crate) fn refusal_of_answer(
    version: Version,
    message: u64,
    action: &str,
    payload: &Json<'_>,
) -> Option<String> {
    if version < Version::V21 {
        return None;
    }
    let read = if is_of_21(action) {
        ocpp::v21::CsmsAction::named(action)
            .and_then(|action| ocpp::v21::CsmsResponse::decode(action, payload))
            .map(|read| read.quirks)
    } else {
        ocpp::v201::CsmsAction::named(action)
            .and_then(|action| ocpp::v201::CsmsResponse::decode_in(version, action, payload))
            .map(|read| read.quirks)
    };
    // What was done without is unread too; an action that is not ours was an operator's, and nothing is known of it.
    let unread = |quirk: &Quirk| match *quirk {
        Quirk::MissingField { field } => Some(PayloadError::Missing { field }),
        Quirk::WrongType { field } | Quirk::ObjectAsText { field } => {
            Some(PayloadError::Type { field, expected: "of its type in the standard" })
        }
        Quirk::RepairedMissingValue
        | Quirk::RepairedLeadingComma
        | Quirk::RepairedTruncatedList
        | Quirk::NumberAsMessageId
        | Quirk::LongMessageId
        | Quirk::EmptyPayloadForm
        | Quirk::LooseCallError
        | Quirk::NumberAsText { .. }
        | Quirk::TextAsNumber { .. }
        | Quirk::FractionInWhole { .. }
        | Quirk::NullAsAbsent { .. }
        | Quirk::EmptyText { .. }
        | Quirk::LongText { .. }
        | Quirk::UnknownWord { .. }
        | Quirk::MisspeltWord { .. }
        | Quirk::OutOfRange { .. }
        | Quirk::ObjectAsList { .. }
        | Quirk::TimeWithoutZone { .. }
        | Quirk::UnreadableTime { .. }
        | Quirk::UnreadableSchedule => None,
    };
    let error = match read {
        Ok(quirks) => quirks.iter().find_map(unread)?,
        Err(PayloadError::UnknownAction { .. } | PayloadError::UnsupportedAction { .. }) => return None,
        Err(error) => error,
    };
    Some(ocpp::v21::refusal_of_answer(&MessageId::numbered(message), &error))
}

/// As [`refusal_of_answer`], of an answer whose payload is no object or whose frame is broken.
pub(crate) fn refusal_of_broken_answer(version: Version, message: u64) -> Option<String> {
    let id = MessageId::numbered(message);
    (version >= Version::V21).then(|| ocpp::v21::refusal_of_answer(&id, &PayloadError::NotAnObject))
}

/// What a station's answer to a call of upkeep means.
pub(crate) fn told(version: Version, call: &Call, payload: &Json<'_>) -> Told {
    let status = payload.get("status").and_then(Json::as_text);
    match (version, call) {
        (Version::V16, Call::Ask(ask)) => v16::orders::told(ask, status, payload),
        (Version::V201 | Version::V21, Call::Ask(ask)) => v201::orders::told(ask, status, payload),
        (Version::V16 | Version::V201 | Version::V21, _) => {
            let told = status.map_or_else(|| Told::new(Verdict::Done, "answered"), Told::status);
            Told { value: Some(ocpp::redact(&payload.to_string())), ..told }
        }
    }
}

/// The action that reads settings.
pub(crate) const fn reading_action(version: Version) -> &'static str {
    match version {
        Version::V16 => "GetConfiguration",
        Version::V201 | Version::V21 => "GetVariables",
    }
}

/// What an operator's own call is to control.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RawCall {
    /// Nothing.
    Plain,
    /// A start: it goes the way of all starts.
    Start { evse: u16, token: IdToken },
    /// A local list that lets tokens start without our acceptance.
    AdmittingList,
    /// Not as asked (S1), with the reason and the way out.
    Refused(String),
}

/// Checks an operator's own call: its form, and whether it would change what an EVSE may draw (S1).
pub(crate) fn examine_raw(version: Version, action: &str, payload: &str) -> RawCall {
    let json = match json::parse(payload, Limits::default().depth) {
        Ok(json @ Json::Object(_)) => json,
        Ok(_) => return RawCall::Refused("the payload is not a JSON object".to_owned()),
        Err(error) => return RawCall::Refused(format!("the payload is {error}")),
    };
    let examined = match version {
        Version::V16 => v16::examine_raw(action, &json),
        Version::V201 => v201::examine_raw(version, action, &json),
        Version::V21 if is_of_21(action) => v201::examine_raw_21(action, &json),
        Version::V21 => v201::examine_raw(version, action, &json),
    };
    let refused = |error| match error {
        PayloadError::UnknownAction { .. } => {
            RawCall::Refused(format!("`{action}` is no {version} action of ours"))
        }
        error @ (PayloadError::NotAnObject
        | PayloadError::Missing { .. }
        | PayloadError::Type { .. }
        | PayloadError::Value { .. }
        | PayloadError::UnsupportedAction { .. }) => RawCall::Refused(error.to_string()),
    };
    let Examined { call, quirks, written } = match examined {
        Ok(examined) => examined,
        Err(error) => return refused(error),
    };
    match (call, sendable(&json, &quirks, written)) {
        (RawCall::Plain | RawCall::AdmittingList, Err(reason)) => RawCall::Refused(reason),
        (call, _) => call,
    }
}

/// As [`harm`], of a frame of ours.
pub(crate) fn harm_of_frame(quirks: &Quirks, text: &str) -> Option<String> {
    if !quirks.is_harmed_by_anything() {
        return None;
    }
    match frame::decode(text, &Limits::default()) {
        Ok(Decoded { value: Frame::Call { action, payload, .. }, .. }) => harm(quirks, &action, &payload),
        Ok(_) | Err(_) => None,
    }
}

/// What a model's quirks say against a call of ours, which harms the station.
pub(crate) fn harm(quirks: &Quirks, action: &str, payload: &Json<'_>) -> Option<String> {
    if !quirks.may_call(action) {
        return Some(action.to_owned());
    }
    let text = |json: &Json<'_>, key: &str| json.get(key).and_then(Json::as_text).map(ToOwned::to_owned);
    match action {
        "TriggerMessage" | "ExtendedTriggerMessage" => {
            let message = text(payload, "requestedMessage")?;
            (!quirks.may_trigger(&message)).then(|| format!("{action} of {message}"))
        }
        "ChangeConfiguration" => {
            let key = text(payload, "key")?;
            (!quirks.may_set(&key)).then(|| format!("setting {key}"))
        }
        "SetVariables" => {
            let Some(Json::List(data)) = payload.get("setVariableData") else { return None };
            let names = data.iter().filter_map(|set| {
                let component = text(set.get("component")?, "name")?;
                Some((component, text(set.get("variable")?, "name")?))
            });
            let harmful = |(component, variable): &(String, String)| {
                !quirks.may_set(variable) || !quirks.may_set(&format!("{component}.{variable}"))
            };
            names
                .into_iter()
                .find(harmful)
                .map(|(component, variable)| format!("setting {component}.{variable}"))
        }
        _ => None,
    }
}

/// An operator's own call, as it was understood.
pub(crate) struct Examined {
    pub call: RawCall,
    pub quirks: Vec<Quirk>,
    /// The payload as we would write it.
    pub written: Result<String, EncodeError>,
}

/// Whether OCPP 2.1 has the action and OCPP 2.0.1 has not.
pub(crate) fn is_of_21(action: &str) -> bool {
    let is_known = |error: PayloadError| matches!(error, PayloadError::UnsupportedAction { .. });
    ocpp::v21::CsmsAction::named(action).map_or_else(is_known, |_| true)
        || ocpp::v21::StationAction::named(action).map_or_else(is_known, |_| true)
}

/// Whether the payload may be sent as it was written: all of it is in the standard, and nothing is missing.
fn sendable(
    payload: &Json<'_>,
    quirks: &[Quirk],
    written: Result<String, EncodeError>,
) -> Result<(), String> {
    let written = written.map_err(|error| error.to_string())?;
    if let Some(Quirk::MissingField { field }) = quirks.first() {
        return Err(format!("{field} is missing"));
    }
    if let Some(quirk) = quirks.first() {
        return Err(format!("the standard does not allow {quirk}"));
    }
    let written = json::parse(&written, json::DEPTH_MAX).map_err(|error| error.to_string())?;
    match foreign_member(payload, &written) {
        Some(name) => Err(format!("the standard has no {name} here, or has it once: take it out")),
        None => Ok(()),
    }
}

/// A member that the standard does not have where it stands, or that stands there twice; vendors' own data may.
fn foreign_member(payload: &Json<'_>, written: &Json<'_>) -> Option<String> {
    match (payload, written) {
        (Json::Object(members), Json::Object(_)) => members.iter().find_map(|(name, value)| {
            let is_repeated = members.iter().filter(|(other, _)| other == name).count() > 1;
            match written.get(name) {
                None if name == "customData" => None,
                Some(written) if !is_repeated => foreign_member(value, written),
                Some(_) | None => Some(name.to_string()),
            }
        }),
        (Json::List(items), Json::List(written)) => {
            items.iter().zip(written).find_map(|(item, written)| foreign_member(item, written))
        }
        (
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_),
            _,
        ) => None,
    }
}

/// The refusal of a local list where control does not count with starts that nobody accepted.
pub(crate) const ADMITTING_LIST_REFUSED: &str = "S1: a local list lets transactions start without our acceptance; put \
     the tokens into the directory, or state `starts_alone` for all EVSEs of the station in the site's configuration";

/// The refusal of a call that bears limits.
pub(crate) fn refused_as_limit(action: &str) -> RawCall {
    RawCall::Refused(format!(
        "S1: {action} bears limits, which only the site's control sets; change the EVSE's configuration instead"
    ))
}

/// A start as an operator wrote it.
pub(crate) fn raw_start(evse: Option<u16>, token: Result<IdToken, units::id::InvalidId>) -> RawCall {
    match (evse, token) {
        (Some(evse), Ok(token)) if evse > 0 => RawCall::Start { evse, token },
        (Some(_), Err(error)) => RawCall::Refused(error.to_string()),
        (Some(_) | None, _) => {
            RawCall::Refused("S1: a start names its EVSE (in OCPP 1.6 the connector), from 1".to_owned())
        }
    }
}

/// The refusal of a start that bears limits of its own.
pub(crate) fn refused_start_with_profile() -> RawCall {
    RawCall::Refused("S1: a start bears no profile of its own; control sets the limit".to_owned())
}

/// The refusal of a change of the setting `name`, where it is control's own business.
pub(crate) fn refused_setting(name: &str) -> Option<RawCall> {
    reason_against_setting(name).map(|reason| RawCall::Refused(format!("S1: the setting {name} {reason}")))
}

/// Why a setting is control's own business.
pub(crate) fn reason_against_setting(name: &str) -> Option<&'static str> {
    const RATES: [&str; 13] = [
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
        "smartchargingctrlr",
    ];
    const STARTS: [&str; 12] = [
        "localpreauthorize",
        "authorizationcacheenabled",
        "allowofflinetx",
        "freemode",
        "freevend",
        "authctrlrenabled",
        "authcachectrlrenabled",
        "localauthlistctrlrenabled",
        "localauthorizeoffline",
        "offlinetxforunknown",
        "stoptxoninvalidid",
        "contractvalidationoffline",
    ];
    let name: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    if name.contains("chargingrateunit") {
        return None;
    }
    if RATES.iter().any(|word| name.contains(word)) {
        return Some("bears limits, which only the site's control sets");
    }
    STARTS.iter().any(|word| name.contains(word)).then_some(
        "lets transactions start without our acceptance; state `starts_alone` in the site's configuration first",
    )
}

/// Whether a station's words for the units of limits name power and nothing else.
pub(crate) fn names_watts_only(units: &str) -> bool {
    let units = units.to_ascii_lowercase();
    let mut words = units.split([',', ' ', ';']).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(|word| matches!(word, "power" | "w" | "watt" | "watts"))
}

/// The profiles that are ours at an EVSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Live,
    Fallback,
}

impl Profile {
    pub fn id(self, evse: u16) -> i32 {
        let place = match self {
            Self::Live => 1,
            Self::Fallback => 2,
        };
        i32::from(evse) * PROFILES_PER_EVSE + place
    }
}

/// Two periods: the limit for its lifetime from now, then what holds when we are silent; no duration, since what
/// follows an expired profile is not specified (CONTROL section 3).
pub(crate) fn live_limits(
    [limit, limit_expired]: [Amperes; 2],
    lifetime: TimeSpan,
    manner: &Manner<'_>,
) -> ScheduleLimits {
    if manner.is_relative() {
        return schedule_limits(&[(TimeSpan::ZERO, limit)], manner);
    }
    schedule_limits(&[(TimeSpan::ZERO, limit), (SCHEDULE_STARTED_AGO + lifetime, limit_expired)], manner)
}

/// A limit in W is the total over phases; as long as the phases in use are not proven it may all flow in one.
pub(crate) fn schedule_limits(periods: &[(TimeSpan, Amperes)], manner: &Manner<'_>) -> ScheduleLimits {
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

/// Accepted, or refused with the station's word.
pub(crate) fn accepted_or_refused(is_accepted: bool, word: &str) -> Outcome {
    if is_accepted { Outcome::Accepted } else { Outcome::Rejected(word.to_owned()) }
}

/// The registers of begin and end are those that say so.
pub(crate) const fn reading_context(context: &ocpp::v201::ReadingContext) -> ReadingContext {
    use ocpp::v201::ReadingContext as Context;
    match context {
        Context::TransactionBegin => ReadingContext::Begin,
        Context::TransactionEnd => ReadingContext::End,
        Context::SampleClock => ReadingContext::Clock,
        Context::SamplePeriodic
        | Context::Trigger
        | Context::InterruptionBegin
        | Context::InterruptionEnd
        | Context::OtherContext
        | Context::Other(_) => ReadingContext::Periodic,
    }
}
