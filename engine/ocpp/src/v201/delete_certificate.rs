//! DeleteCertificate: a station trusts an X.509 certificate no longer.

use super::types::status_response;
use crate::certificates::{CertificateHashData, DeleteCertificateStatus};
use crate::member::structures;

structures! {
    /// We take a certificate out.
    DeleteCertificateRequest {
        /// Which.
        certificate_hash_data: CertificateHashData = required "certificateHashData",
    }
}

status_response! {
    /// The station's answer.
    DeleteCertificateResponse, DeleteCertificateStatus
}
