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

pub use crate::sample::{Location, ReadingContext, SampleFault, SamplePhase};
pub use crate::schedule::{
    ChargingProfileKind, ChargingRate, ChargingRateUnit, ChargingSchedulePeriod, Limit, RecurrencyKind,
    ScheduleLimits,
};
pub use crate::words::{
    AcceptedStatus, ClearChargingProfileStatus, DataTransferStatus, OperationalStatus as AvailabilityType,
    RegistrationStatus, ScheduledStatus as AvailabilityStatus, TriggerMessageStatus,
};
pub use authorize::{AuthorizeRequest, AuthorizeResponse};
pub use boot_notification::{BootNotificationRequest, BootNotificationResponse};
pub use change_availability::{ChangeAvailabilityRequest, ChangeAvailabilityResponse};
pub use change_configuration::{
    ChangeConfigurationRequest, ChangeConfigurationResponse, ConfigurationStatus,
};
pub use clear_cache::{ClearCacheRequest, ClearCacheResponse};
pub use clear_charging_profile::{ClearChargingProfileRequest, ClearChargingProfileResponse};
pub use data_transfer::{DataTransferRequest, DataTransferResponse};
pub use error::{ErrorCode, answer_to_frame, answer_to_payload};
pub use get_composite_schedule::{GetCompositeScheduleRequest, GetCompositeScheduleResponse};
pub use get_configuration::{GetConfigurationRequest, GetConfigurationResponse, KeyValue};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use meter::{Measurand, MeterValue, SampledValue, UnitOfMeasure, ValueFormat};
pub use meter_values::{MeterValuesRequest, MeterValuesResponse};
pub use profile::{ChargingProfile, ChargingProfilePurpose, ChargingSchedule};
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
pub use trigger_message::{MessageTrigger, TriggerMessageRequest, TriggerMessageResponse};
pub use types::{AuthorizationStatus, ConnectorId, IdTag, IdTagInfo, ReportedTransaction};
pub use unlock_connector::{UnlockConnectorRequest, UnlockConnectorResponse, UnlockStatus};

use crate::message::{Message, actions};

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
