//! ClearChargingProfile: remove profiles.

use super::profile::ChargingProfilePurpose;
use super::types::{EvseNumber, status_response};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::ClearChargingProfileStatus;
use crate::writer::Writer;

/// We remove the profile of an id, or those that match all criteria; with nothing given, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClearChargingProfileRequest {
    /// The profile's id.
    pub charging_profile_id: Option<i32>,
    /// What profiles have in common.
    pub charging_profile_criteria: Option<ClearChargingProfile>,
}

/// What the profiles that are removed have in common: all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClearChargingProfile {
    /// The EVSE; 0 is the station.
    pub evse_id: Option<EvseNumber>,
    /// The purpose.
    pub charging_profile_purpose: Option<ChargingProfilePurpose>,
    /// The stack level.
    pub stack_level: Option<u32>,
}

impl Message for ClearChargingProfileRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            charging_profile_id: fields.whole("chargingProfileId"),
            charging_profile_criteria: fields.object("chargingProfileCriteria", |fields| {
                Ok(ClearChargingProfile {
                    evse_id: EvseNumber::optional(fields),
                    charging_profile_purpose: fields.word("chargingProfilePurpose"),
                    stack_level: fields.whole("stackLevel"),
                })
            })?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.number_optional("chargingProfileId", self.charging_profile_id);
        if let Some(criteria) = &self.charging_profile_criteria {
            out.object("chargingProfileCriteria", |out| {
                EvseNumber::write_optional(criteria.evse_id, out);
                out.word_optional("chargingProfilePurpose", criteria.charging_profile_purpose.as_ref());
                out.number_optional("stackLevel", criteria.stack_level);
            });
        }
    }
}

status_response! {
    /// The station's answer.
    ClearChargingProfileResponse, ClearChargingProfileStatus
}
