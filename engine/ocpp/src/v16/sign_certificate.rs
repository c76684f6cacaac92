//! SignCertificate: a station asks for an X.509 certificate (security whitepaper).

use crate::member::structures;
use crate::words::AcceptedStatus;

structures! {
    /// A station asks for a signature.
    SignCertificateRequest {
        /// What to sign, PEM of PKCS #10; at most 5500 characters.
        csr: String = required "csr" [chars(5500)],
    }

    /// Our answer; the certificate follows with CertificateSigned.
    SignCertificateResponse {
        /// Whether it will be signed.
        status: AcceptedStatus = required "status",
    }
}
