//! The table.

use crate::case::{Case, MIB};
use crate::run::{Measured, Run};

const WIDTH: usize = 34;

/// What the figures mean, and the head of the table.
pub fn head(repeat: usize, depth: usize) {
    println!(
        "median of {repeat} by processor time; {depth} produce requests in flight a connection"
    );
    println!("p50/p99/p999 in µs from request to answer; cpu: processor seconds of the broker for");
    println!(
        "each GiB of batches (user + system); floor: the same of the bare process; rss: peak;"
    );
    println!(
        "cpu/req: µs of the broker for each request; fair: requests of the slowest connection,"
    );
    println!("as a part of the average");
    println!(
        "{:WIDTH$} {:>7} {:>8} {:>7} {:>7} {:>7} {:>15} {:>15} {:>5} {:>8} {:>7} {:>5}",
        "case",
        "MB/s",
        "req/s",
        "p50",
        "p99",
        "p999",
        "cpu s/GiB",
        "floor s/GiB",
        "ratio",
        "rss MiB",
        "cpu/req",
        "fair"
    );
}

/// One line for all runs of a case.
pub fn line(case: &Case, runs: Vec<Run>) {
    let peak = runs.iter().map(|run| run.broker.peak_rss_kib).max().unwrap_or_default();
    let (brokers, floors): (Vec<_>, Vec<_>) =
        runs.into_iter().map(|run| (run.broker, run.floor)).unzip();
    let broker = median(brokers).expect("at least one run");
    let floor = median(floors.into_iter().flatten().collect());
    let ratio = floor.as_ref().map(|floor| broker.cpu_per_gib() / floor.cpu_per_gib());
    let outcome = &broker.outcome;
    let seconds = outcome.elapsed.as_secs_f64();
    let at = |part: f64| {
        let last = outcome.latencies.len() - 1;
        outcome.latencies[((outcome.latencies.len() as f64 * part) as usize).min(last)]
    };
    println!(
        "{:WIDTH$} {:>7.0} {:>8.0} {:>7} {:>7} {:>7} {:>15} {:>15} {:>5} {:>8.1} {:>7.2} {:>5.2}",
        case.to_string(),
        outcome.bytes as f64 / 1e6 / seconds,
        outcome.latencies.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(0.999),
        cpu(&broker),
        floor.as_ref().map_or("-".to_owned(), cpu),
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
        peak as f64 / 1024.0,
        broker.cpu.seconds() * 1e6 / outcome.latencies.len() as f64,
        outcome.fairness(),
    );
}

/// As total and, in parentheses, its parts in user space and in the kernel.
fn cpu(measured: &Measured) -> String {
    let gib = measured.outcome.bytes as f64 / (1024 * MIB) as f64;
    let part = |ticks: u64| ticks as f64 / crate::proc::TICKS_PER_SECOND / gib;
    let (user, system) = (part(measured.cpu.user), part(measured.cpu.system));
    format!("{:.2} ({user:.2}+{system:.2})", measured.cpu_per_gib())
}

fn median(mut runs: Vec<Measured>) -> Option<Measured> {
    runs.sort_by(|a, b| a.cpu_per_gib().total_cmp(&b.cpu_per_gib()));
    let middle = runs.len().checked_sub(1)? / 2;
    Some(runs.swap_remove(middle))
}
