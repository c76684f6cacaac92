//! `twin calibrate`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use studies::calibrate::{Measure, calibrate};

use crate::out::{say, say_line};
use crate::{Calibrate, records};

pub fn run(arguments: &Calibrate) -> anyhow::Result<ExitCode> {
    let Some(folder) = &arguments.data else {
        bail!(
            "nothing to compare with: WATTERY_DATA is not set; needed below it are:\n  {}",
            records::paths().join("\n  ")
        );
    };
    let missing = missing(folder);
    if !missing.is_empty() {
        bail!("`{}` lacks:\n  {}", folder.display(), missing.join("\n  "));
    }
    let measures = calibrate(&records::read(folder)?, arguments.seed);
    if arguments.json {
        say_line(&serde_json::to_string(&measures).context("measures as JSON")?);
    } else {
        say(&table(&measures, arguments.seed));
    }
    Ok(if measures.iter().all(Measure::is_good) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn missing(folder: &Path) -> Vec<&'static str> {
    records::paths().into_iter().filter(|path| !folder.join(path).is_file()).collect()
}

fn table(measures: &[Measure], seed: u64) -> String {
    let width = measures.iter().map(|measure| measure.statistic.chars().count()).max().unwrap_or(0);
    let mut out = format!("seed {seed}\n");
    let mut segment = "";
    for measure in measures {
        if measure.segment != segment {
            segment = &measure.segment;
            out += &format!(
                "\n{segment}\n  {:4} {:width$} {:>9} {:>9}  distance, tolerance\n",
                "", "statistic", "generated", "real"
            );
        }
        out += &format!(
            "  {:4} {:width$} {:9.3} {:9.3}  {:.3} ≤ {:.3} {}\n",
            if measure.is_good() { "ok" } else { "FAR" },
            measure.statistic,
            measure.generated,
            measure.real,
            measure.distance,
            measure.tolerance,
            measure.by,
        );
    }
    let far = measures.iter().filter(|measure| !measure.is_good()).count();
    out += &format!("\n{} statistics, {far} farther than their tolerance\n", measures.len());
    out
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn generators_are_within_their_tolerances_whatever_the_seed() {
        let Some(folder) = std::env::var_os("WATTERY_DATA").map(PathBuf::from) else {
            println!("skipped: calibration of the generators: WATTERY_DATA is not set");
            return;
        };
        assert_eq!(missing(&folder), Vec::<&str>::new(), "tables below {}", folder.display());
        let records = records::read(&folder).unwrap();
        for seed in [1, 20_260_116] {
            println!("seed {seed}; again: twin calibrate --seed {seed}");
            let measures = calibrate(&records, seed);
            assert!(measures.len() > 70, "{} statistics were compared", measures.len());
            let far: Vec<&Measure> = measures.iter().filter(|measure| !measure.is_good()).collect();
            assert!(far.is_empty(), "seed {seed}: {far:#?}");
        }
    }
}
