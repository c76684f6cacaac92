//! Figures for Prometheus, in its text format (version 0.0.4). The token is the API's.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use csms::query::{AlarmView, CircuitView, SiteView, StationDetail};
use csms::{Query, QueryAnswer};
use units::Phase;

use super::{App, Problem};

/// The path of figures.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    let mut page = Page::default();
    let mut sites = Vec::new();
    if let QueryAnswer::Sites(briefs) = app.engine.query(Query::Sites).await? {
        for brief in briefs {
            if let QueryAnswer::Site(Some(view)) = app.engine.query(Query::Site(brief.site)).await? {
                sites.push(view);
            }
        }
    }
    let mut stations = Vec::new();
    for station in app.engine.stations() {
        if let QueryAnswer::Station(Some(detail)) = app.engine.query(Query::Station(station)).await? {
            stations.push(*detail);
        }
    }
    if let QueryAnswer::Alarms(alarms) = app.engine.query(Query::Alarms).await? {
        page.alarms(&alarms);
    }
    page.sites(&sites);
    page.stations(&stations);
    let health = app.engine.health().borrow().clone();
    let is_failing = i64::from(health.storage_failing.is_some());
    page.family(
        "wattery_storage_failing",
        "gauge",
        "Records cannot be committed.",
        [(String::new(), is_failing)],
    );
    let defects = i64::try_from(health.defects.len()).unwrap_or(i64::MAX);
    page.family(
        "wattery_defects_total",
        "counter",
        "Times that the engine was rebuilt.",
        [(String::new(), defects)],
    );
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.text))
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// A family of samples: labels and value, which is written in thousandths where the name ends in a unit.
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, i64)>,
    ) {
        let is_milli = ["_amperes", "_kilowatt_hours", "_seconds"].iter().any(|unit| name.ends_with(unit));
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = match is_milli {
                true => writeln!(self.text, "{name}{braces} {}", thousandths(value)),
                false => writeln!(self.text, "{name}{braces} {value}"),
            };
        }
    }

    fn alarms(&mut self, alarms: &[AlarmView]) {
        let count = |is_known: bool| {
            let matching = alarms.iter().filter(|alarm| alarm.acknowledged.is_some() == is_known).count();
            i64::try_from(matching).unwrap_or(i64::MAX)
        };
        let samples =
            [(label("acknowledged", "true"), count(true)), (label("acknowledged", "false"), count(false))];
        self.family("wattery_alarms", "gauge", "Alarms that stand.", samples);
    }

    fn sites(&mut self, sites: &[SiteView]) {
        type Current = fn(&CircuitView, Phase) -> Option<i64>;
        let currents: [(&str, &str, Current); 5] = [
            ("wattery_circuit_rating_amperes", "What a circuit may carry.", |view, phase| {
                Some(view.rating[phase].milliamperes())
            }),
            (
                "wattery_circuit_metered_amperes",
                "What its meter last showed; import is positive.",
                |view, phase| view.metered.map(|metered| metered[phase].milliamperes()),
            ),
            (
                "wattery_circuit_base_amperes",
                "Base load as control holds it true at worst.",
                |view, phase| Some(view.base[phase].milliamperes()),
            ),
            ("wattery_circuit_evs_amperes", "What EVSEs below draw, as last measured.", |view, phase| {
                Some(view.drawn[phase].milliamperes())
            }),
            ("wattery_circuit_ceilings_amperes", "What EVSEs below may draw at worst.", |view, phase| {
                Some(view.ceilings[phase].milliamperes())
            }),
        ];
        for (name, help, current) in currents {
            let samples =
                sites.iter().flat_map(|site| site.circuits.iter().map(move |circuit| (site, circuit)));
            let samples = samples.flat_map(|(site, circuit)| {
                Phase::ALL.into_iter().filter_map(move |phase| {
                    let labels = labels(&[
                        ("site", site.site.as_str()),
                        ("circuit", circuit.circuit.as_str()),
                        ("phase", &phase.to_string()),
                    ]);
                    Some((labels, current(circuit, phase)?))
                })
            });
            self.family(name, "gauge", help, samples.collect::<Vec<_>>());
        }
        let stale = sites.iter().flat_map(|site| {
            site.circuits.iter().map(move |circuit| {
                let names = [("site", site.site.as_str()), ("circuit", circuit.circuit.as_str())];
                (labels(&names), i64::from(circuit.is_stale))
            })
        });
        self.family(
            "wattery_meter_stale",
            "gauge",
            "A circuit's meter is silent or contradicts itself.",
            stale,
        );
        let in_transaction = sites.iter().map(|site| {
            let count = site.evses.iter().filter(|line| line.transaction.is_some()).count();
            (label("site", site.site.as_str()), i64::try_from(count).unwrap_or(i64::MAX))
        });
        self.family("wattery_transactions", "gauge", "Transactions that run.", in_transaction);
    }

    fn stations(&mut self, stations: &[StationDetail]) {
        type Figure = fn(&StationDetail) -> Option<i64>;
        let figures: [(&str, &str, &str, Figure); 9] = [
            ("wattery_station_online", "gauge", "Its link is up.", |station| {
                Some(i64::from(station.is_online))
            }),
            ("wattery_station_findings", "gauge", "What a person should know of it.", |station| {
                i64::try_from(station.findings.len()).ok()
            }),
            ("wattery_station_faults", "gauge", "Faults that stand.", |station| {
                let open = station.facts.faults.iter().filter(|fault| fault.ended_at.is_none()).count();
                i64::try_from(open).ok()
            }),
            ("wattery_station_drops_total", "counter", "Links of it that ended.", |station| {
                i64::try_from(station.connection.drops).ok()
            }),
            (
                "wattery_station_unanswered_total",
                "counter",
                "Calls that it left without an answer.",
                |station| i64::try_from(station.connection.unanswered).ok(),
            ),
            ("wattery_station_heartbeats_missed_total", "counter", "Times that it fell silent.", |station| {
                i64::try_from(station.connection.heartbeats_missed).ok()
            }),
            ("wattery_station_frames_in_total", "counter", "Frames from it.", |station| {
                i64::try_from(station.connection.frames_in).ok()
            }),
            (
                "wattery_station_round_trip_seconds",
                "gauge",
                "From call to answer, the middle of the last.",
                |station| station.connection.round_trip_ms_p50,
            ),
            ("wattery_station_clock_ahead_seconds", "gauge", "Its clock, against ours.", |station| {
                station.row.clock_skew_ms
            }),
        ];
        for (name, kind, help, figure) in figures {
            let samples = stations.iter().filter_map(|station| {
                let names = [("site", station.row.site.as_str()), ("station", station.row.station.as_str())];
                Some((labels(&names), figure(station)?))
            });
            self.family(name, kind, help, samples.collect::<Vec<_>>());
        }
    }
}

fn label(name: &str, value: &str) -> String {
    labels(&[(name, value)])
}

/// Backslash, quote and line feed are escaped, as the format wants it.
fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    labels.join(",")
}

/// `-1.5` for -1500.
fn thousandths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    format!("{sign}{}.{:03}", magnitude / 1_000, magnitude % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut page = Page::default();
        let labels = labels(&[("site", "a\"b\\c"), ("phase", "L1")]);
        page.family("x_amperes", "gauge", "Help.", [(labels, -1_500), (String::new(), 10)]);
        page.family("x_total", "counter", "Help.", [(String::new(), 7)]);
        assert_eq!(
            page.text,
            "# HELP x_amperes Help.\n# TYPE x_amperes gauge\n\
             x_amperes{site=\"a\\\"b\\\\c\",phase=\"L1\"} -1.500\nx_amperes 0.010\n\
             # HELP x_total Help.\n# TYPE x_total counter\nx_total 7\n"
        );
    }
}
