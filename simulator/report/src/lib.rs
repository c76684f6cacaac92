//! A replay as one self-contained HTML page, told as a newspaper would: what happened, why, and what it cost.
//!
//! Start with [`html`]. `story` finds the sentences and the moments that mattered, [`chart`] draws (plotters), `words`
//! prints figures.
//!
//! # Invariants
//!
//! - One file: no font, no picture, nothing from elsewhere; it opens from a disk, on a phone, on paper, in ten years.
//!   Its only script, a dozen lines, sorts tables: everything is there without it.
//! - The page shows what the report says and computes nothing that a reader could take for a result.
//! - Long runs are drawn at most [`chart::POINTS`] points wide: the mean of each point for what is stacked, the
//!   highest for the line of the total, so that no peak is hidden.
//!
//! # Not here
//!
//! No simulation, no judging, no files: `studies` makes the report and the verdicts, `cli` writes the page.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use studies::ReplayReport;
use studies::expect::{Verdict, thousandths};
use studies::report::CircuitReport;
use units::civil::Zone;
use units::{Phase, TimeSpan};

pub mod chart;
mod story;
mod words;

use chart::Layer;
use story::{Moment, ev_time, evse_name, limit_words, share, tenths};
use words::{clock, count, kwh, money, sentence, span};

/// The page of `report`, with what was expected of it.
#[must_use]
pub fn html(report: &ReplayReport, verdicts: &[Verdict]) -> String {
    let zone = report.zone.parse().unwrap_or_else(|_| Zone::utc());
    let moments = story::moments(report, &zone);
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.title) " · Wattery" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (headline(report, verdicts, &zone))
                main {
                    (why(report, &moments, &zone))
                    (cost(report))
                    (circuits(report, &moments, &zone))
                    (sessions(report, &zone))
                    (proof(report, verdicts, &zone))
                }
                (again(report))
                script { (PreEscaped(SORT)) }
            }
        }
    };
    page.into_string()
}

/// So many reasons are listed by themselves.
const LIMITS: usize = 9;
const STYLE: &str = include_str!("style.css");
const SORT: &str = include_str!("sort.js");

fn headline(report: &ReplayReport, verdicts: &[Verdict], zone: &Zone) -> Markup {
    let (wanted, delivered) = report.energy();
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met).count();
    let is_good = report.is_clean() && missed == 0;
    let lead = story::lead(report, zone);
    markup! {
        header {
            p.kicker { b { (report.site) } " · " (clock(report.starts_at, zone)) " to " (clock(report.ends_at, zone)) ", local time" }
            h1.bad[!is_good] { (story::headline(report, verdicts)) }
            p.question { (report.title) }
            @if let Some((first, rest)) = lead.split_first() {
                p.lead { (first) @for sentence in rest { " " (sentence) } }
            }
            p.verdict {
                @if report.is_clean() && missed == 0 {
                    strong.good { "✓ Every rule held" @if !verdicts.is_empty() { " and every expectation was met" } "." }
                } @else {
                    strong.bad {
                        "✗ " (count(report.rules.iter().map(|rule| rule.firings.len()).sum(), "rule violation", "rule violations"))
                        ", " (count(missed, "expectation", "expectations")) " missed."
                    }
                }
            }
            div.figures {
                (figure(&kwh(delivered), &format!("delivered of {}", kwh(wanted))))
                (figure(&report.sessions.iter().filter(|stay| share(stay) >= 99).count().to_string(),
                    &format!("of {} got at least 99 %", count(report.sessions.len(), "stay", "stays"))))
                (figure(&report.money.cdrs.to_string(), &format!("CDRs, {} held", report.money.held)))
                (figure(&report.counts.limit_changes.to_string(), "limit changes"))
                (figure(&report.alarms.len().to_string(), if report.alarms.len() == 1 { "alarm" } else { "alarms" }))
            }
        }
    }
}

fn figure(value: &str, what: &str) -> Markup {
    markup! { div { b { (value) } span { (what) } } }
}

fn why(report: &ReplayReport, moments: &[Moment], zone: &Zone) -> Markup {
    let limits = story::limits(report);
    let longest = limits.first().map_or(TimeSpan::ZERO, |(_, time)| *time);
    markup! {
        section {
            h2 { "Why" }
            @if limits.is_empty() {
                p { "No EV was in a transaction when the engine was asked what limits it." }
            } @else {
                h3 { "What limited the EVs, in hours of EVs in transactions" }
                table.bars {
                    tbody { @for (limit, time) in limits.iter().take(LIMITS) {
                        tr {
                            th scope="row" { (sentence(&limit_words(limit))) }
                            td.n { (ev_time(*time)) }
                            td.wide { (bar(time.milliseconds(), longest.milliseconds(), longest.milliseconds())) }
                        }
                    }
                    @if let Some(rest) = limits.get(LIMITS..).filter(|rest| !rest.is_empty()) {
                        tr {
                            th scope="row" { (count(rest.len(), "other reason", "other reasons")) }
                            td.n { (ev_time(rest.iter().map(|(_, time)| *time).fold(TimeSpan::ZERO, |sum, time| sum + time))) }
                            td.wide {}
                        }
                    } }
                }
                figure {
                    figcaption { "How many EVs, by what limited them" }
                    (PreEscaped(chart::limits_over_time(report, moments, zone)))
                }
                (key(chart::limit_layers(report).into_iter().map(|(name, _)| name)))
            }
            @if !moments.is_empty() {
                h3 { "Moments that mattered" }
                ol.moments { @for moment in moments {
                    li {
                        span.n { (clock(moment.at, zone)) } " " (moment.text)
                        @if let Some(until) = moment.until { span.muted { " (for " (span(until.since(moment.at))) ")" } }
                    }
                } }
            }
        }
    }
}

/// A bar of `part` of `of`, in front of one of `whole` of `of`.
fn bar(part: i64, whole: i64, of: i64) -> Markup {
    let per_mille = |value: i64| (value.max(0) * 1_000).checked_div(of).unwrap_or(0).min(1_000);
    markup! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.whole width=(per_mille(whole)) height="10" {}
            rect.part width=(per_mille(part)) height="10" {}
        }
    }
}

fn key(names: impl Iterator<Item = String>) -> Markup {
    markup! {
        ul.key { @for (place, name) in names.enumerate() {
            li { svg viewBox="0 0 10 10" aria-hidden="true" { rect fill=(chart::tint(place)) width="10" height="10" {} } (name) }
        } }
    }
}

fn cost(report: &ReplayReport) -> Markup {
    let money_report = &report.money;
    markup! {
        section {
            h2 { "What it cost" }
            p {
                (count(money_report.cdrs, "CDR", "CDRs")) ", " (money_report.held) " of them held for a person. Billed: "
                (kwh(money_report.energy_billed)) "; by the registers of the EVSEs: " (kwh(money_report.energy_registered)) "."
            }
            @if !money_report.owners.is_empty() {
                h3 { "Settlement" }
                div.scroll { table {
                    thead { tr { th { "owner" } th { "month" } th.n { "revenue" } th.n { "fees" } th.n { "payout" } } }
                    tbody { @for owner in &money_report.owners {
                        tr {
                            td { (owner.owner) } td { (owner.month) } td.n { (money(owner.revenue)) }
                            td.n { (money(owner.fees)) } td.n { b { (money(owner.payout)) } }
                        }
                    } }
                } }
            }
            @if !money_report.drivers.is_empty() {
                details open[money_report.drivers.len() <= 12] {
                    summary { b { "Drivers" } span.right { (money_report.drivers.len()) } }
                    div.scroll { table.sortable {
                        thead { tr { (sort("driver")) (sort_number("CDRs")) (sort_number("energy")) (sort_number("charging")) (sort_number("fees")) } }
                        tbody { @for driver in &money_report.drivers {
                            tr {
                                td { (driver.driver) } td.n { (driver.cdrs) }
                                td.n data-v=(driver.energy.milliwatt_hours()) { (kwh(driver.energy)) }
                                td.n data-v=(driver.charging.minor()) { (money(driver.charging)) }
                                td.n data-v=(driver.fees.minor()) { (money(driver.fees)) }
                            }
                        } }
                    } }
                }
            }
        }
    }
}

/// The head of a column by which a reader can sort.
fn sort(name: &str) -> Markup {
    markup! { th { button type="button" { (name) } } }
}

fn sort_number(name: &str) -> Markup {
    markup! { th.n { button type="button" { (name) } } }
}

fn circuits(report: &ReplayReport, moments: &[Moment], zone: &Zone) -> Markup {
    markup! {
        section {
            h2 { "Where the current went" }
            p.note {
                "Grey is the building, colours are EVs, stacked; the thin dark line is the highest total at any instant, the "
                "red line the rating. Numbers mark the moments above. Open a circuit to see its three phases."
            }
            @for (place, circuit) in report.circuits.iter().enumerate() {
                (one_circuit(report, circuit, if place == 0 { moments } else { &[] }, zone))
            }
        }
    }
}

fn one_circuit(report: &ReplayReport, circuit: &CircuitReport, moments: &[Moment], zone: &Zone) -> Markup {
    let layers: Vec<Layer> = chart::layers(report, circuit);
    let phase = Phase::ALL.into_iter().max_by_key(|&phase| circuit.peak[phase].current).unwrap_or(Phase::L1);
    let peak = circuit.peak[phase];
    markup! {
        details open[circuit.parent.is_none()] {
            summary {
                b { (circuit.name) }
                @if let Some(parent) = &circuit.parent { span.muted { " below " (parent) } }
                span.right {
                    "peak " (tenths(peak.current)) " of " (tenths(circuit.rating[phase])) " on " (phase) ", " (clock(peak.at, zone))
                    @if circuit.over_rating > TimeSpan::ZERO { span.bad { " · above its rating for " (span(circuit.over_rating)) } }
                }
            }
            @for phase in Phase::ALL {
                figure {
                    figcaption { (circuit.name) " " (phase) }
                    (PreEscaped(chart::phase(report, circuit, &layers, phase, moments, zone)))
                }
            }
            (key(layers.into_iter().map(|layer| layer.name)))
        }
    }
}

fn sessions(report: &ReplayReport, zone: &Zone) -> Markup {
    let most = report.sessions.iter().map(|stay| stay.wanted.max(stay.delivered)).max().unwrap_or_default();
    markup! {
        section {
            h2 { "Who was served" }
            @if report.sessions.is_empty() {
                p { "Nobody came." }
            } @else {
                p.note { "The pale bar is what was wanted, the dark one what was delivered. A heading sorts by its column." }
                div.scroll { table.sortable {
                    thead { tr {
                        (sort("EVSE")) (sort("EV")) (sort("came")) (sort("left")) (sort_number("wanted")) (sort_number("delivered"))
                        (sort_number("share")) th { span.sr { "wanted and delivered" } }
                    } }
                    tbody { @for stay in &report.sessions {
                        tr {
                            td { (evse_name(report, stay)) }
                            td.muted { (stay.ev) }
                            td.n data-v=(stay.arrived_at.milliseconds()) { (clock(stay.arrived_at, zone)) }
                            td.n data-v=(stay.departed_at.unwrap_or(report.ends_at).milliseconds()) {
                                @match stay.departed_at { Some(at) => (clock(at, zone)), None => span.muted { "still there" } }
                            }
                            td.n data-v=(stay.wanted.milliwatt_hours()) { (kwh(stay.wanted)) }
                            td.n data-v=(stay.delivered.milliwatt_hours()) { (kwh(stay.delivered)) }
                            td.n data-v=(share(stay)) { (share(stay)) " %" }
                            td.wide { (bar(stay.delivered.milliwatt_hours(), stay.wanted.milliwatt_hours(), most.milliwatt_hours())) }
                        }
                    } }
                } }
            }
        }
    }
}

fn proof(report: &ReplayReport, verdicts: &[Verdict], zone: &Zone) -> Markup {
    markup! {
        section {
            h2 { "How we know" }
            @if !verdicts.is_empty() {
                h3 { "Expected and come" }
                div.scroll { table {
                    thead { tr { th { "figure" } th.n { "expected" } th.n { "came" } th { "" } th { "why this bound" } } }
                    tbody { @for verdict in verdicts {
                        tr {
                            td { (verdict.expectation.what) }
                            td.n { (verdict.expectation.bound) }
                            td.n { (thousandths(verdict.outcome)) }
                            td { @if verdict.is_met { span.good { "✓ met" } } @else { span.bad { "✗ missed" } } }
                            td.reason { (verdict.expectation.reason) }
                        }
                    } }
                } }
            }
            h3 { "Rules, checked from outside on the truth of the plant" }
            div.scroll { table {
                tbody { @for rule in &report.rules {
                    tr {
                        td { b { (rule.rule) } }
                        td.reason { (rule.meaning) }
                        td.n { (rule.checked) " checks" }
                        td {
                            @if !rule.firings.is_empty() { span.bad { "✗ " (count(rule.firings.len(), "violation", "violations")) } }
                            @else if rule.checked == 0 { span.muted { "nothing to check" } }
                            @else { span.good { "✓ held" } }
                        }
                    }
                    @for firing in &rule.firings { tr { td {} td colspan="3" { pre { (firing) } } } }
                } }
            } }
            @if !report.alarms.is_empty() {
                h3 { "Alarms" }
                ul.alarms { @for alarm in &report.alarms {
                    li {
                        span.n { (clock(alarm.raised_at, zone)) } " " (alarm.text)
                        @match alarm.cleared_at {
                            Some(at) => { span.muted { ", for " (span(at.since(alarm.raised_at))) } }
                            None => { span.muted { ", still standing at the end" } }
                        }
                    }
                } }
            }
        }
    }
}

fn again(report: &ReplayReport) -> Markup {
    markup! {
        footer {
            h2 { "Again" }
            pre { code { "twin replay scenarios/" (report.scenario) " --seed " (report.seed) } }
            p.muted {
                (report.counts.events) " events, " (report.counts.frames_in + report.counts.frames_out) " OCPP frames, "
                (report.counts.records) " records in " (report.counts.commits) " commits, " (report.counts.crashes)
                " crashes. Equal runs have equal event hashes; this one's is " code { (report.event_hash) } "."
            }
        }
    }
}

#[cfg(test)]
mod tests;
