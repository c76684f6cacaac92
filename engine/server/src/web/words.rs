//! The words of the pages, one table per language. A blank `{}` is filled by [`fill`], in order.
//!
//! A language is a constant of [`Words`]: the compiler finds the word that is missing.

use axum::http::{HeaderMap, header};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Finnish.
    Finnish,
}

/// The cookie that remembers a person's choice.
pub const LANGUAGE_COOKIE: &str = "wattery_language";

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Finnish];

    /// What a person chose before, or else the first language of the browser that we speak, or else English.
    pub fn of(headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let chosen = pairs.find(|(name, _)| *name == LANGUAGE_COOKIE).and_then(|(_, tag)| Self::of_tag(tag));
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        chosen.or_else(|| accepted.and_then(Self::preferred)).unwrap_or(Self::English)
    }

    /// Browsers list languages by preference; the weights only say so again.
    fn preferred(accepted: &str) -> Option<Self> {
        accepted.split(',').find_map(|range| Self::of_tag(range.split(';').next().unwrap_or_default().trim()))
    }

    /// By its tag, `fi` or `fi-FI`; none where we do not speak it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The tag for HTML.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Finnish => "fi",
        }
    }

    /// Its own name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Finnish => "Suomi",
        }
    }

    /// Every word of the pages.
    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Finnish => &FINNISH,
        }
    }

    /// What stands before tenths.
    pub const fn decimal_point(self) -> char {
        match self {
            Self::English => '.',
            Self::Finnish => ',',
        }
    }
}

/// Fills the blanks of a phrase in order. Blanks that are left over stay, values that are left over are not shown.
pub fn fill(phrase: &str, values: &[&str]) -> String {
    let mut parts = phrase.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    for part in parts {
        filled.push_str(values.next().unwrap_or(&"{}"));
        filled.push_str(part);
    }
    filled
}

/// One and many; each with a blank for the number.
pub type Counted = [&'static str; 2];

/// A number with its noun.
pub fn counted(number: usize, [one, many]: Counted) -> String {
    fill(if number == 1 { one } else { many }, &[&number.to_string()])
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(things: &[String], and: &str) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} {and} {last}", before.join(", ")),
    }
}

/// Every word that a page says.
#[derive(Debug)]
pub struct Words {
    pub and: &'static str,
    pub languages: &'static str,
    pub sites: &'static str,
    pub all_sites: &'static str,
    pub skip: &'static str,
    pub weekdays: [&'static str; 7],
    /// Day, month, year.
    pub date: &'static str,
    pub months: [&'static str; 12],
    pub demo_mark: &'static str,
    pub lost: &'static str,

    pub headline_disconnected: &'static str,
    pub headline_stale: &'static str,
    /// Rows, EVs.
    pub headline_full_one: &'static str,
    pub headline_full_many: &'static str,
    /// How many rows, the first of them, EVs.
    pub headline_full_everywhere: &'static str,
    pub evs_share: Counted,
    pub headline_flowing: &'static str,
    pub headline_rising: &'static str,
    pub headline_idle: &'static str,
    pub headline_empty: &'static str,
    pub are_charging: Counted,
    pub are_waiting: Counted,
    pub are_done: Counted,
    pub are_free: Counted,
    pub are_in_trouble: Counted,
    pub turns_change: &'static str,
    pub how_to_connect: &'static str,

    pub figures: &'static str,
    pub figure_charging: &'static str,
    pub figure_of: &'static str,
    pub figure_waiting: Counted,
    pub figure_room: &'static str,
    pub figure_room_of: &'static str,
    pub figure_running: &'static str,
    pub figure_running_note: &'static str,
    pub figure_billed: &'static str,
    pub figure_billed_note: Counted,

    pub circuits_and_points: &'static str,
    pub legend_base: &'static str,
    pub legend_evs: &'static str,
    pub legend_held: &'static str,
    pub legend_reserve: &'static str,
    pub free_amperes: &'static str,
    pub limits_evs: Counted,
    pub full: &'static str,
    pub over: &'static str,
    pub meter_silent: &'static str,
    /// Phase, total, rating, base, EVs, free.
    pub bar_label: &'static str,

    pub show: &'static str,
    pub show_all: &'static str,
    pub show_charging: &'static str,
    pub show_waiting: &'static str,
    pub show_done: &'static str,
    pub show_free: &'static str,
    pub show_trouble: &'static str,
    pub none_such: &'static str,
    pub no_points: &'static str,

    pub state_full: &'static str,
    pub state_limited: &'static str,
    pub state_waiting: &'static str,
    pub state_done: &'static str,
    pub state_trouble: &'static str,
    pub state_free: &'static str,
    pub state_off: &'static str,

    pub out_of_service: &'static str,
    pub never_connected: &'static str,
    pub offline: &'static str,
    pub station_fault: &'static str,
    pub free: &'static str,
    pub not_started: &'static str,
    pub disobedience: &'static str,
    pub ev: &'static str,
    pub undecided: &'static str,
    pub evse_maximum: &'static str,
    pub rising: &'static str,
    pub shares: &'static str,
    pub shares_with: Counted,
    pub no_room: &'static str,
    pub plan: &'static str,
    pub unproven_shed: &'static str,
    pub turn: &'static str,
    pub stale_meter: &'static str,
    pub remark_disobedient: &'static str,
    pub remark_refusing: &'static str,
    pub remark_wiring: &'static str,
    pub remark_fallback_unproven: &'static str,
    pub remark_fallback_unconfirmed: &'static str,
    pub no_password: &'static str,
    pub limit: &'static str,

    pub unauthenticated: Counted,
    pub unauthenticated_way_out: &'static str,
    pub storage_failing: &'static str,
    pub storage_way_out: &'static str,
    pub defect: &'static str,
    pub alarm_overload: &'static str,
    pub alarm_no_plan: &'static str,
    pub alarm_prices_end: &'static str,
    pub alarm_meter: &'static str,
    pub alarm_disobedient: &'static str,
    pub alarm_refused: &'static str,
    pub alarm_wiring: &'static str,
    pub alarm_offline: &'static str,
    pub alarms_offline: Counted,
    pub no_figures: &'static str,
    pub stopping: &'static str,
    pub late: &'static str,

    pub no_site: &'static str,
    pub no_site_way: &'static str,
    pub no_site_after: &'static str,
    pub no_such_site: &'static str,
    pub locked: &'static str,
    pub locked_way: &'static str,
}

const ENGLISH: Words = Words {
    and: "and",
    languages: "Language",
    sites: "Sites",
    all_sites: "All sites",
    skip: "Skip to the charging points",
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    date: "{} {} {}",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    demo_mark: "demo · {} × true time",
    lost: "The link to the server is lost: these figures are old. Trying again …",

    headline_disconnected: "No charging point is connected",
    headline_stale: "The meter of {} is silent: nothing is raised",
    headline_full_one: "{} is full: {}",
    headline_full_many: "{} are full: {}",
    headline_full_everywhere: "{} conductors are full, {} above all: {}",
    evs_share: ["{} EV has what is left", "{} EVs share what is left"],
    headline_flowing: "Every EV has all it can take",
    headline_rising: "Room for all: limits are on their way up",
    headline_idle: "EVs are plugged in, none takes current",
    headline_empty: "Nobody is plugged in",
    are_charging: ["{} charges", "{} charge"],
    are_waiting: ["{} waits", "{} wait"],
    are_done: ["{} has finished", "{} have finished"],
    are_free: ["{} point is free", "{} points are free"],
    are_in_trouble: ["{} needs a look", "{} need a look"],
    turns_change: "turns change at {}",
    how_to_connect: "Stations connect to {}.",

    figures: "Now and today",
    figure_charging: "charging",
    figure_of: "of {}",
    figure_waiting: ["{} waits", "{} wait"],
    figure_room: "room left",
    figure_room_of: "on {}, of {} A",
    figure_running: "running sessions",
    figure_running_note: "billed once they end",
    figure_billed: "billed today",
    figure_billed_note: ["{} kWh in {} session", "{} kWh in {} sessions"],

    circuits_and_points: "Circuits and charging points",
    legend_base: "building",
    legend_evs: "EVs",
    legend_held: "held for EVs",
    legend_reserve: "reserve",
    free_amperes: "{} A free",
    limits_evs: ["limits {} EV", "limits {} EVs"],
    full: "full",
    over: "over its rating",
    meter_silent: "meter silent",
    bar_label: "{}: {} of {} A; building {} A, EVs {} A, {} A free",

    show: "Show",
    show_all: "All",
    show_charging: "Charging",
    show_waiting: "Waiting",
    show_done: "Finished",
    show_free: "Free",
    show_trouble: "Fault",
    none_such: "No charging point is in this state now.",
    no_points: "The site has no charging points yet.",

    state_full: "charging",
    state_limited: "charging, limited",
    state_waiting: "waiting",
    state_done: "finished",
    state_trouble: "fault",
    state_free: "free",
    state_off: "not in use",

    out_of_service: "out of service",
    never_connected: "never connected",
    offline: "offline: keeps its fallback",
    station_fault: "station reports a fault",
    free: "free",
    not_started: "plugged in, not started",
    disobedience: "does not follow its limit",
    ev: "EV takes no more",
    undecided: "limit is being worked out",
    evse_maximum: "full current",
    rising: "on its way up",
    shares: "has what is left of {}",
    shares_with: ["shares {} with {} other", "shares {} with {} others"],
    no_room: "no room on {}",
    plan: "planned for later",
    unproven_shed: "waits until others have made room",
    turn: "waits its turn on {}, next change at {}",
    stale_meter: "meter of {} is silent: nothing is raised",
    remark_disobedient: "counted at its hardware maximum",
    remark_refusing: "refuses its limits: counted at its hardware maximum",
    remark_wiring: "seems to be wired otherwise than stated: counted on the lines of both",
    remark_fallback_unproven: "fallback not proven: counted at its hardware maximum",
    remark_fallback_unconfirmed: "fallback not confirmed yet",
    no_password: "no password",
    limit: "limit {} A",

    unauthenticated: [
        "{} charging point is unauthenticated: set a password with",
        "{} charging points are unauthenticated: set a password with",
    ],
    unauthenticated_way_out: "wattery admin station password ID",
    storage_failing: "Records cannot be stored",
    storage_way_out: "Stations get no acknowledgements until they can; limits are still lowered where a circuit needs \
                      it. Make room on the disk: it resumes by itself.",
    defect: "The engine broke down and was rebuilt",
    alarm_overload: "{} is above its rating and nothing is left to shed",
    alarm_prices_end: "The prices that were told end within six hours: those of the day before stand for the next",
    alarm_no_plan: "No plan has come for a while: EVs share without one",
    alarm_meter: "The meter {} is silent or doubtful: EVs share what is safe without it",
    alarm_disobedient: "{} draws more than its limit: it is counted at its worst",
    alarm_refused: "{} refuses its limits: it is counted at its worst",
    alarm_wiring: "{} seems to be wired {}, not {}: it counts on the lines of both until somebody looks",
    alarm_offline: "Offline for more than ten minutes: {}",
    alarms_offline: ["{} station", "{} stations"],
    no_figures: "No figures now",
    stopping: "the server is stopping",
    late: "no answer in time: is the disk full?",

    no_site: "No site yet",
    no_site_way: "Describe a site in one TOML file, then import it:",
    no_site_after: "This page shows it as soon as it is there.",
    no_such_site: "There is no site {}",
    locked: "A token opens this console",
    locked_way: "Use the URL that was printed at the first start. The token also stands in the file token of the data \
                 directory, readable by its owner:",
};

const FINNISH: Words = Words {
    and: "ja",
    languages: "Kieli",
    sites: "Kohteet",
    all_sites: "Kaikki kohteet",
    skip: "Siirry latauspisteisiin",
    weekdays: ["maanantai", "tiistai", "keskiviikko", "torstai", "perjantai", "lauantai", "sunnuntai"],
    date: "{}. {} {}",
    months: [
        "tammikuuta",
        "helmikuuta",
        "maaliskuuta",
        "huhtikuuta",
        "toukokuuta",
        "kesäkuuta",
        "heinäkuuta",
        "elokuuta",
        "syyskuuta",
        "lokakuuta",
        "marraskuuta",
        "joulukuuta",
    ],
    demo_mark: "esittely · aika {}-kertainen",
    lost: "Yhteys palvelimeen on poikki: luvut ovat vanhoja. Yritetään uudelleen …",

    headline_disconnected: "Yhtään latauspistettä ei ole yhteydessä",
    headline_stale: "{}: mittari on vaiti, mitään ei nosteta",
    headline_full_one: "{} on täynnä: {}",
    headline_full_many: "{} ovat täynnä: {}",
    headline_full_everywhere: "{} johdinta on täynnä, ennen muita {}: {}",
    evs_share: ["{} auto saa loput", "{} autoa jakaa loput"],
    headline_flowing: "Jokainen auto saa kaiken, minkä se ottaa",
    headline_rising: "Tilaa on kaikille: rajat nousevat",
    headline_idle: "Autoja on kytkettynä, yksikään ei ota virtaa",
    headline_empty: "Yhtään autoa ei ole kytkettynä",
    are_charging: ["{} lataa", "{} lataa"],
    are_waiting: ["{} odottaa", "{} odottaa"],
    are_done: ["{} on valmis", "{} on valmiina"],
    are_free: ["{} piste on vapaa", "{} pistettä on vapaana"],
    are_in_trouble: ["{} vaatii huomiota", "{} vaatii huomiota"],
    turns_change: "vuorot vaihtuvat klo {}",
    how_to_connect: "Asemat ottavat yhteyden osoitteeseen {}.",

    figures: "Nyt ja tänään",
    figure_charging: "lataa",
    figure_of: "/ {}",
    figure_waiting: ["{} odottaa", "{} odottaa"],
    figure_room: "tilaa jäljellä",
    figure_room_of: "{}, kaikkiaan {} A",
    figure_running: "käynnissä",
    figure_running_note: "laskutetaan, kun lataus päättyy",
    figure_billed: "laskutettu tänään",
    figure_billed_note: ["{} kWh, {} lataus", "{} kWh, {} latausta"],

    circuits_and_points: "Piirit ja latauspisteet",
    legend_base: "rakennus",
    legend_evs: "autot",
    legend_held: "varattu autoille",
    legend_reserve: "pidetään vapaana",
    free_amperes: "tilaa {} A",
    limits_evs: ["rajoittaa {} autoa", "rajoittaa {} autoa"],
    full: "täynnä",
    over: "yli nimellisarvon",
    meter_silent: "mittari vaiti",
    bar_label: "{}: {} / {} A; rakennus {} A, autot {} A, vapaana {} A",

    show: "Näytä",
    show_all: "Kaikki",
    show_charging: "Lataa",
    show_waiting: "Odottaa",
    show_done: "Valmis",
    show_free: "Vapaa",
    show_trouble: "Vika",
    none_such: "Yksikään latauspiste ei ole nyt tässä tilassa.",
    no_points: "Kohteessa ei ole vielä latauspisteitä.",

    state_full: "lataa",
    state_limited: "lataa rajoitettuna",
    state_waiting: "odottaa",
    state_done: "valmis",
    state_trouble: "vika",
    state_free: "vapaa",
    state_off: "ei käytössä",

    out_of_service: "poissa käytöstä",
    never_connected: "ei ole vielä ollut yhteydessä",
    offline: "ei yhteyttä: noudattaa varavirtaansa",
    station_fault: "asema ilmoittaa viasta",
    free: "vapaa",
    not_started: "kytketty, ei aloitettu",
    disobedience: "ei noudata rajaansa",
    ev: "auto ei ota enempää",
    undecided: "rajaa lasketaan",
    evse_maximum: "täysi virta",
    rising: "raja nousee",
    shares: "saa loput: {}",
    shares_with: ["jakaa: {}, {} muu", "jakaa: {}, {} muuta"],
    no_room: "ei tilaa: {}",
    plan: "suunniteltu myöhemmäksi",
    unproven_shed: "odottaa, että muut antavat tilaa",
    turn: "odottaa vuoroaan: {}, seuraava vaihto klo {}",
    stale_meter: "{}: mittari vaiti, mitään ei nosteta",
    remark_disobedient: "lasketaan enimmäisvirrallaan",
    remark_refusing: "torjuu rajansa: lasketaan enimmäisvirrallaan",
    remark_wiring: "näyttää olevan kytketty toisin kuin ilmoitettu: lasketaan molempien vaiheille",
    remark_fallback_unproven: "varavirtaa ei ole todettu: lasketaan enimmäisvirrallaan",
    remark_fallback_unconfirmed: "varavirtaa ei ole vielä vahvistettu",
    no_password: "ei salasanaa",
    limit: "raja {} A",

    unauthenticated: [
        "{} latauspiste on ilman salasanaa: aseta se komennolla",
        "{} latauspistettä on ilman salasanaa: aseta se komennolla",
    ],
    unauthenticated_way_out: "wattery admin station password ID",
    storage_failing: "Tietoja ei voida tallentaa",
    storage_way_out: "Asemat eivät saa kuittauksia ennen kuin tallennus onnistuu; rajoja lasketaan silti, missä piiri \
                      sitä vaatii. Vapauta levytilaa: toiminta jatkuu itsestään.",
    defect: "Ohjaus kaatui ja rakennettiin uudelleen",
    alarm_overload: "{} ylittää nimellisarvonsa, eikä mitään ole enää laskettavissa",
    alarm_prices_end: "Tiedossa olevat hinnat päättyvät kuuden tunnin sisällä: niitä korvaavat edellisen päivän hinnat",
    alarm_no_plan: "Suunnitelmaa ei ole tullut hetkeen: autot jakavat virran ilman sitä",
    alarm_meter: "Mittari {} on vaiti tai epäluotettava: autot jakavat sen, mikä on turvallista ilman sitä",
    alarm_disobedient: "{} ottaa yli rajansa: se lasketaan pahimman mukaan",
    alarm_refused: "{} torjuu rajansa: se lasketaan pahimman mukaan",
    alarm_wiring: "{} näyttää olevan kytketty {}, ei {}: se lasketaan molempien vaiheille, kunnes joku tarkistaa",
    alarm_offline: "Poissa yhteydestä yli kymmenen minuuttia: {}",
    alarms_offline: ["{} asema", "{} asemaa"],
    no_figures: "Lukuja ei ole nyt",
    stopping: "palvelin pysähtyy",
    late: "vastaus ei tullut ajoissa: onko levy täynnä?",

    no_site: "Kohdetta ei ole vielä",
    no_site_way: "Kuvaa kohde yhdessä TOML-tiedostossa ja tuo se:",
    no_site_after: "Kohde näkyy tällä sivulla heti, kun se on tuotu.",
    no_such_site: "Kohdetta {} ei ole",
    locked: "Tämän näkymän avaa avain",
    locked_way: "Käytä osoitetta, joka tulostettiin ensimmäisellä käynnistyskerralla. Avain on myös datahakemiston \
                 tiedostossa token, jonka vain omistaja voi lukea:",
};

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_choice_comes_before_the_browser_and_the_browser_before_english() {
        let table = [
            (None, None, Language::English),
            (None, Some("fi-FI,fi;q=0.9,en;q=0.8"), Language::Finnish),
            (None, Some("sv-SE,sv;q=0.9,fi;q=0.8,en;q=0.7"), Language::Finnish),
            (None, Some("de"), Language::English),
            (Some("a=b; wattery_language=en"), Some("fi"), Language::English),
            (Some("wattery_language=fi"), Some("en"), Language::Finnish),
            (Some("wattery_language=xx"), Some("fi"), Language::Finnish),
        ];
        for (cookie, accepted, expected) in table {
            let mut headers = HeaderMap::new();
            if let Some(cookie) = cookie {
                headers.insert(header::COOKIE, HeaderValue::from_static(cookie));
            }
            if let Some(accepted) = accepted {
                headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
            }
            assert_eq!(Language::of(&headers), expected, "{cookie:?} {accepted:?}");
        }
    }

    #[test]
    fn both_languages_have_the_same_blanks() {
        let blanks = |words: &Words| {
            let text = format!("{words:?}");
            let fields = text.split("\", ").map(|field| field.matches("{}").count());
            fields.collect::<Vec<_>>()
        };
        assert_eq!(blanks(&ENGLISH), blanks(&FINNISH));
        assert!(blanks(&ENGLISH).len() > 100, "each field is looked at by itself");
    }

    #[test]
    fn phrases_are_filled_in_order() {
        assert_eq!(fill("{} of {}", &["3", "4"]), "3 of 4");
        assert_eq!(counted(1, ["{} EV", "{} EVs"]), "1 EV");
        assert_eq!(listed(&["L1".to_owned(), "L2".to_owned(), "L3".to_owned()], "and"), "L1, L2 and L3");
    }
}
