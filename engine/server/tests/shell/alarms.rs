//! Alarms leave by webhook and e-mail, over real sockets: signed, repeated until somebody takes them, each once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use csms::Alarm;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use server::alarms::settings::{AlarmSettings, Key, Mail, Webhook, smtp_server, webhook_url};
use server::alarms::{AlarmSink, Retry, Turn, open};
use server::clock::Clock;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::support::within;

const SOON: Retry = Retry { first: Duration::from_millis(5), longest: Duration::from_millis(20) };
const SECRET: &str = "0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_in_order_and_repeated_until_it_is_taken() {
    let receiver = listener().await;
    let settings = webhook_at(&format!("http://{}/alarms?site=1", receiver.local_addr().unwrap()));
    let directory = tempfile::tempdir().unwrap();
    let (alarms, task) = start(settings, directory.path());
    alarms.tell(Turn::Raised, offline("P01"));
    alarms.tell(Turn::Over, offline("P01"));
    let mut taken = Vec::new();
    // Refused, hung up on, taken, and then the next.
    for answer in [Some(500), None, Some(204), Some(200)] {
        let (head, body) = next_request(&receiver, answer).await;
        assert!(head.starts_with("POST /alarms?site=1 HTTP/1.1"), "{head}");
        check_signature(&head, &body);
        taken.push(serde_json::from_str::<Value>(&body).unwrap());
    }
    let turns: Vec<(&Value, &Value)> = taken.iter().map(|one| (&one["id"], &one["turn"])).collect();
    let raised = (&json!(1), &json!("raised"));
    assert_eq!(turns, [raised, raised, raised, (&json!(2), &json!("over"))]);
    assert_eq!(taken[0]["text"], "station P01 is offline");
    assert_eq!(taken[0]["alarm"], json!({"StationOffline": {"station": "P01"}}));
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_took_before_a_restart_is_told_after_it() {
    let receiver = listener().await;
    let address = receiver.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (alarms, task) = start(webhook_at(&format!("http://{address}")), directory.path());
    alarms.tell(Turn::Raised, offline("P01"));
    next_request(&receiver, Some(503)).await;
    task.abort();
    let _ = task.await;
    let (alarms, task) = start(webhook_at(&format!("http://{address}")), directory.path());
    // It stands still, and is raised by the engine again.
    alarms.tell(Turn::Raised, offline("P01"));
    alarms.tell(Turn::Raised, offline("P02"));
    let mut texts = BTreeMap::new();
    while texts.len() < 2 {
        let (_, body) = next_request(&receiver, Some(200)).await;
        let told: Value = serde_json::from_str(&body).unwrap();
        texts.insert(told["id"].as_u64().unwrap(), told["text"].as_str().unwrap().to_owned());
    }
    let texts: Vec<(u64, String)> = texts.into_iter().collect();
    assert_eq!(texts, [(1, "station P01 is offline".to_owned()), (2, "station P02 is offline".to_owned())]);
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_e_mail_tells_all_that_waits_and_is_repeated_until_the_server_takes_it() {
    let sink = listener().await;
    let directory = tempfile::tempdir().unwrap();
    let server = format!("smtp://{}", sink.local_addr().unwrap());
    let (alarms, task) = start(mail_by(&server), directory.path());
    alarms.tell(Turn::Raised, offline("P01"));
    let (socket, _) = within("an e-mail", sink.accept()).await.unwrap();
    assert_eq!(take_mail(socket, "451 later").await, None);
    alarms.tell(Turn::Raised, offline("P02"));
    alarms.tell(Turn::Over, offline("P01"));
    let mut letters = Vec::new();
    let lines = |letter: &String| letter.lines().filter(|line| line.contains("Z  ")).count();
    while letters.iter().map(lines).sum::<usize>() < 3 {
        let (socket, _) = within("an e-mail", sink.accept()).await.unwrap();
        letters.extend(take_mail(socket, "250 taken").await);
    }
    let all = letters.join("\n");
    for part in
        ["From: wattery@example.org", "To: desk@example.org", "ALARM  station P01", "over   station P01"]
    {
        assert!(all.contains(part), "{part} in {all}");
    }
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_only_an_authority_that_is_trusted_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (acceptor, ca) = authority();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, ca).unwrap();
    let (web, mail) = (listener().await, listener().await);
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let settings = AlarmSettings {
        mail: mail_by(&format!("smtps://localhost:{}", port(&mail))).mail,
        ..webhook_at(&format!("https://localhost:{}/", port(&web)))
    };
    // Nobody vouches for it: the handshake fails, and nothing is said.
    let (alarms, task) = start(settings.clone(), directory.path());
    alarms.tell(Turn::Raised, offline("P01"));
    for listener in [&web, &mail] {
        let (socket, _) = within("a handshake", listener.accept()).await.unwrap();
        assert!(acceptor.accept(socket).await.is_err(), "a stranger's certificate is refused");
    }
    task.abort();
    let _ = task.await;
    let (_alarms, task) = start(AlarmSettings { ca: Some(ca_file), ..settings }, directory.path());
    let socket = secured(&web, &acceptor).await;
    let (head, body) = take_request(socket, Some(200)).await.unwrap();
    check_signature(&head, &body);
    let letter = take_mail(secured(&mail, &acceptor).await, "250 taken").await.unwrap();
    assert!(letter.contains("Subject: Wattery: station P01 is offline"), "{letter}");
    task.abort();
}

fn offline(station: &str) -> Alarm {
    Alarm::StationOffline { station: station.parse().unwrap() }
}

fn start(settings: AlarmSettings, directory: &Path) -> (AlarmSink, JoinHandle<()>) {
    let (sender, inbox) = tokio::sync::mpsc::unbounded_channel();
    let task = open(settings, directory, Clock::real(), inbox).unwrap();
    (AlarmSink::new(sender), tokio::spawn(task))
}

fn webhook_at(url: &str) -> AlarmSettings {
    let webhook = Webhook { url: webhook_url(url).unwrap(), secret: Key(SECRET.to_owned()) };
    AlarmSettings { webhook: Some(webhook), retry: SOON, ..AlarmSettings::default() }
}

fn mail_by(server: &str) -> AlarmSettings {
    let (server, _) = smtp_server(server).unwrap();
    let [from, to] = ["wattery@example.org", "desk@example.org"].map(|address| address.parse().unwrap());
    let mail = Mail { server, from, to: vec![to] };
    AlarmSettings { mail: Some(mail), retry: SOON, ..AlarmSettings::default() }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// A receiver's certificate for localhost, and its authority as PEM.
fn authority() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), pem(ca.der()))
}

fn pem(certificate: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// The next connection whose handshake succeeds: some are left over from before.
async fn secured(listener: &TcpListener, acceptor: &TlsAcceptor) -> TlsStream<TcpStream> {
    loop {
        let (socket, _) = within("a connection", listener.accept()).await.unwrap();
        if let Ok(socket) = acceptor.accept(socket).await {
            return socket;
        }
    }
}

/// The next whole request.
async fn next_request(listener: &TcpListener, status: Option<u16>) -> (String, String) {
    loop {
        let (socket, _) = within("a webhook", listener.accept()).await.unwrap();
        if let Some(request) = take_request(socket, status).await {
            return request;
        }
    }
}

/// Reads one request and answers it, or hangs up; head and body, where they came whole.
async fn take_request(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    status: Option<u16>,
) -> Option<(String, String)> {
    let mut socket = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if within("the head", socket.read_line(&mut head)).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    let length = head_value(&head, "content-length").parse().unwrap();
    let mut body = vec![0; length];
    within("the body", socket.read_exact(&mut body)).await.ok()?;
    if let Some(status) = status {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.ok()?;
        socket.flush().await.ok()?;
        let _ = socket.shutdown().await;
    }
    Some((head, String::from_utf8(body).unwrap()))
}

fn head_value(head: &str, name: &str) -> String {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name} in {head}")).split_once(':').unwrap().1.trim().to_owned()
}

/// As a receiver checks it.
fn check_signature(head: &str, body: &str) {
    use hmac::{Hmac, KeyInit, Mac};
    let signature = head_value(head, "wattery-signature");
    let (at, digest) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    mac.verify_slice(&data_encoding::HEXLOWER.decode(digest.as_bytes()).unwrap()).unwrap();
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(head_value(head, "wattery-delivery"), told["id"].to_string());
}

/// Speaks SMTP and answers the letter with `verdict`; the letter, where it was taken.
async fn take_mail(socket: impl AsyncRead + AsyncWrite + Unpin, verdict: &str) -> Option<String> {
    let mut socket = BufReader::new(socket);
    let mut say = "220 sink ready".to_owned();
    let mut letter = None;
    loop {
        socket.write_all(format!("{say}\r\n").as_bytes()).await.unwrap();
        socket.flush().await.unwrap();
        let mut line = String::new();
        if within("a line", socket.read_line(&mut line)).await.unwrap_or(0) == 0 {
            return letter;
        }
        say = match line.split_whitespace().next().unwrap_or_default() {
            "DATA" => {
                socket.write_all(b"354 go on\r\n").await.unwrap();
                socket.flush().await.unwrap();
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    assert_ne!(within("the letter", socket.read_line(&mut text)).await.unwrap(), 0);
                }
                letter = verdict.starts_with("250").then_some(text);
                verdict.to_owned()
            }
            "QUIT" => {
                let _ = socket.write_all(b"221 bye\r\n").await;
                let _ = socket.flush().await;
                return letter;
            }
            _ => "250 ok".to_owned(),
        };
    }
}
