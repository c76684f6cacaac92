//! StartTransaction: a transaction began.

use units::WattHours;

use super::Message;
use super::types::{ConnectorId, IdTag, IdTagInfo, ReportedTransaction};
use crate::fields::{Fields, PayloadError};
use crate::quirk::Quirk;
use crate::time::StationTime;
use crate::writer::{EncodeFault, Writer};

/// A station started a transaction. Only the connector must be there: what else is missing is a finding, never a reason
/// to make the station repeat itself for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartTransactionRequest {
    /// The connector.
    pub connector_id: ConnectorId,
    /// For whom; empty where it was not said.
    pub id_tag: IdTag,
    /// The register of energy imported, as it came, negative ones included; `None` where it is missing or unreadable.
    pub meter_start: Option<WattHours>,
    /// The reservation that ends; some stations send 0 for none.
    pub reservation_id: Option<i64>,
    /// When, by the station's clock.
    pub timestamp: StationTime,
}

impl Message for StartTransactionRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            connector_id: ConnectorId::required(fields)?,
            id_tag: IdTag::new(fields.text_expected("idTag", IdTag::LENGTH_MAX)),
            meter_start: register_expected(fields, "meterStart"),
            reservation_id: fields.whole("reservationId"),
            timestamp: fields.time_expected("timestamp"),
        })
    }

    fn write(&self, out: &mut Writer) {
        self.connector_id.write(out);
        self.id_tag.write(out, "idTag");
        write_register(out, "meterStart", self.meter_start);
        out.number_optional("reservationId", self.reservation_id);
        out.time("timestamp", &self.timestamp);
    }
}

/// Our answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartTransactionResponse {
    /// What we say of the token.
    pub id_tag_info: IdTagInfo,
    /// The transaction's id, which we give: 1 to 2^31-1.
    pub transaction_id: ReportedTransaction,
}

impl Message for StartTransactionResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            id_tag_info: IdTagInfo::expected(fields)?,
            transaction_id: ReportedTransaction::expected(fields),
        })
    }

    fn write(&self, out: &mut Writer) {
        self.id_tag_info.write_member(out);
        self.transaction_id.write(out);
    }
}

/// A register that belongs there but can be done without.
pub(super) fn register_expected(fields: &mut Fields<'_>, field: &'static str) -> Option<WattHours> {
    if !fields.has(field) {
        fields.note(Quirk::MissingField { field });
    }
    fields.register(field)
}

/// A register as the standard sends it: whole watt-hours.
pub(super) fn write_register(out: &mut Writer, field: &'static str, register: Option<WattHours>) {
    let Some(register) = register else { return out.refuse(field, EncodeFault::Missing) };
    if register.milliwatt_hours() % 1000 != 0 || i32::try_from(register.watt_hours_floor()).is_err() {
        out.refuse_number(field, register);
    }
    out.number(field, register.watt_hours_floor());
}
