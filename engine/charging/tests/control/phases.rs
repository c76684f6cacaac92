//! Phases that an EV does not use, and until when that is believed.

use super::*;

#[test]
fn a_one_phase_ev_frees_the_phases_it_does_not_use() {
    let (world, evse) = with_one_phase_ev();
    assert_eq!(occupied(&world, &evse), 1, "{:?}", world.site.evse_view(world.now, &evse));
}

/// Records could not be committed, so that the end of a transaction and the begin of the next were told much later than
/// that one EV left and another came.
#[test]
fn s2_after_an_ev_left_the_next_one_may_use_every_phase_although_no_transaction_was_told_to_end() {
    let (mut world, evse) = with_one_phase_ev();
    let before = world.now;
    world.now += TimeSpan::from_seconds(60);
    for ev in [EvState::Absent, EvState::Connected, EvState::SuspendedEvse, EvState::Charging] {
        world.apply(SiteEvent::EvState(evse.clone(), ev));
        assert_eq!(occupied(&world, &evse), 3, "{ev:?}");
    }
    // What the first EV drew is told again and again.
    for seconds in 0..3 {
        let [l1, none] = [6, 0].map(|current| Some(Amperes::from_amperes(current)));
        let taken_at = before + TimeSpan::from_seconds(seconds);
        let measurement =
            Measurement { taken_at, current: PerPhase { l1, l2: none, l3: none }, offered: None };
        world.apply(SiteEvent::Measured(evse.clone(), measurement));
    }
    assert_eq!(occupied(&world, &evse), 3);
}

/// A world in which the EV at an EVSE of three phases was seen to use one.
fn with_one_phase_ev() -> (World, EvseId) {
    let mut world = World::new(8, Character { rating: 90, ..Character::OBEDIENT });
    let evse: EvseId = "CP01/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    world.quiet_minutes(5, 5);
    (world, evse)
}

fn occupied(world: &World, evse: &EvseId) -> usize {
    let ceiling = world.site.evse_view(world.now, evse).unwrap().ceiling;
    ceiling.iter().filter(|(_, current)| **current > Amperes::ZERO).count()
}
