//! Who comes when: the stays of a scenario, drawn by its seed where it does not name them.

use charging::network::EvseConfig;
use plant::ev::{EvModel, EvPhases};
use plant::people::{Event, Habits, People as Sampler};
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use units::civil::CivilDate;
use units::{EvseId, IdToken, Phase, TimeSpan, Timestamp};

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
    let sampled = sampled(scenario, generated);
    let mut rng = ChaCha8Rng::seed_from_u64(scenario.seed ^ 0x7065_6f70_6c65);
    let mut places = match generated.crowd {
        Crowd::Anywhere | Crowd::OnL1 => Places::OfTheirOwn(deal(scenario, generated, &mut rng)),
        Crowd::AnyFree => Places::Free(scenario.site.config.evses.iter().map(|evse| (evse, None)).collect()),
    };
    let mut cars = Cars { one_phase: generated.one_phase, drawn: Vec::new() };
    let is_once = match generated.day {
        DayKind::Apartments | DayKind::Workplace => false,
        DayKind::Public | DayKind::Hotel | DayKind::Event { .. } => true,
    };
    let volts = scenario.site.config.voltage_nominal;
    let mut stays = Vec::new();
    for stay in sampled {
        if stay.arrival < scenario.starts_at || stay.arrival >= scenario.ends_at {
            continue;
        }
        let ev = cars.of(stay.user, &mut rng).clone();
        let Some(evse) = places.take(&stay, &mut rng) else { continue };
        let phases = u8::try_from(evse.wiring.phases()).ok().and_then(EvPhases::from_count);
        let phases = phases.unwrap_or(EvPhases::Three);
        let wanted = stay.energy_alone(&ev, (phases, evse.current_max), volts);
        let (token, driver) = match generated.crowd {
            Crowd::Anywhere | Crowd::OnL1 => driver_at(&scenario.commerce, &evse.id),
            Crowd::AnyFree if is_once => (token(&format!("GUEST-{:05}", stay.user)), Driver::Guest),
            Crowd::AnyFree => {
                let name = format!("driver-{:05}", stay.user);
                (token(&format!("KEY-{name}")), Driver::Account(account(&name)))
            }
        };
        stays.push(Stay {
            evse: evse.id.clone(),
            ev,
            arrives_at: stay.arrival,
            departs_at: stay.departure,
            wanted,
            token,
            driver,
        });
    }
    stays
}

fn sampled(scenario: &Scenario, generated: &Generated) -> Vec<plant::people::Stay> {
    let users = u32::try_from(generated.cars).unwrap_or(u32::MAX);
    let habits = match generated.day {
        DayKind::Apartments => Habits::Apartments,
        DayKind::Workplace => Habits::Workplace,
        DayKind::Public => Habits::Public,
        DayKind::Hotel => Habits::Hotel,
        DayKind::Event { starts_at, ends_at } => {
            return Event { cars: users, starts_at, ends_at }.stays(scenario.seed);
        }
    };
    let zone = scenario.site.config.zone.clone();
    let sampler = Sampler { habits, users, stays_per_week: generated.stays_per_week, zone };
    sampler.days(dates(scenario), scenario.seed)
}

/// Where the cars of a scenario can stand.
enum Places<'a> {
    /// By user.
    OfTheirOwn(Vec<&'a EvseConfig>),
    /// Every EVSE, and when its last car leaves.
    Free(Vec<(&'a EvseConfig, Option<Timestamp>)>),
}

impl<'a> Places<'a> {
    fn take(&mut self, stay: &plant::people::Stay, rng: &mut ChaCha8Rng) -> Option<&'a EvseConfig> {
        match self {
            Self::OfTheirOwn(places) => places.get(usize::try_from(stay.user).ok()?).copied(),
            Self::Free(places) => {
                let is_free =
                    |left: Option<Timestamp>| left.is_none_or(|left| left + CHANGEOVER <= stay.arrival);
                let free: Vec<usize> = (0..places.len()).filter(|&place| is_free(places[place].1)).collect();
                let (evse, left) = &mut places[*free.choose(rng)?];
                *left = Some(stay.departure);
                Some(evse)
            }
        }
    }
}

/// From one car's leaving until the next one can take its place.
const CHANGEOVER: TimeSpan = TimeSpan::from_minutes(2);

/// The cars by user, drawn as they come to be known.
struct Cars {
    /// The first so many are one-phase and all others are not; none: the mix decides.
    one_phase: Option<usize>,
    drawn: Vec<EvModel>,
}

impl Cars {
    fn of(&mut self, user: u32, rng: &mut ChaCha8Rng) -> &EvModel {
        let place = usize::try_from(user).unwrap_or(0);
        while self.drawn.len() <= place {
            let model = match self.one_phase {
                Some(count) => draw(self.drawn.len() < count, rng),
                None => EvModel::sample(rng),
            };
            self.drawn.push(model);
        }
        &self.drawn[place]
    }
}

/// The EVSEs that have a car, dealt by seed; in a crowd on L1 those of one-phase cars first.
fn deal<'a>(scenario: &'a Scenario, generated: &Generated, rng: &mut ChaCha8Rng) -> Vec<&'a EvseConfig> {
    let mut evses: Vec<_> = scenario.site.config.evses.iter().collect();
    evses.shuffle(rng);
    if generated.crowd == Crowd::OnL1 {
        // A stable sort keeps the order dealt within both parts.
        evses.sort_by_key(|evse| evse.wiring.lines().first() != Some(&Phase::L1));
    }
    evses.into_iter().take(generated.cars).collect()
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
