//! Housing companies for a month or a year: the scenarios that say how fast the twin is.

use twin::scenario_file::{self, Found, SeedChoice};
use twin::{Problem, Scenario};

/// What must come out: nothing that a checker objects to.
pub const EXPECT: &str = "[[expect]]\nwhat = \"firings\"\nequals = 0\nreason = \"no checker fires\"\n";

/// EVs that come most nights to a housing company: MeterValues every 60 s in transactions, the grid meter every 10 s, no
/// faults.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The name of its folder.
    pub name: &'static str,
    evses: usize,
    cars: usize,
    days: u32,
}

/// The month by which builds are compared, on the site of `scenarios/evening-peak-40-evse`.
pub const MONTH: Case = Case { name: "forty-evses-thirty-days", evses: 40, cars: 24, days: 30 };

/// Longer ones, on sites alike, with two EVSEs in five occupied on the mean.
pub const LONG: [Case; 3] = [
    Case { name: "sixty-evses-thirty-days", evses: 60, cars: 49, days: 30 },
    Case { name: "three-hundred-evses-thirty-days", evses: 300, cars: 245, days: 30 },
    Case { name: "sixty-evses-a-year", evses: 60, cars: 49, days: 365 },
];

impl Case {
    /// Its `site.toml`.
    #[must_use]
    pub fn site(&self) -> String {
        match self.evses {
            40 => include_str!("../../scenarios/evening-peak-40-evse/site.toml").to_owned(),
            evses => self.generated_site(evses),
        }
    }

    /// Its `scenario.toml`.
    #[must_use]
    pub fn scenario(&self) -> String {
        self.scenario_of(self.days * 24)
    }

    /// The scenario of so many hours.
    ///
    /// # Errors
    ///
    /// What is wrong with its text.
    pub fn load(&self, hours: u32) -> Result<Scenario, Vec<Problem>> {
        let found = Found { site: self.site(), ..Found::default() };
        scenario_file::load(self.name, "scenario.toml", &self.scenario_of(hours), &found, SeedChoice::OfFile)
    }

    /// Risers of 20 EVSEs in groups of 7 at most, 2.5 A of the connection for each.
    fn generated_site(&self, evses: usize) -> String {
        let mut text = format!(
            r#"id = "{name}"
name = "{name}"
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

[[circuits]]
id = "main"
name = "Main"
rating_a = {rating}
worst_base_a = {evses}
meter = {{ id = "main", timeout_s = 30, accuracy_permille = 10 }}

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
"#,
            name = self.name,
            rating = evses * 5 / 2,
        );
        let circuit = |id: &str, parent: &str, rating_a: u32| {
            format!(
                "\n[[circuits]]\nid = \"{id}\"\nname = \"{id}\"\nparent = \"{parent}\"\nrating_a = {rating_a}\n"
            )
        };
        for riser in 0..evses.div_ceil(20) {
            text += &circuit(&format!("riser-{riser}"), "main", 63);
            for group in 0..3 {
                text += &circuit(&format!("group-{riser}-{group}"), &format!("riser-{riser}"), 40);
            }
        }
        for place in 0..evses {
            let (number, riser, group) = (place + 1, place / 20, place % 20 / 7);
            let wiring = ["L1L2L3", "L2L3L1", "L3L1L2"][place % 3];
            text += &format!(
                "\n[[evses]]\nid = \"P{number}/1\"\nname = \"Place {number}\"\ncircuit = \"group-{riser}-{group}\"\n\
                 wiring = \"{wiring}\"\n"
            );
        }
        text
    }

    fn scenario_of(&self, hours: u32) -> String {
        format!(
            r#"title = "{name}"
seed = 7
site = "site.toml"
starts = "2026-01-01T00:00"
duration_h = {hours}

[people]
kind = "generated"
cars = {cars}
one_phase = {one_phase}
day = "apartments"
stays_per_week = 7

[stations]
meter_interval_s = 60

[[base_load]]
circuit = "main"
kind = "flats"
flats = {flats}
monthly_kwh = 150
standing_a = 2
sauna = {{ current_a = 9, from_hour = 17, to_hour = 22 }}

[meters]
period_s = 10
"#,
            name = self.name,
            cars = self.cars,
            one_phase = self.cars / 3,
            flats = self.evses * 3 / 2,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evening_of_each_case_is_clean_and_runs_the_same_twice() {
        for case in std::iter::once(MONTH).chain(LONG) {
            let evening = || match case.load(20) {
                Ok(scenario) => studies::replay(scenario),
                Err(problems) => panic!("{}: {problems:?}", case.name),
            };
            let report = evening();
            assert!(report.is_clean(), "{}: a checker fired: {:?}", case.name, report.rules);
            assert!(report.sessions.len() >= 10, "{}: only {} stays", case.name, report.sessions.len());
            assert_eq!(report.event_hash, evening().event_hash, "{}", case.name);
        }
    }
}
