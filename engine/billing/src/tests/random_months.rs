//! Random months of several owners: after each, the ledger stands at zero, M1 and both equations of M4 hold, and every
//! payout equals what a naive cash book says. Each failure prints its seed.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::civil::CivilMonth;
use units::{AccountId, CdrId, Currency, Money, OwnerId, SessionId, SiteId, TimeSpan, WattHours};

use super::samples::{at, cdr, contract, energy_tariff, eur};
use crate::cdr::{Cdr, Doubt, Driver, FeeClass};
use crate::contract::{Contract, FeePlan, SellerRole, SettlementBasis};
use crate::fees::{FeeKind, PriceLists};
use crate::finding::{Billable, Correction, Decision, Fate, Resolution, Resolved, audit_fates};
use crate::invoice::{ChargingKind, ChargingLine, Debtor, FeeLine, Part, Section, receipt, statement};
use crate::ledger::{
    self, Beneficiary, Claim, DocumentKey, Entry, Ledger, LedgerAccount, PaymentKey, PaymentMethod, Stamp,
};
use crate::pricing::{FlatDue, naive, price};
use crate::settlement::{Opening, Outcome, SiteFacts, audit, settle, site_fees};
use crate::vat::{VatStatus, VatTable};

#[test]
fn m4_random_months_reconcile_to_the_cent() {
    let mut seen = Seen::default();
    for seed in 0..60 {
        Books::new(seed).run(&mut seen);
    }
    let Seen { payouts, carried, invoices, losses, credits, refunds, held } = seen;
    let all = [payouts, carried, invoices, losses, credits, refunds, held];
    assert!(all.iter().all(|&count| count > 0), "something was never tried: {all:?}");
}

/// How often each outcome was met: a random test that never meets one does not test it.
#[derive(Default)]
struct Seen {
    payouts: usize,
    carried: usize,
    invoices: usize,
    losses: usize,
    credits: usize,
    refunds: usize,
    held: usize,
}

struct Books {
    seed: u64,
    rng: ChaCha8Rng,
    contracts: Vec<Contract>,
    cdrs: Vec<Cdr>,
    fates: BTreeMap<CdrId, Fate>,
    lines: Vec<ChargingLine>,
    ledger: Ledger,
    next_payment: u64,
    next_write_off: u32,
    /// The naive cash book: what each owner should have in hand, in cents.
    cash_book: BTreeMap<OwnerId, i64>,
}

impl Books {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let contracts = ["north", "south", "west"].map(|owner| {
            let seller = if rng.random_bool(0.5) { SellerRole::Owner } else { SellerRole::Operator };
            let statuses = [VatStatus::Registered, VatStatus::NotRegistered, VatStatus::Exempt];
            let mut contract = contract(owner, seller, statuses[rng.random_range(0..3)]);
            let terms = &mut contract.terms[0];
            if rng.random_bool(0.4) {
                terms.plan = FeePlan::PerChargingPoint;
            }
            if rng.random_bool(0.3) {
                terms.settle = SettlementBasis::Invoiced;
            }
            contract
        });
        Self {
            seed,
            rng,
            contracts: contracts.to_vec(),
            cdrs: vec![],
            fates: BTreeMap::new(),
            lines: vec![],
            ledger: Ledger::default(),
            next_payment: 1,
            next_write_off: 1,
            cash_book: BTreeMap::new(),
        }
    }

    fn run(mut self, seen: &mut Seen) {
        let mut month = CivilMonth { year: 2024, month: 9 };
        for _ in 0..6 {
            self.charge_month(month);
            self.resolve_some(month, seen);
            self.credit_some(month, seen);
            self.post_documents(month);
            self.pay_some(month, seen);
            self.settle_owners(month, seen);
            self.check(month);
            month = month.next();
        }
    }

    fn charge_month(&mut self, month: CivilMonth) {
        let zone: units::civil::Zone = "Europe/Helsinki".parse().unwrap();
        let length = zone.start_of_month(month.next()).since(zone.start_of_month(month)).milliseconds();
        for _ in 0..self.rng.random_range(0..25) {
            let until =
                zone.start_of_month(month) + TimeSpan::from_milliseconds(self.rng.random_range(0..length));
            let from = until - TimeSpan::from_milliseconds(self.rng.random_range(0..20 * 3_600_000));
            let number = u64::try_from(self.cdrs.len()).unwrap() + 1;
            let watt_hours = if self.rng.random_bool(0.1) { 0 } else { self.rng.random_range(0..40_000) };
            let mut cdr = cdr(number, from, until, watt_hours);
            cdr.owner = self.contracts[self.rng.random_range(0..3)].owner.clone();
            cdr.site = cdr.owner.as_str().parse().unwrap();
            if self.rng.random_bool(0.4) {
                cdr.fee_class = FeeClass::Public;
            }
            let accounts = ["anna", "bertil", "cecilia"];
            cdr.driver = if cdr.fee_class == FeeClass::Public && self.rng.random_bool(0.5) {
                Driver::Guest
            } else {
                Driver::Account(accounts[self.rng.random_range(0..3)].parse().unwrap())
            };
            if self.rng.random_bool(0.1) {
                cdr.doubts.push(Doubt::AfterSeal { frame: number });
            }
            match Billable::sealed(&cdr) {
                Ok(billable) => self.bill(&billable),
                Err(_) => drop(self.fates.insert(cdr.id, Fate::Held)),
            }
            self.cdrs.push(cdr);
        }
    }

    fn bill(&mut self, billable: &Billable<'_>) {
        let tariff = energy_tariff("t", 137_531);
        let priced = price(billable, &tariff, FlatDue::Due).unwrap();
        let naive = naive::price(billable, tariff.parts(), FlatDue::Due).unwrap();
        assert_eq!(naive.minor, i128::from(priced.amount.minor()), "M5, seed {}", self.seed);
        let contract = self.contracts.iter().find(|contract| contract.owner == priced.owner).unwrap();
        let line = ChargingLine::new(&priced, contract, &VatTable::finland()).unwrap();
        self.fates.insert(priced.cdr, Fate::Billed);
        self.post(ledger::charge(&line, stamp(line.month)));
        if line.settle == SettlementBasis::Invoiced {
            *self.cash_book.entry(line.owner.clone()).or_default() += line.amount.minor();
        }
        self.lines.push(line);
    }

    fn resolve_some(&mut self, month: CivilMonth, seen: &mut Seen) {
        let held: Vec<Cdr> =
            self.cdrs.iter().filter(|cdr| self.fates[&cdr.id] == Fate::Held).cloned().collect();
        for cdr in held {
            seen.held += 1;
            let decision = match self.rng.random_range(0..3) {
                0 => continue,
                1 => Decision::WriteOff,
                _ => Decision::BillAsCorrected(Correction::default()),
            };
            let resolution = Resolution {
                cdr: cdr.id,
                decided_by: "keeper".to_owned(),
                decided_at: stamp(month).at,
                reason: "looked at the frames".to_owned(),
                decision,
            };
            match resolution.apply(&cdr).unwrap() {
                Resolved::Billable(billable) => self.bill(&billable),
                Resolved::WrittenOff => drop(self.fates.insert(cdr.id, Fate::WrittenOff)),
            }
        }
    }

    fn credit_some(&mut self, month: CivilMonth, seen: &mut Seen) {
        let charges: Vec<ChargingLine> =
            self.lines.iter().filter(|line| line.kind == ChargingKind::Charge).cloned().collect();
        for charge in charges {
            let is_account = matches!(charge.debtor, Debtor::Account(_));
            if !is_account || charge.amount.minor() < 2 || !self.rng.random_bool(0.03) {
                continue;
            }
            let earlier: Vec<ChargingLine> = self
                .lines
                .iter()
                .filter(|line| line.cdr == charge.cdr && line.kind != ChargingKind::Charge)
                .cloned()
                .collect();
            let part = Part {
                amount: eur(self.rng.random_range(1..=charge.amount.minor())),
                energy: WattHours::from_milliwatt_hours(
                    self.rng.random_range(0..=charge.energy.milliwatt_hours()),
                ),
            };
            let number = u32::try_from(earlier.len()).unwrap() + 1;
            let Ok(credit) = charge.credit(number, month, part, &earlier) else { continue };
            seen.credits += 1;
            self.post(ledger::charge(&credit, stamp(month)));
            if credit.settle == SettlementBasis::Invoiced {
                *self.cash_book.get_mut(&credit.owner).unwrap() += credit.amount.minor();
            }
            self.lines.push(credit);
        }
    }

    fn post_documents(&mut self, month: CivilMonth) {
        let (lists, vat) = (PriceLists::built_in(), VatTable::finland());
        let lines: Vec<ChargingLine> =
            self.lines.iter().filter(|line| line.month == month).cloned().collect();
        let of = |debtor: &Debtor| -> Vec<ChargingLine> {
            lines.iter().filter(|line| line.debtor == *debtor).cloned().collect()
        };
        for account in ["anna", "bertil", "cecilia"] {
            let account: AccountId = account.parse().unwrap();
            let debtor = Debtor::Account(account.clone());
            let statement = statement(&account, month, &of(&debtor), &lists, &vat).unwrap();
            self.post_sections(DocumentKey::Statement(account, month), &debtor, &statement.sections, month);
        }
        let guests = lines.iter().filter_map(|line| match &line.debtor {
            Debtor::Guest(session) => Some(*session),
            Debtor::Account(_) | Debtor::Owner(_) => None,
        });
        for session in guests.collect::<Vec<SessionId>>() {
            let debtor = Debtor::Guest(session);
            let receipt = receipt(session, &of(&debtor), &lists, &vat).unwrap();
            self.post_sections(DocumentKey::Receipt(session), &debtor, &receipt.sections, month);
        }
    }

    fn post_sections(
        &mut self,
        document: DocumentKey,
        debtor: &Debtor,
        sections: &[Section],
        month: CivilMonth,
    ) {
        for section in sections {
            for line in &section.vat {
                let shares = line.shares.iter().fold(eur(0), |sum, share| sum + share.vat);
                assert_eq!(shares, line.vat, "seed {}: the shares sum to the one VAT", self.seed);
                assert_eq!(line.vat, line.rate.within(line.gross), "seed {}", self.seed);
            }
            if section.seller == crate::invoice::Seller::Operator {
                for share in section.vat.iter().flat_map(|line| &line.shares) {
                    if let crate::invoice::ShareOf::Charging(owner, status) = &share.of
                        && *status != VatStatus::Registered
                    {
                        *self.cash_book.entry(owner.clone()).or_default() -= share.vat.minor();
                    }
                }
            }
            if let Some(entry) = ledger::charging_vat(document.clone(), section, stamp(month)) {
                self.post(entry);
            }
            if let Some(entry) = ledger::driver_fee(document.clone(), debtor, section, stamp(month)) {
                self.post(entry);
            }
        }
    }

    fn pay_some(&mut self, month: CivilMonth, seen: &mut Seen) {
        let mut debtors: Vec<Debtor> = self.lines.iter().map(|line| line.debtor.clone()).collect();
        debtors.sort();
        debtors.dedup();
        for debtor in debtors {
            let open = self.ledger.open_claims(&debtor, Currency::Eur);
            let owed = open.iter().fold(eur(0), |sum, (_, owed)| sum + *owed);
            match self.rng.random_range(0..10) {
                0 => {}
                1 => self.write_off_a_claim(&open, month, seen),
                2 if owed.minor() > 0 => {
                    let amount = eur(self.rng.random_range(0..=owed.minor()));
                    self.collect(&debtor, amount, ledger::allocate(amount, &open), month);
                }
                3 => {
                    let amount = eur(owed.minor().max(0) + 700);
                    self.collect(&debtor, amount, ledger::allocate(amount, &open), month);
                }
                4 if owed.minor() > 0 => {
                    let amount = owed;
                    let parts = ledger::allocate(amount, &open);
                    self.collect(&debtor, amount, parts.clone(), month);
                    // The bank takes it back.
                    seen.refunds += 1;
                    let parts = parts.into_iter().map(|(claim, part)| (claim, -part)).collect();
                    self.collect(&debtor, -amount, parts, month);
                }
                _ => {
                    let amount = eur(owed.minor().max(0));
                    self.collect(&debtor, amount, ledger::allocate(amount, &open), month);
                    // With credits among the claims as well, what is paid is paid.
                    let left = self.ledger.open_claims(&debtor, Currency::Eur);
                    assert_eq!(left, [], "seed {}: {debtor:?} paid {amount} of {open:?}", self.seed);
                }
            }
        }
    }

    fn collect(&mut self, debtor: &Debtor, amount: Money, parts: Vec<(Claim, Money)>, month: CivilMonth) {
        let applied = parts.iter().fold(eur(0), |sum, (_, part)| sum + *part);
        assert!(amount.minor() < 0 || applied.minor() <= amount.minor(), "seed {}", self.seed);
        for (claim, part) in &parts {
            if let Beneficiary::Owner(owner, SettlementBasis::Collected) = &claim.beneficiary {
                *self.cash_book.entry(owner.clone()).or_default() += part.minor();
            }
        }
        let method = if self.rng.random_bool(0.5) { PaymentMethod::Bank } else { PaymentMethod::Card };
        let payment = PaymentKey(self.next_payment);
        self.next_payment += 1;
        self.post(ledger::collection(payment, debtor, method, amount, &parts, stamp(month)));
    }

    fn write_off_a_claim(&mut self, open: &[(Claim, Money)], month: CivilMonth, seen: &mut Seen) {
        if let Some((claim, amount)) = open.iter().find(|(_, owed)| owed.minor() > 0) {
            seen.losses += 1;
            self.post(ledger::write_off(claim, self.next_write_off, *amount, stamp(month)));
            self.next_write_off += 1;
        }
    }

    fn settle_owners(&mut self, month: CivilMonth, seen: &mut Seen) {
        let (lists, vat) = (PriceLists::built_in(), VatTable::finland());
        for contract in self.contracts.clone() {
            let owner = contract.owner.clone();
            let site: SiteId = owner.as_str().parse().unwrap();
            let facts = SiteFacts {
                site: &site,
                month,
                plan: contract.plan_of(month).unwrap(),
                lines: &self.lines,
                charging_points: 2,
                opening: Opening::NotDue,
            };
            let rate = vat.at_end_of(month).unwrap();
            let mut fees = site_fees(&facts, lists.of(month).unwrap(), rate);
            if self.rng.random_bool(0.1) {
                // A site was opened: months of carrying over follow.
                fees.push(FeeLine { kind: FeeKind::Opening, amount: eur(35_000), rate });
            }
            for fee in fees {
                self.post(ledger::owner_fee(&owner, &site, fee, stamp(month)));
                *self.cash_book.entry(owner.clone()).or_default() -= fee.amount.minor();
            }
            let settlement = settle(&self.ledger, &owner, month, Currency::Eur);
            let in_hand = self.cash_book.entry(owner.clone()).or_default();
            assert_eq!(settlement.total.minor(), *in_hand, "seed {}, {owner} {month}", self.seed);
            let later = stamp(month.next());
            match settlement.outcome {
                Outcome::Payout(amount) => {
                    seen.payouts += 1;
                    *in_hand = 0;
                    self.post(ledger::payout(&owner, month, amount, later));
                    self.post(ledger::payout_executed(&owner, month, amount, later));
                }
                Outcome::CarryOver(_) => seen.carried += 1,
                Outcome::Invoice(amount) => {
                    seen.invoices += 1;
                    *in_hand = 0;
                    self.post(ledger::settlement_invoice(&owner, month, amount, later));
                }
            }
        }
    }

    fn check(&self, last: CivilMonth) {
        let seed = self.seed;
        assert_eq!(
            self.ledger.sum(Currency::Eur, |_, _| true),
            eur(0),
            "seed {seed}: the ledger stands at zero"
        );
        let mut month = CivilMonth { year: 2024, month: 9 };
        while month <= last {
            for contract in &self.contracts {
                assert_eq!(audit(&self.ledger, &contract.owner, month, Currency::Eur), [], "seed {seed}");
            }
            month = month.next();
        }
        let sealed = self.cdrs.iter().map(|cdr| cdr.id);
        assert_eq!(
            audit_fates(sealed, self.fates.iter().map(|(&cdr, &fate)| (cdr, fate))),
            [],
            "seed {seed}"
        );
        let is_charge = |entry: &Entry| {
            if let crate::ledger::EntryKey::Charge(cdr) = entry.key() { Some(*cdr) } else { None }
        };
        let charged = self.ledger.entries().iter().filter_map(is_charge);
        let mut charged: Vec<CdrId> = charged.collect();
        charged.sort();
        let billed = self.fates.iter().filter(|&(_, &fate)| fate == Fate::Billed).map(|(&cdr, _)| cdr);
        assert_eq!(charged, billed.collect::<Vec<_>>(), "seed {seed}: M1 in the ledger");
        let restored: Ledger = Vec::from(self.ledger.clone()).try_into().unwrap();
        assert_eq!(restored.balances(), self.ledger.balances());
        let uncollected = |(account, _): &(LedgerAccount, Currency)| {
            matches!(account, LedgerAccount::OwnerUncollected { .. })
        };
        let open_of_owners: i64 = self
            .ledger
            .balances()
            .iter()
            .filter(|((account, _), _)| {
                matches!(account, LedgerAccount::Receivable(claim)
                    if matches!(claim.beneficiary, Beneficiary::Owner(_, SettlementBasis::Collected)))
            })
            .map(|(_, balance)| balance.minor())
            .sum();
        let uncollected: i64 = self
            .ledger
            .balances()
            .iter()
            .filter(|(account, _)| uncollected(account))
            .map(|(_, balance)| balance.minor())
            .sum();
        assert_eq!(open_of_owners, -uncollected, "seed {seed}: what drivers owe is what owners wait for");
    }

    fn post(&mut self, entry: Entry) {
        self.ledger.append(entry).unwrap_or_else(|refusal| panic!("seed {}: {refusal}", self.seed));
    }
}

fn stamp(month: CivilMonth) -> Stamp {
    let at = at("2024-09-15T12:00:00Z");
    let months = i64::from(month.year - 2024) * 12 + i64::from(month.month - 9);
    Stamp { at: at + TimeSpan::from_hours(months * 30 * 24 + 24), month }
}
