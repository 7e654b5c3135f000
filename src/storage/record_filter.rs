//! The records of a batch as compaction sees them: by key, to be kept or dropped.
//!
//! Records that are kept pass from codec to codec through small buffers; their bytes stay the same
//! except for the timestamp delta. Only a key is ever held in memory as a whole.

use std::io::{self, Write};
use std::ops::ControlFlow;

use crate::storage::batch::{BatchView, Header};
use crate::storage::batch_builder::put_number;
use crate::storage::record_input::{MalformedRecord, RECORD_BYTES_MAX, RecordInput, long_number};
use crate::storage::records::{Body, MalformedRecordAt, Source, Times, ended, open};
use crate::types::Offset;

/// The properties of a record that compaction needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRecord<'a> {
    /// Its offset in the partition.
    pub offset: Offset,
    /// Its key; a null key differs from an empty one.
    pub key: Option<&'a [u8]>,
    /// False for a tombstone.
    pub has_value: bool,
}

/// Visits the records of a batch until the visitor breaks off. `key` is a buffer for one key. No
/// record of a compressed batch may have more than `record_bytes_max` bytes.
///
/// # Errors
/// The first malformed record. Records before it have been visited.
pub fn for_each_key(
    batch: &BatchView<'_>,
    record_bytes_max: i32,
    key: &mut Vec<u8>,
    visit: impl FnMut(KeyedRecord<'_>) -> ControlFlow<()>,
) -> Result<(), MalformedRecordAt> {
    match open(batch, record_bytes_max)? {
        Source::Here(mut slice) => for_each_key_in(&mut slice, &batch.header, key, visit),
        Source::Unfolding(mut stream) => {
            for_each_key_in(stream.as_mut(), &batch.header, key, visit)
        }
    }
}

fn for_each_key_in<S: RecordInput>(
    input: &mut S,
    header: &Header,
    key: &mut Vec<u8>,
    mut visit: impl FnMut(KeyedRecord<'_>) -> ControlFlow<()>,
) -> Result<(), MalformedRecordAt> {
    let times = Times::of(header);
    for index in 0..header.records_count {
        let (offset_delta, has_key, has_value) =
            keyed(input, times, key).map_err(|fault| MalformedRecordAt { index, fault })?;
        let glimpse = KeyedRecord {
            offset: header.base_offset.wrapping_add(i64::from(offset_delta)),
            key: has_key.then_some(key.as_slice()),
            has_value,
        };
        if visit(glimpse).is_break() {
            return Ok(());
        }
    }
    ended(input, header)
}

/// Reads one record and keeps only its key: returns its offset delta, and whether it has a key and
/// a value.
fn keyed<S: RecordInput>(
    input: &mut S,
    times: Times,
    key: &mut Vec<u8>,
) -> Result<(i32, bool, bool), MalformedRecord> {
    let mut body = Body::enter(input)?;
    let (_, offset_delta) = body.start(times)?;
    key.clear();
    let key_bytes = body.length()?;
    if let Some(bytes) = key_bytes {
        body.input.copy(bytes, key)?;
    }
    let has_value = body.length()?.is_some();
    body.skip_rest()?;
    Ok((offset_delta, key_bytes.is_some(), has_value))
}

/// The outcome of filtering a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Number of records kept.
    pub records: i32,
    /// The largest of their timestamps, ms since 1970; -1 if there are none.
    pub max_timestamp: i64,
}

/// Writes the records selected by `keep`, with timestamps relative to `base_timestamp`.
///
/// # Errors
/// `InvalidData` if the batch is malformed; any error of `out`.
pub fn filter_records(
    batch: &BatchView<'_>,
    keep: &[bool],
    base_timestamp: i64,
    out: &mut dyn Write,
) -> io::Result<Kept> {
    let source = open(batch, RECORD_BYTES_MAX).map_err(damaged)?;
    let filter = RecordFilter { keep, base_timestamp, times: Times::of(&batch.header), out };
    match source {
        Source::Here(mut slice) => filter.run(&mut slice),
        Source::Unfolding(mut stream) => filter.run(stream.as_mut()),
    }
}

fn damaged(fault: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

struct RecordFilter<'a> {
    keep: &'a [bool],
    base_timestamp: i64,
    times: Times,
    out: &'a mut dyn Write,
}

impl RecordFilter<'_> {
    fn run<S: RecordInput>(self, input: &mut S) -> io::Result<Kept> {
        let mut kept = Kept { records: 0, max_timestamp: -1 };
        let mut front = Vec::with_capacity(32);
        for keep in self.keep {
            let mut body = Body::enter(input).map_err(damaged)?;
            if !keep {
                body.skip_rest().map_err(damaged)?;
                continue;
            }
            let attributes = body.input.byte().map_err(damaged)?;
            let timestamp = self.times.at(long_number(body.input).map_err(damaged)?);
            let offset_delta = body.number().map_err(damaged)?;
            front.clear();
            front.push(attributes);
            put_number(&mut front, timestamp.wrapping_sub(self.base_timestamp));
            put_number(&mut front, i64::from(offset_delta));
            let rest = body.bytes_left().map_err(damaged)?;
            let mut size = Vec::with_capacity(5);
            put_number(&mut size, (front.len() + rest) as i64);
            self.out.write_all(&size)?;
            self.out.write_all(&front)?;
            body.input.copy(rest, self.out).map_err(damaged)?;
            kept.records += 1;
            kept.max_timestamp = kept.max_timestamp.max(timestamp);
        }
        Ok(kept)
    }
}
