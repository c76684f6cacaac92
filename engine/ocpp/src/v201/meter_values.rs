//! MeterValues: what an EVSE's meter, or the station's, shows outside transactions.

use super::meter::MeterValue;
use super::types::EvseNumber;
use crate::fields::{Fields, PayloadError};
use crate::message::{Message, empty_messages};
use crate::writer::Writer;

/// A station reports meter values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterValuesRequest {
    /// The EVSE; 0 is the station's main meter.
    pub evse_id: EvseNumber,
    /// The values.
    pub meter_value: Vec<MeterValue>,
}

impl Message for MeterValuesRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            evse_id: EvseNumber::required(fields, "evseId")?,
            meter_value: fields.list_expected("meterValue", MeterValue::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        self.evse_id.write(out);
        out.list_required("meterValue", &self.meter_value, |out, value| value.write(out));
    }
}

empty_messages! {
    /// Our answer: the values are kept.
    MeterValuesResponse;
}
