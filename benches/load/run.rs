//! One run of one case: the broker, then the floor, each as a fresh process in a fresh directory.

use std::time::Duration;

use bytes::Bytes;

use crate::broker::Broker;
use crate::case::{Case, MIB, Op};
use crate::client::{Client, Outcome, Quota};
use crate::floor::{Floor, Sizes};
use crate::proc::{Cpu, status_kib};
use crate::script::{self, PARTITIONS, Script, TOPIC};
use crate::wire::create_topics;

/// Bytes of requests in flight on all connections together.
const IN_FLIGHT_MAX: usize = 256 * MIB;

/// How hard the client drives.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Produce requests in flight on each connection. Fetches are one at a time, as consumers do.
    pub depth: usize,
    /// The longest that a run may take.
    pub time: Duration,
}

/// What a process did and what it took.
#[derive(Debug)]
pub struct Measured {
    pub outcome: Outcome,
    pub cpu: Cpu,
    pub peak_rss_kib: u64,
}

impl Measured {
    /// Processor seconds for each GiB of batches.
    pub fn cpu_per_gib(&self) -> f64 {
        self.cpu.seconds() / (self.outcome.bytes as f64 / (1024 * MIB) as f64)
    }
}

/// The broker, and the floor where there is one: nothing bare does what a sync does.
#[derive(Debug)]
pub struct Run {
    pub broker: Measured,
    pub floor: Option<Measured>,
}

/// Run the case once.
pub fn run(case: &Case, pace: Pace) -> Run {
    let (batch, records) = script::batch(case);
    let batch = Bytes::from(batch);
    let scripts: Vec<Script> = (0..PARTITIONS)
        .map(|partition| match case.op {
            Op::Produce => Script::produce(case.acks, partition, &batch),
            Op::Fetch => Script::fetch(partition, batch.len(), records),
        })
        .collect();
    let broker = on_broker(case, pace, &scripts, &batch);
    let waits_for_sync = case.fsync && case.acks == -1;
    let floor = (!waits_for_sync).then(|| on_floor(case, pace, &scripts, &batch));
    Run { broker, floor }
}

fn on_broker(case: &Case, pace: Pace, scripts: &[Script], batch: &Bytes) -> Measured {
    let dir = tempfile::tempdir().unwrap();
    let durability = if case.fsync { "durability=fsync" } else { "durability=os" };
    let broker = Broker::start(dir.path(), &[durability]);
    create_topics(&broker.address, &[TOPIC.to_owned()], PARTITIONS as i32);
    if case.op == Op::Fetch {
        let scripts = (0..PARTITIONS).map(|n| Script::produce(1, n, batch)).collect();
        let batches = script::round_batches(batch.len()) as u64;
        Client::connect(&broker.address, scripts).run(Quota::Each(batches), pace.depth);
    }
    measure(case, pace, broker.pid(), &broker.address, scripts)
}

fn on_floor(case: &Case, pace: Pace, scripts: &[Script], batch: &Bytes) -> Measured {
    let dir = tempfile::tempdir().unwrap();
    let round = match case.op {
        Op::Produce => 0,
        Op::Fetch => script::round_batches(batch.len()) * batch.len(),
    };
    let sizes = Sizes { request: scripts[0].len(), payload: scripts[0].payload, round };
    let floor = Floor::start(dir.path(), case.op, sizes);
    measure(case, pace, floor.pid(), &floor.address, scripts)
}

/// Fewer requests in flight where all of them together would fill the kernel's memory for
/// sockets: what stalls then is the kernel, not the broker.
fn depth(case: &Case, pace: Pace) -> usize {
    pace.depth.min(IN_FLIGHT_MAX / (case.connections * case.batch)).max(1)
}

fn measure(case: &Case, pace: Pace, pid: u32, address: &str, scripts: &[Script]) -> Measured {
    let depth = if case.op == Op::Produce { depth(case, pace) } else { 1 };
    let each = (0..case.connections).map(|n| scripts[n % PARTITIONS].clone()).collect();
    let mut client = Client::connect(address, each);
    // Files are opened and tasks are started before the clock runs.
    client.run(Quota::Each(1), depth);
    let requests = (case.mib * MIB).div_ceil(scripts[0].payload) as u64;
    let before = Cpu::of(pid);
    let outcome = client.run(Quota::All(requests, pace.time), depth);
    let cpu = Cpu::of(pid).since(before);
    Measured { outcome, cpu, peak_rss_kib: status_kib(pid, "VmHWM") }
}
