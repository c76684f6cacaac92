//! What is printed for people and programs that read on.

use std::io::{ErrorKind, Write};

/// As a shell reports a program that wrote to nobody: 128 + SIGPIPE.
const NOBODY_READS: i32 = 141;

/// Prints `text` as it is. Where nobody reads on (`twin fuzz | head`), the process ends quietly; where it cannot be written, with
/// exit code 2 and the reason.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(NOBODY_READS);
        }
        eprintln!("twin: standard output cannot be written: {error}");
        std::process::exit(2);
    }
}

/// Prints `text` and ends the line.
pub fn say_line(text: &str) {
    say(&format!("{text}\n"));
}
