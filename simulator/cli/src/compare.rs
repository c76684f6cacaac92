//! `twin compare`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use studies::compare::{Compared, Comparison, Figures, RowPeak, compare, share};
use studies::expect::thousandths;
use twin::scenario_file::SeedChoice;
use units::{Amperes, TimeSpan, WattHours};

use crate::case::{self, Loaded};

/// Run strategies side by side, without a wire, and say how far they are from the best that could have been.
///
/// `at once`: on the terms of the peers' programs, a limit is in force the moment it is decided, anew every 5 min.
/// `proven`: with the production control loop, where raises wait for proofs and EVs react; checkers look.
///
/// Exit code 0: no checker fired and no plan failed; 1: one did; 2: the case could not be read.
#[derive(Debug, clap::Args)]
pub struct Compare {
    /// A scenario's folder, or a site file of the format charging-site/1 (.json).
    #[arg(value_name = "CASE")]
    case: PathBuf,
    /// The rating of the grid connection, times this: 0.001 to 100.
    #[arg(long, value_name = "SHARE", default_value = "1", value_parser = parse_thousandths)]
    main_scale: i64,
    /// Another seed than the case's own.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
    /// Where external data lie.
    #[arg(long, env = "WATTERY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A decimal number with at most three decimals, in thousandths.
fn parse_thousandths(text: &str) -> Result<i64, String> {
    let amperes: Result<Amperes, _> = text.parse();
    let count =
        amperes.map(Amperes::milliamperes).map_err(|_| "a number such as 0.7 is needed".to_owned())?;
    if (1..=100_000).contains(&count) { Ok(count) } else { Err("it must be from 0.001 to 100".to_owned()) }
}

pub fn run(arguments: &Compare) -> anyhow::Result<ExitCode> {
    let seed = arguments.seed.map_or(SeedChoice::OfFile, SeedChoice::Given);
    let scenario = match case::load(&arguments.case, arguments.data.as_deref(), seed)? {
        Loaded::Ready(case) => case.scenario,
        Loaded::Skipped(why) => bail!("`{}` {why}", arguments.case.display()),
    };
    let comparison = compare(scenario, arguments.main_scale)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&comparison).context("the comparison as JSON")?);
    } else {
        print!("{}", table(&comparison));
    }
    let is_good = comparison
        .strategies
        .iter()
        .all(|compared| compared.firings.is_empty() && compared.plan_failures.is_empty());
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn table(comparison: &Comparison) -> String {
    let Comparison { scenario, seed, main_scale, sessions, wanted, bound, strategies, not_played } =
        comparison;
    let mut out = format!(
        "{scenario} (seed {seed}), grid connection × {}: {sessions} sessions want {} kWh\n",
        thousandths(*main_scale),
        kilowatt_hours(*wanted)
    );
    if !not_played.is_empty() {
        out += &format!("  not played: {}\n", not_played.join(", "));
    }
    out += &match bound {
        Ok(bound) => format!(
            "  nobody delivers more than {} kWh, {} %\n",
            kilowatt_hours(*bound),
            thousandths(share(*bound, *wanted, 100_000))
        ),
        Err(why) => format!("  no bound: {why}\n"),
    };
    let width = strategies.iter().map(|compared| compared.strategy.len()).max().unwrap_or(0);
    out += &format!(
        "  {:width$}  {:8}  {:>8}  {:>6}  {:>5}  {:>8}  {:>7}  {:>12}  highest load on any row\n",
        "", "", "served %", "full", "Jain", "waited", "changes", "above rating"
    );
    for Compared { strategy, decisions, at_once, .. } in strategies {
        if let Some(figures) = at_once {
            out += &line(strategy, "at once", figures, width);
        }
        let name = if at_once.is_some() { "" } else { strategy };
        out += &line(name, "proven", decisions, width);
    }
    for Compared { strategy, firings, waits_beyond_bound, plan_failures, .. } in strategies {
        for firing in firings {
            out += &format!("  BROKEN by {strategy}: {firing}\n");
        }
        if *waits_beyond_bound > 0 {
            out += &format!("  {strategy}: {waits_beyond_bound} waits beyond the wait bound (S7)\n");
        }
        if let Some((at, why)) = plan_failures.first() {
            out += &format!("  {strategy}: {} plans failed, first at {at}: {why}\n", plan_failures.len());
        }
    }
    out
}

fn line(strategy: &str, terms: &str, figures: &Figures, width: usize) -> String {
    let Figures { served, full, fairness, waited_longest, rows, over, limit_changes, .. } = figures;
    let waited = waited_longest.as_ref().map_or_else(String::new, |(_, waited)| minutes(*waited));
    format!(
        "  {strategy:width$}  {terms:8}  {:>8}  {full:>6}  {:>5}  {waited:>8}  {limit_changes:>7}  {:>12}  {}\n",
        thousandths(*served),
        thousandths(*fairness),
        format!("{} s", over.seconds_floor()),
        rows.iter().max_by_key(|row| load(row)).map_or_else(String::new, words),
    )
}

/// The load of a row in thousandths of its rating.
fn load(row: &RowPeak) -> i64 {
    row.highest.milliamperes() * 1_000 / row.rating.milliamperes().max(1)
}

fn words(row: &RowPeak) -> String {
    format!("{} of {} on {}", row.highest, row.rating, row.row)
}

fn minutes(span: TimeSpan) -> String {
    format!("{} min", span.seconds_floor() / 60)
}

fn kilowatt_hours(energy: WattHours) -> String {
    thousandths(energy.watt_hours_floor())
}
