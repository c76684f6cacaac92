//! Each bad input gets a clear message, nothing else is disturbed, nothing is lost.

use serde_json::json;
use server::clock::Clock;
use server::run::{DATABASE_FILE, Server};
use server::web::Live;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{House, SITE, config, within};

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_json_too_deep_or_of_unknown_action_are_answered_and_the_link_goes_on() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let deep = format!(
        "[2,\"deep\",\"Heartbeat\",{}{}]",
        "{\"a\":".repeat(5_000),
        "1".to_owned() + &"}".repeat(5_000)
    );
    for (text, expected) in [
        ("[2,\"unknown\",\"MakeCoffee\",{}]", Some(("unknown", "NotImplemented"))),
        (deep.as_str(), None),
        ("this is no JSON", None),
        ("[2,\"cut\",\"Heartbeat\"", None),
        ("[]", None),
        ("", None),
    ] {
        station.client.send(text).await.unwrap();
        if let Some((id, code)) = expected {
            let answer = within(text, station.answer_to(id)).await.unwrap();
            assert_eq!(answer, code, "{text}");
        }
        assert!(station.call("Heartbeat", json!({})).await["currentTime"].is_string(), "after {text:.40}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_file_with_five_mistakes_tells_all_five_and_changes_nothing() {
    let house = House::open().await;
    let before = house.get("/api/v1/sites/house/config").await;
    let bad = SITE
        .replace("rating_a = 80", "rating_a = -63")
        .replace("Europe/Helsinki", "Europe/Helsinky")
        .replace("wiring = 'L1L2L3'", "wiring = 'L1L2L4'")
        .replace("energy_eur_per_kwh = 0.20", "energy_eur_per_kwh = 'cheap'")
        .replace("worst_base_a = 15", "worst_base = 15\nworst_base_a = 15");
    let path = "/api/v1/sites?file=house.toml";
    let reply = house.api.send("POST", path, "application/toml", &bad).await.unwrap();
    assert_eq!(reply.status, 422, "{}", reply.body);
    let told: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let mistakes: Vec<&str> =
        told["mistakes"].as_array().unwrap().iter().map(|told| told.as_str().unwrap()).collect();
    assert!(
        mistakes.len() == 5 && mistakes.iter().all(|told| told.starts_with("house.toml")),
        "{mistakes:#?}"
    );
    for parts in [
        ["rating_a", "-63"],
        ["zone", "Europe/Helsinky"],
        ["wiring", "L1L2L4"],
        ["energy_eur_per_kwh", "cheap"],
    ] {
        let is_told = |told: &&str| parts.iter().all(|part| told.contains(part));
        assert!(mistakes.iter().any(is_told), "{parts:?} are in none of {mistakes:#?}");
    }
    assert!(mistakes.iter().any(|told| told.contains("worst_base")), "{mistakes:#?}");
    assert_eq!(house.get("/api/v1/sites/house/config").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_fallbacks_that_do_not_fit_are_refused_with_the_numbers() {
    let house = House::open().await;
    let before = house.get("/api/v1/sites/house/config").await;
    let bad = SITE
        .replace("rating_a = 80", "rating_a = 32")
        .replace("[evse_defaults]", "[evse_defaults]\nfallback_a = 10");
    let reply = house.api.send("POST", "/api/v1/sites", "application/toml", &bad).await.unwrap();
    assert_eq!(reply.status, 422, "{}", reply.body);
    // 15 A of base and three times 10 A on a line of 32 A.
    let is_told = |part: &str| reply.body.contains(part);
    assert!(is_told("Main L1") && is_told("15 A") && is_told("30 A"), "{}", reply.body);
    assert_eq!(house.get("/api/v1/sites/house/config").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_frame_is_read_where_the_setting_lets_it_in() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = config(directory.path());
    settings.frame_bytes_max = 512 * 1_024;
    let house = House::open_as(settings, directory).await;
    let mut station = house.station("P01").await;
    let long = format!("[2,\"long\",\"Heartbeat\",{{}}]{}", " ".repeat(300 * 1_024));
    station.client.send(&long).await.unwrap();
    assert!(within("the answer", station.answer_to("long")).await.unwrap()["currentTime"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_host_or_origin_is_refused_and_says_so() {
    let house = House::open().await;
    let wrong = wire::http::Api { token: "wrong".to_owned(), ..house.api.clone() };
    for path in ["/api/v1/sites", "/", "/live/house"] {
        let reply = wrong.send("GET", path, "application/json", "").await.unwrap();
        assert_eq!(reply.status, 401, "{path}");
        assert!(reply.body.contains("token"), "{path}: {}", reply.body);
    }
    for (headers, status, part) in [
        ("Host: evil.example\r\n", "421", "evil.example"),
        ("Host: localhost\r\nOrigin: https://evil.example\r\n", "403", "https://evil.example"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(house.server.listen).await.unwrap();
        let request = format!(
            "POST /api/v1/tokens/KEY/block HTTP/1.1\r\n{headers}Authorization: Bearer {}\r\nConnection: close\r\n\
             Content-Length: 0\r\n\r\n",
            house.api.token
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        within("the reply", stream.read_to_string(&mut reply)).await.unwrap();
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")) && reply.contains(part), "{reply}");
    }
    let tokens = house.get("/api/v1/tokens").await;
    assert_eq!(tokens[0]["entry"]["status"], "valid", "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_unknown_meters_or_in_wrong_shape_are_refused_with_the_way_out() {
    let house = House::open().await;
    let good = json!({"at": crate::support::now(), "current_a": [10.5, 0, -2]}).to_string();
    assert_eq!(house.send("POST", "/api/v1/meters/main-meter/readings", &good).await.status, 200);
    for (meter, body, status, part) in [
        ("cellar", good.as_str(), 404, "cellar"),
        ("main-meter", "{\"at\":\"2026-01-31T17:30:00\",\"current_a\":[1,2,3]}", 400, "RFC 3339"),
        ("main-meter", "{\"at\":\"2026-01-31T17:30:00Z\",\"current_a\":[1,2]}", 400, "current_a"),
        ("main-meter", "{\"at\":\"2026-01-31T17:30:00Z\",\"current_a\":[1,2,1e9]}", 400, "L3"),
        ("main-meter", "10 A", 400, "current_a"),
    ] {
        let reply = house.send("POST", &format!("/api/v1/meters/{meter}/readings"), body).await;
        assert!(reply.status == status && reply.body.contains(part), "{body}: {reply:?}");
    }
    let lost = house.send("GET", "/api/v1/nothing", "").await;
    assert!(lost.status == 404 && lost.body.contains("/api/v1"), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_a_data_directory_in_use_and_one_that_is_a_file_are_named() {
    let house = House::open().await;
    let other = tempfile::tempdir().unwrap();
    let mut taken = config(other.path());
    taken.listen = house.server.listen;
    let error = failure(taken).await;
    assert!(error.contains(&house.server.listen.to_string()) && error.contains("--listen"), "{error}");
    let error = failure(config(house.directory.path())).await;
    assert!(error.contains("in use by another process"), "{error}");
    let file = other.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = failure(config(&file.join("data"))).await;
    assert!(error.contains("--data"), "{error}");
    let still = house.get("/api/v1/sites").await;
    assert_eq!(still[0]["site"], "house", "the first server is not disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_of_ours_is_refused_and_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    std::fs::write(&path, "this is somebody's diary, not a database").unwrap();
    let error = failure(config(directory.path())).await;
    assert!(error.contains(DATABASE_FILE), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "this is somebody's diary, not a database");
}

async fn failure(config: server::config::Config) -> String {
    match Server::start(config, Clock::real(), Live::default()).await {
        Ok(_) => panic!("the server started"),
        Err(error) => format!("{error:#}"),
    }
}
