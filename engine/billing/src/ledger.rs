//! The ledger: double entry, append only, sum zero always. Balances are sums, never stored.
//!
//! A debit is positive, a credit negative. What drivers pay for charging is the owner's from the start: a charge debits
//! the driver's receivable and credits what the owner is owed once it is collected; a collection moves it to what the
//! owner is owed now. Third parties' money is never the operator's revenue.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use units::civil::CivilMonth;
use units::{AccountId, CdrId, Currency, Money, OwnerId, SessionId, SiteId, Timestamp};

use crate::contract::SettlementBasis;
use crate::fees::FeeKind;
use crate::invoice::{ChargingKind, ChargingLine, Debtor, FeeLine, Section, Seller, ShareOf};
use crate::vat::{VatRate, VatStatus};

/// Where money stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What a debtor owes, for whose benefit, billed in which month. Positive is owed to us.
    Receivable(Claim),
    /// What an account has paid too much. Negative is owed to the account.
    CustomerCredit(AccountId),
    /// Receipts that match no debtor yet.
    UnallocatedReceipts,
    /// Captured cards that the provider has not paid out.
    CardClearing,
    /// What the card provider keeps.
    CardFees,
    /// What an owner is owed once drivers pay for the month. Negative is owed.
    OwnerUncollected {
        /// The owner.
        owner: OwnerId,
        /// The month that billed it.
        month: CivilMonth,
    },
    /// What an owner is owed now. Negative is owed; positive: the owner owes.
    OwedToOwner(OwnerId),
    /// Payouts on their way to an owner's bank.
    PayoutsInTransit(OwnerId),
    /// The operator's revenue, without VAT.
    FeeIncome(FeeKind),
    /// VAT that the operator owes the state.
    VatOutput(VatRate),
    /// VAT that the operator deducts: of owners' self-billed sales.
    VatInput(VatRate),
    /// Bad debts that the operator bears.
    CreditLosses,
    /// The operator's bank account.
    Cash,
}

/// What a receivable is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// The month that billed it; older months are paid first.
    pub month: CivilMonth,
    /// Who owes.
    pub debtor: Debtor,
    /// Who gains.
    pub beneficiary: Beneficiary,
}

/// For whose benefit a debtor owes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beneficiary {
    /// Charging revenue of a site owner, settled on this basis.
    Owner(OwnerId, SettlementBasis),
    /// The operator's own fees.
    Operator,
}

/// What an entry records; unique in the ledger, so that nothing is posted twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKey {
    /// A CDR is charged.
    Charge(CdrId),
    /// A CDR is credited, numbered within the CDR.
    Credit(CdrId, u32),
    /// VAT of the charging that the operator sells on a document.
    ChargingVat(DocumentKey),
    /// The fee on a driver's document.
    DriverFee(DocumentKey),
    /// Money came in.
    Collection(PaymentKey),
    /// The card provider paid out.
    CardPayout(PaymentKey),
    /// What is left of a claim is written off, numbered within the claim.
    WriteOff(Claim, u32),
    /// An owner's fee for a site and month.
    OwnerFee(SiteId, CivilMonth, FeeKind),
    /// A settlement is paid out.
    Payout(OwnerId, CivilMonth),
    /// The bank executed the payout.
    PayoutExecuted(OwnerId, CivilMonth),
    /// A negative settlement is invoiced to the owner.
    SettlementInvoice(OwnerId, CivilMonth),
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKey {
    /// An account's statement of a month.
    Statement(AccountId, CivilMonth),
    /// A guest session's receipt.
    Receipt(SessionId),
    /// The invoice of a site's opening fee.
    Opening(SiteId),
}

/// A payment, numbered by a persisted counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentKey(pub u64);

/// An amount on an account: positive debits it, negative credits it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where.
    pub account: LedgerAccount,
    /// How much.
    pub amount: Money,
}

/// Postings that happen together and sum to zero. Cannot be built unbalanced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EntryParts", into = "EntryParts")]
pub struct Entry {
    parts: EntryParts,
}

/// What an entry is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryParts {
    /// What it records.
    pub key: EntryKey,
    /// When it was posted.
    pub at: Timestamp,
    /// The month whose settlement and books it counts in.
    pub month: CivilMonth,
    /// At least two.
    pub postings: Vec<Posting>,
}

/// Why postings are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryRefusal {
    /// Fewer than two postings.
    #[error("entry {key:?} has {count} postings, not two or more")]
    TooFew {
        /// What it would record.
        key: Box<EntryKey>,
        /// How many.
        count: usize,
    },
    /// Two currencies.
    #[error("entry {key:?} mixes {first} and {second}")]
    TwoCurrencies {
        /// What it would record.
        key: Box<EntryKey>,
        /// One.
        first: Currency,
        /// The other.
        second: Currency,
    },
    /// Debits and credits differ.
    #[error("entry {key:?} is off by {sum}")]
    Unbalanced {
        /// What it would record.
        key: Box<EntryKey>,
        /// Debits less credits.
        sum: Money,
    },
}

impl Entry {
    /// An entry from its parts.
    ///
    /// # Errors
    ///
    /// Where it has fewer than two postings, mixes currencies or does not sum to zero.
    pub fn new(parts: EntryParts) -> Result<Self, EntryRefusal> {
        let key = || Box::new(parts.key.clone());
        let count = parts.postings.len();
        let Some(first) = parts.postings.first().filter(|_| count >= 2) else {
            return Err(EntryRefusal::TooFew { key: key(), count });
        };
        let first = first.amount.currency();
        let mut sum = Money::zero(first);
        for posting in &parts.postings {
            let second = posting.amount.currency();
            if second != first {
                return Err(EntryRefusal::TwoCurrencies { key: key(), first, second });
            }
            sum += posting.amount;
        }
        if sum.is_zero() { Ok(Self { parts }) } else { Err(EntryRefusal::Unbalanced { key: key(), sum }) }
    }

    /// What it is made of.
    #[must_use]
    pub const fn parts(&self) -> &EntryParts {
        &self.parts
    }

    /// What it records.
    #[must_use]
    pub const fn key(&self) -> &EntryKey {
        &self.parts.key
    }

    /// The sum of its postings on the accounts that `select` accepts.
    fn sum_on(&self, select: impl Fn(&LedgerAccount) -> bool) -> i64 {
        let selected = self.parts.postings.iter().filter(|posting| select(&posting.account));
        selected.map(|posting| posting.amount.minor()).sum()
    }

    /// Pairs of (debited, credited, amount): balanced whatever the pairs are.
    fn of_transfers(
        key: EntryKey,
        stamp: Stamp,
        transfers: impl IntoIterator<Item = (LedgerAccount, LedgerAccount, Money)>,
    ) -> Self {
        let postings = transfers
            .into_iter()
            .flat_map(|(debited, credited, amount)| {
                [Posting { account: debited, amount }, Posting { account: credited, amount: -amount }]
            })
            .collect();
        Self { parts: EntryParts { key, at: stamp.at, month: stamp.month, postings } }
    }
}

impl TryFrom<EntryParts> for Entry {
    type Error = EntryRefusal;
    fn try_from(parts: EntryParts) -> Result<Self, Self::Error> {
        Self::new(parts)
    }
}

impl From<Entry> for EntryParts {
    fn from(entry: Entry) -> Self {
        entry.parts
    }
}

/// When an entry is posted, and the month whose books it counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: Timestamp,
    /// The month; not one that is closed.
    pub month: CivilMonth,
}

/// How money came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    /// To the operator's bank account.
    Bank,
    /// By a card, captured at the provider.
    Card,
    /// From the account's own credit.
    CustomerCredit,
}

/// All entries, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Ledger {
    entries: Vec<Entry>,
    keys: BTreeSet<EntryKey>,
}

/// An entry that the ledger holds already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {key:?} is posted already")]
pub struct AlreadyPosted {
    /// Which.
    pub key: Box<EntryKey>,
}

impl Ledger {
    /// Appends an entry.
    ///
    /// # Errors
    ///
    /// Where an entry with the same key is there already: nothing is posted twice.
    pub fn append(&mut self, entry: Entry) -> Result<(), AlreadyPosted> {
        if !self.keys.insert(entry.key().clone()) {
            return Err(AlreadyPosted { key: Box::new(entry.key().clone()) });
        }
        self.entries.push(entry);
        Ok(())
    }

    /// All entries, in the order of posting.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether something is posted.
    #[must_use]
    pub fn is_posted(&self, key: &EntryKey) -> bool {
        self.keys.contains(key)
    }

    /// The balance of one account: positive is a debit.
    #[must_use]
    pub fn balance(&self, account: &LedgerAccount, currency: Currency) -> Money {
        self.sum(currency, |_, posting_account| posting_account == account)
    }

    /// The sum of all postings that `select` accepts, in one currency.
    #[must_use]
    pub fn sum(&self, currency: Currency, select: impl Fn(&EntryParts, &LedgerAccount) -> bool) -> Money {
        let in_currency = self.entries.iter().filter(|entry| {
            entry.parts.postings.first().is_some_and(|posting| posting.amount.currency() == currency)
        });
        let minor = in_currency.map(|entry| entry.sum_on(|account| select(&entry.parts, account))).sum();
        Money::from_minor(minor, currency)
    }

    /// Every account with its balance, zeros included.
    #[must_use]
    pub fn balances(&self) -> BTreeMap<(LedgerAccount, Currency), Money> {
        let mut balances = BTreeMap::new();
        for posting in self.entries.iter().flat_map(|entry| &entry.parts.postings) {
            let currency = posting.amount.currency();
            *balances.entry((posting.account.clone(), currency)).or_insert(Money::zero(currency)) +=
                posting.amount;
        }
        balances
    }

    /// What a debtor owes, claim by claim, oldest month first; claims at zero are left out, negative ones are credits.
    #[must_use]
    pub fn open_claims(&self, debtor: &Debtor, currency: Currency) -> Vec<(Claim, Money)> {
        let mut open: BTreeMap<Claim, Money> = BTreeMap::new();
        for posting in self.entries.iter().flat_map(|entry| &entry.parts.postings) {
            let LedgerAccount::Receivable(claim) = &posting.account else { continue };
            if claim.debtor == *debtor && posting.amount.currency() == currency {
                *open.entry(claim.clone()).or_insert(Money::zero(currency)) += posting.amount;
            }
        }
        open.into_iter().filter(|(_, amount)| !amount.is_zero()).collect()
    }
}

impl TryFrom<Vec<Entry>> for Ledger {
    type Error = AlreadyPosted;
    fn try_from(entries: Vec<Entry>) -> Result<Self, Self::Error> {
        let mut ledger = Self::default();
        entries.into_iter().try_for_each(|entry| ledger.append(entry))?;
        Ok(ledger)
    }
}

impl From<Ledger> for Vec<Entry> {
    fn from(ledger: Ledger) -> Self {
        ledger.entries
    }
}

/// A CDR is charged or credited on a document.
#[must_use]
pub fn charge(line: &ChargingLine, stamp: Stamp) -> Entry {
    let key = match line.kind {
        ChargingKind::Charge => EntryKey::Charge(line.cdr),
        ChargingKind::Credit(number) => EntryKey::Credit(line.cdr, number),
    };
    let claim = Claim {
        month: line.month,
        debtor: line.debtor.clone(),
        beneficiary: Beneficiary::Owner(line.owner.clone(), line.settle),
    };
    let owed = match line.settle {
        SettlementBasis::Collected => {
            LedgerAccount::OwnerUncollected { owner: line.owner.clone(), month: line.month }
        }
        SettlementBasis::Invoiced => LedgerAccount::OwedToOwner(line.owner.clone()),
    };
    Entry::of_transfers(key, stamp, [(LedgerAccount::Receivable(claim), owed, line.amount)])
}

/// VAT of the charging that the operator sells in its own name in a section: an owner who is registered bills it to the
/// operator, who deducts it; any other owner bears it. None where the section carries none.
#[must_use]
pub fn charging_vat(document: DocumentKey, section: &Section, stamp: Stamp) -> Option<Entry> {
    match section.seller {
        Seller::Owner(_) => return None,
        Seller::Operator => {}
    }
    let mut transfers = Vec::new();
    for line in &section.vat {
        for share in &line.shares {
            let borne_by = match &share.of {
                ShareOf::Charging(_, VatStatus::Registered) => LedgerAccount::VatInput(line.rate),
                ShareOf::Charging(owner, VatStatus::NotRegistered | VatStatus::Exempt) => {
                    LedgerAccount::OwedToOwner(owner.clone())
                }
                ShareOf::Fee(_) => continue,
            };
            transfers.push((borne_by, LedgerAccount::VatOutput(line.rate), share.vat));
        }
    }
    (!transfers.is_empty()).then(|| Entry::of_transfers(EntryKey::ChargingVat(document), stamp, transfers))
}

/// The operator's fee in a section: income and VAT against the debtor's receivable. None where the section has no fee.
#[must_use]
pub fn driver_fee(document: DocumentKey, debtor: &Debtor, section: &Section, stamp: Stamp) -> Option<Entry> {
    let fee = section.fee?;
    let shares = section.vat.iter().flat_map(|line| &line.shares);
    let vat = shares
        .filter(|share| share.of == ShareOf::Fee(fee.kind))
        .fold(Money::zero(fee.amount.currency()), |sum, share| sum + share.vat);
    let claim = Claim { month: stamp.month, debtor: debtor.clone(), beneficiary: Beneficiary::Operator };
    let receivable = LedgerAccount::Receivable(claim);
    Some(fee_entry(EntryKey::DriverFee(document), stamp, receivable, fee, vat))
}

/// An owner's fee for a site and month, netted against what the owner is owed.
#[must_use]
pub fn owner_fee(owner: &OwnerId, site: &SiteId, fee: FeeLine, stamp: Stamp) -> Entry {
    let key = EntryKey::OwnerFee(site.clone(), stamp.month, fee.kind);
    let vat = fee.rate.within(fee.amount);
    fee_entry(key, stamp, LedgerAccount::OwedToOwner(owner.clone()), fee, vat)
}

/// A site's opening fee, invoiced to the owner at activation and not netted.
#[must_use]
pub fn opening_invoice(owner: &OwnerId, site: &SiteId, fee: FeeLine, stamp: Stamp) -> Entry {
    let claim = Claim {
        month: stamp.month,
        debtor: Debtor::Owner(owner.clone()),
        beneficiary: Beneficiary::Operator,
    };
    let key = EntryKey::DriverFee(DocumentKey::Opening(site.clone()));
    fee_entry(key, stamp, LedgerAccount::Receivable(claim), fee, fee.rate.within(fee.amount))
}

/// Money from a debtor, applied to `parts` of claims (see [`allocate`]); the rest is the account's credit, or
/// unallocated where there is no account. A negative amount takes a collection back: a refund or a chargeback.
#[must_use]
pub fn collection(
    payment: PaymentKey,
    debtor: &Debtor,
    method: PaymentMethod,
    amount: Money,
    parts: &[(Claim, Money)],
    stamp: Stamp,
) -> Entry {
    let source = match (method, debtor) {
        (PaymentMethod::Bank, _) => LedgerAccount::Cash,
        (PaymentMethod::Card, _) => LedgerAccount::CardClearing,
        (PaymentMethod::CustomerCredit, debtor) => surplus_account(debtor),
    };
    let mut transfers = Vec::new();
    let mut rest = amount;
    for (claim, part) in parts {
        rest = rest - *part;
        transfers.push((source.clone(), LedgerAccount::Receivable(claim.clone()), *part));
        match &claim.beneficiary {
            Beneficiary::Owner(owner, SettlementBasis::Collected) => transfers.push((
                LedgerAccount::OwnerUncollected { owner: owner.clone(), month: claim.month },
                LedgerAccount::OwedToOwner(owner.clone()),
                *part,
            )),
            Beneficiary::Owner(_, SettlementBasis::Invoiced) | Beneficiary::Operator => {}
        }
    }
    if !rest.is_zero() || transfers.is_empty() {
        transfers.push((source, surplus_account(debtor), rest));
    }
    Entry::of_transfers(EntryKey::Collection(payment), stamp, transfers)
}

/// How a payment of `amount`, not negative, covers a debtor's open claims: credits first, then the oldest month, and
/// within a month each claim in proportion, so that a part payment favours no owner.
#[must_use]
pub fn allocate(amount: Money, open: &[(Claim, Money)]) -> Vec<(Claim, Money)> {
    assert!(amount.minor() >= 0, "a payment of {amount} cannot be allocated");
    let mut parts = Vec::new();
    let mut left = amount;
    for (claim, credit) in open.iter().filter(|(_, owed)| owed.minor() < 0) {
        left = left - *credit;
        parts.push((claim.clone(), *credit));
    }
    let mut by_month: BTreeMap<CivilMonth, Vec<(&Claim, Money)>> = BTreeMap::new();
    for (claim, owed) in open.iter().filter(|(_, owed)| owed.minor() > 0) {
        by_month.entry(claim.month).or_default().push((claim, *owed));
    }
    for claims in by_month.into_values() {
        let owed = claims.iter().fold(Money::zero(amount.currency()), |sum, (_, owed)| sum + *owed);
        let paid = left.min(owed);
        left = left - paid;
        let mut seen = Money::zero(amount.currency());
        let mut covered = Money::zero(amount.currency());
        for (claim, part) in claims {
            seen += part;
            let upto = paid.ratio_half_away(seen.minor(), owed.minor());
            if upto != covered {
                parts.push((claim.clone(), upto - covered));
            }
            covered = upto;
        }
    }
    parts
}

/// The card provider pays out `gross` less its own `kept`.
#[must_use]
pub fn card_payout(payment: PaymentKey, gross: Money, kept: Money, stamp: Stamp) -> Entry {
    Entry::of_transfers(
        EntryKey::CardPayout(payment),
        stamp,
        [
            (LedgerAccount::Cash, LedgerAccount::CardClearing, gross - kept),
            (LedgerAccount::CardFees, LedgerAccount::CardClearing, kept),
        ],
    )
}

/// A part of a claim is given up, for a reason that is stored with the decision. The owner bears it where settled as
/// collected; the operator bears it otherwise.
#[must_use]
pub fn write_off(claim: &Claim, number: u32, amount: Money, stamp: Stamp) -> Entry {
    let borne_by = match &claim.beneficiary {
        Beneficiary::Owner(owner, SettlementBasis::Collected) => {
            LedgerAccount::OwnerUncollected { owner: owner.clone(), month: claim.month }
        }
        Beneficiary::Owner(_, SettlementBasis::Invoiced) | Beneficiary::Operator => {
            LedgerAccount::CreditLosses
        }
    };
    let key = EntryKey::WriteOff(claim.clone(), number);
    Entry::of_transfers(key, stamp, [(borne_by, LedgerAccount::Receivable(claim.clone()), amount)])
}

/// A settlement is paid out: it leaves with the next batch to the bank.
#[must_use]
pub fn payout(owner: &OwnerId, month: CivilMonth, amount: Money, stamp: Stamp) -> Entry {
    let accounts =
        (LedgerAccount::OwedToOwner(owner.clone()), LedgerAccount::PayoutsInTransit(owner.clone()), amount);
    Entry::of_transfers(EntryKey::Payout(owner.clone(), month), stamp, [accounts])
}

/// The bank executed the payout of a settlement.
#[must_use]
pub fn payout_executed(owner: &OwnerId, month: CivilMonth, amount: Money, stamp: Stamp) -> Entry {
    let accounts = (LedgerAccount::PayoutsInTransit(owner.clone()), LedgerAccount::Cash, amount);
    Entry::of_transfers(EntryKey::PayoutExecuted(owner.clone(), month), stamp, [accounts])
}

/// A negative settlement is invoiced to the owner: `amount`, positive, becomes a claim. Its VAT is on the fees already.
#[must_use]
pub fn settlement_invoice(owner: &OwnerId, month: CivilMonth, amount: Money, stamp: Stamp) -> Entry {
    let claim = Claim { month, debtor: Debtor::Owner(owner.clone()), beneficiary: Beneficiary::Operator };
    let accounts = (LedgerAccount::Receivable(claim), LedgerAccount::OwedToOwner(owner.clone()), amount);
    Entry::of_transfers(EntryKey::SettlementInvoice(owner.clone(), month), stamp, [accounts])
}

fn fee_entry(key: EntryKey, stamp: Stamp, payer: LedgerAccount, fee: FeeLine, vat: Money) -> Entry {
    Entry::of_transfers(
        key,
        stamp,
        [
            (payer.clone(), LedgerAccount::FeeIncome(fee.kind), fee.amount - vat),
            (payer, LedgerAccount::VatOutput(fee.rate), vat),
        ],
    )
}

fn surplus_account(debtor: &Debtor) -> LedgerAccount {
    match debtor {
        Debtor::Account(account) => LedgerAccount::CustomerCredit(account.clone()),
        Debtor::Guest(_) | Debtor::Owner(_) => LedgerAccount::UnallocatedReceipts,
    }
}
