//! Error codes of OCPP 2.0.1, and which of them answers what.

use crate::fields::PayloadError;
use crate::frame::{self, FrameError, FrameFault, MessageId, MessageKind};
use crate::words::words;

words! {
    /// The error codes of a CALLERROR (OCPP 2.0.1 part 4 section 4.3).
    ErrorCode {
        /// The payload's syntax is broken.
        FormatViolation = "FormatViolation" | "FormationViolation",
        /// None of the others.
        GenericError = "GenericError",
        /// The receiver failed.
        InternalError = "InternalError",
        /// The message type is not known.
        MessageTypeNotSupported = "MessageTypeNotSupported",
        /// The action is not known.
        NotImplemented = "NotImplemented",
        /// The action is known and not handled.
        NotSupported = "NotSupported",
        /// A property is missing, or there too often.
        OccurrenceConstraintViolation = "OccurrenceConstraintViolation" | "OccurenceConstraintViolation",
        /// A property has a value that it may not have.
        PropertyConstraintViolation = "PropertyConstraintViolation",
        /// The payload is incomplete.
        ProtocolError = "ProtocolError",
        /// The call is no valid one: its message id cannot be read, or the like.
        RpcFrameworkError = "RpcFrameworkError",
        /// A security rule forbids it.
        SecurityError = "SecurityError",
        /// A property has the wrong type.
        TypeConstraintViolation = "TypeConstraintViolation",
    }
}

/// The CALLERROR that answers a text that is no frame, under the id "-1" where none can be read; `None` where it may only
/// be logged: an answer is never answered, and a message type that does not exist is ignored.
#[must_use]
pub fn answer_to_frame(error: &FrameError) -> Option<String> {
    let is_answerable = match (error.kind, error.fault) {
        (Some(MessageKind::Call), _) => true,
        (
            Some(
                MessageKind::CallResult
                | MessageKind::CallError
                | MessageKind::CallResultError
                | MessageKind::Send,
            ),
            _,
        )
        | (None, FrameFault::MessageType) => false,
        (None, _) => error.id.is_none(),
    };
    let id = error.id.clone().unwrap_or_else(MessageId::unreadable);
    let code = ErrorCode::from(error);
    is_answerable.then(|| frame::encode_call_error(&id, code.as_str(), &error.fault.to_string()))
}

/// The CALLERROR that answers the call `id`, whose payload has no meaning.
#[must_use]
pub fn answer_to_payload(id: &MessageId, error: &PayloadError) -> String {
    frame::encode_call_error(id, ErrorCode::from(error).as_str(), &error.to_string())
}

impl From<&FrameError> for ErrorCode {
    fn from(error: &FrameError) -> Self {
        match error.fault {
            FrameFault::MessageType => Self::MessageTypeNotSupported,
            FrameFault::TooBig { .. } | FrameFault::TooDeep { .. } => Self::GenericError,
            FrameFault::NotJson { .. }
            | FrameFault::NotAnArray
            | FrameFault::ElementCount { .. }
            | FrameFault::MessageId
            | FrameFault::Action => Self::RpcFrameworkError,
            FrameFault::Payload => Self::FormatViolation,
        }
    }
}

impl From<&PayloadError> for ErrorCode {
    fn from(error: &PayloadError) -> Self {
        match error {
            PayloadError::UnknownAction { .. } => Self::NotImplemented,
            PayloadError::UnsupportedAction { .. } => Self::NotSupported,
            PayloadError::NotAnObject => Self::FormatViolation,
            PayloadError::Missing { .. } => Self::OccurrenceConstraintViolation,
            PayloadError::Type { .. } => Self::TypeConstraintViolation,
            PayloadError::Value { .. } => Self::PropertyConstraintViolation,
        }
    }
}
