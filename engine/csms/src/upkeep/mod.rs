//! Upkeep of stations: what operators want done at many of them, and how they want them to be. All of it survives a
//! restart.
//!
//! A *job* is work at one or more stations, an *errand* its part at one of them. Templates, local lists and availability
//! say how stations are to be: each boot, and each change of what is wanted, is an occasion to make it so again.
//!
//! Answers and events of stations become news, which are attended to after each input, since they may concern other
//! stations too: the next wave of a job begins when the last errand of this one ended.

mod attend;
pub(crate) mod command;
mod job;
mod list;
mod order;
mod pattern;
mod reservation;
mod restore;
mod row;
mod template;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use units::{EvseId, IdToken, SiteId, StationId, TimeSpan, Timestamp};

use crate::call::Waiter;

pub(crate) use order::{Ask, ListEntry, ListUpdate};
pub use order::{FirmwareSignature, LogKind, ResetHow, Told, Verdict, Work};
pub use pattern::Pattern;
pub use row::{
    AvailabilityRow, ErrandRow, ErrandState, JobRow, JobState, LocalListRow, Plan, Received, ReservationRow,
    ReservationState, SettingKey, SettingState, SettingsRow, Standing, Template, TemplateRow, UpkeepRow,
    UploadRow, Wanted,
};
pub use window::{NoTimeOfDay, TimeOfDay, Window};

/// What an operator may ask of upkeep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpkeepCommand {
    /// Begins a job.
    Begin(Box<JobOrder>),
    /// Nothing further of a job begins.
    Cancel {
        /// Which.
        job: u64,
    },
    /// A job that stopped goes on in spite of what failed.
    Resume {
        /// Which.
        job: u64,
    },
    /// Sets a template, in place of one of the same name.
    PutTemplate(Box<Template>),
    /// A template holds no more. What it set stays set.
    RemoveTemplate {
        /// Which.
        id: String,
    },
    /// Goes through the settings of stations now.
    CheckSettings(Selection),
    /// A station's local list follows the directory from now on, or is emptied.
    KeepList {
        /// The station.
        station: StationId,
        /// It follows the directory.
        is_kept: bool,
    },
    /// Holds an EVSE for a token.
    Reserve {
        /// Which.
        evse: EvseId,
        /// For whom.
        token: IdToken,
        /// Until when.
        until: Timestamp,
    },
    /// Ends a reservation.
    CancelReservation {
        /// Which.
        reservation: u32,
    },
    /// A file came to the upload endpoint and is kept.
    Received {
        /// Which.
        upload: u64,
        /// What it is.
        received: Received,
    },
}

/// A job as an operator wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOrder {
    /// What is done at each station.
    pub work: Work,
    /// Where.
    pub selection: Selection,
    /// In which order, and when.
    pub plan: Plan,
    /// What it is called.
    pub name: String,
    /// No errand begins later than this after now; without any time a station that is away is missed at once.
    pub within: TimeSpan,
    /// When the operator is answered.
    pub answered: Answered,
    /// Where files are sent to: the address before the secret part, and 32 bytes of chance from which the secret parts are
    /// made. None where the installation takes no files.
    pub uploads: Option<(String, Secret)>,
}

/// When whoever began a job is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// With its number, once it is kept.
    AtOnce,
    /// With what became of it, once it ended.
    AtTheEnd,
}

/// 32 bytes of chance.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}

/// Which stations: those that all of this is true of. Without anything named it is all stations of all sites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Of these.
    #[serde(default)]
    pub stations: Option<BTreeSet<StationId>>,
    /// Of this site.
    #[serde(default)]
    pub site: Option<SiteId>,
    /// Of these vendors.
    #[serde(default)]
    pub vendor: Pattern,
    /// Of these models.
    #[serde(default)]
    pub model: Pattern,
    /// With this firmware.
    #[serde(default)]
    pub firmware: Pattern,
}

/// What upkeep knows.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    jobs: BTreeMap<u64, job::Job>,
    templates: BTreeMap<String, TemplateRow>,
    settings: BTreeMap<StationId, SettingsRow>,
    /// Stations whose settings are gone through now.
    rounds: BTreeMap<StationId, template::Round>,
    /// When settings are to be gone through again.
    rounds_due: BTreeSet<(Timestamp, StationId)>,
    pub lists: BTreeMap<StationId, LocalListRow>,
    /// Stations whose list is sent now.
    syncs: BTreeMap<StationId, list::Sync>,
    reservations: BTreeMap<u32, ReservationRow>,
    availability: BTreeMap<String, AvailabilityRow>,
    uploads: BTreeMap<u64, UploadRow>,
    /// When jobs are to be looked at again.
    jobs_at: Option<Timestamp>,
}

/// What happened to a station that concerns upkeep.
#[derive(Debug)]
pub(crate) enum News {
    /// It may be called.
    Arrived { station: StationId, arrival: Arrival },
    /// A call of upkeep ended.
    Ended { station: StationId, cause: Cause, end: Result<Told, Lost> },
    /// How far a download or an installation is.
    Firmware { station: StationId, word: String },
    /// How far an upload is.
    Log { station: StationId, word: String },
    /// A transaction began by a reservation.
    ReservationUsed { station: StationId, number: u32 },
    /// A station gave a reservation up.
    ReservationEnded { station: StationId, number: u32, word: String },
    /// The directory changed.
    Directory,
}

/// How a station came to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    WithBoot,
    WithoutBoot,
}

/// What a call of upkeep is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    Errand {
        job: u64,
        step: u8,
    },
    Setting,
    List,
    Reservation {
        number: u32,
    },
    /// An operator ended the reservation and waits for the answer.
    Cancellation {
        number: u32,
        waiter: Waiter,
        actor: Box<str>,
    },
    Availability {
        key: String,
    },
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost(pub &'static str);
