//! What stations must prove on their links.

use crate::csms::{Policy, UnknownStations};
use crate::record::{SecurityRow, StoredPassword};
use crate::tests::{BOOT, House, site};
use crate::{Command, CommandAnswer, Input, Lowering, PasswordChange, Record, SecurityProfile};

fn stored() -> StoredPassword {
    StoredPassword { hash: "$of a password".into(), is_key: false }
}

fn secure(profile: SecurityProfile, password: PasswordChange, lowering: Lowering) -> Command {
    Command::Secure { station: "CP1".parse().unwrap(), profile, password, lowering }
}

fn refusals(answer: Option<CommandAnswer>) -> Vec<String> {
    match answer {
        Some(CommandAnswer::Refused(reasons)) => reasons,
        other => panic!("not refused but {other:?}"),
    }
}

fn asking(security_least: SecurityProfile) -> House {
    House::empty(Policy { security_least, ..Policy::default() })
}

#[test]
fn a_profile_is_raised_at_once_and_lowered_only_where_that_is_said() {
    use SecurityProfile::{Basic, BasicOverTls, Unauthenticated};
    let mut house = House::new();
    let set = PasswordChange::Set(stored());
    assert_eq!(house.command(secure(Basic, set, Lowering::Refused)), Some(CommandAnswer::Done));
    let raised = secure(BasicOverTls, PasswordChange::Kept, Lowering::Refused);
    assert_eq!(house.command(raised), Some(CommandAnswer::Done), "the password stays");
    for lower in [Basic, Unauthenticated] {
        let reasons = refusals(house.command(secure(lower, PasswordChange::Kept, Lowering::Refused)));
        assert!(
            reasons[0].contains("has security profile 2") && reasons[0].contains("--lower"),
            "{reasons:?}"
        );
    }
    let meant = secure(Unauthenticated, PasswordChange::Kept, Lowering::Meant);
    assert_eq!(house.command(meant), Some(CommandAnswer::Done));
    let rows: Vec<SecurityRow> = house
        .records()
        .filter_map(
            |record| if let Record::Security(row) = record { Some(row.as_ref().clone()) } else { None },
        )
        .collect();
    assert_eq!(
        rows.iter().map(|row| row.profile).collect::<Vec<_>>(),
        [Basic, BasicOverTls, Unauthenticated]
    );
    assert!(rows.iter().all(|row| row.password == Some(stored())), "{rows:?}");
    let audits: Vec<String> = house
        .records()
        .filter_map(|record| if let Record::Audit(row) = record { Some(row) } else { None })
        .filter(|row| row.what.contains("security"))
        .map(|row| format!("{} {}: {}", row.actor, row.what, row.outcome.split(':').next().unwrap()))
        .collect();
    assert_eq!(audits[0], "anna security profile 1 and a new password for station CP1: done");
    assert_eq!(audits.len(), 5, "refusals are written down too: {audits:?}");
}

#[test]
fn no_station_may_prove_less_than_the_installation_asks_nor_need_a_password_that_it_has_not() {
    let mut house = asking(SecurityProfile::BasicOverTls);
    let reasons =
        refusals(house.command(secure(SecurityProfile::Basic, PasswordChange::Kept, Lowering::Meant)));
    assert!(reasons[0].contains("asks of every station"), "{reasons:?}");
    assert!(reasons[1].contains("needs a password, and station CP1 has none"), "both are told: {reasons:?}");
}

#[test]
fn field_6_9_a_link_that_proves_too_little_is_dropped_and_the_stations_own_stands() {
    let mut house = asking(SecurityProfile::Basic);
    house.command(Command::ConfigureSite(Box::new(site(100, None))));
    let own = house.up_with("CP1", SecurityProfile::Basic);
    house.call("CP1", "BootNotification", BOOT);
    house.take();
    let guess = house.up("CP1");
    assert_eq!(house.take(), [format!("close link {guess} TooInsecure")]);
    assert!(house.station("CP1").is_online);
    house.frame_on(own, r#"[2,"x","Heartbeat",{}]"#);
    assert!(house.take().iter().any(|line| line.contains(r#"[3,"x""#)), "the station is still answered");
    house.frame_on(guess, r#"[2,"y","Heartbeat",{}]"#);
    assert!(!house.take().iter().any(|line| line.contains(r#""y""#)), "and nobody else");
}

#[test]
fn a_station_in_the_lobby_that_proved_too_little_is_dropped_when_it_is_adopted() {
    for (security, is_online) in [(SecurityProfile::Unauthenticated, false), (SecurityProfile::Basic, true)] {
        let mut house = asking(SecurityProfile::Basic);
        let link = house.up_with("CP1", security);
        house.call("CP1", "BootNotification", BOOT);
        house.take();
        house.command(Command::ConfigureSite(Box::new(site(100, None))));
        assert_eq!(house.take().contains(&format!("close link {link} TooInsecure")), !is_online);
        assert_eq!(house.station("CP1").is_online, is_online, "{security:?}");
    }
}

#[test]
fn a_raised_profile_drops_the_link_that_proved_less_and_a_new_password_drops_none() {
    let mut house = House::new();
    let link = house.up_with("CP1", SecurityProfile::Basic);
    house.take();
    let set = PasswordChange::Set(stored());
    house.command(secure(SecurityProfile::Basic, set, Lowering::Refused));
    assert!(house.station("CP1").is_online);
    house.command(secure(SecurityProfile::BasicOverTls, PasswordChange::Kept, Lowering::Refused));
    assert!(house.take().contains(&format!("close link {link} TooInsecure")));
    assert!(!house.station("CP1").is_online);
}

#[test]
fn s8_after_a_restart_a_station_must_prove_what_it_had_to_before() {
    let mut house = House::new();
    let set = PasswordChange::Set(stored());
    house.command(secure(SecurityProfile::Basic, set, Lowering::Refused));
    let records: Vec<Record> = house.rows().into_values().collect();
    let mut again = House::empty(Policy { unknown_stations: UnknownStations::Refuse, ..Policy::default() });
    again.input(Input::Restored(records));
    let link = again.up("CP1");
    assert_eq!(again.take().last(), Some(&format!("close link {link} TooInsecure")));
    let lower = secure(SecurityProfile::Unauthenticated, PasswordChange::Kept, Lowering::Refused);
    assert_eq!(refusals(again.command(lower)).len(), 1);
}

#[test]
fn a_hash_is_not_printed() {
    assert!(!format!("{:?}", stored()).contains("password\""), "{:?}", stored());
    assert!(!format!("{:?}", stored()).contains("$of"));
}
