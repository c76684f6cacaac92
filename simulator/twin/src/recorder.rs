//! What a run leaves behind: series of currents, stays, transactions, alarms, counts, and the hash of all events.

use std::collections::BTreeMap;

use charging::site::LimitedBy;
use plant::station::TransactionName;
use serde::{Deserialize, Serialize};
use units::{Amperes, EvseId, IdToken, PerPhase, Phase, TimeSpan, Timestamp, TransactionId, WattHours};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::truth::{Series, Truth};

/// Collects while a run goes on.
#[derive(Debug)]
pub struct Recorder {
    /// The length of one step of all series.
    pub step: TimeSpan,
    evses: Vec<PerPhase<Series>>,
    bases: Vec<PerPhase<Series>>,
    totals: Vec<PerPhase<Series>>,
    peaks: Vec<PerPhase<(Amperes, Timestamp)>>,
    over: Vec<PerPhase<(Option<Timestamp>, TimeSpan)>>,
    limits: BTreeMap<Limit, Vec<u32>>,
    looks: usize,
    /// Alarms in order: text, raised, cleared.
    pub alarms: Vec<(String, Timestamp, Option<Timestamp>)>,
    /// Transactions of the plant, in order of their end, then those that still run.
    pub transactions: Vec<TransactionSeen>,
    /// Counts.
    pub counts: RunCounts,
    /// XXH3 of each event, seeded with that of all before it.
    hash: u128,
}

/// A transaction as the plant truly ran it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionSeen {
    /// Where.
    pub evse: EvseId,
    /// The station's own number of it.
    pub number: u64,
    /// With which token, once there is one.
    pub token: Option<IdToken>,
    /// When it started.
    pub started_at: Timestamp,
    /// The register then.
    pub register_start: WattHours,
    /// The end, once it ended: when, and the register.
    pub ended: Option<(Timestamp, WattHours)>,
    /// What station and engine call it, once that is known.
    pub name: Option<TransactionName>,
    /// The engine's number of it, as its records have it at the end of the run.
    pub id: Option<TransactionId>,
}

/// How much happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Events of the queue.
    pub events: u64,
    /// Frames from stations that reached the engine.
    pub frames_in: u64,
    /// Frames that left the engine.
    pub frames_out: u64,
    /// By action.
    pub actions: BTreeMap<String, u64>,
    /// Live limits that differ from the one before.
    pub limit_changes: u64,
    /// Readings that reached the engine.
    pub readings: u64,
    /// Crashes.
    pub crashes: u64,
    /// When each was.
    pub crashes_at: Vec<Timestamp>,
    /// Nonsense plans thrown in.
    pub plans: u64,
    /// Starts that were refused at first and tried again.
    pub retries: u64,
}

/// The series of a run, closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSeries {
    /// The length of one step.
    pub step: TimeSpan,
    /// Mean currents of each EVSE on the site's lines.
    pub evses: Vec<PerPhase<Vec<Amperes>>>,
    /// Mean base load of each circuit, here and below.
    pub bases: Vec<PerPhase<Vec<Amperes>>>,
    /// Highest totals of each circuit.
    pub highest: Vec<PerPhase<Vec<Amperes>>>,
    /// The highest total of the run, and when it was first reached.
    pub peaks: Vec<PerPhase<(Amperes, Timestamp)>>,
    /// For how long the total was above the rating.
    pub over: Vec<PerPhase<TimeSpan>>,
    /// EVs in transactions by what limited each, looked at once per step; empty where nobody looked.
    pub limits: BTreeMap<Limit, Vec<u32>>,
}

/// What limited an EV, as the engine said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// It had all that its EVSE can give.
    EvseMaximum,
    /// It took no more.
    Ev,
    /// A conductor was full: its name.
    Row(String),
    /// It waited for its turn on a conductor: its name.
    Turn(String),
    /// A raise was under way, or waited for others to make room.
    Raise,
    /// The plan kept the current for later.
    Plan,
    /// A meter was silent or doubtful: its circuit's name.
    StaleMeter(String),
    /// The station was offline, at fault, or did not obey.
    Station,
}

impl Limit {
    /// None where nobody charges.
    fn of(reason: LimitedBy) -> Option<Self> {
        match reason {
            LimitedBy::OutOfService | LimitedBy::Free | LimitedBy::NotStarted => None,
            LimitedBy::NeverConnected
            | LimitedBy::Offline
            | LimitedBy::StationFault
            | LimitedBy::Disobedience => Some(Self::Station),
            LimitedBy::Ev => Some(Self::Ev),
            LimitedBy::EvseMaximum => Some(Self::EvseMaximum),
            LimitedBy::Undecided | LimitedBy::Rising | LimitedBy::UnprovenShed => Some(Self::Raise),
            LimitedBy::Row { name, phase, .. } => Some(Self::Row(format!("{name} {phase}"))),
            LimitedBy::Plan => Some(Self::Plan),
            LimitedBy::Turn { name, phase, .. } => Some(Self::Turn(format!("{name} {phase}"))),
            LimitedBy::StaleMeter { name, .. } => Some(Self::StaleMeter(name)),
        }
    }
}

/// A series has at most about so many steps: what a plot of a page's width can show.
const STEPS: i64 = 1_500;

impl Recorder {
    /// For a run of this span.
    #[must_use]
    pub fn new(truth: &Truth, starts_at: Timestamp, ends_at: Timestamp) -> Self {
        let minutes = ends_at.since(starts_at).milliseconds() / 60_000;
        let step = TimeSpan::from_minutes((minutes + STEPS - 1) / STEPS).max(TimeSpan::from_minutes(1));
        let series = || PerPhase::from_fn(|_| Series::new(starts_at, step));
        let circuits = truth.circuits().len();
        Self {
            step,
            evses: truth.evses().iter().map(|_| series()).collect(),
            bases: (0..circuits).map(|_| series()).collect(),
            totals: (0..circuits).map(|_| series()).collect(),
            peaks: vec![PerPhase::splat((Amperes::ZERO, starts_at)); circuits],
            over: vec![PerPhase::splat((None, TimeSpan::ZERO)); circuits],
            limits: BTreeMap::new(),
            looks: 0,
            alarms: Vec::new(),
            transactions: Vec::new(),
            counts: RunCounts::default(),
            hash: 0,
        }
    }

    /// An event for the hash: when, what kind, its text.
    pub fn event(&mut self, now: Timestamp, kind: u8, place: u64, text: &[u8]) {
        let mut head = [kind; 33];
        head[..16].copy_from_slice(&self.hash.to_le_bytes());
        head[16..24].copy_from_slice(&now.milliseconds().to_le_bytes());
        head[24..32].copy_from_slice(&place.to_le_bytes());
        self.hash = xxh3_128_with_seed(text, xxh3_64(&head));
    }

    /// A frame with this action.
    pub fn action(&mut self, action: &str) {
        match self.counts.actions.get_mut(action) {
            Some(count) => *count += 1,
            None => {
                self.counts.actions.insert(action.to_owned(), 1);
            }
        }
    }

    /// The current at an EVSE changed.
    pub fn evse(&mut self, now: Timestamp, truth: &Truth, index: usize) {
        let evse = &truth.evses()[index];
        for phase in Phase::ALL {
            self.evses[index][phase].set(now, evse.site()[phase]);
        }
        let amperes = evse.site();
        let text = [amperes.l1, amperes.l2, amperes.l3].map(|current| current.milliamperes().to_le_bytes());
        self.event(now, b'c', u64::try_from(index).unwrap_or(0), text.as_flattened());
        self.totals(now, truth, evse.circuit);
    }

    /// The base load at a circuit changed.
    pub fn base(&mut self, now: Timestamp, truth: &Truth, index: usize) {
        for place in truth.path(index) {
            for phase in Phase::ALL {
                self.bases[place][phase].set(now, truth.circuits()[place].base()[phase]);
            }
        }
        self.totals(now, truth, index);
    }

    /// The engine was asked what limits each EV in a transaction; none while it is down.
    pub fn look(&mut self, reasons: impl Iterator<Item = LimitedBy>) {
        for limit in reasons.filter_map(Limit::of) {
            let counts = self.limits.entry(limit).or_default();
            counts.resize(self.looks + 1, 0);
            counts[self.looks] += 1;
        }
        self.looks += 1;
    }

    /// An alarm began.
    pub fn alarm_raised(&mut self, now: Timestamp, text: String) {
        self.alarms.push((text, now, None));
    }

    /// It is over.
    pub fn alarm_cleared(&mut self, now: Timestamp, text: &str) {
        if let Some(alarm) =
            self.alarms.iter_mut().rev().find(|(known, _, cleared)| known == text && cleared.is_none())
        {
            alarm.2 = Some(now);
        }
    }

    /// The engine is gone, and with it every alarm that stands; a restarted one raises anew what still holds.
    pub fn alarms_die(&mut self, now: Timestamp) {
        for (_, _, cleared) in self.alarms.iter_mut().filter(|(_, _, cleared)| cleared.is_none()) {
            *cleared = Some(now);
        }
    }

    /// Closes the series.
    #[must_use]
    pub fn finish(mut self, end: Timestamp) -> (RunSeries, String, Rest) {
        for counts in self.limits.values_mut() {
            counts.resize(self.looks, 0);
        }
        let over = self
            .over
            .iter()
            .map(|phases| phases.map(|(since, sum)| since.map_or(sum, |since| sum + end.since(since))))
            .collect();
        let series = RunSeries {
            step: self.step,
            evses: means(self.evses, end),
            bases: means(self.bases, end),
            highest: highest(self.totals, end),
            peaks: self.peaks,
            over,
            limits: self.limits,
        };
        let hash = format!("{:032x}", self.hash);
        (series, hash, Rest { alarms: self.alarms, transactions: self.transactions, counts: self.counts })
    }

    fn totals(&mut self, now: Timestamp, truth: &Truth, index: usize) {
        for place in truth.path(index) {
            let circuit = &truth.circuits()[place];
            for phase in Phase::ALL {
                let total = circuit.total()[phase];
                self.totals[place][phase].set(now, total);
                let peak = &mut self.peaks[place][phase];
                if total > peak.0 {
                    *peak = (total, now);
                }
                let (since, sum) = &mut self.over[place][phase];
                match (*since, total > circuit.rating[phase]) {
                    (None, true) => *since = Some(now),
                    (Some(began), false) => {
                        *sum = *sum + now.since(began);
                        *since = None;
                    }
                    (None, false) | (Some(_), true) => {}
                }
            }
        }
    }
}

fn means(series: Vec<PerPhase<Series>>, end: Timestamp) -> Vec<PerPhase<Vec<Amperes>>> {
    series.into_iter().map(|phases| phases.map(|series| series.finish(end).0)).collect()
}

fn highest(series: Vec<PerPhase<Series>>, end: Timestamp) -> Vec<PerPhase<Vec<Amperes>>> {
    series.into_iter().map(|phases| phases.map(|series| series.finish(end).1)).collect()
}

/// What is left of a recorder once its series are closed.
#[derive(Debug)]
pub struct Rest {
    /// Alarms in order: text, raised, cleared.
    pub alarms: Vec<(String, Timestamp, Option<Timestamp>)>,
    /// Transactions of the plant.
    pub transactions: Vec<TransactionSeen>,
    /// Counts.
    pub counts: RunCounts,
}
