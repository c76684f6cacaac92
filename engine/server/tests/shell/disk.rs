//! A full disk: no acknowledgement, sheds still go out, the operator is told, service resumes when there is room.

use serde_json::json;

use crate::support::{House, SpokenStation, first_limit, meter_values, now, stop, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_sheds_still_and_resumes() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    // The meter says that there is room, so that the transaction gets more than 0 A: three readings make it fresh.
    let reading = |amperes: i64| json!({"at": now(), "current_a": [amperes, amperes, amperes]}).to_string();
    let path = "/api/v1/meters/main-meter/readings";
    for _ in 0..3 {
        assert_eq!(house.send("POST", path, &reading(5)).await.status, 200);
    }
    let transaction = station.start(1_000).await;
    station.call("StatusNotification", crate::support::status("Charging")).await;
    let raised = station
        .called("a live limit above 6 A", |action, payload| {
            action == "SetChargingProfile" && first_limit(payload).is_some_and(|limit| limit >= 6.0)
        })
        .await;
    let before = first_limit(&raised).unwrap();
    for register in [1_010, 1_020, 1_030] {
        station.call("MeterValues", meter_values(transaction, register, &format!("{before:.1}"))).await;
        assert_eq!(house.send("POST", path, &reading(21)).await.status, 200);
    }

    let unacknowledged = fill_the_disk(&house, &mut station, transaction).await;
    assert_eq!(house.send("GET", "/api/v1/health", "").await.status, 503);
    let page = house.send("GET", "/", "").await;
    assert!(page.status == 503 && page.body.contains("Records cannot be stored"), "{}", page.body);

    // The building takes far more than there is room for: the EV must come down, disk or no disk.
    assert_eq!(house.send("POST", path, &reading(95)).await.status, 200);
    station
        .called("a shed while nothing can be stored", |action, payload| {
            action == "SetChargingProfile" && first_limit(payload).is_some_and(|limit| limit < before)
        })
        .await;

    house.server.writer.as_ref().unwrap().limit_size(0);
    let answer = within("the late acknowledgement", station.answer_to(&unacknowledged)).await.unwrap();
    assert_eq!(answer, json!({}));
    let mut health = house.server.engine.health();
    within("the recovery", health.wait_for(|health| health.storage_failing.is_none())).await.unwrap();
    assert_eq!(house.send("GET", "/api/v1/health", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_it_is_committed() {
    let house = House::open().await;
    let mut station = house.station("P01").await;
    let transaction = station.start(1_000).await;
    let unacknowledged = fill_the_disk(&house, &mut station, transaction).await;
    let later = station.send("StopTransaction", stop(transaction, 9_000)).await.unwrap();
    // A restart would find no record of it, so there must be no answer to it either: the engine has handled the frame
    // once it has handled the next of the same link.
    let mut other = SpokenStation::connect(&house.ocpp, "P02").await;
    other.client.send("[2,\"x\",\"Heartbeat\",{}]").await.unwrap();
    let heard = tokio::time::timeout(std::time::Duration::from_millis(500), station.hear()).await;
    assert!(heard.is_err(), "{heard:?} was acknowledged although nothing was stored");
    house.server.writer.as_ref().unwrap().limit_size(0);
    for id in [unacknowledged, later] {
        within("the acknowledgement", station.answer_to(&id)).await.unwrap();
    }
}

/// Lets the database grow no more, and sends meter values until its pages are full. Gives the message that is the first
/// without an acknowledgement.
async fn fill_the_disk(house: &House, station: &mut SpokenStation, transaction: i64) -> String {
    house.server.writer.as_ref().unwrap().limit_size(1);
    let mut health = house.server.engine.health();
    for register in 2_000.. {
        let id = station.send("MeterValues", meter_values(transaction, register, "6.0")).await.unwrap();
        tokio::select! {
            biased;
            answer = station.answer_to(&id) => assert_eq!(answer.unwrap(), json!({})),
            failing = health.wait_for(|health| health.storage_failing.is_some()) => {
                failing.unwrap();
                return id;
            }
        }
        assert!(register < 4_000, "two thousand messages fit into a full database");
    }
    unreachable!("the loop has no end")
}
