//! The one queue of virtual time: by instant, then precedence, then the order of scheduling.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use units::{TimeSpan, Timestamp};

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

/// How far the near end of the queue reaches at least.
const NEAR: TimeSpan = TimeSpan::from_minutes(10);

/// Events waiting for their instant.
#[derive(Debug)]
pub struct Queue<E> {
    /// What comes before `near_until`: little, and all the traffic.
    near: BinaryHeap<Reverse<Entry<E>>>,
    near_until: Timestamp,
    /// What comes later: a month's arrivals. By instant and order.
    far: BTreeMap<(Timestamp, u64), E>,
    sequence: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { near: BinaryHeap::new(), near_until: Timestamp::EPOCH, far: BTreeMap::new(), sequence: 0 }
    }
}

impl<E> Queue<E> {
    /// Schedules `event`.
    pub fn push(&mut self, at: Timestamp, precedence: Precedence, event: E) {
        self.sequence += 1;
        let order = precedence.rank() << RANK_AT | self.sequence;
        if at < self.near_until {
            self.near.push(Reverse(Entry { at, order, event }));
        } else {
            self.far.insert((at, order), event);
        }
    }

    /// The next event, if it is due before `end`.
    pub fn pop_before(&mut self, end: Timestamp) -> Option<(Timestamp, E)> {
        if self.near.is_empty() {
            self.approach();
        }
        if self.near.peek().is_none_or(|Reverse(entry)| entry.at >= end) {
            return None;
        }
        self.near.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    /// Makes the next of the far events near ones.
    fn approach(&mut self) {
        let Some(&(first, _)) = self.far.keys().next() else { return };
        self.near_until = first + NEAR;
        let later = self.far.split_off(&(self.near_until, 0));
        let near = std::mem::replace(&mut self.far, later).into_iter();
        self.near.extend(near.map(|((at, order), event)| Reverse(Entry { at, order, event })));
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
    fn what_is_far_comes_in_its_order_among_what_was_scheduled_later() {
        let at = |seconds| Timestamp::EPOCH + TimeSpan::from_seconds(seconds);
        let (mut queue, mut plain) = (Queue::default(), Vec::new());
        // 37 and 1,000 have no common divisor: every half minute of eight hours is scheduled once, in no order.
        for number in 0..1_000 {
            let seconds = number * 37 % 1_000 * 30;
            queue.push(at(seconds), Precedence::Message, number);
            plain.push((at(seconds), number));
        }
        let mut popped = Vec::new();
        while let Some((instant, number)) = queue.pop_before(Timestamp::MAX) {
            popped.push((instant, number));
            if number % 100 == 0 {
                // What an event schedules may come before all that is known, or after.
                for later in [0, 5, 7_000] {
                    queue.push(instant + TimeSpan::from_seconds(later), Precedence::Message, number + 1_001);
                    plain.push((instant + TimeSpan::from_seconds(later), number + 1_001));
                }
            }
        }
        assert!(popped.is_sorted_by_key(|&(instant, _)| instant), "{popped:?}");
        popped.sort_unstable();
        plain.sort_unstable();
        assert_eq!(popped, plain);
    }

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
