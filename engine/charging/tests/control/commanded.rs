//! What others command a circuit to carry holds in every decision, and lifts nothing.

use charging::site::Explanation;
use charging::terms::Commanded;

use super::*;

/// The site's only circuit, from `from` seconds from now on for `seconds`.
fn command(world: &World, from: i64, seconds: i64, amperes: i64) -> Commanded {
    let from = world.now + TimeSpan::from_seconds(from);
    Commanded {
        from,
        until: from + TimeSpan::from_seconds(seconds),
        circuit: world.site.network().circuits()[0].id.clone(),
        limit: Amperes::from_amperes(amperes),
    }
}

fn world(seed: u64) -> World {
    let mut world = World::new(seed, Character { rating: 63, always_plugged: true, ..Character::OBEDIENT });
    world.quiet_minutes(20, 5);
    world
}

#[test]
fn s9_a_command_sheds_when_it_begins_and_is_over_when_it_ends_by_itself() {
    let mut world = world(1);
    for id in world.stations.keys().cloned().collect::<Vec<_>>() {
        world.plug_in(&id);
        world.apply(SiteEvent::EvState(id, EvState::Charging));
    }
    world.quiet_minutes(20, 5);
    let before = world.total().highest();
    assert!(before > Amperes::from_amperes(40), "{before}");
    let commanded = command(&world, 600, 3_600, 25);
    world.apply(SiteEvent::Commanded(vec![commanded]));
    world.quiet_minutes(9, 5);
    assert!(world.total().highest() > Amperes::from_amperes(40), "it has not begun");
    world.quiet_minutes(3, 5);
    for minute in 2..59 {
        let total = world.total().highest();
        assert!(total <= Amperes::from_amperes(25), "{total} in minute {minute}");
        world.quiet_minutes(1, 5);
    }
    let row = world.site.explanations(world.now).find_map(|told: Explanation| told.row).unwrap();
    assert_eq!(row.commanded.map(|(limit, _)| limit), Some(Amperes::from_amperes(25)));
    world.quiet_minutes(20, 5);
    assert!(world.total().highest() > Amperes::from_amperes(40), "it is over");
}

#[test]
fn s9_where_base_load_alone_is_above_a_command_evs_get_nothing_and_no_start_is_accepted_that_would_add_to_it()
{
    let mut world = world(2);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(5, 5);
    assert!(world.served().contains(&evse));
    let commanded = command(&world, 0, 36_000, 3);
    world.apply(SiteEvent::Commanded(vec![commanded]));
    world.quiet_minutes(3, 5);
    assert_eq!(world.served(), BTreeSet::new());
    world.apply(SiteEvent::Commanded(Vec::new()));
    world.quiet_minutes(5, 5);
    assert!(world.served().contains(&evse), "what is commanded no more holds no more");
}

#[test]
fn s9_no_command_lifts_what_a_circuit_may_carry_and_one_for_no_circuit_of_the_site_changes_nothing() {
    let run = |commands: fn(&World) -> Vec<Commanded>| {
        let mut world = World::new(3, Character { rating: 32, always_plugged: true, ..Character::OBEDIENT });
        let commands = commands(&world);
        world.apply(SiteEvent::Commanded(commands));
        world.run(3_600);
        world.log
    };
    let none = run(|_| Vec::new());
    assert_eq!(run(|world| vec![command(world, 0, 36_000, 500)]), none);
    assert_eq!(
        run(|world| vec![Commanded {
            circuit: "elsewhere".parse().unwrap(),
            ..command(world, 0, 36_000, 1)
        }]),
        none
    );
}

#[test]
fn a_planner_is_told_what_commands_leave_now_and_later() {
    let mut world = world(4);
    let commands = vec![command(&world, -60, 600, 30), command(&world, 3_600, 600, 20)];
    world.apply(SiteEvent::Commanded(commands));
    let situation = world.site.situation(world.now);
    let [now, later] = [30, 20].map(|limit| {
        let of = situation
            .commanded
            .iter()
            .filter(|command| (command.from > world.now) == (limit == 20) && command.row.place() == 0);
        *of.collect::<Vec<_>>()[0]
    });
    assert_eq!(situation.headroom[0].1, now.headroom, "what is in force counts already");
    assert_eq!(now.uncommanded, later.uncommanded);
    assert_eq!(now.headroom - later.headroom, Amperes::from_amperes(10));
    assert!(situation.base > units::Watts::from_watts(2_000), "{}", situation.base);
}
