//! Compression of batches with a codec other than the producer's: `compression.type`.
//!
//! As in Kafka's `LogValidator`, a batch that already has the topic's codec is kept, whatever its
//! level; any other is decompressed and recompressed. Its records stay the same to the last byte,
//! and only codec, timestamps, length and CRC of its header change. This runs without a log's lock.

use std::io::{self, Write};

use crate::config::choices::{Compression, TimestampType};
use crate::config::resolve::TopicConfig;
use crate::log::admit::{AdmitError, Admitted, Rewrite};
use crate::storage::batch::{
    BatchView, CONTROL, Codec, HEADER_BYTES, Header, LOG_APPEND_TIME, TRANSACTIONAL,
};
use crate::storage::batch_builder::sealed;
use crate::storage::codec::{self, DEFAULT_LEVEL};
use crate::storage::compressor::Compressor;
use crate::storage::record_input::MalformedRecord;
use crate::storage::records::MalformedRecordAt;

/// Returns the codec and level that the topic requires for a batch; `None` if the batch may stay as
/// it is.
pub fn target_codec(header: &Header, config: &TopicConfig) -> Option<(Codec, i32)> {
    let (codec, level) = match config.compression {
        Compression::Producer => return None,
        Compression::Uncompressed => (Codec::None, DEFAULT_LEVEL),
        Compression::Gzip => (Codec::Gzip, config.compression_gzip_level),
        Compression::Snappy => (Codec::Snappy, DEFAULT_LEVEL),
        Compression::Lz4 => (Codec::Lz4, config.compression_lz4_level),
        Compression::Zstd => (Codec::Zstd, config.compression_zstd_level),
    };
    (header.codec() != Some(codec)).then_some((codec, level))
}

/// Returns the batch as the topic requires it, with its final timestamps; `None` if it may stay as
/// it is. `now_wall_ms` is the time of its append, ms since 1970.
///
/// # Errors
/// The result is larger than `max.message.bytes` or `segment.bytes`. Compression stops at that
/// size.
pub fn recompressed(
    admitted: &Admitted<'_>,
    config: &TopicConfig,
    now_wall_ms: i64,
) -> Result<Option<Vec<u8>>, AdmitError> {
    let Some((codec, level)) = target_codec(&admitted.batch.header, config) else {
        return Ok(None);
    };
    let limit = usize::try_from(config.max_message_bytes).unwrap_or(0);
    let mut out = Bounded { bytes: vec![0; HEADER_BYTES], limit, is_exceeded: false };
    if let Err(error) = compress(&admitted.batch, codec, level, &mut out) {
        if out.is_exceeded {
            return Err(AdmitError::RepackedTooLarge { limit: config.max_message_bytes });
        }
        let fault = MalformedRecord::Undecodable(error);
        return Err(AdmitError::Undecodable(MalformedRecordAt { index: 0, fault }));
    }
    let (bytes, limit) = (out.bytes.len(), config.segment_bytes);
    if bytes > usize::try_from(limit).unwrap_or(0) {
        return Err(AdmitError::ExceedsSegment { bytes, limit });
    }
    let mut header = admitted.batch.header;
    header.attributes = header.attributes & (TRANSACTIONAL | CONTROL) | codec.bits();
    header.max_timestamp = admitted.max_timestamp;
    if config.timestamp_type == TimestampType::LogAppendTime {
        header.attributes |= LOG_APPEND_TIME;
        header.max_timestamp = now_wall_ms;
    }
    Ok(Some(sealed(header, out.bytes)))
}

/// Returns the result of [`recompressed`] as a batch that may be appended.
pub fn view_admitted(bytes: &[u8]) -> Option<Admitted<'_>> {
    let batch = BatchView::first(bytes)?;
    let max_timestamp = batch.header.max_timestamp;
    Some(Admitted { batch, max_timestamp, rewrite: Rewrite::AsItCame })
}

fn compress(batch: &BatchView<'_>, to: Codec, level: i32, out: &mut Bounded) -> io::Result<()> {
    let from = batch.header.codec().unwrap_or(Codec::None);
    let bytes = match (from, to) {
        (Codec::None, _) => batch.payload().len() as u64,
        // If the size is known in advance, zstd takes no more memory than it needs.
        (_, Codec::Zstd) => io::copy(&mut codec::reader(from, batch.payload())?, &mut io::sink())?,
        _ => 0,
    };
    let mut compressor = Compressor::new(to, level, Some(bytes), out)?;
    io::copy(&mut codec::reader(from, batch.payload())?, &mut compressor)?;
    compressor.finish().map(|_| ())
}

/// A writer that fails beyond a number of bytes.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    is_exceeded: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.is_exceeded = true;
            return Err(io::Error::other("larger than allowed"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::admit::{AdmitRules, admit};
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::records::records;

    const NOW: i64 = 1_700_000_000_000;
    const ALL: [(Compression, Codec); 5] = [
        (Compression::Uncompressed, Codec::None),
        (Compression::Gzip, Codec::Gzip),
        (Compression::Snappy, Codec::Snappy),
        (Compression::Lz4, Codec::Lz4),
        (Compression::Zstd, Codec::Zstd),
    ];

    fn config(compression: Compression) -> TopicConfig {
        TopicConfig { compression, ..TopicConfig::default() }
    }

    fn batch(codec: Codec, value: &[u8]) -> Vec<u8> {
        let mut builder =
            BatchBuilder::new(0, NOW).compressed(codec, -1).producer(7, 3, 11).transactional();
        builder.push(Some(b"k"), Some(value), &[(b"h", Some(b"1")), (b"h", None)], NOW + 5);
        builder.push(None, None, &[], NOW + 3);
        builder.finish()
    }

    fn repack(bytes: &[u8], config: &TopicConfig) -> Result<Option<Vec<u8>>, AdmitError> {
        let batch = BatchView::first(bytes).unwrap();
        recompressed(&admit(batch, &AdmitRules::of(config), NOW).unwrap(), config, NOW)
    }

    #[test]
    fn from_every_codec_to_every_other_nothing_but_the_codec_changes() {
        let value: Vec<u8> = (0..100_000_u32).map(|i| (i % 251 * (i / 5_000)) as u8).collect();
        for (_, from) in ALL {
            let sent = batch(from, &value);
            let before = BatchView::first(&sent).unwrap();
            assert_eq!(repack(&sent, &config(Compression::Producer)).unwrap(), None);
            for (compression, to) in ALL {
                let made = repack(&sent, &config(compression)).unwrap();
                let Some(made) = made else {
                    assert_eq!(from, to);
                    continue;
                };
                let after = view_admitted(&made).unwrap().batch;
                assert!(after.crc_is_right() && after.bytes.len() == made.len());
                let expected = Header {
                    attributes: TRANSACTIONAL | to.bits(),
                    crc: after.header.crc,
                    batch_length: after.header.batch_length,
                    ..before.header
                };
                assert_eq!(after.header, expected);
                let read =
                    |b: &BatchView<'_>| records(b).unwrap().map(Result::unwrap).collect::<Vec<_>>();
                assert_eq!(read(&after), read(&before), "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn an_append_time_and_a_wrong_maximum_are_settled_at_once() {
        let mut sent = batch(Codec::None, b"v");
        let mut header = Header::read(&sent).unwrap();
        header.max_timestamp = 12;
        sent = sealed(header, sent);
        let made = repack(&sent, &config(Compression::Lz4)).unwrap().unwrap();
        assert_eq!(Header::read(&made).unwrap().max_timestamp, NOW + 5);
        let append_time = TopicConfig {
            timestamp_type: TimestampType::LogAppendTime,
            ..config(Compression::Gzip)
        };
        let made = repack(&sent, &append_time).unwrap().unwrap();
        let header = Header::read(&made).unwrap();
        assert!(header.is_log_append_time() && header.max_timestamp == NOW);
    }

    #[test]
    fn what_would_become_too_large_is_given_up_before_it_is() {
        // 200 MB of zeros in less than a megabyte.
        let bomb = batch(Codec::Gzip, &vec![0; 200_000_000]);
        assert!(bomb.len() < 1_000_000);
        let wanted = config(Compression::Uncompressed);
        let limit = wanted.max_message_bytes;
        let refused = repack(&bomb, &wanted);
        assert!(matches!(refused, Err(AdmitError::RepackedTooLarge { limit: l }) if l == limit));
        for (compression, _) in &ALL[2..] {
            let made = repack(&bomb, &config(*compression));
            assert!(matches!(made, Ok(Some(_)) | Err(AdmitError::RepackedTooLarge { .. })));
        }
        // Exactly to the byte.
        let plain = batch(Codec::None, &[b'x'; 5000]);
        let packed = batch(Codec::Gzip, &[b'x'; 5000]);
        let exact = |more: i32| TopicConfig {
            max_message_bytes: plain.len() as i32 + more,
            ..config(Compression::Uncompressed)
        };
        assert_eq!(repack(&packed, &exact(0)).unwrap().unwrap(), plain);
        assert!(repack(&packed, &exact(-1)).is_err());
        let small = TopicConfig { segment_bytes: 4000, ..config(Compression::Uncompressed) };
        assert!(matches!(repack(&packed, &small), Err(AdmitError::ExceedsSegment { .. })));
    }

    #[test]
    fn a_higher_level_makes_it_smaller() {
        let mut rng = fastrand::Rng::with_seed(5);
        let words: Vec<String> = (0..500).map(|_| format!("w{} ", rng.u32(..9999))).collect();
        let text: String = (0..50_000).map(|_| words[rng.usize(..500)].as_str()).collect();
        let sent = batch(Codec::None, &text.as_bytes()[..200_000]);
        let size = |config: TopicConfig| repack(&sent, &config).unwrap().unwrap().len();
        let gzip = |level| {
            size(TopicConfig { compression_gzip_level: level, ..config(Compression::Gzip) })
        };
        let zstd = |level| {
            size(TopicConfig { compression_zstd_level: level, ..config(Compression::Zstd) })
        };
        let lz4 =
            |level| size(TopicConfig { compression_lz4_level: level, ..config(Compression::Lz4) });
        assert!(gzip(9) < gzip(1));
        assert!(lz4(10) < lz4(1) && lz4(1) < lz4(9), "9 is the quick one, as in Kafka");
        assert_eq!(gzip(-1), gzip(6));
        assert!(zstd(19) < zstd(3) && zstd(3) < zstd(-50));
    }
}
