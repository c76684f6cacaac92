//! What is refused to be sent.

use units::{Amperes, TimeSpan, Timestamp, TransactionId, WattHours, Watts};

use crate::v16::*;
use crate::{EncodeFault, StationTime};

fn profile(purpose: ChargingProfilePurpose) -> ChargingProfile {
    ChargingProfile {
        charging_profile_id: 1,
        transaction_id: ReportedTransaction::Missing,
        stack_level: 0,
        charging_profile_purpose: purpose,
        charging_profile_kind: ChargingProfileKind::Absolute,
        recurrency_kind: None,
        valid_from: StationTime::Absent,
        valid_to: StationTime::Absent,
        charging_schedule: ChargingSchedule {
            duration: None,
            start_schedule: Timestamp::EPOCH.into(),
            limits: ScheduleLimits::Amperes(vec![ChargingSchedulePeriod::new(
                TimeSpan::ZERO,
                Amperes::from_milliamperes(16_999),
            )]),
            min_charging_rate: None,
        },
    }
}

fn tx() -> ChargingProfile {
    profile(ChargingProfilePurpose::TxProfile)
}

fn set(connector: u16, charging_profile: ChargingProfile) -> CsmsRequest {
    SetChargingProfileRequest { connector_id: ConnectorId(connector), charging_profile }.into()
}

#[test]
fn s3_limits_are_sent_with_one_decimal_rounded_down_and_without_number_of_phases() {
    let text = set(1, profile(ChargingProfilePurpose::TxDefaultProfile)).payload().unwrap();
    assert_eq!(
        text,
        r#"{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Absolute","chargingSchedule":{"startSchedule":"1970-01-01T00:00:00.000Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.9}]}}}"#
    );
    let held = ChargingSchedulePeriod::new(TimeSpan::ZERO, Watts::from_milliwatts(3_680_199));
    assert_eq!(held.limit(), Some(Watts::from_milliwatts(3_680_100)), "what is held is what is sent");
    let zero = ChargingSchedulePeriod::new(TimeSpan::ZERO, Amperes::from_milliamperes(99));
    assert_eq!(zero.limit(), Some(Amperes::ZERO));
}

#[test]
fn profiles_against_the_standard_are_not_sent() {
    let with = |change: fn(&mut ChargingProfile)| {
        let mut profile = profile(ChargingProfilePurpose::TxProfile);
        change(&mut profile);
        profile
    };
    let amperes = |starts: &[i64], limit: i64| {
        ScheduleLimits::Amperes(
            starts
                .iter()
                .map(|start| {
                    ChargingSchedulePeriod::new(TimeSpan::from_seconds(*start), Amperes::from_amperes(limit))
                })
                .collect(),
        )
    };
    for (request, field) in [
        (set(1, profile(ChargingProfilePurpose::ChargePointMaxProfile)), "connectorId"),
        (set(0, tx()), "connectorId"),
        (
            set(
                0,
                ChargingProfile {
                    transaction_id: TransactionId(4).into(),
                    ..profile(ChargingProfilePurpose::TxDefaultProfile)
                },
            ),
            "transactionId",
        ),
        (
            set(1, with(|profile| profile.charging_profile_kind = ChargingProfileKind::Recurring)),
            "recurrencyKind",
        ),
        (set(1, with(|profile| profile.recurrency_kind = Some(RecurrencyKind::Daily))), "recurrencyKind"),
        (
            set(
                1,
                with(|profile| {
                    profile.charging_schedule.start_schedule = StationTime::read("2026-01-01T00:00:00")
                }),
            ),
            "startSchedule",
        ),
        (
            set(1, with(|profile| profile.charging_schedule.duration = Some(TimeSpan::from_seconds(-1)))),
            "duration",
        ),
        (
            set(
                1,
                with(|profile| {
                    profile.charging_schedule.min_charging_rate = Some(ChargingRate::Watts(Watts::ZERO))
                }),
            ),
            "minChargingRate",
        ),
        (
            set(
                1,
                with(|profile| {
                    profile.charging_profile_purpose = ChargingProfilePurpose::Other("X".to_owned())
                }),
            ),
            "chargingProfilePurpose",
        ),
    ] {
        assert_eq!(request.payload().expect_err(field).field, field);
    }
    for (limits, field) in [
        (amperes(&[], 6), "chargingSchedulePeriod"),
        (amperes(&[1], 6), "chargingSchedulePeriod"),
        (amperes(&[0, 5, 5], 6), "chargingSchedulePeriod"),
        (amperes(&[0], -6), "limit"),
    ] {
        let mut profile = tx();
        profile.charging_schedule.limits = limits.clone();
        assert_eq!(set(1, profile).payload().expect_err(field).field, field, "{limits:?}");
    }
    let start = |charging_profile| {
        CsmsRequest::from(RemoteStartTransactionRequest {
            connector_id: Some(ConnectorId(1)),
            id_tag: IdTag::new("T"),
            charging_profile: Some(charging_profile),
        })
    };
    assert!(start(tx()).payload().is_ok());
    assert!(start(profile(ChargingProfilePurpose::TxDefaultProfile)).payload().is_err());
    assert!(start(ChargingProfile { transaction_id: TransactionId(4).into(), ..tx() }).payload().is_err());
}

#[test]
fn texts_words_numbers_and_times_against_the_standard_are_not_sent() {
    let long = |length: usize| "ä".repeat(length);
    let tag = |length: usize| {
        CsmsRequest::from(RemoteStartTransactionRequest {
            connector_id: None,
            id_tag: IdTag::new(long(length)),
            charging_profile: None,
        })
    };
    assert!(tag(20).payload().is_ok(), "characters count, not bytes");
    let error = tag(21).payload().unwrap_err();
    assert_eq!(error.to_string(), "RemoteStartTransaction: idTag has 21 characters, more than 20");
    assert_eq!(tag(0).payload().unwrap_err().fault, EncodeFault::Missing);

    let key = |length: usize, value: usize| {
        CsmsRequest::from(ChangeConfigurationRequest { key: long(length), value: long(value) }).payload()
    };
    assert!(key(50, 500).is_ok());
    assert_eq!(key(51, 1).unwrap_err().field, "key");
    assert_eq!(key(1, 501).unwrap_err().field, "value");

    let status = CsmsRequest::from(ResetRequest { kind: ResetType::Other("Warm".to_owned()) });
    assert_eq!(
        status.payload().unwrap_err().to_string(),
        "Reset: type is `Warm`, which the standard does not know"
    );
    let unlock = CsmsRequest::from(UnlockConnectorRequest { connector_id: ConnectorId::STATION });
    assert_eq!(unlock.payload().unwrap_err().field, "connectorId");
    let beat = StationResponse::from(HeartbeatResponse { current_time: StationTime::Absent });
    assert_eq!(beat.payload().unwrap_err().fault, EncodeFault::Missing);
    let beat =
        StationResponse::from(HeartbeatResponse { current_time: StationTime::read("2026-01-01T00:00:00") });
    assert_eq!(beat.payload().unwrap_err().fault, EncodeFault::NotAnInstant);
}

#[test]
fn transaction_ids_of_ours_fit_31_bits() {
    let stop = |id: TransactionId| {
        CsmsRequest::from(RemoteStopTransactionRequest { transaction_id: id.into() }).payload()
    };
    assert_eq!(stop(TransactionId(2_147_483_647)).unwrap(), r#"{"transactionId":2147483647}"#);
    assert!(stop(TransactionId(2_147_483_648)).is_err());
    assert!(stop(TransactionId(u64::MAX)).is_err());
}

#[test]
fn registers_are_sent_as_whole_watt_hours() {
    let start = |meter_start| {
        StationRequest::from(StartTransactionRequest {
            connector_id: ConnectorId(1),
            id_tag: IdTag::new("T"),
            meter_start,
            reservation_id: None,
            timestamp: Timestamp::EPOCH.into(),
        })
        .payload()
    };
    assert!(start(Some(WattHours::from_watt_hours(5))).is_ok());
    assert!(start(Some(WattHours::from_milliwatt_hours(5_500))).is_err());
    assert!(start(Some(WattHours::from_watt_hours(3_000_000_000))).is_err());
    assert!(start(None).is_err());
}

#[test]
fn trap_12_limits_are_sent_in_tenths_and_without_nulls_and_taken_as_they_come() {
    let mut profile = tx();
    profile.charging_schedule.limits = ScheduleLimits::Amperes(vec![ChargingSchedulePeriod::new(
        TimeSpan::ZERO,
        Amperes::from_milliamperes(16_999),
    )]);
    let text = set(1, profile).payload().unwrap();
    assert!(text.contains(r#""limit":16.9}"#) && !text.contains("null"), "{text}");
    // What comes is read, whatever stands for nothing, and however many decimals it has.
    let odd = text.replace("16.9", r#"16.955,"numberPhases":null"#);
    let read = CsmsRequest::decode("SetChargingProfile", &super::json(&odd)).unwrap();
    assert_eq!(read.quirks, [crate::Quirk::NullAsAbsent { field: "numberPhases" }]);
    let CsmsRequest::SetChargingProfile(request) = read.value else { panic!("{odd}") };
    let ScheduleLimits::Amperes(periods) = request.charging_profile.charging_schedule.limits else {
        panic!()
    };
    assert_eq!(periods[0].limit(), Some(Amperes::from_milliamperes(16_955)));
}

#[test]
fn trap_14_a_start_bears_a_tx_profile_without_transaction_and_the_stations_limit_goes_to_connector_0() {
    let start = |charging_profile| {
        CsmsRequest::from(RemoteStartTransactionRequest {
            connector_id: Some(ConnectorId(1)),
            id_tag: IdTag::new("T"),
            charging_profile: Some(charging_profile),
        })
        .payload()
    };
    let named = ChargingProfile { transaction_id: TransactionId(4).into(), ..tx() };
    assert!(start(tx()).is_ok());
    assert_eq!(start(named.clone()).unwrap_err().field, "chargingProfile");
    assert!(set(1, named).payload().is_ok());
    let station = profile(ChargingProfilePurpose::ChargePointMaxProfile);
    assert!(set(0, station.clone()).payload().is_ok());
    assert_eq!(set(1, station).payload().unwrap_err().field, "connectorId");
}
