//! `twin`: the digital twin at the command line.
//!
//! `twin replay CASE…` runs scenarios, checks what their `expect.toml` says, and writes reports. `twin calibrate` compares
//! the generators of people and base load with what was recorded. `twin sessions FILE…` replays recorded sessions as OCPP
//! transactions and says whether what is billed is what was delivered. `twin audit DB` re-derives, re-prices and reconciles
//! all money of a database, `twin audit CASE` that of a case played to its end. `twin fuzz` runs random sites, people and
//! faults. `twin compare CASE` runs strategies side by side.
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

mod audit;
mod calibrate;
mod case;
mod compare;
mod data;
mod fuzz;
mod out;
mod records;
mod replay;
mod sessions;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Frames are many small allocations: with the system's allocator a month of them takes longer (`benches/README.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Run strategies side by side and say how far they are from the best that could have been.
    Compare(compare::Compare),
    /// Compare the generators of people and base load with what was recorded and published.
    Calibrate(Calibrate),
    /// Replay recorded sessions as OCPP transactions: is what is billed what was delivered?
    Sessions(Sessions),
    /// Re-derive, re-price and reconcile all money of a server's database, or of a case.
    Audit(Audit),
    /// Run random sites, people and faults with all checkers on.
    Fuzz(fuzz::Fuzz),
}

/// Run scenarios, check their expect.toml, write reports.
#[derive(Debug, clap::Args)]
struct Replay {
    /// Scenario folders, such as scenarios/evening-peak-40-evse, or site files of the format charging-site/1 (.json).
    #[arg(required = true, value_name = "CASE")]
    cases: Vec<PathBuf>,
    /// How much is simulated: the whole engine with OCPP on the links, or control and the plant alone, which is faster and
    /// knows no money. In decisions expectations are shown but do not decide; checkers do.
    #[arg(long, value_enum, default_value_t = Fidelity::Frames)]
    fidelity: Fidelity,
    /// Another seed than the scenario's own. Its expectations are shown but do not decide; checkers do.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write CASE/report.html and CASE/report.json below this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write all that happened to this file, a line each, with what the engine held true of EVSEs and circuits after it;
    /// frames fidelity, one case. It is large.
    #[arg(long, value_name = "FILE")]
    diary: Option<PathBuf>,
    /// Print one JSON array with a report per case instead of tables.
    #[arg(long)]
    json: bool,
    /// Where external data lie.
    #[arg(long, env = "WATTERY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// How much is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Fidelity {
    /// Engine, OCPP text, records, billing.
    Frames,
    /// Control and the plant.
    Decisions,
}

/// Compare the generators of people and base load with what was recorded and published: per segment and statistic the
/// generated and the real figure, their distance, and the tolerance. Exit code 1: a distance is above its tolerance.
#[derive(Debug, clap::Args)]
struct Calibrate {
    /// The seed that the generators draw by.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON array instead of a table.
    #[arg(long)]
    json: bool,
    /// Where recorded data lie.
    #[arg(long, env = "WATTERY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Replay recorded sessions as OCPP transactions: is what is billed what was delivered?
///
/// Each row becomes what a station would have said of it, a row with a defect what a station with that defect says. What
/// is billed must equal what the file says, to the watt-hour, per file and user; a row with a flag must end as a finding.
#[derive(Debug, clap::Args)]
struct Sessions {
    /// Files such as sessions/sap_labs_fr.csv.gz; none: every file of WATTERY_DATA/sessions.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the stations speak.
    #[arg(long, value_enum, default_value_t = Ocpp::V16)]
    ocpp: Ocpp,
    /// Print one JSON array with a report per file instead of tables.
    #[arg(long)]
    json: bool,
    /// Where external data lie.
    #[arg(long, env = "WATTERY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A version of OCPP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Ocpp {
    /// StartTransaction, MeterValues, StopTransaction.
    #[value(name = "1.6")]
    V16,
    /// TransactionEvent for all three.
    #[value(name = "2.0.1")]
    V201,
}

impl Ocpp {
    const fn version(self) -> studies::sessions::Version {
        match self {
            Self::V16 => studies::sessions::Version::V16,
            Self::V201 => studies::sessions::Version::V201,
        }
    }
}

/// Re-derive, re-price and reconcile all money of a server's database, or of a case.
///
/// Every CDR is derived anew from the frames it rests on, by a reader that shares nothing with the engine; every price is
/// made anew by the naive pricer; the ledger is summed and held against lines, documents, payments and settlements. A
/// database is only read, and a server may be running on it; a case is played to its end first, its months settled.
/// Evidence that is past its six years and gone is named, and is no fault.
///
/// Exit code 0: nothing found; 1: something was found, each finding a line `RULE: what`; 2: it could not be read or played.
#[derive(Debug, clap::Args)]
struct Audit {
    /// The database, such as wattery-data/wattery.db; or a case, such as scenarios/evening-peak-40-evse.
    #[arg(value_name = "DB|CASE")]
    database_or_case: PathBuf,
    /// Judge as of this instant (RFC 3339, UTC) which evidence of a database may have expired; none: the last that was
    /// committed.
    #[arg(long, value_name = "TIME")]
    as_of: Option<units::Timestamp>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Where external data of a case lie.
    #[arg(long, env = "WATTERY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let ended = match command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Sessions(arguments) => sessions::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("twin: {error:#}");
            ExitCode::from(2)
        }
    }
}
