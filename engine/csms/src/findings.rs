//! What a person should know of a station, found by looking at all that is known of it. Words, and what to do, are the
//! pages' business.

use serde::Serialize;
use units::{Amperes, TimeSpan, WattHours};

use crate::baseline::{Setting, SettingState};
use crate::core::Core;
use crate::facts::{Evidence, Fact};
use crate::station::Station;

/// A station whose link drops more often is worth a look.
const DROPS_PER_HOUR: u64 = 2;
/// So many of anything are no accident.
const OFTEN: u64 = 3;

/// Something about a station that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum StationFinding {
    /// It drew more than it was told: its EVSE counts at its worst.
    IgnoresLimit {
        /// The EVSE's number.
        evse: u16,
        /// What it was told.
        limit: Amperes,
        /// What it drew.
        drawn: Amperes,
    },
    /// It refuses its limits: its EVSE counts at its worst.
    RefusesLimits {
        /// The EVSE's number.
        evse: u16,
    },
    /// Its model is known not to keep limits: it counts at its worst.
    KnownNotToKeepLimits {
        /// The entries of the table that match it.
        entries: Vec<String>,
    },
    /// Its model does not bear 0 A, and the site cannot carry its minimum while we are silent.
    HeldAtZero {
        /// The entries of the table that match it.
        entries: Vec<String>,
    },
    /// It takes one period in a schedule: nothing can fall back by itself.
    OnePeriodOnly,
    /// It does not tell that it has smart charging.
    NoSmartCharging {
        /// What it tells.
        features: String,
    },
    /// A fault stands.
    FaultStands {
        /// The EVSE's number; 0 is the station.
        evse: u16,
        /// OCPP's code.
        code: String,
        /// The vendor's code.
        vendor_code: String,
        /// The vendor's words.
        words: String,
    },
    /// Its clock is off.
    ClockOff {
        /// Ahead by so much; behind where negative.
        ahead_ms: i64,
    },
    /// Its register counts kWh and calls them Wh.
    RegisterInKilowattHours {
        /// The EVSE's number.
        evse: u16,
        /// By the register.
        register: WattHours,
        /// By the currents.
        carried: WattHours,
    },
    /// Its register and its currents do not fit each other.
    RegisterImplausible {
        /// The EVSE's number.
        evse: u16,
        /// By the register.
        register: WattHours,
        /// By the currents.
        carried: WattHours,
    },
    /// It does not measure its phases apart.
    NoPhases {
        /// The EVSE's number.
        evse: u16,
        /// How many are wired.
        wired: u8,
    },
    /// It tells no settings.
    TellsNoSettings {
        /// What came instead of an answer.
        word: String,
    },
    /// A setting is not as it should be.
    Setting {
        /// What the station calls it.
        name: String,
        /// What it should be.
        wanted: String,
        /// What it is, where it was told.
        found: Option<String>,
        /// Why it is not.
        why: SettingState,
    },
    /// Its link drops often.
    DropsOften {
        /// How often, in this run.
        drops: u64,
        /// In the last hour.
        in_last_hour: u64,
    },
    /// It leaves calls of ours without an answer.
    LeavesUnanswered {
        /// How many.
        calls: u64,
    },
    /// It is silent for longer than its heartbeat allows.
    FallsSilent {
        /// How often.
        times: u64,
    },
    /// It sends frames that cannot be read.
    BrokenFrames {
        /// How many.
        frames: u64,
    },
}

impl Station {
    /// All that a person should know, what is worst first.
    pub fn findings(&self, core: &Core, now: units::Timestamp) -> Vec<StationFinding> {
        let mut found = Vec::new();
        self.find_about_limits(core, &mut found);
        self.find_about_facts(&mut found);
        self.find_about_settings(&mut found);
        self.find_about_links(core, now, &mut found);
        found
    }

    fn find_about_limits(&self, core: &Core, found: &mut Vec<StationFinding>) {
        for evse in &self.evses {
            let Some(control) = self.control(core, &evse.id) else { continue };
            if control.is_disobedient {
                found.push(match self.facts.facts.get(&Fact::ObeysLimits).map(|shown| &shown.evidence) {
                    Some(&Evidence::Draw { evse: number, limit, drawn }) if number == evse.id.number => {
                        StationFinding::IgnoresLimit { evse: number, limit, drawn }
                    }
                    _ => StationFinding::IgnoresLimit {
                        evse: evse.id.number,
                        limit: control.newest().map_or(Amperes::ZERO, |newest| newest.limit),
                        drawn: control.measured[1].highest(),
                    },
                });
            }
            if control.is_refusing {
                found.push(StationFinding::RefusesLimits { evse: evse.id.number });
            }
        }
        let entries = || self.known.entries.clone();
        let habits = self.habits_told.unwrap_or_default();
        if !habits.limits_bind {
            found.push(StationFinding::KnownNotToKeepLimits { entries: entries() });
        }
        if self.known.quirks.misbehaves_after_zero == Some(true) && habits.bears_zero {
            found.push(StationFinding::HeldAtZero { entries: entries() });
        }
        for fault in self.facts.faults.iter().filter(|fault| fault.ended_at.is_none()) {
            found.push(StationFinding::FaultStands {
                evse: fault.evse,
                code: fault.code.clone(),
                vendor_code: fault.vendor_code.clone(),
                words: fault.words.clone(),
            });
        }
    }

    fn find_about_facts(&self, found: &mut Vec<StationFinding>) {
        for shown in self.facts.facts.values().filter(|shown| !shown.holds) {
            match &shown.evidence {
                // Control knows better, and longer.
                Evidence::Draw { .. } => {}
                &Evidence::Phases { evse, wired, .. } => found.push(StationFinding::NoPhases { evse, wired }),
                &Evidence::Energy { evse, register, carried } => {
                    let thousandfold = register.milliwatt_hours().saturating_mul(1_000);
                    let is_thousandth = (carried.milliwatt_hours() / 3
                        ..=carried.milliwatt_hours().saturating_mul(3))
                        .contains(&thousandfold);
                    found.push(if is_thousandth {
                        StationFinding::RegisterInKilowattHours { evse, register, carried }
                    } else {
                        StationFinding::RegisterImplausible { evse, register, carried }
                    });
                }
                // As it is now, and not as it was when it went wrong.
                Evidence::Clock { ahead_ms } => found
                    .push(StationFinding::ClockOff { ahead_ms: self.row.clock_skew_ms.unwrap_or(*ahead_ms) }),
                Evidence::Settings { word, .. } => {
                    found.push(StationFinding::TellsNoSettings { word: word.clone() });
                }
            }
        }
    }

    fn find_about_settings(&self, found: &mut Vec<StationFinding>) {
        let told = |setting| self.facts.setting(setting).and_then(|row| row.found.as_deref());
        if told(Setting::PeriodsMost).is_some_and(|periods| matches!(periods.trim(), "0" | "1")) {
            found.push(StationFinding::OnePeriodOnly);
        }
        if let Some(features) = told(Setting::Features)
            && !features.to_ascii_lowercase().contains("smartcharging")
        {
            found.push(StationFinding::NoSmartCharging { features: features.to_owned() });
        }
        for row in &self.facts.settings {
            let Some(wanted) = &row.wanted else { continue };
            let is_off = match &row.state {
                SettingState::AfterBoot
                | SettingState::NotKept
                | SettingState::ReadOnly
                | SettingState::Refused(_)
                | SettingState::NoAnswer => true,
                SettingState::Told
                | SettingState::AsWanted
                | SettingState::PutRight
                | SettingState::Unverified
                | SettingState::Unknown
                | SettingState::NotAsked => false,
            };
            if is_off {
                found.push(StationFinding::Setting {
                    name: row.name.clone(),
                    wanted: wanted.clone(),
                    found: row.found.clone(),
                    why: row.state.clone(),
                });
            }
        }
    }

    fn find_about_links(&self, core: &Core, now: units::Timestamp, found: &mut Vec<StationFinding>) {
        let (drops, in_last_hour) = self.quality.drops_since(core.wall(now) - TimeSpan::from_hours(1));
        if in_last_hour > DROPS_PER_HOUR {
            found.push(StationFinding::DropsOften { drops, in_last_hour });
        }
        if self.quality.unanswered >= OFTEN {
            found.push(StationFinding::LeavesUnanswered { calls: self.quality.unanswered });
        }
        if self.quality.heartbeats_missed >= OFTEN {
            found.push(StationFinding::FallsSilent { times: self.quality.heartbeats_missed });
        }
        if let Some(&frames) = self.row.quirks.get("broken_frame").filter(|&&frames| frames >= OFTEN) {
            found.push(StationFinding::BrokenFrames { frames });
        }
    }
}
