//! What does a plan over a day cost, and the same after one event? `horizon [SESSIONS…]`; `--features highs` builds the
//! fastest back end in.

use std::process::ExitCode;

use benches::horizon::{Replanned, SIZES, backends, replanned};

fn main() -> ExitCode {
    let sizes: Result<Vec<usize>, _> = std::env::args().skip(1).map(|size| size.parse()).collect();
    let Ok(sizes) = sizes else {
        eprintln!("usage: horizon [SESSIONS…]");
        return ExitCode::from(2);
    };
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    println!(
        "{:>8} {:>9} {:>9} {:>13} {:>14} {:>12} {:>12}  fingerprint",
        "sessions", "back end", "first s", "after event s", "from nothing s", "objective", "plain"
    );
    for sessions in sizes {
        for backend in backends() {
            match replanned(sessions, backend) {
                Ok(Replanned {
                    first,
                    after_event,
                    from_nothing,
                    objective,
                    objective_plain,
                    fingerprint,
                }) => println!(
                    "{sessions:>8} {:>9} {:>9.3} {:>13.3} {:>14.3} {objective:>12.5} {objective_plain:>12.5}  {fingerprint}",
                    backend.to_string(),
                    first.as_secs_f64(),
                    after_event.as_secs_f64(),
                    from_nothing.as_secs_f64(),
                ),
                Err(failure) => {
                    eprintln!("{sessions} sessions, {backend}: {failure}");
                    return ExitCode::from(1);
                }
            }
        }
    }
    ExitCode::SUCCESS
}
