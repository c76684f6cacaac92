//! The ledger as sums per kind of entry, month and account: all that settlements and balances need of it, in the size
//! of accounts and months instead of entries. The entries themselves are facts in the store.

use std::collections::BTreeMap;

use billing::invoice::Debtor;
use billing::ledger::{
    Claim, DocumentKey, Entry, EntryKey, EntryParts, Ledger, LedgerAccount, PaymentKey, Posting,
};
use units::civil::CivilMonth;
use units::{CdrId, Currency, Money, SessionId, Timestamp};

use crate::record::LedgerSum;

/// The kind of an entry: what tells settlements how to count it. Keys of one kind have one class.
#[must_use]
pub fn ledger_class(key: &EntryKey) -> EntryKey {
    match key {
        EntryKey::Charge(_) => EntryKey::Charge(CdrId(0)),
        EntryKey::Credit(..) => EntryKey::Credit(CdrId(0), 0),
        EntryKey::ChargingVat(_) => EntryKey::ChargingVat(DocumentKey::Receipt(SessionId(0))),
        EntryKey::DriverFee(_) => EntryKey::DriverFee(DocumentKey::Receipt(SessionId(0))),
        EntryKey::Collection(_) => EntryKey::Collection(PaymentKey(0)),
        EntryKey::CardPayout(_) => EntryKey::CardPayout(PaymentKey(0)),
        EntryKey::WriteOff(claim, _) => EntryKey::WriteOff(claim.clone(), 0),
        EntryKey::OwnerFee(..)
        | EntryKey::Payout(..)
        | EntryKey::PayoutExecuted(..)
        | EntryKey::SettlementInvoice(..) => key.clone(),
    }
}

/// A ledger holds each key once: the classes of different months are told apart by a number.
fn numbered(class: &EntryKey, number: u32) -> EntryKey {
    let long = u64::from(number);
    match class {
        EntryKey::Charge(_) => EntryKey::Charge(CdrId(long)),
        EntryKey::Credit(..) => EntryKey::Credit(CdrId(long), 0),
        EntryKey::ChargingVat(_) => EntryKey::ChargingVat(DocumentKey::Receipt(SessionId(long))),
        EntryKey::DriverFee(_) => EntryKey::DriverFee(DocumentKey::Receipt(SessionId(long))),
        EntryKey::Collection(_) => EntryKey::Collection(PaymentKey(long)),
        EntryKey::CardPayout(_) => EntryKey::CardPayout(PaymentKey(long)),
        EntryKey::WriteOff(claim, _) => EntryKey::WriteOff(claim.clone(), number),
        EntryKey::OwnerFee(..)
        | EntryKey::Payout(..)
        | EntryKey::PayoutExecuted(..)
        | EntryKey::SettlementInvoice(..) => class.clone(),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    by_class: BTreeMap<(EntryKey, CivilMonth), BTreeMap<(LedgerAccount, Currency), Money>>,
    /// Accounts at zero are left out.
    balances: BTreeMap<(LedgerAccount, Currency), Money>,
    /// Debits less credits, by currency: zero always.
    off_by: BTreeMap<Currency, i64>,
}

impl Sums {
    pub(crate) fn add(&mut self, entry: &EntryParts) {
        let class = ledger_class(&entry.key);
        for posting in &entry.postings {
            self.add_posting(class.clone(), entry.month, posting.account.clone(), posting.amount);
        }
    }

    pub(crate) fn add_sum(&mut self, sum: LedgerSum) {
        self.add_posting(sum.class, sum.month, sum.account, sum.amount);
    }

    /// A ledger that is off by a cent is a defect: nothing more may be billed on it.
    pub(crate) fn assert_zero(&self) {
        for (currency, off_by) in &self.off_by {
            assert!(*off_by == 0, "the ledger is off by {}", Money::from_minor(*off_by, *currency));
        }
    }

    /// What a debtor owes, claim by claim, oldest month first.
    pub(crate) fn open_claims(&self, debtor: &Debtor, currency: Currency) -> Vec<(Claim, Money)> {
        let mut claims = Vec::new();
        for ((account, of), amount) in &self.balances {
            if let LedgerAccount::Receivable(claim) = account
                && claim.debtor == *debtor
                && *of == currency
            {
                claims.push((claim.clone(), *amount));
            }
        }
        claims.sort_by(|(one, _), (other, _)| one.cmp(other));
        claims
    }

    pub(crate) fn balances(&self) -> Vec<(LedgerAccount, Money)> {
        self.balances.iter().map(|((account, _), amount)| (account.clone(), *amount)).collect()
    }

    /// A ledger with one entry per class and month, which sums as the whole ledger does.
    pub(crate) fn condensed(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for (number, ((class, month), accounts)) in (1..).zip(&self.by_class) {
            let postings: Vec<Posting> = accounts
                .iter()
                .map(|((account, _), amount)| Posting { account: account.clone(), amount: *amount })
                .collect();
            let key = numbered(class, number);
            let parts = EntryParts { key, at: Timestamp::EPOCH, month: *month, postings };
            let appended = Entry::new(parts).map(|entry| ledger.append(entry));
            assert!(matches!(appended, Ok(Ok(()))), "sums of balanced entries balance: {appended:?}");
        }
        ledger
    }

    fn add_posting(&mut self, class: EntryKey, month: CivilMonth, account: LedgerAccount, amount: Money) {
        let currency = amount.currency();
        let zero = Money::zero(currency);
        let accounts = self.by_class.entry((class, month)).or_default();
        *accounts.entry((account.clone(), currency)).or_insert(zero) += amount;
        *self.off_by.entry(currency).or_default() += amount.minor();
        let balance = self.balances.entry((account.clone(), currency)).or_insert(zero);
        *balance += amount;
        if balance.is_zero() {
            self.balances.remove(&(account, currency));
        }
    }
}
