//! BootNotification: a station introduces itself after it started.

use units::TimeSpan;

use super::Message;
use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::time::StationTime;
use crate::words::RegistrationStatus;
use crate::writer::Writer;

/// A station says what it is. Everything may be missing: a station that boots is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootNotificationRequest {
    /// The vendor; at most 20 characters, empty where it was not said.
    pub charge_point_vendor: String,
    /// The model; at most 20 characters, empty where it was not said.
    pub charge_point_model: String,
    /// The station's serial number; at most 25 characters.
    pub charge_point_serial_number: Option<String>,
    /// The charge box's serial number, which OCPP 1.6 deprecates; at most 25 characters.
    pub charge_box_serial_number: Option<String>,
    /// The firmware version; at most 50 characters.
    pub firmware_version: Option<String>,
    /// The modem's SIM card; at most 20 characters.
    pub iccid: Option<String>,
    /// The modem's subscriber; at most 20 characters.
    pub imsi: Option<String>,
    /// The main meter's serial number; at most 25 characters.
    pub meter_serial_number: Option<String>,
    /// The main meter's type; at most 25 characters.
    pub meter_type: Option<String>,
}

impl Message for BootNotificationRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            charge_point_vendor: fields.text_expected("chargePointVendor", 20),
            charge_point_model: fields.text_expected("chargePointModel", 20),
            charge_point_serial_number: fields.text("chargePointSerialNumber", 25),
            charge_box_serial_number: fields.text("chargeBoxSerialNumber", 25),
            firmware_version: fields.text("firmwareVersion", 50),
            iccid: fields.text("iccid", 20),
            imsi: fields.text("imsi", 20),
            meter_serial_number: fields.text("meterSerialNumber", 25),
            meter_type: fields.text("meterType", 25),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.text_required("chargePointVendor", &self.charge_point_vendor, 20);
        out.text_required("chargePointModel", &self.charge_point_model, 20);
        out.text_optional("chargePointSerialNumber", self.charge_point_serial_number.as_ref(), 25);
        out.text_optional("chargeBoxSerialNumber", self.charge_box_serial_number.as_ref(), 25);
        out.text_optional("firmwareVersion", self.firmware_version.as_ref(), 50);
        out.text_optional("iccid", self.iccid.as_ref(), 20);
        out.text_optional("imsi", self.imsi.as_ref(), 20);
        out.text_optional("meterSerialNumber", self.meter_serial_number.as_ref(), 25);
        out.text_optional("meterType", self.meter_type.as_ref(), 25);
    }
}

/// Our answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootNotificationResponse {
    /// Our time, to which the station sets its clock.
    pub current_time: StationTime,
    /// Accepted: between heartbeats; otherwise before the next attempt. Whole seconds, from 0.
    pub interval: TimeSpan,
    /// Whether the station is part of the service.
    pub status: RegistrationStatus,
}

impl Message for BootNotificationResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            current_time: fields.time_expected("currentTime"),
            interval: fields.seconds("interval").unwrap_or_else(|| {
                fields.note(Quirk::MissingField { field: "interval" });
                TimeSpan::ZERO
            }),
            status: fields.word_expected("status"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.time("currentTime", &self.current_time);
        out.seconds("interval", self.interval);
        out.word("status", &self.status);
    }
}
