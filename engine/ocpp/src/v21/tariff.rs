//! Tariffs, as stations calculate with them.

use units::TimeSpan;

use crate::figure::Figure;
use crate::member::structures;
use crate::time::StationTime;
use crate::v201::{EnergyTransferMode, MessageContent};
use crate::words::words;

structures! {
    /// What energy and time cost.
    Tariff {
        /// Names it; at most 60 characters.
        tariff_id: String = required "tariffId" [chars(60)],
        /// For the driver, in several languages; at most 10.
        description: Vec<MessageContent> = optional "description" [items(10)],
        /// The currency, ISO 4217.
        currency: String = required "currency" [chars(3)],
        /// Per kWh.
        energy: Option<TariffEnergy> = optional "energy",
        /// From when; absent is at once.
        valid_from: StationTime = optional "validFrom",
        /// While energy flows.
        charging_time: Option<TariffTime> = optional "chargingTime",
        /// While none flows.
        idle_time: Option<TariffTime> = optional "idleTime",
        /// Once.
        fixed_fee: Option<TariffFixed> = optional "fixedFee",
        /// While it is reserved.
        reservation_time: Option<TariffTime> = optional "reservationTime",
        /// For a reservation.
        reservation_fixed: Option<TariffFixed> = optional "reservationFixed",
        /// At least.
        min_cost: Option<Price> = optional "minCost",
        /// At most.
        max_cost: Option<Price> = optional "maxCost",
    }

    /// Prices of energy; the first whose conditions hold counts.
    TariffEnergy {
        /// The prices.
        prices: Vec<TariffEnergyPrice> = required "prices",
        /// The taxes; at most 5.
        tax_rates: Vec<TaxRate> = optional "taxRates" [items(5)],
    }

    /// A price of energy.
    TariffEnergyPrice {
        /// Per kWh, without taxes.
        price_kwh: Figure = required "priceKwh",
        /// When it counts; `None` is always.
        conditions: Option<TariffConditions> = optional "conditions",
    }

    /// Prices of time; the first whose conditions hold counts.
    TariffTime {
        /// The prices.
        prices: Vec<TariffTimePrice> = required "prices",
        /// The taxes; at most 5.
        tax_rates: Vec<TaxRate> = optional "taxRates" [items(5)],
    }

    /// A price of time.
    TariffTimePrice {
        /// Per minute, without taxes.
        price_minute: Figure = required "priceMinute",
        /// When it counts; `None` is always.
        conditions: Option<TariffConditions> = optional "conditions",
    }

    /// Prices to be paid once; the first whose conditions hold counts.
    TariffFixed {
        /// The prices.
        prices: Vec<TariffFixedPrice> = required "prices",
        /// The taxes; at most 5.
        tax_rates: Vec<TaxRate> = optional "taxRates" [items(5)],
    }

    /// A price to be paid once.
    TariffFixedPrice {
        /// When it counts; `None` is always.
        conditions: Option<TariffConditionsFixed> = optional "conditions",
        /// Without taxes.
        price_fixed: Figure = required "priceFixed",
    }

    /// An amount.
    Price {
        /// Without taxes.
        excl_tax: Option<Figure> = optional "exclTax",
        /// With taxes.
        incl_tax: Option<Figure> = optional "inclTax",
        /// The taxes; at most 5.
        tax_rates: Vec<TaxRate> = optional "taxRates" [items(5)],
    }

    /// A tax.
    TaxRate {
        /// Its name; at most 20 characters.
        kind: String = required "type" [chars(20)],
        /// In percent.
        tax: Figure = required "tax",
        /// Above which others it is reckoned; `None` is 0, on the price alone.
        stack: Option<u32> = optional "stack",
    }

    /// When a price counts: where all that is given holds. A lower bound is inclusive, an upper one is not.
    TariffConditions {
        /// From this time of day, HH:MM of local time.
        start_time_of_day: Option<String> = optional "startTimeOfDay",
        /// To this time of day.
        end_time_of_day: Option<String> = optional "endTimeOfDay",
        /// On these days.
        day_of_week: Vec<DayOfWeek> = optional "dayOfWeek" [items(7)],
        /// From this day, YYYY-MM-DD of local time.
        valid_from_date: Option<String> = optional "validFromDate",
        /// To this day.
        valid_to_date: Option<String> = optional "validToDate",
        /// At EVSEs of this kind.
        evse_kind: Option<EvseKind> = optional "evseKind",
        /// From so much energy, in Wh.
        min_energy: Option<Figure> = optional "minEnergy",
        /// Up to so much energy, in Wh.
        max_energy: Option<Figure> = optional "maxEnergy",
        /// From so much current, in A over all phases.
        min_current: Option<Figure> = optional "minCurrent",
        /// Up to so much current, in A over all phases.
        max_current: Option<Figure> = optional "maxCurrent",
        /// From so much power, in W.
        min_power: Option<Figure> = optional "minPower",
        /// Up to so much power, in W.
        max_power: Option<Figure> = optional "maxPower",
        /// From so long on.
        min_time: Option<TimeSpan> = optional "minTime",
        /// Up to so long.
        max_time: Option<TimeSpan> = optional "maxTime",
        /// From so long a flow on.
        min_charging_time: Option<TimeSpan> = optional "minChargingTime",
        /// Up to so long a flow.
        max_charging_time: Option<TimeSpan> = optional "maxChargingTime",
        /// From so long without flow on.
        min_idle_time: Option<TimeSpan> = optional "minIdleTime",
        /// Up to so long without flow.
        max_idle_time: Option<TimeSpan> = optional "maxIdleTime",
    }

    /// When a price to be paid once counts: where all that is given holds.
    TariffConditionsFixed {
        /// From this time of day, HH:MM of local time.
        start_time_of_day: Option<String> = optional "startTimeOfDay",
        /// To this time of day.
        end_time_of_day: Option<String> = optional "endTimeOfDay",
        /// On these days.
        day_of_week: Vec<DayOfWeek> = optional "dayOfWeek" [items(7)],
        /// From this day, YYYY-MM-DD of local time.
        valid_from_date: Option<String> = optional "validFromDate",
        /// To this day.
        valid_to_date: Option<String> = optional "validToDate",
        /// At EVSEs of this kind.
        evse_kind: Option<EvseKind> = optional "evseKind",
        /// With this brand of card; at most 20 characters.
        payment_brand: Option<String> = optional "paymentBrand" [chars(20)],
        /// With this kind of card; at most 20 characters.
        payment_recognition: Option<String> = optional "paymentRecognition" [chars(20)],
    }
}

structures! {
    /// What OCPP 2.1 adds to our answer to an Authorize.
    #[derive(Default)]
    AuthorizeInDetail {
        /// How energy may go into the EV, or out of it; empty is as the station can.
        allowed_energy_transfer: Vec<EnergyTransferMode> = optional "allowedEnergyTransfer" [since_v21()],
        /// What it costs the driver.
        tariff: Option<Box<Tariff>> = optional "tariff" [since_v21()],
    }
}

words! {
    /// A day.
    DayOfWeek {
        /// Monday.
        Monday = "Monday",
        /// Tuesday.
        Tuesday = "Tuesday",
        /// Wednesday.
        Wednesday = "Wednesday",
        /// Thursday.
        Thursday = "Thursday",
        /// Friday.
        Friday = "Friday",
        /// Saturday.
        Saturday = "Saturday",
        /// Sunday.
        Sunday = "Sunday",
    }
}

words! {
    /// What an EVSE gives.
    EvseKind {
        /// Alternating current.
        Ac = "AC",
        /// Direct current.
        Dc = "DC",
    }
}
