//! What operators ask for.

use charging::network::SiteConfig;
use units::Amperes;

use crate::query::{Query, QueryAnswer};
use crate::record::{AuditRow, Record};
use crate::tests::{House, message_id, site};
use crate::{Command, CommandAnswer};

fn call(action: &str, payload: &str) -> Command {
    Command::Call { station: "CP1".parse().unwrap(), action: action.into(), payload: payload.into() }
}

fn audit(house: &House) -> Vec<AuditRow> {
    let audits = |record: &Record| match record {
        Record::Audit(row) => Some(row.clone()),
        _ => None,
    };
    house.records().filter_map(audits).collect()
}

fn refusal(answer: Option<CommandAnswer>) -> String {
    match answer {
        Some(CommandAnswer::Refused(reasons)) => reasons.join("; "),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_site_with_several_mistakes_is_refused_with_all_of_them() {
    let mut config: SiteConfig = site(100, None);
    config.evses[0].current_min = Amperes::from_amperes(32);
    config.evses[1].circuit = "nowhere".parse().unwrap();
    config.evses[2].step = Amperes::ZERO;
    config.voltage_nominal = units::Volts::from_volts(12);
    config.circuits[0].rating.l2 = Amperes::ZERO;
    let mut house = House::empty(crate::Policy::default());
    let Some(CommandAnswer::Refused(reasons)) = house.command(Command::ConfigureSite(Box::new(config)))
    else {
        panic!("refused");
    };
    assert!(reasons.len() >= 5, "{reasons:#?}");
    assert_eq!(house.query(Query::Sites), QueryAnswer::Sites(Vec::new()));
}

#[test]
fn stations_and_meters_belong_to_one_site() {
    let mut house = House::with(site(100, Some("main")));
    let mut other = site(100, Some("main"));
    other.id = "other".parse().unwrap();
    let reasons = refusal(house.command(Command::ConfigureSite(Box::new(other))));
    for part in
        ["station CP1 belongs to site house", "station CP2 belongs", "meter main belongs to site house"]
    {
        assert!(reasons.contains(part), "{part}: {reasons}");
    }
}

#[test]
fn a_site_configured_anew_keeps_what_is_known_of_its_evses() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.start("CP1", 1, "ANNA", 0);
    assert_eq!(house.command(Command::ConfigureSite(Box::new(site(80, None)))), Some(CommandAnswer::Done));
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("site")
    };
    assert!(view.evses[0].control.is_in_transaction && view.evses[0].is_online);
    assert_eq!(view.circuits[0].rating.l1, Amperes::from_amperes(80));
    house.pass(60);
    house.stop("CP1", "1", 100);
    assert_eq!(house.cdrs()[0].doubts, []);
}

#[test]
fn any_call_goes_out_and_the_stations_own_answer_comes_back() {
    let mut house = House::new();
    house.boot("CP1");
    house.take();
    assert_eq!(house.command(call("GetConfiguration", r#"{"key":["NumberOfConnectors"]}"#)), None);
    let calls = house.calls_to("CP1");
    assert!(calls[0].ends_with(r#""GetConfiguration",{"key":["NumberOfConnectors"]}]"#), "{calls:?}");
    house.frame("CP1", &format!(r#"[3,"{}",{{"configurationKey":[]}}]"#, message_id(&calls[0])));
    assert_eq!(house.last_answer(), Some(CommandAnswer::Station(r#"{"configurationKey":[]}"#.into())));
    assert_eq!(house.command(call("Reset", r#"{"type":"Hard"}"#)), None);
    let calls = house.calls_to("CP1");
    house.frame("CP1", &format!(r#"[4,"{}","NotSupported","no",{{}}]"#, message_id(&calls[0])));
    assert_eq!(
        house.last_answer(),
        Some(CommandAnswer::StationError { code: "NotSupported".into(), description: "no".into() })
    );
    let what: Vec<String> =
        audit(&house).into_iter().map(|row| format!("{} {}", row.actor, row.what)).collect();
    let wanted = [
        r#"anna call GetConfiguration at station CP1 with {"key":["NumberOfConnectors"]}"#,
        r#"anna call Reset at station CP1 with {"type":"Hard"}"#,
    ];
    assert_eq!(what[1..], wanted);
    assert_eq!(audit(&house)[2].station, Some("CP1".parse().unwrap()));
}

#[test]
fn the_audit_holds_no_secret_of_a_stations_answer() {
    let mut house = House::new();
    house.boot("CP1");
    house.take();
    assert_eq!(house.command(call("GetConfiguration", "{}")), None);
    let id = message_id(&house.calls_to("CP1")[0]);
    let keys = r#"{"configurationKey":[{"key":"AuthorizationKey","readonly":false,"value":"5ECRET"}]}"#;
    house.frame("CP1", &format!(r#"[3,"{id}",{keys}]"#));
    assert_eq!(house.last_answer(), Some(CommandAnswer::Station(keys.into())), "who asked is told");
    let outcome = audit(&house).pop().unwrap().outcome;
    assert!(outcome.starts_with("answered") && !outcome.contains("5ECRET"), "{outcome}");
}

#[test]
fn s1_calls_that_bear_limits_are_refused_and_say_why() {
    for (action, payload) in [
        (
            "SetChargingProfile",
            r#"{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Relative","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":32}]}}}"#,
        ),
        ("ClearChargingProfile", "{}"),
        ("ChangeConfiguration", r#"{"key":"MaxCurrent","value":"32"}"#),
        ("ChangeConfiguration", r#"{"key":"LocalPreAuthorize","value":"true"}"#),
        (
            "SendLocalList",
            r#"{"listVersion":1,"updateType":"Full","localAuthorizationList":[{"idTag":"ANNA","idTagInfo":{"status":"Accepted"}}]}"#,
        ),
        ("RemoteStartTransaction", r#"{"idTag":"ANNA"}"#),
    ] {
        let mut house = House::new();
        house.boot("CP1");
        house.take();
        let reasons = refusal(house.command(call(action, payload)));
        assert!(reasons.starts_with("S1"), "{action}: {reasons}");
        assert_eq!(house.calls_to("CP1"), [""; 0], "{action}");
        assert!(audit(&house).last().unwrap().outcome.starts_with("refused: S1"), "{action}");
    }
}

#[test]
fn commands_that_make_no_sense_are_refused() {
    for (command, want) in [
        (call("Teleport", "{}"), "is no OCPP 1.6 action"),
        (call("Reset", "[]"), "not a JSON object"),
        (call("Reset", "{"), "not JSON"),
        (call("Reset", "{}"), "type is missing"),
        (
            Command::Call { station: "CP9".parse().unwrap(), action: "Reset".into(), payload: "{}".into() },
            "station CP9 is unknown",
        ),
        (Command::Stop { evse: "CP1/1".parse().unwrap() }, "is in no transaction"),
        (Command::Start { evse: "CP1/3".parse().unwrap(), token: "ANNA".parse().unwrap() }, "is unknown"),
        (Command::Start { evse: "CP1/1".parse().unwrap(), token: "CARL".parse().unwrap() }, "not admitted"),
        (Command::Decommission { evse: "CP1/9".parse().unwrap(), is_decommissioned: true }, "is unknown"),
    ] {
        let mut house = House::new();
        house.boot("CP1");
        let what = format!("{command:?}");
        let reasons = refusal(house.command(command));
        assert!(reasons.contains(want), "{what}: {reasons}");
    }
}

#[test]
fn a_call_to_a_station_that_is_away_says_so() {
    let mut house = House::new();
    let away = Some(CommandAnswer::NoAnswer("the station is offline".into()));
    assert_eq!(house.command(call("ClearCache", "{}")), away);
}

#[test]
fn a_start_from_afar_is_counted_before_it_leaves() {
    let mut house = House::new();
    house.boot("CP1");
    house.take();
    let start = || Command::Start { evse: "CP1/1".parse().unwrap(), token: "ANNA".parse().unwrap() };
    assert_eq!(house.command(start()), None);
    let lines = house.take();
    let row = lines.iter().position(|line| line == "persist evse CP1/1");
    let sent = lines
        .iter()
        .position(|line| line.contains(r#""RemoteStartTransaction",{"connectorId":1,"idTag":"ANNA"}"#));
    assert!(row.is_some() && row < sent, "{lines:?}");
    let reply = house.start("CP1", 1, "ANNA", 0);
    assert!(reply.contains("Accepted"), "{reply}");
    assert!(refusal(house.command(start())).contains("is in transaction 1"));
    assert_eq!(house.command(Command::Stop { evse: "CP1/1".parse().unwrap() }), None);
}

#[test]
fn s1_a_start_from_afar_needs_headroom() {
    let mut house = House::with(site(12, None));
    house.up("CP1");
    let start = Command::Start { evse: "CP1/1".parse().unwrap(), token: "ANNA".parse().unwrap() };
    let reasons = refusal(house.command(start));
    assert!(reasons.starts_with("S1: main"), "the row is named: {reasons}");
}

#[test]
fn a_decommissioned_evse_accepts_no_start_until_it_is_brought_back() {
    let mut house = House::new();
    house.boot("CP1");
    let decommission =
        |is_decommissioned| Command::Decommission { evse: "CP1/1".parse().unwrap(), is_decommissioned };
    assert_eq!(house.command(decommission(true)), Some(CommandAnswer::Done));
    assert!(house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#).contains("Blocked"));
    assert!(house.take().contains(&"start refused: EVSE CP1/1 is decommissioned".to_owned()));
    assert_eq!(house.command(decommission(false)), Some(CommandAnswer::Done));
    assert!(house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#).contains("Accepted"));
}

#[test]
fn an_evse_taken_out_by_configuration_accepts_no_start_and_one_taken_from_the_site_ends_nowhere_else() {
    let mut house = House::new();
    house.boot("CP1");
    let mut config = site(100, None);
    config.evses[0].is_in_use = false;
    assert_eq!(house.command(Command::ConfigureSite(Box::new(config))), Some(CommandAnswer::Done));
    assert!(house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#).contains("Blocked"));
    assert_eq!(house.command(Command::ConfigureSite(Box::new(site(100, None)))), Some(CommandAnswer::Done));
    assert!(house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#).contains("Accepted"));

    house.boot("CP2");
    house.start("CP2", 2, "ANNA", 0);
    let mut config = site(100, None);
    config.evses.remove(2);
    assert_eq!(house.command(Command::ConfigureSite(Box::new(config))), Some(CommandAnswer::Done));
    house.pass(60);
    house.stop("CP2", "1", 100);
    assert_eq!(house.cdrs()[0].doubts, [], "its CDR is sealed all the same");
    assert_eq!(house.command(Command::ConfigureSite(Box::new(site(100, None)))), Some(CommandAnswer::Done));
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("site")
    };
    assert!(!view.evses[2].control.is_in_transaction);
}

#[test]
fn queries_tell_sites_stations_and_sessions() {
    let mut house = House::new();
    house.boot("CP2");
    house.status("CP2", 2, "Preparing");
    house.start("CP2", 2, "CARL", 1_000);
    house.pass(60);
    house.values("CP2", 2, Some("1"), 1_250, 10);
    let QueryAnswer::Sites(sites) = house.query(Query::Sites) else { panic!("sites") };
    assert_eq!((sites.len(), sites[0].evses, sites[0].in_transaction), (1, 3, 1));
    let QueryAnswer::Sessions(sessions) = house.query(Query::Sessions) else { panic!("sessions") };
    let [session] = &sessions[..] else { panic!("{sessions:?}") };
    assert_eq!(session.evse.to_string(), "CP2/2");
    assert_eq!(session.token.as_ref().unwrap().as_str(), "CARL");
    assert_eq!(session.energy, Some(units::WattHours::from_watt_hours(250)));
    assert_eq!(house.query(Query::Site("none".parse().unwrap())), QueryAnswer::Site(None));
    assert!(serde_json::to_string(&house.query(Query::Site("house".parse().unwrap()))).is_ok());
}

#[test]
fn a_late_answer_to_what_an_operator_asked_for_is_written_down_and_told_to_nobody() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Available");
    assert_eq!(house.command(call("ClearCache", "{}")), None);
    let asked = house.calls_to("CP1").pop().unwrap();
    house.pass(31);
    let timely = CommandAnswer::NoAnswer("the station did not answer in time".into());
    assert_eq!(house.last_answer(), Some(timely));
    let mark = house.outputs.len();
    house.frame("CP1", &format!(r#"[3,"{}",{{"status":"Accepted"}}]"#, message_id(&asked)));
    let told = house.outputs[mark..].iter().filter(|output| house.line(output).starts_with("answer")).count();
    assert_eq!(told, 0);
    let outcomes: Vec<String> = audit(&house).into_iter().map(|row| row.outcome).rev().take(2).collect();
    assert_eq!(
        outcomes,
        [r#"answered {"status":"Accepted"}"#, "not answered: the station did not answer in time"]
    );
}
