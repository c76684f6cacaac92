//! The audit: sound books pass, and whatever a hand changes in them is named.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test picks one kind of record out of many, and has failed where there is none"
)]

use billing::cdr::{Cdr, ReadingContext, RegisterReading};
use billing::ledger::{Entry, EntryKey};
use studies::SessionRow;
use studies::audit::{AuditReport, Committed, audit, last_instant};
use studies::sessions::{Version, books_of};
use units::{Money, TimeSpan, Timestamp, WattHours};

#[test]
fn sound_books_pass() {
    for version in Version::ALL {
        let report = judged(&books_told_in(version));
        assert_eq!(report.findings, [], "{version}");
        assert_eq!((report.cdrs, report.priced), (7, 5), "{version}: one row overlaps another");
        assert!(report.frames >= 14 && report.documents >= 4 && report.entries > 12, "{report:?}");
    }
}

#[test]
fn each_change_of_the_books_is_named() {
    type Tamper = fn(&mut Committed);
    let table: [(&str, Tamper, &str); 18] = [
        ("a register is swapped", |books| cdr(books, 0, swap_registers), "not as in its frames: CDR 1"),
        ("a register grows", |books| cdr(books, 1, grow), "M2: CDR 2 bills"),
        (
            "the driver is another",
            |books| cdr(books, 0, |cdr| cdr.token = "U0000002".parse().ok()),
            "the token is",
        ),
        ("the EVSE is another", |books| cdr(books, 0, |cdr| cdr.evse.number = 2), "the EVSE is"),
        (
            "the end is later",
            |books| cdr(books, 0, |cdr| cdr.stopped_at += TimeSpan::from_minutes(1)),
            "the end is",
        ),
        ("a register is moved to its frame's receipt", hold_at_receipt, "the register at"),
        ("a frame is removed", |books| remove(books, "evidence", 0), "evidence missing: CDR 1: frame"),
        ("a frame is changed", change_frame, "frame changed: CDR 1"),
        ("a frame is changed with its hash", change_frame_and_hash, "frame changed: CDR 1"),
        ("a CDR is there twice", |books| repeat(books, "cdr", 0), "cdr twice: CDR 1"),
        ("a CDR is gone", |books| remove(books, "cdr", 0), "gap in a series: CDR 1 is missing"),
        ("a cent is lost on a line", lose_cent_of_line, "line: CDR 1 is charged"),
        ("a cent is lost on line and price", lose_cent_of_price, "M5: CDR 1 bills"),
        ("a cent is lost on the ledger", lose_cent_of_ledger, "ledger: CDR 1 is charged"),
        (
            "an entry is gone",
            |books| remove_office(books, "ledger_entry", 3),
            "gap in a series: ledger entry 4",
        ),
        ("a document asks for more", ask_for_more, "document: document 1 asks for"),
        ("a payment is gone", |books| remove_office(books, "collection", 0), "gap in a series: payment 1"),
        ("a settlement pays more", settle_more, "M4: owner-1"),
    ];
    for (what, tamper, named) in table {
        let mut books = books();
        tamper(&mut books);
        let report = judged(&books);
        let told: Vec<String> =
            report.findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.what)).collect();
        assert!(told.iter().any(|told| told.contains(named)), "{what}: {told:#?}");
    }
}

#[test]
fn evidence_that_is_gone_is_missing_for_six_years_after_its_year_and_named_as_expired_then() {
    let mut books = books();
    remove(&mut books, "evidence", 0);
    let at = |text: &str| audit(&books, text.parse::<Timestamp>().unwrap());
    // All sessions are of 2025: kept through 2031, in the site's zone.
    let kept = at("2031-12-31T22:59:59Z");
    assert_eq!((kept.findings.len(), kept.expired.len()), (1, 0), "{kept:?}");
    assert!(kept.findings[0].what.ends_with("is gone, to be kept until 2032-01-01"), "{kept:?}");
    let expired = at("2031-12-31T23:00:00Z");
    assert_eq!((expired.findings.len(), expired.expired.len()), (0, 1), "{expired:?}");
}

#[test]
fn a_row_that_another_hand_changed_is_told_as_it_was_read() {
    let books = Committed { altered: vec!["table cdr, row 1: column site".to_owned()], ..books() };
    assert_eq!(judged(&books).findings[0].what, "table cdr, row 1: column site");
}

/// Two accounts and a guest at two sites, over a month's end; the last two rows overlap.
fn books() -> Committed {
    books_told_in(Version::V16)
}

fn books_told_in(version: Version) -> Committed {
    let row =
        |line, user: &str, site: &str, evse: &str, arrival: &str, departure: &str, watt_hours| SessionRow {
            line,
            source: "norway12".to_owned(),
            site: site.to_owned(),
            user: user.to_owned(),
            evse: evse.to_owned(),
            arrival: arrival.parse().ok(),
            departure: departure.parse().ok(),
            charge_end: departure.parse().ok().map(|at: Timestamp| at - TimeSpan::from_minutes(30)),
            energy: Some(WattHours::from_watt_hours(watt_hours)),
            ..SessionRow::default()
        };
    let rows = [
        row(2, "ann", "A", "1", "2025-01-30T18:00:00Z", "2025-01-31T05:00:00Z", 21_345),
        row(3, "bob", "A", "2", "2025-01-30T19:00:00Z", "2025-01-31T06:00:00Z", 9_871),
        row(4, "", "A", "2", "2025-01-31T10:00:00Z", "2025-01-31T11:00:00Z", 4_567),
        row(5, "ann", "A", "1", "2025-02-01T18:00:00Z", "2025-02-02T05:00:00Z", 12_001),
        row(6, "", "B", "", "2025-02-01T18:00:00Z", "2025-02-02T05:00:00Z", 3_003),
        row(7, "bob", "A", "2", "2025-02-03T10:00:00Z", "2025-02-03T12:00:00Z", 2_000),
        row(8, "ann", "A", "2", "2025-02-03T11:00:00Z", "2025-02-03T13:00:00Z", 2_000),
    ];
    books_of(&rows, version)
}

fn judged(books: &Committed) -> AuditReport {
    audit(books, last_instant(books))
}

// What a hand may do.

fn cdr(books: &mut Committed, number: usize, change: impl Fn(&mut Cdr)) {
    let cdrs = books.csms.iter_mut().filter_map(|record| match record {
        csms::Record::Cdr(cdr) => Some(cdr),
        _ => None,
    });
    change(cdrs.into_iter().nth(number).unwrap());
}

fn swap_registers(cdr: &mut Cdr) {
    for reading in &mut cdr.readings {
        reading.context = match reading.context {
            ReadingContext::Begin => ReadingContext::End,
            ReadingContext::End => ReadingContext::Begin,
            between => between,
        };
    }
}

fn grow(cdr: &mut Cdr) {
    for reading in cdr.readings.iter_mut().filter(|reading| reading.context == ReadingContext::End) {
        reading.register += WattHours::from_watt_hours(1);
    }
}

/// Its frame came late, and its register is held as of then, which only a doubt allows.
fn hold_at_receipt(books: &mut Committed) {
    let mut of_cdrs = books.csms.iter_mut().filter_map(|record| match record {
        csms::Record::Cdr(cdr) => Some(cdr),
        _ => None,
    });
    let is_between = |reading: &&mut RegisterReading| reading.context == ReadingContext::Periodic;
    let found = of_cdrs.find_map(|cdr| Some((cdr.transaction, cdr.readings.iter_mut().find(is_between)?)));
    let (transaction, reading) = found.unwrap();
    let received_at = reading.at + TimeSpan::from_seconds(31);
    let said_at = std::mem::replace(&mut reading.at, received_at);
    let rows = books.csms.iter_mut().filter_map(|record| match record {
        csms::Record::Evidence(row) if row.transaction == Some(transaction) => Some(row),
        _ => None,
    });
    let mut frames = rows.filter(|row| row.text.contains(&said_at.to_string()));
    frames.next().unwrap().received_at = received_at;
}

fn place(books: &Committed, table: &str, number: usize) -> usize {
    let places = books.csms.iter().enumerate().filter(|(_, record)| record.table() == table);
    places.map(|(place, _)| place).nth(number).unwrap()
}

fn remove(books: &mut Committed, table: &str, number: usize) {
    let place = place(books, table, number);
    books.csms.remove(place);
}

fn repeat(books: &mut Committed, table: &str, number: usize) {
    let place = place(books, table, number);
    let record = books.csms[place].clone();
    books.csms.push(record);
}

fn change_frame(books: &mut Committed) {
    let place = place(books, "evidence", 0);
    if let csms::Record::Evidence(row) = &mut books.csms[place] {
        row.text = row.text.replace("\"meterStart\":1", "\"meterStart\":2").into();
    }
}

fn change_frame_and_hash(books: &mut Committed) {
    use sha2::{Digest, Sha256};
    change_frame(books);
    let place = place(books, "evidence", 0);
    if let csms::Record::Evidence(row) = &mut books.csms[place] {
        row.sha256 = Sha256::digest(row.text.as_bytes()).into();
    }
}

fn remove_office(books: &mut Committed, table: &str, number: usize) {
    let places = books.office.iter().enumerate().filter(|(_, record)| record.table() == table);
    let place = places.map(|(place, _)| place).nth(number).unwrap();
    books.office.remove(place);
}

/// Applies `change` to the first record that it takes.
fn office(books: &mut Committed, change: impl Fn(&mut office::Record) -> bool) {
    assert!(books.office.iter_mut().any(change), "there is such a record");
}

fn cent_less(amount: Money) -> Money {
    amount - Money::from_minor(1, amount.currency())
}

fn lose_cent_of_line(books: &mut Committed) {
    office(books, |record| match record {
        office::Record::Line(row) => {
            row.line.amount = cent_less(row.line.amount);
            true
        }
        _ => false,
    });
}

fn lose_cent_of_price(books: &mut Committed) {
    lose_cent_of_line(books);
    office(books, |record| match record {
        office::Record::PricedCdr(priced) => {
            priced.amount = cent_less(priced.amount);
            true
        }
        _ => false,
    });
}

fn lose_cent_of_ledger(books: &mut Committed) {
    office(books, |record| match record {
        office::Record::Entry(row) if matches!(row.entry.key(), EntryKey::Charge(_)) => {
            let mut parts = row.entry.parts().clone();
            let cent = Money::from_minor(1, parts.postings[0].amount.currency());
            parts.postings[0].amount = parts.postings[0].amount - cent;
            parts.postings[1].amount += cent;
            row.entry = Entry::new(parts).unwrap();
            true
        }
        _ => false,
    });
}

fn ask_for_more(books: &mut Committed) {
    office(books, |record| match record {
        office::Record::Document(row) => {
            row.total += Money::from_minor(100, row.total.currency());
            true
        }
        _ => false,
    });
}

fn settle_more(books: &mut Committed) {
    office(books, |record| match record {
        office::Record::Settlement(row) => {
            let more = Money::from_minor(100, row.settlement.total.currency());
            row.settlement.collected += more;
            row.settlement.total += more;
            true
        }
        _ => false,
    });
}
