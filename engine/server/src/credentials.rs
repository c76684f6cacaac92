//! Which people and programs may ask: their tokens, in one file that is readable by its owner only.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{RwLock, RwLockReadGuard};

use anyhow::Context;
use csms::record::StoredPassword;
use serde::{Deserialize, Serialize};
use units::StationId;

use crate::{password, secret};

/// The names of files in the data directory.
const CREDENTIALS_FILE: &str = "credentials.json";
/// Holds the first token in the clear, for `wattery admin` on the same machine; readable by its owner only.
pub const TOKEN_FILE: &str = "token";

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
    /// Passwords of stations stood here once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stations: BTreeMap<StationId, StationSecret>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StationSecret {
    salt: String,
    hash: String,
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

    /// Passwords that stood here before they became records of the sites: each station with what was kept of its own.
    #[must_use]
    pub fn passwords_of_old(&self) -> Vec<(StationId, StoredPassword)> {
        let stored = |old: &StationSecret| password::stored_of_old(&old.salt, &old.hash);
        self.read().stations.iter().map(|(station, old)| (station.clone(), stored(old))).collect()
    }

    /// They are records now.
    ///
    /// # Errors
    ///
    /// Where it cannot be stored: they are then found here again.
    pub fn forget_passwords_of_old(&self) -> anyhow::Result<()> {
        self.change(|kept| kept.stations.clear())
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
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
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
    fn passwords_that_stood_here_are_handed_over_once() {
        let directory = tempfile::tempdir().unwrap();
        let hash = crate::secret::old_password_hash("salt", b"with:colons:inside");
        let old =
            format!(r#"{{"tokens": {{}}, "stations": {{"P01": {{"salt": "salt", "hash": "{hash}"}}}}}}"#);
        std::fs::write(directory.path().join(CREDENTIALS_FILE), old).unwrap();
        let (credentials, _) = Credentials::open(directory.path()).unwrap();
        let found = credentials.passwords_of_old();
        assert_eq!(found[0].0.as_str(), "P01");
        assert!(password::is_right(&found[0].1, b"with:colons:inside"));
        credentials.forget_passwords_of_old().unwrap();
        let (again, _) = Credentials::open(directory.path()).unwrap();
        assert_eq!(again.passwords_of_old(), []);
    }
}
