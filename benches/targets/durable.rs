//! How many MeterValues per second are acknowledged once they are on disk, and what does each cost the server?
//! Starts the program `wattery serve` beside this one on an empty data directory, loads it over loopback, kills it as
//! `kill -9` does, and counts what the database holds: nothing acknowledged may be missing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use benches::child::Running;
use benches::cpu;
use benches::durable::{Size, furnish, load, meter_values_kept};
use clap::Parser;
use units::Timestamp;
use wire::http::Api;

/// Durable acknowledgements per second over loopback.
#[derive(Debug, Parser)]
struct Arguments {
    /// Stations of one EVSE each.
    #[arg(long, default_value_t = 200)]
    stations: usize,
    /// MeterValues that each station has in flight; OCPP allows one.
    #[arg(long, default_value_t = 1)]
    window: usize,
    /// How long to load.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Where the data directory is made: the disk that is measured. Default: beside this program.
    #[arg(long, value_name = "DIR")]
    disk: Option<PathBuf>,
}

const START_TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("durable: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// False where something acknowledged was lost.
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let us = std::env::current_exe().context("where this program lies")?;
    let disk = arguments.disk.unwrap_or_else(|| us.parent().unwrap_or(Path::new(".")).to_owned());
    let data = tempfile::tempdir_in(&disk).with_context(|| format!("no folder in {}", disk.display()))?;
    let server = Server::start(&us.with_file_name("wattery"), data.path())?;
    furnish(&server.api, arguments.stations).await?;
    let Arguments { stations, window, seconds, .. } = arguments;
    let size = Size { stations, window, duration: Duration::from_secs(seconds) };
    let (server_before, ours_before) = (server.running.usage(), cpu::of_this_process());
    let report = load(&server.api, &server.ocpp, size, wall()).await?;
    let (server_after, ours_after) = (server.running.usage(), cpu::of_this_process());
    server.running.kill().context("the server cannot be killed")?;
    let kept = meter_values_kept(&data.path().join("wattery.db")).await;
    let kept = kept.context("the database after kill -9")?;

    let per_message = |span: Duration| span.as_secs_f64() * 1e3 / cpu::count(report.acknowledged.max(1));
    println!("{stations} stations, window {window}, {:.1} s", report.elapsed.as_secs_f64());
    println!(
        "{} acknowledged/s; p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        report.per_second(),
        report.latency_p50.as_secs_f64() * 1e3,
        report.latency_p99.as_secs_f64() * 1e3,
        report.latency_max.as_secs_f64() * 1e3,
    );
    println!(
        "CPU per message: server {:.4} ms, load {:.4} ms; server's memory at most {} MiB",
        per_message(server_after.cpu.saturating_sub(server_before.cpu)),
        per_message(ours_after.saturating_sub(ours_before)),
        server_after.memory_peak_kib / 1_024,
    );
    println!("{} acknowledged, {kept} in the database after kill -9", report.acknowledged);
    Ok(kept >= report.acknowledged && report.acknowledged > 0)
}

struct Server {
    running: Running,
    api: Api,
    ocpp: String,
}

impl Server {
    fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        if !program.exists() {
            bail!("{} is not there; build it with `cargo build --release`", program.display());
        }
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--listen-ocpp", "127.0.0.1:0"])
            .args(["--station-security-least", "0", "--data"])
            .arg(data)
            .env("WATTERY_LOG", "error")
            .stderr(Stdio::inherit());
        let running = Running::start(command).with_context(|| format!("{}", program.display()))?;
        let told = |begin: &str| {
            let told = running.line_after(begin, START_TIMEOUT);
            told.with_context(|| format!("the server did not say `{begin}…` within 30 s"))
        };
        let address = told("http://")?.trim_end_matches('/').to_owned();
        let ocpp = told("ws://")?;
        let ocpp = ocpp.split('/').next().unwrap_or_default().to_owned();
        let token = told("token=")?;
        Ok(Self { running, api: Api { address, token }, ocpp })
    }
}

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(0))
}
