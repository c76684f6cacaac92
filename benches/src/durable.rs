//! Durable acknowledgements: a server of one site with many stations, loaded in a closed loop over real sockets.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use units::{TimeSpan, Timestamp};
use wire::http::{Api, RequestError};
use wire::load::{self, Load, LoadError, LoadReport, LoadStation};
use wire::station::{Endpoint, StationClient};

/// Half seconds until a new token must be known.
const KNOWN_TRIES: usize = 40;

/// How much to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Stations of one EVSE each.
    pub stations: usize,
    /// MeterValues that each station has in flight.
    pub window: usize,
    /// How long.
    pub duration: Duration,
}

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum DurableError {
    /// The API gave no reply.
    #[error("the API of the server")]
    Api(#[from] RequestError),
    /// The API refused.
    #[error("{what}: the server answered {status}: {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// HTTP's status.
        status: u16,
        /// Its words.
        body: String,
    },
    /// A token stayed unknown.
    #[error("token {token} is not accepted 20 s after it was made")]
    NeverKnown {
        /// The token.
        token: String,
    },
    /// The load broke off.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Makes the site, its driver and a token for each station.
///
/// # Errors
///
/// Where the server refuses any of it.
pub async fn furnish(api: &Api, stations: usize) -> Result<(), DurableError> {
    ask(api, "POST", "/api/v1/sites", "application/toml", &site(stations)).await?;
    let account = json!({"account": "resident", "name": "A. Resident", "sites": ["yard"]});
    ask(api, "PUT", "/api/v1/accounts", "application/json", &account.to_string()).await?;
    for number in 0..stations {
        let token = json!({
            "token": token(number),
            "entry": {"holder": {"account": "resident"}, "status": "valid"},
        });
        ask(api, "PUT", "/api/v1/tokens", "application/json", &token.to_string()).await?;
    }
    Ok(())
}

/// Loads the server; the grid meter is read every 10 s meanwhile.
///
/// # Errors
///
/// The first station that was refused, or whose link broke.
pub async fn load(api: &Api, ocpp: &str, size: Size, now: Timestamp) -> Result<LoadReport, DurableError> {
    let endpoint = Endpoint { address: ocpp.to_owned(), path: "/ocpp".to_owned() };
    let stations = (0..size.stations)
        .map(|number| LoadStation { id: station(number), password: None, token: token(number) })
        .collect();
    let Size { window, duration, .. } = size;
    // Without a fresh meter nobody may start, and without a token nobody is let in.
    post_reading(api, now).await?;
    until_known(&endpoint, size.stations.saturating_sub(1)).await?;
    let running = load::run(Load { endpoint, stations, window, duration, starts_at: now });
    tokio::select! {
        report = running => Ok(report?),
        failed = read_meter(api, now) => Err(failed),
    }
}

/// How many MeterValues a database holds, read by SQLite itself: what lies in its write-ahead log is recovered first.
///
/// # Errors
///
/// SQLite's.
pub async fn meter_values_kept(database: &Path) -> Result<u64, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = options.connect().await?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM meter_values").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Returns once the server accepts the token that was made last: new tokens reach the stations' side a little later.
async fn until_known(endpoint: &Endpoint, last: usize) -> Result<(), DurableError> {
    let id = station(last);
    let broken = |source| DurableError::Load(LoadError::Link { station: id.clone(), source });
    let mut link = StationClient::connect(endpoint, &id, None).await.map_err(broken)?;
    let boot =
        json!([2, "boot", "BootNotification", {"chargePointVendor": "Wattery", "chargePointModel": "Load"}]);
    link.send(&boot.to_string()).await.map_err(broken)?;
    let ask = json!([2, "known", "Authorize", {"idTag": token(last)}]).to_string();
    let mut every = tokio::time::interval(Duration::from_millis(500));
    for _ in 0..KNOWN_TRIES {
        every.tick().await;
        link.send(&ask).await.map_err(broken)?;
        loop {
            let text = link.receive().await.map_err(broken)?;
            if text.starts_with(r#"[3,"known""#) {
                if text.contains(r#""Accepted""#) {
                    return Ok(());
                }
                break;
            }
        }
    }
    Err(DurableError::NeverKnown { token: token(last) })
}

/// Never ends but by a failure.
async fn read_meter(api: &Api, now: Timestamp) -> DurableError {
    let began = tokio::time::Instant::now();
    let mut every = tokio::time::interval(Duration::from_secs(10));
    loop {
        every.tick().await;
        let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(0);
        if let Err(error) = post_reading(api, now + TimeSpan::from_milliseconds(passed)).await {
            return error;
        }
    }
}

/// What 200 stations of 10.1 A draw, and a little more; the rating leaves room for it to be base load.
async fn post_reading(api: &Api, at: Timestamp) -> Result<(), DurableError> {
    let reading = json!({"at": at.to_string(), "current_a": [2_100.5, 2_093.0, 2_110.2]}).to_string();
    ask(api, "POST", "/api/v1/meters/yard/readings", "application/json", &reading).await
}

async fn ask(api: &Api, method: &str, path: &str, kind: &str, body: &str) -> Result<(), DurableError> {
    let reply = api.send(method, path, kind, body).await?;
    if reply.status < 300 {
        return Ok(());
    }
    Err(DurableError::Refused { what: format!("{method} {path}"), status: reply.status, body: reply.body })
}

fn station(number: usize) -> String {
    format!("LOAD{number:04}")
}

fn token(number: usize) -> String {
    format!("TOKEN{number:04}")
}

/// A yard with groups of ten EVSEs and current for all of them: control runs, and sheds nothing.
fn site(stations: usize) -> String {
    let groups = stations.div_ceil(10);
    let mut text = format!(
        r#"id = "yard"
name = "Yard"
zone = "Europe/Helsinki"
supply = "tn_400"

[owner]
id = "owner"
name = "Owner"
vat = "not_registered"
plan = "per_kwh"

[[tariffs]]
id = "residents"
valid_from = "2024-09-01"
energy_eur_per_kwh = 0.20

[evse_defaults]
current_max_a = 16
access = "private"
tariff = "residents"
is_fallback_proven = true

[[circuits]]
id = "main"
rating_a = {}
worst_base_a = 40
meter = {{ id = "yard", timeout_s = 30 }}
"#,
        groups * 400 + 400
    );
    for group in 1..=groups {
        text += &format!("\n[[circuits]]\nid = \"group-{group}\"\nparent = \"main\"\nrating_a = 200\n");
    }
    for number in 0..stations {
        let wiring = ["L1L2L3", "L2L3L1", "L3L1L2"][number % 3];
        let (id, group) = (station(number), number / 10 + 1);
        text +=
            &format!("\n[[evses]]\nid = \"{id}/1\"\ncircuit = \"group-{group}\"\nwiring = \"{wiring}\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_one_that_the_server_takes() {
        let read = twin::site_file::parse("site.toml", &site(200));
        let evses = read.map(|site| site.config.evses.len()).map_err(|problems| format!("{problems:?}"));
        assert_eq!(evses, Ok(200));
    }

    #[tokio::test]
    async fn three_stations_load_a_server_and_what_it_acknowledged_is_in_its_database() {
        let data = tempfile::tempdir().unwrap();
        let clock = server::clock::Clock::real();
        let config = server::config::Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            listen_ocpp: Some("127.0.0.1:0".parse().unwrap()),
            tls: None,
            files: None,
            data: data.path().to_owned(),
            unknown_stations: csms::UnknownStations::Lobby,
            station_security_least: csms::SecurityProfile::Unauthenticated,
            hosts: Vec::new(),
            frame_log_days: 1,
            frame_log_bytes: 1_000_000_000,
            frame_bytes_max: 256 * 1_024,
            ping_every: None,
            quirks: None,
            alarms: server::alarms::settings::AlarmSettings::default(),
            transaction_longest: billing::cdr::Cdr::DURATION_LIMIT,
        };
        let server = server::run::Server::start(config, clock, server::web::Live::default()).await.unwrap();
        let token = server.token.clone().unwrap();
        let api = Api { address: server.listen.to_string(), token };
        let size = Size { stations: 3, window: 1, duration: Duration::from_millis(100) };
        furnish(&api, size.stations).await.unwrap();
        let report = load(&api, &server.listen_ocpp.unwrap().to_string(), size, clock.now()).await.unwrap();
        server.stop().await.unwrap();
        let kept = meter_values_kept(&data.path().join(server::run::DATABASE_FILE)).await.unwrap();
        assert!(report.acknowledged >= 3, "{report:?}");
        // Each sends until its time is over and waits for the last answer: what is kept is what was acknowledged.
        assert_eq!(kept, report.acknowledged);
    }
}
