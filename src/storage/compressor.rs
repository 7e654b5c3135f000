//! Records on their way into a codec: a stream, so that what unfolds to a gigabyte is packed
//! again without a gigabyte in memory.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

use crate::storage::batch::Codec;
use crate::storage::codec::{
    DEFAULT_LEVEL, XERIAL_BLOCK_BYTES, XERIAL_COMPATIBLE, XERIAL_MAGIC, XERIAL_VERSION, broken,
};

/// Compressed bytes in the making. Written to, and finished.
pub enum Compressor<W: Write> {
    /// Not compressed.
    Plain(W),
    /// One gzip member.
    Gzip(GzEncoder<W>),
    /// Snappy blocks in xerial framing.
    Xerial(Xerial<W>),
    /// One lz4 frame.
    Lz4(Box<FrameEncoder<W>>),
    /// One zstd frame.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    /// Compress into `out`.
    ///
    /// `level` is what the codec understands by it, or [`DEFAULT_LEVEL`]; snappy and lz4 know
    /// only one.
    ///
    /// # Errors
    /// The level is none of the codec's.
    pub fn new(codec: Codec, level: i32, mut out: W) -> io::Result<Compressor<W>> {
        Ok(match codec {
            Codec::None => Compressor::Plain(out),
            Codec::Gzip => {
                let level = u32::try_from(level).map_or_else(
                    |_| flate2::Compression::default(),
                    |l| flate2::Compression::new(l.min(9)),
                );
                Compressor::Gzip(GzEncoder::new(out, level))
            }
            Codec::Snappy => {
                out.write_all(&XERIAL_MAGIC)?;
                out.write_all(&XERIAL_VERSION.to_be_bytes())?;
                out.write_all(&XERIAL_COMPATIBLE.to_be_bytes())?;
                Compressor::Xerial(Xerial { out, block: Vec::new() })
            }
            Codec::Lz4 => {
                let info = FrameInfo::new().block_size(BlockSize::Max64KB);
                Compressor::Lz4(Box::new(FrameEncoder::with_frame_info(info, out)))
            }
            Codec::Zstd => {
                let level =
                    if level == DEFAULT_LEVEL { zstd::DEFAULT_COMPRESSION_LEVEL } else { level };
                Compressor::Zstd(zstd::stream::write::Encoder::new(out, level)?)
            }
        })
    }

    /// Write what is left. Gives `out` back, with everything in it.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Compressor::Plain(out) => Ok(out),
            Compressor::Gzip(encoder) => encoder.finish(),
            Compressor::Xerial(blocks) => blocks.finish(),
            Compressor::Lz4(encoder) => encoder.finish().map_err(broken),
            Compressor::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::Plain(out) => out.write(bytes),
            Compressor::Gzip(encoder) => encoder.write(bytes),
            Compressor::Xerial(blocks) => blocks.write(bytes),
            Compressor::Lz4(encoder) => encoder.write(bytes),
            Compressor::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Snappy blocks, and the bytes of the block that is not full.
pub struct Xerial<W> {
    out: W,
    block: Vec<u8>,
}

impl<W: Write> Xerial<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = XERIAL_BLOCK_BYTES - self.block.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.block.extend_from_slice(taken);
        if self.block.len() == XERIAL_BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(taken.len())
    }

    fn end_block(&mut self) -> io::Result<()> {
        let block = snap::raw::Encoder::new().compress_vec(&self.block).map_err(broken)?;
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
