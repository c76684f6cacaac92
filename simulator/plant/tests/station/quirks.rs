//! Each quirk does what its name says.

use super::*;

/// A desk with a car that charges under a limit of 10 A.
fn charging_at_10(config: StationConfig) -> Desk {
    let mut desk = Desk::new(config);
    desk.plug(50, "abc");
    desk.wait(5);
    desk.set_limit(10);
    desk.wait(5);
    desk
}

#[test]
fn quirk_none_obeys_through_pause_and_reconnect() {
    let mut desk = charging_at_10(config());
    assert_eq!(desk.current(), amperes(10));
    desk.set_limit(0);
    desk.wait(5);
    assert_eq!(desk.station.status(1), ConnectorStatus::SuspendedEvse);
    desk.set_limit(8);
    desk.wait(5);
    assert_eq!(desk.current(), amperes(8));
    desk.disconnect();
    desk.wait(30);
    desk.connect();
    desk.wait(30);
    assert_eq!(desk.current(), amperes(8));
}

#[test]
fn quirk_forgets_profiles_on_reconnect() {
    let mut desk = charging_at_10(with(Quirk::ForgetsProfilesOnReconnect));
    desk.set_limit(0);
    desk.wait(5);
    assert_eq!(desk.current(), Amperes::ZERO);
    desk.disconnect();
    desk.wait(5);
    assert_eq!(desk.current(), amperes(16), "even if paused");
}

#[test]
fn quirk_holds_limit_while_offline() {
    let mut desk = charging_at_10(with(Quirk::HoldsLimitWhileOffline));
    desk.set_profile(1, "TxProfile", 1, &[(0, 14.0), (60, 6.0)]);
    desk.wait(5);
    desk.disconnect();
    desk.wait(600);
    assert_eq!(desk.current(), amperes(14), "the expiry is not seen");
    desk.connect();
    desk.wait(5);
    assert_eq!(desk.current(), amperes(6));
}

#[test]
fn quirk_disobeys_limits_and_says_accepted() {
    let mut desk = charging_at_10(with(Quirk::DisobeysLimits));
    assert_eq!(desk.current(), amperes(16));
    let composite = desk.call("GetCompositeSchedule", json!({"connectorId": 1, "duration": 60}));
    assert_eq!(
        composite["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"], 10,
        "it even claims to obey"
    );
}

#[test]
fn quirk_stuck_at_offers_its_own_current() {
    assert_eq!(charging_at_10(with(Quirk::StuckAt(amperes(9)))).current(), amperes(9));
}

#[test]
fn quirk_ignores_resume_after_pause_until_the_next_transaction() {
    let mut desk = charging_at_10(with(Quirk::IgnoresResumeAfterPause));
    desk.set_limit(0);
    desk.wait(5);
    desk.set_limit(12);
    desk.wait(60);
    assert_eq!(desk.current(), Amperes::ZERO);
    desk.tap("abc");
    desk.tap("abc");
    desk.wait(60);
    assert_eq!(desk.current(), amperes(16));
}

#[test]
fn quirk_ignores_limit_after_pause_resumes_at_the_maximum() {
    let mut desk = charging_at_10(with(Quirk::IgnoresLimitAfterPause));
    assert_eq!(desk.current(), amperes(10));
    desk.set_limit(0);
    desk.wait(5);
    assert_eq!(desk.current(), Amperes::ZERO);
    desk.set_limit(8);
    desk.wait(5);
    assert_eq!(desk.current(), amperes(16));
}

#[test]
fn quirk_hangs_at_zero_until_a_boot() {
    let mut desk = charging_at_10(with(Quirk::HangsAtZero));
    desk.set_limit(0);
    desk.wait(5);
    desk.set_limit(16);
    desk.wait(30);
    assert_eq!((desk.current(), desk.station.status(1)), (Amperes::ZERO, ConnectorStatus::Faulted));
    desk.unplug();
    desk.plug(10, "abc");
    desk.wait(30);
    assert_eq!(desk.station.status(1), ConnectorStatus::Faulted);
    assert!(desk.heard("StopTransaction").is_empty());
    desk.station.reboot(at(desk.now));
    desk.wait(60);
    desk.connect();
    desk.wait(5);
    assert_eq!(desk.heard("StopTransaction")[0]["reason"], "PowerLoss");
    desk.tap("abc");
    desk.wait(10);
    assert_eq!(desk.current(), amperes(16));
}

#[test]
fn quirk_no_boot_on_reconnect() {
    for (config, boots) in [(config(), 2), (with(Quirk::NoBootOnReconnect), 1)] {
        let mut desk = Desk::new(config);
        desk.wait(10);
        desk.disconnect();
        desk.wait(10);
        desk.connect();
        desk.wait(10);
        assert_eq!(desk.heard("BootNotification").len(), boots);
        assert_eq!(desk.statuses().len(), 2);
    }
}

#[test]
fn quirk_duplicates_stop_transaction() {
    let mut desk = charging_at_10(with(Quirk::DuplicatesStopTransaction));
    desk.tap("abc");
    desk.wait(1);
    let stops = desk.heard("StopTransaction");
    assert_eq!(stops.len(), 2);
    assert_eq!(stops[0], stops[1]);
}

#[test]
fn quirks_of_meter_stop() {
    for (quirk, off) in [(Quirk::MeterStopOneBelow, Some(-1)), (Quirk::MeterStopUnknown, None)] {
        let mut desk = charging_at_10(with(quirk));
        desk.wait(600);
        desk.tap("abc");
        desk.wait(1);
        let expected = off.map_or(-1, |off| desk.station.register(1).watt_hours_floor() + off);
        assert_eq!(desk.heard("StopTransaction")[0]["meterStop"], expected, "{quirk:?}");
    }
}

#[test]
fn quirk_transaction_id_lies_in_meter_values_and_stop() {
    for id in [-1, 0, i64::MAX] {
        let mut desk = charging_at_10(with(Quirk::TransactionId(id)));
        desk.wait(60);
        desk.tap("abc");
        desk.wait(1);
        assert_eq!(desk.heard("MeterValues")[0]["transactionId"], id);
        assert_eq!(desk.heard("StopTransaction")[0]["transactionId"], id);
    }
}

#[test]
fn quirk_timestamps_without_zone() {
    let mut desk = charging_at_10(with(Quirk::TimestampsWithoutZone { minutes_east: 120 }));
    desk.wait(1);
    assert_eq!(desk.heard("StartTransaction")[0]["timestamp"], "2026-01-12T19:30:00.000");
}

#[test]
fn quirks_of_the_registers_unit() {
    for (quirk, unit) in [(Quirk::KilowattHours, "kWh"), (Quirk::KilowattHoursLabelledWh, "Wh")] {
        let mut desk = charging_at_10(with(quirk));
        desk.wait(600);
        let last = *desk.heard("MeterValues").last().unwrap();
        let sample = &last["meterValue"][0]["sampledValue"][0];
        assert_eq!(sample["unit"], unit);
        assert!(sample["value"].as_str().unwrap().starts_with("1."), "{sample}");
    }
}

#[test]
fn quirks_of_answers_late_and_never() {
    let mut desk = Desk::new(with(Quirk::AnswersLate(TimeSpan::from_seconds(20))));
    assert_eq!(desk.call("ClearCache", json!({})), Value::Null);
    desk.wait(20);
    assert_eq!(desk.answers.len(), 1);

    let mut desk = Desk::new(with(Quirk::NeverAnswers));
    desk.plug(50, "abc");
    assert_eq!(desk.set_profile(1, "TxProfile", 1, &[(0, 10.0)]), Value::Null);
    desk.wait(60);
    assert!(desk.answers.is_empty());
    assert_eq!(desk.current(), amperes(10), "it obeys all the same");
}

#[test]
fn quirk_rejects_a_purpose() {
    let mut desk = Desk::new(with(Quirk::RejectsPurpose(Purpose::ChargePointMaxProfile)));
    assert_eq!(desk.set_profile(0, "ChargePointMaxProfile", 0, &[(0, 10.0)])["status"], "Rejected");
    assert_eq!(desk.set_profile(0, "TxDefaultProfile", 0, &[(0, 10.0)])["status"], "Accepted");
}

#[test]
fn quirk_ignores_lower_limits_until_it_behaves_again() {
    let mut desk = charging_at_10(config());
    desk.station.misbehave(at(desk.now), Quirk::IgnoresLowerLimits);
    for (told, drawn) in [(8, 10), (12, 12), (0, 12)] {
        desk.set_limit(told);
        desk.wait(5);
        assert_eq!(desk.current(), amperes(drawn), "told {told} A");
    }
    desk.station.behave(at(desk.now), Quirk::IgnoresLowerLimits);
    desk.wait(5);
    assert_eq!(desk.current(), Amperes::ZERO, "what it was told holds");
}

#[test]
fn schedules_run_on_without_power() {
    let mut desk = charging_at_10(config());
    assert_eq!(desk.set_profile(1, "TxProfile", 1, &[(0, 8.0), (60, 6.0), (600, 0.0)])["status"], "Accepted");
    desk.wait(5);
    desk.station.power_off(at(desk.now));
    for (seconds, limit) in [(5, 8), (60, 6), (600, 0)] {
        desk.wait(seconds);
        assert_eq!(desk.station.limit(1), amperes(limit), "what it would apply if it came up");
        assert_eq!(desk.current(), Amperes::ZERO, "it has no power");
    }
}

#[test]
fn a_power_cut_lasts_until_power_is_back_and_a_boot_follows() {
    let mut desk = charging_at_10(config());
    desk.station.power_off(at(desk.now));
    desk.drain(at(desk.now));
    desk.wait(3_600);
    assert_eq!(desk.current(), Amperes::ZERO);
    assert!(!desk.wants_link, "it has no power");
    desk.station.power_on(at(desk.now));
    desk.wait(60);
    assert!(desk.wants_link, "it has booted");
    desk.connect();
    desk.wait(5);
    assert_eq!(desk.heard("StopTransaction")[0]["reason"], "PowerLoss");
}
