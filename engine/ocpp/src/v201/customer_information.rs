//! CustomerInformation: what a station holds of a person, to be reported or cleared.

use super::types::{IdToken, status_response};
use crate::certificates::CertificateHashData;
use crate::member::structures;
use crate::words::words;

words! {
    /// What came of it.
    CustomerInformationStatus {
        /// It will be done.
        Accepted = "Accepted",
        /// It will not.
        Rejected = "Rejected",
        /// The question makes no sense.
        Invalid = "Invalid",
    }
}

structures! {
    /// We ask for what is held, or that it is cleared. Exactly one of certificate, token and identifier says of whom.
    CustomerInformationRequest {
        /// By the EV's certificate.
        customer_certificate: Option<CertificateHashData> = optional "customerCertificate",
        /// By a token.
        id_token: Option<IdToken> = optional "idToken",
        /// Our number of the request.
        request_id: u32 = required "requestId",
        /// Whether it is reported.
        report: bool = required "report",
        /// Whether it is cleared.
        clear: bool = required "clear",
        /// By a name that only the vendor knows; at most 64 characters.
        customer_identifier: Option<String> = optional "customerIdentifier" [chars(64)],
    }
}

status_response! {
    /// The station's answer; the report follows with NotifyCustomerInformation.
    CustomerInformationResponse, CustomerInformationStatus
}
