//! The whole control loop of one site, second by second: readings come in, decisions fall, stations obey.

use charging::ceiling::ExpiryTrust;
use charging::network::EvseIndex;
use charging::site::{Command, CommandKind, DispatchAnswer, EvState, Measurement, Site, SiteEvent};
use units::{Amperes, TimeSpan, Timestamp};

use crate::decision::SEED;
use crate::evs::{Evs, METER, is_active, metered_site};
use crate::fingerprint::Fingerprint;

/// Stations measure their EVSE this often, in seconds, evenly spread.
const MEASURE_EVERY: usize = 60;
/// The grid meter is read this often, in seconds.
const READ_EVERY: i64 = 10;

/// A site with some EVs, in the middle of its day.
#[derive(Debug)]
pub struct SiteLoop {
    site: Site,
    evs: Evs,
    active: Vec<EvseIndex>,
    /// By place of the EVSE: the limit it obeys.
    limits: Vec<Amperes>,
    now: Timestamp,
    second: i64,
    /// Measurements so far.
    measured: usize,
    commands: Fingerprint,
}

impl SiteLoop {
    /// `active` of `evses` EVSEs are in a transaction; two minutes have passed.
    #[must_use]
    pub fn new(active: usize, evses: usize) -> Self {
        let now = Timestamp::EPOCH + TimeSpan::from_hours(24 * 365 * 50);
        let evs = Evs::new(SEED, metered_site(SEED, evses));
        let site = Site::new(evs.network().clone(), now);
        let of_evse = |index: &EvseIndex| is_active(index.place(), active, evses);
        let active = evs.network().evse_indices().filter(of_evse).collect();
        let limits = vec![Amperes::ZERO; evses];
        let (second, measured, commands) = (0, 0, Fingerprint::default());
        let mut site = Self { site, evs, active, limits, now, second, measured, commands };
        site.begin();
        for _ in 0..120 {
            site.pass_second();
            let commands = site.decide();
            site.obey(commands);
        }
        site
    }

    fn begin(&mut self) {
        let ids: Vec<_> = self.evs.network().evses().iter().map(|evse| evse.config.id.clone()).collect();
        for id in &ids {
            self.site.apply(self.now, SiteEvent::LinkUp(id.station.clone()));
            self.site.apply(self.now, SiteEvent::Clock(id.station.clone(), ExpiryTrust::Trusted));
        }
        self.pass_second();
        let fallbacks = self.decide();
        self.obey(fallbacks);
        for index in self.active.clone() {
            let id = ids[index.place()].clone();
            self.site.apply(self.now, SiteEvent::TransactionStarted(id.clone()));
            self.site.apply(self.now, SiteEvent::EvState(id, EvState::Charging));
        }
    }

    /// What happens in one second: some stations measure, and every ten seconds the meter is read.
    pub fn pass_second(&mut self) {
        self.now += TimeSpan::from_seconds(1);
        self.second += 1;
        let due = self.active.len() * usize::try_from(self.second).unwrap_or(0) / MEASURE_EVERY;
        while self.measured < due {
            self.measure(self.active[self.measured % self.active.len()]);
            self.measured += 1;
        }
        if self.second % READ_EVERY == 0
            && let Ok(meter) = METER.parse()
        {
            let current = self.evs.metered(&self.limits);
            self.site.apply(self.now, SiteEvent::GridReading { meter, taken_at: self.now, current });
        }
    }

    /// One decision, where one is due.
    pub fn decide(&mut self) -> Vec<Command> {
        self.site.decide(self.now)
    }

    /// Stations do as they are told, and say so.
    pub fn obey(&mut self, commands: Vec<Command>) {
        // Nobody commits them here; left alone they would pile up.
        self.site.take_changed().for_each(drop);
        for command in commands {
            self.commands.value(&command);
            let Some(index) = self.evs.network().evse_by_id(&command.evse) else { continue };
            match command.kind {
                CommandKind::SetLive { limit, .. } => self.limits[index.place()] = limit,
                CommandKind::SetFallback { .. } => {}
                CommandKind::Measure => self.measure(index),
            }
            self.site.apply(self.now, SiteEvent::Answered(command.ticket, DispatchAnswer::Accepted));
        }
    }

    fn measure(&mut self, index: EvseIndex) {
        let limit = self.limits[index.place()];
        let current = self.evs.drawn(index.place(), limit).map(Some);
        let measurement = Measurement { taken_at: self.now, current, offered: Some(limit) };
        let evse = self.evs.network().evse(index).config.id.clone();
        self.site.apply(self.now, SiteEvent::Measured(evse, measurement));
    }

    /// How many EVSEs draw now.
    #[must_use]
    pub fn charging(&self) -> usize {
        self.limits.iter().filter(|&&limit| limit > Amperes::ZERO).count()
    }

    /// Of all commands so far.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_in_its_day_charges_and_the_same_day_gives_the_same_commands() {
        let mut site = SiteLoop::new(22, 54);
        let begun = site.fingerprint();
        for _ in 0..60 {
            site.pass_second();
            let commands = site.decide();
            site.obey(commands);
        }
        assert!(site.charging() >= 10, "only {} of 22 charge", site.charging());
        assert_ne!(site.fingerprint(), begun, "a minute without one command");
        assert_eq!(SiteLoop::new(22, 54).fingerprint(), begun);
    }
}
