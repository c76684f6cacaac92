//! GetInstalledCertificateIds: which X.509 certificates a station trusts (security whitepaper).

use crate::certificates::{CertificateHashData, GetInstalledCertificateStatus};
use crate::member::structures;
use crate::words::words;

words! {
    /// What a root certificate is for.
    CertificateUse {
        /// To know us by.
        CentralSystemRootCertificate = "CentralSystemRootCertificate",
        /// To know firmware by.
        ManufacturerRootCertificate = "ManufacturerRootCertificate",
    }
}

structures! {
    /// We ask for the certificates of a use.
    GetInstalledCertificateIdsRequest {
        /// Of which.
        certificate_type: CertificateUse = required "certificateType",
    }

    /// The station's answer.
    GetInstalledCertificateIdsResponse {
        /// Those there are.
        certificate_hash_data: Vec<CertificateHashData> = optional "certificateHashData",
        /// Whether there are any.
        status: GetInstalledCertificateStatus = required "status",
    }
}
