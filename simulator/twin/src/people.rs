//! Who comes when: the stays of a scenario, drawn by its seed where it does not name them.

use plant::ev::EvModel;
use plant::people::{Habits, People as Sampler};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use units::civil::CivilDate;
use units::{EvseId, IdToken, Phase, TimeSpan};

use crate::scenario::{Crowd, DayKind, Driver, Generated, People, Scenario, Stay};
use crate::site_file::{AccessKind, Commerce};

/// All stays of a scenario, in order of arrival.
#[must_use]
pub fn stays(scenario: &Scenario) -> Vec<Stay> {
    match &scenario.people {
        People::Stays(stays) => stays.clone(),
        People::Generated(generated) => sample(scenario, generated),
    }
}

/// Who charges at an EVSE, and with which token, where the scenario does not say: the EVSE's own resident, or a guest.
#[must_use]
pub fn driver_at(commerce: &Commerce, evse: &EvseId) -> (IdToken, Driver) {
    let access = commerce.evses.iter().find(|access| access.evse == *evse).map(|access| access.access);
    let place: String = evse.to_string().replace('/', "-").chars().take(30).collect();
    match access {
        Some(AccessKind::Public) => (token(&format!("GUEST-{place}")), Driver::Guest),
        Some(AccessKind::Private | AccessKind::Both) | None => {
            (token(&format!("KEY-{place}")), Driver::Account(account(&place)))
        }
    }
}

fn sample(scenario: &Scenario, generated: &Generated) -> Vec<Stay> {
    let mut rng = ChaCha8Rng::seed_from_u64(scenario.seed ^ 0x7065_6f70_6c65);
    let places = deal(scenario, generated, &mut rng);
    let cars: Vec<EvModel> = (0..places.len()).map(|car| draw(car < generated.one_phase, &mut rng)).collect();
    let sampler = Sampler {
        habits: match generated.day {
            DayKind::Apartments => Habits::Apartments,
            DayKind::Workplace => Habits::Workplace,
        },
        users: u32::try_from(places.len()).unwrap_or(u32::MAX),
        stays_per_week: generated.stays_per_week,
        zone: scenario.site.config.zone.clone(),
    };
    let sampled = sampler.days(dates(scenario), scenario.seed);
    let within = sampled
        .into_iter()
        .filter(|stay| stay.arrival >= scenario.starts_at && stay.arrival < scenario.ends_at);
    within
        .filter_map(|stay| {
            let user = usize::try_from(stay.user).ok()?;
            let evse = places.get(user)?.clone();
            let (token, driver) = driver_at(&scenario.commerce, &evse);
            Some(Stay {
                evse,
                ev: cars.get(user)?.clone(),
                arrives_at: stay.arrival,
                departs_at: stay.departure,
                wanted: stay.energy_wanted,
                token,
                driver,
            })
        })
        .collect()
}

/// The EVSEs that have a car: those of one-phase cars first, the rest dealt by seed.
fn deal(scenario: &Scenario, generated: &Generated, rng: &mut ChaCha8Rng) -> Vec<EvseId> {
    let mut evses: Vec<_> = scenario.site.config.evses.iter().collect();
    evses.shuffle(rng);
    match generated.crowd {
        Crowd::Anywhere => {}
        // A stable sort keeps the order dealt within both parts.
        Crowd::OnL1 => evses.sort_by_key(|evse| evse.wiring.lines().first() != Some(&Phase::L1)),
    }
    evses.into_iter().take(generated.cars).map(|evse| evse.id.clone()).collect()
}

fn draw(is_one_phase: bool, rng: &mut ChaCha8Rng) -> EvModel {
    loop {
        let model = EvModel::sample(rng);
        if model.is_one_phase() == is_one_phase {
            return model;
        }
    }
}

/// The days of a scenario on the site's calendar.
fn dates(scenario: &Scenario) -> Vec<CivilDate> {
    let zone = &scenario.site.config.zone;
    let mut dates = Vec::new();
    let mut at = scenario.starts_at;
    while at < scenario.ends_at {
        let date = zone.civil(at).date;
        if dates.last() != Some(&date) {
            dates.push(date);
        }
        at += TimeSpan::from_hours(12);
    }
    dates
}

fn token(text: &str) -> IdToken {
    text.parse().unwrap_or_else(|error| panic!("an EVSE id makes a token: {error}"))
}

fn account(text: &str) -> units::AccountId {
    text.parse().unwrap_or_else(|error| panic!("an EVSE id makes an account: {error}"))
}
