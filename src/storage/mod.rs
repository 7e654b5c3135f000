//! Files: the disk, record batches, segments, indexes, checkpoints.

pub mod batch;
pub mod checkpoint;
pub mod disk;
pub mod index;
pub mod segment;
