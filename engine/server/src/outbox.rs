//! What waits to be sent on a link. A queue that can be looked into: a call of ours may be withdrawn before it leaves.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// So many frames may wait; a station that does not read them has no working link.
const FRAMES_MAX: usize = 1_024;

/// Frames on their way out, shared by the engine, which fills it, and the link's task, which empties it.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Box<str>>,
    end: Option<End>,
}

/// How a link ends from our side: always TCP without a Close frame, since some stations never return after one
/// (FIELD 4d 55).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What waits is thrown away.
    Now,
    /// What waits is sent first.
    Drained,
}

/// What the link's task is to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send these, in order.
    Frames(Vec<Box<str>>),
    /// Drop the link.
    End,
}

impl Outbox {
    /// Queues a frame. A link that takes nothing is ended.
    pub fn push(&self, text: Box<str>) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        if state.frames.len() >= FRAMES_MAX {
            state.frames.clear();
            state.end = Some(End::Now);
        } else {
            state.frames.push_back(text);
        }
        drop(state);
        self.news.notify_one();
    }

    /// Takes a call of ours back, if it has not left.
    pub fn withdraw(&self, message: u64) -> Withdrawn {
        let mut state = self.state();
        let waiting = state.frames.len();
        state.frames.retain(|text| !is_call(text, message));
        if state.frames.len() < waiting { Withdrawn::Yes } else { Withdrawn::HadLeft }
    }

    /// Ends the link.
    pub fn end(&self, end: End) {
        let mut state = self.state();
        if end == End::Now {
            state.frames.clear();
        }
        state.end = Some(end);
        drop(state);
        self.news.notify_one();
    }

    /// What to do next; waits for it.
    pub async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.news.notified().await;
        }
    }

    pub(crate) fn take(&self) -> Option<Next> {
        let mut state = self.state();
        if !state.frames.is_empty() {
            return Some(Next::Frames(state.frames.drain(..).collect()));
        }
        state.end.map(|_| Next::End)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call was still here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It will not be sent.
    Yes,
    /// It was sent already, or never here.
    HadLeft,
}

/// Whether the frame is our call with this message id: `[2,"7",…`.
pub fn is_call(text: &str, message: u64) -> bool {
    let rest = text.strip_prefix("[2,\"").unwrap_or_default();
    rest.split_once('"').is_some_and(|(id, _)| id.parse() == Ok(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_withdrawn_only_before_it_leaves() {
        let outbox = Outbox::default();
        outbox.push("[2,\"7\",\"SetChargingProfile\",{}]".into());
        outbox.push("[3,\"7\",{}]".into());
        assert_eq!(outbox.withdraw(7), Withdrawn::Yes);
        assert_eq!(
            outbox.take(),
            Some(Next::Frames(vec!["[3,\"7\",{}]".into()])),
            "the station's own 7 stays"
        );
        assert_eq!(outbox.withdraw(7), Withdrawn::HadLeft);
    }

    #[test]
    fn a_link_that_takes_nothing_is_ended() {
        let outbox = Outbox::default();
        for _ in 0..=FRAMES_MAX {
            outbox.push("x".into());
        }
        assert_eq!(outbox.take(), Some(Next::End));
    }

    #[test]
    fn a_drained_end_sends_what_waits_and_an_immediate_one_does_not() {
        for (end, expected) in [(End::Drained, Next::Frames(vec!["x".into()])), (End::Now, Next::End)] {
            let outbox = Outbox::default();
            outbox.push("x".into());
            outbox.end(end);
            assert_eq!(outbox.take(), Some(expected));
        }
    }
}
