//! A site as one TOML file: what `wattery admin site import` takes and what scenarios name.
//!
//! ```toml
//! id = "rivitie-5"
//! name = "As Oy Rivitie 5"
//! zone = "Europe/Helsinki"
//! supply = "tn_400"                      # or "it_230"
//! voltage_v = 230                        # default
//!
//! [owner]                                # optional: who sells, by which terms
//! id = "as-oy-rivitie-5"
//! name = "As Oy Rivitie 5"
//! vat = "not_registered"                 # registered | not_registered | exempt
//! plan = "per_kwh"                       # per_kwh | per_point
//!
//! [[tariffs]]
//! id = "residents"
//! valid_from = "2024-09-01"
//! energy_eur_per_kwh = 0.20              # prices by time, per hour and for parking: `tariff_file`
//!
//! [sharing]                              # optional; may be changed while it runs
//! allocator = "max_min"                  # max_min | equal_static | first_come | round_robin | earliest_deadline | least_laxity
//! planner = "lp_horizon"                 # none | lp_now | lp_horizon
//!
//! [[circuits]]                           # parents in any order; one has none
//! id = "main"
//! rating_a = 100                         # one number, or [L1, L2, L3]
//! worst_base_a = 45
//! static_headroom_a = 40                 # while the meter is stale
//! reserve_a = 4
//! meter = { id = "main", timeout_s = 30, accuracy_permille = 10 }   # with `source`: `meter_file`
//!
//! [evse_defaults]                        # fields that an EVSE may leave out
//! current_max_a = 16
//! access = "private"
//! tariff = "residents"
//!
//! [[evses]]
//! id = "P01/1"                           # station / EVSE number
//! circuit = "main"
//! wiring = "L1L2L3"                      # terminal L1, L2, L3 on these lines; "L2"; "L1L2"; on IT "L1-L3"
//! ```

use std::collections::BTreeSet;

use billing::contract::FeePlan;
use billing::vat::VatStatus;
use charging::allocation::Rule;
use charging::network::{
    CircuitConfig, EvseConfig, MeterConfig, Network, NetworkProblem, RestsOn, SiteConfig, Supply, Thing,
    Wiring,
};
use charging::plan::{PlannerName, Strategy};
use units::civil::Zone;
use units::{Amperes, CircuitId, EvseId, OwnerId, PerPhase, Phase, SiteId, TariffId, TimeSpan, Volts};

use crate::document::{Document, Problem, Section};
use crate::meter_file;
use crate::tariff_file::{self, StatedTariff};

/// A site file that was read and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFile {
    /// What charging needs; [`Network::build`] accepts it.
    pub config: SiteConfig,
    /// What business needs, where the file names an owner.
    pub commerce: Option<Commerce>,
}

/// Who sells at the site and by which terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commerce {
    /// The owner.
    pub owner: Owner,
    /// Tariff versions.
    pub tariffs: Vec<StatedTariff>,
    /// Access to each EVSE, in the order of the configuration.
    pub evses: Vec<EvseAccess>,
}

/// A site's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub id: OwnerId,
    /// Its name.
    pub name: String,
    /// Whether it charges VAT.
    pub vat: VatStatus,
    /// The service's fee.
    pub plan: FeePlan,
}

/// Who may charge at an EVSE, at which tariff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvseAccess {
    /// The EVSE.
    pub evse: EvseId,
    /// Who.
    pub access: AccessKind,
    /// The tariff of account holders.
    pub tariff: TariffId,
    /// The tariff of guests; present where guests may charge.
    pub tariff_guests: Option<TariffId>,
}

/// Who may charge at an EVSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// The site's accounts.
    Private,
    /// Everybody.
    Public,
    /// Accounts at their tariff, everybody else at the guests'.
    Both,
}

impl AccessKind {
    /// Whether guests may charge.
    #[must_use]
    pub const fn admits_guests(self) -> bool {
        match self {
            Self::Private => false,
            Self::Public | Self::Both => true,
        }
    }
}

/// Reads a site file and checks all of it, the network's rules (S4 among them) included.
///
/// # Errors
///
/// Every mistake, with field, value, unit and way out.
pub fn parse(file: &str, text: &str) -> Result<SiteFile, Vec<Problem>> {
    let document = Document::parse(file, text);
    let reading = document.root().map(|root| read_site(&root));
    let is_whole = document.is_clean();
    if let Some(Reading { config: Some(config), unsure, .. }) = &reading
        && let Err(found) = Network::build(config.clone())
    {
        let is_judged = |problem: &NetworkProblem| match (problem.rests_on, &problem.thing) {
            (RestsOn::Itself, _) => true,
            (RestsOn::Others, Thing::Row(_)) => is_whole,
            (RestsOn::Others, thing) => !unsure.contains(thing),
        };
        for problem in found.into_iter().filter(is_judged) {
            let field = format!("{}: {}", problem.thing, problem.field);
            document.report(field, Some(problem.value), problem.wanted);
        }
    }
    let problems = document.into_problems();
    match reading.map(|reading| (reading.config, reading.commerce)) {
        Some((Some(config), Some(commerce))) if problems.is_empty() => Ok(SiteFile { config, commerce }),
        Some(_) | None => Err(problems),
    }
}

/// A site as far as it could be read.
struct Reading {
    /// None where a circuit or EVSE could not be named: no rule of the network could be judged. A figure that could not
    /// be read has a stand-in.
    config: Option<SiteConfig>,
    /// What has a stand-in, or rests on one.
    unsure: BTreeSet<Thing>,
    /// `None` is a mistake; `Some(None)` a file without an owner.
    commerce: Option<Option<Commerce>>,
}

/// No rating, limit or base current of a site file may be above this, in mA.
const CURRENT_MA: i64 = 100_000_000;

fn read_site(root: &Section<'_>) -> Reading {
    let id = root.parsed("id", "the site's id, such as `rivitie-5`");
    let name = root.text("name", "the site's name for people");
    let zone = root.parsed::<Zone>("zone", "a zone of the IANA database, such as `Europe/Helsinki`");
    let supply = root.word("supply", &[("tn_400", Supply::Tn400), ("it_230", Supply::It230)]);
    let voltage = root.thousandths("voltage_v", "V", 100_000..=500_000).unwrap_or(230_000);
    let before = root.mistakes();
    let (circuits, evses) = (root.sections("circuits"), root.sections("evses"));
    let are_all_tables = root.mistakes() == before;
    if circuits.is_empty() {
        root.report("circuits", "at least one circuit is needed: the grid connection");
    }
    if evses.is_empty() {
        root.report("evses", "at least one EVSE is needed");
    }
    let defaults = root.table("evse_defaults").map(|table| ("evse_defaults", table));
    check_defaults(root);
    let sections: Vec<Section<'_>> =
        evses.into_iter().map(|section| section.with_defaults(defaults)).collect();
    let mut unsure = BTreeSet::new();
    let circuits =
        read_each(&circuits, read_circuit, |circuit| Thing::Circuit(circuit.id.clone()), &mut unsure);
    let evses = read_each(&sections, read_evse, |evse| Thing::Evse(evse.id.clone()), &mut unsure);
    if supply.is_none() {
        unsure.extend(evses.iter().flatten().map(|evse| Thing::Evse(evse.id.clone())));
    }
    if let (Some(circuits), Some(evses)) = (&circuits, &evses) {
        meter_file::check_sources(root, circuits, evses, supply);
    }
    let commerce = read_commerce(root, &sections);
    let strategy = root.section("sharing").map(|section| read_strategy(&section)).unwrap_or_default();
    let named = circuits.zip(evses).filter(|_| are_all_tables);
    let stand_in = || "site".parse::<SiteId>().ok();
    let config = named.zip(id.or_else(stand_in)).map(|((circuits, evses), id)| SiteConfig {
        id,
        name: name.unwrap_or_default(),
        zone: zone.unwrap_or_else(Zone::utc),
        supply: supply.unwrap_or(Supply::Tn400),
        voltage_nominal: Volts::from_millivolts(voltage),
        circuits,
        evses,
        strategy,
    });
    Reading { config, unsure, commerce }
}

fn read_strategy(section: &Section<'_>) -> Strategy {
    let allocator = section.word_optional("allocator", &Rule::ALL.map(|rule| (rule.name(), rule)));
    let planner =
        section.word_optional("planner", &PlannerName::ALL.map(|planner| (planner.name(), planner)));
    Strategy { allocator: allocator.unwrap_or_default(), planner: planner.unwrap_or_default() }
}

/// Reads all of a kind, and notes in `unsure` which had a mistake. None where one could not be named.
fn read_each<T>(
    sections: &[Section<'_>],
    read: impl Fn(&Section<'_>) -> Option<T>,
    thing: impl Fn(&T) -> Thing,
    unsure: &mut BTreeSet<Thing>,
) -> Option<Vec<T>> {
    let found: Vec<Option<T>> = sections
        .iter()
        .map(|section| {
            let before = section.mistakes();
            let found = read(section);
            unsure.extend(found.as_ref().filter(|_| section.mistakes() > before).map(&thing));
            found
        })
        .collect();
    found.into_iter().collect()
}

/// The circuit as far as it could be read; none where its id or its parent's could not.
fn read_circuit(section: &Section<'_>) -> Option<CircuitConfig> {
    let id = section.parsed::<CircuitId>("id", "the circuit's id");
    let name = section.optional("name", "a name for people", |value| value.as_str().map(str::to_owned));
    let parent = section.parsed_optional::<CircuitId>("parent", "the id of the circuit that feeds it");
    let rating = section.amperes_per_phase("rating_a", 1..=CURRENT_MA);
    if !section.has("rating_a") {
        section.report("rating_a", "missing; what the circuit may carry per phase, A");
    }
    let worst_base = section.amperes_per_phase("worst_base_a", 0..=CURRENT_MA);
    if !section.has("parent") && !section.has("worst_base_a") {
        section.report(
            "worst_base_a",
            "missing; the highest current per phase of everything that is not an EVSE, A (0 where there is nothing)",
        );
    }
    // Every field is read before the first mistake ends it, so that none is told to be unknown.
    let reserve = section.amperes("reserve_a", 0..=CURRENT_MA);
    let meter = section.section("meter").and_then(|meter| read_meter(&meter));
    let static_headroom = section.amperes_per_phase("static_headroom_a", 0..=CURRENT_MA);
    if parent.is_none() && section.has("parent") {
        return None;
    }
    Some(CircuitConfig {
        id: id?,
        name: name.unwrap_or_default(),
        parent,
        rating: rating.unwrap_or(PerPhase::splat(Amperes::from_milliamperes(CURRENT_MA))),
        reserve,
        meter,
        worst_base: worst_base.unwrap_or(PerPhase::splat(Amperes::ZERO)),
        static_headroom,
    })
}

fn read_meter(section: &Section<'_>) -> Option<MeterConfig> {
    let timeout = section.thousandths("timeout_s", "s", 1..=86_400_000).unwrap_or(30_000);
    let accuracy_permille = section.whole("accuracy_permille", 0..=100, 10);
    let id = section.parsed("id", "the meter's id");
    let source = section.section("source").map(|source| meter_file::read(&source));
    Some(MeterConfig {
        id: id?,
        timeout: TimeSpan::from_milliseconds(timeout),
        accuracy_permille,
        source: source.flatten().unwrap_or_default(),
    })
}

fn read_evse(section: &Section<'_>) -> Option<EvseConfig> {
    let id = section.parsed::<EvseId>("id", "station and EVSE number, such as `P01/1`");
    let circuit = section.parsed::<CircuitId>("circuit", "the id of the circuit it hangs on");
    let wiring = section.parsed("wiring", "the lines of its terminals, such as `L2L3L1`");
    let current_max = section.thousandths_required("current_max_a", "A", 1..=CURRENT_MA);
    // Every field is read before the first mistake ends it, so that none is told to be unknown.
    let wiring = wiring.unwrap_or(Wiring::ThreePhase(Phase::ALL));
    let current_max = Amperes::from_milliamperes(current_max.unwrap_or(CURRENT_MA));
    let ids = id.zip(circuit);
    let stand_in = || Some(("P/1".parse().ok()?, "main".parse().ok()?));
    let (id, circuit) = ids.clone().or_else(stand_in)?;
    let mut evse = EvseConfig::new(id, circuit, wiring, current_max);
    evse.name = section
        .optional("name", "a name for people", |value| value.as_str().map(str::to_owned))
        .unwrap_or_default();
    evse.current_min = section.amperes("current_min_a", 1..=CURRENT_MA).unwrap_or(evse.current_min);
    evse.step = section.amperes("step_a", 1..=CURRENT_MA).unwrap_or(evse.step);
    evse.fallback = section.amperes("fallback_a", 0..=CURRENT_MA).unwrap_or(evse.fallback);
    evse.limit_expired = section.amperes("limit_expired_a", 0..=CURRENT_MA).unwrap_or(evse.limit_expired);
    evse.class = u8::try_from(section.whole("class", 0..=255, evse.class.into())).unwrap_or(evse.class);
    let weight = section.whole("weight", 1..=1_000, evse.weight.into());
    evse.weight = u32::try_from(weight).unwrap_or(evse.weight);
    evse.survives_pause = section.flag("survives_pause", evse.survives_pause);
    evse.accepts_zero = section.flag("accepts_zero", evse.accepts_zero);
    evse.starts_alone = section.flag("starts_alone", evse.starts_alone);
    evse.is_fallback_proven = section.flag("is_fallback_proven", evse.is_fallback_proven);
    evse.fallback_survives_boot = section.flag("fallback_survives_boot", evse.fallback_survives_boot);
    evse.is_wiring_checked = section.flag("is_wiring_checked", evse.is_wiring_checked);
    evse.is_in_use = section.flag("is_in_use", evse.is_in_use);
    ids.map(|_| evse)
}

/// Reads every field of the defaults once, so that a wrong or misspelt one is told where it stands.
fn check_defaults(root: &Section<'_>) {
    let Some(section) = root.section("evse_defaults") else { return };
    for key in ["current_max_a", "current_min_a", "step_a"] {
        section.amperes(key, 1..=CURRENT_MA);
    }
    for key in ["fallback_a", "limit_expired_a"] {
        section.amperes(key, 0..=CURRENT_MA);
    }
    section.whole("class", 0..=255, 1);
    section.whole("weight", 1..=1_000, 1);
    for key in FLAGS {
        section.flag(key, true);
    }
    section.parsed_optional::<CircuitId>("circuit", "a circuit's id");
    section.word_optional("access", &ACCESS);
    for key in ["tariff", "tariff_guests"] {
        section.parsed_optional::<TariffId>(key, "a tariff's id");
    }
}

const FLAGS: [&str; 7] = [
    "survives_pause",
    "accepts_zero",
    "starts_alone",
    "is_fallback_proven",
    "fallback_survives_boot",
    "is_wiring_checked",
    "is_in_use",
];

const ACCESS: [(&str, AccessKind); 3] =
    [("private", AccessKind::Private), ("public", AccessKind::Public), ("both", AccessKind::Both)];

/// `None` is a mistake; `Some(None)` a file without an owner.
fn read_commerce(root: &Section<'_>, evses: &[Section<'_>]) -> Option<Option<Commerce>> {
    let tariff_sections = root.sections("tariffs");
    let Some(section) = root.section("owner") else {
        if let Some(first) = tariff_sections.first() {
            first.report("id", "a tariff needs an [owner] who sells");
        }
        // The fields of commerce are known, even where nobody sells.
        for evse in evses {
            evse.word_optional("access", &ACCESS);
            evse.parsed_optional::<TariffId>("tariff", "a tariff's id");
            evse.parsed_optional::<TariffId>("tariff_guests", "a tariff's id");
        }
        for tariff in &tariff_sections {
            tariff_file::read(tariff);
        }
        return Some(None);
    };
    let owner = read_owner(&section);
    let tariffs: Vec<Option<StatedTariff>> = tariff_sections.iter().map(tariff_file::read).collect();
    // A tariff that is wrong elsewhere is known by its id all the same.
    let known: BTreeSet<TariffId> =
        tariff_sections.iter().filter_map(|tariff| tariff.parsed("id", "the tariff's id")).collect();
    let access: Vec<Option<EvseAccess>> = evses.iter().map(|evse| read_access(evse, &known)).collect();
    Some(Some(Commerce {
        owner: owner?,
        tariffs: tariffs.into_iter().collect::<Option<_>>()?,
        evses: access.into_iter().collect::<Option<_>>()?,
    }))
}

fn read_owner(section: &Section<'_>) -> Option<Owner> {
    let id = section.parsed("id", "the owner's id");
    let name = section.text("name", "the owner's name");
    let vat = section.word(
        "vat",
        &[
            ("registered", VatStatus::Registered),
            ("not_registered", VatStatus::NotRegistered),
            ("exempt", VatStatus::Exempt),
        ],
    );
    let plan = section
        .word("plan", &[("per_kwh", FeePlan::PerKilowattHour), ("per_point", FeePlan::PerChargingPoint)]);
    Some(Owner { id: id?, name: name?, vat: vat?, plan: plan? })
}

fn read_access(section: &Section<'_>, known: &BTreeSet<TariffId>) -> Option<EvseAccess> {
    let evse = section.parsed::<EvseId>("id", "station and EVSE number, such as `P01/1`");
    let access = section.word("access", &ACCESS);
    let tariff = section.parsed::<TariffId>("tariff", "the tariff of account holders");
    let tariff_guests = section.parsed_optional::<TariffId>("tariff_guests", "the tariff of guests");
    for (key, id) in [("tariff", &tariff), ("tariff_guests", &tariff_guests)] {
        if let Some(id) = id
            && !known.contains(id)
        {
            let ids: Vec<&str> = known.iter().map(TariffId::as_str).collect();
            section.report(key, format!("no such tariff; there are: {}", ids.join(", ")));
        }
    }
    if access.is_some_and(AccessKind::admits_guests) && tariff_guests.is_none() {
        section.report("tariff_guests", "missing; guests may charge here and need a tariff");
    }
    Some(EvseAccess { evse: evse?, access: access?, tariff: tariff?, tariff_guests })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
id = 'rivitie'
name = 'As Oy Rivitie'
zone = 'Europe/Helsinki'
supply = 'tn_400'
[owner]
id = 'as-oy'
name = 'As Oy Rivitie'
vat = 'not_registered'
plan = 'per_kwh'
[[tariffs]]
id = 'residents'
valid_from = '2024-09-01'
energy_eur_per_kwh = 0.20
[[circuits]]
id = 'main'
rating_a = 100
worst_base_a = [45, 45, 40]
meter = { id = 'main' }
[[circuits]]
id = 'group'
parent = 'main'
rating_a = 40
[evse_defaults]
current_max_a = 16
circuit = 'group'
access = 'private'
tariff = 'residents'
[[evses]]
id = 'P01/1'
wiring = 'L1L2L3'
[[evses]]
id = 'P02/1'
wiring = 'L2L3L1'
current_max_a = 10
";

    #[test]
    fn a_site_file_becomes_a_configuration() {
        let site = parse("site.toml", GOOD).unwrap();
        assert_eq!(site.config.evses[0].current_max, Amperes::from_amperes(16));
        assert_eq!(site.config.evses[1].current_max, Amperes::from_amperes(10), "its own field wins");
        assert_eq!(site.config.circuits[0].worst_base.l3, Amperes::from_amperes(40));
        let commerce = site.commerce.unwrap();
        assert_eq!(commerce.tariffs[0].flat_price(), Some(units::UnitPrice::from_millionths(200_000)));
        assert_eq!(commerce.evses.len(), 2);
    }

    #[test]
    fn what_cannot_be_read_does_not_hide_what_cannot_be() {
        let bad = GOOD
            .replace("Europe/Helsinki", "Europe/Helsinky")
            .replace("rating_a = 100", "rating_a = -100")
            .replace("parent = 'main'", "parent = 'mian'")
            .replace("wiring = 'L1L2L3'", "wiring = 'L1L1L2'")
            .replace("current_max_a = 10", "current_max_a = 4");
        let told = told(&bad);
        for mistake in ["Helsinky", "-100", "mian", "L1L1L2", "current_min"] {
            assert!(told.iter().any(|line| line.contains(mistake)), "{mistake}: {told:#?}");
        }
        assert_eq!(told.len(), 5, "{told:#?}");
    }

    #[test]
    fn nothing_is_accused_of_a_mistake_that_another_field_made() {
        let it = GOOD.replace("tn_400", "it_230").replace("wiring = 'L1L2L3'", "wiring = 'L1-L3'");
        let tenths = GOOD.replace("[evse_defaults]", "[evse_defaults]\nstep_a = 0.1\nfallback_a = 6.5");
        let reserved = GOOD.replace("rating_a = 40", "rating_a = 40\nreserve_a = 39\nstatic_headroom_a = 1");
        for (file, right, wrong) in [
            (it, "it_230", "it_203"),
            (tenths, "step_a = 0.1", "step_a = 'a tenth'"),
            (reserved, "rating_a = 40", "rating_a = 'forty'"),
            (GOOD.to_owned(), "parent = 'main'", "parent = 7"),
            (GOOD.to_owned(), "[[circuits]]\nid = 'group'", "[[circuits]]\nid = '?'"),
        ] {
            assert!(parse("site.toml", &file).is_ok(), "{file}");
            let told = told(&file.replace(right, wrong));
            assert_eq!(told.len(), 1, "{wrong}: {told:#?}");
        }
    }

    #[test]
    fn five_mistakes_are_told_at_once_with_field_value_and_unit() {
        let bad = GOOD
            .replace("rating_a = 40", "rating_a = -40")
            .replace("Europe/Helsinki", "Europe/Helsinky")
            .replace("wiring = 'L1L2L3'", "wiring = 'L1L2L4'")
            .replace("energy_eur_per_kwh = 0.20", "energy_eur_per_kwh = 'cheap'")
            .replace("current_max_a = 10", "curent_max_a = 10");
        let told = told(&bad);
        for part in [
            "zone = \"Europe/Helsinky\": `Europe/Helsinky` is not a time zone",
            "circuits[1].rating_a = -40: needs 0.001 to 100000 A",
            "evses[0].wiring = \"L1L2L4\": `L1L2L4` is not a wiring",
            "tariffs[0].energy_eur_per_kwh = \"cheap\": needs 0 to 10 €/kWh",
            "evses[1].curent_max_a = 10: unknown field",
        ] {
            assert!(told.iter().any(|line| line.contains(part)), "{part} is not in {told:#?}");
        }
        assert_eq!(told.len(), 5, "{told:#?}");
    }

    #[test]
    fn s4_fallbacks_that_do_not_fit_are_refused_with_the_numbers() {
        let bad = GOOD
            .replace("rating_a = 100", "rating_a = 50")
            .replace("[evse_defaults]", "[evse_defaults]\nfallback_a = 6");
        let told = told(&bad);
        assert!(told.iter().any(|line| line.contains("main L1")), "{told:#?}");
    }

    #[test]
    fn an_unknown_tariff_and_a_missing_guest_tariff_are_named() {
        let bad = GOOD
            .replace("tariff = 'residents'\n[[evses]]", "tariff = 'cheap'\n[[evses]]")
            .replace("access = 'private'", "access = 'public'");
        let told = told(&bad);
        assert!(told.iter().any(|line| line.contains("no such tariff; there are: residents")), "{told:#?}");
        assert!(told.iter().any(|line| line.contains("guests may charge here")), "{told:#?}");
    }

    fn told(bad: &str) -> Vec<String> {
        parse("site.toml", bad).unwrap_err().iter().map(ToString::to_string).collect()
    }
}
