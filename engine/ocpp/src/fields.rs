//! Reading the members of a payload: tolerant, and every tolerance noted.

use std::borrow::Cow;
use std::str::FromStr;

use units::{TimeSpan, WattHours};

use crate::figure::Figure;
use crate::json::Json;
use crate::quirk::Quirk;
use crate::time::StationTime;
use crate::version::Version;

/// Why a payload cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// No version of OCPP that is spoken here knows the action.
    #[error("unknown action `{action}`")]
    UnknownAction {
        /// The action, cut at 64 characters.
        action: String,
    },
    /// OCPP knows the action; it is not handled.
    #[error("action {action} is not supported")]
    UnsupportedAction {
        /// The action.
        action: &'static str,
    },
    /// The payload is not an object.
    #[error("payload is not an object")]
    NotAnObject,
    /// Something without which the message has no meaning is missing.
    #[error("{field} is missing")]
    Missing {
        /// The property.
        field: &'static str,
    },
    /// A property has a type from which its meaning cannot be read.
    #[error("{field} is not {expected}")]
    Type {
        /// The property.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A property has a value that has no meaning.
    #[error("{field} is {value}, which is not {expected}")]
    Value {
        /// The property.
        field: &'static str,
        /// What came, cut at 64 characters.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl PayloadError {
    /// The property at fault, where it is one.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Missing { field } | Self::Type { field, .. } | Self::Value { field, .. } => Some(field),
            Self::UnknownAction { .. } | Self::UnsupportedAction { .. } | Self::NotAnObject => None,
        }
    }
}

/// A word of the standard, or what came in its place.
pub(crate) trait Word: Sized {
    fn from_wire(text: &str) -> Self;
    fn as_wire(&self) -> &str;
    fn is_known_in(&self, version: Version) -> bool;
}

/// A whole number, or how far from one it is.
enum Whole {
    Number(i64),
    /// Rounded toward zero.
    Fraction(i64),
    No,
}

/// The members of one object.
pub(crate) struct Fields<'p> {
    members: &'p [(Cow<'p, str>, Json<'p>)],
    quirks: &'p mut Vec<Quirk>,
    version: Version,
}

impl<'p> Fields<'p> {
    pub(crate) fn of(
        version: Version,
        payload: &'p Json<'p>,
        quirks: &'p mut Vec<Quirk>,
    ) -> Result<Self, PayloadError> {
        match payload {
            Json::Object(members) => Ok(Self { members, quirks, version }),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
                Err(PayloadError::NotAnObject)
            }
        }
    }

    /// The version that the message is read in.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// The members of another object of the same message.
    pub(crate) fn within<'q>(&'q mut self, members: &'q [(Cow<'q, str>, Json<'q>)]) -> Fields<'q> {
        Fields { members, quirks: &mut *self.quirks, version: self.version }
    }

    pub(crate) fn note(&mut self, quirk: Quirk) {
        if !self.quirks.contains(&quirk) {
            self.quirks.push(quirk);
        }
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.members.iter().any(|(name, value)| name == field && *value != Json::Null)
    }

    pub(crate) fn get(&mut self, field: &'static str) -> Option<&'p Json<'p>> {
        let members = self.members;
        let (_, value) = members.iter().rev().find(|(name, _)| name == field)?;
        if *value == Json::Null {
            self.note(Quirk::NullAsAbsent { field });
            return None;
        }
        Some(value)
    }

    /// A text; an empty one counts as absent.
    pub(crate) fn text(&mut self, field: &'static str, limit: usize) -> Option<String> {
        let text = self.text_or_empty(field, limit)?;
        if text.is_empty() {
            self.note(Quirk::EmptyText { field });
            return None;
        }
        Some(text)
    }

    /// A text that may as well be empty.
    pub(crate) fn text_or_empty(&mut self, field: &'static str, limit: usize) -> Option<String> {
        let json = self.get(field)?;
        Some(self.text_from(field, json, limit))
    }

    /// A text that belongs there but can be done without: empty where it is missing.
    pub(crate) fn text_expected(&mut self, field: &'static str, limit: usize) -> String {
        if !self.has(field) {
            self.note(Quirk::MissingField { field });
            return String::new();
        }
        self.text(field, limit).unwrap_or_default()
    }

    /// A text that belongs there, may as well be empty, and can be done without.
    pub(crate) fn text_or_empty_expected(&mut self, field: &'static str, limit: usize) -> String {
        self.text_or_empty(field, limit).unwrap_or_else(|| {
            self.note(Quirk::MissingField { field });
            String::new()
        })
    }

    pub(crate) fn text_required(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<String, PayloadError> {
        self.text_or_empty(field, limit).ok_or(PayloadError::Missing { field })
    }

    pub(crate) fn texts(&mut self, field: &'static str, limit: usize) -> Vec<String> {
        match self.get(field) {
            None => Vec::new(),
            Some(Json::List(items)) => items.iter().map(|item| self.text_from(field, item, limit)).collect(),
            Some(single) => {
                self.note(Quirk::ObjectAsList { field });
                vec![self.text_from(field, single, limit)]
            }
        }
    }

    pub(crate) fn text_from(&mut self, field: &'static str, json: &Json<'_>, limit: usize) -> String {
        let text = match json {
            Json::Text(text) => text.as_ref().to_owned(),
            Json::Number(_) | Json::Bool(_) => {
                self.note(Quirk::NumberAsText { field });
                json.to_string()
            }
            Json::List(_) | Json::Object(_) | Json::Null => {
                self.note(Quirk::ObjectAsText { field });
                json.to_string()
            }
        };
        if text.len() > limit && text.chars().count() > limit {
            self.note(Quirk::LongText { field });
        }
        text
    }

    pub(crate) fn word<T: Word>(&mut self, field: &'static str) -> Option<T> {
        let json = self.get(field)?;
        self.word_from(field, json)
    }

    pub(crate) fn word_from<T: Word>(&mut self, field: &'static str, json: &Json<'_>) -> Option<T> {
        match json {
            Json::Text(text) if text.chars().all(char::is_whitespace) => {
                self.note(Quirk::EmptyText { field });
                None
            }
            Json::Text(text) => {
                let word = T::from_wire(text);
                if !word.is_known_in(self.version) {
                    self.note(Quirk::UnknownWord { field });
                } else if word.as_wire() != text {
                    self.note(Quirk::MisspeltWord { field });
                }
                Some(word)
            }
            Json::Number(_) | Json::Bool(_) | Json::List(_) | Json::Object(_) | Json::Null => {
                self.note(Quirk::WrongType { field });
                None
            }
        }
    }

    /// A word that belongs there but can be done without: the empty `Other` where it is missing.
    pub(crate) fn word_expected<T: Word>(&mut self, field: &'static str) -> T {
        self.word(field).unwrap_or_else(|| {
            self.note(Quirk::MissingField { field });
            T::from_wire("")
        })
    }

    pub(crate) fn word_required<T: Word>(&mut self, field: &'static str) -> Result<T, PayloadError> {
        self.word(field).ok_or(PayloadError::Missing { field })
    }

    /// A whole number of type `T`; one with a fraction, out of range or unreadable is left out.
    pub(crate) fn whole<T: TryFrom<i64>>(&mut self, field: &'static str) -> Option<T> {
        let json = self.get(field)?;
        self.whole_from(field, json)
    }

    pub(crate) fn whole_from<T: TryFrom<i64>>(&mut self, field: &'static str, json: &Json<'_>) -> Option<T> {
        let number = match whole_from(json) {
            Whole::Number(number) => number,
            Whole::Fraction(number) => {
                self.note(Quirk::FractionInWhole { field });
                number
            }
            Whole::No => {
                self.note(if is_blank(json) {
                    Quirk::EmptyText { field }
                } else {
                    Quirk::WrongType { field }
                });
                return None;
            }
        };
        self.note_if_text(field, json);
        let held = T::try_from(number).ok();
        if held.is_none() {
            self.note(Quirk::OutOfRange { field });
        }
        held
    }

    /// A whole number that belongs there but can be done without.
    pub(crate) fn whole_expected<T: TryFrom<i64>>(&mut self, field: &'static str) -> Option<T> {
        let number = self.whole(field);
        if number.is_none() {
            self.note(Quirk::MissingField { field });
        }
        number
    }

    /// A whole number of type `T` without which the message has no meaning.
    pub(crate) fn whole_required<T: TryFrom<i64>>(
        &mut self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<T, PayloadError> {
        let json = self.get(field).ok_or(PayloadError::Missing { field })?;
        let value = || json.to_string().chars().take(64).collect();
        match whole_from(json) {
            Whole::Number(number) => {
                self.note_if_text(field, json);
                T::try_from(number).map_err(|_| PayloadError::Value { field, value: value(), expected })
            }
            Whole::Fraction(_) => Err(PayloadError::Value { field, value: value(), expected }),
            Whole::No => Err(PayloadError::Type { field, expected }),
        }
    }

    /// A span in whole seconds.
    pub(crate) fn seconds(&mut self, field: &'static str) -> Option<TimeSpan> {
        self.whole::<i32>(field).map(|count| TimeSpan::from_seconds(i64::from(count)))
    }

    /// A decimal number, read exactly.
    pub(crate) fn decimal<T: FromStr>(&mut self, field: &'static str) -> Option<T> {
        let json = self.get(field)?;
        let read = match json {
            Json::Number(text) | Json::Text(text) => text.trim().parse().ok(),
            Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => None,
        };
        self.note_if_text(field, json);
        if read.is_none() {
            self.note(if is_blank(json) { Quirk::EmptyText { field } } else { Quirk::OutOfRange { field } });
        }
        read
    }

    /// A number with its digits as they came, whatever they say.
    pub(crate) fn figure(&mut self, field: &'static str) -> Option<Figure> {
        let json = self.get(field)?;
        self.figure_from(field, json)
    }

    pub(crate) fn figure_from(&mut self, field: &'static str, json: &Json<'_>) -> Option<Figure> {
        match json {
            Json::Number(text) | Json::Text(text) => {
                self.note_if_text(field, json);
                if text.chars().all(char::is_whitespace) {
                    self.note(Quirk::EmptyText { field });
                }
                Some(Figure::new(text.as_ref()))
            }
            Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => {
                self.note(Quirk::WrongType { field });
                None
            }
        }
    }

    /// A register in Wh, which the standard sends as a whole number.
    pub(crate) fn register(&mut self, field: &'static str) -> Option<WattHours> {
        let register: WattHours = self.decimal(field)?;
        if register.milliwatt_hours() % 1000 != 0 {
            self.note(Quirk::FractionInWhole { field });
        }
        Some(register)
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Option<bool> {
        let json = self.get(field)?;
        self.flag_from(field, json)
    }

    pub(crate) fn flag_from(&mut self, field: &'static str, json: &Json<'_>) -> Option<bool> {
        let flag = match json {
            Json::Bool(flag) => return Some(*flag),
            Json::Text(text) | Json::Number(text) => match text.trim() {
                "true" | "True" | "TRUE" | "1" => Some(true),
                "false" | "False" | "FALSE" | "0" => Some(false),
                _ => None,
            },
            Json::Null | Json::List(_) | Json::Object(_) => None,
        };
        self.note(if flag.is_some() { Quirk::TextAsNumber { field } } else { Quirk::WrongType { field } });
        flag
    }

    /// A flag that belongs there but can be done without.
    pub(crate) fn flag_expected(&mut self, field: &'static str) -> Option<bool> {
        let flag = self.flag(field);
        if flag.is_none() {
            self.note(Quirk::MissingField { field });
        }
        flag
    }

    pub(crate) fn time(&mut self, field: &'static str) -> StationTime {
        self.get(field).map_or(StationTime::Absent, |json| self.time_from(field, json))
    }

    pub(crate) fn time_from(&mut self, field: &'static str, json: &Json<'_>) -> StationTime {
        let time = match json {
            Json::Text(text) => StationTime::read(text),
            other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_)) => {
                StationTime::Unreadable(other.to_string().chars().take(64).collect())
            }
        };
        match time {
            StationTime::At(_) => {}
            StationTime::Civil(_) => self.note(Quirk::TimeWithoutZone { field }),
            StationTime::Unreadable(_) => self.note(Quirk::UnreadableTime { field }),
            StationTime::Absent => self.note(Quirk::EmptyText { field }),
        }
        time
    }

    /// A time that belongs there but can be done without.
    pub(crate) fn time_expected(&mut self, field: &'static str) -> StationTime {
        let time = self.time(field);
        if time == StationTime::Absent {
            self.note(Quirk::MissingField { field });
        }
        time
    }

    /// A value of any kind, as JSON text.
    pub(crate) fn json_text(&mut self, field: &'static str) -> Option<String> {
        self.get(field).map(ToString::to_string)
    }

    /// The value itself, for readers of their own kind.
    pub(crate) fn raw(&mut self, field: &'static str) -> Option<&'p Json<'p>> {
        self.get(field)
    }

    pub(crate) fn object<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Result<T, PayloadError>,
    ) -> Result<Option<T>, PayloadError> {
        match self.get(field) {
            None => Ok(None),
            Some(Json::Object(members)) => read(&mut self.within(members)).map(Some),
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_)) => {
                self.note(Quirk::WrongType { field });
                Ok(None)
            }
        }
    }

    /// An object without which the message has no meaning.
    pub(crate) fn object_required<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Result<T, PayloadError>,
    ) -> Result<T, PayloadError> {
        if !self.has(field) {
            return Err(PayloadError::Missing { field });
        }
        self.object(field, read)?.ok_or(PayloadError::Type { field, expected: "an object" })
    }

    /// An object that belongs there but can be done without: read from nothing where it is missing.
    pub(crate) fn object_expected<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&mut Fields<'_>) -> Result<T, PayloadError>,
    ) -> Result<T, PayloadError> {
        if let Some(object) = self.object(field, &read)? {
            return Ok(object);
        }
        self.note(Quirk::MissingField { field });
        read(&mut self.within(&[]))
    }

    /// A list of objects that belongs there but can be done without.
    pub(crate) fn list_expected<T>(
        &mut self,
        field: &'static str,
        read: impl FnMut(&mut Fields<'_>) -> Result<T, PayloadError>,
    ) -> Result<Vec<T>, PayloadError> {
        let items = self.list(field, read)?;
        if items.is_empty() {
            self.note(Quirk::MissingField { field });
        }
        Ok(items)
    }

    /// A list of objects; elements of other kinds are left out.
    pub(crate) fn list<T>(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&mut Fields<'_>) -> Result<T, PayloadError>,
    ) -> Result<Vec<T>, PayloadError> {
        let items = match self.get(field) {
            None => return Ok(Vec::new()),
            Some(Json::List(items)) => items.as_slice(),
            Some(single @ Json::Object(_)) => {
                self.note(Quirk::ObjectAsList { field });
                std::slice::from_ref(single)
            }
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) => {
                self.note(Quirk::WrongType { field });
                return Ok(Vec::new());
            }
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Json::Object(members) => out.push(read(&mut self.within(members))?),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
                    self.note(Quirk::WrongType { field });
                }
            }
        }
        Ok(out)
    }

    fn note_if_text(&mut self, field: &'static str, json: &Json<'_>) {
        if matches!(json, Json::Text(_)) {
            self.note(Quirk::TextAsNumber { field });
        }
    }
}

fn whole_from(json: &Json<'_>) -> Whole {
    let (Json::Number(text) | Json::Text(text)) = json else { return Whole::No };
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Whole::Number(number);
    }
    // `16.0` and `1e3` are whole all the same; the thousandths of any quantity tell.
    match text.parse::<WattHours>().map(WattHours::milliwatt_hours) {
        Ok(thousandths) if thousandths % 1000 == 0 => Whole::Number(thousandths / 1000),
        Ok(thousandths) => Whole::Fraction(thousandths / 1000),
        Err(_) => Whole::No,
    }
}

fn is_blank(json: &Json<'_>) -> bool {
    json.as_text().is_some_and(|text| text.trim().is_empty())
}
