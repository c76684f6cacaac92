//! Runs one case a number of times, to be looked at with callgrind or perf:
//! `repeat max_min|site|frames|flood SIZE TIMES`. Sizes are active EVs, or stations.

use std::process::ExitCode;

use benches::cpu;
use benches::decision::{Decision, SIZES};
use benches::engine::{Backend, Counts};
use benches::fingerprint::Fingerprint;
use benches::site::SiteLoop;
use units::TimeSpan;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [case, size, times] => {
            size.parse().ok().zip(times.parse().ok()).map(|(size, times)| (case, size, times))
        }
        _ => None,
    };
    let Some(fingerprint) = parsed.and_then(|(case, size, times)| run(case, size, times)) else {
        eprintln!("usage: repeat max_min|site|frames|flood SIZE TIMES");
        return ExitCode::from(2);
    };
    println!("{fingerprint}");
    ExitCode::SUCCESS
}

fn run(case: &str, size: usize, times: u64) -> Option<Fingerprint> {
    let evses = || SIZES.iter().find(|(active, _)| *active == size).map(|(_, evses)| *evses);
    match case {
        "max_min" => {
            let mut decision = Decision::new(size, evses()?);
            for _ in 0..times {
                std::hint::black_box(decision.decide());
            }
            Some(decision.fingerprint())
        }
        "site" => {
            let mut site = SiteLoop::new(size, evses()?);
            for _ in 0..times {
                site.pass_second();
                let commands = site.decide();
                site.obey(commands);
            }
            Some(site.fingerprint())
        }
        "frames" => Some(frames(size, times, TimeSpan::from_minutes(1))),
        "flood" => Some(frames(size, times, TimeSpan::from_milliseconds(20))),
        _ => None,
    }
}

fn frames(stations: usize, times: u64, span: TimeSpan) -> Fingerprint {
    let mut backend = Backend::new(stations);
    backend.take_counts();
    for _ in 0..times {
        backend.pass(span);
    }
    let Counts { frames_in, frames_out, records, cpu } = backend.take_counts();
    println!(
        "{frames_in} frames in, {frames_out} out, {records} records, {:.1} µs of CPU per frame in, {} charge",
        cpu::microseconds(cpu) / cpu::count(frames_in.max(1)),
        backend.charging(),
    );
    backend.fingerprint()
}
