//! The configuration keys of OCPP 1.6 that the station has.

use std::collections::BTreeMap;

use units::TimeSpan;

use super::config::{OfflineStart, RateUnits, StationConfig};

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    ReadOnly,
    /// A whole number, not negative.
    Count,
    Flag,
    Text,
    /// A comma-separated list of measurands that the station has.
    Measurands,
}

/// What became of ChangeConfiguration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Accepted,
    Rejected,
    NotSupported,
}

impl Change {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::NotSupported => "NotSupported",
        }
    }
}

pub const REGISTER: &str = "Energy.Active.Import.Register";
pub const CURRENT: &str = "Current.Import";
pub const VOLTAGE: &str = "Voltage";
pub const POWER: &str = "Power.Active.Import";
pub const CURRENT_OFFERED: &str = "Current.Offered";
pub const POWER_OFFERED: &str = "Power.Offered";
const MEASURANDS: [&str; 6] = [REGISTER, CURRENT, VOLTAGE, POWER, CURRENT_OFFERED, POWER_OFFERED];

const FORMS: [(&str, Form); 29] = [
    ("AllowOfflineTxForUnknownId", Form::Flag),
    ("AuthorizationCacheEnabled", Form::Flag),
    ("AuthorizeRemoteTxRequests", Form::Flag),
    ("ChargeProfileMaxStackLevel", Form::ReadOnly),
    ("ChargingScheduleAllowedChargingRateUnit", Form::ReadOnly),
    ("ChargingScheduleMaxPeriods", Form::ReadOnly),
    ("ClockAlignedDataInterval", Form::Count),
    ("ConnectionTimeOut", Form::Count),
    ("ConnectorPhaseRotation", Form::Text),
    ("ConnectorSwitch3to1PhaseSupported", Form::ReadOnly),
    ("GetConfigurationMaxKeys", Form::ReadOnly),
    ("HeartbeatInterval", Form::Count),
    ("LocalAuthorizeOffline", Form::Flag),
    ("LocalPreAuthorize", Form::Flag),
    ("MaxChargingProfilesInstalled", Form::ReadOnly),
    ("MeterValueSampleInterval", Form::Count),
    ("MeterValuesAlignedData", Form::Measurands),
    ("MeterValuesSampledData", Form::Measurands),
    ("NumberOfConnectors", Form::ReadOnly),
    ("ResetRetries", Form::Count),
    ("StopTransactionOnEVSideDisconnect", Form::Flag),
    ("StopTransactionOnInvalidId", Form::Flag),
    ("StopTxnAlignedData", Form::ReadOnly),
    ("StopTxnSampledData", Form::ReadOnly),
    ("SupportedFeatureProfiles", Form::ReadOnly),
    ("TransactionMessageAttempts", Form::Count),
    ("TransactionMessageRetryInterval", Form::Count),
    ("UnlockConnectorOnEVSideDisconnect", Form::Flag),
    ("WebSocketPingInterval", Form::Count),
];

/// The table with its values. It survives boots.
#[derive(Debug, Clone)]
pub struct Keys {
    values: BTreeMap<&'static str, String>,
}

impl Keys {
    /// The values of the factory.
    pub fn new(config: &StationConfig) -> Self {
        let all = MEASURANDS.join(",");
        let yes_if = |condition: bool| if condition { "true" } else { "false" };
        let values = FORMS
            .iter()
            .map(|(name, _)| {
                let value = match *name {
                    "AllowOfflineTxForUnknownId" => {
                        yes_if(config.offline_start == OfflineStart::AnyToken).to_owned()
                    }
                    "LocalAuthorizeOffline" => {
                        yes_if(config.offline_start != OfflineStart::Refused).to_owned()
                    }
                    "AuthorizeRemoteTxRequests" => "false".to_owned(),
                    "ChargeProfileMaxStackLevel" => config.stack_level_max.to_string(),
                    "ChargingScheduleAllowedChargingRateUnit" => match config.rate_units {
                        RateUnits::Amperes => "Current".to_owned(),
                        RateUnits::Watts => "Power".to_owned(),
                        RateUnits::Both => "Current,Power".to_owned(),
                    },
                    "ChargingScheduleMaxPeriods" => PERIODS_MAX.to_string(),
                    "ClockAlignedDataInterval" => config.clock_aligned_interval.seconds_floor().to_string(),
                    "ConnectionTimeOut" => config.connection_timeout.seconds_floor().to_string(),
                    "ConnectorPhaseRotation" => "NotApplicable".to_owned(),
                    "ConnectorSwitch3to1PhaseSupported" => "false".to_owned(),
                    "GetConfigurationMaxKeys" => FORMS.len().to_string(),
                    "HeartbeatInterval" => "300".to_owned(),
                    "LocalPreAuthorize" => "false".to_owned(),
                    "MaxChargingProfilesInstalled" => PROFILES_MAX.to_string(),
                    "MeterValueSampleInterval" => config.meter_interval.seconds_floor().to_string(),
                    "MeterValuesAlignedData" | "MeterValuesSampledData" => all.clone(),
                    "ResetRetries" => "0".to_owned(),
                    "NumberOfConnectors" => config.evses.len().to_string(),
                    "StopTxnAlignedData" | "StopTxnSampledData" => String::new(),
                    "SupportedFeatureProfiles" => "Core,RemoteTrigger,SmartCharging".to_owned(),
                    "TransactionMessageAttempts" => "3".to_owned(),
                    "TransactionMessageRetryInterval" => "10".to_owned(),
                    "WebSocketPingInterval" => "60".to_owned(),
                    _ => "true".to_owned(),
                };
                (*name, value)
            })
            .collect();
        Self { values }
    }

    /// ChangeConfiguration.
    pub fn change(&mut self, name: &str, value: &str) -> Change {
        let Some((name, form)) = FORMS.iter().find(|(known, _)| *known == name) else {
            return Change::NotSupported;
        };
        let is_valid = match form {
            Form::ReadOnly => false,
            Form::Count => value.parse::<u32>().is_ok(),
            Form::Flag => matches!(value.to_ascii_lowercase().as_str(), "true" | "false"),
            Form::Text => value.len() <= 500,
            Form::Measurands => {
                value.split(',').all(|part| part.is_empty() || MEASURANDS.contains(&part.trim()))
            }
        };
        if !is_valid {
            return Change::Rejected;
        }
        self.values.insert(name, value.to_owned());
        Change::Accepted
    }

    /// All keys: name, whether it is read-only, value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, bool, &str)> {
        FORMS.iter().map(|(name, form)| (*name, *form == Form::ReadOnly, self.text(name)))
    }

    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }

    pub fn count(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// A key in seconds; none where it is 0, which is off.
    pub fn interval(&self, name: &str) -> Option<TimeSpan> {
        let seconds = self.count(name);
        (seconds > 0).then(|| TimeSpan::from_seconds(seconds))
    }
}

/// ChargingScheduleMaxPeriods.
pub const PERIODS_MAX: usize = 24;
/// MaxChargingProfilesInstalled.
pub const PROFILES_MAX: usize = 32;
