//! NotifyEvent: a variable changed, or passed a limit that is watched.

use std::fmt;

use super::device::{Component, Variable, read_place};
use super::types::ReportedTransaction;
use crate::fields::{Fields, PayloadError};
use crate::member::{Member, Need, since_v21};
use crate::message::{Message, empty_messages};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::Writer;

const SEVERITY: &str = "severity";

/// A station reports events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyEventRequest {
    /// When the message was made, by the station's clock.
    pub generated_at: StationTime,
    /// Whether another part follows.
    pub tbc: bool,
    /// The number of this part, from 0; `None` where it is missing or unreadable.
    pub seq_no: Option<u32>,
    /// The events.
    pub event_data: Vec<EventData>,
}

words! {
    /// What made a station report an event.
    EventTrigger {
        /// The value passed a limit.
        Alerting = "Alerting",
        /// The value changed by much.
        Delta = "Delta",
        /// The time came.
        Periodic = "Periodic",
    }
}

words! {
    /// Who wanted an event to be reported.
    EventNotificationKind {
        /// The vendor, for ever.
        HardWiredNotification = "HardWiredNotification",
        /// The vendor, with limits.
        HardWiredMonitor = "HardWiredMonitor",
        /// The vendor, but we may change it.
        PreconfiguredMonitor = "PreconfiguredMonitor",
        /// We.
        CustomMonitor = "CustomMonitor",
    }
}

/// One event. `Debug` hides the values of variables that hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct EventData {
    /// The station's number of it; `None` where it is missing or unreadable.
    pub event_id: Option<i32>,
    /// When it happened, by the station's clock.
    pub timestamp: StationTime,
    /// What made the station report it.
    pub trigger: EventTrigger,
    /// The event that caused it.
    pub cause: Option<i32>,
    /// The value of the variable; at most 2500 characters, may be empty.
    pub actual_value: String,
    /// A code; at most 50 characters.
    pub tech_code: Option<String>,
    /// More about it; at most 500 characters.
    pub tech_info: Option<String>,
    /// Whether all is well again.
    pub cleared: Option<bool>,
    /// The transaction concerned, by the station's id.
    pub transaction_id: Option<ReportedTransaction>,
    /// Of which component.
    pub component: Component,
    /// The number of the monitor that watched.
    pub variable_monitoring_id: Option<i32>,
    /// Who wanted it to be reported.
    pub event_notification_type: EventNotificationKind,
    /// The variable.
    pub variable: Variable,
    /// How bad it is, from 0, the worst, to 9; only in OCPP 2.1.
    pub severity: Option<u32>,
}

impl fmt::Debug for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventData")
            .field("event_id", &self.event_id)
            .field("timestamp", &self.timestamp)
            .field("trigger", &self.trigger)
            .field("actual_value", &self.variable.shown(&self.actual_value))
            .field("tech_code", &self.tech_code)
            .field("cleared", &self.cleared)
            .field("component", &self.component)
            .field("variable", &self.variable)
            .finish_non_exhaustive()
    }
}

impl Message for NotifyEventRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            generated_at: fields.time_expected("generatedAt"),
            tbc: fields.flag("tbc").unwrap_or(false),
            seq_no: fields.whole_expected("seqNo"),
            event_data: fields.list_expected("eventData", EventData::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.time("generatedAt", &self.generated_at);
        out.flag_if_set("tbc", self.tbc);
        out.whole_required("seqNo", self.seq_no);
        out.list_required("eventData", &self.event_data, |out, event| event.write(out));
    }
}

impl EventData {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let (component, variable) = read_place(fields)?;
        Ok(Self {
            event_id: fields.whole_expected("eventId"),
            timestamp: fields.time_expected("timestamp"),
            trigger: fields.word_expected("trigger"),
            cause: fields.whole("cause"),
            actual_value: fields.text_or_empty_expected("actualValue", 2500),
            tech_code: fields.text("techCode", 50),
            tech_info: fields.text("techInfo", 500),
            cleared: fields.flag("cleared"),
            transaction_id: ReportedTransaction::optional(fields),
            component,
            variable_monitoring_id: fields.whole("variableMonitoringId"),
            event_notification_type: fields.word_expected("eventNotificationType"),
            variable,
            severity: Member::read_in(fields, Need::Optional, SEVERITY, &since_v21())?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.whole_required("eventId", self.event_id);
        out.time("timestamp", &self.timestamp);
        out.word("trigger", &self.trigger);
        out.number_optional("cause", self.cause);
        out.text("actualValue", &self.actual_value, 2500);
        out.text_optional("techCode", self.tech_code.as_ref(), 50);
        out.text_optional("techInfo", self.tech_info.as_ref(), 500);
        if let Some(is_cleared) = self.cleared {
            out.flag("cleared", is_cleared);
        }
        ReportedTransaction::write_optional(self.transaction_id.as_ref(), out);
        self.component.write_member(out);
        out.number_optional("variableMonitoringId", self.variable_monitoring_id);
        out.word("eventNotificationType", &self.event_notification_type);
        self.variable.write_member(out);
        Member::write_in(&self.severity, out, Need::Optional, SEVERITY, &since_v21());
    }
}

empty_messages! {
    /// Our answer: they are kept.
    NotifyEventResponse;
}
