//! The same done to many partitions, on several threads: a disk that is asked for one sync after
//! another spends its time waiting, and one that is asked for many at once does them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::topics::partition::Partition;

/// From so many on. With fewer, threads are not worth it, and tests see a fixed order.
const MANY: usize = 64;
/// How many threads. Most of them wait for the disk most of the time.
const THREADS: usize = 16;

/// Do it to all of them; it blocks until that is done. A panic of `act` is passed on.
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
