//! Cutting at price boundaries, by hand and at random.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::{Currency, Rounding, TimeSpan, Timestamp, WattHours};

use super::samples::{at, between, cdr, component, element, energy_tariff, eur, reading, tariff};
use crate::cdr::{Activity, ActivitySpan, Cdr, ReadingContext};
use crate::finding::Billable;
use crate::pricing::{FlatDue, PricedCdr, PricingRefusal, naive, price};
use crate::tariff::{
    ComponentKind::{Energy, Flat, ParkingTime, Time},
    ParkingTerms, Restrictions, Tariff, TariffElement, Weekday,
};

#[test]
fn m3_a_session_over_a_boundary_is_cut_at_the_clock_aligned_register() {
    let mut cdr = cdr(1, at("2026-01-10T18:00:00Z"), at("2026-01-10T22:00:00Z"), 20_000);
    // 22:00 in Helsinki, where the night begins: 17 kWh before it, 3 after.
    cdr.readings.push(reading(at("2026-01-10T20:00:00Z"), 24_000_000, ReadingContext::Clock));
    let priced = priced(&cdr, &night_tariff());
    assert_eq!(priced.amount, eur(17 * 30 + 3 * 10));
    assert!(priced.components.iter().all(|component| !component.is_estimated));
    assert_eq!(priced.periods.len(), 2);
}

#[test]
fn m3_without_a_register_at_the_boundary_the_part_is_linear_and_marked_estimated() {
    let cdr = cdr(1, at("2026-01-10T18:00:00Z"), at("2026-01-10T22:00:00Z"), 20_000);
    let priced = priced(&cdr, &night_tariff());
    assert_eq!(priced.amount, eur(10 * 30 + 10 * 10));
    assert!(priced.components.iter().all(|component| component.is_estimated));
}

#[test]
fn an_estimated_register_is_rounded_down_to_a_milliwatt_hour() {
    // 22:00 is one third of the way through 10 mWh.
    let mut cdr = cdr(1, at("2026-01-10T19:00:00Z"), at("2026-01-10T22:00:00Z"), 0);
    cdr.readings[1].register = WattHours::from_milliwatt_hours(7_000_010);
    let priced = priced(&cdr, &night_tariff());
    let energies: Vec<i64> = priced.periods.iter().map(|period| period.energy().milliwatt_hours()).collect();
    assert_eq!(energies, [3, 7]);
}

#[test]
fn a_register_that_stood_still_over_the_boundary_is_no_estimate() {
    let mut cdr = cdr(1, at("2026-01-10T18:00:00Z"), at("2026-01-10T22:00:00Z"), 20_000);
    cdr.readings.push(reading(at("2026-01-10T19:00:00Z"), 24_000_000, ReadingContext::Periodic));
    cdr.readings.push(reading(at("2026-01-10T21:00:00Z"), 24_000_000, ReadingContext::Periodic));
    let priced = priced(&cdr, &night_tariff());
    assert_eq!(priced.amount, eur(17 * 30 + 3 * 10));
    assert!(priced.components.iter().all(|component| !component.is_estimated));
}

#[test]
fn a_gap_over_the_tariffs_limit_is_refused_only_where_a_boundary_lies_in_it() {
    let mut parts = night_tariff().parts().clone();
    parts.gap_limit = Some(TimeSpan::from_hours(1));
    let tariff = Tariff::new(parts).unwrap();
    let (from, until) = (at("2026-01-10T18:00:00Z"), at("2026-01-10T22:00:00Z"));
    let over = cdr(1, from, until, 20_000);
    let limit = TimeSpan::from_hours(1);
    assert_eq!(
        price(&Billable::sealed(&over).unwrap(), &tariff, FlatDue::Due),
        Err(PricingRefusal::GapTooLong { cdr: over.id, from, until, limit })
    );
    let before = cdr(1, at("2026-01-10T12:00:00Z"), at("2026-01-10T19:00:00Z"), 20_000);
    assert_eq!(priced(&before, &tariff).amount, eur(600));
}

#[test]
fn m6_both_passes_of_the_repeated_autumn_hour_match_a_time_of_day() {
    // 03:00 to 04:00 costs 1 €/kWh, all else nothing; a steady 1 kWh per hour over the night of 2026-10-25.
    let hour = element(&[component(Energy, 1_000_000)], between("03:00", "04:00"));
    let free = element(&[component(Energy, 0)], Restrictions::default());
    let tariff = tariff("t", vec![hour, free]);
    let autumn = cdr(1, at("2026-10-24T22:00:00Z"), at("2026-10-25T06:00:00Z"), 8_000);
    assert_eq!(priced(&autumn, &tariff).amount, eur(200));
    // In spring the hour from 03:00 to 04:00 does not exist.
    let spring = cdr(1, at("2026-03-28T22:00:00Z"), at("2026-03-29T06:00:00Z"), 8_000);
    assert_eq!(priced(&spring, &tariff).amount, eur(0));
    let ordinary = cdr(1, at("2026-06-01T22:00:00Z"), at("2026-06-02T06:00:00Z"), 8_000);
    assert_eq!(priced(&ordinary, &tariff).amount, eur(100));
}

#[test]
fn m6_a_cdr_belongs_to_the_site_local_month_of_its_end() {
    for (until, month) in [("2026-01-31T21:59:59.999Z", "2026-01"), ("2026-01-31T22:00:00Z", "2026-02")] {
        let cdr = cdr(1, at("2026-01-31T18:00:00Z"), at(until), 1_000);
        assert_eq!(priced(&cdr, &energy_tariff("t", 200_000)).month.to_string(), month);
    }
    let cdr = cdr(1, at("2026-01-31T18:00:00Z"), at("2026-01-31T19:00:00Z"), 1_000);
    let late = Billable::sealed(&cdr).unwrap().not_before("2026-02".parse().unwrap());
    assert_eq!(late.month().to_string(), "2026-02", "its own month was closed");
}

#[test]
fn flat_is_due_once_per_session_and_only_with_energy() {
    let prices = [component(Energy, 100_000), component(Flat, 1_500_000)];
    let tariff = tariff("t", vec![element(&prices, Restrictions::default())]);
    let (from, until) = (at("2026-01-10T18:00:00Z"), at("2026-01-10T22:00:00Z"));
    for (watt_hours, flat, minor) in
        [(10_000, FlatDue::Due, 250), (10_000, FlatDue::AlreadyBorne, 100), (0, FlatDue::Due, 0)]
    {
        let cdr = cdr(1, from, until, watt_hours);
        let priced = price(&Billable::sealed(&cdr).unwrap(), &tariff, flat).unwrap();
        assert_eq!(priced.amount, eur(minor), "{watt_hours} Wh, {flat:?}");
    }
}

#[test]
fn a_cdr_is_never_priced_by_a_tariff_that_does_not_say_what_it_costs() {
    let (from, until) = (at("2026-01-10T18:00:00Z"), at("2026-01-10T22:00:00Z"));
    let cdr = cdr(1, from, until, 20_000);
    let billable = Billable::sealed(&cdr).unwrap();
    let uncovered = tariff("t", vec![element(&[component(Energy, 1)], between("00:00", "22:00"))]);
    assert_eq!(
        price(&billable, &uncovered, FlatDue::Due),
        Err(PricingRefusal::NoEnergyPrice { cdr: cdr.id, at: at("2026-01-10T20:00:00Z") })
    );
    assert_eq!(naive::price(&billable, uncovered.parts(), FlatDue::Due), None);
    assert!(matches!(
        price(&billable, &energy_tariff("another", 1), FlatDue::Due),
        Err(PricingRefusal::AnotherTariff { .. })
    ));
    let mut parts = energy_tariff("t", 1).parts().clone();
    parts.valid_from = from + TimeSpan::from_milliseconds(1);
    assert!(matches!(
        price(&billable, &Tariff::new(parts).unwrap(), FlatDue::Due),
        Err(PricingRefusal::TariffNotYetValid { .. })
    ));
}

#[test]
fn time_is_charged_while_energy_flows_and_parking_time_while_the_ev_declines() {
    let prices = [component(Time, 600_000), component(ParkingTime, 3_000_000)];
    let tariff = tariff("t", vec![element(&prices, Restrictions::default())]);
    let (from, until) = (at("2026-01-10T12:00:00Z"), at("2026-01-10T16:00:00Z"));
    let cdr = Cdr {
        activity: activity(&[
            ("2026-01-10T12:30:00Z", Activity::Charging),
            ("2026-01-10T14:00:00Z", Activity::Declined),
            ("2026-01-10T15:00:00Z", Activity::NotOffered),
            ("2026-01-10T15:40:00Z", Activity::Declined),
        ]),
        ..cdr(1, from, until, 10_000)
    };
    // 1.5 h of charging, 1 h and 20 min of declining; of the first half hour nothing is known.
    assert_eq!(priced(&cdr, &tariff).amount, eur(90 + 400));
}

#[test]
fn m8_parking_costs_nothing_while_the_evse_offers_too_little_is_faulted_or_offline() {
    let tariff = parking_tariff(ParkingTerms::default());
    let cdr = parked(&[("2026-01-10T12:00:00Z", Activity::NotOffered)]);
    assert_eq!(priced(&cdr, &tariff).amount, eur(0));
    let unknown = parked(&[]);
    assert_eq!(priced(&unknown, &tariff).amount, eur(0), "nor where nothing is known");
}

#[test]
fn m8_parking_begins_after_a_grace_period_once_the_ev_declines_an_offer() {
    let tariff =
        parking_tariff(ParkingTerms { grace: TimeSpan::from_minutes(60), ..ParkingTerms::default() });
    let declines = [("2026-01-10T12:00:00Z", Activity::Declined)];
    assert_eq!(priced(&parked(&declines), &tariff).amount, eur(300));
    // A pause of ours neither counts nor begins the grace anew; charging does.
    let paused = [
        ("2026-01-10T12:00:00Z", Activity::Declined),
        ("2026-01-10T12:30:00Z", Activity::NotOffered),
        ("2026-01-10T13:00:00Z", Activity::Declined),
    ];
    assert_eq!(priced(&parked(&paused), &tariff).amount, eur(250));
    let charged = [
        ("2026-01-10T12:00:00Z", Activity::Declined),
        ("2026-01-10T14:00:00Z", Activity::Charging),
        ("2026-01-10T14:10:00Z", Activity::Declined),
    ];
    assert_eq!(priced(&parked(&charged), &tariff).amount, eur(100 + 83));
    // What was declined in the session before this transaction has used the grace up.
    let before = [("2026-01-10T10:00:00Z", Activity::Declined)];
    assert_eq!(priced(&parked(&before), &tariff).amount, eur(400));
}

#[test]
fn m8_nights_may_be_exempt_and_parking_may_be_capped() {
    let window = between("16:00", "17:30").time;
    let exempt = parking_tariff(ParkingTerms { exempt: window, ..ParkingTerms::default() });
    let declines = [("2026-01-10T12:00:00Z", Activity::Declined)];
    // 14:00 to 18:00 in Helsinki, of which an hour and a half are exempt.
    assert_eq!(priced(&parked(&declines), &exempt).amount, eur(250));
    let capped = parking_tariff(ParkingTerms { cap: Some(eur(199)), ..ParkingTerms::default() });
    assert_eq!(priced(&parked(&declines), &capped).amount, eur(199));
}

/// Parking costs 1 € per hour, and nothing else anything.
fn parking_tariff(parking: ParkingTerms) -> Tariff {
    let mut parts = tariff("t", vec![element(&[component(ParkingTime, 1_000_000)], Restrictions::default())])
        .parts()
        .clone();
    parts.parking = parking;
    Tariff::new(parts).unwrap()
}

/// Four hours from noon, UTC.
fn parked(spans: &[(&str, Activity)]) -> Cdr {
    let (from, until) = (at("2026-01-10T12:00:00Z"), at("2026-01-10T16:00:00Z"));
    Cdr { activity: activity(spans), ..cdr(1, from, until, 1_000) }
}

fn activity(spans: &[(&str, Activity)]) -> Vec<ActivitySpan> {
    spans.iter().map(|&(from, activity)| ActivitySpan { from: at(from), activity }).collect()
}

#[test]
fn components_are_not_rounded_and_the_line_is_rounded_once() {
    // Two parts of 0.5 cent each: 1 cent together, 2 if rounded by themselves.
    let night = element(&[component(Energy, 5_000)], between("22:00", "06:00"));
    let day = element(&[component(Energy, 5_001)], Restrictions::default());
    let cdr = cdr(1, at("2026-01-10T19:00:00Z"), at("2026-01-10T21:00:00Z"), 2_000);
    let priced = priced(&cdr, &tariff("t", vec![night, day]));
    assert_eq!(priced.components.len(), 2);
    assert_eq!(priced.amount, eur(1));
}

#[test]
fn m5_the_naive_pricer_agrees_on_random_cdrs() {
    for seed in 0..1_500 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (tariff, cdr) = (random_tariff(&mut rng, DEAR), random_cdr(&mut rng));
        let flat = if rng.random_bool(0.5) { FlatDue::Due } else { FlatDue::AlreadyBorne };
        let billable = Billable::sealed(&cdr).unwrap();
        let naive = naive::price(&billable, tariff.parts(), flat);
        match price(&billable, &tariff, flat) {
            Ok(priced) => {
                let found = (priced.energy.milliwatt_hours().into(), priced.amount.minor().into());
                let naive = naive.map(|naive| (naive.energy_milliwatt_hours, naive.minor));
                assert_eq!(naive, Some(found), "seed {seed}: {cdr:?} {tariff:?}");
                let in_periods: i64 =
                    priced.periods.iter().map(|period| period.energy().milliwatt_hours()).sum();
                assert_eq!(in_periods, priced.energy.milliwatt_hours(), "seed {seed}");
                assert_eq!(Ok(priced.energy), cdr.energy(), "seed {seed}");
                assert!(priced.periods.windows(2).all(|pair| pair[0].until == pair[1].from), "seed {seed}");
            }
            Err(PricingRefusal::NoEnergyPrice { .. }) => assert_eq!(naive, None, "seed {seed}"),
            Err(refusal) => panic!("seed {seed}: {refusal}"),
        }
    }
}

#[test]
fn m3_cutting_a_session_at_any_instant_keeps_its_price_within_the_rounding() {
    let mut cut = 0;
    for seed in 0..1_500 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut parts, whole) = (random_tariff(&mut rng, ORDINARY).parts().clone(), random_cdr(&mut rng));
        // A cap is per CDR: two CDRs have two.
        parts.parking.cap = None;
        let tariff = Tariff::new(parts).unwrap();
        let Ok(priced_whole) = price(&Billable::sealed(&whole).unwrap(), &tariff, FlatDue::AlreadyBorne)
        else {
            continue;
        };
        let Some((first, second)) = cut_at_random(&whole, &mut rng) else { continue };
        let parts = [first, second]
            .map(|part| price(&Billable::sealed(&part).unwrap(), &tariff, FlatDue::AlreadyBorne).unwrap());
        let exact = parts[0].exact + parts[1].exact - priced_whole.exact;
        let off = exact.round(Rounding::HalfAwayFromZero, Currency::Eur);
        assert_eq!(off, eur(0), "seed {seed}: the exact amounts differ by no half cent");
        let rounded = (parts[0].amount + parts[1].amount - priced_whole.amount).minor();
        assert!(rounded.abs() <= 1, "seed {seed}: {rounded} cents");
        cut += 1;
    }
    assert!(cut > 500, "only {cut} sessions were cut");
}

/// Cuts a CDR at a random whole-register instant: both parts share the reading at the cut.
fn cut_at_random(whole: &Cdr, rng: &mut ChaCha8Rng) -> Option<(Cdr, Cdr)> {
    let curve = crate::cdr::RegisterCurve::new(&whole.readings).unwrap();
    let (begin, end) = (curve.begin(), curve.end());
    if end.at.since(begin.at) < TimeSpan::from_milliseconds(2) {
        return None;
    }
    let at =
        Timestamp::from_milliseconds(rng.random_range(begin.at.milliseconds() + 1..end.at.milliseconds()));
    let after = curve.points().iter().position(|point| point.at > at)?;
    let (left, right) = (curve.points()[after - 1], curve.points()[after]);
    let gap = i128::from(right.at.since(left.at).milliseconds());
    let rise = i128::from((right.register - left.register).milliwatt_hours());
    let part = i64::try_from(rise * i128::from(at.since(left.at).milliseconds()) / gap).unwrap();
    let register = left.register + WattHours::from_milliwatt_hours(part);
    let kept = |is_kept: &dyn Fn(Timestamp) -> bool, cut| {
        let mut part = whole.clone();
        part.readings = curve.points().iter().copied().filter(|point| is_kept(point.at)).collect();
        part.readings.push(crate::cdr::RegisterReading { at, register, context: cut });
        part
    };
    Some((kept(&|point| point < at, ReadingContext::End), kept(&|point| point > at, ReadingContext::Begin)))
}

fn random_cdr(rng: &mut ChaCha8Rng) -> Cdr {
    const NEAR: [&str; 6] = [
        "2026-10-24T20:00:00Z",
        "2026-03-28T20:00:00Z",
        "2026-01-31T15:00:00Z",
        "2024-08-31T12:00:00Z",
        "2026-06-05T09:00:00Z",
        "2024-02-28T20:00:00Z",
    ];
    let from = at(NEAR[rng.random_range(0..NEAR.len())])
        + TimeSpan::from_milliseconds(rng.random_range(0..8 * 3_600_000));
    let longest =
        *[0, 1, 90_000, 3_600_000, 12 * 3_600_000, 40 * 3_600_000].get(rng.random_range(0..6)).unwrap();
    let duration = rng.random_range(0..=longest);
    let until = from + TimeSpan::from_milliseconds(duration);
    let mut cdr = cdr(1, from, until, 0);
    let zones = ["Europe/Helsinki", "Europe/Stockholm", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"];
    cdr.zone = zones[rng.random_range(0..zones.len())].parse().unwrap();
    let mut instants: Vec<(Timestamp, ReadingContext)> = (0..rng.random_range(0..6))
        .map(|_| {
            let at = from + TimeSpan::from_milliseconds(rng.random_range(0..=duration));
            (at, ReadingContext::Periodic)
        })
        .collect();
    if rng.random_bool(0.5) {
        let quarter = TimeSpan::from_minutes(15);
        let mut at = from.floor_to(quarter) + quarter;
        while at <= until {
            instants.push((at, ReadingContext::Clock));
            at += quarter;
        }
    }
    // Some arrive twice at one instant, and outside the transaction.
    if rng.random_bool(0.3) && !instants.is_empty() {
        instants.push(instants[0]);
        instants.push((from - TimeSpan::from_hours(1), ReadingContext::Clock));
    }
    instants.sort();
    let mut register = rng.random_range(0..1_000_000_000);
    let steps = [0, 1, 999, 2_750_000];
    cdr.readings = vec![reading(from, register, ReadingContext::Begin)];
    for (at, context) in instants {
        if at > from && at < until {
            let step = steps[rng.random_range(0..steps.len())];
            register += rng.random_range(0..=step);
        }
        cdr.readings.push(reading(at, register, context));
    }
    let step = steps[rng.random_range(0..steps.len())];
    register += rng.random_range(0..=step);
    cdr.readings.push(reading(until, register, ReadingContext::End));
    if rng.random_bool(0.3) {
        cdr.readings.reverse();
    }
    cdr.activity = random_activity(rng, from, duration);
    cdr
}

/// Up to 0.60 per kWh.
const ORDINARY: i64 = 600_000;

/// Up to 100 000 per kWh, so that a single mWh on the wrong side of a boundary is worth cents.
const DEAR: i64 = 100_000_000_000;

fn random_tariff(rng: &mut ChaCha8Rng, price_limit: i64) -> Tariff {
    let mut elements: Vec<TariffElement> =
        (0..rng.random_range(0..4)).map(|_| random_element(rng, price_limit)).collect();
    if elements.is_empty() || rng.random_bool(0.85) {
        let price = component(Energy, random_price(rng, price_limit));
        elements.push(element(&[price], Restrictions::default()));
    }
    let mut parts = tariff("t", elements).parts().clone();
    parts.parking = random_parking_terms(rng);
    Tariff::new(parts).unwrap()
}

fn random_parking_terms(rng: &mut ChaCha8Rng) -> ParkingTerms {
    ParkingTerms {
        grace: TimeSpan::from_milliseconds([0, 600_000, 4_000_001][rng.random_range(0..3)]),
        exempt: rng.random_bool(0.5).then(|| between("22:00", "06:30").time.unwrap()),
        cap: rng.random_bool(0.3).then(|| eur(rng.random_range(0..900))),
    }
}

fn random_activity(rng: &mut ChaCha8Rng, from: Timestamp, duration: i64) -> Vec<ActivitySpan> {
    let mut instants: Vec<i64> =
        (0..rng.random_range(0..8)).map(|_| rng.random_range(-600_000..=duration + 60_000)).collect();
    instants.sort_unstable();
    let kinds = [Activity::Charging, Activity::Declined, Activity::NotOffered];
    let span = |after| ActivitySpan {
        from: from + TimeSpan::from_milliseconds(after),
        activity: kinds[rng.random_range(0..3)],
    };
    instants.into_iter().map(span).collect()
}

fn random_element(rng: &mut ChaCha8Rng, price_limit: i64) -> TariffElement {
    let mut components = Vec::new();
    if rng.random_bool(0.8) {
        components.push(component(Energy, random_price(rng, price_limit)));
    }
    if components.is_empty() || rng.random_bool(0.2) {
        components.push(component(Flat, random_price(rng, price_limit)));
    }
    for kind in [Time, ParkingTime] {
        if rng.random_bool(0.4) {
            components.push(component(kind, random_price(rng, price_limit)));
        }
    }
    let mut restrictions = Restrictions::default();
    if rng.random_bool(0.8) {
        let mut time = || format!("{:02}:{:02}", rng.random_range(0..24), rng.random_range(0..60));
        let (from, until) = (time(), time());
        let until = if until == "00:00" { "24:00".to_owned() } else { until };
        restrictions = between(&from, &until);
    }
    if rng.random_bool(0.3) {
        restrictions.weekdays =
            Weekday::ALL.into_iter().filter(|_| rng.random_bool(0.5)).collect::<BTreeSet<_>>();
    }
    if rng.random_bool(0.2) {
        restrictions.date_from = Some("2026-02-01".parse().unwrap());
    }
    if rng.random_bool(0.2) {
        restrictions.date_until = Some("2026-10-25".parse().unwrap());
    }
    element(&components, restrictions)
}

fn random_price(rng: &mut ChaCha8Rng, price_limit: i64) -> i64 {
    match rng.random_range(0..4) {
        0 => 0,
        1 => 200_000,
        2 => rng.random_range(0..price_limit),
        _ => rng.random_range(0..20) * 10_000,
    }
}

fn night_tariff() -> Tariff {
    let night = element(&[component(Energy, 100_000)], between("22:00", "06:00"));
    let day = element(&[component(Energy, 300_000)], Restrictions::default());
    tariff("t", vec![night, day])
}

fn priced(cdr: &Cdr, tariff: &Tariff) -> PricedCdr {
    let billable = Billable::sealed(cdr).unwrap();
    let priced = price(&billable, tariff, FlatDue::Due).unwrap();
    let naive = naive::price(&billable, tariff.parts(), FlatDue::Due).unwrap();
    assert_eq!((i128::from(priced.amount.minor()), priced.energy), (naive.minor, billable.energy()));
    priced
}
