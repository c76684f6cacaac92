//! A load of many stations in a closed loop: each holds a window of MeterValues that are not acknowledged yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use units::Timestamp;

use crate::station::{Endpoint, LinkError, StationClient};

/// What to load a server with.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where.
    pub endpoint: Endpoint,
    /// The stations, each with its password; each has one connector.
    pub stations: Vec<LoadStation>,
    /// MeterValues in flight per station; 1 is what OCPP allows.
    pub window: usize,
    /// How long the measurement lasts, after every transaction runs.
    pub duration: Duration,
    /// What the stations' clocks show at the start.
    pub starts_at: Timestamp,
}

/// One of the stations.
#[derive(Debug, Clone)]
pub struct LoadStation {
    /// Its id.
    pub id: String,
    /// Its password, where it has one.
    pub password: Option<String>,
    /// The token its transaction runs on.
    pub token: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// MeterValues acknowledged within the measurement.
    pub acknowledged: u64,
    /// The measurement's true length.
    pub elapsed: Duration,
    /// Half of the acknowledgements came within this.
    pub latency_p50: Duration,
    /// 99 of 100 came within this.
    pub latency_p99: Duration,
    /// The slowest.
    pub latency_max: Duration,
}

impl LoadReport {
    /// Acknowledgements per second, rounded down.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        let milliseconds = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        self.acknowledged.saturating_mul(1_000) / milliseconds
    }
}

/// Runs the load. Every station boots and starts a transaction first; none of that is measured.
///
/// # Errors
///
/// The first station whose link broke, or whose transaction was refused.
pub async fn run(load: Load) -> Result<LoadReport, LoadError> {
    let load = Arc::new(load);
    let ready = Arc::new(tokio::sync::Barrier::new(load.stations.len()));
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..load.stations.len() {
        let (load, ready) = (Arc::clone(&load), Arc::clone(&ready));
        tasks.spawn(async move { Loader::new(&load, index).run(&ready).await });
    }
    let mut latencies = Vec::new();
    let mut elapsed = Duration::ZERO;
    while let Some(ended) = tasks.join_next().await {
        let (took, of_station) = ended.map_err(|error| LoadError::Defect(error.to_string()))??;
        elapsed = elapsed.max(took);
        latencies.extend(of_station);
    }
    latencies.sort_unstable();
    Ok(LoadReport {
        acknowledged: u64::try_from(latencies.len()).unwrap_or(u64::MAX),
        elapsed,
        latency_p50: percentile(&latencies, 50),
        latency_p99: percentile(&latencies, 99),
        latency_max: latencies.last().copied().unwrap_or_default(),
    })
}

/// Why a load did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A link broke.
    #[error("station {station}: {source}")]
    Link {
        /// Whose.
        station: String,
        /// How.
        #[source]
        source: LinkError,
    },
    /// No transaction.
    #[error("station {station}: StartTransaction was answered with {answer}")]
    Refused {
        /// Whose.
        station: String,
        /// The answer.
        answer: String,
    },
    /// A task broke down.
    #[error("a station's task broke down: {0}")]
    Defect(String),
}

/// The smallest value that `percent` of the sorted values do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

struct Loader<'a> {
    load: &'a Load,
    station: &'a LoadStation,
    started: Instant,
    message: AtomicU64,
}

impl<'a> Loader<'a> {
    fn new(load: &'a Load, index: usize) -> Self {
        Self { load, station: &load.stations[index], started: Instant::now(), message: AtomicU64::new(0) }
    }

    async fn run(&self, ready: &tokio::sync::Barrier) -> Result<(Duration, Vec<Duration>), LoadError> {
        let opened = self.open().await;
        // Whoever failed is waited for no less: the others must not hang at the barrier.
        ready.wait().await;
        let (mut link, transaction) = opened?;
        self.measure(&mut link, transaction).await.map_err(|source| self.broken(source))
    }

    async fn open(&self) -> Result<(StationClient, i64), LoadError> {
        let LoadStation { id, password, token } = self.station;
        let open = StationClient::connect(&self.load.endpoint, id, password.as_deref());
        let mut link = open.await.map_err(|source| self.broken(source))?;
        let boot = json!({"chargePointVendor": "Wattery", "chargePointModel": "Load"});
        self.call(&mut link, "BootNotification", boot).await?;
        let status = json!({"connectorId": 1, "errorCode": "NoError", "status": "Preparing"});
        self.call(&mut link, "StatusNotification", status).await?;
        let start = json!({"connectorId": 1, "idTag": token, "meterStart": 1_000, "timestamp": self.now()});
        let answer = self.call(&mut link, "StartTransaction", start).await?;
        let accepted = answer.pointer("/idTagInfo/status").and_then(Value::as_str) == Some("Accepted");
        match answer.get("transactionId").and_then(Value::as_i64) {
            Some(transaction) if accepted => Ok((link, transaction)),
            Some(_) | None => Err(LoadError::Refused { station: id.clone(), answer: answer.to_string() }),
        }
    }

    async fn measure(
        &self,
        link: &mut StationClient,
        transaction: i64,
    ) -> Result<(Duration, Vec<Duration>), LinkError> {
        let began = Instant::now();
        let mut in_flight: Vec<(String, Instant)> = Vec::new();
        let mut latencies = Vec::new();
        let mut register: u64 = 1_000;
        loop {
            let is_over = began.elapsed() >= self.load.duration;
            if is_over && in_flight.is_empty() {
                return Ok((began.elapsed(), latencies));
            }
            if !is_over && in_flight.len() < self.load.window.max(1) {
                register += 2;
                let (id, frame) = self.frame("MeterValues", &self.meter_values(transaction, register));
                in_flight.push((id, Instant::now()));
                link.send(&frame).await?;
                continue;
            }
            let Some((id, _)) = self.answered(link).await? else { continue };
            if let Some(place) = in_flight.iter().position(|(sent, _)| *sent == id) {
                latencies.push(in_flight.swap_remove(place).1.elapsed());
            }
        }
    }

    /// Sends a call and waits for its answer; calls of the backend are accepted meanwhile.
    async fn call(&self, link: &mut StationClient, action: &str, payload: Value) -> Result<Value, LoadError> {
        let (id, frame) = self.frame(action, &payload);
        link.send(&frame).await.map_err(|source| self.broken(source))?;
        loop {
            match self.answered(link).await.map_err(|source| self.broken(source))? {
                Some((answered, payload)) if answered == id => return Ok(payload),
                Some(_) | None => {}
            }
        }
    }

    /// The next answer; a call of the backend is answered and gives `None`.
    async fn answered(&self, link: &mut StationClient) -> Result<Option<(String, Value)>, LinkError> {
        let text = link.receive().await?;
        let frame: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let id = frame.get(1).and_then(Value::as_str).unwrap_or_default().to_owned();
        if frame.get(0).and_then(Value::as_i64) == Some(2) {
            link.send(&json!([3, id, {"status": "Accepted"}]).to_string()).await?;
            return Ok(None);
        }
        Ok(Some((id, frame.get(2).cloned().unwrap_or(Value::Null))))
    }

    fn frame(&self, action: &str, payload: &Value) -> (String, String) {
        let id = self.message.fetch_add(1, Ordering::Relaxed).to_string();
        let frame = json!([2, id, action, payload]).to_string();
        (id, frame)
    }

    /// Eight sampled values: the register, three currents, three voltages, what is offered.
    fn meter_values(&self, transaction: i64, register: u64) -> Value {
        let current = |phase: &str| json!({"value": "10.1", "measurand": "Current.Import", "phase": phase, "unit": "A"});
        let voltage =
            |phase: &str| json!({"value": "230.4", "measurand": "Voltage", "phase": phase, "unit": "V"});
        json!({"connectorId": 1, "transactionId": transaction, "meterValue": [{
            "timestamp": self.now(),
            "sampledValue": [
                {"value": register.to_string(), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                current("L1"), current("L2"), current("L3"),
                voltage("L1-N"), voltage("L2-N"), voltage("L3-N"),
                {"value": "16.0", "measurand": "Current.Offered", "unit": "A"},
            ],
        }]})
    }

    fn now(&self) -> String {
        let span = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        (self.load.starts_at + units::TimeSpan::from_milliseconds(span)).to_string()
    }

    fn broken(&self, source: LinkError) -> LoadError {
        LoadError::Link { station: self.station.id.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_values() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
