//! The page as HTML: pure functions of a [`Picture`].

use std::collections::BTreeMap;

use charging::site::SiteAlarm;
use csms::Alarm;
use csms::query::{CircuitView, EvseLine};
use maud::{DOCTYPE, Markup, html};
use units::{Amperes, CircuitId, Money, PerPhase, Phase, WattHours};

use super::picture::Picture;

/// The whole page.
pub fn page(picture: &Picture) -> Markup {
    let parts = Parts::of(picture);
    let body = html! {
        (header(picture))
        main data-live=(format!("/live/{}", picture.site.site)) {
            (parts.banner)
            (parts.sums)
            (parts.reasons)
            section.circuits aria-label="Circuits" {
                h2 { "Circuits" }
                p.legend {
                    span.key { i.swatch.base {} "building" }
                    span.key { i.swatch.evs {} "EVs" }
                    span.key { i.swatch.held {} "held for EVs" }
                    span.key { i.swatch.room {} "room up to the fuse" }
                }
                div.tree { @for place in tree_order(&picture.site.circuits) { (parts.circuits[place]) } }
            }
            section.evses aria-label="EVSEs" {
                h2 { "Charging points" }
                @for group in groups(picture) {
                    @if !group.places.is_empty() {
                        h3 { (group.name) }
                        div.grid { @for place in group.places { (parts.evses[place]) } }
                    }
                }
            }
        }
    };
    document(&format!("{} · Wattery", picture.site.name), &body)
}

/// The parts that change, with their ids, in a fixed order.
pub fn parts(picture: &Picture) -> Vec<(String, String)> {
    let parts = Parts::of(picture);
    let fixed = [("banner", parts.banner), ("sums", parts.sums), ("reasons", parts.reasons)];
    let circuits = parts.circuits.into_iter().enumerate().map(|(place, part)| (circuit_id(place), part));
    let evses = parts.evses.into_iter().enumerate().map(|(place, part)| (evse_id(place), part));
    let fixed = fixed.into_iter().map(|(id, part)| (id.to_owned(), part));
    fixed.chain(circuits).chain(evses).map(|(id, part)| (id, part.into_string())).collect()
}

/// Where no site was imported.
pub fn no_site(mark: &str) -> Markup {
    let body = html! {
        header.top { (wordmark()) @if !mark.is_empty() { span.mark { (mark) } } }
        main.calm {
            h1 { "No site yet" }
            p { "Describe a site in one TOML file, then import it:" }
            pre { code { "wattery admin site import site.toml" } }
            p.quiet { "This page shows it as soon as it is there. Stations connect to " code { "ws://…/ocpp/{station id}" } "." }
        }
    };
    document("Wattery", &body)
}

/// Where the URL names no site.
pub fn no_such_site(site: &str) -> Markup {
    let body = html! {
        header.top { (wordmark()) }
        main.calm {
            h1 { "There is no site " (site) }
            p { a href="/" { "All sites" } }
        }
    };
    document("Wattery", &body)
}

/// Where the engine gives no answer.
pub fn no_answer(why: &str, storage_failing: Option<&str>) -> Markup {
    let body = html! {
        header.top { (wordmark()) }
        main { (no_answer_banner(why, storage_failing)) }
    };
    document("Wattery", &body)
}

/// The same as a part of the page.
pub fn no_answer_banner(why: &str, storage_failing: Option<&str>) -> Markup {
    html! {
        div #banner {
            @match storage_failing {
                Some(reason) => (storage_notice(reason)),
                None => { p.notice.bad { strong { "No figures now" } " — " (why) "." } }
            }
        }
    }
}

/// Where the token is missing.
pub fn locked() -> Markup {
    let body = html! {
        header.top { (wordmark()) }
        main.calm {
            h1 { "A token opens this console" }
            p { "Use the URL that was printed at the first start. The token also stands in the file " code { "token" }
                " of the data directory, readable by its owner:" }
            pre { code { "http://…/open?token=TOKEN" } }
        }
    };
    document("Wattery", &body)
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/wattery.css";
                script src="/assets/wattery.js" defer {}
            }
            body { (body) }
        }
    }
}

fn wordmark() -> Markup {
    html! { a.wordmark href="/" { "Wattery" } }
}

fn header(picture: &Picture) -> Markup {
    html! {
        header.top {
            (wordmark())
            h1 { (picture.site.name) }
            @if !picture.mark.is_empty() { span.mark { (picture.mark) } }
            @if picture.sites.len() > 1 {
                nav { @for brief in &picture.sites {
                    a href=(format!("/sites/{}", brief.site)) aria-current=[(brief.site == picture.site.site).then_some("page")] {
                        (brief.name)
                    }
                } }
            }
        }
    }
}

struct Parts {
    banner: Markup,
    sums: Markup,
    reasons: Markup,
    circuits: Vec<Markup>,
    evses: Vec<Markup>,
}

impl Parts {
    fn of(picture: &Picture) -> Self {
        let depths = depths(&picture.site.circuits);
        let circuits = picture.site.circuits.iter().zip(depths).enumerate();
        let evses = picture.site.evses.iter().zip(&picture.is_unauthenticated).enumerate();
        Self {
            banner: banner(picture),
            sums: sums(picture),
            reasons: reasons(picture),
            circuits: circuits.map(|(place, (view, depth))| circuit(place, view, depth)).collect(),
            evses: evses.map(|(place, (line, open))| evse(place, line, *open)).collect(),
        }
    }
}

fn circuit_id(place: usize) -> String {
    format!("c{place}")
}

fn evse_id(place: usize) -> String {
    format!("e{place}")
}

fn banner(picture: &Picture) -> Markup {
    let open = picture.is_unauthenticated.iter().filter(|is_open| **is_open).count();
    html! {
        div #banner {
            @if let Some(reason) = &picture.health.storage_failing { (storage_notice(reason)) }
            @for alarm in &picture.alarms { @if let Some(text) = alarm_text(alarm, picture) { p.notice.bad { (text) } } }
            @for defect in &picture.health.defects { p.notice.bad { (defect) } }
            @if open > 0 {
                p.notice.mild { (count(open, "charging point is", "charging points are")) " unauthenticated: "
                    "set a password with " code { "wattery admin station password ID" } "." }
            }
        }
    }
}

fn storage_notice(reason: &str) -> Markup {
    html! {
        p.notice.bad {
            strong { "Records cannot be stored" } " (" (reason) "). Stations get no acknowledgements until they can; "
            "limits are still lowered where a circuit needs it. Make room on the disk: it resumes by itself."
        }
    }
}

fn alarm_text(alarm: &Alarm, picture: &Picture) -> Option<String> {
    let circuit_name = |id: &CircuitId| {
        let circuit = picture.site.circuits.iter().find(|circuit| circuit.circuit == *id);
        circuit.map_or_else(|| id.to_string(), |circuit| circuit.name.clone())
    };
    match alarm {
        Alarm::Site { site, .. } if *site != picture.site.site => None,
        Alarm::Site { alarm, .. } => Some(match alarm {
            SiteAlarm::Overload { circuit } => {
                format!("{} is above its rating and nothing is left to shed", circuit_name(circuit))
            }
            SiteAlarm::MeterStale { meter } => {
                format!("the meter {meter} is silent or doubtful: EVs share what is safe without it")
            }
            SiteAlarm::Disobedient { evse } => {
                format!("{evse} draws more than its limit: it is counted at its worst")
            }
            SiteAlarm::LimitRefused { evse } => {
                format!("{evse} refuses its limits: it is counted at its worst")
            }
        }),
        // Said with its reason already.
        Alarm::StorageFailing => None,
        Alarm::StationOffline { station } => {
            let is_ours = picture.site.evses.iter().any(|line| line.evse.station == *station);
            is_ours.then(|| format!("{station} has been offline for more than ten minutes"))
        }
    }
}

fn sums(picture: &Picture) -> Markup {
    let lines = &picture.site.evses;
    let charging = lines.iter().filter(|line| is_drawing(line)).count();
    let waiting = lines.iter().filter(|line| line.control.is_in_transaction && !is_drawing(line)).count();
    let running: WattHours =
        lines.iter().filter_map(|line| line.energy).fold(WattHours::ZERO, |sum, energy| sum + energy);
    let billed = picture.today.as_ref().map_or(WattHours::ZERO, |day| day.energy);
    let sessions = picture.today.as_ref().map_or(0, |day| day.cdrs);
    let amounts = picture.today.as_ref().map(|day| day.amounts.as_slice()).unwrap_or_default();
    let civil = picture.zone.civil(picture.site.at);
    html! {
        section #sums .sums aria-label="Today" {
            (figure("now", &format!("{:02}:{:02}", civil.hour, civil.minute), "", &civil.date.to_string()))
            (figure("charging", &charging.to_string(), &format!("of {}", lines.len()),
                &count(waiting, "more is plugged in", "more are plugged in")))
            (figure("in running sessions", &kilowatt_hours(running), "kWh", "billed once they end"))
            (figure("billed today", &euros(amounts), "",
                &format!("{} kWh in {}", kilowatt_hours(billed), count(sessions, "session", "sessions"))))
        }
    }
}

fn figure(label: &str, value: &str, unit: &str, note: &str) -> Markup {
    html! {
        div.figure {
            span.label { (label) }
            span.value { (value) @if !unit.is_empty() { " " small { (unit) } } }
            span.note { (note) }
        }
    }
}

/// What limits the EVs now, in one glance: how many by each reason.
fn reasons(picture: &Picture) -> Markup {
    let mut by_reason: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    for line in picture.site.evses.iter().filter(|line| line.control.is_in_transaction) {
        *by_reason.entry((kind(line), line.control.limited_by.as_str())).or_default() += 1;
    }
    html! {
        section #reasons .reasons aria-label="What limits the EVs" {
            @if by_reason.is_empty() {
                p.quiet { "Nobody is charging now." }
            } @else {
                h2 { "What limits the EVs now" }
                ul { @for ((kind, reason), evs) in by_reason {
                    li class=(kind.class()) { b { (evs) } " " (reason) }
                } }
            }
        }
    }
}

/// How a reason looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It has all it can use.
    Full,
    /// It draws, and something keeps it from more.
    Limited,
    /// It waits at 0 A.
    Waiting,
    /// The EV itself wants nothing.
    Done,
    /// A person should look.
    Trouble,
    /// Nobody is there.
    Free,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Limited => "limited",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Trouble => "trouble",
            Self::Free => "free",
        }
    }
}

/// By facts where there are any, and by the words of control for the rest.
fn kind(line: &EvseLine) -> Kind {
    let words = line.control.limited_by.as_str();
    if words == "never connected" || words == "out of service" {
        return Kind::Done;
    }
    if !line.is_online || words.contains("fault") || words.contains("doubtful") {
        return Kind::Trouble;
    }
    if !line.control.is_in_transaction {
        return if words == "free" { Kind::Free } else { Kind::Waiting };
    }
    if words == "the EV takes no more" {
        return if is_drawing(line) { Kind::Full } else { Kind::Done };
    }
    match (is_drawing(line), words == "full current") {
        (true, true) => Kind::Full,
        (true, false) => Kind::Limited,
        (false, _) => Kind::Waiting,
    }
}

/// Less than this is a charger that is awake, not an EV that charges.
const DRAWING: Amperes = Amperes::from_amperes(1);

fn is_drawing(line: &EvseLine) -> bool {
    line.control.drawn.highest() >= DRAWING
}

fn circuit(place: usize, view: &CircuitView, depth: usize) -> Markup {
    let name = if view.name.is_empty() { view.circuit.as_str() } else { view.name.as_str() };
    html! {
        div id=(circuit_id(place)) class=(format!("circuit depth{}", depth.min(4))) {
            div.circuit-name { (name) @if view.is_stale { span.stale { "meter silent" } } }
            div.phases { @for phase in Phase::ALL { (bar(view, phase)) } }
        }
    }
}

fn bar(view: &CircuitView, phase: Phase) -> Markup {
    let rating = view.rating[phase];
    let drawn = view.drawn[phase];
    let total = view.metered.map_or(view.base[phase] + drawn, |metered| metered[phase]);
    let base = (total - drawn).max(Amperes::ZERO);
    let held = (view.ceilings[phase] - drawn).max(Amperes::ZERO);
    let fullness = match per_mille(total, rating) {
        1_001.. => "over",
        900.. => "near",
        _ => "easy",
    };
    let (base_to, drawn_to) = (per_mille(base, rating), per_mille(base + drawn, rating));
    let held_to = per_mille(base + drawn + held, rating);
    html! {
        div class=(format!("phase {fullness}")) {
            span.phase-name { (phase.to_string()) }
            svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"
                aria-label=(format!("{phase}: {} of {} A", tenths(total), whole(rating))) {
                rect.room width="1000" height="10" {}
                rect.held x=(drawn_to.min(1_000)) width=(held_to.min(1_000) - drawn_to.min(1_000)) height="10" {}
                rect.base width=(base_to.min(1_000)) height="10" {}
                rect.evs x=(base_to.min(1_000)) width=(drawn_to.min(1_000) - base_to.min(1_000)) height="10" {}
            }
            span.amps { b { (whole(total)) } "/" (whole(rating)) " A" }
        }
    }
}

fn evse(place: usize, line: &EvseLine, is_unauthenticated: bool) -> Markup {
    let kind = kind(line);
    let control = &line.control;
    let name = if control.name.is_empty() { line.evse.to_string() } else { control.name.clone() };
    let phases = Phase::ALL.iter().filter(|phase| control.drawn[**phase] >= DRAWING).count();
    html! {
        article id=(evse_id(place)) class=(format!("evse {}", kind.class())) {
            div.evse-head {
                span.evse-name { (name) }
                @if kind != Kind::Free && kind != Kind::Trouble || control.is_in_transaction {
                    span.evse-amps { b { (tenths(control.drawn.highest())) } " A" }
                }
            }
            div.why { (sentence(&control.limited_by)) }
            @if kind != Kind::Free {
                div.evse-foot {
                    @if let Some(energy) = line.energy { span { (kilowatt_hours(energy)) " kWh" } }
                    @if control.is_in_transaction && let Some(limit) = control.limit {
                        span { "limit " (whole(limit)) " A" }
                    }
                    @if phases > 0 { span { (lines_of(control.drawn)) } }
                    @if is_unauthenticated { span.open { "no password" } }
                }
                @for remark in &control.remarks { div.remark { (remark) } }
            }
        }
    }
}

/// The site phases that carry current: `L1 L3`.
fn lines_of(drawn: PerPhase<Amperes>) -> String {
    let carrying = Phase::ALL.iter().filter(|phase| drawn[**phase] >= DRAWING);
    carrying.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

struct Group {
    name: String,
    places: Vec<usize>,
}

/// The EVSEs by the circuit they hang on, in the order of the circuits.
fn groups(picture: &Picture) -> Vec<Group> {
    let circuits = picture.site.circuits.iter().map(|circuit| {
        let evses = picture.site.evses.iter().enumerate();
        let places =
            evses.filter(|(_, line)| line.control.circuit == circuit.circuit).map(|(place, _)| place);
        let name = if circuit.name.is_empty() { circuit.circuit.to_string() } else { circuit.name.clone() };
        Group { name, places: places.collect() }
    });
    circuits.collect()
}

/// The places of the circuits as a tree is read: each below its parent.
fn tree_order(circuits: &[CircuitView]) -> Vec<usize> {
    let mut order = Vec::with_capacity(circuits.len());
    let mut next: Vec<usize> = children(circuits, None);
    while let Some(place) = next.pop() {
        order.push(place);
        next.extend(children(circuits, Some(&circuits[place].circuit)));
    }
    order
}

/// The places of a circuit's children, the last one first.
fn children(circuits: &[CircuitView], parent: Option<&CircuitId>) -> Vec<usize> {
    let places = (0..circuits.len()).rev();
    places.filter(|&place| circuits[place].parent.as_ref() == parent).collect()
}

fn depths(circuits: &[CircuitView]) -> Vec<usize> {
    let mut depths: Vec<usize> = Vec::with_capacity(circuits.len());
    for circuit in circuits {
        let above = circuit.parent.as_ref().and_then(|parent| {
            circuits.iter().position(|other| other.circuit == *parent).and_then(|place| depths.get(place))
        });
        depths.push(above.map_or(0, |depth| depth + 1));
    }
    depths
}

/// Thousandths of `whole` that `part` is, rounded down; 0 for nothing of nothing.
fn per_mille(part: Amperes, whole: Amperes) -> i64 {
    (part.milliamperes().max(0) * 1_000).checked_div(whole.milliamperes()).unwrap_or(0)
}

/// `10.4`: tenths of an ampere, rounded half up.
fn tenths(current: Amperes) -> String {
    let tenths = (current.milliamperes() + 50).div_euclid(100);
    let sign = if tenths < 0 { "−" } else { "" };
    format!("{sign}{}.{}", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10)
}

/// `63`: whole amperes, rounded half up.
fn whole(current: Amperes) -> String {
    (current.milliamperes() + 500).div_euclid(1_000).to_string()
}

/// `12.3`: tenths of a kWh, rounded down, so that nothing is shown that was not delivered.
fn kilowatt_hours(energy: WattHours) -> String {
    let tenths = energy.milliwatt_hours() / 100_000;
    format!("{}.{}", tenths / 10, (tenths % 10).abs())
}

fn euros(amounts: &[Money]) -> String {
    match amounts {
        [] => "0.00 €".to_owned(),
        amounts => {
            amounts.iter().map(|money| money.to_string().replace("EUR", "€")).collect::<Vec<_>>().join(" + ")
        }
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_round_as_stated() {
        assert_eq!(tenths(Amperes::from_milliamperes(10_350)), "10.4");
        assert_eq!(tenths(Amperes::from_milliamperes(-1_050)), "−1.0");
        assert_eq!(whole(Amperes::from_milliamperes(62_500)), "63");
        assert_eq!(kilowatt_hours(WattHours::from_milliwatt_hours(12_399_999)), "12.3");
        assert_eq!(per_mille(Amperes::from_amperes(63), Amperes::from_amperes(63)), 1_000);
        assert_eq!(per_mille(Amperes::from_amperes(1), Amperes::ZERO), 0);
    }
}
