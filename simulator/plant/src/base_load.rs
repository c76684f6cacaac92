//! Base load: what the building draws beside its EVSEs, per phase.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use units::civil::{Civil, Zone};
use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp, WattHours};

use crate::building::{Building, HALF_MINUTE, Steps};
use crate::number::{float, floor, round};

const MINUTE: TimeSpan = TimeSpan::from_minutes(1);
const DAY: TimeSpan = TimeSpan::from_hours(24);

/// Base load per phase, piecewise constant.
#[derive(Debug, Clone)]
pub enum BaseLoad {
    /// Always the same.
    Constant(PerPhase<Amperes>),
    /// From data.
    Trace(Trace),
    /// Flats drawn by seed.
    Flats(Box<Flats>),
    /// Another building drawn by seed.
    Building(Box<Building>),
    /// A large consumer that comes and goes, drawn by seed.
    Steps(Box<Steps>),
}

impl BaseLoad {
    /// The current at `now`; positive is import.
    pub fn current(&mut self, now: Timestamp) -> PerPhase<Amperes> {
        match self {
            Self::Constant(current) => *current,
            Self::Trace(trace) => trace.current(now),
            Self::Flats(flats) => flats.current(now),
            Self::Building(building) => building.current(now),
            Self::Steps(steps) => steps.current(now),
        }
    }

    /// When the current may next change; none where it never does again.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Constant(_) => None,
            Self::Trace(trace) => trace.next_change(now),
            Self::Flats(_) | Self::Building(_) => Some(now.floor_to(MINUTE) + MINUTE),
            Self::Steps(_) => Some(now.floor_to(HALF_MINUTE) + HALF_MINUTE),
        }
    }
}

/// Base load from data: each row holds until the next; before the first, the first holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    rows: Vec<(Timestamp, PerPhase<Amperes>)>,
}

/// Why rows are not a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrace {
    /// There is no row.
    #[error("a trace needs at least one row")]
    Empty,
    /// A row is not after the one before it.
    #[error("row {row} of the trace, at {at}, is not after the row before it")]
    Order {
        /// Counted from 0.
        row: usize,
        /// Its instant.
        at: Timestamp,
    },
}

impl Trace {
    /// A trace from rows in order of time.
    ///
    /// # Errors
    ///
    /// Where there is none, or one is not after the one before.
    pub fn new(rows: Vec<(Timestamp, PerPhase<Amperes>)>) -> Result<Self, InvalidTrace> {
        if rows.is_empty() {
            return Err(InvalidTrace::Empty);
        }
        match rows.windows(2).position(|pair| pair[1].0 <= pair[0].0) {
            Some(before) => Err(InvalidTrace::Order { row: before + 1, at: rows[before + 1].0 }),
            None => Ok(Self { rows }),
        }
    }

    fn current(&self, now: Timestamp) -> PerPhase<Amperes> {
        let after = self.rows.partition_point(|(at, _)| *at <= now);
        self.rows[after.saturating_sub(1)].1
    }

    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        // The first row already holds before its instant.
        let after = self.rows.partition_point(|(at, _)| *at <= now).max(1);
        self.rows.get(after).map(|(at, _)| *at)
    }
}

/// Relative demand by hour of the day; any scale, only the shape counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailyShape {
    /// Monday to Friday, hours 0 to 23.
    pub weekday: [f64; 24],
    /// Saturday and Sunday.
    pub weekend: [f64; 24],
}

impl DailyShape {
    /// A Nordic flat without electric heating: the Swedish type curves of a flat in winter (alicekjansson,
    /// CIMTimeSeriesGenerator, MIT), relative to the mean of a weekday and rounded by us.
    #[must_use]
    pub const fn nordic_flat() -> Self {
        Self {
            weekday: [
                0.92, 0.82, 0.75, 0.75, 0.77, 0.80, 0.88, 0.89, 0.91, 0.96, 0.96, 0.89, 0.92, 0.95, 1.01,
                1.10, 1.19, 1.26, 1.32, 1.39, 1.32, 1.23, 1.08, 0.95,
            ],
            weekend: [
                0.95, 0.86, 0.79, 0.75, 0.74, 0.74, 0.78, 0.78, 0.83, 0.95, 0.99, 0.99, 1.08, 1.12, 1.19,
                1.22, 1.27, 1.31, 1.34, 1.35, 1.24, 1.15, 1.04, 0.92,
            ],
        }
    }

    /// The mean over a week.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let weekday: f64 = self.weekday.iter().sum();
        let weekend: f64 = self.weekend.iter().sum();
        (5.0 * weekday + 2.0 * weekend) / (7.0 * 24.0)
    }

    /// The shape at a civil time, straight between the middles of hours.
    pub(crate) fn at(&self, civil: Civil) -> f64 {
        let day = if civil.weekday >= 5 { &self.weekend } else { &self.weekday };
        let hour = usize::try_from(civil.hour).unwrap_or(0).min(23);
        let minute = f64::from(civil.minute);
        let (from, to, share) = if minute < 30.0 {
            (day[(hour + 23) % 24], day[hour], (minute + 30.0) / 60.0)
        } else {
            (day[hour], day[(hour + 1) % 24], (minute - 30.0) / 60.0)
        };
        from + (to - from) * share
    }
}

/// The common sauna: an electric stove that is on in the evening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sauna {
    /// What the stove draws while it heats.
    pub current: PerPhase<Amperes>,
    /// The hour at which it is switched on, 0 to 23.
    pub from_hour: i8,
    /// The hour at which it is switched off, above `from_hour`, up to 24.
    pub to_hour: i8,
}

/// What flats are.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatsConfig {
    /// How many.
    pub flats: u32,
    /// What each uses in a month of the season's middle (season factor 1).
    pub monthly: WattHours,
    /// The shape of their day.
    pub shape: DailyShape,
    /// How much more is used at midwinter than on average, 0 to 1; the same less at midsummer. 0 where `monthly`
    /// already is the season's.
    pub winter_share: f64,
    /// The common sauna, where there is one.
    pub sauna: Option<Sauna>,
    /// Common loads that are always on: ventilation, pumps, lights.
    pub standing: PerPhase<Amperes>,
    /// The stated worst base current, never exceeded.
    pub worst: PerPhase<Amperes>,
    /// The zone of the clock people live by.
    pub zone: Zone,
}

/// Base load of flats dealt over the phases, drawn by seed.
///
/// Per minute and phase: flats on the phase × monthly energy × shape × season, times a day's factor (± 10 %), times a
/// slow and a fast variation that shrink with the root of the number of flats, plus standing loads and the sauna's
/// stove, which heats for 40 min at its start and then clocks 12 min of 20.
#[derive(Debug, Clone)]
pub struct Flats {
    config: FlatsConfig,
    seed: u64,
    day: Option<(Timestamp, Vec<PerPhase<Amperes>>)>,
}

impl Flats {
    /// Flats drawn by `seed`.
    #[must_use]
    pub const fn new(config: FlatsConfig, seed: u64) -> Self {
        Self { config, seed, day: None }
    }

    fn current(&mut self, now: Timestamp) -> PerPhase<Amperes> {
        let start = now.floor_to(DAY);
        if self.day.as_ref().is_none_or(|(cached, _)| *cached != start) {
            self.day = Some((start, self.draw_day(start)));
        }
        let minute = now.since(start).milliseconds() / MINUTE.milliseconds();
        let minute = usize::try_from(minute).unwrap_or(0);
        self.day.as_ref().and_then(|(_, minutes)| minutes.get(minute)).copied().unwrap_or_default()
    }

    fn draw_day(&self, start: Timestamp) -> Vec<PerPhase<Amperes>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::try_from(start.milliseconds() / DAY.milliseconds()).unwrap_or(0));
        let day_factor = rng.random_range(0.9..1.1);
        let mut slow = PerPhase::splat(0.0);
        (0..24 * 60)
            .map(|minute| {
                let at = start + TimeSpan::from_minutes(minute);
                let civil = self.config.zone.civil(at);
                let demand =
                    self.config.shape.at(civil) / self.config.shape.mean() * self.season(civil) * day_factor;
                PerPhase::from_fn(|phase| {
                    let flats = self.flats_on(phase);
                    let spread = if flats > 0.0 { 1.2 / flats.sqrt() } else { 0.0 };
                    slow[phase] = 0.97 * slow[phase] + 0.24 * rng.random_range(-1.0..1.0);
                    let fast: f64 = rng.random_range(-0.4..0.4);
                    let variation = (1.0 + spread * (slow[phase] + fast)).max(0.2);
                    let flats_current = flats * self.mean_milliamperes() * demand * variation;
                    let current = Amperes::from_milliamperes(round(flats_current))
                        + self.config.standing[phase]
                        + self.sauna(phase, civil);
                    current.min(self.config.worst[phase])
                })
            })
            .collect()
    }

    fn flats_on(&self, phase: Phase) -> f64 {
        let index = u32::try_from(phase.index()).unwrap_or(0);
        f64::from((self.config.flats + 2 - index) / 3)
    }

    /// The mean current of one flat, in mA at 230 V, over a month of 730.5 h.
    fn mean_milliamperes(&self) -> f64 {
        float(self.config.monthly.milliwatt_hours()) / 730.5 / 230.0
    }

    /// Highest in the middle of January.
    fn season(&self, civil: Civil) -> f64 {
        let day_of_year = f64::from(civil.date.month - 1) * 30.4 + f64::from(civil.date.day);
        let angle = (day_of_year - 15.0) / 365.0 * std::f64::consts::TAU;
        1.0 + self.config.winter_share * angle.cos()
    }

    fn sauna(&self, phase: Phase, civil: Civil) -> Amperes {
        let Some(sauna) = self.config.sauna else { return Amperes::ZERO };
        if civil.hour < sauna.from_hour || civil.hour >= sauna.to_hour {
            return Amperes::ZERO;
        }
        let minute = (i64::from(civil.hour) - i64::from(sauna.from_hour)) * 60 + i64::from(civil.minute);
        // The phases' elements clock one after the other.
        let clocked = (minute + floor(float(i64::try_from(phase.index()).unwrap_or(0)) * 6.0)) % 20;
        if minute < 40 || clocked < 12 { sauna.current[phase] } else { Amperes::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> FlatsConfig {
        FlatsConfig {
            flats: 60,
            monthly: WattHours::from_watt_hours(275_000),
            shape: DailyShape::nordic_flat(),
            winter_share: 0.0,
            sauna: None,
            standing: PerPhase::default(),
            worst: PerPhase::splat(Amperes::from_amperes(1_000)),
            zone: "Europe/Helsinki".parse().unwrap(),
        }
    }

    fn midnight() -> Timestamp {
        "2026-01-12T00:00:00+02:00".parse().unwrap()
    }

    fn month(config: FlatsConfig, seed: u64) -> Vec<PerPhase<Amperes>> {
        let mut load = BaseLoad::Flats(Box::new(Flats::new(config, seed)));
        let mut now = midnight();
        let end = now + DAY * 28;
        let mut minutes = Vec::new();
        while now < end {
            minutes.push(load.current(now));
            now = load.next_change(now).unwrap();
        }
        minutes
    }

    #[test]
    fn sixty_flats_use_about_their_monthly_energy_evenly_over_the_phases() {
        let minutes = month(config(), 1);
        assert_eq!(minutes.len(), 28 * 24 * 60);
        for phase in Phase::ALL {
            let milliamperes: i64 = minutes.iter().map(|minute| minute[phase].milliamperes()).sum();
            let kwh = float(milliamperes) * 230.0 / 60.0 / 1e6;
            let expected = 20.0 * 275.0 * 28.0 * 24.0 / 730.5;
            assert!((kwh / expected - 1.0).abs() < 0.05, "{phase}: {kwh} kWh against {expected}");
        }
    }

    #[test]
    fn evenings_are_higher_than_nights_and_winter_than_summer() {
        let minutes = month(config(), 2);
        let hour = |hour: usize| -> i64 {
            (0..28).map(|day| minutes[day * 1_440 + hour * 60 + 15][Phase::L1].milliamperes()).sum()
        };
        assert!(hour(19) > hour(3) * 3 / 2, "{} against {}", hour(19), hour(3));
        let mut seasonal =
            BaseLoad::Flats(Box::new(Flats::new(FlatsConfig { winter_share: 0.2, ..config() }, 3)));
        let mut day_sum = |day: &str| -> i64 {
            let start: Timestamp = day.parse().unwrap();
            (0..1_440)
                .map(|minute| seasonal.current(start + TimeSpan::from_minutes(minute)).l1.milliamperes())
                .sum()
        };
        assert!(day_sum("2026-01-14T00:00:00Z") > day_sum("2026-07-15T00:00:00Z") * 11 / 10);
    }

    #[test]
    fn the_sauna_adds_its_stove_in_the_evening_and_the_worst_is_never_exceeded() {
        let sauna = Sauna { current: PerPhase::splat(Amperes::from_amperes(15)), from_hour: 17, to_hour: 21 };
        let worst = PerPhase::splat(Amperes::from_amperes(45));
        let plain = month(config(), 4);
        let heated = month(FlatsConfig { sauna: Some(sauna), ..config() }, 4);
        let at_17_10 = 17 * 60 + 10;
        assert_eq!(heated[at_17_10].l2 - plain[at_17_10].l2, Amperes::from_amperes(15));
        assert_eq!(heated[16 * 60], plain[16 * 60]);
        assert_eq!(heated[21 * 60], plain[21 * 60]);
        let capped = month(FlatsConfig { sauna: Some(sauna), worst, ..config() }, 4);
        assert!(heated.iter().any(|minute| minute.highest() > Amperes::from_amperes(30)));
        assert!(capped.iter().all(|minute| minute.highest() <= Amperes::from_amperes(45)));
    }

    #[test]
    fn the_same_seed_gives_the_same_load_in_any_order_of_asking() {
        let minutes = month(config(), 5);
        let mut load = BaseLoad::Flats(Box::new(Flats::new(config(), 5)));
        for minute in [30_000_u32, 5, 39_999, 1_000] {
            let at = midnight() + TimeSpan::from_minutes(i64::from(minute));
            assert_eq!(load.current(at), minutes[usize::try_from(minute).unwrap()]);
        }
        assert_ne!(minutes, month(config(), 6));
    }

    #[test]
    fn a_trace_holds_each_row_until_the_next() {
        let at = |second| Timestamp::EPOCH + TimeSpan::from_seconds(second);
        let row = |second, amperes| (at(second), PerPhase::splat(Amperes::from_amperes(amperes)));
        let trace = Trace::new(vec![row(10, 1), row(20, 2), row(30, 3)]).unwrap();
        let mut load = BaseLoad::Trace(trace);
        for (second, amperes) in [(0, 1), (10, 1), (19, 1), (20, 2), (29, 2), (30, 3), (999, 3)] {
            assert_eq!(load.current(at(second)).l3, Amperes::from_amperes(amperes), "at {second} s");
        }
        assert_eq!(load.next_change(at(0)), Some(at(20)));
        assert_eq!(load.next_change(at(20)), Some(at(30)));
        assert_eq!(load.next_change(at(30)), None);
        assert!(Trace::new(vec![row(10, 1), row(10, 2)]).is_err());
        assert_eq!(Trace::new(Vec::new()).unwrap_err(), InvalidTrace::Empty);
    }
}
