//! What all stations share: the sites, the directory, the numbers and the way out.

use std::collections::BTreeSet;
use std::sync::Arc;

use billing::directory::Directory;
use units::{CdrId, SessionId, TimeSpan, Timestamp, TransactionId};

use crate::contract::{Alarm, Effect};
use crate::control::Sites;
use crate::csms::Policy;
use crate::outbox::{Outbox, Wait};
use crate::record::{Counters, Record};

/// How many message ids one row reserves.
const MESSAGE_IDS_RESERVED: u64 = 1_000;
/// A transaction id fits 31 bits: OCPP 1.6 carries it as a signed 32-bit number.
const TRANSACTION_ID_MAX: u64 = 0x7FFF_FFFF;

/// What all stations share.
#[derive(Debug, Default)]
pub(crate) struct Core {
    pub policy: Policy,
    pub directory: Arc<Directory>,
    /// The wall clock less the engine's.
    pub wall_offset: TimeSpan,
    pub out: Outbox,
    pub sites: Sites,
    pub counters: Counters,
    /// The next message id; `counters.message` is the first one not reserved.
    pub message_next: u64,
    pub alarms: BTreeSet<Alarm>,
}

impl Core {
    /// What the wall clock shows: the time that stations, people and money go by.
    pub fn wall(&self, now: Timestamp) -> Timestamp {
        now + self.wall_offset
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

    pub fn raise(&mut self, wait: Wait, alarm: Alarm) {
        if self.alarms.insert(alarm.clone()) {
            self.out.push(wait, Effect::AlarmRaised(alarm));
        }
    }

    pub fn clear(&mut self, wait: Wait, alarm: Alarm) {
        if self.alarms.remove(&alarm) {
            self.out.push(wait, Effect::AlarmCleared(alarm));
        }
    }
}
