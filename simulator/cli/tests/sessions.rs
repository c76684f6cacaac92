//! Every recorded session through the whole engine: what is billed is what was delivered, and nothing doubtful is billed.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Of each kind one: overlaps, times that are missing, zero duration, users with and without a name, four zones.
const SAMPLE: [&str; 5] = [
    "sessions/acn_office001_userinputs.csv.gz",
    "sessions/asensio_workplace_us.csv.gz",
    "sessions/paris_belib_public.csv.gz",
    "sessions/trondheim_risvollan.csv.gz",
    "sessions/norway12_apartments.csv.gz",
];

const VERSIONS: [&str; 2] = ["1.6", "2.0.1"];

#[test]
fn m1_m2_every_recorded_session_is_billed_as_delivered_or_held_and_every_flag_is_a_finding() {
    let is_full = std::env::var("WATTERY_FULL").is_ok_and(|full| full == "1");
    let Some(data) = std::env::var_os("WATTERY_DATA") else {
        eprintln!("skipped: recorded sessions: WATTERY_DATA does not name the directory that holds them");
        return;
    };
    let mut held_with_flags = 0;
    // The largest file is told once.
    for (version, sample) in VERSIONS.into_iter().zip([&SAMPLE[..], &SAMPLE[..4]]) {
        let files: &[&str] = if is_full { &[] } else { sample };
        let reports = replayed(Path::new(&data), files, version);
        assert!(!reports.is_empty());
        for report in &reports {
            let name = format!("{}, OCPP {version}", report["file"].as_str().unwrap());
            assert_eq!(report["breaches"], Value::Array(vec![]), "{name}");
            let count = |field: &str| report[field].as_i64().unwrap();
            assert_eq!(count("transactions") + count("repeated"), count("rows"), "{name}");
            assert_eq!(count("billed") + count("held"), count("transactions"), "{name}");
            let energies = ["energy_file", "energy_rounded", "energy_billed", "energy_held"].map(count);
            assert_eq!(
                energies[0] + energies[1],
                energies[2] + energies[3],
                "{name}: not a milliwatt-hour is lost"
            );
            assert!(energies[1].abs() <= count("rows") * 500, "{name}: half a watt-hour per row at most");
            for (flag, outcomes) in report["flags"].as_object().unwrap() {
                let silently = outcomes.get("billed").and_then(Value::as_i64).unwrap_or(0);
                assert_eq!(silently, 0, "{name}: {flag}");
                held_with_flags += outcomes.get("held").and_then(Value::as_i64).unwrap_or(0);
            }
        }
    }
    assert!(held_with_flags > 100, "the files' defects were looked at: {held_with_flags}");
}

#[test]
fn a_file_with_every_defect_is_told_row_by_row() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("defects.csv");
    std::fs::write(&file, DEFECTS).unwrap();
    for version in VERSIONS {
        let reports = replayed(folder, &[file.to_str().unwrap()], version);
        let report = &reports[0];
        assert_eq!(report["breaches"], Value::Array(vec![]));
        // The first and the last are sound; of the overlapping pair both are held.
        let count = |field: &str| report[field].as_i64().unwrap();
        assert_eq!((count("rows"), count("billed"), count("held"), count("no_energy")), (13, 3, 10, 1));
        assert_eq!(count("energy_billed"), 11_500_000);
        let held = serde_json::json!({
            "implausible energy": 2, "missing end": 2, "negative energy": 1, "overlap": 2, "register fell": 1,
            "time not trusted": 3,
            "too long": 1,
        });
        assert_eq!(report["held_by"], held);
        assert_eq!(report["unflagged_held_by"], serde_json::json!({ "overlap": 2 }));
    }
}

/// Rows as the published files have them; the second is in the repeated hour of an autumn night.
const DEFECTS: &str = "\
source,site,segment,user,evse,arrival_utc,departure_utc,charge_end_utc,energy_kwh,max_kw,flags
norway12,A,x,ann,E1,2020-10-24T18:00:00Z,2020-10-25T00:30:00Z,2020-10-24T21:00:00Z,10.5,,
norway12,A,x,ann,E1,2020-10-25T00:31:00Z,,,4,,time_missing_or_dst_ambiguous
norway12,A,x,,E2,2020-10-25T00:00:00Z,2020-10-25T02:00:00Z,,,,no_energy
norway12,A,x,,E5,,,,,,time_missing_or_dst_ambiguous|no_energy
norway12,A,x,,E3,2020-10-26T00:00:00Z,2020-10-26T01:00:00Z,,0,,zero_energy
norway12,A,x,,E3,2020-10-26T02:00:00Z,2020-10-26T02:00:00Z,,0.01,,zero_duration
norway12,A,x,,E3,2020-10-26T03:00:00Z,1970-01-01T00:00:00Z,,2,,ends_before_start
norway12,A,x,,E3,2020-10-26T05:00:00Z,2020-10-26T06:00:00Z,,-1.5,,negative_energy
norway12,A,x,,E3,2020-10-26T07:00:00Z,2020-10-26T07:02:00Z,,138,50,implausible_power
norway12,A,x,bob,E3,2020-10-27T07:00:00Z,2020-11-03T07:00:01Z,,30,22,over_7_days
norway12,A,x,bob,E4,2020-10-27T07:00:00Z,2020-10-27T09:00:00Z,,3,22,
norway12,A,x,bob,E4,2020-10-27T08:00:00Z,2020-10-27T10:00:00Z,,3,22,
norway12,B,x,bob,,2020-12-01T07:00:00Z,2020-12-01T08:00:00Z,,1,22,
";

fn replayed(data: &Path, files: &[&str], version: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_twin"))
        .args(["sessions", "--json", "--ocpp", version, "--data"])
        .arg(data)
        .args(files)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}
