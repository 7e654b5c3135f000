//! The codecs of records, both ways: `cargo bench --bench compression`.
//!
//! 64 KiB of words through `storage::codec` against the shortest way that the codec's own crate
//! offers, and the walk over a compressed batch that every produce request pays for.

#[path = "common/data.rs"]
mod data;
#[path = "common/timing.rs"]
mod timing;

use std::hint::black_box;
use std::io::{Read, Write};
use std::ops::ControlFlow;

use ottla::storage::batch::{BatchView, Codec};
use ottla::storage::codec::{DEFAULT_LEVEL, reader};
use ottla::storage::compressor::compress;
use ottla::storage::records::walk;

const BYTES: usize = 64 << 10;

/// Compress by the codec's own crate.
fn pack(codec: Codec, plain: &[u8]) -> Vec<u8> {
    match codec {
        Codec::None => plain.to_vec(),
        Codec::Gzip => {
            let mut packed = Vec::with_capacity(plain.len());
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::GzEncoder::new(&mut packed, level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap();
            packed
        }
        Codec::Snappy => snap::raw::Encoder::new().compress_vec(plain).unwrap(),
        Codec::Lz4 => lz4_flex::block::compress_prepend_size(plain),
        Codec::Zstd => zstd::bulk::compress(plain, zstd::DEFAULT_COMPRESSION_LEVEL).unwrap(),
    }
}

/// Decompress by the codec's own crate what [`pack`] made.
fn unpack(codec: Codec, packed: &[u8]) -> Vec<u8> {
    match codec {
        Codec::None => packed.to_vec(),
        Codec::Gzip => {
            let mut plain = Vec::with_capacity(BYTES);
            flate2::bufread::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
            plain
        }
        Codec::Snappy => snap::raw::Decoder::new().decompress_vec(packed).unwrap(),
        Codec::Lz4 => lz4_flex::block::decompress_size_prepended(packed).unwrap(),
        Codec::Zstd => zstd::bulk::decompress(packed, BYTES).unwrap(),
    }
}

fn main() {
    let plain = data::words(&mut fastrand::Rng::with_seed(2), BYTES);
    timing::head();
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let baseline = timing::ns(|| drop(black_box(pack(codec, &plain))));
        let mut packed = Vec::with_capacity(BYTES);
        let ours = timing::ns(|| {
            packed.clear();
            compress(codec, DEFAULT_LEVEL, &plain, &mut packed).unwrap();
            black_box(&packed);
        });
        let parts = 100 * packed.len() / BYTES;
        timing::line(&format!("{codec:?} to {parts} %: its crate"), baseline, BYTES, baseline);
        timing::line(&format!("{codec:?}: compress"), ours, BYTES, baseline);

        let theirs = pack(codec, &plain);
        assert_eq!(unpack(codec, &theirs), plain);
        let baseline = timing::ns(|| drop(black_box(unpack(codec, &theirs))));
        let mut unfolded = Vec::with_capacity(BYTES);
        let ours = timing::ns(|| {
            unfolded.clear();
            reader(codec, &packed).unwrap().read_to_end(&mut unfolded).unwrap();
            black_box(&unfolded);
        });
        assert_eq!(unfolded, plain);
        timing::line(&format!("{codec:?} back: its crate"), baseline, BYTES, baseline);
        timing::line(&format!("{codec:?} back: reader"), ours, BYTES, baseline);
        for record in [1024, 100] {
            let batch = data::batch(BYTES, record, codec);
            let batch = BatchView::first(&batch).expect("a batch");
            let walked = timing::ns(|| {
                black_box(
                    walk(&batch, i32::MAX, |_| ControlFlow::Continue(())).expect("sound records"),
                );
            });
            let name = format!("{codec:?} back: walk over records of {record} B");
            timing::line(&name, walked, BYTES, baseline);
        }
    }
}
