//! How long an EV stays and what it takes, by its account's history and what its driver told.
//!
//! A mean of what was seen, in four steps from the general to the special, each pulled to the one before as if that had been
//! seen [`PULL`] times: all stays, those that begin at such a time, the account's, the account's at such a time. What a driver
//! tells is a hint: it is scaled by what the account's (or everybody's) hints were worth before, and weighed against the history
//! by how far off each of the two has been.

use std::collections::BTreeMap;

use charging::plan::Wish;
use units::civil::Zone;
use units::{AccountId, TimeSpan, Timestamp, WattHours};

use super::Track;
use crate::number::{hours, kilowatt_hours, round};

/// How many stays the more general mean counts for.
const PULL: f64 = 3.0;
/// What was seen counts less by this factor with each stay of its kind.
const KEPT: f64 = 0.98;
/// Drivers take so much of what they ask for, where nothing is known of them: of requests recorded at workplaces.
const TAKEN_OF_TOLD: f64 = 0.54;
/// And stay so much longer than they told, h.
const LONGER_THAN_TOLD: f64 = 0.7;
/// No stay counts for longer, h: a car left for a week says little of the next evening.
const STAY_MOST: f64 = 48.0;

/// A stay that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// When it began.
    pub arrived: Timestamp,
    /// When it ended; after it began.
    pub departed: Timestamp,
    /// What the EV took; 0 Wh or more.
    pub energy: WattHours,
    /// What its driver told.
    pub told: Wish,
}

/// What is expected of a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedStay {
    /// When it ends; rounded to 1 ms.
    pub departs_at: Timestamp,
    /// By how much that was off lately, as a mean.
    pub departure_error: TimeSpan,
    /// What the EV takes in all; rounded to 1 mWh.
    pub energy: WattHours,
    /// By how much that was off lately, as a mean.
    pub energy_error: WattHours,
}

/// A forecast of stays.
#[derive(Debug, Clone)]
pub struct StayForecast {
    zone: Zone,
    all: Known,
    by_account: BTreeMap<AccountId, Known>,
    energy: Track,
    stay: Track,
}

/// What is known of stays of one kind.
#[derive(Debug, Clone, Default)]
struct Known {
    whole: [Mean; 2],
    by_time: BTreeMap<u8, [Mean; 2]>,
    /// What hints were worth: energy taken of energy told, hours stayed beyond those told.
    hints: [Mean; 2],
    /// By how much history, and hints, were off: energy, then stay.
    off: [[Mean; 2]; 2],
}

/// A mean in which the newest count most.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    weight: f64,
    sum: f64,
}

impl Mean {
    fn note(&mut self, value: f64) {
        self.weight = self.weight * KEPT + 1.0;
        self.sum = self.sum * KEPT + value;
    }

    /// Pulled to `general`, which is what holds where nothing was seen.
    fn pulled_to(&self, general: f64) -> f64 {
        (self.sum + PULL * general) / (self.weight + PULL)
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

impl StayForecast {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            all: Known::default(),
            by_account: BTreeMap::new(),
            energy: Track::default(),
            stay: Track::default(),
        }
    }

    /// Learns a stay that is over, of an account where it is known whose. One that ends before it began, or took less than
    /// nothing, says nothing.
    pub fn learn(&mut self, account: Option<&AccountId>, stay: &Stay) {
        let stayed = hours(stay.departed.since(stay.arrived));
        let energy = kilowatt_hours(stay.energy);
        if stayed <= 0.0 || energy < 0.0 {
            return;
        }
        let values = [energy, stayed.min(STAY_MOST)];
        let time = self.time_of(stay.arrived);
        if let Some(expected) = self.likely(account, stay.arrived, &stay.told) {
            for (what, track) in [&mut self.energy, &mut self.stay].into_iter().enumerate() {
                if let Some(naive) = self.all.whole[what].value() {
                    track.note(values[what], expected[what].0, naive);
                }
            }
        }
        let by_history = self.by_history(account, time);
        let by_hints = self.by_hints(account, stay.arrived, &stay.told);
        let own = account.map(|account| self.by_account.entry(account.clone()).or_default());
        for known in own.into_iter().chain([&mut self.all]) {
            let at_time = known.by_time.entry(time).or_default();
            for what in 0..2 {
                known.whole[what].note(values[what]);
                at_time[what].note(values[what]);
                let guesses = [by_history.map(|guess| guess[what]), by_hints[what]];
                for (off, guess) in known.off[what].iter_mut().zip(guesses) {
                    guess.into_iter().for_each(|guess| off.note((guess - values[what]).abs()));
                }
            }
            if let Some(told) = stay.told.wanted.map(kilowatt_hours).filter(|told| *told > 0.0) {
                known.hints[0].note(energy / told);
            }
            if let Some(told) = stay.told.departs_at {
                let longer = hours(stay.departed.since(told));
                known.hints[1].note(longer.clamp(-STAY_MOST, STAY_MOST));
            }
        }
    }

    /// What is expected of a stay that began at `arrived`, of an account where it is known whose; none before any stay was
    /// learned.
    #[must_use]
    pub fn expected(
        &self,
        account: Option<&AccountId>,
        arrived: Timestamp,
        told: &Wish,
    ) -> Option<ExpectedStay> {
        let [(energy, energy_off), (stays, stays_off)] = self.likely(account, arrived, told)?;
        let span = |hours: f64| TimeSpan::from_milliseconds(round(hours * 3.6e6));
        let watt_hours = |kilowatt_hours: f64| WattHours::from_milliwatt_hours(round(kilowatt_hours * 1e6));
        Some(ExpectedStay {
            departs_at: arrived + span(stays),
            departure_error: span(stays_off),
            energy: watt_hours(energy),
            energy_error: watt_hours(energy_off),
        })
    }

    /// How far off energies were, beside the mean of all that was seen before; in kWh.
    #[must_use]
    pub const fn energy_track(&self) -> &Track {
        &self.energy
    }

    /// The same for stays, in hours.
    #[must_use]
    pub const fn stay_track(&self) -> &Track {
        &self.stay
    }

    /// Energy and stay, each with what it was off by lately.
    fn likely(
        &self,
        account: Option<&AccountId>,
        arrived: Timestamp,
        told: &Wish,
    ) -> Option<[(f64, f64); 2]> {
        let by_history = self.by_history(account, self.time_of(arrived))?;
        let by_hints = self.by_hints(account, arrived, told);
        let own = account.and_then(|account| self.by_account.get(account));
        let weighed = |what: usize| {
            let off = |way: usize| {
                let general = self.all.off[what][way].value().unwrap_or(by_history[what]);
                own.map_or(general, |own| own.off[what][way].pulled_to(general))
            };
            match by_hints[what] {
                None => (by_history[what], off(0)),
                Some(hint) => {
                    // As the inverse squares of what each is off by.
                    let [history, hints] = [off(0).max(1e-3).powi(-2), off(1).max(1e-3).powi(-2)];
                    let guess = (by_history[what] * history + hint * hints) / (history + hints);
                    (guess, off(0).min(off(1)))
                }
            }
        };
        Some([0, 1].map(weighed))
    }

    fn by_history(&self, account: Option<&AccountId>, time: u8) -> Option<[f64; 2]> {
        let own = account.and_then(|account| self.by_account.get(account));
        let of = |what: usize| {
            let mut mean = self.all.whole[what].value()?;
            for known in [Some(&self.all), own].into_iter().flatten() {
                mean = known.whole[what].pulled_to(mean);
                mean = known.by_time.get(&time).map_or(mean, |at_time| at_time[what].pulled_to(mean));
            }
            Some(mean)
        };
        Some([of(0)?, of(1)?])
    }

    fn by_hints(&self, account: Option<&AccountId>, arrived: Timestamp, told: &Wish) -> [Option<f64>; 2] {
        let own = account.and_then(|account| self.by_account.get(account));
        let worth = |what: usize, untold: f64| {
            let general = self.all.hints[what].pulled_to(untold);
            own.map_or(general, |own| own.hints[what].pulled_to(general))
        };
        let energy = told.wanted.map(|wanted| kilowatt_hours(wanted) * worth(0, TAKEN_OF_TOLD));
        let stay = told.departs_at.map(|at| hours(at.since(arrived)) + worth(1, LONGER_THAN_TOLD));
        [energy, stay.map(|stays| stays.clamp(0.0, STAY_MOST))]
    }

    /// The quarter of the day, on workdays and on others.
    fn time_of(&self, at: Timestamp) -> u8 {
        let civil = self.zone.civil(at);
        let quarter = u8::try_from(civil.hour / 6).unwrap_or(0);
        if civil.weekday < 5 { quarter } else { 4 + quarter }
    }
}
