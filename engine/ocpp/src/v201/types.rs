//! Values that several messages share.

use std::fmt;

use serde::{Deserialize, Serialize};
use units::id::InvalidId;

use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::redact;
use crate::time::StationTime;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

/// An EVSE of a station, from 1; 0 is the station as a whole, or its main meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EvseNumber(pub u16);

impl EvseNumber {
    /// The station as a whole.
    pub const STATION: Self = Self(0);

    const EXPECTED: &'static str = "an EVSE number from 0 to 65535";

    pub(crate) fn required(fields: &mut Fields<'_>, field: &'static str) -> Result<Self, PayloadError> {
        fields.whole_required(field, Self::EXPECTED).map(Self)
    }

    pub(crate) fn optional(fields: &mut Fields<'_>) -> Option<Self> {
        fields.whole("evseId").map(Self)
    }

    pub(crate) fn write(self, out: &mut Writer) {
        out.number("evseId", self.0);
    }

    pub(crate) fn write_optional(number: Option<Self>, out: &mut Writer) {
        out.number_optional("evseId", number.map(|number| number.0));
    }
}

impl fmt::Display for EvseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connector of an EVSE, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectorNumber(pub u16);

impl ConnectorNumber {
    pub(crate) fn optional(fields: &mut Fields<'_>) -> Option<Self> {
        fields.whole("connectorId").map(Self)
    }
}

impl fmt::Display for ConnectorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An EVSE, or one of its connectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evse {
    /// The EVSE.
    pub id: EvseNumber,
    /// The connector; `None` is any of them.
    pub connector_id: Option<ConnectorNumber>,
}

impl Evse {
    /// An EVSE with all its connectors.
    #[must_use]
    pub const fn new(id: EvseNumber) -> Self {
        Self { id, connector_id: None }
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { id: EvseNumber::required(fields, "id")?, connector_id: ConnectorNumber::optional(fields) })
    }

    /// The member `evse` of a message that has its meaning without.
    pub(crate) fn optional(fields: &mut Fields<'_>) -> Option<Self> {
        match fields.object("evse", Self::read) {
            Ok(evse) => evse,
            Err(_) => {
                fields.note(Quirk::WrongType { field: "evse" });
                None
            }
        }
    }

    pub(crate) fn write_optional(evse: Option<Self>, out: &mut Writer) {
        if let Some(evse) = evse {
            out.object("evse", |out| {
                out.number("id", evse.id.0);
                out.number_optional("connectorId", evse.connector_id.map(|connector| connector.0));
            });
        }
    }
}

/// The id that a station gave a transaction, as it stands in a frame; empty where none came. Unique within its station.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReportedTransaction(String);

impl ReportedTransaction {
    /// `identifierString[36]`.
    pub const LENGTH_MAX: usize = 36;

    const FIELD: &'static str = "transactionId";

    /// From any text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether none came.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn expected(fields: &mut Fields<'_>) -> Self {
        Self(fields.text_expected(Self::FIELD, Self::LENGTH_MAX))
    }

    pub(crate) fn optional(fields: &mut Fields<'_>) -> Option<Self> {
        fields.text(Self::FIELD, Self::LENGTH_MAX).map(Self)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.text_required(Self::FIELD, &self.0, Self::LENGTH_MAX);
    }

    pub(crate) fn write_optional(transaction: Option<&Self>, out: &mut Writer) {
        if let Some(transaction) = transaction {
            transaction.write(out);
        }
    }
}

impl fmt::Display for ReportedTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// What kind of token it is.
    IdTokenType {
        /// Given by us, such as an app's.
        Central = "Central",
        /// The contract of an EV.
        EMaid = "eMAID",
        /// A card or tag.
        Iso14443 = "ISO14443",
        /// A card or tag.
        Iso15693 = "ISO15693",
        /// Typed in.
        KeyCode = "KeyCode",
        /// Given by the station.
        Local = "Local",
        /// The EV's network address (Autocharge).
        MacAddress = "MacAddress",
        /// Nobody was asked who it is; the token is empty.
        NoAuthorization = "NoAuthorization",
    }
}

/// What identifies a driver, as it stands in a frame: blanks, case and any length kept. `Debug` shows a reference only.
#[derive(Clone, PartialEq, Eq)]
pub struct IdToken {
    /// The text; at most 36 characters.
    pub id_token: String,
    /// Its kind.
    pub kind: IdTokenType,
    /// More about it, by agreement.
    pub additional_info: Vec<AdditionalInfo>,
}

/// More about a token. `Debug` shows a reference only.
#[derive(Clone, PartialEq, Eq)]
pub struct AdditionalInfo {
    /// The text; at most 36 characters.
    pub additional_id_token: String,
    /// Its kind, by agreement; at most 50 characters.
    pub kind: String,
}

impl IdToken {
    /// `identifierString[36]`.
    pub const LENGTH_MAX: usize = 36;

    /// A token alone.
    #[must_use]
    pub fn new(id_token: impl Into<String>, kind: IdTokenType) -> Self {
        Self { id_token: id_token.into(), kind, additional_info: Vec::new() }
    }

    /// The token: without blanks, and in upper case ("IdToken is case insensitive").
    ///
    /// # Errors
    ///
    /// Where nothing came, or more or other characters than a token has.
    pub fn token(&self) -> Result<units::IdToken, InvalidId> {
        redact::without_blanks(&self.id_token).parse()
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let id_token = fields.text_required("idToken", Self::LENGTH_MAX)?;
        let kind = fields.word_expected("type");
        if id_token.is_empty() && kind != IdTokenType::NoAuthorization {
            fields.note(Quirk::EmptyText { field: "idToken" });
        }
        let additional_info = fields.list("additionalInfo", |fields| {
            Ok(AdditionalInfo {
                additional_id_token: fields.text_expected("additionalIdToken", Self::LENGTH_MAX),
                kind: fields.text_expected("type", 50),
            })
        })?;
        Ok(Self { id_token, kind, additional_info })
    }

    /// A token of a message that has its meaning without.
    pub(crate) fn optional(fields: &mut Fields<'_>, field: &'static str) -> Option<Self> {
        match fields.object(field, Self::read) {
            Ok(token) => token,
            Err(_) => {
                fields.note(Quirk::WrongType { field });
                None
            }
        }
    }

    pub(crate) fn write(&self, out: &mut Writer, field: &'static str) {
        out.object(field, |out| {
            if self.id_token.is_empty() && self.kind != IdTokenType::NoAuthorization {
                out.refuse("idToken", EncodeFault::Missing);
            }
            out.text("idToken", &self.id_token, Self::LENGTH_MAX);
            out.word("type", &self.kind);
            out.list_optional("additionalInfo", &self.additional_info, |out, info| {
                out.text_required("additionalIdToken", &info.additional_id_token, Self::LENGTH_MAX);
                out.text_required("type", &info.kind, 50);
            });
        });
    }

    pub(crate) fn write_optional(token: Option<&Self>, out: &mut Writer, field: &'static str) {
        if let Some(token) = token {
            token.write(out, field);
        }
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdToken({}, {})", redact::reference(&self.id_token), self.kind)
    }
}

impl fmt::Debug for AdditionalInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdditionalInfo({}, {})", redact::reference(&self.additional_id_token), self.kind)
    }
}

words! {
    /// Whether a token may charge.
    AuthorizationStatus {
        /// It may.
        Accepted = "Accepted",
        /// It may not for now.
        Blocked = "Blocked",
        /// It is in another transaction, and may not be in two.
        ConcurrentTx = "ConcurrentTx",
        /// No longer.
        Expired = "Expired",
        /// It is no token of ours.
        Invalid = "Invalid",
        /// It has no credit.
        NoCredit = "NoCredit",
        /// Not at an EVSE of this kind.
        NotAllowedTypeEvse = "NotAllowedTypeEVSE",
        /// Not at this place.
        NotAtThisLocation = "NotAtThisLocation",
        /// Not at this time.
        NotAtThisTime = "NotAtThisTime",
        /// It is unknown.
        Unknown = "Unknown",
    }
}

/// What we say of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenInfo {
    /// Whether it may charge.
    pub status: AuthorizationStatus,
    /// Until when a station may keep it in its cache.
    pub cache_expiry_date_time: StationTime,
    /// From -9 to 9; `None` is 0.
    pub charging_priority: Option<i32>,
    /// The driver's language (RFC 5646); at most 8 characters.
    pub language1: Option<String>,
    /// The second choice.
    pub language2: Option<String>,
    /// The EVSEs for which it is good; empty is all of them.
    pub evse_id: Vec<EvseNumber>,
    /// The group that may stop each other's transactions.
    pub group_id_token: Option<IdToken>,
    /// For the driver.
    pub personal_message: Option<MessageContent>,
}

impl IdTokenInfo {
    /// Status alone.
    #[must_use]
    pub const fn new(status: AuthorizationStatus) -> Self {
        Self {
            status,
            cache_expiry_date_time: StationTime::Absent,
            charging_priority: None,
            language1: None,
            language2: None,
            evse_id: Vec::new(),
            group_id_token: None,
            personal_message: None,
        }
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            status: fields.word_expected("status"),
            cache_expiry_date_time: fields.time("cacheExpiryDateTime"),
            charging_priority: fields.whole("chargingPriority"),
            language1: fields.text("language1", 8),
            language2: fields.text("language2", 8),
            evse_id: fields.wholes("evseId").into_iter().map(EvseNumber).collect(),
            group_id_token: IdToken::optional(fields, "groupIdToken"),
            personal_message: fields.object("personalMessage", MessageContent::read)?,
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.object("idTokenInfo", |out| {
            out.word("status", &self.status);
            out.time_optional("cacheExpiryDateTime", &self.cache_expiry_date_time);
            write_charging_priority(out, self.charging_priority);
            out.text_optional("language1", self.language1.as_ref(), 8);
            // OCPP 2.0.1, language2: "Don't use when language1 is omitted, has to be different from language1".
            if self.language2.is_some() && (self.language1.is_none() || self.language1 == self.language2) {
                out.refuse(
                    "language2",
                    EncodeFault::Rule { rule: "is another than language1, which is there" },
                );
            }
            out.text_optional("language2", self.language2.as_ref(), 8);
            if !self.evse_id.is_empty() {
                out.numbers("evseId", self.evse_id.iter().map(|evse| evse.0));
            }
            IdToken::write_optional(self.group_id_token.as_ref(), out, "groupIdToken");
            MessageContent::write_optional(self.personal_message.as_ref(), out, "personalMessage");
        });
    }
}

/// OCPP 2.0.1, chargingPriority: "The range is from -9 to 9".
pub(crate) fn write_charging_priority(out: &mut Writer, priority: Option<i32>) {
    if let Some(priority) = priority {
        if !(-9..=9).contains(&priority) {
            out.refuse_number("chargingPriority", priority);
        }
        out.number("chargingPriority", priority);
    }
}

words! {
    /// How a message is written.
    MessageFormat {
        /// ASCII.
        Ascii = "ASCII",
        /// HTML.
        Html = "HTML",
        /// An address to show.
        Uri = "URI",
        /// UTF-8.
        Utf8 = "UTF8",
    }
}

/// A message for a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageContent {
    /// How it is written.
    pub format: MessageFormat,
    /// Its language (RFC 5646); at most 8 characters.
    pub language: Option<String>,
    /// The text; at most 512 characters.
    pub content: String,
}

impl MessageContent {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            format: fields.word_expected("format"),
            language: fields.text("language", 8),
            content: fields.text_expected("content", 512),
        })
    }

    pub(crate) fn write_optional(message: Option<&Self>, out: &mut Writer, field: &'static str) {
        if let Some(message) = message {
            out.object(field, |out| {
                out.word("format", &message.format);
                out.text_optional("language", message.language.as_ref(), 8);
                out.text_required("content", &message.content, 512);
            });
        }
    }
}

/// Why something has the status that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusInfo {
    /// A code; at most 20 characters.
    pub reason_code: String,
    /// For people; at most 512 characters.
    pub additional_info: Option<String>,
}

impl StatusInfo {
    /// The member `statusInfo`.
    pub(crate) fn optional(fields: &mut Fields<'_>) -> Result<Option<Self>, PayloadError> {
        Self::optional_as(fields, "statusInfo")
    }

    pub(crate) fn optional_as(
        fields: &mut Fields<'_>,
        field: &'static str,
    ) -> Result<Option<Self>, PayloadError> {
        fields.object(field, |fields| {
            Ok(Self {
                reason_code: fields.text_expected("reasonCode", 20),
                additional_info: fields.text("additionalInfo", 512),
            })
        })
    }

    pub(crate) fn write_optional(info: Option<&Self>, out: &mut Writer) {
        Self::write_optional_as(info, out, "statusInfo");
    }

    pub(crate) fn write_optional_as(info: Option<&Self>, out: &mut Writer, field: &'static str) {
        if let Some(info) = info {
            out.object(field, |out| {
                out.text_required("reasonCode", &info.reason_code, 20);
                out.text_optional("additionalInfo", info.additional_info.as_ref(), 512);
            });
        }
    }
}

/// Declares an answer that says what came of a call, and perhaps why.
macro_rules! status_response {
    ($(#[$doc:meta])* $name:ident, $status:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            /// What came of it.
            pub status: $status,
            /// Why.
            pub status_info: Option<$crate::v201::StatusInfo>,
        }

        impl $name {
            /// Status alone.
            #[must_use]
            pub const fn new(status: $status) -> Self {
                Self { status, status_info: None }
            }
        }

        impl $crate::message::Message for $name {
            fn read(fields: &mut $crate::fields::Fields<'_>) -> Result<Self, $crate::PayloadError> {
                Ok(Self {
                    status: fields.word_expected("status"),
                    status_info: $crate::v201::StatusInfo::optional(fields)?,
                })
            }

            fn write(&self, out: &mut $crate::writer::Writer) {
                out.word("status", &self.status);
                $crate::v201::StatusInfo::write_optional(self.status_info.as_ref(), out);
            }
        }
    };
}

pub(crate) use status_response;
