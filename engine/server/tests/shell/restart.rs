//! A restart amid a transaction, with stations of either version.

use ocpp::Version;
use serde_json::Value;
use server::run::DATABASE_FILE;
use store::Store;
use store::list::Page;

use crate::support::House;
use crate::transaction::minutes_ago;

#[tokio::test(flavor = "multi_thread")]
async fn s8_a_transaction_goes_on_over_a_restart_and_is_sealed_once_with_what_came_before_and_after() {
    for version in Version::ALL {
        let house = House::open().await;
        let mut station = house.station_of("P01", version).await;
        station.plug_in().await;
        let (named, _) = station.try_begin(1_000, minutes_ago(60)).await.unwrap();
        station.read(&named, 2_000, minutes_ago(50)).await.unwrap();

        let house = house.restart().await;
        // Nothing on the new link says that a transaction runs.
        station.reconnect(&house.ocpp, "P01").await;
        let sessions = house.get("/api/v1/sites/house").await;
        assert!(sessions.to_string().contains("\"transaction\":1"), "{version}: {sessions}");
        station.read(&named, 3_000, minutes_ago(35)).await.unwrap();
        let house = house.restart().await;
        station.reconnect(&house.ocpp, "P01").await;
        station.end(&named, 4_321, minutes_ago(5)).await.unwrap();

        let cdrs = house.until("/api/v1/cdrs", |cdrs| !cdrs.as_array().unwrap().is_empty()).await;
        assert_eq!(cdrs.as_array().unwrap().len(), 1, "{version}: {cdrs}");
        let registers: Vec<i64> =
            rows(&cdrs[0]["readings"]).map(|reading| reading["register"].as_i64().unwrap() / 1_000).collect();
        assert_eq!(registers, [1_000, 2_000, 3_000, 4_321], "{version}: {cdrs}");
        assert_eq!(cdrs[0]["doubts"], Value::Array(vec![]), "{version}: {cdrs}");
        house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn field_6_2_an_end_that_is_told_again_after_a_restart_is_acknowledged_and_makes_no_second_cdr() {
    for version in Version::ALL {
        let house = House::open().await;
        let mut station = house.station_of("P01", version).await;
        let named = station.begin(1_000, minutes_ago(60)).await;
        let number_of_end = station.seq_no;
        let ended_at = minutes_ago(5);
        station.end(&named, 2_500, ended_at).await.unwrap();
        house.until("/api/v1/cdrs", |cdrs| !cdrs.as_array().unwrap().is_empty()).await;

        let house = house.restart().await;
        station.reconnect(&house.ocpp, "P01").await;
        // The station never saw the acknowledgement: it says the same under a new message id.
        station.seq_no = number_of_end;
        station.end(&named, 2_500, ended_at).await.unwrap();
        let cdrs = house.get("/api/v1/cdrs").await;
        assert_eq!(cdrs.as_array().unwrap().len(), 1, "{version}: {cdrs}");
        let directory = house.stop().await;
        let store = Store::open(&directory.path().join(DATABASE_FILE)).await.unwrap();
        let doubts = store.doubts(Page::first(10)).await.unwrap();
        assert!(doubts.is_empty(), "{version}: {doubts:?}");
    }
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
