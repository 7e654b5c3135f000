pub mod broker_records;
pub mod field;
pub mod partition_records;
pub mod records;
/// Topics, their configs and producer ids: one immutable value.
pub mod image;
/// Decide, append, apply, publish a new image.
pub mod store;
