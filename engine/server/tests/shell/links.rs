//! Links: who gets one, who loses one, and whom that disturbs. Names follow the field's notes.

use futures_util::SinkExt;
use ocpp::Version;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use wire::station::{LinkError, StationClient};

use crate::support::{House, SpokenStation, stop, within};

#[tokio::test(flavor = "multi_thread")]
async fn field_6_1_without_a_boot_on_the_new_link_a_known_station_is_served() {
    let house = House::open().await;
    drop(house.station("P01").await);
    let mut again = SpokenStation::connect(&house.ocpp, "P01").await;
    assert!(again.call("Heartbeat", json!({})).await["currentTime"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn field_6_8_without_a_common_subprotocol_the_handshake_completes_and_then_closes() {
    let house = House::open().await;
    let mut client = StationClient::connect_offering(&house.ocpp, "P01", None, &["ocpp2.0", "ocpp1.5"]).await;
    // The client library insists on a subprotocol in the answer where it offered some: so the bytes are looked at.
    if let Ok(client) = &mut client {
        assert!(matches!(within("the close", client.receive()).await, Err(LinkError::Closed)));
    }
    let (mut raw, agreed) = shake_hands(&house, "ocpp2.0").await;
    assert_eq!(agreed, None);
    let mut first = [0];
    within("the Close frame", raw.read_exact(&mut first)).await.unwrap();
    assert_eq!(first, [0x88], "a final frame with opcode 8: Close");
}

/// OCPP 2.0.1 part 4 section 3.3: the client's order is its preference.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_version_that_both_speak_in_the_stations_order_is_agreed_on() {
    let house = House::open().await;
    for (offered, agreed) in [
        ("ocpp2.0.1", "ocpp2.0.1"),
        ("ocpp2.0.1, ocpp1.6", "ocpp2.0.1"),
        ("ocpp1.6, ocpp2.0.1", "ocpp1.6"),
        ("ocpp2.1, ocpp2.0.1, ocpp1.6", "ocpp2.1"),
        ("ocpp2.0.1, ocpp2.1", "ocpp2.0.1"),
        ("ocpp2.0,ocpp1.6", "ocpp1.6"),
    ] {
        assert_eq!(shake_hands(&house, offered).await.1.as_deref(), Some(agreed), "{offered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_speaks_the_version_of_its_link_and_no_other_and_may_return_with_another() {
    let house = House::open().await;
    for (version, other) in [
        (Version::V201, "StartTransaction"),
        (Version::V16, "TransactionEvent"),
        (Version::V21, "StopTransaction"),
    ] {
        let mut station = house.station_of("P01", version).await;
        assert_eq!(station.call(other, json!({})).await, "NotImplemented", "{version}");
        let told = house.get("/api/v1/stations").await;
        let row = told.as_array().unwrap().iter().find(|row| row["row"]["station"] == "P01").unwrap();
        assert_eq!(row["row"]["ocpp_version"], version.number(), "{row}");
        assert!(station.call("Heartbeat", json!({})).await["currentTime"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn field_4d_56_a_station_that_offers_no_subprotocol_is_served() {
    let house = House::open().await;
    let client = StationClient::connect_offering(&house.ocpp, "P01", None, &[]).await.unwrap();
    let mut station = SpokenStation::over(client);
    let boot = json!({"chargePointVendor": "Grizzl-E", "chargePointModel": "x"});
    assert_eq!(station.call("BootNotification", boot).await["status"], "Accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn field_6_9_the_newest_link_wins_and_the_end_of_the_old_one_leaves_it_online() {
    let house = House::open().await;
    let mut old = house.station("P01").await;
    let mut new = house.station("P01").await;
    within("the end of the old link", async { while old.hear().await.is_ok() {} }).await;
    assert!(new.call("Heartbeat", json!({})).await["currentTime"].is_string());
    let stations = house.get("/api/v1/stations").await;
    let row = stations.as_array().unwrap().iter().find(|row| row["row"]["station"] == "P01").unwrap();
    assert_eq!(row["is_online"], true, "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn field_6_9_an_attempt_that_fails_authentication_does_not_disturb_the_live_link() {
    let house = House::open().await;
    let password = "correct:horse:battery";
    let body = json!({"password": password}).to_string();
    assert_eq!(house.send("PUT", "/api/v1/stations/P01/password", &body).await.status, 200);
    let client = StationClient::connect(&house.ocpp, "P01", Some(password)).await.unwrap();
    let mut live = SpokenStation::over(client);
    live.call("BootNotification", json!({"chargePointVendor": "x", "chargePointModel": "y"})).await;
    for wrong in [None, Some("guess"), Some("correct:horse:batterz")] {
        for _ in 0..5 {
            let refused = StationClient::connect(&house.ocpp, "P01", wrong).await.unwrap_err();
            assert!(matches!(&refused, LinkError::Refused(status) if status.as_u16() == 401), "{refused}");
        }
    }
    assert!(live.call("Heartbeat", json!({})).await["currentTime"].is_string());
    // FIELD section 6, trap 10: guessing does not lock the station itself out.
    assert!(StationClient::connect(&house.ocpp, "P01", Some(password)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn field_4d_59_reserved_bits_end_their_own_link_only_and_the_station_may_return() {
    let house = House::open().await;
    let mut other = house.station("P02").await;
    let mut broken = house.station("P01").await;
    // A text frame with RSV1 set, as if compressed although that was not negotiated.
    let frame = [0xc1, 0x82, 0, 0, 0, 0, b'h', b'i'];
    broken.client.socket().get_mut().write_all(&frame).await.unwrap();
    within("the end of the link", async { while broken.hear().await.is_ok() {} }).await;
    assert!(other.call("Heartbeat", json!({})).await["currentTime"].is_string());
    let mut again = house.station("P01").await;
    assert!(again.call("Heartbeat", json!({})).await["currentTime"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn field_4d_60_a_station_that_never_answers_pings_keeps_its_link() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = crate::support::config(directory.path());
    config.ping_every = Some(std::time::Duration::from_millis(5));
    let clock = server::clock::Clock::real();
    let server = server::run::Server::start(config, clock, server::web::Live::default()).await.unwrap();
    let mut raw = TcpStream::connect(server.listen_ocpp.unwrap()).await.unwrap();
    let request = "GET /ocpp/P01 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n";
    raw.write_all(request.as_bytes()).await.unwrap();
    // Pings come and none is answered.
    let mut pings = 0;
    let mut byte = [0];
    within("twenty pings", async {
        while pings < 20 {
            raw.read_exact(&mut byte).await.unwrap();
            pings += i32::from(byte[0] == 0x89);
        }
    })
    .await;
    let frame = b"[2,\"1\",\"Heartbeat\",{}]";
    let mut masked = vec![0x81, 0x80 | u8::try_from(frame.len()).unwrap(), 0, 0, 0, 0];
    masked.extend_from_slice(frame);
    raw.write_all(&masked).await.unwrap();
    let mut heard = Vec::new();
    within("an answer on the same link", async {
        while !String::from_utf8_lossy(&heard).contains("\"1\"") {
            raw.read_exact(&mut byte).await.unwrap();
            heard.push(byte[0]);
        }
    })
    .await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn field_4d_55_a_graceful_stop_drops_tcp_without_a_close_frame_and_loses_nothing() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let transaction = station.start(1_000).await;
    let mut raw = TcpStream::connect(house.server.listen_ocpp.unwrap()).await.unwrap();
    let request = "GET /ocpp/P02 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n";
    raw.write_all(request.as_bytes()).await.unwrap();
    house
        .until("/api/v1/stations", |stations| {
            stations
                .as_array()
                .unwrap()
                .iter()
                .any(|row| row["row"]["station"] == "P02" && row["is_online"] == true)
        })
        .await;
    let reader = tokio::spawn(async move {
        let mut bytes = Vec::new();
        let _ = raw.read_to_end(&mut bytes).await;
        bytes
    });
    let house = house.restart().await;
    let bytes = within("the end of the link", reader).await.unwrap();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut frames = &bytes[head..];
    while let [first, length, rest @ ..] = frames {
        assert_ne!(first & 0x0f, 8, "a Close frame was sent");
        let (size, header) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), 2),
            length => (usize::from(*length), 0),
        };
        frames = &rest[header + size..];
    }
    let mut station = SpokenStation::connect(&house.ocpp, "P01").await;
    station.call("StopTransaction", stop(transaction, 3_500)).await;
    let cdrs = house.until("/api/v1/cdrs", |cdrs| !cdrs.as_array().unwrap().is_empty()).await;
    assert_eq!(cdrs[0]["transaction"], transaction, "{cdrs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_transaction_that_never_began_is_listed_although_no_cdr_is_held_for_it() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    station.call("StopTransaction", stop(4_711, 3_500)).await;
    let doubts = house.until("/api/v1/doubts", |doubts| !doubts.as_array().unwrap().is_empty()).await;
    assert_eq!(doubts[0]["station"], "P01", "{doubts}");
    assert_eq!(doubts[0]["doubt"]["orphan"]["claimed"], "4711", "{doubts}");
    assert_eq!(house.get("/api/v1/findings").await, json!([]), "nothing is held");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_station_is_shown_in_the_lobby_and_gets_pending() {
    let house = House::open().await;
    let mut stranger = SpokenStation::connect(&house.ocpp, "STRANGER").await;
    let boot = json!({"chargePointVendor": "x", "chargePointModel": "y"});
    assert_eq!(stranger.call("BootNotification", boot).await["status"], "Pending");
    let lobby = house.until("/api/v1/lobby", |lobby| !lobby.as_array().unwrap().is_empty()).await;
    assert_eq!(lobby[0]["station"], "STRANGER");
}

/// FIELD section 1, 3: a storm of 200 stations was answered 0 of 200 times elsewhere, and the clean-up of old sockets
/// removed the new ones.
#[tokio::test(flavor = "multi_thread")]
async fn field_1_3_200_stations_that_drop_and_return_are_all_answered() {
    let evses: String =
        (0..200).map(|number| format!("[[evses]]\nid = 'S{number:03}/1'\nwiring = 'L1L2L3'\n")).collect();
    let site = crate::support::SITE.split("[[evses]]").next().unwrap().to_owned() + &evses;
    let house = House::open_with(&site).await;
    let boot_all = || async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..200 {
            let endpoint = house.ocpp.clone();
            tasks.spawn(async move {
                SpokenStation::boot(&endpoint, &format!("S{number:03}"), Version::V16).await
            });
        }
        tasks.join_all().await
    };
    let stations = boot_all().await;
    drop(stations);
    let began = std::time::Instant::now();
    let mut stations = boot_all().await;
    println!("200 stations returned and were accepted within {:?}", began.elapsed());
    for station in &mut stations {
        assert!(station.call("Heartbeat", json!({})).await["currentTime"].is_string());
    }
    let online = house.get("/api/v1/stations").await;
    let online = online.as_array().unwrap().iter().filter(|row| row["is_online"] == true).count();
    assert_eq!(online, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sends_any_action_and_gets_the_stations_answer() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let (api, body) = (house.api.clone(), "{\"type\":\"Soft\"}");
    let asked = tokio::spawn(async move {
        api.send("POST", "/api/v1/stations/P01/commands/Reset", "application/json", body).await.unwrap()
    });
    let payload = station.called("the Reset", |action, _| action == "Reset").await;
    assert_eq!(payload, json!({"type": "Soft"}));
    let reply = within("the answer", async {
        tokio::select! {
            reply = asked => reply.unwrap(),
            _ = async { while station.hear().await.is_ok() {} } => panic!("the link ended"),
        }
    })
    .await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{\"status\":\"Accepted\"}"));
    let offline = house.send("POST", "/api/v1/stations/P02/commands/Reset", body).await;
    assert!(offline.status >= 400 && offline.body.contains("P02"), "{offline:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn field_6_15_a_frame_that_is_too_large_ends_its_own_link_only() {
    let house = House::open().await;
    let mut other = house.station("P02").await;
    let mut large = house.station("P01").await;
    let text = "x".repeat(256 * 1_024 + 1);
    let _ = large.client.socket().send(Message::text(text)).await;
    within("the end of the link", async { while large.hear().await.is_ok() {} }).await;
    assert!(other.call("Heartbeat", json!({})).await["currentTime"].is_string());
    let mut again = house.station("P01").await;
    let fits = format!("[2,\"fits\",\"Heartbeat\",{{}}]{}", " ".repeat(200 * 1_024));
    again.client.send(&fits).await.unwrap();
    assert!(within("an answer", again.answer_to("fits")).await.unwrap()["currentTime"].is_string());
}

/// A handshake that offers subprotocols: the socket behind it, and the subprotocol that was agreed on.
async fn shake_hands(house: &House, offered: &str) -> (TcpStream, Option<String>) {
    let mut raw = TcpStream::connect(house.server.listen_ocpp.unwrap()).await.unwrap();
    let request = format!(
        "GET /ocpp/P01 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {offered}\r\n\r\n"
    );
    raw.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        within("the handshake", raw.read_exact(&mut byte)).await.unwrap();
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    let agreed = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol:"));
    (raw, agreed.map(|name| name.trim().to_owned()))
}
