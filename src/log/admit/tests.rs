use super::*;
use crate::storage::batch::{CONTROL, Header, LOG_APPEND_TIME};
use crate::storage::batch_builder::{BatchBuilder, sealed};
use crate::storage::compressor;
use crate::storage::record_input::RECORD_BYTES_MAX;

const NOW: i64 = 1_700_000_000_000;
const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

fn rules() -> AdmitRules {
    AdmitRules {
        max_message_bytes: 1_048_588,
        segment_bytes: 1 << 30,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: 3_600_000,
        max_decompressed_message_bytes: RECORD_BYTES_MAX,
        compacted: false,
    }
}

fn three(codec: Codec) -> Vec<u8> {
    let mut builder = BatchBuilder::new(0, NOW).compressed(codec, -1);
    builder.push(Some(b"a"), Some(b"1"), &[], NOW);
    builder.push(None, Some(b"2"), &[(b"h", None)], NOW + 10);
    builder.push(Some(b"c"), None, &[], NOW - 10);
    builder.finish()
}

/// Returns a batch of three records with a changed header and a recomputed CRC.
fn changed(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let bytes = three(Codec::None);
    let mut header = Header::read(&bytes).unwrap();
    change(&mut header);
    sealed(header, bytes)
}

/// Checks a batch as a Produce request of version 9 has it.
fn admit<'a>(bytes: &'a [u8], rules: &AdmitRules, now: i64) -> Result<Admitted<'a>, AdmitError> {
    super::admit(only_batch(bytes, 9)?, rules, now)
}

fn refused(bytes: &[u8]) -> AdmitError {
    admit(bytes, &rules(), NOW).unwrap_err()
}

#[test]
fn random_batches_of_every_codec_pass_and_stay_as_they_came() {
    let mut rng = fastrand::Rng::with_seed(5);
    for _ in 0..300 {
        let codec = *rng.choice(&CODECS).unwrap();
        let mut builder = BatchBuilder::new(0, NOW).compressed(codec, -1);
        if rng.bool() {
            builder = builder.producer(rng.i64(0..), rng.i16(0..), rng.i32(0..));
        }
        for _ in 0..rng.usize(1..400) {
            let value = vec![rng.u8(..); rng.usize(..300)];
            let key = rng.bool().then_some(b"key".as_slice());
            builder.push(key, Some(&value), &[(b"n", None)], NOW + rng.i64(-1_000_000..1_000_000));
        }
        let bytes = builder.finish();
        let admitted = admit(&bytes, &rules(), NOW).unwrap();
        assert_eq!(admitted.rewrite, Rewrite::AsItCame);
        assert_eq!(admitted.batch.bytes, bytes);
        assert_eq!(admitted.max_timestamp, admitted.batch.header.max_timestamp);
    }
}

#[test]
fn a_batch_damaged_in_any_one_byte_is_refused_unless_the_byte_is_the_leader_epoch() {
    for codec in CODECS {
        let good = three(codec);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let admitted = admit(&bytes, &rules(), NOW);
                assert_eq!(admitted.is_ok(), (12..16).contains(&at), "byte {at} of {codec:?}");
            }
        }
    }
}

#[test]
fn bytes_that_are_no_whole_batch_are_none() {
    let bytes = three(Codec::None);
    for cut in 0..bytes.len() {
        assert!(matches!(refused(&bytes[..cut]), AdmitError::NoBatch), "{cut}");
    }
    assert_eq!(refused(&[]).kind(), AdmitErrorKind::InvalidRecord);
}

#[test]
fn impossible_lengths_and_magics_are_reported_as_kafka_reports_them() {
    for (length, cause) in [(-1, -1), (0, 0), (13, 13), (14, 14), (48, 48)] {
        let mut bytes = three(Codec::None);
        bytes[8..12].copy_from_slice(&i32::to_be_bytes(length));
        bytes.truncate(12 + length.max(5) as usize);
        assert!(matches!(refused(&bytes), AdmitError::Length(l) if l == cause), "{length}");
        assert_eq!(refused(&bytes).kind(), AdmitErrorKind::Corrupt);
    }
    for (magic, kind) in [
        (0, AdmitErrorKind::InvalidRecord),
        (1, AdmitErrorKind::InvalidRecord),
        (3, AdmitErrorKind::Corrupt),
        (-1, AdmitErrorKind::Corrupt),
    ] {
        let error = refused(&changed(|h| h.magic = magic));
        assert!(
            matches!(error, AdmitError::OldMagic(m) | AdmitError::UnknownMagic(m) if m == magic)
        );
        assert_eq!(error.kind(), kind, "{magic}");
    }
}

#[test]
fn a_second_batch_is_one_too_many_but_a_torn_one_is_not_looked_at() {
    let one = three(Codec::None);
    let two = [one.as_slice(), &one].concat();
    assert!(matches!(refused(&two), AdmitError::MoreThanOne));
    let torn = admit(&two[..two.len() - 1], &rules(), NOW).unwrap();
    assert_eq!(torn.batch.bytes, one);
    let broken = [one.as_slice(), &[0; 20]].concat();
    assert!(matches!(refused(&broken), AdmitError::Length(0)));
}

#[test]
fn zstd_needs_a_request_that_may_have_it() {
    let bytes = three(Codec::Zstd);
    let error = only_batch(&bytes, 6).unwrap_err();
    assert!(matches!(error, AdmitError::ZstdTooEarly(6)));
    assert_eq!(error.kind(), AdmitErrorKind::UnsupportedCompression);
    assert!(only_batch(&bytes, 7).is_ok() && only_batch(&three(Codec::Lz4), 6).is_ok());
}

#[test]
fn every_field_of_the_header_is_held_to_its_rule() {
    let mut bytes = three(Codec::None);
    bytes[7] = 1;
    assert!(matches!(refused(&bytes), AdmitError::BaseOffset(1)));
    let mut bytes = three(Codec::None);
    bytes[17] ^= 1;
    assert!(matches!(refused(&bytes), AdmitError::Crc { .. }));
    assert_eq!(refused(&bytes).kind(), AdmitErrorKind::Corrupt);
    assert!(matches!(refused(&changed(|h| h.last_offset_delta = -1)), AdmitError::OffsetRange(-1)));
    assert!(matches!(refused(&changed(|h| h.records_count = 0)), AdmitError::Count(0)));
    assert!(matches!(refused(&changed(|h| h.records_count = -3)), AdmitError::Count(-3)));
    assert!(matches!(
        refused(&changed(|h| h.last_offset_delta = 3)),
        AdmitError::CountAndRange { .. }
    ));
    let at_edge = changed(|h| (h.last_offset_delta, h.records_count) = (i32::MAX, i32::MIN));
    assert!(matches!(refused(&at_edge), AdmitError::Count(i32::MIN)));
    assert!(matches!(refused(&changed(|h| h.attributes |= CONTROL)), AdmitError::Control));
    let error = refused(&changed(|h| h.producer_id = 4));
    assert!(matches!(error, AdmitError::Sequence { producer_id: 4, sequence: -1 }));
    let unknown = refused(&changed(|h| h.attributes |= 5));
    assert_eq!(unknown.kind(), AdmitErrorKind::Undecodable);
    for codec in &CODECS[1..] {
        let error = refused(&changed(|h| h.attributes |= codec.bits()));
        assert_eq!(error.kind(), AdmitErrorKind::Undecodable);
    }
}

#[test]
fn sizes_are_allowed_up_to_the_byte() {
    let bytes = three(Codec::None);
    let len = bytes.len() as i32;
    let with = |max_message_bytes, segment_bytes| {
        admit(&bytes, &AdmitRules { max_message_bytes, segment_bytes, ..rules() }, NOW)
    };
    assert!(with(len, len).is_ok());
    assert_eq!(with(len - 1, len).unwrap_err().kind(), AdmitErrorKind::TooLarge);
    assert_eq!(with(len, len - 1).unwrap_err().kind(), AdmitErrorKind::ExceedsSegment);
    assert_eq!(with(0, -1).unwrap_err().kind(), AdmitErrorKind::TooLarge);
}

#[test]
fn the_records_are_counted_and_their_offsets_too() {
    for (count, kind) in [(2, "bytes follow"), (4, "ends in the middle")] {
        let error =
            refused(&changed(|h| (h.records_count, h.last_offset_delta) = (count, count - 1)));
        assert!(matches!(&error, AdmitError::Framing(_)));
        assert!(error.to_string().contains(kind), "{error}");
    }
    for deltas in [[0, 2, 1], [1, 2, 3], [0, 0, 2]] {
        for codec in CODECS {
            let mut builder = BatchBuilder::new(0, NOW).compressed(codec, -1);
            deltas.iter().for_each(|d| builder.push_at(*d, None, None, &[], NOW));
            let bytes = builder.finish();
            let mut header = Header::read(&bytes).unwrap();
            header.last_offset_delta = 2;
            let error = refused(&sealed(header, bytes));
            assert!(matches!(error, AdmitError::InnerOffset { .. }), "{error}");
        }
    }
}

#[test]
fn a_compacted_topic_wants_keys_and_names_the_records_without() {
    for codec in CODECS {
        let bytes = three(codec);
        let error = admit(&bytes, &AdmitRules { compacted: true, ..rules() }, NOW).unwrap_err();
        assert_eq!(error.kind(), AdmitErrorKind::InvalidRecord);
        assert_eq!(error.record_errors(), [RecordError { batch_index: 1, cause: Cause::NoKey }]);
    }
}

#[test]
fn create_times_are_held_to_the_window_and_minus_one_is_free() {
    let stamped = |timestamps: &[i64]| {
        let mut builder = BatchBuilder::new(0, NOW);
        timestamps.iter().for_each(|t| builder.push(None, None, &[], *t));
        builder.finish()
    };
    let narrow = AdmitRules { timestamp_before_max_ms: 100, timestamp_after_max_ms: 50, ..rules() };
    assert!(admit(&stamped(&[NOW - 100, NOW + 50, -1]), &narrow, NOW).is_ok());
    let bytes = stamped(&[NOW, NOW - 101, NOW + 51, 0]);
    let error = admit(&bytes, &narrow, NOW).unwrap_err();
    assert_eq!(error.kind(), AdmitErrorKind::InvalidTimestamp);
    let indexes: Vec<_> = error.record_errors().iter().map(|e| e.batch_index).collect();
    assert_eq!(indexes, [1, 2, 3]);
    let append_time = AdmitRules { timestamp_type: TimestampType::LogAppendTime, ..narrow };
    assert!(admit(&bytes, &append_time, NOW).is_ok());
    // Without limits, every timestamp is accepted, and nothing overflows.
    let free = AdmitRules { timestamp_after_max_ms: i64::MAX, ..rules() };
    let far = admit(&stamped(&[-5, i64::MAX]), &free, NOW).unwrap().max_timestamp;
    assert_eq!(far, i64::MAX);
    assert_eq!(admit(&stamped(&[-5]), &free, NOW).unwrap().max_timestamp, -1);
}

#[test]
fn a_timestamp_outweighs_a_missing_key() {
    let mut builder = BatchBuilder::new(0, NOW);
    builder.push(None, None, &[], NOW);
    builder.push(Some(b"k"), None, &[], NOW + 7_200_000);
    let rules = AdmitRules { compacted: true, ..rules() };
    let error = admit(&builder.finish(), &rules, NOW).unwrap_err();
    assert_eq!(error.kind(), AdmitErrorKind::InvalidTimestamp);
    assert_eq!(error.record_errors().len(), 2);
}

#[test]
fn the_append_time_bit_is_not_the_clients() {
    for timestamp_type in [TimestampType::CreateTime, TimestampType::LogAppendTime] {
        let bytes = changed(|h| h.attributes |= LOG_APPEND_TIME);
        let error = admit(&bytes, &AdmitRules { timestamp_type, ..rules() }, NOW).unwrap_err();
        assert_eq!(error.kind(), AdmitErrorKind::InvalidTimestamp);
    }
}

#[test]
fn bad_records_by_the_thousand_are_counted_but_not_kept() {
    let mut packed = Vec::new();
    let mut records = Vec::new();
    let count = 100_000;
    for _ in 0..count {
        records.extend_from_slice(&[12, 0, 0, 0, 1, 1, 0]);
    }
    compressor::compress(Codec::Zstd, 1, &records, &mut packed).unwrap();
    let mut header = Header::read(&three(Codec::Zstd)).unwrap();
    (header.records_count, header.last_offset_delta) = (count, count - 1);
    let bytes = sealed(header, [vec![0; HEADER_BYTES], packed].concat());
    match admit(&bytes, &rules(), NOW) {
        Err(AdmitError::InnerOffset { index: 1, found: 0 }) => {}
        other => panic!("{other:?}"),
    }
    let mut rejections = Rejections::default();
    (0..count).for_each(|i| rejections.push(i, Cause::NoKey));
    assert_eq!((rejections.errors.len(), rejections.count), (RECORD_ERRORS_MAX, count as usize));
    assert!(rejections.to_string().starts_with("100000 of the batch's records"));
}
