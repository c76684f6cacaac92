//! Values that several messages share.

use std::fmt;

use serde::{Deserialize, Serialize};
use units::id::InvalidId;
use units::{IdToken, TransactionId};

use crate::fields::{Fields, PayloadError};
use crate::json::Json;
use crate::member::{Bounds, Value, chars, structures, wrappers};
use crate::message::Message;
use crate::quirk::Quirk;
use crate::redact;
use crate::time::StationTime;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

/// A connector of a station, from 1; 0 is the station as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectorId(pub u16);

impl ConnectorId {
    /// The station as a whole.
    pub const STATION: Self = Self(0);

    const EXPECTED: &'static str = "a connector number from 0 to 65535";

    pub(crate) fn required(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        fields.whole_required("connectorId", Self::EXPECTED).map(Self)
    }

    pub(crate) fn optional(fields: &mut Fields<'_>) -> Option<Self> {
        fields.whole("connectorId").map(Self)
    }

    pub(crate) fn write(self, out: &mut Writer) {
        out.number("connectorId", self.0);
    }
}

wrappers! { ConnectorId(u16) = Self::EXPECTED; }

impl fmt::Display for ConnectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What identifies a driver, as it stands in a frame: blanks, case and any length kept. `Debug` shows a reference only.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdTag(String);

impl IdTag {
    /// IdToken: CiString20Type.
    pub const LENGTH_MAX: usize = 20;

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

    /// The token: without blanks, and in upper case.
    ///
    /// # Errors
    ///
    /// Where nothing came, or more or other characters than a token has.
    pub fn token(&self) -> Result<IdToken, InvalidId> {
        redact::without_blanks(&self.0).parse()
    }

    pub(crate) fn required(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let text = fields.text_required("idTag", Self::LENGTH_MAX)?;
        if text.is_empty() {
            fields.note(Quirk::EmptyText { field: "idTag" });
        }
        Ok(Self(text))
    }

    pub(crate) fn optional(fields: &mut Fields<'_>, field: &'static str) -> Option<Self> {
        fields.text(field, Self::LENGTH_MAX).map(Self)
    }

    pub(crate) fn write(&self, out: &mut Writer, field: &'static str) {
        out.text_required(field, &self.0, Self::LENGTH_MAX);
    }
}

impl Value for IdTag {
    const EXPECTED: &'static str = "a text";

    fn take(
        fields: &mut Fields<'_>,
        field: &'static str,
        json: &Json<'_>,
        _bounds: &Bounds,
    ) -> Result<Option<Self>, PayloadError> {
        Ok(String::take(fields, field, json, &chars(Self::LENGTH_MAX))?.map(Self))
    }

    fn put(&self, out: &mut Writer, field: &'static str, _bounds: &Bounds) {
        self.0.put(out, field, &chars(Self::LENGTH_MAX));
    }
}

impl From<&IdToken> for IdTag {
    fn from(token: &IdToken) -> Self {
        Self(token.as_str().to_owned())
    }
}

impl fmt::Debug for IdTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdTag({})", redact::reference(&self.0))
    }
}

words! {
    /// Whether a token may charge.
    AuthorizationStatus {
        /// It may.
        Accepted = "Accepted",
        /// It may not for now.
        Blocked = "Blocked",
        /// No longer.
        Expired = "Expired",
        /// It is unknown.
        Invalid = "Invalid",
        /// It is in another transaction; only in answer to StartTransaction.
        ConcurrentTx = "ConcurrentTx",
    }
}

structures! {
    /// What we say of a token.
    IdTagInfo {
        /// Whether it may charge.
        status: AuthorizationStatus = required "status",
        /// Until when a station may keep it in its cache.
        expiry_date: StationTime = optional "expiryDate",
        /// The group that may stop each other's transactions.
        parent_id_tag: Option<IdTag> = optional "parentIdTag",
    }
}

impl IdTagInfo {
    /// Status alone.
    #[must_use]
    pub const fn new(status: AuthorizationStatus) -> Self {
        Self { status, expiry_date: StationTime::Absent, parent_id_tag: None }
    }

    /// The member `idTagInfo`, which has no status where it is missing.
    pub(crate) fn expected(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let info = fields.object("idTagInfo", Self::read)?;
        Ok(info.unwrap_or_else(|| {
            fields.note(Quirk::MissingField { field: "idTagInfo" });
            Self::new(AuthorizationStatus::Other(String::new()))
        }))
    }

    /// The member `idTagInfo`.
    pub(crate) fn write_member(&self, out: &mut Writer) {
        out.object("idTagInfo", |out| self.write(out));
    }
}

/// A transaction id as it stands in a frame: `-1`, `0` and 2^63-1 occur and are kept as they came (FIELD 4c 28 to 33).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReportedTransaction {
    /// A whole number.
    Number(i64),
    /// Something that is none, as it came.
    Unreadable(String),
    /// Nothing came.
    #[default]
    Missing,
}

impl ReportedTransaction {
    /// The id, where it can be one of ours: 1 to 2^31-1.
    #[must_use]
    pub fn id(&self) -> Option<TransactionId> {
        match self {
            Self::Number(number) => i32::try_from(*number)
                .ok()
                .and_then(|number| u64::try_from(number).ok())
                .filter(|number| *number > 0)
                .map(TransactionId),
            Self::Unreadable(_) | Self::Missing => None,
        }
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        const FIELD: &str = "transactionId";
        let Some(json) = fields.raw(FIELD) else { return Self::Missing };
        let text = match json {
            Json::Number(text) => text.as_ref(),
            Json::Text(text) if text.trim().is_empty() => {
                fields.note(Quirk::EmptyText { field: FIELD });
                return Self::Missing;
            }
            Json::Text(text) => {
                fields.note(Quirk::TextAsNumber { field: FIELD });
                text.trim()
            }
            Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => "",
        };
        match text.strip_suffix(".0").unwrap_or(text).parse() {
            Ok(number) => Self::Number(number),
            Err(_) => {
                fields.note(Quirk::OutOfRange { field: FIELD });
                Self::Unreadable(json.to_string().chars().take(64).collect())
            }
        }
    }

    pub(crate) fn expected(fields: &mut Fields<'_>) -> Self {
        let transaction = Self::read(fields);
        if transaction == Self::Missing {
            fields.note(Quirk::MissingField { field: "transactionId" });
        }
        transaction
    }

    pub(crate) fn write_optional(&self, out: &mut Writer) {
        match self {
            Self::Number(number) => {
                if i32::try_from(*number).is_err() {
                    out.refuse_number("transactionId", number);
                }
                out.number("transactionId", *number);
            }
            Self::Unreadable(text) => out.refuse_number("transactionId", text),
            Self::Missing => {}
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        if *self == Self::Missing {
            out.refuse("transactionId", EncodeFault::Missing);
        }
        self.write_optional(out);
    }
}

impl From<TransactionId> for ReportedTransaction {
    /// An id beyond `i64` becomes one that is never sent.
    fn from(id: TransactionId) -> Self {
        i64::try_from(id.0).map_or_else(|_| Self::Unreadable(id.to_string()), Self::Number)
    }
}
