//! What a virtual station is, how it behaves, and what it gets wrong.

use serde::{Deserialize, Serialize};
use units::{Amperes, IdToken, StationId, TimeSpan};

use crate::evse::EvseConfig;

/// A virtual station.
#[derive(Debug, Clone, PartialEq)]
pub struct StationConfig {
    /// The last part of the URL it connects to.
    pub id: StationId,
    /// What it speaks. Default OCPP 1.6.
    pub version: OcppVersion,
    /// BootNotification's chargePointVendor, at most 20 characters.
    pub vendor: String,
    /// BootNotification's chargePointModel, at most 20 characters.
    pub model: String,
    /// BootNotification's firmwareVersion.
    pub firmware: String,
    /// Connectors 1, 2, … with their EVSEs; at least one.
    pub evses: Vec<EvseConfig>,
    /// MeterValueSampleInterval at the factory; 0 is off. Default 60 s.
    pub meter_interval: TimeSpan,
    /// ClockAlignedDataInterval at the factory; 0 is off. Default off.
    pub clock_aligned_interval: TimeSpan,
    /// ConnectionTimeOut at the factory: how long a token waits for a cable and a cable for a token. Default 120 s.
    pub connection_timeout: TimeSpan,
    /// Whether a token is asked about before the transaction starts.
    pub authorization: Authorization,
    /// What may start without the backend.
    pub offline_start: OfflineStart,
    /// A token with which each plugged-in EV starts by itself ("free vend").
    pub free_start: Option<IdToken>,
    /// From a profile's acceptance to the pilot. Default 1 s.
    pub reaction: TimeSpan,
    /// From a call of the backend to our answer. Default 50 ms.
    pub answer_delay: TimeSpan,
    /// How long an answer is waited for. Default 30 s.
    pub call_timeout: TimeSpan,
    /// How long a boot takes. Default 30 s.
    pub boot_time: TimeSpan,
    /// Where a transaction starts; OCPP 1.6 knows only the default, PowerPathClosed.
    pub tx_start: TxStart,
    /// Where a transaction stops; OCPP 1.6 knows only the default, Authorized.
    pub tx_stop: TxStop,
    /// What becomes of a running transaction when power is lost.
    pub after_power_loss: AfterPowerLoss,
    /// What becomes of TxDefault and ChargePointMax profiles at a boot.
    pub profiles_at_boot: ProfilesAtBoot,
    /// What becomes of meter values taken in a transaction while offline.
    pub offline_meter_values: OfflineMeterValues,
    /// ChargeProfileMaxStackLevel. Default 8.
    pub stack_level_max: u32,
    /// ChargingScheduleAllowedChargingRateUnit.
    pub rate_units: RateUnits,
    /// The station's own clock.
    pub clock: StationClockConfig,
    /// What it gets wrong; empty by default.
    pub quirks: Vec<Quirk>,
}

impl StationConfig {
    /// A well-behaved station with one default EVSE.
    #[must_use]
    pub fn new(id: StationId) -> Self {
        Self {
            id,
            version: OcppVersion::V16,
            vendor: "Wattery".to_owned(),
            model: "Virtual".to_owned(),
            firmware: "1.0".to_owned(),
            evses: vec![EvseConfig::default()],
            meter_interval: TimeSpan::from_seconds(60),
            clock_aligned_interval: TimeSpan::ZERO,
            connection_timeout: TimeSpan::from_seconds(120),
            authorization: Authorization::BeforeStart,
            offline_start: OfflineStart::KnownTokens,
            free_start: None,
            reaction: TimeSpan::from_seconds(1),
            answer_delay: TimeSpan::from_milliseconds(50),
            call_timeout: TimeSpan::from_seconds(30),
            boot_time: TimeSpan::from_seconds(30),
            tx_start: TxStart::PowerPathClosed,
            tx_stop: TxStop::Authorized,
            after_power_loss: AfterPowerLoss::EndsTransaction,
            profiles_at_boot: ProfilesAtBoot::Kept,
            offline_meter_values: OfflineMeterValues::Kept,
            stack_level_max: 8,
            rate_units: RateUnits::Both,
            clock: StationClockConfig::default(),
            quirks: Vec::new(),
        }
    }
}

/// What a station speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OcppVersion {
    /// OCPP 1.6 over JSON.
    #[serde(rename = "1.6")]
    V16,
    /// OCPP 2.0.1.
    #[serde(rename = "2.0.1")]
    V201,
}

/// TxStartPoint of OCPP 2.0.1: what must be for a transaction to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TxStart {
    /// An EV; the token comes later, if ever.
    EvConnected,
    /// An accepted token; the EV comes later, or not in time.
    Authorized,
    /// Both.
    PowerPathClosed,
}

/// TxStopPoint of OCPP 2.0.1: what ends a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TxStop {
    /// Only that the EV leaves; a stop by token or from afar takes the energy away.
    EvConnected,
    /// That the EV leaves, or the authorization ends.
    Authorized,
}

/// Whether a token is asked about before the transaction starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorization {
    /// Authorize is sent; energy flows from its acceptance on.
    BeforeStart,
    /// Only StartTransaction is sent; energy flows from its acceptance on.
    ByStart,
}

/// What may start without the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineStart {
    /// Nothing.
    Refused,
    /// Tokens that were accepted before (the authorization cache).
    KnownTokens,
    /// Any token.
    AnyToken,
}

/// What becomes of a running transaction when power is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterPowerLoss {
    /// It ends after the boot, with reason PowerLoss and the register before the loss.
    EndsTransaction,
    /// It goes on after the boot.
    ResumesTransaction,
}

/// What becomes of TxDefault and ChargePointMax profiles at a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfilesAtBoot {
    /// They survive, as the standard wants.
    Kept,
    /// They are gone: full current.
    Forgotten,
}

/// What becomes of meter values taken in a transaction while offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineMeterValues {
    /// Queued with the transaction's other messages.
    Kept,
    /// Lost.
    Dropped,
}

/// ChargingScheduleAllowedChargingRateUnit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateUnits {
    /// `Current`.
    Amperes,
    /// `Power`.
    Watts,
    /// `Current,Power`.
    Both,
}

/// The station's own clock, against true time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StationClockConfig {
    /// How far ahead it is before it is first set; negative is behind.
    pub offset: TimeSpan,
    /// How fast it gains, in millionths; negative loses.
    pub drift_ppm: i64,
    /// Whether it takes the backend's time.
    pub sync: ClockSync,
}

/// Whether the clock takes the backend's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSync {
    /// At each BootNotification and Heartbeat.
    #[default]
    ByAnswers,
    /// Never.
    Never,
}

/// Something real stations get wrong. The numbers are those of the field notes, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// 4a.1: all profiles are gone once the link is lost, and full current is offered, even after a pause.
    ForgetsProfilesOnReconnect,
    /// 4a.3: the pilot stays as it was while the link is down; expiries inside profiles are not seen.
    HoldsLimitWhileOffline,
    /// 4a.4, 4a.7: answers Accepted and offers the hardware maximum.
    DisobeysLimits,
    /// Raises are followed, lower limits are answered Accepted and ignored until the transaction ends.
    IgnoresLowerLimits,
    /// 4a.5: offers this current whatever the limit, in a transaction.
    StuckAt(Amperes),
    /// 4b.26: after 0 A in a transaction it stays at 0 A until the transaction ends.
    IgnoresResumeAfterPause,
    /// 4a.2: after 0 A in a transaction the next limit above 0 is taken as the hardware maximum.
    IgnoresLimitAfterPause,
    /// 4b.17, 4b.19: a limit of 0 A in a transaction locks the connector until a reboot.
    HangsAtZero,
    /// 4d.53: no BootNotification on a new link, once it was accepted.
    NoBootOnReconnect,
    /// 4c.46: each StopTransaction, or Ended event, is sent twice.
    DuplicatesStopTransaction,
    /// 4c.34: the register at the end is told 1 Wh too low.
    MeterStopOneBelow,
    /// 4c.35: the register at the end is told as −1; in OCPP 2.0.1 it is missing.
    MeterStopUnknown,
    /// 4c.28, 4c.31, 4c.33: what follows a transaction's start carries this id (−1, 0, 2^63−1).
    TransactionId(i64),
    /// 4c.45: timestamps of a clock so many minutes east of UTC, without a zone.
    TimestampsWithoutZone {
        /// Minutes east of UTC.
        minutes_east: i32,
    },
    /// 4c.41: the register is reported in kWh.
    KilowattHours,
    /// 4c.38: the register is reported in kWh but labelled Wh.
    KilowattHoursLabelledWh,
    /// Answers come so much later.
    AnswersLate(TimeSpan),
    /// Calls are obeyed but never answered.
    NeverAnswers,
    /// 4b.20 to 4b.24: SetChargingProfile of this purpose is Rejected.
    RejectsPurpose(Purpose),
    /// 4b.25, OCPP 2.0.1: SetChargingProfile is held against the schema of OCPP 1.6, and fails.
    RejectsByFormerSchema,
    /// 4c.39, OCPP 2.0.1: power is told in kW, without a unit.
    PowerWithoutUnit,
    /// 4c.49, OCPP 2.0.1: no event of a transaction carries the token.
    NoTokenInEvents,
    /// Section 6, 5, OCPP 2.0.1: what was queued is told newest first.
    EventsOutOfOrder,
    /// OCPP 2.0.1: seqNo begins at 0 again after each lost link.
    SequenceRestarts,
    /// OCPP 2.0.1: only the first event of a transaction names its EVSE, as the standard allows.
    EvseOnlyInFirstEvent,
}

impl Quirk {
    /// Whether a station with it may offer more than the limits that it is sent.
    #[must_use]
    pub const fn disobeys(self) -> bool {
        match self {
            Self::ForgetsProfilesOnReconnect
            | Self::HoldsLimitWhileOffline
            | Self::DisobeysLimits
            | Self::IgnoresLowerLimits
            | Self::StuckAt(_)
            | Self::IgnoresLimitAfterPause
            | Self::RejectsPurpose(_)
            | Self::RejectsByFormerSchema => true,
            Self::IgnoresResumeAfterPause
            | Self::HangsAtZero
            | Self::NoBootOnReconnect
            | Self::DuplicatesStopTransaction
            | Self::MeterStopOneBelow
            | Self::MeterStopUnknown
            | Self::TransactionId(_)
            | Self::TimestampsWithoutZone { .. }
            | Self::KilowattHours
            | Self::KilowattHoursLabelledWh
            | Self::AnswersLate(_)
            | Self::NeverAnswers
            | Self::PowerWithoutUnit
            | Self::NoTokenInEvents
            | Self::EventsOutOfOrder
            | Self::SequenceRestarts
            | Self::EvseOnlyInFirstEvent => false,
        }
    }

    /// Whether a station with it tells nothing of its limit by its answers: it accepts a limit and offers less, or
    /// answers when nobody listens any more.
    #[must_use]
    pub const fn confirms_nothing(self) -> bool {
        match self {
            Self::IgnoresResumeAfterPause | Self::HangsAtZero | Self::AnswersLate(_) | Self::NeverAnswers => {
                true
            }
            Self::ForgetsProfilesOnReconnect
            | Self::HoldsLimitWhileOffline
            | Self::DisobeysLimits
            | Self::IgnoresLowerLimits
            | Self::StuckAt(_)
            | Self::IgnoresLimitAfterPause
            | Self::RejectsPurpose(_)
            | Self::RejectsByFormerSchema
            | Self::NoBootOnReconnect
            | Self::DuplicatesStopTransaction
            | Self::MeterStopOneBelow
            | Self::MeterStopUnknown
            | Self::TransactionId(_)
            | Self::TimestampsWithoutZone { .. }
            | Self::KilowattHours
            | Self::KilowattHoursLabelledWh
            | Self::PowerWithoutUnit
            | Self::NoTokenInEvents
            | Self::EventsOutOfOrder
            | Self::SequenceRestarts
            | Self::EvseOnlyInFirstEvent => false,
        }
    }
}

/// chargingProfilePurpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Purpose {
    /// Caps the whole station; connector 0 only. ChargingStationMaxProfile in OCPP 2.0.1.
    ChargePointMaxProfile,
    /// For transactions without a TxProfile.
    TxDefaultProfile,
    /// For one transaction.
    TxProfile,
}
