//! What may come in, what may go out: the whole world of the business as data.

use std::sync::Arc;

use billing::cdr::Cdr;
use billing::contract::NoTerms;
use billing::directory::{Directory, DirectoryDefect};
use billing::fees::{NoPriceList, PriceList};
use billing::finding::{Decision, ResolutionRefusal};
use billing::invoice::InvoiceRefusal;
use billing::ledger::{DocumentKey, PaymentMethod};
use billing::settlement::Settlement;
use billing::tariff::Tariff;
use billing::vat::NoVatRate;
use serde::Serialize;
use units::civil::{CivilDate, CivilMonth};
use units::{AccountId, CdrId, Money, OwnerId, RecordSeq, RequestId, StationId, TariffId, Timestamp};

use crate::query::{Query, QueryAnswer};
use crate::record::{AccessRow, AccountRow, LedgerSum, OwnerRow, Record, TokenRow};

/// One thing that happened, handed to [`crate::Office::handle`].
#[derive(Debug, Clone)]
pub enum Input {
    /// What the store held at the start. Comes first, once.
    Restored(Box<Restored>),
    /// A transaction's sealed CDR. It may come again any number of times: its id decides (M1).
    Cdr(Box<Cdr>),
    /// An unknown station knocked: it is kept in the lobby.
    Sighted {
        /// The name in the URL.
        station: StationId,
        /// When.
        at: Timestamp,
    },
    /// An operator, or the API, wants something done.
    Command {
        /// Echoed in the answer.
        request: RequestId,
        /// Who asks, for the audit; payouts need two different ones.
        actor: Box<str>,
        /// What is wanted.
        command: Command,
    },
    /// Somebody asks what is known.
    Query {
        /// Echoed in the answer.
        request: RequestId,
        /// The question.
        query: Query,
    },
    /// A deadline of [`crate::Office::next_deadline`] may have passed.
    Tick,
    /// The store cannot commit, or can again.
    Storage(StorageHealth),
}

/// What a restart needs, and no more: the cost does not grow with the age of the installation.
///
/// - The last row of every state row: of each record whose [`Record::key`] is `Some`.
/// - [`Record::Line`] facts of months that the owner's [`crate::record::BooksRow`] does not say are settled, and of the
///   last one that is.
/// - [`Record::Settlement`] facts: one per owner and month.
/// - [`Record::Finding`] facts without a [`Record::Resolution`].
/// - [`Record::Document`] facts without a [`Record::Collection`].
/// - No other fact: ledger entries come as `sums`.
///
/// A store in memory may hand over every record and no sums: facts that are done are recognised, and entries among
/// the records are summed here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// State rows and facts, each kind in order of its commit.
    pub records: Vec<Record>,
    /// The sums of the ledger entries that are not among the records.
    pub sums: Vec<LedgerSum>,
}

/// Whether records can be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageHealth {
    /// Batches fail and are retried unchanged.
    Failing,
    /// The last batch was committed.
    Well,
}

/// What an operator may ask of the business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Creates a site owner or replaces name and contract. Terms that a closed month rests on do not change.
    PutOwner(OwnerRow),
    /// Creates a driver's account or replaces it.
    PutAccount(AccountRow),
    /// Creates a token, blocks it, or gives it to another holder.
    PutToken(TokenRow),
    /// Creates a tariff version. The same version again changes nothing; another one of the same id is refused.
    PutTariff(Box<Tariff>),
    /// Creates or replaces an EVSE's access. Terms that a closed month rests on do not change.
    PutAccess(AccessRow),
    /// Creates or replaces the service's prices from a day on. Days of closed months do not change.
    PutPrices(PriceList),
    /// Resolves a held CDR.
    Resolve {
        /// The CDR.
        cdr: CdrId,
        /// What becomes of it.
        decision: Decision,
        /// Why; not empty.
        reason: String,
    },
    /// Closes an owner's month: receipts for guests, statements for accounts whose owners have all closed the month,
    /// the owner's fees. Closing again answers the same and changes nothing. What is held does not hinder: it is named,
    /// and billed in the month of its release.
    CloseMonth {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
    },
    /// A document was paid in full.
    Collect {
        /// Which.
        document: DocumentKey,
        /// How.
        method: PaymentMethod,
    },
    /// Settles an owner's closed month: what was collected until now, less fees, is owed to the owner. What is
    /// collected later goes into the next settlement. Settling again answers the same and changes nothing.
    Settle {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
    },
    /// The first person releases the payout of a settlement.
    ProposePayout {
        /// The owner.
        owner: OwnerId,
        /// The month settled.
        month: CivilMonth,
    },
    /// A second person approves it: it is posted.
    ApprovePayout {
        /// The owner.
        owner: OwnerId,
        /// The month settled.
        month: CivilMonth,
    },
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandAnswer {
    /// Done and committed. What concerns the directory is published within [`crate::PUBLISH_INTERVAL`].
    Done,
    /// The month is closed.
    Closed(ClosedMonth),
    /// The month is settled.
    Settled(Box<Settlement>),
    /// Not done: every reason.
    Refused(Vec<Refusal>),
}

/// What closing a month came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClosedMonth {
    /// The owner.
    pub owner: OwnerId,
    /// The month.
    pub month: CivilMonth,
    /// The documents issued by this command; none where the month was closed before.
    pub issued: Vec<DocumentKey>,
    /// Accounts whose statement waits until other owners close the month as well.
    pub awaiting: Vec<AccountId>,
    /// CDRs of the owner that are held.
    pub held: Vec<CdrId>,
}

/// One effect, with the record that must be committed before it may leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The shell releases the effect once this record is committed.
    pub after: RecordSeq,
    /// The effect.
    pub effect: Effect,
}

/// What the shell is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Commit this record. Sequence numbers rise by one, from 1 in each run. The records of one input are committed
    /// together or not at all.
    Persist {
        /// Its place.
        seq: RecordSeq,
        /// The record.
        record: Box<Record>,
    },
    /// Hand this to the sites: who may charge where at what price from now on.
    PublishDirectory(Arc<Directory>),
    /// The answer to a command.
    Answer {
        /// The request.
        request: RequestId,
        /// How it ended.
        answer: CommandAnswer,
    },
    /// The answer to a query.
    QueryAnswer {
        /// The request.
        request: RequestId,
        /// What is known.
        answer: Box<QueryAnswer>,
    },
}

/// Why a command is not carried out: one variant per rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(into = "String")]
pub enum Refusal {
    /// Nothing is known of the owner.
    #[error("owner {0} is unknown")]
    UnknownOwner(OwnerId),
    /// Nothing is known of the account.
    #[error("account {0} is unknown")]
    UnknownAccount(AccountId),
    /// Nothing is known of the tariff.
    #[error("tariff {0} is unknown")]
    UnknownTariff(TariffId),
    /// The contract is with somebody else.
    #[error("the contract of owner {owner} is with {named}")]
    ContractOfAnotherOwner {
        /// The owner.
        owner: OwnerId,
        /// Whom the contract names.
        named: OwnerId,
    },
    /// A contract without terms.
    #[error("the contract of owner {0} has no terms")]
    ContractWithoutTerms(OwnerId),
    /// A tariff version is never edited.
    #[error("tariff {0} exists already with other contents: give the new version its own id")]
    TariffIsFrozen(TariffId),
    /// The EVSE's terms are no terms.
    #[error(transparent)]
    Directory(#[from] DirectoryDefect),
    /// What a closed month rests on stays.
    #[error("{what} on {date} rest on a month that is closed: the earliest day to change is {earliest}")]
    MonthIsClosed {
        /// Whose terms.
        what: String,
        /// The day that would change.
        date: CivilDate,
        /// The first day that may.
        earliest: CivilDate,
    },
    /// The CDR is not held.
    #[error("CDR {0} is not held")]
    NotHeld(CdrId),
    /// The resolution cannot stand.
    #[error(transparent)]
    Resolution(#[from] ResolutionRefusal),
    /// The released CDR cannot be billed.
    #[error("CDR {cdr} cannot be billed: {reason}")]
    Unbillable {
        /// The CDR.
        cdr: CdrId,
        /// Why.
        reason: String,
    },
    /// The month is not over.
    #[error("{month} of owner {owner} runs until {until}")]
    MonthRuns {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// When it is over at the last of the owner's sites.
        until: Timestamp,
    },
    /// Months are closed and settled in order.
    #[error("{earlier} of owner {owner} comes first")]
    EarlierMonthOpen {
        /// The owner.
        owner: OwnerId,
        /// The month that comes first.
        earlier: CivilMonth,
    },
    /// Months are settled in order.
    #[error("{earlier} of owner {owner} is settled first")]
    EarlierMonthUnsettled {
        /// The owner.
        owner: OwnerId,
        /// The month that comes first.
        earlier: CivilMonth,
    },
    /// Nothing was in the month.
    #[error("{month} of owner {owner} lies before the first month, {first}")]
    BeforeFirstMonth {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// The first month with anything in it.
        first: CivilMonth,
    },
    /// Drivers' statements are not issued yet.
    #[error("{month} of owner {owner}: {} statements wait until other owners close the month", accounts.len())]
    StatementsAwaited {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// Whose statements.
        accounts: Vec<AccountId>,
    },
    /// What was settled before is paid out first.
    #[error("the payout of {month} to owner {owner} is approved first")]
    PayoutOutstanding {
        /// The owner.
        owner: OwnerId,
        /// The month settled before.
        month: CivilMonth,
    },
    /// Nobody proposed the payout.
    #[error("the payout of {month} to owner {owner} was not proposed")]
    NotProposed {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
    },
    /// A document cannot be made.
    #[error("{0}")]
    Document(#[from] InvoiceRefusal),
    /// No price list covers the month.
    #[error(transparent)]
    NoPriceList(#[from] NoPriceList),
    /// The contract does not cover the month.
    #[error(transparent)]
    NoTerms(#[from] NoTerms),
    /// No VAT rate covers the month.
    #[error(transparent)]
    NoVatRate(#[from] NoVatRate),
    /// No such document waits to be paid.
    #[error("document {0} does not exist or is paid already")]
    NothingToCollect(String),
    /// The month is not closed.
    #[error("{month} of owner {owner} is not closed")]
    MonthOpen {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
    },
    /// The month is not settled.
    #[error("{month} of owner {owner} is not settled")]
    NotSettled {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
    },
    /// The settlement is not to the owner's favour.
    #[error("the settlement of {month} of owner {owner} comes to {payout}: there is nothing to pay out")]
    NothingToPayOut {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// What it comes to.
        payout: Money,
    },
    /// The payout was proposed or approved before.
    #[error("the payout of {month} to owner {owner} was {by_whom}")]
    PayoutUnderWay {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// What happened, and by whom.
        by_whom: String,
    },
    /// Payouts need two persons.
    #[error("{actor} proposed the payout of {month} to owner {owner}: another person must approve it")]
    SamePerson {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// Who.
        actor: String,
    },
}

impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        refusal.to_string()
    }
}
