//! Coincidence: how much of what all cars could draw at once they draw in the highest hour of a month.

use std::collections::BTreeSet;

use plant::ev::EvPhases;
use plant::people::{Habits, People};
use units::civil::Zone;
use units::{Amperes, Timestamp, Volts, WattHours};

use super::people::{Cars, dates};
use super::{Measure, difference, float, float_of, kilowatt_hours};

/// The highest hour of one month of one housing company, as `stats/norway_apartment_coincidence.csv` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PeakHour {
    /// Users who charged in the month.
    pub users: u32,
    /// Highest hourly mean power over all users' power, 0 to 1, if every car charged at once on arrival at 3.6, 7.2 and
    /// 11 kW.
    pub coincidence: [f64; 3],
}

const POWERS: [f64; 3] = [3.6, 7.2, 11.0];
/// Months are compared with companies of about their size: from, to, and how many users are generated.
const SIZES: [(u32, u32, u32); 3] = [(10, 19, 18), (20, 39, 28), (40, 200, 58)];

/// The months' companies have 12 to 14 sessions per active user and month.
const STAYS_PER_WEEK: f64 = 3.0;

pub(super) fn measures(recorded: &[PeakHour], seed: u64) -> Vec<Measure> {
    let mut measures = Vec::new();
    for (from, to, users) in SIZES {
        let months: Vec<&PeakHour> =
            recorded.iter().filter(|month| (from..=to).contains(&month.users)).collect();
        if months.is_empty() {
            continue;
        }
        let generated = generated(users, seed);
        for (place, power) in POWERS.into_iter().enumerate() {
            let real =
                months.iter().map(|month| month.coincidence[place]).sum::<f64>() / float_of(months.len());
            let statistic = format!("coincidence of {from} to {to} users at {power} kW, mean of months");
            let figures = (generated[place], real);
            measures.push(difference("apartments", statistic, figures, 0.1, "norway_apartment_coincidence"));
        }
    }
    measures
}

/// The mean over twelve generated months of four weeks and two days.
fn generated(users: u32, seed: u64) -> [f64; 3] {
    let zone: Zone = "Europe/Oslo".parse().unwrap_or_else(|_| Zone::utc());
    let people = People { habits: Habits::Apartments, users, stays_per_week: STAYS_PER_WEEK, zone };
    let all: Vec<_> = dates((2026, 1), 52);
    let mut sums = [0.0; 3];
    let mut months = 0;
    for (month, days) in all.chunks_exact(30).enumerate() {
        // Another seed for each month is another company: what its users are lasts within one.
        let seed = seed ^ u64::try_from(month).unwrap_or(0).wrapping_mul(0x9e37_79b9);
        let sampled = people.days(days.iter().copied(), seed);
        let mut cars = Cars::new(seed);
        let offered = (EvPhases::One, Amperes::from_amperes(32));
        let stays: Vec<(Timestamp, WattHours)> = sampled
            .iter()
            .map(|stay| {
                (stay.arrival, stay.energy_alone(cars.of(stay.user), offered, Volts::from_volts(230)))
            })
            .collect();
        let active: BTreeSet<u32> = sampled.iter().map(|stay| stay.user).collect();
        for (sum, power) in sums.iter_mut().zip(POWERS) {
            *sum += highest_hour(&stays, power) / (power * float_of(active.len().max(1)));
        }
        months += 1;
    }
    sums.map(|sum| sum / float_of(months.max(1)))
}

/// Highest mean power of any sixty minutes that begin on a full five, kW, if every car charges at once at `power`.
fn highest_hour(stays: &[(Timestamp, WattHours)], power: f64) -> f64 {
    let Some(first) = stays.iter().map(|(arrival, _)| *arrival).min() else { return 0.0 };
    let mut slots: Vec<f64> = Vec::new();
    for (arrival, energy) in stays {
        let begin = arrival.since(first).milliseconds();
        let mut place = usize::try_from(begin / 300_000).unwrap_or(0);
        let from = float(begin) / 300_000.0;
        let until = from + kilowatt_hours(*energy) / power * 12.0;
        let mut slot = from.floor();
        while slot < until {
            if slots.len() <= place {
                slots.resize(place + 1, 0.0);
            }
            slots[place] += power * (until.min(slot + 1.0) - from.max(slot));
            slot += 1.0;
            place += 1;
        }
    }
    slots.windows(12).map(|hour| hour.iter().sum::<f64>() / 12.0).fold(0.0, f64::max)
}
