//! Random sites, people and faults: everything that a seed can ask of the engine, as the two files of a scenario.
//!
//! [`sample`] draws; what it draws is TOML text that the loader reads like any other, so that a seed that fails becomes a
//! scenario by writing its files down. The same seed and choice of faults give the same text on every machine.

use std::fmt::Write;

use charging::network::Network;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Scenario;
use crate::scenario_file::{Found, SeedChoice, load};
use crate::site_file;

/// Which faults a seed may draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultChoice {
    /// All kinds.
    All,
    /// None.
    None,
    /// These kinds, as `scenario.toml` names them.
    Some(Vec<&'static str>),
}

/// No such kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of fault; there are: all, none, or some of {list}", list = KINDS.join(","))]
pub struct UnknownKind(String);

impl std::str::FromStr for FaultChoice {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = |name: &str| {
            let known = KINDS.into_iter().find(|known| *known == name.trim());
            known.ok_or_else(|| UnknownKind(name.trim().to_owned()))
        };
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            list => Ok(Self::Some(list.split(',').map(kind).collect::<Result<_, _>>()?)),
        }
    }
}

impl std::fmt::Display for FaultChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => write!(f, "all"),
            Self::None => write!(f, "none"),
            Self::Some(kinds) => write!(f, "{}", kinds.join(",")),
        }
    }
}

/// The kinds of faults that are drawn, as `scenario.toml` names them.
pub const KINDS: [&str; 20] = [
    "link_loss",
    "frame_loss",
    "frame_duplication",
    "frame_delay",
    "meter_loss",
    "meter_freeze",
    "meter_impossible",
    "meter_zero",
    "station_reboot",
    "station_clock",
    "disobedience",
    "quirk",
    "wrong_wiring",
    "power_cut",
    "derating",
    "engine_crash",
    "crash_at_commits",
    "disk_full",
    "wall_clock",
    "nonsense_plans",
];

/// What a seed drew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampled {
    /// The seed.
    pub seed: u64,
    /// The text of site.toml.
    pub site: String,
    /// The text of scenario.toml.
    pub scenario: String,
}

impl Sampled {
    /// The scenario that the texts make.
    ///
    /// # Panics
    ///
    /// Where the loader refuses what was drawn: a defect here, told with the text.
    #[must_use]
    pub fn load(&self) -> Scenario {
        let found = Found { site: self.site.clone(), ..Found::default() };
        let name = format!("fuzz-{}", self.seed);
        load(&name, "scenario.toml", &self.scenario, &found, SeedChoice::OfFile).unwrap_or_else(|problems| {
            let told = crate::document::list(&problems);
            panic!("seed {} draws what cannot be: {told}\n{}\n{}", self.seed, self.site, self.scenario)
        })
    }
}

/// Draws a site, its people and its faults.
#[must_use]
pub fn sample(seed: u64, choice: &FaultChoice) -> Sampled {
    let mut draw = Draw { rng: ChaCha8Rng::seed_from_u64(seed) };
    let site = draw.site();
    let span = draw.span();
    // A stream of its own: another choice of faults leaves site and people as they were.
    let mut people = Draw { rng: draw.rng.clone() };
    people.rng.set_stream(1);
    let mut faults = Draw { rng: draw.rng.clone() };
    faults.rng.set_stream(2);
    let mut scenario = people.scenario(seed, &site, &span);
    faults.faults(&site, &span, choice, &mut scenario);
    Sampled { seed, site: site.text(site.fallback), scenario }
}

#[derive(Debug)]
struct Draw {
    rng: ChaCha8Rng,
}

/// A run's span, in minutes from midnight of a day.
#[derive(Debug)]
struct Span {
    date: &'static str,
    hour: i64,
    minutes: i64,
}

#[derive(Debug)]
struct Site {
    is_it: bool,
    circuits: Vec<Circuit>,
    evses: Vec<Evse>,
    fallback: i64,
    survives_boot: bool,
}

#[derive(Debug)]
struct Circuit {
    parent: Option<usize>,
    rating: i64,
    /// The highest base load right here.
    base_own: i64,
    /// The highest base load here and below.
    base: i64,
    meter_timeout: Option<i64>,
}

#[derive(Debug)]
struct Evse {
    station: usize,
    number: usize,
    circuit: usize,
    wiring: &'static str,
    current_max: i64,
    is_fine: bool,
    class: i64,
    weight: i64,
    is_public: bool,
    survives_pause: bool,
    starts_alone: bool,
    is_proven: bool,
}

/// Days with something about them: an ordinary one, both clock changes, a month's and a year's end.
const DATES: [&str; 6] = ["2026-01-16", "2026-03-28", "2026-05-31", "2026-06-17", "2026-10-24", "2025-12-31"];
const RATINGS: [i64; 10] = [16, 20, 25, 32, 40, 50, 63, 80, 100, 160];
const THREE: [&str; 3] = ["L1L2L3", "L2L3L1", "L3L1L2"];
const MIRRORED: [&str; 3] = ["L1L3L2", "L2L1L3", "L3L2L1"];
const TWO: [&str; 3] = ["L1L2", "L2L3", "L3L1"];
const ONE: [&str; 3] = ["L1", "L2", "L3"];
const BETWEEN: [&str; 3] = ["L1-L2", "L2-L3", "L3-L1"];

impl Draw {
    fn within(&mut self, from: i64, to: i64) -> i64 {
        self.rng.random_range(from..=to)
    }

    fn percent(&mut self, share: u32) -> bool {
        self.rng.random_ratio(share, 100)
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        *items.choose(&mut self.rng).unwrap_or(&items[0])
    }

    fn span(&mut self) -> Span {
        Span { date: self.of(&DATES), hour: self.within(0, 19), minutes: self.within(120, 480) }
    }

    /// A site that its own rules accept: standing fallbacks of 6 A where they fit, else none.
    fn site(&mut self) -> Site {
        let depth = self.within(2, 6);
        let is_it = self.percent(25);
        let mut circuits = vec![Circuit {
            parent: None,
            rating: self.of(&RATINGS[3..]),
            base_own: 0,
            base: 0,
            meter_timeout: None,
        }];
        let mut deepest = 0;
        for level in 1..depth {
            let siblings = if level == 1 { self.within(1, 3) } else { self.within(1, 2) };
            let parent = deepest;
            for _ in 0..siblings {
                let most = circuits[parent].rating;
                let fitting: Vec<i64> = RATINGS.into_iter().filter(|rating| *rating <= most).collect();
                let rating = self.of(&fitting);
                circuits.push(Circuit {
                    parent: Some(parent),
                    rating,
                    base_own: 0,
                    base: 0,
                    meter_timeout: None,
                });
            }
            deepest = circuits.len() - 1;
        }
        self.bases(&mut circuits);
        for (place, circuit) in circuits.iter_mut().enumerate() {
            let share = if place == 0 { 85 } else { 30 };
            circuit.meter_timeout = self.percent(share).then(|| self.of(&[30, 30, 60]));
        }
        let evses = self.evses(is_it, &circuits);
        let mut site = Site { is_it, circuits, evses, fallback: 6, survives_boot: self.percent(70) };
        if self.percent(60) || !site.is_accepted(site.fallback) {
            site.fallback = 0;
        }
        site
    }

    /// Base load at the grid connection, and at every third circuit below.
    fn bases(&mut self, circuits: &mut [Circuit]) {
        for (place, circuit) in circuits.iter_mut().enumerate() {
            if place == 0 || self.percent(30) {
                let room = room_for_base(circuit.rating);
                circuit.base_own = (room * self.within(0, 55) / 100).max(0);
            }
        }
        for place in (0..circuits.len()).rev() {
            let room = room_for_base(circuits[place].rating);
            let below: i64 =
                circuits.iter().filter(|other| other.parent == Some(place)).map(|other| other.base).sum();
            let own = circuits[place].base_own.min((room - below).max(0));
            circuits[place].base_own = own;
            circuits[place].base = own + below;
            if circuits[place].base > room {
                // More below than fits: nobody states that.
                for other in 0..circuits.len() {
                    if other != place && is_below(circuits, other, place) {
                        circuits[other].base_own = 0;
                        circuits[other].base = 0;
                    }
                }
                circuits[place].base = own;
            }
        }
    }

    fn evses(&mut self, is_it: bool, circuits: &[Circuit]) -> Vec<Evse> {
        let stations = self.within(2, 8);
        let has_classes = self.percent(20);
        let mut evses = Vec::new();
        for station in 1..=stations {
            let numbers = if self.percent(20) { 2 } else { 1 };
            // The deeper the likelier: two draws, the later circuit.
            let places = [self.within(0, 1_000), self.within(0, 1_000)].map(|draw| {
                let count = i64::try_from(circuits.len()).unwrap_or(1);
                usize::try_from(draw * count / 1_001).unwrap_or(0)
            });
            let circuit = places[0].max(places[1]);
            let is_fine = self.percent(25);
            for number in 1..=numbers {
                let wiring = match (is_it, self.within(0, 9)) {
                    (true, 0..=5) => self.of(&BETWEEN),
                    (true, _) => self.of(&THREE),
                    (false, 0..=4) => self.of(&THREE),
                    (false, 5) => self.of(&MIRRORED),
                    (false, 6) => self.of(&TWO),
                    (false, _) => self.of(&ONE),
                };
                let fitting: Vec<i64> =
                    [10, 16, 20, 32].into_iter().filter(|most| *most <= circuits[circuit].rating).collect();
                evses.push(Evse {
                    station: usize::try_from(station).unwrap_or(0),
                    number,
                    circuit,
                    wiring,
                    current_max: self.of(&fitting),
                    is_fine,
                    class: if has_classes { self.within(1, 2) } else { 1 },
                    weight: if self.percent(20) { self.within(2, 3) } else { 1 },
                    is_public: self.percent(25),
                    survives_pause: self.percent(92),
                    starts_alone: self.percent(8),
                    is_proven: self.percent(92),
                });
            }
        }
        evses
    }

    fn scenario(&mut self, seed: u64, site: &Site, span: &Span) -> String {
        let mut text = format!(
            "title = \"What seed {seed} drew\"\nseed = {seed}\nsite = \"site.toml\"\nstarts = \"{}\"\nduration_h = {}\n",
            span.at(0),
            thousandths(span.minutes * 1_000 / 60),
        );
        let power = if self.percent(50) { "ends_transaction" } else { "resumes_transaction" };
        let offline = self.of(&["refused", "known_tokens", "any_token"]);
        let ocpp = self.of(&["1.6", "2.0.1", "mixed"]);
        let _ = write!(
            text,
            "[stations]\nocpp = \"{ocpp}\"\nreaction_s = {}\noffline_start = \"{offline}\"\nafter_power_loss = \"{power}\"\n\
             [meters]\nperiod_s = {}\ndelay_s = {}\nnoise_ppm = {}\ndrop_out_ppm = {}\n\
             [timing]\nlatency_s = {}\nlatency_spread_s = {}\ncommit_s = {}\nreconnect_s = {}\n",
            thousandths(self.within(0, 4_000)),
            self.of(&[1, 5, 10, 10]),
            thousandths(self.within(0, 2_000)),
            self.within(0, 5_000),
            if self.percent(70) { 0 } else { self.within(0, 100_000) },
            thousandths(self.within(10, 200)),
            thousandths(self.within(0, 200)),
            thousandths(self.within(2, 60)),
            thousandths(self.within(1_000, 8_000)),
        );
        self.people(site, span, &mut text);
        self.base_loads(site, span, &mut text);
        text
    }

    fn people(&mut self, site: &Site, span: &Span, text: &mut String) {
        text.push_str("[people]\nkind = \"listed\"\n");
        let cars = self.within(2, 5);
        for car in 0..cars {
            let phases = self.of(&[1, 1, 2, 3, 3, 3]);
            // 16 A on each phase, or what a slower or faster charger takes.
            let kw = self.of(&[10, 16, 16, 20, 32]) * 230 * phases;
            let _ = write!(
                text,
                "[[people.cars]]\nname = \"car {car}\"\nusable_kwh = {}\nac_phases = {phases}\nac_kw = {}\n\
                 current_min_a = {}\nreaction_s = {}\n",
                self.within(10, 90),
                thousandths(kw),
                self.of(&[6, 6, 6, 7, 8]),
                thousandths(self.within(500, 8_000)),
            );
        }
        let mut count = 0;
        for (place, evse) in site.evses.iter().enumerate() {
            let mut at = self.within(0, span.minutes * 2 / 3);
            while at + 5 < span.minutes && (count == 0 || place > 0 || self.percent(80)) {
                let stays = self.within(10, span.minutes);
                let _ = write!(
                    text,
                    "[[people.stays]]\nevse = \"P{}/{}\"\ncar = \"car {}\"\narrives = \"{}\"\ndeparts = \"{}\"\n\
                     energy_kwh = {}\n",
                    evse.station,
                    evse.number,
                    self.within(0, cars - 1),
                    span.at(at * 60 + self.within(0, 59)),
                    span.at((at + stays) * 60 + 60),
                    thousandths(self.within(300, 40_000)),
                );
                count += 1;
                at += stays + self.within(3, 90);
            }
        }
    }

    fn base_loads(&mut self, site: &Site, span: &Span, text: &mut String) {
        for (place, circuit) in site.circuits.iter().enumerate().filter(|(_, circuit)| circuit.base_own > 0) {
            let most = circuit.base_own * 1_000;
            let _ = write!(text, "[[base_load]]\ncircuit = \"c{place}\"\nkind = \"steps\"\nsteps = [\n");
            let calm = self.within(1, 40);
            let mut second = 0;
            let mut level = [0, 0, 0].map(|_| self.within(0, most));
            while second < span.minutes * 60 {
                let _ = writeln!(
                    text,
                    "  {{ at = \"{}\", current_a = [{}, {}, {}] }},",
                    span.at(second),
                    thousandths(level[0]),
                    thousandths(level[1]),
                    thousandths(level[2]),
                );
                second += self.within(20, calm * 60 + 20);
                // Mostly a device more or less; now and then everything at once.
                let is_leap = self.percent(15);
                for current in &mut level {
                    let step = self.within(-8_000, 8_000);
                    *current = if is_leap { self.within(0, most) } else { (*current + step).clamp(0, most) };
                }
            }
            text.push_str("]\n");
        }
    }

    fn faults(&mut self, site: &Site, span: &Span, choice: &FaultChoice, text: &mut String) {
        let kinds: Vec<&str> = match choice {
            FaultChoice::None => return,
            FaultChoice::All => KINDS.to_vec(),
            FaultChoice::Some(kinds) => kinds.clone(),
        };
        let mut drawn = kinds.clone();
        drawn.shuffle(&mut self.rng);
        let count = usize::try_from(self.within(1, 5)).unwrap_or(1);
        drawn.truncate(count);
        for kind in drawn {
            if let Some(fields) = self.fault(kind, site, span) {
                let _ = write!(text, "[[faults]]\nkind = \"{kind}\"\n{fields}");
            }
        }
    }

    /// The fields of a fault; none where the site has nothing for it.
    fn fault(&mut self, kind: &str, site: &Site, span: &Span) -> Option<String> {
        let station = self.of(&site.evses.iter().map(|evse| evse.station).collect::<Vec<_>>());
        let some = match self.within(0, 3) {
            0 => String::new(),
            1 => format!("permille = {}\n", self.within(100, 900)),
            _ => format!("stations = [\"P{station}\"]\n"),
        };
        let from = self.within(0, span.minutes * 60 * 3 / 4);
        let lasts = self.of(&[20, 90, 400, 1_200, 3_600]);
        let lasts = self.within(lasts / 2, lasts);
        let when = format!("from = \"{}\"\nuntil = \"{}\"\n", span.at(from), span.at(from + lasts));
        let at = format!("at = \"{}\"\n", span.at(from));
        let circuit = self.within(0, i64::try_from(site.circuits.len()).unwrap_or(1) - 1);
        Some(match kind {
            "link_loss" => format!("{some}{when}noticed_after_s = {}\n", self.within(1, 120)),
            "frame_loss" => format!("permille = {}\n{when}", self.within(5, 100)),
            "frame_duplication" => format!("permille = {}\n", self.within(5, 200)),
            "frame_delay" => {
                let up_to = thousandths(self.within(100, 5_000));
                format!("permille = {}\nup_to_s = {up_to}\n", self.within(5, 200))
            }
            "meter_loss" | "meter_freeze" | "meter_impossible" | "meter_zero" => {
                let metered: Vec<usize> = (0..site.circuits.len())
                    .filter(|&place| site.circuits[place].meter_timeout.is_some())
                    .collect();
                let meter = metered.choose(&mut self.rng)?;
                format!("meter = \"m{meter}\"\n{when}")
            }
            "station_reboot" => format!("station = \"P{station}\"\n{at}"),
            "station_clock" => {
                let jump = self.of(&[2, 60, 600, 3_600, 86_400]);
                format!(
                    "{some}{at}jump_s = {}\ndrift_ppm = {}\nresyncs = {}\n",
                    self.within(-jump, jump),
                    self.within(-300, 300),
                    self.percent(70),
                )
            }
            "disobedience" => {
                let how = self.of(&["ignores_limits", "ignores_lower_limits"]);
                format!("stations = [\"P{station}\"]\nhow = \"{how}\"\n{when}")
            }
            "quirk" => format!("stations = [\"P{station}\"]\n{}{when}", self.quirk()),
            "wrong_wiring" => {
                let evse = self.of(&site.evses.iter().collect::<Vec<_>>());
                let like: &[&'static str] = match evse.wiring.len() {
                    6 => &THREE,
                    5 => &BETWEEN,
                    4 => &TWO,
                    _ => &ONE,
                };
                let wiring = self.of(like);
                site.is_accepted_with(evse, wiring).then(|| {
                    format!("evse = \"P{}/{}\"\nwiring = \"{wiring}\"\n", evse.station, evse.number)
                })?
            }
            "power_cut" => format!("circuit = \"c{circuit}\"\n{when}"),
            "derating" => {
                let place = usize::try_from(circuit).unwrap_or(0);
                let rating = site.circuits[place].rating * self.within(55, 95) / 100;
                site.is_accepted_derated(place, rating)
                    .then(|| format!("circuit = \"c{circuit}\"\nrating_a = {rating}\n{when}"))?
            }
            "engine_crash" => format!("{at}down_s = {}\n", thousandths(self.within(100, 300_000))),
            "crash_at_commits" => format!(
                "every = {}\nfrom = \"{}\"\ndown_s = {}\n",
                self.within(15, 400),
                span.at(from),
                thousandths(self.within(100, 20_000)),
            ),
            "disk_full" => when,
            "wall_clock" => {
                let ahead = self.of(&[3_600, 86_400, 315_360_000]);
                format!("{at}ahead_s = {}\n", self.within(-ahead, ahead))
            }
            "nonsense_plans" => format!("every_s = {}\n", self.within(5, 300)),
            _ => return None,
        })
    }

    fn quirk(&mut self) -> String {
        let plain = [
            "forgets_profiles_on_reconnect",
            "holds_limit_while_offline",
            "ignores_resume_after_pause",
            "ignores_limit_after_pause",
            "hangs_at_zero",
            "no_boot_on_reconnect",
            "duplicates_stop_transaction",
            "meter_stop_unknown",
            "kilowatt_hours",
            "never_answers",
        ];
        match self.within(0, 4) {
            0 => format!("quirk = \"stuck_at\"\ncurrent_a = {}\n", self.within(6, 16)),
            1 => format!("quirk = \"answers_late\"\ndelay_s = {}\n", self.within(1, 40)),
            2 => {
                let purpose = self.of(&["charge_point_max", "tx_default", "tx"]);
                format!("quirk = \"rejects_purpose\"\npurpose = \"{purpose}\"\n")
            }
            _ => format!("quirk = \"{}\"\n", self.of(&plain)),
        }
    }
}

impl Span {
    /// An instant so many seconds after the start, by the site's clocks.
    fn at(&self, second: i64) -> String {
        let total = self.hour * 3_600 + second;
        let (days, rest) = (total / 86_400, total % 86_400);
        let date = later(self.date, days);
        format!("{date}T{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
    }
}

/// A date so many days later.
fn later(date: &str, days: i64) -> String {
    let midnight: units::Timestamp =
        format!("{date}T00:00:00Z").parse().unwrap_or_else(|error| panic!("{date}: {error}"));
    let text = (midnight + units::TimeSpan::from_hours(24) * days).to_string();
    text.chars().take(10).collect()
}

impl Site {
    fn text(&self, fallback: i64) -> String {
        self.text_with(fallback, |_| None, |_| None)
    }

    fn text_with(
        &self,
        fallback: i64,
        rating_of: impl Fn(usize) -> Option<i64>,
        wiring_of: impl Fn(&Evse) -> Option<&'static str>,
    ) -> String {
        let supply = if self.is_it { "it_230" } else { "tn_400" };
        let mut text = format!(
            "id = \"fuzzed\"\nname = \"A site drawn by seed\"\nzone = \"Europe/Helsinki\"\nsupply = \"{supply}\"\n\
             [owner]\nid = \"owner\"\nname = \"Owner\"\nvat = \"not_registered\"\nplan = \"per_kwh\"\n\
             [[tariffs]]\nid = \"residents\"\nvalid_from = \"2024-09-01\"\nenergy_eur_per_kwh = 0.20\n\
             [[tariffs]]\nid = \"guests\"\nvalid_from = \"2024-09-01\"\nenergy_eur_per_kwh = 0.35\n"
        );
        for (place, circuit) in self.circuits.iter().enumerate() {
            let rating = rating_of(place).unwrap_or(circuit.rating);
            let _ = write!(
                text,
                "[[circuits]]\nid = \"c{place}\"\nrating_a = {rating}\nworst_base_a = {}\n",
                circuit.base
            );
            if let Some(parent) = circuit.parent {
                let _ = writeln!(text, "parent = \"c{parent}\"");
            }
            if let Some(timeout) = circuit.meter_timeout {
                let _ = writeln!(text, "meter = {{ id = \"m{place}\", timeout_s = {timeout} }}");
            }
        }
        let _ = write!(
            text,
            "[evse_defaults]\nfallback_a = {fallback}\nlimit_expired_a = {fallback}\nfallback_survives_boot = {}\n\
             tariff = \"residents\"\n",
            self.survives_boot,
        );
        for evse in &self.evses {
            let wiring = wiring_of(evse).unwrap_or(evse.wiring);
            let _ = write!(
                text,
                "[[evses]]\nid = \"P{}/{}\"\ncircuit = \"c{}\"\nwiring = \"{wiring}\"\ncurrent_max_a = {}\nstep_a = {}\n\
                 class = {}\nweight = {}\nsurvives_pause = {}\nstarts_alone = {}\nis_fallback_proven = {}\n",
                evse.station,
                evse.number,
                evse.circuit,
                evse.current_max,
                if evse.is_fine { "0.1" } else { "1" },
                evse.class,
                evse.weight,
                evse.survives_pause,
                evse.starts_alone,
                evse.is_proven,
            );
            let access = if evse.is_public { "both\"\ntariff_guests = \"guests" } else { "private" };
            let _ = writeln!(text, "access = \"{access}\"");
        }
        text
    }

    fn is_accepted(&self, fallback: i64) -> bool {
        is_accepted(&self.text(fallback))
    }

    fn is_accepted_derated(&self, circuit: usize, rating: i64) -> bool {
        is_accepted(&self.text_with(self.fallback, |place| (place == circuit).then_some(rating), |_| None))
    }

    fn is_accepted_with(&self, wired: &Evse, wiring: &'static str) -> bool {
        let is_it = |evse: &Evse| (evse.station, evse.number) == (wired.station, wired.number);
        is_accepted(&self.text_with(self.fallback, |_| None, |evse| is_it(evse).then_some(wiring)))
    }
}

fn is_accepted(site: &str) -> bool {
    site_file::parse("site.toml", site).is_ok_and(|site| Network::build(site.config).is_ok())
}

/// What base load may take of a rating, in amperes: all but the reserve of 3 % and the meter's class, and some.
fn room_for_base(rating: i64) -> i64 {
    rating - (rating / 20).max(5)
}

fn is_below(circuits: &[Circuit], circuit: usize, above: usize) -> bool {
    std::iter::successors(Some(circuit), |&place| circuits[place].parent).any(|place| place == above)
}

/// Thousandths as a decimal figure.
fn thousandths(count: i64) -> String {
    format!("{}.{:03}", count / 1_000, count % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn what_a_seed_draws_is_a_scenario_and_the_same_each_time() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let sampled = sample(seed, &FaultChoice::All);
            assert_eq!(sampled, sample(seed, &FaultChoice::All), "seed {seed}");
            let scenario = sampled.load();
            kinds.extend(scenario.faults.iter().map(Fault::name));
            assert_eq!(sample(seed, &FaultChoice::None).load().faults, []);
        }
        assert!(kinds.len() >= 19, "of all kinds of faults, 300 seeds draw only {kinds:?}");
    }

    #[test]
    fn a_choice_of_faults_is_read_as_written_and_a_wrong_one_named() {
        for text in ["all", "none", "link_loss", "disk_full,power_cut"] {
            let choice: FaultChoice = text.parse().unwrap();
            assert_eq!(choice.to_string(), text);
        }
        let error = "link_los".parse::<FaultChoice>().unwrap_err().to_string();
        assert!(error.contains("`link_los`") && error.contains("link_loss"), "{error}");
    }
}
