//! CertificateSigned: the X.509 certificate that a station asked for.

use super::sign_certificate::CertificateSigningUse;
use super::types::status_response;
use crate::member::structures;
use crate::words::AcceptedStatus;

structures! {
    /// We hand a station its certificate.
    CertificateSignedRequest {
        /// The certificate and those above it, PEM; at most 10000 characters.
        certificate_chain: String = required "certificateChain" [chars(10000)],
        /// What it is for; `None` is for the link to us.
        certificate_type: Option<CertificateSigningUse> = optional "certificateType",
        /// The station's number of what it asked for.
        request_id: Option<i32> = optional "requestId" [since_v21()],
    }
}

status_response! {
    /// The station's answer: whether it takes it.
    CertificateSignedResponse, AcceptedStatus
}
