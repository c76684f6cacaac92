//! External data sets: gzipped CSV of sessions, cars, and load curves, as their publishers wrote them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;
use plant::base_load::DailyShape;
use plant::ev::EvRow;
use studies::SessionRow;
use twin::scenario_file::RecordedStay;
use units::civil::CivilMonth;
use units::{TimeSpan, Timestamp, WattHours, Watts};

/// A stay whose end was not recorded is taken to last this long: the median of housing companies' stays is 11.5 h.
const STAY_UNKNOWN: TimeSpan = TimeSpan::from_hours(12);

/// Recorded stays, and what was done to them.
#[derive(Debug)]
pub struct Sessions {
    pub stays: Vec<RecordedStay>,
    pub notes: Vec<String>,
}

/// The stays of one site that arrived in a month, by UTC.
pub fn sessions(path: &Path, site: &str, month: CivilMonth) -> anyhow::Result<Sessions> {
    let mut table = table(path, b',')?;
    let column = columns(&mut table, path)?;
    let (at_site, at_user, at_evse) = (column("site")?, column("user")?, column("evse")?);
    let (at_arrival, at_departure) = (column("arrival_utc")?, column("departure_utc")?);
    let at_energy = column("energy_kwh")?;
    let month_text = month.to_string();
    let (mut stays, mut open, mut unusable) = (Vec::new(), 0, 0);
    for (row, record) in table.records().enumerate() {
        let record = record.with_context(|| format!("`{}`, row {}", path.display(), row + 2))?;
        let field = |place: usize| record.get(place).unwrap_or("");
        if field(at_site) != site || !field(at_arrival).starts_with(&month_text) {
            continue;
        }
        let arrival: Option<Timestamp> = field(at_arrival).parse().ok();
        // kWh in the table, thousandths of it in Wh.
        let energy: Option<WattHours> = field(at_energy)
            .parse::<units::Amperes>()
            .ok()
            .map(|kwh| WattHours::from_watt_hours(kwh.milliamperes()));
        let (Some(arrival), Some(energy)) = (arrival, energy) else {
            unusable += 1;
            continue;
        };
        let departure = field(at_departure).parse().unwrap_or_else(|_| {
            open += 1;
            arrival + STAY_UNKNOWN
        });
        // Where drivers are not published, the EVSE stands for them.
        let user = if field(at_user).is_empty() { field(at_evse) } else { field(at_user) };
        stays.push(RecordedStay { user: user.to_owned(), arrival, departure, energy });
    }
    if stays.is_empty() {
        bail!("`{}` has no session of site {site} in {month}", path.display());
    }
    let energy: WattHours = stays.iter().map(|stay| stay.energy).sum();
    let mut notes = vec![format!("{} sessions of {site} in {month}, {energy}", stays.len())];
    if open > 0 {
        notes.push(format!(
            "{open} without a recorded end: taken as {} h",
            STAY_UNKNOWN.milliseconds() / 3_600_000
        ));
    }
    if unusable > 0 {
        notes.push(format!("{unusable} without arrival or energy: left out"));
    }
    Ok(Sessions { stays, notes })
}

/// Every row of a file of sessions, the defective ones included.
pub fn session_rows(path: &Path) -> anyhow::Result<Vec<SessionRow>> {
    let mut table = table(path, b',')?;
    let column = columns(&mut table, path)?;
    let (source, site, user, evse) = (column("source")?, column("site")?, column("user")?, column("evse")?);
    let (arrival, departure) = (column("arrival_utc")?, column("departure_utc")?);
    let (charge_end, energy) = (column("charge_end_utc")?, column("energy_kwh")?);
    let (power, flags) = (column("max_kw")?, column("flags")?);
    let mut rows = Vec::new();
    for (number, record) in table.records().enumerate() {
        let line = number + 2;
        let record = record.with_context(|| format!("`{}`, line {line}", path.display()))?;
        let field = |place: usize| record.get(place).unwrap_or("");
        // Thousandths of a kWh are Wh, and thousandths of these are what energies count in.
        let thousandth = |place: usize| -> anyhow::Result<Option<i64>> {
            match field(place) {
                "" => Ok(None),
                text => millionths(text)
                    .map(Some)
                    .with_context(|| format!("`{}`, line {line}: `{text}` is no number", path.display())),
            }
        };
        let instant = |place: usize| -> anyhow::Result<Option<Timestamp>> {
            match field(place) {
                "" => Ok(None),
                text => text
                    .parse()
                    .map(Some)
                    .with_context(|| format!("`{}`, line {line}: `{text}` is no time", path.display())),
            }
        };
        rows.push(SessionRow {
            line,
            source: field(source).to_owned(),
            site: field(site).to_owned(),
            user: field(user).to_owned(),
            evse: field(evse).to_owned(),
            arrival: instant(arrival)?,
            departure: instant(departure)?,
            charge_end: instant(charge_end)?,
            energy: thousandth(energy)?.map(WattHours::from_milliwatt_hours),
            power_rated: thousandth(power)?.map(Watts::from_milliwatts),
            flags: field(flags).split('|').filter(|flag| !flag.is_empty()).map(str::to_owned).collect(),
        });
    }
    Ok(rows)
}

/// A decimal number in millionths, exact; digits beyond the sixth must be zeros.
fn millionths(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (part, beyond) = part.split_at_checked(6).unwrap_or((part, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) || beyond.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    Some(sign * (whole.checked_mul(1_000_000)? + part))
}

/// Cars of a year or older.
pub fn ev_models(path: &Path, year_last: i64) -> anyhow::Result<Vec<EvRow>> {
    let mut table = table(path, b',')?;
    let column = columns(&mut table, path)?;
    let (brand, model, variant) = (column("brand")?, column("model")?, column("variant")?);
    let (year, kwh) = (column("year")?, column("usable_kwh")?);
    let (phases, kw) = (column("ac_phases")?, column("ac_max_kw")?);
    let mut rows = Vec::new();
    for (row, record) in table.records().enumerate() {
        let record = record.with_context(|| format!("`{}`, row {}", path.display(), row + 2))?;
        let field = |place: usize| record.get(place).unwrap_or("").trim();
        let is_old_enough = field(year).parse::<i64>().is_ok_and(|year| year <= year_last);
        // One row of the source says 2.3 phases: what is no whole number is no car.
        let figures = (field(kwh).parse(), field(phases).parse(), field(kw).parse());
        if let (true, (Ok(usable_kwh), Ok(ac_phases), Ok(ac_kw))) = (is_old_enough, figures) {
            let name = [field(brand), field(model), field(variant)].join(" ").trim().to_owned();
            rows.push(EvRow { name, usable_kwh, ac_phases, ac_kw });
        }
    }
    if rows.is_empty() {
        bail!("`{}` has no car of {year_last} or older", path.display());
    }
    Ok(rows)
}

/// A load curve: two rows of 24 relative figures, named by their first field; semicolons.
pub fn load_curve(path: &Path, weekday: &str, weekend: &str) -> anyhow::Result<DailyShape> {
    let mut table = table(path, b';')?;
    let mut found = [None, None];
    for record in table.records() {
        let record = record.with_context(|| format!("`{}`", path.display()))?;
        for (place, key) in [weekday, weekend].into_iter().enumerate() {
            if record.get(0) == Some(key) {
                let figures: Vec<f64> =
                    record.iter().skip(1).map(str::parse).collect::<Result<_, _>>().with_context(|| {
                        format!("`{}`, row `{key}` holds something that is no number", path.display())
                    })?;
                let day: Result<[f64; 24], _> = figures.try_into();
                found[place] = day.ok();
            }
        }
    }
    let [weekday_found, weekend_found] = found;
    let missing = |key: &str| format!("`{}` has no row `{key}` of 24 figures", path.display());
    Ok(DailyShape {
        weekday: weekday_found.with_context(|| missing(weekday))?,
        weekend: weekend_found.with_context(|| missing(weekend))?,
    })
}

/// What a building took on average in each hour from `from` on; an hour of 0 kW was not recorded and is left out.
pub fn hours(path: &Path, building: &str, from: Timestamp) -> anyhow::Result<Vec<(Timestamp, Watts)>> {
    let mut table = table(path, b',')?;
    let column = columns(&mut table, path)?;
    let (of, at, kw) = (column("building")?, column("timestamp_utc")?, column("kw")?);
    let mut hours = Vec::new();
    for (row, record) in table.records().enumerate() {
        let record = record.with_context(|| format!("`{}`, row {}", path.display(), row + 2))?;
        let field = |place: usize| record.get(place).unwrap_or("");
        if field(of) != building {
            continue;
        }
        // kW in the table, millionths of it in mW.
        let power = millionths(field(kw)).map(Watts::from_milliwatts);
        let (Ok(at), Some(power)) = (field(at).parse::<Timestamp>(), power) else { continue };
        if at >= from && power > Watts::ZERO {
            hours.push((at, power));
        }
    }
    if hours.is_empty() {
        bail!("`{}` has no hour of building {building} from {from} on", path.display());
    }
    Ok(hours)
}

/// Where each column of a table stands, by its name.
fn columns<'p, R: Read>(
    table: &mut csv::Reader<R>,
    path: &'p Path,
) -> anyhow::Result<impl Fn(&str) -> anyhow::Result<usize> + use<'p, R>> {
    let headers = table.headers().with_context(|| format!("`{}`", path.display()))?.clone();
    Ok(move |name: &str| {
        let place = headers.iter().position(|header| header == name);
        place.with_context(|| format!("`{}` has no column `{name}`", path.display()))
    })
}

/// A table, unpacked where its name ends with `gz`.
pub fn table(path: &Path, delimiter: u8) -> anyhow::Result<csv::Reader<Box<dyn Read>>> {
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if is_gzip { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    Ok(csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_are_read_exactly_or_not_at_all() {
        let table = [
            ("44.069", Some(44_069_000)),
            ("7.9325", Some(7_932_500)),
            ("-0.5", Some(-500_000)),
            ("12", Some(12_000_000)),
            ("0.0000010", Some(1)),
            ("0.0000001", None),
            ("", None),
            (".5", None),
            ("1e3", None),
            ("1.2.3", None),
        ];
        for (text, want) in table {
            assert_eq!(millionths(text), want, "{text}");
        }
    }
}
