//! Files: the disk, record batches, segments, indexes, checkpoints.

pub mod batch;
pub mod batch_builder;
pub mod checkpoint;
pub mod codec;
pub mod datadir;
pub mod descriptors;
pub mod disk;
pub mod index;
pub mod lz4_high;
pub mod packer;
pub mod record_input;
pub mod records;
pub mod segment;
pub mod sift;
pub mod sim_disk;
mod sim_state;
pub mod sim_world;
pub mod snapshot;
pub mod verify;
