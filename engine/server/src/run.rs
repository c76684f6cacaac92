//! A server from start to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use csms::SecurityProfile;
use store::{Records, Store, Writer};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use units::{StationId, TimeSpan};

use crate::alarms::{self, AlarmSink};
use crate::clock::Clock;
use crate::config::{Config, TlsConfig};
use crate::credentials::Credentials;
use crate::door::Door;
use crate::engine::{self, EngineHandle};
use crate::frame_log::{FrameLog, Retention};
use crate::http::{self, App};
use crate::meters::{self, Meters};
use crate::ocpp_listener::{self, Links, Over};
use crate::quirk_file;
use crate::tls::Tls;
use crate::uploads::{self, Uploads};
use crate::web::Live;

/// The database's name in the data directory.
pub const DATABASE_FILE: &str = "wattery.db";
/// The frame log's directory in the data directory.
pub const FRAMES_DIRECTORY: &str = "frames";
/// Where in the data directory passwords of other services lie, a file each, as site files name them.
pub const SECRETS_DIRECTORY: &str = "secrets";
/// Where files of stations are in the data directory.
pub const UPLOADS_DIRECTORY: &str = "uploads";
/// Links, and then replies, have this long to take their last at a stop.
const ENDS_TIMEOUT: Duration = Duration::from_secs(2);

/// A running server.
pub struct Server {
    /// Where pages and API are.
    pub listen: SocketAddr,
    /// Where stations connect without TLS, where they may.
    pub listen_ocpp: Option<SocketAddr>,
    /// Where stations connect with TLS, where they may.
    pub listen_ocpp_tls: Option<SocketAddr>,
    /// The first token, where this start made it.
    pub token: Option<String>,
    /// Where stations send files, where they may.
    pub listen_files: Option<SocketAddr>,
    /// The engine.
    pub engine: EngineHandle,
    /// Tokens of people and programs.
    pub credentials: Arc<Credentials>,
    /// What is kept of stations, to know them by.
    pub door: Arc<Door>,
    /// The way to the disk; lets tests make it full.
    pub writer: Option<Writer>,
    security_most: SecurityProfile,
    database: PathBuf,
    links: Arc<Links>,
    meters: JoinHandle<()>,
    http: JoinHandle<std::io::Result<()>>,
    files: Option<JoinHandle<std::io::Result<()>>>,
    ocpp: Vec<JoinHandle<()>>,
    /// What runs beside.
    aside: Vec<JoinHandle<()>>,
    thread: std::thread::JoinHandle<anyhow::Result<()>>,
}

/// How often notices are let go: what is too old by less does no harm.
const NOTICES_LOOKED_AT_EVERY: Duration = Duration::from_secs(6 * 3_600);

impl Server {
    /// Binds both ports, opens the database, restores the engine, and serves. Where anything fails nothing is left
    /// running, and a database that cannot be opened is left as it was.
    ///
    /// # Errors
    ///
    /// What failed, and the way out.
    pub async fn start(config: Config, clock: Clock, live: Live) -> anyhow::Result<Self> {
        let http_listener = bind(config.listen, "--listen")?;
        let listen = http_listener.local_addr()?;
        let stations = StationListeners::bind(&config)?;
        let files_listener = match &config.files {
            Some(files) => Some(bind(files.listen, "--listen-files")?),
            None => None,
        };
        let listen_files = files_listener.as_ref().map(TcpListener::local_addr).transpose()?;
        std::fs::create_dir_all(&config.data).with_context(|| {
            format!("cannot make the data directory {}; name another with --data", config.data.display())
        })?;
        let database = config.data.join(DATABASE_FILE);
        let store = Arc::new(Store::open(&database).await?);
        let (credentials, token) = Credentials::open(&config.data)?;
        let credentials = Arc::new(credentials);
        let retention = Retention { days: config.frame_log_days, bytes: config.frame_log_bytes };
        let frame_last = store.frame_last().await?;
        let frame_log = FrameLog::open(&config.data.join(FRAMES_DIRECTORY), retention, frame_last)?;
        let policy = csms::Policy {
            unknown_stations: config.unknown_stations,
            security_least: config.station_security_least,
            frame_bytes_max: config.frame_bytes_max,
            transaction_longest: config.transaction_longest,
            quirks: quirk_file::read(config.quirks.as_deref())?,
            ..csms::Policy::default()
        };
        let door = Door::new(config.station_security_least).context("cannot draw a key from /dev/urandom")?;
        let door = Arc::new(door);
        let uploads = Arc::new(open_uploads(&config, listen_files)?);
        let (alarms, inbox) = tokio::sync::mpsc::unbounded_channel();
        let telling = alarms::open(config.alarms.clone(), &config.data, clock, inbox)?;
        let start = engine::Start {
            store: Arc::clone(&store),
            frame_log,
            clock,
            policy,
            door: Arc::clone(&door),
            uploads: Arc::clone(&uploads),
            alarms: AlarmSink::new(alarms),
        };
        let engine::Running { handle, writer, thread } = engine::start(start).await?;
        if let Err(error) = take_over_passwords(&handle, &credentials, &door).await {
            handle.stop().await;
            return Err(error);
        }
        let StationListeners { listeners, listen_ocpp, listen_ocpp_tls, security_most } = stations;
        let meters = Arc::new(Meters::default());
        let app = App {
            engine: handle.clone(),
            meters: Arc::clone(&meters),
            store,
            frames: config.data.join(FRAMES_DIRECTORY),
            credentials: Arc::clone(&credentials),
            door: Arc::clone(&door),
            uploads: Arc::clone(&uploads),
            security_most,
            hosts: host_names(&config),
            live,
        };
        let links = Arc::new(Links {
            engine: handle.clone(),
            door: Arc::clone(&door),
            unknown_stations: config.unknown_stations,
            frame_bytes_max: config.frame_bytes_max,
            ping_every: config.ping_every,
        });
        let secrets = config.data.join(SECRETS_DIRECTORY);
        let meters = tokio::spawn(meters::run(handle.clone(), meters, secrets));
        let http = tokio::spawn(http::run(http_listener, Arc::new(app)));
        let files = files_listener
            .map(|listener| tokio::spawn(uploads::run(listener, Arc::clone(&uploads), handle.clone())));
        let listen_on =
            |(listener, over)| tokio::spawn(ocpp_listener::run(listener, Arc::clone(&links), over));
        let ocpp = listeners.into_iter().map(listen_on).collect();
        let aside =
            config.quirks.into_iter().map(|path| tokio::spawn(quirk_file::watch(path, handle.clone())));
        let notices = keep_notices(writer.clone(), clock, config.frame_log_days);
        let aside = aside.chain([tokio::spawn(notices), tokio::spawn(telling)]).collect();
        Ok(Self {
            listen,
            listen_ocpp,
            listen_ocpp_tls,
            listen_files,
            token,
            engine: handle,
            credentials,
            door,
            writer: Some(writer),
            security_most,
            database,
            links,
            meters,
            http,
            files,
            ocpp,
            aside,
            thread,
        })
    }

    /// Tells the log of stations of sites that cannot come in: nobody gave them a password, or no listener is good enough.
    pub fn tell_of_locked_out(&self) {
        let stations = self.engine.stations();
        let beyond: Vec<_> =
            stations.iter().filter(|station| self.door.required_of(station) > self.security_most).collect();
        if let Some(first) = beyond.first() {
            tracing::warn!(
                "{} stations must prove more than they can on the listeners there are, and are refused, {first} among \
                 them: start with --listen-ocpp-tls, and --tls-client-ca for security profile 3",
                beyond.len()
            );
        }
        let needs_more = |station: &&StationId| {
            self.door.required_of(station) != SecurityProfile::Unauthenticated
                && !self.door.is_secured(station)
        };
        let locked_out: Vec<_> = stations.iter().filter(needs_more).collect();
        if let Some(first) = locked_out.first() {
            tracing::warn!(
                "{} stations have no password and are refused, {first} among them: `wattery admin station password ID` \
                 draws one; on a network that nobody else reaches, --station-security-least 0 lets them in without",
                locked_out.len()
            );
        }
    }

    /// Ends by itself only where the engine ended: with its error.
    pub async fn ended(&self) {
        while !self.thread.is_finished() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Takes no more, handles what has come, commits, and drops links without a Close frame. Whoever comes next may open
    /// the database.
    ///
    /// # Errors
    ///
    /// The engine's, where it had broken down.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let aside = self.aside.iter().chain([&self.meters]);
        self.ocpp.iter().chain(aside).for_each(JoinHandle::abort);
        self.files.iter().for_each(JoinHandle::abort);
        self.writer = None;
        self.engine.stop().await;
        self.http.abort();
        // Each link's task holds one of these.
        let all_ended = async {
            while Arc::strong_count(&self.links) > 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(ENDS_TIMEOUT, all_ended).await;
        let thread = self.thread;
        let ended = tokio::task::spawn_blocking(move || thread.join()).await?;
        // The writer's task and replies under way hold the database until they end.
        let all_let_go = async {
            while !store::is_free(&self.database) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(ENDS_TIMEOUT, all_let_go).await;
        ended.unwrap_or_else(|_| Err(anyhow::anyhow!("the engine's thread broke down")))
    }

    /// The URL that opens the console.
    #[must_use]
    pub fn console_url(&self, token: &str) -> String {
        format!("http://{}/open?token={token}", self.listen)
    }
}

/// What stations told besides transactions goes with the frames that told it, but for what bears on money.
async fn keep_notices(writer: Writer, clock: Clock, days: u16) {
    let mut looked = tokio::time::interval(NOTICES_LOOKED_AT_EVERY);
    loop {
        looked.tick().await;
        let notices_before = clock.now() - TimeSpan::from_hours(24) * i64::from(days);
        writer.submit(Records::Outdated { notices_before });
    }
}

/// Files are kept in the data directory. Where the address of stations is not said it is that of the listener.
fn open_uploads(config: &Config, listen: Option<SocketAddr>) -> anyhow::Result<Uploads> {
    let directory = config.data.join(UPLOADS_DIRECTORY);
    let (url, bytes_max) = match &config.files {
        Some(files) => {
            let own = listen.map(|address| format!("http://{address}"));
            (files.url.clone().or(own), files.bytes_max)
        }
        None => (None, 0),
    };
    Uploads::open(&directory, url, bytes_max)
        .with_context(|| format!("cannot keep files in {}", directory.display()))
}

/// Where stations connect, and what they can prove there.
struct StationListeners {
    listeners: Vec<(TcpListener, Over)>,
    listen_ocpp: Option<SocketAddr>,
    listen_ocpp_tls: Option<SocketAddr>,
    security_most: SecurityProfile,
}

impl StationListeners {
    fn bind(config: &Config) -> anyhow::Result<Self> {
        let mut found = Self {
            listeners: Vec::new(),
            listen_ocpp: None,
            listen_ocpp_tls: None,
            security_most: SecurityProfile::Basic,
        };
        if let Some(address) = config.listen_ocpp {
            let listener = bind(address, "--listen-ocpp")?;
            found.listen_ocpp = Some(listener.local_addr()?);
            found.listeners.push((listener, Over::Tcp));
        }
        if let Some(TlsConfig { listen, files }) = &config.tls {
            let tls = Tls::open(files.clone()).map_err(|faults| {
                let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
                anyhow::anyhow!("TLS cannot be spoken:\n{}", lines.join("\n"))
            })?;
            let listener = bind(*listen, "--listen-ocpp-tls")?;
            found.listen_ocpp_tls = Some(listener.local_addr()?);
            found.security_most = if tls.takes_client_certificates() {
                SecurityProfile::MutualTls
            } else {
                SecurityProfile::BasicOverTls
            };
            found.listeners.push((listener, Over::Tls(Arc::new(tls))));
        }
        Ok(found)
    }
}

/// Passwords of stations that stood in the file of credentials become records of the sites, once.
async fn take_over_passwords(
    engine: &EngineHandle,
    credentials: &Credentials,
    door: &Door,
) -> anyhow::Result<()> {
    let found = credentials.passwords_of_old();
    if found.is_empty() {
        return Ok(());
    }
    for (station, password) in found {
        if door.row(&station).is_some() {
            continue;
        }
        let command = csms::Command::Secure {
            profile: door.least().max(SecurityProfile::Basic),
            password: csms::PasswordChange::Set(password),
            lowering: csms::Lowering::Refused,
            station: station.clone(),
        };
        let answer = engine.command("the file of credentials", command).await?;
        anyhow::ensure!(
            answer == csms::CommandAnswer::Done,
            "the password of station {station} cannot be taken over from the file of credentials: {answer:?}"
        );
    }
    credentials.forget_passwords_of_old()
}

/// How many connections may wait to be accepted. After a power cut all stations of a site return at once, and one that
/// finds the queue full tries again only a second later.
const BACKLOG: u32 = 4_096;

/// Listens on an address that `flag` names.
///
/// # Errors
///
/// Where the address is in use or not ours.
pub(crate) fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    let open = || -> std::io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // As `TcpListener::bind` does: a restart need not wait for the sockets of the process before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().with_context(|| {
        format!("cannot listen on {address}; stop what uses the port, or choose another with {flag}")
    })
}

fn host_names(config: &Config) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !config.listen.ip().is_unspecified() {
        names.push(config.listen.ip().to_string());
    }
    names.extend(config.hosts.iter().cloned());
    names
}
