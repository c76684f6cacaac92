//! The horizon program.
//!
//! Sets: sessions i (those that are equal in everything but their place count as one column, n_i of them); intervals k, runs
//! of slots in which nothing changes; rows r; windows w of the power fee.
//!
//! Parameters: presence h_{i,k} (hours, the whole interval or part of a slot); coefficients a_{r,i}; headroom H_{r,k} ≥ 0 (A);
//! contractual headroom C_{r,k} ≥ 0 (A); v_i (kW per A); wanted E_i and needed N_i ≤ E_i (kWh; needed is wanted less what the
//! maximum can deliver after the horizon); maximum M_{i,k} (A; its own, or what is commanded); base b_k and
//! photovoltaics g_k (kW); prices p_k, ω, κ, φ; weights w_i.
//!
//! Variables: x_{i,k} ∈ [0, M_{i,k}] (A per phase); missing s_i ∈ [0, N_i] (kWh); over o_{r,k} ≥ 0 (A); import m_k ≥ 0 (kW);
//! peak z ≥ paid (kW).
//!
//! Rows:  `main L2, slots 0 to 3`             Σ a n x ≤ H            (left out where Σ a n M ≤ H: it cannot bind)
//!        `contract of main L2, slots 0 to 3` Σ a n x − o ≤ C        (likewise)
//!        `EVSE a/1 takes what it wants`      Σ h v x ≤ E
//!        `EVSE a/1 gets what it needs`       Σ h v x + s ≥ N
//!        `import in slots 0 to 3`            m − Σ (h/H_k) n v x ≥ b − g     (only with photovoltaics; else the sum itself)
//!        `power fee of window 3`             Σ_k H_k net_k / Σ H_k ≤ z
//!
//! Minimise  Σ p_k (energy imported) + φ z + Σ κ o H_k + Σ ω w_i n_i s_i + ω/1000 Σ t_k n h v x, the last (t_k from 0 to 1) a
//! preference for earlier, which stands in for arrivals that nobody knows of. Minimums are not in the program: whole steps
//! come after it ([`crate::steps`]).

use std::ops::{Range, RangeInclusive};

use solver::{Column, Model, Objective, Relation, Solution};
use units::{Amperes, TimeSpan};

use crate::number::{amperes, float, hours, kilowatt_hours, kilowatts, kilowatts_per_ampere, price};
use crate::problem::{Contractual, PlanProblem, PlanSession, PowerFee, SiteLoad};

/// How much a kWh at the end of the horizon costs beside one at its start, as a share of the price of missing energy.
const PREFERENCE_FOR_EARLIER: f64 = 1e-3;

/// The program of a problem, and what its columns stand for.
pub struct Program {
    pub model: Model,
    pub objective: Objective,
    pub intervals: Vec<Range<usize>>,
    groups: Vec<Group>,
    /// By session: its group.
    group_of: Vec<usize>,
    peak: Option<Column>,
}

/// Sessions that are equal in everything but their place.
struct Group {
    /// One of them, by its place in the problem.
    member: usize,
    count: f64,
    /// By interval: its current and for how many hours; none where it is absent or may have nothing.
    currents: Vec<Option<(Column, f64)>>,
}

impl Program {
    /// `unmerged` slots at the beginning stand alone, whatever happens in them.
    pub fn of(problem: &PlanProblem, grain: Grain, unmerged: usize) -> Self {
        Builder::new(problem, grain, unmerged).build()
    }

    /// Current of session `session` in each interval, A per phase.
    pub fn currents(&self, solution: &Solution, session: usize) -> Vec<f64> {
        let value =
            |current: &Option<(Column, f64)>| current.map_or(0.0, |(column, _)| solution.value(column));
        self.groups[self.group_of[session]].currents.iter().map(value).collect()
    }

    /// Energy of session `session` up to the end of each interval, kWh.
    pub fn cumulative_energy(&self, problem: &PlanProblem, solution: &Solution, session: usize) -> Vec<f64> {
        let group = &self.groups[self.group_of[session]];
        let kilowatts = kilowatts_per_ampere(problem.sessions[session].voltage_total);
        let mut sum = 0.0;
        let add = |current: &Option<(Column, f64)>| {
            if let Some((column, hours)) = current {
                sum += solution.value(*column) * hours * kilowatts;
            }
            sum
        };
        group.currents.iter().map(add).collect()
    }

    /// The highest mean net import that the fee is paid for, kW; none without a fee.
    pub fn peak(&self, solution: &Solution) -> Option<f64> {
        self.peak.map(|peak| solution.value(peak))
    }
}

/// What a session may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// At most its highest whole step; nothing where that is below its minimum.
    Steps,
    /// Any fraction up to its maximum; and all that it wants is wanted within the horizon.
    Fractions,
}

struct Builder<'a> {
    problem: &'a PlanProblem,
    grain: Grain,
    model: Model,
    intervals: Vec<Range<usize>>,
    groups: Vec<Group>,
    group_of: Vec<usize>,
    costs: Vec<(Column, f64)>,
}

impl<'a> Builder<'a> {
    fn new(problem: &'a PlanProblem, grain: Grain, unmerged: usize) -> Self {
        Self {
            problem,
            grain,
            model: Model::new(),
            intervals: intervals(problem, unmerged),
            groups: Vec::new(),
            group_of: Vec::new(),
            costs: Vec::new(),
        }
    }

    fn build(mut self) -> Program {
        self.add_sessions();
        self.add_rows();
        let peak = self.add_site();
        let Self { model, intervals, groups, group_of, costs, .. } = self;
        Program { model, objective: Objective::minimise(costs), intervals, groups, group_of, peak }
    }

    /// The slots of an interval, for names.
    fn words(&self, interval: usize) -> String {
        let Range { start, end } = self.intervals[interval];
        if end - start == 1 { format!("slot {start}") } else { format!("slots {start} to {}", end - 1) }
    }

    /// The hours of an interval.
    fn length(&self, interval: usize) -> f64 {
        hours(self.problem.slot) * count(self.intervals[interval].len())
    }

    fn add_sessions(&mut self) {
        let mut members: Vec<(usize, f64)> = Vec::new();
        for (place, session) in self.problem.sessions.iter().enumerate() {
            let is_equal = |(member, _): &(usize, f64)| are_equal(&self.problem.sessions[*member], session);
            let group = members.iter().position(is_equal).unwrap_or(members.len());
            self.group_of.push(group);
            match members.get_mut(group) {
                Some((_, count)) => *count += 1.0,
                None => members.push((place, 1.0)),
            }
        }
        for (member, count) in members {
            self.add_group(member, count);
        }
    }

    fn add_group(&mut self, member: usize, members: f64) {
        let problem = self.problem;
        let session = &problem.sessions[member];
        let missing_price = price(problem.costs.missing);
        let kilowatts = kilowatts_per_ampere(session.voltage_total);
        let mut currents = Vec::with_capacity(self.intervals.len());
        for interval in 0..self.intervals.len() {
            let hours = self.presence(session, interval);
            let most = self.most(session, interval);
            if hours <= 0.0 || most <= 0.0 {
                currents.push(None);
                continue;
            }
            let name = format!("current of EVSE {} in {}", session.evse, self.words(interval));
            let column = self.model.add_column(name, 0.0..=most);
            let Range { start, end } = self.intervals[interval];
            let middle = f64::midpoint(count(start), count(end)) / count(problem.slots);
            let late = PREFERENCE_FOR_EARLIER * missing_price * middle;
            self.costs.push((column, members * hours * kilowatts * late));
            currents.push(Some((column, hours)));
        }
        let wanted = kilowatt_hours(session.wanted);
        let needed = (wanted - self.deliverable_later(session)).max(0.0);
        let missing =
            self.model.add_column(format!("energy that EVSE {} leaves without", session.evse), 0.0..=needed);
        self.costs.push((missing, members * missing_price * f64::from(session.weight)));
        let drawn: Vec<(Column, f64)> =
            currents.iter().flatten().map(|&(column, hours)| (column, hours * kilowatts)).collect();
        let with_missing: Vec<(Column, f64)> = drawn.iter().copied().chain([(missing, 1.0)]).collect();
        let name = format!("EVSE {} takes what it wants", session.evse);
        self.model.add_row(name, drawn, Relation::AtMost, wanted);
        let name = format!("EVSE {} gets what it needs", session.evse);
        self.model.add_row(name, with_missing, Relation::AtLeast, needed);
        self.groups.push(Group { member, count: members, currents });
    }

    fn presence(&self, session: &PlanSession, interval: usize) -> f64 {
        let present = self.intervals[interval].clone().map(|slot| self.problem.presence(session, slot));
        hours(present.fold(TimeSpan::ZERO, |sum, span| sum + span))
    }

    /// The most that a session may draw in an interval; the same in each of its slots.
    fn most(&self, session: &PlanSession, interval: usize) -> f64 {
        let slot = self.intervals[interval].start;
        amperes(match self.grain {
            Grain::Steps => steps(session, slot).map_or(Amperes::ZERO, |steps| *steps.end()),
            Grain::Fractions => most(session, slot),
        })
    }

    /// What the maximum could deliver after the horizon, kWh.
    fn deliverable_later(&self, session: &PlanSession) -> f64 {
        let ends = self.problem.slot_start(self.problem.slots);
        // A bound counts what is delivered in the horizon, whatever comes later.
        if session.departs_at <= ends || self.grain == Grain::Fractions {
            return 0.0;
        }
        let left = session.departs_at.milliseconds().saturating_sub(ends.milliseconds());
        hours(TimeSpan::from_milliseconds(left))
            * amperes(session.max)
            * kilowatts_per_ampere(session.voltage_total)
    }

    /// What groups draw on row `row` in interval `interval`: terms, and the most they can come to.
    fn drawn(&self, row: usize, interval: usize) -> (Vec<(Column, f64)>, f64) {
        let (mut terms, mut most) = (Vec::new(), 0.0);
        for group in &self.groups {
            let Some((column, _)) = group.currents[interval] else { continue };
            let session = &self.problem.sessions[group.member];
            let coefficient = session
                .loads
                .iter()
                .filter(|(at, _)| at.place() == row)
                .map(|(_, coefficient)| float(coefficient.thousandths()) / 1e3)
                .sum::<f64>()
                * group.count;
            if coefficient > 0.0 {
                terms.push((column, coefficient));
                most += coefficient * self.most(session, interval);
            }
        }
        (terms, most)
    }

    fn add_rows(&mut self) {
        for (place, row) in self.problem.rows.iter().enumerate() {
            for interval in 0..self.intervals.len() {
                let slot = self.intervals[interval].start;
                let (terms, most) = self.drawn(place, interval);
                if let Some(Contractual { headroom, price_over }) = &row.contractual {
                    let allowed = amperes(headroom[slot].max(Amperes::ZERO));
                    if most > allowed {
                        let name = format!("contract of {}, {}", row.name, self.words(interval));
                        let over = self.model.add_column(format!("over {name}"), 0.0..=most - allowed);
                        let sum: Vec<_> = terms.iter().copied().chain([(over, -1.0)]).collect();
                        self.model.add_row(name, sum, Relation::AtMost, allowed);
                        self.costs.push((over, price(*price_over) * self.length(interval)));
                    }
                }
                let headroom = amperes(row.headroom[slot].max(Amperes::ZERO));
                if most > headroom {
                    let name = format!("{}, {}", row.name, self.words(interval));
                    self.model.add_row(name, terms, Relation::AtMost, headroom);
                }
            }
        }
    }

    /// What energy and power cost; the column of the peak, where there is a fee.
    fn add_site(&mut self) -> Option<Column> {
        let costs = &self.problem.costs;
        for interval in 0..self.intervals.len() {
            let slot = self.intervals[interval].start;
            let Some(price) = costs.energy.as_ref().map(|energy| price(energy[slot])) else { continue };
            let (terms, own) = (self.mean_power(interval), self.own_power(interval));
            let length = self.length(interval);
            if own >= 0.0 {
                // All that sessions draw is imported.
                self.costs.extend(
                    terms.into_iter().map(|(column, kilowatts)| (column, kilowatts * length * price)),
                );
            } else if price > 0.0 {
                let name = format!("import in {}", self.words(interval));
                let import = self.model.add_column(name.clone(), 0.0..=f64::INFINITY);
                let sum =
                    terms.into_iter().map(|(column, kilowatts)| (column, -kilowatts)).chain([(import, 1.0)]);
                self.model.add_row(name, sum.collect::<Vec<_>>(), Relation::AtLeast, own);
                self.costs.push((import, price * length));
            }
        }
        let PowerFee { price: fee, paid, windows } = costs.power_fee.as_ref()?;
        let peak = self.model.add_column("peak", kilowatts(*paid)..=f64::INFINITY);
        self.costs.push((peak, price(*fee)));
        let mut interval = 0;
        while interval < self.intervals.len() {
            let window = windows[self.intervals[interval].start];
            let run = interval..self.intervals.len();
            let end = run.into_iter().find(|&at| windows[self.intervals[at].start] != window);
            let window_intervals = interval..end.unwrap_or(self.intervals.len());
            interval = window_intervals.end;
            let Some(window) = window else { continue };
            let total: f64 = window_intervals.clone().map(|at| self.length(at)).sum();
            let (mut terms, mut own) = (Vec::new(), 0.0);
            for at in window_intervals {
                let share = self.length(at) / total;
                terms.extend(self.mean_power(at).into_iter().map(|(column, power)| (column, power * share)));
                own += self.own_power(at) * share;
            }
            terms.push((peak, -1.0));
            self.model.add_row(format!("power fee of window {window}"), terms, Relation::AtMost, -own);
        }
        Some(peak)
    }

    /// Net import without sessions, kW.
    fn own_power(&self, interval: usize) -> f64 {
        let slot = self.intervals[interval].start;
        let own = |site: &SiteLoad| kilowatts(site.base[slot]) - kilowatts(site.photovoltaics[slot]);
        self.problem.costs.site.as_ref().map_or(0.0, own)
    }

    /// The mean power of all sessions over an interval, kW.
    fn mean_power(&self, interval: usize) -> Vec<(Column, f64)> {
        let length = self.length(interval);
        let power = |group: &Group| {
            let (column, hours) = group.currents[interval]?;
            let kilowatts = kilowatts_per_ampere(self.problem.sessions[group.member].voltage_total);
            Some((column, group.count * kilowatts * hours / length))
        };
        self.groups.iter().filter_map(power).collect()
    }
}

/// The most that a session may draw in a slot, its own and what is commanded; 0 A and more.
fn most(session: &PlanSession, slot: usize) -> Amperes {
    let commanded = session.commanded.as_ref().map(|commanded| commanded[slot].max(Amperes::ZERO));
    commanded.map_or(session.max, |commanded| session.max.min(commanded))
}

/// The limits that a session may have in a slot beside 0 A, on its steps; none where no step is between its minimum and
/// the most that it may draw.
pub fn steps(session: &PlanSession, slot: usize) -> Option<RangeInclusive<Amperes>> {
    let (least, most) = (session.min.ceil_to(session.step), most(session, slot).floor_to(session.step));
    (least <= most).then_some(least..=most)
}

/// Equal in everything but their place.
fn are_equal(one: &PlanSession, other: &PlanSession) -> bool {
    *one == PlanSession { evse: one.evse.clone(), ..other.clone() }
}

/// Runs of slots in which nothing changes: the same sessions are there all the time, every row holds as much, every kWh
/// costs as much. The best answer with one current for the run is as good as any. `unmerged` slots stand alone.
fn intervals(problem: &PlanProblem, unmerged: usize) -> Vec<Range<usize>> {
    let continues = |slot: usize| {
        let is_same = |values: &[Amperes]| values[slot] == values[slot - 1];
        let PlanProblem { rows, sessions, costs, slot: length, .. } = problem;
        let is_whole = |span: TimeSpan| span == *length || span == TimeSpan::ZERO;
        slot >= unmerged.max(1)
            && rows.iter().all(|row| {
                is_same(&row.headroom)
                    && row.contractual.as_ref().is_none_or(|contractual| is_same(&contractual.headroom))
            })
            && sessions.iter().all(|session| {
                let present = problem.presence(session, slot);
                is_whole(present)
                    && present == problem.presence(session, slot - 1)
                    && session.commanded.as_ref().is_none_or(|commanded| is_same(commanded))
            })
            && costs.energy.as_ref().is_none_or(|energy| energy[slot] == energy[slot - 1])
            && costs.site.as_ref().is_none_or(|SiteLoad { base, photovoltaics }| {
                base[slot] == base[slot - 1] && photovoltaics[slot] == photovoltaics[slot - 1]
            })
            && costs.power_fee.as_ref().is_none_or(|fee| fee.windows[slot] == fee.windows[slot - 1])
    };
    let mut intervals: Vec<Range<usize>> = Vec::new();
    for slot in 0..problem.slots {
        match intervals.last_mut() {
            Some(last) if continues(slot) => last.end = slot + 1,
            Some(_) | None => intervals.push(slot..slot + 1),
        }
    }
    intervals
}

fn count(count: usize) -> f64 {
    float(i64::try_from(count).unwrap_or(i64::MAX))
}
