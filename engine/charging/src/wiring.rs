//! What meters tell of how EVSEs are wired: the question, and what an answer is taken for (CONTROL section 6).
//!
//! A meter's current at an instant at which the draw of every EVSE below it is known is a [`WiringSample`]. From one sample
//! to the next the meter moves with the base load and with each EVSE's own steps, on the lines that its terminals are really
//! on. Whoever answers compares them, outside of control; control takes an answer for a doubt, never for a fact: the EVSE
//! loads what it is stated to load and what it seems to load, until a person resolves it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use units::{Amperes, EvseId, MeterId, PerPhase, TimeSpan, Timestamp};

use crate::network::{EvseIndex, Wiring};

/// So many samples of a meter are kept, the newest.
const SAMPLES_KEPT: usize = 240;
/// Of samples among which no EVSE steps the first is as good as the last.
const STEP_LEAST: Amperes = Amperes::from_amperes(3);
/// Between samples further apart the base load may have become any other.
pub const SAMPLES_APART_MAX: TimeSpan = TimeSpan::from_minutes(5);

/// A meter's current, and what each EVSE below it drew at that instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiringSample {
    /// When.
    pub at: Timestamp,
    /// What the meter showed; positive is import.
    pub metered: PerPhase<Amperes>,
    /// What each EVSE drew at its own terminals; who is not named drew nothing.
    pub drawn: Vec<(EvseIndex, PerPhase<Amperes>)>,
}

impl WiringSample {
    /// What an EVSE drew at its terminals.
    #[must_use]
    pub fn drawn_by(&self, evse: EvseIndex) -> PerPhase<Amperes> {
        let found = self.drawn.iter().find(|(drawing, _)| *drawing == evse);
        found.map_or(PerPhase::splat(Amperes::ZERO), |(_, drawn)| *drawn)
    }
}

/// The question: how are the EVSEs below a meter wired?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiringQuestion {
    /// The meter.
    pub meter: MeterId,
    /// The EVSEs below it that stepped, as stated.
    pub evses: Vec<(EvseIndex, EvseId, Wiring)>,
    /// In the order of time.
    pub samples: Vec<WiringSample>,
}

/// A doubt of how an EVSE is wired, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WiringDoubt {
    /// As it was stated then.
    pub stated: Wiring,
    /// As which its steps show on the meter.
    pub seems: Wiring,
    /// Steps of the EVSE that were compared.
    pub steps: u32,
    /// At least so sure, in thousandths, whatever the base load's distribution.
    pub confidence_permille: i64,
}

/// The samples of a meter.
#[derive(Debug, Clone, Default)]
pub struct WiringSamples {
    kept: VecDeque<WiringSample>,
    /// Steps since the last question.
    steps: u32,
}

impl WiringSamples {
    /// Takes a sample.
    pub fn take(&mut self, sample: WiringSample) {
        if let Some(last) = self.kept.back() {
            if sample.at <= last.at {
                return;
            }
            let is_near = sample.at.since(last.at) <= SAMPLES_APART_MAX;
            if is_near && !has_stepped(last, &sample) {
                // The nearest before a step bounds it best.
                if self.kept.len() > 1 && self.is_between_calm() {
                    self.kept.pop_back();
                }
            } else if is_near {
                self.steps += 1;
            }
        }
        self.kept.push_back(sample);
        while self.kept.len() > SAMPLES_KEPT {
            self.kept.pop_front();
        }
    }

    /// What is asked once `steps` more were seen: the samples, which stay.
    pub fn ask_after(&mut self, steps: u32) -> Option<Vec<WiringSample>> {
        if self.steps < steps {
            return None;
        }
        self.steps = 0;
        Some(self.kept.iter().cloned().collect())
    }

    /// Whether nobody stepped between the last two samples.
    fn is_between_calm(&self) -> bool {
        let mut newest = self.kept.iter().rev();
        match (newest.next(), newest.next()) {
            (Some(last), Some(before)) => {
                !has_stepped(before, last) && last.at.since(before.at) <= SAMPLES_APART_MAX
            }
            _ => false,
        }
    }
}

/// Whether some EVSE's draw changed by a step that a meter shows.
fn has_stepped(before: &WiringSample, after: &WiringSample) -> bool {
    let both = before.drawn.iter().chain(&after.drawn);
    both.map(|(evse, _)| *evse).any(|evse| {
        let moved = after
            .drawn_by(evse)
            .zip_with(before.drawn_by(evse), |after, before| (after - before).magnitude());
        moved.highest() >= STEP_LEAST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: i64, amperes: i64) -> WiringSample {
        let drawn = PerPhase::new(Amperes::from_amperes(amperes), Amperes::ZERO, Amperes::ZERO);
        WiringSample {
            at: Timestamp::EPOCH + TimeSpan::from_seconds(seconds),
            metered: drawn,
            drawn: vec![(EvseIndex::new(0), drawn)],
        }
    }

    #[test]
    fn of_calm_samples_the_first_and_the_last_are_kept_and_a_question_waits_for_steps() {
        let mut samples = WiringSamples::default();
        for (seconds, amperes) in [(0, 0), (60, 0), (120, 0), (180, 16), (240, 16), (300, 16), (360, 6)] {
            samples.take(sample(seconds, amperes));
        }
        // What comes late is late.
        samples.take(sample(200, 0));
        assert_eq!(samples.clone().ask_after(3), None);
        let asked = samples.ask_after(2).unwrap();
        let seconds: Vec<i64> = asked.iter().map(|sample| sample.at.milliseconds() / 1_000).collect();
        assert_eq!(seconds, [0, 120, 180, 300, 360]);
        assert_eq!(samples.ask_after(1), None, "the steps were asked about");
    }

    #[test]
    fn no_more_than_so_many_samples_are_kept() {
        let mut samples = WiringSamples::default();
        for number in 0..1_000 {
            samples.take(sample(number * 60, number % 2 * 10));
        }
        assert_eq!(samples.ask_after(1).unwrap().len(), SAMPLES_KEPT);
    }
}
