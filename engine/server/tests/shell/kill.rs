//! `kill -9` under load, with real processes: no acknowledged fact is lost.
//!
//! Twenty stations send as fast as they are answered, so that every commit carries facts of many.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use csms::record::TransactionRow;
use ocpp::Version;
use store::Store;
use tokio::sync::Notify;
use wire::http::Api;
use wire::station::Endpoint;

use crate::support::{SITE, SpokenStation, furnish, within};
use crate::transaction::{Named, minutes_ago};

/// A server in a process of its own, killed where the test ends.
struct Process {
    child: Child,
    api: Api,
    ocpp: Endpoint,
}

impl Process {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wattery"))
            .args(["serve", "--listen", "127.0.0.1:0", "--listen-ocpp", "127.0.0.1:0"])
            .args(["--station-security-least", "0", "--data"])
            .arg(data)
            .env("WATTERY_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut after = |mark: &str, end: &str| {
            let line = lines.next().unwrap().unwrap();
            let rest =
                line.split_once(mark).unwrap_or_else(|| panic!("{mark} is not in {line}")).1.to_owned();
            rest.split(end).next().unwrap().to_owned()
        };
        let (listen, listen_ocpp) = (after("http://", "/"), after("ws://", "/"));
        let token = std::fs::read_to_string(data.join("token")).unwrap().trim().to_owned();
        Self {
            child,
            api: Api { address: listen, token },
            ocpp: Endpoint { address: listen_ocpp, path: "/ocpp".to_owned() },
        }
    }

    fn kill(&mut self) {
        // On Unix this is SIGKILL.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const STATIONS: usize = 20;

fn station_id(number: usize) -> String {
    format!("P{number:02}")
}

/// The house with so many stations, and with room for all of them to start (S1).
fn house_of(stations: usize) -> String {
    let (house, _) = SITE.split_once("[[evses]]").unwrap();
    let mut house = house.replace("rating_a = 80", "rating_a = 400");
    for number in 1..=stations {
        write!(house, "[[evses]]\nid = '{}/1'\nwiring = 'L1L2L3'\n", station_id(number)).unwrap();
    }
    house
}

/// What a station was told is kept.
#[derive(Debug)]
struct Acknowledged {
    station: String,
    /// By transaction: the registers amid it, and of its end.
    transactions: BTreeMap<Named, (Vec<i64>, Option<i64>)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_fact_is_lost_by_kill_9_after_seeded_numbers_of_acknowledgements() {
    let seeds = if std::env::var("WATTERY_FULL").is_ok_and(|full| full == "1") { 100 } else { 5 };
    for seed in 0..seeds {
        // Spread over 4 to 4,000 acknowledgements; 0x9e37 scatters neighbouring seeds.
        let kill_after = 4 + i64::from((seed * 0x9e37_u32) % 3_989);
        let facts = check(kill_after).await;
        println!("seed {seed}: killed after {kill_after} acknowledgements, {facts} facts found");
    }
}

async fn check(kill_after: i64) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path());
    let site = house_of(STATIONS);
    furnish(&process.api, &site).await;
    let left = Arc::new(AtomicI64::new(kill_after));
    let enough = Arc::new(Notify::new());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=STATIONS {
        let version = if number % 2 == 0 { Version::V201 } else { Version::V16 };
        let (ocpp, left, enough) = (process.ocpp.clone(), Arc::clone(&left), Arc::clone(&enough));
        tasks.spawn(async move { charge(&ocpp, station_id(number), version, &left, &enough).await });
    }
    within("enough acknowledgements", enough.notified()).await;
    process.kill();
    let acknowledged = within("the stations' ends", tasks.join_all()).await;

    // It starts again on what it left, and tells of open transactions.
    let mut again = Process::start(directory.path());
    let sites = again.api.send("GET", "/api/v1/sites", "application/json", "").await.unwrap();
    assert_eq!(sites.status, 200, "{}", sites.body);
    again.kill();
    count_facts(directory.path(), &acknowledged).await
}

/// Transactions one after the other, until the server is gone; every acknowledgement is counted.
async fn charge(
    ocpp: &Endpoint,
    id: String,
    version: Version,
    left: &AtomicI64,
    enough: &Notify,
) -> Acknowledged {
    let mut station = SpokenStation::boot(ocpp, &id, version).await;
    let mut acknowledged = Acknowledged { station: id, transactions: BTreeMap::new() };
    let mut register = 1_000;
    let told = || {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            enough.notify_one();
        }
    };
    loop {
        let Ok((named, _)) = station.try_begin(register, minutes_ago(0)).await else { return acknowledged };
        told();
        acknowledged.transactions.insert(named.clone(), (Vec::new(), None));
        for _ in 0..8 {
            register += 10;
            if station.read(&named, register, minutes_ago(0)).await.is_err() {
                return acknowledged;
            }
            told();
            acknowledged.transactions.entry(named.clone()).or_default().0.push(register);
        }
        if station.end(&named, register, minutes_ago(0)).await.is_err() {
            return acknowledged;
        }
        told();
        acknowledged.transactions.entry(named).or_default().1 = Some(register);
    }
}

async fn count_facts(data: &Path, acknowledged: &[Acknowledged]) -> usize {
    let store = Store::open(&data.join(server::run::DATABASE_FILE)).await.unwrap();
    let restored = store.restore().await.unwrap();
    let mut facts = 0;
    let of_all = acknowledged.iter().flat_map(|of| of.transactions.iter().map(|told| (&of.station, told)));
    for (station, (named, (registers, stopped))) in of_all {
        let is_it = |row: &TransactionRow| match named {
            Named::Number(number) => i64::try_from(row.transaction.0) == Ok(*number),
            Named::Text(name) => {
                row.evse.station.as_str() == station.as_str()
                    && row.reported_id.as_ref().is_some_and(|reported| reported.0 == *name)
            }
        };
        let row = restored.csms.iter().find_map(|record| {
            if let csms::Record::Transaction(row) = record { is_it(row).then_some(row) } else { None }
        });
        let row = row.unwrap_or_else(|| panic!("{named:?} of {station} was acknowledged and is lost"));
        facts += 1;
        let kept: Vec<i64> = store
            .meter_values_of(row.transaction)
            .await
            .unwrap()
            .iter()
            .flat_map(|row| &row.samples)
            .filter_map(|sample| sample.register.as_ref())
            .map(|reading| reading.register.milliwatt_hours() / 1_000)
            .collect();
        for register in registers {
            assert!(
                kept.contains(register),
                "register {register} of {named:?} of {station} is lost: {kept:?}"
            );
            facts += 1;
        }
        if let Some(register) = stopped {
            let stop =
                row.stop.as_ref().unwrap_or_else(|| panic!("the end of {named:?} of {station} is lost"));
            assert_eq!(stop.register.map(|kept| kept.milliwatt_hours() / 1_000), Some(*register));
            facts += 1;
        }
    }
    facts
}

#[test]
fn a_process_that_cannot_start_says_why_and_ends_with_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flags, part) in [
        (vec!["--listen", &address], "choose another with --listen"),
        (vec!["--listen", "here"], "the settings have a mistake:\n"),
        (vec!["--listen", "here", "--frame-log-days", "0"], "the settings have 2 mistakes"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_wattery"))
            .args(["serve", "--listen-ocpp", "127.0.0.1:0"])
            .args(["--station-security-least", "0", "--data"])
            .arg(directory.path())
            .args(flags)
            .output()
            .unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && words.contains(part), "{words}");
    }
    let port = address.rsplit_once(':').unwrap().1;
    let demo = Command::new(env!("CARGO_BIN_EXE_wattery")).args(["demo", "--port", port]).output().unwrap();
    let words = String::from_utf8(demo.stderr).unwrap();
    assert!(!demo.status.success() && words.contains("choose another with --port"), "{words}");
    assert!(demo.stdout.is_empty(), "nothing is played before: {}", String::from_utf8_lossy(&demo.stdout));
    let admin = Command::new(env!("CARGO_BIN_EXE_wattery"))
        .args(["admin", "--data"])
        .arg(directory.path().join("nowhere"))
        .args(["site", "list"])
        .env_remove("WATTERY_TOKEN")
        .output()
        .unwrap();
    let words = String::from_utf8(admin.stderr).unwrap();
    assert!(!admin.status.success() && words.contains("--token"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_managers_sigterm_ends_the_process_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path());
    furnish(&process.api, SITE).await;
    let status = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let ended = tokio::task::spawn_blocking(move || process.child.wait().unwrap());
    assert!(within("the end", ended).await.unwrap().success());
}
