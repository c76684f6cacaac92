//! SignCertificate: a station asks for an X.509 certificate.

use super::types::status_response;
use crate::certificates::CertificateHashData;
use crate::member::structures;
use crate::words::{AcceptedStatus, words};

words! {
    /// What a station's own certificate is for.
    CertificateSigningUse {
        /// The link to us.
        ChargingStationCertificate = "ChargingStationCertificate",
        /// ISO 15118-2.
        V2gCertificate = "V2GCertificate",
    } since_v21 {
        /// ISO 15118-20.
        V2g20Certificate = "V2G20Certificate",
    }
}

structures! {
    /// A station asks for a signature.
    SignCertificateRequest {
        /// What to sign, PEM of PKCS #10; at most 5500 characters.
        csr: String = required "csr" [chars(5500)],
        /// What it is for; `None` is for the link to us.
        certificate_type: Option<CertificateSigningUse> = optional "certificateType",
        /// Under which root.
        hash_root_certificate: Option<CertificateHashData> = optional "hashRootCertificate" [since_v21()],
        /// The station's number of what it asks for.
        request_id: Option<i32> = optional "requestId" [since_v21()],
    }
}

status_response! {
    /// Our answer; the certificate follows with CertificateSigned.
    SignCertificateResponse, AcceptedStatus
}
