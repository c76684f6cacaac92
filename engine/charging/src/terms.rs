//! What energy and power cost at a site, what it draws and makes beside EVs, and what others command: told from outside.
//!
//! Prices, the fee, the contract and the expectations are hints for who plans. A command is none: it lowers what a circuit may
//! carry, in every decision, and no plan can lift it (CONTROL section 6, S9).

use serde::{Deserialize, Serialize};
use units::{Amperes, CircuitId, TimeSpan, Timestamp, UnitPrice, Watts};

/// No list of terms is longer: a year of quarter hours.
pub const ROWS_MAX: usize = 36_000;
/// No price is beyond this, per kWh or kW.
const PRICE_MAX: UnitPrice = UnitPrice::from_millionths(10_000_000_000);
/// No power is beyond this.
const POWER_MAX: Watts = Watts::from_watts(1_000_000_000);
/// What prices do not tell of an instant is taken from as many days before, at most.
const DAYS_BACK: i64 = 7;

/// The terms of a site. Intervals hold their beginning and not their end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// What a kWh of import costs, in order of time; empty where it costs the same at all times.
    pub energy: Vec<EnergyPrice>,
    /// What a kWh that an EV leaves without counts as; above 0. It counts for at least twice the dearest price. None stands for
    /// [`Terms::MISSING_USUALLY`].
    pub missing: Option<UnitPrice>,
    /// A fee on the highest mean import of a billing period.
    pub power_fee: Option<PowerFeeTerms>,
    /// What a contract allows as mean import.
    pub power_limit: Option<PowerLimitTerms>,
    /// What is expected beside EVs, in order of time. Where nothing is told, base load stays what it is, and nothing is made.
    pub beside: Vec<Beside>,
    /// What others command, such as the grid's operator.
    pub commands: Vec<Commanded>,
}

/// The price of an interval, an hour or a quarter of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyPrice {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// For each kWh; it may be negative.
    pub price: UnitPrice,
}

/// Over what a mean is taken, from each full one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A quarter of an hour.
    Quarter,
    /// An hour.
    Hour,
}

impl Window {
    /// Its length.
    #[must_use]
    pub const fn length(self) -> TimeSpan {
        match self {
            Self::Quarter => TimeSpan::from_minutes(15),
            Self::Hour => TimeSpan::from_hours(1),
        }
    }
}

/// A fee on the highest mean import of a billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerFeeTerms {
    /// For each kW of the peak; 0 or more.
    pub price: UnitPrice,
    /// Over what the mean is taken.
    pub window: Window,
    /// The peak that is paid anyway: the highest of the period so far; 0 W or more.
    pub paid: Watts,
}

/// What a contract allows as mean import: more is possible, at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerLimitTerms {
    /// The most; 0 W or more.
    pub limit: Watts,
    /// Over what the mean is taken.
    pub window: Window,
    /// For each kWh above; 0 or more.
    pub price_over: UnitPrice,
}

/// What is expected beside EVs, in total over the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// What everything but EVs draws, photovoltaics aside; 0 W or more. None where it stays what it is.
    pub base: Option<Watts>,
    /// What photovoltaics make; 0 W or more.
    pub photovoltaics: Watts,
}

/// What somebody else commands a circuit to carry at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commanded {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// The circuit.
    pub circuit: CircuitId,
    /// The most import per phase, base load included; 0 A or more. Base load alone may be more: then EVs get nothing.
    pub limit: Amperes,
}

impl Terms {
    /// 5.00 for each kWh that an EV leaves without: dearer than energy has been, and worth a kW of most fees.
    pub const MISSING_USUALLY: UnitPrice = UnitPrice::from_millionths(5_000_000);

    /// Nothing was told.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Everything that is wrong with them; nothing where they are right.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut say = |mistake: Option<String>| mistakes.extend(mistake);
        let energy = self.energy.iter().map(|row| (row.from, row.until));
        say(interval_mistake("energy", energy, Overlap::Forbidden));
        let beside = self.beside.iter().map(|row| (row.from, row.until));
        say(interval_mistake("beside", beside, Overlap::Forbidden));
        let commands = self.commands.iter().map(|row| (row.from, row.until));
        say(interval_mistake("commands", commands, Overlap::Allowed));
        for row in &self.energy {
            say(price_mistake("energy", row.price, UnitPrice::from_millionths(-PRICE_MAX.millionths())));
        }
        say(self.missing.and_then(|price| price_mistake("missing", price, UnitPrice::from_millionths(1))));
        let nothing = UnitPrice::from_millionths(0);
        if let Some(fee) = self.power_fee {
            say(price_mistake("power_fee", fee.price, nothing));
            say(power_mistake("power_fee.paid", fee.paid));
        }
        if let Some(limit) = self.power_limit {
            say(price_mistake("power_limit.price_over", limit.price_over, nothing));
            say(power_mistake("power_limit.limit", limit.limit));
        }
        for row in &self.beside {
            say(row.base.and_then(|base| power_mistake("beside.base", base)));
            say(power_mistake("beside.photovoltaics", row.photovoltaics));
        }
        for row in self.commands.iter().filter(|row| row.limit < Amperes::ZERO) {
            let Commanded { circuit, limit, .. } = row;
            say(Some(format!("commands: {circuit} is commanded {limit}; give 0 A or more")));
        }
        mistakes
    }

    /// The price at an instant. Where none is told, that of the same time of a day before, up to seven; none where no price of
    /// these is told either.
    #[must_use]
    pub fn price_at(&self, at: Timestamp) -> Option<Told<UnitPrice>> {
        let told =
            |at: Timestamp| covering(&self.energy, at, |row| (row.from, row.until)).map(|row| row.price);
        let day = TimeSpan::from_hours(24);
        match told(at) {
            Some(price) => Some(Told::Known(price)),
            None => (1..=DAYS_BACK).find_map(|days| told(at - day * days)).map(Told::Assumed),
        }
    }

    /// Up to when prices are told without a gap from `now` on; `now` where the present has none, none where no price is told
    /// at all.
    #[must_use]
    pub fn prices_known_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.energy.first()?;
        let rows = self.energy.iter().filter(|row| row.until > now);
        Some(rows.fold(now, |known, row| if row.from <= known { known.max(row.until) } else { known }))
    }

    /// What is expected beside EVs at an instant, where that is told.
    #[must_use]
    pub fn beside_at(&self, at: Timestamp) -> Option<&Beside> {
        covering(&self.beside, at, |row| (row.from, row.until))
    }

    /// The same by a clock that is `offset` ahead.
    #[must_use]
    pub fn shifted(&self, offset: TimeSpan) -> Self {
        let mut shifted = self.clone();
        let energy = shifted.energy.iter_mut().map(|row| (&mut row.from, &mut row.until));
        let beside = shifted.beside.iter_mut().map(|row| (&mut row.from, &mut row.until));
        let commands = shifted.commands.iter_mut().map(|row| (&mut row.from, &mut row.until));
        for (from, until) in energy.chain(beside).chain(commands) {
            *from += offset;
            *until += offset;
        }
        shifted
    }

    /// What is over by `now` is of no use any more, but for the prices of a week, which may stand for others.
    pub fn forget_before(&mut self, now: Timestamp) {
        let week = TimeSpan::from_hours(24) * DAYS_BACK;
        self.energy.retain(|row| row.until + week > now);
        self.beside.retain(|row| row.until > now);
        self.commands.retain(|row| row.until > now);
    }
}

/// What is told, or assumed in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<T> {
    /// It was told.
    Known(T),
    /// It was not, and this stands for it.
    Assumed(T),
}

/// Whether intervals of one list may overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlap {
    Allowed,
    Forbidden,
}

/// The row whose interval holds `at`, of rows in order.
fn covering<T>(rows: &[T], at: Timestamp, interval: impl Fn(&T) -> (Timestamp, Timestamp)) -> Option<&T> {
    let after = rows.partition_point(|row| interval(row).0 <= at);
    rows.get(after.checked_sub(1)?).filter(|row| at < interval(row).1)
}

/// The first thing that is wrong with the intervals of a list.
fn interval_mistake(
    list: &str,
    intervals: impl Iterator<Item = (Timestamp, Timestamp)>,
    overlap: Overlap,
) -> Option<String> {
    let mut before: Option<Timestamp> = None;
    for (place, (from, until)) in intervals.enumerate() {
        let number = place + 1;
        if place == ROWS_MAX {
            return Some(format!("{list}: there are more than {ROWS_MAX} rows; leave out what is over"));
        }
        if from >= until {
            return Some(format!("{list}, row {number}: it ends at {until}, which is not after {from}"));
        }
        if let Some(ended) = before.filter(|ended| overlap == Overlap::Forbidden && from < *ended) {
            return Some(format!(
                "{list}, row {number}: it begins at {from}, before the row before it ends at {ended}; give rows in order"
            ));
        }
        before = Some(until);
    }
    None
}

fn price_mistake(field: &str, price: UnitPrice, least: UnitPrice) -> Option<String> {
    let is_right = (least..=PRICE_MAX).contains(&price);
    (!is_right).then(|| format!("{field}: the price {price} is not from {least} to {PRICE_MAX}"))
}

fn power_mistake(field: &str, power: Watts) -> Option<String> {
    let is_right = (Watts::ZERO..=POWER_MAX).contains(&power);
    (!is_right).then(|| format!("{field}: {power} is not from {} to {POWER_MAX}", Watts::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_hours(24 * 365 + hours)
    }

    fn price(from: i64, until: i64, cents: i64) -> EnergyPrice {
        EnergyPrice { from: at(from), until: at(until), price: UnitPrice::from_millionths(cents * 10_000) }
    }

    #[test]
    fn a_price_that_is_missing_is_that_of_a_day_before_and_said_to_be_assumed() {
        let terms = Terms { energy: vec![price(0, 1, 5), price(1, 24, 20)], ..Terms::default() };
        let cents = |count: i64| UnitPrice::from_millionths(count * 10_000);
        assert_eq!(terms.price_at(at(0)), Some(Told::Known(cents(5))));
        assert_eq!(terms.price_at(at(1)), Some(Told::Known(cents(20))));
        assert_eq!(terms.price_at(at(24)), Some(Told::Assumed(cents(5))));
        assert_eq!(terms.price_at(at(7 * 24 + 23)), Some(Told::Assumed(cents(20))));
        assert_eq!(terms.price_at(at(8 * 24)), None, "what is more than a week old stands for nothing");
        assert_eq!(terms.price_at(at(-1)), None);
        assert_eq!(terms.prices_known_until(at(3)), Some(at(24)));
        assert_eq!(terms.prices_known_until(at(30)), Some(at(30)));
        assert_eq!(Terms::default().prices_known_until(at(3)), None);
        let gap = Terms { energy: vec![price(0, 2, 5), price(3, 24, 20)], ..Terms::default() };
        assert_eq!(gap.prices_known_until(at(1)), Some(at(2)));
    }

    #[test]
    fn every_mistake_is_named_with_its_value() {
        let command = |limit| Commanded {
            from: at(0),
            until: at(1),
            circuit: "main".parse().unwrap(),
            limit: Amperes::from_amperes(limit),
        };
        let beside =
            |watts| Beside { from: at(2), until: at(1), base: None, photovoltaics: Watts::from_watts(watts) };
        let fee = |paid| PowerFeeTerms {
            price: UnitPrice::from_millionths(-1),
            window: Window::Hour,
            paid: Watts::from_watts(paid),
        };
        let wrong = Terms {
            energy: vec![price(0, 2, 5), price(1, 3, 20), price(4, 5, 2_000_000)],
            missing: Some(UnitPrice::from_millionths(0)),
            power_fee: Some(fee(-5)),
            power_limit: Some(PowerLimitTerms {
                limit: Watts::from_watts(-1),
                window: Window::Quarter,
                price_over: UnitPrice::from_millionths(-1),
            }),
            beside: vec![beside(-3)],
            commands: vec![command(10), command(-1)],
        };
        let mistakes = wrong.mistakes();
        for part in [
            "energy, row 2: it begins at",
            "energy: the price 20000.00",
            "missing: the price 0.00",
            "power_fee: the price -0.000001",
            "power_fee.paid: -5 W",
            "power_limit.price_over: the price -0.000001",
            "power_limit.limit: -1 W",
            "beside, row 1: it ends at",
            "beside.photovoltaics: -3 W",
            "commands: main is commanded -1 A",
        ] {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(part)), "{part} in {mistakes:#?}");
        }
        assert_eq!(mistakes.len(), 10, "{mistakes:#?}");
        assert_eq!(Terms::default().mistakes(), Vec::<String>::new());
    }

    #[test]
    fn what_is_over_is_forgotten_but_for_a_week_of_prices() {
        let mut terms = Terms { energy: vec![price(0, 1, 5), price(1, 2, 6)], ..Terms::default() };
        terms.forget_before(at(7 * 24 + 1));
        assert_eq!(terms.energy, [price(1, 2, 6)]);
        assert_eq!(terms.shifted(TimeSpan::from_hours(1)).energy, [price(2, 3, 6)]);
    }
}
