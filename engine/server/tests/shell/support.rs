//! A server in this process, and stations that say each frame themselves.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use ocpp::Version;
use serde_json::{Value, json};
use server::clock::Clock;
use server::config::Config;
use server::run::Server;
use server::web::Live;
use wire::http::{Api, Reply};
use wire::station::{Endpoint, LinkError, StationClient};

/// Whatever is waited for must come within this; nothing waits this long where it works.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for an event, with a deadline.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// A server on free ports, with a site of three EVSEs at three stations P01, P02, P03.
pub struct House {
    pub server: Server,
    pub api: Api,
    pub ocpp: Endpoint,
    pub directory: tempfile::TempDir,
}

pub const SITE: &str = "
id = 'house'
name = 'A House'
zone = 'Europe/Helsinki'
supply = 'tn_400'
[owner]
id = 'owner'
name = 'The Owner'
vat = 'not_registered'
plan = 'per_kwh'
[[tariffs]]
id = 'residents'
valid_from = '2024-09-01'
energy_eur_per_kwh = 0.20
[[circuits]]
id = 'main'
name = 'Main'
rating_a = 80
worst_base_a = 15
meter = { id = 'main-meter' }
[evse_defaults]
current_max_a = 16
circuit = 'main'
access = 'private'
tariff = 'residents'
[[evses]]
id = 'P01/1'
wiring = 'L1L2L3'
[[evses]]
id = 'P02/1'
wiring = 'L2L3L1'
[[evses]]
id = 'P03/1'
wiring = 'L3L1L2'
";

pub fn config(data: &Path) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        listen_ocpp: Some("127.0.0.1:0".parse().unwrap()),
        tls: None,
        files: Some(server::config::FilesConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            url: None,
            bytes_max: 100_000,
        }),
        data: data.to_owned(),
        unknown_stations: csms::UnknownStations::Lobby,
        station_security_least: csms::SecurityProfile::Unauthenticated,
        hosts: Vec::new(),
        frame_log_days: 2,
        frame_log_bytes: 1_000_000_000,
        frame_bytes_max: 256 * 1_024,
        ping_every: None,
        quirks: None,
        alarms: server::alarms::settings::AlarmSettings::default(),
        transaction_longest: billing::cdr::Cdr::DURATION_LIMIT,
    }
}

impl House {
    pub async fn open() -> Self {
        Self::open_with(SITE).await
    }

    pub async fn open_with(site: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let house = Self::start(config(directory.path()), directory).await;
        furnish(&house.api, site).await;
        house
    }

    /// With other settings, on its directory.
    pub async fn open_as(settings: Config, directory: tempfile::TempDir) -> Self {
        let house = Self::start(settings, directory).await;
        furnish(&house.api, SITE).await;
        house
    }

    /// With other settings, and nothing in it.
    pub async fn bare(settings: Config, directory: tempfile::TempDir) -> Self {
        Self::start(settings, directory).await
    }

    async fn start(settings: Config, directory: tempfile::TempDir) -> Self {
        let server = Server::start(settings, Clock::real(), Live::default()).await.unwrap();
        let token = server.token.clone().unwrap();
        Self::around(server, token, directory)
    }

    fn around(server: Server, token: String, directory: tempfile::TempDir) -> Self {
        let api = Api { address: server.listen.to_string(), token };
        // Who listens with TLS only is spoken to by tests of TLS only.
        let address = server.listen_ocpp;
        let ocpp = Endpoint {
            address: address.map_or_else(String::new, |address| address.to_string()),
            path: "/ocpp".to_owned(),
        };
        Self { server, api, ocpp, directory }
    }

    /// Stops, and leaves what it stored.
    pub async fn stop(self) -> tempfile::TempDir {
        self.server.stop().await.unwrap();
        self.directory
    }

    /// Stops and starts again on the same data.
    pub async fn restart(self) -> Self {
        self.restart_with(config).await
    }

    /// The same, with other settings.
    pub async fn restart_with(self, settings: impl Fn(&Path) -> Config) -> Self {
        let Self { server, api, directory, .. } = self;
        server.stop().await.unwrap();
        let settings = settings(directory.path());
        let server = Server::start(settings, Clock::real(), Live::default()).await.unwrap();
        Self::around(server, api.token, directory)
    }

    pub async fn get(&self, path: &str) -> Value {
        let reply = self.send("GET", path, "").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    pub async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        self.api.send(method, path, "application/json", body).await.unwrap()
    }

    /// Asks until the answer is as wanted: what is told to the server may take a moment to be known.
    pub async fn until(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        within(&format!("the wanted answer of {path}"), async {
            loop {
                let value = self.get(path).await;
                if is_wanted(&value) {
                    return value;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    pub async fn station(&self, id: &str) -> SpokenStation {
        self.station_of(id, Version::V16).await
    }

    pub async fn station_of(&self, id: &str, version: Version) -> SpokenStation {
        SpokenStation::boot(&self.ocpp, id, version).await
    }
}

/// A site, an account and its token `KEY`.
pub async fn furnish(api: &Api, site: &str) {
    for (method, path, kind, body) in [
        ("POST", "/api/v1/sites", "application/toml", site.to_owned()),
        (
            "PUT",
            "/api/v1/accounts",
            "application/json",
            json!({"account": "resident", "name": "A Resident", "sites": ["house"]}).to_string(),
        ),
        (
            "PUT",
            "/api/v1/tokens",
            "application/json",
            json!({"token": "KEY", "entry": {"holder": {"account": "resident"}, "status": "valid"}})
                .to_string(),
        ),
    ] {
        let reply = api.send(method, path, kind, &body).await.unwrap();
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    }
}

/// A station that says each frame itself, accepts every call, and remembers them.
pub struct SpokenStation {
    pub client: StationClient,
    /// Calls of the server, in order: action and payload.
    pub calls: Vec<(String, Value)>,
    pub version: Version,
    /// Of the next event of its transaction (OCPP 2.0.1).
    pub seq_no: u64,
    next: u64,
}

impl SpokenStation {
    pub async fn connect(endpoint: &Endpoint, id: &str) -> Self {
        Self::over(link(endpoint, id, Version::V16).await)
    }

    /// Speaks OCPP 1.6 over an open socket.
    pub const fn over(client: StationClient) -> Self {
        Self { client, calls: Vec::new(), version: Version::V16, seq_no: 0, next: 0 }
    }

    pub async fn boot(endpoint: &Endpoint, id: &str, version: Version) -> Self {
        let mut station = Self { version, ..Self::over(link(endpoint, id, version).await) };
        let boot = match version {
            Version::V16 => json!({"chargePointVendor": "Test", "chargePointModel": "Spoken"}),
            Version::V201 | Version::V21 => {
                let of = json!({"vendorName": "Test", "model": "Spoken"});
                json!({"reason": "PowerUp", "chargingStation": of})
            }
        };
        let answer = station.call("BootNotification", boot).await;
        assert_eq!(answer["status"], "Accepted", "{answer}");
        // S1: until a station says that nothing runs, it counts for what it may have begun alone.
        let idle = match version {
            Version::V16 => status("Available"),
            Version::V201 | Version::V21 => {
                json!({"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": now()})
            }
        };
        station.call("StatusNotification", idle).await;
        station
    }

    /// Goes on over a new socket, without a boot, as after a link that broke.
    pub async fn reconnect(&mut self, endpoint: &Endpoint, id: &str) {
        self.client = link(endpoint, id, self.version).await;
    }

    /// Calls and waits for the result.
    pub async fn call(&mut self, action: &str, payload: Value) -> Value {
        within(&format!("the answer to {action}"), self.try_call(action, payload)).await.unwrap()
    }

    /// The same, where the link may break.
    pub async fn try_call(&mut self, action: &str, payload: Value) -> Result<Value, LinkError> {
        let id = self.send(action, payload).await?;
        self.answer_to(&id).await
    }

    pub async fn send(&mut self, action: &str, payload: Value) -> Result<String, LinkError> {
        self.next += 1;
        let id = format!("m{}", self.next);
        self.client.send(&json!([2, id, action, payload]).to_string()).await?;
        Ok(id)
    }

    /// Waits for the answer to a call of ours: the result's payload, or the error's code.
    pub async fn answer_to(&mut self, id: &str) -> Result<Value, LinkError> {
        loop {
            let frame = self.hear().await?;
            if frame[1] == id {
                return Ok(frame[2].clone());
            }
        }
    }

    /// The next answer; calls are accepted and remembered meanwhile.
    pub async fn hear(&mut self) -> Result<Value, LinkError> {
        loop {
            let frame: Value = serde_json::from_str(&self.client.receive().await?).unwrap();
            if frame[0] != 2 {
                return Ok(frame);
            }
            self.accept(&frame).await?;
        }
    }

    /// Waits for a call of the server that is as wanted.
    pub async fn called(&mut self, what: &str, is_wanted: impl Fn(&str, &Value) -> bool) -> Value {
        within(what, async {
            loop {
                if let Some(place) =
                    self.calls.iter().position(|(action, payload)| is_wanted(action, payload))
                {
                    return self.calls.remove(place).1;
                }
                let frame: Value = serde_json::from_str(&self.client.receive().await.unwrap()).unwrap();
                if frame[0] == 2 {
                    self.accept(&frame).await.unwrap();
                }
            }
        })
        .await
    }

    async fn accept(&mut self, frame: &Value) -> Result<(), LinkError> {
        let action = frame[2].as_str().unwrap().to_owned();
        let payload = &frame[3];
        let answer = match action.as_str() {
            "GetConfiguration" => json!({"configurationKey": [], "unknownKey": []}),
            "GetVariables" => {
                let results = per_variable(&payload["getVariableData"], "UnknownVariable");
                json!({"getVariableResult": results})
            }
            "SetVariables" => {
                let results = per_variable(&payload["setVariableData"], "Accepted");
                json!({"setVariableResult": results})
            }
            _ => json!({"status": "Accepted"}),
        };
        self.client.send(&json!([3, frame[1], answer]).to_string()).await?;
        self.calls.push((action, frame[3].clone()));
        Ok(())
    }

    /// Plugs in and starts a transaction with `KEY`, once the directory that knows it is published.
    pub async fn start(&mut self, register: i64) -> i64 {
        within("the directory with KEY", async {
            while self.call("Authorize", json!({"idTag": "KEY"})).await["idTagInfo"]["status"] != "Accepted" {
                tokio::task::yield_now().await;
            }
        })
        .await;
        self.call("StatusNotification", status("Preparing")).await;
        let start = json!({"connectorId": 1, "idTag": "KEY", "meterStart": register, "timestamp": now()});
        let answer = self.call("StartTransaction", start).await;
        assert_eq!(answer["idTagInfo"]["status"], "Accepted", "{answer}");
        answer["transactionId"].as_i64().unwrap()
    }
}

async fn link(endpoint: &Endpoint, id: &str, version: Version) -> StationClient {
    let offered = [version.subprotocol()];
    let open = StationClient::connect_offering(endpoint, id, None, &offered);
    within("the link", open).await.unwrap()
}

/// A station's answer about each variable that it was asked for.
fn per_variable(asked: &Value, status: &str) -> Vec<Value> {
    let answer = |of: &Value| json!({"attributeStatus": status, "component": of["component"], "variable": of["variable"]});
    asked.as_array().into_iter().flatten().map(answer).collect()
}

pub fn status(status: &str) -> Value {
    json!({"connectorId": 1, "errorCode": "NoError", "status": status})
}

pub fn meter_values(transaction: i64, register: i64, amperes: &str) -> Value {
    let current =
        |phase: &str| json!({"value": amperes, "measurand": "Current.Import", "phase": phase, "unit": "A"});
    json!({"connectorId": 1, "transactionId": transaction, "meterValue": [{"timestamp": now(), "sampledValue": [
        {"value": register.to_string(), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        current("L1"), current("L2"), current("L3"),
    ]}]})
}

pub fn stop(transaction: i64, register: i64) -> Value {
    json!({"transactionId": transaction, "meterStop": register, "timestamp": now(), "idTag": "KEY"})
}

pub fn now() -> String {
    Clock::real().now().to_string()
}

/// The lowest limit in a SetChargingProfile's first period, in A.
pub fn first_limit(payload: &Value) -> Option<f64> {
    payload
        .pointer("/csChargingProfiles/chargingSchedule/chargingSchedulePeriod/0/limit")
        .and_then(Value::as_f64)
}
