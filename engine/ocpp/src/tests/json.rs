//! The JSON reader against serde_json, the naive reference.

use proptest::prelude::*;

use crate::json::{self, Json, JsonError};

#[test]
fn depth_is_bounded_whatever_is_asked_for() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(json::parse(&nested(32), 32).is_ok());
    assert_eq!(json::parse(&nested(33), 32), Err(JsonError::TooDeep { at: 32, limit: 32 }));
    let deepest = json::DEPTH_MAX;
    assert!(json::parse(&nested(deepest), usize::MAX).is_ok());
    assert!(json::parse(&nested(100_000), usize::MAX).is_err());
    assert!(json::parse(&"{\"a\":".repeat(100_000), usize::MAX).is_err());
}

#[test]
fn numbers_stay_as_written() {
    let text = r#"[9223372036854775807,12272.427,2e+01,-0.0,1E5]"#;
    assert_eq!(json::parse(text, 32).unwrap().to_string(), text);
}

#[test]
fn the_last_of_repeated_members_counts() {
    let json = json::parse(r#"{"a":1,"b":2,"a":3}"#, 32).unwrap();
    assert_eq!(json.get("a"), Some(&Json::Number("3".into())));
}

#[test]
fn what_is_no_json_is_refused_where_it_breaks() {
    for (text, at) in [
        ("", 0),
        ("[1,]", 3),
        ("[,1]", 1),
        ("{\"a\":}", 5),
        ("[1] 2", 4),
        ("\"a", 2),
        ("\"\\x\"", 2),
        ("01", 1),
        ("1.", 2),
        ("nul", 0),
        ("\"\n\"", 1),
    ] {
        assert_eq!(json::parse(text, 32), Err(JsonError::Syntax { at }), "{text}");
    }
}

/// Texts that are JSON or nearly so.
fn near_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"connectorId\"",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "12.5",
        "1e3",
        "2E-2",
        " ",
        "\n",
        "\\",
        "\\n",
        "\\u00e4",
        "\\ud83d\\ude00",
        "\\ud800",
        "é",
        "𝄞",
        "x",
        "\t",
        ".",
        "-",
        "[]",
        "{}",
        "{\"a\":1}",
        "[1,2]",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Values as serde_json builds them.
fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_same_texts_are_json_as_for_serde_json(text in near_json()) {
        let ours = json::parse(&text, 128);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} and {:?}", ours, theirs);
    }

    #[test]
    fn values_are_read_and_printed_as_by_serde_json(value in value()) {
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let ours = json::parse(&pretty, 128).unwrap();
        prop_assert_eq!(&ours.to_string(), &value.to_string());
        prop_assert_eq!(ours.clone().into_owned(), ours);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = json::parse(&text, 32);
    }
}

#[test]
fn a_string_ends_at_its_quote_wherever_that_stands() {
    for length in 0..20 {
        for plain in ["a", " ", "!", "#", "[", "]", "\u{7f}", "ä", "€"] {
            let text = plain.repeat(length);
            let read = |rest: &str| json::parse(&format!("\"{text}{rest}"), 0).map(Json::into_owned);
            assert_eq!(read("\""), Ok(Json::Text(text.clone().into())));
            assert_eq!(read("\\\"b\""), Ok(Json::Text(format!("{text}\"b").into())));
            for broken in ["", "\0\"", "\n\"", "\u{1f}\"", "\u{1f}\u{1f}\""] {
                assert_eq!(
                    read(broken),
                    Err(JsonError::Syntax { at: 1 + text.len() }),
                    "{text:?} {broken:?}"
                );
            }
        }
    }
}
