//! A small scenario for tests: a main circuit of 40 A with a group of 32 A, four EVSEs, three cars.

use crate::Scenario;
use crate::scenario_file::{Found, SeedChoice, load};

pub const SITE: &str = r#"
id = "small"
name = "A small site"
zone = "Europe/Helsinki"
supply = "tn_400"
[owner]
id = "owner"
name = "Owner"
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
[[circuits]]
id = "main"
name = "Main"
rating_a = 40
worst_base_a = 12
meter = { id = "main" }
[[circuits]]
id = "group"
name = "Group"
parent = "main"
rating_a = 32
[evse_defaults]
circuit = "group"
current_max_a = 16
is_fallback_proven = true
fallback_survives_boot = true
access = "private"
tariff = "residents"
[[evses]]
id = "P1/1"
wiring = "L1L2L3"
[[evses]]
id = "P2/1"
wiring = "L2L3L1"
[[evses]]
id = "P3/1"
wiring = "L3L1L2"
[[evses]]
id = "P4/1"
wiring = "L1L2L3"
access = "public"
tariff_guests = "guests"
"#;

pub const SCENARIO: &str = r#"
title = "Three cars at a small site"
seed = 3
site = "site.toml"
starts = "2026-01-16T16:00"
duration_h = 5
[people]
kind = "listed"
[[people.cars]]
name = "three-phase"
usable_kwh = 60
ac_phases = 3
ac_kw = 11
[[people.cars]]
name = "one-phase"
usable_kwh = 30
ac_phases = 1
ac_kw = 3.6
[[people.stays]]
evse = "P1/1"
car = "three-phase"
arrives = "2026-01-16T16:10"
departs = "2026-01-16T19:30"
energy_kwh = 12
[[people.stays]]
evse = "P2/1"
car = "one-phase"
arrives = "2026-01-16T16:20"
departs = "2026-01-16T20:00"
energy_kwh = 6
[[people.stays]]
evse = "P4/1"
car = "three-phase"
arrives = "2026-01-16T16:30"
departs = "2026-01-16T20:30"
energy_kwh = 14.5
[[base_load]]
circuit = "main"
kind = "flats"
flats = 20
monthly_kwh = 150
"#;

/// The scenario, with `more` TOML at its end.
pub fn scenario_with(more: &str) -> Scenario {
    scenario_of(&format!("{SCENARIO}{more}"))
}

/// A scenario at the sample's site.
pub fn scenario_of(text: &str) -> Scenario {
    let found = Found { site: SITE.to_owned(), ..Found::default() };
    load("small", "scenario.toml", text, &found, SeedChoice::OfFile)
        .unwrap_or_else(|problems| panic!("{}", crate::document::list(&problems)))
}

/// The scenario.
pub fn scenario() -> Scenario {
    scenario_with("")
}
