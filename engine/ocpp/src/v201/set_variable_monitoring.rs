//! SetVariableMonitoring: watch variables.

use super::device::{Component, Variable};
use super::types::StatusInfo;
use crate::figure::Figure;
use crate::member::{Opaque, structures};
use crate::words::words;

words! {
    /// What is watched for.
    Monitor {
        /// The value is above a limit.
        UpperThreshold = "UpperThreshold",
        /// The value is below a limit.
        LowerThreshold = "LowerThreshold",
        /// The value changed by so much.
        Delta = "Delta",
        /// So many seconds passed.
        Periodic = "Periodic",
        /// So many seconds passed, from midnight on.
        PeriodicClockAligned = "PeriodicClockAligned",
    } since_v21 {
        /// The value is so far from the one wanted.
        TargetDelta = "TargetDelta",
        /// The value is so far from the one wanted, in parts of it.
        TargetDeltaRelative = "TargetDeltaRelative",
    }
}

structures! {
    /// We add monitors, or change them.
    SetVariableMonitoringRequest {
        /// The monitors.
        set_monitoring_data: Vec<SetMonitoringData> = required "setMonitoringData",
    }

    /// A monitor.
    SetMonitoringData {
        /// Its number; `None` makes a new one.
        id: Option<u32> = optional "id",
        /// How often values are streamed; streams are not taken.
        periodic_event_stream: Option<Opaque> = optional "periodicEventStream" [since_v21()],
        /// Only while a transaction runs; `None` is always.
        transaction: Option<bool> = optional "transaction",
        /// The limit, the change, or the seconds.
        value: Figure = required "value",
        /// What it watches for.
        kind: Monitor = required "type",
        /// How bad it is, from 0, the worst, to 9.
        severity: u8 = required "severity",
        /// Of which component.
        component: Component = required "component",
        /// The variable.
        variable: Variable = required "variable",
    }
}

words! {
    /// What came of a monitor.
    SetMonitoringStatus {
        /// It watches.
        Accepted = "Accepted",
        /// There is no such component.
        UnknownComponent = "UnknownComponent",
        /// There is no such variable.
        UnknownVariable = "UnknownVariable",
        /// It cannot be watched so.
        UnsupportedMonitorType = "UnsupportedMonitorType",
        /// It will not watch.
        Rejected = "Rejected",
        /// There is one like it.
        Duplicate = "Duplicate",
    }
}

structures! {
    /// The station's answer.
    SetVariableMonitoringResponse {
        /// One per monitor.
        set_monitoring_result: Vec<SetMonitoringResult> = required "setMonitoringResult",
    }

    /// What came of one monitor.
    SetMonitoringResult {
        /// Its number, where it watches.
        id: Option<u32> = optional "id",
        /// Why.
        status_info: Option<StatusInfo> = optional "statusInfo",
        /// What came of it.
        status: SetMonitoringStatus = required "status",
        /// What it watches for.
        kind: Monitor = required "type",
        /// Of which component.
        component: Component = required "component",
        /// The variable.
        variable: Variable = required "variable",
        /// How bad it is; `None` where it is missing or unreadable.
        severity: Option<u32> = required "severity",
    }
}
