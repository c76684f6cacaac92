//! People: what the generated stays of a segment are against the recorded ones.

use std::collections::{BTreeMap, BTreeSet};

use plant::ev::{EvModel, EvPhases};
use plant::people::{Habits, People, Stay};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use units::civil::{CivilDate, Zone};
use units::{Amperes, Volts};

use super::sample::{Sample, rank_correlation};
use super::{
    Distance, Measure, RecordedSession, Records, clock_hours, difference, float_of, hours, kilowatt_hours,
    ratio,
};

/// A segment with recorded sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SegmentKind {
    /// Own places of housing companies.
    Apartments,
    /// Workplaces.
    Workplace,
    /// Public AC points.
    Public,
    /// Shared points where cars stand overnight: the nearest to a hotel that is published. Only energy is compared.
    Hotel,
}

/// A table of recorded sessions, and which of its rows belong to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Under `WATTERY_DATA`.
    pub path: &'static str,
    /// The table's word for the segment.
    pub segment: &'static str,
    /// Whose clock people live by.
    pub zone: &'static str,
    /// Only points of this many kW or less, where the table tells; above is no AC.
    pub highest_kw: Option<u32>,
    /// What it stands for.
    pub kind: SegmentKind,
}

const fn source(
    path: &'static str,
    segment: &'static str,
    zone: &'static str,
    highest_kw: Option<u32>,
    kind: SegmentKind,
) -> Source {
    Source { path, segment, zone, highest_kw, kind }
}

/// Every table that is compared with.
pub const SOURCES: [Source; 11] = [
    source(
        "sessions/norway12_apartments.csv.gz",
        "residential_apartment",
        "Europe/Oslo",
        None,
        SegmentKind::Apartments,
    ),
    source(
        "sessions/trondheim_risvollan.csv.gz",
        "residential_apartment_private",
        "Europe/Oslo",
        None,
        SegmentKind::Apartments,
    ),
    source(
        "sessions/acn_caltech_long.csv.gz",
        "workplace",
        "America/Los_Angeles",
        None,
        SegmentKind::Workplace,
    ),
    source(
        "sessions/acn_office001_long.csv.gz",
        "workplace",
        "America/Los_Angeles",
        None,
        SegmentKind::Workplace,
    ),
    source("sessions/sap_labs_fr.csv.gz", "workplace", "Europe/Paris", None, SegmentKind::Workplace),
    // The table names no zone; the published histogram of its arrivals does: five hours behind UTC.
    source(
        "sessions/asensio_workplace_us.csv.gz",
        "workplace",
        "America/New_York",
        None,
        SegmentKind::Workplace,
    ),
    source("sessions/boulder_public.csv.gz", "public", "America/Denver", None, SegmentKind::Public),
    source("sessions/dundee_public.csv.gz", "public", "Europe/London", Some(22), SegmentKind::Public),
    source("sessions/perth_kinross_public.csv.gz", "public", "Europe/London", Some(22), SegmentKind::Public),
    source("sessions/paris_belib_public.csv.gz", "public", "Europe/Paris", None, SegmentKind::Public),
    source(
        "sessions/trondheim_risvollan.csv.gz",
        "residential_apartment_shared",
        "Europe/Oslo",
        None,
        SegmentKind::Hotel,
    ),
];

/// The published quantiles of one table and segment, as `stats/ev_session_statistics.csv` has them.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedSessions {
    /// The table's name without its ending.
    pub file: String,
    /// Its word for the segment.
    pub segment: String,
    /// By column: `kwh_p50`, `hours_p90`, `arrival_hour_p10`, `idle_share_p50` …; what is not published is not there.
    pub figures: BTreeMap<String, f64>,
}

impl SegmentKind {
    const fn habits(self) -> Habits {
        match self {
            Self::Apartments => Habits::Apartments,
            Self::Workplace => Habits::Workplace,
            Self::Public => Habits::Public,
            Self::Hotel => Habits::Hotel,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Apartments => "apartments",
            Self::Workplace => "workplace",
            Self::Public => "public",
            Self::Hotel => "hotel",
        }
    }

    /// What the recorded places mostly offer: 7.4 kW on one phase, 22 kW on three.
    const fn place(self) -> (EvPhases, Amperes) {
        let phases = match self {
            Self::Apartments | Self::Workplace => EvPhases::One,
            Self::Public | Self::Hotel => EvPhases::Three,
        };
        (phases, Amperes::from_amperes(32))
    }

    /// The mean that gives the published median of the users.
    const fn stays_per_week(self) -> f64 {
        match self {
            Self::Apartments | Self::Workplace => 2.6,
            Self::Public | Self::Hotel => 5.0,
        }
    }

    /// How far the generator may be from the pooled records: Kolmogorov and Smirnov's distance of arrival, stay, energy.
    ///
    /// Recorded sites lie 0.1 to 0.2 (apartments) and 0.2 to 0.4 (workplaces) from the rest of their segment in energy.
    /// One curve cannot follow the steps in the middle of theirs, and need not.
    const fn tolerances(self) -> (f64, f64, f64) {
        match self {
            Self::Apartments => (0.05, 0.08, 0.14),
            Self::Workplace => (0.05, 0.10, 0.16),
            Self::Public => (0.05, 0.10, 0.10),
            Self::Hotel => (1.0, 1.0, 0.12),
        }
    }
}

/// One session as numbers, be it recorded or generated.
struct Session {
    /// Index of the table or, where it names several sites with enough sessions, the site.
    group: String,
    user: String,
    arrival: f64,
    hours: f64,
    kwh: f64,
    is_weekend: bool,
    /// Share of the stay without energy, where it is known.
    idle: Option<f64>,
    week: f64,
}

pub(super) fn measures(records: &Records, seed: u64) -> Vec<Measure> {
    let kinds: BTreeSet<SegmentKind> = records.sessions.iter().map(|(source, _)| source.kind).collect();
    kinds.into_iter().flat_map(|kind| segment_measures(records, kind, seed)).collect()
}

fn segment_measures(records: &Records, kind: SegmentKind, seed: u64) -> Vec<Measure> {
    let tables: Vec<&(Source, Vec<RecordedSession>)> =
        records.sessions.iter().filter(|(source, _)| source.kind == kind).collect();
    let real: Vec<Session> =
        tables.iter().flat_map(|(source, sessions)| recorded(source, sessions)).collect();
    let generated = generated(kind, seed);
    let (arrival, stay, energy) = kind.tolerances();
    let files: Vec<&str> = tables.iter().map(|(source, _)| stem(source.path)).collect();
    let files = files.join(", ");
    let pair = Pair { kind, files: &files, real: &real, generated: &generated };
    let mut measures = Vec::new();
    if kind != SegmentKind::Hotel {
        let weekday = |session: &Session| (!session.is_weekend).then_some(session.arrival);
        let weekend = |session: &Session| session.is_weekend.then_some(session.arrival);
        measures.push(pair.distribution("arrival on weekdays, hour", arrival, weekday));
        measures.push(pair.distribution("arrival at weekends, hour", arrival + 0.03, weekend));
        measures.push(pair.distribution("stay, h", stay, |session| Some(session.hours)));
    }
    measures.push(pair.distribution("energy, kWh", energy, |session| Some(session.kwh)));
    if kind != SegmentKind::Hotel {
        measures.extend(pair.apart("arrival, hour", |session| session.arrival));
        measures.extend(pair.apart("stay, h", |session| session.hours));
        measures.extend(pair.apart("energy, kWh", |session| session.kwh));
        measures.push(pair.together());
        measures.extend(pair.published(&records.published));
        measures.extend(pair.per_week());
    }
    measures
}

struct Pair<'a> {
    kind: SegmentKind,
    files: &'a str,
    real: &'a [Session],
    generated: &'a [Session],
}

impl Pair<'_> {
    fn distribution(
        &self,
        statistic: &str,
        tolerance: f64,
        pick: impl Fn(&Session) -> Option<f64>,
    ) -> Measure {
        let real = Sample::pooled(by_group(self.real, &pick).values());
        let generated = Sample::of(self.generated.iter().filter_map(&pick).collect());
        Measure {
            segment: self.kind.name().to_owned(),
            statistic: statistic.to_owned(),
            generated: generated.quantile(0.5),
            real: real.quantile(0.5),
            distance: generated.distance(&real),
            by: Distance::KolmogorovSmirnov,
            tolerance,
            source: self.files.to_owned(),
        }
    }

    /// How far a site is from the generator, on average over the sites, against how far it is from all other sites.
    fn apart(&self, statistic: &str, pick: impl Fn(&Session) -> f64) -> Option<Measure> {
        let groups = by_group(self.real, &|session: &Session| Some(pick(session)));
        let generated = Sample::of(self.generated.iter().map(&pick).collect());
        if groups.len() < 3 {
            return None;
        }
        let (mut from_generated, mut from_others) = (0.0, 0.0);
        for (name, values) in &groups {
            let site = Sample::of(values.clone());
            let others =
                Sample::pooled(groups.iter().filter(|(other, _)| *other != name).map(|(_, own)| own));
            from_generated += site.distance(&generated);
            from_others += site.distance(&others);
        }
        let count = float_of(groups.len());
        let figures = (from_generated / count, from_others / count);
        let statistic =
            format!("{statistic}: KS from a site, against that of the {} other sites", groups.len() - 1);
        let measure = difference(self.kind.name(), statistic, figures, 0.05, self.files);
        // Nearer to a site than the others are is as good as it gets.
        Some(Measure { distance: (figures.0 - figures.1).max(0.0), ..measure })
    }

    /// Longer stays take more energy, as far as they do.
    fn together(&self) -> Measure {
        let of = |sessions: &[&Session]| {
            let pairs: Vec<(f64, f64)> =
                sessions.iter().map(|session| (session.hours, session.kwh)).collect();
            rank_correlation(&pairs)
        };
        let groups: BTreeSet<&str> = self.real.iter().map(|session| session.group.as_str()).collect();
        let each: Vec<f64> = groups
            .iter()
            .map(|group| of(&self.real.iter().filter(|session| session.group == *group).collect::<Vec<_>>()))
            .collect();
        let real = each.iter().sum::<f64>() / float_of(each.len().max(1));
        let generated = of(&self.generated.iter().collect::<Vec<_>>());
        let statistic = "stay and energy, rank correlation".to_owned();
        difference(self.kind.name(), statistic, (generated, real), 0.15, self.files)
    }

    /// The published quantiles, as their geometric mean over the tables; the hours as their mean.
    fn published(&self, published: &[PublishedSessions]) -> Vec<Measure> {
        // Tables that are compared whole: of a part of a table no quantile is published.
        let whole: Vec<&Source> =
            SOURCES.iter().filter(|source| source.kind == self.kind && source.highest_kw.is_none()).collect();
        let rows: Vec<&PublishedSessions> = published
            .iter()
            .filter(|row| {
                whole.iter().any(|source| stem(source.path) == row.file && source.segment == row.segment)
            })
            .collect();
        let sample = |pick: fn(&Session) -> f64| Sample::of(self.generated.iter().map(pick).collect());
        let (energy, stay) = (sample(|session| session.kwh), sample(|session| session.hours));
        let arrival = sample(|session| session.arrival);
        let idle = Sample::of(self.generated.iter().filter_map(|session| session.idle).collect());
        let power = sample(|session| session.kwh / session.hours);
        // Of one or two tables a quantile is a chance hit; between the workplaces energies differ threefold.
        let wide = if self.kind == SegmentKind::Apartments { 0.25 } else { 0.5 };
        let figure = |name: &str, generated: f64, tolerance: f64, is_hour: bool| {
            let real: Vec<f64> = rows.iter().filter_map(|row| row.figures.get(name).copied()).collect();
            if real.is_empty() {
                return None;
            }
            let count = float_of(real.len());
            let statistic = format!("published {name}");
            Some(if is_hour {
                let mean = real.iter().sum::<f64>() / count;
                difference(self.kind.name(), statistic, (generated, mean), tolerance, "ev_session_statistics")
            } else {
                let mean = (real.iter().map(|value| value.max(1e-3).ln()).sum::<f64>() / count).exp();
                ratio(self.kind.name(), statistic, (generated, mean), tolerance, "ev_session_statistics")
            })
        };
        // Of the public tables only the two with the shortest stays can be compared whole: their hours say little.
        let hours = self.kind.habits().are_regulars().then_some(());
        [
            figure("kwh_p10", energy.quantile(0.1), wide, false),
            figure("kwh_p50", energy.quantile(0.5), wide, false),
            figure("kwh_p90", energy.quantile(0.9), wide, false),
            figure("kwh_mean", energy.mean(), wide, false),
            hours.and_then(|()| figure("hours_p10", stay.quantile(0.1), wide, false)),
            hours.and_then(|()| figure("hours_p50", stay.quantile(0.5), wide, false)),
            hours.and_then(|()| figure("hours_p90", stay.quantile(0.9), wide, false)),
            hours.and_then(|()| figure("avg_kw_p50", power.quantile(0.5), wide, false)),
            figure("arrival_hour_p10", arrival.quantile(0.1), 1.0, true),
            figure("arrival_hour_p50", arrival.quantile(0.5), 0.75, true),
            figure("arrival_hour_p90", arrival.quantile(0.9), 1.5, true),
            // Recorded ends of charging come after a trickle that the generator leaves out.
            hours.and_then(|()| figure("idle_share_p50", idle.quantile(0.5), 0.3, true)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Sessions per user and week: of users with eight or more over more than four weeks, as the published figure.
    fn per_week(&self) -> Option<Measure> {
        if !self.kind.habits().are_regulars() {
            return None;
        }
        let rates = |sessions: &[Session]| {
            let mut users: BTreeMap<(&str, &str), (usize, f64, f64)> = BTreeMap::new();
            for session in sessions.iter().filter(|session| !session.user.is_empty()) {
                let user =
                    users.entry((&session.group, &session.user)).or_insert((0, session.week, session.week));
                *user = (user.0 + 1, user.1.min(session.week), user.2.max(session.week));
            }
            let known = users.values().filter(|(count, first, last)| *count >= 8 && last - first > 4.0);
            Sample::of(known.map(|(count, first, last)| float_of(*count) / (last - first)).collect())
        };
        let (generated, real) = (rates(self.generated), rates(self.real));
        (!real.is_empty()).then(|| Measure {
            segment: self.kind.name().to_owned(),
            statistic: "sessions per user and week".to_owned(),
            generated: generated.quantile(0.5),
            real: real.quantile(0.5),
            distance: generated.distance(&real),
            by: Distance::KolmogorovSmirnov,
            tolerance: 0.2,
            source: self.files.to_owned(),
        })
    }
}

/// Values by group, of groups with 300 or more.
fn by_group(sessions: &[Session], pick: &impl Fn(&Session) -> Option<f64>) -> BTreeMap<String, Vec<f64>> {
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for session in sessions {
        if let Some(value) = pick(session) {
            groups.entry(session.group.clone()).or_default().push(value);
        }
    }
    let large: BTreeMap<String, Vec<f64>> = groups
        .iter()
        .filter(|(_, own)| own.len() >= 300)
        .map(|(name, own)| (name.clone(), own.clone()))
        .collect();
    if large.is_empty() { groups } else { large }
}

fn recorded(source: &Source, sessions: &[RecordedSession]) -> Vec<Session> {
    let zone: Zone = source.zone.parse().unwrap_or_else(|_| Zone::utc());
    let has_sites = source.kind == SegmentKind::Apartments && source.path.contains("norway12");
    sessions
        .iter()
        .map(|session| {
            let stayed = hours(session.departure.since(session.arrival));
            let charged = session.charge_end.map(|end| hours(end.since(session.arrival)));
            Session {
                group: if has_sites { session.site.clone() } else { stem(source.path).to_owned() },
                user: session.user.clone(),
                arrival: clock_hours(&zone, session.arrival),
                hours: stayed,
                kwh: kilowatt_hours(session.energy),
                is_weekend: zone.civil(session.arrival).weekday >= 5,
                idle: charged.map(|charged| (1.0 - charged / stayed).clamp(0.0, 1.0)),
                week: hours(session.arrival.since(units::Timestamp::EPOCH)) / 168.0,
            }
        })
        .collect()
}

/// Half a year of 150 users whose cars charge alone.
fn generated(kind: SegmentKind, seed: u64) -> Vec<Session> {
    let zone: Zone = "Europe/Helsinki".parse().unwrap_or_else(|_| Zone::utc());
    let people = People {
        habits: kind.habits(),
        users: 150,
        stays_per_week: kind.stays_per_week(),
        zone: zone.clone(),
    };
    let stays = people.days(dates((2026, 9), 26), seed);
    let mut cars = Cars::new(seed);
    stays.iter().map(|stay| session(stay, cars.of(stay.user), kind, &zone)).collect()
}

fn session(stay: &Stay, car: &EvModel, kind: SegmentKind, zone: &Zone) -> Session {
    let volts = Volts::from_volts(230);
    let energy = stay.energy_alone(car, kind.place(), volts);
    let kwh = kilowatt_hours(energy);
    let stayed = hours(stay.departure.since(stay.arrival));
    let (phases, current_max) = kind.place();
    let current = car.current_maximum.min(current_max);
    let count = car.phases.count().min(phases.count());
    let watts = (current.at_voltage_floor(volts) * i64::from(count)).milliwatts();
    let charged = kwh / (super::float(watts) / 1_000_000.0);
    Session {
        group: String::new(),
        user: stay.user.to_string(),
        arrival: clock_hours(zone, stay.arrival),
        hours: stayed,
        kwh,
        is_weekend: zone.civil(stay.arrival).weekday >= 5,
        idle: Some((1.0 - charged / stayed).clamp(0.0, 1.0)),
        week: hours(stay.arrival.since(units::Timestamp::EPOCH)) / 168.0,
    }
}

/// Every user has one car of the built-in mix.
pub(super) struct Cars {
    rng: ChaCha8Rng,
    cars: Vec<EvModel>,
}

impl Cars {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), cars: Vec::new() }
    }

    pub(super) fn of(&mut self, user: u32) -> &EvModel {
        let place = usize::try_from(user).unwrap_or(0);
        while self.cars.len() <= place {
            self.cars.push(EvModel::sample(&mut self.rng));
        }
        &self.cars[place]
    }
}

/// Whole weeks from the first day of a month on.
pub(super) fn dates((year, month): (i16, i8), weeks: i64) -> Vec<CivilDate> {
    let zone = Zone::utc();
    let first = zone.start_of_day(CivilDate { year, month, day: 1 });
    (0..7 * weeks).map(|day| zone.civil(first + units::TimeSpan::from_hours(24) * day).date).collect()
}

pub(super) fn stem(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or(path)
}
