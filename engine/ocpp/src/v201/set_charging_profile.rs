//! SetChargingProfile: limit a transaction, an EVSE or a station.

use super::profile::{ChargingProfile, ChargingProfilePurpose};
use super::types::{EvseNumber, status_response};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::AcceptedStatus;
use crate::writer::{EncodeFault, Writer};

/// We set a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetChargingProfileRequest {
    /// The EVSE; 0 is the station, or each EVSE for a TxDefaultProfile.
    pub evse_id: EvseNumber,
    /// The profile.
    pub charging_profile: ChargingProfile,
}

impl Message for SetChargingProfileRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            evse_id: EvseNumber::required(fields, "evseId")?,
            charging_profile: fields.object_required("chargingProfile", ChargingProfile::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        let is_station = self.evse_id == EvseNumber::STATION;
        match self.charging_profile.charging_profile_purpose {
            ChargingProfilePurpose::ChargingStationExternalConstraints => {
                out.refuse("chargingProfilePurpose", EncodeFault::Rule { rule: "is not ours to set" });
            }
            // OCPP 2.0.1, evseId: "For ChargingStationMaxProfile […] an evseId=0 contains an overal limit for the whole
            // Charging Station".
            ChargingProfilePurpose::ChargingStationMaxProfile if !is_station => {
                out.refuse("evseId", EncodeFault::Rule { rule: "is 0 for a ChargingStationMaxProfile" });
            }
            ChargingProfilePurpose::TxProfile => {
                // OCPP 2.0.1 K01.FR.16.
                if is_station {
                    out.refuse("evseId", EncodeFault::Rule { rule: "is above 0 for a TxProfile" });
                }
                // OCPP 2.0.1 K01.FR.03.
                if self.charging_profile.transaction_id.is_none() {
                    out.refuse("transactionId", EncodeFault::Rule { rule: "belongs to a TxProfile" });
                }
            }
            ChargingProfilePurpose::ChargingStationMaxProfile
            | ChargingProfilePurpose::TxDefaultProfile
            | ChargingProfilePurpose::PriorityCharging
            | ChargingProfilePurpose::LocalGeneration
            | ChargingProfilePurpose::Other(_) => {}
        }
        self.evse_id.write(out);
        out.object("chargingProfile", |out| self.charging_profile.write(out));
    }
}

status_response! {
    /// The station's answer. Accepted is no evidence that it is obeyed.
    SetChargingProfileResponse, AcceptedStatus
}
