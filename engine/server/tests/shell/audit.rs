//! An audit of the database that the real server made of what came over real sockets.

use std::path::Path;

use ocpp::Version;
use server::run::DATABASE_FILE;
use store::Archive;
use studies::audit::{AuditReport, Committed, last_instant};

use crate::support::House;
use crate::transaction::minutes_ago;

#[tokio::test(flavor = "multi_thread")]
async fn m2_an_audit_of_a_servers_database_finds_nothing_and_names_a_register_changed_by_hand() {
    let house = House::open().await;
    for (id, version) in [("P01", Version::V16), ("P02", Version::V201)] {
        let mut station = house.station_of(id, version).await;
        station.plug_in().await;
        // All of it is told late, as after an hour without a link.
        let (named, status) = station.try_begin(1_000, minutes_ago(60)).await.unwrap();
        assert_eq!(status, "Accepted", "{id}");
        for (register, ago) in [(2_000, 50), (3_000, 35), (4_000, 20)] {
            station.read(&named, register, minutes_ago(ago)).await.unwrap();
        }
        station.end(&named, 5_321, minutes_ago(5)).await.unwrap();
    }
    house.until("/api/v1/cdrs", |cdrs| cdrs.as_array().unwrap().len() == 2).await;
    let directory = house.stop().await;
    let database = directory.path().join(DATABASE_FILE);

    let sound = audited(&database).await;
    assert_eq!(sound.findings, []);
    assert_eq!((sound.cdrs, sound.priced), (2, 2), "both are billed: {sound:?}");
    assert!(sound.frames >= 8, "start, end and a register per quarter hour: {sound:?}");

    // The last register of one CDR, by one watt-hour: 4,321 Wh become 4,322.
    change(
        &database,
        "UPDATE cdr SET body = json_set(body, '$.readings[#-1].register', 5322000) WHERE cdr = 2",
    )
    .await;
    let tampered = audited(&database).await;
    let told: Vec<String> =
        tampered.findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.what)).collect();
    for part in [
        "not as in its frames: CDR 2: the register at the end is 5322 Wh, its frames say 5321 Wh",
        "M2: CDR 2 bills 4321000 mWh, its registers say 4322000 mWh",
    ] {
        assert!(told.iter().any(|told| told == part), "{part} is not in {told:#?}");
    }
    assert!(told.iter().all(|told| told.contains("CDR 2")), "nothing else is suspected: {told:#?}");
}

/// What `twin audit` does with a database.
async fn audited(database: &Path) -> AuditReport {
    let archive = Archive::read(database).await.unwrap().unwrap();
    let altered = archive.altered.iter().map(|row| format!("{}: CDR {}: {}", row.table, row.key, row.what));
    let committed = Committed { altered: altered.collect(), csms: archive.csms, office: archive.office };
    studies::audit::audit(&committed, last_instant(&committed))
}

/// What a hand in the database may do.
async fn change(database: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions, Connection};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let mut connection = options.connect().await.unwrap();
    let changed = sqlx::query(sql).execute(&mut connection).await.unwrap();
    assert_eq!(changed.rows_affected(), 1, "{sql}");
    connection.close().await.unwrap();
}
