//! GetMonitoringReport: which variables are watched.

use super::device::ComponentVariable;
use super::get_base_report::GenericDeviceModelStatus;
use super::types::status_response;
use crate::member::structures;
use crate::words::words;

words! {
    /// Which monitors.
    MonitoringCriterion {
        /// Of limits.
        ThresholdMonitoring = "ThresholdMonitoring",
        /// Of changes.
        DeltaMonitoring = "DeltaMonitoring",
        /// By time.
        PeriodicMonitoring = "PeriodicMonitoring",
    }
}

structures! {
    /// We ask for monitors.
    GetMonitoringReportRequest {
        /// Of which variables; empty is all.
        component_variable: Vec<ComponentVariable> = optional "componentVariable",
        /// Our number of the report.
        request_id: i32 = required "requestId",
        /// Which; empty is all, at most 3.
        monitoring_criteria: Vec<MonitoringCriterion> = optional "monitoringCriteria" [items(3)],
    }
}

status_response! {
    /// The station's answer; the report follows with NotifyMonitoringReport.
    GetMonitoringReportResponse, GenericDeviceModelStatus
}
