//! Where the readings of a circuit's meter come from. Control never looks: the statement travels with the site for those
//! who fetch readings.

use serde::{Deserialize, Serialize};
use units::{PerPhase, StationId, TimeSpan};

/// What an operator states about how a meter is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterSource {
    /// By which way readings come.
    pub way: MeterWay,
    /// Which sign of the meter's figures is import.
    #[serde(default)]
    pub import_is: ImportSign,
    /// Whether current can flow out of the circuit at all.
    #[serde(default)]
    pub export: Export,
    /// The least power factor of what the circuit feeds, in thousandths, 500 to 1 000, default 900: a current that is
    /// derived from active power is divided by it.
    #[serde(default = "power_factor_default")]
    pub power_factor_permille: i64,
}

const fn power_factor_default() -> i64 {
    900
}

impl Default for MeterSource {
    fn default() -> Self {
        Self {
            way: MeterWay::default(),
            import_is: ImportSign::default(),
            export: Export::default(),
            power_factor_permille: power_factor_default(),
        }
    }
}

/// By which way a meter's readings come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MeterWay {
    /// Somebody posts them to the API.
    #[default]
    Posted,
    /// They are published to a broker.
    Mqtt(Box<MqttSource>),
    /// The meter is asked for them.
    Modbus(ModbusSource),
    /// The meter sends telegrams by itself.
    P1(P1Source),
    /// A station reports them as its own mains meter's: those of connector 0 in OCPP 1.6, of EVSE 0 in 2.0.1.
    Station {
        /// Which.
        station: StationId,
    },
}

impl MeterWay {
    /// The station whose mains meter it is.
    #[must_use]
    pub const fn station(&self) -> Option<&StationId> {
        match self {
            Self::Station { station } => Some(station),
            Self::Posted | Self::Mqtt(_) | Self::Modbus(_) | Self::P1(_) => None,
        }
    }
}

/// Where to reach a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A topic of an MQTT broker, and what its payloads tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MqttSource {
    /// The broker.
    pub address: Address,
    /// The topic; no wildcards.
    pub topic: String,
    /// As whom, with the name of the file in the data directory's `secrets` that holds the password.
    pub login: Option<Login>,
    /// Where each figure stands in the payload.
    pub fields: PayloadFields,
}

/// Who asks, by which secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The name of the secret, never the secret.
    pub secret: String,
}

/// Where each figure stands in a JSON payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadFields {
    /// Current per phase.
    pub current: Option<PerPhase<Field>>,
    /// Voltage per phase, to neutral.
    pub voltage: Option<PerPhase<Field>>,
    /// Active power per phase.
    pub power: Option<PerPhase<Field>>,
    /// Active power of all phases together.
    pub power_total: Option<Field>,
    /// The register of imported energy.
    pub energy: Option<Field>,
    /// When it was measured: RFC 3339, or seconds since 1970.
    pub at: Option<String>,
}

/// A figure in a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// A JSON pointer (RFC 6901), such as `/phases/0/current`.
    pub pointer: String,
    /// How many of the unit of our own quantities (A, V, W, Wh) one of the payload's is: 1 000 for kW.
    pub scale: i64,
}

/// A meter that is asked by Modbus TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModbusSource {
    /// The meter, or the gateway before it.
    pub address: Address,
    /// The unit identifier; behind a gateway the meter's address on the bus. 0 to 255, default 1.
    pub unit: u8,
    /// Which register map.
    pub model: String,
    /// How often it is asked; 200 ms to 60 s, default 2 s.
    pub every: TimeSpan,
}

/// A meter with the P1 port of smart meters, by way of a TCP port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct P1Source {
    /// Where telegrams are sent to whoever connects.
    pub address: Address,
}

/// Which sign of a meter's figures is import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportSign {
    /// As everywhere in this house.
    #[default]
    Positive,
    /// The meter counts the other way around.
    Negative,
}

/// Whether current can flow out of a circuit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Export {
    /// Nothing below generates: a meter that shows export is connected wrongly.
    #[default]
    Impossible,
    /// Photovoltaics, or a battery.
    Possible,
}
