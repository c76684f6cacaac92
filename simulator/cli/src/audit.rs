//! `twin audit`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use store::Archive;
use studies::audit::{AuditReport, Committed, last_instant};
use twin::scenario_file::SeedChoice;

use crate::Audit;
use crate::case::{self, Loaded};
use crate::out::{say, say_line};
use crate::replay::with_progress;

pub fn run(arguments: &Audit) -> anyhow::Result<ExitCode> {
    let path = &arguments.database_or_case;
    let report = if case::is_case(path) {
        audit_case(path, arguments.data.as_deref())?
    } else {
        let committed = read(path)?;
        let as_of = arguments.as_of.unwrap_or_else(|| last_instant(&committed));
        studies::audit::audit(&committed, as_of)
    };
    if arguments.json {
        say_line(&serde_json::to_string(&report).context("a report as JSON")?);
    } else {
        say(&table(path, &report));
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What a case commits, audited. One that cannot be played is an error: an audit never passes for want of something.
fn audit_case(path: &Path, data: Option<&Path>) -> anyhow::Result<AuditReport> {
    match case::load(path, data, SeedChoice::OfFile)? {
        Loaded::Ready(case) => {
            Ok(with_progress(|step| studies::audit::audit_scenario(case.scenario.clone(), step)))
        }
        Loaded::Skipped(reason) => bail!("`{}` cannot be played: it {reason}", path.display()),
    }
}

fn read(path: &Path) -> anyhow::Result<Committed> {
    if !path.is_file() {
        bail!(
            "`{}` is neither a file nor a case; name the database of a server, such as wattery-data/wattery.db, or a \
             folder with scenario.toml",
            path.display()
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the reader of the database")?;
    let archive = runtime.block_on(Archive::read(path))?.with_context(|| format!("`{}`", path.display()))?;
    let altered =
        archive.altered.iter().map(|row| format!("table {}, row {}: {}", row.table, row.key, row.what));
    Ok(Committed { altered: altered.collect(), csms: archive.csms, office: archive.office })
}

fn table(path: &Path, report: &AuditReport) -> String {
    let mut out = format!(
        "{}: {} CDRs, {} frames read, {} priced anew, {} ledger entries, {} documents\n",
        path.display(),
        report.cdrs,
        report.frames,
        report.priced,
        report.entries,
        report.documents,
    );
    if !report.expired.is_empty() {
        let expired: Vec<String> = report.expired.iter().map(ToString::to_string).collect();
        out += &format!("  evidence expired, CDR {}\n", expired.join(", "));
    }
    for finding in &report.findings {
        out += &format!("  {}: {}\n", finding.rule, finding.what);
    }
    out += &match report.findings.len() {
        0 => "nothing found\n".to_owned(),
        1 => "1 finding\n".to_owned(),
        count => format!("{count} findings\n"),
    };
    out
}
