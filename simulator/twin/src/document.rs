//! Reading TOML by hand, so that *all* mistakes of a file are told at once, each with field, value and way out.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use units::{Amperes, PerPhase, TimeSpan};

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the reader was told.
    pub file: String,
    /// Where in it: `circuits[2].rating_a`. Empty for the file as a whole.
    pub field: String,
    /// What stands there, where anything does.
    pub value: Option<String>,
    /// What is wrong and what would be right, with the unit.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if !self.field.is_empty() {
            write!(f, "{}", self.field)?;
            if let Some(value) = &self.value {
                write!(f, " = {value}")?;
            }
            write!(f, ": ")?;
        }
        write!(f, "{}", self.remedy)
    }
}

/// Problems one a line, for people.
#[must_use]
pub fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A file being read, with what was found wrong so far.
#[derive(Debug)]
pub struct Document {
    file: String,
    table: toml::Table,
    problems: RefCell<Vec<Problem>>,
    mistakes: Cell<usize>,
}

impl Document {
    /// Reads TOML text. Text that is not TOML becomes an empty document with one problem, which names the line.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> Self {
        let (table, problems) = match text.parse::<toml::Table>() {
            Ok(table) => (table, Vec::new()),
            Err(error) => {
                let words = error.to_string();
                let remedy = format!("not TOML: {}", words.trim_end().replace('\n', " "));
                let problem = Problem { file: file.to_owned(), field: String::new(), value: None, remedy };
                (toml::Table::new(), vec![problem])
            }
        };
        Self::new(file, table, problems)
    }

    /// Reads JSON text, whose outermost value is an object; `null` is a field that is not there.
    #[must_use]
    pub fn parse_json(file: &str, text: &str) -> Self {
        let refused = |words: String| {
            let remedy = format!("not JSON: {words}");
            vec![Problem { file: file.to_owned(), field: String::new(), value: None, remedy }]
        };
        let (table, problems) = match serde_json::from_str::<serde_json::Value>(text).map(of_json) {
            Ok(Some(toml::Value::Table(table))) => (table, Vec::new()),
            Ok(_) => (toml::Table::new(), refused("needs an object".to_owned())),
            Err(error) => (toml::Table::new(), refused(error.to_string())),
        };
        Self::new(file, table, problems)
    }

    fn new(file: &str, table: toml::Table, problems: Vec<Problem>) -> Self {
        Self { file: file.to_owned(), table, problems: RefCell::new(problems), mistakes: Cell::default() }
    }

    /// The whole file as a section. `None` where it is not TOML at all: nothing more can be said of it.
    pub fn root(&self) -> Option<Section<'_>> {
        self.problems.borrow().is_empty().then(|| Section::new(self, String::new(), &self.table))
    }

    /// Notes a mistake that no single read can see.
    pub fn report(&self, field: impl Into<String>, value: Option<String>, remedy: impl Into<String>) {
        let problem = Problem { file: self.file.clone(), field: field.into(), value, remedy: remedy.into() };
        self.mistakes.set(self.mistakes.get() + 1);
        let mut problems = self.problems.borrow_mut();
        // A mistake in a table of defaults is met again at everything that uses it.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// True while nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// All that was found, in the order of reading.
    #[must_use]
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// A table of a document. Dropping it reports the keys that nobody asked for: a misspelt field is never passed over.
#[derive(Debug)]
pub struct Section<'a> {
    document: &'a Document,
    path: String,
    table: &'a toml::Table,
    fallback: Option<(&'a str, &'a toml::Table)>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Section<'a> {
    fn new(document: &'a Document, path: String, table: &'a toml::Table) -> Self {
        Self { document, path, table, fallback: None, used: RefCell::default() }
    }

    /// The same section, with fields that it lacks taken from `defaults`: a table of the same document, with its path.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Option<(&'a str, &'a toml::Table)>) -> Self {
        self.fallback = defaults;
        self
    }

    /// Where a field stands: `circuits[2].rating_a`; for one that comes from the defaults, there.
    #[must_use]
    pub fn path_of(&self, key: &str) -> String {
        match self.fallback {
            Some((path, defaults)) if !self.table.contains_key(key) && defaults.contains_key(key) => {
                format!("{path}.{key}")
            }
            Some(_) | None if self.path.is_empty() => key.to_owned(),
            Some(_) | None => format!("{}.{key}", self.path),
        }
    }

    /// Notes a mistake in a field, with its value.
    pub fn report(&self, key: &str, remedy: impl Into<String>) {
        let value = self.look(key).map(|value| self.print(value));
        self.document.report(self.path_of(key), value, remedy);
    }

    /// Whether the field is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.look(key).is_some()
    }

    /// How often a mistake was met in the document so far; one in a table of defaults counts at everything that uses it.
    #[must_use]
    pub fn mistakes(&self) -> usize {
        self.document.mistakes.get()
    }

    /// A field that is read by `read`; absent or wrong is a problem that says what is `wanted`.
    pub fn required<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&toml::Value) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.document.report(self.path_of(key), None, format!("missing; {wanted}"));
            return None;
        }
        self.optional(key, wanted, read)
    }

    /// A field that may be absent; wrong is a problem that says what is `wanted`.
    pub fn optional<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&toml::Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.look(key)?;
        let found = read(value);
        if found.is_none() {
            self.document.report(self.path_of(key), Some(self.print(value)), format!("needs {wanted}"));
        }
        found
    }

    /// Text that parses as `T`; what `T` says of a mistake is passed on.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&self, key: &str, wanted: &str) -> Option<T> {
        let text = self.required(key, wanted, |value| value.as_str().map(str::to_owned))?;
        self.parse_text(key, &text)
    }

    /// As [`Section::parsed`], but the field may be absent.
    pub fn parsed_optional<T: FromStr<Err: fmt::Display>>(&self, key: &str, wanted: &str) -> Option<T> {
        let text = self.optional(key, wanted, |value| value.as_str().map(str::to_owned))?;
        self.parse_text(key, &text)
    }

    /// Plain text, not empty.
    pub fn text(&self, key: &str, wanted: &str) -> Option<String> {
        self.required(key, wanted, |value| {
            value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
        })
    }

    /// One of several words.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let wanted = format!("one of {}", names(words));
        self.required(key, &wanted, |value| choose(value, words))
    }

    /// One of several words, or absent.
    pub fn word_optional<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let wanted = format!("one of {}", names(words));
        self.optional(key, &wanted, |value| choose(value, words))
    }

    /// A whole number within `range`.
    pub fn whole(&self, key: &str, range: std::ops::RangeInclusive<i64>, default: i64) -> i64 {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        self.optional(key, &wanted, |value| value.as_integer().filter(|count| range.contains(count)))
            .unwrap_or(default)
    }

    /// A whole number within `range` that must be there.
    pub fn whole_required(&self, key: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        self.required(key, &wanted, |value| value.as_integer().filter(|count| range.contains(count)))
    }

    /// Thousandths of the field's unit (`rating_a`: mA), within `range`, or absent.
    pub fn thousandths(&self, key: &str, unit: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.optional(key, &number_wanted(unit, &range), |value| {
            thousandths_of(value).filter(|count| range.contains(count))
        })
    }

    /// As [`Section::thousandths`], but the field must be there.
    pub fn thousandths_required(
        &self,
        key: &str,
        unit: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        self.required(key, &number_wanted(unit, &range), |value| {
            thousandths_of(value).filter(|count| range.contains(count))
        })
    }

    /// Amperes, or absent.
    pub fn amperes(&self, key: &str, range: std::ops::RangeInclusive<i64>) -> Option<Amperes> {
        self.thousandths(key, "A", range).map(Amperes::from_milliamperes)
    }

    /// Amperes per phase: one number for all three, or `[L1, L2, L3]`; or absent.
    pub fn amperes_per_phase(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<PerPhase<Amperes>> {
        let wanted = format!("{}, or three of them for L1, L2, L3", number_wanted("A", &range));
        self.optional(key, &wanted, |value| {
            let read = |value: &toml::Value| {
                thousandths_of(value).filter(|count| range.contains(count)).map(Amperes::from_milliamperes)
            };
            match value.as_array() {
                None => read(value).map(PerPhase::splat),
                Some(items) => match items.as_slice() {
                    [l1, l2, l3] => Some(PerPhase::new(read(l1)?, read(l2)?, read(l3)?)),
                    _ => None,
                },
            }
        })
    }

    /// A span in seconds, not negative, or absent.
    pub fn seconds(&self, key: &str) -> Option<TimeSpan> {
        self.thousandths(key, "s", 0..=DAYS_400_MS).map(TimeSpan::from_milliseconds)
    }

    /// A truth value.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.optional(key, "true or false", toml::Value::as_bool).unwrap_or(default)
    }

    /// A table within, or absent.
    pub fn section(&self, key: &str) -> Option<Self> {
        let value = self.look_own(key)?;
        match value.as_table() {
            Some(table) => Some(Self::new(self.document, self.path_of(key), table)),
            None => {
                self.document.report(self.path_of(key), Some(self.print(value)), "needs a table");
                None
            }
        }
    }

    /// A table within that must be there.
    pub fn section_required(&self, key: &str, wanted: &str) -> Option<Self> {
        if self.look_own(key).is_none() {
            self.document.report(self.path_of(key), None, format!("missing; {wanted}"));
            return None;
        }
        self.section(key)
    }

    /// An array of tables; absent is empty.
    pub fn sections(&self, key: &str) -> Vec<Self> {
        let Some(value) = self.look_own(key) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.document.report(self.path_of(key), Some(self.print(value)), "needs an array of tables");
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.path_of(key));
            match item.as_table() {
                Some(table) => sections.push(Self::new(self.document, path, table)),
                None => self.document.report(path, Some(self.print(item)), "needs a table"),
            }
        }
        sections
    }

    /// Passes over the fields that were not asked for: another reader judges them.
    pub fn skip_rest(&self) {
        self.used.borrow_mut().extend(self.table.keys().cloned());
    }

    /// The raw table of a field, for [`Section::with_defaults`].
    #[must_use]
    pub fn table(&self, key: &str) -> Option<&'a toml::Table> {
        self.look_own(key)?.as_table()
    }

    fn parse_text<T: FromStr<Err: fmt::Display>>(&self, key: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(found) => Some(found),
            Err(error) => {
                self.report(key, error.to_string());
                None
            }
        }
    }

    fn look(&self, key: &str) -> Option<&'a toml::Value> {
        self.look_own(key).or_else(|| self.fallback?.1.get(key))
    }

    fn look_own(&self, key: &str) -> Option<&'a toml::Value> {
        if !self.used.borrow().contains(key) {
            self.used.borrow_mut().insert(key.to_owned());
        }
        self.table.get(key)
    }

    fn print(&self, value: &toml::Value) -> String {
        let text = value.to_string();
        if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let used = self.used.borrow();
        for (key, value) in self.table.iter().filter(|(key, _)| !used.contains(*key)) {
            let known: Vec<&str> = used.iter().map(String::as_str).collect();
            let remedy = format!("unknown field; known here: {}", known.join(", "));
            self.document.report(self.path_of(key), Some(self.print(value)), remedy);
        }
    }
}

/// A JSON value as TOML has it. A whole number beyond 64 bits becomes a float, which no field takes.
fn of_json(value: serde_json::Value) -> Option<toml::Value> {
    Some(match value {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(is_so) => toml::Value::Boolean(is_so),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None => toml::Value::Float(number.as_f64()?),
        },
        serde_json::Value::String(text) => toml::Value::String(text),
        serde_json::Value::Array(items) => {
            toml::Value::Array(items.into_iter().filter_map(of_json).collect())
        }
        serde_json::Value::Object(fields) => {
            let fields = fields.into_iter().filter_map(|(key, value)| Some((key, of_json(value)?)));
            toml::Value::Table(fields.collect())
        }
    })
}

const DAYS_400_MS: i64 = 400 * 86_400_000;

/// The number as thousandths, exactly as written: a float's shortest decimal form is what the file says.
fn thousandths_of(value: &toml::Value) -> Option<i64> {
    let text = match value {
        toml::Value::Integer(whole) => whole.to_string(),
        toml::Value::Float(float) => float.to_string(),
        toml::Value::String(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => return None,
    };
    let has_few_decimals = text.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 3);
    let amperes: Amperes = text.parse().ok()?;
    has_few_decimals.then(|| amperes.milliamperes())
}

fn number_wanted(unit: &str, range: &std::ops::RangeInclusive<i64>) -> String {
    let print = |count: i64| Amperes::from_milliamperes(count).to_string().replace(" A", "");
    format!("{} to {} {unit}, at most three decimals", print(*range.start()), print(*range.end()))
}

fn names<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn choose<T: Copy>(value: &toml::Value, words: &[(&str, T)]) -> Option<T> {
    let text = value.as_str()?;
    words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_with_field_value_unit_and_way_out() {
        let text = "rating_a = -5\nword = 'c'\nsteps = 3.5\nmystery = 1\n[inner]\nid = 'a b'\n";
        let document = Document::parse("site.toml", text);
        {
            let root = document.root().unwrap();
            assert_eq!(root.amperes("rating_a", 0..=100_000), None);
            assert_eq!(root.word("word", &[("a", 1), ("b", 2)]), None);
            assert_eq!(root.whole("steps", 0..=9, 7), 7);
            let inner = root.section("inner").unwrap();
            assert_eq!(inner.parsed::<units::SiteId>("id", "a site id"), None);
            assert_eq!(inner.text("name", "a name"), None);
        }
        let told: Vec<String> = document.into_problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "site.toml: rating_a = -5: needs 0 to 100 A, at most three decimals",
                "site.toml: word = \"c\": needs one of `a`, `b`",
                "site.toml: steps = 3.5: needs a whole number from 0 to 9",
                "site.toml: inner.id = \"a b\": site id `a b` holds ` `, which is not allowed",
                "site.toml: inner.name: missing; a name",
                "site.toml: mystery = 1: unknown field; known here: inner, rating_a, steps, word",
            ]
        );
    }

    #[test]
    fn text_that_is_not_toml_names_the_line() {
        let document = Document::parse("site.toml", "id = \n");
        assert!(document.root().is_none());
        let told = document.into_problems()[0].to_string();
        assert!(told.starts_with("site.toml: not TOML: TOML parse error at line 1"), "{told}");
    }

    #[test]
    fn decimals_are_taken_as_written() {
        let document = Document::parse("x", "a = 0.1\nb = [16, 10.25, 6]\nc = 0.0001\n");
        {
            let root = document.root().unwrap();
            assert_eq!(root.amperes("a", 0..=1_000), Some(Amperes::from_milliamperes(100)));
            let three = root.amperes_per_phase("b", 0..=32_000).unwrap();
            assert_eq!(three.l2, Amperes::from_milliamperes(10_250));
            assert_eq!(root.amperes("c", 0..=1_000), None);
        }
        assert_eq!(document.into_problems().len(), 1);
    }
}
