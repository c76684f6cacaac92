//! BootNotification: a station introduces itself after it started.

use units::TimeSpan;

use super::types::StatusInfo;
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::quirk::Quirk;
use crate::time::StationTime;
use crate::words::{RegistrationStatus, words};
use crate::writer::Writer;

words! {
    /// Why a station started.
    BootReason {
        /// Its software restarted.
        ApplicationReset = "ApplicationReset",
        /// It has new firmware.
        FirmwareUpdate = "FirmwareUpdate",
        /// Somebody restarted it on site.
        LocalReset = "LocalReset",
        /// It was given power.
        PowerUp = "PowerUp",
        /// We asked for it.
        RemoteReset = "RemoteReset",
        /// A restart that was planned.
        ScheduledReset = "ScheduledReset",
        /// It did not start: we asked for the message.
        Triggered = "Triggered",
        /// It does not know.
        Unknown = "Unknown",
        /// It hung.
        Watchdog = "Watchdog",
    }
}

/// A station says what it is. Everything may be missing: a station that boots is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootNotificationRequest {
    /// The station.
    pub charging_station: ChargingStation,
    /// Why it started.
    pub reason: BootReason,
}

/// What a station is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChargingStation {
    /// The serial number; at most 25 characters.
    pub serial_number: Option<String>,
    /// The model; at most 20 characters, empty where it was not said.
    pub model: String,
    /// Its modem.
    pub modem: Option<Modem>,
    /// The vendor; at most 50 characters, empty where it was not said.
    pub vendor_name: String,
    /// The firmware version; at most 50 characters.
    pub firmware_version: Option<String>,
}

/// A station's modem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modem {
    /// The SIM card; at most 20 characters.
    pub iccid: Option<String>,
    /// The subscriber; at most 20 characters.
    pub imsi: Option<String>,
}

impl Message for BootNotificationRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            charging_station: fields.object_expected("chargingStation", ChargingStation::read)?,
            reason: fields.word_expected("reason"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.object("chargingStation", |out| self.charging_station.write(out));
        out.word("reason", &self.reason);
    }
}

impl ChargingStation {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            serial_number: fields.text("serialNumber", 25),
            model: fields.text_expected("model", 20),
            modem: fields.object("modem", |fields| {
                Ok(Modem { iccid: fields.text("iccid", 20), imsi: fields.text("imsi", 20) })
            })?,
            vendor_name: fields.text_expected("vendorName", 50),
            firmware_version: fields.text("firmwareVersion", 50),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.text_optional("serialNumber", self.serial_number.as_ref(), 25);
        out.text_required("model", &self.model, 20);
        if let Some(modem) = &self.modem {
            out.object("modem", |out| {
                out.text_optional("iccid", modem.iccid.as_ref(), 20);
                out.text_optional("imsi", modem.imsi.as_ref(), 20);
            });
        }
        out.text_required("vendorName", &self.vendor_name, 50);
        out.text_optional("firmwareVersion", self.firmware_version.as_ref(), 50);
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
    /// Why.
    pub status_info: Option<StatusInfo>,
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
            status_info: StatusInfo::optional(fields)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.time("currentTime", &self.current_time);
        out.seconds("interval", self.interval);
        out.word("status", &self.status);
        StatusInfo::write_optional(self.status_info.as_ref(), out);
    }
}
