//! Streaming compression of records.
//!
//! The memory of a compressor is bounded by its codec, not by the data: gzip 64 KiB, snappy and lz4
//! one block, zstd what its level takes for the announced size, with a window of at most
//! [`ZSTD_WINDOW_LOG`].
//!
//! The framing is that of Kafka's Java clients: snappy in xerial blocks of 32 KiB, lz4 in a frame
//! of independent blocks of 64 KiB.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

use crate::storage::batch::Codec;
use crate::storage::codec::{DEFAULT_LEVEL, XERIAL_MAGIC};
use crate::storage::lz4_high::Lz4High;

/// The largest window that zstd may use, as a power of two: 8 MiB, and tables in proportion. Its
/// highest levels would otherwise take some hundred MiB for a large batch.
pub const ZSTD_WINDOW_LOG: u32 = 23;

/// Kafka's default level of lz4, which means fast compression; every other level means high
/// compression.
const LZ4_DEFAULT_LEVEL: i32 = 9;

const XERIAL_BLOCK_BYTES: usize = 32 * 1024;

/// Compresses records that are written to it.
pub enum Compressor<W: Write> {
    /// Uncompressed.
    Plain(W),
    /// One gzip member.
    Gzip(GzEncoder<W>),
    /// Snappy blocks in xerial framing.
    Xerial(Box<XerialWriter<W>>),
    /// One lz4 frame, fast.
    Lz4(Box<FrameEncoder<W>>),
    /// One lz4 frame, at a high-compression level.
    Lz4High(Box<Lz4High<W>>),
    /// One zstd frame.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    /// Compresses into `out`; `bytes` is the exact number of bytes that will be written, if known.
    ///
    /// `level` is in the codec's own scale, or [`DEFAULT_LEVEL`]; snappy has only one level.
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
            Codec::Snappy => Compressor::Xerial(Box::new(XerialWriter::begin(out)?)),
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

    /// Writes what is still buffered and returns the writer.
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
        // A flush in the middle would only make the output larger.
        Ok(())
    }
}

/// Snappy blocks, each preceded by its length.
pub struct XerialWriter<W> {
    out: W,
    block: Vec<u8>,
    encoder: snap::raw::Encoder,
}

impl<W: Write> XerialWriter<W> {
    fn begin(mut out: W) -> io::Result<XerialWriter<W>> {
        out.write_all(&XERIAL_MAGIC)?;
        // The version, and the oldest compatible version.
        out.write_all(&1_i32.to_be_bytes())?;
        out.write_all(&1_i32.to_be_bytes())?;
        let block = Vec::with_capacity(XERIAL_BLOCK_BYTES);
        Ok(XerialWriter { out, block, encoder: snap::raw::Encoder::new() })
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

/// Appends `bytes`, compressed, to `out`. For `level` see [`Compressor::new`].
pub fn compress(codec: Codec, level: i32, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let mut compressor = Compressor::new(codec, level, Some(bytes.len() as u64), out)?;
    compressor.write_all(bytes)?;
    compressor.finish().map(|_| ())
}
