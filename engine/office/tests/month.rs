//! A month through the office: CDRs in, documents, settlement, payout and ledger out.

#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests and their helpers pick the records they look at, and fail where they are not there"
)]

mod desk;

use billing::cdr::Driver;
use billing::contract::{FeePlan, SellerRole};
use billing::finding::{Correction, Decision};
use billing::ledger::{DocumentKey, PaymentMethod};
use billing::settlement::Outcome;
use billing::vat::VatStatus;
use desk::{Desk, access, cdr, doubtful, eur, id, owner_row};
use office::query::MonthState;
use office::record::{OwnerRow, Record};
use office::{Command, CommandAnswer, Input, Query, QueryAnswer, Refusal};
use units::{CdrId, SessionId, WattHours};

#[test]
fn m4_the_worked_month_of_money_section_11_comes_out_to_the_cent() {
    use SellerRole::{Operator, Owner};
    use VatStatus::{NotRegistered, Registered};
    // Who sells, the owner's VAT status, the payout, what of it is VAT that the operator deducts, VAT of sections.
    let table = [
        (Owner, NotRegistered, 2_597, 0),
        (Owner, Registered, 2_597, 0),
        (Operator, NotRegistered, 1_976, 621),
    ];
    for (seller, vat, payout, vat_borne) in table {
        let mut desk = worked_month(seller, vat);

        let closed = desk.close("owner", "2026-01");
        let statement = DocumentKey::Statement(id("a"), id("2026-01"));
        let receipt = DocumentKey::Receipt(SessionId(2));
        assert_eq!(closed.issued, [statement.clone(), receipt.clone()]);
        let totals: Vec<_> = desk.documents().iter().map(|document| document.total).collect();
        assert_eq!(totals, [eur(2_500), eur(705)], "{seller:?} {vat:?}");

        desk.collect_all();
        assert_eq!(desk.balance("Cash") + desk.balance("CardClearing"), 3_205, "32.05 in");
        assert_eq!(desk.balance("Receivable"), 0);

        let settlement = desk.settle("owner", "2026-01");
        assert_eq!(settlement.collected, eur(3_055));
        assert_eq!(settlement.fees, eur(458));
        assert_eq!(settlement.vat_borne, eur(vat_borne));
        assert_eq!(settlement.outcome, Outcome::Payout(eur(payout)), "{seller:?} {vat:?}");
        assert_eq!(desk.balance("OwedToOwner"), -payout);

        let of = || (id("owner"), id("2026-01"));
        let (owner, month) = of();
        assert_eq!(desk.command_by("ann", Command::ProposePayout { owner, month }), CommandAnswer::Done);
        let (owner, month) = of();
        assert_eq!(desk.command_by("ben", Command::ApprovePayout { owner, month }), CommandAnswer::Done);
        assert_eq!(desk.balance("OwedToOwner"), 0);
        assert_eq!(desk.balance("PayoutsInTransit"), -payout);
        // The operator's 6.08: 1.00 + 0.50 from drivers, 4.58 from the owner; VAT 0.20 + 0.10 + (0.73 + 0.20).
        assert_eq!(desk.balance("FeeIncome"), -(608 - 123));
        assert_eq!(desk.balance("VatOutput") + vat_borne, -123);
    }
}

#[test]
fn m4_a_registered_owners_vat_is_on_the_documents() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::Registered);
    desk.close("owner", "2026-01");
    let documents = desk.documents();
    let sections = documents.iter().flat_map(|document| match &document.document {
        office::record::Document::Statement(statement) => &statement.sections,
        office::record::Document::Receipt(receipt) => &receipt.sections,
    });
    let owners = sections.filter(|section| section.seller != billing::invoice::Seller::Operator);
    let vat: Vec<i64> = owners.flat_map(|section| &section.vat).map(|line| line.vat.minor()).collect();
    assert_eq!(vat, [488, 133], "6.21 in all");
}

#[test]
fn m1_a_cdr_that_comes_again_changes_nothing() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let held = doubtful(cdr(3, "a", "PRIVATE/1", 5_000, "2026-01-20T12:00:00Z"));
    desk.cdr(&held);
    let records = desk.records.len();
    for cdr in worked_cdrs().iter().chain([&held]) {
        desk.cdr(cdr);
    }
    assert_eq!(desk.records.len(), records);
    desk.at("2026-02-05T12:00:00Z").close("owner", "2026-01");
    let records = desk.records.len();
    for cdr in worked_cdrs().iter().chain([&held]) {
        desk.cdr(cdr);
    }
    assert_eq!(desk.records.len(), records, "after the close as well");
}

#[test]
fn m1_a_held_cdr_is_billed_in_the_month_of_its_release() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.cdr(&doubtful(cdr(3, "b", "PRIVATE/1", 5_000, "2026-01-20T12:00:00Z")));
    let QueryAnswer::Findings(findings) = desk.ask(Query::Findings) else { panic!() };
    assert_eq!((findings.len(), findings[0].cdr), (1, CdrId(3)));

    let closed = desk.at("2026-02-05T12:00:00Z").close("owner", "2026-01");
    assert_eq!(closed.held, [CdrId(3)], "it is named");
    assert_eq!(closed.issued.len(), 2, "and not billed");

    let resolve =
        |decision, reason: &str| Command::Resolve { cdr: CdrId(3), decision, reason: reason.into() };
    let as_sealed = || Decision::BillAsCorrected(Correction::default());
    assert_eq!(desk.refused(resolve(as_sealed(), " ")), ["the resolution of CDR 3 has no reason"]);
    desk.done(resolve(as_sealed(), "the meter's own record agrees"));
    assert_eq!(desk.refused(resolve(as_sealed(), "again")), ["CDR 3 is not held"]);

    let closed = desk.at("2026-03-05T12:00:00Z").close("owner", "2026-02");
    assert_eq!(closed.issued, [DocumentKey::Statement(id("b"), id("2026-02"))]);
    assert_eq!(desk.documents()[2].total, eur(200), "5 kWh and the invoicing fee");
}

#[test]
fn m1_what_is_written_off_is_never_billed_and_bears_no_fee() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.cdr(&doubtful(cdr(3, "b", "PRIVATE/1", 100_000, "2026-01-20T12:00:00Z")));
    let decision = Decision::WriteOff;
    desk.done(Command::Resolve { cdr: CdrId(3), decision, reason: "the meter was broken".into() });
    let closed = desk.at("2026-02-05T12:00:00Z").close("owner", "2026-01");
    assert_eq!((closed.issued.len(), closed.held.len()), (2, 0));
    desk.collect_all();
    assert_eq!(desk.settle("owner", "2026-01").fees, eur(458));
}

#[test]
fn m1_a_cdr_without_a_price_is_held_until_a_person_decides() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let mut unpriced = cdr(3, "a", "PRIVATE/1", 5_000, "2026-01-20T12:00:00Z");
    unpriced.tariff = Some(id("later"));
    desk.cdr(&unpriced);
    let QueryAnswer::Findings(findings) = desk.ask(Query::Findings) else { panic!() };
    assert_eq!(findings[0].unbillable.as_deref(), Some("tariff later is unknown"));
    let decision = || Decision::BillAsCorrected(Correction::default());
    let resolve =
        || Command::Resolve { cdr: CdrId(3), decision: decision(), reason: "now it is known".into() };
    assert_eq!(desk.refused(resolve()), ["CDR 3 cannot be billed: tariff later is unknown"]);
    desk.done(Command::PutTariff(Box::new(desk::tariff_of("later", 100_000))));
    desk.done(resolve());
    let QueryAnswer::AccountMonth(months) =
        desk.ask(Query::AccountMonth { account: id("a"), month: id("2026-02") })
    else {
        panic!()
    };
    assert_eq!(months[0].1.amount, eur(50), "in the month of the decision");
}

#[test]
fn m1_a_cdr_that_is_sealed_after_its_month_was_closed_is_billed_in_the_next() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.close("owner", "2026-01");
    desk.cdr(&cdr(3, "a", "PRIVATE/1", 10_000, "2026-01-31T12:00:00Z"));
    let closed = desk.at("2026-03-01T12:00:00Z").close("owner", "2026-02");
    assert_eq!(closed.issued, [DocumentKey::Statement(id("a"), id("2026-02"))]);
}

#[test]
fn m6_a_month_runs_until_midnight_at_the_site() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    desk.at("2026-01-31T21:59:59.999Z");
    let close = || Command::CloseMonth { owner: id("owner"), month: id("2026-01") };
    assert_eq!(
        desk.refused(close()),
        ["2026-01 of owner owner runs until 2026-01-31T22:00:00.000Z"],
        "Helsinki is two hours ahead"
    );
    desk.at("2026-01-31T22:00:00Z").close("owner", "2026-01");
    // An hour over local midnight belongs to the month of its end.
    desk.cdr(&cdr(1, "a", "PRIVATE/1", 1_000, "2026-01-31T22:30:00Z"));
    let QueryAnswer::OwnerMonth(Some(month)) =
        desk.ask(Query::OwnerMonth { owner: id("owner"), month: id("2026-02") })
    else {
        panic!()
    };
    assert_eq!((month.state, month.total.unwrap().cdrs), (MonthState::Open, 1));
}

#[test]
fn closing_again_answers_and_changes_nothing() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let first = desk.close("owner", "2026-01");
    let facts = |desk: &Desk| desk.records.iter().filter(|r| !matches!(r, Record::Audit(_))).count();
    let before = facts(&desk);
    let again = desk.close("owner", "2026-01");
    assert_eq!((again.issued, again.held), (vec![], first.held));
    desk.collect_all();
    let settled = desk.settle("owner", "2026-01");
    let after = facts(&desk);
    assert!(before < after);
    assert_eq!(desk.settle("owner", "2026-01"), settled);
    assert_eq!(facts(&desk), after);
}

#[test]
fn months_are_closed_and_settled_in_order() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.at("2026-04-01T12:00:00Z");
    let close = |month| Command::CloseMonth { owner: id("owner"), month: id(month) };
    let settle = |month| Command::Settle { owner: id("owner"), month: id(month) };
    assert_eq!(desk.refused(close("2026-02")), ["2026-01 of owner owner comes first"]);
    assert_eq!(desk.refused(settle("2026-01")), ["2026-01 of owner owner is not closed"]);
    desk.close("owner", "2026-01");
    desk.close("owner", "2026-02");
    assert_eq!(desk.refused(settle("2026-02")), ["2026-01 of owner owner is settled first"]);
    assert_eq!(
        desk.refused(settle("2025-12")),
        ["2025-12 of owner owner lies before the first month, 2026-01"]
    );
    assert_eq!(
        desk.refused(close("2026-04")),
        ["2026-04 of owner owner runs until 2026-04-30T21:00:00.000Z"]
    );
    let nobody = Command::CloseMonth { owner: id("nobody"), month: id("2026-01") };
    assert_eq!(desk.refused(nobody), ["owner nobody is unknown"]);
}

#[test]
fn what_is_collected_after_the_settlement_goes_into_the_next_one() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.close("owner", "2026-01");
    let receipt = DocumentKey::Receipt(SessionId(2));
    desk.done(Command::Collect { document: receipt.clone(), method: PaymentMethod::Card });
    let again = Command::Collect { document: receipt, method: PaymentMethod::Card };
    assert_eq!(desk.refused(again), ["document receipt 2 does not exist or is paid already"]);

    let first = desk.settle("owner", "2026-01");
    assert_eq!(first.outcome, Outcome::Payout(eur(655 - 458)));
    assert_eq!(first.revenue.open, eur(2_400));

    desk.collect_all();
    desk.at("2026-03-02T12:00:00Z").close("owner", "2026-02");
    let settle = Command::Settle { owner: id("owner"), month: id("2026-02") };
    assert_eq!(
        desk.refused(settle),
        ["the payout of 2026-01 to owner owner is approved first"],
        "or it would be paid twice"
    );
    pay_out(&mut desk, "2026-01");
    let second = desk.settle("owner", "2026-02");
    assert_eq!(second.outcome, Outcome::Payout(eur(2_400)));
    assert_eq!(second.carried_in, eur(0));
}

#[test]
fn a_payout_needs_two_persons() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let of = || (id("owner"), id("2026-01"));
    let propose = || {
        let (owner, month) = of();
        Command::ProposePayout { owner, month }
    };
    let approve = || {
        let (owner, month) = of();
        Command::ApprovePayout { owner, month }
    };
    assert_eq!(desk.refused(propose()), ["2026-01 of owner owner is not settled"]);
    desk.close("owner", "2026-01");
    desk.collect_all();
    desk.settle("owner", "2026-01");
    assert_eq!(desk.refused(approve()), ["the payout of 2026-01 to owner owner was not proposed"]);
    desk.done(propose());
    assert_eq!(desk.refused(propose()), ["the payout of 2026-01 to owner owner was proposed by ann"]);
    assert_eq!(
        desk.refused(approve()),
        ["ann proposed the payout of 2026-01 to owner owner: another person must approve it"]
    );
    assert_eq!(desk.command_by("ben", approve()), CommandAnswer::Done);
    assert_eq!(desk.refused(approve()), ["the payout of 2026-01 to owner owner was approved by ben"]);
}

#[test]
fn an_account_at_two_owners_gets_one_statement_with_one_fee() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.done(Command::PutOwner(owner_row(
        "heir",
        SellerRole::Owner,
        VatStatus::NotRegistered,
        FeePlan::PerKilowattHour,
    )));
    let mut elsewhere = cdr(3, "a", "PRIVATE/2", 10_000, "2026-01-20T12:00:00Z");
    elsewhere.owner = id("heir");
    elsewhere.site = id("heirs-site");
    desk.cdr(&elsewhere);

    let closed = desk.close("owner", "2026-01");
    assert_eq!(closed.issued, [DocumentKey::Receipt(SessionId(2))]);
    assert_eq!(closed.awaiting, [id("a")]);
    let settle = Command::Settle { owner: id("owner"), month: id("2026-01") };
    assert_eq!(
        desk.refused(settle),
        ["2026-01 of owner owner: 1 statements wait until other owners close the month"]
    );

    let closed = desk.close("heir", "2026-01");
    assert_eq!(closed.issued, [DocumentKey::Statement(id("a"), id("2026-01"))]);
    assert_eq!(desk.documents()[1].total, eur(2_400 + 200 + 100));
    desk.collect_all();
    assert_eq!(desk.settle("owner", "2026-01").collected, eur(3_055));
    assert_eq!(desk.settle("heir", "2026-01").collected, eur(200));

    // A straggler of the month goes onto the next statement: there is one invoicing fee per statement.
    let mut late = cdr(4, "a", "PRIVATE/2", 10_000, "2026-01-31T12:00:00Z");
    late.owner = id("third");
    late.site = id("third-site");
    desk.done(Command::PutOwner(OwnerRow { owner: id("third"), ..third_owner() }));
    desk.cdr(&late);
    let QueryAnswer::AccountMonth(months) =
        desk.ask(Query::AccountMonth { account: id("a"), month: id("2026-02") })
    else {
        panic!()
    };
    assert_eq!(months.len(), 1);
}

#[test]
fn charging_points_are_paid_for_whether_they_are_used_or_not() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerChargingPoint);
    let mut gone = access("owner", "PRIVATE/2");
    gone.decommissioned_at = Some(id("2026-01-10T00:00:00Z"));
    desk.done(Command::PutAccess(gone));
    desk.at("2026-03-05T12:00:00Z").close("owner", "2026-01");
    assert_eq!(
        desk.settle("owner", "2026-01").fees,
        eur(1_000),
        "two of class plan, one of them until the 10th"
    );
    desk.close("owner", "2026-02");
    let second = desk.settle("owner", "2026-02");
    assert_eq!((second.fees, second.carried_in), (eur(500), eur(-1_000)));
    assert_eq!(second.outcome, Outcome::CarryOver(eur(-1_500)));
}

#[test]
fn a_guest_has_one_receipt_and_one_fee_per_session() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let mut same_session = cdr(3, "guest", "PUBLIC/1", 1_000, "2026-01-20T12:00:00Z");
    same_session.session = SessionId(2);
    desk.cdr(&same_session);
    let mut next_month = cdr(4, "guest", "PUBLIC/1", 1_000, "2026-02-01T12:00:00Z");
    next_month.session = SessionId(2);
    desk.at("2026-02-02T00:00:00Z").cdr(&next_month);
    let closed = desk.close("owner", "2026-01");
    assert_eq!(closed.held, [CdrId(4)], "over the end of a month a person decides");
    assert_eq!(desk.documents()[1].total, eur(655 + 35 + 50));
}

#[test]
fn today_is_what_ended_today_on_the_sites_calendar() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.at("2026-02-02T21:00:00Z");
    desk.cdr(&cdr(3, "a", "PRIVATE/1", 4_000, "2026-02-02T20:00:00Z"));
    desk.cdr(&cdr(4, "guest", "PUBLIC/1", 2_000, "2026-02-01T21:59:00Z"));
    let today = |desk: &mut Desk| match desk.ask(Query::SiteToday(id("site"))) {
        QueryAnswer::SiteToday(Some(day)) => (day.date.to_string(), day.cdrs, day.energy, day.amounts),
        answer => panic!("{answer:?}"),
    };
    let energy = WattHours::from_watt_hours(4_000);
    assert_eq!(today(&mut desk), ("2026-02-02".to_owned(), 1, energy, vec![eur(80)]));
    desk.at("2026-02-02T22:00:00Z");
    assert_eq!(today(&mut desk), ("2026-02-03".to_owned(), 0, WattHours::ZERO, vec![]));
    assert_eq!(desk.ask(Query::SiteToday(id("elsewhere"))), QueryAnswer::SiteToday(None));
}

#[test]
fn totals_are_per_driver_and_per_owner() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    let QueryAnswer::OwnerMonth(Some(month)) =
        desk.ask(Query::OwnerMonth { owner: id("owner"), month: id("2026-01") })
    else {
        panic!()
    };
    let total = month.total.unwrap();
    assert_eq!((total.energy, total.amount), (WattHours::from_watt_hours(138_700), eur(3_055)));
    let drivers: Vec<_> =
        month.drivers.iter().map(|(driver, total)| (driver.clone(), total.amount)).collect();
    assert_eq!(drivers, [(Driver::Account(id("a")), eur(2_400)), (Driver::Guest, eur(655))]);
    assert_eq!(
        desk.ask(Query::OwnerMonth { owner: id("nobody"), month: id("2026-01") }),
        QueryAnswer::OwnerMonth(None)
    );
}

#[test]
fn terms_that_a_closed_month_rests_on_do_not_change() {
    let mut desk = worked_month(SellerRole::Owner, VatStatus::NotRegistered);
    desk.close("owner", "2026-01");
    let mut owner = owner_row("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    let mut later = owner.contract.terms[0];
    later.plan = FeePlan::PerChargingPoint;
    later.valid_from = id("2026-01-31");
    owner.contract.terms.push(later);
    assert_eq!(
        desk.refused(Command::PutOwner(owner.clone())),
        [
            "the contract's terms of owner owner on 2026-01-31 rest on a month that is closed: the earliest day to \
          change is 2026-02-01"
        ]
    );
    owner.contract.terms[1].valid_from = id("2026-02-01");
    desk.done(Command::PutOwner(owner));

    let mut row = access("owner", "PRIVATE/1");
    row.terms[0].tariff_accounts = Some(id("public"));
    assert_eq!(desk.refused(Command::PutAccess(row)).len(), 1);
    let mut prices = billing::fees::PriceLists::built_in().0[0];
    prices.invoicing = eur(200);
    assert_eq!(desk.refused(Command::PutPrices(prices)).len(), 1);
    prices.valid_from = id("2026-02-01");
    desk.done(Command::PutPrices(prices));
}

#[test]
fn each_refusal_has_its_own_words() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    let dearer = Command::PutTariff(Box::new(desk::tariff_of("private", 999_999)));
    assert_eq!(
        desk.refused(dearer),
        ["tariff private exists already with other contents: give the new version its own id"]
    );
    let mut row = access("nobody", "PUBLIC/1");
    row.terms[0].fee_class = billing::cdr::FeeClass::Plan;
    row.terms[0].tariff_guests = Some(id("unheard-of"));
    assert_eq!(desk.refused(Command::PutAccess(row)).len(), 3, "all at once");
    let answer = desk.command(Command::ProposePayout { owner: id("owner"), month: id("2026-01") });
    assert!(matches!(answer, CommandAnswer::Refused(refusals)
        if matches!(refusals[..], [Refusal::NotSettled { .. }])));
    let audits: Vec<_> = desk
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Audit(row) => Some((row.actor.as_str(), row.what.as_str(), row.outcome.as_str())),
            _other => None,
        })
        .collect();
    assert_eq!(
        audits.last(),
        Some(&(
            "ann",
            "propose payout of 2026-01 to owner owner",
            "refused: 2026-01 of owner owner is not settled"
        ))
    );
}

/// Section 11's month: resident a 120 kWh privately, a guest 18.7 kWh at the public EVSE; February has begun.
fn worked_month(seller: SellerRole, vat: VatStatus) -> Desk {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", seller, vat, FeePlan::PerKilowattHour);
    worked_cdrs().iter().for_each(|cdr| desk.cdr(cdr));
    desk.at("2026-02-01T12:00:00Z");
    desk.input(Input::Tick);
    desk
}

fn worked_cdrs() -> [billing::cdr::Cdr; 2] {
    [
        cdr(1, "a", "PRIVATE/1", 120_000, "2026-01-10T12:00:00Z"),
        cdr(2, "guest", "PUBLIC/1", 18_700, "2026-01-15T12:00:00Z"),
    ]
}

fn pay_out(desk: &mut Desk, month: &str) {
    let of = || (id("owner"), id(month));
    let (owner, month) = of();
    assert_eq!(desk.command_by("ann", Command::ProposePayout { owner, month }), CommandAnswer::Done);
    let (owner, month) = of();
    assert_eq!(desk.command_by("ben", Command::ApprovePayout { owner, month }), CommandAnswer::Done);
}

fn third_owner() -> OwnerRow {
    owner_row("third", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour)
}
