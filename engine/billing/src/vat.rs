//! Value-added tax: dated rates of a country, and one computation per document, seller and rate.

use std::fmt;

use serde::{Deserialize, Serialize};
use units::Money;
use units::civil::{CivilDate, CivilMonth};

/// A rate in tenths of a percent: 25.5 % is 255. At most 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct VatRate(u16);

/// Why a number is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a VAT rate of {permille} tenths of a percent is above 100 %")]
pub struct VatRateTooHigh {
    permille: u16,
}

impl VatRate {
    /// Tenths of a percent.
    #[must_use]
    pub const fn permille(self) -> u16 {
        self.0
    }

    /// The VAT within `gross`: `gross × r / (100 + r)`, rounded once, half away from zero.
    #[must_use]
    pub fn within(self, gross: Money) -> Money {
        gross.ratio_half_away(i64::from(self.0), 1000 + i64::from(self.0))
    }
}

impl TryFrom<u16> for VatRate {
    type Error = VatRateTooHigh;
    fn try_from(permille: u16) -> Result<Self, Self::Error> {
        if permille <= 1000 { Ok(Self(permille)) } else { Err(VatRateTooHigh { permille }) }
    }
}

impl From<VatRate> for u16 {
    fn from(rate: VatRate) -> Self {
        rate.0
    }
}

impl fmt::Display for VatRate {
    /// `25.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 10, self.0 % 10)
    }
}

/// The standard rates of a country, in order of their dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatTable {
    /// ISO 3166, such as `FI`.
    pub country: String,
    /// Each rate holds until the next.
    pub rates: Vec<DatedVatRate>,
}

/// A rate and the first day on which it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedVatRate {
    /// The first day.
    pub valid_from: CivilDate,
    /// The rate.
    pub rate: VatRate,
}

/// A day before the table's first rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the VAT table of {country} has no rate on {date}")]
pub struct NoVatRate {
    country: String,
    date: CivilDate,
}

impl VatTable {
    /// Finland's standard rate: 24 % from 2013-01-01, 25.5 % from 2024-09-01 (MONEY section 1, to be confirmed by a
    /// person responsible for the books).
    #[must_use]
    pub fn finland() -> Self {
        let dated = |year, month, permille| DatedVatRate {
            valid_from: CivilDate { year, month, day: 1 },
            rate: VatRate(permille),
        };
        Self { country: "FI".to_owned(), rates: vec![dated(2013, 1, 240), dated(2024, 9, 255)] }
    }

    /// The rate on `date`, a day at the place of delivery.
    ///
    /// # Errors
    ///
    /// Where the table begins later.
    pub fn on(&self, date: CivilDate) -> Result<VatRate, NoVatRate> {
        self.rates
            .iter()
            .filter(|dated| dated.valid_from <= date)
            .max_by_key(|dated| dated.valid_from)
            .map(|dated| dated.rate)
            .ok_or_else(|| NoVatRate { country: self.country.clone(), date })
    }

    /// The rate at the end of `month`: the one of services that are delivered over the month.
    ///
    /// # Errors
    ///
    /// Where the table begins later.
    pub fn at_end_of(&self, month: CivilMonth) -> Result<VatRate, NoVatRate> {
        // No month has a day after its 31st, so this date is at its end whatever its length.
        self.on(CivilDate { year: month.year, month: month.month, day: 31 })
    }
}

/// Whether a party charges VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VatStatus {
    /// Charges VAT and deducts it.
    Registered,
    /// Not in the VAT register, such as a housing company.
    NotRegistered,
    /// Registered, and these sales are exempt.
    Exempt,
}

/// How VAT stands on a document line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VatTreatment {
    /// Contained in the amount.
    Included(VatRate),
    /// None, because the seller is not in the VAT register; printed as the reason.
    SellerNotRegistered,
    /// None, because the sale is exempt; printed as the reason.
    SaleExempt,
}

impl VatTreatment {
    /// The treatment of a seller's line at the rate of its delivery.
    #[must_use]
    pub const fn of(status: VatStatus, rate: VatRate) -> Self {
        match status {
            VatStatus::Registered => Self::Included(rate),
            VatStatus::NotRegistered => Self::SellerNotRegistered,
            VatStatus::Exempt => Self::SaleExempt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::Currency;

    #[test]
    fn m6_the_finnish_rate_changes_at_the_start_of_september_2024() {
        let table = VatTable::finland();
        for (date, permille) in [
            ("2013-01-01", Some(240)),
            ("2024-08-31", Some(240)),
            ("2024-09-01", Some(255)),
            ("2030-01-01", Some(255)),
            ("2012-12-31", None),
        ] {
            assert_eq!(table.on(date.parse().unwrap()).ok().map(VatRate::permille), permille, "{date}");
        }
        assert_eq!(table.at_end_of("2024-08".parse().unwrap()).unwrap().permille(), 240);
        assert_eq!(table.at_end_of("2024-09".parse().unwrap()).unwrap().permille(), 255);
    }

    #[test]
    fn vat_is_contained_in_the_gross_amount() {
        let rate = VatRate::try_from(255).unwrap();
        let eur = |minor| Money::from_minor(minor, Currency::Eur);
        assert_eq!(rate.within(eur(2_400)), eur(488));
        assert_eq!(rate.within(eur(-655)), eur(-133));
        assert_eq!(rate.to_string(), "25.5 %");
        assert!(VatRate::try_from(1001).is_err());
    }
}
