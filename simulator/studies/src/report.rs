//! What a replay tells, as plain values: for pages, for machines, and for comparing two runs.
//!
//! Currents are `Amperes` per site phase, positive into the site or the EV. A series has one value per
//! [`ReplayReport::step`], the first from `starts_at` on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
pub use twin::recorder::Limit;
use units::{Amperes, CircuitId, Currency, EvseId, Money, PerPhase, TimeSpan, Timestamp, WattHours};

/// Everything a replay tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayReport {
    /// How much was simulated.
    #[serde(default)]
    pub fidelity: Fidelity,
    /// The scenario's name: its folder's.
    pub scenario: String,
    /// Its title for people.
    pub title: String,
    /// The seed that was used.
    pub seed: u64,
    /// The site's name for people.
    pub site: String,
    /// The site's zone in the IANA database.
    pub zone: String,
    /// The first instant.
    pub starts_at: Timestamp,
    /// The end; not part of the run.
    pub ends_at: Timestamp,
    /// The length of one step of all series.
    pub step: TimeSpan,
    /// The circuits, parents before children.
    pub circuits: Vec<CircuitReport>,
    /// The EVSEs, in the order of configuration.
    pub evses: Vec<EvseReport>,
    /// Every stay, in order of arrival.
    pub sessions: Vec<SessionReport>,
    /// Euros and cents.
    pub money: MoneyReport,
    /// EVs in transactions over time, by what limited each; empty where nobody looked.
    #[serde(default)]
    pub limits: Vec<LimitReport>,
    /// Alarms that were raised, in order of time.
    pub alarms: Vec<AlarmReport>,
    /// What the checkers saw, one line per rule, in order of name.
    pub rules: Vec<RuleReport>,
    /// How much happened.
    pub counts: Counts,
    /// XXH3 over every event of the run in order: equal runs have equal hashes.
    pub event_hash: String,
}

/// How much of the real world a run simulates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// The whole engine, OCPP text on the links, records, money.
    #[default]
    Frames,
    /// Control and the plant alone: no money, no frames, no faults but those of meters.
    Decisions,
}

/// One circuit over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CircuitReport {
    /// Its id.
    pub circuit: CircuitId,
    /// Its name for people.
    pub name: String,
    /// The circuit above.
    pub parent: Option<CircuitId>,
    /// What it may carry.
    pub rating: PerPhase<Amperes>,
    /// Mean current of everything that is not an EVSE, per step; empty where the circuit has none.
    pub base: PerPhase<Vec<Amperes>>,
    /// The highest total of each step: base and EVSEs, at any instant of it.
    pub highest: PerPhase<Vec<Amperes>>,
    /// The highest total of the run.
    pub peak: PerPhase<Peak>,
    /// For how long the total was above the rating, on the phase where that was longest.
    pub over_rating: TimeSpan,
    /// The EVSEs below, at any depth: indices into [`ReplayReport::evses`].
    pub evses: Vec<usize>,
}

/// A highest value and when it was first reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// The value.
    pub current: Amperes,
    /// When.
    pub at: Timestamp,
}

/// One EVSE over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvseReport {
    /// Its id.
    pub evse: EvseId,
    /// Its name for people.
    pub name: String,
    /// The circuit it hangs on.
    pub circuit: CircuitId,
    /// Mean current per site phase and step.
    pub current: PerPhase<Vec<Amperes>>,
    /// Energy of the run, by its register.
    pub energy: WattHours,
}

/// One stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionReport {
    /// Where.
    pub evse: EvseId,
    /// The car, in words.
    pub ev: String,
    /// Plugged in.
    pub arrived_at: Timestamp,
    /// Unplugged; `None` where the run ended first.
    pub departed_at: Option<Timestamp>,
    /// What the driver wanted, at the socket.
    pub wanted: WattHours,
    /// What was delivered, by the EVSE's register.
    pub delivered: WattHours,
}

/// Money of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MoneyReport {
    /// The currency of all amounts.
    pub currency: Currency,
    /// What each driver was charged, fees included, in order of account.
    pub drivers: Vec<DriverMoney>,
    /// What each owner is paid, and pays, in order of owner and month.
    pub owners: Vec<OwnerMoney>,
    /// Energy of all CDRs that were billed.
    pub energy_billed: WattHours,
    /// Energy that the registers of the plant counted.
    pub energy_registered: WattHours,
    /// CDRs sealed.
    pub cdrs: usize,
    /// Those that are held for a person.
    pub held: usize,
    /// Why, one text for each of them.
    #[serde(default)]
    pub held_for: Vec<String>,
}

/// What one driver was charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverMoney {
    /// The account, or `guest`.
    pub driver: String,
    /// CDRs.
    pub cdrs: usize,
    /// Energy.
    pub energy: WattHours,
    /// Charging, VAT included where the seller charges it.
    pub charging: Money,
    /// Fees of the service, VAT included.
    pub fees: Money,
}

/// What one owner is paid for one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerMoney {
    /// The owner.
    pub owner: String,
    /// The month: `2026-01`.
    pub month: String,
    /// Charging revenue of the month.
    pub revenue: Money,
    /// Fees of the service that the owner pays, VAT included.
    pub fees: Money,
    /// Revenue less fees, as settled.
    pub payout: Money,
}

/// How many EVs one thing limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReport {
    /// What.
    pub limit: Limit,
    /// EVs, at the end of each step.
    pub evs: Vec<u32>,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmReport {
    /// When it began.
    pub raised_at: Timestamp,
    /// When it was over; `None` where it stood at the end.
    pub cleared_at: Option<Timestamp>,
    /// What, in words.
    pub text: String,
}

/// What the checker of one rule saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// The rule: `S1`, `M2`, `energy conservation`.
    pub rule: String,
    /// What it means, in one line.
    pub meaning: String,
    /// How often there was something to check. A rule that had nothing to check proves nothing.
    pub checked: u64,
    /// What fired: the whole story, for people. Empty is good.
    pub firings: Vec<String>,
}

/// How much happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Events of the twin's queue.
    pub events: u64,
    /// Frames from stations.
    pub frames_in: u64,
    /// Frames to stations.
    pub frames_out: u64,
    /// Frames by OCPP action, both directions.
    pub actions: BTreeMap<String, u64>,
    /// Live limits sent that differ from the one before.
    pub limit_changes: u64,
    /// Records committed.
    pub records: u64,
    /// Batches committed.
    pub commits: u64,
    /// Readings of grid meters that reached the engine.
    pub readings: u64,
    /// Engine crashes.
    pub crashes: u64,
    /// When each was.
    #[serde(default)]
    pub crashes_at: Vec<Timestamp>,
}

impl ReplayReport {
    /// Whether no checker fired.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rules.iter().all(|rule| rule.firings.is_empty())
    }

    /// Energy wanted and delivered over all stays.
    #[must_use]
    pub fn energy(&self) -> (WattHours, WattHours) {
        let wanted = self.sessions.iter().map(|session| session.wanted).sum();
        let delivered = self.sessions.iter().map(|session| session.delivered).sum();
        (wanted, delivered)
    }
}
