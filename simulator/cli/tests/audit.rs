//! `twin audit` as a person calls it: on a database and on a case, with its exit codes.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use store::{Records, Report, Root, Store};
use twin::scenario_file::{Found, SeedChoice};
use twin::{Durable, World};
use units::RecordSeq;

/// Months end in it, and stations of both versions charge.
const CASE: &str = "month-end-mid-session";

#[test]
fn a_case_is_played_to_its_end_and_nothing_is_found_in_what_it_committed() {
    let output = audit(&case_folder(CASE), &[]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.ends_with("nothing found\n"), "{told}");
}

#[test]
fn a_time_that_was_not_trusted_is_held_as_of_its_receipt_and_found_again() {
    // A clock of 2036 makes the engine place registers by its own; what a full disk delays keeps its time.
    for case in ["disk-full-at-peak", "clock-jumps-to-2036"] {
        let output = audit(&case_folder(case), &["--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["findings"], Value::Array(vec![]), "{case}");
        assert!(report["frames"].as_u64().unwrap() > 200, "{case}");
    }
}

#[tokio::test]
async fn m2_a_sound_database_passes_and_one_energy_changed_by_hand_is_named_with_exit_code_1() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit");
    let database = database(&folder).await;
    let sound = audit(&database, &[]);
    let told = String::from_utf8(sound.stdout).unwrap();
    assert_eq!(sound.status.code(), Some(0), "{told}");
    assert!(told.contains(": 7 CDRs") && told.ends_with("nothing found\n"), "{told}");

    change(&database, "UPDATE charging_line SET body = json_set(body, '$.line.energy', 1000) WHERE cdr = 1")
        .await;
    let tampered = audit(&database, &[]);
    let told = String::from_utf8(tampered.stdout).unwrap();
    assert_eq!(tampered.status.code(), Some(1), "{told}");
    assert!(told.contains("\n  line: CDR 1 is charged"), "{told}");
    let as_json = audit(&database, &["--json"]);
    let report: Value = serde_json::from_slice(&as_json.stdout).unwrap();
    assert_eq!(as_json.status.code(), Some(1));
    assert!(report["findings"].as_array().unwrap().iter().any(|finding| finding["rule"] == "line"));
}

#[test]
fn what_cannot_be_audited_is_named_with_the_way_out_and_exit_code_2() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("audit-nothing");
    std::fs::create_dir_all(&folder).unwrap();
    let text = folder.join("letter.db");
    std::fs::write(&text, "Dear auditor, this is no database. ".repeat(100)).unwrap();
    let needs_records = case_folder("norwegian-housing-company-january");
    let nowhere = ["--data", "/nowhere"];
    for (path, flags, parts) in [
        (folder.join("nowhere.db"), &[][..], ["nowhere.db", "name the database of a server"]),
        (folder.clone(), &[], ["audit-nothing", "wattery-data/wattery.db"]),
        (text, &[], ["letter.db", "database"]),
        (
            needs_records.clone(),
            &nowhere,
            ["/nowhere/sessions", "is not there; name the folder of the data sets"],
        ),
        (needs_records, &[], ["norwegian-housing-company-january", "WATTERY_DATA, which is not set"]),
    ] {
        let output = audit(&path, flags);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.starts_with("twin: ") && parts.iter().all(|part| told.contains(part)), "{told}");
        assert!(output.stdout.is_empty(), "no verdict beside an error");
    }
}

fn audit(what: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twin"));
    command.arg("audit").arg(what).args(flags).env_remove("WATTERY_DATA");
    command.output().unwrap()
}

fn case_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name)
}

/// A database that holds what [`CASE`] committed.
async fn database(folder: &Path) -> PathBuf {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let Durable { csms, office } = played();
    let path = folder.join("wattery.db");
    let store = Store::open(&path).await.unwrap();
    let mut started = store.start_writer().await.unwrap();
    let (of_csms, of_office) = (numbered(csms), numbered(office));
    let mut awaited = vec![(Root::Csms, of_csms.len()), (Root::Office, of_office.len())];
    started.writer.submit(Records::Csms(of_csms));
    started.writer.submit(Records::Office(of_office));
    while !awaited.is_empty() {
        match started.reports.recv().await.unwrap() {
            Report::Committed { root, up_to } => {
                awaited.retain(|&(of, count)| of != root || up_to.0 < u64::try_from(count).unwrap());
            }
            report @ (Report::Failing { .. } | Report::Well) => panic!("{report:?}"),
        }
    }
    drop(started.writer);
    started.task.await.unwrap();
    path
}

fn played() -> Durable {
    let folder = case_folder(CASE);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let found = Found { site: read("site.toml"), ..Found::default() };
    let text = read("scenario.toml");
    let loaded = twin::scenario_file::load(CASE, "scenario.toml", &text, &found, SeedChoice::OfFile);
    World::new(loaded.unwrap()).run_with_records().1
}

fn numbered<R>(records: Vec<R>) -> Vec<(RecordSeq, R)> {
    (1..).map(RecordSeq).zip(records).collect()
}

/// What a hand in the database may do.
async fn change(path: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions, Connection};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await.unwrap();
    let changed = sqlx::query(sql).execute(&mut connection).await.unwrap();
    assert_eq!(changed.rows_affected(), 1, "{sql}");
    connection.close().await.unwrap();
}
