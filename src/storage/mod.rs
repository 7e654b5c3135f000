//! Files: the disk, record batches, segments, indexes, checkpoints.

pub mod batch;
pub mod disk;
