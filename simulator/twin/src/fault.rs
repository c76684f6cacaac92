//! What may break in a run (DESIGN section 7): as data of a scenario, or drawn by seed.

use charging::network::Wiring;
use plant::meter::MeterFault;
use plant::station::{ClockSync, Quirk};
use units::{Amperes, CircuitId, EvseId, MeterId, PerPhase, StationId, TimeSpan, Timestamp};

/// Something that breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The links of some stations are dead: nothing arrives, in either direction.
    LinkLoss {
        /// Whose.
        stations: StationSet,
        /// When.
        span: Span,
        /// After this the backend's socket notices.
        noticed_after: TimeSpan,
    },
    /// Frames vanish while the link lives, in both directions.
    FrameLoss {
        /// Whose.
        stations: StationSet,
        /// How many, in thousandths.
        permille: u32,
        /// When.
        span: Span,
    },
    /// Frames from stations arrive twice.
    FrameDuplication {
        /// How many, in thousandths.
        permille: u32,
        /// When.
        span: Span,
    },
    /// Frames arrive late, in both directions; their order on a link holds.
    FrameDelay {
        /// How many, in thousandths.
        permille: u32,
        /// By up to this.
        up_to: TimeSpan,
        /// When.
        span: Span,
    },
    /// A meter is silent, frozen, or tells what is not so.
    Meter {
        /// Which.
        meter: MeterId,
        /// What is wrong with it.
        fault: MeterFault,
        /// When.
        span: Span,
    },
    /// A station loses power for a moment and boots.
    StationReboot {
        /// Which.
        station: StationId,
        /// When.
        at: Timestamp,
    },
    /// The clocks of some stations jump, and drift from then on.
    StationClock {
        /// Whose.
        stations: StationSet,
        /// When.
        at: Timestamp,
        /// Ahead; negative is back.
        jump: TimeSpan,
        /// How fast they gain, in millionths; negative loses.
        drift_ppm: i64,
        /// Whether they take the backend's time afterwards.
        sync: ClockSync,
    },
    /// Some stations get something wrong: disobedience among it.
    Quirk {
        /// Which.
        stations: StationSet,
        /// What.
        quirk: Quirk,
        /// When.
        span: Span,
    },
    /// An EVSE is wired otherwise than the site file states, all the time.
    WrongWiring {
        /// Which.
        evse: EvseId,
        /// How it truly is.
        wiring: Wiring,
    },
    /// All below a circuit is without power; it returns together.
    PowerCut {
        /// The circuit.
        circuit: CircuitId,
        /// When.
        span: Span,
    },
    /// An operator states a lower rating of a circuit, and afterwards the old one again.
    Derating {
        /// The circuit.
        circuit: CircuitId,
        /// What it may carry meanwhile, per phase.
        rating: PerPhase<Amperes>,
        /// When.
        span: Span,
    },
    /// The engine's process dies and is started again.
    EngineCrash {
        /// When.
        at: Timestamp,
        /// How long it is down.
        down: TimeSpan,
    },
    /// The engine's process dies at every n-th commit: odd ones just before the commit, even ones just after it.
    CrashAtCommits {
        /// n, above 0.
        every: u64,
        /// From this instant on.
        from: Timestamp,
        /// How long it is down.
        down: TimeSpan,
    },
    /// Nothing can be committed.
    DiskFull {
        /// When.
        span: Span,
    },
    /// The wall clock of the engine's machine jumps.
    WallClock {
        /// When.
        at: Timestamp,
        /// How far it is ahead of true time from then on; negative is behind.
        ahead: TimeSpan,
    },
    /// Plans that are random, late, early, stale or senseless reach the engine (S6).
    NonsensePlans {
        /// The mean time between two.
        every: TimeSpan,
        /// When.
        span: Span,
    },
}

/// From an instant until another, which is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub from: Timestamp,
    /// The end; [`Timestamp::MAX`] where there is none.
    pub until: Timestamp,
}

impl Span {
    /// All the time.
    pub const ALWAYS: Self = Self { from: Timestamp::EPOCH, until: Timestamp::MAX };

    /// Whether `now` is within.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// Some of the stations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StationSet {
    /// All.
    All,
    /// These.
    Named(Vec<StationId>),
    /// As many thousandths of all, drawn by seed.
    Permille(u32),
}

impl Fault {
    /// How much longer a frame may take because of it.
    #[must_use]
    pub const fn delay(&self) -> TimeSpan {
        match self {
            Self::FrameDelay { up_to, .. } => *up_to,
            Self::LinkLoss { .. }
            | Self::FrameLoss { .. }
            | Self::FrameDuplication { .. }
            | Self::Meter { .. }
            | Self::StationReboot { .. }
            | Self::StationClock { .. }
            | Self::Quirk { .. }
            | Self::WrongWiring { .. }
            | Self::PowerCut { .. }
            | Self::Derating { .. }
            | Self::EngineCrash { .. }
            | Self::CrashAtCommits { .. }
            | Self::DiskFull { .. }
            | Self::WallClock { .. }
            | Self::NonsensePlans { .. } => TimeSpan::ZERO,
        }
    }

    /// When it begins to act of itself, and ends. None for what acts on frames and commits as they come.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::LinkLoss { span, .. }
            | Self::FrameLoss { span, .. }
            | Self::FrameDuplication { span, .. }
            | Self::FrameDelay { span, .. }
            | Self::Meter { span, .. }
            | Self::Quirk { span, .. }
            | Self::PowerCut { span, .. }
            | Self::Derating { span, .. }
            | Self::DiskFull { span }
            | Self::NonsensePlans { span, .. } => Some(*span),
            Self::EngineCrash { at, down } => {
                let until = Timestamp::from_milliseconds(at.milliseconds() + down.milliseconds());
                Some(Span { from: *at, until })
            }
            Self::StationReboot { at, .. } | Self::StationClock { at, .. } | Self::WallClock { at, .. } => {
                Some(Span { from: *at, until: *at })
            }
            Self::CrashAtCommits { .. } | Self::WrongWiring { .. } => None,
        }
    }

    /// For people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LinkLoss { .. } => "link loss",
            Self::FrameLoss { .. } => "frame loss",
            Self::FrameDuplication { .. } => "frame duplication",
            Self::FrameDelay { .. } => "frame delay",
            Self::Meter { fault, .. } => match fault {
                MeterFault::None => "a sound meter",
                MeterFault::Silent => "meter loss",
                MeterFault::Frozen => "meter freeze",
                MeterFault::Impossible => "impossible meter",
                MeterFault::Zero => "meter at zero",
            },
            Self::StationReboot { .. } => "station reboot",
            Self::StationClock { .. } => "station clock",
            Self::Quirk { .. } => "quirk",
            Self::WrongWiring { .. } => "wrong wiring",
            Self::PowerCut { .. } => "power cut",
            Self::Derating { .. } => "derating",
            Self::EngineCrash { .. } => "engine crash",
            Self::CrashAtCommits { .. } => "crash at commits",
            Self::DiskFull { .. } => "disk full",
            Self::WallClock { .. } => "wall clock",
            Self::NonsensePlans { .. } => "nonsense plans",
        }
    }
}
