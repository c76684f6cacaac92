//! What a station is asked for in upkeep, and what its answer means, in no version's words.

use std::fmt;

use serde::{Deserialize, Serialize};
use units::{IdToken, Timestamp};

use super::row::SettingKey;

/// What a job does at each of its stations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Work {
    /// Any call of OCPP, in the words of the version that the station speaks. What bears limits is refused (S1).
    Call {
        /// The action.
        action: String,
        /// Its payload.
        #[serde(default = "no_members")]
        payload: serde_json::Value,
    },
    /// The station starts anew.
    Reset {
        /// How.
        #[serde(default)]
        how: ResetHow,
    },
    /// A cable is let go.
    Unlock {
        /// At which EVSE.
        evse: u16,
    },
    /// An EVSE, or the station, goes out of service or back; it is told again after each boot.
    Availability {
        /// Which EVSE; none is all of the station.
        #[serde(default)]
        evse: Option<u16>,
        /// Back into service.
        is_operative: bool,
    },
    /// Remembered tokens are forgotten.
    ClearCache,
    /// Other firmware.
    Firmware {
        /// Where it is.
        url: String,
        /// What the station calls itself once it runs: who has it is left alone, who boots with it is done. Without it
        /// the station's word that it is installed counts.
        #[serde(default)]
        version: Option<String>,
        /// Whose it is, for stations to check: OCPP 1.6 has SignedUpdateFirmware for it (security whitepaper, edition 3,
        /// section 5.21), OCPP 2.0.1 the same message (L01).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<FirmwareSignature>,
    },
    /// A file of what the station noted, to the upload endpoint.
    Diagnostics {
        /// Which.
        #[serde(default)]
        log: LogKind,
        /// Only what was noted from then on.
        #[serde(default, deserialize_with = "instant")]
        from: Option<Timestamp>,
        /// Only what was noted before.
        #[serde(default, deserialize_with = "instant")]
        until: Option<Timestamp>,
    },
    /// The station connects to another backend from then on.
    Move {
        /// Where that is: `ws://…` or `wss://…`, without the station's id.
        url: String,
        /// OCPP 1.6 has no word for it: the key in which this model keeps the address.
        #[serde(default)]
        key: Option<String>,
        /// Which of its network profiles (OCPP 2.0.1) is written over; not the one in use.
        #[serde(default = "slot_default")]
        slot: u16,
        /// The security profile there (OCPP 2.0.1).
        #[serde(default = "profile_default")]
        security_profile: u8,
    },
}

/// What a station checks new firmware by, before it installs it. Neither is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirmwareSignature {
    /// The X.509 certificate of who signed it, PEM; at most 5500 characters.
    pub certificate: String,
    /// The signature of the file, base64; at most 800 characters.
    pub signature: String,
}

impl FirmwareSignature {
    const CERTIFICATE_MAX: usize = 5_500;
    const SIGNATURE_MAX: usize = 800;
    /// Signed firmware has a shorter address than other.
    const URL_MAX: usize = 512;

    /// Every reason against it, with the way out.
    pub(crate) fn against(&self, url: &str) -> Vec<String> {
        let Self { certificate, signature } = self;
        let mut problems = Vec::new();
        let is_pem = certificate.trim_start().starts_with("-----BEGIN CERTIFICATE-----");
        if !is_pem || certificate.chars().count() > Self::CERTIFICATE_MAX {
            problems.push(format!(
                "signed.certificate has {} characters: give one certificate as PEM, at most {}",
                certificate.chars().count(),
                Self::CERTIFICATE_MAX
            ));
        }
        let is_base64 = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=');
        if signature.is_empty() || signature.len() > Self::SIGNATURE_MAX || !signature.chars().all(is_base64)
        {
            problems.push(format!(
                "signed.signature has {} characters: give base64 without line breaks, at most {}",
                signature.chars().count(),
                Self::SIGNATURE_MAX
            ));
        }
        if url.chars().count() > Self::URL_MAX {
            problems.push(format!(
                "the address of signed firmware has {} characters: at most {} are allowed",
                url.chars().count(),
                Self::URL_MAX
            ));
        }
        problems
    }
}

/// As we keep it, in UTC milliseconds, or as people write it.
fn instant<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Kept(Timestamp),
        Text(String),
    }
    match Option::<Written>::deserialize(from)? {
        None => Ok(None),
        Some(Written::Kept(at)) => Ok(Some(at)),
        Some(Written::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

fn no_members() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

const fn slot_default() -> u16 {
    2
}

const fn profile_default() -> u8 {
    1
}

impl Work {
    /// It may be asked for again where the answer was lost.
    pub(crate) const fn may_repeat(&self) -> bool {
        match self {
            Self::Firmware { .. }
            | Self::Diagnostics { .. }
            | Self::Availability { .. }
            | Self::ClearCache => true,
            Self::Call { .. } | Self::Reset { .. } | Self::Unlock { .. } | Self::Move { .. } => false,
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { action, payload } => {
                write!(out, "call {action} {}", ocpp::redact(&payload.to_string()))
            }
            Self::Reset { how: ResetHow::Soft } => out.write_str("reset once it is idle"),
            Self::Reset { how: ResetHow::Hard } => out.write_str("reset at once"),
            Self::Unlock { evse } => write!(out, "unlock EVSE {evse}"),
            Self::Availability { evse, is_operative } => {
                match evse {
                    Some(evse) => write!(out, "EVSE {evse}")?,
                    None => out.write_str("all EVSEs")?,
                }
                out.write_str(if *is_operative { " into service" } else { " out of service" })
            }
            Self::ClearCache => out.write_str("forget remembered tokens"),
            Self::Firmware { url, version, signed } => {
                if signed.is_some() {
                    out.write_str("signed ")?;
                }
                write!(out, "firmware {} from {}", version.as_deref().unwrap_or("of any version"), bare(url))
            }
            Self::Diagnostics { log, .. } => write!(out, "send its {log}"),
            Self::Move { url, .. } => write!(out, "move to {}", bare(url)),
        }
    }
}

/// An address without the user and password that may stand in it.
fn bare(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    format!("{scheme}://{host}/{}", path.split('?').next().unwrap_or_default())
}

/// How a station starts anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetHow {
    /// After its transactions were ended in order, or have ended.
    #[default]
    Soft,
    /// At once.
    Hard,
}

/// What a station notes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Whatever helps to find a fault.
    #[default]
    Diagnostics,
    /// What concerns security.
    Security,
}

impl fmt::Display for LogKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Diagnostics => "diagnostics",
            Self::Security => "security log",
        })
    }
}

/// One call of upkeep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Reset(ResetHow),
    Unlock {
        evse: u16,
    },
    Availability {
        evse: Option<u16>,
        is_operative: bool,
    },
    ClearCache,
    Firmware {
        url: String,
        number: u32,
        signed: Option<FirmwareSignature>,
    },
    Log {
        url: String,
        number: u32,
        kind: LogKind,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    },
    /// What a setting is.
    Get(SettingKey),
    Set(SettingKey, String),
    /// Where the profile of a backend is kept.
    NetworkProfile {
        slot: u16,
        url: String,
        security_profile: u8,
    },
    ListVersion,
    SendList {
        version: i32,
        update: ListUpdate,
        entries: Vec<ListEntry>,
    },
    Reserve {
        number: u32,
        evse: u16,
        token: IdToken,
        until: Timestamp,
    },
    CancelReservation {
        number: u32,
    },
}

/// Whether a list replaces the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListUpdate {
    Full,
    Differential,
}

/// A token of a local list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListEntry {
    Accepted(IdToken, Option<Timestamp>),
    Removed(IdToken),
}

/// What a station's answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// In one of our words.
    pub verdict: Verdict,
    /// In the station's.
    pub word: String,
    /// What it was asked for: the value of a setting, the version of a list, the name of a file.
    pub value: Option<String>,
}

impl Told {
    pub(crate) fn new(verdict: Verdict, word: impl Into<String>) -> Self {
        Self { verdict, word: word.into(), value: None }
    }

    /// An answer that is a word of OCPP.
    pub(crate) fn status(word: &str) -> Self {
        let verdict = match word {
            "Accepted" | "AcceptedCanceled" | "Unlocked" => Verdict::Done,
            "Scheduled" => Verdict::Scheduled,
            // FIELD section 6, trap 16: a success.
            "RebootRequired" => Verdict::RebootRequired,
            "NotSupported"
            | "NotImplemented"
            | "UnknownComponent"
            | "UnknownVariable"
            | "UnknownConnector"
            | "NotSupportedAttributeType" => Verdict::NotSupported,
            "VersionMismatch" => Verdict::Mismatch,
            _ => Verdict::Refused,
        };
        Self::new(verdict, word)
    }

    /// An error in place of an answer.
    pub(crate) fn error(code: &str, description: &str) -> Self {
        let verdict = match code {
            "NotImplemented" | "NotSupported" => Verdict::NotSupported,
            _ => Verdict::Refused,
        };
        Self::new(
            verdict,
            format!("{code} {description}").trim_end().chars().take(WORD_MAX).collect::<String>(),
        )
    }
}

/// So much of a station's words is kept.
const WORD_MAX: usize = 200;

/// How a station took a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did it, or does it now.
    Done,
    /// It does it once it can.
    Scheduled,
    /// It did it, and it holds from its next boot on.
    RebootRequired,
    /// Nobody can set it.
    ReadOnly,
    /// It does not know how.
    NotSupported,
    /// It holds another version of the list.
    Mismatch,
    /// It did not.
    Refused,
}

impl Verdict {
    /// What was wanted is so, or will be.
    #[must_use]
    pub const fn is_success(self) -> bool {
        match self {
            Self::Done | Self::Scheduled | Self::RebootRequired => true,
            Self::ReadOnly | Self::NotSupported | Self::Mismatch | Self::Refused => false,
        }
    }
}
