//! GetCompositeSchedule: what a station makes of all its profiles.

use units::TimeSpan;

use super::types::{EvseNumber, StatusInfo};
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::quirk::Quirk;
use crate::schedule::{ChargingRateUnit, ScheduleLimits};
use crate::time::StationTime;
use crate::words::AcceptedStatus;
use crate::writer::Writer;

/// We ask for the schedule in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCompositeScheduleRequest {
    /// How far ahead; whole seconds, from 0.
    pub duration: TimeSpan,
    /// The unit wanted; `None` leaves it to the station.
    pub charging_rate_unit: Option<ChargingRateUnit>,
    /// The EVSE; 0 is the station.
    pub evse_id: EvseNumber,
}

impl Message for GetCompositeScheduleRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            duration: fields.seconds("duration").ok_or(PayloadError::Missing { field: "duration" })?,
            charging_rate_unit: fields.word("chargingRateUnit"),
            evse_id: EvseNumber::required(fields, "evseId")?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.seconds("duration", self.duration);
        out.word_optional("chargingRateUnit", self.charging_rate_unit.as_ref());
        self.evse_id.write(out);
    }
}

/// The station's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCompositeScheduleResponse {
    /// Whether it could.
    pub status: AcceptedStatus,
    /// Why.
    pub status_info: Option<StatusInfo>,
    /// The schedule; `None` also where the station filled in something that is none.
    pub schedule: Option<CompositeSchedule>,
}

/// What an EVSE, or the station, may draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompositeSchedule {
    /// The EVSE; 0 is the station.
    pub evse_id: EvseNumber,
    /// How far it reaches; whole seconds, from 0.
    pub duration: TimeSpan,
    /// Where the periods count from, by the station's clock.
    pub schedule_start: StationTime,
    /// The limits.
    pub limits: ScheduleLimits,
}

impl Message for GetCompositeScheduleResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let schedule = match fields.object("schedule", CompositeSchedule::read) {
            Ok(schedule) => schedule,
            Err(_) => {
                fields.note(Quirk::UnreadableSchedule);
                None
            }
        };
        Ok(Self {
            status: fields.word_expected("status"),
            status_info: StatusInfo::optional(fields)?,
            schedule,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.word("status", &self.status);
        StatusInfo::write_optional(self.status_info.as_ref(), out);
        if let Some(schedule) = &self.schedule {
            out.object("schedule", |out| schedule.write(out));
        }
    }
}

impl CompositeSchedule {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let (limits, _) = ScheduleLimits::read(fields)?;
        Ok(Self {
            evse_id: EvseNumber::required(fields, "evseId")?,
            duration: fields.seconds("duration").ok_or(PayloadError::Missing { field: "duration" })?,
            schedule_start: fields.time_expected("scheduleStart"),
            limits,
        })
    }

    fn write(&self, out: &mut Writer) {
        self.evse_id.write(out);
        out.seconds("duration", self.duration);
        out.time("scheduleStart", &self.schedule_start);
        self.limits.write(out, None);
    }
}
