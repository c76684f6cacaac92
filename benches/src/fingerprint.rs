//! A fingerprint of results: equal results have equal ones, on every machine and with every version of Rust.

use std::fmt;

/// FNV-1a over 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// Takes in bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Takes in an integer.
    pub fn integer(&mut self, integer: i64) {
        self.bytes(&integer.to_le_bytes());
    }

    /// Takes in what a value prints for programmers.
    pub fn value(&mut self, value: &impl fmt::Debug) {
        self.bytes(format!("{value:?};").as_bytes());
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_fnv_1a() {
        let mut fingerprint = Fingerprint::default();
        // The published test vector for `foobar`.
        fingerprint.bytes(b"foobar");
        assert_eq!(fingerprint.to_string(), "85944171f73967e8");
    }
}
