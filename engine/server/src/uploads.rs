//! Files that stations send: an endpoint of its own, since stations reach it and pages they do not.
//!
//! Each address holds a secret that one station was told, and takes one file. What came is kept under its number, so that no
//! name of a station's becomes a path; it is acknowledged once it is on the disk and its record committed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::put;
use csms::upkeep::{Received, UpkeepCommand, UploadRow};
use data_encoding::HEXLOWER;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::engine::EngineHandle;

/// So many files come at once.
const AT_ONCE: usize = 32;
/// A station that sends nothing for so long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// All files together; an operator removes what is no longer wanted.
const ALL_BYTES_MAX: u64 = 10 * 1_024 * 1_024 * 1_024;
/// So much of a file's name is kept.
const NAME_CHARACTERS_MAX: usize = 100;

/// Where files come to.
#[derive(Debug)]
pub struct Uploads {
    directory: PathBuf,
    /// The address as stations see it; none where no listener is asked for.
    url: Option<String>,
    bytes_max: u64,
    kept_bytes: AtomicU64,
    waiting: Mutex<BTreeMap<String, UploadRow>>,
    /// Numbers of uploads that are coming.
    coming: Mutex<BTreeSet<u64>>,
    at_once: Semaphore,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("nobody waits for a file here")]
    Unknown,
    #[error("the file is coming already")]
    Coming,
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("multipart is not read: send the file as the body, by PUT or POST")]
    Multipart,
    #[error("too many files come at once: try again")]
    Busy,
    #[error("there is no room for more files")]
    Full,
    #[error("the file stopped coming")]
    Cut,
    #[error("it is not taken: {0}")]
    NotTaken(String),
    #[error("the file cannot be kept")]
    Disk(#[from] io::Error),
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Coming | Self::NotTaken(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Multipart => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            Self::Cut => StatusCode::REQUEST_TIMEOUT,
            Self::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Uploads {
    /// Files are kept in `directory`, which is made.
    ///
    /// # Errors
    ///
    /// Where that cannot be.
    pub fn open(directory: &Path, url: Option<String>, bytes_max: u64) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let mut kept_bytes = 0;
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            // What was coming when the server stopped is sent again.
            if entry.path().extension().is_some_and(|extension| extension == "part") {
                std::fs::remove_file(entry.path())?;
            } else {
                kept_bytes += entry.metadata()?.len();
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            url,
            bytes_max,
            kept_bytes: AtomicU64::new(kept_bytes),
            waiting: Mutex::default(),
            coming: Mutex::default(),
            at_once: Semaphore::new(AT_ONCE),
        })
    }

    /// What stands before the secret part of an address; none where no file is taken.
    #[must_use]
    pub fn base(&self) -> Option<String> {
        self.url.as_ref().map(|url| format!("{}/upload", url.trim_end_matches('/')))
    }

    /// Where the file of an upload is.
    #[must_use]
    pub fn file(&self, upload: u64) -> PathBuf {
        self.directory.join(upload.to_string())
    }

    /// A row was written: a file is waited for, or came.
    pub(crate) fn keep(&self, row: &UploadRow) {
        let mut waiting = locked(&self.waiting);
        match row.received {
            None => waiting.insert(row.token.clone(), row.clone()),
            Some(_) => waiting.remove(&row.token),
        };
    }

    async fn take(
        &self,
        engine: &EngineHandle,
        token: &str,
        name: &str,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<u64, Refusal> {
        let upload = locked(&self.waiting).get(token).map(|row| row.upload).ok_or(Refusal::Unknown)?;
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.to_ascii_lowercase().starts_with("multipart/") {
            return Err(Refusal::Multipart);
        }
        let _permit = self.at_once.try_acquire().map_err(|_| Refusal::Busy)?;
        let _coming = Coming::begin(&self.coming, upload).ok_or(Refusal::Coming)?;
        let part = self.directory.join(format!("{upload}.part"));
        let taken = self.write(&part, body).await;
        let (bytes, sha256) = match taken {
            Ok(taken) => taken,
            Err(refusal) => {
                let _ = tokio::fs::remove_file(&part).await;
                return Err(refusal);
            }
        };
        tokio::fs::rename(&part, self.file(upload)).await?;
        tokio::fs::File::open(&self.directory).await?.sync_all().await?;
        let received = Received { at: engine.now(), name: plain(name), bytes, sha256 };
        let command = csms::Command::Upkeep(UpkeepCommand::Received { upload, received });
        match engine.command("the upload endpoint", command).await {
            Ok(csms::CommandAnswer::Done) => {
                self.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
                Ok(bytes)
            }
            Ok(answer) => {
                tokio::fs::remove_file(self.file(upload)).await?;
                Err(Refusal::NotTaken(match answer {
                    csms::CommandAnswer::Refused(reasons) => reasons.join("; "),
                    other @ (csms::CommandAnswer::Done
                    | csms::CommandAnswer::Numbered(_)
                    | csms::CommandAnswer::Station(_)
                    | csms::CommandAnswer::StationError { .. }
                    | csms::CommandAnswer::NoAnswer(_)) => format!("{other:?}"),
                }))
            }
            // It may be committed yet: the file stays.
            Err(error) => Err(Refusal::NotTaken(error.to_string())),
        }
    }

    /// Writes a body to the disk: its length and hash.
    async fn write(&self, part: &Path, body: Body) -> Result<(u64, String), Refusal> {
        let mut file = tokio::fs::File::create(part).await?;
        let (mut bytes, mut hash) = (0_u64, Sha256::new());
        let mut chunks = body.into_data_stream();
        loop {
            let next = tokio::time::timeout(SILENCE_MAX, chunks.next()).await.map_err(|_| Refusal::Cut)?;
            let Some(chunk) = next else { break };
            let chunk = chunk.map_err(|_| Refusal::Cut)?;
            bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            if bytes > self.bytes_max {
                return Err(Refusal::TooLarge(self.bytes_max));
            }
            if self.kept_bytes.load(Ordering::Relaxed).saturating_add(bytes) > ALL_BYTES_MAX {
                return Err(Refusal::Full);
            }
            hash.update(&chunk);
            file.write_all(&chunk).await?;
        }
        file.sync_all().await?;
        Ok((bytes, HEXLOWER.encode(&hash.finalize())))
    }
}

/// An upload that is coming, until it is dropped.
struct Coming<'a> {
    all: &'a Mutex<BTreeSet<u64>>,
    upload: u64,
}

impl<'a> Coming<'a> {
    fn begin(all: &'a Mutex<BTreeSet<u64>>, upload: u64) -> Option<Self> {
        locked(all).insert(upload).then(|| Self { all, upload })
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        locked(self.all).remove(&self.upload);
    }
}

/// Serves stations until the future is dropped.
///
/// # Errors
///
/// Where the listener breaks.
pub async fn run(listener: TcpListener, uploads: Arc<Uploads>, engine: EngineHandle) -> io::Result<()> {
    let router = Router::new()
        .route("/upload/{token}", put(take_unnamed).post(take_unnamed))
        .route("/upload/{token}/", put(take_unnamed).post(take_unnamed))
        .route("/upload/{token}/{*name}", put(take_named).post(take_named))
        .fallback(|| async { (StatusCode::NOT_FOUND, "nobody waits for a file here\n") })
        .with_state((uploads, engine));
    axum::serve(listener, router).await
}

type Shared = (Arc<Uploads>, EngineHandle);

async fn take_unnamed(
    state: State<Shared>,
    UrlPath(token): UrlPath<String>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    take(state, &token, "", &headers, body).await
}

async fn take_named(
    state: State<Shared>,
    UrlPath((token, name)): UrlPath<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    take(state, &token, &name, &headers, body).await
}

async fn take(
    State((uploads, engine)): State<Shared>,
    token: &str,
    name: &str,
    headers: &HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    match uploads.take(&engine, token, name, headers, body).await {
        Ok(bytes) => (StatusCode::CREATED, format!("{bytes} bytes taken\n")),
        Err(refusal) => {
            tracing::warn!("a station's file is refused: {refusal}");
            (refusal.status(), format!("{refusal}\n"))
        }
    }
}

/// A name for people: the last part of what the station wrote, and nothing but letters, digits, dots, hyphens and
/// underscores of it.
fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |character: &char| character.is_ascii_alphanumeric() || ".-_".contains(*character);
    let name: String = last.chars().filter(is_plain).take(NAME_CHARACTERS_MAX).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_station_leads_anywhere() {
        for (name, kept) in [
            ("log.zip", "log.zip"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("..", "unnamed"),
            ("", "unnamed"),
            ("a b\r\nSet-Cookie: x\".zip", "abSet-Cookiex.zip"),
            ("ä.log", "log"),
        ] {
            assert_eq!(plain(name), kept, "{name}");
        }
        assert_eq!(plain(&"x".repeat(500)).len(), NAME_CHARACTERS_MAX);
    }

    #[test]
    fn an_upload_comes_once_at_a_time() {
        let all = Mutex::default();
        let first = Coming::begin(&all, 1).unwrap();
        assert!(Coming::begin(&all, 1).is_none() && Coming::begin(&all, 2).is_some());
        drop(first);
        assert!(Coming::begin(&all, 1).is_some());
    }
}
