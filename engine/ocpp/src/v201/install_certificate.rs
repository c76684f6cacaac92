//! InstallCertificate: a station trusts another X.509 certificate.

use super::types::status_response;
use crate::certificates::InstallCertificateStatus;
use crate::member::structures;
use crate::words::words;

words! {
    /// What a root certificate is for.
    InstallCertificateUse {
        /// The root of what an EV knows stations by.
        V2gRootCertificate = "V2GRootCertificate",
        /// The root of contracts.
        MoRootCertificate = "MORootCertificate",
        /// To know us by.
        CsmsRootCertificate = "CSMSRootCertificate",
        /// To know firmware by.
        ManufacturerRootCertificate = "ManufacturerRootCertificate",
    } since_v21 {
        /// The root of an EV maker's.
        OemRootCertificate = "OEMRootCertificate",
    }
}

structures! {
    /// We add a root certificate.
    InstallCertificateRequest {
        /// What it is for.
        certificate_type: InstallCertificateUse = required "certificateType",
        /// The certificate, PEM; at most 5500 characters, in OCPP 2.1 10000.
        certificate: String = required "certificate" [chars(5500).chars_v21(10000)],
    }
}

status_response! {
    /// The station's answer.
    InstallCertificateResponse, InstallCertificateStatus
}
