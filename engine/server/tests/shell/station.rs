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

#[tokio::test(flavor = "multi_thread")]
async fn what_limits_each_evse_is_told_in_words_now_and_as_history_and_stands_on_the_pages() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let transaction = station.start(1_000).await;
    station.call("MeterValues", meter_values(transaction, 8_400, "6.0")).await;
    let told = house.get("/api/v1/sites/house/explanations").await;
    let own = told.as_array().unwrap().iter().find(|line| line["evse"] == "P01/1").unwrap();
    assert!(own["reason"]["reason"].is_string() && own["more"]["more"].is_string(), "{own}");
    for language in ["en", "fi"] {
        assert!(own["words"][language][0].as_str().unwrap().ends_with('.'), "{own}");
    }
    let other = told.as_array().unwrap().iter().find(|line| line["evse"] == "P02/1").unwrap();
    assert_eq!(other["words"]["fi"][0], "Asema ei ole vielä ollut yhteydessä.");
    drop(station);
    let reasons =
        house.until("/api/v1/evses/P01/1/reasons", |reasons| !reasons.as_array().unwrap().is_empty()).await;
    assert!(reasons[0]["number"].is_u64() && reasons[0]["at"].is_i64(), "{reasons}");
    assert_eq!(reasons[0]["explanation"]["evse"], "P01/1");
    assert_eq!(house.get("/api/v1/evses/P02/1/reasons").await, json!([]), "nobody was at it");
    for (path, part) in
        [("/api/v1/sites/nowhere/explanations", "nowhere"), ("/api/v1/evses/P99/1/reasons", "P99/1")]
    {
        let refused = house.send("GET", path, "").await;
        assert!(refused.status == 404 && refused.body.contains(part), "{}", refused.body);
    }
    let page = house.send("GET", "/stations/P01?language=fi", "").await;
    assert!(page.body.contains("Mikä sitä rajoittaa") && page.body.contains("Aiemmin"), "{}", page.body);
}
