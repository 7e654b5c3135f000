//! Logs are opened on first use, which takes many disk operations: opening very many at once must
//! not block the threads that serve all clients.

use std::sync::Arc;

use crate::topics::partition::Partition;

/// Opens the logs that are not open yet, on a blocking thread. A failure to open is reported on the
/// next use of the log.
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
