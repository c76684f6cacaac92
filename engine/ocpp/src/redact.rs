//! Frames as they may be logged: tokens as references, secrets withheld.

use std::borrow::Cow;

use crate::frame;
use crate::json::{self, Json};

/// What stands in a log in place of a secret.
pub const WITHHELD: &str = "(withheld)";

/// Members whose value is a token.
const TOKENS: [&str; 7] = [
    "idtag",
    "parentidtag",
    "idtoken",
    "groupidtoken",
    "additionalidtoken",
    "idtokens",
    "customeridentifier",
];

/// Members of free text, in which stations have put card numbers (`Info: Charge card … detected`).
const FREE_TEXTS: [&str; 5] = ["info", "data", "vendorerrorcode", "techinfo", "additionalinfo"];

/// Members that hold the value of the key or variable beside them.
const VALUES: [&str; 4] = ["value", "attributevalue", "actualvalue", "variableattribute"];

/// Parts of names whose values are secrets.
const SECRETS: [&str; 4] = ["authorizationkey", "password", "secret", "simpin"];

/// Words of a broken frame from which on nothing is shown: names of secrets, also damaged ones, and escapes that may
/// spell one.
const STOPS: [&str; 8] =
    ["idt", "password", "authorizationkey", "secret", "info", "data", "vendorerr", "\\u"];

/// The frame as it may be logged, whatever it is. What is JSON is printed compactly with the secrets replaced; what is not
/// is shown up to the first word that may announce a secret.
#[must_use]
pub fn redact(text: &str) -> String {
    match json::parse(text, json::DEPTH_MAX) {
        Ok(json) => {
            let mut out = String::with_capacity(text.len());
            // Writing into a `String` cannot fail.
            let _ = redacted(json).write(&mut out);
            out
        }
        Err(_) => redacted_prefix(text),
    }
}

/// A short reference that is the same for the same token: its first two characters and a hash.
/// Good for recognising a token in a log, not for hiding one from somebody who can try all of them.
#[must_use]
pub fn reference(token: &str) -> String {
    let token = without_blanks(token).to_ascii_uppercase();
    // FNV-1a, 32 bits.
    let hash =
        token.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let shown: String =
        if token.chars().count() > 4 { token.chars().take(2).collect() } else { String::new() };
    format!("{shown}~{hash:08x}")
}

/// The token without blanks: some stations write `" B5 EC 6F B9"` (FIELD 4c).
pub(crate) fn without_blanks(token: &str) -> String {
    token.split_ascii_whitespace().collect()
}

/// Whether a configuration key, or a variable, holds a secret.
#[must_use]
pub fn is_secret_key(key: &str) -> bool {
    let contains = |secret: &str| {
        key.as_bytes().windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes()))
    };
    SECRETS.iter().any(|secret| contains(secret))
}

fn redacted(json: Json<'_>) -> Json<'_> {
    match json {
        Json::List(items) => Json::List(items.into_iter().map(redacted).collect()),
        Json::Object(members) => {
            // `{"key":"AuthorizationKey","value":…}`, in whatever order; in OCPP 2.0.1
            // `{"attributeValue":…,"variable":{"name":"BasicAuthPassword"}}`.
            let holds_secret = members.iter().any(|(name, value)| {
                let named =
                    if name.eq_ignore_ascii_case("variable") { value.get("name") } else { Some(value) };
                let names = ["key", "variable"].iter().any(|known| name.eq_ignore_ascii_case(known));
                names && named.and_then(Json::as_text).is_some_and(is_secret_key)
            });
            let has = |wanted: &str| members.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
            // A tunnel's key stands beside its password; what is held of a person comes in numbered parts.
            let (is_tunnel, is_of_person) = (has("password"), has("seqNo"));
            Json::Object(
                members
                    .into_iter()
                    .map(|(name, value)| {
                        let is_key = is_tunnel && name.eq_ignore_ascii_case("key");
                        let is_personal = is_of_person && name.eq_ignore_ascii_case("data");
                        let value = if is_key || is_personal {
                            Json::Text(Cow::Borrowed(WITHHELD))
                        } else {
                            redacted_member(&name, value, holds_secret)
                        };
                        (name, value)
                    })
                    .collect(),
            )
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => json,
    }
}

fn redacted_member<'a>(name: &str, value: Json<'a>, holds_secret: bool) -> Json<'a> {
    let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_secret_key(name) || (holds_secret && is_one_of(&VALUES)) {
        return Json::Text(Cow::Borrowed(WITHHELD));
    }
    match &value {
        Json::Text(text) | Json::Number(text) if is_one_of(&TOKENS) => {
            Json::Text(Cow::Owned(reference(text)))
        }
        Json::List(items) if is_one_of(&TOKENS) && items.iter().all(|item| item.as_text().is_some()) => {
            let tokens = items.iter().filter_map(Json::as_text);
            Json::List(tokens.map(|token| Json::Text(Cow::Owned(reference(token)))).collect())
        }
        Json::Text(text) if is_one_of(&FREE_TEXTS) => Json::Text(Cow::Owned(redacted_free_text(text))),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
            redacted(value)
        }
    }
}

/// Vendors put JSON into texts; what is none may still name a card.
fn redacted_free_text(text: &str) -> String {
    match json::parse(text, json::DEPTH_MAX) {
        Ok(inner @ (Json::List(_) | Json::Object(_))) => redacted(inner).to_string(),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) | Err(_) => {
            without_card_numbers(text)
        }
    }
}

/// Replaces each run of letters and digits that may be a card number: 8 characters or more, all hexadecimal.
fn without_card_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let (before, from_word) = rest.split_at(start);
        let end = from_word.find(|c: char| !c.is_alphanumeric()).unwrap_or(from_word.len());
        let (word, after) = from_word.split_at(end);
        out.push_str(before);
        if word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            out.push_str(&reference(word));
        } else {
            out.push_str(word);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn redacted_prefix(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    // What the frame is about may be shown, if that much of it can be read.
    let envelope = frame::peek(text);
    let is_envelope = envelope.kind.is_some() && envelope.id.is_some();
    let from = if is_envelope { envelope.rest_at } else { 0 };
    let searched = from + action_length(&text[from..]);
    let find = |stop: &str| lower[searched..].find(stop).map(|at| searched + at);
    // A configuration value may come before the key that says it is a secret; a meter's value never is one.
    let value = if lower.contains("sampledvalue") { None } else { find("value") };
    let stop = STOPS.iter().filter_map(|stop| find(stop)).chain(value).min().unwrap_or(text.len());
    let stop = if from == 0 { stop.min(64) } else { stop };
    let stop = (0..=stop).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (shown, hidden) = text.split_at(stop);
    if hidden.is_empty() {
        return shown.to_owned();
    }
    format!("{shown}… ({} bytes withheld: not JSON)", hidden.len())
}

/// The length of the quoted action that `rest` begins with, which is no secret.
fn action_length(rest: &str) -> usize {
    let action = rest.trim_start().strip_prefix('"').and_then(|quoted| quoted.split_once('"'));
    match action {
        Some((action, after)) if action.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            rest.len() - after.len()
        }
        Some(_) | None => 0,
    }
}
