//! Scenarios as TOML text: `scenario.toml` and what it names.
//!
//! ```toml
//! title = "An evening peak at 40 EVSEs"
//! seed = 7
//! site = "site.toml"                      # or another scenario's: "../evening-peak-40-evse/site.toml"
//! starts = "2026-01-16T12:00"             # by the site's clocks
//! duration_h = 24
//!
//! [people]                                # who comes
//! kind = "generated"                      # generated | listed | recorded
//! cars = 24
//! one_phase = 8                           # default: as the built-in mix of cars has it
//! day = "apartments"                      # apartments | workplace | public | hotel | event
//! stays_per_week = 7                      # default 2.6
//! crowd = "anywhere"                      # an EVSE of their own: anywhere | on_l1; shared ones: any_free
//! # event = { from = "2026-01-16T19:00", until = "2026-01-16T21:30" }
//!
//! [stations]                              # all optional
//! ocpp = "mixed"                          # 1.6 | 2.0.1 | mixed: in turn, in order of the stations' ids
//! meter_interval_s = 60
//! reaction_s = 1
//! offline_start = "known_tokens"          # refused | known_tokens | any_token
//! after_power_loss = "ends_transaction"   # ends_transaction | resumes_transaction
//! quirks = [{ station = "P01", quirk = "stuck_at", current_a = 10 }]   # all of `fault_file`
//!
//! [[base_load]]
//! circuit = "main"
//! kind = "flats"                          # constant | steps | flats | type_curve | recorded | building | machine
//! flats = 60
//! monthly_kwh = 150
//! sauna = { current_a = [20, 20, 20], from_hour = 17, to_hour = 22 }
//!
//! [[base_load]]                           # several may be at one circuit
//! circuit = "main"
//! kind = "building"
//! use = "workplace"                       # workplace | hotel | parking_hall
//! monthly_kwh = 30000
//!
//! [[base_load]]
//! circuit = "main"
//! kind = "machine"                        # a lift, a compressor: one that comes and goes
//! current_a = 18
//! starts_per_hour = 20
//! runs_s = 30
//! from_hour = 6
//! to_hour = 23
//!
//! [meters]                                # all optional
//! period_s = 10
//! delay_s = 0.5
//! noise_ppm = 2500
//!
//! [[faults]]                              # all kinds: `fault_file`
//! kind = "meter_loss"
//! meter = "main"
//! from = "2026-01-16T18:30"
//! until = "2026-01-16T19:30"
//!
//! [plans]
//! nonsense_every_s = 60
//! ```
//!
//! External data are named by keys that the caller looks up: [`needs`] says which, [`load`] takes what was found.

use std::collections::BTreeMap;

use plant::base_load::{DailyShape, FlatsConfig, Sauna, Trace};
use plant::building::{BuildingConfig, BuildingUse, StepsConfig};
use plant::ev::{EvModel, EvRow};
use plant::meter::GridMeterConfig;
use plant::station::{AfterPowerLoss, OcppVersion, OfflineStart};
use units::civil::{CivilDate, CivilMonth, Zone};
use units::{Amperes, CircuitId, Currency, EvseId, PerPhase, TimeSpan, Timestamp, Volts, WattHours, Watts};

use crate::document::{Document, Problem, Section};
use crate::fault_file;
use crate::people::driver_at;
use crate::scenario::{
    BaseSource, CircuitBase, Crowd, DayKind, Fault, Generated, Ocpp, People, Scenario, Span, Stations, Stay,
    Timing,
};
use crate::site_file::{self, Commerce, SiteFile};

/// Something that a scenario needs beside its own text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A site file, relative to the scenario's folder.
    Site(String),
    /// A table of sessions under `WATTERY_DATA`.
    Sessions {
        /// Where.
        path: String,
        /// Which of its sites.
        site: String,
        /// Which month of arrivals, in UTC.
        month: CivilMonth,
    },
    /// A table of cars under `WATTERY_DATA`.
    EvModels {
        /// Where.
        path: String,
        /// Models of this year or older.
        year_last: i64,
    },
    /// A table of load curves under `WATTERY_DATA`.
    LoadCurve {
        /// Where.
        path: String,
        /// The row of a weekday.
        weekday: String,
        /// The row of a day of the weekend.
        weekend: String,
    },
    /// A table of buildings' hourly demand under `WATTERY_DATA`.
    Hours {
        /// Where.
        path: String,
        /// Which building.
        building: String,
        /// The recorded hour that the scenario begins with.
        from: Timestamp,
    },
}

impl Need {
    /// Whether it lies under `WATTERY_DATA`.
    #[must_use]
    pub const fn is_external(&self) -> bool {
        match self {
            Self::Site(_) => false,
            Self::Sessions { .. } | Self::EvModels { .. } | Self::LoadCurve { .. } | Self::Hours { .. } => {
                true
            }
        }
    }
}

/// What was found of a scenario's needs.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The site file's text.
    pub site: String,
    /// Recorded stays of the sessions asked for, in any order.
    pub sessions: Vec<RecordedStay>,
    /// Rows of the cars asked for, in the order of their table.
    pub ev_models: Vec<EvRow>,
    /// The load curve asked for.
    pub load_curve: Option<DailyShape>,
    /// The hourly demand asked for, in order of time, from the hour asked for on; a missing hour is left out.
    pub hours: Vec<(Timestamp, Watts)>,
}

/// Which seed a scenario runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedChoice {
    /// The one it states.
    OfFile,
    /// Another.
    Given(u64),
}

/// A recorded stay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedStay {
    /// Who, by whatever name the data have.
    pub user: String,
    /// Plugged in.
    pub arrival: Timestamp,
    /// Unplugged.
    pub departure: Timestamp,
    /// Energy delivered then.
    pub energy: WattHours,
}

/// Says what a scenario needs, as far as its text can be read: [`load`] tells its mistakes, all at once.
///
/// # Errors
///
/// Where the text is not TOML, or names no site.
pub fn needs(file: &str, text: &str) -> Result<Vec<Need>, Vec<Problem>> {
    let document = Document::parse(file, text);
    let mut needs = Vec::new();
    if let Some(root) = document.root() {
        needs.push(root.text("site", "the site's file, such as `site.toml`").map(Need::Site));
        if let Some(people) = root.section("people") {
            if people.word("kind", &PEOPLE) == Some(PeopleKind::Recorded) {
                needs.push(read_sessions_need(&people));
                needs.push(read_models_need(&people));
            }
            people.skip_rest();
        }
        for base in root.sections("base_load") {
            match base.word("kind", &BASES) {
                Some(BaseKind::TypeCurve) => needs.push(read_curve_need(&base)),
                Some(BaseKind::Recorded) => needs.push(read_hours_need(&base)),
                Some(
                    BaseKind::Constant
                    | BaseKind::Steps
                    | BaseKind::Flats
                    | BaseKind::Building
                    | BaseKind::Machine,
                )
                | None => {}
            }
            base.skip_rest();
        }
        root.skip_rest();
    }
    let needs: Vec<Need> = needs.into_iter().flatten().collect();
    let names_a_site = needs.iter().any(|need| !need.is_external());
    if names_a_site { Ok(needs) } else { Err(document.into_problems()) }
}

/// Reads a scenario. `name` is its folder's, `file` and the site's file name are for messages.
///
/// # Errors
///
/// Every mistake of both files, with field, value, unit and way out.
pub fn load(
    name: &str,
    file: &str,
    text: &str,
    found: &Found,
    seed: SeedChoice,
) -> Result<Scenario, Vec<Problem>> {
    let document = Document::parse(file, text);
    let Some(root) = document.root() else { return Err(document.into_problems()) };
    let site_path = root.text("site", "the site's file, such as `site.toml`");
    let (site, mut problems) =
        match site_file::parse(site_path.as_deref().unwrap_or("site.toml"), &found.site) {
            Ok(site) => (Some(site), Vec::new()),
            Err(problems) => (None, problems),
        };
    let scenario = read_scenario(name, &root, site, found, seed);
    drop(root);
    problems.splice(0..0, document.into_problems());
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        Some(_) | None => Err(problems),
    }
}

fn read_scenario(
    name: &str,
    root: &Section<'_>,
    site: Option<SiteFile>,
    found: &Found,
    seed: SeedChoice,
) -> Option<Scenario> {
    let zone = site.as_ref().map_or_else(Zone::utc, |site| site.config.zone.clone());
    let title = root.text("title", "a title for people");
    let stated_seed = root.whole("seed", 0..=i64::MAX, 1);
    let seed = match seed {
        SeedChoice::OfFile => u64::try_from(stated_seed).unwrap_or(0),
        SeedChoice::Given(seed) => seed,
    };
    let starts = read_civil(root, "starts", &zone);
    let duration = root.thousandths_required("duration_h", "h", 1..=9_000_000);
    let span = duration.map(|thousandths| TimeSpan::from_milliseconds(thousandths * 3_600));
    let stations = root
        .section("stations")
        .map_or_else(default_stations, |section| read_stations(&section, site.as_ref()));
    let meters =
        root.section("meters").map_or_else(GridMeterConfig::default, |section| read_meters(&section));
    let timing = root.section("timing").map_or_else(Timing::default, |section| read_timing(&section));
    let mut faults: Vec<Option<Fault>> = root
        .sections("faults")
        .iter()
        .map(|section| fault_file::read(section, site.as_ref(), &zone))
        .collect();
    if let Some(section) = root.section("plans") {
        faults.extend(read_plans(&section).map(Some));
    }
    let people_section = root.section_required("people", "who comes");
    let base_sections = root.sections("base_load");
    // What cannot be read is told; the rest is judged as far as it can be without.
    let starts_at = starts.unwrap_or(Timestamp::EPOCH);
    let ends_at = starts_at + span.unwrap_or(TimeSpan::from_hours(1));
    let commerce = site.as_ref().and_then(|site| site.commerce.clone());
    if site.is_some() && commerce.is_none() {
        root.report("site", "the site file of a scenario needs an [owner] who sells");
    }
    let base_loads: Vec<Option<CircuitBase>> = base_sections
        .iter()
        .map(|section| read_base(section, site.as_ref(), &zone, starts_at, found))
        .collect();
    let frame = site.as_ref().zip(commerce.as_ref()).map(|(site, commerce)| Frame {
        site,
        commerce,
        zone: &zone,
        starts_at,
        ends_at,
        seed,
    });
    let people =
        people_section.as_ref().and_then(|section| read_people(section, frame.as_ref(), &zone, found));
    starts?;
    span?;
    let site = site?;
    Some(Scenario {
        name: name.to_owned(),
        title: title?,
        seed,
        starts_at,
        ends_at,
        commerce: commerce?,
        currency: Currency::Eur,
        stations: stations?,
        people: people?,
        base_loads: base_loads.into_iter().collect::<Option<_>>()?,
        meters,
        timing,
        faults: faults.into_iter().collect::<Option<_>>()?,
        site,
    })
}

/// What a scenario's people stand in.
struct Frame<'a> {
    site: &'a SiteFile,
    commerce: &'a Commerce,
    zone: &'a Zone,
    starts_at: Timestamp,
    ends_at: Timestamp,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeopleKind {
    Generated,
    Listed,
    Recorded,
}

const PEOPLE: [(&str, PeopleKind); 3] = [
    ("generated", PeopleKind::Generated),
    ("listed", PeopleKind::Listed),
    ("recorded", PeopleKind::Recorded),
];

/// Without a frame, since the site is wrong, only what does not depend on it is judged.
fn read_people(
    section: &Section<'_>,
    frame: Option<&Frame<'_>>,
    zone: &Zone,
    found: &Found,
) -> Option<People> {
    let Some(kind) = section.word("kind", &PEOPLE) else {
        section.skip_rest();
        return None;
    };
    match (kind, frame) {
        (PeopleKind::Generated, frame) => {
            read_generated(section, frame.map(|frame| frame.site), zone).map(People::Generated)
        }
        (PeopleKind::Listed, Some(frame)) => read_listed(section, frame).map(People::Stays),
        (PeopleKind::Recorded, frame) => {
            let needs = (read_sessions_need(section), read_models_need(section));
            needs.0.zip(needs.1)?;
            Some(People::Stays(recorded::stays(section, frame?, found)?))
        }
        (PeopleKind::Listed, None) => {
            section.skip_rest();
            None
        }
    }
}

fn read_generated(section: &Section<'_>, site: Option<&SiteFile>, zone: &Zone) -> Option<Generated> {
    let crowds = [("anywhere", Crowd::Anywhere), ("on_l1", Crowd::OnL1), ("any_free", Crowd::AnyFree)];
    let crowd = section.word_optional("crowd", &crowds).unwrap_or(Crowd::Anywhere);
    let evses = site.and_then(|site| i64::try_from(site.config.evses.len()).ok()).unwrap_or(MANY_CARS);
    // Who shares EVSEs may find none free.
    let places = if crowd == Crowd::AnyFree { MANY_CARS } else { evses };
    let cars = section.whole_required("cars", 1..=places);
    let one_phase =
        section.has("one_phase").then(|| section.whole("one_phase", 0..=cars.unwrap_or(places), 0));
    let day = read_day(section, zone);
    let per_week = section.thousandths("stays_per_week", "stays a week", 0..=7_000).unwrap_or(2_600);
    let comes_once = match day {
        Some(DayKind::Public | DayKind::Hotel | DayKind::Event { .. }) => true,
        Some(DayKind::Apartments | DayKind::Workplace) | None => false,
    };
    if comes_once && crowd != Crowd::AnyFree {
        section.report("crowd", "who comes once has no EVSE of their own: needs `any_free`");
    }
    Some(Generated {
        cars: usize::try_from(cars?).ok()?,
        one_phase: one_phase.and_then(|count| usize::try_from(count).ok()),
        day: day?,
        stays_per_week: f64::from(i32::try_from(per_week).unwrap_or(0)) / 1_000.0,
        crowd,
    })
}

/// No scenario has more cars than this.
const MANY_CARS: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayWord {
    Apartments,
    Workplace,
    Public,
    Hotel,
    Event,
}

const DAYS: [(&str, DayWord); 5] = [
    ("apartments", DayWord::Apartments),
    ("workplace", DayWord::Workplace),
    ("public", DayWord::Public),
    ("hotel", DayWord::Hotel),
    ("event", DayWord::Event),
];

fn read_day(section: &Section<'_>, zone: &Zone) -> Option<DayKind> {
    match section.word("day", &DAYS)? {
        DayWord::Apartments => Some(DayKind::Apartments),
        DayWord::Workplace => Some(DayKind::Workplace),
        DayWord::Public => Some(DayKind::Public),
        DayWord::Hotel => Some(DayKind::Hotel),
        DayWord::Event => {
            let event = section.section_required("event", "when it begins and ends: { from, until }")?;
            let (starts_at, ends_at) = read_span(&event, zone);
            Some(DayKind::Event { starts_at: starts_at?, ends_at: ends_at? })
        }
    }
}

fn read_listed(section: &Section<'_>, frame: &Frame<'_>) -> Option<Vec<Stay>> {
    let cars = read_cars(section);
    let stays: Vec<Option<Stay>> = section
        .sections("stays")
        .iter()
        .map(|stay| {
            let evse = stay.parsed::<EvseId>("evse", "station and EVSE number, such as `P01/1`");
            let arrives_at = read_civil(stay, "arrives", frame.zone);
            let departs_at = read_civil(stay, "departs", frame.zone);
            let wanted = stay.thousandths_required("energy_kwh", "kWh", 1..=500_000);
            let car = stay.text("car", "the name of one of people.cars");
            if let Some(evse) = &evse
                && !frame.site.config.evses.iter().any(|known| known.id == *evse)
            {
                stay.report("evse", "no such EVSE at the site");
            }
            if let (Some(arrives_at), Some(departs_at)) = (arrives_at, departs_at)
                && departs_at <= arrives_at
            {
                stay.report("departs", "must be after `arrives`");
            }
            let model = car.and_then(|name| {
                let model = cars.get(&name).cloned();
                if model.is_none() {
                    let known: Vec<&str> = cars.keys().map(String::as_str).collect();
                    stay.report("car", format!("no such car; there are: {}", known.join(", ")));
                }
                model
            });
            let evse = evse?;
            let (token, driver) = driver_at(frame.commerce, &evse);
            Some(Stay {
                evse,
                ev: model?,
                arrives_at: arrives_at?,
                departs_at: departs_at?,
                wanted: WattHours::from_watt_hours(wanted?),
                token,
                driver,
            })
        })
        .collect();
    if stays.is_empty() {
        section.report("stays", "missing; at least one [[people.stays]]");
    }
    let mut stays: Vec<Stay> = stays.into_iter().collect::<Option<_>>()?;
    stays.sort_by(|a, b| (a.arrives_at, &a.evse).cmp(&(b.arrives_at, &b.evse)));
    Some(stays)
}

fn read_cars(section: &Section<'_>) -> BTreeMap<String, EvModel> {
    let mut cars = BTreeMap::new();
    for car in section.sections("cars") {
        let name = car.text("name", "a name");
        let kwh = car.thousandths_required("usable_kwh", "kWh", 1_000..=1_000_000);
        let phases = car.whole_required("ac_phases", 1..=3);
        let kw = car.thousandths_required("ac_kw", "kW", 1_000..=44_000);
        let minimum = car.amperes("current_min_a", 6_000..=32_000);
        let reaction = car.seconds("reaction_s");
        let (Some(name), Some(kwh), Some(phases), Some(kw)) = (name, kwh, phases, kw) else { continue };
        let thousandth = |count: i64| f64::from(i32::try_from(count).unwrap_or(i32::MAX)) / 1_000.0;
        let row = EvRow {
            name: name.clone(),
            usable_kwh: thousandth(kwh),
            ac_phases: u8::try_from(phases).unwrap_or(3),
            ac_kw: thousandth(kw),
        };
        match EvModel::from_row(&row) {
            Ok(mut model) => {
                model.current_minimum = minimum.unwrap_or(model.current_minimum);
                model.reaction = reaction.unwrap_or(model.reaction);
                cars.insert(name, model);
            }
            Err(error) => car.report("name", error.to_string()),
        }
    }
    cars
}

fn read_sessions_need(section: &Section<'_>) -> Option<Need> {
    let path =
        section.text("sessions", "a table under WATTERY_DATA, such as `sessions/norway12_apartments.csv.gz`");
    let site = section.text("recorded_site", "the site's name in the table");
    let month = section.parsed("month", "a month such as `2020-01`");
    Some(Need::Sessions { path: path?, site: site?, month: month? })
}

fn read_models_need(section: &Section<'_>) -> Option<Need> {
    let path = section.text("ev_models", "a table under WATTERY_DATA, such as `ev_models/open_ev_data.csv`");
    let year_last = section.whole("ev_year_last", 1990..=2100, 2100);
    Some(Need::EvModels { path: path?, year_last })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BaseKind {
    Constant,
    Steps,
    Flats,
    TypeCurve,
    Recorded,
    Building,
    Machine,
}

const BASES: [(&str, BaseKind); 7] = [
    ("constant", BaseKind::Constant),
    ("steps", BaseKind::Steps),
    ("flats", BaseKind::Flats),
    ("type_curve", BaseKind::TypeCurve),
    ("recorded", BaseKind::Recorded),
    ("building", BaseKind::Building),
    ("machine", BaseKind::Machine),
];

fn read_curve_need(section: &Section<'_>) -> Option<Need> {
    let path = section.text("curve", "a table under WATTERY_DATA");
    let weekday = section.text("weekday", "the key of a weekday's row");
    let weekend = section.text("weekend", "the key of a weekend day's row");
    Some(Need::LoadCurve { path: path?, weekday: weekday?, weekend: weekend? })
}

fn read_hours_need(section: &Section<'_>) -> Option<Need> {
    let path = section.text("table", "a table of hourly kW under WATTERY_DATA");
    let building = section.text("building", "the building's name in the table");
    let from = section.parsed("from", "the recorded hour at the start, such as `2018-05-01T16:00:00Z`");
    Some(Need::Hours { path: path?, building: building?, from: from? })
}

fn read_base(
    section: &Section<'_>,
    site: Option<&SiteFile>,
    zone: &Zone,
    starts_at: Timestamp,
    found: &Found,
) -> Option<CircuitBase> {
    let circuit = section.parsed("circuit", "the id of a circuit of the site");
    let known =
        |id: &CircuitId| site.map(|site| site.config.circuits.iter().find(|circuit| circuit.id == *id));
    let stated = circuit.as_ref().and_then(known);
    if stated == Some(None) {
        section.report("circuit", "no such circuit at the site");
    }
    // Without a site nothing is built; its mistakes are told.
    let worst = stated.flatten().map_or(PerPhase::default(), |circuit| circuit.worst_base);
    let voltage = site.map(|site| site.config.voltage_nominal);
    let Some(kind) = section.word("kind", &BASES) else {
        section.skip_rest();
        return None;
    };
    let source = match kind {
        BaseKind::Constant => {
            let current = section.amperes_per_phase("current_a", 0..=10_000_000);
            if !section.has("current_a") {
                section.report("current_a", "missing; the current per phase, A");
            }
            BaseSource::Constant(current?)
        }
        BaseKind::Steps => BaseSource::Trace(read_steps(section, zone)?),
        BaseKind::Flats => {
            BaseSource::Flats(Box::new(read_flats(section, DailyShape::nordic_flat(), worst, zone)?))
        }
        BaseKind::TypeCurve => {
            read_curve_need(section)?;
            let Some(shape) = found.load_curve.clone() else {
                section.report("curve", "was not found under WATTERY_DATA");
                section.skip_rest();
                return None;
            };
            BaseSource::Flats(Box::new(read_flats(section, shape, worst, zone)?))
        }
        BaseKind::Recorded => BaseSource::Trace(read_hours(section, starts_at, voltage?, found)?),
        BaseKind::Building => BaseSource::Building(Box::new(read_building(section, worst, zone)?)),
        BaseKind::Machine => BaseSource::Machine(Box::new(read_machine(section, zone)?)),
    };
    Some(CircuitBase { circuit: circuit?, source })
}

const USES: [(&str, BuildingUse); 3] = [
    ("workplace", BuildingUse::Workplace),
    ("hotel", BuildingUse::Hotel),
    ("parking_hall", BuildingUse::ParkingHall),
];

fn read_building(section: &Section<'_>, worst: PerPhase<Amperes>, zone: &Zone) -> Option<BuildingConfig> {
    let used_as = section.word("use", &USES);
    let monthly = section.thousandths_required("monthly_kwh", "kWh", 1_000..=10_000_000_000);
    Some(BuildingConfig {
        used_as: used_as?,
        monthly: WattHours::from_watt_hours(monthly?),
        worst,
        zone: zone.clone(),
    })
}

fn read_machine(section: &Section<'_>, zone: &Zone) -> Option<StepsConfig> {
    let current = section.amperes_per_phase("current_a", 0..=1_000_000);
    if !section.has("current_a") {
        section.report("current_a", "missing; what it draws per phase while it runs, A");
    }
    let starts = section.thousandths_required("starts_per_hour", "starts an hour", 1..=120_000);
    let runs = section.whole("runs_s", 30..=86_400, 30);
    let from = section.whole("from_hour", 0..=23, 0);
    let to = section.whole("to_hour", from + 1..=24, 24);
    Some(StepsConfig {
        current: current?,
        starts_per_hour: f64::from(i32::try_from(starts?).ok()?) / 1_000.0,
        runs_for: TimeSpan::from_seconds(runs),
        from_hour: i8::try_from(from).ok()?,
        to_hour: i8::try_from(to).ok()?,
        zone: zone.clone(),
    })
}

/// Recorded hours, moved so that the first is the scenario's first, dealt over the phases alike; a missing hour is as the
/// one before it.
fn read_hours(
    section: &Section<'_>,
    starts_at: Timestamp,
    voltage_nominal: Volts,
    found: &Found,
) -> Option<Trace> {
    let Some(Need::Hours { from, .. }) = read_hours_need(section) else { return None };
    let at = |hour: Timestamp| starts_at + hour.since(from);
    let current = |power: Watts| PerPhase::splat(power.div_floor(3).current_at_ceil(voltage_nominal));
    let rows = found.hours.iter().map(|&(hour, power)| (at(hour), current(power))).collect();
    Trace::new(rows).map_err(|error| section.report("table", error.to_string())).ok()
}

/// Rows that hold until the next.
fn read_steps(section: &Section<'_>, zone: &Zone) -> Option<Trace> {
    let rows: Vec<Option<_>> = section
        .sections("steps")
        .iter()
        .map(|row| {
            let at = read_civil(row, "at", zone);
            let current = row.amperes_per_phase("current_a", -10_000_000..=10_000_000);
            if !row.has("current_a") {
                row.report("current_a", "missing; the current per phase, A");
            }
            Some((at?, current?))
        })
        .collect();
    match Trace::new(rows.into_iter().collect::<Option<_>>()?) {
        Ok(trace) => Some(trace),
        Err(error) => {
            section.report("steps", error.to_string());
            None
        }
    }
}

fn read_flats(
    section: &Section<'_>,
    shape: DailyShape,
    worst: PerPhase<Amperes>,
    zone: &Zone,
) -> Option<FlatsConfig> {
    let flats = section.whole_required("flats", 1..=10_000);
    let monthly = section.thousandths_required("monthly_kwh", "kWh", 1_000..=10_000_000);
    let winter = section.whole("winter_percent", 0..=100, 0);
    let standing = section.amperes_per_phase("standing_a", 0..=1_000_000);
    let sauna = section.section("sauna").and_then(|sauna| {
        let from = sauna.whole("from_hour", 0..=23, 17);
        let to = sauna.whole("to_hour", from + 1..=24, 22);
        let current = sauna.amperes_per_phase("current_a", 0..=1_000_000);
        if !sauna.has("current_a") {
            sauna.report("current_a", "missing; what the stove draws per phase, A");
        }
        Some(Sauna {
            current: current?,
            from_hour: i8::try_from(from).ok()?,
            to_hour: i8::try_from(to).ok()?,
        })
    });
    Some(FlatsConfig {
        flats: u32::try_from(flats?).ok()?,
        monthly: WattHours::from_watt_hours(monthly?),
        shape,
        winter_share: f64::from(i32::try_from(winter).unwrap_or(0)) / 100.0,
        sauna,
        standing: standing.unwrap_or_default(),
        worst,
        zone: zone.clone(),
    })
}

const OFFLINE: [(&str, OfflineStart); 3] = [
    ("refused", OfflineStart::Refused),
    ("known_tokens", OfflineStart::KnownTokens),
    ("any_token", OfflineStart::AnyToken),
];

const OCPP: [(&str, Ocpp); 3] =
    [("1.6", Ocpp::All(OcppVersion::V16)), ("2.0.1", Ocpp::All(OcppVersion::V201)), ("mixed", Ocpp::Mixed)];

pub(crate) fn default_stations() -> Option<Stations> {
    Some(Stations {
        ocpp: Ocpp::Mixed,
        meter_interval: TimeSpan::from_seconds(60),
        reaction: TimeSpan::from_seconds(1),
        offline_start: OfflineStart::KnownTokens,
        after_power_loss: AfterPowerLoss::EndsTransaction,
        quirks: Vec::new(),
    })
}

const POWER_LOSS: [(&str, AfterPowerLoss); 2] = [
    ("ends_transaction", AfterPowerLoss::EndsTransaction),
    ("resumes_transaction", AfterPowerLoss::ResumesTransaction),
];

fn read_stations(section: &Section<'_>, site: Option<&SiteFile>) -> Option<Stations> {
    let defaults = default_stations()?;
    Some(Stations {
        ocpp: section.word_optional("ocpp", &OCPP).unwrap_or(defaults.ocpp),
        meter_interval: section.seconds("meter_interval_s").unwrap_or(defaults.meter_interval),
        reaction: section.seconds("reaction_s").unwrap_or(defaults.reaction),
        offline_start: section.word_optional("offline_start", &OFFLINE).unwrap_or(defaults.offline_start),
        after_power_loss: section
            .word_optional("after_power_loss", &POWER_LOSS)
            .unwrap_or(defaults.after_power_loss),
        quirks: fault_file::read_quirks(section, site)?,
    })
}

fn read_meters(section: &Section<'_>) -> GridMeterConfig {
    let defaults = GridMeterConfig::default();
    let ppm = |key: &str, default: u32| {
        u32::try_from(section.whole(key, 0..=1_000_000, default.into())).unwrap_or(default)
    };
    GridMeterConfig {
        period: section
            .thousandths("period_s", "s", 100..=3_600_000)
            .map_or(defaults.period, TimeSpan::from_milliseconds),
        delay: section.seconds("delay_s").unwrap_or(defaults.delay),
        noise_ppm: ppm("noise_ppm", defaults.noise_ppm),
        drop_out_ppm: ppm("drop_out_ppm", defaults.drop_out_ppm),
        resolution: section.amperes("resolution_a", 1..=10_000).unwrap_or(defaults.resolution),
    }
}

/// `[plans]` is a fault that lasts the whole run.
fn read_plans(section: &Section<'_>) -> Option<Fault> {
    let every = section.thousandths("nonsense_every_s", "s", 1_000..=86_400_000)?;
    Some(Fault::NonsensePlans { every: TimeSpan::from_milliseconds(every), span: Span::ALWAYS })
}

fn read_timing(section: &Section<'_>) -> Timing {
    let defaults = Timing::default();
    Timing {
        latency: section.seconds("latency_s").unwrap_or(defaults.latency),
        latency_spread: section.seconds("latency_spread_s").unwrap_or(defaults.latency_spread),
        commit: section.seconds("commit_s").unwrap_or(defaults.commit),
        reconnect: section.seconds("reconnect_s").unwrap_or(defaults.reconnect),
    }
}

fn read_span(section: &Section<'_>, zone: &Zone) -> (Option<Timestamp>, Option<Timestamp>) {
    let (from, until) = (read_civil(section, "from", zone), read_civil(section, "until", zone));
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        section.report("until", "must be after `from`");
    }
    (from, until)
}

/// A civil time by the site's clocks: `2026-01-16T18:30`.
pub(crate) fn read_civil(section: &Section<'_>, key: &str, zone: &Zone) -> Option<Timestamp> {
    section.required(
        key,
        "a time by the site's clocks, such as `2026-01-16T18:30` or `2026-01-16T18:30:15`",
        |value| {
            let (date, time) = value.as_str()?.split_once('T')?;
            civil_instant(date, time, zone)
        },
    )
}

pub(crate) fn civil_instant(date: &str, time: &str, zone: &Zone) -> Option<Timestamp> {
    let date: CivilDate = date.parse().ok()?;
    let mut parts = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let is_time = (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && parts.next().is_none();
    is_time.then(|| zone.instant(date, hour, minute) + TimeSpan::from_seconds(i64::from(second)))
}

mod recorded {
    //! Stays from recorded sessions: who came when and took what, with cars drawn by seed.

    use std::collections::BTreeSet;

    use plant::ev::EvModel;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use units::{EvseId, TimeSpan, WattHours};

    use super::{Found, Frame, RecordedStay, Section, driver_at};
    use crate::scenario::Stay;

    /// Between two stays at one place.
    const GAP: TimeSpan = TimeSpan::from_minutes(1);

    /// Each user gets an EVSE of its own, in order of name, and a car drawn by seed among those that can take the
    /// user's fastest recorded stay at the EVSE; where none can, among all.
    pub fn stays(section: &Section<'_>, frame: &Frame<'_>, found: &Found) -> Option<Vec<Stay>> {
        let mut models = Vec::new();
        for row in &found.ev_models {
            // A table of others has rows that are no car: they are passed over, not guessed.
            models.extend(EvModel::from_row(row));
        }
        if models.is_empty() || found.sessions.is_empty() {
            section.report("sessions", "no recorded stay or no car was found under WATTERY_DATA");
            return None;
        }
        let users: BTreeSet<&str> = found.sessions.iter().map(|stay| stay.user.as_str()).collect();
        let evses = &frame.site.config.evses;
        if users.len() > evses.len() {
            let remedy = format!("{} users need as many EVSEs, the site has {}", users.len(), evses.len());
            section.report("recorded_site", remedy);
            return None;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(frame.seed ^ 0x6361_7273);
        let mut stays = Vec::new();
        for (user, evse) in users.into_iter().zip(evses) {
            let mut own: Vec<&RecordedStay> =
                found.sessions.iter().filter(|stay| stay.user == user).collect();
            own.sort();
            let model = draw(&models, &own, &mut rng);
            stays.extend(user_stays(frame, &evse.id, &model, &own));
        }
        stays.sort_by(|a: &Stay, b: &Stay| (a.arrives_at, &a.evse).cmp(&(b.arrives_at, &b.evse)));
        Some(stays)
    }

    fn draw(models: &[EvModel], own: &[&RecordedStay], rng: &mut ChaCha8Rng) -> EvModel {
        let fastest = own.iter().map(|stay| mean_watts(stay)).max().unwrap_or(0);
        let can = |model: &&EvModel| watts(model) >= fastest;
        let able: Vec<&EvModel> = models.iter().filter(can).collect();
        let among = if able.is_empty() { models.iter().collect() } else { able };
        among[rng.random_range(0..among.len())].clone()
    }

    /// Mean power of a recorded stay, W.
    fn mean_watts(stay: &RecordedStay) -> i64 {
        let span = stay.departure.since(stay.arrival).milliseconds().max(1);
        stay.energy.milliwatt_hours().saturating_mul(3_600) / span
    }

    /// Highest AC power of a car at 230 V, W.
    fn watts(model: &EvModel) -> i64 {
        model.current_maximum.milliamperes() * 230 / 1_000 * i64::from(model.phases.count())
    }

    /// Stays that overlap at the one place are cut: the earlier car leaves a minute before the next one comes.
    fn user_stays(frame: &Frame<'_>, evse: &EvseId, model: &EvModel, own: &[&RecordedStay]) -> Vec<Stay> {
        let mut stays = Vec::new();
        for (place, stay) in own.iter().enumerate() {
            let next = own.get(place + 1).map_or(frame.ends_at, |next| next.arrival - GAP);
            let departs_at = stay.departure.min(next);
            let is_within = stay.arrival >= frame.starts_at && stay.arrival < frame.ends_at;
            if !is_within || departs_at <= stay.arrival || stay.energy <= WattHours::ZERO {
                continue;
            }
            let (token, driver) = driver_at(frame.commerce, evse);
            stays.push(Stay {
                evse: evse.clone(),
                ev: model.clone(),
                arrives_at: stay.arrival,
                departs_at: if stay.departure <= next { stay.departure } else { departs_at },
                wanted: stay.energy,
                token,
                driver,
            });
        }
        stays
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SCENARIO, SITE};

    fn told(scenario: &str, site: &str) -> Vec<String> {
        let found = Found { site: site.to_owned(), ..Found::default() };
        let problems = load("small", "scenario.toml", scenario, &found, SeedChoice::OfFile).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn five_mistakes_in_a_scenario_are_told_at_once_with_file_field_value_and_unit() {
        let bad = SCENARIO
            .replace("seed = 3", "sead = 3")
            .replace("car = \"one-phase\"", "car = \"one-fase\"")
            .replace("evse = \"P4/1\"", "evse = \"P9/1\"")
            .replace("energy_kwh = 12", "energy_kwh = -12")
            .replace("kind = \"flats\"", "kind = \"flat\"");
        let lines = told(&bad, SITE);
        for part in [
            "scenario.toml: sead = 3: unknown field",
            "people.stays[0].energy_kwh = -12: needs 0.001 to 500 kWh",
            "people.stays[1].car = \"one-fase\": no such car; there are: one-phase, three-phase",
            "people.stays[2].evse = \"P9/1\": no such EVSE at the site",
            "base_load[0].kind = \"flat\": needs one of `constant`, `steps`, `flats`, `type_curve`, `recorded`, `building`, `machine`",
        ] {
            assert!(lines.iter().any(|line| line.contains(part)), "{part} is not in {lines:#?}");
        }
    }

    #[test]
    fn mistakes_of_the_site_file_are_told_with_those_of_the_scenario() {
        let scenario = SCENARIO.replace("duration_h = 5", "duration_h = 'long'");
        let lines = told(&scenario, &SITE.replace("rating_a = 32", "rating_a = 0"));
        let first = "scenario.toml: duration_h = \"long\": needs 0.001 to 9000 h, at most three decimals";
        assert!(lines.iter().any(|line| line == first), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line.starts_with("site.toml: circuits[1].rating_a = 0")),
            "{lines:#?}"
        );
    }

    #[test]
    fn recorded_hours_begin_with_the_scenario_and_are_dealt_over_the_phases() {
        let base = "[[base_load]]\ncircuit = 'main'\nkind = 'recorded'\ntable = 'hours.csv'\nbuilding = 'b1'\n\
                    from = '2018-05-01T16:00:00Z'\n";
        let text = format!("{}{base}", SCENARIO.split("[[base_load]]").next().unwrap());
        let hour = |text: &str, kilowatts: i64| (text.parse().unwrap(), Watts::from_watts(kilowatts * 1_000));
        let hours = vec![hour("2018-05-01T16:00:00Z", 69), hour("2018-05-01T18:00:00Z", 138)];
        let found = Found { site: SITE.to_owned(), hours, ..Found::default() };
        let scenario = load("small", "scenario.toml", &text, &found, SeedChoice::OfFile).unwrap();
        let BaseSource::Trace(trace) = &scenario.base_loads[0].source else { panic!("a trace") };
        let amperes = |count| PerPhase::splat(Amperes::from_amperes(count));
        let later = scenario.starts_at + TimeSpan::from_hours(2);
        let rows = vec![(scenario.starts_at, amperes(100)), (later, amperes(200))];
        assert_eq!(*trace, Trace::new(rows).unwrap());
        let none = Found { hours: Vec::new(), ..found };
        let problems = load("small", "scenario.toml", &text, &none, SeedChoice::OfFile).unwrap_err();
        assert!(problems[0].to_string().contains("table"), "{problems:?}");
    }

    #[test]
    fn a_scenario_says_which_external_data_it_needs() {
        let text = "
site = 'site.toml'
[people]
kind = 'recorded'
sessions = 'sessions/a.csv.gz'
recorded_site = 'A'
month = '2020-01'
ev_models = 'ev.csv'
[[base_load]]
circuit = 'main'
kind = 'recorded'
table = 'hours.csv.gz'
building = 'b1'
from = '2018-05-01T16:00:00Z'
";
        let needs = needs("scenario.toml", text).unwrap();
        assert_eq!(needs.iter().filter(|need| need.is_external()).count(), 3);
        assert!(needs.contains(&Need::Site("site.toml".to_owned())));
        assert!(super::needs("scenario.toml", "title = 'x'").is_err(), "no site is named");
    }
}
