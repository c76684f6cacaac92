//! NotifyEVChargingNeeds: what an EV wants (ISO 15118).

use super::types::{EvseNumber, status_response};
use crate::figure::Figure;
use crate::member::{Opaque, structures};
use crate::time::StationTime;
use crate::v21::V2xChargingParameters;
use crate::words::words;

words! {
    /// How energy goes into the EV, or out of it.
    EnergyTransferMode {
        /// Direct current.
        Dc = "DC",
        /// One phase.
        AcSinglePhase = "AC_single_phase",
        /// Two phases.
        AcTwoPhase = "AC_two_phase",
        /// Three phases.
        AcThreePhase = "AC_three_phase",
    } since_v21 {
        /// Alternating current both ways.
        AcBpt = "AC_BPT",
        /// Alternating current both ways, by the grid's rules.
        AcBptDer = "AC_BPT_DER",
        /// Alternating current by the grid's rules.
        AcDer = "AC_DER",
        /// Direct current both ways.
        DcBpt = "DC_BPT",
        /// Direct current by a pantograph.
        DcAcdp = "DC_ACDP",
        /// Direct current both ways by a pantograph.
        DcAcdpBpt = "DC_ACDP_BPT",
        /// Without wire.
        Wpt = "WPT",
    }
}

words! {
    /// Who decides on the schedule.
    ControlMode {
        /// The EV, among those offered.
        ScheduledControl = "ScheduledControl",
        /// We.
        DynamicControl = "DynamicControl",
    }
}

words! {
    /// Who says what the driver needs.
    MobilityNeedsMode {
        /// The EV.
        Evcc = "EVCC",
        /// The EV and the station.
        EvccSecc = "EVCC_SECC",
    }
}

structures! {
    /// A station passes on what an EV wants.
    NotifyEVChargingNeedsRequest {
        /// How many periods the EV can take; `None` is any.
        max_schedule_tuples: Option<u32> = optional "maxScheduleTuples",
        /// What it wants.
        charging_needs: ChargingNeeds = required "chargingNeeds",
        /// Where.
        evse_id: EvseNumber = required "evseId",
        /// When the EV said so, by the station's clock.
        timestamp: StationTime = optional "timestamp" [since_v21()],
    }

    /// What an EV wants.
    ChargingNeeds {
        /// In alternating current.
        ac_charging_parameters: Option<AcChargingParameters> = optional "acChargingParameters",
        /// In direct current.
        dc_charging_parameters: Option<DcChargingParameters> = optional "dcChargingParameters",
        /// What the grid's rules ask of the EV's inverter; carried, not read.
        der_charging_parameters: Option<Opaque> = optional "derChargingParameters" [since_v21()],
        /// At what price the EV would give energy; carried, not read.
        ev_energy_offer: Option<Opaque> = optional "evEnergyOffer" [since_v21()],
        /// In either direction.
        v2x_charging_parameters: Option<Box<V2xChargingParameters>> = optional "v2xChargingParameters" [since_v21()],
        /// How it wants it.
        requested_energy_transfer: EnergyTransferMode = required "requestedEnergyTransfer",
        /// How it could take it.
        available_energy_transfer: Vec<EnergyTransferMode> = optional "availableEnergyTransfer" [since_v21()],
        /// Who decides on the schedule.
        control_mode: Option<ControlMode> = optional "controlMode" [since_v21()],
        /// Who says what the driver needs.
        mobility_needs_mode: Option<MobilityNeedsMode> = optional "mobilityNeedsMode" [since_v21()],
        /// When the driver leaves.
        departure_time: StationTime = optional "departureTime",
    }

    /// What an EV wants in alternating current.
    AcChargingParameters {
        /// Energy, in Wh.
        energy_amount: Figure = required "energyAmount",
        /// The least current that it can use, in A per phase.
        ev_min_current: Figure = required "evMinCurrent",
        /// The most, in A per phase.
        ev_max_current: Figure = required "evMaxCurrent",
        /// The most voltage, in V.
        ev_max_voltage: Figure = required "evMaxVoltage",
    }

    /// What an EV wants in direct current.
    DcChargingParameters {
        /// The most current, in A.
        ev_max_current: Figure = required "evMaxCurrent",
        /// The most voltage, in V.
        ev_max_voltage: Figure = required "evMaxVoltage",
        /// Energy, in Wh.
        energy_amount: Option<Figure> = optional "energyAmount",
        /// The most power, in W.
        ev_max_power: Option<Figure> = optional "evMaxPower",
        /// What is in the battery, in percent.
        state_of_charge: Option<u32> = optional "stateOfCharge",
        /// What the battery holds, in Wh.
        ev_energy_capacity: Option<Figure> = optional "evEnergyCapacity",
        /// What is full, in percent.
        full_soc: Option<u32> = optional "fullSoC",
        /// From where on it charges slowly, in percent.
        bulk_soc: Option<u32> = optional "bulkSoC",
    }
}

words! {
    /// What came of what an EV wants.
    NotifyEVChargingNeedsStatus {
        /// A schedule follows.
        Accepted = "Accepted",
        /// It cannot be had.
        Rejected = "Rejected",
        /// A schedule follows later.
        Processing = "Processing",
    } since_v21 {
        /// No profile follows.
        NoChargingProfile = "NoChargingProfile",
    }
}

status_response! {
    /// Our answer.
    NotifyEVChargingNeedsResponse, NotifyEVChargingNeedsStatus
}
