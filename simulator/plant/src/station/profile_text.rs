//! Charging profiles as they stand in a call, read anew for each version of OCPP.

use serde::Deserialize;
use serde_json::Value;
use units::{Amperes, TimeSpan, Timestamp, Watts};

use super::config::{Purpose, RateUnits};
use super::profile::{Kind, Period, Profile, Rate};
use super::{ConnectorNumber, TransactionName};
use crate::number::round;

/// A chargingProfile of either version.
#[derive(Debug, Clone)]
pub struct ProfileText {
    id: i64,
    /// Bound to this transaction.
    pub transaction: Option<TransactionName>,
    /// What it is for.
    pub purpose: Purpose,
    stack_level: u32,
    kind: KindText,
    recurrency: Option<RecurrencyText>,
    valid_from: Option<String>,
    valid_to: Option<String>,
    schedule: ScheduleText,
}

/// csChargingProfiles of OCPP 1.6.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TextV16 {
    charging_profile_id: i64,
    transaction_id: Option<i64>,
    stack_level: u32,
    charging_profile_purpose: Purpose,
    charging_profile_kind: KindText,
    recurrency_kind: Option<RecurrencyText>,
    valid_from: Option<String>,
    valid_to: Option<String>,
    charging_schedule: ScheduleText,
}

/// chargingProfile of OCPP 2.0.1.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TextV201 {
    id: i64,
    transaction_id: Option<String>,
    stack_level: u32,
    charging_profile_purpose: PurposeV201,
    charging_profile_kind: KindText,
    recurrency_kind: Option<RecurrencyText>,
    valid_from: Option<String>,
    valid_to: Option<String>,
    charging_schedule: Vec<IdentifiedSchedule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum PurposeV201 {
    ChargingStationExternalConstraints,
    ChargingStationMaxProfile,
    TxDefaultProfile,
    TxProfile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum KindText {
    Absolute,
    Recurring,
    Relative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum RecurrencyText {
    Daily,
    Weekly,
}

/// An element of chargingSchedule of OCPP 2.0.1: there it has an id.
#[derive(Debug, Clone, Deserialize)]
struct IdentifiedSchedule {
    #[serde(rename = "id")]
    _id: i64,
    #[serde(flatten)]
    schedule: ScheduleText,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScheduleText {
    duration: Option<i64>,
    start_schedule: Option<String>,
    charging_rate_unit: UnitText,
    charging_schedule_period: Vec<PeriodText>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum UnitText {
    A,
    W,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PeriodText {
    start_period: i64,
    limit: f64,
    number_phases: Option<i64>,
}

/// Why a station does not take a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The text is not a profile: CALLERROR.
    Formation,
    /// It is one that this station rejects.
    Rejected,
}

impl ProfileText {
    /// Reads csChargingProfiles of OCPP 1.6.
    pub fn read_v16(value: &Value) -> Result<Self, Refusal> {
        let text = TextV16::deserialize(value).map_err(|_| Refusal::Formation)?;
        Ok(Self {
            id: text.charging_profile_id,
            transaction: text.transaction_id.map(TransactionName::Backend),
            purpose: text.charging_profile_purpose,
            stack_level: text.stack_level,
            kind: text.charging_profile_kind,
            recurrency: text.recurrency_kind,
            valid_from: text.valid_from,
            valid_to: text.valid_to,
            schedule: text.charging_schedule,
        })
    }

    /// Reads chargingProfile of OCPP 2.0.1.
    pub fn read_v201(value: &Value) -> Result<Self, Refusal> {
        let text = TextV201::deserialize(value).map_err(|_| Refusal::Formation)?;
        let purpose = match text.charging_profile_purpose {
            // Limits from outside are not the backend's to set.
            PurposeV201::ChargingStationExternalConstraints => return Err(Refusal::Rejected),
            PurposeV201::ChargingStationMaxProfile => Purpose::ChargePointMaxProfile,
            PurposeV201::TxDefaultProfile => Purpose::TxDefaultProfile,
            PurposeV201::TxProfile => Purpose::TxProfile,
        };
        // More than one schedule is for ISO 15118 alone, which this station does not speak.
        let mut schedules = text.charging_schedule.into_iter();
        let (Some(first), None) = (schedules.next(), schedules.next()) else { return Err(Refusal::Rejected) };
        Ok(Self {
            id: text.id,
            transaction: text.transaction_id.map(TransactionName::Station),
            purpose,
            stack_level: text.stack_level,
            kind: text.charging_profile_kind,
            recurrency: text.recurrency_kind,
            valid_from: text.valid_from,
            valid_to: text.valid_to,
            schedule: first.schedule,
        })
    }

    /// The profile for `connector`, received at `received_at`.
    pub fn into_profile(
        self,
        connector: ConnectorNumber,
        units: RateUnits,
        received_at: Timestamp,
    ) -> Result<Profile, Refusal> {
        let schedule = self.schedule;
        let is_unit_allowed = match (schedule.charging_rate_unit, units) {
            (UnitText::A, RateUnits::Amperes | RateUnits::Both) => true,
            (UnitText::W, RateUnits::Watts | RateUnits::Both) => true,
            (UnitText::A, RateUnits::Watts) | (UnitText::W, RateUnits::Amperes) => false,
        };
        if !is_unit_allowed {
            return Err(Refusal::Rejected);
        }
        let kind = match (self.kind, self.recurrency) {
            (KindText::Absolute, _) => Kind::Absolute,
            (KindText::Relative, _) => Kind::Relative,
            (KindText::Recurring, Some(RecurrencyText::Weekly)) => {
                Kind::Recurring(TimeSpan::from_hours(24 * 7))
            }
            (KindText::Recurring, Some(RecurrencyText::Daily) | None) => {
                Kind::Recurring(TimeSpan::from_hours(24))
            }
        };
        let periods: Vec<_> = schedule
            .charging_schedule_period
            .iter()
            .map(|period| period.read(schedule.charging_rate_unit))
            .collect();
        let is_ordered = periods.windows(2).all(|pair| pair[0].start < pair[1].start);
        if periods.first().is_none_or(|first| first.start != TimeSpan::ZERO) || !is_ordered {
            return Err(Refusal::Rejected);
        }
        Ok(Profile {
            id: self.id,
            connector,
            stack_level: self.stack_level,
            purpose: self.purpose,
            kind,
            valid_from: instant(self.valid_from.as_deref())?,
            valid_to: instant(self.valid_to.as_deref())?,
            start: instant(schedule.start_schedule.as_deref())?,
            duration: schedule.duration.map(seconds),
            periods,
            received_at,
        })
    }
}

impl PeriodText {
    fn read(&self, unit: UnitText) -> Period {
        let thousandths = round(self.limit * 1_000.0).clamp(0, 1_000_000_000_000);
        let rate = match unit {
            UnitText::A => Rate::Current(Amperes::from_milliamperes(thousandths)),
            UnitText::W => Rate::Power(Watts::from_milliwatts(thousandths)),
        };
        Period {
            start: seconds(self.start_period),
            rate,
            phases: self.number_phases.unwrap_or(3).clamp(1, 3),
        }
    }
}

/// Held within a century, so that sums of instants stay in range.
fn seconds(count: i64) -> TimeSpan {
    TimeSpan::from_seconds(count.clamp(0, 3_200_000_000))
}

fn instant(text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    text.map(|text| text.parse().map_err(|_| Refusal::Formation)).transpose()
}
