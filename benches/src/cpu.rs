//! CPU time, as criterion's yardstick: on a shared machine the clock on the wall measures the neighbours.

use std::time::Duration;

use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// User and system time of the calling thread so far. Asking takes well below a microsecond, and counts.
#[must_use]
pub fn of_this_thread() -> Duration {
    since_zero(ClockId::ThreadCPUTime)
}

/// User and system time of this process so far.
#[must_use]
pub fn of_this_process() -> Duration {
    since_zero(ClockId::ProcessCPUTime)
}

fn since_zero(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0))
}

/// A span in microseconds.
#[must_use]
pub fn microseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

/// A whole number as a fraction's part; exact below 2^53.
#[must_use]
pub fn count(count: u64) -> f64 {
    // The high and the low half are exact each, and so is their sum below 2^53.
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    f64::from(half(count >> 32)) * 4_294_967_296.0 + f64::from(half(count))
}

/// CPU time of the thread that runs the bench.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        of_this_thread()
    }

    fn end(&self, started: Duration) -> Duration {
        of_this_thread() - started
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_secs_f64() * 1e9
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &Nanoseconds
    }
}

/// Prints as criterion prints time, and says that it is CPU time.
struct Nanoseconds;

impl ValueFormatter for Nanoseconds {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        match WallTime.formatter().scale_values(typical, values) {
            "ps" => "ps CPU",
            "ns" => "ns CPU",
            "µs" => "µs CPU",
            "ms" => "ms CPU",
            _ => "s CPU",
        }
    }

    fn scale_throughputs(&self, typical: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_throughputs(typical, throughput, values)
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_rises_with_work_and_never_falls() {
        let began = of_this_thread();
        let mut product = 1_u64;
        while of_this_thread() == began {
            product = std::hint::black_box(product.wrapping_mul(3));
        }
        assert!(of_this_process() >= of_this_thread());
    }

    #[test]
    fn counts_and_spans_are_converted_exactly() {
        assert_eq!(count((1 << 40) + 1).to_string(), "1099511627777");
        assert_eq!(microseconds(Duration::from_millis(2)).to_string(), "2000");
    }
}
