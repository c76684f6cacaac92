//! Authorize: may this token charge here?

use super::types::{AuthorizationStatus, IdToken, IdTokenInfo};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

/// A station asks whether a token may charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// The token.
    pub id_token: IdToken,
    /// The EV's contract certificate, PEM; at most 5500 characters.
    pub certificate: Option<String>,
    /// What is needed to ask whether the certificates are revoked; at most 4.
    pub iso15118_certificate_hash_data: Vec<OcspRequestData>,
}

words! {
    /// How hashes are made.
    HashAlgorithm {
        /// SHA-256.
        Sha256 = "SHA256",
        /// SHA-384.
        Sha384 = "SHA384",
        /// SHA-512.
        Sha512 = "SHA512",
    }
}

/// Names a certificate to whoever knows whether it is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspRequestData {
    /// How the hashes are made.
    pub hash_algorithm: HashAlgorithm,
    /// Hash of the issuer's name; at most 128 characters.
    pub issuer_name_hash: String,
    /// Hash of the issuer's key; at most 128 characters.
    pub issuer_key_hash: String,
    /// Serial number of the certificate; at most 40 characters.
    pub serial_number: String,
    /// Whom to ask; at most 512 characters.
    pub responder_url: String,
}

impl Message for AuthorizeRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            id_token: fields.object_required("idToken", IdToken::read)?,
            certificate: fields.text("certificate", 5500),
            iso15118_certificate_hash_data: fields
                .list("iso15118CertificateHashData", OcspRequestData::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        const HASHES: &str = "iso15118CertificateHashData";
        self.id_token.write(out, "idToken");
        out.text_optional("certificate", self.certificate.as_ref(), 5500);
        if self.iso15118_certificate_hash_data.len() > 4 {
            out.refuse(HASHES, EncodeFault::Rule { rule: "is there at most 4 times" });
        }
        out.list_optional(HASHES, &self.iso15118_certificate_hash_data, |out, hashes| hashes.write(out));
    }
}

impl OcspRequestData {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            hash_algorithm: fields.word_expected("hashAlgorithm"),
            issuer_name_hash: fields.text_expected("issuerNameHash", 128),
            issuer_key_hash: fields.text_expected("issuerKeyHash", 128),
            serial_number: fields.text_expected("serialNumber", 40),
            responder_url: fields.text_expected("responderURL", 512),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word("hashAlgorithm", &self.hash_algorithm);
        out.text_required("issuerNameHash", &self.issuer_name_hash, 128);
        out.text_required("issuerKeyHash", &self.issuer_key_hash, 128);
        out.text_required("serialNumber", &self.serial_number, 40);
        out.text_required("responderURL", &self.responder_url, 512);
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
}

impl AuthorizeResponse {
    /// A status alone.
    #[must_use]
    pub const fn new(status: AuthorizationStatus) -> Self {
        Self { id_token_info: IdTokenInfo::new(status), certificate_status: None }
    }
}

impl Message for AuthorizeResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            id_token_info: fields.object_expected("idTokenInfo", IdTokenInfo::read)?,
            certificate_status: fields.word("certificateStatus"),
        })
    }

    fn write(&self, out: &mut Writer) {
        self.id_token_info.write(out);
        out.word_optional("certificateStatus", self.certificate_status.as_ref());
    }
}
