//! Recovery time: once the last fault has healed, full service is back within [`RECOVERY`]: every link is up and known to
//! be, and no alarm stands but one that a person must clear.

use std::collections::BTreeMap;

use charging::site::SiteAlarm;
use csms::Alarm;
use units::{TimeSpan, Timestamp};

use super::{Rule, Watch};
use crate::fault::Fault;
use crate::scenario::Scenario;

/// The longest boot, reconnection and retry of a refused limit, twice.
pub const RECOVERY: TimeSpan = TimeSpan::from_minutes(15);

/// When the last fault has healed; none where one never does.
#[must_use]
pub fn healed_at(scenario: &Scenario) -> Option<Timestamp> {
    let mut healed = scenario.starts_at;
    for fault in &scenario.faults {
        let lasts = match fault {
            // They change nothing that recovers: service is judged all the same.
            Fault::NonsensePlans { .. } => continue,
            Fault::WrongWiring { .. } | Fault::CrashAtCommits { .. } | Fault::WallClock { .. } => {
                return None;
            }
            Fault::LinkLoss { .. }
            | Fault::FrameLoss { .. }
            | Fault::FrameDuplication { .. }
            | Fault::FrameDelay { .. }
            | Fault::Meter { .. }
            | Fault::StationReboot { .. }
            | Fault::StationClock { .. }
            | Fault::Quirk { .. }
            | Fault::PowerCut { .. }
            | Fault::Derating { .. }
            | Fault::EngineCrash { .. }
            | Fault::DiskFull { .. } => fault.span()?.until,
        };
        if lasts == Timestamp::MAX {
            return None;
        }
        healed = healed.max(lasts);
    }
    Some(healed)
}

impl Watch {
    /// Judges what is not well `now`. `alarms` stand since the instants given.
    pub fn judge_recovery(&mut self, now: Timestamp, alarms: &BTreeMap<Alarm, Timestamp>) {
        let Some(healed) = self.healed_at else { return };
        if now.since(healed) < RECOVERY {
            return;
        }
        self.verdicts.check(Rule::Recovery);
        let mut wrongs = Vec::new();
        for evse in self.evses.iter().filter(|evse| !evse.plant.is_reachable) {
            if now.since(evse.link_since) >= RECOVERY {
                wrongs.push(format!("the link of EVSE {} is down since {}", evse.id, evse.link_since));
            }
        }
        for (alarm, since) in alarms {
            let is_for_a_person = matches!(alarm, Alarm::Site { alarm: SiteAlarm::Disobedient { .. }, .. });
            let well_since = self.unwell_at(alarm).map_or(healed, |at| at.max(healed));
            if !is_for_a_person && now.since((*since).max(well_since)) >= RECOVERY {
                wrongs.push(format!("an alarm stands since {since}: {alarm:?}"));
            }
        }
        for wrong in wrongs {
            let text = format!("the last fault healed at {healed}, and yet {wrong}");
            self.verdicts.fire(Rule::Recovery, now, text, &self.story);
        }
    }

    /// When the meter that `alarm` speaks of last was as it says: some lose readings now and then, without a fault.
    fn unwell_at(&self, alarm: &Alarm) -> Option<Timestamp> {
        let Alarm::Site { alarm: SiteAlarm::MeterStale { meter }, .. } = alarm else { return None };
        self.circuits
            .iter()
            .filter_map(|circuit| circuit.meter.as_ref())
            .find(|of| of.id == *meter)?
            .unwell_at
    }
}
