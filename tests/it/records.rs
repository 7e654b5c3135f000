//! Records in and out, in few words.

use kafka_protocol::messages::FetchResponse;
use ottla::storage::batch::batches;
use ottla::storage::records::records;

use crate::batches::{Batch, Packing, Producer, Record};

/// When the records of tests were made, ms since 1970.
pub const THEN: i64 = 1_700_000_000_000;

/// A batch of these values, a millisecond apart.
pub fn batch(packing: Packing, producer: Option<Producer>, values: &[&str]) -> Batch {
    let record = |(i, value): (usize, &&str)| Record {
        timestamp: THEN + i as i64,
        key: None,
        value: value.as_bytes().to_vec(),
    };
    Batch { packing, producer, records: values.iter().enumerate().map(record).collect() }
}

/// The bytes of a plain batch of these values.
pub fn plain(values: &[&str]) -> Vec<u8> {
    batch(Packing::Plain, None, values).encode()
}

/// The bytes of an idempotent producer's batch; `sequence` is its first.
pub fn by(id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Vec<u8> {
    batch(Packing::Plain, Some(Producer { id, epoch, sequence }), values).encode()
}

/// A batch with its CRC made right again after a change.
pub fn changed(mut bytes: Vec<u8>, at: usize, to: &[u8]) -> Vec<u8> {
    bytes[at..at + to.len()].copy_from_slice(to);
    crate::batches::seal(&mut bytes);
    bytes
}

/// Offsets and values of the only partition in an answer, which must carry no error.
pub fn read(answer: &FetchResponse) -> Vec<(i64, String)> {
    let partition = &answer.responses[0].partitions[0];
    assert_eq!((answer.error_code, partition.error_code), (0, 0));
    let bytes = partition.records.clone().expect("records are never null");
    let mut all = Vec::new();
    for batch in batches(&bytes) {
        for record in records(&batch).expect("a known codec") {
            let record = record.expect("a whole record");
            let value = record.value.expect("a value");
            all.push((record.offset, String::from_utf8(value.to_vec()).unwrap()));
        }
    }
    all
}

/// Pairs of offset and value, as [`read`] gives them.
pub fn expected(from: i64, values: &[&str]) -> Vec<(i64, String)> {
    (from..).zip(values.iter().map(|value| (*value).to_owned())).collect()
}
