//! Each site's control loop: what happened goes in, and what it commands is handed to the stations.

use std::collections::{BTreeMap, BTreeSet};

use charging::network::{EvseConfig, Network, SiteConfig};
use charging::plan::{Plan, PlannerName, Strategy};
use charging::site::{Command, EvseRecord, Explanation, Site, SiteAlarm, SiteEvent};
use charging::terms::Terms;
use charging::wiring::WiringQuestion;
use units::{EvseId, MeterId, SiteId, StationId, TimeSpan, Timestamp};

use crate::outbox::Outbox;
use crate::planning::Planning;
use crate::quirks::MustBearZero;
use crate::reasons::Reasons;
use crate::record::{EvseRow, Record};

/// A site's place among the sites; it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SiteIndex(usize);

/// All sites.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    slots: Vec<Slot>,
    by_id: BTreeMap<SiteId, SiteIndex>,
    by_meter: BTreeMap<MeterId, SiteIndex>,
    /// Sites that something happened at since they were last settled.
    touched: BTreeSet<SiteIndex>,
    /// When each site wants its next decision.
    deadlines: BTreeSet<(Timestamp, SiteIndex)>,
}

#[derive(Debug)]
struct Slot {
    config: SiteConfig,
    site: Site,
    deadline: Option<Timestamp>,
    planning: Planning,
    /// By the wall clock.
    terms: Terms,
    reasons: Reasons,
    alarms: BTreeSet<SiteAlarm>,
    /// What control knows of each EVSE, as last persisted.
    records: BTreeMap<EvseId, EvseRecord>,
    /// Stations that are told their minimum where others are told 0 A.
    spared_zero: BTreeSet<StationId>,
}

/// What came of settling a site.
#[derive(Debug)]
pub(crate) struct Settled {
    pub index: SiteIndex,
    /// In the order in which they are to be sent, sheds first.
    pub commands: Vec<Command>,
    pub raised: Vec<SiteAlarm>,
    pub cleared: Vec<SiteAlarm>,
    /// Who is to plan for the site, where that is due.
    pub planner: Option<PlannerName>,
    /// There has been no plan for too long.
    pub is_plan_missed: bool,
    pub question: Option<WiringQuestion>,
    /// EVSEs that something else limits than was last told.
    pub explanations: Vec<Explanation>,
}

impl Sites {
    /// Puts a site, new or in place of the one with its id. What is known of the EVSEs that it keeps stays known, and so
    /// does what `records` tell.
    pub fn put(
        &mut self,
        now: Timestamp,
        config: SiteConfig,
        network: Network,
        records: BTreeMap<EvseId, EvseRecord>,
    ) -> SiteIndex {
        let id = config.id.clone();
        self.by_meter.retain(|_, index| self.slots[index.0].config.id != id);
        let strategy = config.strategy;
        let mut site = Site::new(network, now).sharing_by(strategy.allocator);
        let index = match self.by_id.get(&id) {
            Some(&index) => {
                let slot = &mut self.slots[index.0];
                slot.records.extend(records);
                site.inherit(now, slot.known());
                slot.config = config;
                slot.site = site;
                slot.spared_zero.clear();
                index
            }
            None => {
                let index = SiteIndex(self.slots.len());
                let mut slot = Slot {
                    config,
                    site,
                    deadline: None,
                    planning: Planning::default(),
                    terms: Terms::default(),
                    reasons: Reasons::default(),
                    alarms: BTreeSet::new(),
                    records,
                    spared_zero: BTreeSet::new(),
                };
                let known = slot.known();
                slot.site.restore(now, known);
                self.slots.push(slot);
                self.by_id.insert(id, index);
                index
            }
        };
        for meter in self.slots[index.0].config.circuits.iter().filter_map(|circuit| circuit.meter.as_ref()) {
            self.by_meter.insert(meter.id.clone(), index);
        }
        // A new site has no plan.
        let planning = &mut self.slots[index.0].planning;
        *planning = Planning::default();
        planning.set_planner(now, strategy.planner);
        self.touched.insert(index);
        index
    }

    /// Lets a site share out by another strategy from now on.
    pub fn set_strategy(&mut self, now: Timestamp, index: SiteIndex, strategy: Strategy) {
        let slot = &mut self.slots[index.0];
        slot.config.strategy = strategy;
        slot.planning.set_planner(now, strategy.planner);
        self.apply(now, index, SiteEvent::Strategy(strategy));
    }

    /// What energy and power cost at a site, and what others command, by a wall clock that is `offset` ahead. What is commanded
    /// counts from the next decision on, and whoever plans is asked anew.
    pub fn set_terms(&mut self, now: Timestamp, index: SiteIndex, terms: Terms, offset: TimeSpan) {
        self.slots[index.0].terms = terms;
        self.tell_commands(now, index, offset);
    }

    /// The wall clock is `offset` ahead from now on: what is commanded by it begins and ends at other instants.
    pub fn wall_moves(&mut self, now: Timestamp, offset: TimeSpan) {
        for place in 0..self.slots.len() {
            if !self.slots[place].terms.commands.is_empty() {
                self.tell_commands(now, SiteIndex(place), offset);
            }
        }
    }

    /// A site that was put anew knows nothing of what is commanded: it is told again.
    pub fn tell_commands(&mut self, now: Timestamp, index: SiteIndex, offset: TimeSpan) {
        let commands = self.slots[index.0].terms.shifted(TimeSpan::ZERO - offset).commands;
        self.apply(now, index, SiteEvent::Commanded(commands));
    }

    /// By the wall clock.
    pub fn terms(&self, index: SiteIndex) -> &Terms {
        &self.slots[index.0].terms
    }

    /// Nobody is there to plan for.
    pub fn needs_no_plan(&mut self, index: SiteIndex) {
        self.slots[index.0].planning.answered(true);
        self.touched.insert(index);
    }

    /// Takes the answer of whoever was asked for a plan; the site checks it.
    pub fn planned(&mut self, now: Timestamp, index: SiteIndex, plan: Option<Plan>) {
        let made_at = plan.as_ref().map(|plan| plan.made_at);
        if let Some(plan) = plan {
            self.apply(now, index, SiteEvent::PlanReady(plan));
        }
        let slot = &mut self.slots[index.0];
        let in_use = slot.site.plan().map(|plan| plan.made_at);
        slot.planning.answered(made_at.is_some() && in_use == made_at);
        self.touched.insert(index);
    }

    /// Persists what control learned of EVSEs: before an answer or a raise that rests on it leaves.
    pub fn flush(&mut self, index: SiteIndex, out: &mut Outbox) {
        let Slot { site, records, .. } = &mut self.slots[index.0];
        for (evse, control) in site.take_changed() {
            if records.get(evse) == Some(control) {
                continue;
            }
            out.persist(Record::Evse(Box::new(EvseRow { evse: evse.clone(), control: control.clone() })));
            records.insert(evse.clone(), control.clone());
        }
    }

    pub fn apply(&mut self, now: Timestamp, index: SiteIndex, event: SiteEvent) {
        let slot = &mut self.slots[index.0];
        slot.planning.note(now, &event);
        slot.site.apply(now, event);
        self.touched.insert(index);
    }

    /// Every site whose decision is due counts as touched.
    pub fn wake(&mut self, now: Timestamp) {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|&(_, index)| index);
        self.touched.extend(due.collect::<Vec<_>>());
    }

    /// The next site that something happened at: decided where a decision is due.
    pub fn settle(&mut self, now: Timestamp) -> Option<Settled> {
        let index = self.touched.pop_first()?;
        let slot = &mut self.slots[index.0];
        let is_due = slot.site.next_deadline().is_some_and(|deadline| deadline <= now);
        let commands = if is_due { slot.site.decide(now) } else { Vec::new() };
        if is_due {
            slot.reasons.decided();
        }
        let explanations = slot.reasons.take_changed(now, &slot.site);
        let (mut raised, mut cleared) = (Vec::new(), Vec::new());
        if *slot.site.alarms() != slot.alarms {
            raised = slot.site.alarms().difference(&slot.alarms).cloned().collect();
            cleared = slot.alarms.difference(slot.site.alarms()).cloned().collect();
            slot.alarms = slot.site.alarms().clone();
        }
        let planner = slot.planning.take_due(now);
        let is_plan_missed = slot.planning.is_missed(now);
        let beside = slot.planning.next_deadline().into_iter().chain(slot.reasons.next_deadline(now));
        let deadline = slot.site.next_deadline().into_iter().chain(beside).min();
        if deadline != slot.deadline {
            if let Some(old) = slot.deadline {
                self.deadlines.remove(&(old, index));
            }
            self.deadlines.extend(deadline.map(|deadline| (deadline, index)));
            slot.deadline = deadline;
        }
        let question = slot.site.take_wiring_question();
        Some(Settled { index, commands, raised, cleared, planner, is_plan_missed, question, explanations })
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Whether a station may be spared 0 A, and counted at its minimum instead: the site must meet S4 with it and all
    /// others that are.
    pub fn spare_zero(&mut self, index: SiteIndex, station: &StationId, wanted: bool) -> MustBearZero {
        let slot = &mut self.slots[index.0];
        slot.spared_zero.remove(station);
        if !wanted {
            return MustBearZero::No;
        }
        let mut config = slot.config.clone();
        let spared = |evse: &&mut EvseConfig| {
            evse.id.station == *station || slot.spared_zero.contains(&evse.id.station)
        };
        for evse in config.evses.iter_mut().filter(spared) {
            let least = evse.current_min.ceil_to(evse.step);
            evse.fallback = evse.fallback.max(least);
            evse.limit_expired = evse.limit_expired.max(least);
        }
        match Network::build(config) {
            Ok(_) => {
                slot.spared_zero.insert(station.clone());
                MustBearZero::No
            }
            Err(_) => MustBearZero::Yes,
        }
    }

    pub fn index_of(&self, site: &SiteId) -> Option<SiteIndex> {
        self.by_id.get(site).copied()
    }

    pub fn with_meter(&self, meter: &MeterId) -> Option<SiteIndex> {
        self.by_meter.get(meter).copied()
    }

    /// What control knows of an EVSE, as last persisted.
    pub fn record(&self, index: SiteIndex, evse: &EvseId) -> Option<&EvseRecord> {
        self.slots[index.0].records.get(evse)
    }

    pub fn config(&self, index: SiteIndex) -> &SiteConfig {
        &self.slots[index.0].config
    }

    pub fn site(&self, index: SiteIndex) -> &Site {
        &self.slots[index.0].site
    }

    /// All sites, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&SiteConfig, &Site)> {
        self.by_id.values().map(|index| &self.slots[index.0]).map(|slot| (&slot.config, &slot.site))
    }
}

impl Slot {
    fn known(&self) -> Vec<(EvseId, EvseRecord)> {
        self.records.iter().map(|(evse, record)| (evse.clone(), record.clone())).collect()
    }
}
