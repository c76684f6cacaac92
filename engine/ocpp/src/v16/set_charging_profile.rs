//! SetChargingProfile: limit a transaction, an EVSE or a station.

use super::Message;
use super::profile::{ChargingProfile, ChargingProfilePurpose};
use super::types::ConnectorId;
use crate::fields::{Fields, PayloadError};
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

/// We set a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetChargingProfileRequest {
    /// The connector; 0 is the station.
    pub connector_id: ConnectorId,
    /// The profile (OCPP 1.6's `csChargingProfiles`, of which there is one).
    pub charging_profile: ChargingProfile,
}

impl Message for SetChargingProfileRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            connector_id: ConnectorId::required(fields)?,
            charging_profile: fields
                .object("csChargingProfiles", ChargingProfile::read)?
                .ok_or(PayloadError::Missing { field: "csChargingProfiles" })?,
        })
    }

    fn write(&self, out: &mut Writer) {
        let is_station = self.connector_id == ConnectorId::STATION;
        match self.charging_profile.charging_profile_purpose {
            // OCPP 1.6 section 3.13.1: "ChargePointMaxProfile can only be set at Charge Point ConnectorId 0".
            ChargingProfilePurpose::ChargePointMaxProfile if !is_station => {
                out.refuse("connectorId", EncodeFault::Rule { rule: "is 0 for a ChargePointMaxProfile" });
            }
            // OCPP 1.6 section 5.16.2: TxProfile only "at Charge Point ConnectorId > 0".
            ChargingProfilePurpose::TxProfile if is_station => {
                out.refuse("connectorId", EncodeFault::Rule { rule: "is above 0 for a TxProfile" });
            }
            ChargingProfilePurpose::ChargePointMaxProfile
            | ChargingProfilePurpose::TxDefaultProfile
            | ChargingProfilePurpose::TxProfile
            | ChargingProfilePurpose::Other(_) => {}
        }
        self.connector_id.write(out);
        out.object("csChargingProfiles", |out| self.charging_profile.write(out));
    }
}

words! {
    /// What came of setting a profile.
    ChargingProfileStatus {
        /// Taken. No evidence that it is obeyed.
        Accepted = "Accepted",
        /// Refused.
        Rejected = "Rejected",
        /// The station cannot.
        NotSupported = "NotSupported",
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetChargingProfileResponse {
    /// What came of it.
    pub status: ChargingProfileStatus,
}

impl Message for SetChargingProfileResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
