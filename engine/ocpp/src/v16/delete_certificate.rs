//! DeleteCertificate: a station trusts an X.509 certificate no longer (security whitepaper).

use crate::certificates::{CertificateHashData, DeleteCertificateStatus};
use crate::member::structures;

structures! {
    /// We take a certificate out.
    DeleteCertificateRequest {
        /// Which.
        certificate_hash_data: CertificateHashData = required "certificateHashData",
    }

    /// The station's answer.
    DeleteCertificateResponse {
        /// What came of it.
        status: DeleteCertificateStatus = required "status",
    }
}
