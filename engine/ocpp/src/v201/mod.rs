//! OCPP 2.0.1: one file per action, request and response typed and coded in both directions. The twin's stations keep a
//! codec of their own, so that a mistake here cannot hide on both sides.
//!
//! A station's call is read by [`StationRequest::decode`] and answered by [`StationResponse::encode`]; a call of ours is
//! written by [`CsmsRequest::encode`] and its answer read by [`CsmsResponse::decode`] with the action that was asked.
//! `customData` and members that the standard does not have are passed over.

mod authorize;
mod boot_notification;
mod change_availability;
mod clear_cache;
mod clear_charging_profile;
mod data_transfer;
mod device;
mod error;
mod get_base_report;
mod get_composite_schedule;
mod get_transaction_status;
mod get_variables;
mod heartbeat;
mod meter;
mod meter_values;
mod notify_event;
mod notify_report;
mod profile;
mod request_start_transaction;
mod request_stop_transaction;
mod reset;
mod security_event_notification;
mod set_charging_profile;
mod set_variables;
mod status_notification;
mod transaction_event;
mod trigger_message;
mod types;
mod unlock_connector;

pub use authorize::{
    AuthorizeCertificateStatus, AuthorizeRequest, AuthorizeResponse, HashAlgorithm, OcspRequestData,
};
pub use boot_notification::{
    BootNotificationRequest, BootNotificationResponse, BootReason, ChargingStation, Modem,
};
pub use change_availability::{ChangeAvailabilityRequest, ChangeAvailabilityResponse};
pub use clear_cache::{ClearCacheRequest, ClearCacheResponse};
pub use clear_charging_profile::{
    ClearChargingProfile, ClearChargingProfileRequest, ClearChargingProfileResponse,
};
pub use data_transfer::{DataTransferRequest, DataTransferResponse};
pub use device::{AttributeType, Component, Variable};
pub use error::{ErrorCode, answer_to_frame, answer_to_payload};
pub use get_base_report::{
    GenericDeviceModelStatus, GetBaseReportRequest, GetBaseReportResponse, ReportBase,
};
pub use get_composite_schedule::{
    CompositeSchedule, GetCompositeScheduleRequest, GetCompositeScheduleResponse,
};
pub use get_transaction_status::{GetTransactionStatusRequest, GetTransactionStatusResponse};
pub use get_variables::{
    GetVariableData, GetVariableResult, GetVariableStatus, GetVariablesRequest, GetVariablesResponse,
};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use meter::{Measurand, MeterValue, SampledValue, SignedMeterValue, UnitOfMeasure};
pub use meter_values::{MeterValuesRequest, MeterValuesResponse};
pub use notify_event::{
    EventData, EventNotificationKind, EventTrigger, NotifyEventRequest, NotifyEventResponse,
};
pub use notify_report::{
    DataType, Mutability, NotifyReportRequest, NotifyReportResponse, ReportData, VariableAttribute,
    VariableCharacteristics,
};
pub use profile::{ChargingProfile, ChargingProfilePurpose, ChargingSchedule};
pub use request_start_transaction::{RequestStartTransactionRequest, RequestStartTransactionResponse};
pub use request_stop_transaction::{RequestStopTransactionRequest, RequestStopTransactionResponse};
pub use reset::{ResetRequest, ResetResponse, ResetType};
pub use security_event_notification::{SecurityEventNotificationRequest, SecurityEventNotificationResponse};
pub use set_charging_profile::{SetChargingProfileRequest, SetChargingProfileResponse};
pub use set_variables::{
    SetVariableData, SetVariableResult, SetVariableStatus, SetVariablesRequest, SetVariablesResponse,
};
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

pub use crate::sample::{Location, ReadingContext, SampleFault, SamplePhase};
pub use crate::schedule::{
    ChargingProfileKind, ChargingRate, ChargingRateUnit, ChargingSchedulePeriod, Limit, RecurrencyKind,
    ScheduleLimits,
};
pub use crate::words::{
    AcceptedStatus, ClearChargingProfileStatus, DataTransferStatus, OperationalStatus, RegistrationStatus,
    ScheduledStatus, TriggerMessageStatus,
};

use crate::message::actions;

/// Actions of OCPP 2.0.1 that are known and not handled.
const UNSUPPORTED: &[&str] = &[
    "CancelReservation",
    "CertificateSigned",
    "ClearDisplayMessage",
    "ClearVariableMonitoring",
    "ClearedChargingLimit",
    "CostUpdated",
    "CustomerInformation",
    "DeleteCertificate",
    "FirmwareStatusNotification",
    "Get15118EVCertificate",
    "GetCertificateStatus",
    "GetChargingProfiles",
    "GetDisplayMessages",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "GetMonitoringReport",
    "GetReport",
    "InstallCertificate",
    "LogStatusNotification",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "NotifyMonitoringReport",
    "PublishFirmware",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "ReserveNow",
    "SendLocalList",
    "SetDisplayMessage",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetNetworkProfile",
    "SetVariableMonitoring",
    "SignCertificate",
    "UnpublishFirmware",
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
        NotifyEvent: NotifyEventRequest, NotifyEventResponse;
        NotifyReport: NotifyReportRequest, NotifyReportResponse;
        SecurityEventNotification: SecurityEventNotificationRequest, SecurityEventNotificationResponse;
        StatusNotification: StatusNotificationRequest, StatusNotificationResponse;
        TransactionEvent: TransactionEventRequest, TransactionEventResponse;
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
        ClearCache: ClearCacheRequest, ClearCacheResponse;
        ClearChargingProfile: ClearChargingProfileRequest, ClearChargingProfileResponse;
        DataTransfer: DataTransferRequest, DataTransferResponse;
        GetBaseReport: GetBaseReportRequest, GetBaseReportResponse;
        GetCompositeSchedule: GetCompositeScheduleRequest, GetCompositeScheduleResponse;
        GetTransactionStatus: GetTransactionStatusRequest, GetTransactionStatusResponse;
        GetVariables: GetVariablesRequest, GetVariablesResponse;
        RequestStartTransaction: RequestStartTransactionRequest, RequestStartTransactionResponse;
        RequestStopTransaction: RequestStopTransactionRequest, RequestStopTransactionResponse;
        Reset: ResetRequest, ResetResponse;
        SetChargingProfile: SetChargingProfileRequest, SetChargingProfileResponse;
        SetVariables: SetVariablesRequest, SetVariablesResponse;
        TriggerMessage: TriggerMessageRequest, TriggerMessageResponse;
        UnlockConnector: UnlockConnectorRequest, UnlockConnectorResponse;
    }
}

#[cfg(test)]
mod tests;
