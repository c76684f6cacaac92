//! What an installation is told: flags before environment before file before defaults. All problems are told at once.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use csms::{SecurityProfile, UnknownStations};
use units::TimeSpan;

use crate::alarms::Retry;
use crate::alarms::settings::{self, AlarmSettings, Mail, Webhook};
use crate::tls::{self, Files, Of};

/// Flags of `wattery serve`. Each is also a variable of the environment and a key of the file; flags win over
/// variables, variables over the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeArgs {
    /// A TOML file with any of the settings below, named as here with `_` for `-`
    #[arg(
        long,
        value_name = "FILE",
        help = "TOML file of settings, keys as the flags with _ for - [env: WATTERY_CONFIG]"
    )]
    pub config: Option<String>,
    /// Where pages and API listen
    #[arg(
        long,
        value_name = "ADDR:PORT",
        help = "pages and API listen here; keep it on loopback, or behind a proxy that speaks TLS [default: 127.0.0.1:8080] [env: WATTERY_LISTEN]"
    )]
    pub listen: Option<String>,
    /// Where OCPP listens
    #[arg(
        long,
        value_name = "ADDR:PORT|none",
        help = "stations connect here without TLS, to ws://…/ocpp/{station id}; `none` leaves only --listen-ocpp-tls [default: 0.0.0.0:9000] [env: WATTERY_LISTEN_OCPP]"
    )]
    pub listen_ocpp: Option<String>,
    /// Where OCPP over TLS listens
    #[arg(
        long,
        value_name = "ADDR:PORT|none",
        help = "stations connect here with TLS, to wss://…/ocpp/{station id}; needs --tls-certificate and --tls-key [default: none] [env: WATTERY_LISTEN_OCPP_TLS]"
    )]
    pub listen_ocpp_tls: Option<String>,
    /// The certificate for TLS
    #[arg(
        long,
        value_name = "FILE",
        help = "PEM of the certificate for --listen-ocpp-tls and of those between it and its root; read again when it changes [env: WATTERY_TLS_CERTIFICATE]"
    )]
    pub tls_certificate: Option<String>,
    /// Its key
    #[arg(
        long,
        value_name = "FILE",
        help = "PEM of the certificate's private key; read again when it changes [env: WATTERY_TLS_KEY]"
    )]
    pub tls_key: Option<String>,
    /// Roots of stations' certificates
    #[arg(
        long,
        value_name = "FILE",
        help = "PEM of the roots of stations' own certificates (security profile 3), whose common name is the station's id; read again when it changes [env: WATTERY_TLS_CLIENT_CA]"
    )]
    pub tls_client_ca: Option<String>,
    /// Revoked certificates of stations
    #[arg(
        long,
        value_name = "FILE",
        help = "PEM of the lists of stations' certificates that are revoked (X509 CRL); read again when it changes [env: WATTERY_TLS_CLIENT_REVOKED]"
    )]
    pub tls_client_revoked: Option<String>,
    /// The directory of everything that is kept
    #[arg(
        long,
        value_name = "DIR",
        help = "database, credentials and frame log live here; made where it is missing [default: wattery-data] [env: WATTERY_DATA_DIR]"
    )]
    pub data: Option<String>,
    /// What happens to stations in no site
    #[arg(
        long,
        value_name = "lobby|refuse|accept",
        help = "stations named in no site, which are shown in any case: kept waiting, or sent away as if their password were wrong, or told that they are accepted although no driver is admitted until they are adopted [default: lobby] [env: WATTERY_UNKNOWN_STATIONS]"
    )]
    pub unknown_stations: Option<String>,
    /// What every station must prove
    #[arg(
        long,
        value_name = "0|1|2|3",
        help = "security profile that no station may stay below: 0 lets in stations without a password, for networks that nobody else reaches; 1 a password, 2 a password over TLS, 3 a client certificate [default: 1] [env: WATTERY_STATION_SECURITY_LEAST]"
    )]
    pub station_security_least: Option<String>,
    /// Names under which the pages are reached
    #[arg(
        long,
        value_name = "HOST,…",
        help = "names, beside those of loopback and --listen, by which a proxy reaches pages and API [env: WATTERY_HOSTS]"
    )]
    pub hosts: Option<String>,
    /// How long frames are kept
    #[arg(
        long,
        value_name = "DAYS",
        help = "whole days of frame log kept, 1 to 3650 [default: 30] [env: WATTERY_FRAME_LOG_DAYS]"
    )]
    pub frame_log_days: Option<String>,
    /// How large the frame log may become
    #[arg(
        long,
        value_name = "MIB",
        help = "MiB of frame log kept; the oldest days go first, 1 to 10000000 [default: 10240] [env: WATTERY_FRAME_LOG_MIB]"
    )]
    pub frame_log_mib: Option<String>,
    /// The largest frame
    #[arg(
        long,
        value_name = "KIB",
        help = "KiB of the largest frame taken from a station, 16 to 16384 [default: 256] [env: WATTERY_FRAME_KIB_MAX]"
    )]
    pub frame_kib_max: Option<String>,
    /// How often stations are pinged
    #[arg(
        long,
        value_name = "SECONDS",
        help = "seconds between WebSocket pings, 0 for none; an unanswered ping closes nothing [default: 60] [env: WATTERY_PING_SECONDS]"
    )]
    pub ping_seconds: Option<String>,
    /// What models of stations are known to do
    #[arg(
        long,
        value_name = "FILE",
        help = "TOML of what your models of stations are known to do, beside what is shipped; read again when it changes [env: WATTERY_QUIRKS]"
    )]
    pub quirks: Option<String>,
    /// Where stations send files
    #[arg(
        long,
        value_name = "ADDR:PORT|none",
        help = "stations send diagnostics here by HTTP, each to an address that it is told and that takes one file; without TLS: put it behind a proxy where the network is not trusted [default: none] [env: WATTERY_LISTEN_FILES]"
    )]
    pub listen_files: Option<String>,
    /// How stations reach it
    #[arg(
        long,
        value_name = "URL",
        help = "the address of --listen-files as stations see it, such as https://files.example; without it http:// and the address itself [env: WATTERY_FILES_URL]"
    )]
    pub files_url: Option<String>,
    /// The largest file
    #[arg(
        long,
        value_name = "MIB",
        help = "MiB of the largest file taken from a station, 1 to 4096 [default: 64] [env: WATTERY_FILE_MIB_MAX]"
    )]
    pub file_mib_max: Option<String>,
    /// The longest transaction that is billed without a look
    #[arg(
        long,
        value_name = "DAYS",
        help = "a transaction of more days is held until a person has looked, 1 to 31 [default: 31] [env: WATTERY_TRANSACTION_DAYS_MAX]"
    )]
    pub transaction_days_max: Option<String>,
}

/// The settings of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Pages and API.
    pub listen: SocketAddr,
    /// Stations without TLS, where they may come so.
    pub listen_ocpp: Option<SocketAddr>,
    /// Stations with TLS, where they may come so.
    pub tls: Option<TlsConfig>,
    /// Where stations send files, where they may.
    pub files: Option<FilesConfig>,
    /// Database, credentials, frame log, files of stations.
    pub data: PathBuf,
    /// Stations in no site.
    pub unknown_stations: UnknownStations,
    /// What every station must prove.
    pub station_security_least: SecurityProfile,
    /// Further names of the pages' host, lower case.
    pub hosts: Vec<String>,
    /// Days of frame log.
    pub frame_log_days: u16,
    /// Bytes of frame log.
    pub frame_log_bytes: u64,
    /// Bytes of the largest frame.
    pub frame_bytes_max: usize,
    /// Between pings; none sends none.
    pub ping_every: Option<Duration>,
    /// What models of stations are known to do, beside what is shipped.
    pub quirks: Option<PathBuf>,
    /// Where alarms go, beside pages, API and log.
    pub alarms: AlarmSettings,
    /// A longer transaction is held until a person has looked.
    pub transaction_longest: TimeSpan,
}

/// Files of stations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// Where they come to.
    pub listen: SocketAddr,
    /// The address as stations see it; without it that of the listener.
    pub url: Option<String>,
    /// Bytes of the largest one.
    pub bytes_max: u64,
}

/// TLS for stations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// With which certificate and key.
    pub files: Files,
}

/// One mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands: `--listen`, `WATTERY_LISTEN`, `wattery.toml: listen`.
    pub place: String,
    /// What stands there.
    pub value: String,
    /// What must stand there.
    pub wanted: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.place, self.value, self.wanted)
    }
}

impl Config {
    /// Reads flags, environment and file.
    ///
    /// # Errors
    ///
    /// Every mistake.
    pub fn read(args: &ServeArgs) -> Result<Self, Vec<Problem>> {
        let variable = |name: &str| std::env::var(name).ok();
        let path = args.config.clone().or_else(|| variable("WATTERY_CONFIG"));
        let file = path
            .as_deref()
            .map(|path| (path, std::fs::read_to_string(path).map_err(|error| error.to_string())));
        Self::from_sources(args, &variable, file)
    }

    fn from_sources(
        args: &ServeArgs,
        variable: &dyn Fn(&str) -> Option<String>,
        file: Option<(&str, Result<String, String>)>,
    ) -> Result<Self, Vec<Problem>> {
        let mut sources =
            Sources { variable, file: toml::Table::new(), path: String::new(), problems: Vec::new() };
        if let Some((path, text)) = file {
            sources.read_file(path, text);
        }
        let listen = sources.setting("listen", args.listen.as_deref(), "127.0.0.1:8080", address);
        let listen_ocpp =
            sources.setting("listen_ocpp", args.listen_ocpp.as_deref(), "0.0.0.0:9000", address_or_none);
        let tls = sources.tls(args);
        let data = sources.setting("data", args.data.as_deref(), "wattery-data", |text| {
            (!text.is_empty()).then(|| PathBuf::from(text)).ok_or_else(|| "name a directory".to_owned())
        });
        let unknown_stations =
            sources.setting("unknown_stations", args.unknown_stations.as_deref(), "lobby", unknown_stations);
        let security_least = sources.setting(
            "station_security_least",
            args.station_security_least.as_deref(),
            "1",
            security_profile,
        );
        let hosts = sources.setting("hosts", args.hosts.as_deref(), "", hosts);
        let days = sources.setting("frame_log_days", args.frame_log_days.as_deref(), "30", |text| {
            whole(text, 1, 3_650, "days")
        });
        let log_mib = sources.setting("frame_log_mib", args.frame_log_mib.as_deref(), "10240", |text| {
            whole(text, 1, 10_000_000, "MiB")
        });
        let frame_kib = sources.setting("frame_kib_max", args.frame_kib_max.as_deref(), "256", |text| {
            whole(text, 16, 16_384, "KiB")
        });
        let ping = sources.setting("ping_seconds", args.ping_seconds.as_deref(), "60", |text| {
            whole(text, 0, 86_400, "seconds")
        });
        let quirks = sources.setting("quirks", args.quirks.as_deref(), "", |text| {
            let path = (!text.is_empty()).then(|| PathBuf::from(text));
            crate::quirk_file::read(path.as_deref()).map(|_| path).map_err(|error| format!("{error:#}"))
        });
        let transaction_days =
            sources.setting("transaction_days_max", args.transaction_days_max.as_deref(), "31", |text| {
                whole(text, 1, 31, "days")
            });
        let listen_files =
            sources.setting("listen_files", args.listen_files.as_deref(), "none", address_or_none);
        let files_url = sources.setting("files_url", args.files_url.as_deref(), "", files_url);
        let file_mib = sources
            .setting("file_mib_max", args.file_mib_max.as_deref(), "64", |text| whole(text, 1, 4_096, "MiB"));
        let alarms = sources.alarms();
        let ways_in = listen_ocpp.zip(tls.as_ref()).map(|(plain, tls)| WaysIn {
            plain: plain.is_some(),
            tls: tls.is_some(),
            certificates: tls.as_ref().is_some_and(|tls| tls.files.client_ca.is_some()),
        });
        if let Some((ways_in, least)) = ways_in.zip(security_least) {
            sources.check_ways_in(args, ways_in, least);
        }
        sources.refuse_unknown();
        let read = || {
            Some(Self {
                listen: listen?,
                listen_ocpp: listen_ocpp?,
                tls: tls?,
                files: listen_files?
                    .zip(Some((files_url?, file_mib? * 1_048_576)))
                    .map(|(listen, (url, bytes_max))| FilesConfig { listen, url, bytes_max }),
                data: data?,
                unknown_stations: unknown_stations?,
                station_security_least: security_least?,
                hosts: hosts?,
                frame_log_days: u16::try_from(days?).unwrap_or(u16::MAX),
                frame_log_bytes: log_mib? * 1_048_576,
                frame_bytes_max: usize::try_from(frame_kib? * 1_024).unwrap_or(usize::MAX),
                ping_every: match ping? {
                    0 => None,
                    seconds => Some(Duration::from_secs(seconds)),
                },
                quirks: quirks?,
                alarms: alarms?,
                transaction_longest: TimeSpan::from_hours(24)
                    * i64::try_from(transaction_days?).unwrap_or(31),
            })
        };
        match read() {
            Some(config) if sources.problems.is_empty() => Ok(config),
            Some(_) | None => Err(sources.problems),
        }
    }
}

const KEYS: [&str; 27] = [
    "listen",
    "listen_ocpp",
    "listen_ocpp_tls",
    "tls_certificate",
    "tls_key",
    "tls_client_ca",
    "tls_client_revoked",
    "data",
    "unknown_stations",
    "station_security_least",
    "hosts",
    "frame_log_days",
    "frame_log_mib",
    "frame_kib_max",
    "ping_seconds",
    "quirks",
    "transaction_days_max",
    "listen_files",
    "files_url",
    "file_mib_max",
    "alarm_webhook",
    "alarm_webhook_secret",
    "alarm_smtp",
    "alarm_smtp_password",
    "alarm_mail_from",
    "alarm_mail_to",
    "alarm_ca",
];

struct Sources<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    file: toml::Table,
    path: String,
    problems: Vec<Problem>,
}

impl Sources<'_> {
    fn read_file(&mut self, path: &str, text: Result<String, String>) {
        path.clone_into(&mut self.path);
        let table =
            text.and_then(|text| text.parse::<toml::Table>().map_err(|error| error.message().to_owned()));
        match table {
            Ok(table) => self.file = table,
            Err(reason) => self.problems.push(Problem {
                place: "--config".to_owned(),
                value: path.to_owned(),
                wanted: format!("must be a readable TOML file: {reason}"),
            }),
        }
    }

    /// The value of a setting from the first source that has it.
    fn setting<T>(
        &mut self,
        key: &str,
        flag: Option<&str>,
        value_default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (place, value) =
            self.find(key, flag).unwrap_or_else(|| ("default".to_owned(), value_default.to_owned()));
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(wanted) => {
                self.problems.push(Problem { place, value, wanted });
                None
            }
        }
    }

    /// TLS for stations: none where no listener is asked for. The outer option: whether all of it can be read.
    fn tls(&mut self, args: &ServeArgs) -> Option<Option<TlsConfig>> {
        let listen =
            self.setting("listen_ocpp_tls", args.listen_ocpp_tls.as_deref(), "none", address_or_none)?;
        let flags = [&args.tls_certificate, &args.tls_key, &args.tls_client_ca, &args.tls_client_revoked];
        let named: Vec<NamedFile> = TLS_FILES
            .into_iter()
            .zip(flags)
            .filter_map(|((of, key), flag)| {
                let (place, value) = self.find(key, flag.as_deref())?;
                Some(NamedFile { of, place, value })
            })
            .collect();
        match listen {
            Some(listen) => self.tls_on(listen, &named).map(Some),
            None => {
                for file in named {
                    self.problem_of(
                        &file,
                        "is of use only with --listen-ocpp-tls: give that too, or leave this out",
                    );
                }
                Some(None)
            }
        }
    }

    /// Where alarms go: by the file and the environment. The outer option: whether all of it can be read.
    fn alarms(&mut self) -> Option<AlarmSettings> {
        let before = self.problems.len();
        let webhook = self.find("alarm_webhook", None).is_some();
        let mail = self.find("alarm_smtp", None).is_some();
        for (key, head) in [
            ("alarm_webhook_secret", webhook.then_some("alarm_webhook")),
            ("alarm_smtp_password", mail.then_some("alarm_smtp")),
            ("alarm_mail_from", mail.then_some("alarm_smtp")),
            ("alarm_mail_to", mail.then_some("alarm_smtp")),
        ] {
            match (self.find(key, None), head) {
                (Some((place, value)), None) => {
                    let wanted =
                        "is of use only with the address it belongs to: give that too, or leave this out";
                    self.problems.push(Problem { place, value, wanted: wanted.to_owned() });
                }
                (None, Some(head)) if key != "alarm_smtp_password" => {
                    let Some((place, value)) = self.find(head, None) else { continue };
                    self.problems.push(Problem { place, value, wanted: format!("needs {key} beside it") });
                }
                (Some(_) | None, _) => {}
            }
        }
        let has_secret = self.find("alarm_webhook_secret", None).is_some();
        let webhook = webhook.then(|| {
            let url = self.setting("alarm_webhook", None, "", settings::webhook_url);
            if !has_secret {
                return None;
            }
            let secret = self
                .setting("alarm_webhook_secret", None, "", |path| settings::webhook_key_in(path.as_ref()));
            Some(Webhook { url: url?, secret: secret? })
        });
        let mail = mail.then(|| self.mail());
        let ca = self.setting("alarm_ca", None, "", |text| match text {
            "" => Ok(None),
            path => std::fs::read(path)
                .map(|_| Some(PathBuf::from(path)))
                .map_err(|error| format!("must be a readable PEM file: {error}")),
        });
        if self.problems.len() > before {
            return None;
        }
        Some(AlarmSettings {
            webhook: webhook.flatten(),
            mail: mail.flatten(),
            ca: ca?,
            retry: Retry::default(),
        })
    }

    fn mail(&mut self) -> Option<Mail> {
        let server = self.setting("alarm_smtp", None, "", settings::smtp_server);
        let password = self.find("alarm_smtp_password", None).map(|_| {
            self.setting("alarm_smtp_password", None, "", |path| settings::key_in(path.as_ref(), 1))
        });
        let from = self.setting("alarm_mail_from", None, "", |text| {
            settings::mailboxes(text)?.pop().ok_or_else(|| "needs an address".to_owned())
        });
        let to = self.setting("alarm_mail_to", None, "", |text| match settings::mailboxes(text)? {
            none if none.is_empty() => Err("needs one address at least".to_owned()),
            some => Ok(some),
        });
        let (mut server, user) = server?;
        server.user = match (user, password) {
            (Some(user), Some(password)) => Some((user, password?)),
            (None, None) => None,
            (Some(user), None) => {
                let (place, value) = self.find("alarm_smtp", None)?;
                let wanted = format!("names the user {user}: needs alarm_smtp_password beside it");
                self.problems.push(Problem { place, value, wanted });
                None
            }
            (None, Some(_)) => {
                let (place, value) = self.find("alarm_smtp_password", None)?;
                let wanted = "belongs to a user: name one, as in smtps://USER@HOST".to_owned();
                self.problems.push(Problem { place, value, wanted });
                None
            }
        };
        Some(Mail { server, from: from?, to: to? })
    }

    fn tls_on(&mut self, listen: SocketAddr, named: &[NamedFile]) -> Option<TlsConfig> {
        let find = |of: Of| named.iter().find(|file| file.of == of);
        let path = |of: Of| find(of).map(|file| PathBuf::from(&file.value));
        for (_, key) in TLS_FILES.into_iter().filter(|(of, _)| of.is_needed() && find(*of).is_none()) {
            let wanted = format!("needs --{}: name a PEM file", key.replace('_', "-"));
            let (place, value) = ("--listen-ocpp-tls".to_owned(), listen.to_string());
            self.problems.push(Problem { place, value, wanted });
        }
        if let (None, Some(revoked)) = (find(Of::ClientCa), find(Of::ClientRevoked)) {
            self.problem_of(
                revoked,
                "needs --tls-client-ca: without it no station's certificate is asked for",
            );
        }
        let files = path(Of::Certificate).zip(path(Of::Key)).map(|(certificate, key)| Files {
            certificate,
            key,
            client_ca: path(Of::ClientCa),
            client_revoked: path(Of::ClientRevoked),
        });
        let faults = match &files {
            Some(files) => tls::faults(files),
            None => named.iter().filter_map(|file| tls::fault_of(file.of, file.value.as_ref())).collect(),
        };
        for fault in &faults {
            if let Some(file) = find(fault.of) {
                self.problem_of(file, &fault.reason);
            }
        }
        files.filter(|_| faults.is_empty()).map(|files| TlsConfig { listen, files })
    }

    fn problem_of(&mut self, file: &NamedFile, wanted: &str) {
        let NamedFile { place, value, .. } = file;
        let (place, value, wanted) = (place.clone(), value.clone(), wanted.to_owned());
        self.problems.push(Problem { place, value, wanted });
    }

    /// Whether stations that prove what they must can come in at all.
    fn check_ways_in(&mut self, args: &ServeArgs, ways_in: WaysIn, least: SecurityProfile) {
        let WaysIn { plain, tls, certificates } = ways_in;
        if !plain && !tls {
            let found = self.find("listen_ocpp", args.listen_ocpp.as_deref());
            let (place, value) = found.unwrap_or_default();
            self.problems.push(Problem {
                place,
                value,
                wanted: "leaves stations nowhere to connect to: give --listen-ocpp-tls, or an address here"
                    .to_owned(),
            });
        }
        let missing = match least {
            SecurityProfile::Unauthenticated | SecurityProfile::Basic => None,
            SecurityProfile::BasicOverTls => (!tls).then_some("--listen-ocpp-tls"),
            SecurityProfile::MutualTls => (!certificates).then_some("--listen-ocpp-tls and --tls-client-ca"),
        };
        if let Some(missing) = missing {
            let found = self.find("station_security_least", args.station_security_least.as_deref());
            let (place, value) = found.unwrap_or_default();
            let wanted =
                format!("no station can prove that without {missing}: give that too, or a lower one");
            self.problems.push(Problem { place, value, wanted });
        }
    }

    fn find(&self, key: &str, flag: Option<&str>) -> Option<(String, String)> {
        if let Some(value) = flag {
            return Some((format!("--{}", key.replace('_', "-")), value.to_owned()));
        }
        let name = variable_name(key);
        if let Some(value) = (self.variable)(&name) {
            return Some((name, value));
        }
        let value = self.file.get(key)?;
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join(","),
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Table(_) => value.to_string(),
        };
        Some((format!("{}: {key}", self.path), text))
    }

    fn refuse_unknown(&mut self) {
        for (key, value) in self.file.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            self.problems.push(Problem {
                place: format!("{}: {key}", self.path),
                value: value.to_string(),
                wanted: format!("no such setting; there are: {}", KEYS.join(", ")),
            });
        }
    }
}

/// Which setting names which file.
const TLS_FILES: [(Of, &str); 4] = [
    (Of::Certificate, "tls_certificate"),
    (Of::Key, "tls_key"),
    (Of::ClientCa, "tls_client_ca"),
    (Of::ClientRevoked, "tls_client_revoked"),
];

/// A file for TLS, as a setting names it.
#[derive(Debug)]
struct NamedFile {
    of: Of,
    place: String,
    value: String,
}

/// How stations can come in.
#[derive(Debug, Clone, Copy)]
struct WaysIn {
    plain: bool,
    tls: bool,
    certificates: bool,
}

/// `WATTERY_DATA` names recorded data sets for scenarios, so that the data directory's variable is called otherwise.
fn variable_name(key: &str) -> String {
    match key {
        "data" => "WATTERY_DATA_DIR".to_owned(),
        key => format!("WATTERY_{}", key.to_uppercase()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "needs an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

fn address_or_none(text: &str) -> Result<Option<SocketAddr>, String> {
    match text {
        "none" => Ok(None),
        text => address(text).map(Some).map_err(|wanted| format!("{wanted}, or `none`")),
    }
}

fn files_url(text: &str) -> Result<Option<String>, String> {
    let is_url =
        ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    match text {
        "" => Ok(None),
        text if is_url && text.len() <= 300 && !text.contains(char::is_whitespace) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err("needs an address such as https://files.example".to_owned()),
    }
}

fn unknown_stations(text: &str) -> Result<UnknownStations, String> {
    match text {
        "lobby" => Ok(UnknownStations::Lobby),
        "refuse" => Ok(UnknownStations::Refuse),
        "accept" => Ok(UnknownStations::Accept),
        _ => Err("needs `lobby`, `refuse` or `accept`".to_owned()),
    }
}

fn security_profile(text: &str) -> Result<SecurityProfile, String> {
    let number = text.parse::<u8>().ok();
    number.and_then(|number| SecurityProfile::try_from(number).ok()).ok_or_else(|| {
        "needs a security profile: 0 (none), 1 (password), 2 (password over TLS) or 3 (client certificate)"
            .to_owned()
    })
}

fn hosts(text: &str) -> Result<Vec<String>, String> {
    let hosts: Vec<String> = text
        .split(',')
        .map(|host| host.trim().to_ascii_lowercase())
        .filter(|host| !host.is_empty())
        .collect();
    match hosts.iter().find(|host| host.contains('/') || host.contains(' ')) {
        Some(host) => Err(format!("`{host}` is not a host name: write it without scheme and path")),
        None => Ok(hosts),
    }
}

fn whole(text: &str, lowest: u64, highest: u64, unit: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(count) if (lowest..=highest).contains(&count) => Ok(count),
        Ok(_) | Err(_) => Err(format!("needs a whole number of {unit} from {lowest} to {highest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &ServeArgs, variables: &[(&str, &str)], file: &str) -> Result<Config, Vec<Problem>> {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_sources(args, &variable, Some(("wattery.toml", Ok(file.to_owned()))))
    }

    #[test]
    fn flags_win_over_variables_over_the_file_over_defaults() {
        let args = ServeArgs { listen: Some("127.0.0.1:1".to_owned()), ..ServeArgs::default() };
        let file = "listen = '127.0.0.1:3'\nframe_log_days = 7\nping_seconds = 0\nhosts = ['a.example', 'b.example']";
        let config =
            read(&args, &[("WATTERY_LISTEN", "127.0.0.1:2"), ("WATTERY_FRAME_LOG_DAYS", "8")], file).unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.frame_log_days, 8);
        assert_eq!(config.ping_every, None);
        assert_eq!(config.transaction_longest, TimeSpan::from_hours(31 * 24));
        assert_eq!(config.hosts, ["a.example", "b.example"]);
        assert_eq!(config.station_security_least, SecurityProfile::Basic, "safe by default");
        assert_eq!(config.frame_bytes_max, 262_144, "the default is 256 KiB");
    }

    #[test]
    fn six_mistakes_are_told_at_once_each_with_its_place_and_the_way_out() {
        let args = ServeArgs { listen: Some("localhost".to_owned()), ..ServeArgs::default() };
        let file = "unknown_stations = 'accept all'\nstation_security_least = 4\nframe_kib_max = 3\nlisten_port = 80";
        let told: Vec<String> = read(&args, &[("WATTERY_PING_SECONDS", "-1")], file)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "--listen = localhost: needs an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080",
                "wattery.toml: unknown_stations = accept all: needs `lobby`, `refuse` or `accept`",
                "wattery.toml: station_security_least = 4: needs a security profile: 0 (none), 1 (password), \
                 2 (password over TLS) or 3 (client certificate)",
                "wattery.toml: frame_kib_max = 3: needs a whole number of KiB from 16 to 16384",
                "WATTERY_PING_SECONDS = -1: needs a whole number of seconds from 0 to 86400",
                "wattery.toml: listen_port = 80: no such setting; there are: listen, listen_ocpp, \
                 listen_ocpp_tls, tls_certificate, tls_key, tls_client_ca, tls_client_revoked, data, \
                 unknown_stations, station_security_least, hosts, frame_log_days, frame_log_mib, frame_kib_max, ping_seconds, \
                 quirks, transaction_days_max, listen_files, files_url, file_mib_max, alarm_webhook, alarm_webhook_secret, alarm_smtp, \
                 alarm_smtp_password, alarm_mail_from, alarm_mail_to, alarm_ca",
            ]
        );
    }

    #[test]
    fn where_alarms_go_is_read_whole_or_told_with_all_that_is_missing() {
        let directory = tempfile::TempDir::new().unwrap();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, "0123456789abcdef\n").unwrap();
        let secret = secret.display();
        let file = format!(
            "alarm_webhook = 'https://desk.example/hook'\nalarm_webhook_secret = '{secret}'\n\
             alarm_smtp = 'smtps://ann@mail.example'\nalarm_smtp_password = '{secret}'\n\
             alarm_mail_from = 'W <w@example.org>'\nalarm_mail_to = ['a@example.org', 'b@example.org']"
        );
        let alarms = read(&ServeArgs::default(), &[], &file).unwrap().alarms;
        assert_eq!(alarms.webhook.unwrap().url.host(), Some("desk.example"));
        let mail = alarms.mail.unwrap();
        assert_eq!((mail.to.len(), mail.server.port), (2, 465));
        assert_eq!(mail.server.user.unwrap().0, "ann");
        assert_eq!(read(&ServeArgs::default(), &[], "").unwrap().alarms, AlarmSettings::default());
        let file = "alarm_webhook = 'https://desk.example/hook'\nalarm_smtp = 'smtps://ann@mail.example'\n\
                    alarm_mail_from = 'w@example.org'\nalarm_mail_to = 'nobody'";
        let told: Vec<String> =
            read(&ServeArgs::default(), &[], file).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "wattery.toml: alarm_webhook = https://desk.example/hook: needs alarm_webhook_secret beside it",
                "wattery.toml: alarm_mail_to = nobody: `nobody` is no address such as `Desk <desk@example.org>`",
                "wattery.toml: alarm_smtp = smtps://ann@mail.example: names the user ann: needs alarm_smtp_password beside it",
            ]
        );
        let told = read(&ServeArgs::default(), &[], "alarm_mail_to = 'a@example.org'").unwrap_err();
        assert!(told[0].wanted.contains("of use only"), "{told:?}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let problems = Config::from_sources(
            &ServeArgs::default(),
            &|_| None,
            Some(("no.toml", Err("not found".to_owned()))),
        );
        assert_eq!(
            problems.unwrap_err()[0].to_string(),
            "--config = no.toml: must be a readable TOML file: not found"
        );
    }
}
