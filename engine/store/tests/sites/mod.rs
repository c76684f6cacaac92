//! Random records of the sites, and what of them a restart needs, found the slow way.

use std::collections::BTreeMap;

use billing::cdr::{Activity, ActivitySpan, Doubt, ReadingContext, RegisterReading};
use charging::ceiling::SentLimit;
use charging::network::Supply;
use charging::site::{Explanation, LimitedBy, More, RowShare, Ticket};
use charging::terms::{Commanded, Terms};
use csms::Record;
use csms::record::{
    AuditRow, Counters, Events, EvidenceRow, EvseRow, FindingRow, MeterSample, MeterValuesRow, Notice,
    NoticeRow, ReasonRow, ReportedId, SecurityRow, SessionRow, SiteRow, StationRow, StoredPassword, Subject,
    TermsRow, TransactionRow, TransactionStop,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::{
    Amperes, EvseId, PerPhase, Phase, ReportedAt, SessionId, TimeSpan, Timestamp, TransactionId, WattHours,
    Watts,
};

use crate::desk::{cdr, doubtful, id};

pub mod upkeep;

/// A mixture of all kinds; keys repeat, so that state rows replace each other.
pub fn records(seed: u64, count: u64) -> Vec<Record> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut records: Vec<Record> = (1..=count).map(|number| record(&mut random, number)).collect();
    // A transaction has one evidence before it is sealed, whatever chance says.
    records.push(Record::Evidence(evidence(&mut random, count + 1, 3)));
    records
}

fn record(random: &mut ChaCha8Rng, number: u64) -> Record {
    let at = instant(number);
    let transaction = random.random_range(1..20);
    match random.random_range(0..21) {
        0 => Record::Site(Box::new(SiteRow { config: charging::sample::site(number % 3, 5, Supply::Tn400) })),
        1 => Record::Station(Box::new(station(random, at))),
        2 => Record::Evse(Box::new(evse(random, at))),
        3 => Record::Session(SessionRow {
            session: SessionId(random.random_range(1..30)),
            evse: id("CP1/1"),
            began_at: at,
            ended_at: random.random_bool(0.5).then_some(at),
        }),
        4 => Record::Transaction(Box::new(transaction_row(random, transaction, at))),
        5 => Record::Counters(Counters {
            transaction: number,
            session: 2,
            cdr: 3,
            message: u64::MAX,
            start: 4,
            job: 5,
            upload: 6,
            reservation: 7,
        }),
        6 | 7 => Record::Evidence(evidence(random, number, transaction)),
        8..=10 => Record::MeterValues(meter_values_row(random, number, transaction)),
        11 => {
            let driver = ["a", "b", "guest"][random.random_range(0..3)];
            let sealed = cdr(number, driver, "PRIVATE/1", 1_000, &at.to_string());
            Record::Cdr(Box::new(if random.random_bool(0.3) { doubtful(sealed) } else { sealed }))
        }
        12 => Record::Finding(FindingRow {
            station: id("CP1"),
            transaction: random.random_bool(0.5).then_some(TransactionId(transaction)),
            at,
            doubt: Doubt::Orphan { claimed: "-1 'quoted' \"twice\" ä".to_owned() },
            frame: random.random_bool(0.5).then_some(number),
        }),
        14 => {
            let mut row = csms::record::FactsRow::new(id(["CP1", "CP2"][random.random_range(0..2)]));
            let evidence = csms::facts::Evidence::Clock { ahead_ms: -1 };
            let shown = csms::facts::Shown { holds: random.random_bool(0.5), since: at, evidence };
            row.facts.insert(csms::facts::Fact::ClockRight, shown);
            Record::Facts(Box::new(row))
        }
        13 => Record::Security(Box::new(security(random, at))),
        15 => Record::Notice(Box::new(NoticeRow {
            station: id("CP1"),
            received_at: at,
            frame: number,
            notice: Notice {
                subject: [Subject::Security, Subject::Firmware, Subject::Limit][random.random_range(0..3)],
                evse: random.random_bool(0.5).then_some(1),
                reported: random.random_bool(0.5).then_some(ReportedAt(at)),
                number: random.random_bool(0.5).then_some(-7),
                word: "Installed 'quoted' ä".to_owned(),
                detail: random.random_bool(0.5).then(|| "{\"a\":1}".to_owned()),
            },
        })),
        19 => Record::Terms(Box::new(terms(random, at))),
        18 => Record::Reason(Box::new(ReasonRow { at, explanation: explanation(random) })),
        16 | 17 => Record::Upkeep(Box::new(upkeep::row(random, number, at))),
        _ => Record::Audit(AuditRow {
            at,
            actor: "ann".into(),
            station: random.random_bool(0.5).then(|| id("CP1")),
            what: "stop".into(),
            outcome: "ok".into(),
        }),
    }
}

fn terms(random: &mut ChaCha8Rng, at: Timestamp) -> TermsRow {
    let command = Commanded {
        from: at,
        until: at + TimeSpan::from_hours(1),
        circuit: id("main"),
        limit: Amperes::from_amperes(16),
    };
    let site = id(["house", "other"][random.random_range(0..2)]);
    TermsRow { site, terms: Terms { commands: vec![command], ..Terms::default() } }
}

fn explanation(random: &mut ChaCha8Rng) -> Explanation {
    let row = RowShare {
        circuit: id("main"),
        name: "Main 'quoted' ä".to_owned(),
        phase: Phase::L2,
        rating: Amperes::from_amperes(63),
        commanded: Some((Amperes::from_amperes(20), Timestamp::EPOCH)),
        reserve: Amperes::from_amperes(2),
        base: Amperes::from_milliamperes(-1_500),
        is_metered: true,
        is_stale: random.random_bool(0.5),
        ceilings: Amperes::from_amperes(40),
        sharers: vec![id("CP2/1")],
        sharers_count: 30,
    };
    let reason = LimitedBy::Turn {
        circuit: row.circuit.clone(),
        name: row.name.clone(),
        phase: row.phase,
        changes_at: Timestamp::EPOCH,
    };
    let more = More::Turn { at: Timestamp::EPOCH, waits_since: None, by: Some(Timestamp::EPOCH) };
    Explanation {
        evse: id("CP1/1"),
        reason,
        limit: random.random_bool(0.5).then_some(Amperes::ZERO),
        ceiling: Amperes::ZERO,
        lowered_at: None,
        row: Some(row),
        more,
        plan: None,
    }
}

fn security(random: &mut ChaCha8Rng, at: Timestamp) -> SecurityRow {
    let is_key = random.random_bool(0.5);
    let password =
        random.random_bool(0.7).then(|| StoredPassword { hash: format!("$'{at}'").into(), is_key });
    let profile = csms::SecurityProfile::ALL[random.random_range(0..4)];
    let station = id(["CP1", "CP2", "CP3"][random.random_range(0..3)]);
    SecurityRow { station, profile, password, changed_at: at }
}

/// Messages of transaction 1, as a station sends them every minute: frames from 1.
pub fn meter_values(count: u64) -> Vec<Record> {
    let row = |number: u64| MeterValuesRow {
        evse: EvseId { station: id(&format!("CP{}", number % 200)), number: 1 },
        transaction: Some(TransactionId(1)),
        received_at: instant(number),
        frame: number,
        seq_no: None,
        samples: vec![MeterSample {
            at: Some(ReportedAt(instant(number))),
            register: Some(reading(number)),
            current: PerPhase::splat(Some(Amperes::from_milliamperes(15_930))),
            offered: Some(Amperes::from_amperes(16)),
            power: Some(Watts::from_watts(11_040)),
        }],
    };
    (1..=count).map(|number| Record::MeterValues(row(number))).collect()
}

/// Transactions that run, each with a session, and for each message its evidence and its meter values.
pub fn open_transactions(count: u64, messages: u64) -> Vec<Record> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut records = Vec::new();
    for number in 1..=count {
        let mut row = transaction_row(&mut random, number, instant(1));
        (row.is_sealed, row.stop) = (false, None);
        records.push(Record::Transaction(Box::new(row)));
        let session = SessionId(number);
        records.push(Record::Session(SessionRow {
            session,
            evse: id("CP1/1"),
            began_at: instant(1),
            ended_at: None,
        }));
        for message in 0..messages {
            let frame = number * messages + message;
            let mut kept = evidence(&mut random, frame, number);
            kept.transaction = Some(TransactionId(number));
            records.push(Record::Evidence(kept));
            let mut values = meter_values_row(&mut random, frame, number);
            values.transaction = Some(TransactionId(number));
            records.push(Record::MeterValues(values));
        }
    }
    records
}

pub fn frame_of(record: &Record) -> Option<u64> {
    match record {
        Record::Evidence(row) => Some(row.frame),
        Record::MeterValues(row) => Some(row.frame),
        _other => None,
    }
}

pub fn frame_last(records: &[Record]) -> u64 {
    let evidence = records.iter().filter(|record| matches!(record, Record::Evidence(_)));
    evidence.filter_map(frame_of).max().unwrap_or(0)
}

/// Records as sorted texts: state rows come in no particular order.
pub fn sorted(records: &[Record]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
    texts.sort();
    texts
}

pub fn restored_by_the_book(records: &[Record]) -> Vec<Record> {
    let mut states: BTreeMap<(&str, String), &Record> = BTreeMap::new();
    for record in records {
        if let Some(key) = record.key() {
            states.insert((record.table(), key), record);
        }
    }
    let stops = states.values().filter_map(|record| match record {
        Record::Transaction(row) => row.stop.as_ref().map(|stop| stop.at),
        _other => None,
    });
    let kept_from = stops.max().map(|last| last - TimeSpan::from_hours(32 * 24));
    let is_unsealed = |transaction: Option<TransactionId>| {
        states.values().any(|record| match record {
            Record::Transaction(row) => Some(row.transaction) == transaction && !row.is_sealed,
            _other => false,
        })
    };
    let is_kept = |record: &&Record| match record {
        Record::Session(row) => row.ended_at.is_none(),
        Record::Upkeep(row) => upkeep::is_open(row, &states),
        Record::Transaction(row) => {
            !row.is_sealed
                || row.stop.as_ref().is_some_and(|stop| kept_from.is_some_and(|from| from <= stop.at))
        }
        _other => true,
    };
    let is_open_fact = |record: &&Record| match record {
        Record::Evidence(row) => is_unsealed(row.transaction),
        Record::MeterValues(row) => is_unsealed(row.transaction),
        _other => false,
    };
    let states_kept = states.values().copied().filter(is_kept);
    states_kept.chain(records.iter().filter(is_open_fact)).cloned().collect()
}

/// Four hours apart, so that some transactions are older than what is kept.
fn instant(number: u64) -> Timestamp {
    Timestamp::EPOCH + TimeSpan::from_hours(500_000 + 4 * i64::try_from(number).unwrap())
}

fn reading(number: u64) -> RegisterReading {
    RegisterReading {
        at: instant(number),
        register: WattHours::from_milliwatt_hours(i64::try_from(number * 184_000).unwrap()),
        context: ReadingContext::Periodic,
    }
}

fn station(random: &mut ChaCha8Rng, at: Timestamp) -> StationRow {
    StationRow {
        station: id(&format!("CP{}", random.random_range(1..5))),
        site: id("site"),
        vendor: "Vendor ü".into(),
        model: "it's \"one\"".into(),
        firmware: String::new(),
        serial: "\u{1F50C}".into(),
        booted_at: random.random_bool(0.5).then_some(at),
        ocpp_version: random.random_bool(0.5).then_some(csms::Version::V16),
        clock_skew_ms: random.random_bool(0.5).then_some(-7),
        reports_unplugging: random.random_bool(0.5),
        takes_watts_only: random.random_bool(0.5),
        quirks: BTreeMap::from([("late_stop".to_owned(), 3)]),
    }
}

fn evse(random: &mut ChaCha8Rng, at: Timestamp) -> EvseRow {
    let mut control = charging::ceiling::EvseRecord::unseen(&charging::ceiling::EvseTraits {
        hardware_maximum: Amperes::from_amperes(32),
        minimum: Amperes::from_amperes(6),
        fallback: Amperes::ZERO,
        limit_expired: Amperes::ZERO,
        terminals: PerPhase::splat(true),
        is_fallback_proven: false,
        starts_only_with_us: true,
        fallback_survives_boot: false,
        takes_fallback: true,
        keeps_fallback: true,
        least: Amperes::ZERO,
    });
    control.is_in_transaction = random.random_bool(0.5);
    control.sent.push(SentLimit {
        ticket: Ticket(random.random_range(1..100)),
        limit: Amperes::from_amperes(16),
        limit_expired: Amperes::ZERO,
        sent_at: at,
        expires_at: at + TimeSpan::from_minutes(5),
        accepted_at: None,
    });
    EvseRow { evse: EvseId { station: id("CP1"), number: random.random_range(1..5) }, control }
}

fn transaction_row(random: &mut ChaCha8Rng, transaction: u64, at: Timestamp) -> TransactionRow {
    let is_sealed = random.random_bool(0.5);
    TransactionRow {
        transaction: TransactionId(transaction),
        session: SessionId(transaction),
        evse: id("CP1/1"),
        token: random.random_bool(0.5).then(|| id("T1")),
        admission: None,
        reported_id: random.random_bool(0.5).then(|| ReportedId("it's \"one\" ü".to_owned())),
        events: events(random),
        may_draw: random.random_bool(0.5),
        is_refused_by_rows: random.random_bool(0.5),
        reported_start: Some(ReportedAt(at)),
        started_at: at,
        register_start: Some(WattHours::from_watt_hours(12)),
        stop: is_sealed.then(|| TransactionStop {
            reported: None,
            at,
            register: Some(WattHours::from_watt_hours(13)),
            reason: "EVDisconnected".into(),
        }),
        superseded_at: None,
        seal_at: random.random_bool(0.5).then_some(at),
        activity: random
            .random_bool(0.5)
            .then_some(ActivitySpan { from: at, activity: Activity::Declined })
            .into_iter()
            .collect(),
        doubts: vec![Doubt::NoTariff],
        is_sealed,
    }
}

/// None, as of a transaction that we number, or with gaps.
fn events(random: &mut ChaCha8Rng) -> Events {
    let mut events = Events::default();
    for _ in 0..random.random_range(0..5) {
        events.insert(random.random_range(0..8));
        events.first = Some(0);
    }
    events
}

fn evidence(random: &mut ChaCha8Rng, frame: u64, transaction: u64) -> EvidenceRow {
    EvidenceRow {
        frame,
        station: id("CP1"),
        transaction: random.random_bool(0.9).then_some(TransactionId(transaction)),
        received_at: instant(frame),
        action: "MeterValues".into(),
        text: "[2,\"1\",\"MeterValues\",{\"x\":\"é\\n\"}]".into(),
        sha256: [random.random_range(0..=255); 32],
    }
}

fn meter_values_row(random: &mut ChaCha8Rng, number: u64, transaction: u64) -> MeterValuesRow {
    let sample = |random: &mut ChaCha8Rng| MeterSample {
        at: random.random_bool(0.9).then(|| ReportedAt(instant(number))),
        register: random.random_bool(0.7).then(|| reading(number)),
        current: PerPhase::from_fn(|_| random.random_bool(0.5).then(|| Amperes::from_milliamperes(-3))),
        offered: random.random_bool(0.5).then(|| Amperes::from_amperes(16)),
        power: random.random_bool(0.5).then(|| Watts::from_watts(-11_000)),
    };
    MeterValuesRow {
        evse: id("CP1/1"),
        transaction: random.random_bool(0.9).then_some(TransactionId(transaction)),
        received_at: instant(number),
        frame: number,
        seq_no: random.random_bool(0.5).then(|| random.random()),
        samples: (0..random.random_range(0..4)).map(|_| sample(random)).collect(),
    }
}
