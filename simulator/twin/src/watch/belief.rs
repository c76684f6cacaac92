//! Belief equals confirmation: once nothing moves, what the engine holds true of a station is true of it.
//!
//! A station is quiet when its link has been up, no frame of it vanished, its transaction stayed the same and its limit
//! was not told anew for ninety seconds, all it had to say was acknowledged, and the engine ran and could commit all the while.
//! A limit that is decided and has not left yet is on its way; where nothing has left by the next look, it is judged.
//! Its limit is judged only where its answers confirm it. What a station offers that accepts 6 A and stays at 0 A until the
//! transaction ends (FIELD 4b.26) nobody is told, and control counts the 6 A, which is safe; one whose answers come after
//! 30 s is told its limits anew all the time, and the newest may still wait its turn.

use csms::query::SiteView;
use units::{Amperes, TimeSpan, Timestamp, TransactionId};

use super::{Engine, Rule, Watch};
use crate::truth::Truth;

/// Nothing moved for so long.
const QUIET: TimeSpan = TimeSpan::from_seconds(90);
/// A dead link is noticed within this: the longest time-out of a scenario's faults, and some.
const NOTICED: TimeSpan = TimeSpan::from_minutes(5);
/// A station whose clock was set is told its limits by the new clock within this: for ten minutes after its link is up,
/// or we answer again, what it says may have waited in its queue, and says nothing of its clock.
const CLOCK_SETTLED: TimeSpan = TimeSpan::from_minutes(12);

/// What a station has to say for itself, in truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// The running transaction, by the engine's number of what the station calls it.
    pub transaction: Option<TransactionId>,
    /// Whether all messages about transactions were acknowledged.
    pub is_all_acknowledged: bool,
}

impl Watch {
    /// Judges what the engine believes of the site. `told` is the truth of each EVSE.
    pub fn judge_belief(&mut self, now: Timestamp, truth: &Truth, view: &SiteView, told: &[Told]) {
        let (Engine::Up { since: up_since }, Some(well_since)) = (self.engine, self.storage_well_since)
        else {
            return;
        };
        let answers_since = up_since.max(well_since);
        if now.since(answers_since) < QUIET {
            return;
        }
        for (index, line) in view.evses.iter().enumerate() {
            let Some(told) = told.get(index).copied() else { continue };
            let evse = &self.evses[index];
            let id = &truth.evses()[index].id;
            let is_settled = |since: Option<Timestamp>| since.is_none_or(|since| now.since(since) >= QUIET);
            let mut wrongs = Vec::new();
            match (evse.plant.is_reachable, now.since(evse.link_since)) {
                (true, span) if span >= QUIET && !line.is_online => {
                    wrongs.push("holds it offline".to_owned())
                }
                (false, span) if span >= NOTICED && line.is_online => {
                    wrongs.push(format!("holds it online, and its link is dead for {span}"));
                }
                (true | false, _) => {}
            }
            let is_quiet = evse.plant.is_reachable
                && now.since(evse.link_since) >= QUIET
                && now.since(evse.transaction_since) >= QUIET
                && is_settled(evse.frame_lost_at)
                && told.is_all_acknowledged;
            if is_quiet {
                self.verdicts.check(Rule::Belief);
                let known = line.transaction;
                if known != told.transaction {
                    wrongs.push(format!("holds transaction {known:?} to run, {:?} does", told.transaction));
                }
                let is_clock_settled = evse
                    .clock_set_at
                    .is_none_or(|at| now.since(at.max(evse.link_since).max(answers_since)) >= CLOCK_SETTLED);
                let is_told = evse.plant.may_draw && is_settled(evse.limit_sent_at) && is_clock_settled;
                let confirms = evse.plant.follows_limits && evse.plant.confirms_limits;
                // What was just decided is on its way: it waits for its record, or for the call before it.
                let is_untold = line.control.limit != evse.live;
                let is_on_its_way = is_untold && !evse.was_untold;
                let is_judged = is_told && confirms && !is_on_its_way;
                if let Some(believed) = line.control.limit.filter(|_| is_judged)
                    && believed != evse.plant.limit
                {
                    wrongs.push(format!("holds {believed} in force, {} is", evse.plant.limit));
                }
            }
            self.evses[index].was_untold = line.control.limit != self.evses[index].live;
            for wrong in wrongs {
                let text = format!("EVSE {id} is quiet, and yet the engine {wrong}");
                self.verdicts.fire(Rule::Belief, now, text, &self.story);
            }
        }
    }

    /// Restored equals uncrashed: what `restored` differs in from the engine that lives, told as lines.
    pub fn judge_restored(&mut self, now: Timestamp, differences: &[String]) {
        self.verdicts.check(Rule::Restored);
        for difference in differences {
            let text = format!("an engine restored now would differ: {difference}");
            self.verdicts.fire(Rule::Restored, now, text, &self.story);
        }
    }

    /// Whether records can be committed.
    pub fn storage_is(&mut self, well_since: Option<Timestamp>) {
        self.storage_well_since = well_since;
    }

    /// The clocks of these EVSEs' station jumped or were set loose.
    pub fn clock_set(&mut self, now: Timestamp, evses: &[usize]) {
        for &evse in evses {
            self.evses[evse].clock_set_at = Some(now);
        }
    }

    /// A transaction began or ended at an EVSE.
    pub fn transaction_changed(&mut self, now: Timestamp, index: usize) {
        self.evses[index].transaction_since = now;
    }

    /// A live limit left for an EVSE. A renewal tells nothing anew, unless what it renews has run out.
    pub(super) fn limit_sent(
        &mut self,
        now: Timestamp,
        index: usize,
        before: Option<Amperes>,
        limit: Amperes,
    ) {
        if before != Some(limit) || self.evses[index].plant.limit != limit {
            self.evses[index].limit_sent_at = Some(now);
            self.evses[index].was_untold = false;
        }
    }
}
