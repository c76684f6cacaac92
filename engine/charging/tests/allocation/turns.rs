//! Turns over simulated days.

use charging::allocation::{
    Allocator, AmpereSeconds, Candidate, MaxMin, Problem, SLICE, WaitBound, next_turn, wait_bounds,
};
use charging::network::{Network, Supply};
use charging::sample::{self, Random};
use units::{Amperes, TimeSpan, Timestamp};

const DECISION_PERIOD: TimeSpan = TimeSpan::from_minutes(5);

#[test]
fn s7_nobody_waits_longer_than_the_bound_while_headroom_comes_and_goes() {
    let mut waited_a_slice = 0;
    for seed in 0..60 {
        let mut day = Day::new(seed);
        let mut random = Random::new(seed ^ 0x57);
        let bounds = day.bounds();
        day.run(3, |day| {
            day.problem.headroom.clone_from(&day.worst_headroom);
            for headroom in &mut day.problem.headroom {
                *headroom += Amperes::from_milliamperes(random.between(0, 9_000)) * random.between(0, 1);
            }
        });
        waited_a_slice += day.assert_waits_within(&bounds);
    }
    assert!(waited_a_slice > 100, "only {waited_a_slice} sessions ever waited a slice: nothing was tested");
}

#[test]
fn s7_the_bound_holds_while_evs_come_and_go() {
    for seed in 100..140 {
        let mut day = Day::new(seed);
        let mut random = Random::new(seed ^ 0x58);
        // The bound of the fullest moment holds at every moment.
        let bounds = day.bounds();
        let everybody = std::mem::take(&mut day.problem.sessions);
        day.run(3, |day| {
            for candidate in &everybody {
                let at = day.problem.sessions.iter().position(|session| session.key == candidate.key);
                match at {
                    Some(at) if random.chance(2) => {
                        day.problem.sessions.remove(at);
                    }
                    None if random.chance(4) => {
                        day.problem.sessions.push(arriving(candidate, day.problem.now));
                    }
                    Some(_) | None => {}
                }
            }
        });
        day.assert_waits_within(&bounds);
    }
}

#[test]
fn nobody_goes_off_within_a_slice_while_nothing_changes() {
    for seed in 200..230 {
        let mut day = Day::new(seed);
        day.run(1, |_| {});
        assert_eq!(day.went_off_within_slice, 0, "seed {seed}");
    }
}

#[test]
fn evs_that_do_not_survive_a_pause_are_not_paused_while_others_take_turns() {
    let mut kept = 0;
    for seed in 300..340 {
        let mut day = Day::new(seed);
        // One such EV per site, on from the beginning.
        let Some(first) = day.problem.sessions.first_mut() else { continue };
        first.survives_pause = false;
        first.is_on = true;
        first.on_since = Some(day.problem.now);
        first.waiting_since = None;
        let has_company_everywhere = day.problem.sessions[0]
            .loads
            .iter()
            .all(|(row, _)| day.worst_headroom[row.place()] >= Amperes::from_amperes(12));
        if !has_company_everywhere {
            continue;
        }
        let key = day.problem.sessions[0].key;
        let bounds = day.bounds();
        day.run(2, |day| {
            let keeper = day.problem.sessions.iter().find(|session| session.key == key).unwrap();
            assert!(keeper.is_on, "seed {seed}: it was paused before {}", day.problem.now);
        });
        day.assert_waits_within(&bounds);
        kept += 1;
    }
    assert!(kept > 10, "only {kept} sites had room for one that keeps its place");
}

#[test]
fn everybody_gets_about_the_same_where_all_are_equal() {
    // Seven equal EVs on one row that fits three.
    let mut day = Day::new(0);
    let candidate = day.problem.sessions[0].clone();
    let row = candidate.loads[0];
    day.problem.sessions = (0..7)
        .map(|place| Candidate {
            key: charging::network::EvseIndex::new(place),
            loads: [row].into(),
            min: Amperes::from_amperes(6),
            max: Amperes::from_amperes(16),
            weight: 1,
            ..arriving(&candidate, day.problem.now)
        })
        .collect();
    day.problem.headroom.fill(Amperes::from_amperes(20));
    day.worst_headroom.clone_from(&day.problem.headroom);
    day.received = vec![AmpereSeconds::ZERO; 7.max(day.received.len())];
    let bounds = day.bounds();
    assert_eq!(bounds[0].bound, Some(SLICE * 3));
    day.run(7, |_| {});
    day.assert_waits_within(&bounds);
    let received: Vec<i64> =
        day.received[..7].iter().map(|received| received.milliampere_seconds()).collect();
    let (least, most) = (received.iter().min().unwrap(), received.iter().max().unwrap());
    assert!(most - least <= most / 20, "{received:?} mA·s differ by more than a twentieth");
}

/// A contested site over days: every five minutes and at the beginning of each slice a decision, carried out at once.
struct Day {
    problem: Problem,
    worst_headroom: Vec<Amperes>,
    seed: u64,
    allocator: MaxMin,
    /// By EVSE.
    longest_wait: Vec<TimeSpan>,
    received: Vec<AmpereSeconds>,
    went_off_within_slice: u32,
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xda7);
        let evses = usize::try_from(random.between(6, 40)).unwrap();
        let supply = random.one_of(&[Supply::Tn400, Supply::Tn400, Supply::It230]);
        let network = sample::network(seed, evses, supply);
        let mut problem = sample::problem(seed, &network, 5);
        // Not at the beginning of a slice.
        problem.now = problem.now.floor_to(SLICE) + TimeSpan::from_minutes(random.between(1, 14));
        let worst_headroom = contested(&network, &mut random);
        problem.headroom.clone_from(&worst_headroom);
        let now = problem.now;
        for session in &mut problem.sessions {
            *session = arriving(session, now);
            session.max = session.max.max(Amperes::from_amperes(8));
            session.class = if random.chance(80) { 1 } else { 2 };
        }
        Self {
            problem,
            worst_headroom,
            seed,
            allocator: MaxMin::new(),
            longest_wait: vec![TimeSpan::ZERO; evses],
            received: vec![AmpereSeconds::ZERO; evses],
            went_off_within_slice: 0,
        }
    }

    fn bounds(&self) -> Vec<WaitBound> {
        wait_bounds(&Problem { headroom: self.worst_headroom.clone(), ..self.problem.clone() })
    }

    fn run(&mut self, days: i64, mut change: impl FnMut(&mut Self)) {
        let end = self.problem.now + TimeSpan::from_hours(24 * days);
        while self.problem.now < end {
            change(self);
            let is_beginning = self.problem.now == self.problem.now.floor_to(SLICE);
            self.decide(is_beginning);
            let next = next_turn(self.problem.now).min(self.problem.now + DECISION_PERIOD);
            self.pass(next.since(self.problem.now));
            self.problem.now = next;
        }
    }

    fn decide(&mut self, is_beginning: bool) {
        let now = self.problem.now;
        let limits = self.allocator.allocate(&self.problem).limits;
        for (session, limit) in self.problem.sessions.iter_mut().zip(limits) {
            let is_on = limit > Amperes::ZERO;
            let place = session.key.place();
            if let (Some(since), true) = (session.waiting_since, is_on) {
                self.longest_wait[place] = self.longest_wait[place].max(now.since(since));
            }
            if session.is_on && !is_on && !is_beginning {
                self.went_off_within_slice += 1;
            }
            if session.is_on != is_on {
                session.on_since = is_on.then_some(now);
                session.waiting_since = (!is_on).then_some(now);
                session.is_on = is_on;
            }
        }
    }

    /// Deficits and energy over `span` with what was decided.
    fn pass(&mut self, span: TimeSpan) {
        let fair = self.allocator.fair_shares(&self.problem);
        let limits = self.allocator.allocate(&self.problem).limits;
        for ((session, fair), limit) in self.problem.sessions.iter_mut().zip(fair).zip(limits) {
            let received = AmpereSeconds::of_floor(limit, span);
            session.deficit = session.deficit + AmpereSeconds::of_floor(fair, span) - received;
            let total = &mut self.received[session.key.place()];
            *total = *total + received;
        }
    }

    /// Counts the EVSEs where somebody waited for a slice or longer.
    fn assert_waits_within(&self, bounds: &[WaitBound]) -> usize {
        let mut waited_a_slice = 0;
        for session in &self.problem.sessions {
            let found = bounds.iter().find(|found| found.class == session.class).unwrap();
            let still = session.waiting_since.map_or(TimeSpan::ZERO, |since| self.problem.now.since(since));
            let longest = self.longest_wait[session.key.place()].max(still);
            waited_a_slice += usize::from(longest >= SLICE);
            if let Some(bound) = found.bound {
                assert!(
                    longest <= bound,
                    "seed {}: EVSE {:?} waited {longest}, longer than {bound}: {found:?}",
                    self.seed,
                    session.key
                );
            }
        }
        waited_a_slice
    }
}

/// Headroom that fits at least one minimum on each row, but seldom all of them.
fn contested(network: &Network, random: &mut Random) -> Vec<Amperes> {
    network
        .rows()
        .iter()
        .map(|row| row.limit().ratio_floor(random.between(25, 70), 100).max(Amperes::from_amperes(6)))
        .collect()
}

fn arriving(candidate: &Candidate, now: Timestamp) -> Candidate {
    Candidate {
        arrived: now,
        waiting_since: Some(now),
        deficit: AmpereSeconds::ZERO,
        is_on: false,
        on_since: None,
        survives_pause: true,
        ..candidate.clone()
    }
}
