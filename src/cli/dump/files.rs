//! Files of a data directory without batches.

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::storage::snapshot;

/// The fault of a file, if it has one.
type CheckOutcome = Result<Result<(), String>, Failure>;

/// The names of text files.
const TEXTS: &[&str] = &[
    "meta.properties",
    "partition.metadata",
    "leader-epoch-checkpoint",
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
    "log-start-offset-checkpoint",
    "cleaner-offset-checkpoint",
    ".kafka_cleanshutdown",
    ".lock",
    "quorum-state",
];

/// Returns true for the name of a text file.
pub fn is_text(name: &str) -> bool {
    TEXTS.contains(&name)
}

/// Prints a text file as it is, and checks a checkpoint's count against its lines.
///
/// # Errors
/// Stdout is closed.
pub fn text(bytes: &[u8]) -> CheckOutcome {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Err("not text".to_owned())) };
    for line in text.lines() {
        screen::line(line)?;
    }
    let lines: Vec<&str> = text.lines().collect();
    if let ["0", count, entries @ ..] = lines.as_slice()
        && count.parse() != Ok(entries.len())
    {
        return Ok(Err(format!("it announces {count} entries and has {}", entries.len())));
    }
    Ok(Ok(()))
}

/// Prints offsets and positions: 4 bytes each, offsets relative to the segment's base offset.
///
/// # Errors
/// Stdout is closed.
pub fn index(bytes: &[u8], base: i64) -> CheckOutcome {
    let (entries, rest) = bytes.as_chunks::<8>();
    let mut last = -1;
    for entry in entries {
        let [a, b, c, d, e, f, g, h] = *entry;
        let (offset, position) =
            (i32::from_be_bytes([a, b, c, d]), i32::from_be_bytes([e, f, g, h]));
        // The last entry of a preallocated file is followed by zeros.
        if offset == 0 && position == 0 && last >= 0 {
            break;
        }
        if offset <= last {
            return Ok(Err(format!("the offset {} is out of order", base + i64::from(offset))));
        }
        last = offset;
        screen::line(&format!("offset: {} position: {position}", base + i64::from(offset)))?;
    }
    whole(rest)
}

/// Prints timestamps and offsets: 8 and 4 bytes.
///
/// # Errors
/// Stdout is closed.
pub fn timeindex(bytes: &[u8], base: i64) -> CheckOutcome {
    let (entries, rest) = bytes.as_chunks::<12>();
    let mut last = i64::MIN;
    for entry in entries {
        let (time, offset) = entry.split_at(8);
        let time = time.first_chunk().map_or(0, |b| i64::from_be_bytes(*b));
        let offset = offset.first_chunk().map_or(0, |b| i32::from_be_bytes(*b));
        if time == 0 && offset == 0 && last > i64::MIN {
            break;
        }
        if time < last {
            return Ok(Err(format!("the timestamp {time} is out of order")));
        }
        last = time;
        screen::line(&format!("timestamp: {time} offset: {}", base + i64::from(offset)))?;
    }
    whole(rest)
}

/// Prints aborted transactions: version, producer id, first, last and last stable offset.
///
/// # Errors
/// Stdout is closed.
pub fn txnindex(bytes: &[u8]) -> CheckOutcome {
    let (entries, rest) = bytes.as_chunks::<34>();
    for entry in entries {
        let number =
            |at: usize| entry[at..].first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        screen::line(&format!(
            "version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}",
            i16::from_be_bytes([entry[0], entry[1]]),
            number(2),
            number(10),
            number(18),
            number(26)
        ))?;
    }
    whole(rest)
}

fn whole(rest: &[u8]) -> CheckOutcome {
    match rest.len() {
        0 => Ok(Ok(())),
        n => Ok(Err(format!("the last entry is truncated: it has only {n} bytes"))),
    }
}

/// Prints the producers of a snapshot.
///
/// # Errors
/// Stdout is closed.
pub fn snapshot(bytes: &[u8]) -> CheckOutcome {
    let entries = match snapshot::decode(bytes) {
        Ok(entries) => entries,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    for e in entries {
        let first = e.txn_first_offset.map_or("None".to_owned(), |offset| offset.to_string());
        let batch = if e.last_sequence < 0 {
            String::new()
        } else {
            format!(
                " firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                e.last_sequence.wrapping_sub(e.offset_delta),
                e.last_sequence,
                e.last_offset,
                e.offset_delta,
                e.timestamp
            )
        };
        screen::line(&format!(
            "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {first} \
             lastTimestamp: {}{batch}",
            e.producer_id, e.producer_epoch, e.coordinator_epoch, e.timestamp
        ))?;
    }
    Ok(Ok(()))
}
