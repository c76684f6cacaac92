//! What is refused to be sent.

use units::{Amperes, TimeSpan, Timestamp};

use crate::v201::*;
use crate::{EncodeFault, Figure, StationTime};

fn profile(purpose: ChargingProfilePurpose) -> ChargingProfile {
    ChargingProfile {
        id: 1,
        stack_level: 0,
        charging_profile_purpose: purpose,
        charging_profile_kind: ChargingProfileKind::Absolute,
        recurrency_kind: None,
        valid_from: StationTime::Absent,
        valid_to: StationTime::Absent,
        transaction_id: None,
        charging_schedule: vec![ChargingSchedule {
            id: 1,
            start_schedule: Timestamp::EPOCH.into(),
            duration: None,
            limits: amperes(&[0], 16_999),
            min_charging_rate: None,
            sales_tariff: None,
            in_detail: Default::default(),
        }],
        in_detail: Default::default(),
    }
}

fn tx_profile() -> ChargingProfile {
    let transaction_id = Some(ReportedTransaction::new("tx"));
    ChargingProfile { transaction_id, ..profile(ChargingProfilePurpose::TxProfile) }
}

fn amperes(starts: &[i64], limit: i64) -> ScheduleLimits {
    let limit = Amperes::from_milliamperes(limit);
    let periods = starts
        .iter()
        .map(|start| ChargingSchedulePeriod::new(TimeSpan::from_seconds(*start), limit))
        .collect();
    ScheduleLimits::Amperes(periods)
}

fn set(evse: u16, charging_profile: ChargingProfile) -> CsmsRequest {
    SetChargingProfileRequest { evse_id: EvseNumber(evse), charging_profile }.into()
}

#[test]
fn s3_limits_are_sent_with_one_decimal_rounded_down_and_without_number_of_phases() {
    assert_eq!(
        set(1, tx_profile()).payload().unwrap(),
        r#"{"evseId":1,"chargingProfile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute","transactionId":"tx","chargingSchedule":[{"id":1,"startSchedule":"1970-01-01T00:00:00.000Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.9}]}]}}"#
    );
}

#[test]
fn k01_profiles_against_the_standard_are_not_sent() {
    use ChargingProfilePurpose as Purpose;
    let with = |change: fn(&mut ChargingProfile)| {
        let mut profile = tx_profile();
        change(&mut profile);
        profile
    };
    let limited = |limits: ScheduleLimits| {
        let mut profile = tx_profile();
        profile.charging_schedule[0].limits = limits;
        profile
    };
    let phase = |period: ChargingSchedulePeriod<Amperes>| limited(ScheduleLimits::Amperes(vec![period]));
    let period = || ChargingSchedulePeriod::new(TimeSpan::ZERO, Amperes::from_amperes(6));
    for (rule, request, field) in [
        ("K01.FR.03", set(1, with(|profile| profile.transaction_id = None)), "transactionId"),
        ("K01.FR.16", set(0, tx_profile()), "evseId"),
        ("K01.FR.22", set(0, profile(Purpose::ChargingStationExternalConstraints)), "chargingProfilePurpose"),
        ("K01.FR.31", set(1, limited(amperes(&[1], 6_000))), "chargingSchedulePeriod"),
        ("K01.FR.35", set(1, limited(amperes(&[0, 5, 5], 6_000))), "chargingSchedulePeriod"),
        (
            "K01.FR.38",
            set(
                0,
                ChargingProfile {
                    charging_profile_kind: ChargingProfileKind::Relative,
                    ..profile(Purpose::ChargingStationMaxProfile)
                },
            ),
            "chargingProfileKind",
        ),
        (
            "K01.FR.40",
            set(1, with(|profile| profile.charging_schedule[0].start_schedule = StationTime::Absent)),
            "startSchedule",
        ),
        (
            "K01.FR.41",
            set(1, with(|profile| profile.charging_profile_kind = ChargingProfileKind::Relative)),
            "startSchedule",
        ),
        ("evseId 0", set(1, profile(Purpose::ChargingStationMaxProfile)), "evseId"),
        (
            "transactionId",
            set(
                0,
                ChargingProfile {
                    transaction_id: Some(ReportedTransaction::new("tx")),
                    ..profile(Purpose::TxDefaultProfile)
                },
            ),
            "transactionId",
        ),
        (
            "recurrencyKind",
            set(1, with(|profile| profile.charging_profile_kind = ChargingProfileKind::Recurring)),
            "recurrencyKind",
        ),
        (
            "recurrencyKind",
            set(1, with(|profile| profile.recurrency_kind = Some(RecurrencyKind::Daily))),
            "recurrencyKind",
        ),
        ("1..3 schedules", set(1, with(|profile| profile.charging_schedule.clear())), "chargingSchedule"),
        (
            "1..3 schedules",
            set(1, with(|profile| profile.charging_schedule = vec![profile.charging_schedule[0].clone(); 4])),
            "chargingSchedule",
        ),
        ("1.. periods", set(1, limited(amperes(&[], 6_000))), "chargingSchedulePeriod"),
        (
            "..1024 periods",
            set(1, limited(amperes(&(0..1025).collect::<Vec<_>>(), 6_000))),
            "chargingSchedulePeriod",
        ),
        ("no negative limit", set(1, limited(amperes(&[0], -6_000))), "limit"),
        ("numberPhases 1..3", set(1, phase(period().with_number_phases(4))), "numberPhases"),
        ("phaseToUse 1..3", set(1, phase(period().with_phase_to_use(4))), "phaseToUse"),
        (
            "phaseToUse with numberPhases 1",
            set(1, phase(period().with_phase_to_use(2).with_number_phases(3))),
            "phaseToUse",
        ),
    ] {
        assert_eq!(request.payload().expect_err(rule).field, field, "{rule}");
    }
    assert!(set(1, limited(amperes(&(0..1024).collect::<Vec<_>>(), 6_000))).payload().is_ok());
    assert!(set(0, profile(Purpose::ChargingStationMaxProfile)).payload().is_ok());
    assert!(set(0, profile(Purpose::TxDefaultProfile)).payload().is_ok(), "for each EVSE");
    assert!(set(1, phase(period().with_phase_to_use(2))).payload().is_ok());
}

#[test]
fn a_profile_that_comes_with_a_start_is_of_its_transaction_which_has_no_id_yet() {
    let start = |charging_profile| {
        CsmsRequest::from(RequestStartTransactionRequest {
            evse_id: Some(EvseNumber(1)),
            group_id_token: None,
            id_token: IdToken::new("T", IdTokenType::Central),
            remote_start_id: 1,
            charging_profile: Some(charging_profile),
        })
        .payload()
    };
    assert!(start(profile(ChargingProfilePurpose::TxProfile)).is_ok());
    assert_eq!(start(tx_profile()).unwrap_err().field, "chargingProfile");
    assert_eq!(
        start(profile(ChargingProfilePurpose::TxDefaultProfile)).unwrap_err().field,
        "chargingProfile"
    );
}

#[test]
fn texts_words_numbers_and_times_against_the_standard_are_not_sent() {
    let long = |length: usize| "ä".repeat(length);
    let token = |id_token: String, kind| {
        CsmsRequest::from(RequestStartTransactionRequest {
            evse_id: None,
            group_id_token: None,
            id_token: IdToken::new(id_token, kind),
            remote_start_id: 1,
            charging_profile: None,
        })
        .payload()
    };
    assert!(token(long(36), IdTokenType::Central).is_ok(), "characters count, not bytes");
    assert_eq!(
        token(long(37), IdTokenType::Central).unwrap_err().to_string(),
        "RequestStartTransaction: idToken has 37 characters, more than 36"
    );
    assert_eq!(token(String::new(), IdTokenType::Central).unwrap_err().fault, EncodeFault::Missing);
    assert!(token(String::new(), IdTokenType::NoAuthorization).is_ok());
    assert_eq!(token("T".to_owned(), IdTokenType::Other("RFID".to_owned())).unwrap_err().field, "type");

    let variable = |value: usize, name: usize| {
        let set = SetVariableData::new("OCPPCommCtrlr", &long(name), long(value));
        CsmsRequest::from(SetVariablesRequest { set_variable_data: vec![set] }).payload()
    };
    assert!(variable(1000, 50).is_ok());
    assert!(variable(0, 1).is_ok(), "an empty value may be set");
    assert_eq!(variable(1001, 50).unwrap_err().field, "attributeValue");
    assert_eq!(variable(1, 51).unwrap_err().field, "name");
    let none = CsmsRequest::from(SetVariablesRequest::default()).payload().unwrap_err();
    assert_eq!((none.field, none.fault), ("setVariableData", EncodeFault::Missing));

    let stop = |id: &str| {
        CsmsRequest::from(RequestStopTransactionRequest { transaction_id: ReportedTransaction::new(id) })
            .payload()
    };
    assert!(stop(&"x".repeat(36)).is_ok());
    assert_eq!(stop(&"x".repeat(37)).unwrap_err().field, "transactionId");
    assert_eq!(stop("").unwrap_err().fault, EncodeFault::Missing);

    for (evse, connector, field) in [(0, 1, "evseId"), (1, 0, "connectorId")] {
        let unlock =
            UnlockConnectorRequest { evse_id: EvseNumber(evse), connector_id: ConnectorNumber(connector) };
        assert_eq!(CsmsRequest::from(unlock).payload().unwrap_err().field, field);
    }
    let beat =
        |current_time| StationResponse::from(HeartbeatResponse { current_time }).payload().unwrap_err().fault;
    assert_eq!(beat(StationTime::Absent), EncodeFault::Missing);
    assert_eq!(beat(StationTime::read("2026-01-01T00:00:00")), EncodeFault::NotAnInstant);
}

#[test]
fn costs_priorities_languages_and_content_against_the_standard_are_not_sent() {
    let answer = |change: fn(&mut TransactionEventResponse)| {
        let mut response = TransactionEventResponse {
            id_token_info: Some(IdTokenInfo::new(AuthorizationStatus::Accepted)),
            ..TransactionEventResponse::default()
        };
        change(&mut response);
        StationResponse::from(response).payload()
    };
    assert_eq!(answer(|_| {}).unwrap(), r#"{"idTokenInfo":{"status":"Accepted"}}"#);
    assert_eq!(
        answer(|answer| answer.total_cost = Some(Figure::new("12.30"))).unwrap(),
        r#"{"totalCost":12.30,"idTokenInfo":{"status":"Accepted"}}"#
    );
    for odd in ["", "1,5", "NaN", "01", " 1", "1}", "1e", "+1", "\"1\""] {
        let mut response =
            TransactionEventResponse { total_cost: Some(Figure::new(odd)), ..Default::default() };
        assert_eq!(
            StationResponse::from(response.clone()).payload().unwrap_err().field,
            "totalCost",
            "{odd}"
        );
        response.total_cost = None;
        assert_eq!(StationResponse::from(response).payload().unwrap(), "{}");
    }
    let info = |change: fn(&mut IdTokenInfo)| {
        let mut info = IdTokenInfo::new(AuthorizationStatus::Accepted);
        change(&mut info);
        let response = AuthorizeResponse::from(info);
        StationResponse::from(response).payload().unwrap_err().field
    };
    assert_eq!(answer(|answer| answer.charging_priority = Some(10)).unwrap_err().field, "chargingPriority");
    assert_eq!(info(|info| info.charging_priority = Some(-10)), "chargingPriority");
    assert_eq!(info(|info| info.language2 = Some("sv".to_owned())), "language2");
    assert_eq!(
        info(|info| (info.language1, info.language2) = (Some("fi".to_owned()), Some("fi".to_owned()))),
        "language2"
    );
    assert_eq!(info(|info| info.status = AuthorizationStatus::Other("Maybe".to_owned())), "status");

    let transfer = |data: &str| {
        let data = Some(data.to_owned());
        let request = DataTransferRequest { vendor_id: "org.example".to_owned(), message_id: None, data };
        CsmsRequest::from(request).payload()
    };
    assert_eq!(transfer(r#"{"a":[1]}"#).unwrap(), r#"{"data":{"a":[1]},"vendorId":"org.example"}"#);
    assert_eq!(transfer(r#"1},"vendorId":"x""#).unwrap_err().field, "data");
}
