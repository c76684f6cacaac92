//! A case: a scenario's folder (scenario.toml, the site file it names, the data it needs, expect.toml), or a site file of
//! the format charging-site/1, from which nothing is expected but that no checker fires.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use studies::expect::{self, Expectation};
use twin::scenario_file::{self, Found, Need, SeedChoice};
use twin::{Problem, Scenario, charging_site};

use crate::data;

/// A case that can run.
#[derive(Debug)]
pub struct Case {
    /// The scenario.
    pub scenario: Scenario,
    /// What must come out.
    pub expectations: Vec<Expectation>,
    /// What was done to external data, for people.
    pub notes: Vec<String>,
}

/// A folder read.
#[derive(Debug)]
pub enum Loaded {
    /// It can run.
    Ready(Box<Case>),
    /// Its data are not there: why.
    Skipped(String),
}

/// Whether `path` is a case and not something else that can be audited.
pub fn is_case(path: &Path) -> bool {
    path.join("scenario.toml").is_file() || is_charging_site(path)
}

fn is_charging_site(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Reads a case: a folder, or a site file of another project.
pub fn load(path: &Path, data_folder: Option<&Path>, seed: SeedChoice) -> anyhow::Result<Loaded> {
    if is_charging_site(path) {
        return load_charging_site(path, seed);
    }
    load_folder(path, data_folder, seed)
}

fn load_charging_site(path: &Path, seed: SeedChoice) -> anyhow::Result<Loaded> {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let scenario = charging_site::load(&file, &read(path)?, seed).map_err(|found| told(path, &found))?;
    Ok(Loaded::Ready(Box::new(Case { scenario, expectations: Vec::new(), notes: Vec::new() })))
}

fn load_folder(folder: &Path, data_folder: Option<&Path>, seed: SeedChoice) -> anyhow::Result<Loaded> {
    let name = name_of(folder)?;
    let scenario_path = folder.join("scenario.toml");
    let text = part(&scenario_path, "it says who comes to which site; see the cases in scenarios/")?;
    let needs = scenario_file::needs("scenario.toml", &text).map_err(|found| told(folder, &found))?;
    let mut found = Found::default();
    let mut notes = Vec::new();
    for need in &needs {
        if need.is_external() && data_folder.is_none() {
            let what = path_of(need);
            return Ok(Loaded::Skipped(format!("needs {what} under WATTERY_DATA, which is not set")));
        }
        let under = data_folder.unwrap_or(folder);
        let path = under.join(path_of(need));
        if need.is_external() && !path.is_file() {
            bail!(
                "`{}` is not there; name the folder of the data sets with --data or WATTERY_DATA",
                path.display()
            );
        }
        match need {
            Need::Site(path) => {
                found.site =
                    part(&folder.join(path), "`site` in scenario.toml names it; correct that, or write it")?;
            }
            Need::Sessions { path, site, month } => {
                let read = data::sessions(&under.join(path), site, *month)?;
                notes.extend(read.notes);
                found.sessions = read.stays;
            }
            Need::EvModels { path, year_last } => {
                found.ev_models = data::ev_models(&under.join(path), *year_last)?;
            }
            Need::LoadCurve { path, weekday, weekend } => {
                found.load_curve = Some(data::load_curve(&under.join(path), weekday, weekend)?);
            }
            Need::Hours { path, building, from } => {
                found.hours = data::hours(&under.join(path), building, *from)?;
            }
        }
    }
    let expected = part(
        &folder.join("expect.toml"),
        "it says what must come out; without an opinion, write an [[expect]] with what = \"firings\", equals = 0 and a reason",
    )?;
    let mut problems = Vec::new();
    let scenario = scenario_file::load(&name, "scenario.toml", &text, &found, seed)
        .map_err(|found| problems.extend(found))
        .ok();
    let expectations = expect::parse("expect.toml", &expected).map_err(|found| problems.extend(found)).ok();
    match (scenario, expectations) {
        (Some(scenario), Some(expectations)) => {
            Ok(Loaded::Ready(Box::new(Case { scenario, expectations, notes })))
        }
        _ => Err(told(folder, &problems)),
    }
}

fn name_of(folder: &Path) -> anyhow::Result<String> {
    if !folder.is_dir() {
        bail!("`{}` is no folder; a case is a folder with scenario.toml and expect.toml", folder.display());
    }
    let whole: PathBuf = folder.canonicalize().with_context(|| format!("`{}`", folder.display()))?;
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
    name.with_context(|| format!("`{}` has no name", folder.display()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// A file that a case is made of, and what to do where it is missing.
fn part(path: &Path, way_out: &str) -> anyhow::Result<String> {
    if !path.exists() {
        bail!("`{}` is missing: {way_out}", path.display());
    }
    read(path)
}

fn path_of(need: &Need) -> &str {
    match need {
        Need::Site(path)
        | Need::Sessions { path, .. }
        | Need::EvModels { path, .. }
        | Need::LoadCurve { path, .. }
        | Need::Hours { path, .. } => path,
    }
}

fn told(folder: &Path, problems: &[Problem]) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    let count = problems.len();
    let mistakes = if count == 1 { "a mistake" } else { "mistakes" };
    anyhow::anyhow!("`{}` has {mistakes}:\n{}", folder.display(), lines.join("\n"))
}
