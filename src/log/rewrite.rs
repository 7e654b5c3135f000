//! Batches that must not be stored as received.
//!
//! **Invariant:** every change to bytes that a batch's CRC covers is made here, and builds a new
//! batch; the client's bytes are never edited.

use crate::log::admit::{Admitted, Rewrite};
use crate::storage::batch::{CONTROL, LOG_APPEND_TIME, TRANSACTIONAL};
use crate::storage::batch_builder::sealed;

/// The codec bits of the attributes.
const CODEC: i16 = 0x07;

/// Returns the batch as it is to be stored, with its new CRC.
///
/// With LogAppendTime all records get the timestamp `now_wall_ms` (ms since 1970); their own
/// timestamps stay in them, unused. Otherwise the maximum timestamp is corrected. Attribute bits
/// that have no meaning for a new batch are cleared, as in Kafka.
pub fn rewritten(admitted: &Admitted<'_>, now_wall_ms: i64) -> Vec<u8> {
    let mut header = admitted.batch.header;
    match admitted.rewrite {
        Rewrite::AsItCame => return admitted.batch.bytes.to_vec(),
        Rewrite::MaxTimestamp => {
            header.attributes &= CODEC | TRANSACTIONAL | CONTROL;
            header.max_timestamp = admitted.max_timestamp;
        }
        Rewrite::LogAppendTime => {
            header.attributes &= CODEC | TRANSACTIONAL | CONTROL;
            header.attributes |= LOG_APPEND_TIME;
            header.max_timestamp = now_wall_ms;
        }
    }
    sealed(header, admitted.batch.bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::choices::TimestampType;
    use crate::log::admit::{AdmitRules, admit};
    use crate::storage::batch::{BatchView, Codec, HEADER_BYTES, Header};
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::record_input::RECORD_BYTES_MAX;
    use crate::storage::records::records;

    const NOW: i64 = 1_700_000_000_000;

    fn rules(timestamp_type: TimestampType) -> AdmitRules {
        AdmitRules {
            max_message_bytes: 1 << 20,
            segment_bytes: 1 << 30,
            timestamp_type,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            max_decompressed_message_bytes: RECORD_BYTES_MAX,
            compacted: false,
        }
    }

    fn batch(codec: Codec) -> Vec<u8> {
        let mut builder = BatchBuilder::new(0, NOW).compressed(codec, -1).transactional();
        builder.push(None, Some(b"a"), &[], NOW + 5);
        builder.push(None, Some(b"b"), &[], NOW + 3);
        builder.finish()
    }

    #[test]
    fn an_append_time_changes_the_header_and_not_the_records() {
        for codec in [Codec::None, Codec::Lz4] {
            let bytes = batch(codec);
            let admitted =
                admit(BatchView::first(&bytes).unwrap(), &rules(TimestampType::LogAppendTime), NOW)
                    .unwrap();
            assert_eq!((admitted.rewrite, admitted.max_timestamp), (Rewrite::LogAppendTime, NOW));
            let new = rewritten(&admitted, NOW);
            let view = BatchView::first(&new).unwrap();
            assert!(view.crc_is_right() && view.header.is_log_append_time());
            assert!(view.header.is_transactional());
            assert_eq!(view.header.max_timestamp, NOW);
            assert_eq!(view.header.codec(), Some(codec));
            assert_eq!(&new[HEADER_BYTES..], &bytes[HEADER_BYTES..]);
            assert!(records(&view).unwrap().all(|r| r.unwrap().timestamp == NOW));
        }
    }

    #[test]
    fn a_wrong_maximum_is_corrected() {
        let mut bytes = batch(Codec::None);
        let mut header = Header::read(&bytes).unwrap();
        header.max_timestamp = 12;
        // The delete horizon bit has no meaning here.
        header.attributes |= 0x40;
        bytes = sealed(header, bytes);
        let admitted =
            admit(BatchView::first(&bytes).unwrap(), &rules(TimestampType::CreateTime), NOW)
                .unwrap();
        assert_eq!((admitted.rewrite, admitted.max_timestamp), (Rewrite::MaxTimestamp, NOW + 5));
        let new = rewritten(&admitted, NOW);
        assert_eq!(new, batch(Codec::None));
    }
}
