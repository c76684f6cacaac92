//! Recorded sessions replayed as OCPP transactions through the whole engine: is what is billed what was delivered?
//!
//! Every row becomes what a station would have said of it, a row with a defect what a station with that defect says: no
//! register where no energy was published, no time where no time was, an end before the start where it was printed so.
//! The twin's plant has no part in it: what is to be billed is what the publisher wrote, to the watt-hour.
//!
//! Registers are lifetime counts per EVSE, advanced by each row in order of its start. Each row's energy is told in whole
//! watt-hours, half up, since OCPP 1.6 knows no less; what that moves is counted.

mod house;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use billing::cdr::Doubt;
pub use ocpp::Version;
use serde::{Deserialize, Serialize};
use units::civil::Zone;
use units::{Timestamp, TransactionId, WattHours, Watts};

use crate::audit::Committed;
use house::{Fate, House};
use told::{Event, Told};

/// One row of a file of sessions, as its publisher wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionRow {
    /// The line in the file, from 2.
    pub line: usize,
    /// Who published it: decides the zone.
    pub source: String,
    /// The site: it becomes a site owner.
    pub site: String,
    /// Whose; empty: a guest's.
    pub user: String,
    /// Where; empty: at the first EVSE of the site that is free then.
    pub evse: String,
    /// Plugged in.
    pub arrival: Option<Timestamp>,
    /// Unplugged.
    pub departure: Option<Timestamp>,
    /// When energy stopped flowing.
    pub charge_end: Option<Timestamp>,
    /// What was delivered, exact.
    pub energy: Option<WattHours>,
    /// The EVSE's rating, as guessed by the publisher.
    pub power_rated: Option<Watts>,
    /// What is wrong with the row.
    pub flags: Vec<String>,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsReport {
    /// The file.
    pub file: String,
    /// Its rows.
    pub rows: usize,
    /// Distinct EVSEs, made up ones included.
    pub evses: usize,
    /// Distinct users; guests are none.
    pub users: usize,
    /// Transactions that the engine knows.
    pub transactions: usize,
    /// Rows whose start says word for word what the start of another said: the engine takes them for that one told
    /// again. Where the end differs, it is a finding.
    pub repeated: usize,
    /// Rows billed, those of no energy included.
    pub billed: usize,
    /// Rows held.
    pub held: usize,
    /// Rows without energy: billed as nothing, and told as a finding.
    pub no_energy: usize,
    /// What the file says was delivered: the sum of its energies that are above zero.
    pub energy_file: WattHours,
    /// The same as told by stations, less `energy_file`: rounding to whole watt-hours. Either sign.
    pub energy_rounded: WattHours,
    /// What was billed.
    pub energy_billed: WattHours,
    /// What was told in rows that are held.
    pub energy_held: WattHours,
    /// Held rows by doubt; a row with two doubts counts under each.
    pub held_by: BTreeMap<String, usize>,
    /// Held rows without a flag by doubt.
    pub unflagged_held_by: BTreeMap<String, usize>,
    /// Rows by flag and by what became of them: `held`, `told`, `billed`.
    pub flags: BTreeMap<String, BTreeMap<String, usize>>,
    /// Starts that were not accepted.
    pub refused_starts: usize,
    /// Frames that stations sent.
    pub frames: u64,
    /// Records committed.
    pub records: u64,
    /// Statements and receipts issued.
    pub documents: usize,
    /// The sum of all charging lines, in cents.
    pub revenue_minor: i64,
    /// Whatever is not as it must be, in words; empty: all is well.
    pub breaches: Vec<String>,
}

impl SessionsReport {
    /// Whether every row came to its end as it must.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.breaches.is_empty()
    }

    /// A row whose start was taken for another's.
    fn repeat(
        &mut self,
        row: &SessionRow,
        energy_told: WattHours,
        house: &House,
        transaction: TransactionId,
    ) {
        self.repeated += 1;
        let is_held = matches!(house.fate_of(transaction), Some(Fate::Held(_)));
        let is_found_after = house.is_found_after_seal(transaction);
        if is_found_after {
            *self.held_by.entry("after sealing".to_owned()).or_default() += 1;
        }
        let outcome = if is_held || is_found_after {
            self.energy_held += energy_told;
            "held"
        } else if house.is_told_without_energy(transaction) && energy_told == WattHours::ZERO {
            "told"
        } else {
            self.breach(format!(
                "line {}: {energy_told} lost, taken for transaction {transaction}",
                row.line
            ));
            "lost"
        };
        for flag in &row.flags {
            *self.flags.entry(flag.clone()).or_default().entry(outcome.to_owned()).or_default() += 1;
        }
    }

    fn breach(&mut self, what: String) {
        // The first of many tell the cause.
        if self.breaches.len() < 20 {
            self.breaches.push(what);
        }
    }
}

/// Replays a file, told by stations of a version.
#[must_use]
pub fn sessions(file: &str, rows: &[SessionRow], version: Version) -> SessionsReport {
    let mut report = SessionsReport { file: file.to_owned(), rows: rows.len(), ..SessionsReport::default() };
    let told = told::tell(rows);
    let mut house = House::furnished(rows, &told, version);
    let transactions = play(&mut house, &told, &mut report);
    house.close_months();
    judge(&mut report, rows, &told, &transactions, &house);
    report
}

/// The same, with every month closed, collected, settled and paid out: what was committed, for who audits it.
#[must_use]
pub fn books_of(rows: &[SessionRow], version: Version) -> Committed {
    let told = told::tell(rows);
    let mut house = House::furnished(rows, &told, version);
    play(&mut house, &told, &mut SessionsReport::default());
    house.close_months();
    house.settle_months();
    house.into_committed()
}

/// The zone of a publisher's sites: UTC where none is known.
fn zone_of(source: &str) -> Zone {
    let name = match source {
        "acn" => "America/Los_Angeles",
        "boulder" => "America/Denver",
        "dundee" | "perth" => "Europe/London",
        "norway12" | "trondheim" => "Europe/Oslo",
        "belib" | "sap_fr" => "Europe/Paris",
        _ => "UTC",
    };
    name.parse().unwrap_or_else(|_| Zone::utc())
}

/// Lets every station say what it has to say, in order of time; the transaction of each row.
fn play(house: &mut House, told: &[Told], report: &mut SessionsReport) -> Vec<Option<TransactionId>> {
    let mut transactions = vec![None; told.len()];
    for (at, event, row) in told::script(told) {
        let of = &told[row];
        match event {
            Event::Start => match house.start(at, of) {
                Some(started) => {
                    transactions[row] = Some(started.transaction);
                    report.refused_starts += usize::from(!started.is_accepted);
                }
                None => report.breach(format!("line {}: the start was not answered", of.line)),
            },
            Event::ChargeEnd | Event::Stop => {
                let Some(transaction) = transactions[row] else { continue };
                if !house.goes_on(at, of, transaction, event) {
                    report.breach(format!("line {}: {event:?} was not answered", of.line));
                }
            }
        }
    }
    transactions
}

fn judge(
    report: &mut SessionsReport,
    rows: &[SessionRow],
    told: &[Told],
    transactions: &[Option<TransactionId>],
    house: &House,
) {
    let mut of_users: BTreeMap<&str, (WattHours, WattHours)> = BTreeMap::new();
    let mut seen: BTreeSet<TransactionId> = BTreeSet::new();
    for ((row, told), transaction) in rows.iter().zip(told).zip(transactions) {
        let line = row.line;
        let energy_told = told.energy.unwrap_or(WattHours::ZERO).max(WattHours::ZERO);
        let energy_file = row.energy.unwrap_or(WattHours::ZERO).max(WattHours::ZERO);
        report.energy_file += energy_file;
        report.energy_rounded += energy_told - energy_file;
        let Some(transaction) = transaction else { continue };
        if !seen.insert(*transaction) {
            report.repeat(row, energy_told, house, *transaction);
            continue;
        }
        let outcome = match house.fate_of(*transaction) {
            None => {
                report.breach(format!("line {line}: transaction {transaction} was neither billed nor held"));
                continue;
            }
            Some(Fate::Held(doubts)) => {
                report.held += 1;
                report.energy_held += energy_told;
                for doubt in doubts.iter().map(word).collect::<BTreeSet<_>>() {
                    *report.held_by.entry(doubt.to_owned()).or_default() += 1;
                    if row.flags.is_empty() {
                        *report.unflagged_held_by.entry(doubt.to_owned()).or_default() += 1;
                    }
                }
                if doubts.is_empty() {
                    report.breach(format!("line {line}: held without a doubt"));
                }
                "held"
            }
            Some(Fate::Billed(energy)) => {
                report.billed += 1;
                report.energy_billed += *energy;
                let user = of_users.entry(&row.user).or_default();
                user.0 += energy_told;
                user.1 += *energy;
                if told.energy != Some(*energy) {
                    report.breach(format!("line {line}: {energy} billed, {:?} told", told.energy));
                }
                let is_told = house.is_told_without_energy(*transaction);
                report.no_energy += usize::from(is_told);
                if is_told != (*energy == WattHours::ZERO) {
                    report.breach(format!("line {line}: {energy} billed, told as no energy: {is_told}"));
                }
                if is_told { "told" } else { "billed" }
            }
        };
        for flag in &row.flags {
            *report.flags.entry(flag.clone()).or_default().entry(outcome.to_owned()).or_default() += 1;
        }
        if outcome == "billed" && !row.flags.is_empty() {
            report.breach(format!("line {line}: flagged {} and silently billed", row.flags.join("|")));
        }
    }
    for (user, (told, billed)) in &of_users {
        if told != billed {
            report.breach(format!("user `{user}`: {billed} billed, {told} told"));
        }
    }
    report.users = of_users.keys().filter(|user| !user.is_empty()).count();
    report.evses = told.iter().map(|told| told.place).max().map_or(0, |last| last + 1);
    report.transactions = seen.len();
    if report.energy_billed + report.energy_held != report.energy_file + report.energy_rounded {
        report.breach("energy told is neither billed nor held".to_owned());
    }
    house.reconcile(report);
}

/// A doubt by name.
fn word(doubt: &Doubt) -> &'static str {
    match doubt {
        Doubt::MissingStart { .. } => "missing start",
        Doubt::MissingEnd { .. } => "missing end",
        Doubt::Contradictory { .. } => "contradictory registers",
        Doubt::RegisterBelowZero { .. } => "register below zero",
        Doubt::Negative { .. } => "negative energy",
        Doubt::RegisterReset { .. } => "register fell",
        Doubt::Implausible { .. } => "implausible energy",
        Doubt::Overlapping { .. } => "overlap",
        Doubt::Orphan { .. } => "orphan",
        Doubt::ClockUntrusted { .. } => "time not trusted",
        Doubt::ClockJumped { .. } => "the machine's clock jumped",
        Doubt::TooLong { .. } => "too long",
        Doubt::AfterSeal { .. } => "after sealing",
        Doubt::MeterReplaced { .. } => "meter replaced",
        Doubt::UnknownDriver { .. } => "unknown driver",
        Doubt::NoTariff => "no tariff",
        Doubt::NoEnergy { .. } => "no energy",
        Doubt::Incomplete { .. } => "incomplete",
        Doubt::SeveralTokens { .. } => "several tokens",
    }
}
