//! What a meter said at one instant, in our units and as it was said: nothing is judged yet.

use units::{Amperes, PerPhase, Phase, Volts, WattHours, Watts};

/// Figures of one instant; what the meter does not tell is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Current per phase. Most meters tell its size only.
    pub current: PerPhase<Option<Amperes>>,
    /// Voltage per phase, to neutral.
    pub voltage: PerPhase<Option<Volts>>,
    /// Active power per phase, with the meter's own sign.
    pub power: PerPhase<Option<Watts>>,
    /// Active power of all phases together, with the meter's own sign.
    pub power_total: Option<Watts>,
    /// The register of imported energy.
    pub energy: Option<WattHours>,
}

/// Which figure something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Current of a phase.
    Current(Phase),
    /// Voltage of a phase to neutral.
    Voltage(Phase),
    /// Active power of a phase.
    Power(Phase),
    /// Active power of all phases.
    PowerTotal,
    /// The register of imported energy.
    Energy,
}

impl Figures {
    /// Takes a figure in: `thousandths` of A, V, W or Wh.
    pub fn set(&mut self, figure: Figure, thousandths: i64) {
        match figure {
            Figure::Current(phase) => self.current[phase] = Some(Amperes::from_milliamperes(thousandths)),
            Figure::Voltage(phase) => self.voltage[phase] = Some(Volts::from_millivolts(thousandths)),
            Figure::Power(phase) => self.power[phase] = Some(Watts::from_milliwatts(thousandths)),
            Figure::PowerTotal => self.power_total = Some(Watts::from_milliwatts(thousandths)),
            Figure::Energy => self.energy = Some(WattHours::from_milliwatt_hours(thousandths)),
        }
    }
}

/// Beyond this no figure is kept: sums and products of figures must not overflow. It is 10 GA, 10 GW, 10 TWh in mWh.
pub(crate) const THOUSANDTHS_MAX: i64 = 10_000_000_000_000_000;
