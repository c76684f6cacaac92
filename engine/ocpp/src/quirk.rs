//! Tolerances: what a station did that the standard does not allow, and that is understood all the same.

use std::fmt;

/// A value that was understood, with the tolerances that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T> {
    /// What was understood.
    pub value: T,
    /// What had to be tolerated, each once, in the order met; empty for a frame as the standard wants it.
    pub quirks: Vec<Quirk>,
}

/// One tolerance. `field` is the JSON name of the property concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quirk {
    /// `"transactionId":,` was read as `null` (FIELD 4c 30).
    RepairedMissingValue,
    /// A comma before the first element of an array was dropped (FIELD 4d 57).
    RepairedLeadingComma,
    /// A configuration list without its closing brackets was closed (FIELD 4d 56).
    RepairedTruncatedList,
    /// The message id is a number instead of a text.
    NumberAsMessageId,
    /// The message id has more than 36 characters.
    LongMessageId,
    /// The payload is `null` or `[]` instead of `{}`.
    EmptyPayloadForm,
    /// A CALLERROR without description or details, or with details that are no object.
    LooseCallError,
    /// A number or boolean where a text belongs.
    NumberAsText {
        /// The property.
        field: &'static str,
    },
    /// A text where a number or boolean belongs; blanks around the figure included.
    TextAsNumber {
        /// The property.
        field: &'static str,
    },
    /// A number with a fraction or exponent where a whole number belongs.
    FractionInWhole {
        /// The property.
        field: &'static str,
    },
    /// `null` where the property should be left out.
    NullAsAbsent {
        /// The property.
        field: &'static str,
    },
    /// An empty text, where nothing or something belongs.
    EmptyText {
        /// The property.
        field: &'static str,
    },
    /// A text longer than the standard allows, kept whole.
    LongText {
        /// The property.
        field: &'static str,
    },
    /// A word that the standard does not know, kept as it came.
    UnknownWord {
        /// The property.
        field: &'static str,
    },
    /// A word of the standard in other letters, such as `available` or `Celcius`.
    MisspeltWord {
        /// The property.
        field: &'static str,
    },
    /// A required property is missing and was done without.
    MissingField {
        /// The property.
        field: &'static str,
    },
    /// A property has a type from which nothing could be read; it was left out.
    WrongType {
        /// The property.
        field: &'static str,
    },
    /// A number outside what the standard or we can hold; it was left out or kept as text.
    OutOfRange {
        /// The property.
        field: &'static str,
    },
    /// A single object where a list belongs.
    ObjectAsList {
        /// The property.
        field: &'static str,
    },
    /// An object or list where a text belongs, kept as JSON text.
    ObjectAsText {
        /// The property.
        field: &'static str,
    },
    /// A time without zone.
    TimeWithoutZone {
        /// The property.
        field: &'static str,
    },
    /// A time that cannot be read.
    UnreadableTime {
        /// The property.
        field: &'static str,
    },
    /// A charging schedule that cannot be read, in an answer that holds good without it.
    UnreadableSchedule,
}

impl Quirk {
    /// A stable name for counters and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RepairedMissingValue => "repaired_missing_value",
            Self::RepairedLeadingComma => "repaired_leading_comma",
            Self::RepairedTruncatedList => "repaired_truncated_list",
            Self::NumberAsMessageId => "number_as_message_id",
            Self::LongMessageId => "long_message_id",
            Self::EmptyPayloadForm => "empty_payload_form",
            Self::LooseCallError => "loose_call_error",
            Self::NumberAsText { .. } => "number_as_text",
            Self::TextAsNumber { .. } => "text_as_number",
            Self::FractionInWhole { .. } => "fraction_in_whole",
            Self::NullAsAbsent { .. } => "null_as_absent",
            Self::EmptyText { .. } => "empty_text",
            Self::LongText { .. } => "long_text",
            Self::UnknownWord { .. } => "unknown_word",
            Self::MisspeltWord { .. } => "misspelt_word",
            Self::MissingField { .. } => "missing_field",
            Self::WrongType { .. } => "wrong_type",
            Self::OutOfRange { .. } => "out_of_range",
            Self::ObjectAsList { .. } => "object_as_list",
            Self::ObjectAsText { .. } => "object_as_text",
            Self::TimeWithoutZone { .. } => "time_without_zone",
            Self::UnreadableTime { .. } => "unreadable_time",
            Self::UnreadableSchedule => "unreadable_schedule",
        }
    }

    /// The property concerned, where it is one.
    #[must_use]
    pub const fn field(self) -> Option<&'static str> {
        match self {
            Self::RepairedMissingValue
            | Self::RepairedLeadingComma
            | Self::RepairedTruncatedList
            | Self::NumberAsMessageId
            | Self::LongMessageId
            | Self::EmptyPayloadForm
            | Self::LooseCallError
            | Self::UnreadableSchedule => None,
            Self::NumberAsText { field }
            | Self::TextAsNumber { field }
            | Self::FractionInWhole { field }
            | Self::NullAsAbsent { field }
            | Self::EmptyText { field }
            | Self::LongText { field }
            | Self::UnknownWord { field }
            | Self::MisspeltWord { field }
            | Self::MissingField { field }
            | Self::WrongType { field }
            | Self::OutOfRange { field }
            | Self::ObjectAsList { field }
            | Self::ObjectAsText { field }
            | Self::TimeWithoutZone { field }
            | Self::UnreadableTime { field } => Some(field),
        }
    }
}

impl fmt::Display for Quirk {
    /// `missing_field(timestamp)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field() {
            Some(field) => write!(f, "{}({field})", self.name()),
            None => f.write_str(self.name()),
        }
    }
}
