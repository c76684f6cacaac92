//! How many frames per second does the engine take? 200 stations in transactions send MeterValues with eight sampled
//! values; the grid meter is read every 10 s. Sockets and disk are not part of it.

use std::time::Duration;

use benches::cpu::CpuTime;
use benches::engine::Backend;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use units::TimeSpan;

const STATIONS: usize = 200;

/// Each iteration, every station sends once: within a minute as in a real day, with all the decisions of that minute;
/// or within 20 ms, 10,000 a second.
fn engine_frames(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("engine_frames");
    group.throughput(Throughput::Elements(200));
    for (name, span) in [("real_day", TimeSpan::from_minutes(1)), ("flood", TimeSpan::from_milliseconds(20))]
    {
        let mut backend = Backend::new(STATIONS);
        println!("engine of {STATIONS} stations after three minutes: {}", backend.fingerprint());
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut cpu = Duration::ZERO;
                for _ in 0..rounds {
                    backend.take_counts();
                    backend.pass(span);
                    cpu += backend.take_counts().cpu;
                }
                cpu
            });
        });
    }
}

criterion_group! {
    name = frames;
    config = Criterion::default().with_measurement(CpuTime).sample_size(20);
    targets = engine_frames
}
criterion_main!(frames);
