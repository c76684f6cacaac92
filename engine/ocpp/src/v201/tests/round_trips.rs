//! Every valid message encodes and decodes to itself, without a quirk.

use proptest::prelude::*;
use proptest::sample::select;
use units::Amperes;

use crate::frame::{Frame, MessageId};
use crate::tests::round_trips;
use crate::tests::schemas;
use crate::tests::strategies::*;
use crate::v21::{EventInDetail, ProfileInDetail, ScheduleInDetail};
use crate::v201::*;
use crate::{Figure, Version};

fn assert_valid(name: &str, payload: &str) {
    schemas::assert_valid(Version::V201, name, payload);
}

fn schema_of_request(action: &str) -> String {
    format!("{action}Request")
}

fn figure() -> impl Strategy<Value = Figure> {
    "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,6})?([eE][+-]?[0-9])?".prop_map(Figure::new)
}

fn evse_number() -> impl Strategy<Value = EvseNumber> {
    any::<u16>().prop_map(EvseNumber)
}

fn maybe_evse() -> impl Strategy<Value = Option<Evse>> {
    prop::option::of((evse_number(), prop::option::of(any::<u16>().prop_map(ConnectorNumber))))
        .prop_map(|evse| evse.map(|(id, connector_id)| Evse { id, connector_id }))
}

fn transaction() -> impl Strategy<Value = ReportedTransaction> {
    text(36).prop_map(ReportedTransaction::new)
}

fn token() -> impl Strategy<Value = IdToken> {
    let additional = (text(36), text(50))
        .prop_map(|(additional_id_token, kind)| AdditionalInfo { additional_id_token, kind });
    let named = (text(36), select(IdTokenType::STANDARD), prop::collection::vec(additional, 0..3))
        .prop_map(|(id_token, kind, additional_info)| IdToken { id_token, kind, additional_info });
    prop_oneof![5 => named, 1 => Just(IdToken::new("", IdTokenType::NoAuthorization))]
}

fn message() -> impl Strategy<Value = MessageContent> {
    (select(MessageFormat::STANDARD), maybe_text(8), text(512))
        .prop_map(|(format, language, content)| MessageContent { format, language, content })
}

fn token_info() -> impl Strategy<Value = IdTokenInfo> {
    let languages = prop_oneof![
        Just((None, None)),
        text(8).prop_map(|one| (Some(one), None)),
        Just((Some("fi".to_owned()), Some("sv".to_owned())))
    ];
    (
        select(AuthorizationStatus::STANDARD),
        maybe_instant(),
        prop::option::of(-9_i32..=9),
        languages,
        prop::collection::vec(evse_number(), 0..3),
        prop::option::of(token()),
        prop::option::of(message()),
    )
        .prop_map(
            |(
                status,
                cache_expiry_date_time,
                charging_priority,
                (language1, language2),
                evse_id,
                group_id_token,
                personal_message,
            )| {
                IdTokenInfo {
                    status,
                    cache_expiry_date_time,
                    charging_priority,
                    language1,
                    language2,
                    evse_id,
                    group_id_token,
                    personal_message,
                }
            },
        )
}

fn status_info() -> impl Strategy<Value = Option<StatusInfo>> {
    prop::option::of((text(20), maybe_text(512))).prop_map(|info| {
        info.map(|(reason_code, additional_info)| StatusInfo { reason_code, additional_info })
    })
}

fn sample() -> impl Strategy<Value = SampledValue> {
    let signed = (text(200), maybe_text(50), maybe_text(50), maybe_text(200)).prop_map(
        |(signed_meter_data, method, encoding, key)| SignedMeterValue {
            signed_meter_data,
            signing_method: Some(method.unwrap_or_default()),
            encoding_method: encoding.unwrap_or_default(),
            public_key: Some(key.unwrap_or_default()),
        },
    );
    let unit = (maybe_text(20), prop::option::of(any::<i32>())).prop_map(|(unit, multiplier)| {
        UnitOfMeasure { unit, multiplier: multiplier.map(|power| Figure::from(i64::from(power))) }
    });
    (
        figure(),
        prop::option::of(select(ReadingContext::STANDARD)),
        prop::option::of(select(Measurand::STANDARD)),
        prop::option::of(select(SamplePhase::STANDARD)),
        prop::option::of(select(Location::STANDARD)),
        prop::option::of(signed),
        prop::option::of(unit),
    )
        .prop_map(|(value, context, measurand, phase, location, signed_meter_value, unit_of_measure)| {
            SampledValue { value, context, measurand, phase, location, signed_meter_value, unit_of_measure }
        })
}

fn meter_value() -> impl Strategy<Value = MeterValue> {
    (instant(), prop::collection::vec(sample(), 1..4))
        .prop_map(|(timestamp, sampled_value)| MeterValue { timestamp, sampled_value })
}

/// A profile with its placing in time, and a purpose that may go to any EVSE.
fn profile() -> impl Strategy<Value = ChargingProfile> {
    let kind = prop_oneof![
        Just((ChargingProfileKind::Absolute, None)),
        Just((ChargingProfileKind::Relative, None)),
        select(RecurrencyKind::STANDARD).prop_map(|kind| (ChargingProfileKind::Recurring, Some(kind))),
    ];
    let schedule = (any::<i32>(), instant(), prop::option::of(seconds()), limits());
    (
        (any::<i32>(), any::<u32>()),
        kind,
        maybe_instant(),
        maybe_instant(),
        prop::collection::vec(schedule, 1..=3),
    )
        .prop_map(|((id, stack_level), (kind, recurrency_kind), valid_from, valid_to, schedules)| {
            let charging_schedule = schedules
                .into_iter()
                .map(|(id, start, duration, (limits, min_charging_rate))| ChargingSchedule {
                    id,
                    start_schedule: if kind == ChargingProfileKind::Relative {
                        Default::default()
                    } else {
                        start
                    },
                    duration,
                    limits,
                    min_charging_rate,
                    sales_tariff: None,
                    in_detail: ScheduleInDetail::default(),
                })
                .collect();
            ChargingProfile {
                id,
                stack_level,
                charging_profile_purpose: ChargingProfilePurpose::TxDefaultProfile,
                charging_profile_kind: kind,
                recurrency_kind,
                valid_from,
                valid_to,
                transaction_id: None,
                charging_schedule,
                in_detail: ProfileInDetail::default(),
            }
        })
}

fn set_profile() -> impl Strategy<Value = SetChargingProfileRequest> {
    (profile(), evse_number(), transaction(), 0..3).prop_map(|(mut profile, evse, transaction, purpose)| {
        let evse_id = match purpose {
            0 => evse,
            1 => {
                profile.charging_profile_purpose = ChargingProfilePurpose::TxProfile;
                profile.transaction_id = Some(transaction);
                EvseNumber(evse.0.max(1))
            }
            _ if profile.charging_profile_kind == ChargingProfileKind::Relative => EvseNumber::STATION,
            _ => {
                profile.charging_profile_purpose = ChargingProfilePurpose::ChargingStationMaxProfile;
                EvseNumber::STATION
            }
        };
        SetChargingProfileRequest { evse_id, charging_profile: profile }
    })
}

fn place() -> impl Strategy<Value = (Component, Variable)> {
    let component = (text(50), maybe_text(50), maybe_evse()).prop_map(|(name, instance, evse)| Component {
        name,
        instance,
        evse,
    });
    let variable = (text(50), maybe_text(50)).prop_map(|(name, instance)| Variable { name, instance });
    (component, variable)
}

fn attribute() -> impl Strategy<Value = Option<AttributeType>> {
    prop::option::of(select(AttributeType::STANDARD))
}

fn content() -> impl Strategy<Value = Option<String>> {
    let of = ["\"text\"", "7.50", "{\"a\":[1,null,\"b\"]}", "true", "[]"].map(|text| Some(text.to_owned()));
    select([vec![None], of.to_vec()].concat())
}

fn data_transfer() -> impl Strategy<Value = DataTransferRequest> {
    (text(255), maybe_text(50), content()).prop_map(|(vendor_id, message_id, data)| DataTransferRequest {
        vendor_id,
        message_id,
        data,
    })
}

fn data_transfer_response() -> impl Strategy<Value = DataTransferResponse> {
    (select(DataTransferStatus::STANDARD), status_info(), content())
        .prop_map(|(status, status_info, data)| DataTransferResponse { status, status_info, data })
}

fn transaction_event() -> impl Strategy<Value = TransactionEventRequest> {
    let info = (
        transaction(),
        prop::option::of(select(ChargingState::STANDARD)),
        prop::option::of(seconds()),
        prop::option::of(select(Reason::STANDARD)),
        prop::option::of(any::<i32>()),
    )
        .prop_map(
            |(transaction_id, charging_state, time_spent_charging, stopped_reason, remote_start_id)| {
                TransactionInfo {
                    transaction_id,
                    charging_state,
                    time_spent_charging,
                    stopped_reason,
                    remote_start_id,
                    ..TransactionInfo::default()
                }
            },
        );
    (
        (select(TransactionEventKind::STANDARD), select(TriggerReason::STANDARD), any::<bool>()),
        (instant(), 0_u32..0x8000_0000, prop::collection::vec(meter_value(), 0..3)),
        (prop::option::of(1_u8..=3), prop::option::of(0_i64..1000), prop::option::of(any::<i32>())),
        (info, maybe_evse(), prop::option::of(token())),
    )
        .prop_map(
            |(
                (event_type, trigger_reason, offline),
                (timestamp, seq_no, meter_value),
                (number_of_phases_used, cable, reservation_id),
                (transaction_info, evse, id_token),
            )| TransactionEventRequest {
                event_type,
                meter_value,
                timestamp,
                trigger_reason,
                seq_no: Some(seq_no),
                offline,
                number_of_phases_used,
                cable_max_current: cable.map(Amperes::from_amperes),
                reservation_id,
                transaction_info,
                evse,
                id_token,
                in_detail: EventInDetail::default(),
            },
        )
}

fn boot() -> impl Strategy<Value = BootNotificationRequest> {
    let modem = (maybe_text(20), maybe_text(20)).prop_map(|(iccid, imsi)| Modem { iccid, imsi });
    (
        (maybe_text(25), text(20), prop::option::of(modem), text(50), maybe_text(50)),
        select(BootReason::STANDARD),
    )
        .prop_map(|((serial_number, model, modem, vendor_name, firmware_version), reason)| {
            BootNotificationRequest {
                charging_station: ChargingStation {
                    serial_number,
                    model,
                    modem,
                    vendor_name,
                    firmware_version,
                },
                reason,
            }
        })
}

fn authorize() -> impl Strategy<Value = AuthorizeRequest> {
    let hashes = (select(HashAlgorithm::STANDARD), text(128), text(128), text(40), text(512)).prop_map(
        |(hash_algorithm, issuer_name_hash, issuer_key_hash, serial_number, responder_url)| OcspRequestData {
            hash_algorithm,
            issuer_name_hash,
            issuer_key_hash,
            serial_number,
            responder_url,
        },
    );
    (token(), maybe_text(300), prop::collection::vec(hashes, 0..=4)).prop_map(
        |(id_token, certificate, iso15118_certificate_hash_data)| AuthorizeRequest {
            id_token,
            certificate,
            iso15118_certificate_hash_data,
        },
    )
}

fn notify_event() -> impl Strategy<Value = NotifyEventRequest> {
    let event = (
        (any::<i32>(), instant(), select(EventTrigger::STANDARD), prop::option::of(any::<i32>())),
        (text(200), maybe_text(50), maybe_text(500), prop::option::of(any::<bool>())),
        (prop::option::of(transaction()), prop::option::of(any::<i32>())),
        (select(EventNotificationKind::STANDARD), place()),
    )
        .prop_map(
            |(
                (event_id, timestamp, trigger, cause),
                (actual_value, tech_code, tech_info, cleared),
                (transaction_id, variable_monitoring_id),
                (event_notification_type, (component, variable)),
            )| EventData {
                event_id: Some(event_id),
                timestamp,
                trigger,
                cause,
                actual_value,
                tech_code,
                tech_info,
                cleared,
                transaction_id,
                component,
                variable_monitoring_id,
                event_notification_type,
                variable,
                severity: None,
            },
        );
    (instant(), any::<bool>(), 0_u32..0x8000_0000, prop::collection::vec(event, 1..3)).prop_map(
        |(generated_at, tbc, seq_no, event_data)| NotifyEventRequest {
            generated_at,
            tbc,
            seq_no: Some(seq_no),
            event_data,
        },
    )
}

fn notify_report() -> impl Strategy<Value = NotifyReportRequest> {
    let attributes = (
        attribute(),
        maybe_text(200),
        prop::option::of(select(Mutability::STANDARD)),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(kind, value, mutability, persistent, constant)| VariableAttribute {
            kind,
            value,
            mutability,
            persistent,
            constant,
        });
    let characteristics = (
        maybe_text(16),
        select(DataType::STANDARD),
        prop::option::of(figure()),
        prop::option::of(figure()),
        maybe_text(200),
        any::<bool>(),
    )
        .prop_map(|(unit, data_type, min_limit, max_limit, values_list, supports_monitoring)| {
            VariableCharacteristics {
                unit,
                data_type,
                min_limit,
                max_limit,
                values_list,
                supports_monitoring: Some(supports_monitoring),
                max_elements: None,
            }
        });
    let report = (place(), prop::collection::vec(attributes, 1..=4), prop::option::of(characteristics))
        .prop_map(|((component, variable), variable_attribute, variable_characteristics)| ReportData {
            component,
            variable,
            variable_attribute,
            variable_characteristics,
        });
    (any::<i32>(), instant(), prop::collection::vec(report, 0..3), any::<bool>(), 0_u32..0x8000_0000)
        .prop_map(|(request_id, generated_at, report_data, tbc, seq_no)| NotifyReportRequest {
            request_id: Some(request_id),
            generated_at,
            report_data,
            tbc,
            seq_no: Some(seq_no),
        })
}

fn station_request() -> BoxedStrategy<StationRequest> {
    prop_oneof![
        authorize().prop_map(Into::into),
        boot().prop_map(Into::into),
        data_transfer().prop_map(Into::into),
        Just(HeartbeatRequest {}.into()),
        (evse_number(), prop::collection::vec(meter_value(), 1..3))
            .prop_map(|(evse_id, meter_value)| { MeterValuesRequest { evse_id, meter_value }.into() }),
        notify_event().prop_map(Into::into),
        notify_report().prop_map(Into::into),
        (text(50), instant(), maybe_text(255)).prop_map(|(kind, timestamp, tech_info)| {
            SecurityEventNotificationRequest { kind, timestamp, tech_info }.into()
        }),
        (instant(), select(ConnectorStatus::STANDARD), evse_number(), any::<u16>()).prop_map(
            |(timestamp, connector_status, evse_id, connector)| {
                let connector_id = Some(ConnectorNumber(connector));
                StatusNotificationRequest { timestamp, connector_status, evse_id, connector_id }.into()
            }
        ),
        transaction_event().prop_map(Into::into),
    ]
    .boxed()
}

fn station_response() -> BoxedStrategy<StationResponse> {
    prop_oneof![
        (token_info(), prop::option::of(select(AuthorizeCertificateStatus::STANDARD))).prop_map(
            |(id_token_info, certificate_status)| {
                AuthorizeResponse { certificate_status, ..AuthorizeResponse::from(id_token_info) }.into()
            }
        ),
        (instant(), seconds(), select(RegistrationStatus::STANDARD), status_info()).prop_map(
            |(current_time, interval, status, status_info)| {
                BootNotificationResponse { current_time, interval, status, status_info }.into()
            }
        ),
        data_transfer_response().prop_map(Into::into),
        instant().prop_map(|current_time| HeartbeatResponse { current_time }.into()),
        Just(MeterValuesResponse {}.into()),
        Just(NotifyEventResponse {}.into()),
        Just(NotifyReportResponse {}.into()),
        Just(SecurityEventNotificationResponse {}.into()),
        Just(StatusNotificationResponse {}.into()),
        (
            prop::option::of(figure()),
            prop::option::of(-9_i32..=9),
            prop::option::of(token_info()),
            prop::option::of(message())
        )
            .prop_map(|(total_cost, charging_priority, id_token_info, updated_personal_message)| {
                TransactionEventResponse {
                    total_cost,
                    charging_priority,
                    id_token_info,
                    updated_personal_message,
                    ..TransactionEventResponse::default()
                }
                .into()
            }),
    ]
    .boxed()
}

fn csms_request() -> BoxedStrategy<CsmsRequest> {
    let criteria = (
        prop::option::of(evse_number()),
        prop::option::of(select(ChargingProfilePurpose::STANDARD)),
        prop::option::of(any::<u32>()),
    )
        .prop_map(|(evse_id, charging_profile_purpose, stack_level)| ClearChargingProfile {
            evse_id,
            charging_profile_purpose,
            stack_level,
        });
    let get = (attribute(), place()).prop_map(|(attribute_type, (component, variable))| GetVariableData {
        attribute_type,
        component,
        variable,
    });
    let set = (attribute(), maybe_text(1000), place()).prop_map(
        |(attribute_type, value, (component, variable))| SetVariableData {
            attribute_type,
            attribute_value: value.unwrap_or_default(),
            component,
            variable,
        },
    );
    prop_oneof![
        (maybe_evse(), select(OperationalStatus::STANDARD)).prop_map(|(evse, operational_status)| {
            ChangeAvailabilityRequest { evse, operational_status }.into()
        }),
        Just(ClearCacheRequest {}.into()),
        (prop::option::of(any::<i32>()), prop::option::of(criteria)).prop_map(
            |(charging_profile_id, charging_profile_criteria)| {
                ClearChargingProfileRequest { charging_profile_id, charging_profile_criteria }.into()
            }
        ),
        data_transfer().prop_map(Into::into),
        (any::<i32>(), select(ReportBase::STANDARD)).prop_map(|(request_id, report_base)| {
            GetBaseReportRequest { request_id, report_base }.into()
        }),
        (seconds(), prop::option::of(select(ChargingRateUnit::STANDARD)), evse_number()).prop_map(
            |(duration, charging_rate_unit, evse_id)| {
                GetCompositeScheduleRequest { duration, charging_rate_unit, evse_id }.into()
            }
        ),
        prop::option::of(transaction())
            .prop_map(|transaction_id| GetTransactionStatusRequest { transaction_id }.into()),
        prop::collection::vec(get, 1..4)
            .prop_map(|get_variable_data| GetVariablesRequest { get_variable_data }.into()),
        (
            prop::option::of((1_u16..).prop_map(EvseNumber)),
            prop::option::of(token()),
            token(),
            any::<i32>(),
            prop::option::of(profile())
        )
            .prop_map(|(evse_id, group_id_token, id_token, remote_start_id, profile)| {
                let charging_profile = profile.map(|profile| ChargingProfile {
                    charging_profile_purpose: ChargingProfilePurpose::TxProfile,
                    ..profile
                });
                RequestStartTransactionRequest {
                    evse_id,
                    group_id_token,
                    id_token,
                    remote_start_id,
                    charging_profile,
                }
                .into()
            }),
        transaction().prop_map(|transaction_id| RequestStopTransactionRequest { transaction_id }.into()),
        (select(ResetType::STANDARD), prop::option::of(evse_number()))
            .prop_map(|(kind, evse_id)| ResetRequest { kind, evse_id }.into()),
        set_profile().prop_map(Into::into),
        prop::collection::vec(set, 1..4)
            .prop_map(|set_variable_data| SetVariablesRequest { set_variable_data }.into()),
        (maybe_evse(), select(MessageTrigger::STANDARD)).prop_map(|(evse, requested_message)| {
            TriggerMessageRequest { evse, requested_message, custom_trigger: None }.into()
        }),
        (1_u16.., 1_u16..).prop_map(|(evse, connector)| {
            let (evse_id, connector_id) = (EvseNumber(evse), ConnectorNumber(connector));
            UnlockConnectorRequest { evse_id, connector_id }.into()
        }),
    ]
    .boxed()
}

fn csms_response() -> BoxedStrategy<CsmsResponse> {
    let schedule = (evse_number(), seconds(), instant(), limits()).prop_map(
        |(evse_id, duration, schedule_start, (limits, _))| CompositeSchedule {
            evse_id,
            duration,
            schedule_start,
            limits,
        },
    );
    let got = ((select(GetVariableStatus::STANDARD), status_info()), attribute(), maybe_text(2500), place())
        .prop_map(|((status, info), attribute_type, attribute_value, (component, variable))| {
            GetVariableResult {
                attribute_status: status,
                attribute_status_info: info,
                attribute_type,
                attribute_value,
                component,
                variable,
            }
        });
    let set = ((select(SetVariableStatus::STANDARD), status_info()), attribute(), place()).prop_map(
        |((status, info), attribute_type, (component, variable))| SetVariableResult {
            attribute_type,
            attribute_status: status,
            attribute_status_info: info,
            component,
            variable,
        },
    );
    let accepted = || (select(AcceptedStatus::STANDARD), status_info());
    let scheduled = || (select(ScheduledStatus::STANDARD), status_info());
    prop_oneof![
        scheduled()
            .prop_map(|(status, status_info)| { ChangeAvailabilityResponse { status, status_info }.into() }),
        accepted().prop_map(|(status, status_info)| ClearCacheResponse { status, status_info }.into()),
        (select(ClearChargingProfileStatus::STANDARD), status_info())
            .prop_map(|(status, status_info)| ClearChargingProfileResponse { status, status_info }.into()),
        data_transfer_response().prop_map(Into::into),
        (select(GenericDeviceModelStatus::STANDARD), status_info())
            .prop_map(|(status, status_info)| GetBaseReportResponse { status, status_info }.into()),
        (accepted(), prop::option::of(schedule)).prop_map(|((status, status_info), schedule)| {
            GetCompositeScheduleResponse { status, status_info, schedule }.into()
        }),
        (prop::option::of(any::<bool>()), any::<bool>()).prop_map(|(ongoing_indicator, waiting)| {
            GetTransactionStatusResponse { ongoing_indicator, messages_in_queue: Some(waiting) }.into()
        }),
        prop::collection::vec(got, 1..3)
            .prop_map(|get_variable_result| GetVariablesResponse { get_variable_result }.into()),
        (accepted(), prop::option::of(transaction())).prop_map(|((status, status_info), transaction_id)| {
            RequestStartTransactionResponse { status, status_info, transaction_id }.into()
        }),
        accepted().prop_map(|(status, status_info)| {
            RequestStopTransactionResponse { status, status_info }.into()
        }),
        scheduled().prop_map(|(status, status_info)| ResetResponse { status, status_info }.into()),
        accepted()
            .prop_map(|(status, status_info)| SetChargingProfileResponse { status, status_info }.into()),
        prop::collection::vec(set, 1..3)
            .prop_map(|set_variable_result| SetVariablesResponse { set_variable_result }.into()),
        (select(TriggerMessageStatus::STANDARD), status_info())
            .prop_map(|(status, status_info)| TriggerMessageResponse { status, status_info }.into()),
        (select(UnlockStatus::STANDARD), status_info())
            .prop_map(|(status, status_info)| UnlockConnectorResponse { status, status_info }.into()),
    ]
    .boxed()
}

round_trips!(400);
