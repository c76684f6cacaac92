//! What is known, as values for pages and the API. Answers leave only once everything they tell is committed.

use charging::site::EvseView;
use serde::Serialize;
use units::{Amperes, CircuitId, EvseId, IdToken, PerPhase, SessionId, SiteId, StationId, Timestamp, TransactionId, WattHours};

/// A question about the sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All sites, in brief.
    Sites,
    /// One site with circuits and EVSEs: what the live page shows.
    Site(SiteId),
    /// All stations.
    Stations,
    /// Open sessions.
    Sessions,
    /// Standing alarms.
    Alarms,
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum QueryAnswer {
    /// The sites.
    Sites(Vec<SiteBrief>),
    /// The site, or nothing where there is none of that name.
    Site(Option<SiteView>),
    /// The stations.
    Stations(Vec<StationView>),
    /// The open sessions.
    Sessions(Vec<SessionView>),
    /// The alarms that stand.
    Alarms(Vec<crate::contract::Alarm>),
}

/// A site in brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteBrief {
    /// The site.
    pub site: SiteId,
    /// Its name for people.
    pub name: String,
    /// How many EVSEs it has.
    pub evses: usize,
    /// How many are in a transaction.
    pub in_transaction: usize,
}

/// A site as the live page shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteView {
    /// The site.
    pub site: SiteId,
    /// Its name for people.
    pub name: String,
    /// When this was true.
    pub at: Timestamp,
    /// The circuits, parents before children.
    pub circuits: Vec<CircuitView>,
    /// The EVSEs, in the order of configuration.
    pub evses: Vec<EvseLine>,
}

/// A circuit: what flows against what may flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CircuitView {
    /// The circuit.
    pub circuit: CircuitId,
    /// Its name for people.
    pub name: String,
    /// The circuit above.
    pub parent: Option<CircuitId>,
    /// What it may carry, per phase.
    pub rating: PerPhase<Amperes>,
    /// What its meter last showed, where it has one.
    pub metered: Option<PerPhase<Amperes>>,
    /// The meter's reading is too old or contradictory.
    pub is_stale: bool,
    /// Base load as control holds it true at worst.
    pub base: PerPhase<Amperes>,
    /// What our EVSEs below draw, as last measured.
    pub drawn: PerPhase<Amperes>,
    /// What our EVSEs below may draw at worst: the sum of ceilings.
    pub ceilings: PerPhase<Amperes>,
}

/// An EVSE with its station and transaction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvseLine {
    /// The EVSE.
    pub evse: EvseId,
    /// Control's view: limit, ceiling, drawn, what limits it.
    pub control: EvseView,
    /// The station's link is up.
    pub is_online: bool,
    /// OCPP status, as last told.
    pub status: String,
    /// The transaction, where one runs.
    pub transaction: Option<TransactionId>,
    /// Energy of the running transaction so far.
    pub energy: Option<WattHours>,
}

/// A station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StationView {
    /// Registration and learned facts.
    pub row: crate::record::StationRow,
    /// The link is up.
    pub is_online: bool,
    /// The last frame heard.
    pub heard_at: Option<Timestamp>,
}

/// An open session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// The session.
    pub session: SessionId,
    /// Where.
    pub evse: EvseId,
    /// Since when.
    pub began_at: Timestamp,
    /// The running transaction.
    pub transaction: Option<TransactionId>,
    /// For whom, as presented.
    pub token: Option<IdToken>,
    /// The EVSE's station.
    pub station: StationId,
    /// Energy so far.
    pub energy: Option<WattHours>,
}
