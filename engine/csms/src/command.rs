//! What operators ask for: done, carried to a station, or refused with every reason. Each leaves an audit record.

use std::collections::{BTreeMap, BTreeSet};

use charging::network::{EvseConfig, Network, SiteConfig};
use charging::plan::{Strategy, Wish};
use charging::site::SiteEvent;
use charging::terms::{Commanded, Terms};
use units::{EvseId, IdToken, RequestId, SiteId, StationId, TimeSpan, Timestamp, WattHours};

use crate::call::{Priority, Purpose, Waiter};
use crate::contract::{Command, CommandAnswer, Effect};
use crate::control::SiteIndex;
use crate::csms::Csms;
use crate::message::Call;
use crate::outbox::Wait;
use crate::query::Acknowledged;
use crate::quirks::RemoteTokens;
use crate::record::{AuditRow, Record, SiteRow, TermsRow};
use crate::security::PasswordChange;
use crate::station::{Station, outcome_in_words};
use crate::upkeep;
use crate::wire::{self, RawCall};

/// Nobody wishes for more in one transaction.
const WISHED_MOST: WattHours = WattHours::from_watt_hours(1_000_000);
/// Nobody plans a departure that is further ahead.
const WISHED_WITHIN: TimeSpan = TimeSpan::from_hours(31 * 24);

/// Who asked for what.
struct Asked {
    request: RequestId,
    actor: Box<str>,
    station: Option<StationId>,
    what: String,
}

/// What became of a command at once.
enum Course {
    Ended(CommandAnswer),
    /// A station has to answer first.
    Sent {
        place: usize,
        call: Call,
    },
    /// The answer comes, with its audit, once stations have answered.
    Later,
}

impl Csms {
    pub(crate) fn command(&mut self, now: Timestamp, request: RequestId, actor: Box<str>, command: Command) {
        let asked = Asked { request, actor, station: station_of(&command), what: in_words(&command) };
        let course = match command {
            Command::ConfigureSite(config) => Ok(self.configure_site(now, *config)),
            Command::AddEvses { site, evses } => self.add_evses(now, &site, evses),
            Command::Call { station, action, payload } => self.raw_call(now, &station, action, payload),
            Command::Start { evse, token } => self.remote_start(now, &evse, token),
            Command::Stop { evse } => self.remote_stop(&evse),
            Command::Secure { station, profile, password, lowering } => {
                Ok(Course::Ended(match self.secure(now, &station, profile, password, lowering) {
                    Ok(()) => CommandAnswer::Done,
                    Err(reasons) => CommandAnswer::Refused(reasons),
                }))
            }
            Command::Acknowledge { alarm } => self.acknowledge(now, &asked.actor, &alarm),
            Command::Share { site, strategy } => self.share(now, &site, strategy),
            Command::Terms { site, terms } => self.take_terms(now, site, *terms),
            Command::Wish { evse, wish } => self.wish(now, evse, wish),
            Command::Decommission { evse, is_decommissioned } => {
                self.decommission(now, evse, is_decommissioned)
            }
            Command::Upkeep(command) => {
                let answer = self.upkeep_command(now, request, &asked.actor, command);
                Ok(answer.map_or(Course::Later, Course::Ended))
            }
        };
        match course.unwrap_or_else(|reason| Course::Ended(CommandAnswer::Refused(vec![reason]))) {
            Course::Ended(answer) => {
                self.core.out.persist(Record::Audit(AuditRow {
                    at: self.core.wall(now),
                    actor: asked.actor.into_string(),
                    station: asked.station,
                    what: asked.what,
                    outcome: outcome_in_words(&answer),
                }));
                self.core.out.push(Wait::ForRecords, Effect::Answer { request: asked.request, answer });
            }
            Course::Later => {}
            Course::Sent { place, call } => {
                let Asked { request, actor, what, .. } = asked;
                let station = &mut self.stations[place];
                station.flush_control(&mut self.core);
                let waiter = Waiter::Request(request);
                let purpose = Purpose::Operator { waiter, actor, what };
                station.enqueue(&mut self.core, now, Priority::Operator, call, purpose);
                station.pump(&mut self.core, now);
                self.rewake(place);
            }
        }
    }

    fn configure_site(&mut self, now: Timestamp, config: SiteConfig) -> Course {
        let mut problems: Vec<String> = self.conflicts(&config);
        problems.extend(self.lists_against(&config));
        let network = match Network::build(config.clone()) {
            Ok(network) => network,
            Err(found) => {
                problems.extend(found.iter().map(ToString::to_string));
                return Course::Ended(CommandAnswer::Refused(problems));
            }
        };
        if !problems.is_empty() {
            return Course::Ended(CommandAnswer::Refused(problems));
        }
        self.core.out.persist(Record::Site(Box::new(SiteRow { config: config.clone() })));
        self.put_site(now, config, network);
        Course::Ended(CommandAnswer::Done)
    }

    fn add_evses(&mut self, now: Timestamp, site: &SiteId, evses: Vec<EvseConfig>) -> Result<Course, String> {
        let index = self.known_site(site)?;
        let mut config = self.core.sites.config(index).clone();
        for evse in &evses {
            if config.evses.iter().any(|known| known.id.station == evse.id.station) {
                return Err(format!("station {} is in site {site} already", evse.id.station));
            }
        }
        config.evses.extend(evses);
        Ok(self.configure_site(now, config))
    }

    /// Puts a checked site and its stations.
    fn put_site(&mut self, now: Timestamp, config: SiteConfig, network: Network) {
        let before = self.core.sites.index_of(&config.id);
        let was_in_use: BTreeMap<EvseId, bool> = before
            .map(|index| &self.core.sites.config(index).evses)
            .into_iter()
            .flatten()
            .map(|evse| (evse.id.clone(), evse.is_in_use))
            .collect();
        let index = self.core.sites.put(now, config.clone(), network, BTreeMap::new());
        self.core.sites.tell_commands(now, index, self.core.wall_offset);
        let named: BTreeSet<&StationId> = config.evses.iter().map(|evse| &evse.id.station).collect();
        let dropped: Vec<usize> = (0..self.stations.len())
            .filter(|&place| before.is_some() && self.stations[place].site == before)
            .filter(|&place| !named.contains(self.stations[place].id()))
            .collect();
        for place in dropped {
            self.dismiss(now, place);
        }
        for id in named {
            let place = match self.station_by_id.get(id) {
                Some(&place) => {
                    self.stations[place].configure(index, &config);
                    place
                }
                None => self.push_station(Station::new(id.clone(), index, &config, now)),
            };
            self.stations[place].row_changed();
            self.stations[place].persist_row_if_changed(&mut self.core);
            self.stations[place].introduce(&mut self.core, now);
            self.leave_lobby(now, place);
            self.rewake(place);
        }
        // What an operator decided since stays, unless the configuration says otherwise now.
        for evse in &config.evses {
            if was_in_use.get(&evse.id).is_some_and(|&before| before != evse.is_in_use) {
                let event = SiteEvent::Decommissioned(evse.id.clone(), !evse.is_in_use);
                self.core.sites.apply(now, index, event);
            }
        }
    }

    /// EVSEs, stations and meters belong to one site.
    fn conflicts(&self, config: &SiteConfig) -> Vec<String> {
        let mut problems = Vec::new();
        for (other, _) in self.core.sites.iter().filter(|(other, _)| other.id != config.id) {
            let theirs: BTreeSet<&StationId> = other.evses.iter().map(|evse| &evse.id.station).collect();
            let ours: BTreeSet<&StationId> = config.evses.iter().map(|evse| &evse.id.station).collect();
            for station in ours.intersection(&theirs) {
                problems
                    .push(format!("station {station} belongs to site {}: take it out there first", other.id));
            }
            let meters = |config: &SiteConfig| -> BTreeSet<units::MeterId> {
                config
                    .circuits
                    .iter()
                    .filter_map(|circuit| Some(circuit.meter.as_ref()?.id.clone()))
                    .collect()
            };
            for meter in meters(config).intersection(&meters(other)) {
                problems.push(format!("meter {meter} belongs to site {}: name another one", other.id));
            }
        }
        problems
    }

    fn raw_call(
        &mut self,
        now: Timestamp,
        id: &StationId,
        action: Box<str>,
        payload: Box<str>,
    ) -> Result<Course, String> {
        let place = self.known_station(id)?;
        if let Some(reason) = self.stations[place].is_harmed_by(&action, &payload) {
            return Err(reason);
        }
        match wire::examine_raw(self.stations[place].version(), &action, &payload) {
            RawCall::Plain => Ok(Course::Sent { place, call: Call::Raw { action, payload } }),
            RawCall::Start { evse, token } => {
                self.remote_start(now, &EvseId { station: id.clone(), number: evse }, token)
            }
            RawCall::AdmittingList if self.starts_alone(place) => {
                Ok(Course::Sent { place, call: Call::Raw { action, payload } })
            }
            RawCall::AdmittingList => Err(wire::ADMITTING_LIST_REFUSED.to_owned()),
            RawCall::Refused(reason) => Err(reason),
        }
    }

    /// Control counts with starts that nobody accepted at all EVSEs of the station.
    fn starts_alone(&self, place: usize) -> bool {
        let station = &self.stations[place];
        station.site.is_some_and(|site| {
            let evses = &self.core.sites.config(site).evses;
            evses.iter().filter(|evse| evse.id.station == *station.id()).all(|evse| evse.starts_alone)
        })
    }

    /// From our acceptance on the EVSE counts as able to start (S1): the call goes out only then.
    fn remote_start(&mut self, now: Timestamp, evse: &EvseId, token: IdToken) -> Result<Course, String> {
        let place = self.known_station(&evse.station)?;
        let station = &self.stations[place];
        let slot = station.evse(evse.number).ok_or_else(|| format!("EVSE {evse} is unknown"))?;
        if let Some(current) = station.drawing(slot) {
            return Err(format!("EVSE {evse} is in transaction {current}"));
        }
        if !station.is_online() {
            return Ok(Course::Ended(CommandAnswer::NoAnswer(
                format!("station {} is offline", evse.station).into(),
            )));
        }
        let is_hexadecimal = token.as_str().bytes().all(|byte| byte.is_ascii_hexdigit());
        if station.known.quirks.remote_tokens == Some(RemoteTokens::Hexadecimal) && !is_hexadecimal {
            return Err(format!(
                "station {} takes starts from afar for tokens of hexadecimal digits only ({}): use such a token, or \
                 present this one at the station",
                evse.station,
                station.known.entries.join(", ")
            ));
        }
        let wall = self.core.wall(now);
        self.core.directory.authorise(&token, evse, wall).map_err(|refusal| refusal.to_string())?;
        let site = station.site.ok_or_else(|| format!("station {} is in no site", evse.station))?;
        self.core.sites.site(site).may_start(now, evse).map_err(|refusal| format!("S1: {refusal}"))?;
        self.core.sites.apply(now, site, SiteEvent::StartAllowed(evse.clone()));
        let number = self.core.next_start();
        self.core.persist_counters();
        Ok(Course::Sent { place, call: Call::Start { evse: evse.number, token, number } })
    }

    fn remote_stop(&mut self, evse: &EvseId) -> Result<Course, String> {
        let place = self.known_station(&evse.station)?;
        let station = &self.stations[place];
        let slot = station.evse(evse.number).ok_or_else(|| format!("EVSE {evse} is unknown"))?;
        let current = station.evses[slot].current.and_then(|id| station.transactions.open(id));
        let transaction = current.ok_or_else(|| format!("EVSE {evse} is in no transaction"))?.named();
        Ok(Course::Sent { place, call: Call::Stop { transaction } })
    }

    /// From one decision to the next: ceilings, proofs, turns and limits in force stay what they are.
    fn share(&mut self, now: Timestamp, site: &SiteId, strategy: Strategy) -> Result<Course, String> {
        let index = self.known_site(site)?;
        self.core.sites.set_strategy(now, index, strategy);
        let config = self.core.sites.config(index).clone();
        self.core.out.persist(Record::Site(Box::new(SiteRow { config })));
        Ok(Course::Ended(CommandAnswer::Done))
    }

    fn take_terms(&mut self, now: Timestamp, site: SiteId, mut terms: Terms) -> Result<Course, String> {
        let index = self.known_site(&site)?;
        let mut mistakes = terms.mistakes();
        let circuits = &self.core.sites.config(index).circuits;
        let is_unknown = |command: &&Commanded| circuits.iter().all(|circuit| circuit.id != command.circuit);
        mistakes.extend(terms.commands.iter().filter(is_unknown).map(|command| {
            let known: Vec<&str> = circuits.iter().map(|circuit| circuit.id.as_str()).collect();
            format!("commands: site {site} has no circuit {}; it has {}", command.circuit, known.join(", "))
        }));
        if !mistakes.is_empty() {
            return Ok(Course::Ended(CommandAnswer::Refused(mistakes)));
        }
        terms.forget_before(self.core.wall(now));
        self.core.sites.set_terms(now, index, terms.clone(), self.core.wall_offset);
        self.core.out.persist(Record::Terms(Box::new(TermsRow { site, terms })));
        Ok(Course::Ended(CommandAnswer::Done))
    }

    fn wish(&mut self, now: Timestamp, evse: EvseId, wish: Wish) -> Result<Course, String> {
        let place = self.known_station(&evse.station)?;
        let station = &self.stations[place];
        let slot = station.evse(evse.number).ok_or_else(|| format!("EVSE {evse} is unknown"))?;
        if station.evses[slot].current.is_none() {
            return Err(format!("EVSE {evse} is in no transaction: start one first"));
        }
        let by_wall = self.core.wall(now);
        if let Some(departs_at) =
            wish.departs_at.filter(|at| *at <= by_wall || at.since(by_wall) > WISHED_WITHIN)
        {
            return Err(format!(
                "a departure at {departs_at} is not within a month of {by_wall}: name an instant after now"
            ));
        }
        if let Some(wanted) = wish.wanted.filter(|wanted| !(WattHours::ZERO..=WISHED_MOST).contains(wanted)) {
            return Err(format!("an energy of {wanted} is not from {} to {WISHED_MOST}", WattHours::ZERO));
        }
        let departs_at = wish.departs_at.map(|at| at - self.core.wall_offset);
        station.tell(&mut self.core, now, SiteEvent::Wished(evse, Wish { departs_at, ..wish }));
        station.flush_control(&mut self.core);
        Ok(Course::Ended(CommandAnswer::Done))
    }

    fn decommission(
        &mut self,
        now: Timestamp,
        evse: EvseId,
        is_decommissioned: bool,
    ) -> Result<Course, String> {
        let place = self.known_station(&evse.station)?;
        let station = &self.stations[place];
        if station.evse(evse.number).is_none() {
            return Err(format!("EVSE {evse} is unknown"));
        }
        station.tell(&mut self.core, now, SiteEvent::Decommissioned(evse, is_decommissioned));
        station.flush_control(&mut self.core);
        Ok(Course::Ended(CommandAnswer::Done))
    }

    fn acknowledge(&mut self, now: Timestamp, actor: &str, text: &str) -> Result<Course, String> {
        let at = self.core.wall(now);
        let found = self.core.alarms.iter_mut().find(|(alarm, _)| alarm.to_string() == text);
        let (_, state) =
            found.ok_or_else(|| format!("no alarm stands that says `{text}`: it may be over"))?;
        state.acknowledged.get_or_insert_with(|| Acknowledged { by: actor.to_owned(), at });
        Ok(Course::Ended(CommandAnswer::Done))
    }

    fn known_site(&self, site: &SiteId) -> Result<SiteIndex, String> {
        let index = self.core.sites.index_of(site);
        index.ok_or_else(|| format!("site {site} does not exist: import it first, or name one that there is"))
    }

    pub(crate) fn known_station(&self, id: &StationId) -> Result<usize, String> {
        let place = self.station_by_id.get(id).copied();
        place
            .filter(|&place| self.stations[place].site.is_some())
            .ok_or_else(|| format!("station {id} is unknown: name it in a site first"))
    }
}

/// The one station that a command concerns.
fn station_of(command: &Command) -> Option<StationId> {
    match command {
        Command::Call { station, .. } | Command::Secure { station, .. } => Some(station.clone()),
        Command::Start { evse, .. } | Command::Stop { evse } | Command::Decommission { evse, .. } => {
            Some(evse.station.clone())
        }
        Command::Wish { evse, .. } => Some(evse.station.clone()),
        Command::ConfigureSite(_)
        | Command::AddEvses { .. }
        | Command::Acknowledge { .. }
        | Command::Share { .. }
        | Command::Terms { .. }
        | Command::Upkeep(_) => None,
    }
}

/// For the audit: no token, and of payloads what may be logged.
fn in_words(command: &Command) -> String {
    match command {
        Command::ConfigureSite(config) => format!(
            "configure site {}: {} circuits, {} EVSEs",
            config.id,
            config.circuits.len(),
            config.evses.len()
        ),
        Command::AddEvses { site, evses } => {
            let named: Vec<String> = evses.iter().map(|evse| evse.id.to_string()).collect();
            format!("add {} to site {site}", named.join(", "))
        }
        Command::Call { station, action, payload } => {
            format!("call {action} at station {station} with {}", ocpp::redact(payload))
        }
        Command::Start { evse, .. } => format!("start at EVSE {evse}"),
        Command::Stop { evse } => format!("stop at EVSE {evse}"),
        Command::Secure { station, profile, password, lowering: _ } => {
            let password = match password {
                PasswordChange::Kept => "",
                PasswordChange::Set(_) => " and a new password",
            };
            format!("security profile {profile}{password} for station {station}")
        }
        Command::Acknowledge { alarm } => format!("acknowledge the alarm: {alarm}"),
        Command::Share { site, strategy: Strategy { allocator, planner } } => {
            format!("share site {site} by {} with planner {}", allocator.name(), planner.name())
        }
        Command::Terms { site, terms } => format!(
            "terms of site {site}: {} prices, {} expectations, {} commands",
            terms.energy.len(),
            terms.beside.len(),
            terms.commands.len()
        ),
        Command::Wish { evse, .. } => format!("a wish at EVSE {evse}"),
        Command::Decommission { evse, is_decommissioned: true } => format!("decommission EVSE {evse}"),
        Command::Decommission { evse, is_decommissioned: false } => format!("recommission EVSE {evse}"),
        Command::Upkeep(command) => upkeep::command::in_words(command),
    }
}
