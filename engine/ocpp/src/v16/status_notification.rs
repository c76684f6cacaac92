//! StatusNotification: what a connector, or the station, is doing.

use super::Message;
use super::types::ConnectorId;
use crate::fields::{Fields, PayloadError};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::Writer;

words! {
    /// What a connector is doing.
    ChargePointStatus {
        /// Free.
        Available = "Available",
        /// Plugged in or authorized, not both yet.
        Preparing = "Preparing",
        /// Energy may flow.
        Charging = "Charging",
        /// The EV takes nothing.
        SuspendedEV = "SuspendedEV",
        /// The station offers nothing.
        SuspendedEVSE = "SuspendedEVSE",
        /// The transaction ended, the connector is not free yet.
        Finishing = "Finishing",
        /// Reserved.
        Reserved = "Reserved",
        /// Out of service.
        Unavailable = "Unavailable",
        /// Out of order.
        Faulted = "Faulted",
    }
}

words! {
    /// What is wrong.
    ChargePointErrorCode {
        /// The connector did not lock or unlock.
        ConnectorLockFailure = "ConnectorLockFailure",
        /// The EV does not communicate as it should.
        EVCommunicationError = "EVCommunicationError",
        /// A residual-current device tripped.
        GroundFailure = "GroundFailure",
        /// Too hot.
        HighTemperature = "HighTemperature",
        /// The station's software failed.
        InternalError = "InternalError",
        /// The local list is at odds with ours.
        LocalListConflict = "LocalListConflict",
        /// Nothing.
        NoError = "NoError",
        /// Something else: see the vendor's code.
        OtherError = "OtherError",
        /// More current than allowed.
        OverCurrentFailure = "OverCurrentFailure",
        /// Voltage too high.
        OverVoltage = "OverVoltage",
        /// The meter cannot be read.
        PowerMeterFailure = "PowerMeterFailure",
        /// The contactor does not switch as it should.
        PowerSwitchFailure = "PowerSwitchFailure",
        /// The token reader failed.
        ReaderFailure = "ReaderFailure",
        /// The station could not reset.
        ResetFailure = "ResetFailure",
        /// Voltage too low.
        UnderVoltage = "UnderVoltage",
        /// The wireless link is weak.
        WeakSignal = "WeakSignal",
    }
}

/// A station reports a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNotificationRequest {
    /// The connector; 0 is the station.
    pub connector_id: ConnectorId,
    /// What is wrong.
    pub error_code: ChargePointErrorCode,
    /// For people; at most 50 characters. May hold a token.
    pub info: Option<String>,
    /// What it is doing.
    pub status: ChargePointStatus,
    /// Since when, by the station's clock.
    pub timestamp: StationTime,
    /// Whose code the vendor's is; at most 255 characters.
    pub vendor_id: Option<String>,
    /// The vendor's code; at most 50 characters.
    pub vendor_error_code: Option<String>,
}

impl Message for StatusNotificationRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            connector_id: ConnectorId::required(fields)?,
            error_code: fields.word_expected("errorCode"),
            info: fields.text("info", 50),
            status: fields.word_required("status")?,
            timestamp: fields.time("timestamp"),
            vendor_id: fields.text("vendorId", 255),
            vendor_error_code: fields.text("vendorErrorCode", 50),
        })
    }

    fn write(&self, out: &mut Writer) {
        self.connector_id.write(out);
        out.word("errorCode", &self.error_code);
        out.text_optional("info", self.info.as_ref(), 50);
        out.word("status", &self.status);
        out.time_optional("timestamp", &self.timestamp);
        out.text_optional("vendorId", self.vendor_id.as_ref(), 255);
        out.text_optional("vendorErrorCode", self.vendor_error_code.as_ref(), 50);
    }
}

/// Our answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusNotificationResponse {}

impl Message for StatusNotificationResponse {
    fn read(_fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {})
    }

    fn write(&self, _out: &mut Writer) {}
}
