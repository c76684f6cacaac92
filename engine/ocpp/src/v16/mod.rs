//! OCPP 1.6: one file per action, request and response typed and coded in both directions. The twin's stations keep a
//! codec of their own, so that a mistake here cannot hide on both sides.
//!
//! A station's call is read by [`StationRequest::decode`] and answered by [`StationResponse::encode`]; a call of ours is
//! written by [`CsmsRequest::encode`] and its answer read by [`CsmsResponse::decode`] with the action that was asked.
//! Here, and only here and in the translator, names are those of OCPP 1.6.

mod authorize;
mod boot_notification;
mod cancel_reservation;
mod certificate_signed;
mod change_availability;
mod change_configuration;
mod clear_cache;
mod clear_charging_profile;
mod data_transfer;
mod delete_certificate;
mod diagnostics_status_notification;
mod error;
mod extended_trigger_message;
mod firmware_status_notification;
mod get_composite_schedule;
mod get_configuration;
mod get_diagnostics;
mod get_installed_certificate_ids;
mod get_local_list_version;
mod get_log;
mod heartbeat;
mod install_certificate;
mod log_status_notification;
mod meter;
mod meter_values;
mod profile;
mod remote_start_transaction;
mod remote_stop_transaction;
mod reserve_now;
mod reset;
mod security_event_notification;
mod send_local_list;
mod set_charging_profile;
mod sign_certificate;
mod signed_firmware_status_notification;
mod signed_update_firmware;
mod start_transaction;
mod status_notification;
mod stop_transaction;
mod trigger_message;
mod types;
mod unlock_connector;
mod update_firmware;

pub use crate::certificates::{
    CertificateHashData, DeleteCertificateStatus, GetInstalledCertificateStatus, HashAlgorithm,
    InstallCertificateStatus,
};
pub use crate::maintenance::{
    FirmwareStatus, LogParameters, LogStatus, LogType, ReservationStatus, UpdateFirmwareStatus, UpdateType,
};
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
pub use cancel_reservation::{CancelReservationRequest, CancelReservationResponse};
pub use certificate_signed::{CertificateSignedRequest, CertificateSignedResponse};
pub use change_availability::{ChangeAvailabilityRequest, ChangeAvailabilityResponse};
pub use change_configuration::{
    ChangeConfigurationRequest, ChangeConfigurationResponse, ConfigurationStatus,
};
pub use clear_cache::{ClearCacheRequest, ClearCacheResponse};
pub use clear_charging_profile::{ClearChargingProfileRequest, ClearChargingProfileResponse};
pub use data_transfer::{DataTransferRequest, DataTransferResponse};
pub use delete_certificate::{DeleteCertificateRequest, DeleteCertificateResponse};
pub use diagnostics_status_notification::{
    DiagnosticsStatus, DiagnosticsStatusNotificationRequest, DiagnosticsStatusNotificationResponse,
};
pub use error::{ErrorCode, answer_to_frame, answer_to_payload};
pub use extended_trigger_message::{
    ExtendedMessageTrigger, ExtendedTriggerMessageRequest, ExtendedTriggerMessageResponse,
};
pub use firmware_status_notification::{
    FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse, PlainFirmwareStatus,
};
pub use get_composite_schedule::{GetCompositeScheduleRequest, GetCompositeScheduleResponse};
pub use get_configuration::{GetConfigurationRequest, GetConfigurationResponse, KeyValue};
pub use get_diagnostics::{GetDiagnosticsRequest, GetDiagnosticsResponse};
pub use get_installed_certificate_ids::{
    CertificateUse, GetInstalledCertificateIdsRequest, GetInstalledCertificateIdsResponse,
};
pub use get_local_list_version::{GetLocalListVersionRequest, GetLocalListVersionResponse};
pub use get_log::{GetLogRequest, GetLogResponse};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use install_certificate::{InstallCertificateRequest, InstallCertificateResponse};
pub use log_status_notification::{
    LogStatusNotificationRequest, LogStatusNotificationResponse, UploadLogStatus,
};
pub use meter::{Measurand, MeterValue, SampledValue, UnitOfMeasure, ValueFormat};
pub use meter_values::{MeterValuesRequest, MeterValuesResponse};
pub use profile::{ChargingProfile, ChargingProfilePurpose, ChargingSchedule};
pub use remote_start_transaction::{RemoteStartTransactionRequest, RemoteStartTransactionResponse};
pub use remote_stop_transaction::{RemoteStopTransactionRequest, RemoteStopTransactionResponse};
pub use reserve_now::{ReserveNowRequest, ReserveNowResponse};
pub use reset::{ResetRequest, ResetResponse, ResetType};
pub use security_event_notification::{SecurityEventNotificationRequest, SecurityEventNotificationResponse};
pub use send_local_list::{
    AuthorizationData, SendLocalListRequest, SendLocalListResponse, SendLocalListStatus,
};
pub use set_charging_profile::{
    ChargingProfileStatus, SetChargingProfileRequest, SetChargingProfileResponse,
};
pub use sign_certificate::{SignCertificateRequest, SignCertificateResponse};
pub use signed_firmware_status_notification::{
    SignedFirmwareStatusNotificationRequest, SignedFirmwareStatusNotificationResponse,
};
pub use signed_update_firmware::{SignedFirmware, SignedUpdateFirmwareRequest, SignedUpdateFirmwareResponse};
pub use start_transaction::{StartTransactionRequest, StartTransactionResponse};
pub use status_notification::{
    ChargePointErrorCode, ChargePointStatus, StatusNotificationRequest, StatusNotificationResponse,
};
pub use stop_transaction::{Reason, StopTransactionRequest, StopTransactionResponse};
pub use trigger_message::{MessageTrigger, TriggerMessageRequest, TriggerMessageResponse};
pub use types::{AuthorizationStatus, ConnectorId, IdTag, IdTagInfo, ReportedTransaction};
pub use unlock_connector::{UnlockConnectorRequest, UnlockConnectorResponse, UnlockStatus};
pub use update_firmware::{UpdateFirmwareRequest, UpdateFirmwareResponse};

use crate::message::{Message, actions};

/// Actions of OCPP 1.6 and its security whitepaper that are known and not handled: none.
const UNSUPPORTED: &[&str] = &[];

actions! {
    crate::Version::V16;
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
        DiagnosticsStatusNotification: DiagnosticsStatusNotificationRequest, DiagnosticsStatusNotificationResponse;
        FirmwareStatusNotification: FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse;
        Heartbeat: HeartbeatRequest, HeartbeatResponse;
        LogStatusNotification: LogStatusNotificationRequest, LogStatusNotificationResponse;
        MeterValues: MeterValuesRequest, MeterValuesResponse;
        SecurityEventNotification: SecurityEventNotificationRequest, SecurityEventNotificationResponse;
        SignCertificate: SignCertificateRequest, SignCertificateResponse;
        SignedFirmwareStatusNotification: SignedFirmwareStatusNotificationRequest, SignedFirmwareStatusNotificationResponse;
        StartTransaction: StartTransactionRequest, StartTransactionResponse;
        StatusNotification: StatusNotificationRequest, StatusNotificationResponse;
        StopTransaction: StopTransactionRequest, StopTransactionResponse;
    }
}

actions! {
    crate::Version::V16;
    /// What we call.
    CsmsAction,
    /// A call of ours.
    CsmsRequest,
    /// A station's answer to our call.
    CsmsResponse,
    {
        CancelReservation: CancelReservationRequest, CancelReservationResponse;
        CertificateSigned: CertificateSignedRequest, CertificateSignedResponse;
        ChangeAvailability: ChangeAvailabilityRequest, ChangeAvailabilityResponse;
        ChangeConfiguration: ChangeConfigurationRequest, ChangeConfigurationResponse;
        ClearCache: ClearCacheRequest, ClearCacheResponse;
        ClearChargingProfile: ClearChargingProfileRequest, ClearChargingProfileResponse;
        DataTransfer: DataTransferRequest, DataTransferResponse;
        DeleteCertificate: DeleteCertificateRequest, DeleteCertificateResponse;
        ExtendedTriggerMessage: ExtendedTriggerMessageRequest, ExtendedTriggerMessageResponse;
        GetCompositeSchedule: GetCompositeScheduleRequest, GetCompositeScheduleResponse;
        GetConfiguration: GetConfigurationRequest, GetConfigurationResponse;
        GetDiagnostics: GetDiagnosticsRequest, GetDiagnosticsResponse;
        GetInstalledCertificateIds: GetInstalledCertificateIdsRequest, GetInstalledCertificateIdsResponse;
        GetLocalListVersion: GetLocalListVersionRequest, GetLocalListVersionResponse;
        GetLog: GetLogRequest, GetLogResponse;
        InstallCertificate: InstallCertificateRequest, InstallCertificateResponse;
        RemoteStartTransaction: RemoteStartTransactionRequest, RemoteStartTransactionResponse;
        RemoteStopTransaction: RemoteStopTransactionRequest, RemoteStopTransactionResponse;
        ReserveNow: ReserveNowRequest, ReserveNowResponse;
        Reset: ResetRequest, ResetResponse;
        SendLocalList: SendLocalListRequest, SendLocalListResponse;
        SetChargingProfile: SetChargingProfileRequest, SetChargingProfileResponse;
        SignedUpdateFirmware: SignedUpdateFirmwareRequest, SignedUpdateFirmwareResponse;
        TriggerMessage: TriggerMessageRequest, TriggerMessageResponse;
        UnlockConnector: UnlockConnectorRequest, UnlockConnectorResponse;
        UpdateFirmware: UpdateFirmwareRequest, UpdateFirmwareResponse;
    }
}

#[cfg(test)]
mod tests;
