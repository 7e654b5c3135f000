//! The start bench: `cargo bench --bench start`.
//!
//! From exec to the first answered Metadata request on an empty directory and with 1,000
//! partitions; the same after `kill -9` with 10,000 partitions that were never written, and with
//! 5 GiB that are not known to be durable; memory and processor time while idle; the size of the
//! stripped binary. After `--`: `--repeat N`, how often to start (default 20), and `crash` for the
//! starts after `kill -9` alone. They need 5 GiB of disk and as much memory as page cache.

#[path = "common/broker.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod broker;
#[path = "common/proc.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod proc;
#[path = "common/started.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod started;
#[path = "common/wire.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod wire;

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ottla::storage::batch_builder::BatchBuilder;

use crate::proc::{Cpu, status_kib, switched, switches};
use crate::started::start;

fn say(what: &str, mut times: Vec<Duration>, target_ms: f64) {
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, max) = (ms(times[times.len() / 2]), ms(times[times.len() - 1]));
    let n = times.len();
    println!(
        "{what:44} median {median:6.1} ms, max {max:6.1} ms, n={n} (target: {target_ms} ms) {}",
        verdict(median <= target_ms)
    );
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn empty(repeat: usize) {
    let times = (0..repeat).map(|_| {
        let dir = tempfile::tempdir().unwrap();
        let started = start(dir.path(), &[]);
        let elapsed = started.elapsed;
        started.stop();
        elapsed
    });
    say("exec to Metadata, empty directory", times.collect(), 20.0);
}

/// `written`: every partition holds a record, so that there is a log to be opened for each.
fn thousand(repeat: usize, topics: usize, partitions: i32, written: bool) {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path(), &[]);
    let names: Vec<String> = (0..topics).map(|n| format!("topic-{n}")).collect();
    wire::create_topics(&first.address, &names, partitions);
    if written {
        wire::produce_everywhere(&first.address, &names, partitions);
    }
    first.stop();
    let times = (0..repeat).map(|_| {
        let started = start(dir.path(), &[]);
        assert_eq!(started.partitions, topics * partitions as usize);
        let elapsed = started.elapsed;
        started.stop();
        elapsed
    });
    let with = if written { "a record in each" } else { "empty" };
    say(
        &format!("exec to Metadata, {topics} x {partitions} partitions, {with}"),
        times.collect(),
        100.0,
    );
}

/// After `kill -9`, partitions that were never written: there is nothing to recover.
fn crash_unwritten(repeat: usize) {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path(), &[]);
    let names: Vec<String> = (0..1000).map(|n| format!("topic-{n}")).collect();
    wire::create_topics(&first.address, &names, 10);
    first.kill();
    let times = (0..repeat).map(|_| {
        let started = start(dir.path(), &[]);
        assert_eq!(started.partitions, 10_000);
        let elapsed = started.elapsed;
        started.kill();
        elapsed
    });
    say("kill -9 to Metadata, 10,000 partitions, empty", times.collect(), 60.0);
}

/// After `kill -9`, 512 MiB in each of ten active segments, all in the page cache.
fn crash_written(repeat: usize) {
    const PARTITIONS: i32 = 10;
    const BATCHES: usize = 8192;
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path(), &[]);
    let names = ["written".to_owned()];
    wire::create_topics(&first.address, &names, PARTITIONS);
    let mut builder = BatchBuilder::new(0, 1_700_000_000_000);
    let value: Vec<u8> = (0..1000).map(|_| fastrand::u8(..)).collect();
    (0..64).for_each(|_| builder.push(None, Some(&value), &[], 1_700_000_000_000));
    let batch = Bytes::from(builder.finish());
    wire::produce_batch(&first.address, &names, PARTITIONS, &batch, BATCHES);
    first.kill();
    let (mut to_metadata, mut to_first, mut to_all) = (Vec::new(), Vec::new(), Vec::new());
    let mut cpu = Vec::new();
    for _ in 0..repeat {
        let started = start(dir.path(), &[]);
        to_metadata.push(started.elapsed);
        let since = Instant::now();
        let mut stream = TcpStream::connect(&started.address).unwrap();
        for partition in 0..PARTITIONS {
            let end = loop {
                match wire::end_offset(&mut stream, &names[0], partition) {
                    Ok(end) => break end,
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            };
            assert_eq!(end, 64 * BATCHES as i64);
            if partition == 0 {
                to_first.push(started.elapsed + since.elapsed());
            }
        }
        to_all.push(started.elapsed + since.elapsed());
        cpu.push(Cpu::of(started.pid()));
        started.kill();
    }
    let gib = (PARTITIONS as usize * BATCHES * batch.len()) as f64 / f64::from(1 << 30);
    say(&format!("kill -9 to Metadata, {gib:.1} GiB not durable"), to_metadata, 50.0);
    say("the same, to the first partition", to_first, 1000.0);
    say("the same, to all ten partitions", to_all, 1000.0);
    let mut ticks: Vec<u64> = cpu.iter().map(|cpu| cpu.user + cpu.system).collect();
    ticks.sort_unstable();
    println!("{:44} median {} ticks of 10 ms", "the same, processor time", ticks[ticks.len() / 2]);
}

fn idle() {
    let dir = tempfile::tempdir().unwrap();
    let started = start(dir.path(), &[]);
    std::thread::sleep(Duration::from_secs(5));
    let pid = started.pid();
    let rss = status_kib(pid, "VmRSS") as f64 / 1024.0;
    println!("{:44} {rss:.1} MiB (target: 8 MiB) {}", "RSS after 5 s idle", verdict(rss <= 8.0));
    let (cpu, before) = (Cpu::of(pid), switches(pid));
    std::thread::sleep(Duration::from_secs(10));
    let ticks = Cpu::of(pid).since(cpu);
    let switched = switched(&before, &switches(pid));
    println!(
        "{:44} {} ticks of 10 ms, {switched} context switches (target: none) {}",
        "processor time in 10 s idle",
        ticks.user + ticks.system,
        verdict(ticks.user + ticks.system == 0 && switched == 0)
    );
    started.stop();
}

fn size() {
    let dir = tempfile::tempdir().unwrap();
    let stripped = dir.path().join("ottla");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped).arg(env!("CARGO_BIN_EXE_ottla"));
    if !strip.status().is_ok_and(|status| status.success()) {
        println!("size of the binary: not known, there is no strip (binutils) here");
        return;
    }
    let mib = std::fs::metadata(&stripped).unwrap().len() as f64 / (1024.0 * 1024.0);
    println!("{:44} {mib:.1} MiB (target: 10 MiB) {}", "stripped binary", verdict(mib <= 10.0));
}

fn main() {
    let mut arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let only_crash = arguments.last().is_some_and(|last| last == "crash");
    if only_crash {
        arguments.pop();
    }
    let repeat = match arguments.as_slice() {
        [] => 20,
        [flag, n] if flag == "--repeat" && n.parse::<usize>().is_ok_and(|n| n > 0) => {
            n.parse().unwrap()
        }
        _ => {
            eprintln!("start: only --repeat N and crash are known");
            std::process::exit(2);
        }
    };
    if !only_crash {
        empty(repeat);
        thousand(repeat, 1, 1000, false);
        thousand(repeat, 100, 10, false);
        thousand(repeat, 100, 10, true);
    }
    crash_unwritten(repeat);
    crash_written(repeat);
    if !only_crash {
        idle();
        size();
    }
}
