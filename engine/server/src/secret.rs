//! Secrets: drawn from the system, shown once, stored hashed.

use std::io::Read;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// A new secret of 256 bits, as 64 hexadecimal digits.
pub fn new_token() -> std::io::Result<String> {
    random(32)
}

/// A new station password of 160 bits, as 40 hexadecimal digits: the longest that OCPP's AuthorizationKey holds.
pub fn new_password() -> std::io::Result<String> {
    random(20)
}

/// What of a token is stored: a token has 256 random bits, so that one round suffices.
pub fn token_hash(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

/// A password's salt and hash. People choose passwords, so guessing is made slower, yet not so slow that a storm of
/// stations is held up: 200 stations take about 0.1 s of one core.
pub fn password_hash(salt: &str, password: &[u8]) -> String {
    let mut digest = Sha256::new_with_prefix(salt.as_bytes()).chain_update(password).finalize();
    for _ in 0..ROUNDS {
        digest = Sha256::new_with_prefix(digest).chain_update(password).finalize();
    }
    HEXLOWER.encode(&digest)
}

/// Compares in a time that does not tell where they differ.
pub fn is_same(left: &str, right: &str) -> bool {
    let differing = left.bytes().zip(right.bytes()).fold(0, |sum: u8, (left, right)| sum | (left ^ right));
    left.len() == right.len() && differing == 0
}

/// A salt for one password.
pub fn new_salt() -> std::io::Result<String> {
    random(16)
}

const ROUNDS: u32 = 1_000;

fn random(bytes: usize) -> std::io::Result<String> {
    let mut drawn = vec![0; bytes];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut drawn)?;
    Ok(HEXLOWER.encode(&drawn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_hashes_depend_on_salt_and_password() {
        assert_ne!(new_token().unwrap(), new_token().unwrap());
        assert_eq!(new_password().unwrap().len(), 40);
        let hash = password_hash("a", b"swordfish");
        assert_ne!(hash, password_hash("b", b"swordfish"));
        assert_ne!(hash, password_hash("a", b"swordfisH"));
        assert!(is_same(&hash, &password_hash("a", b"swordfish")));
        assert!(!is_same("abc", "ab"));
    }
}
