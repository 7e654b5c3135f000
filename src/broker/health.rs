//! The parts of the broker that are offline until its next start.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// What the log of groups and committed offsets is called here.
pub const GROUP_COORDINATOR: &str = "group coordinator";
/// What the log of topics and configs is called here.
pub const METADATA_LOG: &str = "metadata log";

/// The parts that are offline, and why.
#[derive(Debug)]
pub struct Health {
    pub offline: watch::Sender<BTreeMap<&'static str, String>>,
}

impl Default for Health {
    fn default() -> Health {
        Health { offline: watch::Sender::new(BTreeMap::new()) }
    }
}

impl Health {
    /// Takes note that a part has failed. It is offline until the next start.
    pub fn mark_offline(&self, part: &'static str, why: String) {
        self.offline.send_if_modified(|offline| offline.insert(part, why.clone()).is_none());
    }
}
