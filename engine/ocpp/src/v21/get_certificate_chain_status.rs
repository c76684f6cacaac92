//! GetCertificateChainStatus: whether X.509 certificates were revoked.

use crate::certificates::CertificateHashData;
use crate::member::structures;
use crate::time::StationTime;
use crate::words::words;

words! {
    /// Who says so.
    CertificateStatusSource {
        /// A list.
        Crl = "CRL",
        /// A responder.
        Ocsp = "OCSP",
    }
}

words! {
    /// Whether it was revoked.
    CertificateStatusKnown {
        /// It was not.
        Good = "Good",
        /// It was.
        Revoked = "Revoked",
        /// Who says so does not know it.
        Unknown = "Unknown",
        /// Who says so could not be asked.
        Failed = "Failed",
    }
}

structures! {
    /// A station asks.
    GetCertificateChainStatusRequest {
        /// Of which; at most 4.
        certificate_status_requests: Vec<CertificateStatusRequestInfo> =
            required "certificateStatusRequests" [items(4)],
    }

    /// A certificate, and whom to ask.
    CertificateStatusRequestInfo {
        /// The certificate.
        certificate_hash_data: CertificateHashData = required "certificateHashData",
        /// Who is asked.
        source: CertificateStatusSource = required "source",
        /// Their addresses; at most 5 of 2000 characters.
        urls: Vec<String> = required "urls" [items(5).chars(2000)],
    }

    /// Our answer.
    GetCertificateChainStatusResponse {
        /// One per certificate; at most 4.
        certificate_status: Vec<CertificateStatus> = required "certificateStatus" [items(4)],
    }

    /// Whether a certificate was revoked.
    CertificateStatus {
        /// The certificate.
        certificate_hash_data: CertificateHashData = required "certificateHashData",
        /// Who says so.
        source: CertificateStatusSource = required "source",
        /// What they say.
        status: CertificateStatusKnown = required "status",
        /// When they may say something else.
        next_update: StationTime = required "nextUpdate",
    }
}
