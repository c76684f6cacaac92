//! What the station keeps to and the backend may read or change, with the name of each setting in each version of OCPP.

use std::collections::BTreeMap;

use units::TimeSpan;

use super::config::{OcppVersion, OfflineStart, RateUnits, StationConfig, TxStart, TxStop};

/// A setting, whatever it is called on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    AlignedInterval,
    AlignedMeasurands,
    AuthorizationCache,
    AuthorizeRemoteStart,
    ConfigurationKeysMax,
    ConnectionTimeOut,
    Connectors,
    EndedMeasurands,
    FeatureProfiles,
    HeartbeatInterval,
    LocalAuthorizeOffline,
    LocalPreAuthorize,
    MessageAttempts,
    MessageRetryInterval,
    OfflineThreshold,
    OfflineUnknownId,
    PeriodsMax,
    PhaseRotation,
    PhaseSwitching,
    ProfilesMax,
    RateUnit,
    ResetRetries,
    SampleInterval,
    SampledMeasurands,
    SmartCharging,
    StackLevelMax,
    StartedMeasurands,
    StopOnEvSideDisconnect,
    StopOnInvalidId,
    StopTxnAligned,
    StopTxnSampled,
    TxStartPoint,
    TxStopPoint,
    UnlockOnEvSideDisconnect,
    WebSocketPing,
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    ReadOnly,
    /// A whole number, not negative.
    Count,
    Flag,
    Text,
    /// A comma-separated list of measurands that the station has.
    Measurands,
    /// The register, or nothing.
    Register,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Accepted,
    Rejected,
}

/// A variable of OCPP 2.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    pub component: &'static str,
    pub name: &'static str,
    pub instance: Option<&'static str>,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub setting: Setting,
    pub form: Form,
    /// The configuration key of OCPP 1.6.
    pub key: Option<&'static str>,
    pub variable: Option<Variable>,
}

pub const REGISTER: &str = "Energy.Active.Import.Register";
pub const CURRENT: &str = "Current.Import";
pub const VOLTAGE: &str = "Voltage";
pub const POWER: &str = "Power.Active.Import";
pub const CURRENT_OFFERED: &str = "Current.Offered";
pub const POWER_OFFERED: &str = "Power.Offered";
const MEASURANDS: [&str; 6] = [REGISTER, CURRENT, VOLTAGE, POWER, CURRENT_OFFERED, POWER_OFFERED];

/// A setting that both versions have.
const fn both(
    setting: Setting,
    form: Form,
    key: &'static str,
    component: &'static str,
    name: &'static str,
) -> Row {
    Row { setting, form, key: Some(key), variable: Some(Variable { component, name, instance: None }) }
}

const fn v16(setting: Setting, form: Form, key: &'static str) -> Row {
    Row { setting, form, key: Some(key), variable: None }
}

const fn v201(setting: Setting, form: Form, component: &'static str, name: &'static str) -> Row {
    Row { setting, form, key: None, variable: Some(Variable { component, name, instance: None }) }
}

/// A setting whose variable has an instance for transaction messages.
const fn of_events(setting: Setting, key: &'static str, name: &'static str) -> Row {
    let variable = Variable { component: "OCPPCommCtrlr", name, instance: Some("TransactionEvent") };
    Row { setting, form: Form::Count, key: Some(key), variable: Some(variable) }
}

/// All settings, in the order of OCPP 1.6's keys.
#[rustfmt::skip]
const TABLE: [Row; 35] = [
    both(Setting::OfflineUnknownId, Form::Flag, "AllowOfflineTxForUnknownId", "AuthCtrlr", "OfflineTxForUnknownIdEnabled"),
    both(Setting::AuthorizationCache, Form::Flag, "AuthorizationCacheEnabled", "AuthCacheCtrlr", "Enabled"),
    both(Setting::AuthorizeRemoteStart, Form::Flag, "AuthorizeRemoteTxRequests", "AuthCtrlr", "AuthorizeRemoteStart"),
    both(Setting::StackLevelMax, Form::ReadOnly, "ChargeProfileMaxStackLevel", "SmartChargingCtrlr", "ProfileStackLevel"),
    both(Setting::RateUnit, Form::ReadOnly, "ChargingScheduleAllowedChargingRateUnit", "SmartChargingCtrlr", "RateUnit"),
    both(Setting::PeriodsMax, Form::ReadOnly, "ChargingScheduleMaxPeriods", "SmartChargingCtrlr", "PeriodsPerSchedule"),
    both(Setting::AlignedInterval, Form::Count, "ClockAlignedDataInterval", "AlignedDataCtrlr", "Interval"),
    both(Setting::ConnectionTimeOut, Form::Count, "ConnectionTimeOut", "TxCtrlr", "EVConnectionTimeOut"),
    v16(Setting::PhaseRotation, Form::Text, "ConnectorPhaseRotation"),
    both(Setting::PhaseSwitching, Form::ReadOnly, "ConnectorSwitch3to1PhaseSupported", "SmartChargingCtrlr", "Phases3to1"),
    v16(Setting::ConfigurationKeysMax, Form::ReadOnly, "GetConfigurationMaxKeys"),
    both(Setting::HeartbeatInterval, Form::Count, "HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval"),
    both(Setting::LocalAuthorizeOffline, Form::Flag, "LocalAuthorizeOffline", "AuthCtrlr", "LocalAuthorizeOffline"),
    both(Setting::LocalPreAuthorize, Form::Flag, "LocalPreAuthorize", "AuthCtrlr", "LocalPreAuthorize"),
    both(Setting::ProfilesMax, Form::ReadOnly, "MaxChargingProfilesInstalled", "SmartChargingCtrlr", "Entries"),
    both(Setting::SampleInterval, Form::Count, "MeterValueSampleInterval", "SampledDataCtrlr", "TxUpdatedInterval"),
    both(Setting::AlignedMeasurands, Form::Measurands, "MeterValuesAlignedData", "AlignedDataCtrlr", "Measurands"),
    both(Setting::SampledMeasurands, Form::Measurands, "MeterValuesSampledData", "SampledDataCtrlr", "TxUpdatedMeasurands"),
    v16(Setting::Connectors, Form::ReadOnly, "NumberOfConnectors"),
    both(Setting::ResetRetries, Form::Count, "ResetRetries", "OCPPCommCtrlr", "ResetRetries"),
    both(Setting::StopOnEvSideDisconnect, Form::Flag, "StopTransactionOnEVSideDisconnect", "TxCtrlr", "StopTxOnEVSideDisconnect"),
    both(Setting::StopOnInvalidId, Form::Flag, "StopTransactionOnInvalidId", "TxCtrlr", "StopTxOnInvalidId"),
    both(Setting::StopTxnAligned, Form::ReadOnly, "StopTxnAlignedData", "AlignedDataCtrlr", "TxEndedMeasurands"),
    v16(Setting::StopTxnSampled, Form::ReadOnly, "StopTxnSampledData"),
    v16(Setting::FeatureProfiles, Form::ReadOnly, "SupportedFeatureProfiles"),
    of_events(Setting::MessageAttempts, "TransactionMessageAttempts", "MessageAttempts"),
    of_events(Setting::MessageRetryInterval, "TransactionMessageRetryInterval", "MessageAttemptInterval"),
    both(Setting::UnlockOnEvSideDisconnect, Form::Flag, "UnlockConnectorOnEVSideDisconnect", "OCPPCommCtrlr", "UnlockOnEVSideDisconnect"),
    both(Setting::WebSocketPing, Form::Count, "WebSocketPingInterval", "OCPPCommCtrlr", "WebSocketPingInterval"),
    v201(Setting::OfflineThreshold, Form::Count, "OCPPCommCtrlr", "OfflineThreshold"),
    v201(Setting::StartedMeasurands, Form::Register, "SampledDataCtrlr", "TxStartedMeasurands"),
    v201(Setting::EndedMeasurands, Form::Register, "SampledDataCtrlr", "TxEndedMeasurands"),
    v201(Setting::SmartCharging, Form::ReadOnly, "SmartChargingCtrlr", "Enabled"),
    v201(Setting::TxStartPoint, Form::ReadOnly, "TxCtrlr", "TxStartPoint"),
    v201(Setting::TxStopPoint, Form::ReadOnly, "TxCtrlr", "TxStopPoint"),
];

/// The settings with their values. They survive boots.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<Setting, Value>,
}

/// A value, and what it comes to where it is a number; 0 where it is none.
#[derive(Debug, Clone)]
struct Value {
    text: String,
    count: i64,
}

impl Value {
    fn new(text: String) -> Self {
        Self { count: text.parse().unwrap_or(0), text }
    }
}

impl Settings {
    /// The values of the factory.
    pub fn new(config: &StationConfig) -> Self {
        let values = TABLE.iter().map(|row| (row.setting, Value::new(factory(row.setting, config))));
        Self { values: values.collect() }
    }

    /// Changes one, where its form allows the value.
    pub fn change(&mut self, row: &Row, value: &str) -> Change {
        let is_valid = match row.form {
            Form::ReadOnly => false,
            Form::Count => value.parse::<u32>().is_ok(),
            Form::Flag => matches!(value.to_ascii_lowercase().as_str(), "true" | "false"),
            Form::Text => value.len() <= 500,
            Form::Measurands => {
                value.split(',').all(|part| part.is_empty() || MEASURANDS.contains(&part.trim()))
            }
            Form::Register => value.is_empty() || value == REGISTER,
        };
        if !is_valid {
            return Change::Rejected;
        }
        self.set(row.setting, value.to_owned());
        Change::Accepted
    }

    /// The station's own change.
    pub fn set(&mut self, setting: Setting, value: String) {
        self.values.insert(setting, Value::new(value));
    }

    /// All settings, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Row, &str)> {
        TABLE.iter().map(|row| (row, self.text(row.setting)))
    }

    pub fn text(&self, setting: Setting) -> &str {
        self.values.get(&setting).map_or("", |value| value.text.as_str())
    }

    pub fn flag(&self, setting: Setting) -> bool {
        self.text(setting).eq_ignore_ascii_case("true")
    }

    pub fn count(&self, setting: Setting) -> i64 {
        self.values.get(&setting).map_or(0, |value| value.count)
    }

    /// A setting in seconds; none where it is 0, which is off.
    pub fn interval(&self, setting: Setting) -> Option<TimeSpan> {
        let seconds = self.count(setting);
        (seconds > 0).then(|| TimeSpan::from_seconds(seconds))
    }
}

/// The row of a key of OCPP 1.6.
pub fn row_of_key(key: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.key == Some(key))
}

/// The settings that are variables of OCPP 2.0.1.
pub fn variables() -> impl Iterator<Item = (&'static Row, Variable)> {
    TABLE.iter().filter_map(|row| Some((row, row.variable?)))
}

fn factory(setting: Setting, config: &StationConfig) -> String {
    let yes_if = |condition: bool| if condition { "true" } else { "false" };
    let (current, power) = match config.version {
        OcppVersion::V16 => ("Current", "Power"),
        OcppVersion::V201 => ("A", "W"),
    };
    let text = match setting {
        Setting::OfflineUnknownId => yes_if(config.offline_start == OfflineStart::AnyToken),
        Setting::LocalAuthorizeOffline => yes_if(config.offline_start != OfflineStart::Refused),
        Setting::AuthorizeRemoteStart | Setting::LocalPreAuthorize | Setting::PhaseSwitching => "false",
        Setting::AuthorizationCache
        | Setting::SmartCharging
        | Setting::StopOnEvSideDisconnect
        | Setting::StopOnInvalidId
        | Setting::UnlockOnEvSideDisconnect => "true",
        Setting::StackLevelMax => return config.stack_level_max.to_string(),
        Setting::RateUnit => match config.rate_units {
            RateUnits::Amperes => current,
            RateUnits::Watts => power,
            RateUnits::Both => return format!("{current},{power}"),
        },
        Setting::PeriodsMax => return PERIODS_MAX.to_string(),
        Setting::AlignedInterval => return config.clock_aligned_interval.seconds_floor().to_string(),
        Setting::ConnectionTimeOut => return config.connection_timeout.seconds_floor().to_string(),
        Setting::PhaseRotation => "NotApplicable",
        Setting::ConfigurationKeysMax => {
            return TABLE.iter().filter(|row| row.key.is_some()).count().to_string();
        }
        Setting::HeartbeatInterval | Setting::OfflineThreshold => "300",
        Setting::ProfilesMax => return PROFILES_MAX.to_string(),
        Setting::SampleInterval => return config.meter_interval.seconds_floor().to_string(),
        Setting::AlignedMeasurands | Setting::SampledMeasurands => return MEASURANDS.join(","),
        Setting::Connectors => return config.evses.len().to_string(),
        Setting::ResetRetries => "0",
        Setting::StopTxnAligned | Setting::StopTxnSampled => "",
        Setting::FeatureProfiles => "Core,RemoteTrigger,SmartCharging",
        Setting::MessageAttempts => "3",
        Setting::MessageRetryInterval => "10",
        Setting::WebSocketPing => "60",
        Setting::StartedMeasurands | Setting::EndedMeasurands => REGISTER,
        Setting::TxStartPoint => match config.tx_start {
            TxStart::EvConnected => "EVConnected",
            TxStart::Authorized => "Authorized",
            TxStart::PowerPathClosed => "PowerPathClosed",
        },
        Setting::TxStopPoint => match config.tx_stop {
            TxStop::EvConnected => "EVConnected",
            TxStop::Authorized => "EVConnected,Authorized",
        },
    };
    text.to_owned()
}

/// The most periods of a schedule.
pub const PERIODS_MAX: usize = 24;
/// The most profiles that are installed.
pub const PROFILES_MAX: usize = 32;
