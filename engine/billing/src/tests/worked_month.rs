//! MONEY section 11, to the cent, from the registers to the payout; and the VAT change.

use units::civil::CivilMonth;
use units::{AccountId, CdrId, Currency, Money, SessionId};

use super::samples::{at, cdr, contract, element, energy_tariff, eur};
use crate::cdr::{Cdr, Doubt, Driver, FeeClass};
use crate::contract::{FeePlan, SellerRole};
use crate::fees::{FeeKind, PriceLists};
use crate::finding::{Billable, Correction, Decision, Fate, Resolution, Resolved, audit_fates};
use crate::invoice::{
    ChargingLine, Debtor, FeeLine, InvoiceRefusal, Part, Receipt, Seller, Statement, receipt, statement,
};
use crate::ledger::{self, DocumentKey, EntryKey, Ledger, LedgerAccount, PaymentKey, PaymentMethod, Stamp};
use crate::pricing::{FlatDue, PricedCdr, naive, price};
use crate::settlement::{Opening, Outcome, Settlement, SiteFacts, audit, settle, site_fees, total};
use crate::tariff::Tariff;
use crate::vat::{VatStatus, VatTable, VatTreatment};

#[test]
fn the_worked_month_of_an_owner_who_sells_and_is_not_vat_registered() {
    let books = worked_month(SellerRole::Owner, VatStatus::NotRegistered);

    assert_eq!(books.statement.total, eur(2_500));
    assert_eq!(books.receipt.total, eur(705));
    assert_eq!(vat_of(&books.statement.sections), eur(20), "of the invoicing fee only");
    assert_eq!(vat_of(&books.receipt.sections), eur(10), "of the guest fee only");
    assert_eq!(books.lines[0].vat, VatTreatment::SellerNotRegistered);
    assert_eq!(books.settlement.outcome, Outcome::Payout(eur(2_597)));
    assert_eq!(books.settlement.fees, eur(458));
    assert_eq!(books.fees.iter().map(|fee| fee.amount).collect::<Vec<_>>(), [eur(360), eur(98)]);
    let vat = |fee: &FeeLine| fee.rate.within(fee.amount);
    assert_eq!(sum(books.fees.iter().map(vat)), eur(93));
    assert_eq!(books.operator_income_and_vat(), (eur(608), eur(123)));
    assert_eq!(books.balance(&LedgerAccount::Cash), eur(3_205 - 2_597), "32.05 in = 25.97 + 6.08");
    let totals = total(&books.lines, Currency::Eur);
    assert_eq!((totals.cdrs, totals.energy.watt_hours_floor(), totals.amount), (2, 138_700, eur(3_055)));
}

#[test]
fn the_worked_month_of_an_owner_who_sells_and_is_vat_registered() {
    let books = worked_month(SellerRole::Owner, VatStatus::Registered);

    assert_eq!(books.settlement.outcome, Outcome::Payout(eur(2_597)), "the same payout");
    let owner = Seller::Owner("owner".parse().unwrap());
    let sections = books.statement.sections.iter().chain(&books.receipt.sections);
    let of_owner: Vec<Money> =
        sections.filter(|section| section.seller == owner).map(|section| section.vat[0].vat).collect();
    assert_eq!(of_owner, [eur(488), eur(133)], "6.21");
    assert_eq!(
        books.operator_income_and_vat(),
        (eur(608), eur(123)),
        "the owner's VAT is not the operator's"
    );
}

#[test]
fn the_worked_month_sold_by_the_operator_for_an_owner_who_is_not_vat_registered() {
    let books = worked_month(SellerRole::Operator, VatStatus::NotRegistered);

    assert_eq!(books.settlement.vat_borne, eur(621));
    assert_eq!(books.settlement.outcome, Outcome::Payout(eur(1_976)));
    assert_eq!(books.statement.sections.len(), 1, "one seller, one section");
    assert_eq!(books.statement.sections[0].vat[0].vat, eur(508), "one VAT for the document and rate");
    assert_eq!(books.operator_income_and_vat(), (eur(608 + 621), eur(123 + 621)));
}

#[test]
fn a_registered_owner_bears_no_vat_when_the_operator_sells() {
    let books = worked_month(SellerRole::Operator, VatStatus::Registered);
    assert_eq!(books.settlement.outcome, Outcome::Payout(eur(2_597)));
    let rate = VatTable::finland().at_end_of(books.settlement.month).unwrap();
    assert_eq!(books.balance(&LedgerAccount::VatInput(rate)), eur(621), "deducted from the self-billed sale");
}

#[test]
fn m1_nothing_is_posted_twice() {
    let mut books = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    for entry in books.ledger.entries().to_vec() {
        let before = books.ledger.clone();
        let refusal = books.ledger.append(entry.clone()).unwrap_err();
        assert_eq!(*refusal.key, *entry.key());
        assert_eq!(books.ledger, before);
    }
}

#[test]
fn m1_each_sealed_cdr_has_one_fate() {
    use crate::finding::M1Breach;
    let sealed = [1, 2, 3].map(CdrId);
    let fate = |cdr, fate| (CdrId(cdr), fate);
    let good = [fate(1, Fate::Billed), fate(2, Fate::WrittenOff), fate(3, Fate::Held)];
    assert_eq!(audit_fates(sealed, good), []);
    let bad =
        [fate(1, Fate::Billed), fate(1, Fate::WrittenOff), fate(2, Fate::Billed), fate(9, Fate::Billed)];
    assert_eq!(
        audit_fates(sealed, bad),
        [
            M1Breach::Twice { cdr: CdrId(1), count: 2 },
            M1Breach::Lost { cdr: CdrId(3) },
            M1Breach::NeverSealed { cdr: CdrId(9) },
        ]
    );
}

#[test]
fn m4_a_tampered_ledger_is_seen() {
    use crate::ledger::{Entry, EntryParts, Posting};
    let books = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let owner = "owner".parse().unwrap();
    assert_eq!(audit(&books.ledger, &owner, september(), Currency::Eur), []);
    // A balanced entry that gives an owner's money to the operator under the name of a card payout.
    let mut ledger = books.ledger.clone();
    let post = |account, minor| Posting { account, amount: eur(minor) };
    let stolen = EntryParts {
        key: EntryKey::CardPayout(PaymentKey(77)),
        at: at("2024-09-30T12:00:00Z"),
        month: september(),
        postings: vec![
            post(LedgerAccount::OwedToOwner("owner".parse().unwrap()), 100),
            post(LedgerAccount::Cash, -100),
        ],
    };
    ledger.append(Entry::new(stolen).unwrap()).unwrap();
    assert_eq!(audit(&ledger, &owner, september(), Currency::Eur).len(), 1);
}

#[test]
fn an_entry_cannot_be_built_unbalanced() {
    use crate::ledger::{Entry, EntryParts, EntryRefusal, Posting};
    let parts = |postings: &[(LedgerAccount, i64)]| EntryParts {
        key: EntryKey::Charge(CdrId(1)),
        at: at("2024-09-30T12:00:00Z"),
        month: september(),
        postings: postings
            .iter()
            .map(|(account, minor)| Posting { account: account.clone(), amount: eur(*minor) })
            .collect(),
    };
    let unbalanced = parts(&[(LedgerAccount::Cash, 100), (LedgerAccount::CardClearing, -99)]);
    assert!(
        matches!(Entry::new(unbalanced.clone()), Err(EntryRefusal::Unbalanced { sum, .. }) if sum == eur(1))
    );
    assert!(matches!(
        Entry::new(parts(&[(LedgerAccount::Cash, 0)])),
        Err(EntryRefusal::TooFew { count: 1, .. })
    ));
    let mut mixed = parts(&[(LedgerAccount::Cash, 100), (LedgerAccount::CardClearing, -100)]);
    mixed.postings[1].amount = Money::from_minor(-100, Currency::Sek);
    assert!(matches!(Entry::new(mixed), Err(EntryRefusal::TwoCurrencies { .. })));
    let text = serde_json::to_string(&unbalanced).unwrap();
    assert!(serde_json::from_str::<Entry>(&text).is_err(), "nor read from a record");
}

#[test]
fn a_ledger_survives_json() {
    let books = worked_month(SellerRole::Operator, VatStatus::NotRegistered);
    let text = serde_json::to_string(&books.ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), books.ledger);
    let priced = serde_json::to_string(&books.priced).unwrap();
    assert_eq!(serde_json::from_str::<Vec<PricedCdr>>(&priced).unwrap(), books.priced);
    let documents = serde_json::to_string(&(&books.statement, &books.receipt, &books.settlement)).unwrap();
    assert_eq!(
        serde_json::from_str::<(Statement, Receipt, Settlement)>(&documents).unwrap(),
        (books.statement, books.receipt, books.settlement)
    );
}

#[test]
fn m6_vat_follows_the_end_of_the_session_at_the_site() {
    let contract = contract("owner", SellerRole::Owner, VatStatus::Registered);
    let tariff = energy_tariff("t", 100_000);
    // Midnight in Helsinki is 21:00 UTC.
    for (until, permille, month) in
        [("2024-08-31T20:59:59.999Z", 240, "2024-08"), ("2024-08-31T21:00:00Z", 255, "2024-09")]
    {
        let cdr = cdr(1, at("2024-08-31T18:00:00Z"), at(until), 10_000);
        let priced = price(&Billable::sealed(&cdr).unwrap(), &tariff, FlatDue::Due).unwrap();
        let line = ChargingLine::new(&priced, &contract, &VatTable::finland()).unwrap();
        assert_eq!(line.vat, VatTreatment::Included(crate::vat::VatRate::try_from(permille).unwrap()));
        assert_eq!(line.month.to_string(), month);
        assert_eq!(line.amount, eur(100), "gross prices stay");
    }
}

#[test]
fn m6_a_session_of_august_released_in_september_keeps_its_own_vat_rate() {
    let mut cdr = cdr(1, at("2024-08-20T18:00:00Z"), at("2024-08-21T04:00:00Z"), 10_000);
    cdr.doubts = vec![Doubt::Overlapping {
        other: units::TransactionId(2),
        from: cdr.started_at,
        until: cdr.stopped_at,
    }];
    assert!(Billable::sealed(&cdr).is_err(), "held");
    let resolution = resolution(&cdr, "the other was a ghost", Correction::default());
    let Ok(Resolved::Billable(billable)) = resolution.apply(&cdr) else { panic!("not billable") };
    let priced = price(&billable, &energy_tariff("t", 100_000), FlatDue::Due).unwrap();
    assert_eq!((priced.started_at, priced.stopped_at), (cdr.started_at, cdr.stopped_at));
    let contract = contract("owner", SellerRole::Owner, VatStatus::Registered);
    let line = ChargingLine::new(&priced, &contract, &VatTable::finland()).unwrap();
    let account: AccountId = "a".parse().unwrap();
    let (lists, vat) = (PriceLists::built_in(), VatTable::finland());
    let statement = statement(&account, september(), &[line], &lists, &vat).unwrap();
    let rates: Vec<(u16, Money)> = statement
        .sections
        .iter()
        .flat_map(|section| &section.vat)
        .map(|line| (line.rate.permille(), line.vat))
        .collect();
    assert_eq!(rates, [(240, eur(19)), (255, eur(20))], "0.19 of 1.00 at 24 %, 0.20 of the fee at 25.5 %");
}

#[test]
fn m2_a_resolution_needs_a_reason_and_is_held_to_the_register_rule() {
    use crate::cdr::ReadingContext::{Begin, End};
    use crate::finding::{Finding, ResolutionRefusal};
    let mut sealed = cdr(1, at("2024-09-20T18:00:00Z"), at("2024-09-20T20:00:00Z"), 10_000);
    assert_eq!(
        resolution(&sealed, "no reason", Correction::default()).apply(&sealed),
        Err(ResolutionRefusal::NothingToResolve { cdr: CdrId(1) })
    );
    sealed.readings.remove(0);
    let doubt = Doubt::MissingStart { readings: 1 };
    let finding = Finding::of(&sealed, at("2024-09-20T20:00:01Z")).unwrap();
    assert_eq!(finding.doubts, std::slice::from_ref(&doubt), "found even where sealing forgot it");
    assert_eq!(
        resolution(&sealed, "as it is", Correction::default()).apply(&sealed),
        Err(ResolutionRefusal::StillInDoubt { cdr: CdrId(1), doubt })
    );
    let readings = Some(vec![
        super::samples::reading(sealed.started_at, 7_000_000, Begin),
        super::samples::reading(sealed.stopped_at, 12_000_000, End),
    ]);
    let corrected = Correction { readings, ..Correction::default() };
    assert_eq!(
        resolution(&sealed, " ", corrected.clone()).apply(&sealed),
        Err(ResolutionRefusal::NoReason { cdr: CdrId(1) })
    );
    let Ok(Resolved::Billable(billable)) = resolution(&sealed, "read at the meter", corrected).apply(&sealed)
    else {
        panic!("not billable")
    };
    assert_eq!(billable.energy().watt_hours_floor(), 5_000);
    let mut write_off = resolution(&sealed, "the meter is gone", Correction::default());
    write_off.decision = Decision::WriteOff;
    assert_eq!(write_off.apply(&sealed), Ok(Resolved::WrittenOff));
    write_off.cdr = CdrId(2);
    assert!(matches!(write_off.apply(&sealed), Err(ResolutionRefusal::AnotherCdr { .. })));
}

#[test]
fn a_clock_off_by_centuries_is_never_waved_through() {
    let mut sealed = cdr(1, at("2024-09-20T18:00:00Z"), units::Timestamp::MAX, 10_000);
    sealed.doubts = vec![Doubt::TooLong { duration: sealed.duration(), limit: Cdr::DURATION_LIMIT }];
    let applied = resolution(&sealed, "why not", Correction::default()).apply(&sealed);
    assert!(matches!(applied, Err(crate::finding::ResolutionRefusal::StillInDoubt { .. })));
    let tariff = energy_tariff("t", 1);
    let last_day = at("9999-12-30T00:00:00Z");
    assert!(tariff.boundaries(&sealed.zone, last_day, units::Timestamp::MAX).len() < 3, "the calendar ends");
}

#[test]
fn a_credit_mirrors_the_original_and_never_exceeds_it() {
    let books = worked_month(SellerRole::Owner, VatStatus::Registered);
    let line = &books.lines[0];
    let part = |minor| Part { amount: eur(minor), energy: units::WattHours::ZERO };
    let first = line.credit(1, september(), part(2_000), &[]).unwrap();
    assert_eq!(first.amount, eur(-2_000));
    let kind = crate::invoice::ChargingKind::Credit(1);
    let mirrored = ChargingLine { kind, amount: eur(-2_000), energy: units::WattHours::ZERO, ..line.clone() };
    assert_eq!(first, mirrored);
    assert!(matches!(
        line.credit(2, september(), part(401), std::slice::from_ref(&first)),
        Err(InvoiceRefusal::CreditTooHigh { left, .. }) if left == eur(400)
    ));
    let second = line.credit(2, september(), part(400), std::slice::from_ref(&first)).unwrap();
    let account = "a".parse().unwrap();
    let (lists, vat) = (PriceLists::built_in(), VatTable::finland());
    let credits = statement(&account, september(), &[first, second], &lists, &vat).unwrap();
    assert_eq!(credits.total, eur(-2_400), "no invoicing fee on credits only");
    assert_eq!(vat_of(&credits.sections), eur(-488));
}

#[test]
fn a_document_refuses_lines_that_are_not_its_own() {
    let books = worked_month(SellerRole::Owner, VatStatus::Registered);
    let (lists, vat) = (PriceLists::built_in(), VatTable::finland());
    let account: AccountId = "a".parse().unwrap();
    let refusal = statement(&account, september(), &books.lines, &lists, &vat).unwrap_err();
    assert_eq!(refusal, InvoiceRefusal::ForeignLine { cdr: CdrId(2) }, "the guest's");
    let refusal = statement(&account, september().next(), &books.lines[..1], &lists, &vat).unwrap_err();
    assert_eq!(refusal, InvoiceRefusal::ForeignLine { cdr: CdrId(1) }, "another month's");
    assert_eq!(receipt(SessionId(2), &[], &lists, &vat).unwrap_err(), InvoiceRefusal::NoLines);
    let heir = contract("heir", SellerRole::Owner, VatStatus::Registered);
    let refusal = ChargingLine::new(&books.priced[0], &heir, &vat).unwrap_err();
    assert!(matches!(refusal, InvoiceRefusal::AnotherOwner { .. }));
}

#[test]
fn a_guest_without_energy_pays_nothing_and_an_account_without_charging_gets_no_fee() {
    let (lists, vat) = (PriceLists::built_in(), VatTable::finland());
    let mut cdr = cdr(1, at("2024-09-20T18:00:00Z"), at("2024-09-20T20:00:00Z"), 0);
    cdr.driver = Driver::Guest;
    cdr.fee_class = FeeClass::Public;
    use crate::tariff::{
        ComponentKind::{Energy, Flat},
        Restrictions,
    };
    let prices = [super::samples::component(Energy, 350_000), super::samples::component(Flat, 1_000_000)];
    let tariff = super::samples::tariff("t", vec![element(&prices, Restrictions::default())]);
    let priced = price(&Billable::sealed(&cdr).unwrap(), &tariff, FlatDue::Due).unwrap();
    let contract = contract("owner", SellerRole::Owner, VatStatus::Registered);
    let line = ChargingLine::new(&priced, &contract, &vat).unwrap();
    assert_eq!(receipt(SessionId(1), &[line], &lists, &vat).unwrap().total, eur(0));
    let nothing = statement(&"a".parse().unwrap(), september(), &[], &lists, &vat).unwrap();
    assert_eq!((nothing.total, nothing.sections.len()), (eur(0), 0));
}

#[test]
fn a_negative_settlement_carries_over_and_becomes_an_invoice_after_two_months() {
    let owner = "owner".parse().unwrap();
    let mut ledger = Ledger::default();
    let mut month = september();
    let rate = VatTable::finland().at_end_of(month).unwrap();
    let outcomes = [
        Outcome::CarryOver(eur(-500)),
        Outcome::CarryOver(eur(-1_000)),
        Outcome::Invoice(eur(1_500)),
        Outcome::CarryOver(eur(-500)),
    ];
    for (outcome, number) in outcomes.into_iter().zip(1..) {
        let stamp = Stamp { at: at("2024-09-30T20:00:00Z"), month };
        let fee = FeeLine { kind: FeeKind::ChargingPoint, amount: eur(500), rate };
        ledger.append(ledger::owner_fee(&owner, &"site".parse().unwrap(), fee, stamp)).unwrap();
        let settlement = settle(&ledger, &owner, month, Currency::Eur);
        assert_eq!(settlement.outcome, outcome, "month {number}");
        if let Outcome::Invoice(amount) = settlement.outcome {
            // Posted in the next month, it still settles its own.
            let later = Stamp { month: month.next(), ..stamp };
            ledger.append(ledger::settlement_invoice(&owner, month, amount, later)).unwrap();
        }
        assert_eq!(audit(&ledger, &owner, month, Currency::Eur), []);
        month = month.next();
    }
    let open = ledger.open_claims(&Debtor::Owner(owner), Currency::Eur);
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].1, eur(1_500));
}

#[test]
fn site_fees_pass_over_the_lines_of_other_months_and_sites() {
    let books = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let mut lines = books.lines.clone();
    lines.extend(books.lines.iter().cloned().map(|line| ChargingLine { month: september().next(), ..line }));
    let elsewhere: units::SiteId = "elsewhere".parse().unwrap();
    lines.extend(books.lines.iter().cloned().map(|line| ChargingLine { site: elsewhere.clone(), ..line }));
    let site = "site".parse().unwrap();
    let facts = SiteFacts {
        site: &site,
        month: september(),
        plan: FeePlan::PerKilowattHour,
        lines: &lines,
        charging_points: 9,
        opening: Opening::NotDue,
    };
    let lists = PriceLists::built_in();
    assert_eq!(site_fees(&facts, lists.of(september()).unwrap(), books.fees[0].rate), books.fees);
}

#[test]
fn an_opening_fee_is_netted_once_or_invoiced_by_itself() {
    let lists = PriceLists::built_in();
    let (site, owner) = ("site".parse().unwrap(), "owner".parse().unwrap());
    let rate = VatTable::finland().at_end_of(september()).unwrap();
    let facts = SiteFacts {
        site: &site,
        month: september(),
        plan: FeePlan::PerChargingPoint,
        lines: &[],
        charging_points: 2,
        opening: Opening::NettedNow,
    };
    let fees = site_fees(&facts, lists.of(september()).unwrap(), rate);
    assert_eq!(
        fees.iter().map(|fee| (fee.kind, fee.amount)).collect::<Vec<_>>(),
        [(FeeKind::ChargingPoint, eur(1_000)), (FeeKind::Opening, eur(35_000))]
    );
    let mut ledger = Ledger::default();
    let stamp = Stamp { at: at("2024-09-01T00:00:00Z"), month: september() };
    ledger.append(ledger::opening_invoice(&owner, &site, fees[1], stamp)).unwrap();
    assert!(ledger.append(ledger::opening_invoice(&owner, &site, fees[1], stamp)).is_err(), "once per site");
    assert_eq!(ledger.open_claims(&Debtor::Owner(owner), Currency::Eur)[0].1, eur(35_000));
    assert_eq!(ledger.balance(&LedgerAccount::VatOutput(rate), Currency::Eur), eur(-7_112));
}

/// Resident A: 120.000 kWh at 0.20 on the plan. Guest G: 18.700 kWh at 0.35 on a public EVSE. All collected.
fn worked_month(seller: SellerRole, owner_vat: VatStatus) -> Books {
    let (lists, vat) = (PriceLists::built_in(), VatTable::finland());
    let contract = contract("owner", seller, owner_vat);
    let resident = cdr(1, at("2024-09-10T15:00:00Z"), at("2024-09-11T05:00:00Z"), 120_000);
    let guest = Cdr {
        fee_class: FeeClass::Public,
        driver: Driver::Guest,
        ..cdr(2, at("2024-09-12T15:00:00Z"), at("2024-09-12T18:00:00Z"), 18_700)
    };
    let priced = [(&resident, energy_tariff("t", 200_000)), (&guest, energy_tariff("t", 350_000))]
        .map(|(cdr, tariff)| priced_twice(cdr, &tariff));
    let lines = priced.each_ref().map(|priced| ChargingLine::new(priced, &contract, &vat).unwrap());
    let account: AccountId = "a".parse().unwrap();
    let statement = statement(&account, september(), &lines[..1], &lists, &vat).unwrap();
    let receipt = receipt(SessionId(2), &lines[1..], &lists, &vat).unwrap();

    let stamp = Stamp { at: at("2024-09-30T20:59:00Z"), month: september() };
    let mut ledger = Ledger::default();
    for line in &lines {
        ledger.append(ledger::charge(line, stamp)).unwrap();
    }
    let documents = [
        (DocumentKey::Statement(account.clone(), september()), &lines[0].debtor, &statement.sections),
        (DocumentKey::Receipt(SessionId(2)), &lines[1].debtor, &receipt.sections),
    ];
    for (document, debtor, sections) in documents {
        for section in sections {
            for entry in [
                ledger::charging_vat(document.clone(), section, stamp),
                ledger::driver_fee(document.clone(), debtor, section, stamp),
            ]
            .into_iter()
            .flatten()
            {
                ledger.append(entry).unwrap();
            }
        }
    }
    let payments = [
        (1, &lines[0].debtor, PaymentMethod::Bank, statement.total),
        (2, &lines[1].debtor, PaymentMethod::Card, receipt.total),
    ];
    for (number, debtor, method, amount) in payments {
        let parts = ledger::allocate(amount, &ledger.open_claims(debtor, Currency::Eur));
        let entry = ledger::collection(PaymentKey(number), debtor, method, amount, &parts, stamp);
        ledger.append(entry).unwrap();
        assert_eq!(ledger.open_claims(debtor, Currency::Eur), [], "paid in full");
    }
    ledger.append(ledger::card_payout(PaymentKey(3), receipt.total, eur(0), stamp)).unwrap();

    let (site, owner) = ("site".parse().unwrap(), "owner".parse().unwrap());
    let facts = SiteFacts {
        site: &site,
        month: september(),
        plan: contract.plan_of(september()).unwrap(),
        lines: &lines,
        charging_points: 1,
        opening: Opening::NotDue,
    };
    let rate = vat.at_end_of(september()).unwrap();
    let fees = site_fees(&facts, lists.of(september()).unwrap(), rate);
    for fee in &fees {
        ledger.append(ledger::owner_fee(&owner, &site, *fee, stamp)).unwrap();
    }
    let settlement = settle(&ledger, &owner, september(), Currency::Eur);
    let Outcome::Payout(amount) = settlement.outcome else { panic!("no payout: {settlement:?}") };
    let october = Stamp { month: september().next(), ..stamp };
    ledger.append(ledger::payout(&owner, september(), amount, october)).unwrap();
    ledger.append(ledger::payout_executed(&owner, september(), amount, october)).unwrap();

    assert_eq!(audit(&ledger, &owner, september(), Currency::Eur), []);
    assert_eq!(audit(&ledger, &owner, september().next(), Currency::Eur), []);
    assert_eq!(ledger.sum(Currency::Eur, |_, _| true), eur(0), "the ledger stands at zero");
    assert_eq!(ledger.balance(&LedgerAccount::OwedToOwner(owner), Currency::Eur), eur(0));
    Books { lines: lines.to_vec(), priced: priced.to_vec(), statement, receipt, fees, settlement, ledger }
}

struct Books {
    priced: Vec<PricedCdr>,
    lines: Vec<ChargingLine>,
    statement: Statement,
    receipt: Receipt,
    fees: Vec<FeeLine>,
    settlement: Settlement,
    ledger: Ledger,
}

impl Books {
    fn balance(&self, account: &LedgerAccount) -> Money {
        self.ledger.balance(account, Currency::Eur)
    }

    /// What the operator keeps, gross, and the output VAT within it.
    fn operator_income_and_vat(&self) -> (Money, Money) {
        let of = |select: fn(&LedgerAccount) -> bool| {
            -self.ledger.sum(Currency::Eur, |_, account| select(account))
        };
        let vat = of(|account| matches!(account, LedgerAccount::VatOutput(_)));
        (vat + of(|account| matches!(account, LedgerAccount::FeeIncome(_))), vat)
    }
}

fn priced_twice(cdr: &Cdr, tariff: &Tariff) -> PricedCdr {
    let billable = Billable::sealed(cdr).unwrap();
    let priced = price(&billable, tariff, FlatDue::Due).unwrap();
    let naive = naive::price(&billable, tariff.parts(), FlatDue::Due).unwrap();
    assert_eq!(i128::from(priced.amount.minor()), naive.minor);
    priced
}

fn resolution(cdr: &Cdr, reason: &str, correction: Correction) -> Resolution {
    Resolution {
        cdr: cdr.id,
        decided_by: "keeper".to_owned(),
        decided_at: at("2024-09-02T08:00:00Z"),
        reason: reason.to_owned(),
        decision: Decision::BillAsCorrected(correction),
    }
}

fn september() -> CivilMonth {
    CivilMonth { year: 2024, month: 9 }
}

fn vat_of(sections: &[crate::invoice::Section]) -> Money {
    sum(sections.iter().flat_map(|section| &section.vat).map(|line| line.vat))
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(eur(0), |sum, amount| sum + amount)
}
