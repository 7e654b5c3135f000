//! The load bench: `cargo bench --bench load`, and after `--`:
//!
//! * `FILTER…`: only cases of the whole matrix whose name contains one of these, such as
//!   `produce/64k` or `fetch`
//! * `--full`: the whole matrix
//! * `--repeat N`: how often to run each case; the median counts (default 3)
//! * `--mib N`: how much each case moves, instead of what it says itself
//! * `--seconds N`: the longest that one run may take (default 10)
//! * `--depth N`: produce requests in flight on each connection (default 5, as the clients)
//!
//! Each run starts the broker again, as its own process in a temporary directory, and beside it
//! the floor: a bare process with the same load, which tells what the processor time would be
//! with nothing but the unavoidable.

mod case;
mod client;
mod floor;
mod report;
mod run;
mod script;

#[path = "../common/broker.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod broker;
#[path = "../common/proc.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod proc;
#[path = "../common/wire.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod wire;

use std::time::Duration;

use crate::case::Case;
use crate::run::Pace;

struct Options {
    cases: Vec<Case>,
    repeat: usize,
    pace: Pace,
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut full = false;
    let mut filters: Vec<&str> = Vec::new();
    let (mut repeat, mut mib, mut seconds, mut depth) = (3, None, 10, 5);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || {
            let text = rest.next().ok_or_else(|| format!("{argument} wants a number"))?;
            text.parse::<usize>()
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(|| format!("{argument} {text}?"))
        };
        match argument.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--full" => full = true,
            "--repeat" => repeat = number()?,
            "--mib" => mib = Some(number()?),
            "--seconds" => seconds = number()?,
            "--depth" => depth = number()?,
            flag if flag.starts_with('-') => return Err(format!("{flag} is not known")),
            filter => filters.push(filter),
        }
    }
    let mut cases = if full || !filters.is_empty() { case::full() } else { case::core() };
    cases.retain(|case| {
        let name = case.to_string();
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter))
    });
    if cases.is_empty() {
        return Err("no case has such a name".to_owned());
    }
    for case in &mut cases {
        case.mib = mib.unwrap_or(case.mib);
    }
    Ok(Options { cases, repeat, pace: Pace { depth, time: Duration::from_secs(seconds as u64) } })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == floor::ARGUMENT) {
        return floor::serve(&arguments[1..]);
    }
    let options = options(&arguments).unwrap_or_else(|fault| {
        eprintln!("load: {fault}");
        std::process::exit(2)
    });
    report::head(options.repeat, options.pace.depth);
    for case in &options.cases {
        let runs: Vec<_> = (0..options.repeat).map(|_| run::run(case, options.pace)).collect();
        report::line(case, runs);
    }
}
