//! Load on any broker that speaks the protocol, for `benches/compare/run`. Each command prints one
//! line of JSON:
//!
//! * `produce ADDRESS PID BATCH RECORD CONNECTIONS DEPTH MIB SECONDS`: to the topic `load`, with
//!   acks=all, for as long or until as much is sent; with the processor time that PID takes
//! * `pace ADDRESS TOPIC RATE SECONDS`: one record of 100 bytes at a time, this many a second, and
//!   a consumer that waits for them
//! * `topics ADDRESS PREFIX TOPICS PARTITIONS`: creates them, and waits until all have leaders
//! * `connections ADDRESS COUNT`: opens them, says so, and closes them when a line comes
//! * `settle ADDRESS GROUP MEMBERS`: members of the classic protocol, until each has its assignment

#[path = "../load/case.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod case;
#[path = "../load/client.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod client;
#[path = "../groups/connection.rs"]
mod connection;
#[path = "../groups/tcp.rs"]
mod members;
mod pace;
#[path = "../load/script.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod script;
mod topics;

#[path = "../common/broker.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod broker;
#[path = "../common/proc.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod proc;
#[path = "../common/wire.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod wire;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};

use crate::case::{Case, MIB, Op};
use crate::client::{Client, Quota};
use crate::proc::{Cpu, TICKS_PER_SECOND};
use crate::script::{PARTITIONS, Script};

/// The one at this part of what is sorted.
pub fn at(sorted: &[u32], part: f64) -> u32 {
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn produce(address: &str, numbers: &[usize]) {
    let [pid, batch, record, connections, depth, mib, seconds] = numbers else { usage() };
    let case = Case {
        op: Op::Produce,
        batch: *batch,
        record: *record,
        acks: -1,
        fsync: false,
        connections: *connections,
        mib: *mib,
    };
    let batch = Bytes::from(script::batch(&case).0);
    let scripts = (0..*connections).map(|n| Script::produce(-1, n % PARTITIONS, &batch)).collect();
    let mut client = Client::connect(address, scripts);
    client.run(Quota::Each(1), *depth);
    let requests = (mib * MIB).div_ceil(batch.len()) as u64;
    let before = Cpu::of(*pid as u32);
    let time = Duration::from_secs(*seconds as u64);
    let outcome = client.run(Quota::All(requests, time), *depth);
    let cpu = Cpu::of(*pid as u32).since(before);
    println!(
        "{{\"bytes\": {}, \"requests\": {}, \"seconds\": {:.6}, \"user\": {}, \"system\": {}, \
         \"p50\": {}, \"p99\": {}, \"p999\": {}, \"fairness\": {:.4}}}",
        outcome.bytes,
        outcome.latencies.len(),
        outcome.elapsed.as_secs_f64(),
        cpu.user as f64 / TICKS_PER_SECOND,
        cpu.system as f64 / TICKS_PER_SECOND,
        at(&outcome.latencies, 0.5),
        at(&outcome.latencies, 0.99),
        at(&outcome.latencies, 0.999),
        outcome.fairness(),
    );
}

fn connections(address: &str, count: usize) {
    let request = wire::frame(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    let mut open = Vec::with_capacity(count);
    let mut refused = 0;
    for _ in 0..count {
        let answered = TcpStream::connect(address).and_then(|mut stream| {
            wire::call(&mut stream, &request)?;
            Ok(stream)
        });
        match answered {
            Ok(stream) => open.push(stream),
            Err(_) => refused += 1,
        }
    }
    println!("{{\"open\": {}, \"refused\": {refused}}}", open.len());
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn settle(address: &str, group: &str, count: usize) {
    topics::find_coordinator(address, group);
    let settled = members::settle_at(address, group, count);
    println!(
        "{{\"seconds\": {:.6}, \"messages\": {}, \"generation\": {}}}",
        settled.elapsed.as_secs_f64(),
        settled.messages,
        settled.generation
    );
}

fn usage() -> ! {
    eprintln!("wire: see the head of benches/wire/main.rs");
    std::process::exit(2)
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| usage())
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["produce", address, ref rest @ ..] => {
            produce(address, &rest.iter().map(|text| number(text)).collect::<Vec<_>>());
        }
        ["pace", address, topic, rate, seconds] => {
            pace::pace(address, topic, number(rate) as u32, number(seconds) as u32);
        }
        ["topics", address, prefix, count, partitions] => {
            topics::create(address, prefix, number(count), number(partitions) as i32);
        }
        ["connections", address, count] => connections(address, number(count)),
        ["settle", address, group, count] => settle(address, group, number(count)),
        // What `cargo bench` without a name runs.
        [] => println!("nothing to measure by itself: see benches/compare/run --help"),
        _ => usage(),
    }
}
