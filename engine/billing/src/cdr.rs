//! The sealed record of one OCPP transaction, and the doubts that keep it from being billed.

use serde::{Deserialize, Serialize};
use units::civil::Zone;
use units::{
    AccountId, CdrId, EvseId, IdToken, OwnerId, SessionId, SiteId, TariffId, TimeSpan, Timestamp,
    TransactionId, WattHours, Watts,
};

/// One sealed record per OCPP transaction. Once sealed it never changes; a correction is a new fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cdr {
    /// Its own id, from a persisted counter.
    pub id: CdrId,
    /// Where the EVSE stood at the start.
    pub site: SiteId,
    /// Who owned the site at the start.
    pub owner: OwnerId,
    /// The site's zone: all civil time of this record.
    pub zone: Zone,
    /// The EVSE whose register counts.
    pub evse: EvseId,
    /// Whether the EVSE bore the plan's fee or the public one.
    pub fee_class: FeeClass,
    /// OCPP's transaction.
    pub transaction: TransactionId,
    /// The stay that holds the transaction; FLAT and the guest's fee are due once per session.
    pub session: SessionId,
    /// What identified the driver, where anything did.
    pub token: Option<IdToken>,
    /// Who pays.
    pub driver: Driver,
    /// The tariff frozen at the start; none where no admission named one.
    pub tariff: Option<TariffId>,
    /// When energy could first flow, as we hold true.
    pub started_at: Timestamp,
    /// When the transaction ended, as we hold true; not before `started_at`.
    pub stopped_at: Timestamp,
    /// All registers of the transaction, in any order.
    pub readings: Vec<RegisterReading>,
    /// What EVSE and EV did, in order of time; each span holds until the next begins, the last until the end. Before
    /// the first nothing is known, and nothing is charged for time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activity: Vec<ActivitySpan>,
    /// Everything that speaks against billing it as it is; empty for an ordinary CDR.
    pub doubts: Vec<Doubt>,
    /// The frames it was made from.
    pub evidence: Vec<EvidenceRef>,
    /// Why it stopped, as the station said.
    pub stop_reason: String,
}

impl Cdr {
    /// The longest transaction that is billed without a person's look, where the operator names no shorter one (MONEY
    /// section 5).
    pub const DURATION_LIMIT: TimeSpan = TimeSpan::from_hours(31 * 24);

    /// How long the transaction lasted.
    #[must_use]
    pub const fn duration(&self) -> TimeSpan {
        self.stopped_at.since(self.started_at)
    }

    /// M2: the end register less the start register of the same EVSE.
    ///
    /// # Errors
    ///
    /// The first doubt, recorded or found in the registers: nothing is guessed.
    pub fn energy(&self) -> Result<WattHours, Doubt> {
        match self.doubts.first() {
            Some(doubt) => Err(doubt.clone()),
            None => registered_energy(&self.readings),
        }
    }

    /// The doubt that `other` casts on this record: both ran at one EVSE at one time.
    #[must_use]
    pub fn overlap_with(&self, other: &Self) -> Option<Doubt> {
        let from = self.started_at.max(other.started_at);
        let until = self.stopped_at.min(other.stopped_at);
        let is_overlap = self.evse == other.evse && self.transaction != other.transaction && from < until;
        is_overlap.then_some(Doubt::Overlapping { other: other.transaction, from, until })
    }

    /// Every doubt that the record itself shows, for `Cdr::doubts` at sealing. Overlaps, orphans, untrusted clocks
    /// and late frames are not visible here: who seals adds them.
    #[must_use]
    pub fn examine(&self, evse_limits: EvseLimits, duration_limit: TimeSpan) -> Vec<Doubt> {
        let mut doubts = register_doubts(&self.readings);
        if let Ok(energy) = registered_energy(&self.readings) {
            doubts.extend(implausible(energy, self.duration(), evse_limits));
        }
        if self.duration() > duration_limit {
            doubts.push(Doubt::TooLong { duration: self.duration(), limit: duration_limit });
        }
        if self.duration() < TimeSpan::ZERO {
            doubts.push(Doubt::ClockUntrusted { claimed: self.stopped_at, held: self.started_at });
        }
        if self.driver == Driver::Unknown {
            doubts.push(Doubt::UnknownDriver { token: self.token.clone() });
        }
        if self.tariff.is_none() {
            doubts.push(Doubt::NoTariff);
        }
        doubts
    }
}

/// Which of the owner's fees an EVSE bears (MONEY section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeClass {
    /// The plan's: per kWh, or per charging point and month.
    Plan,
    /// A share of the whole charging revenue. An EVSE open to guests is always public.
    Public,
}

/// Who pays for a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// A registered driver.
    Account(AccountId),
    /// Admitted once, without an account.
    Guest,
    /// Nobody we know: a doubt until a person decides.
    Unknown,
}

/// One state of the EVSE's energy register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RegisterReading {
    /// When, as we hold true.
    pub at: Timestamp,
    /// The imported-energy register: a lifetime count, never negative.
    pub register: WattHours,
    /// Why it was read.
    pub context: ReadingContext,
}

/// From when on an EVSE and its EV did what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActivitySpan {
    /// Its first instant, as we hold true.
    pub from: Timestamp,
    /// What they did.
    pub activity: Activity,
}

/// What an EVSE and its EV do in a transaction: what TIME and PARKING_TIME count (M8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Energy flows.
    Charging,
    /// The EV is offered at least the pilot minimum and takes nothing.
    Declined,
    /// The EVSE offers less than the pilot minimum, is faulted or offline: nobody's fault who parks there.
    NotOffered,
}

/// Why a register was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingContext {
    /// At the start of the transaction.
    Begin,
    /// Aligned with the clock.
    Clock,
    /// At an interval within the transaction.
    Periodic,
    /// At the end of the transaction.
    End,
}

/// A frame of the frame log that the record rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EvidenceRef {
    /// The frame's number.
    pub frame: u64,
    /// Its hash, written as 64 hexadecimal digits.
    #[serde(with = "hexadecimal")]
    pub sha256: [u8; 32],
}

/// What an EVSE can do at most: the scale of what is plausible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvseLimits {
    /// The most that the hardware can pass, over all phases; positive.
    pub power_maximum: Watts,
    /// The step in which the register counts, allowed on top; not negative.
    pub register_step: WattHours,
}

/// One thing that speaks against billing a CDR as it is. Each becomes a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// No register was read at the start.
    #[error("no register at the start among {readings} readings")]
    MissingStart {
        /// How many readings there are.
        readings: usize,
    },
    /// No register was read at the end.
    #[error("no register at the end among {readings} readings")]
    MissingEnd {
        /// How many readings there are.
        readings: usize,
    },
    /// Two different registers claim to be the start, or the end.
    #[error("the registers {first} and {second} both claim to be the {context:?} reading")]
    Contradictory {
        /// Begin or End.
        context: ReadingContext,
        /// The first.
        first: WattHours,
        /// Another.
        second: WattHours,
    },
    /// A register below zero, which some stations send for *unknown*.
    #[error("the register {register} at {at} is below zero")]
    RegisterBelowZero {
        /// When.
        at: Timestamp,
        /// The register.
        register: WattHours,
    },
    /// The end register is below the start register.
    #[error("the end register {end} is below the start register {begin}")]
    Negative {
        /// At the start.
        begin: WattHours,
        /// At the end.
        end: WattHours,
    },
    /// The register fell on the way.
    #[error("the register fell from {from} to {to} at {at}")]
    RegisterReset {
        /// When it was first seen lower.
        at: Timestamp,
        /// Before.
        from: WattHours,
        /// After.
        to: WattHours,
    },
    /// More energy than the hardware can pass in the time.
    #[error("{energy} in {duration} exceed the hardware's {possible}")]
    Implausible {
        /// End less start.
        energy: WattHours,
        /// How long the transaction lasted.
        duration: TimeSpan,
        /// What the hardware can pass in that time.
        possible: WattHours,
    },
    /// Another transaction ran at the same EVSE at the same time.
    #[error("overlaps transaction {other} from {from} until {until}")]
    Overlapping {
        /// The other.
        other: TransactionId,
        /// When both began to run.
        from: Timestamp,
        /// When only one was left.
        until: Timestamp,
    },
    /// Its start never came.
    #[error("no start is known for the station's transaction `{claimed}`")]
    Orphan {
        /// The transaction id that the station named.
        claimed: String,
    },
    /// The station's clock cannot be held true.
    #[error("the station claimed {claimed} at our {held}")]
    ClockUntrusted {
        /// What the station said.
        claimed: Timestamp,
        /// Our own clock then.
        held: Timestamp,
    },
    /// It began or ended while the machine's clock and the engine's own, which never jumps, were so far apart that one of
    /// them is wrong: nobody knows which, and times and months go by the machine's.
    #[error("the machine's clock said {machine} at the engine's {engine}")]
    ClockJumped {
        /// The machine's clock then, by which the record goes.
        machine: Timestamp,
        /// The engine's.
        engine: Timestamp,
    },
    /// Longer than the operator lets pass without a look.
    #[error("lasted {duration}, more than {limit}")]
    TooLong {
        /// How long.
        duration: TimeSpan,
        /// The operator's limit then.
        #[serde(default = "duration_limit_built_in")]
        limit: TimeSpan,
    },
    /// A frame of the transaction came after its CDR was sealed.
    #[error("frame {frame} came after the CDR was sealed")]
    AfterSeal {
        /// The frame.
        frame: u64,
    },
    /// The meter or the station was replaced while the transaction ran.
    #[error("the register was replaced at {at}: {removed} removed, {installed} installed")]
    MeterReplaced {
        /// When.
        at: Timestamp,
        /// The last register of the old one.
        removed: WattHours,
        /// The first register of the new one.
        installed: WattHours,
    },
    /// Nobody is known who could pay.
    #[error("no known driver{}", token.as_ref().map_or_else(String::new, |token| format!(" for token {token}")))]
    UnknownDriver {
        /// The token, where there was one.
        token: Option<IdToken>,
    },
    /// Messages of the transaction never came.
    #[error("{missing} messages of the transaction never came")]
    Incomplete {
        /// How many are known to be missing; at least one.
        missing: u64,
    },
    /// Another token than the driver's was presented to charge in the same transaction.
    #[error("token {other} was presented in the same transaction")]
    SeveralTokens {
        /// The other.
        other: IdToken,
    },
    /// No tariff was frozen at the start.
    #[error("no tariff was frozen at the start")]
    NoTariff,
    /// Nothing flowed. It holds nothing, for a bill of nothing is right whatever the cause; it is told because a station
    /// that often delivers nothing is broken, or its meter is.
    #[error("no energy flowed in {duration}")]
    NoEnergy {
        /// How long the transaction lasted.
        duration: TimeSpan,
    },
}

const fn duration_limit_built_in() -> TimeSpan {
    Cdr::DURATION_LIMIT
}

/// What usually resolves a doubt; a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suggestion {
    /// Look at the evidence; if it holds, bill the registers as they are.
    BillAsRegistered,
    /// Enter the registers that the meter's own record shows.
    CorrectRegisters,
    /// Name the account that pays.
    NameDriver,
    /// Name the tariff that was shown to the driver.
    NameTariff,
    /// Write it off, with the reason.
    WriteOff,
    /// Nothing to decide: look at the station if it happens often.
    Nothing,
}

impl Doubt {
    /// The suggested resolution.
    #[must_use]
    pub const fn suggestion(&self) -> Suggestion {
        match self {
            Self::MissingStart { .. }
            | Self::MissingEnd { .. }
            | Self::Contradictory { .. }
            | Self::RegisterBelowZero { .. }
            | Self::Negative { .. }
            | Self::RegisterReset { .. }
            | Self::Implausible { .. }
            | Self::AfterSeal { .. }
            | Self::ClockJumped { .. }
            | Self::MeterReplaced { .. } => Suggestion::CorrectRegisters,
            Self::Overlapping { .. }
            | Self::ClockUntrusted { .. }
            | Self::TooLong { .. }
            | Self::Incomplete { .. } => Suggestion::BillAsRegistered,
            Self::Orphan { .. } => Suggestion::WriteOff,
            Self::UnknownDriver { .. } | Self::SeveralTokens { .. } => Suggestion::NameDriver,
            Self::NoTariff => Suggestion::NameTariff,
            Self::NoEnergy { .. } => Suggestion::Nothing,
        }
    }
}

/// M2 for readings: end less start, or the first doubt.
///
/// # Errors
///
/// The first of [`register_doubts`].
pub fn registered_energy(readings: &[RegisterReading]) -> Result<WattHours, Doubt> {
    RegisterCurve::new(readings).map(|curve| curve.end().register - curve.begin().register)
}

/// Every doubt in the registers of one transaction.
#[must_use]
pub fn register_doubts(readings: &[RegisterReading]) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> = readings
        .iter()
        .filter(|reading| reading.register < WattHours::ZERO)
        .map(|reading| Doubt::RegisterBelowZero { at: reading.at, register: reading.register })
        .collect();
    let begin = the_only(readings, ReadingContext::Begin);
    let end = the_only(readings, ReadingContext::End);
    match (begin, end) {
        (Ok(begin), Ok(end)) => {
            if end.register < begin.register {
                doubts.push(Doubt::Negative { begin: begin.register, end: end.register });
            }
            if end.at < begin.at {
                doubts.push(Doubt::ClockUntrusted { claimed: end.at, held: begin.at });
            }
            doubts.extend(resets(&curve_points(readings, begin, end)));
        }
        (begin, end) => doubts.extend([begin.err(), end.err()].into_iter().flatten()),
    }
    doubts
}

/// The registers of one transaction over time, free of doubt: begin, what was read strictly between, end. Of several
/// readings at one instant the highest counts; registers never fall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegisterCurve {
    points: Vec<RegisterReading>,
}

impl RegisterCurve {
    pub(crate) fn new(readings: &[RegisterReading]) -> Result<Self, Doubt> {
        if let Some(doubt) = register_doubts(readings).into_iter().next() {
            return Err(doubt);
        }
        let begin = the_only(readings, ReadingContext::Begin)?;
        let end = the_only(readings, ReadingContext::End)?;
        Ok(Self { points: curve_points(readings, begin, end) })
    }

    /// At least two points, in order of time; the first is the begin, the last the end.
    pub(crate) fn points(&self) -> &[RegisterReading] {
        &self.points
    }

    pub(crate) fn begin(&self) -> RegisterReading {
        self.points[0]
    }

    pub(crate) fn end(&self) -> RegisterReading {
        self.points[self.points.len() - 1]
    }
}

fn the_only(readings: &[RegisterReading], context: ReadingContext) -> Result<RegisterReading, Doubt> {
    let mut found = readings.iter().filter(|reading| reading.context == context);
    let Some(&first) = found.next() else {
        let readings = readings.len();
        return Err(match context {
            ReadingContext::Begin => Doubt::MissingStart { readings },
            ReadingContext::End | ReadingContext::Clock | ReadingContext::Periodic => {
                Doubt::MissingEnd { readings }
            }
        });
    };
    // A station repeats what was not acknowledged: the same register twice is one reading.
    match found.find(|reading| reading.register != first.register) {
        Some(second) => Err(Doubt::Contradictory { context, first: first.register, second: second.register }),
        None => Ok(first),
    }
}

fn curve_points(
    readings: &[RegisterReading],
    begin: RegisterReading,
    end: RegisterReading,
) -> Vec<RegisterReading> {
    let mut between: Vec<RegisterReading> =
        readings.iter().copied().filter(|reading| begin.at < reading.at && reading.at < end.at).collect();
    between.sort();
    let mut points = vec![begin];
    for reading in between {
        match points.last_mut() {
            Some(last) if last.at == reading.at => *last = reading,
            Some(_) | None => points.push(reading),
        }
    }
    points.push(end);
    points
}

fn resets(points: &[RegisterReading]) -> Vec<Doubt> {
    points
        .windows(2)
        .filter(|pair| pair[1].register < pair[0].register)
        .map(|pair| Doubt::RegisterReset { at: pair[1].at, from: pair[0].register, to: pair[1].register })
        .collect()
}

fn implausible(energy: WattHours, duration: TimeSpan, limits: EvseLimits) -> Option<Doubt> {
    // mW · ms overflow 64 bits where a clock is off by decades.
    let flowing = i128::from(limits.power_maximum.milliwatts()) * i128::from(duration.milliseconds().max(0))
        / 3_600_000;
    // A step of the register needs time as well: in none, nothing can flow.
    let step = if duration > TimeSpan::ZERO { limits.register_step } else { WattHours::ZERO };
    let possible = WattHours::from_milliwatt_hours(i64::try_from(flowing).unwrap_or(i64::MAX / 2)) + step;
    (energy > possible).then_some(Doubt::Implausible { energy, duration, possible })
}

mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let fail = || D::Error::custom(format!("`{text}` is not a hash of 64 hexadecimal digits"));
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(fail());
        }
        let mut bytes = [0; 32];
        for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[place..place + 2], 16).map_err(|_| fail())?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: EvseLimits = EvseLimits {
        power_maximum: Watts::from_watts(11_000),
        register_step: WattHours::from_watt_hours(100),
    };

    #[test]
    fn m2_energy_is_the_end_register_less_the_start_register() {
        let cdr = cdr(&[(0, 1_000, ReadingContext::Begin), (60, 8_500, ReadingContext::End)]);
        assert_eq!(cdr.energy(), Ok(WattHours::from_watt_hours(7_500)));
        assert_eq!(cdr.examine(LIMITS, Cdr::DURATION_LIMIT), []);
    }

    #[test]
    fn m2_every_doubtful_register_is_named_and_never_billed() {
        use ReadingContext::{Begin, Clock, End, Periodic};
        let wh = WattHours::from_watt_hours;
        type Row<'a> = (&'a [(i64, i64, ReadingContext)], Doubt);
        let table: [Row; 9] = [
            (&[(60, 8_500, End)], Doubt::MissingStart { readings: 1 }),
            (&[(0, 1_000, Begin), (30, 2_000, Periodic)], Doubt::MissingEnd { readings: 2 }),
            (&[], Doubt::MissingStart { readings: 0 }),
            (&[(0, 1_000, Begin), (60, 999, End)], Doubt::Negative { begin: wh(1_000), end: wh(999) }),
            (
                &[(0, 1_000, Begin), (30, 5, Clock), (60, 2_000, End)],
                Doubt::RegisterReset { at: minute(30), from: wh(1_000), to: wh(5) },
            ),
            (
                &[(0, 1_000, Begin), (30, 2_500, Clock), (60, 2_000, End)],
                Doubt::RegisterReset { at: minute(60), from: wh(2_500), to: wh(2_000) },
            ),
            (&[(0, 0, Begin), (60, -1, End)], Doubt::RegisterBelowZero { at: minute(60), register: wh(-1) }),
            (
                &[(0, 1_000, Begin), (0, 1_001, Begin), (60, 2_000, End)],
                Doubt::Contradictory { context: Begin, first: wh(1_000), second: wh(1_001) },
            ),
            (
                &[(0, 0, Begin), (60, 11_101, End)],
                Doubt::Implausible {
                    energy: wh(11_101),
                    duration: TimeSpan::from_hours(1),
                    possible: wh(11_100),
                },
            ),
        ];
        for (readings, expected) in table {
            let mut cdr = cdr(readings);
            cdr.doubts = cdr.examine(LIMITS, Cdr::DURATION_LIMIT);
            assert_eq!(cdr.doubts.first(), Some(&expected), "{readings:?}");
            assert_eq!(cdr.energy(), Err(expected), "{readings:?}");
        }
    }

    #[test]
    fn a_repeated_reading_is_one_reading() {
        use ReadingContext::{Begin, End};
        let readings = [(0, 1_000, Begin), (0, 1_000, Begin), (60, 2_000, End), (60, 2_000, End)];
        assert_eq!(cdr(&readings).energy(), Ok(WattHours::from_watt_hours(1_000)));
    }

    #[test]
    fn a_transaction_of_more_than_31_days_is_a_doubt() {
        use ReadingContext::{Begin, End};
        let minutes = 31 * 24 * 60;
        let mut long = cdr(&[(0, 0, Begin), (minutes, 5_000, End)]);
        assert_eq!(long.examine(LIMITS, Cdr::DURATION_LIMIT), [], "31 days are allowed");
        long.stopped_at += TimeSpan::from_milliseconds(1);
        let duration = TimeSpan::from_hours(31 * 24) + TimeSpan::from_milliseconds(1);
        let limit = Cdr::DURATION_LIMIT;
        assert_eq!(long.examine(LIMITS, limit), [Doubt::TooLong { duration, limit }]);
        let limit = TimeSpan::from_hours(7 * 24);
        assert_eq!(
            long.examine(LIMITS, limit),
            [Doubt::TooLong { duration, limit }],
            "an operator may ask earlier"
        );
        let stored = r#"{"too_long":{"duration":2678400001}}"#;
        let limit = Cdr::DURATION_LIMIT;
        assert_eq!(serde_json::from_str::<Doubt>(stored).unwrap(), Doubt::TooLong { duration, limit });
    }

    #[test]
    fn m2_energy_in_no_time_is_a_doubt_however_little() {
        use ReadingContext::{Begin, End};
        let mut sudden = cdr(&[(0, 1_000, Begin), (0, 1_001, End)]);
        sudden.stopped_at = sudden.started_at;
        let (energy, possible) = (WattHours::from_watt_hours(1), WattHours::ZERO);
        let doubt = Doubt::Implausible { energy, duration: TimeSpan::ZERO, possible };
        assert_eq!(sudden.examine(LIMITS, Cdr::DURATION_LIMIT), [doubt]);
        sudden.readings[1].register = WattHours::from_watt_hours(1_000);
        assert_eq!(sudden.examine(LIMITS, Cdr::DURATION_LIMIT), [], "nothing in no time is nothing");
    }

    #[test]
    fn an_unknown_driver_and_a_missing_tariff_are_doubts() {
        let mut cdr = cdr(&[(0, 0, ReadingContext::Begin), (60, 1_000, ReadingContext::End)]);
        cdr.driver = Driver::Unknown;
        cdr.tariff = None;
        let token = cdr.token.clone();
        assert_eq!(
            cdr.examine(LIMITS, Cdr::DURATION_LIMIT),
            [Doubt::UnknownDriver { token }, Doubt::NoTariff]
        );
    }

    #[test]
    fn a_clock_off_by_decades_does_not_overflow() {
        let mut cdr = cdr(&[(0, 0, ReadingContext::Begin), (60, 1_000, ReadingContext::End)]);
        cdr.stopped_at = Timestamp::MAX;
        assert!(matches!(cdr.examine(LIMITS, Cdr::DURATION_LIMIT)[..], [Doubt::TooLong { .. }]));
        cdr.stopped_at = Timestamp::from_milliseconds(i64::MIN);
        assert!(
            cdr.examine(LIMITS, Cdr::DURATION_LIMIT)
                .iter()
                .any(|doubt| matches!(doubt, Doubt::ClockUntrusted { .. }))
        );
    }

    #[test]
    fn m2_transactions_that_overlap_at_one_evse_cast_doubt_on_each_other() {
        use ReadingContext::{Begin, End};
        let first = cdr(&[(0, 0, Begin), (60, 1_000, End)]);
        let mut second = first.clone();
        assert_eq!(first.overlap_with(&second), None, "a transaction does not overlap itself");
        second.transaction = TransactionId(2);
        second.started_at = minute(60);
        second.stopped_at = minute(90);
        assert_eq!(first.overlap_with(&second), None, "one follows the other");
        second.started_at = minute(59);
        let (from, until) = (minute(59), minute(60));
        let doubt = |other| Some(Doubt::Overlapping { other: TransactionId(other), from, until });
        assert_eq!((first.overlap_with(&second), second.overlap_with(&first)), (doubt(2), doubt(1)));
        second.evse = "CP1/2".parse().unwrap();
        assert_eq!(first.overlap_with(&second), None, "elsewhere");
    }

    #[test]
    fn a_cdr_survives_json() {
        let mut sealed = cdr(&[(0, 0, ReadingContext::Begin), (60, 1_000, ReadingContext::End)]);
        sealed.doubts = vec![Doubt::AfterSeal { frame: 9 }, Doubt::NoTariff];
        sealed.evidence = vec![EvidenceRef { frame: 7, sha256: [0xab; 32] }];
        let text = serde_json::to_string(&sealed).unwrap();
        assert!(text.contains(&"ab".repeat(32)), "{text}");
        assert_eq!(serde_json::from_str::<Cdr>(&text).unwrap(), sealed);
        let broken = text.replace(&"ab".repeat(32), "ab");
        assert!(serde_json::from_str::<Cdr>(&broken).is_err());
        let not_ascii = text.replace(&"ab".repeat(32), &"é".repeat(32));
        assert!(serde_json::from_str::<Cdr>(&not_ascii).is_err());
    }

    fn minute(count: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_minutes(count)
    }

    fn cdr(readings: &[(i64, i64, ReadingContext)]) -> Cdr {
        Cdr {
            id: CdrId(1),
            site: "site".parse().unwrap(),
            owner: "owner".parse().unwrap(),
            zone: "Europe/Helsinki".parse().unwrap(),
            evse: "CP1/1".parse().unwrap(),
            fee_class: FeeClass::Plan,
            transaction: TransactionId(1),
            session: SessionId(1),
            token: Some("04A1".parse().unwrap()),
            driver: Driver::Account("a".parse().unwrap()),
            tariff: Some("t".parse().unwrap()),
            started_at: minute(0),
            stopped_at: minute(readings.iter().map(|&(at, _, _)| at).max().unwrap_or(0).max(60)),
            readings: readings
                .iter()
                .map(|&(at, register, context)| RegisterReading {
                    at: minute(at),
                    register: WattHours::from_watt_hours(register),
                    context,
                })
                .collect(),
            activity: vec![],
            doubts: vec![],
            evidence: vec![],
            stop_reason: "Local".to_owned(),
        }
    }
}
