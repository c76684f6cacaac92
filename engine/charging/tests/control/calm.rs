//! What changes no limit waits for the next decision, and what comes and goes is one alarm.

use super::*;

/// The instant of the next decision after the main meter shows `more` than now, where none is due soon, from now on.
fn decided_after(world: &mut World, more: i64) -> TimeSpan {
    let is_due_soon =
        |world: &World| world.site.next_deadline().unwrap() < world.now + TimeSpan::from_seconds(9);
    let patience = world.now + TimeSpan::from_minutes(2);
    while is_due_soon(world) && world.now < patience {
        world.quiet_step_at(Amperes::from_amperes(5));
    }
    // Past the least span between two decisions, and before any renewal.
    world.now += TimeSpan::from_seconds(2);
    let current = world.total().map(|current| current + Amperes::from_amperes(more));
    let meter = "grid".parse().unwrap();
    world.apply(SiteEvent::GridReading { meter, taken_at: world.now, current });
    world.site.next_deadline().unwrap().since(world.now)
}

fn world_with(evs: i64, rating: i64) -> World {
    let mut world = World::new(31, Character { rating, base: 5, ..Character::OBEDIENT });
    for number in 0..evs {
        let evse: EvseId = format!("CP{number:02}/1").parse().unwrap();
        world.plug_in(&evse);
        world.apply(SiteEvent::EvState(evse, EvState::Charging));
    }
    world.quiet_minutes(5, 5);
    world
}

#[test]
fn s1_a_reading_waits_only_where_everybody_has_all_and_it_leaves_room() {
    let second = TimeSpan::from_seconds(1);
    assert!(
        decided_after(&mut world_with(1, 63), 3) > second * 5,
        "one EV with all it can use, and room for more"
    );
    assert!(decided_after(&mut world_with(1, 63), 60) <= TimeSpan::ZERO, "the row is full");
    assert!(decided_after(&mut world_with(6, 32), 1) <= second, "they share what there is");
}

#[test]
fn s1_what_a_raise_takes_leaves_no_room_for_the_next_reading() {
    let mut world = World::new(31, Character { rating: 63, base: 5, ..Character::OBEDIENT });
    world.quiet_minutes(5, 5);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    while !world.served().contains(&evse) {
        world.quiet_step_at(Amperes::from_amperes(5));
    }
    let second = TimeSpan::from_seconds(1);
    assert!(
        decided_after(&mut world, 45) <= second,
        "5 A, 45 A more and the 16 A just told are more than 60 A"
    );
}

#[test]
fn an_accepted_limit_is_looked_at_when_it_should_show_and_a_refused_one_at_once() {
    let second = TimeSpan::from_seconds(1);
    for (answer, looked_at_after) in
        [(DispatchAnswer::Accepted, second * 10), (DispatchAnswer::Rejected, second)]
    {
        let mut world = world_with(1, 63);
        let evse = world.stations.keys().next().unwrap().clone();
        world.now += second * 2;
        world.cap(&evse, 6);
        let commands = world.site.decide(world.now);
        let [Command { ticket, kind: CommandKind::SetLive { limit, .. }, .. }] = commands[..] else {
            panic!("one limit is told, not {commands:?}");
        };
        assert_eq!(limit, Amperes::from_amperes(6));
        world.apply(SiteEvent::Answered(ticket, answer));
        assert_eq!(world.site.next_deadline(), Some(world.now + looked_at_after), "{answer:?}");
    }
}

#[test]
fn a_meter_that_is_silent_every_other_minute_is_one_alarm_until_it_was_well_for_ten() {
    let mut world = world_with(1, 63);
    let is_told =
        |world: &World| world.site.alarms().iter().any(|alarm| matches!(alarm, SiteAlarm::MeterStale { .. }));
    let mut changes = Vec::new();
    for minute in 0..40 {
        world.is_meter_silent = minute < 20 && minute % 2 == 0;
        for _ in 0..60 {
            let before = is_told(&world);
            world.quiet_step_at(Amperes::from_amperes(5));
            if is_told(&world) != before {
                changes.push(minute);
            }
        }
    }
    // It was last silent in minute 18.
    assert!(matches!(changes[..], [0, 28 | 29]), "it began and ended in these minutes: {changes:?}");
}
