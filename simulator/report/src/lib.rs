//! A replay as one self-contained HTML page: what happened, why, and what it cost.
//!
//! Start with [`html`]. [`chart`] draws one phase of one circuit as SVG (plotters).
//!
//! # Invariants
//!
//! - One file: no script, no font, no picture from elsewhere; it opens from a disk, on a phone, in ten years.
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
use studies::report::{CircuitReport, SessionReport};
use units::civil::Zone;
use units::{Phase, Timestamp, WattHours};

pub mod chart;

/// The page of `report`, with what was expected of it.
#[must_use]
pub fn html(report: &ReplayReport, verdicts: &[Verdict]) -> String {
    let zone = report.zone.parse().unwrap_or_else(|_| Zone::utc());
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (report.title) " · Wattery" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (headline(report, verdicts, &zone))
                (circuits(report, &zone))
                (sessions(report, &zone))
                (money(report))
                (proof(report, verdicts, &zone))
            }
        }
    };
    page.into_string()
}

const STYLE: &str = include_str!("style.css");

fn headline(report: &ReplayReport, verdicts: &[Verdict], zone: &Zone) -> Markup {
    let (wanted, delivered) = report.energy();
    let served = report.sessions.iter().filter(|session| share(session) >= 99).count();
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met).count();
    let firings: usize = report.rules.iter().map(|rule| rule.firings.len()).sum();
    markup! {
        header {
            p.kicker { (report.site) " · " (zone.print(report.starts_at)) " to " (zone.print(report.ends_at)) }
            h1 { (report.title) }
            p.lead {
                (report.sessions.len()) " stays wanted " (kwh(wanted)) " and got " (kwh(delivered)) "; "
                (served) " of them at least 99 %. "
                @if let Some(root) = report.circuits.first() {
                    "The grid connection peaked at " (peak_words(root, zone)) ". "
                }
                @if firings == 0 && missed == 0 {
                    strong.good { "Every rule held and every expectation was met." }
                } @else {
                    strong.bad { (firings) " rule violations, " (missed) " expectations missed." }
                }
            }
            div.figures {
                (figure(&kwh(delivered), "delivered"))
                (figure(&report.money.cdrs.to_string(), "CDRs"))
                (figure(&report.money.held.to_string(), "held for a person"))
                (figure(&report.counts.limit_changes.to_string(), "limit changes"))
                (figure(&(report.counts.frames_in + report.counts.frames_out).to_string(), "OCPP frames"))
                (figure(&report.alarms.len().to_string(), "alarms"))
            }
        }
    }
}

fn figure(value: &str, what: &str) -> Markup {
    markup! { div { b { (value) } span { (what) } } }
}

fn peak_words(circuit: &CircuitReport, zone: &Zone) -> String {
    let phase = Phase::ALL.into_iter().max_by_key(|&phase| circuit.peak[phase].current).unwrap_or(Phase::L1);
    let peak = circuit.peak[phase];
    format!("{} on {phase} of {} ({})", peak.current, circuit.rating[phase], zone.print(peak.at))
}

fn circuits(report: &ReplayReport, zone: &Zone) -> Markup {
    markup! {
        section {
            h2 { "Where the current went" }
            p.note {
                "Grey is base load, each tint of green one EVSE, stacked; the dark line is the highest total at any "
                "instant, the red line the rating. Open a circuit to see its three phases."
            }
            @for (place, circuit) in report.circuits.iter().enumerate() {
                details open[place == 0] {
                    summary {
                        b { (circuit.name) }
                        @if let Some(parent) = &circuit.parent { span.muted { " below " (parent) } }
                        span.right { "peak " (peak_words(circuit, zone)) }
                    }
                    @for phase in Phase::ALL {
                        figure {
                            figcaption { (circuit.name) " " (phase) }
                            (PreEscaped(chart::phase(report, circuit, phase, zone)))
                        }
                    }
                }
            }
        }
    }
}

/// What was delivered of what was wanted, in whole percent, at most 100.
fn share(session: &SessionReport) -> i64 {
    let wanted = session.wanted.milliwatt_hours();
    if wanted == 0 { 100 } else { (session.delivered.milliwatt_hours() * 100 / wanted).clamp(0, 100) }
}

fn sessions(report: &ReplayReport, zone: &Zone) -> Markup {
    markup! {
        section {
            h2 { "Who was served" }
            @if report.sessions.is_empty() {
                p { "Nobody came." }
            } @else {
                div.scroll {
                    table {
                        thead { tr { th { "EVSE" } th { "EV" } th { "came" } th { "left" } th.n { "wanted" } th.n { "delivered" } th { "" } } }
                        tbody {
                            @for session in &report.sessions {
                                tr {
                                    td { (session.evse) }
                                    td { (session.ev) }
                                    td.n { (clock(session.arrived_at, zone)) }
                                    td.n { (session.departed_at.map_or("still there".to_owned(), |at| clock(at, zone))) }
                                    td.n { (kwh(session.wanted)) }
                                    td.n { (kwh(session.delivered)) }
                                    td { meter.share min="0" max="100" low="80" high="98" optimum="100" value=(share(session)) { (share(session)) " %" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn money(report: &ReplayReport) -> Markup {
    let money = &report.money;
    markup! {
        section {
            h2 { "What it cost" }
            p {
                (money.cdrs) " CDRs, " (money.held) " of them held for a person. Billed: " (kwh(money.energy_billed))
                "; by the registers of the EVSEs: " (kwh(money.energy_registered)) "."
            }
            div.scroll {
                table {
                    thead { tr { th { "owner" } th { "month" } th.n { "revenue" } th.n { "fees" } th.n { "payout" } } }
                    tbody {
                        @for owner in &money.owners {
                            tr { td { (owner.owner) } td { (owner.month) } td.n { (owner.revenue) } td.n { (owner.fees) } td.n { (owner.payout) } }
                        }
                    }
                }
            }
            details {
                summary { b { "Drivers" } span.right { (money.drivers.len()) } }
                div.scroll {
                    table {
                        thead { tr { th { "driver" } th.n { "CDRs" } th.n { "energy" } th.n { "charging" } th.n { "fees" } } }
                        tbody {
                            @for driver in &money.drivers {
                                tr { td { (driver.driver) } td.n { (driver.cdrs) } td.n { (kwh(driver.energy)) } td.n { (driver.charging) } td.n { (driver.fees) } }
                            }
                        }
                    }
                }
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
                div.scroll {
                    table {
                        thead { tr { th { "figure" } th.n { "expected" } th.n { "came" } th { "" } th { "why this bound" } } }
                        tbody {
                            @for verdict in verdicts {
                                tr {
                                    td { (verdict.expectation.what) }
                                    td.n { (verdict.expectation.bound) }
                                    td.n { (thousandths(verdict.outcome)) }
                                    td { @if verdict.is_met { span.good { "met" } } @else { span.bad { "missed" } } }
                                    td.muted { (verdict.expectation.reason) }
                                }
                            }
                        }
                    }
                }
            }
            h3 { "Rules, checked from outside on the truth of the plant" }
            div.scroll {
                table {
                    tbody {
                        @for rule in &report.rules {
                            tr {
                                td { b { (rule.rule) } }
                                td { (rule.meaning) }
                                td.n { (rule.checked) " checks" }
                                td {
                                    @if !rule.firings.is_empty() { span.bad { (rule.firings.len()) " violations" } }
                                    @else if rule.checked == 0 { span.muted { "nothing to check" } }
                                    @else { span.good { "held" } }
                                }
                            }
                            @for firing in &rule.firings { tr { td {} td colspan="3" { pre { (firing) } } } }
                        }
                    }
                }
            }
            @if !report.alarms.is_empty() {
                h3 { "Alarms" }
                ul {
                    @for alarm in &report.alarms {
                        li {
                            span.n { (zone.print(alarm.raised_at)) } " " (alarm.text)
                            @match alarm.cleared_at {
                                Some(at) => { span.muted { " until " (clock(at, zone)) } }
                                None => { span.muted { " still standing at the end" } }
                            }
                        }
                    }
                }
            }
            p.muted {
                "Scenario " code { (report.scenario) } ", seed " (report.seed) ", " (report.counts.events) " events, "
                (report.counts.records) " records in " (report.counts.commits) " commits, " (report.counts.crashes)
                " crashes. Event hash " code { (report.event_hash) } ". Repeat with "
                code { "twin replay scenarios/" (report.scenario) " --seed " (report.seed) } "."
            }
        }
    }
}

/// Kilowatt-hours with two decimals, rounded down.
fn kwh(energy: WattHours) -> String {
    let hundredths = energy.milliwatt_hours() / 10_000;
    format!("{}.{:02} kWh", hundredths / 100, hundredths % 100)
}

/// Date and time of day: `15.1. 17:30`.
fn clock(instant: Timestamp, zone: &Zone) -> String {
    let civil = zone.civil(instant);
    format!("{}.{}. {:02}:{:02}", civil.date.day, civil.date.month, civil.hour, civil.minute)
}

#[cfg(test)]
mod tests;
