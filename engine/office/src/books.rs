//! The books: charging lines, findings, documents, settlements and the ledger's sums.

mod close;
mod ledger;

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::{Cdr, Doubt, Driver};
use billing::finding::{Billable, Resolution, Resolved};
use billing::invoice::{ChargingLine, Debtor};
use billing::ledger::{DocumentKey, PaymentMethod, Stamp};
use billing::pricing::{FlatDue, PricedCdr, price};
use billing::settlement::{Outcome, Settlement, Total, total};
use units::civil::{CivilDate, CivilMonth};
use units::{AccountId, CdrId, Currency, Money, OwnerId, SessionId, SiteId, Timestamp, WattHours};

pub use ledger::ledger_class;

use crate::contract::Refusal;
use crate::outbox::Outbox;
use crate::record::{
    BooksRow, CollectionRow, Counters, DocumentRow, EntryRow, FindingRow, LineRow, PayoutRow, Record,
    StatedRow,
};
use crate::registry::Registry;
use ledger::Sums;

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) counters: Counters,
    pub(crate) owners: BTreeMap<OwnerId, BooksRow>,
    stated: BTreeMap<AccountId, CivilMonth>,
    /// Of months that are not settled, and of each owner's last settled one.
    lines: BTreeMap<(OwnerId, CivilMonth), Vec<LineRow>>,
    pub(crate) findings: BTreeMap<CdrId, FindingRow>,
    /// Documents that wait to be paid.
    pub(crate) documents: BTreeMap<DocumentKey, DocumentRow>,
    pub(crate) settlements: BTreeMap<(OwnerId, CivilMonth), Settlement>,
    payouts: BTreeMap<(OwnerId, CivilMonth), PayoutRow>,
    pub(crate) sums: Sums,
    /// The sessions of the lines.
    sessions: BTreeMap<SessionId, SessionBill>,
    /// Each site's latest days with lines.
    days: BTreeMap<SiteId, BTreeMap<CivilDate, Day>>,
}

/// What was billed at a site on one day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Day {
    pub(crate) cdrs: usize,
    pub(crate) energy: WattHours,
    pub(crate) amounts: BTreeMap<Currency, Money>,
}

/// What is billed of a session so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SessionBill {
    month: CivilMonth,
    has_energy: bool,
}

/// A CDR that can be billed, as it will be.
struct Bill {
    priced: PricedCdr,
    row: LineRow,
}

impl Books {
    /// Takes a sealed CDR in: it is billed or held, once, however often it comes (M1).
    pub(crate) fn take_cdr(&mut self, now: Timestamp, cdr: Cdr, registry: &Registry, out: &mut Outbox) {
        if !arrive(&mut self.counters.arrived, cdr.id.0) {
            return;
        }
        let (doubts, unbillable) = match Billable::sealed(&cdr) {
            Ok(billable) => match self.bill(billable, registry) {
                Ok(bill) => {
                    self.post(now, bill, out);
                    out.persist(Record::Counters(self.counters.clone()));
                    return;
                }
                Err(reason) => (Vec::new(), Some(reason)),
            },
            Err(_) if !cdr.doubts.is_empty() => (cdr.doubts.clone(), None),
            Err(doubt) => (vec![doubt], None),
        };
        let row = FindingRow { cdr, raised_at: now, doubts, unbillable };
        out.persist(Record::Finding(Box::new(row.clone())));
        out.persist(Record::Counters(self.counters.clone()));
        self.findings.insert(row.cdr.id, row);
    }

    /// A person's decision about a held CDR. Billed, it goes into the month of the decision.
    pub(crate) fn resolve(
        &mut self,
        resolution: Resolution,
        registry: &Registry,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let id = resolution.cdr;
        let Some(finding) = self.findings.get(&id) else { return Err(Refusal::NotHeld(id)) };
        let mut held = finding.cdr.clone();
        if held.doubts.is_empty() {
            // What is held without a recorded doubt, for its registers or its price, has one: a person must decide.
            held.doubts.push(finding.doubts.first().cloned().unwrap_or(Doubt::NoTariff));
        }
        match resolution.apply(&held)? {
            Resolved::WrittenOff => {}
            Resolved::Billable(billable) => {
                let bill = self
                    .bill(billable, registry)
                    .map_err(|reason| Refusal::Unbillable { cdr: id, reason })?;
                self.post(resolution.decided_at, bill, out);
            }
        }
        self.findings.remove(&id);
        out.persist(Record::Resolution(Box::new(resolution)));
        out.persist(Record::Counters(self.counters.clone()));
        Ok(())
    }

    /// Marks a document as paid in full: what is oldest is covered first.
    pub(crate) fn collect(
        &mut self,
        now: Timestamp,
        key: &DocumentKey,
        method: PaymentMethod,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let nothing = || Refusal::NothingToCollect(document_name(key));
        let document = self.documents.remove(key).ok_or_else(nothing)?;
        let amount = document.total;
        let open = self.sums.open_claims(&document.debtor, amount.currency());
        let parts = billing::ledger::allocate(amount, &open);
        let owners = parts.iter().filter_map(|(claim, _)| match &claim.beneficiary {
            billing::ledger::Beneficiary::Owner(owner, _) => Some(owner),
            billing::ledger::Beneficiary::Operator => None,
        });
        // Into the settlement that comes next of every owner concerned.
        let month =
            owners.filter_map(|owner| self.first_unsettled(owner)).fold(document.month, CivilMonth::max);
        self.counters.payment += 1;
        let payment = billing::ledger::PaymentKey(self.counters.payment);
        let stamp = Stamp { at: now, month };
        let entry = billing::ledger::collection(payment, &document.debtor, method, amount, &parts, stamp);
        self.enter(entry, out);
        let row = CollectionRow { document: key.clone(), payment, method, at: now, amount };
        out.persist(Record::Collection(row));
        out.persist(Record::Counters(self.counters.clone()));
        Ok(())
    }

    pub(crate) fn propose_payout(
        &mut self,
        actor: &str,
        owner: &OwnerId,
        month: CivilMonth,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let key = (owner.clone(), month);
        let Some(settlement) = self.settlements.get(&key) else {
            return Err(Refusal::NotSettled { owner: owner.clone(), month });
        };
        let Outcome::Payout(amount) = settlement.outcome else {
            return Err(Refusal::NothingToPayOut { owner: owner.clone(), month, payout: settlement.total });
        };
        if let Some(payout) = self.payouts.get(&key) {
            return Err(under_way(payout));
        }
        let row = PayoutRow {
            owner: owner.clone(),
            month,
            amount,
            proposed_by: actor.to_owned(),
            approved_by: None,
        };
        out.persist(Record::Payout(row.clone()));
        self.payouts.insert(key, row);
        Ok(())
    }

    pub(crate) fn approve_payout(
        &mut self,
        now: Timestamp,
        actor: &str,
        owner: &OwnerId,
        month: CivilMonth,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let next = self.first_unsettled(owner).unwrap_or(month);
        let key = (owner.clone(), month);
        let Some(payout) = self.payouts.get_mut(&key) else {
            return Err(Refusal::NotProposed { owner: owner.clone(), month });
        };
        if payout.approved_by.is_some() {
            return Err(under_way(payout));
        }
        if payout.proposed_by == actor {
            let actor = actor.to_owned();
            return Err(Refusal::SamePerson { owner: owner.clone(), month, actor });
        }
        payout.approved_by = Some(actor.to_owned());
        let row = payout.clone();
        let stamp = Stamp { at: now, month: next };
        let entry = billing::ledger::payout(owner, month, row.amount, stamp);
        out.persist(Record::Payout(row));
        self.enter(entry, out);
        out.persist(Record::Counters(self.counters.clone()));
        Ok(())
    }

    /// The first month of an owner that is not closed; none where none was ever closed.
    pub(crate) fn first_open(&self, owner: &OwnerId) -> Option<CivilMonth> {
        self.owners.get(owner)?.closed_through.map(CivilMonth::next)
    }

    fn first_unsettled(&self, owner: &OwnerId) -> Option<CivilMonth> {
        let books = self.owners.get(owner)?;
        Some(books.settled_through.map_or(books.first, CivilMonth::next))
    }

    /// A site's day, as far as it is one of the latest two with lines.
    pub(crate) fn day(&self, site: &SiteId, date: CivilDate) -> Day {
        self.days.get(site).and_then(|days| days.get(&date)).cloned().unwrap_or_default()
    }

    pub(crate) fn held_of<'a>(&'a self, owner: &'a OwnerId) -> impl Iterator<Item = CdrId> + 'a {
        self.findings.values().filter(move |row| row.cdr.owner == *owner).map(|row| row.cdr.id)
    }

    /// The lines of an owner's month by driver; guests are one.
    pub(crate) fn by_driver(&self, owner: &OwnerId, month: CivilMonth) -> BTreeMap<Driver, Total> {
        let mut drivers: BTreeMap<Driver, Vec<&ChargingLine>> = BTreeMap::new();
        for row in self.lines.get(&(owner.clone(), month)).into_iter().flatten() {
            let driver = match &row.line.debtor {
                Debtor::Account(account) => Driver::Account(account.clone()),
                Debtor::Guest(_) | Debtor::Owner(_) => Driver::Guest,
            };
            drivers.entry(driver).or_default().push(&row.line);
        }
        drivers.into_iter().map(|(driver, lines)| (driver, total_of(&lines))).collect()
    }

    pub(crate) fn total_of_month(&self, owner: &OwnerId, month: CivilMonth) -> Option<Total> {
        let rows = self.lines.get(&(owner.clone(), month))?;
        Some(total_of(&rows.iter().map(|row| &row.line).collect::<Vec<_>>()))
    }

    /// An account's lines of a month, by owner.
    pub(crate) fn by_owner(&self, account: &AccountId, month: CivilMonth) -> Vec<(OwnerId, Total)> {
        let debtor = Debtor::Account(account.clone());
        let of_month = self.lines.iter().filter(|((_, of), _)| *of == month);
        of_month
            .filter_map(|((owner, _), rows)| {
                let lines: Vec<&ChargingLine> =
                    rows.iter().map(|row| &row.line).filter(|line| line.debtor == debtor).collect();
                (!lines.is_empty()).then(|| (owner.clone(), total_of(&lines)))
            })
            .collect()
    }

    /// Takes a record back in after a restart. Facts that are done come before what says so.
    pub(crate) fn restore(&mut self, records: Vec<Record>) {
        let (mut resolved, mut collected) = (Vec::new(), Vec::new());
        for record in records {
            match record {
                Record::Counters(row) => self.counters = row,
                Record::Books(row) => drop(self.owners.insert(row.owner.clone(), row)),
                Record::Stated(row) => drop(self.stated.insert(row.account, row.through)),
                Record::Payout(row) => drop(self.payouts.insert((row.owner.clone(), row.month), row)),
                Record::Line(row) => self.keep(*row),
                Record::Finding(row) => drop(self.findings.insert(row.cdr.id, *row)),
                Record::Document(row) => {
                    if row.total.minor() > 0 {
                        self.documents.insert(row.key.clone(), *row);
                    }
                }
                Record::Settlement(row) => {
                    let settlement = row.settlement;
                    self.settlements.insert((settlement.owner.clone(), settlement.month), settlement);
                }
                Record::Entry(row) => self.sums.add(row.entry.parts()),
                Record::Resolution(resolution) => resolved.push(resolution.cdr),
                Record::Collection(row) => collected.push(row.document),
                Record::Owner(_)
                | Record::Account(_)
                | Record::Token(_)
                | Record::Tariff(_)
                | Record::Access(_)
                | Record::Prices(_)
                | Record::Sighting(_)
                | Record::PricedCdr(_)
                | Record::Audit(_) => {}
            }
        }
        resolved.iter().for_each(|cdr| drop(self.findings.remove(cdr)));
        collected.iter().for_each(|document| drop(self.documents.remove(document)));
        let owners: Vec<OwnerId> = self.owners.keys().cloned().collect();
        owners.iter().for_each(|owner| self.let_go_of_settled(owner));
        self.sums.assert_zero();
    }

    /// What a CDR comes to, or why it cannot be billed.
    fn bill(&self, billable: Billable<'_>, registry: &Registry) -> Result<Bill, String> {
        let cdr = billable.cdr();
        let Some(tariff) = registry.tariffs.get(billable.tariff()) else {
            return Err(format!("tariff {} is unknown", billable.tariff()));
        };
        let Some(owner) = registry.owners.get(&cdr.owner) else {
            return Err(format!("owner {} is unknown", cdr.owner));
        };
        let billable = match self.first_open(&cdr.owner) {
            Some(first_open) => billable.not_before(first_open),
            None => billable,
        };
        // Priced once to learn who pays: the driver may be a correction's.
        let flat = if self.has_energy(cdr.session) { FlatDue::AlreadyBorne } else { FlatDue::Due };
        let priced = price(&billable, tariff, flat).map_err(|refusal| refusal.to_string())?;
        let priced = match self.first_unstated(&priced.driver) {
            Some(month) if priced.month < month => PricedCdr { month, ..priced },
            Some(_) | None => priced,
        };
        let lists = &registry.prices;
        let currency = lists.of(priced.month).map_err(|none| none.to_string())?.currency();
        if currency != priced.currency {
            return Err(format!(
                "the tariff is in {}, the service's prices are in {currency}",
                priced.currency
            ));
        }
        let line = ChargingLine::new(&priced, &owner.contract, &registry.vat)
            .map_err(|refusal| refusal.to_string())?;
        if let Debtor::Guest(session) = line.debtor {
            let other =
                self.sessions.get(&session).map(|bill| bill.month).filter(|month| *month != line.month);
            if let Some(month) = other {
                return Err(format!("session {session} of a guest is billed in {month}: it has one receipt"));
            }
        }
        let ended_on = priced.zone.civil(priced.stopped_at).date;
        Ok(Bill { row: LineRow { line, session: priced.session, ended_on }, priced })
    }

    fn post(&mut self, now: Timestamp, bill: Bill, out: &mut Outbox) {
        let Bill { priced, row } = bill;
        let (owner, month) = (row.line.owner.clone(), row.line.month);
        let closed = self.first_open(&owner);
        assert!(closed.is_none_or(|open| open <= month), "{month} of {owner} is closed: CDR {}", priced.cdr);
        self.begin_month(&owner, month, out);
        let stamp = Stamp { at: now, month };
        self.enter(billing::ledger::charge(&row.line, stamp), out);
        out.persist(Record::PricedCdr(Box::new(priced)));
        out.persist(Record::Line(Box::new(row.clone())));
        self.keep(row);
    }

    /// Notes that something is in an owner's month.
    fn begin_month(&mut self, owner: &OwnerId, month: CivilMonth, out: &mut Outbox) {
        let books = self.owners.get(owner);
        if books.is_some_and(|books| books.first <= month) {
            return;
        }
        let row = BooksRow {
            owner: owner.clone(),
            first: month,
            closed_through: books.and_then(|books| books.closed_through),
            settled_through: books.and_then(|books| books.settled_through),
        };
        out.persist(Record::Books(row.clone()));
        self.owners.insert(owner.clone(), row);
    }

    fn enter(&mut self, entry: billing::ledger::Entry, out: &mut Outbox) {
        self.sums.add(entry.parts());
        self.sums.assert_zero();
        self.counters.entry += 1;
        out.persist(Record::Entry(Box::new(EntryRow { number: self.counters.entry, entry })));
    }

    fn state_through(&mut self, account: &AccountId, through: CivilMonth, out: &mut Outbox) {
        if self.stated.get(account).is_some_and(|stated| *stated >= through) {
            return;
        }
        self.stated.insert(account.clone(), through);
        out.persist(Record::Stated(StatedRow { account: account.clone(), through }));
    }

    fn keep(&mut self, row: LineRow) {
        let days = self.days.entry(row.line.site.clone()).or_default();
        let day = days.entry(row.ended_on).or_default();
        day.cdrs += 1;
        day.energy += row.line.energy;
        let amount = row.line.amount;
        *day.amounts.entry(amount.currency()).or_insert(Money::zero(amount.currency())) += amount;
        while days.len() > 2 {
            days.pop_first();
        }
        let has_energy = row.line.energy > WattHours::ZERO || self.has_energy(row.session);
        self.sessions.insert(row.session, SessionBill { month: row.line.month, has_energy });
        self.lines.entry((row.line.owner.clone(), row.line.month)).or_default().push(row);
    }

    /// Lines are needed until their month is settled; those of the last settled month are kept for people to look at.
    fn let_go_of_settled(&mut self, owner: &OwnerId) {
        if let Some(settled) = self.owners.get(owner).and_then(|books| books.settled_through) {
            let kept = self.lines.len();
            self.lines.retain(|(of, month), _| of != owner || *month >= settled);
            if self.lines.len() < kept {
                let sessions: BTreeSet<SessionId> =
                    self.lines.values().flatten().map(|row| row.session).collect();
                self.sessions.retain(|session, _| sessions.contains(session));
            }
        }
    }

    fn has_energy(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|bill| bill.has_energy)
    }

    /// The first month of which a driver has no statement yet; none where there never was one.
    fn first_unstated(&self, driver: &Driver) -> Option<CivilMonth> {
        match driver {
            Driver::Account(account) => self.stated.get(account).copied().map(CivilMonth::next),
            Driver::Guest | Driver::Unknown => None,
        }
    }
}

pub(crate) fn document_name(key: &DocumentKey) -> String {
    match key {
        DocumentKey::Statement(account, month) => format!("statement {account} {month}"),
        DocumentKey::Receipt(session) => format!("receipt {session}"),
        DocumentKey::Opening(site) => format!("opening invoice {site}"),
    }
}

fn under_way(payout: &PayoutRow) -> Refusal {
    let by_whom = match &payout.approved_by {
        Some(actor) => format!("approved by {actor}"),
        None => format!("proposed by {}", payout.proposed_by),
    };
    Refusal::PayoutUnderWay { owner: payout.owner.clone(), month: payout.month, by_whom }
}

fn total_of(lines: &[&ChargingLine]) -> Total {
    let currency = lines.first().map_or(Currency::Eur, |line| line.amount.currency());
    total(lines.iter().copied(), currency)
}

/// Adds an id to inclusive ranges that are in order and apart; false where it is there already.
fn arrive(ranges: &mut Vec<(u64, u64)>, id: u64) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= id);
    let before = after.checked_sub(1);
    if before.is_some_and(|before| id <= ranges[before].1) {
        return false;
    }
    let extends_before = before.filter(|&before| ranges[before].1 + 1 == id);
    let extends_after = ranges.get(after).is_some_and(|&(first, _)| id + 1 == first);
    match (extends_before, extends_after) {
        (Some(before), true) => {
            ranges[before].1 = ranges[after].1;
            ranges.remove(after);
        }
        (Some(before), false) => ranges[before].1 = id,
        (None, true) => ranges[after].0 = id,
        (None, false) => ranges.insert(after, (id, id)),
    }
    true
}
