//! RemoteStartTransaction: start a transaction for a token.

use super::Message;
use super::profile::{ChargingProfile, ChargingProfilePurpose};
use super::types::{ConnectorId, IdTag, ReportedTransaction};
use crate::fields::{Fields, PayloadError};
use crate::words::AcceptedStatus;
use crate::writer::{EncodeFault, Writer};

/// We ask for a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStartTransactionRequest {
    /// The connector; `None` leaves it to the station.
    pub connector_id: Option<ConnectorId>,
    /// For whom.
    pub id_tag: IdTag,
    /// The limits from the first moment: a TxProfile without transaction id.
    pub charging_profile: Option<ChargingProfile>,
}

impl Message for RemoteStartTransactionRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            connector_id: ConnectorId::optional(fields),
            id_tag: IdTag::required(fields)?,
            charging_profile: fields.object("chargingProfile", ChargingProfile::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        if let Some(connector) = self.connector_id {
            if connector == ConnectorId::STATION {
                out.refuse("connectorId", EncodeFault::Rule { rule: "starts at 1 in a start" });
            }
            connector.write(out);
        }
        self.id_tag.write(out, "idTag");
        if let Some(profile) = &self.charging_profile {
            // OCPP 1.6 section 5.11: "The ChargingProfilePurpose MUST be set to TxProfile"; the transaction has no id yet.
            if profile.charging_profile_purpose != ChargingProfilePurpose::TxProfile
                || profile.transaction_id != ReportedTransaction::Missing
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
pub struct RemoteStartTransactionResponse {
    /// Whether it is taken.
    pub status: AcceptedStatus,
}

impl Message for RemoteStartTransactionResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
