//! GetCompositeSchedule: what a station makes of all its profiles.

use units::TimeSpan;

use super::Message;
use super::profile::ChargingSchedule;
use super::types::ConnectorId;
use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::schedule::ChargingRateUnit;
use crate::time::StationTime;
use crate::words::AcceptedStatus;
use crate::writer::Writer;

/// We ask for the schedule in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCompositeScheduleRequest {
    /// The connector; 0 is the station.
    pub connector_id: ConnectorId,
    /// How far ahead; whole seconds, from 0.
    pub duration: TimeSpan,
    /// The unit wanted; `None` leaves it to the station.
    pub charging_rate_unit: Option<ChargingRateUnit>,
}

impl Message for GetCompositeScheduleRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            connector_id: ConnectorId::required(fields)?,
            duration: fields.seconds("duration").ok_or(PayloadError::Missing { field: "duration" })?,
            charging_rate_unit: fields.word("chargingRateUnit"),
        })
    }

    fn write(&self, out: &mut Writer) {
        self.connector_id.write(out);
        out.seconds("duration", self.duration);
        out.word_optional("chargingRateUnit", self.charging_rate_unit.as_ref());
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCompositeScheduleResponse {
    /// Whether it could.
    pub status: AcceptedStatus,
    /// The connector.
    pub connector_id: Option<ConnectorId>,
    /// Where the periods count from, by the station's clock.
    pub schedule_start: StationTime,
    /// The schedule; `None` also where the station filled in something that is none.
    pub charging_schedule: Option<ChargingSchedule>,
}

impl Message for GetCompositeScheduleResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let charging_schedule = match fields.object("chargingSchedule", ChargingSchedule::read) {
            Ok(schedule) => schedule,
            Err(_) => {
                fields.note(Quirk::UnreadableSchedule);
                None
            }
        };
        Ok(Self {
            status: fields.word_expected("status"),
            connector_id: ConnectorId::optional(fields),
            schedule_start: fields.time("scheduleStart"),
            charging_schedule,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
        if let Some(connector) = self.connector_id {
            connector.write(out);
        }
        out.time_optional("scheduleStart", &self.schedule_start);
        if let Some(schedule) = &self.charging_schedule {
            out.object("chargingSchedule", |out| schedule.write(out));
        }
    }
}
