//! OCPP 2.0.1: one file per action, request and response typed and coded in both directions. The twin's stations keep a
//! codec of their own, so that a mistake here cannot hide on both sides.
//!
//! A station's call is read by [`StationRequest::decode`] and answered by [`StationResponse::encode`]; a call of ours is
//! written by [`CsmsRequest::encode`] and its answer read by [`CsmsResponse::decode`] with the action that was asked.
//! `customData` and members that the standard does not have are passed over.

mod authorize;
mod boot_notification;
mod clear_charging_profile;
mod data_transfer;
mod device;
mod error;
mod get_variables;
mod heartbeat;
mod meter;
mod meter_values;
mod profile;
mod request_start_transaction;
mod request_stop_transaction;
mod set_charging_profile;
mod set_variables;
mod status_notification;
mod transaction_event;
mod trigger_message;
mod types;

pub use authorize::{
    AuthorizeCertificateStatus, AuthorizeRequest, AuthorizeResponse, HashAlgorithm, OcspRequestData,
};
pub use boot_notification::{
    BootNotificationRequest, BootNotificationResponse, BootReason, ChargingStation, Modem,
};
pub use clear_charging_profile::{
    ClearChargingProfile, ClearChargingProfileRequest, ClearChargingProfileResponse,
};
pub use data_transfer::{DataTransferRequest, DataTransferResponse};
pub use device::{AttributeType, Component, Variable};
pub use error::{ErrorCode, answer_to_frame, answer_to_payload};
pub use get_variables::{
    GetVariableData, GetVariableResult, GetVariableStatus, GetVariablesRequest, GetVariablesResponse,
};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use meter::{Measurand, MeterValue, SampledValue, SignedMeterValue, UnitOfMeasure};
pub use meter_values::{MeterValuesRequest, MeterValuesResponse};
pub use profile::{ChargingProfile, ChargingProfilePurpose, ChargingSchedule};
pub use request_start_transaction::{RequestStartTransactionRequest, RequestStartTransactionResponse};
pub use request_stop_transaction::{RequestStopTransactionRequest, RequestStopTransactionResponse};
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

pub use crate::sample::{Location, ReadingContext, SampleFault, SamplePhase};
pub use crate::schedule::{
    ChargingProfileKind, ChargingRate, ChargingRateUnit, ChargingSchedulePeriod, Limit, RecurrencyKind,
    ScheduleLimits,
};
pub use crate::words::{
    AcceptedStatus, ClearChargingProfileStatus, DataTransferStatus, RegistrationStatus, TriggerMessageStatus,
};

use crate::message::actions;

/// Actions of OCPP 2.0.1 that are known and not handled.
const UNSUPPORTED: &[&str] = &[
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ClearCache",
    "ClearDisplayMessage",
    "ClearVariableMonitoring",
    "ClearedChargingLimit",
    "CostUpdated",
    "CustomerInformation",
    "DeleteCertificate",
    "FirmwareStatusNotification",
    "Get15118EVCertificate",
    "GetBaseReport",
    "GetCertificateStatus",
    "GetChargingProfiles",
    "GetCompositeSchedule",
    "GetDisplayMessages",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "GetMonitoringReport",
    "GetReport",
    "GetTransactionStatus",
    "InstallCertificate",
    "LogStatusNotification",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyReport",
    "PublishFirmware",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "ReserveNow",
    "Reset",
    "SecurityEventNotification",
    "SendLocalList",
    "SetDisplayMessage",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetNetworkProfile",
    "SetVariableMonitoring",
    "SignCertificate",
    "UnlockConnector",
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
        ClearChargingProfile: ClearChargingProfileRequest, ClearChargingProfileResponse;
        DataTransfer: DataTransferRequest, DataTransferResponse;
        GetVariables: GetVariablesRequest, GetVariablesResponse;
        RequestStartTransaction: RequestStartTransactionRequest, RequestStartTransactionResponse;
        RequestStopTransaction: RequestStopTransactionRequest, RequestStopTransactionResponse;
        SetChargingProfile: SetChargingProfileRequest, SetChargingProfileResponse;
        SetVariables: SetVariablesRequest, SetVariablesResponse;
        TriggerMessage: TriggerMessageRequest, TriggerMessageResponse;
    }
}
