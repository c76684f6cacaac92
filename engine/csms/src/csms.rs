//! The root value: inputs are routed from here, outputs drained.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use charging::site::{CommandKind, Site, SiteEvent, Situation, Urgency};
use units::{EvseId, LinkId, SiteId, StationId, TimeSpan, Timestamp};

use crate::contract::{
    Alarm, CloseReason, Effect, Input, Output, PlanWanted, Sighting, StorageHealth, Version,
};
use crate::control::SiteIndex;
use crate::core::{Answering, Core};
use crate::message::{Answer, Registration, Request, Verdict};
use crate::notice::Subject;
use crate::outbox::Wait;
use crate::query::{Query, QueryAnswer};
use crate::quirks::Table;
use crate::record::{ReasonRow, Record};
use crate::security::SecurityProfile;
use crate::station::Station;
use crate::upkeep::{News, Upkeep};
use crate::wire::{self, Incoming};

/// Whose prices end within this is told to a person: the next day's are published in the afternoon.
const PRICES_KNOWN_AHEAD: TimeSpan = TimeSpan::from_hours(6);

/// An unknown station asks again after this long: soon after somebody adopted it.
const LOBBY_RETRY: TimeSpan = TimeSpan::from_seconds(60);

/// What an installation decides about stations in general.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What happens to stations that are named in no site.
    pub unknown_stations: UnknownStations,
    /// What every station of a site must prove at least. Default: nothing.
    pub security_least: SecurityProfile,
    /// How often a silent station says that it lives; the stations' intervals are spread below it. Default 600 s: one that
    /// charges is heard every minute.
    pub heartbeat: TimeSpan,
    /// The interval of meter values in a transaction that stations are configured to. Default 60 s.
    pub meter_values: TimeSpan,
    /// Longer frames are not read. Default 256 KiB.
    pub frame_bytes_max: usize,
    /// A longer transaction is held until a person has looked. At most, and by default, 31 days (MONEY section 5).
    pub transaction_longest: TimeSpan,
    /// What models of stations are known to do. Default: as shipped.
    pub quirks: Arc<Table>,
}

/// What happens to stations that are named in no site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownStations {
    /// They are kept waiting, and shown.
    Lobby,
    /// Their links are closed, and they are shown.
    Refuse,
    /// They are shown and kept waiting, yet told that they are accepted, so that tools for setting stations up go through:
    /// their status is heard, no driver is admitted, and what they say of transactions is answered with an error, so that
    /// they keep it until they are adopted.
    Accept,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unknown_stations: UnknownStations::Lobby,
            security_least: SecurityProfile::Unauthenticated,
            heartbeat: TimeSpan::from_seconds(600),
            meter_values: TimeSpan::from_seconds(60),
            frame_bytes_max: ocpp::Limits::default().bytes,
            transaction_longest: billing::cdr::Cdr::DURATION_LIMIT,
            quirks: Table::shipped(),
        }
    }
}

impl Policy {
    /// What is read of a frame at most.
    pub(crate) fn limits(&self) -> ocpp::Limits {
        ocpp::Limits { bytes: self.frame_bytes_max, ..ocpp::Limits::default() }
    }
}

/// All sites of one process.
#[derive(Debug, Default)]
pub struct Csms {
    pub(crate) core: Core,
    pub(crate) stations: Vec<Station>,
    pub(crate) station_by_id: BTreeMap<StationId, usize>,
    links: BTreeMap<LinkId, Caller>,
    /// The newest link of each unknown station.
    pub(crate) lobby: BTreeMap<StationId, Opened>,
    pub(crate) upkeep: Upkeep,
    /// When each station wants to be woken.
    wakes: BTreeSet<(Timestamp, usize)>,
    wake_of: Vec<Option<Timestamp>>,
}

/// A link that has just opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    link: LinkId,
    version: Version,
    security: SecurityProfile,
}

/// Who speaks on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Caller {
    /// A station, by its place.
    Station(usize),
    Unknown(StationId, Version),
}

impl Csms {
    /// Without sites, with the default policy.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Without sites.
    #[must_use]
    pub fn with_policy(policy: Policy) -> Self {
        Self { core: Core { policy, ..Core::default() }, ..Self::default() }
    }

    /// As a restart with these records would make it: what [`Input::Restored`] does to a new engine, for observers.
    #[must_use]
    pub fn restored<'a>(now: Timestamp, records: impl Iterator<Item = &'a Record>) -> Self {
        let mut csms = Self::default();
        csms.restore(now, records);
        csms.settle(now);
        csms
    }

    /// Takes one input. `now` is UTC by the engine's clock and never goes back. Drain the outputs before the next.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Restored(records) => self.restore(now, records.iter()),
            Input::Directory(directory) => {
                self.core.directory = directory;
                self.core.news.push_back(News::Directory);
            }
            Input::LinkUp { link, station, version, security } => {
                self.link_up(now, Opened { link, version, security }, station);
            }
            Input::LinkDown { link } => self.link_down(now, link),
            Input::Frame { link, frame, text } => self.frame(now, link, frame, &text),
            Input::GridReading { meter, at, current } => {
                if let Some(site) = self.core.sites.with_meter(&meter) {
                    let taken_at = self.core.metered_at(now, &meter, at);
                    self.core.sites.apply(now, site, SiteEvent::GridReading { meter, taken_at, current });
                }
            }
            Input::MeterDoubted { meter } => {
                if let Some(site) = self.core.sites.with_meter(&meter) {
                    self.core.sites.apply(now, site, SiteEvent::MeterDoubted(meter));
                }
            }
            Input::Tick => self.tick(now),
            Input::PlanReady { site, plan } => {
                if let Some(site) = self.core.sites.index_of(&site) {
                    self.core.sites.planned(now, site, Some(plan));
                }
            }
            Input::PlanFailed { site, reason: _ } => {
                if let Some(site) = self.core.sites.index_of(&site) {
                    self.core.sites.planned(now, site, None);
                }
            }
            Input::WiringAnswered { site, doubts } => {
                if let Some(site) = self.core.sites.index_of(&site) {
                    for (evse, doubt) in doubts {
                        self.core.sites.apply(now, site, SiteEvent::WiringDoubted(evse, doubt));
                    }
                }
            }
            Input::Command { request, actor, command } => self.command(now, request, actor, command),
            Input::Query { request, query } => {
                let answer = Box::new(self.answer(now, &query));
                self.core.out.push(Wait::ForRecords, Effect::QueryAnswer { request, answer });
            }
            Input::Storage(StorageHealth::Failing) => {
                self.core.answering = Answering::Never;
                self.core.raise(now, Wait::ForNothing, Alarm::StorageFailing);
                for station in &mut self.stations {
                    station.note_activity(&mut self.core, now);
                }
            }
            Input::Storage(StorageHealth::Well) => {
                if self.core.answering == Answering::Never {
                    self.core.answering = Answering::Since(now);
                }
                self.core.clear(Wait::ForNothing, Alarm::StorageFailing);
                for place in 0..self.stations.len() {
                    self.stations[place].storage_is_well(&mut self.core, now);
                    self.rewake(place);
                }
            }
            Input::WallClock(offset) => self.wall_clock(now, offset),
            Input::Quirks(table) => {
                self.core.policy.quirks = table;
                for station in &mut self.stations {
                    station.recognise(&mut self.core, now);
                }
            }
        }
        // What control sends may give up a call of upkeep, and what upkeep sends one of control.
        loop {
            self.attend(now);
            self.settle(now);
            if self.core.news.is_empty() {
                break;
            }
        }
    }

    /// The next effect, in order; `None` when the input is dealt with.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.out.pop()
    }

    /// What [`Input::Query`] would be answered, committed or not: for observers, who change nothing by looking.
    #[must_use]
    pub fn look(&self, now: Timestamp, query: &Query) -> QueryAnswer {
        self.answer(now, query)
    }

    /// The control of a site: for observers, as [`Csms::look`].
    #[must_use]
    pub fn control(&self, site: &SiteId) -> Option<&Site> {
        self.core.sites.index_of(site).map(|index| self.core.sites.site(index))
    }

    /// When the next [`Input::Tick`] is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let station = self.wakes.first().map(|&(at, _)| at);
        let deadlines = [station, self.core.sites.next_deadline(), self.upkeep_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn wall_clock(&mut self, now: Timestamp, offset: TimeSpan) {
        let Self { core, stations, .. } = self;
        let before = core.wall_offset;
        core.wall_moves(now, offset);
        core.sites.wall_moves(now, offset);
        if core.has_jumped() {
            core.wall_offset = before;
            for station in stations.iter_mut() {
                station.note_jump(core, now);
            }
            core.wall_offset = offset;
        }
        for station in stations {
            station.our_clock_moved(core, now, offset - before);
            station.note_activity(core, now);
        }
    }

    fn link_up(&mut self, now: Timestamp, opened: Opened, id: StationId) {
        let place = self.station_by_id.get(&id).copied();
        let Some(place) = place.filter(|&place| self.stations[place].site.is_some()) else {
            return self.unknown_up(now, opened, id);
        };
        let Opened { link, version, security } = opened;
        // An attempt that proves too little leaves the station's own link alone (FIELD section 6, trap 9).
        if security < self.core.required_of(&id) {
            let reason = CloseReason::TooInsecure;
            return self.core.out.push(Wait::ForRecords, Effect::CloseLink { link, reason });
        }
        let station = &mut self.stations[place];
        let old = station.link.as_ref().map(|old| old.id);
        if old == Some(link) {
            return;
        }
        if old.is_some_and(|old| old > link) {
            let reason = CloseReason::Replaced;
            return self.core.out.push(Wait::ForRecords, Effect::CloseLink { link, reason });
        }
        self.links.insert(link, Caller::Station(place));
        if let Some(old) = old {
            self.links.remove(&old);
        }
        station.link_up(&mut self.core, now, link, (version, security));
        self.rewake(place);
    }

    fn unknown_up(&mut self, now: Timestamp, opened: Opened, id: StationId) {
        let Opened { link, version, .. } = opened;
        let sighting = Sighting { station: id.clone(), at: self.core.wall(now) };
        self.core.out.push(Wait::ForRecords, Effect::Sighted(sighting));
        let close = |link, reason| Effect::CloseLink { link, reason };
        match self.core.policy.unknown_stations {
            UnknownStations::Refuse => {
                self.core.out.push(Wait::ForRecords, close(link, CloseReason::UnknownStation));
            }
            UnknownStations::Lobby | UnknownStations::Accept => {
                let old = self.lobby.insert(id.clone(), opened).map(|old| old.link);
                if let Some(old) = old.filter(|&old| old != link) {
                    self.links.remove(&old);
                    self.core.out.push(Wait::ForRecords, close(old, CloseReason::Replaced));
                }
                self.links.insert(link, Caller::Unknown(id, version));
            }
        }
    }

    fn link_down(&mut self, now: Timestamp, link: LinkId) {
        match self.links.remove(&link) {
            Some(Caller::Station(place)) => {
                self.stations[place].link_down(&mut self.core, now, "the link was lost");
                self.rewake(place);
            }
            Some(Caller::Unknown(station, _))
                if self.lobby.get(&station).is_some_and(|newest| newest.link == link) =>
            {
                self.lobby.remove(&station);
            }
            // Replaced or closed before: the newer link stands.
            Some(Caller::Unknown(..)) | None => {}
        }
    }

    fn frame(&mut self, now: Timestamp, link: LinkId, frame: u64, text: &str) {
        match self.links.get(&link) {
            Some(&Caller::Station(place)) => {
                self.stations[place].frame(&mut self.core, now, link, frame, text);
                self.rewake(place);
            }
            Some(&Caller::Unknown(_, version)) => self.unknown_frame(now, link, version, text),
            // What came on a link that was replaced is not acknowledged: it is repeated on the newer one.
            None => {}
        }
    }

    /// An unknown station is asked to wait, and may say nothing else: never a transaction.
    fn unknown_frame(&mut self, now: Timestamp, link: LinkId, version: Version, text: &str) {
        let reply = match wire::read(version, text, &self.core.policy.limits(), &units::civil::Zone::utc()) {
            Incoming::Call { id, request, .. } => {
                let request = request.ok().map(|request| request.value);
                match request.and_then(|request| self.answer_to_unknown(now, &request)) {
                    Some(answer) => wire::answer(version, self.core.wall(now), &id, &answer),
                    None => wire::refusal_of_unknown(&id),
                }
            }
            Incoming::Broken { reply: Some(reply), .. } => reply,
            Incoming::Answer { .. }
            | Incoming::Broken { reply: None, .. }
            | Incoming::AnswerRefused
            | Incoming::Unanswered => return,
        };
        self.core.out.send(Wait::ForRecords, link, reply);
    }

    /// What an unknown station is told; nothing where it is refused.
    fn answer_to_unknown(&self, now: Timestamp, request: &Request) -> Option<Answer> {
        let policy = &self.core.policy;
        let now = self.core.wall(now);
        let (registration, interval) = match policy.unknown_stations {
            UnknownStations::Lobby | UnknownStations::Refuse => (Registration::Pending, LOBBY_RETRY),
            UnknownStations::Accept => (Registration::Accepted, policy.heartbeat),
        };
        match (request, registration) {
            (Request::Boot(_), _) => Some(Answer::Boot { registration, now, interval }),
            (_, Registration::Pending) => None,
            (Request::Heartbeat, Registration::Accepted) => Some(Answer::Heartbeat { now }),
            (Request::Status(_), Registration::Accepted) => Some(Answer::Status),
            (Request::Authorise { .. }, Registration::Accepted) => Some(Answer::Authorise(Verdict::Unknown)),
            (Request::Informs, Registration::Accepted) => Some(Answer::Informs),
            // A payment is kept by the station like what is billed.
            (Request::Notices { notices, .. }, Registration::Accepted)
                if notices.iter().any(|notice| notice.subject == Subject::Settlement) =>
            {
                None
            }
            (Request::Notices { answer, .. }, Registration::Accepted) => Some(answer.clone()),
            (Request::EvNeeds { .. }, Registration::Accepted) => Some(Answer::EvNeeds { is_limited: false }),
            (Request::Vendor, Registration::Accepted) => Some(Answer::VendorUnknown),
            // What is billed is kept by the station: after an acknowledgement it would be nowhere.
            (
                Request::Start(_) | Request::Stop(_) | Request::Event(_) | Request::MeterValues(_),
                Registration::Accepted,
            ) => None,
        }
    }

    fn tick(&mut self, now: Timestamp) {
        while let Some(&(at, place)) = self.wakes.first()
            && at <= now
        {
            self.wakes.pop_first();
            self.wake_of[place] = None;
            if let Some(link) = self.stations[place].tick(&mut self.core, now) {
                self.links.remove(&link);
            }
            self.rewake(place);
        }
        self.core.sites.wake(now);
    }

    /// Lets every site decide that has to, and carries what it commands to the stations: sheds before the rows that
    /// change with them, everything else after.
    fn settle(&mut self, now: Timestamp) {
        while let Some(settled) = self.core.sites.settle(now) {
            let is_shed = |kind: &CommandKind| match kind {
                CommandKind::SetLive { urgency, .. } => *urgency == Urgency::Shed,
                CommandKind::SetFallback { .. } | CommandKind::Measure => false,
            };
            let (sheds, others): (Vec<_>, Vec<_>) =
                settled.commands.into_iter().partition(|command| is_shed(&command.kind));
            self.carry(now, &sheds);
            self.core.sites.flush(settled.index, &mut self.core.out);
            self.carry(now, &others);
            // M8: what is no longer offered is declined no more, whenever the station answers.
            for place in sheds.iter().filter_map(|shed| self.place_of(&shed.evse)).collect::<Vec<_>>() {
                self.stations[place].note_activity(&mut self.core, now);
            }
            for explanation in settled.explanations {
                let at = self.core.wall(now);
                self.core.out.persist(Record::Reason(Box::new(ReasonRow { at, explanation })));
            }
            let site = self.core.sites.config(settled.index).id.clone();
            for alarm in settled.raised {
                self.core.raise(now, Wait::ForRecords, Alarm::Site { site: site.clone(), alarm });
            }
            for alarm in settled.cleared {
                self.core.clear(Wait::ForRecords, Alarm::Site { site: site.clone(), alarm });
            }
            if let Some(question) = settled.question {
                let effect = Effect::AskWiring { site: site.clone(), question: Box::new(question) };
                self.core.out.push(Wait::ForNothing, effect);
            }
            if let Some(planner) = settled.planner {
                let situation = self.situation(now, settled.index);
                self.say_where_prices_end(now, settled.index, &site);
                if situation.sessions.is_empty() {
                    self.core.sites.needs_no_plan(settled.index);
                } else {
                    let offset = TimeSpan::ZERO - self.core.wall_offset;
                    let terms = self.core.sites.terms(settled.index).shifted(offset);
                    let wanted = PlanWanted { site: site.clone(), planner, situation, terms };
                    self.core.out.push(Wait::ForNothing, Effect::PlanWanted(Box::new(wanted)));
                }
            }
            match settled.is_plan_missed {
                true => self.core.raise(now, Wait::ForRecords, Alarm::NoPlan { site }),
                false => self.core.clear(Wait::ForRecords, Alarm::NoPlan { site }),
            }
        }
    }

    /// A person is told where the prices of a site end soon: those of a day before stand for them.
    fn say_where_prices_end(&mut self, now: Timestamp, index: SiteIndex, site: &SiteId) {
        let wall = self.core.wall(now);
        let known_until = self.core.sites.terms(index).prices_known_until(wall);
        let alarm = Alarm::PricesEnd { site: site.clone() };
        match known_until.is_some_and(|until| until < wall + PRICES_KNOWN_AHEAD) {
            true => self.core.raise(now, Wait::ForRecords, alarm),
            false => self.core.clear(Wait::ForRecords, alarm),
        }
    }

    /// What is known of a site for whoever plans: what control knows, and what its transactions got.
    fn situation(&self, now: Timestamp, index: SiteIndex) -> Situation {
        let mut situation = self.core.sites.site(index).situation(now);
        for session in &mut situation.sessions {
            let Some(station) = self.place_of(&session.evse).map(|place| &self.stations[place]) else {
                continue;
            };
            let slot = station.evse(session.evse.number);
            let current = slot.and_then(|slot| station.evses[slot].current);
            let Some(open) = current.and_then(|id| station.transactions.open(id)) else { continue };
            session.delivered = open.energy();
            session.arrived = session.arrived.min(open.row.started_at - self.core.wall_offset);
        }
        situation
    }

    fn carry(&mut self, now: Timestamp, commands: &[charging::site::Command]) {
        for command in commands {
            if let Some(place) = self.place_of(&command.evse) {
                self.stations[place].command(&mut self.core, now, command);
                self.rewake(place);
            }
        }
    }

    pub(crate) fn place_of(&self, evse: &EvseId) -> Option<usize> {
        self.station_by_id.get(&evse.station).copied()
    }

    /// The place of a station of which nothing was known.
    pub(crate) fn push_station(&mut self, station: Station) -> usize {
        let place = self.stations.len();
        self.station_by_id.insert(station.id().clone(), place);
        self.stations.push(station);
        self.wake_of.push(None);
        place
    }

    /// A station that waited in the lobby belongs to a site now: its link stands, if it proved what its station must.
    pub(crate) fn leave_lobby(&mut self, now: Timestamp, place: usize) {
        let id = self.stations[place].id().clone();
        let Some(Opened { link, version, security }) = self.lobby.remove(&id) else { return };
        if security < self.core.required_of(&id) {
            self.links.remove(&link);
            let reason = CloseReason::TooInsecure;
            return self.core.out.push(Wait::ForRecords, Effect::CloseLink { link, reason });
        }
        self.links.insert(link, Caller::Station(place));
        self.stations[place].link_up(&mut self.core, now, link, (version, security));
    }

    /// Drops a station's link, where it has one.
    pub(crate) fn close_link_of(&mut self, now: Timestamp, place: usize, reason: CloseReason) {
        if let Some(link) = self.stations[place].close(&mut self.core, now, reason) {
            self.links.remove(&link);
        }
        self.rewake(place);
    }

    /// A station belongs to no site any more.
    pub(crate) fn dismiss(&mut self, now: Timestamp, place: usize) {
        self.close_link_of(now, place, CloseReason::UnknownStation);
        self.stations[place].dismissed(&mut self.core);
        self.rewake(place);
    }

    pub(crate) fn rewake(&mut self, place: usize) {
        let wake = self.stations[place].next_deadline(&self.core);
        let registered = &mut self.wake_of[place];
        if *registered == wake {
            return;
        }
        if let Some(old) = *registered {
            self.wakes.remove(&(old, place));
        }
        self.wakes.extend(wake.map(|wake| (wake, place)));
        *registered = wake;
    }
}
