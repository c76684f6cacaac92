//! Jobs: work at many stations, in waves, within hours, until too much fails.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use units::{RequestId, StationId, TimeSpan, Timestamp};

use super::attend::in_words;
use super::{
    Answered, Arrival, Ask, Cause, ErrandRow, ErrandState, JobOrder, JobRow, JobState, Lost, Received,
    ResetHow, Selection, SettingKey, Told, UpkeepRow, UploadRow, Work,
};
use crate::call::Priority;
use crate::contract::{Alarm, CommandAnswer};
use crate::csms::Csms;
use crate::message::Call;
use crate::outbox::Wait;
use crate::wire::{self, RawCall};

/// A station that has a transaction is looked at again after this long.
const BUSY_LOOK_EVERY: TimeSpan = TimeSpan::from_seconds(60);
/// An errand whose answer was lost is begun so often.
const ATTEMPTS_MAX: u8 = 3;
/// A job of more stations is more than one.
const STATIONS_MAX: usize = 100_000;
/// An upload's address is good for so long after its errand may no longer begin.
const UPLOAD_LATE: TimeSpan = TimeSpan::from_hours(24);

/// A job that has not ended.
#[derive(Debug)]
pub(super) struct Job {
    pub row: JobRow,
    pub errands: BTreeMap<StationId, ErrandRow>,
    /// Who waits for its end.
    pub requester: Option<RequestId>,
}

impl Job {
    fn wave_now(&self) -> Option<u32> {
        self.errands.values().filter(|errand| !errand.state.is_over()).map(|errand| errand.wave).min()
    }

    fn failures(&self) -> u32 {
        let failed = self.errands.values().filter(|errand| errand.state == ErrandState::Failed).count();
        u32::try_from(failed).unwrap_or(u32::MAX)
    }

    fn is_over_its_failures(&self) -> bool {
        let allowed = self.row.plan.failures_max.map(|most| most.saturating_add(self.row.failures_seen));
        allowed.is_some_and(|allowed| self.failures() > allowed)
    }

    fn patience(&self) -> TimeSpan {
        TimeSpan::from_minutes(i64::from(self.row.plan.patience_minutes))
    }

    fn name(&self) -> String {
        format!("job {} ({})", self.row.job, self.row.work)
    }
}

/// Why an errand cannot begin now.
enum NotNow {
    /// Until the station says something.
    Away,
    At(Timestamp, &'static str),
}

impl Csms {
    /// Begins a job: its number, or every reason against it.
    pub(super) fn begin_job(
        &mut self,
        now: Timestamp,
        request: RequestId,
        actor: &str,
        order: JobOrder,
    ) -> Result<u64, Vec<String>> {
        let stations = self.selected(&order.selection)?;
        let problems = self.against(&stations, &order);
        if !problems.is_empty() {
            return Err(problems);
        }
        let wall = self.core.wall(now);
        let number = self.core.counters.job.max(1);
        self.core.counters.job = number + 1;
        let until = wall + order.within;
        let waves = waves_of(&order.plan.waves, stations.len());
        let errand = |(station, wave): (&StationId, u32)| ErrandRow {
            job: number,
            station: station.clone(),
            wave,
            state: ErrandState::Waiting,
            at: wall,
            word: String::new(),
            attempts: 0,
            step: 0,
            before: None,
        };
        let errands: BTreeMap<StationId, ErrandRow> =
            stations.iter().zip(waves).map(errand).map(|row| (row.station.clone(), row)).collect();
        if let (Work::Diagnostics { .. }, Some((base, secret))) = (&order.work, &order.uploads) {
            for station in &stations {
                self.expect_upload(now, station, number, (base, secret), until + UPLOAD_LATE);
            }
        }
        self.core.persist_counters();
        let row = JobRow {
            job: number,
            actor: actor.to_owned(),
            begun_at: wall,
            work: order.work,
            name: order.name,
            plan: order.plan,
            until,
            state: JobState::Running,
            failures_seen: 0,
            ended_at: None,
        };
        self.keep(UpkeepRow::Job(row.clone()));
        for errand in errands.values() {
            self.keep(UpkeepRow::Errand(errand.clone()));
        }
        let requester = match order.answered {
            Answered::AtOnce => None,
            Answered::AtTheEnd => Some(request),
        };
        self.upkeep.jobs.insert(number, Job { row, errands, requester });
        self.advance_job(now, number);
        self.look_at_jobs_again(now);
        Ok(number)
    }

    /// The stations of a selection, in the order of their names.
    pub(super) fn selected(&self, selection: &Selection) -> Result<Vec<StationId>, Vec<String>> {
        let mut problems = Vec::new();
        for id in selection.stations.iter().flatten() {
            if self.known_station(id).is_err() {
                problems.push(format!("station {id} is unknown: name it in a site first"));
            }
        }
        if let Some(site) = &selection.site
            && self.core.sites.index_of(site).is_none()
        {
            problems.push(format!("site {site} does not exist"));
        }
        let is_meant = |station: &&crate::station::Station| {
            let row = &station.row;
            station.site.is_some()
                && selection.stations.as_ref().is_none_or(|named| named.contains(&row.station))
                && selection.site.as_ref().is_none_or(|site| row.site == *site)
                && selection.vendor.matches(&row.vendor)
                && selection.model.matches(&row.model)
                && selection.firmware.matches(&row.firmware)
        };
        let known = self.station_by_id.values().map(|&place| &self.stations[place]);
        let stations: Vec<StationId> = known.filter(is_meant).map(|station| station.id().clone()).collect();
        match stations.len() {
            0 if problems.is_empty() => problems.push("no station is as selected".to_owned()),
            count if count > STATIONS_MAX => {
                problems.push(format!(
                    "{count} stations are selected, more than {STATIONS_MAX}: begin several jobs"
                ));
            }
            _ => {}
        }
        if problems.is_empty() { Ok(stations) } else { Err(problems) }
    }

    /// Every reason against a job, before anything is done.
    fn against(&self, stations: &[StationId], order: &JobOrder) -> Vec<String> {
        let mut problems = Vec::new();
        if order.plan.waves.contains(&0) {
            problems.push("a wave of no stations never ends: give each at least 1".to_owned());
        }
        if order.plan.patience_minutes == 0 {
            problems.push("patience_minutes is 0: give the stations at least 1".to_owned());
        }
        match &order.work {
            Work::Firmware { url, .. } if !has_scheme(url, &["http", "https", "ftp", "ftps", "sftp"]) => {
                problems.push(format!(
                    "firmware at `{url}` cannot be fetched: write http(s)://, ftp(s):// or sftp://"
                ));
            }
            Work::Firmware { url, signed: Some(signed), .. } => problems.extend(signed.against(url)),
            Work::Move { url, .. } if !has_scheme(url, &["ws", "wss"]) => {
                problems.push(format!("`{url}` is no address of a backend: write ws:// or wss://"));
            }
            Work::Diagnostics { .. } if order.uploads.is_none() => {
                problems.push(
                    "the server takes no files: start it with --listen-files and --files-url".to_owned(),
                );
            }
            Work::Firmware { .. }
            | Work::Move { .. }
            | Work::Diagnostics { .. }
            | Work::Call { .. }
            | Work::Reset { .. }
            | Work::Unlock { .. }
            | Work::Availability { .. }
            | Work::ClearCache => {}
        }
        let mut by_version: BTreeMap<ocpp::Version, &StationId> = BTreeMap::new();
        for id in stations {
            let Ok(place) = self.known_station(id) else { continue };
            let station = &self.stations[place];
            by_version.entry(station.version()).or_insert(id);
            if let Work::Unlock { evse } | Work::Availability { evse: Some(evse), .. } = &order.work
                && station.evse(*evse).is_none()
            {
                problems.push(format!("station {id} has no EVSE {evse}"));
            }
        }
        for (version, station) in by_version {
            if let Err(reason) = first_call(version, &order.work) {
                problems.push(format!("station {station}, which speaks OCPP {version}: {reason}"));
            }
        }
        problems
    }

    fn expect_upload(
        &mut self,
        now: Timestamp,
        station: &StationId,
        job: u64,
        (base, secret): (&str, &super::Secret),
        until: Timestamp,
    ) {
        let upload = self.core.counters.upload.max(1);
        self.core.counters.upload = upload + 1;
        let digest = Sha256::new_with_prefix(secret.0).chain_update(station.as_str()).finalize();
        let token: String = digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        let Ok(place) = self.known_station(station) else { return };
        let wall = self.core.wall(now);
        self.upkeep.uploads.retain(|_, old| old.until > wall);
        let row = UploadRow {
            upload,
            station: station.clone(),
            site: self.stations[place].row.site.clone(),
            job,
            url: format!("{}/{token}/", base.trim_end_matches('/')),
            token,
            asked_at: wall,
            until,
            received: None,
        };
        self.upkeep.uploads.insert(upload, row.clone());
        self.keep(UpkeepRow::Upload(row));
    }

    pub(super) fn cancel_job(&mut self, now: Timestamp, number: u64) -> Result<(), String> {
        let job = self.job_mut(number)?;
        job.row.state = JobState::Cancelled;
        self.core.clear(Wait::ForRecords, Alarm::JobStopped { job: number });
        let job = self.job_mut(number)?;
        let row = job.row.clone();
        let waiting: Vec<StationId> = job
            .errands
            .values()
            .filter(|errand| errand.state == ErrandState::Waiting)
            .map(|errand| errand.station.clone())
            .collect();
        self.keep(UpkeepRow::Job(row));
        for station in waiting {
            self.end_errand(now, number, &station, ErrandState::Missed, "the job was cancelled");
        }
        self.advance_job(now, number);
        self.look_at_jobs_again(now);
        Ok(())
    }

    pub(super) fn resume_job(&mut self, now: Timestamp, number: u64) -> Result<(), String> {
        let job = self.job_mut(number)?;
        if job.row.state != JobState::Stopped {
            return Err(format!("job {number} has not stopped: there is nothing to resume"));
        }
        self.core.clear(Wait::ForRecords, Alarm::JobStopped { job: number });
        let job = self.job_mut(number)?;
        job.row.failures_seen = job.failures();
        job.row.state = JobState::Running;
        let row = job.row.clone();
        self.keep(UpkeepRow::Job(row));
        self.advance_job(now, number);
        self.look_at_jobs_again(now);
        Ok(())
    }

    fn job_mut(&mut self, number: u64) -> Result<&mut Job, String> {
        let jobs = &mut self.upkeep.jobs;
        jobs.get_mut(&number).ok_or_else(|| format!("job {number} does not exist, or has ended"))
    }

    // Going on.

    pub(super) fn advance_jobs(&mut self, now: Timestamp) {
        for number in self.upkeep.jobs.keys().copied().collect::<Vec<_>>() {
            self.advance_job(now, number);
        }
        self.look_at_jobs_again(now);
    }

    /// Begins what may begin, gives up what took too long, and ends the job where nothing is left.
    fn advance_job(&mut self, now: Timestamp, number: u64) {
        let wall = self.core.wall(now);
        let Some(job) = self.upkeep.jobs.get(&number) else { return };
        let late = |errand: &&ErrandRow| {
            errand.state == ErrandState::Following && errand.at + job.patience() <= wall
        };
        let late: Vec<ErrandRow> = job.errands.values().filter(late).cloned().collect();
        for errand in late {
            self.followed_too_long(now, number, &errand);
        }
        self.stop_if_it_fails(now, number);
        let Some(job) = self.upkeep.jobs.get(&number) else { return };
        // After a restart too.
        if job.row.state == JobState::Stopped {
            self.core.raise(now, Wait::ForRecords, Alarm::JobStopped { job: number });
        }
        let wave = job.wave_now();
        let (until, is_running) = (job.row.until, job.row.state == JobState::Running);
        let waiting: Vec<(StationId, bool)> = job
            .errands
            .values()
            .filter(|errand| errand.state == ErrandState::Waiting)
            .map(|errand| (errand.station.clone(), is_running && Some(errand.wave) == wave))
            .collect();
        for (station, is_its_turn) in waiting {
            let reason = match is_its_turn.then(|| self.may_begin(now, number, &station)) {
                Some(Ok(())) => {
                    self.begin_errand(now, number, &station);
                    continue;
                }
                Some(Err(NotNow::Away)) => "the station is offline",
                Some(Err(NotNow::At(_, reason))) => reason,
                None => "its wave did not come",
            };
            if until <= wall {
                self.end_errand(now, number, &station, ErrandState::Missed, reason);
            }
        }
        self.end_job_if_over(now, number);
    }

    fn stop_if_it_fails(&mut self, now: Timestamp, number: u64) {
        let Some(job) = self.upkeep.jobs.get_mut(&number) else { return };
        if job.row.state != JobState::Running || !job.is_over_its_failures() || job.wave_now().is_none() {
            return;
        }
        job.row.state = JobState::Stopped;
        let (row, failures) = (job.row.clone(), job.failures());
        let what = job.name();
        self.keep(UpkeepRow::Job(row.clone()));
        self.core.out.persist(crate::record::Record::Audit(crate::record::AuditRow {
            at: self.core.wall(now),
            actor: row.actor,
            station: None,
            what,
            outcome: format!("stopped: {failures} stations failed; look why, then resume it or cancel it"),
        }));
    }

    fn end_job_if_over(&mut self, now: Timestamp, number: u64) {
        let wall = self.core.wall(now);
        let Some(job) = self.upkeep.jobs.get_mut(&number) else { return };
        if job.wave_now().is_some() {
            return;
        }
        job.row.ended_at = Some(wall);
        if job.row.state != JobState::Cancelled {
            job.row.state = JobState::Ended;
        }
        self.core.clear(Wait::ForRecords, Alarm::JobStopped { job: number });
        let Some(job) = self.upkeep.jobs.remove(&number) else { return };
        self.keep(UpkeepRow::Job(job.row.clone()));
        if let Some(request) = job.requester {
            let answer = match job.errands.values().next() {
                Some(errand) if errand.state == ErrandState::Missed => {
                    CommandAnswer::NoAnswer(errand.word.clone().into())
                }
                Some(_) | None => CommandAnswer::Numbered(number),
            };
            self.answer_operator(request, answer);
        }
    }

    /// When jobs are to be looked at again though no station says anything.
    fn look_at_jobs_again(&mut self, now: Timestamp) {
        let wall = self.core.wall(now);
        let mut next: Option<Timestamp> = None;
        for (&number, job) in &self.upkeep.jobs {
            let wave = job.wave_now();
            for errand in job.errands.values() {
                let at = match errand.state {
                    ErrandState::Following => errand.at + job.patience(),
                    ErrandState::Waiting
                        if job.row.state == JobState::Running && Some(errand.wave) == wave =>
                    {
                        match self.may_begin(now, number, &errand.station) {
                            Ok(()) => wall,
                            Err(NotNow::Away) => job.row.until,
                            Err(NotNow::At(at, _)) => at.min(job.row.until),
                        }
                    }
                    ErrandState::Waiting => job.row.until,
                    ErrandState::Asked | ErrandState::Done | ErrandState::Failed | ErrandState::Missed => {
                        continue;
                    }
                };
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        self.upkeep.jobs_at = next;
    }

    fn may_begin(&self, now: Timestamp, number: u64, id: &StationId) -> Result<(), NotNow> {
        let wall = self.core.wall(now);
        let Some(job) = self.upkeep.jobs.get(&number) else { return Err(NotNow::Away) };
        if !self.is_reachable(id) {
            return Err(NotNow::Away);
        }
        let Some(&place) = self.station_by_id.get(id) else { return Err(NotNow::Away) };
        let station = &self.stations[place];
        if let Some(window) = job.row.plan.window.filter(|window| !window.is_open(&station.zone, wall)) {
            return Err(NotNow::At(window.opens_after(&station.zone, wall), "its hours did not come"));
        }
        if job.row.plan.waits_for_idle && station.evses.iter().any(|evse| evse.current.is_some()) {
            return Err(NotNow::At(wall + BUSY_LOOK_EVERY, "it had a transaction all the time"));
        }
        Ok(())
    }

    fn begin_errand(&mut self, now: Timestamp, number: u64, station: &StationId) {
        let Some((row, _)) = self.errand(number, station) else { return };
        if let Work::Firmware { version: Some(version), .. } = &row.work
            && self.firmware_of(station) == *version
        {
            let word = format!("it has firmware {version} already");
            return self.end_errand(now, number, station, ErrandState::Done, &word);
        }
        self.change_errand(now, number, station, |errand| {
            errand.attempts += 1;
            errand.state = ErrandState::Asked;
            errand.step = 0;
            errand.word = String::new();
        });
        self.ask_step(now, number, station);
    }

    /// Sends the call of the errand's step.
    fn ask_step(&mut self, now: Timestamp, number: u64, station: &StationId) {
        let Some((row, errand)) = self.errand(number, station) else { return };
        let Ok(place) = self.known_station(station) else {
            return self.end_errand(now, number, station, ErrandState::Failed, "no site names it any more");
        };
        let version = self.stations[place].version();
        let call = match &row.work {
            Work::Move { .. } => move_call(version, &row.work, &errand).map(|ask| Call::Ask(Box::new(ask))),
            Work::Diagnostics { log, from, until } => self.upload_of(number, station).map(|upload| {
                Call::Ask(Box::new(Ask::Log {
                    url: upload.url.clone(),
                    number: request_number(upload.upload),
                    kind: *log,
                    from: *from,
                    until: *until,
                }))
            }),
            Work::Firmware { .. }
            | Work::Call { .. }
            | Work::Reset { .. }
            | Work::Unlock { .. }
            | Work::Availability { .. }
            | Work::ClearCache => first_call(version, &row.work),
        };
        match call {
            Ok(mut call) => {
                if let Call::Ask(ask) = &mut call
                    && let Ask::Firmware { number: request, .. } = ask.as_mut()
                {
                    *request = request_number(number);
                }
                let cause = Cause::Errand { job: number, step: errand.step };
                self.ask(now, station, Priority::Operator, call, cause);
            }
            Err(reason) => self.end_errand(now, number, station, ErrandState::Failed, &reason),
        }
    }

    // What stations say.

    pub(super) fn errand_answered(
        &mut self,
        now: Timestamp,
        station: &StationId,
        number: u64,
        step: u8,
        end: Result<Told, Lost>,
    ) {
        let Some((row, errand)) = self.errand(number, station) else { return };
        if errand.state != ErrandState::Asked || errand.step != step {
            return;
        }
        let what = format!("job {number}: {}", step_in_words(&row.work, step));
        self.note(now, station, &row.actor, what, in_words(&end));
        match end {
            end if matches!(row.work, Work::Move { .. }) => self.moved(now, number, &errand, end),
            Err(Lost(_)) if row.work.may_repeat() && errand.attempts < ATTEMPTS_MAX => {
                self.change_errand(now, number, station, |errand| errand.state = ErrandState::Waiting);
            }
            Err(lost) => self.end_errand(now, number, station, ErrandState::Failed, &in_words(&Err(lost))),
            Ok(told) if !told.verdict.is_success() => {
                self.end_errand(now, number, station, ErrandState::Failed, &told.word);
            }
            Ok(told) => self.errand_accepted(now, number, station, &row.work, &told),
        }
        self.advance_jobs(now);
    }

    fn errand_accepted(
        &mut self,
        now: Timestamp,
        number: u64,
        station: &StationId,
        work: &Work,
        told: &Told,
    ) {
        match work {
            Work::Firmware { .. } | Work::Diagnostics { .. } => {
                // It may have told, or sent, already.
                let word = told.value.clone().unwrap_or_else(|| told.word.clone());
                self.change_errand(now, number, station, |errand| {
                    errand.state = ErrandState::Following;
                    errand.word = word;
                });
                if self.upload_of(number, station).is_ok_and(|upload| upload.received.is_some()) {
                    self.end_errand(now, number, station, ErrandState::Done, "the file came");
                }
            }
            Work::Availability { evse, is_operative } => {
                self.keep_availability(now, station, (*evse, *is_operative), &told.word);
                self.end_errand(now, number, station, ErrandState::Done, &told.word);
            }
            Work::Call { .. } => {
                let word = told.value.clone().unwrap_or_else(|| told.word.clone());
                self.end_errand(now, number, station, ErrandState::Done, &word);
            }
            Work::Reset { .. } | Work::Unlock { .. } | Work::ClearCache | Work::Move { .. } => {
                self.end_errand(now, number, station, ErrandState::Done, &told.word);
            }
        }
    }

    pub(super) fn arrived_for_jobs(&mut self, now: Timestamp, station: &StationId, arrival: Arrival) {
        for number in self.jobs_at(station) {
            let Some((row, errand)) = self.errand(number, station) else { continue };
            if errand.state != ErrandState::Following {
                continue;
            }
            match &row.work {
                Work::Firmware { version: Some(version), .. } if self.firmware_of(station) == *version => {
                    let word = format!("it runs firmware {version}");
                    self.end_errand(now, number, station, ErrandState::Done, &word);
                }
                // A link that only broke is no return: the station has not restarted yet.
                Work::Move { .. } if arrival == Arrival::WithBoot => {
                    self.roll_back(now, number, station, "it came back");
                }
                Work::Firmware { .. }
                | Work::Move { .. }
                | Work::Diagnostics { .. }
                | Work::Call { .. }
                | Work::Reset { .. }
                | Work::Unlock { .. }
                | Work::Availability { .. }
                | Work::ClearCache => {}
            }
        }
        if !self.upkeep.jobs.is_empty() {
            self.advance_jobs(now);
        }
    }

    pub(super) fn firmware_told(&mut self, now: Timestamp, station: &StationId, word: &str) {
        for number in self.jobs_at(station) {
            let Some((row, errand)) = self.errand(number, station) else { continue };
            let Work::Firmware { version, .. } = &row.work else { continue };
            if !matches!(errand.state, ErrandState::Asked | ErrandState::Following) {
                continue;
            }
            let runs = self.firmware_of(station);
            match word {
                "DownloadFailed"
                | "InstallationFailed"
                | "InvalidSignature"
                | "InstallVerificationFailed"
                | "InvalidCertificate"
                | "RevokedCertificate"
                | "CertificateVerificationFailed" => {
                    self.end_errand(now, number, station, ErrandState::Failed, word);
                }
                "Installed" if version.as_ref().is_none_or(|version| *version == runs) => {
                    self.end_errand(now, number, station, ErrandState::Done, word);
                }
                // What the station runs is told by its next boot.
                _ => self.goes_on(now, number, station, word),
            }
        }
        self.advance_jobs_if_any(now);
    }

    pub(super) fn log_told(&mut self, now: Timestamp, station: &StationId, word: &str) {
        for number in self.jobs_at(station) {
            let Some((row, errand)) = self.errand(number, station) else { continue };
            if !matches!(row.work, Work::Diagnostics { .. })
                || !matches!(errand.state, ErrandState::Asked | ErrandState::Following)
            {
                continue;
            }
            match word {
                "UploadFailed"
                | "UploadFailure"
                | "PermissionDenied"
                | "BadMessage"
                | "NotSupportedOperation"
                | "AcceptedCanceled" => self.end_errand(now, number, station, ErrandState::Failed, word),
                _ => self.goes_on(now, number, station, word),
            }
        }
        self.advance_jobs_if_any(now);
    }

    /// What was asked for is under way, in the station's word.
    fn goes_on(&mut self, now: Timestamp, number: u64, station: &StationId, word: &str) {
        let word: String = word.chars().take(60).collect();
        if self.errand(number, station).is_some_and(|(_, errand)| errand.word != word) {
            self.change_errand(now, number, station, |errand| {
                errand.state = ErrandState::Following;
                errand.word = word;
            });
        }
    }

    /// A file is kept.
    pub(super) fn file_received(
        &mut self,
        now: Timestamp,
        upload: u64,
        received: Received,
    ) -> Result<(), String> {
        let wall = self.core.wall(now);
        let row = self.upkeep.uploads.get_mut(&upload);
        let row = row.ok_or_else(|| format!("upload {upload} is not waited for"))?;
        if row.received.is_some() {
            return Err(format!("upload {upload} has come already"));
        }
        if row.until <= wall {
            return Err(format!("upload {upload} was waited for until {}", row.until));
        }
        row.received = Some(received);
        let row = row.clone();
        self.keep(UpkeepRow::Upload(row.clone()));
        self.upkeep.uploads.remove(&upload);
        if let Some((_, errand)) = self.errand(row.job, &row.station) {
            match errand.state {
                ErrandState::Following | ErrandState::Waiting => {
                    self.end_errand(now, row.job, &row.station, ErrandState::Done, "the file came");
                }
                // Its answer is on its way.
                ErrandState::Asked => {
                    self.upkeep.uploads.insert(upload, row);
                }
                ErrandState::Done | ErrandState::Failed | ErrandState::Missed => {}
            }
        }
        self.advance_jobs_if_any(now);
        Ok(())
    }

    fn followed_too_long(&mut self, now: Timestamp, number: u64, errand: &ErrandRow) {
        let Some((row, _)) = self.errand(number, &errand.station) else { return };
        let minutes = row.plan.patience_minutes;
        match &row.work {
            Work::Move { .. } if !self.is_reachable(&errand.station) => {
                let word = format!("it has not come back for {minutes} min");
                self.end_errand(now, number, &errand.station, ErrandState::Done, &word);
            }
            Work::Move { .. } => self.roll_back(now, number, &errand.station, "it never left"),
            Work::Firmware { .. }
            | Work::Diagnostics { .. }
            | Work::Call { .. }
            | Work::Reset { .. }
            | Work::Unlock { .. }
            | Work::Availability { .. }
            | Work::ClearCache => {
                let word = format!("nothing new for {minutes} min, last: {}", errand.word);
                self.end_errand(now, number, &errand.station, ErrandState::Failed, &word);
            }
        }
    }

    // Moving away.

    /// A step of a move ended: the next one, or the way back.
    fn moved(&mut self, now: Timestamp, number: u64, errand: &ErrandRow, end: Result<Told, Lost>) {
        let station = &errand.station;
        let is_done = end.as_ref().is_ok_and(|told| told.verdict.is_success() || told.value.is_some());
        let word = in_words(&end);
        match (errand.step, is_done) {
            (step::READ, true) => {
                let before = end.ok().and_then(|told| told.value).filter(|value| !value.is_empty());
                let Some(before) = before else {
                    let word = "it does not tell where it connects to: there would be no way back";
                    return self.end_errand(now, number, station, ErrandState::Failed, word);
                };
                let next = match self.known_station(station).map(|place| self.stations[place].version()) {
                    Ok(ocpp::Version::V201 | ocpp::Version::V21) => step::PROFILE,
                    Ok(ocpp::Version::V16) | Err(_) => step::SET,
                };
                self.go_on(now, number, station, next, Some(before));
            }
            (step::PROFILE, true) => self.go_on(now, number, station, step::SET, None),
            (step::SET, true) => self.go_on(now, number, station, step::RESET, None),
            // A station that restarts may not have the time to say so.
            (step::RESET, is_done) if is_done || end.is_err() => {
                self.change_errand(now, number, station, |errand| {
                    errand.state = ErrandState::Following;
                    errand.word = "it restarts".to_owned();
                });
            }
            // Nothing was changed that the station goes by.
            (step::READ | step::PROFILE, _) => {
                self.end_errand(now, number, station, ErrandState::Failed, &word)
            }
            (step::SET | step::RESET, _) => self.roll_back(now, number, station, &word),
            (_, is_done) => {
                let back = if is_done { "taken back" } else { "NOT taken back" };
                let word = format!("{}; {back}: {word}", errand.word);
                self.end_errand(now, number, station, ErrandState::Failed, &word);
            }
        }
    }

    fn go_on(&mut self, now: Timestamp, number: u64, station: &StationId, step: u8, before: Option<String>) {
        self.change_errand(now, number, station, |errand| {
            errand.state = ErrandState::Asked;
            errand.step = step;
            errand.before = before.or_else(|| errand.before.take());
        });
        self.ask_step(now, number, station);
    }

    fn roll_back(&mut self, now: Timestamp, number: u64, station: &StationId, why: &str) {
        self.change_errand(now, number, station, |errand| errand.word = why.to_owned());
        self.go_on(now, number, station, step::BACK, None);
    }

    // What is known of an errand.

    fn errand(&self, number: u64, station: &StationId) -> Option<(JobRow, ErrandRow)> {
        let job = self.upkeep.jobs.get(&number)?;
        Some((job.row.clone(), job.errands.get(station)?.clone()))
    }

    fn jobs_at(&self, station: &StationId) -> Vec<u64> {
        let jobs = self.upkeep.jobs.iter().filter(|(_, job)| job.errands.contains_key(station));
        jobs.map(|(&number, _)| number).collect()
    }

    fn advance_jobs_if_any(&mut self, now: Timestamp) {
        if !self.upkeep.jobs.is_empty() {
            self.advance_jobs(now);
        }
    }

    fn change_errand(
        &mut self,
        now: Timestamp,
        number: u64,
        station: &StationId,
        change: impl FnOnce(&mut ErrandRow),
    ) {
        let wall = self.core.wall(now);
        let job = self.upkeep.jobs.get_mut(&number);
        let Some(errand) = job.and_then(|job| job.errands.get_mut(station)) else { return };
        change(errand);
        errand.at = wall;
        let row = errand.clone();
        self.keep(UpkeepRow::Errand(row));
    }

    fn end_errand(
        &mut self,
        now: Timestamp,
        number: u64,
        station: &StationId,
        state: ErrandState,
        word: &str,
    ) {
        self.change_errand(now, number, station, |errand| {
            errand.state = state;
            errand.word = word.chars().take(500).collect();
        });
        let is_its = |upload: &UploadRow| upload.job == number && upload.station == *station;
        self.upkeep.uploads.retain(|_, upload| upload.received.is_none() || !is_its(upload));
    }

    fn upload_of(&self, job: u64, station: &StationId) -> Result<&UploadRow, String> {
        let mut uploads = self.upkeep.uploads.values();
        uploads
            .find(|upload| upload.job == job && upload.station == *station)
            .ok_or_else(|| "its upload has no address any more".to_owned())
    }

    fn firmware_of(&self, station: &StationId) -> String {
        let place = self.station_by_id.get(station);
        place.map(|&place| self.stations[place].row.firmware.clone()).unwrap_or_default()
    }
}

/// The steps of a move.
mod step {
    /// Where it connects to now.
    pub const READ: u8 = 0;
    /// The profile of the other backend (OCPP 2.0.1).
    pub const PROFILE: u8 = 1;
    /// From its next start on it connects there.
    pub const SET: u8 = 2;
    pub const RESET: u8 = 3;
    /// As it was.
    pub const BACK: u8 = 4;
}

/// The variable that tells which network profiles a station tries, in their order (OCPP 2.0.1 part 2, B10).
fn priority_key() -> SettingKey {
    SettingKey::Variable {
        component: "OCPPCommCtrlr".to_owned(),
        variable: "NetworkConfigurationPriority".to_owned(),
        instance: None,
        evse: None,
    }
}

fn move_call(version: ocpp::Version, work: &Work, errand: &ErrandRow) -> Result<Ask, String> {
    let Work::Move { url, key, slot, security_profile } = work else {
        return Err("it is no move".to_owned());
    };
    let before = errand.before.clone().unwrap_or_default();
    let (address, there) = match version {
        ocpp::Version::V16 => {
            let key = key.clone().ok_or(
                "OCPP 1.6 has no message that changes the backend: name the key in which this model keeps the address",
            )?;
            (SettingKey::Key { key }, url.clone())
        }
        ocpp::Version::V201 | ocpp::Version::V21 => {
            let slot = slot.to_string();
            let mut others = before.split(',').map(str::trim).filter(|other| !other.is_empty());
            if errand.step == step::PROFILE && others.clone().next() == Some(slot.as_str()) {
                return Err(format!("its network profile {slot} is the one in use: name another slot"));
            }
            let mut priority = vec![slot.as_str()];
            priority.extend(others.by_ref().filter(|other| *other != slot));
            (priority_key(), priority.join(","))
        }
    };
    Ok(match (errand.step, version) {
        (step::READ, _) => Ask::Get(address),
        (step::PROFILE, ocpp::Version::V201 | ocpp::Version::V21) => {
            Ask::NetworkProfile { slot: *slot, url: url.clone(), security_profile: *security_profile }
        }
        (step::PROFILE | step::SET, _) => Ask::Set(address, there),
        (step::RESET, _) => Ask::Reset(ResetHow::Soft),
        (_, _) => Ask::Set(address, before),
    })
}

/// What a station is asked for first, or why it cannot be asked.
fn first_call(version: ocpp::Version, work: &Work) -> Result<Call, String> {
    let ask = match work {
        Work::Call { action, payload } => {
            let payload = payload.to_string();
            return match wire::examine_raw(version, action, &payload) {
                RawCall::Plain => Ok(Call::Raw { action: action.as_str().into(), payload: payload.into() }),
                RawCall::Start { .. } => {
                    Err("a transaction is started at one EVSE, by its own command".to_owned())
                }
                RawCall::AdmittingList => {
                    Err("a local list is kept by its own command, station by station".to_owned())
                }
                RawCall::Refused(reason) => Err(reason),
            };
        }
        Work::Reset { how } => Ask::Reset(*how),
        Work::Unlock { evse } => Ask::Unlock { evse: *evse },
        Work::Availability { evse, is_operative } => {
            Ask::Availability { evse: *evse, is_operative: *is_operative }
        }
        Work::ClearCache => Ask::ClearCache,
        Work::Firmware { url, signed, .. } => {
            Ask::Firmware { url: url.clone(), number: 0, signed: signed.clone() }
        }
        // Its address is made with the job.
        Work::Diagnostics { log, from, until } => {
            Ask::Log { url: String::new(), number: 0, kind: *log, from: *from, until: *until }
        }
        Work::Move { .. } => {
            let errand = ErrandRow {
                job: 0,
                station: "any".parse().map_err(|error: units::id::InvalidId| error.to_string())?,
                wave: 0,
                state: ErrandState::Waiting,
                at: Timestamp::EPOCH,
                word: String::new(),
                attempts: 0,
                step: step::READ,
                before: None,
            };
            move_call(version, work, &errand)?
        }
    };
    Ok(Call::Ask(Box::new(ask)))
}

/// What a station knows a request by; it fits 31 bits.
fn request_number(number: u64) -> u32 {
    u32::try_from(number % 0x7FFF_FFFF).unwrap_or(0)
}

fn step_in_words(work: &Work, step: u8) -> String {
    match (work, step) {
        (Work::Move { .. }, step::READ) => "ask where it connects to".to_owned(),
        (Work::Move { .. }, step::PROFILE) => "tell it of the other backend".to_owned(),
        (Work::Move { .. }, step::RESET) => "reset, so that it moves".to_owned(),
        (Work::Move { .. }, step::BACK) => "take the move back".to_owned(),
        (work, _) => work.to_string(),
    }
}

fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    !rest.is_empty()
        && url.len() <= 512
        && !url.contains(char::is_whitespace)
        && schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// The wave of each of so many stations.
fn waves_of(sizes: &[u32], stations: usize) -> Vec<u32> {
    let mut waves = Vec::with_capacity(stations);
    let mut wave = 0;
    while waves.len() < stations {
        let place = usize::try_from(wave).unwrap_or(usize::MAX);
        let size = sizes
            .get(place)
            .or(sizes.last())
            .map_or(stations, |&size| usize::try_from(size).unwrap_or(stations));
        let left = stations - waves.len();
        waves.extend(std::iter::repeat_n(wave, size.clamp(1, left)));
        wave += 1;
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_size_goes_for_all_further_waves() {
        assert_eq!(waves_of(&[1, 2], 6), [0, 1, 1, 2, 2, 3]);
        assert_eq!(waves_of(&[], 3), [0, 0, 0]);
        assert_eq!(waves_of(&[5], 3), [0, 0, 0]);
        assert_eq!(waves_of(&[1], 0), [0_u32; 0]);
    }

    #[test]
    fn an_address_needs_a_scheme_that_stations_know() {
        assert!(has_scheme("HTTPS://firmware.example/a.bin", &["http", "https"]));
        for url in ["firmware.bin", "file:///etc/passwd", "https://", "https://a b"] {
            assert!(!has_scheme(url, &["http", "https"]), "{url}");
        }
    }
}
