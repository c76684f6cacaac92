//! `expect.toml`: what must come out of a scenario, with tolerance and the tolerance's reason.
//!
//! ```toml
//! [[expect]]
//! what = "energy_delivered_kwh"           # see `figure`
//! equals = 210.5                          # or at_least, at_most
//! tolerance = 5
//! reason = "the taper of the cars that the seed draws"
//! ```

use serde::{Deserialize, Serialize};
use twin::document::{Document, Problem, Section};
use units::{Amperes, Phase};

use crate::report::ReplayReport;

/// One thing that must come out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The name of a figure: see [`figure`].
    pub what: String,
    /// What it must be.
    pub bound: Bound,
    /// Why the tolerance, or the bound, is what it is.
    pub reason: String,
}

/// What a figure must be, in thousandths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    /// This, give or take.
    Equals {
        /// The figure.
        value: i64,
        /// How far it may be off, either way.
        tolerance: i64,
    },
    /// This or more.
    AtLeast(i64),
    /// This or less.
    AtMost(i64),
}

/// What became of an expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was expected.
    pub expectation: Expectation,
    /// What came, in thousandths of the figure's unit.
    pub outcome: i64,
    /// Whether it is met.
    pub is_met: bool,
}

/// Reads expectations.
///
/// # Errors
///
/// Every mistake, with field, value and way out.
pub fn parse(file: &str, text: &str) -> Result<Vec<Expectation>, Vec<Problem>> {
    let document = Document::parse(file, text);
    let mut expectations = Vec::new();
    if let Some(root) = document.root() {
        let sections = root.sections("expect");
        if sections.is_empty() {
            root.report("expect", "at least one [[expect]] is needed");
        }
        expectations = sections.iter().map(read).collect();
    }
    let problems = document.into_problems();
    if problems.is_empty() { Ok(expectations.into_iter().flatten().collect()) } else { Err(problems) }
}

/// Judges a report.
///
/// # Errors
///
/// Names of figures that the report does not have.
pub fn judge(expectations: &[Expectation], report: &ReplayReport) -> Result<Vec<Verdict>, Vec<String>> {
    let mut verdicts = Vec::new();
    let mut unknown = Vec::new();
    for expectation in expectations {
        match figure(report, &expectation.what) {
            None => unknown.push(format!("the report has no figure `{}`", expectation.what)),
            Some(outcome) => verdicts.push(Verdict {
                expectation: expectation.clone(),
                outcome,
                is_met: expectation.bound.is_met_by(outcome),
            }),
        }
    }
    if unknown.is_empty() { Ok(verdicts) } else { Err(unknown) }
}

/// A figure of a report by name, in thousandths of the unit in its name (counts in thousandths, too):
///
/// `energy_wanted_kwh`, `energy_delivered_kwh`, `energy_billed_kwh`, `energy_registered_kwh`, `delivered_percent`,
/// `delivered_lowest_percent` (the worst stay), `sessions`, `sessions_served` (that got 99 % or more), `cdrs`, `held` or
/// `held.WORDS` (for a reason of those words),
/// `charging_eur`, `driver_fees_eur`, `revenue_eur` or `revenue_eur.2026-03` of one month, `owner_fees_eur`,
/// `payout_eur`, `alarms` or `alarms.WORDS` (of those words), `alarms_standing` (at the end), `firings`,
/// `limit_changes`, `crashes`, `frames_in`, `peak_a.CIRCUIT` or `peak_a.CIRCUIT.L1`, `over_rating_s.CIRCUIT`,
/// `checked.RULE`.
#[must_use]
pub fn figure(report: &ReplayReport, name: &str) -> Option<i64> {
    let count = |count: usize| i64::try_from(count).ok().map(|count| count * 1_000);
    let counted = |count: u64| i64::try_from(count).ok().map(|count| count * 1_000);
    let money = &report.money;
    let (wanted, delivered) = report.energy();
    let percent = |part: units::WattHours, whole: units::WattHours| {
        (whole.milliwatt_hours() > 0).then(|| {
            let share = i128::from(part.milliwatt_hours()) * 100_000 / i128::from(whole.milliwatt_hours());
            i64::try_from(share).unwrap_or(i64::MAX)
        })
    };
    let cents = |amounts: &mut dyn Iterator<Item = units::Money>| Some(amounts.map(|m| m.minor() * 10).sum());
    let shares = || report.sessions.iter().filter_map(|stay| percent(stay.delivered, stay.wanted));
    match name.split_once('.') {
        None => match name {
            "energy_wanted_kwh" => Some(wanted.watt_hours_floor()),
            "energy_delivered_kwh" => Some(delivered.watt_hours_floor()),
            "energy_billed_kwh" => Some(money.energy_billed.watt_hours_floor()),
            "energy_registered_kwh" => Some(money.energy_registered.watt_hours_floor()),
            "delivered_percent" => percent(delivered, wanted),
            "delivered_lowest_percent" => shares().min(),
            "sessions" => count(report.sessions.len()),
            "sessions_served" => count(shares().filter(|&share| share >= 99_000).count()),
            "cdrs" => count(money.cdrs),
            "held" => count(money.held),
            "charging_eur" => cents(&mut money.drivers.iter().map(|driver| driver.charging)),
            "driver_fees_eur" => cents(&mut money.drivers.iter().map(|driver| driver.fees)),
            "revenue_eur" => cents(&mut money.owners.iter().map(|owner| owner.revenue)),
            "owner_fees_eur" => cents(&mut money.owners.iter().map(|owner| owner.fees)),
            "payout_eur" => cents(&mut money.owners.iter().map(|owner| owner.payout)),
            "alarms" => count(report.alarms.len()),
            "alarms_standing" => {
                count(report.alarms.iter().filter(|alarm| alarm.cleared_at.is_none()).count())
            }
            "firings" => count(report.rules.iter().map(|rule| rule.firings.len()).sum()),
            "limit_changes" => counted(report.counts.limit_changes),
            "crashes" => counted(report.counts.crashes),
            "frames_in" => counted(report.counts.frames_in),
            _ => None,
        },
        Some(("checked", rule)) => {
            report.rules.iter().find(|known| known.rule == rule).and_then(|rule| counted(rule.checked))
        }
        Some(("alarms", words)) => {
            count(report.alarms.iter().filter(|alarm| alarm.text.contains(words)).count())
        }
        Some(("held", words)) => count(money.held_for.iter().filter(|why| why.contains(words)).count()),
        Some(("revenue_eur", month)) => {
            let owners = money.owners.iter().filter(|owner| owner.month == month);
            cents(&mut owners.map(|owner| owner.revenue))
        }
        Some(("peak_a", place)) => peak(report, place).map(Amperes::milliamperes),
        Some(("over_rating_s", circuit)) => report
            .circuits
            .iter()
            .find(|known| known.circuit.as_str() == circuit)
            .map(|circuit| circuit.over_rating.milliseconds()),
        Some(_) => None,
    }
}

/// The names that [`figure`] knows; those that end with a dot go on with a circuit, a circuit's phase, or a rule.
pub const FIGURES: [&str; 27] = [
    "energy_wanted_kwh",
    "energy_delivered_kwh",
    "energy_billed_kwh",
    "energy_registered_kwh",
    "delivered_percent",
    "delivered_lowest_percent",
    "sessions",
    "sessions_served",
    "cdrs",
    "held",
    "charging_eur",
    "driver_fees_eur",
    "revenue_eur",
    "owner_fees_eur",
    "payout_eur",
    "alarms",
    "firings",
    "limit_changes",
    "crashes",
    "frames_in",
    "alarms_standing",
    "alarms.",
    "held.",
    "revenue_eur.",
    "peak_a.",
    "over_rating_s.",
    "checked.",
];

/// Whether a figure is there in *frames* only: money, and what is counted of links, records and faults.
#[must_use]
pub fn needs_frames(name: &str) -> bool {
    let is_of_money_or_wire = matches!(
        name,
        "energy_billed_kwh"
            | "cdrs"
            | "held"
            | "charging_eur"
            | "driver_fees_eur"
            | "revenue_eur"
            | "owner_fees_eur"
            | "payout_eur"
            | "crashes"
            | "frames_in"
    );
    let is_of_a_rule = name.strip_prefix("checked.").is_some_and(|rule| {
        !matches!(rule, "S1" | "S2" | "S3" | "S4" | "S5" | "S6" | "energy conserved" | "no fuse trips")
    });
    is_of_money_or_wire
        || is_of_a_rule
        || ["revenue_eur.", "held."].iter().any(|family| name.starts_with(family))
}

fn is_known(name: &str) -> bool {
    FIGURES.iter().any(|known| *known == name || (known.ends_with('.') && name.starts_with(known)))
}

fn peak(report: &ReplayReport, place: &str) -> Option<Amperes> {
    let (circuit, phase) = match place.rsplit_once('.') {
        Some((circuit, phase)) => {
            (circuit, Some(Phase::ALL.into_iter().find(|known| known.to_string() == phase)?))
        }
        None => (place, None),
    };
    let circuit = report.circuits.iter().find(|known| known.circuit.as_str() == circuit)?;
    let peaks = circuit.peak.map(|peak| peak.current);
    Some(phase.map_or_else(|| peaks.highest(), |phase| peaks[phase]))
}

fn read(section: &Section<'_>) -> Option<Expectation> {
    let what = section.text("what", "the name of a figure, such as `energy_delivered_kwh`");
    if what.as_deref().is_some_and(|name| !is_known(name)) {
        section.report("what", format!("no such figure; there are: {}", FIGURES.join(", ")));
    }
    let reason = section.text("reason", "why this bound and tolerance");
    let number = |key: &str| section.thousandths(key, "of the figure's unit", LEAST..=MOST);
    let (equals, at_least, at_most) = (number("equals"), number("at_least"), number("at_most"));
    let tolerance = number("tolerance").unwrap_or(0);
    let bound = match (equals, at_least, at_most) {
        (Some(value), None, None) => Some(Bound::Equals { value, tolerance }),
        (None, Some(least), None) => Some(Bound::AtLeast(least)),
        (None, None, Some(most)) => Some(Bound::AtMost(most)),
        _ => {
            section.report("what", "needs one of `equals`, `at_least`, `at_most`");
            None
        }
    };
    Some(Expectation { what: what?, bound: bound?, reason: reason? })
}

const LEAST: i64 = -1_000_000_000_000;
const MOST: i64 = 1_000_000_000_000;

impl Bound {
    /// Whether an outcome is within.
    #[must_use]
    pub const fn is_met_by(self, outcome: i64) -> bool {
        match self {
            Self::Equals { value, tolerance } => (outcome - value).abs() <= tolerance,
            Self::AtLeast(least) => outcome >= least,
            Self::AtMost(most) => outcome <= most,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Equals { value, tolerance: 0 } => f.write_str(&thousandths(*value)),
            Self::Equals { value, tolerance } => {
                write!(f, "{} ± {}", thousandths(*value), thousandths(*tolerance))
            }
            Self::AtLeast(least) => write!(f, "≥ {}", thousandths(*least)),
            Self::AtMost(most) => write!(f, "≤ {}", thousandths(*most)),
        }
    }
}

/// Thousandths as a decimal number without needless zeros.
#[must_use]
pub fn thousandths(count: i64) -> String {
    Amperes::from_milliamperes(count).to_string().replace(" A", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_read_with_all_mistakes_at_once() {
        let good = "[[expect]]\nwhat = 'cdrs'\nequals = 24\nreason = 'one per car'\n";
        let read = parse("expect.toml", good).unwrap();
        assert_eq!(read[0].bound, Bound::Equals { value: 24_000, tolerance: 0 });
        let bad =
            "[[expect]]\nwhat = 'cdrs'\nequals = 24\nat_most = 3\n[[expect]]\nequals = 'x'\nreason = 'r'\n";
        let told: Vec<String> =
            parse("expect.toml", bad).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|line| line.contains("needs one of `equals`")), "{told:#?}");
        assert!(told.iter().any(|line| line.contains("expect[0].reason: missing")), "{told:#?}");
        assert!(told.iter().any(|line| line.contains("expect[1].what: missing")), "{told:#?}");
        assert!(told.iter().any(|line| line.contains("expect[1].equals = \"x\"")), "{told:#?}");
    }

    #[test]
    fn bounds_are_met_at_their_edge() {
        assert!(Bound::Equals { value: 10, tolerance: 2 }.is_met_by(12));
        assert!(!Bound::Equals { value: 10, tolerance: 2 }.is_met_by(13));
        assert!(Bound::AtLeast(5).is_met_by(5));
        assert!(!Bound::AtMost(5).is_met_by(6));
        assert_eq!(Bound::Equals { value: 1_500, tolerance: 250 }.to_string(), "1.5 ± 0.25");
    }
}
