//! What models of stations are known to do: a table in data, matched by what a station says of itself when it boots.
//!
//! Start with [`Table`]. The table that is shipped stands in `quirks.toml`; an operator adds to it, or replaces entries of
//! it by their name, without a release. An entry says of whom it speaks (vendor, model, firmware), what is known
//! ([`Quirks`]), and where that is written. Of several entries for a station the later ones win, key by key.
//!
//! What is not here is met without a table: tolerances of reading (`ocpp::Quirk`), and what a station shows by itself
//! (`facts`).

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use charging::site::Habits;
use serde::{Deserialize, Serialize};
use units::TimeSpan;

use crate::contract::Version;

/// The table that is shipped.
const SHIPPED: &str = include_str!("quirks.toml");
/// A name or pattern is not longer.
const TEXT_MAX: usize = 200;
/// A table does not have more entries.
const ENTRIES_MAX: usize = 10_000;

/// Entries in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    entries: Vec<Entry>,
}

/// What is known of some stations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Unique in the table.
    pub name: String,
    /// Patterns of the vendor, of which one must match; `*` stands for anything, letters' case does not count.
    #[serde(default = "anything")]
    pub vendor: Vec<String>,
    /// Patterns of the model.
    #[serde(default = "anything")]
    pub model: Vec<String>,
    /// Patterns of the firmware, or a comparison such as `<= 1.8.21` with the version that it names.
    #[serde(default = "anything")]
    pub firmware: Vec<String>,
    /// Where it is written: threads, manuals, tickets. At least one.
    pub sources: Vec<String>,
    /// For people.
    #[serde(default)]
    pub note: String,
    /// Which quirks of FIELD section 4 it covers; none in an operator's table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<u16>,
    /// What is known.
    pub quirks: Quirks,
}

/// Named tolerances and limits. Each key that is left out is as the standard has it, or as an earlier entry says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirks {
    /// The only unit of limits that it understands, whatever it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_unit: Option<LimitUnit>,
    /// The only kind of live schedule that it takes. A relative one begins with its transaction, and cannot end by itself:
    /// the station counts at its hardware maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_kind: Option<ScheduleKind>,
    /// The purpose that its live limits bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_purpose: Option<LimitPurpose>,
    /// The stack level of our profiles; otherwise 0, which all take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_level: Option<u32>,
    /// It takes no profile outside of a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuses_standing_fallback: Option<bool>,
    /// Once it was held at 0 A it hangs, never begins again, or begins at a limit of its own: it is told, and counts, its
    /// minimum instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misbehaves_after_zero: Option<bool>,
    /// It accepts limits and goes its own way: it counts at its hardware maximum (CONTROL section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignores_limits: Option<bool>,
    /// It forgets its limits when its link comes back: it counts at its hardware maximum (CONTROL section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgets_on_reconnect: Option<bool>,
    /// It holds its last limit when we are silent, whatever its schedule says: it counts at its hardware maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlives_silence: Option<bool>,
    /// It starts transactions without asking us: it counts as able to at any time (S1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_alone: Option<bool>,
    /// OCPP actions that harm it, and are never called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_call: Option<BTreeSet<String>>,
    /// Settings that harm it, and are never changed: keys of OCPP 1.6, or `Component.Variable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_set: Option<BTreeSet<String>>,
    /// Messages that it is never asked for by TriggerMessage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_trigger: Option<BTreeSet<String>>,
    /// How many settings it tells in one answer; 1 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_at_once: Option<u16>,
    /// How long it is waited for its boot on a new link before it is called; otherwise 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_awaited_s: Option<u16>,
    /// The shortest interval of meter values that it keeps to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure_interval_s: Option<u16>,
    /// What it can be told to measure, where our list is more than it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurands: Option<String>,
    /// How often its link is pinged, 0 for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_every_s: Option<u16>,
    /// Versions of OCPP that it offers and does not speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_versions: Option<Vec<Version>>,
    /// What tokens it takes in starts from afar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_tokens: Option<RemoteTokens>,
}

/// A unit of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitUnit {
    /// Amperes per phase.
    A,
    /// Watts over all phases.
    W,
}

/// A kind of schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// From an instant.
    Absolute,
    /// From the start of the transaction.
    Relative,
}

/// A purpose of profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitPurpose {
    /// TxProfile, as the standard wants it.
    TxProfile,
    /// TxDefaultProfile: the next rung of CONTROL section 3.
    TxDefaultProfile,
}

/// Which tokens a station takes in a start from afar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteTokens {
    /// Those of hexadecimal digits.
    Hexadecimal,
}

/// What a table is known to say of one station.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// All that is known, put together.
    pub quirks: Quirks,
    /// The names of the entries that say so, in order.
    pub entries: Vec<String>,
}

/// Why a table cannot be taken; all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct TableError(pub Vec<String>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    entry: Vec<Entry>,
}

fn anything() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Default for Table {
    /// As shipped.
    fn default() -> Self {
        Self::shipped().as_ref().clone()
    }
}

impl Table {
    /// The table that is shipped.
    ///
    /// # Panics
    ///
    /// Never: a test reads it.
    #[must_use]
    pub fn shipped() -> Arc<Self> {
        static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| {
            let table = Table::read(SHIPPED);
            assert!(table.is_ok(), "the shipped quirks cannot be read: {:?}", table.as_ref().err());
            Arc::new(table.unwrap_or(Table { entries: Vec::new() }))
        });
        Arc::clone(&TABLE)
    }

    /// The shipped table with an operator's entries after it; one of the same name takes the shipped one's place.
    ///
    /// # Errors
    ///
    /// All that is wrong with the operator's.
    pub fn extended_by(text: &str) -> Result<Self, TableError> {
        let own = Self::read(text)?;
        let mut entries = Self::shipped().entries.clone();
        entries.retain(|entry| own.entries.iter().all(|other| other.name != entry.name));
        entries.extend(own.entries);
        Ok(Self { entries })
    }

    /// A table of its own: TOML, as `quirks.toml` shows it.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn read(text: &str) -> Result<Self, TableError> {
        let File { entry: entries } =
            toml::from_str(text).map_err(|error| TableError(vec![error.to_string().trim().to_owned()]))?;
        let mut problems = Vec::new();
        if entries.len() > ENTRIES_MAX {
            problems.push(format!("{} entries are more than {ENTRIES_MAX}", entries.len()));
        }
        let mut names = BTreeSet::new();
        for entry in &entries {
            if !names.insert(&entry.name) {
                problems.push(format!("entry `{}` is there twice: give it another name", entry.name));
            }
            problems.extend(entry.problems());
        }
        if problems.is_empty() { Ok(Self { entries }) } else { Err(TableError(problems)) }
    }

    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is known of a station that says this of itself.
    #[must_use]
    pub fn of(&self, vendor: &str, model: &str, firmware: &str) -> Known {
        let mut known = Known::default();
        for entry in self.entries.iter().filter(|entry| entry.matches(vendor, model, firmware)) {
            known.quirks.take(&entry.quirks);
            known.entries.push(entry.name.clone());
        }
        known
    }
}

impl Entry {
    fn matches(&self, vendor: &str, model: &str, firmware: &str) -> bool {
        let any = |patterns: &[String], text| patterns.iter().any(|pattern| is_like(pattern, text));
        any(&self.vendor, vendor)
            && any(&self.model, model)
            && self.firmware.iter().any(|pattern| match Comparison::read(pattern) {
                Some(Ok(comparison)) => comparison.holds(firmware),
                Some(Err(_)) => false,
                None => is_like(pattern, firmware),
            })
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let name = &self.name;
        if name.is_empty() || name.len() > TEXT_MAX {
            problems.push(format!("entry `{name}`: a name has 1 to {TEXT_MAX} characters"));
        }
        if self.sources.iter().all(|source| source.trim().is_empty()) {
            problems.push(format!("entry `{name}`: `sources` names no place where this is written"));
        }
        for (field, patterns) in
            [("vendor", &self.vendor), ("model", &self.model), ("firmware", &self.firmware)]
        {
            if patterns.is_empty() {
                problems
                    .push(format!("entry `{name}`: `{field}` is empty and matches nothing; leave it out"));
            }
            for pattern in patterns.iter().filter(|pattern| pattern.len() > TEXT_MAX) {
                problems
                    .push(format!("entry `{name}`: a pattern of {} characters is too long", pattern.len()));
            }
        }
        for pattern in &self.firmware {
            if let Some(Err(reason)) = Comparison::read(pattern) {
                problems.push(format!("entry `{name}`: firmware `{pattern}`: {reason}"));
            }
        }
        let quirks = &self.quirks;
        if *quirks == Quirks::default() {
            problems.push(format!("entry `{name}` says nothing: give it a key under `quirks`"));
        }
        for (key, value) in
            [("settings_at_once", quirks.settings_at_once), ("measure_interval_s", quirks.measure_interval_s)]
        {
            if value == Some(0) {
                problems.push(format!("entry `{name}`: `{key}` is 0; give 1 or more"));
            }
        }
        problems
    }
}

impl Quirks {
    /// What another entry says wins.
    fn take(&mut self, other: &Self) {
        fn put<T: Clone>(into: &mut Option<T>, from: &Option<T>) {
            if from.is_some() {
                into.clone_from(from);
            }
        }
        fn add(into: &mut Option<BTreeSet<String>>, from: &Option<BTreeSet<String>>) {
            match (into.as_mut(), from) {
                (Some(into), Some(from)) => into.extend(from.iter().cloned()),
                (None, Some(from)) => *into = Some(from.clone()),
                (_, None) => {}
            }
        }
        put(&mut self.limit_unit, &other.limit_unit);
        put(&mut self.schedule_kind, &other.schedule_kind);
        put(&mut self.limit_purpose, &other.limit_purpose);
        put(&mut self.stack_level, &other.stack_level);
        put(&mut self.refuses_standing_fallback, &other.refuses_standing_fallback);
        put(&mut self.misbehaves_after_zero, &other.misbehaves_after_zero);
        put(&mut self.ignores_limits, &other.ignores_limits);
        put(&mut self.forgets_on_reconnect, &other.forgets_on_reconnect);
        put(&mut self.outlives_silence, &other.outlives_silence);
        put(&mut self.starts_alone, &other.starts_alone);
        add(&mut self.never_call, &other.never_call);
        add(&mut self.never_set, &other.never_set);
        add(&mut self.never_trigger, &other.never_trigger);
        put(&mut self.settings_at_once, &other.settings_at_once);
        put(&mut self.boot_awaited_s, &other.boot_awaited_s);
        put(&mut self.measure_interval_s, &other.measure_interval_s);
        put(&mut self.measurands, &other.measurands);
        put(&mut self.ping_every_s, &other.ping_every_s);
        put(&mut self.broken_versions, &other.broken_versions);
        put(&mut self.remote_tokens, &other.remote_tokens);
    }

    /// Whether there is anything that it must not be sent.
    pub(crate) const fn is_harmed_by_anything(&self) -> bool {
        self.never_call.is_some() || self.never_set.is_some() || self.never_trigger.is_some()
    }

    /// Whether an OCPP action may be called.
    #[must_use]
    pub fn may_call(&self, action: &str) -> bool {
        !has(&self.never_call, action)
    }

    /// Whether a setting may be changed.
    #[must_use]
    pub fn may_set(&self, setting: &str) -> bool {
        !has(&self.never_set, setting)
    }

    /// Whether a message may be asked for.
    #[must_use]
    pub fn may_trigger(&self, message: &str) -> bool {
        self.may_call("TriggerMessage") && !has(&self.never_trigger, message)
    }

    /// Whether a version may be spoken.
    #[must_use]
    pub fn speaks(&self, version: Version) -> bool {
        !self.broken_versions.as_ref().is_some_and(|broken| broken.contains(&version))
    }

    /// How often a link is pinged where `usually` is usual; none for never.
    #[must_use]
    pub fn ping_every(&self, usually: Option<TimeSpan>) -> Option<TimeSpan> {
        match self.ping_every_s {
            None => usually,
            Some(0) => None,
            Some(seconds) => Some(TimeSpan::from_seconds(i64::from(seconds))),
        }
    }

    /// Its live schedules hold until they are replaced: nothing lowers them when we are silent.
    pub(crate) fn is_one_period(&self) -> bool {
        self.schedule_kind == Some(ScheduleKind::Relative)
    }

    /// What control must know; `bears_zero` where the site cannot have it otherwise (S4).
    pub(crate) fn habits(&self, must_bear_zero: MustBearZero) -> Habits {
        let is = |quirk: Option<bool>| quirk.unwrap_or(false);
        let ignores = is(self.ignores_limits) || is(self.forgets_on_reconnect) || is(self.outlives_silence);
        Habits {
            limits_bind: !ignores && !self.is_one_period(),
            takes_fallback: !is(self.refuses_standing_fallback),
            bears_zero: !is(self.misbehaves_after_zero) || must_bear_zero == MustBearZero::Yes,
            starts_only_with_us: !is(self.starts_alone),
            keeps_fallback: self.limit_purpose != Some(LimitPurpose::TxDefaultProfile),
        }
    }
}

/// Whether a site meets S4 only where its stations are held at 0 A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MustBearZero {
    Yes,
    No,
}

fn has(words: &Option<BTreeSet<String>>, word: &str) -> bool {
    words.as_ref().is_some_and(|words| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

/// Whether a text is like a pattern, in which `*` stands for anything; blanks around it and letters' case do not count.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.trim().to_lowercase(), text.trim().to_lowercase());
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == text };
    let Some(rest) = text.strip_prefix(first) else { return false };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

/// How two versions stand to each other.
type Holds = fn(&[u64], &[u64]) -> bool;

/// A comparison of versions, such as `<= 1.8.21`.
#[derive(Debug)]
struct Comparison {
    holds: Holds,
    with: Vec<u64>,
}

impl Comparison {
    /// None where the pattern is none.
    fn read(pattern: &str) -> Option<Result<Self, String>> {
        let pattern = pattern.trim();
        let signs: [(&str, Holds); 5] = [
            ("<=", |a, b| a <= b),
            (">=", |a, b| a >= b),
            ("<", |a, b| a < b),
            (">", |a, b| a > b),
            ("=", |a, b| a == b),
        ];
        let (holds, version) =
            signs.into_iter().find_map(|(sign, holds)| Some((holds, pattern.strip_prefix(sign)?)))?;
        Some(match version_in(version) {
            Some(with) => Ok(Self { holds, with }),
            None => Err("no version stands after the sign, such as 1.8.21".to_owned()),
        })
    }

    fn holds(&self, firmware: &str) -> bool {
        // Zeros at the end say nothing: 6.4 is 6.4.0.
        let trimmed = |version: &[u64]| {
            let end = version.iter().rposition(|&part| part > 0).map_or(0, |last| last + 1);
            version[..end].to_vec()
        };
        version_in(firmware).is_some_and(|version| (self.holds)(&trimmed(&version), &trimmed(&self.with)))
    }
}

/// The version that a text names: the last of its numbers with points, or else its only number. `TAC3Z9119::V1.8.21`
/// names 1.8.21.
fn version_in(text: &str) -> Option<Vec<u64>> {
    let numbers: Vec<&str> = text
        .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .map(|run| run.trim_matches('.'))
        .filter(|run| !run.is_empty())
        .collect();
    let dotted = numbers.iter().rev().find(|run| run.contains('.'));
    let only = numbers.first().filter(|_| numbers.len() == 1);
    let parts = dotted.or(only)?.split('.');
    parts.map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts_without_case() {
        for (pattern, text, is_match) in [
            ("*", "", true),
            ("abb", "ABB", true),
            ("abb", "ABB Ltd", false),
            ("ABB*", "abb ltd", true),
            ("*tac*", "CDT_TACW22::NET_WIFI", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("6.4.*", "6.4.12", true),
            ("6.4.*", "6.40.1", false),
        ] {
            assert_eq!(is_like(pattern, text), is_match, "{pattern} {text}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (comparison, firmware, holds) in [
            ("<= 1.8.21", "TAC3Z9119006710273::V1.8.21", true),
            ("<= 1.8.21", "TAC3Z9119006710273::V1.8.32", false),
            ("<= 1.8.21", "V1.6.9", true),
            ("<= 1.8.21", "", false),
            ("= 56.2", "056.2", true),
            ("< 6.4", "6.4.0", false),
            (">= 6", "6.11.16", true),
            ("> 6", "5.17.99", false),
        ] {
            let read = Comparison::read(comparison).unwrap().unwrap();
            assert_eq!(read.holds(firmware), holds, "{firmware} {comparison}");
        }
        assert!(Comparison::read("6.4.*").is_none());
        assert!(Comparison::read("<= new").unwrap().is_err());
    }

    #[test]
    fn the_shipped_table_is_read_and_names_its_sources() {
        let table = Table::shipped();
        assert!(table.entries().len() > 20);
        for entry in table.entries() {
            assert!(!entry.field.is_empty(), "{} names no quirk of FIELD section 4", entry.name);
            let is_thread = |source: &String| source.starts_with("https://github.com/");
            assert!(entry.sources.iter().all(is_thread), "{}: {:?}", entry.name, entry.sources);
        }
    }

    #[test]
    fn an_operators_entries_come_last_and_replace_those_of_their_name() {
        let table = Table::extended_by(
            r#"
            [[entry]]
            name = "abb-terra-ac-reboots"
            vendor = ["ABB"]
            sources = ["ticket 17: solved"]
            quirks = { settings_at_once = 5 }

            [[entry]]
            name = "ours"
            vendor = ["ABB"]
            sources = ["measured in the yard"]
            quirks = { limit_unit = "W", never_call = ["Reset"] }
            "#,
        )
        .unwrap();
        let known = table.of("ABB", "CDT_TACW22::NET_WIFI", "TAC3Z9119006710273::V1.8.21");
        assert!(known.quirks.may_call("GetConfiguration"), "the shipped entry is replaced");
        assert!(!known.quirks.may_call("reset"));
        assert_eq!(known.quirks.limit_unit, Some(LimitUnit::W));
        assert_eq!(known.entries.last().map(String::as_str), Some("ours"));
    }

    #[test]
    fn a_table_with_several_mistakes_is_refused_with_all_of_them() {
        let error = Table::read(
            r#"
            [[entry]]
            name = "a"
            firmware = ["<= new"]
            sources = []
            quirks = {}

            [[entry]]
            name = "a"
            vendor = []
            sources = ["x"]
            quirks = { settings_at_once = 0 }
            "#,
        )
        .unwrap_err();
        let text = error.to_string();
        for part in [
            "`a` is there twice",
            "no version stands after the sign",
            "`sources` names no place",
            "says nothing",
            "`vendor` is empty",
            "`settings_at_once` is 0",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let unknown = Table::read("[[entry]]\nname = 'a'\nsources = ['x']\nquirks = { obeys = true }\n");
        assert!(unknown.unwrap_err().to_string().contains("unknown field `obeys`"));
    }
}
