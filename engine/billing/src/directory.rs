//! Who may charge where and at what price: one immutable version, published by the business, read by charging.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use units::civil::Zone;
use units::{AccountId, EvseId, IdToken, OwnerId, SiteId, TariffId, Timestamp};

use crate::cdr::{Driver, FeeClass};

/// One version of the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "DirectoryParts", into = "DirectoryParts")]
pub struct Directory {
    parts: DirectoryParts,
}

/// What a directory version is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryParts {
    /// The version's number; a newer one is higher, 0 is the empty directory before the first.
    pub version: u64,
    /// Every token that is known.
    pub tokens: BTreeMap<IdToken, TokenEntry>,
    /// The accounts of each site, for [`AccountsAdmitted::AllOfSite`].
    pub accounts: BTreeMap<SiteId, BTreeSet<AccountId>>,
    /// The terms of each EVSE, in order of `valid_from`.
    pub evses: BTreeMap<EvseId, Vec<EvseTerms>>,
}

/// What is known about a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Whom it identifies.
    pub holder: TokenHolder,
    /// Whether it may be used.
    pub status: TokenStatus,
}

/// Whom a token identifies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenHolder {
    /// A registered driver.
    Account(AccountId),
    /// A guest who was authorised explicitly, such as by a payment hold.
    Guest,
}

/// Whether a token may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenStatus {
    /// Until further notice.
    Valid,
    /// Before this instant; at it and after, it is expired.
    ValidUntil(Timestamp),
    /// Not at all.
    Blocked,
}

/// The terms of an EVSE from an instant until the next terms of the same EVSE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvseTerms {
    /// The first instant at which they hold.
    pub valid_from: Timestamp,
    /// Where the EVSE stands.
    pub site: SiteId,
    /// The site's zone.
    pub zone: Zone,
    /// Who owns the site.
    pub owner: OwnerId,
    /// Who may charge.
    pub access: Access,
    /// Which fee the owner bears; `Public` wherever guests may charge.
    pub fee_class: FeeClass,
    /// The tariff of account holders. At an EVSE that is open to all, an account holder without a tariff of their own
    /// pays the guests' tariff.
    pub tariff_accounts: Option<TariffId>,
    /// The tariff of guests, and of accounts that only public access admits.
    pub tariff_guests: Option<TariffId>,
}

/// Who may charge at an EVSE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Only these accounts.
    Private(AccountsAdmitted),
    /// Every account and every authorised guest.
    Public,
    /// These accounts at their tariff, everybody else at the guests' tariff.
    Both(AccountsAdmitted),
}

/// Which accounts private access admits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountsAdmitted {
    /// Those named.
    Named(BTreeSet<AccountId>),
    /// Each account of the EVSE's site.
    AllOfSite,
}

/// What is frozen for a transaction at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The directory version that decided.
    pub version: u64,
    /// Where.
    pub site: SiteId,
    /// The site's zone.
    pub zone: Zone,
    /// Whose site.
    pub owner: OwnerId,
    /// Who pays: an account or a guest, never unknown.
    pub driver: Driver,
    /// The owner's fee class.
    pub fee_class: FeeClass,
    /// The price.
    pub tariff: TariffId,
}

/// Why a token may not charge at an EVSE.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AuthoriseRefusal {
    /// Nobody knows the token, at a public EVSE either.
    #[error("token {token} is unknown")]
    UnknownToken {
        /// The token.
        token: IdToken,
    },
    /// It was blocked.
    #[error("token {token} is blocked")]
    Blocked {
        /// The token.
        token: IdToken,
    },
    /// Its time is over.
    #[error("token {token} expired at {expired_at}")]
    Expired {
        /// The token.
        token: IdToken,
        /// When.
        expired_at: Timestamp,
    },
    /// Nobody knows the EVSE.
    #[error("EVSE {evse} is unknown")]
    UnknownEvse {
        /// The EVSE.
        evse: EvseId,
    },
    /// The EVSE's first terms lie ahead.
    #[error("EVSE {evse} has no terms before {valid_from}")]
    NotYetInService {
        /// The EVSE.
        evse: EvseId,
        /// When its first terms begin.
        valid_from: Timestamp,
    },
    /// The EVSE's access does not admit the holder.
    #[error("token {token} is not admitted at EVSE {evse}")]
    NotAllowedHere {
        /// The token.
        token: IdToken,
        /// The EVSE.
        evse: EvseId,
    },
    /// Nothing says what it would cost.
    #[error("EVSE {evse} has no tariff for the holder of token {token}")]
    NoTariff {
        /// The token.
        token: IdToken,
        /// The EVSE.
        evse: EvseId,
    },
}

/// Why parts are not a directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryDefect {
    /// An EVSE is listed without terms.
    #[error("EVSE {evse} has no terms")]
    NoTerms {
        /// The EVSE.
        evse: EvseId,
    },
    /// Terms are out of order, or two begin at once.
    #[error("EVSE {evse}: terms from {later} follow terms from {earlier}")]
    TermsOutOfOrder {
        /// The EVSE.
        evse: EvseId,
        /// The `valid_from` that comes first.
        earlier: Timestamp,
        /// The `valid_from` that follows and is not later.
        later: Timestamp,
    },
    /// Guests may charge, and yet the fee class is the plan's (MONEY section 4).
    #[error("EVSE {evse} is open to guests from {valid_from}, so its fee class is public, not plan")]
    OpenToGuestsOnPlan {
        /// The EVSE.
        evse: EvseId,
        /// Which terms.
        valid_from: Timestamp,
    },
}

impl Directory {
    /// A version from its parts.
    ///
    /// # Errors
    ///
    /// Every defect of the terms, not only the first.
    pub fn new(parts: DirectoryParts) -> Result<Self, Vec<DirectoryDefect>> {
        let defects: Vec<DirectoryDefect> =
            parts.evses.iter().flat_map(|(evse, terms)| terms_defects(evse, terms)).collect();
        if defects.is_empty() { Ok(Self { parts }) } else { Err(defects) }
    }

    /// May the holder of `token` charge at `evse` from `at`, and on which terms?
    ///
    /// # Errors
    ///
    /// The first rule that forbids it; the token's rules come before the EVSE's.
    pub fn authorise(
        &self,
        token: &IdToken,
        evse: &EvseId,
        at: Timestamp,
    ) -> Result<Admission, AuthoriseRefusal> {
        let holder = self.holder(token, at)?;
        let terms = self.terms(evse, at)?;
        let not_allowed = || AuthoriseRefusal::NotAllowedHere { token: token.clone(), evse: evse.clone() };
        let or_guests = || terms.tariff_accounts.as_ref().or(terms.tariff_guests.as_ref());
        let tariff = match (&terms.access, holder) {
            (Access::Private(_), TokenHolder::Guest) => return Err(not_allowed()),
            (Access::Private(admitted), TokenHolder::Account(account)) => {
                if !self.admits(admitted, &terms.site, account) {
                    return Err(not_allowed());
                }
                terms.tariff_accounts.as_ref()
            }
            (Access::Public | Access::Both(_), TokenHolder::Guest) => terms.tariff_guests.as_ref(),
            (Access::Public, TokenHolder::Account(_)) => or_guests(),
            (Access::Both(admitted), TokenHolder::Account(account)) => {
                if self.admits(admitted, &terms.site, account) {
                    or_guests()
                } else {
                    terms.tariff_guests.as_ref()
                }
            }
        };
        let Some(tariff) = tariff.cloned() else {
            return Err(AuthoriseRefusal::NoTariff { token: token.clone(), evse: evse.clone() });
        };
        Ok(Admission {
            version: self.parts.version,
            site: terms.site.clone(),
            zone: terms.zone.clone(),
            owner: terms.owner.clone(),
            driver: match holder {
                TokenHolder::Account(account) => Driver::Account(account.clone()),
                TokenHolder::Guest => Driver::Guest,
            },
            fee_class: terms.fee_class,
            tariff,
        })
    }

    /// The terms of `evse` at `at`, whoever charges.
    ///
    /// # Errors
    ///
    /// `UnknownEvse` or `NotYetInService`.
    pub fn terms(&self, evse: &EvseId, at: Timestamp) -> Result<&EvseTerms, AuthoriseRefusal> {
        let unknown = || AuthoriseRefusal::UnknownEvse { evse: evse.clone() };
        let terms = self.parts.evses.get(evse).ok_or_else(unknown)?;
        let first = terms.first().ok_or_else(unknown)?;
        terms.iter().rfind(|terms| terms.valid_from <= at).ok_or_else(|| AuthoriseRefusal::NotYetInService {
            evse: evse.clone(),
            valid_from: first.valid_from,
        })
    }

    /// The number of this version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.parts.version
    }

    /// What the version is made of.
    #[must_use]
    pub const fn parts(&self) -> &DirectoryParts {
        &self.parts
    }

    fn holder(&self, token: &IdToken, at: Timestamp) -> Result<&TokenHolder, AuthoriseRefusal> {
        let entry = self
            .parts
            .tokens
            .get(token)
            .ok_or_else(|| AuthoriseRefusal::UnknownToken { token: token.clone() })?;
        match entry.status {
            TokenStatus::Valid => Ok(&entry.holder),
            TokenStatus::ValidUntil(until) if at < until => Ok(&entry.holder),
            TokenStatus::ValidUntil(expired_at) => {
                Err(AuthoriseRefusal::Expired { token: token.clone(), expired_at })
            }
            TokenStatus::Blocked => Err(AuthoriseRefusal::Blocked { token: token.clone() }),
        }
    }

    fn admits(&self, admitted: &AccountsAdmitted, site: &SiteId, account: &AccountId) -> bool {
        match admitted {
            AccountsAdmitted::Named(accounts) => accounts.contains(account),
            AccountsAdmitted::AllOfSite => {
                self.parts.accounts.get(site).is_some_and(|accounts| accounts.contains(account))
            }
        }
    }
}

impl TryFrom<DirectoryParts> for Directory {
    type Error = String;
    fn try_from(parts: DirectoryParts) -> Result<Self, Self::Error> {
        Self::new(parts)
            .map_err(|defects| defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl From<Directory> for DirectoryParts {
    fn from(directory: Directory) -> Self {
        directory.parts
    }
}

fn terms_defects(evse: &EvseId, terms: &[EvseTerms]) -> Vec<DirectoryDefect> {
    let mut defects = Vec::new();
    if terms.is_empty() {
        defects.push(DirectoryDefect::NoTerms { evse: evse.clone() });
    }
    for pair in terms.windows(2).filter(|pair| pair[1].valid_from <= pair[0].valid_from) {
        let (earlier, later) = (pair[0].valid_from, pair[1].valid_from);
        defects.push(DirectoryDefect::TermsOutOfOrder { evse: evse.clone(), earlier, later });
    }
    for terms in terms {
        let is_open_to_guests = match terms.access {
            Access::Private(_) => false,
            Access::Public | Access::Both(_) => true,
        };
        if is_open_to_guests && terms.fee_class == FeeClass::Plan {
            let valid_from = terms.valid_from;
            defects.push(DirectoryDefect::OpenToGuestsOnPlan { evse: evse.clone(), valid_from });
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::TimeSpan;

    #[test]
    fn each_refusal_has_its_own_reason_and_each_admission_its_own_tariff() {
        let directory = directory();
        let at = Timestamp::EPOCH + TimeSpan::from_hours(10);
        type Row = (&'static str, &'static str, Result<(&'static str, bool), &'static str>);
        let table: [Row; 16] = [
            ("RESIDENT", "PRIVATE/1", Ok(("private", false))),
            ("NEIGHBOUR", "PRIVATE/1", Ok(("private", false))),
            ("STRANGER", "PRIVATE/1", Err("token STRANGER is not admitted at EVSE PRIVATE/1")),
            ("GUEST", "PRIVATE/1", Err("token GUEST is not admitted at EVSE PRIVATE/1")),
            ("NEIGHBOUR", "NAMED/1", Err("token NEIGHBOUR is not admitted at EVSE NAMED/1")),
            ("RESIDENT", "NAMED/1", Err("EVSE NAMED/1 has no tariff for the holder of token RESIDENT")),
            ("RESIDENT", "PUBLIC/1", Ok(("public", false))),
            ("GUEST", "PUBLIC/1", Ok(("public", true))),
            ("RESIDENT", "BOTH/1", Ok(("private", false))),
            ("STRANGER", "BOTH/1", Ok(("public", false))),
            ("GUEST", "BOTH/1", Ok(("public", true))),
            ("NOBODY", "PUBLIC/1", Err("token NOBODY is unknown")),
            ("BLOCKED", "PUBLIC/1", Err("token BLOCKED is blocked")),
            ("EXPIRED", "PUBLIC/1", Err("token EXPIRED expired at 1970-01-01T10:00:00.000Z")),
            ("RESIDENT", "NOWHERE/1", Err("EVSE NOWHERE/1 is unknown")),
            ("RESIDENT", "LATER/1", Err("EVSE LATER/1 has no terms before 1970-01-01T11:00:00.000Z")),
        ];
        for (token, evse, expected) in table {
            let answer = directory.authorise(&token.parse().unwrap(), &evse.parse().unwrap(), at);
            match (answer, expected) {
                (Ok(admission), Ok((tariff, is_guest))) => {
                    assert_eq!(admission.tariff.as_str(), tariff, "{token} at {evse}");
                    assert_eq!(admission.driver == Driver::Guest, is_guest, "{token} at {evse}");
                }
                (Err(refusal), Err(message)) => assert_eq!(refusal.to_string(), message),
                (answer, expected) => panic!("{token} at {evse}: {answer:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn terms_hold_from_their_first_instant() {
        let directory = directory();
        let evse = "LATER/1".parse().unwrap();
        let first = Timestamp::EPOCH + TimeSpan::from_hours(11);
        assert!(directory.terms(&evse, first - TimeSpan::from_milliseconds(1)).is_err());
        assert_eq!(directory.terms(&evse, first).unwrap().owner.as_str(), "owner");
        let second = first + TimeSpan::from_hours(1);
        assert_eq!(directory.terms(&evse, second).unwrap().owner.as_str(), "heir");
    }

    #[test]
    fn all_defects_of_the_terms_are_reported_at_once() {
        let mut parts = directory().parts().clone();
        parts.evses.insert("EMPTY/1".parse().unwrap(), vec![]);
        let public = parts.evses.get_mut(&"PUBLIC/1".parse().unwrap()).unwrap();
        public[0].fee_class = FeeClass::Plan;
        let again = public[0].clone();
        public.push(again);
        let defects = Directory::new(parts).unwrap_err();
        assert_eq!(defects.len(), 4, "{defects:?}");
    }

    #[test]
    fn a_directory_survives_json() {
        let directory = directory();
        let text = serde_json::to_string(&directory).unwrap();
        assert_eq!(serde_json::from_str::<Directory>(&text).unwrap(), directory);
        let broken = text.replace("\"fee_class\":\"public\"", "\"fee_class\":\"plan\"");
        assert!(serde_json::from_str::<Directory>(&broken).is_err());
    }

    fn directory() -> Directory {
        let account = |name: &str| TokenHolder::Account(name.parse().unwrap());
        let valid = |holder| TokenEntry { holder, status: TokenStatus::Valid };
        let named = AccountsAdmitted::Named(BTreeSet::from(["resident".parse().unwrap()]));
        let hour = |count| Timestamp::EPOCH + TimeSpan::from_hours(count);
        let blocked = TokenEntry { holder: account("resident"), status: TokenStatus::Blocked };
        let expired = TokenEntry { holder: TokenHolder::Guest, status: TokenStatus::ValidUntil(hour(10)) };
        let terms = |access, fee_class, accounts: Option<&str>, guests: Option<&str>| EvseTerms {
            valid_from: Timestamp::EPOCH,
            site: "site".parse().unwrap(),
            zone: Zone::utc(),
            owner: "owner".parse().unwrap(),
            access,
            fee_class,
            tariff_accounts: accounts.map(|id| id.parse().unwrap()),
            tariff_guests: guests.map(|id| id.parse().unwrap()),
        };
        let all = || AccountsAdmitted::AllOfSite;
        let private = terms(Access::Private(all()), FeeClass::Plan, Some("private"), None);
        let mut later = private.clone();
        later.valid_from = hour(11);
        let mut heir = later.clone();
        heir.valid_from = hour(12);
        heir.owner = "heir".parse().unwrap();
        Directory::new(DirectoryParts {
            version: 3,
            tokens: [
                ("RESIDENT", valid(account("resident"))),
                ("NEIGHBOUR", valid(account("neighbour"))),
                ("STRANGER", valid(account("stranger"))),
                ("GUEST", valid(TokenHolder::Guest)),
                ("BLOCKED", blocked),
                ("EXPIRED", expired),
            ]
            .into_iter()
            .map(|(token, entry)| (token.parse().unwrap(), entry))
            .collect(),
            accounts: BTreeMap::from([(
                "site".parse().unwrap(),
                BTreeSet::from(["resident".parse().unwrap(), "neighbour".parse().unwrap()]),
            )]),
            evses: [
                ("PRIVATE/1", vec![private]),
                ("NAMED/1", vec![terms(Access::Private(named), FeeClass::Plan, None, Some("public"))]),
                ("PUBLIC/1", vec![terms(Access::Public, FeeClass::Public, None, Some("public"))]),
                (
                    "BOTH/1",
                    vec![terms(Access::Both(all()), FeeClass::Public, Some("private"), Some("public"))],
                ),
                ("LATER/1", vec![later, heir]),
            ]
            .into_iter()
            .map(|(evse, terms)| (evse.parse().unwrap(), terms))
            .collect(),
        })
        .unwrap()
    }
}
