//! OCPP 2.0.1: one file per action, request and response typed and coded in both directions. The twin's stations keep a
//! codec of their own, so that a mistake here cannot hide on both sides.
//!
//! A station's call is read by [`StationRequest::decode`] and answered by [`StationResponse::encode`]; a call of ours is
//! written by [`CsmsRequest::encode`] and its answer read by [`CsmsResponse::decode`] with the action that was asked.
//! `customData` and members that the standard does not have are passed over.

mod authorize;
mod boot_notification;
mod cancel_reservation;
mod certificate_signed;
mod change_availability;
mod clear_cache;
mod clear_charging_profile;
mod clear_display_message;
mod clear_variable_monitoring;
mod cleared_charging_limit;
mod cost_updated;
mod customer_information;
mod data_transfer;
mod delete_certificate;
mod device;
mod error;
mod firmware_status_notification;
mod get_15118_ev_certificate;
mod get_base_report;
mod get_certificate_status;
mod get_charging_profiles;
mod get_composite_schedule;
mod get_display_messages;
mod get_installed_certificate_ids;
mod get_local_list_version;
mod get_log;
mod get_monitoring_report;
mod get_report;
mod get_transaction_status;
mod get_variables;
mod heartbeat;
mod install_certificate;
mod log_status_notification;
mod meter;
mod meter_values;
mod notify_charging_limit;
mod notify_customer_information;
mod notify_display_messages;
mod notify_ev_charging_needs;
mod notify_ev_charging_schedule;
mod notify_event;
mod notify_monitoring_report;
mod notify_report;
mod profile;
mod publish_firmware;
mod publish_firmware_status_notification;
mod report_charging_profiles;
mod request_start_transaction;
mod request_stop_transaction;
mod reservation_status_update;
mod reserve_now;
mod reset;
mod security_event_notification;
mod send_local_list;
mod set_charging_profile;
mod set_display_message;
mod set_monitoring_base;
mod set_monitoring_level;
mod set_network_profile;
mod set_variable_monitoring;
mod set_variables;
mod sign_certificate;
mod status_notification;
mod transaction_event;
mod trigger_message;
mod types;
mod unlock_connector;
mod unpublish_firmware;
mod update_firmware;

pub use authorize::{AuthorizeCertificateStatus, AuthorizeRequest, AuthorizeResponse, OcspRequestData};
pub use boot_notification::{
    BootNotificationRequest, BootNotificationResponse, BootReason, ChargingStation, Modem,
};
pub use cancel_reservation::{CancelReservationRequest, CancelReservationResponse};
pub use certificate_signed::{CertificateSignedRequest, CertificateSignedResponse};
pub use change_availability::{ChangeAvailabilityRequest, ChangeAvailabilityResponse};
pub use clear_cache::{ClearCacheRequest, ClearCacheResponse};
pub use clear_charging_profile::{
    ClearChargingProfile, ClearChargingProfileRequest, ClearChargingProfileResponse,
};
pub use clear_display_message::{
    ClearDisplayMessageRequest, ClearDisplayMessageResponse, ClearMessageStatus,
};
pub use clear_variable_monitoring::{
    ClearMonitoringResult, ClearMonitoringStatus, ClearVariableMonitoringRequest,
    ClearVariableMonitoringResponse,
};
pub use cleared_charging_limit::{ClearedChargingLimitRequest, ClearedChargingLimitResponse};
pub use cost_updated::{CostUpdatedRequest, CostUpdatedResponse};
pub use customer_information::{
    CustomerInformationRequest, CustomerInformationResponse, CustomerInformationStatus,
};
pub use data_transfer::{DataTransferRequest, DataTransferResponse};
pub use delete_certificate::{DeleteCertificateRequest, DeleteCertificateResponse};
pub use device::{AttributeType, Component, ComponentVariable, Variable};
pub use error::{ErrorCode, answer_to_frame, answer_to_payload};
pub use firmware_status_notification::{
    FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse,
};
pub use get_15118_ev_certificate::{
    CertificateAction, Get15118EVCertificateRequest, Get15118EVCertificateResponse,
    Iso15118EVCertificateStatus,
};
pub use get_base_report::{
    GenericDeviceModelStatus, GetBaseReportRequest, GetBaseReportResponse, ReportBase,
};
pub use get_certificate_status::{
    GetCertificateStatusKnown, GetCertificateStatusRequest, GetCertificateStatusResponse,
};
pub use get_charging_profiles::{
    ChargingProfileCriterion, GetChargingProfileStatus, GetChargingProfilesRequest,
    GetChargingProfilesResponse,
};
pub use get_composite_schedule::{
    CompositeSchedule, GetCompositeScheduleRequest, GetCompositeScheduleResponse,
};
pub use get_display_messages::{
    GetDisplayMessagesRequest, GetDisplayMessagesResponse, GetDisplayMessagesStatus,
};
pub use get_installed_certificate_ids::{
    CertificateHashDataChain, GetCertificateIdUse, GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
};
pub use get_local_list_version::{GetLocalListVersionRequest, GetLocalListVersionResponse};
pub use get_log::{GetLogRequest, GetLogResponse};
pub use get_monitoring_report::{
    GetMonitoringReportRequest, GetMonitoringReportResponse, MonitoringCriterion,
};
pub use get_report::{ComponentCriterion, GetReportRequest, GetReportResponse};
pub use get_transaction_status::{GetTransactionStatusRequest, GetTransactionStatusResponse};
pub use get_variables::{
    GetVariableData, GetVariableResult, GetVariableStatus, GetVariablesRequest, GetVariablesResponse,
};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use install_certificate::{InstallCertificateRequest, InstallCertificateResponse, InstallCertificateUse};
pub use log_status_notification::{
    LogStatusNotificationRequest, LogStatusNotificationResponse, UploadLogStatus,
};
pub use meter::{Measurand, MeterValue, SampledValue, SignedMeterValue, UnitOfMeasure};
pub use meter_values::{MeterValuesRequest, MeterValuesResponse};
pub use notify_charging_limit::{ChargingLimit, NotifyChargingLimitRequest, NotifyChargingLimitResponse};
pub use notify_customer_information::{NotifyCustomerInformationRequest, NotifyCustomerInformationResponse};
pub use notify_display_messages::{NotifyDisplayMessagesRequest, NotifyDisplayMessagesResponse};
pub use notify_ev_charging_needs::{
    AcChargingParameters, ChargingNeeds, ControlMode, DcChargingParameters, EnergyTransferMode,
    MobilityNeedsMode, NotifyEVChargingNeedsRequest, NotifyEVChargingNeedsResponse,
    NotifyEVChargingNeedsStatus,
};
pub use notify_ev_charging_schedule::{NotifyEVChargingScheduleRequest, NotifyEVChargingScheduleResponse};
pub use notify_event::{
    EventData, EventNotificationKind, EventTrigger, NotifyEventRequest, NotifyEventResponse,
};
pub use notify_monitoring_report::{
    MonitoringData, NotifyMonitoringReportRequest, NotifyMonitoringReportResponse, VariableMonitoring,
};
pub use notify_report::{
    DataType, Mutability, NotifyReportRequest, NotifyReportResponse, ReportData, VariableAttribute,
    VariableCharacteristics,
};
pub use profile::{ChargingLimitSource, ChargingProfile, ChargingProfilePurpose, ChargingSchedule};
pub use publish_firmware::{PublishFirmwareRequest, PublishFirmwareResponse};
pub use publish_firmware_status_notification::{
    PublishFirmwareStatus, PublishFirmwareStatusNotificationRequest,
    PublishFirmwareStatusNotificationResponse,
};
pub use report_charging_profiles::{ReportChargingProfilesRequest, ReportChargingProfilesResponse};
pub use request_start_transaction::{RequestStartTransactionRequest, RequestStartTransactionResponse};
pub use request_stop_transaction::{RequestStopTransactionRequest, RequestStopTransactionResponse};
pub use reservation_status_update::{
    ReservationStatusUpdateRequest, ReservationStatusUpdateResponse, ReservationUpdateStatus,
};
pub use reserve_now::{ConnectorKind, ReserveNowRequest, ReserveNowResponse};
pub use reset::{ResetRequest, ResetResponse, ResetType};
pub use security_event_notification::{SecurityEventNotificationRequest, SecurityEventNotificationResponse};
pub use send_local_list::{
    AuthorizationData, SendLocalListRequest, SendLocalListResponse, SendLocalListStatus,
};
pub use set_charging_profile::{SetChargingProfileRequest, SetChargingProfileResponse};
pub use set_display_message::{
    DisplayMessageStatus, MessageInfo, MessagePriority, MessageState, SetDisplayMessageRequest,
    SetDisplayMessageResponse,
};
pub use set_monitoring_base::{MonitoringBase, SetMonitoringBaseRequest, SetMonitoringBaseResponse};
pub use set_monitoring_level::{SetMonitoringLevelRequest, SetMonitoringLevelResponse};
pub use set_network_profile::{
    Apn, ApnAuthentication, NetworkConnectionProfile, OcppInterface, OcppTransport, OcppVersion,
    SetNetworkProfileRequest, SetNetworkProfileResponse, SetNetworkProfileStatus, Vpn, VpnKind,
};
pub use set_variable_monitoring::{
    Monitor, SetMonitoringData, SetMonitoringResult, SetMonitoringStatus, SetVariableMonitoringRequest,
    SetVariableMonitoringResponse,
};
pub use set_variables::{
    SetVariableData, SetVariableResult, SetVariableStatus, SetVariablesRequest, SetVariablesResponse,
};
pub use sign_certificate::{CertificateSigningUse, SignCertificateRequest, SignCertificateResponse};
pub use status_notification::{ConnectorStatus, StatusNotificationRequest, StatusNotificationResponse};
pub use transaction_event::{
    ChargingState, Reason, TransactionEventKind, TransactionEventRequest, TransactionEventResponse,
    TransactionInfo, TriggerReason,
};
pub use trigger_message::{MessageTrigger, TriggerMessageRequest, TriggerMessageResponse};
pub use types::{
    AdditionalInfo, AuthorizationStatus, ConnectorNumber, Evse, EvseNumber, IdToken, IdTokenInfo,
    IdTokenType, MessageContent, MessageFormat, ReportedTransaction, StatusInfo,
};
pub use unlock_connector::{UnlockConnectorRequest, UnlockConnectorResponse, UnlockStatus};
pub use unpublish_firmware::{UnpublishFirmwareRequest, UnpublishFirmwareResponse, UnpublishFirmwareStatus};
pub use update_firmware::{Firmware, UpdateFirmwareRequest, UpdateFirmwareResponse};

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
    AcceptedStatus, ClearChargingProfileStatus, DataTransferStatus, OperationalStatus, RegistrationStatus,
    ScheduledStatus, TriggerMessageStatus,
};

pub(crate) use types::status_response;

use crate::message::actions;

/// Actions of OCPP 2.0.1 that are known and not handled: none.
const UNSUPPORTED: &[&str] = &[];

actions! {
    crate::Version::V201;
    /// What stations call.
    StationAction,
    /// A call of a station.
    StationRequest,
    /// Our answer to a station's call.
    StationResponse,
    {
        Authorize: AuthorizeRequest, AuthorizeResponse;
        BootNotification: BootNotificationRequest, BootNotificationResponse;
        ClearedChargingLimit: ClearedChargingLimitRequest, ClearedChargingLimitResponse;
        DataTransfer: DataTransferRequest, DataTransferResponse;
        FirmwareStatusNotification: FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse;
        Get15118EVCertificate: Get15118EVCertificateRequest, Get15118EVCertificateResponse;
        GetCertificateStatus: GetCertificateStatusRequest, GetCertificateStatusResponse;
        Heartbeat: HeartbeatRequest, HeartbeatResponse;
        LogStatusNotification: LogStatusNotificationRequest, LogStatusNotificationResponse;
        MeterValues: MeterValuesRequest, MeterValuesResponse;
        NotifyChargingLimit: NotifyChargingLimitRequest, NotifyChargingLimitResponse;
        NotifyCustomerInformation: NotifyCustomerInformationRequest, NotifyCustomerInformationResponse;
        NotifyDisplayMessages: NotifyDisplayMessagesRequest, NotifyDisplayMessagesResponse;
        NotifyEVChargingNeeds: NotifyEVChargingNeedsRequest, NotifyEVChargingNeedsResponse;
        NotifyEVChargingSchedule: NotifyEVChargingScheduleRequest, NotifyEVChargingScheduleResponse;
        NotifyEvent: NotifyEventRequest, NotifyEventResponse;
        NotifyMonitoringReport: NotifyMonitoringReportRequest, NotifyMonitoringReportResponse;
        NotifyReport: NotifyReportRequest, NotifyReportResponse;
        PublishFirmwareStatusNotification: PublishFirmwareStatusNotificationRequest, PublishFirmwareStatusNotificationResponse;
        ReportChargingProfiles: ReportChargingProfilesRequest, ReportChargingProfilesResponse;
        ReservationStatusUpdate: ReservationStatusUpdateRequest, ReservationStatusUpdateResponse;
        SecurityEventNotification: SecurityEventNotificationRequest, SecurityEventNotificationResponse;
        SignCertificate: SignCertificateRequest, SignCertificateResponse;
        StatusNotification: StatusNotificationRequest, StatusNotificationResponse;
        TransactionEvent: TransactionEventRequest, TransactionEventResponse;
    }
}

actions! {
    crate::Version::V201;
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
        ClearCache: ClearCacheRequest, ClearCacheResponse;
        ClearChargingProfile: ClearChargingProfileRequest, ClearChargingProfileResponse;
        ClearDisplayMessage: ClearDisplayMessageRequest, ClearDisplayMessageResponse;
        ClearVariableMonitoring: ClearVariableMonitoringRequest, ClearVariableMonitoringResponse;
        CostUpdated: CostUpdatedRequest, CostUpdatedResponse;
        CustomerInformation: CustomerInformationRequest, CustomerInformationResponse;
        DataTransfer: DataTransferRequest, DataTransferResponse;
        DeleteCertificate: DeleteCertificateRequest, DeleteCertificateResponse;
        GetBaseReport: GetBaseReportRequest, GetBaseReportResponse;
        GetChargingProfiles: GetChargingProfilesRequest, GetChargingProfilesResponse;
        GetCompositeSchedule: GetCompositeScheduleRequest, GetCompositeScheduleResponse;
        GetDisplayMessages: GetDisplayMessagesRequest, GetDisplayMessagesResponse;
        GetInstalledCertificateIds: GetInstalledCertificateIdsRequest, GetInstalledCertificateIdsResponse;
        GetLocalListVersion: GetLocalListVersionRequest, GetLocalListVersionResponse;
        GetLog: GetLogRequest, GetLogResponse;
        GetMonitoringReport: GetMonitoringReportRequest, GetMonitoringReportResponse;
        GetReport: GetReportRequest, GetReportResponse;
        GetTransactionStatus: GetTransactionStatusRequest, GetTransactionStatusResponse;
        GetVariables: GetVariablesRequest, GetVariablesResponse;
        InstallCertificate: InstallCertificateRequest, InstallCertificateResponse;
        PublishFirmware: PublishFirmwareRequest, PublishFirmwareResponse;
        RequestStartTransaction: RequestStartTransactionRequest, RequestStartTransactionResponse;
        RequestStopTransaction: RequestStopTransactionRequest, RequestStopTransactionResponse;
        ReserveNow: ReserveNowRequest, ReserveNowResponse;
        Reset: ResetRequest, ResetResponse;
        SendLocalList: SendLocalListRequest, SendLocalListResponse;
        SetChargingProfile: SetChargingProfileRequest, SetChargingProfileResponse;
        SetDisplayMessage: SetDisplayMessageRequest, SetDisplayMessageResponse;
        SetMonitoringBase: SetMonitoringBaseRequest, SetMonitoringBaseResponse;
        SetMonitoringLevel: SetMonitoringLevelRequest, SetMonitoringLevelResponse;
        SetNetworkProfile: SetNetworkProfileRequest, SetNetworkProfileResponse;
        SetVariableMonitoring: SetVariableMonitoringRequest, SetVariableMonitoringResponse;
        SetVariables: SetVariablesRequest, SetVariablesResponse;
        TriggerMessage: TriggerMessageRequest, TriggerMessageResponse;
        UnlockConnector: UnlockConnectorRequest, UnlockConnectorResponse;
        UnpublishFirmware: UnpublishFirmwareRequest, UnpublishFirmwareResponse;
        UpdateFirmware: UpdateFirmwareRequest, UpdateFirmwareResponse;
    }
}

#[cfg(test)]
mod tests;
