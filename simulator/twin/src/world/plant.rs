//! Stations' clocks, meters, base load and people.

use std::collections::VecDeque;

use ::plant::base_load::BaseLoad;
use ::plant::ev::Ev;
use ::plant::meter::{GridMeter, GridReading, MeterFault};
use ::plant::station::Presented;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use units::{MeterId, PerPhase, ReportedAt, TimeSpan, Timestamp, WattHours};

use super::inspect::INSPECT;
use super::{Event, World};
use crate::queue::Precedence;
use crate::scenario::{Scenario, Stay};
use crate::truth::Truth;
use crate::watch::{Note, Sampled};

/// A grid meter at its circuit.
#[derive(Debug)]
pub struct MeterSlot {
    pub(crate) id: MeterId,
    pub(crate) circuit: usize,
    pub(crate) meter: GridMeter,
    /// What is wrong with it, by the fault that says so; the last one counts.
    faults: Vec<(usize, MeterFault)>,
    is_dark: bool,
    /// How things truly were when each reading on the way was measured.
    sampled: VecDeque<Sampled>,
}

impl MeterSlot {
    /// Samples the truth. Tells when its next reading arrives, where that is before the next sample.
    pub(crate) fn sample(&mut self, now: Timestamp, truth: &Truth) -> Option<Timestamp> {
        let circuit = &truth.circuits()[self.circuit];
        self.meter.tick(now, circuit.total());
        let (base, total) = (circuit.base(), circuit.total());
        self.sampled.push_back(Sampled { at: now, base, total, fault: self.fault() });
        let due = self.meter.next_deadline();
        (due < self.meter.next_sample()).then(|| due.max(now))
    }

    /// The next reading that has arrived, with how things truly were when it was measured.
    pub(crate) fn read(&mut self, now: Timestamp) -> Option<(GridReading, Sampled)> {
        let reading = self.meter.poll_reading(now)?;
        let mut sampled = None;
        while let Some(known) = self.sampled.pop_front_if(|known| known.at <= reading.measured_at) {
            sampled = Some(known);
        }
        Some((reading, sampled?))
    }

    /// It breaks, by this fault of the scenario.
    pub(crate) fn breaks(&mut self, fault: usize, wrong: MeterFault) {
        self.faults.push((fault, wrong));
        self.meter.set_fault(self.fault());
    }

    /// It is repaired.
    pub(crate) fn heals(&mut self, fault: usize) {
        self.faults.retain(|(of, _)| *of != fault);
        self.meter.set_fault(self.fault());
    }

    /// A meter without power tells nothing, whatever else is wrong with it.
    fn fault(&self) -> MeterFault {
        let wrong = self.faults.last().map_or(MeterFault::None, |(_, wrong)| *wrong);
        if self.is_dark { MeterFault::Silent } else { wrong }
    }
}

/// A stay with what came of it.
#[derive(Debug, Clone)]
pub struct StaySlot {
    /// As planned.
    pub stay: Stay,
    /// The register at plug-in.
    pub register_start: Option<WattHours>,
    /// What was delivered, once it is over.
    pub delivered: Option<WattHours>,
    /// It ended by unplugging.
    pub departed_at: Option<Timestamp>,
    looks: u32,
    is_served: bool,
}

impl StaySlot {
    /// A stay to come.
    #[must_use]
    pub const fn new(stay: Stay) -> Self {
        Self { stay, register_start: None, delivered: None, departed_at: None, looks: 0, is_served: false }
    }
}

/// A driver whose car does not charge looks again after this long, so many times.
pub(crate) const LOOK: TimeSpan = TimeSpan::from_minutes(5);
pub(crate) const LOOKS: u32 = 24;
/// The state of charge at which a car that got all it wanted is: most of a night's charging stays below the taper.
pub(crate) const TARGET: f64 = 0.9;

/// The meters of a scenario's site.
pub fn meters(scenario: &Scenario, truth: &Truth) -> Vec<MeterSlot> {
    let config = &scenario.site.config;
    let metered = config.circuits.iter().filter_map(|circuit| Some((circuit, circuit.meter.as_ref()?)));
    metered
        .enumerate()
        .filter_map(|(place, (circuit, meter))| {
            let seed = scenario.seed ^ (0x6d65_7465_7200 + u64::try_from(place).unwrap_or(0));
            Some(MeterSlot {
                id: meter.id.clone(),
                circuit: truth.circuit_index(&circuit.id)?,
                meter: GridMeter::new(scenario.meters, seed, scenario.starts_at),
                faults: Vec::new(),
                is_dark: false,
                sampled: VecDeque::new(),
            })
        })
        .collect()
}

/// The base loads of a scenario, with the places of their circuits.
pub fn bases(scenario: &Scenario, truth: &Truth, rng: &mut ChaCha8Rng) -> Vec<(usize, BaseLoad)> {
    scenario
        .base_loads
        .iter()
        .filter_map(|base| {
            let circuit = truth.circuit_index(&base.circuit);
            let load = base.source.load(rng.random());
            circuit.map(|circuit| (circuit, load))
        })
        .collect()
}

impl World {
    /// Puts the first event of everything into the queue.
    pub(super) fn schedule_plant(&mut self) {
        for index in 0..self.bases.len() {
            self.queue.push(self.now, Precedence::Physics, Event::Base(index));
        }
        for index in 0..self.meters.len() {
            let at = self.meters[index].meter.next_sample();
            self.queue.push(at, Precedence::Measurement, Event::MeterSample(index));
        }
        for (index, slot) in self.stays.iter().enumerate() {
            self.queue.push(slot.stay.arrives_at, Precedence::Physics, Event::Arrive(index));
            self.queue.push(slot.stay.departs_at, Precedence::Physics, Event::Depart(index));
        }
        for index in 0..self.stations.len() {
            self.connect_later(index);
            self.observe(index);
        }
        self.queue.push(self.now + RECOUNT, Precedence::Control, Event::Recount);
        self.queue.push(self.now + INSPECT, Precedence::Control, Event::Inspect);
    }

    pub(super) fn base_due(&mut self, index: usize) {
        if let Some(next) = self.bases[index].1.next_change(self.now) {
            self.queue.push(next, Precedence::Physics, Event::Base(index));
        }
        self.take_base(index);
    }

    /// Base load flows as its source says; without power, none.
    pub(super) fn take_base(&mut self, index: usize) {
        let now = self.now;
        let circuit = self.bases[index].0;
        let own = self.bases.iter_mut().filter(|(place, _)| *place == circuit);
        let sum = own.fold(PerPhase::default(), |sum, (_, load)| sum + load.current(now));
        let current = if self.dark[circuit] > 0 { PerPhase::default() } else { sum };
        if let Some(change) = self.truth.set_base(now, circuit, current) {
            self.recorder.base(now, &self.truth, circuit);
            self.watch.base_changed(now, &self.truth, circuit, change);
        }
    }

    pub(super) fn meter_sample(&mut self, index: usize) {
        let slot = &mut self.meters[index];
        let arrives = slot.sample(self.now, &self.truth);
        self.queue.push(slot.meter.next_sample(), Precedence::Measurement, Event::MeterSample(index));
        if let Some(at) = arrives {
            self.queue.push(at, Precedence::Message, Event::MeterReading(index));
        }
    }

    pub(super) fn meter_reading(&mut self, index: usize) {
        while let Some((reading, sampled)) = self.meters[index].read(self.now) {
            if self.engine.is_none() {
                continue;
            }
            let slot = &self.meters[index];
            let (circuit, meter) = (slot.circuit, slot.id.clone());
            self.recorder.counts.readings += 1;
            self.watch.reading(self.now, circuit, reading.current, &sampled);
            let at = ReportedAt(reading.measured_at);
            self.csms(csms::Input::GridReading { meter, at, current: reading.current });
        }
        // The next sample schedules what is still on the way then.
        let due = self.meters[index].meter.next_deadline();
        if due < self.meters[index].meter.next_sample() && due > self.now {
            self.queue.push(due, Precedence::Message, Event::MeterReading(index));
        }
    }

    /// Meters without power tell nothing.
    pub(super) fn darken_meters(&mut self) {
        for slot in &mut self.meters {
            slot.is_dark = self.dark[slot.circuit] > 0;
            let fault = slot.fault();
            slot.meter.set_fault(fault);
        }
    }

    /// A meter breaks, or is repaired where nothing is `wrong` with it.
    pub(super) fn meter_fault(&mut self, id: &MeterId, fault: usize, wrong: Option<MeterFault>) {
        for slot in self.meters.iter_mut().filter(|slot| slot.id == *id) {
            match wrong {
                Some(wrong) => slot.breaks(fault, wrong),
                None => slot.heals(fault),
            }
        }
    }

    pub(super) fn arrive(&mut self, index: usize) {
        let Some((station, connector)) = self.place_of(index) else { return };
        let stay = self.stays[index].stay.clone();
        let slot = &mut self.stations[station];
        self.stays[index].register_start = Some(slot.station.register(connector));
        let ev = Ev::wanting(stay.ev.clone(), stay.wanted, TARGET);
        slot.station.plug_in(self.now, connector, ev, Presented::Token(stay.token));
        self.watch.story.note(
            self.now,
            Note::Text(format!("{} is plugged in at {} and wants {}", stay.ev.name, stay.evse, stay.wanted)),
        );
        self.queue.push(self.now + LOOK, Precedence::Physics, Event::Look(index));
        self.observe(station);
    }

    /// A driver looks whether the transaction runs, and presents the token again where it was refused.
    pub(super) fn look(&mut self, index: usize) {
        let Some((station, connector)) = self.place_of(index) else { return };
        let slot = &mut self.stays[index];
        if slot.departed_at.is_some() || slot.is_served {
            return;
        }
        if self.stations[station].station.transaction(connector).is_some() {
            slot.is_served = true;
            return;
        }
        slot.looks += 1;
        if slot.looks <= LOOKS {
            let token = slot.stay.token.clone();
            self.recorder.counts.retries += 1;
            self.queue.push(self.now + LOOK, Precedence::Physics, Event::Look(index));
            self.stations[station].station.tap(self.now, connector, token);
            self.observe(station);
        }
    }

    pub(super) fn depart(&mut self, index: usize) {
        let Some((station, connector)) = self.place_of(index) else { return };
        self.stations[station].station.unplug(self.now, connector);
        let register = self.stations[station].station.register(connector);
        let slot = &mut self.stays[index];
        slot.delivered = slot.register_start.map(|start| register - start);
        slot.departed_at = Some(self.now);
        let text = format!("the car at {} is unplugged", slot.stay.evse);
        self.watch.story.note(self.now, Note::Text(text));
        self.observe(station);
    }

    /// Stays that last beyond the end count what they got until then.
    pub(super) fn close_stays(&mut self) {
        for index in 0..self.stations.len() {
            self.stations[index].station.tick(self.now);
            self.observe(index);
        }
        for index in 0..self.stays.len() {
            let Some((station, connector)) = self.place_of(index) else { continue };
            let register = self.stations[station].station.register(connector);
            let slot = &mut self.stays[index];
            if slot.delivered.is_none() {
                slot.delivered = slot.register_start.map(|start| register - start);
            }
        }
        self.judge_sums();
        self.judge_registers();
        self.watch.judge_fuses(self.now, &mut self.truth);
    }

    /// Energy conservation: circuits add up.
    pub(super) fn recount(&mut self) {
        self.queue.push(self.now + RECOUNT, Precedence::Control, Event::Recount);
        self.judge_sums();
        let span = self.now.since(self.scenario.starts_at);
        if span <= RESTORED_HOURLY || span.milliseconds() % RESTORED_LATER.milliseconds() == 0 {
            self.compare_restored();
        }
        if let Some(step) = self.on_step {
            step(self.now);
        }
    }

    fn judge_sums(&mut self) {
        let summed = self.truth.recount();
        for (circuit, summed) in self.truth.circuits().iter().zip(summed) {
            self.watch.judge_sum(self.now, &circuit.name, circuit.total(), summed);
        }
    }

    /// Energy conservation: each register equals the integral of the currents that were seen.
    fn judge_registers(&mut self) {
        for index in 0..self.stations.len() {
            for place in 0..self.stations[index].evses.len() {
                let Ok(connector) = u16::try_from(place + 1) else { continue };
                let evse = self.stations[index].evses[place];
                let register = self.stations[index].station.register(connector).milliwatt_hours();
                let carried = self.truth.energy_mwh(evse, self.now);
                let id = &self.truth.evses()[evse].id;
                self.watch.judge_register(self.now, id, register, carried);
            }
        }
    }

    fn place_of(&self, stay: usize) -> Option<(usize, u16)> {
        let evse = &self.stays[stay].stay.evse;
        Some((*self.station_by_id.get(&evse.station)?, evse.number))
    }
}

/// How often the circuits are summed anew.
pub(crate) const RECOUNT: TimeSpan = TimeSpan::from_hours(1);
/// A restored engine is compared every hour for so long.
const RESTORED_HOURLY: TimeSpan = TimeSpan::from_hours(8);
/// And then so far apart, which in a week meets every hour of the day.
const RESTORED_LATER: TimeSpan = TimeSpan::from_hours(7);
