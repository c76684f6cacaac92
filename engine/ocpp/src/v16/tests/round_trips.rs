//! Every valid message encodes and decodes to itself, without a quirk.

use proptest::prelude::*;
use proptest::sample::select;
use units::WattHours;

use crate::Version;
use crate::frame::{Frame, MessageId};
use crate::tests::round_trips;
use crate::tests::schemas;
use crate::tests::strategies::*;
use crate::v16::*;

fn assert_valid(name: &str, payload: &str) {
    schemas::assert_valid(Version::V16, name, payload);
}

fn schema_of_request(action: &str) -> String {
    action.to_owned()
}

fn connector() -> impl Strategy<Value = ConnectorId> {
    any::<u16>().prop_map(ConnectorId)
}

fn tag() -> impl Strategy<Value = IdTag> {
    text(20).prop_map(IdTag::new)
}

fn transaction() -> impl Strategy<Value = ReportedTransaction> {
    any::<i32>().prop_map(|number| ReportedTransaction::Number(number.into()))
}

fn maybe_transaction() -> impl Strategy<Value = ReportedTransaction> {
    prop_oneof![transaction(), Just(ReportedTransaction::Missing)]
}

fn register() -> impl Strategy<Value = Option<WattHours>> {
    any::<i32>().prop_map(|count| Some(WattHours::from_watt_hours(count.into())))
}

fn tag_info() -> impl Strategy<Value = IdTagInfo> {
    (select(AuthorizationStatus::STANDARD), maybe_instant(), prop::option::of(tag()))
        .prop_map(|(status, expiry_date, parent_id_tag)| IdTagInfo { status, expiry_date, parent_id_tag })
}

fn sample() -> impl Strategy<Value = SampledValue> {
    (
        "-?[0-9]{1,9}(\\.[0-9]{1,6})?",
        prop::option::of(select(ReadingContext::STANDARD)),
        prop::option::of(select(ValueFormat::STANDARD)),
        prop::option::of(select(Measurand::STANDARD)),
        prop::option::of(select(SamplePhase::STANDARD)),
        prop::option::of(select(Location::STANDARD)),
        prop::option::of(select(UnitOfMeasure::STANDARD)),
    )
        .prop_map(|(value, context, format, measurand, phase, location, unit)| SampledValue {
            value,
            context,
            format,
            measurand,
            phase,
            location,
            unit,
        })
}

fn meter_value() -> impl Strategy<Value = MeterValue> {
    (instant(), prop::collection::vec(sample(), 1..5))
        .prop_map(|(timestamp, sampled_value)| MeterValue { timestamp, sampled_value })
}

fn schedule() -> impl Strategy<Value = ChargingSchedule> {
    (prop::option::of(seconds()), maybe_instant(), limits()).prop_map(
        |(duration, start_schedule, (limits, min_charging_rate))| ChargingSchedule {
            duration,
            start_schedule,
            limits,
            min_charging_rate,
        },
    )
}

/// A profile for `SetChargingProfile` with the connector that it may go to.
fn profile() -> impl Strategy<Value = (ConnectorId, ChargingProfile)> {
    let placed = prop_oneof![
        Just((
            ConnectorId::STATION,
            ChargingProfilePurpose::ChargePointMaxProfile,
            ReportedTransaction::Missing
        )),
        connector().prop_map(|connector| (
            connector,
            ChargingProfilePurpose::TxDefaultProfile,
            ReportedTransaction::Missing
        )),
        (1_u16.., maybe_transaction()).prop_map(|(connector, transaction)| (
            ConnectorId(connector),
            ChargingProfilePurpose::TxProfile,
            transaction
        )),
    ];
    let kind = prop_oneof![
        Just((ChargingProfileKind::Absolute, None)),
        Just((ChargingProfileKind::Relative, None)),
        select(RecurrencyKind::STANDARD).prop_map(|kind| (ChargingProfileKind::Recurring, Some(kind))),
    ];
    (placed, kind, any::<i32>(), any::<u32>(), maybe_instant(), maybe_instant(), schedule()).prop_map(
        |(
            (connector, purpose, transaction_id),
            (kind, recurrency),
            id,
            stack_level,
            valid_from,
            valid_to,
            schedule,
        )| {
            let profile = ChargingProfile {
                charging_profile_id: id,
                transaction_id,
                stack_level,
                charging_profile_purpose: purpose,
                charging_profile_kind: kind,
                recurrency_kind: recurrency,
                valid_from,
                valid_to,
                charging_schedule: schedule,
            };
            (connector, profile)
        },
    )
}

fn start_profile() -> impl Strategy<Value = ChargingProfile> {
    profile().prop_map(|(_, profile)| ChargingProfile {
        charging_profile_purpose: ChargingProfilePurpose::TxProfile,
        transaction_id: ReportedTransaction::Missing,
        ..profile
    })
}

fn data_transfer() -> impl Strategy<Value = DataTransferRequest> {
    (text(255), maybe_text(50), prop::option::of(text(60)))
        .prop_map(|(vendor_id, message_id, data)| DataTransferRequest { vendor_id, message_id, data })
}

fn data_transfer_response() -> impl Strategy<Value = DataTransferResponse> {
    (select(DataTransferStatus::STANDARD), prop::option::of(text(60)))
        .prop_map(|(status, data)| DataTransferResponse { status, data })
}

fn station_request() -> BoxedStrategy<StationRequest> {
    prop_oneof![
        tag().prop_map(|id_tag| AuthorizeRequest { id_tag }.into()),
        (
            (text(20), text(20), maybe_text(25), maybe_text(25), maybe_text(50)),
            (maybe_text(20), maybe_text(20), maybe_text(25), maybe_text(25))
        )
            .prop_map(
                |((vendor, model, serial, box_serial, firmware), (iccid, imsi, meter, kind))| {
                    BootNotificationRequest {
                        charge_point_vendor: vendor,
                        charge_point_model: model,
                        charge_point_serial_number: serial,
                        charge_box_serial_number: box_serial,
                        firmware_version: firmware,
                        iccid,
                        imsi,
                        meter_serial_number: meter,
                        meter_type: kind,
                    }
                    .into()
                }
            ),
        data_transfer().prop_map(Into::into),
        Just(HeartbeatRequest {}.into()),
        (connector(), maybe_transaction(), prop::collection::vec(meter_value(), 1..4)).prop_map(
            |(connector_id, transaction_id, meter_value)| {
                MeterValuesRequest { connector_id, transaction_id, meter_value }.into()
            }
        ),
        (connector(), tag(), register(), prop::option::of(any::<i64>()), instant()).prop_map(
            |(connector_id, id_tag, meter_start, reservation_id, timestamp)| {
                StartTransactionRequest { connector_id, id_tag, meter_start, reservation_id, timestamp }
                    .into()
            }
        ),
        (
            connector(),
            select(ChargePointErrorCode::STANDARD),
            maybe_text(50),
            select(ChargePointStatus::STANDARD),
            maybe_instant(),
            maybe_text(255),
            maybe_text(50)
        )
            .prop_map(
                |(connector_id, error_code, info, status, timestamp, vendor_id, vendor_error_code)| {
                    StatusNotificationRequest {
                        connector_id,
                        error_code,
                        info,
                        status,
                        timestamp,
                        vendor_id,
                        vendor_error_code,
                    }
                    .into()
                }
            ),
        (
            prop::option::of(tag()),
            register(),
            instant(),
            transaction(),
            prop::option::of(select(Reason::STANDARD)),
            prop::collection::vec(meter_value(), 0..3)
        )
            .prop_map(|(id_tag, meter_stop, timestamp, transaction_id, reason, transaction_data)| {
                StopTransactionRequest {
                    id_tag,
                    meter_stop,
                    timestamp,
                    transaction_id,
                    reason,
                    transaction_data,
                }
                .into()
            }),
    ]
    .boxed()
}

fn station_response() -> BoxedStrategy<StationResponse> {
    prop_oneof![
        tag_info().prop_map(|id_tag_info| AuthorizeResponse { id_tag_info }.into()),
        (instant(), seconds(), select(RegistrationStatus::STANDARD)).prop_map(
            |(current_time, interval, status)| {
                BootNotificationResponse { current_time, interval, status }.into()
            }
        ),
        data_transfer_response().prop_map(Into::into),
        instant().prop_map(|current_time| HeartbeatResponse { current_time }.into()),
        Just(MeterValuesResponse {}.into()),
        (tag_info(), transaction()).prop_map(|(id_tag_info, transaction_id)| {
            StartTransactionResponse { id_tag_info, transaction_id }.into()
        }),
        Just(StatusNotificationResponse {}.into()),
        prop::option::of(tag_info()).prop_map(|id_tag_info| StopTransactionResponse { id_tag_info }.into()),
    ]
    .boxed()
}

fn csms_request() -> BoxedStrategy<CsmsRequest> {
    prop_oneof![
        (connector(), select(AvailabilityType::STANDARD))
            .prop_map(|(connector_id, kind)| ChangeAvailabilityRequest { connector_id, kind }.into()),
        (text(50), text(500)).prop_map(|(key, value)| ChangeConfigurationRequest { key, value }.into()),
        Just(ClearCacheRequest {}.into()),
        (
            prop::option::of(any::<i32>()),
            prop::option::of(connector()),
            prop::option::of(select(ChargingProfilePurpose::STANDARD)),
            prop::option::of(any::<u32>())
        )
            .prop_map(|(id, connector_id, charging_profile_purpose, stack_level)| {
                ClearChargingProfileRequest { id, connector_id, charging_profile_purpose, stack_level }.into()
            }),
        data_transfer().prop_map(Into::into),
        (connector(), seconds(), prop::option::of(select(ChargingRateUnit::STANDARD))).prop_map(
            |(connector_id, duration, charging_rate_unit)| {
                GetCompositeScheduleRequest { connector_id, duration, charging_rate_unit }.into()
            }
        ),
        prop::collection::vec(text(50), 0..4).prop_map(|key| GetConfigurationRequest { key }.into()),
        (prop::option::of((1_u16..).prop_map(ConnectorId)), tag(), prop::option::of(start_profile()))
            .prop_map(|(connector_id, id_tag, charging_profile)| {
                RemoteStartTransactionRequest { connector_id, id_tag, charging_profile }.into()
            }),
        transaction().prop_map(|transaction_id| RemoteStopTransactionRequest { transaction_id }.into()),
        select(ResetType::STANDARD).prop_map(|kind| ResetRequest { kind }.into()),
        profile().prop_map(|(connector_id, charging_profile)| {
            SetChargingProfileRequest { connector_id, charging_profile }.into()
        }),
        (select(MessageTrigger::STANDARD), prop::option::of(connector())).prop_map(
            |(requested_message, connector_id)| {
                TriggerMessageRequest { requested_message, connector_id }.into()
            }
        ),
        (1_u16..).prop_map(|number| UnlockConnectorRequest { connector_id: ConnectorId(number) }.into()),
    ]
    .boxed()
}

fn csms_response() -> BoxedStrategy<CsmsResponse> {
    let pair = (text(50), any::<bool>(), maybe_text(500)).prop_map(|(key, readonly, value)| KeyValue {
        key,
        readonly,
        value,
    });
    prop_oneof![
        select(AvailabilityStatus::STANDARD).prop_map(|status| ChangeAvailabilityResponse { status }.into()),
        select(ConfigurationStatus::STANDARD)
            .prop_map(|status| ChangeConfigurationResponse { status }.into()),
        select(AcceptedStatus::STANDARD).prop_map(|status| ClearCacheResponse { status }.into()),
        select(ClearChargingProfileStatus::STANDARD)
            .prop_map(|status| ClearChargingProfileResponse { status }.into()),
        data_transfer_response().prop_map(Into::into),
        (
            select(AcceptedStatus::STANDARD),
            prop::option::of(connector()),
            maybe_instant(),
            prop::option::of(schedule())
        )
            .prop_map(|(status, connector_id, schedule_start, charging_schedule)| {
                GetCompositeScheduleResponse { status, connector_id, schedule_start, charging_schedule }
                    .into()
            }),
        (prop::collection::vec(pair, 0..4), prop::collection::vec(text(50), 0..4)).prop_map(
            |(configuration_key, unknown_key)| {
                GetConfigurationResponse { configuration_key, unknown_key }.into()
            }
        ),
        select(AcceptedStatus::STANDARD).prop_map(|status| RemoteStartTransactionResponse { status }.into()),
        select(AcceptedStatus::STANDARD).prop_map(|status| RemoteStopTransactionResponse { status }.into()),
        select(AcceptedStatus::STANDARD).prop_map(|status| ResetResponse { status }.into()),
        select(ChargingProfileStatus::STANDARD)
            .prop_map(|status| SetChargingProfileResponse { status }.into()),
        select(TriggerMessageStatus::STANDARD).prop_map(|status| TriggerMessageResponse { status }.into()),
        select(UnlockStatus::STANDARD).prop_map(|status| UnlockConnectorResponse { status }.into()),
    ]
    .boxed()
}

round_trips!(800);
