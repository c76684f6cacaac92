//! From what a station measured to what control may believe of an EVSE's currents.
//!
//! Control takes base load as what the meter shows less what EVSEs draw, and takes a limit as proven by a measurement. A
//! current that is guessed too high hides base load, one that is guessed too low proves limits that do not hold: where a
//! figure cannot be told per phase it is left out, and control counts the EVSE at its ceiling.

use charging::site::Measurement;
use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp, Volts, WattHours, Watts};

use crate::message::Sample;

/// Less than this over all phases is nothing on each of them.
const NOTHING: Amperes = Amperes::from_milliamperes(500);
/// A mean over a longer time says nothing of now.
const MEAN_MAX: TimeSpan = TimeSpan::from_minutes(15);

/// What must be known of an EVSE to read its measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminals {
    /// How many of L1, L2, L3 are wired: 1 to 3.
    pub wired: i64,
    /// Line to neutral (or line to line where that is what feeds it).
    pub voltage_nominal: Volts,
}

/// A register as it was read, for stations that measure nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RegisterAt {
    pub taken_at: Timestamp,
    pub register: WattHours,
}

impl Terminals {
    /// The measurement in `sample`, taken at `taken_at`; `before` is the EVSE's register before this one.
    ///
    /// In order: current per phase; current without phase, where only one phase is wired; power per phase over its
    /// voltage; power over all, where only one phase is wired or next to nothing flows; the mean current between two
    /// registers, where only one phase is wired, dated back to the first of them so that it proves nothing newer.
    pub fn measurement(
        &self,
        sample: &Sample,
        taken_at: Timestamp,
        before: Option<RegisterAt>,
    ) -> Option<Measurement> {
        let stated = self.stated(sample);
        if stated.iter().any(|(_, current)| current.is_some()) {
            return Some(Measurement { taken_at, current: stated, offered: sample.offered });
        }
        if let Some((begin, mean)) = before.and_then(|before| self.mean(before, sample, taken_at)) {
            let current = PerPhase::new(Some(mean), None, None);
            return Some(Measurement { taken_at: begin, current, offered: sample.offered });
        }
        sample.offered.map(|offered| Measurement { taken_at, current: stated, offered: Some(offered) })
    }

    fn stated(&self, sample: &Sample) -> PerPhase<Option<Amperes>> {
        let per_phase = PerPhase::from_fn(|phase| {
            sample.current[phase].or_else(|| {
                let power = sample.power[phase]?;
                Some(power.current_at_ceil(self.voltage(sample.measured_voltage[phase])))
            })
        });
        // A one-phase EVSE may name the line after the supply's conductor instead of its own terminal.
        if let (1, Some(highest)) = (self.wired, per_phase.highest()) {
            return PerPhase::new(Some(highest), None, None);
        }
        if per_phase.highest().is_some() {
            return per_phase;
        }
        let voltage = self.voltage(sample.measured_voltage.l1);
        let total = sample.current_total.or(sample.power_total.map(|power| power.current_at_ceil(voltage)));
        match (self.wired, total) {
            (_, None) => PerPhase::default(),
            (1, Some(total)) => PerPhase::new(Some(total), None, None),
            (_, Some(total)) if total.magnitude() <= NOTHING => {
                PerPhase::from_fn(|phase| self.is_wired(phase).then_some(total))
            }
            (_, Some(_)) => PerPhase::default(),
        }
    }

    fn mean(&self, before: RegisterAt, sample: &Sample, taken_at: Timestamp) -> Option<(Timestamp, Amperes)> {
        let (register, _) = sample.register?;
        let span = taken_at.since(before.taken_at);
        let energy = register - before.register;
        if self.wired != 1 || span <= TimeSpan::ZERO || span > MEAN_MAX || energy < WattHours::ZERO {
            return None;
        }
        let milliwatts = i128::from(energy.milliwatt_hours()) * 3_600_000 / i128::from(span.milliseconds());
        let power = Watts::from_milliwatts(i64::try_from(milliwatts).ok()?);
        // A register that jumped says nothing of a current.
        let is_plausible = power <= Watts::from_watts(100_000);
        is_plausible.then(|| (before.taken_at, power.current_at_ceil(self.voltage_nominal)))
    }

    /// The measured voltage where it can be one, else the nominal.
    fn voltage(&self, measured: Option<Volts>) -> Volts {
        let nominal = self.voltage_nominal.millivolts();
        let is_plausible =
            |volts: &Volts| (nominal * 8 / 10..=nominal * 12 / 10).contains(&volts.millivolts());
        measured.filter(is_plausible).unwrap_or(self.voltage_nominal)
    }

    fn is_wired(&self, phase: Phase) -> bool {
        match phase {
            Phase::L1 => true,
            Phase::L2 => self.wired > 1,
            Phase::L3 => self.wired > 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use billing::cdr::ReadingContext;

    use super::*;

    const ONE: Terminals = Terminals { wired: 1, voltage_nominal: Volts::from_volts(230) };
    const THREE: Terminals = Terminals { wired: 3, voltage_nominal: Volts::from_volts(230) };

    fn amperes(values: [Option<i64>; 3]) -> PerPhase<Option<Amperes>> {
        let [l1, l2, l3] = values.map(|value| value.map(Amperes::from_milliamperes));
        PerPhase::new(l1, l2, l3)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_seconds(seconds)
    }

    #[test]
    fn currents_are_told_per_phase_or_not_at_all() {
        let nothing = Sample::default();
        let watts = Watts::from_watts;
        for (what, terminals, sample, want) in [
            (
                "as stated",
                THREE,
                Sample { current: amperes([Some(16_000), Some(15_900), None]), ..nothing.clone() },
                Some(amperes([Some(16_000), Some(15_900), None])),
            ),
            (
                "the supply's L2 is a one-phase EVSE's only terminal",
                ONE,
                Sample { current: amperes([None, Some(9_000), None]), ..nothing.clone() },
                Some(amperes([Some(9_000), None, None])),
            ),
            (
                "without phase, one phase wired",
                ONE,
                Sample { current_total: Some(Amperes::from_amperes(7)), ..nothing.clone() },
                Some(amperes([Some(7_000), None, None])),
            ),
            (
                "without phase, three phases wired: a sum or a mean, nobody knows",
                THREE,
                Sample { current_total: Some(Amperes::from_amperes(7)), ..nothing.clone() },
                None,
            ),
            (
                "next to nothing is next to nothing on each",
                THREE,
                Sample { power_total: Some(watts(23)), ..nothing.clone() },
                Some(amperes([Some(100), Some(100), Some(100)])),
            ),
            (
                "power over measured voltage, rounded up",
                THREE,
                Sample {
                    power: PerPhase::splat(Some(watts(1_000))),
                    measured_voltage: PerPhase::new(
                        Some(Volts::from_volts(240)),
                        None,
                        Some(Volts::from_volts(400)),
                    ),
                    ..nothing.clone()
                },
                Some(amperes([Some(4_167), Some(4_348), Some(4_348)])),
            ),
            ("nothing", THREE, nothing.clone(), None),
        ] {
            let measured = terminals.measurement(&sample, at(0), None);
            assert_eq!(measured.map(|measured| measured.current), want, "{what}");
        }
    }

    #[test]
    fn a_mean_between_registers_is_dated_back_to_its_begin() {
        let before = RegisterAt { taken_at: at(0), register: WattHours::from_watt_hours(1_000) };
        let sample = Sample {
            register: Some((WattHours::from_watt_hours(1_023), ReadingContext::Periodic)),
            ..Sample::default()
        };
        let measured = ONE.measurement(&sample, at(60), Some(before)).unwrap();
        assert_eq!((measured.taken_at, measured.current.l1), (at(0), Some(Amperes::from_amperes(6))));
        assert_eq!(THREE.measurement(&sample, at(60), Some(before)), None);
        assert_eq!(ONE.measurement(&sample, at(3_600), Some(before)), None);
    }
}
