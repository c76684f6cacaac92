//! What the backend may order, whatever the version's words for it are.

use serde_json::Value;
use units::TimeSpan;

use super::config::{OcppVersion, Purpose, Quirk};
use super::connector::{EnergyFrom, Occasion, Offer};
use super::outbox::Call;
use super::profile::{Filter, Profile};
use super::profile_text::{ProfileText, Refusal};
use super::settings::{Change, PERIODS_MAX, PROFILES_MAX, Row, Setting};
use super::{ConnectorNumber, Deferred, Link, Station, StationOutput, TransactionName, v16, v201, wire};

/// What goes back.
pub enum Answer {
    /// CALLRESULT with this payload.
    Result(String),
    /// CALLERROR with this code.
    Error(&'static str),
}

impl Answer {
    /// `{"status": …}`.
    pub fn status(name: &str) -> Self {
        Self::Result(format!("{{\"status\":\"{name}\"}}"))
    }
}

/// Whether a connector is put into service or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Operative,
    Inoperative,
}

/// What became of an order that may have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obeyed {
    Now,
    Later,
}

/// In which unit a composite schedule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleUnit {
    Amperes,
    Watts,
}

impl Station {
    /// A call of the backend: obeyed now, answered after the answer delay.
    pub(super) fn called(&mut self, id: &str, action: &str, payload: &Value) {
        let mut effects = Vec::new();
        let answer = match self.config.version {
            OcppVersion::V16 => v16::obey(self, action, payload, &mut effects),
            OcppVersion::V201 => v201::obey(self, action, payload, &mut effects),
        };
        let frame = match answer {
            Answer::Result(payload) => wire::call_result(id, &payload),
            Answer::Error(code) => wire::call_error(id, code, ""),
        };
        let mut due = self.now + self.config.answer_delay;
        for quirk in &self.config.quirks {
            if let Quirk::AnswersLate(late) = quirk {
                due += *late;
            }
        }
        if !self.has(Quirk::NeverAnswers) {
            self.deferred.push_back((due, Deferred::Answer(frame)));
        }
        for effect in effects {
            self.deferred.push_back((due, effect));
        }
    }

    /// Installs a profile.
    pub(super) fn install(&mut self, connector: ConnectorNumber, text: ProfileText) -> Result<(), Refusal> {
        let profile = self.read_profile(connector, text)?;
        let profile = self.admit(profile)?;
        self.profiles.set(profile);
        self.reevaluate.insert(self.now + self.config.reaction);
        Ok(())
    }

    pub(super) fn read_profile(
        &self,
        connector: ConnectorNumber,
        text: ProfileText,
    ) -> Result<Profile, Refusal> {
        let is_running_elsewhere = text
            .transaction
            .as_ref()
            .is_some_and(|name| self.connector_of_transaction(name) != Some(connector));
        let profile = text.into_profile(connector, self.config.rate_units, self.clock.shows(self.now))?;
        if profile.purpose == Purpose::TxProfile && is_running_elsewhere {
            return Err(Refusal::Rejected);
        }
        Ok(profile)
    }

    /// The rules of the standards on what may be installed where.
    pub(super) fn admit(&self, profile: Profile) -> Result<Profile, Refusal> {
        let is_connector_known = profile.connector <= self.connectors();
        let is_place_right = match profile.purpose {
            Purpose::ChargePointMaxProfile => profile.connector == 0,
            Purpose::TxDefaultProfile => true,
            // "TxProfile … only possible while a transaction is running" (OCPP 1.6 section 5.16).
            Purpose::TxProfile => {
                self.held(profile.connector).is_some_and(|connector| connector.running.is_some())
            }
        };
        let is_place_taken = match self.config.version {
            // There it is replaced.
            OcppVersion::V16 => false,
            OcppVersion::V201 => self.profiles.has_other_in_place(&profile),
        };
        let is_refused = self.has(Quirk::RejectsPurpose(profile.purpose))
            || profile.stack_level > self.config.stack_level_max
            || profile.periods.len() > PERIODS_MAX
            || self.profiles.count_beside(&profile) >= PROFILES_MAX;
        if is_connector_known && is_place_right && !is_place_taken && !is_refused {
            Ok(profile)
        } else {
            Err(Refusal::Rejected)
        }
    }

    /// Removes profiles; tells how many.
    pub(super) fn clear_profiles(&mut self, filter: Filter) -> usize {
        let cleared = self.profiles.clear(filter);
        if cleared > 0 {
            self.reevaluate.insert(self.now + self.config.reaction);
        }
        cleared
    }

    /// The merged limits of a connector, or of all as connector 0, for so many seconds: start of each period in
    /// seconds, and its limit in thousandths of the unit.
    pub(super) fn composite(
        &self,
        number: ConnectorNumber,
        seconds: i64,
        unit: ScheduleUnit,
    ) -> Vec<(i64, i64)> {
        let concerned: Vec<_> =
            self.connectors.iter().filter(|connector| number == 0 || connector.number == number).collect();
        let sharers = self.sharers();
        let from = self.clock.shows(self.now);
        let mut offsets: Vec<_> = concerned
            .iter()
            .flat_map(|connector| {
                self.profiles.composite(from, TimeSpan::from_seconds(seconds), &connector.context(sharers))
            })
            .map(|(offset, _)| TimeSpan::from_seconds(offset.seconds_floor()))
            .collect();
        offsets.sort_unstable();
        offsets.dedup();
        let limit_at = |offset: TimeSpan| -> i64 {
            // A boundary between two seconds is told at the second before, with the limit after it.
            let at =
                from + offset + TimeSpan::from_milliseconds(if offset > TimeSpan::ZERO { 999 } else { 0 });
            let limits = concerned.iter().map(|connector| {
                let context = connector.context(sharers);
                let current = self.profiles.limit_at(at, &context);
                match unit {
                    ScheduleUnit::Amperes => current.milliamperes(),
                    ScheduleUnit::Watts => {
                        (current.at_voltage_floor(context.voltage) * context.phases).milliwatts()
                    }
                }
            });
            limits.sum::<i64>() / 100 * 100
        };
        offsets.into_iter().map(|offset| (offset.seconds_floor(), limit_at(offset))).collect()
    }

    /// A connector at which a remote start may begin.
    pub(super) fn free_for_start(&self, asked: Option<ConnectorNumber>) -> Option<ConnectorNumber> {
        let is_free = |connector: &&super::Connector| {
            let waits_for_token =
                connector.running.as_ref().is_none_or(|running| running.energy == EnergyFrom::Token);
            waits_for_token && connector.is_operative && !connector.is_hung
        };
        let connector = match asked {
            Some(number) => self.held(number).filter(is_free),
            None => self.connectors.iter().find(is_free),
        };
        connector.map(|connector| connector.number)
    }

    /// Changes a setting, and does what follows from it.
    pub(super) fn change_setting(&mut self, row: &Row, value: &str) -> Change {
        let change = self.settings.change(row, value);
        if change == Change::Rejected {
            return change;
        }
        if row.setting == Setting::HeartbeatInterval {
            self.schedule_heartbeat();
        } else if row.setting == Setting::SampleInterval {
            let interval = self.settings.interval(Setting::SampleInterval);
            for connector in &mut self.connectors {
                connector.schedule_sample(self.now, interval);
            }
        } else if row.setting == Setting::AlignedInterval {
            self.schedule_clock_aligned();
        }
        change
    }

    /// Puts a connector, or all as connector 0, into service or out of it; out of it after its transaction.
    pub(super) fn change_availability(&mut self, number: ConnectorNumber, to: Availability) -> Obeyed {
        let mut obeyed = Obeyed::Now;
        for connector in &mut self.connectors {
            if number != 0 && connector.number != number {
                continue;
            }
            connector.becomes_inoperative = to == Availability::Inoperative && connector.running.is_some();
            if connector.becomes_inoperative {
                obeyed = Obeyed::Later;
            } else {
                connector.is_operative = to == Availability::Operative;
            }
        }
        obeyed
    }

    /// What was put off until the answer is out.
    pub(super) fn run_deferred(&mut self) {
        while let Some((_, deferred)) = self.deferred.pop_front_if(|(due, _)| *due <= self.now) {
            match deferred {
                Deferred::Answer(frame) => {
                    if self.link == Link::Up {
                        self.outputs.push_back(StationOutput::Frame(frame));
                    }
                }
                Deferred::Send(call) => self.outbox.push(call),
                Deferred::TellStatus(number) => {
                    if let Some(connector) = self.held_mut(number) {
                        connector.told = None;
                    }
                }
                Deferred::TellMeterValues(number) => self.tell_meter_values(number),
                Deferred::TellTransaction(number) => {
                    self.sample(number, Occasion::Trigger, Setting::SampledMeasurands);
                }
                Deferred::RemoteStart { connector, offer } => self.start_from_afar(connector, offer),
                Deferred::Stop { connector, reason } => self.withdraw(connector, reason, None),
                Deferred::Reset(reason) => self.begin_reset(reason),
            }
        }
    }

    fn start_from_afar(&mut self, connector: ConnectorNumber, offer: Offer) {
        if self.settings.flag(Setting::AuthorizeRemoteStart) {
            self.outbox.push(Call::Authorize { connector, offer });
        } else {
            self.authorised(connector, offer, EnergyFrom::Start);
        }
    }

    /// TriggerMessage for MeterValues: OCPP 2.0.1 keeps them apart from transactions (part 2, F06).
    fn tell_meter_values(&mut self, number: ConnectorNumber) {
        match self.config.version {
            OcppVersion::V16 => self.sample(number, Occasion::Trigger, Setting::SampledMeasurands),
            OcppVersion::V201 => {
                let Some(connector) = self.held(number).filter(|connector| !connector.is_hung) else {
                    return;
                };
                let values = self.sampled(connector, Occasion::Trigger, Setting::AlignedMeasurands);
                let at = self.stamp();
                if !values.is_empty() {
                    self.outbox.push(Call::MeterValues { connector: number, values, at });
                }
            }
        }
    }

    /// The connectors that a trigger concerns; none where it names one that is not there.
    pub(super) fn concerned(&self, number: Option<ConnectorNumber>) -> Option<Vec<ConnectorNumber>> {
        match number {
            None | Some(0) => Some((1..=self.connectors()).collect()),
            Some(number) => self.held(number).map(|held| vec![held.number]),
        }
    }

    /// The running transaction of a connector by name.
    pub(super) fn running_name(&self, number: ConnectorNumber) -> Option<&TransactionName> {
        let local = self.held(number)?.running.as_ref()?.local;
        self.outbox.records.get(&local)?.name.as_ref()
    }
}
