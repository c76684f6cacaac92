//! The control loop against a small plant of integers: random base load, EVs, delays, link losses and restarts.
//! Each run prints its seed; `CONTROL_SEED=7 cargo test -p charging --test control` repeats one.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use charging::ceiling::ExpiryTrust;
use charging::network::source::MeterSource;
use charging::network::{CircuitConfig, EvseConfig, MeterConfig, Network, SiteConfig, Supply, Wiring};
use charging::plan::{EvsePlan, Plan, Strategy};
use charging::sample::Random;
use charging::site::{
    Command, CommandKind, DispatchAnswer, EvState, EvseRecord, Habits, LimitedBy, Measurement, Site,
    SiteAlarm, SiteEvent, Ticket, Urgency,
};
use units::{Amperes, EvseId, PerPhase, Phase, TimeSpan, Timestamp, Volts};

mod calm;
mod commanded;
mod explain;
mod lines;
mod obedience;
mod phases;
mod turns;
mod wirings;

#[test]
fn s1_random_sites_stay_within_their_ratings() {
    let mut used = Vec::new();
    for seed in seeds(20) {
        let mut world = World::new(seed, Character::OBEDIENT);
        world.run(3 * 3600);
        used.extend(world.percent_used());
    }
    // Minimums of 6 A do not fill a row, and a base that jumps every few minutes is believed slowly when it falls.
    let mean = used.iter().sum::<i64>() / i64::try_from(used.len()).unwrap();
    assert!(mean >= 70, "only {mean} % of the rating used");
}

#[test]
fn s1_link_losses_and_restarts_never_let_a_station_draw_more_than_its_ceiling() {
    for seed in seeds(20) {
        let mut world =
            World::new(seed, Character { loses_links: true, restarts: true, ..Character::OBEDIENT });
        world.run(3 * 3600);
    }
}

#[test]
fn s2_a_raise_waits_for_the_shed_that_pays_for_it_to_be_proven() {
    let mut world = World::new(1, Character { reaction_seconds: 9, ..Character::OBEDIENT });
    world.run(1800);
    // Every raise was checked against the limits that stations might still hold: see `World::assert_raise_fits`.
    assert!(world.raises > 0, "the run raised nothing");
}

#[test]
fn s3_and_s4_limits_are_zero_or_the_minimum_and_fall_back_when_we_are_silent() {
    let mut world = World::new(3, Character::OBEDIENT);
    world.run(1800);
    let drawing: Amperes = world.stations.values().map(|station| station.in_force(world.now)).sum();
    assert!(drawing > Amperes::ZERO);
    world.now += TimeSpan::from_minutes(6);
    for (id, station) in &world.stations {
        assert_eq!(station.in_force(world.now), Amperes::ZERO, "{id} after six silent minutes");
    }
}

#[test]
fn s5_a_silent_meter_stops_every_raise_and_lowers_to_the_static_headroom() {
    let mut world = World::new(4, Character::OBEDIENT);
    world.run(1800);
    world.is_meter_silent = true;
    world.run(60);
    let raises = world.raises;
    world.run(600);
    assert_eq!(world.raises, raises, "raised without a meter");
    assert!(world.site.alarms().iter().any(|alarm| matches!(alarm, SiteAlarm::MeterStale { .. })));
    for phase in Phase::ALL {
        let drawn: Amperes = world.stations.values().map(|station| station.drawn(world.now)[phase]).sum();
        assert!(drawn <= Amperes::from_amperes(15), "{phase} draws {drawn} without a meter");
    }
}

#[test]
fn s6_random_plans_change_no_limit_of_safety() {
    for seed in seeds(10) {
        let mut world = World::new(seed, Character { sends_plans: true, ..Character::OBEDIENT });
        world.run(2 * 3600);
    }
}

#[test]
fn s8_a_restart_believes_no_less_than_the_stations_may_draw() {
    let mut world = World::new(6, Character::OBEDIENT);
    world.run(1800);
    let before: BTreeMap<EvseId, Amperes> = world.believed();
    world.restart();
    for (id, ceiling) in world.believed() {
        assert!(ceiling >= before[&id], "{id}: {ceiling} after the restart, {} before", before[&id]);
    }
}

/// A shed waits for no record, so that a restart may know nothing of it: what is told again could be a raise.
#[test]
fn s2_a_restart_that_forgot_the_last_sheds_raises_nothing_that_is_not_paid_for() {
    let mut forgotten = 0;
    for seed in seeds(20) {
        let mut world =
            World::new(seed, Character { forgets_sheds: true, always_plugged: true, ..Character::OBEDIENT });
        world.run(3 * 3600);
        forgotten += world.forgotten;
    }
    assert!(forgotten > 20, "only {forgotten} sheds were forgotten");
}

#[test]
fn s5_after_a_restart_no_limit_is_told_again_before_the_meter_is_fresh() {
    let mut world = World::new(7, Character { always_plugged: true, ..Character::OBEDIENT });
    world.run(1800);
    world.is_meter_silent = true;
    world.restart();
    world.log.clear();
    world.run(80);
    assert_eq!(world.limits_told(), 0, "without a meter: {:#?}", world.log);
    world.is_meter_silent = false;
    world.run(60);
    assert!(world.limits_told() > 0, "with the meter: {:#?}", world.log);
}

#[test]
fn s1_what_was_drawn_before_a_restart_makes_no_base_smaller_after_it() {
    let mut world = World::new(8, Character { always_plugged: true, ..Character::OBEDIENT });
    world.run(1800);
    world.restart();
    let twenty = Amperes::from_amperes(20);
    let current = PerPhase::splat(Some(Amperes::from_amperes(16)));
    let all_draw = |world: &mut World, taken_at| {
        for id in world.stations.keys().cloned().collect::<Vec<_>>() {
            world.apply(SiteEvent::Measured(id, Measurement { taken_at, current, offered: None }));
        }
    };
    let before = world.now - TimeSpan::from_seconds(5);
    all_draw(&mut world, before);
    let reading = PerPhase::splat(twenty);
    let meter = "grid".parse().unwrap();
    world.apply(SiteEvent::GridReading { meter, taken_at: world.now, current: reading });
    world.now += TimeSpan::from_seconds(12);
    let after = world.now;
    all_draw(&mut world, after);
    let base = world.site.circuit_views(world.now)[0].base;
    assert!(base.lowest() >= twenty, "{base}: limits may have fallen since");
}

#[test]
fn s1_beside_one_that_disobeys_the_others_are_told_only_what_it_leaves() {
    let character = Character { rating: 32, base: 5, is_unmetered: true, ..Character::OBEDIENT };
    let mut world = World::new(18, character);
    let [first, second]: [EvseId; 2] = [0, 3].map(|number| format!("CP{number:02}/1").parse().unwrap());
    for evse in [&first, &second] {
        world.plug_in(evse);
        world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    }
    world.quiet_minutes(10, 5);
    // They share 25 A. From now on one takes 16 A whatever it is told, and no meter shows it.
    world.stations.get_mut(&second).unwrap().disobeys = true;
    world.character.disobeys = Some(3);
    world.quiet_minutes(5, 5);
    assert!(world.total().highest() <= Amperes::from_amperes(32), "{}", world.total());
    assert!(world.served().contains(&first), "9 A are left");
}

#[test]
fn s1_a_doubted_meter_that_shows_more_than_the_rating_is_shed_for_at_once() {
    let mut world = World::new(21, Character { rating: 40, base: 5, ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(10, 5);
    let told = |world: &World| world.site.evse_view(world.now, &evse).unwrap().limit;
    let read = |world: &mut World, amperes| {
        let current = PerPhase::splat(Amperes::from_amperes(amperes));
        let taken_at = world.now;
        world.apply(SiteEvent::GridReading { meter: "grid".parse().unwrap(), taken_at, current });
        world.now += TimeSpan::from_seconds(1);
        world.decide();
    };
    world.is_meter_silent = true;
    world.quiet_minutes(1, 5);
    let before = told(&world);
    assert!(before > Some(Amperes::from_amperes(12)), "{before:?}");
    // What cannot be is no reason to shed, and makes the meter doubted until three readings can.
    read(&mut world, 5_000);
    assert_eq!(told(&world), before);
    read(&mut world, 48);
    assert!(
        told(&world) < Some(Amperes::from_amperes(7)),
        "{:?} on a row that shows 48 A of 40 A",
        told(&world)
    );
}

#[test]
fn s2_limits_of_one_decision_that_may_be_raises_count_each_other() {
    let mut world =
        World::new(19, Character { rating: 30, base: 24, boots_lose_fallbacks: true, ..Character::OBEDIENT });
    let evses: [EvseId; 2] = [0, 3].map(|number| format!("CP{number:02}/1").parse().unwrap());
    for evse in &evses {
        world.plug_in(evse);
        world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    }
    world.quiet_minutes(10, 5);
    // Both are told 0 A, and offer no more.
    world.quiet_minutes(5, 24);
    assert_eq!(world.served(), BTreeSet::new());
    let measurement = Measurement {
        taken_at: world.now,
        current: PerPhase::splat(Some(Amperes::ZERO)),
        offered: Some(Amperes::ZERO),
    };
    for evse in &evses {
        world.apply(SiteEvent::Measured(evse.clone(), measurement));
        world.stations.get_mut(evse).unwrap().is_up = false;
    }
    world.decide();
    world.restart();
    let thirteen = Amperes::from_amperes(13);
    (0..40).for_each(|_| world.quiet_step_at(thirteen));
    for evse in &evses {
        world.stations.get_mut(evse).unwrap().is_up = true;
        world.apply(SiteEvent::LinkUp(evse.station.clone()));
        world.apply(SiteEvent::Booted(evse.station.clone()));
    }
    world.now += TimeSpan::from_seconds(1);
    let current = PerPhase::splat(thirteen);
    let reading = SiteEvent::GridReading { meter: "grid".parse().unwrap(), taken_at: world.now, current };
    world.apply(reading);
    // There is room for 14 A, of which each alone could have all.
    for _ in 0..80 {
        world.quiet_step_at(thirteen);
        world.assert_told_fits();
    }
}

#[test]
fn s2_a_first_limit_where_no_fallback_is_confirmed_may_be_a_raise() {
    let mut world =
        World::new(20, Character { rating: 32, boots_lose_fallbacks: true, ..Character::OBEDIENT });
    let [first, second]: [EvseId; 2] = [0, 3].map(|number| format!("CP{number:02}/1").parse().unwrap());
    world.plug_in(&first);
    world.apply(SiteEvent::EvState(first, EvState::Charging));
    world.quiet_minutes(10, 5);
    world.apply(SiteEvent::Booted(second.station.clone()));
    world.plug_in(&second);
    world.apply(SiteEvent::EvState(second.clone(), EvState::Charging));
    for _ in 0..180 {
        world.quiet_step();
        world.assert_told_fits();
    }
    assert!(world.served().contains(&second), "once the first is shed");
}

#[test]
fn an_evse_without_a_transaction_refuses_nothing() {
    let mut world = World::new(21, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    let refused =
        |world: &World| world.site.alarms().contains(&SiteAlarm::LimitRefused { evse: evse.clone() });
    world.refuse_limits(120);
    assert!(refused(&world));
    world.apply(SiteEvent::Booted(evse.station.clone()));
    let fallbacks = world.site.decide(world.now);
    world.apply(SiteEvent::TransactionEnded(evse.clone(), world.now));
    for command in fallbacks {
        world.apply(SiteEvent::Answered(command.ticket, DispatchAnswer::Accepted));
    }
    assert!(!refused(&world), "the limits of a transaction end with it");
}

/// The end was told late: a disk was full, and the station repeated it.
#[test]
fn s7_what_a_station_refuses_for_a_transaction_that_was_over_counts_no_more() {
    for was_over in [true, false] {
        let mut world = World::new(21, Character::OBEDIENT);
        let evse: EvseId = "CP00/1".parse().unwrap();
        world.plug_in(&evse);
        world.quiet_minutes(2, 5);
        let before = world.now;
        world.refuse_limits(60);
        let ceiling = |world: &World| world.site.evse_view(world.now, &evse).unwrap().ceiling.highest();
        assert_eq!(ceiling(&world), Amperes::from_amperes(16), "it refuses its limits");
        let ended_at = if was_over { before } else { world.now };
        world.apply(SiteEvent::TransactionEnded(evse.clone(), ended_at));
        let expected = if was_over { Amperes::ZERO } else { Amperes::from_amperes(16) };
        assert_eq!(ceiling(&world), expected, "it was over before: {was_over}");
    }
}

/// Its boot ended the transaction, and the end was told after limits for it were refused.
#[test]
fn s7_what_a_station_refuses_for_a_transaction_that_its_boot_ended_counts_no_more() {
    let mut world = World::new(21, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.quiet_minutes(2, 5);
    world.apply(SiteEvent::Booted(evse.station.clone()));
    world.refuse_limits(60);
    let ceiling = |world: &World| world.site.evse_view(world.now, &evse).unwrap().ceiling.highest();
    assert_eq!(ceiling(&world), Amperes::from_amperes(16), "it refuses its limits");
    world.apply(SiteEvent::TransactionEnded(evse.clone(), world.now));
    assert_eq!(ceiling(&world), Amperes::ZERO);
}

#[test]
fn what_a_station_refuses_after_the_ev_left_is_no_refusal_of_limits() {
    let mut world = World::new(21, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Absent));
    world.refuse_limits(120);
    assert!(!world.site.alarms().contains(&SiteAlarm::LimitRefused { evse }));
}

#[test]
fn full_current_is_said_only_at_the_evses_maximum_and_a_full_row_only_below_it() {
    let (mut full, mut on_rows) = (0, 0);
    for seed in seeds(5) {
        let mut world = World::new(seed, Character { sends_plans: true, ..Character::OBEDIENT });
        for _ in 0..3_600 {
            world.run(1);
            for id in world.stations.keys() {
                let view = world.site.evse_view(world.now, id).unwrap();
                let is_at_maximum = view.limit == Some(view.current_max);
                if view.reason == LimitedBy::EvseMaximum {
                    full += 1;
                    assert!(is_at_maximum, "{id} has {:?} and is said to be full", view.limit);
                    assert_eq!(view.limited_by, "full current");
                }
                if matches!(view.reason, LimitedBy::Row { .. }) {
                    on_rows += 1;
                    assert!(!is_at_maximum, "{id} has all it can and is said to lack it");
                }
            }
        }
    }
    assert!(full > 1_000 && on_rows > 1_000, "{full} at their maximum, {on_rows} kept from it");
}

/// The same events give the same commands.
#[test]
fn the_loop_is_deterministic() {
    let run = || {
        let mut world = World::new(9, Character { loses_links: true, restarts: true, ..Character::OBEDIENT });
        world.run(3600);
        world.log
    };
    assert_eq!(run(), run());
}

fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("CONTROL_SEED") {
        Ok(seed) => vec![seed.parse().expect("CONTROL_SEED is a number")],
        Err(_) => (1..=count).collect(),
    }
}

#[derive(Debug, Clone, Copy)]
struct Character {
    rating: i64,
    base: i64,
    reaction_seconds: i64,
    always_plugged: bool,
    loses_links: bool,
    restarts: bool,
    /// Where a decision only sheds, the process may die before its records are committed.
    forgets_sheds: bool,
    sends_plans: bool,
    disobeys: Option<usize>,
    /// The station whose fallback no drill has proven.
    unproven: Option<usize>,
    boots_lose_fallbacks: bool,
    is_unmetered: bool,
    /// The standing fallback, and what holds where a limit has expired.
    fallback: i64,
}

impl Character {
    const OBEDIENT: Self = Self {
        rating: 63,
        base: 20,
        reaction_seconds: 4,
        always_plugged: false,
        loses_links: false,
        restarts: false,
        forgets_sheds: false,
        sends_plans: false,
        disobeys: None,
        unproven: None,
        boots_lose_fallbacks: false,
        is_unmetered: false,
        fallback: 0,
    };
}

/// A station with an EV, in whole seconds.
#[derive(Debug, Clone)]
struct SimStation {
    wiring: [Phase; 3],
    phases: usize,
    /// The least limit at which its EV charges.
    needs: Amperes,
    is_plugged: bool,
    is_up: bool,
    /// Limit, expired limit, end of life.
    live: Option<(Amperes, Amperes, Timestamp)>,
    /// Accepted and not yet in effect.
    coming: Vec<(Timestamp, (Amperes, Amperes, Timestamp))>,
    disobeys: bool,
    report_at: i64,
    waiting: i64,
    longest_wait: i64,
}

impl SimStation {
    fn in_force(&self, now: Timestamp) -> Amperes {
        match self.live {
            Some((limit, expired, end)) => {
                if now < end {
                    limit
                } else {
                    expired
                }
            }
            None => Amperes::ZERO,
        }
    }

    /// The most that any profile accepted so far lets it draw.
    fn worst(&self, now: Timestamp) -> Amperes {
        self.coming.iter().map(|(_, live)| live.0).fold(self.in_force(now), Amperes::max)
    }

    /// On the terminals.
    fn current(&self, now: Timestamp) -> PerPhase<Amperes> {
        let limit =
            if self.disobeys && self.live.is_some() { Amperes::from_amperes(16) } else { self.in_force(now) };
        let current = if self.is_plugged && limit >= self.needs { limit } else { Amperes::ZERO };
        PerPhase::from_fn(|phase| if phase.index() < self.phases { current } else { Amperes::ZERO })
    }

    /// On the lines of the site.
    fn drawn(&self, now: Timestamp) -> PerPhase<Amperes> {
        let current = self.current(now);
        let mut lines = PerPhase::default();
        for phase in Phase::ALL {
            lines[self.wiring[phase.index()]] = current[phase];
        }
        lines
    }
}

struct World {
    site: Site,
    character: Character,
    random: Random,
    start: Timestamp,
    now: Timestamp,
    stations: BTreeMap<EvseId, SimStation>,
    base: PerPhase<Amperes>,
    base_stepped_at: Timestamp,
    is_meter_silent: bool,
    answers: Vec<(Timestamp, Ticket, DispatchAnswer)>,
    records: BTreeMap<EvseId, EvseRecord>,
    over_since: Option<Timestamp>,
    used: i64,
    usable: i64,
    raises: u64,
    /// Restarts that knew nothing of the last sheds.
    forgotten: u64,
    log: Vec<String>,
    seed: u64,
}

impl World {
    fn new(seed: u64, character: Character) -> Self {
        println!("seed {seed}, {character:?}; repeat with CONTROL_SEED={seed}");
        let start: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let mut stations = BTreeMap::new();
        let wirings = [
            [Phase::L1, Phase::L2, Phase::L3],
            [Phase::L2, Phase::L3, Phase::L1],
            [Phase::L3, Phase::L1, Phase::L2],
        ];
        for number in 0..10 {
            let id: EvseId = format!("CP{number:02}/1").parse().unwrap();
            stations.insert(
                id,
                SimStation {
                    wiring: wirings[number % 3],
                    phases: if number % 3 == 1 { 1 } else { 3 },
                    needs: Amperes::from_amperes(6),
                    is_plugged: false,
                    is_up: true,
                    live: None,
                    coming: Vec::new(),
                    disobeys: character.disobeys == Some(number),
                    report_at: i64::try_from(number * 6).unwrap(),
                    waiting: 0,
                    longest_wait: 0,
                },
            );
        }
        let site = Site::new(network(character, &stations), start);
        let mut world = Self {
            site,
            character,
            random: Random::new(seed),
            start,
            now: start,
            stations,
            base: PerPhase::splat(Amperes::from_amperes(5)),
            base_stepped_at: start,
            is_meter_silent: false,
            answers: Vec::new(),
            records: BTreeMap::new(),
            over_since: None,
            used: 0,
            usable: 0,
            raises: 0,
            forgotten: 0,
            log: Vec::new(),
            seed,
        };
        world.connect_all();
        world
    }

    fn connect_all(&mut self) {
        for (id, station) in &self.stations {
            returns(&mut self.site, self.now, id, station);
        }
    }

    fn run(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += TimeSpan::from_seconds(1);
        let second = self.now.since(self.start).seconds_floor();
        self.move_people(second);
        self.move_base(second);
        self.settle(second);
    }

    /// A second in which nobody comes or goes, and the base load moves no more than any meter sees.
    fn quiet_step(&mut self) {
        self.quiet_step_at(Amperes::from_amperes(5));
    }

    fn quiet_step_at(&mut self, base: Amperes) {
        self.now += TimeSpan::from_seconds(1);
        let second = self.now.since(self.start).seconds_floor();
        self.base = PerPhase::splat(base + Amperes::from_milliamperes(second % 20));
        self.settle(second);
    }

    /// Seconds in which stations refuse every live limit.
    fn refuse_limits(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now += TimeSpan::from_seconds(1);
            for command in self.site.decide(self.now) {
                if let CommandKind::SetLive { .. } = command.kind {
                    self.apply(SiteEvent::Answered(command.ticket, DispatchAnswer::Rejected));
                }
            }
        }
    }

    /// Quiet minutes at a base load; then who has current.
    fn quiet_minutes(&mut self, minutes: i64, base: i64) -> BTreeSet<EvseId> {
        for _ in 0..minutes * 60 {
            self.quiet_step_at(Amperes::from_amperes(base));
        }
        self.served()
    }

    /// Quiet minutes at a base load; who had current at any second of them, since a raise may be shed while its draw is
    /// not reported yet.
    fn served_in(&mut self, minutes: i64, base: i64) -> BTreeSet<EvseId> {
        let mut served = BTreeSet::new();
        for _ in 0..minutes * 60 {
            self.quiet_step_at(Amperes::from_amperes(base));
            served.extend(self.served());
        }
        served
    }

    /// Who has current now.
    fn served(&self) -> BTreeSet<EvseId> {
        let has_current = |id: &&EvseId| {
            self.site.evse_view(self.now, id).unwrap().limit.is_some_and(|limit| limit > Amperes::ZERO)
        };
        self.stations.keys().filter(has_current).cloned().collect()
    }

    fn settle(&mut self, second: i64) {
        self.effect_limits();
        self.assert_beliefs();
        self.assert_ratings();
        if second % 10 == 0 && !self.is_meter_silent {
            let current = self.total();
            self.apply(SiteEvent::GridReading {
                meter: "grid".parse().unwrap(),
                taken_at: self.now,
                current,
            });
        }
        self.report(second);
        if self.character.sends_plans && second % 97 == 0 {
            self.send_plan();
        }
        if self.character.loses_links && self.chance(400) {
            self.toggle_link();
        }
        if self.character.restarts && self.chance(2_000) {
            self.restart();
        }
        self.deliver_answers();
        self.decide();
        if std::env::var("CONTROL_TRACE").is_ok() && second % 30 == 0 {
            self.trace(second);
        }
    }

    fn trace(&self, second: i64) {
        let circuit = &self.site.circuit_views(self.now)[0];
        println!(
            "{second}: base {} | believed {} | total {} | ceilings {} stale {}",
            self.base,
            circuit.base,
            self.total(),
            circuit.ceilings,
            circuit.is_stale
        );
        for (id, station) in &self.stations {
            if station.is_plugged {
                let view = self.site.evse_view(self.now, id).unwrap();
                println!(
                    "   {id} {}-phase {:?} up {} in force {} sent {:?} ceiling {} | {}",
                    station.phases,
                    station.wiring,
                    station.is_up,
                    station.in_force(self.now),
                    view.limit.map(|l| l.milliamperes()),
                    view.ceiling,
                    view.limited_by
                );
            }
        }
    }

    fn move_people(&mut self, second: i64) {
        let ids: Vec<EvseId> = self.stations.keys().cloned().collect();
        for id in ids {
            let plugs = self.character.always_plugged && second > 60;
            let is_plugged = self.stations[&id].is_plugged;
            let toggles = if self.character.always_plugged {
                plugs && !is_plugged
            } else {
                self.chance(if is_plugged { 4_000 } else { 900 })
            };
            // An unplugged EVSE reports when it is online again: keep it simple and move only online ones.
            if !toggles || !self.stations[&id].is_up {
                continue;
            }
            if is_plugged {
                let station = self.stations.get_mut(&id).unwrap();
                station.is_plugged = false;
                station.live = None;
                station.coming.clear();
                self.apply(SiteEvent::TransactionEnded(id.clone(), self.now));
                self.apply(SiteEvent::EvState(id, EvState::Absent));
            } else if self.site.may_start(self.now, &id).is_ok() {
                self.stations.get_mut(&id).unwrap().is_plugged = true;
                self.apply(SiteEvent::StartAllowed(id.clone()));
                self.apply(SiteEvent::EvState(id.clone(), EvState::Charging));
                self.apply(SiteEvent::TransactionStarted(id));
            }
        }
    }

    fn move_base(&mut self, second: i64) {
        if second % 20 == 0 && self.chance(30) {
            let highest = self.character.base;
            self.base = PerPhase::from_fn(|_| Amperes::from_amperes(self.random.between(0, highest)));
            self.base_stepped_at = self.now;
        }
    }

    fn effect_limits(&mut self) {
        let now = self.now;
        for station in self.stations.values_mut() {
            station.coming.retain(|&(at, live)| {
                if at <= now {
                    station.live = Some(live);
                }
                at > now
            });
            let is_waiting = station.is_plugged && station.in_force(now) == Amperes::ZERO;
            station.waiting = if is_waiting { station.waiting + 1 } else { 0 };
            station.longest_wait = station.longest_wait.max(station.waiting);
        }
    }

    fn plug_in(&mut self, evse: &EvseId) {
        self.stations.get_mut(evse).unwrap().is_plugged = true;
        for event in [SiteEvent::StartAllowed(evse.clone()), SiteEvent::TransactionStarted(evse.clone())] {
            self.apply(event);
        }
    }

    /// A plan that lets `evse` have at most so many amperes from now on.
    fn cap(&mut self, evse: &EvseId, amperes: i64) {
        let caps = vec![Amperes::from_amperes(amperes); 8];
        let plan = Plan {
            made_at: self.now,
            starts_at: self.now,
            slot: TimeSpan::from_minutes(15),
            evses: [(evse.clone(), EvsePlan { caps, laxity: TimeSpan::from_hours(2), departs_at: None })]
                .into(),
        };
        self.apply(SiteEvent::PlanReady(plan));
    }

    /// For how many quiet seconds `evse` waits until it is told `amperes`.
    fn seconds_until(&mut self, evse: &EvseId, amperes: i64) -> i64 {
        for second in 1..=600 {
            self.quiet_step();
            if self.site.evse_view(self.now, evse).unwrap().limit == Some(Amperes::from_amperes(amperes)) {
                return second;
            }
        }
        panic!("{evse} was never told {amperes} A but {:?}", self.site.evse_view(self.now, evse));
    }

    fn report(&mut self, second: i64) {
        let due: Vec<EvseId> = self
            .stations
            .iter()
            .filter(|(_, station)| station.is_plugged && station.is_up && second % 60 == station.report_at)
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.measure(&id);
        }
    }

    fn measure(&mut self, id: &EvseId) {
        let station = &self.stations[id];
        let current = station.current(self.now).map(Some);
        let measurement = Measurement { taken_at: self.now, current, offered: None };
        self.apply(SiteEvent::Measured(id.clone(), measurement));
    }

    fn send_plan(&mut self) {
        let offset = self.random.between(-3_600, 3_600);
        // One plan in four is nonsense.
        let least = if offset % 4 == 0 { -1 } else { 0 };
        let evses = self.stations.keys().map(|id| {
            let caps = (0..8).map(|slot| Amperes::from_amperes(slot * 37 % 19 + least)).collect();
            (id.clone(), EvsePlan { caps, laxity: TimeSpan::from_hours(2), departs_at: None })
        });
        let plan = Plan {
            made_at: self.now + TimeSpan::from_seconds(offset),
            starts_at: self.now - TimeSpan::from_minutes(20),
            slot: TimeSpan::from_minutes(15),
            evses: evses.collect(),
        };
        self.apply(SiteEvent::PlanReady(plan));
    }

    fn toggle_link(&mut self) {
        let place = usize::try_from(self.random.between(0, 9)).unwrap();
        let (id, station) = self.stations.iter_mut().nth(place).unwrap();
        station.is_up = !station.is_up;
        if station.is_up {
            returns(&mut self.site, self.now, id, station);
        } else {
            self.site.apply(self.now, SiteEvent::LinkDown(id.station.clone()));
        }
    }

    /// The engine dies and comes back with its records; links come back with it.
    fn restart(&mut self) {
        self.answers.clear();
        self.site = Site::new(network(self.character, &self.stations), self.now);
        self.site.restore(self.now, self.records.clone().into_iter().collect());
        for (id, station) in self.stations.iter().filter(|(_, station)| station.is_up) {
            returns(&mut self.site, self.now, id, station);
        }
    }

    fn deliver_answers(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.answers.iter().filter(|(at, _, _)| *at <= now).copied().collect();
        self.answers.retain(|(at, _, _)| *at > now);
        for (_, ticket, answer) in due {
            self.apply(SiteEvent::Answered(ticket, answer));
        }
    }

    fn decide(&mut self) {
        for _ in 0..3 {
            let commands = self.site.decide(self.now);
            let before = self.records.clone();
            for (id, record) in self.site.take_changed() {
                self.records.insert(id.clone(), record.clone());
            }
            let is_shed = |command: &Command| {
                matches!(command.kind, CommandKind::SetLive { urgency: Urgency::Shed, .. })
            };
            let is_same = |(id, record): (&EvseId, &EvseRecord)| {
                before.get(id).is_some_and(|before| before.is_in_transaction == record.is_in_transaction)
            };
            let may_forget = self.character.forgets_sheds
                && !commands.is_empty()
                && commands.iter().all(is_shed)
                && self.records.iter().all(is_same);
            for command in commands {
                self.log.push(format!("{} {command:?}", self.now));
                self.carry_out(&command);
            }
            if may_forget && self.chance(2) {
                self.records = before;
                self.forgotten += 1;
                self.restart();
            }
        }
    }

    /// How many limits above 0 A were told.
    fn limits_told(&self) -> usize {
        let is_limit = |line: &&String| line.contains("SetLive") && !line.contains("limit: Amperes(0)");
        self.log.iter().filter(is_limit).count()
    }

    fn carry_out(&mut self, command: &Command) {
        let is_up = self.stations[&command.evse].is_up;
        match command.kind {
            CommandKind::SetLive { limit, limit_expired, lifetime, urgency } => {
                assert!(limit == Amperes::ZERO || limit >= Amperes::from_amperes(6), "S3: {command:?}");
                assert_eq!(limit.floor_to(Amperes::from_amperes(1)), limit, "S3: {command:?}");
                assert!(limit_expired <= limit, "S4: {command:?}");
                self.raises += u64::from(urgency == Urgency::Raise);
                let is_raised = limit > self.stations[&command.evse].worst(self.now);
                if urgency == Urgency::Raise || (self.character.forgets_sheds && is_raised) {
                    self.assert_raise_fits(&command.evse, limit);
                }
                if !is_up {
                    return;
                }
                let reaction = TimeSpan::from_seconds(self.character.reaction_seconds);
                let end = self.now + lifetime;
                let station = self.stations.get_mut(&command.evse).unwrap();
                station.coming.push((self.now + reaction, (limit, limit_expired, end)));
            }
            CommandKind::SetFallback { .. } => {}
            CommandKind::Measure => {
                if is_up && self.stations[&command.evse].is_plugged {
                    self.measure(&command.evse.clone());
                }
                return;
            }
        }
        if is_up {
            self.answers.push((
                self.now + TimeSpan::from_seconds(1),
                command.ticket,
                DispatchAnswer::Accepted,
            ));
        }
    }

    /// S1 and S2 from outside: a raise fits beside everything that stations may still hold, if the base stays.
    fn assert_raise_fits(&self, raised: &EvseId, limit: Amperes) {
        for phase in Phase::ALL {
            let mut sum = self.base[phase];
            for (id, station) in &self.stations {
                let worst =
                    if id == raised { limit.max(station.worst(self.now)) } else { station.worst(self.now) };
                let uses_phase = (0..station.phases).any(|terminal| station.wiring[terminal] == phase);
                if station.is_plugged && uses_phase {
                    sum += worst;
                }
            }
            // A base step that no meter reading has shown yet cannot be known.
            let is_unseen = self.now.since(self.base_stepped_at) <= TimeSpan::from_seconds(11);
            let rating = Amperes::from_amperes(self.character.rating);
            assert!(
                sum <= rating || is_unseen || self.character.disobeys.is_some(),
                "seed {}: raising {raised} to {limit} at {} could put {sum} on {phase} of {rating}",
                self.seed,
                self.now
            );
        }
    }

    fn assert_beliefs(&self) {
        for (id, station) in &self.stations {
            let view = self.site.evse_view(self.now, id).unwrap();
            let drawn = station.drawn(self.now);
            for phase in Phase::ALL {
                assert!(
                    station.disobeys || drawn[phase] <= view.ceiling[phase],
                    "seed {}: {id} draws {} on {phase} at {}, believed at most {}",
                    self.seed,
                    drawn[phase],
                    self.now,
                    view.ceiling
                );
            }
        }
    }

    /// S2 from outside: whatever comes into force when, all that was told fits beside the base load.
    fn assert_told_fits(&self) {
        for phase in Phase::ALL {
            let loads = |station: &&SimStation| {
                station.is_plugged && station.wiring[..station.phases].contains(&phase)
            };
            let told = self.stations.values().filter(loads).map(|station| station.worst(self.now));
            let sum = told.fold(self.base[phase], |sum, worst| sum + worst);
            let rating = Amperes::from_amperes(self.character.rating);
            assert!(sum <= rating, "seed {}: {sum} on {phase} of {rating} at {}", self.seed, self.now);
        }
    }

    /// A row may be over its rating only from a base step until the meter showed it and stations reacted.
    fn assert_ratings(&mut self) {
        let total = self.total();
        let is_over = total.highest() > Amperes::from_amperes(self.character.rating);
        self.over_since = if is_over { self.over_since.or(Some(self.now)) } else { None };
        if let Some(since) = self.over_since {
            let allowed = TimeSpan::from_seconds(10 + 1 + self.character.reaction_seconds + 2);
            let over = self.now.since(since);
            let is_disobedient = self.character.disobeys.is_some();
            assert!(
                over <= allowed || is_disobedient,
                "seed {}: {total} for {over} until {}",
                self.seed,
                self.now
            );
        }
        let wanted = self.stations.values().filter(|station| station.is_plugged).count();
        if wanted >= 5 && self.now.since(self.base_stepped_at) > TimeSpan::from_minutes(3) {
            self.usable += self.character.rating * 1_000;
            self.used += total.highest().milliamperes();
        }
    }

    /// How much of the rating was used on the fullest phase while enough EVs wanted current.
    fn percent_used(&self) -> Option<i64> {
        (self.usable > 0).then(|| self.used * 100 / self.usable)
    }

    fn total(&self) -> PerPhase<Amperes> {
        self.stations.values().fold(self.base, |sum, station| sum + station.drawn(self.now))
    }

    fn believed(&self) -> BTreeMap<EvseId, Amperes> {
        let ceiling = |id: &EvseId| self.site.evse_view(self.now, id).unwrap().ceiling.highest();
        self.stations.keys().map(|id| (id.clone(), ceiling(id))).collect()
    }

    fn apply(&mut self, event: SiteEvent) {
        self.site.apply(self.now, event);
    }

    fn chance(&mut self, one_in: i64) -> bool {
        self.random.between(1, one_in) == 1
    }
}

fn network(character: Character, stations: &BTreeMap<EvseId, SimStation>) -> Network {
    let amperes = |count| PerPhase::splat(Amperes::from_amperes(count));
    let evses = stations.iter().enumerate().map(|(number, (id, station))| {
        let mut evse = EvseConfig::new(
            id.clone(),
            "main".parse().unwrap(),
            Wiring::ThreePhase(station.wiring),
            Amperes::from_amperes(16),
        );
        evse.is_fallback_proven = character.unproven != Some(number);
        evse.fallback = Amperes::from_amperes(character.fallback);
        evse.limit_expired = evse.fallback;
        evse.fallback_survives_boot = !character.boots_lose_fallbacks;
        evse
    });
    Network::build(SiteConfig {
        id: "site".parse().unwrap(),
        name: "Site".to_owned(),
        zone: units::civil::Zone::utc(),
        supply: Supply::Tn400,
        voltage_nominal: Volts::from_volts(230),
        circuits: vec![CircuitConfig {
            id: "main".parse().unwrap(),
            name: "main".to_owned(),
            parent: None,
            rating: amperes(character.rating),
            reserve: None,
            meter: (!character.is_unmetered).then(|| MeterConfig {
                id: "grid".parse().unwrap(),
                timeout: TimeSpan::from_seconds(30),
                accuracy_permille: 10,
                source: MeterSource::default(),
            }),
            worst_base: amperes(character.base),
            static_headroom: Some(amperes(15.min(character.rating - character.base - 3))),
        }],
        evses: evses.collect(),
        strategy: Strategy::default(),
    })
    .unwrap()
}

/// A station's link is up, its clock is right, and it says whether a transaction runs.
fn returns(site: &mut Site, now: Timestamp, evse: &EvseId, station: &SimStation) {
    site.apply(now, SiteEvent::LinkUp(evse.station.clone()));
    site.apply(now, SiteEvent::Clock(evse.station.clone(), ExpiryTrust::Trusted));
    if !station.is_plugged {
        site.apply(now, SiteEvent::Idle(evse.clone()));
    }
}

#[test]
fn s1_what_began_while_the_link_was_down_counts_until_the_station_tells_what_runs() {
    let mut world = World::new(22, Character { boots_lose_fallbacks: true, ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    let ceiling = |world: &World| world.site.evse_view(world.now, &evse).unwrap().ceiling.highest();
    assert_eq!(ceiling(&world), Amperes::ZERO, "it starts only with us");
    world.apply(SiteEvent::LinkDown(evse.station.clone()));
    world.apply(SiteEvent::Booted(evse.station.clone()));
    assert_eq!(ceiling(&world), Amperes::from_amperes(16), "it may start alone");
    world.apply(SiteEvent::LinkUp(evse.station.clone()));
    assert_eq!(ceiling(&world), Amperes::from_amperes(16), "and may have");
    world.apply(SiteEvent::Idle(evse.clone()));
    assert_eq!(ceiling(&world), Amperes::ZERO);
}

#[test]
fn a_lost_link_leaves_the_ceiling_until_its_lifetime_ends() {
    let mut world = World::new(11, Character { always_plugged: true, ..Character::OBEDIENT });
    world.run(1800);
    let (id, _) =
        world.stations.iter().find(|(_, station)| station.in_force(world.now) > Amperes::ZERO).unwrap();
    let id = id.clone();
    let before = world.site.evse_view(world.now, &id).unwrap().ceiling.highest();
    world.stations.get_mut(&id).unwrap().is_up = false;
    world.apply(SiteEvent::LinkDown(id.station.clone()));
    assert_eq!(world.site.evse_view(world.now, &id).unwrap().ceiling.highest(), before);
    world.run(400);
    let after = world.site.evse_view(world.now, &id).unwrap().ceiling.highest();
    assert!(after <= before);
    assert!(
        after <= Amperes::from_amperes(6),
        "{after}: only what it was last measured to draw still counts"
    );
}

#[test]
fn an_ev_that_takes_nothing_holds_no_current_that_others_can_use() {
    let mut world = World::new(12, Character { always_plugged: true, ..Character::OBEDIENT });
    world.run(900);
    let satisfied: EvseId = "CP00/1".parse().unwrap();
    world.apply(SiteEvent::EvState(satisfied.clone(), EvState::SuspendedEv));
    world.run(1_200);
    assert_eq!(world.site.evse_view(world.now, &satisfied).unwrap().limit, Some(Amperes::ZERO));
    // At 0 A its station says that the EVSE suspends: that is no wish for current.
    world.apply(SiteEvent::EvState(satisfied.clone(), EvState::SuspendedEvse));
    world.run(1800);
    assert_eq!(world.site.evse_view(world.now, &satisfied).unwrap().limit, Some(Amperes::ZERO));
    // After an hour it gets a turn, to see whether it wants to begin again.
    let mut turns = 0;
    for _ in 0..7200 {
        world.run(1);
        turns += i64::from(world.site.evse_view(world.now, &satisfied).unwrap().limit > Some(Amperes::ZERO));
    }
    assert!(
        (60..=400).contains(&turns),
        "{turns} s of turns in two hours: two minutes show that it does not"
    );
}

/// A plan's caps are the targets here: they rise by 2 A, again by 2 A, then by 4 A.
#[test]
fn raises_are_half_a_minute_apart_and_small_ones_wait_until_the_limit_has_stood_for_a_minute() {
    let mut world = World::new(14, Character { rating: 90, ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.cap(&evse, 8);
    world.seconds_until(&evse, 8);
    for _ in 0..300 {
        world.quiet_step();
    }
    world.cap(&evse, 10);
    assert!(world.seconds_until(&evse, 10) <= 11, "its limit had stood for long");
    world.cap(&evse, 12);
    let small = world.seconds_until(&evse, 12);
    assert!((60..=71).contains(&small), "a small raise came after {small} s");
    world.cap(&evse, 16);
    let large = world.seconds_until(&evse, 16);
    assert!((30..=41).contains(&large), "a large raise came after {large} s");
}

#[test]
fn what_was_measured_before_a_transaction_ended_holds_no_row_afterwards() {
    let mut world = World::new(16, Character { rating: 90, ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(5, 5);
    world.stations.get_mut(&evse).unwrap().is_plugged = false;
    world.apply(SiteEvent::TransactionEnded(evse.clone(), world.now));
    let idle = world.site.evse_view(world.now, &evse).unwrap().ceiling;
    let late = |taken_at| Measurement {
        taken_at,
        current: PerPhase::splat(Some(Amperes::from_amperes(9))),
        offered: None,
    };
    world.apply(SiteEvent::Measured(evse.clone(), late(world.now)));
    assert_eq!(world.site.evse_view(world.now, &evse).unwrap().ceiling, idle);
    // What flows without a transaction counts.
    world.now += TimeSpan::from_seconds(1);
    world.apply(SiteEvent::Measured(evse.clone(), late(world.now)));
    assert!(world.site.evse_view(world.now, &evse).unwrap().ceiling.l1 >= Amperes::from_amperes(9));
}

#[test]
fn an_ev_that_needs_more_than_six_amperes_is_found_and_served() {
    let mut world = World::new(13, Character { rating: 90, always_plugged: true, ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.stations.get_mut(&evse).unwrap().needs = Amperes::from_amperes(9);
    world.plug_in(&evse);
    // Nine others come and leave it some 8 A, at which it does nothing.
    let (mut is_charging, mut seconds) = (false, 0);
    for _ in 0..7_200 {
        world.run(1);
        seconds += i64::from(is_charging);
        let draws = world.stations[&evse].drawn(world.now).highest() > Amperes::ZERO;
        if draws != is_charging || world.now.since(world.start) == TimeSpan::from_seconds(60) {
            is_charging = draws;
            let state = if draws { EvState::Charging } else { EvState::SuspendedEv };
            world.apply(SiteEvent::EvState(evse.clone(), state));
        }
    }
    assert!(seconds > 3_600, "it charged for {seconds} s of two hours");
}

#[test]
fn s8_a_draw_above_the_limit_is_restored() {
    let mut world = World::new(16, Character { rating: 90, always_plugged: true, ..Character::OBEDIENT });
    world.run(900);
    let id: EvseId = "CP00/1".parse().unwrap();
    let current = PerPhase::splat(Some(Amperes::from_milliamperes(16_700)));
    world.apply(SiteEvent::Measured(id.clone(), Measurement { taken_at: world.now, current, offered: None }));
    world.decide();
    let before = world.site.evse_view(world.now, &id).unwrap().ceiling;
    assert_eq!(before.highest(), Amperes::from_milliamperes(16_700));
    world.restart();
    assert_eq!(world.site.evse_view(world.now, &id).unwrap().ceiling, before);
}
