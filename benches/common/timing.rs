//! Timing loops and the lines of a table.

use std::time::{Duration, Instant};

const SAMPLES: usize = 7;
const SAMPLE: Duration = Duration::from_millis(60);

/// Nanoseconds that one call of `work` takes: the median of some samples of many calls.
pub fn ns(mut work: impl FnMut()) -> f64 {
    let mut calls = 1_u32;
    loop {
        let taken = time(calls, &mut work);
        if taken >= SAMPLE {
            break;
        }
        calls = match SAMPLE.as_nanos() / taken.as_nanos().max(1) {
            0 | 1 => calls + calls / 2 + 1,
            more => calls * more.min(16) as u32,
        };
    }
    median((0..SAMPLES).map(|_| time(calls, &mut work).as_nanos() as f64 / f64::from(calls)))
}

fn time(calls: u32, work: &mut impl FnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..calls {
        work();
    }
    begun.elapsed()
}

/// The one in the middle.
pub fn median(samples: impl Iterator<Item = f64>) -> f64 {
    let mut samples: Vec<f64> = samples.collect();
    samples.sort_unstable_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The head of the table.
pub fn head() {
    println!("{:44} {:>12} {:>9} {:>9}", "", "ns/op", "MB/s", "ratio");
}

/// One line: `ns` for `bytes` bytes, and how often the baseline's time that is.
pub fn line(name: &str, ns: f64, bytes: usize, baseline_ns: f64) {
    let rate = bytes as f64 * 1e3 / ns;
    println!("{name:44} {ns:12.0} {rate:9.0} {:9.2}", ns / baseline_ns);
}
