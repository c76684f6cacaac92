//! A run told line by line, for whoever must know why a limit was what it was.

use std::collections::BTreeMap;

use units::{LinkId, TimeSpan};

use super::World;
use crate::scenario::Scenario;
use crate::watch::Note;

/// Lines are handed over at least this often in virtual time.
const PAGE: TimeSpan = TimeSpan::from_minutes(10);

/// What the engine last held true, in words, by what it is said of.
#[derive(Debug, Default)]
pub(super) struct Diary(BTreeMap<String, String>);

impl World {
    /// Runs `scenario` to its end and tells all that happened: currents, meters, limits and frames, and after each change
    /// what the engine holds true of each EVSE and circuit. The events are those of [`World::run`].
    pub fn diary(scenario: Scenario, mut line: impl FnMut(&str)) {
        let end = scenario.ends_at;
        let mut world = Self::make(scenario, None);
        world.diary = Some(Diary::default());
        world.watch.story.keep();
        while world.now < end {
            world.advance((world.now + PAGE).min(end));
            world.watch.story.take().iter().for_each(|told| line(told));
        }
    }

    /// What the engine holds true now, where it is something else than before.
    pub(super) fn note_beliefs(&mut self) {
        let Some(diary) = &mut self.diary else { return };
        let config = &self.scenario.site.config;
        let Some(site) = self.engine.as_ref().and_then(|engine| engine.csms().control(&config.id)) else {
            return;
        };
        let evses = site.evse_views(self.now).map(|view| {
            let limit = view.limit.map_or("in doubt".to_owned(), |limit| limit.to_string());
            let session = if view.is_in_transaction { "in a transaction" } else { "in none" };
            let words = format!(
                "{session}, {:?}, limit {limit}, ceiling {}, drew {}; {}; {:?}",
                view.ev, view.ceiling, view.drawn, view.limited_by, view.remarks
            );
            (format!("EVSE {}", view.evse), words)
        });
        let circuits = site.circuit_views(self.now).into_iter().map(|view| {
            let doubt = if view.is_stale { ", its meter is not believed" } else { "" };
            let words = format!(
                "base {}, likely {}, ceilings {}, of {}{doubt}",
                view.base, view.base_likely, view.ceilings, view.usable
            );
            (format!("circuit {}", view.circuit), words)
        });
        for (what, words) in evses.chain(circuits) {
            if diary.0.get(&what) != Some(&words) {
                self.watch.story.note(self.now, Note::Text(format!("  believed: {what}: {words}")));
                diary.0.insert(what, words);
            }
        }
    }

    /// A frame that the engine got or sent.
    pub(super) fn note_frame(&mut self, link: LinkId, way: &str, text: &str) {
        if self.diary.is_some() {
            let station = self.station_by_link.get(&link).map(|&index| self.stations[index].id.clone());
            let station = station.map_or_else(|| "?".to_owned(), |id| id.to_string());
            self.watch.story.note(self.now, Note::Text(format!("  {way} {station}: {text}")));
        }
    }
}
