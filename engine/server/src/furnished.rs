//! The demo's housing company, as large as wanted: the texts of a site file and of a scenario.

use std::fmt::Write;

/// EVSEs of one group at most.
const GROUP: usize = 7;
/// Groups on one riser.
const RISER: usize = 3;
/// A company of so many EVSEs has two that are public, for guests.
const WITH_GUESTS: usize = 10;
/// What gG fuses are made for, A.
const FUSES: [usize; 14] = [25, 35, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630];
/// Wirings in rotation, so that one-phase EVs spread over the phases.
const WIRINGS: [&str; 3] = ["L1L2L3", "L2L3L1", "L3L1L2"];

/// A site file with so many EVSEs.
pub fn site(evses: usize) -> String {
    let Company { main, worst_base, .. } = Company::of(evses);
    let mut file = format!(
        r#"id = "rivitie-5"
name = "As Oy Rivitie 5"
zone = "Europe/Helsinki"
supply = "tn_400"

[owner]
id = "as-oy-rivitie-5"
name = "As Oy Rivitie 5"
vat = "not_registered"
plan = "per_kwh"

[[tariffs]]
id = "residents"
valid_from = "2024-09-01"
energy_eur_per_kwh = 0.20

[[tariffs]]
id = "guests"
valid_from = "2024-09-01"
energy_eur_per_kwh = 0.35

[evse_defaults]
current_max_a = 16
current_min_a = 6
step_a = 1
fallback_a = 0
limit_expired_a = 0
is_fallback_proven = true
fallback_survives_boot = true
access = "private"
tariff = "residents"

[[circuits]]
id = "main"
name = "Main"
rating_a = {main}
worst_base_a = {worst_base}
meter = {{ id = "main", timeout_s = 30, accuracy_permille = 10 }}
"#
    );
    let groups = if evses <= GROUP { 0 } else { evses.div_ceil(GROUP) };
    let mut circuit = |id: String, name: String, parent: &str, rating: usize| {
        let _ = write!(
            file,
            "\n[[circuits]]\nid = \"{id}\"\nname = \"{name}\"\nparent = \"{parent}\"\nrating_a = {rating}\n"
        );
    };
    for riser in 0..groups.div_ceil(RISER) {
        let below = RISER.min(groups - riser * RISER);
        let letter = char::from(b'A' + u8::try_from(riser).unwrap_or(0));
        circuit(format!("riser-{riser}"), format!("Riser {letter}"), "main", fuse_for(21 * below).min(main));
    }
    for group in 0..groups {
        circuit(
            format!("group-{group}"),
            format!("Group {}", group + 1),
            &format!("riser-{}", group / RISER),
            40.min(main),
        );
    }
    for place in 0..evses {
        // As many in each group, or one less.
        let circuit =
            if groups == 0 { "main".to_owned() } else { format!("group-{}", place * groups / evses) };
        let (number, wiring) = (place + 1, WIRINGS[place % WIRINGS.len()]);
        let _ = write!(
            file,
            "\n[[evses]]\nid = \"P{number:03}/1\"\nname = \"Place {number}\"\ncircuit = \"{circuit}\"\n\
             wiring = \"{wiring}\"\n"
        );
        if evses >= WITH_GUESTS && place + 2 >= evses {
            file.push_str("access = \"public\"\ntariff_guests = \"guests\"\n");
        }
    }
    file
}

/// A winter Friday at that site: three of five EVSEs have an EV, a third of them one-phase, and most come home in the
/// evening.
pub fn scenario(evses: usize) -> String {
    let Company { flats, .. } = Company::of(evses);
    let cars = (evses * 3).div_ceil(5);
    let one_phase = cars / 3;
    format!(
        r#"title = "The demo"
seed = 7
site = "site.toml"
starts = "2026-01-16T00:00"
duration_h = 24

[people]
kind = "generated"
cars = {cars}
one_phase = {one_phase}
day = "apartments"
stays_per_week = 7

[[base_load]]
circuit = "main"
kind = "flats"
flats = {flats}
monthly_kwh = 150
standing_a = 2
sauna = {{ current_a = 9, from_hour = 17, to_hour = 22 }}
"#
    )
}

/// How a company of so many EVSEs is built: three flats for two EVSEs, and a main fuse that flats and EVs fill.
struct Company {
    flats: usize,
    /// The main fuse, A.
    main: usize,
    /// The most that the flats take, A.
    worst_base: usize,
}

impl Company {
    fn of(evses: usize) -> Self {
        let flats = (evses * 3).div_ceil(2);
        let main = fuse_for((evses * 5 / 2).max(25));
        Self { flats, main, worst_base: main * 45 / 100 }
    }
}

/// The smallest fuse for `current`, A.
fn fuse_for(current: usize) -> usize {
    FUSES.into_iter().find(|fuse| *fuse >= current).unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use twin::scenario_file::{Found, SeedChoice, load};

    use super::*;

    #[test]
    fn forty_evses_hang_on_two_risers_and_six_groups_and_two_are_public() {
        let found = Found { site: site(40), ..Found::default() };
        let scenario = load("demo", "scenario.toml", &scenario(40), &found, SeedChoice::OfFile).unwrap();
        let config = &scenario.site.config;
        let ratings: Vec<(&str, i64)> = config
            .circuits
            .iter()
            .map(|circuit| (circuit.id.as_str(), circuit.rating.l1.milliamperes() / 1_000))
            .collect();
        let risers = [("riser-0", 63), ("riser-1", 63)];
        let groups = ["group-0", "group-1", "group-2", "group-3", "group-4", "group-5"].map(|id| (id, 40));
        assert_eq!(ratings, [&[("main", 100)][..], &risers, &groups].concat());
        assert_eq!(config.circuits[0].worst_base.l1.milliamperes(), 45_000);
        let evses_of = |id: &str| config.evses.iter().filter(|evse| evse.circuit.as_str() == id).count();
        assert!(groups.iter().all(|(id, _)| matches!(evses_of(id), 6 | 7)));
        assert_eq!(site(40).matches("access = \"public\"").count(), 2);
        assert!(super::scenario(40).contains("cars = 24\none_phase = 8\n"));
    }

    #[test]
    fn companies_of_every_size_can_be_built_and_played() {
        for evses in [1, 4, 8, 9, 40, 41, 200, 400] {
            let found = Found { site: site(evses), ..Found::default() };
            let loaded = load("demo", "scenario.toml", &scenario(evses), &found, SeedChoice::OfFile);
            let scenario = loaded.unwrap_or_else(|problems| panic!("{evses} EVSEs: {problems:?}"));
            assert_eq!(scenario.site.config.evses.len(), evses);
            charging::network::Network::build(scenario.site.config).unwrap();
        }
    }
}
