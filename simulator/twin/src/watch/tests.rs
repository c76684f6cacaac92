//! Each checker fires when it should: a wrong output of the engine, or a wrong book, is put before it.

use std::collections::BTreeMap;

use billing::cdr::{Activity, ActivitySpan};
use charging::network::{Network, Wiring};
use charging::site::{Site, SiteAlarm};
use csms::Alarm;
use csms::query::{EvseLine, SiteView};
use plant::meter::MeterFault;
use units::{Amperes, Money, PerPhase, Phase, TimeSpan, Timestamp, TransactionId, WattHours};

use super::belief::Told;
use super::{PlantEvse, Rule, Sampled, Watch};
use crate::business::Books;
use crate::recorder::TransactionSeen;
use crate::truth::Truth;
use crate::{Outcome, Scenario, World, sample};

/// EVSE of the sample that every case turns on, and the one beside it.
const ONE: usize = 0;
const OTHER: usize = 1;

struct Bench {
    truth: Truth,
    watch: Watch,
    now: Timestamp,
}

impl Bench {
    /// The sample with a car at two EVSEs, each offered 6 A, its meter fresh, base load 10 A.
    fn new() -> Self {
        let scenario = sample::scenario();
        let now = scenario.starts_at;
        let truth = Truth::new(&scenario.site.config, now);
        let watch = Watch::new(&scenario, &truth);
        let mut bench = Self { truth, watch, now };
        bench.base(10);
        for evse in [ONE, OTHER] {
            bench.offer(evse, 6);
        }
        for _ in 0..4 {
            bench.wait(10);
            bench.read_meter();
        }
        bench
    }

    fn wait(&mut self, seconds: i64) {
        self.now += TimeSpan::from_seconds(seconds);
        self.watch.tick(self.now, &self.truth);
    }

    fn base(&mut self, amperes: i64) {
        let current = PerPhase::splat(Amperes::from_amperes(amperes));
        if let Some(change) = self.truth.set_base(self.now, 0, current) {
            self.watch.base_changed(self.now, &self.truth, 0, change);
        }
    }

    fn draw(&mut self, evse: usize, amperes: i64) {
        let current = PerPhase::splat(Amperes::from_amperes(amperes));
        if let Some(change) = self.truth.set_evse(self.now, evse, current) {
            self.watch.evse_changed(self.now, &self.truth, evse, change);
        }
    }

    fn offer(&mut self, evse: usize, amperes: i64) {
        self.watch.plant(self.now, evse, Self::offered(amperes));
    }

    /// It is told a limit, and offers 16 A.
    fn disobey(&mut self, evse: usize, told: i64) {
        self.send(evse, &told.to_string(), "0");
        let plant = PlantEvse { follows_limits: false, ..Self::offered(16) };
        self.watch.plant(self.now, evse, plant);
        self.draw(evse, 16);
    }

    fn link_lost(&mut self, evse: usize) {
        let plant = self.watch.evses[evse].plant;
        self.watch.plant(self.now, evse, PlantEvse { is_reachable: false, ..plant });
    }

    fn offered(amperes: i64) -> PlantEvse {
        PlantEvse {
            limit: Amperes::from_amperes(amperes),
            may_draw: true,
            phases: 3,
            ev_max: Amperes::from_amperes(16),
            ev_min: Amperes::from_amperes(6),
            wants_energy: true,
            is_reachable: true,
            is_faulted: false,
            follows_limits: true,
            confirms_limits: true,
        }
    }

    fn read_meter(&mut self) {
        let (total, base) = (self.truth.circuits()[0].total(), self.truth.circuits()[0].base());
        let sampled = Sampled { at: self.now, base, total, fault: MeterFault::None };
        self.watch.reading(self.now, 0, total, &sampled);
    }

    /// A live limit leaves for an EVSE: `limit`, then `expired`.
    fn send(&mut self, evse: usize, limit: &str, expired: &str) {
        let text = format!(
            r#"[2,"1","SetChargingProfile",{{"connectorId":1,"csChargingProfiles":{{"chargingProfilePurpose":
            "TxProfile","chargingSchedule":{{"chargingRateUnit":"A","chargingSchedulePeriod":[
            {{"startPeriod":0,"limit":{limit}}},{{"startPeriod":360,"limit":{expired}}}]}}}}}}]"#
        );
        self.watch.profile_leaves(self.now, &[evse], &text);
    }

    fn fired(&self, rule: Rule) -> u64 {
        self.watch.verdicts.counts(rule).1
    }

    /// Exactly this rule fired, and tells `words`.
    fn only(&self, rule: Rule, words: &str) {
        for other in Rule::ALL {
            let expected = u64::from(other == rule);
            assert_eq!(self.fired(other).min(1), expected, "{}: {:#?}", other.name(), self.watch.verdicts);
        }
        let text = &self.watch.verdicts.firings()[0].text;
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
}

#[test]
fn an_honest_engine_fires_nothing() {
    let mut bench = Bench::new();
    bench.send(ONE, "10", "0");
    bench.wait(2);
    bench.offer(ONE, 10);
    bench.draw(ONE, 10);
    for rule in Rule::ALL {
        assert_eq!(bench.fired(rule), 0, "{}: {:#?}", rule.name(), bench.watch.verdicts);
    }
    assert!(bench.watch.verdicts.counts(Rule::S2).0 > 0, "the raise was judged");
}

#[test]
fn s1_fires_where_evses_alone_lift_a_row_above_its_rating() {
    let mut bench = Bench::new();
    bench.draw(ONE, 16);
    bench.draw(OTHER, 16);
    bench.only(Rule::S1, "Main L1 carries 42 A, 2 A above its rating of 40 A");
}

#[test]
fn s1_counts_an_evse_that_disobeys_at_its_worst_once_two_readings_have_shown_it() {
    for (seconds, fires) in [(30, 0), (300, 1)] {
        let mut bench = Bench::new();
        bench.disobey(ONE, 6);
        for _ in 0..seconds / 10 {
            bench.wait(10);
            bench.read_meter();
        }
        // Another limit does not make it forgotten.
        bench.disobey(ONE, 8);
        bench.offer(OTHER, 16);
        bench.draw(OTHER, 16);
        assert_eq!(bench.fired(Rule::S1).min(1), fires, "after {seconds} s: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s1_allows_a_base_step_that_is_shed_in_time_and_fires_where_it_is_not() {
    for (is_shed, fires) in [(true, 0), (false, 1)] {
        let mut bench = Bench::new();
        for evse in [ONE, OTHER] {
            bench.offer(evse, 14);
            bench.draw(evse, 14);
        }
        bench.read_meter();
        bench.wait(5);
        bench.base(14);
        bench.wait(5);
        bench.read_meter();
        if is_shed {
            bench.send(ONE, "8", "0");
            bench.wait(2);
            bench.offer(ONE, 8);
            bench.draw(ONE, 8);
        }
        bench.wait(2);
        bench.wait(30);
        assert_eq!(bench.fired(Rule::S1).min(1), fires, "{:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s1_counts_a_shed_that_left_before_the_excess_while_it_takes_effect() {
    let mut bench = Bench::new();
    for evse in [ONE, OTHER] {
        bench.offer(evse, 14);
        bench.draw(evse, 14);
    }
    bench.read_meter();
    bench.wait(5);
    bench.send(ONE, "8", "0");
    bench.wait(1);
    bench.base(14);
    bench.read_meter();
    bench.wait(2);
    bench.offer(ONE, 8);
    bench.draw(ONE, 8);
    bench.wait(30);
    assert_eq!(bench.fired(Rule::S1), 0, "{:#?}", bench.watch.verdicts);
}

#[test]
fn s1_waits_for_stations_whose_links_came_up_less_than_ten_seconds_ago() {
    for (seconds, fires) in [(3, 0), (12, 1)] {
        let mut bench = Bench::new();
        for evse in [ONE, OTHER] {
            bench.offer(evse, 14);
            bench.draw(evse, 14);
            bench.link_lost(evse);
        }
        bench.read_meter();
        bench.wait(5);
        bench.base(14);
        for evse in [ONE, OTHER] {
            bench.offer(evse, 14);
        }
        bench.wait(seconds);
        bench.read_meter();
        bench.wait(2);
        assert_eq!(bench.fired(Rule::S1).min(1), fires, "{seconds} s after: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s1_lets_a_shed_wait_three_seconds_for_the_answer_to_a_call_before_it_and_once_for_each_excess() {
    let before = TimeSpan::from_seconds(-1);
    let in_a_commit = TimeSpan::from_milliseconds(8);
    for (called, shed_after, is_chatting, fires) in [
        (before, 2, false, 0),
        (in_a_commit, 2, false, 0),
        (in_a_commit * 2, 2, false, 1),
        (before, 6, false, 1),
        (before, 30, true, 1),
    ] {
        let mut bench = Bench::new();
        for evse in [ONE, OTHER] {
            bench.offer(evse, 14);
            bench.draw(evse, 14);
        }
        bench.read_meter();
        bench.wait(5);
        let reading_at = bench.now;
        if called == before {
            bench.now += called;
            bench.send(ONE, "14", "0");
            bench.now = reading_at;
        }
        bench.base(14);
        bench.read_meter();
        if called != before {
            bench.now += called;
            bench.send(ONE, "14", "0");
            bench.now = reading_at;
        }
        for second in 1..=30 {
            bench.wait(1);
            if is_chatting {
                bench.send(OTHER, "14", "0");
            }
            if second == shed_after {
                bench.send(ONE, "8", "0");
                bench.offer(ONE, 8);
                bench.draw(ONE, 8);
            }
        }
        assert_eq!(
            bench.fired(Rule::S1).min(1),
            fires,
            "a call {called} after the reading, a shed after {shed_after} s: {:#?}",
            bench.watch.verdicts
        );
    }
}

#[test]
fn s1_expects_no_shed_of_what_is_drawn_on_other_lines_than_stated_where_no_meter_tells() {
    for (is_wired_right, fires) in [(false, 0), (true, 1)] {
        let mut bench = Bench::new();
        if !is_wired_right {
            let watched = &mut bench.watch.evses[ONE];
            (watched.wiring, watched.is_wired_right) = (Wiring::OnePhase(Phase::L3), false);
        }
        for evse in [ONE, OTHER] {
            bench.offer(evse, 12);
            bench.draw(evse, 12);
        }
        let mut config = sample::scenario().site.config;
        let lower = Amperes::from_amperes(20);
        config.circuits[1].rating = PerPhase { l1: lower, l2: lower, ..config.circuits[1].rating };
        bench.watch.rating_restated(bench.now, &bench.truth, &config, 1);
        bench.wait(30);
        assert_eq!(
            bench.fired(Rule::S1).min(1),
            fires,
            "right {is_wired_right}: {:#?}",
            bench.watch.verdicts
        );
    }
}

#[test]
fn s1_grants_a_lower_rating_what_was_told_before_until_it_is_shed() {
    for (seconds, fires) in [(2, 0), (30, 1)] {
        let mut bench = Bench::new();
        bench.draw(ONE, 6);
        bench.offer(OTHER, 14);
        bench.draw(OTHER, 6);
        let mut config = sample::scenario().site.config;
        config.circuits[0].rating = PerPhase::splat(Amperes::from_amperes(20));
        bench.watch.rating_restated(bench.now, &bench.truth, &config, 0);
        bench.send(OTHER, "6", "0");
        bench.wait(seconds);
        // Its EV still follows the limit before.
        bench.draw(OTHER, 14);
        assert_eq!(bench.fired(Rule::S1).min(1), fires, "{seconds} s after: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s1_counts_a_rise_of_one_that_nobody_knows_to_disobey_as_a_new_excess() {
    for (is_known, fires) in [(false, 0), (true, 1)] {
        let mut bench = Bench::new();
        bench.offer(OTHER, 14);
        bench.draw(OTHER, 14);
        bench.send(ONE, "6", "0");
        bench.watch.plant(bench.now, ONE, PlantEvse { follows_limits: false, ..Bench::offered(16) });
        bench.watch.evses[ONE].is_known_wayward = is_known;
        bench.draw(ONE, 14);
        bench.base(14);
        bench.read_meter();
        bench.send(OTHER, "12", "0");
        bench.wait(1);
        bench.draw(ONE, 16);
        bench.offer(OTHER, 12);
        bench.draw(OTHER, 12);
        bench.wait(60);
        assert_eq!(bench.fired(Rule::S1).min(1), fires, "known {is_known}: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s1_cannot_know_before_its_station_tells_that_an_evse_without_power_draws_again() {
    for (goes_dark, fires) in [(true, 0), (false, 1)] {
        let mut bench = Bench::new();
        bench.offer(ONE, 14);
        bench.draw(ONE, 14);
        if goes_dark {
            bench.watch.goes_dark(&[ONE]);
        }
        bench.link_lost(ONE);
        bench.draw(ONE, 0);
        bench.draw(OTHER, 6);
        bench.base(22);
        for _ in 0..12 {
            bench.wait(10);
            bench.read_meter();
        }
        bench.draw(ONE, 14);
        assert_eq!(bench.fired(Rule::S1).min(1), fires, "goes dark {goes_dark}: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s7_promises_nothing_beside_a_draw_that_contradicts_the_meter() {
    for (is_wired_right, may_draw, fires) in [(true, true, 1), (false, true, 0), (false, false, 1)] {
        let mut bench = Bench::new();
        for circuit in &mut bench.watch.circuits {
            circuit.rating = PerPhase::splat(Amperes::from_amperes(100));
        }
        bench.watch.evses[OTHER].is_wired_right = is_wired_right;
        bench.watch.plant(bench.now, OTHER, PlantEvse { may_draw, ..Bench::offered(6) });
        bench.offer(ONE, 0);
        for _ in 0..60 * 6 {
            bench.wait(10);
            bench.read_meter();
            bench.watch.judge_waits(bench.now);
        }
        let told = format!("wired right {is_wired_right}, draws {may_draw}: {:#?}", bench.watch.verdicts);
        assert_eq!(bench.fired(Rule::S7), fires, "{told}");
    }
}

#[test]
fn s1_allows_an_ev_its_time_to_follow_a_station_that_follows_its_limits_again() {
    for (seconds, fires) in [(2, 0), (30, 1)] {
        let mut bench = Bench::new();
        bench.disobey(ONE, 6);
        bench.wait(5);
        bench.offer(ONE, 6);
        bench.offer(OTHER, 16);
        bench.wait(seconds);
        bench.draw(OTHER, 16);
        assert_eq!(bench.fired(Rule::S1).min(1), fires, "{seconds} s after: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s2_counts_base_load_as_it_was_when_a_raise_was_decided() {
    for (seconds, fires) in [(0, 0), (3, 1)] {
        let mut bench = Bench::new();
        bench.base(24);
        bench.read_meter();
        bench.wait(seconds);
        bench.send(ONE, "16", "0");
        assert_eq!(
            bench.fired(Rule::S2),
            fires,
            "{seconds} s after the reading: {:#?}",
            bench.watch.verdicts
        );
    }
}

#[test]
fn s2_does_not_count_a_limit_that_the_station_refused() {
    for (is_refused, fires) in [(true, 0), (false, 1)] {
        let mut bench = Bench::new();
        bench.send(OTHER, "16", "0");
        if is_refused {
            bench.watch.limit_refused(&[OTHER], bench.now);
        }
        bench.send(ONE, "16", "0");
        assert_eq!(bench.fired(Rule::S2), fires, "{:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s2_does_not_count_a_limit_that_left_before_one_that_the_station_accepted() {
    for (accepted, fires) in [("6", 0), ("16", 1)] {
        let mut bench = Bench::new();
        for limit in ["16", "6"] {
            bench.wait(1);
            bench.send(OTHER, limit, "0");
            if limit == accepted {
                bench.watch.limit_accepted(&[OTHER], bench.now);
            }
        }
        bench.send(ONE, "16", "0");
        assert_eq!(bench.fired(Rule::S2), fires, "{accepted} A accepted: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s2_takes_for_base_what_a_frozen_meter_tells_beyond_the_evses() {
    for (fault, fires) in [(MeterFault::Frozen, 0), (MeterFault::None, 1)] {
        let mut bench = Bench::new();
        bench.base(24);
        bench.read_meter();
        bench.wait(10);
        let frozen = bench.truth.circuits()[0].total();
        bench.draw(OTHER, 6);
        let (total, base) = (bench.truth.circuits()[0].total(), bench.truth.circuits()[0].base());
        bench.watch.reading(bench.now, 0, frozen, &Sampled { at: bench.now, base, total, fault });
        bench.wait(3);
        bench.send(ONE, "12", "0");
        assert_eq!(bench.fired(Rule::S2), fires, "{fault:?}: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s2_fires_where_a_raise_leaves_while_its_shed_is_not_in_force() {
    let mut bench = Bench::new();
    bench.offer(OTHER, 16);
    bench.send(OTHER, "6", "0");
    // The shed of 10 A is on the wire, the station still offers 16 A.
    bench.send(ONE, "16", "0");
    bench.only(Rule::S2, "may then carry 42 A of 40 A");
    let mut bench = Bench::new();
    bench.offer(OTHER, 16);
    bench.send(OTHER, "6", "0");
    bench.offer(OTHER, 6);
    bench.send(ONE, "16", "0");
    assert_eq!(bench.fired(Rule::S2), 0, "once the shed is in force the raise is paid for");
}

#[test]
fn s3_fires_below_the_minimum_off_the_step_and_above_the_maximum() {
    for limit in ["5", "6.5", "17"] {
        let mut bench = Bench::new();
        bench.send(ONE, limit, "0");
        assert_eq!(bench.fired(Rule::S3), 1, "{limit}");
    }
}

#[test]
fn s4_fires_where_an_expiry_raises_and_where_fallbacks_do_not_fit() {
    let mut bench = Bench::new();
    bench.send(ONE, "6", "8");
    bench.only(Rule::S4, "rises to 8 A by expiry");
    let mut bench = Bench::new();
    for evse in [ONE, OTHER] {
        bench.offer(evse, 16);
        bench.send(evse, "16", "16");
    }
    assert_eq!(bench.fired(Rule::S4), 1, "{:#?}", bench.watch.verdicts);
}

#[test]
fn s5_fires_where_a_limit_rises_while_the_meter_is_silent() {
    let mut bench = Bench::new();
    bench.send(ONE, "6", "0");
    bench.wait(60);
    bench.send(ONE, "7", "0");
    bench.only(Rule::S5, "raised from 6 A to 7 A although the meter of Main is stale");
}

#[test]
fn s5_fires_after_a_silence_until_three_readings_came() {
    for (readings, fires) in [(2, 1), (3, 0)] {
        let mut bench = Bench::new();
        bench.send(ONE, "6", "0");
        bench.wait(60);
        for _ in 0..readings {
            bench.wait(10);
            bench.read_meter();
        }
        bench.send(ONE, "7", "0");
        assert_eq!(bench.fired(Rule::S5), fires, "after {readings} readings");
    }
}

#[test]
fn s5_judges_a_raise_by_the_readings_on_which_it_was_decided() {
    for (milliseconds, fires) in [(-1, 0), (0, 1)] {
        let mut bench = Bench::new();
        bench.send(ONE, "6", "0");
        bench.wait(1);
        let (total, base) = (bench.truth.circuits()[0].total(), bench.truth.circuits()[0].base());
        let nonsense = PerPhase::splat(Amperes::from_amperes(100_000));
        let sampled = Sampled { at: bench.now, base, total, fault: MeterFault::Impossible };
        bench.watch.reading(bench.now, 0, nonsense, &sampled);
        // Its record takes the time of a commit.
        bench.now += bench.watch.commit + TimeSpan::from_milliseconds(milliseconds);
        bench.send(ONE, "7", "0");
        assert_eq!(bench.fired(Rule::S5), fires, "{milliseconds} ms: {:#?}", bench.watch.verdicts);
    }
}

#[test]
fn s5_knows_nothing_told_to_a_transaction_before_it_began() {
    let mut bench = Bench::new();
    bench.watch.plant(bench.now, ONE, PlantEvse { may_draw: false, ..Bench::offered(0) });
    // The engine has not heard yet that the transaction before is over.
    bench.send(ONE, "6", "0");
    bench.offer(ONE, 0);
    bench.wait(60);
    bench.send(ONE, "10", "0");
    assert_eq!(bench.fired(Rule::S5), 0, "within the static headroom: {:#?}", bench.watch.verdicts);
}

#[test]
fn s5_lets_a_first_limit_through_only_within_the_static_headroom() {
    for (limit, fires) in [("10", 0), ("16", 1)] {
        let mut bench = Bench::new();
        bench.offer(OTHER, 14);
        bench.wait(60);
        bench.send(ONE, limit, "0");
        assert_eq!(bench.fired(Rule::S5), fires, "{limit} A beside 14 A, static headroom 40 − 3 − 12 A");
    }
}

#[test]
fn s6_nonsense_plans_change_nothing_of_the_other_rules() {
    let outcome = World::new(sample::scenario_with("[plans]\nnonsense_every_s = 20\n")).run();
    let (_, checked, _) = outcome.rules.iter().find(|(rule, ..)| *rule == Rule::S6).unwrap();
    assert!(*checked > 500, "{checked} plans");
    clean(&outcome);
}

#[test]
fn s8_fires_where_a_restarted_engine_knows_nothing() {
    let mut bench = Bench::new();
    bench.watch.judge_restart(bench.now, &bench.truth, None, &[]);
    bench.only(Rule::S8, "the site is not known");
}

#[test]
fn s8_crashes_at_every_commit_lose_nothing_acknowledged() {
    for every in [7, 50, 333] {
        let more = format!(
            "[[faults]]\nkind = 'crash_at_commits'\nevery = {every}\nfrom = '2026-01-16T16:05'\ndown_s = 3\n"
        );
        let outcome = World::new(sample::scenario_with(&more)).run();
        assert!(outcome.counts.crashes > 3, "{} crashes", outcome.counts.crashes);
        clean(&outcome);
    }
}

#[test]
fn the_same_scenario_is_the_same_run_and_another_seed_is_another() {
    let run = |scenario: Scenario| World::new(scenario).run().event_hash;
    let first = run(sample::scenario());
    assert_eq!(first, run(sample::scenario()));
    let other = Scenario { seed: 4, ..sample::scenario() };
    assert_ne!(first, run(other));
}

#[test]
fn lost_links_duplicates_and_delays_break_no_rule() {
    let more = "
[[faults]]
kind = 'link_loss'
permille = 500
from = '2026-01-16T17:00'
until = '2026-01-16T18:00'
noticed_after_s = 20
[[faults]]
kind = 'station_reboot'
station = 'P1'
at = '2026-01-16T18:30'
[[faults]]
kind = 'frame_duplication'
permille = 100
[[faults]]
kind = 'frame_delay'
permille = 100
up_to_s = 3
";
    let outcome = World::new(sample::scenario_with(more)).run();
    clean(&outcome);
    assert!(outcome.books.priced.len() >= 3, "{} priced", outcome.books.priced.len());
}

/// A fault alone breaks no rule: what it breaks is shed, held, or counted at its worst.
#[test]
fn each_fault_alone_breaks_no_rule() {
    let span = "from = '2026-01-16T17:00'\nuntil = '2026-01-16T18:00'\n";
    let faults: [(&str, &str); 16] = [
        ("kind = 'frame_loss'\npermille = 50\n", span),
        ("kind = 'meter_loss'\nmeter = 'main'\n", span),
        ("kind = 'meter_freeze'\nmeter = 'main'\n", span),
        ("kind = 'meter_impossible'\nmeter = 'main'\n", span),
        ("kind = 'meter_zero'\nmeter = 'main'\n", span),
        ("kind = 'station_clock'\nat = '2026-01-16T17:00'\njump_s = 3600\n", ""),
        ("kind = 'station_clock'\nat = '2026-01-16T17:00'\njump_s = -3600\nresyncs = false\n", ""),
        ("kind = 'disobedience'\nstations = ['P4']\nhow = 'ignores_limits'\n", span),
        ("kind = 'disobedience'\nstations = ['P1']\nhow = 'ignores_lower_limits'\n", span),
        ("kind = 'quirk'\nquirk = 'stuck_at'\ncurrent_a = 12\n", span),
        ("kind = 'quirk'\nquirk = 'never_answers'\n", span),
        ("kind = 'wrong_wiring'\nevse = 'P2/1'\nwiring = 'L1L2L3'\n", ""),
        ("kind = 'power_cut'\ncircuit = 'group'\n", span),
        ("kind = 'derating'\ncircuit = 'main'\nrating_a = 30\n", span),
        ("kind = 'wall_clock'\nat = '2026-01-16T17:00'\nto = '2036-01-16T17:00'\n", ""),
        ("kind = 'nonsense_plans'\nevery_s = 10\n", span),
    ];
    let broken: Vec<String> = faults
        .into_iter()
        .flat_map(|(fault, span)| {
            let outcome = World::new(sample::scenario_with(&format!("[[faults]]\n{fault}{span}"))).run();
            outcome.firings.into_iter().map(move |firing| format!("{fault}{firing:#?}"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A run whose books can be falsified.
fn books() -> (Scenario, Books, Vec<(TransactionSeen, bool)>) {
    // With all readings of the CDRs.
    let (outcome, _) = World::new(sample::scenario()).run_with_records();
    clean(&outcome);
    assert_eq!(outcome.books.priced.len(), 3, "three cars, three CDRs");
    let told = outcome.transactions.iter().cloned().map(|seen| (seen, true)).collect();
    (outcome.scenario, outcome.books, told)
}

fn judge(scenario: &Scenario, books: &Books, told: &[(TransactionSeen, bool)]) -> Watch {
    let truth = Truth::new(&scenario.site.config, scenario.starts_at);
    let mut watch = Watch::new(scenario, &truth);
    for priced in &books.priced {
        let cdr = books.cdrs.iter().find(|cdr| cdr.id == priced.cdr).unwrap();
        watch.judge_priced(scenario.ends_at, scenario, priced, cdr);
    }
    watch.judge_books(scenario.ends_at, scenario, books, told);
    watch
}

#[test]
fn m1_to_m6_fire_on_falsified_books() {
    let (scenario, honest, told) = books();
    for rule in Rule::ALL {
        assert_eq!(judge(&scenario, &honest, &told).verdicts.counts(rule).1, 0, "{}", rule.name());
    }
    type Falsify = fn(&mut Books);
    let cases: [(Rule, Falsify); 7] = [
        (Rule::M1, |books| books.cdrs.push(books.cdrs[0].clone())),
        (Rule::M1, |books| {
            books.priced.pop();
        }),
        (Rule::M2, |books| books.priced[0].energy += WattHours::from_watt_hours(5)),
        (Rule::M3, |books| books.priced[0].amount += Money::from_minor(2, units::Currency::Eur)),
        (Rule::M4, |books| {
            books.settlements[0].settlement.collected += Money::from_minor(1, units::Currency::Eur)
        }),
        (Rule::M5, |books| books.priced[0].amount += Money::from_minor(1, units::Currency::Eur)),
        (Rule::M6, |books| books.priced[0].month = books.priced[0].month.next()),
    ];
    for (rule, falsify) in cases {
        let mut books = honest.clone();
        falsify(&mut books);
        let (checked, fired) = judge(&scenario, &books, &told).verdicts.counts(rule);
        assert!(fired > 0, "{} did not fire in {checked} checks", rule.name());
    }
}

#[test]
fn m8_fires_on_an_ev_that_is_said_to_decline_while_its_evse_could_give_nothing() {
    let (scenario, mut books, _) = books();
    let cdr = &mut books.cdrs[0];
    let (evse, begin) = (cdr.evse.clone(), cdr.started_at);
    let second = |count| begin + TimeSpan::from_seconds(count);
    cdr.activity = [(60, Activity::Charging), (120, Activity::Declined), (180, Activity::NotOffered)]
        .map(|(from, activity)| ActivitySpan { from: second(from), activity })
        .into();
    let six = Bench::offered(6);
    for (what, plant, from, until, fires) in [
        ("offers enough", six, 120, 180, false),
        ("offers too little", Bench::offered(5), 130, 140, true),
        ("is faulted", PlantEvse { is_faulted: true, ..six }, 170, 200, true),
        ("has no link", PlantEvse { is_reachable: false, ..six }, 100, 130, true),
        ("is told of on the way", PlantEvse { is_reachable: false, ..six }, 100, 125, false),
        ("has no link while the EV charges", PlantEvse { is_reachable: false, ..six }, 70, 110, false),
        ("has no link when nothing is counted", PlantEvse { is_reachable: false, ..six }, 181, 900, false),
    ] {
        let mut watch = Watch::new(&scenario, &Truth::new(&scenario.site.config, scenario.starts_at));
        let place = watch.evses.iter().position(|watched| watched.id == evse).unwrap();
        for (at, plant) in [(0, six), (from, plant), (until, six)] {
            watch.plant(second(at), place, plant);
        }
        watch.judge_m8(scenario.ends_at, &books.cdrs[0]);
        assert_eq!(watch.verdicts.counts(Rule::M8).1, u64::from(fires), "the EVSE {what}");
    }
}

#[test]
fn m4_a_run_over_a_months_end_settles_both_months_with_a_payout_between() {
    let text = sample::SCENARIO
        .replace("duration_h = 5", "duration_h = 12")
        .replace("2026-01-16T20:30", "2026-02-01T01:30")
        .replace("2026-01-16T", "2026-01-31T");
    let outcome = World::new(sample::scenario_of(&text)).run();
    clean(&outcome);
    let months: Vec<String> =
        outcome.books.settlements.iter().map(|row| row.settlement.month.to_string()).collect();
    assert_eq!(months, ["2026-01", "2026-02"]);
    let february = outcome.books.priced.iter().filter(|priced| priced.month.month == 2).count();
    assert_eq!(february, 1, "what ends after the site's midnight belongs to the next month");
}

#[test]
fn the_ledger_fires_on_an_entry_that_is_off_by_a_cent() {
    let mut bench = Bench::new();
    bench.watch.judge_postings(bench.now, &[(1, vec![500, -500]), (2, vec![500, -499])]);
    bench.only(Rule::Ledger, "entry 2 is off by 1 cents");
}

#[test]
fn s8_fires_where_an_acknowledgement_leaves_before_its_facts_are_durable() {
    let mut bench = Bench::new();
    bench.watch.judge_acknowledgement(bench.now, &"P1".parse().unwrap(), "[2,StopTransaction", true);
    assert_eq!(bench.fired(Rule::S8), 0);
    bench.watch.judge_acknowledgement(bench.now, &"P1".parse().unwrap(), "[2,StopTransaction", false);
    bench.only(Rule::S8, "not on the disk: [2,StopTransaction");
}

#[test]
fn energy_conservation_fires_where_a_register_and_its_currents_part() {
    let mut bench = Bench::new();
    bench.watch.judge_register(bench.now, &"P1/1".parse().unwrap(), 6_900_001, 6_900_000);
    assert_eq!(bench.fired(Rule::Energy), 0, "each rounds down once");
    bench.watch.judge_register(bench.now, &"P1/1".parse().unwrap(), 6_900_002, 6_900_000);
    bench.only(Rule::Energy, "the register counts 6900002 mWh");
    let mut bench = Bench::new();
    let ten = PerPhase::splat(Amperes::from_amperes(10));
    bench.watch.judge_sum(bench.now, "Main", ten, PerPhase { l2: Amperes::ZERO, ..ten });
    bench.only(Rule::Energy, "circuit Main is held to carry");
}

#[test]
fn what_the_registers_count_is_what_the_cars_get() {
    let outcome = World::new(sample::scenario()).run();
    let energy: WattHours = outcome.evses.iter().map(|evse| evse.energy).sum();
    assert!(energy > WattHours::from_watt_hours(20_000), "{energy}");
    let delivered: WattHours = outcome.stays.iter().map(|stay| stay.delivered).sum();
    assert_eq!(energy, delivered, "what the registers counted is what the cars got");
    let mut truth = Truth::new(&outcome.scenario.site.config, outcome.scenario.starts_at);
    let hour = outcome.scenario.starts_at + TimeSpan::from_hours(1);
    truth.set_evse(outcome.scenario.starts_at, 0, PerPhase::splat(Amperes::from_amperes(10)));
    assert_eq!(truth.energy_mwh(0, hour), 6_900_000, "three phases, 10 A, 230 V, one hour");
    assert_eq!(truth.recount()[0], truth.circuits()[0].total());
}

#[test]
fn the_fuse_checker_fires_on_a_lasting_overload() {
    let mut bench = Bench::new();
    let now = bench.now;
    bench.truth.set_base(now, 0, PerPhase::splat(Amperes::from_amperes(120)));
    bench.watch.judge_fuses(now + TimeSpan::from_minutes(10), &mut bench.truth);
    assert!(bench.fired(Rule::Fuse) > 0);
}

/// The sample's site as an engine would show it that knows of `ONE` and `OTHER`, and what their stations truly say.
fn believed(bench: &Bench) -> (SiteView, Vec<Told>) {
    let config = sample::scenario().site.config;
    let site = Site::new(Network::build(config.clone()).unwrap(), bench.now);
    let running = |place: usize| [ONE, OTHER].contains(&place).then_some(TransactionId(7));
    let lines = config.evses.iter().zip(site.explanations(bench.now));
    let evses = lines.enumerate().map(|(place, (evse, explanation))| {
        let mut control = site.evse_view(bench.now, &evse.id).unwrap();
        control.limit = running(place).map(|_| Amperes::from_amperes(6));
        EvseLine {
            evse: evse.id.clone(),
            control,
            explanation,
            is_online: running(place).is_some(),
            status: String::new(),
            transaction: running(place),
            energy: None,
        }
    });
    let evses: Vec<EvseLine> = evses.collect();
    let told = |place| Told { transaction: running(place), is_all_acknowledged: true };
    let told = (0..evses.len()).map(told).collect();
    let view = SiteView { site: config.id, name: config.name, at: bench.now, circuits: Vec::new(), evses };
    (view, told)
}

#[test]
fn belief_fires_on_a_wrong_link_transaction_or_limit_of_a_quiet_station() {
    type Falsify = fn(&mut EvseLine);
    let cases: [(Falsify, &str); 4] = [
        (|_| {}, ""),
        (|line| line.is_online = false, "holds it offline"),
        (|line| line.transaction = None, "holds transaction None to run"),
        (|line| line.control.limit = Some(Amperes::from_amperes(8)), "holds 8 A in force, 6 A is"),
    ];
    for (falsify, words) in cases {
        let mut bench = Bench::new();
        bench.wait(60);
        let (mut view, told) = believed(&bench);
        falsify(&mut view.evses[ONE]);
        bench.watch.evses[ONE].live = view.evses[ONE].control.limit;
        bench.watch.judge_belief(bench.now, &bench.truth, &view, &told);
        assert_eq!(bench.watch.verdicts.counts(Rule::Belief).0, 2, "both stations are quiet");
        if words.is_empty() {
            assert_eq!(bench.fired(Rule::Belief), 0, "{:#?}", bench.watch.verdicts);
        } else {
            bench.only(Rule::Belief, words);
        }
    }
}

#[test]
fn belief_fires_on_a_limit_that_was_decided_where_nothing_has_left_by_the_next_look() {
    for has_one_left in [false, true] {
        let mut bench = Bench::new();
        bench.wait(60);
        let (mut view, told) = believed(&bench);
        bench.watch.evses[ONE].live = view.evses[ONE].control.limit;
        view.evses[ONE].control.limit = Some(Amperes::from_amperes(8));
        bench.watch.judge_belief(bench.now, &bench.truth, &view, &told);
        assert_eq!(bench.fired(Rule::Belief), 0, "it is on its way: {:#?}", bench.watch.verdicts);
        if has_one_left {
            bench.send(ONE, "7", "0");
        }
        bench.wait(100);
        bench.watch.judge_belief(bench.now, &bench.truth, &view, &told);
        if has_one_left {
            assert_eq!(bench.fired(Rule::Belief), 0, "8 A is the next: {:#?}", bench.watch.verdicts);
        } else {
            bench.only(Rule::Belief, "holds 8 A in force, 6 A is");
        }
    }
}

#[test]
fn belief_judges_no_limit_that_a_station_does_not_confirm() {
    let mut bench = Bench::new();
    bench.offer(ONE, 0);
    bench.watch.evses[ONE].plant.confirms_limits = false;
    bench.wait(60);
    let (view, told) = believed(&bench);
    bench.watch.judge_belief(bench.now, &bench.truth, &view, &told);
    assert_eq!(bench.fired(Rule::Belief), 0, "{:#?}", bench.watch.verdicts);
}

#[test]
fn restored_fires_on_each_difference() {
    let mut bench = Bench::new();
    bench.watch.judge_restored(bench.now, &[]);
    assert_eq!(bench.fired(Rule::Restored), 0);
    bench.watch.judge_restored(bench.now, &["EVSE P1/1: the limit 6 A would be none".to_owned()]);
    bench.only(Rule::Restored, "the limit 6 A would be none");
}

#[test]
fn recovery_fires_on_a_link_or_an_alarm_that_a_quarter_of_an_hour_does_not_heal() {
    let site = || "small".parse().unwrap();
    let stale = Alarm::Site { site: site(), alarm: SiteAlarm::MeterStale { meter: "main".parse().unwrap() } };
    let disobedient =
        Alarm::Site { site: site(), alarm: SiteAlarm::Disobedient { evse: "P1/1".parse().unwrap() } };
    let alarms = |alarm: &Alarm, since| BTreeMap::from([(alarm.clone(), since)]);
    let recovered = || {
        let mut bench = Bench::new();
        (0..bench.truth.evses().len()).for_each(|evse| bench.offer(evse, 0));
        bench
    };
    let mut bench = recovered();
    let healed = bench.now;
    bench.wait(890);
    bench.watch.judge_recovery(bench.now, &alarms(&stale, healed));
    bench.wait(10);
    bench.watch.judge_recovery(bench.now, &alarms(&disobedient, healed));
    assert_eq!(bench.fired(Rule::Recovery), 0, "too early, and for a person: {:#?}", bench.watch.verdicts);
    bench.watch.judge_recovery(bench.now, &alarms(&stale, healed));
    bench.only(Rule::Recovery, "MeterStale");
    let mut bench = recovered();
    bench.watch.evses[OTHER].plant.is_reachable = false;
    bench.wait(900);
    bench.watch.judge_recovery(bench.now, &BTreeMap::new());
    bench.only(Rule::Recovery, "the link of EVSE P2/1 is down");
}

#[test]
fn a_firing_tells_its_minute_in_words() {
    let mut bench = Bench::new();
    bench.send(ONE, "16", "0");
    bench.draw(ONE, 16);
    bench.draw(OTHER, 16);
    let story = bench.watch.verdicts.firings()[0].story.join("\n");
    assert!(story.contains("limit 16 A, then 0 A, is sent to EVSE P1/1"), "{story}");
    assert!(story.contains("the meter of Main told L1 10 A"), "{story}");
}

fn clean(outcome: &Outcome) {
    assert!(outcome.is_clean(), "again: {}\n{:#?}", outcome.command(), outcome.firings);
}
