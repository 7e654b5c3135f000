//! RSS over time, and whether it stays.

use std::time::Duration;

/// What the broker held at one moment.
pub struct Sample {
    /// Since the load began.
    pub at: Duration,
    pub rss_kib: u64,
}

/// All of them, in order.
#[derive(Default)]
pub struct Samples(Vec<Sample>);

/// How far the RSS may move in the last hour, KiB.
const FLAT_KIB: f64 = 1024.0;
const HOUR: Duration = Duration::from_secs(3600);

impl Samples {
    pub fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// Stretches of an hour, or the quarters of what was shorter than two.
    fn stretches(&self) -> Vec<&[Sample]> {
        let whole = self.0.last().map_or(Duration::ZERO, |last| last.at);
        let length = if whole + HOUR / 60 >= 2 * HOUR { HOUR } else { whole / 4 };
        let number = |sample: &Sample| sample.at.as_nanos() / length.as_nanos().max(1);
        self.0.chunk_by(|a, b| number(a) == number(b)).filter(|stretch| stretch.len() > 2).collect()
    }

    /// Print what each stretch came to.
    pub fn summary(&self) {
        println!(
            "\n{:>15} {:>9} {:>9} {:>9} {:>13} {:>11}",
            "s", "least", "median", "most", "drift, KiB", "KiB/h"
        );
        for stretch in self.stretches() {
            let [from, to] = [&stretch[0], &stretch[stretch.len() - 1]].map(|s| s.at.as_secs());
            let sorted = sorted(stretch);
            println!(
                "{:>15} {:9} {:9} {:9} {:13.0} {:11.0}",
                format!("{from}-{to}"),
                sorted[0],
                sorted[sorted.len() / 2],
                sorted[sorted.len() - 1],
                drift(stretch),
                slope(stretch) * 3600.0,
            );
        }
        if let Some(is_flat) = self.is_flat() {
            let verdict = if is_flat { "met" } else { "MISSED" };
            println!("the last hour moves by less than 1 MiB: {verdict}");
        }
    }

    /// True if the RSS stayed in the last hour; none if that was not the second one at least.
    pub fn is_flat(&self) -> Option<bool> {
        let last = self.0.last()?;
        let stretch = self.stretches().pop()?;
        let is_long = last.at + HOUR / 60 >= 2 * HOUR;
        is_long.then(|| drift(stretch).abs() < FLAT_KIB && slope(stretch).abs() * 3600.0 < FLAT_KIB)
    }
}

fn sorted(stretch: &[Sample]) -> Vec<u64> {
    let mut sorted: Vec<u64> = stretch.iter().map(|sample| sample.rss_kib).collect();
    sorted.sort_unstable();
    sorted
}

/// From the median of the first sixth of a stretch to that of its last, KiB: a large answer that is
/// being sent at the moment of a sample is no drift.
fn drift(stretch: &[Sample]) -> f64 {
    let sixth = stretch.len().div_ceil(6);
    let median = |part: &[Sample]| sorted(part)[part.len() / 2] as f64;
    median(&stretch[stretch.len() - sixth..]) - median(&stretch[..sixth])
}

/// The slope of the straight line through a stretch (least squares), KiB/s.
fn slope(stretch: &[Sample]) -> f64 {
    let n = stretch.len() as f64;
    let mean = |of: fn(&Sample) -> f64| stretch.iter().map(of).sum::<f64>() / n;
    let (x, y) = (|s: &Sample| s.at.as_secs_f64(), |s: &Sample| s.rss_kib as f64);
    let (mean_x, mean_y) = (mean(x), mean(y));
    let products = stretch.iter().map(|s| (x(s) - mean_x) * (y(s) - mean_y)).sum::<f64>();
    products / stretch.iter().map(|s| (x(s) - mean_x).powi(2)).sum::<f64>()
}
