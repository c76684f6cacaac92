//! An EVSE: contactor, pilot, drawn current per terminal phase, and the lifetime register.

use serde::{Deserialize, Serialize};
use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp, Volts, WattHours, Watts};

use crate::ev::{Ev, EvPhases, NJ_PER_MWH, energy_nj};

/// What an EVSE is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvseConfig {
    /// The most it offers, per phase.
    pub current_maximum: Amperes,
    /// The least pilot; 6 A by IEC 61851-1. Below it the EVSE offers nothing.
    pub current_minimum: Amperes,
    /// The pilot's resolution, above 0; 1 A or 0.1 A.
    pub step: Amperes,
    /// How many terminals are connected to the supply.
    pub phases: EvPhases,
    /// Line-to-neutral voltage at the terminals.
    pub voltage: Volts,
    /// The lifetime register at the start.
    pub register: WattHours,
}

impl Default for EvseConfig {
    /// Three-phase, 6 to 16 A in steps of 1 A, 230 V, register 0.
    fn default() -> Self {
        Self {
            current_maximum: Amperes::from_amperes(16),
            current_minimum: Amperes::from_amperes(6),
            step: Amperes::from_amperes(1),
            phases: EvPhases::Three,
            voltage: Volts::from_volts(230),
            register: WattHours::ZERO,
        }
    }
}

/// Whether the contactor may close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// Energy is released: the pilot is given.
    Released,
    /// No pilot.
    Withheld,
}

/// An EVSE with its cable and, perhaps, an EV.
#[derive(Debug, Clone)]
pub struct Evse {
    config: EvseConfig,
    ev: Option<Ev>,
    supply: Supply,
    limit: Amperes,
    register_nj: i128,
    now: Timestamp,
}

impl Evse {
    /// An EVSE without an EV at `now`, its limit the hardware maximum, its supply withheld.
    #[must_use]
    pub fn new(config: EvseConfig, now: Timestamp) -> Self {
        let register_nj = i128::from(config.register.milliwatt_hours()) * NJ_PER_MWH;
        let limit = config.current_maximum;
        Self { config, ev: None, supply: Supply::Withheld, limit, register_nj, now }
    }

    /// Lets time pass: energy flows, the EV reacts.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(change) = self.next_change().filter(|change| *change <= now) {
            self.flow_until(change.max(self.now));
            if let Some(ev) = &mut self.ev {
                ev.settle(self.now, self.config.voltage);
            }
        }
        self.flow_until(now);
    }

    /// An EV is plugged in. One that was there is replaced.
    pub fn plug_in(&mut self, now: Timestamp, mut ev: Ev) {
        self.advance(now);
        ev.connect(self.config.phases);
        self.ev = Some(ev);
        self.drive_pilot();
    }

    /// The EV leaves.
    pub fn unplug(&mut self, now: Timestamp) -> Option<Ev> {
        self.advance(now);
        let mut ev = self.ev.take()?;
        ev.set_pilot(now, Amperes::ZERO);
        Some(ev)
    }

    /// Energy is released or withheld.
    pub fn set_supply(&mut self, now: Timestamp, supply: Supply) {
        self.advance(now);
        self.supply = supply;
        self.drive_pilot();
    }

    /// A new limit per phase; it is held to the hardware maximum, and rounded down to the step.
    pub fn set_limit(&mut self, now: Timestamp, limit: Amperes) {
        self.advance(now);
        self.limit = limit;
        self.drive_pilot();
    }

    /// When the current may next change by itself.
    #[must_use]
    pub fn next_change(&self) -> Option<Timestamp> {
        self.ev.as_ref().and_then(|ev| ev.next_change(self.now, self.config.voltage))
    }

    /// What the pilot tells, per phase: 0, or at least the pilot minimum, on the step.
    #[must_use]
    pub fn offered(&self) -> Amperes {
        match self.supply {
            Supply::Released => self.quantised(),
            Supply::Withheld => Amperes::ZERO,
        }
    }

    /// What the pilot would tell if energy were released.
    #[must_use]
    pub fn quantised(&self) -> Amperes {
        let limit = self.limit.min(self.config.current_maximum).floor_to(self.config.step);
        if limit < self.config.current_minimum { Amperes::ZERO } else { limit }
    }

    /// What flows through each terminal.
    #[must_use]
    pub fn current(&self) -> PerPhase<Amperes> {
        let Some(ev) = &self.ev else { return PerPhase::default() };
        let phases = self.loaded_phases(ev);
        PerPhase::from_fn(|phase| if phase.index() < phases { ev.current() } else { Amperes::ZERO })
    }

    /// Power of all terminals.
    #[must_use]
    pub fn power(&self) -> Watts {
        let current = self.current();
        Phase::ALL.into_iter().map(|phase| current[phase].at_voltage_floor(self.config.voltage)).sum()
    }

    /// The lifetime register, rounded down to 1 mWh. It never falls.
    #[must_use]
    pub fn register(&self) -> WattHours {
        WattHours::from_milliwatt_hours(i64::try_from(self.register_nj / NJ_PER_MWH).unwrap_or(i64::MAX))
    }

    /// The EV, where one is plugged in.
    #[must_use]
    pub const fn ev(&self) -> Option<&Ev> {
        self.ev.as_ref()
    }

    /// What the EVSE is.
    #[must_use]
    pub const fn config(&self) -> &EvseConfig {
        &self.config
    }

    fn loaded_phases(&self, ev: &Ev) -> usize {
        usize::from(ev.model().phases.count().min(self.config.phases.count()))
    }

    fn drive_pilot(&mut self) {
        let offered = self.offered();
        if let Some(ev) = &mut self.ev {
            ev.set_pilot(self.now, offered);
        }
    }

    fn flow_until(&mut self, now: Timestamp) {
        let span = now.since(self.now);
        if span <= TimeSpan::ZERO {
            return;
        }
        self.now = now;
        let Some(ev) = &mut self.ev else { return };
        let phases = ev.model().phases.count().min(self.config.phases.count());
        self.register_nj += energy_nj(ev.current(), self.config.voltage, span) * i128::from(phases);
        ev.absorb(span, self.config.voltage);
    }
}

/// Which site phase each terminal L1, L2, L3 of an EVSE is wired to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wiring {
    /// Terminal L1 on site phase L1.
    L1L2L3,
    /// Terminal L1 on site phase L2.
    L2L3L1,
    /// Terminal L1 on site phase L3.
    L3L1L2,
}

impl Wiring {
    /// The rotation for the `index`-th EVSE of a row, as electricians rotate them.
    #[must_use]
    pub const fn rotated(index: usize) -> Self {
        match index % 3 {
            0 => Self::L1L2L3,
            1 => Self::L2L3L1,
            _ => Self::L3L1L2,
        }
    }

    /// Currents at the terminals as they load the site's phases.
    #[must_use]
    pub const fn to_site(self, terminals: PerPhase<Amperes>) -> PerPhase<Amperes> {
        let PerPhase { l1, l2, l3 } = terminals;
        match self {
            Self::L1L2L3 => PerPhase::new(l1, l2, l3),
            Self::L2L3L1 => PerPhase::new(l3, l1, l2),
            Self::L3L1L2 => PerPhase::new(l2, l3, l1),
        }
    }
}
