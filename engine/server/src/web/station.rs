//! The page of one station: what to look at, what it shows, how it is set, its connection, faults, quirks and frames.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use csms::baseline::SettingState;
use csms::facts::Fact;
use csms::query::StationDetail;
use csms::record::ReasonRow;
use maud::{Markup, html};
use store::list::{Notice, Page as ListPage};
use units::civil::Zone;
use units::{StationId, Timestamp};

use super::draw;
use super::explanation_words::{explanation_in_words, reason_in_words};
use super::number::{date, tenths, time_of_day};
use super::station_words::{
    StationWords, evidence_in_words, fact_in_words, finding_in_words, setting_in_words, subject_in_words,
};
use super::words::{Language, fill};
use crate::explain;
use crate::frame_history::Logged;
use crate::http::station::{Wanted, detail, frames_of};
use crate::http::{App, Problem};

/// So much of the history of each EVSE is shown; the API tells all.
const REASONS_SHOWN: u32 = 50;
/// So many of the newest notices are shown; the API tells more.
const NOTICES_SHOWN: u32 = 20;

/// The page, in the language of the request or of its URL.
pub async fn page(
    State(app): State<Arc<App>>,
    Path(station): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let chosen = wanted.language.as_deref().and_then(Language::of_tag);
    let language = chosen.unwrap_or_else(|| Language::of(&headers));
    let nobody = || {
        let text = fill(language.station_words().no_such_station, &[&station]);
        (StatusCode::NOT_FOUND, Html(draw::calm_page(language, &text).into_string())).into_response()
    };
    let Ok(id) = station.parse::<StationId>() else { return nobody() };
    let Ok(detail) = detail(&app, &id).await else { return nobody() };
    let frames = match frames_of(&app, id, &wanted).await {
        Ok(frames) => frames,
        Err(problem) => return problem.into_response(),
    };
    let mut reasons = Vec::with_capacity(detail.evses.len());
    for line in &detail.evses {
        match app.store.reasons(&line.evse, ListPage::first(REASONS_SHOWN)).await {
            Ok(rows) => reasons.push(rows),
            Err(error) => return Problem::from(error).into_response(),
        }
    }
    let zone = app.engine.site_config(&detail.row.site).map_or_else(Zone::utc, |config| config.zone);
    let notices = match app.store.notices(&detail.row.station, ListPage::first(NOTICES_SHOWN)).await {
        Ok(notices) => notices,
        Err(error) => return Problem::from(error).into_response(),
    };
    let page = Page {
        detail: &detail,
        reasons: &reasons,
        frames: &frames,
        notices: &notices,
        wanted: &wanted,
        zone,
        language,
    };
    super::remembering(chosen, Html(page.whole().into_string()).into_response())
}

struct Page<'a> {
    detail: &'a StationDetail,
    /// By EVSE, newest first.
    reasons: &'a [Vec<(u64, ReasonRow)>],
    frames: &'a [Logged],
    notices: &'a [Notice],
    wanted: &'a Wanted,
    zone: Zone,
    language: Language,
}

impl Page<'_> {
    fn words(&self) -> &'static StationWords {
        self.language.station_words()
    }

    fn whole(&self) -> Markup {
        let (row, words) = (&self.detail.row, self.words());
        let body = html! {
            header.top {
                (draw::wordmark())
                h1 { (row.station) }
                nav.sites { a href=(format!("/sites/{}", row.site)) { (words.site) " " (row.site) } }
                (draw::languages(self.language))
            }
            main.station {
                section {
                    p.lead {
                        b class=(if self.detail.is_online { "good" } else { "bad" }) {
                            (if self.detail.is_online { words.online } else { words.offline })
                        }
                        " · " (self.make())
                    }
                    h2 { (words.findings) }
                    (self.findings())
                }
                section #limits { h2 { (words.limits) } (self.limits()) }
                div.cards {
                    section { h2 { (words.facts) } (self.facts()) }
                    section { h2 { (words.connection) } (self.connection()) }
                    section { h2 { (words.quirks) } (self.quirks()) }
                    section { h2 { (words.faults) } (self.faults()) }
                }
                @if !self.detail.facts.settings.is_empty() {
                    section { h2 { (words.settings) } (self.settings()) }
                }
                section #notices { h2 { (words.notices) } (self.notices()) }
                section #frames { h2 { (words.frames) } (self.search()) (self.history()) }
            }
        };
        draw::document(&format!("{} · Wattery", row.station), self.language, &body)
    }

    fn make(&self) -> String {
        let row = &self.detail.row;
        let version = row.ocpp_version.map_or_else(String::new, |version| version.to_string());
        let parts = [&row.vendor, &row.model, &row.firmware, &row.serial, &version];
        let told: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        if row.booted_at.is_none() { self.words().no_boot.to_owned() } else { told.join(" · ") }
    }

    fn findings(&self) -> Markup {
        html! {
            @if self.detail.findings.is_empty() { p.quiet { (self.words().all_well) } }
            @for finding in &self.detail.findings {
                @let [what, way_out] = finding_in_words(finding, self.language);
                div.notice.bad { b { (what) } " " (way_out) }
            }
        }
    }

    /// What limits each EVSE now, and what did before.
    fn limits(&self) -> Markup {
        let sentences = |told| explanation_in_words(told, &self.zone, self.language).join(" ");
        html! {
            @for (line, reasons) in self.detail.evses.iter().zip(self.reasons) {
                p { b { (line.evse) } " " (sentences(&line.explanation)) }
                @if !reasons.is_empty() {
                    details {
                        summary { (self.words().limits_before) }
                        ul.rows { @for (_, row) in reasons { li {
                            span.quiet { (self.instant(row.at)) " · " }
                            @if let Some(limit) = row.explanation.limit { b { (tenths(limit, self.language)) " A" } " · " }
                            (reason_in_words(&row.explanation, &self.zone, self.language))
                        } } }
                    }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let words = self.words();
        html! {
            ul.rows {
                @for fact in Fact::ALL {
                    li {
                        @match self.detail.facts.facts.get(&fact) {
                            Some(shown) => {
                                b class=(if shown.holds { "good" } else { "bad" }) {
                                    (fact_in_words(fact, shown.holds, self.language))
                                }
                                span.quiet {
                                    " " (evidence_in_words(&shown.evidence, self.language)) " · " (words.since) " "
                                    (self.instant(shown.since))
                                }
                            }
                            None => {
                                span { (fact_in_words(fact, true, self.language)) "?" }
                                span.quiet { " " (words.not_shown) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn connection(&self) -> Markup {
        let (connection, words) = (&self.detail.connection, self.words());
        let trip = match (connection.round_trip_ms_p50, connection.round_trip_ms_max) {
            (Some(middle), Some(slowest)) => format!("{middle} ms, {slowest} ms"),
            (None, _) | (_, None) => "–".to_owned(),
        };
        let rows = [
            (words.up_since, connection.up_since.map_or_else(|| "–".to_owned(), |at| self.instant(at))),
            (words.drops, connection.drops.to_string()),
            (words.round_trip, trip),
            (words.unanswered, connection.unanswered.to_string()),
            (words.heartbeats_missed, connection.heartbeats_missed.to_string()),
            (words.frames_counted, format!("{}, {}", connection.frames_in, connection.frames_out)),
        ];
        html! {
            dl { @for (name, value) in rows { dt { (name) } dd { (value) } } }
            @if !connection.drops_last.is_empty() {
                ul.rows { @for drop in connection.drops_last.iter().rev().take(5) {
                    li.quiet { (self.instant(drop.at)) " · " (drop.reason) }
                } }
            }
            p.quiet { (words.connection_note) }
        }
    }

    fn quirks(&self) -> Markup {
        let words = self.words();
        html! {
            @if self.detail.entries.is_empty() { p.quiet { (words.no_quirks) } }
            ul.rows { @for entry in &self.detail.entries {
                li {
                    b { (entry.name) } " " (entry.note) " "
                    @for source in &entry.sources {
                        @if source.starts_with("https://") {
                            a.quiet href=(source) rel="noreferrer" { (source.trim_start_matches("https://github.com/")) } " "
                        } @else { span.quiet { (source) " " } }
                    }
                }
            } }
            @if !self.detail.row.quirks.is_empty() {
                p.quiet {
                    (words.tolerated) ": "
                    (self.detail.row.quirks.iter().map(|(name, count)| format!("{name} × {count}")).collect::<Vec<_>>().join(", "))
                }
            }
        }
    }

    fn faults(&self) -> Markup {
        let words = self.words();
        let faults = &self.detail.facts.faults;
        html! {
            @if faults.is_empty() { p.quiet { (words.no_faults) } }
            ul.rows { @for fault in faults.iter().rev() {
                li {
                    b { "EVSE " (fault.evse) ": " (fault.code) }
                    " " (fault.vendor_code) " " (fault.words)
                    span.quiet {
                        " " (self.instant(fault.began_at)) " – "
                        (fault.ended_at.map_or_else(|| words.fault_stands.to_owned(), |at| self.instant(at)))
                    }
                }
            } }
        }
    }

    fn notices(&self) -> Markup {
        html! {
            @if self.notices.is_empty() { p.quiet { (self.words().no_notices) } }
            ul.rows { @for notice in self.notices {
                li {
                    b { (subject_in_words(&notice.subject, self.language)) } " " (notice.word)
                    @if let Some(evse) = notice.evse { " · EVSE " (evse) }
                    @if let Some(detail) = &notice.detail { " · " (detail) }
                    span.quiet { " " (self.instant(notice.received_at)) }
                }
            } }
        }
    }

    fn settings(&self) -> Markup {
        let words = self.words();
        html! {
            ul.rows.settings { @for row in &self.detail.facts.settings {
                li {
                    b { (row.name) } " " span { (setting_in_words(&row.state, self.language)) }
                    span.quiet {
                        @if let Some(found) = &row.found { " · " (words.setting_found) " " code { (found) } }
                        @if let Some(wanted) = row.wanted.as_ref().filter(|wanted| {
                            row.state != SettingState::AsWanted && row.found.as_ref() != Some(wanted)
                        }) {
                            " · " (words.setting_wanted) " " code { (wanted) }
                        }
                    }
                }
            } }
        }
    }

    fn search(&self) -> Markup {
        let (words, wanted) = (self.words(), self.wanted);
        let direction = wanted.direction.as_deref().unwrap_or_default();
        html! {
            form.search method="get" action="#frames" {
                select name="direction" aria-label=(words.both_ways) {
                    @for (value, name) in [("", words.both_ways), ("in", words.from_station), ("out", words.to_station)] {
                        option value=(value) selected[value == direction] { (name) }
                    }
                }
                input name="action" placeholder=(words.action) aria-label=(words.action)
                    value=(wanted.action.as_deref().unwrap_or_default());
                input name="text" placeholder=(words.text) aria-label=(words.text)
                    value=(wanted.text.as_deref().unwrap_or_default());
                input type="hidden" name="language" value=(self.language.tag());
                button { (words.show) }
                a href=(self.link(&format!("/api/v1/stations/{}/frames.log", self.detail.row.station), None)) {
                    (words.download)
                }
            }
        }
    }

    fn history(&self) -> Markup {
        let words = self.words();
        html! {
            @if self.frames.is_empty() { p.quiet { (words.no_frames) } }
            ol.frames { @for frame in self.frames {
                li {
                    details {
                        summary {
                            span.arrow aria-label=(if frame.is_from_station { words.from_station } else { words.to_station }) {
                                (if frame.is_from_station { "←" } else { "→" })
                            }
                            " " time { (self.instant_exact(frame.at)) } " " b { (frame.action.as_deref().unwrap_or("?")) }
                            " " span.quiet { (explain::in_words(frame, self.language)) }
                        }
                        code { (frame.text) }
                    }
                }
            } }
            @if let Some(last) = self.frames.last() {
                p { a href=(self.link(&format!("/stations/{}", self.detail.row.station), Some(last.number))) { (words.older) } }
            }
        }
    }

    /// The same search elsewhere, or further back.
    fn link(&self, path: &str, before: Option<u64>) -> String {
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let given = [
            ("direction", self.wanted.direction.clone()),
            ("action", self.wanted.action.clone()),
            ("text", self.wanted.text.clone()),
            ("before", before.map(|number| number.to_string())),
        ];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?)));
        let pairs: Vec<String> = given.map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }

    fn instant(&self, at: Timestamp) -> String {
        let civil = self.zone.civil(at);
        format!("{} {}", date(&civil, self.language), time_of_day(&civil))
    }

    fn instant_exact(&self, at: Timestamp) -> String {
        let civil = self.zone.civil(at);
        let seconds = at.since(Timestamp::EPOCH).milliseconds().rem_euclid(60_000);
        let day = format!("{}", civil.date);
        format!("{day} {}:{:02}.{:03}", time_of_day(&civil), seconds / 1_000, seconds % 1_000)
    }
}
