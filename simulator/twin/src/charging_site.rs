//! Sites and sessions as one JSON file, `charging-site/1`: the form in which allocators of several projects are compared.
//!
//! ```json
//! {"format": "charging-site/1", "name": "site-54", "seed": 101, "step_minutes": 5, "horizon_minutes": 1440, "volts": 230,
//!  "nodes":    [{"id": "main", "parent": null, "limit_a": [145, 145, 145]}],
//!  "evses":    [{"id": "cp000", "node": "main", "phases": [1, 2, 3], "min_a": 6, "max_a": 32}],
//!  "sessions": [{"id": "s0", "evse": "cp000", "arrival_min": 460, "departure_min": 1125, "energy_kwh": 6.7, "max_a": 32}]}
//! ```
//!
//! What the format does not say: each EVSE is a station of its own, whose fallback is 0 A and proven; nothing is held in
//! reserve and no base load flows, so that a limit is all there is to share, as in the peers' programs; an EV loads the
//! phases of its EVSE, takes its maximum until it has what it wants, follows its pilot after 4 s and rises by 4 A a second.
//! The day begins at [`BEGINS`]. Whoever charges is an account of one owner, at a price that only makes sums.

use std::collections::BTreeMap;

use billing::contract::FeePlan;
use billing::vat::VatStatus;
use charging::network::{CircuitConfig, EvseConfig, Network, SiteConfig, Supply, Wiring};
use charging::plan::Strategy;
use plant::battery::Taper;
use plant::ev::{EvModel, EvPhases, Pause};
use plant::meter::GridMeterConfig;
use units::civil::{CivilDate, Zone};
use units::{
    Amperes, CircuitId, Currency, EvseId, PerPhase, Phase, StationId, TimeSpan, Timestamp, UnitPrice, Volts,
    WattHours,
};

use crate::document::{Document, Problem, Section};
use crate::people::driver_at;
use crate::scenario::{People, Scenario, Stay, Timing};
use crate::scenario_file::{SeedChoice, default_stations};
use crate::site_file::{AccessKind, Commerce, EvseAccess, Owner, SiteFile};
use crate::tariff_file::StatedTariff;

/// The first instant of every such scenario: midnight UTC of 1 June 2026, a Monday without a change of clocks near it.
pub const BEGINS: Timestamp = Timestamp::from_milliseconds(1_780_272_000_000);
/// The format that is read.
const FORMAT: &str = "charging-site/1";
/// No current may be above this, in mA, nor a time, in minutes: a year.
const CURRENT_MA: i64 = 100_000_000;
const MINUTES: i64 = 527_040;
/// A battery that takes any AC power to the last Wh: so much per hour and usable energy.
const TAKES_ALL: f64 = 1_000.0;

/// Reads a file. `file` is for messages.
///
/// # Errors
///
/// Every mistake, with field, value, unit and way out.
pub fn load(file: &str, text: &str, seed: SeedChoice) -> Result<Scenario, Vec<Problem>> {
    let document = Document::parse_json(file, text);
    let scenario = document.root().and_then(|root| read(&root, seed));
    let is_whole = document.is_clean();
    if let Some(scenario) = scenario.as_ref().filter(|_| is_whole)
        && let Err(found) = Network::build(scenario.site.config.clone())
    {
        for problem in found {
            let field = format!("{}: {}", problem.thing, problem.field);
            document.report(field, Some(problem.value), problem.wanted);
        }
    }
    let problems = document.into_problems();
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        Some(_) | None => Err(problems),
    }
}

fn read(root: &Section<'_>, seed: SeedChoice) -> Option<Scenario> {
    let format = root.text("format", "`charging-site/1`");
    if format.as_deref().is_some_and(|format| format != FORMAT) {
        root.report("format", format!("needs `{FORMAT}`"));
    }
    let name = root.text("name", "the site's name");
    let stated_seed = root.whole("seed", 0..=i64::MAX, 1);
    // The peers' programs decide once a step; we decide when something happens.
    root.whole_required("step_minutes", 1..=1_440);
    let horizon = root.whole_required("horizon_minutes", 1..=MINUTES);
    let volts = root.thousandths_required("volts", "V", 100_000..=500_000);
    let circuits: Vec<Option<CircuitConfig>> = needed(root, "nodes").iter().map(read_node).collect();
    let evses: Vec<Option<EvseConfig>> = needed(root, "evses").iter().map(read_evse).collect();
    let by_id: BTreeMap<EvseId, &EvseConfig> =
        evses.iter().flatten().map(|evse| (evse.id.clone(), evse)).collect();
    let sessions: Vec<Option<Session>> =
        needed(root, "sessions").iter().map(|section| read_session(section, &by_id, horizon)).collect();
    let evses: Vec<EvseConfig> = evses.into_iter().collect::<Option<_>>()?;
    let seed = match seed {
        SeedChoice::OfFile => u64::try_from(stated_seed).unwrap_or(0),
        SeedChoice::Given(seed) => seed,
    };
    let commerce = commerce(&evses)?;
    let sessions: Vec<Session> = sessions.into_iter().collect::<Option<_>>()?;
    let mut stays: Vec<Stay> = sessions.into_iter().map(|session| session.stay(&commerce)).collect();
    stays.sort_by_key(|stay| stay.arrives_at);
    let config = SiteConfig {
        id: "charging-site".parse().ok()?,
        name: name.clone()?,
        zone: Zone::utc(),
        supply: Supply::Tn400,
        voltage_nominal: Volts::from_millivolts(volts?),
        circuits: circuits.into_iter().collect::<Option<_>>()?,
        evses,
        strategy: Strategy::default(),
    };
    Some(Scenario {
        name: name.clone()?,
        title: format!("{}: {} stays at {} EVSEs", name?, stays.len(), config.evses.len()),
        seed,
        starts_at: BEGINS,
        ends_at: BEGINS + TimeSpan::from_minutes(horizon?),
        site: SiteFile { config, commerce: Some(commerce.clone()) },
        commerce,
        currency: Currency::Eur,
        stations: default_stations()?,
        people: People::Stays(stays),
        base_loads: Vec::new(),
        meters: GridMeterConfig::default(),
        timing: Timing::default(),
        faults: Vec::new(),
    })
}

fn needed<'a>(root: &Section<'a>, key: &str) -> Vec<Section<'a>> {
    let sections = root.sections(key);
    if sections.is_empty() {
        root.report(key, "needs at least one");
    }
    sections
}

fn read_node(section: &Section<'_>) -> Option<CircuitConfig> {
    let id = section.parsed::<CircuitId>("id", "the node's id");
    let parent = section.parsed_optional::<CircuitId>("parent", "the id of the node above, or null");
    let rating = section.amperes_per_phase("limit_a", 1..=CURRENT_MA);
    if !section.has("limit_a") {
        section.report("limit_a", "missing; [L1, L2, L3], A");
    }
    Some(CircuitConfig {
        id: id?,
        name: String::new(),
        parent,
        rating: rating?,
        reserve: Some(Amperes::ZERO),
        meter: None,
        worst_base: PerPhase::default(),
        static_headroom: None,
    })
}

fn read_evse(section: &Section<'_>) -> Option<EvseConfig> {
    let station = section.parsed::<StationId>("id", "the EVSE's id");
    let circuit = section.parsed::<CircuitId>("node", "the id of the node it hangs on");
    let wiring = section.required("phases", "one to three different ones of 1, 2, 3", read_wiring);
    let least = section.thousandths_required("min_a", "A", 1..=CURRENT_MA);
    let most = section.thousandths_required("max_a", "A", 1..=CURRENT_MA);
    let id = EvseId { station: station?, number: 1 };
    let mut evse = EvseConfig::new(id, circuit?, wiring?, Amperes::from_milliamperes(most?));
    evse.current_min = Amperes::from_milliamperes(least?);
    evse.is_fallback_proven = true;
    evse.fallback_survives_boot = true;
    Some(evse)
}

fn read_wiring(value: &toml::Value) -> Option<Wiring> {
    let phase = |value: &toml::Value| match value.as_integer()? {
        1 => Some(Phase::L1),
        2 => Some(Phase::L2),
        3 => Some(Phase::L3),
        _ => None,
    };
    let phases: Vec<Phase> = value.as_array()?.iter().map(phase).collect::<Option<_>>()?;
    let is_twice = phases.iter().enumerate().any(|(place, phase)| phases[..place].contains(phase));
    match *phases.as_slice() {
        _ if is_twice => None,
        [one] => Some(Wiring::OnePhase(one)),
        [one, two] => Some(Wiring::TwoPhase([one, two])),
        [one, two, three] => Some(Wiring::ThreePhase([one, two, three])),
        _ => None,
    }
}

/// A session as read.
struct Session {
    evse: EvseId,
    phases: EvPhases,
    arrives_at: Timestamp,
    departs_at: Timestamp,
    energy: WattHours,
    most: Amperes,
}

fn read_session(
    section: &Section<'_>,
    evses: &BTreeMap<EvseId, &EvseConfig>,
    horizon: Option<i64>,
) -> Option<Session> {
    section.text("id", "the session's id");
    let station = section.parsed::<StationId>("evse", "the id of its EVSE");
    let evse = station.map(|station| EvseId { station, number: 1 });
    let stated = evse.as_ref().and_then(|evse| evses.get(evse));
    if evse.is_some() && stated.is_none() {
        section.report("evse", "no such EVSE, or one that could not be read");
    }
    let last = horizon.unwrap_or(MINUTES);
    let arrival = section.whole_required("arrival_min", 0..=last);
    let departure = section.whole_required("departure_min", arrival.unwrap_or(0) + 1..=last.max(1));
    let energy = section.thousandths_required("energy_kwh", "kWh", 1..=1_000_000);
    let most = section.thousandths_required("max_a", "A", 1..=CURRENT_MA);
    let phases = u8::try_from(stated?.wiring.phases()).ok().and_then(EvPhases::from_count)?;
    Some(Session {
        evse: evse?,
        phases,
        arrives_at: BEGINS + TimeSpan::from_minutes(arrival?),
        departs_at: BEGINS + TimeSpan::from_minutes(departure?),
        energy: WattHours::from_watt_hours(energy?),
        most: Amperes::from_milliamperes(most?),
    })
}

impl Session {
    fn stay(self, commerce: &Commerce) -> Stay {
        let (token, driver) = driver_at(commerce, &self.evse);
        let ev = EvModel {
            name: "EV".to_owned(),
            usable: self.energy,
            phases: self.phases,
            current_minimum: Amperes::from_amperes(6),
            current_maximum: self.most,
            reaction: TimeSpan::from_seconds(4),
            ramp: Amperes::from_amperes(4),
            pause: Pause::Survives,
            taper: Taper { c_rate: TAKES_ALL, tail: TAKES_ALL, ..Taper::default() },
        };
        Stay {
            evse: self.evse,
            ev,
            arrives_at: self.arrives_at,
            departs_at: self.departs_at,
            wanted: self.energy,
            token,
            driver,
        }
    }
}

fn commerce(evses: &[EvseConfig]) -> Option<Commerce> {
    let tariff: units::TariffId = "everybody".parse().ok()?;
    let access = |evse: &EvseConfig| EvseAccess {
        evse: evse.id.clone(),
        access: AccessKind::Private,
        tariff: tariff.clone(),
        tariff_guests: None,
    };
    Some(Commerce {
        owner: Owner {
            id: "owner".parse().ok()?,
            name: "Owner".to_owned(),
            vat: VatStatus::NotRegistered,
            plan: FeePlan::PerKilowattHour,
        },
        evses: evses.iter().map(access).collect(),
        tariffs: vec![StatedTariff::per_kilowatt_hour(
            tariff,
            CivilDate { year: 2026, month: 1, day: 1 },
            UnitPrice::from_millionths(200_000),
        )],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, decisions};

    const SITE: &str = r#"{"format": "charging-site/1", "name": "three", "seed": 5, "step_minutes": 5,
        "horizon_minutes": 180, "volts": 230,
        "nodes": [{"id": "main", "parent": null, "limit_a": [16, 16, 32]}, {"id": "group", "parent": "main", "limit_a": [16, 16, 16]}],
        "evses": [{"id": "a", "node": "group", "phases": [1, 2, 3], "min_a": 6, "max_a": 32},
                  {"id": "b", "node": "group", "phases": [2], "min_a": 6, "max_a": 32},
                  {"id": "c", "node": "main", "phases": [3, 1], "min_a": 6, "max_a": 16}],
        "sessions": [{"id": "s0", "evse": "a", "arrival_min": 5, "departure_min": 125, "energy_kwh": 25, "max_a": 16},
                     {"id": "s1", "evse": "b", "arrival_min": 15, "departure_min": 175, "energy_kwh": 6, "max_a": 32}]}"#;

    #[test]
    fn a_file_runs_as_it_is_in_both_fidelities_and_no_row_is_overloaded() {
        let scenario = load("three.json", SITE, SeedChoice::OfFile).unwrap();
        assert_eq!(scenario.site.config.evses[2].wiring.to_string(), "L3L1");
        let frames = World::new(scenario.clone()).run();
        let decided = decisions::run(scenario).outcome;
        for outcome in [&frames, &decided] {
            assert!(outcome.firings.is_empty(), "{:?}", outcome.firings);
            let kwh: Vec<i64> = outcome.stays.iter().map(|stay| stay.delivered.watt_hours_floor()).collect();
            // Both share 16 A of L2 for two hours; the second gets the rest of its own alone.
            assert!((10_500..13_500).contains(&kwh[0]), "{kwh:?}");
            assert!((5_500..=6_000).contains(&kwh[1]), "{kwh:?}");
            assert_eq!(outcome.series.over.iter().map(|over| over.highest()).max(), Some(TimeSpan::ZERO));
        }
    }

    #[test]
    fn every_mistake_of_a_file_is_told_at_once() {
        let text = SITE
            .replace("\"charging-site/1\"", "\"charging-site/2\"")
            .replace("\"limit_a\": [16, 16, 32]", "\"limit_a\": [16, -1, 32]")
            .replace("[3, 1]", "[3, 3]")
            .replace("\"evse\": \"b\"", "\"evse\": \"x\"")
            .replace("\"departure_min\": 125", "\"departure_min\": 5")
            .replace("\"energy_kwh\": 6", "\"energy\": 6");
        let problems = load("three.json", &text, SeedChoice::OfFile).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for (field, words) in [
            ("format", "needs `charging-site/1`"),
            ("nodes[0].limit_a", "three of them for L1, L2, L3"),
            ("evses[2].phases", "one to three different ones of 1, 2, 3"),
            ("sessions[0].departure_min", "needs a whole number from 6 to 180"),
            ("sessions[1].evse", "no such EVSE"),
            ("sessions[1].energy_kwh", "missing"),
            ("sessions[1].energy", "unknown field"),
        ] {
            let is_told = told.iter().any(|line| line.contains(field) && line.contains(words));
            assert!(is_told, "{field}: {words}: {told:#?}");
        }
        let broken = load("three.json", "{\"format\": ", SeedChoice::OfFile).unwrap_err();
        assert!(broken[0].remedy.starts_with("not JSON"), "{broken:?}");
    }

    #[test]
    fn a_site_that_breaks_a_rule_of_the_network_is_refused_with_the_numbers() {
        let text = SITE.replace("\"parent\": \"main\"", "\"parent\": \"attic\"");
        let problems = load("three.json", &text, SeedChoice::OfFile).unwrap_err();
        let told = problems[0].to_string();
        assert_eq!(told, "three.json: circuit group: parent = `attic`: it must be a circuit of this site");
    }
}
