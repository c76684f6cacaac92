//! Jobs, templates and uploads by the API, over real sockets and across restarts.

use serde_json::{Value, json};
use wire::http::{Api, Reply};

use crate::support::{House, config};

async fn begin(house: &House, job: &Value) -> u64 {
    let reply = house.send("POST", "/api/v1/jobs", &job.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str::<Value>(&reply.body).unwrap()["job"].as_u64().unwrap()
}

/// Sends a file to the address that a station was told.
async fn send_file(url: &str, method: &str, kind: &str, file: &str) -> Reply {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let api = Api { address: address.to_owned(), token: String::new() };
    api.send(method, &format!("/{path}"), kind, file).await.unwrap()
}

#[tokio::test]
async fn diagnostics_come_by_an_address_that_takes_one_file_and_can_be_fetched() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let job =
        begin(&house, &json!({"work": {"do": "diagnostics"}, "selection": {"stations": ["P01"]}})).await;
    // SpokenStation answers without a file's name: there is none to send.
    station.called("GetDiagnostics", |action, _| action == "GetDiagnostics").await;
    let path = format!("/api/v1/jobs/{job}");
    let ended = house.until(&path, |job| job["job"]["state"] == "ended").await;
    assert_eq!(ended["errands"][0]["word"], "it has no diagnostics to send");

    let work = json!({"work": {"do": "diagnostics", "log": "security"}, "selection": {"stations": ["P01"]}});
    let job = begin(&house, &work).await;
    let payload = station.called("GetLog", |action, _| action == "GetLog").await;
    let url = payload["log"]["remoteLocation"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/jobs/{job}");
    house.until(&path, |job| job["errands"][0]["state"] == "following").await;

    // Others find nothing, and what is too large or no file is refused; the address stays good.
    let other = url.replace(&url[url.len() - 10..url.len() - 1], "000000000");
    for (url, kind, file, status) in [
        (other.as_str(), "text/plain", "x".to_owned(), 404),
        (url.as_str(), "multipart/form-data; boundary=x", "x".to_owned(), 415),
        (url.as_str(), "text/plain", "x".repeat(100_001), 413),
    ] {
        assert_eq!(send_file(url, "PUT", kind, &file).await.status, status);
    }
    let reply = send_file(&format!("{url}..%2F..%2Flog.txt"), "PUT", "text/plain", "what was noted").await;
    assert_eq!((reply.status, reply.body.as_str()), (201, "14 bytes taken\n"));
    house.until(&path, |job| job["job"]["state"] == "ended").await;
    assert_eq!(send_file(&url, "POST", "text/plain", "again").await.status, 404, "once");

    let house = house.restart().await;
    let uploads = house.get("/api/v1/uploads").await;
    assert_eq!(
        (&uploads[0]["received"]["name"], &uploads[0]["received"]["bytes"]),
        (&json!("log.txt"), &json!(14))
    );
    assert!(!uploads.to_string().contains("upload/"), "no address is told: {uploads}");
    let reply = house.send("GET", &format!("/api/v1/uploads/{}/file", uploads[0]["upload"]), "").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "what was noted"));
    let names: Vec<_> = std::fs::read_dir(house.directory.path().join("uploads")).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[tokio::test]
async fn a_job_goes_on_after_a_restart_and_the_audit_says_who_asked() {
    let house = House::open().await;
    let firmware = json!({"work": {"do": "firmware", "url": "https://firmware.example/2.bin"},
        "plan": {"waves": [1]}, "name": "second"});
    let job = begin(&house, &firmware).await;
    let house = house.restart().await;
    let mut station = house.station("P01").await;
    station.called("UpdateFirmware", |action, _| action == "UpdateFirmware").await;
    station.call("FirmwareStatusNotification", json!({"status": "Installed"})).await;
    let path = format!("/api/v1/jobs/{job}");
    let told = house.until(&path, |job| job["errands"][0]["state"] == "done").await;
    assert_eq!(told["counts"], json!({"done": 1, "waiting": 2}));
    let audit = house.get("/api/v1/audit?station=P01").await;
    assert!(audit[0]["what"].as_str().unwrap().starts_with("job 1: firmware"), "{audit}");
    let reply = house.send("POST", &format!("{path}/cancel"), "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let told = house.get(&path).await;
    assert_eq!((&told["job"]["state"], &told["counts"]["missed"]), (&json!("cancelled"), &json!(2)));
}

#[tokio::test]
async fn one_station_is_answered_for_when_it_has_answered() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let reset = async {
        house
            .send("POST", "/api/v1/stations/P01/work", &json!({"do": "reset", "how": "hard"}).to_string())
            .await
    };
    let (reply, asked) = tokio::join!(reset, station.called("Reset", |action, _| action == "Reset"));
    assert_eq!(asked, json!({"type": "Hard"}));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(reply.body.contains(r#""state":"done""#) && reply.body.contains("Accepted"), "{}", reply.body);
    let away =
        house.send("POST", "/api/v1/stations/P02/work", &json!({"do": "clear_cache"}).to_string()).await;
    assert_eq!(away.status, 504, "{}", away.body);
    let unknown =
        house.send("POST", "/api/v1/stations/P09/work", &json!({"do": "clear_cache"}).to_string()).await;
    assert_eq!(unknown.status, 409, "{}", unknown.body);
}

#[tokio::test]
async fn a_template_is_applied_and_its_results_are_told_key_by_key() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let template = json!({"id": "test", "vendor": "Test", "is_asked": false,
        "settings": [{"key": "HeartbeatInterval", "value": "300"}]});
    let reply = house.send("PUT", "/api/v1/templates", &template.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    station.called("the setting", |_, payload| payload["key"] == "HeartbeatInterval").await;
    let settings =
        house.until("/api/v1/templates", |templates| templates[0]["template"]["id"] == "test").await;
    assert_eq!(settings.as_array().unwrap().len(), 1);
    let path = "/api/v1/stations/P01/settings";
    let mut told = house.send("GET", path, "").await;
    while told.status == 404 {
        tokio::task::yield_now().await;
        told = house.send("GET", path, "").await;
    }
    let told: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(
        (&told["settings"][0]["standing"], &told["settings"][0]["word"]),
        (&json!("holds"), &json!("Accepted"))
    );
    let bad = json!({"id": "bad", "settings": [{"key": "MaxCurrent", "value": "32"}]});
    let reply = house.send("PUT", "/api/v1/templates", &bad.to_string()).await;
    assert!(reply.status == 409 && reply.body.contains("S1"), "{}", reply.body);
}

#[tokio::test]
async fn without_a_listener_for_files_no_diagnostics_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let settings = server::config::Config { files: None, ..config(directory.path()) };
    let house = House::open_as(settings, directory).await;
    let reply = house.send("POST", "/api/v1/jobs", r#"{"work": {"do": "diagnostics"}}"#).await;
    assert!(reply.status == 409 && reply.body.contains("--listen-files"), "{}", reply.body);
}
