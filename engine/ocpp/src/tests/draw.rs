//! Draws frames from the corpus, as stations say them and broken: for the tests of `ocpp` and of `csms`.
//!
//! One frame stands on each line, with places to fill: `<id>`, `<at>` (an instant), `<evse>`, `<tx>`, `<token>`, `<wh>` and
//! `<small>`.

use std::time::Duration;

use arbtest::arbitrary::{Result, Unstructured};

/// What stations of OCPP 1.6 say.
pub const V16: &str = include_str!("../../corpus/v16.frames");
/// What stations of OCPP 2.0.1 say.
pub const V201: &str = include_str!("../../corpus/v201.frames");
/// What stations of OCPP 2.1 say besides.
pub const V21: &str = include_str!("../../corpus/v21.frames");
/// What no station should say, and some do.
pub const BROKEN: &str = include_str!("../../corpus/broken.frames");

/// What stands in the place of a value.
const VALUES: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "-0.0",
    "9223372036854775808",
    "2147483648",
    "4294967296",
    "\"\"",
    "{}",
    "[]",
    "[{}]",
    "\"é\\u0000\\ud800\"",
    "\"2036-02-07T06:28:16Z\"",
    "\"1970-01-01\"",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]",
];
/// What is put anywhere.
const PIECES: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "-1",
    "9e99",
    "null",
    "é",
    "\\",
    "0",
    " ",
    "\u{0}",
    "\"transactionId\":,",
];

/// A line of the files.
pub fn line<'a>(u: &mut Unstructured<'_>, files: &[&'a str]) -> Result<&'a str> {
    let lines: Vec<&str> = files.iter().flat_map(|file| file.lines()).collect();
    u.choose(&lines).copied()
}

/// The line with its places filled.
pub fn fill(u: &mut Unstructured<'_>, line: &str, id: &str, at: &str) -> Result<String> {
    let mut text = line.replace("<id>", id).replace("<at>", at);
    let filled: [(&str, &[&str]); 4] = [
        ("<evse>", &["1", "1", "1", "2", "0", "3", "-1"]),
        ("<tx>", &["1", "1", "2", "2", "3", "4", "0", "-1", "9223372036854775807"]),
        ("<token>", &["ANNA", "ANNA", "bert", "CARL", "DORA", "FRED", "NOBODY", ""]),
        ("<small>", &["0", "1", "2", "3", "4", "5", "7", "16", "40"]),
    ];
    for (place, values) in filled {
        if text.contains(place) {
            text = text.replace(place, u.choose(values)?);
        }
    }
    if text.contains("<wh>") {
        text = text.replace("<wh>", &u.int_in_range(-100..=60_000)?.to_string());
    }
    Ok(text)
}

/// The text with up to three places broken; most often with none.
pub fn damage(u: &mut Unstructured<'_>, mut text: String) -> Result<String> {
    let breaks: u8 = u.int_in_range(0..=9)?;
    for _ in 0..breaks.saturating_sub(6) {
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let Ok(&at) = u.choose(&places) else { return Ok(text) };
        match u.int_in_range(0..=5)? {
            0 => text.insert_str(at, u.choose(PIECES)?),
            1 => text.truncate(at),
            2 => {
                text.remove(at);
            }
            // A value of another type or size.
            3 | 4 => {
                if let Some(from) = text[at..].find(':').map(|found| at + found + 1) {
                    let length = text[from..].find([',', '}', ']']).unwrap_or(text.len() - from);
                    text.replace_range(from..from + length, u.choose(VALUES)?);
                }
            }
            // The same again.
            _ => {
                let rest = text[at..].to_owned();
                text.push_str(&rest);
            }
        }
    }
    Ok(text)
}

/// Runs a property over the seeds from 1 on: so many, or as many as there is time for where `WATTERY_FUZZ_SECONDS` says so,
/// then from `WATTERY_FUZZ_FROM` on. `ARBTEST_SEED` repeats the one that failed. `bytes` is how much chance a run takes.
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a time-boxed run ends by the wall clock"
)]
pub fn check(seeds: u32, bytes: u32, mut property: impl FnMut(&mut Unstructured<'_>) -> Result<()>) {
    // What runs out of chance has said enough.
    let mut property = |u: &mut Unstructured<'_>| property(u).or(Ok(()));
    if std::env::var_os("ARBTEST_SEED").is_some() {
        arbtest::arbtest(property).run();
        return;
    }
    let whole = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a whole number, not {text}")))
    };
    // The upper half is the seed, the lower the bytes: as the crate prints it.
    let mut run = |seed: u64| {
        arbtest::arbtest(&mut property).seed(seed.wrapping_mul(0x9e37_79b9) << 32 | u64::from(bytes)).run();
    };
    match whole("WATTERY_FUZZ_SECONDS").map(Duration::from_secs) {
        Some(time) => {
            let began = std::time::Instant::now();
            let from = whole("WATTERY_FUZZ_FROM").unwrap_or(1);
            (from..).take_while(|_| began.elapsed() < time).for_each(run);
        }
        None => (1..=u64::from(seeds)).for_each(&mut run),
    }
}
