//! X.509 certificates as all versions name them.

use crate::member::structures;
use crate::words::words;

words! {
    /// With what a hash was made.
    HashAlgorithm {
        /// SHA-256.
        Sha256 = "SHA256",
        /// SHA-384.
        Sha384 = "SHA384",
        /// SHA-512.
        Sha512 = "SHA512",
    }
}

structures! {
    /// An X.509 certificate, by its issuer and number.
    CertificateHashData {
        /// With what the hashes were made.
        hash_algorithm: HashAlgorithm = required "hashAlgorithm",
        /// The hash of the issuer's distinguished name; at most 128 characters.
        issuer_name_hash: String = required "issuerNameHash" [chars(128)],
        /// The hash of the issuer's public key; at most 128 characters.
        issuer_key_hash: String = required "issuerKeyHash" [chars(128)],
        /// Its number, in hexadecimal digits; at most 40 characters.
        serial_number: String = required "serialNumber" [chars(40)],
    }
}

words! {
    /// What came of installing one.
    InstallCertificateStatus {
        /// Installed.
        Accepted = "Accepted",
        /// Refused: it is not valid, or no more can be held.
        Rejected = "Rejected",
        /// Valid, and not installed all the same.
        Failed = "Failed",
    }
}

words! {
    /// What came of deleting one.
    DeleteCertificateStatus {
        /// Deleted.
        Accepted = "Accepted",
        /// Not deleted.
        Failed = "Failed",
        /// There is none such.
        NotFound = "NotFound",
    }
}

words! {
    /// Whether any are installed.
    GetInstalledCertificateStatus {
        /// They are listed.
        Accepted = "Accepted",
        /// There is none such.
        NotFound = "NotFound",
    }
}
