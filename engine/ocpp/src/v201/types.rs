//! Values that several messages share.

use std::fmt;

use serde::{Deserialize, Serialize};
use units::id::InvalidId;

use crate::fields::{Fields, PayloadError};
use crate::member::{Bounds, chars, structures, values, wrappers};
use crate::message::Message;
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

wrappers! {
    EvseNumber(u16) = Self::EXPECTED;
    ConnectorNumber(u16) = "a connector number from 0 to 65535";
}

impl fmt::Display for ConnectorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

structures! {
    /// An EVSE, or one of its connectors.
    #[derive(Copy, PartialOrd, Ord, Hash)]
    Evse {
        /// The EVSE.
        id: EvseNumber = required "id",
        /// The connector; `None` is any of them.
        connector_id: Option<ConnectorNumber> = optional "connectorId",
    }
}

impl Evse {
    /// An EVSE with all its connectors.
    #[must_use]
    pub const fn new(id: EvseNumber) -> Self {
        Self { id, connector_id: None }
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
            out.object("evse", |out| evse.write(out));
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

wrappers! { ReportedTransaction(String) = "a text", chars(Self::LENGTH_MAX); }

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
    } open_in_v21 20
}

/// What identifies a driver, as it stands in a frame: blanks, case and any length kept. `Debug` shows a reference only.
#[derive(Clone, PartialEq, Eq)]
pub struct IdToken {
    /// The text; at most 36 characters, in OCPP 2.1 255.
    pub id_token: String,
    /// Its kind.
    pub kind: IdTokenType,
    /// More about it, by agreement.
    pub additional_info: Vec<AdditionalInfo>,
}

/// More about a token. `Debug` shows a reference only.
#[derive(Clone, PartialEq, Eq)]
pub struct AdditionalInfo {
    /// The text; at most 36 characters, in OCPP 2.1 255.
    pub additional_id_token: String,
    /// Its kind, by agreement; at most 50 characters.
    pub kind: String,
}

impl IdToken {
    const LENGTH: Bounds = chars(36).chars_v21(255);

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

    pub(crate) fn write_member(&self, out: &mut Writer, field: &'static str) {
        out.object(field, |out| self.write(out));
    }

    pub(crate) fn write_optional(token: Option<&Self>, out: &mut Writer, field: &'static str) {
        if let Some(token) = token {
            token.write_member(out, field);
        }
    }
}

impl Message for IdToken {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let id_token = fields.text_required("idToken", Self::LENGTH.chars_in(fields.version()))?;
        let kind = fields.word_expected("type");
        if id_token.is_empty() && kind != IdTokenType::NoAuthorization {
            fields.note(Quirk::EmptyText { field: "idToken" });
        }
        let additional_info = fields.list("additionalInfo", AdditionalInfo::read)?;
        Ok(Self { id_token, kind, additional_info })
    }

    fn write(&self, out: &mut Writer) {
        if self.id_token.is_empty() && self.kind != IdTokenType::NoAuthorization {
            out.refuse("idToken", EncodeFault::Missing);
        }
        out.text("idToken", &self.id_token, Self::LENGTH.chars_in(out.version()));
        out.word("type", &self.kind);
        out.list_optional("additionalInfo", &self.additional_info, |out, info| info.write(out));
    }
}

impl Message for AdditionalInfo {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            additional_id_token: fields
                .text_expected("additionalIdToken", IdToken::LENGTH.chars_in(fields.version())),
            kind: fields.text_expected("type", 50),
        })
    }

    fn write(&self, out: &mut Writer) {
        let length = IdToken::LENGTH.chars_in(out.version());
        out.text_required("additionalIdToken", &self.additional_id_token, length);
        out.text_required("type", &self.kind, 50);
    }
}

values! {
    IdToken;
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

structures! {
    /// What we say of a token.
    IdTokenInfo, check_info {
        /// Whether it may charge.
        status: AuthorizationStatus = required "status",
        /// Until when a station may keep it in its cache.
        cache_expiry_date_time: StationTime = optional "cacheExpiryDateTime",
        /// From -9 to 9; `None` is 0.
        charging_priority: Option<i32> = optional "chargingPriority",
        /// The driver's language (RFC 5646); at most 8 characters.
        language1: Option<String> = optional "language1" [chars(8)],
        /// The second choice.
        language2: Option<String> = optional "language2" [chars(8)],
        /// The EVSEs for which it is good; empty is all of them.
        evse_id: Vec<EvseNumber> = optional "evseId",
        /// The group that may stop each other's transactions.
        group_id_token: Option<IdToken> = optional "groupIdToken",
        /// For the driver.
        personal_message: Option<MessageContent> = optional "personalMessage",
    }
}

fn check_info(info: &IdTokenInfo, out: &mut Writer) {
    check_charging_priority(out, info.charging_priority);
    // OCPP 2.0.1, language2: "Don't use when language1 is omitted, has to be different from language1".
    if info.language2.is_some() && (info.language1.is_none() || info.language1 == info.language2) {
        out.refuse("language2", EncodeFault::Rule { rule: "is another than language1, which is there" });
    }
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

    /// The member `idTokenInfo`.
    pub(crate) fn write_member(&self, out: &mut Writer) {
        out.object("idTokenInfo", |out| self.write(out));
    }
}

/// OCPP 2.0.1, chargingPriority: "The range is from -9 to 9".
pub(crate) fn check_charging_priority(out: &mut Writer, priority: Option<i32>) {
    if let Some(priority) = priority.filter(|priority| !(-9..=9).contains(priority)) {
        out.refuse_number("chargingPriority", priority);
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
    } since_v21 {
        /// A text to show as a QR code.
        QrCode = "QRCODE",
    }
}

structures! {
    /// A message for a driver.
    MessageContent {
        /// How it is written.
        format: MessageFormat = required "format",
        /// Its language (RFC 5646); at most 8 characters.
        language: Option<String> = optional "language" [chars(8)],
        /// The text; at most 512 characters, in OCPP 2.1 1024.
        content: String = required "content" [chars(512).chars_v21(1024)],
    }

    /// Why something has the status that it has.
    StatusInfo {
        /// A code; at most 20 characters.
        reason_code: String = required "reasonCode" [chars(20)],
        /// For people; at most 512 characters, in OCPP 2.1 1024.
        additional_info: Option<String> = optional "additionalInfo" [chars(512).chars_v21(1024)],
    }
}

impl StatusInfo {
    /// The member `statusInfo`.
    pub(crate) fn optional(fields: &mut Fields<'_>) -> Result<Option<Self>, PayloadError> {
        fields.object("statusInfo", Self::read)
    }

    pub(crate) fn write_optional(info: Option<&Self>, out: &mut Writer) {
        Self::write_optional_as(info, out, "statusInfo");
    }

    pub(crate) fn write_optional_as(info: Option<&Self>, out: &mut Writer, field: &'static str) {
        if let Some(info) = info {
            out.object(field, |out| info.write(out));
        }
    }
}

/// Declares an answer that says what came of a call, and perhaps why.
macro_rules! status_response {
    ($(#[$doc:meta])* $name:ident, $status:ty) => {
        $crate::member::structures! {
            $(#[$doc])*
            $name {
                /// What came of it.
                status: $status = required "status",
                /// Why.
                status_info: Option<$crate::v201::StatusInfo> = optional "statusInfo",
            }
        }

        impl $name {
            /// Status alone.
            #[must_use]
            pub const fn new(status: $status) -> Self {
                Self { status, status_info: None }
            }
        }
    };
}

pub(crate) use status_response;
