//! SecurityEventNotification: something happened that may matter to security.

use crate::fields::{Fields, PayloadError};
use crate::message::{Message, empty_messages};
use crate::time::StationTime;
use crate::writer::Writer;

/// A station reports an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEventNotificationRequest {
    /// Which event, from a list that vendors add to; at most 50 characters, empty where it was not said.
    pub kind: String,
    /// When, by the station's clock.
    pub timestamp: StationTime,
    /// More about it; at most 255 characters.
    pub tech_info: Option<String>,
}

impl Message for SecurityEventNotificationRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            kind: fields.text_expected("type", 50),
            timestamp: fields.time_expected("timestamp"),
            tech_info: fields.text("techInfo", 255),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.text_required("type", &self.kind, 50);
        out.time("timestamp", &self.timestamp);
        out.text_optional("techInfo", self.tech_info.as_ref(), 255);
    }
}

empty_messages! {
    /// Our answer: it is kept.
    SecurityEventNotificationResponse;
}
