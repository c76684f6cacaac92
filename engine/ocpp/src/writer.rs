//! Writing a payload: strict. The first breach of the standard is kept and ends in an error.

use units::TimeSpan;

use crate::fields::Word;
use crate::figure::Figure;
use crate::json;
use crate::time::StationTime;
use crate::version::Version;

/// Why a message is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {field} {fault}")]
pub struct EncodeError {
    /// The action.
    pub action: &'static str,
    /// The property at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: EncodeFault,
}

/// What is wrong with a property that should be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeFault {
    /// The standard requires it.
    #[error("is missing")]
    Missing,
    /// More characters than the standard allows.
    #[error("has {length} characters, more than {limit}")]
    TooLong {
        /// Its characters.
        length: usize,
        /// Those allowed.
        limit: usize,
    },
    /// A word that the standard does not know.
    #[error("is `{word}`, which the standard does not know")]
    UnknownWord {
        /// The word.
        word: String,
    },
    /// A number that the standard, or the other side, cannot hold.
    #[error("is {number}, out of range")]
    OutOfRange {
        /// The number as it would have been written.
        number: String,
    },
    /// More elements than the standard allows.
    #[error("has {count} elements, more than {limit}")]
    TooMany {
        /// Its elements.
        count: usize,
        /// Those allowed.
        limit: usize,
    },
    /// A rule that ties it to another property.
    #[error("{rule}")]
    Rule {
        /// The rule, as the end of a sentence about the property.
        rule: &'static str,
    },
    /// A time without zone or no time at all.
    #[error("is not an instant")]
    NotAnInstant,
}

/// Builds the text of one payload.
pub(crate) struct Writer {
    out: String,
    needs_comma: bool,
    version: Version,
    fault: Option<(&'static str, EncodeFault)>,
}

/// Room for most payloads; those of Meter Values are longer.
const ROOM: usize = 256;

/// The JSON text of the payload that `write` writes.
pub(crate) fn payload_text(
    version: Version,
    action: &'static str,
    write: impl FnOnce(&mut Writer),
) -> Result<String, EncodeError> {
    let mut writer = Writer { out: String::with_capacity(ROOM), needs_comma: false, version, fault: None };
    writer.out.push('{');
    write(&mut writer);
    writer.out.push('}');
    match writer.fault {
        None => Ok(writer.out),
        Some((field, fault)) => Err(EncodeError { action, field, fault }),
    }
}

impl Writer {
    /// The version that the message is written in.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn refuse(&mut self, field: &'static str, fault: EncodeFault) {
        self.fault.get_or_insert((field, fault));
    }

    pub(crate) fn refuse_number(&mut self, field: &'static str, number: impl ToString) {
        self.refuse(field, EncodeFault::OutOfRange { number: number.to_string() });
    }

    pub(crate) fn text(&mut self, field: &'static str, text: &str, limit: usize) {
        self.name(field);
        self.push_text(field, text, limit);
    }

    pub(crate) fn text_optional(&mut self, field: &'static str, text: Option<&String>, limit: usize) {
        if let Some(text) = text {
            self.text(field, text, limit);
        }
    }

    /// A text that the standard requires: an empty one is missing.
    pub(crate) fn text_required(&mut self, field: &'static str, text: &str, limit: usize) {
        if text.is_empty() {
            self.refuse(field, EncodeFault::Missing);
        }
        self.text(field, text, limit);
    }

    pub(crate) fn texts(&mut self, field: &'static str, texts: &[String], limit: usize) {
        self.name(field);
        self.out.push('[');
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.push_text(field, text, limit);
        }
        self.out.push(']');
    }

    pub(crate) fn word(&mut self, field: &'static str, word: &impl Word) {
        if !word.is_known_in(self.version) {
            self.refuse(field, EncodeFault::UnknownWord { word: word.as_wire().to_owned() });
        }
        self.text(field, word.as_wire(), usize::MAX);
    }

    pub(crate) fn word_optional(&mut self, field: &'static str, word: Option<&impl Word>) {
        if let Some(word) = word {
            self.word(field, word);
        }
    }

    pub(crate) fn number(&mut self, field: &'static str, number: impl Into<i64>) {
        self.figure(field, &number.into().to_string());
    }

    pub(crate) fn number_optional(&mut self, field: &'static str, number: Option<impl Into<i64>>) {
        if let Some(number) = number {
            self.number(field, number);
        }
    }

    /// A number that the standard requires, within 32 bits.
    pub(crate) fn whole_required(&mut self, field: &'static str, number: Option<impl Into<i64>>) {
        let Some(number) = number.map(Into::into) else { return self.refuse(field, EncodeFault::Missing) };
        if i32::try_from(number).is_err() {
            self.refuse_number(field, number);
        }
        self.number(field, number);
    }

    /// A span as whole seconds, rounded down, from 0.
    pub(crate) fn seconds(&mut self, field: &'static str, span: TimeSpan) {
        let seconds = span.seconds_floor();
        if i32::try_from(seconds).is_err() || seconds < 0 {
            self.refuse_number(field, seconds);
        }
        self.number(field, seconds);
    }

    /// A number whose text is made elsewhere.
    pub(crate) fn figure(&mut self, field: &'static str, figure: &str) {
        self.name(field);
        self.out.push_str(figure);
    }

    /// A number with digits of its own.
    pub(crate) fn decimal(&mut self, field: &'static str, figure: &Figure) {
        if !figure.is_number() {
            self.refuse_number(field, figure);
        }
        self.figure(field, figure.as_str());
    }

    /// A value of any kind, as JSON text.
    pub(crate) fn json_optional(&mut self, field: &'static str, text: Option<&String>) {
        if let Some(text) = text {
            if json::parse(text, json::DEPTH_MAX).is_err() {
                self.refuse(field, EncodeFault::Rule { rule: "is not JSON" });
            }
            self.figure(field, text);
        }
    }

    pub(crate) fn seconds_optional(&mut self, field: &'static str, span: Option<TimeSpan>) {
        if let Some(span) = span {
            self.seconds(field, span);
        }
    }

    /// A list of objects that the standard requires: an empty one is missing.
    pub(crate) fn list_required<T>(
        &mut self,
        field: &'static str,
        items: &[T],
        write: impl FnMut(&mut Self, &T),
    ) {
        if items.is_empty() {
            self.refuse(field, EncodeFault::Missing);
        }
        self.list(field, items, write);
    }

    /// A list of objects that is left out where it is empty.
    pub(crate) fn list_optional<T>(
        &mut self,
        field: &'static str,
        items: &[T],
        write: impl FnMut(&mut Self, &T),
    ) {
        if !items.is_empty() {
            self.list(field, items, write);
        }
    }

    pub(crate) fn flag(&mut self, field: &'static str, flag: bool) {
        self.figure(field, if flag { "true" } else { "false" });
    }

    pub(crate) fn flag_required(&mut self, field: &'static str, flag: Option<bool>) {
        match flag {
            Some(flag) => self.flag(field, flag),
            None => self.refuse(field, EncodeFault::Missing),
        }
    }

    /// A flag that is false by default, which need not be said.
    pub(crate) fn flag_if_set(&mut self, field: &'static str, flag: bool) {
        if flag {
            self.flag(field, true);
        }
    }

    /// A time that is left out where it is absent.
    pub(crate) fn time_optional(&mut self, field: &'static str, time: &StationTime) {
        match time {
            StationTime::At(instant) => self.text(field, &instant.to_string(), usize::MAX),
            StationTime::Absent => {}
            StationTime::Civil(_) | StationTime::Unreadable(_) => {
                self.refuse(field, EncodeFault::NotAnInstant);
            }
        }
    }

    pub(crate) fn time(&mut self, field: &'static str, time: &StationTime) {
        if *time == StationTime::Absent {
            self.refuse(field, EncodeFault::Missing);
        }
        self.time_optional(field, time);
    }

    pub(crate) fn object(&mut self, field: &'static str, write: impl FnOnce(&mut Self)) {
        self.name(field);
        self.braced(write);
    }

    pub(crate) fn list<T>(&mut self, field: &'static str, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.name(field);
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.braced(|writer| write(writer, item));
        }
        self.out.push(']');
        self.needs_comma = true;
    }

    /// A list whose elements are written by their kind.
    pub(crate) fn items<T>(
        &mut self,
        field: &'static str,
        items: &[T],
        mut write: impl FnMut(&mut Self, &T),
    ) {
        self.name(field);
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write(self, item);
        }
        self.out.push(']');
        self.needs_comma = true;
    }

    /// A value as it stands in JSON.
    pub(crate) fn push(&mut self, json: &str) {
        self.out.push_str(json);
    }

    pub(crate) fn braced(&mut self, write: impl FnOnce(&mut Self)) {
        self.out.push('{');
        self.needs_comma = false;
        write(self);
        self.out.push('}');
        self.needs_comma = true;
    }

    pub(crate) fn name(&mut self, field: &'static str) {
        if self.needs_comma {
            self.out.push(',');
        }
        self.needs_comma = true;
        self.out.push('"');
        self.out.push_str(field);
        self.out.push_str("\":");
    }

    pub(crate) fn push_text(&mut self, field: &'static str, text: &str, limit: usize) {
        if text.len() > limit {
            let length = text.chars().count();
            if length > limit {
                self.refuse(field, EncodeFault::TooLong { length, limit });
            }
        }
        // Writing into a `String` cannot fail.
        let _ = json::write_text(&mut self.out, text);
    }
}
