//! Charging profiles: limits over time.

use units::TimeSpan;

use super::types::ReportedTransaction;
use crate::fields::{Fields, PayloadError};
use crate::schedule::{ChargingProfileKind, ChargingRate, RecurrencyKind, ScheduleLimits};
use crate::time::StationTime;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

words! {
    /// What a profile limits.
    ChargingProfilePurpose {
        /// The whole station; only on connector 0.
        ChargePointMaxProfile = "ChargePointMaxProfile",
        /// Transactions that have no profile of their own.
        TxDefaultProfile = "TxDefaultProfile",
        /// One transaction.
        TxProfile = "TxProfile",
    }
}

/// A charging profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargingProfile {
    /// Unique within the station; a profile of the same id is replaced.
    pub charging_profile_id: i32,
    /// The transaction; only with TxProfile.
    pub transaction_id: ReportedTransaction,
    /// Precedence: the highest that is valid counts, within one purpose.
    pub stack_level: u32,
    /// What it limits.
    pub charging_profile_purpose: ChargingProfilePurpose,
    /// How its schedule is placed in time.
    pub charging_profile_kind: ChargingProfileKind,
    /// Only with recurring ones.
    pub recurrency_kind: Option<RecurrencyKind>,
    /// Valid from; absent is at once.
    pub valid_from: StationTime,
    /// Valid until; absent is until replaced.
    pub valid_to: StationTime,
    /// The limits.
    pub charging_schedule: ChargingSchedule,
}

impl ChargingProfile {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            charging_profile_id: fields.whole_required("chargingProfileId", "a 32-bit number")?,
            transaction_id: ReportedTransaction::read(fields),
            stack_level: fields.whole_required("stackLevel", "a number from 0")?,
            charging_profile_purpose: fields.word_required("chargingProfilePurpose")?,
            charging_profile_kind: fields.word_required("chargingProfileKind")?,
            recurrency_kind: fields.word("recurrencyKind"),
            valid_from: fields.time("validFrom"),
            valid_to: fields.time("validTo"),
            charging_schedule: fields
                .object("chargingSchedule", ChargingSchedule::read)?
                .ok_or(PayloadError::Missing { field: "chargingSchedule" })?,
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        // OCPP 1.6 section 7.8, transactionId: "Only valid if ChargingProfilePurpose is set to TxProfile".
        let is_for_transaction = self.charging_profile_purpose == ChargingProfilePurpose::TxProfile;
        if !is_for_transaction && self.transaction_id != ReportedTransaction::Missing {
            out.refuse("transactionId", EncodeFault::Rule { rule: "belongs to a TxProfile only" });
        }
        // OCPP 1.6 section 3.13.1: "Recurring" needs the recurrency and the moment that it counts from.
        let is_recurring = self.charging_profile_kind == ChargingProfileKind::Recurring;
        if is_recurring != self.recurrency_kind.is_some() {
            out.refuse("recurrencyKind", EncodeFault::Rule { rule: "goes with Recurring, and only with it" });
        }
        out.number("chargingProfileId", self.charging_profile_id);
        self.transaction_id.write_optional(out);
        out.number("stackLevel", self.stack_level);
        out.word("chargingProfilePurpose", &self.charging_profile_purpose);
        out.word("chargingProfileKind", &self.charging_profile_kind);
        out.word_optional("recurrencyKind", self.recurrency_kind.as_ref());
        out.time_optional("validFrom", &self.valid_from);
        out.time_optional("validTo", &self.valid_to);
        out.object("chargingSchedule", |out| self.charging_schedule.write(out));
    }
}

/// Limits over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargingSchedule {
    /// How long it holds; `None` is until it is replaced. Whole seconds, from 0.
    pub duration: Option<TimeSpan>,
    /// When it begins; absent with relative ones, and where it begins with the transaction.
    pub start_schedule: StationTime,
    /// The limits.
    pub limits: ScheduleLimits,
    /// Below this the EV charges inefficiently: a hint, in the unit of the limits.
    pub min_charging_rate: Option<ChargingRate>,
}

impl ChargingSchedule {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let (limits, min_charging_rate) = ScheduleLimits::read(fields)?;
        Ok(Self {
            duration: fields.seconds("duration"),
            start_schedule: fields.time("startSchedule"),
            limits,
            min_charging_rate,
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        if let Some(duration) = self.duration {
            out.seconds("duration", duration);
        }
        out.time_optional("startSchedule", &self.start_schedule);
        self.limits.write(out, self.min_charging_rate);
    }
}
