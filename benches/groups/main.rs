//! The groups bench: `cargo bench --bench groups`, and after `--`:
//!
//! * `settle`, `idle`, `commits`: only these parts
//! * `--seconds N`: how long to commit (default 10)
//!
//! A group of 1,000 members settles, on the bare machine in simulated time and over TCP; what
//! 10,000 idle groups cost; how long an OffsetCommit takes beside a produce load.

mod commits;
mod connection;
mod idle;
mod pure;
mod tcp;

#[path = "../common/broker.rs"]
mod broker;
#[path = "../common/joining.rs"]
mod joining;
#[path = "../common/proc.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod proc;
#[path = "../common/wire.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod wire;

use std::time::Duration;

use crate::commits::Ask;

/// `met` or `MISSED`, after a target.
pub fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn main() {
    let (mut parts, mut seconds) = (Vec::new(), 10);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--seconds" => {
                let number = arguments.next().and_then(|text| text.parse().ok());
                seconds = number.filter(|n| *n > 0).unwrap_or_else(|| refuse("--seconds N"));
            }
            "settle" | "idle" | "commits" => parts.push(argument),
            _ => refuse("only settle, idle, commits and --seconds N are known"),
        }
    }
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wants("settle") {
        for initial_delay_ms in [0, 3000] {
            pure::settle(1000, initial_delay_ms);
        }
        for initial_delay_ms in [0, 3000] {
            tcp::settle(1000, initial_delay_ms);
        }
    }
    if wants("idle") {
        idle::idle(10_000);
    }
    if wants("commits") {
        for mb_per_second in [0, 100] {
            for ask in [Ask::Commit, Ask::Fetch] {
                commits::steady(ask, Duration::from_secs(seconds), mb_per_second);
            }
        }
    }
}

fn refuse<T>(why: &str) -> T {
    eprintln!("groups: {why}");
    std::process::exit(2)
}
