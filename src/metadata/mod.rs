/// Features and their levels.
pub mod features;
/// Topics, their configs and producer ids: one immutable value.
pub mod image;
pub mod live_settings;
pub mod producer_ids;
pub mod quorum;
pub mod quotas;
pub mod records;
pub mod replay;
pub mod snapshot;
/// Decide, append, apply, publish a new image.
pub mod store;
/// The levels of `metadata.version`.
pub mod version;
