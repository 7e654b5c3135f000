//! Reads a log's files and finds what the disk has damaged since they were written.
//!
//! For an open log it reads the files in its view up to the published lengths; for a log that is
//! not open, everything in its directory. The log remains in use meanwhile: damage in a file that
//! compaction or retention has removed in the meantime is not reported.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::log::view::View;
use crate::storage::disk::Disk;
use crate::storage::segment::{Segment, base_offset_of};
use crate::storage::verify::{DamagedRange, verify};
use crate::types::Throttler;

/// A log file and how much of it to read.
#[derive(Debug, Clone)]
pub struct ScrubRange {
    /// The segment.
    pub segment: Arc<Segment>,
    /// Length of the whole batches in its log file, in bytes.
    pub log_bytes: u64,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Corruption {
    /// A part of it is not a sound batch.
    Damaged(DamagedRange),
    /// The disk cannot read it.
    Unreadable(io::Error),
}

/// A corrupt file.
#[derive(Debug)]
pub struct CorruptFile {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Corruption,
}

/// Returns the files to read of an open log.
pub fn of_view(view: &View) -> Vec<ScrubRange> {
    let spans = view.sealed.iter().chain([&view.active]);
    spans.map(|s| ScrubRange { segment: s.segment.clone(), log_bytes: s.log_bytes }).collect()
}

/// Returns the files to read of a log that is not open.
///
/// # Errors
/// The directory cannot be read.
pub fn of_directory(disk: &Arc<dyn Disk>, dir: &Path) -> io::Result<Vec<ScrubRange>> {
    let names = disk.list(dir)?.into_iter().map(|entry| entry.name);
    let mut stretches = Vec::new();
    for base_offset in names.filter_map(|name| base_offset_of(&name, ".log")) {
        let segment = Arc::new(Segment::unopened(disk.clone(), dir, base_offset));
        let log_bytes = disk.len(&segment.path("log"))?;
        stretches.push(ScrubRange { segment, log_bytes });
    }
    stretches.sort_unstable_by_key(|stretch| stretch.segment.base_offset);
    Ok(stretches)
}

/// Reads these files, and passes each finding to `found` if `is_current` then confirms that the
/// file still belongs to the log.
///
/// # Errors
/// `throttler` broke off ([`io::ErrorKind::Interrupted`]).
pub fn scrub(
    disk: &dyn Disk,
    stretches: &[ScrubRange],
    throttler: Throttler<'_>,
    is_current: &dyn Fn(&ScrubRange) -> bool,
    found: &mut dyn FnMut(CorruptFile),
) -> io::Result<()> {
    for stretch in stretches.iter().filter(|stretch| stretch.log_bytes > 0) {
        let file = stretch.segment.path("log");
        let base_offset = stretch.segment.base_offset;
        let faults = match verify(disk, &file, base_offset, stretch.log_bytes, throttler) {
            Ok(report) => report.damages.into_iter().map(Corruption::Damaged).collect(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => vec![Corruption::Unreadable(error)],
        };
        if !faults.is_empty() && is_current(stretch) {
            faults.into_iter().for_each(|fault| found(CorruptFile { file: file.clone(), fault }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::disk::OpenMode;
    use crate::storage::segment::file_name;
    use crate::storage::sim_disk::SimDisk;

    const DIR: &str = "/t-0";

    /// Creates two segments of ten batches with one record each.
    fn world() -> (SimDisk, Arc<dyn Disk>, Vec<ScrubRange>) {
        let disk = SimDisk::new(1);
        disk.create_dir(Path::new(DIR)).unwrap();
        for base in [0, 10] {
            let log = disk.open(&log(base), OpenMode::Create).unwrap();
            let mut end = 0;
            for offset in base..base + 10 {
                let mut builder = BatchBuilder::new(offset, 0);
                builder.push(None, Some(b"value"), &[], 0);
                let bytes = builder.finish();
                log.write_at(&bytes, &[], end).unwrap();
                end += bytes.len() as u64;
            }
        }
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let stretches = of_directory(&shared, Path::new(DIR)).unwrap();
        (disk, shared, stretches)
    }

    fn log(base: i64) -> PathBuf {
        Path::new(DIR).join(file_name(base, "log"))
    }

    fn found(disk: &dyn Disk, stretches: &[ScrubRange], is_current: bool) -> Vec<CorruptFile> {
        let mut findings = Vec::new();
        let mut throttler = |_| ControlFlow::Continue(());
        scrub(disk, stretches, &mut throttler, &|_| is_current, &mut |f| findings.push(f)).unwrap();
        findings
    }

    #[test]
    fn bits_that_rot_are_found_in_every_segment() {
        let (sim, disk, stretches) = world();
        assert!(found(disk.as_ref(), &stretches, true).is_empty());
        sim.flip_bit(&log(0), 65, 3);
        sim.flip_bit(&log(10), 65, 3);
        let findings = found(disk.as_ref(), &stretches, true);
        let offsets = findings.iter().map(|finding| match &finding.fault {
            Corruption::Damaged(damage) => {
                (finding.file.clone(), damage.offset, damage.next_offset)
            }
            Corruption::Unreadable(error) => panic!("{error}"),
        });
        let expected = [(log(0), 0, Some(1)), (log(10), 10, Some(11))];
        assert_eq!(offsets.collect::<Vec<_>>(), expected);
        assert!(found(disk.as_ref(), &stretches, false).is_empty(), "the files have gone since");
    }

    #[test]
    fn only_what_is_published_is_read() {
        let (sim, disk, mut stretches) = world();
        let end = stretches[1].log_bytes;
        // An append in progress.
        let file = sim.open(&log(10), OpenMode::Write).unwrap();
        file.write_at(b"half a batch", &[], end).unwrap();
        assert!(found(disk.as_ref(), &stretches, true).is_empty());
        stretches[1].log_bytes = end + 12;
        assert_eq!(found(disk.as_ref(), &stretches, true).len(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_finding_and_the_others_are_read() {
        let (sim, disk, stretches) = world();
        sim.flip_bit(&log(10), 65, 3);
        sim.fail_reads("00000000000000000000.log");
        let findings = found(disk.as_ref(), &stretches, true);
        assert!(matches!(findings[0].fault, Corruption::Unreadable(_)), "{findings:?}");
        assert!(matches!(findings[1].fault, Corruption::Damaged(_)) && findings.len() == 2);
    }

    #[test]
    fn it_can_be_broken_off() {
        let (_, disk, stretches) = world();
        let mut throttler = |_| ControlFlow::Break(());
        let broken = scrub(disk.as_ref(), &stretches, &mut throttler, &|_| true, &mut |_| {});
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
