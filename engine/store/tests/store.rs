//! What was reported as committed is there, equal to what was written, whatever happened to the process or the disk.

#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests and their helpers pick the records they look at, and fail where they are not there"
)]

#[path = "../../office/tests/desk/mod.rs"]
mod desk;
mod sites;

use std::path::Path;
use std::time::Instant;

use billing::contract::{FeePlan, SellerRole};
use billing::finding::Decision;
use billing::vat::VatStatus;
use desk::{Desk, cdr, doubtful, id, restored_by_the_book};
use office::{Command, Query, Restored};
use store::list::{AuditFilter, CdrFilter, Findings, Page};
use store::{OpenError, Records, Report, Root, Store, Writer, WriterStarted};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use units::{CdrId, RecordSeq, TransactionId};

#[tokio::test]
async fn the_sites_records_are_read_back_as_they_were_written() {
    for seed in 0..6 {
        println!("seed {seed}");
        let records = sites::records(seed, 600);
        let (directory, store) = fresh().await;
        let mut started = store.start_writer().await.unwrap();
        write_csms(&started.writer, &records, 7);
        stop(started.writer, &mut started.reports).await;
        drop(store);

        let store = reopen(&directory).await;
        let restored = store.restore().await.unwrap();
        let expected = sites::restored_by_the_book(&records);
        assert_eq!(sites::sorted(&restored.csms), sites::sorted(&expected), "seed {seed}");
        let frames =
            |records: &[csms::Record]| -> Vec<u64> { records.iter().filter_map(sites::frame_of).collect() };
        assert_eq!(frames(&restored.csms), frames(&expected), "seed {seed}: facts keep their order");
        assert_eq!(store.frame_last().await.unwrap(), sites::frame_last(&records));
        check_lists_of_sites(&store, &records).await;
    }
}

#[tokio::test]
async fn the_business_is_restored_as_if_it_had_never_stopped() {
    for (vat, months) in [(VatStatus::NotRegistered, 2), (VatStatus::Registered, 9)] {
        let mut desk = months_of_business(vat, months);
        let (directory, store) = fresh().await;
        let mut started = store.start_writer().await.unwrap();
        write_office(&started.writer, &desk.records, 5);
        stop(started.writer, &mut started.reports).await;
        drop(store);

        let store = reopen(&directory).await;
        let restored = store.restore().await.unwrap().office;
        let expected = restored_by_the_book(&desk.records);
        assert_eq!(texts(&restored.records), texts(&expected.records));
        // Months long settled come as one sum per account: what they sum to, and what is settled next, is the same.
        assert_eq!(restored.sums.len() < expected.sums.len(), months > 3);
        let whole = Restored { records: desk.records.clone(), sums: vec![] };
        let [mut from_disk, mut from_all] = [restored, whole].map(|restored| desk.restarted(restored));
        for query in [Query::Ledger, Query::OpenDocuments, Query::Findings, Query::Tokens, Query::Prices] {
            assert_eq!(from_disk.ask(query.clone()), desk.ask(query.clone()));
            assert_eq!(from_all.ask(query.clone()), desk.ask(query));
        }
        let month = format!("2026-{:02}", months + 1);
        let settlements = [&mut desk, &mut from_disk, &mut from_all].map(|desk| {
            desk.at(&format!("2026-{:02}-03T00:00:00Z", months + 2)).close("owner", &month);
            desk.collect_all();
            desk.settle("owner", &month)
        });
        assert_eq!(settlements[0], settlements[1]);
        assert_eq!(settlements[0], settlements[2]);
        check_lists_of_business(&store, &desk).await;
    }
}

#[tokio::test]
async fn m1_a_sealed_cdr_that_the_business_did_not_take_in_is_handed_to_it_again() {
    let (_directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", SellerRole::Owner, VatStatus::NotRegistered, FeePlan::PerKilowattHour);
    let cdrs: Vec<_> =
        (1..=9).map(|number| cdr(number, "a", "PRIVATE/1", 1_000, "2026-01-10T12:00:00Z")).collect();
    for number in [1, 2, 3, 6] {
        desk.cdr(&cdrs[number]);
    }
    let sealed: Vec<_> = cdrs.iter().map(|cdr| csms::Record::Cdr(Box::new(cdr.clone()))).collect();
    write_csms(&started.writer, &sealed, 3);
    write_office(&started.writer, &desk.records, 4);
    stop(started.writer, &mut started.reports).await;
    let unbilled = store.restore().await.unwrap().cdrs_unbilled;
    let ids: Vec<u64> = unbilled.iter().map(|cdr| cdr.id.0).collect();
    assert_eq!(ids, [1, 5, 6, 8, 9]);
    let without_fate = store.check_books().await.unwrap().cdrs_without_fate;
    assert_eq!(without_fate, ids.into_iter().map(CdrId).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_reported_as_committed_survives_the_death_of_the_writer() {
    let mut died_at_work = 0;
    for seed in 0..8_usize {
        println!("seed {seed}");
        let records = sites::meter_values(2_000);
        let (directory, store) = fresh().await;
        let WriterStarted { writer, mut reports, task } = store.start_writer().await.unwrap();
        let mut committed = 0;
        let mut batches = records.chunks(10).zip((1..).step_by(10));
        for (batch, first) in batches.by_ref().take(10 * (seed + 1)) {
            writer.submit(Records::Csms(numbered(first, batch)));
            if first % 3 == 0 {
                committed = up_to(&reports.recv().await.unwrap());
            }
        }
        for (batch, first) in batches.take(50) {
            writer.submit(Records::Csms(numbered(first, batch)));
        }
        for _ in 0..seed * 2 {
            tokio::task::yield_now().await;
        }
        // In the middle of whatever it does.
        task.abort();
        let _ = task.await;
        while let Ok(report) = reports.try_recv() {
            committed = up_to(&report);
        }
        drop((writer, store));

        let store = reopen(&directory).await;
        let kept = store.meter_values_of(TransactionId(1)).await.unwrap();
        assert!(
            kept.len() >= usize::try_from(committed).unwrap(),
            "seed {seed}: {} of {committed}",
            kept.len()
        );
        assert_eq!(
            kept.len() % 10,
            0,
            "seed {seed}: the records of one input are there together or not at all"
        );
        let written = records.iter().map(|record| match record {
            csms::Record::MeterValues(row) => row.clone(),
            other => panic!("{other:?}"),
        });
        assert!(
            written.zip(&kept).all(|(written, kept)| written == *kept),
            "seed {seed}: in order, unchanged"
        );
        died_at_work += u32::from(!kept.is_empty() && kept.len() < records.len());
        let mark = store.committed(Root::Csms).await.unwrap().map_or(0, |(_, seq)| seq);
        assert_eq!(mark, u64::try_from(kept.len()).unwrap(), "seed {seed}");
    }
    assert!(died_at_work > 0, "a writer that died before or after its work proves nothing");
}

#[tokio::test]
async fn a_full_disk_delays_and_loses_nothing() {
    let (_directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let records = sites::meter_values(6_000);
    started.writer.limit_size(120);
    for (batch, seqs) in records.chunks(500).zip((1..).step_by(500)) {
        started.writer.submit(Records::Csms(numbered(seqs, batch)));
    }
    let mut committed = 0;
    let reason = loop {
        match started.reports.recv().await.unwrap() {
            Report::Committed { up_to, .. } => committed = up_to.0,
            Report::Failing { reason } => break reason,
            Report::Well => panic!("nothing failed yet"),
        }
    };
    assert!(reason.contains("full"), "{reason}");
    let kept = store.meter_values_of(TransactionId(1)).await.unwrap().len();
    assert_eq!(u64::try_from(kept).unwrap(), committed, "nothing of the failed batch is there");
    assert!(kept < records.len());

    started.writer.limit_size(0);
    assert!(matches!(started.reports.recv().await, Some(Report::Well)), "well again is told once");
    drop(started.writer);
    while let Some(report) = started.reports.recv().await {
        assert!(up_to(&report) > committed, "in order");
        committed = up_to(&report);
    }
    assert_eq!(committed, 6_000);
    let kept = store.meter_values_of(TransactionId(1)).await.unwrap();
    let frames: Vec<u64> = kept.iter().map(|row| row.frame).collect();
    assert_eq!(frames, (1..=6_000).collect::<Vec<u64>>(), "each once, in order");
}

#[tokio::test]
async fn a_batch_that_finds_the_database_locked_is_tried_again() {
    use sqlx::ConnectOptions;
    let (directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.path().join("wattery.db"));
    let mut other = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    started.writer.submit(Records::Csms(numbered(1, &sites::meter_values(3))));
    let report = started.reports.recv().await.unwrap();
    assert!(matches!(&report, Report::Failing { reason } if reason.contains("locked")), "{report:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(started.reports.recv().await, Some(Report::Well));
    let committed = Report::Committed { root: Root::Csms, up_to: RecordSeq(3) };
    assert_eq!(started.reports.recv().await, Some(committed));
}

#[tokio::test]
async fn notices_are_let_go_when_they_are_old_but_for_those_that_bear_on_money() {
    let (_directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let at = |seconds| units::Timestamp::EPOCH + units::TimeSpan::from_seconds(seconds);
    let notice = |subject, seconds| {
        csms::Record::Notice(Box::new(NoticeRow {
            station: "CP1".parse().unwrap(),
            received_at: at(seconds),
            frame: 1,
            notice: Notice {
                subject,
                evse: None,
                reported: None,
                number: None,
                word: String::new(),
                detail: None,
            },
        }))
    };
    use csms::record::{Notice, NoticeRow, Subject};
    let told = [(Subject::Log, 10), (Subject::Cost, 10), (Subject::Settlement, 10), (Subject::Log, 100)];
    let records: Vec<_> = told.into_iter().map(|(subject, seconds)| notice(subject, seconds)).collect();
    started.writer.submit(Records::Csms(numbered(1, &records)));
    started.writer.submit(Records::Outdated { notices_before: at(100) });
    started.writer.submit(Records::Csms(numbered(5, &sites::meter_values(1))));
    while started.reports.recv().await != Some(Report::Committed { root: Root::Csms, up_to: RecordSeq(5) }) {}
    let kept = store.notices(&"CP1".parse().unwrap(), Page::first(10)).await.unwrap();
    let kept: Vec<(&str, units::Timestamp)> =
        kept.iter().map(|notice| (notice.subject.as_str(), notice.received_at)).collect();
    assert_eq!(kept, [("log", at(100)), ("settlement", at(10)), ("cost", at(10))]);
}

#[tokio::test]
async fn m1_what_would_bill_a_cdr_twice_is_not_committed() {
    let (_directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let desk = months_of_business(VatStatus::Registered, 1);
    let is_line = |record: &&office::Record| record.table() == "charging_line";
    let line = desk.records.iter().find(is_line).unwrap().clone();
    started.writer.submit(Records::Office(vec![(RecordSeq(1), line.clone())]));
    assert!(matches!(started.reports.recv().await, Some(Report::Committed { .. })));
    started.writer.submit(Records::Office(vec![(RecordSeq(2), line)]));
    let report = started.reports.recv().await.unwrap();
    assert!(
        matches!(&report, Report::Failing { reason } if reason.contains("charging_line.cdr")),
        "{report:?}"
    );
    started.task.abort();
}

#[tokio::test]
async fn the_last_row_of_a_key_wins_also_within_one_batch() {
    let (_directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let counters = |transaction| {
        csms::Record::Counters(csms::record::Counters { transaction, ..csms::record::Counters::default() })
    };
    let of_office = office::record::Counters { document: 5, ..office::record::Counters::default() };
    started.writer.submit(Records::Csms(numbered(1, &[counters(1), counters(2), counters(3)])));
    started.writer.submit(Records::Office(vec![(RecordSeq(1), office::Record::Counters(of_office.clone()))]));
    started.writer.submit(Records::Csms(numbered(4, &[counters(4)])));
    stop(started.writer, &mut started.reports).await;
    let restored = store.restore().await.unwrap();
    assert_eq!(restored.csms, [counters(4)]);
    assert_eq!(restored.office.records, [office::Record::Counters(of_office)]);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_not_a_byte_of_it_changes() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("wattery.db");
    let store = Store::open(&path).await.unwrap();
    drop(store);
    let newer = store::VERSION + 1;
    sql(&path, "INSERT INTO schema_migration (version) SELECT MAX(version) + 1 FROM schema_migration").await;
    let files = |directory: &Path| {
        let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files(directory.path());
    let error = Store::open(&path).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found, known: store::VERSION, .. } if found == newer),
        "{error}"
    );
    assert!(error.to_string().contains(&format!("schema version {newer}")), "{error}");
    assert_eq!(files(directory.path()), before);
}

#[tokio::test]
async fn a_foreign_database_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("other.db");
    sql(&path, "CREATE TABLE recipes (name TEXT)").await;
    assert!(matches!(Store::open(&path).await, Err(OpenError::Foreign { .. })));
    std::fs::write(directory.path().join("text"), "this is no database, however long it is".repeat(20))
        .unwrap();
    assert!(matches!(Store::open(&directory.path().join("text")).await, Err(OpenError::Database { .. })));
}

#[tokio::test]
async fn an_older_database_is_migrated() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("wattery.db");
    // Before the first migration: made, and nothing in it.
    sql(&path, "CREATE TABLE schema_migration (version INTEGER PRIMARY KEY)").await;
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "half a migration is not taken for none: {error}");
    sql(&path, "DROP TABLE schema_migration").await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.run(), 1);
    drop(store);
    assert_eq!(
        Store::open(&path).await.unwrap().run(),
        2,
        "opening again migrates nothing and counts the run"
    );
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_migrated_and_restored() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("wattery.db");
    sql(&path, include_str!("../migrations/0001_spine.sql")).await;
    // Bodies as they were written then.
    sql(
        &path,
        r#"INSERT INTO schema_migration (version) VALUES (1);
        INSERT INTO station VALUES ('CP1', 'house', 'Acme', 'Wall', '1', 'S', NULL, '{"station":"CP1","site":"house",
            "vendor":"Acme","model":"Wall","firmware":"1","serial":"S","booted_at":null,"clock_skew_ms":0,
            "reports_unplugging":true,"takes_watts_only":false,"quirks":{}}');
        INSERT INTO counters VALUES ('csms', '{"transaction":2,"session":2,"cdr":1,"message":1001}');
        INSERT INTO transaction_state VALUES (1, 1, 'CP1/1', 'ANNA', 1000, NULL, 5000, NULL, 0,
            '{"transaction":1,"session":1,"evse":"CP1/1","token":"ANNA","admission":null,"reported_start":1000,
            "started_at":1000,"register_start":5000,"stop":null,"superseded_at":null,"doubts":[],"is_sealed":false}');
        INSERT INTO meter_values (evse, transaction_id, received_at_ms, frame, register_mwh, samples)
            VALUES ('CP1/1', 1, 2000, 7, 6000, '[[2000,[2000,6000,"periodic"],[null,null,null],null,null]]');"#,
    )
    .await;
    let store = Store::open(&path).await.unwrap();
    let restored = store.restore().await.unwrap().csms;
    let mut found = Vec::new();
    for record in restored {
        match record {
            csms::Record::Station(row) => {
                assert_eq!(row.ocpp_version, None);
                found.push("station");
            }
            csms::Record::Transaction(row) => {
                assert!(row.may_draw && !row.is_refused_by_rows, "as every transaction was");
                assert!(row.reported_id.is_none() && row.events.is_none() && row.seal_at.is_none());
                found.push("transaction");
            }
            csms::Record::MeterValues(row) => {
                assert_eq!((row.seq_no, row.samples.len()), (None, 1));
                found.push("values");
            }
            csms::Record::Counters(row) => {
                assert_eq!((row.transaction, row.start), (2, 0));
                found.push("counters");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found, ["counters", "station", "transaction", "values"]);
    // What is written from now on has the new columns.
    let mut started = store.start_writer().await.unwrap();
    let records = sites::records(1, 200);
    write_csms(&started.writer, &records, 7);
    stop(started.writer, &mut started.reports).await;
    let rows = store.restore().await.unwrap().csms.len();
    assert!(rows > 4, "{rows}");
}

#[tokio::test]
async fn a_database_is_written_by_one_process() {
    let (directory, store) = fresh().await;
    let path = directory.path().join("wattery.db");
    assert!(matches!(Store::open(&path).await, Err(OpenError::InUse { .. })));
    let started = store.start_writer().await.unwrap();
    drop(store);
    assert!(matches!(Store::open(&path).await, Err(OpenError::InUse { .. })), "as long as the writer lives");
    drop(started.writer);
    started.task.await.unwrap();
    Store::open(&path).await.unwrap();
}

#[tokio::test]
async fn a_hundred_thousand_messages_of_meter_values_are_written_fast() {
    let (_directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let records = sites::meter_values(100_000);
    let began = Instant::now();
    for (batch, seqs) in records.chunks(20).zip((1..).step_by(20)) {
        started.writer.submit(Records::Csms(numbered(seqs, batch)));
    }
    drop(started.writer);
    let mut committed = 0;
    while let Some(report) = started.reports.recv().await {
        committed = up_to(&report);
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("100,000 messages of meter values in {seconds:.2} s");
    assert_eq!(committed, 100_000);
}

#[tokio::test]
async fn five_thousand_open_transactions_are_restored_fast() {
    let (_directory, store) = fresh().await;
    let mut started = store.start_writer().await.unwrap();
    let records = sites::open_transactions(5_000, 12);
    write_csms(&started.writer, &records, 50);
    stop(started.writer, &mut started.reports).await;
    let began = Instant::now();
    let restored = store.restore().await.unwrap();
    println!("5,000 open transactions with 12 messages each in {:.2} s", began.elapsed().as_secs_f64());
    assert_eq!(restored.csms.len(), records.len());
}

async fn check_lists_of_sites(store: &Store, records: &[csms::Record]) {
    let mut cdrs: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            csms::Record::Cdr(cdr) => Some(cdr.as_ref().clone()),
            _other => None,
        })
        .collect();
    cdrs.reverse();
    assert_eq!(store.cdrs_latest(10_000).await.unwrap(), cdrs);
    let first = store.cdrs(&CdrFilter::default(), Page::first(2)).await.unwrap();
    let after = first.last().map(|cdr| cdr.id.0);
    let second = store.cdrs(&CdrFilter::default(), Page { limit: 2, after }).await.unwrap();
    assert_eq!([first, second].concat(), cdrs[..4]);
    let filter = CdrFilter {
        account: Some(id("a")),
        stopped_before: Some(cdrs[0].stopped_at),
        ..CdrFilter::default()
    };
    let of_a = cdrs.iter().filter(|cdr| cdr.driver == billing::cdr::Driver::Account(id("a")));
    let of_a: Vec<_> = of_a.filter(|cdr| cdr.stopped_at < cdrs[0].stopped_at).cloned().collect();
    assert_eq!(store.cdrs(&filter, Page::first(10_000)).await.unwrap(), of_a);
    assert_eq!(store.cdr(cdrs[0].id).await.unwrap().as_ref(), Some(&cdrs[0]));
    assert_eq!(store.cdr(CdrId(999_999)).await.unwrap(), None);

    let evidence = |wanted: u64| {
        let rows = records.iter().filter_map(move |record| match record {
            csms::Record::Evidence(row) if row.transaction == Some(TransactionId(wanted)) => {
                Some(row.clone())
            }
            _other => None,
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(store.evidence_of_transaction(TransactionId(3)).await.unwrap(), evidence(3));
    let mut of_cdr = cdrs[0].clone();
    of_cdr.evidence = evidence(3)
        .iter()
        .map(|row| billing::cdr::EvidenceRef { frame: row.frame, sha256: row.sha256 })
        .collect();
    assert_eq!(store.evidence_of(&of_cdr).await.unwrap(), evidence(3));
    let doubts = records.iter().filter(|record| matches!(record, csms::Record::Finding(_))).count();
    assert_eq!(store.doubts(Page::first(10_000)).await.unwrap().len(), doubts);
    let audits = records.iter().filter(|record| matches!(record, csms::Record::Audit(_))).count();
    let listed = store.audit(&AuditFilter::default(), Page::first(10_000)).await.unwrap();
    assert_eq!(listed.len(), audits);
    let reasons: Vec<_> = records
        .iter()
        .rev()
        .filter_map(|record| if let csms::Record::Reason(row) = record { Some(row.as_ref()) } else { None })
        .collect();
    let listed_reasons = store.reasons(&id("CP1/1"), Page::first(10_000)).await.unwrap();
    assert_eq!(listed_reasons.iter().map(|(_, row)| row).collect::<Vec<_>>(), reasons);
    assert!(!reasons.is_empty() && listed_reasons.is_sorted_by(|one, other| one.0 > other.0), "newest first");
    assert_eq!(store.reasons(&id("CP9/1"), Page::first(10)).await.unwrap(), []);
    let of_station = AuditFilter { station: Some(id("CP1")), ..AuditFilter::default() };
    let of_station = store.audit(&of_station, Page::first(10_000)).await.unwrap();
    assert_eq!(of_station.len(), listed.iter().filter(|row| row.station.is_some()).count());
    sites::upkeep::check_lists(store, records).await;
    assert!(listed.is_sorted_by(|one, other| one.number > other.number), "newest first");
}

async fn check_lists_of_business(store: &Store, desk: &Desk) {
    let all = Page::first(10_000);
    let count = |table: &str| desk.records.iter().filter(|record| record.table() == table).count();
    let soundness = store.check_books().await.unwrap();
    assert_eq!(soundness.ledger_off_by, []);
    let entries = store.ledger_entries(None, all).await.unwrap();
    assert!(entries.len() > 10 && entries.len() <= count("ledger_entry"));
    let billed = store.priced_cdrs(&id("owner"), id("2026-01"), all).await.unwrap();
    assert_eq!(billed.len(), 4, "the held one is billed when it is released");
    assert_eq!(store.priced_cdr(billed[0].cdr).await.unwrap().as_ref(), Some(&billed[0]));
    assert!(!store.documents(Some(&id("a")), Some(id("2026-01")), all).await.unwrap().is_empty());
    assert!(!store.settlements(&id("owner")).await.unwrap().is_empty());
    let open = store.findings(Findings::Open, all).await.unwrap();
    let ever = store.findings(Findings::All, all).await.unwrap();
    assert!(open.len() < ever.len(), "{} of {} are resolved", ever.len() - open.len(), ever.len());
}

/// Months in which two residents and a guest charge, closed, collected, settled and paid out, the last one still open.
fn months_of_business(vat: VatStatus, months: u64) -> Desk {
    let mut desk = Desk::new("2026-01-01T00:00:00Z");
    desk.furnish("owner", SellerRole::Operator, vat, FeePlan::PerKilowattHour);
    for month in 1..=months + 1 {
        desk.at(&format!("2026-{month:02}-20T00:00:00Z"));
        let at = |day: u64| format!("2026-{month:02}-{day:02}T12:00:00Z");
        let number = month * 10;
        desk.cdr(&cdr(number, "a", "PRIVATE/1", 31_415, &at(10)));
        desk.cdr(&cdr(number + 1, "b", "PRIVATE/2", 9_265, &at(11)));
        desk.cdr(&cdr(number + 2, "guest", "PUBLIC/1", 18_700, &at(12)));
        desk.cdr(&cdr(number + 3, "a", "PUBLIC/1", 3_589, &at(13)));
        desk.cdr(&doubtful(cdr(number + 4, "b", "PRIVATE/1", 793, &at(14))));
        if month > months {
            break;
        }
        desk.at(&format!("2026-{:02}-02T00:00:00Z", month + 1));
        let name = format!("2026-{month:02}");
        desk.close("owner", &name);
        let decision = Decision::BillAsCorrected(billing::finding::Correction::default());
        desk.done(Command::Resolve { cdr: CdrId(number + 4), decision, reason: "looked at".into() });
        // What is not paid at once is paid late: it is open when the month is settled.
        let late = desk.open_documents().pop().unwrap();
        for document in desk.open_documents() {
            if document.key != late.key {
                let method = billing::ledger::PaymentMethod::Bank;
                desk.done(Command::Collect { document: document.key, method });
            }
        }
        desk.settle("owner", &name);
        let of = || (id("owner"), id(&name));
        let (owner, month) = of();
        desk.done(Command::ProposePayout { owner, month });
        let (owner, month) = of();
        desk.command_by("ben", Command::ApprovePayout { owner, month });
    }
    desk
}

/// Records as sorted texts: state rows come in no particular order.
fn texts(records: &[office::Record]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
    texts.sort();
    texts
}

async fn fresh() -> (TempDir, Store) {
    let directory = TempDir::new().unwrap();
    let store = reopen(&directory).await;
    (directory, store)
}

async fn reopen(directory: &TempDir) -> Store {
    Store::open(&directory.path().join("wattery.db")).await.unwrap()
}

async fn sql(path: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions, Connection};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn write_csms(writer: &Writer, records: &[csms::Record], batch: usize) {
    for (batch, first) in records.chunks(batch).zip((1..).step_by(batch)) {
        writer.submit(Records::Csms(numbered(first, batch)));
    }
}

fn write_office(writer: &Writer, records: &[office::Record], batch: usize) {
    for (batch, first) in records.chunks(batch).zip((1..).step_by(batch)) {
        writer.submit(Records::Office((first..).map(RecordSeq).zip(batch.iter().cloned()).collect()));
    }
}

fn numbered(first: u64, records: &[csms::Record]) -> Vec<(RecordSeq, csms::Record)> {
    (first..).map(RecordSeq).zip(records.iter().cloned()).collect()
}

/// Lets the writer commit what is queued and end.
async fn stop(writer: Writer, reports: &mut UnboundedReceiver<Report>) {
    drop(writer);
    while let Some(report) = reports.recv().await {
        assert!(matches!(report, Report::Committed { .. }), "{report:?}");
    }
}

fn up_to(report: &Report) -> u64 {
    match report {
        Report::Committed { up_to, .. } => up_to.0,
        Report::Failing { .. } | Report::Well => panic!("{report:?}"),
    }
}
