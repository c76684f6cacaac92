//! What generators are compared with, as its publishers wrote it: sessions, statistics, load curves.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use csv::StringRecord;
use studies::calibrate::{
    Curve, CurveKind, Demand, Monthly, PeakHour, PublishedSessions, RecordedSession, Records, SOURCES, Source,
};
use units::civil::Zone;
use units::{Amperes, TimeSpan, Timestamp, WattHours};

use crate::data;

const STATISTICS: &str = "stats/ev_session_statistics.csv";
const COINCIDENCE: &str = "stats/norway_apartment_coincidence.csv";
const FLATS_MONTHLY: &str = "stats/fi_household_monthly_kwh_by_dwelling.csv";
const FLAT_CURVE: &str = "building_load/se_typkurvor_lagenhet.csv";
const CAMBRIDGE: &str = "building_load/cambridge_university_hourly.csv.gz";
const SIMBENCH: &str = "building_load/simbench_2016_15min_normalised.csv.gz";

/// Everything that is read.
pub fn paths() -> Vec<&'static str> {
    let sessions = SOURCES.iter().map(|source| source.path);
    let mut paths: Vec<&str> =
        sessions.chain([STATISTICS, COINCIDENCE, FLATS_MONTHLY, FLAT_CURVE, CAMBRIDGE, SIMBENCH]).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Reads all of it below `folder`.
pub fn read(folder: &Path) -> anyhow::Result<Records> {
    let mut sessions = Vec::new();
    for source in SOURCES {
        sessions.push((source, read_sessions(&folder.join(source.path), &source)?));
    }
    let mut curves = vec![Curve {
        kind: CurveKind::Flats,
        source: "Swedish type curve of a flat in winter".to_owned(),
        demand: Demand::Days(Box::new(data::load_curve(
            &folder.join(FLAT_CURVE),
            "WdayWint:0.0",
            "WendWint:0.0",
        )?)),
    }];
    curves.extend(cambridge(&folder.join(CAMBRIDGE))?);
    curves.extend(simbench(&folder.join(SIMBENCH))?);
    Ok(Records {
        sessions,
        published: published(&folder.join(STATISTICS))?,
        peak_hours: peak_hours(&folder.join(COINCIDENCE))?,
        flats_monthly: flats_monthly(&folder.join(FLATS_MONTHLY))?,
        curves,
    })
}

/// A table with its columns by name.
struct Table<'a> {
    path: &'a Path,
    columns: Vec<String>,
    rows: Vec<StringRecord>,
}

impl<'a> Table<'a> {
    fn open(path: &'a Path) -> anyhow::Result<Self> {
        let mut table = data::table(path, b',')?;
        let shown = || format!("`{}`", path.display());
        let columns = table.headers().with_context(shown)?.iter().map(str::to_owned).collect();
        let rows = table.records().collect::<Result<_, _>>().with_context(shown)?;
        Ok(Self { path, columns, rows })
    }

    fn column(&self, name: &str) -> anyhow::Result<usize> {
        let place = self.columns.iter().position(|column| column == name);
        place.with_context(|| format!("`{}` has no column `{name}`", self.path.display()))
    }
}

/// Sessions of a source without a defect and above 0.1 kWh, as the published statistics count them.
fn read_sessions(path: &Path, source: &Source) -> anyhow::Result<Vec<RecordedSession>> {
    let table = Table::open(path)?;
    let [site, segment, user, arrival, departure, charge_end, energy, max_kw, flags] = [
        "site",
        "segment",
        "user",
        "arrival_utc",
        "departure_utc",
        "charge_end_utc",
        "energy_kwh",
        "max_kw",
        "flags",
    ]
    .map(|name| table.column(name));
    let (site, segment, user, arrival) = (site?, segment?, user?, arrival?);
    let (departure, charge_end, energy) = (departure?, charge_end?, energy?);
    let (max_kw, flags) = (max_kw?, flags?);
    let read = |row: &StringRecord| {
        let field = |place: usize| row.get(place).unwrap_or("");
        let is_slow = source.highest_kw.is_none_or(|highest| {
            field(max_kw).parse::<f64>().is_ok_and(|kilowatts| kilowatts <= f64::from(highest))
        });
        if field(segment) != source.segment || !field(flags).is_empty() || !is_slow {
            return None;
        }
        // kWh in the table, thousandths of it in Wh.
        let energy: Amperes = field(energy).parse().ok()?;
        let session = RecordedSession {
            site: field(site).to_owned(),
            user: field(user).to_owned(),
            arrival: field(arrival).parse().ok()?,
            departure: field(departure).parse().ok()?,
            charge_end: field(charge_end).parse().ok(),
            energy: WattHours::from_watt_hours(energy.milliamperes()),
        };
        let counts = session.departure > session.arrival && session.energy > WattHours::from_watt_hours(100);
        counts.then_some(session)
    };
    Ok(table.rows.iter().filter_map(read).collect())
}

fn published(path: &Path) -> anyhow::Result<Vec<PublishedSessions>> {
    let table = Table::open(path)?;
    let (file, segment) = (table.column("file")?, table.column("segment")?);
    let read = |row: &StringRecord| {
        let figures: BTreeMap<String, f64> = table
            .columns
            .iter()
            .zip(row.iter())
            .filter_map(|(column, field)| Some((column.clone(), field.parse().ok()?)))
            .collect();
        let text = |place: usize| row.get(place).unwrap_or("").to_owned();
        PublishedSessions { file: text(file), segment: text(segment), figures }
    };
    Ok(table.rows.iter().map(read).collect())
}

fn peak_hours(path: &Path) -> anyhow::Result<Vec<PeakHour>> {
    let table = Table::open(path)?;
    let users = table.column("active_users")?;
    let places = [
        table.column("coincidence_at_3.6")?,
        table.column("coincidence_at_7.2")?,
        table.column("coincidence_at_11")?,
    ];
    let read = |row: &StringRecord| {
        let number = |place: usize| row.get(place)?.parse::<f64>().ok();
        let [slow, middle, fast] = places.map(number);
        Some(PeakHour { users: row.get(users)?.parse().ok()?, coincidence: [slow?, middle?, fast?] })
    };
    Ok(table.rows.iter().filter_map(read).collect())
}

/// Apartment blocks by month, over all deciles of income. 2023-08 is left out: a fault at source.
fn flats_monthly(path: &Path) -> anyhow::Result<Vec<Monthly>> {
    let table = Table::open(path)?;
    let (month, is_block) = (table.column("month")?, table.column("lives_in_apartment_block")?);
    let (mean, count) = (table.column("y_mean")?, table.column("n")?);
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for row in &table.rows {
        let field = |place: usize| row.get(place).unwrap_or("");
        if field(is_block) != "True" || field(month) == "2023-08" {
            continue;
        }
        if let (Ok(mean), Ok(count)) = (field(mean).parse::<f64>(), field(count).parse::<f64>()) {
            let sum = sums.entry(row.get(month).unwrap_or("")).or_default();
            *sum = (sum.0 + mean * count, sum.1 + count);
        }
    }
    let months = sums.into_iter().filter_map(|(month, (energy, count))| {
        Some(Monthly { month: month.parse().ok()?, kwh_mean: energy / count })
    });
    Ok(months.collect())
}

/// Each building a curve; an hour of 0 is a missing one.
fn cambridge(path: &Path) -> anyhow::Result<Vec<Curve>> {
    let table = Table::open(path)?;
    let (building, at, kw) = (table.column("building")?, table.column("timestamp_utc")?, table.column("kw")?);
    let zone: Zone = "Europe/London".parse().context("a zone of the IANA database")?;
    let mut buildings: BTreeMap<&str, Vec<(Timestamp, f64)>> = BTreeMap::new();
    for row in &table.rows {
        let field = |place: usize| row.get(place).unwrap_or("");
        if let (Ok(at), Ok(kilowatts)) = (field(at).parse(), field(kw).parse::<f64>())
            && kilowatts > 0.0
        {
            buildings.entry(row.get(building).unwrap_or("")).or_default().push((at, kilowatts));
        }
    }
    let curves = buildings.into_iter().map(|(name, hours)| Curve {
        kind: CurveKind::Workplace,
        source: name.to_owned(),
        demand: Demand::Hours(hours, zone.clone()),
    });
    Ok(curves.collect())
}

/// Of the normalised profiles those of single households, and of the businesses that are nearest to a segment; quarter
/// hours become hours. The clock is local: it is kept as if it were UTC, whose days are as long.
fn simbench(path: &Path) -> anyhow::Result<Vec<Curve>> {
    let table = Table::open(path)?;
    let profiles = [
        ("H0-A_pload", CurveKind::Household),
        ("H0-C_pload", CurveKind::Household),
        ("H0-G_pload", CurveKind::Household),
        ("H0-L_pload", CurveKind::Household),
        ("G0-A_pload", CurveKind::Workplace),
        ("G2-A_pload", CurveKind::Hotel),
        ("G3-A_pload", CurveKind::Hotel),
        ("G6-A_pload", CurveKind::Hotel),
    ];
    let first: Timestamp = "2016-01-01T00:00:00Z".parse().context("an instant")?;
    let mut curves = Vec::new();
    for (name, kind) in profiles {
        let place = table.column(name)?;
        let quarters: Vec<f64> = table.rows.iter().filter_map(|row| row.get(place)?.parse().ok()).collect();
        let hours = (0..)
            .zip(quarters.chunks_exact(4))
            .map(|(hour, quarters)| (first + TimeSpan::from_hours(hour), quarters.iter().sum::<f64>() / 4.0));
        let demand = Demand::Hours(hours.collect(), Zone::utc());
        curves.push(Curve { kind, source: format!("SimBench {}", name.trim_end_matches("_pload")), demand });
    }
    Ok(curves)
}
