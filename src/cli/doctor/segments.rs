//! Checks the log files of a data directory: every batch must be intact, even on a disk that loses
//! bits.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cli::doctor::{CheckResult, ill, well};
use crate::cli::screen::ProgressLine;
use crate::storage::checkpoint;
use crate::storage::datadir;
use crate::storage::disk::{Disk, OsDisk};
use crate::storage::segment::{DAMAGED, base_offset_of, file_name};
use crate::storage::verify::{DAMAGES_MAX, DamagedRange, Report, verify};
use crate::types::{Offset, TopicPartition};

/// What was read and found.
#[derive(Default)]
struct Tally {
    files: u64,
    bytes: u64,
    results: Vec<CheckResult>,
}

/// Checks every segment of each partition, or only the newest one.
pub fn partitions(dir: &Path, is_deep: bool) -> Vec<CheckResult> {
    let of_partitions = match of_partitions(dir) {
        Ok(of_partitions) => of_partitions,
        Err(why) => return vec![ill("partitions", why)],
    };
    // A running broker may be in the middle of a write.
    let is_running = datadir::is_locked(dir);
    let points = checkpoint::read_offsets(&OsDisk, &dir.join(checkpoint::RECOVERY_POINT));
    let points = points.unwrap_or_default();
    let mut progress = ProgressLine::alone("partitions checked:", Some(of_partitions.len() as u64));
    let mut tally = Tally::default();
    for (at, (id, dir)) in of_partitions.iter().enumerate() {
        let recovery_point = points.get(id).copied().unwrap_or(0);
        let tail = match is_running {
            true => Tail::MayBeWritten,
            false => Tail::IsCutFrom(recovery_point),
        };
        tally.partition(id, dir, is_deep, tail);
        progress.at(at as u64, tally.bytes as i64 / 1_000_000);
    }
    progress.end();
    if tally.results.iter().all(|finding| finding.is_well) {
        let which = if is_deep { "all segments" } else { "the newest segment of each" };
        let says = format!(
            "{} partitions, {which} valid ({} files, {} bytes)",
            of_partitions.len(),
            tally.files,
            tally.bytes
        );
        tally.results.push(well("partitions", says));
    }
    tally.results
}

/// Returns the directories of partitions, in order.
///
/// # Errors
/// The data directory cannot be listed.
pub fn of_partitions(dir: &Path) -> Result<Vec<(TopicPartition, PathBuf)>, String> {
    let entries = OsDisk.list(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let found = entries.into_iter().filter(|entry| entry.is_dir);
    let dirs = found.map(|entry| dir.join(entry.name));
    let mut found: Vec<_> =
        dirs.filter_map(|dir| Some((TopicPartition::of_dir(&dir)?, dir))).collect();
    found.sort();
    Ok(found)
}

/// What an incomplete batch at the end of the newest segment means.
#[derive(Clone, Copy)]
enum Tail {
    /// The broker is writing it.
    MayBeWritten,
    /// The next start truncates it; below this offset there should be none.
    IsCutFrom(Offset),
}

impl Tally {
    fn partition(&mut self, id: &TopicPartition, dir: &Path, is_deep: bool, tail: Tail) {
        let entries = match OsDisk.list(dir) {
            Ok(entries) => entries,
            // The topic was deleted meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.ill(id, dir, &error.to_string()),
        };
        for kept in entries.iter().filter(|entry| entry.name.ends_with(DAMAGED)) {
            let says =
                "data that a start has cut off from a damaged log; inspect it, then remove it";
            self.ill(id, &dir.join(&kept.name), says);
        }
        let mut bases: Vec<Offset> =
            entries.iter().filter_map(|e| base_offset_of(&e.name, ".log")).collect();
        bases.sort_unstable();
        let from = if is_deep { 0 } else { bases.len().saturating_sub(1) };
        for (at, base_offset) in bases.iter().enumerate().skip(from) {
            let is_newest = at + 1 == bases.len();
            self.segment(id, dir, *base_offset, is_newest.then_some(tail));
        }
    }

    /// Checks one segment. `tail` says what the end of the newest segment may be.
    fn segment(&mut self, id: &TopicPartition, dir: &Path, base: Offset, tail: Option<Tail>) {
        let path = dir.join(file_name(base, "log"));
        let mut read = verified(&path, base);
        if let Ok((_, first)) = &mut read
            && !first.damages.is_empty()
        {
            // Compaction by a running broker may have replaced the file in between.
            let again = verified(&path, base).map(|(_, report)| report.damages);
            first.damages.retain(|damage| again.as_ref().is_ok_and(|all| all.contains(damage)));
        }
        let (bytes, report) = match read {
            Ok(read) => read,
            // Retention or compaction has deleted it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.ill(id, &path, &error.to_string()),
        };
        self.files += 1;
        self.bytes += bytes;
        for damage in &report.damages {
            match tail.filter(|_| damage.may_be_torn) {
                Some(Tail::MayBeWritten) => {}
                Some(Tail::IsCutFrom(offset)) if damage.offset >= offset => {
                    let says = format!(
                        "{} bytes after position {} are not a complete batch; the next start cuts \
                         them off",
                        damage.bytes, damage.position
                    );
                    self.ill(id, &path, &says);
                }
                _ => self.ill(id, &path, &describe(damage)),
            }
        }
        if report.damages.len() == DAMAGES_MAX {
            self.ill(id, &path, "there may be more damage: the rest of the file was not read");
        }
    }

    fn ill(&mut self, id: &TopicPartition, path: &Path, says: &str) {
        let at = format!("topic {}, partition {}: {}", id.topic, id.partition, path.display());
        self.results.push(ill("partitions", format!("{at}: {says}")));
    }
}

/// Returns how long a file is, and the report on its batches.
fn verified(path: &Path, base_offset: Offset) -> io::Result<(u64, Report)> {
    let bytes = OsDisk.len(path)?;
    let report = verify(&OsDisk, path, base_offset, bytes, &mut |_| ControlFlow::Continue(()))?;
    Ok((bytes, report))
}

fn describe(damage: &DamagedRange) -> String {
    let DamagedRange { position, bytes, offset, next_offset, .. } = damage;
    let next = match next_offset {
        Some(next) => format!("the next valid batch begins at offset {next}"),
        None => "no valid batch follows".to_owned(),
    };
    format!("position {position}, offset {offset}: {bytes} bytes are not a valid batch; {next}")
}
