//! Authorize: may this token charge here?

use super::types::{AuthorizationStatus, IdToken, IdTokenInfo};
use crate::certificates::HashAlgorithm;
use crate::fields::{Fields, PayloadError};
use crate::member::structures;
use crate::message::Message;
use crate::v21::AuthorizeInDetail;
use crate::words::words;
use crate::writer::Writer;

structures! {
    /// A station asks whether a token may charge.
    AuthorizeRequest {
        /// The token.
        id_token: IdToken = required "idToken",
        /// The EV's contract certificate, PEM; at most 5500 characters, in OCPP 2.1 10000.
        certificate: Option<String> = optional "certificate" [chars(5500).chars_v21(10000)],
        /// What is needed to ask whether the certificates are revoked; at most 4.
        iso15118_certificate_hash_data: Vec<OcspRequestData> = optional "iso15118CertificateHashData" [items(4)],
    }

    /// Names a certificate to whoever knows whether it is revoked.
    OcspRequestData {
        /// How the hashes are made.
        hash_algorithm: HashAlgorithm = required "hashAlgorithm",
        /// Hash of the issuer's name; at most 128 characters.
        issuer_name_hash: String = required "issuerNameHash" [chars(128)],
        /// Hash of the issuer's key; at most 128 characters.
        issuer_key_hash: String = required "issuerKeyHash" [chars(128)],
        /// Serial number of the certificate; at most 40 characters.
        serial_number: String = required "serialNumber" [chars(40)],
        /// Whom to ask; at most 512 characters, in OCPP 2.1 2000.
        responder_url: String = required "responderURL" [chars(512).chars_v21(2000)],
    }
}

words! {
    /// What we say of a contract certificate.
    AuthorizeCertificateStatus {
        /// It is good.
        Accepted = "Accepted",
        /// Its signature is wrong.
        SignatureError = "SignatureError",
        /// It expired.
        CertificateExpired = "CertificateExpired",
        /// It was revoked.
        CertificateRevoked = "CertificateRevoked",
        /// There is none.
        NoCertificateAvailable = "NoCertificateAvailable",
        /// Its chain is broken.
        CertChainError = "CertChainError",
        /// The contract was cancelled.
        ContractCancelled = "ContractCancelled",
    }
}

/// Our answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeResponse {
    /// What we say of the token.
    pub id_token_info: IdTokenInfo,
    /// What we say of the contract certificate, where one came.
    pub certificate_status: Option<AuthorizeCertificateStatus>,
    /// What only OCPP 2.1 can say.
    pub in_detail: AuthorizeInDetail,
}

impl AuthorizeResponse {
    /// A status alone.
    #[must_use]
    pub fn new(status: AuthorizationStatus) -> Self {
        Self::from(IdTokenInfo::new(status))
    }
}

impl From<IdTokenInfo> for AuthorizeResponse {
    fn from(id_token_info: IdTokenInfo) -> Self {
        Self { id_token_info, certificate_status: None, in_detail: AuthorizeInDetail::default() }
    }
}

impl Message for AuthorizeResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            id_token_info: fields.object_expected("idTokenInfo", IdTokenInfo::read)?,
            certificate_status: fields.word("certificateStatus"),
            in_detail: AuthorizeInDetail::read(fields)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        self.id_token_info.write_member(out);
        out.word_optional("certificateStatus", self.certificate_status.as_ref());
        self.in_detail.write(out);
    }
}
