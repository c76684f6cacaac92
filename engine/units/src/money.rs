//! Money: exact until one rounding per document line.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

use crate::{TimeSpan, WattHours};

/// A currency of ISO 4217, with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Currency {
    /// Euro.
    #[serde(rename = "EUR")]
    Eur,
    /// Swedish krona.
    #[serde(rename = "SEK")]
    Sek,
    /// Norwegian krone.
    #[serde(rename = "NOK")]
    Nok,
    /// Danish krone.
    #[serde(rename = "DKK")]
    Dkk,
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eur => "EUR",
            Self::Sek => "SEK",
            Self::Nok => "NOK",
            Self::Dkk => "DKK",
        })
    }
}

/// An amount in whole minor units (cents) of a currency. Sums of different currencies panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// From minor units (cents).
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Minor units (cents).
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// True for nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// `self · numerator / denominator`, rounded once, half away from zero.
    ///
    /// # Panics
    ///
    /// Where `denominator` is not positive.
    #[must_use]
    pub fn ratio_half_away(self, numerator: i64, denominator: i64) -> Self {
        let minor = divide_half_away(i128::from(self.minor) * i128::from(numerator), i128::from(denominator));
        Self { minor: narrow(minor), currency: self.currency }
    }

    fn assert_same_currency(self, other: Self) {
        assert!(self.currency == other.currency, "{self} and {other} are in different currencies");
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.assert_same_currency(other);
        Self { minor: self.minor + other.minor, currency: self.currency }
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self { minor: -self.minor, currency: self.currency }
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for Money {
    /// `-12.05 EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let count = self.minor.unsigned_abs();
        write!(f, "{sign}{}.{:02} {}", count / 100, count % 100, self.currency)
    }
}

/// A price per kWh, per hour or per piece, in millionths of the currency's major unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitPrice(i64);

impl UnitPrice {
    /// From millionths of the major unit: 0.20 € is 200 000.
    #[must_use]
    pub const fn from_millionths(count: i64) -> Self {
        Self(count)
    }

    /// Millionths of the major unit.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// This price per kWh, for `energy`: exact.
    #[must_use]
    pub fn per_kilowatt_hour(self, energy: WattHours) -> PreciseAmount {
        PreciseAmount(
            i128::from(self.0) * i128::from(energy.milliwatt_hours()) * PreciseAmount::PER_MILLIONTH_MWH,
        )
    }

    /// This price per hour, for `span`: exact.
    #[must_use]
    pub fn per_hour(self, span: TimeSpan) -> PreciseAmount {
        PreciseAmount(i128::from(self.0) * i128::from(span.milliseconds()) * PreciseAmount::PER_MILLIONTH_MS)
    }

    /// This price for `count` pieces: exact.
    #[must_use]
    pub fn per_piece(self, count: i64) -> PreciseAmount {
        PreciseAmount(i128::from(self.0) * i128::from(count) * PreciseAmount::PER_MILLIONTH)
    }
}

impl fmt::Display for UnitPrice {
    /// The major unit with two to six decimals: `0.20`, `0.035125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let decimals = format!("{:06}", self.0.unsigned_abs() % 1_000_000);
        let kept = decimals.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{}.{}", self.0.unsigned_abs() / 1_000_000, decimals.get(..kept).unwrap_or(&decimals))
    }
}

/// An exact amount: counts of 1/(18·10^12) of the major unit, which both mWh and ms divide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PreciseAmount(i128);

impl PreciseAmount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    const PER_MAJOR: i128 = 18_000_000_000_000;
    const PER_MILLIONTH: i128 = Self::PER_MAJOR / 1_000_000;
    /// A millionth per kWh over 1 mWh is 10^-12 of the major unit.
    const PER_MILLIONTH_MWH: i128 = Self::PER_MAJOR / 1_000_000_000_000;
    /// A millionth per hour over 1 ms is 1/(3.6·10^12) of the major unit.
    const PER_MILLIONTH_MS: i128 = Self::PER_MAJOR / 3_600_000_000_000;

    /// The count of 1/(18·10^12) of the major unit.
    #[must_use]
    pub const fn count(self) -> i128 {
        self.0
    }

    /// `money`, exactly.
    #[must_use]
    pub fn from_money(money: Money) -> Self {
        Self(i128::from(money.minor()) * (Self::PER_MAJOR / 100))
    }

    /// The one rounding of a document line, by a rule that is stored with the line.
    #[must_use]
    pub fn round(self, rule: Rounding, currency: Currency) -> Money {
        match rule {
            Rounding::HalfAwayFromZero => {
                Money::from_minor(narrow(divide_half_away(self.0, Self::PER_MAJOR / 100)), currency)
            }
        }
    }
}

impl Add for PreciseAmount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for PreciseAmount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for PreciseAmount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for PreciseAmount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for PreciseAmount {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::ZERO, Add::add)
    }
}

/// How an exact amount becomes money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rounding {
    /// To the nearest cent, a half away from zero (MONEY section 1).
    HalfAwayFromZero,
}

fn divide_half_away(numerator: i128, denominator: i128) -> i128 {
    assert!(denominator > 0, "a denominator must be positive, not {denominator}");
    let magnitude =
        (numerator.unsigned_abs() * 2 + denominator.unsigned_abs()) / (denominator.unsigned_abs() * 2);
    let rounded = i128::try_from(magnitude).unwrap_or(i128::MAX);
    if numerator < 0 { -rounded } else { rounded }
}

fn narrow(minor: i128) -> i64 {
    i64::try_from(minor).unwrap_or_else(|_| panic!("{minor} minor units exceed what a document can hold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::Eur)
    }

    #[test]
    fn a_half_cent_rounds_away_from_zero_both_ways() {
        let price = UnitPrice::from_millionths(350_000);
        let amount = price.per_kilowatt_hour(WattHours::from_watt_hours(18_700));
        assert_eq!(amount.round(Rounding::HalfAwayFromZero, Currency::Eur), eur(655), "6.545 is 6.55");
        assert_eq!((-amount).round(Rounding::HalfAwayFromZero, Currency::Eur), eur(-655));
    }

    #[test]
    fn milliseconds_and_milliwatt_hours_are_exact() {
        let price = UnitPrice::from_millionths(1);
        assert_eq!(price.per_hour(TimeSpan::from_hours(1)).count(), price.per_piece(1).count());
        assert_eq!(
            price.per_kilowatt_hour(WattHours::from_watt_hours(1_000)).count(),
            price.per_piece(1).count()
        );
    }

    #[test]
    fn vat_of_a_gross_amount_is_rounded_once() {
        assert_eq!(eur(100).ratio_half_away(255, 1255), eur(20));
        assert_eq!(eur(458).ratio_half_away(255, 1255), eur(93));
    }

    #[test]
    fn money_and_prices_print_as_people_write_them() {
        assert_eq!(eur(-1205).to_string(), "-12.05 EUR");
        assert_eq!(UnitPrice::from_millionths(35_125).to_string(), "0.035125");
        assert_eq!(UnitPrice::from_millionths(200_000).to_string(), "0.20");
    }
}
