//! A station's link: since when, whether the station may be called on it, and how long it has been silent.

use std::collections::VecDeque;

use ocpp::Version;
use units::{LinkId, TimeSpan, Timestamp};

use crate::security::SecurityProfile;

/// A registered station that does not boot on a new link may be called after this long (FIELD section 4d, 53).
pub(crate) const READY_WITHOUT_BOOT: TimeSpan = TimeSpan::from_seconds(10);
/// A station that never booted gets longer: some call themselves booted only after everything else is up.
pub(crate) const READY_NEVER_BOOTED: TimeSpan = TimeSpan::from_seconds(60);
/// What we ask for comes within this, as answers do.
const TOLD_WITHIN: TimeSpan = TimeSpan::from_seconds(30);
/// A station says again within this what was not acknowledged.
const REPEATED_WITHIN: TimeSpan = TimeSpan::from_minutes(2);
/// What has not come after this was not heard, or is lost.
const TOLD_EVER_WITHIN: TimeSpan = TimeSpan::from_minutes(5);

/// A link.
#[derive(Debug)]
pub(crate) struct Link {
    pub id: LinkId,
    pub version: Version,
    /// What the station proved when it opened.
    pub security: SecurityProfile,
    pub up_at: Timestamp,
    /// The boot on this link was the station's first ever.
    pub is_first_boot: bool,
    readiness: Readiness,
    silence_at: Timestamp,
    heartbeat: TimeSpan,
    is_probed: bool,
    /// When values were asked for that have not come, oldest first.
    asked: VecDeque<Timestamp>,
    /// When it last told what may have waited at the station.
    told_late_at: Option<Timestamp>,
}

/// Whether the station may be called: a call before the answer to its boot sends some into a loop (FIELD section 4d, 51).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    From(Timestamp),
    /// Its boot is being answered.
    Booting,
    Ready,
}

/// What a link's silence asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    No,
    /// Ask for a sign of life.
    Probe,
    /// It is dead.
    Close,
}

impl Link {
    pub fn new(
        id: LinkId,
        (version, security): (Version, SecurityProfile),
        now: Timestamp,
        boot_awaited: TimeSpan,
        heartbeat: TimeSpan,
    ) -> Self {
        Self {
            id,
            version,
            security,
            up_at: now,
            is_first_boot: false,
            readiness: Readiness::From(now + boot_awaited),
            silence_at: now + asked_after(heartbeat),
            heartbeat,
            is_probed: false,
            asked: VecDeque::new(),
            told_late_at: None,
        }
    }

    pub fn booted(&mut self, is_first: bool) {
        self.readiness = Readiness::Booting;
        self.is_first_boot = is_first;
    }

    /// True once, after the answer to a boot.
    pub fn takes_boot(&mut self) -> bool {
        let is_booting = self.readiness == Readiness::Booting;
        if is_booting {
            self.readiness = Readiness::Ready;
        }
        is_booting
    }

    /// True once, when the time without a boot is over.
    pub fn becomes_ready(&mut self, now: Timestamp) -> bool {
        match self.readiness {
            Readiness::From(at) if at <= now => {
                self.readiness = Readiness::Ready;
                true
            }
            Readiness::From(_) | Readiness::Booting | Readiness::Ready => false,
        }
    }

    pub fn is_ready(&self) -> bool {
        self.readiness == Readiness::Ready
    }

    pub fn ask(&mut self, now: Timestamp) {
        self.asked.retain(|at| now < *at + TOLD_EVER_WITHIN);
        self.asked.push_back(now);
    }

    /// Values that were asked for came. True where they were asked for so lately that they cannot have waited: a station
    /// with a backlog tells what it was asked for long ago.
    pub fn comes_at_once(&mut self, now: Timestamp) -> bool {
        self.asked.pop_front().is_some_and(|at| now < at + TOLD_WITHIN)
    }

    /// The station has told what may have waited there.
    pub const fn tells_late(&mut self, now: Timestamp) {
        self.told_late_at = Some(now);
    }

    /// So lately that what it tells now may have waited behind that, and been repeated.
    pub fn told_late(&self, now: Timestamp) -> bool {
        self.told_late_at.is_some_and(|at| now < at + REPEATED_WITHIN)
    }

    /// After a heartbeat and a quarter without a frame the station is asked for one, after one and a half the link is dead.
    /// Stations that send no heartbeats answer the question, if only by refusing it.
    pub fn silence(&mut self, now: Timestamp, heard_at: Option<Timestamp>) -> Silence {
        if now < self.silence_at {
            return Silence::No;
        }
        let heard_at = heard_at.map_or(self.up_at, |heard| heard.max(self.up_at));
        let dead_at = heard_at + self.heartbeat.ratio_floor(3, 2);
        if now >= dead_at {
            return Silence::Close;
        }
        let asked_at = heard_at + asked_after(self.heartbeat);
        if now < asked_at {
            self.silence_at = asked_at;
            self.is_probed = false;
            return Silence::No;
        }
        self.silence_at = dead_at;
        if std::mem::replace(&mut self.is_probed, true) { Silence::No } else { Silence::Probe }
    }

    pub fn next_deadline(&self) -> Timestamp {
        match self.readiness {
            Readiness::From(at) => at.min(self.silence_at),
            Readiness::Booting | Readiness::Ready => self.silence_at,
        }
    }
}

fn asked_after(heartbeat: TimeSpan) -> TimeSpan {
    heartbeat.ratio_floor(5, 4)
}
