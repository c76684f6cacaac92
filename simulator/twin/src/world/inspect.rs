//! What the engine holds true, asked without moving it: a query is answered once committed and changes nothing.

use csms::query::{SessionView, SiteView, StationView};
use csms::{Csms, Input, Query, QueryAnswer};
use units::{RequestId, TimeSpan};

use super::{Event, World};
use crate::queue::Precedence;
use crate::watch::belief::Told;

/// How often the engine is asked.
pub const INSPECT: TimeSpan = TimeSpan::from_minutes(2);
/// An answer that waited longer for its commit tells of another time.
const ANSWERED: TimeSpan = TimeSpan::from_seconds(1);

impl World {
    pub(super) fn inspect(&mut self) {
        self.queue.push(self.now + INSPECT, Precedence::Control, Event::Inspect);
        self.watch.judge_waits(self.now);
        self.watch.judge_recovery(self.now, &self.standing);
        if self.engine.is_none() || self.disk_faults > 0 {
            return;
        }
        let request = self.request();
        self.inspection = Some((request, self.now));
        let query = Query::Site(self.scenario.site.config.id.clone());
        self.csms(Input::Query { request, query });
    }

    pub(super) fn is_inspection(&self, request: RequestId) -> bool {
        self.inspection.is_some_and(|(asked, _)| asked == request)
    }

    pub(super) fn inspected(&mut self, answer: QueryAnswer) {
        let Some((_, asked_at)) = self.inspection.take() else { return };
        let Some(view) = site_of(answer) else { return };
        if self.now.since(asked_at) > ANSWERED {
            return;
        }
        let told = self.told();
        self.watch.judge_belief(self.now, &self.truth, &view, &told);
    }

    /// What the stations say of each EVSE.
    fn told(&self) -> Vec<Told> {
        let mut told = vec![Told::default(); self.truth.evses().len()];
        for slot in &self.stations {
            let is_all_acknowledged = slot.station.queued_transaction_messages() == 0;
            for (connector, &evse) in (1..).zip(&slot.evses) {
                let running = slot.station.transaction(connector).and_then(|running| running.name);
                let transaction = running.and_then(|name| self.store.transaction_named(&slot.id, &name));
                told[evse] = Told { transaction, is_all_acknowledged };
            }
        }
        told
    }

    /// What an engine restored from the records would hold other than the one that lives. Only where all that it knows
    /// is on the disk: what is not is lost by right.
    pub(super) fn compare_restored(&mut self) {
        let Some(engine) = self.engine.as_ref().filter(|engine| engine.is_all_durable()) else { return };
        if self.disk_faults > 0 {
            return;
        }
        let restored = Csms::restored(self.now, self.store.csms_rows());
        let told = differences(&self.known(engine.csms()), &self.known(&restored));
        self.watch.judge_restored(self.now, &told);
    }

    fn known(&self, csms: &Csms) -> Known {
        let look = |query| csms.look(self.now, &query);
        Known {
            site: site_of(look(Query::Site(self.scenario.site.config.id.clone()))),
            stations: stations_of(look(Query::Stations)),
            sessions: sessions_of(look(Query::Sessions)),
        }
    }
}

/// What an engine holds true.
struct Known {
    site: Option<SiteView>,
    stations: Vec<StationView>,
    sessions: Vec<SessionView>,
}

/// What differs, in words: registrations, sessions and transactions with their energy, and ceilings that are lower.
fn differences(lives: &Known, restored: &Known) -> Vec<String> {
    let mut told = Vec::new();
    let rows = |known: &Known| known.stations.iter().map(|view| view.row.clone()).collect::<Vec<_>>();
    for (before, after) in rows(lives).into_iter().zip(rows(restored)) {
        if before != after {
            told.push(format!("station {before:?} would be {after:?}"));
        }
    }
    if lives.sessions != restored.sessions {
        told.push(format!("sessions {:?} would be {:?}", lives.sessions, restored.sessions));
    }
    let (Some(before), Some(after)) = (&lives.site, &restored.site) else {
        told.push("the site would not be known".to_owned());
        return told;
    };
    for (before, after) in before.evses.iter().zip(&after.evses) {
        let evse = &before.evse;
        let running =
            |line: &csms::query::EvseLine| (line.transaction, line.energy, line.control.is_in_transaction);
        if running(before) != running(after) {
            told.push(format!("EVSE {evse}: {:?} would be {:?}", running(before), running(after)));
        }
        // Where the engine that lives doubts what is in force, it names no limit; the record of the last one is kept.
        if before.control.limit.is_some() && before.control.limit != after.control.limit {
            let limits = (before.control.limit, after.control.limit);
            told.push(format!("EVSE {evse}: the limit {:?} would be {:?}", limits.0, limits.1));
        }
        let (before, after) = (before.control.ceiling, after.control.ceiling);
        if before.zip_with(after, |before, after| before - after).highest() > units::Amperes::ZERO {
            told.push(format!("EVSE {evse}: the ceiling {before} would be {after}"));
        }
    }
    told
}

fn site_of(answer: QueryAnswer) -> Option<SiteView> {
    match answer {
        QueryAnswer::Site(view) => view,
        QueryAnswer::Sites(_)
        | QueryAnswer::Stations(_)
        | QueryAnswer::Sessions(_)
        | QueryAnswer::Alarms(_)
        | QueryAnswer::Station(_)
        | QueryAnswer::Plan(_)
        | QueryAnswer::Terms(_) => None,
    }
}

fn stations_of(answer: QueryAnswer) -> Vec<StationView> {
    match answer {
        QueryAnswer::Stations(views) => views,
        QueryAnswer::Sites(_)
        | QueryAnswer::Site(_)
        | QueryAnswer::Sessions(_)
        | QueryAnswer::Alarms(_)
        | QueryAnswer::Station(_)
        | QueryAnswer::Plan(_)
        | QueryAnswer::Terms(_) => Vec::new(),
    }
}

fn sessions_of(answer: QueryAnswer) -> Vec<SessionView> {
    match answer {
        QueryAnswer::Sessions(views) => views,
        QueryAnswer::Sites(_)
        | QueryAnswer::Site(_)
        | QueryAnswer::Stations(_)
        | QueryAnswer::Alarms(_)
        | QueryAnswer::Station(_)
        | QueryAnswer::Plan(_)
        | QueryAnswer::Terms(_) => Vec::new(),
    }
}
