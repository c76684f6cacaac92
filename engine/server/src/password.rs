//! Stations' passwords: which are taken, how they are kept, and whether one is right.
//!
//! What a person chose might be guessed, and is hashed slowly. What we drew has 160 random bits, which nobody guesses
//! however fast, and is hashed by the same function at its lowest cost: a site whose stations all return at once, or
//! that somebody guesses at, costs then next to nothing.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use csms::record::StoredPassword;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::secret;

/// The shortest password: the lower bound of OCPP's BasicAuthPassword, and of an AuthorizationKey as hex digits.
pub const CHARACTERS_MIN: usize = 16;
/// The longest: OCPP's BasicAuthPassword and AuthorizationKey hold no more.
pub const CHARACTERS_MAX: usize = 40;
/// OWASP's equal of 19 MiB and two passes (Password Storage Cheat Sheet, Argon2id), with the least memory: some 15 ms.
const SLOW: (u32, u32) = (7 * 1_024, 5);
/// The least that the function takes: some 20 µs.
const FAST: (u32, u32) = (8, 1);
/// How a hash of [`FAST`] begins.
const FAST_PREFIX: &str = "$argon2id$v=19$m=8,t=1,p=1$";
/// How the hashes begin that once stood in the file of credentials: SHA-256, a thousand times.
const OLD_PREFIX: &str = "$sha256-1000$";

/// A password in the clear, of the length and the characters that OCPP allows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    text: String,
    origin: Origin,
}

/// Where a password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A person chose it.
    Chosen,
    /// 160 random bits.
    Drawn,
}

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its length.
    #[error(
        "the password has {0} characters: give it {CHARACTERS_MIN} to {CHARACTERS_MAX}, or have one drawn"
    )]
    Length(usize),
    /// A character that no header and no configuration key carries unharmed.
    #[error(
        "the password holds a character that is not printable ASCII: use letters, digits and signs, or have one drawn"
    )]
    Character,
}

impl Password {
    /// Draws one: 40 hexadecimal digits, which is also the longest AuthorizationKey of OCPP 1.6.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness.
    pub fn draw() -> std::io::Result<Self> {
        Ok(Self { text: secret::new_password()?, origin: Origin::Drawn })
    }

    /// One that a person chose.
    ///
    /// # Errors
    ///
    /// Where OCPP does not allow it.
    pub fn choose(text: &str) -> Result<Self, Unfit> {
        let length = text.chars().count();
        if !(CHARACTERS_MIN..=CHARACTERS_MAX).contains(&length) {
            return Err(Unfit::Length(length));
        }
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(Unfit::Character);
        }
        Ok(Self { text: text.to_owned(), origin: Origin::Chosen })
    }

    /// The password in the clear, to be told once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is kept of it. Takes some 15 ms where a person chose it.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness for a salt, or no memory to hash in.
    pub fn to_stored(&self) -> anyhow::Result<StoredPassword> {
        let is_key = key_bytes(self.text.as_bytes()).is_some();
        let (memory_kib, passes) = match self.origin {
            Origin::Chosen => SLOW,
            Origin::Drawn => FAST,
        };
        let salt = secret::new_salt()?;
        let params = Params::new(memory_kib, passes, 1, None)?;
        let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(&in_one_form(self.text.as_bytes(), is_key), &salt)?;
        Ok(StoredPassword { hash: hash.to_string().into(), is_key })
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Password")
    }
}

/// The kept form of a password that stood in the file of credentials, from its salt and hash.
pub fn stored_of_old(salt: &str, hash: &str) -> StoredPassword {
    StoredPassword { hash: format!("{OLD_PREFIX}{salt}${hash}").into(), is_key: false }
}

/// Whether looking if a password is right costs next to nothing, since the one that is kept cannot be guessed.
pub fn is_fast(stored: &StoredPassword) -> bool {
    stored.hash.starts_with(FAST_PREFIX)
}

/// Whether this is the password; compared in a time that does not tell how nearly. Takes some 15 ms unless [`is_fast`].
pub fn is_right(stored: &StoredPassword, presented: &[u8]) -> bool {
    let presented = in_one_form(presented, stored.is_key);
    if let Some((salt, hash)) = stored.hash.strip_prefix(OLD_PREFIX).and_then(|rest| rest.split_once('$')) {
        return secret::is_same(hash, &secret::old_password_hash(salt, &presented));
    }
    let Ok(hash) = PasswordHash::new(&stored.hash) else {
        tracing::error!("a password's hash is not what Wattery wrote: set the password anew");
        return false;
    };
    // The parameters are those in the hash.
    Argon2::default().verify_password(&presented, &hash).is_ok()
}

/// One form for all in which stations send the same password. A key of OCPP 1.6 is told to a station in hexadecimal
/// digits and stands for bytes; some send the digits, in either case, others the bytes (FIELD section 6, trap 10).
pub fn in_one_form(presented: &[u8], is_key: bool) -> Vec<u8> {
    if !is_key {
        return presented.to_vec();
    }
    let bytes = key_bytes(presented).unwrap_or_else(|| presented.to_vec());
    HEXLOWER.encode(&bytes).into_bytes()
}

/// The bytes that a text of hexadecimal digits stands for, if it may be a key.
fn key_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let may_be_key = (CHARACTERS_MIN..=CHARACTERS_MAX).contains(&text.len());
    may_be_key.then(|| HEXLOWER_PERMISSIVE.decode(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_6_10_a_key_is_right_as_digits_in_either_case_and_as_the_bytes_it_stands_for() {
        let drawn = Password::draw().unwrap();
        let stored = drawn.to_stored().unwrap();
        let bytes = HEXLOWER.decode(drawn.reveal().as_bytes()).unwrap();
        assert_eq!(bytes.len(), 20);
        assert!(stored.is_key && is_fast(&stored), "{}", stored.hash);
        for right in [drawn.reveal().as_bytes(), drawn.reveal().to_uppercase().as_bytes(), &bytes] {
            assert!(is_right(&stored, right));
        }
        for wrong in [&b""[..], &bytes[1..], b"0123456789abcdef0123456789abcdef01234567"] {
            assert!(!is_right(&stored, wrong));
        }
    }

    #[test]
    fn field_6_10_a_chosen_password_is_taken_byte_for_byte_with_its_colons_and_hashed_slowly() {
        let stored = Password::choose("a:Password:of:16").unwrap().to_stored().unwrap();
        assert!(stored.hash.starts_with("$argon2id$v=19$m=7168,t=5,p=1$") && !is_fast(&stored));
        assert!(is_right(&stored, b"a:Password:of:16"));
        for wrong in [&b"a:password:of:16"[..], b"a:Password:of:1", b"\xff\xfe\x00"] {
            assert!(!is_right(&stored, wrong));
        }
        let again = Password::choose("a:Password:of:16").unwrap().to_stored().unwrap();
        assert_ne!(stored.hash, again.hash, "salted");
    }

    #[test]
    fn passwords_that_ocpp_does_not_hold_are_refused_with_the_reason_and_never_printed() {
        assert_eq!(Password::choose("short"), Err(Unfit::Length(5)));
        assert_eq!(Password::choose(&"x".repeat(41)), Err(Unfit::Length(41)));
        assert_eq!(Password::choose("sixteen letters\n"), Err(Unfit::Character));
        assert_eq!(Password::choose("sixteen lettersä"), Err(Unfit::Character));
        assert_eq!(format!("{:?}", Password::choose("sixteen letters!").unwrap()), "Password");
    }

    #[test]
    fn a_password_of_an_old_file_is_still_right_and_a_broken_hash_is_never() {
        let old = stored_of_old("salt", &secret::old_password_hash("salt", b"with:colons:inside"));
        assert!(is_right(&old, b"with:colons:inside") && !is_fast(&old));
        assert!(!is_right(&old, b"with:colons:outside"));
        let broken = StoredPassword { hash: "$argon2id$nonsense".into(), is_key: false };
        assert!(!is_right(&broken, b"with:colons:inside"));
    }
}
