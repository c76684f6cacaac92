//! Links: OCPP text between stations and engine, with latency, in order per link and direction.

use ::plant::ev::EvPhases;
use ::plant::evse::EvseConfig;
use ::plant::station::{ConnectorStatus, OcppVersion, Quirk, Station, StationConfig, StationOutput};
use rand::RngExt;
use units::{LinkId, StationId, TimeSpan, Timestamp};

use super::engine::Unacknowledged;
use super::{Event, World};
use crate::fault::Fault;
use crate::frame_text::{Head, head, payload_hash};
use crate::queue::Precedence;
use crate::recorder::TransactionSeen;
use crate::scenario::Scenario;
use crate::truth::Truth;
use crate::watch::{Note, PlantEvse};

/// A station with its link.
#[derive(Debug)]
pub struct StationSlot {
    pub(super) id: StationId,
    pub(super) station: Station,
    /// The places of its connectors' EVSEs in the site's configuration, connector 1 first.
    pub(super) evses: Vec<usize>,
    /// The link as the station sees it.
    pub(super) link: Option<LinkId>,
    /// Faults that keep its links dead; 0 is none.
    pub(super) dead: u32,
    /// Its clock was set back so far that its schedules have not begun, or it forgot them; until the next one arrives.
    pub(super) lost_schedules: bool,
    /// Power cuts that hold it; 0 is none.
    pub(super) outages: u32,
    pub(super) scheduled: Option<Timestamp>,
    is_connecting: bool,
    /// When the last frame of each direction arrives: order holds.
    to_engine_at: Timestamp,
    to_station_at: Timestamp,
    pub(super) seen: Vec<ConnectorSeen>,
    /// Places in the recorder of transactions that have no name yet, be it that they are over: an answer may be late.
    nameless: Vec<usize>,
    /// The last limit that left for it and is not answered: the call's id, and when.
    limit_asked: Option<(String, Timestamp)>,
}

/// What was last seen of a connector.
#[derive(Debug, Default)]
pub struct ConnectorSeen {
    plant: PlantEvse,
    /// The running transaction's place in the recorder.
    transaction: Option<usize>,
}

/// The stations of a scenario's site, powered and without links.
pub fn stations(scenario: &Scenario, truth: &Truth) -> Vec<StationSlot> {
    let config = &scenario.site.config;
    let mut slots: Vec<StationSlot> = Vec::new();
    let mut ids: Vec<&StationId> = config.evses.iter().map(|evse| &evse.id.station).collect();
    ids.sort();
    ids.dedup();
    for (place, id) in ids.into_iter().enumerate() {
        let mut evses: Vec<usize> =
            (0..truth.evses().len()).filter(|&index| truth.evses()[index].id.station == *id).collect();
        evses.sort_by_key(|&index| truth.evses()[index].id.number);
        let mut station = StationConfig::new(id.clone());
        station.version = scenario.stations.ocpp.of(place);
        station.meter_interval = scenario.stations.meter_interval;
        station.reaction = scenario.stations.reaction;
        station.offline_start = scenario.stations.offline_start;
        station.after_power_loss = scenario.stations.after_power_loss;
        station.quirks =
            scenario.stations.quirks.iter().filter(|(of, _)| of == id).map(|(_, quirk)| *quirk).collect();
        station.evses = evses
            .iter()
            .map(|&index| {
                let stated = &config.evses[index];
                let phases = u8::try_from(stated.wiring.phases()).ok().and_then(EvPhases::from_count);
                EvseConfig {
                    current_maximum: stated.current_max,
                    current_minimum: stated.current_min,
                    step: stated.step,
                    phases: phases.unwrap_or(EvPhases::Three),
                    voltage: config.voltage_nominal,
                    ..EvseConfig::default()
                }
            })
            .collect();
        let seed = scenario.seed.wrapping_mul(1_000_003).wrapping_add(u64::try_from(place).unwrap_or(0));
        slots.push(StationSlot {
            id: id.clone(),
            station: Station::new(station, seed, scenario.starts_at),
            seen: evses.iter().map(|_| ConnectorSeen::default()).collect(),
            evses,
            link: None,
            dead: 0,
            outages: 0,
            lost_schedules: false,
            scheduled: None,
            is_connecting: false,
            to_engine_at: scenario.starts_at,
            to_station_at: scenario.starts_at,
            nameless: Vec::new(),
            limit_asked: None,
        });
    }
    slots
}

impl World {
    /// After anything that touched a station: its frames leave, its currents flow, its next deadline is scheduled.
    pub(super) fn observe(&mut self, index: usize) {
        self.observe_and_wake(index, self.now);
    }

    /// As [`Self::observe`]; its next deadline counts as `earliest` where that is later.
    fn observe_and_wake(&mut self, index: usize, earliest: Timestamp) {
        while let Some(output) = self.stations[index].station.poll_output() {
            match output {
                StationOutput::Frame(text) => self.station_sends(index, text),
                StationOutput::DropLink => self.station_drops(index),
                StationOutput::WantsLink => self.connect_later(index),
            }
        }
        for place in 0..self.stations[index].evses.len() {
            self.observe_connector(index, place);
        }
        let StationSlot { station, nameless, .. } = &mut self.stations[index];
        nameless.retain(|&place| {
            let Some(seen) = self.recorder.transactions.get_mut(place) else { return false };
            seen.name = station.transaction_name(seen.number).cloned().or_else(|| seen.name.take());
            seen.name.is_none()
        });
        let slot = &mut self.stations[index];
        if let Some(due) = slot.station.next_deadline() {
            let due = due.max(earliest);
            if slot.scheduled.is_none_or(|scheduled| due < scheduled) {
                slot.scheduled = Some(due);
                self.queue.push(due, Precedence::Physics, Event::Station(index));
            }
        }
    }

    /// A station's deadline came, unless an earlier one was scheduled since.
    pub(super) fn station_due(&mut self, index: usize) {
        let slot = &mut self.stations[index];
        if slot.scheduled != Some(self.now) {
            return;
        }
        slot.scheduled = None;
        slot.station.tick(self.now);
        // A deadline that has come and stays is looked at again a little later: virtual time must move.
        self.observe_and_wake(index, self.now + TimeSpan::from_milliseconds(1));
    }

    fn observe_connector(&mut self, index: usize, place: usize) {
        let slot = &self.stations[index];
        let Ok(connector) = u16::try_from(place + 1) else { return };
        let evse = slot.evses[place];
        let terminals = slot.station.current(connector);
        let truth = slot.station.transaction(connector);
        let ev = slot.station.ev(connector);
        let plant = PlantEvse {
            limit: slot.station.limit(connector),
            may_draw: truth.is_some() && ev.is_some(),
            phases: ev.map_or(0, |ev| ev.model().phases.count()),
            ev_max: ev.map(|ev| ev.model().current_maximum).unwrap_or_default(),
            ev_min: ev.map(|ev| ev.model().current_minimum).unwrap_or_default(),
            wants_energy: ev.is_some_and(|ev| ev.requests_energy(ev.model().current_minimum)),
            is_reachable: slot.link.is_some() && slot.dead == 0,
            is_faulted: slot.station.status(connector) == ConnectorStatus::Faulted,
            follows_limits: !slot.lost_schedules
                && !slot.station.config().quirks.iter().any(|quirk| quirk.disobeys()),
            confirms_limits: !slot.station.config().quirks.iter().any(|quirk| quirk.confirms_nothing()),
        };
        let seen = &mut self.stations[index].seen[place];
        if seen.plant != plant {
            if seen.plant.limit != plant.limit && plant.may_draw {
                self.watch.story.note(self.now, Note::InForce { evse, limit: plant.limit });
            }
            seen.plant = plant;
            self.watch.plant(self.now, evse, plant);
        }
        self.observe_transaction(index, place, truth);
        if let Some(change) = self.truth.set_evse(self.now, evse, terminals) {
            self.recorder.evse(self.now, &self.truth, evse);
            self.watch.evse_changed(self.now, &self.truth, evse, change);
        }
    }

    fn observe_transaction(
        &mut self,
        index: usize,
        place: usize,
        truth: Option<::plant::station::TransactionTruth>,
    ) {
        let slot = &mut self.stations[index];
        let Ok(connector) = u16::try_from(place + 1) else { return };
        let known = slot.seen[place].transaction;
        let is_same = match (known.and_then(|place| self.recorder.transactions.get(place)), &truth) {
            (Some(seen), Some(truth)) => seen.number == truth.number,
            (None, None) => return,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if is_same && let Some(place) = known {
            if let (Some(seen), Some(truth)) = (self.recorder.transactions.get_mut(place), truth) {
                seen.name = truth.name.or_else(|| seen.name.take());
                seen.token = truth.token.or_else(|| seen.token.take());
            }
            return;
        }
        if let Some(seen) = known.and_then(|place| self.recorder.transactions.get_mut(place)) {
            seen.ended = Some((self.now, slot.station.register(connector)));
            slot.seen[place].transaction = None;
        }
        self.watch.transaction_changed(self.now, slot.evses[place]);
        if let Some(truth) = truth {
            slot.seen[place].transaction = Some(self.recorder.transactions.len());
            if truth.name.is_none() {
                slot.nameless.push(self.recorder.transactions.len());
            }
            self.recorder.transactions.push(TransactionSeen {
                evse: self.truth.evses()[slot.evses[place]].id.clone(),
                number: truth.number,
                token: truth.token,
                started_at: truth.started_at,
                register_start: truth.register_at_start,
                ended: None,
                name: truth.name,
                id: None,
            });
        }
    }

    fn station_sends(&mut self, index: usize, text: String) {
        let Some(link) = self.stations[index].link else { return };
        self.recorder.event(self.now, b's', link.0, text.as_bytes());
        if self.stations[index].dead > 0 {
            return;
        }
        if self.is_frame_lost(index) {
            self.frame_vanishes(index, &text);
            return;
        }
        let now = self.now;
        let is_twice = self.scenario.faults.iter().any(|fault| {
            let Fault::FrameDuplication { permille, span } = fault else { return false };
            span.holds(now) && self.rng.random_ratio((*permille).min(1_000), 1_000)
        });
        let at = (self.now + self.latency()).max(self.stations[index].to_engine_at);
        self.stations[index].to_engine_at = at;
        if is_twice {
            self.queue.push(at, Precedence::Message, Event::ToEngine { link, text: text.clone() });
        }
        self.queue.push(at, Precedence::Message, Event::ToEngine { link, text });
    }

    pub(super) fn frame_at_engine(&mut self, link: LinkId, text: String) {
        let Some(&index) = self.station_by_link.get(&link) else { return };
        if self.engine.is_none() || self.stations[index].dead > 0 {
            return;
        }
        self.next_frame += 1;
        self.note_frame(link, "from", &text);
        self.recorder.counts.frames_in += 1;
        match head(&text) {
            Head::Call { id, action } => {
                self.recorder.action(action);
                if carries_transaction(action, &text)
                    && let Some(engine) = &mut self.engine
                {
                    let payload = payload_hash(&text);
                    self.store.frame_arrives(self.next_frame, payload);
                    let key = (index, id.to_owned());
                    engine.unacknowledged.entry(key).or_default().push(Unacknowledged {
                        frame: self.next_frame,
                        payload,
                        beginning: beginning(&text),
                    });
                }
            }
            Head::Result { id } | Head::Error { id, .. } => {
                let slot = &mut self.stations[index];
                match slot.limit_asked.take_if(|(asked, _)| asked == id) {
                    Some((_, sent_at)) if text.contains("Accepted") => {
                        self.watch.limit_accepted(&slot.evses, sent_at);
                    }
                    Some((_, sent_at)) => self.watch.limit_refused(&slot.evses, sent_at),
                    None => {}
                }
            }
            Head::Other => {}
        }
        let frame = self.next_frame;
        self.csms(csms::Input::Frame { link, frame, text: text.into_boxed_str() });
    }

    /// A frame leaves the engine.
    pub(super) fn frame_leaves(&mut self, link: LinkId, text: Box<str>) {
        let Some(&index) = self.station_by_link.get(&link) else { return };
        self.recorder.counts.frames_out += 1;
        // Frames of both directions share their numbers, as in production's frame log.
        self.next_frame += 1;
        self.note_frame(link, "to", &text);
        if let Some(journal) = &mut self.journal {
            journal.left.frame(link, &text);
        }
        self.recorder.event(self.now, b'e', link.0, text.as_bytes());
        match head(&text) {
            Head::Call { action, id } => {
                self.recorder.action(action);
                if action == "SetChargingProfile" {
                    self.stations[index].limit_asked = Some((id.to_owned(), self.now));
                }
                if action == "SetChargingProfile"
                    && self.watch.profile_leaves(self.now, &self.stations[index].evses, &text)
                {
                    self.recorder.counts.limit_changes += 1;
                }
            }
            Head::Result { id } => self.acknowledgement_leaves(index, id),
            Head::Error { .. } | Head::Other => {}
        }
        if self.stations[index].link != Some(link) || self.stations[index].dead > 0 {
            return;
        }
        if self.is_frame_lost(index) {
            self.frame_vanishes(index, &text);
            return;
        }
        let at = (self.now + self.latency()).max(self.stations[index].to_station_at);
        self.stations[index].to_station_at = at;
        self.queue.push(at, Precedence::Message, Event::ToStation { link, text });
    }

    pub(super) fn frame_at_station(&mut self, link: LinkId, text: &str) {
        let Some(&index) = self.station_by_link.get(&link) else { return };
        let slot = &mut self.stations[index];
        if slot.link != Some(link) || slot.dead > 0 {
            return;
        }
        slot.lost_schedules = slot.lost_schedules && !text.contains("SetChargingProfile");
        slot.station.frame(self.now, text);
        self.observe(index);
    }

    fn frame_vanishes(&mut self, index: usize, text: &str) {
        let id = &self.stations[index].id;
        let words = format!("a frame of station {id}'s link vanishes: {}", beginning(text));
        self.watch.story.note(self.now, Note::Text(words));
        self.watch.frame_lost(self.now, &self.stations[index].evses);
    }

    /// S8: what is acknowledged is durable.
    fn acknowledgement_leaves(&mut self, index: usize, id: &str) {
        let Some(engine) = &mut self.engine else { return };
        let Some(frames) = engine.unacknowledged.remove(&(index, id.to_owned())) else { return };
        let station = &self.stations[index].id;
        let mut is_durable = false;
        for &Unacknowledged { frame, payload, .. } in &frames {
            // A repeated message needs no second row.
            is_durable |= self.store.take_evidence(frame) || self.store.has_payload(station, payload);
        }
        let beginning = frames.first().map_or("", |call| &call.beginning);
        self.watch.judge_acknowledgement(self.now, station, beginning, is_durable);
    }

    fn latency(&mut self) -> TimeSpan {
        let timing = self.scenario.timing;
        let spread = timing.latency_spread.milliseconds().max(0);
        let mut latency = timing.latency + TimeSpan::from_milliseconds(self.rng.random_range(0..=spread));
        for fault in &self.scenario.faults {
            if let Fault::FrameDelay { permille, up_to, span } = fault
                && span.holds(self.now)
                && self.rng.random_ratio((*permille).min(1_000), 1_000)
            {
                let more = self.rng.random_range(0..=up_to.milliseconds().max(0));
                latency = latency + TimeSpan::from_milliseconds(more);
            }
        }
        latency
    }

    /// A station tries to open a link soon.
    pub(super) fn connect_later(&mut self, index: usize) {
        if self.stations[index].is_connecting {
            return;
        }
        self.stations[index].is_connecting = true;
        let least = self.scenario.timing.reconnect.milliseconds().max(1);
        let after = TimeSpan::from_milliseconds(self.rng.random_range(least..=least * 3));
        self.queue.push(self.now + after, Precedence::Message, Event::Connect(index));
    }

    pub(super) fn connect(&mut self, index: usize) {
        self.stations[index].is_connecting = false;
        if self.stations[index].link.is_some() {
            return;
        }
        if self.engine.is_none() || self.stations[index].dead > 0 {
            self.connect_later(index);
            return;
        }
        self.next_link = self.next_link.next();
        let link = self.next_link;
        self.station_by_link.insert(link, index);
        self.stations[index].link = Some(link);
        self.recorder.event(self.now, b'u', link.0, &[]);
        self.watch
            .story
            .note(self.now, Note::Text(format!("station {} opens link {link}", self.stations[index].id)));
        let station = self.stations[index].id.clone();
        let version = match self.stations[index].station.config().version {
            OcppVersion::V16 => csms::Version::V16,
            OcppVersion::V201 => csms::Version::V201,
        };
        self.csms(csms::Input::LinkUp {
            link,
            station,
            version,
            security: csms::SecurityProfile::Unauthenticated,
        });
        self.stations[index].station.link_up(self.now);
        self.observe(index);
    }

    /// The station closed its link; the engine's socket notices after the latency.
    fn station_drops(&mut self, index: usize) {
        let Some(link) = self.stations[index].link.take() else { return };
        self.recorder.event(self.now, b'd', link.0, &[]);
        let at = (self.now + self.latency()).max(self.stations[index].to_engine_at);
        self.queue.push(at, Precedence::Message, Event::LinkNoticed(link));
    }

    pub(super) fn link_noticed(&mut self, link: LinkId) {
        if self.station_by_link.remove(&link).is_some() {
            self.csms(csms::Input::LinkDown { link });
        }
    }

    /// The engine drops a link.
    pub(super) fn engine_closes(&mut self, link: LinkId) {
        let at = self.now + self.latency();
        self.queue.push(at, Precedence::Message, Event::LinkClosed(link));
    }

    pub(super) fn link_closed(&mut self, link: LinkId) {
        let Some(index) = self.station_by_link.remove(&link) else { return };
        self.lose_link(index, link);
    }

    /// The link is gone for the station, which tries again.
    pub(super) fn lose_link(&mut self, index: usize, link: LinkId) {
        if self.stations[index].link != Some(link) {
            return;
        }
        self.stations[index].link = None;
        self.recorder.event(self.now, b'd', link.0, &[]);
        self.watch
            .story
            .note(self.now, Note::Text(format!("station {} loses link {link}", self.stations[index].id)));
        let slot = &mut self.stations[index];
        slot.lost_schedules |= slot.station.config().quirks.contains(&Quirk::ForgetsProfilesOnReconnect);
        slot.station.link_down(self.now);
        self.connect_later(index);
        self.observe(index);
    }

    /// The engine's process is gone: every link breaks.
    pub(super) fn drop_all_links(&mut self) {
        self.station_by_link.clear();
        for index in 0..self.stations.len() {
            if let Some(link) = self.stations[index].link {
                self.lose_link(index, link);
            }
        }
    }

    /// The engine listens again: stations are on their way already, each by its own clock.
    pub(super) fn reconnect_all(&mut self) {
        for index in 0..self.stations.len() {
            if self.stations[index].link.is_none() {
                self.connect_later(index);
            }
        }
    }
}

fn beginning(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(240)].into()
}

fn carries_transaction(action: &str, text: &str) -> bool {
    match action {
        "StartTransaction" | "StopTransaction" | "TransactionEvent" => true,
        "MeterValues" => text.contains("\"transactionId\""),
        _ => false,
    }
}
