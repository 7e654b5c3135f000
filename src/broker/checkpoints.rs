//! The data directory's checkpoint files: recovery points, high watermarks, log start offsets.

use std::collections::BTreeMap;
use std::io;

use crate::broker::state::Broker;
use crate::metadata::store;
use crate::storage::checkpoint::{HIGH_WATERMARK, LOG_START, RECOVERY_POINT, write_offsets};
use crate::types::{Offset, TopicPartition};

/// Writes the checkpoints of a running broker. Does nothing once it stops, since the stop writes
/// them.
pub fn save_running(broker: &Broker) -> io::Result<()> {
    save(broker, |broker| (!*broker.stopping.borrow()).then(|| broker.metadata.bounds()))
}

/// Writes the checkpoints at the stop. `metadata` is the metadata log's recovery point and end
/// offset.
pub fn save_last(broker: &Broker, metadata: (Offset, Offset)) -> io::Result<()> {
    save(broker, |_| Some(metadata))
}

fn save(
    broker: &Broker,
    metadata: impl FnOnce(&Broker) -> Option<(Offset, Offset)>,
) -> io::Result<()> {
    let mut points = BTreeMap::new();
    let mut watermarks = BTreeMap::new();
    let mut starts = BTreeMap::new();
    // Held to the end: of two concurrent writers, the later one's files must remain.
    let before = broker.checkpointed.lock();
    let Some((point, end)) = metadata(broker) else { return Ok(()) };
    let id = TopicPartition::new(store::TOPIC, 0);
    points.insert(id.clone(), point);
    watermarks.insert(id, end);
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
    let (disk, dir) = (broker.disk.as_ref(), &broker.data_dir);
    write_offsets(disk, &dir.join(RECOVERY_POINT), &points)?;
    write_offsets(disk, &dir.join(HIGH_WATERMARK), &watermarks)?;
    write_offsets(disk, &dir.join(LOG_START), &starts)
}
