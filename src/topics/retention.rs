//! What leaves a partition from its front, by policy or because somebody asks for it.

use std::sync::Arc;

use crate::clock::Now;
use crate::storage::segment::Segment;
use crate::topics::error::Unavailable;
use crate::topics::partition::Partition;
use crate::types::Offset;

impl Partition {
    /// Lets the log begin behind what retention wants to go; true if segments are to be retired
    /// then. A failure takes the partition offline, but for a full disk.
    pub fn expire(&self, now: Now) -> Result<bool, Unavailable> {
        if self.is_unused() {
            return Ok(false);
        }
        Ok(self.with_log(|log| log.expire(now).map_err(|error| log.refuse(&error)))??)
    }

    /// Takes out what lies below the log start offset. Returns the segments whose files are to be
    /// removed after `file.delete.delay.ms`. Fails as [`Partition::expire`].
    pub fn retire(&self) -> Result<Vec<Arc<Segment>>, Unavailable> {
        Ok(self.with_log(|log| log.retire().map_err(|error| log.refuse(&error)))??)
    }

    /// Lets nothing below this offset be read any more; -1 stands for everything. Returns the log
    /// start offset; `None` if the offset lies behind the end.
    pub fn delete_before(&self, offset: Offset) -> Result<Option<Offset>, Unavailable> {
        self.with_log(|log| {
            let offset = if offset == -1 { log.view().end_offset } else { offset };
            log.delete_before(offset)
        })
    }
}
