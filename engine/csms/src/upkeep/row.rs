//! What is kept of upkeep: state rows, as they are committed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::{EvseId, IdToken, SiteId, StationId, Timestamp};

use super::order::{Told, Verdict, Work};
use super::pattern::Pattern;
use super::window::Window;

/// One row of upkeep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpkeepRow {
    /// By number.
    Job(JobRow),
    /// By job and station.
    Errand(ErrandRow),
    /// By name.
    Template(TemplateRow),
    /// By station.
    Settings(SettingsRow),
    /// By station.
    LocalList(LocalListRow),
    /// By number.
    Reservation(ReservationRow),
    /// By EVSE, or by station where all of it is meant.
    Availability(AvailabilityRow),
    /// By number.
    Upload(UploadRow),
}

impl UpkeepRow {
    /// Rows of one kind with the same key replace each other.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Job(row) => row.job.to_string(),
            Self::Errand(row) => format!("{}/{}", row.job, row.station),
            Self::Template(row) => row.template.id.clone(),
            Self::Settings(row) => row.station.to_string(),
            Self::LocalList(row) => row.station.to_string(),
            Self::Reservation(row) => row.reservation.to_string(),
            Self::Availability(row) => row.key(),
            Self::Upload(row) => row.upload.to_string(),
        }
    }

    /// The table that it lives in.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        match self {
            Self::Job(_) => "job",
            Self::Errand(_) => "errand",
            Self::Template(_) => "template",
            Self::Settings(_) => "station_settings",
            Self::LocalList(_) => "local_list",
            Self::Reservation(_) => "reservation",
            Self::Availability(_) => "availability",
            Self::Upload(_) => "upload",
        }
    }
}

/// Work at one or more stations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Its number.
    pub job: u64,
    /// Who wants it.
    pub actor: String,
    /// Since when.
    pub begun_at: Timestamp,
    /// What is done at each station.
    pub work: Work,
    /// What it is called, for people.
    pub name: String,
    /// Where it goes on.
    pub plan: Plan,
    /// No errand begins from here on.
    pub until: Timestamp,
    /// How it is.
    pub state: JobState,
    /// Failures that an operator looked at: they do not stop the job again.
    #[serde(default)]
    pub failures_seen: u32,
    /// Since when nothing is left to do.
    pub ended_at: Option<Timestamp>,
}

/// In which order, when, and until how many failures a job goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How many stations each wave has; the last goes for all further waves. None: all stations at once. A wave begins once
    /// all errands of the waves before have ended.
    #[serde(default)]
    pub waves: Vec<u32>,
    /// With more failures than this nothing further begins until an operator resumes the job. None: nothing stops it.
    #[serde(default)]
    pub failures_max: Option<u32>,
    /// Errands begin within these hours only, by the clock of the station's site.
    #[serde(default)]
    pub window: Option<Window>,
    /// A station that has a transaction is left alone until it has none.
    #[serde(default)]
    pub waits_for_idle: bool,
    /// How long work may take that goes on after the station's answer, such as a download; in minutes.
    #[serde(default = "patience_default")]
    pub patience_minutes: u32,
}

/// A station that downloads over a slow line needs this long.
const fn patience_default() -> u32 {
    120
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            waves: Vec::new(),
            failures_max: None,
            window: None,
            waits_for_idle: false,
            patience_minutes: patience_default(),
        }
    }
}

/// How a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It goes on.
    Running,
    /// Too many errands failed; an operator resumes or cancels it.
    Stopped,
    /// Nothing further begins.
    Cancelled,
    /// Nothing is left to do.
    Ended,
}

/// A job at one station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrandRow {
    /// The job.
    pub job: u64,
    /// The station.
    pub station: StationId,
    /// Its wave, from 0.
    pub wave: u32,
    /// How it is.
    pub state: ErrandState,
    /// When it came to be so.
    pub at: Timestamp,
    /// What the station said last, or why there is nothing, for people.
    pub word: String,
    /// How often it was begun.
    pub attempts: u8,
    /// Which of its calls is on its way.
    pub step: u8,
    /// What stood in the station before, for a way back.
    pub before: Option<String>,
}

/// How an errand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrandState {
    /// It has not begun.
    Waiting,
    /// The station was asked.
    Asked,
    /// The station works at it.
    Following,
    /// What was wanted is so.
    Done,
    /// It is not.
    Failed,
    /// It never began: the station was away, or the job was cancelled.
    Missed,
}

impl ErrandState {
    /// Nothing more happens.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Done | Self::Failed | Self::Missed => true,
            Self::Waiting | Self::Asked | Self::Following => false,
        }
    }
}

/// How stations of a model are to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRow {
    /// What is wanted.
    pub template: Template,
    /// Since when.
    pub changed_at: Timestamp,
    /// It holds no more.
    #[serde(default)]
    pub is_removed: bool,
}

/// How stations of a model are to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name. Where several templates set the same, the last by name counts.
    pub id: String,
    /// Which vendors.
    #[serde(default)]
    pub vendor: Pattern,
    /// Which models.
    #[serde(default)]
    pub model: Pattern,
    /// Which firmware versions.
    #[serde(default)]
    pub firmware: Pattern,
    /// What is wanted. Stations of OCPP 1.6 get the keys, those of 2.0.1 the variables.
    pub settings: Vec<Wanted>,
    /// Stations are asked what is set before they are told otherwise. False for those that reboot on questions (FIELD 4d 50):
    /// they are told after each boot, and drift is not seen.
    #[serde(default = "yes")]
    pub is_asked: bool,
}

const fn yes() -> bool {
    true
}

/// One setting with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Which.
    #[serde(flatten)]
    pub key: SettingKey,
    /// What it is to be.
    pub value: String,
}

/// A setting of a station.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingKey {
    /// A variable of the device model (OCPP 2.0.1).
    Variable {
        /// Its component.
        component: String,
        /// Its name.
        variable: String,
        /// Which of several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
        /// Of which EVSE; none is the station.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evse: Option<u16>,
    },
    /// A configuration key (OCPP 1.6).
    Key {
        /// Its name.
        key: String,
    },
}

impl std::fmt::Display for SettingKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key { key } => out.write_str(key),
            Self::Variable { component, variable, instance, evse } => {
                write!(out, "{component}")?;
                if let Some(evse) = evse {
                    write!(out, "({evse})")?;
                }
                write!(out, ".{variable}")?;
                match instance {
                    Some(instance) => write!(out, "[{instance}]"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// How a station took what templates want of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRow {
    /// The station.
    pub station: StationId,
    /// When it was last gone through.
    pub checked_at: Timestamp,
    /// Each setting, in order.
    pub settings: Vec<SettingState>,
    /// What was set holds from its next boot on.
    pub needs_reboot: bool,
}

/// How a station took one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingState {
    /// Which.
    #[serde(flatten)]
    pub key: SettingKey,
    /// What it is to be.
    pub wanted: String,
    /// The template that says so.
    pub template: String,
    /// What stood there before, where the station was asked and told.
    pub found: Option<String>,
    /// How it is now.
    pub standing: Standing,
    /// The station's word where it was told, empty where it need not be.
    pub word: String,
    /// How often it was found otherwise after the station had taken it.
    pub drifts: u32,
}

/// How one setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// As wanted.
    Holds,
    /// As wanted from the next boot on.
    HoldsAfterReboot,
    /// The station says that nobody can set it.
    ReadOnly,
    /// The station does not know it.
    NotSupported,
    /// The station refused the value.
    Refused,
    /// The station did not answer.
    Unanswered,
}

impl Standing {
    /// The station has it as it is wanted, as far as it said.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        match self {
            Self::Holds | Self::HoldsAfterReboot => true,
            Self::ReadOnly | Self::NotSupported | Self::Refused | Self::Unanswered => false,
        }
    }

    /// What a station's answer to being told makes of it.
    pub(crate) const fn of(told: &Told) -> Self {
        match told.verdict {
            Verdict::Done | Verdict::Scheduled => Self::Holds,
            Verdict::RebootRequired => Self::HoldsAfterReboot,
            Verdict::ReadOnly => Self::ReadOnly,
            Verdict::NotSupported => Self::NotSupported,
            Verdict::Refused | Verdict::Mismatch => Self::Refused,
        }
    }
}

/// The local authorization list of a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalListRow {
    /// The station.
    pub station: StationId,
    /// It follows the directory.
    pub is_kept: bool,
    /// What the station was last known to hold; 0 is nothing of ours.
    pub version: i32,
    /// What that version says: the tokens, with their expiry.
    pub tokens: BTreeMap<IdToken, Option<Timestamp>>,
    /// How many entries one message may bear, as the station says.
    pub entries_max: Option<u16>,
    /// What the station said last, for people.
    pub word: String,
    /// When.
    pub at: Timestamp,
}

/// An EVSE held for a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationRow {
    /// Its number, which the station knows it by.
    pub reservation: u32,
    /// Where.
    pub evse: EvseId,
    /// For whom.
    pub token: IdToken,
    /// Until when.
    pub until: Timestamp,
    /// Who asked.
    pub actor: String,
    /// How it is.
    pub state: ReservationState,
    /// When it came to be so.
    pub at: Timestamp,
    /// The station's word.
    pub word: String,
}

/// How a reservation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// The station was asked.
    Asked,
    /// It stands.
    Held,
    /// The station did not take it.
    Refused,
    /// An operator ended it.
    Cancelled,
    /// A transaction began by it.
    Used,
    /// Its time is over, or the station gave it up.
    Ended,
}

impl ReservationState {
    /// The station may hold it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Asked | Self::Held => true,
            Self::Refused | Self::Cancelled | Self::Used | Self::Ended => false,
        }
    }
}

/// Whether an EVSE, or a whole station, is to be in service, as an operator said: told again after each boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityRow {
    /// The station.
    pub station: StationId,
    /// Which EVSE; none is all of the station.
    pub evse: Option<u16>,
    /// In service.
    pub is_operative: bool,
    /// What the station said, or why nothing.
    pub word: String,
    /// When.
    pub at: Timestamp,
}

impl AvailabilityRow {
    pub(crate) fn key(&self) -> String {
        match self.evse {
            Some(evse) => format!("{}/{evse}", self.station),
            None => self.station.to_string(),
        }
    }
}

/// A file that a station was asked to send, once, to an address that nobody else knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRow {
    /// Its number.
    pub upload: u64,
    /// Who is to send it.
    pub station: StationId,
    /// The station's site.
    pub site: SiteId,
    /// The job that wants it.
    pub job: u64,
    /// Where it is to be sent.
    pub url: String,
    /// The secret part of that address.
    pub token: String,
    /// Since when.
    pub asked_at: Timestamp,
    /// The address is good until then.
    pub until: Timestamp,
    /// What came.
    pub received: Option<Received>,
}

/// A file that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// When.
    pub at: Timestamp,
    /// What the station calls it.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
}
