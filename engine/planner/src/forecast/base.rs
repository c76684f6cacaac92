//! What flows at a place beside EVs: a season and what is off it lately.
//!
//! ```text
//! y_t = x_t · β + d_t                         x_t: 1, harmonics of the day; the same again for Saturdays and Sundays
//! β   = argmin Σ_s γ^(t−s) (y_s − x_s · β)² + β' Λ β          least squares, half forgotten after four weeks
//! d_(t+k) ≈ a_k d_t + b_k m_t                 m_t: mean of d over about a day; a_k, b_k by least squares for each lead k
//! band: 1.28 standard deviations of what that was off by at lead k: nine in ten values lie below its upper end
//! ```

use std::collections::VecDeque;

use nalgebra::{DMatrix, DVector, Matrix2, Vector2};
use units::civil::Zone;
use units::{Amperes, TimeSpan, Timestamp};

use super::Track;
use crate::number::{amperes, float, round};

/// Waves of the day that the season is made of: down to two hours and a half.
const HARMONICS: usize = 10;
/// A constant, and each wave twice.
const SHAPE: usize = 1 + 2 * HARMONICS;
/// Workdays; what Saturdays differ by; what Sundays differ by.
const COLUMNS: usize = 3 * SHAPE;
/// After so long what was seen counts half.
const HALF_LIFE: TimeSpan = TimeSpan::from_hours(28 * 24);
/// Over about so long the mean of what is off the season is taken.
const LATELY: TimeSpan = TimeSpan::from_hours(24);
/// The leads for which what is off is followed; between them the next longer one counts.
const LEADS: [TimeSpan; 7] = [
    TimeSpan::from_minutes(15),
    TimeSpan::from_hours(1),
    TimeSpan::from_hours(2),
    TimeSpan::from_hours(4),
    TimeSpan::from_hours(8),
    TimeSpan::from_hours(16),
    TimeSpan::from_hours(24),
];
/// The season is solved for anew after so many values.
const SOLVED_EVERY: u32 = 24;
/// So many errors are seen before they bound what is to come.
const BAND_AFTER: f64 = 20.0;
/// Nine in ten values of a normal distribution lie below the mean and so many standard deviations.
const NINE_IN_TEN: f64 = 1.28;

/// What is expected in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Most likely; rounded to 1 mA.
    pub likely: Amperes,
    /// Nine in ten values are not above; rounded up to 1 mA.
    pub high: Amperes,
}

/// A forecast of the mean current of slots.
#[derive(Debug, Clone)]
pub struct BaseForecast {
    zone: Zone,
    slot: TimeSpan,
    normal: DMatrix<f64>,
    target: DVector<f64>,
    season: DVector<f64>,
    is_solved: bool,
    learned: u32,
    /// What was off the season, newest last: slot, how much, and its mean lately.
    off: VecDeque<(i64, f64, f64)>,
    leads: Vec<Lead>,
    /// Values of the last week by slot, for the naive forecast.
    week: VecDeque<(i64, f64)>,
    /// What was forecast a day ahead, and is not known yet.
    issued: VecDeque<(i64, f64)>,
    track: Track,
    /// The lowest and the highest value ever seen: nothing is expected beyond.
    seen: Option<(f64, f64)>,
}

/// How what is off the season goes on after a lead.
#[derive(Debug, Clone)]
struct Lead {
    slots: i64,
    normal: Matrix2<f64>,
    target: Vector2<f64>,
    weight: f64,
    squares: f64,
}

impl BaseForecast {
    /// One that has seen nothing, for slots of length `slot`; above 0 s, at most a day.
    ///
    /// # Panics
    ///
    /// Where the slot is not from 1 ms to 24 h.
    #[must_use]
    pub fn new(zone: Zone, slot: TimeSpan) -> Self {
        let day = TimeSpan::from_hours(24);
        assert!(slot > TimeSpan::ZERO && slot <= day, "a slot of {slot} is not from 1 ms to 24 h");
        let mut leads: Vec<i64> =
            LEADS.iter().map(|lead| (lead.milliseconds() / slot.milliseconds()).max(1)).collect();
        leads.dedup();
        Self {
            zone,
            slot,
            normal: DMatrix::zeros(COLUMNS, COLUMNS),
            target: DVector::zeros(COLUMNS),
            season: DVector::zeros(COLUMNS),
            is_solved: false,
            learned: 0,
            off: VecDeque::new(),
            leads: leads.into_iter().map(Lead::new).collect(),
            week: VecDeque::new(),
            issued: VecDeque::new(),
            track: Track::default(),
            seen: None,
        }
    }

    /// Learns the mean current of the slot that holds `at`. A slot that is not after the last one learned says nothing.
    pub fn learn(&mut self, at: Timestamp, current: Amperes) {
        let (slot, value) = (self.slot_of(at), amperes(current));
        let last = self.off.back().map(|&(last, _, _)| last);
        if last.is_some_and(|last| slot <= last) {
            return;
        }
        self.hold_against(slot, value);
        self.seen = Some(self.seen.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        let shape = self.shape(slot);
        let off = if self.is_solved { value - self.season.dot(&shape) } else { 0.0 };
        self.follow(slot, off);
        let kept = 0.5_f64.powf(self.fraction(HALF_LIFE, slot - last.unwrap_or(slot - 1)));
        self.normal *= kept;
        self.target *= kept;
        self.normal.ger(1.0, &shape, &shape, 1.0);
        self.target.axpy(value, &shape, 1.0);
        self.learned += 1;
        if self.learned.is_multiple_of(SOLVED_EVERY) {
            self.solve();
        }
        self.week.push_back((slot, value));
        self.issue(slot);
    }

    /// What is expected of `slots` slots from the one that holds `from` on; none before enough was seen: about a day of quarter
    /// hours.
    #[must_use]
    pub fn ahead(&self, from: Timestamp, slots: usize) -> Option<Vec<Expected>> {
        let first = self.slot_of(from);
        let slots = i64::try_from(slots).unwrap_or(i64::MAX);
        self.is_solved.then(|| (first..first.saturating_add(slots)).map(|slot| self.expected(slot)).collect())
    }

    /// How far off it was a day ahead, beside the value of a week before; in amperes.
    #[must_use]
    pub const fn track(&self) -> &Track {
        &self.track
    }

    fn expected(&self, slot: i64) -> Expected {
        let (likely, deviation) = self.likely(slot);
        let thousandths = |current: f64| Amperes::from_milliamperes(round(current));
        Expected {
            likely: thousandths(likely * 1e3),
            high: thousandths(((likely + NINE_IN_TEN * deviation) * 1e3).ceil()),
        }
    }

    /// What is likely, and the standard deviation of what that is off by.
    fn likely(&self, slot: i64) -> (f64, f64) {
        let (lowest, highest) = self.seen.unwrap_or((0.0, 0.0));
        let season = self.season.dot(&self.shape(slot)).clamp(lowest, highest);
        let Some(&(last, off, mean)) = self.off.back() else { return (season, 0.0) };
        let ahead = slot - last;
        let lead = self.leads.iter().find(|lead| lead.slots >= ahead).or(self.leads.last());
        match lead {
            Some(lead) => ((season + lead.goes_on(off, mean)).clamp(lowest, highest), lead.deviation()),
            None => (season, 0.0),
        }
    }

    /// What was forecast for the slot, against what came and what came a week before.
    fn hold_against(&mut self, slot: i64, value: f64) {
        let week = self.slots_in(TimeSpan::from_hours(7 * 24));
        while self.issued.front().is_some_and(|&(of, _)| of < slot) {
            self.issued.pop_front();
        }
        while self.week.front().is_some_and(|&(of, _)| of < slot - week) {
            self.week.pop_front();
        }
        let own = self.issued.front().filter(|&&(of, _)| of == slot);
        let naive = self.week.front().filter(|&&(of, _)| of == slot - week);
        if let (Some(&(_, own)), Some(&(_, naive))) = (own, naive) {
            self.track.note(value, own, naive);
        }
    }

    fn issue(&mut self, slot: i64) {
        if self.is_solved {
            let of = slot + self.slots_in(TimeSpan::from_hours(24));
            let (likely, _) = self.likely(of);
            self.issued.push_back((of, likely));
        }
    }

    /// Learns how what is off the season goes on.
    fn follow(&mut self, slot: i64, off: f64) {
        if !self.is_solved {
            self.off.clear();
        }
        let kept = 0.5_f64.powf(self.fraction(HALF_LIFE, 1));
        for lead in &mut self.leads {
            let before = self.off.iter().find(|&&(of, _, _)| of == slot - lead.slots);
            if let Some(&(_, was, mean)) = before {
                lead.learn(off, was, mean, kept);
            }
        }
        let (mean, gap) = self.off.back().map_or((off, 1), |&(last, _, mean)| (mean, slot - last));
        let stays = (-self.fraction(LATELY, gap)).exp();
        self.off.push_back((slot, off, mean * stays + off * (1.0 - stays)));
        let longest = self.leads.last().map_or(1, |lead| lead.slots);
        while self.off.front().is_some_and(|&(of, _, _)| of < slot - longest) {
            self.off.pop_front();
        }
    }

    /// What Saturdays and Sundays differ by, and short waves, are held small where little was seen.
    fn solve(&mut self) {
        let mut normal = self.normal.clone();
        for column in 0..COLUMNS {
            let wave = (column % SHAPE).div_ceil(2);
            let held = match (column / SHAPE, wave) {
                (0, 0) => 1e-6,
                (0, wave) => 0.2 * float(i64::try_from(wave).unwrap_or(1)),
                (_, 0) => 4.0,
                (_, wave) => 2.0 + float(i64::try_from(wave).unwrap_or(1)),
            };
            normal[(column, column)] += held;
        }
        // It is positive definite; where rounding says otherwise, the season stays what it was.
        if let Some(factors) = normal.cholesky() {
            self.season = factors.solve(&self.target);
            self.is_solved = true;
        }
    }

    fn shape(&self, slot: i64) -> DVector<f64> {
        let at = Timestamp::EPOCH + self.slot * slot;
        let civil = self.zone.civil(at);
        let minutes = float(i64::from(civil.hour) * 60 + i64::from(civil.minute));
        let turn = std::f64::consts::TAU * minutes / (24.0 * 60.0);
        let mut shape = DVector::zeros(COLUMNS);
        let mut put = |first: usize| {
            shape[first] = 1.0;
            for wave in 1..=HARMONICS {
                let angle = turn * float(i64::try_from(wave).unwrap_or(1));
                shape[first + 2 * wave - 1] = angle.cos();
                shape[first + 2 * wave] = angle.sin();
            }
        };
        put(0);
        match civil.weekday {
            5 => put(SHAPE),
            6 => put(2 * SHAPE),
            _ => {}
        }
        shape
    }

    fn slot_of(&self, at: Timestamp) -> i64 {
        at.since(Timestamp::EPOCH).milliseconds().div_euclid(self.slot.milliseconds())
    }

    fn slots_in(&self, span: TimeSpan) -> i64 {
        span.milliseconds() / self.slot.milliseconds()
    }

    /// So many slots, in spans.
    fn fraction(&self, span: TimeSpan, slots: i64) -> f64 {
        float(self.slot.milliseconds()) * float(slots) / float(span.milliseconds())
    }
}

impl Lead {
    fn new(slots: i64) -> Self {
        Self { slots, normal: Matrix2::zeros(), target: Vector2::zeros(), weight: 0.0, squares: 0.0 }
    }

    fn learn(&mut self, off: f64, was: f64, mean: f64, kept: f64) {
        let missed = off - self.goes_on(was, mean);
        self.squares = self.squares * kept + missed * missed;
        self.weight = self.weight * kept + 1.0;
        let seen = Vector2::new(was, mean);
        self.normal = self.normal * kept + seen * seen.transpose();
        self.target = self.target * kept + seen * off;
    }

    /// What is off after this lead, where it is `off` now and was `mean` lately.
    fn goes_on(&self, off: f64, mean: f64) -> f64 {
        if self.weight < BAND_AFTER {
            return 0.0;
        }
        let held = self.normal + Matrix2::identity() * (1e-6 + self.normal.trace() * 1e-3);
        held.cholesky().map_or(0.0, |factors| factors.solve(&self.target).dot(&Vector2::new(off, mean)))
    }

    fn deviation(&self) -> f64 {
        if self.weight < 1.0 { 0.0 } else { (self.squares / self.weight).sqrt() }
    }
}
