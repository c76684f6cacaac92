//! What a plan is made of.

use std::collections::BTreeSet;

use charging::network::Loads;
use units::{Amperes, EvseId, TimeSpan, Timestamp, UnitPrice, Volts, WattHours, Watts};

/// The most slots that a plan may have: a week of quarter hours and more.
pub const SLOTS_MAX: usize = 1_500;
/// No slot is longer: the energy of [`CURRENT_MAX`] at [`VOLTAGE_TOTAL_MAX`] in one stays within its integer.
const SLOT_MAX: TimeSpan = TimeSpan::from_hours(6);
/// Three phases of 500 V, the most that a site may state.
const VOLTAGE_TOTAL_MAX: Volts = Volts::from_volts(1_500);
/// No power, energy or price may be beyond ±10^12 thousandths (of prices millionths): sums stay exact in floating point.
const COUNT_MAX: i64 = 1_000_000_000_000;
/// No current may be beyond this, as everywhere in allocation: sums over rows stay within their integer.
const CURRENT_MAX: Amperes = Amperes::from_amperes(100_000);

/// What is known and expected of a site, over [`PlanProblem::slots`] slots of equal length.
///
/// What is said by slot has one value for each slot; those values hold in the slot's whole length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProblem {
    /// The instant whose state this is; in the first slot.
    pub made_at: Timestamp,
    /// The start of the first slot.
    pub starts_at: Timestamp,
    /// The length of a slot; above 0, at most 6 h, normally 15 min.
    pub slot: TimeSpan,
    /// How many slots; 1 to [`SLOTS_MAX`].
    pub slots: usize,
    /// What may flow where; a session's loads name these by their place.
    pub rows: Vec<PlanRow>,
    /// Who wants energy. Several may be at one EVSE, one after the other.
    pub sessions: Vec<PlanSession>,
    /// What makes one plan better than another.
    pub costs: Costs,
}

/// A conductor of a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// For people: `main L2`.
    pub name: String,
    /// By slot: what sessions may draw together, as forecast; below 0 A counts as 0 A.
    pub headroom: Vec<Amperes>,
    /// What a contract allows beside that, where there is one.
    pub contractual: Option<Contractual>,
}

/// What a contract allows on a row: more is possible, at a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contractual {
    /// By slot: what sessions may draw together; below 0 A counts as 0 A.
    pub headroom: Vec<Amperes>,
    /// For each ampere-hour above; 0 or more.
    pub price_over: UnitPrice,
}

/// A session that wants energy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSession {
    /// Where.
    pub evse: EvseId,
    /// When it came, or will come.
    pub arrives_at: Timestamp,
    /// When it leaves, as told or forecast. One that should have left leaves at the end of the first slot.
    pub departs_at: Timestamp,
    /// What it wants from now on; 0 Wh or more.
    pub wanted: WattHours,
    /// The least it can use per phase; above 0 A.
    pub min: Amperes,
    /// The most it can use per phase; 0 A or more. Below the minimum it gets nothing.
    pub max: Amperes,
    /// Limits are multiples of this; above 0 A.
    pub step: Amperes,
    /// What it is offered at [`PlanProblem::made_at`]; 0 A or more. Where it makes little difference it keeps that: each
    /// change costs energy until it is in force.
    pub offered: Amperes,
    /// How much its missing energy counts against that of others; 1 to 1 000 000.
    pub weight: u32,
    /// What each ampere per phase stands for: the sum of the voltages of its phases; above 0 V, at most
    /// 1 500 V.
    pub voltage_total: Volts,
    /// The rows it loads.
    pub loads: Loads,
    /// By slot: the most that somebody else commands, per phase; none for no command.
    pub commanded: Option<Vec<Amperes>>,
}

/// What a plan costs. All prices are in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    /// For each kWh that a session of weight 1 leaves without; above 0. Dearer than any energy, or none is bought.
    pub missing: UnitPrice,
    /// By slot: for each kWh of net import; none where energy costs the same at all times. May be negative; where
    /// photovoltaics make more than the base load takes, a negative price counts as 0.
    pub energy: Option<Vec<UnitPrice>>,
    /// What the site draws and makes beside its sessions; none for nothing.
    pub site: Option<SiteLoad>,
    /// A fee on the highest mean net import, where there is one.
    pub power_fee: Option<PowerFee>,
    /// What a contract allows as mean net import, where it does.
    pub power_limit: Option<PowerLimit>,
}

/// What a site draws and makes beside its sessions, in total over the phases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteLoad {
    /// By slot: what everything but sessions draws; 0 W or more.
    pub base: Vec<Watts>,
    /// By slot: what photovoltaics make; 0 W or more. Export earns nothing.
    pub photovoltaics: Vec<Watts>,
}

/// A fee on the highest mean net import of a billing period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerFee {
    /// For each kW; 0 or more.
    pub price: UnitPrice,
    /// What is paid for anyway: the peak so far, and the forecast peak without sessions; 0 W or more.
    pub paid: Watts,
    /// By slot: the number of the window over which the tariff takes the mean (one clock hour, normally); none where it
    /// takes no account of the slot (other season or hours). Slots of one window stand together.
    pub windows: Vec<Option<u32>>,
}

/// What a contract allows as mean net import over each window: more is possible, at a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerLimit {
    /// The most; 0 W or more.
    pub limit: Watts,
    /// For each kWh above; 0 or more.
    pub price_over: UnitPrice,
    /// By slot: as in [`PowerFee::windows`].
    pub windows: Vec<Option<u32>>,
    /// The length of every window; at least a slot, at most a day.
    pub window: TimeSpan,
    /// What was imported in the window of the first slot before [`PlanProblem::made_at`]; 0 Wh or more.
    pub used: WattHours,
}

impl Costs {
    /// Energy alone: as much as possible, by departure, at no other cost.
    #[must_use]
    pub const fn energy_only() -> Self {
        Self {
            missing: UnitPrice::from_millionths(1_000_000),
            energy: None,
            site: None,
            power_fee: None,
            power_limit: None,
        }
    }

    /// Whether a kWh costs the same whenever it is drawn.
    #[must_use]
    pub const fn are_flat(&self) -> bool {
        self.energy.is_none() && self.site.is_none() && self.power_fee.is_none() && self.power_limit.is_none()
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanFailure {
    /// The problem is none.
    #[error("{thing}: {field} is {value}; {wanted}")]
    Nonsense {
        /// What has it: a row or EVSE by name, or `plan`.
        thing: String,
        /// Which field of it.
        field: &'static str,
        /// What it says, with unit.
        value: String,
        /// What would be right, with numbers.
        wanted: String,
    },
    /// The program could not be stated.
    #[error("the program is none: {0}")]
    Model(#[from] solver::ModelProblem),
    /// The program has no answer that holds.
    #[error("no plan: {words}")]
    NoAnswer {
        /// How solving ended.
        words: String,
    },
}

impl PlanProblem {
    /// The start of slot `slot`; of the one after the last, its end.
    pub(crate) fn slot_start(&self, slot: usize) -> Timestamp {
        self.starts_at + self.slot * i64::try_from(slot).unwrap_or(i64::MAX)
    }

    /// How long `session` is present in slot `slot`, from [`PlanProblem::made_at`] on.
    pub(crate) fn presence(&self, session: &PlanSession, slot: usize) -> TimeSpan {
        let first_end = self.slot_start(1);
        let leaves = if session.departs_at > self.made_at { session.departs_at } else { first_end };
        let from = self.slot_start(slot).max(session.arrives_at).max(self.made_at);
        let until = self.slot_start(slot + 1).min(leaves);
        until.since(from).max(TimeSpan::ZERO)
    }

    /// Whether it can be planned for.
    ///
    /// # Errors
    ///
    /// The first thing that is [`PlanFailure::Nonsense`].
    pub fn check(&self) -> Result<(), PlanFailure> {
        let plan = "plan";
        if self.slot <= TimeSpan::ZERO || self.slot > SLOT_MAX {
            return nonsense(
                plan,
                "slot",
                self.slot,
                "it must be above 0 s and at most 6 h, normally 15 min",
            );
        }
        if !(1..=SLOTS_MAX).contains(&self.slots) {
            return nonsense(plan, "slots", self.slots, format!("there must be 1 to {SLOTS_MAX}"));
        }
        if self.made_at < self.starts_at || self.made_at >= self.slot_start(1) {
            let wanted = format!("the first slot, from {} on, must hold it", self.starts_at);
            return nonsense(plan, "made_at", self.made_at, wanted);
        }
        for row in &self.rows {
            self.check_row(row)?;
        }
        for session in &self.sessions {
            self.check_session(session)?;
        }
        self.check_costs()
    }

    /// As [`PlanProblem::check`], for a plan that caps EVSEs: each has one session.
    pub(crate) fn check_one_session_each(&self) -> Result<(), PlanFailure> {
        let mut seen = BTreeSet::new();
        for PlanSession { evse, .. } in &self.sessions {
            if !seen.insert(evse) {
                let thing = format!("EVSE {evse}");
                return nonsense(&thing, "session", "there twice", "an EVSE has one session at a time");
            }
        }
        Ok(())
    }

    fn check_row(&self, row: &PlanRow) -> Result<(), PlanFailure> {
        let thing = format!("row {}", row.name);
        self.check_currents(&thing, "headroom", &row.headroom)?;
        let Some(Contractual { headroom, price_over }) = &row.contractual else { return Ok(()) };
        self.check_currents(&thing, "contractual headroom", headroom)?;
        check_price(
            &thing,
            "price of being over",
            *price_over,
            0,
            "it must be 0 or more for each ampere-hour",
        )
    }

    fn check_session(&self, session: &PlanSession) -> Result<(), PlanFailure> {
        let thing = format!("EVSE {}", session.evse);
        let PlanSession { arrives_at, departs_at, wanted, min, max, step, offered, weight, .. } = session;
        if departs_at <= arrives_at {
            let wanted = format!("it must be after the arrival, {arrives_at}");
            return nonsense(&thing, "departure", departs_at, wanted);
        }
        if !(0..=COUNT_MAX).contains(&wanted.milliwatt_hours()) {
            return nonsense(&thing, "wanted energy", wanted, "it must be from 0 Wh to 1 GWh");
        }
        for (field, current, least) in [
            ("minimum", min, Amperes::from_milliamperes(1)),
            ("maximum", max, Amperes::ZERO),
            ("step", step, Amperes::from_milliamperes(1)),
            ("offered current", offered, Amperes::ZERO),
        ] {
            if !(least..=CURRENT_MAX).contains(current) {
                return nonsense(&thing, field, current, format!("it must be from {least} to {CURRENT_MAX}"));
            }
        }
        if !(1..=1_000_000).contains(weight) {
            return nonsense(&thing, "weight", weight, "it must be from 1 to 1000000");
        }
        if !(Volts::from_millivolts(1)..=VOLTAGE_TOTAL_MAX).contains(&session.voltage_total) {
            let wanted = "it must be above 0 V and at most 1500 V, normally 230 V for each phase";
            return nonsense(&thing, "voltage", session.voltage_total, wanted);
        }
        if let Some((row, _)) = session.loads.iter().find(|(row, _)| row.place() >= self.rows.len()) {
            let wanted = format!("the problem has {} rows", self.rows.len());
            return nonsense(&thing, "load", format!("row {}", row.place()), wanted);
        }
        match &session.commanded {
            Some(commanded) => self.check_currents(&thing, "commanded limit", commanded),
            None => Ok(()),
        }
    }

    fn check_costs(&self) -> Result<(), PlanFailure> {
        let Costs { missing, energy, site, power_fee, power_limit } = &self.costs;
        check_price("plan", "price of missing energy", *missing, 1, "it must be above 0 for each kWh")?;
        if let Some(energy) = energy {
            self.check_count("plan", "price of energy", energy.len())?;
            for price in energy {
                check_price("plan", "price of energy", *price, -COUNT_MAX, "it must be above -1000000")?;
            }
        }
        if let Some(SiteLoad { base, photovoltaics }) = site {
            for (field, power) in [("base load", base), ("photovoltaics", photovoltaics)] {
                self.check_count("site", field, power.len())?;
                for power in power {
                    check_power("site", field, *power)?;
                }
            }
        }
        if let Some(PowerFee { price, paid, windows }) = power_fee {
            check_price("power fee", "price", *price, 0, "it must be 0 or more for each kW")?;
            check_power("power fee", "paid", *paid)?;
            self.check_windows("power fee", windows)?;
        }
        if let Some(PowerLimit { limit, price_over, windows, window, used }) = power_limit {
            let thing = "power limit";
            check_power(thing, "limit", *limit)?;
            check_price(thing, "price of being over", *price_over, 0, "it must be 0 or more for each kWh")?;
            self.check_windows(thing, windows)?;
            let longest =
                windows.chunk_by(|a, b| a == b).filter(|run| run[0].is_some()).map(<[_]>::len).max();
            let least = self.slot * i64::try_from(longest.unwrap_or(0)).unwrap_or(i64::MAX);
            if *window < least || *window > TimeSpan::from_hours(24) {
                return nonsense(thing, "window", window, format!("it must be from {least} to 24 h"));
            }
            if !(0..=COUNT_MAX).contains(&used.milliwatt_hours()) {
                return nonsense(thing, "used", used, "it must be from 0 Wh to 1 GWh");
            }
        }
        Ok(())
    }

    fn check_windows(&self, thing: &str, windows: &[Option<u32>]) -> Result<(), PlanFailure> {
        self.check_count(thing, "windows", windows.len())?;
        let mut runs: Vec<u32> = windows.chunk_by(|a, b| a == b).filter_map(|run| run[0]).collect();
        let count = runs.len();
        runs.sort_unstable();
        runs.dedup();
        if runs.len() < count {
            return nonsense(thing, "windows", "torn apart", "slots of a window must stand together");
        }
        Ok(())
    }

    fn check_currents(
        &self,
        thing: &str,
        field: &'static str,
        currents: &[Amperes],
    ) -> Result<(), PlanFailure> {
        self.check_count(thing, field, currents.len())?;
        match currents.iter().find(|&&current| current > CURRENT_MAX || current < Amperes::ZERO - CURRENT_MAX)
        {
            Some(current) => nonsense(thing, field, current, format!("no current is beyond {CURRENT_MAX}")),
            None => Ok(()),
        }
    }

    fn check_count(&self, thing: &str, field: &'static str, count: usize) -> Result<(), PlanFailure> {
        if count == self.slots {
            return Ok(());
        }
        let slots = self.slots;
        nonsense(thing, field, format!("{count} values"), format!("each of the {slots} slots must have one"))
    }
}

fn check_price(
    thing: &str,
    field: &'static str,
    price: UnitPrice,
    least: i64,
    wanted: &str,
) -> Result<(), PlanFailure> {
    if (least..=COUNT_MAX).contains(&price.millionths()) {
        return Ok(());
    }
    nonsense(thing, field, price, wanted)
}

fn check_power(thing: &str, field: &'static str, power: Watts) -> Result<(), PlanFailure> {
    if (0..=COUNT_MAX).contains(&power.milliwatts()) {
        return Ok(());
    }
    nonsense(thing, field, power, "it must be from 0 W to 1 GW")
}

fn nonsense(
    thing: &str,
    field: &'static str,
    value: impl ToString,
    wanted: impl ToString,
) -> Result<(), PlanFailure> {
    let (thing, value, wanted) = (thing.to_owned(), value.to_string(), wanted.to_string());
    Err(PlanFailure::Nonsense { thing, field, value, wanted })
}
