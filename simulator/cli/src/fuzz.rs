//! `twin fuzz`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use studies::fuzz::{FuzzReport, SeedReport, fuzz};
use twin::fuzz::{FaultChoice, sample};

use crate::out::{say, say_line};

/// Run random sites, people and faults with all checkers on.
#[derive(Debug, clap::Args)]
pub struct Fuzz {
    /// How many seeds.
    #[arg(long, value_name = "N", default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 0)]
    from: u64,
    /// How many at once; by default as many as there are cores.
    #[arg(long, value_name = "J")]
    jobs: Option<usize>,
    /// Which faults may be drawn: `all`, `none`, or kinds of scenario.toml, such as `disk_full,power_cut`.
    #[arg(long, value_name = "KINDS", default_value = "all")]
    faults: FaultChoice,
    /// Begin no further seed after so many minutes.
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// Write what the seeds draw as scenarios below this folder, and run nothing.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Fuzz) -> anyhow::Result<ExitCode> {
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    if let Some(folder) = &arguments.write {
        for seed in seeds {
            write(folder, seed, &arguments.faults)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let is_interrupted = interruption()?;
    let ends_at =
        arguments.minutes.map(|minutes| Instant::now() + Duration::from_secs(minutes.saturating_mul(60)));
    let is_over = || is_interrupted.load(Ordering::Relaxed) || ends_at.is_some_and(|at| Instant::now() >= at);
    let (done, broken) = (AtomicU64::new(0), AtomicU64::new(0));
    let each = |report: &SeedReport| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let is_broken = u64::from(!report.firings.is_empty());
        let broken = broken.fetch_add(is_broken, Ordering::Relaxed) + is_broken;
        if !arguments.json && is_broken > 0 {
            say(&told(report));
        }
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K  {done} of {} seeds, {broken} broken", arguments.seeds);
        }
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.jobs.unwrap_or(0))
        .build()
        .context("threads for the seeds")?;
    let began = Instant::now();
    let report = pool.install(|| fuzz(seeds, &arguments.faults, is_over, each));
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    if arguments.json {
        say_line(&serde_json::to_string(&report).context("a report as JSON")?);
    } else {
        say(&summary(&report, began.elapsed()));
    }
    Ok(if report.broken().next().is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Ctrl-C ends what has begun and tells of it; a second one ends at once.
fn interruption() -> anyhow::Result<Arc<AtomicBool>> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_interrupted);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().build().context("a listener for Ctrl-C")?;
    std::thread::spawn(move || {
        while runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        }
    });
    Ok(is_interrupted)
}

fn told(report: &SeedReport) -> String {
    let mut out = format!("seed {}: {}\n", report.seed, report.drawn);
    for firing in &report.firings {
        for line in firing.lines() {
            out += &format!("    {line}\n");
        }
    }
    out
}

fn summary(report: &FuzzReport, took: Duration) -> String {
    let count = report.seeds.len();
    let hours: i64 = report.seeds.iter().map(|seed| seed.minutes).sum::<i64>() / 60;
    let frames: u64 = report.seeds.iter().map(|seed| seed.frames).sum();
    let transactions: usize = report.seeds.iter().map(|seed| seed.transactions).sum();
    let each = took.as_millis() / u128::try_from(count.max(1)).unwrap_or(1);
    let mut out = format!(
        "{count} seeds, faults {}: {hours} simulated hours, {transactions} transactions, {frames} frames, {} s, {each} ms a seed\n",
        report.faults,
        took.as_secs(),
    );
    let checked: Vec<String> =
        report.checked().iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    out += &format!("checked: {}\n", checked.join(", "));
    let broken: Vec<String> = report.broken().map(|seed| seed.seed.to_string()).collect();
    if broken.is_empty() {
        out += "no checker fired\n";
    } else {
        out += &format!("{} seeds broke a rule: {}\n", broken.len(), broken.join(" "));
    }
    out
}

/// A seed as a scenario's folder.
fn write(folder: &Path, seed: u64, choice: &FaultChoice) -> anyhow::Result<()> {
    let sampled = sample(seed, choice);
    let folder = folder.join(format!("fuzz-{seed}"));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let readme = format!(
        "# What seed {seed} drew\n\nDoes any rule break? Drawn by `twin fuzz --from {seed} --seeds 1 --faults {choice}`.\n\n\
         Provenance: drawn by seed, no external data. Licence: that of the project.\n"
    );
    let expect = "[[expect]]\nwhat = \"firings\"\nequals = 0\nreason = \"nothing else is expected of what was drawn\"\n";
    for (name, text) in [
        ("site.toml", sampled.site.as_str()),
        ("scenario.toml", &sampled.scenario),
        ("README.md", &readme),
        ("expect.toml", expect),
    ] {
        let path = folder.join(name);
        let mut file =
            std::fs::File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    say_line(&folder.display().to_string());
    Ok(())
}
