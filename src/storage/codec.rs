//! The four codecs of record batches: streaming decompression and compression.
//!
//! **Invariant:** no gzip, lz4 or zstd stream is ever held in memory as a whole. What a reader
//! holds is bounded by the codec's own window, whatever the bytes claim: gzip 32 KiB, lz4 two
//! blocks of at most 4 MiB, zstd a window of at most 128 MiB (touched only as far as it is filled),
//! snappy one block of at most [`SNAPPY_GROWTH_MAX`] times its compressed size.
//!
//! Snappy has two forms: one raw block (librdkafka), or the xerial framing of the Java client, a
//! header followed by blocks with their lengths.

use std::io::{self, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;

use crate::storage::batch::Codec;

/// The largest expansion by snappy: a three-byte copy yields at most 64 bytes.
pub const SNAPPY_GROWTH_MAX: usize = 22;
/// The largest zstd window that is accepted, as a power of two: zstd's own default limit for
/// streams.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// The level that means "the codec's own default" in Kafka's configs.
pub const DEFAULT_LEVEL: i32 = -1;

/// Magic bytes of the xerial framing.
pub const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_HEADER_BYTES: usize = 16;
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4D, 0x18];
const LZ4_BLOCKS_INDEPENDENT: u8 = 0x20;

/// Decompressed records, as a stream.
pub enum Decompressor<'a> {
    /// Uncompressed.
    Plain(&'a [u8]),
    /// One or more gzip members.
    Gzip(Box<MultiGzDecoder<&'a [u8]>>),
    /// A raw snappy block, already decompressed.
    Snappy(Cursor<Vec<u8>>),
    /// Snappy blocks in xerial framing.
    Xerial(XerialReader<'a>),
    /// One lz4 frame.
    Lz4(Box<FrameDecoder<&'a [u8]>>),
    /// One or more zstd frames.
    Zstd(zstd::stream::read::Decoder<'static, &'a [u8]>),
}

/// Returns the records in `payload` as a stream.
///
/// # Errors
/// The payload does not begin as its codec requires. Later faults are errors of the reader.
pub fn reader<'a>(codec: Codec, payload: &'a [u8]) -> io::Result<Decompressor<'a>> {
    Ok(match codec {
        Codec::None => Decompressor::Plain(payload),
        Codec::Gzip => Decompressor::Gzip(Box::new(MultiGzDecoder::new(payload))),
        Codec::Snappy if payload.starts_with(&XERIAL_MAGIC) => {
            Decompressor::Xerial(XerialReader { rest: payload, block: Vec::new(), at: 0 })
        }
        Codec::Snappy => {
            let mut bytes = Vec::new();
            unsnap(payload, &mut bytes)?;
            Decompressor::Snappy(Cursor::new(bytes))
        }
        Codec::Lz4 => {
            check_lz4_header(payload)?;
            Decompressor::Lz4(Box::new(FrameDecoder::new(payload)))
        }
        Codec::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(payload)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Decompressor::Zstd(decoder)
        }
    })
}

impl Read for Decompressor<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Decompressor::Plain(bytes) => bytes.read(out),
            Decompressor::Gzip(gzip) => gzip.read(out),
            Decompressor::Snappy(bytes) => bytes.read(out),
            Decompressor::Xerial(blocks) => blocks.read(out),
            Decompressor::Lz4(frame) => frame.read(out),
            Decompressor::Zstd(frames) => frames.read(out),
        }
    }
}

/// Checks the header of an lz4 frame. Kafka's Java clients can read neither lz4's legacy frames nor
/// frames with dependent blocks, so such a batch must not be stored.
fn check_lz4_header(payload: &[u8]) -> io::Result<()> {
    match payload {
        [a, b, c, d, flags, ..] if [*a, *b, *c, *d] == LZ4_MAGIC => {
            if flags & LZ4_BLOCKS_INDEPENDENT == 0 {
                return Err(broken("an lz4 frame with dependent blocks"));
            }
            Ok(())
        }
        _ => Err(broken("not an lz4 frame")),
    }
}

/// Snappy blocks in the framing of the Java client: magic, two version numbers, then blocks
/// preceded by their lengths.
pub struct XerialReader<'a> {
    rest: &'a [u8],
    block: Vec<u8>,
    at: usize,
}

impl XerialReader<'_> {
    /// Decompresses the next block; returns false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        // Streams may be concatenated, each with its own header.
        while self.rest.starts_with(&XERIAL_MAGIC) {
            self.rest = self
                .rest
                .get(XERIAL_HEADER_BYTES..)
                .ok_or_else(|| broken("a truncated snappy header"))?;
        }
        let Some((length, rest)) = self.rest.split_first_chunk::<4>() else {
            if self.rest.is_empty() {
                return Ok(false);
            }
            return Err(broken("a truncated snappy block"));
        };
        let block = usize::try_from(i32::from_be_bytes(*length))
            .ok()
            .and_then(|length| rest.get(..length))
            .ok_or_else(|| broken("a snappy block that is longer than the batch"))?;
        self.rest = rest.get(block.len()..).unwrap_or_default();
        self.at = 0;
        unsnap(block, &mut self.block)?;
        Ok(true)
    }
}

impl Read for XerialReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let read = self.block.get(self.at..).unwrap_or_default().read(out)?;
        self.at += read;
        Ok(read)
    }
}

/// Decompresses one snappy block into `out`, replacing its contents.
fn unsnap(block: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let claimed = snap::raw::decompress_len(block).map_err(broken)?;
    // The length is untrusted: accept it only as far as the format can expand the input.
    if claimed > block.len().saturating_mul(SNAPPY_GROWTH_MAX) {
        return Err(broken("a snappy block that claims more bytes than it can hold"));
    }
    out.resize(claimed, 0);
    let written = snap::raw::Decoder::new().decompress(block, out).map_err(broken)?;
    out.truncate(written);
    Ok(())
}

fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lz4_flex::frame::{FrameEncoder, FrameInfo};

    use super::*;
    use crate::storage::compressor::compress;

    const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    fn read_all(codec: Codec, payload: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        reader(codec, payload)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_a_codec_compressed_it_gives_back() {
        let mut rng = fastrand::Rng::with_seed(7);
        for len in [0, 1, 100, 40_000, 300_000] {
            let bytes: Vec<u8> = (0..len).map(|_| rng.u8(b'a'..=b'h')).collect();
            for codec in CODECS {
                let mut packed = Vec::new();
                compress(codec, DEFAULT_LEVEL, &bytes, &mut packed).unwrap();
                assert_eq!(read_all(codec, &packed).unwrap(), bytes, "{codec:?} {len}");
            }
        }
    }

    #[test]
    fn raw_snappy_is_read_as_librdkafka_writes_it() {
        let packed = snap::raw::Encoder::new().compress_vec(&[b'x'; 9000]).unwrap();
        assert_eq!(read_all(Codec::Snappy, &packed).unwrap(), [b'x'; 9000]);
    }

    #[test]
    fn snappy_streams_may_follow_one_another() {
        let mut packed = Vec::new();
        compress(Codec::Snappy, 0, b"one", &mut packed).unwrap();
        compress(Codec::Snappy, 0, b"two", &mut packed).unwrap();
        assert_eq!(read_all(Codec::Snappy, &packed).unwrap(), b"onetwo");
    }

    #[test]
    fn a_snappy_length_that_cannot_be_true_is_refused_before_memory_is_taken() {
        // A varint that says 2 GiB, and five zero bytes.
        let liar = [0x80, 0x80, 0x80, 0x80, 0x08, 0, 0, 0, 0, 0];
        assert!(read_all(Codec::Snappy, &liar).is_err());
        let mut framed = XERIAL_MAGIC.to_vec();
        framed.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
        framed.extend_from_slice(&(liar.len() as i32).to_be_bytes());
        framed.extend_from_slice(&liar);
        assert!(read_all(Codec::Snappy, &framed).is_err());
        framed[16..20].copy_from_slice(&i32::MAX.to_be_bytes());
        assert!(read_all(Codec::Snappy, &framed).is_err());
        framed[16..20].copy_from_slice(&(-1_i32).to_be_bytes());
        assert!(read_all(Codec::Snappy, &framed).is_err());
    }

    #[test]
    fn lz4_blocks_that_lean_on_each_other_are_refused() {
        let mut packed = Vec::new();
        let info = FrameInfo::new().block_mode(lz4_flex::frame::BlockMode::Linked);
        let mut encoder = FrameEncoder::with_frame_info(info, &mut packed);
        encoder.write_all(b"hello").unwrap();
        encoder.finish().unwrap();
        assert!(read_all(Codec::Lz4, &packed).is_err());
        assert!(read_all(Codec::Lz4, &[]).is_err());
    }

    #[test]
    fn random_bytes_are_an_error_or_nothing_but_never_a_panic() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..2000 {
            let mut packed = Vec::new();
            let codec = *rng.choice(&CODECS).unwrap();
            compress(codec, 1, &[b'r'; 500], &mut packed).unwrap();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..packed.len());
                packed[at] = rng.u8(..);
            }
            packed.truncate(rng.usize(..=packed.len()));
            let mut out = Vec::new();
            let _ = reader(codec, &packed).and_then(|r| r.take(1 << 20).read_to_end(&mut out));
        }
    }
}
