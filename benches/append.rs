//! The append path in one thread: `cargo bench --bench append`.
//!
//! Checking a batch against copying it and taking its CRC, and checking and appending it against
//! the CRC and a plain `pwrite` of the same bytes.

#[path = "common/data.rs"]
mod data;
#[path = "common/log.rs"]
mod log;
#[path = "common/timing.rs"]
mod timing;

use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use ottla::log::admit::AdmitRules;
use ottla::storage::batch::{BatchView, Codec};

/// What one sample writes, so that neither the disk nor the page cache fills up.
const SAMPLE_BYTES: usize = 128 << 20;
const SAMPLES: usize = 5;

fn check(name: &str, batch: &[u8]) {
    let rules = AdmitRules::of(&log::config());
    let mut copy = vec![0; batch.len()];
    let baseline = timing::ns(|| {
        copy.copy_from_slice(batch);
        black_box(crc32c::crc32c(&copy));
    });
    timing::line(&format!("{name}: memcpy + crc32c"), baseline, batch.len(), baseline);
    let crc = timing::ns(|| {
        black_box(BatchView::first(batch).expect("a batch").crc_is_right());
    });
    timing::line(&format!("{name}: crc only"), crc, batch.len(), baseline);
    let admitted = timing::ns(|| {
        black_box(log::admitted(batch, &rules));
    });
    timing::line(&format!("{name}: admit"), admitted, batch.len(), baseline);
}

/// ns for each batch, the median of samples that each begin with an empty directory.
fn sampled(batch: &[u8], mut sample: impl FnMut(&std::path::Path, usize)) -> f64 {
    let calls = SAMPLE_BYTES / batch.len();
    timing::median((0..SAMPLES).map(|_| {
        let dir = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        sample(dir.path(), calls);
        begun.elapsed().as_nanos() as f64 / calls as f64
    }))
}

fn append(name: &str, batch: &[u8]) {
    let baseline = sampled(batch, |dir, calls| {
        let file = std::fs::File::create_new(dir.join("plain")).unwrap();
        for n in 0..calls {
            black_box(crc32c::crc32c(batch));
            file.write_all_at(batch, (n * batch.len()) as u64).unwrap();
        }
    });
    timing::line(&format!("{name}: crc32c + pwrite"), baseline, batch.len(), baseline);
    let config = log::config();
    let rules = AdmitRules::of(&config);
    let appended = sampled(batch, |dir, calls| {
        let mut log = log::open(dir, config.clone());
        for _ in 0..calls {
            let admitted = log::admitted(batch, &rules);
            log.append(log::STILL, &admitted).expect("a working disk");
        }
    });
    timing::line(&format!("{name}: admit + Log::append"), appended, batch.len(), baseline);
}

fn main() {
    timing::head();
    let sizes = [(16 << 10, 1024), (64 << 10, 1024), (64 << 10, 100), (1 << 20, 1024)];
    let name = |bytes: usize, record: usize| format!("{} KiB of {record} B", bytes >> 10);
    for (bytes, record) in sizes {
        check(&name(bytes, record), &data::batch(bytes, record, Codec::None));
    }
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        check(&format!("{}, {codec:?}", name(64 << 10, 1024)), &data::batch(64 << 10, 1024, codec));
    }
    for (bytes, record) in sizes {
        append(&name(bytes, record), &data::batch(bytes, record, Codec::None));
    }
}
