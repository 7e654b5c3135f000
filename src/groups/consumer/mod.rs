//! Consumer groups of the new protocol (KIP-848), whose partitions the coordinator assigns.

pub mod assignment;
pub mod assignors;
