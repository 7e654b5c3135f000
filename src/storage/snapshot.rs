//! The `.snapshot` file: the producer state of a partition as of an offset.
//!
//! Kafka's format, version 1 (`ProducerStateManager`): i16 version, u32 CRC-32C of everything after
//! it, i32 count, then 46 bytes per producer, which describe its newest batch only. The file's name
//! is the offset up to which, exclusive, the log is included.

use crate::types::{Offset, ProducerId};

const VERSION: i16 = 1;
const CRC_END: usize = 6;
const ENTRIES_FROM: usize = 10;
const ENTRY_BYTES: usize = 46;

/// The state of one producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerEntry {
    /// Its id.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Sequence number of the last record of its newest batch; -1 if there is no batch.
    pub last_sequence: i32,
    /// Offset of that record; -1 if there is no batch.
    pub last_offset: Offset,
    /// Number of records of that batch, minus one.
    pub offset_delta: i32,
    /// Largest timestamp of that batch, ms since 1970.
    pub timestamp: i64,
    /// Epoch of the coordinator that wrote its last marker; -1 if there is none.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction in this partition.
    pub txn_first_offset: Option<Offset>,
}

/// Why a snapshot file cannot be used. The state is then rebuilt from further back in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Its length does not match its count, or is less than the header's.
    #[error("a producer snapshot of {0} bytes is incomplete")]
    Length(usize),
    /// Unknown version.
    #[error("unknown producer snapshot version {0}")]
    Version(i16),
    /// Wrong CRC.
    #[error("the producer snapshot's CRC is wrong")]
    Crc,
}

/// Encodes a snapshot file.
pub fn encode(entries: &[ProducerEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ENTRIES_FROM + entries.len() * ENTRY_BYTES);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(entries.len() as i32).to_be_bytes());
    for e in entries {
        out.extend_from_slice(&e.producer_id.to_be_bytes());
        out.extend_from_slice(&e.producer_epoch.to_be_bytes());
        out.extend_from_slice(&e.last_sequence.to_be_bytes());
        out.extend_from_slice(&e.last_offset.to_be_bytes());
        out.extend_from_slice(&e.offset_delta.to_be_bytes());
        out.extend_from_slice(&e.timestamp.to_be_bytes());
        out.extend_from_slice(&e.coordinator_epoch.to_be_bytes());
        out.extend_from_slice(&e.txn_first_offset.unwrap_or(-1).to_be_bytes());
    }
    let crc = crc32c::crc32c(&out[CRC_END..]);
    out[2..CRC_END].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Decodes a snapshot file.
///
/// # Errors
/// The bytes are not a complete, undamaged snapshot of version 1.
pub fn decode(bytes: &[u8]) -> Result<Vec<ProducerEntry>, SnapshotError> {
    let length = SnapshotError::Length(bytes.len());
    let mut cursor = Cursor(bytes);
    let version = cursor.take().map(i16::from_be_bytes).ok_or(length)?;
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let crc = cursor.take().map(u32::from_be_bytes).ok_or(length)?;
    if crc != crc32c::crc32c(cursor.0) {
        return Err(SnapshotError::Crc);
    }
    let count = cursor.take().map(i32::from_be_bytes).ok_or(length)?;
    // The count is checked against the bytes before memory is allocated for it.
    if usize::try_from(count).ok().and_then(|n| n.checked_mul(ENTRY_BYTES)) != Some(cursor.0.len())
    {
        return Err(length);
    }
    let entries = cursor.0.chunks_exact(ENTRY_BYTES);
    entries.map(|entry| read_entry(&mut Cursor(entry)).ok_or(length)).collect()
}

fn read_entry(cursor: &mut Cursor<'_>) -> Option<ProducerEntry> {
    Some(ProducerEntry {
        producer_id: i64::from_be_bytes(cursor.take()?),
        producer_epoch: i16::from_be_bytes(cursor.take()?),
        last_sequence: i32::from_be_bytes(cursor.take()?),
        last_offset: i64::from_be_bytes(cursor.take()?),
        offset_delta: i32::from_be_bytes(cursor.take()?),
        timestamp: i64::from_be_bytes(cursor.take()?),
        coordinator_epoch: i32::from_be_bytes(cursor.take()?),
        txn_first_offset: Some(i64::from_be_bytes(cursor.take()?)).filter(|offset| *offset >= 0),
    })
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(producer_id: i64) -> ProducerEntry {
        ProducerEntry {
            producer_id,
            producer_epoch: 3,
            last_sequence: 41,
            last_offset: 1 << 40,
            offset_delta: 4,
            timestamp: 1_700_000_000_000,
            coordinator_epoch: -1,
            txn_first_offset: (producer_id % 2 == 0).then_some(5),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for count in [0, 1, 7] {
            let entries: Vec<_> = (0..count).map(entry).collect();
            let bytes = encode(&entries);
            assert_eq!(bytes.len(), 10 + 46 * entries.len());
            assert_eq!(decode(&bytes), Ok(entries));
        }
    }

    #[test]
    fn the_bytes_are_where_kafka_looks_for_them() {
        let bytes = encode(&[entry(9)]);
        assert_eq!(bytes[..2], [0, 1]);
        assert_eq!(bytes[6..10], [0, 0, 0, 1]);
        assert_eq!(bytes[10..18], 9_i64.to_be_bytes());
        assert_eq!(bytes[18..20], [0, 3]);
        assert_eq!(bytes[20..24], 41_i32.to_be_bytes());
        assert_eq!(bytes[48..56], (-1_i64).to_be_bytes());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let good = encode(&[entry(1), entry(2)]);
        for at in 0..good.len() {
            assert!(decode(&good[..at]).is_err(), "cut at {at}");
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(decode(&bad).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn a_count_that_is_not_true_is_refused_even_with_a_right_crc() {
        let mut bytes = encode(&[entry(1)]);
        bytes[6..10].copy_from_slice(&i32::MAX.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[6..]);
        bytes[2..6].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(decode(&bytes), Err(SnapshotError::Length(56)));
    }
}
