//! Frames: what is read, what is refused, and who may be answered.

use proptest::prelude::*;

use crate::frame::{
    self, Frame, FrameError, FrameFault, Limits, MessageId, MessageKind, encode_call, encode_call_error,
    encode_call_result,
};
use crate::json::Json;
use crate::quirk::Quirk;
use crate::{Version, v16, v21, v201};

fn decode(text: &str) -> Result<(Frame<'_>, Vec<Quirk>), FrameError> {
    frame::decode(text, &Limits::default()).map(|decoded| (decoded.value, decoded.quirks))
}

#[test]
fn the_three_kinds_are_read_and_written() {
    let id = MessageId::new("19223201").unwrap();
    let call = encode_call(&id, "Heartbeat", "{}");
    assert_eq!(call, r#"[2,"19223201","Heartbeat",{}]"#);
    let want = Frame::Call { id: id.clone(), action: "Heartbeat".into(), payload: Json::EMPTY };
    assert_eq!(decode(&call), Ok((want, vec![])));

    let result = encode_call_result(&id, "{}");
    assert_eq!(result, r#"[3,"19223201",{}]"#);
    assert_eq!(decode(&result), Ok((Frame::CallResult { id: id.clone(), payload: Json::EMPTY }, vec![])));

    let error = encode_call_error(&id, "NotSupported", "say \"when\"");
    assert_eq!(error, r#"[4,"19223201","NotSupported","say \"when\"",{}]"#);
    let want = Frame::CallError {
        id,
        code: "NotSupported".to_owned(),
        description: "say \"when\"".to_owned(),
        details: Json::EMPTY,
    };
    assert_eq!(decode(&error), Ok((want, vec![])));
}

#[test]
fn every_fault_is_told_apart_and_answered_only_where_a_call_can_be_recognised() {
    use FrameFault as Fault;
    let deep = format!(r#"[2,"1","A",{}]"#, "[".repeat(40) + &"]".repeat(40));
    let long_id = format!(r#"[2,"{}","A",{{}}]"#, "x".repeat(256));
    for (text, fault, answer, answer_v201) in [
        ("", Fault::NotJson { at: 0 }, None, Some("RpcFrameworkError")),
        ("hello", Fault::NotJson { at: 0 }, None, Some("RpcFrameworkError")),
        ("{}", Fault::NotAnArray, None, Some("RpcFrameworkError")),
        ("\"text\"", Fault::NotAnArray, None, Some("RpcFrameworkError")),
        ("[]", Fault::ElementCount { count: 0 }, None, Some("RpcFrameworkError")),
        ("[2]", Fault::ElementCount { count: 1 }, None, Some("RpcFrameworkError")),
        (r#"[2,"1"]"#, Fault::ElementCount { count: 2 }, Some("ProtocolError"), Some("RpcFrameworkError")),
        (
            r#"[2,"1","A"]"#,
            Fault::ElementCount { count: 3 },
            Some("ProtocolError"),
            Some("RpcFrameworkError"),
        ),
        (
            r#"[2,"1","A",{},{}]"#,
            Fault::ElementCount { count: 5 },
            Some("ProtocolError"),
            Some("RpcFrameworkError"),
        ),
        (r#"[3,"1"]"#, Fault::ElementCount { count: 2 }, None, None),
        (r#"[3,"1",{},{}]"#, Fault::ElementCount { count: 4 }, None, None),
        (r#"[4,"1"]"#, Fault::ElementCount { count: 2 }, None, None),
        (r#"[1,"1","A",{}]"#, Fault::MessageType, None, None),
        (r#"[5,"1","A",{}]"#, Fault::MessageType, None, None),
        (r#"["2","1","A",{}]"#, Fault::MessageType, None, None),
        (r#"[2.0,"1","A",{}]"#, Fault::MessageType, None, None),
        (r#"[2,"","A",{}]"#, Fault::MessageId, None, Some("RpcFrameworkError")),
        (r#"[2,null,"A",{}]"#, Fault::MessageId, None, Some("RpcFrameworkError")),
        (r#"[2,{},"A",{}]"#, Fault::MessageId, None, Some("RpcFrameworkError")),
        (&long_id, Fault::MessageId, None, Some("RpcFrameworkError")),
        (r#"[2,"1",7,{}]"#, Fault::Action, Some("FormationViolation"), Some("RpcFrameworkError")),
        (r#"[2,"1","A",7]"#, Fault::Payload, Some("FormationViolation"), Some("FormatViolation")),
        (r#"[2,"1","A",[1]]"#, Fault::Payload, Some("FormationViolation"), Some("FormatViolation")),
        (r#"[3,"1","x"]"#, Fault::Payload, None, None),
        (
            r#"[2,"1","A",{"a":]"#,
            Fault::NotJson { at: 16 },
            Some("FormationViolation"),
            Some("RpcFrameworkError"),
        ),
        (
            "[2,\t\"1\",\"A\",{\"connectorId\":\t1\t\"idTag\":\t\"x\"}]",
            Fault::NotJson { at: 30 },
            Some("FormationViolation"),
            Some("RpcFrameworkError"),
        ),
        (r#"[3,"1",{"a"]"#, Fault::NotJson { at: 11 }, None, None),
        (r#"[2,"1"#, Fault::NotJson { at: 5 }, None, Some("RpcFrameworkError")),
        (
            r#"[2,12,"A",{"a"}]"#,
            Fault::NotJson { at: 14 },
            Some("FormationViolation"),
            Some("RpcFrameworkError"),
        ),
        (&deep, Fault::TooDeep { limit: 32 }, Some("GenericError"), Some("GenericError")),
    ] {
        let error = decode(text).expect_err(text);
        assert_eq!(error.fault, fault, "{text}");
        let replies = [(v16::answer_to_frame(&error), answer), (v201::answer_to_frame(&error), answer_v201)];
        for (reply, answer) in replies {
            assert_eq!(reply.is_some(), answer.is_some(), "{text}: {reply:?}");
            let (Some(reply), Some(code)) = (reply, answer) else { continue };
            let (frame, quirks) = decode(&reply).expect("our own answer is a frame");
            let Frame::CallError { id, code: sent, .. } = frame else { panic!("{text}: {reply}") };
            assert_eq!(sent, code, "{text}: {reply}");
            // Trap 7: OCPP 2.0.1 has an id where none can be read.
            assert_eq!(id, error.id.clone().unwrap_or_else(MessageId::unreadable), "{text}: {reply}");
            assert_eq!(id.as_str() == "-1", error.id.is_none(), "{text}: {reply}");
            let echoed = if text.starts_with("[2,12") { vec![Quirk::NumberAsMessageId] } else { vec![] };
            assert_eq!(quirks, echoed, "{text}: {reply}");
        }
    }
}

#[test]
fn a_frame_is_read_up_to_256_kib_and_one_beyond_is_answered() {
    let frame_of = |length: usize| {
        let envelope = r#"[2,"77","DataTransfer",{"vendorId":"v","data":""}]"#;
        envelope.replace("\"data\":\"\"", &format!("\"data\":\"{}\"", "x".repeat(length - envelope.len())))
    };
    let limit = 256 * 1024;
    assert_eq!(frame_of(limit).len(), limit);
    assert!(decode(&frame_of(limit)).is_ok());
    let error = decode(&frame_of(limit + 1)).expect_err("too big");
    assert_eq!(error.fault, FrameFault::TooBig { length: limit + 1, limit });
    assert_eq!(error.kind, Some(MessageKind::Call));
    assert_eq!(error.answer_to().map(MessageId::as_str), Some("77"));
    assert!(v16::answer_to_frame(&error).unwrap().starts_with(r#"[4,"77","GenericError","#));
}

#[test]
fn message_ids_come_back_in_the_form_they_came_in() {
    for (text, id, quirks) in [
        (r#"[2,"0583200","Heartbeat",{}]"#, r#""0583200""#, vec![]),
        (r#"[2, 42 ,"Heartbeat",{}]"#, "42", vec![Quirk::NumberAsMessageId]),
        (r#"[2,"a\"\\b","Heartbeat",{}]"#, r#""a\"\\b""#, vec![]),
        (r#"[2,"?","Heartbeat",null]"#, r#""?""#, vec![Quirk::EmptyPayloadForm]),
        (r#"[2,"1","Heartbeat",[]]"#, r#""1""#, vec![Quirk::EmptyPayloadForm]),
        (
            r#"[2,"0123456789012345678901234567890123456","Heartbeat",{}]"#,
            r#""0123456789012345678901234567890123456""#,
            vec![Quirk::LongMessageId],
        ),
    ] {
        let (frame, got) = decode(text).expect(text);
        assert_eq!(got, quirks, "{text}");
        let Frame::Call { id: read, .. } = frame else { panic!("{text} is a call") };
        assert_eq!(encode_call_result(&read, "{}"), format!("[3,{id},{{}}]"));
    }
    // An answer that turned our text id into a number still belongs to its call.
    let Ok((Frame::CallResult { id, .. }, _)) = decode("[3,17,{}]") else { panic!("an answer") };
    assert_eq!(id, MessageId::numbered(17));
}

#[test]
fn our_own_ids_are_short_and_not_empty() {
    assert_eq!(MessageId::new(""), None);
    assert_eq!(MessageId::new(&"x".repeat(37)), None);
    assert!(MessageId::new(&"x".repeat(36)).is_some());
}

#[test]
fn loose_call_errors_are_read() {
    for text in [
        r#"[4,"1","InternalError"]"#,
        r#"[4,"1","InternalError","why"]"#,
        r#"[4,"1","InternalError",null,null]"#,
        r#"[4,"1","InternalError","why","SQL [insert …]"]"#,
    ] {
        let (frame, quirks) = decode(text).expect(text);
        assert_eq!(quirks, vec![Quirk::LooseCallError], "{text}");
        assert!(matches!(frame, Frame::CallError { code, .. } if code == "InternalError"), "{text}");
    }
}

#[test]
fn known_broken_json_is_repaired_and_named() {
    use Quirk::{RepairedLeadingComma, RepairedMissingValue, RepairedTruncatedList};
    for (broken, repaired, quirk) in [
        (
            r#"[2,"1","StopTransaction",{"transactionId":,"meterStop":5}]"#,
            r#"{"transactionId":null,"meterStop":5}"#,
            RepairedMissingValue,
        ),
        (
            r#"[2,"1","StopTransaction",{"meterStop":5,"transactionId": }]"#,
            r#"{"meterStop":5,"transactionId":null}"#,
            RepairedMissingValue,
        ),
        (
            r#"[2,"1","MeterValues",{"meterValue":[{"sampledValue":[ ,{"value":"[,:,"}]}]}]"#,
            r#"{"meterValue":[{"sampledValue":[{"value":"[,:,"}]}]}"#,
            RepairedLeadingComma,
        ),
        (r#"[3,"1",{"configurationKey":[]"#, r#"{"configurationKey":[]}"#, RepairedTruncatedList),
        (
            r#"[3,"1",{"configurationKey":[{"key":"A","readonly":true}"#,
            r#"{"configurationKey":[{"key":"A","readonly":true}]}"#,
            RepairedTruncatedList,
        ),
    ] {
        let (frame, quirks) = decode(broken).expect(broken);
        assert_eq!(quirks, vec![quirk], "{broken}");
        let (Frame::Call { payload, .. } | Frame::CallResult { payload, .. }) = frame else {
            panic!("{broken}")
        };
        assert_eq!(payload.to_string(), repaired);
    }
}

#[test]
fn nothing_else_is_repaired() {
    for text in [
        // A call that was cut: its end must not be invented.
        r#"[2,"1","StopTransaction",{"transactionId":1,"meterStop":5}"#,
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[]"#,
        // A list that was cut within a value.
        r#"[3,"1",{"configurationKey":[{"key":"A","value":"1"#,
        r#"[3,"1",{"configurationKey":[{"key":"A","readonly":tru"#,
        r#"[3,"1",{"configurationKey":[{"key":"A","readonly":true"#,
        // Another answer.
        r#"[3,"1",{"status":"Accepted"}"#,
        // Brackets that do not match.
        r#"[3,"1",{"configurationKey":[}]"#,
        // Two faults of which one has no repair.
        r#"[2,"1","StopTransaction",{"transactionId":,"meterStop":5 "reason":"Local"}]"#,
        r#"[2,"1","StopTransaction",{"transactionId":1,,"meterStop":5}]"#,
        r#"[2,"1","StopTransaction",{"transactionId":1,}]"#,
    ] {
        assert!(decode(text).is_err(), "{text}");
    }
}

/// A frame as recorded, broken in up to four places.
fn mutated_frame() -> impl Strategy<Value = String> {
    let frames = vec![
        r#"[2,"76414aac","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Preparing","timestamp":"2026-07-23T08:21:46.000Z"}]"#,
        r#"[2,"4","MeterValues",{"connectorId":1,"transactionId":9223372036854775807,"meterValue":[{"timestamp":"2020-09-19T15:14:23Z","sampledValue":[{"value":"15.630","context":"Sample.Periodic","unit":"A"},{"value":"2e+01","context":"CurrentMax","unit":"kWh"}]}]}]"#,
        r#"[2,"x","SetChargingProfile",{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":6.1}]}}}]"#,
        r#"[2,"1000012","StopTransaction",{"meterStop":2310,"timestamp":"2023-03-28T04:47:37.000Z","transactionId":387801,"transactionData":[{"timestamp":"2023-03-28","sampledValue":[{"value":" 1644"}]}]}]"#,
        r#"[2,"7","TransactionEvent",{"eventType":"Updated","timestamp":"2026-07-23T08:21:46Z","triggerReason":"MeterValuePeriodic","seqNo":3,"transactionInfo":{"transactionId":"a1","chargingState":"Charging"},"evse":{"id":1,"connectorId":1},"idToken":{"idToken":"04A1B2C3","type":"ISO14443"},"meterValue":[{"timestamp":"2026-07-23T08:21:46Z","sampledValue":[{"value":1.5e3,"unitOfMeasure":{"unit":"kWh","multiplier":-3}}]}]}]"#,
        r#"[2,"8","SetChargingProfile",{"evseId":1,"chargingProfile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","transactionId":"a1","chargingSchedule":[{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":6.1,"numberPhases":1,"phaseToUse":2}]}]}}]"#,
        r#"[3,"9",{"getVariableResult":[{"attributeStatus":"Accepted","attributeValue":"A","component":{"name":"SmartChargingCtrlr"},"variable":{"name":"RateUnit"}}]}]"#,
        r#"[3,"64b4a0fc",{"configurationKey":[{"key":"K","readonly":false,"value":"60"}]"#,
        r#"[4,"735256758","NotSupported","Unsupported feature",{}]"#,
    ];
    let change = (any::<prop::sample::Index>(), prop::option::of(any::<char>()), any::<bool>());
    (prop::sample::select(frames), prop::collection::vec(change, 0..4)).prop_map(|(frame, changes)| {
        let mut characters: Vec<char> = frame.chars().collect();
        for (at, put, is_cut) in changes {
            if characters.is_empty() {
                break;
            }
            let at = at.index(characters.len());
            if is_cut && put.is_none() {
                characters.truncate(at);
            } else if let Some(character) = put {
                characters[at] = character;
            } else {
                characters.remove(at);
            }
        }
        characters.into_iter().collect()
    })
}

/// Everything that could be done with a text from a socket.
pub(crate) fn take_through_everything(text: &str) {
    let _ = crate::redact(text);
    match frame::decode(text, &Limits::default()) {
        Err(error) => {
            for reply in [v16::answer_to_frame(&error), v201::answer_to_frame(&error)].into_iter().flatten() {
                assert!(decode(&reply).is_ok(), "{reply}");
            }
        }
        Ok(decoded) => match decoded.value {
            Frame::Call { id, action, payload } => {
                for error in [
                    v16::StationRequest::decode(&action, &payload).err(),
                    v16::CsmsRequest::decode(&action, &payload).err(),
                    v201::StationRequest::decode(&action, &payload).err(),
                    v201::CsmsRequest::decode(&action, &payload).err(),
                    v21::StationRequest::decode(&action, &payload).err(),
                    v21::CsmsRequest::decode(&action, &payload).err(),
                ]
                .into_iter()
                .flatten()
                {
                    for reply in [v16::answer_to_payload(&id, &error), v201::answer_to_payload(&id, &error)] {
                        assert!(decode(&reply).is_ok(), "{text}: {error}");
                    }
                }
                all_responses(&payload);
            }
            Frame::CallResult { payload, .. } => all_responses(&payload),
            Frame::CallError { .. } | Frame::CallResultError { .. } | Frame::Send { .. } => {}
        },
    }
}

fn all_responses(payload: &Json<'_>) {
    macro_rules! all_of {
        ($version:ident) => {
            for action in $version::StationAction::ALL {
                let _ = $version::StationRequest::decode(action.name(), payload);
                let _ = $version::StationResponse::decode(*action, payload);
            }
            for action in $version::CsmsAction::ALL {
                let _ = $version::CsmsRequest::decode(action.name(), payload);
                if let Ok(decoded) = $version::CsmsResponse::decode(*action, payload) {
                    let _ = decoded.value.payload();
                }
            }
        };
    }
    all_of!(v16);
    all_of!(v201);
    all_of!(v21);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_a_frame_makes_anything_panic(text in mutated_frame()) {
        take_through_everything(&text);
    }

    #[test]
    fn no_bytes_make_anything_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        take_through_everything(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_nesting_makes_anything_panic(depth in 0_usize..60_000, open in prop::sample::select(vec!["[", "{\"a\":", "[{\"a\":"])) {
        take_through_everything(&format!(r#"[2,"1","MeterValues",{}"#, open.repeat(depth.min(40_000))));
    }
}

#[test]
fn refusals_of_answers_and_what_has_no_answer_exist_from_ocpp_2_1_on() {
    let read = |version, text| frame::decode_in(version, text, &Limits::default());
    let error = r#"[5,"17","FormatViolation","totalCost is no number",{}]"#;
    let send = r#"[6,"18","NotifyPeriodicEventStream",{"id":1}]"#;
    for text in [error, send] {
        let fault = read(Version::V201, text).unwrap_err();
        assert_eq!((fault.fault, fault.answer_to()), (FrameFault::MessageType, None), "{text}");
    }
    let Frame::CallResultError { id, code, .. } = read(Version::V21, error).unwrap().value else { panic!() };
    assert_eq!((id.as_str(), code.as_str()), ("17", "FormatViolation"));
    let Frame::Send { action, .. } = read(Version::V21, send).unwrap().value else { panic!() };
    assert_eq!(action, "NotifyPeriodicEventStream");
    // Neither is answered, however broken it is.
    for text in [r#"[6,"18","NotifyPeriodicEventStream"]"#, r#"[6,"18","A",7]"#, r#"[5,"17"]"#, r#"[6,"18""#]
    {
        let fault = read(Version::V21, text).unwrap_err();
        assert_eq!(crate::v201::answer_to_frame(&fault), None, "{text}");
    }
    let refused = frame::encode_call_result_error(&MessageId::numbered(44), "FormatViolation", "4 is not 5");
    assert_eq!(refused, r#"[5,"44","FormatViolation","4 is not 5",{}]"#);
}
