//! Meters that the server reads, each from a simulated device that speaks the real protocol on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::{ExceptionCode, Request, Response};

use crate::support::{House, SITE, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_modbus_meter_is_asked_doubted_lost_and_found_again() {
    let meter = SimModbusMeter::sdm630();
    meter.shows([10.5, 4.0, 0.25], [2_400.0, 900.0, 50.0]);
    let running = meter.serve(loopback()).await;
    let house = house(&format!(
        "kind = 'modbus', model = 'eastron_sdm630', address = '{}', every_s = 0.2",
        running.address
    ))
    .await;
    let row = house.until("/api/v1/meters", is("read")).await;
    assert_eq!(row.pointer("/0/reader/basis"), Some(&json!("current")));
    let row = house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == false).await;
    assert_eq!(row[0]["metered"], json!({"l1": 10_500, "l2": 4_000, "l3": 250}));
    let posted = r#"{"at": "2026-01-31T17:30:00Z", "current_a": [1, 1, 1]}"#;
    let reply = house.send("POST", "/api/v1/meters/main-meter/readings", posted).await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    // S5: kilowatts where watts are stated.
    meter.shows([10.5, 4.0, 0.25], [2.4, 0.9, 0.05]);
    let row = house.until("/api/v1/meters", is("doubted")).await;
    let problem = row.pointer("/0/reader/problem").and_then(Value::as_str).unwrap();
    assert!(problem.contains("L1 carries 10.5 A, which fits no power of 2.4 W"), "{problem}");
    house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == true).await;
    // A current transformer the wrong way around.
    meter.shows([10.5, 4.0, 0.25], [2_400.0, -900.0, 50.0]);
    house.until("/api/v1/meters", problem_is("L2 shows an export of")).await;
    meter.shows([11.5, 4.0, 0.25], [2_600.0, 900.0, 50.0]);
    house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == false && is("read")(rows)).await;
    let address = running.address;
    running.vanish().await;
    house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == true && is("failing")(rows)).await;
    let _running = meter.serve(address).await;
    house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == false && is("read")(rows)).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modbus_meter_of_another_model_is_told_from_one_that_is_not_there() {
    let running = SimModbusMeter::sdm630().serve(loopback()).await;
    let source = |model: &str, address: SocketAddr| {
        format!("kind = 'modbus', model = '{model}', address = '{address}'")
    };
    let house = house(&source("abb_b23_b24", running.address)).await;
    house.until("/api/v1/meters", problem_is("is it this model?")).await;
    // The site is imported again, with another source: the reader is another, too.
    let nobody = free_address();
    let api = &house.api;
    let import = |text: String| async move {
        api.send("POST", "/api/v1/sites", "application/toml", &text).await.unwrap()
    };
    assert_eq!(import(site(&source("eastron_sdm630", nobody))).await.status, 200);
    house.until("/api/v1/meters", problem_is("cannot be reached")).await;
    assert_eq!(import(SITE.to_owned()).await.status, 200);
    house.until("/api/v1/meters", |rows| rows[0]["reader"].is_null()).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telegrams_of_a_p1_port_are_read_and_one_that_is_repeated_is_doubted() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let house = house(&format!("kind = 'p1', address = '{}'", listener.local_addr().unwrap())).await;
    let (mut meter, _) = within("the reader", listener.accept()).await.unwrap();
    for second in 0..3 {
        meter.write_all(&telegram(second, "012.3*A")).await.unwrap();
    }
    let rows = house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == false).await;
    assert_eq!(rows[0]["metered"], json!({"l1": 12_300, "l2": 4_000, "l3": 0}));
    // What is garbled says nothing of the meter.
    let mut garbled = telegram(3, "012.3*A");
    garbled[40] ^= 1;
    meter.write_all(&garbled).await.unwrap();
    house
        .until("/api/v1/meters", |rows| problem_is("loses bytes")(rows) && rows[0]["reader"]["doubts"] == 0)
        .await;
    // S5: an adapter that repeats its last telegram for ever.
    for _ in 0..2 {
        meter.write_all(&telegram(2, "012.3*A")).await.unwrap();
    }
    house
        .until("/api/v1/meters", |rows| {
            problem_is("the meter's clock stands")(rows) && rows[0]["is_stale"] == true
        })
        .await;
    // And one that is gone is connected to again.
    drop(meter);
    let (mut meter, _) = within("the reader again", listener.accept()).await.unwrap();
    for second in 4..7 {
        meter.write_all(&telegram(second, "013.0*A")).await.unwrap();
    }
    house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == false).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_come_by_a_broker_that_asks_for_a_password() {
    let Some(broker) = Broker::start().await else { return };
    let house = house(&format!(
        "kind = 'mqtt', address = '{}', topic = 'house/main', user = 'wattery', secret = 'broker', \
         power_kw = ['/p/0', '/p/1', '/p/2'], energy_kwh = '/e'",
        broker.address
    ))
    .await;
    house.until("/api/v1/meters", problem_is("the password cannot be read")).await;
    let secrets = house.directory.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("broker"), "swordfish\n").unwrap();
    house.until("/api/v1/meters", is("connected")).await;
    assert!(!house.get("/api/v1/meters").await.to_string().contains("swordfish"));
    let publisher = broker.publisher();
    // What the broker kept from whenever is no reading, and neither is what comes on another topic.
    publisher.publish("house/other", QoS::AtLeastOnce, false, r#"{"p": [9, 9, 9], "e": 1}"#).await.unwrap();
    for _ in 0..3 {
        let payload = r#"{"p": [2.07, 0.5, 0], "e": 1234.5}"#;
        publisher.publish("house/main", QoS::AtLeastOnce, false, payload).await.unwrap();
    }
    let rows = house.until("/api/v1/meters", |rows| rows[0]["is_stale"] == false).await;
    // From power: at most so much, and it says so.
    assert_eq!(rows[0]["metered"], json!({"l1": 11_112, "l2": 2_685, "l3": 0}));
    assert_eq!(rows.pointer("/0/reader/basis"), Some(&json!("power")));
    // S5: the device says that it does not know.
    let unknown = r#"{"p": [null, null, null], "e": 1234.5}"#;
    publisher.publish("house/main", QoS::AtLeastOnce, true, unknown).await.unwrap();
    house
        .until("/api/v1/meters", |rows| {
            problem_is("`null` at `/p/0` is no number")(rows) && rows[0]["is_stale"] == true
        })
        .await;
    house.stop().await;
}

/// A house whose meter is read as `source` says, and stale after a second.
async fn house(source: &str) -> House {
    House::open_with(&site(source)).await
}

fn site(source: &str) -> String {
    let metered = SITE.replace(
        "meter = { id = 'main-meter' }",
        &format!("meter = {{ id = 'main-meter', timeout_s = 2, source = {{ {source} }} }}"),
    );
    assert_ne!(metered, SITE);
    metered
}

fn is(state: &str) -> impl Fn(&Value) -> bool {
    move |rows| rows.pointer("/0/reader/state").is_some_and(|found| found == state)
}

fn problem_is(words: &str) -> impl Fn(&Value) -> bool {
    move |rows| {
        rows.pointer("/0/reader/problem").and_then(Value::as_str).is_some_and(|told| told.contains(words))
    }
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Where nobody listens.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind(loopback()).unwrap().local_addr().unwrap()
}

/// An Eastron SDM630: floats in input registers, and nothing elsewhere.
#[derive(Clone)]
struct SimModbusMeter {
    registers: Arc<Mutex<BTreeMap<u16, u16>>>,
}

struct Running {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl SimModbusMeter {
    fn sdm630() -> Self {
        let meter = Self { registers: Arc::default() };
        for phase in 0..3 {
            meter.set(phase * 2, 230.0);
        }
        meter.set(0x48, 1_234.5);
        meter.shows([0.0; 3], [0.0; 3]);
        meter
    }

    fn shows(&self, amperes: [f32; 3], watts: [f32; 3]) {
        for (place, (amperes, watts)) in (0..).zip(amperes.into_iter().zip(watts)) {
            self.set(6 + place * 2, amperes);
            self.set(0xC + place * 2, watts);
        }
        self.set(0x34, watts.iter().sum());
    }

    fn set(&self, address: u16, float: f32) {
        let [a, b, c, d] = float.to_be_bytes();
        let mut registers = self.registers.lock().unwrap();
        registers.insert(address, u16::from_be_bytes([a, b]));
        registers.insert(address + 1, u16::from_be_bytes([c, d]));
    }

    async fn serve(&self, address: SocketAddr) -> Running {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let meter = self.clone();
        let task = tokio::spawn(async move {
            let on_connected = |stream, _| {
                let meter = meter.clone();
                async move { Ok(Some((meter, stream))) }
            };
            let _ = Server::new(listener).serve(&on_connected, |_| {}).await;
        });
        Running { address, task }
    }
}

impl Running {
    async fn vanish(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Service for SimModbusMeter {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = std::future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        let Request::ReadInputRegisters(start, count) = request else {
            return std::future::ready(Err(ExceptionCode::IllegalFunction));
        };
        let registers = self.registers.lock().unwrap();
        let words: Option<Vec<u16>> =
            (start..start + count).map(|address| registers.get(&address).copied()).collect();
        std::future::ready(words.map(Response::ReadInputRegisters).ok_or(ExceptionCode::IllegalDataAddress))
    }
}

/// As a Finnish meter sends it.
fn telegram(second: u32, current_l1: &str) -> Vec<u8> {
    let lines = format!(
        "/ADN9 6534\r\n\r\n0-0:1.0.0(2401311740{second:02}W)\r\n1-0:1.8.0(00012345.678*kWh)\r\n\
         1-0:21.7.0(0002.800*kW)\r\n1-0:22.7.0(0000.000*kW)\r\n1-0:41.7.0(0000.900*kW)\r\n1-0:61.7.0(0000.000*kW)\r\n\
         1-0:32.7.0(231.5*V)\r\n1-0:52.7.0(230.1*V)\r\n1-0:72.7.0(229.9*V)\r\n1-0:31.7.0({current_l1})\r\n\
         1-0:51.7.0(004.0*A)\r\n1-0:71.7.0(000.0*A)\r\n!"
    );
    format!("{lines}{:04X}\r\n", meters::telegram::crc16(lines.as_bytes())).into_bytes()
}

/// Debian's Mosquitto, with one user.
struct Broker {
    process: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Broker {
    /// None, and says so, where it is not installed.
    async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let passwords = Command::new("mosquitto_passwd")
            .args(["-b", "-c", &at("passwords"), "wattery", "swordfish"])
            .output();
        if passwords.is_err() {
            println!("skipped: meters by MQTT: Mosquitto is not installed; tests/run --full installs it");
            return None;
        }
        let address = free_address();
        let settings = format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}\nuser {}\n",
            address.port(),
            at("passwords"),
            std::env::var("USER").unwrap_or_else(|_| "root".to_owned()),
        );
        std::fs::write(at("settings"), settings).unwrap();
        let program = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(["-c", &at("settings")]).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        });
        let process = program.unwrap();
        let broker = Self { process, address, _directory: directory };
        within("the broker", async {
            while TcpStream::connect(address).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        Some(broker)
    }

    fn publisher(&self) -> AsyncClient {
        let mut options = MqttOptions::new("publisher", self.address.ip().to_string(), self.address.port());
        options.set_credentials("wattery", "swordfish");
        options.set_keep_alive(Duration::from_secs(5));
        let (client, mut events) = AsyncClient::new(options, 8);
        tokio::spawn(async move { while events.poll().await.is_ok() {} });
        client
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
