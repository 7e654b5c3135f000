//! Saving the producer state of a log.

use std::io;
use std::path::Path;

use crate::log::Log;
use crate::storage::disk::{is_full, replace, replace_for_now};
use crate::storage::segment::{base_offset_of, file_name};
use crate::storage::snapshot;
use crate::types::Offset;

impl Log {
    /// Saves the producer state at the end offset. Removes older snapshots except the newest one of
    /// durable records, all after it, and the newest one before this: whatever is lost of the log
    /// or of this file, one of them is usable.
    pub(super) fn write_snapshot(&mut self) -> io::Result<()> {
        // Recovery finds again what is lost of the index after the newest snapshot.
        if self.active.segment.aborted()?.sync()? {
            self.disk.sync_dir(&self.dir)?;
        }
        let path = self.dir.join(file_name(self.end_offset, "snapshot"));
        match self.producers.is_empty() {
            true => self.write_empty_snapshot(&path)?,
            false => {
                let entries = snapshot::encode(&self.producers.to_entries());
                replace(self.disk.as_ref(), &path, &entries)?;
            }
        }
        let names = self.disk.list(&self.dir)?;
        let mut older: Vec<Offset> =
            names.iter().filter_map(|e| base_offset_of(&e.name, ".snapshot")).collect();
        older.retain(|offset| *offset < self.end_offset);
        older.sort_unstable();
        let durable = older.partition_point(|offset| *offset <= self.recovery_point);
        older.truncate(durable.saturating_sub(1));
        for offset in older {
            self.disk.remove_file(&self.dir.join(file_name(offset, "snapshot")))?;
        }
        Ok(())
    }

    /// Writes a snapshot without producers: without any, the next opening would have to read the
    /// whole log. That is the only cost of losing it, so it is not synced, and may fail for lack of
    /// space.
    fn write_empty_snapshot(&self, path: &Path) -> io::Result<()> {
        if self.end_offset == self.log_start_offset || self.disk.exists(path) {
            return Ok(());
        }
        match replace_for_now(self.disk.as_ref(), path, &snapshot::encode(&[])) {
            Err(error) if is_full(&error) => Ok(()),
            written => written,
        }
    }
}
