//! Many producers at once: transactions of 10 records, and what each costs the broker.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::proc::Cpu;
use crate::producer::Producer;
use crate::wire::create_topics;

const RECORDS: i32 = 10;
const RECORD_BYTES: usize = 100;
const WARM_UP: Duration = Duration::from_secs(3);

/// Measure a broker of our own, and the peer, in turns.
pub fn compare(count: usize, time: Duration, peer: Option<&(String, u32)>) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), &[]);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for round in 0..3 {
        // The peer may have the topics of earlier runs.
        let topic = format!("transactions-{}-{round}", std::process::id());
        own.push(run("ottla", &broker.address, broker.pid(), &topic, count, time));
        if let Some((address, pid)) = peer {
            other.push(run("peer", address, *pid, &topic, count, time));
        }
    }
    if !other.is_empty() {
        let ratio = median(own) / median(other);
        println!("{count} producers: {ratio:.2} x the peer's transactions per second of processor");
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Returns how many transactions there are for each second of the broker's processor time.
fn run(name: &str, address: &str, pid: u32, topic: &str, count: usize, time: Duration) -> f64 {
    create_topics(address, &[topic.to_owned()], 1);
    let taken = Rc::new(RefCell::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (cpu, elapsed) = tokio::task::LocalSet::new().block_on(&runtime, async {
        let begun = Instant::now();
        for who in 0..count {
            let (address, topic, taken) = (address.to_owned(), topic.to_owned(), taken.clone());
            tokio::task::spawn_local(async move {
                let id = format!("{topic}-{who}");
                let mut producer = Producer::new(&address, &id).await;
                loop {
                    let started = Instant::now();
                    producer.produce(&topic, RECORDS, RECORD_BYTES).await;
                    producer.end(true).await;
                    if begun.elapsed() > WARM_UP {
                        taken.borrow_mut().push(started.elapsed());
                    }
                }
            });
        }
        tokio::time::sleep(WARM_UP).await;
        let (before, since) = (Cpu::of(pid), Instant::now());
        tokio::time::sleep(time).await;
        (Cpu::of(pid).since(before).seconds(), since.elapsed().as_secs_f64())
    });
    let mut taken = taken.take();
    taken.sort_unstable();
    let of = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let per_cpu_second = taken.len() as f64 / cpu;
    println!(
        "{name}: {:.0} transactions a second, {per_cpu_second:.0} for a second of its processor, \
         p50 {:.2} ms, p99 {:.2} ms",
        taken.len() as f64 / elapsed,
        of(0.5),
        of(0.99),
    );
    per_cpu_second
}
