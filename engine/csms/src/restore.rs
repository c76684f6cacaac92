//! Restart: the state rows and the facts of open transactions make an engine that equals the one that stopped (S8).

use std::collections::BTreeMap;

use billing::cdr::EvidenceRef;
use charging::network::Network;
use charging::site::EvseRecord;
use units::{EvseId, StationId, Timestamp, TransactionId};

use crate::csms::Csms;
use crate::evidence::OpenTransaction;
use crate::record::{
    EvidenceRow, FactsRow, MeterValuesRow, Record, SessionRow, SiteRow, StationRow, TermsRow, TransactionRow,
};
use crate::station::Station;
use crate::upkeep::UpkeepRow;

/// State rows and facts, sorted by what needs what.
#[derive(Default)]
struct Sorted<'a> {
    sites: Vec<&'a SiteRow>,
    stations: BTreeMap<&'a StationId, &'a StationRow>,
    facts: Vec<&'a FactsRow>,
    evses: BTreeMap<&'a EvseId, &'a EvseRecord>,
    sessions: Vec<&'a SessionRow>,
    transactions: Vec<&'a TransactionRow>,
    evidence: Vec<&'a EvidenceRow>,
    values: Vec<&'a MeterValuesRow>,
    errands: Vec<&'a UpkeepRow>,
    terms: Vec<&'a TermsRow>,
}

impl Csms {
    /// Takes back what the store held. Nothing is persisted: it all is already.
    ///
    /// # Panics
    ///
    /// Where a site was committed that cannot be built: a site is checked before it is committed.
    pub(crate) fn restore<'a>(&mut self, now: Timestamp, records: impl Iterator<Item = &'a Record>) {
        let sorted = self.sort(records);
        for SiteRow { config } in sorted.sites {
            let network = Network::build(config.clone());
            assert!(
                network.is_ok(),
                "site {} was committed and cannot be built: {:?}",
                config.id,
                network.err()
            );
            let Ok(network) = network else { continue };
            let records: BTreeMap<EvseId, EvseRecord> = config
                .evses
                .iter()
                .filter_map(|evse| Some((evse.id.clone(), (*sorted.evses.get(&evse.id)?).clone())))
                .collect();
            let index = self.core.sites.put(now, config.clone(), network, records);
            for evse in &config.evses {
                if !self.station_by_id.contains_key(&evse.id.station) {
                    let station = Station::new(evse.id.station.clone(), index, config, now);
                    self.push_station(station);
                }
            }
        }
        for row in sorted.terms {
            // A site that is gone keeps its row and has no place.
            if let Some(index) = self.core.sites.index_of(&row.site) {
                self.core.sites.set_terms(now, index, row.terms.clone(), self.core.wall_offset);
            }
        }
        for (id, row) in sorted.stations {
            // A station that was taken from its site keeps its row and has no place.
            if let Some(&place) = self.station_by_id.get(id) {
                self.stations[place].row = row.clone();
            }
        }
        for row in sorted.facts {
            if let Some(&place) = self.station_by_id.get(&row.station) {
                self.stations[place].facts = row.clone();
            }
        }
        for session in sorted.sessions.into_iter().filter(|session| session.ended_at.is_none()) {
            self.with_evse(&session.evse, |station, place| {
                station.evses[place].session = Some(session.clone());
            });
        }
        for errand in sorted.errands {
            self.restore_upkeep(errand);
        }
        let mut places = BTreeMap::new();
        for row in sorted.transactions {
            if let Some(place) = self.place_of(&row.evse) {
                self.stations[place].transactions.restore(row.clone());
                places.insert(row.transaction, place);
            }
        }
        for row in sorted.evidence {
            if let Some(open) = self.open_at(&places, row.transaction) {
                open.told_at(row.received_at);
                open.rest_on(EvidenceRef { frame: row.frame, sha256: row.sha256 });
            }
        }
        for row in sorted.values {
            if let Some(open) = self.open_at(&places, row.transaction) {
                open.told_at(row.received_at);
                if let Some(number) = row.seq_no {
                    open.row.events.insert(number);
                }
                for sample in &row.samples {
                    sample.register.map(|reading| open.read(reading, sample.at));
                }
            }
        }
        for place in 0..self.stations.len() {
            let Self { stations, core, .. } = self;
            stations[place].restored(core, now);
            self.rewake(place);
        }
    }

    fn sort<'a>(&mut self, records: impl Iterator<Item = &'a Record>) -> Sorted<'a> {
        let mut sorted = Sorted::default();
        for record in records {
            match record {
                Record::Site(row) => sorted.sites.push(row),
                Record::Station(row) => {
                    sorted.stations.insert(&row.station, row);
                }
                Record::Security(row) => {
                    self.core.security.insert(row.station.clone(), row.as_ref().clone());
                }
                Record::Facts(row) => sorted.facts.push(row),
                // Errands belong to jobs.
                Record::Upkeep(row) if matches!(row.as_ref(), UpkeepRow::Errand(_)) => {
                    sorted.errands.push(row.as_ref());
                }
                Record::Terms(row) => sorted.terms.push(row),
                Record::Upkeep(row) => self.restore_upkeep(row),
                Record::Evse(row) => {
                    sorted.evses.insert(&row.evse, &row.control);
                }
                Record::Session(row) => sorted.sessions.push(row),
                Record::Transaction(row) => sorted.transactions.push(row),
                Record::Counters(row) => {
                    self.core.counters = *row;
                    self.core.message_next = row.message;
                }
                Record::Evidence(row) => sorted.evidence.push(row),
                Record::MeterValues(row) => sorted.values.push(row),
                Record::Cdr(_)
                | Record::Finding(_)
                | Record::Notice(_)
                | Record::Reason(_)
                | Record::Audit(_) => {}
            }
        }
        sorted.sites.sort_by(|a, b| a.config.id.cmp(&b.config.id));
        sorted.sessions.sort_by_key(|row| row.session);
        sorted.transactions.sort_by_key(|row| row.transaction);
        sorted
    }

    fn open_at(
        &mut self,
        places: &BTreeMap<TransactionId, usize>,
        transaction: Option<TransactionId>,
    ) -> Option<&mut OpenTransaction> {
        let &place = places.get(&transaction?)?;
        self.stations[place].transactions.open_mut(transaction?)
    }

    fn with_evse(&mut self, evse: &EvseId, change: impl FnOnce(&mut Station, usize)) {
        if let Some(place) = self.place_of(evse)
            && let Some(number) = self.stations[place].evse(evse.number)
        {
            change(&mut self.stations[place], number);
        }
    }
}
