//! GetCertificateStatus: whether an EV's certificate was revoked (OCSP).

use super::authorize::OcspRequestData;
use super::types::StatusInfo;
use crate::member::structures;
use crate::words::words;

structures! {
    /// A station asks.
    GetCertificateStatusRequest {
        /// Of which.
        ocsp_request_data: OcspRequestData = required "ocspRequestData",
    }
}

words! {
    /// Whether we know.
    GetCertificateStatusKnown {
        /// The answer says it.
        Accepted = "Accepted",
        /// We do not.
        Failed = "Failed",
    }
}

structures! {
    /// Our answer.
    GetCertificateStatusResponse {
        /// Whether we know.
        status: GetCertificateStatusKnown = required "status",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// What the responder said, base64; at most 5500 characters, in OCPP 2.1 18000.
        ocsp_result: Option<String> = optional "ocspResult" [chars(5500).chars_v21(18000)],
    }
}
