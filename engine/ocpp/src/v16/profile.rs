//! Charging profiles: limits over time.

use std::str::FromStr;

use units::{Amperes, TimeSpan, Watts};

use super::types::ReportedTransaction;
use super::words::words;
use crate::fields::{Fields, PayloadError};
use crate::time::StationTime;
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

words! {
    /// How a schedule is placed in time.
    ChargingProfileKind {
        /// From `startSchedule`.
        Absolute = "Absolute",
        /// Again every day or week from `startSchedule`.
        Recurring = "Recurring",
        /// From the start of the transaction.
        Relative = "Relative",
    }
}

words! {
    /// How often a recurring schedule begins anew.
    RecurrencyKind {
        /// Every 24 hours.
        Daily = "Daily",
        /// Every 7 days.
        Weekly = "Weekly",
    }
}

words! {
    /// The unit of limits.
    ChargingRateUnit {
        /// Amperes per phase.
        Amperes = "A",
        /// Watts, total over the phases.
        Watts = "W",
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

/// Limits, one after the other, each until the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleLimits {
    /// Amperes per phase.
    Amperes(Vec<ChargingSchedulePeriod<Amperes>>),
    /// Watts, total over the phases.
    Watts(Vec<ChargingSchedulePeriod<Watts>>),
}

/// A rate in the unit of its schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargingRate {
    /// Amperes per phase.
    Amperes(Amperes),
    /// Watts, total over the phases.
    Watts(Watts),
}

/// A limit from some moment of its schedule on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargingSchedulePeriod<T> {
    start_period: TimeSpan,
    limit: T,
    number_phases: Option<u8>,
}

impl<T: Limit> ChargingSchedulePeriod<T> {
    /// A limit from `start_period` after the schedule's begin on, as it can be sent: the start rounded down to the
    /// second, the limit to one decimal (OCPP 1.6 section 7.12: "Accepts at most one digit fraction").
    #[must_use]
    pub fn new(start_period: TimeSpan, limit: T) -> Self {
        Self {
            start_period: TimeSpan::from_seconds(start_period.seconds_floor()),
            limit: T::from_tenths(limit.tenths_floor()),
            number_phases: None,
        }
    }

    /// The same with a number of phases (1 to 3). Left out by default: several stations ignore or misread it, and the
    /// standard assumes 3.
    #[must_use]
    pub const fn with_number_phases(self, number_phases: u8) -> Self {
        Self { number_phases: Some(number_phases), ..self }
    }

    /// From the begin of the schedule, in whole seconds.
    #[must_use]
    pub const fn start_period(&self) -> TimeSpan {
        self.start_period
    }

    /// The limit; a negative one is read, and never sent.
    #[must_use]
    pub const fn limit(&self) -> T {
        self.limit
    }

    /// How many phases may be used, where it was said.
    #[must_use]
    pub const fn number_phases(&self) -> Option<u8> {
        self.number_phases
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let limit = match fields.decimal("limit") {
            Some(limit) => limit,
            None if fields.has("limit") => {
                return Err(PayloadError::Type { field: "limit", expected: "a number" });
            }
            None => return Err(PayloadError::Missing { field: "limit" }),
        };
        let start = fields.seconds("startPeriod").ok_or(PayloadError::Missing { field: "startPeriod" })?;
        Ok(Self { start_period: start, limit, number_phases: fields.whole("numberPhases") })
    }

    fn write(&self, out: &mut Writer) {
        out.seconds("startPeriod", self.start_period);
        write_rate(out, "limit", self.limit.tenths_floor());
        if let Some(phases) = self.number_phases {
            if !(1..=3).contains(&phases) {
                out.refuse_number("numberPhases", phases);
            }
            out.number("numberPhases", phases);
        }
    }
}

/// A unit that limits come in.
pub trait Limit: Copy + FromStr {
    /// Whole tenths of the unit, rounded down.
    fn tenths_floor(self) -> i64;
    /// From tenths of the unit.
    fn from_tenths(tenths: i64) -> Self;
}

impl Limit for Amperes {
    fn tenths_floor(self) -> i64 {
        self.milliamperes().div_euclid(100)
    }

    fn from_tenths(tenths: i64) -> Self {
        Self::from_milliamperes(tenths * 100)
    }
}

impl Limit for Watts {
    fn tenths_floor(self) -> i64 {
        self.milliwatts().div_euclid(100)
    }

    fn from_tenths(tenths: i64) -> Self {
        Self::from_milliwatts(tenths * 100)
    }
}

impl ScheduleLimits {
    /// The unit.
    #[must_use]
    pub const fn unit(&self) -> ChargingRateUnit {
        match self {
            Self::Amperes(_) => ChargingRateUnit::Amperes,
            Self::Watts(_) => ChargingRateUnit::Watts,
        }
    }
}

impl ChargingSchedule {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        const UNIT: &str = "chargingRateUnit";
        const PERIODS: &str = "chargingSchedulePeriod";
        let (limits, min_charging_rate) = match fields.word_required(UNIT)? {
            ChargingRateUnit::Amperes => (
                ScheduleLimits::Amperes(fields.list(PERIODS, ChargingSchedulePeriod::read)?),
                fields.decimal("minChargingRate").map(ChargingRate::Amperes),
            ),
            ChargingRateUnit::Watts => (
                ScheduleLimits::Watts(fields.list(PERIODS, ChargingSchedulePeriod::read)?),
                fields.decimal("minChargingRate").map(ChargingRate::Watts),
            ),
            ChargingRateUnit::Other(value) => {
                let value = value.chars().take(64).collect();
                return Err(PayloadError::Value { field: UNIT, value, expected: "A or W" });
            }
        };
        if limits.is_empty() {
            return Err(PayloadError::Missing { field: PERIODS });
        }
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
        out.word("chargingRateUnit", &self.limits.unit());
        match &self.limits {
            ScheduleLimits::Amperes(periods) => write_periods(out, periods),
            ScheduleLimits::Watts(periods) => write_periods(out, periods),
        }
        match (self.min_charging_rate, &self.limits) {
            (None, _) => {}
            (Some(ChargingRate::Amperes(rate)), ScheduleLimits::Amperes(_)) => {
                write_rate(out, "minChargingRate", rate.tenths_floor());
            }
            (Some(ChargingRate::Watts(rate)), ScheduleLimits::Watts(_)) => {
                write_rate(out, "minChargingRate", rate.tenths_floor());
            }
            (Some(ChargingRate::Amperes(_)), ScheduleLimits::Watts(_))
            | (Some(ChargingRate::Watts(_)), ScheduleLimits::Amperes(_)) => {
                out.refuse("minChargingRate", EncodeFault::Rule { rule: "has the unit of the limits" });
            }
        }
    }
}

impl ScheduleLimits {
    const fn is_empty(&self) -> bool {
        match self {
            Self::Amperes(periods) => periods.is_empty(),
            Self::Watts(periods) => periods.is_empty(),
        }
    }
}

fn write_periods<T: Limit>(out: &mut Writer, periods: &[ChargingSchedulePeriod<T>]) {
    const FIELD: &str = "chargingSchedulePeriod";
    match periods.first() {
        None => out.refuse(FIELD, EncodeFault::Missing),
        // OCPP 1.6 section 7.12: "The value of StartPeriod also defines the stop time of the previous period", so they
        // ascend; a schedule without a limit at its begin would leave the EV unlimited until the first.
        Some(first) if first.start_period != TimeSpan::ZERO => {
            out.refuse(FIELD, EncodeFault::Rule { rule: "begins with startPeriod 0" });
        }
        Some(_) => {}
    }
    if !periods.is_sorted_by(|earlier, later| earlier.start_period < later.start_period) {
        out.refuse(FIELD, EncodeFault::Rule { rule: "ascends in startPeriod" });
    }
    out.list(FIELD, periods, |out, period| period.write(out));
}

/// A rate of so many tenths: `16`, `16.5`.
fn write_rate(out: &mut Writer, field: &'static str, tenths: i64) {
    if tenths < 0 {
        out.refuse(field, EncodeFault::OutOfRange { number: format!("{tenths}e-1") });
    }
    let (whole, rest) = (tenths.div_euclid(10), tenths.rem_euclid(10));
    let figure = if rest == 0 { whole.to_string() } else { format!("{whole}.{rest}") };
    out.figure(field, &figure);
}
