//! Repairs of broken JSON that known stations send. Each is narrow, named by its quirk, and tried only when plain
//! reading failed.

use crate::frame::{self, MessageKind};
use crate::quirk::Quirk;

/// The repaired text with the repairs that were applied; `None` where no repair applies.
pub(crate) fn repair(text: &str) -> Option<(String, Vec<Quirk>)> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut quirks = Vec::new();
    let mut open = Vec::new();
    let mut is_in_text = false;
    let mut is_escaped = false;
    // The last character outside texts that is not blank; a text counts as its quote.
    let mut before = ' ';
    for character in text.chars() {
        if is_in_text {
            is_in_text = character != '"' || is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            out.push(character);
            continue;
        }
        match character {
            '"' => is_in_text = true,
            '[' => open.push(']'),
            '{' => open.push('}'),
            ']' | '}' => {
                let expected = open.pop()?;
                if expected != character {
                    return None;
                }
            }
            _ => {}
        }
        if before == ':' && matches!(character, ',' | '}') {
            out.push_str("null");
            note(&mut quirks, Quirk::RepairedMissingValue);
        }
        if before == '[' && character == ',' {
            note(&mut quirks, Quirk::RepairedLeadingComma);
            before = '[';
            continue;
        }
        out.push(character);
        if !character.is_ascii_whitespace() {
            before = character;
        }
    }
    if !open.is_empty() {
        if is_in_text || !is_truncated_list(text, before) {
            return None;
        }
        out.extend(open.iter().rev());
        note(&mut quirks, Quirk::RepairedTruncatedList);
    }
    (!quirks.is_empty()).then_some((out, quirks))
}

/// Whether brackets may be closed: only in the answer with a configuration list, only after a finished value. Anything
/// wider would invent the end of a frame that was cut.
fn is_truncated_list(text: &str, last: char) -> bool {
    matches!(last, ']' | '}')
        && frame::peek(text).kind == Some(MessageKind::CallResult)
        && text.contains("\"configurationKey\"")
}

fn note(quirks: &mut Vec<Quirk>, quirk: Quirk) {
    if !quirks.contains(&quirk) {
        quirks.push(quirk);
    }
}
