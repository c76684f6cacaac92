//! Tariffs of a site file: `[[tariffs]]`.
//!
//! ```toml
//! [[tariffs]]
//! id = "residents"
//! valid_from = "2024-09-01"
//! energy_eur_per_kwh = 0.20              # VAT included where the seller charges it
//! time_eur_per_h = 0.30                  # optional: while energy flows
//! parking_eur_per_h = 1.50               # optional: plugged in without, once the EV declines an offer
//! parking = { grace_min = 60, free_from = "22:00", free_until = "07:00", cap_eur = 12 }   # what parking spares
//!
//! [[tariffs.elements]]                   # other prices where all that is stated here holds; the first such wins
//! energy_eur_per_kwh = 0.12              # one or more of the three prices
//! from = "22:00"                         # by the site's clocks; over midnight where `until` is not later
//! until = "07:00"
//! weekdays = ["monday", "friday"]        # of the instant, not of the evening before
//! date_from = "2026-01-01"
//! date_until = "2026-04-01"              # no longer part of it
//! ```

use std::collections::BTreeSet;

use billing::tariff::{
    ComponentKind, ParkingTerms, PriceComponent, Restrictions, Tariff, TariffElement, TariffParts,
    TariffRefusal, TimeOfDay, TimeWindow, Weekday,
};
use units::civil::{CivilDate, Zone};
use units::{Currency, Money, TariffId, TimeSpan, UnitPrice};

use crate::document::Section;

/// A version of a tariff as a site file states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedTariff {
    /// Its id.
    pub id: TariffId,
    /// The first site-local day on which it holds.
    pub valid_from: CivilDate,
    /// Elements; of those that match and price something the first wins. The last holds always.
    pub elements: Vec<TariffElement>,
    /// What PARKING_TIME spares.
    pub parking: ParkingTerms,
}

impl StatedTariff {
    /// One price per kWh at all times, VAT included where the seller charges it.
    #[must_use]
    pub fn per_kilowatt_hour(id: TariffId, valid_from: CivilDate, price: UnitPrice) -> Self {
        let components = vec![PriceComponent { kind: ComponentKind::Energy, price }];
        let elements = vec![TariffElement { components, restrictions: Restrictions::default() }];
        Self { id, valid_from, elements, parking: ParkingTerms::default() }
    }

    /// The price per kWh where that is all there is to it.
    #[must_use]
    pub fn flat_price(&self) -> Option<UnitPrice> {
        let [TariffElement { components, .. }] = self.elements.as_slice() else { return None };
        let [PriceComponent { kind: ComponentKind::Energy, price }] = components.as_slice() else {
            return None;
        };
        Some(*price)
    }

    /// As billing knows it, for a site of this zone.
    ///
    /// # Errors
    ///
    /// Every reason why it cannot be billed.
    pub fn to_tariff(&self, zone: &Zone, currency: Currency) -> Result<Tariff, Vec<TariffRefusal>> {
        Tariff::new(TariffParts {
            id: self.id.clone(),
            name: self.id.to_string(),
            currency,
            valid_from: zone.start_of_day(self.valid_from),
            elements: self.elements.clone(),
            gap_limit: None,
            parking: self.parking,
        })
    }
}

/// Every field is read before the first mistake ends it, so that none is told to be unknown.
pub(crate) fn read(section: &Section<'_>) -> Option<StatedTariff> {
    let id = section.parsed("id", "the tariff's id");
    let valid_from = section.parsed("valid_from", "the first day, such as 2024-09-01");
    let energy = section.thousandths_required(ENERGY, "€/kWh", PER_KWH);
    let others = (price(section, TIME), price(section, PARKING));
    let parking = section.section("parking").map_or_else(ParkingTerms::default, |parking| {
        if !section.has(PARKING) {
            section.report("parking", format!("needs {PARKING}: nothing is spared without"));
        }
        read_parking(&parking)
    });
    let elements: Vec<Option<TariffElement>> =
        section.sections("elements").iter().map(read_element).collect();
    let always = TariffElement {
        components: components(energy, others.0, others.1),
        restrictions: Restrictions::default(),
    };
    Some(StatedTariff {
        id: id?,
        valid_from: valid_from?,
        elements: elements.into_iter().chain([energy.map(|_| always)]).collect::<Option<_>>()?,
        parking,
    })
}

const ENERGY: &str = "energy_eur_per_kwh";
const TIME: &str = "time_eur_per_h";
const PARKING: &str = "parking_eur_per_h";
/// In thousandths of a euro.
const PER_KWH: std::ops::RangeInclusive<i64> = 0..=10_000;
const PER_HOUR: std::ops::RangeInclusive<i64> = 0..=100_000;

fn price(section: &Section<'_>, key: &str) -> Option<i64> {
    section.thousandths(key, "€/h", PER_HOUR)
}

/// Prices in thousandths of a euro.
fn components(energy: Option<i64>, time: Option<i64>, parking: Option<i64>) -> Vec<PriceComponent> {
    let stated =
        [(ComponentKind::Energy, energy), (ComponentKind::Time, time), (ComponentKind::ParkingTime, parking)];
    let priced = stated.into_iter().filter_map(|(kind, price)| {
        price.map(|price| PriceComponent { kind, price: UnitPrice::from_millionths(price * 1_000) })
    });
    priced.collect()
}

fn read_element(section: &Section<'_>) -> Option<TariffElement> {
    let energy = section.thousandths(ENERGY, "€/kWh", PER_KWH);
    let components = components(energy, price(section, TIME), price(section, PARKING));
    if ![ENERGY, TIME, PARKING].iter().any(|key| section.has(key)) {
        section.report(ENERGY, format!("missing; at least one of {ENERGY}, {TIME}, {PARKING}"));
    }
    let before = section.mistakes();
    let restrictions = Restrictions {
        time: read_window(section, ("from", "until")),
        weekdays: read_weekdays(section),
        date_from: section.parsed_optional("date_from", "a day such as 2026-01-01"),
        date_until: section.parsed_optional("date_until", "the day after the last, such as 2026-04-01"),
        ..Restrictions::default()
    };
    if section.mistakes() == before && restrictions == Restrictions::default() {
        section.report(
            "from",
            "missing; an element holds by time of day, weekday or date: the tariff's own prices always",
        );
    }
    Some(TariffElement { components, restrictions })
}

fn read_window(section: &Section<'_>, (from_key, until_key): (&str, &str)) -> Option<TimeWindow> {
    let from = section.parsed_optional::<TimeOfDay>(from_key, "a time of day such as 22:00");
    let until = section.parsed_optional::<TimeOfDay>(until_key, "a time of day such as 07:00");
    for (key, other) in [(from_key, until_key), (until_key, from_key)] {
        if section.has(other) && !section.has(key) {
            section.report(key, "missing; a part of the day has both ends");
        }
    }
    Some(TimeWindow { from: from?, until: until? })
}

fn read_weekdays(section: &Section<'_>) -> BTreeSet<Weekday> {
    let wanted = "an array of weekdays, such as [\"saturday\", \"sunday\"]";
    let read = section.optional("weekdays", wanted, |value| {
        let words = value.as_array()?.iter();
        let day = |word: &toml::Value| WEEKDAYS.iter().find(|(name, _)| word.as_str() == Some(name));
        words.map(|word| day(word).map(|(_, day)| *day)).collect::<Option<BTreeSet<_>>>()
    });
    if read.as_ref().is_some_and(BTreeSet::is_empty) {
        section.report("weekdays", "holds on no day: leave it out for all");
    }
    read.unwrap_or_default()
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

fn read_parking(section: &Section<'_>) -> ParkingTerms {
    let cap = section.thousandths("cap_eur", "€", 0..=1_000_000);
    if cap.is_some_and(|cap| cap % 10 != 0) {
        section.report("cap_eur", "needs whole cents");
    }
    ParkingTerms {
        grace: TimeSpan::from_minutes(section.whole("grace_min", 0..=1_440, 0)),
        exempt: read_window(section, ("free_from", "free_until")),
        cap: cap.map(|cap| Money::from_minor(cap / 10, Currency::Eur)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::site_file::parse;

    const NIGHT: &str = "
time_eur_per_h = 0.3
parking_eur_per_h = 1.5
parking = { grace_min = 60, free_from = '22:00', free_until = '07:00', cap_eur = 12 }
[[tariffs.elements]]
energy_eur_per_kwh = 0.12
from = '22:00'
until = '07:00'
weekdays = ['monday', 'friday']
date_from = '2026-01-01'
date_until = '2026-04-01'
";

    #[test]
    fn prices_by_time_of_day_weekday_and_date_and_per_hour_become_a_tariff() {
        let site = parse("site.toml", &site_with(NIGHT)).unwrap();
        let stated = &site.commerce.unwrap().tariffs[0];
        assert_eq!(stated.flat_price(), None);
        let zone = &site.config.zone;
        let tariff = stated.to_tariff(zone, Currency::Eur).unwrap();
        let price_at = |date: CivilDate, hour| {
            tariff.price_at(ComponentKind::Energy, &zone.civil(zone.instant(date, hour, 0)))
        };
        let friday = CivilDate { year: 2026, month: 1, day: 16 };
        let saturday = CivilDate { day: 17, ..friday };
        let friday_in_april = CivilDate { month: 4, day: 3, ..friday };
        for (date, hour, millionths) in [
            (friday, 21, 200_000),
            (friday, 22, 120_000),
            (saturday, 3, 200_000),
            (friday_in_april, 23, 200_000),
        ] {
            assert_eq!(price_at(date, hour), Some(UnitPrice::from_millionths(millionths)), "{date} {hour}");
        }
        assert!(tariff.prices(ComponentKind::Time) && tariff.prices(ComponentKind::ParkingTime));
        assert_eq!(tariff.parts().parking.cap, Some(Money::from_minor(1_200, Currency::Eur)));
    }

    #[test]
    fn a_tariff_of_one_price_says_so() {
        let site = parse("site.toml", sample::SITE).unwrap();
        let flat = site.commerce.unwrap().tariffs[0].flat_price();
        assert_eq!(flat, Some(UnitPrice::from_millionths(200_000)));
    }

    #[test]
    fn mistakes_of_elements_are_told_all_at_once() {
        for (right, wrong, told) in [
            (
                "from = '22:00'\n",
                "from = '25:00'\n",
                "elements[0].from = \"25:00\": `25:00` is not a time of day",
            ),
            ("until = '07:00'\n", "", "elements[0].until: missing; a part of the day has both ends"),
            ("['monday', 'friday']", "['moonday']", "elements[0].weekdays = ["),
            ("energy_eur_per_kwh = 0.12\n", "", "elements[0].energy_eur_per_kwh: missing; at least one of"),
            ("parking_eur_per_h = 1.5\n", "", "tariffs[0].parking = "),
            ("cap_eur = 12", "cap_eur = 12.005", "needs whole cents"),
            ("time_eur_per_h = 0.3", "time_eur_per_h = -1", "time_eur_per_h = -1: needs 0 to 100 €/h"),
        ] {
            let lines = lines_of(&site_with(&NIGHT.replacen(right, wrong, 1)));
            assert!(lines.iter().any(|line| line.contains(told)), "{told} is not in {lines:#?}");
            assert_eq!(lines.len(), 1, "{lines:#?}");
        }
        let bare = "[[tariffs.elements]]\nenergy_eur_per_kwh = 0.12\n";
        let lines = lines_of(&site_with(bare));
        assert!(lines[0].contains("an element holds by time of day, weekday or date"), "{lines:#?}");
    }

    fn site_with(more: &str) -> String {
        let flat = "energy_eur_per_kwh = 0.20\n";
        assert!(sample::SITE.contains(flat), "the sample has a flat tariff");
        sample::SITE.replacen(flat, &format!("{flat}{more}"), 1)
    }

    fn lines_of(site: &str) -> Vec<String> {
        parse("site.toml", site).unwrap_err().iter().map(ToString::to_string).collect()
    }
}
