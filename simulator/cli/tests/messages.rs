//! What is wrong is said with the thing, the value and the way out, and nothing else is printed beside it.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn sessions_that_cannot_be_found_are_told_before_any_heading() {
    let nowhere = folder("sessions").join("nowhere");
    let data = nowhere.to_str().unwrap();
    for (arguments, parts) in [
        (vec!["sessions", "--data", data], vec!["nowhere/sessions", "--data", "holds sessions/*.csv.gz"]),
        (
            vec!["sessions", "--data", data, "a.csv"],
            vec!["`a.csv` is no file", "nowhere/a.csv", "name one of"],
        ),
        (vec!["sessions", "a.csv"], vec!["`a.csv` is no file", "WATTERY_DATA", "is not set"]),
        (vec!["sessions"], vec!["name files of sessions, or set WATTERY_DATA"]),
    ] {
        check(&arguments, &parts);
    }
}

#[test]
fn a_part_of_a_case_that_is_missing_is_told_with_what_it_is_for() {
    let case = folder("replay").join("half-a-case");
    let _ = std::fs::remove_dir_all(&case);
    std::fs::create_dir_all(&case).unwrap();
    let path = case.to_str().unwrap();
    check(&["replay", path], &["half-a-case/scenario.toml` is missing", "see the cases in scenarios/"]);
    let of = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/one-phase-evs-on-l1");
    let text = std::fs::read_to_string(of.join("scenario.toml")).unwrap();
    let text = text.replace("../evening-peak-40-evse/site.toml", "site.toml");
    std::fs::write(case.join("scenario.toml"), text).unwrap();
    check(&["replay", path], &["half-a-case/site.toml` is missing", "`site` in scenario.toml names it"]);
    std::fs::copy(of.join("../evening-peak-40-evse/site.toml"), case.join("site.toml")).unwrap();
    check(&["replay", path], &["half-a-case/expect.toml` is missing", "what must come out", "equals = 0"]);
    check(&["audit", path], &["half-a-case/expect.toml` is missing"]);
    check(
        &["replay", case.join("gone").to_str().unwrap()],
        &["gone` is no folder", "scenario.toml and expect.toml"],
    );
}

#[test]
fn a_comparison_tells_each_strategy_twice_and_a_scale_that_is_none_is_refused() {
    let site = folder("compare").join("two.json");
    let text = r#"{"format": "charging-site/1", "name": "two", "seed": 7, "step_minutes": 5, "horizon_minutes": 120, "volts": 230,
        "nodes": [{"id": "main", "parent": null, "limit_a": [20, 20, 20]}],
        "evses": [{"id": "a", "node": "main", "phases": [1], "min_a": 6, "max_a": 16}],
        "sessions": [{"id": "s0", "evse": "a", "arrival_min": 5, "departure_min": 65, "energy_kwh": 2, "max_a": 16}]}"#;
    std::fs::create_dir_all(site.parent().unwrap()).unwrap();
    std::fs::write(&site, text).unwrap();
    let site = site.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_twin")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let table = run(&["compare", site, "--main-scale", "0.9"]);
    assert!(table.starts_with("two (seed 7), grid connection × 0.9: 1 sessions want 2 kWh\n"), "{table}");
    assert!(table.contains("nobody delivers more than") && table.contains("max_min + lp_horizon"), "{table}");
    assert_eq!(table.matches("at once").count(), table.matches("proven").count(), "{table}");
    let told: serde_json::Value = serde_json::from_str(&run(&["compare", site, "--json"])).unwrap();
    assert_eq!(told["strategies"].as_array().unwrap().len(), table.matches("proven").count());
    check(&["compare", site, "--main-scale", "0"], &["--main-scale", "from 0.001 to 100"]);
    check(&["compare", site, "--main-scale", "half"], &["--main-scale", "a number such as 0.7"]);
    check(&["compare", "gone"], &["gone` is no folder"]);
}

#[test]
fn a_seed_that_was_written_replays_and_its_diary_tells_what_the_engine_believed() {
    let cases = folder("seeds");
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_twin")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["fuzz", "--seeds", "1", "--from", "3", "--write", cases.to_str().unwrap()]);
    let (case, diary) = (cases.join("fuzz-3"), cases.join("diary.txt"));
    let [case, diary] = [&case, &diary].map(|path| path.to_str().unwrap());
    let json = |told: String| serde_json::from_str::<serde_json::Value>(&told).unwrap();
    let replayed = json(run(&["replay", case, "--json", "--diary", diary]));
    let drawn = json(run(&["fuzz", "--seeds", "1", "--from", "3", "--json"]));
    let frames = ["frames_in", "frames_out"].map(|way| replayed[0]["counts"][way].as_u64().unwrap());
    assert_eq!(Some(frames.iter().sum()), drawn["seeds"][0]["frames"].as_u64());
    let told = std::fs::read_to_string(diary).unwrap();
    for part in ["believed: EVSE P1/1: in a transaction", "believed: circuit c0: base L1", "  from P1: [2,"] {
        assert!(told.contains(part), "`{part}` is not in the diary");
    }
    check(&["replay", case, case, "--diary", diary], &["a diary tells of one case, 2 are ready"]);
    check(
        &["replay", case, "--fidelity", "decisions", "--diary", diary],
        &["leave out --fidelity decisions"],
    );
}

#[test]
fn a_reader_that_goes_away_ends_twin_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_twin"))
        .args(["fuzz", "--seeds", "1", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// `twin` fails with exit code 2, says all parts, and prints nothing else.
fn check(arguments: &[&str], parts: &[&str]) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_twin")).args(arguments).env_remove("WATTERY_DATA").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{arguments:?}");
    for part in parts {
        assert!(told.contains(part), "{arguments:?}: `{part}` is not in: {told}");
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("messages-{name}"))
}
