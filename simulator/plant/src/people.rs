//! People: when cars come, when they go, what they want, and what drivers say of it.
//!
//! Calibrated on published statistics and rounded by us; `twin calibrate` prints how far what comes out is from them.
//! One set of figures stands for a whole segment: a single site lies as far from it as sites lie from one another.
//!
//! - Apartments: Norwegian housing companies (Sørensen et al., Data in Brief 57 (2024) 110883, and 36 (2021) 107105).
//!   Users differ: a tenth comes less than once in two weeks, a tenth nearly daily; those who come seldom take more.
//! - Workplaces: four with equal weight (ACN-Data Caltech and Office 001, Lee, Li, Low 2019; SAP Labs France; 17 sites of
//!   Asensio et al., Harvard Dataverse QF1PMO). They differ by a factor of three in energy.
//! - Public AC points: Boulder, Dundee and Perth & Kinross up to 22 kW, Paris Belib', with equal weight.
//! - Hotels: none is published. Energy is that of shared points in Trondheim (Sørensen et al. 2021), arrival and
//!   departure are our assumption of check-in from 14 and check-out until 11.
//!
//! Seasons and holidays are left out: monthly mean energies of the apartments differ by 7 % only.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use units::civil::{CivilDate, Zone};
use units::{Amperes, TimeSpan, Timestamp, Volts, WattHours};

use crate::ev::{CHARGER_EFFICIENCY_PERCENT, EvModel, EvPhases};
use crate::number::{float, round};

/// Where people park.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Habits {
    /// Residents with their own EVSE: they come in the evening and stay overnight.
    Apartments,
    /// Employees: they come in the morning and leave in the afternoon.
    Workplace,
    /// Passers-by at an AC point in town: most stay for an hour or two, some until the morning.
    Public,
    /// Guests who stay overnight, each once.
    Hotel,
}

impl Habits {
    /// Every segment.
    pub const ALL: [Self; 4] = [Self::Apartments, Self::Workplace, Self::Public, Self::Hotel];

    /// Whether the same people come again; others come once.
    #[must_use]
    pub const fn are_regulars(self) -> bool {
        match self {
            Self::Apartments | Self::Workplace => true,
            Self::Public | Self::Hotel => false,
        }
    }
}

/// One stay of one car.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// Which of the users, from 0; of those who come once, each has its own number.
    pub user: u32,
    /// When it is plugged in.
    pub arrival: Timestamp,
    /// When it is unplugged, after the arrival.
    pub departure: Timestamp,
    /// What the driver drove since the last time: energy at the socket, above 0. A short stay, a small battery or a weak
    /// charger may not hold it: see [`Stay::energy_alone`].
    pub energy_wanted: WattHours,
    /// What the driver says: when they leave.
    pub departure_stated: Timestamp,
    /// What the driver says: how much they want.
    pub energy_stated: WattHours,
}

impl Stay {
    /// What `model` takes of it at the socket if nobody else charges: no more than its battery holds and than its charger
    /// draws within the stay, at an EVSE that offers `current_max` on each of `phases`.
    #[must_use]
    pub fn energy_alone(
        &self,
        model: &EvModel,
        (phases, current_max): (EvPhases, Amperes),
        volts: Volts,
    ) -> WattHours {
        let current = model.current_maximum.min(current_max);
        let count = model.phases.count().min(phases.count());
        let power = current.at_voltage_floor(volts) * i64::from(count);
        let drawn = power.over_floor(self.departure.since(self.arrival));
        let held = model.usable.ratio_floor(100, CHARGER_EFFICIENCY_PERCENT);
        self.energy_wanted.min(drawn).min(held)
    }
}

/// Samples the stays that begin on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct People {
    /// Where they park.
    pub habits: Habits,
    /// How many users there are, each with at most one stay beginning per day. Of those who come once: as many come on
    /// an average day as if they were regulars.
    pub users: u32,
    /// How many stays a user has a week on average, up to 7. Published: 2.6 with a median of 2.3 (apartments), 2 to 3
    /// (workplaces).
    pub stays_per_week: f64,
    /// The zone of the clock they live by.
    pub zone: Zone,
}

/// People who come to one event and leave after it.
///
/// No event is published: that most come within the hour before it and leave within the half hour after it is our
/// assumption; energy is that of public AC points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// How many cars come.
    pub cars: u32,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over, after its begin.
    pub ends_at: Timestamp,
}

impl Event {
    /// Its stays, in order of arrival; the same for the same seed.
    #[must_use]
    pub fn stays(&self, seed: u64) -> Vec<Stay> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let minutes = |minutes: f64| TimeSpan::from_milliseconds(round(minutes * 60_000.0));
        let mut stays: Vec<Stay> = (0..self.cars)
            .map(|user| {
                let arrival = self.starts_at - minutes((33.0 + 14.0 * normal(&mut rng)).clamp(-10.0, 110.0));
                let departure = self.ends_at + minutes((16.0 + 9.0 * normal(&mut rng)).clamp(2.0, 90.0));
                let kwh = PUBLIC.kwh_median * (PUBLIC.spread() * normal(&mut rng)).exp();
                stay(user, arrival, departure, kwh, &mut rng)
            })
            .collect();
        stays.sort_by_key(|stay| (stay.arrival, stay.user));
        stays
    }
}

/// The habits of a segment, in figures.
struct Figures {
    /// Shares of arrivals by local hour from Monday to Friday; any scale.
    weekday: [u32; 24],
    /// On Saturday and Sunday.
    weekend: [u32; 24],
    /// How many come on a day of the weekend for each who comes on a weekday.
    weekend_share: f64,
    /// Half want more than this, at the socket.
    kwh_median: f64,
    /// The spread of the logarithm of energy between users, beside what their frequency explains.
    spread_between: f64,
    /// Between the stays of one user.
    spread_within: f64,
    /// Users who come twice as often want this much less each time, as exponent: 0.4 is a quarter less.
    frequency_exponent: f64,
    /// Half stay longer than this, hours.
    hours_median: f64,
    /// Who stays twice as long wants this much more, as exponent: 0.25 is a fifth more.
    stay_exponent: f64,
}

impl Figures {
    /// The spread of the logarithm of energy where every stay is somebody else's.
    fn spread(&self) -> f64 {
        self.spread_between.hypot(self.spread_within)
    }
}

const APARTMENTS: Figures = Figures {
    weekday: [8, 3, 2, 6, 8, 3, 3, 8, 14, 17, 20, 26, 31, 36, 52, 110, 142, 91, 80, 91, 90, 74, 54, 24],
    weekend: [25, 11, 4, 5, 5, 3, 2, 6, 10, 14, 22, 40, 51, 65, 78, 97, 92, 100, 94, 83, 65, 55, 47, 23],
    weekend_share: 0.84,
    kwh_median: 13.5,
    spread_between: 0.55,
    spread_within: 0.65,
    frequency_exponent: 0.4,
    hours_median: 11.5,
    stay_exponent: 0.1,
};

const WORKPLACE: Figures = Figures {
    weekday: [1, 0, 0, 0, 2, 8, 41, 111, 210, 160, 66, 70, 68, 104, 55, 27, 21, 17, 16, 10, 7, 4, 3, 1],
    weekend: [12, 7, 3, 2, 3, 3, 8, 40, 54, 81, 91, 78, 81, 74, 68, 69, 75, 61, 52, 43, 35, 27, 20, 13],
    weekend_share: 0.1,
    kwh_median: 11.5,
    spread_between: 0.65,
    spread_within: 0.75,
    frequency_exponent: 0.0,
    hours_median: 4.0,
    stay_exponent: 0.25,
};

const PUBLIC: Figures = Figures {
    weekday: [9, 6, 2, 1, 1, 10, 19, 36, 83, 71, 63, 77, 91, 83, 71, 76, 64, 56, 49, 42, 30, 29, 17, 14],
    weekend: [14, 12, 8, 8, 7, 7, 13, 21, 34, 58, 77, 87, 95, 100, 75, 62, 57, 56, 43, 39, 40, 43, 21, 22],
    weekend_share: 0.8,
    kwh_median: 9.5,
    spread_between: 0.6,
    spread_within: 0.6,
    frequency_exponent: 0.0,
    hours_median: 2.0,
    stay_exponent: 0.1,
};

const HOTEL: Figures = Figures {
    weekday: [5, 0, 0, 0, 0, 0, 0, 0, 5, 5, 5, 10, 20, 30, 60, 110, 140, 140, 130, 110, 90, 65, 45, 30],
    weekend: [5, 0, 0, 0, 0, 0, 0, 0, 5, 5, 10, 20, 40, 60, 110, 150, 150, 120, 100, 80, 60, 40, 25, 20],
    weekend_share: 1.3,
    kwh_median: 18.0,
    spread_between: 0.6,
    spread_within: 0.6,
    frequency_exponent: 0.0,
    hours_median: 16.0,
    stay_exponent: 0.0,
};

impl People {
    /// The stays that begin on `date`, in order of arrival; the same for the same seed and date.
    #[must_use]
    pub fn day(&self, date: CivilDate, seed: u64) -> Vec<Stay> {
        let midnight = self.zone.start_of_day(date);
        let noon = self.zone.civil(midnight + TimeSpan::from_hours(12));
        let is_weekend = noon.weekday >= 5;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::try_from(midnight.milliseconds() / 3_600_000).unwrap_or(0));
        let mut stays: Vec<_> = (0..self.users)
            .filter_map(|user| {
                // All of a user's chances are drawn, so that one user's day does not shift the next one's.
                let own = self.user(user, seed);
                let comes = rng.random_bool((own.daily * self.day_factor(is_weekend)).min(1.0));
                let stay = self.stay(user, own, date, is_weekend, &mut rng);
                comes.then_some(stay)
            })
            .collect();
        stays.sort_by_key(|stay| (stay.arrival, stay.user));
        stays
    }

    /// Stays over several days. A regular has no two at a time: one that would begin before the last one ended is left
    /// out. Those who come once are numbered in order of arrival.
    #[must_use]
    pub fn days(&self, dates: impl IntoIterator<Item = CivilDate>, seed: u64) -> Vec<Stay> {
        let mut free_from = vec![Timestamp::EPOCH; usize::try_from(self.users).unwrap_or(0)];
        let mut stays: Vec<Stay> = Vec::new();
        for date in dates {
            for stay in self.day(date, seed) {
                let free = &mut free_from[usize::try_from(stay.user).unwrap_or(0)];
                if stay.arrival >= *free || !self.habits.are_regulars() {
                    *free = stay.departure + TimeSpan::from_minutes(1);
                    stays.push(stay);
                }
            }
        }
        stays.sort_by_key(|stay| (stay.arrival, stay.user));
        if !self.habits.are_regulars() {
            for (number, stay) in (0..).zip(&mut stays) {
                stay.user = number;
            }
        }
        stays
    }

    const fn figures(&self) -> &'static Figures {
        match self.habits {
            Habits::Apartments => &APARTMENTS,
            Habits::Workplace => &WORKPLACE,
            Habits::Public => &PUBLIC,
            Habits::Hotel => &HOTEL,
        }
    }

    /// What of a user lasts, the same on every day.
    fn user(&self, user: u32, seed: u64) -> User {
        let figures = self.figures();
        let mean = (self.stays_per_week / 7.0).clamp(0.0, 1.0);
        if !self.habits.are_regulars() {
            return User { daily: mean, energy: 1.0, spread: figures.spread() };
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::MAX - u64::from(user));
        // Kumaraswamy's distribution with the mean asked for: who comes daily on average comes every day.
        let draw: f64 = rng.random_range(0.02..0.98);
        let daily = if mean > 0.0 { 1.0 - (1.0 - draw).powf(mean / (1.0 - mean).max(1e-9)) } else { 0.0 };
        let median = 1.0 - 0.5_f64.powf(mean / (1.0 - mean).max(1e-9));
        let frequency = if median > 0.0 { (daily / median).clamp(0.15, 3.0) } else { 1.0 };
        let energy =
            frequency.powf(-figures.frequency_exponent) * (figures.spread_between * normal(&mut rng)).exp();
        User { daily, energy, spread: figures.spread_within }
    }

    /// How many come on such a day, relative to the mean of the week.
    fn day_factor(&self, is_weekend: bool) -> f64 {
        let share = self.figures().weekend_share;
        let weekday = 7.0 / (5.0 + 2.0 * share);
        if self.stays_per_week >= 7.0 {
            1.0
        } else if is_weekend {
            weekday * share
        } else {
            weekday
        }
    }

    fn stay(&self, user: u32, own: User, date: CivilDate, is_weekend: bool, rng: &mut ChaCha8Rng) -> Stay {
        let figures = self.figures();
        let shares = if is_weekend { &figures.weekend } else { &figures.weekday };
        let hour = draw_hour(shares, rng);
        let past = rng.random_range(0..3_600_000);
        let arrival = self.zone.instant(date, hour, 0) + TimeSpan::from_milliseconds(past);
        let clock = f64::from(hour) + float(past) / 3_600_000.0;
        let hours = match self.habits {
            Habits::Apartments => apartment_hours(clock, rng),
            Habits::Workplace => workplace_hours(clock, rng),
            Habits::Public => public_hours(clock, rng),
            Habits::Hotel => hotel_hours(clock, rng),
        };
        let departure = arrival + TimeSpan::from_milliseconds(round(hours * 3_600_000.0));
        let longer = (hours / figures.hours_median).clamp(0.2, 3.0).powf(figures.stay_exponent);
        let kwh = figures.kwh_median * own.energy * longer * (own.spread * normal(rng)).exp();
        stay(user, arrival, departure, kwh, rng)
    }
}

/// What of a user lasts.
#[derive(Debug, Clone, Copy)]
struct User {
    /// The probability that a stay begins on a day, on average over the week.
    daily: f64,
    /// What they want, relative to the median.
    energy: f64,
    /// The spread of the logarithm of it from stay to stay.
    spread: f64,
}

fn stay(user: u32, arrival: Timestamp, departure: Timestamp, kwh: f64, rng: &mut ChaCha8Rng) -> Stay {
    let kwh = kwh.clamp(0.3, 100.0);
    let energy_wanted = WattHours::from_milliwatt_hours(round(kwh * 1_000_000.0));
    // Drivers round: most say a whole hour somewhat before or after they leave, and a little more than they need.
    let hours = float(departure.since(arrival).milliseconds()) / 3_600_000.0;
    let said_hours = (hours + 0.8 * normal(rng)).max(0.5);
    let half_hours = round(said_hours * 2.0).max(1);
    let departure_stated = arrival + TimeSpan::from_minutes(30 * half_hours);
    let said_kwh = round((kwh * (1.15 + 0.35 * normal(rng)) / 5.0).max(0.5)).max(1) * 5;
    let energy_stated = WattHours::from_watt_hours(said_kwh * 1_000);
    Stay { user, arrival, departure, energy_wanted, departure_stated, energy_stated }
}

/// How many of a hundred who come in an hour are still there after midnight.
const OVERNIGHT: [u32; 24] =
    [7, 7, 7, 7, 7, 7, 7, 7, 9, 12, 16, 19, 28, 36, 44, 51, 60, 70, 75, 82, 90, 95, 97, 99];

/// From their `clock` on arrival. Whoever stays overnight mostly leaves after 6:30, half by 8:30, a tenth after 14:30, or
/// stays for another night.
fn apartment_hours(clock: f64, rng: &mut ChaCha8Rng) -> f64 {
    if hit(&OVERNIGHT, clock, rng) {
        let mut leaves = 30.0 + log_normal(2.4, 1.0, rng).min(17.0);
        while rng.random_bool(0.09) {
            leaves += 24.0;
        }
        return leaves - clock;
    }
    let (median, spread) = match clock {
        ..5.0 => (10.0, 0.5),
        5.0..12.0 => (4.0, 0.8),
        12.0..18.0 => (2.4, 0.75),
        18.0..21.0 => (1.6, 0.75),
        _ => (0.8, 0.75),
    };
    log_normal(median, spread, rng).clamp(0.1, (24.0 - clock).max(0.1))
}

/// Most who come by 11 stay until they go home, at about 17; others, and those who come later, stay for some hours.
fn workplace_hours(clock: f64, rng: &mut ChaCha8Rng) -> f64 {
    let share = if clock < 9.0 { 0.42 } else { 0.36 };
    if clock < 11.0 && rng.random_bool(share) {
        return (16.9 + 1.0 * normal(rng) - clock).clamp(2.0, 14.0);
    }
    let (median, spread) = match clock {
        ..5.0 => (5.0, 0.8),
        5.0..11.0 => (3.1, 0.5),
        11.0..15.0 => (3.3, 0.6),
        15.0..18.0 => (1.9, 0.75),
        _ => (1.6, 0.95),
    };
    log_normal(median, spread, rng).clamp(0.1, 20.0)
}

/// Of a hundred who come in an hour, so many stay until the next morning.
const PUBLIC_LONG: [u32; 24] =
    [35, 35, 35, 35, 30, 22, 20, 16, 12, 10, 8, 9, 10, 12, 14, 17, 20, 20, 22, 27, 35, 45, 55, 55];

fn public_hours(clock: f64, rng: &mut ChaCha8Rng) -> f64 {
    if hit(&PUBLIC_LONG, clock, rng) {
        let morning = if clock < 5.0 { 8.5 } else { 32.5 };
        return (morning + 1.8 * normal(rng) - clock).max(1.0);
    }
    log_normal(1.5, 1.05, rng).clamp(0.08, 40.0)
}

/// They leave at about 9, one in seven after a second night.
fn hotel_hours(clock: f64, rng: &mut ChaCha8Rng) -> f64 {
    let morning = if clock < 5.0 { 9.0 } else { 33.0 };
    let second = if rng.random_bool(0.14) { 24.0 } else { 0.0 };
    morning + second + (1.2 * normal(rng)).clamp(-3.0, 2.0) - clock
}

/// Whether an event with this chance in percent by hour happens.
fn hit(percent: &[u32; 24], clock: f64, rng: &mut ChaCha8Rng) -> bool {
    let hour = usize::try_from(round(clock.floor())).unwrap_or(0).min(23);
    rng.random_ratio(percent[hour].min(100), 100)
}

fn log_normal(median: f64, spread: f64, rng: &mut ChaCha8Rng) -> f64 {
    median * (spread * normal(rng)).exp()
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

    fn people(habits: Habits) -> People {
        People { habits, users: 400, stays_per_week: 2.3, zone: "Europe/Helsinki".parse().unwrap() }
    }

    fn dates() -> Vec<CivilDate> {
        (5..=25).map(|day| CivilDate { year: 2026, month: 1, day }).collect()
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
