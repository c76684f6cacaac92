//! The audit: every CDR from its own frames, every price anew, the ledger at zero and against the documents.
//!
//! What is looked at is what was committed, and nothing of the running engine. Frames are read by a reader of its own,
//! prices are made by billing's naive pricer (M5). Control is not run again: an audit asks what was billed and on what
//! evidence, not why a limit was what it was.

mod books;
mod frames;

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::{Cdr, Doubt, ReadingContext, RegisterReading};
use csms::record::EvidenceRow;
use serde::Serialize;
use sha2::{Digest, Sha256};
use twin::{Durable, Scenario, World};
use units::civil::CivilDate;
use units::{CdrId, TimeSpan, Timestamp, WattHours};

use frames::{FrameSaid, Kind};

/// Evidence is kept for this many years after the end of the financial year (MONEY section 9).
const YEARS_KEPT: i16 = 6;

/// What was committed, each kind in the order of its commits.
#[derive(Debug, Clone, Default)]
pub struct Committed {
    /// CDRs, evidence and doubts of the sites; other records are passed over.
    pub csms: Vec<csms::Record>,
    /// Tariffs and facts of the business; other records are passed over.
    pub office: Vec<office::Record>,
    /// What the reader of the database found: rows that another hand changed.
    pub altered: Vec<String>,
}

/// One thing that an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditFinding {
    /// Which rule: a word that stays the same from one audit to the next.
    pub rule: &'static str,
    /// What, in plain words.
    pub what: String,
}

/// What an audit came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// CDRs looked at.
    pub cdrs: usize,
    /// Frames read.
    pub frames: usize,
    /// CDRs priced anew.
    pub priced: usize,
    /// Ledger entries summed.
    pub entries: usize,
    /// Documents looked at.
    pub documents: usize,
    /// CDRs whose evidence is older than it must be kept, and gone. Named, and no fault.
    pub expired: Vec<CdrId>,
    /// What is not as it must be; empty: all is well.
    pub findings: Vec<AuditFinding>,
}

impl AuditReport {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, rule: &'static str, what: String) {
        self.findings.push(AuditFinding { rule, what });
    }
}

/// Audits what was committed. `as_of` decides which evidence may have expired.
#[must_use]
pub fn audit(committed: &Committed, as_of: Timestamp) -> AuditReport {
    let mut report = AuditReport::default();
    for altered in &committed.altered {
        report.find("altered", altered.clone());
    }
    let mut evidence: BTreeMap<u64, Vec<&EvidenceRow>> = BTreeMap::new();
    let mut cdrs: BTreeMap<CdrId, &Cdr> = BTreeMap::new();
    for record in &committed.csms {
        match record {
            csms::Record::Evidence(row) => evidence.entry(row.frame).or_default().push(row),
            csms::Record::Cdr(cdr) => {
                if cdrs.insert(cdr.id, cdr).is_some() {
                    report.find("cdr twice", format!("CDR {} is there twice", cdr.id));
                }
            }
            csms::Record::Site(_)
            | csms::Record::Station(_)
            | csms::Record::Security(_)
            | csms::Record::Facts(_)
            | csms::Record::Terms(_)
            | csms::Record::Upkeep(_)
            | csms::Record::Evse(_)
            | csms::Record::Session(_)
            | csms::Record::Transaction(_)
            | csms::Record::Counters(_)
            | csms::Record::MeterValues(_)
            | csms::Record::Finding(_)
            | csms::Record::Notice(_)
            | csms::Record::Reason(_)
            | csms::Record::Audit(_) => {}
        }
    }
    report.cdrs = cdrs.len();
    series(&mut report, "CDR", cdrs.keys().map(|cdr| cdr.0));
    one_per_transaction(&mut report, cdrs.values().copied());
    for cdr in cdrs.values() {
        let rests_on = evidence_of(&mut report, cdr, &evidence, as_of);
        if let Some(rests_on) = rests_on {
            derive(&mut report, cdr, &rests_on);
        }
    }
    books::audit(&mut report, &cdrs, &committed.office);
    report
}

/// Plays a scenario to its end, its months settled, and audits what was committed in it. `step` is called with the
/// instant reached, once per simulated hour.
#[must_use]
pub fn audit_scenario(scenario: Scenario, step: fn(Timestamp)) -> AuditReport {
    let (_, Durable { csms, office }) = World::new(scenario).with_progress(step).run_with_records();
    let committed = Committed { csms, office, altered: Vec::new() };
    audit(&committed, last_instant(&committed))
}

/// Numbers that are given without gaps, from 1.
fn series(report: &mut AuditReport, of: &str, numbers: impl Iterator<Item = u64>) {
    let mut expected = 1;
    for number in numbers {
        if number > expected {
            let last = number - 1;
            let gap = if expected == last { format!("{expected}") } else { format!("{expected} to {last}") };
            report.find("gap in a series", format!("{of} {gap} is missing"));
        }
        expected = number + 1;
    }
}

fn one_per_transaction<'a>(report: &mut AuditReport, cdrs: impl Iterator<Item = &'a Cdr>) {
    let mut of_transaction: BTreeMap<u64, CdrId> = BTreeMap::new();
    for cdr in cdrs {
        if let Some(other) = of_transaction.insert(cdr.transaction.0, cdr.id) {
            let (transaction, id) = (cdr.transaction, cdr.id);
            report.find("cdr twice", format!("transaction {transaction} has CDR {other} and CDR {id}"));
        }
    }
}

/// The frames of a CDR, held to their hashes; `None` where some are gone.
fn evidence_of<'a>(
    report: &mut AuditReport,
    cdr: &Cdr,
    evidence: &BTreeMap<u64, Vec<&'a EvidenceRow>>,
    as_of: Timestamp,
) -> Option<Vec<&'a EvidenceRow>> {
    let mut rests_on = Vec::new();
    let mut missing = Vec::new();
    for wanted in &cdr.evidence {
        // A frame log that was lost may have given a number twice: the hash decides.
        let of_number = evidence.get(&wanted.frame).map(Vec::as_slice).unwrap_or_default();
        match of_number.iter().find(|row| row.sha256 == wanted.sha256).or(of_number.first()) {
            Some(row) => {
                let is_true: [u8; 32] = Sha256::digest(row.text.as_bytes()).into();
                if is_true != wanted.sha256 || row.sha256 != wanted.sha256 {
                    let (id, frame) = (cdr.id, wanted.frame);
                    let what = format!("CDR {id}: frame {frame} is not the one that the CDR was made from");
                    report.find("frame changed", what);
                }
                rests_on.push(*row);
            }
            None => missing.push(wanted.frame),
        }
    }
    report.frames += rests_on.len();
    if cdr.evidence.is_empty() {
        report.find("evidence missing", format!("CDR {} names no frame at all", cdr.id));
    }
    if missing.is_empty() {
        return Some(rests_on);
    }
    if as_of >= kept_until(cdr) {
        report.expired.push(cdr.id);
    } else {
        let frames: Vec<String> = missing.iter().map(u64::to_string).collect();
        let date = cdr.zone.civil(kept_until(cdr)).date;
        let what = format!("CDR {}: frame {} is gone, to be kept until {date}", cdr.id, frames.join(", "));
        report.find("evidence missing", what);
    }
    None
}

/// Six years after the end of the financial year, which is the calendar's.
fn kept_until(cdr: &Cdr) -> Timestamp {
    let year = cdr.zone.civil(cdr.stopped_at).date.year + 1 + YEARS_KEPT;
    cdr.zone.start_of_day(CivilDate { year, month: 1, day: 1 })
}

/// Holds what a CDR says to what its frames say.
fn derive(report: &mut AuditReport, cdr: &Cdr, rests_on: &[&EvidenceRow]) {
    let mut said: Vec<FrameSaid> = Vec::new();
    // What a station tells whose clock is not trusted is held as of its frame's receipt, and in doubt from there on.
    let mut held_at_receipt: BTreeSet<(Timestamp, WattHours)> = BTreeSet::new();
    for row in rests_on {
        match frames::read(&row.text) {
            Some(frame) => {
                held_at_receipt
                    .extend(frame.samples.iter().map(|&(_, register)| (row.received_at, register)));
                said.push(frame);
            }
            // The engine reads more than strict JSON; a person must look at what only it could read.
            None if cdr.doubts.is_empty() => {
                let what = format!("CDR {}: frame {} cannot be read again", cdr.id, row.frame);
                report.find("frame unreadable", what);
            }
            None => {}
        }
        if row.transaction.is_some_and(|transaction| transaction != cdr.transaction) {
            let (id, frame) = (cdr.id, row.frame);
            report
                .find("frame of another", format!("CDR {id}: frame {frame} belongs to another transaction"));
        }
    }
    let start = said.iter().find(|frame| frame.kind == Some(Kind::Start));
    let stop = said.iter().find(|frame| frame.kind == Some(Kind::Stop));
    let mut differ = |what: &str, told: String, sealed: String| {
        let id = cdr.id;
        report.find("not as in its frames", format!("CDR {id}: {what} is {sealed}, its frames say {told}"));
    };
    let reading = |context| cdr.readings.iter().find(|reading| reading.context == context);
    let doubted_from = cdr.doubts.iter().filter_map(clock_doubted_from).min();
    let is_clock_doubted = doubted_from.is_some();
    let begin = said.iter().find_map(|frame| frame.begin);
    let end = said.iter().rev().find_map(|frame| frame.end);
    for (names, frame, told, context, held) in [
        (["the register at the start", "the start"], start, begin, ReadingContext::Begin, cdr.started_at),
        (["the register at the end", "the end"], stop, end, ReadingContext::End, cdr.stopped_at),
    ] {
        let sealed = reading(context).map(|reading| reading.register);
        if sealed != told {
            differ(names[0], text_of(told), text_of(sealed));
        }
        if let (Some(at), false) = (frame.and_then(|frame| frame.at), is_clock_doubted)
            && at != held
        {
            differ(names[1], at.to_string(), held.to_string());
        }
    }
    let tokens: BTreeSet<&str> = said.iter().filter_map(|frame| frame.token.as_deref()).collect();
    let token = cdr.token.as_ref().map(units::IdToken::as_str);
    if token.map_or(!tokens.is_empty(), |token| !tokens.contains(token)) && start.is_some() {
        let told = tokens.iter().copied().collect::<Vec<_>>().join(", ");
        differ("the token", told, token.unwrap_or("none").to_owned());
    }
    if let Some(evse) = said.iter().find_map(|frame| frame.evse)
        && evse != u64::from(cdr.evse.number)
    {
        differ("the EVSE", evse.to_string(), cdr.evse.to_string());
    }
    let samples: BTreeSet<(Option<Timestamp>, WattHours)> =
        said.iter().flat_map(|frame| frame.samples.iter().copied()).collect();
    for RegisterReading { at, register, context } in cdr.readings.iter().copied() {
        let is_between = matches!(context, ReadingContext::Clock | ReadingContext::Periodic);
        let is_told = samples.contains(&(Some(at), register));
        // A time without a zone is the site's to place.
        let is_told_without_zone = samples.contains(&(None, register));
        let is_held_at_receipt =
            doubted_from.is_some_and(|from| from <= at) && held_at_receipt.contains(&(at, register));
        if is_between && !(is_told || is_told_without_zone || is_held_at_receipt) {
            differ(&format!("the register at {at}"), "no such".to_owned(), text_of(Some(register)));
        }
    }
    if let (Ok(energy), Some(begin), Some(end)) = (cdr.energy(), begin, end)
        && energy != end - begin
    {
        differ("the energy", (end - begin).to_string(), energy.to_string());
    }
    if cdr.doubts.is_empty() && cdr.stopped_at.since(cdr.started_at) < TimeSpan::ZERO {
        differ("the end", cdr.stopped_at.to_string(), format!("before the start, {}", cdr.started_at));
    }
}

/// From when on a doubt says that times are ours.
const fn clock_doubted_from(doubt: &Doubt) -> Option<Timestamp> {
    match doubt {
        Doubt::ClockUntrusted { held, .. } => Some(*held),
        Doubt::MissingStart { .. }
        | Doubt::MissingEnd { .. }
        | Doubt::Contradictory { .. }
        | Doubt::RegisterBelowZero { .. }
        | Doubt::Negative { .. }
        | Doubt::RegisterReset { .. }
        | Doubt::Implausible { .. }
        | Doubt::Overlapping { .. }
        | Doubt::Orphan { .. }
        | Doubt::ClockJumped { .. }
        | Doubt::TooLong { .. }
        | Doubt::AfterSeal { .. }
        | Doubt::MeterReplaced { .. }
        | Doubt::UnknownDriver { .. }
        | Doubt::Incomplete { .. }
        | Doubt::SeveralTokens { .. }
        | Doubt::NoTariff
        | Doubt::NoEnergy { .. } => None,
    }
}

fn text_of(register: Option<WattHours>) -> String {
    register.map_or_else(|| "none".to_owned(), |register| register.to_string())
}

/// The end of what was committed, for an audit that is not told a date: the last instant that any record names.
#[must_use]
pub fn last_instant(committed: &Committed) -> Timestamp {
    let stops = committed.csms.iter().filter_map(|record| match record {
        csms::Record::Cdr(cdr) => Some(cdr.stopped_at),
        csms::Record::Evidence(row) => Some(row.received_at),
        csms::Record::Site(_)
        | csms::Record::Station(_)
        | csms::Record::Security(_)
        | csms::Record::Facts(_)
        | csms::Record::Terms(_)
        | csms::Record::Upkeep(_)
        | csms::Record::Evse(_)
        | csms::Record::Session(_)
        | csms::Record::Transaction(_)
        | csms::Record::Counters(_)
        | csms::Record::MeterValues(_)
        | csms::Record::Finding(_)
        | csms::Record::Notice(_)
        | csms::Record::Reason(_)
        | csms::Record::Audit(_) => None,
    });
    stops.max().unwrap_or(Timestamp::EPOCH)
}
