//! Which parts of the broker are offline until its next start. `ottla ready` and the health check
//! of the container say so, and the log repeats it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::broker::state::Broker;
use crate::coordinator::journal;

/// What the log of groups and committed offsets is called here.
pub const GROUP_COORDINATOR: &str = "group coordinator";
/// What the log of topics and configs is called here.
pub const METADATA_LOG: &str = "metadata log";

/// How often the log repeats what is offline.
const REPEAT: Duration = Duration::from_secs(60);

/// The parts that are offline, and why.
#[derive(Debug)]
pub struct Health {
    offline: watch::Sender<BTreeMap<&'static str, String>>,
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

impl Broker {
    /// The parts that are offline, and why.
    pub fn offline(&self) -> BTreeMap<&'static str, String> {
        let mut offline = self.health.offline.borrow().clone();
        // It may not have written since its log failed.
        let log = self.registry.named(journal::TOPIC).and_then(|topic| topic.partition(0).cloned());
        if log.is_some_and(|log| log.is_offline()) {
            let why = || format!("{} is offline", journal::TOPIC);
            offline.entry(GROUP_COORDINATOR).or_insert_with(why);
        }
        if let Some(why) = self.metadata.offline() {
            offline.insert(METADATA_LOG, why);
        }
        offline
    }
}

/// Tells the log what is offline, at once and every minute, until the broker stops.
pub async fn run(broker: Weak<Broker>) {
    let subscribe = |broker: Arc<Broker>| {
        let metadata = broker.metadata.changes();
        (broker.health.offline.subscribe(), metadata, broker.stopping.subscribe())
    };
    let Some((mut parts, mut metadata, mut stopping)) = broker.upgrade().map(subscribe) else {
        return;
    };
    loop {
        let Some(offline) = broker.upgrade().map(|broker| broker.offline()) else { return };
        for (part, why) in &offline {
            tracing::error!(part, why, "offline until the next start");
        }
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            changed = parts.changed() => if changed.is_err() { return },
            changed = metadata.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(REPEAT), if !offline.is_empty() => {}
        }
    }
}
