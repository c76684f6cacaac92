//! Which limit drives each pilot.

use units::{Amperes, TimeSpan};

use super::config::Quirk;
use super::connector::EnergyFrom;
use super::{ConnectorNumber, Link, Station};
use crate::evse::Supply;

impl Station {
    pub(super) fn limits_due(&mut self) {
        let mut is_due = false;
        while self.reevaluate.first().is_some_and(|due| *due <= self.now) {
            self.reevaluate.pop_first();
            is_due = true;
        }
        is_due |=
            self.connectors.iter().any(|held| held.boundary.is_some_and(|boundary| boundary <= self.now));
        if is_due {
            self.apply_limits();
        }
    }

    /// Drives all pilots by the profiles as they merge now.
    pub(super) fn apply_limits(&mut self) {
        let sharers = self.sharers();
        let shown = self.clock.shows(self.now);
        let is_holding = self.link == Link::Down && self.has(Quirk::HoldsLimitWhileOffline);
        for index in 0..self.connectors.len() {
            let context = self.connectors[index].context(sharers);
            if is_holding {
                self.connectors[index].boundary = None;
                continue;
            }
            let merged = self.profiles.limit_at(shown, &context);
            let boundary = self
                .profiles
                .next_boundary(shown, &context)
                .map(|at| self.clock.true_time_of(at).max(self.now + TimeSpan::from_milliseconds(1)));
            let limit = self.applied_limit(context.connector, merged);
            let hangs = self.has(Quirk::HangsAtZero);
            let connector = &mut self.connectors[index];
            connector.boundary = boundary;
            connector.evse.set_limit(self.now, limit);
            if connector.evse.quantised() == Amperes::ZERO
                && let Some(running) = &mut connector.running
                && matches!(running.energy, EnergyFrom::Start | EnergyFrom::Answer)
            {
                running.was_paused = true;
                connector.is_hung |= hangs;
            }
            if connector.is_hung {
                connector.evse.set_supply(self.now, Supply::Withheld);
            }
        }
    }

    /// Closes or opens the contactor of a connector.
    pub(super) fn drive_supply(&mut self, number: ConnectorNumber) {
        let now = self.now;
        let Some(connector) = self.held_mut(number) else { return };
        let is_released = !connector.is_hung
            && connector.running.as_ref().is_some_and(|running| running.energy == EnergyFrom::Start);
        connector.evse.set_supply(now, if is_released { Supply::Released } else { Supply::Withheld });
    }

    /// Among how many connectors a cap of the station is shared.
    pub(super) fn sharers(&self) -> i64 {
        let running = self.connectors.iter().filter(|connector| connector.running.is_some()).count();
        i64::try_from(running.max(1)).unwrap_or(i64::MAX)
    }

    /// What the connector really applies where the profiles say `merged`.
    fn applied_limit(&self, number: ConnectorNumber, merged: Amperes) -> Amperes {
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
        if self.has(Quirk::IgnoresLowerLimits) {
            limit = limit.max(connector.evse.quantised());
        }
        for quirk in &self.config.quirks {
            if let Quirk::StuckAt(stuck) = quirk {
                limit = *stuck;
            }
        }
        if self.has(Quirk::DisobeysLimits) { maximum } else { limit }
    }
}
