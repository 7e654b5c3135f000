//! The records of a batch as compaction sees them: by key, and to be kept or not.
//!
//! What is kept passes from codec to codec through small buffers, its bytes as they are but for
//! the timestamp's delta; nothing but the key is held whole.

use std::io::{self, Write};
use std::ops::ControlFlow;

use crate::storage::batch::{BatchView, Header};
use crate::storage::batch_builder::put_number;
use crate::storage::record_input::{MalformedRecord, RecordInput, long_number};
use crate::storage::records::{Body, MalformedRecordAt, Source, Times, ended, open};
use crate::types::Offset;

/// What compaction asks about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRecord<'a> {
    /// Where it lies in the partition.
    pub offset: Offset,
    /// Its key; null is not empty.
    pub key: Option<&'a [u8]>,
    /// False for a tombstone.
    pub has_value: bool,
}

/// Visit the records of a batch until the visitor breaks off. `key` is lent to hold one key.
///
/// # Errors
/// The first fault. Records before it have been visited.
pub fn for_each_key(
    batch: &BatchView<'_>,
    key: &mut Vec<u8>,
    visit: impl FnMut(KeyedRecord<'_>) -> ControlFlow<()>,
) -> Result<(), MalformedRecordAt> {
    match open(batch)? {
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

/// One record, only its key kept: its offset's delta, and whether it has a key and a value.
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

/// What came through the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many records.
    pub records: i32,
    /// The largest of their timestamps, ms since 1970; -1 without records.
    pub max_timestamp: i64,
}

/// Write the records whose place in `keep` says so, their times counted from `base_timestamp`.
///
/// # Errors
/// A fault in the batch, as `InvalidData`; what `out` has to say.
pub fn filter_records(
    batch: &BatchView<'_>,
    keep: &[bool],
    base_timestamp: i64,
    out: &mut dyn Write,
) -> io::Result<Kept> {
    let source = open(batch).map_err(damaged)?;
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
            let rest = body.left().map_err(damaged)?;
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
