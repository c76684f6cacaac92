//! What stations tell besides transactions, of OCPP 2.0.1 and of 2.1, and what we cannot do for them.

use ocpp::json::Json;
use ocpp::v21;
use ocpp::v21::{
    CertificateStatus, CertificateStatusKnown, GetCertificateChainStatusResponse,
    PullDynamicScheduleUpdateResponse, VatNumberValidationResponse,
};
use ocpp::v201::{
    AcceptedStatus, ChargingSchedule, Get15118EVCertificateResponse, GetCertificateStatusKnown,
    GetCertificateStatusResponse, Iso15118EVCertificateStatus, NotifyEVChargingNeedsRequest,
    NotifyEVChargingNeedsResponse, NotifyEVChargingNeedsStatus, NotifyEVChargingScheduleResponse,
    NotifyEventRequest, SignCertificateResponse, StationRequest, StationResponse, StatusInfo,
    TransactionEventRequest,
};
use ocpp::{EncodeError, Figure, MessageId, StationTime, Version};
use units::Timestamp;
use units::civil::Zone;

use crate::message::{Answer, Refusal, Request};
use crate::notice::{Notice, Subject};

/// What a station tells besides transactions; nothing where it is something else.
pub(super) fn told(request: &StationRequest, payload: &Json<'_>, zone: &Zone) -> Option<Request> {
    // As it came: a report that is odd in places is a report all the same.
    let report = || Some(ocpp::redact(&payload.to_string()));
    Some(match request {
        StationRequest::ClearedChargingLimit(told) => kept(Notice {
            evse: told.evse_id.map(|evse| evse.0),
            ..Notice::new(Subject::LimitGone, told.charging_limit_source.as_str())
        }),
        StationRequest::FirmwareStatusNotification(told) => kept(Notice {
            number: told.request_id.map(i64::from),
            detail: told.status_info.as_ref().map(in_words),
            ..Notice::new(Subject::Firmware, told.status.as_str())
        }),
        StationRequest::LogStatusNotification(told) => kept(Notice {
            number: told.request_id.map(i64::from),
            detail: told.status_info.as_ref().map(in_words),
            ..Notice::new(Subject::Log, told.status.as_str())
        }),
        StationRequest::PublishFirmwareStatusNotification(told) => kept(Notice {
            number: told.request_id.map(i64::from),
            detail: (!told.location.is_empty()).then(|| told.location.join(" ")),
            ..Notice::new(Subject::FirmwareHandedOn, told.status.as_str())
        }),
        StationRequest::SecurityEventNotification(told) => kept(Notice {
            reported: told.timestamp.instant_in(zone),
            detail: told.tech_info.clone(),
            ..Notice::new(Subject::Security, &told.kind)
        }),
        StationRequest::ReservationStatusUpdate(told) => kept(Notice {
            number: told.reservation_id.map(i64::from),
            ..Notice::new(Subject::Reservation, told.reservation_update_status.as_str())
        }),
        StationRequest::NotifyChargingLimit(told) => kept(Notice {
            evse: told.evse_id.map(|evse| evse.0),
            detail: report(),
            ..Notice::new(Subject::Limit, told.charging_limit.charging_limit_source.as_str())
        }),
        StationRequest::NotifyEVChargingNeeds(told) => {
            Request::EvNeeds { evse: told.evse_id.0, needs: needs(told, report(), zone) }
        }
        StationRequest::NotifyEVChargingSchedule(told) => Request::Notices {
            notices: vec![Notice {
                evse: Some(told.evse_id.0),
                reported: told.time_base.instant_in(zone),
                detail: report(),
                ..Notice::new(Subject::EvSchedule, unit_of(&told.charging_schedule))
            }],
            answer: Answer::EvScheduleTaken,
            progress: None,
        },
        StationRequest::NotifyEvent(told) => {
            Request::Notices { notices: events(told, zone), answer: Answer::Informs, progress: None }
        }
        StationRequest::NotifyReport(told) => kept(Notice {
            reported: told.generated_at.instant_in(zone),
            number: told.request_id.map(i64::from),
            detail: report(),
            ..Notice::new(Subject::Report, "")
        }),
        StationRequest::NotifyMonitoringReport(told) => kept(Notice {
            reported: told.generated_at.instant_in(zone),
            number: told.request_id.map(i64::from),
            detail: report(),
            ..Notice::new(Subject::Monitors, "")
        }),
        StationRequest::NotifyDisplayMessages(told) => kept(Notice {
            number: told.request_id.map(i64::from),
            detail: report(),
            ..Notice::new(Subject::Messages, "")
        }),
        StationRequest::NotifyCustomerInformation(told) => kept(Notice {
            reported: told.generated_at.instant_in(zone),
            number: told.request_id.map(i64::from),
            ..Notice::new(Subject::Customer, "")
        }),
        StationRequest::ReportChargingProfiles(told) => kept(Notice {
            evse: Some(told.evse_id.0),
            number: told.request_id.map(i64::from),
            detail: report(),
            ..Notice::new(Subject::Profiles, told.charging_limit_source.as_str())
        }),
        StationRequest::SignCertificate(told) => Request::Notices {
            notices: vec![Notice {
                number: told.request_id.map(i64::from),
                ..Notice::new(
                    Subject::Signature,
                    told.certificate_type.as_ref().map_or("ChargingStationCertificate", |kind| kind.as_str()),
                )
            }],
            answer: Answer::Refused(Refusal::Signature),
            progress: None,
        },
        StationRequest::Get15118EVCertificate(_) => refused(Refusal::EvCertificate),
        StationRequest::GetCertificateStatus(_) => refused(Refusal::CertificateStatus),
        StationRequest::Authorize(_)
        | StationRequest::BootNotification(_)
        | StationRequest::DataTransfer(_)
        | StationRequest::Heartbeat(_)
        | StationRequest::MeterValues(_)
        | StationRequest::StatusNotification(_)
        | StationRequest::TransactionEvent(_) => return None,
    })
}

/// What a station of OCPP 2.1 tells in a message of its own.
pub(super) fn told_in_21(request: &v21::StationRequest, payload: &Json<'_>, zone: &Zone) -> Request {
    match request {
        v21::StationRequest::NotifyPriorityCharging(told) => kept(Notice {
            detail: Some(format!("transaction {}", told.transaction_id)),
            ..Notice::new(
                Subject::Priority,
                match told.activated {
                    Some(true) => "Activated",
                    Some(false) => "Deactivated",
                    None => "",
                },
            )
        }),
        v21::StationRequest::NotifySettlement(told) => kept(Notice {
            reported: told.settlement_time.instant_in(zone),
            detail: Some(ocpp::redact(&payload.to_string())),
            ..Notice::new(Subject::Settlement, told.status.as_str())
        }),
        v21::StationRequest::PullDynamicScheduleUpdate(_) => refused(Refusal::DynamicSchedule),
        v21::StationRequest::VatNumberValidation(told) => refused(Refusal::VatNumber {
            number: told.vat_number.clone(),
            evse: told.evse_id.map(|evse| evse.0),
        }),
        v21::StationRequest::GetCertificateChainStatus(told) => {
            refused(Refusal::ChainStatus(told.certificate_status_requests.clone()))
        }
    }
}

/// What a station reckons that a transaction cost.
pub(super) fn cost(request: &TransactionEventRequest, zone: &Zone) -> Option<Notice> {
    let details = request.in_detail.cost_details.as_ref()?;
    let total = &details.total_cost;
    let amount = |figure: &Option<Figure>| figure.as_ref().map_or("?".to_owned(), ToString::to_string);
    Some(Notice {
        evse: request.evse.map(|evse| evse.id.0),
        reported: request.timestamp.instant_in(zone),
        number: request.seq_no.map(i64::from),
        detail: Some(match &details.failure_reason {
            Some(reason) => format!("the station could not reckon: {reason}"),
            None => format!(
                "{} {} with taxes, {} without",
                amount(&total.total.incl_tax),
                total.currency,
                amount(&total.total.excl_tax)
            ),
        }),
        ..Notice::new(Subject::Cost, request.transaction_info.transaction_id.as_str())
    })
}

/// The CALLRESULT that says what we cannot do.
pub(super) fn refusal(refusal: &Refusal, now: Timestamp, id: &MessageId) -> Result<String, EncodeError> {
    let why = |additional_info: &str| {
        let (reason_code, additional_info) = ("NotSupported".to_owned(), Some(additional_info.to_owned()));
        Some(StatusInfo { reason_code, additional_info })
    };
    let of_201 = |response: StationResponse| response.encode_in(Version::V21, id);
    let of_21 = |response: v21::StationResponse| response.encode(id);
    match refusal {
        Refusal::Signature => of_201(
            SignCertificateResponse {
                status: AcceptedStatus::Rejected,
                status_info: why("no authority that signs certificates is configured"),
            }
            .into(),
        ),
        Refusal::EvCertificate => of_201(
            Get15118EVCertificateResponse {
                status: Iso15118EVCertificateStatus::Failed,
                status_info: why("no contracts of ISO 15118 are kept here"),
                exi_response: String::new(),
                remaining_contracts: None,
            }
            .into(),
        ),
        Refusal::CertificateStatus => of_201(
            GetCertificateStatusResponse {
                status: GetCertificateStatusKnown::Failed,
                status_info: why("no responder is asked from here"),
                ocsp_result: None,
            }
            .into(),
        ),
        Refusal::DynamicSchedule => of_21(
            PullDynamicScheduleUpdateResponse {
                schedule_update: None,
                status: AcceptedStatus::Rejected,
                status_info: why("no profile of ours is dynamic"),
            }
            .into(),
        ),
        Refusal::VatNumber { number, evse } => of_21(
            VatNumberValidationResponse {
                company: None,
                status_info: why("no register of VAT numbers is asked from here"),
                vat_number: number.clone(),
                evse_id: evse.map(ocpp::v201::EvseNumber),
                status: AcceptedStatus::Rejected,
            }
            .into(),
        ),
        Refusal::ChainStatus(asked) => of_21(
            GetCertificateChainStatusResponse {
                certificate_status: asked
                    .iter()
                    .map(|asked| CertificateStatus {
                        certificate_hash_data: asked.certificate_hash_data.clone(),
                        source: asked.source.clone(),
                        status: CertificateStatusKnown::Failed,
                        next_update: StationTime::from(now),
                    })
                    .collect(),
            }
            .into(),
        ),
    }
}

/// The answer to what an EV wants.
pub(super) fn needs_response(is_limited: bool) -> NotifyEVChargingNeedsResponse {
    NotifyEVChargingNeedsResponse::new(if is_limited {
        NotifyEVChargingNeedsStatus::Accepted
    } else {
        NotifyEVChargingNeedsStatus::Rejected
    })
}

/// The answer to what an EV means to draw.
pub(super) fn schedule_response() -> NotifyEVChargingScheduleResponse {
    NotifyEVChargingScheduleResponse::new(AcceptedStatus::Accepted)
}

fn kept(notice: Notice) -> Request {
    Request::Notices { notices: vec![notice], answer: Answer::Informs, progress: None }
}

fn refused(refusal: Refusal) -> Request {
    Request::Notices { notices: Vec::new(), answer: Answer::Refused(refusal), progress: None }
}

fn needs(told: &NotifyEVChargingNeedsRequest, detail: Option<String>, zone: &Zone) -> Notice {
    Notice {
        evse: Some(told.evse_id.0),
        reported: told.timestamp.instant_in(zone),
        detail,
        ..Notice::new(Subject::EvNeeds, told.charging_needs.requested_energy_transfer.as_str())
    }
}

fn events(told: &NotifyEventRequest, zone: &Zone) -> Vec<Notice> {
    let event = |event: &ocpp::v201::EventData| {
        let variable = format!("{}.{}", event.component.name, event.variable.name);
        let value = if ocpp::is_secret_key(&variable) { "(withheld)" } else { event.actual_value.as_str() };
        let more = [event.tech_code.as_deref(), event.tech_info.as_deref()];
        let more: Vec<&str> = more.into_iter().flatten().collect();
        let cleared = if event.cleared == Some(true) { " cleared" } else { "" };
        let detail = format!("{variable} = {value}{cleared} {}", more.join(" "));
        Notice {
            evse: event.component.evse.map(|evse| evse.id.0),
            reported: event.timestamp.instant_in(zone),
            number: event.event_id.map(i64::from),
            detail: Some(detail.trim_end().to_owned()),
            ..Notice::new(Subject::Event, event.trigger.as_str())
        }
    };
    told.event_data.iter().map(event).collect()
}

fn unit_of(schedule: &ChargingSchedule) -> &'static str {
    match schedule.limits {
        ocpp::v201::ScheduleLimits::Amperes(_) => "A",
        ocpp::v201::ScheduleLimits::Watts(_) => "W",
    }
}

fn in_words(info: &StatusInfo) -> String {
    match &info.additional_info {
        Some(more) => format!("{}: {more}", info.reason_code),
        None => info.reason_code.clone(),
    }
}
