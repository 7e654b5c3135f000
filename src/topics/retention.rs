//! Removal of a partition's oldest records, by policy or on request.

use std::sync::Arc;

use crate::clock::Now;
use crate::storage::segment::Segment;
use crate::topics::error::Unavailable;
use crate::topics::partition::Partition;
use crate::types::Offset;

impl Partition {
    /// Moves the log start past the segments that are due; returns true if there are segments to
    /// retire. A failure takes the partition offline, unless the disk is full.
    pub fn expire(&self, now: Now) -> Result<bool, Unavailable> {
        if self.is_unused() {
            return Ok(false);
        }
        Ok(self.with_log(|log| log.expire(now).map_err(|error| log.refuse(&error)))??)
    }

    /// Takes out the segments below the log start offset. Returns them; their files are to be
    /// removed after `file.delete.delay.ms`. Fails like [`Partition::expire`].
    pub fn retire(&self) -> Result<Vec<Arc<Segment>>, Unavailable> {
        Ok(self.with_log(|log| log.retire().map_err(|error| log.refuse(&error)))??)
    }

    /// Advances the log start offset to `offset` (-1: to the end). Returns the new log start
    /// offset, or `None` if `offset` is past the end.
    pub fn delete_before(&self, offset: Offset) -> Result<Option<Offset>, Unavailable> {
        self.with_log(|log| {
            let offset = if offset == -1 { log.view().end_offset } else { offset };
            log.delete_before(offset)
        })
    }
}
