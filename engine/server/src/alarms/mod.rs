//! Alarms leave the house: each that is raised or over goes to a webhook, by e-mail, or both.
//!
//! What is to be told stands in a file of the data directory until somebody took it: a restart forgets none, and tells none
//! twice that stood before. Each way has its own queue, in order, and is tried again ever more rarely; what nobody takes for
//! three days is given up, which the log says, and the next message counts. A message may come twice: its `id` tells.

mod mail;
pub mod settings;
mod webhook;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use csms::Alarm;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;
use units::{TimeSpan, Timestamp};

use crate::clock::Clock;
use crate::credentials::write_private;
use settings::AlarmSettings;

/// The file of what is to be told.
const FILE: &str = "alarms.json";
/// So many messages wait for one way at most; the oldest go, and are counted.
const WAITING_MAX: usize = 10_000;
/// An alarm that stood before a restart and is not raised again within this is over.
const RAISED_AGAIN_WITHIN: Duration = Duration::from_secs(900);
/// What nobody took for so long is given up.
const GIVEN_UP_AFTER: TimeSpan = TimeSpan::from_hours(72);

/// What became of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It began.
    Raised,
    /// It is over.
    Over,
}

/// An alarm that turned, as the engine tells it.
#[derive(Debug, Clone)]
pub struct News {
    /// How.
    pub turn: Turn,
    /// Which.
    pub alarm: Alarm,
}

/// What is told of an alarm; the body of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Unique in this installation, and rising: a message that comes again has the same.
    pub id: u64,
    /// What became of it.
    pub turn: Turn,
    /// When, by our clock.
    pub at: Timestamp,
    /// For people, in English. The same text tells of its end.
    pub text: String,
    /// As in `GET /api/v1/alarms`.
    pub alarm: Alarm,
    /// So many messages before this one were given up.
    #[serde(default)]
    pub given_up_before: u64,
}

/// How soon, and how often, a way that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// After the first failure; twice as long after each further one.
    pub first: Duration,
    /// But never longer.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first: Duration::from_secs(5), longest: Duration::from_secs(3_600) }
    }
}

/// Where the engine leaves alarms; with nobody behind it they stay in log, pages and API.
#[derive(Debug, Clone, Default)]
pub struct AlarmSink(Option<UnboundedSender<News>>);

impl AlarmSink {
    /// To whoever reads.
    #[must_use]
    pub const fn new(sender: UnboundedSender<News>) -> Self {
        Self(Some(sender))
    }

    /// An alarm turned.
    pub fn tell(&self, turn: Turn, alarm: Alarm) {
        // Nobody listens during a stop: what stands is raised again after it.
        let _ = self.0.as_ref().map(|sender| sender.send(News { turn, alarm }));
    }
}

/// A way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Webhook,
    Mail,
}

/// What is to be told, as it stands in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    next: u64,
    /// By their texts: alarms that were told and are not over.
    standing: BTreeMap<String, Alarm>,
    waiting: BTreeMap<Way, VecDeque<Message>>,
    /// Given up since the way last took something.
    given_up: BTreeMap<Way, u64>,
}

/// What is to be told, and where that is kept.
#[derive(Debug)]
struct Outbox {
    path: PathBuf,
    kept: Kept,
    ways: BTreeSet<Way>,
    /// Standing since before the start, and not raised again so far.
    unconfirmed: BTreeSet<String>,
    is_unwritten: bool,
}

impl Outbox {
    fn open(directory: &Path, ways: BTreeSet<Way>) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        let kept: Kept = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| {
                format!(
                    "{} holds the alarms that are to be told and cannot be read: move it away",
                    path.display()
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let unconfirmed = kept.standing.keys().cloned().collect();
        Ok(Self { path, kept, ways, unconfirmed, is_unwritten: false })
    }

    /// An alarm turned. One that stood before a restart is known already.
    fn take(&mut self, now: Timestamp, news: News) {
        let text = news.alarm.to_string();
        let is_known = self.kept.standing.contains_key(&text);
        self.unconfirmed.remove(&text);
        match news.turn {
            Turn::Raised if is_known => return,
            Turn::Raised => {
                self.kept.standing.insert(text.clone(), news.alarm.clone());
            }
            Turn::Over => {
                self.kept.standing.remove(&text);
            }
        }
        self.kept.next += 1;
        let id = self.kept.next;
        let message = Message { id, turn: news.turn, at: now, text, alarm: news.alarm, given_up_before: 0 };
        for way in self.ways.clone() {
            let waiting = self.kept.waiting.entry(way).or_default();
            waiting.push_back(message.clone());
            if waiting.len() > WAITING_MAX {
                waiting.pop_front();
                self.given_up(way, 1);
            }
        }
        self.write();
    }

    /// What stood before the start and was not raised again is over.
    fn end_unconfirmed(&mut self, now: Timestamp) {
        for text in std::mem::take(&mut self.unconfirmed) {
            if let Some(alarm) = self.kept.standing.get(&text).cloned() {
                self.take(now, News { turn: Turn::Over, alarm });
            }
        }
    }

    /// The messages that wait, oldest first, each with how many before it were given up.
    fn waiting(&self, way: Way) -> Vec<Message> {
        let given_up_before = self.kept.given_up.get(&way).copied().unwrap_or(0);
        let waiting = self.kept.waiting.get(&way).into_iter().flatten().cloned();
        waiting.map(|message| Message { given_up_before, ..message }).collect()
    }

    fn has_waiting(&self, way: Way) -> bool {
        self.kept.waiting.get(&way).is_some_and(|waiting| !waiting.is_empty())
    }

    /// The way took its first `count` messages.
    fn taken(&mut self, way: Way, count: usize) {
        if let Some(waiting) = self.kept.waiting.get_mut(&way) {
            waiting.drain(..count.min(waiting.len()));
        }
        self.kept.given_up.remove(&way);
        self.write();
    }

    /// The way took nothing: what is too old is given up.
    fn failed(&mut self, way: Way, now: Timestamp) {
        let Some(waiting) = self.kept.waiting.get_mut(&way) else { return };
        let before = waiting.len();
        waiting.retain(|message| now < message.at + GIVEN_UP_AFTER);
        let count = before - waiting.len();
        if count > 0 {
            self.given_up(way, count);
            self.write();
        }
    }

    fn given_up(&mut self, way: Way, count: usize) {
        tracing::error!("{count} messages about alarms could not be delivered ({way:?}) and are given up");
        *self.kept.given_up.entry(way).or_default() += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Where the disk takes nothing, messages leave all the same: that may be what they tell of.
    fn write(&mut self) {
        let written = serde_json::to_string(&self.kept)
            .map_err(anyhow::Error::from)
            .and_then(|text| write_private(&self.path, &text));
        match written {
            Ok(()) => self.is_unwritten = false,
            Err(error) if !self.is_unwritten => {
                self.is_unwritten = true;
                tracing::error!("what is to be told of alarms is not on the disk: {error:#}");
            }
            Err(_) => {}
        }
    }
}

/// When a way is tried next.
#[derive(Debug, Default)]
struct Patience {
    failures: u32,
    not_before: Option<Instant>,
}

impl Patience {
    fn fails(&mut self, retry: Retry) -> Duration {
        let pause = retry.first.saturating_mul(1 << self.failures.min(16)).min(retry.longest);
        self.failures += 1;
        self.not_before = Some(Instant::now() + pause);
        pause
    }
}

/// Tells alarms until nobody raises any more.
///
/// # Errors
///
/// Where the file of what is to be told cannot be read.
pub fn open(
    settings: AlarmSettings,
    directory: &Path,
    clock: Clock,
    inbox: UnboundedReceiver<News>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut ways = BTreeSet::new();
    ways.extend(settings.webhook.as_ref().map(|_| Way::Webhook));
    ways.extend(settings.mail.as_ref().map(|_| Way::Mail));
    let outbox = Outbox::open(directory, ways)?;
    Ok(run(settings, outbox, clock, inbox))
}

async fn run(settings: AlarmSettings, mut outbox: Outbox, clock: Clock, mut inbox: UnboundedReceiver<News>) {
    let mut patience: BTreeMap<Way, Patience> = BTreeMap::new();
    let confirmed_by = tokio::time::sleep(RAISED_AGAIN_WITHIN);
    tokio::pin!(confirmed_by);
    let mut is_confirmed = false;
    if outbox.ways.is_empty() {
        while inbox.recv().await.is_some() {}
        return;
    }
    loop {
        let now = Instant::now();
        let due = |way: &Way| patience.get(way).and_then(|way| way.not_before).unwrap_or(now);
        let next = outbox.ways.iter().copied().filter(|way| outbox.has_waiting(*way)).min_by_key(due);
        let due = next.map_or(now, |way| due(&way));
        tokio::select! {
            biased;
            news = inbox.recv() => match news {
                Some(news) => outbox.take(clock.now(), news),
                None => return,
            },
            () = &mut confirmed_by, if !is_confirmed => {
                is_confirmed = true;
                outbox.end_unconfirmed(clock.now());
            }
            () = tokio::time::sleep_until(due), if next.is_some() => {
                let Some(way) = next else { continue };
                let waiting = outbox.waiting(way);
                let patience = patience.entry(way).or_default();
                match deliver(&settings, way, &waiting).await {
                    Ok(count) => {
                        *patience = Patience::default();
                        outbox.taken(way, count);
                    }
                    Err(error) => {
                        let pause = patience.fails(settings.retry);
                        tracing::warn!("alarms cannot be told ({way:?}), tried again in {pause:?}: {error:#}");
                        outbox.failed(way, clock.now());
                    }
                }
            }
        }
    }
}

/// Hands over the first message or several; how many were taken.
async fn deliver(settings: &AlarmSettings, way: Way, waiting: &[Message]) -> anyhow::Result<usize> {
    match (way, &settings.webhook, &settings.mail) {
        (Way::Webhook, Some(webhook), _) => {
            let Some(message) = waiting.first() else { return Ok(0) };
            webhook::post(webhook, settings.ca.as_deref(), message).await.map(|()| 1)
        }
        (Way::Mail, _, Some(mail)) => {
            mail::send(mail, settings.ca.as_deref(), waiting).await.map(|()| waiting.len())
        }
        (Way::Webhook, None, _) | (Way::Mail, _, None) => Ok(waiting.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offline(station: &str) -> Alarm {
        Alarm::StationOffline { station: station.parse().unwrap() }
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_hours(hours)
    }

    fn outbox(directory: &Path) -> Outbox {
        Outbox::open(directory, [Way::Webhook, Way::Mail].into()).unwrap()
    }

    fn told(outbox: &Outbox, way: Way) -> Vec<(u64, Turn, String)> {
        outbox.waiting(way).into_iter().map(|one| (one.id, one.turn, one.text)).collect()
    }

    #[test]
    fn a_restart_forgets_no_message_and_tells_no_alarm_twice_that_stood_before() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut first = outbox(directory.path());
        first.take(at(0), News { turn: Turn::Raised, alarm: offline("CP1") });
        first.take(at(0), News { turn: Turn::Raised, alarm: offline("CP2") });
        first.taken(Way::Mail, 2);
        drop(first);
        let mut second = outbox(directory.path());
        assert_eq!(told(&second, Way::Webhook).len(), 2);
        assert_eq!(told(&second, Way::Mail), []);
        second.take(at(1), News { turn: Turn::Raised, alarm: offline("CP1") });
        assert_eq!(told(&second, Way::Mail), [], "it stood before");
        second.end_unconfirmed(at(1));
        let over = (3, Turn::Over, offline("CP2").to_string());
        assert_eq!(told(&second, Way::Mail), [over], "it was not raised again");
        second.end_unconfirmed(at(2));
        assert_eq!(told(&second, Way::Mail).len(), 1);
    }

    #[test]
    fn what_nobody_takes_for_three_days_is_given_up_and_counted_in_what_follows() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut outbox = outbox(directory.path());
        outbox.take(at(0), News { turn: Turn::Raised, alarm: offline("CP1") });
        outbox.take(at(71), News { turn: Turn::Over, alarm: offline("CP1") });
        outbox.failed(Way::Mail, at(72));
        let [left] = &outbox.waiting(Way::Mail)[..] else { panic!("one is left") };
        assert_eq!((left.id, left.given_up_before), (2, 1));
        assert_eq!(outbox.waiting(Way::Webhook).len(), 2, "each way for itself");
        outbox.taken(Way::Mail, 1);
        outbox.take(at(73), News { turn: Turn::Raised, alarm: offline("CP1") });
        assert_eq!(outbox.waiting(Way::Mail)[0].given_up_before, 0, "it was told");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_and_left_alone() {
        let directory = tempfile::TempDir::new().unwrap();
        std::fs::write(directory.path().join(FILE), "{").unwrap();
        let error = Outbox::open(directory.path(), BTreeSet::new()).unwrap_err();
        assert!(format!("{error:#}").contains("move it away"), "{error:#}");
        assert_eq!(std::fs::read_to_string(directory.path().join(FILE)).unwrap(), "{");
    }

    #[test]
    fn a_way_that_fails_is_tried_again_ever_more_rarely() {
        let retry = Retry { first: Duration::from_secs(5), longest: Duration::from_secs(60) };
        let mut patience = Patience::default();
        let pauses: Vec<u64> = (0..6).map(|_| patience.fails(retry).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    }
}
