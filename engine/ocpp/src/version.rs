//! Versions of OCPP, as a link agrees on them.

use std::fmt;

/// A version of OCPP that a link speaks from its handshake to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Version {
    /// OCPP 1.6 over JSON.
    #[serde(rename = "1.6")]
    V16,
    /// OCPP 2.0.1.
    #[serde(rename = "2.0.1")]
    V201,
    /// OCPP 2.1.
    #[serde(rename = "2.1")]
    V21,
}

impl Version {
    /// All of them, the one we prefer first.
    pub const ALL: [Self; 3] = [Self::V21, Self::V201, Self::V16];

    /// Its number alone, such as 2.0.1.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::V16 => "1.6",
            Self::V201 => "2.0.1",
            Self::V21 => "2.1",
        }
    }

    /// Its WebSocket subprotocol (OCPP-J 1.6 section 3.3; OCPP 2.0.1 and 2.1 part 4 section 3.3).
    #[must_use]
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::V16 => "ocpp1.6",
            Self::V201 => "ocpp2.0.1",
            Self::V21 => "ocpp2.1",
        }
    }

    /// The version of a WebSocket subprotocol, whatever its case.
    #[must_use]
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.subprotocol().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "OCPP {}", self.number())
    }
}
