//! MeterValues: what a connector's meter, or the station's, shows.

use super::Message;
use super::meter::MeterValue;
use super::types::{ConnectorId, ReportedTransaction};
use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::writer::{EncodeFault, Writer};

/// A station reports meter values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterValuesRequest {
    /// The connector; 0 is the station's main meter, or a repetition of a connector's.
    pub connector_id: ConnectorId,
    /// The transaction they belong to, as the station has it.
    pub transaction_id: ReportedTransaction,
    /// The values.
    pub meter_value: Vec<MeterValue>,
}

impl Message for MeterValuesRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        if !fields.has("meterValue") {
            fields.note(Quirk::MissingField { field: "meterValue" });
        }
        Ok(Self {
            connector_id: ConnectorId::required(fields)?,
            transaction_id: ReportedTransaction::read(fields),
            meter_value: fields.list("meterValue", MeterValue::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        self.connector_id.write(out);
        self.transaction_id.write_optional(out);
        if self.meter_value.is_empty() {
            out.refuse("meterValue", EncodeFault::Missing);
        }
        out.list("meterValue", &self.meter_value, |out, value| value.write(out));
    }
}

/// Our answer: the values are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeterValuesResponse {}

impl Message for MeterValuesResponse {
    fn read(_fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {})
    }

    fn write(&self, _out: &mut Writer) {}
}
