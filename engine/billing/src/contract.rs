//! What the operator and a site owner agreed: who sells, whose VAT, which plan, when the owner is paid. Dated.

use serde::{Deserialize, Serialize};
use units::OwnerId;
use units::civil::{CivilDate, CivilMonth};

use crate::cdr::FeeClass;
use crate::vat::VatStatus;

/// The contract with a site owner: its terms in order of their dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// The owner.
    pub owner: OwnerId,
    /// Each holds until the next.
    pub terms: Vec<ContractTerms>,
}

/// The terms of a contract from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractTerms {
    /// The first day, at the site.
    pub valid_from: CivilDate,
    /// Who sells to drivers at EVSEs of class plan.
    pub seller_private: SellerRole,
    /// Who sells to drivers at EVSEs of class public.
    pub seller_public: SellerRole,
    /// The owner's place in the VAT register.
    pub owner_vat: VatStatus,
    /// What the owner pays for EVSEs of class plan. Counts from the start of a month.
    pub plan: FeePlan,
    /// When charging revenue is owed to the owner.
    pub settle: SettlementBasis,
}

/// Who sells the charging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SellerRole {
    /// The owner; the operator invoices in the owner's name and for the owner's account.
    Owner,
    /// The operator, in its own name; the settlement is the owner's sale, self-billed.
    Operator,
}

/// What the owner pays for EVSEs of class plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeePlan {
    /// Per kWh billed.
    PerKilowattHour,
    /// Per charging point and month.
    PerChargingPoint,
}

/// When charging revenue is owed to the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementBasis {
    /// Once the driver paid; the owner bears bad debts.
    Collected,
    /// Once it was invoiced; the operator bears bad debts.
    Invoiced,
}

/// A day before the contract's first terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the contract of {owner} has no terms on {date}")]
pub struct NoTerms {
    owner: OwnerId,
    date: CivilDate,
}

impl Contract {
    /// The terms on `date`.
    ///
    /// # Errors
    ///
    /// Where the contract begins later.
    pub fn on(&self, date: CivilDate) -> Result<&ContractTerms, NoTerms> {
        self.terms
            .iter()
            .filter(|terms| terms.valid_from <= date)
            .max_by_key(|terms| terms.valid_from)
            .ok_or_else(|| NoTerms { owner: self.owner.clone(), date })
    }

    /// The plan of a month: that of its first day, or of the contract's first terms where it begins within the month.
    ///
    /// # Errors
    ///
    /// Where the contract begins after the month.
    pub fn plan_of(&self, month: CivilMonth) -> Result<FeePlan, NoTerms> {
        let day = |day| CivilDate { year: month.year, month: month.month, day };
        let first = self.terms.iter().map(|terms| terms.valid_from).min().unwrap_or(day(1));
        let date = if first <= day(31) { day(1).max(first) } else { day(1) };
        self.on(date).map(|terms| terms.plan)
    }
}

impl ContractTerms {
    /// Who sells at EVSEs of `class`.
    #[must_use]
    pub const fn seller(&self, class: FeeClass) -> SellerRole {
        match class {
            FeeClass::Plan => self.seller_private,
            FeeClass::Public => self.seller_public,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_hold_until_the_next_and_a_plan_for_whole_months() {
        let terms = |date: &str, plan| ContractTerms {
            valid_from: date.parse().unwrap(),
            seller_private: SellerRole::Owner,
            seller_public: SellerRole::Operator,
            owner_vat: VatStatus::NotRegistered,
            plan,
            settle: SettlementBasis::Collected,
        };
        let contract = Contract {
            owner: "owner".parse().unwrap(),
            terms: vec![
                terms("2026-01-15", FeePlan::PerKilowattHour),
                terms("2026-03-10", FeePlan::PerChargingPoint),
            ],
        };
        let plan = |month: &str| contract.plan_of(month.parse().unwrap()).ok();
        assert_eq!(plan("2025-12"), None);
        assert_eq!(plan("2026-01"), Some(FeePlan::PerKilowattHour));
        assert_eq!(plan("2026-03"), Some(FeePlan::PerKilowattHour), "a change counts from the next month");
        assert_eq!(plan("2026-04"), Some(FeePlan::PerChargingPoint));
        assert!(contract.on("2026-01-14".parse().unwrap()).is_err());
        let now = contract.on("2026-03-10".parse().unwrap()).unwrap();
        assert_eq!(now.plan, FeePlan::PerChargingPoint);
        assert_eq!(now.seller(FeeClass::Plan), SellerRole::Owner);
        assert_eq!(now.seller(FeeClass::Public), SellerRole::Operator);
    }
}
