//! Recovery of segment swaps that a crash interrupted (Kafka's `LogLoader`).

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::storage::batch::BatchView;
use crate::storage::disk::Disk;
use crate::storage::segment::{CLEANED, LIVE, SWAP, Segment, base_offset_of};
use crate::types::Offset;

/// Completes or undoes the swaps that a crash interrupted in a directory with these file names.
/// Called before its segments are opened.
///
/// # Errors
/// An error from the disk.
pub fn finish_swaps(disk: &Arc<dyn Disk>, dir: &Path, names: &[String]) -> io::Result<()> {
    for name in names.iter().filter(|name| name.ends_with(CLEANED)) {
        disk.remove_file(&dir.join(name))?;
    }
    let bases = |suffix: &str| -> Vec<Offset> {
        names.iter().filter_map(|name| base_offset_of(name, suffix)).collect()
    };
    let (live, swaps) = (bases(".log"), bases(&format!(".log{SWAP}")));
    for base_offset in swaps {
        let swap = Segment::named(disk.clone(), dir, base_offset, SWAP);
        let log_bytes = swap.log()?.len()?;
        let mut end_offset = base_offset;
        let sound_bytes = swap.scan(0, log_bytes, true, |_, bytes| {
            let batch = BatchView::first(bytes).filter(BatchView::crc_is_right);
            let Some(batch) = batch else { return Ok(ControlFlow::Break(())) };
            end_offset = batch.header.end_offset();
            Ok(ControlFlow::Continue(()))
        })?;
        if sound_bytes < log_bytes && live.contains(&base_offset) {
            // A cleaned log is synced before it is renamed, so this file is not Ottla's work; the
            // files that it was to replace are still there.
            swap.remove()?;
            continue;
        }
        tracing::info!(log = %swap.path("log").display(), "completing an interrupted compaction");
        let replaced =
            |base: &&Offset| (base_offset..end_offset.max(base_offset + 1)).contains(*base);
        for base in live.iter().filter(replaced) {
            Segment::unopened(disk.clone(), dir, *base).remove()?;
        }
        disk.sync_dir(dir)?;
        swap.rename(LIVE)?;
    }
    for name in names.iter().filter(|name| name.ends_with(SWAP)) {
        let path = dir.join(name);
        if disk.exists(&path) {
            disk.remove_file(&path)?;
        }
    }
    disk.sync_dir(dir)
}
