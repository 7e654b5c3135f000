//! The read path in one thread: `cargo bench --bench fetch`.
//!
//! Finding a place in a log of 64 KiB batches, and reading from there, against a plain `pread` of
//! the same bytes out of the page cache.

#[path = "common/data.rs"]
mod data;
#[path = "common/log.rs"]
mod log;
#[path = "common/timing.rs"]
mod timing;

use std::hint::black_box;
use std::os::unix::fs::FileExt;

use ottla::log::admit::AdmitRules;
use ottla::log::view::View;
use ottla::storage::batch::Codec;
use ottla::storage::segment::FileSlice;

const LOG_BYTES: usize = 128 << 20;
const FETCH_BYTES: u64 = 1 << 20;
/// What the broker reads at once before it sends.
const PIECE: usize = 128 << 10;

fn read(view: &View, offset: i64) -> FileSlice {
    let read = view.read(offset, view.end_offset, FETCH_BYTES, true);
    read.expect("a working disk").expect("offsets below the end")
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let config = log::config();
    let rules = AdmitRules::of(&config);
    let batch = data::batch(64 << 10, 1024, Codec::None);
    let admitted = log::admitted(&batch, &rules);
    let mut log = log::open(dir.path(), config);
    for _ in 0..LOG_BYTES / batch.len() {
        log.append(log::STILL, &admitted).expect("a working disk");
    }
    let view = log.view();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut piece = vec![0; PIECE];
    let file = std::fs::File::open(dir.path().join("log-0/00000000000000000000.log")).unwrap();
    let len = read(&view, 0).len;
    let last = file.metadata().unwrap().len() - len as u64;

    timing::head();
    let mut header = [0; 61];
    let baseline = timing::ns(|| {
        file.read_exact_at(&mut header, rng.u64(..last)).unwrap();
        black_box(&header);
    });
    timing::line("pread of one batch header", baseline, header.len(), baseline);
    let found = timing::ns(|| {
        black_box(read(&view, rng.i64(0..view.end_offset)));
    });
    timing::line("View::read: find and cut, no bytes", found, header.len(), baseline);
    let cloned = timing::ns(|| drop(black_box(log.view())));
    timing::line("Log::view", cloned, header.len(), baseline);

    let baseline = timing::ns(|| {
        let mut position = rng.u64(..last);
        for from in (0..len).step_by(PIECE) {
            let want = PIECE.min(len - from);
            file.read_exact_at(&mut piece[..want], position).unwrap();
            position += want as u64;
            black_box(&piece);
        }
    });
    timing::line("1 MiB: pread in pieces of 128 KiB", baseline, len, baseline);
    // Far enough from the end that there is a whole fetch.
    let top = view.end_offset - view.end_offset / 8;
    let taken = timing::ns(|| {
        let mut slice = read(&view, rng.i64(0..top));
        while slice.len > 0 {
            let want = PIECE.min(slice.len);
            let n = slice.file.read_hot_at(&mut piece[..want], slice.position).unwrap();
            slice.position += n as u64;
            slice.len -= n;
            black_box(&piece);
        }
    });
    timing::line("1 MiB: View::read and the same pieces", taken, len, baseline);
}
