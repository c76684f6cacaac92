//! What is expected of one site: base current of each row, as seen in the situations that plans are asked for in.

use charging::site::Situation;
use units::civil::Zone;
use units::{Amperes, TimeSpan, Timestamp};

use super::base::{BaseForecast, Expected};
use crate::problem::PlanProblem;

/// A slot of every plan.
const SLOT: TimeSpan = TimeSpan::from_minutes(15);
/// Slots that differ by less are one in a program.
const WHOLE: Amperes = Amperes::from_amperes(1);
/// A plan goes by the forecast once that was held against so many slots: a day of them.
const TRUSTED_AFTER: u64 = 96;

/// A forecast of the base current of each row of a site.
#[derive(Debug, Clone)]
pub struct SiteForecast {
    zone: Zone,
    rows: Vec<(String, BaseForecast)>,
}

impl SiteForecast {
    /// One that has seen nothing.
    #[must_use]
    pub const fn new(zone: Zone) -> Self {
        Self { zone, rows: Vec::new() }
    }

    /// Learns the base currents of a situation: they stand for the slot that it is in. Where the site has other rows than
    /// before, all begins anew.
    pub fn learn(&mut self, situation: &Situation) {
        let names = || situation.headroom.iter().map(|(name, _)| name);
        if !self.rows.iter().map(|(name, _)| name).eq(names()) {
            let row = |name: &String| (name.clone(), BaseForecast::new(self.zone.clone(), SLOT));
            self.rows = names().map(row).collect();
        }
        for ((_, row), &base) in self.rows.iter_mut().zip(&situation.bases) {
            row.learn(situation.now, base);
        }
    }

    /// The same problem where base load is as expected, no longer what it is now: from the second slot on each row has
    /// less or more headroom, by what nine in ten values stay below. Rows whose forecast was not yet held
    /// against a day of slots, or was worse than the value of a week before, stay as they are.
    #[must_use]
    pub fn applied_to(&self, mut problem: PlanProblem, situation: &Situation) -> PlanProblem {
        for (((_, forecast), row), &base) in self.rows.iter().zip(&mut problem.rows).zip(&situation.bases) {
            if let Some(expected) = trusted(forecast, &problem.starts_at, problem.slots) {
                // The first slot is known better than it is expected.
                for (headroom, expected) in row.headroom.iter_mut().zip(expected).skip(1) {
                    *headroom = *headroom + base - expected.high.ceil_to(WHOLE);
                }
            }
        }
        problem
    }

    /// How far off each row's forecast was, in the order of rows.
    pub fn errors(&self) -> impl Iterator<Item = RowError> {
        self.rows.iter().map(|(name, row)| RowError {
            row: name.clone(),
            slots: row.track().count(),
            off_by: Amperes::from_milliamperes(row.track().mean_thousandths()),
            per_mille_of_naive: row.track().per_mille_of_naive(),
        })
    }
}

/// How far off the forecast of a row was a day ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The row, for people.
    pub row: String,
    /// In how many slots it was held against what came and against the value of a week before.
    pub slots: u64,
    /// Its mean absolute error, rounded up.
    pub off_by: Amperes,
    /// The same in thousandths of that of the value of a week before; none where nothing was compared yet.
    pub per_mille_of_naive: Option<i64>,
}

fn trusted(forecast: &BaseForecast, from: &Timestamp, slots: usize) -> Option<Vec<Expected>> {
    let track = forecast.track();
    let is_trusted = track.count() >= TRUSTED_AFTER && track.per_mille_of_naive()? < 1_000;
    is_trusted.then(|| forecast.ahead(*from, slots)).flatten()
}
