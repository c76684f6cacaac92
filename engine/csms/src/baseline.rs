//! How each station is to be set: read on adoption and after each boot, put right where it has drifted, and read again.
//!
//! One call is under way at a time, so that a station that has little patience is not flooded. What its model is known not
//! to bear is not asked ([`crate::quirks`]). A station that tells no settings is told the few that its transactions need.

use std::collections::{BTreeMap, VecDeque};

use ocpp::Version;
use serde::{Deserialize, Serialize};
use units::{TimeSpan, Timestamp};

use crate::call::{Housekeeping, Priority, Purpose};
use crate::core::Core;
use crate::message::{Call, Outcome, Told};
use crate::quirks::Quirks;
use crate::station::{End, Station};
use crate::{v16, v201, wire};

/// Lists of what a transaction is to measure, the best first: several stations refuse a list for one word of it.
const MEASURED: [&str; 3] = [
    "Energy.Active.Import.Register,Current.Import,Current.Offered,Power.Active.Import,Voltage",
    "Energy.Active.Import.Register,Current.Import,Power.Active.Import",
    "Energy.Active.Import.Register,Current.Import",
];
/// What is billed by.
const MEASURED_REGISTER: &str = "Energy.Active.Import.Register";
/// A station that pings its link more rarely finds out too late that it is gone; more often is a load for nothing.
const PING_SECONDS: std::ops::RangeInclusive<i64> = 10..=300;
/// What it is told then.
const PING_WANTED: &str = "60";
/// An answer tells so many settings, where nothing else is known of the station.
const SETTINGS_AT_ONCE: usize = 20;
/// A value that a station tells is not kept longer.
const VALUE_MAX: usize = 300;

/// A setting of a station that matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Which unit limits may come in.
    LimitUnits,
    /// The highest stack level.
    StackLevelMost,
    /// How many periods a schedule may have: two are needed.
    PeriodsMost,
    /// How many profiles fit.
    ProfilesMost,
    /// What parts of OCPP it has.
    Features,
    /// How often a transaction is measured.
    MeasureInterval,
    /// What is measured then.
    Measured,
    /// What is measured when a transaction begins.
    MeasuredAtStart,
    /// What is measured when it ends.
    MeasuredAtEnd,
    /// How often it pings its link.
    PingInterval,
    /// Whether tokens that it knows start a transaction before we are asked.
    LocalPreAuthorise,
    /// Whether tokens that it knows start one while it is offline.
    LocalAuthoriseOffline,
    /// Whether any token starts one while it is offline.
    OfflineUnknown,
    /// Whether it ends a transaction whose token we refuse.
    StopsOnInvalidToken,
}

impl Setting {
    /// All of them: what limits need comes first.
    pub const ALL: [Self; 14] = [
        Self::LimitUnits,
        Self::StackLevelMost,
        Self::PeriodsMost,
        Self::ProfilesMost,
        Self::Features,
        Self::MeasureInterval,
        Self::Measured,
        Self::MeasuredAtStart,
        Self::MeasuredAtEnd,
        Self::PingInterval,
        Self::LocalPreAuthorise,
        Self::LocalAuthoriseOffline,
        Self::OfflineUnknown,
        Self::StopsOnInvalidToken,
    ];

    /// What the station calls it: a key of OCPP 1.6, or component and variable with a point between.
    #[must_use]
    pub fn name_in(self, version: Version) -> Option<String> {
        match version {
            Version::V16 => v16::key_of(self).map(ToOwned::to_owned),
            Version::V201 | Version::V21 => {
                v201::variable_of(self).map(|[component, variable]| format!("{component}.{variable}"))
            }
        }
    }

    /// A transaction cannot be measured without it.
    const fn is_essential(self) -> bool {
        match self {
            Self::MeasureInterval | Self::Measured | Self::MeasuredAtStart | Self::MeasuredAtEnd => true,
            Self::LimitUnits
            | Self::StackLevelMost
            | Self::PeriodsMost
            | Self::ProfilesMost
            | Self::Features
            | Self::PingInterval
            | Self::LocalPreAuthorise
            | Self::LocalAuthoriseOffline
            | Self::OfflineUnknown
            | Self::StopsOnInvalidToken => false,
        }
    }

    /// The quirk of a station that refuses it.
    const fn refused(self) -> &'static str {
        match self {
            Self::MeasureInterval => "refuses_measure_interval",
            Self::Measured | Self::MeasuredAtStart | Self::MeasuredAtEnd => "refuses_measurands",
            Self::LimitUnits
            | Self::StackLevelMost
            | Self::PeriodsMost
            | Self::ProfilesMost
            | Self::Features
            | Self::PingInterval
            | Self::LocalPreAuthorise
            | Self::LocalAuthoriseOffline
            | Self::OfflineUnknown
            | Self::StopsOnInvalidToken => "refuses_setting",
        }
    }

    /// Whether a value is what is wanted.
    fn is_met(self, wanted: &str, found: &str) -> bool {
        let words = |text: &str| -> Vec<String> {
            text.split(',')
                .map(|word| word.trim().to_ascii_lowercase())
                .filter(|word| !word.is_empty())
                .collect()
        };
        match self {
            Self::Measured | Self::MeasuredAtStart | Self::MeasuredAtEnd => {
                let found = words(found);
                words(wanted).iter().all(|word| found.contains(word))
            }
            Self::PingInterval => found.trim().parse().is_ok_and(|seconds| PING_SECONDS.contains(&seconds)),
            Self::LimitUnits
            | Self::StackLevelMost
            | Self::PeriodsMost
            | Self::ProfilesMost
            | Self::Features
            | Self::MeasureInterval
            | Self::LocalPreAuthorise
            | Self::LocalAuthoriseOffline
            | Self::OfflineUnknown
            | Self::StopsOnInvalidToken => wanted.eq_ignore_ascii_case(found.trim()),
        }
    }
}

/// How a setting stands at a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRow {
    /// Which.
    pub setting: Setting,
    /// What the station calls it.
    pub name: String,
    /// What we want, where we want anything.
    pub wanted: Option<String>,
    /// What the station told last.
    pub found: Option<String>,
    /// How it stands.
    pub state: SettingState,
    /// When that was found, by the wall clock.
    pub at: Timestamp,
}

/// How a setting stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingState {
    /// It was told; nothing is wanted of it.
    Told,
    /// It is as we want it.
    AsWanted,
    /// It was changed, and told as we want it.
    PutRight,
    /// The change was accepted, and what holds was not told.
    Unverified,
    /// The change was accepted and holds after the next boot.
    AfterBoot,
    /// The change was accepted and not kept.
    NotKept,
    /// It is not as we want it, and cannot be changed.
    ReadOnly,
    /// The change was refused, with the station's word.
    Refused(String),
    /// The station does not know it.
    Unknown,
    /// It was neither asked nor set: the station's model does not bear it, or it tells no settings at all.
    NotAsked,
    /// No answer came.
    NoAnswer,
}

/// A round of reading and putting right.
#[derive(Debug)]
pub(crate) struct Round {
    number: u32,
    priority: Priority,
    phase: Phase,
    to_read: VecDeque<Vec<Setting>>,
    to_set: VecDeque<(Setting, String)>,
    /// So many settings are read at once.
    at_once: usize,
    rows: BTreeMap<Setting, SettingRow>,
    /// The shorter list that is tried next.
    measured_next: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    Setting,
    Verifying,
}

impl Station {
    /// Begins to look at the station's settings.
    pub fn begin_baseline(&mut self, core: &mut Core, now: Timestamp, priority: Priority) {
        let version = self.version();
        let at = core.wall(now);
        let interval = core.policy.meter_values;
        let named = Setting::ALL.iter().filter_map(|&setting| Some((setting, setting.name_in(version)?)));
        let rows: BTreeMap<Setting, SettingRow> = named
            .map(|(setting, name)| {
                let wanted = self.wanted(core, setting, interval);
                (
                    setting,
                    SettingRow { setting, name, wanted, found: None, state: SettingState::NotAsked, at },
                )
            })
            .collect();
        let quirks = &self.known.quirks;
        let number = self.baseline_number.wrapping_add(1);
        let mut round = Round {
            number,
            priority,
            phase: Phase::Reading,
            to_read: VecDeque::new(),
            to_set: VecDeque::new(),
            at_once: quirks.settings_at_once.map_or(SETTINGS_AT_ONCE, usize::from),
            measured_next: if quirks.measurands.is_some() { MEASURED.len() } else { 1 },
            rows,
        };
        if quirks.may_call(wire::reading_action(version)) {
            let all: Vec<Setting> = round.rows.keys().copied().collect();
            round.read(&all);
        }
        self.baseline_number = number;
        self.baseline = Some(round);
        self.go_on(core, now);
    }

    /// What we want of a setting.
    fn wanted(&self, core: &Core, setting: Setting, interval: TimeSpan) -> Option<String> {
        let quirks = &self.known.quirks;
        Some(match setting {
            Setting::MeasureInterval => {
                let least = i64::from(quirks.measure_interval_s.unwrap_or(1));
                interval.seconds_floor().max(least).to_string()
            }
            Setting::Measured => match (&quirks.measurands, self.facts.setting(setting)) {
                (Some(known), _) => known.clone(),
                // It refused the longer lists before.
                (None, Some(SettingRow { wanted: Some(before), state, .. }))
                    if *state == SettingState::PutRight || *state == SettingState::AsWanted =>
                {
                    before.clone()
                }
                (None, _) => MEASURED[0].to_owned(),
            },
            Setting::MeasuredAtStart | Setting::MeasuredAtEnd => MEASURED_REGISTER.to_owned(),
            Setting::PingInterval => PING_WANTED.to_owned(),
            Setting::LocalPreAuthorise if self.may_start_alone(core) => return None,
            Setting::LocalPreAuthorise | Setting::OfflineUnknown => "false".to_owned(),
            Setting::StopsOnInvalidToken => "true".to_owned(),
            Setting::LimitUnits
            | Setting::StackLevelMost
            | Setting::PeriodsMost
            | Setting::ProfilesMost
            | Setting::Features
            | Setting::LocalAuthoriseOffline => return None,
        })
    }

    /// An operator states so, or its model is known to.
    fn may_start_alone(&self, core: &Core) -> bool {
        let is_stated = self.site.is_some_and(|site| {
            let evses = &core.sites.config(site).evses;
            evses.iter().any(|evse| evse.id.station == *self.id() && evse.starts_alone)
        });
        is_stated || self.known.quirks.starts_alone == Some(true)
    }

    /// The next call of the round, or its end.
    fn go_on(&mut self, core: &mut Core, now: Timestamp) {
        let Some(round) = &mut self.baseline else { return };
        let call = loop {
            if let Some(settings) = round.to_read.front() {
                break Call::Read { settings: settings.clone() };
            }
            match round.phase {
                Phase::Reading => {
                    round.phase = Phase::Setting;
                    round.compare(&self.known.quirks);
                }
                Phase::Setting => match round.to_set.front() {
                    Some((setting, value)) => {
                        break Call::Configure { setting: *setting, value: value.clone() };
                    }
                    None => {
                        round.phase = Phase::Verifying;
                        let is_told = round.rows.values().any(|row| row.found.is_some());
                        let changed: Vec<Setting> = round.changed().collect();
                        if is_told {
                            round.read(&changed);
                        }
                    }
                },
                Phase::Verifying => {
                    let rows = self.baseline.take().map(|round| round.rows).unwrap_or_default();
                    return self.settings_found(core, rows.into_values().collect());
                }
            }
        };
        let what = Housekeeping::Baseline(round.number);
        let priority = if round.phase == Phase::Reading { round.priority } else { Priority::Housekeeping };
        self.enqueue(core, now, priority, call, Purpose::Housekeeping(what));
    }

    /// A call of a round ended.
    pub fn baseline_answered(
        &mut self,
        core: &mut Core,
        now: Timestamp,
        number: u32,
        call: &Call,
        end: &End<'_>,
    ) {
        if self.link.is_none() {
            // It is looked at again when it is back.
            self.baseline = None;
            return;
        }
        let outcome = match end {
            End::Answered(payload) => Some(wire::outcome(self.version(), call, payload)),
            End::Fault(fault) => Some(Outcome::Rejected(fault.code.clone())),
            End::None(_) => None,
        };
        let at = core.wall(now);
        let Some(round) = self.baseline.as_mut().filter(|round| round.number == number) else { return };
        match call {
            Call::Read { settings } => {
                round.to_read.pop_front();
                let told = match outcome {
                    Some(Outcome::Settings(told)) => told,
                    Some(Outcome::Accepted | Outcome::AcceptedFromBoot | Outcome::Rejected(_)) | None => {
                        Vec::new()
                    }
                };
                let is_nothing = told.is_empty();
                let refused_at_once = match end {
                    End::Fault(_) => RefusedAtOnce::Yes,
                    End::Answered(_) | End::None(_) => RefusedAtOnce::No,
                };
                round.told(settings, told, at, refused_at_once);
                let units = round.rows.get(&Setting::LimitUnits).and_then(|row| row.found.clone());
                self.answers_settings(at, settings.len(), is_nothing, end);
                if is_nothing {
                    self.note_quirk("refuses_to_tell_settings");
                }
                if let Some(units) = units {
                    let takes_watts_only = wire::names_watts_only(&units);
                    if self.row.takes_watts_only != takes_watts_only {
                        self.row.takes_watts_only = takes_watts_only;
                        self.row_changed();
                    }
                }
            }
            Call::Configure { setting, .. } => {
                round.to_set.pop_front();
                if round.set(*setting, outcome, at) == Taken::Refused {
                    self.note_quirk(setting.refused());
                }
            }
            Call::SetLive { .. }
            | Call::SetFallback { .. }
            | Call::ClearLimits
            | Call::Measure { .. }
            | Call::AskStatus { .. }
            | Call::Probe
            | Call::Start { .. }
            | Call::Stop { .. }
            | Call::Ask(_)
            | Call::Raw { .. } => return,
        }
        self.go_on(core, now);
    }
}

/// Whether a question for several settings was answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefusedAtOnce {
    Yes,
    No,
}

/// Whether a change was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It was, or another value is tried.
    Otherwise,
    Refused,
}

impl Round {
    /// Reads `settings`, as many at once as the station tells.
    fn read(&mut self, settings: &[Setting]) {
        self.to_read.extend(settings.chunks(self.at_once).map(<[Setting]>::to_vec));
    }

    /// What a station told of the settings that it was asked for.
    fn told(&mut self, asked: &[Setting], told: Vec<Told>, at: Timestamp, refused_at_once: RefusedAtOnce) {
        let mut missing: Vec<Setting> = asked.to_vec();
        let is_anything = !told.is_empty();
        for Told { setting, value, is_known, is_read_only } in told {
            let Some(row) = self.rows.get_mut(&setting) else { continue };
            missing.retain(|other| *other != setting);
            row.at = at;
            row.found = value.map(|value| value.chars().take(VALUE_MAX).collect());
            row.state = match (&row.wanted, &row.found, self.phase) {
                _ if !is_known => SettingState::Unknown,
                (None, _, _) => SettingState::Told,
                (Some(wanted), found, phase) => {
                    let is_met = found.as_deref().is_some_and(|found| setting.is_met(wanted, found));
                    match (is_met, phase) {
                        (true, Phase::Verifying) => SettingState::PutRight,
                        (true, Phase::Reading | Phase::Setting) => SettingState::AsWanted,
                        (false, Phase::Verifying) => SettingState::NotKept,
                        (false, Phase::Reading | Phase::Setting) if is_read_only => SettingState::ReadOnly,
                        (false, Phase::Reading | Phase::Setting) => SettingState::NotAsked,
                    }
                }
            };
        }
        let is_first = self.rows.values().all(|row| row.found.is_none());
        if is_anything && asked.len() > 1 && !missing.is_empty() {
            // Some tell fewer than they are asked for, and say nothing of the rest (FIELD section 4d, 63).
            self.at_once = 1;
            self.read(&missing);
        } else if self.phase == Phase::Reading && !is_anything && is_first {
            self.to_read.clear();
            if refused_at_once == RefusedAtOnce::Yes && asked.len() > 1 {
                // So many may be too many; who refuses a single one is not asked for the rest.
                self.at_once = 1;
                let all: Vec<Setting> = self.rows.keys().copied().collect();
                self.read(&all);
            }
        }
    }

    /// What is to be changed.
    fn compare(&mut self, quirks: &Quirks) {
        let tells = self.rows.values().any(|row| row.found.is_some());
        for row in self.rows.values() {
            let Some(wanted) = &row.wanted else { continue };
            let is_off = match row.state {
                SettingState::NotAsked => tells || row.setting.is_essential(),
                // Several take what they do not tell.
                SettingState::Unknown => row.setting.is_essential(),
                SettingState::Told
                | SettingState::AsWanted
                | SettingState::PutRight
                | SettingState::Unverified
                | SettingState::AfterBoot
                | SettingState::NotKept
                | SettingState::ReadOnly
                | SettingState::Refused(_)
                | SettingState::NoAnswer => false,
            };
            // An entry may name the variable without its component.
            let variable = row.name.rsplit('.').next().unwrap_or_default();
            if is_off && quirks.may_set(&row.name) && quirks.may_set(variable) {
                self.to_set.push_back((row.setting, wanted.clone()));
            }
        }
    }

    /// How the station took a change.
    fn set(&mut self, setting: Setting, outcome: Option<Outcome>, at: Timestamp) -> Taken {
        let Some(row) = self.rows.get_mut(&setting) else { return Taken::Otherwise };
        row.at = at;
        let (state, taken) = match outcome {
            Some(Outcome::Accepted | Outcome::Settings(_)) => (SettingState::Unverified, Taken::Otherwise),
            Some(Outcome::AcceptedFromBoot) => (SettingState::AfterBoot, Taken::Otherwise),
            Some(Outcome::Rejected(word)) => {
                if setting == Setting::Measured
                    && let Some(shorter) = MEASURED.get(self.measured_next)
                {
                    self.measured_next += 1;
                    row.wanted = Some((*shorter).to_owned());
                    self.to_set.push_front((setting, (*shorter).to_owned()));
                    return Taken::Otherwise;
                }
                (SettingState::Refused(word.chars().take(50).collect()), Taken::Refused)
            }
            None => (SettingState::NoAnswer, Taken::Otherwise),
        };
        row.state = state;
        taken
    }

    /// What was changed, and is to be read again.
    fn changed(&self) -> impl Iterator<Item = Setting> {
        let is_changed = |row: &&SettingRow| row.state == SettingState::Unverified;
        self.rows.values().filter(is_changed).map(|row| row.setting)
    }
}
