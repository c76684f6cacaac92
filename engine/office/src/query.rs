//! What is known, as values for pages and the API. Answers leave only once everything they tell is committed.

use billing::cdr::{Doubt, Driver, Suggestion};
use billing::fees::PriceList;
use billing::ledger::LedgerAccount;
use billing::settlement::{Settlement, Total};
use billing::tariff::Tariff;
use serde::Serialize;
use units::civil::{CivilDate, CivilMonth};
use units::{AccountId, CdrId, EvseId, Money, OwnerId, SiteId, Timestamp, WattHours};

use crate::record::{AccessRow, AccountRow, DocumentRow, OwnerRow, SightingRow, TokenRow};

/// A question about the business. Lists of facts (CDRs, entries, statements, settlements) are read from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All site owners.
    Owners,
    /// All drivers' accounts.
    Accounts,
    /// All tokens.
    Tokens,
    /// All tariff versions.
    Tariffs,
    /// Each EVSE's access.
    Access,
    /// The service's own prices.
    Prices,
    /// Unknown stations that knocked.
    Lobby,
    /// Held CDRs.
    Findings,
    /// What was billed at a site today, on the site's calendar.
    SiteToday(SiteId),
    /// What was billed for an owner in a month, by driver.
    OwnerMonth {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
    },
    /// What an account was billed for in a month, by owner.
    AccountMonth {
        /// The account.
        account: AccountId,
        /// The month.
        month: CivilMonth,
    },
    /// Documents that wait to be paid.
    OpenDocuments,
    /// The sum of each ledger account that is not at zero.
    Ledger,
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum QueryAnswer {
    /// The owners.
    Owners(Vec<OwnerRow>),
    /// The accounts.
    Accounts(Vec<AccountRow>),
    /// The tokens.
    Tokens(Vec<TokenRow>),
    /// The tariffs.
    Tariffs(Vec<Tariff>),
    /// Each EVSE's access.
    Access(Vec<AccessRow>),
    /// The prices, in order of their dates.
    Prices(Vec<PriceList>),
    /// The lobby; stations that have access terms by now are left out.
    Lobby(Vec<SightingRow>),
    /// What is held.
    Findings(Vec<FindingView>),
    /// Today at the site, or nothing where nobody knows the site.
    SiteToday(Option<SiteDay>),
    /// The owner's month, or nothing where nobody knows the owner.
    OwnerMonth(Option<Box<OwnerMonth>>),
    /// The account's month, by owner.
    AccountMonth(Vec<(OwnerId, Total)>),
    /// What waits to be paid.
    OpenDocuments(Vec<DocumentRow>),
    /// The accounts; their sum is zero in each currency.
    Ledger(Vec<(LedgerAccount, Money)>),
}

/// A held CDR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// Which.
    pub cdr: CdrId,
    /// Where.
    pub evse: EvseId,
    /// Whose site.
    pub owner: OwnerId,
    /// Who would pay.
    pub driver: Driver,
    /// The end of the transaction.
    pub stopped_at: Timestamp,
    /// Since when it is held.
    pub raised_at: Timestamp,
    /// What speaks against billing it.
    pub doubts: Vec<Doubt>,
    /// Why it has no price, where it has no doubt.
    pub unbillable: Option<String>,
    /// What would usually resolve each doubt.
    pub suggestions: Vec<Suggestion>,
}

/// What was billed at a site on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteDay {
    /// The site.
    pub site: SiteId,
    /// The date, on the site's calendar.
    pub date: CivilDate,
    /// Transactions that ended on the date and are billed.
    pub cdrs: usize,
    /// Their energy.
    pub energy: WattHours,
    /// Their amounts, by currency; empty where nothing was billed.
    pub amounts: Vec<Money>,
}

/// An owner's month. Lines of months that were settled long ago are no longer held here: `drivers` is then empty, and
/// the settlement tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerMonth {
    /// The owner.
    pub owner: OwnerId,
    /// The month.
    pub month: CivilMonth,
    /// How far it is.
    pub state: MonthState,
    /// All drivers together; none where nothing was billed.
    pub total: Option<Total>,
    /// By driver; guests are one line.
    pub drivers: Vec<(Driver, Total)>,
    /// Held CDRs of the owner.
    pub held: Vec<CdrId>,
    /// The settlement, once there is one.
    pub settlement: Option<Settlement>,
}

/// How far a month is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MonthState {
    /// CDRs may still come.
    Open,
    /// Documents are issued.
    Closed,
    /// The owner is settled.
    Settled,
}
