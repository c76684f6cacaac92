//! Charging profiles: limits over time.

use units::TimeSpan;

use super::types::ReportedTransaction;
use crate::fields::{Fields, PayloadError};
use crate::member::{Member, Need, Opaque, UNBOUND, values};
use crate::message::Message;
use crate::schedule::{ChargingProfileKind, ChargingRate, RecurrencyKind, ScheduleLimits};
use crate::time::StationTime;
use crate::v21::{ProfileInDetail, ScheduleInDetail};
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

const SALES_TARIFF: &str = "salesTariff";

words! {
    /// What a profile limits.
    ChargingProfilePurpose {
        /// The station as a whole, set by something else than us; never ours to set.
        ChargingStationExternalConstraints = "ChargingStationExternalConstraints",
        /// The station as a whole; only on EVSE 0.
        ChargingStationMaxProfile = "ChargingStationMaxProfile",
        /// Transactions that have no profile of their own; on EVSE 0 those of each EVSE.
        TxDefaultProfile = "TxDefaultProfile",
        /// One transaction.
        TxProfile = "TxProfile",
    } since_v21 {
        /// A transaction that comes before others.
        PriorityCharging = "PriorityCharging",
        /// What is generated on the spot: more than the other purposes allow.
        LocalGeneration = "LocalGeneration",
    }
}

words! {
    /// Who limits.
    ChargingLimitSource {
        /// An energy management system on the spot.
        Ems = "EMS",
        /// Somebody else.
        OtherSource = "Other",
        /// The operator of the grid.
        SystemOperator = "SO",
        /// We.
        ChargingStationOperator = "CSO",
    } open_in_v21 20
}

/// A charging profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargingProfile {
    /// Unique within the station; a profile of the same id is replaced.
    pub id: i32,
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
    /// The transaction, by the station's id; only with TxProfile.
    pub transaction_id: Option<ReportedTransaction>,
    /// The limits: one schedule; up to three where an EV of ISO 15118 may choose.
    pub charging_schedule: Vec<ChargingSchedule>,
    /// What only OCPP 2.1 can say of it.
    pub in_detail: ProfileInDetail,
}

impl Message for ChargingProfile {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let charging_schedule = fields.list("chargingSchedule", ChargingSchedule::read)?;
        if charging_schedule.is_empty() {
            return Err(PayloadError::Missing { field: "chargingSchedule" });
        }
        Ok(Self {
            id: fields.whole_required("id", "a 32-bit number")?,
            stack_level: fields.whole_required("stackLevel", "a number from 0")?,
            charging_profile_purpose: fields.word_required("chargingProfilePurpose")?,
            charging_profile_kind: fields.word_required("chargingProfileKind")?,
            recurrency_kind: fields.word("recurrencyKind"),
            valid_from: fields.time("validFrom"),
            valid_to: fields.time("validTo"),
            transaction_id: ReportedTransaction::optional(fields),
            charging_schedule,
            in_detail: ProfileInDetail::read(fields)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        // OCPP 2.0.1, transactionId: "SHALL only be included if ChargingProfilePurpose is set to TxProfile".
        let is_for_transaction = self.charging_profile_purpose == ChargingProfilePurpose::TxProfile;
        if !is_for_transaction && self.transaction_id.is_some() {
            out.refuse("transactionId", EncodeFault::Rule { rule: "belongs to a TxProfile only" });
        }
        let is_recurring = self.charging_profile_kind == ChargingProfileKind::Recurring;
        if is_recurring != self.recurrency_kind.is_some() {
            out.refuse("recurrencyKind", EncodeFault::Rule { rule: "goes with Recurring, and only with it" });
        }
        if self.charging_schedule.len() > 3 {
            out.refuse("chargingSchedule", EncodeFault::Rule { rule: "is there at most 3 times" });
        }
        let is_relative = self.charging_profile_kind == ChargingProfileKind::Relative;
        // OCPP 2.0.1 K01.FR.38: not for a ChargingStationMaxProfile.
        if is_relative && self.charging_profile_purpose == ChargingProfilePurpose::ChargingStationMaxProfile {
            out.refuse(
                "chargingProfileKind",
                EncodeFault::Rule { rule: "is not Relative for a ChargingStationMaxProfile" },
            );
        }
        // OCPP 2.0.1 K01.FR.40 and K01.FR.41: there with Absolute and Recurring, absent with Relative.
        let is_free = self.charging_profile_kind == ChargingProfileKind::Dynamic;
        for schedule in self.charging_schedule.iter().filter(|_| !is_free) {
            if is_relative != (schedule.start_schedule == StationTime::Absent) {
                out.refuse(
                    "startSchedule",
                    EncodeFault::Rule { rule: "goes with Absolute and Recurring, and only with them" },
                );
            }
        }
        out.number("id", self.id);
        out.number("stackLevel", self.stack_level);
        out.word("chargingProfilePurpose", &self.charging_profile_purpose);
        out.word("chargingProfileKind", &self.charging_profile_kind);
        out.word_optional("recurrencyKind", self.recurrency_kind.as_ref());
        out.time_optional("validFrom", &self.valid_from);
        out.time_optional("validTo", &self.valid_to);
        ReportedTransaction::write_optional(self.transaction_id.as_ref(), out);
        out.list_required("chargingSchedule", &self.charging_schedule, |out, schedule| schedule.write(out));
        self.in_detail.write(out);
    }
}

/// Limits over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargingSchedule {
    /// Names it among the schedules of the station.
    pub id: i32,
    /// When it begins; absent with relative ones.
    pub start_schedule: StationTime,
    /// How long it holds; `None` is until it is replaced. Whole seconds, from 0.
    pub duration: Option<TimeSpan>,
    /// The limits.
    pub limits: ScheduleLimits,
    /// Below this the EV charges inefficiently: a hint, in the unit of the limits.
    pub min_charging_rate: Option<ChargingRate>,
    /// What it costs, for an EV of ISO 15118; carried, not read.
    pub sales_tariff: Option<Opaque>,
    /// What only OCPP 2.1 can say of it.
    pub in_detail: ScheduleInDetail,
}

impl Message for ChargingSchedule {
    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let (limits, min_charging_rate) = ScheduleLimits::read(fields)?;
        Ok(Self {
            id: fields.whole_required("id", "a 32-bit number")?,
            start_schedule: fields.time("startSchedule"),
            duration: fields.seconds("duration"),
            limits,
            min_charging_rate,
            sales_tariff: Member::read_in(fields, Need::Optional, SALES_TARIFF, &UNBOUND)?,
            in_detail: ScheduleInDetail::read(fields)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.number("id", self.id);
        out.time_optional("startSchedule", &self.start_schedule);
        out.seconds_optional("duration", self.duration);
        self.limits.write(out, self.min_charging_rate);
        Member::write_in(&self.sales_tariff, out, Need::Optional, SALES_TARIFF, &UNBOUND);
        self.in_detail.write(out);
    }
}

values! {
    ChargingProfile;
    ChargingSchedule;
}
