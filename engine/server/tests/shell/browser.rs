//! The live page in a real browser: headless Chromium, driven over its DevTools socket.
//!
//! Runs where `WATTERY_FULL=1`. With `WATTERY_PICTURES=DIRECTORY` it also takes the README's pictures: see
//! `docs/pictures/take`.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use server::demo::{Demo, Wanted};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::within;

/// Debian's name first.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const PHONE: (u32, u32) = (390, 844);
const DESKTOP: (u32, u32) = (1440, 960);

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_in_a_browser_on_a_phone_and_a_desktop_in_both_languages() {
    let Some(program) = browser("the page in a browser") else { return };
    for evses in [4, 40, 200] {
        let directory = tempfile::tempdir().unwrap();
        let wanted = Wanted { evses, watched_from: (18, 30), ..Wanted::default() };
        let demo = Demo::start(directory.path(), wanted).await.unwrap();
        let mut tab = Tab::open(&program).await;
        let mut url = demo.url.clone();
        for (language, (width, height), scheme) in
            [("en", DESKTOP, "light"), ("fi", PHONE, "light"), ("en", PHONE, "dark"), ("fi", DESKTOP, "dark")]
        {
            let case = format!("{evses} EVSEs, {language}, {width} px, {scheme}");
            tab.become_a(width, height, scheme, language).await;
            tab.go(&url).await;
            // The first URL opens the console; from then on the cookie does.
            url = format!("http://{}/", demo.server.listen);
            tab.wait_for(&format!("document.querySelectorAll('.slot .evse').length === {evses}")).await;
            tab.wait_for("Number(document.querySelector('main').dataset.updates) >= 4").await;
            assert_eq!(tab.ask("document.documentElement.lang").await, language, "{case}");
            // A phone widens its window to what sticks out: the width is ours, not the window's.
            let sideways = tab.ask("document.documentElement.scrollWidth").await;
            assert_eq!(sideways, width, "{case}: it scrolls sideways: {}", tab.ask(&wide(width)).await);
            let headline = tab.ask("document.getElementById('headline').textContent").await;
            assert!(headline.as_str().unwrap().len() > 10, "{case}: {headline}");
            tab.show_only_and_compare("charging", &case).await;
            tab.show_only_and_compare("free", &case).await;
            assert_eq!(
                tab.ask(UNNAMED).await,
                json!([]),
                "{case}: pictures without a name for those who do not see"
            );
            assert_eq!(tab.complaints(), Vec::<String>::new(), "{case}");
        }
        demo.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_pictures_can_be_taken_at_an_evening_when_evs_share() {
    let Some(directory) = std::env::var_os("WATTERY_PICTURES").map(PathBuf::from) else {
        println!("skipped by wish: the README's pictures are taken where WATTERY_PICTURES names a directory");
        return;
    };
    let Some(program) = browser("the README's pictures") else { return };
    let records = tempfile::tempdir().unwrap();
    let wanted = Wanted { watched_from: (19, 10), ..Wanted::default() };
    let demo = Demo::start(records.path(), wanted).await.unwrap();
    let mut tab = Tab::open(&program).await;
    tab.become_a(DESKTOP.0, DESKTOP.1, "light", "en").await;
    tab.go(&demo.url).await;
    tab.wait_for(
        "document.querySelectorAll('.evse.limited').length >= 4 && !document.querySelector('.notice')",
    )
    .await;
    tab.picture(&directory.join("desktop.png"), 1).await;
    tab.become_a(PHONE.0, PHONE.1, "light", "en").await;
    tab.picture(&directory.join("phone.png"), 2).await;
    demo.stop().await.unwrap();
}

/// Elements that reach beyond the width, outermost first.
fn wide(width: u32) -> String {
    format!(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > {width} + 1)
             .slice(0, 5).map(e => e.tagName + '.' + e.getAttribute('class')).join(' ')"
    )
}

/// Pictures that a screen reader is told of and cannot name.
const UNNAMED: &str =
    "[...document.querySelectorAll('svg[role=img]:not([aria-label])')].map(e => e.outerHTML.slice(0, 80))";

/// A browser that is there, or a line that says what was skipped.
fn browser(what: &str) -> Option<String> {
    if !std::env::var("WATTERY_FULL").is_ok_and(|full| full == "1") {
        println!("skipped: {what}: only tests/run --full starts a browser");
        return None;
    }
    let is_there = |program: &&str| {
        Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success())
    };
    let found = BROWSERS.iter().copied().find(is_there).map(str::to_owned);
    if found.is_none() {
        println!("skipped: {what}: none of {BROWSERS:?} is installed");
    }
    found
}

/// One tab of a browser of its own; the browser ends with it.
struct Tab {
    browser: Child,
    _profile: tempfile::TempDir,
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    last: u64,
    events: VecDeque<Value>,
}

impl Tab {
    async fn open(program: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(browser.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned));
        // The rest is read away, so that the browser never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.unwrap();
        let host = address.split('/').nth(2).unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(&address, stream).await.unwrap();
        let mut tab =
            Self { browser, _profile: profile, socket, session: None, last: 0, events: VecDeque::new() };
        let target = tab.command("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = tab.command("Target.attachToTarget", attach).await;
        tab.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            tab.command(domain, json!({})).await;
        }
        tab
    }

    async fn command(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut call = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        let answer = async {
            loop {
                let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else { continue };
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["id"] == self.last {
                    assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                    return message["result"].clone();
                }
                self.events.push_back(message);
            }
        };
        within(method, answer).await
    }

    async fn become_a(&mut self, width: u32, height: u32, scheme: &str, language: &str) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.command("Emulation.setDeviceMetricsOverride", metrics).await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", media).await;
        let headers = json!({"headers": {"Accept-Language": language}});
        self.command("Network.setExtraHTTPHeaders", headers).await;
    }

    async fn go(&mut self, url: &str) {
        self.command("Page.navigate", json!({"url": url})).await;
    }

    async fn ask(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        self.command("Runtime.evaluate", asked).await["result"]["value"].clone()
    }

    /// The page looks again and again, so that nothing here sleeps.
    async fn wait_for(&mut self, condition: &str) {
        let looked = format!("new Promise(told => setTimeout(() => told({condition}), 50))");
        let look = json!({"expression": looked, "returnByValue": true, "awaitPromise": true});
        let wait = async {
            while self.command("Runtime.evaluate", look.clone()).await["result"]["value"] != true {}
        };
        within(condition, wait).await;
    }

    /// A filter shows as many as it says, and everything comes back after it.
    async fn show_only_and_compare(&mut self, state: &str, case: &str) {
        let shown = "[...document.querySelectorAll('.slot')].filter(e => e.checkVisibility()).length";
        let both = format!(
            "document.getElementById('show-{state}').click(); \
             [{shown}, Number(document.getElementById('n-{state}').textContent)]"
        );
        let both = self.ask(&both).await;
        assert_eq!(both[0], both[1], "{case}: {state}");
        let all = format!("document.getElementById('show-all').click(); {shown}");
        assert_eq!(
            self.ask(&all).await,
            self.ask("document.querySelectorAll('.slot').length").await,
            "{case}"
        );
    }

    /// What the browser complained of since the last question: errors and warnings.
    fn complaints(&mut self) -> Vec<String> {
        let is_complaint = |event: &Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            _ => false,
        };
        self.events.drain(..).filter(is_complaint).map(|event| event["params"].to_string()).collect()
    }

    async fn picture(&mut self, path: &std::path::Path, scale: u32) {
        let metrics = json!({"format": "png", "clip": self.window(scale).await});
        let taken = self.command("Page.captureScreenshot", metrics).await;
        let bytes = data_encoding::BASE64.decode(taken["data"].as_str().unwrap().as_bytes()).unwrap();
        assert!(bytes.len() < 300_000, "{} has {} bytes", path.display(), bytes.len());
        std::fs::write(path, bytes).unwrap();
    }

    async fn window(&mut self, scale: u32) -> Value {
        let mut window = self.ask("({x: 0, y: 0, width: innerWidth, height: innerHeight})").await;
        window["scale"] = json!(scale);
        window
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
