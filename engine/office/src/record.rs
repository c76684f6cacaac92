//! Records: the truth that is committed. A *fact* is inserted and never changed; a *state row* replaces the one with
//! the same key.

use std::collections::BTreeSet;

use billing::cdr::{Cdr, Doubt};
use billing::contract::Contract;
use billing::directory::{EvseTerms, TokenEntry};
use billing::fees::PriceList;
use billing::finding::Resolution;
use billing::invoice::{ChargingLine, Debtor, Receipt, Statement};
use billing::ledger::{DocumentKey, Entry, EntryKey, LedgerAccount, PaymentKey, PaymentMethod};
use billing::pricing::PricedCdr;
use billing::settlement::Settlement;
use billing::tariff::Tariff;
use serde::{Deserialize, Serialize};
use units::civil::{CivilDate, CivilMonth};
use units::{AccountId, EvseId, IdToken, Money, OwnerId, SessionId, SiteId, StationId, Timestamp};

/// One committed row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// State, by owner: who they are and what was agreed.
    Owner(OwnerRow),
    /// State, by account: a driver.
    Account(AccountRow),
    /// State, by token.
    Token(TokenRow),
    /// State, by tariff: written once, since a version is never edited.
    Tariff(Box<Tariff>),
    /// State, by EVSE: who may charge there at what price.
    Access(AccessRow),
    /// State, by first day: the service's own prices.
    Prices(PriceList),
    /// State, by station: an unknown one in the lobby.
    Sighting(SightingRow),
    /// State, one row: the next numbers, and which CDRs have arrived.
    Counters(Counters),
    /// State, by owner: how far the books are closed and settled.
    Books(BooksRow),
    /// State, by account: how far statements were issued.
    Stated(StatedRow),
    /// State, by owner and month: a payout under way.
    Payout(PayoutRow),
    /// Fact: a CDR with its price, in full.
    PricedCdr(Box<PricedCdr>),
    /// Fact: the same as a document charges it. It is on the ledger with it.
    Line(Box<LineRow>),
    /// Fact: a CDR that is held.
    Finding(Box<FindingRow>),
    /// Fact: what a person decided about a held CDR.
    Resolution(Box<Resolution>),
    /// Fact: a document was issued.
    Document(Box<DocumentRow>),
    /// Fact: a document was paid.
    Collection(CollectionRow),
    /// Fact: what an owner is owed for a month.
    Settlement(Box<SettlementRow>),
    /// Fact: a ledger entry; its postings sum to zero.
    Entry(Box<EntryRow>),
    /// Fact: who asked for what, and how it ended.
    Audit(AuditRow),
}

impl Record {
    /// The key of a state row: rows of the same variant with the same key replace each other. `None` for a fact.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Owner(row) => Some(row.owner.to_string()),
            Self::Account(row) => Some(row.account.to_string()),
            Self::Token(row) => Some(row.token.to_string()),
            Self::Tariff(tariff) => Some(tariff.id().to_string()),
            Self::Access(row) => Some(row.evse.to_string()),
            Self::Prices(list) => Some(list.valid_from.to_string()),
            Self::Sighting(row) => Some(row.station.to_string()),
            Self::Counters(_) => Some(String::new()),
            Self::Books(row) => Some(row.owner.to_string()),
            Self::Stated(row) => Some(row.account.to_string()),
            Self::Payout(row) => Some(row.key()),
            Self::PricedCdr(_)
            | Self::Line(_)
            | Self::Finding(_)
            | Self::Resolution(_)
            | Self::Document(_)
            | Self::Collection(_)
            | Self::Settlement(_)
            | Self::Entry(_)
            | Self::Audit(_) => None,
        }
    }

    /// The name of the table the record lives in.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        match self {
            Self::Owner(_) => "owner",
            Self::Account(_) => "account",
            Self::Token(_) => "token",
            Self::Tariff(_) => "tariff",
            Self::Access(_) => "access",
            Self::Prices(_) => "prices",
            Self::Sighting(_) => "lobby",
            Self::Counters(_) => "counters",
            Self::Books(_) => "books",
            Self::Stated(_) => "stated",
            Self::Payout(_) => "payout",
            Self::PricedCdr(_) => "priced_cdr",
            Self::Line(_) => "charging_line",
            Self::Finding(_) => "finding",
            Self::Resolution(_) => "resolution",
            Self::Document(_) => "document",
            Self::Collection(_) => "collection",
            Self::Settlement(_) => "settlement",
            Self::Entry(_) => "ledger_entry",
            Self::Audit(_) => "audit",
        }
    }
}

/// A site owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRow {
    /// The owner.
    pub owner: OwnerId,
    /// The name for people.
    pub name: String,
    /// What was agreed: seller, VAT status, fee plan, dated. Months that are closed keep their terms.
    pub contract: Contract,
}

/// A driver's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The account.
    pub account: AccountId,
    /// The name for people.
    pub name: String,
    /// The sites whose private EVSEs admit each of the site's accounts.
    pub sites: BTreeSet<SiteId>,
}

/// What identifies a driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// The token.
    pub token: IdToken,
    /// Whose it is and whether it may be used.
    pub entry: TokenEntry,
}

/// Who may charge at an EVSE at what price, dated, and whether it is in service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRow {
    /// The EVSE.
    pub evse: EvseId,
    /// Each holds until the next; at least one. The first begins when the EVSE was accepted.
    pub terms: Vec<EvseTerms>,
    /// When it was taken out of service for good: nobody is admitted from then on, and it is no charging point in
    /// later months.
    pub decommissioned_at: Option<Timestamp>,
}

/// An unknown station that knocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SightingRow {
    /// The name in the URL.
    pub station: StationId,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time that was written down: not more often than once a minute.
    pub last_at: Timestamp,
}

/// The next free numbers, and which CDRs have arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The version of the directory last published.
    pub directory: u64,
    /// The ledger entry last posted.
    pub entry: u64,
    /// The document last issued.
    pub document: u64,
    /// The payment last taken in.
    pub payment: u64,
    /// The ids of all CDRs that have arrived, as inclusive ranges: in order, apart from each other.
    pub arrived: Vec<(u64, u64)>,
}

/// How far an owner's books are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksRow {
    /// The owner.
    pub owner: OwnerId,
    /// The first month with anything in it.
    pub first: CivilMonth,
    /// The last month that is closed.
    pub closed_through: Option<CivilMonth>,
    /// The last month that is settled; not after `closed_through`.
    pub settled_through: Option<CivilMonth>,
}

/// How far statements of an account were issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedRow {
    /// The account.
    pub account: AccountId,
    /// The latest month that has a statement: what comes for it later goes onto the next one.
    pub through: CivilMonth,
}

/// A payout under way: it needs two persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRow {
    /// To whom.
    pub owner: OwnerId,
    /// The month settled.
    pub month: CivilMonth,
    /// How much; positive.
    pub amount: Money,
    /// Who proposed it.
    pub proposed_by: String,
    /// Who approved it, once it is posted; another person.
    pub approved_by: Option<String>,
}

impl PayoutRow {
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.owner, self.month)
    }
}

/// A priced CDR as a document charges it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRow {
    /// The line.
    pub line: ChargingLine,
    /// The session: FLAT and the guest's fee are due once in it.
    pub session: SessionId,
    /// The date of its end, on the site's calendar.
    pub ended_on: CivilDate,
}

/// A CDR that is held until a person decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// The CDR, whole.
    pub cdr: Cdr,
    /// Since when.
    pub raised_at: Timestamp,
    /// What speaks against billing it.
    pub doubts: Vec<Doubt>,
    /// Why it has no price although it has no doubt: for people. Never absent where `doubts` is empty.
    pub unbillable: Option<String>,
}

/// A document that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRow {
    /// Which.
    pub key: DocumentKey,
    /// Its number.
    pub number: u64,
    /// When.
    pub issued_at: Timestamp,
    /// The month it bills.
    pub month: CivilMonth,
    /// Who pays.
    pub debtor: Debtor,
    /// How much.
    pub total: Money,
    /// What it says.
    pub document: Document,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// An account's monthly statement.
    Statement(Statement),
    /// A guest's receipt.
    Receipt(Receipt),
}

/// A document was paid in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionRow {
    /// Which.
    pub document: DocumentKey,
    /// The payment.
    pub payment: PaymentKey,
    /// How.
    pub method: PaymentMethod,
    /// When.
    pub at: Timestamp,
    /// How much.
    pub amount: Money,
}

/// What an owner is owed for a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementRow {
    /// When it was made.
    pub at: Timestamp,
    /// The settlement.
    pub settlement: Settlement,
}

/// A ledger entry with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow {
    /// From 1, without gaps.
    pub number: u64,
    /// The entry.
    pub entry: Entry,
}

/// The sum of postings of one kind and month to one account: what a restart needs of older entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerSum {
    /// The kind of the entries: see [`crate::ledger_class`].
    pub class: EntryKey,
    /// The month whose books they count in.
    pub month: CivilMonth,
    /// The account.
    pub account: LedgerAccount,
    /// The sum: positive is a debit.
    pub amount: Money,
}

/// Who asked for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What, for people.
    pub what: String,
    /// How it ended, for people.
    pub outcome: String,
}
