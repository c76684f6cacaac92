//! What meters say against a wiring is a doubt: the worse of what is stated and what seems counts, until it is resolved.

use charging::wiring::WiringDoubt;

use super::*;

fn doubt(stated: Wiring, seems: Wiring) -> WiringDoubt {
    WiringDoubt { stated, seems, steps: 6, confidence_permille: 990 }
}

/// The stated wiring of an EVSE, and the one whose first terminal is on the next line.
fn turned(world: &World, evse: &EvseId) -> (Wiring, Wiring) {
    let network = world.site.network();
    let stated = network.evse(network.evse_by_id(evse).unwrap()).config.wiring;
    let [first, second, third] = stated.lines().try_into().unwrap();
    (stated, Wiring::ThreePhase([second, third, first]))
}

/// The lines that a one-phase EV at the EVSE counts on.
fn lines_of_one_phase(world: &World, evse: &EvseId) -> PerPhase<bool> {
    let network = world.site.network();
    network.lines_loaded(network.evse_by_id(evse).unwrap(), PerPhase::new(true, false, false))
}

#[test]
fn s1_an_evse_whose_wiring_is_doubted_counts_on_the_lines_of_both_wirings_and_s8_after_a_restart() {
    let mut world = World::new(31, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    let (stated, seems) = turned(&world, &evse);
    let on = |world: &World| lines_of_one_phase(world, &evse);
    let both = PerPhase::from_fn(|line| line == stated.lines()[0] || line == seems.lines()[0]);
    assert_eq!(on(&world).iter().filter(|(_, is_on)| **is_on).count(), 1);
    world.apply(SiteEvent::WiringDoubted(evse.clone(), doubt(stated, seems)));
    assert_eq!(on(&world), both);
    let alarm = SiteAlarm::WiringDoubted { evse: evse.clone(), doubt: doubt(stated, seems) };
    world.decide();
    assert!(world.site.alarms().contains(&alarm));
    // Of 10 A on the first terminal each of the two lines carries 10 A at most, and nothing for sure.
    let network = world.site.network();
    let ten = PerPhase::new(Amperes::from_amperes(10), Amperes::ZERO, Amperes::ZERO);
    let currents = network.site_currents(network.evse_by_id(&evse).unwrap(), ten);
    assert_eq!(currents.at_least, PerPhase::default());
    assert_eq!(currents.at_most, both.map(|is_on| if is_on { ten.l1 } else { Amperes::ZERO }));
    world.restart();
    assert_eq!(on(&world), both);
    assert!(world.site.alarms().contains(&alarm));
}

#[test]
fn what_cannot_be_is_no_doubt_and_the_first_doubt_stands() {
    let mut world = World::new(32, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    let (stated, seems) = turned(&world, &evse);
    let Wiring::ThreePhase([first, second, third]) = stated else { panic!("{stated}") };
    let before = lines_of_one_phase(&world, &evse);
    for (what, nonsense) in [
        ("as it is stated", doubt(stated, stated)),
        ("of what is not stated any more", doubt(seems, stated)),
        ("another kind", doubt(stated, Wiring::OnePhase(second))),
        ("a line twice", doubt(stated, Wiring::ThreePhase([second, second, third]))),
        ("between lines", doubt(stated, Wiring::LineToLine([first, second]))),
    ] {
        world.apply(SiteEvent::WiringDoubted(evse.clone(), nonsense));
        assert_eq!(lines_of_one_phase(&world, &evse), before, "{what}");
    }
    world.apply(SiteEvent::WiringDoubted("XX/1".parse().unwrap(), doubt(stated, seems)));
    world.apply(SiteEvent::WiringDoubted(evse.clone(), doubt(stated, seems)));
    let once = lines_of_one_phase(&world, &evse);
    world.apply(SiteEvent::WiringDoubted(
        evse.clone(),
        doubt(stated, Wiring::ThreePhase([third, first, second])),
    ));
    assert_eq!(lines_of_one_phase(&world, &evse), once);
    assert_ne!(once, before);
}

#[test]
fn the_question_is_asked_after_some_steps_and_holds_what_the_meter_showed_beside_them() {
    let mut world = World::new(33, Character { always_plugged: true, ..Character::OBEDIENT });
    let question = (0..240).find_map(|_| {
        world.run(60);
        world.site.take_wiring_question()
    });
    let question = question.unwrap();
    assert_eq!(question.meter.as_str(), "grid");
    assert!(question.samples.len() >= 4, "{}", question.samples.len());
    for sample in &question.samples {
        let ours = sample.drawn.iter().map(|(_, drawn)| drawn.highest()).sum::<Amperes>();
        assert!(
            sample.metered.l1 + sample.metered.l2 + sample.metered.l3 >= ours.ratio_floor(9, 10),
            "{sample:?}"
        );
    }
}
