//! GetInstalledCertificateIds: which X.509 certificates a station has.

use super::types::StatusInfo;
use crate::certificates::{CertificateHashData, GetInstalledCertificateStatus};
use crate::member::structures;
use crate::words::words;

words! {
    /// What a certificate is for.
    GetCertificateIdUse {
        /// The root of an EV's contract certificates' charging point side.
        V2gRootCertificate = "V2GRootCertificate",
        /// The root of a contract's.
        MoRootCertificate = "MORootCertificate",
        /// To know us by.
        CsmsRootCertificate = "CSMSRootCertificate",
        /// The station's own, with those above it, for ISO 15118.
        V2gCertificateChain = "V2GCertificateChain",
        /// To know firmware by.
        ManufacturerRootCertificate = "ManufacturerRootCertificate",
    } since_v21 {
        /// The root of an EV maker's.
        OemRootCertificate = "OEMRootCertificate",
    }
}

structures! {
    /// We ask for certificates.
    GetInstalledCertificateIdsRequest {
        /// Of which uses; empty is all.
        certificate_type: Vec<GetCertificateIdUse> = optional "certificateType",
    }

    /// The station's answer.
    GetInstalledCertificateIdsResponse {
        /// Whether there are any.
        status: GetInstalledCertificateStatus = required "status",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// Those there are.
        certificate_hash_data_chain: Vec<CertificateHashDataChain> = optional "certificateHashDataChain",
    }

    /// A certificate, with those below it.
    CertificateHashDataChain {
        /// The certificate.
        certificate_hash_data: CertificateHashData = required "certificateHashData",
        /// What it is for.
        certificate_type: GetCertificateIdUse = required "certificateType",
        /// Those below it; at most 4.
        child_certificate_hash_data: Vec<CertificateHashData> = optional "childCertificateHashData" [items(4)],
    }
}
