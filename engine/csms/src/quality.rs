//! How good a station's connection is, since this run began: drops, answers that took long or did not come, silence.

use std::collections::VecDeque;

use serde::Serialize;
use units::{TimeSpan, Timestamp};

/// So many drops are remembered.
const DROPS_KEPT: usize = 50;
/// So many round trips.
const TRIPS_KEPT: usize = 64;

/// What is counted of one station's links.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    drops: VecDeque<Drop>,
    drops_count: u64,
    trips: VecDeque<TimeSpan>,
    pub unanswered: u64,
    pub heartbeats_missed: u64,
    pub frames_in: u64,
    pub frames_out: u64,
}

/// A link that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drop {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// After how long.
    pub after: TimeSpan,
    /// Why.
    pub reason: &'static str,
}

/// The quality of a station's connection, since this run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Since when the present link is up, by the wall clock.
    pub up_since: Option<Timestamp>,
    /// What it speaks, or spoke last.
    pub version: Option<ocpp::Version>,
    /// Links that ended.
    pub drops: u64,
    /// Of those the last ones, the newest last.
    pub drops_last: Vec<Drop>,
    /// Of the last answers to our calls: the middle one, in milliseconds from call to answer.
    pub round_trip_ms_p50: Option<i64>,
    /// And the slowest.
    pub round_trip_ms_max: Option<i64>,
    /// Calls of ours that were not answered in time.
    pub unanswered: u64,
    /// Times that it was silent for longer than its heartbeat allows.
    pub heartbeats_missed: u64,
    /// Frames from it.
    pub frames_in: u64,
    /// Calls and answers to it.
    pub frames_out: u64,
}

impl Quality {
    pub fn dropped(&mut self, at: Timestamp, after: TimeSpan, reason: &'static str) {
        self.drops_count += 1;
        if self.drops.len() == DROPS_KEPT {
            self.drops.pop_front();
        }
        self.drops.push_back(Drop { at, after, reason });
    }

    pub fn answered_after(&mut self, span: TimeSpan) {
        if self.trips.len() == TRIPS_KEPT {
            self.trips.pop_front();
        }
        self.trips.push_back(span);
    }

    /// How often a link ended, and how often since an instant of the wall clock.
    pub fn drops_since(&self, since: Timestamp) -> (u64, u64) {
        let recent = self.drops.iter().filter(|drop| drop.at >= since).count();
        (self.drops_count, u64::try_from(recent).unwrap_or(u64::MAX))
    }

    pub fn view(&self, up_since: Option<Timestamp>, version: Option<ocpp::Version>) -> Connection {
        let mut trips: Vec<i64> = self.trips.iter().map(|span| span.milliseconds()).collect();
        trips.sort_unstable();
        Connection {
            up_since,
            version,
            drops: self.drops_count,
            drops_last: self.drops.iter().cloned().collect(),
            round_trip_ms_p50: trips.get(trips.len() / 2).copied(),
            round_trip_ms_max: trips.last().copied(),
            unanswered: self.unanswered,
            heartbeats_missed: self.heartbeats_missed,
            frames_in: self.frames_in,
            frames_out: self.frames_out,
        }
    }
}
