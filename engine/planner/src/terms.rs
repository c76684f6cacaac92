//! From the terms of a site to the costs of a plan.

use charging::site::Situation;
use charging::terms::{Terms, Told, Window};
use units::{Timestamp, UnitPrice, WattHours, Watts};

use crate::problem::{Costs, PlanProblem, PowerFee, PowerLimit, SiteLoad};

/// A problem with its costs, and what they rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// The problem.
    pub problem: PlanProblem,
    /// In how many slots the price is that of a day before, since none was told.
    pub prices_assumed: usize,
    /// In how many slots it is the mean of the others, since none was told of the days before either.
    pub prices_missing: usize,
}

impl PlanProblem {
    /// The same at the terms of its site. A slot costs what is told of its beginning; where that is nothing, what was told of a
    /// day before, or else the mean of all other slots. Where no slot has a price, all cost the same.
    ///
    /// What was imported in the present window is not metered here: it counts as what is drawn now, since the window began.
    #[must_use]
    pub fn under(mut self, terms: &Terms, situation: &Situation) -> Priced {
        let starts: Vec<Timestamp> = (0..self.slots).map(|slot| self.slot_start(slot)).collect();
        let told: Vec<Option<Told<UnitPrice>>> = starts.iter().map(|&at| terms.price_at(at)).collect();
        let prices_assumed = told.iter().filter(|told| matches!(told, Some(Told::Assumed(_)))).count();
        let is_priced = told.iter().any(Option::is_some);
        let prices_missing = if is_priced { told.iter().filter(|told| told.is_none()).count() } else { 0 };
        let energy = is_priced.then(|| filled(&told));
        let windows = |window: Window| starts.iter().map(|&at| Some(number(starts[0], at, window))).collect();
        let is_site_counted = energy.is_some() || terms.power_fee.is_some() || terms.power_limit.is_some();
        let site = is_site_counted.then(|| beside(terms, situation, &starts));
        let power_fee = terms.power_fee.map(|fee| {
            // What is drawn beside EVs is paid for whatever they do.
            let own = site.iter().flat_map(|site| site.base.iter().zip(&site.photovoltaics));
            let unavoidable = own.map(|(&base, &made)| base - made).fold(Watts::ZERO, Watts::max);
            PowerFee { price: fee.price, paid: fee.paid.max(unavoidable), windows: windows(fee.window) }
        });
        let power_limit = terms.power_limit.map(|limit| PowerLimit {
            limit: limit.limit,
            price_over: limit.price_over,
            windows: windows(limit.window),
            window: limit.window.length(),
            used: used(situation, limit.window),
        });
        let dearest = energy.iter().flatten().max().copied().unwrap_or(UnitPrice::from_millionths(0));
        let missing = terms.missing.unwrap_or(Terms::MISSING_USUALLY);
        let missing = missing.max(UnitPrice::from_millionths(dearest.millionths() * 2));
        self.costs = Costs { missing, energy, site, power_fee, power_limit };
        Priced { problem: self, prices_assumed, prices_missing }
    }
}

/// Every slot with a price: what is told, or the mean of it, rounded down.
fn filled(told: &[Option<Told<UnitPrice>>]) -> Vec<UnitPrice> {
    let price = |told: Told<UnitPrice>| match told {
        Told::Known(price) | Told::Assumed(price) => price,
    };
    let known: Vec<UnitPrice> = told.iter().flatten().copied().map(price).collect();
    let sum: i64 = known.iter().map(|price| price.millionths()).sum();
    let mean = sum.div_euclid(i64::try_from(known.len()).unwrap_or(1).max(1));
    told.iter().map(|told| told.map_or(UnitPrice::from_millionths(mean), price)).collect()
}

/// The number of the window that holds `at`, from that of `first` on.
fn number(first: Timestamp, at: Timestamp, window: Window) -> u32 {
    let passed = at.floor_to(window.length()).since(first.floor_to(window.length()));
    u32::try_from(passed.milliseconds() / window.length().milliseconds()).unwrap_or(u32::MAX)
}

/// What is expected beside EVs: as told, or what it is now.
fn beside(terms: &Terms, situation: &Situation, starts: &[Timestamp]) -> SiteLoad {
    let told = || starts.iter().map(|&at| terms.beside_at(at));
    SiteLoad {
        base: told().map(|told| told.and_then(|told| told.base).unwrap_or(situation.base)).collect(),
        photovoltaics: told().map(|told| told.map_or(Watts::ZERO, |told| told.photovoltaics)).collect(),
    }
}

fn used(situation: &Situation, window: Window) -> WattHours {
    let begun = situation.now.floor_to(window.length());
    let drawn: Watts = situation
        .sessions
        .iter()
        .map(|session| session.offered.at_voltage_floor(session.voltage_total))
        .fold(situation.base, |sum, power| sum + power);
    drawn.over_floor(situation.now.since(begun))
}
