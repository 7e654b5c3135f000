//! The pure paths, for `benches/instructions/run`, which counts their instructions in valgrind.
//!
//! `instructions` alone names the paths, one a line, and after a tab how many calls make a count;
//! `instructions PATH CALLS` walks a path this many times. Whatever is random has a fixed seed.

mod groups;
mod messages;
mod transactions;

#[path = "../common/data.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod data;
#[path = "../common/joining.rs"]
mod joining;
#[path = "../common/log.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod log;

use std::path::Path;
use std::sync::Arc;

use ottla::log::admit::AdmitRules;
use ottla::storage::batch::Codec;
use ottla::storage::sim_disk::SimDisk;

/// One call; the argument is its number, from 0.
type Work = Box<dyn FnMut(usize)>;

/// A path, and how many calls make a count that start and end do not disturb.
struct Measured {
    name: &'static str,
    calls: usize,
    prepare: fn() -> Work,
}

const PATHS: &[Measured] = &[
    Measured { name: "decode Produce", calls: 2000, prepare: messages::produce },
    Measured { name: "decode Fetch", calls: 200, prepare: messages::fetch },
    Measured { name: "decode Metadata", calls: 200, prepare: messages::metadata },
    Measured { name: "encode Fetch answer", calls: 200, prepare: messages::fetch_answer },
    Measured { name: "append 1 KiB", calls: 500, prepare: || append(1 << 10, 100) },
    Measured { name: "append 64 KiB", calls: 100, prepare: || append(64 << 10, 1024) },
    Measured { name: "group join, heartbeat, commit", calls: 200, prepare: groups::cycle },
    Measured { name: "transaction begin, add, end", calls: 500, prepare: transactions::cycle },
];

/// Checks a batch and appends it to a log on the simulated disk.
fn append(bytes: usize, record: usize) -> Work {
    let config = log::config();
    let rules = AdmitRules::of(&config);
    let batch = data::batch(bytes, record, Codec::None);
    let mut log = log::open_on(Arc::new(SimDisk::new(1)), Path::new("/"), config);
    Box::new(move |_| {
        log.append(log::STILL, &log::admitted(&batch, &rules)).expect("a working disk");
    })
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [name, calls] = &words[..] else {
        PATHS.iter().for_each(|path| println!("{}\t{}", path.name, path.calls));
        return;
    };
    let path = PATHS.iter().find(|path| path.name == name).expect("one of the paths");
    let mut work = (path.prepare)();
    (0..calls.parse().expect("a number")).for_each(&mut work);
}
