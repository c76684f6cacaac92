//! The service's own prices (MONEY section 4): a dated list, and one pure function per fee.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::civil::{CivilDate, CivilMonth, Zone};
use units::{Currency, EvseId, Money, PreciseAmount, Rounding, SiteId, Timestamp, UnitPrice, WattHours};

use crate::cdr::FeeClass;

/// The operator's fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeKind {
    /// A registered driver's, per monthly statement.
    Invoicing,
    /// A guest's, per session.
    Guest,
    /// A site owner's, once per site.
    Opening,
    /// A site owner's, per kWh billed at EVSEs of class plan.
    Energy,
    /// A site owner's, per charging point and month.
    ChargingPoint,
    /// A site owner's, a share of the charging revenue at EVSEs of class public.
    PublicShare,
}

/// The prices from a day on. All include VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// The first day.
    pub valid_from: CivilDate,
    /// Per monthly statement.
    pub invoicing: Money,
    /// Per guest session.
    pub guest: Money,
    /// Per site, once.
    pub opening: Money,
    /// Per kWh, in the same currency.
    pub energy: UnitPrice,
    /// Per charging point and month.
    pub charging_point: Money,
    /// Thousandths of the charging revenue, 0 to 1000.
    pub public_permille: u16,
}

/// Price lists in order of their dates; each holds until the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriceLists(pub Vec<PriceList>);

/// A day before the first list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service has no price list on {date}")]
pub struct NoPriceList {
    date: CivilDate,
}

impl PriceLists {
    /// The first list, valid from 2024-09-01.
    #[must_use]
    pub fn built_in() -> Self {
        let euros_in_cents = |minor| Money::from_minor(minor, Currency::Eur);
        Self(vec![PriceList {
            valid_from: CivilDate { year: 2024, month: 9, day: 1 },
            invoicing: euros_in_cents(100),
            guest: euros_in_cents(50),
            opening: euros_in_cents(35_000),
            energy: UnitPrice::from_millionths(30_000),
            charging_point: euros_in_cents(500),
            public_permille: 150,
        }])
    }

    /// The list on `date`.
    ///
    /// # Errors
    ///
    /// Where the first list begins later.
    pub fn on(&self, date: CivilDate) -> Result<&PriceList, NoPriceList> {
        self.0
            .iter()
            .filter(|list| list.valid_from <= date)
            .max_by_key(|list| list.valid_from)
            .ok_or(NoPriceList { date })
    }

    /// The list of a month's fees: that of its first day.
    ///
    /// # Errors
    ///
    /// Where the first list begins later.
    pub fn of(&self, month: CivilMonth) -> Result<&PriceList, NoPriceList> {
        self.on(CivilDate { year: month.year, month: month.month, day: 1 })
    }
}

impl PriceList {
    /// A driver's fee for a monthly statement that charges `charged` after credits: none where there is nothing to pay.
    #[must_use]
    pub fn invoicing_fee(&self, charged: Money) -> Money {
        if charged.minor() > 0 { self.invoicing } else { Money::zero(self.currency()) }
    }

    /// A guest's fee for a session of `energy`: none for 0 kWh.
    #[must_use]
    pub fn guest_fee(&self, energy: WattHours) -> Money {
        if energy > WattHours::ZERO { self.guest } else { Money::zero(self.currency()) }
    }

    /// An owner's fee for opening a site, once.
    #[must_use]
    pub const fn opening_fee(&self) -> Money {
        self.opening
    }

    /// An owner's fee for all `energies` billed at one site's EVSEs of class plan in a month, rounded once on the sum.
    #[must_use]
    pub fn energy_fee(&self, energies: impl IntoIterator<Item = WattHours>) -> Money {
        let exact: PreciseAmount =
            energies.into_iter().map(|energy| self.energy.per_kilowatt_hour(energy)).sum();
        exact.round(Rounding::HalfAwayFromZero, self.currency())
    }

    /// An owner's fee for the charging points of one site in a month. No pro rata.
    #[must_use]
    pub fn charging_point_fee(&self, points: u32) -> Money {
        Money::from_minor(self.charging_point.minor() * i64::from(points), self.currency())
    }

    /// An owner's fee for one site's whole charging revenue at EVSEs of class public in a month: all components, VAT
    /// included where charged, after credits, without the invoicing and guest fees. Negative where credits prevail.
    #[must_use]
    pub fn public_fee(&self, revenue: Money) -> Money {
        revenue.ratio_half_away(i64::from(self.public_permille), 1000)
    }

    /// The currency of the list.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.invoicing.currency()
    }
}

/// A stretch of an EVSE's life: in service at one site in one fee class. A replaced station or meter continues it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpan {
    /// Where.
    pub site: SiteId,
    /// The site's zone.
    pub zone: Zone,
    /// Which fee class.
    pub fee_class: FeeClass,
    /// When the EVSE was accepted, moved here or changed class.
    pub from: Timestamp,
    /// When it was decommissioned, moved away or changed class; none: still in service.
    pub until: Option<Timestamp>,
}

impl ServiceSpan {
    /// Whether it covers any instant of `month` on the site's calendar.
    fn touches(&self, month: CivilMonth) -> bool {
        self.from < self.zone.start_of_month(month.next())
            && self.until.is_none_or(|until| self.zone.start_of_month(month) < until)
    }
}

/// The charging points of each site in `month`: EVSEs of class plan that were in service on any site-local day, each
/// counted once, at its last site.
#[must_use]
pub fn charging_points(
    lives: &BTreeMap<EvseId, Vec<ServiceSpan>>,
    month: CivilMonth,
) -> BTreeMap<SiteId, u32> {
    let mut points = BTreeMap::new();
    for spans in lives.values() {
        let on_plan = spans.iter().filter(|span| span.fee_class == FeeClass::Plan && span.touches(month));
        if let Some(last) = on_plan.max_by_key(|span| span.from) {
            *points.entry(last.site.clone()).or_default() += 1;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::Eur)
    }

    fn list() -> PriceList {
        *PriceLists::built_in().of("2026-01".parse().unwrap()).unwrap()
    }

    #[test]
    fn the_first_list_holds_the_published_prices_and_nothing_holds_before_it() {
        assert!(PriceLists::built_in().on("2024-08-31".parse().unwrap()).is_err());
        let list = list();
        assert_eq!((list.invoicing, list.guest, list.opening_fee()), (eur(100), eur(50), eur(35_000)));
        assert_eq!(list.energy_fee([WattHours::from_watt_hours(1_000)]), eur(3));
        assert_eq!(list.charging_point_fee(3), eur(1_500));
        assert_eq!(list.public_fee(eur(655)), eur(98));
        assert_eq!(list.public_fee(eur(-655)), eur(-98), "a credit mirrors the original");
    }

    #[test]
    fn there_is_no_fee_without_something_to_pay() {
        assert_eq!(list().invoicing_fee(eur(1)), eur(100));
        assert_eq!(list().invoicing_fee(eur(0)), eur(0));
        assert_eq!(list().invoicing_fee(eur(-500)), eur(0), "only credits");
        assert_eq!(list().guest_fee(WattHours::from_milliwatt_hours(1)), eur(50));
        assert_eq!(list().guest_fee(WattHours::ZERO), eur(0));
    }

    #[test]
    fn the_energy_fee_is_rounded_once_on_the_sum() {
        // 100 × 0.1 kWh × 0.03 € = 0.30 €; rounded each by itself it would be nothing.
        let energies = std::iter::repeat_n(WattHours::from_watt_hours(100), 100);
        assert_eq!(list().energy_fee(energies), eur(30));
    }

    #[test]
    fn charging_points_count_once_per_month_at_their_last_site() {
        let zone: Zone = "Europe/Helsinki".parse().unwrap();
        let span = |site: &str, class, from: &str, until: Option<&str>| ServiceSpan {
            site: site.parse().unwrap(),
            zone: zone.clone(),
            fee_class: class,
            from: from.parse().unwrap(),
            until: until.map(|until| until.parse().unwrap()),
        };
        use FeeClass::{Plan, Public};
        let lives: BTreeMap<EvseId, Vec<ServiceSpan>> = [
            ("ALWAYS/1", vec![span("a", Plan, "2025-01-01T00:00:00Z", None)]),
            // Two sockets of one station that can be used at once are two points.
            ("ALWAYS/2", vec![span("a", Plan, "2025-01-01T00:00:00Z", None)]),
            // The last minute of January in Helsinki.
            ("LAST-MINUTE/1", vec![span("a", Plan, "2026-01-31T21:59:00Z", None)]),
            ("NEXT-MONTH/1", vec![span("a", Plan, "2026-01-31T22:00:00Z", None)]),
            (
                "GONE-AT-NEW-YEAR/1",
                vec![span("a", Plan, "2025-01-01T00:00:00Z", Some("2025-12-31T22:00:00Z"))],
            ),
            ("GONE-AFTER/1", vec![span("a", Plan, "2025-01-01T00:00:00Z", Some("2025-12-31T22:00:01Z"))]),
            (
                "MOVED/1",
                vec![
                    span("a", Plan, "2025-01-01T00:00:00Z", Some("2026-01-10T00:00:00Z")),
                    span("b", Plan, "2026-01-10T00:00:00Z", None),
                ],
            ),
            ("PUBLIC/1", vec![span("a", Public, "2025-01-01T00:00:00Z", None)]),
        ]
        .into_iter()
        .map(|(evse, spans)| (evse.parse().unwrap(), spans))
        .collect();
        let points = charging_points(&lives, "2026-01".parse().unwrap());
        assert_eq!(points, BTreeMap::from([("a".parse().unwrap(), 4), ("b".parse().unwrap(), 1)]));
        let points = charging_points(&lives, "2026-02".parse().unwrap());
        assert_eq!(points, BTreeMap::from([("a".parse().unwrap(), 4), ("b".parse().unwrap(), 1)]));
    }
}
