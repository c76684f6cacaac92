//! Tokens, and the transactions that they start and stop.

use units::{IdToken, TimeSpan};

use super::config::{Authorization, OcppVersion, Purpose, Quirk, TxStart, TxStop};
use super::connector::{Authorised, EnergyFrom, Offer, Running};
use super::outbox::{Call, Cause, Fact, TransactionRecord};
use super::profile::Profile;
use super::settings::Setting;
use super::{ConnectorNumber, Link, Power, Registration, Station, StopReason};
use crate::evse::Supply;

impl Station {
    /// A token is held to the reader of a connector.
    pub(super) fn present(&mut self, number: ConnectorNumber, token: IdToken) {
        if self.power != Power::On {
            return;
        }
        let Some(connector) = self.held(number) else { return };
        if connector.is_hung || !connector.is_operative {
            return;
        }
        if let Some(running) = &connector.running
            && let Some(started_with) = &running.token
        {
            if *started_with == token && running.energy != EnergyFrom::Never {
                self.withdraw(number, StopReason::Local, Some(token));
            }
            return;
        }
        let offer = Offer::card(token);
        if self.link == Link::Down || self.registration != Registration::Accepted {
            self.authorise_offline(number, offer);
        } else if self.settings.flag(Setting::LocalPreAuthorize) && self.known_tokens.contains(&offer.token) {
            self.authorised(number, offer, EnergyFrom::Start);
        } else {
            match self.config.authorization {
                Authorization::BeforeStart => self.outbox.push(Call::Authorize { connector: number, offer }),
                Authorization::ByStart => self.authorised(number, offer, EnergyFrom::Answer),
            }
        }
    }

    pub(super) fn authorise_offline(&mut self, number: ConnectorNumber, offer: Offer) {
        let is_known = self.known_tokens.contains(&offer.token);
        let is_allowed = self.settings.flag(Setting::LocalAuthorizeOffline)
            && (is_known || self.settings.flag(Setting::OfflineUnknownId));
        if is_allowed {
            self.authorised(number, offer, EnergyFrom::Start);
        }
    }

    /// A token may start at a connector: at once where all is there, else it waits for the cable.
    pub(super) fn authorised(&mut self, number: ConnectorNumber, offer: Offer, energy: EnergyFrom) {
        let expires_at = self.now + self.connection_timeout();
        let Some(connector) = self.held_mut(number) else { return };
        match connector.running.as_ref().map(|running| running.energy) {
            None => {
                let cause = if offer.remote_start.is_some() { Cause::RemoteStart } else { Cause::Authorized };
                connector.authorised = Some(Authorised { offer, expires_at, energy });
                self.begin_if_possible(number, cause);
            }
            Some(EnergyFrom::Token) => self.authorised_while_running(number, offer, energy),
            Some(EnergyFrom::Start | EnergyFrom::Answer | EnergyFrom::Never) => {}
        }
    }

    /// The token comes to a transaction that began with the EV.
    fn authorised_while_running(&mut self, number: ConnectorNumber, offer: Offer, energy: EnergyFrom) {
        let Some(running) = self.held_mut(number).and_then(|held| held.running.as_mut()) else { return };
        running.token = Some(offer.token.clone());
        running.energy = energy;
        let local = running.local;
        let cause = if offer.remote_start.is_some() { Cause::RemoteStart } else { Cause::Authorized };
        if let Some(record) = self.outbox.records.get_mut(&local) {
            record.kind = offer.kind;
            record.remote_start = offer.remote_start;
        }
        self.install_started(offer.profile);
        self.apply_limits();
        self.drive_supply(number);
        let fact = Fact::Changed { cause, token: Some(offer.token) };
        self.tell_transaction(number, local, self.stamp(), fact);
    }

    /// An EV is there: it begins a transaction, completes one, or waits.
    pub(super) fn plugged_in(&mut self, number: ConnectorNumber) {
        let at = self.stamp();
        let Some(connector) = self.held_mut(number) else { return };
        if let Some(running) = &mut connector.running {
            running.cable_due = None;
            let local = running.local;
            let fact = Fact::Changed { cause: Cause::CablePluggedIn, token: None };
            self.tell_changed(number, local, at, fact);
        } else {
            self.begin_if_possible(number, Cause::CablePluggedIn);
        }
    }

    /// Begins a transaction where its start point is reached.
    fn begin_if_possible(&mut self, number: ConnectorNumber, cause: Cause) {
        let (now, started_shown, at) = (self.now, self.clock.shows(self.now), self.stamp());
        let local = self.transactions_started + 1;
        let interval = self.settings.interval(Setting::SampleInterval);
        let cable_due = now + self.connection_timeout();
        let tx_start = self.tx_start();
        let Some(connector) = self.held_mut(number) else { return };
        let has_ev = connector.evse.ev().is_some();
        let has_token = connector.authorised.is_some();
        let is_reached = match tx_start {
            TxStart::EvConnected => has_ev,
            TxStart::Authorized => has_token,
            TxStart::PowerPathClosed => has_ev && has_token,
        };
        if !is_reached || connector.running.is_some() || !connector.is_operative || connector.is_hung {
            return;
        }
        let authorised = connector.authorised.take();
        let energy = authorised.as_ref().map_or(EnergyFrom::Token, |authorised| authorised.energy);
        let offer = authorised.map(|authorised| authorised.offer);
        connector.evse.advance(now);
        let register_at_start = connector.evse.register();
        let token = offer.as_ref().map(|offer| offer.token.clone());
        connector.running = Some(Running {
            local,
            token: token.clone(),
            started_at: now,
            started_shown,
            register_at_start,
            energy,
            was_paused: false,
            cable_due: (!has_ev).then_some(cable_due),
            told: None,
        });
        connector.is_finishing = false;
        connector.schedule_sample(now, interval);
        self.transactions_started = local;
        let name = match self.config.version {
            OcppVersion::V16 => None,
            OcppVersion::V201 => Some(self.outbox.own_name(local)),
        };
        let record = TransactionRecord {
            connector: number,
            kind: offer.as_ref().map_or("NoAuthorization", |offer| offer.kind),
            remote_start: offer.as_ref().and_then(|offer| offer.remote_start),
            meter_start: register_at_start.watt_hours_floor(),
            name,
            told: 0,
            is_over: false,
        };
        self.outbox.records.insert(local, record);
        self.install_started(offer.and_then(|offer| offer.profile));
        self.apply_limits();
        self.drive_supply(number);
        self.tell_transaction(number, local, at, Fact::Began { cause, token });
    }

    /// The profile that came with a remote start.
    fn install_started(&mut self, profile: Option<Box<Profile>>) {
        if let Some(profile) = profile
            && let Ok(profile) = self.admit(*profile)
        {
            self.profiles.set(profile);
        }
    }

    /// The backend judged the token of a transaction.
    pub(super) fn start_answered(&mut self, number: ConnectorNumber, local: u64, is_accepted: bool) {
        let stops = self.settings.flag(Setting::StopOnInvalidId);
        let Some(running) = self.held_mut(number).and_then(|held| held.running.as_mut()) else { return };
        if running.local != local || running.energy == EnergyFrom::Never {
            return;
        }
        if is_accepted {
            running.energy = EnergyFrom::Start;
        } else if stops {
            self.withdraw(number, StopReason::DeAuthorized, None);
        } else {
            running.energy = EnergyFrom::Answer;
        }
        self.apply_limits();
        self.drive_supply(number);
    }

    /// The authorization of a transaction ends, and with it, where that is the stop point, the transaction.
    pub(super) fn withdraw(&mut self, number: ConnectorNumber, reason: StopReason, token: Option<IdToken>) {
        let goes_on = match (self.config.version, self.config.tx_stop) {
            (OcppVersion::V16, _) | (OcppVersion::V201, TxStop::Authorized) => false,
            (OcppVersion::V201, TxStop::EvConnected) => {
                self.held(number).is_some_and(|held| held.evse.ev().is_some())
            }
        };
        if !goes_on {
            self.end_transaction(number, reason, token);
            return;
        }
        let Some(running) = self.held_mut(number).and_then(|held| held.running.as_mut()) else { return };
        running.energy = EnergyFrom::Never;
        let local = running.local;
        self.apply_limits();
        self.drive_supply(number);
        let fact = Fact::Changed { cause: Cause::Withdrawn(reason), token };
        self.tell_changed(number, local, self.stamp(), fact);
    }

    /// What OCPP 1.6 has no message for.
    fn tell_changed(&mut self, number: ConnectorNumber, local: u64, at: String, fact: Fact) {
        match self.config.version {
            OcppVersion::V16 => {}
            OcppVersion::V201 => self.tell_transaction(number, local, at, fact),
        }
    }

    pub(super) fn end_transaction(
        &mut self,
        number: ConnectorNumber,
        reason: StopReason,
        token: Option<IdToken>,
    ) {
        let at = self.stamp();
        self.end_transaction_at(number, reason, token, at);
    }

    pub(super) fn end_transaction_at(
        &mut self,
        number: ConnectorNumber,
        reason: StopReason,
        token: Option<IdToken>,
        at: String,
    ) {
        let now = self.now;
        let Some(connector) = self.held_mut(number) else { return };
        let Some(running) = connector.running.take() else { return };
        connector.evse.set_supply(now, Supply::Withheld);
        connector.sample_due = None;
        connector.authorised = None;
        connector.is_finishing = connector.evse.ev().is_some();
        if std::mem::take(&mut connector.becomes_inoperative) {
            connector.is_operative = false;
        }
        let register = connector.evse.register().watt_hours_floor();
        let meter_stop = if self.has(Quirk::MeterStopUnknown) {
            -1
        } else if self.has(Quirk::MeterStopOneBelow) {
            register - 1
        } else {
            register
        };
        self.tell_transaction(number, running.local, at, Fact::Ended { meter_stop, reason, token });
        if self.has(Quirk::DuplicatesStopTransaction) {
            self.outbox.say_last_again();
        }
        // "A TxProfile SHALL be deleted when the transaction is finished" (OCPP 1.6 section 3.13.1).
        self.profiles.retain(|profile| profile.purpose != Purpose::TxProfile || profile.connector != number);
        self.apply_limits();
    }

    /// Where a transaction starts: OCPP 1.6 has no choice.
    const fn tx_start(&self) -> TxStart {
        match self.config.version {
            OcppVersion::V16 => TxStart::PowerPathClosed,
            OcppVersion::V201 => self.config.tx_start,
        }
    }

    fn connection_timeout(&self) -> TimeSpan {
        self.settings.interval(Setting::ConnectionTimeOut).unwrap_or(TimeSpan::from_seconds(60))
    }
}
