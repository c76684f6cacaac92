//! Effects on their way out, each behind the record that was emitted last.

use std::collections::VecDeque;

use units::RecordSeq;

use crate::contract::{Effect, Output};
use crate::record::Record;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    seq: RecordSeq,
    queue: VecDeque<Output>,
}

impl Outbox {
    pub(crate) fn persist(&mut self, record: Record) {
        self.seq = self.seq.next();
        let effect = Effect::Persist { seq: self.seq, record: Box::new(record) };
        self.queue.push_back(Output { after: RecordSeq(0), effect });
    }

    /// Emits what may leave only once all records emitted so far are committed.
    pub(crate) fn emit(&mut self, effect: Effect) {
        self.queue.push_back(Output { after: self.seq, effect });
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }
}
