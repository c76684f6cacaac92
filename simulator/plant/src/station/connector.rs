//! One connector of the station: its EVSE, the token that waits, the transaction that runs.

use units::{Amperes, IdToken, TimeSpan, Timestamp, WattHours};

use super::profile::{Context, Profile};
use super::{ConnectorNumber, ConnectorStatus, settings};
use crate::evse::{Evse, EvseConfig};

/// From when on the energy of a transaction flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnergyFrom {
    Start,
    /// From the backend's acceptance on.
    Answer,
    /// From a token on.
    Token,
    /// The authorization ended; the transaction goes on until the EV leaves.
    Never,
}

/// A token with what came along.
#[derive(Debug, Clone)]
pub struct Offer {
    pub token: IdToken,
    /// Its type in OCPP 2.0.1.
    pub kind: &'static str,
    /// Sent along with a remote start.
    pub profile: Option<Box<Profile>>,
    /// remoteStartId of OCPP 2.0.1.
    pub remote_start: Option<i64>,
}

impl Offer {
    /// A card held to the reader.
    pub const fn card(token: IdToken) -> Self {
        Self { token, kind: "ISO14443", profile: None, remote_start: None }
    }
}

/// A token that was accepted and waits for a cable.
#[derive(Debug, Clone)]
pub struct Authorised {
    pub offer: Offer,
    pub expires_at: Timestamp,
    pub energy: EnergyFrom,
}

/// chargingState of OCPP 2.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargingState {
    Idle,
    EvConnected,
    Charging,
    SuspendedEv,
    SuspendedEvse,
}

/// A transaction as the connector sees it; what the messages need is in the outbox.
#[derive(Debug, Clone)]
pub struct Running {
    /// The station's own number of the transaction.
    pub local: u64,
    /// None while it waits for one.
    pub token: Option<IdToken>,
    /// True time.
    pub started_at: Timestamp,
    /// The station's clock then.
    pub started_shown: Timestamp,
    pub register_at_start: WattHours,
    pub energy: EnergyFrom,
    /// Whether a limit of 0 A was in force since the start.
    pub was_paused: bool,
    /// When it ends for want of an EV.
    pub cable_due: Option<Timestamp>,
    /// What its events last told.
    pub told: Option<ChargingState>,
}

#[derive(Debug, Clone)]
pub struct Connector {
    pub number: ConnectorNumber,
    pub evse: Evse,
    pub authorised: Option<Authorised>,
    pub running: Option<Running>,
    pub is_operative: bool,
    /// ChangeAvailability waits for the end of the transaction.
    pub becomes_inoperative: bool,
    /// The last transaction is over, its EV still plugged in.
    pub is_finishing: bool,
    /// Locked up until the next boot.
    pub is_hung: bool,
    /// The last status put on its way to the backend, as the version calls it.
    pub told: Option<&'static str>,
    /// True time at which a profile changes its limit by itself.
    pub boundary: Option<Timestamp>,
    pub sample_due: Option<Timestamp>,
}

impl Connector {
    pub fn new(number: ConnectorNumber, config: EvseConfig, now: Timestamp) -> Self {
        Self {
            number,
            evse: Evse::new(config, now),
            authorised: None,
            running: None,
            is_operative: true,
            becomes_inoperative: false,
            is_finishing: false,
            is_hung: false,
            told: None,
            boundary: None,
            sample_due: None,
        }
    }

    pub fn status(&self) -> ConnectorStatus {
        if self.is_hung {
            return ConnectorStatus::Faulted;
        }
        if let Some(running) = &self.running {
            let offered = self.evse.offered();
            return match running.energy {
                EnergyFrom::Answer | EnergyFrom::Token => ConnectorStatus::Preparing,
                EnergyFrom::Never => ConnectorStatus::Finishing,
                EnergyFrom::Start if offered == Amperes::ZERO => ConnectorStatus::SuspendedEvse,
                EnergyFrom::Start if self.evse.ev().is_some_and(|ev| ev.requests_energy(offered)) => {
                    ConnectorStatus::Charging
                }
                EnergyFrom::Start => ConnectorStatus::SuspendedEv,
            };
        }
        if !self.is_operative {
            ConnectorStatus::Unavailable
        } else if self.is_finishing && self.authorised.is_none() {
            ConnectorStatus::Finishing
        } else if self.evse.ev().is_some() || self.authorised.is_some() {
            ConnectorStatus::Preparing
        } else {
            ConnectorStatus::Available
        }
    }

    /// What an event of the running transaction says of the energy.
    pub fn charging_state(&self) -> ChargingState {
        if self.evse.ev().is_none() {
            return ChargingState::Idle;
        }
        match self.status() {
            ConnectorStatus::Charging => ChargingState::Charging,
            ConnectorStatus::SuspendedEv => ChargingState::SuspendedEv,
            ConnectorStatus::SuspendedEvse => ChargingState::SuspendedEvse,
            ConnectorStatus::Available
            | ConnectorStatus::Preparing
            | ConnectorStatus::Finishing
            | ConnectorStatus::Unavailable
            | ConnectorStatus::Faulted => ChargingState::EvConnected,
        }
    }

    /// For asking the profiles.
    pub fn context(&self, sharers: i64) -> Context {
        let config = self.evse.config();
        Context {
            connector: self.number,
            transaction_started: self.running.as_ref().map(|running| running.started_shown),
            phases: i64::from(config.phases.count()),
            voltage: config.voltage,
            current_maximum: config.current_maximum,
            sharers,
        }
    }

    /// The figures of some measurands, in their order.
    pub fn sampled(&self, measurands: &str, register: RegisterForm, mut tell: impl FnMut(Sample<'_>)) {
        let voltage = self.evse.config().voltage;
        let phases = self.evse.config().phases.count();
        let offered = self.evse.offered();
        for measurand in measurands.split(',').map(str::trim) {
            let mut tell = |thousandths, phase, unit| tell(Sample { measurand, thousandths, phase, unit });
            match measurand {
                settings::REGISTER => {
                    let (thousandths, unit) = register.figure(self.evse.register().watt_hours_floor());
                    tell(thousandths, None, unit);
                }
                settings::CURRENT => {
                    for (phase, current) in self.evse.current().iter().take(usize::from(phases)) {
                        tell(current.milliamperes(), Some(terminal(phase)), "A");
                    }
                }
                settings::VOLTAGE => tell(voltage.millivolts(), Some("L1-N"), "V"),
                settings::POWER => tell(self.evse.power().milliwatts(), None, "W"),
                settings::CURRENT_OFFERED => tell(offered.milliamperes(), None, "A"),
                settings::POWER_OFFERED => {
                    let power = offered.at_voltage_floor(voltage) * i64::from(phases);
                    tell(power.milliwatts(), None, "W");
                }
                _ => {}
            }
        }
    }

    /// When something happens here by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.authorised.as_ref().map(|authorised| authorised.expires_at);
        let cable = self.running.as_ref().and_then(|running| running.cable_due);
        [self.evse.next_change(), self.boundary, self.sample_due, expiry, cable]
            .into_iter()
            .fold(None, sooner)
    }

    /// The next sample, where an interval is set.
    pub fn schedule_sample(&mut self, now: Timestamp, interval: Option<TimeSpan>) {
        self.sample_due = interval.filter(|_| self.running.is_some()).map(|interval| now + interval);
    }
}

/// The earlier of two instants, where there are any.
pub fn sooner(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (instant, None) | (None, instant) => instant,
    }
}

/// One figure of a Meter Value.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    pub measurand: &'a str,
    /// Thousandths of `unit`.
    pub thousandths: i64,
    /// As the standard names it.
    pub phase: Option<&'static str>,
    pub unit: &'static str,
}

/// Why a Meter Value was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Periodic,
    Clock,
    Trigger,
    Begin,
    End,
}

impl Occasion {
    /// `context` as both versions write it.
    pub const fn context(self) -> &'static str {
        match self {
            Self::Periodic => "Sample.Periodic",
            Self::Clock => "Sample.Clock",
            Self::Trigger => "Trigger",
            Self::Begin => "Transaction.Begin",
            Self::End => "Transaction.End",
        }
    }
}

/// How power is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerForm {
    Watts,
    KilowattsWithoutUnit,
}

/// How the register is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterForm {
    WattHours,
    KilowattHours,
    KilowattHoursLabelledWh,
}

impl RegisterForm {
    /// Thousandths of the figure, and its unit; whole Wh in each form.
    pub const fn figure(self, watt_hours: i64) -> (i64, &'static str) {
        match self {
            Self::WattHours => (watt_hours * 1_000, "Wh"),
            Self::KilowattHours => (watt_hours, "kWh"),
            Self::KilowattHoursLabelledWh => (watt_hours, "Wh"),
        }
    }
}

const fn terminal(phase: units::Phase) -> &'static str {
    match phase {
        units::Phase::L1 => "L1",
        units::Phase::L2 => "L2",
        units::Phase::L3 => "L3",
    }
}
