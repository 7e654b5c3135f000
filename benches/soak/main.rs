//! The soak: `cargo bench --bench soak`, and after `--`:
//!
//! * `--minutes N`: how long (default 2; what counts is `--minutes 120`)
//! * `--large S`: seconds from one large answer to the next (default 60, or a quarter of the time)
//! * `--every S`: seconds from one sample to the next (default 10, or a twentieth of the time)
//! * `--set NAME=VALUE`: a config of the broker, beside those below
//!
//! One broker is driven with 309 records a second, half of them into a compacted topic, by a group
//! that rebalances every few seconds and by clients that come and go; once a minute it gives a large
//! answer and takes and gives a large batch. Its RSS is sampled. Printed are all samples, what they
//! come to for each stretch of time, and how the last one moved: it ends with exit code 1 if a
//! broker that ran for two hours did not keep its RSS within 1 MiB in the last of them.

mod load;
mod samples;

#[path = "../common/broker.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod broker;
#[path = "../common/proc.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod proc;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::load::Load;
use crate::proc::{Cpu, descriptors, status_kib};
use crate::samples::{Sample, Samples};

/// Retention and compaction have something to do all the time.
const SET: &[&str] = &[
    "log.segment.bytes=1048576",
    "log.retention.bytes=8388608",
    "log.retention.check.interval.ms=30000",
    "log.cleaner.backoff.ms=5000",
    "log.cleaner.min.cleanable.ratio=0.1",
    "offsets.topic.segment.bytes=1048576",
    "group.initial.rebalance.delay.ms=0",
    "message.max.bytes=8388608",
];

struct Options {
    minutes: u64,
    large: Option<u64>,
    every: Option<u64>,
    set: Vec<String>,
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { minutes: 2, large: None, every: None, set: Vec::new() };
    let mut rest = arguments.iter().filter(|argument| *argument != "--bench");
    while let Some(argument) = rest.next() {
        let value = rest.next().ok_or_else(|| format!("{argument} wants a value"))?;
        let number = || value.parse().ok().filter(|n| *n > 0).ok_or(format!("{argument} {value}?"));
        match argument.as_str() {
            "--minutes" => options.minutes = number()?,
            "--large" => options.large = Some(number()?),
            "--every" => options.every = Some(number()?),
            "--set" => options.set.push(value.clone()),
            flag => return Err(format!("{flag} is not known")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = match options(&arguments) {
        Ok(options) => options,
        Err(fault) => {
            eprintln!("soak: {fault}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let samples = tokio::task::LocalSet::new().block_on(&runtime, soak(&options));
    samples.summary();
    match samples.is_flat() {
        Some(false) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

async fn soak(options: &Options) -> Samples {
    let dir = tempfile::tempdir().unwrap();
    let set: Vec<&str> =
        SET.iter().copied().chain(options.set.iter().map(String::as_str)).collect();
    let broker = Broker::start(dir.path(), &set);
    let pid = broker.pid();
    let seconds = options.minutes * 60;
    let large = Duration::from_secs(options.large.unwrap_or((seconds / 4).clamp(1, 60)));
    let every = Duration::from_secs(options.every.unwrap_or((seconds / 20).clamp(1, 10)));
    println!("idle, empty directory: {} KiB", status_kib(pid, "VmRSS"));
    let mut load = Load::begin(&broker.address, large).await;
    println!(
        "{:>8} {:>9} {:>9} {:>6} {:>8} {:>6}",
        "s", "RSS KiB", "peak KiB", "fds", "CPU s", "large"
    );
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(every);
    let mut samples = Samples::default();
    while begun.elapsed() < Duration::from_secs(seconds) {
        ticks.tick().await;
        load.check().await;
        let sample = Sample { at: begun.elapsed(), rss_kib: status_kib(pid, "VmRSS") };
        println!(
            "{:8.0} {:9} {:9} {:6} {:8.2} {:6}",
            sample.at.as_secs_f64(),
            sample.rss_kib,
            status_kib(pid, "VmHWM"),
            descriptors(pid),
            Cpu::of(pid).seconds(),
            load.large_answers(),
        );
        samples.push(sample);
    }
    load.end().await;
    samples
}
