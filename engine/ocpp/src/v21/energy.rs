//! What OCPP 2.1 adds to profiles and transactions for energy in either direction.

use units::TimeSpan;

use crate::figure::Figure;
use crate::member::{Opaque, structures};
use crate::time::StationTime;
use crate::words::words;

words! {
    /// What sets the power of an EVSE.
    OperationMode {
        /// Nothing.
        Idle = "Idle",
        /// Limits.
        ChargingOnly = "ChargingOnly",
        /// We.
        CentralSetpoint = "CentralSetpoint",
        /// Somebody else.
        ExternalSetpoint = "ExternalSetpoint",
        /// Somebody else's limits.
        ExternalLimits = "ExternalLimits",
        /// We, by the grid's frequency.
        CentralFrequency = "CentralFrequency",
        /// The station, by the grid's frequency.
        LocalFrequency = "LocalFrequency",
        /// The station, by a meter.
        LocalLoadBalancing = "LocalLoadBalancing",
    }
}

words! {
    /// How far an EV is in warming up its battery.
    PreconditioningStatus {
        /// Not known.
        Unknown = "Unknown",
        /// It is warm.
        Ready = "Ready",
        /// It is not.
        NotReady = "NotReady",
        /// It is being warmed.
        Preconditioning = "Preconditioning",
    }
}

structures! {
    /// What OCPP 2.1 adds to a profile.
    #[derive(Default)]
    ProfileInDetail {
        /// It ends when the station was without link for so long.
        max_offline_duration: Option<TimeSpan> = optional "maxOfflineDuration" [since_v21()],
        /// And does not come back with the link.
        invalid_after_offline_duration: Option<bool> = optional "invalidAfterOfflineDuration" [since_v21()],
        /// How often a station asks for the limit of a dynamic one.
        dyn_update_interval: Option<TimeSpan> = optional "dynUpdateInterval" [since_v21()],
        /// When the limit of a dynamic one was set.
        dyn_update_time: StationTime = optional "dynUpdateTime" [since_v21()],
        /// Of its prices; at most 256 characters.
        price_schedule_signature: Option<String> = optional "priceScheduleSignature" [since_v21().chars(256)],
    }

    /// What OCPP 2.1 adds to a schedule.
    #[derive(Default)]
    ScheduleInDetail {
        /// Another limit once the battery is so full.
        limit_at_soc: Option<LimitAtSoc> = optional "limitAtSoC" [since_v21()],
        /// How far the EV may stray from it.
        power_tolerance: Option<Figure> = optional "powerTolerance" [since_v21()],
        /// Names it in the signature of its prices.
        signature_id: Option<u32> = optional "signatureId" [since_v21()],
        /// The hash of its prices, base64; at most 88 characters.
        digest_value: Option<String> = optional "digestValue" [since_v21().chars(88)],
        /// Its times are local ones.
        use_local_time: Option<bool> = optional "useLocalTime" [since_v21()],
        /// Each change comes up to so much later.
        randomized_delay: Option<TimeSpan> = optional "randomizedDelay" [since_v21()],
        /// What it costs, for an EV of ISO 15118-20; carried, not read.
        absolute_price_schedule: Option<Opaque> = optional "absolutePriceSchedule" [since_v21()],
        /// How cheap it is, for an EV of ISO 15118-20; carried, not read.
        price_level_schedule: Option<Opaque> = optional "priceLevelSchedule" [since_v21()],
    }

    /// What a period says beside a limit of all phases. Figures are in the unit of the schedule.
    #[derive(Default)]
    PeriodInDetail {
        /// At most so much into the EV on L2.
        limit_l2: Option<Figure> = optional "limit_L2" [since_v21()],
        /// At most so much into the EV on L3.
        limit_l3: Option<Figure> = optional "limit_L3" [since_v21()],
        /// At most so much out of the EV; 0 or below.
        discharge_limit: Option<Figure> = optional "dischargeLimit" [since_v21()],
        /// On L2.
        discharge_limit_l2: Option<Figure> = optional "dischargeLimit_L2" [since_v21()],
        /// On L3.
        discharge_limit_l3: Option<Figure> = optional "dischargeLimit_L3" [since_v21()],
        /// As near as can be to so much.
        setpoint: Option<Figure> = optional "setpoint" [since_v21()],
        /// On L2.
        setpoint_l2: Option<Figure> = optional "setpoint_L2" [since_v21()],
        /// On L3.
        setpoint_l3: Option<Figure> = optional "setpoint_L3" [since_v21()],
        /// As near as can be to so much reactive power, or current.
        setpoint_reactive: Option<Figure> = optional "setpointReactive" [since_v21()],
        /// On L2.
        setpoint_reactive_l2: Option<Figure> = optional "setpointReactive_L2" [since_v21()],
        /// On L3.
        setpoint_reactive_l3: Option<Figure> = optional "setpointReactive_L3" [since_v21()],
        /// The EV should warm up its battery.
        preconditioning_request: Option<bool> = optional "preconditioningRequest" [since_v21()],
        /// The EVSE's electronics may sleep.
        evse_sleep: Option<bool> = optional "evseSleep" [since_v21()],
        /// What the curves add to.
        v2x_baseline: Option<Figure> = optional "v2xBaseline" [since_v21()],
        /// What sets the power.
        operation_mode: Option<OperationMode> = optional "operationMode" [since_v21()],
        /// Power by the grid's frequency; at most 20 points.
        v2x_freq_watt_curve: Vec<FreqWattPoint> = optional "v2xFreqWattCurve" [since_v21().items(20)],
        /// Power by a signal; at most 20 points.
        v2x_signal_watt_curve: Vec<SignalWattPoint> = optional "v2xSignalWattCurve" [since_v21().items(20)],
    }

    /// A point of a curve.
    FreqWattPoint {
        /// In Hz.
        frequency: Figure = required "frequency",
        /// In W.
        power: Figure = required "power",
    }

    /// A point of a curve.
    SignalWattPoint {
        /// The signal.
        signal: i32 = required "signal",
        /// In W.
        power: Figure = required "power",
    }

    /// Another limit once the battery is so full.
    LimitAtSoc {
        /// In percent.
        soc: u32 = required "soc",
        /// In the unit of the schedule.
        limit: Figure = required "limit",
    }

    /// What an EV can, and wants, in either direction: power in W, current in A, energy in Wh.
    V2xChargingParameters {
        /// The least power into it.
        min_charge_power: Option<Figure> = optional "minChargePower",
        /// On L2.
        min_charge_power_l2: Option<Figure> = optional "minChargePower_L2",
        /// On L3.
        min_charge_power_l3: Option<Figure> = optional "minChargePower_L3",
        /// The most power into it.
        max_charge_power: Option<Figure> = optional "maxChargePower",
        /// On L2.
        max_charge_power_l2: Option<Figure> = optional "maxChargePower_L2",
        /// On L3.
        max_charge_power_l3: Option<Figure> = optional "maxChargePower_L3",
        /// The least power out of it.
        min_discharge_power: Option<Figure> = optional "minDischargePower",
        /// On L2.
        min_discharge_power_l2: Option<Figure> = optional "minDischargePower_L2",
        /// On L3.
        min_discharge_power_l3: Option<Figure> = optional "minDischargePower_L3",
        /// The most power out of it.
        max_discharge_power: Option<Figure> = optional "maxDischargePower",
        /// On L2.
        max_discharge_power_l2: Option<Figure> = optional "maxDischargePower_L2",
        /// On L3.
        max_discharge_power_l3: Option<Figure> = optional "maxDischargePower_L3",
        /// The least current into it.
        min_charge_current: Option<Figure> = optional "minChargeCurrent",
        /// The most current into it.
        max_charge_current: Option<Figure> = optional "maxChargeCurrent",
        /// The least current out of it.
        min_discharge_current: Option<Figure> = optional "minDischargeCurrent",
        /// The most current out of it.
        max_discharge_current: Option<Figure> = optional "maxDischargeCurrent",
        /// The least voltage.
        min_voltage: Option<Figure> = optional "minVoltage",
        /// The most voltage.
        max_voltage: Option<Figure> = optional "maxVoltage",
        /// Energy to what the driver wants.
        ev_target_energy_request: Option<Figure> = optional "evTargetEnergyRequest",
        /// Energy to the least that the driver takes.
        ev_min_energy_request: Option<Figure> = optional "evMinEnergyRequest",
        /// Energy to the most that the battery takes.
        ev_max_energy_request: Option<Figure> = optional "evMaxEnergyRequest",
        /// Energy to where it may begin to give.
        ev_min_v2x_energy_request: Option<Figure> = optional "evMinV2XEnergyRequest",
        /// Energy to where it must have ceased to give.
        ev_max_v2x_energy_request: Option<Figure> = optional "evMaxV2XEnergyRequest",
        /// How full the driver wants the battery, in percent.
        target_soc: Option<u32> = optional "targetSoC",
    }
}
