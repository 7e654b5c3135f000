//! Flush, close, and say that everything is on the disk, in that order.

use std::io;

use crate::broker::checkpoints;
use crate::broker::parts::Broker;
use crate::storage::datadir::leave_clean_mark;

/// Close everything. Called once no connection is left.
pub fn stop(broker: &Broker) -> io::Result<()> {
    let mut is_clean = true;
    for topic in broker.registry.all() {
        for partition in &topic.partitions {
            is_clean &= partition.close();
        }
    }
    checkpoints::save_last(broker, broker.metadata.close()?)?;
    if is_clean { leave_clean_mark(broker.disk.as_ref(), &broker.data_dir) } else { Ok(()) }
}
