//! The one owner of `Csms` and `Office`: inputs in, effects out, by the commit protocol.
//!
//! A thread of its own takes one input at a time, drains both roots, hands the records to the store's writer, and holds
//! every other effect until the record it rests on is committed. Effects are released in the order in which they came;
//! only what waits for nothing (a shed) overtakes. While records cannot be committed nothing is acknowledged; inputs of
//! control go on, and links are not read once too much waits.
//!
//! A root that panics is rebuilt from records; the frame at fault is kept, answered, and not handed in again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use billing::directory::Directory;
use charging::network::{MeterConfig, SiteConfig};
use charging::plan::Plan;
use charging::wiring::{WiringDoubt, WiringQuestion};
use csms::quirks::{Quirks, Table};
use csms::record::EvidenceRow;
use csms::{CloseReason, Csms, StorageHealth};
use office::Office;
use sha2::{Digest, Sha256};
use store::{Records, Report, Root, Store, Writer};
use tokio::sync::mpsc::{
    Receiver, Sender, UnboundedReceiver, UnboundedSender, WeakSender, channel, unbounded_channel,
};
use tokio::sync::{oneshot, watch};
use units::civil::Zone;
use units::{
    Amperes, EvseId, LinkId, MeterId, PerPhase, RecordSeq, ReportedAt, RequestId, SiteId, StationId,
    TimeSpan, Timestamp,
};

use crate::alarms::{AlarmSink, Turn};
use crate::clock::{Clock, WALL_JUMP};
use crate::door::Door;
use crate::frame_log::{Direction, FrameLog};
use crate::outbox::{End, Outbox};
use crate::planning::{self, Forecasts, Solver};
use crate::uploads::Uploads;

/// Frames that wait to be handled, of all links together: about 30 ms of work.
const FRAMES_WAITING_MAX: usize = 1_024;
/// Other inputs that wait.
const CONTROL_WAITING_MAX: usize = 1_024;
/// So many frames are handled before timers and reports are looked at again.
const FRAMES_AT_ONCE: usize = 128;
/// With so many records uncommitted, links are no longer read.
const RECORDS_UNCOMMITTED_MAX: u64 = 50_000;
/// A stop waits this long for the disk.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer that did not come within this will be late for a person.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A command to a station may take as long as the station's time-out, and one that waits before it.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(90);

/// The way to the engine.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    from_links: Sender<FromLink>,
    control: Sender<Control>,
    health: watch::Receiver<Health>,
    clock: Clock,
    configs: watch::Receiver<BTreeMap<SiteId, SiteConfig>>,
    known: Arc<RwLock<Makes>>,
    /// What is expected of sites.
    pub forecasts: Forecasts,
}

/// What stations said of themselves, and the table that tells what follows.
#[derive(Debug, Default)]
struct Makes {
    table: Arc<Table>,
    /// Vendor, model and firmware.
    stations: BTreeMap<StationId, [String; 3]>,
}

/// How the engine is, for pages and the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Health {
    /// Why records cannot be committed, while they cannot.
    pub storage_failing: Option<String>,
    /// Roots that broke down and were rebuilt since the start: what was said, and when.
    pub defects: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
    /// Nothing came in time; what was asked may still happen.
    #[error("no answer in time: what was asked may still happen; is the disk full?")]
    Late,
}

#[derive(Debug)]
enum FromLink {
    Up {
        station: StationId,
        version: csms::Version,
        security: csms::SecurityProfile,
        opened: oneshot::Sender<(LinkId, Arc<Outbox>)>,
    },
    Frame {
        link: LinkId,
        text: Box<str>,
    },
    Down {
        link: LinkId,
    },
}

#[derive(Debug)]
enum Control {
    Reading {
        meter: MeterId,
        at: ReportedAt,
        current: PerPhase<Amperes>,
    },
    MeterDoubted(MeterId),
    WiringAnswered {
        site: SiteId,
        doubts: Vec<(EvseId, WiringDoubt)>,
    },
    CsmsCommand {
        actor: Box<str>,
        command: csms::Command,
        answer: oneshot::Sender<csms::CommandAnswer>,
    },
    CsmsQuery {
        query: csms::Query,
        answer: oneshot::Sender<csms::QueryAnswer>,
    },
    OfficeCommand {
        actor: Box<str>,
        command: office::Command,
        answer: oneshot::Sender<office::CommandAnswer>,
    },
    OfficeQuery {
        query: office::Query,
        answer: oneshot::Sender<office::QueryAnswer>,
    },
    /// An unknown station knocked and was sent away.
    Sighted(StationId),
    Planned {
        site: SiteId,
        plan: Result<Plan, String>,
    },
    WallClock(TimeSpan),
    Quirks(Arc<Table>),
    Stop {
        done: oneshot::Sender<()>,
    },
}

impl EngineHandle {
    /// A station's socket is open: it becomes the station's link. `None` while the server stops.
    pub async fn link_up(
        &self,
        station: &StationId,
        version: csms::Version,
        security: csms::SecurityProfile,
    ) -> Option<(LinkId, Arc<Outbox>)> {
        let (opened, answer) = oneshot::channel();
        self.from_links
            .send(FromLink::Up { station: station.clone(), version, security, opened })
            .await
            .ok()?;
        answer.await.ok()
    }

    /// A frame came. Waits while the engine is busy: that is the back-pressure. False while the server stops.
    pub async fn frame(&self, link: LinkId, text: &str) -> bool {
        self.from_links.send(FromLink::Frame { link, text: text.into() }).await.is_ok()
    }

    /// A link is gone.
    pub async fn link_down(&self, link: LinkId) {
        // The engine has ended all links by itself where it no longer listens.
        let _ = self.from_links.send(FromLink::Down { link }).await;
    }

    /// An unknown station knocked and was sent away: it is shown.
    pub async fn sighted(&self, station: &StationId) {
        // While the server stops nobody looks.
        let _ = self.control.send(Control::Sighted(station.clone())).await;
    }

    /// A plan for a site was made, or why none was.
    pub async fn planned(&self, site: SiteId, plan: Result<Plan, String>) {
        // While the server stops nobody needs it.
        let _ = self.control.send(Control::Planned { site, plan }).await;
    }

    /// A meter was read.
    ///
    /// # Errors
    ///
    /// Where the server stops.
    pub async fn reading(
        &self,
        meter: MeterId,
        at: ReportedAt,
        current: PerPhase<Amperes>,
    ) -> Result<(), NoAnswer> {
        self.control.send(Control::Reading { meter, at, current }).await.map_err(|_| NoAnswer::Stopping)
    }

    /// A meter was read, and what it shows cannot be.
    ///
    /// # Errors
    ///
    /// Where the server stops.
    pub async fn meter_doubted(&self, meter: MeterId) -> Result<(), NoAnswer> {
        self.control.send(Control::MeterDoubted(meter)).await.map_err(|_| NoAnswer::Stopping)
    }

    /// Asks the sites to do something.
    ///
    /// # Errors
    ///
    /// Where no answer came.
    pub async fn command(
        &self,
        actor: &str,
        command: csms::Command,
    ) -> Result<csms::CommandAnswer, NoAnswer> {
        let actor = actor.into();
        self.ask(COMMAND_TIMEOUT, |answer| Control::CsmsCommand { actor, command, answer }).await
    }

    /// Asks what is known of the sites.
    ///
    /// # Errors
    ///
    /// Where no answer came.
    pub async fn query(&self, query: csms::Query) -> Result<csms::QueryAnswer, NoAnswer> {
        self.ask(ANSWER_TIMEOUT, |answer| Control::CsmsQuery { query, answer }).await
    }

    /// Asks the business to do something.
    ///
    /// # Errors
    ///
    /// Where no answer came.
    pub async fn office_command(
        &self,
        actor: &str,
        command: office::Command,
    ) -> Result<office::CommandAnswer, NoAnswer> {
        let actor = actor.into();
        self.ask(ANSWER_TIMEOUT, |answer| Control::OfficeCommand { actor, command, answer }).await
    }

    /// Asks what is known of the business.
    ///
    /// # Errors
    ///
    /// Where no answer came.
    pub async fn office_query(&self, query: office::Query) -> Result<office::QueryAnswer, NoAnswer> {
        self.ask(ANSWER_TIMEOUT, |answer| Control::OfficeQuery { query, answer }).await
    }

    /// What models of stations are known to do, anew.
    pub async fn quirks(&self, table: Arc<Table>) {
        // While the server stops nobody is recognised.
        let _ = self.control.send(Control::Quirks(table)).await;
    }

    /// What a station's model is known to do, by what it last said of itself.
    #[must_use]
    pub fn quirks_of(&self, station: &StationId) -> Quirks {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let said = known.stations.get(station);
        said.map_or_else(Quirks::default, |[vendor, model, firmware]| {
            known.table.of(vendor, model, firmware).quirks
        })
    }

    /// The table of quirks as it holds now.
    #[must_use]
    pub fn quirk_table(&self) -> Arc<Table> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).table)
    }

    /// How the engine is; changes can be waited for.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// The engine's present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A site as it was last imported.
    #[must_use]
    pub fn site_config(&self, site: &SiteId) -> Option<SiteConfig> {
        self.configs().get(site).cloned()
    }

    /// The zone of the site of an EVSE; none where no site has it.
    #[must_use]
    pub fn zone_of(&self, evse: &EvseId) -> Option<Zone> {
        let configs = self.configs();
        let site = configs.values().find(|config| config.evses.iter().any(|known| known.id == *evse));
        site.map(|config| config.zone.clone())
    }

    /// A meter of a circuit of some site.
    #[must_use]
    pub fn meter(&self, meter: &MeterId) -> Option<MeterConfig> {
        let configs = self.configs();
        let circuits = configs.values().flat_map(|config| &config.circuits);
        circuits.filter_map(|circuit| circuit.meter.clone()).find(|known| known.id == *meter)
    }

    /// The stations of all sites.
    #[must_use]
    pub fn stations(&self) -> BTreeSet<StationId> {
        let configs = self.configs();
        configs.values().flat_map(|config| &config.evses).map(|evse| evse.id.station.clone()).collect()
    }

    /// Whether a station is in some site.
    #[must_use]
    pub fn knows_station(&self, station: &StationId) -> bool {
        self.configs().values().flat_map(|config| &config.evses).any(|evse| evse.id.station == *station)
    }

    /// The sites as configured, whenever they change.
    #[must_use]
    pub fn watch_configs(&self) -> watch::Receiver<BTreeMap<SiteId, SiteConfig>> {
        self.configs.clone()
    }

    /// What the wall clock shows: what whoever reads a meter here stamps its readings with.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.clock.now() + self.clock.wall_offset()
    }

    fn configs(&self) -> watch::Ref<'_, BTreeMap<SiteId, SiteConfig>> {
        self.configs.borrow()
    }

    /// Handles what has come, commits, and ends all links without a Close frame.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.control.send(Control::Stop { done }).await.is_ok() {
            // An error says that the thread is gone, which is what is wanted.
            let _ = stopped.await;
        }
    }

    async fn ask<T>(
        &self,
        timeout: Duration,
        control: impl FnOnce(oneshot::Sender<T>) -> Control,
    ) -> Result<T, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        self.control.send(control(answer)).await.map_err(|_| NoAnswer::Stopping)?;
        match tokio::time::timeout(timeout, answered).await {
            Ok(answer) => answer.map_err(|_| NoAnswer::Stopping),
            Err(_) => Err(NoAnswer::Late),
        }
    }
}

/// What the engine is started with.
pub struct Start {
    /// Where records are; its writer is started here.
    pub store: Arc<Store>,
    /// Numbers and keeps frames.
    pub frame_log: FrameLog,
    /// What time it is.
    pub clock: Clock,
    /// What stations in general may do.
    pub policy: csms::Policy,
    /// Is told what is kept of each station.
    pub door: Arc<Door>,
    /// Is told which files are waited for.
    pub uploads: Arc<Uploads>,
    /// Is told what needs a person.
    pub alarms: AlarmSink,
}

/// A running engine.
pub struct Running {
    /// The way in.
    pub handle: EngineHandle,
    /// Lets tests make the disk full.
    pub writer: Writer,
    /// The engine's thread: it ends by [`EngineHandle::stop`], or with the error that ended it.
    pub thread: std::thread::JoinHandle<anyhow::Result<()>>,
}

/// Restores both roots and starts the engine's thread.
///
/// # Errors
///
/// Where records cannot be read, the writer cannot start, or a root breaks down over what it is restored with.
pub async fn start(start: Start) -> anyhow::Result<Running> {
    let writer = start.store.start_writer().await.context("the writer cannot start")?;
    start_with(start, writer).await
}

/// As [`start()`], with a writer that was started before.
pub(crate) async fn start_with(start: Start, started: store::WriterStarted) -> anyhow::Result<Running> {
    let Start { store, frame_log, clock, policy, door, uploads, alarms } = start;
    let writer = started.writer.clone();
    let (from_links, links_inbox) = channel(FRAMES_WAITING_MAX);
    let (control, control_inbox) = channel(CONTROL_WAITING_MAX);
    let (health, health_seen) = watch::channel(Health::default());
    let (configs, configs_seen) = watch::channel(BTreeMap::new());
    let known = Makes { table: Arc::clone(&policy.quirks), stations: BTreeMap::new() };
    let known = Arc::new(RwLock::new(known));
    let handle = EngineHandle {
        from_links,
        control,
        health: health_seen,
        clock,
        configs: configs_seen,
        known: Arc::clone(&known),
        forecasts: Forecasts::default(),
    };
    let (planners, plans_wanted) = unbounded_channel();
    let weak = handle.control.downgrade();
    let mut engine = Engine {
        csms: Csms::with_policy(policy.clone()),
        office: Office::new(),
        policy,
        clock,
        store,
        writer: started.writer,
        frame_log,
        links: BTreeMap::new(),
        link_last: LinkId(0),
        sites: Progress::default(),
        business: Progress::default(),
        requests: BTreeMap::new(),
        request_last: RequestId(0),
        directory: None,
        control: weak,
        quarantine: BTreeSet::new(),
        door,
        uploads,
        alarms,
        health,
        configs,
        known,
        planners,
        work: VecDeque::new(),
    };
    engine.restore().await?;
    tokio::spawn(planning::run(plans_wanted, handle.clone(), Solver::start()?));
    let inboxes = Inboxes { reports: started.reports, control: control_inbox, links: links_inbox };
    let writer_task = started.task;
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(engine.run(inboxes, writer_task))
        })
        .context("cannot start the engine's thread")?;
    Ok(Running { handle, writer, thread })
}

struct Inboxes {
    reports: UnboundedReceiver<Report>,
    control: Receiver<Control>,
    links: Receiver<FromLink>,
}

struct Engine {
    csms: Csms,
    office: Office,
    policy: csms::Policy,
    clock: Clock,
    store: Arc<Store>,
    writer: Writer,
    frame_log: FrameLog,
    links: BTreeMap<LinkId, Link>,
    link_last: LinkId,
    sites: Progress<csms::Effect>,
    business: Progress<office::Effect>,
    requests: BTreeMap<RequestId, Requester>,
    request_last: RequestId,
    directory: Option<Arc<Directory>>,
    /// To itself, for answers of workers.
    control: WeakSender<Control>,
    /// Hashes of frames at which a root broke down.
    quarantine: BTreeSet<[u8; 32]>,
    door: Arc<Door>,
    uploads: Arc<Uploads>,
    alarms: AlarmSink,
    health: watch::Sender<Health>,
    configs: watch::Sender<BTreeMap<SiteId, SiteConfig>>,
    known: Arc<RwLock<Makes>>,
    /// Whoever makes plans.
    planners: UnboundedSender<csms::PlanWanted>,
    work: VecDeque<Work>,
}

struct Link {
    station: StationId,
    version: csms::Version,
    security: csms::SecurityProfile,
    outbox: Arc<Outbox>,
}

/// How far one root's records are, and which effects wait for them. The store numbers the records of a process from 1;
/// a root that was rebuilt begins at 1 again, which `base` makes up for.
struct Progress<Effect> {
    base: u64,
    submitted: RecordSeq,
    committed: RecordSeq,
    waiting: VecDeque<(RecordSeq, Effect)>,
}

impl<Effect> Default for Progress<Effect> {
    fn default() -> Self {
        Self { base: 0, submitted: RecordSeq(0), committed: RecordSeq(0), waiting: VecDeque::new() }
    }
}

impl<Effect> Progress<Effect> {
    /// The store's number for a root's record; 0 stays 0: it waits for nothing.
    const fn seq(&self, seq: RecordSeq) -> RecordSeq {
        if seq.0 == 0 { seq } else { RecordSeq(self.base + seq.0) }
    }

    const fn uncommitted(&self) -> u64 {
        self.submitted.0 - self.committed.0
    }

    fn next_free(&mut self) -> Option<Effect> {
        let committed = self.committed;
        self.waiting.pop_front_if(|(after, _)| *after <= committed).map(|(_, effect)| effect)
    }
}

/// Who waits for an answer.
enum Requester {
    CsmsCommand(oneshot::Sender<csms::CommandAnswer>),
    CsmsQuery(oneshot::Sender<csms::QueryAnswer>),
    OfficeCommand(oneshot::Sender<office::CommandAnswer>),
    OfficeQuery(oneshot::Sender<office::QueryAnswer>),
}

enum Work {
    Csms(csms::Input),
    Office(office::Input),
}

impl Engine {
    async fn run(
        mut self,
        mut inboxes: Inboxes,
        writer_task: tokio::task::JoinHandle<()>,
    ) -> anyhow::Result<()> {
        let mut wall_told = TimeSpan::ZERO;
        let clock = self.clock;
        let mut look = Box::pin(clock.look_at_wall());
        let done = loop {
            self.tick_if_due(&mut inboxes).await?;
            let is_gated = self.sites.uncommitted() + self.business.uncommitted() > RECORDS_UNCOMMITTED_MAX;
            let wake = clock.reach(self.next_deadline());
            tokio::select! {
                biased;
                report = inboxes.reports.recv() => {
                    let report = report.context("the writer is gone")?;
                    self.take_report(report, &mut inboxes).await?;
                }
                control = inboxes.control.recv() => match control {
                    Some(Control::Stop { done }) => break Some(done),
                    None => break None,
                    Some(control) => self.take_control(control, &mut inboxes).await?,
                },
                from_link = inboxes.links.recv(), if !is_gated => {
                    let mut next = from_link;
                    for _ in 0..FRAMES_AT_ONCE {
                        let Some(from_link) = next else { break };
                        self.take_from_link(from_link, &mut inboxes).await?;
                        next = inboxes.links.try_recv().ok();
                    }
                    if let Some(from_link) = next {
                        self.take_from_link(from_link, &mut inboxes).await?;
                    }
                }
                () = &mut look => {
                    look.set(clock.look_at_wall());
                    let offset = self.clock.wall_offset();
                    let moved = offset - wall_told;
                    if moved.milliseconds().abs() >= WALL_JUMP.milliseconds() {
                        tracing::warn!(
                            %offset,
                            "the wall clock was set; control goes on by its own clock, and bills are held where the two are \
                             more than an hour apart: where the wall clock is right now, restart"
                        );
                        wall_told = offset;
                        self.take_control(Control::WallClock(offset), &mut inboxes).await?;
                    }
                }
                () = wake => {}
            }
        };
        self.stop(inboxes).await;
        drop(self.writer);
        // What is committed is committed: a writer that hangs on a full disk is left behind.
        if tokio::time::timeout(STOP_TIMEOUT, writer_task).await.is_err() {
            tracing::error!("records that were not acknowledged could not be committed before the stop");
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
        Ok(())
    }

    /// Handles what has come, waits for the disk, ends the links.
    async fn stop(&mut self, mut inboxes: Inboxes) {
        inboxes.links.close();
        while let Ok(from_link) = inboxes.links.try_recv() {
            if let Err(error) = self.take_from_link(from_link, &mut inboxes).await {
                tracing::error!(%error, "a frame was not handled before the stop");
            }
        }
        let commit = async {
            while self.sites.uncommitted() + self.business.uncommitted() > 0 {
                let Some(report) = inboxes.reports.recv().await else { return };
                self.note(report);
                self.release();
            }
        };
        if tokio::time::timeout(STOP_TIMEOUT, commit).await.is_err() {
            tracing::error!("the disk takes no records: what is not committed was not acknowledged either");
        }
        for link in self.links.values() {
            link.outbox.end(End::Drained);
        }
    }

    async fn restore(&mut self) -> anyhow::Result<()> {
        let restored = self.store.restore().await.context("the records cannot be read")?;
        for record in &restored.csms {
            self.take_note(record);
        }
        let restored_roots = catch_unwind(AssertUnwindSafe(|| {
            let now = self.clock.now();
            self.csms.handle(now, csms::Input::Restored(restored.csms));
            self.drain_csms();
            self.office.handle(now, office::Input::Restored(Box::new(restored.office)));
            self.drain_office();
            for cdr in restored.cdrs_unbilled {
                self.work.push_back(Work::Office(office::Input::Cdr(Box::new(cdr))));
            }
            self.work_off();
        }));
        restored_roots.map_err(|panic| {
            anyhow::anyhow!("the records cannot be taken in: {}; the database is left as it is", said(&panic))
        })
    }

    async fn tick_if_due(&mut self, inboxes: &mut Inboxes) -> anyhow::Result<()> {
        if self.csms.next_deadline().is_some_and(|at| self.clock.has_reached(at)) {
            self.work.push_back(Work::Csms(csms::Input::Tick));
        }
        if self.office.next_deadline().is_some_and(|at| self.clock.has_reached(at)) {
            self.work.push_back(Work::Office(office::Input::Tick));
        }
        self.work_off_guarded(None, inboxes).await
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.csms.next_deadline().into_iter().chain(self.office.next_deadline()).min()
    }

    async fn take_report(&mut self, report: Report, inboxes: &mut Inboxes) -> anyhow::Result<()> {
        match &report {
            Report::Committed { .. } => {}
            Report::Failing { .. } => {
                self.work.push_back(Work::Csms(csms::Input::Storage(StorageHealth::Failing)));
                self.work.push_back(Work::Office(office::Input::Storage(office::StorageHealth::Failing)));
            }
            Report::Well => {
                self.work.push_back(Work::Csms(csms::Input::Storage(StorageHealth::Well)));
                self.work.push_back(Work::Office(office::Input::Storage(office::StorageHealth::Well)));
            }
        }
        self.note(report);
        self.work_off_guarded(None, inboxes).await
    }

    fn note(&mut self, report: Report) {
        match report {
            Report::Committed { root: Root::Csms, up_to } => self.sites.committed = up_to,
            Report::Committed { root: Root::Office, up_to } => self.business.committed = up_to,
            Report::Failing { reason } => {
                tracing::error!(%reason, "records cannot be committed: stations get no acknowledgements until they can");
                self.health.send_modify(|health| health.storage_failing = Some(reason));
            }
            Report::Well => {
                tracing::info!("records are committed again");
                self.health.send_modify(|health| health.storage_failing = None);
            }
        }
    }

    async fn take_control(&mut self, control: Control, inboxes: &mut Inboxes) -> anyhow::Result<()> {
        let work = match control {
            Control::Reading { meter, at, current } => {
                Work::Csms(csms::Input::GridReading { meter, at, current })
            }
            Control::WiringAnswered { site, doubts } => {
                Work::Csms(csms::Input::WiringAnswered { site, doubts })
            }
            Control::MeterDoubted(meter) => Work::Csms(csms::Input::MeterDoubted { meter }),
            Control::CsmsCommand { actor, command, answer } => {
                let request = self.request(Requester::CsmsCommand(answer));
                Work::Csms(csms::Input::Command { request, actor, command })
            }
            Control::CsmsQuery { query, answer } => {
                let request = self.request(Requester::CsmsQuery(answer));
                Work::Csms(csms::Input::Query { request, query })
            }
            Control::OfficeCommand { actor, command, answer } => {
                let request = self.request(Requester::OfficeCommand(answer));
                Work::Office(office::Input::Command { request, actor, command })
            }
            Control::OfficeQuery { query, answer } => {
                let request = self.request(Requester::OfficeQuery(answer));
                Work::Office(office::Input::Query { request, query })
            }
            Control::Sighted(station) => {
                let at = self.clock.now() + self.clock.wall_offset();
                Work::Office(office::Input::Sighted { station, at })
            }
            Control::Quirks(table) => {
                self.policy.quirks = Arc::clone(&table);
                self.known.write().unwrap_or_else(PoisonError::into_inner).table = Arc::clone(&table);
                Work::Csms(csms::Input::Quirks(table))
            }
            Control::Planned { site, plan: Ok(plan) } => Work::Csms(csms::Input::PlanReady { site, plan }),
            Control::Planned { site, plan: Err(reason) } => {
                Work::Csms(csms::Input::PlanFailed { site, reason: reason.into() })
            }
            Control::WallClock(offset) => Work::Csms(csms::Input::WallClock(offset)),
            // The loop ends at it.
            Control::Stop { done: _ } => return Ok(()),
        };
        self.work.push_back(work);
        self.work_off_guarded(None, inboxes).await
    }

    /// A worker finds out how EVSEs are wired. An answer that does not come, or finds the inbox full, is asked for again
    /// after more steps.
    fn ask_wiring(&self, site: SiteId, question: WiringQuestion) {
        let Some(control) = self.control.upgrade() else { return };
        tokio::task::spawn_blocking(move || {
            let doubts = planner::wirings(&question);
            if !doubts.is_empty() {
                let _ = control.try_send(Control::WiringAnswered { site, doubts });
            }
        });
    }

    fn request(&mut self, requester: Requester) -> RequestId {
        self.request_last = self.request_last.next();
        self.requests.insert(self.request_last, requester);
        self.request_last
    }

    async fn take_from_link(&mut self, from_link: FromLink, inboxes: &mut Inboxes) -> anyhow::Result<()> {
        match from_link {
            FromLink::Up { station, version, security, opened } => {
                self.link_last = self.link_last.next();
                let (link, outbox) = (self.link_last, Arc::new(Outbox::default()));
                if opened.send((link, Arc::clone(&outbox))).is_err() {
                    return Ok(());
                }
                self.links.insert(link, Link { station: station.clone(), version, security, outbox });
                self.work.push_back(Work::Csms(csms::Input::LinkUp { link, station, version, security }));
                self.work_off_guarded(None, inboxes).await
            }
            FromLink::Down { link } => {
                self.links.remove(&link);
                self.work.push_back(Work::Csms(csms::Input::LinkDown { link }));
                self.work_off_guarded(None, inboxes).await
            }
            FromLink::Frame { link, text } => {
                let Some(station) = self.links.get(&link).map(|link| link.station.clone()) else {
                    return Ok(());
                };
                let now = self.clock.now();
                let frame = self.frame_log.record(now, &station, Direction::In, &text);
                tracing::trace!(%station, frame, "<");
                let culprit = Culprit { link, station, frame, text: text.clone() };
                if !self.quarantine.is_empty() && self.quarantine.contains(&culprit.hash()) {
                    tracing::error!(station = %culprit.station, frame, "a frame in quarantine came again");
                    self.answer_in_place(culprit);
                    return Ok(());
                }
                self.work.push_back(Work::Csms(csms::Input::Frame { link, frame, text }));
                self.work_off_guarded(Some(culprit), inboxes).await
            }
        }
    }

    /// Works off what is to be done; a root that breaks down is rebuilt.
    async fn work_off_guarded(
        &mut self,
        culprit: Option<Culprit>,
        inboxes: &mut Inboxes,
    ) -> anyhow::Result<()> {
        match catch_unwind(AssertUnwindSafe(|| self.work_off())) {
            Ok(()) => Ok(()),
            Err(panic) => {
                let words = said(&panic);
                self.rebuild(&words, culprit, inboxes).await
            }
        }
    }

    fn work_off(&mut self) {
        while let Some(work) = self.work.pop_front() {
            let now = self.clock.now();
            match work {
                Work::Csms(input) => {
                    self.csms.handle(now, input);
                    self.drain_csms();
                }
                Work::Office(input) => {
                    self.office.handle(now, input);
                    self.drain_office();
                }
            }
            self.release();
        }
        self.release();
    }

    fn drain_csms(&mut self) {
        let mut records = Vec::new();
        while let Some(csms::Output { after, effect }) = self.csms.poll_output() {
            let after = self.sites.seq(after);
            match effect {
                csms::Effect::Persist { seq, record } => {
                    self.take_note(&record);
                    records.push((self.sites.seq(seq), *record));
                }
                csms::Effect::Withdraw { link, message } => self.withdraw(link, message),
                effect @ (csms::Effect::SendFrame { .. }
                | csms::Effect::CloseLink { .. }
                | csms::Effect::Answer { .. }
                | csms::Effect::QueryAnswer { .. }
                | csms::Effect::SealedCdr(_)
                | csms::Effect::Sighted(_)
                | csms::Effect::StartRefused(_)
                | csms::Effect::FrameUnreadable { .. }
                | csms::Effect::PlanWanted(_)
                | csms::Effect::AskWiring { .. }
                | csms::Effect::AlarmRaised(_)
                | csms::Effect::AlarmCleared(_)) => {
                    if after == RecordSeq(0) {
                        self.carry_out(effect);
                    } else {
                        self.sites.waiting.push_back((after, effect));
                    }
                }
            }
        }
        if let Some((last, _)) = records.last() {
            self.sites.submitted = *last;
            self.writer.submit(Records::Csms(records));
        }
    }

    /// Keeps what the shell itself goes by. It holds from now on although it is not committed yet: whoever asked for it
    /// is answered only once it is.
    fn take_note(&self, record: &csms::Record) {
        use csms::Record;
        match record {
            Record::Site(row) => {
                self.configs.send_modify(|configs| {
                    configs.insert(row.config.id.clone(), row.config.clone());
                });
            }
            Record::Security(row) => self.door.keep(row.as_ref().clone()),
            Record::Upkeep(row) => {
                if let csms::upkeep::UpkeepRow::Upload(row) = row.as_ref() {
                    self.uploads.keep(row);
                }
            }
            Record::Station(row) => {
                let said = [row.vendor.clone(), row.model.clone(), row.firmware.clone()];
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.stations.insert(row.station.clone(), said);
            }
            Record::Facts(_)
            | Record::Terms(_)
            | Record::Evse(_)
            | Record::Session(_)
            | Record::Transaction(_)
            | Record::Counters(_)
            | Record::Evidence(_)
            | Record::MeterValues(_)
            | Record::Cdr(_)
            | Record::Finding(_)
            | Record::Notice(_)
            | Record::Reason(_)
            | Record::Audit(_) => {}
        }
    }

    fn drain_office(&mut self) {
        let mut records = Vec::new();
        while let Some(office::Output { after, effect }) = self.office.poll_output() {
            let after = self.business.seq(after);
            match effect {
                office::Effect::Persist { seq, record } => records.push((self.business.seq(seq), *record)),
                effect @ (office::Effect::PublishDirectory(_)
                | office::Effect::Answer { .. }
                | office::Effect::QueryAnswer { .. }) => self.business.waiting.push_back((after, effect)),
            }
        }
        if let Some((last, _)) = records.last() {
            self.business.submitted = *last;
            self.writer.submit(Records::Office(records));
        }
    }

    /// Lets go what rests on committed records.
    fn release(&mut self) {
        while let Some(effect) = self.sites.next_free() {
            self.carry_out(effect);
        }
        while let Some(effect) = self.business.next_free() {
            self.carry_out_office(effect);
        }
    }

    fn carry_out(&mut self, effect: csms::Effect) {
        match effect {
            csms::Effect::SendFrame { link, text } => self.send(link, text),
            csms::Effect::CloseLink { link, reason } => self.close(link, reason),
            csms::Effect::Answer { request, answer } => {
                if let Some(Requester::CsmsCommand(requester)) = self.requests.remove(&request) {
                    // Who asked may have given up.
                    let _ = requester.send(answer);
                }
            }
            csms::Effect::QueryAnswer { request, answer } => {
                if let Some(Requester::CsmsQuery(requester)) = self.requests.remove(&request) {
                    let _ = requester.send(*answer);
                }
            }
            csms::Effect::SealedCdr(cdr) => self.work.push_back(Work::Office(office::Input::Cdr(cdr))),
            csms::Effect::Sighted(sighting) => {
                tracing::info!(station = %sighting.station, "an unknown station knocked");
                let input = office::Input::Sighted { station: sighting.station, at: sighting.at };
                self.work.push_back(Work::Office(input));
            }
            csms::Effect::StartRefused(refusal) => tracing::warn!("a start is refused: {refusal}"),
            csms::Effect::FrameUnreadable { station, reason } => {
                tracing::warn!(%station, "what the station sent is no frame of OCPP and is left out: {reason}");
            }
            // Where nobody plans any more the server stops.
            csms::Effect::PlanWanted(wanted) => drop(self.planners.send(*wanted)),
            csms::Effect::AskWiring { site, question } => self.ask_wiring(site, *question),
            csms::Effect::AlarmRaised(alarm) => {
                tracing::warn!("alarm: {alarm}");
                self.alarms.tell(Turn::Raised, alarm);
            }
            csms::Effect::AlarmCleared(alarm) => {
                tracing::info!("alarm over: {alarm}");
                self.alarms.tell(Turn::Over, alarm);
            }
            // Both were dealt with where they were drained: neither waits.
            csms::Effect::Persist { .. } | csms::Effect::Withdraw { .. } => {}
        }
    }

    fn carry_out_office(&mut self, effect: office::Effect) {
        match effect {
            office::Effect::PublishDirectory(directory) => {
                self.directory = Some(Arc::clone(&directory));
                self.work.push_back(Work::Csms(csms::Input::Directory(directory)));
            }
            office::Effect::Answer { request, answer } => {
                if let Some(Requester::OfficeCommand(requester)) = self.requests.remove(&request) {
                    let _ = requester.send(answer);
                }
            }
            office::Effect::QueryAnswer { request, answer } => {
                if let Some(Requester::OfficeQuery(requester)) = self.requests.remove(&request) {
                    let _ = requester.send(*answer);
                }
            }
            // Dealt with where it was drained.
            office::Effect::Persist { .. } => {}
        }
    }

    fn send(&mut self, link: LinkId, text: Box<str>) {
        let Some(open) = self.links.get(&link) else { return };
        let frame = self.frame_log.record(self.clock.now(), &open.station, Direction::Out, &text);
        tracing::trace!(station = %open.station, frame, ">");
        open.outbox.push(text);
    }

    fn close(&mut self, link: LinkId, reason: CloseReason) {
        let Some(closed) = self.links.remove(&link) else { return };
        tracing::info!(station = %closed.station, %link, ?reason, "link dropped");
        closed.outbox.end(End::Now);
    }

    /// Takes a call of ours back wherever it waits: for its record, or for the socket.
    fn withdraw(&mut self, link: LinkId, message: u64) {
        self.sites.waiting.retain(|(_, effect)| match effect {
            csms::Effect::SendFrame { link: other, text } => {
                *other != link || !crate::outbox::is_call(text, message)
            }
            csms::Effect::Persist { .. }
            | csms::Effect::Withdraw { .. }
            | csms::Effect::CloseLink { .. }
            | csms::Effect::Answer { .. }
            | csms::Effect::QueryAnswer { .. }
            | csms::Effect::SealedCdr(_)
            | csms::Effect::Sighted(_)
            | csms::Effect::StartRefused(_)
            | csms::Effect::FrameUnreadable { .. }
            | csms::Effect::PlanWanted(_)
            | csms::Effect::AskWiring { .. }
            | csms::Effect::AlarmRaised(_)
            | csms::Effect::AlarmCleared(_) => true,
        });
        if let Some(open) = self.links.get(&link) {
            let withdrawn = open.outbox.withdraw(message);
            tracing::debug!(station = %open.station, message, ?withdrawn, "a call is given up");
        }
    }

    /// A root broke down: both are rebuilt from what is committed, and the links are handed in anew. Stations'
    /// fallbacks cover the gap.
    async fn rebuild(
        &mut self,
        words: &str,
        culprit: Option<Culprit>,
        inboxes: &mut Inboxes,
    ) -> anyhow::Result<()> {
        let whose = culprit
            .as_ref()
            .map_or_else(String::new, |culprit| format!(" at a frame of {}", culprit.station));
        let note = format!("{}: the engine broke down{whose} and was rebuilt: {words}", self.clock.now());
        tracing::error!("{note}");
        self.health.send_modify(|health| health.defects.push(note));
        self.work.clear();
        while self.sites.uncommitted() + self.business.uncommitted() > 0 {
            let report = inboxes.reports.recv().await.context("the writer is gone")?;
            self.note(report);
        }
        self.csms = Csms::with_policy(self.policy.clone());
        self.office = Office::new();
        self.sites.base = self.sites.submitted.0;
        self.business.base = self.business.submitted.0;
        // What waited rests on committed records, so that it still holds.
        self.release();
        self.work.clear();
        if let Some(culprit) = culprit {
            self.quarantine.insert(culprit.hash());
            self.answer_in_place(culprit);
        }
        self.restore().await?;
        if let Some(directory) = self.directory.clone() {
            self.work.push_back(Work::Csms(csms::Input::Directory(directory)));
        }
        for (link, open) in &self.links {
            let Link { version, security, .. } = *open;
            let station = open.station.clone();
            let input = csms::Input::LinkUp { link: *link, station, version, security };
            self.work.push_back(Work::Csms(input));
        }
        catch_unwind(AssertUnwindSafe(|| self.work_off()))
            .map_err(|panic| anyhow::anyhow!("the engine broke down twice: {}", said(&panic)))
    }

    /// Keeps a frame that no root may see, and answers it so that the station does not send it for ever.
    fn answer_in_place(&mut self, culprit: Culprit) {
        let Some((action, answer)) = answer_to(&culprit.text) else { return };
        let row = EvidenceRow {
            frame: culprit.frame,
            station: culprit.station.clone(),
            transaction: None,
            received_at: self.clock.now(),
            action,
            sha256: culprit.hash(),
            text: culprit.text,
        };
        // The roots number their records without gaps: what the shell adds moves their numbers on.
        self.sites.base += 1;
        let seq = RecordSeq(self.sites.submitted.0 + 1);
        self.sites.submitted = seq;
        self.writer.submit(Records::Csms(vec![(seq, csms::Record::Evidence(row))]));
        let frame = csms::Effect::SendFrame { link: culprit.link, text: answer.into() };
        self.sites.waiting.push_back((seq, frame));
    }
}

/// The frame that was handled when a root broke down.
struct Culprit {
    link: LinkId,
    station: StationId,
    frame: u64,
    text: Box<str>,
}

impl Culprit {
    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

/// The action of a station's call, and an answer after which the station does not repeat it: a CALLERROR would make it
/// repeat a message of a transaction for ever (FIELD section 6, trap 3).
fn answer_to(text: &str) -> Option<(String, String)> {
    let frame: serde_json::Value = serde_json::from_str(text).ok()?;
    let [kind, id, action, _] = frame.as_array()?.as_slice() else { return None };
    let (2, id, action) = (kind.as_i64()?, id.as_str()?, action.as_str()?) else { return None };
    let answer = match action {
        "StartTransaction" => {
            serde_json::json!([3, id, {"transactionId": 0, "idTagInfo": {"status": "Invalid"}}])
        }
        "StopTransaction" | "TransactionEvent" | "MeterValues" | "StatusNotification" => {
            serde_json::json!([3, id, {}])
        }
        _ => serde_json::json!([4, id, "InternalError", "the frame is kept and a person was told", {}]),
    };
    Some((action.to_owned(), answer.to_string()))
}

/// What a panic said.
pub(crate) fn said(panic: &Box<dyn std::any::Any + Send>) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_broke_the_engine_is_answered_so_that_it_is_not_repeated() {
        let table = [
            ("[2,\"a\",\"StopTransaction\",{}]", Some("[3,\"a\",{}]")),
            ("[2,\"b\",\"MeterValues\",{}]", Some("[3,\"b\",{}]")),
            ("[2,\"e\",\"TransactionEvent\",{}]", Some("[3,\"e\",{}]")),
            (
                "[2,\"c\",\"StartTransaction\",{}]",
                Some("[3,\"c\",{\"idTagInfo\":{\"status\":\"Invalid\"},\"transactionId\":0}]"),
            ),
            (
                "[2,\"d\",\"Heartbeat\",{}]",
                Some("[4,\"d\",\"InternalError\",\"the frame is kept and a person was told\",{}]"),
            ),
            ("[3,\"e\",{}]", None),
            ("no JSON", None),
        ];
        for (text, expected) in table {
            assert_eq!(answer_to(text).map(|(_, answer)| answer).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn effects_leave_in_order_and_only_after_their_record() {
        let mut progress = Progress::<u8> { base: 10, ..Progress::default() };
        for (after, effect) in [(1, b'a'), (3, b'b'), (2, b'c')] {
            progress.waiting.push_back((progress.seq(RecordSeq(after)), effect));
        }
        progress.committed = RecordSeq(11);
        assert_eq!(progress.next_free(), Some(b'a'));
        progress.committed = RecordSeq(12);
        assert_eq!(progress.next_free(), None, "c may not overtake b");
        progress.committed = RecordSeq(13);
        assert_eq!([progress.next_free(), progress.next_free()], [Some(b'b'), Some(b'c')]);
        assert_eq!(progress.seq(RecordSeq(0)), RecordSeq(0), "a shed waits for nothing");
    }
}
