//! Control's commands on the wire, and stations' answers and measurements back.

use units::{Amperes, TimeSpan};

use crate::query::{Query, QueryAnswer, SiteView};
use crate::record::Record;
use crate::tests::{BOOT, House, message_id, site};
use crate::{Command, Effect};

fn view(house: &mut House) -> SiteView {
    match house.query(Query::Site("house".parse().unwrap())) {
        QueryAnswer::Site(Some(view)) => view,
        other => panic!("{other:?}"),
    }
}

fn charging(mut house: House) -> House {
    house.boot("CP1");
    house.charges();
    house
}

/// Time passes, the station measuring and accepting as it goes.
fn run(house: &mut House, seconds: i64, amperes: i64) -> Vec<String> {
    let mut calls = Vec::new();
    for _ in 0..seconds / 5 {
        house.pass(5);
        calls.extend(house.accept_all("CP1"));
        house.values("CP1", 1, Some("1"), 0, amperes);
    }
    calls
}

#[test]
fn a_live_limit_holds_for_its_lifetime_and_then_falls_back_inside_one_profile() {
    let mut house = charging(House::new());
    let calls = run(&mut house, 10, 0);
    let live = calls.iter().find(|call| call.contains("TxProfile")).unwrap();
    for part in [
        r#""SetChargingProfile",{"connectorId":1,"#,
        r#""chargingProfileId":11,"transactionId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute""#,
        r#""chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.0},{"startPeriod":3900,"limit":0.0}]"#,
    ] {
        let part = part.replace("16.0", "16").replace("0.0", "0");
        let plain = live.replace("16.0", "16").replace("0.0", "0");
        assert!(plain.contains(&part), "{part} in {live}");
    }
    assert!(!live.contains("duration") && !live.contains("numberPhases"), "{live}");
    let (_, start) = live.split_once(r#""startSchedule":""#).unwrap();
    let start: units::Timestamp = start.split('"').next().unwrap().parse().unwrap();
    let ago = house.now.since(start).seconds_floor();
    assert!((3_600..=3_615).contains(&ago), "begun {ago} s ago");
}

#[test]
fn a_limit_is_renewed_between_half_and_seven_tenths_of_its_lifetime_whether_or_not_anybody_measures() {
    for is_measured in [false, true] {
        let mut house = charging(House::new());
        run(&mut house, 120, 16);
        let (mut sent_at, mut spans) = (None, Vec::new());
        for second in 0..1_800 {
            house.pass(1);
            if is_measured && second % 10 == 0 {
                house.values("CP1", 1, Some("1"), 0, 16);
            }
            if house.accept_all("CP1").iter().any(|call| call.contains("TxProfile")) {
                spans
                    .extend(sent_at.replace(house.now).map(|before| house.now.since(before).seconds_floor()));
            }
        }
        assert!(spans.len() >= 7 && spans.iter().all(|span| (150..=210).contains(span)), "{spans:?}");
    }
}

#[test]
fn the_standing_fallback_is_a_default_profile_that_needs_no_clock() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", super::BOOT);
    let calls = house.accept_all("CP1");
    let fallback = calls.iter().find(|call| call.contains("TxDefaultProfile")).unwrap();
    assert!(fallback.contains(r#""chargingProfileId":12,"stackLevel":0"#), "{fallback}");
    assert!(fallback.contains(r#""chargingProfileKind":"Relative""#), "{fallback}");
    assert!(!fallback.contains("startSchedule"), "{fallback}");
}

#[test]
fn a_schedule_is_placed_by_the_stations_own_clock() {
    let mut house = House::new();
    house.boot("CP1");
    let ahead = format!(
        r#"{{"connectorId":1,"errorCode":"NoError","status":"Preparing","timestamp":"{}"}}"#,
        House::at(7_200)
    );
    house.call("CP1", "StatusNotification", &ahead);
    let at = House::at(7_200);
    house.call("CP1", "StartTransaction", &super::start_payload(1, "ANNA", 0, &at));
    house.pass(2);
    let calls = house.accept_all("CP1");
    let live = calls.iter().find(|call| call.contains("TxProfile")).unwrap();
    assert!(live.contains(r#""startSchedule":"2026-01-15T13:00:0"#), "{live}");
}

#[test]
fn a_station_whose_clock_is_set_is_told_its_limit_anew_by_the_new_clock() {
    let mut house = charging(House::new());
    run(&mut house, 20, 13);
    house.accept_all("CP1");
    let ahead =
        super::values_payload(1, Some("1"), 2_000, 13, &(house.now + TimeSpan::from_hours(1)).to_string());
    house.call("CP1", "MeterValues", &ahead);
    assert_eq!(view(&mut house).evses[0].control.limit, None, "what is in force is in doubt");
    house.pass(2);
    let calls = house.accept_all("CP1");
    let live = calls.iter().find(|call| call.contains("TxProfile")).unwrap();
    assert!(live.contains(r#""startSchedule":"2026-01-15T12:0"#), "an hour ago by its clock: {live}");
    assert_eq!(view(&mut house).evses[0].control.limit, Some(Amperes::from_amperes(16)));
}

#[test]
fn a_station_whose_clock_is_off_is_asked_for_a_heartbeat_every_ten_minutes_and_none_by_a_clock_of_ours_that_jumped()
 {
    let asked = |house: &mut House, minutes: i64| {
        let mut count = 0;
        for _ in 0..minutes {
            let stamp = (house.now + TimeSpan::from_minutes(10)).to_string();
            house.call("CP1", "MeterValues", &super::values_payload(1, Some("1"), 2_000, 13, &stamp));
            house.pass(60);
            let calls = house.accept_all("CP1");
            count += calls.iter().filter(|call| call.contains(r#""requestedMessage":"Heartbeat""#)).count();
        }
        count
    };
    let mut house = charging(House::new());
    house.accept_all("CP1");
    assert_eq!(asked(&mut house, 25), 3);
    house.input(crate::Input::WallClock(TimeSpan::from_hours(5)));
    assert_eq!(asked(&mut house, 25), 0);
}

#[test]
fn a_clock_of_ours_that_jumps_takes_no_stations_clock_along() {
    let mut house = charging(House::new());
    run(&mut house, 20, 13);
    house.accept_all("CP1");
    house.input(crate::Input::WallClock(TimeSpan::from_hours(5)));
    assert_eq!(view(&mut house).evses[0].control.limit, Some(Amperes::from_amperes(16)), "it is in force");
    let calls = run(&mut house, 300, 13);
    let renewal = calls.iter().find(|call| call.contains("TxProfile")).unwrap();
    assert!(renewal.contains(r#""startSchedule":"2026-01-15T11:"#), "an hour ago by its clock: {renewal}");
}

#[test]
fn what_a_station_measures_reaches_control() {
    let mut house = charging(House::new());
    run(&mut house, 10, 13);
    let view = view(&mut house);
    assert_eq!(view.evses[0].control.drawn.l2, Amperes::from_amperes(13));
    assert_eq!(view.evses[0].status, "Charging");
    assert_eq!(view.evses[0].control.limit, Some(Amperes::from_amperes(16)));
}

#[test]
fn a_shed_overtakes_what_waits_and_a_call_that_hangs_is_given_up_and_withdrawn() {
    let mut house = charging(House::with(site(60, Some("main"))));
    for _ in 0..12 {
        house.meter([15, 15, 15]);
        run(&mut house, 5, 10);
    }
    let clear = || Command::Call {
        station: "CP1".parse().unwrap(),
        action: "ClearCache".into(),
        payload: "{}".into(),
    };
    house.take();
    assert_eq!(house.command(clear()), None);
    assert_eq!(house.command(clear()), None);
    let hanging = house.calls_to("CP1");
    assert_eq!(hanging.len(), 1);
    house.meter([70, 70, 70]);
    assert_eq!(house.calls_to("CP1"), [""; 0], "one call is outstanding");
    let before = house.outputs.len();
    house.pass(3);
    let lines: Vec<String> = house.outputs[before..].iter().map(|output| house.line(output)).collect();
    let withdrawn =
        lines.iter().position(|line| *line == format!("withdraw from CP1 {}", message_id(&hanging[0])));
    let shed = lines.iter().position(|line| line.contains("TxProfile"));
    assert!(withdrawn.is_some() && withdrawn < shed, "{lines:?}");
    let calls = house.calls_to("CP1");
    assert!(calls[0].contains("TxProfile"), "the shed before the other command: {calls:?}");
    house.frame("CP1", &format!(r#"[3,"{}",{{"status":"Accepted"}}]"#, message_id(&hanging[0])));
    assert!(!house.quirks("CP1").contains(&"answer_to_nothing".to_owned()), "a late answer is matched");
}

#[test]
fn s2_a_limit_that_waits_for_its_turn_leaves_no_more_once_its_transaction_ended() {
    let mut house = charging(House::new());
    let clear =
        Command::Call { station: "CP1".parse().unwrap(), action: "ClearCache".into(), payload: "{}".into() };
    house.take();
    house.command(clear);
    house.pass(2);
    let hanging = house.calls_to("CP1");
    assert_eq!(hanging.len(), 1, "the first limit waits for the answer: {hanging:?}");
    house.call("CP1", "StopTransaction", &super::stop_payload("1", 10, &house.stamp()));
    house.frame("CP1", &format!(r#"[3,"{}",{{"status":"Accepted"}}]"#, message_id(&hanging[0])));
    house.pass(2);
    let calls = house.accept_all("CP1");
    assert!(!calls.iter().any(|call| call.contains("TxProfile")), "{calls:?}");
}

#[test]
fn s2_a_limit_that_waits_for_its_turn_leaves_no_more_once_its_station_booted() {
    // It was decided while the limits before it held; after the boot it is decided anew, for what holds then.
    let mut house = charging(House::new());
    for _ in 0..12 {
        house.pass(5);
        house.accept_all("CP1");
    }
    house.down("CP1");
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    let leave = |house: &mut House| house.accept_all("CP1").iter().any(|call| call.contains("TxProfile"));
    assert!(!leave(&mut house), "what waited for the boot");
    house.pass(5);
    assert!(leave(&mut house), "what was decided since");
}

#[test]
fn s2_no_limit_is_decided_before_its_station_may_be_called() {
    // Base load that rises while it waits would find it on its way.
    let mut house = charging(House::new());
    house.pass(5);
    house.accept_all("CP1");
    house.down("CP1");
    house.pass(400);
    let (up_at, before) = (house.now, house.outputs.len());
    house.up("CP1");
    let decided = |house: &House| {
        let newest = house.outputs[before..].iter().filter_map(|output| match &output.effect {
            Effect::Persist { record, .. } => match record.as_ref() {
                Record::Evse(row) => row.control.newest().map(|newest| newest.sent_at),
                _ => None,
            },
            _ => None,
        });
        newest.max().filter(|sent_at| *sent_at >= up_at)
    };
    house.pass(9);
    assert_eq!(decided(&house), None, "it is not ready");
    house.pass(1);
    assert_eq!(decided(&house), Some(house.now));
}

#[test]
fn s2_a_station_that_sets_its_clock_by_ours_which_moved_is_told_its_limit_anew() {
    let mut house = charging(House::new());
    house.call("CP1", "Heartbeat", "{}");
    house.pass(5);
    house.accept_all("CP1");
    for (ahead, is_told) in [(20, false), (280, true)] {
        house.input(crate::Input::WallClock(TimeSpan::from_seconds(ahead)));
        house.call("CP1", "Heartbeat", "{}");
        house.pass(2);
        let calls = house.accept_all("CP1");
        assert_eq!(
            calls.iter().any(|call| call.contains("TxProfile")),
            is_told,
            "{ahead} s ahead: {calls:?}"
        );
    }
}

#[test]
fn a_limit_that_is_refused_or_not_answered_is_told_to_control() {
    let mut house = charging(House::new());
    for _ in 0..20 {
        house.pass(5);
        house.answer_all("CP1", r#"{"status":"Rejected"}"#);
    }
    let raised = house.outputs.iter().any(|output| match &output.effect {
        Effect::AlarmRaised(alarm) => format!("{alarm:?}").contains("LimitRefused"),
        _ => false,
    });
    assert!(raised, "an EVSE that refuses its limits is an alarm");
}

#[test]
fn s2_while_records_cannot_be_committed_no_raise_is_left_in_the_shells_hands() {
    let mut house = charging(House::new());
    for _ in 0..10 {
        house.pass(5);
        house.answer_all("CP1", r#"{"status":"Accepted"}"#);
    }
    house.take();
    house.input(crate::Input::Storage(crate::StorageHealth::Failing));
    let mut lines = Vec::new();
    for _ in 0..120 {
        house.pass(5);
        lines.extend(house.take());
    }
    let profiles = |lines: &[String]| lines.iter().filter(|line| line.contains("TxProfile")).count();
    assert_eq!(profiles(&lines), 0, "no renewal or raise waits for a commit: {lines:?}");
    house.input(crate::Input::Storage(crate::StorageHealth::Well));
    for _ in 0..12 {
        house.pass(5);
        lines.extend(house.take());
    }
    assert!(profiles(&lines) > 0, "once it is well, what still holds leaves");
}

#[test]
fn an_alarm_of_a_site_is_raised_once_and_cleared_once() {
    let mut house = House::with(site(30, Some("main")));
    let mut lines = Vec::new();
    for _ in 0..60 {
        house.pass(5);
        lines.extend(house.take());
    }
    for _ in 0..140 {
        house.meter([5, 5, 5]);
        house.pass(5);
        lines.extend(house.take());
    }
    let stale = |word: &str| {
        lines.iter().filter(|line| line.starts_with(word) && line.contains("MeterStale")).count()
    };
    assert_eq!((stale("raised"), stale("cleared")), (1, 1), "{lines:?}");
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run_once = || {
        let mut house = charging(House::with(site(30, Some("main"))));
        for step in 0..40 {
            house.meter([5 + step % 7, 6, 7]);
            run(&mut house, 5, 8);
        }
        house.stop("CP1", "1", 500);
        format!("{:?}", house.outputs)
    };
    assert_eq!(run_once(), run_once());
}
