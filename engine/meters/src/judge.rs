//! From figures to currents that control may believe, or the reason why not (S5).
//!
//! # What is derived, and on which side it errs
//!
//! Per phase, with the size of the current `I`, active power `P` and voltage `V` (measured, or the nominal ± 10 %, whichever
//! makes the current larger), and the circuit's least power factor `f`:
//!
//! ```text
//! I is not told:  I = |P| / (V_low · f), rounded up
//! P is import:    I                     the arithmetic sum with an EV's current is never too low
//! P is export:    √(I² − p²) − p        with p = |P| / V_high, rounded down: only active current pays for an EV's
//! ```
//!
//! Where only the power of all phases together is told, each phase is taken to carry all of it.
//!
//! # What is doubted
//!
//! Figures are held against each other: power against voltage times current, at once; the register of imported energy
//! against the power shown, over time. Kilowatts taken for watts, a frozen meter and currents on the wrong phase show so.

use charging::network::source::{Export, ImportSign, MeterSource};
use charging::network::{MeterConfig, SiteConfig, Supply};
use serde::Serialize;
use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp, Volts, WattHours, Watts};

use crate::figures::Figures;

/// No supply of ours carries more per phase; such a figure is a mistake of units.
const AMPERES_MAX: Amperes = Amperes::from_amperes(100_000);
/// Nor more than this.
const WATTS_MAX: Watts = Watts::from_watts(100_000_000);
/// Less than this is nothing: noise of current transformers.
const NOTHING: Amperes = Amperes::from_milliamperes(500);
/// Power and current that are read one after the other may differ for a moment: so many readings in a row do not.
const DISAGREEMENTS: u32 = 3;
/// Phases that carried this much all fall to nothing within one reading only where the meter fails.
const CARRIED: Amperes = Amperes::from_amperes(2);
/// Between readings further apart nothing is known of the power.
const GAP_MAX: TimeSpan = TimeSpan::from_minutes(5);
/// Registers are coarse (0.1 kWh), and power moves between readings: less than this accuses nobody.
const ENERGY_SLACK: WattHours = WattHours::from_watt_hours(300);
/// And so many times the power shown is not moved between two readings that see nothing of it.
const ENERGY_FACTOR: i64 = 4;

/// What is known of a meter before it says anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Line to neutral on TN, line to line on IT.
    pub voltage_nominal: Volts,
    /// How the site is supplied.
    pub supply: Supply,
    /// After this long what persists is believed.
    pub timeout: TimeSpan,
    /// What the operator states.
    pub source: MeterSource,
}

impl Expected {
    /// Of a meter of a site.
    #[must_use]
    pub fn of(site: &SiteConfig, meter: &MeterConfig) -> Self {
        Self {
            voltage_nominal: site.voltage_nominal,
            supply: site.supply,
            timeout: meter.timeout,
            source: meter.source.clone(),
        }
    }
}

/// A reading that may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Per phase; positive is import.
    pub current: PerPhase<Amperes>,
    /// Where the currents come from.
    pub basis: Basis,
}

/// Where currents come from, the worst of the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The meter told them.
    Current,
    /// Derived from each phase's power: at most so much flows.
    Power,
    /// Derived from the power of all phases together: any phase may carry all of it.
    PowerTotal,
}

/// Why figures are not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No current can be told.
    #[error("neither current nor power of {0} is told")]
    Missing(Phase),
    /// No supply has it.
    #[error("{phase} carries {current}, which no supply does: is the unit right?")]
    CurrentImpossible {
        /// Where.
        phase: Phase,
        /// As told.
        current: Amperes,
    },
    /// No supply has it.
    #[error("a power of {0}, which no supply has: is the unit right?")]
    PowerImpossible(Watts),
    /// Current flows, and its voltage is not one.
    #[error(
        "{phase} has {voltage} where {nominal} is nominal: is the unit right, and is the phase connected?"
    )]
    VoltageImpossible {
        /// Where.
        phase: Phase,
        /// As told.
        voltage: Volts,
        /// What it should be near.
        nominal: Volts,
    },
    /// Power and current are not of the same phase, or not in the unit that is said.
    #[error(
        "{phase} carries {current}, which fits no power of {power}: is the unit right, and are phases in order?"
    )]
    PowerDisagrees {
        /// Where.
        phase: Phase,
        /// As told.
        current: Amperes,
        /// As told.
        power: Watts,
    },
    /// Nothing below the meter generates.
    #[error(
        "{phase} shows an export of {current}, and the site file states none: turn its current transformer around, \
             or state `import_is = \"negative\"`, or `exports = true` where something generates"
    )]
    ExportUnstated {
        /// Where.
        phase: Phase,
        /// How much.
        current: Amperes,
    },
    /// By the sum of phases nobody can tell how much one of them imports.
    #[error(
        "only the power of all phases together is told, and it is export: a phase may import all the same"
    )]
    ExportOfAll,
    /// Nobody turns off everything at once.
    #[error("all phases carried current and show exactly none from one reading to the next")]
    JumpedToZero,
    /// What it says now is what it said before.
    #[error("the meter's clock stands at {0}")]
    ClockStands(String),
    /// The register of imported energy went back.
    #[error("the register of imported energy went back by {0}")]
    EnergyBack(WattHours),
    /// The register moved otherwise than the power that is shown.
    #[error(
        "the register of imported energy moved by {moved}, while the power shown would move it by {at_least} to {at_most}: \
             is the meter frozen, or a unit wrong?"
    )]
    EnergyDisagrees {
        /// By so much.
        moved: WattHours,
        /// By at least so much.
        at_least: WattHours,
        /// By at most so much.
        at_most: WattHours,
    },
}

/// One meter's judge.
#[derive(Debug, Clone)]
pub struct Judge {
    expected: Expected,
    /// The last reading that was believed.
    believed: Option<PerPhase<Amperes>>,
    zero_since: Option<Timestamp>,
    stamp: Option<String>,
    /// In a row. A meter that never agreed is not given the benefit of a moment.
    disagreements: u32,
    energy: Option<EnergyWindow>,
    /// What the last window of energy ended in, until one agrees.
    energy_fault: Option<Fault>,
}

impl Judge {
    /// A judge of a meter that has said nothing.
    #[must_use]
    pub const fn new(expected: Expected) -> Self {
        Self {
            expected,
            believed: None,
            zero_since: None,
            stamp: None,
            disagreements: DISAGREEMENTS - 1,
            energy: None,
            energy_fault: None,
        }
    }

    /// What is known of the meter.
    #[must_use]
    pub const fn expected(&self) -> &Expected {
        &self.expected
    }

    /// As [`Judge::take`], with the meter's own clock as printed.
    ///
    /// # Errors
    ///
    /// Also where the clock stands: the telegram is one that was seen before.
    pub fn take_stamped(
        &mut self,
        at: Timestamp,
        figures: &Figures,
        stamp: Option<&str>,
    ) -> Result<Reading, Fault> {
        if let Some(stamp) = stamp {
            if self.stamp.as_deref() == Some(stamp) {
                return Err(Fault::ClockStands(stamp.to_owned()));
            }
            self.stamp = Some(stamp.to_owned());
        }
        self.take(at, figures)
    }

    /// Judges what the meter says at `at`.
    ///
    /// # Errors
    ///
    /// Why it is not believed; control is to doubt the meter.
    pub fn take(&mut self, at: Timestamp, figures: &Figures) -> Result<Reading, Fault> {
        let figures = self.turned(figures);
        let judged = self.bounded(&figures).and_then(|()| self.reading(&figures));
        let reading = match judged {
            Ok(reading) => reading,
            Err(fault) => {
                self.energy = None;
                return Err(fault);
            }
        };
        self.check_zero(at, reading.current)?;
        self.check_energy(at, &figures, reading.current)?;
        self.believed = Some(reading.current);
        Ok(reading)
    }

    /// The figures with import positive.
    fn turned(&self, figures: &Figures) -> Figures {
        match self.expected.source.import_is {
            ImportSign::Positive => figures.clone(),
            ImportSign::Negative => Figures {
                // With a power beside it a current is a size, whatever its sign.
                current: figures.current.zip_with(figures.power, |current, power| {
                    current.map(|size| power.map_or(Amperes::ZERO - size, |_| size.magnitude()))
                }),
                voltage: figures.voltage,
                power: figures.power.map(|power| power.map(|power| Watts::ZERO - power)),
                power_total: figures.power_total.map(|power| Watts::ZERO - power),
                // It counts the other way as well: that is the register of export.
                energy: None,
            },
        }
    }

    fn bounded(&self, figures: &Figures) -> Result<(), Fault> {
        let nominal = self.expected.voltage_nominal;
        let is_voltage = |voltage: Volts| {
            // To neutral on IT as well: 58 % of the voltage between lines.
            (nominal.ratio_floor(1, 2)..=nominal.ratio_ceil(13, 10)).contains(&voltage)
        };
        for phase in Phase::ALL {
            let current = figures.current[phase];
            if let Some(current) = current.filter(|current| current.magnitude() > AMPERES_MAX) {
                return Err(Fault::CurrentImpossible { phase, current });
            }
            let powers = figures.power[phase].into_iter().chain(figures.power_total);
            if let Some(power) = powers.into_iter().find(|power| power.magnitude() > WATTS_MAX) {
                return Err(Fault::PowerImpossible(power));
            }
            let flows = current.is_none_or(|current| current.magnitude() > NOTHING);
            if let Some(voltage) = figures.voltage[phase].filter(|voltage| flows && !is_voltage(*voltage)) {
                return Err(Fault::VoltageImpossible { phase, voltage, nominal });
            }
        }
        Ok(())
    }

    fn reading(&mut self, figures: &Figures) -> Result<Reading, Fault> {
        self.check_power(figures)?;
        let total = match self.expected.supply {
            Supply::Tn400 => figures.power_total,
            // The power of one line is that against a neutral which is not there.
            Supply::It230 => figures.power_total.or_else(|| sum(figures.power)),
        };
        let mut basis = Basis::Current;
        let mut current = PerPhase::splat(Amperes::ZERO);
        for phase in Phase::ALL {
            let power = match self.expected.supply {
                Supply::Tn400 => figures.power[phase],
                Supply::It230 => None,
            };
            let (found, from) = match (figures.current[phase], power, total) {
                (Some(told), Some(power), _) => (self.signed(figures, phase, told, power), Basis::Current),
                (Some(told), None, _) => (told, Basis::Current),
                (None, Some(power), _) => {
                    let told = self.derived(figures.voltage[phase], power);
                    (self.signed(figures, phase, told, power), Basis::Power)
                }
                (None, None, Some(power)) => (self.of_total(power)?, Basis::PowerTotal),
                (None, None, None) => return Err(Fault::Missing(phase)),
            };
            if self.expected.source.export == Export::Impossible && found < Amperes::ZERO - NOTHING {
                return Err(Fault::ExportUnstated { phase, current: found.magnitude() });
            }
            current[phase] = found;
            basis = basis.max(from);
        }
        Ok(Reading { current, basis })
    }

    /// Holds each phase's power against its voltage and current; only where there is a neutral to measure against.
    fn check_power(&mut self, figures: &Figures) -> Result<(), Fault> {
        if self.expected.supply == Supply::It230 {
            return Ok(());
        }
        let mut has_agreed = false;
        for phase in Phase::ALL {
            let (Some(current), Some(power)) = (figures.current[phase], figures.power[phase]) else {
                continue;
            };
            let (low, high) = self.voltages(figures.voltage[phase]);
            let size = current.magnitude();
            let (least, most) = (size.at_voltage_floor(low), size.at_voltage_floor(high));
            // Class and rounding of both: 15 %, and half an ampere's worth.
            let is_above = power.magnitude() > most.ratio_ceil(115, 100) + NOTHING.at_voltage_floor(high);
            // Nothing has a power factor of 0.005: that is kilowatts taken for watts.
            let is_far_below = least > Watts::from_watts(1_000) && power.magnitude() * 200 < least;
            let is_opposite = current < Amperes::ZERO - NOTHING && power > least.ratio_ceil(1, 4);
            if is_above || is_far_below || is_opposite {
                self.disagreements = self.disagreements.saturating_add(1);
                if self.disagreements >= DISAGREEMENTS {
                    return Err(Fault::PowerDisagrees { phase, current, power });
                }
                return Ok(());
            }
            has_agreed |= least > Watts::from_watts(100);
        }
        if has_agreed {
            self.disagreements = 0;
        }
        Ok(())
    }

    /// A current of size `told` with the direction of `power`.
    fn signed(&self, figures: &Figures, phase: Phase, told: Amperes, power: Watts) -> Amperes {
        let size = told.magnitude();
        let (low, high) = self.voltages(figures.voltage[phase]);
        let is_export = power < Watts::ZERO - size.at_voltage_floor(low).ratio_ceil(1, 20);
        if !is_export {
            return size;
        }
        let active = power.magnitude().current_at_floor(high).min(size);
        let (i, p) = (i128::from(size.milliamperes()), i128::from(active.milliamperes()));
        let reactive = u128::try_from(i * i - p * p).unwrap_or(0);
        let root = reactive.isqrt();
        let reactive = if root * root < reactive { root + 1 } else { root };
        Amperes::from_milliamperes(i64::try_from(reactive).unwrap_or(size.milliamperes())) - active
    }

    /// At most so much current carries `power`.
    fn derived(&self, voltage: Option<Volts>, power: Watts) -> Amperes {
        let (low, _) = self.voltages(voltage);
        power.magnitude().current_at_ceil(low).ratio_ceil(1_000, self.expected.source.power_factor_permille)
    }

    /// On each phase, at most. Between two lines of IT, too, power divided by the voltage that drives it is the most.
    fn of_total(&self, power: Watts) -> Result<Amperes, Fault> {
        let current = self.derived(None, power);
        if power >= Watts::ZERO || current <= NOTHING { Ok(current) } else { Err(Fault::ExportOfAll) }
    }

    /// The lowest and the highest that a phase's voltage may be.
    fn voltages(&self, measured: Option<Volts>) -> (Volts, Volts) {
        let nominal = self.expected.voltage_nominal;
        match measured.filter(|volts| *volts >= nominal.ratio_floor(1, 2)) {
            Some(volts) => (volts, volts),
            None => (nominal.ratio_floor(9, 10), nominal.ratio_ceil(11, 10)),
        }
    }

    fn check_zero(&mut self, at: Timestamp, current: PerPhase<Amperes>) -> Result<(), Fault> {
        if current != PerPhase::splat(Amperes::ZERO) {
            self.zero_since = None;
            return Ok(());
        }
        let carried = self.believed.is_some_and(|before| before.lowest() >= CARRIED);
        let since = *self.zero_since.get_or_insert(at);
        if carried && at.since(since) <= self.expected.timeout { Err(Fault::JumpedToZero) } else { Ok(()) }
    }

    fn check_energy(
        &mut self,
        at: Timestamp,
        figures: &Figures,
        current: PerPhase<Amperes>,
    ) -> Result<(), Fault> {
        let Some(energy) = figures.energy else { return Ok(()) };
        let Some(power) = self.imported(figures, current) else { return Ok(()) };
        let next = EnergyWindow::new(at, energy, power);
        let window = match &mut self.energy {
            Some(window) if at >= window.last_at && at.since(window.last_at) <= GAP_MAX => window,
            Some(_) | None => {
                self.energy = Some(next);
                return self.energy_fault.clone().map_or(Ok(()), Err);
            }
        };
        window.go_on(at, power);
        let moved = energy - window.energy;
        let (at_least, at_most) = (window.at_least, window.at_most);
        let verdict = if moved < WattHours::ZERO {
            Some(Err(Fault::EnergyBack(moved.magnitude())))
        } else if moved > at_most * ENERGY_FACTOR + ENERGY_SLACK
            || moved * ENERGY_FACTOR + ENERGY_SLACK < at_least
        {
            Some(Err(Fault::EnergyDisagrees { moved, at_least, at_most }))
        } else {
            (moved > ENERGY_SLACK).then_some(Ok(()))
        };
        if let Some(verdict) = verdict {
            self.energy = Some(next);
            self.energy_fault = verdict.err();
        }
        self.energy_fault.clone().map_or(Ok(()), Err)
    }

    /// How much power the register of imported energy should count, at least and at most: meters add phases up with
    /// their signs, or without. None where nobody can tell.
    fn imported(&self, figures: &Figures, current: PerPhase<Amperes>) -> Option<Bounds> {
        let at_least_none = |power: Watts| power.max(Watts::ZERO);
        if let Some(total) = sum(figures.power) {
            let each = figures.power.map(|power| power.map_or(Watts::ZERO, at_least_none));
            return Some(Bounds { at_least: at_least_none(total), at_most: each.l1 + each.l2 + each.l3 });
        }
        if let Some(total) = figures.power_total {
            return Some(Bounds { at_least: at_least_none(total), at_most: at_least_none(total) });
        }
        if self.expected.source.export == Export::Possible {
            return None;
        }
        let (low, high) = self.voltages(None);
        let all = current.l1.magnitude() + current.l2.magnitude() + current.l3.magnitude();
        // On IT a current flows in two lines; and hardly anything has a power factor below one half.
        Some(Bounds {
            at_least: all.at_voltage_floor(low).ratio_floor(1, 4),
            at_most: all.at_voltage_floor(high),
        })
    }
}

fn sum(power: PerPhase<Option<Watts>>) -> Option<Watts> {
    Some(power.l1? + power.l2? + power.l3?)
}

/// Power between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    at_least: Watts,
    at_most: Watts,
}

/// What the register of imported energy should have counted since it was compared last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EnergyWindow {
    /// The register at its begin.
    energy: WattHours,
    at_least: WattHours,
    at_most: WattHours,
    last_at: Timestamp,
    last: Bounds,
}

impl EnergyWindow {
    const fn new(at: Timestamp, energy: WattHours, power: Bounds) -> Self {
        Self { energy, at_least: WattHours::ZERO, at_most: WattHours::ZERO, last_at: at, last: power }
    }

    fn go_on(&mut self, at: Timestamp, power: Bounds) {
        let span = at.since(self.last_at);
        self.at_least += self.last.at_least.min(power.at_least).over_floor(span);
        self.at_most +=
            self.last.at_most.max(power.at_most).over_floor(span) + WattHours::from_milliwatt_hours(1);
        self.last_at = at;
        self.last = power;
    }
}

#[cfg(test)]
mod tests;
