//! CertificateSigned: the X.509 certificate that a station asked for (security whitepaper).

use crate::member::structures;
use crate::words::AcceptedStatus;

structures! {
    /// We hand a station its certificate.
    CertificateSignedRequest {
        /// The certificate and those above it, PEM; at most 10000 characters.
        certificate_chain: String = required "certificateChain" [chars(10000)],
    }

    /// The station's answer.
    CertificateSignedResponse {
        /// Whether it takes it.
        status: AcceptedStatus = required "status",
    }
}
