//! Secrets: drawn from the system, shown once, stored hashed.

use std::io::Read;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// A new secret of 256 bits, as 64 hexadecimal digits.
pub fn new_token() -> std::io::Result<String> {
    Ok(HEXLOWER.encode(&random::<32>()?))
}

/// A new station password of 160 bits, as 40 hexadecimal digits: the longest that OCPP's AuthorizationKey holds.
pub fn new_password() -> std::io::Result<String> {
    Ok(HEXLOWER.encode(&random::<20>()?))
}

/// What of a token is stored: a token has 256 random bits, so that one round suffices.
pub fn token_hash(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

/// How passwords were hashed that once stood in the file of credentials.
pub fn old_password_hash(salt: &str, password: &[u8]) -> String {
    let mut digest = Sha256::new_with_prefix(salt.as_bytes()).chain_update(password).finalize();
    for _ in 0..OLD_ROUNDS {
        digest = Sha256::new_with_prefix(digest).chain_update(password).finalize();
    }
    HEXLOWER.encode(&digest)
}

/// Compares in a time that does not tell where they differ.
pub fn is_same(left: &str, right: &str) -> bool {
    let differing = left.bytes().zip(right.bytes()).fold(0, |sum: u8, (left, right)| sum | (left ^ right));
    left.len() == right.len() && differing == 0
}

/// Compares in a time that does not tell where they differ.
pub fn is_same_digest(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |sum: u8, (left, right)| sum | (left ^ right)) == 0
}

/// A salt for one password.
pub fn new_salt() -> std::io::Result<[u8; 16]> {
    random()
}

/// A key that lives as long as the process.
pub fn new_key() -> std::io::Result<[u8; 32]> {
    random()
}

const OLD_ROUNDS: u32 = 1_000;

fn random<const BYTES: usize>() -> std::io::Result<[u8; BYTES]> {
    let mut drawn = [0; BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut drawn)?;
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_hashes_depend_on_salt_and_password() {
        assert_ne!(new_token().unwrap(), new_token().unwrap());
        assert_eq!((new_token().unwrap().len(), new_password().unwrap().len()), (64, 40));
        let hash = old_password_hash("a", b"swordfish");
        assert_ne!(hash, old_password_hash("b", b"swordfish"));
        assert_ne!(hash, old_password_hash("a", b"swordfisH"));
        assert!(is_same(&hash, &old_password_hash("a", b"swordfish")));
        assert!(!is_same("abc", "ab"));
    }
}
