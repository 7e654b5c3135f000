//! Reads a partition's files in search of damage, while it remains in use.

use std::io;
use std::sync::Arc;

use crate::log::scrub::{CorruptFile, ScrubRange, of_directory, of_view, scrub};
use crate::topics::partition::Partition;
use crate::types::Throttler;

impl Partition {
    /// Reads all files of the log and passes findings to `found`. Does not open the log, and
    /// leaves one alone that is being recovered. Blocks for
    /// as long as `throttler` does; no lock is held meanwhile.
    ///
    /// # Errors
    /// `throttler` broke off, or the directory cannot be read.
    pub fn scrub(
        &self,
        throttler: Throttler<'_>,
        found: &mut dyn FnMut(CorruptFile),
    ) -> io::Result<()> {
        if self.is_recovering() || self.is_unused() {
            return Ok(());
        }
        let (disk, dir) = self.disk_and_dir();
        let Some(view) = self.open_view() else {
            // Once the log is opened, recovery may have changed its files.
            let is_current = |_: &ScrubRange| self.open_view().is_none();
            let stretches = of_directory(disk, dir)?;
            return scrub(disk.as_ref(), &stretches, throttler, &is_current, found);
        };
        let is_current = |stretch: &ScrubRange| {
            let segments = self.open_view().map(|now| of_view(&now)).unwrap_or_default();
            segments.iter().any(|now| Arc::ptr_eq(&now.segment, &stretch.segment))
        };
        scrub(disk.as_ref(), &of_view(&view), throttler, &is_current, found)
    }
}
