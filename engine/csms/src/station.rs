//! One station: its link, what it says of itself, and our calls to it.

use std::collections::{BTreeMap, VecDeque};

use billing::cdr::EvseLimits;
use charging::ceiling::ExpiryTrust;
use charging::network::{EvseConfig, SiteConfig};
use charging::site::{
    Command, CommandKind, DispatchAnswer, EvState, EvseRecord, Habits, SiteEvent, Ticket, Urgency,
};
use ocpp::json::{self, Json};
use ocpp::{Limits, Version};
use units::civil::Zone;
use units::{
    EvseId, LinkId, ReportedAt, StationId, TimeSpan, Timestamp, TransactionId, Volts, WattHours, Watts,
};

use crate::baseline::Round;
use crate::call::{Calls, Housekeeping, Outstanding, Priority, Purpose, Waiter, Waiting};
use crate::contract::{Alarm, CloseReason, CommandAnswer, Effect};
use crate::control::SiteIndex;
use crate::core::{Answering, Core};
use crate::evidence::{OpenTransaction, Received};
use crate::facts::{FactsRow, UnitsWitness};
use crate::link::{self, Link, Silence};
use crate::measure::{RegisterAt, Terminals};
use crate::message::{Activity, Answer, Boot, Call, EvTold, Outcome, Progress, Registration, Request};
use crate::outbox::Wait;
use crate::quality::Quality;
use crate::quirks::{Known, LimitUnit};
use crate::record::{AuditRow, Record, SessionRow, StationRow, TransactionRow};
use crate::security::SecurityProfile;
use crate::session::Transactions;
use crate::upkeep::{Arrival, Lost, News, Told};
use crate::wire::{self, CallFault, Incoming, Manner, Unread};

/// A station that is away for longer is worth a look.
const OFFLINE_ALARM_AFTER: TimeSpan = TimeSpan::from_minutes(10);
/// A clock that is off by more is not trusted (CONTROL section 3).
pub(crate) const SKEW_TRUSTED_MS: i64 = 30_000;
/// A change of skew below this is jitter of the link.
const SKEW_NOISE_MS: i64 = 5_000;
/// A station whose clock is off is asked this often for a heartbeat, whose answer tells it the time: one that has enough else
/// to say beats once a day.
const TIME_OFFERED_EVERY: TimeSpan = TimeSpan::from_minutes(10);
/// So much of a station's answer is kept in the audit.
const AUDIT_TEXT_MAX: usize = 500;
/// After this long on one link, what was queued while offline has been sent.
const QUEUE_DRAINED_AFTER: TimeSpan = TimeSpan::from_minutes(10);

/// Some registers count in 0.1 kWh.
pub(crate) const REGISTER_STEP: WattHours = WattHours::from_watt_hours(100);

/// A station that is named in a site.
#[derive(Debug)]
pub(crate) struct Station {
    pub row: StationRow,
    /// `None` once no site names it any more.
    pub site: Option<SiteIndex>,
    pub zone: Zone,
    /// In the order of their numbers.
    pub evses: Vec<Evse>,
    pub transactions: Transactions,
    pub link: Option<Link>,
    pub heard_at: Option<Timestamp>,
    /// When its absence becomes an alarm.
    pub offline_alarm_at: Option<Timestamp>,
    pub calls: Calls,
    /// The lowest voltage to count with where limits are in watts.
    voltage_low: Volts,
    /// Orphan stops seen lately: claimed id, time, register.
    pub orphans: VecDeque<(String, Option<ReportedAt>, Option<WattHours>)>,
    is_row_changed: bool,
    /// What it has shown, how it is set, what was wrong with it.
    pub facts: FactsRow,
    pub are_facts_changed: bool,
    /// Since control was last looked at.
    pub was_measured: bool,
    /// The round of settings under way.
    pub baseline: Option<Round>,
    pub baseline_number: u32,
    pub quality: Quality,
    /// What its model is known to do.
    pub known: Known,
    /// What control was told of it.
    pub habits_told: Option<Habits>,
    /// Whether control believes the station's clock, as last told.
    clock_told: Option<ExpiryTrust>,
    /// What our clock was ahead of the engine's when the station was last told the time, in this run.
    offset_told: Option<TimeSpan>,
    /// When it was last asked for a heartbeat because its clock is off.
    time_offered_at: Option<Timestamp>,
}

/// An EVSE as the station knows it.
#[derive(Debug)]
pub(crate) struct Evse {
    pub id: EvseId,
    pub terminals: Terminals,
    pub limits: EvseLimits,
    /// The station's word, empty before it said any.
    pub status: String,
    /// What each connector last told.
    pub connectors: BTreeMap<u16, EvTold>,
    pub ev: Option<EvState>,
    /// It was told since the link is up; what a station told before may be over.
    pub is_ev_told: bool,
    pub session: Option<SessionRow>,
    pub current: Option<TransactionId>,
    pub register_before: Option<RegisterAt>,
    /// The newest measurement told to control.
    pub measured_until: Timestamp,
    /// How many limits control had seen proven here.
    pub proofs_seen: u32,
    /// Whether its register moves as its currents say.
    pub units: UnitsWitness,
}

/// How a call of ours ended.
pub(crate) enum End<'a> {
    Answered(&'a Json<'a>),
    Fault(CallFault),
    None(&'static str),
}

impl Evse {
    fn new(config: &EvseConfig, voltage_nominal: Volts) -> Self {
        let wired = config.wiring.phases();
        // The hardware maximum at the highest voltage of EN 50160, nominal + 10 %.
        let voltage_high = Volts::from_millivolts(voltage_nominal.millivolts() * 11 / 10);
        let power_maximum = config.current_max.at_voltage_floor(voltage_high) * wired;
        Self {
            id: config.id.clone(),
            terminals: Terminals { wired, voltage_nominal },
            limits: EvseLimits {
                power_maximum: power_maximum.max(Watts::from_watts(1)),
                register_step: REGISTER_STEP,
            },
            status: String::new(),
            connectors: BTreeMap::new(),
            ev: None,
            is_ev_told: false,
            session: None,
            current: None,
            register_before: None,
            measured_until: Timestamp::EPOCH,
            proofs_seen: 0,
            units: UnitsWitness::default(),
        }
    }

    /// A connector's status was told: what follows of the EVSE's EV, where something does.
    pub fn told_by(&mut self, connector: u16, told: EvTold) -> Option<EvState> {
        if told == EvTold::Nothing {
            return None;
        }
        self.connectors.insert(connector, told);
        // While one connector is in use, the others of its EVSE are unavailable.
        match self.connectors.values().copied().max_by_key(|told| told.rank())? {
            EvTold::State(ev) => Some(ev),
            EvTold::Present if self.is_plugged() => None,
            EvTold::Present => Some(EvState::Connected),
            EvTold::Nothing => None,
        }
    }

    /// No transaction runs, by what is told of all its connectors.
    pub fn is_told_idle(&self) -> bool {
        self.connectors.values().all(|told| told.is_idle())
    }

    /// An EV is there, as far as the station told.
    pub fn is_plugged(&self) -> bool {
        self.ev.is_some_and(|ev| EvTold::State(ev).is_plugged())
    }
}

impl Station {
    pub fn new(id: StationId, site: SiteIndex, config: &SiteConfig, now: Timestamp) -> Self {
        let mut station = Self {
            row: StationRow {
                station: id.clone(),
                site: config.id.clone(),
                vendor: String::new(),
                model: String::new(),
                firmware: String::new(),
                serial: String::new(),
                booted_at: None,
                ocpp_version: None,
                clock_skew_ms: None,
                reports_unplugging: false,
                takes_watts_only: false,
                quirks: BTreeMap::new(),
            },
            site: Some(site),
            zone: config.zone.clone(),
            evses: Vec::new(),
            transactions: Transactions::default(),
            link: None,
            heard_at: None,
            offline_alarm_at: Some(now + OFFLINE_ALARM_AFTER),
            calls: Calls::default(),
            voltage_low: Volts::from_volts(207),
            orphans: VecDeque::new(),
            is_row_changed: false,
            facts: FactsRow::new(id),
            are_facts_changed: false,
            was_measured: false,
            baseline: None,
            baseline_number: 0,
            quality: Quality::default(),
            known: Known::default(),
            habits_told: None,
            clock_told: None,
            offset_told: None,
            time_offered_at: None,
        };
        station.configure(site, config);
        station
    }

    /// Takes its EVSEs from the site's configuration; what is known of those that stay is kept.
    pub fn configure(&mut self, site: SiteIndex, config: &SiteConfig) {
        self.site = Some(site);
        self.row.site = config.id.clone();
        self.zone = config.zone.clone();
        // CONTROL section 2: 0.9 × nominal.
        self.voltage_low = Volts::from_millivolts(config.voltage_nominal.millivolts() * 9 / 10);
        self.clock_told = None;
        self.habits_told = None;
        let mut old = std::mem::take(&mut self.evses);
        for config_of in config.evses.iter().filter(|evse| evse.id.station == self.row.station) {
            let fresh = Evse::new(config_of, config.voltage_nominal);
            let known = old.iter().position(|evse| evse.id == config_of.id).map(|place| old.remove(place));
            self.evses.push(match known {
                Some(known) => Evse { terminals: fresh.terminals, limits: fresh.limits, ..known },
                None => Evse { current: self.transactions.current_at(&config_of.id), ..fresh },
            });
        }
        self.evses.sort_by_key(|evse| evse.id.number);
    }

    pub fn id(&self) -> &StationId {
        &self.row.station
    }

    pub fn is_online(&self) -> bool {
        self.link.is_some()
    }

    pub fn evse(&self, number: u16) -> Option<usize> {
        self.evses.iter().position(|evse| evse.id.number == number)
    }

    /// What it speaks, or last spoke.
    pub fn version(&self) -> Version {
        let link = self.link.as_ref().map(|link| link.version);
        link.or(self.row.ocpp_version).unwrap_or(Version::V16)
    }

    /// The EVSE's transaction, where energy may flow in it.
    pub fn drawing(&self, place: usize) -> Option<TransactionId> {
        let open = self.transactions.open(self.evses[place].current?)?;
        open.row.may_draw.then_some(open.row.transaction)
    }

    // Links.

    /// A link is up: the newest wins.
    pub fn link_up(
        &mut self,
        core: &mut Core,
        now: Timestamp,
        link: LinkId,
        spoken: (Version, SecurityProfile),
    ) {
        if let Some(old) = self.link.as_ref().map(|old| old.id) {
            let reason = CloseReason::Replaced;
            core.out.push(Wait::ForRecords, Effect::CloseLink { link: old, reason });
            self.link_down(core, now, "the link was replaced");
        }
        let usually =
            if self.row.booted_at.is_some() { link::READY_WITHOUT_BOOT } else { link::READY_NEVER_BOOTED };
        let awaited = self.known.quirks.boot_awaited_s;
        let awaited = awaited.map_or(usually, |seconds| TimeSpan::from_seconds(i64::from(seconds)));
        let link = Link::new(link, spoken, now, awaited, core.policy.heartbeat);
        if self.row.ocpp_version != Some(link.version) {
            self.row.ocpp_version = Some(link.version);
            self.row_changed();
            self.persist_row_if_changed(core);
        }
        self.link = Some(link);
        self.offline_alarm_at = None;
        core.clear(Wait::ForRecords, Alarm::StationOffline { station: self.id().clone() });
        self.tell_clock(core, now);
        self.note_activity(core, now);
    }

    /// The link is gone.
    pub fn link_down(&mut self, core: &mut Core, now: Timestamp, reason: &'static str) {
        let Some(link) = self.link.take() else { return };
        self.quality.dropped(core.wall(now), now.since(link.up_at), reason);
        self.offline_alarm_at = Some(now + OFFLINE_ALARM_AFTER);
        self.tell(core, now, SiteEvent::LinkDown(self.id().clone()));
        self.end_calls(core, now, reason);
        self.note_absence(core, now);
    }

    /// Closes the link from our side; the link's id, where there was one.
    pub fn close(&mut self, core: &mut Core, now: Timestamp, reason: CloseReason) -> Option<LinkId> {
        let link = self.link.as_ref()?.id;
        core.out.push(Wait::ForRecords, Effect::CloseLink { link, reason });
        self.link_down(core, now, "the link was closed");
        Some(link)
    }

    /// When [`Self::tick`] has something to do.
    pub fn next_deadline(&self, core: &Core) -> Option<Timestamp> {
        let sealing = self.transactions.next_deadline().map(|wall| wall - core.wall_offset);
        let link = self.link.as_ref().map(Link::next_deadline);
        let deadlines = [link, self.calls.next_deadline(), self.offline_alarm_at, sealing];
        deadlines.into_iter().flatten().min()
    }

    /// Time passed. The link that was closed for its silence, where it was.
    pub fn tick(&mut self, core: &mut Core, now: Timestamp) -> Option<LinkId> {
        if self.offline_alarm_at.is_some_and(|at| at <= now) {
            self.offline_alarm_at = None;
            core.raise(now, Wait::ForRecords, Alarm::StationOffline { station: self.id().clone() });
        }
        self.seal_due(core, now);
        if self.link.as_mut().is_some_and(|link| link.becomes_ready(now)) {
            self.settle_in(core, now, Arrival::WithoutBoot);
        }
        self.expire_calls(core, now);
        let heard_at = self.heard_at;
        let closed = match self.link.as_mut().map(|link| link.silence(now, heard_at)) {
            Some(Silence::Probe) => {
                self.quality.heartbeats_missed += 1;
                self.probe(core, now);
                None
            }
            Some(Silence::Close) => self.close(core, now, CloseReason::Silent),
            Some(Silence::No) | None => None,
        };
        self.pump(core, now);
        self.persist_row_if_changed(core);
        closed
    }

    // Frames.

    /// A frame came on the station's link.
    pub fn frame(&mut self, core: &mut Core, now: Timestamp, link: LinkId, frame: u64, text: &str) {
        self.heard_at = Some(now);
        self.quality.frames_in += 1;
        let version = self.version();
        match wire::read(version, text, &core.policy.limits(), &self.zone) {
            Incoming::Call { id, action, request } => {
                let received = Received { now, wall: core.wall(now), frame, action: &action, text };
                let reply = match request {
                    Ok(decoded) => {
                        for quirk in &decoded.quirks {
                            self.note_quirk(&quirk.to_string());
                        }
                        wire::answer(
                            version,
                            received.wall,
                            &id,
                            &self.request(core, &received, decoded.value),
                        )
                    }
                    Err(Unread::Transaction(message)) => {
                        self.note_quirk("unreadable_transaction_message");
                        wire::answer(version, received.wall, &id, &self.unreadable(core, &received, message))
                    }
                    Err(Unread::Refused(text)) => {
                        self.note_quirk("refused_call");
                        text
                    }
                };
                self.flush_control(core);
                self.obedience_shows(core, now);
                self.persist_row_if_changed(core);
                self.note_activity(core, now);
                self.quality.frames_out += 1;
                core.out.send(Wait::ForRecords, link, reply);
                if self.link.as_mut().is_some_and(Link::takes_boot) {
                    self.settle_in(core, now, Arrival::WithBoot);
                }
            }
            Incoming::Answer { message, answer } => {
                let Some(call) = message.and_then(|message| self.calls.answered(message)) else {
                    self.note_quirk("answer_to_nothing");
                    self.persist_row_if_changed(core);
                    return;
                };
                self.quality.answered_after(now.since(call.sent_at));
                match answer {
                    Ok(payload) => {
                        let refusal = wire::refusal_of_answer(version, call.message, &call.action, &payload);
                        self.ended(core, now, &call.call, call.purpose, End::Answered(&payload));
                        self.refuse_answer(core, link, refusal);
                    }
                    Err(fault) => self.ended(core, now, &call.call, call.purpose, End::Fault(fault)),
                }
                self.flush_control(core);
                self.note_activity(core, now);
            }
            Incoming::AnswerRefused => self.note_quirk("answer_refused"),
            Incoming::Unanswered => self.note_quirk("unanswered_message"),
            Incoming::Broken { reason, reply, answers } => {
                self.note_quirk("broken_frame");
                if self.row.quirks.get("broken_frame").is_some_and(|count| count.is_power_of_two()) {
                    let station = self.id().clone();
                    core.out.push(Wait::ForNothing, Effect::FrameUnreadable { station, reason });
                }
                self.persist_row_if_changed(core);
                if let Some(reply) = reply {
                    core.out.send(Wait::ForRecords, link, reply);
                }
                // What it answered is unknown: as if it had not, without waiting for it.
                if let Some(call) = answers.and_then(|message| self.calls.answered(message)) {
                    let refusal = wire::refusal_of_broken_answer(version, call.message);
                    self.ended(core, now, &call.call, call.purpose, End::None("its answer cannot be read"));
                    self.flush_control(core);
                    self.refuse_answer(core, link, refusal);
                }
            }
        }
        self.pump(core, now);
        self.persist_row_if_changed(core);
    }

    /// Tells the station that its answer cannot be read, where its version has words for that.
    fn refuse_answer(&mut self, core: &mut Core, link: LinkId, refusal: Option<String>) {
        if let Some(refusal) = refusal {
            self.note_quirk("unreadable_answer");
            self.quality.frames_out += 1;
            core.out.send(Wait::ForRecords, link, refusal);
        }
    }

    fn request(&mut self, core: &mut Core, received: &Received<'_>, request: Request) -> Answer {
        match request {
            Request::Boot(boot) => self.boot(core, received, boot),
            Request::Heartbeat => {
                self.time_told(core, received.now);
                Answer::Heartbeat { now: received.wall }
            }
            Request::Status(status) => {
                self.status(core, received, status);
                Answer::Status
            }
            Request::Authorise { token } => Answer::Authorise(self.authorise(core, received, token)),
            Request::Start(start) => self.start(core, received, start),
            Request::Stop(stop) => self.stop(core, received, stop),
            Request::Event(event) => self.event(core, received, event),
            Request::MeterValues(values) => {
                self.meter_values(core, received, &values);
                Answer::MeterValues
            }
            Request::Notices { notices, answer, progress } => {
                if let Some(progress) = progress {
                    self.note_progress(core, progress);
                }
                self.noticed(core, received, notices);
                answer
            }
            Request::EvNeeds { evse, needs } => self.ev_needs(core, received, evse, needs),
            Request::Informs => Answer::Informs,
            Request::Vendor => Answer::VendorUnknown,
        }
    }

    fn boot(&mut self, core: &mut Core, received: &Received<'_>, boot: Boot) -> Answer {
        let Boot { vendor, model, firmware, serial } = boot;
        let is_first = self.row.booted_at.is_none();
        self.row = StationRow {
            vendor,
            model,
            firmware,
            serial,
            booted_at: Some(received.wall),
            ..self.row.clone()
        };
        self.is_row_changed = true;
        self.recognise(core, received.now);
        if let Some(link) = &mut self.link {
            link.booted(is_first);
        }
        self.time_told(core, received.now);
        // S2: a limit that waits was decided while those before it held, which the boot may have lost.
        self.give_up_limits(core, received.now, |_| true, "the station booted");
        self.tell(core, received.now, SiteEvent::Booted(self.id().clone()));
        Answer::Boot {
            registration: Registration::Accepted,
            now: received.wall,
            interval: heartbeat_of(self.id(), core.policy.heartbeat),
        }
    }

    /// The station may be called from now on: it is told how we want it. Control hears of its link only now (S2): a limit
    /// decided before would leave on a row that may have filled up meanwhile.
    fn settle_in(&mut self, core: &mut Core, now: Timestamp, arrival: Arrival) {
        self.tell_link_up(core, now);
        let is_first_boot = self.link.as_ref().is_some_and(|link| link.is_first_boot);
        let is_adopted = match arrival {
            Arrival::WithBoot => !is_first_boot,
            Arrival::WithoutBoot => self.row.booted_at.is_some(),
        };
        if !is_adopted {
            // Limits left by others may lie above ours (FIELD section 4a, 8). Ours must not be cleared with them.
            let is_bare = self.evses.iter().all(|evse| {
                let control = self.control(core, &evse.id);
                evse.current.is_none() && control.is_none_or(|control| control.fallback_confirmed.is_none())
            });
            if arrival == Arrival::WithBoot && is_bare {
                let purpose = Purpose::Housekeeping(Housekeeping::ClearLimits);
                self.enqueue(core, now, Priority::Adoption, Call::ClearLimits, purpose);
            }
        }
        // Many tell it only after a boot; until they do, what may have begun alone counts (S1).
        let is_to_tell = |evse: &&Evse| {
            evse.status.is_empty() || arrival == Arrival::WithoutBoot && evse.current.is_none()
        };
        let asked: Vec<u16> = self.evses.iter().filter(is_to_tell).map(|evse| evse.id.number).collect();
        for evse in asked {
            let purpose = Purpose::Housekeeping(Housekeeping::Status);
            self.enqueue(core, now, Priority::Housekeeping, Call::AskStatus { evse }, purpose);
        }
        if arrival == Arrival::WithBoot || !is_adopted {
            // FIELD section 6, trap 13: the unit of limits before the first of them.
            let priority = if is_adopted { Priority::Housekeeping } else { Priority::Adoption };
            self.begin_baseline(core, now, priority);
        }
        core.news.push_back(News::Arrived { station: self.id().clone(), arrival });
    }

    /// A transaction began by a reservation, where it names one.
    pub fn note_reservation(&self, core: &mut Core, reservation: Option<u32>) {
        let station = || self.id().clone();
        core.news.extend(reservation.map(|number| News::ReservationUsed { station: station(), number }));
    }

    /// How far something is that upkeep asked for: attended to after the frame.
    fn note_progress(&self, core: &mut Core, progress: Progress) {
        let station = self.id().clone();
        core.news.push_back(match progress {
            Progress::Firmware(word) => News::Firmware { station, word },
            Progress::Log(word) => News::Log { station, word },
            Progress::ReservationEnded { number, word } => News::ReservationEnded { station, number, word },
        });
    }

    /// Control may reach the station, and learns what it told since its link is up.
    fn tell_link_up(&self, core: &mut Core, now: Timestamp) {
        self.tell(core, now, SiteEvent::LinkUp(self.id().clone()));
        for evse in self.evses.iter().filter(|evse| evse.is_ev_told && evse.is_told_idle()) {
            self.tell(core, now, SiteEvent::Idle(evse.id.clone()));
        }
    }

    // Calls of ours.

    /// Carries a command of control to the station.
    pub fn command(&mut self, core: &mut Core, now: Timestamp, command: &Command) {
        let evse = command.evse.number;
        let purpose = Purpose::Dispatch { evse: command.evse.clone(), ticket: command.ticket };
        let current = self.evse(evse).and_then(|place| self.drawing(place));
        let current = current.and_then(|id| self.transactions.open(id));
        let (priority, call) = match command.kind {
            CommandKind::SetLive { limit, limit_expired, lifetime, urgency } => {
                // FIELD section 6, trap 14: a TxProfile needs the transaction's id.
                let Some(transaction) = current.map(OpenTransaction::named) else {
                    return self.answer_control(core, now, command.ticket, DispatchAnswer::None);
                };
                let priority = match urgency {
                    Urgency::Shed => Priority::Shed,
                    Urgency::Renewal | Urgency::Raise => Priority::Limit,
                };
                (priority, Call::SetLive { evse, transaction, limit, limit_expired, lifetime })
            }
            CommandKind::SetFallback { limit } => (Priority::Limit, Call::SetFallback { evse, limit }),
            CommandKind::Measure => {
                let activity = if current.is_some() { Activity::Transaction } else { Activity::Idle };
                (Priority::Measure, Call::Measure { evse, activity })
            }
        };
        self.enqueue(core, now, priority, call, purpose);
        self.expire_calls(core, now);
        self.pump(core, now);
    }

    /// Lets a call wait for its turn; without a link it has none.
    pub fn enqueue(
        &mut self,
        core: &mut Core,
        now: Timestamp,
        priority: Priority,
        call: Call,
        purpose: Purpose,
    ) {
        if self.link.is_none() {
            return self.ended(core, now, &call, purpose, End::None("the station is offline"));
        }
        for overtaken in self.calls.enqueue(now, priority, call.clone(), purpose) {
            self.ended(core, now, &call, overtaken, End::None("a newer call took its place"));
        }
    }

    /// Sends what may be sent. While records cannot be committed only sheds leave: all else would wait in the shell's hands.
    pub fn pump(&mut self, core: &mut Core, now: Timestamp) {
        let Some(link) = self.link.as_ref().filter(|link| link.is_ready()).map(|link| link.id) else {
            return;
        };
        let least = match core.answering {
            Answering::Never => Priority::Shed,
            Answering::Always | Answering::Since(_) => Priority::Housekeeping,
        };
        while let Some(waiting) = self.calls.next(least) {
            let message = core.next_message();
            let takes_watts = match self.known.quirks.limit_unit {
                Some(LimitUnit::W) => true,
                Some(LimitUnit::A) => false,
                None => self.row.takes_watts_only,
            };
            let manner = Manner {
                station_now: core.wall(now)
                    + TimeSpan::from_milliseconds(self.row.clock_skew_ms.unwrap_or(0)),
                watts_at: takes_watts.then_some(self.voltage_low),
                quirks: &self.known.quirks,
            };
            match wire::call(self.version(), message, &waiting.call, &manner) {
                Ok(text) if wire::harm_of_frame(&self.known.quirks, &text).is_some() => {
                    self.ended(
                        core,
                        now,
                        &waiting.call,
                        waiting.purpose,
                        End::None("its model bears it not"),
                    );
                }
                Ok(text) => {
                    let wait = match waiting.priority {
                        Priority::Shed => Wait::ForNothing,
                        Priority::Adoption
                        | Priority::Operator
                        | Priority::Limit
                        | Priority::Measure
                        | Priority::Housekeeping => Wait::ForRecords,
                    };
                    let action = wire::action_of(&text).into();
                    core.out.send(wait, link, text);
                    self.quality.frames_out += 1;
                    if let (Call::Measure { .. }, Some(link)) = (&waiting.call, &mut self.link) {
                        link.ask(now);
                    }
                    self.calls.sent(Outstanding {
                        message,
                        action,
                        sent_at: now,
                        call: waiting.call,
                        purpose: waiting.purpose,
                    });
                }
                Err(reason) => {
                    let fault = CallFault { code: "not sent".to_owned(), description: reason };
                    self.ended(core, now, &waiting.call, waiting.purpose, End::Fault(fault));
                }
            }
        }
    }

    /// Records can be committed again: of what waited meanwhile, limits rest on base load as it was, and are decided anew.
    pub fn storage_is_well(&mut self, core: &mut Core, now: Timestamp) {
        for old in self.calls.give_up(|waiting| waiting.priority == Priority::Limit) {
            self.ended(core, now, &old.call, old.purpose, End::None("records could not be committed"));
        }
        self.pump(core, now);
    }

    /// Nothing is drawn at `evse` any more. A limit of the transaction that still waits would leave after it, at the cost of
    /// those who may have more now.
    pub fn draw_ended(&mut self, core: &mut Core, now: Timestamp, row: &TransactionRow) {
        let evse = row.evse.clone();
        let ended_at = match self.clock_trust() {
            ExpiryTrust::Trusted => {
                self.engine_time(core, now, row.stop.as_ref().and_then(|stop| stop.reported))
            }
            ExpiryTrust::Untrusted => now,
        };
        self.give_up_limits(core, now, |number| number == evse.number, "the transaction ended");
        self.tell(core, now, SiteEvent::TransactionEnded(evse, ended_at));
    }

    fn give_up_limits(
        &mut self,
        core: &mut Core,
        now: Timestamp,
        is_vain: impl Fn(u16) -> bool,
        reason: &'static str,
    ) {
        let is_vain = |waiting: &Waiting| matches!(waiting.call, Call::SetLive { evse, .. } if is_vain(evse));
        for old in self.calls.give_up(is_vain) {
            self.ended(core, now, &old.call, old.purpose, End::None(reason));
        }
    }

    fn expire_calls(&mut self, core: &mut Core, now: Timestamp) {
        let (given_up, expired) = self.calls.expire(now);
        self.quality.unanswered += u64::from(given_up.is_some());
        if let (Some(call), Some(link)) = (given_up, self.link.as_ref()) {
            let withdraw = Effect::Withdraw { link: link.id, message: call.message };
            core.out.push(Wait::ForNothing, withdraw);
            self.ended(core, now, &call.call, call.purpose, End::None("the station did not answer in time"));
        }
        for call in expired {
            self.ended(core, now, &call.call, call.purpose, End::None("the station was busy for too long"));
        }
    }

    fn end_calls(&mut self, core: &mut Core, now: Timestamp, reason: &'static str) {
        for purpose in self.calls.end() {
            self.ended(core, now, &Call::Probe, purpose, End::None(reason));
        }
    }

    /// A call ended one way or the other: who waits for it is told.
    fn ended(&mut self, core: &mut Core, now: Timestamp, call: &Call, purpose: Purpose, end: End<'_>) {
        match purpose {
            Purpose::Dispatch { ticket, .. } => {
                let answer = match &end {
                    End::Answered(payload) => match wire::outcome(self.version(), call, payload) {
                        Outcome::Accepted | Outcome::AcceptedFromBoot | Outcome::Settings(_) => {
                            DispatchAnswer::Accepted
                        }
                        Outcome::Rejected(_) => DispatchAnswer::Rejected,
                    },
                    End::Fault(_) => DispatchAnswer::Rejected,
                    End::None(_) => DispatchAnswer::None,
                };
                self.answer_control(core, now, ticket, answer);
            }
            Purpose::Operator { waiter, actor, what } => {
                let answer = match end {
                    End::Answered(payload) => match wire::outcome(self.version(), call, payload) {
                        Outcome::Accepted
                        | Outcome::AcceptedFromBoot
                        | Outcome::Rejected(_)
                        | Outcome::Settings(_) => {
                            CommandAnswer::Station(payload.to_string().into_boxed_str())
                        }
                    },
                    End::Fault(fault) => CommandAnswer::StationError {
                        code: fault.code.into_boxed_str(),
                        description: fault.description.into_boxed_str(),
                    },
                    End::None(reason) => CommandAnswer::NoAnswer(reason.into()),
                };
                core.out.persist(Record::Audit(AuditRow {
                    at: core.wall(now),
                    actor: actor.into_string(),
                    station: Some(self.id().clone()),
                    what,
                    outcome: outcome_in_words(&answer),
                }));
                if let Waiter::Request(request) = waiter {
                    core.out.push(Wait::ForRecords, Effect::Answer { request, answer });
                }
            }
            Purpose::Housekeeping(Housekeeping::Baseline(number)) => {
                self.baseline_answered(core, now, number, call, &end);
            }
            Purpose::Housekeeping(what) => self.housekept(call, what, &end),
            Purpose::Upkeep(cause) => {
                let end = match end {
                    End::Answered(payload) => Ok(wire::told(self.version(), call, payload)),
                    End::Fault(fault) => Ok(Told::error(&fault.code, &fault.description)),
                    End::None(reason) => Err(Lost(reason)),
                };
                core.news.push_back(News::Ended { station: self.id().clone(), cause, end });
            }
        }
    }

    fn housekept(&mut self, call: &Call, what: Housekeeping, end: &End<'_>) {
        let outcome = match end {
            End::Answered(payload) => wire::outcome(self.version(), call, payload),
            End::Fault(fault) => Outcome::Rejected(fault.code.clone()),
            End::None(_) => return,
        };
        match (what, outcome) {
            (Housekeeping::ClearLimits, Outcome::Rejected(_)) => self.note_quirk("refuses_to_clear_limits"),
            (Housekeeping::Status, Outcome::Rejected(_)) => self.note_quirk("refuses_to_tell_status"),
            (Housekeeping::Probe | Housekeeping::Baseline(_), Outcome::Rejected(_))
            | (
                Housekeeping::ClearLimits
                | Housekeeping::Status
                | Housekeeping::Probe
                | Housekeeping::Baseline(_),
                Outcome::Accepted | Outcome::AcceptedFromBoot | Outcome::Settings(_),
            ) => {}
        }
    }

    fn answer_control(&mut self, core: &mut Core, now: Timestamp, ticket: Ticket, answer: DispatchAnswer) {
        self.tell(core, now, SiteEvent::Answered(ticket, answer));
    }

    // What is known of the station.

    pub fn tell(&self, core: &mut Core, now: Timestamp, event: SiteEvent) {
        if let Some(site) = self.site {
            core.sites.apply(now, site, event);
        }
    }

    /// What control learned is committed before what rests on it leaves.
    pub fn flush_control(&self, core: &mut Core) {
        if let Some(site) = self.site {
            core.sites.flush(site, &mut core.out);
        }
    }

    /// What control knows of an EVSE, as last persisted.
    pub fn control<'c>(&self, core: &'c Core, evse: &EvseId) -> Option<&'c EvseRecord> {
        core.sites.record(self.site?, evse)
    }

    /// Counts a quirk, up to a limit.
    pub fn note_quirk(&mut self, name: &str) {
        match self.row.quirks.get_mut(name) {
            Some(count) if *count >= StationRow::QUIRK_COUNT_LIMIT => return,
            Some(count) => *count += 1,
            None => {
                self.row.quirks.insert(name.to_owned(), 1);
            }
        }
        self.is_row_changed = true;
    }

    pub fn row_changed(&mut self) {
        self.is_row_changed = true;
    }

    pub fn persist_row_if_changed(&mut self, core: &mut Core) {
        if std::mem::take(&mut self.is_row_changed) {
            core.out.persist(Record::Station(Box::new(self.row.clone())));
        }
        self.persist_facts_if_changed(core);
    }

    /// Learns how far the station's clock is ahead, from a message that says what time it is. A message may be late, so
    /// that its time lies behind; ahead it can only be because the clock is. Any message is late that was said while we
    /// answered nothing: the station says one thing after the other.
    pub fn observe_clock(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        at: Option<ReportedAt>,
        lateness: Lateness,
    ) {
        let (Some(ReportedAt(at)), Some(link)) = (at, self.link.as_mut()) else { return };
        let ahead_ms = at.since(received.wall).milliseconds();
        let open_since = match core.answering {
            Answering::Always => Some(link.up_at),
            Answering::Since(since) => Some(link.up_at.max(since)),
            Answering::Never => None,
        };
        // It may also have been asked for on the link before, and queued since.
        let was_asked = lateness == Lateness::None
            && link.comes_at_once(received.now)
            && core.answering == Answering::Always;
        let may_have_waited = match (lateness, open_since) {
            (Lateness::None, _) if was_asked => false,
            (Lateness::Usual, _) | (Lateness::None | Lateness::Unusual, None) => true,
            // What is said while the station still repeats what it said before waits behind it.
            (Lateness::None | Lateness::Unusual, Some(since)) => {
                received.now < since + QUEUE_DRAINED_AFTER
                    && (at < core.wall(since) || link.told_late(received.now))
            }
        };
        if may_have_waited && ahead_ms < -SKEW_NOISE_MS {
            link.tells_late(received.now);
        }
        let is_live = !may_have_waited
            || match self.row.clock_skew_ms {
                Some(_) => ahead_ms > -SKEW_NOISE_MS,
                None => ahead_ms >= -SKEW_TRUSTED_MS,
            };
        if !is_live && ahead_ms <= SKEW_TRUSTED_MS {
            return;
        }
        let moved = self.row.clock_skew_ms.map(|known| (known - ahead_ms).abs());
        if moved.is_none_or(|moved| moved >= SKEW_NOISE_MS) {
            self.row.clock_skew_ms = Some(ahead_ms);
            self.is_row_changed = true;
            self.clock_shows(core, received.now);
            self.tell_clock(core, received.now);
            if moved.is_some_and(|moved| moved > SKEW_TRUSTED_MS) {
                self.tell(core, received.now, SiteEvent::ClockSet(self.id().clone()));
            }
        }
        let is_due = |at: Timestamp| received.now >= at + TIME_OFFERED_EVERY;
        let is_off = ahead_ms.abs() > SKEW_TRUSTED_MS && !core.has_jumped();
        if is_off && self.time_offered_at.is_none_or(is_due) {
            self.time_offered_at = Some(received.now);
            self.probe(core, received.now);
        }
    }

    /// Our clock moved, the station's did not.
    pub fn our_clock_moved(&mut self, core: &mut Core, now: Timestamp, by: TimeSpan) {
        let Some(skew_ms) = &mut self.row.clock_skew_ms else { return };
        if by.milliseconds().abs() >= SKEW_NOISE_MS {
            *skew_ms -= by.milliseconds();
            self.is_row_changed = true;
            self.clock_shows(core, now);
            self.tell_clock(core, now);
            self.persist_row_if_changed(core);
        }
    }

    /// Asks for a heartbeat.
    fn probe(&mut self, core: &mut Core, now: Timestamp) {
        let purpose = Purpose::Housekeeping(Housekeeping::Probe);
        self.enqueue(core, now, Priority::Housekeeping, Call::Probe, purpose);
    }

    /// The station sets its clock by ours. Where ours moved since it was last told, its limits run by another clock.
    fn time_told(&mut self, core: &mut Core, now: Timestamp) {
        let before = self.offset_told.replace(core.wall_offset);
        let moved = before.map(|before| (core.wall_offset - before).milliseconds().abs());
        if moved.is_some_and(|moved| moved > SKEW_TRUSTED_MS) {
            self.tell(core, now, SiteEvent::ClockSet(self.id().clone()));
        }
    }

    /// Whether the station's clock is off by at most 30 s.
    pub fn clock_trust(&self) -> ExpiryTrust {
        match self.row.clock_skew_ms {
            Some(skew) if skew.abs() <= SKEW_TRUSTED_MS => ExpiryTrust::Trusted,
            Some(_) | None => ExpiryTrust::Untrusted,
        }
    }

    /// When something happened by the engine's clock, as best known: never in the future.
    pub fn engine_time(&self, core: &Core, now: Timestamp, at: Option<ReportedAt>) -> Timestamp {
        let skew = TimeSpan::from_milliseconds(self.row.clock_skew_ms.unwrap_or(0));
        at.map_or(now, |ReportedAt(at)| (at - skew - core.wall_offset).min(now))
    }

    pub fn tell_clock(&mut self, core: &mut Core, now: Timestamp) {
        let trust = self.clock_trust();
        if self.clock_told != Some(trust) {
            self.clock_told = Some(trust);
            self.tell(core, now, SiteEvent::Clock(self.id().clone(), trust));
        }
    }

    /// The station has its rows back: what follows from them.
    pub fn restored(&mut self, core: &mut Core, now: Timestamp) {
        for place in 0..self.evses.len() {
            let id = self.evses[place].id.clone();
            self.evses[place].ev =
                self.control(core, &id).filter(|control| control.is_seen).map(|control| control.ev);
            self.evses[place].current = self.transactions.current_at(&id);
        }
        self.introduce(core, now);
        self.note_absence(core, now);
    }

    /// No site names the station any more.
    pub fn dismissed(&mut self, core: &mut Core) {
        self.site = None;
        self.evses.clear();
        self.offline_alarm_at = None;
        core.clear(Wait::ForRecords, Alarm::StationOffline { station: self.id().clone() });
    }

    /// Why a call harms the station, by what is known of its model.
    pub fn is_harmed_by(&self, action: &str, payload: &str) -> Option<String> {
        let payload = json::parse(payload, Limits::default().depth).ok()?;
        let harm = wire::harm(&self.known.quirks, action, &payload)?;
        let entries = self.known.entries.join(", ");
        Some(format!(
            "{harm} harms station {}, by what is known of its model ({entries}); where it does not, say so in a table of \
             your own (--quirks)",
            self.id()
        ))
    }

    /// What its model is known to do, after a boot or by another table: control is told what it must know.
    pub fn recognise(&mut self, core: &mut Core, now: Timestamp) {
        let StationRow { vendor, model, firmware, .. } = &self.row;
        self.known = core.policy.quirks.of(vendor, model, firmware);
        let Some(site) = self.site else { return };
        let wants_no_zero = self.known.quirks.misbehaves_after_zero == Some(true);
        let must_bear_zero = core.sites.spare_zero(site, self.id(), wants_no_zero);
        let habits = self.known.quirks.habits(must_bear_zero);
        if self.habits_told.replace(habits).unwrap_or_default() != habits {
            self.tell(core, now, SiteEvent::Habits(self.id().clone(), habits));
        }
    }

    /// Tells a site that was made anew what it must know of its station: the link, the clock, and which EVSEs are in a
    /// transaction, where an EVSE's row does not say so.
    pub fn introduce(&mut self, core: &mut Core, now: Timestamp) {
        self.clock_told = None;
        self.habits_told = None;
        self.recognise(core, now);
        if self.link.as_ref().is_some_and(Link::is_ready) {
            self.tell_link_up(core, now);
        }
        self.tell_clock(core, now);
        for (place, evse) in self.evses.iter().enumerate() {
            let is_known = self.control(core, &evse.id).is_some_and(|control| control.is_in_transaction);
            match (self.drawing(place).is_some(), is_known) {
                (true, false) => self.tell(core, now, SiteEvent::TransactionStarted(evse.id.clone())),
                (false, true) => self.tell(core, now, SiteEvent::TransactionEnded(evse.id.clone(), now)),
                (true, true) | (false, false) => {}
            }
        }
    }
}

/// Whether a kind of message often arrives long after the time that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lateness {
    /// What we ask for is said at once.
    None,
    /// Transactions' begin and end are queued and repeated.
    Usual,
    /// Statuses, meter values and the events amid a transaction are sent as they arise, but for what was queued while
    /// offline.
    Unusual,
}

/// Heartbeats of many stations must not come in one storm: spread over the last fifth of the interval, by name.
fn heartbeat_of(station: &StationId, interval: TimeSpan) -> TimeSpan {
    // FNV-1a: the same in every run.
    let hash = station.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let seconds = interval.seconds_floor().max(10);
    let spread = i64::try_from(hash % 1_000).unwrap_or(0) * (seconds / 5) / 1_000;
    TimeSpan::from_seconds(seconds - spread)
}

/// How a command ended, for the audit.
pub(crate) fn outcome_in_words(answer: &CommandAnswer) -> String {
    match answer {
        CommandAnswer::Done => "done".to_owned(),
        CommandAnswer::Numbered(number) => format!("done: {number}"),
        CommandAnswer::Station(payload) => {
            let text: String = ocpp::redact(payload).chars().take(AUDIT_TEXT_MAX).collect();
            format!("answered {text}")
        }
        CommandAnswer::StationError { code, description } => {
            format!("refused by the station: {code} {description}")
        }
        CommandAnswer::NoAnswer(reason) => format!("not answered: {reason}"),
        CommandAnswer::Refused(reasons) => format!("refused: {}", reasons.join("; ")),
    }
}
