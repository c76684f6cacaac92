//! A housing company of 40 EVSEs for a month: the scenario that says how fast the twin is.

use twin::scenario_file::{self, Found, SeedChoice};
use twin::{Problem, Scenario};

/// The name of its folder.
pub const NAME: &str = "forty-evses-thirty-days";

/// The site of `scenarios/evening-peak-40-evse`.
pub const SITE: &str = include_str!("../../scenarios/evening-peak-40-evse/site.toml");

/// What must come out: nothing that a checker objects to.
pub const EXPECT: &str = "[[expect]]\nwhat = \"firings\"\nequals = 0\nreason = \"no checker fires\"\n";

/// `scenario.toml` for so many hours: 24 EVs that come most days, MeterValues every 60 s in transactions, the grid
/// meter every 10 s, no faults.
#[must_use]
pub fn scenario_text(hours: u32) -> String {
    format!(
        r#"title = "Forty EVSEs for a month"
seed = 7
site = "site.toml"
starts = "2026-01-01T00:00"
duration_h = {hours}

[people]
kind = "generated"
cars = 24
one_phase = 8
day = "apartments"
stays_per_week = 7

[stations]
meter_interval_s = 60

[[base_load]]
circuit = "main"
kind = "flats"
flats = 60
monthly_kwh = 150
standing_a = 2
sauna = {{ current_a = 9, from_hour = 17, to_hour = 22 }}

[meters]
period_s = 10
"#
    )
}

/// The scenario of so many hours.
///
/// # Errors
///
/// What is wrong with its text.
pub fn scenario(hours: u32) -> Result<Scenario, Vec<Problem>> {
    let found = Found { site: SITE.to_owned(), ..Found::default() };
    scenario_file::load(NAME, "scenario.toml", &scenario_text(hours), &found, SeedChoice::OfFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evening_of_the_month_is_clean_and_runs_the_same_twice() {
        let evening = || match scenario(20) {
            Ok(scenario) => studies::replay(scenario),
            Err(problems) => panic!("{problems:?}"),
        };
        let report = evening();
        assert!(report.is_clean(), "a checker fired: {:?}", report.rules);
        assert!(report.sessions.len() >= 10, "only {} stays", report.sessions.len());
        assert_eq!(report.event_hash, evening().event_hash);
    }
}
