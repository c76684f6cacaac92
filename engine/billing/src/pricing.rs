//! Pricing: a billable CDR and its frozen tariff give charging periods and one amount.
//!
//! Let R(t) be the register over time: given at the readings, and between two neighbours (t₀, r₀), (t₁, r₁) linear,
//! `r₀ + ⌊(r₁ − r₀)·(t − t₀)/(t₁ − t₀)⌋` in whole mWh. With the price boundaries t₁ < … < tₙ between the begin reading
//! t₀ and the end reading tₙ₊₁ and the price p(t) of the first element that matches at t, the amount is
//! `Σ p(tᵢ)·(R(tᵢ₊₁) − R(tᵢ))` plus FLAT, TIME and PARKING_TIME, exact, rounded once. The energies always sum to
//! end − start.

pub mod naive;
mod time;

use serde::{Deserialize, Serialize};
use units::civil::{CivilMonth, Zone};
use units::{
    CdrId, Currency, EvseId, Money, OwnerId, PreciseAmount, Rounding, SessionId, SiteId, TariffId, TimeSpan,
    Timestamp, UnitPrice, WattHours,
};

use crate::cdr::{Driver, FeeClass, RegisterCurve};
use crate::finding::Billable;
use crate::tariff::{ComponentKind, Tariff};

/// A CDR with its price: one document line, rounded once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedCdr {
    /// The CDR.
    pub cdr: CdrId,
    /// Its session.
    pub session: SessionId,
    /// Where.
    pub site: SiteId,
    /// Whose site.
    pub owner: OwnerId,
    /// The site's zone.
    pub zone: Zone,
    /// At which EVSE.
    pub evse: EvseId,
    /// Which of the owner's fees it bears.
    pub fee_class: FeeClass,
    /// Who pays; never unknown.
    pub driver: Driver,
    /// The tariff that priced it.
    pub tariff: TariffId,
    /// The currency of the amounts.
    pub currency: Currency,
    /// The true start.
    pub started_at: Timestamp,
    /// The true end: the time of delivery, whose VAT rate holds.
    pub stopped_at: Timestamp,
    /// The month that bills it.
    pub month: CivilMonth,
    /// End register less start register.
    pub energy: WattHours,
    /// The parts with one price each, in order of time, without gaps.
    pub periods: Vec<ChargingPeriod>,
    /// What the line consists of, unrounded.
    pub components: Vec<PricedComponent>,
    /// The exact sum of the components.
    pub exact: PreciseAmount,
    /// The rule of the line's one rounding.
    pub rounding: Rounding,
    /// The rounded amount; not negative. VAT is included where the seller charges VAT.
    pub amount: Money,
}

/// A part of a CDR with one energy price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargingPeriod {
    /// Its first instant.
    pub from: Timestamp,
    /// The instant after its last.
    pub until: Timestamp,
    /// The register at `from`.
    pub register_from: WattHours,
    /// The register at `until`.
    pub register_until: WattHours,
    /// The price per kWh; none where the tariff prices sessions only.
    pub price: Option<UnitPrice>,
    /// Whether one of the registers lies between readings.
    pub is_estimated: bool,
}

impl ChargingPeriod {
    /// What flowed. Not negative.
    #[must_use]
    pub fn energy(&self) -> WattHours {
        self.register_until - self.register_from
    }
}

/// A part of a document line: quantity times price, unrounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedComponent {
    /// How much of what.
    pub quantity: Quantity,
    /// Per kWh, session or hour.
    pub price: UnitPrice,
    /// The product, exact.
    pub exact: PreciseAmount,
    /// Whether the quantity rests on an estimated register.
    pub is_estimated: bool,
}

/// What a component counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Energy, priced per kWh.
    Energy(WattHours),
    /// One session.
    Session,
    /// Time in which energy flowed, priced per hour.
    Time(TimeSpan),
    /// Time in which the EV declined an offer, less what is spared, priced per hour.
    Parking(TimeSpan),
}

/// Whether a session still owes its FLAT: it is due once per session, on the first CDR that carries energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlatDue {
    /// No CDR of the session bore it yet.
    Due,
    /// An earlier CDR of the session bore it.
    AlreadyBorne,
}

/// Why a CDR cannot be priced: it is held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricingRefusal {
    /// The tariff is not the frozen one.
    #[error("CDR {cdr} is on tariff {frozen}, not {given}")]
    AnotherTariff {
        /// The CDR.
        cdr: CdrId,
        /// What it is on.
        frozen: TariffId,
        /// What was given.
        given: TariffId,
    },
    /// The session began before the tariff did.
    #[error("CDR {cdr} began at {started_at}, before its tariff at {valid_from}")]
    TariffNotYetValid {
        /// The CDR.
        cdr: CdrId,
        /// The session's start.
        started_at: Timestamp,
        /// The tariff's.
        valid_from: Timestamp,
    },
    /// Energy is priced, but no element matches at this instant.
    #[error("CDR {cdr}: the tariff has no energy price at {at}")]
    NoEnergyPrice {
        /// The CDR.
        cdr: CdrId,
        /// The first such instant.
        at: Timestamp,
    },
    /// A price boundary lies in a gap between registers that is longer than the tariff allows.
    #[error("CDR {cdr}: no register from {from} until {until}, over the tariff's limit of {limit}")]
    GapTooLong {
        /// The CDR.
        cdr: CdrId,
        /// The reading before the gap.
        from: Timestamp,
        /// The reading after it.
        until: Timestamp,
        /// What the tariff allows.
        limit: TimeSpan,
    },
}

/// Prices a CDR.
///
/// # Errors
///
/// Where the tariff does not say what it costs: nothing is guessed.
pub fn price(billable: &Billable<'_>, tariff: &Tariff, flat: FlatDue) -> Result<PricedCdr, PricingRefusal> {
    let cdr = billable.cdr;
    check_tariff(billable, tariff)?;
    let periods = charging_periods(billable, tariff)?;
    let mut components = energy_components(&periods);
    components.extend(time::components(billable, tariff));
    components.extend(flat_component(billable, tariff, flat));
    let exact: PreciseAmount = components.iter().map(|component| component.exact).sum();
    let energy = billable.energy();
    let in_periods = periods.iter().fold(WattHours::ZERO, |sum, period| sum + period.energy());
    assert!(energy == in_periods, "CDR {}: {in_periods} in periods, {energy} in registers", cdr.id);
    let (rounding, currency) = (Rounding::HalfAwayFromZero, tariff.parts().currency);
    Ok(PricedCdr {
        cdr: cdr.id,
        session: cdr.session,
        site: cdr.site.clone(),
        owner: cdr.owner.clone(),
        zone: cdr.zone.clone(),
        evse: cdr.evse.clone(),
        fee_class: cdr.fee_class,
        driver: billable.driver.clone(),
        tariff: tariff.id().clone(),
        currency,
        started_at: cdr.started_at,
        stopped_at: cdr.stopped_at,
        month: billable.month(),
        energy,
        periods,
        components,
        exact,
        rounding,
        amount: exact.round(rounding, currency),
    })
}

fn check_tariff(billable: &Billable<'_>, tariff: &Tariff) -> Result<(), PricingRefusal> {
    let cdr = billable.cdr;
    if billable.tariff != *tariff.id() {
        let (frozen, given) = (billable.tariff.clone(), tariff.id().clone());
        return Err(PricingRefusal::AnotherTariff { cdr: cdr.id, frozen, given });
    }
    let valid_from = tariff.parts().valid_from;
    if cdr.started_at < valid_from {
        let started_at = cdr.started_at;
        return Err(PricingRefusal::TariffNotYetValid { cdr: cdr.id, started_at, valid_from });
    }
    Ok(())
}

fn charging_periods(billable: &Billable<'_>, tariff: &Tariff) -> Result<Vec<ChargingPeriod>, PricingRefusal> {
    let (cdr, curve) = (billable.cdr, &billable.curve);
    let (begin, end) = (curve.begin(), curve.end());
    let price_at = |at| match tariff.price_at(ComponentKind::Energy, &cdr.zone.civil(at)) {
        None if tariff.prices(ComponentKind::Energy) => {
            Err(PricingRefusal::NoEnergyPrice { cdr: cdr.id, at })
        }
        price => Ok(price),
    };
    let mut periods = vec![ChargingPeriod {
        from: begin.at,
        until: end.at,
        register_from: begin.register,
        register_until: end.register,
        price: price_at(begin.at)?,
        is_estimated: false,
    }];
    for at in tariff.boundaries(&cdr.zone, begin.at, end.at) {
        let price = price_at(at)?;
        let Some(open) = periods.last_mut().filter(|open| open.price != price) else { continue };
        let cut = register_at(curve, at);
        if let Some((limit, (from, until))) = tariff.parts().gap_limit.zip(cut.estimated_between)
            && until.since(from) > limit
        {
            return Err(PricingRefusal::GapTooLong { cdr: cdr.id, from, until, limit });
        }
        let is_estimated = cut.estimated_between.is_some();
        open.until = at;
        open.register_until = cut.register;
        open.is_estimated |= is_estimated;
        periods.push(ChargingPeriod {
            from: at,
            until: end.at,
            register_from: cut.register,
            register_until: end.register,
            price,
            is_estimated,
        });
    }
    Ok(periods)
}

struct Cut {
    register: WattHours,
    /// The neighbouring readings, where the register was not read at the cut and rose between them.
    estimated_between: Option<(Timestamp, Timestamp)>,
}

/// The register at an instant strictly between begin and end.
fn register_at(curve: &RegisterCurve, at: Timestamp) -> Cut {
    let points = curve.points();
    let after = points.partition_point(|point| point.at <= at);
    let (left, right) = (points[after - 1], points[after]);
    // Where nothing flowed between two readings, the register is known without a reading.
    if left.at == at || left.register == right.register {
        return Cut { register: left.register, estimated_between: None };
    }
    let rise = i128::from((right.register - left.register).milliwatt_hours());
    let elapsed = i128::from(at.since(left.at).milliseconds());
    let gap = i128::from(right.at.since(left.at).milliseconds());
    let part = i64::try_from(rise * elapsed / gap)
        .unwrap_or_else(|_| panic!("a part of {rise} mWh is no larger than the whole"));
    let register = left.register + WattHours::from_milliwatt_hours(part);
    Cut { register, estimated_between: Some((left.at, right.at)) }
}

/// One component per price, in order of its first period.
fn energy_components(periods: &[ChargingPeriod]) -> Vec<PricedComponent> {
    let mut components: Vec<PricedComponent> = Vec::new();
    for period in periods {
        let Some(price) = period.price else { continue };
        let exact = price.per_kilowatt_hour(period.energy());
        match components.iter_mut().find(|component| component.price == price) {
            Some(component) => {
                component.exact += exact;
                component.is_estimated |= period.is_estimated;
                if let Quantity::Energy(energy) = &mut component.quantity {
                    *energy += period.energy();
                }
            }
            None => components.push(PricedComponent {
                quantity: Quantity::Energy(period.energy()),
                price,
                exact,
                is_estimated: period.is_estimated,
            }),
        }
    }
    components
}

/// FLAT, by the element that matches at the session's start. Without energy there was no charging to pay for.
fn flat_component(billable: &Billable<'_>, tariff: &Tariff, flat: FlatDue) -> Option<PricedComponent> {
    let civil = billable.cdr.zone.civil(billable.cdr.started_at);
    let price = match flat {
        FlatDue::Due if billable.energy() > WattHours::ZERO => {
            tariff.price_at(ComponentKind::Flat, &civil)?
        }
        FlatDue::Due | FlatDue::AlreadyBorne => return None,
    };
    let exact = price.per_piece(1);
    Some(PricedComponent { quantity: Quantity::Session, price, exact, is_estimated: false })
}
