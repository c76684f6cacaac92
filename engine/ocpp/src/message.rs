//! Payloads and actions, which each version of OCPP has its own of.

use crate::fields::{Fields, PayloadError};
use crate::json::Json;
use crate::quirk::Decoded;
use crate::version::Version;
use crate::writer::Writer;

/// One payload, read tolerantly and written strictly.
pub(crate) trait Message: Sized {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError>;
    fn write(&self, out: &mut Writer);
}

pub(crate) fn decode<T: Message>(version: Version, payload: &Json<'_>) -> Result<Decoded<T>, PayloadError> {
    let mut quirks = Vec::new();
    let value = T::read(&mut Fields::of(version, payload, &mut quirks)?)?;
    Ok(Decoded { value, quirks })
}

/// Declares the actions that one side calls, with their requests and responses. `UNSUPPORTED` where it stands lists the
/// actions of the version that are known and not handled.
macro_rules! actions {
    (
        $version:path;
        $(#[$action_doc:meta])* $action:ident,
        $(#[$request_doc:meta])* $request:ident,
        $(#[$response_doc:meta])* $response:ident,
        { $( $name:ident: $request_type:ident, $response_type:ident; )+ }
    ) => {
        $(#[$action_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $action {
            $( #[doc = concat!(stringify!($name), ".")] $name, )+
        }

        impl $action {
            /// All of them.
            pub const ALL: &[Self] = &[$( Self::$name ),+];

            /// The name in frames.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => stringify!($name), )+
                }
            }

            /// The action of this name.
            ///
            /// # Errors
            ///
            /// Where this version does not know the name, or we do not handle the action.
            pub fn named(name: &str) -> Result<Self, $crate::PayloadError> {
                match name {
                    $( stringify!($name) => Ok(Self::$name), )+
                    _ => match UNSUPPORTED.iter().find(|known| **known == name) {
                        Some(action) => Err($crate::PayloadError::UnsupportedAction { action }),
                        None => Err($crate::PayloadError::UnknownAction { action: name.chars().take(64).collect() }),
                    },
                }
            }
        }

        impl std::fmt::Display for $action {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        $(#[$request_doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $request {
            $( #[doc = concat!("[`", stringify!($request_type), "`].")] $name($request_type), )+
        }

        impl $request {
            /// The action.
            #[must_use]
            pub const fn action(&self) -> $action {
                match self {
                    $( Self::$name(_) => $action::$name, )+
                }
            }

            /// Reads the payload of a call.
            ///
            /// # Errors
            ///
            /// Where the action is not one of these, or the payload has no meaning.
            pub fn decode(action: &str, payload: &$crate::json::Json<'_>) -> Result<$crate::Decoded<Self>, $crate::PayloadError> {
                Self::decode_in($version, action, payload)
            }

            /// [`Self::decode`] in a later version that has the message too.
            ///
            /// # Errors
            ///
            /// Where the action is not one of these, or the payload has no meaning.
            pub fn decode_in(
                version: $crate::Version,
                action: &str,
                payload: &$crate::json::Json<'_>,
            ) -> Result<$crate::Decoded<Self>, $crate::PayloadError> {
                match $action::named(action)? {
                    $( $action::$name => {
                        let $crate::Decoded { value, quirks } = $crate::message::decode(version, payload)?;
                        Ok($crate::Decoded { value: Self::$name(value), quirks })
                    } )+
                }
            }

            /// The JSON text of the payload.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn payload(&self) -> Result<String, $crate::EncodeError> {
                self.payload_in($version)
            }

            /// [`Self::payload`] in a later version that has the message too.
            ///
            /// # Errors
            ///
            /// Where that version does not allow what it would say.
            pub fn payload_in(&self, version: $crate::Version) -> Result<String, $crate::EncodeError> {
                $crate::writer::payload_text(version, self.action().name(), |out| match self {
                    $( Self::$name(request) => $crate::message::Message::write(request, out), )+
                })
            }

            /// The text of the CALL.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn encode(&self, id: &$crate::MessageId) -> Result<String, $crate::EncodeError> {
                self.encode_in($version, id)
            }

            /// [`Self::encode`] in a later version that has the message too.
            ///
            /// # Errors
            ///
            /// Where that version does not allow what it would say.
            pub fn encode_in(
                &self,
                version: $crate::Version,
                id: &$crate::MessageId,
            ) -> Result<String, $crate::EncodeError> {
                self.payload_in(version).map(|payload| $crate::frame::encode_call(id, self.action().name(), &payload))
            }
        }

        $(
            impl From<$request_type> for $request {
                fn from(request: $request_type) -> Self {
                    Self::$name(request)
                }
            }
        )+

        $(#[$response_doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $response {
            $( #[doc = concat!("[`", stringify!($response_type), "`].")] $name($response_type), )+
        }

        impl $response {
            /// The action that was asked.
            #[must_use]
            pub const fn action(&self) -> $action {
                match self {
                    $( Self::$name(_) => $action::$name, )+
                }
            }

            /// Reads the payload of the answer to `action`.
            ///
            /// # Errors
            ///
            /// Where the payload has no meaning.
            pub fn decode(action: $action, payload: &$crate::json::Json<'_>) -> Result<$crate::Decoded<Self>, $crate::PayloadError> {
                Self::decode_in($version, action, payload)
            }

            /// [`Self::decode`] in a later version that has the message too.
            ///
            /// # Errors
            ///
            /// Where the payload has no meaning.
            pub fn decode_in(
                version: $crate::Version,
                action: $action,
                payload: &$crate::json::Json<'_>,
            ) -> Result<$crate::Decoded<Self>, $crate::PayloadError> {
                match action {
                    $( $action::$name => {
                        let $crate::Decoded { value, quirks } = $crate::message::decode(version, payload)?;
                        Ok($crate::Decoded { value: Self::$name(value), quirks })
                    } )+
                }
            }

            /// The JSON text of the payload.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn payload(&self) -> Result<String, $crate::EncodeError> {
                self.payload_in($version)
            }

            /// [`Self::payload`] in a later version that has the message too.
            ///
            /// # Errors
            ///
            /// Where that version does not allow what it would say.
            pub fn payload_in(&self, version: $crate::Version) -> Result<String, $crate::EncodeError> {
                $crate::writer::payload_text(version, self.action().name(), |out| match self {
                    $( Self::$name(response) => $crate::message::Message::write(response, out), )+
                })
            }

            /// The text of the CALLRESULT.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn encode(&self, id: &$crate::MessageId) -> Result<String, $crate::EncodeError> {
                self.encode_in($version, id)
            }

            /// [`Self::encode`] in a later version that has the message too.
            ///
            /// # Errors
            ///
            /// Where that version does not allow what it would say.
            pub fn encode_in(
                &self,
                version: $crate::Version,
                id: &$crate::MessageId,
            ) -> Result<String, $crate::EncodeError> {
                self.payload_in(version).map(|payload| $crate::frame::encode_call_result(id, &payload))
            }
        }

        $(
            impl From<$response_type> for $response {
                fn from(response: $response_type) -> Self {
                    Self::$name(response)
                }
            }
        )+
    };
}

/// Declares messages without content.
macro_rules! empty_messages {
    ($( $(#[$doc:meta])* $name:ident; )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, PartialEq, Eq)]
            pub struct $name {}

            impl $crate::message::Message for $name {
                fn read(_fields: &mut $crate::fields::Fields<'_>) -> Result<Self, $crate::PayloadError> {
                    Ok(Self {})
                }

                fn write(&self, _out: &mut $crate::writer::Writer) {}
            }
        )+
    };
}

pub(crate) use {actions, empty_messages};
