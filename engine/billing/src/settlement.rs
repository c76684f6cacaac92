//! What an owner is paid for a month, and the two equations of M4.
//!
//! Of all that was billed for an owner in a month: **charged = collected + open + written off**.
//! Of all that was posted for an owner in a month: **payout = collected − fees − VAT borne ± carry-over**.

use serde::{Deserialize, Serialize};
use units::civil::CivilMonth;
use units::{Currency, Money, OwnerId, SiteId, WattHours};

use crate::cdr::FeeClass;
use crate::contract::{FeePlan, SettlementBasis};
use crate::fees::{FeeKind, PriceList};
use crate::invoice::{ChargingLine, FeeLine};
use crate::ledger::{Beneficiary, Claim, EntryKey, EntryParts, Ledger, LedgerAccount};
use crate::vat::VatRate;

/// The settlement of an owner's month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The owner.
    pub owner: OwnerId,
    /// The month.
    pub month: CivilMonth,
    /// What became of all that the month billed, until now.
    pub revenue: Revenue,
    /// What became owed to the owner within the month, of whichever month it was billed; refunds are taken off.
    pub collected: Money,
    /// The fees due, netted; VAT included.
    pub fees: Money,
    /// Output VAT that the owner bears; zero for a registered owner.
    pub vat_borne: Money,
    /// What earlier settlements left; negative: the owner owes.
    pub carried_in: Money,
    /// `collected − fees − vat_borne + carried_in`.
    pub total: Money,
    /// What happens to the total.
    pub outcome: Outcome,
}

/// M4's first equation: `charged = collected + open + written_off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revenue {
    /// Charging billed for the owner in the month, after credits.
    pub charged: Money,
    /// Of that, paid by drivers.
    pub collected: Money,
    /// Of that, not yet paid.
    pub open: Money,
    /// Of that, given up.
    pub written_off: Money,
}

/// What happens to a settlement's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Paid out to the owner; positive.
    Payout(Money),
    /// Carried over to the next month; negative or zero.
    CarryOver(Money),
    /// Invoiced to the owner after two months of carrying over; positive.
    Invoice(Money),
}

/// The settlement of an owner's month, from the ledger alone.
#[must_use]
pub fn settle(ledger: &Ledger, owner: &OwnerId, month: CivilMonth, currency: Currency) -> Settlement {
    let owed = |select: &dyn Fn(&EntryParts) -> bool| {
        -ledger.sum(currency, |entry, account| {
            *account == LedgerAccount::OwedToOwner(owner.clone()) && select(entry)
        })
    };
    let left_after = |last: CivilMonth| owed(&|entry| settled_in(entry) <= last);
    let flow = |kind: Flow| owed(&|entry| settled_in(entry) == month && flow_of(&entry.key) == kind);

    let carried_in = owed(&|entry| settled_in(entry) < month);
    let (collected, fees, vat_borne) = (flow(Flow::Revenue), -flow(Flow::Fee), -flow(Flow::Vat));
    let total = collected - fees - vat_borne + carried_in;
    let was_negative_for_two_months =
        left_after(previous(month)).minor() < 0 && left_after(previous(previous(month))).minor() < 0;
    let outcome = if total.minor() > 0 {
        Outcome::Payout(total)
    } else if total.minor() < 0 && was_negative_for_two_months {
        Outcome::Invoice(-total)
    } else {
        Outcome::CarryOver(total)
    };
    Settlement {
        owner: owner.clone(),
        month,
        revenue: revenue(ledger, owner, month, currency),
        collected,
        fees,
        vat_borne,
        carried_in,
        total,
        outcome,
    }
}

/// What became of all that a month billed for an owner. Each figure has its own source: charged and collected from the
/// owner's side of their entries, open from the drivers' receivables, written off from who bore it.
#[must_use]
pub fn revenue(ledger: &Ledger, owner: &OwnerId, month: CivilMonth, currency: Currency) -> Revenue {
    let is_claim = |claim: &Claim| {
        claim.month == month
            && matches!(&claim.beneficiary, Beneficiary::Owner(beneficiary, _) if beneficiary == owner)
    };
    let is_receivable =
        |account: &LedgerAccount| matches!(account, LedgerAccount::Receivable(claim) if is_claim(claim));
    // What is settled as invoiced has no owner's side in a collection or write-off: the operator bears it.
    let is_invoiced_receivable = |account: &LedgerAccount| {
        matches!(account, LedgerAccount::Receivable(claim) if is_claim(claim)
            && matches!(claim.beneficiary, Beneficiary::Owner(_, SettlementBasis::Invoiced)))
    };
    let uncollected = LedgerAccount::OwnerUncollected { owner: owner.clone(), month };
    let owed = LedgerAccount::OwedToOwner(owner.clone());

    let charged = -ledger.sum(currency, |entry, account| {
        let is_of_month = || entry.postings.iter().any(|posting| is_receivable(&posting.account));
        step_of(&entry.key) == Some(Step::Charged)
            && (*account == uncollected || (*account == owed && is_of_month()))
    });
    let taken = |step: Step| {
        ledger.sum(currency, |entry, account| step_of(&entry.key) == Some(step) && *account == uncollected)
            - ledger.sum(currency, |entry, account| {
                step_of(&entry.key) == Some(step) && is_invoiced_receivable(account)
            })
    };
    Revenue {
        charged,
        collected: taken(Step::Collected),
        open: ledger.sum(currency, |_, account| is_receivable(account)),
        written_off: taken(Step::WrittenOff),
    }
}

/// What an owner owes for one site and month: one line per fee kind, rounded once, none at zero.
#[must_use]
pub fn site_fees(site: &SiteFacts<'_>, list: &PriceList, rate: VatRate) -> Vec<FeeLine> {
    let of_class = |class| {
        site.lines.iter().filter(move |line| {
            line.site == *site.site && line.month == site.month && line.fee_class == class
        })
    };
    let plan_fee = match site.plan {
        FeePlan::PerKilowattHour => {
            let energies = of_class(FeeClass::Plan).map(|line| line.energy);
            (FeeKind::Energy, list.energy_fee(energies))
        }
        FeePlan::PerChargingPoint => (FeeKind::ChargingPoint, list.charging_point_fee(site.charging_points)),
    };
    let revenue =
        of_class(FeeClass::Public).fold(Money::zero(list.currency()), |revenue, line| revenue + line.amount);
    let opening = match site.opening {
        Opening::NettedNow => (FeeKind::Opening, list.opening_fee()),
        Opening::NotDue => (FeeKind::Opening, Money::zero(list.currency())),
    };
    [plan_fee, (FeeKind::PublicShare, list.public_fee(revenue)), opening]
        .into_iter()
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(kind, amount)| FeeLine { kind, amount, rate })
        .collect()
}

/// What a site's fees of a month depend on.
#[derive(Debug, Clone, Copy)]
pub struct SiteFacts<'a> {
    /// The site.
    pub site: &'a SiteId,
    /// The month.
    pub month: CivilMonth,
    /// The owner's plan in the month.
    pub plan: FeePlan,
    /// Charges and credits; those of other sites and months are passed over.
    pub lines: &'a [ChargingLine],
    /// See [`crate::fees::charging_points`].
    pub charging_points: u32,
    /// Whether the opening fee is netted in this month.
    pub opening: Opening,
}

/// Whether a month nets a site's opening fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// The site was activated this month, and its fee is netted.
    NettedNow,
    /// It was paid before, or is invoiced by itself.
    NotDue,
}

/// M4 broken, with its figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum M4Breach {
    /// The first equation.
    #[error(
        "{owner} {month}: charged {charged} is not collected {collected} + open {open} + written off {written_off}"
    )]
    Revenue {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// Charged.
        charged: Money,
        /// Collected.
        collected: Money,
        /// Open.
        open: Money,
        /// Written off.
        written_off: Money,
    },
    /// The second equation: what is owed by the accounts is not what the settlement says.
    #[error("{owner} {month}: the settlement says {total}, the ledger owes {owed}")]
    Payout {
        /// The owner.
        owner: OwnerId,
        /// The month.
        month: CivilMonth,
        /// By the settlement.
        total: Money,
        /// By the ledger, before the month's own payout.
        owed: Money,
    },
}

/// M4: checks both equations of an owner's month.
#[must_use]
pub fn audit(ledger: &Ledger, owner: &OwnerId, month: CivilMonth, currency: Currency) -> Vec<M4Breach> {
    let settlement = settle(ledger, owner, month, currency);
    let Revenue { charged, collected, open, written_off } = settlement.revenue;
    let owner_of = || owner.clone();
    let mut breaches = Vec::new();
    if charged != collected + open + written_off {
        breaches.push(M4Breach::Revenue { owner: owner_of(), month, charged, collected, open, written_off });
    }
    let is_own = |key: &EntryKey| {
        *key == EntryKey::Payout(owner_of(), month) || *key == EntryKey::SettlementInvoice(owner_of(), month)
    };
    let owed = -ledger.sum(currency, |entry, account| {
        *account == LedgerAccount::OwedToOwner(owner_of())
            && settled_in(entry) <= month
            && !is_own(&entry.key)
    });
    if owed != settlement.total {
        breaches.push(M4Breach::Payout { owner: owner_of(), month, total: settlement.total, owed });
    }
    breaches
}

/// The month in whose settlement an entry counts: a payout in that which it settles, however late it is made.
fn settled_in(entry: &EntryParts) -> CivilMonth {
    match &entry.key {
        EntryKey::Payout(_, month)
        | EntryKey::PayoutExecuted(_, month)
        | EntryKey::SettlementInvoice(_, month) => *month,
        EntryKey::Charge(_)
        | EntryKey::Credit(..)
        | EntryKey::ChargingVat(_)
        | EntryKey::DriverFee(_)
        | EntryKey::Collection(_)
        | EntryKey::CardPayout(_)
        | EntryKey::WriteOff(..)
        | EntryKey::OwnerFee(..) => entry.month,
    }
}

/// Why what is owed to an owner moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Revenue,
    Fee,
    Vat,
    Settled,
    Never,
}

fn flow_of(key: &EntryKey) -> Flow {
    match key {
        EntryKey::Charge(_) | EntryKey::Credit(..) | EntryKey::Collection(_) => Flow::Revenue,
        EntryKey::OwnerFee(..) => Flow::Fee,
        EntryKey::ChargingVat(_) => Flow::Vat,
        EntryKey::Payout(..) | EntryKey::SettlementInvoice(..) => Flow::Settled,
        EntryKey::DriverFee(_)
        | EntryKey::CardPayout(_)
        | EntryKey::WriteOff(..)
        | EntryKey::PayoutExecuted(..) => Flow::Never,
    }
}

/// A step in the life of a driver's debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Charged,
    Collected,
    WrittenOff,
}

fn step_of(key: &EntryKey) -> Option<Step> {
    match key {
        EntryKey::Charge(_) | EntryKey::Credit(..) => Some(Step::Charged),
        EntryKey::Collection(_) => Some(Step::Collected),
        EntryKey::WriteOff(..) => Some(Step::WrittenOff),
        EntryKey::ChargingVat(_)
        | EntryKey::DriverFee(_)
        | EntryKey::CardPayout(_)
        | EntryKey::OwnerFee(..)
        | EntryKey::Payout(..)
        | EntryKey::PayoutExecuted(..)
        | EntryKey::SettlementInvoice(..) => None,
    }
}

const fn previous(month: CivilMonth) -> CivilMonth {
    if month.month == 1 {
        CivilMonth { year: month.year - 1, month: 12 }
    } else {
        CivilMonth { year: month.year, month: month.month - 1 }
    }
}

/// Monthly totals of billed charging, per driver or per owner: what people compare with their own notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// How many CDRs; credits do not count.
    pub cdrs: usize,
    /// The energy, after credits.
    pub energy: WattHours,
    /// The amount, after credits.
    pub amount: Money,
}

/// Sums `lines`.
#[must_use]
pub fn total<'a>(lines: impl IntoIterator<Item = &'a ChargingLine>, currency: Currency) -> Total {
    let nothing = Total { cdrs: 0, energy: WattHours::ZERO, amount: Money::zero(currency) };
    lines.into_iter().fold(nothing, |total, line| Total {
        cdrs: total.cdrs + usize::from(line.kind == crate::invoice::ChargingKind::Charge),
        energy: total.energy + line.energy,
        amount: total.amount + line.amount,
    })
}
