//! Local authorization lists: they follow the directory, by their differences where the station holds what we think.
//!
//! S1: a local list lets transactions start without our acceptance. Only a station all of whose EVSEs count as starting
//! alone (`starts_alone`) has one.

use std::collections::{BTreeMap, VecDeque};

use billing::directory::TokenStatus;
use units::{IdToken, StationId, Timestamp};

use super::attend::in_words;
use super::{
    Arrival, Ask, Cause, ListEntry, ListUpdate, LocalListRow, Lost, SettingKey, Told, UpkeepRow, Verdict,
};
use crate::call::Priority;
use crate::csms::Csms;

/// What a station that does not say takes in one message.
const ENTRIES_DEFAULT: u16 = 20;
/// After the highest number it begins anew.
const VERSION_MAX: i32 = 0x7FFF_FFFE;

/// A list on its way.
#[derive(Debug)]
pub(super) struct Sync {
    phase: Phase,
    /// A message was refused since the station holds another version: all is sent anew, once.
    was_mismatched: bool,
    /// What is sent, and what the station holds once it took all of it.
    chunks: VecDeque<Vec<ListEntry>>,
    wanted: BTreeMap<IdToken, Option<Timestamp>>,
    update: ListUpdate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    AskLimit,
    AskVersion,
    Send,
}

impl Csms {
    pub(super) fn keep_list(
        &mut self,
        now: Timestamp,
        station: &StationId,
        is_kept: bool,
    ) -> Result<(), String> {
        let place = self.known_station(station)?;
        if is_kept {
            self.may_have_list(place)?;
        }
        let row = self.upkeep.lists.entry(station.clone()).or_insert_with(|| LocalListRow {
            station: station.clone(),
            is_kept,
            version: 0,
            tokens: BTreeMap::new(),
            entries_max: None,
            word: String::new(),
            at: now,
        });
        row.is_kept = is_kept;
        row.at = now + self.core.wall_offset;
        let row = row.clone();
        self.keep(UpkeepRow::LocalList(row));
        self.begin_sync(now, station, Arrival::WithBoot);
        Ok(())
    }

    /// S1: tokens that the station knows by itself may start a transaction at any time.
    fn may_have_list(&self, place: usize) -> Result<(), String> {
        let station = &self.stations[place];
        let Some(site) = station.site else { return Err(format!("station {} is in no site", station.id())) };
        let evses = &self.core.sites.config(site).evses;
        let mut own = evses.iter().filter(|evse| evse.id.station == *station.id());
        match own.find(|evse| !evse.starts_alone) {
            None => Ok(()),
            Some(evse) => Err(format!(
                "S1: a local list lets transactions start without our acceptance; state `starts_alone` for EVSE {} in the \
                 site's configuration first",
                evse.id
            )),
        }
    }

    /// Stations that hold a list of ours: their EVSEs start alone (S1).
    pub(crate) fn lists_against(&self, config: &charging::network::SiteConfig) -> Vec<String> {
        let needs = config.evses.iter().filter(|evse| !evse.starts_alone);
        let holds = needs.filter(|evse| {
            self.upkeep.lists.get(&evse.id.station).is_some_and(|row| row.is_kept || !row.tokens.is_empty())
        });
        holds
            .map(|evse| {
                format!(
                    "S1: station {} holds a local list, by which EVSE {} starts alone: empty the list first",
                    evse.id.station, evse.id
                )
            })
            .collect()
    }

    pub(super) fn directory_changed(&mut self, now: Timestamp) {
        for station in self.upkeep.lists.keys().cloned().collect::<Vec<_>>() {
            self.begin_sync(now, &station, Arrival::WithoutBoot);
        }
    }

    pub(super) fn arrived_for_list(&mut self, now: Timestamp, station: &StationId, arrival: Arrival) {
        self.upkeep.syncs.remove(station);
        self.begin_sync(now, station, arrival);
    }

    /// Makes a station's list as it is to be. After a boot the station is asked what it holds.
    fn begin_sync(&mut self, now: Timestamp, station: &StationId, arrival: Arrival) {
        if !self.is_reachable(station) || self.upkeep.syncs.contains_key(station) {
            return;
        }
        let Some(row) = self.upkeep.lists.get(station) else { return };
        let wanted = if row.is_kept { self.tokens_for(now, station) } else { BTreeMap::new() };
        let is_known = arrival == Arrival::WithoutBoot && row.version > 0;
        if is_known && wanted == row.tokens {
            return;
        }
        let phase = match (row.entries_max, is_known) {
            (None, _) => Phase::AskLimit,
            (Some(_), false) => Phase::AskVersion,
            (Some(_), true) => Phase::Send,
        };
        let sync = Sync {
            phase,
            was_mismatched: false,
            chunks: VecDeque::new(),
            wanted,
            update: ListUpdate::Differential,
        };
        self.upkeep.syncs.insert(station.clone(), sync);
        if phase == Phase::Send {
            self.send_list(now, station, ListUpdate::Differential);
        } else {
            self.ask_of_list(now, station);
        }
    }

    /// The tokens that may charge at some EVSE of the station, with their expiry.
    fn tokens_for(&self, now: Timestamp, station: &StationId) -> BTreeMap<IdToken, Option<Timestamp>> {
        let Some(&place) = self.station_by_id.get(station) else { return BTreeMap::new() };
        let wall = self.core.wall(now);
        let evses = &self.stations[place].evses;
        let directory = &self.core.directory;
        let admitted =
            directory.parts().tokens.iter().filter(|(token, _)| {
                evses.iter().any(|evse| directory.authorise(token, &evse.id, wall).is_ok())
            });
        admitted
            .map(|(token, entry)| {
                let until = match entry.status {
                    TokenStatus::ValidUntil(until) => Some(until),
                    TokenStatus::Valid | TokenStatus::Blocked => None,
                };
                (token.clone(), until)
            })
            .collect()
    }

    fn ask_of_list(&mut self, now: Timestamp, station: &StationId) {
        let Some(sync) = self.upkeep.syncs.get(station) else { return };
        let Some(&place) = self.station_by_id.get(station) else { return };
        let ask = match sync.phase {
            Phase::AskLimit => Ask::Get(match self.stations[place].version() {
                ocpp::Version::V16 => SettingKey::Key { key: "SendLocalListMaxLength".to_owned() },
                ocpp::Version::V201 | ocpp::Version::V21 => SettingKey::Variable {
                    component: "LocalAuthListCtrlr".to_owned(),
                    variable: "ItemsPerMessage".to_owned(),
                    instance: None,
                    evse: None,
                },
            }),
            Phase::AskVersion => Ask::ListVersion,
            Phase::Send => return,
        };
        self.ask_for(now, station, Priority::Housekeeping, ask, Cause::List);
    }

    pub(super) fn list_answered(&mut self, now: Timestamp, station: &StationId, end: Result<Told, Lost>) {
        let Some(sync) = self.upkeep.syncs.get_mut(station) else { return };
        let Some(row) = self.upkeep.lists.get_mut(station) else { return };
        match (sync.phase, end) {
            (_, end @ Err(_)) => self.end_sync(now, station, &in_words(&end)),
            (Phase::AskLimit, Ok(told)) => {
                let said = told.value.and_then(|value| value.trim().parse().ok()).filter(|&limit| limit > 0);
                row.entries_max = Some(said.unwrap_or(ENTRIES_DEFAULT));
                sync.phase = Phase::AskVersion;
                self.ask_of_list(now, station);
            }
            (Phase::AskVersion, Ok(told)) => {
                let held: Option<i32> = told.value.as_deref().and_then(|version| version.parse().ok());
                let is_empty_as_wanted = held == Some(0) && row.version == 0 && sync.wanted.is_empty();
                if !told.verdict.is_success() || held == Some(-1) {
                    let word =
                        if held == Some(-1) { "the station keeps no list".to_owned() } else { told.word };
                    self.end_sync(now, station, &word);
                } else if held == Some(row.version) && row.tokens == sync.wanted || is_empty_as_wanted {
                    self.end_sync(now, station, "as it is to be");
                } else if held == Some(row.version) && row.version > 0 {
                    self.send_list(now, station, ListUpdate::Differential);
                } else {
                    self.send_list(now, station, ListUpdate::Full);
                }
            }
            (Phase::Send, Ok(told)) => self.list_taken(now, station, &told),
        }
    }

    /// Cuts what is to be said into messages, and says the first.
    fn send_list(&mut self, now: Timestamp, station: &StationId, update: ListUpdate) {
        let Some(sync) = self.upkeep.syncs.get_mut(station) else { return };
        let Some(row) = self.upkeep.lists.get(station) else { return };
        let is_news = |(token, until): &(&IdToken, &Option<Timestamp>)| match update {
            ListUpdate::Full => true,
            ListUpdate::Differential => row.tokens.get(token) != Some(until),
        };
        let mut entries: Vec<ListEntry> = sync
            .wanted
            .iter()
            .filter(is_news)
            .map(|(token, until)| ListEntry::Accepted(token.clone(), *until))
            .collect();
        if update == ListUpdate::Differential {
            let gone = row.tokens.keys().filter(|token| !sync.wanted.contains_key(token));
            entries.extend(gone.map(|token| ListEntry::Removed(token.clone())));
        }
        let size = usize::from(row.entries_max.unwrap_or(ENTRIES_DEFAULT)).max(1);
        sync.phase = Phase::Send;
        sync.update = update;
        sync.chunks = entries.chunks(size).map(<[ListEntry]>::to_vec).collect();
        if sync.chunks.is_empty() {
            // An empty list is said too.
            sync.chunks.push_back(Vec::new());
        }
        self.send_chunk(now, station);
    }

    fn send_chunk(&mut self, now: Timestamp, station: &StationId) {
        let Some(sync) = self.upkeep.syncs.get(station) else { return };
        let Some(row) = self.upkeep.lists.get(station) else { return };
        let Some(entries) = sync.chunks.front().cloned() else { return };
        let ask = Ask::SendList { version: next_version(row.version), update: sync.update, entries };
        self.ask_for(now, station, Priority::Housekeeping, ask, Cause::List);
    }

    fn list_taken(&mut self, now: Timestamp, station: &StationId, told: &Told) {
        let wall = self.core.wall(now);
        let Some(sync) = self.upkeep.syncs.get_mut(station) else { return };
        let Some(row) = self.upkeep.lists.get_mut(station) else { return };
        match told.verdict {
            Verdict::Done | Verdict::Scheduled | Verdict::RebootRequired => {}
            Verdict::Mismatch if !sync.was_mismatched => {
                sync.was_mismatched = true;
                return self.send_list(now, station, ListUpdate::Full);
            }
            Verdict::Mismatch | Verdict::Refused | Verdict::NotSupported | Verdict::ReadOnly => {
                return self.end_sync(now, station, &told.word);
            }
        }
        if sync.update == ListUpdate::Full {
            row.tokens.clear();
        }
        for entry in sync.chunks.pop_front().into_iter().flatten() {
            match entry {
                ListEntry::Accepted(token, until) => row.tokens.insert(token, until),
                ListEntry::Removed(token) => row.tokens.remove(&token),
            };
        }
        row.version = next_version(row.version);
        // What follows the first message of a full list adds to it.
        sync.update = ListUpdate::Differential;
        (row.word, row.at) = (told.word.clone(), wall);
        let (kept, is_sent) = (row.clone(), sync.chunks.is_empty());
        let what = format!("send its local list, version {}", kept.version);
        self.note(now, station, "directory", what, told.word.clone());
        if is_sent {
            self.keep(UpkeepRow::LocalList(kept));
            self.upkeep.syncs.remove(station);
            // The directory may have changed meanwhile.
            self.begin_sync(now, station, Arrival::WithoutBoot);
        } else {
            self.keep(UpkeepRow::LocalList(kept));
            self.send_chunk(now, station);
        }
    }

    fn end_sync(&mut self, now: Timestamp, station: &StationId, word: &str) {
        let wall = self.core.wall(now);
        self.upkeep.syncs.remove(station);
        let Some(row) = self.upkeep.lists.get_mut(station) else { return };
        (row.word, row.at) = (word.to_owned(), wall);
        let row = row.clone();
        self.keep(UpkeepRow::LocalList(row));
    }
}

const fn next_version(version: i32) -> i32 {
    if version >= VERSION_MAX { 1 } else { version + 1 }
}
