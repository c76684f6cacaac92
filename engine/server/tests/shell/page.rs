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
    assert!(page.body.contains("No charging point is connected"), "{}", page.body);
    for part in
        ["A House", "P01/1", "Main", "80 A", "never connected", "data-live=\"/live/house?language=en\""]
    {
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
async fn the_page_speaks_the_browsers_language_until_another_is_chosen() {
    let house = House::open().await;
    let page = |headers: String| {
        let listen = house.server.listen;
        let token = house.api.token.clone();
        async move {
            let mut stream = tokio::net::TcpStream::connect(listen).await.unwrap();
            let (path, headers) = headers.split_once('|').unwrap();
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
                 {headers}\r\n"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            within("the page", stream.read_to_string(&mut answer)).await.unwrap();
            answer
        }
    };
    let (english, finnish) = ("No charging point is connected", "Yhtään latauspistettä ei ole yhteydessä");
    assert!(page("/|".to_owned()).await.contains(english));
    assert!(page("/|Accept-Language: fi-FI,fi;q=0.9\r\n".to_owned()).await.contains(finnish));
    let chosen = page("/?language=en|Accept-Language: fi\r\n".to_owned()).await;
    assert!(chosen.contains(english) && chosen.contains("wattery_language=en"), "{chosen:.600}");
    assert!(
        page("/|Accept-Language: fi\r\nCookie: wattery_language=en\r\n".to_owned()).await.contains(english)
    );
    assert!(
        page("/sites/nowhere|Accept-Language: fi\r\n".to_owned()).await.contains("Kohdetta nowhere ei ole")
    );
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
