//! The one queue of virtual time: by instant, then precedence, then the order of scheduling.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use units::Timestamp;

/// What comes first among events of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precedence {
    /// Currents, people, faults.
    Physics,
    /// Meters are read.
    Measurement,
    /// Frames arrive, commits end.
    Message,
    /// The engine is asked to look at the clock.
    Control,
}

/// Events waiting for their instant.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    sequence: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<E> Queue<E> {
    /// Schedules `event`.
    pub fn push(&mut self, at: Timestamp, precedence: Precedence, event: E) {
        self.sequence += 1;
        let order = precedence.rank() << RANK_AT | self.sequence;
        self.heap.push(Reverse(Entry { at, order, event }));
    }

    /// The next event, if it is due before `end`.
    pub fn pop_before(&mut self, end: Timestamp) -> Option<(Timestamp, E)> {
        if self.heap.peek().is_none_or(|Reverse(entry)| entry.at >= end) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

#[derive(Debug)]
struct Entry<E> {
    at: Timestamp,
    /// Precedence, then the order of scheduling, in one number.
    order: u64,
    event: E,
}

/// Where the precedence stands in an entry's order: below it there is room for more events than a run can have.
const RANK_AT: u32 = 60;

impl Precedence {
    const fn rank(self) -> u64 {
        match self {
            Self::Physics => 0,
            Self::Measurement => 1,
            Self::Message => 2,
            Self::Control => 3,
        }
    }
}

impl<E> Entry<E> {
    const fn key(&self) -> (Timestamp, u64) {
        (self.at, self.order)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_instant_then_precedence_then_order_of_scheduling() {
        let at = Timestamp::from_milliseconds;
        let mut queue = Queue::default();
        queue.push(at(2), Precedence::Physics, "later");
        queue.push(at(1), Precedence::Control, "control");
        queue.push(at(1), Precedence::Message, "message 1");
        queue.push(at(1), Precedence::Message, "message 2");
        queue.push(at(1), Precedence::Physics, "physics");
        queue.push(at(1), Precedence::Measurement, "measurement");
        let mut order = Vec::new();
        while let Some((_, event)) = queue.pop_before(at(2)) {
            order.push(event);
        }
        assert_eq!(order, ["physics", "measurement", "message 1", "message 2", "control"]);
        assert_eq!(queue.pop_before(at(3)), Some((at(2), "later")), "what is due at the end stays");
    }
}
