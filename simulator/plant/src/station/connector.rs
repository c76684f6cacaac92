//! One connector of the station: its EVSE, the token that waits, the transaction that runs.

use units::{Amperes, IdToken, TimeSpan, Timestamp, WattHours};

use super::profile::{Context, Profile};
use super::wire::sampled_value;
use super::{ConnectorNumber, ConnectorStatus, keys};
use crate::evse::{Evse, EvseConfig};

/// Whether the energy of a transaction flows at once or with the backend's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnergyFrom {
    Start,
    Answer,
}

/// A token that was accepted and waits for a cable.
#[derive(Debug, Clone)]
pub struct Authorised {
    pub token: IdToken,
    pub expires_at: Timestamp,
    /// Sent along with RemoteStartTransaction.
    pub profile: Option<Box<Profile>>,
    pub energy: EnergyFrom,
}

/// A transaction as the connector sees it; what the messages need is in the outbox.
#[derive(Debug, Clone)]
pub struct Running {
    /// The station's own number of the transaction.
    pub local: u64,
    pub token: IdToken,
    /// True time.
    pub started_at: Timestamp,
    /// The station's clock then.
    pub started_shown: Timestamp,
    pub register_at_start: WattHours,
    pub energy: EnergyFrom,
    /// Whether a limit of 0 A was in force since the start.
    pub was_paused: bool,
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
    /// The last status put on its way to the backend.
    pub told: Option<ConnectorStatus>,
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
                EnergyFrom::Answer => ConnectorStatus::Preparing,
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

    /// The list of sampledValue, for the measurands of a configuration key.
    pub fn sampled(&self, measurands: &str, context: &str, register: RegisterForm) -> String {
        let mut out = String::with_capacity(900);
        let voltage = self.evse.config().voltage;
        let phases = self.evse.config().phases.count();
        let offered = self.evse.offered();
        for measurand in measurands.split(',').map(str::trim) {
            let mut tell = |thousandths, phase, unit| {
                sampled_value(&mut out, thousandths, context, measurand, phase, unit);
            };
            match measurand {
                keys::REGISTER => {
                    let (thousandths, unit) = register.figure(self.evse.register());
                    tell(thousandths, None, unit);
                }
                keys::CURRENT => {
                    for (phase, current) in self.evse.current().iter().take(usize::from(phases)) {
                        tell(current.milliamperes(), Some(terminal(phase)), "A");
                    }
                }
                keys::VOLTAGE => tell(voltage.millivolts(), Some("L1-N"), "V"),
                keys::POWER => tell(self.evse.power().milliwatts(), None, "W"),
                keys::CURRENT_OFFERED => tell(offered.milliamperes(), None, "A"),
                keys::POWER_OFFERED => {
                    let power = offered.at_voltage_floor(voltage) * i64::from(phases);
                    tell(power.milliwatts(), None, "W");
                }
                _ => {}
            }
        }
        out
    }

    /// When something happens here by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.authorised.as_ref().map(|authorised| authorised.expires_at);
        [self.evse.next_change(), self.boundary, self.sample_due, expiry].into_iter().flatten().min()
    }

    /// The next sample, where an interval is set.
    pub fn schedule_sample(&mut self, now: Timestamp, interval: Option<TimeSpan>) {
        self.sample_due = interval.filter(|_| self.running.is_some()).map(|interval| now + interval);
    }
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
    const fn figure(self, register: WattHours) -> (i64, &'static str) {
        let watt_hours = register.watt_hours_floor();
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
