//! StopTransaction: a transaction ended.

use units::WattHours;

use super::Message;
use super::meter::MeterValue;
use super::start_transaction::{register_expected, write_register};
use super::types::{IdTag, IdTagInfo, ReportedTransaction};
use crate::fields::{Fields, PayloadError};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::Writer;

words! {
    /// Why a transaction ended.
    Reason {
        /// The token is no longer good.
        DeAuthorized = "DeAuthorized",
        /// The emergency button.
        EmergencyStop = "EmergencyStop",
        /// The EV was unplugged.
        EVDisconnected = "EVDisconnected",
        /// A hard reset.
        HardReset = "HardReset",
        /// The driver, at the station; the default of the standard.
        Local = "Local",
        /// Something else.
        OtherReason = "Other",
        /// No supply.
        PowerLoss = "PowerLoss",
        /// The station restarted.
        Reboot = "Reboot",
        /// We asked for it.
        Remote = "Remote",
        /// A soft reset.
        SoftReset = "SoftReset",
        /// We asked to unlock the connector.
        UnlockCommand = "UnlockCommand",
    }
}

/// A station ended a transaction. Nothing must be there: what is missing is a finding, never a reason to make the station
/// repeat itself for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopTransactionRequest {
    /// Who stopped it, where somebody did.
    pub id_tag: Option<IdTag>,
    /// The register of energy imported, as it came, negative ones included; `None` where it is missing or unreadable.
    pub meter_stop: Option<WattHours>,
    /// When, by the station's clock.
    pub timestamp: StationTime,
    /// The transaction, as the station has it.
    pub transaction_id: ReportedTransaction,
    /// Why; `None` is Local by the standard.
    pub reason: Option<Reason>,
    /// Meter values of the transaction.
    pub transaction_data: Vec<MeterValue>,
}

impl Message for StopTransactionRequest {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            id_tag: IdTag::optional(fields, "idTag"),
            meter_stop: register_expected(fields, "meterStop"),
            timestamp: fields.time_expected("timestamp"),
            transaction_id: ReportedTransaction::expected(fields),
            reason: fields.word("reason"),
            transaction_data: fields.list("transactionData", MeterValue::read)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        if let Some(id_tag) = &self.id_tag {
            id_tag.write(out, "idTag");
        }
        write_register(out, "meterStop", self.meter_stop);
        out.time("timestamp", &self.timestamp);
        self.transaction_id.write(out);
        out.word_optional("reason", self.reason.as_ref());
        if !self.transaction_data.is_empty() {
            out.list("transactionData", &self.transaction_data, |out, value| value.write(out));
        }
    }
}

/// Our answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopTransactionResponse {
    /// What we say of the token, where one came.
    pub id_tag_info: Option<IdTagInfo>,
}

impl Message for StopTransactionResponse {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self { id_tag_info: fields.object("idTagInfo", IdTagInfo::read)? })
    }

    fn write(&self, out: &mut Writer) {
        if let Some(info) = &self.id_tag_info {
            info.write_member(out);
        }
    }
}
