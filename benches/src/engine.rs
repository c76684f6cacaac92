//! The engine without sockets and disk: frames of many stations in transactions go through one [`Csms`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use billing::cdr::FeeClass;
use billing::directory::{
    Access, AccountsAdmitted, Directory, DirectoryParts, EvseTerms, TokenEntry, TokenHolder, TokenStatus,
};
use charging::network::{EvseConfig, SiteConfig};
use csms::{Command, Csms, Effect, Input, Version};
use units::{Amperes, IdToken, LinkId, PerPhase, ReportedAt, RequestId, TimeSpan, Timestamp};

use crate::cpu::of_this_thread;
use crate::decision::SEED;
use crate::evs::{Evs, METER, metered_site};
use crate::fingerprint::Fingerprint;

/// The grid meter is read this often.
const READ_EVERY: TimeSpan = TimeSpan::from_seconds(10);

/// A backend of one site whose stations are all in a transaction.
#[derive(Debug)]
pub struct Backend {
    csms: Csms,
    evs: Evs,
    stations: Vec<Station>,
    /// By station: the limit it obeys.
    limits: Vec<Amperes>,
    now: Timestamp,
    read_due: Timestamp,
    frame: u64,
    counts: Counts,
    sent: Fingerprint,
    /// Our calls to stations that they have not answered.
    calls: Vec<(LinkId, Box<str>)>,
}

/// What went through the engine, and what that cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames taken: MeterValues, and answers to our calls.
    pub frames_in: u64,
    /// Frames given.
    pub frames_out: u64,
    /// Records to be committed.
    pub records: u64,
    /// CPU time within the engine.
    pub cpu: Duration,
}

#[derive(Debug)]
struct Station {
    link: LinkId,
    transaction: String,
    register_wh: i64,
    message: u64,
}

impl Backend {
    /// `stations` stations of one EVSE each have booted and charge; three minutes have passed.
    ///
    /// # Panics
    ///
    /// Where a station is not accepted, which is a defect of the sample.
    #[must_use]
    pub fn new(stations: usize) -> Self {
        let config = metered_site(SEED, stations);
        let evs = Evs::new(SEED, config.clone());
        let now = Timestamp::EPOCH + TimeSpan::from_hours(24 * 365 * 56);
        let mut backend = Self {
            csms: Csms::new(),
            evs,
            stations: Vec::new(),
            limits: vec![Amperes::ZERO; stations],
            now,
            read_due: now,
            frame: 0,
            counts: Counts::default(),
            sent: Fingerprint::default(),
            calls: Vec::new(),
        };
        backend.handle(Input::Directory(Arc::new(directory(&config))));
        let configure = Command::ConfigureSite(Box::new(config.clone()));
        backend.handle(Input::Command { request: RequestId(1), actor: "bench".into(), command: configure });
        for evse in &config.evses {
            backend.connect(evse);
        }
        backend.advance_to(now + TimeSpan::from_seconds(5));
        for station in 0..stations {
            backend.start(station);
        }
        for _ in 0..3 {
            backend.pass_minute();
        }
        backend
    }

    fn connect(&mut self, evse: &EvseConfig) {
        let place = self.stations.len();
        let link = LinkId(u64::try_from(place).unwrap_or(0) + 1);
        self.stations.push(Station { link, transaction: String::new(), register_wh: 1_000, message: 0 });
        self.handle(Input::LinkUp {
            link,
            station: evse.id.station.clone(),
            version: Version::V16,
            security: csms::SecurityProfile::Unauthenticated,
        });
        let reply = self.call(place, "BootNotification", BOOT);
        assert!(reply.contains(r#""status":"Accepted""#), "a boot is answered with {reply}");
        self.answer_calls();
        let status = r#"{"connectorId":1,"errorCode":"NoError","status":"Preparing"}"#;
        self.call(place, "StatusNotification", status);
        self.answer_calls();
    }

    fn start(&mut self, place: usize) {
        let payload = format!(
            r#"{{"connectorId":1,"idTag":"{}","meterStart":1000,"timestamp":"{}"}}"#,
            token_of(place),
            self.now
        );
        let reply = self.call(place, "StartTransaction", &payload);
        let id = reply.split(r#""transactionId":"#).nth(1).unwrap_or_default();
        let id: String = id.chars().take_while(char::is_ascii_digit).collect();
        assert!(reply.contains("Accepted") && !id.is_empty(), "a start is answered with {reply}");
        self.stations[place].transaction = id;
        let status = r#"{"connectorId":1,"errorCode":"NoError","status":"Charging"}"#;
        self.call(place, "StatusNotification", status);
        self.answer_calls();
    }

    /// A minute as it is: each station sends its MeterValues once, evenly spread, and the meter is read every 10 s.
    pub fn pass_minute(&mut self) {
        self.pass(TimeSpan::from_minutes(1));
    }

    /// Each station sends its MeterValues once within `span`, evenly spread.
    pub fn pass(&mut self, span: TimeSpan) {
        let began = self.now;
        let stations = i64::try_from(self.stations.len()).unwrap_or(1);
        for (slot, place) in (1..).zip(0..self.stations.len()) {
            self.advance_to(began + span.ratio_floor(slot, stations));
            self.meter_values(place);
            self.answer_calls();
        }
    }

    /// What was counted since the last time.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Of every frame sent so far.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.sent
    }

    /// How many EVSEs draw now.
    #[must_use]
    pub fn charging(&self) -> usize {
        self.limits.iter().filter(|&&limit| limit > Amperes::ZERO).count()
    }

    fn advance_to(&mut self, until: Timestamp) {
        loop {
            let tick = self.csms.next_deadline().filter(|&at| at <= until);
            if self.read_due <= until && tick.is_none_or(|at| self.read_due <= at) {
                self.now = self.read_due.max(self.now);
                self.read_due = self.now + READ_EVERY;
                let current = self.evs.metered(&self.limits);
                if let Ok(meter) = METER.parse() {
                    self.handle(Input::GridReading { meter, at: ReportedAt(self.now), current });
                }
            } else if let Some(at) = tick {
                self.now = at.max(self.now);
                self.handle(Input::Tick);
            } else {
                break;
            }
            self.answer_calls();
        }
        self.now = until;
    }

    /// A station's MeterValues, which must be answered.
    fn meter_values(&mut self, place: usize) {
        self.stations[place].register_wh += 20;
        let Station { transaction, register_wh, .. } = &self.stations[place];
        let limit = self.limits[place];
        let payload = meter_values(transaction, *register_wh, self.evs.drawn(place, limit), limit, self.now);
        let reply = self.call(place, "MeterValues", &payload);
        assert_eq!(reply, "{}", "MeterValues are answered with {reply}");
    }

    /// A station's call; the payload of the answer.
    fn call(&mut self, place: usize, action: &str, payload: &str) -> String {
        let station = &mut self.stations[place];
        station.message += 1;
        let (link, message) = (station.link, station.message);
        let text = format!(r#"[2,"{message}","{action}",{payload}]"#);
        let begin = format!(r#"[3,"{message}","#);
        let sent = self.frame_in(link, text.into());
        let reply = sent.iter().find_map(|(to, text)| text.strip_prefix(&begin).filter(|_| *to == link));
        reply.and_then(|reply| reply.strip_suffix(']')).unwrap_or_default().to_owned()
    }

    /// Stations accept whatever they are told, until nothing more is said.
    fn answer_calls(&mut self) {
        while let Some((link, text)) = self.calls.pop() {
            let place = usize::try_from(link.0).unwrap_or(1) - 1;
            if text.contains(r#""TxProfile""#) {
                self.limits[place] = first_limit(&text).unwrap_or(self.limits[place]);
            }
            let id = text.split('"').nth(1).unwrap_or_default();
            let answer = format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#);
            self.frame_in(link, answer.into());
            if text.contains(r#""TriggerMessage""#) && text.contains("MeterValues") {
                self.meter_values(place);
            }
        }
    }

    /// A frame; what was sent because of it.
    fn frame_in(&mut self, link: LinkId, text: Box<str>) -> Vec<(LinkId, Box<str>)> {
        self.frame += 1;
        self.counts.frames_in += 1;
        self.handle(Input::Frame { link, frame: self.frame, text })
    }

    fn handle(&mut self, input: Input) -> Vec<(LinkId, Box<str>)> {
        let mut effects = Vec::new();
        let began = of_this_thread();
        self.csms.handle(self.now, input);
        while let Some(output) = self.csms.poll_output() {
            effects.push(output.effect);
        }
        self.counts.cpu += of_this_thread() - began;
        let mut sent = Vec::new();
        for effect in effects {
            match effect {
                Effect::SendFrame { link, text } => {
                    self.counts.frames_out += 1;
                    self.sent.bytes(text.as_bytes());
                    if text.starts_with("[2,") {
                        self.calls.push((link, text.clone()));
                    }
                    sent.push((link, text));
                }
                Effect::Persist { .. } => self.counts.records += 1,
                Effect::CloseLink { link, reason } => panic!("link {link} was closed: {reason:?}"),
                Effect::Withdraw { .. }
                | Effect::Answer { .. }
                | Effect::QueryAnswer { .. }
                | Effect::SealedCdr(_)
                | Effect::Sighted(_)
                | Effect::StartRefused(_)
                | Effect::FrameUnreadable { .. }
                | Effect::PlanWanted(_)
                | Effect::AskWiring { .. }
                | Effect::AlarmRaised(_)
                | Effect::AlarmCleared(_) => {}
            }
        }
        sent
    }
}

const BOOT: &str = r#"{"chargePointVendor":"Acme","chargePointModel":"Wall 11","firmwareVersion":"1.2"}"#;

fn token_of(place: usize) -> String {
    format!("TOKEN{place:04}")
}

/// Eight sampled values: the register, three currents, three voltages, what is offered.
fn meter_values(
    transaction: &str,
    register_wh: i64,
    drawn: PerPhase<Amperes>,
    offered: Amperes,
    at: Timestamp,
) -> String {
    let tenths = |current: Amperes| {
        let tenths = current.milliamperes() / 100;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let mut values =
        format!(r#"{{"value":"{register_wh}","measurand":"Energy.Active.Import.Register","unit":"Wh"}}"#);
    for (phase, &current) in drawn.iter() {
        let current = tenths(current);
        values +=
            &format!(r#",{{"value":"{current}","measurand":"Current.Import","phase":"{phase}","unit":"A"}}"#);
        values += &format!(r#",{{"value":"230.4","measurand":"Voltage","phase":"{phase}-N","unit":"V"}}"#);
    }
    let offered = tenths(offered);
    values += &format!(r#",{{"value":"{offered}","measurand":"Current.Offered","unit":"A"}}"#);
    format!(
        r#"{{"connectorId":1,"transactionId":{transaction},"meterValue":[{{"timestamp":"{at}","sampledValue":[{values}]}}]}}"#
    )
}

/// The limit of the first period of a profile, in A.
fn first_limit(text: &str) -> Option<Amperes> {
    let number = text.split(r#""limit":"#).nth(1)?.split([',', '}']).next()?;
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let whole = Amperes::from_amperes(whole.parse().ok()?);
    Some(whole + Amperes::from_milliamperes(100 * tenth.parse::<i64>().ok()?))
}

/// Each EVSE's driver has a token of their own.
fn directory(config: &SiteConfig) -> Directory {
    fn id<Id: std::str::FromStr>(text: &str) -> Id {
        match text.parse() {
            Ok(id) => id,
            Err(_) => panic!("`{text}` is not an id"),
        }
    }
    let holder = || TokenHolder::Account(id("resident"));
    let entry = |place| {
        let token: IdToken = id(&token_of(place));
        (token, TokenEntry { holder: holder(), status: TokenStatus::Valid })
    };
    let terms = |evse: &EvseConfig| {
        let terms = EvseTerms {
            valid_from: Timestamp::EPOCH,
            site: config.id.clone(),
            zone: config.zone.clone(),
            owner: id("owner"),
            access: Access::Private(AccountsAdmitted::Named(BTreeSet::from([id("resident")]))),
            fee_class: FeeClass::Plan,
            tariff_accounts: Some(id("flat")),
            tariff_guests: None,
        };
        (evse.id.clone(), vec![terms])
    };
    let parts = DirectoryParts {
        version: 1,
        tokens: (0..config.evses.len()).map(entry).collect(),
        accounts: BTreeMap::new(),
        evses: config.evses.iter().map(terms).collect(),
    };
    match Directory::new(parts) {
        Ok(directory) => directory,
        Err(refusal) => panic!("the directory is refused: {refusal:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meter_value_is_answered_and_kept_and_the_same_day_gives_the_same_frames() {
        let day = || {
            let mut backend = Backend::new(20);
            backend.take_counts();
            backend.pass_minute();
            backend
        };
        let mut backend = day();
        let Counts { frames_in, frames_out, records, cpu } = backend.take_counts();
        assert!(frames_in >= 20 && frames_out >= 20 && records >= 20, "{frames_in} {frames_out} {records}");
        assert!(cpu > Duration::ZERO);
        assert!(backend.charging() >= 8, "only {} of 20 charge", backend.charging());
        assert_eq!(backend.fingerprint(), day().fingerprint());
    }

    #[test]
    fn a_limit_is_read_from_the_first_period() {
        let text =
            r#"{"chargingSchedulePeriod":[{"startPeriod":0,"limit":13.5},{"startPeriod":300,"limit":0}]}"#;
        assert_eq!(first_limit(text), Some(Amperes::from_milliamperes(13_500)));
        assert_eq!(first_limit(r#"{"limit":6}"#), Some(Amperes::from_amperes(6)));
    }
}
