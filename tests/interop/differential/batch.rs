//! What a client sends as records, right and wrong, and what it sees of what it is sent.

use bytes::Bytes;
use fastrand::Rng;
use ottla::storage::batch::{BatchView, Codec, batches};
use ottla::storage::compressor::compress;
use ottla::storage::records::records;

/// A name and a value; names may repeat, values may be null.
pub type Headers = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Headers,
}

/// Who produces: id, epoch, first sequence.
pub type Producer = (i64, i16, i32);

/// What is wrong with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    Crc,
    TooLong,
    TooShort,
    Magic(u8),
    BaseOffset,
    Count(i32),
    LastDelta(i32),
    Control,
    Transactional,
    NoSequence,
    MaxTimestamp,
    Twice,
    Nothing,
}

pub const FLAWS: &[Flaw] = &[
    Flaw::Crc,
    Flaw::TooLong,
    Flaw::TooShort,
    Flaw::Magic(1),
    Flaw::Magic(3),
    Flaw::BaseOffset,
    Flaw::Count(1),
    Flaw::Count(-1),
    Flaw::LastDelta(1),
    Flaw::LastDelta(-1),
    Flaw::Control,
    Flaw::Transactional,
    Flaw::NoSequence,
    Flaw::MaxTimestamp,
    Flaw::Twice,
    Flaw::Nothing,
];

/// A batch as a client sends it, with the flaw.
pub fn encode(codec: Codec, producer: Producer, records: &[Record], flaw: Option<Flaw>) -> Vec<u8> {
    let first = records.first().map_or(-1, |r| r.timestamp);
    let mut max = records.iter().map(|r| r.timestamp).max().unwrap_or(-1);
    let (mut attributes, mut id) = (codec.bits(), producer.0);
    let mut count = records.len() as i32;
    let mut last_delta = count - 1;
    let (mut base_offset, mut magic, mut length_off, mut sequence) = (0_i64, 2_u8, 0, producer.2);
    match flaw {
        Some(Flaw::TooLong) => length_off = 1,
        Some(Flaw::TooShort) => length_off = -1,
        Some(Flaw::Magic(other)) => magic = other,
        Some(Flaw::BaseOffset) => base_offset = 7,
        Some(Flaw::Count(off)) => count += off,
        Some(Flaw::LastDelta(off)) => last_delta += off,
        Some(Flaw::Control) => attributes |= 0x20,
        Some(Flaw::Transactional) => attributes |= 0x10,
        Some(Flaw::NoSequence) => (id, sequence) = (id.max(5), -1),
        Some(Flaw::MaxTimestamp) => max += 1,
        Some(Flaw::Nothing) => return Vec::new(),
        _ => {}
    }
    let mut plain = Vec::new();
    for (index, record) in records.iter().enumerate() {
        one(&mut plain, record, record.timestamp - first, index as i64);
    }
    let mut covered = Vec::new();
    covered.extend(attributes.to_be_bytes());
    covered.extend(last_delta.to_be_bytes());
    covered.extend(first.to_be_bytes());
    covered.extend(max.to_be_bytes());
    covered.extend(id.to_be_bytes());
    covered.extend(producer.1.to_be_bytes());
    covered.extend(sequence.to_be_bytes());
    covered.extend(count.to_be_bytes());
    compress(codec, -1, &plain, &mut covered).unwrap();
    let mut bytes = base_offset.to_be_bytes().to_vec();
    bytes.extend((covered.len() as i32 + 9 + length_off).to_be_bytes());
    bytes.extend((-1_i32).to_be_bytes());
    bytes.push(magic);
    bytes.extend((crc32c::crc32c(&covered) ^ u32::from(flaw == Some(Flaw::Crc))).to_be_bytes());
    bytes.extend(covered);
    if flaw == Some(Flaw::Twice) { bytes.repeat(2) } else { bytes }
}

fn one(to: &mut Vec<u8>, record: &Record, timestamp_delta: i64, offset_delta: i64) {
    let mut body = vec![0];
    varint(&mut body, timestamp_delta);
    varint(&mut body, offset_delta);
    nullable(&mut body, record.key.as_deref());
    nullable(&mut body, record.value.as_deref());
    varint(&mut body, record.headers.len() as i64);
    for (name, value) in &record.headers {
        nullable(&mut body, Some(name));
        nullable(&mut body, value.as_deref());
    }
    varint(to, body.len() as i64);
    to.extend(body);
}

fn nullable(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    varint(to, bytes.map_or(-1, |bytes| bytes.len() as i64));
    to.extend(bytes.unwrap_or_default());
}

/// Zigzag, seven bits a byte.
fn varint(to: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// Records of any shape. `keys` is the share of records with a key, in percent.
pub fn any_records(rng: &mut Rng, timestamp: i64, keys: u8) -> Vec<Record> {
    let count = if rng.bool() { 1 } else { rng.usize(1..30) };
    let about = [5, 40, 600][rng.usize(..3)];
    let value = |rng: &mut Rng| {
        let (len, fill) = (rng.usize(..about), rng.u8(..));
        (0..len).map(|i| if i % 3 == 0 { rng.u8(..) } else { fill }).collect::<Vec<u8>>()
    };
    let one = |rng: &mut Rng| Record {
        // -1 is no time at all; it stays so.
        timestamp: if timestamp == -1 { -1 } else { timestamp + rng.i64(-500..500) },
        key: (rng.u8(..100) < keys).then(|| format!("k{}", rng.u8(..20)).into_bytes()),
        value: (rng.u8(..8) > 0).then(|| value(rng)),
        headers: match rng.u8(..6) {
            0 => vec![(b"h".to_vec(), None), (b"h".to_vec(), Some(value(rng)))],
            1 => vec![("Öl".as_bytes().to_vec(), Some(Vec::new()))],
            _ => Vec::new(),
        },
    };
    (0..count).map(|_| one(rng)).collect()
}

/// A record that a consumer is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    pub offset: i64,
    pub codec: Option<Codec>,
    /// None if it is the broker's.
    pub timestamp: Option<i64>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// What a consumer that has asked for `from` takes out of an answer.
pub fn seen(bytes: &[u8], from: i64) -> Vec<ReadRecord> {
    let of_batch = |batch: BatchView<'_>| {
        assert!(batch.crc_is_right(), "a wrong CRC in an answer");
        let (append_time, codec) = (batch.header.is_log_append_time(), batch.header.codec());
        let reported = records(&batch).expect("records");
        let each = move |record: ottla::storage::records::Record| ReadRecord {
            offset: record.offset,
            codec,
            timestamp: (!append_time).then_some(record.timestamp),
            key: record.key,
            value: record.value,
            headers: record.headers.into_iter().map(|h| (h.name, h.value)).collect(),
        };
        reported.map(|record| each(record.expect("a record"))).collect::<Vec<_>>()
    };
    let all = batches(bytes).filter(|batch| !batch.header.is_control()).flat_map(of_batch);
    all.filter(|record| record.offset >= from).collect()
}
