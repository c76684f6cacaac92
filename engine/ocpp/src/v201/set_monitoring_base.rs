//! SetMonitoringBase: which monitors there are to begin with.

use super::get_base_report::GenericDeviceModelStatus;
use super::types::status_response;
use crate::member::structures;
use crate::words::words;

words! {
    /// Which.
    MonitoringBase {
        /// All that the vendor prepared, those set by us kept.
        All = "All",
        /// Those the station came with.
        FactoryDefault = "FactoryDefault",
        /// Only those that cannot be taken out.
        HardWiredOnly = "HardWiredOnly",
    }
}

structures! {
    /// We choose.
    SetMonitoringBaseRequest {
        /// Which.
        monitoring_base: MonitoringBase = required "monitoringBase",
    }
}

status_response! {
    /// The station's answer.
    SetMonitoringBaseResponse, GenericDeviceModelStatus
}
