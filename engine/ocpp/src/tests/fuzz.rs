//! Frames at random, from a corpus that is broken: nothing panics, and what is answered can be read.

use crate::json;
use crate::tests::draw;
use crate::tests::frames::take_through_everything;
use crate::{Frame, Limits, Version, frame, v16, v201};

#[test]
fn no_bytes_and_no_broken_frame_of_the_corpus_harm_the_decoders_of_any_version() {
    draw::check(400, 512, |u| {
        let text = if u.ratio(1, 8)? {
            String::from_utf8_lossy(u.bytes(u.len())?).into_owned()
        } else {
            let line = draw::line(u, &[draw::V16, draw::V201, draw::V21, draw::BROKEN])?;
            let filled = draw::fill(u, line, "4711", "2026-01-15T12:00:00Z")?;
            draw::damage(u, filled)?
        };
        take_through_everything(&text);
        for version in [Version::V16, Version::V201, Version::V21] {
            read_in(version, &text);
        }
        Ok(())
    });
}

#[test]
fn every_frame_of_the_corpus_is_read_in_its_version_and_the_broken_ones_are_told() {
    for (version, file) in [(Version::V16, draw::V16), (Version::V201, draw::V201), (Version::V21, draw::V21)]
    {
        for line in file.lines() {
            let text = plain(line);
            let decoded = frame::decode_in(version, &text, &Limits::default())
                .unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(decoded.quirks, [], "{text}");
        }
    }
    for line in draw::BROKEN.lines() {
        let text = plain(line);
        let read = frame::decode(&text, &Limits::default());
        let is_known = |action: &str| v16::StationAction::named(action).is_ok();
        let is_told = read.is_err()
            || read.is_ok_and(|decoded| match decoded.value {
                Frame::Call { action, .. } => !decoded.quirks.is_empty() || !is_known(&action),
                Frame::CallError { .. } => !decoded.quirks.is_empty(),
                Frame::CallResult { .. } | Frame::CallResultError { .. } | Frame::Send { .. } => false,
            });
        assert!(is_told, "{text}");
    }
}

/// A frame is read within its bounds and to the same again from its own text; what answers a broken one is a frame.
fn read_in(version: Version, text: &str) {
    match frame::decode_in(version, text, &Limits::default()) {
        Ok(decoded) => {
            let payload = match decoded.value {
                Frame::Call { payload, .. }
                | Frame::CallResult { payload, .. }
                | Frame::Send { payload, .. } => payload,
                Frame::CallError { details, .. } => details,
                Frame::CallResultError { .. } => return,
            };
            let written = payload.to_string();
            let again =
                json::parse(&written, Limits::default().depth).unwrap_or_else(|e| panic!("{written}: {e:?}"));
            assert_eq!(again, payload, "{text}");
        }
        Err(error) => {
            let answer = match version {
                Version::V16 => v16::answer_to_frame(&error),
                Version::V201 | Version::V21 => v201::answer_to_frame(&error),
            };
            if let Some(answer) = answer {
                let read = frame::decode_in(version, &answer, &Limits::default());
                let read = read.unwrap_or_else(|e| panic!("{answer} to {text}: {e}"));
                assert!(matches!(read.value, Frame::CallError { .. }), "{answer}");
            }
        }
    }
}

fn plain(line: &str) -> String {
    let places = [("<id>", "1"), ("<at>", "2026-01-15T12:00:00Z"), ("<token>", "ANNA")];
    let text = places.iter().fold(line.to_owned(), |text, (place, value)| text.replace(place, value));
    ["<evse>", "<tx>", "<wh>", "<small>"].iter().fold(text, |text, place| text.replace(place, "1"))
}
