//! GetReport: parts of the device model.

use super::device::ComponentVariable;
use super::get_base_report::GenericDeviceModelStatus;
use super::types::status_response;
use crate::member::structures;
use crate::words::words;

words! {
    /// Which components: those of which one of these variables is true.
    ComponentCriterion {
        /// Active.
        Active = "Active",
        /// Available.
        Available = "Available",
        /// Enabled.
        Enabled = "Enabled",
        /// Problem.
        Problem = "Problem",
    }
}

structures! {
    /// We ask for variables.
    GetReportRequest {
        /// Which; empty is all.
        component_variable: Vec<ComponentVariable> = optional "componentVariable",
        /// Our number of the report.
        request_id: i32 = required "requestId",
        /// Of which components; empty is all, at most 4.
        component_criteria: Vec<ComponentCriterion> = optional "componentCriteria" [items(4)],
    }
}

status_response! {
    /// The station's answer; the report follows with NotifyReport.
    GetReportResponse, GenericDeviceModelStatus
}
