//! Which crate may know which. The arrows point one way; a new arrow is a design change, made alone, with a reason.

use std::collections::BTreeSet;

use tests::{Graph, Kinds, Package};

/// For each crate, every workspace crate it may name as a dependency, in tests too.
///
/// `charging`, `billing` and `ocpp` do not know each other; `meters` knows how a site says that its meters are read; `csms` and `office` meet only in `billing`'s sealed CDRs
/// and in what the shells carry between them; `plant` knows no engine but the wire, for it is the truth that the
/// engine is checked against; nothing knows a binary.
const ALLOWED: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("charging", &["units"]),
    ("billing", &["units"]),
    ("ocpp", &["units"]),
    ("meters", &["charging", "units"]),
    ("csms", &["billing", "charging", "meters", "ocpp", "units"]),
    ("office", &["billing", "units"]),
    ("solver", &[]),
    ("planner", &["charging", "solver", "units"]),
    ("store", &["billing", "charging", "csms", "office", "units"]),
    ("plant", &["ocpp", "units"]),
    ("twin", &["billing", "charging", "csms", "meters", "ocpp", "office", "planner", "plant", "units"]),
    ("wire", &["ocpp", "plant", "twin", "units"]),
    ("studies", &["billing", "charging", "csms", "ocpp", "office", "planner", "plant", "twin", "units"]),
    ("report", &["billing", "charging", "studies", "twin", "units"]),
    (
        "server",
        &[
            "billing", "charging", "csms", "meters", "ocpp", "office", "planner", "plant", "report", "store",
            "studies", "twin", "units", "wire",
        ],
    ),
    (
        "cli",
        &[
            "billing", "charging", "csms", "ocpp", "office", "planner", "plant", "report", "store",
            "studies", "twin", "units", "wire",
        ],
    ),
];

/// Workspace members that observe the house from outside: they may know everything, and nothing may know them.
const OUTSIDE: &[&str] = &["benches", "tests"];

/// What is confined, to whom, and why. Everyone else must not reach it, not even in tests.
const CONFINED: &[Confined] = &[
    Confined { what: "tokio", to: SHELLS, why: "the engine is sans-IO: only shells are async" },
    Confined { what: "axum", to: SHELLS, why: "the engine is sans-IO: only shells speak HTTP" },
    Confined { what: "sqlx", to: SHELLS, why: "the engine is sans-IO: records leave as outputs" },
    Confined { what: "tungstenite", to: SHELLS, why: "the engine is sans-IO: frames come as inputs" },
    Confined { what: "tokio-tungstenite", to: SHELLS, why: "the engine is sans-IO: frames come as inputs" },
    Confined { what: "polars", to: &["cli"], why: "it costs more to build than the whole server" },
];

/// The only crates that touch async, sockets, files, the environment or the wall clock.
const SHELLS: &[&str] = &["server", "store", "wire", "cli"];

/// What must not be compiled into the crates that decide and bill. Their tests may use it.
const NO_CHANCE: &[&str] = &["rand", "rand_core", "rand_chacha", "getrandom", "rayon"];
const DETERMINISTIC: &[&str] = &["units", "charging", "billing", "ocpp", "meters", "csms", "office"];

struct Confined {
    what: &'static str,
    to: &'static [&'static str],
    why: &'static str,
}

#[test]
fn every_arrow_between_crates_is_allowed() {
    let graph = Graph::read();
    let mut findings = Vec::new();
    for package in inside(&graph) {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
            findings.push(format!(
                "crate `{}` is not in the table: a new crate exists to forbid something",
                package.name
            ));
            continue;
        };
        for to in graph.own_arrows(package, Kinds::ShippedAndDev) {
            if !allowed.contains(&to) {
                findings.push(format!(
                    "{} -> {to} is not allowed: move the code, or argue for the arrow",
                    package.name
                ));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn the_table_itself_has_no_cycle() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    for _ in ALLOWED {
        let ready = ALLOWED.iter().filter(|(_, to)| to.iter().all(|name| settled.contains(name)));
        settled = ready.map(|(name, _)| *name).collect();
    }
    let unsettled: Vec<_> =
        ALLOWED.iter().map(|(name, _)| *name).filter(|name| !settled.contains(name)).collect();
    assert!(unsettled.is_empty(), "these crates reach themselves or an unknown crate: {unsettled:?}");
}

#[test]
fn confined_crates_reach_only_their_hosts() {
    let graph = Graph::read();
    let mut findings = Vec::new();
    for confined in CONFINED {
        for package in inside(&graph).filter(|package| !confined.to.contains(&package.name.as_str())) {
            // A host that only dev-depends on what a shell uses would still build it: both kinds count.
            if let Some(way) = graph.way(package, confined.what, Kinds::ShippedAndDev) {
                findings.push(format!("{way}: {} ({} only)", confined.why, confined.to.join(", ")));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn confined_crates_are_really_used_by_their_hosts() {
    // Guards the test above: a misspelt name would be confined for ever and found nowhere.
    let graph = Graph::read();
    for what in ["tokio", "axum", "sqlx", "tokio-tungstenite", "tungstenite"] {
        let hosts =
            graph.members().filter(|package| graph.way(package, what, Kinds::Shipped).is_some()).count();
        assert!(hosts > 0, "no crate reaches `{what}`: correct the table of confined crates");
    }
}

#[test]
fn chance_and_threads_do_not_reach_the_crates_that_decide_and_bill() {
    let graph = Graph::read();
    let mut findings = Vec::new();
    for package in graph.members().filter(|package| DETERMINISTIC.contains(&package.name.as_str())) {
        findings.extend(NO_CHANCE.iter().filter_map(|chance| graph.way(package, chance, Kinds::Shipped)));
    }
    assert_none(&findings);
}

fn inside(graph: &Graph) -> impl Iterator<Item = &Package> {
    graph.members().filter(|package| !OUTSIDE.contains(&package.name.as_str()))
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
