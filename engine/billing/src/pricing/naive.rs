//! M5: an independent pricer that is slow and not clever. It walks a session minute by minute, looks every price and
//! every register up from scratch, and sums millionths times milliwatt-hours.

use units::civil::{Civil, CivilDate};
use units::{Timestamp, WattHours};

use crate::cdr::{ReadingContext, RegisterReading};
use crate::finding::Billable;
use crate::pricing::FlatDue;
use crate::tariff::{ComponentKind, TariffElement, TariffParts, Weekday};

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
    let mut picomajor: i128 = 0; // Millionths per kWh times mWh: counts of 10^-12 of the major unit.
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
            Some(millionths) => picomajor += millionths * flowed,
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
        picomajor = first_price(&tariff.elements, ComponentKind::Energy, &civil).unwrap_or(0) * jump;
        energy = jump;
    }
    if flat == FlatDue::Due && energy > 0 {
        let civil = zone.civil(billable.cdr.started_at);
        picomajor += first_price(&tariff.elements, ComponentKind::Flat, &civil).unwrap_or(0) * 1_000_000;
    }
    Some(NaivePrice { energy_milliwatt_hours: energy, minor: nearest_cent(picomajor) })
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

fn is_in_force(element: &TariffElement, civil: &Civil) -> bool {
    let restrictions = &element.restrictions;
    let clock = format!("{:02}:{:02}", civil.hour, civil.minute);
    if let Some(window) = restrictions.time {
        let (from, until) = (window.from.to_string(), window.until.to_string());
        let is_within =
            if from < until { clock >= from && clock < until } else { !(clock >= until && clock < from) };
        if !is_within {
            return false;
        }
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

/// 10^-12 of the major unit to the nearest hundredth, a half away from zero.
fn nearest_cent(picomajor: i128) -> i128 {
    const CENT: i128 = 10_000_000_000;
    let (whole, rest) = (picomajor / CENT, picomajor % CENT);
    if rest * 2 >= CENT {
        whole + 1
    } else if rest * 2 <= -CENT {
        whole - 1
    } else {
        whole
    }
}
