//! What may be logged of a frame.

use crate::{redact, reference};

#[test]
fn tokens_become_references_and_secrets_vanish() {
    let tag = reference("04A1B2C3");
    assert!(tag.starts_with("04~") && tag.len() == 11, "{tag}");
    for (text, want) in [
        (
            r#"[2, "1", "Authorize", {"idTag":"04A1B2C3"}]"#.to_owned(),
            format!(r#"[2,"1","Authorize",{{"idTag":"{tag}"}}]"#),
        ),
        (
            r#"[2,"1","StartTransaction",{"IDTAG":" 04 a1 b2 c3","meterStart":7}]"#.to_owned(),
            format!(r#"[2,"1","StartTransaction",{{"IDTAG":"{tag}","meterStart":7}}]"#),
        ),
        (
            r#"[3,"1",{"idTagInfo":{"status":"Accepted","parentIdTag":"04A1B2C3"}}]"#.to_owned(),
            format!(r#"[3,"1",{{"idTagInfo":{{"status":"Accepted","parentIdTag":"{tag}"}}}}]"#),
        ),
        (
            r#"[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"s3cret"}]"#.to_owned(),
            r#"[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"(withheld)"}]"#.to_owned(),
        ),
        (
            r#"[2,"1","ChangeConfiguration",{"value":"s3cret","key":"authorizationkey"}]"#.to_owned(),
            r#"[2,"1","ChangeConfiguration",{"value":"(withheld)","key":"authorizationkey"}]"#.to_owned(),
        ),
        (
            r#"[3,"1",{"configurationKey":[{"key":"WifiPassword","readonly":false,"value":"x"},{"key":"A","readonly":true,"value":"y"}]}]"#.to_owned(),
            r#"[3,"1",{"configurationKey":[{"key":"WifiPassword","readonly":false,"value":"(withheld)"},{"key":"A","readonly":true,"value":"y"}]}]"#.to_owned(),
        ),
        (
            r#"[2,"203","StatusNotification",{"info":"Info: Charge card 04A1B2C3 detected"}]"#.to_owned(),
            format!(r#"[2,"203","StatusNotification",{{"info":"Info: Charge card {tag} detected"}}]"#),
        ),
        (
            r#"[2,"1","DataTransfer",{"vendorId":"v","data":"{\"idTag\":\"04A1B2C3\"}"}]"#.to_owned(),
            format!(r#"[2,"1","DataTransfer",{{"vendorId":"v","data":"{{\"idTag\":\"{tag}\"}}"}}]"#),
        ),
        (
            r#"[2,"1","TransactionEvent",{"eventType":"Started","idToken":{"idToken":"04A1B2C3","type":"ISO14443","additionalInfo":[{"additionalIdToken":"04a1b2c3","type":"x"}]}}]"#.to_owned(),
            format!(r#"[2,"1","TransactionEvent",{{"eventType":"Started","idToken":{{"idToken":"{tag}","type":"ISO14443","additionalInfo":[{{"additionalIdToken":"{tag}","type":"x"}}]}}}}]"#),
        ),
        (
            r#"[2,"1","SetVariables",{"setVariableData":[{"attributeValue":"s3cret","component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"}},{"attributeValue":"60","component":{"name":"C"},"variable":{"name":"I"}}]}]"#.to_owned(),
            r#"[2,"1","SetVariables",{"setVariableData":[{"attributeValue":"(withheld)","component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"}},{"attributeValue":"60","component":{"name":"C"},"variable":{"name":"I"}}]}]"#.to_owned(),
        ),
        (
            r#"[2,"1","NotifyReport",{"reportData":[{"variable":{"name":"BasicAuthPassword"},"variableAttribute":[{"value":"s3cret"}]}]}]"#.to_owned(),
            r#"[2,"1","NotifyReport",{"reportData":[{"variable":{"name":"BasicAuthPassword"},"variableAttribute":"(withheld)"}]}]"#.to_owned(),
        ),
        (
            r#"[2,"1","NotifyEvent",{"eventData":[{"actualValue":"s3cret","techInfo":"card 04A1B2C3","variable":{"name":"WifiPassword"}}]}]"#.to_owned(),
            format!(r#"[2,"1","NotifyEvent",{{"eventData":[{{"actualValue":"(withheld)","techInfo":"card {tag}","variable":{{"name":"WifiPassword"}}}}]}}]"#),
        ),
        (
            r#"[2,"1","SetNetworkProfile",{"connectionData":{"basicAuthPassword":"s3cret","apn":{"simPin":1234},"vpn":{"key":"s3cret","user":"u","password":"s3cret"}}}]"#.to_owned(),
            r#"[2,"1","SetNetworkProfile",{"connectionData":{"basicAuthPassword":"(withheld)","apn":{"simPin":"(withheld)"},"vpn":{"key":"(withheld)","user":"u","password":"(withheld)"}}}]"#.to_owned(),
        ),
        (
            r#"[2,"1","NotifyCustomerInformation",{"data":"Anna Virtanen","seqNo":0}]"#.to_owned(),
            r#"[2,"1","NotifyCustomerInformation",{"data":"(withheld)","seqNo":0}]"#.to_owned(),
        ),
        (
            r#"[3,"1",{"tariffAssignments":[{"idTokens":["04A1B2C3"]}]}]"#.to_owned(),
            format!(r#"[3,"1",{{"tariffAssignments":[{{"idTokens":["{tag}"]}}]}}]"#),
        ),
    ] {
        assert_eq!(redact(&text), want, "{text}");
    }
}

#[test]
fn frames_without_secrets_stay_as_they_are() {
    for text in [
        r#"[2,"08035439","MeterValues",{"connectorId":1,"meterValue":[{"sampledValue":[{"value":"702201.2"}]}]}]"#,
        r#"[3,"1",{}]"#,
        r#"[4,"1","NotSupported","no",{}]"#,
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn a_short_token_shows_only_its_hash() {
    assert!(reference("evcc").starts_with('~'));
    assert_ne!(reference("evcc"), reference("evcd"));
    assert_eq!(reference("evcc"), reference(" EVCC"));
}

#[test]
fn of_what_is_not_json_nothing_is_shown_that_may_be_a_secret() {
    let frames = [
        r#"[2,"1","Authorize",{"idTag":"HUSHHUSH"}]"#,
        r#"[2,"1","StartTransaction",{"connectorId":1,"idTag" : "HUSHHUSH","meterStart":0}]"#,
        r#"[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"HUSHHUSH"}]"#,
        r#"[2,"1","ChangeConfiguration",{"value":"HUSHHUSH","key":"AuthorizationKey"}]"#,
        r#"[2,"1","StatusNotification",{"info":"card HUSHHUSH","status":"Available"}]"#,
        r#"[2,"1","DataTransfer",{"data":"HUSHHUSH"}]"#,
        r#"[2,"1","Authorize",{"\u0069dTag":"HUSHHUSH"}]"#,
        r#"[2,"1","TransactionEvent",{"seqNo":1,"idToken":{"type":"Central","idToken":"HUSHHUSH"}}]"#,
        r#"[2,"1","SetVariables",{"setVariableData":[{"attributeValue":"HUSHHUSH","variable":{"name":"BasicAuthPassword"}}]}]"#,
        r#"[3,"1",{"getVariableResult":[{"attributeValue":"HUSHHUSH","variable":{"name":"BasicAuthPassword"}}]}]"#,
        r#"[2,"1","NotifyEvent",{"eventData":[{"actualValue":"HUSHHUSH","techInfo":"HUSHHUSH"}]}]"#,
    ];
    for frame in frames {
        for end in 0..frame.len() {
            let cut = &frame[..end];
            assert!(!redact(cut).contains("HUSHHUSH"), "{cut}");
        }
        // Any character but those of names and secrets may be missing.
        for (at, gone) in frame.char_indices().filter(|(_, c)| !c.is_ascii_alphanumeric()) {
            let mut damaged = frame.to_owned();
            damaged.remove(at);
            if serde_json::from_str::<serde_json::Value>(&damaged).is_err() {
                assert!(!redact(&damaged).contains("HUSHHUSH"), "without {gone:?}: {damaged}");
            }
        }
    }
    assert_eq!(
        redact(r#"[2,"1","Authorize",{"connectorId":1 "idTag":"x"}]"#),
        r#"[2,"1","Authorize",{"connectorId":1 "… (12 bytes withheld: not JSON)"#
    );
}
