//! What stations must prove before they may speak: the rules over [`SecurityRow`]s. Whether a password is right is
//! found out by the shell, where time may pass; what was found out comes in with the link.

use std::fmt;

use serde::{Deserialize, Serialize};
use units::{StationId, Timestamp};

use crate::contract::CloseReason;
use crate::core::Core;
use crate::csms::Csms;
use crate::record::Record;

/// OCPP's security profiles (1.6 security whitepaper, section 2; 2.0.1 part 2, A00), from nothing to the most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum SecurityProfile {
    /// 0: nothing is shown; for networks that nobody else reaches.
    #[default]
    Unauthenticated,
    /// 1: HTTP Basic authentication, readable by whoever carries the traffic.
    Basic,
    /// 2: HTTP Basic authentication over TLS.
    BasicOverTls,
    /// 3: TLS with an X.509 Certificate of the station's own.
    MutualTls,
}

impl SecurityProfile {
    /// Every profile, ascending; its place is its number.
    pub const ALL: [Self; 4] = [Self::Unauthenticated, Self::Basic, Self::BasicOverTls, Self::MutualTls];

    /// OCPP's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unauthenticated => 0,
            Self::Basic => 1,
            Self::BasicOverTls => 2,
            Self::MutualTls => 3,
        }
    }

    /// Whether a station of this profile proves itself by a password.
    #[must_use]
    pub const fn needs_password(self) -> bool {
        match self {
            Self::Basic | Self::BasicOverTls => true,
            Self::Unauthenticated | Self::MutualTls => false,
        }
    }
}

impl From<SecurityProfile> for u8 {
    fn from(profile: SecurityProfile) -> Self {
        profile.number()
    }
}

/// A number that is no security profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is no security profile: there are 0 (no authentication), 1 (password), 2 (password over TLS) and 3 (client certificate)"
)]
pub struct NoSecurityProfile(pub u8);

impl TryFrom<u8> for SecurityProfile {
    type Error = NoSecurityProfile;

    fn try_from(number: u8) -> Result<Self, NoSecurityProfile> {
        Self::ALL.into_iter().find(|profile| profile.number() == number).ok_or(NoSecurityProfile(number))
    }
}

impl fmt::Display for SecurityProfile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.number())
    }
}

/// What a station must prove, and what its password is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityRow {
    /// The station; it need not be in a site yet.
    pub station: StationId,
    /// The least it must prove on each link.
    pub profile: SecurityProfile,
    /// Its password, where it has one.
    pub password: Option<StoredPassword>,
    /// When this row was written.
    pub changed_at: Timestamp,
}

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPassword {
    /// A salted, slow hash with its parameters, as the shell writes and reads it.
    pub hash: Box<str>,
    /// It was written in hexadecimal digits: an AuthorizationKey of OCPP 1.6, which stations send either as they were
    /// told it or as the bytes that it stands for (FIELD section 6, trap 10).
    pub is_key: bool,
}

impl fmt::Debug for StoredPassword {
    /// Not the hash: what is printed for people ends up in logs.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StoredPassword").field("is_key", &self.is_key).finish_non_exhaustive()
    }
}

/// What becomes of a station's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChange {
    /// It stays, also where there is none.
    Kept,
    /// This one from now on.
    Set(StoredPassword),
}

/// Whether a lower profile than before is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lowering {
    /// It would be a mistake, and is refused.
    Refused,
    /// It is what the operator wants, and said so.
    Meant,
}

impl Core {
    /// What a station must prove: what it was given, and never less than the installation asks of all.
    pub(crate) fn required_of(&self, station: &StationId) -> SecurityProfile {
        let own = self.security.get(station).map(|row| row.profile);
        own.unwrap_or_default().max(self.policy.security_least)
    }
}

impl Csms {
    /// Gives a station a security profile and perhaps a password, or tells every reason against it.
    pub(crate) fn secure(
        &mut self,
        now: Timestamp,
        station: &StationId,
        profile: SecurityProfile,
        password: PasswordChange,
        lowering: Lowering,
    ) -> Result<(), Vec<String>> {
        let least = self.core.policy.security_least;
        let before = self.core.required_of(station);
        let kept = self.core.security.get(station).and_then(|row| row.password.clone());
        let password = match password {
            PasswordChange::Kept => kept,
            PasswordChange::Set(password) => Some(password),
        };
        let mut reasons = Vec::new();
        if profile < least {
            reasons.push(format!(
                "security profile {profile} for station {station} is below {least}, which the installation asks of every \
                 station: choose a higher one, or start the server with --station-security-least {profile}"
            ));
        } else if profile < before && lowering == Lowering::Refused {
            reasons.push(format!(
                "station {station} has security profile {before}, and {profile} is lower: say that it is meant to be \
                 lowered (--lower), or choose {before} or more"
            ));
        }
        if profile.needs_password() && password.is_none() {
            reasons.push(format!(
                "security profile {profile} needs a password, and station {station} has none: give one, or have one drawn"
            ));
        }
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let row =
            SecurityRow { station: station.clone(), profile, password, changed_at: self.core.wall(now) };
        self.core.out.persist(Record::Security(Box::new(row.clone())));
        self.core.security.insert(station.clone(), row);
        self.end_below(now, station);
        Ok(())
    }

    /// A link that proved less than is asked by now is dropped: whoever speaks on it proves more or stays away.
    fn end_below(&mut self, now: Timestamp, station: &StationId) {
        let required = self.core.required_of(station);
        if let Some(&place) = self.station_by_id.get(station)
            && self.stations[place].link.as_ref().is_some_and(|link| link.security < required)
        {
            self.close_link_of(now, place, CloseReason::TooInsecure);
        }
    }
}
