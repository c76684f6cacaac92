//! S7: turns, and how long anybody waits for one.

use super::*;

#[test]
fn s7_nobody_waits_longer_than_the_turns_take() {
    // Ten EVs on 32 A less reserve and at worst 6 A of base: three at a time, so four turns of a quarter of an hour.
    let bound = TimeSpan::from_minutes(4 * 15);
    let mut longest = TimeSpan::ZERO;
    for seed in seeds(10) {
        let character = Character { rating: 32, base: 6, always_plugged: true, ..Character::OBEDIENT };
        let mut world = World::new(seed, character);
        world.run(6 * 3600);
        let waits = world.stations.values().map(|station| TimeSpan::from_seconds(station.longest_wait));
        longest = waits.fold(longest, TimeSpan::max);
        println!("seed {seed}: the longest wait so far is {longest}");
    }
    assert!(longest <= bound, "somebody waited {longest}");
}

/// Six three-phase EVs that want current at once.
fn six_and_room_for_two() -> World {
    let mut world = World::new(15, Character { rating: 25, base: 14, ..Character::OBEDIENT });
    for number in [0, 2, 3, 5, 6, 8] {
        let evse: EvseId = format!("CP{number:02}/1").parse().unwrap();
        world.plug_in(&evse);
        world.apply(SiteEvent::EvState(evse, EvState::Charging));
    }
    world
}

#[test]
fn s7_who_lost_their_turn_to_base_load_are_first_in_the_next_slice() {
    // Six three-phase EVs, room for two of them: three turns.
    let mut world = six_and_room_for_two();
    world.quiet_minutes(60, 5);
    let lose = world.quiet_minutes(4, 5);
    assert_eq!(lose.len(), 2);
    assert_eq!(world.quiet_minutes(10, 18), BTreeSet::new());
    world.quiet_minutes(1, 5);
    assert_eq!(world.served_in(4, 5), lose, "they have the next turn");
}

#[test]
fn s7_under_a_steady_base_load_a_turn_lasts_to_the_end_of_its_slice() {
    // Six three-phase EVs, room for two of them. Turns change within three minutes: sheds, their proofs, raises.
    let mut world = six_and_room_for_two();
    for slice in 0..4 {
        let on = world.quiet_minutes(5, 5);
        assert_eq!(on.len(), 2, "slice {slice}");
        for minute in 6..15 {
            assert_eq!(world.quiet_minutes(1, 5), on, "slice {slice}, minute {minute}");
        }
        world.quiet_minutes(1, 5);
    }
}

#[test]
fn turns_change_soon_where_stations_measure_when_they_are_asked() {
    // Those whose turn is over count as drawing until two measurements show that they do not, and what the first of the next
    // draws counts as base load until it tells.
    let mut world = six_and_room_for_two();
    for slice in 0..4 {
        let before = world.quiet_minutes(15, 5);
        let mut after = Vec::new();
        for second in 1..=900 {
            world.quiet_step();
            let next = world.served().difference(&before).count();
            after.extend((after.len()..next).map(|_| second));
        }
        assert!(matches!(after[..], [..=60, ..=120]), "slice {slice}: the next began after {after:?} s");
    }
}

#[test]
fn s7_beside_one_that_counts_at_its_hardware_maximum_the_others_take_turns_in_what_it_leaves() {
    // Of 24 A the first counts for 16 A whatever it is told, and two others of 6 A want the rest.
    let character = Character { rating: 32, unproven: Some(0), ..Character::OBEDIENT };
    let mut world = World::new(16, character);
    let evses: Vec<EvseId> = [0, 3, 6].map(|number| format!("CP{number:02}/1").parse().unwrap()).into();
    for evse in &evses {
        world.plug_in(evse);
        world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    }
    assert_eq!(world.served_in(46, 5), evses.into_iter().collect());
}

#[test]
fn who_counts_at_its_hardware_maximum_and_may_have_it_is_told_so() {
    // Its standing fallback may be 0 A all the same.
    let mut world = World::new(18, Character { rating: 80, unproven: Some(0), ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.quiet_minutes(2, 5);
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    assert_eq!(world.quiet_minutes(1, 5), BTreeSet::from([evse]));
}

#[test]
fn s7_an_ev_that_stops_when_its_limit_ran_out_is_not_full() {
    let mut world = World::new(19, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(5, 5);
    for (silent_minutes, is_full) in [(0, true), (6, false)] {
        world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
        world.now += TimeSpan::from_minutes(silent_minutes);
        world.apply(SiteEvent::EvState(evse.clone(), EvState::SuspendedEv));
        world.decide();
        let learned = world.records[&evse].learned;
        assert_eq!(learned.has_tried_all, is_full, "after {silent_minutes} min without a renewal");
    }
}

#[test]
fn s7_a_restart_sends_nobody_to_the_end_of_the_queue() {
    // Six three-phase EVs and room for three of them; the engine restarts in every turn.
    let mut world = World::new(17, Character { rating: 25, base: 14, ..Character::OBEDIENT });
    let evses: BTreeSet<EvseId> =
        [0, 2, 3, 5, 6, 8].map(|number| format!("CP{number:02}/1").parse().unwrap()).into();
    for evse in &evses {
        world.plug_in(evse);
        world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    }
    let mut served = BTreeSet::new();
    for _ in 0..5 {
        served.extend(world.served_in(14, 5));
        world.restart();
        served.extend(world.served_in(1, 5));
    }
    assert_eq!(served, evses);
}

#[test]
fn who_may_have_its_confirmed_fallback_and_no_more_is_told_nothing() {
    let mut world = World::new(18, Character { rating: 90, fallback: 6, ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.quiet_minutes(2, 5);
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.cap(&evse, 6);
    world.quiet_minutes(5, 5);
    assert_eq!(world.site.evse_view(world.now, &evse).unwrap().limit, None, "it is at 6 A by itself");
    world.cap(&evse, 9);
    world.seconds_until(&evse, 9);
}

/// Neither has laxity left, so that no cap holds: what the plan gives each is its weight.
#[test]
fn what_a_plan_gives_weighs_where_no_cap_holds() {
    let mut world = World::new(23, Character { rating: 32, base: 5, ..Character::OBEDIENT });
    let evses: [EvseId; 2] = ["CP00/1", "CP01/1"].map(|id| id.parse().unwrap());
    for evse in &evses {
        world.plug_in(evse);
        world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    }
    let mut limits_under = |amperes: [i64; 2]| {
        let planned = evses.iter().zip(amperes).map(|(evse, amperes)| {
            let caps = vec![Amperes::from_amperes(amperes); 8];
            (evse.clone(), EvsePlan { caps, laxity: TimeSpan::ZERO, departs_at: None })
        });
        let (made_at, slot) = (world.now, TimeSpan::from_minutes(15));
        let plan = Plan { made_at, starts_at: made_at, slot, evses: planned.collect() };
        world.apply(SiteEvent::PlanReady(plan));
        world.quiet_minutes(6, 5);
        evses.clone().map(|evse| world.site.evse_view(world.now, &evse).unwrap().limit.unwrap())
    };
    let [first, second] = limits_under([14, 7]);
    assert!(first > second && second >= Amperes::from_amperes(6), "{first} and {second} of 14 A and 7 A");
    let [first, second] = limits_under([7, 14]);
    assert!(first < second && first >= Amperes::from_amperes(6), "{first} and {second} of 7 A and 14 A");
}

/// A limit that had left a second before a reading was held to have been in force around all readings before it, and a reading
/// under it to tell of the instant before: what flowed was base load, and the row full for whom the limit had made room.
#[test]
fn s7_what_was_drawn_until_a_limit_left_is_no_base_load() {
    let mut world = World::new(22, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(8, 5);
    // Readings of the meter follow its report.
    for _ in 0..30 {
        world.quiet_step();
    }
    world.cap(&evse, 6);
    world.seconds_until(&evse, 6);
    // It follows in these seconds, after the meter's last reading.
    for second in 1..9 {
        world.quiet_step();
        if second == 1 || second == 7 {
            world.measure(&evse);
        }
        let likely = world.site.circuit_views(world.now)[0].base_likely;
        assert!(likely.highest() < Amperes::from_amperes(7), "base load is 5 A, not {likely}");
    }
}
