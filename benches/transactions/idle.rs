//! What transactional ids cost that do nothing: memory, and time at the start.

use crate::broker::Broker;
use crate::proc::status_kib;
use crate::producer::Producer;
use crate::{started, wire};

/// Give this many ids their producers, and start again.
pub fn idle(count: usize) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    wire::create_topics(&broker.address, &["t".to_owned()], 1);
    runtime.block_on(async {
        // What the first transaction brings along is not the ids'.
        let mut first = Producer::new(&broker.address, "first").await;
        first.produce("t", 1, 10).await;
        first.end(true).await;
    });
    let before = status_kib(broker.pid(), "VmRSS");
    runtime.block_on(async {
        for id in 0..count {
            drop(Producer::new(&broker.address, &format!("idle-{id}")).await);
        }
    });
    let after = status_kib(broker.pid(), "VmRSS");
    let mib = (after as f64 - before as f64) / 1024.0;
    println!("{count} idle transactional ids: {mib:.1} MiB more (at most 10 wanted)");
    drop(broker);
    let started = started::start(dir.path(), &[]);
    let (ms, rss) = (started.elapsed.as_millis(), status_kib(started.pid(), "VmRSS"));
    println!("a start with them after a kill: {ms} ms (at most 200 wanted), RSS {rss} KiB");
    started.stop();
    let started = started::start(dir.path(), &[]);
    println!("a start with them after a stop: {} ms", started.elapsed.as_millis());
    started.stop();
}
