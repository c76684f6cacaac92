//! The backend's calls, and what the station answers.

use std::fmt::Write as _;

use serde_json::Value;
use units::{Amperes, IdToken, TimeSpan};

use super::config::{Purpose, Quirk};
use super::connector::EnergyFrom;
use super::keys::{Change, PERIODS_MAX, PROFILES_MAX};
use super::outbox::Call;
use super::profile::{Filter, Profile};
use super::wire::{self, ProfileText, Refusal, connector_at, decimal, quoted, text_at, whole_at};
use super::{ConnectorNumber, Deferred, Station, StopReason};

/// What goes back.
enum Answer {
    /// CALLRESULT with this payload.
    Result(String),
    /// CALLERROR with this code.
    Error(&'static str),
}

/// `{"status": …}`.
fn status(name: &str) -> Answer {
    Answer::Result(format!("{{\"status\":\"{name}\"}}"))
}

impl Station {
    /// A call of the backend: obeyed now, answered after the answer delay.
    pub(super) fn called(&mut self, id: &str, action: &str, payload: &Value) {
        let mut effects = Vec::new();
        let answer = self.obey(action, payload, &mut effects);
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

    fn obey(&mut self, action: &str, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
        match action {
            "SetChargingProfile" => self.set_charging_profile(payload),
            "ClearChargingProfile" => self.clear_charging_profile(payload),
            "GetCompositeSchedule" => self.composite_schedule(payload),
            "RemoteStartTransaction" => self.remote_start(payload, effects),
            "RemoteStopTransaction" => self.remote_stop(payload, effects),
            "ChangeConfiguration" => self.change_configuration(payload),
            "GetConfiguration" => self.get_configuration(payload),
            "ChangeAvailability" => self.change_availability(payload),
            "Reset" => match text_at(payload, "/type") {
                Some("Soft") => reset(effects, StopReason::SoftReset),
                Some("Hard") => reset(effects, StopReason::HardReset),
                _ => Answer::Error("PropertyConstraintViolation"),
            },
            "UnlockConnector" => self.unlock(payload),
            "ClearCache" => {
                self.known_tokens.clear();
                status("Accepted")
            }
            "DataTransfer" => status("UnknownVendorId"),
            "TriggerMessage" => self.trigger(payload, effects),
            "CancelReservation"
            | "GetDiagnostics"
            | "GetLocalListVersion"
            | "ReserveNow"
            | "SendLocalList"
            | "UpdateFirmware" => Answer::Error("NotSupported"),
            _ => Answer::Error("NotImplemented"),
        }
    }

    fn set_charging_profile(&mut self, payload: &Value) -> Answer {
        let Some(connector) = connector_at(payload, "/connectorId") else {
            return Answer::Error("FormationViolation");
        };
        let Some(text) = payload.get("csChargingProfiles") else {
            return Answer::Error("FormationViolation");
        };
        match self.read_profile(connector, text).and_then(|profile| self.admit(profile)) {
            Ok(profile) => {
                self.profiles.set(profile);
                self.reevaluate.insert(self.now + self.config.reaction);
                status("Accepted")
            }
            Err(Refusal::Rejected) => status("Rejected"),
            Err(Refusal::Formation) => Answer::Error("FormationViolation"),
        }
    }

    fn read_profile(&self, connector: ConnectorNumber, text: &Value) -> Result<Profile, Refusal> {
        let text = ProfileText::read(text)?;
        let transaction = text.transaction_id;
        let profile = text.into_profile(connector, self.config.rate_units, self.clock.shows(self.now))?;
        let is_running_elsewhere =
            transaction.is_some_and(|id| self.connector_of_transaction(id) != Some(connector));
        if profile.purpose == Purpose::TxProfile && is_running_elsewhere {
            return Err(Refusal::Rejected);
        }
        Ok(profile)
    }

    /// The rules of the standard on what may be installed where.
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
        let is_refused = self.has(Quirk::RejectsPurpose(profile.purpose))
            || profile.stack_level > self.config.stack_level_max
            || profile.periods.len() > PERIODS_MAX
            || self.profiles.count_beside(&profile) >= PROFILES_MAX;
        if is_connector_known && is_place_right && !is_refused { Ok(profile) } else { Err(Refusal::Rejected) }
    }

    fn clear_charging_profile(&mut self, payload: &Value) -> Answer {
        let purpose = match text_at(payload, "/chargingProfilePurpose") {
            Some("ChargePointMaxProfile") => Some(Purpose::ChargePointMaxProfile),
            Some("TxDefaultProfile") => Some(Purpose::TxDefaultProfile),
            Some("TxProfile") => Some(Purpose::TxProfile),
            Some(_) => return Answer::Error("PropertyConstraintViolation"),
            None => None,
        };
        let filter = Filter {
            id: whole_at(payload, "/id"),
            connector: connector_at(payload, "/connectorId"),
            purpose,
            stack_level: whole_at(payload, "/stackLevel").and_then(|level| u32::try_from(level).ok()),
        };
        if self.profiles.clear(filter) == 0 {
            return status("Unknown");
        }
        self.reevaluate.insert(self.now + self.config.reaction);
        status("Accepted")
    }

    fn composite_schedule(&self, payload: &Value) -> Answer {
        let number = connector_at(payload, "/connectorId");
        let duration = whole_at(payload, "/duration").filter(|seconds| (0..=10_000_000).contains(seconds));
        let (Some(number), Some(seconds)) = (number, duration) else {
            return Answer::Error("FormationViolation");
        };
        if number > self.connectors() {
            return status("Rejected");
        }
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
        let is_in_watts = text_at(payload, "/chargingRateUnit") == Some("W");
        let mut periods = String::new();
        for offset in offsets {
            // A boundary between two seconds is told at the second before, with the limit after it.
            let at =
                from + offset + TimeSpan::from_milliseconds(if offset > TimeSpan::ZERO { 999 } else { 0 });
            let limit: i64 = concerned
                .iter()
                .map(|connector| {
                    let context = connector.context(sharers);
                    let current = self.profiles.limit_at(at, &context);
                    if is_in_watts {
                        (current.at_voltage_floor(context.voltage) * context.phases).milliwatts()
                    } else {
                        current.milliamperes()
                    }
                })
                .sum();
            let separator = if periods.is_empty() { "" } else { "," };
            let (start, limit) = (offset.seconds_floor(), decimal(limit / 100 * 100));
            let _ = write!(periods, "{separator}{{\"startPeriod\":{start},\"limit\":{limit}}}");
        }
        let (start, unit) = (self.stamp(), if is_in_watts { "W" } else { "A" });
        Answer::Result(format!(
            "{{\"status\":\"Accepted\",\"connectorId\":{number},\"scheduleStart\":\"{start}\",\
             \"chargingSchedule\":{{\"duration\":{seconds},\"startSchedule\":\"{start}\",\
             \"chargingRateUnit\":\"{unit}\",\"chargingSchedulePeriod\":[{periods}]}}}}"
        ))
    }

    fn remote_start(&mut self, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
        let Some(token) = text_at(payload, "/idTag").and_then(|text| text.parse::<IdToken>().ok()) else {
            return Answer::Error("FormationViolation");
        };
        let is_free = |connector: &&super::Connector| {
            connector.running.is_none() && connector.is_operative && !connector.is_hung
        };
        let connector = match connector_at(payload, "/connectorId") {
            Some(number) => self.held(number).filter(is_free),
            None => self.connectors.iter().find(is_free),
        };
        let Some(number) = connector.map(|connector| connector.number) else { return status("Rejected") };
        let profile = match payload.get("chargingProfile").map(|text| self.read_profile(number, text)) {
            Some(Ok(profile)) if profile.purpose == Purpose::TxProfile => Some(Box::new(profile)),
            Some(Err(Refusal::Formation)) => return Answer::Error("FormationViolation"),
            Some(Ok(_) | Err(Refusal::Rejected)) => return status("Rejected"),
            None => None,
        };
        effects.push(Deferred::RemoteStart { connector: number, token, profile });
        status("Accepted")
    }

    fn remote_stop(&self, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
        let connector = whole_at(payload, "/transactionId").and_then(|id| self.connector_of_transaction(id));
        let Some(connector) = connector else { return status("Rejected") };
        effects.push(Deferred::Stop { connector, reason: StopReason::Remote });
        status("Accepted")
    }

    fn change_configuration(&mut self, payload: &Value) -> Answer {
        let (Some(key), Some(value)) = (text_at(payload, "/key"), text_at(payload, "/value")) else {
            return Answer::Error("FormationViolation");
        };
        let change = self.keys.change(key, value);
        if change == Change::Accepted {
            match key {
                "HeartbeatInterval" => self.schedule_heartbeat(),
                "MeterValueSampleInterval" => {
                    let interval = self.keys.interval(key);
                    for connector in &mut self.connectors {
                        connector.schedule_sample(self.now, interval);
                    }
                }
                "ClockAlignedDataInterval" => self.schedule_clock_aligned(),
                _ => {}
            }
        }
        status(change.name())
    }

    fn get_configuration(&self, payload: &Value) -> Answer {
        let asked: Vec<&str> = payload
            .get("key")
            .and_then(Value::as_array)
            .map(|keys| keys.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut known = String::new();
        for (name, is_read_only, value) in self.keys.iter() {
            if !asked.is_empty() && !asked.contains(&name) {
                continue;
            }
            let separator = if known.is_empty() { "" } else { "," };
            let value = quoted(value);
            let _ = write!(
                known,
                "{separator}{{\"key\":\"{name}\",\"readonly\":{is_read_only},\"value\":{value}}}"
            );
        }
        let is_known = |name: &&&str| self.keys.iter().any(|(known, _, _)| known == **name);
        let unknown: Vec<_> = asked.iter().filter(|name| !is_known(name)).map(|name| quoted(name)).collect();
        let unknown = if unknown.is_empty() {
            String::new()
        } else {
            format!(",\"unknownKey\":[{}]", unknown.join(","))
        };
        Answer::Result(format!("{{\"configurationKey\":[{known}]{unknown}}}"))
    }

    fn change_availability(&mut self, payload: &Value) -> Answer {
        let is_operative = match text_at(payload, "/type") {
            Some("Operative") => true,
            Some("Inoperative") => false,
            _ => return Answer::Error("PropertyConstraintViolation"),
        };
        let number = connector_at(payload, "/connectorId");
        let Some(number) = number.filter(|number| *number <= self.connectors()) else {
            return status("Rejected");
        };
        let mut is_scheduled = false;
        for connector in &mut self.connectors {
            if number != 0 && connector.number != number {
                continue;
            }
            connector.becomes_inoperative = !is_operative && connector.running.is_some();
            is_scheduled |= connector.becomes_inoperative;
            if !connector.becomes_inoperative {
                connector.is_operative = is_operative;
            }
        }
        status(if is_scheduled { "Scheduled" } else { "Accepted" })
    }

    fn unlock(&mut self, payload: &Value) -> Answer {
        let Some(number) =
            connector_at(payload, "/connectorId").filter(|number| self.held(*number).is_some())
        else {
            return status("NotSupported");
        };
        self.end_transaction(number, StopReason::UnlockCommand, None);
        status("Unlocked")
    }

    fn trigger(&self, payload: &Value, effects: &mut Vec<Deferred>) -> Answer {
        let number = connector_at(payload, "/connectorId").filter(|number| *number > 0);
        if number.is_some_and(|number| self.held(number).is_none()) {
            return status("Rejected");
        }
        let concerned = self
            .connectors
            .iter()
            .filter(|connector| number.is_none_or(|number| connector.number == number))
            .map(|connector| connector.number);
        match text_at(payload, "/requestedMessage") {
            Some("BootNotification") => effects.push(Deferred::Send(Call::Boot)),
            Some("Heartbeat") => effects.push(Deferred::Send(Call::Heartbeat)),
            Some("StatusNotification") => effects.extend(concerned.map(Deferred::TellStatus)),
            Some("MeterValues") => effects.extend(concerned.map(Deferred::TellMeterValues)),
            Some(_) => return status("NotImplemented"),
            None => return Answer::Error("FormationViolation"),
        }
        status("Accepted")
    }

    /// What was put off until the answer is out.
    pub(super) fn run_deferred(&mut self) {
        while let Some((_, deferred)) = self.deferred.pop_front_if(|(due, _)| *due <= self.now) {
            match deferred {
                Deferred::Answer(frame) => {
                    if self.link == super::Link::Up {
                        self.outputs.push_back(super::StationOutput::Frame(frame));
                    }
                }
                Deferred::Send(call) => self.outbox.push(call),
                Deferred::TellStatus(number) => {
                    if let Some(connector) = self.held_mut(number) {
                        connector.told = None;
                    }
                }
                Deferred::TellMeterValues(number) => self.sample(number, "Trigger", "MeterValuesSampledData"),
                Deferred::RemoteStart { connector, token, profile } => {
                    if self.keys.flag("AuthorizeRemoteTxRequests") {
                        self.outbox.push(Call::Authorize { connector, token, profile });
                    } else {
                        self.authorised(connector, token, profile, EnergyFrom::Start);
                    }
                }
                Deferred::Stop { connector, reason } => self.end_transaction(connector, reason, None),
                Deferred::Reset(reason) => self.begin_reset(reason),
            }
        }
    }

    /// What the connector really applies where the profiles say `merged`.
    pub(super) fn applied_limit(&self, number: ConnectorNumber, merged: Amperes) -> Amperes {
        let Some(connector) = self.held(number) else { return merged };
        let maximum = connector.evse.config().current_maximum;
        let Some(running) = &connector.running else {
            return if self.has(Quirk::DisobeysLimits) { maximum } else { merged };
        };
        let mut limit = merged;
        if running.was_paused && self.has(Quirk::IgnoresLimitAfterPause) {
            limit = if limit < connector.evse.config().current_minimum { limit } else { maximum };
        }
        if running.was_paused && self.has(Quirk::IgnoresResumeAfterPause) {
            limit = Amperes::ZERO;
        }
        for quirk in &self.config.quirks {
            if let Quirk::StuckAt(stuck) = quirk {
                limit = *stuck;
            }
        }
        if self.has(Quirk::DisobeysLimits) { maximum } else { limit }
    }
}

fn reset(effects: &mut Vec<Deferred>, reason: StopReason) -> Answer {
    effects.push(Deferred::Reset(reason));
    status("Accepted")
}
