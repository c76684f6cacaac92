//! Objects as tables: what each member is called, what it holds, whether it must be there, and within which bounds. A
//! reader and a writer follow from the table.
//!
//! ```text
//! structures! {
//!     /// What it is.
//!     Firmware {
//!         /// What the member is.
//!         location: String = required "location" [chars(512).chars_v21(2000)],
//!         install_date_time: StationTime = optional "installDateTime",
//!     }
//! }
//! ```

use units::TimeSpan;

use crate::fields::{Fields, PayloadError, Word};
use crate::figure::Figure;
use crate::json::Json;
use crate::quirk::Quirk;
use crate::redact;
use crate::time::StationTime;
use crate::version::Version;
use crate::writer::{EncodeFault, Writer};

/// Whether the standard wants a member to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

/// What a member is bound by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    chars: usize,
    chars_v21: Option<usize>,
    items: usize,
    since: Version,
    is_optional_in_v21: bool,
    may_be_empty: bool,
    is_uri: bool,
}

/// No bounds.
pub(crate) const UNBOUND: Bounds = Bounds {
    chars: usize::MAX,
    chars_v21: None,
    items: usize::MAX,
    since: Version::V16,
    is_optional_in_v21: false,
    may_be_empty: false,
    is_uri: false,
};

/// A text of at most so many characters.
pub(crate) const fn chars(most: usize) -> Bounds {
    Bounds { chars: most, ..UNBOUND }
}

/// A text that is an address (RFC 3986).
pub(crate) const fn uri() -> Bounds {
    Bounds { is_uri: true, ..UNBOUND }
}

/// A list of at most so many elements.
pub(crate) const fn items(most: usize) -> Bounds {
    Bounds { items: most, ..UNBOUND }
}

/// A member that exists from OCPP 2.1 on.
pub(crate) const fn since_v21() -> Bounds {
    Bounds { since: Version::V21, ..UNBOUND }
}

/// A member that OCPP 2.0.1 requires, and OCPP 2.1 does not.
pub(crate) const fn optional_in_v21() -> Bounds {
    Bounds { is_optional_in_v21: true, ..UNBOUND }
}

/// What tables begin their bounds with.
pub(crate) mod bound {
    pub(crate) use super::{chars, items, optional_in_v21, since_v21, uri};
}

impl Bounds {
    pub(crate) const fn chars(self, most: usize) -> Self {
        Self { chars: most, ..self }
    }

    /// OCPP 2.1 allows more.
    pub(crate) const fn chars_v21(self, most: usize) -> Self {
        Self { chars_v21: Some(most), ..self }
    }

    pub(crate) const fn items(self, most: usize) -> Self {
        Self { items: most, ..self }
    }

    /// The text may be empty.
    pub(crate) const fn or_empty(self) -> Self {
        Self { may_be_empty: true, ..self }
    }

    pub(crate) fn chars_in(&self, version: Version) -> usize {
        self.chars_v21.filter(|_| version >= Version::V21).unwrap_or(self.chars)
    }

    fn is_needed(&self, need: Need, version: Version) -> bool {
        need == Need::Required
            && version >= self.since
            && !(self.is_optional_in_v21 && version >= Version::V21)
    }
}

/// What a member, or an element of a list, holds.
pub(crate) trait Value: Sized {
    /// As the end of the sentence "it is not …".
    const EXPECTED: &'static str;

    /// Reads it; `None`, and noted, where it is none.
    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError>;

    fn put(&self, out: &mut Writer, field: &'static str, bounds: &Bounds);

    /// What says that none came; `None` where the message has no meaning without.
    fn none() -> Option<Self> {
        None
    }

    /// Whether it says that none came.
    fn is_none(&self) -> bool {
        false
    }
}

/// A member of an object.
pub(crate) trait Member: Sized {
    fn read_in(
        fields: &mut Fields<'_>,
        need: Need,
        field: &'static str,
        bounds: &Bounds,
    ) -> Result<Self, PayloadError>;

    fn write_in(&self, out: &mut Writer, need: Need, field: &'static str, bounds: &Bounds);
}

impl<T: Value> Member for T {
    fn read_in(
        fields: &mut Fields<'_>,
        need: Need,
        field: &'static str,
        bounds: &Bounds,
    ) -> Result<Self, PayloadError> {
        if let Some(value) = value_of(fields, field, bounds)? {
            return Ok(value);
        }
        let is_needed = bounds.is_needed(need, fields.version());
        match T::none() {
            Some(none) => {
                if is_needed {
                    fields.note(Quirk::MissingField { field });
                }
                Ok(none)
            }
            None if fields.has(field) => Err(PayloadError::Type { field, expected: T::EXPECTED }),
            None => Err(PayloadError::Missing { field }),
        }
    }

    fn write_in(&self, out: &mut Writer, need: Need, field: &'static str, bounds: &Bounds) {
        write_if_there((!self.is_none()).then_some(self), out, need, field, bounds);
    }
}

impl<T: Value> Member for Option<T> {
    fn read_in(
        fields: &mut Fields<'_>,
        need: Need,
        field: &'static str,
        bounds: &Bounds,
    ) -> Result<Self, PayloadError> {
        let value = value_of(fields, field, bounds)?;
        if value.is_none() && bounds.is_needed(need, fields.version()) {
            fields.note(Quirk::MissingField { field });
        }
        Ok(value)
    }

    fn write_in(&self, out: &mut Writer, need: Need, field: &'static str, bounds: &Bounds) {
        write_if_there(self.as_ref(), out, need, field, bounds);
    }
}

/// A list that is empty is one that is not there: the standard knows no empty lists.
impl<T: Value> Member for Vec<T> {
    fn read_in(
        fields: &mut Fields<'_>,
        need: Need,
        field: &'static str,
        bounds: &Bounds,
    ) -> Result<Self, PayloadError> {
        let mut values = Vec::new();
        if fields.version() >= bounds.since {
            let items = match fields.get(field) {
                None => &[],
                Some(Json::List(items)) => items.as_slice(),
                Some(single) => {
                    fields.note(Quirk::ObjectAsList { field });
                    std::slice::from_ref(single)
                }
            };
            for item in items {
                values.extend(T::take(fields, field, item, bounds)?);
            }
        }
        if values.is_empty() && bounds.is_needed(need, fields.version()) {
            fields.note(Quirk::MissingField { field });
        }
        Ok(values)
    }

    fn write_in(&self, out: &mut Writer, need: Need, field: &'static str, bounds: &Bounds) {
        if self.is_empty() {
            if bounds.is_needed(need, out.version()) {
                out.refuse(field, EncodeFault::Missing);
            }
            return;
        }
        refuse_before(out, field, bounds);
        if self.len() > bounds.items {
            out.refuse(field, EncodeFault::TooMany { count: self.len(), limit: bounds.items });
        }
        out.items(field, self, |out, value| value.put(out, field, bounds));
    }
}

fn value_of<T: Value>(
    fields: &mut Fields<'_>,
    field: &'static str,
    bounds: &Bounds,
) -> Result<Option<T>, PayloadError> {
    if fields.version() < bounds.since {
        return Ok(None);
    }
    match fields.get(field) {
        Some(json) => T::take(fields, field, json, bounds),
        None => Ok(None),
    }
}

fn write_if_there<T: Value>(
    value: Option<&T>,
    out: &mut Writer,
    need: Need,
    field: &'static str,
    bounds: &Bounds,
) {
    match value {
        Some(value) => {
            refuse_before(out, field, bounds);
            out.name(field);
            value.put(out, field, bounds);
        }
        None if bounds.is_needed(need, out.version()) => out.refuse(field, EncodeFault::Missing),
        None => {}
    }
}

fn refuse_before(out: &mut Writer, field: &'static str, bounds: &Bounds) {
    if out.version() < bounds.since {
        out.refuse(field, EncodeFault::Rule { rule: "exists from OCPP 2.1 on" });
    }
}

impl Value for String {
    const EXPECTED: &'static str = "a text";

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        let text = fields.text_from(field, json, bounds.chars_in(fields.version()));
        if text.is_empty() && !bounds.may_be_empty {
            fields.note(Quirk::EmptyText { field });
            return Ok(None);
        }
        Ok(Some(text))
    }

    fn put(&self, out: &mut Writer, field: &'static str, bounds: &Bounds) {
        if self.is_empty() && !bounds.may_be_empty {
            out.refuse(field, EncodeFault::Missing);
        }
        if bounds.is_uri && !is_uri(self) {
            out.refuse(field, EncodeFault::Rule { rule: "is an address such as ftp://host/path" });
        }
        out.push_text(field, self, bounds.chars_in(out.version()));
    }

    fn none() -> Option<Self> {
        Some(Self::new())
    }
}

/// A scheme, a colon and something, in the characters that RFC 3986 allows.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

/// Makes wrappers into values of members, read and written as what they wrap; where bounds follow, those count.
macro_rules! wrappers {
    ($($name:ident($wrapped:ty) = $expected:expr $(, $bounds:expr)?;)+) => {
        $(
            impl $crate::member::Value for $name {
                const EXPECTED: &'static str = $expected;

                fn take(
                    fields: &mut $crate::fields::Fields<'_>,
                    field: &'static str,
                    json: &$crate::json::Json<'_>,
                    bounds: &$crate::member::Bounds,
                ) -> Result<Option<Self>, $crate::PayloadError> {
                    $( let bounds = { let _ = bounds; &$bounds }; )?
                    Ok(<$wrapped as $crate::member::Value>::take(fields, field, json, bounds)?.map(Self))
                }

                fn put(
                    &self,
                    out: &mut $crate::writer::Writer,
                    field: &'static str,
                    bounds: &$crate::member::Bounds,
                ) {
                    $( let bounds = { let _ = bounds; &$bounds }; )?
                    $crate::member::Value::put(&self.0, out, field, bounds);
                }

                fn none() -> Option<Self> {
                    <$wrapped as $crate::member::Value>::none().map(Self)
                }
            }
        )+
    };
}

/// A text that nobody but its receiver may read. `Debug` hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(redact::WITHHELD)
    }
}

/// A number that nobody but its receiver may read. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretNumber(pub i32);

impl std::fmt::Debug for SecretNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(redact::WITHHELD)
    }
}

wrappers! {
    Secret(String) = "a text";
    SecretNumber(i32) = "a 32-bit number";
}

/// An object that is carried and not looked into, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque(String);

impl Opaque {
    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Opaque {
    const EXPECTED: &'static str = "an object";

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        _bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        match json {
            Json::Object(_) => Ok(Some(Self(json.to_string()))),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
                fields.note(Quirk::WrongType { field });
                Ok(None)
            }
        }
    }

    fn put(&self, out: &mut Writer, _field: &'static str, _bounds: &Bounds) {
        out.push(&self.0);
    }
}

impl<T: Value> Value for Box<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        Ok(T::take(fields, field, json, bounds)?.map(Self::new))
    }

    fn put(&self, out: &mut Writer, field: &'static str, bounds: &Bounds) {
        T::put(self, out, field, bounds);
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        _bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        Ok(fields.flag_from(field, json))
    }

    fn put(&self, out: &mut Writer, _field: &'static str, _bounds: &Bounds) {
        out.push(if *self { "true" } else { "false" });
    }
}

impl Value for StationTime {
    const EXPECTED: &'static str = "a time";

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        _bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        Ok(Some(fields.time_from(field, json)))
    }

    fn put(&self, out: &mut Writer, field: &'static str, _bounds: &Bounds) {
        match self {
            Self::At(instant) => out.push_text(field, &instant.to_string(), usize::MAX),
            Self::Civil(_) | Self::Unreadable(_) | Self::Absent => {
                out.refuse(field, EncodeFault::NotAnInstant);
            }
        }
    }

    fn none() -> Option<Self> {
        Some(Self::Absent)
    }

    fn is_none(&self) -> bool {
        *self == Self::Absent
    }
}

/// A span in whole seconds, from 0.
impl Value for TimeSpan {
    const EXPECTED: &'static str = "a number of seconds";

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        _bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        Ok(fields.whole_from::<i32>(field, json).map(|seconds| Self::from_seconds(seconds.into())))
    }

    fn put(&self, out: &mut Writer, field: &'static str, _bounds: &Bounds) {
        let seconds = self.seconds_floor();
        if i32::try_from(seconds).is_err() || seconds < 0 {
            out.refuse_number(field, seconds);
        }
        out.push(&seconds.to_string());
    }
}

/// A number with its digits as they came.
impl Value for Figure {
    const EXPECTED: &'static str = "a number";

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        _bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        Ok(fields.figure_from(field, json))
    }

    fn put(&self, out: &mut Writer, field: &'static str, _bounds: &Bounds) {
        if !self.is_number() {
            out.refuse_number(field, self);
        }
        out.push(self.as_str());
    }
}

/// Whole numbers that 32 bits of the other side can hold.
macro_rules! wholes {
    ($($number:ty = $expected:literal;)+) => {
        $(
            impl Value for $number {
                const EXPECTED: &'static str = $expected;

                fn take(
                    fields: &mut Fields<'_>,
                    field: &'static str,
                    json: &Json<'_>,
                    _bounds: &Bounds,
                ) -> Result<Option<Self>, PayloadError> {
                    Ok(fields.whole_from(field, json))
                }

                fn put(&self, out: &mut Writer, field: &'static str, _bounds: &Bounds) {
                    let number = i64::from(*self);
                    if i32::try_from(number).is_err() {
                        out.refuse_number(field, number);
                    }
                    out.push(&number.to_string());
                }
            }
        )+
    };
}

wholes! {
    i32 = "a 32-bit number";
    u32 = "a number from 0";
    u16 = "a number from 0 to 65535";
    u8 = "a number from 0 to 255";
}

/// Reads a word of the standard.
pub(crate) fn read_word<T: Word>(fields: &mut Fields<'_>, field: &'static str, json: &Json<'_>) -> Option<T> {
    fields.word_from(field, json)
}

/// Writes a word that `version` knows.
pub(crate) fn write_word<T: Word>(word: &T, out: &mut Writer, field: &'static str) {
    if !word.is_known_in(out.version()) {
        out.refuse(field, EncodeFault::UnknownWord { word: word.as_wire().to_owned() });
    }
    out.push_text(field, word.as_wire(), usize::MAX);
}

/// Declares objects by their members. A path after the name is a rule that ties members together, checked on writing.
macro_rules! structures {
    ($(
        $(#[$meta:meta])*
        $name:ident $(, $rule:path)? {
            $(
                $(#[$doc:meta])*
                $field:ident: $kind:ty = $need:ident $wire:literal $([$bounds:expr])?,
            )*
        }
    )+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $name {
                $( $(#[$doc])* pub $field: $kind, )*
            }

            impl $crate::message::Message for $name {
                fn read(fields: &mut $crate::fields::Fields<'_>) -> Result<Self, $crate::PayloadError> {
                    Ok(Self {
                        $( $field: $crate::member::Member::read_in(
                            fields,
                            $crate::member::need!($need),
                            $wire,
                            $crate::member::bounds!($($bounds)?),
                        )?, )*
                    })
                }

                fn write(&self, out: &mut $crate::writer::Writer) {
                    $( $rule(self, out); )?
                    $( $crate::member::Member::write_in(
                        &self.$field,
                        out,
                        $crate::member::need!($need),
                        $wire,
                        $crate::member::bounds!($($bounds)?),
                    ); )*
                }
            }

            $crate::member::values! { $name; }
        )+
    };
}

/// Makes objects with a reader and a writer of their own into values of members.
macro_rules! values {
    ($($name:ty;)+) => {
        $(
            impl $crate::member::Value for $name {
                const EXPECTED: &'static str = "an object";

                fn take(
                    fields: &mut $crate::fields::Fields<'_>,
                    field: &'static str,
                    json: &$crate::json::Json<'_>,
                    _bounds: &$crate::member::Bounds,
                ) -> Result<Option<Self>, $crate::PayloadError> {
                    $crate::member::read_object(fields, field, json)
                }

                fn put(
                    &self,
                    out: &mut $crate::writer::Writer,
                    _field: &'static str,
                    _bounds: &$crate::member::Bounds,
                ) {
                    out.braced(|out| $crate::message::Message::write(self, out));
                }
            }
        )+
    };
}

/// Reads an object of a kind.
pub(crate) fn read_object<T: crate::message::Message>(
    fields: &mut Fields<'_>,
    field: &'static str,
    json: &Json<'_>,
) -> Result<Option<T>, PayloadError> {
    match json {
        Json::Object(members) => T::read(&mut fields.within(members)).map(Some),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
            fields.note(Quirk::WrongType { field });
            Ok(None)
        }
    }
}

macro_rules! need {
    (required) => {
        $crate::member::Need::Required
    };
    (optional) => {
        $crate::member::Need::Optional
    };
}

macro_rules! bounds {
    () => {
        &$crate::member::UNBOUND
    };
    ($bounds:expr) => {{
        use $crate::member::bound::*;
        const BOUNDS: $crate::member::Bounds = $bounds;
        &BOUNDS
    }};
}

pub(crate) use {bounds, need, structures, values, wrappers};
