//! A grid meter: it samples the truth by a period and tells it late, with noise, with gaps, or not at all.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use units::{Amperes, PerPhase, TimeSpan, Timestamp};

use crate::number::{float, round};

/// What a grid meter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridMeterConfig {
    /// Between samples, above 0. Default 10 s.
    pub period: TimeSpan,
    /// From sample to delivery. Default 0.5 s.
    pub delay: TimeSpan,
    /// Largest error of each value, in millionths of it; errors are uniform. Default 2 500 (0.25 %).
    pub noise_ppm: u32,
    /// Share of samples that are lost, in millionths. Default 0.
    pub drop_out_ppm: u32,
    /// The resolution of the figures, above 0. Default 0.01 A.
    pub resolution: Amperes,
}

impl Default for GridMeterConfig {
    fn default() -> Self {
        Self {
            period: TimeSpan::from_seconds(10),
            delay: TimeSpan::from_milliseconds(500),
            noise_ppm: 2_500,
            drop_out_ppm: 0,
            resolution: Amperes::from_milliamperes(10),
        }
    }
}

/// What is wrong with a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeterFault {
    /// Nothing.
    #[default]
    None,
    /// It tells nothing.
    Silent,
    /// It tells its last figures again and again, with fresh times.
    Frozen,
    /// It tells far more than any row carries: 100 kA above the truth.
    Impossible,
    /// It tells 0 A, whatever flows.
    Zero,
}

/// What a meter tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridReading {
    /// When the truth was sampled.
    pub measured_at: Timestamp,
    /// When it reaches the backend.
    pub delivered_at: Timestamp,
    /// Per phase; positive is import.
    pub current: PerPhase<Amperes>,
}

/// A grid meter.
#[derive(Debug, Clone)]
pub struct GridMeter {
    config: GridMeterConfig,
    rng: ChaCha8Rng,
    next_sample: Timestamp,
    fault: MeterFault,
    last: Option<PerPhase<Amperes>>,
    on_the_way: VecDeque<GridReading>,
}

impl GridMeter {
    /// A meter that first samples one period after `now`.
    ///
    /// # Panics
    ///
    /// Where period or resolution are not positive, or the delay is negative.
    #[must_use]
    pub fn new(config: GridMeterConfig, seed: u64, now: Timestamp) -> Self {
        assert!(config.period > TimeSpan::ZERO, "a meter's period must be positive");
        assert!(config.resolution > Amperes::ZERO, "a meter's resolution must be positive");
        assert!(config.delay >= TimeSpan::ZERO, "a meter cannot tell the future");
        Self {
            config,
            rng: ChaCha8Rng::seed_from_u64(seed),
            next_sample: now + config.period,
            fault: MeterFault::None,
            last: None,
            on_the_way: VecDeque::new(),
        }
    }

    /// Something breaks or is repaired.
    pub fn set_fault(&mut self, fault: MeterFault) {
        self.fault = fault;
    }

    /// The truth at `now`; sampled where a sample is due.
    pub fn tick(&mut self, now: Timestamp, truth: PerPhase<Amperes>) {
        if now < self.next_sample {
            return;
        }
        while self.next_sample <= now {
            self.next_sample += self.config.period;
        }
        // Chance is drawn for each sample, so that a fault does not shift the chance of later ones.
        let is_lost = self.rng.random_ratio(self.config.drop_out_ppm.min(1_000_000), 1_000_000);
        let sampled = truth.map(|current| self.sample(current));
        let current = match self.fault {
            MeterFault::Silent => return,
            MeterFault::Frozen => self.last.unwrap_or(sampled),
            MeterFault::Impossible => sampled.map(|current| current + Amperes::from_amperes(100_000)),
            MeterFault::Zero => PerPhase::default(),
            MeterFault::None => sampled,
        };
        self.last = Some(current);
        if !is_lost {
            let delivered_at = now + self.config.delay;
            self.on_the_way.push_back(GridReading { measured_at: now, delivered_at, current });
        }
    }

    /// The next reading that has arrived by `now`.
    pub fn poll_reading(&mut self, now: Timestamp) -> Option<GridReading> {
        self.on_the_way.pop_front_if(|reading| reading.delivered_at <= now)
    }

    /// When [`Self::tick`] or [`Self::poll_reading`] is next wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        self.on_the_way.front().map_or(self.next_sample, |reading| reading.delivered_at.min(self.next_sample))
    }

    /// When the truth is next sampled.
    #[must_use]
    pub const fn next_sample(&self) -> Timestamp {
        self.next_sample
    }

    fn sample(&mut self, current: Amperes) -> Amperes {
        let largest = f64::from(self.config.noise_ppm) / 1_000_000.0;
        let error = 1.0 + self.rng.random_range(-1.0..=1.0) * largest;
        let resolution = float(self.config.resolution.milliamperes());
        let steps = round(float(current.milliamperes()) * error / resolution);
        self.config.resolution * steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: PerPhase<Amperes> =
        PerPhase::new(Amperes::from_amperes(20), Amperes::from_amperes(40), Amperes::from_amperes(-3));

    fn readings(config: GridMeterConfig, faults: &[(i64, MeterFault)]) -> Vec<GridReading> {
        let mut meter = GridMeter::new(config, 7, Timestamp::EPOCH);
        let mut readings = Vec::new();
        let end = Timestamp::EPOCH + TimeSpan::from_seconds(1_000);
        let mut now = meter.next_deadline();
        while now <= end {
            for (second, fault) in faults {
                if now >= Timestamp::EPOCH + TimeSpan::from_seconds(*second) {
                    meter.set_fault(*fault);
                }
            }
            let drift = Amperes::from_amperes(now.since(Timestamp::EPOCH).seconds_floor() / 10);
            meter.tick(now, TRUTH.map(|current| current + drift));
            readings.extend(std::iter::from_fn(|| meter.poll_reading(now)));
            now = meter.next_deadline();
        }
        readings
    }

    #[test]
    fn a_meter_tells_each_period_late_and_within_its_noise() {
        let readings = readings(GridMeterConfig::default(), &[]);
        assert_eq!(readings.len(), 99, "the last of 100 is still on the way");
        for (index, reading) in (1..).zip(&readings) {
            assert_eq!(reading.measured_at, Timestamp::EPOCH + TimeSpan::from_seconds(10 * index));
            assert_eq!(reading.delivered_at.since(reading.measured_at), TimeSpan::from_milliseconds(500));
            let truth = TRUTH.map(|current| current + Amperes::from_amperes(index));
            for (phase, current) in reading.current.iter() {
                let error = (*current - truth[phase]).magnitude();
                let allowed =
                    truth[phase].magnitude().ratio_ceil(2_500, 1_000_000) + Amperes::from_milliamperes(5);
                assert!(error <= allowed, "{phase}: {current} against {}", truth[phase]);
            }
        }
    }

    #[test]
    fn a_silent_meter_tells_nothing_and_a_frozen_one_the_same() {
        let config = GridMeterConfig { noise_ppm: 0, ..GridMeterConfig::default() };
        let silent = readings(config, &[(500, MeterFault::Silent)]);
        assert_eq!(silent.len(), 49);
        let frozen = readings(config, &[(500, MeterFault::Frozen)]);
        assert_eq!(frozen.len(), 99);
        assert!(frozen[49..].iter().all(|reading| reading.current == frozen[48].current));
        assert_ne!(frozen[47].current, frozen[48].current);
    }

    #[test]
    fn a_meter_may_tell_what_no_row_carries_or_nothing_at_all() {
        let config = GridMeterConfig { noise_ppm: 0, ..GridMeterConfig::default() };
        let faults = [(500, MeterFault::Impossible), (700, MeterFault::Zero), (900, MeterFault::None)];
        let told: Vec<_> = readings(config, &faults).iter().map(|reading| reading.current.l1).collect();
        assert_eq!(told[60], Amperes::from_amperes(100_020 + 61));
        assert_eq!(told[80], Amperes::ZERO);
        assert_eq!(told[95], Amperes::from_amperes(20 + 96));
    }

    #[test]
    fn drop_outs_lose_about_their_share_and_the_same_ones_by_seed() {
        let config = GridMeterConfig { drop_out_ppm: 300_000, ..GridMeterConfig::default() };
        let first = readings(config, &[]);
        assert!((55..=85).contains(&first.len()), "{}", first.len());
        assert_eq!(first, readings(config, &[]));
    }
}
