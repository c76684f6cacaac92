//! Who draws more than it was told, and when that is believed.

use super::*;

#[test]
fn a_disobedient_station_is_counted_at_its_worst_and_named() {
    let mut world =
        World::new(7, Character { disobeys: Some(2), always_plugged: true, ..Character::OBEDIENT });
    world.run(1800);
    let evse: EvseId = "CP02/1".parse().unwrap();
    assert!(world.site.alarms().contains(&SiteAlarm::Disobedient { evse: evse.clone() }));
    assert_eq!(world.site.evse_view(world.now, &evse).unwrap().ceiling.highest(), Amperes::from_amperes(16));
}

#[test]
fn s1_a_station_that_is_known_not_to_keep_its_limits_counts_at_its_worst_until_that_is_taken_back() {
    let mut world = World::new(7, Character { always_plugged: true, ..Character::OBEDIENT });
    world.run(1800);
    let evse: EvseId = "CP02/1".parse().unwrap();
    let ceiling = |world: &World| world.site.evse_view(world.now, &evse).unwrap().ceiling.highest();
    let before = ceiling(&world);
    assert!(before < Amperes::from_amperes(16), "{before}");
    let loose = Habits { limits_bind: false, ..Habits::default() };
    world.apply(SiteEvent::Habits(evse.station.clone(), loose));
    assert_eq!(ceiling(&world), Amperes::from_amperes(16));
    world.apply(SiteEvent::Habits(evse.station.clone(), Habits::default()));
    assert_eq!(ceiling(&world), before);
}

#[test]
fn a_measurement_that_is_told_twice_is_one_witness_of_disobedience() {
    let mut world = World::new(22, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(3, 30);
    let limit = world.site.evse_view(world.now, &evse).unwrap().limit.unwrap();
    let mut above = |seconds: i64| {
        world.now += TimeSpan::from_seconds(seconds);
        let current = PerPhase::splat(Some(limit + Amperes::from_amperes(3)));
        let measurement = Measurement { taken_at: world.now, current, offered: None };
        for _ in 0..2 {
            world.apply(SiteEvent::Measured(evse.clone(), measurement));
        }
        world.site.alarms().contains(&SiteAlarm::Disobedient { evse: evse.clone() })
    };
    assert_eq!((above(1), above(1)), (false, true));
}

/// Its reading was asked for, and another was due half a second later, both just before a slow EV followed.
#[test]
fn s7_an_ev_that_is_a_little_late_is_not_held_to_disobey_by_two_readings_of_one_moment() {
    let mut world = World::new(22, Character { base: 5, ..Character::OBEDIENT });
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(3, 5);
    let before = world.site.evse_view(world.now, &evse).unwrap().limit.unwrap();
    let limit_now = |world: &World| world.site.evse_view(world.now, &evse).unwrap().limit;
    while limit_now(&world).is_some_and(|limit| limit >= before) {
        world.quiet_step_at(Amperes::from_amperes(50));
    }
    let told_at = world.now;
    // Its station answers within these.
    for _ in 0..5 {
        world.quiet_step_at(Amperes::from_amperes(50));
    }
    let mut is_held_to_disobey_at = |milliseconds: i64| {
        let taken_at = told_at + TimeSpan::from_milliseconds(milliseconds);
        world.now = world.now.max(taken_at);
        let measurement = Measurement { taken_at, current: PerPhase::splat(Some(before)), offered: None };
        world.apply(SiteEvent::Measured(evse.clone(), measurement));
        world.site.alarms().contains(&SiteAlarm::Disobedient { evse: evse.clone() })
    };
    assert!(!is_held_to_disobey_at(16_000));
    assert!(!is_held_to_disobey_at(16_400), "it may be late");
    assert!(is_held_to_disobey_at(27_000), "twice its time is over");
}
