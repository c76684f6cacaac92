//! OCPP-J frames: `[2, id, action, payload]`, `[3, id, payload]`, `[4, id, code, description, details]`; in OCPP 2.1 also
//! `[5, id, code, description, details]` and `[6, id, action, payload]`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use crate::json::{self, Json, JsonError};
use crate::quirk::{Decoded, Quirk};
use crate::repair;
use crate::version::Version;

/// What is read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a frame; 256 KiB by default.
    pub bytes: usize,
    /// Nested arrays and objects, the frame's own array included; 32 by default, never more than
    /// [`json::DEPTH_MAX`].
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 256 * 1024, depth: 32 }
    }
}

/// A frame, its texts borrowed where they could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A call: it awaits an answer.
    Call {
        /// The caller's id.
        id: MessageId,
        /// The action.
        action: Cow<'a, str>,
        /// An object.
        payload: Json<'a>,
    },
    /// The answer to a call.
    CallResult {
        /// The id of the call.
        id: MessageId,
        /// An object.
        payload: Json<'a>,
    },
    /// The refusal of a call.
    CallError {
        /// The id of the call.
        id: MessageId,
        /// The error code, as it came: stations use codes of other versions.
        code: String,
        /// For people; empty where none came.
        description: String,
        /// An object as the standard has it, or whatever came.
        details: Json<'a>,
    },
    /// The refusal of an answer, from OCPP 2.1 on.
    CallResultError {
        /// The id of the call and of its answer.
        id: MessageId,
        /// The error code, as it came.
        code: String,
        /// For people; empty where none came.
        description: String,
    },
    /// What awaits no answer and never has one, from OCPP 2.1 on.
    Send {
        /// The sender's id.
        id: MessageId,
        /// The action.
        action: Cow<'a, str>,
        /// An object.
        payload: Json<'a>,
    },
}

/// What ties an answer to its call: 1 to [`MessageId::LENGTH_MAX`] characters. Two ids are equal if their texts are.
#[derive(Debug, Clone)]
pub struct MessageId {
    text: String,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Number,
}

impl MessageId {
    /// OCPP-J 1.6 section 4.1.4: at most 36 characters, "to allow for GUIDs".
    pub const LENGTH_STANDARD: usize = 36;
    /// Longer ids are refused: every answer would carry them.
    pub const LENGTH_MAX: usize = 255;

    /// An id of ours; `None` where it is empty or longer than the standard allows.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_sendable = !text.is_empty() && text.chars().count() <= Self::LENGTH_STANDARD;
        is_sendable.then(|| Self { text: text.to_owned(), form: Form::Text })
    }

    /// The id of our call number `count`.
    #[must_use]
    pub fn numbered(count: u64) -> Self {
        Self { text: count.to_string(), form: Form::Text }
    }

    /// What stands for an id that cannot be read (OCPP 2.0.1 part 4 section 4.2.3).
    #[must_use]
    pub fn unreadable() -> Self {
        Self { text: String::from("-1"), form: Form::Text }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn received(text: &str, form: Form) -> Option<Self> {
        let is_held = !text.is_empty() && text.chars().count() <= Self::LENGTH_MAX;
        is_held.then(|| Self { text: text.to_owned(), form })
    }

    /// The id as JSON: a station that sends a number expects a number back.
    fn write(&self, out: &mut String) {
        match self.form {
            Form::Number => out.push_str(&self.text),
            Form::Text => push_text(out, &self.text),
        }
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for MessageId {}

impl PartialOrd for MessageId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MessageId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// Message type 2.
    Call,
    /// Message type 3.
    CallResult,
    /// Message type 4.
    CallError,
    /// Message type 5, from OCPP 2.1 on.
    CallResultError,
    /// Message type 6, from OCPP 2.1 on.
    Send,
}

/// Why a text is not a frame, with what of its envelope could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameError {
    /// What is wrong.
    pub fault: FrameFault,
    /// The kind, where it could be read.
    pub kind: Option<MessageKind>,
    /// The message id, where it could be read.
    pub id: Option<MessageId>,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// More bytes than allowed.
    #[error("frame of {length} bytes, more than {limit}")]
    TooBig {
        /// Its bytes.
        length: usize,
        /// The bytes allowed.
        limit: usize,
    },
    /// Not JSON, and none of the known repairs helps.
    #[error("not JSON at byte {at}")]
    NotJson {
        /// Where the grammar breaks, in bytes from the start.
        at: usize,
    },
    /// Nested too deeply.
    #[error("nested deeper than {limit}")]
    TooDeep {
        /// The levels allowed.
        limit: usize,
    },
    /// JSON, but no array.
    #[error("not an array")]
    NotAnArray,
    /// A message type that the version does not have.
    #[error("unknown message type")]
    MessageType,
    /// Fewer or more elements than the kind has.
    #[error("{count} elements, which no message of this type has")]
    ElementCount {
        /// The elements that came.
        count: usize,
    },
    /// An id that is empty, too long, or neither a text nor a whole number.
    #[error("message id is not a text of 1 to 255 characters")]
    MessageId,
    /// An action that is not a text.
    #[error("action is not a text")]
    Action,
    /// A payload that is not an object.
    #[error("payload is not an object")]
    Payload,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "message {id}: {}", self.fault),
            None => self.fault.fmt(f),
        }
    }
}

impl std::error::Error for FrameError {}

impl FrameError {
    /// The id to answer with a CALLERROR; `None` where the fault may only be logged, because the frame is not known to
    /// be a call or its id cannot be read. (An answer to an answer would be taken for the answer to something else.)
    #[must_use]
    pub fn answer_to(&self) -> Option<&MessageId> {
        match self.kind {
            Some(MessageKind::Call) => self.id.as_ref(),
            Some(
                MessageKind::CallResult
                | MessageKind::CallError
                | MessageKind::CallResultError
                | MessageKind::Send,
            )
            | None => None,
        }
    }
}

/// Reads one frame as all versions have it. Broken JSON of known stations is repaired where plain reading fails, and the repair is a quirk.
///
/// # Errors
///
/// Where the text is no frame; the error says whom to answer.
pub fn decode<'a>(text: &'a str, limits: &Limits) -> Result<Decoded<Frame<'a>>, FrameError> {
    decode_in(Version::V16, text, limits)
}

/// [`decode`] with the message types of `version`.
///
/// # Errors
///
/// Where the text is no frame; the error says whom to answer.
pub fn decode_in<'a>(
    version: Version,
    text: &'a str,
    limits: &Limits,
) -> Result<Decoded<Frame<'a>>, FrameError> {
    if text.len() > limits.bytes {
        return Err(fault_in(text, FrameFault::TooBig { length: text.len(), limit: limits.bytes }));
    }
    match json::parse(text, limits.depth) {
        Ok(json) => frame_from(version, json, Vec::new()),
        Err(JsonError::TooDeep { limit, .. }) => Err(fault_in(text, FrameFault::TooDeep { limit })),
        Err(JsonError::Syntax { at }) => {
            let not_json = || fault_in(text, FrameFault::NotJson { at });
            let (repaired, quirks) = repair::repair(text).ok_or_else(not_json)?;
            let json = json::parse(&repaired, limits.depth).map_err(|_| not_json())?;
            frame_from(version, json.into_owned(), quirks)
        }
    }
}

/// The text of a CALL; `payload` is a JSON object.
#[must_use]
pub fn encode_call(id: &MessageId, action: &str, payload: &str) -> String {
    let mut out = String::with_capacity(payload.len() + action.len() + 48);
    out.push_str("[2,");
    id.write(&mut out);
    out.push(',');
    push_text(&mut out, action);
    out.push(',');
    out.push_str(payload);
    out.push(']');
    out
}

/// The text of a CALLRESULT; `payload` is a JSON object.
#[must_use]
pub fn encode_call_result(id: &MessageId, payload: &str) -> String {
    let mut out = String::with_capacity(payload.len() + 48);
    out.push_str("[3,");
    id.write(&mut out);
    out.push(',');
    out.push_str(payload);
    out.push(']');
    out
}

/// The text of a CALLERROR without details; `description` is cut at the 255 characters of the standard.
#[must_use]
pub fn encode_call_error(id: &MessageId, code: &str, description: &str) -> String {
    let mut out = String::from("[4,");
    id.write(&mut out);
    out.push(',');
    push_text(&mut out, code);
    out.push(',');
    push_text(&mut out, &description.chars().take(255).collect::<String>());
    out.push_str(",{}]");
    out
}

/// The text of a CALLRESULTERROR without details, which only OCPP 2.1 has; `description` is cut at 255 characters.
#[must_use]
pub fn encode_call_result_error(id: &MessageId, code: &str, description: &str) -> String {
    encode_call_error(id, code, description).replacen('4', "5", 1)
}

fn frame_from(
    version: Version,
    json: Json<'_>,
    mut quirks: Vec<Quirk>,
) -> Result<Decoded<Frame<'_>>, FrameError> {
    let about_nothing = |fault| FrameError { fault, kind: None, id: None };
    let Json::List(elements) = json else { return Err(about_nothing(FrameFault::NotAnArray)) };
    let count = elements.len();
    let mut elements = elements.into_iter();
    let Some(kind) = elements.next() else {
        return Err(about_nothing(FrameFault::ElementCount { count }));
    };
    let kind = kind_of(&kind).filter(|kind| *kind <= MessageKind::CallError || version >= Version::V21);
    let id = elements.next().as_ref().and_then(id_of);
    let fault = |fault| FrameError { fault, kind, id: id.clone() };
    let Some(kind) = kind else { return Err(fault(FrameFault::MessageType)) };
    let (fewest, most) = match kind {
        MessageKind::Call | MessageKind::Send => (4, 4),
        MessageKind::CallResult => (3, 3),
        MessageKind::CallError | MessageKind::CallResultError => (3, 5),
    };
    if count < fewest || count > most {
        return Err(fault(FrameFault::ElementCount { count }));
    }
    let Some(id) = id.clone() else { return Err(fault(FrameFault::MessageId)) };
    if matches!(id.form, Form::Number) {
        quirks.push(Quirk::NumberAsMessageId);
    }
    if id.text.chars().count() > MessageId::LENGTH_STANDARD {
        quirks.push(Quirk::LongMessageId);
    }
    let mut next = || elements.next().unwrap_or(Json::Null);
    let value = match kind {
        MessageKind::Call | MessageKind::Send => {
            let Json::Text(action) = next() else { return Err(fault(FrameFault::Action)) };
            let payload = payload_from(next(), &mut quirks).ok_or_else(|| fault(FrameFault::Payload))?;
            if kind == MessageKind::Send {
                Frame::Send { id, action, payload }
            } else {
                Frame::Call { id, action, payload }
            }
        }
        MessageKind::CallResult => {
            let payload = payload_from(next(), &mut quirks).ok_or_else(|| fault(FrameFault::Payload))?;
            Frame::CallResult { id, payload }
        }
        MessageKind::CallError | MessageKind::CallResultError => {
            let (code, description, details) = (next(), next(), next());
            let is_standard =
                matches!((&code, &description, &details), (Json::Text(_), Json::Text(_), Json::Object(_)));
            if !is_standard {
                quirks.push(Quirk::LooseCallError);
            }
            let (code, description) = (loose_text(&code), loose_text(&description));
            if kind == MessageKind::CallResultError {
                Frame::CallResultError { id, code, description }
            } else {
                Frame::CallError { id, code, description, details }
            }
        }
    };
    Ok(Decoded { value, quirks })
}

fn kind_of(json: &Json<'_>) -> Option<MessageKind> {
    match json {
        Json::Number(number) => match number.as_ref() {
            "2" => Some(MessageKind::Call),
            "3" => Some(MessageKind::CallResult),
            "4" => Some(MessageKind::CallError),
            "5" => Some(MessageKind::CallResultError),
            "6" => Some(MessageKind::Send),
            _ => None,
        },
        Json::Null | Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => None,
    }
}

fn id_of(json: &Json<'_>) -> Option<MessageId> {
    match json {
        Json::Text(text) => MessageId::received(text, Form::Text),
        Json::Number(number) => MessageId::received(number, Form::Number),
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => None,
    }
}

fn payload_from<'a>(json: Json<'a>, quirks: &mut Vec<Quirk>) -> Option<Json<'a>> {
    match json {
        Json::Object(_) => Some(json),
        Json::Null => {
            quirks.push(Quirk::EmptyPayloadForm);
            Some(Json::EMPTY)
        }
        Json::List(items) if items.is_empty() => {
            quirks.push(Quirk::EmptyPayloadForm);
            Some(Json::EMPTY)
        }
        Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => None,
    }
}

fn loose_text(json: &Json<'_>) -> String {
    match json {
        Json::Null => String::new(),
        Json::Text(text) => text.as_ref().to_owned(),
        Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => json.to_string(),
    }
}

fn fault_in(text: &str, fault: FrameFault) -> FrameError {
    let envelope = peek(text);
    FrameError { fault, kind: envelope.kind, id: envelope.id }
}

/// What can be read of the beginning of a frame that is not, or not wholly, JSON.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    pub(crate) kind: Option<MessageKind>,
    pub(crate) id: Option<MessageId>,
    /// Where the element after the id begins, in bytes; 0 where that was not reached.
    pub(crate) rest_at: usize,
}

pub(crate) fn peek(text: &str) -> Envelope {
    let mut envelope = Envelope::default();
    let Some(inside) = text.trim_start().strip_prefix('[') else { return envelope };
    let Some((kind, rest)) = inside.split_once(',') else { return envelope };
    envelope.kind = kind_of(&Json::Number(Cow::Borrowed(kind.trim())));
    let rest = rest.trim_start();
    // Read the id with the JSON reader, on the shortest stretch that can hold it.
    let end = if let Some(quoted) = rest.strip_prefix('"') {
        let Some(length) = closing_quote(quoted) else { return envelope };
        length + 2
    } else {
        rest.find([',', ']']).unwrap_or(rest.len())
    };
    let (id, after) = rest.split_at_checked(end).unwrap_or_default();
    envelope.id = json::parse(id.trim(), 0).ok().as_ref().and_then(id_of);
    if let Some(after) = after.trim_start().strip_prefix(',') {
        envelope.rest_at = text.len() - after.len();
    }
    envelope
}

/// Bytes before the quote that ends a text.
fn closing_quote(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

fn push_text(out: &mut String, text: &str) {
    // Writing into a `String` cannot fail.
    let _ = json::write_text(out, text);
}
