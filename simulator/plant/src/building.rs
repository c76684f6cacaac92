//! Base load of buildings that are no flats, and of single large consumers that come and go.
//!
//! Calibrated on measured and published curves, rounded by us; `twin calibrate` prints how far what comes out is from
//! them. Workplaces: eight buildings of the University of Cambridge (EECi, doi 10.5281/zenodo.10955332) and SimBench's
//! business G0. Hotels: SimBench's businesses with evening, continuous and weekend use (G2, G3, G6), since no hotel is
//! published. Parking halls: light and ventilation, an assumption of ours.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use units::civil::Zone;
use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp, WattHours};

use crate::base_load::DailyShape;
use crate::number::{float, round};

const MINUTE: TimeSpan = TimeSpan::from_minutes(1);
const DAY: TimeSpan = TimeSpan::from_hours(24);

/// What a building is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildingUse {
    /// Offices, laboratories, light industry.
    Workplace,
    /// Rooms, a kitchen, a restaurant.
    Hotel,
    /// A parking hall.
    ParkingHall,
}

/// What a building is.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildingConfig {
    /// What it is for.
    pub used_as: BuildingUse,
    /// What it uses in a month.
    pub monthly: WattHours,
    /// The stated worst base current, never exceeded.
    pub worst: PerPhase<Amperes>,
    /// The zone of the clock people live by.
    pub zone: Zone,
}

/// Base load of a building, drawn by seed.
///
/// Per minute and phase: a third of the mean current, more or less by up to a tenth as its consumers were dealt over the
/// phases, times the shape of the day, times a day's factor, times a slow and a fast variation.
#[derive(Debug, Clone)]
pub struct Building {
    config: BuildingConfig,
    seed: u64,
    day: Option<(Timestamp, Vec<PerPhase<Amperes>>)>,
}

impl BuildingUse {
    /// The shape of its days.
    #[must_use]
    pub const fn shape(self) -> DailyShape {
        match self {
            Self::Workplace => WORKPLACE,
            Self::Hotel => HOTEL,
            Self::ParkingHall => PARKING_HALL,
        }
    }

    /// How much days differ, and how much the minutes of a day do: standard deviations relative to the mean.
    const fn variation(self) -> (f64, f64) {
        match self {
            Self::Workplace => (0.16, 0.14),
            Self::Hotel => (0.12, 0.16),
            Self::ParkingHall => (0.04, 0.06),
        }
    }
}

const WORKPLACE: DailyShape = DailyShape {
    weekday: [
        0.81, 0.80, 0.80, 0.80, 0.81, 0.82, 0.87, 0.96, 1.10, 1.22, 1.30, 1.35, 1.36, 1.37, 1.36, 1.33, 1.27,
        1.18, 1.09, 1.02, 0.95, 0.90, 0.85, 0.82,
    ],
    weekend: [
        0.79, 0.78, 0.78, 0.78, 0.78, 0.79, 0.80, 0.82, 0.85, 0.87, 0.89, 0.90, 0.90, 0.90, 0.89, 0.88, 0.87,
        0.86, 0.85, 0.83, 0.82, 0.81, 0.80, 0.79,
    ],
};

const HOTEL: DailyShape = DailyShape {
    weekday: [
        0.76, 0.64, 0.52, 0.49, 0.48, 0.52, 0.62, 0.74, 0.83, 0.98, 1.14, 1.28, 1.39, 1.36, 1.30, 1.22, 1.19,
        1.24, 1.34, 1.38, 1.27, 1.15, 1.03, 0.90,
    ],
    weekend: [
        0.90, 0.72, 0.56, 0.50, 0.48, 0.50, 0.58, 0.70, 0.82, 1.08, 1.34, 1.46, 1.47, 1.36, 1.22, 1.14, 1.18,
        1.30, 1.45, 1.46, 1.37, 1.21, 1.04, 0.88,
    ],
};

const PARKING_HALL: DailyShape = DailyShape {
    weekday: [
        0.80, 0.80, 0.80, 0.80, 0.80, 0.85, 0.95, 1.10, 1.15, 1.10, 1.05, 1.05, 1.10, 1.10, 1.05, 1.10, 1.20,
        1.20, 1.15, 1.05, 1.00, 0.95, 0.90, 0.85,
    ],
    weekend: [
        0.85, 0.85, 0.80, 0.80, 0.80, 0.80, 0.80, 0.85, 0.90, 1.00, 1.10, 1.15, 1.15, 1.15, 1.15, 1.10, 1.10,
        1.10, 1.15, 1.10, 1.05, 1.00, 0.95, 0.90,
    ],
};

impl Building {
    /// A building drawn by `seed`.
    #[must_use]
    pub const fn new(config: BuildingConfig, seed: u64) -> Self {
        Self { config, seed, day: None }
    }

    pub(crate) fn current(&mut self, now: Timestamp) -> PerPhase<Amperes> {
        let start = now.floor_to(DAY);
        if self.day.as_ref().is_none_or(|(cached, _)| *cached != start) {
            self.day = Some((start, self.draw_day(start)));
        }
        let minute = usize::try_from(now.since(start).milliseconds() / MINUTE.milliseconds()).unwrap_or(0);
        self.day.as_ref().and_then(|(_, minutes)| minutes.get(minute)).copied().unwrap_or_default()
    }

    fn draw_day(&self, start: Timestamp) -> Vec<PerPhase<Amperes>> {
        let dealt = self.dealt();
        let shape = self.config.used_as.shape();
        let (of_days, of_minutes) = self.config.used_as.variation();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::try_from(start.milliseconds() / DAY.milliseconds()).unwrap_or(0));
        // Uniform between ± √3 standard deviations.
        let day_factor = 1.0 + of_days * 1.73 * rng.random_range(-1.0..1.0);
        let mut slow = PerPhase::splat(0.0);
        (0..24 * 60)
            .map(|minute| {
                let civil = self.config.zone.civil(start + TimeSpan::from_minutes(minute));
                let demand = shape.at(civil) / shape.mean() * day_factor;
                PerPhase::from_fn(|phase| {
                    // A first-order process with a memory of half an hour and a standard deviation of 1.
                    slow[phase] = 0.97 * slow[phase] + 0.42 * rng.random_range(-1.0..1.0);
                    let fast: f64 = rng.random_range(-0.8..0.8);
                    let variation = (1.0 + of_minutes * (slow[phase] + fast)).max(0.2);
                    Amperes::from_milliamperes(round(dealt[phase] * demand * variation))
                        .min(self.config.worst[phase])
                })
            })
            .collect()
    }

    /// The mean current of each phase, in mA at 230 V, over a month of 730.5 h.
    fn dealt(&self) -> PerPhase<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::MAX);
        let shares = PerPhase::from_fn(|_| 1.0 + rng.random_range(-0.1..0.1));
        let sum: f64 = Phase::ALL.into_iter().map(|phase| shares[phase]).sum();
        let mean = float(self.config.monthly.milliwatt_hours()) / 730.5 / 230.0;
        PerPhase::from_fn(|phase| mean * shares[phase] / sum)
    }
}

/// A large consumer that comes and goes: a lift's drive, a compressor, a kitchen's oven.
#[derive(Debug, Clone, PartialEq)]
pub struct StepsConfig {
    /// What it draws while it runs.
    pub current: PerPhase<Amperes>,
    /// How often it starts in an hour of its day, on average.
    pub starts_per_hour: f64,
    /// How long it runs, in whole half minutes, above 0.
    pub runs_for: TimeSpan,
    /// The hour from which it is used, 0 to 23.
    pub from_hour: i8,
    /// The hour until which it is used, above `from_hour`, up to 24.
    pub to_hour: i8,
    /// The zone of the clock people live by.
    pub zone: Zone,
}

/// Such a consumer, drawn by seed. Two starts at a time are one: it is a single machine.
#[derive(Debug, Clone)]
pub struct Steps {
    config: StepsConfig,
    seed: u64,
}

/// The shortest run and the resolution of starts.
pub(crate) const HALF_MINUTE: TimeSpan = TimeSpan::from_seconds(30);

impl Steps {
    /// A consumer drawn by `seed`.
    #[must_use]
    pub const fn new(config: StepsConfig, seed: u64) -> Self {
        Self { config, seed }
    }

    pub(crate) fn current(&self, now: Timestamp) -> PerPhase<Amperes> {
        let slots = (self.config.runs_for.milliseconds() / HALF_MINUTE.milliseconds()).max(1);
        let slot = now.floor_to(HALF_MINUTE);
        let runs = (0..slots).any(|back| self.starts_at(slot + HALF_MINUTE * -back));
        if runs { self.config.current } else { PerPhase::default() }
    }

    fn starts_at(&self, slot: Timestamp) -> bool {
        let hour = self.config.zone.civil(slot).hour;
        if hour < self.config.from_hour || hour >= self.config.to_hour {
            return false;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::try_from(slot.milliseconds() / HALF_MINUTE.milliseconds()).unwrap_or(0));
        rng.random_bool((self.config.starts_per_hour / 120.0).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn helsinki() -> Zone {
        "Europe/Helsinki".parse().unwrap()
    }

    fn building(used_as: BuildingUse) -> Building {
        let monthly = WattHours::from_watt_hours(20_000_000);
        let worst = PerPhase::splat(Amperes::from_amperes(80));
        Building::new(BuildingConfig { used_as, monthly, worst, zone: helsinki() }, 7)
    }

    /// Four whole weeks, minute by minute, from a Monday's midnight on.
    fn minutes(used_as: BuildingUse) -> Vec<PerPhase<Amperes>> {
        let mut building = building(used_as);
        let start: Timestamp = "2026-02-02T00:00:00+02:00".parse().unwrap();
        (0..28 * 24 * 60).map(|minute| building.current(start + TimeSpan::from_minutes(minute))).collect()
    }

    #[test]
    fn a_building_uses_about_its_monthly_energy_and_never_more_than_its_worst() {
        for used_as in [BuildingUse::Workplace, BuildingUse::Hotel, BuildingUse::ParkingHall] {
            let minutes = minutes(used_as);
            let sum: i64 = minutes
                .iter()
                .flat_map(|current| Phase::ALL.map(|phase| current[phase].milliamperes()))
                .sum();
            let kwh = float(sum) * 230.0 / 60.0 / 1e6;
            let expected = 20_000.0 * 28.0 * 24.0 / 730.5;
            assert!((kwh / expected - 1.0).abs() < 0.1, "{used_as:?}: {kwh} kWh against {expected}");
            assert!(minutes.iter().all(|current| current.highest() <= Amperes::from_amperes(80)));
        }
    }

    #[test]
    fn a_workplace_is_high_on_a_weekday_s_noon_and_low_at_night_and_on_sunday() {
        let minutes = minutes(BuildingUse::Workplace);
        let mean = |day: usize, hour: usize| {
            let sum: i64 = (0..4)
                .flat_map(|week| {
                    let first = ((week * 7 + day) * 24 + hour) * 60;
                    minutes[first..first + 60].iter().map(|current| current.l1.milliamperes())
                })
                .sum();
            float(sum)
        };
        assert!(mean(1, 12) > 1.4 * mean(1, 2), "{} against {}", mean(1, 12), mean(1, 2));
        assert!(mean(1, 12) > 1.25 * mean(6, 12), "{} against {}", mean(1, 12), mean(6, 12));
    }

    #[test]
    fn the_same_seed_gives_the_same_building_in_any_order_of_asking() {
        let minutes = minutes(BuildingUse::Hotel);
        let mut building = building(BuildingUse::Hotel);
        let start: Timestamp = "2026-02-02T00:00:00+02:00".parse().unwrap();
        for minute in [30_000_u32, 5, 39_999, 1_000] {
            let at = start + TimeSpan::from_minutes(i64::from(minute));
            assert_eq!(building.current(at), minutes[usize::try_from(minute).unwrap()]);
        }
    }

    #[test]
    fn a_lift_starts_as_often_as_stated_within_its_hours_and_runs_its_time() {
        let config = StepsConfig {
            current: PerPhase::splat(Amperes::from_amperes(18)),
            starts_per_hour: 6.0,
            runs_for: TimeSpan::from_seconds(60),
            from_hour: 6,
            to_hour: 23,
            zone: helsinki(),
        };
        let lift = Steps::new(config, 3);
        let start: Timestamp = "2026-02-02T00:00:00+02:00".parse().unwrap();
        let runs: Vec<bool> = (0..20 * 24 * 120)
            .map(|slot| lift.current(start + HALF_MINUTE * slot).l1 > Amperes::ZERO)
            .collect();
        let count = runs.iter().filter(|runs| **runs).count();
        // 17 h × 6 starts × 2 slots on 20 days, less what falls together.
        assert!((3_700..4_100).contains(&count), "{count}");
        assert!(runs[..6 * 120].iter().all(|runs| !runs), "nobody rides at night");
    }
}
