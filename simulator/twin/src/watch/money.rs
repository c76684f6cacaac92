//! M1 to M6, M8 and the ledger: what the plant's registers counted against what drivers were charged and owners are paid.
//! What a CDR was priced at is judged as soon as it is durable, the books once they are closed. Prices, fees and months are
//! worked out anew here, the plain way.

use std::collections::BTreeMap;

use billing::cdr::{Cdr, ReadingContext};
use billing::finding::Billable;
use billing::pricing::{FlatDue, PricedCdr, naive, price};
use billing::tariff::Tariff;
use units::civil::CivilMonth;
use units::{CdrId, Money, TariffId, Timestamp, TransactionId, WattHours};

use super::{Rule, Watch};
use crate::business::Books;
use crate::recorder::TransactionSeen;
use crate::scenario::Scenario;
use crate::tariff_file::StatedTariff;

/// Start and stop registers travel as whole Wh, each rounded down: their difference is less than 1 Wh off.
const REGISTER_STEP: WattHours = WattHours::from_watt_hours(1);

impl Watch {
    /// Judges the books. `told` says of each transaction whether all that its station had to say was acknowledged.
    pub fn judge_books(
        &mut self,
        now: Timestamp,
        scenario: &Scenario,
        books: &Books,
        transactions: &[(TransactionSeen, bool)],
    ) {
        self.judge_m1(now, books, transactions);
        self.judge_m2(now, books, transactions);
        self.judge_m4(now, scenario, books);
        self.judge_ledger(now, books);
    }

    /// Judges what a sealed CDR was priced at.
    pub fn judge_priced(&mut self, now: Timestamp, scenario: &Scenario, priced: &PricedCdr, cdr: &Cdr) {
        self.judge_m3(now, scenario, priced, cdr);
        self.judge_m5(now, scenario, priced, cdr);
        self.judge_m6(now, priced);
        self.judge_m8(now, cdr);
    }

    fn judge_m1(&mut self, now: Timestamp, books: &Books, transactions: &[(TransactionSeen, bool)]) {
        let mut cdrs_of: BTreeMap<TransactionId, Vec<&Cdr>> = BTreeMap::new();
        for cdr in &books.cdrs {
            cdrs_of.entry(cdr.transaction).or_default().push(cdr);
        }
        for (seen, is_told) in transactions {
            if seen.ended.is_none() || !is_told {
                continue;
            }
            self.verdicts.check(Rule::M1);
            let Some(id) = seen.id else {
                let text = format!(
                    "the transaction at {} from {} got no id although all its messages were acknowledged",
                    seen.evse, seen.started_at
                );
                self.verdicts.fire(Rule::M1, now, text, &self.story);
                continue;
            };
            let cdrs = cdrs_of.get(&id).into_iter().flatten().filter(|cdr| cdr.evse == seen.evse).count();
            if cdrs != 1 {
                let text = format!("transaction {id} at {} has {cdrs} CDRs, not one", seen.evse);
                self.verdicts.fire(Rule::M1, now, text, &self.story);
            }
        }
        let mut fates: BTreeMap<u64, usize> = books.cdrs.iter().map(|cdr| (cdr.id.0, 0)).collect();
        let billed = books.priced.iter().map(|priced| priced.cdr.0);
        for id in billed.chain(books.held.iter().map(|row| row.cdr.id.0)) {
            *fates.entry(id).or_default() += 1;
        }
        for (id, count) in fates {
            self.verdicts.check(Rule::M1);
            if count != 1 {
                let text = format!("CDR {id} was billed or held {count} times, not once");
                self.verdicts.fire(Rule::M1, now, text, &self.story);
            }
        }
        for refusal in &books.refusals {
            self.verdicts.fire(Rule::M1, now, format!("the books do not close: {refusal}"), &self.story);
        }
    }

    fn judge_m2(&mut self, now: Timestamp, books: &Books, transactions: &[(TransactionSeen, bool)]) {
        let cdrs: BTreeMap<CdrId, &Cdr> = books.cdrs.iter().map(|cdr| (cdr.id, cdr)).collect();
        let seen: BTreeMap<_, _> =
            transactions.iter().map(|(seen, _)| ((seen.id, &seen.evse), seen)).collect();
        for priced in &books.priced {
            let Some(cdr) = cdrs.get(&priced.cdr) else { continue };
            self.verdicts.check(Rule::M2);
            let Some(seen) = seen.get(&(Some(cdr.transaction), &cdr.evse)) else {
                let text = format!("CDR {} bills transaction {}, which never ran", cdr.id, cdr.transaction);
                self.verdicts.fire(Rule::M2, now, text, &self.story);
                continue;
            };
            let counted = seen.ended.map_or(WattHours::ZERO, |(_, register)| register) - seen.register_start;
            if (priced.energy - counted).magnitude() >= REGISTER_STEP {
                let text = format!(
                    "CDR {} bills {} for transaction {}, whose register counted {counted}",
                    cdr.id, priced.energy, cdr.transaction
                );
                self.verdicts.fire(Rule::M2, now, text, &self.story);
            }
        }
    }

    /// Each sealed CDR that is billed is cut in two at each third of its readings: the parts cost what the whole does, but
    /// for the rounding of three lines, half a cent each.
    fn judge_m3(&mut self, now: Timestamp, scenario: &Scenario, priced: &PricedCdr, cdr: &Cdr) {
        let tariff = frozen(scenario, &priced.tariff, priced.started_at);
        let Some(tariff) = tariff.and_then(|tariff| crate::business::tariff(scenario, tariff)) else {
            return;
        };
        // A cap of parking is one of the whole CDR: its parts have one each.
        if !cdr.doubts.is_empty() || tariff.parts().parking.cap.is_some() {
            return;
        }
        let mut readings = cdr.readings.clone();
        readings.sort_by_key(|reading| reading.at);
        let cuts = readings.iter().enumerate().filter(|(place, _)| place % 3 == 1).map(|(_, cut)| cut.at);
        for cut in cuts.filter(|cut| *cut > cdr.started_at && *cut < cdr.stopped_at) {
            self.verdicts.check(Rule::M3);
            let parts = [cut_off(cdr, cdr.started_at, cut), cut_off(cdr, cut, cdr.stopped_at)];
            let cents = parts.iter().map(|part| cents_of(part, &tariff)).sum::<Option<i64>>();
            let is_same = cents.is_some_and(|cents| (cents - priced.amount.minor()).abs() <= 1);
            if !is_same {
                let text =
                    format!("CDR {} costs {}, and cut at {cut} {cents:?} cents", priced.cdr, priced.amount);
                self.verdicts.fire(Rule::M3, now, text, &self.story);
            }
        }
    }

    fn judge_m4(&mut self, now: Timestamp, scenario: &Scenario, books: &Books) {
        let zero = Money::zero(scenario.currency);
        for row in &books.settlements {
            let settlement = &row.settlement;
            let (owner, month) = (&settlement.owner, settlement.month);
            self.verdicts.check(Rule::M4);
            let of_month = |priced: &&PricedCdr| priced.owner == *owner && priced.month == month;
            let charged = books.priced.iter().filter(of_month).fold(zero, |sum, priced| sum + priced.amount);
            let revenue = settlement.revenue;
            let mut wrongs = Vec::new();
            if revenue.charged != charged {
                wrongs.push(format!("charged {} is not the sum of CDRs {charged}", revenue.charged));
            }
            if revenue.charged != revenue.collected + revenue.open + revenue.written_off {
                wrongs.push(format!(
                    "charged {} is not collected {} + open {} + written off {}",
                    revenue.charged, revenue.collected, revenue.open, revenue.written_off
                ));
            }
            let total = settlement.collected - settlement.fees - settlement.vat_borne + settlement.carried_in;
            if settlement.total != total {
                wrongs.push(format!("total {} is not {total}", settlement.total));
            }
            if !revenue.open.is_zero() || settlement.collected != charged {
                wrongs.push(format!(
                    "everything was paid, and yet {} is open and {} collected of {charged}",
                    revenue.open, settlement.collected
                ));
            }
            let fees = naive_fees(scenario, books, month);
            let opening = Money::from_minor(35_000, scenario.currency);
            if settlement.fees != fees && settlement.fees != fees + opening {
                wrongs.push(format!("fees {} are not {fees}, nor that and the opening fee", settlement.fees));
            }
            for wrong in wrongs {
                let text = format!("{owner} {month}: {wrong}");
                self.verdicts.fire(Rule::M4, now, text, &self.story);
            }
        }
    }

    fn judge_m5(&mut self, now: Timestamp, scenario: &Scenario, priced: &PricedCdr, cdr: &Cdr) {
        self.verdicts.check(Rule::M5);
        let amount = naive_cents(scenario, priced, cdr);
        if amount != Some(priced.amount.minor()) {
            let text = format!(
                "CDR {} costs {} for {} on {}; the plain way it is {amount:?} cents",
                priced.cdr, priced.amount, priced.energy, priced.tariff
            );
            self.verdicts.fire(Rule::M5, now, text, &self.story);
        }
    }

    fn judge_m6(&mut self, now: Timestamp, priced: &PricedCdr) {
        let Some(month) = naive_month(priced.zone.name(), priced.stopped_at) else { return };
        self.verdicts.check(Rule::M6);
        if priced.month != month {
            let text = format!(
                "CDR {} ended at {} and is billed in {}; by the site's clocks that is {month}",
                priced.cdr, priced.stopped_at, priced.month
            );
            self.verdicts.fire(Rule::M6, now, text, &self.story);
        }
    }

    fn judge_ledger(&mut self, now: Timestamp, books: &Books) {
        let cents = books.entries.iter().map(|row| {
            let postings = row.entry.parts().postings.iter();
            (row.number, postings.map(|posting| posting.amount.minor()).collect())
        });
        self.judge_postings(now, &cents.collect::<Vec<_>>());
    }

    /// Entries by number, with the cents of their postings.
    pub(super) fn judge_postings(&mut self, now: Timestamp, entries: &[(u64, Vec<i64>)]) {
        for (number, postings) in entries {
            self.verdicts.check(Rule::Ledger);
            let off: i128 = postings.iter().copied().map(i128::from).sum();
            if off != 0 {
                let text = format!("entry {number} is off by {off} cents");
                self.verdicts.fire(Rule::Ledger, now, text, &self.story);
            }
        }
    }
}

/// The version of a tariff that held when a transaction began.
fn frozen<'a>(scenario: &'a Scenario, id: &TariffId, started_at: Timestamp) -> Option<&'a StatedTariff> {
    let zone = &scenario.site.config.zone;
    let valid =
        |tariff: &&StatedTariff| tariff.id == *id && zone.start_of_day(tariff.valid_from) <= started_at;
    scenario.commerce.tariffs.iter().filter(valid).max_by_key(|tariff| tariff.valid_from)
}

/// What a CDR costs in cents, the plain way: by its energy alone where that is all the tariff prices, else minute by
/// minute.
fn naive_cents(scenario: &Scenario, priced: &PricedCdr, cdr: &Cdr) -> Option<i64> {
    let stated = frozen(scenario, &priced.tariff, priced.started_at)?;
    if let Some(price) = stated.flat_price() {
        return Some(naive_amount(priced.energy, price.millionths()));
    }
    let tariff = crate::business::tariff(scenario, stated)?;
    // A site file's tariff prices nothing per session.
    let found = naive::price(&Billable::sealed(cdr).ok()?, tariff.parts(), FlatDue::AlreadyBorne)?;
    i64::try_from(found.minor).ok()
}

/// The part of a CDR between two instants, each a reading's, the start's or the end's.
fn cut_off(cdr: &Cdr, from: Timestamp, until: Timestamp) -> Cdr {
    let mut part = cdr.clone();
    part.readings.retain(|reading| reading.at >= from && reading.at <= until);
    part.readings.sort_by_key(|reading| reading.at);
    let last = part.readings.len().saturating_sub(1);
    for (place, reading) in part.readings.iter_mut().enumerate() {
        reading.context = match place {
            0 => ReadingContext::Begin,
            _ if place == last => ReadingContext::End,
            _ => ReadingContext::Periodic,
        };
    }
    Cdr { started_at: from, stopped_at: until, ..part }
}

fn cents_of(cdr: &Cdr, tariff: &Tariff) -> Option<i64> {
    let billable = Billable::sealed(cdr).ok()?;
    Some(price(&billable, tariff, FlatDue::AlreadyBorne).ok()?.amount.minor())
}

/// Energy × price, in cents, half away from zero. Energy in mWh, price in millionths of the major unit per kWh.
#[must_use]
pub fn naive_amount(energy: WattHours, price_millionths: i64) -> i64 {
    // mWh / 10^6 · millionths / 10^6 · 100 cents
    let numerator = i128::from(energy.milliwatt_hours()) * i128::from(price_millionths);
    naive_round(numerator, 10_000_000_000)
}

fn naive_round(numerator: i128, denominator: i128) -> i64 {
    let (whole, rest) = (numerator.abs() / denominator, numerator.abs() % denominator);
    let rounded = if rest * 2 >= denominator { whole + 1 } else { whole };
    i64::try_from(rounded * numerator.signum()).unwrap_or(i64::MAX)
}

/// MONEY section 4, for the one owner of a scenario: the plan's fee on the sum, and 15 % of what public EVSEs earned.
fn naive_fees(scenario: &Scenario, books: &Books, month: CivilMonth) -> Money {
    use crate::site_file::AccessKind;
    let (mut energy_mwh, mut public_cents, mut points): (i128, i128, i64) = (0, 0, 0);
    let is_public = |evse: &units::EvseId| {
        scenario.commerce.evses.iter().any(|access| access.evse == *evse && access.access.admits_guests())
    };
    for priced in books.priced.iter().filter(|priced| priced.month == month) {
        if is_public(&priced.evse) {
            public_cents += i128::from(priced.amount.minor());
        } else {
            energy_mwh += i128::from(priced.energy.milliwatt_hours());
        }
    }
    for access in &scenario.commerce.evses {
        points += i64::from(access.access == AccessKind::Private);
    }
    let plan = match scenario.commerce.owner.plan {
        billing::contract::FeePlan::PerKilowattHour => naive_round(energy_mwh * 3, 1_000_000),
        billing::contract::FeePlan::PerChargingPoint => points * 500,
    };
    Money::from_minor(plan + naive_round(public_cents * 15, 100), scenario.currency)
}

/// The month that the clocks of a zone with the rules of the European Union show.
#[must_use]
pub fn naive_month(zone: &str, at: Timestamp) -> Option<CivilMonth> {
    let standard_hours = match zone {
        "Europe/Helsinki" | "Europe/Tallinn" => 2,
        "Europe/Oslo" | "Europe/Stockholm" | "Europe/Copenhagen" | "Europe/Berlin" => 1,
        _ => return None,
    };
    let hour = at.milliseconds().div_euclid(3_600_000);
    let (year, ..) = date_of(hour.div_euclid(24));
    // Summer time holds from 01:00 UTC of March's last Sunday until 01:00 UTC of October's.
    let is_summer = hour > last_sunday(year, 3) * 24 && hour <= last_sunday(year, 10) * 24;
    let local = hour + standard_hours + i64::from(is_summer);
    let (year, month, _) = date_of(local.div_euclid(24));
    Some(CivilMonth { year: i16::try_from(year).ok()?, month: i8::try_from(month).ok()? })
}

/// The day of a month's last Sunday, for months of 31 days; days since 1970-01-01, a Thursday.
fn last_sunday(year: i64, month: i64) -> i64 {
    let last = day_of(year, month, 31);
    last - (last + 4).rem_euclid(7)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: i64 = (1..month).map(|month| month_length(year, month)).sum();
    years + months + day - 1
}

fn date_of(mut day: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    while day >= if is_leap(year) { 366 } else { 365 } {
        day -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    while day >= month_length(year, month) {
        day -= month_length(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m6_the_naive_calendar_knows_both_clock_change_nights_and_month_ends() {
        let month = |text: &str| naive_month("Europe/Helsinki", text.parse().unwrap()).unwrap().to_string();
        assert_eq!(month("2026-01-31T21:59:59Z"), "2026-01");
        assert_eq!(month("2026-01-31T22:00:00Z"), "2026-02");
        assert_eq!(month("2026-06-30T20:59:59Z"), "2026-06");
        assert_eq!(month("2026-06-30T21:00:00Z"), "2026-07", "summer time");
        assert_eq!(last_sunday(2026, 3), day_of(2026, 3, 29));
        assert_eq!(last_sunday(2026, 10), day_of(2026, 10, 25));
        assert_eq!(naive_month("Asia/Tokyo", Timestamp::EPOCH), None);
    }

    #[test]
    fn m5_the_naive_amount_rounds_half_away_from_zero_once() {
        assert_eq!(naive_amount(WattHours::from_watt_hours(120_000), 200_000), 2_400);
        assert_eq!(naive_amount(WattHours::from_watt_hours(18_700), 350_000), 655);
    }
}
