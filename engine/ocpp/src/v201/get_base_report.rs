//! GetBaseReport: have the device model told in NotifyReports.

use super::types::status_response;
use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::words::words;
use crate::writer::Writer;

words! {
    /// What to report.
    ReportBase {
        /// The variables that can be set.
        ConfigurationInventory = "ConfigurationInventory",
        /// All variables.
        FullInventory = "FullInventory",
        /// Those that tell of availability and problems.
        SummaryInventory = "SummaryInventory",
    }
}

/// We ask for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetBaseReportRequest {
    /// Our number of it, which the reports carry.
    pub request_id: i32,
    /// What to report.
    pub report_base: ReportBase,
}

impl Message for GetBaseReportRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            request_id: fields.whole_required("requestId", "a 32-bit number")?,
            report_base: fields.word_required("reportBase")?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.number("requestId", self.request_id);
        out.word("reportBase", &self.report_base);
    }
}

words! {
    /// What came of asking about the device model.
    GenericDeviceModelStatus {
        /// It will be reported.
        Accepted = "Accepted",
        /// Refused.
        Rejected = "Rejected",
        /// The station cannot.
        NotSupported = "NotSupported",
        /// There is nothing to report.
        EmptyResultSet = "EmptyResultSet",
    }
}

status_response! {
    /// The station's answer, before the reports.
    GetBaseReportResponse, GenericDeviceModelStatus
}
