//! TLS for stations, spoken by a real client over loopback: reload, faults, the handshake, certificates of stations.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csms::SecurityProfile;
use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use server::config::{Config, ServeArgs, TlsConfig};
use server::tls::Files;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::support::{House, SITE, config, within};

/// An authority that makes certificates, and lists those that it takes back.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate with its key.
struct Made {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    serial: rcgen::SerialNumber,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn make(&self, name: &str, number: u64) -> Made {
        self.make_until(name, number, (2040, 1, 1))
    }

    fn make_until(&self, name: &str, number: u64, until: (i32, u8, u8)) -> Made {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let serial = rcgen::SerialNumber::from(number);
        params.serial_number = Some(serial.clone());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Made { certificate, key, serial }
    }

    fn revoke(&self, revoked: &[&Made]) -> String {
        let revoked = revoked.iter().map(|made| rcgen::RevokedCertParams {
            serial_number: made.serial.clone(),
            revocation_time: rcgen::date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 1, 1),
            next_update: rcgen::date_time_ymd(2040, 1, 1),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        pem("X509 CRL", list.signed_by(&self.issuer).unwrap().der())
    }

    fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// How a station speaks TLS that trusts this authority, with a certificate of its own or without.
    fn client(&self, own: Option<&Made>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match own {
            Some(own) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
                builder.with_client_auth_cert(vec![own.certificate.clone()], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        })
    }
}

impl Made {
    fn put(&self, files: &Files) {
        std::fs::write(&files.certificate, pem("CERTIFICATE", &self.certificate)).unwrap();
        std::fs::write(&files.key, pem("PRIVATE KEY", &self.key.serialize_der())).unwrap();
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", BASE64.encode(der))
}

fn files(folder: &Path) -> Files {
    let named = |name: &str| -> PathBuf { folder.join(name) };
    Files {
        certificate: named("certificate.pem"),
        key: named("key.pem"),
        client_ca: None,
        client_revoked: None,
    }
}

/// A house that listens with and without TLS, whose stations have passwords; those are told.
async fn open(files: Files, directory: tempfile::TempDir) -> (House, Value) {
    let settings = Config {
        tls: Some(TlsConfig { listen: "127.0.0.1:0".parse().unwrap(), files }),
        station_security_least: SecurityProfile::Basic,
        ..config(directory.path())
    };
    let house = House::bare(settings, directory).await;
    let reply = house.api.send("POST", "/api/v1/sites", "application/toml", SITE).await.unwrap();
    let told: Value = serde_json::from_str(&reply.body).unwrap();
    (house, told["passwords"].clone())
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn connect(
    address: SocketAddr,
    client: Arc<ClientConfig>,
    station: &str,
    password: Option<&str>,
) -> Result<Socket, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(client).connect(name, stream).await.map_err(|error| error.to_string())?;
    let mut request = format!("wss://localhost/ocpp/{station}").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static("ocpp1.6"));
    if let Some(password) = password {
        let pair = BASE64.encode(format!("{station}:{password}").as_bytes());
        headers.insert("Authorization", HeaderValue::from_str(&format!("Basic {pair}")).unwrap());
    }
    let opened = tokio_tungstenite::client_async(request, stream).await;
    opened.map(|(socket, _)| socket).map_err(|error| error.to_string())
}

/// The answer to a boot.
async fn boot(socket: &mut Socket) -> Value {
    let boot = json!([2, "b", "BootNotification", {"chargePointVendor": "x", "chargePointModel": "y"}]);
    socket.send(Message::text(boot.to_string())).await.unwrap();
    within("the answer to the boot", async {
        loop {
            let message = socket.next().await.unwrap().unwrap();
            let Ok(text) = message.into_text() else { continue };
            let frame: Value = serde_json::from_str(text.as_str()).unwrap();
            if frame[1] == "b" {
                return frame[2].clone();
            }
        }
    })
    .await
}

/// The certificate that a station is shown.
async fn shown(address: SocketAddr, client: Arc<ClientConfig>) -> CertificateDer<'static> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(client).connect(name, stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_of_profile_2_comes_over_tls_with_its_password_and_no_other_way() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let files = files(directory.path());
    authority.make("the server", 1).put(&files);
    let (house, passwords) = open(files, directory).await;
    let raise = house.send("PUT", "/api/v1/stations/P01/security", "{\"profile\": 2}").await;
    assert_eq!(raise.status, 200, "{}", raise.body);
    let no_certificates = house.send("PUT", "/api/v1/stations/P01/security", "{\"profile\": 3}").await;
    assert!(no_certificates.status == 409 && no_certificates.body.contains("--tls-client-ca"));
    let (tls, client) = (house.server.listen_ocpp_tls.unwrap(), authority.client(None));
    let password = passwords["P01"].as_str();
    let plain = wire::station::StationClient::connect(&house.ocpp, "P01", password).await;
    assert!(plain.unwrap_err().to_string().contains("401"), "the right password without TLS");
    for wrong in [None, passwords["P02"].as_str()] {
        let refused = connect(tls, Arc::clone(&client), "P01", wrong).await.unwrap_err();
        assert!(refused.contains("401"), "{refused}");
    }
    let mut station = connect(tls, client, "P01", password).await.unwrap();
    assert_eq!(boot(&mut station).await["status"], "Accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_listener_speaks_tls_no_station_is_locked_out_by_profile_2() {
    let house = House::open().await;
    let refused =
        house.send("PUT", "/api/v1/stations/P01/security", "{\"profile\": 2, \"draw_password\": true}").await;
    assert!(refused.status == 409 && refused.body.contains("--listen-ocpp-tls"), "{}", refused.body);
    drop(house.station("P01").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_change_are_read_again_links_stay_and_files_that_do_not_fit_change_nothing() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let files = files(directory.path());
    let (first, second) = (authority.make("first", 1), authority.make("second", 2));
    first.put(&files);
    let (house, passwords) = open(files.clone(), directory).await;
    let tls = house.server.listen_ocpp_tls.unwrap();
    let mut station = connect(tls, authority.client(None), "P01", passwords["P01"].as_str()).await.unwrap();
    assert_eq!(shown(tls, authority.client(None)).await, first.certificate);
    // Half-way: the new certificate with the old key.
    std::fs::write(&files.certificate, pem("CERTIFICATE", &second.certificate)).unwrap();
    assert_eq!(shown(tls, authority.client(None)).await, first.certificate);
    std::fs::remove_file(&files.key).unwrap();
    assert_eq!(shown(tls, authority.client(None)).await, first.certificate);
    second.put(&files);
    assert_eq!(shown(tls, authority.client(None)).await, second.certificate);
    assert_eq!(boot(&mut station).await["status"], "Accepted", "the link of before stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_and_says_nothing_or_no_tls_disturbs_no_station() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let files = files(directory.path());
    authority.make("the server", 1).put(&files);
    let (house, passwords) = open(files, directory).await;
    let tls = house.server.listen_ocpp_tls.unwrap();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(tls).await.unwrap());
    }
    let mut plain = TcpStream::connect(tls).await.unwrap();
    plain.write_all(b"GET /ocpp/P01 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = within("the end of what is no TLS", plain.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let mut station = connect(tls, authority.client(None), "P01", passwords["P01"].as_str()).await.unwrap();
    assert_eq!(boot(&mut station).await["status"], "Accepted");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_its_own_lets_a_station_in_under_its_own_name_until_it_is_revoked() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let mut files = files(directory.path());
    let revoked_file = directory.path().join("revoked.pem");
    std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(&revoked_file, authority.revoke(&[])).unwrap();
    files.client_ca = Some(directory.path().join("ca.pem"));
    files.client_revoked = Some(revoked_file.clone());
    authority.make("the server", 1).put(&files);
    let (own, other) = (authority.make("P01", 11), authority.make("P02", 12));
    let stranger = Authority::new().make("P01", 13);
    let (house, passwords) = open(files, directory).await;
    let raise = house.send("PUT", "/api/v1/stations/P01/security", "{\"profile\": 3}").await;
    assert_eq!(raise.status, 200, "{}", raise.body);
    let tls = house.server.listen_ocpp_tls.unwrap();
    let password = passwords["P01"].as_str();
    let attempt = async |own: Option<&Made>, station: &str, password: Option<&str>| {
        connect(tls, authority.client(own), station, password).await
    };
    assert!(attempt(None, "P01", password).await.unwrap_err().contains("401"), "a password is not enough");
    assert!(
        attempt(Some(&other), "P01", password).await.unwrap_err().contains("401"),
        "another's certificate"
    );
    let unknown_root = attempt(Some(&stranger), "P01", None).await.unwrap_err();
    assert!(!unknown_root.contains("401"), "TLS itself is refused: {unknown_root}");
    let mut station = attempt(Some(&own), "P01", None).await.unwrap();
    assert_eq!(boot(&mut station).await["status"], "Accepted");
    let mut neighbour = attempt(None, "P02", passwords["P02"].as_str()).await.unwrap();
    assert_eq!(boot(&mut neighbour).await["status"], "Accepted", "who needs none brings none");
    std::fs::write(&revoked_file, authority.revoke(&[&own])).unwrap();
    assert!(attempt(Some(&own), "P01", None).await.is_err(), "revoked");
    assert_eq!(boot(&mut station).await["status"], "Accepted", "a link that is open stays");
    assert!(attempt(Some(&other), "P02", None).await.is_ok(), "nobody else is");
}

#[test]
fn every_fault_of_the_files_is_told_at_once_with_the_setting_and_the_way_out() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (first, second) = (authority.make("first", 1), authority.make("second", 2));
    let ended = authority.make_until("ended", 3, (2020, 1, 1));
    for (name, made) in [("first", &first), ("second", &second), ("ended", &ended)] {
        std::fs::write(path(&format!("{name}.pem")), pem("CERTIFICATE", &made.certificate)).unwrap();
        std::fs::write(path(&format!("{name}.key")), pem("PRIVATE KEY", &made.key.serialize_der())).unwrap();
    }
    std::fs::write(path("empty.pem"), "nothing").unwrap();
    let told = |certificate: &str, key: &str, client_ca: Option<&str>| -> Vec<String> {
        let args = ServeArgs {
            data: Some(path("data")),
            ping_seconds: Some("often".to_owned()),
            listen_ocpp_tls: Some("127.0.0.1:0".to_owned()),
            tls_certificate: Some(path(certificate)),
            tls_key: Some(path(key)),
            tls_client_ca: client_ca.map(path),
            ..ServeArgs::default()
        };
        let problems = Config::read(&args).unwrap_err();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(problems.iter().any(|line| line.starts_with("--ping-seconds = often")), "{problems:#?}");
        problems.into_iter().filter(|line| line.contains("--tls")).collect()
    };
    for (certificate, key, client_ca, parts) in [
        ("no.pem", "no.key", None, &["no.pem: cannot be read", "no.key: cannot be read"][..]),
        ("empty.pem", "empty.pem", None, &["holds no certificate", "holds no private key"]),
        ("first.pem", "second.key", None, &["second.key: this key is not the certificate's"]),
        ("ended.pem", "ended.key", None, &["ended.pem: the certificate ended at 2020-01-01"]),
        ("ended.pem", "no.key", Some("empty.pem"), &["ended at", "no.key", "--tls-client-ca"]),
        ("first.pem", "first.key", None, &[]),
    ] {
        let told = told(certificate, key, client_ca);
        assert_eq!(told.len(), parts.len(), "{told:#?}");
        for (line, part) in told.iter().zip(parts) {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[test]
fn settings_that_leave_stations_no_way_in_are_told() {
    let told = |args: &ServeArgs| -> Vec<String> {
        Config::read(args).unwrap_err().iter().map(ToString::to_string).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    let nowhere = ServeArgs { listen_ocpp: text("none"), ..ServeArgs::default() };
    assert!(
        told(&nowhere)[0].starts_with("--listen-ocpp = none: leaves stations nowhere"),
        "{:?}",
        told(&nowhere)
    );
    let no_tls = ServeArgs { station_security_least: text("2"), ..ServeArgs::default() };
    assert!(told(&no_tls)[0].contains("no station can prove that without --listen-ocpp-tls"));
    let no_files = ServeArgs { listen_ocpp_tls: text("127.0.0.1:0"), ..ServeArgs::default() };
    assert_eq!(told(&no_files).len(), 2, "{:?}", told(&no_files));
    let no_key = ServeArgs { tls_certificate: text("nowhere.pem"), ..no_files.clone() };
    assert!(told(&no_key)[0].contains("needs --tls-key"), "{:?}", told(&no_key));
    assert!(told(&no_key)[1].starts_with("--tls-certificate = nowhere.pem: cannot be read"));
    let no_listener = ServeArgs { tls_key: text("key.pem"), ..ServeArgs::default() };
    assert!(told(&no_listener)[0].contains("of use only with --listen-ocpp-tls"));
    let no_roots = ServeArgs { tls_client_revoked: text("revoked.pem"), ..no_files };
    assert!(told(&no_roots).iter().any(|line| line.contains("needs --tls-client-ca")));
}
