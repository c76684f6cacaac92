//! Who may come in: tokens of people and programs, passwords of stations. One file, readable by its owner only.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{RwLock, RwLockReadGuard};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use units::StationId;

use crate::secret;

/// The names of files in the data directory.
const CREDENTIALS_FILE: &str = "credentials.json";
/// Holds the first token in the clear, for `wattery admin` on the same machine; readable by its owner only.
pub const TOKEN_FILE: &str = "token";

/// The shortest password that an operator may choose: OCPP's own lower bound.
pub const PASSWORD_CHARACTERS_MIN: usize = 16;
/// The longest: OCPP's AuthorizationKey holds no more.
pub const PASSWORD_CHARACTERS_MAX: usize = 40;

/// All secrets, hashed.
#[derive(Debug)]
pub struct Credentials {
    path: PathBuf,
    kept: RwLock<Kept>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// By name: the token's hash.
    tokens: BTreeMap<String, String>,
    stations: BTreeMap<StationId, StationSecret>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StationSecret {
    salt: String,
    hash: String,
}

/// How a station's attempt is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StationAccess {
    /// The password is right.
    Authenticated,
    /// No password is set for the station: everybody may speak in its name.
    Unauthenticated,
    /// A password is set, and this is not it.
    Refused,
}

impl Credentials {
    /// Opens the file in `directory`, or makes it with a first token, which is returned once.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, written or understood.
    pub fn open(directory: &Path) -> anyhow::Result<(Self, Option<String>)> {
        let path = directory.join(CREDENTIALS_FILE);
        if path.exists() {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let kept = serde_json::from_str(&text).with_context(|| {
                format!("{} is not what Wattery wrote; restore it or remove it", path.display())
            })?;
            return Ok((Self { path, kept: RwLock::new(kept) }, None));
        }
        let credentials = Self { path, kept: RwLock::new(Kept::default()) };
        let token = credentials.new_token("console")?;
        write_private(&directory.join(TOKEN_FILE), &format!("{token}\n"))?;
        Ok((credentials, Some(token)))
    }

    /// A new token under a name; one of the same name is replaced.
    ///
    /// # Errors
    ///
    /// Where it cannot be stored: it is then not valid.
    pub fn new_token(&self, name: &str) -> anyhow::Result<String> {
        let token = secret::new_token().context("cannot draw a token from /dev/urandom")?;
        self.change(|kept| {
            kept.tokens.insert(name.to_owned(), secret::token_hash(&token));
        })?;
        Ok(token)
    }

    /// Whose token this is.
    #[must_use]
    pub fn token_name(&self, token: &str) -> Option<String> {
        let hash = secret::token_hash(token);
        let kept = self.read();
        kept.tokens.iter().find(|(_, known)| secret::is_same(known, &hash)).map(|(name, _)| name.clone())
    }

    /// Sets a station's password; none draws a new one. It is returned once.
    ///
    /// # Errors
    ///
    /// Where it cannot be stored, or its length is not allowed.
    pub fn set_password(&self, station: &StationId, password: Option<&str>) -> anyhow::Result<String> {
        let password = match password {
            Some(chosen) => chosen.to_owned(),
            None => secret::new_password().context("cannot draw a password from /dev/urandom")?,
        };
        let length = password.chars().count();
        anyhow::ensure!(
            (PASSWORD_CHARACTERS_MIN..=PASSWORD_CHARACTERS_MAX).contains(&length),
            "the password for station {station} has {length} characters: give it {PASSWORD_CHARACTERS_MIN} to \
             {PASSWORD_CHARACTERS_MAX}, or none to have one drawn"
        );
        let salt = secret::new_salt().context("cannot draw a salt from /dev/urandom")?;
        let hash = secret::password_hash(&salt, password.as_bytes());
        self.change(|kept| {
            kept.stations.insert(station.clone(), StationSecret { salt, hash });
        })?;
        Ok(password)
    }

    /// Removes a station's password: everybody may then speak in its name.
    ///
    /// # Errors
    ///
    /// Where it cannot be stored.
    pub fn remove_password(&self, station: &StationId) -> anyhow::Result<()> {
        self.change(|kept| {
            kept.stations.remove(station);
        })
    }

    /// Judges what a station presents.
    #[must_use]
    pub fn judge(&self, station: &StationId, password: Option<&[u8]>) -> StationAccess {
        let known = self.read().stations.get(station).cloned();
        match (known, password) {
            (None, _) => StationAccess::Unauthenticated,
            (Some(known), Some(password))
                if secret::is_same(&known.hash, &secret::password_hash(&known.salt, password)) =>
            {
                StationAccess::Authenticated
            }
            (Some(_), Some(_) | None) => StationAccess::Refused,
        }
    }

    /// Whether a station has a password.
    #[must_use]
    pub fn has_password(&self, station: &StationId) -> bool {
        self.read().stations.contains_key(station)
    }

    /// Changes take effect once they are stored.
    fn change(&self, change: impl FnOnce(&mut Kept)) -> anyhow::Result<()> {
        let mut kept = self.kept.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut changed = kept.clone();
        change(&mut changed);
        write_private(&self.path, &serde_json::to_string_pretty(&changed)?)?;
        *kept = changed;
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Replaces a file whole, or leaves it as it was.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        let mut file =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_token_is_told_once_and_nothing_in_the_clear_is_kept_with_the_hashes() {
        let directory = tempfile::tempdir().unwrap();
        let (credentials, token) = Credentials::open(directory.path()).unwrap();
        let token = token.unwrap();
        assert_eq!(credentials.token_name(&token).as_deref(), Some("console"));
        assert_eq!(credentials.token_name("wrong"), None);
        let (again, none) = Credentials::open(directory.path()).unwrap();
        assert_eq!(none, None);
        assert_eq!(again.token_name(&token).as_deref(), Some("console"));
        let stored = std::fs::read_to_string(directory.path().join(CREDENTIALS_FILE)).unwrap();
        assert!(!stored.contains(&token));
        for file in [CREDENTIALS_FILE, TOKEN_FILE] {
            let mode = std::fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn field_6_10_passwords_may_hold_colons_and_any_bytes_are_compared() {
        let directory = tempfile::tempdir().unwrap();
        let (credentials, _) = Credentials::open(directory.path()).unwrap();
        let station: StationId = "P01".parse().unwrap();
        assert_eq!(credentials.judge(&station, None), StationAccess::Unauthenticated);
        credentials.set_password(&station, Some("with:colons:inside")).unwrap();
        assert_eq!(credentials.judge(&station, Some(b"with:colons:inside")), StationAccess::Authenticated);
        assert_eq!(credentials.judge(&station, Some(&[0xff, 0x00])), StationAccess::Refused);
        assert_eq!(credentials.judge(&station, None), StationAccess::Refused);
        assert!(
            credentials
                .set_password(&station, Some("short"))
                .unwrap_err()
                .to_string()
                .contains("5 characters")
        );
        credentials.remove_password(&station).unwrap();
        assert_eq!(credentials.judge(&station, None), StationAccess::Unauthenticated);
    }
}
