//! The policy for what others wrote: its licence, where it comes from, what is banned, how often it is built twice.
//!
//! A test of our own over `cargo metadata` instead of cargo-deny, which takes minutes to compile and would be a second
//! place for the same policy. It sees what is built on this platform; advisories are not part of it.

use std::collections::{BTreeMap, BTreeSet};

use tests::{Graph, Kinds};

/// Licences that allow what we do without more than a notice. SPDX names.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates under another licence, each with the licence and why it is acceptable.
const LICENCE_EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "webpki-roots",
    "CDLA-Permissive-2.0",
    "the public certification authorities, as data: asks for its text alone when it is passed on",
)];

/// Crates that must not be built, and what to use instead.
const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "TLS is rustls with ring: no system library"),
    ("native-tls", "TLS is rustls with ring: no system library"),
    ("aws-lc-sys", "rustls uses ring, which needs a C compiler only"),
    ("aws-lc-rs", "rustls uses ring, which needs a C compiler only"),
    ("chrono", "time is `units::Timestamp`, civil time is jiff"),
    ("time", "time is `units::Timestamp`, civil time is jiff"),
    ("rust_decimal", "money is integers; decimals would be a second truth"),
    ("ocpp_rs", "OCPP types are our own"),
    ("rust-ocpp", "OCPP types are our own"),
];

/// Ways to banned crates that tests alone go, each with the reason.
const TESTS_ONLY: &[(&str, &str)] =
    &[("server -> rcgen -> time", "makes X.509 Certificates for tests of TLS; nothing of it is shipped")];

/// How many crates may be present in more than one version. Raise it only with the reason in the commit; lower it
/// when the test says so. Two are of rcgen, which makes X.509 Certificates for tests; four come with clarabel, the linear
/// programs' back end, which takes itertools 0.11, strsim 0.10 and thiserror 1; one is of rumqttc, which takes flume 0.11;
/// two are of lettre, which sends e-mail and takes base64 0.23 and nom 8; one is glam, which nalgebra names in several versions and does not build.
const DUPLICATES: usize = 18;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn every_licence_is_allowed() {
    let graph = Graph::read();
    let mut findings = Vec::new();
    for package in graph.foreign() {
        let licence = package.licence.as_deref().unwrap_or("none stated");
        let excepted = LICENCE_EXCEPTIONS
            .iter()
            .any(|(name, excepted, _)| *name == package.name && *excepted == licence);
        if !excepted && !allows(licence) {
            findings.push(format!(
                "{} {}: licence `{licence}` is not allowed: replace the crate, or except it with a reason",
                package.name, package.version
            ));
        }
    }
    assert!(graph.foreign().count() > 50, "the graph holds almost nothing: was it read?");
    assert_none(&findings);
}

#[test]
fn every_dependency_comes_from_the_registry_or_from_this_repository() {
    let graph = Graph::read();
    let stray = graph.foreign().filter(|package| package.source.as_deref() != Some(REGISTRY));
    let findings: Vec<_> = stray
        .map(|package| format!("{} comes from {:?}: publish or drop it", package.name, package.source))
        .collect();
    assert_none(&findings);
}

#[test]
fn no_banned_crate_is_built() {
    let graph = Graph::read();
    let mut findings = Vec::new();
    for package in graph.members() {
        for (banned, instead) in BANNED {
            let shipped = graph.way(package, banned, Kinds::Shipped);
            let tested = graph.way(package, banned, Kinds::ShippedAndDev);
            let tested = tested.filter(|way| TESTS_ONLY.iter().all(|(tolerated, _)| tolerated != way));
            if let Some(way) = shipped.or(tested) {
                findings.push(format!("{way}: {instead}"));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn duplicates_stay_within_their_budget() {
    let graph = Graph::read();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in graph.foreign() {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        println!("built more than once: {name} {versions:?}");
    }
    let count = versions.len();
    assert!(
        count <= DUPLICATES,
        "{count} crates are built in several versions, {DUPLICATES} are allowed: {versions:?}"
    );
}

#[test]
fn a_licence_expression_is_read_as_spdx_means_it() {
    let cases = [
        ("MIT", true),
        ("GPL-3.0", false),
        ("none stated", false),
        ("", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-2.0/GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("MIT AND BSD-3-Clause", true),
        // AND binds tighter than OR.
        ("MIT OR Apache-2.0 AND GPL-3.0", true),
        ("GPL-3.0 AND MIT OR GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0 WITH LLVM-exception", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("(MIT", false),
        ("MIT MIT", false),
    ];
    for (expression, expected) in cases {
        assert_eq!(allows(expression), expected, "{expression}");
    }
}

/// Whether an SPDX expression can be satisfied with allowed licences alone. What cannot be read is not allowed.
fn allows(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    any_of(&mut rest) == Some(true) && rest.is_empty()
}

fn any_of(tokens: &mut &[&str]) -> Option<bool> {
    let mut allowed = all_of(tokens)?;
    while take(tokens, "OR") {
        allowed |= all_of(tokens)?;
    }
    Some(allowed)
}

fn all_of(tokens: &mut &[&str]) -> Option<bool> {
    let mut allowed = one(tokens)?;
    while take(tokens, "AND") {
        allowed &= one(tokens)?;
    }
    Some(allowed)
}

fn one(tokens: &mut &[&str]) -> Option<bool> {
    if take(tokens, "(") {
        let allowed = any_of(tokens)?;
        return take(tokens, ")").then_some(allowed);
    }
    let (licence, rest) = tokens.split_first()?;
    *tokens = rest;
    if !take(tokens, "WITH") {
        return Some(LICENCES.contains(licence));
    }
    let (exception, rest) = tokens.split_first()?;
    *tokens = rest;
    Some(LICENCES.contains(&format!("{licence} WITH {exception}").as_str()))
}

fn take(tokens: &mut &[&str], wanted: &str) -> bool {
    let found = tokens.first() == Some(&wanted);
    if found {
        *tokens = &tokens[1..];
    }
    found
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
