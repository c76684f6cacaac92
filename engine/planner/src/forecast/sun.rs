//! What photovoltaics make of irradiance: least squares on what they made before.
//!
//! ```text
//! P = G · (a + b G + c cos θ + d sin θ)       G: global irradiance, kW/m²; θ: time of day, for where the panels look
//! ```

use nalgebra::{Matrix4, Vector4};
use units::civil::Zone;
use units::{TimeSpan, Timestamp, Watts};

use super::Track;
use crate::number::{float, kilowatts, round};

/// What was seen counts less by this factor with each value by day: half after about six weeks of quarter hours.
const KEPT: f64 = 0.9997;
/// Below this it is night, and says nothing.
const NIGHT_BELOW: i64 = 5;

/// A forecast of what photovoltaics make.
#[derive(Debug, Clone)]
pub struct SunForecast {
    zone: Zone,
    normal: Matrix4<f64>,
    target: Vector4<f64>,
    weights: Option<Vector4<f64>>,
    highest: f64,
    before: Vec<(Timestamp, f64)>,
    track: Track,
}

impl SunForecast {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            normal: Matrix4::new(
                1e-3, 0.0, 0.0, 0.0, 0.0, 1e-3, 0.0, 0.0, 0.0, 0.0, 1e-3, 0.0, 0.0, 0.0, 0.0, 1e-3,
            ),
            target: Vector4::new(0.0, 0.0, 0.0, 0.0),
            weights: None,
            highest: 0.0,
            before: Vec::new(),
            track: Track::default(),
        }
    }

    /// Learns what was made at `at` under a global irradiance of `irradiance` W/m².
    pub fn learn(&mut self, at: Timestamp, irradiance: i64, made: Watts) {
        let value = kilowatts(made);
        let day = TimeSpan::from_hours(24);
        let naive = self.before.iter().find(|(of, _)| *of == at - day).map(|&(_, value)| value);
        if let (Some(own), Some(naive)) = (self.likely(at, irradiance), naive) {
            self.track.note(value, own, naive);
        }
        self.before.retain(|(of, _)| *of > at - day);
        self.before.push((at, value));
        if irradiance < NIGHT_BELOW {
            return;
        }
        let seen = self.seen(at, irradiance);
        self.normal = self.normal * KEPT + seen * seen.transpose();
        self.target = self.target * KEPT + seen * value;
        self.highest = self.highest.max(value);
        self.weights = self.normal.cholesky().map(|factors| factors.solve(&self.target));
    }

    /// What is expected at `at` under `irradiance` W/m², rounded to 1 mW: 0 W or more, and not more than ever was made; none
    /// before anything was seen by day.
    #[must_use]
    pub fn expected(&self, at: Timestamp, irradiance: i64) -> Option<Watts> {
        self.likely(at, irradiance).map(|kilowatts| Watts::from_milliwatts(round(kilowatts * 1e6)))
    }

    /// How far off it was where irradiance was known, beside what was made a day before; in kW.
    #[must_use]
    pub const fn track(&self) -> &Track {
        &self.track
    }

    fn likely(&self, at: Timestamp, irradiance: i64) -> Option<f64> {
        let made = self.weights?.dot(&self.seen(at, irradiance));
        Some(if irradiance < NIGHT_BELOW { 0.0 } else { made.clamp(0.0, self.highest) })
    }

    fn seen(&self, at: Timestamp, irradiance: i64) -> Vector4<f64> {
        let civil = self.zone.civil(at);
        let minutes = float(i64::from(civil.hour) * 60 + i64::from(civil.minute));
        let turn = std::f64::consts::TAU * minutes / (24.0 * 60.0);
        let sun = float(irradiance) / 1e3;
        Vector4::new(1.0, sun, turn.cos(), turn.sin()) * sun
    }
}
