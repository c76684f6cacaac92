//! M5: an independent pricer that is slow and not clever. It walks a session minute by minute, looks every price and
//! every register up from scratch, and sums counts of 1/(18·10^12) of the major unit.

use units::civil::{Civil, CivilDate};
use units::{Timestamp, WattHours};

use crate::cdr::{Activity, ActivitySpan, ReadingContext, RegisterReading};
use crate::finding::Billable;
use crate::pricing::FlatDue;
use crate::tariff::{ComponentKind, TariffElement, TariffParts, TimeWindow, Weekday};

/// What the naive pricer finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NaivePrice {
    /// The energy of all minutes, in mWh.
    pub energy_milliwatt_hours: i128,
    /// The amount in cents, rounded half away from zero.
    pub minor: i128,
}

/// Prices a CDR naively. None where energy is priced and yet some minute has no price.
#[must_use]
pub fn price(billable: &Billable<'_>, tariff: &TariffParts, flat: FlatDue) -> Option<NaivePrice> {
    let readings = &billable.readings;
    let begin = readings.iter().find(|reading| reading.context == ReadingContext::Begin)?;
    let end = readings.iter().find(|reading| reading.context == ReadingContext::End)?;
    let zone = &billable.cdr.zone;

    let mut energy = 0;
    let mut sum: i128 = 0;
    let mut at = begin.at.milliseconds();
    loop {
        let next_minute = (at.div_euclid(60_000) + 1) * 60_000;
        let until = next_minute.min(end.at.milliseconds());
        let flowed = register(readings, begin, end, until) - register(readings, begin, end, at);
        let price = first_price(
            &tariff.elements,
            ComponentKind::Energy,
            &zone.civil(Timestamp::from_milliseconds(at)),
        );
        let is_energy_priced = tariff
            .elements
            .iter()
            .any(|element| element.components.iter().any(|c| c.kind == ComponentKind::Energy));
        match price {
            Some(millionths) => sum += millionths * flowed * PER_MILLIONTH_MWH,
            None if is_energy_priced => return None,
            None => {}
        }
        energy += flowed;
        at = until;
        if at >= end.at.milliseconds() {
            break;
        }
    }
    if begin.at == end.at {
        // No minute was walked: all of the energy has the price of the one instant.
        let jump = milliwatt_hours(end.register) - milliwatt_hours(begin.register);
        let civil = zone.civil(begin.at);
        sum = first_price(&tariff.elements, ComponentKind::Energy, &civil).unwrap_or(0)
            * jump
            * PER_MILLIONTH_MWH;
        energy = jump;
    }
    if flat == FlatDue::Due && energy > 0 {
        let civil = zone.civil(billable.cdr.started_at);
        sum += first_price(&tariff.elements, ComponentKind::Flat, &civil).unwrap_or(0) * PER_MILLIONTH;
    }
    sum += time(billable, tariff, begin.at.milliseconds(), end.at.milliseconds());
    Some(NaivePrice { energy_milliwatt_hours: energy, minor: nearest_cent(sum) })
}

/// The register at `at` in mWh: that of the latest reading, plus the part of the rise to the next one.
fn register(readings: &[RegisterReading], begin: &RegisterReading, end: &RegisterReading, at: i64) -> i128 {
    if at <= begin.at.milliseconds() {
        return milliwatt_hours(begin.register);
    }
    if at >= end.at.milliseconds() {
        return milliwatt_hours(end.register);
    }
    let (mut left, mut right) = (begin, end);
    for reading in readings {
        if reading.at <= begin.at || reading.at >= end.at {
            continue;
        }
        let is_before = reading.at.milliseconds() <= at;
        if is_before && (reading.at, reading.register) > (left.at, left.register) {
            left = reading;
        }
        if !is_before && (reading.at, -reading.register) < (right.at, -right.register) {
            right = reading;
        }
    }
    let (from, until) = (i128::from(left.at.milliseconds()), i128::from(right.at.milliseconds()));
    let rise = milliwatt_hours(right.register) - milliwatt_hours(left.register);
    milliwatt_hours(left.register) + rise * (i128::from(at) - from) / (until - from)
}

fn milliwatt_hours(register: WattHours) -> i128 {
    i128::from(register.milliwatt_hours())
}

fn first_price(elements: &[TariffElement], kind: ComponentKind, civil: &Civil) -> Option<i128> {
    for element in elements {
        for component in &element.components {
            if component.kind == kind && is_in_force(element, civil) {
                return Some(i128::from(component.price.millionths()));
            }
        }
    }
    None
}

fn is_within(window: TimeWindow, civil: &Civil) -> bool {
    let clock = format!("{:02}:{:02}", civil.hour, civil.minute);
    let (from, until) = (window.from.to_string(), window.until.to_string());
    if from < until { clock >= from && clock < until } else { !(clock >= until && clock < from) }
}

fn is_in_force(element: &TariffElement, civil: &Civil) -> bool {
    let restrictions = &element.restrictions;
    if restrictions.time.is_some_and(|window| !is_within(window, civil)) {
        return false;
    }
    let today = match civil.weekday {
        0 => Weekday::Monday,
        1 => Weekday::Tuesday,
        2 => Weekday::Wednesday,
        3 => Weekday::Thursday,
        4 => Weekday::Friday,
        5 => Weekday::Saturday,
        _ => Weekday::Sunday,
    };
    let days = &restrictions.weekdays;
    let number = |date: CivilDate| (date.year, date.month, date.day);
    let date = number(civil.date);
    if !days.is_empty() && !days.contains(&today) {
        return false;
    }
    if restrictions.date_from.is_some_and(|from| date < number(from)) {
        return false;
    }
    restrictions.date_until.is_none_or(|until| date < number(until))
}

/// TIME and PARKING_TIME, minute by minute, and within a minute from one activity to the next.
fn time(billable: &Billable<'_>, tariff: &TariffParts, begin: i64, end: i64) -> i128 {
    let activity = &billable.cdr.activity;
    let (mut charging, mut parking) = (0, 0);
    let mut at = begin;
    while at < end {
        let next_minute = (at.div_euclid(60_000) + 1) * 60_000;
        let next_change = activity.iter().map(|span| span.from.milliseconds()).find(|&from| from > at);
        let until = next_minute.min(end).min(next_change.unwrap_or(end));
        let civil = billable.cdr.zone.civil(Timestamp::from_milliseconds(at));
        let price = |kind| first_price(&tariff.elements, kind, &civil).unwrap_or(0);
        match doing(activity, at) {
            Some(Activity::Charging) => charging += price(ComponentKind::Time) * i128::from(until - at),
            Some(Activity::Declined) if !is_exempt(tariff, &civil) => {
                let grace = tariff.parking.grace.milliseconds();
                let counted = |instant| (declined_until(activity, instant) - grace).max(0);
                parking += price(ComponentKind::ParkingTime) * i128::from(counted(until) - counted(at));
            }
            Some(Activity::Declined | Activity::NotOffered) | None => {}
        }
        at = until;
    }
    let cap = tariff.parking.cap.map(|cap| i128::from(cap.minor()) * CENT);
    let parking = parking * PER_MILLIONTH_MS;
    charging * PER_MILLIONTH_MS + cap.map_or(parking, |cap| parking.min(cap))
}

fn doing(activity: &[ActivitySpan], at: i64) -> Option<Activity> {
    activity.iter().filter(|span| span.from.milliseconds() <= at).map(|span| span.activity).next_back()
}

/// For how many milliseconds the EV had declined at `instant` since it last charged.
fn declined_until(activity: &[ActivitySpan], instant: i64) -> i64 {
    let mut declined = 0;
    for (place, span) in activity.iter().enumerate() {
        let from = span.from.milliseconds();
        let until = activity.get(place + 1).map_or(instant, |next| next.from.milliseconds().min(instant));
        match span.activity {
            Activity::Charging if from < until => declined = 0,
            Activity::Declined if from < until => declined += until - from,
            Activity::Charging | Activity::Declined | Activity::NotOffered => {}
        }
    }
    declined
}

fn is_exempt(tariff: &TariffParts, civil: &Civil) -> bool {
    tariff.parking.exempt.is_some_and(|window| is_within(window, civil))
}

/// Counts of 1/(18·10^12) of the major unit in a millionth per kWh over 1 mWh.
const PER_MILLIONTH_MWH: i128 = 18;
/// In a millionth per hour over 1 ms.
const PER_MILLIONTH_MS: i128 = 5;
/// In a millionth.
const PER_MILLIONTH: i128 = 18_000_000;
/// In a cent.
const CENT: i128 = 180_000_000_000;

/// To the nearest cent, a half away from zero.
fn nearest_cent(sum: i128) -> i128 {
    let (whole, rest) = (sum / CENT, sum % CENT);
    if rest * 2 >= CENT {
        whole + 1
    } else if rest * 2 <= -CENT {
        whole - 1
    } else {
        whole
    }
}
