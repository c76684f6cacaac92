//! What is known of a site at an instant, for whoever plans for it. Nothing here is safe or final: decisions stay with control.

use units::{Amperes, EvseId, Timestamp, Volts, WattHours, Watts};

use super::Site;
use super::decide::AtWorst;
use crate::network::{Loads, RowIndex};
use crate::plan::Wish;
use crate::terms::Commanded;

/// A site at an instant, as far as a planner needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// When.
    pub now: Timestamp,
    /// By row of the network: its name for people, and what the sessions below may draw together beside the base that is most
    /// likely; below 0 A where that alone is too much.
    pub headroom: Vec<(String, Amperes)>,
    /// By row: the base current that is most likely; positive is import.
    pub bases: Vec<Amperes>,
    /// Who can use current. Whoever takes none now, is not to be trusted or cannot be told is none of them: what they may
    /// draw is taken from the headroom.
    pub sessions: Vec<SessionNow>,
    /// What everything but EVSEs most likely draws at the grid connection, in total over the phases and at the nominal voltage;
    /// what photovoltaics make is taken off. 0 W or more: export counts as nothing.
    pub base: Watts,
    /// What commands that are or come into force leave on rows.
    pub commanded: Vec<CommandedRow>,
}

/// What a command leaves on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandedRow {
    /// The row.
    pub row: RowIndex,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What the sessions below may draw together then, beside the base that is most likely now; it may be below 0 A.
    pub headroom: Amperes,
    /// And what they might where nothing is commanded.
    pub uncommanded: Amperes,
}

/// A session that can use current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionNow {
    /// Where.
    pub evse: EvseId,
    /// Since when its transaction runs. Control's word is younger after a restart; who knows better corrects it.
    pub arrived: Timestamp,
    /// What it got in its transaction so far. Control counts no energy and says none; who does fills it in.
    pub delivered: Option<WattHours>,
    /// What its driver wants, as far as told.
    pub wish: Wish,
    /// The least it can use per phase.
    pub min: Amperes,
    /// The most it can use per phase: its EVSE's highest, or what it was learned to draw.
    pub max: Amperes,
    /// Limits are multiples of this.
    pub step: Amperes,
    /// What it is offered now.
    pub offered: Amperes,
    /// Its weight in its class.
    pub weight: u32,
    /// What each ampere per phase stands for: the sum of the voltages of the phases in use.
    pub voltage_total: Volts,
    /// The rows it loads.
    pub loads: Loads,
}

impl Site {
    /// What is known now, for whoever plans.
    #[must_use]
    pub fn situation(&self, now: Timestamp) -> Situation {
        let worst = self.all_at_worst(now);
        let mut headroom = self.likely_headroom(now, &worst);
        let mut sessions = Vec::new();
        for index in self.network.evse_indices() {
            let state = self.evse(index);
            if !state.takes_part() || state.counts_at_its_hardware() || state.was_seen_above_its_limit() {
                continue;
            }
            self.give_back_ceiling(index, &mut headroom, &worst);
            if state.record.learned.is_satisfied {
                continue;
            }
            let config = &self.network.evse(index).config;
            let terminals = state.record.occupied;
            let phases: i64 = terminals.iter().map(|(_, &is_in_use)| i64::from(is_in_use)).sum();
            let offer = state.demand.offer(now).unwrap_or(config.current_max);
            sessions.push(SessionNow {
                evse: config.id.clone(),
                arrived: state.arrived,
                delivered: None,
                wish: state.record.wish,
                min: state.minimum(),
                max: config.current_max.min(offer.max(state.minimum())),
                step: config.step,
                offered: state.limit_believed().unwrap_or(Amperes::ZERO),
                weight: config.weight,
                voltage_total: self.network.voltage_total_floor(phases.clamp(1, config.wiring.phases())),
                loads: self.network.loads(index, terminals).clone(),
            });
        }
        let names = self.network.rows().iter().map(|row| row.name.clone());
        let commanded = self.commanded_rows(now, &headroom);
        let base = self.base_now(now, &worst);
        let bases = self.likely_bases(now, &worst);
        Situation { now, headroom: names.zip(headroom).collect(), bases, sessions, base, commanded }
    }

    /// What commands leave of `headroom`, which is what their rows have now.
    fn commanded_rows(&self, now: Timestamp, headroom: &[Amperes]) -> Vec<CommandedRow> {
        let mut rows = Vec::new();
        for command in self.commands.iter().filter(|command| now < command.until) {
            for (place, row) in self.network.rows().iter().enumerate() {
                if self.network.circuit(row.circuit).id == command.circuit {
                    let uncommanded = headroom[place] + self.lowering(row, now);
                    let lowering = (row.limit() - command.limit).max(Amperes::ZERO);
                    let Commanded { from, until, .. } = *command;
                    rows.push(CommandedRow {
                        row: RowIndex::new(place),
                        from,
                        until,
                        headroom: uncommanded - lowering,
                        uncommanded,
                    });
                }
            }
        }
        rows
    }

    fn base_now(&self, now: Timestamp, worst: &[AtWorst]) -> Watts {
        let connections =
            self.network.circuit_indices().filter(|&at| self.network.circuit(at).parent.is_none());
        let base: Amperes = connections
            .map(|at| match self.circuit_base(at, now, worst) {
                Some((base, _)) => base.likely.iter().map(|(_, &current)| current).sum(),
                None => {
                    let rows = self.network.circuit(at).rows;
                    rows.iter().map(|(_, &row)| self.network.row(row).worst_base).sum::<Amperes>()
                }
            })
            .sum();
        base.max(Amperes::ZERO).at_voltage_floor(self.network.voltage_total_floor(1))
    }

    /// By row: what is left beside the base that is most likely and all ceilings.
    fn likely_headroom(&self, now: Timestamp, worst: &[AtWorst]) -> Vec<Amperes> {
        let bases = self.likely_bases(now, worst).into_iter().zip(self.sums_by_row(worst));
        let rows = self.network.rows().iter().zip(bases);
        rows.map(|(row, (base, ceilings))| row.limit() - self.lowering(row, now) - base - ceilings).collect()
    }

    /// By row: the base that is most likely, or as stated at worst where no meter tells.
    fn likely_bases(&self, now: Timestamp, worst: &[AtWorst]) -> Vec<Amperes> {
        let mut bases: Vec<Amperes> = self.network.rows().iter().map(|row| row.worst_base).collect();
        for index in self.network.circuit_indices() {
            let Some((base, _)) = self.circuit_base(index, now, worst) else { continue };
            for (phase, &row) in self.network.circuit(index).rows.iter() {
                bases[row.place()] = base.likely[phase];
            }
        }
        bases
    }
}
