//! A scenario: everything that a run of the twin depends on, as one value.
//!
//! The same scenario with the same seed is the same run, byte for byte.

use plant::base_load::{BaseLoad, Flats, FlatsConfig, Trace};
use plant::ev::EvModel;
use plant::meter::GridMeterConfig;
use plant::station::{OfflineStart, Quirk};
use units::{
    AccountId, Amperes, CircuitId, Currency, EvseId, IdToken, MeterId, PerPhase, StationId, TimeSpan,
    Timestamp, WattHours,
};

use crate::site_file::{Commerce, SiteFile};

/// Everything that a run depends on.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The name of its folder.
    pub name: String,
    /// Its title for people.
    pub title: String,
    /// Where all chance comes from.
    pub seed: u64,
    /// The first instant.
    pub starts_at: Timestamp,
    /// The end; not part of the run.
    pub ends_at: Timestamp,
    /// The site, with its commerce.
    pub site: SiteFile,
    /// Who sells: the site file's, which a scenario must have.
    pub commerce: Commerce,
    /// The currency of all money.
    pub currency: Currency,
    /// How stations behave.
    pub stations: Stations,
    /// Who comes when and wants what.
    pub people: People,
    /// What flows beside the EVSEs.
    pub base_loads: Vec<CircuitBase>,
    /// How the grid meters work; every metered circuit has one.
    pub meters: GridMeterConfig,
    /// How frames and commits take time.
    pub timing: Timing,
    /// What breaks.
    pub faults: Vec<Fault>,
    /// Plans that are thrown at the engine.
    pub plans: Plans,
}

/// How stations behave. One EVSE behaves as its configuration says; these are the properties of all.
#[derive(Debug, Clone)]
pub struct Stations {
    /// Between meter values in a transaction.
    pub meter_interval: TimeSpan,
    /// From a profile's acceptance to the pilot.
    pub reaction: TimeSpan,
    /// What may start without the backend.
    pub offline_start: OfflineStart,
    /// What single stations get wrong.
    pub quirks: Vec<(StationId, Quirk)>,
}

/// Who comes when and wants what.
#[derive(Debug, Clone)]
pub enum People {
    /// These stays.
    Stays(Vec<Stay>),
    /// Cars drawn by seed, that come and go daily.
    Generated(Generated),
}

/// One stay at an EVSE.
#[derive(Debug, Clone, PartialEq)]
pub struct Stay {
    /// Where.
    pub evse: EvseId,
    /// The car.
    pub ev: EvModel,
    /// Plugged in; the token is presented at once.
    pub arrives_at: Timestamp,
    /// Unplugged.
    pub departs_at: Timestamp,
    /// Energy wanted, at the socket.
    pub wanted: WattHours,
    /// The token that is presented.
    pub token: IdToken,
    /// Whose it is.
    pub driver: Driver,
}

/// Who charges.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    /// A registered driver.
    Account(AccountId),
    /// Somebody without an account, authorised once.
    Guest,
}

/// Cars drawn by seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// How many EVSEs have a car; the others stay empty. They are dealt evenly over the EVSEs by seed.
    pub cars: usize,
    /// How many of the cars charge on one phase.
    pub one_phase: usize,
    /// How the day goes.
    pub day: DayKind,
    /// Stays of a car per week on average, 0 to 7.
    pub stays_per_week: f64,
    /// Where the one-phase cars stand.
    pub crowd: Crowd,
}

/// How a day goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// Home in the evening.
    Apartments,
    /// At work by day.
    Workplace,
}

/// Where one-phase cars stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// Anywhere.
    Anywhere,
    /// At EVSEs whose terminal L1 is on site phase L1.
    OnL1,
}

/// What flows beside the EVSEs, at one circuit.
#[derive(Debug, Clone)]
pub struct CircuitBase {
    /// Where it is taken.
    pub circuit: CircuitId,
    /// What.
    pub source: BaseSource,
}

/// Where base load comes from.
#[derive(Debug, Clone)]
pub enum BaseSource {
    /// Always the same.
    Constant(PerPhase<Amperes>),
    /// Each row holds until the next.
    Trace(Trace),
    /// Flats drawn by seed.
    Flats(Box<FlatsConfig>),
}

impl BaseSource {
    /// The base load of one run.
    #[must_use]
    pub fn load(&self, seed: u64) -> BaseLoad {
        match self {
            Self::Constant(current) => BaseLoad::Constant(*current),
            Self::Trace(trace) => BaseLoad::Trace(trace.clone()),
            Self::Flats(config) => BaseLoad::Flats(Box::new(Flats::new(config.as_ref().clone(), seed))),
        }
    }
}

/// How frames and commits take time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From one end of a link to the other, at least.
    pub latency: TimeSpan,
    /// How much longer it may take, drawn by seed per frame.
    pub latency_spread: TimeSpan,
    /// How long a group commit takes.
    pub commit: TimeSpan,
    /// How long after a restart, or after a fault, stations try again, at least; drawn up to three times as long.
    pub reconnect: TimeSpan,
}

impl Default for Timing {
    /// 40 to 80 ms over mobile data, 4 ms per group commit, 2 s to reconnect.
    fn default() -> Self {
        Self {
            latency: TimeSpan::from_milliseconds(40),
            latency_spread: TimeSpan::from_milliseconds(40),
            commit: TimeSpan::from_milliseconds(4),
            reconnect: TimeSpan::from_seconds(2),
        }
    }
}

/// Something that breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The links of some stations are dead: nothing arrives, in either direction.
    LinkLoss {
        /// Whose.
        stations: StationSet,
        /// From.
        from: Timestamp,
        /// Until.
        until: Timestamp,
        /// After this the backend's socket notices.
        noticed_after: TimeSpan,
    },
    /// A meter is silent.
    MeterLoss {
        /// Which.
        meter: MeterId,
        /// From.
        from: Timestamp,
        /// Until.
        until: Timestamp,
    },
    /// The engine's process dies and is started again.
    EngineCrash {
        /// When.
        at: Timestamp,
        /// How long it is down.
        down: TimeSpan,
    },
    /// The engine's process dies at every n-th commit: odd ones just before the commit, even ones just after it.
    CrashAtCommits {
        /// n, above 0.
        every: u64,
        /// From this instant on.
        from: Timestamp,
        /// How long it is down.
        down: TimeSpan,
    },
    /// A station loses power and boots.
    StationReboot {
        /// Which.
        station: StationId,
        /// When.
        at: Timestamp,
    },
    /// Frames from stations arrive twice.
    FrameDuplication {
        /// How many, in thousandths.
        permille: u32,
    },
    /// Frames arrive late, in both directions; their order on a link holds.
    FrameDelay {
        /// How many, in thousandths.
        permille: u32,
        /// By up to this.
        up_to: TimeSpan,
    },
}

impl Fault {
    /// How much longer a frame may take because of it.
    #[must_use]
    pub const fn delay(&self) -> TimeSpan {
        match self {
            Self::FrameDelay { up_to, .. } => *up_to,
            Self::LinkLoss { .. }
            | Self::MeterLoss { .. }
            | Self::EngineCrash { .. }
            | Self::CrashAtCommits { .. }
            | Self::StationReboot { .. }
            | Self::FrameDuplication { .. } => TimeSpan::ZERO,
        }
    }
}

/// Some of the stations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StationSet {
    /// All.
    All,
    /// These.
    Named(Vec<StationId>),
    /// As many thousandths of all, drawn by seed.
    Permille(u32),
}

/// Plans that are thrown at the engine (S6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plans {
    /// None.
    None,
    /// Random, late, early, stale and senseless ones, so often.
    Nonsense {
        /// The mean time between two.
        every: TimeSpan,
    },
}
