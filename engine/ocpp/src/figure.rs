//! Numbers whose digits are kept.

use std::fmt;
use std::str::FromStr;

use crate::json::{self, Json};

/// A number with its digits as they stand in a frame, never through floating point. What a station sends in place of a
/// number is kept too, and never sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Figure(String);

impl Figure {
    /// From any text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The digits as they came; empty where none came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a number as JSON writes them.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(json::parse(&self.0, 1), Ok(Json::Number(number)) if number == self.0)
    }

    /// This times ten to the power of `exponent`, exactly, as far as `T` holds it; `None` where it is no number or
    /// beyond what `T` holds.
    #[must_use]
    pub fn scaled<T: FromStr>(&self, exponent: i32) -> Option<T> {
        scaled(self.0.trim(), exponent)
    }
}

impl From<i64> for Figure {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number `text` times ten to the power of `exponent`.
pub(crate) fn scaled<T: FromStr>(text: &str, exponent: i32) -> Option<T> {
    if exponent == 0 {
        return text.parse().ok();
    }
    let (mantissa, own) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = own.parse::<i32>().ok()?.checked_add(exponent)?;
    format!("{mantissa}e{exponent}").parse().ok()
}
