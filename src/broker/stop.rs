//! Flush, close, and say that everything is on the disk, in that order.

use std::collections::BTreeMap;
use std::io;

use crate::broker::parts::Broker;
use crate::storage::checkpoint::{HIGH_WATERMARK, LOG_START, RECOVERY_POINT, write_offsets};
use crate::storage::datadir::leave_clean_mark;
use crate::types::TopicPartition;

/// Close everything. Called once no connection is left.
pub fn stop(broker: &Broker) -> io::Result<()> {
    let mut is_clean = true;
    for topic in broker.registry.all() {
        for partition in &topic.partitions {
            is_clean &= partition.close();
        }
    }
    let metadata = broker.metadata.close()?;
    checkpoint(broker, Some(metadata))?;
    if is_clean { leave_clean_mark(broker.disk.as_ref(), &broker.data_dir) } else { Ok(()) }
}

/// Write the directory's checkpoints.
fn checkpoint(broker: &Broker, metadata: Option<(i64, i64)>) -> io::Result<()> {
    let mut points = BTreeMap::new();
    let mut watermarks = BTreeMap::new();
    let mut starts = BTreeMap::new();
    let before = broker.checkpointed.lock().unwrap_or_else(|p| p.into_inner()).clone();
    for topic in broker.registry.all() {
        for partition in &topic.partitions {
            let id = partition.id.clone();
            let known = before.get(&id).map(|(point, start)| (*point, *point, *start));
            let Some((point, end, start)) = partition.checkpoint().or(known) else { continue };
            points.insert(id.clone(), point);
            watermarks.insert(id.clone(), end);
            if start > 0 {
                starts.insert(id, start);
            }
        }
    }
    if let Some((point, end)) = metadata {
        let id = TopicPartition::new("__cluster_metadata", 0);
        points.insert(id.clone(), point);
        watermarks.insert(id, end);
    }
    let (disk, dir) = (broker.disk.as_ref(), &broker.data_dir);
    write_offsets(disk, &dir.join(RECOVERY_POINT), &points)?;
    write_offsets(disk, &dir.join(HIGH_WATERMARK), &watermarks)?;
    write_offsets(disk, &dir.join(LOG_START), &starts)
}
