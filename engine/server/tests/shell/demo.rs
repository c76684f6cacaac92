//! The demo: furnished, live, and ended cleanly.

use server::demo::Wanted;

use crate::support::within;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_a_furnished_company_whose_stations_are_online_and_charge() {
    let directory = tempfile::tempdir().unwrap();
    let demo = server::demo::Demo::start(directory.path(), Wanted { speed: 100, ..Wanted::default() })
        .await
        .unwrap();
    let token = demo.url.split("token=").nth(1).unwrap().to_owned();
    let api = wire::http::Api { address: demo.server.listen.to_string(), token };
    let get = |path: &'static str| {
        let api = api.clone();
        async move {
            let reply = api.send("GET", path, "application/json", "").await.unwrap();
            assert_eq!(reply.status, 200, "{}", reply.body);
            serde_json::from_str::<serde_json::Value>(&reply.body).unwrap()
        }
    };
    within("40 stations online and EVs that charge", async {
        loop {
            let site = get("/api/v1/sites/rivitie-5").await;
            let evses = site["evses"].as_array().unwrap();
            assert_eq!(evses.len(), 40);
            let online = evses.iter().filter(|evse| evse["is_online"] == true).count();
            let drawing = evses.iter().filter(|evse| {
                ["l1", "l2", "l3"].iter().any(|phase| evse["control"]["drawn"][phase].as_i64() >= Some(5_000))
            });
            if online == 40 && drawing.count() >= 2 {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let ledger = get("/api/v1/ledger").await;
    for (currency, sum) in ledger["sums_minor"].as_object().unwrap() {
        assert_eq!(sum, 0, "the ledger is off in {currency}");
    }
    demo.stop().await.unwrap();
}
