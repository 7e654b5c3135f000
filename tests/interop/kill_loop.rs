//! `kill -9` again and again under an idempotent librdkafka producer: nothing acknowledged is
//! lost, nothing is stored twice, nothing changes places.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::broker::Ottla;
use crate::clients::{files, java, number, python, said};
use crate::dump_log::partitions_are_sound;

const PARTITIONS: &str = "3";

/// The producer as its own process, and how many of its records are acknowledged.
struct Loop {
    child: Child,
    acknowledged: Arc<AtomicU64>,
    said: JoinHandle<String>,
}

impl Loop {
    fn start(ottla: &Ottla, seed: u64) -> Loop {
        let mut command = python("kill_loop.py");
        let mut child = command
            .args([&ottla.address, "killed", PARTITIONS, &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (seen, stdout) = (acknowledged.clone(), child.stdout.take().unwrap());
        let said = std::thread::spawn(move || {
            let mut rest = String::new();
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                match line.parse() {
                    Ok(count) => seen.store(count, Ordering::Relaxed),
                    Err(_) => rest = rest + &line + "\n",
                }
            }
            rest
        });
        Loop { child, acknowledged, said }
    }

    /// Wait until this many more records are acknowledged.
    fn wait_for(&mut self, more: u64) {
        let target = self.acknowledged.load(Ordering::Relaxed) + more;
        let begun = Instant::now();
        while self.acknowledged.load(Ordering::Relaxed) < target {
            assert!(self.child.try_wait().unwrap().is_none(), "the producer has ended");
            assert!(begun.elapsed() < Duration::from_secs(60), "no record is acknowledged");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Let it come to its end and count.
    fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        let said = self.said.join().unwrap();
        assert!(status.success(), "{status}: {said}");
        said
    }
}

/// The Java clients go on, too: each record is at its place, and is read from there, while the
/// broker is killed under the producer and under the consumer.
#[test]
#[ignore = "needs Java with Kafka's jars"]
fn java_goes_on_through_kills() {
    let mut command = java();
    let seed = number("OTTLA_INTEROP_SEED", fastrand::u64(..1 << 32));
    println!("OTTLA_INTEROP_SEED={seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut ottla = Ottla::start();
    command.args(["ottla.RoundTrip", &ottla.address, "300000", "none"]);
    let mut client = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let written = |ottla: &Ottla| {
        let files = files(&ottla.data_dir()).into_iter();
        files.filter_map(|(path, _)| path.metadata().ok()).map(|of| of.len()).sum::<u64>()
    };
    let (mut kills, mut target) = (0, 1_000_000);
    while client.try_wait().unwrap().is_none() {
        // Most kills come while it writes, some whenever: also while it reads.
        if written(&ottla) > target || (kills > 0 && chance.u16(..700) == 0) {
            ottla.kill_and_restart();
            kills += 1;
            target = written(&ottla) + chance.u64(..6_000_000);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    print!("{kills} kills, {}", said("RoundTrip", &client.wait_with_output().unwrap()));
    assert!(kills > 2);
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Python's clients and Java with Kafka's jars"]
fn no_acknowledged_record_is_lost_or_doubled_by_kills() {
    let kills = number("OTTLA_INTEROP_KILLS", 5);
    let seed = number("OTTLA_INTEROP_SEED", fastrand::u64(..1 << 32));
    println!("OTTLA_INTEROP_SEED={seed} OTTLA_INTEROP_KILLS={kills}");
    let mut chance = fastrand::Rng::with_seed(seed);
    // Small segments: kills come while logs roll, and recovery passes over whole segments.
    let configs = |durability| ["num.partitions=3", "log.segment.bytes=2097152", durability];
    let mut ottla = Ottla::start_with(&configs("durability=os"));
    let mut producer = Loop::start(&ottla, seed);
    for _ in 0..kills {
        // Some kills come right after the start, while the client finds its way back; most come
        // in the middle of its stream, a moment after an acknowledgement.
        if chance.u8(..5) > 0 {
            producer.wait_for(chance.u64(1..5000));
        }
        std::thread::sleep(Duration::from_micros(chance.u64(..30_000)));
        // An answer that waits for the disk is the likelier to be lost after its append: the
        // client then sends again what is there already.
        let is_fsync = chance.u8(..3) > 0;
        ottla.configure(&configs(if is_fsync { "durability=fsync" } else { "durability=os" }));
        ottla.kill_and_restart();
    }
    producer.wait_for(20_000);
    let said = producer.finish();
    print!("{said}");
    assert!(said.contains("each is there once and in order"));
    assert!(ottla.stop());
    // What was cut and rebuilt again and again is sound to Kafka, too.
    let stored = said.split_once("stored ").unwrap().1.lines().next().unwrap();
    partitions_are_sound(&ottla.data_dir(), &[("killed-", stored.parse().unwrap())]);
}
