//! One station from a desk: what is known of it, its frames, its alarms, and the figures of all.

use serde_json::{Value, json};

use crate::support::{House, config, meter_values};

#[tokio::test(flavor = "multi_thread")]
async fn a_station_is_told_with_its_settings_facts_and_findings_and_its_page_says_so_in_two_languages() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let fault =
        json!({"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted", "vendorErrorCode": "E7"});
    station.call("StatusNotification", fault).await;
    let event = json!({"type": "TamperDetectionActivated", "timestamp": "2026-12-01T00:00:00Z"});
    station.call("SecurityEventNotification", event).await;
    let told = house.get("/api/v1/stations/P01").await;
    assert_eq!((&told["row"]["vendor"], &told["is_online"]), (&json!("Test"), &json!(true)));
    assert_eq!(told["findings"][0]["finding"]["finding"], "fault_stands", "{told}");
    assert!(told["findings"][0]["way_out"].as_str().unwrap().contains("manual"), "{told}");
    assert_eq!(told["facts"]["faults"][0]["vendor_code"], "E7");
    assert_eq!(told["connection"]["drops"], 0);
    for (language, words, notice) in [
        ("en", "EVSE 1 tells a fault: GroundFailure, E7.", "<b>Security</b> TamperDetectionActivated"),
        ("fi", "Latauspiste 1 ilmoittaa viasta", "<b>Tietoturva</b> TamperDetectionActivated"),
    ] {
        let page = house.send("GET", &format!("/stations/P01?language={language}"), "").await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains(words), "{words} in {}", page.body);
        assert!(page.body.contains(notice), "{notice} in {}", page.body);
        assert!(!page.body.contains("<script>") && !page.body.contains("style=\""), "the CSP forbids it");
    }
    assert_eq!(house.send("GET", "/api/v1/stations/NOBODY", "").await.status, 404);
    assert_eq!(house.send("GET", "/stations/NOBODY", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_found_explained_and_kept_as_a_file() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let transaction = station.start(1_000).await;
    station.call("MeterValues", meter_values(transaction, 8_400, "6.0")).await;
    let frames = house
        .until("/api/v1/stations/P01/frames?action=MeterValues", |frames| {
            frames.as_array().unwrap().len() == 2
        })
        .await;
    assert_eq!((&frames[0]["is_from_station"], &frames[1]["is_from_station"]), (&json!(false), &json!(true)));
    assert!(
        frames[1]["words"].as_str().unwrap().starts_with("the station tells what its meter shows"),
        "{frames}"
    );
    let only = house.get("/api/v1/stations/P01/frames?direction=in&limit=1").await;
    assert_eq!(only.as_array().unwrap().len(), 1);
    let first = only[0]["number"].as_u64().unwrap();
    let older = house.get(&format!("/api/v1/stations/P01/frames?before={first}")).await;
    assert!(older.as_array().unwrap().iter().all(|frame| frame["number"].as_u64().unwrap() < first));
    assert_eq!(house.get("/api/v1/stations/P02/frames").await, json!([]));
    let file = house.send("GET", "/api/v1/stations/P01/frames.log?action=BootNotification", "").await;
    assert_eq!(file.body.lines().count(), 2, "{}", file.body);
    for (query, part) in [("direction=up", "direction `up`"), ("from=yesterday", "from `yesterday`")] {
        let refused = house.send("GET", &format!("/api/v1/stations/P01/frames?{query}"), "").await;
        assert!(refused.status == 400 && refused.body.contains(part), "{}", refused.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_for_prometheus_need_the_token_and_tell_of_sites_and_stations() {
    let house = House::open().await;
    let _station = house.station("P01").await;
    let page = house.send("GET", "/metrics", "").await;
    assert_eq!(page.status, 200);
    for line in [
        "wattery_station_online{site=\"house\",station=\"P01\"} 1",
        "wattery_station_online{site=\"house\",station=\"P02\"} 0",
        "wattery_alarms{acknowledged=\"false\"} 0",
        "wattery_storage_failing 0",
    ] {
        assert!(page.body.lines().any(|told| told == line), "{line} in {}", page.body);
    }
    assert!(page.body.contains("wattery_circuit_rating_amperes{site=\"house\""), "{}", page.body);
    let stranger = wire::http::Api { token: "wrong".to_owned(), ..house.api.clone() };
    assert_eq!(stranger.send("GET", "/metrics", "text/plain", "").await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_does_not_stand_cannot_be_acknowledged() {
    let house = House::open().await;
    assert_eq!(house.get("/api/v1/alarms").await, json!([]));
    let body = json!({"alarm": "station P01 is offline"}).to_string();
    let refused = house.send("POST", "/api/v1/alarms/acknowledge", &body).await;
    assert!(refused.status == 409 && refused.body.contains("no alarm stands"), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_table_of_quirks_is_read_at_the_start_and_again_when_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("quirks.toml");
    let entry = |unit: &str| {
        format!(
            "[[entry]]\nname = 'ours'\nvendor = ['Test']\nsources = ['seen']\nquirks = {{ limit_unit = '{unit}' }}\n"
        )
    };
    std::fs::write(&path, entry("W")).unwrap();
    let settings = server::config::Config { quirks: Some(path.clone()), ..config(directory.path()) };
    let house = House::open_as(settings, directory).await;
    let _station = house.station("P01").await;
    let told = house.get("/api/v1/stations/P01").await;
    assert_eq!(told["quirks"]["limit_unit"], "W", "{told}");
    assert_eq!(told["entries"][0]["name"], "ours");
    std::fs::write(&path, entry("A")).unwrap();
    let is_changed = |told: &Value| told["quirks"]["limit_unit"] == "A";
    house.until("/api/v1/stations/P01", is_changed).await;
}
