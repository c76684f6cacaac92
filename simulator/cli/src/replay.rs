//! `twin replay`.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use studies::expect::{self, Verdict, thousandths};
use studies::{Decisions, ReplayReport};
use twin::scenario_file::SeedChoice;
use units::Timestamp;

use crate::case::{self, Case, Loaded};
use crate::out::{say, say_line};
use crate::{Fidelity, Replay};

pub fn run(arguments: &Replay) -> anyhow::Result<ExitCode> {
    let seed = arguments.seed.map_or(SeedChoice::OfFile, SeedChoice::Given);
    // Everything is read before anything runs: a mistake in the last case is told at once.
    let mut cases = Vec::new();
    let mut mistakes = Vec::new();
    for folder in &arguments.cases {
        match case::load(folder, arguments.data.as_deref(), seed) {
            Ok(Loaded::Ready(case)) => cases.push(*case),
            Ok(Loaded::Skipped(reason)) => eprintln!("skipped: {}: {reason}", folder.display()),
            Err(error) => mistakes.push(format!("{error:#}")),
        }
    }
    if !mistakes.is_empty() {
        anyhow::bail!("{}", mistakes.join("\n"));
    }
    if let Some(path) = &arguments.diary {
        let [case] = &cases[..] else {
            anyhow::bail!("a diary tells of one case, {} are ready: name one", cases.len());
        };
        if arguments.fidelity == Fidelity::Decisions {
            anyhow::bail!("a diary is kept in frames fidelity: leave out --fidelity decisions, or --diary");
        }
        write_diary(path, case)?;
    }
    let mut reports = Vec::new();
    let mut is_good = true;
    for case in cases {
        let Ran { report, verdicts, notes } = run_case(&case, arguments.fidelity)?;
        if let Some(folder) = &arguments.out {
            write_report(&folder.join(&report.scenario), &report, &verdicts)?;
        }
        if !arguments.json {
            say(&table(&notes, &report, &verdicts));
        }
        let decides = arguments.seed.is_none() && arguments.fidelity == Fidelity::Frames;
        is_good &= report.is_clean() && (!decides || verdicts.iter().all(|verdict| verdict.is_met));
        reports.push(report);
    }
    if arguments.json {
        say_line(&serde_json::to_string(&reports).context("reports as JSON")?);
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What came of a case.
struct Ran {
    report: ReplayReport,
    verdicts: Vec<Verdict>,
    /// What a person must know to read it.
    notes: Vec<String>,
}

fn run_case(case: &Case, fidelity: Fidelity) -> anyhow::Result<Ran> {
    let scenario = case.scenario.clone();
    let name = scenario.name.clone();
    let mut notes = case.notes.clone();
    let (report, expectations) = match fidelity {
        Fidelity::Frames => {
            (with_progress(|step| studies::replay_with_progress(scenario, step)), case.expectations.clone())
        }
        Fidelity::Decisions => {
            let decided = with_progress(|step| studies::decide_with_progress(scenario, step));
            let (left_out, judged): (Vec<_>, Vec<_>) =
                case.expectations.iter().cloned().partition(|known| expect::needs_frames(&known.what));
            notes.extend(decision_notes(&decided));
            if !left_out.is_empty() {
                let names: Vec<&str> = left_out.iter().map(|known| known.what.as_str()).collect();
                notes.push(format!("not judged, needs frames: {}", names.join(", ")));
            }
            (decided.report, judged)
        }
    };
    let verdicts = expect::judge(&expectations, &report)
        .map_err(|unknown| anyhow::anyhow!("{name}: expect.toml: {}", unknown.join("; ")))?;
    Ok(Ran { report, verdicts, notes })
}

fn decision_notes(decided: &Decisions) -> Vec<String> {
    let mut notes = vec![format!("decisions only: {} of them; no money, no frames", decided.decisions)];
    if !decided.not_played.is_empty() {
        notes.push(format!("not played: {}", decided.not_played.join(", ")));
    }
    if let Some((evse, waited)) = &decided.waited_longest {
        notes.push(format!("the longest wait for energy: {waited} at {evse}"));
    }
    notes
}

/// Shows how far a run is, where somebody looks.
pub fn with_progress<T>(run: impl FnOnce(fn(Timestamp)) -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return run(|_| {});
    }
    let ran = run(|at| eprint!("\r\x1b[K  {at}"));
    eprint!("\r\x1b[K");
    ran
}

/// Writes a report beside its final name first, so that an interrupted run leaves no half of one.
fn write_report(folder: &Path, report: &ReplayReport, verdicts: &[Verdict]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let json = serde_json::to_string(report).context("a report as JSON")?;
    write_whole(&folder.join("report.json"), json.as_bytes())?;
    write_whole(&folder.join("report.html"), report::html(report, verdicts).as_bytes())
}

fn write_diary(path: &Path, case: &Case) -> anyhow::Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).with_context(cannot)?);
    let mut written = Ok(());
    twin::World::diary(case.scenario.clone(), |line| {
        if written.is_ok() {
            written = writeln!(file, "{line}");
        }
    });
    written.and_then(|()| file.flush()).with_context(cannot)
}

fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

/// What a person sees of a case, after `notes`.
fn table(notes: &[String], report: &ReplayReport, verdicts: &[Verdict]) -> String {
    let mut out = format!("{} (seed {}): {}\n", report.scenario, report.seed, report.title);
    for note in notes {
        out += &format!("  {note}\n");
    }
    let (wanted, delivered) = report.energy();
    out += &format!(
        "  {} stays, {} kWh wanted, {} delivered, {} billed in {} CDRs, {} held\n",
        report.sessions.len(),
        thousandths(wanted.watt_hours_floor()),
        thousandths(delivered.watt_hours_floor()),
        thousandths(report.money.energy_billed.watt_hours_floor()),
        report.money.cdrs,
        report.money.held,
    );
    for owner in &report.money.owners {
        out += &format!(
            "  {} {}: revenue {}, fees {}, payout {}\n",
            owner.owner, owner.month, owner.revenue, owner.fees, owner.payout
        );
    }
    for circuit in &report.circuits {
        let peak = circuit.peak.map(|peak| peak.current);
        out += &format!("  {} peaked at {peak}; rating {}\n", circuit.name, circuit.rating);
    }
    out += &format!(
        "  {} frames in, {} out, {} limit changes, {} commits, {} crashes, hash {}\n",
        report.counts.frames_in,
        report.counts.frames_out,
        report.counts.limit_changes,
        report.counts.commits,
        report.counts.crashes,
        report.event_hash.get(..16).unwrap_or_default(),
    );
    for alarm in &report.alarms {
        let until = alarm.cleared_at.map_or_else(|| "now".to_owned(), |at| at.to_string());
        out += &format!("  alarm from {} until {until}: {}\n", alarm.raised_at, alarm.text);
    }
    for why in &report.money.held_for {
        out += &format!("  held: {why}\n");
    }
    let width = verdicts.iter().map(|verdict| verdict.expectation.what.len()).max().unwrap_or(0);
    for verdict in verdicts {
        out += &format!(
            "  {:6} {:width$}  expected {}, came to {}\n",
            if verdict.is_met { "ok" } else { "FAILED" },
            verdict.expectation.what,
            verdict.expectation.bound,
            thousandths(verdict.outcome),
        );
    }
    for rule in &report.rules {
        if rule.firings.is_empty() {
            out += &format!("  ok     {}: {} ({} checks)\n", rule.rule, rule.meaning, rule.checked);
        } else {
            out += &format!("  BROKEN {}: {} ({} checks)\n", rule.rule, rule.meaning, rule.checked);
            for firing in &rule.firings {
                out += &format!("{}\n", indented(firing));
            }
        }
    }
    out
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
