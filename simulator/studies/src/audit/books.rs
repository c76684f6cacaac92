//! Fates, prices, documents and the ledger.

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::Cdr;
use billing::finding::{Billable, Decision, Resolution, Resolved};
use billing::ledger::{DocumentKey, EntryKey, EntryParts, Ledger, LedgerAccount, Posting};
use billing::pricing::naive;
use billing::pricing::{FlatDue, PricedCdr};
use billing::settlement::settle;
use billing::tariff::Tariff;
use office::record::{CollectionRow, Document, DocumentRow, EntryRow, FindingRow, LineRow, SettlementRow};
use units::{CdrId, Money, SessionId, TariffId, WattHours};

use super::{AuditReport, series};

/// Facts of the business by what they are about.
#[derive(Default)]
struct Facts<'a> {
    tariffs: BTreeMap<&'a TariffId, &'a Tariff>,
    /// In the order in which they were priced.
    priced: Vec<&'a PricedCdr>,
    lines: BTreeMap<CdrId, Vec<&'a LineRow>>,
    findings: BTreeMap<CdrId, &'a FindingRow>,
    resolutions: BTreeMap<CdrId, &'a Resolution>,
    documents: Vec<&'a DocumentRow>,
    collections: Vec<&'a CollectionRow>,
    settlements: Vec<&'a SettlementRow>,
    entries: Vec<&'a EntryRow>,
}

pub(super) fn audit(report: &mut AuditReport, cdrs: &BTreeMap<CdrId, &Cdr>, records: &[office::Record]) {
    let facts = Facts::of(records);
    fates(report, cdrs, &facts);
    prices(report, cdrs, &facts);
    let ledger = ledger(report, &facts);
    let entries: BTreeMap<&EntryKey, &EntryParts> =
        facts.entries.iter().map(|row| (row.entry.key(), row.entry.parts())).collect();
    charges(report, &facts, &entries);
    documents(report, &facts, &entries);
    collections(report, &facts, &entries);
    settlements(report, &facts, &ledger);
}

impl<'a> Facts<'a> {
    fn of(records: &'a [office::Record]) -> Self {
        use office::Record;
        let mut facts = Self::default();
        for record in records {
            match record {
                Record::Tariff(tariff) => drop(facts.tariffs.insert(tariff.id(), tariff)),
                Record::PricedCdr(priced) => facts.priced.push(priced),
                Record::Line(row) => facts.lines.entry(row.line.cdr).or_default().push(row),
                Record::Finding(row) => drop(facts.findings.insert(row.cdr.id, row)),
                Record::Resolution(row) => drop(facts.resolutions.insert(row.cdr, row)),
                Record::Document(row) => facts.documents.push(row),
                Record::Collection(row) => facts.collections.push(row),
                Record::Settlement(row) => facts.settlements.push(row),
                Record::Entry(row) => facts.entries.push(row),
                Record::Owner(_)
                | Record::Account(_)
                | Record::Token(_)
                | Record::Access(_)
                | Record::Prices(_)
                | Record::Sighting(_)
                | Record::Counters(_)
                | Record::Books(_)
                | Record::Stated(_)
                | Record::Payout(_)
                | Record::Audit(_) => {}
            }
        }
        facts
    }
}

/// M1: each CDR is billed once, or held, or written off; and nothing else is.
fn fates(report: &mut AuditReport, cdrs: &BTreeMap<CdrId, &Cdr>, facts: &Facts<'_>) {
    let mut priced: BTreeMap<CdrId, usize> = BTreeMap::new();
    for row in &facts.priced {
        *priced.entry(row.cdr).or_default() += 1;
    }
    for (id, cdr) in cdrs {
        let billed = priced.get(id).copied().unwrap_or(0);
        let finding = facts.findings.get(id);
        let decision = facts.resolutions.get(id).map(|resolution| &resolution.decision);
        let is_as_it_must_be = match (finding, decision) {
            (None, None) => billed == 1,
            (Some(_), None | Some(Decision::WriteOff)) => billed == 0,
            (Some(_), Some(Decision::BillAsCorrected(_))) => billed == 1,
            (None, Some(_)) => false,
        };
        if !is_as_it_must_be {
            let held = match (finding, decision) {
                (None, None) => "not held",
                (None, Some(_)) => "never held and yet decided",
                (Some(_), None) => "held",
                (Some(_), Some(Decision::WriteOff)) => "written off",
                (Some(_), Some(Decision::BillAsCorrected(_))) => "released to be billed",
            };
            report.find("M1", format!("CDR {id} is {held}, and billed {billed} times"));
        }
        if finding.is_some_and(|finding| finding.cdr != **cdr) {
            report.find("M1", format!("CDR {id} is held as something else than was sealed"));
        }
    }
    let known = priced.keys().chain(facts.findings.keys()).chain(facts.lines.keys());
    for id in known.copied().collect::<BTreeSet<_>>() {
        if !cdrs.contains_key(&id) {
            report.find("M1", format!("CDR {id} is billed or held, but was never sealed"));
        }
    }
}

/// M2 and M5: each price anew by the naive pricer, and the line as priced.
fn prices(report: &mut AuditReport, cdrs: &BTreeMap<CdrId, &Cdr>, facts: &Facts<'_>) {
    let mut with_energy: BTreeSet<SessionId> = BTreeSet::new();
    for priced in &facts.priced {
        let id = priced.cdr;
        let flat = if with_energy.contains(&priced.session) { FlatDue::AlreadyBorne } else { FlatDue::Due };
        if priced.energy > WattHours::ZERO {
            with_energy.insert(priced.session);
        }
        match facts.lines.get(&id).map(Vec::as_slice) {
            Some([row]) => {
                let line = &row.line;
                if (line.amount, line.energy) != (priced.amount, priced.energy) {
                    let (billed, energy) = (line.amount, line.energy);
                    let (amount, counted) = (priced.amount, priced.energy);
                    report.find(
                        "line",
                        format!(
                            "CDR {id} is charged {billed} for {energy}, and priced {amount} for {counted}"
                        ),
                    );
                }
            }
            lines => {
                let count = lines.map_or(0, <[_]>::len);
                report.find("line", format!("CDR {id} is priced and has {count} charging lines"));
            }
        }
        let (Some(cdr), Some(tariff)) = (cdrs.get(&id), facts.tariffs.get(&priced.tariff)) else {
            if cdrs.contains_key(&id) {
                report.find("M5", format!("CDR {id}: tariff {} is not there", priced.tariff));
            }
            continue;
        };
        let mut held = (*cdr).clone();
        match repriced(&mut held, facts, tariff, flat) {
            Err(reason) => report.find("M5", format!("CDR {id} is billed, but {reason}")),
            Ok(naive) => {
                report.priced += 1;
                let energy = i128::from(priced.energy.milliwatt_hours());
                if naive.energy_milliwatt_hours != energy {
                    let told = naive.energy_milliwatt_hours;
                    report.find("M2", format!("CDR {id} bills {energy} mWh, its registers say {told} mWh"));
                }
                if naive.minor != i128::from(priced.amount.minor()) {
                    let (billed, told) = (priced.amount, naive.minor);
                    report.find("M5", format!("CDR {id} bills {billed}, priced anew it is {told} cents"));
                }
            }
        }
    }
}

/// What a CDR costs, by the naive pricer; `held` is made doubtful where it was released without a recorded doubt.
fn repriced(
    held: &mut Cdr,
    facts: &Facts<'_>,
    tariff: &Tariff,
    flat: FlatDue,
) -> Result<naive::NaivePrice, String> {
    let no_price = || "its tariff has no price for some of it".to_owned();
    match facts.resolutions.get(&held.id) {
        None => {
            let billable = Billable::sealed(held).map_err(|doubt| doubt.to_string())?;
            naive::price(&billable, tariff.parts(), flat).ok_or_else(no_price)
        }
        Some(resolution) => {
            if held.doubts.is_empty() {
                held.doubts.push(billing::cdr::Doubt::NoTariff);
            }
            match resolution.apply(held).map_err(|refusal| refusal.to_string())? {
                Resolved::WrittenOff => Err("it was written off".to_owned()),
                Resolved::Billable(billable) => {
                    naive::price(&billable, tariff.parts(), flat).ok_or_else(no_price)
                }
            }
        }
    }
}

/// The ledger anew: entries in order without gaps, each key once, each at zero.
fn ledger(report: &mut AuditReport, facts: &Facts<'_>) -> Ledger {
    report.entries = facts.entries.len();
    series(report, "ledger entry", facts.entries.iter().map(|row| row.number));
    let mut ledger = Ledger::default();
    for row in &facts.entries {
        let parts = row.entry.parts();
        let sum: i64 = parts.postings.iter().map(|posting| posting.amount.minor()).sum();
        if sum != 0 {
            report.find("ledger", format!("entry {} is off by {sum} cents", row.number));
        }
        if ledger.append(row.entry.clone()).is_err() {
            report.find("ledger", format!("entry {} posts {:?} a second time", row.number, parts.key));
        }
    }
    ledger
}

/// Each line is on the ledger, and each charge on the ledger has its line.
fn charges(report: &mut AuditReport, facts: &Facts<'_>, entries: &BTreeMap<&EntryKey, &EntryParts>) {
    for (id, rows) in &facts.lines {
        for row in rows {
            let amount = row.line.amount;
            match entries.get(&EntryKey::Charge(*id)) {
                None => report.find("ledger", format!("CDR {id} is charged {amount}, but not on the ledger")),
                Some(parts) if receivable(parts) != amount.minor() || parts.month != row.line.month => {
                    let posted = receivable(parts);
                    let what = format!(
                        "CDR {id} is charged {amount} in {}, posted are {posted} cents in {}",
                        row.line.month, parts.month
                    );
                    report.find("ledger", what);
                }
                Some(_) => {}
            }
        }
    }
    for key in entries.keys() {
        if let EntryKey::Charge(id) = key
            && !facts.lines.contains_key(id)
        {
            report.find("ledger", format!("the ledger charges CDR {id}, which has no charging line"));
        }
    }
}

fn documents(report: &mut AuditReport, facts: &Facts<'_>, entries: &BTreeMap<&EntryKey, &EntryParts>) {
    report.documents = facts.documents.len();
    series(report, "document", facts.documents.iter().map(|row| row.number));
    let mut on_document: BTreeMap<CdrId, u64> = BTreeMap::new();
    for row in &facts.documents {
        let number = row.number;
        let (sections, total) = match &row.document {
            Document::Statement(statement) => (&statement.sections, statement.total),
            Document::Receipt(receipt) => (&receipt.sections, receipt.total),
        };
        let mut sum = Money::zero(total.currency());
        for section in sections {
            for line in &section.charging {
                sum += line.amount;
                let id = line.cdr;
                if let Some(other) = on_document.insert(id, number) {
                    report.find(
                        "document",
                        format!("CDR {id} is on document {other} and on document {number}"),
                    );
                }
                let is_as_charged =
                    facts.lines.get(&id).is_some_and(|rows| rows.iter().any(|row| row.line == *line));
                if !is_as_charged {
                    report.find(
                        "document",
                        format!("document {number} bills CDR {id} otherwise than its line"),
                    );
                }
            }
            if let Some(fee) = &section.fee {
                sum += fee.amount;
                let posted =
                    entries.get(&EntryKey::DriverFee(row.key.clone())).map_or(0, |parts| receivable(parts));
                if posted != fee.amount.minor() {
                    let what =
                        format!("document {number} bears a fee of {}, posted are {posted} cents", fee.amount);
                    report.find("document", what);
                }
            }
        }
        if sum != total || total != row.total {
            let stored = row.total;
            report.find(
                "document",
                format!("document {number} asks for {stored}, its total is {total}, its lines sum to {sum}"),
            );
        }
    }
}

fn collections(report: &mut AuditReport, facts: &Facts<'_>, entries: &BTreeMap<&EntryKey, &EntryParts>) {
    series(report, "payment", facts.collections.iter().map(|row| row.payment.0));
    let documents: BTreeMap<&DocumentKey, &&DocumentRow> =
        facts.documents.iter().map(|row| (&row.key, row)).collect();
    for row in &facts.collections {
        let payment = row.payment.0;
        match documents.get(&row.document) {
            None => report.find("payment", format!("payment {payment} is for a document that is not there")),
            Some(document) if document.total != row.amount => {
                let (amount, total) = (row.amount, document.total);
                report.find("payment", format!("payment {payment} of {amount} is for a document of {total}"));
            }
            Some(_) => {}
        }
        let posted = entries.get(&EntryKey::Collection(row.payment)).map_or(0, |parts| debits(parts));
        if posted < row.amount.minor() {
            report.find(
                "payment",
                format!("payment {payment} of {} is on the ledger with {posted} cents", row.amount),
            );
        }
    }
}

/// M4: each settlement anew from the ledger, and its two equations.
fn settlements(report: &mut AuditReport, facts: &Facts<'_>, ledger: &Ledger) {
    for row in &facts.settlements {
        let stored = &row.settlement;
        let currency = stored.total.currency();
        let anew = settle(ledger, &stored.owner, stored.month, currency);
        let parts = [
            ("collected", stored.collected, anew.collected),
            ("fees", stored.fees, anew.fees),
            ("VAT borne", stored.vat_borne, anew.vat_borne),
            ("carried in", stored.carried_in, anew.carried_in),
            ("charged", stored.revenue.charged, anew.revenue.charged),
            ("total", stored.total, stored.collected - stored.fees - stored.vat_borne + stored.carried_in),
        ];
        for (name, said, found) in parts.into_iter().filter(|(_, said, found)| said != found) {
            let what =
                format!("{} {}: settled {name} {said}, the ledger says {found}", stored.owner, stored.month);
            report.find("M4", what);
        }
        for breach in billing::settlement::audit(ledger, &stored.owner, stored.month, currency) {
            report.find("M4", breach.to_string());
        }
    }
}

/// What an entry adds to what debtors owe, in cents.
fn receivable(parts: &EntryParts) -> i64 {
    let of_debtors = |posting: &&Posting| matches!(posting.account, LedgerAccount::Receivable(_));
    parts.postings.iter().filter(of_debtors).map(|posting| posting.amount.minor()).sum()
}

fn debits(parts: &EntryParts) -> i64 {
    parts.postings.iter().map(|posting| posting.amount.minor().max(0)).sum()
}
