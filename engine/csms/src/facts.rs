//! What a station shows by what it does, with the evidence: whether it obeys limits, tells its phases, counts in the units
//! that it names, keeps the time, and tells its settings.
//!
//! A fact holds, or is shown not to, by the last thing that showed anything; it stays open until something does. What
//! follows for currents is no business of this page: control counts a station that does not obey at its worst by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::{Amperes, PerPhase, StationId, TimeSpan, Timestamp, WattHours, Watts};

use crate::baseline::{Setting, SettingRow};
use crate::core::Core;
use crate::measure::Terminals;
use crate::message::{Fault, Sample};
use crate::record::Record;
use crate::station::{End, Station};

/// Registers and currents are compared over at least this long,
const UNITS_OVER: TimeSpan = TimeSpan::from_minutes(5);
/// at most this long,
const UNITS_OVER_MOST: TimeSpan = TimeSpan::from_minutes(60);
/// and at least this much energy: registers count in steps of up to 0.1 kWh.
const UNITS_ENERGY: WattHours = WattHours::from_watt_hours(200);
/// So many contradictions in a row are no accident.
const CONTRADICTIONS: u32 = 3;
/// So many faults are kept.
const FAULTS_KEPT: usize = 50;
/// Below this nothing is told of phases: a station that is awake draws as much.
const DRAWING: Amperes = Amperes::from_amperes(2);

/// Something that a station shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// It draws what it was told, or less.
    ObeysLimits,
    /// It measures each of its phases.
    ReportsPhases,
    /// Its register moves as its currents say.
    UnitsPlausible,
    /// Its clock is right to 30 s.
    ClockRight,
    /// It tells its settings.
    AnswersConfiguration,
}

impl Fact {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::ObeysLimits,
        Self::ReportsPhases,
        Self::UnitsPlausible,
        Self::ClockRight,
        Self::AnswersConfiguration,
    ];
}

/// How a fact was last shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// It holds; or it does not.
    pub holds: bool,
    /// Since when it is so, by the wall clock.
    pub since: Timestamp,
    /// By what.
    pub evidence: Evidence,
}

/// What showed a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// An EVSE drew so much under a limit.
    Draw {
        /// The EVSE's number.
        evse: u16,
        /// What it was told, per phase.
        limit: Amperes,
        /// The highest of its phases.
        drawn: Amperes,
    },
    /// So many of an EVSE's phases were measured.
    Phases {
        /// The EVSE's number.
        evse: u16,
        /// Measured apart.
        measured: u8,
        /// Wired.
        wired: u8,
    },
    /// A register moved by so much where currents or power carried so much.
    Energy {
        /// The EVSE's number.
        evse: u16,
        /// By the register.
        register: WattHours,
        /// By the currents.
        carried: WattHours,
    },
    /// The clock is ahead by so much; behind where negative.
    Clock {
        /// In milliseconds.
        ahead_ms: i64,
    },
    /// So many settings were asked for, and answered, or not.
    Settings {
        /// How many.
        asked: usize,
        /// What came instead of an answer; empty where one came.
        word: String,
    },
}

/// What a station has shown, how it is set, and what was wrong with it: a state row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsRow {
    /// The station.
    pub station: StationId,
    /// What it has shown.
    pub facts: BTreeMap<Fact, Shown>,
    /// How it was last found to be set.
    pub settings: Vec<SettingRow>,
    /// What it told of faults, the oldest first.
    pub faults: Vec<FaultRow>,
}

/// A fault that a station told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRow {
    /// The EVSE's number; 0 is the station.
    pub evse: u16,
    /// When we heard of it, by the wall clock.
    pub began_at: Timestamp,
    /// When it was told to be over.
    pub ended_at: Option<Timestamp>,
    /// OCPP's code.
    pub code: String,
    /// The vendor's code, empty where none was told.
    pub vendor_code: String,
    /// The vendor's words.
    pub words: String,
}

/// Register and energy carried since an instant, at one EVSE.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnitsWitness {
    begin: Option<(Timestamp, WattHours)>,
    carried: WattHours,
    last: Option<(Timestamp, Watts)>,
    contradictions: u32,
}

impl FactsRow {
    /// Of a station of which nothing is known yet.
    #[must_use]
    pub const fn new(station: StationId) -> Self {
        Self { station, facts: BTreeMap::new(), settings: Vec::new(), faults: Vec::new() }
    }

    /// How a setting was last found.
    #[must_use]
    pub fn setting(&self, setting: Setting) -> Option<&SettingRow> {
        self.settings.iter().find(|row| row.setting == setting)
    }
}

impl Station {
    /// Something showed that a fact holds, or not.
    fn shows(&mut self, at: Timestamp, fact: Fact, holds: bool, evidence: Evidence) {
        let known = self.facts.facts.get(&fact);
        if known.is_none_or(|known| known.holds != holds) {
            self.facts.facts.insert(fact, Shown { holds, since: at, evidence });
            self.are_facts_changed = true;
        }
    }

    pub fn persist_facts_if_changed(&mut self, core: &mut Core) {
        if std::mem::take(&mut self.are_facts_changed) {
            core.out.persist(Record::Facts(Box::new(self.facts.clone())));
        }
    }

    /// What was measured at an EVSE shows.
    pub fn measured_shows(&mut self, core: &Core, now: Timestamp, place: usize, sample: &Sample) {
        let at = core.wall(now);
        self.was_measured = true;
        self.phases_show(at, place, sample);
        self.units_show(core, now, place, sample);
    }

    /// What control learned of an EVSE's draw shows.
    pub fn obedience_shows(&mut self, core: &Core, now: Timestamp) {
        if !std::mem::take(&mut self.was_measured) {
            return;
        }
        let at = core.wall(now);
        for place in 0..self.evses.len() {
            let id = self.evses[place].id.clone();
            let Some(control) = self.control(core, &id) else { continue };
            let (is_disobedient, proofs) = (control.is_disobedient, control.proofs);
            let limit = control.newest().map(|newest| newest.limit);
            let drawn = control.measured[1].highest();
            let is_proven = proofs > self.evses[place].proofs_seen;
            self.evses[place].proofs_seen = proofs;
            if let Some(limit) = limit.filter(|_| is_disobedient || is_proven) {
                let evidence = Evidence::Draw { evse: id.number, limit, drawn };
                self.shows(at, Fact::ObeysLimits, !is_disobedient, evidence);
            }
        }
    }

    fn phases_show(&mut self, at: Timestamp, place: usize, sample: &Sample) {
        let evse = &self.evses[place];
        let wired = u8::try_from(evse.terminals.wired).unwrap_or(1);
        let measured =
            sample.current.zip_with(sample.power, |current, power| current.is_some() || power.is_some());
        let measured = measured.iter().filter(|(_, is_measured)| **is_measured).count();
        let measured = u8::try_from(measured).unwrap_or(0);
        let is_drawing =
            sample.current.highest().or(sample.current_total).is_some_and(|current| current >= DRAWING)
                || sample.power_total.is_some_and(|power| power >= Watts::from_watts(1_000));
        let evidence = Evidence::Phases { evse: evse.id.number, measured, wired };
        if measured >= wired || measured > 0 && wired == 1 {
            self.shows(at, Fact::ReportsPhases, true, evidence);
        } else if is_drawing && measured == 0 && wired > 1 {
            self.shows(at, Fact::ReportsPhases, false, evidence);
        }
    }

    /// A register that moves a thousand times too slowly counts kWh and calls them Wh (FIELD section 4c, 38).
    fn units_show(&mut self, core: &Core, now: Timestamp, place: usize, sample: &Sample) {
        let taken_at = self.engine_time(core, now, sample.at);
        let evse = &mut self.evses[place];
        let power = power_of(&evse.terminals, sample);
        let witness = &mut evse.units;
        if let (Some((before, drawn)), Some(power)) = (witness.last, power) {
            let span = taken_at.since(before);
            if span > TimeSpan::ZERO && span <= UNITS_OVER_MOST {
                // The lower of both: a draw that began in between has carried less.
                witness.carried += drawn.min(power).over_floor(span);
            }
        }
        witness.last = power.map(|power| (taken_at, power));
        let Some((register, _)) = sample.register else { return };
        let Some((begin, before)) = witness.begin else {
            *witness = UnitsWitness { begin: Some((taken_at, register)), ..*witness };
            witness.carried = WattHours::ZERO;
            return;
        };
        let span = taken_at.since(begin);
        let moved = register - before;
        let is_enough = witness.carried >= UNITS_ENERGY && span >= UNITS_OVER;
        if span > UNITS_OVER_MOST || moved < WattHours::ZERO || span < TimeSpan::ZERO {
            *witness = UnitsWitness {
                begin: Some((taken_at, register)),
                last: witness.last,
                ..UnitsWitness::default()
            };
            return;
        }
        if !is_enough {
            return;
        }
        let carried = witness.carried;
        let (register_mwh, carried_mwh) = (moved.milliwatt_hours(), carried.milliwatt_hours());
        let is_plausible = register_mwh >= carried_mwh / 3 && register_mwh <= carried_mwh.saturating_mul(3);
        let contradictions = if is_plausible { 0 } else { witness.contradictions + 1 };
        *witness = UnitsWitness {
            begin: Some((taken_at, register)),
            carried: WattHours::ZERO,
            last: witness.last,
            contradictions,
        };
        let evidence = Evidence::Energy { evse: evse.id.number, register: moved, carried };
        if is_plausible || contradictions >= CONTRADICTIONS {
            self.shows(core.wall(now), Fact::UnitsPlausible, is_plausible, evidence);
        }
    }

    /// What is known of the clock shows.
    pub fn clock_shows(&mut self, core: &Core, now: Timestamp) {
        let Some(ahead_ms) = self.row.clock_skew_ms else { return };
        let is_right = ahead_ms.abs() <= crate::station::SKEW_TRUSTED_MS;
        self.shows(core.wall(now), Fact::ClockRight, is_right, Evidence::Clock { ahead_ms });
    }

    /// How a question for settings was answered shows.
    pub fn answers_settings(&mut self, at: Timestamp, asked: usize, is_nothing: bool, end: &End<'_>) {
        let word = match end {
            _ if !is_nothing => String::new(),
            End::Answered(_) => "an empty answer".to_owned(),
            End::Fault(fault) => fault.code.chars().take(50).collect(),
            End::None(reason) => (*reason).to_owned(),
        };
        self.shows(at, Fact::AnswersConfiguration, !is_nothing, Evidence::Settings { asked, word });
    }

    /// A round of settings is over.
    pub fn settings_found(&mut self, core: &mut Core, rows: Vec<SettingRow>) {
        let is_same =
            |(old, new): (&SettingRow, &SettingRow)| SettingRow { at: new.at, ..old.clone() } == *new;
        let are_same =
            rows.len() == self.facts.settings.len() && self.facts.settings.iter().zip(&rows).all(is_same);
        if !are_same {
            self.facts.settings = rows;
            self.are_facts_changed = true;
        }
        self.persist_facts_if_changed(core);
    }

    /// What a status tells of faults.
    pub fn fault_told(&mut self, at: Timestamp, evse: u16, fault: Option<Fault>) {
        let open = |row: &&mut FaultRow| row.evse == evse && row.ended_at.is_none();
        let Some(fault) = fault else {
            for row in self.facts.faults.iter_mut().filter(open) {
                row.ended_at = Some(at);
                self.are_facts_changed = true;
            }
            return;
        };
        let Fault { code, vendor_code, words } = fault;
        let is_known = |row: &FaultRow| row.code == code && row.vendor_code == vendor_code;
        if self.facts.faults.iter_mut().filter(open).any(|row| is_known(row)) {
            return;
        }
        self.facts.faults.push(FaultRow { evse, began_at: at, ended_at: None, code, vendor_code, words });
        let over = self.facts.faults.len().saturating_sub(FAULTS_KEPT);
        self.facts.faults.drain(..over);
        self.are_facts_changed = true;
    }
}

/// What an EVSE draws over all phases, as far as a sample tells.
fn power_of(terminals: &Terminals, sample: &Sample) -> Option<Watts> {
    let of_phases = |values: PerPhase<Option<Watts>>| {
        let told: Vec<Watts> = values.iter().filter_map(|(_, value)| *value).collect();
        (!told.is_empty()).then(|| told.into_iter().sum::<Watts>())
    };
    let currents = sample
        .current
        .map(|current| current.map(|current| current.at_voltage_floor(terminals.voltage_nominal)));
    // Currents first: a power in a unit of its own would witness for the register's.
    of_phases(currents).or(sample.power_total).or(of_phases(sample.power))
}
