//! What does one decision cost? Of the allocator alone, and of the whole control loop, at the sizes where others were
//! measured.

use std::hint::black_box;
use std::time::Duration;

use benches::cpu::{CpuTime, of_this_thread};
use benches::decision::{Decision, SIZES};
use benches::site::SiteLoop;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn max_min(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("max_min");
    for (active, evses) in SIZES {
        let mut decision = Decision::new(active, evses);
        println!("max_min of {active} EVs at {evses} EVSEs: {}", decision.fingerprint());
        group.bench_function(BenchmarkId::from_parameter(active), |bencher| {
            bencher.iter(|| black_box(decision.decide()));
        });
    }
}

/// Each iteration is one second of the site; only the decision in it counts.
fn site_decide(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("site_decide");
    for (active, evses) in SIZES {
        let mut site = SiteLoop::new(active, evses);
        println!("site of {active} EVs at {evses} EVSEs after 121 s: {}", site.fingerprint());
        group.bench_function(BenchmarkId::from_parameter(active), |bencher| {
            bencher.iter_custom(|seconds| {
                let mut deciding = Duration::ZERO;
                for _ in 0..seconds {
                    site.pass_second();
                    let began = of_this_thread();
                    let commands = black_box(site.decide());
                    deciding += of_this_thread() - began;
                    site.obey(commands);
                }
                deciding
            });
        });
    }
}

criterion_group! {
    name = decisions;
    config = Criterion::default().with_measurement(CpuTime).sample_size(20);
    targets = max_min, site_decide
}
criterion_main!(decisions);
