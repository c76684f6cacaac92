//! `twin sessions`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use studies::SessionsReport;
use studies::expect::thousandths;
use units::WattHours;

use crate::out::{say, say_line};
use crate::{Sessions, data};

pub fn run(arguments: &Sessions) -> anyhow::Result<ExitCode> {
    let mut reports = Vec::new();
    for path in files(arguments)? {
        let rows = data::session_rows(&path)?;
        if reports.is_empty() && !arguments.json {
            say_line(&heading());
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.trim_end_matches(".gz").trim_end_matches(".csv");
        let begun = cpu_time();
        let report = studies::sessions(name, &rows, arguments.ocpp.version());
        if !arguments.json {
            say(&table(&report, cpu_time().saturating_sub(begun).as_secs_f64()));
        }
        reports.push(report);
    }
    if arguments.json {
        say_line(&serde_json::to_string(&reports).context("reports as JSON")?);
    } else {
        say_line(&totals(&reports));
    }
    let is_good = reports.iter().all(SessionsReport::is_clean);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What this process has computed so far.
fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(spent.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(spent.tv_nsec).unwrap_or(0))
}

/// The files named, looked up under the data directory where they are not here; without a name all of it.
fn files(arguments: &Sessions) -> anyhow::Result<Vec<PathBuf>> {
    let data = arguments.data.as_deref();
    if !arguments.files.is_empty() {
        return arguments.files.iter().map(|file| found(file, data)).collect();
    }
    let Some(data) = data else {
        bail!("name files of sessions, or set WATTERY_DATA to the directory that holds sessions/*.csv.gz");
    };
    let folder = data.join("sessions");
    let entries = std::fs::read_dir(&folder).with_context(|| {
        format!(
            "cannot list `{}`; --data, or else WATTERY_DATA, names the directory that holds sessions/*.csv.gz",
            folder.display()
        )
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list `{}`", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".csv.gz") || name.ends_with(".csv") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("`{}` holds no *.csv.gz", folder.display());
    }
    Ok(files)
}

fn found(file: &Path, data: Option<&Path>) -> anyhow::Result<PathBuf> {
    let below = data.map(|data| data.join(file));
    let mut places = std::iter::once(file.to_owned()).chain(below.clone());
    places.find(|place| place.is_file()).with_context(|| {
        let way_out = match below {
            Some(below) => format!("`{}` neither; name one of the files there", below.display()),
            None => "WATTERY_DATA, below which it could lie, is not set".to_owned(),
        };
        format!("`{}` is no file, and {way_out}", file.display())
    })
}

fn heading() -> String {
    format!(
        "{:24} {:>7} {:>7} {:>7} {:>6} {:>6} {:>13} {:>13} {:>11} {:>8} {:>6}",
        "file",
        "rows",
        "trans",
        "billed",
        "held",
        "0 kWh",
        "file kWh",
        "billed kWh",
        "held kWh",
        "rounded",
        "CPU s"
    )
}

fn line(report: &SessionsReport, seconds: &str) -> String {
    let kwh = |energy: WattHours| thousandths(energy.watt_hours_floor());
    format!(
        "{:24} {:>7} {:>7} {:>7} {:>6} {:>6} {:>13} {:>13} {:>11} {:>8} {:>6}\n",
        report.file,
        report.rows,
        report.transactions,
        report.billed,
        report.held,
        report.no_energy,
        kwh(report.energy_file),
        kwh(report.energy_billed),
        kwh(report.energy_held),
        kwh(report.energy_rounded),
        seconds,
    )
}

fn table(report: &SessionsReport, seconds: f64) -> String {
    let mut out = line(report, &format!("{seconds:.1}"));
    let list = |counts: &std::collections::BTreeMap<String, usize>| {
        counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
    };
    if !report.held_by.is_empty() {
        out += &format!("  held: {}\n", list(&report.held_by));
    }
    if !report.unflagged_held_by.is_empty() {
        out += &format!("  of these without a flag: {}\n", list(&report.unflagged_held_by));
    }
    for (flag, outcomes) in &report.flags {
        out += &format!("  flagged {flag}: {}\n", list(outcomes));
    }
    for breach in &report.breaches {
        out += &format!("  BROKEN {breach}\n");
    }
    out
}

fn totals(reports: &[SessionsReport]) -> String {
    let mut sum = SessionsReport { file: "all".to_owned(), ..SessionsReport::default() };
    for report in reports {
        sum.rows += report.rows;
        sum.transactions += report.transactions;
        sum.billed += report.billed;
        sum.held += report.held;
        sum.no_energy += report.no_energy;
        sum.energy_file += report.energy_file;
        sum.energy_billed += report.energy_billed;
        sum.energy_held += report.energy_held;
        sum.energy_rounded += report.energy_rounded;
    }
    let broken: usize = reports.iter().map(|report| report.breaches.len()).sum();
    format!("{}{broken} breaches", line(&sum, ""))
}
