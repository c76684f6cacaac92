//! The shell around `Csms` and `Office`: it hands inputs in, one at a time, drains, and interprets effects. It decides
//! nothing. One process, one commit for both roots, as in production.

use std::collections::BTreeMap;
use std::sync::Arc;

use csms::{Csms, Effect, Query, QueryAnswer};
use office::Office;
use planner::forecast::SiteForecast;
use planner::{PlanLimits, Typical};
use units::{RecordSeq, RequestId, TimeSpan, Timestamp};

use super::{Event, World};
use crate::journal::Entry;
use crate::queue::Precedence;
use crate::store::Waiting;
use crate::watch::Note;

/// A commit that failed is tried again after this: the longest back-off of the store.
const COMMIT_AGAIN: TimeSpan = TimeSpan::from_seconds(5);

/// A running engine with what waits for its store.
#[derive(Debug, Default)]
pub struct Engine {
    csms: Csms,
    office: Office,
    csms_out: Waiting<csms::Record, Effect>,
    office_out: Waiting<office::Record, office::Effect>,
    batch: Option<Batch>,
    csms_tick: Option<Timestamp>,
    office_tick: Option<Timestamp>,
    /// Calls that carry transactions and wait for their acknowledgement, by station and message id, as often as they came.
    pub(super) unacknowledged: BTreeMap<(usize, String), Vec<Unacknowledged>>,
}

impl Engine {
    /// Nothing waits for the disk.
    pub(super) fn is_all_durable(&self) -> bool {
        self.batch.is_none() && !self.csms_out.has_records() && !self.office_out.has_records()
    }

    pub(super) const fn csms(&self) -> &Csms {
        &self.csms
    }
}

/// A call that carries a transaction.
#[derive(Debug)]
pub struct Unacknowledged {
    /// The frame's number.
    pub(super) frame: u64,
    /// The hash of its payload.
    pub(super) payload: u64,
    /// How it begins, for people.
    pub(super) beginning: Box<str>,
}

/// What a commit under way writes.
#[derive(Debug)]
struct Batch {
    csms: Vec<(RecordSeq, csms::Record)>,
    office: Vec<(RecordSeq, office::Record)>,
}

/// Something for one of the two roots.
#[derive(Debug)]
pub enum EngineInput {
    /// For the sites.
    Csms(csms::Input),
    /// For the business.
    Office(office::Input),
}

impl World {
    /// Hands an input to the sites and deals with all that follows.
    pub(super) fn csms(&mut self, input: csms::Input) {
        // Every shell restores by itself.
        let is_own = matches!(input, csms::Input::Restored(_));
        if let Some(journal) = self.journal.as_mut().filter(|_| !is_own) {
            journal.entries.push((self.now, Entry::Csms(input.clone())));
        }
        self.inbox.push_back(EngineInput::Csms(input));
        self.pump();
    }

    /// Hands an input to the business and deals with all that follows.
    pub(super) fn office(&mut self, input: office::Input) {
        let is_own = matches!(input, office::Input::Restored(_));
        if let Some(journal) = self.journal.as_mut().filter(|_| !is_own) {
            journal.entries.push((self.now, Entry::Office(input.clone())));
        }
        self.inbox.push_back(EngineInput::Office(input));
        self.pump();
    }

    /// A command to the sites, whose answer comes once it is committed.
    pub(crate) fn command_csms(&mut self, command: csms::Command) -> RequestId {
        let request = self.request();
        self.csms(csms::Input::Command { request, actor: "scenario".into(), command });
        request
    }

    /// A command to the business.
    pub(crate) fn command_office(&mut self, actor: &str, command: office::Command) -> RequestId {
        let request = self.request();
        self.office(office::Input::Command { request, actor: actor.into(), command });
        request
    }

    /// The answer to a command to the business, if it has come.
    pub(crate) fn office_answer(&mut self, request: RequestId) -> Option<office::CommandAnswer> {
        self.answers.office_commands.remove(&request)
    }

    /// The answer to a command to the sites, if it has come.
    pub(crate) fn csms_answer(&mut self, request: RequestId) -> Option<csms::CommandAnswer> {
        self.answers.csms_commands.remove(&request)
    }

    /// Asks the engine what limits each EV, and changes nothing by it.
    pub(super) fn look_at_limits(&mut self, at: Timestamp) {
        let site = self.engine.as_ref().and_then(|engine| engine.csms.control(&self.scenario.site.config.id));
        self.recorder.look(site.into_iter().flat_map(|site| site.limits_of_transactions(at)));
    }

    /// What the sites know, asked now and answered once committed, which is waited for.
    pub fn ask_csms(&mut self, query: Query) -> Option<QueryAnswer> {
        let request = self.request();
        self.csms(csms::Input::Query { request, query });
        self.flush();
        self.answers.csms_queries.remove(&request)
    }

    /// Commits all that waits, now.
    pub(crate) fn flush(&mut self) {
        while let Some(engine) = &mut self.engine {
            if self.disk_faults > 0 {
                return;
            }
            if engine.batch.is_none() {
                if !engine.csms_out.has_records() && !engine.office_out.has_records() {
                    return;
                }
                self.begin_commit();
            }
            self.committed(self.engine_epoch);
        }
    }

    pub(super) fn request(&mut self) -> RequestId {
        self.next_request = self.next_request.next();
        self.next_request
    }

    /// One input, then drain; then what the effects brought in.
    fn pump(&mut self) {
        while let Some(input) = self.inbox.pop_front() {
            let now = self.now;
            let Some(engine) = &mut self.engine else { continue };
            match input {
                EngineInput::Csms(input) => {
                    engine.csms.handle(now, input);
                    while let Some(output) = self.engine.as_mut().and_then(|engine| engine.csms.poll_output())
                    {
                        self.csms_output(output);
                    }
                }
                EngineInput::Office(input) => {
                    engine.office.handle(now, input);
                    while let Some(output) =
                        self.engine.as_mut().and_then(|engine| engine.office.poll_output())
                    {
                        self.office_output(output);
                    }
                }
            }
        }
        self.note_beliefs();
        self.begin_commit();
        self.schedule_ticks();
    }

    fn csms_output(&mut self, output: csms::Output) {
        let Some(engine) = &mut self.engine else { return };
        let ready = match output.effect {
            Effect::Persist { seq, record } => {
                if let Some(journal) = &mut self.journal {
                    journal.left.csms_record(seq, &record);
                }
                engine.csms_out.record(seq, *record);
                return;
            }
            Effect::Withdraw { link, message } => {
                let id = message.to_string();
                engine.csms_out.withdraw(|effect| match effect {
                    Effect::SendFrame { link: other, text } => {
                        *other == link
                            && matches!(crate::frame_text::head(text),
                                crate::frame_text::Head::Call { id: waiting, .. } if waiting == id)
                    }
                    Effect::Persist { .. }
                    | Effect::Withdraw { .. }
                    | Effect::CloseLink { .. }
                    | Effect::Answer { .. }
                    | Effect::QueryAnswer { .. }
                    | Effect::SealedCdr(_)
                    | Effect::Sighted(_)
                    | Effect::StartRefused(_)
                    | Effect::FrameUnreadable { .. }
                    | Effect::PlanWanted(_)
                    | Effect::AskWiring { .. }
                    | Effect::AlarmRaised(_)
                    | Effect::AlarmCleared(_) => false,
                });
                return;
            }
            effect @ (Effect::SendFrame { .. }
            | Effect::CloseLink { .. }
            | Effect::Answer { .. }
            | Effect::QueryAnswer { .. }
            | Effect::SealedCdr(_)
            | Effect::Sighted(_)
            | Effect::StartRefused(_)
            | Effect::FrameUnreadable { .. }
            | Effect::PlanWanted(_)
            | Effect::AskWiring { .. }
            | Effect::AlarmRaised(_)
            | Effect::AlarmCleared(_)) => engine.csms_out.effect(output.after, effect),
        };
        if let Some(effect) = ready {
            self.perform_csms(effect);
        }
    }

    fn office_output(&mut self, output: office::Output) {
        let Some(engine) = &mut self.engine else { return };
        let ready = match output.effect {
            office::Effect::Persist { seq, record } => {
                if let Some(journal) = &mut self.journal {
                    journal.left.office_record(seq, &record);
                }
                engine.office_out.record(seq, *record);
                return;
            }
            effect @ (office::Effect::PublishDirectory(_)
            | office::Effect::Answer { .. }
            | office::Effect::QueryAnswer { .. }) => engine.office_out.effect(output.after, effect),
        };
        if let Some(effect) = ready {
            self.perform_office(effect);
        }
    }

    fn perform_csms(&mut self, effect: Effect) {
        match effect {
            Effect::SendFrame { link, text } => self.frame_leaves(link, text),
            Effect::CloseLink { link, .. } => self.engine_closes(link),
            Effect::Answer { request, answer } => {
                self.answers.csms_commands.insert(request, answer);
            }
            Effect::QueryAnswer { request, answer } if self.is_inspection(request) => self.inspected(*answer),
            Effect::QueryAnswer { request, answer } => {
                self.answers.csms_queries.insert(request, *answer);
            }
            Effect::SealedCdr(cdr) => self.inbox.push_back(EngineInput::Office(office::Input::Cdr(cdr))),
            Effect::Sighted(sighting) => {
                let input = office::Input::Sighted { station: sighting.station, at: sighting.at };
                self.inbox.push_back(EngineInput::Office(input));
            }
            Effect::StartRefused(refusal) => {
                self.watch.story.note(self.now, Note::Text(format!("a start is refused: {refusal}")));
            }
            Effect::FrameUnreadable { station, reason } => {
                self.watch
                    .story
                    .note(self.now, Note::Text(format!("station {station} sent no frame: {reason}")));
            }
            Effect::PlanWanted(wanted) => {
                let csms::PlanWanted { site, planner, situation, terms } = *wanted;
                self.recorder.counts.plans += 1;
                let zone = &self.stated.zone;
                let forecast = self.forecast.get_or_insert_with(|| SiteForecast::new(zone.clone()));
                forecast.learn(&situation);
                let (typical, limits) = (Typical::default(), PlanLimits::default());
                let planned = planner::plan(&situation, planner, &typical, forecast, &terms, limits);
                let input = match planned {
                    Ok(Some(plan)) => csms::Input::PlanReady { site, plan },
                    Ok(None) => return,
                    Err(failure) => {
                        self.watch.story.note(self.now, Note::Text(format!("no plan: {failure}")));
                        csms::Input::PlanFailed { site, reason: failure.to_string().into() }
                    }
                };
                self.inbox.push_back(EngineInput::Csms(input));
            }
            Effect::AskWiring { site, question } => {
                let doubts = planner::wirings(&question);
                if !doubts.is_empty() {
                    self.inbox.push_back(EngineInput::Csms(csms::Input::WiringAnswered { site, doubts }));
                }
            }
            Effect::AlarmRaised(alarm) => {
                self.standing.insert(alarm.clone(), self.now);
                let text = alarm.to_string();
                self.watch.story.note(self.now, Note::Text(format!("alarm: {text}")));
                self.recorder.alarm_raised(self.now, text);
            }
            Effect::AlarmCleared(alarm) => {
                self.standing.remove(&alarm);
                self.recorder.alarm_cleared(self.now, &alarm.to_string());
            }
            Effect::Persist { .. } | Effect::Withdraw { .. } => {
                unreachable!("records and withdrawals are dealt with as they come")
            }
        }
    }

    fn perform_office(&mut self, effect: office::Effect) {
        match effect {
            office::Effect::PublishDirectory(directory) => {
                self.inbox.push_back(EngineInput::Csms(csms::Input::Directory(Arc::clone(&directory))));
            }
            office::Effect::Answer { request, answer } => {
                self.answers.office_commands.insert(request, answer);
            }
            office::Effect::QueryAnswer { request, answer } => {
                self.answers.office_queries.insert(request, *answer);
            }
            office::Effect::Persist { .. } => unreachable!("records are dealt with as they come"),
        }
    }

    /// Writes all that waits in one transaction, unless one is under way.
    fn begin_commit(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        if engine.batch.is_some() || (!engine.csms_out.has_records() && !engine.office_out.has_records()) {
            return;
        }
        engine.batch =
            Some(Batch { csms: engine.csms_out.take_batch(), office: engine.office_out.take_batch() });
        let at = self.now + self.scenario.timing.commit;
        self.queue.push(at, Precedence::Message, Event::Commit { epoch: self.engine_epoch });
    }

    /// The transaction under way is on the disk: what waited for it leaves.
    pub(super) fn committed(&mut self, epoch: u64) {
        if epoch != self.engine_epoch || self.engine.as_ref().is_none_or(|engine| engine.batch.is_none()) {
            return;
        }
        if self.disk_faults > 0 {
            self.commit_fails(epoch);
            return;
        }
        let Some(batch) = self.engine.as_mut().and_then(|engine| engine.batch.take()) else { return };
        let crash = self.commit_crash();
        if crash == Some(super::faults::CrashMoment::BeforeCommit) {
            self.engine_crash();
            return;
        }
        let csms_seq = batch.csms.last().map(|(seq, _)| *seq);
        let office_seq = batch.office.last().map(|(seq, _)| *seq);
        self.store.commit_csms(batch.csms);
        for priced in self.store.commit_office(batch.office) {
            if let Some(cdr) = self.store.cdr(priced.cdr) {
                self.watch.judge_priced(self.now, &self.scenario, &priced, cdr);
            }
            self.store.cdr_is_judged(priced.cdr);
        }
        self.store.count_commit();
        if let Some(journal) = &mut self.journal {
            journal.entries.push((self.now, Entry::Committed { csms: csms_seq, office: office_seq }));
        }
        if crash == Some(super::faults::CrashMoment::AfterCommit) {
            self.engine_crash();
            return;
        }
        let Some(engine) = &mut self.engine else { return };
        let ready_csms = csms_seq.map(|seq| engine.csms_out.committed(seq)).unwrap_or_default();
        let ready_office = office_seq.map(|seq| engine.office_out.committed(seq)).unwrap_or_default();
        for effect in ready_csms {
            self.perform_csms(effect);
        }
        for effect in ready_office {
            self.perform_office(effect);
        }
        if std::mem::take(&mut self.is_storage_failing) {
            self.watch.storage_is(Some(self.now));
            self.storage_is(csms::StorageHealth::Well, office::StorageHealth::Well);
        }
        self.pump();
    }

    /// The batch stays as it is and is tried again; the engine is told once.
    fn commit_fails(&mut self, epoch: u64) {
        self.queue.push(self.now + COMMIT_AGAIN, Precedence::Message, Event::Commit { epoch });
        self.watch.storage_is(None);
        if !std::mem::replace(&mut self.is_storage_failing, true) {
            self.storage_is(csms::StorageHealth::Failing, office::StorageHealth::Failing);
        }
    }

    fn storage_is(&mut self, csms: csms::StorageHealth, office: office::StorageHealth) {
        self.csms(csms::Input::Storage(csms));
        self.office(office::Input::Storage(office));
    }

    pub(super) fn csms_tick(&mut self) {
        if self.engine.as_mut().is_some_and(|engine| take_due(&mut engine.csms_tick, self.now)) {
            self.csms(csms::Input::Tick);
        }
    }

    pub(super) fn office_tick(&mut self) {
        if self.engine.as_mut().is_some_and(|engine| take_due(&mut engine.office_tick, self.now)) {
            self.office(office::Input::Tick);
        }
    }

    fn schedule_ticks(&mut self) {
        let now = self.now;
        let Some(engine) = &mut self.engine else { return };
        if let Some(at) = sooner(engine.csms.next_deadline(), &mut engine.csms_tick, now) {
            self.queue.push(at, Precedence::Control, Event::CsmsTick);
        }
        if let Some(at) = sooner(engine.office.next_deadline(), &mut engine.office_tick, now) {
            self.queue.push(at, Precedence::Control, Event::OfficeTick);
        }
    }

    /// The process dies: what is not on the disk is gone, links drop.
    pub(super) fn engine_crash(&mut self) {
        if self.engine.take().is_none() {
            return;
        }
        self.engine_epoch += 1;
        self.is_storage_failing = false;
        self.watch.storage_is(Some(self.now));
        self.inbox.clear();
        self.recorder.counts.crashes += 1;
        self.recorder.counts.crashes_at.push(self.now);
        self.recorder.event(self.now, b'x', 0, &[]);
        self.watch.engine_down(self.now);
        self.recorder.alarms_die(self.now);
        self.standing.clear();
        self.inspection = None;
        self.drop_all_links();
    }

    /// The process starts again from what is on the disk.
    pub(super) fn engine_start(&mut self) {
        if self.engine.is_some() {
            return;
        }
        self.engine = Some(Engine::default());
        self.watch.engine_up(self.now);
        let office_rows = self.store.office_rows();
        let restored = office::Restored { records: office_rows, sums: Vec::new() };
        self.office(office::Input::Restored(Box::new(restored)));
        self.csms(csms::Input::Restored(self.store.csms_rows().cloned().collect()));
        for cdr in self.store.unpriced() {
            self.office(office::Input::Cdr(Box::new(cdr)));
        }
        if self.wall_ahead != TimeSpan::ZERO {
            self.csms(csms::Input::WallClock(self.wall_ahead));
        }
        if self.disk_faults == 0 {
            self.judge_restart();
        }
        self.state_again();
        self.reconnect_all();
    }
}

fn take_due(scheduled: &mut Option<Timestamp>, now: Timestamp) -> bool {
    if scheduled.is_some_and(|at| at <= now) {
        *scheduled = None;
        return true;
    }
    false
}

/// The instant for which a tick must be scheduled anew, if any. A deadline that stays in the past after a tick is asked
/// for again a millisecond later: the engine says that it needs time to pass.
fn sooner(wanted: Option<Timestamp>, scheduled: &mut Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let at = wanted?.max(now + units::TimeSpan::from_milliseconds(1));
    if scheduled.is_some_and(|due| due <= at) {
        return None;
    }
    *scheduled = Some(at);
    Some(at)
}
