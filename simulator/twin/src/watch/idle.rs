//! M8, idle time is fair: what a bill counts as the EV's own idling was never the EVSE's fault in truth.
//!
//! A CDR says when the EV declined an offer, and PARKING_TIME counts nothing else. No such stretch may overlap one in which
//! the EVSE offered less than its pilot minimum, was faulted, or had no link. Every CDR that is billed is judged, whether its
//! tariff prices the time or not, and the grace that a tariff grants excuses nothing. An EV that needs more than its EVSE's
//! minimum is not looked at: of an offer that is too small for it alone, MONEY says nothing.

use billing::cdr::{Activity, Cdr};
use units::{Amperes, TimeSpan, Timestamp};

use super::{PlantEvse, Rule, Watch};
use crate::business::Books;

/// What an EVSE does is told within this: its pilot's delay, and a frame and its answer under way.
const TOLD: TimeSpan = TimeSpan::from_seconds(5);

/// When an EVSE could give nothing, whatever its EV wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Barred {
    since: Option<Timestamp>,
    over: Vec<(Timestamp, Timestamp)>,
}

impl Barred {
    /// How the EVSE is from `now` on, and its pilot minimum.
    pub fn note(&mut self, now: Timestamp, plant: &PlantEvse, minimum: Amperes) {
        let is_barred = !plant.is_reachable || plant.is_faulted || plant.limit < minimum;
        match (self.since, is_barred) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.over.push((since, now));
                self.since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// The first stretch that overlaps this one by more than what is told late.
    fn within(&self, from: Timestamp, until: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let lasting = self.since.map(|since| (since, Timestamp::MAX));
        let common = |(begin, end): (Timestamp, Timestamp)| (begin.max(from), end.min(until));
        let stretches = self.over.iter().copied().chain(lasting).map(common);
        stretches.into_iter().find(|&(begin, end)| end.since(begin) > TOLD)
    }
}

impl Watch {
    pub(super) fn judge_m8(&mut self, now: Timestamp, books: &Books) {
        for priced in &books.priced {
            let Some(cdr) = books.cdrs.iter().find(|cdr| cdr.id == priced.cdr) else { continue };
            let Some(place) = self.evses.iter().position(|evse| evse.id == cdr.evse) else { continue };
            for (from, until) in declined(cdr) {
                self.verdicts.check(Rule::M8);
                if let Some((begin, end)) = self.evses[place].barred.within(from, until) {
                    let text = format!(
                        "CDR {} says that the EV at {} declined from {from} until {until}; from {begin} until {end} it was \
                         offered too little, or the EVSE was faulted or offline",
                        cdr.id, cdr.evse
                    );
                    self.verdicts.fire(Rule::M8, now, text, &self.story);
                }
            }
        }
    }
}

/// The stretches in which the EV declined an offer, as the CDR has them.
fn declined(cdr: &Cdr) -> Vec<(Timestamp, Timestamp)> {
    let mut stretches = Vec::new();
    for (place, span) in cdr.activity.iter().enumerate() {
        let until = cdr.activity.get(place + 1).map_or(cdr.stopped_at, |next| next.from);
        let (from, until) = (span.from.max(cdr.started_at), until.min(cdr.stopped_at));
        if span.activity == Activity::Declined && from < until {
            stretches.push((from, until));
        }
    }
    stretches
}
