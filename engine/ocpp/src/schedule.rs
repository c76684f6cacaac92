//! Limits over time, which all versions of OCPP write alike.

use std::str::FromStr;

use units::{Amperes, TimeSpan, Watts};

use crate::fields::{Fields, PayloadError};
use crate::message::Message;
use crate::v21::PeriodInDetail;
use crate::version::Version;
use crate::words::words;
use crate::writer::{EncodeFault, Writer};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargingSchedulePeriod<T> {
    start_period: TimeSpan,
    limit: Option<T>,
    number_phases: Option<u8>,
    phase_to_use: Option<u8>,
    in_detail: Option<Box<PeriodInDetail>>,
}

impl<T: Limit> ChargingSchedulePeriod<T> {
    /// A limit from `start_period` after the schedule's begin on, as it can be sent: the start rounded down to the
    /// second, the limit to one decimal (OCPP 1.6 section 7.12, and OCPP 2.0.1: "Accepts at most one digit fraction").
    #[must_use]
    pub fn new(start_period: TimeSpan, limit: T) -> Self {
        Self {
            start_period: TimeSpan::from_seconds(start_period.seconds_floor()),
            limit: Some(T::from_tenths(limit.tenths_floor())),
            number_phases: None,
            phase_to_use: None,
            in_detail: None,
        }
    }

    /// The same with a number of phases (1 to 3). Left out by default: several stations ignore or misread it, and the
    /// standard assumes 3.
    #[must_use]
    pub fn with_number_phases(self, number_phases: u8) -> Self {
        Self { number_phases: Some(number_phases), ..self }
    }

    /// The same on one phase of the station's terminals (1 to 3), which only OCPP 2.0.1 can say.
    #[must_use]
    pub fn with_phase_to_use(self, phase_to_use: u8) -> Self {
        Self { number_phases: Some(1), phase_to_use: Some(phase_to_use), ..self }
    }

    /// From the begin of the schedule, in whole seconds.
    #[must_use]
    pub const fn start_period(&self) -> TimeSpan {
        self.start_period
    }

    /// The limit; a negative one is read, and never sent. `None` only in OCPP 2.1, where something else may be said.
    #[must_use]
    pub const fn limit(&self) -> Option<T> {
        self.limit
    }

    /// How many phases may be used, where it was said.
    #[must_use]
    pub const fn number_phases(&self) -> Option<u8> {
        self.number_phases
    }

    /// The one phase that may be used, where it was said.
    #[must_use]
    pub const fn phase_to_use(&self) -> Option<u8> {
        self.phase_to_use
    }

    /// What else is said of it, which only OCPP 2.1 can.
    #[must_use]
    pub fn in_detail(&self) -> Option<&PeriodInDetail> {
        self.in_detail.as_deref()
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, PayloadError> {
        let version = fields.version();
        let limit = match fields.decimal("limit") {
            Some(limit) => Some(limit),
            None if fields.has("limit") => {
                return Err(PayloadError::Type { field: "limit", expected: "a number" });
            }
            None if version >= Version::V21 => None,
            None => return Err(PayloadError::Missing { field: "limit" }),
        };
        let in_detail = if version >= Version::V21 { Some(PeriodInDetail::read(fields)?) } else { None };
        let start = fields.seconds("startPeriod").ok_or(PayloadError::Missing { field: "startPeriod" })?;
        Ok(Self {
            start_period: start,
            limit,
            number_phases: fields.whole("numberPhases"),
            phase_to_use: match version {
                Version::V16 => None,
                Version::V201 | Version::V21 => fields.whole("phaseToUse"),
            },
            in_detail: in_detail.filter(|detail| *detail != PeriodInDetail::default()).map(Box::new),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.seconds("startPeriod", self.start_period);
        match self.limit {
            Some(limit) => write_rate(out, "limit", limit.tenths_floor()),
            None if out.version() < Version::V21 => out.refuse("limit", EncodeFault::Missing),
            None => {}
        }
        write_phase_number(out, "numberPhases", self.number_phases);
        write_phase_number(out, "phaseToUse", self.phase_to_use);
        if self.phase_to_use.is_some() {
            // OCPP 2.0.1, phaseToUse: "Used if numberPhases=1".
            if self.number_phases != Some(1) {
                out.refuse(
                    "phaseToUse",
                    EncodeFault::Rule { rule: "goes with numberPhases 1, and only with it" },
                );
            }
            if out.version() == Version::V16 {
                out.refuse("phaseToUse", EncodeFault::Rule { rule: "does not exist in OCPP 1.6" });
            }
        }
        if let Some(detail) = &self.in_detail {
            detail.write(out);
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

    /// The limits in their unit, with `minChargingRate`, which some schedules have.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<(Self, Option<ChargingRate>), PayloadError> {
        const UNIT: &str = "chargingRateUnit";
        const PERIODS: &str = "chargingSchedulePeriod";
        let (limits, rate) = match fields.word_required(UNIT)? {
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
        Ok((limits, rate))
    }

    pub(crate) fn write(&self, out: &mut Writer, min_charging_rate: Option<ChargingRate>) {
        out.word("chargingRateUnit", &self.unit());
        match self {
            Self::Amperes(periods) => write_periods(out, periods),
            Self::Watts(periods) => write_periods(out, periods),
        }
        match (min_charging_rate, self) {
            (None, _) => {}
            (Some(ChargingRate::Amperes(rate)), Self::Amperes(_)) => {
                write_rate(out, "minChargingRate", rate.tenths_floor());
            }
            (Some(ChargingRate::Watts(rate)), Self::Watts(_)) => {
                write_rate(out, "minChargingRate", rate.tenths_floor());
            }
            (Some(ChargingRate::Amperes(_)), Self::Watts(_))
            | (Some(ChargingRate::Watts(_)), Self::Amperes(_)) => {
                out.refuse("minChargingRate", EncodeFault::Rule { rule: "has the unit of the limits" });
            }
        }
    }

    const fn is_empty(&self) -> bool {
        match self {
            Self::Amperes(periods) => periods.is_empty(),
            Self::Watts(periods) => periods.is_empty(),
        }
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
    } since_v21 {
        /// At once, with limits that change while it holds.
        Dynamic = "Dynamic",
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

/// As many periods a schedule of OCPP 2.0.1 may have (its schema's `maxItems`).
const PERIODS_V201: usize = 1024;

fn write_periods<T: Limit>(out: &mut Writer, periods: &[ChargingSchedulePeriod<T>]) {
    const FIELD: &str = "chargingSchedulePeriod";
    match periods.first() {
        None => out.refuse(FIELD, EncodeFault::Missing),
        // OCPP 1.6 section 7.12: "The value of StartPeriod also defines the stop time of the previous period", so they
        // ascend (OCPP 2.0.1 K01.FR.35), and the first is 0 (K01.FR.31): a schedule without a limit at its begin would leave the EV unlimited until the first.
        Some(first) if first.start_period != TimeSpan::ZERO => {
            out.refuse(FIELD, EncodeFault::Rule { rule: "begins with startPeriod 0" });
        }
        Some(_) => {}
    }
    if !periods.is_sorted_by(|earlier, later| earlier.start_period < later.start_period) {
        out.refuse(FIELD, EncodeFault::Rule { rule: "ascends in startPeriod" });
    }
    if out.version() >= Version::V201 && periods.len() > PERIODS_V201 {
        out.refuse(FIELD, EncodeFault::Rule { rule: "has at most 1024 periods" });
    }
    out.list(FIELD, periods, |out, period| period.write(out));
}

/// A number of phases, or of one of them.
fn write_phase_number(out: &mut Writer, field: &'static str, number: Option<u8>) {
    if let Some(number) = number {
        if !(1..=3).contains(&number) {
            out.refuse_number(field, number);
        }
        out.number(field, number);
    }
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
