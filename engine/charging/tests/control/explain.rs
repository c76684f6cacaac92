//! Explanations: what limits whom, who shares the conductor, when there is more, what the plan intends.

use charging::allocation::SLICE;
use charging::site::{Explanation, More};

use super::*;

#[test]
fn every_explanation_of_random_sites_holds_together() {
    let character =
        Character { sends_plans: true, loses_links: true, rating: 32, base: 6, ..Character::OBEDIENT };
    let mut seen = BTreeSet::new();
    for seed in seeds(6) {
        let mut world = World::new(seed, character);
        for _ in 0..3 * 360 {
            world.run(10);
            for explanation in world.site.explanations(world.now) {
                world.assert_holds_together(&explanation);
                let kind = format!("{:?}", explanation.reason);
                seen.insert(kind.split([' ', '{']).next().unwrap_or_default().to_owned());
            }
        }
    }
    for kind in ["Free", "Offline", "Row", "Turn", "Rising", "EvseMaximum", "Plan"] {
        assert!(seen.contains(kind), "no EVSE was ever {kind}, but {seen:?}");
    }
}

#[test]
fn who_waits_for_a_turn_is_told_since_when_and_until_when_at_the_latest_and_is_on_by_then() {
    // Ten EVs on 32 A less reserve and at worst 6 A of base: three at a time.
    let character = Character { rating: 32, base: 6, always_plugged: true, ..Character::OBEDIENT };
    let mut world = World::new(1, character);
    world.run(3600);
    let mut promised: BTreeMap<EvseId, Timestamp> = BTreeMap::new();
    let mut kept = 0;
    for _ in 0..3 * 3600 {
        world.run(1);
        if world.now.floor_to(TimeSpan::from_minutes(1)) != world.now {
            continue;
        }
        let served = world.served();
        for Explanation { evse, more, .. } in world.site.explanations(world.now) {
            if served.contains(&evse) {
                kept += usize::from(promised.remove(&evse).is_some());
            } else if let More::Turn { at, waits_since: Some(since), by: Some(by) } = more {
                assert!(since <= world.now && at > world.now && at <= world.now + SLICE, "{evse}: {more:?}");
                promised.entry(evse).or_insert(by);
            }
        }
        let late = promised.iter().find(|(_, by)| world.now > **by + TimeSpan::from_minutes(3));
        assert_eq!(late, None, "promised and not kept at {}", world.now);
    }
    assert!(kept > 20, "only {kept} promises were kept");
}

#[test]
fn a_full_row_is_told_with_its_amperes_and_with_who_shares_it_and_leaves_first() {
    let mut world = World::new(2, Character { rating: 32, ..Character::OBEDIENT });
    let evses: Vec<EvseId> = [0, 3].map(|number| format!("CP{number:02}/1").parse().unwrap()).into();
    for evse in &evses {
        world.plug_in(evse);
        world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    }
    world.quiet_minutes(10, 5);
    let leaves = world.now + TimeSpan::from_hours(2);
    let wish = charging::plan::Wish { departs_at: Some(leaves), wanted: None };
    world.apply(SiteEvent::Wished(evses[1].clone(), wish));
    let told = world.explanation(&evses[0]);
    assert!(matches!(told.reason, LimitedBy::Row { .. }), "{told:?}");
    let row = told.row.unwrap();
    assert_eq!(
        (row.rating, row.sharers.clone(), row.sharers_count),
        (Amperes::from_amperes(32), vec![evses[1].clone()], 1)
    );
    assert!(
        row.is_metered && row.base >= Amperes::from_amperes(5) && row.ceilings > Amperes::from_amperes(12)
    );
    assert!(row.base + row.ceilings <= row.rating - row.reserve, "{row:?}");
    let More::Room { departs: Some(departure) } = told.more else { panic!("{:?}", told.more) };
    assert_eq!((departure.evse, departure.at), (evses[1].clone(), leaves));
}

#[test]
fn a_plans_intent_is_told_slot_by_slot_and_when_it_gives_more() {
    let mut world = World::new(3, Character::OBEDIENT);
    let evse: EvseId = "CP00/1".parse().unwrap();
    world.plug_in(&evse);
    world.apply(SiteEvent::EvState(evse.clone(), EvState::Charging));
    let starts_at = world.now.floor_to(SLICE);
    let caps: Vec<Amperes> = [8, 8, 16].map(Amperes::from_amperes).into();
    let planned =
        EvsePlan { caps, laxity: TimeSpan::from_hours(5), departs_at: Some(starts_at + SLICE * 20) };
    world.apply(SiteEvent::PlanReady(Plan {
        made_at: world.now,
        starts_at,
        slot: SLICE,
        evses: BTreeMap::from([(evse.clone(), planned)]),
    }));
    world.quiet_minutes(5, 5);
    let told = world.explanation(&evse);
    assert_eq!(told.reason, LimitedBy::Plan);
    assert_eq!(told.more, More::Plan { at: Some(starts_at + SLICE * 2) });
    let intent = told.plan.unwrap();
    let amperes = Amperes::from_amperes;
    assert_eq!(intent.caps, [(starts_at, amperes(8)), (starts_at + SLICE * 2, amperes(16))]);
    assert!(intent.caps_now && intent.next_slot_at == starts_at + SLICE);
    world.quiet_minutes(60, 5);
    assert_eq!(world.explanation(&evse).plan, None, "a plan that is over intends nothing");
}

#[test]
fn a_silent_meter_is_named() {
    let mut world = World::new(4, Character { always_plugged: true, rating: 32, ..Character::OBEDIENT });
    world.run(1800);
    world.is_meter_silent = true;
    world.run(120);
    let held: Vec<Explanation> = world
        .site
        .explanations(world.now)
        .filter(|told| matches!(told.reason, LimitedBy::Row { .. } | LimitedBy::StaleMeter { .. }))
        .collect();
    assert!(!held.is_empty());
    for told in held {
        assert_eq!(told.more, More::Meter { meter: Some("grid".parse().unwrap()) }, "{told:?}");
        assert!(told.row.as_ref().is_none_or(|row| row.is_stale), "{told:?}");
    }
}

#[test]
fn explaining_changes_nothing() {
    let run = |explains: bool| {
        let mut world = World::new(5, Character { sends_plans: true, ..Character::OBEDIENT });
        for _ in 0..1800 {
            world.run(1);
            if explains {
                assert_eq!(world.site.explanations(world.now).count(), 10);
            }
        }
        world.log
    };
    assert_eq!(run(true), run(false));
}

impl World {
    fn explanation(&self, evse: &EvseId) -> Explanation {
        self.site.explanations(self.now).find(|told| told.evse == *evse).unwrap()
    }

    fn assert_holds_together(&self, told: &Explanation) {
        let view = self.site.evse_view(self.now, &told.evse).unwrap();
        assert_eq!((&told.reason, told.limit), (&view.reason, view.limit));
        let is_row = matches!(told.reason, LimitedBy::Row { .. } | LimitedBy::Turn { .. });
        assert_eq!(told.row.is_some(), is_row, "{told:?}");
        if let Some(row) = &told.row {
            assert!(!row.sharers.contains(&told.evse) && row.sharers.len() <= row.sharers_count, "{row:?}");
            for sharer in &row.sharers {
                assert!(self.site.evse_view(self.now, sharer).unwrap().is_in_transaction, "{sharer}");
            }
        }
        let at = match &told.more {
            More::Ev { offered_at: at } | More::Plan { at } => *at,
            More::Turn { at, .. } => Some(*at),
            More::Room { departs } => departs.as_ref().map(|departure| departure.at),
            More::Raise { .. }
            | More::HasAll
            | More::Person
            | More::Station
            | More::Driver
            | More::Proof { .. }
            | More::Meter { .. } => None,
        };
        assert!(at.is_none_or(|at| at > self.now), "more at {at:?} when it is {}: {told:?}", self.now);
        if let Some(plan) = &told.plan {
            assert!(view.is_in_transaction && plan.next_slot_at > self.now, "{plan:?}");
            assert!(plan.caps.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1));
        }
    }
}
