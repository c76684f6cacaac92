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
//! Variables: x_{i,k} ∈ [0, M_{i,k}] (A per phase); missing s_i ∈ [0, N_i] (kWh); over o_{r,k} ≥ 0 (A) and
//! u_w ≥ 0 (kWh); import m_k ≥ 0 (kW);
//! peak z ≥ paid (kW).
//!
//! Rows:  `main L2, slots 0 to 3`             Σ a n x ≤ H            (left out where Σ a n M ≤ H: it cannot bind)
//!        `contract of main L2, slots 0 to 3` Σ a n x − o ≤ C        (likewise)
//!        `EVSE a/1 gets what it needs`       Σ h v x + s ≥ N
//!        `EVSE a/1 takes what it wants`      Σ h v x ≤ E            (where a price is negative: else more only costs)
//!        `import in slots 0 to 3`            m − Σ (h/H_k) n v x ≥ b − g     (only with photovoltaics; else the sum itself)
//!        `power fee of window 3`             Σ_k H_k net_k / Σ H_k ≤ z
//!        `contract of window 3`              Σ_k H_k net_k − u ≤ limit · window − used
//!
//! Minimise  Σ p_k (energy imported) + φ z + Σ κ o H_k + Σ κ u + Σ ω w_i n_i s_i + ω/1000 Σ t_k n h v x, the last (t_k from 0 to 1) a
//! preference for earlier, which stands in for arrivals that nobody knows of. Minimums are not in the program: whole steps
//! come after it ([`crate::steps`]).

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use solver::{Column, Corner, Model, Objective, Relation, Solution, Standing};
use units::{Amperes, EvseId, TimeSpan, Timestamp, UnitPrice};

use crate::number::{amperes, float, hours, kilowatt_hours, kilowatts, kilowatts_per_ampere, price};
use crate::problem::{Contractual, PlanProblem, PlanSession, PowerFee, PowerLimit, SiteLoad};

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
    /// What each column stands for.
    columns: Vec<Key>,
    /// What each row stands for.
    rows: Vec<Key>,
}

/// What a column or row stands for, from one program of a site to the next; a slot by its start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Current(EvseId, Timestamp),
    Missing(EvseId),
    Needed(EvseId),
    Wanted(EvseId),
    Physical(usize, Timestamp),
    Contract(usize, Timestamp),
    Over(usize, Timestamp),
    Import(Timestamp),
    Fee(u32),
    Limit(u32),
    OverLimit(u32),
    Peak,
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
        Builder::new(problem, intervals(problem, unmerged), grain, Grouping::Equal).build()
    }

    /// The program as it stands above: nothing merged, nobody grouped.
    pub fn plain(problem: &PlanProblem) -> Self {
        let slots = (0..problem.slots).map(|slot| slot..slot + 1).collect();
        Builder::new(problem, slots, Grain::Steps, Grouping::None).build()
    }

    /// The corner to begin at, as far as `memory` of the last program tells of one.
    pub fn start(&self, memory: &Memory) -> Option<Corner> {
        let standings = |keys: &[Key], known: &BTreeMap<Key, Standing>, otherwise| {
            keys.iter().map(|key| known.get(key).copied().unwrap_or(otherwise)).collect()
        };
        (!memory.columns.is_empty()).then(|| Corner {
            columns: standings(&self.columns, &memory.columns, Standing::Low),
            rows: standings(&self.rows, &memory.rows, Standing::Between),
        })
    }

    /// What is worth keeping for the next program.
    pub fn memory(&self, end: Option<Corner>) -> Memory {
        let keyed = |keys: &[Key], standings: Vec<Standing>| keys.iter().cloned().zip(standings).collect();
        end.map_or_else(Memory::default, |Corner { columns, rows }| Memory {
            columns: keyed(&self.columns, columns),
            rows: keyed(&self.rows, rows),
        })
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

/// What the last program of a site leaves to the next: where it ended, where that was a corner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    columns: BTreeMap<Key, Standing>,
    rows: BTreeMap<Key, Standing>,
}

/// What a session may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// At most its highest whole step; nothing where that is below its minimum.
    Steps,
    /// Any fraction up to its maximum; and all that it wants is wanted within the horizon.
    Fractions,
}

/// Which sessions share a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grouping {
    /// Those that are equal in everything but their place.
    Equal,
    None,
}

struct Builder<'a> {
    problem: &'a PlanProblem,
    grain: Grain,
    grouping: Grouping,
    model: Model,
    intervals: Vec<Range<usize>>,
    groups: Vec<Group>,
    group_of: Vec<usize>,
    costs: Vec<(Column, f64)>,
    column_keys: Vec<Key>,
    row_keys: Vec<Key>,
}

impl<'a> Builder<'a> {
    fn new(problem: &'a PlanProblem, intervals: Vec<Range<usize>>, grain: Grain, grouping: Grouping) -> Self {
        Self {
            problem,
            grain,
            grouping,
            model: Model::new(),
            intervals,
            groups: Vec::new(),
            group_of: Vec::new(),
            costs: Vec::new(),
            column_keys: Vec::new(),
            row_keys: Vec::new(),
        }
    }

    fn build(mut self) -> Program {
        self.add_sessions();
        self.add_rows();
        let peak = self.add_site();
        let Self { model, intervals, groups, group_of, costs, column_keys, row_keys, .. } = self;
        let (objective, columns, rows) = (Objective::minimise(costs), column_keys, row_keys);
        Program { model, objective, intervals, groups, group_of, peak, columns, rows }
    }

    fn column(&mut self, key: Key, name: impl Into<String>, range: RangeInclusive<f64>) -> Column {
        self.column_keys.push(key);
        self.model.add_column(name, range)
    }

    fn row(
        &mut self,
        key: Key,
        name: impl Into<String>,
        terms: impl IntoIterator<Item = (Column, f64)>,
        relation: Relation,
        bound: f64,
    ) {
        self.row_keys.push(key);
        self.model.add_row(name, terms, relation, bound);
    }

    /// When an interval begins.
    fn starts(&self, interval: usize) -> Timestamp {
        self.problem.slot_start(self.intervals[interval].start)
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
            let is_equal = |(member, _): &(usize, f64)| {
                self.grouping == Grouping::Equal && are_equal(&self.problem.sessions[*member], session)
            };
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
            let key = Key::Current(session.evse.clone(), self.starts(interval));
            let column = self.column(key, name, 0.0..=most);
            let Range { start, end } = self.intervals[interval];
            let middle = f64::midpoint(count(start), count(end)) / count(problem.slots);
            let late = PREFERENCE_FOR_EARLIER * missing_price * middle;
            self.costs.push((column, members * hours * kilowatts * late));
            currents.push(Some((column, hours)));
        }
        let wanted = kilowatt_hours(session.wanted);
        let needed = (wanted - self.deliverable_later(session)).max(0.0);
        let evse = || session.evse.clone();
        let name = format!("energy that EVSE {} leaves without", session.evse);
        let missing = self.column(Key::Missing(evse()), name, 0.0..=needed);
        self.costs.push((missing, members * missing_price * f64::from(session.weight)));
        let drawn = currents.iter().flatten().map(|&(column, hours)| (column, hours * kilowatts));
        let drawn: Vec<(Column, f64)> = drawn.collect();
        let mut prices = problem.costs.energy.iter().flatten();
        if prices.any(|&price| price < UnitPrice::from_millionths(0)) {
            let name = format!("EVSE {} takes what it wants", session.evse);
            self.row(Key::Wanted(evse()), name, drawn.iter().copied(), Relation::AtMost, wanted);
        }
        let terms = drawn.into_iter().chain([(missing, 1.0)]);
        let name = format!("EVSE {} gets what it needs", session.evse);
        self.row(Key::Needed(evse()), name, terms, Relation::AtLeast, needed);
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

    /// By row: what groups draw on it in interval `interval`, as terms, and the most they can come to.
    fn drawn(&self, interval: usize) -> Vec<(Vec<(Column, f64)>, f64)> {
        let mut drawn = vec![(Vec::new(), 0.0); self.problem.rows.len()];
        for group in &self.groups {
            let Some((column, _)) = group.currents[interval] else { continue };
            let session = &self.problem.sessions[group.member];
            let most = self.most(session, interval);
            for (row, coefficient) in session.loads.iter() {
                let coefficient = float(coefficient.thousandths()) / 1e3 * group.count;
                let (terms, sum) = &mut drawn[row.place()];
                terms.push((column, coefficient));
                *sum += coefficient * most;
            }
        }
        drawn
    }

    fn add_rows(&mut self) {
        for interval in 0..self.intervals.len() {
            let slot = self.intervals[interval].start;
            let drawn = self.drawn(interval);
            for (place, (row, (terms, most))) in self.problem.rows.iter().zip(drawn).enumerate() {
                if let Some(Contractual { headroom, price_over }) = &row.contractual {
                    let allowed = amperes(headroom[slot].max(Amperes::ZERO));
                    if most > allowed {
                        let name = format!("contract of {}, {}", row.name, self.words(interval));
                        let key = Key::Over(place, self.starts(interval));
                        let over = self.column(key, format!("over {name}"), 0.0..=most - allowed);
                        let sum: Vec<_> = terms.iter().copied().chain([(over, -1.0)]).collect();
                        let key = Key::Contract(place, self.starts(interval));
                        self.row(key, name, sum, Relation::AtMost, allowed);
                        self.costs.push((over, price(*price_over) * self.length(interval)));
                    }
                }
                let headroom = amperes(row.headroom[slot].max(Amperes::ZERO));
                if most > headroom {
                    let name = format!("{}, {}", row.name, self.words(interval));
                    let key = Key::Physical(place, self.starts(interval));
                    self.row(key, name, terms, Relation::AtMost, headroom);
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
                let import =
                    self.column(Key::Import(self.starts(interval)), name.clone(), 0.0..=f64::INFINITY);
                let sum =
                    terms.into_iter().map(|(column, kilowatts)| (column, -kilowatts)).chain([(import, 1.0)]);
                let sum: Vec<_> = sum.collect();
                self.row(Key::Import(self.starts(interval)), name, sum, Relation::AtLeast, own);
                self.costs.push((import, price * length));
            }
        }
        if let Some(limit) = &costs.power_limit {
            self.add_power_limit(limit);
        }
        let PowerFee { price: fee, paid, windows } = costs.power_fee.as_ref()?;
        let peak = self.column(Key::Peak, "peak", kilowatts(*paid)..=f64::INFINITY);
        self.costs.push((peak, price(*fee)));
        for (window, intervals) in self.windows(windows) {
            let total: f64 = intervals.clone().map(|at| self.length(at)).sum();
            let (mut terms, mut own) = (Vec::new(), 0.0);
            for at in intervals {
                let share = self.length(at) / total;
                terms.extend(self.mean_power(at).into_iter().map(|(column, power)| (column, power * share)));
                own += self.own_power(at) * share;
            }
            terms.push((peak, -1.0));
            let name = format!("power fee of window {window}");
            self.row(Key::Fee(window), name, terms, Relation::AtMost, -own);
        }
        Some(peak)
    }

    /// What may still be imported in each window; what was before the present is spent, and of the first slot the rest is left.
    fn add_power_limit(&mut self, power_limit: &PowerLimit) {
        let PowerLimit { limit, price_over, windows, window: length, used } = power_limit;
        for (window, intervals) in self.windows(windows) {
            let spent = if intervals.start == 0 { kilowatt_hours(*used) } else { 0.0 };
            let (mut terms, mut left) = (Vec::new(), kilowatts(*limit) * hours(*length) - spent);
            for at in intervals {
                let length = self.length(at);
                terms.extend(self.mean_power(at).into_iter().map(|(column, power)| (column, power * length)));
                let begun =
                    if at == 0 { hours(self.problem.made_at.since(self.problem.starts_at)) } else { 0.0 };
                left -= self.own_power(at) * (length - begun);
            }
            let name = format!("contract of window {window}");
            let over = self.column(Key::OverLimit(window), format!("over {name}"), 0.0..=f64::INFINITY);
            self.costs.push((over, price(*price_over)));
            terms.push((over, -1.0));
            self.row(Key::Limit(window), name, terms, Relation::AtMost, left);
        }
    }

    /// The intervals of each window.
    fn windows(&self, windows: &[Option<u32>]) -> Vec<(u32, Range<usize>)> {
        let of = |interval: usize| windows[self.intervals[interval].start];
        let mut found: Vec<(u32, Range<usize>)> = Vec::new();
        for interval in 0..self.intervals.len() {
            let Some(window) = of(interval) else { continue };
            match found.last_mut() {
                Some((last, intervals)) if *last == window => intervals.end = interval + 1,
                Some(_) | None => found.push((window, interval..interval + 1)),
            }
        }
        found
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
            && costs.power_limit.as_ref().is_none_or(|limit| limit.windows[slot] == limit.windows[slot - 1])
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
