//! M8, idle time is fair: what a bill counts as the EV's own idling was never the EVSE's fault in truth.
//!
//! A CDR says when the EV declined an offer, and PARKING_TIME counts nothing else. No such stretch may overlap one in which
//! the EVSE offered less than its pilot minimum, was faulted, or had no link. Every CDR that is billed is judged, whether its
//! tariff prices the time or not, and the grace that a tariff grants excuses nothing. An EV that needs more than its EVSE's
//! minimum is not looked at: of an offer that is too small for it alone, MONEY says nothing. All of it goes by the clock of
//! the engine's machine, as CDRs do.

use billing::cdr::{Activity, Cdr};
use units::{Amperes, TimeSpan, Timestamp};

use super::{PlantEvse, Rule, Watch};

/// What an EVSE does is told within this: its pilot's delay, and a frame and its answer under way.
const TOLD: TimeSpan = TimeSpan::from_seconds(5);

/// When an EVSE could give nothing, whatever its EV wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Barred {
    since: Option<(Timestamp, Bar)>,
    over: Vec<(Timestamp, Timestamp, Bar)>,
}

/// What keeps an EVSE from giving anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bar {
    NoLink,
    Faulted,
    OffersTooLittle(Amperes),
}

impl Bar {
    fn of(plant: &PlantEvse, minimum: Amperes) -> Option<Self> {
        if !plant.is_reachable {
            Some(Self::NoLink)
        } else if plant.is_faulted {
            Some(Self::Faulted)
        } else {
            (plant.limit < minimum).then_some(Self::OffersTooLittle(plant.limit))
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::NoLink => "its station had no link".to_owned(),
            Self::Faulted => "its EVSE was faulted".to_owned(),
            Self::OffersTooLittle(limit) => format!("it was offered {limit}"),
        }
    }
}

impl Barred {
    /// How the EVSE is from `now` on, and its pilot minimum.
    pub fn note(&mut self, now: Timestamp, plant: &PlantEvse, minimum: Amperes) {
        let bar = Bar::of(plant, minimum);
        match (self.since, bar) {
            (Some((since, known)), None) => {
                self.over.push((since, now, known));
                self.since = None;
            }
            (None, Some(bar)) => self.since = Some((now, bar)),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    /// The clock that stretches are told by jumps from one instant to another.
    fn jump(&mut self, from: Timestamp, to: Timestamp) {
        if let Some((since, bar)) = self.since {
            self.over.push((since, from, bar));
            self.since = Some((to, bar));
        }
    }

    /// The first stretch that overlaps this one by more than what is told late, and how it began.
    fn within(&self, from: Timestamp, until: Timestamp) -> Option<(Timestamp, Timestamp, Bar)> {
        let lasting = self.since.map(|(since, bar)| (since, Timestamp::MAX, bar));
        let common = |(begin, end, bar): (Timestamp, Timestamp, Bar)| (begin.max(from), end.min(until), bar);
        let mut stretches = self.over.iter().copied().chain(lasting).map(common);
        stretches.find(|&(begin, end, _)| end.since(begin) > TOLD)
    }
}

impl Watch {
    /// The clock of the engine's machine is so far ahead of true time from now on.
    pub fn wall_clock(&mut self, now: Timestamp, ahead: TimeSpan) {
        let before = std::mem::replace(&mut self.wall_ahead, ahead);
        if ahead < before {
            self.wall_twice.push((now + ahead, now + before));
        }
        for evse in &mut self.evses {
            evse.barred.jump(now + before, now + ahead);
        }
    }

    pub(super) fn judge_m8(&mut self, now: Timestamp, cdr: &Cdr) {
        let Some(place) = self.evses.iter().position(|evse| evse.id == cdr.evse) else { return };
        for (from, until) in declined(cdr) {
            self.verdicts.check(Rule::M8);
            let barred = self.evses[place].barred.within(from, until);
            // Of what the clock showed twice nobody can say in which pass it was noted.
            let was_once =
                |begin, end| self.wall_twice.iter().all(|&(from, until)| end <= from || begin >= until);
            if let Some((begin, end, bar)) = barred.filter(|&(begin, end, _)| was_once(begin, end)) {
                let text = format!(
                    "CDR {} says that the EV at {} declined from {from} until {until}; from {begin} until {end} {}",
                    cdr.id,
                    cdr.evse,
                    bar.in_words()
                );
                self.verdicts.fire(Rule::M8, now, text, &self.story);
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
