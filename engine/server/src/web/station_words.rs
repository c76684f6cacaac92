//! The words of a station's page, in each language: findings with what to do, facts, settings.

use csms::baseline::SettingState;
use csms::facts::{Evidence, Fact};
use csms::findings::StationFinding;
use csms::record::Subject;
use units::{Amperes, WattHours};

use super::number::{kilowatt_hours, tenths};
use super::words::Language;

/// What a page of a station says besides.
#[derive(Debug)]
pub struct StationWords {
    pub online: &'static str,
    pub offline: &'static str,
    pub no_boot: &'static str,
    pub all_well: &'static str,
    pub findings: &'static str,
    pub limits: &'static str,
    pub limits_before: &'static str,
    pub facts: &'static str,
    pub settings: &'static str,
    pub setting_wanted: &'static str,
    pub setting_found: &'static str,
    pub connection: &'static str,
    pub connection_note: &'static str,
    pub up_since: &'static str,
    pub drops: &'static str,
    pub round_trip: &'static str,
    pub unanswered: &'static str,
    pub heartbeats_missed: &'static str,
    pub frames_counted: &'static str,
    pub faults: &'static str,
    pub no_faults: &'static str,
    pub fault_stands: &'static str,
    pub quirks: &'static str,
    pub no_quirks: &'static str,
    pub tolerated: &'static str,
    pub notices: &'static str,
    pub no_notices: &'static str,
    pub frames: &'static str,
    pub no_frames: &'static str,
    pub from_station: &'static str,
    pub to_station: &'static str,
    pub both_ways: &'static str,
    pub action: &'static str,
    pub text: &'static str,
    pub show: &'static str,
    pub download: &'static str,
    pub older: &'static str,
    pub not_shown: &'static str,
    pub since: &'static str,
    pub site: &'static str,
    pub no_such_station: &'static str,
}

pub static ENGLISH: StationWords = StationWords {
    online: "online",
    offline: "offline",
    no_boot: "has not said yet what it is",
    all_well: "Nothing to look at.",
    findings: "What to look at",
    limits: "What limits it",
    limits_before: "Before",
    facts: "What it shows by what it does",
    settings: "How it is set",
    setting_wanted: "should be",
    setting_found: "is",
    connection: "Connection",
    connection_note: "Counted since the server started.",
    up_since: "Up since",
    drops: "Drops",
    round_trip: "Answer after (middle, slowest)",
    unanswered: "Calls without an answer",
    heartbeats_missed: "Times fallen silent",
    frames_counted: "Frames from it, to it",
    faults: "Faults",
    no_faults: "None was told.",
    fault_stands: "stands",
    quirks: "What its model is known to do",
    no_quirks: "Nothing out of the ordinary.",
    tolerated: "Tolerated in its frames",
    notices: "What it told besides transactions",
    no_notices: "Nothing yet.",
    frames: "Frames",
    no_frames: "No frame matches.",
    from_station: "from the station",
    to_station: "to the station",
    both_ways: "both ways",
    action: "Action",
    text: "Text",
    show: "Show",
    download: "Download",
    older: "Older",
    not_shown: "nothing has shown it yet",
    since: "since",
    site: "Site",
    no_such_station: "There is no station {}",
};

pub static FINNISH: StationWords = StationWords {
    online: "yhteydessä",
    offline: "ei yhteyttä",
    no_boot: "ei ole vielä kertonut, mikä se on",
    all_well: "Ei mitään katsottavaa.",
    findings: "Katso nämä",
    limits: "Mikä sitä rajoittaa",
    limits_before: "Aiemmin",
    facts: "Mitä se on toiminnallaan osoittanut",
    settings: "Miten se on asetettu",
    setting_wanted: "pitäisi olla",
    setting_found: "on",
    connection: "Yhteys",
    connection_note: "Laskettu palvelimen käynnistyksestä.",
    up_since: "Yhteydessä alkaen",
    drops: "Katkokset",
    round_trip: "Vastaus (keskimmäinen, hitain)",
    unanswered: "Vastaamatta jääneet kutsut",
    heartbeats_missed: "Hiljenemiset",
    frames_counted: "Sanomat siltä, sille",
    faults: "Viat",
    no_faults: "Yhtään ei ole ilmoitettu.",
    fault_stands: "voimassa",
    quirks: "Mitä mallista tiedetään",
    no_quirks: "Ei mitään tavallisesta poikkeavaa.",
    tolerated: "Sanomissa siedetty",
    notices: "Mitä muuta se on kertonut",
    no_notices: "Ei vielä mitään.",
    frames: "Sanomat",
    no_frames: "Yksikään sanoma ei vastaa hakua.",
    from_station: "asemalta",
    to_station: "asemalle",
    both_ways: "molemmat suunnat",
    action: "Toiminto",
    text: "Teksti",
    show: "Näytä",
    download: "Lataa",
    older: "Vanhemmat",
    not_shown: "mikään ei ole vielä osoittanut sitä",
    since: "alkaen",
    site: "Kohde",
    no_such_station: "Asemaa {} ei ole",
};

impl Language {
    /// Every word of a station's page.
    pub(super) const fn station_words(self) -> &'static StationWords {
        match self {
            Self::English => &ENGLISH,
            Self::Finnish => &FINNISH,
        }
    }

    fn pick(self, english: String, finnish: String) -> String {
        match self {
            Self::English => english,
            Self::Finnish => finnish,
        }
    }
}

/// A fact's name: as it holds, and as it does not.
pub const fn fact_in_words(fact: Fact, holds: bool, language: Language) -> &'static str {
    match (language, fact, holds) {
        (Language::English, Fact::ObeysLimits, true) => "obeys its limits",
        (Language::English, Fact::ObeysLimits, false) => "does not obey its limits",
        (Language::English, Fact::ReportsPhases, true) => "measures each phase",
        (Language::English, Fact::ReportsPhases, false) => "does not measure its phases apart",
        (Language::English, Fact::UnitsPlausible, true) => "register and currents fit",
        (Language::English, Fact::UnitsPlausible, false) => "register and currents contradict each other",
        (Language::English, Fact::ClockRight, true) => "clock is right",
        (Language::English, Fact::ClockRight, false) => "clock is off",
        (Language::English, Fact::AnswersConfiguration, true) => "tells its settings",
        (Language::English, Fact::AnswersConfiguration, false) => "does not tell its settings",
        (Language::Finnish, Fact::ObeysLimits, true) => "noudattaa rajojaan",
        (Language::Finnish, Fact::ObeysLimits, false) => "ei noudata rajojaan",
        (Language::Finnish, Fact::ReportsPhases, true) => "mittaa jokaisen vaiheen",
        (Language::Finnish, Fact::ReportsPhases, false) => "ei mittaa vaiheita erikseen",
        (Language::Finnish, Fact::UnitsPlausible, true) => "mittarilukema ja virrat sopivat yhteen",
        (Language::Finnish, Fact::UnitsPlausible, false) => "mittarilukema ja virrat ovat ristiriidassa",
        (Language::Finnish, Fact::ClockRight, true) => "kello on oikeassa",
        (Language::Finnish, Fact::ClockRight, false) => "kello on väärässä",
        (Language::Finnish, Fact::AnswersConfiguration, true) => "kertoo asetuksensa",
        (Language::Finnish, Fact::AnswersConfiguration, false) => "ei kerro asetuksiaan",
    }
}

/// What showed a fact.
pub fn evidence_in_words(evidence: &Evidence, language: Language) -> String {
    let amperes = |current: Amperes| tenths(current, language);
    match evidence {
        Evidence::Draw { evse, limit, drawn } => language.pick(
            format!("EVSE {evse} drew {} A under a limit of {} A", amperes(*drawn), amperes(*limit)),
            format!("latauspiste {evse} otti {} A rajan ollessa {} A", amperes(*drawn), amperes(*limit)),
        ),
        Evidence::Phases { evse, measured, wired } => language.pick(
            format!("EVSE {evse} told {measured} of {wired} phases"),
            format!("latauspiste {evse} kertoi {measured} vaihetta {wired}:sta"),
        ),
        Evidence::Energy { evse, register, carried } => {
            let (register, carried) = energies(*register, *carried, language);
            language.pick(
                format!(
                    "the register of EVSE {evse} moved by {register} while its currents carried {carried}"
                ),
                format!("latauspisteen {evse} lukema kasvoi {register}, kun virrat siirsivät {carried}"),
            )
        }
        Evidence::Clock { ahead_ms } => ahead(*ahead_ms, language),
        Evidence::Settings { asked, word } if word.is_empty() => language.pick(
            format!("answered when it was asked for {asked}"),
            format!("vastasi, kun siltä kysyttiin {asked} asetusta"),
        ),
        Evidence::Settings { asked, word } => language.pick(
            format!("asked for {asked}, it gave: {word}"),
            format!("kun siltä kysyttiin {asked} asetusta, se vastasi: {word}"),
        ),
    }
}

fn energies(register: WattHours, carried: WattHours, language: Language) -> (String, String) {
    let words = |energy: WattHours| {
        if energy.magnitude() < WattHours::from_watt_hours(100) {
            format!("{} Wh", energy.watt_hours_floor())
        } else {
            format!("{} kWh", kilowatt_hours(energy, language))
        }
    };
    (words(register), words(carried))
}

/// `1 h 0 min ahead`.
fn ahead(ahead_ms: i64, language: Language) -> String {
    let seconds = ahead_ms.unsigned_abs() / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let span = match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => language.pick(format!("{days} d {hours} h"), format!("{days} vrk {hours} h")),
    };
    match ahead_ms >= 0 {
        true => language.pick(format!("{span} ahead"), format!("{span} edellä")),
        false => language.pick(format!("{span} behind"), format!("{span} jäljessä")),
    }
}

/// Of what a notice tells, by its name in records; a name that is not ours as it stands.
#[must_use]
pub fn subject_in_words(subject: &str, language: Language) -> &str {
    const WORDS: [(Subject, [&str; 2]); 19] = [
        (Subject::Firmware, ["Firmware", "Laiteohjelmisto"]),
        (Subject::FirmwareHandedOn, ["Firmware handed on", "Välitetty laiteohjelmisto"]),
        (Subject::Log, ["Log", "Loki"]),
        (Subject::Security, ["Security", "Tietoturva"]),
        (Subject::Signature, ["X.509 certificate wanted", "Varmennepyyntö"]),
        (Subject::Limit, ["Limit of somebody else", "Toisen asettama raja"]),
        (Subject::LimitGone, ["Limit of somebody else is over", "Toisen asettama raja poistui"]),
        (Subject::EvNeeds, ["What the EV wants", "Auton toive"]),
        (Subject::EvSchedule, ["What the EV means to draw", "Auton suunnitelma"]),
        (Subject::Priority, ["Priority", "Etusija"]),
        (Subject::Reservation, ["Reservation", "Varaus"]),
        (Subject::Event, ["Event", "Tapahtuma"]),
        (Subject::Report, ["Device model", "Laitemalli"]),
        (Subject::Monitors, ["Variables watched", "Seuratut muuttujat"]),
        (Subject::Profiles, ["Charging profiles", "Latausprofiilit"]),
        (Subject::Messages, ["Messages shown", "Näytetyt viestit"]),
        (Subject::Customer, ["Customer information", "Asiakastiedot"]),
        (Subject::Cost, ["Cost reckoned", "Laskettu hinta"]),
        (Subject::Settlement, ["Payment", "Maksu"]),
    ];
    let found = WORDS.iter().find(|(known, _)| known.name() == subject);
    found.map_or(subject, |(_, [english, finnish])| match language {
        Language::English => english,
        Language::Finnish => finnish,
    })
}

/// How a setting stands.
pub fn setting_in_words(state: &SettingState, language: Language) -> String {
    let (english, finnish) = match state {
        SettingState::Told => ("told", "kerrottu"),
        SettingState::AsWanted => ("as it should be", "kuten pitää"),
        SettingState::PutRight => ("put right", "korjattu"),
        SettingState::Unverified => ("changed, not told again", "muutettu, ei varmistettu"),
        SettingState::AfterBoot => ("changed, from its next start on", "muutettu, voimaan käynnistyksestä"),
        SettingState::NotKept => ("accepted, and not kept", "hyväksyi, mutta ei säilyttänyt"),
        SettingState::ReadOnly => ("cannot be changed", "ei voi muuttaa"),
        SettingState::Refused(word) => {
            return language.pick(format!("refused: {word}"), format!("torjuttu: {word}"));
        }
        SettingState::Unknown => ("not known to the station", "asema ei tunne"),
        SettingState::NotAsked => ("neither asked nor set", "ei kysytty eikä asetettu"),
        SettingState::NoAnswer => ("no answer", "ei vastausta"),
    };
    language.pick(english.to_owned(), finnish.to_owned())
}

/// What is found, and what to do.
pub fn finding_in_words(finding: &StationFinding, language: Language) -> [String; 2] {
    let amperes = |current: Amperes| tenths(current, language);
    let both = |english: [String; 2], finnish: [&str; 2], values: &[String]| match language {
        Language::English => english,
        Language::Finnish => {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            [super::words::fill(finnish[0], &values), finnish[1].to_owned()]
        }
    };
    match finding {
        StationFinding::IgnoresLimit { evse, limit, drawn } => both(
            [
                format!("EVSE {evse} does not obey {} A: it drew {} A.", amperes(*limit), amperes(*drawn)),
                "It counts at its worst, so that nothing trips, and others get less. Look for newer firmware, and for \
                 a load management of its own that is switched on."
                    .to_owned(),
            ],
            [
                "Latauspiste {} ei noudata rajaa {} A: se otti {} A.",
                "Se lasketaan pahimman mukaan, jotta mikään ei laukea, ja muut saavat vähemmän. Etsi uudempi \
                 laiteohjelmisto ja tarkista, onko aseman oma kuormanhallinta päällä.",
            ],
            &[evse.to_string(), amperes(*limit), amperes(*drawn)],
        ),
        StationFinding::RefusesLimits { evse } => both(
            [
                format!("EVSE {evse} refuses its limits."),
                "It counts at its worst. Look at its answers to SetChargingProfile below: some must have smart \
                 charging, or control from outside, switched on at the station."
                    .to_owned(),
            ],
            [
                "Latauspiste {} torjuu rajansa.",
                "Se lasketaan pahimman mukaan. Katso alta sen vastaukset toimintoon SetChargingProfile: joissakin \
                 älylataus tai ulkoinen ohjaus on kytkettävä päälle asemalla.",
            ],
            &[evse.to_string()],
        ),
        StationFinding::KnownNotToKeepLimits { entries } => both(
            [
                format!("Its model is known not to keep limits ({}).", entries.join(", ")),
                "It counts at its worst. Where yours is known to keep them, put an entry of that name into a table of \
                 your own (--quirks)."
                    .to_owned(),
            ],
            [
                "Mallin tiedetään rikkovan rajojaan ({}).",
                "Se lasketaan pahimman mukaan. Jos omasi noudattaa niitä, lisää samanniminen kohta omaan taulukkoosi \
                 (--quirks).",
            ],
            &[entries.join(", ")],
        ),
        StationFinding::HeldAtZero { entries } => both(
            [
                format!("Its model does not bear 0 A ({}), and the site cannot carry its minimum.", entries.join(", ")),
                "It is held at 0 A all the same, and may hang. Raise the rating, lower the stated worst base load, or \
                 take EVSEs out."
                    .to_owned(),
            ],
            [
                "Malli ei kestä 0 A:n rajaa ({}), eikä kohde kanna sen vähimmäisvirtaa.",
                "Se pidetään silti nollassa ja voi jumiutua. Nosta nimellisarvoa, laske ilmoitettua suurinta \
                 pohjakuormaa tai poista latauspisteitä.",
            ],
            &[entries.join(", ")],
        ),
        StationFinding::OnePeriodOnly => both(
            [
                "It takes one period in a schedule: its limits cannot fall back by themselves.".to_owned(),
                "State its fallback as not proven, so that it counts at its worst, or put in newer firmware.".to_owned(),
            ],
            [
                "Se hyväksyy vain yhden jakson: raja ei voi laskea itsestään.",
                "Merkitse sen varmistus osoittamattomaksi, jolloin se lasketaan pahimman mukaan, tai päivitä \
                 laiteohjelmisto.",
            ],
            &[],
        ),
        StationFinding::NoSmartCharging { features } => both(
            [
                format!("It does not tell that it has smart charging ({features})."),
                "Switch it on at the station, or put in firmware that has it: without, it counts at its worst.".to_owned(),
            ],
            [
                "Se ei kerro osaavansa älylatausta ({}).",
                "Kytke se päälle asemalla tai päivitä laiteohjelmisto: ilman sitä asema lasketaan pahimman mukaan.",
            ],
            std::slice::from_ref(features),
        ),
        StationFinding::FaultStands { evse, code, vendor_code, words } => {
            let told: Vec<&str> =
                [code.as_str(), vendor_code, words].into_iter().filter(|word| !word.is_empty()).collect();
            let told = told.join(", ");
            both(
                [
                    format!("EVSE {evse} tells a fault: {told}."),
                    "Look the vendor's code up in the station's manual; a restart helps with some.".to_owned(),
                ],
                [
                    "Latauspiste {} ilmoittaa viasta: {}.",
                    "Katso valmistajan koodi aseman ohjeesta; joihinkin auttaa uudelleenkäynnistys.",
                ],
                &[evse.to_string(), told],
            )
        }
        StationFinding::ClockOff { ahead_ms } => both(
            [
                format!("The clock is {}.", ahead(*ahead_ms, Language::English)),
                "Its expiries count for nothing until it is right. It is told the time with every heartbeat: look at \
                 its time zone, and for a time server of its own."
                    .to_owned(),
            ],
            [
                "Kello on {}.",
                "Sen rajojen vanhenemiseen ei luoteta ennen kuin kello on oikeassa. Aika kerrotaan sille jokaisella \
                 elonmerkillä: tarkista aikavyöhyke ja oma aikapalvelin.",
            ],
            &[ahead(*ahead_ms, Language::Finnish)],
        ),
        StationFinding::RegisterInKilowattHours { evse, register, carried } => {
            let (register, carried) = energies(*register, *carried, language);
            both(
                [
                    format!("EVSE {evse} reports kWh as Wh: {register} by its register, {carried} by its currents."),
                    "Its bills would be a thousandth. Set the unit at the station, or put in newer firmware, before \
                     anybody is billed."
                        .to_owned(),
                ],
                [
                    "Latauspiste {} ilmoittaa kilowattitunnit wattitunteina: lukema {}, virrat {}.",
                    "Laskut olisivat tuhannesosa. Aseta yksikkö asemalla tai päivitä laiteohjelmisto ennen \
                     laskutusta.",
                ],
                &[evse.to_string(), register, carried],
            )
        }
        StationFinding::RegisterImplausible { evse, register, carried } => {
            let (register, carried) = energies(*register, *carried, language);
            both(
                [
                    format!("The register of EVSE {evse} moved by {register} while its currents carried {carried}."),
                    "One of both is wrong: compare with the meter's own display before anybody is billed.".to_owned(),
                ],
                [
                    "Latauspisteen {} lukema kasvoi {}, kun virrat siirsivät {}.",
                    "Toinen on väärin: vertaa mittarin omaan näyttöön ennen laskutusta.",
                ],
                &[evse.to_string(), register, carried],
            )
        }
        StationFinding::NoPhases { evse, wired } => both(
            [
                format!("EVSE {evse} does not measure its {wired} phases apart."),
                "All of them count as occupied at its limit. Where the meter can, set Current.Import with phases.".to_owned(),
            ],
            [
                "Latauspiste {} ei mittaa {} vaihettaan erikseen.",
                "Kaikki lasketaan varatuiksi rajan verran. Jos mittari osaa, aseta Current.Import vaiheittain.",
            ],
            &[evse.to_string(), wired.to_string()],
        ),
        StationFinding::TellsNoSettings { word } => both(
            [
                format!("It does not tell its settings ({word})."),
                "It is told what transactions need, and nothing is verified. Look at the station's own pages.".to_owned(),
            ],
            [
                "Se ei kerro asetuksiaan ({}).",
                "Sille kerrotaan, mitä lataus tarvitsee, mutta mitään ei voi varmistaa. Katso aseman omat sivut.",
            ],
            std::slice::from_ref(word),
        ),
        StationFinding::Setting { name, wanted, found, why } => {
            let found = found.clone().unwrap_or_else(|| "?".to_owned());
            both(
                [
                    format!(
                        "{name} should be {wanted} and is {found}: {}.",
                        setting_in_words(why, Language::English)
                    ),
                    "Set it at the station, or live with it: nothing that is safe depends on it.".to_owned(),
                ],
                [
                    "{} pitäisi olla {}, mutta on {}: {}.",
                    "Aseta se asemalla tai jätä näin: turvallisuus ei riipu siitä.",
                ],
                &[name.clone(), wanted.clone(), found, setting_in_words(why, Language::Finnish)],
            )
        }
        StationFinding::DropsOften { drops, in_last_hour } => both(
            [
                format!("Its link dropped {in_last_hour} times in the last hour, {drops} times in all."),
                "Look at its signal, and at what stands between: some routers end what is silent for a minute.".to_owned(),
            ],
            [
                "Yhteys katkesi {} kertaa viimeisen tunnin aikana, kaikkiaan {} kertaa.",
                "Tarkista kuuluvuus ja reititin: jotkin katkaisevat minuutin hiljaisuuden jälkeen.",
            ],
            &[in_last_hour.to_string(), drops.to_string()],
        ),
        StationFinding::LeavesUnanswered { calls } => both(
            [
                format!("It left {calls} calls without an answer."),
                "Look below which ones: if they are always the same, its model may not bear them.".to_owned(),
            ],
            [
                "Se jätti vastaamatta {} kutsuun.",
                "Katso alta mihin: jos aina samoihin, malli ei ehkä kestä niitä.",
            ],
            &[calls.to_string()],
        ),
        StationFinding::FallsSilent { times } => both(
            [
                format!("It fell silent {times} times for longer than its heartbeat allows."),
                "Its link looks up while it is not: look at its signal.".to_owned(),
            ],
            [
                "Se hiljeni {} kertaa pidemmäksi aikaa kuin elonmerkki sallii.",
                "Yhteys näyttää olevan auki, vaikka ei ole: tarkista kuuluvuus.",
            ],
            &[times.to_string()],
        ),
        StationFinding::BrokenFrames { frames } => both(
            [
                format!("{frames} of its frames could not be read."),
                "They are in the frames below as they came: send them to its vendor.".to_owned(),
            ],
            [
                "{} sen sanomaa oli lukukelvottomia.",
                "Ne ovat alla sellaisina kuin tulivat: lähetä ne valmistajalle.",
            ],
            &[frames.to_string()],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_say_what_is_and_what_to_do_in_both_languages() {
        let clock = StationFinding::ClockOff { ahead_ms: -3_600_000 };
        assert_eq!(finding_in_words(&clock, Language::English)[0], "The clock is 1 h 0 min behind.");
        assert_eq!(finding_in_words(&clock, Language::Finnish)[0], "Kello on 1 h 0 min jäljessä.");
        let limit = StationFinding::IgnoresLimit {
            evse: 1,
            limit: Amperes::from_amperes(8),
            drawn: Amperes::from_milliamperes(15_900),
        };
        assert_eq!(
            finding_in_words(&limit, Language::English)[0],
            "EVSE 1 does not obey 8.0 A: it drew 15.9 A."
        );
        let units = StationFinding::RegisterInKilowattHours {
            evse: 2,
            register: WattHours::from_watt_hours(3),
            carried: WattHours::from_watt_hours(3_000),
        };
        let told = finding_in_words(&units, Language::English)[0].clone();
        assert!(told.starts_with("EVSE 2 reports kWh as Wh: 3 Wh by its register"), "{told}");
        for language in Language::ALL {
            for finding in [&clock, &limit, &units] {
                let [what, way_out] = finding_in_words(finding, language);
                assert!(!what.contains("{}") && !way_out.is_empty(), "{what}");
            }
        }
    }

    #[test]
    fn spans_of_a_clock_are_told_in_two_units() {
        for (ahead_ms, told) in [
            (4_000, "4 s ahead"),
            (-65_000, "1 min 5 s behind"),
            (7_260_000, "2 h 1 min ahead"),
            (-90_000_000, "1 d 1 h behind"),
        ] {
            assert_eq!(ahead(ahead_ms, Language::English), told);
        }
    }
}
