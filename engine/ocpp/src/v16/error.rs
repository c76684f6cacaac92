//! Error codes of OCPP 1.6, and which of them answers what.

use crate::fields::PayloadError;
use crate::frame::{self, FrameError, FrameFault, MessageId};
use crate::words::words;

words! {
    /// The error codes of a CALLERROR (OCPP-J 1.6 section 4.2.3).
    ErrorCode {
        /// The action is not known.
        NotImplemented = "NotImplemented",
        /// The action is known and not handled.
        NotSupported = "NotSupported",
        /// The receiver failed.
        InternalError = "InternalError",
        /// The payload is incomplete.
        ProtocolError = "ProtocolError",
        /// A security rule forbids it.
        SecurityError = "SecurityError",
        /// The payload's syntax is broken.
        FormationViolation = "FormationViolation" | "FormatViolation",
        /// A property has a value that it may not have.
        PropertyConstraintViolation = "PropertyConstraintViolation",
        /// A property is missing, or there too often; the standard spells it so.
        OccurenceConstraintViolation = "OccurenceConstraintViolation" | "OccurrenceConstraintViolation",
        /// A property has the wrong type.
        TypeConstraintViolation = "TypeConstraintViolation",
        /// None of the others.
        GenericError = "GenericError",
    }
}

/// The CALLERROR that answers a text that is no frame; `None` where it may only be logged.
#[must_use]
pub fn answer_to_frame(error: &FrameError) -> Option<String> {
    let code = ErrorCode::from(&error.fault);
    error.answer_to().map(|id| frame::encode_call_error(id, code.as_str(), &error.fault.to_string()))
}

/// The CALLERROR that answers the call `id`, whose payload has no meaning.
#[must_use]
pub fn answer_to_payload(id: &MessageId, error: &PayloadError) -> String {
    frame::encode_call_error(id, ErrorCode::from(error).as_str(), &error.to_string())
}

impl From<&FrameFault> for ErrorCode {
    fn from(fault: &FrameFault) -> Self {
        match fault {
            FrameFault::NotJson { .. }
            | FrameFault::NotAnArray
            | FrameFault::Action
            | FrameFault::Payload
            | FrameFault::MessageId => Self::FormationViolation,
            FrameFault::ElementCount { .. } => Self::ProtocolError,
            FrameFault::TooBig { .. } | FrameFault::TooDeep { .. } | FrameFault::MessageType => {
                Self::GenericError
            }
        }
    }
}

impl From<&PayloadError> for ErrorCode {
    fn from(error: &PayloadError) -> Self {
        match error {
            PayloadError::UnknownAction { .. } => Self::NotImplemented,
            PayloadError::UnsupportedAction { .. } => Self::NotSupported,
            PayloadError::NotAnObject => Self::FormationViolation,
            PayloadError::Missing { .. } => Self::OccurenceConstraintViolation,
            PayloadError::Type { .. } => Self::TypeConstraintViolation,
            PayloadError::Value { .. } => Self::PropertyConstraintViolation,
        }
    }
}
