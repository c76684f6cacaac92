//! What the page says of a site, found in a [`Picture`]: who charges, who waits, and which conductor limits whom.

use std::collections::BTreeMap;

use charging::site::LimitedBy;
use csms::query::{CircuitView, EvseLine};
use units::{Amperes, CircuitId, PerPhase, Phase, Timestamp};

use super::picture::Picture;

/// Less than this is a charger that is awake, not an EV that charges.
pub const DRAWING: Amperes = Amperes::from_amperes(1);

/// How an EVSE stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It has all it can use.
    Full,
    /// It draws, and something keeps it from more.
    Limited,
    /// An EV is plugged in and gets nothing yet.
    Waiting,
    /// The EV itself wants nothing.
    Done,
    /// A person should look.
    Trouble,
    /// Nobody is there.
    Free,
    /// It was never connected, or is out of service.
    Off,
}

impl State {
    pub fn of(line: &EvseLine) -> Self {
        let is_drawing = is_drawing(line);
        match &line.control.reason {
            LimitedBy::OutOfService | LimitedBy::NeverConnected => Self::Off,
            LimitedBy::Offline | LimitedBy::StationFault | LimitedBy::Disobedience => Self::Trouble,
            LimitedBy::Free => Self::Free,
            LimitedBy::NotStarted => Self::Waiting,
            LimitedBy::Ev if is_drawing => Self::Full,
            LimitedBy::Ev => Self::Done,
            LimitedBy::EvseMaximum if is_drawing => Self::Full,
            LimitedBy::Undecided
            | LimitedBy::EvseMaximum
            | LimitedBy::Rising
            | LimitedBy::Row { .. }
            | LimitedBy::Plan
            | LimitedBy::UnprovenShed
            | LimitedBy::Turn { .. }
            | LimitedBy::StaleMeter { .. } => {
                if is_drawing {
                    Self::Limited
                } else {
                    Self::Waiting
                }
            }
        }
    }
}

pub fn is_drawing(line: &EvseLine) -> bool {
    line.control.drawn.highest() >= DRAWING
}

/// A site's circuits and EVSEs, counted once for the whole page.
#[derive(Debug)]
pub struct Facts {
    /// By EVSE.
    pub states: Vec<State>,
    /// By circuit and phase: EVs that draw on it or are kept from doing so by it.
    sharers: Vec<PerPhase<usize>>,
    /// By circuit and phase: EVs that it keeps from more.
    limited: Vec<PerPhase<usize>>,
    /// Which circuit hangs below which, and how deep.
    pub tree: Tree,
    /// When turns change, where anybody waits for one.
    pub turns_change_at: Option<Timestamp>,
}

impl Facts {
    pub fn of(picture: &Picture) -> Self {
        let circuits = &picture.site.circuits;
        let tree = Tree::of(circuits);
        let mut sharers = vec![PerPhase::splat(0); circuits.len()];
        let mut limited = vec![PerPhase::splat(0); circuits.len()];
        let mut turns_change_at = None;
        for line in &picture.site.evses {
            let limiting = match &line.control.reason {
                LimitedBy::Row { circuit, phase, .. } => Some((tree.place(circuit), *phase)),
                LimitedBy::Turn { circuit, phase, changes_at, .. } => {
                    turns_change_at = Some(*changes_at);
                    Some((tree.place(circuit), *phase))
                }
                LimitedBy::OutOfService
                | LimitedBy::NeverConnected
                | LimitedBy::Offline
                | LimitedBy::StationFault
                | LimitedBy::Free
                | LimitedBy::NotStarted
                | LimitedBy::Disobedience
                | LimitedBy::Ev
                | LimitedBy::Undecided
                | LimitedBy::EvseMaximum
                | LimitedBy::Rising
                | LimitedBy::Plan
                | LimitedBy::UnprovenShed
                | LimitedBy::StaleMeter { .. } => None,
            };
            if let Some((Some(place), phase)) = limiting {
                limited[place][phase] += 1;
            }
            for place in tree.upwards(tree.place(&line.control.circuit)) {
                for phase in Phase::ALL {
                    if line.control.drawn[phase] >= DRAWING || limiting == Some((Some(place), phase)) {
                        sharers[place][phase] += 1;
                    }
                }
            }
        }
        let states = picture.site.evses.iter().map(State::of).collect();
        Self { states, sharers, limited, tree, turns_change_at }
    }

    pub fn count(&self, of: &[State]) -> usize {
        self.states.iter().filter(|state| of.contains(state)).count()
    }

    /// How many others draw on the conductor, or wait to.
    pub fn others_on(&self, circuit: &CircuitId, phase: Phase) -> usize {
        self.tree.place(circuit).map_or(0, |place| self.sharers[place][phase].saturating_sub(1))
    }

    pub fn limited_by(&self, place: usize, phase: Phase) -> usize {
        self.limited[place][phase]
    }

    /// The conductors that keep EVs from more: who keeps most comes first.
    pub fn narrow(&self) -> Vec<(usize, Phase, usize)> {
        let rows = self.limited.iter().enumerate();
        let rows =
            rows.flat_map(|(place, evs)| Phase::ALL.into_iter().map(move |phase| (place, phase, evs[phase])));
        let mut narrow: Vec<_> = rows.filter(|&(_, _, evs)| evs > 0).collect();
        narrow.sort_by_key(|&(place, phase, evs)| (std::cmp::Reverse(evs), place, phase));
        narrow
    }
}

/// Circuits as they hang on each other.
#[derive(Debug)]
pub struct Tree {
    place_by_id: BTreeMap<CircuitId, usize>,
    parents: Vec<Option<usize>>,
    pub children: Vec<Vec<usize>>,
    /// The circuits that hang on no other.
    pub roots: Vec<usize>,
}

impl Tree {
    fn of(circuits: &[CircuitView]) -> Self {
        let place_by_id: BTreeMap<CircuitId, usize> =
            circuits.iter().enumerate().map(|(place, circuit)| (circuit.circuit.clone(), place)).collect();
        let parents: Vec<Option<usize>> = circuits
            .iter()
            .map(|circuit| circuit.parent.as_ref().and_then(|parent| place_by_id.get(parent).copied()))
            .collect();
        let mut children = vec![Vec::new(); circuits.len()];
        let mut roots = Vec::new();
        for (place, parent) in parents.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(place),
                None => roots.push(place),
            }
        }
        Self { place_by_id, parents, children, roots }
    }

    fn place(&self, circuit: &CircuitId) -> Option<usize> {
        self.place_by_id.get(circuit).copied()
    }

    /// A circuit and all above it.
    fn upwards(&self, place: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(place, |&place| self.parents[place])
    }
}

/// What flows in one conductor, as the page draws it.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    pub rating: Amperes,
    /// Rating less reserve.
    pub usable: Amperes,
    pub base: Amperes,
    pub evs: Amperes,
    /// What EVSEs may draw beyond what they do.
    pub held: Amperes,
}

impl Flow {
    /// The metered total where a meter is believed, else base load at its worst and what EVSEs draw.
    pub fn of(view: &CircuitView, phase: Phase) -> Self {
        let evs = view.drawn[phase];
        let metered = view.metered.filter(|_| !view.is_stale);
        let total = metered.map_or(view.base[phase] + evs, |metered| metered[phase]);
        Self {
            rating: view.rating[phase],
            usable: view.usable[phase],
            base: (total - evs).max(Amperes::ZERO),
            evs,
            held: (view.ceilings[phase] - evs).max(Amperes::ZERO),
        }
    }

    pub fn total(&self) -> Amperes {
        self.base + self.evs
    }

    /// What is left to hand out: not drawn, not held, not reserve; 0 A or more.
    pub fn free(&self) -> Amperes {
        (self.usable - self.total() - self.held).max(Amperes::ZERO)
    }
}
