//! Tariffs in the shape of OCPI: elements with price components and restrictions.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use units::civil::{Civil, CivilDate, Zone};
use units::{Currency, Money, TariffId, TimeSpan, Timestamp, UnitPrice, WattHours, Watts};

/// One version of a tariff that can be billed to the cent. Never edited: a change is a new version with its own id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TariffParts", into = "TariffParts")]
pub struct Tariff {
    parts: TariffParts,
}

/// What a tariff version is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffParts {
    /// The version's id.
    pub id: TariffId,
    /// What people call it.
    pub name: String,
    /// The currency of all its prices.
    pub currency: Currency,
    /// The first instant at which a session may start on it.
    pub valid_from: Timestamp,
    /// For each kind of component the first element whose restrictions match applies.
    pub elements: Vec<TariffElement>,
    /// The longest gap between registers over which a price boundary may be estimated; none: any gap.
    #[serde(default)]
    pub gap_limit: Option<TimeSpan>,
    /// What PARKING_TIME spares the driver.
    #[serde(default)]
    pub parking: ParkingTerms,
}

/// What PARKING_TIME spares the driver (MONEY section 3, M8). It counts only while the EV declines an offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParkingTerms {
    /// So long after the EV declined is free, each time it had charged before; not negative.
    pub grace: TimeSpan,
    /// A part of the day in which it is free.
    pub exempt: Option<TimeWindow>,
    /// The most that a CDR's PARKING_TIME comes to, not negative; none: no limit.
    pub cap: Option<Money>,
}

/// Price components that hold together under the same restrictions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffElement {
    /// At least one, at most one of each kind.
    pub components: Vec<PriceComponent>,
    /// When they hold; empty: always.
    #[serde(default)]
    pub restrictions: Restrictions,
}

/// One price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceComponent {
    /// What is priced.
    pub kind: ComponentKind,
    /// Per kWh, session or hour. What the driver pays: VAT is included where the seller charges VAT. Not negative.
    pub price: UnitPrice,
}

/// What a price component prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ComponentKind {
    /// Per kWh.
    Energy,
    /// Per session.
    Flat,
    /// Per hour while energy flows.
    Time,
    /// Per hour plugged in without.
    ParkingTime,
}

/// When an element holds. All that are given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Restrictions {
    /// Only in this part of the day, on the site's clocks.
    pub time: Option<TimeWindow>,
    /// Only on these weekdays; empty: on all.
    pub weekdays: BTreeSet<Weekday>,
    /// Only on this date and later.
    pub date_from: Option<CivilDate>,
    /// Only before this date.
    pub date_until: Option<CivilDate>,
    /// Only once this much flowed in the session.
    pub energy_from: Option<WattHours>,
    /// Only until this much flowed in the session.
    pub energy_until: Option<WattHours>,
    /// Only while the power is at least this.
    pub power_from: Option<Watts>,
    /// Only while the power is below this.
    pub power_until: Option<Watts>,
    /// Only once the session lasted this long.
    pub duration_from: Option<TimeSpan>,
    /// Only while the session is shorter than this.
    pub duration_until: Option<TimeSpan>,
}

/// A part of the day. `until` is exclusive; where it is not after `from` the window runs over midnight, and where both
/// are the same it is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeWindow {
    /// Its first minute.
    pub from: TimeOfDay,
    /// The minute after its last.
    pub until: TimeOfDay,
}

/// A minute of the day on the site's clocks, written `06:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: i64,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// Why parts are not a tariff that can be billed. Elements are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TariffRefusal {
    /// Nothing is priced at all.
    #[error("tariff {tariff} prices nothing: a free tariff says so with a price of 0")]
    Empty {
        /// The tariff.
        tariff: TariffId,
    },
    /// A grace or a cap below zero, or a cap in another currency.
    #[error("tariff {tariff}: {what}")]
    ParkingTerms {
        /// The tariff.
        tariff: TariffId,
        /// What is wrong.
        what: &'static str,
    },
    /// A restriction that billing does not know yet.
    #[error("tariff {tariff}, element {element}: a restriction by {restriction:?} is not yet billed")]
    RestrictionNotYetBilled {
        /// The tariff.
        tariff: TariffId,
        /// Which element.
        element: usize,
        /// By what.
        restriction: UnbilledRestriction,
    },
    /// A price below zero.
    #[error("tariff {tariff}, element {element}: the price {price} is below zero")]
    NegativePrice {
        /// The tariff.
        tariff: TariffId,
        /// Which element.
        element: usize,
        /// The price.
        price: UnitPrice,
    },
    /// The same kind twice in one element.
    #[error("tariff {tariff}, element {element}: {kind:?} is priced twice")]
    PricedTwice {
        /// The tariff.
        tariff: TariffId,
        /// Which element.
        element: usize,
        /// The kind.
        kind: ComponentKind,
    },
}

/// A restriction that cannot be billed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnbilledRestriction {
    /// By kWh of the session.
    Energy,
    /// By power.
    Power,
    /// By the session's duration.
    Duration,
}

impl Tariff {
    /// A version from its parts.
    ///
    /// # Errors
    ///
    /// Every reason why it cannot be billed, not only the first.
    pub fn new(parts: TariffParts) -> Result<Self, Vec<TariffRefusal>> {
        let refusals = refusals(&parts);
        if refusals.is_empty() { Ok(Self { parts }) } else { Err(refusals) }
    }

    /// One price per kWh at all times.
    ///
    /// # Errors
    ///
    /// Where the price is below zero.
    pub fn per_kilowatt_hour(
        id: TariffId,
        currency: Currency,
        valid_from: Timestamp,
        price: UnitPrice,
    ) -> Result<Self, Vec<TariffRefusal>> {
        let components = vec![PriceComponent { kind: ComponentKind::Energy, price }];
        let elements = vec![TariffElement { components, restrictions: Restrictions::default() }];
        let name = id.to_string();
        Self::new(TariffParts {
            id,
            name,
            currency,
            valid_from,
            elements,
            gap_limit: None,
            parking: ParkingTerms::default(),
        })
    }

    /// What the version is made of.
    #[must_use]
    pub const fn parts(&self) -> &TariffParts {
        &self.parts
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &TariffId {
        &self.parts.id
    }

    /// Whether any element prices `kind`.
    #[must_use]
    pub fn prices(&self, kind: ComponentKind) -> bool {
        self.parts.elements.iter().any(|element| element.price(kind).is_some())
    }

    /// The price of `kind` when the site's clocks show `civil`: of the first element that matches and prices it.
    #[must_use]
    pub fn price_at(&self, kind: ComponentKind, civil: &Civil) -> Option<UnitPrice> {
        let matching = self.parts.elements.iter().filter(|element| element.restrictions.match_civil(civil));
        matching.filter_map(|element| element.price(kind)).next()
    }

    /// Every instant strictly between `from` and `until` at which a price may change in `zone`, in order.
    #[must_use]
    pub fn boundaries(&self, zone: &Zone, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let minutes: BTreeSet<i64> = self
            .parts
            .elements
            .iter()
            .filter_map(|element| element.restrictions.time)
            .chain(self.parts.parking.exempt)
            .flat_map(|window| [window.from.minutes, window.until.minutes])
            .collect();
        let mut boundaries = BTreeSet::new();
        let mut day = zone.start_of_day(zone.civil(from).date);
        while day < until {
            let next = next_day(zone, day);
            boundaries.insert(day);
            boundaries.extend(offset_change(zone, day, next));
            for &minute in &minutes {
                // Counted from both ends of the day: on a night that changes the clocks, one is the first pass of a
                // repeated minute and the other the second. A boundary too many does no harm.
                boundaries.insert(day + TimeSpan::from_minutes(minute));
                boundaries.insert(next - TimeSpan::from_minutes(MINUTES_OF_DAY - minute));
            }
            // At the end of the calendar there is no next day.
            if next <= day {
                break;
            }
            day = next;
        }
        boundaries.into_iter().filter(|&instant| from < instant && instant < until).collect()
    }
}

impl TariffElement {
    fn price(&self, kind: ComponentKind) -> Option<UnitPrice> {
        self.components.iter().find(|component| component.kind == kind).map(|component| component.price)
    }
}

impl Restrictions {
    fn match_civil(&self, civil: &Civil) -> bool {
        self.time.is_none_or(|window| window.contains(minute_of_day(civil)))
            && (self.weekdays.is_empty() || self.weekdays.contains(&Weekday::of(civil)))
            && self.date_from.is_none_or(|first| first <= civil.date)
            && self.date_until.is_none_or(|end| civil.date < end)
    }

    fn unbilled(&self) -> impl Iterator<Item = UnbilledRestriction> {
        [
            (self.energy_from.is_some() || self.energy_until.is_some(), UnbilledRestriction::Energy),
            (self.power_from.is_some() || self.power_until.is_some(), UnbilledRestriction::Power),
            (self.duration_from.is_some() || self.duration_until.is_some(), UnbilledRestriction::Duration),
        ]
        .into_iter()
        .filter_map(|(is_given, restriction)| is_given.then_some(restriction))
    }
}

impl ParkingTerms {
    /// Whether parking is free when the site's clocks show `civil`.
    pub(crate) fn exempts(&self, civil: &Civil) -> bool {
        self.exempt.is_some_and(|window| window.contains(minute_of_day(civil)))
    }
}

fn minute_of_day(civil: &Civil) -> i64 {
    i64::from(civil.hour) * 60 + i64::from(civil.minute)
}

impl TimeWindow {
    fn contains(&self, minute: i64) -> bool {
        if self.from < self.until {
            self.from.minutes <= minute && minute < self.until.minutes
        } else {
            self.from.minutes <= minute || minute < self.until.minutes
        }
    }
}

const MINUTES_OF_DAY: i64 = 24 * 60;

/// Why a text is not a minute of the day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time of day such as 06:30, from 00:00 to 24:00")]
pub struct ParseTimeOfDayError {
    text: String,
}

impl TimeOfDay {
    /// Minutes since midnight on the site's clocks, 0 to 1440.
    #[must_use]
    pub const fn minutes(self) -> i64 {
        self.minutes
    }
}

impl FromStr for TimeOfDay {
    type Err = ParseTimeOfDayError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseTimeOfDayError { text: text.chars().take(64).collect() };
        let two_digits = |part: &str| {
            (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<i64>().ok())
                .flatten()
        };
        let (hour, minute) = text.split_once(':').ok_or_else(fail)?;
        let (hour, minute) = (two_digits(hour).ok_or_else(fail)?, two_digits(minute).ok_or_else(fail)?);
        let minutes = hour * 60 + minute;
        if minute < 60 && minutes <= MINUTES_OF_DAY { Ok(Self { minutes }) } else { Err(fail()) }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = ParseTimeOfDayError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl Weekday {
    /// All seven, from Monday.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    fn of(civil: &Civil) -> Self {
        let place = usize::try_from(civil.weekday).unwrap_or_default();
        Self::ALL.get(place).copied().unwrap_or(Self::Monday)
    }
}

impl TryFrom<TariffParts> for Tariff {
    type Error = String;
    fn try_from(parts: TariffParts) -> Result<Self, Self::Error> {
        Self::new(parts)
            .map_err(|refusals| refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl From<Tariff> for TariffParts {
    fn from(tariff: Tariff) -> Self {
        tariff.parts
    }
}

fn refusals(parts: &TariffParts) -> Vec<TariffRefusal> {
    let mut refusals = Vec::new();
    let ParkingTerms { grace, cap, exempt: _ } = parts.parking;
    for (is_wrong, what) in [
        (grace < TimeSpan::ZERO, "the grace of PARKING_TIME is below zero"),
        (cap.is_some_and(|cap| cap.minor() < 0), "the cap of PARKING_TIME is below zero"),
        (
            cap.is_some_and(|cap| cap.currency() != parts.currency),
            "the cap of PARKING_TIME is in another currency",
        ),
    ] {
        if is_wrong {
            refusals.push(TariffRefusal::ParkingTerms { tariff: parts.id.clone(), what });
        }
    }
    if parts.elements.iter().all(|element| element.components.is_empty()) {
        refusals.push(TariffRefusal::Empty { tariff: parts.id.clone() });
    }
    for (element, number) in parts.elements.iter().zip(1..) {
        let tariff = || parts.id.clone();
        let mut seen = BTreeSet::new();
        for &PriceComponent { kind, price } in &element.components {
            if price < UnitPrice::default() {
                refusals.push(TariffRefusal::NegativePrice { tariff: tariff(), element: number, price });
            }
            if !seen.insert(kind) {
                refusals.push(TariffRefusal::PricedTwice { tariff: tariff(), element: number, kind });
            }
        }
        refusals.extend(element.restrictions.unbilled().map(|restriction| {
            TariffRefusal::RestrictionNotYetBilled { tariff: tariff(), element: number, restriction }
        }));
    }
    refusals
}

/// The start of the day after the one that begins at `day`.
fn next_day(zone: &Zone, day: Timestamp) -> Timestamp {
    // 36 hours later it is the day after, whether the day has 23, 24 or 25 hours.
    zone.start_of_day(zone.civil(day + TimeSpan::from_hours(36)).date)
}

/// The instant within a day at which the clocks change, if they do.
fn offset_change(zone: &Zone, day: Timestamp, next: Timestamp) -> Option<Timestamp> {
    let offset = |milliseconds| zone.civil(Timestamp::from_milliseconds(milliseconds)).offset_minutes;
    let (mut before, mut after) = (day.milliseconds(), next.milliseconds());
    let first = offset(before);
    if first == offset(after) {
        return None;
    }
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset(middle) == first {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(Timestamp::from_milliseconds(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_billed_is_refused_all_at_once() {
        let text = r#"{"id":"t","name":"T","currency":"EUR","valid_from":0,
            "parking":{"grace":-1,"cap":{"minor":1,"currency":"SEK"}},"elements":[
            {"components":[{"kind":"ENERGY","price":200000},{"kind":"TIME","price":1}],
             "restrictions":{"energy_from":5000,"power_until":3,"duration_from":1}},
            {"components":[{"kind":"PARKING_TIME","price":1},{"kind":"FLAT","price":-1},{"kind":"FLAT","price":1}]}]}"#;
        let parts: TariffParts = serde_json::from_str(text).unwrap();
        let refusals = Tariff::new(parts).unwrap_err();
        let messages: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "tariff t: the grace of PARKING_TIME is below zero",
                "tariff t: the cap of PARKING_TIME is in another currency",
                "tariff t, element 1: a restriction by Energy is not yet billed",
                "tariff t, element 1: a restriction by Power is not yet billed",
                "tariff t, element 1: a restriction by Duration is not yet billed",
                "tariff t, element 2: the price -0.000001 is below zero",
                "tariff t, element 2: Flat is priced twice",
            ]
        );
        assert!(serde_json::from_str::<Tariff>(text).is_err());
        let empty = r#"{"id":"t","name":"T","currency":"EUR","valid_from":0,"elements":[]}"#;
        assert!(serde_json::from_str::<Tariff>(empty).is_err());
    }

    #[test]
    fn times_of_day_are_read_strictly() {
        assert_eq!("06:30".parse::<TimeOfDay>().unwrap().minutes(), 390);
        assert_eq!("24:00".parse::<TimeOfDay>().unwrap().to_string(), "24:00");
        for text in ["", "6:30", "24:01", "12:60", "+1:00", "12", "12:0é"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn m6_the_autumn_night_has_both_passes_of_a_boundary() {
        let tariff = night_tariff("03:30", "05:00");
        let zone: Zone = "Europe/Helsinki".parse().unwrap();
        let from = "2026-10-24T22:00:00Z".parse().unwrap();
        let until = "2026-10-25T06:00:00Z".parse().unwrap();
        let changes = price_changes(&tariff, &zone, from, until);
        assert_eq!(
            changes,
            [
                "2026-10-25 03:30:00 +03:00 0.10",
                // The clocks go back to 03:00, before the window.
                "2026-10-25 03:00:00 +02:00 0.30",
                "2026-10-25 03:30:00 +02:00 0.10",
                "2026-10-25 05:00:00 +02:00 0.30",
            ]
        );
    }

    #[test]
    fn m6_the_spring_night_skips_a_boundary_to_the_moment_after() {
        let tariff = night_tariff("03:30", "05:00");
        let zone: Zone = "Europe/Helsinki".parse().unwrap();
        let from = "2026-03-28T23:00:00Z".parse().unwrap();
        let until = "2026-03-29T06:00:00Z".parse().unwrap();
        assert_eq!(
            price_changes(&tariff, &zone, from, until),
            ["2026-03-29 04:00:00 +03:00 0.10", "2026-03-29 05:00:00 +03:00 0.30"]
        );
    }

    #[test]
    fn a_window_may_run_over_midnight_and_weekdays_begin_at_local_midnight() {
        let zone: Zone = "Europe/Helsinki".parse().unwrap();
        let from = "2026-01-02T12:00:00Z".parse().unwrap();
        let until = "2026-01-04T12:00:00Z".parse().unwrap();
        assert_eq!(
            price_changes(&night_tariff("22:00", "06:00"), &zone, from, until),
            [
                "2026-01-02 22:00:00 +02:00 0.10",
                "2026-01-03 06:00:00 +02:00 0.30",
                "2026-01-03 22:00:00 +02:00 0.10",
                "2026-01-04 06:00:00 +02:00 0.30",
            ]
        );
        let mut parts = night_tariff("00:00", "00:00").parts().clone();
        parts.elements[0].restrictions.weekdays = BTreeSet::from([Weekday::Saturday]);
        assert_eq!(
            price_changes(&Tariff::new(parts).unwrap(), &zone, from, until),
            ["2026-01-03 00:00:00 +02:00 0.10", "2026-01-04 00:00:00 +02:00 0.30"]
        );
        let mut parts = night_tariff("00:00", "24:00").parts().clone();
        parts.elements[0].restrictions.date_from = Some("2026-01-03".parse().unwrap());
        parts.elements[0].restrictions.date_until = Some("2026-01-04".parse().unwrap());
        assert_eq!(
            price_changes(&Tariff::new(parts).unwrap(), &zone, from, until),
            ["2026-01-03 00:00:00 +02:00 0.10", "2026-01-04 00:00:00 +02:00 0.30"]
        );
    }

    fn price_changes(tariff: &Tariff, zone: &Zone, from: Timestamp, until: Timestamp) -> Vec<String> {
        let price = |at| tariff.price_at(ComponentKind::Energy, &zone.civil(at)).unwrap();
        let mut last = price(from);
        let mut changes = Vec::new();
        for at in tariff.boundaries(zone, from, until) {
            if price(at) != last {
                last = price(at);
                changes.push(format!("{} {last}", zone.print(at)));
            }
        }
        changes
    }

    fn night_tariff(from: &str, until: &str) -> Tariff {
        let element = |price, restrictions| TariffElement {
            components: vec![PriceComponent {
                kind: ComponentKind::Energy,
                price: UnitPrice::from_millionths(price),
            }],
            restrictions,
        };
        let window = TimeWindow { from: from.parse().unwrap(), until: until.parse().unwrap() };
        let night = Restrictions { time: Some(window), ..Restrictions::default() };
        Tariff::new(TariffParts {
            id: "night".parse().unwrap(),
            name: "Night".to_owned(),
            currency: Currency::Eur,
            valid_from: Timestamp::EPOCH,
            elements: vec![element(100_000, night), element(300_000, Restrictions::default())],
            gap_limit: None,
            parking: ParkingTerms::default(),
        })
        .unwrap()
    }
}
