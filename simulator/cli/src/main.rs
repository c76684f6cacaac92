//! `twin`: the digital twin at the command line.
//!
//! `twin replay CASE…` runs scenarios, checks what their `expect.toml` says, and writes reports.
//!
//! # Invariants
//!
//! - Exit code 0: every case that ran came out as expected. 1: one did not, or a checker fired. 2: something could not be
//!   read or written; nothing is half written.
//! - A case that needs data which are not there is skipped visibly.
//!
//! # Not here
//!
//! No judgement: figures, checkers and verdicts are in `studies` and `twin`; here are files, flags and tables.

mod case;
mod data;
mod replay;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The digital twin of Wattery: replays scenarios against the production engine, in virtual time.
#[derive(Debug, Parser)]
#[command(name = "twin", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios, check their expect.toml, write reports.
    Replay(Replay),
}

/// Run scenarios, check their expect.toml, write reports.
#[derive(Debug, clap::Args)]
struct Replay {
    /// Scenario folders, such as scenarios/evening-peak-40-evse.
    #[arg(required = true, value_name = "CASE")]
    cases: Vec<PathBuf>,
    /// Another seed than the scenario's own. Its expectations are shown but do not decide; checkers do.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write CASE/report.html and CASE/report.json below this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON array with a report per case instead of tables.
    #[arg(long)]
    json: bool,
    /// Where external data lie.
    #[arg(long, env = "WATTERY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let ended = match command {
        Command::Replay(arguments) => replay::run(&arguments),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("twin: {error:#}");
            ExitCode::from(2)
        }
    }
}
