//! Wirings from what meters show: against the truth, against a naive reference, and against noise.

#![expect(clippy::unwrap_used, reason = "a test's own steps: what fails here fails the test")]

use charging::network::{EvseIndex, Wiring};
use charging::wiring::{WiringQuestion, WiringSample};
use planner::wirings;
use units::{Amperes, EvseId, PerPhase, Phase, TimeSpan, Timestamp};

const MINUTE: TimeSpan = TimeSpan::from_minutes(1);

#[test]
fn one_evse_on_another_line_is_found_after_three_steps() {
    let mut hall = Hall::new(&[("L1", "L3")]);
    for (minute, amperes) in [(0, 0), (1, 16), (2, 6)] {
        hall.drawn(0, [amperes, 0, 0]).sample(minute);
    }
    assert_eq!(hall.found(), [""; 0], "two steps are no evidence");
    hall.drawn(0, [0, 0, 0]).sample(3);
    assert_eq!(hall.found(), ["P00/1 seems L3: 3 steps, 990 to 1000 ‰"]);
}

#[test]
fn a_rotated_evse_is_found_by_one_phase_evs_and_by_two_phase_evs() {
    let mut one = Hall::new(&[("L2L3L1", "L1L2L3"), ("L1L2L3", "L1L2L3")]);
    let mut two = one.clone();
    for minute in 0..8 {
        let amperes = if minute % 2 == 0 { 0 } else { 14 };
        one.drawn(0, [amperes, 0, 0]).sample(minute);
        two.drawn(0, [amperes, amperes, 0]).sample(minute);
    }
    assert_eq!(
        one.found(),
        ["P00/1 seems L1L2L3: 7 steps, 990 to 1000 ‰"],
        "the rest in the order of the phases"
    );
    assert_eq!(two.found(), ["P00/1 seems L1L2L3: 7 steps, 990 to 1000 ‰"]);
}

#[test]
fn three_phase_evs_load_all_lines_alike_and_say_nothing() {
    let mut hall = Hall::new(&[("L2L3L1", "L1L2L3")]);
    for minute in 0..20 {
        let amperes = if minute % 2 == 0 { 0 } else { 16 };
        hall.drawn(0, [amperes; 3]).sample(minute);
    }
    assert_eq!(hall.found(), [""; 0]);
}

#[test]
fn evses_that_only_step_together_are_not_told_apart() {
    let mut hall = Hall::new(&[("L1", "L2"), ("L2", "L1")]);
    for minute in 0..20 {
        let amperes = if minute % 2 == 0 { 0 } else { 16 };
        hall.drawn(0, [amperes, 0, 0]).drawn(1, [amperes, 0, 0]).sample(minute);
    }
    assert_eq!(hall.found(), [""; 0], "crossed or not, the meter shows the same");
}

#[test]
fn what_lies_too_far_apart_is_not_compared() {
    let mut hall = Hall::new(&[("L1", "L3")]);
    for number in 0..20 {
        let amperes = if number % 2 == 0 { 0 } else { 16 };
        hall.drawn(0, [amperes, 0, 0]).sample(number * 6);
    }
    assert_eq!(hall.found(), [""; 0]);
}

#[test]
fn between_two_lines_nothing_is_concluded() {
    let mut hall = Hall::new(&[("L1-L3", "L1-L3")]);
    for minute in 0..20 {
        hall.drawn(0, [minute % 2 * 16, 0, 0]).sample(minute);
    }
    assert_eq!(hall.found(), [""; 0]);
}

#[test]
fn no_random_site_that_is_wired_as_stated_is_doubted_whatever_its_base_load_does() {
    for seed in 0..200 {
        let hall = Hall::random(seed, 0);
        assert_eq!(hall.found(), [""; 0], "seed {seed}: Hall::random({seed}, 0)");
    }
}

#[test]
fn in_random_sites_every_doubt_is_true_most_wrong_wirings_are_found_and_a_naive_reference_agrees() {
    let (mut wrong, mut found, mut compared) = (0, 0, 0);
    for seed in 1_000..1_100 {
        let hall = Hall::random(seed, 2);
        let reproduce = format!("Hall::random({seed}, 2)");
        wrong += hall.evses.iter().filter(|evse| evse.shows_wrong(&hall.samples)).count();
        for (id, doubt) in wirings(&hall.question()) {
            let place = hall.evses.iter().position(|evse| evse.id == id).unwrap();
            let evse = &hall.evses[place];
            found += usize::from(evse.shows_wrong(&hall.samples));
            let terminals = evse.stepping_terminals(&hall.samples);
            for terminal in terminals {
                let (seems, truth) = (doubt.seems.lines()[terminal], evse.truth.lines()[terminal]);
                assert_eq!(seems, truth, "{reproduce}: terminal {terminal} of {id}, stated {}", evse.stated);
                if let Some(naive) = hall.naive(place, terminal) {
                    compared += 1;
                    assert_eq!(
                        seems, naive,
                        "{reproduce}: the naive reference of terminal {terminal} of {id}"
                    );
                }
            }
        }
    }
    assert!(wrong >= 60, "only {wrong} wrong wirings that could show");
    assert!(found * 10 >= wrong * 7, "{found} of {wrong} were found");
    assert!(compared >= 30, "the naive reference had a word in {compared} only");
    println!("{found} of {wrong} wrong wirings found, {compared} compared with the naive reference");
}

/// EVSEs below a meter, as stated and in truth.
#[derive(Clone)]
struct Hall {
    evses: Vec<RefEvse>,
    drawn: Vec<PerPhase<Amperes>>,
    base: PerPhase<Amperes>,
    samples: Vec<WiringSample>,
    dice: Dice,
}

#[derive(Clone)]
struct RefEvse {
    index: EvseIndex,
    id: EvseId,
    stated: Wiring,
    truth: Wiring,
}

impl RefEvse {
    /// Terminals that step on their own: those that always step alike load their lines alike.
    fn stepping_terminals(&self, samples: &[WiringSample]) -> Vec<usize> {
        let moves = |terminal: usize| -> Vec<i64> {
            let drawn = samples.iter().map(|sample| {
                let drawn = sample.drawn_by(self.index);
                [drawn.l1, drawn.l2, drawn.l3][terminal].milliamperes()
            });
            drawn.collect()
        };
        let wired = self.stated.lines().len();
        let steps = |of: &[i64]| of.iter().max().unwrap() - of.iter().min().unwrap() >= 3_000;
        (0..wired)
            .filter(|&terminal| {
                let own = moves(terminal);
                let alike = (0..wired).filter(|&other| other != terminal).any(|other| {
                    moves(other).iter().zip(&own).all(|(other, own)| (other - own).abs() <= 1_000)
                });
                steps(&own) && !alike
            })
            .collect()
    }

    fn shows_wrong(&self, samples: &[WiringSample]) -> bool {
        self.stepping_terminals(samples)
            .iter()
            .any(|&terminal| self.stated.lines()[terminal] != self.truth.lines()[terminal])
    }
}

impl Hall {
    /// Each EVSE with its wiring as stated and as it is.
    fn new(wirings: &[(&str, &str)]) -> Self {
        let evse = |(place, (stated, truth)): (usize, &(&str, &str))| RefEvse {
            index: EvseIndex::new(place),
            id: format!("P{place:02}/1").parse().unwrap(),
            stated: stated.parse().unwrap(),
            truth: truth.parse().unwrap(),
        };
        let evses: Vec<RefEvse> = wirings.iter().enumerate().map(evse).collect();
        Self {
            drawn: vec![PerPhase::default(); evses.len()],
            evses,
            base: PerPhase::splat(Amperes::from_amperes(10)),
            samples: Vec::new(),
            dice: Dice(0),
        }
    }

    /// Three to ten EVSEs for three hours: EVs of one, two or three phases that come, go and are told other limits; a base
    /// load with ovens, saunas and heat pumps; meters of class 1. `wrong` of the EVSEs are wired otherwise than stated.
    fn random(seed: u64, wrong: usize) -> Self {
        let mut dice = Dice(seed);
        let rotations = ["L1L2L3", "L2L3L1", "L3L1L2"];
        let singles = ["L1", "L2", "L3"];
        let count = 3 + dice.roll(8);
        let wirings: Vec<(&str, &str)> = (0..count)
            .map(|place| {
                let of = if dice.roll(3) == 0 { singles } else { rotations };
                let stated = dice.roll(3);
                let turned = if place < wrong { 1 + dice.roll(2) } else { 0 };
                (of[stated], of[(stated + turned) % 3])
            })
            .collect();
        let mut hall = Self { dice, ..Self::new(&wirings) };
        let phases: Vec<usize> = (0..count).map(|_| [1, 1, 2, 3][hall.dice.roll(4)]).collect();
        let mut appliances = [false; 9];
        for minute in 0..180 {
            for (evse, &phases) in phases.iter().enumerate() {
                if hall.dice.roll(6) > 0 {
                    continue;
                }
                let amperes = [0, 6, 8, 10, 13, 16][hall.dice.roll(6)];
                let used = phases.min(hall.evses[evse].stated.lines().len());
                let mut terminals = [0; 3];
                terminals[..used].fill(amperes);
                hall.drawn(evse, terminals);
            }
            // A kettle, an oven and a sauna's third on each line.
            for is_on in &mut appliances {
                *is_on ^= hall.dice.roll(25) == 0;
            }
            hall.base = PerPhase::from_fn(|phase| {
                let on =
                    |kind: usize, amperes| if appliances[phase.index() * 3 + kind] { amperes } else { 0 };
                let noise = i64::try_from(hall.dice.roll(1_500)).unwrap();
                Amperes::from_milliamperes(8_000 + noise + on(0, 4_000) + on(1, 9_000) + on(2, 13_000))
            });
            hall.sample(minute);
        }
        hall
    }

    fn drawn(&mut self, evse: usize, amperes: [i64; 3]) -> &mut Self {
        let [l1, l2, l3] = amperes.map(Amperes::from_amperes);
        self.drawn[evse] = PerPhase::new(l1, l2, l3);
        self
    }

    fn sample(&mut self, minute: i64) {
        let mut metered = self.base;
        for (evse, drawn) in self.evses.iter().zip(&self.drawn) {
            for (terminal, line) in Phase::ALL.into_iter().zip(evse.truth.lines()) {
                metered[*line] += drawn[terminal];
            }
        }
        // Class 1, and stations' meters of class 2.
        let mut error = |current: Amperes, permille: i64| {
            let turned = i64::try_from(self.dice.roll(2_001)).unwrap() - 1_000;
            current + current.ratio_floor(permille * turned, 1_000_000)
        };
        let metered = metered.map(|current| error(current, 10));
        let drawn = self
            .evses
            .iter()
            .zip(&self.drawn)
            .map(|(evse, drawn)| (evse.index, drawn.map(|current| error(current, 20))));
        let sample = WiringSample { at: Timestamp::EPOCH + MINUTE * minute, metered, drawn: drawn.collect() };
        self.samples.push(sample);
    }

    fn question(&self) -> WiringQuestion {
        WiringQuestion {
            meter: "hall".parse().unwrap(),
            evses: self.evses.iter().map(|evse| (evse.index, evse.id.clone(), evse.stated)).collect(),
            samples: self.samples.clone(),
        }
    }

    fn found(&self) -> Vec<String> {
        let told = wirings(&self.question()).into_iter().map(|(id, doubt)| {
            let sure = if doubt.confidence_permille >= 990 { "990 to 1000" } else { "960 to 990" };
            format!("{id} seems {}: {} steps, {sure} ‰", doubt.seems, doubt.steps)
        });
        told.collect()
    }

    /// The line of a terminal by the most naive of all rules: of the steps that nobody else made, on which line did the
    /// meter move most like it, by the median? None where there are fewer than five.
    fn naive(&self, evse: usize, terminal: usize) -> Option<Phase> {
        let moved = |place: usize, pair: &[WiringSample]| {
            let index = self.evses[place].index;
            pair[1].drawn_by(index) - pair[0].drawn_by(index)
        };
        let is_quiet = |current: Amperes| current.magnitude() < Amperes::from_milliamperes(700);
        let alone = self.samples.windows(2).filter(|pair| {
            let others = (0..self.evses.len()).filter(|other| *other != evse);
            others
                .flat_map(|other| moved(other, pair).iter().map(|(_, moved)| *moved).collect::<Vec<_>>())
                .all(is_quiet)
                && Phase::ALL.into_iter().all(|phase| {
                    let own = moved(evse, pair)[phase];
                    if phase.index() == terminal {
                        own.magnitude() >= Amperes::from_amperes(4)
                    } else {
                        is_quiet(own)
                    }
                })
        });
        let alone: Vec<&[WiringSample]> = alone.collect();
        let deviation = |line: Phase| {
            let mut of: Vec<i64> = alone
                .iter()
                .map(|pair| {
                    let own = moved(evse, pair);
                    let own = [own.l1, own.l2, own.l3][terminal];
                    (pair[1].metered[line] - pair[0].metered[line] - own).milliamperes().abs()
                })
                .collect();
            of.sort_unstable();
            of[of.len() / 2]
        };
        (alone.len() >= 5).then(|| Phase::ALL.into_iter().min_by_key(|line| deviation(*line)).unwrap())
    }
}

/// A tiny generator: splitmix64.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }
}
