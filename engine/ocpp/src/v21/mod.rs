//! What OCPP 2.1 has and OCPP 2.0.1 has not: its new messages, one file per action, and the structures that it adds to
//! messages of [`crate::v201`].
//!
//! All other messages are those of [`crate::v201`], read and written in [`crate::Version::V21`] by `decode_in` and
//! `encode_in`; members, words and lengths that OCPP 2.1 adds are marked there.

mod change_transaction_tariff;
mod clear_tariffs;
mod cost_details;
mod energy;
mod get_certificate_chain_status;
mod get_tariffs;
mod notify_allowed_energy_transfer;
mod notify_priority_charging;
mod notify_settlement;
mod notify_web_payment_started;
mod pull_dynamic_schedule_update;
mod set_default_tariff;
mod tariff;
mod update_dynamic_schedule;
mod use_priority_charging;
mod vat_number_validation;

pub use change_transaction_tariff::{
    ChangeTransactionTariffRequest, ChangeTransactionTariffResponse, TariffChangeStatus,
};
pub use clear_tariffs::{ClearTariffsRequest, ClearTariffsResponse, ClearTariffsResult, TariffClearStatus};
pub use cost_details::{
    ChargingPeriod, CostDetails, CostDimension, CostDimensionKind, EventInDetail, TariffCost, TotalCost,
    TotalPrice, TotalUsage, TransactionLimit,
};
pub use energy::{
    FreqWattPoint, LimitAtSoc, OperationMode, PeriodInDetail, PreconditioningStatus, ProfileInDetail,
    ScheduleInDetail, SignalWattPoint, V2xChargingParameters,
};
pub use get_certificate_chain_status::{
    CertificateStatus, CertificateStatusKnown, CertificateStatusRequestInfo, CertificateStatusSource,
    GetCertificateChainStatusRequest, GetCertificateChainStatusResponse,
};
pub use get_tariffs::{GetTariffsRequest, GetTariffsResponse, TariffAssignment, TariffGetStatus, TariffKind};
pub use notify_allowed_energy_transfer::{
    NotifyAllowedEnergyTransferRequest, NotifyAllowedEnergyTransferResponse,
};
pub use notify_priority_charging::{NotifyPriorityChargingRequest, NotifyPriorityChargingResponse};
pub use notify_settlement::{Address, NotifySettlementRequest, NotifySettlementResponse, PaymentStatus};
pub use notify_web_payment_started::{NotifyWebPaymentStartedRequest, NotifyWebPaymentStartedResponse};
pub use pull_dynamic_schedule_update::{PullDynamicScheduleUpdateRequest, PullDynamicScheduleUpdateResponse};
pub use set_default_tariff::{SetDefaultTariffRequest, SetDefaultTariffResponse, TariffSetStatus};
pub use tariff::{
    AuthorizeInDetail, DayOfWeek, EvseKind, Price, Tariff, TariffConditions, TariffConditionsFixed,
    TariffEnergy, TariffEnergyPrice, TariffFixed, TariffFixedPrice, TariffTime, TariffTimePrice, TaxRate,
};
pub use update_dynamic_schedule::{
    ChargingScheduleUpdate, UpdateDynamicScheduleRequest, UpdateDynamicScheduleResponse,
};
pub use use_priority_charging::{
    PriorityChargingStatus, UsePriorityChargingRequest, UsePriorityChargingResponse,
};
pub use vat_number_validation::{VatNumberValidationRequest, VatNumberValidationResponse};

use crate::fields::PayloadError;
use crate::frame::{self, MessageId};
use crate::message::actions;
use crate::v201::ErrorCode;

/// The CALLRESULTERROR that refuses the answer to the call `id`, whose payload has no meaning (OCPP 2.1 part 4, "CALLRESULTERROR").
#[must_use]
pub fn refusal_of_answer(id: &MessageId, error: &PayloadError) -> String {
    frame::encode_call_result_error(id, ErrorCode::from(error).as_str(), &error.to_string())
}

/// Actions of OCPP 2.1 that are known and not handled: event streams, control of generation (DER), frequency reserves
/// (AFRR) and battery swap.
pub(crate) const UNSUPPORTED: &[&str] = &[
    "AFRRSignal",
    "AdjustPeriodicEventStream",
    "BatterySwap",
    "ClearDERControl",
    "ClosePeriodicEventStream",
    "GetDERControl",
    "GetPeriodicEventStream",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyPeriodicEventStream",
    "OpenPeriodicEventStream",
    "ReportDERControl",
    "RequestBatterySwap",
    "SetDERControl",
];

actions! {
    crate::Version::V21;
    /// What stations call in OCPP 2.1 only.
    StationAction,
    /// A call of a station.
    StationRequest,
    /// Our answer to a station's call.
    StationResponse,
    {
        GetCertificateChainStatus: GetCertificateChainStatusRequest, GetCertificateChainStatusResponse;
        NotifyPriorityCharging: NotifyPriorityChargingRequest, NotifyPriorityChargingResponse;
        NotifySettlement: NotifySettlementRequest, NotifySettlementResponse;
        PullDynamicScheduleUpdate: PullDynamicScheduleUpdateRequest, PullDynamicScheduleUpdateResponse;
        VatNumberValidation: VatNumberValidationRequest, VatNumberValidationResponse;
    }
}

actions! {
    crate::Version::V21;
    /// What we call in OCPP 2.1 only.
    CsmsAction,
    /// A call of ours.
    CsmsRequest,
    /// A station's answer to our call.
    CsmsResponse,
    {
        ChangeTransactionTariff: ChangeTransactionTariffRequest, ChangeTransactionTariffResponse;
        ClearTariffs: ClearTariffsRequest, ClearTariffsResponse;
        GetTariffs: GetTariffsRequest, GetTariffsResponse;
        NotifyAllowedEnergyTransfer: NotifyAllowedEnergyTransferRequest, NotifyAllowedEnergyTransferResponse;
        NotifyWebPaymentStarted: NotifyWebPaymentStartedRequest, NotifyWebPaymentStartedResponse;
        SetDefaultTariff: SetDefaultTariffRequest, SetDefaultTariffResponse;
        UpdateDynamicSchedule: UpdateDynamicScheduleRequest, UpdateDynamicScheduleResponse;
        UsePriorityCharging: UsePriorityChargingRequest, UsePriorityChargingResponse;
    }
}
