//! ClearChargingProfile: remove profiles.

use super::Message;
use super::profile::ChargingProfilePurpose;
use super::types::ConnectorId;
use crate::fields::{Fields, PayloadError};
use crate::words::ClearChargingProfileStatus;
use crate::writer::Writer;

/// We remove the profiles that match all that is given; with nothing given, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClearChargingProfileRequest {
    /// The profile's id.
    pub id: Option<i32>,
    /// The connector; 0 is the station.
    pub connector_id: Option<ConnectorId>,
    /// The purpose.
    pub charging_profile_purpose: Option<ChargingProfilePurpose>,
    /// The stack level.
    pub stack_level: Option<u32>,
}

impl Message for ClearChargingProfileRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            id: fields.whole("id"),
            connector_id: ConnectorId::optional(fields),
            charging_profile_purpose: fields.word("chargingProfilePurpose"),
            stack_level: fields.whole("stackLevel"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.number_optional("id", self.id);
        if let Some(connector) = self.connector_id {
            connector.write(out);
        }
        out.word_optional("chargingProfilePurpose", self.charging_profile_purpose.as_ref());
        out.number_optional("stackLevel", self.stack_level);
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearChargingProfileResponse {
    /// What came of it.
    pub status: ClearChargingProfileStatus,
}

impl Message for ClearChargingProfileResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { status: fields.word_expected("status") })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
    }
}
