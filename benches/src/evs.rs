//! EVs on a sample site: they draw what they are offered, up to what they take, and the site's meter shows it.

use charging::network::source::MeterSource;
use charging::network::{MeterConfig, Network, SiteConfig, Supply};
use charging::sample::{self, Random};
use units::{Amperes, PerPhase, TimeSpan};

/// The meter at the grid connection.
pub const METER: &str = "main";

/// Whether the EVSE at `place` has an EV, so that `active` of `evses` have one, spread evenly.
#[must_use]
pub const fn is_active(place: usize, active: usize, evses: usize) -> bool {
    (place + 1) * active / evses > place * active / evses
}

/// A generated four-level site with a meter at its grid connection, whose stations are known to fall back as told.
#[must_use]
pub fn metered_site(seed: u64, evses: usize) -> SiteConfig {
    let mut config = sample::site(seed, evses, Supply::Tn400);
    for evse in &mut config.evses {
        evse.is_fallback_proven = true;
    }
    if let Some(main) = config.circuits.first_mut() {
        let timeout = TimeSpan::from_seconds(30);
        main.meter = METER.parse().ok().map(|id| MeterConfig {
            id,
            timeout,
            accuracy_permille: 10,
            source: MeterSource::default(),
        });
    }
    config
}

/// What EVs and the building draw.
#[derive(Debug)]
pub struct Evs {
    network: Network,
    /// By place of the EVSE: the most its EV takes per phase, and on how many phases.
    appetites: Vec<(Amperes, i64)>,
    /// What the building draws, per phase.
    base: PerPhase<Amperes>,
    base_most: PerPhase<Amperes>,
    random: Random,
}

impl Evs {
    /// One EV for each EVSE of `config`, drawn by `seed`.
    ///
    /// # Panics
    ///
    /// Where the network refuses the site.
    #[must_use]
    pub fn new(seed: u64, config: SiteConfig) -> Self {
        let network = match Network::build(config) {
            Ok(network) => network,
            Err(problems) => panic!("the sample is refused: {problems:?}"),
        };
        let mut random = Random::new(seed);
        let appetites = network.evses().iter().map(|evse| {
            let most = Amperes::from_amperes(random.between(10, 20)).min(evse.config.current_max);
            (most, evse.config.wiring.phases())
        });
        let appetites = appetites.collect();
        let main = network
            .circuits()
            .first()
            .map_or_else(PerPhase::default, |main| main.rows.map(|row| network.row(row).rating));
        let base_most = main.map(|rating| rating.ratio_floor(20, 100));
        let base = main.map(|rating| rating.ratio_floor(10, 100));
        Self { network, appetites, base, base_most, random }
    }

    /// The site.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// What the EV at `place` draws at its terminals under `limit`.
    #[must_use]
    pub fn drawn(&self, place: usize, limit: Amperes) -> PerPhase<Amperes> {
        let (most, phases) = self.appetites[place];
        let current = limit.min(most);
        let on = |phase: i64| if phase <= phases { current } else { Amperes::ZERO };
        PerPhase::new(on(1), on(2), on(3))
    }

    /// What the meter shows with each EVSE at its limit, by place; the building's part wanders.
    pub fn metered(&mut self, limits: &[Amperes]) -> PerPhase<Amperes> {
        let random = &mut self.random;
        self.base = self.base.zip_with(self.base_most, |base, most| {
            (base + Amperes::from_milliamperes(random.between(-1_000, 1_000))).max(Amperes::ZERO).min(most)
        });
        let mut sum = self.base;
        for index in self.network.evse_indices() {
            let drawn = self.drawn(index.place(), limits[index.place()]);
            sum += self.network.site_currents(index, drawn).at_most;
        }
        sum
    }
}
