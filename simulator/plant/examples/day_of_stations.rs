//! How much CPU does the station side of a simulated day cost? 300 stations of apartments, MeterValues every 60 s in
//! transactions, a limit from the backend every 10 minutes while charging. Prints what was said and a hash of it.
//!
//! ```text
//! cargo build --release -p plant --example day_of_stations
//! time target/release/examples/day_of_stations
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;

use plant::ev::{Ev, EvModel};
use plant::people::{Habits, People, Stay};
use plant::station::{Presented, Station, StationConfig, StationOutput};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use units::civil::CivilDate;
use units::{TimeSpan, Timestamp};

const STATIONS: usize = 300;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zone: units::civil::Zone = "Europe/Helsinki".parse()?;
    let date = CivilDate { year: 2026, month: 1, day: 14 };
    let start = zone.start_of_day(date);
    let end = start + TimeSpan::from_hours(24);
    let people =
        People { habits: Habits::Apartments, users: u32::try_from(STATIONS)?, stays_per_week: 7.0, zone };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut day =
        Day { start, queue: BinaryHeap::new(), sequence: 0, frames: 0, bytes: 0, hash: 0, transactions: 0 };
    let mut stations = Vec::new();
    // When each station's tick is wanted: one that is no longer wanted is passed over.
    let mut wanted = vec![None; STATIONS];
    for index in 0..STATIONS {
        let config = StationConfig::new(format!("S{index}").parse()?);
        stations.push(Station::new(config, u64::try_from(index)?, start));
        day.push(start, index, Event::Connect);
    }
    for stay in people.day(date, 1) {
        let index = usize::try_from(stay.user)?;
        day.push(stay.arrival, index, Event::Arrive(stay));
        day.push(stay.departure, index, Event::Leave);
        let mut at = stay.arrival + TimeSpan::from_minutes(10);
        while at < stay.departure {
            day.push(at, index, Event::Limit);
            at += TimeSpan::from_minutes(10);
        }
    }
    while let Some(Reverse((at, _, index, event))) = day.queue.pop() {
        if at >= end {
            break;
        }
        let station = &mut stations[index];
        match event {
            Event::Connect => station.link_up(at),
            Event::Arrive(stay) => {
                let ev = Ev::wanting(EvModel::sample(&mut rng), stay.energy_wanted, 0.8);
                station.plug_in(at, 1, ev, Presented::Token(format!("T{index}").parse()?));
            }
            Event::Leave => {
                station.unplug(at, 1);
            }
            Event::Limit => station.frame(at, &limit_frame(at)),
            Event::Tick if wanted[index] != Some(at) => continue,
            Event::Tick => station.tick(at),
        }
        day.drain(at, station);
        let due = station.next_deadline();
        if due != wanted[index]
            && let Some(due) = due
        {
            day.push(due, index, Event::Tick);
        }
        wanted[index] = due;
    }
    let energy: i64 = stations.iter().map(|station| station.register(1).watt_hours_floor()).sum();
    writeln!(
        std::io::stdout(),
        "{} stations, {} transactions, {} kWh, {} frames, {} bytes, hash {:016x}",
        STATIONS,
        day.transactions,
        energy / 1_000,
        day.frames,
        day.bytes,
        day.hash
    )?;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Connect,
    Arrive(Stay),
    Leave,
    Limit,
    Tick,
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Events are ordered by their sequence, which is unique.
impl Ord for Event {
    fn cmp(&self, _other: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

struct Day {
    start: Timestamp,
    queue: BinaryHeap<Reverse<(Timestamp, u64, usize, Event)>>,
    sequence: u64,
    frames: usize,
    bytes: usize,
    hash: u64,
    transactions: u64,
}

impl Day {
    fn push(&mut self, at: Timestamp, index: usize, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((at.max(self.start), self.sequence, index, event)));
    }

    /// The least backend: it accepts everything.
    fn drain(&mut self, at: Timestamp, station: &mut Station) {
        while let Some(output) = station.poll_output() {
            let StationOutput::Frame(text) = output else { continue };
            self.frames += 1;
            self.bytes += text.len();
            for byte in text.bytes() {
                self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            let mut parts = text.split('"');
            let (Some("[2,"), Some(id), Some(","), Some(action)) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let answer = match action {
                "BootNotification" => {
                    format!("{{\"status\":\"Accepted\",\"currentTime\":\"{at}\",\"interval\":300}}")
                }
                "Heartbeat" => format!("{{\"currentTime\":\"{at}\"}}"),
                "Authorize" => "{\"idTagInfo\":{\"status\":\"Accepted\"}}".to_owned(),
                "StartTransaction" => {
                    self.transactions += 1;
                    format!(
                        "{{\"transactionId\":{},\"idTagInfo\":{{\"status\":\"Accepted\"}}}}",
                        self.transactions
                    )
                }
                _ => "{}".to_owned(),
            };
            station.frame(at, &format!("[3,\"{id}\",{answer}]"));
        }
    }
}

fn limit_frame(at: Timestamp) -> String {
    let limit = 8 + at.milliseconds() / 600_000 % 8;
    format!(
        "[2,\"l{at}\",\"SetChargingProfile\",{{\"connectorId\":1,\"csChargingProfiles\":{{\"chargingProfileId\":1,\
         \"stackLevel\":1,\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":\"Absolute\",\
         \"chargingSchedule\":{{\"startSchedule\":\"{at}\",\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[\
         {{\"startPeriod\":0,\"limit\":{limit}}},{{\"startPeriod\":900,\"limit\":6}}]}}}}}}]"
    )
}
