//! NotifyMonitoringReport: the variables that are watched.

use super::device::{Component, Variable};
use super::notify_event::EventNotificationKind;
use super::set_variable_monitoring::Monitor;
use crate::figure::Figure;
use crate::member::structures;
use crate::message::empty_messages;
use crate::time::StationTime;

structures! {
    /// A station reports monitors.
    NotifyMonitoringReportRequest {
        /// By variable.
        monitor: Vec<MonitoringData> = optional "monitor",
        /// Our number of the report; `None` where it is missing or unreadable.
        request_id: Option<i32> = required "requestId",
        /// Whether another part follows; `None` is no.
        tbc: Option<bool> = optional "tbc",
        /// The number of this part, from 0; `None` where it is missing or unreadable.
        seq_no: Option<u32> = required "seqNo",
        /// When the message was made, by the station's clock.
        generated_at: StationTime = required "generatedAt",
    }

    /// The monitors of a variable.
    MonitoringData {
        /// Of which component.
        component: Component = required "component",
        /// The variable.
        variable: Variable = required "variable",
        /// The monitors.
        variable_monitoring: Vec<VariableMonitoring> = required "variableMonitoring",
    }

    /// A monitor.
    VariableMonitoring {
        /// Its number; `None` where it is missing or unreadable.
        id: Option<u32> = required "id",
        /// Only while a transaction runs.
        transaction: Option<bool> = required "transaction",
        /// The limit, the change, or the seconds.
        value: Option<Figure> = required "value",
        /// What it watches for.
        kind: Monitor = required "type",
        /// How bad it is, from 0, the worst, to 9.
        severity: Option<u32> = required "severity",
        /// Who wanted it.
        event_notification_type: Option<EventNotificationKind> = required "eventNotificationType" [since_v21()],
    }
}

empty_messages! {
    /// Our answer: it is kept.
    NotifyMonitoringReportResponse;
}
