//! Closing a month: documents and fees. Settling it: what the owner is owed.

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::Driver;
use billing::invoice::{ChargingLine, Debtor, FeeLine, Section, receipt, statement};
use billing::ledger::{DocumentKey, Stamp};
use billing::settlement::{Opening, Outcome, Settlement, SiteFacts, site_fees};
use units::civil::{CivilMonth, Zone};
use units::{AccountId, Money, OwnerId, SessionId, SiteId, Timestamp};

use super::Books;
use crate::contract::{ClosedMonth, Refusal};
use crate::outbox::Outbox;
use crate::record::{Document, DocumentRow, Record, SettlementRow};
use crate::registry::Registry;

/// All that closing a month will post, made before anything is.
struct Closing {
    documents: Vec<(DocumentKey, Debtor, Document)>,
    fees: Vec<(SiteId, FeeLine)>,
}

impl Books {
    pub(crate) fn close_month(
        &mut self,
        now: Timestamp,
        owner: &OwnerId,
        month: CivilMonth,
        registry: &Registry,
        out: &mut Outbox,
    ) -> Result<ClosedMonth, Vec<Refusal>> {
        let is_closed = self.first_open(owner).is_some_and(|open| month < open);
        let mut issued = Vec::new();
        if !is_closed {
            self.check_closable(now, owner, month, registry)?;
            let closing = self.prepare_closing(owner, month, registry)?;
            issued = closing.documents.iter().map(|(key, _, _)| key.clone()).collect();
            self.post_closing(now, owner, month, closing, out);
        }
        let awaiting = self.awaiting(owner, month).into_iter().collect();
        let held = self.held_of(owner).collect();
        Ok(ClosedMonth { owner: owner.clone(), month, issued, awaiting, held })
    }

    pub(crate) fn settle(
        &mut self,
        now: Timestamp,
        owner: &OwnerId,
        month: CivilMonth,
        registry: &Registry,
        out: &mut Outbox,
    ) -> Result<Settlement, Refusal> {
        if let Some(settlement) = self.settlements.get(&(owner.clone(), month)) {
            return Ok(settlement.clone());
        }
        self.check_settleable(owner, month, registry)?;
        let currency = registry.prices.of(month)?.currency();
        let ledger = self.sums.condensed();
        let settlement = billing::settlement::settle(&ledger, owner, month, currency);
        let breaches = billing::settlement::audit(&ledger, owner, month, currency);
        assert!(breaches.is_empty(), "M4: {breaches:?}");
        let next = Stamp { at: now, month: month.next() };
        match settlement.outcome {
            Outcome::Invoice(amount) => {
                self.enter(billing::ledger::settlement_invoice(owner, month, amount, next), out);
                out.persist(Record::Counters(self.counters.clone()));
            }
            Outcome::Payout(_) | Outcome::CarryOver(_) => {}
        }
        let row = SettlementRow { at: now, settlement: settlement.clone() };
        out.persist(Record::Settlement(Box::new(row)));
        self.settlements.insert((owner.clone(), month), settlement.clone());
        if let Some(books) = self.owners.get_mut(owner) {
            books.settled_through = Some(month);
            out.persist(Record::Books(books.clone()));
        }
        self.let_go_of_settled(owner);
        Ok(settlement)
    }

    fn check_closable(
        &self,
        now: Timestamp,
        owner: &OwnerId,
        month: CivilMonth,
        registry: &Registry,
    ) -> Result<(), Vec<Refusal>> {
        if !registry.owners.contains_key(owner) {
            return Err(vec![Refusal::UnknownOwner(owner.clone())]);
        }
        let utc = Zone::utc();
        let ends = registry.zones_of(owner).map(|zone| zone.start_of_month(month.next()));
        let until = ends.max().unwrap_or_else(|| utc.start_of_month(month.next()));
        if now < until {
            return Err(vec![Refusal::MonthRuns { owner: owner.clone(), month, until }]);
        }
        // The first month is whichever is closed first, unless an earlier one has lines.
        let first =
            self.owners.get(owner).map(|books| books.closed_through.map_or(books.first, CivilMonth::next));
        match first.filter(|first| *first < month) {
            Some(earlier) => Err(vec![Refusal::EarlierMonthOpen { owner: owner.clone(), earlier }]),
            None => Ok(()),
        }
    }

    fn check_settleable(
        &self,
        owner: &OwnerId,
        month: CivilMonth,
        registry: &Registry,
    ) -> Result<(), Refusal> {
        if !registry.owners.contains_key(owner) {
            return Err(Refusal::UnknownOwner(owner.clone()));
        }
        if self.first_open(owner).is_none_or(|open| open <= month) {
            return Err(Refusal::MonthOpen { owner: owner.clone(), month });
        }
        let first = self.first_unsettled(owner).unwrap_or(month);
        if first < month {
            return Err(Refusal::EarlierMonthUnsettled { owner: owner.clone(), earlier: first });
        }
        if month < first {
            return Err(Refusal::BeforeFirstMonth { owner: owner.clone(), month, first });
        }
        let awaiting = self.awaiting(owner, month);
        if !awaiting.is_empty() {
            let accounts = awaiting.into_iter().collect();
            return Err(Refusal::StatementsAwaited { owner: owner.clone(), month, accounts });
        }
        // Until it is posted, the ledger shows it as owed: it would be paid twice.
        let mut settled = self.settlements.iter().filter(|((of, _), _)| of == owner);
        let outstanding = settled.find(|(key, settlement)| {
            matches!(settlement.outcome, Outcome::Payout(_))
                && self.payouts.get(key).is_none_or(|payout| payout.approved_by.is_none())
        });
        match outstanding {
            Some(((_, earlier), _)) => {
                Err(Refusal::PayoutOutstanding { owner: owner.clone(), month: *earlier })
            }
            None => Ok(()),
        }
    }

    /// Accounts with lines in an owner's month whose statement waits for other owners to close it.
    fn awaiting(&self, owner: &OwnerId, month: CivilMonth) -> BTreeSet<AccountId> {
        let rows = self.lines.get(&(owner.clone(), month)).into_iter().flatten();
        let accounts: BTreeSet<&AccountId> = rows.filter_map(|row| account_of(&row.line)).collect();
        let unstated = accounts.into_iter().filter(|account| !self.is_stated(account, month));
        unstated.filter(|account| self.is_open_elsewhere(owner, account, month)).cloned().collect()
    }

    /// Whether an account has lines in the month at an owner other than `owner` who has not closed it.
    fn is_open_elsewhere(&self, owner: &OwnerId, account: &AccountId, month: CivilMonth) -> bool {
        self.lines.iter().any(|((other, of), rows)| {
            *of == month
                && other != owner
                && self.first_open(other).is_none_or(|open| open <= month)
                && rows.iter().any(|row| account_of(&row.line) == Some(account))
        })
    }

    fn is_stated(&self, account: &AccountId, month: CivilMonth) -> bool {
        let unstated = self.first_unstated(&Driver::Account(account.clone()));
        unstated.is_some_and(|unstated| month < unstated)
    }

    fn prepare_closing(
        &self,
        owner: &OwnerId,
        month: CivilMonth,
        registry: &Registry,
    ) -> Result<Closing, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut documents = Vec::new();
        for (account, lines) in self.statement_lines(owner, month) {
            match statement(&account, month, &lines, &registry.prices, &registry.vat) {
                // No statement when there are only credits or nothing to pay.
                Ok(statement) if statement.total.minor() <= 0 => {}
                Ok(statement) => documents.push((
                    DocumentKey::Statement(account.clone(), month),
                    Debtor::Account(account),
                    Document::Statement(statement),
                )),
                Err(refusal) => refusals.push(Refusal::Document(refusal)),
            }
        }
        for (session, lines) in self.receipt_lines(owner, month) {
            match receipt(session, &lines, &registry.prices, &registry.vat) {
                Ok(receipt) => documents.push((
                    DocumentKey::Receipt(session),
                    Debtor::Guest(session),
                    Document::Receipt(receipt),
                )),
                Err(refusal) => refusals.push(Refusal::Document(refusal)),
            }
        }
        let fees = self.fees(owner, month, registry).unwrap_or_else(|refusal| {
            refusals.push(refusal);
            Vec::new()
        });
        if refusals.is_empty() { Ok(Closing { documents, fees }) } else { Err(refusals) }
    }

    /// The lines, at all owners, of accounts whose statement can be made once `owner` closes the month.
    fn statement_lines(&self, owner: &OwnerId, month: CivilMonth) -> BTreeMap<AccountId, Vec<ChargingLine>> {
        let rows = self.lines.get(&(owner.clone(), month)).into_iter().flatten();
        let accounts: BTreeSet<AccountId> = rows
            .filter_map(|row| account_of(&row.line))
            .filter(|account| !self.is_stated(account, month))
            .filter(|account| !self.is_open_elsewhere(owner, account, month))
            .cloned()
            .collect();
        let mut lines: BTreeMap<AccountId, Vec<ChargingLine>> = BTreeMap::new();
        let of_month = self.lines.iter().filter(|((_, of), _)| *of == month).flat_map(|(_, rows)| rows);
        for row in of_month {
            if let Some(account) = account_of(&row.line).filter(|account| accounts.contains(account)) {
                lines.entry(account.clone()).or_default().push(row.line.clone());
            }
        }
        lines
    }

    fn receipt_lines(&self, owner: &OwnerId, month: CivilMonth) -> BTreeMap<SessionId, Vec<ChargingLine>> {
        let mut lines: BTreeMap<SessionId, Vec<ChargingLine>> = BTreeMap::new();
        for row in self.lines.get(&(owner.clone(), month)).into_iter().flatten() {
            match &row.line.debtor {
                Debtor::Guest(session) => lines.entry(*session).or_default().push(row.line.clone()),
                Debtor::Account(_) | Debtor::Owner(_) => {}
            }
        }
        lines
    }

    /// The owner's fees of the month, site by site.
    fn fees(
        &self,
        owner: &OwnerId,
        month: CivilMonth,
        registry: &Registry,
    ) -> Result<Vec<(SiteId, FeeLine)>, Refusal> {
        let rows = self.lines.get(&(owner.clone(), month)).into_iter().flatten();
        let lines: Vec<ChargingLine> = rows.map(|row| row.line.clone()).collect();
        let mut points = registry.points_of(owner, month);
        for line in &lines {
            points.entry(line.site.clone()).or_insert(0);
        }
        let Some(row) = registry.owners.get(owner).filter(|_| !points.is_empty()) else {
            return Ok(Vec::new());
        };
        let plan = row.contract.plan_of(month)?;
        let list = registry.prices.of(month)?;
        let rate = registry.vat.at_end_of(month)?;
        let mut fees = Vec::new();
        for (site, charging_points) in points {
            let opening = Opening::NotDue;
            let facts = SiteFacts { site: &site, month, plan, lines: &lines, charging_points, opening };
            fees.extend(site_fees(&facts, list, rate).into_iter().map(|fee| (site.clone(), fee)));
        }
        Ok(fees)
    }

    fn post_closing(
        &mut self,
        now: Timestamp,
        owner: &OwnerId,
        month: CivilMonth,
        closing: Closing,
        out: &mut Outbox,
    ) {
        let stamp = Stamp { at: now, month };
        for (key, debtor, document) in closing.documents {
            let (sections, total) = parts_of(&document);
            for section in sections {
                let vat = billing::ledger::charging_vat(key.clone(), section, stamp);
                let fee = billing::ledger::driver_fee(key.clone(), &debtor, section, stamp);
                [vat, fee].into_iter().flatten().for_each(|entry| self.enter(entry, out));
            }
            match &debtor {
                Debtor::Account(account) => self.state_through(account, month, out),
                Debtor::Guest(_) | Debtor::Owner(_) => {}
            }
            self.counters.document += 1;
            let number = self.counters.document;
            let row = DocumentRow { key, number, issued_at: now, month, debtor, total, document };
            out.persist(Record::Document(Box::new(row.clone())));
            if total.minor() > 0 {
                self.documents.insert(row.key.clone(), row);
            }
        }
        for (site, fee) in closing.fees {
            self.enter(billing::ledger::owner_fee(owner, &site, fee, stamp), out);
        }
        self.begin_month(owner, month, out);
        if let Some(books) = self.owners.get_mut(owner) {
            books.closed_through = Some(month);
            out.persist(Record::Books(books.clone()));
        }
        out.persist(Record::Counters(self.counters.clone()));
    }
}

fn account_of(line: &ChargingLine) -> Option<&AccountId> {
    match &line.debtor {
        Debtor::Account(account) => Some(account),
        Debtor::Guest(_) | Debtor::Owner(_) => None,
    }
}

fn parts_of(document: &Document) -> (&[Section], Money) {
    match document {
        Document::Statement(statement) => (&statement.sections, statement.total),
        Document::Receipt(receipt) => (&receipt.sections, receipt.total),
    }
}
