//! Who may speak in a station's name, over real sockets.

use csms::SecurityProfile;
use data_encoding::{BASE64, HEXLOWER};
use ocpp::Version;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::station::{LinkError, StationClient};

use crate::support::{House, SITE, SpokenStation, config, within};

const CHOSEN: &str = "a:chosen:password";

/// A house whose stations must have passwords; each that its site names has been given one.
async fn guarded() -> (House, Value) {
    let directory = tempfile::tempdir().unwrap();
    let house = House::bare(guarded_config(directory.path()), directory).await;
    let reply = house.api.send("POST", "/api/v1/sites", "application/toml", SITE).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    let told: Value = serde_json::from_str(&reply.body).unwrap();
    (house, told["passwords"].clone())
}

fn guarded_config(data: &std::path::Path) -> server::config::Config {
    server::config::Config { station_security_least: SecurityProfile::Basic, ..config(data) }
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_of_a_new_site_get_a_password_each_and_nobody_is_let_in_without_it() {
    let (house, passwords) = guarded().await;
    assert_eq!(passwords.as_object().unwrap().len(), 3, "{passwords}");
    let password = passwords["P01"].as_str().unwrap();
    for wrong in [None, Some("another password"), Some(passwords["P02"].as_str().unwrap())] {
        let refused = StationClient::connect(&house.ocpp, "P01", wrong).await;
        assert!(
            matches!(&refused, Err(LinkError::Refused(status)) if *status == 401),
            "{wrong:?}: {refused:?}"
        );
    }
    let mut station = let_in(&house, "P01", password).await;
    let boot = json!({"chargePointVendor": "x", "chargePointModel": "y"});
    assert_eq!(station.call("BootNotification", boot).await["status"], "Accepted");
    let again = house.api.send("POST", "/api/v1/sites", "application/toml", SITE).await.unwrap();
    assert_eq!(again.body, "{\"imported\":true}", "passwords that are set stay, and are not told again");
}

#[tokio::test(flavor = "multi_thread")]
async fn field_6_9_and_6_10_a_failed_attempt_leaves_the_stations_own_link_and_its_neighbours_alone() {
    let (house, passwords) = guarded().await;
    let mut own = let_in(&house, "P01", passwords["P01"].as_str().unwrap()).await;
    let mut neighbour = let_in(&house, "P02", passwords["P02"].as_str().unwrap()).await;
    set(&house, "P01", json!({"password": CHOSEN})).await;
    let mut guesses = tokio::task::JoinSet::new();
    for number in 0..100 {
        let address = house.ocpp.address.clone();
        guesses.spawn(async move {
            shake_hands(&address, "P01", Some(format!("P01:guess number {number:06}").as_bytes())).await
        });
    }
    for _ in 0..20 {
        for station in [&mut own, &mut neighbour] {
            assert!(station.call("Heartbeat", json!({})).await["currentTime"].is_string());
        }
    }
    // The station itself breaks off and returns amidst them: it is known again at once, or after one guess.
    let mut returned = let_in(&house, "P01", CHOSEN).await;
    assert!(returned.call("Heartbeat", json!({})).await["currentTime"].is_string());
    for answer in within("every guess's answer", guesses.join_all()).await {
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    assert!(returned.call("Heartbeat", json!({})).await["currentTime"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_learns_neither_why_nor_whether_the_station_exists() {
    let directory = tempfile::tempdir().unwrap();
    let settings = server::config::Config {
        unknown_stations: csms::UnknownStations::Refuse,
        ..guarded_config(directory.path())
    };
    let house = House::bare(settings, directory).await;
    house.api.send("POST", "/api/v1/sites", "application/toml", SITE).await.unwrap();
    let profile = SecurityProfile::BasicOverTls;
    let (password, lowering) = (csms::PasswordChange::Kept, csms::Lowering::Refused);
    let raise = csms::Command::Secure { station: "P02".parse().unwrap(), profile, password, lowering };
    assert_eq!(house.server.engine.command("test", raise).await, Ok(csms::CommandAnswer::Done));
    let mut answers = std::collections::BTreeSet::new();
    for (station, pair) in [
        ("P01", None),
        ("P01", Some("P01:a wrong password!")),
        ("P01", Some("P03:a wrong password!")),
        ("P02", Some("P02:a wrong password!")),
        ("NOBODY", None),
        ("NOBODY", Some("NOBODY:a wrong password!")),
    ] {
        let answer = shake_hands(&house.ocpp.address, station, pair.map(str::as_bytes)).await;
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{station}: {answer}");
        assert!(!answer.contains(station) && answer.contains("WWW-Authenticate: Basic"), "{answer}");
        answers.insert(answer);
    }
    assert_eq!(answers.len(), 1, "all are answered alike: {answers:#?}");
    let lobby = house.until("/api/v1/lobby", |lobby| !lobby.as_array().unwrap().is_empty()).await;
    assert_eq!(lobby[0]["station"], "NOBODY", "who was sent away is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn field_6_10_a_key_of_1_6_is_taken_as_digits_and_as_raw_bytes() {
    let (house, passwords) = guarded().await;
    let digits = passwords["P01"].as_str().unwrap();
    let bytes = HEXLOWER.decode(digits.as_bytes()).unwrap();
    let upper = digits.to_uppercase();
    for (password, status) in
        [(&bytes[..], "101"), (upper.as_bytes(), "101"), (&bytes[1..], "401"), (b"", "401")]
    {
        let pair = [b"P01:", password].concat();
        let answer = shake_hands(&house.ocpp.address, "P01", Some(&pair)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{password:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_station_must_prove_is_shown_set_written_down_and_survives_a_restart() {
    let (house, _) = guarded().await;
    let shown = house.get("/api/v1/stations/P01/security").await;
    assert_eq!((&shown["profile"], &shown["has_password"]), (&json!(1), &json!(true)), "{shown}");
    let told = set(&house, "P01", json!({"password": CHOSEN})).await;
    assert_eq!(told["password"], CHOSEN);
    let lower = house.send("PUT", "/api/v1/stations/P01/security", "{\"profile\": 0}").await;
    assert!(lower.status == 409 && lower.body.contains("--station-security-least"), "{}", lower.body);
    for (body, part) in [
        ("{\"profile\": 4}", "4 is no security profile"),
        ("{\"password\": \"short\"}", "5 characters"),
        ("{\"password\": \"sixteen letters!\", \"draw_password\": true}", "leave one of the two out"),
    ] {
        let refused = house.send("PUT", "/api/v1/stations/P01/security", body).await;
        assert!(refused.status >= 400 && refused.body.contains(part), "{body}: {}", refused.body);
    }
    let house = house.restart_with(guarded_config).await;
    let refused = StationClient::connect(&house.ocpp, "P01", None).await;
    assert!(matches!(&refused, Err(LinkError::Refused(status)) if *status == 401), "{refused:?}");
    drop(let_in(&house, "P01", CHOSEN).await);
    let audit = house.get("/api/v1/audit").await;
    let told: Vec<String> = audit
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{}: {} -> {}", row["actor"], row["what"], row["outcome"]).replace('"', ""))
        .collect();
    let set = "console: security profile 1 and a new password for station P01 -> done";
    assert!(told.iter().filter(|line| line.as_str() == set).count() == 2, "drawn, then chosen: {told:#?}");
    assert!(audit[0]["at"].as_i64() > Some(0), "{audit}");
    let directory = house.stop().await;
    for file in ["wattery.db", "wattery.db-wal", "credentials.json"] {
        let bytes = std::fs::read(directory.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(CHOSEN.len()).any(|window| window == CHOSEN.as_bytes()), "{file}");
    }
}

/// As they were written before passwords became records: SHA-256 over salt and password, and a thousand times over that
/// and the password.
#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_the_old_file_become_records_at_the_first_start_and_stay_right() {
    let house = House::open().await;
    let file = house.directory.path().join("credentials.json");
    let mut kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let hash = "f086e678b3673a04b28b39ec03ad36dab7b37e10dd0bab63a836c9c5117ddb6c";
    kept["stations"] = json!({"P01": {"salt": "0123456789abcdef0123456789abcdef", "hash": hash}});
    let house = house.restart_with(|data| {
        std::fs::write(&file, kept.to_string()).unwrap();
        config(data)
    });
    let house = house.await;
    let left: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(left["stations"], Value::Null, "{left}");
    let refused = StationClient::connect(&house.ocpp, "P01", None).await;
    assert!(matches!(&refused, Err(LinkError::Refused(status)) if *status == 401), "{refused:?}");
    let house = house.restart().await;
    drop(let_in(&house, "P01", "with:colons:inside").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_installation_trusts_its_network_a_station_comes_in_without_until_it_has_a_password() {
    let house = House::open().await;
    drop(house.station("P01").await);
    set(&house, "P01", json!({"draw_password": true})).await;
    let refused = StationClient::connect(&house.ocpp, "P01", None).await;
    assert!(matches!(&refused, Err(LinkError::Refused(status)) if *status == 401), "{refused:?}");
    let not_lowered = house.send("PUT", "/api/v1/stations/P01/security", "{\"profile\": 0}").await;
    assert!(not_lowered.body.contains("say that it is meant"), "{}", not_lowered.body);
    set(&house, "P01", json!({"profile": 0, "lower": true})).await;
    drop(house.station("P01").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_from_the_lobby_that_proved_nothing_must_return_with_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::bare(guarded_config(directory.path()), directory).await;
    let mut stranger = SpokenStation::connect(&house.ocpp, "P01").await;
    let boot = || json!({"chargePointVendor": "x", "chargePointModel": "y"});
    assert_eq!(stranger.call("BootNotification", boot()).await["status"], "Pending");
    let reply = house.api.send("POST", "/api/v1/sites", "application/toml", SITE).await.unwrap();
    let told: Value = serde_json::from_str(&reply.body).unwrap();
    within("the end of the link", async { while stranger.hear().await.is_ok() {} }).await;
    let mut station = let_in(&house, "P01", told["passwords"]["P01"].as_str().unwrap()).await;
    assert_eq!(station.call("BootNotification", boot()).await["status"], "Accepted");
}

/// By one command, as an operator gives it.
#[tokio::test(flavor = "multi_thread")]
async fn wattery_admin_adopts_a_station_from_the_lobby_with_its_neighbours_access_and_a_password_told_once() {
    let (house, passwords) = guarded().await;
    // Five EVSEs may be drawing at worst (S1) before the last is heard of.
    crate::support::furnish(&house.api, &SITE.replace("rating_a = 80", "rating_a = 200")).await;
    let mut stranger = SpokenStation::connect(&house.ocpp, "NEW").await;
    let boot = || json!({"chargePointVendor": "x", "chargePointModel": "y"});
    assert_eq!(stranger.call("BootNotification", boot()).await["status"], "Pending");
    house.until("/api/v1/lobby", |lobby| lobby[0]["station"] == "NEW").await;
    let admin = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_wattery"))
            .args(["admin", "--api", &house.api.address, "--token", &house.api.token, "station"])
            .args(words)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    for (words, part) in [
        (&["adopt", "NEW", "--site", "moon", "--wiring", "L1L2L3"][..], "site `moon` does not exist"),
        (&["adopt", "NEW", "--site", "house", "--wiring", "L1L2L3"], "both `circuit` and `current_max_a`"),
        (&["adopt", "NEW", "--site", "house", "--wiring", "L4", "--like", "P01/1"], "`L4`"),
        (&["adopt", "NEW", "--site", "house", "--wiring", "L1", "--like", "P09/1"], "P09/1"),
        (&["adopt", "P02", "--site", "house", "--wiring", "L1", "--like", "P01/1"], "in site house already"),
    ] {
        let (is_done, _, told) = admin(words);
        assert!(!is_done && told.contains(part), "{words:?}: {told}");
    }
    let (is_done, told, refusal) =
        admin(&["adopt", "NEW", "--site", "house", "--like", "P01/1", "--wiring", "L2L3L1", "--evses", "2"]);
    assert!(is_done, "{refusal}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["evses"], json!(["NEW/1", "NEW/2"]), "{told}");
    assert!(!told["notes"].to_string().contains("refused"), "{told}");
    within("the end of the link that proved nothing", async { while stranger.hear().await.is_ok() {} }).await;
    let mut station = let_in(&house, "NEW", told["password"].as_str().unwrap()).await;
    assert_eq!(station.call("BootNotification", boot()).await["status"], "Accepted");
    within("the directory with the new EVSEs", async {
        while station.call("Authorize", json!({"idTag": "KEY"})).await["idTagInfo"]["status"] != "Accepted" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let config = house.get("/api/v1/sites/house/config").await;
    let evses = config["evses"].as_array().unwrap();
    assert_eq!(evses.len(), 5, "{config}");
    assert_eq!(evses[3]["circuit"], evses[0]["circuit"]);
    assert_eq!(evses[3]["current_max"], evses[0]["current_max"]);
    assert_eq!(house.get("/api/v1/lobby").await, json!([]), "it has left the lobby");
    let mut other = SpokenStation::connect(&house.ocpp, "OTHER").await;
    other.call("BootNotification", boot()).await;
    house.until("/api/v1/lobby", |lobby| lobby[0]["station"] == "OTHER").await;
    let bare = ["--site", "house", "--wiring", "L1", "--circuit", "main", "--current-max-a", "16"];
    let (is_done, told_bare, _) = admin(&[&["adopt", "OTHER"][..], &bare].concat());
    assert!(is_done && told_bare.contains("nobody may charge there yet"), "{told_bare}");
    assert_eq!(house.get("/api/v1/lobby").await, json!([]), "it has left too");
    let (_, shown, _) = admin(&["show", "NEW"]);
    assert!(shown.contains("\"profile\": 1") && shown.contains("\"has_password\": true"), "{shown}");
    let (_, _, lower) = admin(&["security", "P01", "--profile", "0", "--lower"]);
    assert!(lower.contains("asks of every station"), "{lower}");
    let house = house.restart_with(guarded_config).await;
    let mut again = let_in(&house, "NEW", told["password"].as_str().unwrap()).await;
    assert!(again.call("Heartbeat", json!({})).await["currentTime"].is_string(), "adopted for good");
    drop(let_in(&house, "P01", passwords["P01"].as_str().unwrap()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_1_3_200_stations_with_passwords_that_drop_and_return_are_all_let_in() {
    let evses: String =
        (0..200).map(|number| format!("[[evses]]\nid = 'S{number:03}/1'\nwiring = 'L1L2L3'\n")).collect();
    let site = SITE.split("[[evses]]").next().unwrap().to_owned() + &evses;
    let directory = tempfile::tempdir().unwrap();
    let house = House::bare(guarded_config(directory.path()), directory).await;
    let reply = house.api.send("POST", "/api/v1/sites", "application/toml", &site).await.unwrap();
    let told: Value = serde_json::from_str(&reply.body).unwrap();
    let passwords = told["passwords"].as_object().unwrap().clone();
    for _ in 0..2 {
        let began = std::time::Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for (station, password) in passwords.clone() {
            let endpoint = house.ocpp.clone();
            tasks.spawn(async move {
                StationClient::connect(&endpoint, &station, password.as_str()).await.map(drop)
            });
        }
        let let_in = tasks.join_all().await.into_iter().filter(Result::is_ok).count();
        println!("{let_in} stations were let in within {:?}", began.elapsed());
        assert_eq!(let_in, 200);
    }
}

async fn set(house: &House, station: &str, wanted: Value) -> Value {
    let path = format!("/api/v1/stations/{station}/security");
    let reply = house.send("PUT", &path, &wanted.to_string()).await;
    assert_eq!(reply.status, 200, "{wanted}: {}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

/// A station that comes with its password, again where others that try theirs are before it.
async fn let_in(house: &House, station: &str, password: &str) -> SpokenStation {
    let offered = [Version::V16.subprotocol()];
    within("the station's own link", async {
        loop {
            match StationClient::connect_offering(&house.ocpp, station, Some(password), &offered).await {
                Ok(client) => return SpokenStation::over(client),
                Err(LinkError::Refused(status)) if status == 401 => tokio::task::yield_now().await,
                Err(error) => panic!("{station}: {error}"),
            }
        }
    })
    .await
}

/// The answer to a handshake with this `user:password`, as text.
async fn shake_hands(address: &str, station: &str, pair: Option<&[u8]>) -> String {
    let authorization =
        pair.map(|pair| format!("Authorization: Basic {}\r\n", BASE64.encode(pair))).unwrap_or_default();
    let request = format!(
        "GET /ocpp/{station} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{authorization}\r\n"
    );
    let mut raw = TcpStream::connect(address).await.unwrap();
    raw.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        within("the answer", raw.read_exact(&mut byte)).await.unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}
