//! RequestStartTransaction: start a transaction for a token.

use super::profile::{ChargingProfile, ChargingProfilePurpose};
use super::types::{EvseNumber, IdToken, ReportedTransaction, StatusInfo};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::AcceptedStatus;
use crate::writer::{EncodeFault, Writer};

/// We ask for a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestStartTransactionRequest {
    /// The EVSE; `None` leaves it to the station.
    pub evse_id: Option<EvseNumber>,
    /// The group of the token.
    pub group_id_token: Option<IdToken>,
    /// For whom.
    pub id_token: IdToken,
    /// Our number of this start, which the transaction's events carry.
    pub remote_start_id: i32,
    /// The limits from the first moment: a TxProfile without transaction id.
    pub charging_profile: Option<ChargingProfile>,
}

impl Message for RequestStartTransactionRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            evse_id: EvseNumber::optional(fields),
            group_id_token: fields.object("groupIdToken", IdToken::read)?,
            id_token: fields.object_required("idToken", IdToken::read)?,
            remote_start_id: fields.whole_required("remoteStartId", "a 32-bit number")?,
            charging_profile: fields.object("chargingProfile", ChargingProfile::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        if self.evse_id == Some(EvseNumber::STATION) {
            out.refuse("evseId", EncodeFault::Rule { rule: "starts at 1 in a start" });
        }
        EvseNumber::write_optional(self.evse_id, out);
        IdToken::write_optional(self.group_id_token.as_ref(), out, "groupIdToken");
        self.id_token.write_member(out, "idToken");
        out.number("remoteStartId", self.remote_start_id);
        if let Some(profile) = &self.charging_profile {
            if profile.charging_profile_purpose != ChargingProfilePurpose::TxProfile
                || profile.transaction_id.is_some()
            {
                out.refuse(
                    "chargingProfile",
                    EncodeFault::Rule { rule: "is a TxProfile without transaction id" },
                );
            }
            out.object("chargingProfile", |out| profile.write(out));
        }
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestStartTransactionResponse {
    /// Whether it is taken.
    pub status: AcceptedStatus,
    /// Why.
    pub status_info: Option<StatusInfo>,
    /// The transaction that was already there, such as one that began with the plug.
    pub transaction_id: Option<ReportedTransaction>,
}

impl Message for RequestStartTransactionResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            status: fields.word_expected("status"),
            status_info: StatusInfo::optional(fields)?,
            transaction_id: ReportedTransaction::optional(fields),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
        StatusInfo::write_optional(self.status_info.as_ref(), out);
        ReportedTransaction::write_optional(self.transaction_id.as_ref(), out);
    }
}
