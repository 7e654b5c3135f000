//! The transactions bench: `cargo bench --bench transactions`, and after `--`:
//!
//! * `producers`, `idle`, `committed`: only these parts
//! * `--seconds N`: how long the producers work (default 5)
//! * `--mib N`: how much is read (default 1024)
//! * `--peer ADDRESS PID`: another broker, measured beside this one by the producers
//!
//! What a transaction of 10 records costs the broker with 50 producers; what 10,000 idle
//! transactional ids cost; what readers of committed records cost more than others.
//! `benches/transactions/latency.py` measures through real clients.

mod committed;
#[path = "../groups/connection.rs"]
mod connection;
mod idle;
mod producer;
mod producers;

#[path = "../common/broker.rs"]
mod broker;
#[path = "../common/proc.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod proc;
#[path = "../common/started.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod started;
#[path = "../common/wire.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod wire;

use std::time::Duration;

struct Options {
    parts: Vec<String>,
    seconds: u64,
    mib: u64,
    peer: Option<(String, u32)>,
}

fn options() -> Options {
    let mut options = Options { parts: Vec::new(), seconds: 5, mib: 1024, peer: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok());
        match argument.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--seconds" => options.seconds = number().unwrap_or_else(|| refuse("--seconds N")),
            "--mib" => options.mib = number().unwrap_or_else(|| refuse("--mib N")),
            "--peer" => {
                let address = arguments.next();
                let pid = arguments.next().and_then(|text| text.parse().ok());
                options.peer =
                    Some(address.zip(pid).unwrap_or_else(|| refuse("--peer ADDRESS PID")));
            }
            "producers" | "idle" | "committed" => options.parts.push(argument),
            _ => refuse("only producers, idle, committed, --seconds, --mib and --peer are known"),
        }
    }
    options
}

fn main() {
    let options = options();
    let wants = |part: &str| options.parts.is_empty() || options.parts.iter().any(|p| p == part);
    if wants("producers") {
        producers::compare(50, Duration::from_secs(options.seconds), options.peer.as_ref());
    }
    if wants("idle") {
        idle::idle(10_000);
    }
    if wants("committed") {
        committed::compare(options.mib);
    }
}

fn refuse<T>(why: &str) -> T {
    eprintln!("transactions: {why}");
    std::process::exit(2)
}
