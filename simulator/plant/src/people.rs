//! People: when cars come, when they go, what they want, and what drivers say of it.
//!
//! Calibrated on published statistics, rounded by us: arrivals by hour, stays and energies of Norwegian housing
//! companies (Sørensen et al., Data in Brief 57 (2024) 110883: half of the cars come after 17, the median stay is
//! 11.5 h, the median energy 8.6 kWh, mean 12.6, 2.3 sessions per user and week), and of a campus workplace (ACN-Data,
//! Lee, Li, Low 2019: half come by 10, the median stay is 5.1 h, the median energy 6.7 kWh, mean 8.9; few at weekends).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use units::civil::{CivilDate, Zone};
use units::{TimeSpan, Timestamp, WattHours};

use crate::number::round;

/// Where people park.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Habits {
    /// Residents with their own EVSE: they come in the evening and stay overnight.
    Apartments,
    /// Employees: they come in the morning and leave in the afternoon.
    Workplace,
}

/// One stay of one car.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// Which of the users, from 0.
    pub user: u32,
    /// When it is plugged in.
    pub arrival: Timestamp,
    /// When it is unplugged, after the arrival.
    pub departure: Timestamp,
    /// What the car will take at the socket if there is time, above 0.
    pub energy_wanted: WattHours,
    /// What the driver says: when they leave.
    pub departure_stated: Timestamp,
    /// What the driver says: how much they want.
    pub energy_stated: WattHours,
}

/// Samples the stays that begin on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct People {
    /// Where they park.
    pub habits: Habits,
    /// How many users there are, each with at most one stay beginning per day.
    pub users: u32,
    /// How many stays a user has a week on average, up to 7. Published: 2.3 (apartments), 2 to 3 (workplaces).
    pub stays_per_week: f64,
    /// The zone of the clock they live by.
    pub zone: Zone,
}

/// Shares of arrivals by local hour, in tenths of a percent.
const APARTMENTS_WEEKDAY: [u32; 24] =
    [9, 3, 2, 6, 8, 3, 3, 8, 14, 17, 20, 27, 33, 38, 54, 110, 140, 91, 81, 92, 90, 74, 54, 23];
const APARTMENTS_WEEKEND: [u32; 24] =
    [25, 11, 4, 5, 5, 3, 2, 6, 10, 14, 24, 42, 52, 65, 77, 97, 93, 99, 94, 83, 65, 55, 46, 23];
const WORKPLACE_WEEKDAY: [u32; 24] =
    [1, 1, 1, 1, 3, 4, 26, 70, 240, 190, 90, 45, 55, 55, 32, 27, 32, 39, 40, 25, 14, 6, 2, 1];
const WORKPLACE_WEEKEND: [u32; 24] =
    [5, 5, 3, 2, 3, 3, 8, 40, 54, 81, 91, 80, 81, 74, 70, 70, 75, 61, 52, 43, 35, 27, 20, 17];

/// A workplace sees about a seventh of a weekday's arrivals on a day of the weekend.
const WORKPLACE_WEEKEND_SHARE: f64 = 0.15;

impl People {
    /// The stays that begin on `date`, in order of arrival; the same for the same seed and date.
    #[must_use]
    pub fn day(&self, date: CivilDate, seed: u64) -> Vec<Stay> {
        let midnight = self.zone.start_of_day(date);
        let noon = self.zone.civil(midnight + TimeSpan::from_hours(12));
        let is_weekend = noon.weekday >= 5;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::try_from(midnight.milliseconds() / 3_600_000).unwrap_or(0));
        let probability = self.daily_probability(is_weekend);
        let mut stays: Vec<_> = (0..self.users)
            .filter_map(|user| {
                // All of a user's chances are drawn, so that one user's day does not shift the next one's.
                let comes = rng.random_bool(probability);
                let stay = self.stay(user, date, is_weekend, &mut rng);
                comes.then_some(stay)
            })
            .collect();
        stays.sort_by_key(|stay| (stay.arrival, stay.user));
        stays
    }

    /// Stays over several days, without two of one user at a time: one that would begin before the last one ended is
    /// left out.
    #[must_use]
    pub fn days(&self, dates: impl IntoIterator<Item = CivilDate>, seed: u64) -> Vec<Stay> {
        let mut free_from = vec![Timestamp::EPOCH; usize::try_from(self.users).unwrap_or(0)];
        let mut stays: Vec<Stay> = Vec::new();
        for date in dates {
            for stay in self.day(date, seed) {
                let free = &mut free_from[usize::try_from(stay.user).unwrap_or(0)];
                if stay.arrival >= *free {
                    *free = stay.departure + TimeSpan::from_minutes(1);
                    stays.push(stay);
                }
            }
        }
        stays.sort_by_key(|stay| (stay.arrival, stay.user));
        stays
    }

    fn daily_probability(&self, is_weekend: bool) -> f64 {
        let weekly = self.stays_per_week.clamp(0.0, 7.0);
        let daily = match (self.habits, is_weekend) {
            (Habits::Apartments, _) => weekly / 7.0,
            (Habits::Workplace, false) => weekly / (5.0 + 2.0 * WORKPLACE_WEEKEND_SHARE),
            (Habits::Workplace, true) => {
                weekly / (5.0 + 2.0 * WORKPLACE_WEEKEND_SHARE) * WORKPLACE_WEEKEND_SHARE
            }
        };
        daily.min(1.0)
    }

    fn stay(&self, user: u32, date: CivilDate, is_weekend: bool, rng: &mut ChaCha8Rng) -> Stay {
        let shares = match (self.habits, is_weekend) {
            (Habits::Apartments, false) => &APARTMENTS_WEEKDAY,
            (Habits::Apartments, true) => &APARTMENTS_WEEKEND,
            (Habits::Workplace, false) => &WORKPLACE_WEEKDAY,
            (Habits::Workplace, true) => &WORKPLACE_WEEKEND,
        };
        let hour = draw_hour(shares, rng);
        let arrival =
            self.zone.instant(date, hour, 0) + TimeSpan::from_milliseconds(rng.random_range(0..3_600_000));
        let hours = match self.habits {
            Habits::Apartments => apartment_hours(hour, rng),
            Habits::Workplace => workplace_hours(hour, rng),
        };
        let departure = arrival + TimeSpan::from_milliseconds(round(hours * 3_600_000.0));
        // Log-normal: the median is exp(mean of the logarithm).
        let (median, spread, most) = match self.habits {
            Habits::Apartments => (8.8, 0.82, 75.0),
            Habits::Workplace => (6.6, 0.78, 60.0),
        };
        let kwh = (median * (spread * normal(rng)).exp()).clamp(0.5, most);
        let energy_wanted = WattHours::from_milliwatt_hours(round(kwh * 1_000_000.0));
        // Drivers round: most say a whole hour somewhat before or after they leave, and a little more than they need.
        let said_hours = (hours + 0.8 * normal(rng)).max(0.5);
        let half_hours = round(said_hours * 2.0).max(1);
        let departure_stated = arrival + TimeSpan::from_minutes(30 * half_hours);
        let said_kwh = round((kwh * (1.15 + 0.35 * normal(rng)) / 5.0).max(0.5)).max(1) * 5;
        let energy_stated = WattHours::from_watt_hours(said_kwh * 1_000);
        Stay { user, arrival, departure, energy_wanted, departure_stated, energy_stated }
    }
}

/// Evening arrivals mostly stay until the morning; of the others half go out again after some hours.
fn apartment_hours(arrival_hour: i8, rng: &mut ChaCha8Rng) -> f64 {
    let overnight = if arrival_hour >= 15 { 0.68 } else { 0.35 };
    if rng.random_bool(overnight) {
        let until_morning = f64::from((31 - arrival_hour) % 24) + if arrival_hour < 7 { 0.0 } else { 0.3 };
        (until_morning + 1.6 * normal(rng) + rng.random_range(0.0..2.5)).max(1.0)
    } else {
        (2.6 * (0.75 * normal(rng)).exp()).clamp(0.3, 30.0)
    }
}

/// Morning arrivals stay for most of a working day, later ones for some hours.
fn workplace_hours(arrival_hour: i8, rng: &mut ChaCha8Rng) -> f64 {
    if arrival_hour <= 10 && rng.random_bool(0.62) {
        (7.8 + 1.5 * normal(rng)).clamp(3.0, 12.0)
    } else {
        (3.0 * (0.6 * normal(rng)).exp()).clamp(0.5, 10.0)
    }
}

fn draw_hour(shares: &[u32; 24], rng: &mut ChaCha8Rng) -> i8 {
    let mut draw = rng.random_range(0..shares.iter().sum());
    for (hour, share) in (0..).zip(shares) {
        if draw < *share {
            return hour;
        }
        draw -= share;
    }
    23
}

/// Standard normal, by Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let first: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
    let second: f64 = rng.random();
    (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::float;

    fn people(habits: Habits) -> People {
        People { habits, users: 400, stays_per_week: 2.3, zone: "Europe/Helsinki".parse().unwrap() }
    }

    fn dates() -> Vec<CivilDate> {
        (5..=25).map(|day| CivilDate { year: 2026, month: 1, day }).collect()
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    struct Figures {
        arrival: f64,
        hours: f64,
        kwh: f64,
        kwh_mean: f64,
        weekly: f64,
    }

    fn figures(habits: Habits) -> Figures {
        let people = people(habits);
        let stays: Vec<Stay> = dates().into_iter().flat_map(|date| people.day(date, 11)).collect();
        let hour = |stay: &Stay| {
            let civil = people.zone.civil(stay.arrival);
            f64::from(civil.hour) + f64::from(civil.minute) / 60.0
        };
        let kwh: Vec<_> =
            stays.iter().map(|stay| float(stay.energy_wanted.milliwatt_hours()) / 1_000_000.0).collect();
        let hours = |stay: &Stay| float(stay.departure.since(stay.arrival).milliseconds()) / 3_600_000.0;
        let count = float(i64::try_from(stays.len()).unwrap());
        Figures {
            arrival: median(stays.iter().map(hour).collect()),
            hours: median(stays.iter().map(hours).collect()),
            kwh_mean: kwh.iter().sum::<f64>() / count,
            kwh: median(kwh),
            weekly: count / 3.0 / 400.0,
        }
    }

    fn near(name: &str, value: f64, published: f64, share: f64) {
        assert!((value / published - 1.0).abs() <= share, "{name}: {value} against {published}");
    }

    #[test]
    fn apartments_look_like_the_published_ones() {
        let figures = figures(Habits::Apartments);
        near("arrival", figures.arrival, 16.9, 0.05);
        near("hours", figures.hours, 11.55, 0.15);
        near("median kWh", figures.kwh, 8.64, 0.15);
        near("mean kWh", figures.kwh_mean, 12.59, 0.15);
        near("stays a week", figures.weekly, 2.3, 0.1);
    }

    #[test]
    fn workplaces_look_like_the_published_ones() {
        let figures = figures(Habits::Workplace);
        near("arrival", figures.arrival, 10.4, 0.1);
        near("hours", figures.hours, 5.11, 0.15);
        near("median kWh", figures.kwh, 6.69, 0.15);
        near("mean kWh", figures.kwh_mean, 8.86, 0.15);
        near("stays a week", figures.weekly, 2.3, 0.1);
    }

    #[test]
    fn the_same_seed_gives_the_same_stays_and_no_user_has_two_at_a_time() {
        let people = people(Habits::Apartments);
        let stays = people.days(dates(), 3);
        assert_eq!(stays, people.days(dates(), 3));
        assert_ne!(stays, people.days(dates(), 4));
        for user in 0..people.users {
            let own: Vec<_> = stays.iter().filter(|stay| stay.user == user).collect();
            assert!(own.windows(2).all(|pair| pair[0].departure < pair[1].arrival), "user {user}");
        }
        assert!(
            stays.iter().all(|stay| stay.departure > stay.arrival && stay.energy_wanted > WattHours::ZERO)
        );
        let missed = stays.iter().filter(|stay| stay.departure_stated < stay.departure).count();
        assert!(missed > stays.len() / 4 && missed < stays.len() * 3 / 4, "{missed} of {}", stays.len());
    }
}
