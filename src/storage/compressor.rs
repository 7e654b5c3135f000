//! Records on their way into a codec, as a stream.
//!
//! What a packer holds is bounded by its codec, not by what passes through it: gzip 64 KiB, snappy
//! and lz4 one block, zstd what its level takes for the size that it is told, with a window of at
//! most [`ZSTD_WINDOW_LOG`].
//!
//! The framing is that of Kafka's Java clients: snappy in xerial blocks of 32 KiB, lz4 in a frame of
//! independent blocks of 64 KiB.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

use crate::storage::batch::Codec;
use crate::storage::codec::{DEFAULT_LEVEL, XERIAL_MAGIC};
use crate::storage::lz4_high::Lz4High;

/// The largest window that zstd is given, as a power of two: 8 MiB, and tables in proportion. Its
/// highest levels would take some hundred MiB for a large batch.
pub const ZSTD_WINDOW_LOG: u32 = 23;

/// As in Kafka, the default level of lz4 stands for the quick way, and every other one for a
/// thorough search.
const LZ4_DEFAULT_LEVEL: i32 = 9;

const XERIAL_BLOCK_BYTES: usize = 32 * 1024;

/// Records on their way into a codec.
pub enum Compressor<W: Write> {
    /// Not compressed.
    Plain(W),
    /// One gzip member.
    Gzip(GzEncoder<W>),
    /// Snappy blocks in xerial framing.
    Xerial(Box<Xerial<W>>),
    /// One lz4 frame, quickly.
    Lz4(Box<FrameEncoder<W>>),
    /// One lz4 frame, at a level.
    Lz4High(Box<Lz4High<W>>),
    /// One zstd frame.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    /// Compress into `out`; `bytes` is how many there will be, if that is known: exactly so many.
    ///
    /// `level` is what the codec understands by it, or [`DEFAULT_LEVEL`]; snappy knows only one.
    pub fn new(codec: Codec, level: i32, bytes: Option<u64>, out: W) -> io::Result<Compressor<W>> {
        Ok(match codec {
            Codec::None => Compressor::Plain(out),
            Codec::Gzip => {
                let level = u32::try_from(level).map_or_else(
                    |_| flate2::Compression::default(),
                    |l| flate2::Compression::new(l.min(9)),
                );
                Compressor::Gzip(GzEncoder::new(out, level))
            }
            Codec::Snappy => Compressor::Xerial(Box::new(Xerial::begin(out)?)),
            Codec::Lz4 if !matches!(level, DEFAULT_LEVEL | LZ4_DEFAULT_LEVEL) => {
                Compressor::Lz4High(Box::new(Lz4High::begin(level, out)?))
            }
            Codec::Lz4 => {
                let info = FrameInfo::new().block_size(BlockSize::Max64KB);
                Compressor::Lz4(Box::new(FrameEncoder::with_frame_info(info, out)))
            }
            Codec::Zstd => {
                let level =
                    if level == DEFAULT_LEVEL { zstd::DEFAULT_COMPRESSION_LEVEL } else { level };
                let mut encoder = zstd::stream::write::Encoder::new(out, level)?;
                encoder.set_pledged_src_size(bytes)?;
                if bytes.is_some_and(|bytes| bytes > 1 << ZSTD_WINDOW_LOG) {
                    encoder.window_log(ZSTD_WINDOW_LOG)?;
                }
                Compressor::Zstd(encoder)
            }
        })
    }

    /// Write what is still held. Gives the place where everything went.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Compressor::Plain(out) => Ok(out),
            Compressor::Gzip(gzip) => gzip.finish(),
            Compressor::Xerial(xerial) => xerial.finish(),
            Compressor::Lz4(frame) => frame.finish().map_err(io::Error::other),
            Compressor::Lz4High(frame) => frame.finish(),
            Compressor::Zstd(frame) => frame.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::Plain(out) => out.write(bytes),
            Compressor::Gzip(gzip) => gzip.write(bytes),
            Compressor::Xerial(xerial) => xerial.write(bytes),
            Compressor::Lz4(frame) => frame.write(bytes),
            Compressor::Lz4High(frame) => frame.write(bytes),
            Compressor::Zstd(frame) => frame.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush in the middle would only make the result larger.
        Ok(())
    }
}

/// Snappy blocks, each with its length before it.
pub struct Xerial<W> {
    out: W,
    block: Vec<u8>,
    encoder: snap::raw::Encoder,
}

impl<W: Write> Xerial<W> {
    fn begin(mut out: W) -> io::Result<Xerial<W>> {
        out.write_all(&XERIAL_MAGIC)?;
        // Its version, and the oldest that can read it.
        out.write_all(&1_i32.to_be_bytes())?;
        out.write_all(&1_i32.to_be_bytes())?;
        let block = Vec::with_capacity(XERIAL_BLOCK_BYTES);
        Ok(Xerial { out, block, encoder: snap::raw::Encoder::new() })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(XERIAL_BLOCK_BYTES - self.block.len());
        self.block.extend(bytes.iter().take(n));
        if self.block.len() == XERIAL_BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(n)
    }

    fn end_block(&mut self) -> io::Result<()> {
        let block = self.encoder.compress_vec(&self.block).map_err(io::Error::other)?;
        self.out.write_all(&(block.len() as i32).to_be_bytes())?;
        self.out.write_all(&block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        Ok(self.out)
    }
}
