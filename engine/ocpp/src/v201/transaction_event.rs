//! TransactionEvent: a transaction started, went on, or ended.

use units::{Amperes, TimeSpan};

use super::meter::MeterValue;
use super::types::{
    Evse, IdToken, IdTokenInfo, MessageContent, ReportedTransaction, check_charging_priority,
};
use crate::fields::{Fields, PayloadError};
use crate::figure::Figure;
use crate::member::structures;
use crate::message::Message;
use crate::time::StationTime;
use crate::v21::{EventInDetail, OperationMode, TransactionLimit};
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

words! {
    /// Which part of a transaction's life.
    TransactionEventKind {
        /// The last.
        Ended = "Ended",
        /// The first.
        Started = "Started",
        /// Between them.
        Updated = "Updated",
    }
}

words! {
    /// What made the station send an event.
    TriggerReason {
        /// A token was accepted.
        Authorized = "Authorized",
        /// The cable was plugged in.
        CablePluggedIn = "CablePluggedIn",
        /// The rate changed by much.
        ChargingRateChanged = "ChargingRateChanged",
        /// The charging state changed.
        ChargingStateChanged = "ChargingStateChanged",
        /// The token is no longer good.
        Deauthorized = "Deauthorized",
        /// The energy that was allowed is in.
        EnergyLimitReached = "EnergyLimitReached",
        /// The EV no longer communicates.
        EvCommunicationLost = "EVCommunicationLost",
        /// The EV was not plugged in in time.
        EvConnectTimeout = "EVConnectTimeout",
        /// Meter values at a time of the clock.
        MeterValueClock = "MeterValueClock",
        /// Meter values at an interval.
        MeterValuePeriodic = "MeterValuePeriodic",
        /// The time that was allowed is over.
        TimeLimitReached = "TimeLimitReached",
        /// We asked.
        Trigger = "Trigger",
        /// We asked to unlock the connector.
        UnlockCommand = "UnlockCommand",
        /// A token that may stop it was shown.
        StopAuthorized = "StopAuthorized",
        /// The EV left.
        EvDeparted = "EVDeparted",
        /// An EV came.
        EvDetected = "EVDetected",
        /// We asked for the stop.
        RemoteStop = "RemoteStop",
        /// We asked for the start.
        RemoteStart = "RemoteStart",
        /// Something is wrong.
        AbnormalCondition = "AbnormalCondition",
        /// The meter signed.
        SignedDataReceived = "SignedDataReceived",
        /// We asked for a reset.
        ResetCommand = "ResetCommand",
    } since_v21 {
        /// The cost that was allowed is reached.
        CostLimitReached = "CostLimitReached",
        /// Somebody set a limit to the transaction.
        LimitSet = "LimitSet",
        /// Something else sets the power.
        OperationModeChanged = "OperationModeChanged",
        /// The cost so far.
        RunningCost = "RunningCost",
        /// The battery is as full as was allowed.
        SocLimitReached = "SoCLimitReached",
        /// It costs something else.
        TariffChanged = "TariffChanged",
        /// The station cannot reckon with the tariff.
        TariffNotAccepted = "TariffNotAccepted",
        /// It goes on after a restart.
        TxResumed = "TxResumed",
    }
}

words! {
    /// What the EVSE does for a transaction.
    ChargingState {
        /// Energy may flow.
        Charging = "Charging",
        /// An EV is there; not authorized, or not ready.
        EvConnected = "EVConnected",
        /// The EV takes nothing.
        SuspendedEv = "SuspendedEV",
        /// The station offers nothing.
        SuspendedEvse = "SuspendedEVSE",
        /// No EV is there.
        Idle = "Idle",
    }
}

words! {
    /// Why a transaction ended.
    Reason {
        /// The token is no longer good.
        DeAuthorized = "DeAuthorized",
        /// The emergency button.
        EmergencyStop = "EmergencyStop",
        /// The energy that was allowed is in.
        EnergyLimitReached = "EnergyLimitReached",
        /// The EV was unplugged.
        EvDisconnected = "EVDisconnected",
        /// A residual-current device tripped.
        GroundFault = "GroundFault",
        /// A reset at once.
        ImmediateReset = "ImmediateReset",
        /// The driver, at the station; the default of the standard.
        Local = "Local",
        /// The credit at the station is used up.
        LocalOutOfCredit = "LocalOutOfCredit",
        /// A token that may stop anything.
        MasterPass = "MasterPass",
        /// Something else.
        OtherReason = "Other",
        /// More current than allowed.
        OvercurrentFault = "OvercurrentFault",
        /// No supply.
        PowerLoss = "PowerLoss",
        /// The supply is bad.
        PowerQuality = "PowerQuality",
        /// The station restarted.
        Reboot = "Reboot",
        /// We asked for it.
        Remote = "Remote",
        /// The state of charge that was wanted.
        SocLimitReached = "SOCLimitReached",
        /// The EV asked for it.
        StoppedByEv = "StoppedByEV",
        /// The time that was allowed is over.
        TimeLimitReached = "TimeLimitReached",
        /// The EV was not plugged in in time.
        Timeout = "Timeout",
    } since_v21 {
        /// How the EV wants its energy is not allowed.
        ReqEnergyTransferRejected = "ReqEnergyTransferRejected",
    }
}

/// An event of a transaction. Nothing must be there: what is missing is a finding, never a reason to make the station
/// repeat itself for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionEventRequest {
    /// Which part of the transaction's life.
    pub event_type: TransactionEventKind,
    /// What was measured.
    pub meter_value: Vec<MeterValue>,
    /// When it happened, by the station's clock, also where it is told much later.
    pub timestamp: StationTime,
    /// What made the station send it.
    pub trigger_reason: TriggerReason,
    /// Its number among the events of its transaction, ascending by one; `None` where it is missing or unreadable.
    pub seq_no: Option<u32>,
    /// Whether it happened while the station had no link.
    pub offline: bool,
    /// How many phases the EV uses, 1 to 3, where the station can tell.
    pub number_of_phases_used: Option<u8>,
    /// What the cable carries, whole amperes.
    pub cable_max_current: Option<Amperes>,
    /// The reservation that it ends.
    pub reservation_id: Option<i32>,
    /// The transaction.
    pub transaction_info: TransactionInfo,
    /// Where; at least in the first event that knows.
    pub evse: Option<Evse>,
    /// Who, in the event after the token was shown, and where one stopped it.
    pub id_token: Option<IdToken>,
    /// What only OCPP 2.1 can say of it.
    pub in_detail: EventInDetail,
}

structures! {
    /// The transaction of an event.
    #[derive(Default)]
    TransactionInfo {
        /// The station's id of it.
        transaction_id: ReportedTransaction = required "transactionId",
        /// What the EVSE does.
        charging_state: Option<ChargingState> = optional "chargingState",
        /// How long energy flowed in all; whole seconds, from 0.
        time_spent_charging: Option<TimeSpan> = optional "timeSpentCharging",
        /// Why it ended; `None` is Local by the standard, where it ended.
        stopped_reason: Option<Reason> = optional "stoppedReason",
        /// The number of the start that we asked for.
        remote_start_id: Option<i32> = optional "remoteStartId",
        /// What sets the power.
        operation_mode: Option<OperationMode> = optional "operationMode" [since_v21()],
        /// By which tariff the station reckons; at most 60 characters.
        tariff_id: Option<String> = optional "tariffId" [since_v21().chars(60)],
        /// Where it ends by itself.
        transaction_limit: Option<TransactionLimit> = optional "transactionLimit" [since_v21()],
    }
}

impl Message for TransactionEventRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            event_type: fields.word_expected("eventType"),
            meter_value: fields.list("meterValue", MeterValue::read)?,
            timestamp: fields.time_expected("timestamp"),
            trigger_reason: fields.word_expected("triggerReason"),
            seq_no: fields.whole_expected("seqNo"),
            offline: fields.flag("offline").unwrap_or(false),
            number_of_phases_used: fields.whole("numberOfPhasesUsed"),
            cable_max_current: fields.decimal("cableMaxCurrent"),
            reservation_id: fields.whole("reservationId"),
            transaction_info: fields.object_expected("transactionInfo", TransactionInfo::read)?,
            evse: Evse::optional(fields),
            id_token: IdToken::optional(fields, "idToken"),
            in_detail: EventInDetail::tolerant(fields),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word("eventType", &self.event_type);
        out.list_optional("meterValue", &self.meter_value, |out, value| value.write(out));
        out.time("timestamp", &self.timestamp);
        out.word("triggerReason", &self.trigger_reason);
        out.whole_required("seqNo", self.seq_no);
        out.flag_if_set("offline", self.offline);
        out.number_optional("numberOfPhasesUsed", self.number_of_phases_used);
        if let Some(current) = self.cable_max_current {
            let milliamperes = current.milliamperes();
            if milliamperes % 1000 != 0 {
                out.refuse("cableMaxCurrent", EncodeFault::Rule { rule: "is in whole amperes" });
            }
            out.number("cableMaxCurrent", milliamperes / 1000);
        }
        out.number_optional("reservationId", self.reservation_id);
        out.object("transactionInfo", |out| self.transaction_info.write(out));
        Evse::write_optional(self.evse, out);
        IdToken::write_optional(self.id_token.as_ref(), out, "idToken");
        self.in_detail.write(out);
    }
}

structures! {
    /// Our answer: the event is kept.
    #[derive(Default)]
    TransactionEventResponse, check_priority {
        /// The final cost with taxes, in the station's currency; only in answer to Ended, "0.00" where it was free.
        total_cost: Option<Figure> = optional "totalCost",
        /// From -9 to 9, instead of the token's own.
        charging_priority: Option<i32> = optional "chargingPriority",
        /// What we say of the token, where one came.
        id_token_info: Option<IdTokenInfo> = optional "idTokenInfo",
        /// Where the transaction is to end by itself.
        transaction_limit: Option<TransactionLimit> = optional "transactionLimit" [since_v21()],
        /// For the driver, from now on.
        updated_personal_message: Option<MessageContent> = optional "updatedPersonalMessage",
        /// The same in other languages; at most 4.
        updated_personal_message_extra: Vec<MessageContent> =
            optional "updatedPersonalMessageExtra" [since_v21().items(4)],
    }
}

fn check_priority(response: &TransactionEventResponse, out: &mut Writer) {
    check_charging_priority(out, response.charging_priority);
}
