//! A scenario: everything that a run of the twin depends on, as one value.
//!
//! The same scenario with the same seed is the same run, byte for byte.

use charging::network::SiteConfig;
use plant::base_load::{BaseLoad, Flats, FlatsConfig, Trace};
use plant::building::{Building, BuildingConfig, Steps, StepsConfig};
use plant::ev::EvModel;
use plant::meter::GridMeterConfig;
use plant::station::{AfterPowerLoss, OcppVersion, OfflineStart, Quirk};
use units::{
    AccountId, Amperes, CircuitId, Currency, EvseId, IdToken, PerPhase, StationId, TimeSpan, Timestamp,
    WattHours,
};

pub use crate::fault::{Fault, Span, StationSet};
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
}

impl Scenario {
    /// The site as it truly is: with every EVSE's wiring as it is, not as it is stated.
    #[must_use]
    pub fn true_config(&self) -> SiteConfig {
        let mut config = self.site.config.clone();
        for fault in &self.faults {
            if let Fault::WrongWiring { evse, wiring } = fault
                && let Some(stated) = config.evses.iter_mut().find(|stated| stated.id == *evse)
            {
                stated.wiring = *wiring;
            }
        }
        config
    }
}

/// How stations behave. One EVSE behaves as its configuration says; these are the properties of all.
#[derive(Debug, Clone)]
pub struct Stations {
    /// What they speak.
    pub ocpp: Ocpp,
    /// Between meter values in a transaction.
    pub meter_interval: TimeSpan,
    /// From a profile's acceptance to the pilot.
    pub reaction: TimeSpan,
    /// What may start without the backend.
    pub offline_start: OfflineStart,
    /// What becomes of a running transaction when power is lost.
    pub after_power_loss: AfterPowerLoss,
    /// What single stations get wrong.
    pub quirks: Vec<(StationId, Quirk)>,
}

/// Which versions of OCPP the stations of a site speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ocpp {
    /// All the same.
    All(OcppVersion),
    /// In order of their ids OCPP 1.6 and 2.0.1 in turn.
    Mixed,
}

impl Ocpp {
    /// What the station at this place of the site's stations speaks, in order of their ids.
    #[must_use]
    pub const fn of(self, place: usize) -> OcppVersion {
        match self {
            Self::All(version) => version,
            Self::Mixed if place.is_multiple_of(2) => OcppVersion::V16,
            Self::Mixed => OcppVersion::V201,
        }
    }
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
    /// How many cars there are. Residents and employees come again, each with a car of their own; of guests and visitors
    /// as many come on an average day as if they did.
    pub cars: usize,
    /// How many of the cars of residents and employees charge on one phase; none: as the built-in mix has it.
    pub one_phase: Option<usize>,
    /// How the day goes.
    pub day: DayKind,
    /// Stays of a car per week on average, 0 to 7.
    pub stays_per_week: f64,
    /// Where they stand.
    pub crowd: Crowd,
}

/// How a day goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// Home in the evening.
    Apartments,
    /// At work by day.
    Workplace,
    /// In town for an hour or two.
    Public,
    /// At a hotel overnight.
    Hotel,
    /// At an event, all of them at once.
    Event {
        /// When it begins.
        starts_at: Timestamp,
        /// When it is over, after its begin.
        ends_at: Timestamp,
    },
}

/// Where cars stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// Each at an EVSE of its own, dealt by seed; EVSEs without a car stay empty.
    Anywhere,
    /// The same, with one-phase cars at EVSEs whose terminal L1 is on site phase L1.
    OnL1,
    /// At any free EVSE, drawn by seed; where there is none, they drive on.
    AnyFree,
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
    /// Another building drawn by seed.
    Building(Box<BuildingConfig>),
    /// A large consumer that comes and goes, drawn by seed.
    Machine(Box<StepsConfig>),
}

impl BaseSource {
    /// The base load of one run.
    #[must_use]
    pub fn load(&self, seed: u64) -> BaseLoad {
        match self {
            Self::Constant(current) => BaseLoad::Constant(*current),
            Self::Trace(trace) => BaseLoad::Trace(trace.clone()),
            Self::Flats(config) => BaseLoad::Flats(Box::new(Flats::new(config.as_ref().clone(), seed))),
            Self::Building(config) => {
                BaseLoad::Building(Box::new(Building::new(config.as_ref().clone(), seed)))
            }
            Self::Machine(config) => BaseLoad::Steps(Box::new(Steps::new(config.as_ref().clone(), seed))),
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
