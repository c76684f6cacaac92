//! An EV: battery, on-board charger, and how it answers the pilot.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use units::{Amperes, TimeSpan, Timestamp, Volts, WattHours, Watts};

use crate::battery::{Battery, Taper};
use crate::number::{ceil, float, round};

/// Losses from socket to cells: 90 % arrives. A rounded figure for on-board chargers at 6 to 16 A.
pub const CHARGER_EFFICIENCY_PERCENT: i64 = 90;
/// While the taper binds, the current is stepped down this often.
const TAPER_STEP: TimeSpan = TimeSpan::from_seconds(60);
/// While the current rises by the ramp, it is stepped this often.
const RAMP_STEP: TimeSpan = TimeSpan::from_seconds(1);

/// Which terminals of an EVSE an EV loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvPhases {
    /// Terminal L1 only.
    One,
    /// Terminals L1 and L2.
    Two,
    /// All three.
    Three,
}

impl EvPhases {
    /// 1, 2 or 3.
    #[must_use]
    pub const fn count(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// From 1, 2 or 3.
    #[must_use]
    pub const fn from_count(count: u8) -> Option<Self> {
        match count {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }
}

/// Whether an EV comes back after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// It charges on after any pause.
    Survives,
    /// After a pause longer than this it sleeps until it is plugged in anew.
    SleepsAfter(TimeSpan),
}

/// What a car is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvModel {
    /// A name for reports.
    pub name: String,
    /// Usable energy of the battery, above 0.
    pub usable: WattHours,
    /// AC phases of the on-board charger.
    pub phases: EvPhases,
    /// The least pilot at which it charges, per phase; 6 A by IEC 61851-1, some need more.
    pub current_minimum: Amperes,
    /// The most it draws, per phase.
    pub current_maximum: Amperes,
    /// From a change of the pilot to the change of the current; 1 to 30 s seen in the field.
    pub reaction: TimeSpan,
    /// How fast the current rises, per second. It falls at once.
    pub ramp: Amperes,
    /// What a long pause does to it.
    pub pause: Pause,
    /// How the battery accepts power.
    pub taper: Taper,
}

/// A plain row of an EV table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvRow {
    /// Name for reports.
    pub name: String,
    /// Usable energy in kWh, above 0.
    pub usable_kwh: f64,
    /// AC phases: 1, 2 or 3.
    pub ac_phases: u8,
    /// Highest AC power in kW, above 0.
    pub ac_kw: f64,
}

/// Why a row is not an EV.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidEv {
    /// Phases other than 1, 2 or 3.
    #[error("ev `{name}` has {phases} AC phases, which is none of 1, 2 or 3")]
    Phases {
        /// The EV.
        name: String,
        /// As given.
        phases: u8,
    },
    /// An energy outside 1 to 1000 kWh.
    #[error("ev `{name}` has {kwh} kWh, which is outside 1 to 1000")]
    Energy {
        /// The EV.
        name: String,
        /// As given, kWh.
        kwh: f64,
    },
    /// A power below what 6 A on its phases carries, or above 63 A.
    #[error("ev `{name}` draws {kw} kW, which is outside 6 A to 63 A on each of its {phases} phases")]
    Power {
        /// The EV.
        name: String,
        /// As given, kW.
        kw: f64,
        /// Its phases.
        phases: u8,
    },
}

impl EvModel {
    /// A model from a row of a table, with the ordinary behaviour: minimum 6 A, reaction 4 s, 4 A/s, survives pauses.
    ///
    /// # Errors
    ///
    /// Where a figure is outside its range.
    pub fn from_row(row: &EvRow) -> Result<Self, InvalidEv> {
        let name = row.name.clone();
        let Some(phases) = EvPhases::from_count(row.ac_phases) else {
            return Err(InvalidEv::Phases { name, phases: row.ac_phases });
        };
        if !(1.0..=1000.0).contains(&row.usable_kwh) {
            return Err(InvalidEv::Energy { name, kwh: row.usable_kwh });
        }
        let milliamperes = row.ac_kw * 1_000_000.0 / (230.0 * f64::from(row.ac_phases));
        if !(6_000.0..=63_500.0).contains(&milliamperes) {
            return Err(InvalidEv::Power { name, kw: row.ac_kw, phases: row.ac_phases });
        }
        Ok(Self {
            name,
            usable: WattHours::from_milliwatt_hours(round(row.usable_kwh * 1_000_000.0)),
            phases,
            current_minimum: Amperes::from_amperes(6),
            current_maximum: Amperes::from_milliamperes(round(milliamperes)),
            reaction: TimeSpan::from_seconds(4),
            ramp: Amperes::from_amperes(4),
            pause: Pause::Survives,
            taper: Taper::default(),
        })
    }

    /// A car of the built-in mix: nearly half of them one-phase, as nearly half of the published models are.
    ///
    /// The figures are rounded by us: archetypes, not models of a maker. What needs more than 6 A, or sleeps, is our own.
    #[must_use]
    pub fn sample(rng: &mut ChaCha8Rng) -> Self {
        let total: u32 = MIX.iter().map(|archetype| archetype.weight).sum();
        let mut draw = rng.random_range(0..total);
        let mut chosen = &MIX[0];
        for archetype in &MIX {
            if draw < archetype.weight {
                chosen = archetype;
                break;
            }
            draw -= archetype.weight;
        }
        let usable_kwh = rng.random_range(chosen.usable_kwh.0..=chosen.usable_kwh.1);
        let needs_more = rng.random_ratio(chosen.needs_more_percent, 100);
        let sleeps = rng.random_ratio(chosen.sleeps_percent, 100);
        Self {
            name: chosen.name.to_owned(),
            usable: WattHours::from_watt_hours(usable_kwh * 1_000),
            phases: chosen.phases,
            current_minimum: Amperes::from_amperes(if needs_more { rng.random_range(7..=9) } else { 6 }),
            current_maximum: Amperes::from_amperes(chosen.current_maximum),
            reaction: TimeSpan::from_seconds(rng.random_range(1..=8)),
            ramp: Amperes::from_amperes(rng.random_range(1..=8)),
            pause: if sleeps {
                Pause::SleepsAfter(TimeSpan::from_minutes(rng.random_range(10..=60)))
            } else {
                Pause::Survives
            },
            taper: Taper::default(),
        }
    }

    /// Whether the car charges on one phase.
    #[must_use]
    pub fn is_one_phase(&self) -> bool {
        self.phases == EvPhases::One
    }
}

struct Archetype {
    name: &'static str,
    weight: u32,
    usable_kwh: (i64, i64),
    phases: EvPhases,
    current_maximum: i64,
    needs_more_percent: u32,
    sleeps_percent: u32,
}

/// Weights sum to 100: the shares of 258 models of the table open-ev-data (chargeprice, MIT) by phases and power of the
/// charger, energies between its tenth and ninetieth percentile. 47 are one-phase, 6 two-phase, 47 three-phase.
const MIX: [Archetype; 9] = [
    Archetype {
        name: "plug-in hybrid, 3.7 kW",
        weight: 17,
        usable_kwh: (7, 14),
        phases: EvPhases::One,
        current_maximum: 16,
        needs_more_percent: 0,
        sleeps_percent: 5,
    },
    Archetype {
        name: "plug-in hybrid, 7.4 kW",
        weight: 6,
        usable_kwh: (11, 20),
        phases: EvPhases::One,
        current_maximum: 32,
        needs_more_percent: 0,
        sleeps_percent: 5,
    },
    Archetype {
        name: "small car, one-phase 3.7 kW",
        weight: 10,
        usable_kwh: (10, 30),
        phases: EvPhases::One,
        current_maximum: 16,
        needs_more_percent: 0,
        sleeps_percent: 5,
    },
    Archetype {
        name: "compact, one-phase 7.4 kW",
        weight: 14,
        usable_kwh: (24, 64),
        phases: EvPhases::One,
        current_maximum: 32,
        needs_more_percent: 3,
        sleeps_percent: 5,
    },
    Archetype {
        name: "compact, two-phase",
        weight: 6,
        usable_kwh: (30, 56),
        phases: EvPhases::Two,
        current_maximum: 16,
        needs_more_percent: 0,
        sleeps_percent: 0,
    },
    Archetype {
        name: "compact, three-phase 7.2 kW",
        weight: 2,
        usable_kwh: (45, 52),
        phases: EvPhases::Three,
        current_maximum: 11,
        needs_more_percent: 0,
        sleeps_percent: 0,
    },
    Archetype {
        name: "family car, three-phase",
        weight: 28,
        usable_kwh: (40, 80),
        phases: EvPhases::Three,
        current_maximum: 16,
        needs_more_percent: 0,
        sleeps_percent: 2,
    },
    Archetype {
        name: "large car, three-phase 16 kW",
        weight: 9,
        usable_kwh: (65, 100),
        phases: EvPhases::Three,
        current_maximum: 24,
        needs_more_percent: 0,
        sleeps_percent: 2,
    },
    Archetype {
        name: "hatchback, three-phase 22 kW",
        weight: 8,
        usable_kwh: (22, 80),
        phases: EvPhases::Three,
        current_maximum: 32,
        needs_more_percent: 50,
        sleeps_percent: 20,
    },
];

/// A car at the end of a cable.
#[derive(Debug, Clone, PartialEq)]
pub struct Ev {
    model: EvModel,
    battery: Battery,
    /// Phases through which it draws where it is plugged in: its own, or fewer at a one-phase EVSE.
    phases_in_use: i64,
    /// Energy at the socket that it still wants, in nJ.
    wanted_nj: i128,
    /// Energy that reached the cells but is below a whole mWh, in nJ · 100.
    cell_remainder: i128,
    pilot: Amperes,
    current: Amperes,
    /// When the car next looks at the pilot again, after its reaction or at the next step of ramp or taper.
    next_change: Option<Timestamp>,
    /// Since when the pilot is below what the car needs.
    paused_since: Option<Timestamp>,
    is_asleep: bool,
}

impl Ev {
    /// A car that wants `energy` measured at the socket, and is then at the state of charge `target` (0 to 1).
    ///
    /// A car asked to take more than its battery holds gets a battery that just holds it.
    #[must_use]
    pub fn wanting(model: EvModel, energy: WattHours, target: f64) -> Self {
        let energy = energy.clamp(WattHours::ZERO, WattHours::from_watt_hours(1_000_000));
        let at_cells = energy.ratio_ceil(CHARGER_EFFICIENCY_PERCENT, 100);
        let target = target.clamp(0.05, 1.0);
        let needed = WattHours::from_milliwatt_hours(ceil(float(at_cells.milliwatt_hours()) / target));
        let usable = model.usable.max(needed);
        let at_end = WattHours::from_milliwatt_hours(round(float(usable.milliwatt_hours()) * target));
        let battery = Battery::new(usable, at_end - at_cells, model.taper);
        Self {
            phases_in_use: i64::from(model.phases.count()),
            model,
            battery,
            wanted_nj: i128::from(energy.milliwatt_hours()) * NJ_PER_MWH,
            cell_remainder: 0,
            pilot: Amperes::ZERO,
            current: Amperes::ZERO,
            next_change: None,
            paused_since: None,
            is_asleep: false,
        }
    }

    /// A car at state of charge `from` that charges to `to`, both 0 to 1.
    #[must_use]
    pub fn from_to(model: EvModel, from: f64, to: f64) -> Self {
        let share = (to - from).clamp(0.0, 1.0);
        let at_cells = share * float(model.usable.milliwatt_hours());
        let at_socket =
            WattHours::from_milliwatt_hours(round(at_cells * 100.0 / float(CHARGER_EFFICIENCY_PERCENT)));
        Self::wanting(model, at_socket, to)
    }

    /// What the car is.
    #[must_use]
    pub const fn model(&self) -> &EvModel {
        &self.model
    }

    /// Its battery.
    #[must_use]
    pub const fn battery(&self) -> &Battery {
        &self.battery
    }

    /// Energy at the socket that it still wants, rounded up to 1 mWh.
    #[must_use]
    pub fn wanted(&self) -> WattHours {
        let milliwatt_hours = (self.wanted_nj + NJ_PER_MWH - 1) / NJ_PER_MWH;
        WattHours::from_milliwatt_hours(i64::try_from(milliwatt_hours).unwrap_or(i64::MAX))
    }

    /// Whether it sleeps and will not charge before it is plugged in anew.
    #[must_use]
    pub const fn is_asleep(&self) -> bool {
        self.is_asleep
    }

    /// The current it draws on each of its phases.
    #[must_use]
    pub const fn current(&self) -> Amperes {
        self.current
    }

    /// Whether it asks for energy at this `pilot` (state C of IEC 61851-1), be it that its reaction still runs.
    #[must_use]
    pub fn requests_energy(&self, pilot: Amperes) -> bool {
        !self.is_asleep && self.wanted_nj > 0 && pilot >= self.model.current_minimum
    }

    /// The car is plugged in to an EVSE of so many phases, and wakes.
    pub(crate) fn connect(&mut self, evse: EvPhases) {
        self.phases_in_use = i64::from(self.model.phases.count().min(evse.count()));
        self.is_asleep = false;
        self.paused_since = None;
    }

    /// The pilot changes at `now`; the car follows after its reaction. A pilot that vanishes (0) stops it at once.
    pub(crate) fn set_pilot(&mut self, now: Timestamp, pilot: Amperes) {
        if pilot == self.pilot {
            return;
        }
        self.pilot = pilot;
        if pilot == Amperes::ZERO {
            // The contactor opens: no current flows, whatever the car would do.
            self.current = Amperes::ZERO;
            self.next_change = None;
            self.pause(now);
            return;
        }
        let reacts_at = now + self.model.reaction;
        self.next_change = Some(self.next_change.map_or(reacts_at, |pending| pending.min(reacts_at)));
    }

    /// When the drawn current may next change by itself; `volts` is the line-to-neutral voltage.
    pub(crate) fn next_change(&self, now: Timestamp, volts: Volts) -> Option<Timestamp> {
        let done = self.time_to_done(volts).map(|span| now + span);
        match (self.next_change, done) {
            (Some(change), Some(done)) => Some(change.min(done)),
            (change, done) => change.or(done),
        }
    }

    /// Energy flows for `span` at the present current.
    pub(crate) fn absorb(&mut self, span: TimeSpan, volts: Volts) {
        if self.current == Amperes::ZERO {
            return;
        }
        let nanojoules = energy_nj(self.current, volts, span) * i128::from(self.phases_in_use);
        self.wanted_nj = (self.wanted_nj - nanojoules).max(0);
        self.cell_remainder += nanojoules * i128::from(CHARGER_EFFICIENCY_PERCENT);
        let whole = self.cell_remainder / (NJ_PER_MWH * 100);
        self.cell_remainder %= NJ_PER_MWH * 100;
        self.battery.store(WattHours::from_milliwatt_hours(i64::try_from(whole).unwrap_or(i64::MAX)));
    }

    /// Looks at the pilot, the battery and the wish, where the time for it has come.
    pub(crate) fn settle(&mut self, now: Timestamp, volts: Volts) {
        if self.wanted_nj <= 0 {
            self.current = Amperes::ZERO;
            self.next_change = None;
            return;
        }
        if self.next_change.is_none_or(|change| change > now) {
            return;
        }
        self.next_change = None;
        if self.pilot < self.model.current_minimum {
            self.current = Amperes::ZERO;
            self.pause(now);
            return;
        }
        self.resume(now);
        if self.is_asleep {
            self.current = Amperes::ZERO;
            return;
        }
        let accepted = self.accepted(volts);
        let goal = self.pilot.min(self.model.current_maximum).min(accepted);
        if goal > self.current + self.model.ramp && self.model.ramp > Amperes::ZERO {
            self.current += self.model.ramp;
            self.next_change = Some(now + RAMP_STEP);
            return;
        }
        self.current = goal;
        let taper = if goal == accepted { Some(TAPER_STEP) } else { self.time_to_taper(goal, volts) };
        self.next_change = taper.map(|span| now + span);
    }

    fn pause(&mut self, now: Timestamp) {
        if self.paused_since.is_none() {
            self.paused_since = Some(now);
        }
    }

    fn resume(&mut self, now: Timestamp) {
        if let (Some(since), Pause::SleepsAfter(longest)) = (self.paused_since, self.model.pause) {
            self.is_asleep |= now.since(since) > longest;
        }
        self.paused_since = None;
    }

    /// What the battery accepts, as current per phase at the socket, rounded down to 1 mA.
    fn accepted(&self, volts: Volts) -> Amperes {
        let at_socket = self.battery.acceptance().ratio_floor(100, CHARGER_EFFICIENCY_PERCENT);
        // A car that its wish says is not full goes on at the tail: the last mWh of rounding must not hang.
        let at_least = Watts::from_watts(50);
        at_socket.max(at_least).div_floor(self.phases_in_use).current_at_floor(volts)
    }

    fn time_to_taper(&self, current: Amperes, volts: Volts) -> Option<TimeSpan> {
        if current == Amperes::ZERO {
            return None;
        }
        let at_socket = current.at_voltage_floor(volts) * self.phases_in_use;
        let at_cells = at_socket.ratio_floor(CHARGER_EFFICIENCY_PERCENT, 100);
        let energy = self.battery.until_taper(at_cells);
        let hours = float(energy.milliwatt_hours()) / float(at_cells.milliwatts().max(1));
        Some(TimeSpan::from_milliseconds(ceil(hours * 3_600_000.0)).max(TAPER_STEP))
    }

    fn time_to_done(&self, volts: Volts) -> Option<TimeSpan> {
        let nj_per_ms =
            energy_nj(self.current, volts, TimeSpan::from_milliseconds(1)) * i128::from(self.phases_in_use);
        if nj_per_ms == 0 || self.wanted_nj == 0 {
            return None;
        }
        let milliseconds = (self.wanted_nj + nj_per_ms - 1) / nj_per_ms;
        Some(TimeSpan::from_milliseconds(i64::try_from(milliseconds).unwrap_or(i64::MAX)))
    }
}

/// Nanojoules in a milliwatt-hour: mA · mV · ms are nJ, so energy is an exact integer.
pub(crate) const NJ_PER_MWH: i128 = 3_600_000_000;

/// Energy of one phase, exactly, in nJ.
pub(crate) fn energy_nj(current: Amperes, volts: Volts, span: TimeSpan) -> i128 {
    i128::from(current.milliamperes()) * i128::from(volts.millivolts()) * i128::from(span.milliseconds())
}
