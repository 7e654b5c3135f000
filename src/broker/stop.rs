//! Clean shutdown: flush, close, then write the clean shutdown file, in that order.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::broker::parallel;
use crate::broker::state::Broker;
use crate::storage::datadir::write_clean_shutdown_file;

/// Closes all logs. Must be called when no connection is left.
pub fn stop(broker: &Broker) -> io::Result<()> {
    // What a panic left half done, the next start must recover.
    let is_clean = AtomicBool::new(broker.tasks.failure().is_none());
    parallel::for_each_parallel(&broker.topics.partitions(), |partition| {
        if !partition.close() {
            is_clean.store(false, Ordering::Release);
        }
    });
    broker.topics.save_last_checkpoints(broker.metadata.close()?)?;
    if is_clean.into_inner() {
        write_clean_shutdown_file(broker.disk.as_ref(), &broker.data_dir)
    } else {
        Ok(())
    }
}
