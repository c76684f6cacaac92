//! Conversations with the engine under virtual time. [`House`] is the shell: it feeds frames, commits at once, and keeps
//! what came out as text.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks one kind of record or effect out of many")]

mod baseline;
mod commands;
mod commit;
mod control;
mod core_profile;
#[path = "../../../ocpp/src/tests/draw.rs"]
mod draw;
mod events;
mod fuzz;
mod links;
mod mains;
mod meters;
mod notices;
mod planning;
mod quirks;
mod reasons;
mod recorded;
mod restart;
mod security;
mod storms;
mod terms;
mod transactions;
mod traps;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use billing::cdr::{Cdr, Doubt, FeeClass};
use billing::directory::{
    Access, AccountsAdmitted, Directory, DirectoryParts, EvseTerms, TokenEntry, TokenHolder, TokenStatus,
};
use charging::network::source::MeterSource;
use charging::network::{CircuitConfig, EvseConfig, MeterConfig, SiteConfig, Supply, Wiring};
use charging::plan::Strategy;
use units::civil::Zone;
use units::{Amperes, IdToken, LinkId, PerPhase, Phase, ReportedAt, RequestId, TimeSpan, Timestamp, Volts};

use crate::csms::{Csms, Policy};
use crate::query::{Query, QueryAnswer, StationView};
use crate::record::{FindingRow, Record, StationRow, TransactionRow};
use crate::{Command, CommandAnswer, Effect, Input, Output, SecurityProfile, Version};

/// The first instant of every test: a Thursday noon.
pub const NOON: &str = "2026-01-15T12:00:00Z";

/// The engine with a site, and the shell around it.
pub struct House {
    pub csms: Csms,
    pub now: Timestamp,
    /// Everything that came out, in order.
    pub outputs: Vec<Output>,
    /// Where [`Self::take`] goes on.
    taken: usize,
    links: BTreeMap<String, LinkId>,
    /// What stations speak; those not named OCPP 1.6.
    versions: BTreeMap<String, Version>,
    next_link: u64,
    next_frame: u64,
    next_answer_frame: u64,
    /// Stations that are online send heartbeats.
    pub is_lively: bool,
    next_id: u64,
    next_request: u64,
}

impl House {
    /// Thousands of frames of a station, each a good one with a few places broken by `dice`.
    pub fn storm(&mut self, station: &str, good: &[String], pieces: &[&str], dice: &mut Dice) {
        let mut roll = |sides: usize| usize::try_from(dice.roll(u64::try_from(sides).unwrap())).unwrap();
        for round in 0..4_000 {
            let mut text = good[roll(good.len())].clone();
            for _ in 0..roll(4) {
                let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
                let at = places[roll(places.len())];
                let piece = pieces[roll(pieces.len())];
                match roll(3) {
                    0 => text.insert_str(at, piece),
                    1 => text.truncate(at),
                    _ => {
                        text.remove(at);
                    }
                }
                if text.is_empty() {
                    text.push('[');
                }
            }
            if round % 50 == 0 {
                self.pass(20);
            }
            self.frame(station, &text);
            self.outputs.clear();
            self.taken = 0;
        }
        assert!(self.call(station, "Heartbeat", "{}").starts_with("[3,"), "the station is still served");
    }

    /// A site with ample headroom: CP1 with one three-phase EVSE, CP2 with two; main 3×100 A, no meter.
    pub fn new() -> Self {
        Self::with(site(100, None))
    }

    pub fn with(config: SiteConfig) -> Self {
        let mut house = Self::empty(Policy::default());
        // The site's first decision lies behind when a test begins, at noon.
        house.now = house.now - TimeSpan::from_seconds(5);
        house.input(Input::Directory(Arc::new(directory())));
        let answer = house.command(Command::ConfigureSite(Box::new(config)));
        assert_eq!(answer, Some(CommandAnswer::Done));
        house.pass(5);
        house.take();
        house
    }

    pub fn empty(policy: Policy) -> Self {
        Self {
            csms: Csms::with_policy(policy),
            now: NOON.parse().unwrap(),
            outputs: Vec::new(),
            taken: 0,
            links: BTreeMap::new(),
            versions: BTreeMap::new(),
            next_link: 0,
            next_frame: 0,
            next_answer_frame: 1_000_000,
            is_lively: true,
            next_id: 0,
            next_request: 0,
        }
    }

    pub fn input(&mut self, input: Input) {
        self.csms.handle(self.now, input);
        while let Some(output) = self.csms.poll_output() {
            self.outputs.push(output);
        }
    }

    /// Lets time pass, with a tick at every deadline and a heartbeat every five minutes.
    pub fn pass(&mut self, seconds: i64) {
        let mut left = seconds;
        while left > 300 && self.is_lively {
            self.pass_in_silence(300);
            left -= 300;
            for station in self.links.keys().cloned().collect::<Vec<_>>() {
                self.call(&station, "Heartbeat", "{}");
            }
        }
        self.pass_in_silence(left);
    }

    fn pass_in_silence(&mut self, seconds: i64) {
        let until = self.now + TimeSpan::from_seconds(seconds);
        while let Some(deadline) = self.csms.next_deadline().filter(|&deadline| deadline <= until) {
            self.now = deadline.max(self.now);
            self.input(Input::Tick);
        }
        self.now = until;
        self.input(Input::Tick);
    }

    pub fn up(&mut self, station: &str) -> LinkId {
        self.up_with(station, SecurityProfile::Unauthenticated)
    }

    pub fn up_with(&mut self, station: &str, security: SecurityProfile) -> LinkId {
        self.next_link += 1;
        let link = LinkId(self.next_link);
        self.links.insert(station.to_owned(), link);
        let version = self.version(station);
        let station = station.parse().unwrap();
        self.input(Input::LinkUp { link, station, version, security });
        link
    }

    /// From its next link on.
    pub fn speaks(&mut self, station: &str, version: Version) {
        self.versions.insert(station.to_owned(), version);
    }

    pub fn version(&self, station: &str) -> Version {
        self.versions.get(station).copied().unwrap_or(Version::V16)
    }

    pub fn down(&mut self, station: &str) {
        let link = self.links.remove(station).unwrap();
        self.input(Input::LinkDown { link });
    }

    /// Link up, boot, and everything that we then want of a new station answered with Accepted.
    pub fn boot(&mut self, station: &str) {
        self.up(station);
        let payload = match self.version(station) {
            Version::V16 => BOOT,
            Version::V201 | Version::V21 => BOOT_201,
        };
        let reply = self.call(station, "BootNotification", payload);
        assert!(reply.contains(r#""status":"Accepted""#), "{reply}");
        self.accept_all(station);
    }

    pub fn frame(&mut self, station: &str, text: &str) {
        self.frame_on(self.links[station], text);
    }

    pub fn frame_on(&mut self, link: LinkId, text: &str) {
        self.next_frame += 1;
        self.input(Input::Frame { link, frame: self.next_frame, text: text.into() });
    }

    /// A station's call; what we answered, without the message id: `[3,{…}]` or `[4,"code",…]`.
    pub fn call(&mut self, station: &str, action: &str, payload: &str) -> String {
        self.next_id += 1;
        let id = format!("s{}", self.next_id);
        let before = self.outputs.len();
        self.frame(station, &format!(r#"[2,"{id}","{action}",{payload}]"#));
        let link = self.links[station];
        let quoted = format!(r#""{id}","#);
        let mut replies =
            sent_on(&self.outputs[before..], link).filter(|text| text[3..].starts_with(&quoted));
        let reply = replies.next().unwrap_or_default().replacen(&quoted, "", 1);
        assert_eq!(replies.next(), None, "one call has one answer");
        reply
    }

    /// Answers every call of ours to `station` with Accepted until there is none left; the calls.
    pub fn accept_all(&mut self, station: &str) -> Vec<String> {
        self.answer_each(station, accepted)
    }

    pub fn answer_all(&mut self, station: &str, payload: &str) -> Vec<String> {
        self.answer_each(station, |_| payload.to_owned())
    }

    fn answer_each(&mut self, station: &str, payload: impl Fn(&str) -> String) -> Vec<String> {
        let mut calls = Vec::new();
        loop {
            let new = self.calls_to(station);
            if new.is_empty() {
                return calls;
            }
            for call in new {
                let id = message_id(&call);
                self.next_answer_frame += 1;
                let (link, frame) = (self.links[station], self.next_answer_frame);
                let text = format!(r#"[3,"{id}",{}]"#, payload(&call)).into_boxed_str();
                self.input(Input::Frame { link, frame, text });
                calls.push(call);
            }
        }
    }

    /// Our calls to `station` since the last time.
    pub fn calls_to(&mut self, station: &str) -> Vec<String> {
        let link = self.links.get(station).copied().unwrap_or_default();
        let calls = sent_on(&self.outputs[self.taken..], link)
            .filter(|text| text.starts_with("[2,"))
            .map(ToOwned::to_owned)
            .collect();
        self.taken = self.outputs.len();
        calls
    }

    /// All outputs since the last time, as text.
    pub fn take(&mut self) -> Vec<String> {
        let lines = self.outputs[self.taken..].iter().map(|output| self.line(output)).collect();
        self.taken = self.outputs.len();
        lines
    }

    pub fn line(&self, output: &Output) -> String {
        let name = |link: &LinkId| {
            let named = self.links.iter().find(|(_, known)| *known == link);
            named.map_or_else(|| format!("link {link}"), |(name, _)| name.clone())
        };
        match &output.effect {
            Effect::Persist { record, .. } => {
                format!("persist {} {}", record.table(), record.key().unwrap_or_default())
                    .trim_end()
                    .to_owned()
            }
            Effect::SendFrame { link, text } => format!("to {} {text}", name(link)),
            Effect::Withdraw { link, message } => format!("withdraw from {} {message}", name(link)),
            Effect::CloseLink { link, reason } => format!("close link {link} {reason:?}"),
            Effect::Answer { answer, .. } => format!("answer {answer:?}"),
            Effect::QueryAnswer { .. } => "query answered".to_owned(),
            Effect::SealedCdr(cdr) => format!("sealed CDR {} of transaction {}", cdr.id, cdr.transaction),
            Effect::Sighted(sighting) => format!("sighted {}", sighting.station),
            Effect::StartRefused(refusal) => format!("start refused: {refusal}"),
            Effect::FrameUnreadable { station, reason } => format!("no frame from {station}: {reason}"),
            Effect::PlanWanted(wanted) => {
                format!(
                    "plan wanted by {} for {} sessions",
                    wanted.planner.name(),
                    wanted.situation.sessions.len()
                )
            }
            Effect::AskWiring { question, .. } => {
                format!("ask how the EVSEs below {} are wired", question.meter)
            }
            Effect::AlarmRaised(alarm) => format!("raised {alarm:?}"),
            Effect::AlarmCleared(alarm) => format!("cleared {alarm:?}"),
        }
    }

    pub fn command(&mut self, command: Command) -> Option<CommandAnswer> {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.input(Input::Command { request, actor: "anna".into(), command });
        self.answer_to(request)
    }

    /// The answer to the last command, where there is one by now.
    pub fn last_answer(&self) -> Option<CommandAnswer> {
        self.answer_to(RequestId(self.next_request))
    }

    fn answer_to(&self, of: RequestId) -> Option<CommandAnswer> {
        self.outputs.iter().find_map(|output| match &output.effect {
            Effect::Answer { request, answer } if *request == of => Some(answer.clone()),
            _ => None,
        })
    }

    pub fn query(&mut self, query: Query) -> QueryAnswer {
        self.input(Input::Query { request: RequestId(0), query });
        match self.outputs.pop().map(|output| output.effect) {
            Some(Effect::QueryAnswer { answer, .. }) => *answer,
            other => panic!("no answer but {other:?}"),
        }
    }

    pub fn meter(&mut self, amperes: [i64; 3]) {
        let [l1, l2, l3] = amperes.map(Amperes::from_amperes);
        self.input(Input::GridReading {
            meter: "main".parse().unwrap(),
            at: ReportedAt(self.now),
            current: PerPhase::new(l1, l2, l3),
        });
    }

    // What the store holds.

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        records_of(&self.outputs)
    }

    /// The latest row of each key.
    pub fn rows(&self) -> BTreeMap<(&'static str, String), Record> {
        rows_of(&self.outputs)
    }

    pub fn cdrs(&self) -> Vec<Cdr> {
        let cdrs = |record: &Record| match record {
            Record::Cdr(cdr) => Some((**cdr).clone()),
            _ => None,
        };
        self.records().filter_map(cdrs).collect()
    }

    pub fn findings(&self) -> Vec<FindingRow> {
        let findings = |record: &Record| match record {
            Record::Finding(row) => Some(row.clone()),
            _ => None,
        };
        self.records().filter_map(findings).collect()
    }

    pub fn found(&self) -> Vec<Doubt> {
        self.findings().into_iter().map(|finding| finding.doubt).collect()
    }

    pub fn transaction(&self, id: u64) -> TransactionRow {
        match self.rows().remove(&("transaction_state", id.to_string())) {
            Some(Record::Transaction(row)) => *row,
            other => panic!("transaction {id} is {other:?}"),
        }
    }

    pub fn station(&mut self, id: &str) -> StationView {
        let QueryAnswer::Stations(stations) = self.query(Query::Stations) else { panic!("stations") };
        stations.into_iter().find(|view| view.row.station.as_str() == id).unwrap()
    }

    pub fn quirks(&mut self, id: &str) -> Vec<String> {
        let StationRow { quirks, .. } = self.station(id).row;
        quirks.into_keys().collect()
    }

    // What stations say.

    /// The time `seconds` after noon, as a station writes it.
    pub fn at(seconds: i64) -> String {
        (NOON.parse::<Timestamp>().unwrap() + TimeSpan::from_seconds(seconds)).to_string()
    }

    pub fn stamp(&self) -> String {
        self.now.to_string()
    }

    pub fn status(&mut self, station: &str, connector: u16, status: &str) {
        let at = self.stamp();
        let payload = format!(
            r#"{{"connectorId":{connector},"errorCode":"NoError","status":"{status}","timestamp":"{at}"}}"#
        );
        assert_eq!(self.call(station, "StatusNotification", &payload), "[3,{}]");
    }

    /// ANNA plugs in at the first connector of CP1, which knows us, and charges.
    pub fn charges(&mut self) {
        self.status("CP1", 1, "Preparing");
        for _ in 0..4 {
            self.pass(2);
            self.accept_all("CP1");
        }
        self.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
        self.start("CP1", 1, "ANNA", 0);
        self.status("CP1", 1, "Charging");
    }

    /// A start now; the answer.
    pub fn start(&mut self, station: &str, connector: u16, token: &str, register: i64) -> String {
        let at = self.stamp();
        self.call(station, "StartTransaction", &start_payload(connector, token, register, &at))
    }

    /// A stop now; the answer.
    pub fn stop(&mut self, station: &str, transaction: &str, register: i64) -> String {
        let at = self.stamp();
        self.call(station, "StopTransaction", &stop_payload(transaction, register, &at))
    }

    /// Register (Wh) and currents (A) now, of a transaction where one is named.
    pub fn values(
        &mut self,
        station: &str,
        connector: u16,
        transaction: Option<&str>,
        wh: i64,
        a: i64,
    ) -> String {
        let at = self.stamp();
        self.call(station, "MeterValues", &values_payload(connector, transaction, wh, a, &at))
    }
}

pub fn start_payload(connector: u16, token: &str, register: i64, at: &str) -> String {
    format!(r#"{{"connectorId":{connector},"idTag":"{token}","meterStart":{register},"timestamp":"{at}"}}"#)
}

pub fn stop_payload(transaction: &str, register: i64, at: &str) -> String {
    format!(
        r#"{{"transactionId":{transaction},"meterStop":{register},"timestamp":"{at}","reason":"EVDisconnected"}}"#
    )
}

pub fn values_payload(connector: u16, transaction: Option<&str>, wh: i64, a: i64, at: &str) -> String {
    let transaction = transaction.map_or(String::new(), |id| format!(r#""transactionId":{id},"#));
    let current =
        |phase| format!(r#"{{"value":"{a}.0","measurand":"Current.Import","phase":"{phase}","unit":"A"}}"#);
    format!(
        r#"{{"connectorId":{connector},{transaction}"meterValue":[{{"timestamp":"{at}","sampledValue":[{{"value":"{wh}","unit":"Wh"}},{},{},{}]}}]}}"#,
        current("L1"),
        current("L2"),
        current("L3")
    )
}

pub const BOOT: &str = r#"{"chargePointVendor":"Acme","chargePointModel":"Wall 11","firmwareVersion":"1.2","chargePointSerialNumber":"S1"}"#;

pub const BOOT_201: &str = r#"{"reason":"PowerUp","chargingStation":{"vendorName":"Acme","model":"Wall 22","firmwareVersion":"2.0","serialNumber":"S2"}}"#;

/// The answer of a station that takes everything, in whichever version the call is.
fn accepted(call: &str) -> String {
    let place = |list: &str, value: &str| {
        let (_, rest) = call.split_once(r#""component":"#).unwrap();
        let (place, _) = rest.split_once("}]").unwrap();
        format!(r#"{{"{list}":[{{"attributeStatus":"Accepted",{value}"component":{place}}}]}}"#)
    };
    match call.split('"').nth(3) {
        Some("SetVariables") => place("setVariableResult", ""),
        Some("GetVariables") => variables_told(call),
        _ => r#"{"status":"Accepted"}"#.to_owned(),
    }
}

/// The answer of a station that has a unit of limits and no other of the variables that are asked for.
fn variables_told(call: &str) -> String {
    let call: serde_json::Value = serde_json::from_str(call).unwrap();
    let told = |place: &serde_json::Value| {
        let mut told = place.clone();
        let is_unit = place["variable"]["name"] == "RateUnit";
        told["attributeStatus"] = if is_unit { "Accepted" } else { "UnknownVariable" }.into();
        if is_unit {
            told["attributeValue"] = "A,W".into();
        }
        told
    };
    let places = call[3]["getVariableData"].as_array().unwrap();
    serde_json::json!({"getVariableResult": places.iter().map(told).collect::<Vec<_>>()}).to_string()
}

/// The texts sent on a link.
pub fn sent_on(outputs: &[Output], on: LinkId) -> impl Iterator<Item = &str> {
    outputs.iter().filter_map(move |output| match &output.effect {
        Effect::SendFrame { link, text } if *link == on => Some(text.as_ref()),
        _ => None,
    })
}

pub fn message_id(call: &str) -> String {
    call.split('"').nth(1).unwrap_or_default().to_owned()
}

pub fn records_of(outputs: &[Output]) -> impl Iterator<Item = &Record> {
    outputs.iter().filter_map(|output| match &output.effect {
        Effect::Persist { record, .. } => Some(&**record),
        _ => None,
    })
}

pub fn rows_of(outputs: &[Output]) -> BTreeMap<(&'static str, String), Record> {
    records_of(outputs).filter_map(|record| Some(((record.table(), record.key()?), record.clone()))).collect()
}

/// Main 3 × `amperes`, with a meter where one is named; CP1 has one three-phase EVSE, CP2 two.
pub fn site(amperes: i64, meter: Option<&str>) -> SiteConfig {
    let main = CircuitConfig {
        id: "main".parse().unwrap(),
        name: "main".to_owned(),
        parent: None,
        rating: PerPhase::splat(Amperes::from_amperes(amperes)),
        reserve: Some(Amperes::from_amperes(2)),
        meter: meter.map(|id| MeterConfig {
            id: id.parse().unwrap(),
            timeout: TimeSpan::from_seconds(30),
            accuracy_permille: 10,
            source: MeterSource::default(),
        }),
        worst_base: PerPhase::splat(Amperes::from_amperes(amperes / 10)),
        static_headroom: None,
    };
    let evse = |id: &str| {
        let rotation = Wiring::ThreePhase([Phase::L1, Phase::L2, Phase::L3]);
        let maximum = Amperes::from_amperes(16);
        EvseConfig {
            is_fallback_proven: true,
            ..EvseConfig::new(id.parse().unwrap(), main.id.clone(), rotation, maximum)
        }
    };
    SiteConfig {
        id: "house".parse().unwrap(),
        name: "House".to_owned(),
        zone: "Europe/Helsinki".parse().unwrap(),
        supply: Supply::Tn400,
        voltage_nominal: Volts::from_volts(230),
        evses: ["CP1/1", "CP2/1", "CP2/2"].map(evse).into(),
        strategy: Strategy::default(),
        circuits: vec![main],
    }
}

/// ANNA and BERT may charge everywhere, CARL only at CP2/2; DORA is blocked, EMIL expired; FRED is a guest.
pub fn directory() -> Directory {
    let account = |name: &str| TokenHolder::Account(name.parse().unwrap());
    let entry = |holder, status| TokenEntry { holder, status };
    let long_ago = NOON.parse::<Timestamp>().unwrap() - TimeSpan::from_hours(24);
    let terms = |admitted: &[&str]| EvseTerms {
        valid_from: Timestamp::EPOCH,
        site: "house".parse().unwrap(),
        zone: "Europe/Helsinki".parse::<Zone>().unwrap(),
        owner: "owner".parse().unwrap(),
        access: Access::Private(AccountsAdmitted::Named(
            admitted.iter().map(|name| name.parse().unwrap()).collect::<BTreeSet<_>>(),
        )),
        fee_class: FeeClass::Plan,
        tariff_accounts: Some("flat".parse().unwrap()),
        tariff_guests: None,
    };
    Directory::new(DirectoryParts {
        version: 1,
        tokens: [
            ("ANNA", entry(account("anna"), TokenStatus::Valid)),
            ("BERT", entry(account("bert"), TokenStatus::Valid)),
            ("CARL", entry(account("carl"), TokenStatus::Valid)),
            ("DORA", entry(account("dora"), TokenStatus::Blocked)),
            ("EMIL", entry(account("emil"), TokenStatus::ValidUntil(long_ago))),
            ("FRED", entry(TokenHolder::Guest, TokenStatus::Valid)),
        ]
        .into_iter()
        .map(|(token, entry)| (token.parse::<IdToken>().unwrap(), entry))
        .collect(),
        accounts: BTreeMap::new(),
        evses: [
            ("CP1/1", vec![terms(&["anna", "bert"])]),
            ("CP2/1", vec![terms(&["anna", "bert"])]),
            ("CP2/2", vec![terms(&["anna", "bert", "carl"])]),
        ]
        .into_iter()
        .map(|(evse, terms)| (evse.parse().unwrap(), terms))
        .collect(),
    })
    .unwrap()
}

/// A tiny generator: splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}
