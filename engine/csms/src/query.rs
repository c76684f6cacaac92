//! What is known, as values for pages and the API. Answers leave only once everything they tell is committed.

use charging::network::{EvseConfig, SiteConfig};
use charging::plan::Plan;
use charging::site::{CircuitState, EvseView, Explanation, Site};
use charging::terms::Terms;
use serde::Serialize;
use units::{
    Amperes, CircuitId, EvseId, IdToken, PerPhase, SessionId, SiteId, StationId, Timestamp, TransactionId,
    WattHours,
};

use crate::contract::Alarm;
use crate::csms::Csms;
use crate::evidence::OpenTransaction;
use crate::findings::StationFinding;
use crate::quality::Connection;
use crate::quirks::{Entry, Quirks};
use crate::record::FactsRow;
use crate::station::{Evse, Station};

/// A question about the sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All sites, in brief.
    Sites,
    /// One site with circuits and EVSEs: what the live page shows.
    Site(SiteId),
    /// The plan that a site goes by.
    Plan(SiteId),
    /// What energy and power cost at a site, and what others command.
    Terms(SiteId),
    /// All stations.
    Stations,
    /// One station, with all that is known of it.
    Station(StationId),
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
    /// The plan in use, or nothing where there is none; it may be over.
    Plan(Option<Box<Plan>>),
    /// The terms of the site, or nothing where there is none of that name.
    Terms(Option<Box<TermsView>>),
    /// The stations.
    Stations(Vec<StationView>),
    /// The station, or nothing where no site names it.
    Station(Option<Box<StationDetail>>),
    /// The open sessions.
    Sessions(Vec<SessionView>),
    /// The alarms that stand.
    Alarms(Vec<AlarmView>),
}

/// The terms of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TermsView {
    /// As told, by the wall clock.
    pub terms: Terms,
    /// Up to when prices are told without a gap; after it those of a day before stand for them. None where no price is told.
    pub prices_known_until: Option<Timestamp>,
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmView {
    /// The alarm.
    pub alarm: Alarm,
    /// For people, and what it is named by when it is acknowledged.
    pub text: String,
    /// Since when, by the wall clock.
    pub since: Timestamp,
    /// Who knows of it, where somebody does. An alarm that is raised again is not.
    pub acknowledged: Option<Acknowledged>,
}

/// Somebody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When, by the wall clock.
    pub at: Timestamp,
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
    /// Rating less reserve: what base load and EVSEs may draw together.
    pub usable: PerPhase<Amperes>,
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
    /// Why, who shares, when there is more, what the plan intends.
    pub explanation: Explanation,
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

/// A station, with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StationDetail {
    /// Registration and learned facts.
    pub row: crate::record::StationRow,
    /// The link is up.
    pub is_online: bool,
    /// The last frame heard.
    pub heard_at: Option<Timestamp>,
    /// Its EVSEs.
    pub evses: Vec<EvseLine>,
    /// What a person should know, what is worst first.
    pub findings: Vec<StationFinding>,
    /// What it has shown, how it is set, what was wrong with it.
    pub facts: FactsRow,
    /// The entries of the table of quirks that match it.
    pub entries: Vec<Entry>,
    /// What they say together.
    pub quirks: Quirks,
    /// How good its connection is, since this run began.
    pub connection: Connection,
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

impl Csms {
    pub(crate) fn answer(&self, now: Timestamp, query: &Query) -> QueryAnswer {
        match query {
            Query::Sites => {
                QueryAnswer::Sites(self.core.sites.iter().map(|(site, _)| self.brief(site)).collect())
            }
            Query::Site(id) => QueryAnswer::Site(self.core.sites.index_of(id).map(|index| {
                self.site_view(now, self.core.sites.config(index), self.core.sites.site(index))
            })),
            Query::Plan(id) => QueryAnswer::Plan(
                self.control(id).and_then(|site| site.plan()).map(|plan| Box::new(plan.clone())),
            ),
            Query::Terms(id) => QueryAnswer::Terms(self.core.sites.index_of(id).map(|index| {
                let terms = self.core.sites.terms(index).clone();
                Box::new(TermsView {
                    prices_known_until: terms.prices_known_until(self.core.wall(now)),
                    terms,
                })
            })),
            Query::Stations => {
                let known = self.station_by_id.values().map(|&place| &self.stations[place]);
                QueryAnswer::Stations(
                    known
                        .filter(|station| station.site.is_some())
                        .map(|station| StationView {
                            row: station.row.clone(),
                            is_online: station.is_online(),
                            heard_at: station.heard_at,
                        })
                        .collect(),
                )
            }
            Query::Station(id) => QueryAnswer::Station(self.station_detail(now, id).map(Box::new)),
            Query::Sessions => QueryAnswer::Sessions(self.sessions()),
            Query::Alarms => QueryAnswer::Alarms(
                self.core
                    .alarms
                    .iter()
                    .map(|(alarm, state)| AlarmView {
                        alarm: alarm.clone(),
                        text: alarm.to_string(),
                        since: state.since,
                        acknowledged: state.acknowledged.clone(),
                    })
                    .collect(),
            ),
        }
    }

    fn brief(&self, site: &SiteConfig) -> SiteBrief {
        let is_in_transaction =
            |evse: &&EvseConfig| self.evse(&evse.id).is_some_and(|(_, evse)| evse.current.is_some());
        SiteBrief {
            site: site.id.clone(),
            name: site.name.clone(),
            evses: site.evses.len(),
            in_transaction: site.evses.iter().filter(is_in_transaction).count(),
        }
    }

    fn site_view(&self, now: Timestamp, config: &SiteConfig, site: &Site) -> SiteView {
        let circuit_view = |state: CircuitState| CircuitView {
            circuit: state.circuit,
            name: state.name,
            parent: state.parent,
            rating: state.rating,
            usable: state.usable,
            metered: state.metered,
            is_stale: state.is_stale,
            base: state.base,
            drawn: state.drawn,
            ceilings: state.ceilings,
        };
        let mut evses = Vec::with_capacity(config.evses.len());
        let lines = site.evse_views(now).zip(site.explanations(now));
        evses.extend(lines.filter_map(|(control, explanation)| self.evse_line(control, explanation)));
        SiteView {
            site: config.id.clone(),
            name: config.name.clone(),
            at: now,
            circuits: site.circuit_views(now).into_iter().map(circuit_view).collect(),
            evses,
        }
    }

    fn station_detail(&self, now: Timestamp, id: &StationId) -> Option<StationDetail> {
        let station = &self.stations[*self.station_by_id.get(id)?];
        let site = self.core.sites.site(station.site?);
        let lines = site.evse_views(now).zip(site.explanations(now));
        let own = lines.filter(|(view, _)| view.evse.station == *id);
        let is_matching = |entry: &&Entry| station.known.entries.contains(&entry.name);
        let up_since = station.link.as_ref().map(|link| self.core.wall(link.up_at));
        Some(StationDetail {
            row: station.row.clone(),
            is_online: station.is_online(),
            heard_at: station.heard_at.map(|at| self.core.wall(at)),
            evses: own.filter_map(|(control, explanation)| self.evse_line(control, explanation)).collect(),
            findings: station.findings(&self.core, now),
            facts: station.facts.clone(),
            entries: self.core.policy.quirks.entries().iter().filter(is_matching).cloned().collect(),
            quirks: station.known.quirks.clone(),
            connection: station.quality.view(up_since, station.row.ocpp_version),
        })
    }

    fn evse_line(&self, control: EvseView, explanation: Explanation) -> Option<EvseLine> {
        let (station, evse) = self.evse(&control.evse)?;
        let open = evse.current.and_then(|id| station.transactions.open(id));
        Some(EvseLine {
            evse: control.evse.clone(),
            control,
            explanation,
            is_online: station.is_online(),
            status: evse.status.clone(),
            transaction: evse.current,
            energy: open.and_then(OpenTransaction::energy),
        })
    }

    fn sessions(&self) -> Vec<SessionView> {
        let stations = self.station_by_id.values().map(|&place| &self.stations[place]);
        let evses = stations.flat_map(|station| station.evses.iter().map(move |evse| (station, evse)));
        evses
            .filter_map(|(station, evse)| {
                let session = evse.session.as_ref()?;
                let open = evse.current.and_then(|id| station.transactions.open(id));
                Some(SessionView {
                    session: session.session,
                    evse: evse.id.clone(),
                    began_at: session.began_at,
                    transaction: evse.current,
                    token: open.and_then(|open| open.row.token.clone()),
                    station: station.id().clone(),
                    energy: open.and_then(OpenTransaction::energy),
                })
            })
            .collect()
    }

    fn evse(&self, id: &EvseId) -> Option<(&Station, &Evse)> {
        let station = &self.stations[self.place_of(id)?];
        Some((station, &station.evses[station.evse(id.number)?]))
    }
}
