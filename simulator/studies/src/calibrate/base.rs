//! Base load: the generated days of flats and buildings against measured and published ones.

use plant::base_load::{BaseLoad, DailyShape, Flats, FlatsConfig};
use plant::building::{Building, BuildingConfig, BuildingUse};
use units::civil::{CivilDate, CivilMonth, Zone};
use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp, WattHours};

use super::sample::Sample;
use super::{Distance, Measure, Records, float, float_of, ratio};

/// What a curve is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CurveKind {
    /// Many flats together.
    Flats,
    /// One household.
    Household,
    /// A workplace.
    Workplace,
    /// What is nearest to a hotel.
    Hotel,
}

/// A load curve, measured or published.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What it is of.
    pub kind: CurveKind,
    /// Where it comes from.
    pub source: String,
    /// What is known of it.
    pub demand: Demand,
}

/// What is known of a curve; any scale.
#[derive(Debug, Clone)]
pub enum Demand {
    /// Two days of hours.
    Days(Box<DailyShape>),
    /// A row per hour, in order, on a clock of this zone; hours that are missing are not there.
    Hours(Vec<(Timestamp, f64)>, Zone),
}

/// The mean energy of a flat in a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Monthly {
    /// Which.
    pub month: CivilMonth,
    /// Mean over all households of apartment blocks, kWh.
    pub kwh_mean: f64,
}

/// How much more flats use at midwinter than on average: the Finnish months of 2022 to 2024 say 22 to 26 %.
const WINTER_SHARE: f64 = 0.24;
const NEVER_REACHED: Amperes = Amperes::from_amperes(100_000);

pub(super) fn measures(records: &Records, seed: u64) -> Vec<Measure> {
    let mut measures = Vec::new();
    let generated = [
        (CurveKind::Flats, year(&mut flats(180, seed))),
        (CurveKind::Household, year(&mut flats(3, seed))),
        (CurveKind::Workplace, year(&mut building(BuildingUse::Workplace, seed))),
        (CurveKind::Hotel, year(&mut building(BuildingUse::Hotel, seed))),
    ];
    for (kind, hours) in &generated {
        let curves: Vec<&Curve> = records.curves.iter().filter(|curve| curve.kind == *kind).collect();
        if !curves.is_empty() {
            measures.extend(curve_measures(*kind, hours, &curves));
        }
    }
    measures.extend(season(&records.flats_monthly));
    measures
}

fn curve_measures(kind: CurveKind, generated: &[(Timestamp, f64)], curves: &[&Curve]) -> Vec<Measure> {
    let names: Vec<&str> = curves.iter().map(|curve| curve.source.as_str()).collect();
    let source = names.join(", ");
    let zone = helsinki();
    let own = Week::of(generated, &zone);
    let weeks: Vec<Week> = curves.iter().map(|curve| Week::of_curve(curve)).collect();
    let real = Week::mean(&weeks);
    let mut measures = Vec::new();
    match kind {
        CurveKind::Household => {
            // One flat on each phase: the deviation of one phase, not of the sum.
            let figures = (own.deviation * 3.0_f64.sqrt(), mean_of(&weeks, |week| week.deviation));
            let statistic = "standard deviation of an hour of a weekday's evening, of its mean".to_owned();
            measures.push(ratio(kind.name(), statistic, figures, 0.5, &source));
        }
        CurveKind::Flats => measures.push(own.shape_against(&real, kind, 0.04, &source)),
        CurveKind::Workplace | CurveKind::Hotel => {
            measures.push(own.shape_against(&real, kind, 0.10, &source));
            let peak = (own.peak, mean_of(&weeks, |week| week.peak));
            measures.push(ratio(
                kind.name(),
                "highest hour of a year over its mean".to_owned(),
                peak,
                0.5,
                &source,
            ));
            let high = (own.high, mean_of(&weeks, |week| week.high));
            measures.push(ratio(
                kind.name(),
                "hour exceeded in 1 % over the mean".to_owned(),
                high,
                0.25,
                &source,
            ));
        }
    }
    measures
}

impl CurveKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Flats => "base load of flats",
            Self::Household => "base load of one flat",
            Self::Workplace => "base load of a workplace",
            Self::Hotel => "base load of a hotel",
        }
    }
}

/// A curve in figures relative to its mean.
struct Week {
    days: DailyShape,
    peak: f64,
    high: f64,
    deviation: f64,
}

impl Week {
    fn of_curve(curve: &Curve) -> Self {
        match &curve.demand {
            Demand::Hours(hours, zone) => Self::of(hours, zone),
            Demand::Days(shape) => {
                let mean = shape.mean();
                let relative = |day: &[f64; 24]| day.map(|value| value / mean);
                let days =
                    DailyShape { weekday: relative(&shape.weekday), weekend: relative(&shape.weekend) };
                Self { days, peak: 0.0, high: 0.0, deviation: 0.0 }
            }
        }
    }

    fn of(hours: &[(Timestamp, f64)], zone: &Zone) -> Self {
        let mean = hours.iter().map(|(_, value)| value).sum::<f64>() / float_of(hours.len().max(1));
        let mut cells: Vec<Vec<f64>> = vec![Vec::new(); 48];
        for (at, value) in hours {
            let civil = zone.civil(*at);
            let hour = usize::try_from(civil.hour).unwrap_or(0);
            cells[if civil.weekday >= 5 { 24 } else { 0 } + hour].push(value / mean);
        }
        let cell_mean = |cell: &Vec<f64>| cell.iter().sum::<f64>() / float_of(cell.len().max(1));
        let day = |first: usize| std::array::from_fn(|hour| cell_mean(&cells[first + hour]));
        let all = Sample::of(hours.iter().map(|(_, value)| value / mean).collect());
        let evening: Vec<f64> = cells[17..22]
            .iter()
            .map(|cell| {
                let mean = cell_mean(cell);
                let square = cell.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
                (square / float_of(cell.len().max(1))).sqrt() / mean
            })
            .collect();
        Self {
            days: DailyShape { weekday: day(0), weekend: day(24) },
            peak: all.quantile(1.0),
            high: all.quantile(0.99),
            deviation: cell_mean(&evening),
        }
    }

    fn mean(weeks: &[Self]) -> DailyShape {
        let count = float_of(weeks.len().max(1));
        let mean = |pick: fn(&Self) -> &[f64; 24]| {
            std::array::from_fn(|hour| weeks.iter().map(|week| pick(week)[hour]).sum::<f64>() / count)
        };
        DailyShape { weekday: mean(|week| &week.days.weekday), weekend: mean(|week| &week.days.weekend) }
    }

    fn shape_against(&self, real: &DailyShape, kind: CurveKind, tolerance: f64, source: &str) -> Measure {
        let gap = |own: &[f64; 24], other: &[f64; 24]| {
            own.iter().zip(other).map(|(a, b)| (a - b).abs()).sum::<f64>() / 24.0
        };
        let (weekday, weekend) =
            (gap(&self.days.weekday, &real.weekday), gap(&self.days.weekend, &real.weekend));
        Measure {
            segment: kind.name().to_owned(),
            statistic: "shape of a day, of its mean; the figures are a weekday's noon".to_owned(),
            generated: self.days.weekday[12],
            real: real.weekday[12],
            distance: (5.0 * weekday + 2.0 * weekend) / 7.0,
            by: Distance::Hours,
            tolerance,
            source: source.to_owned(),
        }
    }
}

/// The geometric mean over several curves.
fn mean_of(weeks: &[Week], pick: fn(&Week) -> f64) -> f64 {
    (weeks.iter().map(|week| pick(week).max(1e-3).ln()).sum::<f64>() / float_of(weeks.len().max(1))).exp()
}

/// Months against the mean of all published ones.
fn season(published: &[Monthly]) -> Vec<Measure> {
    if published.is_empty() {
        return Vec::new();
    }
    let mean = published.iter().map(|month| month.kwh_mean).sum::<f64>() / float_of(published.len());
    let highest = published.iter().map(|month| month.kwh_mean / mean).fold(0.0, f64::max);
    let lowest = published.iter().map(|month| month.kwh_mean / mean).fold(f64::MAX, f64::min);
    let generated = |month: i8| {
        let mut flats = flats(180, 1);
        let start = helsinki().start_of_day(CivilDate { year: 2026, month, day: 1 });
        let of = |start: Timestamp, days: i64| hourly(&mut flats.clone(), start, days * 24);
        let own = of(start, 28).iter().map(|(_, value)| value).sum::<f64>() / (28.0 * 24.0);
        let all = year(&mut flats);
        own / (all.iter().map(|(_, value)| value).sum::<f64>() / float_of(all.len()))
    };
    let source = "fi_household_monthly_kwh_by_dwelling";
    let name = CurveKind::Flats.name();
    vec![
        ratio(
            name,
            "highest month over the mean of months".to_owned(),
            (generated(1), highest),
            0.15,
            source,
        ),
        ratio(name, "lowest month over the mean of months".to_owned(), (generated(7), lowest), 0.15, source),
    ]
}

fn flats(count: u32, seed: u64) -> BaseLoad {
    let config = FlatsConfig {
        flats: count,
        monthly: WattHours::from_watt_hours(200_000),
        shape: DailyShape::nordic_flat(),
        winter_share: WINTER_SHARE,
        sauna: None,
        standing: PerPhase::default(),
        worst: PerPhase::splat(NEVER_REACHED),
        zone: helsinki(),
    };
    BaseLoad::Flats(Box::new(Flats::new(config, seed)))
}

fn building(used_as: BuildingUse, seed: u64) -> BaseLoad {
    let monthly = WattHours::from_watt_hours(30_000_000);
    let worst = PerPhase::splat(NEVER_REACHED);
    let config = BuildingConfig { used_as, monthly, worst, zone: helsinki() };
    BaseLoad::Building(Box::new(Building::new(config, seed)))
}

fn year(load: &mut BaseLoad) -> Vec<(Timestamp, f64)> {
    let start = helsinki().start_of_day(CivilDate { year: 2026, month: 1, day: 1 });
    hourly(load, start, 365 * 24)
}

/// Hourly means of every fifth minute, in mA over all phases.
fn hourly(load: &mut BaseLoad, start: Timestamp, count: i64) -> Vec<(Timestamp, f64)> {
    (0..count)
        .map(|hour| {
            let at = start + TimeSpan::from_hours(hour);
            let sum: i64 = (0..12)
                .map(|step| {
                    let current = load.current(at + TimeSpan::from_minutes(5 * step));
                    Phase::ALL.into_iter().map(|phase| current[phase].milliamperes()).sum::<i64>()
                })
                .sum();
            (at, float(sum) / 12.0)
        })
        .collect()
}

fn helsinki() -> Zone {
    "Europe/Helsinki".parse().unwrap_or_else(|_| Zone::utc())
}
