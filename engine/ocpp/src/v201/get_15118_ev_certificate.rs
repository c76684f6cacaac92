//! Get15118EVCertificate: an EV wants its contract certificate (ISO 15118).

use super::types::StatusInfo;
use crate::member::structures;
use crate::words::words;

words! {
    /// What the EV wants.
    CertificateAction {
        /// One for the first time.
        Install = "Install",
        /// A newer one.
        Update = "Update",
    }
}

structures! {
    /// A station passes on what an EV asks.
    Get15118EVCertificateRequest {
        /// Which ISO 15118; at most 50 characters.
        iso15118_schema_version: String = required "iso15118SchemaVersion" [chars(50)],
        /// What the EV wants.
        action: CertificateAction = required "action",
        /// The EV's message, base64 of EXI; at most 5600 characters, in OCPP 2.1 11000.
        exi_request: String = required "exiRequest" [chars(5600).chars_v21(11000)],
        /// How many contracts the EV can take.
        maximum_contract_certificate_chains: Option<u32> = optional "maximumContractCertificateChains" [since_v21()],
        /// The contracts the EV wants first; at most 8 of 255 characters.
        prioritized_emaids: Vec<String> = optional "prioritizedEMAIDs" [since_v21().items(8).chars(255)],
    }
}

words! {
    /// What came of what an EV asked.
    Iso15118EVCertificateStatus {
        /// The answer is for the EV.
        Accepted = "Accepted",
        /// There is none.
        Failed = "Failed",
    }
}

structures! {
    /// Our answer.
    Get15118EVCertificateResponse {
        /// What came of it.
        status: Iso15118EVCertificateStatus = required "status",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// The answer for the EV, base64 of EXI, empty where there is none; at most 7500 characters, in OCPP 2.1 17000.
        exi_response: String = required "exiResponse" [chars(7500).chars_v21(17000).or_empty()],
        /// How many contracts are left.
        remaining_contracts: Option<u32> = optional "remainingContracts" [since_v21()],
    }
}
