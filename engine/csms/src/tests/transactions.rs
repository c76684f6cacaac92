//! Transactions and sessions: from what stations say to one sealed CDR each.

use billing::cdr::{Activity, Doubt, Driver, ReadingContext};
use sha2::{Digest, Sha256};
use units::{Amperes, PerPhase, ReportedAt, TimeSpan, TransactionId, WattHours};

use crate::query::{Query, QueryAnswer};
use crate::record::Record;
use crate::tests::{BOOT, House, NOON, site, start_payload, stop_payload, values_payload};

fn plugged(station: &str) -> House {
    plugged_in(House::new(), station)
}

fn plugged_in(mut house: House, station: &str) -> House {
    house.boot(station);
    house.status(station, 1, "Available");
    house.status(station, 1, "Preparing");
    house.call(station, "Authorize", r#"{"idTag":"ANNA"}"#);
    house
}

fn watt_hours(count: i64) -> WattHours {
    WattHours::from_watt_hours(count)
}

#[test]
fn m2_a_transaction_becomes_one_cdr_that_rests_on_its_frames() {
    let mut house = plugged("CP1");
    let reply = house.start("CP1", 1, "ANNA", 1_000);
    assert_eq!(reply, r#"[3,{"idTagInfo":{"status":"Accepted"},"transactionId":1}]"#);
    for minute in 1..=40 {
        house.pass(60);
        house.values("CP1", 1, Some("1"), 1_000 + minute * 100, 10);
    }
    house.pass(20);
    house.take();
    assert_eq!(house.stop("CP1", "1", 5_050), "[3,{}]");
    let lines = house.take();
    let sealed = lines.iter().position(|line| line == "sealed CDR 1 of transaction 1").unwrap();
    let acknowledged = lines.iter().position(|line| line.contains("[3,")).unwrap();
    assert!(sealed < acknowledged, "{lines:?}");

    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    let noon: units::Timestamp = NOON.parse().unwrap();
    assert_eq!((cdr.started_at, cdr.stopped_at), (noon, noon + TimeSpan::from_seconds(2_420)));
    assert_eq!(cdr.doubts, []);
    assert_eq!(cdr.energy(), Ok(watt_hours(4_050)));
    assert_eq!(cdr.driver, Driver::Account("anna".parse().unwrap()));
    assert_eq!(cdr.tariff, Some("flat".parse().unwrap()));
    let readings: Vec<(i64, i64, ReadingContext)> = cdr
        .readings
        .iter()
        .map(|read| {
            let second = read.at.since(noon).seconds_floor();
            (second, read.register.watt_hours_floor(), read.context)
        })
        .collect();
    assert_eq!(
        readings,
        [
            (0, 1_000, ReadingContext::Begin),
            (60, 1_100, ReadingContext::Periodic),
            (900, 2_500, ReadingContext::Periodic),
            (1_800, 4_000, ReadingContext::Periodic),
            (2_420, 5_050, ReadingContext::End),
        ],
        "begin, end, and the first of each quarter hour"
    );
    assert_eq!(cdr.evidence.len(), 5, "a frame for each reading");
    for evidence in &cdr.evidence {
        let kept = house.records().find_map(|record| match record {
            Record::Evidence(row) if row.frame == evidence.frame => Some(row),
            _ => None,
        });
        let kept = kept.unwrap();
        assert_eq!(kept.sha256, evidence.sha256);
        assert_eq!(<[u8; 32]>::from(Sha256::digest(kept.text.as_bytes())), evidence.sha256);
        assert_eq!(kept.transaction, Some(TransactionId(1)));
    }
    let rows = house.records().filter(|record| matches!(record, Record::MeterValues(_))).count();
    assert_eq!(rows, 40, "every message of values is kept");
    assert!(house.transaction(1).is_sealed);
}

#[test]
fn a_start_is_idempotent_under_any_message_id_even_after_its_end() {
    let mut house = plugged("CP1");
    let at = house.stamp();
    let payload = start_payload(1, "ANNA", 1_000, &at);
    let first = house.call("CP1", "StartTransaction", &payload);
    house.pass(5);
    let outputs = house.outputs.len();
    assert_eq!(house.call("CP1", "StartTransaction", &payload), first);
    let tables: Vec<&str> = crate::tests::records_of(&house.outputs[outputs..])
        .map(Record::table)
        .filter(|&table| table != "evse")
        .collect();
    assert_eq!(tables, [""; 0], "a repetition is nothing new");
    house.pass(60);
    house.stop("CP1", "1", 1_500);
    assert_eq!(house.call("CP1", "StartTransaction", &payload), first);
    house.pass(60);
    let other = house.start("CP1", 1, "ANNA", 1_500);
    assert!(other.contains(r#""transactionId":2"#), "{other}");
    assert_eq!(house.cdrs().len(), 1);
}

#[test]
fn m1_a_stop_repeated_seals_nothing_twice() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(600);
    let at = house.stamp();
    for _ in 0..3 {
        assert_eq!(house.call("CP1", "StopTransaction", &stop_payload("1", 900, &at)), "[3,{}]");
    }
    assert_eq!((house.cdrs().len(), house.findings().len()), (1, 0));
}

#[test]
fn m2_a_stop_whose_own_samples_contradict_it_is_held() {
    let check = |begin: i64, end: i64| {
        let mut house = plugged("CP1");
        house.start("CP1", 1, "ANNA", 1_000);
        house.pass(3_600);
        let at = house.stamp();
        let sample = |context: &str, wh: i64| {
            format!(r#"{{"timestamp":"{at}","sampledValue":[{{"value":"{wh}","context":"{context}"}}]}}"#)
        };
        let (begin, end) = (sample("Transaction.Begin", begin), sample("Transaction.End", end));
        let payload = stop_payload("1", 5_000, &at)
            .replace(r#""reason""#, &format!(r#""transactionData":[{begin},{end}],"reason""#));
        assert_eq!(house.call("CP1", "StopTransaction", &payload), "[3,{}]");
        house.cdrs()[0].doubts.clone()
    };
    assert_eq!(check(1_000, 5_000), []);
    assert_eq!(check(1_000, 5_100), [], "a register that counts in 0.1 kWh is no contradiction");
    assert_eq!(check(-1, 5_000), [], "below zero is unknown");
    let contradictory = |context, first, second| {
        let (first, second) = (watt_hours(first), watt_hours(second));
        [Doubt::Contradictory { context, first, second }]
    };
    assert_eq!(check(1_000, 5_101), contradictory(ReadingContext::End, 5_000, 5_101));
    assert_eq!(check(0, 5_000), contradictory(ReadingContext::Begin, 1_000, 0));
}

#[test]
fn m2_a_zero_amid_a_transaction_is_no_register_and_a_reset_shows_at_the_next() {
    let check = |registers: &[i64], end: i64| {
        let mut house = plugged("CP1");
        house.start("CP1", 1, "ANNA", 1_000);
        for &register in registers {
            house.pass(900);
            house.values("CP1", 1, Some("1"), register, 10);
        }
        house.pass(900);
        house.stop("CP1", "1", end);
        house.cdrs()[0].energy()
    };
    assert_eq!(check(&[0, 3_000], 5_000), Ok(watt_hours(4_000)));
    assert!(matches!(check(&[0, 10], 5_000), Err(Doubt::RegisterReset { .. })));
    assert!(matches!(check(&[2_000, 0], 0), Err(Doubt::Negative { .. })));
}

#[test]
fn the_register_of_the_begin_beside_the_present_one_is_not_the_present_one() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 1_000);
    house.pass(1_200);
    let at = house.stamp();
    let payload = format!(
        r#"{{"connectorId":1,"transactionId":1,"meterValue":[{{"timestamp":"{at}","sampledValue":[{{"value":"1203","context":"Sample.Periodic"}},{{"value":"1000","context":"Transaction.Begin"}}]}}]}}"#
    );
    house.call("CP1", "MeterValues", &payload);
    house.pass(60);
    house.stop("CP1", "1", 1_250);
    let registers: Vec<i64> =
        house.cdrs()[0].readings.iter().map(|reading| reading.register.watt_hours_floor()).collect();
    assert_eq!(registers, [1_000, 1_203, 1_250]);
}

#[test]
fn no_energy_is_told_and_holds_nothing() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 1_000);
    house.pass(600);
    house.stop("CP1", "1", 1_000);
    assert_eq!(house.found(), [Doubt::NoEnergy { duration: TimeSpan::from_minutes(10) }]);
    assert_eq!(house.cdrs()[0].doubts, [], "a bill of nothing needs nobody's decision");
    assert_eq!(house.cdrs()[0].energy(), Ok(WattHours::ZERO));
}

#[test]
fn the_operator_says_how_long_a_transaction_may_be_without_a_look() {
    let week = TimeSpan::from_hours(7 * 24);
    let mut house = House::empty(crate::Policy { transaction_longest: week, ..crate::Policy::default() });
    house.input(crate::Input::Directory(std::sync::Arc::new(crate::tests::directory())));
    house.command(crate::Command::ConfigureSite(Box::new(crate::tests::site(100, None))));
    house.boot("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(7 * 24 * 3_600);
    house.stop("CP1", "1", 10_000);
    house.start("CP1", 1, "ANNA", 10_000);
    house.pass(7 * 24 * 3_600 + 1);
    house.stop("CP1", "2", 20_000);
    let doubts: Vec<Vec<Doubt>> = house.cdrs().into_iter().map(|cdr| cdr.doubts).collect();
    let duration = week + TimeSpan::from_seconds(1);
    assert_eq!(doubts, [vec![], vec![Doubt::TooLong { duration, limit: week }]]);
}

#[test]
fn what_comes_after_sealing_is_a_finding() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(600);
    house.stop("CP1", "1", 900);
    house.pass(1);
    assert_eq!(house.stop("CP1", "1", 904), "[3,{}]", "FIELD section 4c, 37: the register rose on");
    house.pass(1);
    for _ in 0..5 {
        assert_eq!(house.values("CP1", 1, Some("1"), 905, 0), "[3,{}]");
    }
    let found = house.found();
    assert_eq!(
        found.len(),
        1,
        "values after the end are found once, and the stop told of it already: {found:?}"
    );
    assert!(matches!(found[0], Doubt::AfterSeal { .. }));
    assert_eq!(house.cdrs().len(), 1, "the CDR stands");
}

#[test]
fn a_stop_of_an_unknown_transaction_is_answered_and_kept_and_found_once() {
    let mut house = House::new();
    house.boot("CP1");
    let at = house.stamp();
    for _ in 0..3 {
        assert_eq!(house.call("CP1", "StopTransaction", &stop_payload("77", 900, &at)), "[3,{}]");
    }
    assert_eq!(house.found(), [Doubt::Orphan { claimed: "77".to_owned() }]);
    assert!(
        house.records().any(|record| matches!(record, Record::Evidence(row) if row.transaction.is_none()))
    );
    assert_eq!(house.cdrs().len(), 0);
}

#[test]
fn transaction_ids_are_unique_over_stations_and_fit_31_bits() {
    let mut house = House::new();
    let mut ids = std::collections::BTreeSet::new();
    for station in ["CP1", "CP2"] {
        house.boot(station);
        for register in 0..3 {
            house.pass(60);
            let reply = house.start(station, 1, "ANNA", register);
            let id: u64 = reply.rsplit(':').next().unwrap().trim_end_matches("}]").parse().unwrap();
            assert!(id > 0 && id < 1 << 31);
            assert!(ids.insert(id), "{id} twice");
        }
    }
}

#[test]
fn a_start_at_a_connector_that_no_site_names_gets_a_number_and_is_found() {
    let mut house = House::new();
    house.boot("CP1");
    let reply = house.start("CP1", 7, "ANNA", 0);
    assert_eq!(reply, r#"[3,{"idTagInfo":{"status":"Invalid"},"transactionId":1}]"#);
    assert_eq!(house.found(), [Doubt::Orphan { claimed: "start at EVSE 7".to_owned() }]);
}

#[test]
fn a_transaction_of_a_refused_token_is_answered_kept_and_in_doubt() {
    for (token, status) in [("NOBODY", "Invalid"), ("DORA", "Blocked"), ("EMIL", "Expired")] {
        let mut house = plugged("CP1");
        let reply = house.start("CP1", 1, token, 0);
        assert_eq!(reply, format!(r#"[3,{{"idTagInfo":{{"status":"{status}"}},"transactionId":1}}]"#));
        house.pass(60);
        house.stop("CP1", "1", 50);
        let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
        let token = Some(token.parse().unwrap());
        assert_eq!(cdr.doubts, [Doubt::UnknownDriver { token }, Doubt::NoTariff], "never billed by itself");
        assert_eq!(cdr.owner.as_str(), "owner");
    }
}

#[test]
fn what_the_directory_said_at_the_start_is_frozen() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.input(crate::Input::Directory(std::sync::Arc::default()));
    house.pass(600);
    house.stop("CP1", "1", 900);
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!((cdr.doubts.len(), cdr.tariff.as_ref().unwrap().as_str()), (0, "flat"));
}

#[test]
fn m2_doubtful_registers_are_doubts_on_the_cdr() {
    for (what, start, stop, want) in [
        ("unknown at the end", 1_000, -1, "below zero"),
        ("one watt-hour less", 1_000, 999, "below the start"),
        ("more than the hardware can pass", 0, 90_000, "exceed"),
    ] {
        let mut house = plugged("CP1");
        house.start("CP1", 1, "ANNA", start);
        house.pass(3_600);
        assert_eq!(house.stop("CP1", "1", stop), "[3,{}]");
        let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
        let doubts: Vec<String> = cdr.doubts.iter().map(ToString::to_string).collect();
        assert!(doubts.iter().any(|doubt| doubt.contains(want)), "{what}: {doubts:?}");
        assert!(cdr.energy().is_err(), "{what}");
    }
}

#[test]
fn m2_a_missing_register_is_a_doubt_and_never_a_guess() {
    let mut house = plugged("CP1");
    let at = house.stamp();
    house.call(
        "CP1",
        "StartTransaction",
        &format!(r#"{{"connectorId":1,"idTag":"ANNA","timestamp":"{at}"}}"#),
    );
    house.pass(600);
    house.values("CP1", 1, Some("1"), 500, 10);
    house.stop("CP1", "1", 900);
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!(cdr.doubts, [Doubt::MissingStart { readings: 2 }]);
}

#[test]
fn registers_in_the_stop_count_as_readings() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(1_000);
    let at = house.stamp();
    let payload = format!(
        r#"{{"transactionId":1,"meterStop":900,"timestamp":"{at}","transactionData":[
            {{"timestamp":"{}","sampledValue":[{{"value":"0","context":"Transaction.Begin"}}]}},
            {{"timestamp":"{}","sampledValue":[{{"value":"0.8","unit":"kWh","context":"Sample.Clock"}}]}},
            {{"timestamp":"{at}","sampledValue":[{{"value":"900","context":"Transaction.End"}}]}}]}}"#,
        House::at(0),
        House::at(900),
    );
    assert_eq!(house.call("CP1", "StopTransaction", &payload), "[3,{}]");
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!((cdr.doubts.len(), cdr.energy()), (0, Ok(watt_hours(900))));
    assert!(
        cdr.readings
            .iter()
            .any(|read| read.context == ReadingContext::Clock && read.register == watt_hours(800))
    );
}

#[test]
fn an_offline_transaction_is_taken_with_the_stations_times_where_its_clock_is_trusted() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Available");
    house.down("CP1");
    house.pass(7_200);
    house.up("CP1");
    let start = house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 1_000, &House::at(600)));
    assert!(start.contains(r#""status":"Accepted""#), "{start}");
    house.call("CP1", "MeterValues", &values_payload(1, Some("1"), 1_500, 10, &House::at(1_800)));
    house.call("CP1", "StopTransaction", &stop_payload("1", 2_000, &House::at(3_600)));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!(cdr.doubts, []);
    assert_eq!([cdr.started_at.to_string(), cdr.stopped_at.to_string()], [House::at(600), House::at(3_600)]);
    assert_eq!(cdr.readings.len(), 3);
}

#[test]
fn an_untrusted_clock_is_a_doubt_and_our_own_time_counts() {
    let mut house = House::new();
    house.boot("CP1");
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, "2024-08-01T00:00:00Z"));
    house.pass(600);
    house.call("CP1", "StopTransaction", &stop_payload("1", 900, "2024-08-01T00:10:00Z"));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!([cdr.started_at.to_string(), cdr.stopped_at.to_string()], [House::at(0), House::at(600)]);
    let untrusted = |doubt: &&Doubt| matches!(doubt, Doubt::ClockUntrusted { .. });
    assert_eq!(cdr.doubts.iter().filter(untrusted).count(), 2, "{:?}", cdr.doubts);
}

#[test]
fn a_clock_that_runs_ahead_is_seen_from_live_messages_and_recorded() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Available");
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(0));
    let ahead = format!(
        r#"{{"connectorId":1,"errorCode":"NoError","status":"Preparing","timestamp":"{}"}}"#,
        House::at(3_600)
    );
    house.call("CP1", "StatusNotification", &ahead);
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(3_600_000));
    house.start("CP1", 1, "ANNA", 0);
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(0), "the clock was set");
}

#[test]
fn a_wall_clock_that_was_wrong_moves_what_stations_are_told_and_not_control() {
    let mut house = House::new();
    house.boot("CP1");
    house.input(crate::Input::WallClock(TimeSpan::from_hours(1)));
    let told = house.call("CP1", "Heartbeat", "{}");
    assert_eq!(told, r#"[3,{"currentTime":"2026-01-15T13:00:00.000Z"}]"#);
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(3_600)));
    house.pass(600);
    house.call("CP1", "MeterValues", &values_payload(1, Some("1"), 500, 12, &House::at(4_200)));
    house.call("CP1", "StopTransaction", &stop_payload("1", 900, &House::at(4_200)));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!((cdr.doubts.len(), cdr.started_at.to_string()), (0, House::at(3_600)));
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(0));
}

#[test]
fn a_transaction_that_begins_or_ends_while_the_machines_clock_says_2036_is_in_doubt() {
    let ten_years = TimeSpan::from_hours(10 * 365 * 24);
    for (jumps, returns) in [(0, 1_200), (0, 300), (300, 1_200), (300, 500), (1_200, 1_300)] {
        let mut house = House::new();
        house.boot("CP1");
        let offset =
            |second: i64| if (jumps..returns).contains(&second) { ten_years } else { TimeSpan::ZERO };
        let told = |house: &House, second| (house.now + offset(second)).to_string();
        for second in (0..=600).step_by(100) {
            house.input(crate::Input::WallClock(offset(second)));
            let at = told(&house, second);
            match second {
                0 => house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &at)),
                600 => house.call("CP1", "StopTransaction", &stop_payload("1", 900, &at)),
                _ => house.call("CP1", "MeterValues", &values_payload(1, Some("1"), second, 10, &at)),
            };
            house.pass(100);
        }
        let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
        let jumped = cdr.doubts.iter().filter(|doubt| doubt.to_string().contains("the machine's clock said"));
        let wrong = [0, 600].into_iter().filter(|second| (jumps..returns).contains(second));
        assert_eq!(jumped.count(), wrong.count(), "from {jumps} until {returns} s: {:?}", cdr.doubts);
        let is_untouched = jumps > 600 || (jumps, returns) == (300, 500);
        assert_eq!(cdr.doubts.is_empty(), is_untouched, "from {jumps} until {returns} s: {:?}", cdr.doubts);
    }
}

#[test]
fn a_meter_is_believed_when_the_machines_clock_jumps_whosever_clock_it_has_and_its_delay_is_seen() {
    let minutes = TimeSpan::from_minutes;
    let jumps = [minutes(20), TimeSpan::ZERO - minutes(20), TimeSpan::from_hours(10 * 365 * 24)];
    let (none, delayed) = (TimeSpan::ZERO, minutes(10));
    for (jump, has_its_own, delay) in jumps.into_iter().flat_map(|jump| {
        [(true, none), (false, none), (true, delayed), (false, delayed)]
            .map(|(own, delay)| (jump, own, delay))
    }) {
        let mut house = House::with(site(30, Some("main")));
        let jumps_at = house.now + minutes(2);
        let mut alarms = Vec::new();
        for step in 0..500 {
            if house.now == jumps_at {
                alarms.clear();
                house.input(crate::Input::WallClock(jump));
            }
            let measured_at = house.now - if house.now < jumps_at { none } else { delay };
            let is_stamped_as_it_was = has_its_own || measured_at < jumps_at;
            house.input(crate::Input::GridReading {
                meter: "main".parse().unwrap(),
                at: ReportedAt(measured_at + if is_stamped_as_it_was { none } else { jump }),
                current: PerPhase::splat(Amperes::from_milliamperes(5_000 + step)),
            });
            house.pass(5);
            alarms.extend(house.take());
        }
        let told =
            |word: &str| alarms.iter().any(|line| line.starts_with(word) && line.contains("MeterStale"));
        let expected = (delay != none, false);
        assert_eq!((told("raised"), told("cleared")), expected, "{jump}, {has_its_own}, {delay}");
    }
}

#[test]
fn meter_values_that_waited_for_our_acknowledgements_do_not_say_that_the_clock_lags() {
    let mut house = House::new();
    house.boot("CP1");
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(0)));
    house.pass(900);
    house.input(crate::Input::Storage(crate::StorageHealth::Failing));
    house.pass(1_800);
    house.input(crate::Input::Storage(crate::StorageHealth::Well));
    for second in [1_200, 1_800, 2_400] {
        house.call("CP1", "MeterValues", &values_payload(1, Some("1"), second, 10, &House::at(second)));
    }
    house.call("CP1", "StopTransaction", &stop_payload("1", 2_700, &House::at(2_700)));
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(0));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!(cdr.doubts, [], "registers that came late are in their place");
}

#[test]
fn what_was_said_just_before_we_answered_again_is_late_and_its_clock_is_not() {
    let mut house = House::new();
    house.boot("CP1");
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(0)));
    house.pass(900);
    house.input(crate::Input::Storage(crate::StorageHealth::Failing));
    house.pass(1_800);
    house.input(crate::Input::Storage(crate::StorageHealth::Well));
    house.pass(8);
    house.call("CP1", "MeterValues", &values_payload(1, Some("1"), 900, 10, &House::at(2_676)));
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(0));
    house.call("CP1", "StopTransaction", &stop_payload("1", 950, &House::at(2_708)));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!(cdr.doubts, []);
    let between: Vec<String> = cdr.readings.iter().map(|read| read.at.to_string()).collect();
    assert_eq!(between, [House::at(0), House::at(2_676), House::at(2_708)], "each in its place");
}

#[test]
fn what_a_station_says_behind_a_backlog_waited_as_well_and_says_nothing_of_its_clock() {
    let mut house = House::new();
    house.boot("CP1");
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(0)));
    house.pass(900);
    house.input(crate::Input::Storage(crate::StorageHealth::Failing));
    house.pass(300);
    house.input(crate::Input::Storage(crate::StorageHealth::Well));
    // Each is repeated after 40 s, since an answer was lost: those said since then wait as well.
    for second in [1_140, 1_180, 1_210, 1_240] {
        house.pass(40);
        house.call("CP1", "MeterValues", &values_payload(1, Some("1"), second, 10, &House::at(second)));
        assert_eq!(house.station("CP1").row.clock_skew_ms, Some(0), "said at {second} s");
    }
}

#[test]
fn a_register_whose_time_is_ours_is_a_doubt_although_begin_and_end_are_the_stations() {
    let mut house = House::new();
    house.boot("CP1");
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(0)));
    for (second, register) in [(900, 100), (1_800, 200)] {
        house.pass(900);
        let ahead = House::at(second + 3_600);
        house.call("CP1", "MeterValues", &values_payload(1, Some("1"), register, 10, &ahead));
    }
    house.pass(600);
    house.call("CP1", "StopTransaction", &stop_payload("1", 300, &House::at(2_400)));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    let told: Vec<String> = cdr.doubts.iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("the station claimed {} at our {}", House::at(4_500), House::at(900))]);
    assert_eq!(cdr.readings.len(), 4, "they stand in the CDR for whoever decides");
}

#[test]
fn a_clock_that_lags_is_learned_once_nothing_queued_can_explain_it() {
    let mut house = House::new();
    house.boot("CP1");
    let behind = |house: &mut House| {
        let at = (house.now - TimeSpan::from_hours(2)).to_string();
        let payload =
            format!(r#"{{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"{at}"}}"#);
        house.call("CP1", "StatusNotification", &payload);
    };
    behind(&mut house);
    assert_eq!(house.station("CP1").row.clock_skew_ms, None, "it may have been queued");
    house.pass(600);
    behind(&mut house);
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(-7_200_000));
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(-6_600)));
    assert!(matches!(&house.transaction(1).doubts[..], [Doubt::ClockUntrusted { .. }]));
    assert_eq!(house.transaction(1).started_at, house.now);
}

/// What is said on a young link may have been queued: an engine that died every minute never learned that a clock lags.
#[test]
fn a_clock_that_lags_is_learned_from_values_that_were_asked_for() {
    let mut house = House::new();
    house.boot("CP1");
    house.start("CP1", 1, "ANNA", 0);
    let tell = |house: &mut House, context: &str| {
        let at = (house.now - TimeSpan::from_hours(2)).to_string();
        let context = format!(r#""sampledValue":[{{"context":"{context}","#);
        let values = values_payload(1, Some("1"), 100, 6, &at).replace(r#""sampledValue":[{"#, &context);
        house.call("CP1", "MeterValues", &values);
        house.station("CP1").row.clock_skew_ms
    };
    assert_eq!(tell(&mut house, "Trigger"), Some(0), "nobody asked on this link");
    // After a boot it is asked what it draws.
    house.call("CP1", "BootNotification", BOOT);
    let is_question = |call: &String| call.contains("TriggerMessage") && call.contains("MeterValues");
    let was_asked = (0..30).any(|_| {
        house.pass(1);
        house.accept_all("CP1").iter().any(is_question)
    });
    assert!(was_asked);
    assert_eq!(tell(&mut house, "Sample.Periodic"), Some(0), "it may have been queued");
    assert_eq!(tell(&mut house, "Trigger"), Some(-7_200_000));
}

#[test]
fn a_time_without_a_zone_is_the_sites_own() {
    let mut house = House::new();
    house.boot("CP1");
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, "2026-01-15T14:00:00"));
    house.pass(60);
    house.call("CP1", "StopTransaction", &stop_payload("1", 90, "2026-01-15T14:01:00"));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!((cdr.doubts.len(), cdr.started_at.to_string()), (0, House::at(0)));
    assert!(house.quirks("CP1").contains(&"time_without_zone(timestamp)".to_owned()));
}

#[test]
fn a_quirk_is_counted_up_to_a_limit_and_then_writes_no_more_rows() {
    let mut house = House::new();
    house.boot("CP1");
    for _ in 0..1_010 {
        house.frame("CP1", "no frame");
    }
    let limit = crate::record::StationRow::QUIRK_COUNT_LIMIT;
    assert_eq!(house.station("CP1").row.quirks["broken_frame"], limit);
    let before = house.outputs.len();
    house.frame("CP1", "no frame");
    assert_eq!(house.outputs.len(), before);
}

#[test]
fn what_was_queued_while_offline_says_nothing_of_the_clock() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Available");
    house.down("CP1");
    house.pass(7_200);
    house.up("CP1");
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(600)));
    for minute in 11..20 {
        house.call(
            "CP1",
            "MeterValues",
            &values_payload(1, Some("1"), minute * 100, 10, &House::at(minute * 60)),
        );
    }
    assert_eq!(house.station("CP1").row.clock_skew_ms, Some(0));
}

#[test]
fn a_transaction_that_lost_its_end_is_superseded_and_sealed_without_it_a_day_later() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(3_600);
    house.start("CP1", 1, "BERT", 900);
    assert_eq!(house.transaction(1).superseded_at, Some(house.now));
    house.pass(600);
    house.stop("CP1", "2", 1_000);
    assert_eq!(house.cdrs().len(), 1);
    house.pass(23 * 3_600);
    assert_eq!(house.cdrs().len(), 1, "its end may still come");
    house.pass(3_600);
    let cdrs = house.cdrs();
    assert_eq!((cdrs.len(), cdrs[1].transaction), (2, TransactionId(1)));
    assert_eq!(cdrs[1].doubts, [Doubt::MissingEnd { readings: 1 }]);
}

#[test]
fn a_late_end_seals_late_and_an_overlap_is_a_doubt_on_both() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(3_600);
    house.start("CP1", 1, "BERT", 900);
    house.pass(600);
    house.call("CP1", "StopTransaction", &stop_payload("1", 950, &House::at(3_900)));
    house.stop("CP1", "2", 1_000);
    let cdrs = house.cdrs();
    assert_eq!(cdrs.len(), 2);
    for cdr in &cdrs {
        assert!(matches!(&cdr.doubts[..], [Doubt::Overlapping { .. }]), "{:?}", cdr.doubts);
    }
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(3_600);
    house.start("CP1", 1, "BERT", 900);
    house.call("CP1", "StopTransaction", &stop_payload("1", 900, &House::at(3_500)));
    house.pass(60);
    house.stop("CP1", "2", 1_000);
    assert!(house.cdrs().iter().all(|cdr| cdr.doubts.is_empty()), "late, and in order");
}

#[test]
fn an_older_start_that_comes_after_a_newer_one_does_not_take_its_place() {
    let mut house = plugged("CP1");
    house.pass(3_600);
    house.start("CP1", 1, "BERT", 900);
    house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &House::at(600)));
    assert_eq!(house.transaction(2).superseded_at, Some(house.now));
    house.call("CP1", "StopTransaction", &stop_payload("2", 500, &House::at(1_200)));
    let QueryAnswer::Sessions(sessions) = house.query(Query::Sessions) else { panic!("sessions") };
    assert!(sessions.iter().any(|session| session.transaction == Some(TransactionId(1))), "{sessions:?}");
    house.pass(60);
    house.stop("CP1", "1", 1_000);
    assert!(house.cdrs().iter().all(|cdr| cdr.doubts.is_empty()), "{:?}", house.cdrs());
}

#[test]
fn a_session_lasts_from_plugging_in_to_unplugging_and_holds_several_transactions() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.pass(600);
    house.stop("CP1", "1", 100);
    house.status("CP1", 1, "Available");
    house.pass(60);
    house.status("CP1", 1, "Preparing");
    house.start("CP1", 1, "ANNA", 100);
    house.pass(60);
    house.stop("CP1", "2", 110);
    house.status("CP1", 1, "Finishing");
    house.pass(60);
    house.start("CP1", 1, "ANNA", 110);
    house.pass(60);
    house.stop("CP1", "3", 120);
    let sessions: Vec<u64> = house.cdrs().iter().map(|cdr| cdr.session.0).collect();
    assert_eq!(sessions, [1, 2, 2]);
    house.status("CP1", 1, "Available");
    let Some(Record::Session(row)) = house.rows().remove(&("session", "2".to_owned())) else { panic!("row") };
    assert_eq!((row.began_at.to_string(), row.ended_at), (House::at(660), Some(house.now)));
}

#[test]
fn where_unplugging_is_not_reported_each_transaction_is_a_session() {
    let mut house = House::new();
    house.boot("CP1");
    for transaction in 1..=3 {
        house.pass(60);
        house.start("CP1", 1, "ANNA", transaction * 100);
        house.pass(60);
        house.stop("CP1", &transaction.to_string(), transaction * 100 + 50);
    }
    let sessions: Vec<u64> = house.cdrs().iter().map(|cdr| cdr.session.0).collect();
    assert_eq!(sessions, [1, 2, 3]);
}

#[test]
fn a_transaction_message_that_cannot_be_understood_is_acknowledged_kept_and_found() {
    let mut house = House::new();
    house.boot("CP1");
    let start = house.call("CP1", "StartTransaction", r#"{"idTag":"ANNA"}"#);
    assert_eq!(start, r#"[3,{"idTagInfo":{"status":"Invalid"},"transactionId":1}]"#);
    assert_eq!(house.call("CP1", "MeterValues", r#"{"meterValue":[]}"#), "[3,{}]");
    assert_eq!(house.call("CP1", "StopTransaction", r#"{"transactionData":7}"#), "[3,{}]");
    assert!(house.found().len() >= 2, "{:?}", house.found());
}

#[test]
fn m8_a_cdr_tells_when_the_ev_charged_declined_and_was_offered_nothing() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 1_000);
    house.pass(60);
    house.accept_all("CP1");
    house.status("CP1", 1, "Charging");
    house.pass(600);
    house.accept_all("CP1");
    house.status("CP1", 1, "SuspendedEV");
    house.pass(600);
    house.status("CP1", 1, "SuspendedEVSE");
    house.pass(600);
    house.stop("CP1", "1", 5_050);
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    let noon: units::Timestamp = NOON.parse().unwrap();
    let told: Vec<(i64, Activity)> =
        cdr.activity.iter().map(|span| (span.from.since(noon).seconds_floor(), span.activity)).collect();
    assert_eq!(told, [(60, Activity::Charging), (660, Activity::Declined), (1_260, Activity::NotOffered)]);
}

#[test]
fn m8_while_a_station_is_offline_nothing_is_charged_for_its_time() {
    let mut house = plugged("CP1");
    house.start("CP1", 1, "ANNA", 1_000);
    house.status("CP1", 1, "Charging");
    house.pass(600);
    house.down("CP1");
    house.pass(60);
    let spans = &house.transaction(1).activity;
    assert_eq!(spans.last().map(|span| span.activity), Some(Activity::NotOffered));
}

/// An EV that charged and takes no more, at noon and 660 s, under limits that are accepted.
fn declining() -> House {
    declining_in(House::new())
}

fn declining_in(house: House) -> House {
    let mut house = plugged_in(house, "CP1");
    house.start("CP1", 1, "ANNA", 1_000);
    house.pass(60);
    house.accept_all("CP1");
    house.status("CP1", 1, "Charging");
    for second in (60..=600).step_by(60) {
        house.values("CP1", 1, Some("1"), 1_000 + second, 10);
        house.accept_all("CP1");
        house.pass(60);
    }
    house.accept_all("CP1");
    house.status("CP1", 1, "SuspendedEV");
    house
}

fn told_activity(house: &House) -> Vec<(i64, Activity)> {
    let noon: units::Timestamp = NOON.parse().unwrap();
    let spans = house.transaction(1).activity;
    spans.iter().map(|span| (span.from.since(noon).seconds_floor(), span.activity)).collect()
}

#[test]
fn m8_a_station_whose_link_is_found_dead_is_offline_since_it_was_last_heard() {
    let declined = [(60, Activity::Charging), (660, Activity::Declined)];
    let mut house = declining();
    assert_eq!(told_activity(&house), declined);
    house.pass(100);
    house.values("CP1", 1, Some("1"), 2_000, 0);
    house.pass(200);
    house.down("CP1");
    assert_eq!(told_activity(&house), [&declined[..], &[(760, Activity::NotOffered)]].concat());
    // One that a newer link replaces was dead as well.
    let mut house = declining();
    house.pass(200);
    house.up("CP1");
    assert_eq!(
        told_activity(&house).last(),
        Some(&(660, Activity::NotOffered)),
        "its EV may have begun since"
    );
    house.status("CP1", 1, "SuspendedEV");
    let told = told_activity(&house);
    assert_eq!(
        told[1..],
        [(660, Activity::NotOffered), (860, Activity::Declined)],
        "nobody vouches for the time between"
    );
}

#[test]
fn m8_what_is_shed_is_declined_no_more_and_since_the_last_frame_of_a_dead_link_it_may_not_have_been() {
    let mut house = declining_in(House::with(site(60, Some("main"))));
    house.pass(100);
    house.values("CP1", 1, Some("1"), 2_000, 0);
    house.pass(40);
    house.meter([70; 3]);
    assert_eq!(told_activity(&house).last(), Some(&(800, Activity::NotOffered)), "before it is answered");
    house.pass(10);
    house.down("CP1");
    let declined = [(660, Activity::Declined), (760, Activity::NotOffered)];
    assert_eq!(told_activity(&house)[1..], declined);
}

#[test]
fn m8_what_went_on_while_we_were_down_is_charged_for_from_the_last_frame_kept_on() {
    let mut house = declining();
    house.pass(100);
    house.values("CP1", 1, Some("1"), 2_000, 0);
    house.pass(200);
    let rows: Vec<Record> = house.records().cloned().collect();
    let mut restored = House::empty(crate::Policy::default());
    restored.now = house.now + TimeSpan::from_minutes(5);
    restored.input(crate::Input::Restored(rows));
    assert_eq!(told_activity(&restored).last(), Some(&(760, Activity::NotOffered)));
}

#[test]
fn m8_nothing_is_charged_for_time_while_the_machines_clock_is_ten_years_off() {
    let mut house = declining();
    for offset in [TimeSpan::from_hours(10 * 365 * 24), TimeSpan::ZERO] {
        house.pass(100);
        house.input(crate::Input::WallClock(offset));
        house.status("CP1", 1, "SuspendedEV");
    }
    house.pass(100);
    let declined = [(660, Activity::Declined), (760, Activity::NotOffered), (860, Activity::Declined)];
    assert_eq!(told_activity(&house)[1..], declined);
}

#[test]
fn m8_nothing_is_charged_for_time_while_the_store_fails_since_no_limit_is_renewed() {
    let mut house = declining();
    for health in [crate::StorageHealth::Failing, crate::StorageHealth::Well] {
        house.pass(100);
        house.input(crate::Input::Storage(health));
        house.status("CP1", 1, "SuspendedEV");
    }
    let declined = [(660, Activity::Declined), (760, Activity::NotOffered), (860, Activity::Declined)];
    assert_eq!(told_activity(&house)[1..], declined);
}
