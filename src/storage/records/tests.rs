use std::io;

use super::*;
use crate::storage::batch::HEADER_BYTES;
use crate::storage::batch_builder::{BatchBuilder, sealed};
use crate::storage::compressor;

const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

fn heads(bytes: &[u8]) -> Result<Vec<RecordHead>, MalformedRecordAt> {
    let mut heads = Vec::new();
    walk(&BatchView::first(bytes).unwrap(), RECORD_BYTES_MAX, |head| {
        heads.push(head);
        ControlFlow::Continue(())
    })?;
    Ok(heads)
}

/// Returns a batch whose uncompressed payload is exactly `payload`.
fn raw(count: i32, payload: &[u8]) -> Vec<u8> {
    packed(Codec::None, count, payload.to_vec())
}

/// Returns a batch whose payload is `payload` unchanged and whose header names that codec.
fn packed(codec: Codec, count: i32, payload: Vec<u8>) -> Vec<u8> {
    let mut header = Header::read(&BatchBuilder::new(0, 0).finish()).unwrap();
    header.attributes = codec.bits();
    header.records_count = count;
    let mut batch = vec![0; HEADER_BYTES];
    batch.extend(payload);
    sealed(header, batch)
}

fn fault(bytes: &[u8]) -> MalformedRecord {
    let walked = heads(bytes).unwrap_err().fault;
    let read = records(&BatchView::first(bytes).unwrap()).map(|r| r.filter_map(Result::err).last());
    if let Ok(read) = read {
        assert_eq!(read.unwrap().fault.to_string(), walked.to_string());
    }
    walked
}

#[test]
fn a_walk_and_a_reading_see_what_was_pushed_whatever_the_codec() {
    let mut rng = fastrand::Rng::with_seed(3);
    for round in 0..200 {
        let codec = *rng.choice(&CODECS).unwrap();
        let base = rng.i64(-1000..1_900_000_000_000);
        let mut builder = BatchBuilder::new(rng.i64(0..1 << 40), base).compressed(codec, -1);
        let mut pushed = Vec::new();
        for _ in 0..rng.usize(0..300) {
            let len = rng.usize(0..200);
            let long = rng.u8(..) == 0;
            let value: Vec<u8> =
                (0..if long { 40_000 } else { len }).map(|_| rng.u8(..8)).collect();
            let key: Option<&[u8]> = rng.bool().then_some(b"key");
            let headers = [(b"name".as_slice(), rng.bool().then_some(b"x".as_slice()))];
            let headers = &headers[..rng.usize(..2)];
            let wide = 1 << rng.u32(1..50);
            let timestamp = base.wrapping_add(rng.i64(-wide..wide));
            builder.push(key, Some(&value), headers, timestamp);
            pushed.push((key.is_some(), timestamp, value, headers.len()));
        }
        let bytes = builder.finish();
        let batch = BatchView::first(&bytes).unwrap();
        let seen = heads(&bytes).unwrap();
        let read: Vec<_> = records(&batch).unwrap().map(Result::unwrap).collect();
        assert_eq!((seen.len(), read.len()), (pushed.len(), pushed.len()), "round {round}");
        for (index, (has_key, timestamp, value, headers)) in pushed.into_iter().enumerate() {
            let delta = index as i32;
            assert_eq!(seen[index], RecordHead { offset_delta: delta, timestamp, has_key });
            assert_eq!(read[index].offset, batch.header.base_offset + i64::from(delta));
            assert_eq!(read[index].value.as_deref(), Some(value.as_slice()));
            assert_eq!(read[index].headers.len(), headers);
            assert_eq!(read[index].timestamp, timestamp);
        }
    }
}

// The records below are size, attributes, timestamp delta, offset delta, key, value, headers; all
// in zigzag, so that 2 is one and 1 is minus one.

#[test]
fn the_smallest_record_is_fine() {
    assert_eq!(heads(&raw(1, &[12, 0, 0, 0, 1, 1, 0])).unwrap().len(), 1);
    assert_eq!(heads(&raw(0, &[])).unwrap().len(), 0);
}

#[test]
fn every_kind_of_broken_framing_is_found() {
    assert!(matches!(fault(&raw(1, &[])), MalformedRecord::Cut));
    assert!(matches!(fault(&raw(1, &[1])), MalformedRecord::Size(-1)));
    assert!(matches!(fault(&raw(1, &[14, 0, 0, 0, 1, 1, 0])), MalformedRecord::Size(7)));
    assert!(matches!(
        fault(&raw(1, &[10, 0, 0, 0, 1, 1, 0])),
        MalformedRecord::Size(0) | MalformedRecord::Sum(5)
    ));
    assert!(matches!(fault(&raw(1, &[14, 0, 0, 0, 1, 1, 0, 0])), MalformedRecord::Sum(7)));
    // Key, value, header count, header name, header value: too long, or negative.
    for lengths in [[3, 1, 0, 0], [1, 3, 0, 0], [1, 1, 1, 0], [10, 1, 0, 0], [1, 8, 0, 0]] {
        let record = [&[16, 0, 0, 0][..], &lengths, &[0]].concat();
        assert!(matches!(fault(&raw(1, &record)), MalformedRecord::Size(_)), "{lengths:?}");
    }
    assert!(matches!(fault(&raw(1, &[16, 0, 0, 0, 1, 1, 2, 1, 1])), MalformedRecord::Size(-1)));
    assert!(matches!(fault(&raw(1, &[16, 0, 0, 0, 1, 1, 2, 0, 3])), MalformedRecord::Size(-2)));
    assert!(matches!(fault(&raw(1, &[16, 0, 0, 0, 1, 1, 2, 0, 2])), MalformedRecord::Size(1)));
    assert!(matches!(fault(&raw(1, &[0x80, 0x80, 0x80, 0x80, 0x80, 0])), MalformedRecord::Number));
    assert!(matches!(
        fault(&raw(
            1,
            &[40, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 1, 1, 0, 0, 0, 0, 0, 0]
        )),
        MalformedRecord::Number
    ));
}

#[test]
fn a_slice_and_a_stream_agree_on_what_is_broken() {
    let mut rng = fastrand::Rng::with_seed(29);
    let (mut sound, mut broken) = (0, 0);
    for round in 0..20_000 {
        let mut builder = BatchBuilder::new(0, 0);
        for _ in 0..rng.usize(1..6) {
            let value = vec![b'v'; rng.usize(..90)];
            let key = rng.bool().then_some(b"some key".as_slice());
            let headers = [(b"h".as_slice(), rng.bool().then_some(b"x".as_slice()))];
            let value = rng.bool().then_some(value.as_slice());
            builder.push(key, value, &headers[..rng.usize(..5) / 4], rng.i64(-300..300));
        }
        let count = builder.len();
        let mut payload = builder.finish().split_off(HEADER_BYTES);
        for _ in 0..rng.usize(..3) {
            let at = rng.usize(..payload.len());
            payload[at] = payload[at].wrapping_add(*rng.choice(&[1, 2, 3, 128, 254, 255]).unwrap());
        }
        let mut folded = Vec::new();
        compressor::compress(Codec::Snappy, -1, &payload, &mut folded).unwrap();
        let here = heads(&raw(count, &payload));
        let unfolded = heads(&packed(Codec::Snappy, count, folded));
        match (here, unfolded) {
            (Ok(here), Ok(unfolded)) => assert_eq!(here, unfolded, "round {round}"),
            (Err(here), Err(unfolded)) => assert_eq!(here.index, unfolded.index, "round {round}"),
            (here, unfolded) => panic!("round {round}: {here:?} but {unfolded:?}"),
        }
        if heads(&raw(count, &payload)).is_ok() { sound += 1 } else { broken += 1 }
    }
    assert!(sound > 5000 && broken > 2000, "{sound} {broken}");
}

#[test]
fn the_count_must_be_the_real_one() {
    let two = [12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0];
    assert!(matches!(fault(&raw(1, &two)), MalformedRecord::LeftOver));
    assert!(matches!(fault(&raw(0, &two)), MalformedRecord::LeftOver));
    assert!(matches!(fault(&raw(3, &two)), MalformedRecord::Cut));
    assert!(matches!(fault(&raw(-1, &two)), MalformedRecord::Size(-1)));
    for codec in CODECS {
        for (count, right) in [(1, false), (2, true), (3, false)] {
            let mut payload = Vec::new();
            compressor::compress(codec, -1, &two, &mut payload).unwrap();
            assert_eq!(heads(&packed(codec, count, payload)).is_ok(), right);
        }
    }
}

#[test]
fn a_number_that_says_more_than_32_bits_is_cut_as_java_cuts_it() {
    // The fifth byte's upper bits are lost: this is a size of 6, in a long encoding.
    let long = [0x8c, 0x80, 0x80, 0x80, 0x70, 0, 0, 0, 1, 1, 0];
    assert_eq!(heads(&raw(1, &long)).unwrap().len(), 1);
}

#[test]
fn codecs_that_do_not_exist_and_payloads_that_are_not_theirs_are_faults() {
    for bits in 5..8 {
        let mut bytes = raw(1, &[12, 0, 0, 0, 1, 1, 0]);
        bytes[22] = bits;
        assert!(matches!(fault(&bytes), MalformedRecord::UnknownCodec(b) if b == i16::from(bits)));
    }
    for codec in &CODECS[1..] {
        let bytes = packed(*codec, 1, vec![12, 0, 0, 0, 1, 1, 0]);
        assert!(matches!(fault(&bytes), MalformedRecord::Undecodable(_)), "{codec:?}");
    }
}

#[test]
fn records_are_found_by_their_time() {
    for codec in CODECS {
        let mut builder = BatchBuilder::new(100, 50).compressed(codec, -1);
        for timestamp in [50, 70, 60, 70] {
            builder.push(None, None, &[], timestamp);
        }
        let bytes = builder.finish();
        let batch = BatchView::first(&bytes).unwrap();
        let found = |offset, timestamp| Some(TimestampAndOffset { offset, timestamp });
        assert_eq!(first_at_or_after(&batch, 0, 0, RECORD_BYTES_MAX).unwrap(), found(100, 50));
        assert_eq!(first_at_or_after(&batch, 51, 0, RECORD_BYTES_MAX).unwrap(), found(101, 70));
        assert_eq!(first_at_or_after(&batch, 55, 102, RECORD_BYTES_MAX).unwrap(), found(102, 60));
        assert_eq!(first_at_or_after(&batch, 71, 0, RECORD_BYTES_MAX).unwrap(), None);
        assert_eq!(first_with_max_timestamp(&batch, RECORD_BYTES_MAX).unwrap(), found(101, 70));
    }
}

/// Returns `unfolded` bytes of zeros, which every codec compresses well.
fn zeros(codec: Codec, head: &[u8], unfolded: usize) -> Vec<u8> {
    const PIECE: usize = 4 << 20;
    let piece = vec![0; PIECE];
    let mut out = Vec::new();
    match codec {
        Codec::Lz4 => {
            // Header and end mark of one frame, with the same block repeated between them.
            let info =
                lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max4MB);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            io::Write::write_all(&mut encoder, &piece).unwrap();
            let frame = encoder.finish().unwrap();
            out.extend_from_slice(&frame[..7]);
            out.extend_from_slice(&(head.len() as u32 | 1 << 31).to_le_bytes());
            out.extend_from_slice(head);
            for _ in 0..unfolded / PIECE {
                out.extend_from_slice(&frame[7..frame.len() - 4]);
            }
            out.extend_from_slice(&[0; 4]);
        }
        _ => {
            let mut packed = Vec::new();
            compressor::compress(codec, -1, &piece, &mut packed).unwrap();
            compressor::compress(codec, -1, head, &mut out).unwrap();
            for _ in 0..unfolded / PIECE {
                out.extend_from_slice(&packed);
            }
        }
    }
    out
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_gigabyte_of_zeros_is_walked_through_a_small_buffer() {
    const GIB: i64 = 1 << 30;
    for codec in &CODECS[1..] {
        // One record whose value is all the zeros but the last, which is its header count.
        let mut head = Vec::new();
        for number in [GIB + 9, 0, 0, 0, -1, GIB - 1] {
            let mut rest = (number << 1) as u64 ^ (number >> 63) as u64;
            while rest >= 0x80 {
                head.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            head.push(rest as u8);
        }
        let bytes = packed(*codec, 1, zeros(*codec, &head, GIB as usize));
        let before = peak_kib();
        assert_eq!(heads(&bytes).unwrap().len(), 1, "{codec:?}");
        // Other tests run in parallel, so the limit leaves room for them; a gigabyte is far above
        // it.
        assert!(peak_kib() - before < 200 * 1024, "{codec:?}");
    }
}

#[test]
fn a_batch_that_unfolds_to_more_than_two_gigabytes_is_given_up() {
    let head = [0xee, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 0xda, 0xff, 0xff, 0xff, 0x0f];
    let bytes = packed(Codec::Zstd, 2, zeros(Codec::Zstd, &head, 9 << 28));
    let fault = heads(&bytes).unwrap_err();
    assert!(matches!(fault.fault, MalformedRecord::TooMuch), "{fault}");
}

#[test]
fn no_record_of_a_compressed_batch_may_be_larger_than_is_allowed() {
    for codec in CODECS {
        let mut builder = BatchBuilder::new(0, 0).compressed(codec, -1);
        // Attributes, two deltas, no key, a length of two bytes, the value, no headers.
        builder.push(None, Some(b"small"), &[], 0);
        builder.push(None, Some(&[0; 1000]), &[], 0);
        let bytes = builder.finish();
        let batch = BatchView::first(&bytes).unwrap();
        let all = |limit| walk(&batch, limit, |_| ControlFlow::Continue(()));
        assert!(all(1007).unwrap().complete);
        match codec {
            Codec::None => assert!(all(1).unwrap().complete),
            _ => {
                let MalformedRecordAt { index, fault } = all(1006).unwrap_err();
                assert!(matches!(fault, MalformedRecord::TooLarge { bytes: 1007, limit: 1006 }));
                assert_eq!(index, 1);
            }
        }
    }
}
