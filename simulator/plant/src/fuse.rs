//! Fuses and breakers as time–current integrators: would this current have tripped it by now?
//!
//! A characteristic gives, by multiple of the rated current, the *earliest* time in which a device within its standard
//! may trip, so that a run without a trip is safe with any device on the market. Between the points the line is
//! straight in logarithms. The integrator adds `span / trip_time(current)`; at 1 it trips. Below the non-tripping
//! current it cools by half in [`COOLING_HALF_TIME`].

use serde::{Deserialize, Serialize};
use units::{Amperes, TimeSpan, Timestamp};

use crate::number::float;

/// In which the accumulated heat halves while the current is below the rating: ten minutes, a cautious figure for
/// fuses of 16 to 400 A in a closed board.
pub const COOLING_HALF_TIME: TimeSpan = TimeSpan::from_minutes(10);

/// What protects a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Characteristic {
    /// A gG fuse link by IEC 60269-1: conventional non-fusing current 1.25 In (table 2; times 1 h up to 63 A, 2 h up
    /// to 160 A, 3 h up to 400 A, 4 h above), and the gates Imin(10 s) and Imin(0.1 s) of table 3.
    Gg,
    /// A miniature circuit breaker of type B by IEC 60898-1: 1.13 In never within 1 h (2 h above 63 A), 2.55 In not
    /// within 1 s, 3 In at once (0.1 s).
    B,
    /// The same of type C: 5 In at once.
    C,
}

/// Rated current (A), Imin(10 s) (A), Imin(0.1 s) (A): the lower gates of table 3 of IEC 60269-1 for gG.
const GG_GATES: [(i64, i64, i64); 15] = [
    (16, 33, 85),
    (20, 42, 110),
    (25, 52, 150),
    (32, 75, 200),
    (40, 95, 260),
    (50, 125, 350),
    (63, 160, 450),
    (80, 215, 610),
    (100, 290, 820),
    (125, 355, 1_100),
    (160, 460, 1_450),
    (200, 610, 1_910),
    (250, 750, 2_590),
    (315, 1_050, 3_420),
    (400, 1_420, 4_500),
];

/// A fuse or breaker on one conductor.
#[derive(Debug, Clone, PartialEq)]
pub struct Fuse {
    rated: Amperes,
    /// (current in mA, earliest seconds), rising currents, falling times; the first is the non-tripping current.
    points: [(f64, f64); 3],
    heat: f64,
    current: Amperes,
    now: Timestamp,
    tripped_at: Option<Timestamp>,
}

impl Fuse {
    /// A cold fuse without current.
    ///
    /// # Panics
    ///
    /// Where `rated` is not positive.
    #[must_use]
    pub fn new(characteristic: Characteristic, rated: Amperes, now: Timestamp) -> Self {
        assert!(rated > Amperes::ZERO, "a fuse needs a positive rating");
        let points = points(characteristic, rated);
        Self { rated, points, heat: 0.0, current: Amperes::ZERO, now, tripped_at: None }
    }

    /// From `now` on this current flows; what flowed before is added up. The sign does not matter.
    pub fn flow(&mut self, now: Timestamp, current: Amperes) {
        self.advance(now);
        self.current = current.magnitude();
    }

    /// Adds up what flows until `now`.
    pub fn advance(&mut self, now: Timestamp) {
        let span = now.since(self.now);
        if span <= TimeSpan::ZERO {
            return;
        }
        let seconds = float(span.milliseconds()) / 1_000.0;
        match self.trip_time_seconds(self.current) {
            Some(trip_time) => {
                let until_trip = (1.0 - self.heat) * trip_time;
                if self.tripped_at.is_none() && until_trip <= seconds {
                    let milliseconds = crate::number::ceil(until_trip.max(0.0) * 1_000.0);
                    self.tripped_at = Some(self.now + TimeSpan::from_milliseconds(milliseconds));
                }
                self.heat = (self.heat + seconds / trip_time).min(1.0);
            }
            None if self.current < self.rated => {
                let half_time = float(COOLING_HALF_TIME.milliseconds()) / 1_000.0;
                self.heat *= (-seconds / half_time).exp2();
            }
            // Between the rating and the non-tripping current it neither heats up to a trip nor cools.
            None => {}
        }
        self.now = now;
    }

    /// When it tripped, or would have: the integrator goes on counting nothing after.
    #[must_use]
    pub const fn tripped_at(&self) -> Option<Timestamp> {
        self.tripped_at
    }

    /// The share of the way to a trip, 0 to 1.
    #[must_use]
    pub const fn heat(&self) -> f64 {
        self.heat
    }

    /// The earliest time in which a cold device may trip at this current; none up to the non-tripping current.
    #[must_use]
    pub fn trip_time(&self, current: Amperes) -> Option<TimeSpan> {
        let seconds = self.trip_time_seconds(current)?;
        Some(TimeSpan::from_milliseconds(crate::number::floor(seconds * 1_000.0)))
    }

    fn trip_time_seconds(&self, current: Amperes) -> Option<f64> {
        let current = float(current.magnitude().milliamperes());
        let [first, middle, last] = self.points;
        if current <= first.0 {
            None
        } else if current <= middle.0 {
            Some(log_line(first, middle, current))
        } else if current <= last.0 {
            Some(log_line(middle, last, current))
        } else {
            Some(last.1)
        }
    }
}

fn log_line(from: (f64, f64), to: (f64, f64), at: f64) -> f64 {
    let share = (at / from.0).ln() / (to.0 / from.0).ln();
    from.1 * (to.1 / from.1).powf(share)
}

fn points(characteristic: Characteristic, rated: Amperes) -> [(f64, f64); 3] {
    let rating = float(rated.milliamperes());
    match characteristic {
        Characteristic::Gg => {
            let (ten_seconds, tenth) = gg_multiples(rated);
            let hours = if rating <= 63_000.0 {
                1.0
            } else if rating <= 160_000.0 {
                2.0
            } else if rating <= 400_000.0 {
                3.0
            } else {
                4.0
            };
            [(1.25 * rating, hours * 3_600.0), (ten_seconds * rating, 10.0), (tenth * rating, 0.1)]
        }
        Characteristic::B => breaker(rating, 3.0),
        Characteristic::C => breaker(rating, 5.0),
    }
}

fn breaker(rating: f64, at_once: f64) -> [(f64, f64); 3] {
    let hours = if rating <= 63_000.0 { 1.0 } else { 2.0 };
    [(1.13 * rating, hours * 3_600.0), (2.55 * rating, 1.0), (at_once * rating, 0.1)]
}

/// The gates as multiples of the rating, from the nearest rated current of the table that is not above.
fn gg_multiples(rated: Amperes) -> (f64, f64) {
    let mut chosen = GG_GATES[0];
    for gates in GG_GATES {
        if Amperes::from_amperes(gates.0) <= rated {
            chosen = gates;
        }
    }
    (float(chosen.1) / float(chosen.0), float(chosen.2) / float(chosen.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fuse(characteristic: Characteristic, rated: i64) -> Fuse {
        Fuse::new(characteristic, Amperes::from_amperes(rated), Timestamp::EPOCH)
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_seconds(seconds)
    }

    #[test]
    fn a_gg_fuse_passes_its_gates() {
        for (rated, ten_seconds, tenth) in GG_GATES {
            let fuse = fuse(Characteristic::Gg, rated);
            assert_eq!(fuse.trip_time(Amperes::from_amperes(rated).ratio_floor(125, 100)), None);
            let at = |current| fuse.trip_time(Amperes::from_amperes(current)).unwrap().milliseconds();
            assert!((at(ten_seconds) - 10_000).abs() <= 1, "{rated} A: {} ms", at(ten_seconds));
            assert!((at(tenth) - 100).abs() <= 1, "{rated} A: {} ms", at(tenth));
        }
    }

    #[test]
    fn an_overload_of_1_45_lasts_minutes_and_one_of_2_55_may_trip_a_breaker_in_a_second() {
        let breaker = fuse(Characteristic::C, 63);
        let times =
            [145, 255].map(|percent| breaker.trip_time(Amperes::from_amperes(63).ratio_floor(percent, 100)));
        let [slow, fast] = times.map(|time| time.unwrap().milliseconds());
        assert!(slow > 4 * 60_000, "{slow} ms");
        assert!((1_000..=1_100).contains(&fast), "{fast} ms");
    }

    #[test]
    fn heat_adds_up_over_pieces_and_trips_at_the_curve() {
        let mut fuse = fuse(Characteristic::Gg, 100);
        let overload = Amperes::from_amperes(160);
        let trip = fuse.trip_time(overload).unwrap();
        assert!(trip > TimeSpan::from_minutes(5) && trip < TimeSpan::from_hours(2), "{trip}");
        let half = trip.ratio_floor(1, 2);
        fuse.flow(Timestamp::EPOCH, overload);
        fuse.flow(Timestamp::EPOCH + half, Amperes::from_amperes(110));
        assert!((fuse.heat() - 0.5).abs() < 0.001);
        let resumed = Timestamp::EPOCH + half + TimeSpan::from_hours(1);
        fuse.flow(resumed, overload);
        assert!((fuse.heat() - 0.5).abs() < 0.001, "above the rating it does not cool");
        fuse.advance(resumed + half - TimeSpan::from_seconds(1));
        assert_eq!(fuse.tripped_at(), None);
        fuse.advance(resumed + half + TimeSpan::from_seconds(1));
        let tripped = fuse.tripped_at().unwrap();
        assert!(tripped.since(resumed + half).milliseconds().abs() <= 10, "{tripped}");
    }

    #[test]
    fn it_cools_below_its_rating_and_never_trips_at_it() {
        let mut fuse = fuse(Characteristic::Gg, 63);
        fuse.flow(Timestamp::EPOCH, Amperes::from_amperes(100));
        fuse.flow(after(60), Amperes::from_amperes(30));
        let hot = fuse.heat();
        assert!(hot > 0.0);
        fuse.advance(after(60) + COOLING_HALF_TIME);
        assert!((fuse.heat() - hot / 2.0).abs() < 1e-9);
        fuse.flow(after(3_600), Amperes::from_amperes(63));
        fuse.advance(after(3_600 * 24 * 30));
        assert_eq!(fuse.tripped_at(), None);
    }
}
