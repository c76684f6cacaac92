//! What a transaction cost, as the station reckons: evidence beside our own pricing, never instead of it.

use units::TimeSpan;

use super::energy::PreconditioningStatus;
use super::tariff::Price;
use crate::fields::Fields;
use crate::figure::Figure;
use crate::member::structures;
use crate::message::Message;
use crate::quirk::Quirk;
use crate::time::StationTime;
use crate::words::words;

structures! {
    /// What OCPP 2.1 adds to an event of a transaction.
    #[derive(Default)]
    EventInDetail {
        /// What the transaction cost, as the station reckons.
        cost_details: Option<Box<CostDetails>> = optional "costDetails" [since_v21()],
        /// How far the EV is in warming up its battery.
        preconditioning_status: Option<PreconditioningStatus> = optional "preconditioningStatus" [since_v21()],
        /// The EVSE's electronics sleep.
        evse_sleep: Option<bool> = optional "evseSleep" [since_v21()],
    }

    /// What a transaction cost.
    CostDetails {
        /// Its parts.
        charging_periods: Vec<ChargingPeriod> = optional "chargingPeriods",
        /// All that it cost.
        total_cost: TotalCost = required "totalCost",
        /// All that was used.
        total_usage: TotalUsage = required "totalUsage",
        /// The station could not reckon.
        failure_to_calculate: Option<bool> = optional "failureToCalculate",
        /// Why it could not; at most 500 characters.
        failure_reason: Option<String> = optional "failureReason" [chars(500)],
    }

    /// A part with one set of prices; it ends where the next begins.
    ChargingPeriod {
        /// What was used in it.
        dimensions: Vec<CostDimension> = optional "dimensions",
        /// By which tariff; at most 60 characters.
        tariff_id: Option<String> = optional "tariffId" [chars(60)],
        /// When it began.
        start_period: StationTime = required "startPeriod",
    }

    /// What was used.
    CostDimension {
        /// Of what.
        kind: CostDimensionKind = required "type",
        /// How much, in the unit of its kind; `None` where it is missing or unreadable.
        volume: Option<Figure> = required "volume",
    }

    /// What it cost.
    TotalCost {
        /// The currency, ISO 4217.
        currency: String = required "currency" [chars(3)],
        /// Whether a bound of the tariff set it.
        type_of_cost: TariffCost = required "typeOfCost",
        /// Once.
        fixed: Option<Price> = optional "fixed",
        /// For energy.
        energy: Option<Price> = optional "energy",
        /// For time while energy flowed.
        charging_time: Option<Price> = optional "chargingTime",
        /// For time while none flowed.
        idle_time: Option<Price> = optional "idleTime",
        /// For time reserved.
        reservation_time: Option<Price> = optional "reservationTime",
        /// For a reservation.
        reservation_fixed: Option<Price> = optional "reservationFixed",
        /// In all.
        total: TotalPrice = required "total",
    }

    /// An amount.
    TotalPrice {
        /// Without taxes.
        excl_tax: Option<Figure> = optional "exclTax",
        /// With taxes.
        incl_tax: Option<Figure> = optional "inclTax",
    }

    /// What was used in all.
    TotalUsage {
        /// Energy, in Wh; `None` where it is missing or unreadable.
        energy: Option<Figure> = required "energy",
        /// Time while energy flowed.
        charging_time: Option<TimeSpan> = required "chargingTime",
        /// Time while none flowed.
        idle_time: Option<TimeSpan> = required "idleTime",
        /// Time reserved.
        reservation_time: Option<TimeSpan> = optional "reservationTime",
    }

    /// Where a transaction ends by itself.
    TransactionLimit {
        /// At this cost, in the station's currency.
        max_cost: Option<Figure> = optional "maxCost",
        /// At this energy, in Wh.
        max_energy: Option<Figure> = optional "maxEnergy",
        /// After so long.
        max_time: Option<TimeSpan> = optional "maxTime",
        /// With the battery so full, in percent.
        max_soc: Option<u32> = optional "maxSoC",
    }
}

impl EventInDetail {
    /// What can be read of it: no event is refused for what it costs.
    pub(crate) fn tolerant(fields: &mut Fields<'_>) -> Self {
        Self::read(fields).unwrap_or_else(|_| {
            fields.note(Quirk::WrongType { field: "costDetails" });
            Self::default()
        })
    }
}

words! {
    /// What is used, and in which unit.
    CostDimensionKind {
        /// Energy, in Wh.
        Energy = "Energy",
        /// The highest current, in A.
        MaxCurrent = "MaxCurrent",
        /// The lowest current, in A.
        MinCurrent = "MinCurrent",
        /// The highest power, in W.
        MaxPower = "MaxPower",
        /// The lowest power, in W.
        MinPower = "MinPower",
        /// Time while no energy flowed, in s; the standard spells it so.
        IdleTime = "IdleTIme",
        /// Time while energy flowed, in s.
        ChargingTime = "ChargingTime",
    }
}

words! {
    /// What set a cost.
    TariffCost {
        /// What was used.
        NormalCost = "NormalCost",
        /// The least that the tariff asks.
        MinCost = "MinCost",
        /// The most that the tariff asks.
        MaxCost = "MaxCost",
    }
}
