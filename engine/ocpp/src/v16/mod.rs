//! OCPP 1.6: one file per action, request and response typed and coded in both directions. The twin's stations keep a
//! codec of their own, so that a mistake here cannot hide on both sides.
//!
//! A station's call is read by [`StationRequest::decode`] and answered by [`StationResponse::encode`]; a call of ours is
//! written by [`CsmsRequest::encode`] and its answer read by [`CsmsResponse::decode`] with the action that was asked.
//! Here, and only here and in the translator, names are those of OCPP 1.6.

mod authorize;
mod boot_notification;
mod change_availability;
mod change_configuration;
mod clear_cache;
mod clear_charging_profile;
mod data_transfer;
mod error;
mod get_composite_schedule;
mod get_configuration;
mod heartbeat;
mod meter;
mod meter_values;
mod profile;
mod remote_start_transaction;
mod remote_stop_transaction;
mod reset;
mod set_charging_profile;
mod start_transaction;
mod status_notification;
mod stop_transaction;
mod trigger_message;
mod types;
mod unlock_connector;
mod words;

pub use authorize::{AuthorizeRequest, AuthorizeResponse};
pub use boot_notification::{BootNotificationRequest, BootNotificationResponse, RegistrationStatus};
pub use change_availability::{
    AvailabilityStatus, AvailabilityType, ChangeAvailabilityRequest, ChangeAvailabilityResponse,
};
pub use change_configuration::{
    ChangeConfigurationRequest, ChangeConfigurationResponse, ConfigurationStatus,
};
pub use clear_cache::{ClearCacheRequest, ClearCacheResponse};
pub use clear_charging_profile::{
    ClearChargingProfileRequest, ClearChargingProfileResponse, ClearChargingProfileStatus,
};
pub use data_transfer::{DataTransferRequest, DataTransferResponse, DataTransferStatus};
pub use error::{ErrorCode, answer_to_frame, answer_to_payload};
pub use get_composite_schedule::{GetCompositeScheduleRequest, GetCompositeScheduleResponse};
pub use get_configuration::{GetConfigurationRequest, GetConfigurationResponse, KeyValue};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use meter::{
    Location, Measurand, MeterValue, ReadingContext, SampleFault, SamplePhase, SampledValue, UnitOfMeasure,
    ValueFormat,
};
pub use meter_values::{MeterValuesRequest, MeterValuesResponse};
pub use profile::{
    ChargingProfile, ChargingProfileKind, ChargingProfilePurpose, ChargingRate, ChargingRateUnit,
    ChargingSchedule, ChargingSchedulePeriod, Limit, RecurrencyKind, ScheduleLimits,
};
pub use remote_start_transaction::{RemoteStartTransactionRequest, RemoteStartTransactionResponse};
pub use remote_stop_transaction::{RemoteStopTransactionRequest, RemoteStopTransactionResponse};
pub use reset::{ResetRequest, ResetResponse, ResetType};
pub use set_charging_profile::{
    ChargingProfileStatus, SetChargingProfileRequest, SetChargingProfileResponse,
};
pub use start_transaction::{StartTransactionRequest, StartTransactionResponse};
pub use status_notification::{
    ChargePointErrorCode, ChargePointStatus, StatusNotificationRequest, StatusNotificationResponse,
};
pub use stop_transaction::{Reason, StopTransactionRequest, StopTransactionResponse};
pub use trigger_message::{
    MessageTrigger, TriggerMessageRequest, TriggerMessageResponse, TriggerMessageStatus,
};
pub use types::{AuthorizationStatus, ConnectorId, IdTag, IdTagInfo, ReportedTransaction};
pub use unlock_connector::{UnlockConnectorRequest, UnlockConnectorResponse, UnlockStatus};
pub use words::AcceptedStatus;

use crate::fields::{Fields, PayloadError};
use crate::frame::{self, MessageId};
use crate::json::Json;
use crate::quirk::Decoded;
use crate::writer::{self, EncodeError, Writer};

/// One payload, read tolerantly and written strictly.
trait Message: Sized {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError>;
    fn write(&self, out: &mut Writer);
}

fn decode<T: Message>(payload: &Json<'_>) -> Result<Decoded<T>, PayloadError> {
    let mut quirks = Vec::new();
    let value = T::read(&mut Fields::of(payload, &mut quirks)?)?;
    Ok(Decoded { value, quirks })
}

/// Actions of OCPP 1.6 and its security whitepaper that are known and not handled.
const UNSUPPORTED: &[&str] = &[
    "CancelReservation",
    "CertificateSigned",
    "DeleteCertificate",
    "DiagnosticsStatusNotification",
    "ExtendedTriggerMessage",
    "FirmwareStatusNotification",
    "GetDiagnostics",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "InstallCertificate",
    "LogStatusNotification",
    "ReserveNow",
    "SecurityEventNotification",
    "SendLocalList",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "SignedUpdateFirmware",
    "UpdateFirmware",
];

/// Declares the actions that one side calls, with their requests and responses.
macro_rules! actions {
    (
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
            /// Where OCPP 1.6 does not know the name, or we do not handle the action.
            pub fn named(name: &str) -> Result<Self, PayloadError> {
                match name {
                    $( stringify!($name) => Ok(Self::$name), )+
                    _ => match UNSUPPORTED.iter().find(|known| **known == name) {
                        Some(action) => Err(PayloadError::UnsupportedAction { action }),
                        None => Err(PayloadError::UnknownAction { action: name.chars().take(64).collect() }),
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
            pub fn decode(action: &str, payload: &Json<'_>) -> Result<Decoded<Self>, PayloadError> {
                match $action::named(action)? {
                    $( $action::$name => {
                        let Decoded { value, quirks } = decode(payload)?;
                        Ok(Decoded { value: Self::$name(value), quirks })
                    } )+
                }
            }

            /// The JSON text of the payload.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn payload(&self) -> Result<String, EncodeError> {
                writer::payload_text(self.action().name(), |out| match self {
                    $( Self::$name(request) => request.write(out), )+
                })
            }

            /// The text of the CALL.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn encode(&self, id: &MessageId) -> Result<String, EncodeError> {
                self.payload().map(|payload| frame::encode_call(id, self.action().name(), &payload))
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
            pub fn decode(action: $action, payload: &Json<'_>) -> Result<Decoded<Self>, PayloadError> {
                match action {
                    $( $action::$name => {
                        let Decoded { value, quirks } = decode(payload)?;
                        Ok(Decoded { value: Self::$name(value), quirks })
                    } )+
                }
            }

            /// The JSON text of the payload.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn payload(&self) -> Result<String, EncodeError> {
                writer::payload_text(self.action().name(), |out| match self {
                    $( Self::$name(response) => response.write(out), )+
                })
            }

            /// The text of the CALLRESULT.
            ///
            /// # Errors
            ///
            /// Where the standard does not allow what it would say.
            pub fn encode(&self, id: &MessageId) -> Result<String, EncodeError> {
                self.payload().map(|payload| frame::encode_call_result(id, &payload))
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

actions! {
    /// What stations call.
    StationAction,
    /// A call of a station.
    StationRequest,
    /// Our answer to a station's call.
    StationResponse,
    {
        Authorize: AuthorizeRequest, AuthorizeResponse;
        BootNotification: BootNotificationRequest, BootNotificationResponse;
        DataTransfer: DataTransferRequest, DataTransferResponse;
        Heartbeat: HeartbeatRequest, HeartbeatResponse;
        MeterValues: MeterValuesRequest, MeterValuesResponse;
        StartTransaction: StartTransactionRequest, StartTransactionResponse;
        StatusNotification: StatusNotificationRequest, StatusNotificationResponse;
        StopTransaction: StopTransactionRequest, StopTransactionResponse;
    }
}

actions! {
    /// What we call.
    CsmsAction,
    /// A call of ours.
    CsmsRequest,
    /// A station's answer to our call.
    CsmsResponse,
    {
        ChangeAvailability: ChangeAvailabilityRequest, ChangeAvailabilityResponse;
        ChangeConfiguration: ChangeConfigurationRequest, ChangeConfigurationResponse;
        ClearCache: ClearCacheRequest, ClearCacheResponse;
        ClearChargingProfile: ClearChargingProfileRequest, ClearChargingProfileResponse;
        DataTransfer: DataTransferRequest, DataTransferResponse;
        GetCompositeSchedule: GetCompositeScheduleRequest, GetCompositeScheduleResponse;
        GetConfiguration: GetConfigurationRequest, GetConfigurationResponse;
        RemoteStartTransaction: RemoteStartTransactionRequest, RemoteStartTransactionResponse;
        RemoteStopTransaction: RemoteStopTransactionRequest, RemoteStopTransactionResponse;
        Reset: ResetRequest, ResetResponse;
        SetChargingProfile: SetChargingProfileRequest, SetChargingProfileResponse;
        TriggerMessage: TriggerMessageRequest, TriggerMessageResponse;
        UnlockConnector: UnlockConnectorRequest, UnlockConnectorResponse;
    }
}

#[cfg(test)]
mod tests;
