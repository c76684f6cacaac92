//! S8: a restarted engine holds ceilings no lower than what may truly be drawn, and knows every transaction whose start
//! it acknowledged.

use csms::query::SiteView;
use units::{Phase, StationId, Timestamp, TransactionId};

use super::{Rule, Watch};
use crate::truth::{Truth, at_limit};

impl Watch {
    /// A station gets an acknowledgement of a transaction's message that begins so. What it said must be on the disk.
    pub fn judge_acknowledgement(
        &mut self,
        now: Timestamp,
        station: &StationId,
        beginning: &str,
        is_durable: bool,
    ) {
        self.verdicts.check(Rule::S8);
        if !is_durable {
            let text = format!(
                "station {station} gets the acknowledgement of a message that is not on the disk: {beginning}"
            );
            self.verdicts.fire(Rule::S8, now, text, &self.story);
        }
    }

    /// Judges what an engine knows right after its restart. `transactions` are those that run in the plant and whose
    /// id the station was told, by place of EVSE.
    pub fn judge_restart(
        &mut self,
        now: Timestamp,
        truth: &Truth,
        view: Option<&SiteView>,
        transactions: &[(usize, TransactionId)],
    ) {
        let Some(view) = view else {
            self.verdicts.check(Rule::S8);
            let text = "after the restart the site is not known".to_owned();
            self.verdicts.fire(Rule::S8, now, text, &self.story);
            return;
        };
        for (index, evse) in truth.evses().iter().enumerate() {
            self.verdicts.check(Rule::S8);
            let plant = self.evses[index].plant;
            // Who disobeys is counted at its worst from the second reading on, and nobody knows a wrong wiring.
            if !plant.may_draw || !plant.follows_limits || !self.evses[index].is_wired_right {
                continue;
            }
            let may_draw = at_limit(evse.wiring, plant.limit.min(plant.ev_max), plant.phases);
            let Some(line) = view.evses.iter().find(|line| line.evse == evse.id) else {
                let text = format!("after the restart EVSE {} is not known", evse.id);
                self.verdicts.fire(Rule::S8, now, text, &self.story);
                continue;
            };
            let ceiling = line.control.ceiling;
            if let Some(phase) = Phase::ALL.into_iter().find(|&phase| ceiling[phase] < may_draw[phase]) {
                let text = format!(
                    "after the restart EVSE {} is held to draw at most {} on {phase}, and may draw {}",
                    evse.id, ceiling[phase], may_draw[phase]
                );
                self.verdicts.fire(Rule::S8, now, text, &self.story);
            }
        }
        for &(index, id) in transactions {
            self.verdicts.check(Rule::S8);
            let evse = &truth.evses()[index].id;
            let known = view.evses.iter().find(|line| line.evse == *evse).and_then(|line| line.transaction);
            if known != Some(id) {
                let text = format!(
                    "after the restart transaction {id} at EVSE {evse}, whose start was acknowledged, is {known:?}"
                );
                self.verdicts.fire(Rule::S8, now, text, &self.story);
            }
        }
    }
}
