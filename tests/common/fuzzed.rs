//! What is fed with hostile bytes: by `tests/sim/fuzz.rs` with damaged seeds, and by `fuzz/` with
//! whatever reaches code that no input has reached before.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ottla::clock::Now;
use ottla::config::resolve::TopicConfig;
use ottla::log::Log;
use ottla::log::admit::{AdmitRules, admit, only_batch};
use ottla::log::recovery::RecoveryCheckpoint;
use ottla::storage::disk::{Disk, OpenMode};
use ottla::storage::records::records;
use ottla::storage::sim_disk::SimDisk;

use crate::batches::seal;

/// When everything happens, ms since 1970.
const NOW: i64 = 1_700_000_000_000;
/// How long an answer may take before the broker is taken to hang. Nothing is measured with it.
pub const HANGS: Duration = Duration::from_secs(60);

/// Sends bytes to a broker over a connection of their own, which is closed for writing behind them, so
/// that the broker owes an answer or an end at once. Returns all that comes back.
pub fn request(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the broker accepts");
    stream.set_read_timeout(Some(HANGS)).expect("a timeout");
    // The broker may close in the middle of what it does not understand.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            panic!("no answer and no end after {HANGS:?}")
        }
        _ => answer,
    }
}

/// Admits bytes as a Produce request brings them, as they are and with a CRC that is right. The records
/// of what is admitted can be read.
pub fn admission(bytes: &[u8]) {
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    for bytes in [bytes, sealed.as_slice()] {
        for produce_version in [3, 7, 13] {
            let rules = AdmitRules::of(&TopicConfig::default());
            let admitted = only_batch(bytes, produce_version).and_then(|b| admit(b, &rules, NOW));
            let Ok(admitted) = admitted else { continue };
            let read: Result<Vec<_>, _> =
                records(&admitted.batch).expect("a known codec").collect();
            let count = read.expect("whole records").len();
            assert_eq!(count as i32, admitted.batch.header.records_count);
        }
    }
}

/// Recovers a partition with these bytes as its only segment, after a crash. What is left is sound, and
/// the next start finds the same.
pub fn recovery(bytes: &[u8]) {
    let (disk, dir) = (SimDisk::new(1), Path::new("/data/t-0"));
    for made in [Path::new("/data"), dir] {
        disk.create_dir(made).expect("a directory");
    }
    let segment = dir.join("00000000000000000000.log");
    let file = disk.open(&segment, OpenMode::Create).expect("a segment");
    file.write_at(bytes, &[], 0).expect("written");
    drop(file);
    let first = recovered(&disk, dir);
    assert_eq!(recovered(&disk, dir), first, "the next start finds something else");
}

/// Base offset and bytes of every batch of a partition that is opened after a crash.
fn recovered(disk: &SimDisk, dir: &Path) -> Vec<(i64, Vec<u8>)> {
    let config = TopicConfig::default();
    let known = RecoveryCheckpoint {
        clean: false,
        recovery_point: 0,
        log_start_offset: 0,
        index_interval_bytes: config.index_interval_bytes,
        producers_max: config.producers_max,
    };
    let now = Now { mono_ms: 0, wall_ms: NOW };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let log = Log::open(disk, dir, Arc::new(config), known, now).expect("a log is always opened");
    let mut found = Vec::new();
    let mut next = 0;
    let read = log.view().for_each_batch(|batch| {
        assert!(batch.crc_is_right());
        assert!(batch.header.base_offset >= next, "offsets ascend");
        next = batch.header.end_offset();
        found.push((batch.header.base_offset, batch.bytes.to_vec()));
        Ok(())
    });
    read.expect("what is left can be read");
    found
}
