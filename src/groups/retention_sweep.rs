//! Progress of the expiry of offsets.

use std::sync::Arc;

/// Position of a pass over all groups.
#[derive(Debug)]
pub struct RetentionSweep {
    /// The next group; it may have been removed in the meantime.
    pub group: Arc<str>,
    /// The topic and partition at which to continue.
    pub from: (Arc<str>, i32),
}
