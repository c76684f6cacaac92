//! Reads the meters that site files say how to read: Modbus TCP, P1 telegrams, MQTT.
//!
//! Each meter has a task of its own, which ends or begins anew where the site's configuration changes. What a device says
//! passes [`meters::judge`]; what is believed goes to the engine as a reading, what cannot be as a doubt (S5). A device
//! that is not reached says nothing: the engine's time-out makes it stale. Nothing here holds a reading back.

mod modbus;
mod mqtt;
mod p1;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::meters::figures::Figures;
use ::meters::judge::{Basis, Expected, Judge, Reading};
use ::meters::retry::Retry;
use charging::network::SiteConfig;
use charging::network::source::{Address, MeterWay};
use serde::Serialize;
use tokio::task::{AbortHandle, JoinSet};
use units::{Amperes, MeterId, PerPhase, ReportedAt, SiteId, TimeSpan, Timestamp};

use crate::engine::EngineHandle;

/// A connection that is not made within this is not made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A reader that broke down begins anew after at most this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How the meters are that are read here.
#[derive(Debug, Default)]
pub struct Meters {
    statuses: Mutex<BTreeMap<MeterId, MeterStatus>>,
}

/// How a meter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MeterStatus {
    /// What its reader does.
    pub state: MeterState,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong, and what may help.
    pub problem: Option<String>,
    /// When it last said something that was believed.
    pub read_at: Option<Timestamp>,
    /// What it said.
    pub current: Option<PerPhase<Amperes>>,
    /// Where its currents come from; those from power are at most so high.
    pub basis: Option<Basis>,
    /// What was believed since the reader began.
    pub readings: u64,
    /// What was not.
    pub doubts: u64,
    /// How often it was not reached, or what came could not be read.
    pub failures: u64,
}

/// What a meter's reader does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeterState {
    /// It is being reached.
    Connecting,
    /// It is reached and has said nothing.
    Connected,
    /// It is believed.
    Read,
    /// It is reached, and said nothing within its time-out.
    Silent,
    /// What it says cannot be.
    Doubted,
    /// It is not reached, or what comes cannot be read.
    Failing,
}

impl Meters {
    /// How a meter is at `now`; none where nothing here reads it.
    #[must_use]
    pub fn status(&self, meter: &MeterId, now: Timestamp, timeout: TimeSpan) -> Option<MeterStatus> {
        let mut status = self.statuses.lock().unwrap_or_else(PoisonError::into_inner).get(meter).cloned()?;
        let heard_at = status.read_at.unwrap_or(status.since);
        let is_reached = matches!(status.state, MeterState::Connected | MeterState::Read);
        if is_reached && now.since(heard_at) > timeout {
            status.state = MeterState::Silent;
            status.since = heard_at + timeout;
        }
        Some(status)
    }

    fn begin(&self, meter: &MeterId, now: Timestamp) {
        let fresh = MeterStatus {
            state: MeterState::Connecting,
            since: now,
            problem: None,
            read_at: None,
            current: None,
            basis: None,
            readings: 0,
            doubts: 0,
            failures: 0,
        };
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).insert(meter.clone(), fresh);
    }

    fn forget(&self, meter: &MeterId) {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).remove(meter);
    }

    /// Changes a meter's status; true where its state became another.
    fn change(
        &self,
        meter: &MeterId,
        now: Timestamp,
        state: MeterState,
        change: impl FnOnce(&mut MeterStatus),
    ) -> bool {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that is being ended may speak a last time.
        let Some(status) = statuses.get_mut(meter) else { return false };
        let is_new = status.state != state;
        if is_new {
            status.state = state;
            status.since = now;
        }
        change(status);
        is_new
    }
}

/// Reads every meter that a site file says how to read, until dropped. `secrets` is where passwords lie.
pub async fn run(engine: EngineHandle, meters: Arc<Meters>, secrets: PathBuf) {
    let mut configs = engine.watch_configs();
    let mut readers: BTreeMap<MeterId, (Expected, AbortHandle)> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut again = tokio::time::interval(LOOK_AGAIN_AFTER);
    let mut revives = false;
    loop {
        let wanted = to_be_read(&configs.borrow_and_update());
        readers.retain(|meter, (expected, task)| {
            let stays = wanted.get(meter) == Some(expected) && !(revives && task.is_finished());
            if !stays {
                task.abort();
                meters.forget(meter);
            }
            stays
        });
        for (meter, expected) in wanted {
            if readers.contains_key(&meter) {
                continue;
            }
            meters.begin(&meter, engine.now());
            let reader = Reader {
                meter: meter.clone(),
                engine: engine.clone(),
                judge: Judge::new(expected.clone()),
                meters: Arc::clone(&meters),
                retry: Retry::default(),
            };
            let task = tasks.spawn(read(reader, expected.source.way.clone(), secrets.clone()));
            readers.insert(meter, (expected, task));
        }
        revives = tokio::select! {
            changed = configs.changed() => match changed {
                Ok(()) => false,
                Err(_) => return,
            },
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(%error, "a meter's reader broke down; it begins anew within a minute");
                }
                false
            }
            _ = again.tick() => true,
        };
    }
}

/// Which meters are read here, as what.
fn to_be_read(configs: &BTreeMap<SiteId, SiteConfig>) -> BTreeMap<MeterId, Expected> {
    let meters = configs.values().flat_map(|site| {
        let meters = site.circuits.iter().filter_map(|circuit| circuit.meter.as_ref());
        meters.map(move |meter| (meter.id.clone(), Expected::of(site, meter)))
    });
    meters
        .filter(|(_, expected)| match expected.source.way {
            MeterWay::Mqtt(_) | MeterWay::Modbus(_) | MeterWay::P1(_) => true,
            MeterWay::Posted | MeterWay::Station { .. } => false,
        })
        .collect()
}

async fn read(reader: Reader, way: MeterWay, secrets: PathBuf) {
    match way {
        MeterWay::Modbus(source) => modbus::read(reader, &source).await,
        MeterWay::P1(source) => p1::read(reader, &source).await,
        MeterWay::Mqtt(source) => mqtt::read(reader, &source, &secrets).await,
        MeterWay::Posted | MeterWay::Station { .. } => {}
    }
}

/// What all readers do alike.
struct Reader {
    meter: MeterId,
    engine: EngineHandle,
    judge: Judge,
    meters: Arc<Meters>,
    retry: Retry,
}

impl Reader {
    /// A TCP connection to a device.
    async fn connect(&self, address: &Address) -> Result<tokio::net::TcpStream, String> {
        let connecting = tokio::net::TcpStream::connect((address.host.as_str(), address.port));
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(format!("{address} cannot be reached: {error}")),
            Err(_) => Err(format!("{address} did not answer within {CONNECT_TIMEOUT:?}")),
        }
    }

    /// The device is reached.
    fn connected(&self) {
        self.meters
            .change(&self.meter, self.engine.now(), MeterState::Connected, |status| status.problem = None);
    }

    /// The meter says `figures`, at `at` by its own clock where it tells, with its clock as printed where it prints it.
    async fn says(&mut self, figures: &Figures, at: Option<ReportedAt>, stamp: Option<&str>) {
        self.retry.heard();
        let at = at.unwrap_or(ReportedAt(self.engine.wall()));
        match self.judge.take_stamped(at.0, figures, stamp) {
            Ok(reading) => self.believed(at, reading).await,
            Err(fault) => self.doubted(&fault.to_string()).await,
        }
    }

    async fn believed(&self, at: ReportedAt, reading: Reading) {
        let Reading { current, basis } = reading;
        let now = self.engine.now();
        let is_new = self.meters.change(&self.meter, now, MeterState::Read, |status| {
            status.problem = None;
            status.read_at = Some(now);
            status.current = Some(current);
            status.basis = Some(basis);
            status.readings += 1;
        });
        if is_new {
            tracing::info!(meter = %self.meter, ?basis, "the meter is read");
        }
        // Where the server stops this task is ended, too.
        let _ = self.engine.reading(self.meter.clone(), at, current).await;
    }

    /// What it says cannot be.
    async fn doubted(&self, why: &str) {
        let is_new = self.meters.change(&self.meter, self.engine.now(), MeterState::Doubted, |status| {
            status.problem = Some(why.to_owned());
            status.doubts += 1;
        });
        if is_new {
            tracing::warn!(meter = %self.meter, "the meter is not believed: {why}");
        }
        let _ = self.engine.meter_doubted(self.meter.clone()).await;
    }

    /// It was not reached, or what came cannot be read: for control it is silent.
    fn failed(&self, why: &str) {
        let is_new = self.meters.change(&self.meter, self.engine.now(), MeterState::Failing, |status| {
            status.problem = Some(why.to_owned());
            status.failures += 1;
        });
        if is_new {
            tracing::warn!(meter = %self.meter, "the meter is not read: {why}");
        }
    }

    /// As [`Reader::failed`], and waits before the device is tried again.
    async fn failed_then_wait(&mut self, why: &str) {
        self.failed(why);
        let wait = u64::try_from(self.retry.failed().milliseconds()).unwrap_or(1_000);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}
