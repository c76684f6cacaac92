//! What stations tell of themselves besides transactions: kept as facts, acknowledged once they are committed.
//!
//! A limit that somebody else set and what an EV wants are hints for people and for estimates: nothing here changes a
//! ceiling, let alone raises one (S1). What a station reckons that a transaction cost is evidence beside our own
//! pricing, never instead of it.

use serde::{Deserialize, Serialize};
use units::{ReportedAt, StationId, Timestamp};

use crate::core::Core;
use crate::evidence::Received;
use crate::message::Answer;
use crate::record::Record;
use crate::station::Station;

/// Fact: something that a station told besides transactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRow {
    /// Who.
    pub station: StationId,
    /// When we got it.
    pub received_at: Timestamp,
    /// The shell's number of the frame.
    pub frame: u64,
    /// What it told.
    pub notice: Notice,
}

/// What a station told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Of what.
    pub subject: Subject,
    /// Where; `None` is the station as a whole, or was not told.
    pub evse: Option<u16>,
    /// When, as the station says.
    pub reported: Option<ReportedAt>,
    /// The number that we gave what it tells of: a request, a reservation, a message.
    pub number: Option<i64>,
    /// In the station's own word: a status, the kind of an event, whose limit it is. At most 50 characters.
    pub word: String,
    /// More: for people, or JSON text with the secrets withheld.
    pub detail: Option<String>,
}

/// Of what a station tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An update of its firmware; the word is its status.
    Firmware,
    /// Firmware that a local controller hands on; the word is its status.
    FirmwareHandedOn,
    /// An upload of a log or of diagnostics; the word is its status.
    Log,
    /// Something that may matter to security; the word is the event.
    Security,
    /// It wants an X.509 certificate signed; the word is what for.
    Signature,
    /// Somebody else limits it; the word is who. A hint.
    Limit,
    /// Somebody else limits it no longer; the word is who. A hint.
    LimitGone,
    /// What an EV wants; the word is how. A hint.
    EvNeeds,
    /// What an EV means to draw; the word is the unit. A hint.
    EvSchedule,
    /// A driver asked to come before others, or no longer; the word says which. A hint.
    Priority,
    /// The end of a reservation; the word is how.
    Reservation,
    /// A variable that changed or passed a limit; the word is what made the station tell.
    Event,
    /// A part of its device model; the word is empty.
    Report,
    /// The variables that are watched; the word is empty.
    Monitors,
    /// The charging profiles that it holds; the word is whose they are.
    Profiles,
    /// The messages that it shows; the word is empty.
    Messages,
    /// It reported what it holds of a person, which is not kept; the word is empty.
    Customer,
    /// What it reckons that a transaction cost; the word is the transaction.
    Cost,
    /// A payment at its terminal; the word is what became of it.
    Settlement,
}

impl Subject {
    /// What bears on money is kept as long as the CDRs; all else as long as frames are.
    pub const OF_MONEY: [Self; 2] = [Self::Cost, Self::Settlement];

    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::FirmwareHandedOn => "firmware_handed_on",
            Self::Log => "log",
            Self::Security => "security",
            Self::Signature => "signature",
            Self::Limit => "limit",
            Self::LimitGone => "limit_gone",
            Self::EvNeeds => "ev_needs",
            Self::EvSchedule => "ev_schedule",
            Self::Priority => "priority",
            Self::Reservation => "reservation",
            Self::Event => "event",
            Self::Report => "report",
            Self::Monitors => "monitors",
            Self::Profiles => "profiles",
            Self::Messages => "messages",
            Self::Customer => "customer",
            Self::Cost => "cost",
            Self::Settlement => "settlement",
        }
    }
}

impl Notice {
    /// Longer words are cut.
    const WORD_MAX: usize = 50;

    /// Of a subject, in the station's word.
    pub(crate) fn new(subject: Subject, word: &str) -> Self {
        let word = word.chars().take(Self::WORD_MAX).collect();
        Self { subject, evse: None, reported: None, number: None, word, detail: None }
    }
}

impl Station {
    /// Keeps what the station told.
    pub fn noticed(&mut self, core: &mut Core, received: &Received<'_>, notices: Vec<Notice>) {
        for notice in notices {
            core.out.persist(Record::Notice(Box::new(NoticeRow {
                station: self.id().clone(),
                received_at: received.wall,
                frame: received.frame,
                notice,
            })));
        }
    }

    /// What an EV wants: a schedule follows where a transaction runs, since each has a limit from control; it is what the
    /// site can carry, whatever the EV wants (S1).
    pub fn ev_needs(&mut self, core: &mut Core, received: &Received<'_>, evse: u16, needs: Notice) -> Answer {
        let is_limited = self.evse(evse).is_some_and(|place| self.drawing(place).is_some());
        self.noticed(core, received, vec![needs]);
        Answer::EvNeeds { is_limited }
    }
}
