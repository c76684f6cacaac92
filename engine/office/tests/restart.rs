//! Restarts, repeats and random months: what is restored equals what never stopped, and every CDR has one fate.

#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests and their helpers pick the records they look at, and fail where they are not there"
)]

mod desk;

use std::collections::BTreeSet;

use billing::contract::{FeePlan, SellerRole};
use billing::finding::{Correction, Decision, Fate, audit_fates};
use billing::settlement::Outcome;
use billing::vat::VatStatus;
use desk::{Desk, cdr, doubtful, eur, id, restored_by_the_book};
use office::record::Record;
use office::{Command, Input, Query, QueryAnswer, Restored};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::civil::CivilMonth;
use units::{CdrId, TimeSpan, Timestamp};

#[test]
fn m1_m4_random_months_with_restarts_bill_each_cdr_once_and_keep_the_ledger_at_zero() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut desk = random.furnished();
        for round in 0..10 {
            let mut restarted = desk.restarted(restored_by_the_book(&desk.records));
            let mut whole = desk.restarted(Restored { records: desk.records.clone(), sums: vec![] });
            for query in random.queries() {
                let known = desk.ask(query.clone());
                assert_eq!(restarted.ask(query.clone()), known, "seed {seed}, round {round}");
                assert_eq!(whole.ask(query), known, "seed {seed}, round {round}");
            }
            for step in 0..40 {
                let input = random.input(&mut desk);
                restarted.now = desk.now;
                let (before, from) = (desk.records.len(), restarted.records.len());
                let effects = desk.input(input.clone());
                assert_eq!(restarted.input(input), effects, "seed {seed}, round {round}, step {step}");
                let (mut new, mut expected) =
                    (restarted.records[from..].to_vec(), desk.records[before..].to_vec());
                forget_directory_version(&mut new);
                forget_directory_version(&mut expected);
                assert_eq!(new, expected, "seed {seed}, round {round}, step {step}");
            }
            desk = restarted;
        }
        assert_eq!(audit_fates(sealed(&random), fates(&desk)), [], "seed {seed}");
        assert_eq!(desk.balance("Nothing"), 0);
    }
}

#[test]
fn m4_the_settlements_of_random_months_add_up_to_all_money() {
    for seed in 100..106 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut desk = random.furnished();
        for _ in 0..300 {
            let input = random.input(&mut desk);
            desk.input(input);
        }
        for record in &desk.records {
            let Record::Settlement(row) = record else { continue };
            let revenue = row.settlement.revenue;
            let parts = revenue.collected + revenue.open + revenue.written_off;
            assert_eq!(revenue.charged, parts, "seed {seed}: {:?}", row.settlement);
            let total = row.settlement.collected - row.settlement.fees - row.settlement.vat_borne
                + row.settlement.carried_in;
            assert_eq!(row.settlement.total, total, "seed {seed}");
        }
        // All that came in is owed to owners, on its way to them, the operator's, or the state's.
        let came_in = desk.balance("Cash") + desk.balance("CardClearing");
        let went_to = ["OwedToOwner", "PayoutsInTransit", "FeeIncome", "VatOutput", "VatInput"]
            .map(|account| desk.balance(account));
        let expected = desk.balance("Receivable") + desk.balance("OwnerUncollected");
        assert_eq!(came_in + went_to.iter().sum::<i64>() + expected, 0, "seed {seed}");
    }
}

#[test]
fn m4_some_random_month_really_pays_out() {
    let paid = (0..12).any(|seed| {
        let mut random = Random::new(seed);
        let mut desk = random.furnished();
        for _ in 0..400 {
            let input = random.input(&mut desk);
            desk.input(input);
        }
        desk.records.iter().any(|record| match record {
            Record::Settlement(row) => matches!(row.settlement.outcome, Outcome::Payout(_)),
            _other => false,
        })
    });
    assert!(paid, "the random months above would prove nothing");
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut random = Random::new(7);
        let mut desk = random.furnished();
        for _ in 0..200 {
            let input = random.input(&mut desk);
            desk.input(input);
        }
        format!("{:?}", desk.outputs)
    };
    assert_eq!(run(), run());
}

#[test]
fn the_directory_is_published_on_change_and_not_more_than_once_a_second() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.now += TimeSpan::from_seconds(10);
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    let versions =
        |desk: &Desk| desk.directories.iter().map(|directory| directory.version()).collect::<Vec<_>>();
    assert_eq!(versions(&desk), [1, 2], "the empty one at the start, and the first change");
    let deadline = desk.office.next_deadline().expect("more is to be published");
    assert_eq!(deadline, desk.now + TimeSpan::from_seconds(1));
    desk.now = deadline;
    desk.input(Input::Tick);
    assert_eq!(versions(&desk), [1, 2, 3]);
    assert_eq!(desk.office.next_deadline(), None);

    let token = || "Ta".parse().unwrap();
    let evse = id("PRIVATE/1");
    let admitted =
        |desk: &Desk| desk.directories.last().unwrap().authorise(&token(), &evse, desk.now).is_ok();
    assert!(admitted(&desk));
    desk.now += TimeSpan::from_seconds(5);
    let holder = billing::directory::TokenHolder::Account(id("a"));
    let entry = billing::directory::TokenEntry { holder, status: billing::directory::TokenStatus::Blocked };
    desk.done(Command::PutToken(office::record::TokenRow { token: token(), entry }));
    assert!(!admitted(&desk), "a block takes effect at once");

    let later = desk.restarted(restored_by_the_book(&desk.records));
    assert_eq!(versions(&later), [5]);
    assert_eq!(later.directories[0].parts().tokens, desk.directories[3].parts().tokens);
}

#[test]
fn nobody_is_admitted_at_a_decommissioned_evse() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    desk.now += TimeSpan::from_seconds(5);
    let mut gone = desk::access("owner", "PRIVATE/1");
    let end: Timestamp = id("2026-01-10T00:00:00Z");
    gone.decommissioned_at = Some(end);
    desk.done(Command::PutAccess(gone));
    let directory = desk.directories.last().unwrap();
    let authorise = |at| directory.authorise(&"Ta".parse().unwrap(), &id("PRIVATE/1"), at);
    assert!(authorise(end - TimeSpan::from_milliseconds(1)).is_ok());
    assert!(authorise(end).is_err());
}

#[test]
fn who_knocks_under_ever_new_names_fills_no_disk() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    for number in 0..1_100 {
        desk.input(Input::Sighted { station: id(&format!("X{number}")), at: desk.now });
    }
    let QueryAnswer::Lobby(rows) = desk.ask(Query::Lobby) else { panic!("no lobby") };
    assert_eq!(rows.len(), 1_000);
    let written = desk.records.iter().filter(|record| matches!(record, Record::Sighting(_))).count();
    assert_eq!(written, 1_000);
}

#[test]
fn unknown_stations_wait_in_the_lobby_until_they_have_access_terms() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    let sight = |desk: &mut Desk| desk.input(Input::Sighted { station: id("PRIVATE"), at: desk.now });
    sight(&mut desk);
    let records = desk.records.len();
    desk.now += TimeSpan::from_seconds(59);
    sight(&mut desk);
    assert_eq!(desk.records.len(), records, "a station that knocks on does not fill the disk");
    desk.now += TimeSpan::from_seconds(1);
    sight(&mut desk);
    assert_eq!(desk.records.len(), records + 1);
    let lobby = |desk: &mut Desk| match desk.ask(Query::Lobby) {
        QueryAnswer::Lobby(rows) => rows.len(),
        answer => panic!("{answer:?}"),
    };
    assert_eq!(lobby(&mut desk), 1);
    assert_eq!(lobby(&mut desk.restarted(restored_by_the_book(&desk.records))), 1);
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    assert_eq!(lobby(&mut desk), 0);
}

#[test]
fn m1_cdrs_that_arrive_in_any_order_are_taken_once_each() {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    desk.at("2026-01-11T00:00:00Z");
    for number in [5, 3, 4, 9, 1, 2, 5, 4, 8, 3, 1, 9, 10, 7, 6] {
        desk.cdr(&cdr(number, "a", "PRIVATE/1", 1_000, "2026-01-10T12:00:00Z"));
    }
    let QueryAnswer::AccountMonth(months) =
        desk.ask(Query::AccountMonth { account: id("a"), month: id("2026-01") })
    else {
        panic!()
    };
    assert_eq!((months[0].1.cdrs, months[0].1.amount), (10, eur(200)));
    let counters = desk.records.iter().rev().find_map(|record| match record {
        Record::Counters(row) => Some(row.arrived.clone()),
        _other => None,
    });
    assert_eq!(counters, Some(vec![(1, 10)]), "ranges join");
}

struct Random {
    random: ChaCha8Rng,
    next_cdr: u64,
    month: CivilMonth,
}

impl Random {
    fn new(seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { random, next_cdr: 1, month: id("2026-01") }
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.random.random_range(0..count) == 0
    }

    fn furnished(&mut self) -> Desk {
        let mut desk = Desk::new("2026-01-01T00:00:00Z");
        let seller = if self.one_in(2) { SellerRole::Owner } else { SellerRole::Operator };
        let vat = [VatStatus::NotRegistered, VatStatus::Registered, VatStatus::Exempt]
            [self.random.random_range(0..3)];
        let plan = if self.one_in(3) { FeePlan::PerChargingPoint } else { FeePlan::PerKilowattHour };
        desk.furnish("owner", seller, vat, plan);
        let heir = desk::owner_row("heir", SellerRole::Owner, VatStatus::NotRegistered, plan);
        desk.done(Command::PutOwner(heir));
        desk.now += TimeSpan::from_seconds(2);
        desk.input(Input::Tick);
        desk
    }

    /// A CDR, now and then doubtful or an old one again, or something that people do.
    fn input(&mut self, desk: &mut Desk) -> Input {
        desk.now += TimeSpan::from_minutes(self.random.random_range(1..600));
        match self.random.random_range(0..12) {
            0..=7 => Input::Cdr(Box::new(self.cdr(desk.now))),
            8 => {
                let QueryAnswer::Findings(findings) = desk.ask(Query::Findings) else { panic!() };
                let Some(finding) = findings.first() else { return Input::Tick };
                let decision = if self.one_in(2) {
                    Decision::WriteOff
                } else {
                    Decision::BillAsCorrected(Correction::default())
                };
                command("ann", Command::Resolve { cdr: finding.cdr, decision, reason: "looked at".into() })
            }
            9 => {
                let documents = desk.open_documents();
                let Some(document) = documents.first() else { return Input::Tick };
                let method = billing::ledger::PaymentMethod::Bank;
                command("ann", Command::Collect { document: document.key.clone(), method })
            }
            _ => self.month_end(desk),
        }
    }

    fn cdr(&mut self, now: Timestamp) -> billing::cdr::Cdr {
        let number = if self.next_cdr > 1 && self.one_in(6) {
            self.random.random_range(1..self.next_cdr)
        } else {
            self.next_cdr += 1;
            self.next_cdr - 1
        };
        // Everything about a CDR follows from its number: one that comes again is the same.
        let (driver, evse) = match number % 5 {
            0 => ("guest", "PUBLIC/1"),
            1 => ("a", "PUBLIC/1"),
            2 | 3 => ("a", "PRIVATE/1"),
            _ => ("b", "PRIVATE/2"),
        };
        let watt_hours = i64::try_from(number * 7_919 % 60_000).unwrap();
        let mut cdr = cdr(number, driver, evse, watt_hours, &now.to_string());
        if number % 7 == 3 {
            cdr.owner = id("heir");
            cdr.site = id("heirs-site");
        }
        if number % 11 == 4 { doubtful(cdr) } else { cdr }
    }

    /// Closes, settles and pays out, whether it is time for it or not.
    fn month_end(&mut self, desk: &mut Desk) -> Input {
        let name = if self.one_in(2) { "owner" } else { "heir" };
        let owner = || id(name);
        if desk.now > desk::zone().start_of_month(self.month.next().next()) {
            self.month = self.month.next();
        }
        let month = if self.one_in(4) { self.month.next() } else { self.month };
        let actor = if self.one_in(2) { "ann" } else { "ben" };
        let what = match self.random.random_range(0..5) {
            0 | 1 => Command::CloseMonth { owner: owner(), month },
            2 => Command::Settle { owner: owner(), month },
            3 => Command::ProposePayout { owner: owner(), month },
            _ => Command::ApprovePayout { owner: owner(), month },
        };
        command(actor, what)
    }

    fn queries(&self) -> Vec<Query> {
        let mut queries = vec![
            Query::Owners,
            Query::Accounts,
            Query::Tokens,
            Query::Tariffs,
            Query::Access,
            Query::Prices,
            Query::Lobby,
            Query::Findings,
            Query::OpenDocuments,
            Query::Ledger,
            Query::SiteToday(id("site")),
        ];
        let mut month: CivilMonth = id("2026-01");
        for _ in 0..12 {
            for owner in ["owner", "heir"] {
                queries.push(Query::OwnerMonth { owner: id(owner), month });
            }
            queries.push(Query::AccountMonth { account: id("a"), month });
            month = month.next();
        }
        queries
    }
}

/// A restart publishes the directory under a new number.
fn forget_directory_version(records: &mut [Record]) {
    for record in records {
        if let Record::Counters(row) = record {
            row.directory = 0;
        }
    }
}

fn command(actor: &str, command: Command) -> Input {
    Input::Command { request: units::RequestId(1), actor: actor.into(), command }
}

fn sealed(random: &Random) -> Vec<CdrId> {
    (1..random.next_cdr).map(CdrId).collect()
}

/// What became of each CDR, from the facts alone.
fn fates(desk: &Desk) -> Vec<(CdrId, Fate)> {
    let resolved: BTreeSet<CdrId> = desk
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Resolution(resolution) => Some(resolution.cdr),
            _other => None,
        })
        .collect();
    let fates = desk.records.iter().filter_map(|record| match record {
        Record::Line(row) => Some((row.line.cdr, Fate::Billed)),
        Record::Finding(row) if !resolved.contains(&row.cdr.id) => Some((row.cdr.id, Fate::Held)),
        Record::Resolution(resolution) if resolution.decision == Decision::WriteOff => {
            Some((resolution.cdr, Fate::WrittenOff))
        }
        _other => None,
    });
    fates.collect()
}
