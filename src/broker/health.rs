//! Components that are offline until the next start, as `broker/health_monitor.rs` reports them.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// The name here of the log of groups and committed offsets.
pub const GROUP_COORDINATOR: &str = "group coordinator";
/// The name here of the log of transactional ids.
pub const TRANSACTION_COORDINATOR: &str = "transaction coordinator";
/// The name here of the log of topics and configs.
pub const METADATA_LOG: &str = "metadata log";

/// The offline components, with the cause.
#[derive(Debug, Clone)]
pub struct Health {
    pub offline: watch::Sender<BTreeMap<&'static str, String>>,
}

impl Default for Health {
    fn default() -> Health {
        Health { offline: watch::Sender::new(BTreeMap::new()) }
    }
}

impl Health {
    /// Marks a component as offline until the next start.
    pub fn mark_offline(&self, part: &'static str, why: String) {
        self.offline.send_if_modified(|offline| offline.insert(part, why.clone()).is_none());
    }
}
