//! `wattery demo`: a furnished housing company with virtual stations over real WebSockets, on one scaled clock.
//!
//! The twin plays the company's day from midnight to half past five in the evening in a second or so; its records become
//! the server's database, its stations connect to the server, and from then on the same clock drives both.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::future::join_all;
use plant::ev::Ev;
use plant::station::Presented;
use store::{Records, Report, Root, Store};
use twin::World;
use twin::scenario::{Scenario, Stay};
use twin::scenario_file::{Found, SeedChoice};
use twin::world::Handover;
use units::{RecordSeq, TimeSpan, Timestamp};
use wire::http::Api;
use wire::plant::{ComingOrGoing, PersonEvent, Plant, Target};
use wire::station::Endpoint;

use crate::alarms::settings::AlarmSettings;
use crate::clock::Clock;
use crate::config::Config;
use crate::furnished;
use crate::password::Password;
use crate::run::{DATABASE_FILE, Server};
use crate::say;
use crate::web::Live;

/// People are drawn for so many days; at 20 × that is three weeks before a person's screen.
const DAYS: i64 = 400;
/// A driver whose EV does not charge looks again after this long, so many times.
const LOOK_EVERY: TimeSpan = TimeSpan::from_minutes(5);
const LOOKS: i64 = 12;
/// The state of charge at which an EV that got all it wanted is, as in the twin.
const TARGET: f64 = 0.9;
const COMMIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Flags of `wattery demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the demo's records here; without it they are thrown away at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<std::path::PathBuf>,
    /// The page's port on loopback
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// How many times faster than true time the demo runs, 1 to 100
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub speed: u32,
    /// How many EVSEs the company has, 1 to 400
    #[arg(long, value_name = "COUNT", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub evses: u16,
}

/// Runs the demo until it is stopped.
///
/// # Errors
///
/// What failed, and the way out.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let home = Home::open(args.data.as_deref())?;
    // Whoever has the port is told of before the day is played.
    drop(crate::run::bind(loopback(args.port), "--port")?);
    say("playing the day from midnight to half past five …");
    let wanted = Wanted { port: args.port, speed: args.speed, evses: args.evses, ..Wanted::default() };
    let demo = Demo::start(home.path(), wanted).await?;
    say(&format!("watch it at    {}", demo.url));
    say(&format!("stations       ws://{}/ocpp/{{station id}}", demo.ocpp));
    say(&format!("{} times true time; Ctrl-C ends it", args.speed));
    tokio::select! {
        () = stop_signal() => {}
        () = demo.server.ended() => {}
    }
    say("ending …");
    demo.stop().await
}

/// What demo is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The page's port on loopback; 0 for any that is free.
    pub port: u16,
    /// How many times faster than true time, 1 to 100.
    pub speed: u32,
    /// How many EVSEs, 1 to 400.
    pub evses: u16,
    /// When a person begins to watch, hours and minutes by the site's clocks.
    pub watched_from: (i8, i8),
}

impl Default for Wanted {
    /// 40 EVSEs at 20 × true time from half past five: people come home, saunas heat.
    fn default() -> Self {
        Self { port: 0, speed: 20, evses: 40, watched_from: (17, 30) }
    }
}

/// A running demo.
pub struct Demo {
    /// The server.
    pub server: Server,
    /// The URL that opens the page.
    pub url: String,
    /// Where its stations connect.
    pub ocpp: SocketAddr,
    plant: tokio::task::JoinHandle<()>,
}

impl Demo {
    /// Plays the day, fills the database in `data`, starts the server and the plant.
    ///
    /// # Errors
    ///
    /// What failed, and the way out.
    pub async fn start(data: &Path, wanted: Wanted) -> anyhow::Result<Self> {
        let Wanted { port, speed, .. } = wanted;
        let handover = tokio::task::spawn_blocking(move || play_until_watched(wanted))
            .await
            .context("the day could not be played")??;
        fill(data, &handover).await?;
        let ticking = wire::clock::Clock::new(handover.at, Instant::now(), speed);
        let live = Live { speed: Some(speed) };
        let server = Server::start(config(data, port), Clock::scaled(ticking), live).await?;
        let token = match &server.token {
            Some(token) => token.clone(),
            None => server.credentials.new_token("console")?,
        };
        let ocpp = server.listen_ocpp.context("the demo's stations have nowhere to connect to")?;
        let target = Target {
            ocpp: Endpoint { address: ocpp.to_string(), path: "/ocpp".to_owned() },
            api: Api { address: server.listen.to_string(), token: server.credentials.new_token("meters")? },
            clock: ticking,
        };
        let plant = plant(handover, &server).await?;
        let plant = tokio::spawn(wire::plant::run(plant, target));
        let url = server.console_url(&token);
        Ok(Self { server, url, ocpp, plant })
    }

    /// Ends plant and server.
    ///
    /// # Errors
    ///
    /// The engine's, where it had broken down.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.server.stop().await?;
        self.plant.abort();
        Ok(())
    }
}

/// Where the demo's records are, and whether they stay.
enum Home {
    Kept(PathBuf),
    Thrown(PathBuf),
}

impl Home {
    fn open(given: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = given else {
            let path = std::env::temp_dir().join(format!("wattery-demo-{}", std::process::id()));
            std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
            return Ok(Self::Thrown(path));
        };
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot make {}; name another directory with --data", path.display()))?;
        if path.join(DATABASE_FILE).exists() {
            bail!(
                "{} holds a database already, and the demo furnishes an empty one: name another directory with --data, \
                 or look at this one with `wattery serve --data {}`",
                path.display(),
                path.display()
            );
        }
        Ok(Self::Kept(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Thrown(path) => path,
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Self::Thrown(path) = self
            && let Err(error) = std::fs::remove_dir_all(&*path)
        {
            tracing::warn!(%error, "{} could not be removed", path.display());
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn config(data: &Path, port: u16) -> Config {
    Config {
        listen: loopback(port),
        listen_ocpp: Some(loopback(0)),
        tls: None,
        files: None,
        data: data.to_owned(),
        unknown_stations: csms::UnknownStations::Lobby,
        station_security_least: csms::SecurityProfile::Basic,
        hosts: Vec::new(),
        frame_log_days: 30,
        frame_log_bytes: 1_024 * 1_024 * 1_024,
        frame_bytes_max: 256 * 1_024,
        ping_every: None,
        quirks: None,
        alarms: AlarmSettings::default(),
        transaction_longest: billing::cdr::Cdr::DURATION_LIMIT,
    }
}

/// The company's day under virtual time, up to the moment at which a person begins to watch.
fn play_until_watched(wanted: Wanted) -> anyhow::Result<Handover> {
    let scenario = scenario(usize::from(wanted.evses))?;
    let date = scenario.site.config.zone.civil(scenario.starts_at).date;
    let (hour, minute) = wanted.watched_from;
    let evening = scenario.site.config.zone.instant(date, hour, minute);
    let mut world = World::new(scenario).keeping_evidence();
    world.advance(evening);
    Ok(world.hand_over())
}

/// The company's days, from midnight on and for as long as somebody may watch.
fn scenario(evses: usize) -> anyhow::Result<Scenario> {
    let found = Found { site: furnished::site(evses), ..Found::default() };
    let text = furnished::scenario(evses);
    let loaded = twin::scenario_file::load("demo", "scenario.toml", &text, &found, SeedChoice::OfFile);
    let mut scenario = loaded.map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the demo's own scenario has mistakes:\n{}", lines.join("\n"))
    })?;
    scenario.ends_at = scenario.starts_at + TimeSpan::from_hours(24) * DAYS;
    Ok(scenario)
}

/// Writes the twin's records into an empty database.
async fn fill(data: &Path, handover: &Handover) -> anyhow::Result<()> {
    let store = Store::open(&data.join(DATABASE_FILE)).await?;
    let mut started = store.start_writer().await?;
    let sites = numbered(&handover.csms);
    let business = numbered(&handover.office);
    let last = |root: Root, seq: Option<RecordSeq>| seq.map(|seq| (root, seq));
    let mut awaited: Vec<(Root, RecordSeq)> =
        last(Root::Csms, sites.last().map(|(seq, _)| *seq)).into_iter().collect();
    awaited.extend(last(Root::Office, business.last().map(|(seq, _)| *seq)));
    started.writer.submit(Records::Csms(sites));
    started.writer.submit(Records::Office(business));
    let commit = async {
        while !awaited.is_empty() {
            match started.reports.recv().await {
                Some(Report::Committed { root, up_to }) => {
                    awaited.retain(|(of, seq)| *of != root || *seq > up_to);
                }
                Some(Report::Failing { reason }) => bail!("the day's records cannot be stored: {reason}"),
                Some(Report::Well) => {}
                None => bail!("the day's records cannot be stored: the writer ended"),
            }
        }
        Ok(())
    };
    tokio::time::timeout(COMMIT_TIMEOUT, commit)
        .await
        .context("the day's records were not stored within 60 s")??;
    drop(started.writer);
    started.task.await.context("the writer broke down")?;
    Ok(())
}

fn numbered<R: Clone>(records: &[R]) -> Vec<(RecordSeq, R)> {
    (1..).map(RecordSeq).zip(records.iter().cloned()).collect()
}

/// The twin's plant, with passwords, and with the people who are still to come and go.
async fn plant(handover: Handover, server: &Server) -> anyhow::Result<Plant> {
    let mut stations = Vec::new();
    let mut commands = Vec::new();
    for station in handover.stations {
        let password = Password::draw()?;
        let command = csms::Command::Secure {
            station: station.id().clone(),
            profile: csms::SecurityProfile::Basic,
            password: csms::PasswordChange::Set(password.to_stored()?),
            lowering: csms::Lowering::Refused,
        };
        commands.push(server.engine.command("demo", command));
        stations.push((station, Some(password.reveal().to_owned())));
    }
    for answer in join_all(commands).await {
        let answer = answer?;
        anyhow::ensure!(answer == csms::CommandAnswer::Done, "a password cannot be set: {answer:?}");
    }
    let people = people(handover.stays, handover.at);
    Ok(Plant {
        truth: handover.truth,
        stations,
        base_loads: handover.base_loads,
        meters: handover.meters,
        people: Box::new(people.into_iter()),
    })
}

/// What people do from `at` on, in order of time.
fn people(stays: Vec<Stay>, at: Timestamp) -> Vec<PersonEvent> {
    let mut events = Vec::new();
    for stay in stays {
        let event = |at, what| PersonEvent { at, evse: stay.evse.clone(), what };
        if stay.arrives_at > at {
            let ev = Ev::wanting(stay.ev.clone(), stay.wanted, TARGET);
            let presented = Presented::Token(stay.token.clone());
            events.push(event(stay.arrives_at, ComingOrGoing::Coming(Box::new(ev), presented)));
        }
        let looks = (1..=LOOKS).map(|look| stay.arrives_at + LOOK_EVERY * look);
        let looks = looks.filter(|look| *look > at && *look < stay.departs_at);
        events.extend(looks.map(|look| event(look, ComingOrGoing::Looking(stay.token.clone()))));
        events.push(event(stay.departs_at, ComingOrGoing::Going));
    }
    events.sort_by_key(|event| event.at);
    events
}

/// Waits for Ctrl-C or a service manager's SIGTERM.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
