//! How fast does the twin run whole months and scenarios, in frames: engine, OCPP text, records, billing and checkers?
//! Runs the program `twin` beside this one: `replay_speed [--long | FOLDER…]`, without folders the month and all of
//! `scenarios/`, with `--long` larger sites for a month and one for a year.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use benches::child::Running;
use benches::replay::Case;
use benches::{cpu, replay};
use serde_json::Value;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("replay_speed: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// False where a case did not come out as it must.
fn run() -> anyhow::Result<bool> {
    let twin = beside_us("twin", "cargo build --release -p cli")?;
    let temporary = tempfile::tempdir().context("a folder for the month")?;
    let given: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (cases, given): (&[Case], _) = match given.as_slice() {
        [] => (&[replay::MONTH], all_scenarios(Path::new("scenarios"))?),
        [only] if only.as_os_str() == "--long" => (&replay::LONG, Vec::new()),
        _ => (&[], given),
    };
    let written = cases.iter().map(|case| write_case(case, temporary.path()));
    let folders = written.collect::<anyhow::Result<Vec<PathBuf>>>()?;
    println!(
        "{:40} {:>7} {:>8} {:>8} {:>9} {:>9} {:>7}  hash",
        "case", "days", "stays", "CPU s", "frames/s", "peak MiB", "checks"
    );
    let mut is_good = true;
    for folder in folders.into_iter().chain(given) {
        is_good &= measure(&twin, &folder)?;
    }
    Ok(is_good)
}

fn measure(twin: &Path, folder: &Path) -> anyhow::Result<bool> {
    let mut command = Command::new(twin);
    command.arg("replay").arg("--json").arg(folder);
    let (printed, usage, is_good) =
        Running::start(command).and_then(Running::finish).with_context(|| format!("{}", twin.display()))?;
    let reports: Value = serde_json::from_str(&printed)
        .with_context(|| format!("{} printed no report for {}", twin.display(), folder.display()))?;
    // A case without its data is skipped, and `twin` has said so.
    let Some(report) = reports.get(0) else { return Ok(is_good) };
    let number = |path: &str| report.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let at = |key: &str| report.get(key).and_then(Value::as_i64).unwrap_or(0);
    let days = u64::try_from((at("ends_at") - at("starts_at")) / 86_400_000).unwrap_or(0);
    let stays = report.get("sessions").and_then(Value::as_array).map_or(0, Vec::len);
    let frames = number("/counts/frames_in") + number("/counts/frames_out");
    let seconds = usage.cpu.as_secs_f64();
    let text = |key: &str| report.get(key).and_then(Value::as_str).unwrap_or_default();
    println!(
        "{:40} {days:>7} {stays:>8} {seconds:>8.2} {:>9.0} {:>9} {:>7}  {}",
        text("scenario"),
        cpu::count(frames) / seconds.max(0.01),
        usage.memory_peak_kib / 1_024,
        if is_good { "clean" } else { "FIRED" },
        text("event_hash").get(..16).unwrap_or_default(),
    );
    Ok(is_good)
}

fn write_case(case: &Case, under: &Path) -> anyhow::Result<PathBuf> {
    let folder = under.join(case.name);
    let write = || -> std::io::Result<()> {
        std::fs::create_dir(&folder)?;
        std::fs::write(folder.join("scenario.toml"), case.scenario())?;
        std::fs::write(folder.join("site.toml"), case.site())?;
        std::fs::write(folder.join("expect.toml"), replay::EXPECT)
    };
    write().with_context(|| format!("cannot write {}", folder.display()))?;
    Ok(folder)
}

fn all_scenarios(under: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(under)
        .with_context(|| format!("no folder `{}` here: start this in the repository", under.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.context("a folder of scenarios")?.path();
        if path.join("scenario.toml").exists() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn beside_us(name: &str, way: &str) -> anyhow::Result<PathBuf> {
    let us = std::env::current_exe().context("where this program lies")?;
    let path = us.with_file_name(name);
    if !path.exists() {
        bail!("{} is not there; build it with `{way}`", path.display());
    }
    Ok(path)
}
