//! What documents charge, in amounts: a monthly statement per account and a receipt per guest session, with one section
//! per seller and VAT once per document, seller and rate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::civil::CivilMonth;
use units::{AccountId, CdrId, Currency, Money, OwnerId, SessionId, SiteId, WattHours};

use crate::cdr::{Driver, FeeClass};
use crate::contract::{Contract, NoTerms, SellerRole, SettlementBasis};
use crate::fees::{FeeKind, NoPriceList, PriceLists};
use crate::pricing::PricedCdr;
use crate::vat::{NoVatRate, VatRate, VatStatus, VatTable, VatTreatment};

/// A priced CDR, or a credit for one, as a document charges it: with its seller and its VAT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargingLine {
    /// Which CDR.
    pub cdr: CdrId,
    /// Whether it charges the CDR or credits it.
    pub kind: ChargingKind,
    /// Who pays.
    pub debtor: Debtor,
    /// Whose site.
    pub owner: OwnerId,
    /// Which site.
    pub site: SiteId,
    /// Which of the owner's fees it bears.
    pub fee_class: FeeClass,
    /// The month that bills it.
    pub month: CivilMonth,
    /// Who sells.
    pub seller: Seller,
    /// How VAT stands on it: the seller's status at the rate of the session's end.
    pub vat: VatTreatment,
    /// The owner's own status, for the settlement.
    pub owner_vat: VatStatus,
    /// When it is owed to the owner.
    pub settle: SettlementBasis,
    /// What was delivered; of a credit, what is taken back and bears no fee: not negative in a charge, not positive in a
    /// credit.
    pub energy: WattHours,
    /// The amount, VAT included where charged; not negative in a charge, not positive in a credit.
    pub amount: Money,
}

/// Whether a line charges or credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargingKind {
    /// The CDR's own line; there is one.
    Charge,
    /// A credit for it, numbered from 1 within the CDR.
    Credit(u32),
}

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Debtor {
    /// A registered driver.
    Account(AccountId),
    /// The guest of a session.
    Guest(SessionId),
    /// A site owner, for fees that are invoiced and not netted.
    Owner(OwnerId),
}

/// Who sells what a section charges.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seller {
    /// A site owner, in whose name the operator invoices.
    Owner(OwnerId),
    /// The operator in its own name.
    Operator,
}

/// Why a document cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    /// The contract is with another owner.
    #[error("CDR {cdr} belongs to {owner}, not {given}")]
    AnotherOwner {
        /// The CDR.
        cdr: CdrId,
        /// Whose site it is.
        owner: OwnerId,
        /// Whose contract was given.
        given: OwnerId,
    },
    /// Nobody is known who pays.
    #[error("CDR {cdr} has no known driver")]
    UnknownDriver {
        /// The CDR.
        cdr: CdrId,
    },
    /// A line of somebody else, or of another month or currency.
    #[error("the line of CDR {cdr} does not belong on this document")]
    ForeignLine {
        /// The CDR.
        cdr: CdrId,
    },
    /// A receipt of a session without lines.
    #[error("there is nothing to document")]
    NoLines,
    /// A credit beyond what was charged.
    #[error("a credit of {credit} exceeds what is left of CDR {cdr}, {left}")]
    CreditTooHigh {
        /// The CDR.
        cdr: CdrId,
        /// What was asked, positive.
        credit: Money,
        /// What was charged less earlier credits.
        left: Money,
    },
    /// The contract has no terms.
    #[error(transparent)]
    NoTerms(#[from] NoTerms),
    /// The country has no rate.
    #[error(transparent)]
    NoVatRate(#[from] NoVatRate),
    /// The service has no prices.
    #[error(transparent)]
    NoPriceList(#[from] NoPriceList),
}

impl ChargingLine {
    /// The line of a priced CDR, by the contract's terms and the VAT rate of the day on which it ended.
    ///
    /// # Errors
    ///
    /// Where the contract or the VAT table does not cover that day.
    pub fn new(priced: &PricedCdr, contract: &Contract, vat: &VatTable) -> Result<Self, InvoiceRefusal> {
        if contract.owner != priced.owner {
            return Err(InvoiceRefusal::AnotherOwner {
                cdr: priced.cdr,
                owner: priced.owner.clone(),
                given: contract.owner.clone(),
            });
        }
        let delivered = priced.zone.civil(priced.stopped_at).date;
        let terms = contract.on(delivered)?;
        let (seller, status) = match terms.seller(priced.fee_class) {
            SellerRole::Owner => (Seller::Owner(priced.owner.clone()), terms.owner_vat),
            SellerRole::Operator => (Seller::Operator, VatStatus::Registered),
        };
        Ok(Self {
            cdr: priced.cdr,
            kind: ChargingKind::Charge,
            debtor: match &priced.driver {
                Driver::Account(account) => Debtor::Account(account.clone()),
                Driver::Guest => Debtor::Guest(priced.session),
                Driver::Unknown => return Err(InvoiceRefusal::UnknownDriver { cdr: priced.cdr }),
            },
            owner: priced.owner.clone(),
            site: priced.site.clone(),
            fee_class: priced.fee_class,
            month: priced.month,
            seller,
            vat: VatTreatment::of(status, vat.on(delivered)?),
            owner_vat: terms.owner_vat,
            settle: terms.settle,
            energy: priced.energy,
            amount: priced.amount,
        })
    }

    /// A credit that mirrors part of this charge, in the month that credits it.
    ///
    /// # Errors
    ///
    /// Where it exceeds what is left after `earlier` credits.
    pub fn credit(
        &self,
        number: u32,
        month: CivilMonth,
        part: Part,
        earlier: &[Self],
    ) -> Result<Self, InvoiceRefusal> {
        let left = earlier
            .iter()
            .filter(|credit| credit.cdr == self.cdr)
            .fold((self.amount, self.energy), |(amount, energy), credit| {
                (amount + credit.amount, energy + credit.energy)
            });
        if part.amount > left.0 || part.energy > left.1 {
            let (cdr, credit, left) = (self.cdr, part.amount, left.0);
            return Err(InvoiceRefusal::CreditTooHigh { cdr, credit, left });
        }
        Ok(Self {
            kind: ChargingKind::Credit(number),
            month,
            energy: -part.energy,
            amount: -part.amount,
            ..self.clone()
        })
    }
}

/// What of a charge is credited; neither is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How much of the amount.
    pub amount: Money,
    /// How much of the energy; zero for a goodwill credit, which leaves the kWh billed.
    pub energy: WattHours,
}

/// One of the operator's fees on a document. Fees always carry VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeLine {
    /// Which fee.
    pub kind: FeeKind,
    /// The amount, VAT included; not zero.
    pub amount: Money,
    /// The rate.
    pub rate: VatRate,
}

/// What one seller charges on a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Who sells.
    pub seller: Seller,
    /// The charging, in order of CDRs.
    pub charging: Vec<ChargingLine>,
    /// The operator's fee, in its own section only.
    pub fee: Option<FeeLine>,
    /// The sum of all lines.
    pub gross: Money,
    /// VAT by rate; empty where nothing carries VAT.
    pub vat: Vec<VatLine>,
}

/// VAT of one document, seller and rate: computed once from the gross sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatLine {
    /// The rate.
    pub rate: VatRate,
    /// The sum of the lines at that rate.
    pub gross: Money,
    /// The VAT within it.
    pub vat: Money,
    /// Whose lines brought it; sums to `vat`.
    pub shares: Vec<VatShare>,
}

/// A share in a VAT line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatShare {
    /// Whose lines.
    pub of: ShareOf,
    /// Their VAT.
    pub vat: Money,
}

/// Whose lines bring VAT.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareOf {
    /// The charging at an owner's sites.
    Charging(OwnerId, VatStatus),
    /// The operator's fee.
    Fee(FeeKind),
}

/// One account's statement for a month, across owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Whose.
    pub account: AccountId,
    /// Of which month.
    pub month: CivilMonth,
    /// One section per seller; owners first, the operator last.
    pub sections: Vec<Section>,
    /// What is to be paid; negative: to the account's credit.
    pub total: Money,
}

/// A guest's receipt for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which session.
    pub session: SessionId,
    /// Of which month.
    pub month: CivilMonth,
    /// One section per seller; the owner first, the operator last.
    pub sections: Vec<Section>,
    /// What is to be paid.
    pub total: Money,
}

/// An account's statement of all its lines of a month, with at most one invoicing fee.
///
/// # Errors
///
/// Where a line belongs elsewhere, or no list or rate covers the month.
pub fn statement(
    account: &AccountId,
    month: CivilMonth,
    lines: &[ChargingLine],
    lists: &PriceLists,
    vat: &VatTable,
) -> Result<Statement, InvoiceRefusal> {
    let debtor = Debtor::Account(account.clone());
    let list = lists.of(month)?;
    let charged = check_lines(lines, &debtor, list.currency())?;
    if let Some(line) = lines.iter().find(|line| line.month != month) {
        return Err(InvoiceRefusal::ForeignLine { cdr: line.cdr });
    }
    let fee = list.invoicing_fee(charged);
    let fee = FeeLine { kind: FeeKind::Invoicing, amount: fee, rate: vat.at_end_of(month)? };
    let (sections, total) = sections(lines, fee);
    Ok(Statement { account: account.clone(), month, sections, total })
}

/// A guest's receipt for all lines of a session, with at most one guest fee.
///
/// # Errors
///
/// Where there are no lines, a line belongs elsewhere, or no list or rate covers the month.
pub fn receipt(
    session: SessionId,
    lines: &[ChargingLine],
    lists: &PriceLists,
    vat: &VatTable,
) -> Result<Receipt, InvoiceRefusal> {
    // The transactions of a session may end in two months: the receipt belongs to the later one.
    let month = lines.iter().map(|line| line.month).max().ok_or(InvoiceRefusal::NoLines)?;
    let list = lists.of(month)?;
    check_lines(lines, &Debtor::Guest(session), list.currency())?;
    let energy = lines.iter().fold(WattHours::ZERO, |sum, line| sum + line.energy);
    let fee = list.guest_fee(energy);
    let fee = FeeLine { kind: FeeKind::Guest, amount: fee, rate: vat.at_end_of(month)? };
    let (sections, total) = sections(lines, fee);
    Ok(Receipt { session, month, sections, total })
}

fn check_lines(lines: &[ChargingLine], debtor: &Debtor, currency: Currency) -> Result<Money, InvoiceRefusal> {
    let mut charged = Money::zero(currency);
    for line in lines {
        if line.debtor != *debtor || line.amount.currency() != currency {
            return Err(InvoiceRefusal::ForeignLine { cdr: line.cdr });
        }
        charged += line.amount;
    }
    Ok(charged)
}

fn sections(lines: &[ChargingLine], fee: FeeLine) -> (Vec<Section>, Money) {
    let mut by_seller: BTreeMap<Seller, Vec<ChargingLine>> = BTreeMap::new();
    for line in lines {
        by_seller.entry(line.seller.clone()).or_default().push(line.clone());
    }
    let fee = (!fee.amount.is_zero()).then_some(fee);
    if fee.is_some() {
        by_seller.entry(Seller::Operator).or_default();
    }
    let currency = fee.map(|fee| fee.amount.currency());
    let currency = currency.or_else(|| lines.first().map(|line| line.amount.currency()));
    let sections: Vec<Section> = by_seller
        .into_iter()
        .map(|(seller, mut charging)| {
            charging.sort_by_key(|line| (line.cdr, line.kind));
            let fee = fee.filter(|_| seller == Seller::Operator);
            let vat = vat_lines(&charging, fee);
            let amounts = charging.iter().map(|line| line.amount).chain(fee.map(|fee| fee.amount));
            Section { gross: sum(amounts, currency), seller, charging, fee, vat }
        })
        .collect();
    let total = sum(sections.iter().map(|section| section.gross), currency);
    (sections, total)
}

fn vat_lines(charging: &[ChargingLine], fee: Option<FeeLine>) -> Vec<VatLine> {
    let mut by_rate: BTreeMap<VatRate, BTreeMap<ShareOf, Money>> = BTreeMap::new();
    let mut add = |rate, of, amount: Money| {
        let shares = by_rate.entry(rate).or_default();
        *shares.entry(of).or_insert(Money::zero(amount.currency())) += amount;
    };
    for line in charging {
        match line.vat {
            VatTreatment::Included(rate) => {
                add(rate, ShareOf::Charging(line.owner.clone(), line.owner_vat), line.amount);
            }
            VatTreatment::SellerNotRegistered | VatTreatment::SaleExempt => {}
        }
    }
    if let Some(fee) = fee {
        add(fee.rate, ShareOf::Fee(fee.kind), fee.amount);
    }
    by_rate.into_iter().filter_map(|(rate, amounts)| vat_line(rate, amounts)).collect()
}

/// Each share is what the VAT of the running gross sum grows by, so that the shares sum to the one rounded VAT.
fn vat_line(rate: VatRate, amounts: BTreeMap<ShareOf, Money>) -> Option<VatLine> {
    let mut gross = Money::zero(amounts.values().next()?.currency());
    let mut shares = Vec::new();
    for (of, amount) in amounts {
        let before = rate.within(gross);
        gross += amount;
        shares.push(VatShare { of, vat: rate.within(gross) - before });
    }
    Some(VatLine { rate, gross, vat: rate.within(gross), shares })
}

fn sum(amounts: impl IntoIterator<Item = Money>, currency: Option<Currency>) -> Money {
    amounts.into_iter().fold(Money::zero(currency.unwrap_or(Currency::Eur)), |sum, amount| sum + amount)
}
