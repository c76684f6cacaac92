//! A site's plant against a running server: stations over WebSockets, meters over HTTP, EVs that come and go.
//!
//! One task owns all physics and speaks with one task per socket; a batch of physics takes microseconds, so that one
//! task serves hundreds of stations.

use std::collections::BTreeMap;

use plant::base_load::BaseLoad;
use plant::ev::Ev;
use plant::meter::GridMeter;
use plant::station::{OcppVersion, Presented, Station, StationOutput};
use tokio::sync::mpsc;
use twin::truth::Truth;
use units::{EvseId, IdToken, MeterId, StationId, TimeSpan, Timestamp};

use crate::clock::Clock;
use crate::http::Api;
use crate::station::{Endpoint, StationClient};

/// A site's plant.
pub struct Plant {
    /// What flows, and where; made from the site's configuration.
    pub truth: Truth,
    /// The stations, without links, with their passwords.
    pub stations: Vec<(Station, Option<String>)>,
    /// Base loads with the place of their circuit in `truth`.
    pub base_loads: Vec<(usize, BaseLoad)>,
    /// Meters with the place of their circuit in `truth`.
    pub meters: Vec<(MeterId, usize, GridMeter)>,
    /// Who comes and goes, in order of time; taken as needed, so it may have no end.
    pub people: Box<dyn Iterator<Item = PersonEvent> + Send>,
}

/// Somebody comes or goes.
#[derive(Debug, Clone)]
pub struct PersonEvent {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub evse: EvseId,
    /// Which.
    pub what: ComingOrGoing,
}

/// What a person does at an EVSE.
#[derive(Debug, Clone)]
pub enum ComingOrGoing {
    /// Plugs the EV in.
    Coming(Box<Ev>, Presented),
    /// Looks whether the EV charges, and presents the token again where no transaction runs.
    Looking(IdToken),
    /// Unplugs it and leaves.
    Going,
}

/// Where the server is.
#[derive(Debug, Clone)]
pub struct Target {
    /// For stations.
    pub ocpp: Endpoint,
    /// For meters.
    pub api: Api,
    /// What time it is.
    pub clock: Clock,
}

/// A link is tried again after this long on the plant's clock, and at most so much longer; the stations spread over it.
const RECONNECT_FIRST: TimeSpan = TimeSpan::from_seconds(2);
/// Readings that wait for the server; older ones are thrown away, as a meter would.
const READINGS_WAITING_MAX: usize = 64;

/// Runs the plant until the future is dropped: then all sockets are dropped as by a power cut.
pub async fn run(plant: Plant, target: Target) {
    let (events, mut inbox) = mpsc::channel(1_024);
    let (readings, to_post) = mpsc::channel(READINGS_WAITING_MAX);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(post_readings(target.api.clone(), to_post));
    let mut driver = Driver::new(plant, target, events, readings, tasks);
    loop {
        let wake = driver.turn();
        tokio::select! {
            biased;
            event = inbox.recv() => {
                if let Some(event) = event {
                    driver.take(event);
                }
                while let Ok(event) = inbox.try_recv() {
                    driver.take(event);
                }
            }
            () = tokio::time::sleep_until(wake) => {}
        }
    }
}

struct Driver {
    truth: Truth,
    stations: Vec<Driven>,
    by_id: BTreeMap<StationId, usize>,
    base_loads: Vec<(usize, BaseLoad, Timestamp)>,
    meters: Vec<(MeterId, usize, GridMeter)>,
    people: std::iter::Peekable<Box<dyn Iterator<Item = PersonEvent> + Send>>,
    target: Target,
    events: mpsc::Sender<LinkEvent>,
    readings: mpsc::Sender<(MeterId, String)>,
    tasks: tokio::task::JoinSet<()>,
}

struct Driven {
    station: Station,
    password: Option<String>,
    linkage: Linkage,
    /// The number of the last link that was opened: what an older one tells is stale.
    link: u64,
    /// The first EVSE's place in `truth`, by connector number.
    places: Vec<(u16, usize)>,
}

enum Linkage {
    /// A link is wanted, not before the instant.
    Wanted(Timestamp),
    Opening,
    Up(mpsc::UnboundedSender<String>),
    /// The station boots.
    Unwanted,
}

struct LinkEvent {
    station: usize,
    link: u64,
    what: LinkNews,
}

enum LinkNews {
    Up(mpsc::UnboundedSender<String>),
    Frame(String),
    Down,
}

impl Driver {
    fn new(
        plant: Plant,
        target: Target,
        events: mpsc::Sender<LinkEvent>,
        readings: mpsc::Sender<(MeterId, String)>,
        tasks: tokio::task::JoinSet<()>,
    ) -> Self {
        let Plant { truth, stations, base_loads, meters, people } = plant;
        let now = target.clock.now();
        let stations: Vec<Driven> = stations
            .into_iter()
            .zip(0_i64..)
            .map(|((station, password), index)| Driven {
                places: places_of(&station, &truth),
                station,
                password,
                // The stations of a house do not come up in the same millisecond.
                linkage: Linkage::Wanted(now + TimeSpan::from_milliseconds(index * 37 % 1_000)),
                link: 0,
            })
            .collect();
        let by_id =
            stations.iter().enumerate().map(|(at, driven)| (driven.station.id().clone(), at)).collect();
        let base_loads = base_loads.into_iter().map(|(at, source)| (at, source, now)).collect();
        let people = people.peekable();
        Self { truth, stations, by_id, base_loads, meters, people, target, events, readings, tasks }
    }

    /// Lets everything happen that is due, and tells when the next is.
    fn turn(&mut self) -> tokio::time::Instant {
        let now = self.target.clock.now();
        while let Some(event) = self.people.next_if(|event| event.at <= now) {
            self.person(now, event);
        }
        for at in 0..self.stations.len() {
            if self.stations[at].station.next_deadline().is_some_and(|due| due <= now) {
                self.stations[at].station.tick(now);
            }
            self.drain(now, at);
            self.open_if_wanted(now, at);
        }
        self.flow(now);
        self.measure(now);
        while self.tasks.try_join_next().is_some() {}
        let next = self.next_deadline(now);
        self.target.clock.reached_at(next)
    }

    fn take(&mut self, event: LinkEvent) {
        let now = self.target.clock.now();
        let driven = &mut self.stations[event.station];
        if event.link != driven.link {
            return;
        }
        match event.what {
            LinkNews::Up(frames) => {
                driven.linkage = Linkage::Up(frames);
                driven.station.link_up(now);
            }
            LinkNews::Frame(text) => driven.station.frame(now, &text),
            LinkNews::Down => {
                let spread = i64::try_from(event.station % 40).unwrap_or(0) * 50;
                let again = now + RECONNECT_FIRST + TimeSpan::from_milliseconds(spread);
                if let Linkage::Up(_) = driven.linkage {
                    driven.station.link_down(now);
                }
                driven.linkage = Linkage::Wanted(again);
            }
        }
        self.drain(now, event.station);
    }

    fn person(&mut self, now: Timestamp, event: PersonEvent) {
        let Some(&at) = self.by_id.get(&event.evse.station) else {
            tracing::warn!(evse = %event.evse, "somebody comes to an EVSE that the plant does not have");
            return;
        };
        let station = &mut self.stations[at].station;
        match event.what {
            ComingOrGoing::Coming(ev, presented) => {
                if station.ev(event.evse.number).is_none() {
                    station.plug_in(now, event.evse.number, *ev, presented);
                }
            }
            ComingOrGoing::Looking(token) => {
                let number = event.evse.number;
                if station.ev(number).is_some() && station.transaction(number).is_none() {
                    station.tap(now, number, token);
                }
            }
            ComingOrGoing::Going => {
                station.unplug(now, event.evse.number);
            }
        }
    }

    fn drain(&mut self, now: Timestamp, at: usize) {
        let driven = &mut self.stations[at];
        while let Some(output) = driven.station.poll_output() {
            match output {
                StationOutput::Frame(text) => {
                    if let Linkage::Up(frames) = &driven.linkage
                        && frames.send(text).is_err()
                    {
                        tracing::debug!(station = %driven.station.id(), "a frame met a link that had just broken");
                    }
                }
                StationOutput::DropLink => {
                    // A new number: what the dropped link still tells is stale.
                    driven.link += 1;
                    driven.linkage = Linkage::Unwanted;
                }
                StationOutput::WantsLink => {
                    driven.link += 1;
                    driven.linkage = Linkage::Wanted(now);
                }
            }
        }
        for &(connector, place) in &driven.places {
            self.truth.set_evse(now, place, driven.station.current(connector));
        }
    }

    fn open_if_wanted(&mut self, now: Timestamp, at: usize) {
        let driven = &mut self.stations[at];
        match driven.linkage {
            Linkage::Wanted(from) if from <= now => {}
            Linkage::Wanted(_) | Linkage::Opening | Linkage::Up(_) | Linkage::Unwanted => return,
        }
        driven.linkage = Linkage::Opening;
        driven.link += 1;
        let socket = Socket {
            station: at,
            link: driven.link,
            id: driven.station.id().to_string(),
            password: driven.password.clone(),
            version: driven.station.config().version,
            endpoint: self.target.ocpp.clone(),
            events: self.events.clone(),
        };
        self.tasks.spawn(socket.run());
    }

    fn flow(&mut self, now: Timestamp) {
        for (circuit, source, due) in &mut self.base_loads {
            if *due <= now {
                self.truth.set_base(now, *circuit, source.current(now));
                *due = source.next_change(now).unwrap_or(Timestamp::MAX);
            }
        }
    }

    fn measure(&mut self, now: Timestamp) {
        for (meter, circuit, instrument) in &mut self.meters {
            instrument.tick(now, self.truth.circuits()[*circuit].total());
            while let Some(reading) = instrument.poll_reading(now) {
                let amperes = |current: units::Amperes| thousandths(current.milliamperes());
                let [l1, l2, l3] = [reading.current.l1, reading.current.l2, reading.current.l3].map(amperes);
                let body = format!("{{\"at\":\"{}\",\"current_a\":[{l1},{l2},{l3}]}}", reading.measured_at);
                if self.readings.try_send((meter.clone(), body)).is_err() {
                    tracing::warn!(%meter, "the server is slow: a reading is thrown away");
                }
            }
        }
    }

    fn next_deadline(&mut self, now: Timestamp) -> Timestamp {
        let stations = self.stations.iter().filter_map(|driven| {
            let linkage = match driven.linkage {
                Linkage::Wanted(from) => Some(from),
                Linkage::Opening | Linkage::Up(_) | Linkage::Unwanted => None,
            };
            driven.station.next_deadline().into_iter().chain(linkage).min()
        });
        let meters = self.meters.iter().map(|(_, _, instrument)| instrument.next_deadline());
        let base_loads = self.base_loads.iter().map(|&(_, _, due)| due);
        let first = stations.chain(meters).chain(base_loads).min().unwrap_or(Timestamp::MAX);
        let first = self.people.peek().map_or(first, |event| first.min(event.at));
        first.max(now + TimeSpan::from_milliseconds(1))
    }
}

/// One socket of a station, from the attempt to its end.
struct Socket {
    station: usize,
    link: u64,
    id: String,
    password: Option<String>,
    version: OcppVersion,
    endpoint: Endpoint,
    events: mpsc::Sender<LinkEvent>,
}

impl Socket {
    async fn run(self) {
        let subprotocol = match self.version {
            OcppVersion::V16 => "ocpp1.6",
            OcppVersion::V201 => "ocpp2.0.1",
        };
        let password = self.password.as_deref();
        match StationClient::connect_offering(&self.endpoint, &self.id, password, &[subprotocol]).await {
            Ok(client) => self.pump(client).await,
            Err(error) => tracing::debug!(station = %self.id, %error, "no link"),
        }
        self.tell(LinkNews::Down).await;
    }

    async fn pump(&self, mut client: StationClient) {
        let (frames, mut outbox) = mpsc::unbounded_channel();
        self.tell(LinkNews::Up(frames)).await;
        loop {
            tokio::select! {
                frame = outbox.recv() => {
                    let Some(text) = frame else { return };
                    if client.send(&text).await.is_err() {
                        return;
                    }
                }
                received = client.receive() => match received {
                    Ok(text) => self.tell(LinkNews::Frame(text)).await,
                    Err(error) => {
                        tracing::debug!(station = %self.id, %error, "link lost");
                        return;
                    }
                }
            }
        }
    }

    async fn tell(&self, what: LinkNews) {
        // The plant is gone where nobody listens.
        let _ = self.events.send(LinkEvent { station: self.station, link: self.link, what }).await;
    }
}

async fn post_readings(api: Api, mut readings: mpsc::Receiver<(MeterId, String)>) {
    while let Some((meter, body)) = readings.recv().await {
        let path = format!("/api/v1/meters/{meter}/readings");
        match api.send("POST", &path, "application/json", &body).await {
            Ok(reply) if reply.status < 300 => {}
            Ok(reply) => tracing::warn!(%meter, status = reply.status, "{}", reply.body),
            Err(error) => tracing::warn!(%meter, %error, "a reading did not arrive"),
        }
    }
}

fn places_of(station: &Station, truth: &Truth) -> Vec<(u16, usize)> {
    (1..=station.connectors())
        .filter_map(|number| {
            let id = EvseId { station: station.id().clone(), number };
            let place = truth.evses().iter().position(|evse| evse.id == id);
            place.map(|place| (number, place))
        })
        .collect()
}

/// A count of thousandths as a decimal number.
fn thousandths(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    let (whole, rest) = (count.unsigned_abs() / 1_000, count.unsigned_abs() % 1_000);
    format!("{sign}{whole}.{rest:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_print_as_decimals() {
        assert_eq!(thousandths(-1_050), "-1.050");
        assert_eq!(thousandths(7), "0.007");
    }
}
