//! The commit protocol: records are numbered, and every other output names the record it waits for (DESIGN section 3).

use std::collections::VecDeque;

use units::{LinkId, RecordSeq};

use crate::contract::{Effect, Output};
use crate::record::Record;

/// Outputs on their way out.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    outputs: VecDeque<Output>,
    last: RecordSeq,
}

/// What an output waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Every record so far.
    ForRecords,
    /// Nothing: a shed, and what must be heard while nothing can be committed.
    ForNothing,
}

impl Outbox {
    pub fn persist(&mut self, record: Record) {
        self.last = self.last.next();
        let effect = Effect::Persist { seq: self.last, record: Box::new(record) };
        self.outputs.push_back(Output { after: RecordSeq(0), effect });
    }

    pub fn push(&mut self, wait: Wait, effect: Effect) {
        let after = match wait {
            Wait::ForRecords => self.last,
            Wait::ForNothing => RecordSeq(0),
        };
        self.outputs.push_back(Output { after, effect });
    }

    pub fn send(&mut self, wait: Wait, link: LinkId, text: String) {
        self.push(wait, Effect::SendFrame { link, text: text.into_boxed_str() });
    }

    pub fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
