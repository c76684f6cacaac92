//! Identifiers. Text ids check length and characters when parsed; numeric ids come from persisted counters.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing was given.
    #[error("{kind} is empty")]
    Empty {
        /// Which kind of identifier.
        kind: &'static str,
    },
    /// More characters than the limit.
    #[error("{kind} `{text}…` has {length} characters, more than {limit}")]
    TooLong {
        /// Which kind of identifier.
        kind: &'static str,
        /// How it begins.
        text: String,
        /// How many characters it has.
        length: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A character outside letters, digits and `- _ . : @ | + = *`.
    #[error("{kind} `{text}` holds `{character}`, which is not allowed")]
    Character {
        /// Which kind of identifier.
        kind: &'static str,
        /// The text.
        text: String,
        /// The first character at fault.
        character: char,
    },
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check_text($kind, text, $limit).map(|()| Self(Arc::from(text)))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The id after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id! {
    /// A site.
    SiteId, "site id", 48
}
text_id! {
    /// A circuit, unique within its site.
    CircuitId, "circuit id", 48
}
text_id! {
    /// A meter, unique over all sites.
    MeterId, "meter id", 48
}
text_id! {
    /// A charging station: the last part of the URL it connects to.
    StationId, "station id", 48
}
text_id! {
    /// A site owner.
    OwnerId, "owner id", 48
}
text_id! {
    /// A driver's account.
    AccountId, "account id", 48
}
text_id! {
    /// One version of a tariff.
    TariffId, "tariff id", 48
}

number_id! {
    /// OCPP's transaction, unique over all stations. OCPP 1.6 carries it as a signed 32-bit number.
    TransactionId
}
number_id! {
    /// One stay at an EVSE.
    SessionId
}
number_id! {
    /// A sealed CDR.
    CdrId
}
number_id! {
    /// A station's OCPP-J connection; a newer link has a higher number.
    LinkId
}
number_id! {
    /// The place of a record in the order of commits; 0 stands before the first.
    RecordSeq
}
number_id! {
    /// A question or command that awaits an answer.
    RequestId
}

/// An EVSE: its station and its number there, from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EvseId {
    /// The station.
    pub station: StationId,
    /// The number within the station, from 1 (OCPP 1.6's connectorId).
    pub number: u16,
}

impl fmt::Display for EvseId {
    /// `station/1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.station, self.number)
    }
}

impl FromStr for EvseId {
    type Err = InvalidId;
    /// Reads `station/1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at_fault = || InvalidId::Character { kind: "EVSE id", text: text.to_owned(), character: '/' };
        let (station, number) = text.rsplit_once('/').ok_or_else(at_fault)?;
        match number.parse() {
            Ok(number) if number > 0 => Ok(Self { station: station.parse()?, number }),
            Ok(_) | Err(_) => Err(at_fault()),
        }
    }
}

impl TryFrom<String> for EvseId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EvseId> for String {
    fn from(id: EvseId) -> Self {
        id.to_string()
    }
}

/// What identifies a driver at a station. Tokens compare case-insensitively (FIELD section 6, trap 11): they are
/// held in upper case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdToken(Arc<str>);

impl IdToken {
    /// The token in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdToken {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        check_text("id token", text, 36).map(|()| Self(Arc::from(text.to_ascii_uppercase())))
    }
}

impl TryFrom<String> for IdToken {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IdToken> for String {
    fn from(token: IdToken) -> Self {
        token.0.as_ref().to_owned()
    }
}

impl fmt::Display for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_text(kind: &'static str, text: &str, limit: usize) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { kind });
    }
    let length = text.chars().count();
    if length > limit {
        return Err(InvalidId::TooLong { kind, text: text.chars().take(limit).collect(), length, limit });
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:@|+=*".contains(c);
    match text.chars().find(|&c| !is_allowed(c)) {
        Some(character) => Err(InvalidId::Character { kind, text: text.to_owned(), character }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_is_wrong_with_them() {
        assert_eq!("".parse::<SiteId>().unwrap_err().to_string(), "site id is empty");
        assert_eq!(
            "a b".parse::<StationId>().unwrap_err().to_string(),
            "station id `a b` holds ` `, which is not allowed"
        );
        assert!("x".repeat(49).parse::<StationId>().unwrap_err().to_string().ends_with("more than 48"));
        assert!("CP1/0".parse::<EvseId>().is_err());
        assert_eq!("CP1/2".parse::<EvseId>().unwrap().number, 2);
    }

    #[test]
    fn tokens_compare_without_case() {
        assert_eq!("04a1b2".parse::<IdToken>().unwrap(), "04A1B2".parse::<IdToken>().unwrap());
    }
}
