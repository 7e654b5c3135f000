//! Work on many partitions by several threads: a disk that gets one sync after another spends its
//! time waiting, one that gets many at once combines them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::topics::partition::Partition;

/// The number of partitions from which on threads are used. With fewer they are not worth it, and
/// tests see a fixed order.
const MANY: usize = 64;
/// The number of threads. They wait for the disk most of the time.
const THREADS: usize = 16;

/// Calls `act` on each partition; blocks until all are done. A panic of `act` is propagated.
pub fn for_each_parallel(partitions: &[Arc<Partition>], act: impl Fn(&Arc<Partition>) + Sync) {
    if partitions.len() < MANY {
        return partitions.iter().for_each(act);
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(partition) = partitions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    act(partition);
                }
            });
        }
    });
}
