//! Files: the disk, record batches, segments, indexes, checkpoints.

pub mod batch;
pub mod batch_builder;
pub mod codec;
pub mod disk;
pub mod record_input;
pub mod records;
pub mod snapshot;
