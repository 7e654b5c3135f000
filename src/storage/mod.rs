//! Files on disk: the disk itself, record batches, segments, indexes, checkpoints.

pub mod batch;
pub mod batch_builder;
pub mod checkpoint;
pub mod codec;
pub mod compressor;
pub mod datadir;
pub mod disk;
pub mod fd_cache;
pub mod index;
pub mod lz4_high;
pub mod record_filter;
pub mod record_input;
pub mod records;
pub mod scan_buffer;
pub mod segment;
pub mod sim_disk;
mod sim_state;
pub mod sim_world;
pub mod snapshot;
pub mod txn_index;
pub mod verify;
