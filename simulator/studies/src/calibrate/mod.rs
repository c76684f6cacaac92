//! How far the plant's generators are from what was recorded: arrivals, stays, energies, coincidence, base load.
//!
//! Start with [`calibrate`]. A [`Measure`] is one statistic of one segment, generated and real, with their distance and
//! the tolerance that is stated for it. The generators stand for segments, not for sites: recorded sites of a segment
//! lie apart from one another, and a tolerance below that would be a fit.
//!
//! Distances: Kolmogorov and Smirnov's (the largest gap between two cumulative distributions, 0 to 1), the ratio of two
//! figures (0 is equal, 0.25 a quarter more or less), or their difference in hours.

mod base;
mod coincidence;
mod people;
mod sample;

use std::fmt;

use serde::{Deserialize, Serialize};
use units::civil::Zone;
use units::{TimeSpan, Timestamp, WattHours};

pub use base::{Curve, CurveKind, Demand, Monthly};
pub use coincidence::PeakHour;
pub use people::{PublishedSessions, SOURCES, SegmentKind, Source};

/// What was recorded and published, read by the caller.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Recorded sessions, one per [`Source`].
    pub sessions: Vec<(Source, Vec<RecordedSession>)>,
    /// Quantiles of published sessions.
    pub published: Vec<PublishedSessions>,
    /// Peak hours of housing companies.
    pub peak_hours: Vec<PeakHour>,
    /// Monthly energy of flats.
    pub flats_monthly: Vec<Monthly>,
    /// Recorded or published load curves.
    pub curves: Vec<Curve>,
}

/// A recorded session without a defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedSession {
    /// Whose site.
    pub site: String,
    /// Who; empty where nobody is named.
    pub user: String,
    /// Plugged in.
    pub arrival: Timestamp,
    /// Unplugged, after the arrival.
    pub departure: Timestamp,
    /// When energy stopped flowing, where it is recorded.
    pub charge_end: Option<Timestamp>,
    /// What flowed, above 0.1 kWh.
    pub energy: WattHours,
}

/// One statistic of one segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Where people park, or what draws.
    pub segment: String,
    /// Which statistic, with its unit.
    pub statistic: String,
    /// What the generator gives.
    pub generated: f64,
    /// What was recorded.
    pub real: f64,
    /// How far the two lie apart, not negative.
    pub distance: f64,
    /// How that is measured.
    pub by: Distance,
    /// The largest distance that is good.
    pub tolerance: f64,
    /// What the real figure comes from.
    pub source: String,
}

/// How a distance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// The largest gap between two cumulative distributions; the figures beside it are the medians.
    KolmogorovSmirnov,
    /// The larger figure over the smaller one, less one.
    Ratio,
    /// The difference, in the unit of the figures.
    Difference,
    /// The mean difference over the hours of a week, relative to the mean; the figures beside it are of one hour.
    Hours,
}

impl Measure {
    /// Whether the distance is within the tolerance.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.distance <= self.tolerance
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KolmogorovSmirnov => "KS",
            Self::Ratio => "ratio",
            Self::Difference => "difference",
            Self::Hours => "hours",
        })
    }
}

/// Every statistic for which there are records, with the generators drawn by `seed`.
#[must_use]
pub fn calibrate(records: &Records, seed: u64) -> Vec<Measure> {
    let mut measures = people::measures(records, seed);
    measures.extend(coincidence::measures(&records.peak_hours, seed));
    measures.extend(base::measures(records, seed));
    measures
}

fn ratio(segment: &str, statistic: String, figures: (f64, f64), tolerance: f64, source: &str) -> Measure {
    let (generated, real) = figures;
    let (low, high) = (generated.min(real), generated.max(real));
    let distance = if high <= 0.0 { 0.0 } else { high / low.max(1e-9) - 1.0 };
    Measure {
        segment: segment.to_owned(),
        statistic,
        generated,
        real,
        distance,
        by: Distance::Ratio,
        tolerance,
        source: source.to_owned(),
    }
}

fn difference(
    segment: &str,
    statistic: String,
    figures: (f64, f64),
    tolerance: f64,
    source: &str,
) -> Measure {
    let (generated, real) = figures;
    Measure {
        segment: segment.to_owned(),
        statistic,
        generated,
        real,
        distance: (generated - real).abs(),
        by: Distance::Difference,
        tolerance,
        source: source.to_owned(),
    }
}

/// Hours after midnight on a clock.
fn clock_hours(zone: &Zone, at: Timestamp) -> f64 {
    let civil = zone.civil(at);
    f64::from(civil.hour) + f64::from(civil.minute) / 60.0
}

fn hours(span: TimeSpan) -> f64 {
    float(span.milliseconds()) / 3_600_000.0
}

fn kilowatt_hours(energy: WattHours) -> f64 {
    float(energy.milliwatt_hours()) / 1_000_000.0
}

/// Exact up to 2^53, which no span, energy or count of a record reaches.
#[expect(
    clippy::as_conversions,
    reason = "the standard library has no lossless conversion; the range is stated"
)]
fn float(count: i64) -> f64 {
    count as f64
}

fn float_of(count: usize) -> f64 {
    float(i64::try_from(count).unwrap_or(i64::MAX))
}
