//! The live page and its stream, over HTTP.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{House, meter_values, within};

#[tokio::test(flavor = "multi_thread")]
async fn the_consoles_url_opens_the_page_and_the_stream_tells_what_changes() {
    let house = House::open().await;
    let opened =
        house.api.send("GET", &format!("/open?token={}", house.api.token), "text/html", "").await.unwrap();
    assert_eq!(opened.status, 303);
    let page = house.send("GET", "/", "").await;
    assert_eq!(page.status, 200);
    for part in ["A House", "P01/1", "Main", "63 A", "Never connected", "data-live=\"/live/house\""] {
        assert!(page.body.contains(part), "{part} is not in {}", page.body);
    }
    assert!(
        !page.body.contains("<script>") && !page.body.contains("style=\""),
        "nothing inline: the CSP forbids it"
    );

    let mut stream = tokio::net::TcpStream::connect(house.server.listen).await.unwrap();
    let request =
        format!("GET /live/house HTTP/1.1\r\nHost: localhost\r\nCookie: wattery={}\r\n\r\n", house.api.token);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut station = house.station("P01").await;
    let transaction = station.start(1_000).await;
    station.call("MeterValues", meter_values(transaction, 8_400, "6.0")).await;
    let mut heard = String::new();
    let mut bytes = [0; 4_096];
    within("the session in the stream", async {
        while !heard.contains("7.4 kWh") {
            let count = stream.read(&mut bytes).await.unwrap();
            heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    })
    .await;
    assert!(heard.contains("event: parts"), "{heard:.300}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_site_the_page_says_how_to_get_one() {
    let directory = tempfile::tempdir().unwrap();
    let clock = server::clock::Clock::real();
    let server = server::run::Server::start(
        crate::support::config(directory.path()),
        clock,
        server::web::Live::default(),
    )
    .await
    .unwrap();
    let api = wire::http::Api { address: server.listen.to_string(), token: server.token.clone().unwrap() };
    let page = api.send("GET", "/", "text/html", "").await.unwrap();
    assert!(page.status == 200 && page.body.contains("wattery admin site import"), "{}", page.body);
    let sites = api.send("GET", "/api/v1/sites", "application/json", "").await.unwrap();
    assert_eq!(sites.body, json!([]).to_string());
    server.stop().await.unwrap();
}
