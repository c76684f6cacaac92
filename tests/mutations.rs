//! The checkers themselves are tested: an engine with a known mistake must make a checker fire.
//!
//! `mutations.toml` lists mistakes, each a piece of the engine's text with what stands there when somebody erred, and the
//! rules of which one must fire. All are written into one copy of the workspace, each behind a switch that a run is
//! given, so that the whole is built once. The engine proper knows nothing of switches.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

/// What stands for the switch in a mistake's text.
const SWITCH: &str = "MUTATED";
/// The variable that names the one mistake of a run.
const VARIABLE: &str = "WATTERY_MUTATION";
/// In the copy, `units` knows which mistake is on.
const SWITCHES: &str = r#"
/// Whether this run makes the mistake of this name.
pub fn mutated(name: &str) -> bool {
    static MISTAKE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    MISTAKE.get_or_init(|| std::env::var("WATTERY_MUTATION").ok()).as_deref() == Some(name)
}
"#;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistakes {
    mistake: Vec<Mistake>,
}

/// One mistake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistake {
    /// What somebody got wrong, as a name.
    name: String,
    /// Where.
    file: String,
    /// What stands there; once.
    find: String,
    /// What stands there in its place, with [`SWITCH`] as the condition for the mistake.
    with: String,
    /// The rules of which one must fire.
    rules: BTreeSet<String>,
    /// What is run, in order, until one fires: a scenario's folder, or arguments of `twin` that begin with `fuzz`.
    runs: Vec<String>,
}

#[test]
fn every_mistake_in_the_list_makes_a_checker_fire() {
    if std::env::var_os("WATTERY_FULL").is_none() {
        println!(
            "skipped: the engine's mistakes: they need a build of their own, which `tests/run --full` makes"
        );
        return;
    }
    let mistakes = mistakes();
    assert!(mistakes.len() >= 20, "only {} mistakes are listed", mistakes.len());
    let copy = Copy::make();
    copy.switch_in(&mistakes);
    copy.build();
    let sound = copy.fired(None, &all_runs(&mistakes));
    assert_eq!(sound, BTreeSet::new(), "rules fire without any mistake");
    let wanted = std::env::var(VARIABLE).ok();
    let mut missed = Vec::new();
    for mistake in mistakes.iter().filter(|mistake| wanted.as_ref().is_none_or(|name| *name == mistake.name))
    {
        let mut fired = BTreeSet::new();
        for run in &mistake.runs {
            fired.extend(copy.fired(Some(mistake), std::slice::from_ref(run)));
            if !fired.is_disjoint(&mistake.rules) {
                break;
            }
        }
        let is_caught = !fired.is_disjoint(&mistake.rules);
        println!("{} {}: fired {fired:?}", if is_caught { "caught" } else { "MISSED" }, mistake.name);
        if !is_caught {
            missed.push(format!("{}: expected one of {:?}, fired {fired:?}", mistake.name, mistake.rules));
        }
    }
    assert!(missed.is_empty(), "mistakes that no checker saw:\n{}", missed.join("\n"));
}

#[test]
fn every_mistake_in_the_list_is_about_text_that_stands_once_in_the_engine() {
    let mut names = BTreeSet::new();
    for mistake in mistakes() {
        let text = fs::read_to_string(tests::root().join(&mistake.file))
            .unwrap_or_else(|error| panic!("{}: {}: {error}", mistake.name, mistake.file));
        let count = text.matches(&mistake.find).count();
        assert_eq!(count, 1, "`{}`: {} has its text {count} times", mistake.name, mistake.file);
        assert!(mistake.with.contains(SWITCH), "`{}` has no switch", mistake.name);
        assert!(
            !mistake.rules.is_empty() && !mistake.runs.is_empty(),
            "`{}` is judged by nothing",
            mistake.name
        );
        assert!(names.insert(mistake.name.clone()), "`{}` is listed twice", mistake.name);
    }
}

fn mistakes() -> Vec<Mistake> {
    let path = tests::root().join("tests/mutations.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str::<Mistakes>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).mistake
}

fn all_runs(mistakes: &[Mistake]) -> Vec<String> {
    let runs: BTreeSet<String> = mistakes.iter().flat_map(|mistake| mistake.runs.clone()).collect();
    runs.into_iter().collect()
}

/// A copy of the workspace, where mistakes may be made.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Beside what cargo built of the workspace, whose compiled dependencies it shares by hard links.
    fn make() -> Self {
        let here = std::env::current_exe().unwrap();
        let built = here.ancestors().nth(2).unwrap();
        let folder = built.with_file_name("mutations");
        let copy = Self { root: folder.join("tree"), target: folder.join("target") };
        if copy.root.exists() {
            fs::remove_dir_all(&copy.root).unwrap();
        }
        for file in tests::files() {
            take(&tests::root().join(&file.path), &copy.root.join(&file.path), |from, to| {
                fs::copy(from, to).map(|_| ())
            });
        }
        for kind in ["deps", "build", ".fingerprint"] {
            let (from, to) = (built.join(kind), copy.target.join("debug").join(kind));
            if from.exists() && !to.exists() {
                // Where hard links cannot be made, dependencies are compiled once more.
                take(&from, &to, |from, to| fs::hard_link(from, to).or(Ok(())));
            }
        }
        copy
    }

    fn switch_in(&self, mistakes: &[Mistake]) {
        for mistake in mistakes {
            let path = self.root.join(&mistake.file);
            let text = fs::read_to_string(&path).unwrap();
            let switch = format!("units::mutated(\"{}\")", mistake.name);
            assert_eq!(
                text.matches(&mistake.find).count(),
                1,
                "`{}` meets another mistake's text",
                mistake.name
            );
            fs::write(&path, text.replace(&mistake.find, &mistake.with.replace(SWITCH, &switch))).unwrap();
        }
        let units = self.root.join("engine/units/src/lib.rs");
        let text = fs::read_to_string(&units).unwrap();
        fs::write(units, text + SWITCHES).unwrap();
    }

    fn build(&self) {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--quiet", "--package", "cli"])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .status()
            .unwrap();
        assert!(status.success(), "the engine with switches does not build");
    }

    /// The rules that fire.
    fn fired(&self, mistake: Option<&Mistake>, runs: &[String]) -> BTreeSet<String> {
        runs.iter().flat_map(|run| self.fired_in(mistake, run)).collect()
    }

    fn fired_in(&self, mistake: Option<&Mistake>, run: &str) -> BTreeSet<String> {
        let mut command = Command::new(self.target.join("debug/twin"));
        if run.starts_with("fuzz") {
            command.args(run.split_whitespace());
        } else {
            command.args(["replay", &format!("scenarios/{run}")]);
        }
        command.arg("--json").current_dir(&self.root).env_remove(VARIABLE);
        if let Some(mistake) = mistake {
            command.env(VARIABLE, &mistake.name);
        }
        let output = command.output().unwrap();
        let reports: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!(
                "`twin {run}` with {:?} printed no report:\n{}",
                mistake.map(|mistake| &mistake.name),
                String::from_utf8_lossy(&output.stderr)
            )
        });
        let rules = reports.as_array().into_iter().flatten().flat_map(|report| report["rules"].as_array());
        let replayed = rules
            .flatten()
            .filter(|rule| rule["firings"].as_array().is_some_and(|firings| !firings.is_empty()))
            .filter_map(|rule| rule["rule"].as_str());
        // A seed's firing is told in words: the rule, and when.
        let seeds = reports["seeds"].as_array().into_iter().flatten();
        let drawn = seeds
            .filter_map(|seed| seed["firings"].as_array())
            .flatten()
            .filter_map(|told| Some(told.as_str()?.split_once(" at ")?.0));
        replayed.chain(drawn).map(str::to_owned).collect()
    }
}

/// Takes a file, or a folder with all that is in it, to another place.
fn take(from: &Path, to: &Path, by: fn(&Path, &Path) -> std::io::Result<()>) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            take(&entry.path(), &to.join(entry.file_name()), by);
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        by(from, to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
    }
}
