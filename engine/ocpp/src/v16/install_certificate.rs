//! InstallCertificate: a station trusts another X.509 certificate (security whitepaper).

use super::get_installed_certificate_ids::CertificateUse;
use crate::certificates::InstallCertificateStatus;
use crate::member::structures;

structures! {
    /// We add a root certificate.
    InstallCertificateRequest {
        /// What it is for.
        certificate_type: CertificateUse = required "certificateType",
        /// The certificate, PEM; at most 5500 characters.
        certificate: String = required "certificate" [chars(5500)],
    }

    /// The station's answer.
    InstallCertificateResponse {
        /// What came of it.
        status: InstallCertificateStatus = required "status",
    }
}
