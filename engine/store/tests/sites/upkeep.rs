//! Rows of upkeep.

use std::collections::BTreeMap;

use csms::Record;
use csms::upkeep::{
    AvailabilityRow, ErrandRow, ErrandState, JobRow, JobState, LocalListRow, Plan, Received, ReservationRow,
    ReservationState, SettingKey, SettingState, SettingsRow, Standing, TemplateRow, UpkeepRow, UploadRow,
    Work,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use store::Store;
use store::list::Page;
use units::Timestamp;

use crate::desk::id;

/// One row of any kind; keys repeat.
pub fn row(random: &mut ChaCha8Rng, number: u64, at: Timestamp) -> UpkeepRow {
    let station = ["CP1", "CP2"][random.random_range(0..2)];
    let is_over = random.random_bool(0.5);
    match random.random_range(0..8) {
        0 => UpkeepRow::Job(JobRow {
            job: number % 5,
            actor: "ann".into(),
            begun_at: at,
            work: Work::Firmware {
                url: "https://a/b".into(),
                version: is_over.then(|| "1.3".into()),
                signed: None,
            },
            name: "it's new".into(),
            plan: Plan { waves: vec![1, 5], failures_max: Some(1), ..Plan::default() },
            until: at,
            state: if is_over { JobState::Ended } else { JobState::Running },
            failures_seen: 2,
            ended_at: is_over.then_some(at),
        }),
        1 => UpkeepRow::Errand(ErrandRow {
            job: number % 5,
            station: id(station),
            wave: 1,
            state: ErrandState::Following,
            at,
            word: "Downloading".into(),
            attempts: 1,
            step: 0,
            before: None,
        }),
        2 => {
            let template = r#"{"id":"t","vendor":"A*","settings":[{"key":"K","value":"1"},
                {"component":"C","variable":"V","evse":1,"value":""}]}"#;
            let template = serde_json::from_str(template).unwrap();
            UpkeepRow::Template(TemplateRow { template, changed_at: at, is_removed: is_over })
        }
        3 => UpkeepRow::Settings(SettingsRow {
            station: id(station),
            checked_at: at,
            settings: vec![SettingState {
                key: SettingKey::Key { key: "K".into() },
                wanted: "1".into(),
                template: "t".into(),
                found: Some(String::new()),
                standing: Standing::HoldsAfterReboot,
                word: "RebootRequired".into(),
                drifts: 3,
            }],
            needs_reboot: true,
        }),
        4 => UpkeepRow::LocalList(LocalListRow {
            station: id(station),
            is_kept: is_over,
            version: 7,
            tokens: [(id("KEY"), Some(at)), (id("OTHER"), None)].into(),
            entries_max: Some(20),
            word: "Accepted".into(),
            at,
        }),
        5 => UpkeepRow::Reservation(ReservationRow {
            reservation: u32::try_from(number % 7).unwrap(),
            evse: id("CP1/1"),
            token: id("KEY"),
            until: at,
            actor: "ann".into(),
            state: if is_over { ReservationState::Used } else { ReservationState::Held },
            at,
            word: String::new(),
        }),
        6 => UpkeepRow::Availability(AvailabilityRow {
            station: id(station),
            evse: is_over.then_some(1),
            is_operative: false,
            word: "Scheduled".into(),
            at,
        }),
        _ => UpkeepRow::Upload(UploadRow {
            upload: number % 7,
            station: id(station),
            site: id("site"),
            job: 1,
            url: "https://a/upload/0/".into(),
            token: "0".into(),
            asked_at: at,
            until: at,
            received: is_over.then(|| Received { at, name: "a.zip".into(), bytes: 9, sha256: "00".into() }),
        }),
    }
}

/// What a start reads back.
pub fn is_open(row: &UpkeepRow, states: &BTreeMap<(&str, String), &Record>) -> bool {
    match row {
        UpkeepRow::Job(row) => row.ended_at.is_none(),
        UpkeepRow::Errand(row) => match states.get(&("job", row.job.to_string())) {
            Some(Record::Upkeep(job)) => is_open(job, states),
            _other => false,
        },
        UpkeepRow::Template(row) => !row.is_removed,
        UpkeepRow::Reservation(row) => row.state == ReservationState::Held,
        UpkeepRow::Upload(row) => row.received.is_none(),
        UpkeepRow::Settings(_) | UpkeepRow::LocalList(_) | UpkeepRow::Availability(_) => true,
    }
}

/// What pages and the API see of them.
pub async fn check_lists(store: &Store, records: &[Record]) {
    let mut rows: BTreeMap<(&str, String), &UpkeepRow> = BTreeMap::new();
    for record in records {
        if let Record::Upkeep(row) = record {
            rows.insert((row.table(), row.key()), row);
        }
    }
    let count = |table: &str| rows.keys().filter(|(of, _)| *of == table).count();
    let all = Page::first(10_000);
    assert_eq!(store.jobs(all).await.unwrap().len(), count("job"));
    assert_eq!(store.local_lists().await.unwrap().len(), count("local_list"));
    assert_eq!(store.reservations(all).await.unwrap().len(), count("reservation"));
    assert_eq!(store.availability().await.unwrap().len(), count("availability"));
    assert_eq!(store.uploads(all).await.unwrap().len(), count("upload"));
    let holds = |row: &&&UpkeepRow| matches!(row, UpkeepRow::Template(row) if !row.is_removed);
    assert_eq!(store.templates().await.unwrap().len(), rows.values().filter(holds).count());
    for row in rows.values() {
        match row {
            UpkeepRow::Job(row) => {
                let (job, errands) = store.job(row.job).await.unwrap().unwrap();
                let own = rows
                    .values()
                    .filter(|other| matches!(other, UpkeepRow::Errand(errand) if errand.job == row.job));
                assert_eq!((&job, errands.len()), (row, own.count()));
            }
            UpkeepRow::Settings(row) => {
                assert_eq!(store.settings(&row.station).await.unwrap().as_ref(), Some(row));
            }
            UpkeepRow::Upload(row) => assert_eq!(store.upload(row.upload).await.unwrap().as_ref(), Some(row)),
            _other => {}
        }
    }
}
