//! What a virtual station is, how it behaves, and what it gets wrong.

use serde::{Deserialize, Serialize};
use units::{Amperes, IdToken, StationId, TimeSpan};

use crate::evse::EvseConfig;

/// A virtual station.
#[derive(Debug, Clone, PartialEq)]
pub struct StationConfig {
    /// The last part of the URL it connects to.
    pub id: StationId,
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
    /// 4c.46: each StopTransaction is sent twice.
    DuplicatesStopTransaction,
    /// 4c.34: meterStop is 1 Wh below the register.
    MeterStopOneBelow,
    /// 4c.35: meterStop is −1.
    MeterStopUnknown,
    /// 4c.28, 4c.31, 4c.33: MeterValues and StopTransaction carry this id (−1, 0, 2^63−1).
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
}

/// chargingProfilePurpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Purpose {
    /// Caps the whole station; connector 0 only.
    ChargePointMaxProfile,
    /// For transactions without a TxProfile.
    TxDefaultProfile,
    /// For one transaction.
    TxProfile,
}
