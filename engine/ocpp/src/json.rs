//! JSON as it stands in a frame: borrowed from the text, numbers kept digit for digit, depth bounded.
//!
//! A reader of its own, because three things are needed at once: figures must stay exact (a register of
//! `12272.427` is money), depth must be bounded, and the hot path reads thousands of frames per second.

use std::borrow::Cow;
use std::fmt;

/// One JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, exactly as written.
    Number(Cow<'a, str>),
    /// A text, escapes resolved.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, members in their order, repeated names kept.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Room is made for so many members of an object at once: OCPP's have few more.
const MEMBERS_EXPECTED: usize = 8;
/// And for so many of a list: the sampled values of a reading.
const ITEMS_EXPECTED: usize = 8;

/// Nothing is parsed deeper than this, whatever limit is asked for: the parser recurses.
pub const DEPTH_MAX: usize = 128;

/// Why a text is not JSON that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The grammar of RFC 8259 is broken.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Where, in bytes from the start.
        at: usize,
    },
    /// More nested arrays and objects than allowed.
    #[error("nested deeper than {limit} at byte {at}")]
    TooDeep {
        /// Where, in bytes from the start.
        at: usize,
        /// How many levels are allowed.
        limit: usize,
    },
}

/// Reads one JSON value that fills the whole text. A scalar has depth 0, `[[]]` has depth 2.
///
/// # Errors
///
/// Where the text is not JSON, or nested deeper than `depth` (or [`DEPTH_MAX`]).
pub fn parse(text: &str, depth: usize) -> Result<Json<'_>, JsonError> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, limit: depth.min(DEPTH_MAX) };
    parser.skip_blanks();
    let mut value = Json::Null;
    parser.value(0, &mut value)?;
    parser.skip_blanks();
    if parser.at == parser.bytes.len() { Ok(value) } else { Err(parser.syntax()) }
}

impl<'a> Json<'a> {
    /// An object without members.
    pub const EMPTY: Json<'static> = Json::Object(Vec::new());

    /// The member of this name, the last one where it is repeated.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        match self {
            Json::Object(members) => {
                members.iter().rev().find(|(member, _)| member == name).map(|(_, value)| value)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => None,
        }
    }

    /// The text, where it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => None,
        }
    }

    /// The same value, no longer borrowed.
    #[must_use]
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(flag) => Json::Bool(flag),
            Json::Number(number) => Json::Number(Cow::Owned(number.into_owned())),
            Json::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Json::List(items) => Json::List(items.into_iter().map(Json::into_owned).collect()),
            Json::Object(members) => Json::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned()))
                    .collect(),
            ),
        }
    }
}

impl fmt::Display for Json<'_> {
    /// Compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl Json<'_> {
    /// Writes compact JSON, without the detour over a formatter.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Json::Null => out.write_str("null"),
            Json::Bool(true) => out.write_str("true"),
            Json::Bool(false) => out.write_str("false"),
            Json::Number(number) => out.write_str(number),
            Json::Text(text) => write_text(out, text),
            Json::List(items) => {
                out.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.write_char(',')?;
                    }
                    item.write(out)?;
                }
                out.write_char(']')
            }
            Json::Object(members) => {
                out.write_char('{')?;
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.write_char(',')?;
                    }
                    write_text(out, name)?;
                    out.write_char(':')?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

/// Writes `text` as a JSON string, quotes included.
pub(crate) fn write_text(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    if !text.bytes().any(is_escaped) {
        out.write_str(text)?;
        return out.write_char('"');
    }
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x0c => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.write_str(text.get(plain_from..at).unwrap_or_default())?;
        plain_from = at + 1;
        if escape.is_empty() {
            write!(out, "\\u{byte:04x}")?;
        } else {
            out.write_str(escape)?;
        }
    }
    out.write_str(text.get(plain_from..).unwrap_or_default())?;
    out.write_char('"')
}

/// A quote, a backslash or a control character: what may not stand in a string as it is.
const fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// How many bytes at the beginning of `text` may stand in a string, if they are fewer than eight.
fn plain_of(text: [u8; 8]) -> Option<usize> {
    // Eight bytes side by side in one number, the first lowest: a borrow from a byte below `n` sets its top bit, and those
    // above the first one found do not matter.
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let word = u64::from_le_bytes(text);
    let below = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let found = (is(b'"') | is(b'\\') | below(word, 0x20)) & TOPS;
    (found != 0).then(|| usize::try_from(found.trailing_zeros() / 8).unwrap_or(0))
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limit: usize,
}

impl<'a> Parser<'a> {
    /// Reads a value to where it is to stand: handed back it would be copied at every level.
    fn value(&mut self, depth: usize, to: &mut Json<'a>) -> Result<(), JsonError> {
        *to = match self.peek() {
            Some(b'"') => Json::Text(self.string()?),
            Some(b'{') => Json::Object(self.object(depth + 1)?),
            Some(b'[') => Json::List(self.list(depth + 1)?),
            Some(b'-' | b'0'..=b'9') => Json::Number(Cow::Borrowed(self.number()?)),
            Some(b't') => self.word("true", Json::Bool(true))?,
            Some(b'f') => self.word("false", Json::Bool(false))?,
            Some(b'n') => self.word("null", Json::Null)?,
            Some(_) | None => return Err(self.syntax()),
        };
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(Cow<'a, str>, Json<'a>)>, JsonError> {
        self.enter(depth)?;
        if self.take(b'}') {
            return Ok(Vec::new());
        }
        let mut members = Vec::with_capacity(MEMBERS_EXPECTED);
        loop {
            let (name, value) = members.push_mut((Cow::Borrowed(""), Json::Null));
            *name = self.string()?;
            self.skip_blanks();
            self.expect(b':')?;
            self.skip_blanks();
            self.value(depth, value)?;
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(members);
            }
            self.expect(b',')?;
            self.skip_blanks();
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Json<'a>>, JsonError> {
        self.enter(depth)?;
        if self.take(b']') {
            return Ok(Vec::new());
        }
        let mut items = Vec::with_capacity(ITEMS_EXPECTED);
        loop {
            self.value(depth, items.push_mut(Json::Null))?;
            self.skip_blanks();
            if self.take(b']') {
                return Ok(items);
            }
            self.expect(b',')?;
            self.skip_blanks();
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth > self.limit {
            return Err(JsonError::TooDeep { at: self.at, limit: self.limit });
        }
        self.at += 1;
        self.skip_blanks();
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        self.skip_plain();
        match self.peek() {
            Some(b'"') => {
                let plain = self.slice(start);
                self.at += 1;
                Ok(Cow::Borrowed(plain))
            }
            Some(b'\\') => self.string_with_escapes(start).map(Cow::Owned),
            Some(_) | None => Err(self.syntax()),
        }
    }

    fn string_with_escapes(&mut self, start: usize) -> Result<String, JsonError> {
        let mut text = self.slice(start).to_owned();
        loop {
            let plain_from = self.at;
            self.skip_plain();
            text.push_str(self.slice(plain_from));
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(_) | None => return Err(self.syntax()),
            }
        }
    }

    /// Goes to the next byte that may not stand in a string.
    fn skip_plain(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (eights, rest) = rest.as_chunks();
        for text in eights {
            if let Some(plain) = plain_of(*text) {
                self.at += plain;
                return;
            }
            self.at += text.len();
        }
        self.at += rest.iter().position(|&byte| is_escaped(byte)).unwrap_or(rest.len());
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            Some(_) | None => return Err(self.syntax()),
        };
        self.at += 1;
        Ok(escaped)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            self.expect(b'\\')?;
            self.expect(b'u')?;
            let second = self.four_digits()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.syntax());
            }
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.syntax())
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| self.syntax())?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.syntax());
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.syntax())
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(self.slice(start))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.syntax()) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.syntax())
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        if is_here {
            self.at += 1;
        }
        is_here
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.syntax()) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    const fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }
}
