//! A sync of a log: prepared under its lock, run without it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::storage::checkpoint::{LEADER_EPOCHS, PARTITION_METADATA};
use crate::storage::disk::{Disk, OpenMode};
use crate::storage::segment::Segment;
use crate::types::Offset;

/// The files to sync so that everything below `up_to` is durable. Prepared under the log's lock,
/// run without it.
#[derive(Debug)]
pub struct Flush {
    /// One past the last record that will be durable.
    pub up_to: Offset,
    pub(crate) sealed: Vec<Arc<Segment>>,
    pub(crate) active: Option<Arc<Segment>>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) is_new: bool,
    /// True to make the directory's own name durable as well.
    pub(crate) with_own_name: bool,
}

impl Flush {
    /// Syncs the files. An error is final for the log: see [`crate::log::Log::fail`].
    pub fn run(&self) -> io::Result<()> {
        for segment in &self.sealed {
            segment.sync(true)?;
        }
        if let Some(active) = &self.active {
            active.sync(false)?;
        }
        for name in [LEADER_EPOCHS, PARTITION_METADATA].iter().filter(|_| self.is_new) {
            let path = self.dir.join(name);
            if self.disk.exists(&path) {
                self.disk.open(&path, OpenMode::Write)?.sync()?;
            }
        }
        self.disk.sync_dir(&self.dir)?;
        match self.dir.parent() {
            Some(parent) if self.with_own_name => self.disk.sync_dir(parent),
            _ => Ok(()),
        }
    }
}
