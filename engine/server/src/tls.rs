//! TLS for stations: files of keys and X.509 Certificates, checked as they are read, and read again when they change.
//!
//! Links that are open stay as they are. Files that cannot be used after a change are told of in the log, and new links
//! get what was read last: half-way through a change that is what is wanted.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use units::{TimeSpan, Timestamp};

use crate::x509;

/// A certificate that ends so soon is told of in the log.
const ENDS_SOON: TimeSpan = TimeSpan::from_hours(14 * 24);
/// That often.
const TELL_EVERY: TimeSpan = TimeSpan::from_hours(24);

/// The files that TLS needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The server's certificate and those between it and its root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Roots of stations' own certificates (security profile 3), PEM; none asks for none.
    pub client_ca: Option<PathBuf>,
    /// Lists of certificates that are revoked (RFC 5280 section 5), PEM.
    pub client_revoked: Option<PathBuf>,
}

/// Which of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// The server's certificate.
    Certificate,
    /// Its key.
    Key,
    /// The roots of stations' certificates.
    ClientCa,
    /// The revoked ones.
    ClientRevoked,
}

impl Of {
    /// Whether there is no TLS without it.
    pub const fn is_needed(self) -> bool {
        match self {
            Self::Certificate | Self::Key => true,
            Self::ClientCa | Self::ClientRevoked => false,
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub of: Of,
    /// Its name.
    pub path: PathBuf,
    /// What is wrong, and the way out.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path.display(), self.reason)
    }
}

/// TLS as it is now.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Of the files when they were last looked at, whatever became of it.
    stamps: Vec<Stamp>,
    loaded: Loaded,
    told_of_end_at: Option<Timestamp>,
}

/// What was read.
#[derive(Debug, Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    ends_at: Timestamp,
}

/// When a file was changed, how long it is, and which it is.
type Stamp = Option<(i64, i64, u64, u64)>;

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Every fault of every file.
    pub fn open(files: Files) -> Result<Self, Vec<Fault>> {
        let stamps = files.stamps();
        let loaded = load(&files, wall_clock())?;
        Ok(Self { files, state: Mutex::new(State { stamps, loaded, told_of_end_at: None }) })
    }

    /// For a new link: with the files as they are now. Looks at the disk, aside.
    pub async fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let tls = Arc::clone(self);
        let config = tokio::task::spawn_blocking(move || tls.refreshed(wall_clock())).await;
        // Only a panic can be in the way; what was read last stands.
        let config = config.unwrap_or_else(|_| Arc::clone(&self.state().loaded.config));
        TlsAcceptor::from(config)
    }

    /// Whether stations' own certificates are asked for.
    #[must_use]
    pub const fn takes_client_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    fn refreshed(&self, now: Timestamp) -> Arc<ServerConfig> {
        let stamps = self.files.stamps();
        let mut state = self.state();
        if stamps != state.stamps {
            state.stamps = stamps;
            match load(&self.files, now) {
                Ok(loaded) => {
                    tracing::info!(ends_at = %loaded.ends_at, "the files for TLS were read again");
                    state.loaded = loaded;
                }
                Err(faults) => {
                    for fault in faults {
                        tracing::error!(
                            "the files for TLS changed and cannot be used; those before stay in use: {fault}"
                        );
                    }
                }
            }
        }
        let ends_at = state.loaded.ends_at;
        if now + ENDS_SOON >= ends_at && state.told_of_end_at.is_none_or(|at| now >= at + TELL_EVERY) {
            tracing::warn!(%ends_at, "the certificate for TLS ends soon or has ended: put another in its place");
            state.told_of_end_at = Some(now);
        }
        Arc::clone(&state.loaded.config)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn stamps(&self) -> Vec<Stamp> {
        let all =
            [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref(), self.client_revoked.as_ref()];
        all.into_iter().flatten().map(|path| stamp(path)).collect()
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = std::fs::metadata(path).ok()?;
    Some((found.mtime(), found.mtime_nsec(), found.len(), found.ino()))
}

/// What is wrong with one of the files by itself, where not all of them are named.
pub fn fault_of(of: Of, path: &Path) -> Option<Fault> {
    let read = match of {
        Of::Certificate => read_certificates(path).and_then(|chain| ends_at(&chain, wall_clock())).map(drop),
        Of::Key => read_key(path).map(drop),
        Of::ClientCa => read_certificates(path).map(drop),
        Of::ClientRevoked => read_revoked(path).map(drop),
    };
    read.err().map(|reason| Fault { of, path: path.to_owned(), reason })
}

/// Every fault of these files, for people who write settings.
pub fn faults(files: &Files) -> Vec<Fault> {
    load(files, wall_clock()).err().unwrap_or_default()
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn load(files: &Files, now: Timestamp) -> Result<Loaded, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut keep = |of: Of, path: &Path, reason: String| {
        faults.push(Fault { of, path: path.to_owned(), reason });
    };
    let chain = read_certificates(&files.certificate)
        .and_then(|chain| ends_at(&chain, now).map(|ends_at| (chain, ends_at)))
        .map_err(|reason| keep(Of::Certificate, &files.certificate, reason))
        .ok();
    let key = read_key(&files.key).map_err(|reason| keep(Of::Key, &files.key, reason)).ok();
    let revoked = match &files.client_revoked {
        Some(path) => read_revoked(path).map_err(|reason| keep(Of::ClientRevoked, path, reason)).ok(),
        None => Some(Vec::new()),
    };
    let verifier = match &files.client_ca {
        Some(path) => revoked.and_then(|revoked| {
            let made = read_certificates(path).and_then(|roots| client_verifier(roots, revoked));
            made.map_err(|reason| keep(Of::ClientCa, path, reason)).ok()
        }),
        None => Some(WebPkiClientVerifier::no_client_auth()),
    };
    let config = match (chain, key, verifier) {
        (Some((chain, ends_at)), Some(key), Some(verifier)) => server_config(chain, key, verifier)
            .map(|config| Loaded { config: Arc::new(config), ends_at })
            .map_err(|reason| keep(Of::Key, &files.key, reason))
            .ok(),
        _ => None,
    };
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        Some(_) | None => Err(faults),
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    verifier: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, String> {
    // TLS 1.2 and 1.3: OCPP's security profiles ask for 1.2 or above.
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            "this key is not the certificate's: give the key that the certificate was made for".to_owned()
        } else {
            format!("certificate and key cannot be used: {error}")
        }
    })
}

/// Stations without a certificate are let through to show a password: what each must prove is judged afterwards.
fn client_verifier(
    roots: Vec<CertificateDer<'static>>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root).map_err(|error| format!("it holds a certificate that cannot be a root: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
        .with_crls(revoked)
        .only_check_end_entity_revocation()
        .allow_unknown_revocation_status()
        .allow_unauthenticated()
        .build()
        .map_err(|error| format!("stations' certificates cannot be checked with it: {error}"))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    read_pem(path, "certificate", "certificates", "CERTIFICATE")
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| {
        if matches!(error, rustls::pki_types::pem::Error::NoItemsFound) {
            "it holds no private key: give PEM, with a line BEGIN PRIVATE KEY, and without a passphrase"
                .to_owned()
        } else {
            format!("it is no PEM of a private key: {error}")
        }
    })
}

fn read_revoked(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    read_pem(path, "list of revoked certificates", "lists of revoked certificates", "X509 CRL")
}

/// All of a kind that a file holds, one at least.
fn read_pem<T: PemObject>(path: &Path, one: &str, many: &str, label: &str) -> Result<Vec<T>, String> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = T::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(format!("it holds no {one}: give PEM, with lines BEGIN {label}"))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(format!("it is no PEM of {many}: {error}")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))
}

/// When the server's certificate ends, if it holds now.
fn ends_at(chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Timestamp, String> {
    let own = chain.first().and_then(|own| x509::read(own));
    let own = own.ok_or_else(|| "its first certificate is none that can be read".to_owned())?;
    if now >= own.not_after {
        return Err(format!("the certificate ended at {}: have it renewed", own.not_after));
    }
    if now < own.not_before {
        return Err(format!(
            "the certificate begins at {} only: is the machine's clock right?",
            own.not_before
        ));
    }
    Ok(own.not_after)
}
