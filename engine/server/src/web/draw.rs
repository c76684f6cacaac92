//! The page as HTML: pure functions of a [`Picture`] and a language.
//!
//! The page is the site's tree: each circuit with a bar per phase, and below it the EVSEs that hang on it. What changes
//! stands in parts with ids, small ones, so that a change sends little.

use charging::site::{LimitedBy, Remark, SiteAlarm};
use csms::Alarm;
use csms::query::EvseLine;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use units::{Amperes, CircuitId, Phase, WattHours};

use super::explanation_words::more_in_words;
use super::facts::{DRAWING, Facts, Flow, State, is_drawing};
use super::number::{date, euros, kilowatt_hours, per_mille, tenths, time_of_day, whole, whole_floor};
use super::picture::Picture;
use super::words::{Counted, Language, Words, counted, fill, listed};
use crate::engine::NoAnswer;

/// A picture with what was found in it, to be drawn in one language.
pub struct Page<'a> {
    picture: &'a Picture,
    facts: Facts,
    language: Language,
    words: &'static Words,
}

impl<'a> Page<'a> {
    pub fn of(picture: &'a Picture, language: Language) -> Self {
        Self { picture, facts: Facts::of(picture), language, words: language.words() }
    }

    /// The whole page.
    pub fn whole(&self) -> Markup {
        let (site, words) = (&self.picture.site, self.words);
        let body = html! {
            a.skip href="#points" { (words.skip) }
            (self.header())
            main data-live=(format!("/live/{}?language={}", site.site, self.language.tag())) {
                p.lost role="status" { (words.lost) }
                div #banner aria-live="polite" { (self.banner()) }
                section.now aria-label=(words.figures) {
                    div.story {
                        h2 #headline { (self.headline()) }
                        p #story { (self.story()) }
                    }
                    div.figures {
                        @for (place, figure) in self.figures().into_iter().enumerate() {
                            div.figure id=(format!("f{place}")) { (figure) }
                        }
                    }
                }
                section #points tabindex="-1" aria-label=(words.circuits_and_points) {
                    @if site.evses.is_empty() {
                        p.quiet { (words.no_points) }
                    } @else {
                        div.tools { (self.filters()) (self.legend()) }
                        p.none { (words.none_such) }
                    }
                    @for &root in &self.facts.tree.roots { (self.circuit(root, 0)) }
                }
            }
        };
        document(&format!("{} · Wattery", site.name), self.language, &body)
    }

    /// What changes: the insides of elements by id, in a fixed order.
    pub fn parts(&self) -> Vec<(String, String)> {
        let fixed = [
            ("banner".to_owned(), self.banner()),
            ("clock".to_owned(), self.clock()),
            ("headline".to_owned(), self.headline()),
            ("story".to_owned(), self.story()),
        ];
        let figures = self.figures().into_iter().enumerate().map(|(place, part)| (format!("f{place}"), part));
        let filters = FILTERS.iter().map(|filter| (filter.count_id(), self.filter_count(filter)));
        let circuits = (0..self.picture.site.circuits.len()).flat_map(|place| {
            let phases =
                Phase::ALL.into_iter().map(move |phase| (phase_id(place, phase), self.bar(place, phase)));
            phases.chain([(stale_id(place), self.stale(place))])
        });
        let evses = (0..self.picture.site.evses.len()).map(|place| (evse_id(place), self.evse(place)));
        let parts = fixed.into_iter().chain(figures).chain(filters).chain(circuits).chain(evses);
        parts.map(|(id, part)| (id, part.into_string())).collect()
    }

    fn header(&self) -> Markup {
        let (picture, words) = (self.picture, self.words);
        html! {
            header.top {
                (wordmark())
                h1 { (picture.site.name) }
                @if let Some(speed) = picture.speed { span.mark { (fill(words.demo_mark, &[&speed.to_string()])) } }
                @if picture.sites.len() > 1 {
                    nav.sites aria-label=(words.sites) { @for brief in &picture.sites {
                        a href=(format!("/sites/{}", brief.site))
                            aria-current=[(brief.site == picture.site.site).then_some("page")] { (brief.name) }
                    } }
                }
                p.clock #clock { (self.clock()) }
                (languages(self.language))
            }
        }
    }

    fn clock(&self) -> Markup {
        let civil = self.picture.zone.civil(self.picture.site.at);
        html! { span.date { (date(&civil, self.language)) } " " b { (time_of_day(&civil)) } }
    }

    fn banner(&self) -> Markup {
        let (picture, words) = (self.picture, self.words);
        let open = picture.is_unauthenticated.iter().filter(|is_open| **is_open).count();
        let alarms = self.alarms();
        html! {
            @if let Some(reason) = &picture.health.storage_failing { (storage_notice(reason, words)) }
            @for text in &alarms { p.notice.bad { (icon(State::Trouble)) (text) } }
            @for defect in &picture.health.defects {
                p.notice.bad { (icon(State::Trouble)) strong { (words.defect) } " (" (defect) ")" }
            }
            @if open > 0 {
                p.notice.mild { (counted(open, words.unauthenticated)) " " code { (words.unauthenticated_way_out) } }
            }
        }
    }

    /// The site's alarms in words; offline stations are one line, however many they are.
    fn alarms(&self) -> Vec<String> {
        let words = self.words;
        let mut lines = Vec::new();
        let mut offline = Vec::new();
        for alarm in &self.picture.alarms {
            match alarm {
                Alarm::Site { site, .. } if *site != self.picture.site.site => {}
                Alarm::Site { alarm, .. } => lines.push(match alarm {
                    SiteAlarm::Overload { circuit } => {
                        fill(words.alarm_overload, &[&self.circuit_name_of(circuit)])
                    }
                    SiteAlarm::MeterStale { meter } => fill(words.alarm_meter, &[meter.as_str()]),
                    SiteAlarm::Disobedient { evse } => {
                        fill(words.alarm_disobedient, &[&self.evse_name_of(&evse.to_string())])
                    }
                    SiteAlarm::LimitRefused { evse } => {
                        fill(words.alarm_refused, &[&self.evse_name_of(&evse.to_string())])
                    }
                    SiteAlarm::WiringDoubted { evse, doubt } => {
                        let name = self.evse_name_of(&evse.to_string());
                        fill(
                            words.alarm_wiring,
                            &[&name, &doubt.seems.to_string(), &doubt.stated.to_string()],
                        )
                    }
                }),
                // Said with its reason already.
                Alarm::StorageFailing => {}
                Alarm::NoPlan { site } if *site != self.picture.site.site => {}
                Alarm::NoPlan { .. } => lines.push(words.alarm_no_plan.to_owned()),
                Alarm::PricesEnd { site } if *site != self.picture.site.site => {}
                Alarm::PricesEnd { .. } => lines.push(words.alarm_prices_end.to_owned()),
                // Of stations of several sites; told to operators by API, log, webhook and e-mail.
                Alarm::JobStopped { .. } => {}
                Alarm::StationOffline { station } => {
                    let mut lines = self.picture.site.evses.iter();
                    offline.extend(lines.find(|line| line.evse.station == *station).map(evse_name));
                }
            }
        }
        match offline.len() {
            0 => {}
            1..=NAMED_MAX => lines.push(fill(words.alarm_offline, &[&offline.join(", ")])),
            many => lines.push(fill(words.alarm_offline, &[&counted(many, words.alarms_offline)])),
        }
        lines
    }

    /// What limits the EVs, in one sentence.
    fn headline(&self) -> Markup {
        let (words, facts) = (self.words, &self.facts);
        let evses = &self.picture.site.evses;
        let narrow = facts.narrow();
        let stale = evses.iter().find_map(|line| match &line.control.reason {
            LimitedBy::StaleMeter { name, .. } => Some(name),
            LimitedBy::OutOfService
            | LimitedBy::NeverConnected
            | LimitedBy::Offline
            | LimitedBy::StationFault
            | LimitedBy::Free
            | LimitedBy::NotStarted
            | LimitedBy::Disobedience
            | LimitedBy::Ev
            | LimitedBy::Undecided
            | LimitedBy::EvseMaximum
            | LimitedBy::Rising
            | LimitedBy::Row { .. }
            | LimitedBy::Plan
            | LimitedBy::UnprovenShed
            | LimitedBy::Turn { .. } => None,
        });
        let is_disconnected = !evses.is_empty() && evses.iter().all(|line| !line.is_online);
        let text = if is_disconnected {
            words.headline_disconnected.to_owned()
        } else if let Some(circuit) = stale {
            fill(words.headline_stale, &[circuit])
        } else if let Some(&(place, phase, _)) = narrow.first() {
            let share = counted(narrow.iter().map(|&(_, _, evs)| evs).sum(), words.evs_share);
            match narrow.len() {
                1 => fill(words.headline_full_one, &[&self.row_name(place, phase), &share]),
                2..=NAMED_MAX => fill(words.headline_full_many, &[&self.row_names(&narrow), &share]),
                many => {
                    let first = self.row_name(place, phase);
                    fill(words.headline_full_everywhere, &[&many.to_string(), &first, &share])
                }
            }
        } else if facts.count(&[State::Full]) > 0 && facts.count(&[State::Limited, State::Waiting]) == 0 {
            words.headline_flowing.to_owned()
        } else if facts.count(&[State::Full, State::Limited]) > 0 {
            words.headline_rising.to_owned()
        } else if facts.count(&[State::Waiting, State::Done]) > 0 {
            words.headline_idle.to_owned()
        } else {
            words.headline_empty.to_owned()
        };
        html! { (text) }
    }

    /// `Main L2`.
    fn row_name(&self, place: usize, phase: Phase) -> String {
        format!("{} {phase}", self.circuit_name(place))
    }

    /// `Main L1 and L2, Group 3 L2`: each circuit once.
    fn row_names(&self, rows: &[(usize, Phase, usize)]) -> String {
        let mut by_circuit: Vec<(usize, Vec<String>)> = Vec::new();
        for (place, phase, _) in rows {
            match by_circuit.iter_mut().find(|(known, _)| known == place) {
                Some((_, phases)) => phases.push(phase.to_string()),
                None => by_circuit.push((*place, vec![phase.to_string()])),
            }
        }
        let print = |(place, phases): &mut (usize, Vec<String>)| {
            phases.sort_unstable();
            format!("{} {}", self.circuit_name(*place), listed(phases, self.words.and))
        };
        listed(&by_circuit.iter_mut().map(print).collect::<Vec<_>>(), self.words.and)
    }

    /// How many do what, in one line.
    fn story(&self) -> Markup {
        let (words, facts) = (self.words, &self.facts);
        if facts.count(&[State::Off]) == facts.states.len() && !facts.states.is_empty() {
            return html! { (fill(words.how_to_connect, &["ws://…/ocpp/{station id}"])) };
        }
        let lines: [(&[State], Counted); 5] = [
            (&[State::Full, State::Limited], words.are_charging),
            (&[State::Waiting], words.are_waiting),
            (&[State::Done], words.are_done),
            (&[State::Trouble], words.are_in_trouble),
            (&[State::Free], words.are_free),
        ];
        let mut told: Vec<String> = Vec::new();
        for (states, phrase) in lines {
            let count = facts.count(states);
            if count > 0 {
                told.push(counted(count, phrase));
            }
        }
        if let Some(at) = facts.turns_change_at {
            told.push(fill(words.turns_change, &[&time_of_day(&self.picture.zone.civil(at))]));
        }
        html! { (told.join(" · ")) }
    }

    fn figures(&self) -> [Markup; 4] {
        let (picture, words, language) = (self.picture, self.words, self.language);
        let lines = &picture.site.evses;
        let charging = self.facts.count(&[State::Full, State::Limited]);
        let waiting = self.facts.count(&[State::Waiting]);
        let running: WattHours =
            lines.iter().filter_map(|line| line.energy).fold(WattHours::ZERO, |sum, energy| sum + energy);
        let billed = picture.today.as_ref().map_or(WattHours::ZERO, |day| day.energy);
        let sessions = picture.today.as_ref().map_or(0, |day| day.cdrs);
        let amounts = picture.today.as_ref().map(|day| day.amounts.as_slice()).unwrap_or_default();
        let [one, many] = words.figure_billed_note;
        let billed_note = fill(
            if sessions == 1 { one } else { many },
            &[&kilowatt_hours(billed, language), &sessions.to_string()],
        );
        let of = fill(words.figure_of, &[&lines.len().to_string()]);
        [
            figure(
                words.figure_charging,
                &charging.to_string(),
                &of,
                &counted(waiting, words.figure_waiting),
            ),
            self.room(),
            figure(
                words.figure_running,
                &kilowatt_hours(running, language),
                "kWh",
                words.figure_running_note,
            ),
            figure(words.figure_billed, &euros(amounts, language), "", &billed_note),
        ]
    }

    /// What the grid connection has left where it has least.
    fn room(&self) -> Markup {
        let words = self.words;
        let flows = self.facts.tree.roots.iter().flat_map(|&place| {
            let view = &self.picture.site.circuits[place];
            Phase::ALL.into_iter().map(move |phase| (place, phase, Flow::of(view, phase)))
        });
        match flows.min_by_key(|(_, _, flow)| flow.free()) {
            None => figure(words.figure_room, "—", "", ""),
            Some((place, phase, flow)) => {
                let of = fill(words.figure_room_of, &[&self.row_name(place, phase), &whole(flow.rating)]);
                figure(words.figure_room, &whole_floor(flow.free()), "A", &of)
            }
        }
    }

    fn filters(&self) -> Markup {
        html! {
            fieldset.filters {
                legend.sr { (self.words.show) }
                @for filter in &FILTERS {
                    label.filter {
                        input type="radio" name="show" id=(filter.id()) checked[filter.states.is_empty()];
                        span { (filter.name(self.words)) " " b id=(filter.count_id()) { (self.filter_count(filter)) } }
                    }
                }
            }
        }
    }

    fn filter_count(&self, filter: &Filter) -> Markup {
        let count = match filter.states {
            [] => self.facts.states.len(),
            states => self.facts.count(states),
        };
        html! { (count) }
    }

    fn legend(&self) -> Markup {
        let words = self.words;
        let keys = [
            ("base", words.legend_base),
            ("evs", words.legend_evs),
            ("held", words.legend_held),
            ("reserve", words.legend_reserve),
        ];
        html! {
            ul.legend { @for (class, word) in keys {
                li { (key(class)) (word) }
            } }
        }
    }

    /// A circuit: its bars, the EVSEs on it, the circuits below.
    fn circuit(&self, place: usize, depth: usize) -> Markup {
        let children = &self.facts.tree.children[place];
        let evses = self.evses_on(place);
        let is_leaf = children.is_empty() && depth > 0;
        let (panels, trunks): (Vec<usize>, Vec<usize>) =
            children.iter().partition(|&&child| self.facts.tree.children[child].is_empty());
        html! {
            @if is_leaf {
                div.panel { (self.bars(place, depth)) (self.evse_list(&evses)) }
            } @else {
                div.trunk {
                    (self.bars(place, depth))
                    @if !evses.is_empty() { div.panel.own { (self.evse_list(&evses)) } }
                    @if !panels.is_empty() {
                        div.panels { @for child in panels { (self.circuit(child, depth + 1)) } }
                    }
                    @for child in trunks { (self.circuit(child, depth + 1)) }
                }
            }
        }
    }

    fn bars(&self, place: usize, depth: usize) -> Markup {
        let heading = html! {
            (self.circuit_name(place))
            " " small { (rating(&self.picture.site.circuits[place].rating)) }
            span.stale id=(stale_id(place)) { (self.stale(place)) }
        };
        html! {
            div class=(format!("circuit depth{}", depth.min(3))) {
                @if depth == 0 { h3 { (heading) } } @else { h4 { (heading) } }
                div.phases {
                    @for phase in Phase::ALL { div.phase id=(phase_id(place, phase)) { (self.bar(place, phase)) } }
                }
            }
        }
    }

    fn stale(&self, place: usize) -> Markup {
        html! { @if self.picture.site.circuits[place].is_stale { (self.words.meter_silent) } }
    }

    fn bar(&self, place: usize, phase: Phase) -> Markup {
        let (words, language) = (self.words, self.language);
        let flow = Flow::of(&self.picture.site.circuits[place], phase);
        let limited = self.facts.limited_by(place, phase);
        let level = match flow.total() {
            total if total > flow.rating => "over",
            _ if limited > 0 => "binds",
            _ => "easy",
        };
        let to = |current: Amperes| per_mille(current, flow.rating).min(1_000);
        let (base_to, drawn_to) = (to(flow.base), to(flow.total()));
        let (held_to, usable_to) = (to(flow.total() + flow.held), to(flow.usable));
        let label = fill(
            words.bar_label,
            &[
                &phase.to_string(),
                &tenths(flow.total(), language),
                &whole(flow.rating),
                &whole(flow.base),
                &whole(flow.evs),
                &whole_floor(flow.free()),
            ],
        );
        html! {
            div class=(level) {
                svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(label) {
                    rect.room width="1000" height="10" {}
                    rect.held x=(drawn_to) width=(held_to - drawn_to) height="10" {}
                    rect.base width=(base_to) height="10" {}
                    rect.evs x=(base_to) width=(drawn_to - base_to) height="10" {}
                    rect.reserve x=(usable_to) width=(1_000 - usable_to) height="10" {}
                }
                p { span.phase-name { (phase) } b { (whole(flow.total())) } " A"
                    span.room {
                        @if flow.total() > flow.rating { (words.over) }
                        @else if limited > 0 {
                            (words.full) span.limits { " · " (counted(limited, words.limits_evs)) }
                        }
                        @else { (fill(words.free_amperes, &[&whole_floor(flow.free())])) }
                    }
                }
            }
        }
    }

    fn evse_list(&self, places: &[usize]) -> Markup {
        html! {
            @if !places.is_empty() {
                ul.evses { @for &place in places {
                    li.slot id=(evse_id(place)) { (self.evse(place)) }
                } }
            }
        }
    }

    fn evses_on(&self, circuit: usize) -> Vec<usize> {
        let id = &self.picture.site.circuits[circuit].circuit;
        let evses = self.picture.site.evses.iter().enumerate();
        evses.filter(|(_, line)| line.control.circuit == *id).map(|(place, _)| place).collect()
    }

    fn evse(&self, place: usize) -> Markup {
        let (line, state) = (&self.picture.site.evses[place], self.facts.states[place]);
        let words = self.words;
        if matches!(state, State::Free | State::Off) {
            return html! {
                div class=(format!("evse chip {}", class(state))) title=(self.why(line)) {
                    (icon(state)) (named(line)) span.sr { " " (self.why(line)) }
                }
            };
        }
        if state == State::Done {
            return html! {
                div.evse.done {
                    (icon(state))
                    div.who { (named(line)) " " span.why { (self.why(line)) } }
                    @if let Some(energy) = line.energy { div.flow { (kilowatt_hours(energy, self.language)) " kWh" } }
                }
            };
        }
        let control = &line.control;
        let is_open = self.picture.is_unauthenticated.get(place).copied().unwrap_or(false);
        html! {
            div class=(format!("evse {}", class(state))) {
                (icon(state))
                div.who {
                    (named(line)) span.sr { ", " (state_word(state, words)) ": " }
                    span.why { (self.why(line)) }
                    @if let Some(more) = self.more(line) { span.more { (more) } }
                    @for remark in &control.remarks { span.remark { (remark_words(*remark, words)) } }
                    @if is_open { span.remark { (words.no_password) } }
                }
                div.flow {
                    @if control.is_in_transaction || is_drawing(line) { span.amps { (self.amperes(line)) } }
                    @if let Some(energy) = line.energy { span.energy { (kilowatt_hours(energy, self.language)) " kWh" } }
                }
                @if let Some(limit) = control.limit.filter(|_| control.is_in_transaction) { (self.gauge(line, limit)) }
            }
        }
    }

    /// `10.2 A L1 L2 L3`, or each phase by itself where they differ.
    fn amperes(&self, line: &EvseLine) -> Markup {
        let drawn = line.control.drawn;
        let carrying: Vec<Phase> = Phase::ALL.into_iter().filter(|phase| drawn[*phase] >= DRAWING).collect();
        let lowest = carrying.iter().map(|phase| drawn[*phase]).min().unwrap_or(Amperes::ZERO);
        let is_even = drawn.highest() - lowest < EVEN;
        html! {
            @if carrying.is_empty() || is_even {
                span.phases-used { @for phase in &carrying { (phase) " " } }
                b { (tenths(drawn.highest(), self.language)) } " A"
            } @else {
                @for phase in &carrying {
                    span.phases-used { (phase) " " } b.uneven { (tenths(drawn[*phase], self.language)) } " "
                } "A"
            }
        }
    }

    /// What it draws of what the EVSE can, over what it may.
    fn gauge(&self, line: &EvseLine, limit: Amperes) -> Markup {
        let control = &line.control;
        let of_maximum = |current: Amperes| per_mille(current, control.current_max).min(1_000);
        html! {
            svg.gauge viewBox="0 0 1000 4" preserveAspectRatio="none" role="img"
                aria-label=(fill(self.words.limit, &[&whole(limit)])) {
                rect.room width="1000" height="4" {}
                rect.granted width=(of_maximum(limit)) height="4" {}
                rect.drawn width=(of_maximum(control.drawn.highest())) height="4" {}
            }
        }
    }

    fn why(&self, line: &EvseLine) -> String {
        let words = self.words;
        match &line.control.reason {
            LimitedBy::OutOfService => words.out_of_service.to_owned(),
            LimitedBy::NeverConnected => words.never_connected.to_owned(),
            LimitedBy::Offline => words.offline.to_owned(),
            LimitedBy::StationFault => words.station_fault.to_owned(),
            LimitedBy::Free => words.free.to_owned(),
            LimitedBy::NotStarted => words.not_started.to_owned(),
            LimitedBy::Disobedience => words.disobedience.to_owned(),
            LimitedBy::Ev => words.ev.to_owned(),
            LimitedBy::Undecided => words.undecided.to_owned(),
            LimitedBy::EvseMaximum => words.evse_maximum.to_owned(),
            LimitedBy::Rising => words.rising.to_owned(),
            LimitedBy::Row { circuit, name, phase } => {
                let row = format!("{name} {phase}");
                if !is_drawing(line) {
                    return fill(words.no_room, &[&row]);
                }
                let [one, many] = words.shares_with;
                match self.facts.others_on(circuit, *phase) {
                    0 => fill(words.shares, &[&row]),
                    1 => fill(one, &[&row, "1"]),
                    others => fill(many, &[&row, &others.to_string()]),
                }
            }
            LimitedBy::Plan => words.plan.to_owned(),
            LimitedBy::UnprovenShed => words.unproven_shed.to_owned(),
            LimitedBy::Turn { name, phase, changes_at, .. } => {
                let at = time_of_day(&self.picture.zone.civil(*changes_at));
                fill(words.turn, &[&format!("{name} {phase}"), &at])
            }
            LimitedBy::StaleMeter { name, .. } => fill(words.stale_meter, &[name]),
        }
    }

    /// When it gets more, where it could use more.
    fn more(&self, line: &EvseLine) -> Option<String> {
        more_in_words(&line.explanation.more, &self.picture.zone, self.language)
    }

    fn circuit_name(&self, place: usize) -> String {
        let circuit = &self.picture.site.circuits[place];
        if circuit.name.is_empty() { circuit.circuit.to_string() } else { circuit.name.clone() }
    }

    fn circuit_name_of(&self, id: &CircuitId) -> String {
        let place = self.picture.site.circuits.iter().position(|circuit| circuit.circuit == *id);
        place.map_or_else(|| id.to_string(), |place| self.circuit_name(place))
    }

    fn evse_name_of(&self, id: &str) -> String {
        let line = self.picture.site.evses.iter().find(|line| line.evse.to_string() == id);
        line.map_or_else(|| id.to_owned(), evse_name)
    }
}

/// So many are named; of more only their number is told.
const NAMED_MAX: usize = 3;
/// Phases that differ by less are told as one current.
const EVEN: Amperes = Amperes::from_milliamperes(1_000);

/// What a person may want to see alone.
struct Filter {
    /// A word of HTML ids and classes.
    tag: &'static str,
    /// Empty: all.
    states: &'static [State],
}

const FILTERS: [Filter; 6] = [
    Filter { tag: "all", states: &[] },
    Filter { tag: "charging", states: &[State::Full, State::Limited] },
    Filter { tag: "waiting", states: &[State::Waiting] },
    Filter { tag: "done", states: &[State::Done] },
    Filter { tag: "free", states: &[State::Free] },
    Filter { tag: "trouble", states: &[State::Trouble] },
];

impl Filter {
    fn id(&self) -> String {
        format!("show-{}", self.tag)
    }

    fn count_id(&self) -> String {
        format!("n-{}", self.tag)
    }

    fn name(&self, words: &Words) -> &'static str {
        match self.states {
            [State::Full, ..] => words.show_charging,
            [State::Waiting, ..] => words.show_waiting,
            [State::Done, ..] => words.show_done,
            [State::Free, ..] => words.show_free,
            [State::Trouble, ..] => words.show_trouble,
            [] | [State::Limited | State::Off, ..] => words.show_all,
        }
    }
}

fn phase_id(place: usize, phase: Phase) -> String {
    format!("c{place}{phase}")
}

fn stale_id(place: usize) -> String {
    format!("c{place}stale")
}

fn evse_id(place: usize) -> String {
    format!("e{place}")
}

const fn class(state: State) -> &'static str {
    match state {
        State::Full => "full",
        State::Limited => "limited",
        State::Waiting => "waiting",
        State::Done => "done",
        State::Trouble => "trouble",
        State::Free => "free",
        State::Off => "off",
    }
}

const fn state_word(state: State, words: &Words) -> &'static str {
    match state {
        State::Full => words.state_full,
        State::Limited => words.state_limited,
        State::Waiting => words.state_waiting,
        State::Done => words.state_done,
        State::Trouble => words.state_trouble,
        State::Free => words.state_free,
        State::Off => words.state_off,
    }
}

const fn remark_words(remark: Remark, words: &Words) -> &'static str {
    match remark {
        Remark::Disobedient => words.remark_disobedient,
        Remark::Refusing => words.remark_refusing,
        Remark::WiringDoubted => words.remark_wiring,
        Remark::FallbackUnproven => words.remark_fallback_unproven,
        Remark::FallbackUnconfirmed => words.remark_fallback_unconfirmed,
    }
}

/// An EVSE's name, which leads to its station.
fn named(line: &EvseLine) -> Markup {
    html! { a.name href=(format!("/stations/{}", line.evse.station)) { (evse_name(line)) } }
}

fn evse_name(line: &EvseLine) -> String {
    if line.control.name.is_empty() { line.evse.to_string() } else { line.control.name.clone() }
}

/// `100 A`, or each phase where they differ.
fn rating(rating: &units::PerPhase<Amperes>) -> String {
    let figures = [rating.l1, rating.l2, rating.l3].map(whole);
    if figures.iter().all(|figure| *figure == figures[0]) {
        format!("{} A", figures[0])
    } else {
        format!("{} A", figures.join("/"))
    }
}

fn figure(label: &str, value: &str, unit: &str, note: &str) -> Markup {
    html! {
        span.label { (label) }
        span.value { (value) @if !unit.is_empty() { " " small { (unit) } } }
        span.note { (note) }
    }
}

fn icon(state: State) -> Markup {
    html! { svg.icon aria-hidden="true" { use href=(format!("#{}", class(state))) {} } }
}

fn key(class: &str) -> Markup {
    html! { svg.key viewBox="0 0 18 8" aria-hidden="true" { rect class=(class) width="18" height="8" rx="2" {} } }
}

/// A shape for each state, so that colour is never alone.
const SHAPES: &str = r##"<svg class="shapes" aria-hidden="true"><defs>
<symbol id="full" viewBox="0 0 16 16"><circle cx="8" cy="8" r="8"/><path class="on" d="M9 2.6 4.4 9h3l-.8 4.4L11.4 7h-3z"/></symbol>
<symbol id="limited" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="7"/><path d="M8 1a7 7 0 0 0 0 14z"/></symbol>
<symbol id="waiting" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="7"/><path class="line" d="M8 4v4.4l2.8 1.8"/></symbol>
<symbol id="done" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="7"/><path class="line" d="m4.8 8.3 2.2 2.3 4.3-4.8"/></symbol>
<symbol id="trouble" viewBox="0 0 16 16"><path d="M8 .8 16 15H0z"/><path class="on" d="M7.2 5.6h1.6v4.8H7.2zm0 5.8h1.6V13H7.2z"/></symbol>
<symbol id="free" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="4"/></symbol>
<symbol id="off" viewBox="0 0 16 16"><path class="line" d="M3.5 8h9"/></symbol>
</defs></svg>"##;

/// Where no site was imported.
pub fn no_site(language: Language) -> Markup {
    let words = language.words();
    calm(
        language,
        words.no_site,
        &html! {
            p { (words.no_site_way) }
            pre { code { "wattery admin site import site.toml" } }
            p.quiet { (words.no_site_after) " " (fill(words.how_to_connect, &["ws://…/ocpp/{station id}"])) }
        },
    )
}

/// Where the URL names no site.
pub fn no_such_site(site: &str, language: Language) -> Markup {
    let words = language.words();
    calm(language, &fill(words.no_such_site, &[site]), &html! { p { a href="/" { (words.all_sites) } } })
}

/// Where the token is missing.
pub fn locked(language: Language) -> Markup {
    let words = language.words();
    calm(
        language,
        words.locked,
        &html! {
            p { (words.locked_way) }
            pre { code { "http://…/open?token=TOKEN" } }
        },
    )
}

/// Where the engine gives no answer.
pub fn no_answer(why: NoAnswer, storage_failing: Option<&str>, language: Language) -> Markup {
    let body = html! {
        header.top { (wordmark()) (languages(language)) }
        main { (no_answer_banner(why, storage_failing, language)) }
    };
    document("Wattery", language, &body)
}

/// The same as the inside of the page's banner.
pub fn no_answer_banner(why: NoAnswer, storage_failing: Option<&str>, language: Language) -> Markup {
    let words = language.words();
    let why = match why {
        NoAnswer::Stopping => words.stopping,
        NoAnswer::Late => words.late,
    };
    html! {
        @match storage_failing {
            Some(reason) => (storage_notice(reason, words)),
            None => { p.notice.bad { (icon(State::Trouble)) strong { (words.no_figures) } ": " (why) } }
        }
    }
}

fn storage_notice(reason: &str, words: &Words) -> Markup {
    html! {
        p.notice.bad {
            (icon(State::Trouble)) strong { (words.storage_failing) } " (" (reason) "). " (words.storage_way_out)
        }
    }
}

/// A page that says one thing.
pub fn calm_page(language: Language, heading: &str) -> Markup {
    calm(language, heading, &html! {})
}

fn calm(language: Language, heading: &str, text: &Markup) -> Markup {
    let body = html! {
        header.top { (wordmark()) (languages(language)) }
        main.calm { h1 { (heading) } (text) }
    };
    document("Wattery", language, &body)
}

pub fn document(title: &str, language: Language, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/wattery.css";
                script src="/assets/wattery.js" defer {}
            }
            body { (PreEscaped(SHAPES)) (body) }
        }
    }
}

pub fn wordmark() -> Markup {
    html! { a.wordmark href="/" { svg.bolt viewBox="0 0 16 16" aria-hidden="true" { path d="M9.4 1 3.6 9.2h3.7L6.2 15l6.2-8.6H8.6z" {} } "Wattery" } }
}

pub fn languages(present: Language) -> Markup {
    html! {
        nav.languages aria-label=(present.words().languages) {
            @for language in Language::ALL {
                a href=(format!("?language={}", language.tag())) lang=(language.tag()) hreflang=(language.tag())
                    aria-current=[(language == present).then_some("true")] { (language.name()) }
            }
        }
    }
}
