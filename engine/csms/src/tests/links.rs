//! Links: who speaks, who may be called, who has gone silent.

use charging::network::EvseConfig;
use ocpp::Version;
use units::Amperes;

use crate::csms::{Policy, UnknownStations};
use crate::query::{Query, QueryAnswer};
use crate::tests::{BOOT, BOOT_201, House, site};
use crate::{Command, CommandAnswer, Effect, Record};

#[test]
fn the_newest_link_wins_and_the_end_of_the_old_one_changes_nothing() {
    let mut house = House::new();
    let old = house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    house.take();
    house.up("CP1");
    assert!(house.take().contains(&format!("close link {old} Replaced")));
    house.input(crate::Input::LinkDown { link: old });
    assert!(house.station("CP1").is_online, "the newer link stands");
    house.take();
    house.frame_on(old, r#"[2,"x","Heartbeat",{}]"#);
    assert_eq!(house.take(), [""; 0], "what comes on the old link is not acknowledged");
    assert!(house.call("CP1", "Heartbeat", "{}").starts_with("[3,"), "registration belongs to the station");
}

#[test]
fn an_unknown_station_waits_in_the_lobby_and_may_say_nothing_else() {
    let mut house = House::new();
    house.up("STRANGER");
    assert_eq!(house.take(), ["sighted STRANGER"]);
    let reply = house.call("STRANGER", "BootNotification", BOOT);
    assert_eq!(reply, r#"[3,{"currentTime":"2026-01-15T12:00:00.000Z","interval":60,"status":"Pending"}]"#);
    for (action, payload) in [
        ("Heartbeat", "{}".to_owned()),
        ("StartTransaction", super::start_payload(1, "ANNA", 0, super::NOON)),
        ("Nonsense", "{}".to_owned()),
    ] {
        let reply = house.call("STRANGER", action, &payload);
        assert_eq!(reply, r#"[4,"SecurityError","the station is not registered",{}]"#, "{action}");
    }
    house.down("STRANGER");
    assert!(!house.take().iter().any(|line| line.starts_with("persist")), "never a transaction");
}

#[test]
fn an_unknown_station_that_policy_accepts_is_heard_admits_nobody_and_keeps_its_transactions() {
    let accepting = || Policy { unknown_stations: UnknownStations::Accept, ..Policy::default() };
    let mut house = House::empty(accepting());
    house.up("CP1");
    assert_eq!(house.take(), ["sighted CP1"], "it is shown all the same");
    assert!(house.call("CP1", "BootNotification", BOOT).contains(r#""status":"Accepted""#));
    assert!(house.call("CP1", "Heartbeat", "{}").starts_with("[3,"));
    assert!(house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#).contains("Invalid"));
    let start = super::start_payload(1, "ANNA", 0, super::NOON);
    assert!(house.call("CP1", "StartTransaction", &start).starts_with("[4,"), "it is repeated, not lost");
    let stop = r#"{"transactionId":1,"meterStop":5,"timestamp":"2026-01-15T12:00:00Z"}"#;
    assert!(house.call("CP1", "StopTransaction", stop).starts_with("[4,"));
    assert!(!house.take().iter().any(|line| line.starts_with("persist")));
    assert_eq!(house.command(Command::ConfigureSite(Box::new(site(100, None)))), Some(CommandAnswer::Done));
    assert!(house.station("CP1").is_online, "adopted on the link that it has");
    assert!(house.call("CP1", "StopTransaction", stop).starts_with("[3,"));
}

#[test]
fn unknown_stations_can_be_refused_by_policy() {
    let mut house = House::empty(Policy { unknown_stations: UnknownStations::Refuse, ..Policy::default() });
    let link = house.up("STRANGER");
    assert_eq!(house.take(), ["sighted STRANGER".to_owned(), format!("close link {link} UnknownStation")]);
}

#[test]
fn a_station_in_the_lobby_is_let_in_when_a_site_names_it() {
    let mut house = House::empty(Policy::default());
    house.up("CP1");
    assert!(house.call("CP1", "BootNotification", BOOT).contains("Pending"));
    assert_eq!(house.command(Command::ConfigureSite(Box::new(site(100, None)))), Some(CommandAnswer::Done));
    assert!(house.station("CP1").is_online);
    assert!(house.call("CP1", "BootNotification", BOOT).contains("Accepted"));
}

#[test]
fn a_station_in_the_lobby_is_adopted_into_a_site_that_stands() {
    let mut house = House::new();
    house.up("STRANGER");
    house.call("STRANGER", "BootNotification", BOOT);
    let pattern = site(100, None).evses[0].clone();
    let evse = |id: &str| EvseConfig { id: id.parse().unwrap(), ..pattern.clone() };
    let add = |site: &str, evses: Vec<EvseConfig>| Command::AddEvses { site: site.parse().unwrap(), evses };
    for (command, reason) in [
        (add("nowhere", vec![evse("STRANGER/1")]), "site nowhere does not exist"),
        (add("house", vec![evse("CP1/2")]), "station CP1 is in site house already"),
        (add("house", vec![EvseConfig { circuit: "moon".parse().unwrap(), ..evse("STRANGER/1") }]), "moon"),
    ] {
        match house.command(command) {
            Some(CommandAnswer::Refused(reasons)) => assert!(reasons[0].contains(reason), "{reasons:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(house.call("STRANGER", "BootNotification", BOOT).contains("Pending"), "nothing was changed");
    let adopted = house.command(add("house", vec![evse("STRANGER/1"), evse("STRANGER/2")]));
    assert_eq!(adopted, Some(CommandAnswer::Done));
    assert!(house.call("STRANGER", "BootNotification", BOOT).contains("Accepted"));
    assert!(house.station("STRANGER").is_online && !house.station("CP1").is_online);
    assert!(house.records().any(|record| matches!(record, Record::Audit(row)
            if row.what == "add STRANGER/1, STRANGER/2 to site house" && row.outcome == "done")));
}

#[test]
fn a_station_that_its_site_no_longer_names_is_closed_out() {
    let mut house = House::new();
    let link = house.up("CP1");
    let mut config = site(100, None);
    config.evses.remove(0);
    assert_eq!(house.command(Command::ConfigureSite(Box::new(config))), Some(CommandAnswer::Done));
    assert!(house.take().contains(&format!("close link {link} UnknownStation")));
    house.up("CP1");
    assert!(house.take().contains(&"sighted CP1".to_owned()));
}

#[test]
fn nothing_is_called_before_the_boot_is_answered() {
    let mut house = House::new();
    house.up("CP1");
    house.pass(9);
    assert_eq!(house.calls_to("CP1"), [""; 0]);
    house.call("CP1", "BootNotification", BOOT);
    let link = house.outputs.iter().filter_map(|output| match &output.effect {
        Effect::SendFrame { text, .. } => Some(text.as_ref()),
        _ => None,
    });
    let sent: Vec<&str> = link.collect();
    assert!(sent[0].starts_with("[3,"), "the answer first: {sent:?}");
    assert!(sent[1].starts_with("[2,"), "then our call: {sent:?}");
    assert_eq!(sent.len(), 2, "one call at a time: {sent:?}");
}

#[test]
fn a_registered_station_that_does_not_boot_is_called_after_ten_seconds() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Available");
    house.down("CP1");
    house.pass(60);
    house.up("CP1");
    house.calls_to("CP1");
    assert_eq!(
        house.command(Command::Call {
            station: "CP1".parse().unwrap(),
            action: "Reset".into(),
            payload: r#"{"type":"Soft"}"#.into()
        }),
        None
    );
    house.pass(9);
    assert_eq!(house.calls_to("CP1"), [""; 0]);
    house.pass(1);
    let calls = house.calls_to("CP1");
    assert!(calls.iter().any(|call| call.contains("Reset")), "{calls:?}");
}

#[test]
fn a_silent_link_is_asked_for_a_sign_of_life_and_then_closed() {
    let mut house = House::new();
    house.boot("CP1");
    house.is_lively = false;
    house.pass(2);
    house.accept_all("CP1");
    house.call("CP1", "Heartbeat", "{}");
    house.take();
    house.pass(749);
    assert!(!house.calls_to("CP1").iter().any(|call| call.contains(r#""Heartbeat""#)));
    house.pass(1);
    let lines = house.take();
    assert!(lines.iter().any(|line| line.contains(r#""requestedMessage":"Heartbeat""#)), "{lines:?}");
    house.pass(149);
    assert!(house.station("CP1").is_online);
    house.pass(1);
    assert!(house.take().iter().any(|line| line.ends_with("Silent")));
    assert!(!house.station("CP1").is_online);
}

#[test]
fn a_sign_of_life_keeps_a_link() {
    let mut house = House::new();
    house.boot("CP1");
    house.is_lively = false;
    for _ in 0..10 {
        house.pass(400);
        house.call("CP1", "Heartbeat", "{}");
    }
    assert!(house.station("CP1").is_online);
}

#[test]
fn a_station_away_for_ten_minutes_is_an_alarm_until_it_returns() {
    let mut house = House::new();
    house.boot("CP1");
    house.boot("CP2");
    house.down("CP1");
    house.take();
    house.pass(599);
    assert!(!house.take().iter().any(|line| line.starts_with("raised")));
    house.pass(1);
    let alarm = r#"StationOffline { station: StationId("CP1") }"#;
    assert!(house.take().contains(&format!("raised {alarm}")));
    house.pass(3_000);
    assert!(!house.take().iter().any(|line| line.contains(alarm)), "once");
    house.up("CP1");
    assert!(house.take().contains(&format!("cleared {alarm}")));
}

#[test]
fn an_alarm_that_somebody_knows_of_is_told_so_until_it_is_over() {
    let mut house = House::new();
    house.pass(11 * 60);
    let standing = |house: &mut House| match house.query(Query::Alarms) {
        QueryAnswer::Alarms(alarms) => alarms,
        other => panic!("{other:?}"),
    };
    let text = standing(&mut house)[0].text.clone();
    assert_eq!(text, "station CP1 is offline");
    let acknowledge = |alarm: &str| Command::Acknowledge { alarm: alarm.to_owned() };
    assert_eq!(house.command(acknowledge(&text)), Some(CommandAnswer::Done));
    let known = standing(&mut house);
    assert_eq!(known[0].acknowledged.as_ref().map(|known| known.by.as_str()), Some("anna"));
    assert_eq!(known[1].acknowledged, None);
    house.boot("CP1");
    assert_eq!(standing(&mut house).len(), 1);
    assert!(matches!(house.command(acknowledge(&text)), Some(CommandAnswer::Refused(_))), "it is over");
    house.down("CP1");
    house.pass(11 * 60);
    assert_eq!(standing(&mut house)[0].acknowledged, None, "another one of the same name");
}

#[test]
fn heartbeats_are_spread_over_the_last_fifth_of_the_interval() {
    let mut house = House::new();
    let mut intervals = Vec::new();
    for station in ["CP1", "CP2"] {
        house.up(station);
        let reply = house.call(station, "BootNotification", BOOT);
        let (_, interval) = reply.split_once(r#""interval":"#).unwrap();
        let interval: i64 = interval.split(',').next().unwrap().parse().unwrap();
        assert!((480..=600).contains(&interval), "{interval}");
        intervals.push(interval);
    }
    assert_ne!(intervals[0], intervals[1]);
}

/// What the first EVSE may draw at worst.
fn ceiling(house: &mut House) -> Amperes {
    match house.query(Query::Site("house".parse().unwrap())) {
        QueryAnswer::Site(Some(view)) => view.evses[0].control.ceiling.highest(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s1_an_evse_counts_as_started_alone_until_its_station_has_told_that_nothing_runs() {
    let told_16 = |status: &str| format!(r#"{{"connectorId":1,"errorCode":"NoError","status":"{status}"}}"#);
    let told_201 = |status: &str| {
        format!(
            r#"{{"timestamp":"2026-01-15T12:00:00Z","connectorStatus":"{status}","evseId":1,"connectorId":1}}"#
        )
    };
    for (version, boot, unclear, idle) in [
        (Version::V16, BOOT, told_16("Charging"), told_16("Preparing")),
        (Version::V16, BOOT, told_16("Faulted"), told_16("Available")),
        (Version::V201, BOOT_201, told_201("Occupied"), told_201("Available")),
    ] {
        let mut house = House::new();
        house.speaks("CP1", version);
        house.up("CP1");
        house.call("CP1", "BootNotification", boot);
        house.call("CP1", "StatusNotification", &unclear);
        // No fallback is confirmed yet.
        assert_eq!(ceiling(&mut house), Amperes::from_amperes(16), "after {unclear}");
        house.call("CP1", "StatusNotification", &idle);
        assert_eq!(ceiling(&mut house), Amperes::ZERO, "after {idle}");
        house.down("CP1");
        house.up("CP1");
        assert_eq!(ceiling(&mut house), Amperes::from_amperes(16), "it may have started alone");
    }
}

#[test]
fn what_a_station_tells_before_its_boot_counts_after_it() {
    let mut house = House::new();
    house.up("CP1");
    house.status("CP1", 1, "Available");
    assert_eq!(ceiling(&mut house), Amperes::from_amperes(16), "it may not be called yet");
    house.call("CP1", "BootNotification", BOOT);
    assert_eq!(ceiling(&mut house), Amperes::ZERO);
}

#[test]
fn s1_a_station_that_returns_without_a_boot_is_asked_what_runs() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Available");
    house.down("CP1");
    house.up("CP1");
    house.pass(10);
    let calls = house.accept_all("CP1");
    let asked = r#""TriggerMessage",{"requestedMessage":"StatusNotification","connectorId":1}"#;
    assert!(calls.iter().any(|call| call.contains(asked)), "{calls:#?}");
}
