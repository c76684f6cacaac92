//! Tests of frames: JSON against serde_json, faults and their answers, repairs, redaction, recorded frames; and what the
//! tests of each version share.

mod draw;
mod frames;
mod fuzz;
mod json;
mod recorded;
mod redaction;
mod schema_messages;
pub(crate) mod schemas;
pub(crate) mod strategies;

/// Every valid message of a version encodes and decodes to itself, without a quirk, and is as its schema says. Where it
/// stands, `station_request()` and its like draw messages, `schema_of_request` and `assert_valid` know the schemas.
macro_rules! round_trips {
    ($cases:literal) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: $cases, ..ProptestConfig::default() })]

            #[test]
            fn calls_of_stations(request in station_request(), id in text(36)) {
                let id = MessageId::new(&id).unwrap();
                let text = request.encode(&id).unwrap();
                let Frame::Call { id: read, action, payload } = frame_of(&text) else { panic!("{text}") };
                let decoded = StationRequest::decode(&action, &payload).unwrap();
                assert_valid(&schema_of_request(&action), &request.payload().unwrap());
                prop_assert_eq!((read, decoded.value, decoded.quirks), (id, request, vec![]), "{}", text);
            }

            #[test]
            fn answers_of_ours(response in station_response()) {
                let text = response.encode(&MessageId::numbered(1)).unwrap();
                let Frame::CallResult { payload, .. } = frame_of(&text) else { panic!("{text}") };
                let decoded = StationResponse::decode(response.action(), &payload).unwrap();
                assert_valid(&format!("{}Response", response.action()), &response.payload().unwrap());
                prop_assert_eq!((decoded.value, decoded.quirks), (response, vec![]), "{}", text);
            }

            #[test]
            fn calls_of_ours(request in csms_request()) {
                let text = request.encode(&MessageId::numbered(1)).unwrap();
                let Frame::Call { action, payload, .. } = frame_of(&text) else { panic!("{text}") };
                let decoded = CsmsRequest::decode(&action, &payload).unwrap();
                assert_valid(&schema_of_request(&action), &request.payload().unwrap());
                prop_assert_eq!((decoded.value, decoded.quirks), (request, vec![]), "{}", text);
            }

            #[test]
            fn answers_of_stations(response in csms_response()) {
                let text = response.encode(&MessageId::numbered(1)).unwrap();
                let Frame::CallResult { payload, .. } = frame_of(&text) else { panic!("{text}") };
                let decoded = CsmsResponse::decode(response.action(), &payload).unwrap();
                assert_valid(&format!("{}Response", response.action()), &response.payload().unwrap());
                prop_assert_eq!((decoded.value, decoded.quirks), (response, vec![]), "{}", text);
            }
        }
    };
}

pub(crate) use round_trips;
