//! What happened in the last minute, kept cheaply and told in words only when a rule is broken.

use std::collections::VecDeque;

use units::{Amperes, PerPhase, TimeSpan, Timestamp};

/// How far back a story goes.
const STORY: TimeSpan = TimeSpan::from_seconds(60);
/// And how many lines it has at most.
const LINES: usize = 120;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The current at an EVSE changed: on the site's lines.
    Current {
        /// Which.
        evse: usize,
        /// To what.
        current: PerPhase<Amperes>,
    },
    /// The base load of a circuit changed.
    Base {
        /// Which.
        circuit: usize,
        /// To what.
        current: PerPhase<Amperes>,
    },
    /// A meter's reading reached the engine.
    Reading {
        /// Of which circuit.
        circuit: usize,
        /// When it was measured.
        measured_at: Timestamp,
        /// What it said.
        current: PerPhase<Amperes>,
    },
    /// A live limit left the engine.
    Limit {
        /// For which EVSE.
        evse: usize,
        /// Per phase.
        limit: Amperes,
        /// What it falls back to.
        expired: Amperes,
    },
    /// The station applies another limit.
    InForce {
        /// At which EVSE.
        evse: usize,
        /// Per phase.
        limit: Amperes,
    },
    /// Something rare.
    Text(String),
}

/// The last minute.
#[derive(Debug, Default)]
pub struct Story {
    notes: VecDeque<(Timestamp, Note)>,
    /// Every line since the last was taken, where all of them are kept.
    kept: Option<Vec<String>>,
    evses: Vec<String>,
    circuits: Vec<String>,
}

impl Story {
    /// Tells the story with these names.
    pub fn name(&mut self, evses: Vec<String>, circuits: Vec<String>) {
        self.evses = evses;
        self.circuits = circuits;
    }

    /// Keeps every line from now on, until it is taken.
    pub fn keep(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// The lines kept since they were last taken.
    pub fn take(&mut self) -> Vec<String> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Something happened.
    pub fn note(&mut self, now: Timestamp, note: Note) {
        while self.notes.front().is_some_and(|(at, _)| now.since(*at) > STORY) {
            self.notes.pop_front();
        }
        if self.kept.is_some() {
            let line = format!("{now} {}", self.words(&note));
            self.kept.get_or_insert_default().push(line);
        }
        self.notes.push_back((now, note));
    }

    /// The minute before `now`, in words, the last lines of it.
    #[must_use]
    pub fn tell(&self, now: Timestamp) -> Vec<String> {
        let told: Vec<String> = self
            .notes
            .iter()
            .filter(|(at, _)| now.since(*at) <= STORY)
            .map(|(at, note)| format!("{at} {}", self.words(note)))
            .collect();
        let first = told.len().saturating_sub(LINES);
        told.into_iter().skip(first).collect()
    }

    fn words(&self, note: &Note) -> String {
        let evse = |index: &usize| self.evses.get(*index).map_or("?", String::as_str);
        let circuit = |index: &usize| self.circuits.get(*index).map_or("?", String::as_str);
        match note {
            Note::Current { evse: index, current } => format!("EVSE {} draws {current}", evse(index)),
            Note::Base { circuit: index, current } => {
                format!("base load of {} is {current}", circuit(index))
            }
            Note::Reading { circuit: index, measured_at, current } => {
                format!("the meter of {} told {current}, measured {measured_at}", circuit(index))
            }
            Note::Limit { evse: index, limit, expired } => {
                format!("limit {limit}, then {expired}, is sent to EVSE {}", evse(index))
            }
            Note::InForce { evse: index, limit } => {
                format!("limit {limit} is in force at EVSE {}", evse(index))
            }
            Note::Text(text) => text.clone(),
        }
    }
}
