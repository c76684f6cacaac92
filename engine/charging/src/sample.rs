//! Random sites and problems for tests and benches: the same seed gives the same site, on every machine.

use units::civil::Zone;
use units::{Amperes, EvseId, PerPhase, Phase, SiteId, StationId, TimeSpan, Timestamp, Volts};

use crate::allocation::{AmpereSeconds, Candidate, Problem, SLICE};
use crate::network::{CircuitConfig, EvseConfig, EvseIndex, Network, SiteConfig, Supply, Wiring};
use crate::plan::Strategy;

/// A stream of pseudo-random integers: splitmix64, for samples only.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream that begins at `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An integer from `low` to `high`, both included.
    ///
    /// # Panics
    ///
    /// Where `high` is below `low`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        assert!(low <= high, "from {low} to {high} there is nothing");
        let span = u64::try_from(high - low).unwrap_or(0) + 1;
        low + i64::try_from(self.bits() % span).unwrap_or(0)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of `items`.
    ///
    /// # Panics
    ///
    /// Where there are none.
    pub fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        let last = i64::try_from(items.len()).unwrap_or(0) - 1;
        items[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }
}

/// A random four-level site: the grid connection, feeders of 64 EVSEs, boards of 16 and groups of 4, ratings jittered
/// by ±45 % around 45 % of what their EVSEs could draw, so that every level binds somewhere. Three of five EVSEs are
/// three-phase, the others one-phase, their wiring rotated; on [`Supply::It230`] one-phase ones sit between two lines.
///
/// # Panics
///
/// Never with fewer than 2^16 EVSEs.
#[must_use]
pub fn site(seed: u64, evses: usize, supply: Supply) -> SiteConfig {
    let mut random = Random::new(seed);
    let mut circuits = vec![circuit(&mut random, "main".to_owned(), None, evses)];
    let mut configs = Vec::with_capacity(evses);
    let mut name_of_level = ["main".to_owned(), String::new(), String::new(), String::new()];
    for place in 0..evses {
        for (level, size, kind) in [(1, 64, "feeder"), (2, 16, "board"), (3, 4, "group")] {
            if place % size == 0 {
                name_of_level[level] = format!("{kind}-{}", place / size + 1);
                let beyond = size.min(evses - place);
                circuits.push(circuit(
                    &mut random,
                    name_of_level[level].clone(),
                    Some(&name_of_level[level - 1]),
                    beyond,
                ));
            }
        }
        configs.push(evse(&mut random, place, &name_of_level[3], supply));
    }
    SiteConfig {
        id: id::<SiteId>("sample"),
        name: format!("Sample {seed}"),
        zone: Zone::utc(),
        supply,
        voltage_nominal: Volts::from_volts(230),
        circuits,
        evses: configs,
        strategy: Strategy::default(),
    }
}

/// The network of [`site`].
///
/// # Panics
///
/// Where the sample would be refused, which is a defect of the sample.
#[must_use]
pub fn network(seed: u64, evses: usize, supply: Supply) -> Network {
    match Network::build(site(seed, evses, supply)) {
        Ok(network) => network,
        Err(problems) => panic!("sample {seed} of {evses} EVSEs is refused: {problems:?}"),
    }
}

/// A random moment of `network`: all its EVSEs but about `percent_idle` % have a session, with mixed weights, demands,
/// turns, deficits and phases in use; headroom is what the worst base leaves, less up to a third of it.
#[must_use]
pub fn problem(seed: u64, network: &Network, percent_idle: i64) -> Problem {
    let mut random = Random::new(seed ^ 0x5eed);
    let now = Timestamp::EPOCH
        + TimeSpan::from_hours(24 * 365 * 50)
        + TimeSpan::from_seconds(random.between(0, 86_400));
    let headroom = network.rows().iter().map(|row| {
        let most = row.limit() - row.worst_base;
        most.ratio_floor(random.between(67, 100), 100)
    });
    let headroom = headroom.collect();
    let mut sessions = Vec::new();
    for key in network.evse_indices() {
        if !random.chance(percent_idle) {
            sessions.push(candidate(&mut random, network, key, now));
        }
    }
    Problem { now, headroom, sessions }
}

fn candidate(random: &mut Random, network: &Network, key: EvseIndex, now: Timestamp) -> Candidate {
    let config = &network.evse(key).config;
    let arrived = now - TimeSpan::from_seconds(random.between(60, 36_000));
    let since =
        now - TimeSpan::from_seconds(random.between(0, 3_600).min(now.since(arrived).seconds_floor()));
    let is_on = random.chance(60);
    let terminals = match random.between(0, 5) {
        0 => PerPhase::new(true, false, false),
        1 => PerPhase::new(true, true, false),
        _ => PerPhase::splat(true),
    };
    Candidate {
        key,
        class: config.class,
        weight: config.weight,
        min: config.current_min,
        max: config.current_max.ratio_floor(random.between(35, 100), 100),
        step: config.step,
        loads: network.loads(key, terminals).clone(),
        arrived,
        waiting_since: (!is_on).then_some(since),
        deficit: AmpereSeconds::of_floor(Amperes::from_amperes(random.between(-12, 12)), SLICE),
        survives_pause: config.survives_pause,
        is_on,
        on_since: is_on.then_some(since),
        departure: random.chance(50).then(|| now + TimeSpan::from_minutes(random.between(1, 600))),
        laxity: random.chance(50).then(|| TimeSpan::from_minutes(random.between(-60, 600))),
    }
}

fn circuit(random: &mut Random, name: String, parent: Option<&str>, evses: usize) -> CircuitConfig {
    let beyond = i64::try_from(evses).unwrap_or(i64::MAX);
    let mut rating = |_| {
        let percent = 45 * random.between(55, 145) / 100;
        Amperes::from_amperes((beyond * 20 * percent / 100).max(16))
    };
    CircuitConfig {
        id: id(&name),
        parent: parent.map(id),
        rating: PerPhase::from_fn(&mut rating),
        reserve: None,
        meter: None,
        worst_base: PerPhase::splat(Amperes::ZERO),
        static_headroom: None,
        name,
    }
}

fn evse(random: &mut Random, place: usize, group: &str, supply: Supply) -> EvseConfig {
    let station: StationId = id(&format!("evse-{}", place + 1));
    let turn = random.between(0, 2);
    let [a, b, c] = Phase::ALL
        .map(|phase| Phase::ALL[(phase.index() + usize::try_from(turn).unwrap_or(0)) % Phase::ALL.len()]);
    let wiring = match (random.chance(60), supply) {
        (true, _) => Wiring::ThreePhase(if random.chance(50) { [a, b, c] } else { [c, b, a] }),
        (false, Supply::Tn400) => Wiring::OnePhase(a),
        (false, Supply::It230) => Wiring::LineToLine([a, b]),
    };
    let current_max = Amperes::from_amperes(random.one_of(&[16, 16, 32]));
    let mut config = EvseConfig::new(EvseId { station, number: 1 }, id(group), wiring, current_max);
    config.weight = u32::try_from(random.between(1, 4)).unwrap_or(1);
    if random.chance(30) {
        config.step = Amperes::from_milliamperes(100);
    }
    config
}

/// Only for names this file makes, which are short and plain.
fn id<Id: std::str::FromStr>(text: &str) -> Id {
    match text.parse() {
        Ok(id) => id,
        Err(_) => panic!("`{text}` is not an id"),
    }
}
