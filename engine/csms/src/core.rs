//! What all stations share: the sites, the directory, the numbers and the way out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use billing::cdr::Doubt;
use billing::directory::Directory;
use meters::judge::Judge;
use units::{CdrId, MeterId, ReportedAt, SessionId, StationId, TimeSpan, Timestamp, TransactionId};

use crate::contract::{Alarm, Effect};
use crate::control::Sites;
use crate::csms::Policy;
use crate::outbox::{Outbox, Wait};
use crate::query::Acknowledged;
use crate::record::{Counters, Record, SecurityRow};
use crate::upkeep::News;

/// How many message ids one row reserves.
const MESSAGE_IDS_RESERVED: u64 = 1_000;
/// Clocks that are right differ by no more than this.
const CLOCKS_DIFFER: TimeSpan = TimeSpan::from_seconds(5);
/// What begins or ends while the machine's clock is further from the engine's is in doubt.
const JUMP_DOUBTED: TimeSpan = TimeSpan::from_hours(1);
/// A transaction id fits 31 bits: OCPP 1.6 carries it as a signed 32-bit number.
const TRANSACTION_ID_MAX: u64 = 0x7FFF_FFFF;

/// What all stations share.
#[derive(Debug, Default)]
pub(crate) struct Core {
    pub policy: Policy,
    pub directory: Arc<Directory>,
    /// The wall clock less the engine's.
    pub wall_offset: TimeSpan,
    /// When the wall clock last jumped.
    pub wall_moved_at: Timestamp,
    /// Meters whose stamps showed that they have a clock of their own.
    pub meters_of_their_own: BTreeSet<MeterId>,
    /// Of mains meters that stations report.
    pub judges: BTreeMap<MeterId, Judge>,
    pub out: Outbox,
    pub sites: Sites,
    /// What stations must prove, where an operator said so.
    pub security: BTreeMap<StationId, SecurityRow>,
    pub counters: Counters,
    /// The next message id; `counters.message` is the first one not reserved.
    pub message_next: u64,
    /// Those that stand.
    pub alarms: BTreeMap<Alarm, AlarmState>,
    /// Whether stations get their answers; while records cannot be committed they wait for them.
    pub answering: Answering,
    /// What happened that concerns upkeep, and is attended to after the input.
    pub news: VecDeque<News>,
}

/// How an alarm stands.
#[derive(Debug, Clone)]
pub(crate) struct AlarmState {
    /// By the wall clock.
    pub since: Timestamp,
    pub acknowledged: Option<Acknowledged>,
}

/// Whether stations get their answers, so that what they say is said when it happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Answering {
    /// Since the engine runs.
    #[default]
    Always,
    /// Records cannot be committed.
    Never,
    /// Records can be committed again.
    Since(Timestamp),
}

impl Core {
    /// What the wall clock shows: the time that stations, people and money go by.
    pub fn wall(&self, now: Timestamp) -> Timestamp {
        now + self.wall_offset
    }

    /// The wall clock is ahead of the engine's by `offset` from now on.
    pub fn wall_moves(&mut self, now: Timestamp, offset: TimeSpan) {
        self.wall_offset = offset;
        self.wall_moved_at = now;
    }

    /// When a meter measured, by the engine's clock; never in the future. The engine's clock ran with the machine's at the
    /// start, and so does the clock of a meter that is right. A machine whose clock jumps afterwards takes along the meters
    /// that it reads itself, and leaves behind those with a clock of their own. Which of both a meter is its stamps show:
    /// the machine's clock of now stamps nothing that was measured before it jumped, and no clock stamps the future.
    pub fn metered_at(&mut self, now: Timestamp, meter: &MeterId, at: ReportedAt) -> Timestamp {
        let (by_machine, by_its_own) = (at.0 - self.wall_offset, at.0);
        let latest = now + CLOCKS_DIFFER;
        let may_be_machines = by_machine + CLOCKS_DIFFER >= self.wall_moved_at && by_machine <= latest;
        let may_be_its_own = by_its_own <= latest;
        let measured_at = match (may_be_machines, may_be_its_own) {
            (true, true) if self.meters_of_their_own.contains(meter) => by_its_own,
            (true, true) => by_machine,
            (true, false) => {
                self.meters_of_their_own.remove(meter);
                by_machine
            }
            (false, true) => {
                // What was measured before the jump was stamped before it, by whichever clock.
                if by_its_own >= self.wall_moved_at {
                    self.meters_of_their_own.insert(meter.clone());
                }
                by_its_own
            }
            (false, false) => by_machine.min(by_its_own),
        };
        measured_at.min(now)
    }

    /// A doubt of all that happens while the wall clock is far from the engine's. Where the wall clock is right and the
    /// engine's was not, a restart ends it: the engine's clock begins at the wall clock's time.
    pub fn doubt_of_clock(&self, now: Timestamp) -> Option<Doubt> {
        self.has_jumped().then(|| Doubt::ClockJumped { machine: self.wall(now), engine: now })
    }

    /// Whether the wall clock is so far from the engine's that one of them is wrong.
    pub fn has_jumped(&self) -> bool {
        self.wall_offset > JUMP_DOUBTED || self.wall_offset < TimeSpan::ZERO - JUMP_DOUBTED
    }

    pub fn next_transaction(&mut self) -> TransactionId {
        let number = self.counters.transaction.max(1);
        assert!(number <= TRANSACTION_ID_MAX, "transaction id {number} does not fit 31 bits");
        self.counters.transaction = number + 1;
        TransactionId(number)
    }

    pub fn next_session(&mut self) -> SessionId {
        let number = self.counters.session.max(1);
        self.counters.session = number + 1;
        SessionId(number)
    }

    pub fn next_cdr(&mut self) -> CdrId {
        let number = self.counters.cdr.max(1);
        self.counters.cdr = number + 1;
        CdrId(number)
    }

    /// The number of a start from afar; it fits 31 bits, and begins anew after them.
    pub fn next_start(&mut self) -> u32 {
        let number = self.counters.start.max(1);
        self.counters.start = if number < 0x7FFF_FFFF { number + 1 } else { 1 };
        number
    }

    /// A message id of ours: never used before, in earlier runs neither.
    pub fn next_message(&mut self) -> u64 {
        if self.message_next >= self.counters.message {
            self.message_next = self.counters.message.max(1);
            self.counters.message = self.message_next + MESSAGE_IDS_RESERVED;
            self.persist_counters();
        }
        let number = self.message_next;
        self.message_next += 1;
        number
    }

    /// To be called once after the numbers that one input took.
    pub fn persist_counters(&mut self) {
        self.out.persist(Record::Counters(self.counters));
    }

    pub fn raise(&mut self, now: Timestamp, wait: Wait, alarm: Alarm) {
        if !self.alarms.contains_key(&alarm) {
            let since = self.wall(now);
            self.alarms.insert(alarm.clone(), AlarmState { since, acknowledged: None });
            self.out.push(wait, Effect::AlarmRaised(alarm));
        }
    }

    pub fn clear(&mut self, wait: Wait, alarm: Alarm) {
        if self.alarms.remove(&alarm).is_some() {
            self.out.push(wait, Effect::AlarmCleared(alarm));
        }
    }
}
