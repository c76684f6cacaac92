//! Our calls to one station: one outstanding, the rest waiting by priority, each with a deadline (FIELD section 6, 6).

use std::collections::VecDeque;

use charging::site::Ticket;
use units::{EvseId, RequestId, TimeSpan, Timestamp};

use crate::message::Call;
use crate::upkeep::Cause;

/// How long a call may wait, and how long its answer may take.
const DEADLINE: TimeSpan = TimeSpan::from_seconds(30);
/// How long an answer may take while a shed waits (CONTROL section 4.5).
const DEADLINE_BEFORE_SHED: TimeSpan = TimeSpan::from_seconds(3);
/// How many calls given up are remembered for a late answer.
const ABANDONED_MAX: usize = 16;

/// Who waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Control.
    Dispatch { evse: EvseId, ticket: Ticket },
    /// A person.
    Operator { waiter: Waiter, actor: Box<str>, what: String },
    /// Nobody: the station is told how we want it.
    Housekeeping(Housekeeping),
    /// A job, a template, a list: the answer becomes news.
    Upkeep(Cause),
}

/// Who is told how a command ended: once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    Request(RequestId),
    /// Was told that there is no answer; a late one is written down, and told to nobody.
    Gone,
}

impl Purpose {
    /// Of a call that was given up: whoever waited was told so.
    fn given_up(&self) -> Self {
        let mut purpose = self.clone();
        match &mut purpose {
            Self::Operator { waiter, .. } | Self::Upkeep(Cause::Cancellation { waiter, .. }) => {
                *waiter = Waiter::Gone;
            }
            Self::Dispatch { .. } | Self::Housekeeping(_) | Self::Upkeep(_) => {}
        }
        purpose
    }
}

/// What housekeeping wants to know of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Housekeeping {
    /// A call of the round of this number.
    Baseline(u32),
    ClearLimits,
    Status,
    Probe,
}

/// Which waiting call goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// A lower limit overtakes everything.
    Shed,
    /// What must be cleared before limits are set.
    Adoption,
    /// What a person asked for.
    Operator,
    /// Renewals, raises and standing fallbacks.
    Limit,
    /// A measurement that proves a limit.
    Measure,
    /// All else.
    Housekeeping,
}

/// A call that waits its turn.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub priority: Priority,
    pub expires_at: Timestamp,
    pub call: Call,
    pub purpose: Purpose,
}

/// A call that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Outstanding {
    /// Its message id.
    pub message: u64,
    /// Its action on the wire.
    pub action: Box<str>,
    pub sent_at: Timestamp,
    pub call: Call,
    pub purpose: Purpose,
}

/// The calls of one station.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    outstanding: Option<Outstanding>,
    /// Given up, oldest first; a late answer is still matched.
    abandoned: VecDeque<Outstanding>,
}

impl Calls {
    /// Lets `call` wait. Limits for the same EVSE that still wait are overtaken by it and returned: sent after it,
    /// they would undo it.
    pub fn enqueue(
        &mut self,
        now: Timestamp,
        priority: Priority,
        call: Call,
        purpose: Purpose,
    ) -> Vec<Purpose> {
        let mut overtaken = Vec::new();
        self.waiting.retain(|old| {
            let stays = !replaces(&call, &old.call);
            if !stays {
                overtaken.push(old.purpose.clone());
            }
            stays
        });
        self.waiting.push(Waiting { priority, expires_at: now + DEADLINE, call, purpose });
        overtaken
    }

    /// The call to send now, where none is outstanding: of those that are as urgent as `least`, or more.
    pub fn next(&mut self, least: Priority) -> Option<Waiting> {
        if self.outstanding.is_some() {
            return None;
        }
        let urgent = self.waiting.iter().enumerate().filter(|(_, call)| call.priority <= least);
        let (place, _) = urgent.min_by_key(|(place, call)| (call.priority, *place))?;
        Some(self.waiting.remove(place))
    }

    /// The calls that wait and are in vain, which wait no longer.
    pub fn give_up(&mut self, is_vain: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        self.waiting.extract_if(.., |call| is_vain(call)).collect()
    }

    pub fn sent(&mut self, call: Outstanding) {
        assert!(self.outstanding.is_none(), "call {} while another is outstanding", call.message);
        self.outstanding = Some(call);
    }

    /// The call that an answer belongs to, late or not.
    pub fn answered(&mut self, message: u64) -> Option<Outstanding> {
        if self.outstanding.as_ref().is_some_and(|call| call.message == message) {
            return self.outstanding.take();
        }
        let place = self.abandoned.iter().position(|call| call.message == message)?;
        self.abandoned.remove(place)
    }

    /// What ran out of time: the outstanding call, given up and to be withdrawn, and those that waited in vain.
    pub fn expire(&mut self, now: Timestamp) -> (Option<Outstanding>, Vec<Waiting>) {
        let given_up = match self.outstanding_deadline() {
            Some(deadline) if deadline <= now => self.outstanding.take(),
            Some(_) | None => None,
        };
        if let Some(call) = &given_up {
            self.abandoned.push_back(Outstanding { purpose: call.purpose.given_up(), ..call.clone() });
            if self.abandoned.len() > ABANDONED_MAX {
                self.abandoned.pop_front();
            }
        }
        let (expired, waiting) = self.waiting.drain(..).partition(|call| call.expires_at <= now);
        self.waiting = waiting;
        (given_up, expired)
    }

    /// A disconnect ends every call.
    pub fn end(&mut self) -> Vec<Purpose> {
        self.abandoned.clear();
        let outstanding = self.outstanding.take().map(|call| call.purpose);
        outstanding.into_iter().chain(self.waiting.drain(..).map(|call| call.purpose)).collect()
    }

    pub fn is_shed_waiting(&self) -> bool {
        self.waiting.iter().any(|call| call.priority == Priority::Shed)
    }

    /// When [`Self::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let waiting = self.waiting.iter().map(|call| call.expires_at).min();
        self.outstanding_deadline().into_iter().chain(waiting).min()
    }

    fn outstanding_deadline(&self) -> Option<Timestamp> {
        let patience = if self.is_shed_waiting() { DEADLINE_BEFORE_SHED } else { DEADLINE };
        self.outstanding.as_ref().map(|call| call.sent_at + patience)
    }
}

/// Whether sending `old` after `new` would undo `new`, or ask for the same again.
fn replaces(new: &Call, old: &Call) -> bool {
    match (new, old) {
        (Call::SetLive { evse: a, .. }, Call::SetLive { evse: b, .. })
        | (Call::SetFallback { evse: a, .. }, Call::SetFallback { evse: b, .. })
        | (Call::Measure { evse: a, .. }, Call::Measure { evse: b, .. }) => a == b,
        (
            Call::SetLive { .. }
            | Call::SetFallback { .. }
            | Call::ClearLimits
            | Call::Measure { .. }
            | Call::AskStatus { .. }
            | Call::Probe
            | Call::Configure { .. }
            | Call::Read { .. }
            | Call::Start { .. }
            | Call::Stop { .. }
            | Call::Ask(_)
            | Call::Raw { .. },
            _,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use units::{Amperes, TransactionId};

    use super::*;
    use crate::message::Named;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_seconds(seconds)
    }

    fn live(evse: u16, amperes: i64) -> Call {
        Call::SetLive {
            evse,
            transaction: Named::Ours(TransactionId(1)),
            limit: Amperes::from_amperes(amperes),
            limit_expired: Amperes::ZERO,
            lifetime: TimeSpan::from_minutes(5),
        }
    }

    fn ticket(number: u64) -> Purpose {
        Purpose::Dispatch { evse: "CP/1".parse().unwrap(), ticket: Ticket(number) }
    }

    fn send(calls: &mut Calls, now: Timestamp, message: u64) -> Call {
        let Waiting { call, purpose, .. } = calls.next(Priority::Housekeeping).expect("a call waits");
        calls.sent(Outstanding { message, action: "".into(), sent_at: now, call: call.clone(), purpose });
        call
    }

    #[test]
    fn a_shed_overtakes_all_that_waits_and_the_limit_it_replaces_never_goes_out() {
        let mut calls = Calls::default();
        calls.enqueue(at(0), Priority::Limit, live(1, 16), ticket(1));
        calls.enqueue(at(0), Priority::Limit, live(2, 16), ticket(2));
        calls.enqueue(at(0), Priority::Operator, Call::Probe, ticket(3));
        assert_eq!(calls.enqueue(at(1), Priority::Shed, live(2, 6), ticket(4)), [ticket(2)]);
        assert_eq!(send(&mut calls, at(1), 1), live(2, 6));
        assert!(calls.next(Priority::Housekeeping).is_none(), "one call is outstanding");
        assert!(calls.answered(1).is_some());
        assert_eq!(send(&mut calls, at(2), 2), Call::Probe);
        calls.answered(2);
        assert_eq!(send(&mut calls, at(2), 3), live(1, 16));
    }

    #[test]
    fn an_outstanding_call_is_given_up_after_three_seconds_while_a_shed_waits() {
        let mut calls = Calls::default();
        calls.enqueue(at(0), Priority::Limit, live(1, 16), ticket(1));
        send(&mut calls, at(0), 7);
        assert_eq!(calls.next_deadline(), Some(at(30)));
        calls.enqueue(at(1), Priority::Shed, live(1, 6), ticket(2));
        assert_eq!(calls.next_deadline(), Some(at(3)));
        let (given_up, expired) = calls.expire(at(3));
        assert_eq!((given_up.map(|call| call.message), expired.len()), (Some(7), 0));
        assert_eq!(send(&mut calls, at(3), 8), live(1, 6));
        assert_eq!(
            calls.answered(7).map(|call| call.purpose),
            Some(ticket(1)),
            "a late answer is still matched"
        );
        assert!(calls.answered(7).is_none(), "and only once");
    }

    #[test]
    fn calls_that_wait_too_long_expire() {
        let mut calls = Calls::default();
        calls.enqueue(at(0), Priority::Operator, Call::Probe, ticket(1));
        assert_eq!(calls.expire(at(29)).1.len(), 0);
        assert_eq!(calls.expire(at(30)).1.len(), 1);
        assert_eq!(calls.next_deadline(), None);
    }
}
