//! Logs are opened when they are first wanted, which asks the disk for much: very many at once
//! must not hold up the threads that serve all clients.

use std::sync::Arc;

use crate::topics::partition::Partition;

/// Opens those of these logs that are not open yet, on a blocking thread. One that cannot be opened
/// says so to whoever wants something of it.
pub async fn open_all(partitions: impl Iterator<Item = &Arc<Partition>>) {
    let closed: Vec<Arc<Partition>> = partitions.filter(|one| !one.is_open()).cloned().collect();
    if closed.is_empty() {
        return;
    }
    let opening = tokio::task::spawn_blocking(move || {
        for partition in closed {
            let _ = partition.open();
        }
    });
    // A panic leaves its partition offline.
    let _ = opening.await;
}
