//! Stations that other people wrote, over real sockets: they play a day, and check every message of ours against the
//! official schemas. Strict clients are not what stands in the field; they show that what we send is by the book.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{House, within};

/// What a day imports, in mWh, stay by stay: as in `tests/clients`.
const STAYS_MWH: [i64; 3] = [9_000_000, 6_500_000, 22_000_000];
/// A driver's token as all versions know one.
const TOKEN: &str = "04A1B2C3";

#[tokio::test]
async fn the_python_package_ocpp_plays_a_day_of_ocpp_1_6() {
    play("python", "1.6").await;
}

#[tokio::test]
async fn the_python_package_ocpp_plays_a_day_of_ocpp_2_0_1() {
    play("python", "2.0.1").await;
}

#[tokio::test]
async fn the_python_package_ocpp_plays_a_day_of_ocpp_2_1() {
    play("python", "2.1").await;
}

#[tokio::test]
async fn the_npm_package_ocpp_rpc_plays_a_day_of_ocpp_1_6() {
    play("node", "1.6").await;
}

#[tokio::test]
async fn the_npm_package_ocpp_rpc_plays_a_day_of_ocpp_2_0_1() {
    play("node", "2.0.1").await;
}

async fn play(language: &str, version: &str) {
    let Ok(clients) = std::env::var("WATTERY_CLIENTS") else {
        println!("skipped: a day of OCPP {version} by a client in {language}: WATTERY_CLIENTS is not set");
        return;
    };
    let house = House::open().await;
    let token = json!({"token": TOKEN, "entry": {"holder": {"account": "resident"}, "status": "valid"}});
    let reply = house.send("PUT", "/api/v1/tokens", &token.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let mut client = Client::start(Path::new(&clients), language, &house, version);
    let day = client.line().await;
    assert_eq!(day["stays"], json!(STAYS_MWH.map(|energy| energy / 1_000)), "{day}");

    let cdrs = house.until("/api/v1/cdrs", |cdrs| cdrs.as_array().is_some_and(|cdrs| cdrs.len() == 3)).await;
    let mut energies: Vec<i64> = cdrs
        .as_array()
        .into_iter()
        .flatten()
        .map(|cdr| {
            assert_eq!(cdr["doubts"], json!([]), "billed without a look: {cdr}");
            energy_of(cdr)
        })
        .collect();
    energies.sort_unstable();
    let mut wanted = STAYS_MWH;
    wanted.sort_unstable();
    assert_eq!(energies, wanted, "each stay is billed for what its register says");

    // What an operator asks of it is as the schemas say, and so is its answer.
    for work in [
        json!({"do": "unlock", "evse": 1}),
        json!({"do": "availability", "evse": 1, "is_operative": false}),
        json!({"do": "availability", "is_operative": true}),
        json!({"do": "reset", "how": "soft"}),
    ] {
        let reply = house.send("POST", "/api/v1/stations/P01/work", &work.to_string()).await;
        assert_eq!(reply.status, 200, "{work}: {}", reply.body);
    }
    for work in [
        json!({"do": "firmware", "url": "https://firmware.example/2.bin"}),
        json!({"do": "diagnostics", "from": "2026-01-14T00:00:00Z"}),
    ] {
        let reply = house.send("POST", "/api/v1/stations/P01/work", &work.to_string()).await;
        assert_eq!(reply.status, 200, "{work}: {}", reply.body);
        let job: Value = serde_json::from_str(&reply.body).unwrap();
        let path = format!("/api/v1/jobs/{}", job["job"]);
        house.until(&path, |job| job["errands"][0]["state"] == "following").await;
    }
    if version == "2.1" {
        let payload = json!({"evseId": 1}).to_string();
        let reply = house.send("POST", "/api/v1/stations/P01/commands/GetTariffs", &payload).await;
        assert!(reply.status == 200 && reply.body.contains("NoTariff"), "{}", reply.body);
        let notices = house.get("/api/v1/stations/P01/notices").await;
        let told = |subject: &str| {
            notices.as_array().into_iter().flatten().filter(|notice| notice["subject"] == subject).count()
        };
        assert_eq!((told("settlement"), told("priority")), (3, 3), "{notices}");
    }
    let told = client.end().await;
    let log = if version == "1.6" { "GetDiagnostics" } else { "GetLog" };
    for action in ["UnlockConnector", "ChangeAvailability", "Reset", "UpdateFirmware", log] {
        assert!(told["heard"].as_array().unwrap().contains(&json!(action)), "{action}: {told}");
    }
}

/// A CDR's energy, in mWh: from its lowest register to its highest.
fn energy_of(cdr: &Value) -> i64 {
    let registers =
        cdr["readings"].as_array().into_iter().flatten().filter_map(|reading| reading["register"].as_i64());
    let (low, high) = registers.fold((i64::MAX, i64::MIN), |(low, high), at| (low.min(at), high.max(at)));
    high - low
}

/// A client in a process of its own, which ends with the test.
struct Client {
    child: Child,
    said: Option<Lines<BufReader<ChildStdout>>>,
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client {
    fn start(clients: &Path, language: &str, house: &House, version: &str) -> Self {
        let scripts = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients"));
        let (program, script) = match language {
            "python" => ("python3", "day.py"),
            _ => ("node", "day.mjs"),
        };
        let mut child = Command::new(program)
            .arg(scripts.join(script))
            .arg(format!("ws://{}/ocpp", house.ocpp.address))
            .args(["P01", version, TOKEN])
            .env("PYTHONPATH", clients.join("python"))
            .env("WATTERY_CLIENTS", clients)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let said = child.stdout.take().map(|out| BufReader::new(out).lines());
        Self { child, said }
    }

    async fn line(&mut self) -> Value {
        let mut said = self.said.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || (said.next(), said));
        let (line, said) = within("what the client says", reading).await.unwrap();
        self.said = Some(said);
        let line = line.unwrap_or_else(|| panic!("the client ended before its day: why stands above"));
        serde_json::from_str(&line.unwrap()).unwrap()
    }

    /// Lets it go; what it says at last.
    async fn end(mut self) -> Value {
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
        self.line().await
    }
}
